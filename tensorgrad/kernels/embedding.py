"""Sums of rows that go to the same place, on plain arrays."""

import numpy as np

from .windows import Array


def scatter_rows(x: Array, index: Array, size: int) -> Array:
    """(size, d) zeros with row n of x (n, d) added to row index[n]: sorted first, so that each place is one run.

    Sums are taken in float64, and rounded once.
    """
    out = np.zeros((size, x.shape[1]), x.dtype)
    if x.size == 0:
        return out
    order = np.argsort(index, kind="stable")
    places, starts = np.unique(index[order], return_index=True)
    if len(places) == len(index):
        out[index] = x
    else:
        with np.errstate(over="ignore"):
            out[places] = np.add.reduceat(x[order], starts, axis=0, dtype=np.float64)
    return out
