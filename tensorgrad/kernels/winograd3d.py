"""Convolution of volumes with 3x3xk filters of stride 1 by Winograd's algorithm F(4x4, 3x3), along depth and height.

Along the width the windows' sums are taken as they are. A quarter of the products of the other two axes is left, and a
tile needs a third of the memory of one with three axes. See `winograd` for the algorithm; it rounds as much here.

Axes: i, j points along depth and height; t tile in a row of tiles; l place along the filter's width; o, c channels out
and in; w pixel along the width; n image. Volumes lie as (c, d, h, w, n), see `layout`, so a channel's row of pixels is
one run of w*n values, many even for a single image. The pixels of some tiles are copied with their padding as (d, h, c,
w*n) and transformed to (i, j, t, c, w*n); these are copied once for each place l, shifted by n values, so that what the
results of a row need is one matrix (l*c, w*n), multiplied by filters (i, j, o, l*c). The pixels of several images and
places are the columns of a product, which is as fast for one image as for many.

Error: in float32, against float64 and relative to the largest result, `correlate` is off by 2e-6 with 8 to 16 channels
and by 4e-6 with 64, `weight_grad` by 1e-6 to 2e-6. An infinity or NaN in one pixel becomes nan in the
whole tile, and where tiles overlap in both.
"""

import numpy as np

from .buffers import scratch, seen
from .direct import lanes_for
from .points import BLOCK, FILTERS, PIXELS, RESULTS, TILE, apply, multiply
from .threads import run
from .windows import Array, Ints, places_along
from .winograd import apply_twice, computed, filters_at_points, transformed

CHUNK = 1 << 19  # values of a chunk of tiles after the transforms
EXACT = 1e6  # multiplications; fewer are left to im2col, which is exact: parts of a millisecond are at stake
LEAST_GAIN = 0.9  # in the estimate, which is low
MANY = 1 << 20  # weights at points, 4 MB


def correlate(x: Array, weight: Array, bias: Array | None, out: Array, before: Ints) -> None:
    """Write the sums over windows into out (o, d', h', w', n), any view: x (c, d, h, w, n), weight (o, c, 3, 3, kw).

    Window (i, j, k) reads at place (a, b, l) the pixel (i + a - before, ...), zero where there is none.
    """
    (depth, *_, images), c, wide = out.shape, weight.shape[1], weight.shape[4]
    stacked = weight.transpose(0, 4, 1, 2, 3).reshape(depth, wide * c, 3, 3)
    filters = filters_at_points(stacked, x.dtype, out.shape[-2] * images)  # i j 1 o kw*c
    results, pixels = RESULTS.astype(x.dtype), PIXELS.astype(x.dtype)
    chunks = _chunks(out.shape, c)

    def chunk(number: int) -> None:
        top, left, tiles, across = chunks[number]
        corner, width = (top - before[0], left - before[1], across.start - before[2]), across.stop - across.start
        values = _values(pixels, x, corner, tiles, width + wide - 1, "values")
        products = scratch("products", (BLOCK, BLOCK, tiles, depth, width * images), x.dtype)
        for i in range(BLOCK):
            multiply(filters[i], _shifted(values[i], wide), products[i])
        half = scratch("half", (TILE, BLOCK, tiles, depth * width * images), x.dtype)
        apply(results, products.reshape(BLOCK, BLOCK, tiles, -1), half, 0)
        tile = scratch("tile", (TILE, tiles, TILE, depth * width * images), x.dtype)
        apply(results, half, tile.swapaxes(1, 2), 1)
        target = out[:, top : top + TILE, left : left + TILE * tiles, across]
        made = tile.reshape(TILE, TILE * tiles, depth, width, images).transpose(2, 0, 1, 3, 4)
        made = made[:, : target.shape[1], : target.shape[2]]
        if bias is None:
            np.copyto(target, made)
        else:
            np.add(made, bias.reshape(-1, 1, 1, 1, 1), out=target)

    run(chunk, len(chunks), weight.size * out.size // len(weight), writes=(out,))


def weight_grad(g: Array, x: Array, kernel: Ints, before: Ints) -> Array:
    """Each weight's gradient (o, c, 3, 3, kw), summed over windows and images; g is (o, d', h', w', n).

    The chunks are cut into parts whose sums are added in order.
    """
    (depth, *_, images), c, wide = g.shape, len(x), kernel[2]
    results, pixels, filters = (matrix.astype(x.dtype) for matrix in (RESULTS.T, PIXELS, FILTERS.T))
    chunks = _chunks(g.shape, c)
    lanes = min(lanes_for(9 * wide * c * depth * x.itemsize), len(chunks))
    sums = seen((lanes, 3, 3, wide * c, depth), x.dtype)

    def lane(number: int) -> None:
        total = scratch("total", (BLOCK, BLOCK, wide * c, depth), x.dtype)
        total[...] = 0
        product = scratch("product", (BLOCK, wide * c, depth), x.dtype)
        for top, left, tiles, across in chunks[len(chunks) * number // lanes : len(chunks) * (number + 1) // lanes]:
            corner, width = (top - before[0], left - before[1], across.start - before[2]), across.stop - across.start
            shares = _values(results, g, (top, left, across.start), tiles, width, "shares")
            shares = shares.reshape(BLOCK, BLOCK, tiles, depth, width * images).swapaxes(3, 4)
            values = _values(pixels, x, corner, tiles, width + wide - 1, "values")
            for i in range(BLOCK):
                shifted = _shifted(values[i], wide)
                for t in range(tiles):
                    np.matmul(shifted[:, t], shares[i, :, t], out=product)
                    total[i] += product
        apply_twice(filters, total.reshape(BLOCK, BLOCK, -1), sums[number].reshape(3, 3, -1))

    run(lane, lanes, g.size * c * 9 * wide, writes=(sums,))
    return np.ascontiguousarray(sums.sum(0).reshape(3, 3, wide, c, depth).transpose(4, 3, 0, 1, 2))


def fits(kernel: Ints) -> bool:
    """Whether it computes filters of this size."""
    return kernel[:2] == (3, 3)


def pays(c: int, o: int, size: Ints, images: int, kernel: Ints) -> bool:
    """Whether both functions are faster than im2col, for results of this size (d', h', w').

    An estimate: it counts multiplications for each result, to copy a value into columns for 5, those of the transforms
    for 48, and a weight at a point for 40 where these are more than the cache holds. Products of few columns take
    longer, as if they had 8 more, and of what hangs over, most is lost. Of 255 cases with 1 to 512 channels, 1 to 16
    images and 2 to 16 pixels along an axis, measured on one core of a Zen 5 with OpenBLAS's AVX2 kernels, 116 are
    taken: results were 1.9 times as fast in the middle, 1.03 to 3.7, weight gradients 1.7, 0.75 to 3.5, of which 5 were
    slower.
    """
    half, (deep, height, width), wide = c * o / (c + o), size, kernel[2]
    made = computed(deep, height) * (2.25 * wide * half + 48) * (1 + 8 / (width * images))
    if 36 * wide * c * o >= MANY:
        made += 40 * 36 * wide * half / (width * images)
    columns = deep * height * 9 * wide * (half + 5 * c / (c + o))
    return columns * width * images * (c + o) >= EXACT and columns > LEAST_GAIN * made


def _values(matrix: Array, x: Array, corner: Ints, tiles: int, width: int, name: str) -> Array:
    """A row of blocks of a volume (c, d, h, w, n), depth and height multiplied by a matrix: (i, j, t, c, width, n).

    Blocks are of as many pixels as the matrix has columns, and `width` wide. The first begins at the corner, each other
    TILE pixels further along the height. Pixels outside of the volume are zero.
    """
    points, size = matrix.shape
    c, images = len(x), x.shape[-1]
    shape = (size, TILE * (tiles - 1) + size, width)
    block = scratch("block", (*shape[:2], c, width, images), x.dtype)
    along = [places_along(1, 1, -i, 1, n, m)[0] for i, n, m in zip(corner, x.shape[1:-1], shape, strict=True)]
    (rows, _), (columns, _), (inner, _) = along
    for target, inside in (block, rows), (block.swapaxes(0, 1), columns), (block.transpose(3, 0, 1, 2, 4), inner):
        target[: inside.start] = 0
        target[inside.stop :] = 0
    block[rows, columns, :, inner] = x[:, *(pixels for _, pixels in along)].transpose(1, 2, 0, 3, 4)
    values = transformed(matrix, block.reshape(*shape[:2], -1), 0, 0, tiles, name)
    return values.reshape(points, points, tiles, c, width, images)


def _shifted(values: Array, wide: int) -> Array:
    """Values (j, t, c, w, n) copied for each place along a filter's width, as matrices (j, t, wide*c, w'*n)."""
    points, tiles, c, width, images = values.shape
    width -= wide - 1
    copies = scratch("copies", (points, tiles, wide, c, width, images), values.dtype)
    for place in range(wide):
        copies[:, :, place] = values[:, :, :, place : place + width]
    return copies.reshape(points, tiles, wide * c, width * images)


def _chunks(out: Ints, c: int) -> list[tuple[int, int, int, slice]]:
    """Results (o, d', h', w', n) cut into parts of rows of tiles: (first plane, first row, number of tiles, columns).

    They have all columns, but where a single tile of so many would be more than a few chunks.
    """
    depth, deep, height, width, images = out
    along, size = -(-height // TILE), BLOCK * BLOCK * width * (c + depth) * images
    step = -(-along // -(-along // max(1, CHUNK // size)))
    parts = min(width, -(-size // (4 * CHUNK)))
    columns = [slice(width * part // parts, width * (part + 1) // parts) for part in range(parts)]
    return [
        (top, TILE * begin, min(step, along - begin), across)
        for top in range(0, deep, TILE)
        for begin in range(0, along, step)
        for across in columns
    ]
