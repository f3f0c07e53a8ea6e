"""Logarithms of sums of exponentials: over axes, and running ones. Large values do not overflow."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..kernels import log_sums as kernel
from ..node import Array
from ..primitive import astype, primitive
from .check import are_tensors, normalize_dim, normalize_dims, same_dtype
from .elementwise import abs, eq, exp, logical_and, where
from .reduce import Dims, restore_dims, sum
from .scans import recurrence, shifted
from .shape import reshape

if TYPE_CHECKING:
    from ..tensor import Tensor


def logsumexp(input: Any, dim: Dims, keepdim: bool = False) -> Tensor:
    """log(sum(exp(x))) over `dim`; booleans and integers give float32.

    -inf of no values, and where all values are -inf: there the gradient is nan. An infinite value has the gradient nan
    and leaves the others 0.
    """
    are_tensors("logsumexp", input=input)
    dims = normalize_dims("logsumexp", dim, input.ndim)
    if input.dtype.kind != "f":
        input = astype(input, dtype=np.dtype(np.float32))
    return _logsumexp(input, dims=dims, keepdim=keepdim)


def logcumsumexp(input: Any, dim: int) -> Tensor:
    """log(sum(exp(x))) of the values up to each place along `dim`; a leading -inf has the gradient nan."""
    same_dtype("logcumsumexp", input=input)
    axis = normalize_dim("logcumsumexp", dim, input.ndim)
    return _logcumsumexp(input, dim=axis) if input.ndim else reshape(_logcumsumexp(reshape(input, (1,)), dim=0), ())


@primitive
def _logsumexp(x: Array, *, dims: tuple[int, ...], keepdim: bool) -> Array:
    return kernel.logsumexp(x, dims, keepdim)


@primitive
def softmax_over(x: Array, *, dims: tuple[int, ...]) -> Array:
    """exp(x) / sum(exp(x)) over `dims`, the slope of logsumexp. Unlike `softmax`, 0 for what is not infinite beside
    what is."""
    return kernel.softmax_over(x, dims)


@primitive
def _logcumsumexp(x: Array, *, dim: int) -> Array:
    return kernel.running_logsumexp(x, dim)


def _logcumsumexp_vjp(g: Any, x: Any, out: Any, dim: int) -> Any:
    # The sum of g[i] * exp(x[k] - out[i]) over i >= k, by way of exp(out[k] - out[i]), which is never above 1; it is 1
    # also between two infinities, so that only the gradients of these are nan.
    after = shifted(out, dim=dim, by=-1, fill=math.inf)
    ratios = exp(where(eq(out, after), 0.0, out - after))
    # The nan between infinities is put in at the end: as a factor, it would reach the second derivatives of all others.
    undefined = logical_and(eq(x, out), eq(abs(x), math.inf))
    slope = exp(where(undefined, 0.0, x) - where(undefined, 0.0, out))
    return where(undefined, math.nan, slope * recurrence(ratios, g, dim=dim, reverse=True))


_logsumexp.defvjps(lambda g, x, dims: restore_dims(g, x.shape, dims) * softmax_over(x, dims=dims))
softmax_over.defvjps(lambda g, out, dims: out * (g - sum(g * out, dims, keepdim=True)))
_logcumsumexp.defvjps(_logcumsumexp_vjp)
