"""The largest and smallest values over axes, and where they stand; running ones. nan is larger and smaller than all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DTypeError, ShapeError
from ..kernels import scan as kernel
from ..kernels.sums import wide_sum
from ..node import Array, TensorBase
from ..primitive import primitive
from .check import are_tensors, normalize_dim, normalize_dims
from .extremes import maximum, minimum
from .indexing import scatter_along
from .pairs import MinMax, ValuesIndices, to_index, values_and_indices
from .reduce import Dims, restore_dims

if TYPE_CHECKING:
    from ..tensor import Tensor


# Over all values, or along one axis


def max(input: Any, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """The largest value; with `dim`, a pair (values, indices) along it; with another tensor, `maximum` of the two.

    With `dim`, the whole gradient goes to the index returned, the first in reading order on ties. Without, it is split
    evenly between all places of the largest value. nan is larger than every number. The other tensor may stand in the
    place of `dim`, as in PyTorch.
    """
    return _extreme("max", input, dim, keepdim, other)


def min(input: Any, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """The smallest value; with `dim`, a pair (values, indices) along it; with another tensor, `minimum` of the two.

    With `dim`, the whole gradient goes to the index returned, the first in reading order on ties. Without, it is split
    evenly between all places of the smallest value. nan is smaller than every number. The other tensor may stand in the
    place of `dim`, as in PyTorch.
    """
    return _extreme("min", input, dim, keepdim, other)


def _extreme(name: str, input: Any, dim: Any, keepdim: bool, other: Any) -> Any:
    if not isinstance(input, TensorBase):
        are_tensors(name, input=input)
    whole, along, of_two = (_amax, _max, maximum) if name == "max" else (_amin, _min, minimum)
    if other is not None or isinstance(dim, (TensorBase, np.ndarray)):
        if other is not None and dim is not None:
            raise DTypeError(f"{name}: takes a dim or another tensor, not both: got dim={dim!r}")
        other = dim if other is None else other
        are_tensors(name, other=other)
        return of_two(input, other)
    if dim is None:
        dims = normalize_dims(name, None, input.ndim)
        _check_not_empty(name, input, dims)
        return whole(input, dims=dims, keepdim=keepdim)
    at = normalize_dim(name, dim, input.ndim)
    _check_not_empty(name, input, (at,))
    return values_and_indices(along, input, dim=at, keepdim=keepdim)


def _check_not_empty(name: str, input: Any, dims: tuple[int, ...]) -> None:
    if 0 in [n for i, n in enumerate(input.shape) if i in dims]:
        kind = "smallest or largest" if name == "aminmax" else "largest" if "max" in name else "smallest"
        raise ShapeError(f"{name}: there is no {kind} value over an empty axis of shape {tuple(input.shape)}")


@primitive(outputs=("values", "indices"))
def _max(x: Array, *, dim: int, keepdim: bool) -> tuple[Array, Array]:
    return _taken(x, np.argmax(x, dim, keepdims=True), dim, keepdim)


@primitive(outputs=("values", "indices"))
def _min(x: Array, *, dim: int, keepdim: bool) -> tuple[Array, Array]:
    return _taken(x, np.argmin(x, dim, keepdims=True), dim, keepdim)


def _taken(x: Array, indices: Array, dim: int, keepdim: bool) -> tuple[Array, Array]:
    values = np.take_along_axis(x, indices, dim)
    return (values, indices) if keepdim else (values.squeeze(dim), indices.squeeze(dim))


_max.defvjps(lambda g_values, indices, x_shape, dim: to_index(g_values, indices, x_shape, dim))
_min.defvjps(lambda g_values, indices, x_shape, dim: to_index(g_values, indices, x_shape, dim))


# Over any axes


def amax(input: Any, dim: Dims = (), keepdim: bool = False) -> Tensor:
    """The largest value over `dim`: an int, a tuple, or () and None for all axes.

    The gradient is split evenly between all places of the largest value; nan, if there is one, is the largest, and all
    of them share the gradient.
    """
    return _amax(input, dims=_dims_of("amax", input, dim), keepdim=keepdim)


def amin(input: Any, dim: Dims = (), keepdim: bool = False) -> Tensor:
    """The smallest value over `dim`: an int, a tuple, or () and None for all axes.

    The gradient is split evenly between all places of the smallest value; nan, if there is one, is the smallest, and
    all of them share the gradient.
    """
    return _amin(input, dims=_dims_of("amin", input, dim), keepdim=keepdim)


def aminmax(input: Any, *, dim: int | None = None, keepdim: bool = False) -> MinMax:
    """A pair (min, max): `amin` and `amax` along `dim`, or over all axes without it."""
    are_tensors("aminmax", input=input)
    dims = _dims_of("aminmax", input, None if dim is None else normalize_dim("aminmax", dim, input.ndim))
    return MinMax(_amin(input, dims=dims, keepdim=keepdim), _amax(input, dims=dims, keepdim=keepdim))


def _dims_of(name: str, input: Any, dim: Dims) -> tuple[int, ...]:
    are_tensors(name, input=input)
    dims = normalize_dims(name, dim, input.ndim)
    _check_not_empty(name, input, dims)
    return dims


@primitive
def _amax(x: Array, *, dims: tuple[int, ...], keepdim: bool) -> Array:
    return np.max(x, dims, keepdims=keepdim)


@primitive
def _amin(x: Array, *, dims: tuple[int, ...], keepdim: bool) -> Array:
    return np.min(x, dims, keepdims=keepdim)


def _to_ties(g: Any, x: Any, out: Any, dims: tuple[int, ...]) -> Any:
    return restore_dims(g, x.shape, dims) * share_of_ties(x, restore_dims(out, x.shape, dims), dims=dims)


_amax.defvjps(lambda g, x, out, dims: _to_ties(g, x, out, dims))
_amin.defvjps(lambda g, x, out, dims: _to_ties(g, x, out, dims))


@primitive(differentiable=False)
def share_of_ties(x: Array, value: Array, *, dims: tuple[int, ...]) -> Array:
    """Where x is `value`, of size 1 over `dims`, divided by how often: 0 elsewhere. nan equals nan."""
    ties = x == value
    if np.isnan(value).any():
        ties |= (x != x) & (value != value)
    shares = ties.astype(np.float64 if x.dtype == np.float64 else np.float32)  # float16 counts to 2048
    counts = wide_sum(shares, dims, keepdims=True)
    if (counts != 1).any():
        shares /= counts
    return shares.astype(x.dtype, copy=False)


# Where they stand


def argmax(input: Any, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The index of the largest value along `dim`, or in reading order without it; the first on ties."""
    at = _dim_of("argmax", input, dim)
    return _argmax(input, dim=at, keepdim=keepdim)


def argmin(input: Any, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """The index of the smallest value along `dim`, or in reading order without it; the first on ties."""
    at = _dim_of("argmin", input, dim)
    return _argmin(input, dim=at, keepdim=keepdim)


def _dim_of(name: str, input: Any, dim: int | None) -> int | None:
    if not isinstance(input, TensorBase):
        are_tensors(name, input=input)
    at = None if dim is None else normalize_dim(name, dim, input.ndim)
    _check_not_empty(name, input, tuple(range(input.ndim)) if at is None else (at,))
    return at


@primitive(differentiable=False)
def _argmax(x: Array, *, dim: int | None, keepdim: bool) -> Array:
    return np.argmax(x, dim if x.ndim else None, keepdims=keepdim)


@primitive(differentiable=False)
def _argmin(x: Array, *, dim: int | None, keepdim: bool) -> Array:
    return np.argmin(x, dim if x.ndim else None, keepdims=keepdim)


# Running extremes


def cummax(input: Any, dim: int) -> ValuesIndices:
    """A pair (values, indices): the largest value up to each place along `dim`, and where it stands.

    Of equal values the last one is taken, and gets the gradient. From a nan on, all are nan.
    """
    are_tensors("cummax", input=input)
    return values_and_indices(_cummax, input, dim=normalize_dim("cummax", dim, input.ndim))


def cummin(input: Any, dim: int) -> ValuesIndices:
    """A pair (values, indices): the smallest value up to each place along `dim`, and where it stands.

    Of equal values the last one is taken, and gets the gradient. From a nan on, all are nan.
    """
    are_tensors("cummin", input=input)
    return values_and_indices(_cummin, input, dim=normalize_dim("cummin", dim, input.ndim))


@primitive(outputs=("values", "indices"))
def _cummax(x: Array, *, dim: int) -> tuple[Array, Array]:
    return kernel.running_extreme(np.maximum, x, dim)


@primitive(outputs=("values", "indices"))
def _cummin(x: Array, *, dim: int) -> tuple[Array, Array]:
    return kernel.running_extreme(np.minimum, x, dim)


_cummax.defvjps(lambda g_values, indices, x_shape, dim: scatter_along(g_values, indices, dim=dim, shape=x_shape))
_cummin.defvjps(lambda g_values, indices, x_shape, dim: scatter_along(g_values, indices, dim=dim, shape=x_shape))
