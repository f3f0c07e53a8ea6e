"""A table of a model's modules: what comes out of each, its parameters and its work."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

import tensorgrad as tg

from .conv import Conv1d, Conv2d, Conv3d
from .conv_transpose import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from .linear import Bilinear, Linear
from .module import Module
from .restore import left_as_it_was
from .text import notation, word


class Row(NamedTuple):
    """One module: its dotted name ("" for the model), its class, the shape of its output, its own parameters."""

    name: str
    kind: str
    output_shape: tuple[Any, ...] | None  # of the first call; a tuple of shapes for several outputs, None if not called
    parameters: int
    multiply_adds: int  # of a convolution or dense layer, in all its calls; biases are not counted
    notation: str  # the layer as `nn.cnn` writes it, "" if it has no notation


class Summary(NamedTuple):
    """The rows in order, and totals, where shared parameters count once; printed as a table."""

    rows: list[Row]
    total_parameters: int
    trainable_parameters: int
    multiply_adds: int
    notation: str  # the whole model in the notation of `nn.cnn`, "" if it has none

    def __repr__(self) -> str:
        cells = [("module", "class", "notation", "output", "parameters", "multiply-adds")]
        for row in self.rows:
            depth = row.name.count(".") + 1 if row.name else 0
            name = "  " * max(depth - 1, 0) + (row.name.rpartition(".")[2] or "(model)")
            shape = "not called" if row.output_shape is None else str(row.output_shape)
            numbers = [f"{n:,}" if n else "-" for n in (row.parameters, row.multiply_adds)]
            cells.append((name, row.kind, row.notation, shape, numbers[0], numbers[1]))
        widths = [max(len(cell[column]) for cell in cells) for column in range(6)]
        lines = []
        for cell in cells:
            columns = [
                text.rjust(n) if i > 3 else text.ljust(n) for i, (text, n) in enumerate(zip(cell, widths, strict=True))
            ]
            lines.append("  ".join(columns))
        rule = "-" * len(lines[0])
        frozen = self.total_parameters - self.trainable_parameters
        total = f"{self.total_parameters:,} parameters" + (f", {frozen:,} of them frozen" if frozen else "")
        total += f"; {self.multiply_adds:,} multiply-adds"
        return "\n".join([lines[0], rule, *lines[1:], rule, total, *([self.notation] if self.notation else [])])


def summary(model: Module, input_size: Sequence[Any], dtype: Any = None) -> Summary:
    """Run the model once on zeros of shape `input_size`, batch included, and tell what came out of each module.

    `print(nn.summary(net, (1, 1, 28, 28)))`. For several inputs, give a list of shapes. The input has `dtype`, or the
    first parameter's. Convolutions and dense layers tell the shape of their output without computing it, so that large
    models, and models made under `nn.meta()`, are counted fast. The run is in evaluation mode and unrecorded; modes,
    buffers, hooks, attributes and the default random generator are left as they were, and the model's own hooks are not
    called.
    """
    several = len(input_size) > 0 and not isinstance(input_size[0], int | np.integer)
    sizes = [tuple(size) for size in input_size] if several else [tuple(input_size)]
    if dtype is None:
        dtype = next((parameter.dtype for parameter in model.parameters()), np.float32)
    shapes: dict[int, Any] = {}
    work: dict[int, int] = {}

    def note(module: Module, args: tuple[Any, ...], output: Any) -> None:
        shapes.setdefault(id(module), _shape(output))
        work[id(module)] = work.get(id(module), 0) + _multiply_adds(module, args, output)

    with left_as_it_was(model):
        for module in model.modules():
            vars(module).update(training=False, _forward_pre_hooks={}, _forward_hooks={-1: note})
            if module.sample_axes and "forward" not in vars(module) and _is_ours(type(module).forward):
                vars(module)["forward"] = _shape_only(module, module.forward)
        with tg.no_grad():
            model(*[tg.zeros(size, dtype=dtype) for size in sizes])
    rows = [
        Row(
            name,
            type(module).__name__,
            shapes.get(id(module)),
            sum(p.numel() for p in module.parameters(recurse=False)),
            work.get(id(module), 0),
            word(module),
        )
        for name, module in model.named_modules()
    ]
    counts = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    try:
        whole = notation(model)
    except tg.ShapeError:
        whole = ""
    trainable = sum(n for n, requires_grad in counts if requires_grad)
    return Summary(rows, sum(n for n, _ in counts), trainable, sum(work.values()), whole)


def _is_ours(function: Any) -> bool:
    """Whether a forward is that of one of these layers, and not of a subclass that somebody else wrote."""
    return str(function.__module__).split(".")[0] == __name__.split(".")[0]


def _shape_only(layer: Module, forward: Callable[..., Any]) -> Callable[..., Any]:
    """A forward that runs on an empty batch, which takes no time, and gives zeros of the shape that comes out."""

    def run(input: Any, *args: Any, **kwargs: Any) -> Any:
        batch = input.shape[: input.ndim - layer.sample_axes]
        if input.ndim < layer.sample_axes or (len(batch) > 1 and layer.sample_axes > 1):
            return forward(input, *args, **kwargs)  # which says what is wrong
        try:
            output = forward(tg.zeros(0, *input.shape[len(batch) :], dtype=input.dtype), *args, **kwargs)
        except tg.TensorgradError:
            return forward(input, *args, **kwargs)  # again, for an error with the shapes that were given
        return tg.zeros((*batch, *output.shape[1:]), dtype=output.dtype)

    return run


def _multiply_adds(module: Module, args: tuple[Any, ...], output: Any) -> int:
    """Each output of a dense layer or convolution sums its inputs; a transposed one spreads each input."""
    if isinstance(module, Linear):
        return output.numel() * module.in_features
    if isinstance(module, Bilinear):
        return output.numel() * module.in1_features * module.in2_features
    if isinstance(module, Conv1d | Conv2d | Conv3d):
        return output.numel() * math.prod(module.weight.shape[1:])
    if isinstance(module, ConvTranspose1d | ConvTranspose2d | ConvTranspose3d):
        return args[0].numel() * math.prod(module.weight.shape[1:])
    return 0


def _shape(output: Any) -> Any:
    if isinstance(output, tg.Tensor):
        return output.shape
    if isinstance(output, tuple | list):
        return tuple(_shape(item) for item in output)
    return None
