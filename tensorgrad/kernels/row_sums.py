"""Sums along an axis of contiguous float32 or float64 arrays, and of products along the last, by products of BLAS.

A dot product adds several vectors of the processor side by side, NumPy's own sum a single one, in a third of the speed;
and it needs no array of the products. Its rounding errors grow with the length of a row, those of NumPy's pairwise sum
do not: so long rows are cut into runs, whose sums are added pairwise. Then the errors are like those of the pairwise
sum, at most a third larger. Runs are also too short for BLAS to share one among threads.
"""

import functools

import numpy as np
from numpy.typing import DTypeLike

from .windows import Array

RUN = 1024
SHORT = 32  # rows that a product adds one by one


def row_sums(x: Array, run: int = RUN, dtype: DTypeLike | None = None) -> Array:
    """The sum of each row of a contiguous array (..., m), of any number of axes but none: (...). See `row_dots`."""
    return row_dots(x, None, run, dtype)


def row_dots(x: Array, y: Array | None, run: int = RUN, dtype: DTypeLike | None = None) -> Array:
    """The sum of x * y in each row of two contiguous arrays (..., m); y is 1 if it is None.

    Runs of so many values, RUN at most, are added in the dtype of x, and their sums in `dtype`, or else in that of x.
    """
    size = x.shape[-1]
    if size <= run:
        return np.asarray(np.vecdot(x, _ones(x.dtype)[:size] if y is None else y), dtype)
    whole = size - size % run
    total = _runs(x, y, slice(0, whole), run).sum(-1, dtype)
    if whole < size:
        total = total + _runs(x, y, slice(whole, size), size - whole)[..., 0]
    return np.asarray(total)


def column_sums(x: Array, run: int = SHORT) -> Array:
    """The sum of each column of a contiguous array (n, m), in float64: of `run` rows at a time by a product with ones.

    A run has RUN rows at most; its sum has the dtype of x.
    To be called where BLAS is held to one thread, as it is in `threads.run`.
    """
    ones = _ones(x.dtype)
    whole = len(x) - len(x) % run
    rest = np.matmul(ones[: len(x) - whole], x[whole:]) if whole < len(x) else None
    if not whole:
        return np.zeros(x.shape[1]) if rest is None else rest.astype(np.float64)
    blocks = x[:whole].reshape(whole // run, run, x.shape[1])
    total: Array = np.matmul(ones[:run], blocks).sum(0, dtype=np.float64)
    return total if rest is None else total + rest


def _runs(x: Array, y: Array | None, at: slice, run: int) -> Array:
    """The sums of products in runs of a part of each row: (..., runs)."""
    shape = (*x.shape[:-1], (at.stop - at.start) // run, run)
    return np.asarray(
        np.vecdot(x[..., at].reshape(shape), _ones(x.dtype)[:run] if y is None else y[..., at].reshape(shape))
    )


@functools.cache
def _ones(dtype: np.dtype) -> Array:
    return np.ones(RUN, dtype)
