"""Small graphs of every kind, captured, for the golden texts. Run as a program it prints a digest of all of them."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator

import numpy as np

import tensorgrad as tg
from tensorgrad import viz

LENET = [("features.0", "Conv2d", (6, 1, 5, 5)), ("features.3", "Conv2d", (16, 6, 5, 5))]
LENET += [
    ("classifier.1", "Linear", (120, 400)),
    ("classifier.3", "Linear", (84, 120)),
    ("classifier.5", "Linear", (10, 84)),
]


def values(*shape: int, scale: float = 1.0) -> np.ndarray:
    """Irregular numbers that are the same everywhere: no two equal, so no maximum is a tie."""
    n = np.arange(np.prod(shape, dtype=int), dtype=np.float64)
    return (np.sin(n * 1.7 + 0.3) * np.cos(n * 0.31) * scale).reshape(shape).astype(np.float32)


def leaf(value: object) -> tg.Tensor:
    return tg.tensor(value, requires_grad=True)


class Model:
    """All that a picture asks of a model: names of parameters and of modules."""

    def __init__(self, parameters: dict[str, tg.Tensor], modules: dict[str, str] | None = None) -> None:
        self.parameters = parameters
        self.modules = {path: type(name, (), {})() for path, name in (modules or {}).items()}

    def named_parameters(self) -> Iterator[tuple[str, tg.Tensor]]:
        yield from self.parameters.items()

    def named_modules(self) -> Iterator[tuple[str, object]]:
        yield "", self
        yield from self.modules.items()


class LeNet(Model):
    """LeNet-5 of plain operations, recorded as nn.Module records it."""

    def __init__(self) -> None:
        parameters, modules = {}, {"features": "Sequential", "classifier": "Sequential", "classifier.0": "Flatten"}
        modules |= {f"features.{i}": "ReLU" for i in (1, 4)} | {f"features.{i}": "MaxPool2d" for i in (2, 5)}
        modules |= {f"classifier.{i}": "ReLU" for i in (2, 4)}
        for path, kind, shape in LENET:
            modules[path] = kind
            parameters[f"{path}.weight"] = leaf(values(*shape, scale=(3 / np.prod(shape[1:])) ** 0.5))
            parameters[f"{path}.bias"] = leaf(values(shape[0], scale=0.1))
        super().__init__(parameters, modules)

    def __call__(self, x: tg.Tensor) -> tg.Tensor:
        for i in range(6):
            with tg.named_scope(f"features.{i}"):
                if i % 3 == 0:
                    x = tg.conv2d(x, *self.of(f"features.{i}"), padding=2 if i == 0 else 0)
                else:
                    x = tg.relu(x) if i % 3 == 1 else tg.max_pool2d(x, 2)
        with tg.named_scope("classifier.0"):
            x = tg.flatten(x, 1)
        for i in range(1, 6):
            with tg.named_scope(f"classifier.{i}"):
                x = tg.linear(x, *self.of(f"classifier.{i}")) if i % 2 else tg.relu(x)
        return x

    def of(self, path: str) -> tuple[tg.Tensor, tg.Tensor]:
        return self.parameters[f"{path}.weight"], self.parameters[f"{path}.bias"]


def lenet(walk: bool = False) -> viz.GraphView:
    net, x, y = LeNet(), tg.tensor(values(4, 1, 28, 28)), tg.tensor([3, 1, 4, 1])
    # Winograd's algorithm, which "auto" takes here, makes some zeros tiny numbers: which, depends on BLAS's kernels.
    with tg.conv_algorithm("im2col"), viz.record() as run:
        loss = tg.cross_entropy(net(x), y)
        if walk:
            loss.backward()
    inputs = {"images": x, "labels": y}
    return run.graph(loss, model=net, inputs=inputs) if walk else viz.graph(loss, model=net, inputs=inputs)


def scalar() -> viz.GraphView:
    x, y = leaf(3.0), leaf(4.0)
    return viz.graph(x * y + x, inputs={"x": x, "y": y})


def scalar_after() -> viz.GraphView:
    x, y = leaf(3.0), leaf(4.0)
    with viz.record() as run:
        z = x * y + x
        z.backward()
    return run.graph({"z": z}, inputs={"x": x, "y": y})


def twice() -> viz.GraphView:
    a = leaf([1.0, 2.0])
    return viz.graph(a + a, inputs={"a": a})


def shared_weight() -> viz.GraphView:
    weight = leaf(values(3, 3))
    model = Model({"fc.weight": weight}, {"fc": "Linear"})
    with viz.record() as run:
        h = tg.ones(2, 3)
        for _ in range(3):
            with tg.named_scope("fc"):
                h = tg.linear(h, weight)
            h = tg.tanh(h)
        loss = h.sum()
        loss.backward()
    return run.graph(loss, model=model)


def detached() -> viz.GraphView:
    x = leaf([1.0, 2.0])
    with viz.record() as run:
        y = x * 2
        loss = (y * y.detach()).sum()
    return run.graph(loss, inputs={"x": x})


def several_outputs() -> viz.GraphView:
    x = leaf([[1.0, 5.0, 2.0], [4.0, 0.0, 3.0]])
    largest, _ = tg.max(x, 1)
    loss = largest.sum()
    loss.backward()
    return viz.graph(loss, inputs={"x": x, "largest": largest})


def second_order() -> viz.GraphView:
    x = leaf([1.0, 2.0, 3.0])
    (g,) = tg.grad((x * x * x).sum(), x, create_graph=True)
    return viz.graph((g * g).sum(), inputs={"x": x})


def two_losses() -> viz.GraphView:
    x = leaf([1.0, 2.0])
    h = tg.tanh(x)
    return viz.graph([h.sum(), (h * 3 + 1).mean()], inputs={"x": x, "h": h})


def assignment() -> viz.GraphView:
    x, v = leaf([1.0, 2.0, 3.0]), leaf(7.0)
    y = x * 1
    y[1:] = v
    return viz.graph(y.sum(), inputs={"x": x, "v": v})


def frozen() -> viz.GraphView:
    weight, bias = tg.tensor(values(2, 3)), leaf(values(2))
    with tg.named_scope("fc"):
        y = tg.linear(tg.ones(4, 3), weight, bias)
    return viz.graph(y.sum(), model=Model({"fc.weight": weight, "fc.bias": bias}))


def without_graph() -> viz.GraphView:
    with tg.no_grad():
        return viz.graph(leaf(2.0) * 3)


GRAPHS: dict[str, Callable[[], viz.GraphView]] = {
    "assignment": assignment,
    "detached": detached,
    "frozen": frozen,
    "lenet": lenet,
    "lenet_after": lambda: lenet(walk=True),
    "scalar": scalar,
    "scalar_after": scalar_after,
    "second_order": second_order,
    "several_outputs": several_outputs,
    "shared_weight": shared_weight,
    "twice": twice,
    "two_losses": two_losses,
    "without_graph": without_graph,
}


def dot_text(name: str) -> str:
    """The golden text: without line numbers of this file, which mean nothing."""
    return re.sub(r"graphs\.py:\d+", "graphs.py", GRAPHS[name]().to_dot())


def json_text(name: str) -> str:
    """The golden JSON: numbers to four digits and lengths of pictures, since libraries round differently."""

    def steady(value: object, key: str = "") -> object:
        if isinstance(value, dict):
            return {key: steady(part, key) for key, part in value.items()}
        if isinstance(value, list):
            return [steady(part) for part in value]
        if isinstance(value, float):
            return float(f"{value:.4g}")
        if isinstance(value, str) and key == "data":
            return f"{len(value)} characters"
        return re.sub(r"graphs\.py:\d+", "graphs.py", value) if isinstance(value, str) else value

    return json.dumps(steady(json.loads(GRAPHS[name]().to_json())), indent=1, sort_keys=True) + "\n"


OPTIONS: dict[str, dict[str, object]] = {
    "module": {"view": "module", "color": "gradient"},
    "tensor": {"view": "tensor", "color": "value", "theme": "dark"},
    "auto": {"collapse": "auto", "color": "memory", "theme": "print", "direction": "LR", "backward": True},
}


if __name__ == "__main__":
    digest = hashlib.sha256()
    for name, build in GRAPHS.items():
        view = build()
        digest.update(name.encode() + view.to_dot().encode() + view.to_json().encode() + view.to_text().encode())
        digest.update(view.to_svg().encode())
        for options in OPTIONS.values():
            digest.update(view.to_dot(**options).encode() + view.to_svg(**options).encode())
    print(digest.hexdigest())
