"""Windows of images as columns of a matrix (im2col), and the adjoint that adds columns back into images (col2im).

Axes: n image, c channel, k kernel place, y window, x pixel; k, y and x stand for one axis per spatial dimension.
"""

import math

import numpy as np

from .pad import pad_constant
from .windows import Array, Ints, each_place, window_view, work_dtype


def unfold(x: Array, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints, out_size: Ints) -> Array:
    """(n, c, *x) to (n, c*k, y): each window a column, its channels one after the other; a copy."""
    if any(padding):
        x = pad_constant(x, ((0, 0), (0, 0), *((p, p) for p in padding)))
    windows = window_view(x, kernel, stride, dilation, out_size)
    return windows.copy().reshape(x.shape[0], x.shape[1] * math.prod(kernel), math.prod(out_size))


def fold(
    columns: Array, size: Ints, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints, out_size: Ints
) -> Array:
    """Add every column back to its window's pixels: (n, c*k, y) to (n, c, *x). float16 sums in float32."""
    channels = columns.shape[1] // math.prod(kernel)
    columns = columns.reshape(columns.shape[0], channels, *kernel, *out_size)
    out = np.zeros((columns.shape[0], channels, *size), work_dtype(columns.dtype))
    for place, windows, pixels in each_place(size, kernel, stride, padding, dilation, out_size):
        share: tuple[int | slice, ...] = (slice(None), slice(None), *place, *windows)
        out[:, :, *pixels] += columns[share]
    return out.astype(columns.dtype, copy=False)
