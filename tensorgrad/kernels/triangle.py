"""Triangles of matrices, on plain arrays."""

import numpy as np

from .elementwise import select_into
from .layout import empty_like
from .windows import Array

ROWS = 64  # that are taken at a time: what lies left and right of their part of the diagonal is copied or zero


def triangle(x: Array, diagonal: int, upper: bool) -> Array:
    """Matrices (..., n, m) with zeros below the diagonal if `upper`, else above it, also for inf and nan."""
    n, m = x.shape[-2:]
    first = diagonal if upper else diagonal + 1  # the first column of row 0 that lies on the right
    out = empty_like(x, x.shape, x.dtype)
    for row in range(0, n, ROWS):
        rows = slice(row, min(row + ROWS, n))
        low, high = (min(max(row + first + more, 0), m) for more in (0, ROWS - 1))
        left, right = (..., rows, slice(0, low)), (..., rows, slice(high, m))
        kept, zero = (right, left) if upper else (left, right)
        out[kept] = x[kept]
        out[zero] = 0
        if low < high:
            across = (..., rows, slice(low, high))
            is_right = np.arange(low, high) - first >= np.arange(row, rows.stop)[:, None]
            select_into(out[across], x[across], is_right == upper)
    return out
