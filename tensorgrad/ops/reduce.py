"""Reductions over axes. `dim` is None (all), an int or a tuple of ints; negative ones count from the end."""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DTypeError, ShapeError
from ..kernels.sums import accurate_mean, accurate_sum
from ..node import Array, TensorBase
from ..primitive import astype, broadcast_to, primitive
from .check import are_tensors, normalize_dim, normalize_dims
from .indexing import scatter_along
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
    if dtype is not None and np.dtype(dtype) != input.dtype:
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
    target = np.dtype(input.dtype if dtype is None else dtype)
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
        # Times 1/n, not divided by n: an n over 65,504 would be infinite in float16, 1/n is not 0.
        restore_dims(g, x_shape, dims) * (1 / builtins.max(count_over(x_shape, dims), 1)),
        shape=x_shape,
    )
)


def max(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The largest value; with `dim`, a pair (values, indices) along it.

    With `dim`, the whole gradient goes to the index returned, the first in reading order on ties. Without, it is split
    evenly between all places of the largest value. nan is larger than every number.
    """
    if not isinstance(input, TensorBase):
        are_tensors("max", input=input)
    at = None if dim is None else normalize_dim("max", dim, input.ndim)
    if 0 in (input.shape if at is None else input.shape[at : at + 1]):
        raise ShapeError(f"max: there is no largest value over an empty axis of shape {tuple(input.shape)}")
    if at is None:
        return _amax(input)
    if input.ndim == 0:
        values, indices = max(reshape(input, (1,)), 0)
        return reshape(values, ()), reshape(indices, ())
    return _max(input, dim=at, keepdim=keepdim)


@primitive(outputs=("values", "indices"))
def _max(x: Array, *, dim: int, keepdim: bool) -> tuple[Array, Array]:
    indices = np.expand_dims(np.argmax(x, dim), dim)
    values = np.take_along_axis(x, indices, dim)
    return (values, indices) if keepdim else (values.squeeze(dim), indices.squeeze(dim))


_max.defvjps(
    lambda g_values, indices, x_shape, dim: scatter_along(
        restore_dims(g_values, x_shape, (dim,)), _indices_with_dim(indices, x_shape, dim), dim=dim, shape=x_shape
    )
)


def _indices_with_dim(indices: Any, shape: tuple[int, ...], dim: int) -> Any:
    return reshape(indices, kept_shape(shape, (dim,)))


@primitive
def _amax(x: Array) -> Array:
    return np.max(x)


_amax.defvjps(lambda g, x, out: g * _share_of_ties(x, out))


@primitive(differentiable=False)
def _share_of_ties(x: Array, largest: Array) -> Array:
    # Where the largest value stands, divided by how often; the count in float64, which float16 could not hold.
    ties = (x == largest) | ((x != x) & (largest != largest))
    return (ties / ties.sum(dtype=np.float64)).astype(x.dtype)


def argmax(input: Any, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The index of the largest value along `dim`, or in reading order without it; the first on ties."""
    if not isinstance(input, TensorBase):
        are_tensors("argmax", input=input)
    at = None if dim is None else normalize_dim("argmax", dim, input.ndim)
    if 0 in (input.shape if at is None else input.shape[at : at + 1]):
        raise ShapeError(f"argmax: there is no largest value over an empty axis of shape {tuple(input.shape)}")
    return _argmax(input, dim=at, keepdim=keepdim)


@primitive(differentiable=False)
def _argmax(x: Array, *, dim: int | None, keepdim: bool) -> Array:
    return np.argmax(x, dim if x.ndim else None, keepdims=keepdim)


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
