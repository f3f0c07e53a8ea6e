"""Reshaping of plain arrays, where it takes a copy."""

import itertools
import operator

import numpy as np

from .layout import contiguous, reshaped
from .windows import Array, Ints

LARGE_BYTES = 1 << 16


def reshape(x: Array, shape: Ints) -> Array:
    """np.reshape; a large matrix that lies in another order is copied by blocks. Images are for `layout.reshaped`."""
    if x.ndim != 2 or x.nbytes < LARGE_BYTES or 1 in x.shape or abs(x.strides[0]) >= abs(x.strides[1]):
        return reshaped(x, shape)
    if len(x) in itertools.accumulate(shape, operator.mul):  # both axes are only split: a view
        return np.reshape(x, shape)
    return contiguous(x).reshape(shape)
