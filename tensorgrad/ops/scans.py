"""Products, running sums and products, linear recurrences. Their gradients divide by nothing: zeros are exact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..dtypes import dtype_of
from ..kernels import scan as kernel
from ..node import Array
from ..primitive import astype, primitive
from .check import are_tensors, normalize_dim
from .reduce import restore_dims
from .shape import reshape

if TYPE_CHECKING:
    from ..tensor import Tensor


def prod(input: Any, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The product along `dim`, or of all values without it; 1 for none. Booleans and integers give int64.

    `dtype`: cast the input to it first. The gradient of each value is the product of the others, also where there are
    zeros, and of an infinite value, where PyTorch has nan. float16 is multiplied in float32.
    """
    input = _cast("prod", input, dtype)
    axis = None if dim is None else normalize_dim("prod", dim, input.ndim)
    if axis is None or not input.ndim:
        result = _prod(reshape(input, (-1,)), dim=0, keepdim=False)
        return reshape(result, (1,) * input.ndim) if keepdim else result
    return _prod(input, dim=axis, keepdim=keepdim)


def cumsum(input: Any, dim: int, *, dtype: Any = None) -> Tensor:
    """The sum of the values up to each place along `dim`. Booleans and integers give int64.

    `dtype`: cast the input to it first. float32 is added up in float64, float16 in float32.
    """
    return _running(_cumsum, "cumsum", input, dim, dtype)


def cumprod(input: Any, dim: int, *, dtype: Any = None) -> Tensor:
    """The product of the values up to each place along `dim`. Booleans and integers give int64.

    `dtype`: cast the input to it first. float32 is multiplied in float64, float16 in float32. The gradient is that of
    the products themselves, also where there are zeros.
    """
    return _running(_cumprod, "cumprod", input, dim, dtype)


def _running(op: Any, name: str, input: Any, dim: int, dtype: Any) -> Any:
    input = _cast(name, input, dtype)
    axis = normalize_dim(name, dim, input.ndim)
    return (
        op(input, dim=axis, reverse=False)
        if input.ndim
        else reshape(op(reshape(input, (1,)), dim=0, reverse=False), ())
    )


def _cast(name: str, input: Any, dtype: Any) -> Any:
    """The input in the dtype asked for, integers else in int64."""
    are_tensors(name, input=input)
    if dtype is None and input.dtype.kind in "biu":
        dtype = np.int64
    return input if dtype is None or dtype_of(name, dtype) == input.dtype else astype(input, dtype=np.dtype(dtype))


@primitive
def _prod(x: Array, *, dim: int, keepdim: bool) -> Array:
    wide = np.float32 if x.dtype == np.float16 else x.dtype
    return np.asarray(np.prod(x, dim, wide, keepdims=keepdim)).astype(x.dtype, copy=False)


def _products_of_others(x: Any, *, dim: int) -> Any:
    """The same as `products_of_others` in differentiable operations."""
    before = shifted(_cumprod(x, dim=dim, reverse=False), dim=dim, by=1, fill=1.0)
    return before * shifted(_cumprod(x, dim=dim, reverse=True), dim=dim, by=-1, fill=1.0)


@primitive(composed=_products_of_others)
def products_of_others(x: Array, *, dim: int) -> Array:
    """At each place, the product of all other values along `dim`: the slope of their product."""
    return kernel.products_of_others(x, dim)


@primitive
def _cumsum(x: Array, *, dim: int, reverse: bool) -> Array:
    return kernel.running(np.add, x, dim, reverse)


@primitive
def _cumprod(x: Array, *, dim: int, reverse: bool) -> Array:
    return kernel.running(np.multiply, x, dim, reverse)


@primitive
def shifted(x: Array, *, dim: int, by: int, fill: float) -> Array:
    """The values one place further (`by` 1) or back (-1) along `dim`, with `fill` where none comes from."""
    return kernel.shifted(x, dim, by, fill)


@primitive
def recurrence(a: Array, b: Array, *, dim: int, reverse: bool) -> Array:
    """y[k] = b[k] + a[k] * y[k-1] along `dim`, from y = 0 on; from the end, by y[k+1], if `reverse`."""
    return kernel.recurrence(a, b, dim, reverse)


# Through y[k] = x[k] * y[k-1], what reaches x[k] is y[k-1] times the sum of g[i] * x[k+1] * ... * x[i] over i >= k, and
# these sums follow a recurrence from the end. The gradient of a recurrence is another one, in the other direction.


def _cumprod_vjp(g: Any, x: Any, out: Any, dim: int, reverse: bool) -> Any:
    on = -1 if reverse else 1
    later = recurrence(shifted(x, dim=dim, by=-on, fill=0.0), g, dim=dim, reverse=not reverse)
    return shifted(out, dim=dim, by=on, fill=1.0) * later


def _recurrence_vjp(wanted: tuple[bool, ...], g: Any, a: Any, out: Any, dim: int, reverse: bool) -> tuple[Any, Any]:
    on = -1 if reverse else 1
    gb = recurrence(shifted(a, dim=dim, by=-on, fill=0.0), g, dim=dim, reverse=not reverse)
    return gb * shifted(out, dim=dim, by=on, fill=0.0) if wanted[0] else None, gb if wanted[1] else None


_prod.defvjps(lambda g, x, dim: restore_dims(g, x.shape, (dim,)) * products_of_others(x, dim=dim))
_cumsum.defvjps(lambda g, dim, reverse: _cumsum(g, dim=dim, reverse=not reverse))
_cumprod.defvjps(_cumprod_vjp)
shifted.defvjps(lambda g, dim, by: shifted(g, dim=dim, by=-by, fill=0.0))
recurrence.defvjp_joint(_recurrence_vjp)
