"""Evaluation of polynomials at points, by which Winograd's algorithms multiply: see `winograd`.

F(4, 3) makes four results of three filter weights and the six pixels that they read, by products at six points.
"""

import numpy as np

from .direct import small_parts
from .windows import Array

TILE = 4  # results along an axis
BLOCK = 6  # pixels they read, and points
POINTS = (0, 1, -1, 0.5, -2)  # and infinity; a third of the error of 0, 1, -1, 2, -2


def _matrices() -> tuple[Array, Array, Array]:
    """A^T (4, 6), B^T (6, 6) and G (6, 3), by Lagrange's formula.

    Column p of A^T and row p of G are the powers of point p, the latter divided by the product of its distances to the
    other points. Row p of B^T has the coefficients of the polynomial that is zero at these. At infinity, a polynomial's
    value is its highest coefficient.
    """
    results, pixels, filters = np.zeros((TILE, BLOCK)), np.zeros((BLOCK, BLOCK)), np.zeros((BLOCK, 3))
    for p, point in enumerate(POINTS):
        others = POINTS[:p] + POINTS[p + 1 :]
        results[:, p] = np.power(point, range(TILE))
        pixels[p, :-1] = np.poly(others)[::-1]
        filters[p] = np.power(point, range(3)) / np.prod(np.subtract(point, others))
    results[-1, -1] = filters[-1, -1] = 1
    pixels[-1] = np.poly(POINTS)[::-1]
    return results, pixels, filters


RESULTS, PIXELS, FILTERS = _matrices()


def apply(matrix: Array, source: Array, target: Array, axis: int) -> None:
    """Multiply a matrix with an axis of an array (.., f), by parts of f so that the products are small."""
    parts = small_parts(source.shape[-1], matrix.size)
    if parts > 1:
        source = source.reshape(*source.shape[:-1], parts, -1)
        target = target.reshape(*target.shape[:-1], parts, -1)
    np.matmul(matrix, source.swapaxes(axis, -2), out=target.swapaxes(axis, -2))


def multiply(left: Array, right: Array, out: Array) -> None:
    """Matrix products (.., m, k) times (.., k, n), by parts of m so that they are small."""
    (rows, inner), columns = left.shape[-2:], right.shape[-1]
    parts = small_parts(rows, inner * columns)
    split = left.reshape(*left.shape[:-2], parts, rows // parts, inner)
    np.matmul(split, right[..., None, :, :], out=out.reshape(*out.shape[:-2], parts, rows // parts, columns))
