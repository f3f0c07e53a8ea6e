"""The logistic function and what is made of it, on plain arrays: sigmoid, silu, softplus, binary cross-entropy.

exp is asked only where it does not overflow, and nothing cancels: tails keep their digits. The steps write into the
result and into a few arrays beside it, for new memory would cost as much as the arithmetic.
"""

import math

import numpy as np

from .elementwise import bounded, into, room
from .windows import Array

# The largest argument of exp, by itemsize: its result is finite and so much larger than 1 that 1 + it is it.
MOST = {4: 80.0, 8: 700.0}


@into
def sigmoid(out: Array, x: Array) -> None:
    """1 / (1 + exp(-x)) as e / (1 + e) with e = exp(x), which keeps its digits down to the least number."""
    bounded(out, x, -math.inf, MOST[x.itemsize])
    np.exp(out, out=out)
    np.divide(out, np.add(out, 1, out=room(x)), out=out)


@into
def silu(out: Array, x: Array) -> None:
    """x * sigmoid(x)."""
    sigmoid(x, out=out)
    np.multiply(out, x, out=out)


@into
def silu_slope(out: Array, x: Array) -> None:
    """s * (1 + x * (1 - s)) with s = sigmoid(x)."""
    share = sigmoid(x)
    np.subtract(1, share, out=out)
    np.multiply(out, x, out=out)
    np.add(out, 1, out=out)
    np.multiply(out, share, out=out)


@into
def softplus(out: Array, x: Array) -> None:
    """log(1 + exp(x)). NumPy's `logaddexp(x, 0)` is the same, but works value by value, not in vectors."""
    _bend(out, x)
    np.add(out, bounded(room(x), x, 0.0, math.inf), out=out)


def _bend(out: Array, x: Array) -> None:
    """log(1 + exp(-|x|)): softplus less the larger of x and 0."""
    np.absolute(x, out=out)
    np.negative(out, out=out)
    np.exp(out, out=out)
    np.log1p(out, out=out)


@into
def binary_losses(out: Array, x: Array, target: Array, pos_weight: float | Array) -> None:
    """pos_weight * target * softplus(-x) + (1 - target) * softplus(x)."""
    bend, part = room(x), room(x)
    _bend(bend, x)
    no = np.add(bounded(part, x, 0.0, math.inf), bend, out=part)
    rest = np.subtract(1, target)
    np.multiply(rest, no, out=out)
    yes = bounded(part, np.negative(x, out=part), 0.0, math.inf)
    np.add(yes, bend, out=yes)
    np.add(out, np.multiply(_weighted(target, pos_weight), yes), out=out)


@into
def binary_slopes(out: Array, x: Array, target: Array, pos_weight: float | Array) -> None:
    """The derivative of `binary_losses` by x: (1 - target) * sigmoid(x) - pos_weight * target * sigmoid(-x)."""
    # With z = exp(-|x|), sigmoid(x) is 1 / (1 + z) above 0 and z / (1 + z) below; sigmoid(-x) the other way round.
    z, one = room(x), room(x)
    np.absolute(x, out=z)
    np.negative(z, out=z)
    np.exp(z, out=z)
    np.greater_equal(x, 0, out=one)
    yes = np.maximum(z, np.subtract(1, one))
    np.multiply(np.subtract(1, target), np.maximum(one, z, out=one), out=out)
    np.subtract(out, np.multiply(_weighted(target, pos_weight), yes), out=out)
    np.divide(out, np.add(z, 1, out=z), out=out)


def _weighted(target: Array, pos_weight: float | Array) -> Array:
    return target if pos_weight.__class__ is float and pos_weight == 1 else np.asarray(pos_weight * target)
