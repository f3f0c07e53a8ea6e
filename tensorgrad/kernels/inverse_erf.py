"""The inverse of the error function on plain arrays.

A start within a few thousandths, then steps of Halley's method on erf, or on erfc where erf is nearly 1. With
D = (erf(z) - x) / erf'(z) the step is D / (1 + z D), because erf''(z) = -2 z erf'(z).
"""

import math

import numpy as np

from . import special
from .windows import Array

STEPS = {"float32": 2, "float64": 3}
# The start in the tail is Winitzki's, "A handy approximation for the error function and its inverse" (2008); the number
# is the one he gives for the smallest largest error.
SHAPE = 0.147
SQRT_PI = math.sqrt(math.pi)


def erfinv(x: Array) -> Array:
    """z with erf(z) = x: infinite at -1 and 1, nan beyond."""
    size = np.asarray(np.abs(x.astype(np.float32) if x.dtype == np.float16 else x))
    near, z = size < 0.5, np.empty_like(size)
    with np.errstate(all="ignore"):
        z[near] = _centre(size[near])
        z[~near] = _tail(size[~near])
    return np.copysign(z, x).astype(x.dtype, copy=False)


def _centre(x: Array) -> Array:
    """Below a half: the first terms of the Maclaurin series (DLMF 7.17.2), then the steps."""
    t = SQRT_PI / 2 * x
    square = t * t
    z = t * (1 + square * (1 / 3 + square * (7 / 30 + square * (127 / 630))))
    for _ in range(STEPS[x.dtype.name]):
        z = _step(z, special.erf(z) - x)
    return z


def _tail(x: Array) -> Array:
    """From a half on, to 1 and beyond."""
    rest = 1 - x  # exact
    half_log = np.log(rest * (1 + x)) / 2
    middle = 2 / (math.pi * SHAPE) + half_log
    z = np.sqrt(np.sqrt(middle * middle - 2 * half_log / SHAPE) - middle)
    for _ in range(STEPS[x.dtype.name]):
        z = _step(z, rest - special.erfc(z))
    z[x == 1] = np.inf
    return z


def _step(z: Array, error: Array) -> Array:
    ratio = error * np.exp(z * z) * (SQRT_PI / 2)
    return z - ratio / (1 + z * ratio)
