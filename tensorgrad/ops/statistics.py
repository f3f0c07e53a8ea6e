"""Variance and standard deviation; sums and means without nan; counting, all and any."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np

from ..dtypes import dtype_of
from ..errors import DTypeError, ShapeError
from ..kernels.moments import variance
from ..kernels.sums import accurate_sum
from ..node import Array
from ..primitive import astype, primitive
from .check import are_tensors, normalize_dims, number, same_dtype
from .elementwise import _div, eq, ne, where
from .half import widened
from .reduce import Dims, count_over, kept_shape, mean, restore_dims, sum

if TYPE_CHECKING:
    from ..tensor import Tensor

_Taken = ParamSpec("_Taken")
_Given = TypeVar("_Given")

# Variance


def _bool_by_place(function: Callable[_Taken, _Given]) -> Callable[_Taken, _Given]:
    """`x.var(True)` is the old spelling of `unbiased`; `dim=True` names an axis, and a bool is none."""

    @functools.wraps(function)
    def checked(*args: _Taken.args, **options: _Taken.kwargs) -> _Given:
        if isinstance(options.get("dim"), bool):
            raise DTypeError(
                f"{function.__name__}: dim must be an int, got {options['dim']}: by what to divide, unbiased= says"
            )
        return function(*args, **options)

    return checked


@_bool_by_place
def var(
    input: Any,
    dim: Dims | bool = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Tensor:
    """The sum of squared distances from the mean over `dim`, divided by the count of values less `correction`.

    The correction is 1 unless given. `unbiased`, True or False for 1 or 0, is its older spelling and may stand in the
    place of `dim`, not under its name: `x.var(False)`. Of float32, what its squares cannot hold is computed in float64.
    nan, or inf where the values differ, if `correction` is not below the count; so is then the gradient.
    """
    dims, correction = _canonical("var", input, dim, unbiased, correction)
    return _var(input, dims=dims, correction=correction, keepdim=keepdim)


@_bool_by_place
def std(
    input: Any,
    dim: Dims | bool = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Tensor:
    """The square root of the variance, see `var`. Where all values are equal, its gradient is 0."""
    dims, correction = _canonical("std", input, dim, unbiased, correction)
    return _std(input, dims=dims, correction=correction, keepdim=keepdim)


@_bool_by_place
def var_mean(
    input: Any,
    dim: Dims | bool = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[Tensor, Tensor]:
    """The variance and the mean, see `var`."""
    dims, correction = _canonical("var_mean", input, dim, unbiased, correction)
    return _var(input, dims=dims, correction=correction, keepdim=keepdim), mean(input, dims, keepdim)


@_bool_by_place
def std_mean(
    input: Any,
    dim: Dims | bool = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[Tensor, Tensor]:
    """The standard deviation and the mean, see `std`."""
    dims, correction = _canonical("std_mean", input, dim, unbiased, correction)
    return _std(input, dims=dims, correction=correction, keepdim=keepdim), mean(input, dims, keepdim)


def _canonical(
    name: str, input: Any, dim: Any, unbiased: bool | None, correction: float | None
) -> tuple[tuple[int, ...], float]:
    """The axes from the start, and the correction."""
    same_dtype(name, input=input)
    if isinstance(dim, bool) and unbiased is None:
        dim, unbiased = None, dim
    dims = normalize_dims(name, dim, input.ndim)
    if unbiased is not None and not isinstance(unbiased, bool):
        raise DTypeError(f"{name}: unbiased must be True or False, got {unbiased!r}")
    if unbiased is not None and correction is not None:
        raise ShapeError(f"{name}: unbiased={unbiased} and correction={correction} say the same twice: give one")
    if correction is None:
        return dims, 0.0 if unbiased is False else 1.0
    return dims, number(name, "correction", correction)


@primitive
def _var(x: Array, *, dims: tuple[int, ...], correction: float, keepdim: bool) -> Array:
    with np.errstate(over="ignore"):
        return variance(x, dims, correction, keepdim).astype(x.dtype, copy=False)


@primitive
def _std(x: Array, *, dims: tuple[int, ...], correction: float, keepdim: bool) -> Array:
    with np.errstate(over="ignore"):
        return np.sqrt(variance(x, dims, correction, keepdim)).astype(x.dtype, copy=False)


def _centred(x: Any, dims: tuple[int, ...], correction: float) -> Any:
    """The distances from the mean, divided by the count less the correction."""
    left = count_over(x.shape, dims) - correction
    return (x - mean(x, dims, keepdim=True)) * (1 / left if left > 0 else math.inf)


# float16 has few digits for a value less its mean, and fewer for 1 over a large count.
_var.defvjps(
    lambda g, x, dims, correction: (
        restore_dims(2.0 * widened(g), x.shape, dims) * _centred(widened(x), dims, correction)
    )
)
_std.defvjps(
    lambda g, x, out, dims, correction: (
        restore_dims(where(eq(out, 0.0), 0.0, widened(g) / where(eq(out, 0.0), 1.0, out)), x.shape, dims)
        * _centred(widened(x), dims, correction)
    )
)


# Without nan


def nansum(input: Any, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The sum over `dim` of what is not nan: 0 if nothing is. A nan gets the gradient 0. See `sum` for dtypes."""
    are_tensors("nansum", input=input)
    dims = normalize_dims("nansum", dim, input.ndim)
    if input.dtype.kind != "f":
        return sum(input, dims, keepdim, dtype=dtype)
    target = input.dtype if dtype is None else dtype_of("nansum", dtype)
    if target.kind != "f":
        return sum(where(ne(input, input), 0.0, input), dims, keepdim, dtype=target)
    return _nansum(input if target == input.dtype else astype(input, dtype=target), dims=dims, keepdim=keepdim)


def nanmean(input: Any, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The mean over `dim` of what is not nan, of floating-point values only: nan if nothing is.

    A nan gets the gradient 0, also if there is nothing else, where PyTorch gives it nan. float16 is computed in
    float32.
    """
    are_tensors("nanmean", input=input)
    target = input.dtype if dtype is None else dtype_of("nanmean", dtype)
    if target.kind != "f":
        raise DTypeError(f"nanmean: the dtype is {target}, and a mean needs a float: cast the input, or pass dtype=")
    dims = normalize_dims("nanmean", dim, input.ndim)
    work = np.dtype(np.float32) if target == np.float16 else target
    values = input if input.dtype == work else astype(input, dtype=work)
    result = _div(_nansum(values, dims=dims, keepdim=keepdim), _count_numbers(values, dims=dims, keepdim=keepdim))
    return result if work == target else astype(result, dtype=target)


@primitive
def _nansum(x: Array, *, dims: tuple[int, ...], keepdim: bool) -> Array:
    total = accurate_sum(x, dims, keepdim)
    if not np.isnan(total).any():
        return total
    return accurate_sum(np.where(np.isnan(x), np.zeros((), x.dtype), x), dims, keepdim)


@primitive(differentiable=False)
def _count_numbers(x: Array, *, dims: tuple[int, ...], keepdim: bool) -> Array:
    """How many values are not nan, as int64."""
    found = np.isnan(x)
    if not found.any():
        shape = kept_shape(x.shape, dims) if keepdim else [n for i, n in enumerate(x.shape) if i not in dims]
        return np.full(shape, count_over(x.shape, dims))
    missing = accurate_sum(found, dims, keepdim)
    return count_over(x.shape, dims) - missing


_nansum.defvjps(lambda g, x, dims: where(eq(x, x), restore_dims(g, x.shape, dims), 0.0))


# Counting; no gradients


def count_nonzero(input: Any, dim: Dims = None) -> Tensor:
    """How many values over `dim` are not 0, as int64. nan is not 0."""
    are_tensors("count_nonzero", input=input)
    return _count_nonzero(input, dims=normalize_dims("count_nonzero", dim, input.ndim))


def all(input: Any, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Whether no value over `dim` is 0: True for no values. As in PyTorch, () are no axes, and uint8 stays uint8."""
    return _all(input, dims=_dims_of("all", input, dim), keepdim=keepdim)


def any(input: Any, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Whether some value over `dim` is not 0: False for no values. As in PyTorch, () are no axes; uint8 stays uint8."""
    return _any(input, dims=_dims_of("any", input, dim), keepdim=keepdim)


def _dims_of(name: str, input: Any, dim: Dims) -> tuple[int, ...]:
    are_tensors(name, input=input)
    return () if dim is not None and np.size(dim) == 0 else normalize_dims(name, dim, input.ndim)


@primitive(differentiable=False)
def _count_nonzero(x: Array, *, dims: tuple[int, ...]) -> Array:
    return np.asarray(np.count_nonzero(x) if len(dims) == x.ndim else np.count_nonzero(x, dims), np.int64)


@primitive(differentiable=False)
def _all(x: Array, *, dims: tuple[int, ...], keepdim: bool) -> Array:
    return _as_bool(np.all(x, dims, keepdims=keepdim), x)


@primitive(differentiable=False)
def _any(x: Array, *, dims: tuple[int, ...], keepdim: bool) -> Array:
    return _as_bool(np.any(x, dims, keepdims=keepdim), x)


def _as_bool(result: Array, x: Array) -> Array:
    return np.asarray(result, np.uint8 if x.dtype == np.uint8 else np.bool_)
