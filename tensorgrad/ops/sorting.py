"""Order along an axis: sorting, the largest values, medians and other ranks. nan is larger than every number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DTypeError, ShapeError
from ..kernels import order as kernel
from ..node import Array
from ..primitive import primitive
from .check import are_tensors, normalize_dim
from .extrema import share_of_ties
from .indexing import _gather, getitem
from .pairs import ValuesIndices, to_index, values_and_indices
from .shape import reshape

if TYPE_CHECKING:
    from ..tensor import Tensor

# Whole lanes in order


def sort(input: Any, dim: int = -1, descending: bool = False, *, stable: bool = False) -> ValuesIndices:
    """A pair (values, indices): the values along `dim` from the smallest to the largest, and where each one was.

    nan comes last, and first if `descending`. With `stable`, equal values keep their order, also descending ones;
    without, their order is left open, which is up to five times faster. Each value's gradient goes to where it was.
    """
    axis = _axis("sort", input, dim)
    return values_and_indices(_sort, input, dim=axis, descending=bool(descending), stable=bool(stable))


def argsort(input: Any, dim: int = -1, descending: bool = False, *, stable: bool = False) -> Tensor:
    """The indices that `sort` gives."""
    axis = _axis("argsort", input, dim)
    if not input.ndim:
        return reshape(_argsort(reshape(input, (1,)), dim=0, descending=False, stable=False), ())
    return _argsort(input, dim=axis, descending=bool(descending), stable=bool(stable))


def topk(input: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> ValuesIndices:
    """A pair (values, indices): the k largest values along `dim`, or the smallest, and where they were.

    The first is the largest (the smallest) one, unless `sorted` is False, which leaves the order open. Which of equal
    values are taken is left open too; each value's gradient goes to where it was.
    """
    axis = _axis("topk", input, dim)
    size = input.shape[axis] if input.ndim else 1
    count = _int("topk", "k", k)
    if not 0 <= count <= size:
        raise ShapeError(f"topk: k is {count}, dim {dim} has {size} values")
    if not input.ndim:
        count = 1  # a number stays one, also for k=0, as in PyTorch
    return values_and_indices(_topk, input, dim=axis, k=count, largest=bool(largest), sorted=bool(sorted))


@primitive(outputs=("values", "indices"))
def _sort(x: Array, *, dim: int, descending: bool, stable: bool) -> tuple[Array, Array]:
    indices = kernel.sorted_places(x, dim, descending, stable)
    return np.take_along_axis(x, indices, dim), indices


@primitive(differentiable=False)
def _argsort(x: Array, *, dim: int, descending: bool, stable: bool) -> Array:
    return kernel.sorted_places(x, dim, descending, stable)


@primitive(outputs=("values", "indices"))
def _topk(x: Array, *, dim: int, k: int, largest: bool, sorted: bool) -> tuple[Array, Array]:
    indices = kernel.top_places(x, k, dim, largest, sorted)
    return np.take_along_axis(x, indices, dim), indices


@primitive
def put_back(x: Array, index: Array, *, dim: int, shape: tuple[int, ...]) -> Array:
    """Zeros of `shape` with x where `index` points along `dim`, to no place twice: faster than `scatter_along`."""
    result = np.zeros(shape, x.dtype)
    np.put_along_axis(result, index, x, dim)
    return result


put_back.defvjps(lambda g, index, dim: _gather(g, index, dim=dim), None)
_sort.defvjps(lambda g_values, indices, x_shape, dim: put_back(g_values, indices, dim=dim, shape=x_shape))
_topk.defvjps(lambda g_values, indices, x_shape, dim: put_back(g_values, indices, dim=dim, shape=x_shape))


# One value of each lane


def kthvalue(input: Any, k: int, dim: int = -1, keepdim: bool = False) -> ValuesIndices:
    """A pair (values, indices): the k-th smallest value along `dim`, k = 1 for the smallest, and where it stands.

    Of equal values the first in reading order is taken, and gets the gradient.
    """
    axis = _axis("kthvalue", input, dim)
    size = input.shape[axis] if input.ndim else 1
    rank = _int("kthvalue", "k", k)
    if not 1 <= rank <= size:
        raise ShapeError(f"kthvalue: k is {rank}, it must be from 1 to {size}, the number of values along dim {dim}")
    return values_and_indices(_kthvalue, input, dim=axis, k=rank, keepdim=keepdim)


def median(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The median, of an even number of values the lower of the middle two; with `dim`, a pair (values, indices).

    nan if a value is; nan of no values. With `dim`, the whole gradient goes to the index returned, the first in reading
    order on ties. Without, it is split evenly between all places of the median.
    """
    return _middle("median", input, dim, keepdim, ignore_nan=False)


def nanmedian(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The median of what is not nan, see `median`; nan if nothing is."""
    return _middle("nanmedian", input, dim, keepdim, ignore_nan=True)


def _middle(name: str, input: Any, dim: int | None, keepdim: bool, ignore_nan: bool) -> Any:
    are_tensors(name, input=input)
    size = np.prod(input.shape, dtype=int) if dim is None else None
    if size == 0:
        if input.dtype.kind == "f":
            return _median_of_all(input, ignore_nan=ignore_nan)
        raise ShapeError(f"{name}: integers of shape {tuple(input.shape)} have no median, and cannot be nan")
    if dim is None:
        return _median_of_all(input, ignore_nan=ignore_nan)
    axis = _axis(name, input, dim)
    if input.ndim and not input.shape[axis]:
        raise ShapeError(f"{name}: there is no median over an empty axis of shape {tuple(input.shape)}")
    return values_and_indices(_median, input, dim=axis, keepdim=keepdim, ignore_nan=ignore_nan)


@primitive(outputs=("values", "indices"))
def _kthvalue(x: Array, *, dim: int, k: int, keepdim: bool) -> tuple[Array, Array]:
    return _placed(x, kernel.ranked(x, k - 1, dim), dim, keepdim)


@primitive(outputs=("values", "indices"))
def _median(x: Array, *, dim: int, keepdim: bool, ignore_nan: bool) -> tuple[Array, Array]:
    return _placed(x, kernel.middle(x, dim, ignore_nan), dim, keepdim)


def _placed(x: Array, values: Array, dim: int, keepdim: bool) -> tuple[Array, Array]:
    indices = kernel.first_place(x, values, dim)
    return (values, indices) if keepdim else (values.squeeze(dim), indices.squeeze(dim))


@primitive
def _median_of_all(x: Array, *, ignore_nan: bool) -> Array:
    return kernel.middle(x.ravel(), 0, ignore_nan).reshape(()) if x.size else np.asarray(np.nan, x.dtype)


_kthvalue.defvjps(lambda g_values, indices, x_shape, dim: to_index(g_values, indices, x_shape, dim))
_median.defvjps(lambda g_values, indices, x_shape, dim: to_index(g_values, indices, x_shape, dim))
_median_of_all.defvjps(lambda g, x, out: g * share_of_ties(x, out, dims=_all_dims(x.ndim)))


def _all_dims(ndim: int) -> tuple[int, ...]:
    return tuple(range(ndim))


# Different values


def unique(
    input: Any,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The different values in ascending order, or along `dim` the different slices; no nan equals another.

    With `return_inverse` also the index in the result that each input value, or slice, has; with `return_counts` how
    often each comes. The result is sorted also with sorted=False, as in PyTorch. Each value's gradient goes to the
    first place where it stands; PyTorch has none.
    """
    are_tensors("unique", input=input)
    axis = None if dim is None else _axis("unique", input, dim)
    if not isinstance(sorted, bool):
        raise DTypeError(f"unique: sorted must be True or False, got {sorted!r}")
    if axis is not None and not input.ndim:
        input, axis = reshape(input, (1,)), 0
    first, inverse, counts = _first_of_each(input, dim=axis)
    source = reshape(input, (-1,)) if axis is None else input
    values = getitem(source, (*[slice(None)] * (axis or 0), first))
    results = (values, *([inverse] if return_inverse else []), *([counts] if return_counts else []))
    return results if len(results) > 1 else values


@primitive(outputs=("first", "inverse", "counts"), differentiable=False)
def _first_of_each(x: Array, *, dim: int | None) -> tuple[Array, Array, Array]:
    _, first, inverse, counts = np.unique(x, True, True, True, dim, equal_nan=False)
    return first, inverse.reshape(x.shape) if dim is None else inverse.reshape(-1), counts


def _axis(name: str, input: Any, dim: int) -> int:
    are_tensors(name, input=input)
    return normalize_dim(name, dim, input.ndim)


def _int(name: str, what: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise DTypeError(f"{name}: {what} must be an int, got {value!r}")
    return int(value)
