"""Softmax, its logarithm and cross-entropy on plain arrays. Axes: n row, c class; softmax itself takes any axis.

Everything is computed from x less the largest value of its row, so that no exponential overflows and the sum of them
is at least 1. float16 is computed in float32. A row of minus infinities has no softmax: it gives NaN without
a warning.
"""

import numpy as np

from .sums import accurate_mean, accurate_sum
from .windows import Array


def softmax(x: Array, dim: int) -> Array:
    """exp(x) / sum(exp(x)) along `dim`."""
    return _softmax(x, dim).astype(x.dtype, copy=False)


def log_softmax(x: Array, dim: int) -> Array:
    """x - log(sum(exp(x))) along `dim`."""
    shifted = _shifted(x, dim)
    with np.errstate(divide="ignore"):  # the sum over no classes is 0
        shifted -= np.log(_sum(np.exp(shifted), dim))
    with np.errstate(over="ignore"):  # float16 reaches -65504, a difference of two twice as far
        return shifted.astype(x.dtype, copy=False)


def cross_entropy(x: Array, target: Array) -> Array:
    """Mean of -log_softmax(x)[n, target[n]] over the rows of (n, c): 0-d, in the dtype of x. NaN for no rows."""
    shifted = _shifted(x, 1)
    picked = shifted[np.arange(len(x)), target]
    losses = np.log(_sum(np.exp(shifted), 1)[:, 0]) - picked
    return accurate_mean(losses, (0,)).astype(x.dtype, copy=False)


def cross_entropy_grad(g: Array, x: Array, target: Array) -> Array:
    """The gradient of `cross_entropy` in x: g/n * (softmax(x) - 1 at the target); g is 0-d."""
    gx = _softmax(x, 1)
    gx[np.arange(len(x)), target] -= 1
    gx *= g.astype(gx.dtype) / gx.dtype.type(max(1, len(x)))
    return gx.astype(x.dtype, copy=False)


def _softmax(x: Array, dim: int) -> Array:
    exps = _shifted(x, dim)
    np.exp(exps, out=exps)
    exps /= _sum(exps, dim)
    return exps


def _shifted(x: Array, dim: int) -> Array:
    """x less its largest along `dim`: a new array, float32 for float16."""
    work = np.float32 if x.dtype == np.float16 else x.dtype
    largest = np.max(x, dim, keepdims=True, initial=-np.inf)
    with np.errstate(invalid="ignore", over="ignore"):  # inf - inf is NaN, and a distance beyond the range is -inf
        shifted: Array = np.subtract(x, largest, dtype=work)
    return shifted


def _sum(exps: Array, dim: int) -> Array:
    return accurate_sum(exps, (dim % exps.ndim,), keepdims=True)
