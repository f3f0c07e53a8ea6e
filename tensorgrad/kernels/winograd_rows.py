"""Convolution of sequences with filters of 3 to 7 values by Winograd's algorithm along them, of stride 1.

F(4, 3) takes half of the products and F(4, 5) two fifths, as in `winograd1d`, which see; it rounds as much here.

Axes: i point; t tile, of some results each; o, c channels out and in; n image. Sequences are (c, w, n), see `layout`.
The pixels that a tile reads are copied to (c, i, t*n), transformed to (i, c, t*n), and multiplied by filters (i, o, c):
a product has a column for each tile of each image.
"""

import itertools
import math

import numpy as np

from .blas import in_one_thread
from .buffers import scratch
from .cook_toom import BY_TAPS
from .direct import lanes_for
from .points import multiply
from .threads import run
from .windows import Array, Ints, places_along

CHUNK = 1 << 20  # values of a chunk of tiles after the transforms
LEAST_GAIN, LEAST_IMAGES = 1.2, 16  # see `pays`


def correlate(x: Array, weight: Array, bias: Array | None, out: Array, before: Ints) -> None:
    """Write the sums over windows into out (o, w', n), any view: x (c, w, n), weight (o, c, k).

    Window y reads at place l the pixel y + l - before, zero where there is none.
    """
    (depth, width, images), (_, c, taps) = out.shape, weight.shape
    results, pixels, filters = (matrix.astype(x.dtype) for matrix in BY_TAPS[taps])
    tile, block = results.shape
    planes = weight.transpose(2, 0, 1).reshape(taps, -1)
    factors = in_one_thread(lambda: filters @ planes).reshape(block, depth, c)
    chunks = _chunks(-(-width // tile), block * (c + depth) * images)

    def chunk(number: int) -> None:
        first, count = chunks[number]
        values = _values(pixels, x, first * tile - before[0], tile, count, "values")
        products = scratch("products", (block, depth, count * images), x.dtype)
        multiply(factors, values, products)
        made = scratch("made", (depth, tile, count, images), x.dtype)
        np.matmul(results, products.swapaxes(0, 1), out=made.reshape(depth, tile, -1))
        if bias is not None:
            made += bias.reshape(-1, 1, 1, 1)
        for place in range(tile):
            target = out[:, first * tile + place : (first + count) * tile : tile]
            target[...] = made[:, place, : target.shape[1]]

    run(chunk, len(chunks), weight.size * out.size // len(weight))


def weight_grad(g: Array, x: Array, kernel: Ints, before: Ints) -> Array:
    """Each weight's gradient (o, c, k), summed over windows and images; g is (o, w', n).

    The chunks are cut into parts whose sums are added in order.
    """
    (depth, width, images), c, (taps,) = g.shape, len(x), kernel
    results, pixels, filters = (matrix.astype(x.dtype) for matrix in BY_TAPS[taps])
    tile, block = results.shape
    chunks = _chunks(-(-width // tile), block * (c + depth) * images)
    lanes = min(lanes_for(block * c * depth * x.itemsize), len(chunks))
    sums = np.zeros((lanes, block, c, depth), x.dtype)

    def lane(number: int) -> None:
        product = scratch("product", sums.shape[1:], x.dtype)
        for first, count in chunks[len(chunks) * number // lanes : len(chunks) * (number + 1) // lanes]:
            shares = _values(results.T, g, first * tile, tile, count, "shares")
            values = _values(pixels, x, first * tile - before[0], tile, count, "values")
            np.matmul(values, shares.swapaxes(1, 2), out=product)
            sums[number] += product

    run(lane, lanes, g.size * c * taps)
    total = sums.sum(0).reshape(block, -1)
    planes = in_one_thread(lambda: filters.T @ total)  # k c*o
    return np.ascontiguousarray(planes.reshape(taps, c, depth).transpose(2, 1, 0))


def fits(kernel: Ints) -> bool:
    """Whether there are matrices for filters of this length."""
    return kernel[0] in BY_TAPS


def pays(c: int, o: int, size: Ints, images: int, kernel: Ints) -> bool:
    """Whether both functions are faster than im2col, for sequences of so many results.

    An estimate: it counts multiplications for each result, to copy a value into columns for 4, those of the transforms
    four times. Of 112 cases with 16 to 64 images and 8 to 512 channels, measured on one core of a Zen 5 with OpenBLAS's
    AVX2 kernels, 49 are taken and gained 0.9 to 1.7 times, 1.4 in the middle; one was slower. Fewer images are copied
    in short runs, and half of the cases that the estimate would take gained less than 1.2.
    """
    half, (taps,), (width,), (tile, block) = c * o / (c + o), kernel, size, BY_TAPS[kernel[0]].results.shape
    computed = -(-width // tile) * block * (half + 2 * (block + tile)) * (1 + 8 * tile / (width * images))
    return images >= LEAST_IMAGES and taps * width * (half + 4 * c / (c + o)) > LEAST_GAIN * computed


def _values(matrix: Array, x: Array, first: int, tile: int, count: int, name: str) -> Array:
    """Blocks of x (c, w, n), of as many pixels as the matrix has columns, multiplied by it: (i, c, t*n).

    The first block begins at pixel `first`, each other a tile further. Pixels outside of the sequence are zero.
    """
    (points, size), (c, width, images) = matrix.shape, x.shape
    blocks = scratch("blocks", (c, size, count, images), x.dtype)
    for place in range(size):
        (inside, pixels) = places_along(1, tile, -first - place, 1, width, count)[0]
        target = blocks[:, place]
        target[:, : inside.start] = 0
        target[:, inside.stop :] = 0
        target[:, inside] = x[:, pixels]
    values = scratch(name, (points, c, count * images), x.dtype)
    np.matmul(matrix, blocks.reshape(c, size, -1), out=values.swapaxes(0, 1))
    return values


def _chunks(tiles: int, tile_size: int) -> list[tuple[int, int]]:
    """Tiles, of so many values each, cut into about equal parts: (first, count)."""
    parts = min(tiles, 2 * math.ceil(tiles * tile_size / (2 * CHUNK)))
    borders = [tiles * part // parts for part in range(parts + 1)]
    return [(begin, end - begin) for begin, end in itertools.pairwise(borders)]
