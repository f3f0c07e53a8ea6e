"""Convolution with 3x3 filters of stride 1 by Winograd's algorithm F(4x4, 3x3), for two spatial axes.

Along one axis, the gradient of six pixels from four results is a product of polynomials: the filter, of degree 2, times
the results' gradient, of degree 3. Its six coefficients follow from its values at six points. So it takes six products:
evaluate the factors by matrices G and A, multiply, interpolate by B. Transposed, this is the correlation of pixels x
with a filter w: A^T [(G w) * (B^T x)], * value by value. Along two axes it is A^T [(G w G^T) * (B^T x B)] A, with
36 products in place of 144 for a tile of 4x4 results. Summed over channels, they are 36 matrix products. (Lavin and
Gray 2015, https://arxiv.org/abs/1509.09308.)

Axes: i, j points along height and width; t tile in a row of tiles; o, c channels out and in; n image. Images lie as
(h, w, c, n). A pixel is then one run of c*n values, transforms mix whole runs, and what they make, (i, j, t, c, n), is
multiplied by filters (i, j, o, c) where it lies. Transforms are two products with 6x6 matrices, first along the height
and straight from the image: a third of the time of one product with their Kronecker square, and nothing is gathered.

Error: large values at the points cancel. In float32, against float64 and relative to the largest result, `correlate` is
off by 1e-6 with 16 channels, 2e-6 with 64, 3e-6 with 128 and 7e-6 with 512, some 2 to 15 times as much as direct sums;
`weight_grad` by 1e-6 to 2e-6, some 3 to 8 times as much. An infinity or NaN in one pixel reaches the whole tile.
"""

import functools
import itertools

import numpy as np

from .buffers import empty, scratch, seen
from .direct import by_columns, lanes_for
from .layout import SMALL_BATCH
from .points import BLOCK, FILTERS, PIXELS, RESULTS, TILE, apply, multiply
from .runs import copy_runs
from .threads import run
from .windows import Array, Ints, places_along

CHUNK = 1 << 20  # values of a chunk of tiles after the transforms
AT_ONCE = 8192  # filters (3, 3) that are transformed together
FEW = 4096  # filters (3, 3) that are brought into another order for faster products, however many images there are


def correlate(x: Array, weight: Array, bias: Array | None, out: Array, before: Ints) -> None:
    """Write the sums over windows into out (h', w', o, n), its last two axes contiguous: weight (o, c, 3, 3).

    Window (i, j) reads at place k, l the pixel (i + k - before, j + l - before), zero where there is none.
    """
    height, width, depth, images = out.shape
    c = x.shape[2]
    filters = filters_at_points(weight, x.dtype, images)
    results, pixels = RESULTS.astype(x.dtype), PIXELS.astype(x.dtype)
    shift = None if bias is None else np.repeat(bias, images).reshape(depth, images)
    image, target = x.reshape(*x.shape[:2], c * images), out.reshape(height, width, depth * images)
    chunks = _even_chunks(out.shape, c)

    def chunk(number: int) -> None:
        top, left, tiles = chunks[number]
        values = transformed(pixels, image, top - before[0], left - before[1], tiles, "values")
        products = scratch("products", (BLOCK, BLOCK, tiles, depth, images), x.dtype)
        multiply(filters, values.reshape(BLOCK, BLOCK, tiles, c, images), products)
        if shift is not None:
            products[1, 1] += shift  # at point 1, whose powers are all 1: so it reaches each result once
        rows, columns = min(TILE, height - top), min(TILE * tiles, width - left)
        half = scratch("half", (rows, BLOCK, tiles, depth * images), x.dtype)
        apply(results[:rows], products.reshape(BLOCK, BLOCK, tiles, -1), half, 0)
        whole, rest = divmod(columns, TILE)
        part = target[top : top + rows, left : left + columns]
        if whole:
            inner = part[:, : whole * TILE].reshape(rows, whole, TILE, depth * images)
            apply(results, half[:, :, :whole], inner.swapaxes(1, 2), 1)
        if rest:
            apply(results[:rest], half[:, :, whole], part[:, whole * TILE :], 1)

    run(chunk, len(chunks), weight.size * out.size // len(weight), writes=(out,))


def weight_grad(g: Array, x: Array, before: Ints) -> Array:
    """Each weight's gradient (o, c, 3, 3), summed over windows and images; g is (h', w', o, n).

    It is G^T [the sum over tiles of (A g A^T) * (B^T x B)] G: matrix products of (c, n) by (n, o), for which the pixels
    of g are turned round first. OpenBLAS takes up to 1.8 times as long if the right factor lies as (o, n). The chunks
    are cut into parts whose sums are added in order.
    """
    (depth, images), c = g.shape[2:], x.shape[2]
    results, pixels, filters = (m.astype(x.dtype) for m in (RESULTS.T, PIXELS, FILTERS.T))
    image = x.reshape(*x.shape[:2], c * images)
    chunks = _chunks(g.shape, c)
    lanes = min(lanes_for(9 * c * depth * x.itemsize), len(chunks))
    sums = seen((lanes, 3, 3, c, depth), x.dtype)

    def lane(number: int) -> None:
        total = scratch("total", (BLOCK, BLOCK, c, depth), x.dtype)
        total[...] = 0
        product = scratch("product", total.shape, x.dtype)
        for top, left, tiles in chunks[len(chunks) * number // lanes : len(chunks) * (number + 1) // lanes]:
            part = g[top : top + TILE, left : left + TILE * tiles].swapaxes(2, 3)
            turned = scratch("turned", part.shape, x.dtype)
            np.copyto(turned, part)
            shares = transformed(results, turned.reshape(*part.shape[:2], -1), 0, 0, tiles, "shares")
            shares = shares.reshape(BLOCK, BLOCK, tiles, images, depth)
            values = transformed(pixels, image, top - before[0], left - before[1], tiles, "values")
            values = values.reshape(BLOCK, BLOCK, tiles, c, images)
            for t in range(tiles):
                multiply(values[:, :, t], shares[:, :, t], product)
                total += product
        apply_twice(filters, total.reshape(BLOCK, BLOCK, -1), sums[number].reshape(3, 3, -1))

    run(lane, lanes, g.size * c * 9, writes=(sums,))
    return np.ascontiguousarray(sums.sum(0).transpose(3, 2, 0, 1))


def correlate_pays(c: int, o: int, height: int, width: int, images: int) -> bool:
    """Whether `correlate` is faster than the direct kernel, for results of this size, of any number of images.

    Measured at 16 to 512 images, on one core of a Zen 5 with OpenBLAS's AVX2 kernels, and in brackets with its AVX-512
    kernels. Where TILE divides the size, it is 1.2 (1.15) times as fast at 16 channels, 1.7 (1.4) at 32, 2.7 (1.8) at
    64, and slower with less than 16. Unequal channels count by c*o/(c+o), of equal ones the half. Of what hangs over,
    most is lost.
    """
    half = c * o / (c + o)
    return half >= 8 and computed(height, width) < (0.85 + half / 22) * height * width


def weight_grad_pays(c: int, o: int, height: int, width: int, images: int) -> bool:
    """Whether `weight_grad` is faster than the direct kernel, for results of this size.

    Measured likewise: 1.3 to 2.2 times as fast from 16 times 32 channels on, 1.0 to 1.2 at 16 times 16, less below,
    where all goes into the transforms. A product sums over no more than the images: with few of them, to add up
    products of many channels takes longer than to make them, and of fewer than 16 images the shifted rows are faster
    up to 32 times 32 channels.
    """
    return (256 if images >= 16 else 1024) <= c * o <= 2048 * images and computed(height, width) < 2 * height * width


def computed(height: int, width: int) -> int:
    """How many results the tiles have, those included that are cut off."""
    return -(-height // TILE) * -(-width // TILE) * TILE * TILE


def transformed(matrix: Array, image: Array, top: int, left: int, tiles: int, result: str | Array) -> Array:
    """A row of blocks of an image (h, w, f), both axes multiplied by a matrix: (i, j, t, f).

    Blocks are of as many pixels as the matrix has columns. The first begins at (top, left), each other TILE pixels
    further to the right. Pixels outside of the image are zero. `result` is an array for it, or the name of a scratch
    array.
    """
    points, size = matrix.shape
    height, width, length = image.shape
    columns = TILE * (tiles - 1) + size
    half = scratch("half", (points, columns, length), image.dtype)
    (places, rows) = places_along(1, 1, -top, 1, height, size)[0]
    (inner, across) = places_along(1, 1, -left, 1, width, columns)[0]
    half[:, : inner.start] = 0
    half[:, inner.stop :] = 0
    apply(matrix[:, places], image[rows, across], half[:, inner], 0)
    row, column, item = half.strides
    blocks = np.lib.stride_tricks.as_strided(
        half, (points, size, tiles, length), (row, column, TILE * column, item), writeable=False
    )
    if isinstance(result, str):
        result = scratch(result, (points, points, tiles, length), image.dtype)
    apply(matrix, blocks, result, 1)
    return result


def apply_twice(matrix: Array, source: Array, target: Array) -> None:
    """Multiply a matrix with each of the first two axes of an array (k, k, f)."""
    half = scratch("half", (len(matrix), source.shape[1], AT_ONCE), source.dtype)
    for begin in range(0, source.shape[2], AT_ONCE):
        some = slice(begin, begin + AT_ONCE)
        part = half[..., : source[..., some].shape[2]]
        apply(matrix, source[..., some], part, 0)
        apply(matrix, part, target[..., some], 1)


def filters_at_points(weight: Array, dtype: np.dtype, columns: int) -> Array:
    """The filters evaluated at the points: (i, j, 1, o, c), as left factors of products, by rows or by columns.

    `columns` are those of the right factors.
    """
    o, c = weight.shape[:2]
    # Those of an input's gradient lie by columns already. Others are copied, which pays while they are few, or thin the
    # products: with 96 to 256 channels 0.84 of the time with 8 images, 0.97 with 16, but 1.1 with 32.
    is_copied = o * c <= FEW or columns <= 2 * SMALL_BATCH
    if by_columns(o, c, columns) and (is_copied or weight.strides[0] < weight.strides[1]):
        return _at_points(weight.swapaxes(0, 1), dtype).swapaxes(3, 4)
    return _at_points(weight, dtype)


def _at_points(weight: Array, dtype: np.dtype) -> Array:
    """Filters (o, c, 3, 3) evaluated at the points, contiguous: (i, j, 1, o, c)."""
    o, c = weight.shape[:2]
    matrix = FILTERS.astype(dtype)
    if weight.strides[2] < 0 and weight.strides[3] < 0:  # turned round: so is the matrix, and the filters stay runs
        weight, matrix = weight[:, :, ::-1, ::-1], np.ascontiguousarray(matrix[:, ::-1])
    runs: Array = weight.reshape(o, c, -1)
    values, step = empty((BLOCK, BLOCK, o * c), dtype), max(1, AT_ONCE // max(1, c))

    def part(number: int) -> None:
        some = runs[number * step : (number + 1) * step]
        if not some.flags.c_contiguous:
            some = scratch("runs", some.shape, dtype)
            copy_runs(some, runs[number * step : (number + 1) * step])
        each = some.reshape(-1, some.shape[-1])
        planes = scratch("planes", (3, 3, len(each)), dtype)
        np.copyto(planes.reshape(9, -1), each.T)
        apply_twice(matrix, planes, values[..., number * step * c : number * step * c + len(each)])

    run(part, -(-o // step), weight.size * BLOCK * BLOCK, writes=(values,))
    return values.reshape(BLOCK, BLOCK, 1, o, c)


@functools.lru_cache(maxsize=512)
def _chunks(out: Ints, c: int) -> tuple[tuple[int, int, int], ...]:
    """Results (h', w', o, n) cut into parts of rows of tiles: (first row, first column, number of tiles)."""
    height, width, depth, images = out
    along = -(-width // TILE)
    parts = -(-along // max(2, CHUNK // (BLOCK * BLOCK * (c + depth) * images)))
    borders = [along * part // parts for part in range(parts + 1)]
    pairs = [*itertools.pairwise(borders)]
    return tuple([(top, TILE * begin, end - begin) for top in range(0, height, TILE) for begin, end in pairs])


@functools.lru_cache(maxsize=512)
def _even_chunks(out: Ints, c: int) -> tuple[tuple[int, int, int], ...]:
    """`_chunks`, the last in two halves if they are odd in number: two threads then end at about the same time."""
    chunks = _chunks(out, c)
    if len(chunks) % 2 == 0 or chunks[-1][2] == 1:
        return chunks
    *others, (top, left, tiles) = chunks
    half = tiles // 2
    return (*others, (top, left, half), (top, left + TILE * half, tiles - half))
