"""Logarithms of sums of exponentials on plain arrays, which neither overflow nor lose what is small."""

import numpy as np

from .sums import accurate_sum
from .windows import Array, Ints, work_dtype


def logsumexp(x: Array, axes: Ints, keepdims: bool) -> Array:
    """log(sum(exp(x))) over `axes`: -inf for no values, or for infinitely small ones alone."""
    exps, level = _exps(x, axes)
    with np.errstate(divide="ignore", over="ignore"):
        total = np.log(accurate_sum(exps, axes, keepdims=True)) + level
        return (total if keepdims else total.squeeze(axes)).astype(x.dtype, copy=False)


def softmax_over(x: Array, axes: Ints) -> Array:
    """exp(x) / sum(exp(x)) over `axes`: nan for the infinite, and where all are -inf."""
    exps, _ = _exps(x, axes)
    with np.errstate(invalid="ignore"):
        exps /= accurate_sum(exps, axes, keepdims=True)
    return exps.astype(x.dtype, copy=False)


def running_logsumexp(x: Array, axis: int) -> Array:
    """log(sum(exp(x))) of the values up to each place along the axis."""
    with np.errstate(invalid="ignore", over="ignore"):
        return np.logaddexp.accumulate(x, axis, work_dtype(x.dtype)).astype(x.dtype, copy=False)


def _exps(x: Array, axes: Ints) -> tuple[Array, Array]:
    """exp(x - level) in float32 or float64, and the level: the largest value or, where that is infinite, the largest
    number there is, so that infinities stay what they are and do not meet."""
    work = work_dtype(x.dtype)
    most = np.finfo(work).max
    level = np.clip(np.max(x, axes, keepdims=True, initial=-np.inf).astype(work), -most, most)
    with np.errstate(over="ignore"):
        exps = np.asarray(np.subtract(x, level, dtype=work))
    return np.exp(exps, out=exps), level
