"""Sliding windows over any number of spatial axes, the arithmetic that convolution and pooling share.

Along one axis, window y reads at its place k the pixel y*stride + k*dilation - before, where `before` is the padding in
front of the first pixel. Everything here follows from that one line.
"""

import functools
import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Ints = tuple[int, ...]
Slices = tuple[slice, ...]


def window_view(x: Array, kernel: Ints, stride: Ints, dilation: Ints, out_size: Ints) -> Array:
    """All windows of (N, C, *space) without copying: (N, C, *kernel, *out_size). Read only; no padding."""
    step = x.strides[2:]
    places = tuple(s * d for s, d in zip(step, dilation, strict=True))
    windows = tuple(s * t for s, t in zip(step, stride, strict=True))
    return np.lib.stride_tricks.as_strided(
        x, x.shape[:2] + kernel + out_size, x.strides[:2] + places + windows, writeable=False
    )


def overlapping(x: Array, begin: Ints, shape: Ints, strides: Ints) -> Array:
    """A view of x of any strides, from the element at `begin` (along the first axes) on. Read only."""
    if x.flags.c_contiguous:  # far quicker to make than what `as_strided` gives
        offset = sum(i * stride for i, stride in zip(begin, x.strides, strict=False))
        return np.ndarray(shape, x.dtype, x, offset, strides)
    corner = x[tuple(slice(i, None) for i in begin)]
    return np.lib.stride_tricks.as_strided(corner, shape, strides, writeable=False)


@functools.lru_cache(256)
def each_place(
    size: Ints, kernel: Ints, stride: Ints, before: Ints, dilation: Ints, out_size: Ints
) -> tuple[tuple[Ints, Slices, Slices], ...]:
    """For each kernel place in reading order: the place, the windows that read a pixel there, and these pixels.

    Windows whose pixel at this place falls into the padding are left out, so callers never build a padded array.
    """
    axes = [
        list(enumerate(places_along(*axis)))
        for axis in zip(kernel, stride, before, dilation, size, out_size, strict=True)
    ]
    found = []
    for along in itertools.product(*axes):
        place, slices = zip(*along, strict=True)
        windows, pixels = zip(*slices, strict=True)
        if all(w.stop > w.start for w in windows):
            found.append((place, windows, pixels))
    return tuple(found)


@functools.lru_cache(4096)
def places_along(
    kernel: int, stride: int, before: int, dilation: int, size: int, out: int
) -> tuple[tuple[slice, slice], ...]:
    """Along one axis, for each kernel place: the windows that read a pixel there, and these pixels."""
    return tuple(_valid(k * dilation - before, stride, size, out) for k in range(kernel))


def _valid(first: int, stride: int, size: int, out: int) -> tuple[slice, slice]:
    """Which y in range(out) have 0 <= first + y*stride < size, as a slice of windows and one of pixels."""
    start = max(0, -(first // stride))
    stop = max(start, min(out, (size - 1 - first) // stride + 1))
    begin = first + start * stride
    return slice(start, stop), slice(begin, max(begin, begin + (stop - start - 1) * stride + 1), stride)


def work_dtype(dtype: np.dtype) -> np.dtype:
    """The dtype sums are taken in: float32 for float16, whose sums would lose digits and overflow."""
    return np.dtype(np.float32) if dtype == np.float16 else dtype
