"""Evaluation of polynomials at points, by which Winograd's algorithms multiply: see `winograd`.

F(4, 3) makes four results of three filter weights and the six pixels that they read, by products at six points.
"""

import numpy as np

from .cook_toom import BY_TAPS
from .direct import small_parts
from .windows import Array

RESULTS, PIXELS, FILTERS = BY_TAPS[3]
TILE, BLOCK = RESULTS.shape  # results along an axis; pixels they read, and points


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
