"""Logarithms of sums of exponentials on plain arrays, which neither overflow nor lose what is small."""

import math

import numpy as np

from .buffers import empty, scratch
from .softmax import are_rows, over_rows
from .sums import accurate_sum
from .windows import Array, Ints, work_dtype


def logsumexp(x: Array, axes: Ints, keepdims: bool) -> Array:
    """log(sum(exp(x))) over `axes`: -inf for no values, or for infinitely small ones alone."""
    if not are_rows(x, *axes):
        total = _logsumexp(x, axes)
    else:
        rows = _rows(x, axes)
        total = np.empty(tuple(1 if axis in axes else n for axis, n in enumerate(x.shape)), x.dtype)
        flat = total.reshape(-1, 1)

        def part(at: slice) -> None:
            block = rows[at]
            flat[at] = _logsumexp(block, (1,), scratch("exps", block.shape, x.dtype))

        over_rows(part, rows)
    return total if keepdims else total.squeeze(axes)


def softmax_over(x: Array, axes: Ints) -> Array:
    """exp(x) / sum(exp(x)) over `axes`: nan for the infinite, and where all are -inf."""
    if not are_rows(x, *axes):
        return _softmax(x, axes)
    rows = _rows(x, axes)
    out = empty(rows.shape, x.dtype)

    def part(at: slice) -> None:
        _softmax(rows[at], (1,), out[at])

    over_rows(part, rows)
    return out.reshape(x.shape)


def _rows(x: Array, axes: Ints) -> Array:
    """A contiguous array as rows of its values over the last axes."""
    size = math.prod([x.shape[axis] for axis in axes])
    return x.reshape(x.size // size, size)


def _logsumexp(x: Array, axes: Ints, out: Array | None = None) -> Array:
    exps, level = _exps(x, axes, out)
    with np.errstate(divide="ignore", over="ignore"):
        total = np.log(accurate_sum(exps, axes, keepdims=True)) + level
        return np.asarray(total).astype(x.dtype, copy=False)


def _softmax(x: Array, axes: Ints, out: Array | None = None) -> Array:
    exps, _ = _exps(x, axes, out)
    with np.errstate(invalid="ignore"):
        exps /= accurate_sum(exps, axes, keepdims=True)
    return exps.astype(x.dtype, copy=False)


def running_logsumexp(x: Array, axis: int) -> Array:
    """log(sum(exp(x))) of the values up to each place along the axis."""
    with np.errstate(invalid="ignore", over="ignore"):
        return np.logaddexp.accumulate(x, axis, work_dtype(x.dtype)).astype(x.dtype, copy=False)


def _exps(x: Array, axes: Ints, out: Array | None) -> tuple[Array, Array]:
    """exp(x - level) in float32 or float64, in `out` if it is given, and the level.

    That is the largest value or, where it is infinite, the largest number there is, so that infinities stay what they
    are and do not meet.
    """
    work = work_dtype(x.dtype)
    most = np.finfo(work).max
    level = np.clip(np.max(x, axes, keepdims=True, initial=-np.inf).astype(work), -most, most)
    with np.errstate(over="ignore"):
        exps = np.asarray(np.subtract(x, level, out=out, dtype=work))
    return np.exp(exps, out=exps), level
