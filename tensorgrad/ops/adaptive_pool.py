"""Pooling to a size: the windows are what the sizes of image and result make them, and may differ by a pixel.

Window i of `out` along an axis of n pixels holds the pixels floor(i*n/out) to before ceil((i+1)*n/out).
Average pooling and its adjoint are a closed family; max pooling reads the pixels it has found by `gather`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DTypeError, ShapeError
from ..kernels.average import adaptive_average, adaptive_average_adjoint
from ..kernels.axes import adaptive_ranges
from ..kernels.pool import adaptive_max
from ..node import Array
from .check import are_tensors, same_dtype
from .family import batched, by, check_images, named
from .indexing import scatter_along
from .shape import reshape

if TYPE_CHECKING:
    from ..tensor import Tensor

Ints = tuple[int, ...]
Size = int | None | Sequence[int | None]


def adaptive_avg_pool2d(input: Any, output_size: Size) -> Tensor:
    """The mean of each of H' x W' windows that cover the image: (N, C, H, W) to (N, C, H', W').

    `output_size` is a number, or one for each axis; None leaves an axis as it is. Along an axis, window i of H' holds
    the pixels floor(i*H/H') to before ceil((i+1)*H/H'): neighbours may share a pixel, and where H' is greater than H,
    pixels are repeated. `adaptive_avg_pool2d(x, 1)` is the mean of each map.
    One image (C, H, W) gives (C, H', W'). Raises ShapeError for an image without pixels, DTypeError for integers.
    """
    return _average(2, input, output_size)


def adaptive_avg_pool1d(input: Any, output_size: Size) -> Tensor:
    """The mean of each of W' windows that cover the sequence: (N, C, W) to (N, C, W'). See `adaptive_avg_pool2d`."""
    return _average(1, input, output_size)


def adaptive_avg_pool3d(input: Any, output_size: Size) -> Tensor:
    """The mean of each window: (N, C, D, H, W) to (N, C, D', H', W'). See `adaptive_avg_pool2d`."""
    return _average(3, input, output_size)


def adaptive_max_pool2d(input: Any, output_size: Size, return_indices: bool = False) -> Any:
    """The largest value in each of H' x W' windows that cover the image: (N, C, H, W) to (N, C, H', W').

    Windows as in `adaptive_avg_pool2d`. On ties the first maximum in reading order takes the whole gradient; of several
    nan the last. With `return_indices`, a pair: the values, and their positions in the flattened H*W plane.
    One image (C, H, W) gives (C, H', W'). Raises ShapeError for an image without pixels.
    """
    return _maximum(2, input, output_size, return_indices)


def adaptive_max_pool1d(input: Any, output_size: Size, return_indices: bool = False) -> Any:
    """The largest value in each of W' windows that cover the sequence: (N, C, W) to (N, C, W').

    See `adaptive_max_pool2d`.
    """
    return _maximum(1, input, output_size, return_indices)


def adaptive_max_pool3d(input: Any, output_size: Size, return_indices: bool = False) -> Any:
    """The largest value in each window: (N, C, D, H, W) to (N, C, D', H', W'). See `adaptive_max_pool2d`."""
    return _maximum(3, input, output_size, return_indices)


def _average_family(rank: int) -> tuple[Any, Any]:
    """The primitives over `rank` spatial axes: adaptive average pooling and its adjoint."""

    @named(f"_adaptive_avg_pool{rank}d")
    def forward(x: Array, *, output_size: Ints) -> Array:
        return adaptive_average(x, output_size)

    @named(f"adaptive_avg_pool{rank}d_adjoint")
    def adjoint(gy: Array, *, shape: Ints) -> Array:
        """Give each pixel of an image of `shape` its share of the windows that hold it."""
        return adaptive_average_adjoint(gy, shape[2:])

    forward.defvjps(lambda g, x_shape, output_size: adjoint(g, shape=x_shape))
    adjoint.defvjps(lambda g, gy_shape, shape: forward(g, output_size=gy_shape[2:]))
    return forward, adjoint


def _max_primitive(rank: int) -> Any:
    @named(f"_adaptive_max_pool{rank}d", outputs=("values", "indices"))
    def forward(x: Array, *, output_size: Ints) -> tuple[Array, Array]:
        """Also where the values were found, in the flattened pixels of their channel."""
        return adaptive_max(x, adaptive_ranges(x.shape[2:], output_size))

    forward.defvjps(lambda g_values, indices, x_shape: _to_winners(g_values, indices, x_shape))
    return forward


def _to_winners(g: Any, indices: Any, shape: Ints) -> Any:
    """Add each window's value to the pixel that won it, in zeros of `shape`."""
    columns = (shape[0], shape[1], math.prod(g.shape[2:]))
    pixels = (shape[0], shape[1], math.prod(shape[2:]))
    return reshape(scatter_along(reshape(g, columns), reshape(indices, columns), dim=2, shape=pixels), shape)


_adaptive_avg_pool1d, adaptive_avg_pool1d_adjoint = _average_family(1)
_adaptive_avg_pool2d, adaptive_avg_pool2d_adjoint = _average_family(2)
_adaptive_avg_pool3d, adaptive_avg_pool3d_adjoint = _average_family(3)
_adaptive_max_pool1d, _adaptive_max_pool2d, _adaptive_max_pool3d = (_max_primitive(rank) for rank in (1, 2, 3))
_AVERAGE = {1: _adaptive_avg_pool1d, 2: _adaptive_avg_pool2d, 3: _adaptive_avg_pool3d}
_MAX = {1: _adaptive_max_pool1d, 2: _adaptive_max_pool2d, 3: _adaptive_max_pool3d}


def _average(rank: int, input: Any, output_size: Size) -> Tensor:
    name = f"adaptive_avg_pool{rank}d"
    are_tensors(name, input=input)
    if input.ndim == rank + 1:
        return batched(lambda images: _average(rank, images, output_size), input)
    size = _checked(name, rank, tuple(input.shape), output_size)
    same_dtype(name, input=input)
    return _AVERAGE[rank](input, output_size=size)


def _maximum(rank: int, input: Any, output_size: Size, return_indices: bool) -> Any:
    name = f"adaptive_max_pool{rank}d"
    are_tensors(name, input=input)
    if input.ndim == rank + 1:
        return batched(lambda images: _maximum(rank, images, output_size, return_indices), input)
    size = _checked(name, rank, tuple(input.shape), output_size)
    if input.dtype.kind == "b":
        raise DTypeError(f"{name}: input has dtype {input.dtype}, it must be a float or an integer")
    values, indices = _MAX[rank](input, output_size=size)
    return (values, indices) if return_indices else values


def _checked(name: str, rank: int, given: Ints, output_size: Size) -> Ints:
    """The size of the result along each spatial axis; an error if it cannot be had."""
    check_images(name, rank, given)
    listed = tuple(output_size) if isinstance(output_size, (tuple, list)) else (output_size,) * rank
    sizes: list[Any] = [n if out is None else out for n, out in zip(given[2:], listed, strict=False)]
    whole = all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) and n >= 0 for n in sizes)
    if len(listed) != rank or not whole:
        raise ShapeError(f"{name}: output_size must be an int or None, or {rank} of them, got {output_size!r}")
    if 0 in given[2:]:
        raise ShapeError(f"{name}: images of {by(given[2:])} have no pixels to make {by(tuple(sizes))} of")
    return tuple(int(n) for n in sizes)
