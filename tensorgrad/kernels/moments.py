"""The variance over any axes of an array, in float32 wherever that keeps its digits, else in float64."""

import math

import numpy as np

from .sums import wide_sum
from .windows import Array, Ints, work_dtype

# The mean squares that float32 can add up: below, the squares of values near the mean vanish, above they overflow.
LEAST, MOST = 1e-26, 1e36


def variance(x: Array, axes: Ints, correction: float, keepdims: bool) -> Array:
    """The sum of squared distances from the mean over count - correction, not yet rounded to x's dtype.

    float16 is computed in float32, and float32 in float64 where its squares leave the range. nan or inf where
    count - correction is not above 0.
    """
    count = math.prod([x.shape[a] for a in axes])
    with np.errstate(all="ignore"):
        total = _squares(x.astype(work_dtype(x.dtype), copy=False), axes, count)
        if x.dtype == np.float32 and not np.all((total >= LEAST * count) & (total <= MOST * count)):
            total = _squares(x.astype(np.float64), axes, count)
        result: Array = total.astype(np.float64) / max(count - correction, 0.0)
    return result if keepdims else result.squeeze(axes)


def _squares(x: Array, axes: Ints, count: int) -> Array:
    """The sum of squared distances from the mean, axes kept: the corrected two-pass formula (Chan, Golub and LeVeque,
    The American Statistician 37, 1983), in which `offset` makes up for the rounding of the mean."""
    mean = wide_sum(x, axes, True) / np.float64(count)
    centred = np.subtract(x, mean.astype(x.dtype))
    offset = wide_sum(centred, axes, True)
    centred *= centred
    total: Array = np.maximum(wide_sum(centred, axes, True) - offset * offset / np.float64(count), 0)
    return total
