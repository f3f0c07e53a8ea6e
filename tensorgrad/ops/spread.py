"""Tensors brought to a larger shape without a copy: the places they are repeated to share memory."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DTypeError, ShapeError
from ..primitive import broadcast_to
from .check import are_tensors
from .shape import flatten, reshape, stack, tensors_of, unpack

if TYPE_CHECKING:
    from ..tensor import Tensor


def expand(input: Any, size: Any, *more: int) -> Tensor:
    """Repeated along new or size-1 axes to the shape `size`; -1 leaves an axis as it is."""
    are_tensors("expand", input=input)
    given, shape = unpack("expand", (size, *more)), tuple(input.shape)
    lead = len(given) - len(shape)
    whole = (*given[: max(lead, 0)], *(n if m == -1 else m for n, m in zip(shape, given[max(lead, 0) :], strict=False)))
    if lead < 0 or any(m < 0 for m in whole) or any(n not in (1, m) for n, m in zip(shape, whole[lead:], strict=True)):
        raise ShapeError(f"expand: shape {shape} does not expand to {given}")
    return broadcast_to(input, shape=whole)


def expand_as(input: Any, other: Any) -> Tensor:
    """Repeated along new or size-1 axes to the shape of `other`."""
    are_tensors("expand_as", input=input, other=other)
    shape, whole = tuple(input.shape), tuple(other.shape)
    lead = len(whole) - len(shape)
    if lead < 0 or any(n not in (1, m) for n, m in zip(shape, whole[lead:], strict=True)):
        raise ShapeError(f"expand_as: shape {shape} does not expand to the other's shape {whole}")
    return broadcast_to(input, shape=whole)


def broadcast_shapes(*shapes: int | Sequence[int]) -> tuple[int, ...]:
    """The shape that arrays of these shapes broadcast to; an int is a shape of one axis."""
    listed = []
    for number, shape in enumerate(shapes):
        try:
            sizes = tuple(operator.index(n) for n in (shape if isinstance(shape, (tuple, list)) else (shape,)))
        except TypeError:
            raise DTypeError(f"broadcast_shapes: shape {number} is not made of ints: {shape!r}") from None
        if any(n < 0 for n in sizes):
            raise ShapeError(f"broadcast_shapes: shape {number} has a negative size: {sizes}")
        listed.append(sizes)
    return _common("broadcast_shapes", listed)


def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """The tensors, each broadcast to the shape that they have in common."""
    if not tensors:
        return ()
    whole = _common("broadcast_tensors", [tuple(x.shape) for x in tensors_of("broadcast_tensors", tensors)])
    return tuple([broadcast_to(x, shape=whole) for x in tensors])


def _common(name: str, shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        raise ShapeError(f"{name}: the shapes do not broadcast: {', '.join(map(str, shapes))}") from None


def meshgrid(*tensors: Any, indexing: str | None = None) -> tuple[Tensor, ...]:
    """For axes given by their values, the grid of their places: tensor i holds the value of axis i at each place.

    Each of the tensors, given one by one or in a list, has one axis, or none for one value. `indexing="ij"`, the
    default, gives the axes in their order; "xy" the first two exchanged, as rows y and columns x of an image.
    """
    values = tensors_of("meshgrid", unlisted(tensors))
    for number, x in enumerate(values):
        if x.ndim > 1:
            raise ShapeError(f"meshgrid: tensor {number} must have one axis at most, it has shape {tuple(x.shape)}")
    if indexing not in (None, "ij", "xy"):
        raise ShapeError(f"meshgrid: indexing must be 'ij' or 'xy', got {indexing!r}")
    axes = list(range(len(values)))
    if indexing == "xy" and len(axes) > 1:
        axes[:2] = 1, 0  # where along the grid the values of each tensor lie
    sizes = [math.prod(x.shape) for x in values]
    whole = tuple(sizes[i] for i in axes)  # exchanging two axes is its own inverse
    shapes = [tuple(whole[i] if i == axis else 1 for i in range(len(axes))) for axis in axes]
    return tuple([broadcast_to(reshape(x, shape), shape=whole) for x, shape in zip(values, shapes, strict=True)])


def cartesian_prod(*tensors: Any) -> Tensor:
    """All tuples of a value from each of the tensors, which have one axis: (n, m) values as n*m rows, m changing first.

    Of a single tensor it is the tensor itself.
    """
    values = tensors_of("cartesian_prod", tensors)
    for number, x in enumerate(values):
        if x.ndim != 1:
            raise ShapeError(f"cartesian_prod: tensor {number} must have one axis, it has shape {tuple(x.shape)}")
    if len(values) == 1:
        return values[0]
    return stack([flatten(grid) for grid in meshgrid(*values)], 1)


def unlisted(tensors: tuple[Any, ...]) -> tuple[Any, ...]:
    """The tensors of f(x, y) or f([x, y]), which mean the same."""
    return tuple(tensors[0]) if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)) else tensors
