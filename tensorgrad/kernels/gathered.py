"""Convolution of images (h, w, c, n) by products over all windows of all images at once; exact.

What the windows read is gathered as columns (c*kh*kw, h'*w'*n), as in `im2col`, which is for images in channels. The
filters (o, c*kh*kw) times the columns are the results; the results' gradient (o, h'*w'*n) times the columns turned
round is the filters' gradient; and the filters turned round times the results' gradient are the columns' gradient, of
which each pixel adds up what its windows read.

It serves many filters on few pixels. There the products of `direct`, one for each pixel, read all filters again and
again, Winograd's algorithm makes four times as many values of the filters, and partial sums of the weight gradient, as
`direct` adds them for every row, would be far larger than the pixels that are copied here.
"""

import math

import numpy as np

from .buffers import empty, scratch
from .runs import copy_runs
from .threads import COPY_WORK, run
from .windows import Array, Ints, places_along

FILTERS_AT_ONCE, CHANNELS_AT_ONCE = 256, 64  # of a product: the results', and the gradients'
COLUMN_BYTES = 1 << 26  # of columns at a time
LEAST_WEIGHTS, MOST_WINDOWS = 1 << 19, 1600  # see `pays`; fewer weights stay in the cache between `direct`'s products
TILED_WEIGHTS, TILED_WINDOWS = 1 << 17, 450


def correlate(x: Array, weight: Array, bias: Array | None, out: Array, stride: Ints, before: Ints) -> None:
    """Write the sums over windows into out (h', w', o, n), its last two axes contiguous: weight (o, c, kh, kw).

    Window (i, j) reads at place k, l the pixel (i*stride + k - before, j*stride + l - before), zero where none is.
    """
    filters = np.ascontiguousarray(weight).reshape(len(weight), -1)
    rows = max(1, COLUMN_BYTES // max(1, filters[0].nbytes * out.shape[1] * out.shape[3]))
    for top in range(0, len(out), rows):
        first = before[0] - top * stride[0], before[1]
        _some_rows(x, weight.shape, filters, bias, out[top : top + rows], stride, first)


def _some_rows(
    x: Array, shape: Ints, filters: Array, bias: Array | None, out: Array, stride: Ints, before: Ints
) -> None:
    """`correlate` for some rows of results: first all columns, then their products with some filters each."""
    depth, c, *kernel = shape
    columns = empty((c, *kernel, *out.shape[:2], out.shape[3]), x.dtype)

    def gather(number: int) -> None:
        some = slice(number * CHANNELS_AT_ONCE, (number + 1) * CHANNELS_AT_ONCE)
        _gather(columns[some], x[:, :, some], stride, before)

    run(gather, -(-c // CHANNELS_AT_ONCE), COPY_WORK * columns.size, writes=(columns,))

    count = min(depth, max(2, -(-depth // FILTERS_AT_ONCE)))

    def multiply(number: int) -> None:
        some = slice(depth * number // count, depth * (number + 1) // count)
        results = out[:, :, some].transpose(2, 0, 1, 3)
        product = scratch("product", results.shape, x.dtype)
        rows = product.reshape(len(product), -1)
        np.matmul(filters[some], columns.reshape(filters.shape[1], -1), out=rows)
        if bias is not None:
            rows += bias[some, None]
        copy_runs(results, product)

    run(multiply, count, out.size * filters.shape[1], writes=(out,))


def weight_grad(g: Array, x: Array, kernel: Ints, stride: Ints, before: Ints) -> Array:
    """Each weight's gradient (o, c, kh, kw), summed over windows and images; g is (h', w', o, n)."""
    shares, (c, places) = _turned(g), (x.shape[2], math.prod(kernel))
    out = empty((len(shares), c, *kernel), g.dtype)
    target = out.reshape(len(shares), -1)
    step = _channels_at_once(places * shares[0].nbytes)

    def some_channels(number: int) -> None:
        some = slice(number * step, min(c, (number + 1) * step))
        columns = scratch("columns", (some.stop - some.start, *kernel, *g.shape[:2], g.shape[3]), x.dtype)
        _gather(columns, x[:, :, some], stride, before)
        factor = columns.reshape(-1, shares.shape[1]).T
        np.matmul(shares, factor, out=target[:, some.start * places : some.stop * places])

    run(some_channels, -(-c // step), out.size * shares.shape[1], writes=(out,))
    return out


def input_grad(g: Array, weight: Array, gx: Array, stride: Ints, before: Ints) -> None:
    """Write each pixel's gradient into gx (h, w, c, n), from all windows that read it: g (h', w', o, n)."""
    (height, width, c, images), kernel, places = gx.shape, weight.shape[2:], math.prod(weight.shape[2:])
    shares, filters = _turned(g), weight.reshape(len(weight), -1)
    tall, wide = (
        max(b + n, (y - 1) * s + k)
        for b, n, y, s, k in zip(before, gx.shape[:2], g.shape[:2], stride, kernel, strict=True)
    )
    step = _channels_at_once(places * shares[0].nbytes)

    def some_channels(number: int) -> None:
        some = slice(number * step, min(c, (number + 1) * step))
        count = some.stop - some.start
        columns = scratch("columns", (count, *kernel, *g.shape[:2], images), g.dtype)
        factor = filters[:, some.start * places : some.stop * places].T
        np.matmul(factor, shares, out=columns.reshape(count * places, -1))
        image = scratch("image", (count, tall, wide, images), g.dtype)
        image[...] = 0
        windows = _windows(image, columns.shape, stride)
        for row, column in np.ndindex(*kernel):
            windows[:, row, column] += columns[:, row, column]
        inner = image[:, before[0] : before[0] + height, before[1] : before[1] + width]
        copy_runs(gx[:, :, some], inner.transpose(1, 2, 0, 3))

    run(some_channels, -(-c // step), weight.size * shares.shape[1], writes=(gx,))


def _turned(g: Array) -> Array:
    """Results (h', w', o, n) as (o, h'*w'*n)."""
    turned = empty((g.shape[2], *g.shape[:2], g.shape[3]), g.dtype)
    copy_runs(turned, g.transpose(2, 0, 1, 3))
    return turned.reshape(len(turned), -1)


def _gather(columns: Array, x: Array, stride: Ints, before: Ints) -> None:
    """Write what the windows read of images (h, w, c, n) into columns (c, kh, kw, h', w', n)."""
    tall, wide = ((y - 1) * s + k for k, y, s in zip(columns.shape[1:3], columns.shape[3:5], stride, strict=True))
    image = scratch("image", (len(columns), tall, wide, columns.shape[5]), x.dtype)
    (rows, pixel_rows), (across, pixels) = (
        places_along(1, 1, b, 1, n, size)[0] for b, n, size in zip(before, x.shape[:2], (tall, wide), strict=True)
    )
    part = image[:, rows, across]
    if part.size < image.size:
        image[...] = 0
    copy_runs(part, x[pixel_rows, pixels].transpose(2, 0, 1, 3))
    copy_runs(columns, _windows(image, columns.shape, stride))


def _windows(image: Array, shape: Ints, stride: Ints) -> Array:
    """What the windows read of contiguous images (c, h, w, n): a view (c, kh, kw, h', w', n) of this shape."""
    channel, row, pixel, item = image.strides
    strides = channel, row, pixel, row * stride[0], pixel * stride[1], item
    return np.ndarray(shape, image.dtype, image, strides=strides)


def _channels_at_once(nbytes: int) -> int:
    """Of how many channels the columns are made at once, of so many bytes for a channel."""
    return max(1, min(CHANNELS_AT_ONCE, COLUMN_BYTES // max(1, nbytes)))


def pays(weights: int, windows: int, in_tiles: bool) -> bool:
    """Whether `correlate` and `input_grad` are faster than others, for so many weights and windows of all images.

    `in_tiles` says whether one of Winograd's algorithms would be taken otherwise, not `direct`. Measured on two cores
    with OpenBLAS's AVX-512 kernels, filters not in the cache: 3x3 in 0.5 of the time with 8 images of 4x4 and 256 or
    512 channels, 0.75 with 8 of 7x7; with a stride 0.5 for 256 to 512 channels on 7x7, 0.6 to 0.7 with 16 and 32
    images, 0.9 for 128 to 256 on 14x14.
    """
    most, least = (TILED_WINDOWS, TILED_WEIGHTS) if in_tiles else (MOST_WINDOWS, LEAST_WEIGHTS)
    return weights >= least and windows <= most


def weight_grad_pays(weights: int, windows: int, in_tiles: bool) -> bool:
    """Whether `weight_grad` is faster than others, as in `pays`.

    Measured likewise: 0.85 to 0.9 of the time in place of tiles; else 0.3 to 0.6 with 8 images, 0.7 to 0.8 with 64.
    """
    return pays(weights if in_tiles else 2 * weights, windows, in_tiles)
