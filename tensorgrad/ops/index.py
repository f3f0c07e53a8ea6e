"""Whole slices along an axis, and single values, read and written by number. `indexing` has `x[...]` itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DTypeError, ShapeError
from ..kernels import scatter as kernel
from ..node import Array, TensorBase
from ..primitive import astype, broadcast_to, primitive
from .check import are_tensors, normalize_dim
from .elementwise import mul
from .indexing import _gather, _put, _setitem, fitting, plain_index, plain_value
from .scatter import in_range, integers, same_dtypes
from .shape import reshape

if TYPE_CHECKING:
    from ..tensor import Tensor


def index_select(input: Any, dim: int, index: Any) -> Tensor:
    """The slices of `input` along `dim` that `index`, integers of one axis or none, names, in its order.

    The result has as many axes as `input`. Raises LabelError for a number below 0 or too large.
    """
    axis, index = _slices("index_select", input, dim, index)
    if not input.ndim:
        if math.prod(index.shape) != 1:
            raise ShapeError(f"index_select: of an input of no axes one value is taken, index has {tuple(index.shape)}")
        return reshape(_index_select(reshape(input, (1,)), index, dim=0), ())
    return _index_select(input, index, dim=axis)


@primitive
def _index_select(x: Array, index: Array, *, dim: int) -> Array:
    return kernel.read_slices(x, index, dim)


@primitive
def slices_along(gy: Array, index: Array, *, dim: int, size: int) -> Array:
    """Zeros of `size` along `dim` with the slices of gy added where `index` says: the adjoint of index_select."""
    result = kernel.zeros((*gy.shape[:dim], size, *gy.shape[dim + 1 :]), gy.dtype)
    kernel.add_slices(result, index, dim, gy)
    return result


_index_select.defvjps(lambda g, index, x_shape, dim: slices_along(g, index, dim=dim, size=x_shape[dim]), None)
slices_along.defvjps(lambda g, index, dim: _index_select(g, index, dim=dim), None)


def index_add(input: Any, dim: int, index: Any, source: Any, *, alpha: float = 1) -> Tensor:
    """A copy of `input` with alpha times slice n of `source` added to slice index[n], along `dim`.

    `index` has one axis and may name a slice more than once; what comes to it is summed in float64 and rounded once,
    integers exactly. `source` has the shape of `input` but along `dim`, where it is as long as `index`.
    """
    axis, index, source = checked_slices("index_add", input, dim, index, source)
    source = scaled("index_add", source, alpha)
    if not input.ndim:
        return reshape(_index_add(reshape(input, (1,)), index, source, dim=0), ())
    return _index_add(input, index, source, dim=axis)


def scaled(name: str, source: Any, alpha: Any) -> Any:
    """alpha * source, in source's dtype."""
    if (isinstance(alpha, bool) and source.dtype.kind != "b") or not isinstance(alpha, (int, float)):
        raise DTypeError(f"{name}: alpha must be a number, got {alpha!r}")
    if source.dtype.kind != "f" and not isinstance(alpha, int):
        raise DTypeError(f"{name}: alpha {alpha!r} must be an integer for a source of dtype {source.dtype}")
    return source if alpha == 1 else mul(source, alpha)


@primitive
def _index_add(x: Array, index: Array, source: Array, *, dim: int) -> Array:
    result = kernel.copy_in_order(x)
    kernel.add_slices(result, index, dim, source)
    return result


_index_add.defvjps(lambda g: g, None, lambda g, index, dim: _index_select(g, index, dim=dim))


def index_copy(input: Any, dim: int, index: Any, source: Any) -> Tensor:
    """A copy of `input` in which slice n of `source` stands as slice index[n], along `dim`.

    Where a slice is named more than once, the last one stays, and it alone gets the gradient.
    """
    place, source = place_of_copy("index_copy", input, dim, index, source)
    return _setitem(input, source, index=place)


def place_of_copy(name: str, input: Any, dim: int, index: Any, source: Any) -> tuple[Any, Any]:
    """The index of the places that `index_copy` assigns to, and what it assigns."""
    axis, index, source = checked_slices(name, input, dim, index, source)
    if not input.ndim:
        return (), reshape(source, ())
    return _along(axis, index), source


def index_fill(input: Any, dim: int, index: Any, value: Any) -> Tensor:
    """A copy of `input` in which the slices along `dim` that `index` names hold `value`, a number or 0-d tensor.

    `index` has one axis; its negative numbers count from the end. The value takes the input's dtype.
    """
    place, value = place_of_fill("index_fill", input, dim, index, value)
    return _setitem(input, value, index=place)


def place_of_fill(name: str, input: Any, dim: int, index: Any, value: Any) -> tuple[Any, Any]:
    """The index of the places that `index_fill` assigns to, and the value."""
    axis, index = _slices(name, input, dim, index, negative=True)
    return _along(axis, index) if input.ndim else (), one_value(name, input, value)


def one_value(name: str, input: Any, value: Any) -> Any:
    """A number or a 0-d tensor to fill places of `input` with, in its dtype."""
    if isinstance(value, (bool, int, float)):
        return np.asarray(value).astype(input.dtype).item()
    are_tensors(name, value=value)
    value = plain_value(name, value)
    if value.ndim:
        raise ShapeError(f"{name}: value must be a number or have no axes, got shape {tuple(value.shape)}")
    return value if value.dtype == input.dtype else astype(value, dtype=input.dtype)


# Single values


def take(input: Any, index: Any) -> Tensor:
    """The values of `input` in reading order that `index`, integers of any shape, names; it gives the result's shape.

    Negative numbers count from the end.
    """
    are_tensors("take", input=input)
    index = in_range("take", integers("take", "index", index), math.prod(input.shape), None, negative=True)
    return reshape(_index_select(reshape(input, (-1,)), reshape(index, (-1,)), dim=0), tuple(index.shape))


def take_along_dim(input: Any, indices: Any, dim: int | None = None) -> Tensor:
    """The values of `input` that `indices` points to along `dim`; without `dim`, in reading order of all.

    The other axes of the two broadcast. This is what argsort and argmax(dim, keepdim=True) give indices for. Negative
    ones count from the end.
    """
    name = "take_along_dim"
    are_tensors(name, input=input)
    indices = integers(name, "indices", indices)
    if dim is None:
        input, indices = reshape(input, (-1,)), reshape(indices, (-1,))
    axis = normalize_dim(name, 0 if dim is None else dim, input.ndim)
    if input.ndim != indices.ndim:
        raise ShapeError(f"{name}: input has {input.ndim} axes and indices {indices.ndim}: they must be as many")
    indices = in_range(name, indices, input.shape[axis] if input.ndim else 1, dim, "indices", negative=True)
    if input.ndim:
        shapes = [[1 if i == axis else n for i, n in enumerate(x.shape)] for x in (input, indices)]
        try:
            around = np.broadcast_shapes(*map(tuple, shapes))
        except ValueError:
            raise ShapeError(
                f"{name}: indices {tuple(indices.shape)} and input {tuple(input.shape)} do not broadcast"
                f" besides dim {dim}"
            ) from None
        input, indices = [
            broadcast_to(x, shape=(*around[:axis], x.shape[axis], *around[axis + 1 :])) for x in (input, indices)
        ]
    return _gather(input, indices, dim=axis)


def put(input: Any, index: Any, source: Any, accumulate: bool = False) -> Tensor:
    """A copy of `input` with the values of `source` at the places `index` names, counted in reading order.

    `index` and `source` have as many elements. With `accumulate` they are added to what is there; else the last of
    several writes to a place stays, and it alone gets the gradient. Negative numbers count from the end.
    """
    index, source = checked_numbers("put", input, index, source)
    flat = reshape(input, (-1,))
    if accumulate:
        return reshape(_index_add(flat, index, source, dim=0), tuple(input.shape))
    return reshape(_setitem(flat, source, index=plain_index("put", index)), tuple(input.shape))


def checked_numbers(name: str, input: Any, index: Any, source: Any) -> tuple[Any, Any]:
    """The numbers of places in reading order, counted from the start, and a value for each; both have one axis."""
    are_tensors(name, input=input, source=source)
    same_dtypes(name, input=input, source=source)
    index = in_range(name, integers(name, "index", index), math.prod(input.shape), None, negative=True)
    if math.prod(index.shape) != math.prod(source.shape):
        raise ShapeError(f"{name}: index {tuple(index.shape)} and source {tuple(source.shape)} differ in size")
    return reshape(index, (-1,)), reshape(source, (-1,))


def index_put(input: Any, indices: Sequence[Any], values: Any, accumulate: bool = False) -> Tensor:
    """A copy of `input` after input[indices] = values, or, with `accumulate`, input[indices] += values.

    `indices` is a tuple of tensors of integers or booleans. With `accumulate`, a place named more than once gets the
    sum; else the last write stays, and it alone gets the gradient.
    """
    place, values = place_of_put("index_put", input, indices, values)
    if not accumulate:
        return _setitem(input, values, index=place)
    shape = np.broadcast_to(np.empty((), np.bool_), tuple(input.shape))[place].shape
    return input + _put(broadcast_to(values, shape=shape), index=place, shape=tuple(input.shape))


def place_of_put(name: str, input: Any, indices: Sequence[Any], values: Any) -> tuple[Any, Any]:
    """The index of the places that `index_put` assigns to, and the values without leading axes of size 1."""
    are_tensors(name, input=input, values=values)
    if not isinstance(indices, (tuple, list)):
        kind = "None" if indices is None else f"of type {type(indices).__name__}"
        raise DTypeError(f"{name}: indices is {kind}, not a tuple of tensors")
    for part in indices:
        if not isinstance(part, (TensorBase, np.ndarray, np.generic)):
            raise DTypeError(f"{name}: indices is a {type(indices).__name__} with {part!r} in it, which is no tensor")
    same_dtypes(name, input=input, values=values)
    place = plain_index(name, tuple(indices))
    return place, fitting(name, input, place, values)


# Checks


def _slices(name: str, input: Any, dim: int, index: Any, negative: bool = False) -> tuple[int, Any]:
    """The axis from the start, and the numbers of slices along it, of one axis."""
    are_tensors(name, input=input)
    axis = normalize_dim(name, dim, input.ndim)
    index = integers(name, "index", index)
    if index.ndim > 1:
        raise ShapeError(f"{name}: index must have one axis or none, got shape {tuple(index.shape)}")
    index = in_range(name, index, input.shape[axis] if input.ndim else 1, dim, negative=negative)
    return axis, index if index.ndim else reshape(index, (1,))


def checked_slices(name: str, input: Any, dim: int, index: Any, source: Any) -> tuple[int, Any, Any]:
    """The axis, the numbers of slices, and slices of another tensor for them, of the shape they must have."""
    axis, index = _slices(name, input, dim, index)
    are_tensors(name, source=source)
    same_dtypes(name, input=input, source=source)
    shape, given, count = tuple(input.shape), tuple(source.shape), math.prod(index.shape)
    expected = (*shape[:axis], count, *shape[axis + 1 :]) if shape else (1,)
    if given == expected and (shape or count == 1):
        return axis, index, source
    if count == 1 and math.prod(given) == 1 and len(shape) <= 1 and len(given) <= 1:
        return axis, index, reshape(source, expected)
    raise ShapeError(
        f"{name}: source has shape {given}, it must be {expected} for {count} slices of input {shape} along dim {dim}"
    )


def _along(axis: int, index: Any) -> tuple[Any, ...]:
    """The index of whole slices along an axis, of an array that nobody else writes to."""
    array = index._array if isinstance(index, TensorBase) else index
    return (*(slice(None),) * axis, np.array(array))
