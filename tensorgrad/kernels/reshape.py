"""Reshaping of plain arrays, where it takes a copy."""

import itertools
import operator

import numpy as np

from .buffers import empty
from .layout import reshaped
from .transpose import copy_turned
from .windows import Array, Ints

LARGE_BYTES = 1 << 16


def reshape(x: Array, shape: Ints) -> Array:
    """np.reshape; a large matrix that lies in another order is copied by blocks. Images are for `layout.reshaped`."""
    if x.ndim != 2 or x.nbytes < LARGE_BYTES or 1 in x.shape or abs(x.strides[0]) >= abs(x.strides[1]):
        return reshaped(x, shape)
    if len(x) in itertools.accumulate(shape, operator.mul):  # both axes are only split: a view
        return np.reshape(x, shape)
    copy = empty(x.shape, x.dtype)
    copy_turned(copy, x)
    return copy.reshape(shape)
