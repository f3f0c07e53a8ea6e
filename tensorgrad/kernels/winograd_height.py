"""Convolution of images in channels with filters 3 to 7 high by Winograd's algorithm along the height, of stride 1.

F(4, 3) takes half of the products and F(4, 5) two fifths, as in `winograd1d`, which see; results are rounded as much
here, weight gradients up to twice as much, 5e-6 of the largest with 7x7. Along the width the windows' sums are taken as
they are, of filters of any width. A sequence is an image one pixel wide.

Axes: i point; t row of tiles, of some results each; l place along the filter's width; o, c channels out and in; w pixel
along the width; n image. Images lie as (c, h, w, n), see `layout`. The rows of pixels that some tiles read are copied
with their padding to (i, c, t, w, n) and transformed along i. The values are copied once for each place l, shifted by l
pixels, so that all that the results need is one matrix (l*c, t*w*n) for each point, multiplied by filters (i, o, l*c).
So its products are as large as those of im2col, and it copies half as much.
"""

import math

import numpy as np

from .blas import in_one_thread
from .buffers import scratch, seen
from .cook_toom import BY_TAPS
from .direct import lanes_for
from .points import apply
from .runs import copy_runs
from .threads import run
from .windows import Array, Ints, places_along

CHUNK = 1 << 19  # values of a chunk of tiles, copies and products, after the transforms
SHORT = 4  # multiplications in the time of one of im2col's, and calls so short that threads wait for each other
# See `pays`.
CALL, CALLS = 5e4, 1e6  # multiplications that take as long as a place's calls in im2col, and all calls here
EXACT = 1e6  # multiplications; fewer are left to im2col, which is exact: parts of a millisecond are at stake
LEAST_RUN = 12  # values side by side in a row, below which copies are slow
MANY = 1 << 21  # weights at points, 8 MB


def correlate(x: Array, weight: Array, bias: Array | None, out: Array, before: Ints) -> None:
    """Write the sums over windows into out (o, h', w', n), any view: x (c, h, w, n), weight (o, c, kh, kw).

    Window (i, j) reads at place k, l the pixel (i + k - before, j + l - before), zero where there is none.
    """
    (depth, height, width, images), (_, c, taps, wide) = out.shape, weight.shape
    results, pixels, filters = (matrix.astype(x.dtype) for matrix in BY_TAPS[taps])
    tile, block = results.shape
    planes = weight.transpose(2, 0, 3, 1).reshape(taps, -1)
    factors = in_one_thread(lambda: filters @ planes).reshape(block, depth, wide * c)
    chunks = _chunks(-(-height // tile), width, block * ((wide + 2) * c + depth) * images)

    def chunk(number: int) -> None:
        first, count, left, across = chunks[number]
        corner = first * tile - before[0], left - before[1]
        values = _values(pixels, x, corner, (count, across + wide - 1), tile, "values")
        products = scratch("products", (block, depth, count, across, images), x.dtype)
        np.matmul(factors, _shifted(values, wide), out=products.reshape(block, depth, -1))
        made = scratch("made", (tile, depth, count, across, images), x.dtype)
        apply(results, products.reshape(block, -1), made.reshape(tile, -1), 0)
        for place in range(tile):
            target = out[:, first * tile + place : (first + count) * tile : tile, left : left + across]
            if bias is None:
                copy_runs(target, made[place, :, : target.shape[1]])
            else:
                np.add(made[place, :, : target.shape[1]], bias.reshape(-1, 1, 1, 1), out=target)

    run(chunk, len(chunks), weight.size * out.size // len(weight) // SHORT, writes=(out,))


def weight_grad(g: Array, x: Array, kernel: Ints, before: Ints) -> Array:
    """Each weight's gradient (o, c, kh, kw), summed over windows and images; g is (o, h', w', n), x (c, h, w, n).

    The chunks are cut into parts whose sums are added in order.
    """
    (depth, height, width, images), c, (taps, wide) = g.shape, len(x), kernel
    results, pixels, filters = (matrix.astype(x.dtype) for matrix in BY_TAPS[taps])
    tile, block = results.shape
    chunks = _chunks(-(-height // tile), width, block * ((wide + 2) * c + depth) * images)
    lanes = min(lanes_for(block * wide * c * depth * x.itemsize), len(chunks))
    sums = seen((lanes, block, wide * c, depth), x.dtype)

    def lane(number: int) -> None:
        todo = chunks[len(chunks) * number // lanes : len(chunks) * (number + 1) // lanes]
        for done, (first, count, left, across) in enumerate(todo):
            shares = _values(results.T, g, (first * tile, left), (count, across), tile, "shares")
            corner = first * tile - before[0], left - before[1]
            values = _values(pixels, x, corner, (count, across + wide - 1), tile, "values")
            factors = _shifted(values, wide), shares.reshape(block, depth, -1).swapaxes(1, 2)
            if done:
                sums[number] += np.matmul(*factors, out=scratch("product", sums.shape[1:], x.dtype))
            else:
                np.matmul(*factors, out=sums[number])

    run(lane, lanes, g.size * c * taps * wide // SHORT, writes=(sums,))
    total = (sums[0] if lanes == 1 else sums.sum(0)).reshape(block, -1)
    planes = in_one_thread(lambda: filters.T @ total)  # kh kw*c*o
    return np.ascontiguousarray(planes.reshape(taps, wide, c, depth).transpose(3, 2, 0, 1))


def fits(kernel: Ints) -> bool:
    """Whether there are matrices for filters of this height."""
    return kernel[0] in BY_TAPS


def pays(c: int, o: int, size: Ints, images: int, kernel: Ints) -> bool:
    """Whether both functions are faster than im2col, for results of this size (h', w').

    An estimate of multiplications: to copy a value into columns counts for 24, to copy it here for 16 each time, to
    transform it for 6 a point, to transform a result for 32. A weight at a point counts for 20, and for 96 where these
    are more than the cache holds: the gradient's sums of them are written and read several times. Measured on one core
    of a Zen 5 with OpenBLAS's AVX2 kernels, with 3x3 and 5x5, 1 to 12 images of 4 to 112 pixels along an axis, and with
    sequences of 16 to 1000 values, 3 to 512 channels each. Of 326 cases with images 209 are taken: results were 1.8
    times as fast in the middle, 0.97 to 5.0, weight gradients 1.7, 0.9 to 4.4. Of 270 with sequences 93: 1.35, 0.97 to
    1.9, and 1.4, 0.8 to 1.9, of which 8 were slower.
    """
    (height, width), (taps, wide) = size, kernel
    tile, block = BY_TAPS[taps].results.shape
    columns = height * width * images * taps * wide * c * (o + 24)
    points, weights = -(-height // tile) * width * images * block, o * c * wide * block
    made = points * (wide * c * o + (16 * wide + 6 * block) * c + 32 * o) + (20 if weights < MANY else 96) * weights
    is_worth = columns >= EXACT and (images == 1 or width * images >= LEAST_RUN)
    return is_worth and columns + CALL * taps * wide > made + CALLS


def _values(matrix: Array, x: Array, corner: Ints, size: Ints, step: int, name: str) -> Array:
    """Blocks of rows of x (c, h, w, n), of as many as the matrix has columns, multiplied by it: (i, c, t, w, n).

    `size` is (t, w). The first block begins at the corner, each other `step` rows further. Pixels outside of the image
    are zero.
    """
    (points, rows), (c, height, width, images), (top, left) = matrix.shape, x.shape, corner
    blocks = scratch("blocks", (rows, c, *size, images), x.dtype)
    (inside, columns) = places_along(1, 1, -left, 1, width, size[1])[0]
    blocks[:, :, :, : inside.start] = 0
    blocks[:, :, :, inside.stop :] = 0
    for row in range(rows):
        (tiles, lines) = places_along(1, step, -top - row, 1, height, size[0])[0]
        target = blocks[row]
        target[:, : tiles.start] = 0
        target[:, tiles.stop :] = 0
        copy_runs(target[:, tiles, inside], x[:, lines, columns])
    values = scratch(name, (points, c, *size, images), x.dtype)
    apply(matrix, blocks.reshape(rows, -1), values.reshape(points, -1), 0)
    return values


def _shifted(values: Array, wide: int) -> Array:
    """Values (i, c, t, w, n) copied for each place along a filter's width, as matrices (i, wide*c, t*w'*n)."""
    points, c, tiles, width, images = values.shape
    if wide == 1:
        return values.reshape(points, c, -1)
    width -= wide - 1
    copies = scratch("copies", (points, wide, c, tiles, width, images), values.dtype)
    for place in range(wide):
        copies[:, place] = values[:, :, :, place : place + width]
    return copies.reshape(points, wide * c, -1)


def _chunks(tiles: int, width: int, size: int) -> list[tuple[int, int, int, int]]:
    """Rows of tiles, of `size` values a pixel, cut into about equal parts: (first, count, first column, columns).

    They have all columns, but where a single row of so many would be more than a few chunks.
    """
    count = min(tiles, 2 * math.ceil(tiles * width * size / (2 * CHUNK)))
    parts = min(width, math.ceil(width * size / (4 * CHUNK)))
    rows = [(tiles * i // count, tiles * (i + 1) // count) for i in range(count)]
    columns = [(width * i // parts, width * (i + 1) // parts) for i in range(parts)]
    return [(first, last - first, left, right - left) for first, last in rows for left, right in columns]
