"""What is measured: a task, told in JSON, becomes a function that a worker calls again and again.

Both libraries run the same lines, for their names are the same: `lib` is `tensorgrad` or `torch`, `nn` its `nn`. Only
PyTorch has memory formats; tensorgrad lays its arrays out as it likes.
"""

from __future__ import annotations

import gc
import importlib
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from . import layers
from .models import MODELS
from .scalar_ops import GRAPHS

Run = Callable[[], Any]
Task = dict[str, Any]


class Prepared:
    """A task ready to run; `final` gives a number that must be finite when all runs are done."""

    def __init__(self, run: Run, final: Callable[[], float] = lambda: 0.0) -> None:
        self.run, self.final = run, final


def prepare(library: str, task: Task) -> Prepared:
    lib = importlib.import_module(library)
    if task["kind"] not in MAKERS:
        raise ValueError(f"no kind of task is called {task['kind']!r}, only {', '.join(MAKERS)}")
    maker: Callable[..., Prepared] = MAKERS[task["kind"]]
    return maker(lib, **{key: value for key, value in task.items() if key != "kind"})


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def _formatted(lib: Any, value: Any, memory_format: str) -> Any:
    """A model or a batch of images in one of PyTorch's memory formats."""
    if memory_format == "channels_last":
        if isinstance(value, lib.Tensor):
            return value.contiguous(memory_format=lib.channels_last) if value.ndim == 4 else value
        return value.to(memory_format=lib.channels_last)
    return value


def _model(lib: Any, name: str, memory_format: str) -> tuple[Any, Any, Any]:
    lib.manual_seed(0)
    described = MODELS[name]
    model = _formatted(lib, described.build(lib.nn), memory_format)
    x = _formatted(lib, lib.from_numpy(random(*described.input)), memory_format)
    labels = np.random.default_rng(1).integers(0, described.classes, described.input[0])
    return model, x, lib.from_numpy(labels)


def step(lib: Any, model: str, memory_format: str = "") -> Prepared:
    """A step of training: zero_grad, forward, loss, backward, step of the optimiser."""
    net, x, y = _model(lib, model, memory_format)
    optim: Any = importlib.import_module("torch.optim") if lib.__name__ == "torch" else lib.nn.optim
    optimiser = optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    cross_entropy = lib.nn.functional.cross_entropy

    def run() -> Any:
        optimiser.zero_grad()
        loss = cross_entropy(net(x), y)
        loss.backward()
        optimiser.step()
        return loss

    return Prepared(run, lambda: run().item())


def inference(lib: Any, model: str, memory_format: str = "") -> Prepared:
    net, x, _ = _model(lib, model, memory_format)
    net.eval()

    def run() -> Any:
        with lib.no_grad():
            return net(x)

    return Prepared(run, lambda: float(run().sum().item()))


def scalars(lib: Any, graph: str) -> Prepared:
    """2,000 scalar operations forward and backward, and their freeing."""
    x, w, b = (lib.tensor(value, requires_grad=True) for value in (0.5, 0.999, 0.001))
    build = GRAPHS[graph]

    def run() -> None:
        x.grad = w.grad = b.grad = None
        build(x, w, b).backward()

    return Prepared(run, lambda: x.grad.item())


def chain_of(lib: Any, nodes: int) -> Any:
    """A chain of scalar operations that is not yet freed."""
    x, w, b = (lib.tensor(value, requires_grad=True) for value in (0.5, 0.999, 0.001))
    y = x
    for _ in range(nodes // 2):
        y = y * w
        y = y + b
    return y


def graph(lib: Any, nodes: int, collector: bool = True) -> Prepared:
    """A chain of so many nodes, forward, backward and freeing; on request without Python's garbage collector."""

    def run() -> None:
        if not collector:
            gc.disable()
        try:
            chain_of(lib, nodes).backward()
        finally:
            gc.enable()

    return Prepared(run)


def layer(lib: Any, layer: str, backward: bool, memory_format: str = "") -> Prepared:
    """One layer, forward under no_grad, or forward and backward from a given gradient of its output.

    Between layers, activations and gradients lie in memory as the library's own layers leave them. So the input of any
    layer but a first, and the gradient, are made by a 1x1 convolution.
    """
    lib.manual_seed(0)
    described = layers.BY_TITLE[layer]
    module = layers.build(described, lib.nn)
    if hasattr(module, "parameters"):
        module = _formatted(lib, module, memory_format)
    parameters = list(module.parameters()) if hasattr(module, "parameters") else []

    def settled(shape: tuple[int, ...]) -> Any:
        if len(shape) != 4 or (shape == described.input and described.is_first):
            return _formatted(lib, lib.from_numpy(random(*shape)), memory_format)
        images = _formatted(lib, lib.from_numpy(random(shape[0], 4, *shape[2:])), memory_format)
        with lib.no_grad():
            return lib.conv2d(images, lib.from_numpy(random(shape[1], 4, 1, 1, seed=1))).detach()

    x = settled(described.input)
    if described.kind == "cross_entropy":
        labels = lib.from_numpy(np.random.default_rng(1).integers(0, described.input[1], described.input[0]))
        forward: Run = partial(module, x, labels)
    else:
        forward = partial(module, x)
    if not backward:

        def run() -> Any:
            with lib.no_grad():
                return forward()

        return Prepared(run, lambda: float(run().sum().item()))

    gradient = settled(tuple(forward().shape))
    x.requires_grad_(not described.is_first)

    def run_both() -> None:
        x.grad = None
        for parameter in parameters:
            parameter.grad = None
        forward().backward(gradient)

    return Prepared(run_both)


CONV_INPUT, CONV_WEIGHT, CONV_OUTPUT = (32, 16, 30, 30), (16, 16, 3, 3), (32, 16, 28, 28)


def conv_alone(lib: Any) -> Prepared:
    """A 3x3 convolution without padding, forward and both gradients, as tensorgrad, PyTorch, MyGrad or autograd has it.

    What autograd has is a true convolution, which turns the filters round: the work is the same.
    """
    x, w, g = random(*CONV_INPUT), random(*CONV_WEIGHT, seed=1), random(*CONV_OUTPUT, seed=2)
    if lib.__name__ == "autograd":
        convolve = importlib.import_module("autograd.scipy.signal").convolve

        def forward(pair: tuple[np.ndarray, np.ndarray]) -> Any:
            return convolve(*pair, axes=([2, 3], [2, 3]), dot_axes=([1], [1]), mode="valid")

        return Prepared(lambda: lib.make_vjp(forward)((x, w))[0](g))
    if lib.__name__ == "mygrad":
        conv_nd = importlib.import_module("mygrad.nnet.layers").conv_nd
        image, filters = lib.tensor(x), lib.tensor(w)
        return Prepared(lambda: conv_nd(image, filters, stride=1, padding=0).backward(g))
    image, filters, gradient = lib.from_numpy(x), lib.from_numpy(w), lib.from_numpy(g)
    image.requires_grad_()
    filters.requires_grad_()

    def run() -> None:
        image.grad = filters.grad = None
        lib.conv2d(image, filters).backward(gradient)

    return Prepared(run)


MAKERS: dict[str, Callable[..., Prepared]] = {
    "step": step,
    "inference": inference,
    "scalars": scalars,
    "graph": graph,
    "layer": layer,
    "conv": conv_alone,
}


def must_be_finite(prepared: Prepared, task: Task) -> None:
    """Numbers that overflow or vanish take another time than usual ones: a measurement of them means nothing."""
    value = prepared.final()
    if not math.isfinite(value):
        raise RuntimeError(f"{task}: ended at {value}")
