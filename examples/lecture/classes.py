"""From maps to classes: flatten, softmax, one-hot labels, cross-entropy."""

import numpy as np

import tensorgrad as tg
from tensorgrad import nn

from .show import Pictures, beside, heading


def main(pictures: Pictures) -> None:
    heading("Flatten")
    maps = tg.arange(1, 10).reshape(1, 1, 3, 3)
    beside(maps[0, 0].numpy(), "->", nn.Flatten()(maps).numpy())
    stack = tg.cat([maps, 10 * maps], dim=1)
    print("\nOf a stack, the second map stands behind the first:\n")
    beside(nn.Flatten()(stack).numpy())

    heading("Softmax and cross-entropy")
    scores = tg.tensor([[2.0, 1.0, 0.1]], requires_grad=True)
    shares = tg.softmax(scores, dim=1)
    label = tg.tensor([0])
    loss = nn.functional.cross_entropy(scores, label)
    loss.backward()
    one_hot = nn.functional.one_hot(label, 3)
    print("Softmax makes shares of 1 of the scores; the loss is -log of the share of the right class, here the first.")
    print("Its gradient is softmax - one-hot: a step against it moves the right score up, the others down.\n")
    for name, values in (
        ("scores", scores.detach()),
        ("softmax", shares.detach()),
        ("one-hot label", one_hot),
        ("gradient", scores.grad),
    ):
        print(f"    {name:15}" + "".join(f"{value:9.4f}" for value in values[0].tolist()))
    print(f"\n    loss           {loss.item():9.4f} = -log({shares[0, 0].item():.4f})")
    guess = nn.functional.cross_entropy(tg.zeros(1, 10), tg.tensor([3])).item()
    print(f"\nWho guesses among ten classes loses log(10) = {np.log(10):.4f}; equal scores give {guess:.4f}.")
