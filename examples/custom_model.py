"""A residual block in ten lines of one's own: trained for a few epochs on 8x8 digits, and its graph drawn.

Run it with `python -m examples.custom_model [graph.svg]`.
"""

import sys
from pathlib import Path

import numpy as np

import tensorgrad as tg
from nn.data import DataLoader, load_digits8x8
from nn.train import accuracy, predict
from tensorgrad import nn


class Residual(nn.Module):
    """relu(x + f(x)): the convolutions learn what to change, and the gradient always has a way around them."""

    def __init__(self, channels: int, generator: np.random.Generator) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, generator=generator)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, generator=generator)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        """Images in, images of the same shape out."""
        return tg.relu(x + self.conv2(tg.relu(self.conv1(x))))


def main(picture: str = "runs/custom_model.svg") -> None:
    init, order = np.random.default_rng(0).spawn(2)
    data = load_digits8x8()
    x_train, x_test = (images[:, None].astype(np.float32) / 16 for images in (data.x_train, data.x_test))

    net = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1, generator=init),
        Residual(16, init),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(16 * 4 * 4, 10, generator=init),
    )
    optimizer = nn.optim.Adam(net.parameters(), lr=3e-3)
    loader = DataLoader(x_train, data.y_train, batch_size=64, shuffle=True, generator=order)
    for epoch in range(1, 6):
        losses = []
        for x, y in loader:
            loss = nn.functional.cross_entropy(net(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        print(f"epoch {epoch}   mean loss {np.mean(losses):.3f}")
    print(f"test accuracy {accuracy(predict(net, x_test), data.y_test):.1%}, of {len(x_test)} digits")

    view = tg.viz.graph(loss, model=net, inputs={"x": x, "y": y})  # of the last step
    Path(picture).parent.mkdir(parents=True, exist_ok=True)
    try:
        view.save(picture)
        print(f"graph drawn to {picture}")
    except tg.viz.DrawingError as error:
        print(f"graph not drawn: {error}")


if __name__ == "__main__":
    main(*sys.argv[1:])
