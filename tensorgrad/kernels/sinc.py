"""sinc(x) = sin(pi x) / (pi x) and its derivatives of every order, on plain arrays, to the rounding of the dtype.

With u = pi x and f(u) = sin(u)/u, differentiating u f(u) = sin(u) n times gives

    u f[n](u) + n f[n-1](u) = sin(u + n pi/2),

which leads from each derivative to the next. An error made at one step is multiplied by n/u on the way up and by u/n on
the way down, so one climbs from f where |u| > n. Elsewhere, at 0 too, where the quotient rule cancels or is 0/0, one
descends from an order so high that its value no longer matters; no derivative f[n] is larger than 1/(n + 1), because
f(u) is the integral of cos(u t) over t from 0 to 1.
"""

import math

import numpy as np

from .windows import Array


def sinc(x: Array, order: int) -> Array:
    """The derivative of sinc of this order; sinc itself for 0."""
    wide = x.astype(np.float32) if x.dtype == np.float16 else x
    waves = _waves(wide, order)
    with np.errstate(all="ignore"):
        u = np.multiply(wide, math.pi)
        value = np.asarray(waves[0] / u)
        for n in range(1, order + 1):
            value = np.asarray((waves[n % 4] - n * value) / u)
    if order == 0:
        value[u == 0] = 1
        return value.astype(x.dtype, copy=False)
    near = np.abs(u) <= order
    value[near] = _descended([wave[near] for wave in waves], u[near], order)
    return np.multiply(value, math.pi**order).astype(x.dtype, copy=False)


def _waves(x: Array, order: int) -> list[Array]:
    """sin(pi x + n pi/2) for n = 0 to 3, or only for 0 if the order is 0: 0 at the integers, at any distance.

    What is taken off first, the nearest integer, is exact, and so is the rest; odd ones turn the sign.
    """
    with np.errstate(invalid="ignore"):  # nan at the infinities
        whole = np.rint(x)
        half = whole * 0.5
        sign = 1 - 4 * np.abs(half - np.rint(half))
        rest = (x - whole) * math.pi
    sine = np.asarray(sign * np.sin(rest))
    if order == 0:
        return [sine]
    cosine = np.asarray(sign * np.cos(rest))
    return [sine, cosine, -sine, -cosine]


def _descended(waves: list[Array], u: Array, order: int) -> Array:
    """f[order](u) for |u| <= order."""
    start, share = order, 1.0
    while share > np.finfo(u.dtype).eps / 8:  # what is left of the error at the start
        start += 1
        share *= order / start
    value = np.zeros_like(u)
    with np.errstate(under="ignore"):
        for n in range(start, order, -1):
            value = (waves[n % 4] - u * value) / n
    return value
