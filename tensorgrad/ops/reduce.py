"""Sums and means over axes. `dim` is None (all), an int or a tuple of ints; negative ones count from the end."""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..dtypes import dtype_of
from ..errors import DTypeError
from ..kernels.sums import accurate_mean, accurate_sum
from ..node import Array, TensorBase
from ..primitive import astype, broadcast_to, primitive
from .check import are_tensors, normalize_dims
from .half import shared_by
from .shape import reshape

if TYPE_CHECKING:
    from ..tensor import Tensor

Dims = int | Sequence[int] | None


def sum(input: Any, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The sum over `dim`. Booleans and integers give int64; float16 is added up in float32."""
    if not isinstance(input, TensorBase):
        are_tensors("sum", input=input)
    if dtype is None and input.dtype.kind in "biu":
        dtype = np.int64
    if dtype is not None and dtype_of("sum", dtype) != input.dtype:
        input = astype(input, dtype=np.dtype(dtype))
    return _sum(input, dims=normalize_dims("sum", dim, input.ndim), keepdim=keepdim)


@primitive
def _sum(x: Array, *, dims: tuple[int, ...], keepdim: bool) -> Array:
    return accurate_sum(x, dims, keepdims=keepdim)


_sum.defvjps(lambda g, x_shape, dims: broadcast_to(restore_dims(g, x_shape, dims), shape=x_shape))


def mean(input: Any, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The mean over `dim`, of floating-point values only; nan over nothing."""
    if not isinstance(input, TensorBase):
        are_tensors("mean", input=input)
    target = input.dtype if dtype is None else dtype_of("mean", dtype)
    if target.kind != "f":
        raise DTypeError(f"mean: the dtype is {target}, and a mean needs a float: cast the input, or pass dtype=")
    if target != input.dtype:
        input = astype(input, dtype=target)
    dims = normalize_dims("mean", dim, input.ndim)
    return _mean(input, dims=dims, keepdim=keepdim)


@primitive
def _mean(x: Array, *, dims: tuple[int, ...], keepdim: bool) -> Array:
    return accurate_mean(x, dims, keepdims=keepdim)


_mean.defvjps(
    lambda g, x_shape, dims: broadcast_to(
        restore_dims(shared_by(g, builtins.max(count_over(x_shape, dims), 1)), x_shape, dims), shape=x_shape
    )
)


# The arithmetic of axes


def kept_shape(shape: tuple[int, ...], dims: tuple[int, ...]) -> tuple[int, ...]:
    """The shape after a reduction over `dims` with keepdim=True."""
    return tuple(1 if i in dims else n for i, n in enumerate(shape))


def restore_dims(g: Any, shape: tuple[int, ...], dims: tuple[int, ...]) -> Any:
    """Give a reduced array its reduced axes back, with size 1, so that it broadcasts to `shape`."""
    kept = kept_shape(shape, dims)
    return g if g.shape == kept else reshape(g, kept)


def count_over(shape: tuple[int, ...], dims: tuple[int, ...]) -> int:
    """How many values each result of a reduction over `dims` is made of."""
    return math.prod(shape[i] for i in dims)
