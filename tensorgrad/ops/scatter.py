"""Writing to places that an index names along one axis; `gather`, in `indexing`, reads them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DTypeError, LabelError, ShapeError
from ..kernels import scatter as kernel
from ..node import Array, TensorBase
from ..primitive import astype, primitive
from .check import all_within, are_tensors, normalize_dim
from .elementwise import where
from .indexing import _gather, _getitem, _setitem, scatter_along
from .shape import reshape

if TYPE_CHECKING:
    from ..tensor import Tensor


def scatter(
    input: Any, dim: int, index: Any, src: Any = None, *, value: Any = None, reduce: str | None = None
) -> Tensor:
    """A copy of `input` in which `src`, a tensor or a number, stands where `index` points to along `dim`.

    Element (i, j, k) of `src` goes, for dim=1, to (i, index[i, j, k], k). `index` may be smaller than `input` along the
    other axes, and than `src` along all; the rest of `src` is left out. The number may be given as `value=` instead.
    Where an index comes more than once, the last write in reading order stays, and it alone gets the gradient; PyTorch
    leaves open which stays and gives each the whole gradient. `reduce` "add" or "multiply" combines what comes with
    what is there. Raises LabelError for an index below 0 or too large.
    """
    src = one_source("scatter", src, value, reduce)
    if reduce is not None:
        return combined("scatter", input, dim, index, src, reduce)
    axis, index, src = checked("scatter", input, dim, index, src, number=True)
    return _scatter(input, index, src, dim=axis)


@primitive
def _scatter(x: Array, index: Array, src: Array, *, dim: int) -> Array:
    result = kernel.copy_in_order(x)
    kernel.write_along(result, index, dim, src)
    return result


@primitive(differentiable=False)
def last_along(index: Array, *, dim: int, shape: tuple[int, ...]) -> Array:
    """Whether each value scattered along `dim` into an array of `shape` is still there afterwards."""
    return kernel.last_along(index, dim, shape)


_scatter.defvjps(
    lambda g, index, dim: _scatter(g, index, 0.0, dim=dim),
    None,
    lambda g, index, x_shape, dim: where(last_along(index, dim=dim, shape=x_shape), _gather(g, index, dim=dim), 0.0),
)


def one_source(name: str, src: Any, value: Any, reduce: str | None) -> Any:
    """What is scattered, given in one of two ways; an error for a way to combine that there is none of."""
    if (src is None) == (value is None):
        raise DTypeError(f"{name}: one of src and value must be given")
    if reduce not in (None, "add", "multiply"):
        raise ShapeError(f"{name}: reduce must be 'add' or 'multiply', got {reduce!r}")
    return value if src is None else src


def combined(name: str, input: Any, dim: int, index: Any, src: Any, reduce: str) -> Any:
    """`scatter` with what comes added to what is there, or multiplied with it."""
    if _is_number(src):
        are_tensors(name, input=input, index=index)
        src = np.full(tuple(index.shape), src, input.dtype)
    return reduced(name, input, dim, index, src, "sum" if reduce == "add" else "prod", True)


def scatter_add(input: Any, dim: int, index: Any, src: Any) -> Tensor:
    """A copy of `input` with each element of `src` added where `index` points to along `dim`, as in `scatter`.

    What comes to one place is summed in float64 and rounded once; integers are summed exactly.
    """
    axis, index, src = checked("scatter_add", input, dim, index, src)
    return _scatter_add(input, index, src, dim=axis)


@primitive
def _scatter_add(x: Array, index: Array, src: Array, *, dim: int) -> Array:
    result = kernel.copy_in_order(x)
    kernel.add_along(result, index, dim, src)
    return result


_scatter_add.defvjps(lambda g: g, None, lambda g, index, dim: _gather(g, index, dim=dim))


REDUCTIONS = ("sum", "prod", "mean", "amax", "amin")


def scatter_reduce(input: Any, dim: int, index: Any, src: Any, reduce: str, *, include_self: bool = True) -> Tensor:
    """A copy of `input` in which each place that `index` points to along `dim` holds a reduction of what comes there.

    `reduce` is "sum", "prod", "mean", "amax" or "amin"; the value of `input` itself takes part unless `include_self` is
    False. Other places keep their values. Among equal largest or smallest values that take part the gradient is split
    evenly; PyTorch gives a share to the value of `input` also if it takes no part, and loses it. nan counts as larger
    and as smaller than every number. The mean of integers is rounded down. Gradients of products are right to every
    order, also where there are zeros.
    """
    return reduced("scatter_reduce", input, dim, index, src, reduce, bool(include_self))


def reduced(name: str, input: Any, dim: int, index: Any, src: Any, reduce: str, include_self: bool) -> Any:
    """`scatter_reduce`, for errors under its own name or that of what calls it."""
    if reduce not in REDUCTIONS:
        raise ShapeError(f"{name}: reduce must be one of {', '.join(REDUCTIONS)}, got {reduce!r}")
    axis, index, src = checked(name, input, dim, index, src)
    if not input.ndim:  # as one place of one axis
        one = reshape(input, (1,)), reshape(index, (1,)), reshape(src, (1,))
        return reshape(reduced(name, one[0], 0, one[1], one[2], reduce, include_self), ())
    if reduce in ("amax", "amin"):
        return _scatter_extreme(input, index, src, dim=axis, largest=reduce == "amax", include_self=include_self)
    array = np.array(index._array if isinstance(index, TensorBase) else index)
    if reduce == "prod":
        return _scatter_prod(input, array, src, axis, include_self)
    if not include_self:
        input = _scatter(input, index, 0, dim=axis)
    total = _scatter_add(input, index, src, dim=axis)
    if reduce == "sum":
        return total
    counts = scatter_along(np.ones(array.shape, np.int64), array, dim=axis, shape=tuple(input.shape))
    counts = counts + 1 if include_self else np.maximum(counts, 1)
    if input.dtype.kind == "f":
        return total / astype(counts, dtype=input.dtype)
    return _floor_divide(total, counts)


@primitive(differentiable=False)
def _floor_divide(total: Array, counts: Array) -> Array:
    return (total // counts).astype(total.dtype)


def _scatter_prod(input: Any, index: Array, src: Any, dim: int, include_self: bool) -> Any:
    """Products by halves: neighbours that go to the same place are multiplied until one of each place is left.

    So no division is needed, the gradient is right where factors are 0, and it takes only reads and products.
    """
    places = kernel.along_places(index, dim, tuple(input.shape)).reshape(-1)
    order = np.argsort(places)
    places, factors = places[order], _getitem(reshape(src, (-1,)), index=order)
    while True:
        starts = np.flatnonzero(np.concatenate([[True], places[1:] != places[:-1]])[: len(places)])
        if len(starts) == len(places):
            break
        counts = np.diff(np.concatenate([starts, [len(places)]]))
        rank = np.arange(len(places)) - np.repeat(starts, counts)
        one = np.flatnonzero(rank % 2 == 0)
        partner = np.minimum(one + 1, len(places) - 1)
        alone = (one + 1 == len(places)) | (places[partner] != places[one])
        other = where(alone, 1, _getitem(factors, index=partner))
        factors, places = _getitem(factors, index=one) * other, places[one]
    flat = reshape(input, (-1,))
    if include_self:
        factors = _getitem(flat, index=places) * factors
    return reshape(_setitem(flat, factors, index=places), tuple(input.shape))


@primitive
def _scatter_extreme(x: Array, index: Array, src: Array, *, dim: int, largest: bool, include_self: bool) -> Array:
    """The largest or smallest of what comes to each place; where nothing comes, x."""
    result = kernel.copy_in_order(x)
    places, flat, values = kernel.along_places(index, dim, x.shape).reshape(-1), result.reshape(-1), src.reshape(-1)
    if not include_self:
        flat[places] = values  # any one of them, to begin with
    with np.errstate(invalid="ignore"):
        (np.maximum if largest else np.minimum).at(flat, places, values)
    return result


@primitive(differentiable=False, outputs=("of_x", "of_src"))
def _tie_shares(
    x: Array, index: Array, src: Array, extreme: Array, *, dim: int, include_self: bool
) -> tuple[Array, Array]:
    """The shares of a place's gradient that its x and each src get: equal ones for all that hold the extreme value."""
    at_src = kernel.read_along(extreme, index, dim)
    holds_src = (src == at_src) | ((src != src) & (at_src != at_src))
    holds_x = (x == extreme) | ((x != x) & (extreme != extreme))
    if not include_self:
        kernel.write_along(holds_x, index, dim, False)
    counts = holds_x.astype(np.float64)
    kernel.add_along(counts, index, dim, holds_src)
    share = 1 / np.maximum(counts, 1)
    return (holds_x * share).astype(x.dtype), (holds_src * kernel.read_along(share, index, dim)).astype(x.dtype)


def _extreme_vjp(
    wanted: Any, g: Any, x: Any, index: Any, src: Any, out: Any, dim: int, include_self: bool
) -> tuple[Any, None, Any]:
    of_x, of_src = _tie_shares(x, index, src, out, dim=dim, include_self=include_self)
    return g * of_x if wanted[0] else None, None, _gather(g, index, dim=dim) * of_src if wanted[2] else None


_scatter_extreme.defvjp_joint(_extreme_vjp)


# Checks


def checked(name: str, input: Any, dim: int, index: Any, src: Any, number: bool = False) -> tuple[int, Any, Any]:
    """The axis from the start, the index, and `src` of the index's shape; what does not fit is an error."""
    are_tensors(name, input=input, index=index)
    axis = normalize_dim(name, dim, input.ndim)
    index = integers(name, "index", index)
    count = math.prod(index.shape)
    if index.ndim != input.ndim and (count == 0 or (count == 1 and max(index.ndim, input.ndim) == 1)):
        index = reshape(index, (count,) * input.ndim)
    given, shape = tuple(index.shape), tuple(input.shape)
    if len(given) != len(shape) or any(n > m for i, (n, m) in enumerate(zip(given, shape, strict=True)) if i != axis):
        raise ShapeError(f"{name}: index of shape {given} does not fit input {shape} along dim {dim}")
    in_range(name, index, shape[axis] if shape else 1, dim)
    if number and _is_number(src):
        return axis, index, src
    are_tensors(name, src=src)
    same_dtypes(name, input=input, src=src)
    if src.ndim != len(given) and max(src.ndim, len(given)) == 1 and math.prod(src.shape) == 1:
        src = reshape(src, given)
    if src.ndim != len(given) or any(n > m for n, m in zip(given, src.shape, strict=True)):
        raise ShapeError(f"{name}: index of shape {given} is larger than src {tuple(src.shape)}")
    if tuple(src.shape) != given:
        src = _getitem(src, index=tuple(slice(0, n) for n in given))
    return axis, index, src


def _is_number(value: Any) -> bool:
    return isinstance(value, (bool, int, float))


def integers(name: str, what: str, value: Any) -> Any:
    """An index of integers: a tensor as it is, whose changes are noticed, an array copied."""
    are_tensors(name, **{what: value})
    if value.dtype.kind not in "iu":
        raise DTypeError(f"{name}: {what} has dtype {value.dtype}, it must hold integers")
    return value if isinstance(value, TensorBase) else np.array(value)


def in_range(name: str, index: Any, size: int, dim: int | None, what: str = "index", negative: bool = False) -> Any:
    """The index, if all of it is within `size`; those that count from the end, if they are taken, from the start."""
    array = index._array if isinstance(index, TensorBase) else index
    least = -size if negative else 0
    is_within = all_within(array, size)
    if not is_within and (not negative or array.min() < least or array.max() >= size):
        wrong = array[(array < least) | (array >= size)].flat[0]
        place = f"size {size} of dim {dim}" if dim is not None else f"an input of {size} values"
        raise LabelError(f"{name}: {what} {wrong} is out of range for {place} ({least} to {size - 1})")
    if not is_within:  # some are below 0
        return np.where(array < 0, array.astype(np.int64) + size, array)
    return index


def same_dtypes(name: str, **two: Any) -> None:
    """Raise unless two tensors have one dtype, which may be an integer one."""
    (a, x), (b, y) = two.items()
    if x.dtype != y.dtype:
        raise DTypeError(
            f"{name}: the dtypes differ: {a} {x.dtype}, {b} {y.dtype}; cast one of them, for example with .to(dtype)"
        )
