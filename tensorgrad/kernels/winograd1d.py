"""Convolution of stride 1 with filters 3 to 7 pixels wide, by Winograd's algorithm along the width alone.

Along the height the windows' sums are taken as they are. By F(4, 3), four results take 6 products a row of the filter
in place of 12; by F(4, 5), 8 in place of 20; by F(3, 7), three take 9 in place of 21. F(4x4, 3x3) takes a quarter of
the products, but here only one axis is transformed, which is what most of the time goes into with few channels. See
`winograd` for the algorithm; it rounds half to two thirds as much here. Filters of another width that are 3 to 7 high
are transformed along the height: images, filters and results are turned as views.

Axes: i point; y, r row of results and of pixels; k row of the filter; o, c channels out and in; n image. Images lie as
(h, w, c, n). A tile is a column of blocks, of so many results each, over many rows. Its transform lies as (i, r, c, n),
so that what the results of row y need is one matrix (k*c, n), overlapping the next row's, and is multiplied by filters
(i, o, k*c) where it lies.

Error: in float32, against float64 and relative to the largest result, `correlate` is off by 9e-7 with 16 channels and
2e-6 with 64 for filters 3x3, where direct sums are off by 5e-7; `weight_grad` by 6e-7, direct sums by 3e-7. For 5x5
these are 2e-6, 3e-6 and 1e-6; for 7x7 4e-6, 4e-6 and 2e-6; with OpenBLAS's AVX-512 kernels up to half as much again.
An infinity or NaN in one pixel reaches all results of its tile in every row that reads it.
"""

import functools
import math

import numpy as np

from .blas import in_one_thread
from .buffers import scratch, seen, zeros
from .cook_toom import BY_TAPS, ONE
from .direct import by_columns, lanes_for
from .points import apply, multiply
from .threads import run
from .windows import Array, Ints, places_along

NARROW = 16  # filters up to which a product by g as it lies takes less time than to turn g round
CHUNK_BYTES = 1 << 22  # of a chunk after the transform, with its products
LEAST_GAIN = 1.1  # in time, for which to round more


def fits(kernel: Ints) -> bool:
    """Whether there are matrices for filters of this height or width."""
    return kernel[0] in BY_TAPS or kernel[1] in BY_TAPS


def correlate(x: Array, weight: Array, bias: Array | None, out: Array, before: Ints) -> None:
    """Write the sums over windows into out (h', w', o, n), its last two axes contiguous: weight (o, c, kh, kw).

    Window (i, j) reads at place k, l the pixel (i + k - before, j + l - before), zero where there is none.
    """
    if weight.shape[3] not in BY_TAPS:
        correlate(x.swapaxes(0, 1), weight.swapaxes(2, 3), bias, out.swapaxes(0, 1), before[::-1])
        return
    height, width, depth, images = out.shape
    c, tall, taps = weight.shape[1:]
    results, pixels, filters = (matrix.astype(x.dtype) for matrix in BY_TAPS[taps])
    tile, block = results.shape
    if by_columns(depth, tall * c, images):
        planes = weight.transpose(3, 2, 1, 0).reshape(taps, -1)
        factors = _product(filters, planes).reshape(block, 1, tall * c, depth).swapaxes(2, 3)
    else:
        planes = weight.transpose(3, 0, 2, 1).reshape(taps, -1)
        factors = _product(filters, planes).reshape(block, 1, depth, tall * c)
    shift = None if bias is None else np.repeat(bias, images).reshape(depth, images)
    target = out.reshape(height, width, depth * images)
    chunks = _chunks(out.shape, tall, tile, block * (c + depth) * images * x.itemsize)

    def chunk(number: int) -> None:
        left, rows = chunks[number]
        count, columns = rows.stop - rows.start, min(tile, width - left)
        products = scratch("products", (block, count, depth, images), x.dtype)
        multiply(factors, _values(pixels, x, left, rows, tall, before), products)
        if shift is not None:
            products[ONE] += shift  # at point 1, whose powers are all 1: so it reaches each result once
        part = target[rows, left : left + columns]
        apply(results[:columns], products.reshape(block, count, depth * images).swapaxes(0, 1), part, 1)

    run(chunk, len(chunks), weight.size * out.size // len(weight), writes=(out,))


def weight_grad(g: Array, x: Array, kernel: Ints, before: Ints) -> Array:
    """Each weight's gradient (o, c, kh, kw), summed over windows and images; g is (h', w', o, n).

    At each point it is the sum over rows of matrix products of (kh*c, n) by (n, o), for which the pixels of g are
    turned round first if there are many filters. The chunks are cut into parts whose sums are added in order.
    """
    if kernel[1] not in BY_TAPS:
        turned_round = weight_grad(g.swapaxes(0, 1), x.swapaxes(0, 1), kernel[::-1], before[::-1])
        return np.ascontiguousarray(turned_round.swapaxes(2, 3))
    (_, width, depth, images), c, (tall, taps) = g.shape, x.shape[2], kernel
    results, pixels, filters = (matrix.astype(x.dtype) for matrix in BY_TAPS[taps])
    tile, block = results.shape
    chunks = _chunks(g.shape, tall, tile, block * ((c + depth) * images + tall * c * depth) * x.itemsize)
    is_turned = depth > NARROW
    lanes = min(lanes_for(block * tall * c * depth * x.itemsize), len(chunks))
    sums = zeros((lanes, block, tall * c, depth), x.dtype)

    def lane(number: int) -> None:
        for left, rows in chunks[len(chunks) * number // lanes : len(chunks) * (number + 1) // lanes]:
            count, columns = rows.stop - rows.start, min(tile, width - left)
            part = g[rows, left : left + columns]
            if is_turned:
                turned = scratch("turned", (count, columns, images, depth), x.dtype)
                np.copyto(turned, part.swapaxes(2, 3))
                part = turned
            shares = scratch("shares", (count, block, images * depth), x.dtype)
            apply(results.T[:, :columns], part.reshape(count, columns, images * depth), shares, 1)
            factors = shares.reshape(count, block, *part.shape[2:]).swapaxes(0, 1)
            values = _values(pixels, x, left, rows, tall, before)
            product = scratch("product", (block, count, tall * c, depth), x.dtype)
            multiply(values, factors if is_turned else factors.swapaxes(2, 3), product)
            sums[number] += product.sum(1)

    run(lane, lanes, g.size * c * tall * taps, writes=(sums,))
    total = sums.sum(0).reshape(block, -1)
    planes = _product(filters.T, total)  # kw kh*c*o
    return np.ascontiguousarray(planes.reshape(taps, tall, c, depth).transpose(3, 2, 1, 0))


def correlate_pays(c: int, o: int, height: int, width: int, images: int, kernel: Ints = (3, 3)) -> bool:
    """Whether `correlate` is faster than the direct kernel and F(4x4, 3x3), for results of this size.

    Measured with 3x3 filters at 8 to 256 images on one and two cores of a Zen 5, with OpenBLAS's AVX2 and AVX-512
    kernels: 1.1 to 1.2 times as fast as the direct kernel at 8 channels, 1.4 at 16; as fast as F(4x4, 3x3) at 32, where
    that loses nothing at the lower border. Unequal channels count by c*o/(c+o), of equal ones the half. Filters of
    other sizes, measured at 8 to 64 images on one core with the AVX2 kernels: see `_gain`.
    """
    if kernel != (3, 3):
        return _gain(c, o, height, width, kernel) > LEAST_GAIN
    half = c * o / (c + o)
    across, down = _computed(width, 4), _computed(height, 4)
    return half >= (4 if images >= 16 else 8) and across < 1 + half / 12 and down > 0.67 + half / 50


def weight_grad_pays(c: int, o: int, height: int, width: int, images: int, kernel: Ints = (3, 3)) -> bool:
    """Whether `weight_grad` is faster than the direct kernels and F(4x4, 3x3), measured likewise: 1.2 at 16 channels.

    A product sums over the images alone: of fewer than 16 it is not worth its transforms. With other filters that
    depends on the channels too, for to add up products of many takes longer than to make them.
    """
    if kernel != (3, 3):
        return _gain(c, o, height, width, kernel) * images / (images + 4 + c * o / 1024) > 1
    half = c * o / (c + o)
    across, down = _computed(width, 4), _computed(height, 4)
    return half >= 6 and images >= 16 and across < 1 + half / 20 and down > 0.7 + half / 60


def _product(matrix: Array, planes: Array) -> Array:
    """Their product, outside of a job."""
    out = seen((len(matrix), planes.shape[1]), planes.dtype)
    in_one_thread(lambda: np.matmul(matrix, planes, out=out))
    return out


def _computed(size: int, tile: int) -> float:
    """How many results the tiles along an axis have for each one that is kept."""
    return tile * math.ceil(size / tile) / max(1, size)


def _gain(c: int, o: int, height: int, width: int, kernel: Ints) -> float:
    """How many times as long the direct kernel takes, for filters of other sizes than 3x3: an estimate.

    It counts multiplications, those of the transforms three times, whose products have so few rows. Of 230 cases from
    1x5 to 7x7, with 3 to 32 channels and 7x7 to 28x28 results, 9 in 10 gained 0.9 to 1.9 times as much, 1.2 in the
    middle, and of those above LEAST_GAIN none lost.
    """
    if kernel[1] not in BY_TAPS:
        return _gain(c, o, width, height, kernel[::-1])
    half, (tile, block) = c * o / max(1, c + o), BY_TAPS[kernel[1]].results.shape
    computed = _computed(width, tile) * block / tile * (kernel[0] * half + 3 * (block + tile) / 2)
    return kernel[0] * kernel[1] * half / max(1, computed)


def _values(matrix: Array, x: Array, left: int, rows: slice, tall: int, before: Ints) -> Array:
    """What the windows of some rows read in the blocks of the column `left`, at the points: (i, y, kh*c, n).

    Overlapping views. Pixels outside of the image are zero.
    """
    (height, width, c, images), block = x.shape, len(matrix)
    (places, across) = places_along(1, 1, before[1] - left, 1, width, block)[0]
    count = rows.stop - rows.start
    (inside, pixels) = places_along(1, 1, before[0] - rows.start, 1, height, count + tall - 1)[0]
    values = scratch("values", (block, count + tall - 1, c * images), x.dtype)
    if inside.start:
        values[:, : inside.start] = 0
    if inside.stop < values.shape[1]:
        values[:, inside.stop :] = 0
    apply(matrix[:, places], x.reshape(height, width, c * images)[pixels, across], values[:, inside].swapaxes(0, 1), 1)
    point, row, item = values.strides
    return np.ndarray((block, count, tall * c, images), x.dtype, values, 0, (point, row, images * item, item))


@functools.lru_cache(maxsize=512)
def _chunks(out: Ints, tall: int, tile: int, row_bytes: int) -> tuple[tuple[int, slice], ...]:
    """Results (h', w', o, n) cut into tiles, and these into parts: (first column, rows).

    A row of a tile takes `row_bytes`. The rows that two parts both read are transformed twice.
    """
    height, width = out[:2]
    parts = max(1, min(height // (2 * tall), math.ceil(height * row_bytes / CHUNK_BYTES)))
    rows = [slice(height * part // parts, height * (part + 1) // parts) for part in range(parts)]
    return tuple([(left, some) for left in range(0, width, tile) for some in rows])
