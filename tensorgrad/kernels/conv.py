"""Cross-correlation and its two gradients on plain arrays, for any number of spatial axes.

Axes: n image, g group, c channel in (within its group), o channel out (within its group), k kernel place, y window,
x pixel; k, y and x stand for one axis per spatial dimension. Images are (n, g*c, *x), weights (g*o, c, *k), results
(n, g*o, *y).

The three functions are the derivatives of one form in three factors, the sum over n o y c k of result[n, o, y] *
weight[o, c, k] * image[n, c, y*stride + k*dilation - before]: each is linear in two of them, so each is the others'
gradient. Windows are laid out as matrices of columns (g, c*k, n*y), a chunk that fits the cache at a time, and each
chunk is one matrix product per group. Chunk borders depend on sizes alone, so results do not depend on the number of
threads.
"""

import math
from collections.abc import Iterator

import numpy as np

from .pad import pad_constant
from .windows import Array, Ints, each_place, window_view, work_dtype

Pads = tuple[tuple[int, int], ...]

CHUNK_BYTES = 1 << 20  # about one core's L2: columns are written, then read once by the product


def conv_output_size(size: Ints, kernel: Ints, stride: Ints, padding: Pads, dilation: Ints) -> Ints:
    """The number of windows along each spatial axis; zero or less where no window fits."""
    return tuple(
        (n + sum(p) - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(size, kernel, stride, padding, dilation, strict=True)
    )


def conv(x: Array, weight: Array, stride: Ints, padding: Pads, dilation: Ints, groups: int) -> Array:
    """Slide the filters over the images: (n, g*c, *x) with (g*o, c, *k) to (n, g*o, *y). float16 sums in float32."""
    kernel = weight.shape[2:]
    out_size = conv_output_size(x.shape[2:], kernel, stride, padding, dilation)
    out = np.empty((x.shape[0], weight.shape[0], *out_size), x.dtype)
    filters = _filters(weight, groups)
    if _is_pointwise(kernel, stride, padding):
        _pointwise(filters, x, out)
        return out
    for n, rows, columns in _columns(x, kernel, out_size, stride, padding, dilation, groups):
        block = out[n, :, rows].swapaxes(0, 1)  # o n y
        block[...] = (filters @ columns).reshape(block.shape)
    return out


def conv_input_grad(
    g: Array, weight: Array, shape: Ints, stride: Ints, padding: Pads, dilation: Ints, groups: int
) -> Array:
    """Scatter each result's gradient back over the window it was read from: an array of the images' `shape`.

    Also transposed convolution, for every `shape` that `conv` maps to the size of `g`; pixels no window reads get zero.
    """
    kernel, out_size = weight.shape[2:], g.shape[2:]
    filters = _filters(weight, groups).swapaxes(1, 2)  # g c*k o
    if _is_pointwise(kernel, stride, padding):
        gx = np.empty(shape, g.dtype)
        _pointwise(filters, g, gx)
        return gx
    gx = np.zeros(shape, filters.dtype)
    before = tuple(p[0] for p in padding)
    for n, rows in _chunks(shape[0], out_size, shape[1] * math.prod(kernel) * gx.itemsize):
        block = g[n, :, rows]
        windows = block.shape[2:]
        values = _matrix(block, groups, gx.dtype)
        # Depthwise: an outer product, for which multiplication is many times faster than a matrix product.
        shares = filters * values if filters.shape[2] == 1 else filters @ values
        shares = shares.reshape(shape[1], *kernel, block.shape[0], *windows)
        target = gx[n].swapaxes(0, 1)
        # The chunk's first window starts rows.start strides further on, as if there were that much less padding.
        offset = (before[0] - rows.start * stride[0], *before[1:])
        for place, w, pixels in each_place(shape[2:], kernel, stride, offset, dilation, windows):
            share: tuple[int | slice, ...] = (slice(None), *place, slice(None), *w)
            target[:, :, *pixels] += shares[share]
    return gx.astype(g.dtype, copy=False)


def conv_weight_grad(
    g: Array, x: Array, shape: Ints, stride: Ints, padding: Pads, dilation: Ints, groups: int
) -> Array:
    """Each filter weight's gradient, summed over images and windows: an array of the weight's `shape`."""
    kernel, out_size = shape[2:], g.shape[2:]
    work = work_dtype(x.dtype)
    gw = np.zeros((groups, shape[0] // groups, math.prod(shape[1:])), work)  # g o c*k
    for n, rows, columns in _columns(x, kernel, out_size, stride, padding, dilation, groups):
        gw += _matrix(g[n, :, rows], groups, work) @ columns.swapaxes(1, 2)
    return gw.reshape(shape).astype(g.dtype, copy=False)


def _columns(
    x: Array, kernel: Ints, out_size: Ints, stride: Ints, padding: Pads, dilation: Ints, groups: int
) -> Iterator[tuple[slice, slice, Array]]:
    """Yield (images, rows of windows, columns (g, c*k, n*y)); each chunk's columns overwrite the last one's."""
    channels, dtype = x.shape[1], work_dtype(x.dtype)
    padded = any(map(any, padding))
    depth = channels * math.prod(kernel)
    rank = len(kernel)
    to_columns = (1, *range(2, 2 + rank), 0, *range(2 + rank, 2 + 2 * rank))  # c k n y
    buffer = np.empty(0, dtype)
    images, windows = slice(0, 0), x
    for n, rows in _chunks(x.shape[0], out_size, depth * dtype.itemsize):
        if n != images:
            block = pad_constant(x[n], ((0, 0), (0, 0), *padding)) if padded else x[n]
            images, windows = n, window_view(block, kernel, stride, dilation, out_size)
        chunk = windows[(slice(None),) * (2 + rank) + (rows,)].transpose(to_columns)
        if buffer.size < chunk.size:
            buffer = np.empty(chunk.size, dtype)
        columns = buffer[: chunk.size]
        columns.reshape(chunk.shape)[...] = chunk
        yield n, rows, columns.reshape(groups, depth // groups, math.prod(chunk.shape[1 + rank :]))


def _chunks(images: int, out_size: Ints, window_bytes: int) -> Iterator[tuple[slice, slice]]:
    """Cut (images, rows of windows) into blocks of about CHUNK_BYTES: several whole images, or rows of a single one."""
    rows = out_size[0]
    row_bytes = max(1, math.prod(out_size[1:]) * window_bytes)
    some_images = max(1, CHUNK_BYTES // (rows * row_bytes))
    some_rows = min(rows, max(1, CHUNK_BYTES // row_bytes)) if some_images == 1 else rows
    for n in range(0, images, some_images):
        for y in range(0, rows, some_rows):
            yield slice(n, n + some_images), slice(y, y + some_rows)


def _pointwise(filters: Array, x: Array, out: Array) -> None:
    """A 1x1 convolution is a matrix product per image and group: (g o c) with (n g c x) into (n, g*o, *x)."""
    groups, rows, inner = filters.shape
    pixels = math.prod(x.shape[2:])
    columns = x.reshape(x.shape[0], groups, inner, pixels).astype(filters.dtype, copy=False)
    out.reshape(x.shape[0], groups, rows, pixels)[...] = filters @ columns


def _is_pointwise(kernel: Ints, stride: Ints, padding: Pads) -> bool:
    return set(kernel) == set(stride) == {1} and not any(map(any, padding))


def _filters(weight: Array, groups: int) -> Array:
    """(g*o, c, *k) as matrices (g, o, c*k) in the dtype sums are taken in."""
    depth = math.prod(weight.shape[1:])
    return weight.reshape(groups, weight.shape[0] // groups, depth).astype(work_dtype(weight.dtype), copy=False)


def _matrix(block: Array, groups: int, dtype: np.dtype) -> Array:
    """(n, g*o, *y) as matrices (g, o, n*y)."""
    n, channels = block.shape[:2]
    columns = n * math.prod(block.shape[2:])
    return block.swapaxes(0, 1).reshape(groups, channels // groups, columns).astype(dtype, copy=False)
