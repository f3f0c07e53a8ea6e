"""A small study of hyper-parameters: one definition of the network, one thing changed at a time."""

import numpy as np

import tensorgrad as tg
from tensorgrad import nn

from .show import Pictures, heading
from .training import train

SEEDS = (0, 1, 2)
LEARNING_RATES = (1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 1.0)
DEPTHS = (1, 2, 4, 8, 16)


def accuracies(
    size: str = "3x3", depth: int = 8, options: str = "", layers: int = 2, lr: float = 3e-3, batch_size: int = 64
) -> list[float]:
    """Test accuracy after three epochs, for each seed."""
    text = f"[{size}, {depth}{options}] x{layers} pool fc 10"
    found = []
    for seed in SEEDS:
        tg.manual_seed(seed)
        found.append(train(nn.cnn(text, in_shape=(1, 8, 8)), lr, batch_size, epochs=3)[-1]["test_accuracy"])
    return found


def line(name: str, found: list[float]) -> None:
    print(f"    {name:20} {np.mean(found):6.1%}   ({min(found):.1%} to {max(found):.1%})")


def spread(found: dict[float, list[float]]) -> dict[str, tuple[list[float], list[float]]]:
    """Three curves of percents."""
    return {
        name: (list(found), [100 * of(accuracies) for accuracies in found.values()])
        for name, of in (("highest", max), ("mean", np.mean), ("lowest", min))
    }


def main(pictures: Pictures) -> None:
    heading("Hyper-parameters")
    base = accuracies()
    print("[3x3, 8] x2 pool fc 10, Adam at 0.003, batches of 64, three epochs on the 8x8 digits.")
    print(f"Test accuracy: mean, and lowest to highest, of {len(SEEDS)} seeds.\n")
    line("as it stands", base)
    for name, found in (
        ("one layer", accuracies(layers=1)),
        ("three layers", accuracies(layers=3)),
        ("1x1 kernels", accuracies(size="1x1")),
        ("5x5 kernels", accuracies(size="5x5")),
        ("stride 2", accuracies(options=", stride 2")),
        ("padding 0", accuracies(options=", padding 0")),
        ("batches of 16", accuracies(batch_size=16)),
        ("batches of 512", accuracies(batch_size=512)),
    ):
        line(name, found)
    rates = {lr: base if lr == 3e-3 else accuracies(lr=lr) for lr in LEARNING_RATES}
    print()
    for lr, found in rates.items():
        line(f"learning rate {lr:g}", found)
    depths = {depth: base if depth == 8 else accuracies(depth=depth) for depth in DEPTHS}
    print()
    for depth, found in depths.items():
        line(f"{depth} filter{'s' * (depth > 1)}", found)
    pictures.curves(
        "study.png",
        {"learning rate": spread(rates), "filters in each layer": spread(depths)},
        xscale="log",
        ylabel="test accuracy in %",
        ylim=(0, 100),
    )
