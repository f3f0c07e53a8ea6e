"""Sums of rows that go to the same place, on plain arrays."""

import numpy as np

from .scatter import add_rows, zeros
from .windows import Array


def scatter_rows(x: Array, index: Array, size: int) -> Array:
    """(size, d) zeros with row n of x (n, d) added to row index[n]; sums are taken in float64, and rounded once."""
    out = zeros((size, x.shape[1]), x.dtype)
    if x.size:
        add_rows(out, index.astype(np.intp, copy=False), x)  # places in memory do not fit into small integers
    return out
