"""A table of a model's modules: what comes out of each, and how many parameters it has."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

import tensorgrad as tg

from .module import Module


class Row(NamedTuple):
    """One module: its dotted name ("" for the model), its class, the shape of its output, its own parameters."""

    name: str
    kind: str
    output_shape: tuple[Any, ...] | None  # of the first call; a tuple of shapes for several outputs, None if not called
    parameters: int


class Summary(NamedTuple):
    """The rows in order, and totals, where shared parameters count once; printed as a table."""

    rows: list[Row]
    total_parameters: int
    trainable_parameters: int

    def __repr__(self) -> str:
        cells = [("module", "class", "output", "parameters")]
        for row in self.rows:
            depth = row.name.count(".") + 1 if row.name else 0
            name = "  " * max(depth - 1, 0) + (row.name.rpartition(".")[2] or "(model)")
            shape = "not called" if row.output_shape is None else str(row.output_shape)
            cells.append((name, row.kind, shape, f"{row.parameters:,}" if row.parameters else "-"))
        widths = [max(len(cell[column]) for cell in cells) for column in range(4)]
        lines = [
            f"{name:<{widths[0]}}  {kind:<{widths[1]}}  {shape:<{widths[2]}}  {count:>{widths[3]}}"
            for name, kind, shape, count in cells
        ]
        rule = "-" * len(lines[0])
        frozen = self.total_parameters - self.trainable_parameters
        total = f"{self.total_parameters:,} parameters" + (f", {frozen:,} of them frozen" if frozen else "")
        return "\n".join([lines[0], rule, *lines[1:], rule, total])


def summary(model: Module, input_size: Sequence[Any], dtype: Any = None) -> Summary:
    """Run the model once on zeros of shape `input_size`, batch included, and tell what came out of each module.

    `print(nn.summary(net, (1, 1, 28, 28)))`. For several inputs, give a list of shapes. The input has `dtype`, or the
    first parameter's. The run is in evaluation mode and unrecorded; modes, buffers, hooks, attributes and the default
    random generator are left as they were, and the model's own hooks are not called.
    """
    several = len(input_size) > 0 and not isinstance(input_size[0], int | np.integer)
    sizes = [tuple(size) for size in input_size] if several else [tuple(input_size)]
    if dtype is None:
        dtype = next((parameter.dtype for parameter in model.parameters()), np.float32)
    shapes: dict[int, Any] = {}

    def note(module: Module, args: tuple[Any, ...], output: Any) -> None:
        shapes.setdefault(id(module), _shape(output))

    with _left_as_it_was(model):
        for module in model.modules():
            vars(module).update(training=False, _forward_pre_hooks={}, _forward_hooks={0: note})
        with tg.no_grad():
            model(*[tg.zeros(size, dtype=dtype) for size in sizes])
    rows = [
        Row(
            name,
            type(module).__name__,
            shapes.get(id(module)),
            sum(p.numel() for p in module.parameters(recurse=False)),
        )
        for name, module in model.named_modules()
    ]
    counts = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    return Summary(rows, sum(n for n, _ in counts), sum(n for n, trainable in counts if trainable))


@contextlib.contextmanager
def _left_as_it_was(model: Module) -> Iterator[None]:
    """Afterwards, the modules' attributes, the values of their buffers and the random generators are as before."""
    modules = list(model.modules())
    attributes = [dict(vars(module)) for module in modules]
    buffers = [(buffer, buffer.data.copy()) for buffer in model.buffers()]
    generators = [tg.default_generator()]
    generators += [value for held in attributes for value in held.values() if isinstance(value, np.random.Generator)]
    states = [generator.bit_generator.state for generator in generators]
    try:
        yield
    finally:
        for module, held in zip(modules, attributes, strict=True):
            vars(module).clear()
            vars(module).update(held)
        for buffer, values in buffers:
            if not np.array_equal(buffer.data, values, equal_nan=True):
                with tg.no_grad():
                    buffer.copy_(values)
        for generator, state in zip(generators, states, strict=True):
            generator.bit_generator.state = state


def _shape(output: Any) -> Any:
    if isinstance(output, tg.Tensor):
        return output.shape
    if isinstance(output, tuple | list):
        return tuple(_shape(item) for item in output)
    return None
