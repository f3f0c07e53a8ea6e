"""Reading and writing by index. Each read has the write that undoes it: {getitem, put}, {gather, scatter_along}."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DTypeError, LabelError, ShapeError
from ..kernels import scatter as kernel
from ..kernels.layout import copied, empty_like
from ..node import Array, TensorBase
from ..primitive import primitive, sum_to
from ..rules import adding_by
from .check import all_within, are_tensors, normalize_dim
from .elementwise import where

if TYPE_CHECKING:
    from ..tensor import Tensor


def getitem(input: Any, index: Any) -> Tensor:
    """input[index] by NumPy's rules: slices, ints, None, ellipsis, integer and boolean arrays. Slices give views."""
    index = plain_index("getitem", index)
    try:
        return _getitem(input, index=index)
    except IndexError as error:
        raise LabelError(f"getitem: {error} (input of shape {tuple(input.shape)})") from None


@primitive(view=True)
def _getitem(x: Array, *, index: Any) -> Array:
    result = kernel.at_mask(x, index) if is_mask(index) else x[index]
    # NumPy turns one element into a scalar, a copy; with an ellipsis it stays an array and a view.
    return x[(*index, ...) if isinstance(index, tuple) else (index, ...)] if isinstance(result, np.generic) else result


@primitive
def _put(x: Array, *, index: Any, shape: tuple[int, ...]) -> Array:
    """Zeros of `shape` with x added at `index`: the adjoint of getitem."""
    if not names_once(index):
        result = kernel.zeros(shape, x.dtype)
        kernel.add_at(result, index, x)
        return result
    if is_mask(index):
        result = kernel.zeros(shape, x.dtype)
        kernel.put_mask(result, index, x)
        return result
    result = empty_like(x, shape, x.dtype) if x.ndim == len(shape) else np.empty(shape, x.dtype)
    result[...] = 0
    result[index] = x
    return result


def _add_put(total: Array, g: Array, shape: tuple[int, ...], index: Any) -> None:
    """total += _put(g), in place."""
    if not names_once(index):
        kernel.add_at(total, index, g)
    elif is_mask(index):
        total += _put(g, index=index, shape=shape)
    else:
        total[index] += g


_getitem.defvjps(adding_by(_add_put, lambda g, x_shape, index: _put(g, index=index, shape=x_shape)))
_put.defvjps(lambda g, index: _getitem(g, index=index))


def setitem(input: Any, index: Any, value: Any) -> Tensor:
    """A copy of `input` in which `value` stands at `index`: how `x[index] = value` is recorded."""
    index = plain_index("setitem", index)
    return _setitem(input, fitting("setitem", input, index, value), index=index)


def plain_value(name: str, value: Any) -> Any:
    """What is assigned: a tensor or a number as it is, anything else as an array; an error unless that is of numbers.

    NumPy itself would take None for nan, and read numbers out of strings.
    """
    if isinstance(value, (TensorBase, bool, int, float)):
        return value
    try:
        array = np.asarray(value)
    except (TypeError, ValueError):
        raise DTypeError(f"{name}: the value is no array of numbers: {value!r}") from None
    if array.dtype.kind not in "biuf":
        told = f"has dtype {value.dtype}" if isinstance(value, np.ndarray) else f"is {value!r}"
        raise DTypeError(f"{name}: the value {told}, which a tensor cannot hold")
    return array


@primitive
def _setitem(x: Array, value: Array, *, index: Any) -> Array:
    result = copied(x)
    write(result, index, value)
    return result


def write(array: Array, index: Any, value: Any) -> None:
    """array[index] = value, in place."""
    if is_mask(index):
        kernel.put_mask(array, index, value)
    else:
        array[index] = value


_setitem.defvjps(
    lambda g, index: _setitem(g, 0.0, index=index),
    lambda g, value_shape, index: sum_to(_written(g, index), shape=value_shape),
)


def _written(g: Any, index: Any) -> Any:
    """The gradient at the places assigned to; where an index comes more than once, only the last write counts."""
    read = _getitem(g, index=index)
    return read if names_once(index) else where(last_writes(index=index, shape=g.shape), read, 0.0)


@primitive(differentiable=False)
def last_writes(*, index: Any, shape: tuple[int, ...]) -> Array:
    """Whether each value assigned at `index` of an array of `shape` is still there after the assignment."""
    return kernel.last_writes(index, shape)


def fitting(name: str, input: Any, index: Any, value: Any) -> Any:
    """The value without leading axes of size 1 that the place `index` of `input` has not; an error if it cannot fit."""
    value = plain_value(name, value)
    shape = tuple(input.shape)
    try:
        if is_mask(index) and index.shape == shape[: index.ndim]:
            place = (int(np.count_nonzero(index)), *shape[index.ndim :])
        else:
            place = np.broadcast_to(np.empty((), np.bool_), shape)[index].shape
    except IndexError as error:
        raise LabelError(f"{name}: {error} (input of shape {shape})") from None
    given = shape = tuple(getattr(value, "shape", ()))
    while len(shape) > len(place) and shape[0] == 1:
        shape = shape[1:]
    if len(shape) > len(place) or any(n not in (1, m) for n, m in zip(shape[::-1], place[::-1], strict=False)):
        raise ShapeError(f"{name}: a value of shape {given} does not fit the place, of shape {place}")
    return value if shape == given else _getitem(value, index=(0,) * (len(given) - len(shape)))


def gather(input: Any, dim: int, index: Any) -> Tensor:
    """The values of `input` that `index` (integers, of the result's shape) points to along `dim`.

    Input and index have the same number of axes, where none counts as one.
    """
    are_tensors("gather", input=input)
    axis = normalize_dim("gather", dim, input.ndim)
    if not isinstance(index, TensorBase):  # whose changes are noticed; other indices are copied
        index = np.asarray(plain_index("gather", index))
    array = index._array if isinstance(index, TensorBase) else index
    if array.dtype.kind not in "iu":
        raise DTypeError(f"gather: index must hold integers, got {array.dtype}")
    if array.ndim != input.ndim and max(array.ndim, input.ndim) == 1:
        if not input.ndim:
            return gather(_getitem(input, index=(None,)), dim, index)
        return _getitem(gather(input, dim, _getitem(index, index=(None,))), index=(0,))
    shape = tuple(input.shape)
    if array.ndim != len(shape) or any(
        n > m for i, (n, m) in enumerate(zip(array.shape, shape, strict=True)) if i != axis
    ):
        raise ShapeError(f"gather: index of shape {array.shape} does not fit input {shape} along dim {dim}")
    size = shape[axis] if shape else 1
    if not all_within(array, size):
        raise LabelError(f"gather: index {array.min()} to {array.max()} is out of range for size {size} of dim {dim}")
    return _gather(input, index, dim=axis)


@primitive
def _gather(x: Array, index: Array, *, dim: int) -> Array:
    return kernel.read_along(x, index, dim)


@primitive
def scatter_along(x: Array, index: Array, *, dim: int, shape: tuple[int, ...]) -> Array:
    """Zeros of `shape` with x added where `index` points along `dim`: the adjoint of gather."""
    result = kernel.zeros(shape, x.dtype)
    if index.ndim and index.shape[dim] == 1:
        kernel.write_along(result, index, dim, x)  # no place comes twice
    else:
        kernel.add_along(result, index, dim, x)
    return result


_gather.defvjps(lambda g, index, x_shape, dim: scatter_along(g, index, dim=dim, shape=x_shape), None)
scatter_along.defvjps(lambda g, index, dim: _gather(g, index, dim=dim), None)


# What an index is made of


def plain_index(name: str, index: Any) -> Any:
    """The index with tensors made arrays, copied, so that a later change of them does not change the record."""
    if isinstance(index, tuple):
        return tuple(plain_index(name, part) for part in index)
    if isinstance(index, TensorBase):
        index = index._array
    if isinstance(index, range):
        index = list(index)
    if isinstance(index, (list, np.ndarray)):
        array = np.array(index)
        if array.size == 0 and array.dtype.kind == "f" and isinstance(index, list):
            array = array.astype(np.int64)
        if array.dtype.kind not in "biu":
            raise DTypeError(f"{name}: an index array must hold integers or booleans, got {array.dtype}")
        return array
    if isinstance(index, slice):
        return _plain_slice(name, index)
    if index is None or index is Ellipsis or isinstance(index, (int, np.integer, bool, np.bool_)):
        return index
    raise DTypeError(f"{name}: {index!r} is not an index")


def _plain_slice(name: str, index: slice) -> slice:
    """A slice of Python ints, without tensors, whose values may change; an error for a step of 0."""
    parts = index.start, index.stop, index.step
    try:
        start, stop, step = [None if part is None else operator.index(part) for part in parts]
    except TypeError:
        raise DTypeError(f"{name}: a slice is of ints and None, got {index}") from None
    if step == 0:
        raise LabelError(f"{name}: the step of a slice cannot be 0, got {index}")
    return slice(start, stop, step)


def is_mask(index: Any) -> bool:
    """Whether an index is one boolean array, of one axis or more."""
    return isinstance(index, np.ndarray) and index.dtype == np.bool_ and index.ndim > 0


def names_once(index: Any) -> bool:
    """Whether it can be seen that no place comes twice: the index has no arrays but perhaps one, of booleans."""
    parts = index if isinstance(index, tuple) else (index,)
    arrays = [part for part in parts if isinstance(part, (np.ndarray, bool, np.bool_))]
    return not arrays or (len(arrays) == 1 and is_mask(arrays[0]))
