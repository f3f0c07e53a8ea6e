"""What makes the arithmetic of steps fast: pieces that stay in the cache, and constants NumPy need not convert."""

import functools
from collections.abc import Iterable, Sequence

import numpy as np

PIECE = 1 << 16  # values: parameter, gradient, a buffer and one array in between take 1 MB of float32


def pieces(*arrays: np.ndarray) -> Iterable[Sequence[np.ndarray]]:
    """Arrays of one shape, cut alike into views of about PIECE values, each an array that can be written to.

    A step of several operations on a piece reads and writes memory once, and takes room for a piece in between.
    """
    first = arrays[0]
    if first.size <= PIECE and first.ndim:
        return (arrays,)
    if all(array.flags.c_contiguous for array in arrays):
        arrays = tuple(array.reshape(-1) for array in arrays)
        first = arrays[0]
    rows = max(1, PIECE * len(first) // max(first.size, 1))
    return ([array[i : i + rows] for array in arrays] for i in range(0, len(first), rows))


@functools.lru_cache(maxsize=16)
def constants(dtype: np.dtype, *values: float) -> tuple[np.ndarray, ...]:
    """Numbers as arrays of no axes, which NumPy takes in half the time that Python's numbers take."""
    arrays = tuple(np.array(value, dtype) for value in values)
    for array in arrays:
        array.flags.writeable = False
    return arrays
