"""Why deep networks took ReLU and shortcuts: how large the gradient still is when it reaches the first layers."""

from collections.abc import Callable

import numpy as np

import tensorgrad as tg
from tensorgrad import nn

from .show import Pictures, heading

DEPTH, WIDTH = 20, 32
ACTIVATIONS: dict[str, Callable[[tg.Tensor], tg.Tensor]] = {"sigmoid": tg.sigmoid, "tanh": tg.tanh, "ReLU": tg.relu}


class Deep(nn.Module):
    """Layers of equal width; with shortcuts, each adds to what it was given."""

    def __init__(self, activation: Callable[[tg.Tensor], tg.Tensor], shortcuts: bool, biases: float) -> None:
        super().__init__()
        self.activation, self.shortcuts = activation, shortcuts
        self.layers = nn.ModuleList([nn.Linear(WIDTH, WIDTH) for _ in range(DEPTH)])
        self.last = nn.Linear(WIDTH, 1)
        for layer in self.layers:
            nn.init.kaiming_normal_(layer.weight)  # keeps the size of values on their way through ReLU
            nn.init.normal_(layer.bias, 0, biases)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        """(N, WIDTH) to (N, 1)."""
        for layer in self.layers:
            y = self.activation(layer(x))
            x = x + y if self.shortcuts else y
        return self.last(x)


def gradient_sizes(activation: str, shortcuts: bool = False, biases: float = 0.0) -> list[float]:
    """The root mean square of the gradient that arrives at each layer, which is that of its biases."""
    tg.manual_seed(0)  # the same weights and inputs for all
    net = Deep(ACTIVATIONS[activation], shortcuts, biases)
    net(tg.randn(64, WIDTH)).mean().backward()
    return [float(np.sqrt((layer.bias.grad.numpy() ** 2).mean())) for layer in net.layers]


def main(pictures: Pictures) -> None:
    heading("Slopes")
    print("The gradient is multiplied by the slope of each activation that it passes.\n")
    print("        x   " + "".join(f"{name:>10}" for name in ACTIVATIONS))
    for value in (0.5, 2.0, 5.0, 10.0):
        slopes = []
        for activation in ACTIVATIONS.values():
            x = tg.tensor(value, dtype=tg.float64, requires_grad=True)
            activation(x).backward()
            slopes.append(x.grad.item())
        print(f"    {value:5}   " + "".join(f"{slope:10.2g}" for slope in slopes))

    heading("Gradients that vanish")
    found = {
        "sigmoid": gradient_sizes("sigmoid"),
        "tanh": gradient_sizes("tanh"),
        "ReLU": gradient_sizes("ReLU"),
        "sigmoid, shortcuts": gradient_sizes("sigmoid", shortcuts=True),
    }
    large = {name: gradient_sizes(name, biases=4.0) for name in ACTIVATIONS}
    shown = (1, 5, 10, 15, 20)
    print(f"The size of the gradient that arrives at each of {DEPTH} layers of {WIDTH} units, before any training:\n")
    print("    layer               " + "".join(f"{layer:>10}" for layer in shown) + "     first/last")
    for name, sizes in found.items():
        print(f"    {name:20}" + "".join(f"{sizes[n - 1]:10.1e}" for n in shown) + f"{sizes[0] / sizes[-1]:15.1e}")
    print("\nWith large values inside (biases of size 4), where sigmoid and tanh are flat:\n")
    for name, sizes in large.items():
        print(f"    {name:20}" + "".join(f"{sizes[n - 1]:10.1e}" for n in shown) + f"{sizes[0] / sizes[-1]:15.1e}")
    print(
        "\nSigmoid loses the gradient always, tanh where values are large, ReLU hardly. With shortcuts it reaches the"
    )
    print("first layer even past sigmoids.")
    layers = range(1, DEPTH + 1)
    pictures.curves(
        "gradients.png",
        {
            "small values inside": {name: (layers, sizes) for name, sizes in found.items()},
            "large values inside": {name: (layers, sizes) for name, sizes in large.items()},
        },
        xlabel="layer, counted from the input",
        ylabel="gradient size (root mean square)",
        yscale="log",
        xticks=range(0, DEPTH + 1, 5),
    )
