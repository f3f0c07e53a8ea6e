"""The weight gradient by Winograd's algorithm F(4x4, 3x3) for few images: see `winograd`.

There, each tile's product sums over the images alone, and the products of all tiles, 36 matrices (c, o), are added up:
with few images that takes longer than to make them. Here the tiles of some rows stand one behind the other in one
product, whose sum is over tiles and images. For that the pixels of both are turned round, to (n, c) and (n, o), which
takes time for each image: with many it is not worth it.

Axes: i, j points along height and width; r, t rows of tiles and tiles in a row; o, c channels; n image.
Error: 3e-6 to 4e-6, some three times that of `winograd.weight_grad`, for the sums are longer.
"""

import math

import numpy as np

from .buffers import empty, scratch
from .points import BLOCK, FILTERS, PIXELS, RESULTS, TILE
from .threads import run
from .windows import Array, Ints
from .winograd import AT_ONCE, apply_twice, computed, transformed

SUM = 256  # tiles and images that a product sums over, or one row of tiles: longer sums round more
ROUND = 4  # sums of each point that are taken one after the other
LEAST_HALF = 12  # c*o/(c+o), of equal channels the half


def weight_grad(g: Array, x: Array, before: Ints) -> Array:
    """Each weight's gradient (o, c, 3, 3), summed over windows and images; g is (h', w', o, n), x (h, w, c, n).

    Rows of tiles are shared out when they are transformed, points when they are multiplied.
    """
    (height, width, depth, images), c = g.shape, x.shape[2]
    results, pixels, filters = (m.astype(x.dtype) for m in (RESULTS.T, PIXELS, FILTERS.T))
    tiles, down = math.ceil(width / TILE), math.ceil(height / TILE)
    rows_at_once = max(1, SUM // (tiles * images))
    rows = min(down, max(2, ROUND * rows_at_once))  # two at least, for two threads
    values = empty((BLOCK, BLOCK, rows, tiles, images, c), x.dtype)
    shares = empty((BLOCK, BLOCK, rows, tiles, images, depth), x.dtype)
    total = empty((BLOCK, BLOCK, depth, c), x.dtype)

    def turn(row: int) -> None:
        top = TILE * (first + row)
        _turned_row(pixels, x, top - before[0], -before[1], values[:, :, row])
        _turned_row(results, g, top, 0, shares[:, :, row])

    def multiply(i: int) -> None:
        for begin in range(0, count, rows_at_once):
            some = slice(begin, min(count, begin + rows_at_once))
            left = shares[i, :, some].reshape(BLOCK, -1, depth).swapaxes(1, 2)
            right = values[i, :, some].reshape(BLOCK, -1, c)
            if first + begin == 0:
                np.matmul(left, right, out=total[i])
            else:
                total[i] += np.matmul(left, right, out=scratch("product", total[i].shape, x.dtype))

    size = 9 * c * g.size * rows // down // 4  # multiplications of one round: a quarter of those of direct sums
    for first in range(0, down, rows):
        count = min(rows, down - first)
        run(turn, count, size, writes=(values, shares))
        run(multiply, BLOCK, size, writes=(total,))

    out, at_points = empty((depth * c, 9), x.dtype), total.reshape(BLOCK, BLOCK, -1)

    def part(number: int) -> None:
        some = slice(number * AT_ONCE, (number + 1) * AT_ONCE)
        planes = scratch("planes", (3, 3, len(out[some])), x.dtype)
        apply_twice(filters, at_points[..., some], planes)
        np.copyto(out[some], planes.reshape(9, -1).T)

    run(part, -(-c * depth // AT_ONCE), total.size * TILE, writes=(out,))
    return out.reshape(depth, c, 3, 3)


def weight_grad_pays(c: int, o: int, height: int, width: int, images: int) -> bool:
    """Whether `weight_grad` is faster than the other kernels but `gathered`, for results of this size.

    To turn a pixel round takes time for c + o values and all images, to add up a tile's products for c*o. Measured on
    one core of an Intel Xeon with OpenBLAS's AVX-512 kernels, and in brackets with its AVX2 kernels: 0.7 of the time
    (0.7) with 32 times 32 channels and 8 images, 0.8 (0.8) with 16; 0.4 to 0.7 with 128 and up to 16 images, 0.8 to 0.9
    (0.7) with 32; 0.5 to 0.7 with 384 and more. About the same at the border.
    """
    half = c * o / (c + o)
    return LEAST_HALF <= half >= images and computed(height, width) < 2 * height * width


def _turned_row(matrix: Array, image: Array, top: int, left: int, target: Array) -> None:
    """`transformed`, of an image (h, w, c, n) whose pixels are turned round: (i, j, t, n, c)."""
    first, last = max(0, top), min(len(image), top + matrix.shape[1])
    part = image[first : max(first, last)].swapaxes(2, 3)
    turned = scratch("turned", part.shape, image.dtype)
    np.copyto(turned, part)
    points, _, tiles = target.shape[:3]
    into = target.reshape(points, points, tiles, -1)
    transformed(matrix, turned.reshape(*part.shape[:2], into.shape[3]), top - first, left, tiles, into)
