"""Convolution with filters three pixels wide, of stride 1, by Winograd's algorithm F(4, 3) along the width alone.

Along the height the windows' sums are taken as they are. So four results take 6 products a row of the filter in place
of 12, where F(4x4, 3x3) takes a quarter of the products; but only one axis is transformed, which is what most of the
time goes into with few channels. See `winograd` for the algorithm; it rounds half to two thirds as much here.

Axes: i point; y, r row of results and of pixels; k row of the filter; o, c channels out and in; n image. Images lie as
(h, w, c, n). A tile is a column of blocks, of four results each, over many rows. Its transform lies as (i, r, c, n), so
that what the results of row y need is one matrix (k*c, n), overlapping the next row's, and is multiplied by filters
(i, o, k*c) where it lies.

Error: in float32, against float64 and relative to the largest result, `correlate` is off by 9e-7 with 16 channels and
2e-6 with 64, where direct sums are off by 5e-7; `weight_grad` by 6e-7, direct sums by 3e-7. An infinity or NaN in one
pixel reaches the four results of its tile in every row that reads it.
"""

import math

import numpy as np

from .buffers import scratch
from .direct import lanes_for
from .points import BLOCK, FILTERS, PIXELS, RESULTS, TILE, apply, multiply
from .threads import run
from .windows import Array, Ints, places_along

NARROW = 16  # filters up to which a product by g as it lies takes less time than to turn g round
CHUNK_BYTES = 1 << 22  # of a chunk after the transform, with its products


def correlate(x: Array, weight: Array, bias: Array | None, out: Array, before: Ints) -> None:
    """Write the sums over windows into out (h', w', o, n), its last two axes contiguous: weight (o, c, kh, 3).

    Window (i, j) reads at place k, l the pixel (i + k - before, j + l - before), zero where there is none.
    """
    height, width, depth, images = out.shape
    c, tall = weight.shape[1:3]
    planes = weight.transpose(3, 0, 2, 1).reshape(3, -1)
    filters = (FILTERS.astype(x.dtype) @ planes).reshape(BLOCK, 1, depth, tall * c)
    results, pixels = RESULTS.astype(x.dtype), PIXELS.astype(x.dtype)
    shift = None if bias is None else np.repeat(bias, images).reshape(depth, images)
    target = out.reshape(height, width, depth * images)
    chunks = _chunks(out.shape, tall, (c + depth) * images * x.itemsize)

    def chunk(number: int) -> None:
        left, rows = chunks[number]
        count, columns = rows.stop - rows.start, min(TILE, width - left)
        products = scratch("products", (BLOCK, count, depth, images), x.dtype)
        multiply(filters, _values(pixels, x, left, rows, tall, before), products)
        if shift is not None:
            products[1] += shift  # at point 1, whose powers are all 1: so it reaches each result once
        part = target[rows, left : left + columns]
        apply(results[:columns], products.reshape(BLOCK, count, depth * images).swapaxes(0, 1), part, 1)

    run(chunk, len(chunks), weight.size * out.size // len(weight))


def weight_grad(g: Array, x: Array, tall: int, before: Ints) -> Array:
    """Each weight's gradient (o, c, kh, 3), summed over windows and images; g is (h', w', o, n), `tall` is kh.

    At each point it is the sum over rows of matrix products of (kh*c, n) by (n, o), for which the pixels of g are
    turned round first if there are many filters. The chunks are cut into parts whose sums are added in order.
    """
    (_, width, depth, images), c = g.shape, x.shape[2]
    results, pixels = RESULTS.T.astype(x.dtype), PIXELS.astype(x.dtype)
    chunks = _chunks(g.shape, tall, ((c + depth) * images + tall * c * depth) * x.itemsize)
    is_turned = depth > NARROW
    lanes = min(lanes_for(BLOCK * tall * c * depth * x.itemsize), len(chunks))
    sums = np.zeros((lanes, BLOCK, tall * c, depth), x.dtype)

    def lane(number: int) -> None:
        for left, rows in chunks[len(chunks) * number // lanes : len(chunks) * (number + 1) // lanes]:
            count, columns = rows.stop - rows.start, min(TILE, width - left)
            part = g[rows, left : left + columns]
            if is_turned:
                turned = scratch("turned", (count, columns, images, depth), x.dtype)
                np.copyto(turned, part.swapaxes(2, 3))
                part = turned
            shares = scratch("shares", (count, BLOCK, images * depth), x.dtype)
            apply(results[:, :columns], part.reshape(count, columns, images * depth), shares, 1)
            factors = shares.reshape(count, BLOCK, *part.shape[2:]).swapaxes(0, 1)
            values = _values(pixels, x, left, rows, tall, before)
            product = scratch("product", (BLOCK, count, tall * c, depth), x.dtype)
            multiply(values, factors if is_turned else factors.swapaxes(2, 3), product)
            sums[number] += product.sum(1)

    run(lane, lanes, g.size * c * tall * 3)
    planes = FILTERS.T.astype(x.dtype) @ sums.sum(0).reshape(BLOCK, -1)  # kw kh*c*o
    return np.ascontiguousarray(planes.reshape(3, tall, c, depth).transpose(3, 2, 1, 0))


def correlate_pays(c: int, o: int, height: int, width: int, images: int) -> bool:
    """Whether `correlate` is faster than the direct kernel and F(4x4, 3x3), for results of this size and 3x3 filters.

    Measured at 8 to 256 images on one and two cores of a Zen 5, with OpenBLAS's AVX2 and AVX-512 kernels: 1.1 to 1.2
    times as fast as the direct kernel at 8 channels, 1.4 at 16; as fast as F(4x4, 3x3) at 32, where that loses nothing
    at the lower border. Unequal channels count by c*o/(c+o), of equal ones the half.
    """
    half = c * o / (c + o)
    across, down = _computed(width), _computed(height)
    return half >= (4 if images >= 16 else 8) and across < 1 + half / 12 and down > 0.67 + half / 50


def weight_grad_pays(c: int, o: int, height: int, width: int, images: int) -> bool:
    """Whether `weight_grad` is faster than the direct kernels and F(4x4, 3x3), measured likewise: 1.2 at 16 channels.

    A product sums over the images alone: of fewer than 16 it is not worth its transforms.
    """
    half = c * o / (c + o)
    across, down = _computed(width), _computed(height)
    return half >= 6 and images >= 16 and across < 1 + half / 20 and down > 0.7 + half / 60


def _computed(size: int) -> float:
    """How many results the tiles along an axis have for each one that is kept."""
    return TILE * math.ceil(size / TILE) / max(1, size)


def _values(matrix: Array, x: Array, left: int, rows: slice, tall: int, before: Ints) -> Array:
    """What the windows of some rows read in the blocks of the column `left`, at the points: (i, y, kh*c, n).

    Overlapping views. Pixels outside of the image are zero.
    """
    height, width, c, images = x.shape
    (places, across) = places_along(1, 1, before[1] - left, 1, width, BLOCK)[0]
    count = rows.stop - rows.start
    (inside, pixels) = places_along(1, 1, before[0] - rows.start, 1, height, count + tall - 1)[0]
    values = scratch("values", (BLOCK, count + tall - 1, c * images), x.dtype)
    if inside.start:
        values[:, : inside.start] = 0
    if inside.stop < values.shape[1]:
        values[:, inside.stop :] = 0
    apply(matrix[:, places], x.reshape(height, width, c * images)[pixels, across], values[:, inside].swapaxes(0, 1), 1)
    point, row, item = values.strides
    return np.ndarray((BLOCK, count, tall * c, images), x.dtype, values, 0, (point, row, images * item, item))


def _chunks(out: Ints, tall: int, row_bytes: int) -> list[tuple[int, slice]]:
    """Results (h', w', o, n) cut into tiles, and these into parts: (first column, rows).

    A row of a tile takes `row_bytes` at each point. The rows that two parts both read are transformed twice.
    """
    height, width = out[:2]
    parts = max(1, min(height // (2 * tall), math.ceil(height * BLOCK * row_bytes / CHUNK_BYTES)))
    rows = [slice(height * part // parts, height * (part + 1) // parts) for part in range(parts)]
    return [(left, some) for left in range(0, width, TILE) for some in rows]
