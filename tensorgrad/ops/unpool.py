"""What undoes max pooling, as far as it can be: each value goes back to the pixel it came from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DTypeError, LabelError, ShapeError
from .check import are_tensors, positive, sizes
from .family import batched, by, check_images
from .indexing import plain_index, setitem
from .shape import reshape

if TYPE_CHECKING:
    from ..tensor import Tensor


def max_unpool2d(
    input: Any,
    indices: Any,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """The values (N, C, H, W) at their places in an image of zeros (N, C, H', W').

    `indices` are the places in the flattened image, as `max_pool2d` gives them with `return_indices`. H' = (H - 1) *
    stride + kernel_size - 2 * padding, unless `output_size`, (H', W') or all four, says which of the sizes within one
    stride of that it was. Where windows overlap, a place may be named twice: the last value in reading order stands
    there, and takes the whole gradient; PyTorch gives the gradient to each. One image (C, H, W) gives (C, H', W').
    Raises LabelError for an index outside of the image.
    """
    return _max_unpool(2, input, indices, kernel_size, stride, padding, output_size)


def max_unpool1d(
    input: Any,
    indices: Any,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """The values (N, C, W) at their places in a line of zeros (N, C, W'). See `max_unpool2d`."""
    return _max_unpool(1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(
    input: Any,
    indices: Any,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """The values (N, C, D, H, W) at their places in a volume of zeros (N, C, D', H', W'). See `max_unpool2d`."""
    return _max_unpool(3, input, indices, kernel_size, stride, padding, output_size)


def _max_unpool(
    rank: int, input: Any, indices: Any, kernel_size: Any, stride: Any, padding: Any, output_size: Any
) -> Tensor:
    name = f"max_unpool{rank}d"
    are_tensors(name, input=input, indices=indices)
    if tuple(indices.shape) != tuple(input.shape):
        raise ShapeError(f"{name}: indices has shape {tuple(indices.shape)}, input {tuple(input.shape)}: they differ")
    if indices.dtype.kind not in "iu":
        raise DTypeError(f"{name}: indices has dtype {indices.dtype}, places are integers")
    array = plain_index(name, indices)
    if input.ndim == rank + 1:
        return batched(
            lambda images: _max_unpool(rank, images, array[None], kernel_size, stride, padding, output_size), input
        )
    given = tuple(input.shape)
    check_images(name, rank, given)
    window = positive(name, "kernel_size", kernel_size, rank)
    tiles = stride is None or (isinstance(stride, (tuple, list)) and not stride)
    step = window if tiles else positive(name, "stride", stride, rank)
    pads = sizes(name, "padding", padding, rank, least=0)
    size = _size(name, given, window, step, pads, output_size)
    pixels = math.prod(size)
    if array.size and (array.min() < 0 or array.max() >= pixels):
        wrong = array.min() if array.min() < 0 else array.max()
        raise LabelError(f"{name}: index {wrong} is out of range for an image of {by(size)} (0 to {pixels - 1})")
    n, c = given[:2]
    places = (np.arange(n)[:, None, None], np.arange(c)[:, None], array.reshape(n, c, math.prod(given[2:])))
    flat = setitem(np.zeros((n, c, pixels), input.dtype), places, reshape(input, places[2].shape))
    return reshape(flat, (n, c, *size))


def _size(
    name: str,
    shape: tuple[int, ...],
    window: tuple[int, ...],
    step: tuple[int, ...],
    pads: tuple[int, ...],
    output_size: Any,
) -> tuple[int, ...]:
    """The size of the images that were pooled: the least one, or one that is given and possible."""
    rank = len(window)
    usual = tuple((n - 1) * s + k - 2 * p for n, k, s, p in zip(shape[2:], window, step, pads, strict=True))
    if output_size is None:
        if any(n < 0 for n in usual):
            raise ShapeError(f"{name}: values of shape {shape} with padding {pads} come from images of {by(usual)}")
        return usual
    given = tuple(output_size) if isinstance(output_size, (tuple, list)) else ()
    if len(given) not in (rank, rank + 2):
        raise ShapeError(f"{name}: output_size must be {rank} or {rank + 2} ints, got {output_size!r}")
    size = sizes(name, "output_size", given[-rank:], rank, least=0)
    if any(not abs(n - m) < s for n, m, s in zip(size, usual, step, strict=True)):
        raise ShapeError(
            f"{name}: output_size {size} must be within one stride, {step}, of {usual}, for values of shape {shape}"
        )
    return size
