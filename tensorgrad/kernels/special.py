"""The error function and its complement on plain arrays, within a few units in the last place of the array's dtype.

`gaussian` has them in float32, which float16 is computed in too. In float64 two expansions cover the line. Below 1, the
Maclaurin series erf(x) = 2/sqrt(pi) * sum (-1)^n x^(2n+1) / (n! (2n+1)) (DLMF 7.6.1). Elsewhere, after Shepherd and
Laframboise, "Chebyshev approximation of (1 + 2x) exp(x^2) erfc x in 0 <= x < inf", Math. of Computation 36 (1981):
this product is smooth in t = (x - 3.75) / (x + 3.75), which brings the half line to -1..1. Its Chebyshev coefficients
below were computed for this file with mpmath in 40 digits, by interpolation at 80 Chebyshev nodes; the rest of the
series is below 1e-17.
"""

import math
from collections.abc import Callable

import numpy as np

from . import gaussian
from .elementwise import apply, where
from .windows import Array

MIDDLE = 3.75
COEFFICIENTS = [
    1.17757893456740175,
    -0.00459005458064647733,
    -0.0842491333665179156,
    0.0592099399981918905,
    -0.0266586684353057523,
    0.00907499767070526509,
    -0.00241316354041760819,
    0.000490775836525808632,
    -0.0000691697330250120637,
    4.13902798607301017e-6,
    7.74038306619849067e-7,
    -2.18864010492343957e-7,
    1.07649994656709104e-8,
    4.5219598112182869e-9,
    -7.75440020883135111e-10,
    -6.31808834088668449e-11,
    2.8687950109306699e-11,
    1.94558685457773472e-13,
    -9.65469674843343891e-13,
    3.25254814814873984e-14,
    3.34781194828680539e-14,
    -1.8645628804193131e-15,
    -1.25079505306886471e-15,
    7.41823525662404346e-17,
    5.06814890479611132e-17,
]
SERIES = [2 / math.sqrt(math.pi) * (-1) ** n / (math.factorial(n) * (2 * n + 1)) for n in range(19)]
BLOCK = 1 << 17  # elements that are computed at once: they and what is made of them on the way fit the cache


def erf(x: Array) -> Array:
    """2/sqrt(pi) times the integral of exp(-t^2) from 0 to x."""
    return _in_blocks(_erf, x) if x.dtype.itemsize == 8 else _quietly(gaussian.erf, x)


def erfc(x: Array) -> Array:
    """1 - erf(x), which keeps its digits where erf is nearly 1."""
    return _in_blocks(_erfc, x) if x.dtype.itemsize == 8 else _quietly(gaussian.erfc, x)


def _quietly(function: Callable[[Array], Array], x: Array) -> Array:
    with np.errstate(under="ignore"):
        return apply(function, x)


# Both expansions are computed everywhere: to gather the places where one of them holds would take longer.


def _erf(x: Array) -> Array:
    size = np.abs(x)
    return where(size < 1, _series(np.clip(x, -1, 1)), np.copysign(1 - _tail(size), x))


def _erfc(x: Array) -> Array:
    size = np.abs(x)
    tail = _tail(size)
    return where(size < 0.5, 1 - _series(np.clip(x, -0.5, 0.5)), where(x < 0, 2 - tail, tail))


def _series(x: Array) -> Array:
    """erf(x) for |x| <= 1."""
    square, out = x * x, np.full_like(x, SERIES[-1])
    for term in SERIES[-2::-1]:
        np.multiply(out, square, out=out)
        np.add(out, term, out=out)
    return np.multiply(out, x, out=out)


def _tail(x: Array) -> Array:
    """erfc(x) for x >= 0."""
    x = np.minimum(x, 30)  # beyond, it is 0 in float64: x only has to stay finite
    # exp(-x*x) would turn the rounding of x*x into an error as many times larger as x*x is; the square of an x of half
    # the digits is exact, and what it leaves is small.
    half = x.astype(np.float32).astype(x.dtype)
    product = _chebyshev((x - MIDDLE) / (x + MIDDLE), COEFFICIENTS)
    return np.exp(-half * half) * np.exp((half - x) * (half + x)) * product / (1 + 2 * x)


def _chebyshev(t: Array, coefficients: list[float]) -> Array:
    """The sum of Chebyshev polynomials with these coefficients, by Clenshaw's recurrence, in place."""
    twice = 2 * t
    one, two = np.full_like(t, coefficients[-2]), np.full_like(t, coefficients[-1])
    product = np.empty_like(t)
    for coefficient in coefficients[-3::-1]:
        np.multiply(two, twice, out=product)
        np.add(one, product, out=product)
        np.subtract(coefficient, two, out=one)
        two, product = product, two
    return one + two * t


def _in_blocks(function: Callable[[Array], Array], x: Array) -> Array:
    """The function of blocks of x in the order of memory, large arrays over threads."""

    def in_blocks(x: Array) -> Array:
        flat = x.reshape(-1)
        out = np.empty(flat.shape, x.dtype)
        for start in range(0, flat.size, BLOCK):
            part = slice(start, start + BLOCK)
            out[part] = function(flat[part])
        return out.reshape(x.shape)

    return _quietly(in_blocks, x)
