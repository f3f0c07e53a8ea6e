"""Tensors put together by NumPy's habits: as rows, columns or layers, with the axes that they lack added first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .check import are_tensors
from .shape import cat, joined, reshape, tensors_of
from .spread import unlisted

if TYPE_CHECKING:
    from ..tensor import Tensor


def hstack(tensors: Sequence[Any]) -> Tensor:
    """Side by side, along the second axis; tensors of one axis or none, one behind the other."""
    parts = [_with_axes(x, 1) for x in tensors_of("hstack", tensors)]
    return joined("hstack", parts, 0 if parts[0].ndim == 1 else 1)


def vstack(tensors: Sequence[Any]) -> Tensor:
    """One below the other, along the first axis; a tensor of one axis is a row."""
    return joined("vstack", [_with_axes(x, 2) for x in tensors_of("vstack", tensors)], 0)


def dstack(tensors: Sequence[Any]) -> Tensor:
    """One behind the other along the third axis; an image of two axes is a layer."""
    return joined("dstack", [_with_axes(x, 3) for x in tensors_of("dstack", tensors)], 2)


def column_stack(tensors: Sequence[Any]) -> Tensor:
    """Side by side, along the second axis; a tensor of one axis is a column."""
    given = tensors_of("column_stack", tensors)
    parts = [x if x.ndim > 1 else reshape(x, (*x.shape, 1) if x.ndim else (1, 1)) for x in given]
    return joined("column_stack", parts, 1)


concat = concatenate = cat
row_stack = vstack


def atleast_1d(*tensors: Any) -> Any:
    """A tensor of no axes with one, others as they are; of several, or of a list, a tuple."""
    return _each_with_axes("atleast_1d", tensors, 1)


def atleast_2d(*tensors: Any) -> Any:
    """A tensor of less than two axes as a row, others as they are; of several, or of a list, a tuple."""
    return _each_with_axes("atleast_2d", tensors, 2)


def atleast_3d(*tensors: Any) -> Any:
    """Shape (n,) to (1, n, 1), (m, n) to (m, n, 1), others as they are; of several, or of a list, a tuple."""
    return _each_with_axes("atleast_3d", tensors, 3)


def _each_with_axes(name: str, tensors: tuple[Any, ...], count: int) -> Any:
    given = unlisted(tensors)
    are_tensors(name, **{f"tensor {number}": tensor for number, tensor in enumerate(given)})
    results = tuple([_with_axes(x, count) for x in given])
    return results[0] if given is tensors and len(results) == 1 else results


def _with_axes(x: Any, count: int) -> Any:
    """With axes of size 1 before the others and, as the third, behind them."""
    if x.ndim >= count:
        return x
    rows = (1,) * (min(count, 2) - x.ndim) + tuple(x.shape)
    return reshape(x, (*rows, 1) if count == 3 else rows)
