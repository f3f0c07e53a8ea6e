"""Draw the pictures in docs/: four graphs, from a CNN to the gradient of a gradient.

Run with `python -m examples.pictures`; a folder may follow. The same bytes come out every time, on one machine.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

import nn
import tensorgrad as tg
from nn.data import load_mnist5k


def lenet() -> tg.viz.GraphView:
    """One pass of LeNet-5, before any training, over four digits, and back."""
    tg.manual_seed(0)
    data = load_mnist5k()
    images = data.x_train[:4, None].astype(np.float32) / 255
    return nn.models.lenet5().draw(images, data.y_train[:4])


def resnet18() -> tg.viz.GraphView:
    """One pass of ResNet-18 over an image of noise, and back."""
    tg.manual_seed(0)
    image = np.random.default_rng(0).standard_normal((1, 3, 224, 224), dtype=np.float32)
    return nn.models.resnet18().draw(image, np.array([207]))


def shared_weight() -> tg.viz.GraphView:
    """One layer applied three times: its weight gets the sum of three gradients."""
    tg.manual_seed(0)
    net = nn.Sequential({"fc": nn.Linear(3, 3)})
    x = tg.tensor([[1.0, -1.0, 0.5]])
    with tg.viz.record() as run:
        h = x
        for _ in range(3):
            h = tg.tanh(net(h))
        loss = tg.square(h).mean()
        loss.backward()
    view = run.graph(loss, model=net, inputs={"x": x})
    return replace(view, title="One layer, applied three times")


def second_order() -> tg.viz.GraphView:
    """The slope of y = x**3, and back through it: the gradient of the slope's square."""
    x = tg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    ones = tg.ones(3)
    with tg.viz.record() as run:
        (slope,) = tg.grad(x**3, x, ones, create_graph=True)
        penalty = tg.square(slope).sum()
        penalty.backward()
    view = run.graph({"penalty": penalty}, inputs={"x": x, "dy/dy": ones, "slope": slope})
    return replace(view, title="The gradient of a gradient: y = x**3, slope = dy/dx, penalty = sum of slope**2")


PICTURES: dict[str, tuple[Callable[[], tg.viz.GraphView], dict[str, object]]] = {
    "lenet": (lenet, {}),
    "resnet18": (resnet18, {"collapse": "auto", "expand": "layer2.0"}),
    "shared_weight": (shared_weight, {}),
    "second_order": (second_order, {}),
}


def main(folder: str = str(Path(__file__).parents[1] / "docs")) -> None:
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, (build, options) in PICTURES.items():
        path = Path(folder) / f"{name}.svg"
        build().save(path, **options)
        print(f"{path}   {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(*sys.argv[1:])
