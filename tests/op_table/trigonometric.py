"""Rows of the trigonometric and hyperbolic functions."""

import math

import numpy as np

from tensorgrad.ops import trigonometric

from .row import PLAIN, Row

INSIDE = (-0.93, 0.87)
ABOVE_ONE = (1.13, 3.2)


def sinc_derivative(x, order):
    """The integral of (pi t)^order cos(pi x t + order pi/2) over t from 0 to 1, by Gauss's rule with 40 points."""
    points, weights = np.polynomial.legendre.leggauss(40)
    t = (points + 1) / 2
    waves = (math.pi * t) ** order * np.cos(math.pi * np.asarray(x)[..., None] * t + order * math.pi / 2)
    return (waves * weights / 2).sum(-1)


ROWS = [
    Row(op, reference, [shape], domain=domain)
    for op, reference, domain in [
        (trigonometric.sin, lambda x: np.exp(1j * x).imag, PLAIN),
        (trigonometric.cos, lambda x: np.exp(1j * x).real, PLAIN),
        (trigonometric.tan, lambda x: np.sin(x) / np.cos(x), (-1.3, 1.2)),
        (trigonometric.asin, lambda x: np.arctan2(x, np.sqrt(1 - x * x)), INSIDE),
        (trigonometric.acos, lambda x: np.arctan2(np.sqrt(1 - x * x), x), INSIDE),
        (trigonometric.atan, lambda x: np.angle(1 + 1j * x), PLAIN),
        (trigonometric.sinh, lambda x: (np.exp(x) - np.exp(-x)) / 2, PLAIN),
        (trigonometric.cosh, lambda x: (np.exp(x) + np.exp(-x)) / 2, PLAIN),
        (trigonometric.asinh, lambda x: np.log(x + np.sqrt(x * x + 1)), PLAIN),
        (trigonometric.acosh, lambda x: np.log(x + np.sqrt(x * x - 1)), ABOVE_ONE),
        (trigonometric.atanh, lambda x: np.log((1 + x) / (1 - x)) / 2, INSIDE),
        (trigonometric.sinc, lambda x: np.sin(math.pi * x) / (math.pi * x), PLAIN),
        (trigonometric.deg2rad, lambda x: x * math.pi / 180, (-200.0, 210.0)),
        (trigonometric.rad2deg, lambda x: x * 180 / math.pi, PLAIN),
        (trigonometric._below_one, lambda x: 1 - x * x, PLAIN),
        (trigonometric._root_below_one, lambda x: np.sqrt(1 - x * x), INSIDE),
        (trigonometric._root_above_one, lambda x: np.sqrt(x * x - 1), ABOVE_ONE),
        (trigonometric._root_above_one, lambda x: np.sqrt(x * x - 1), (-3.1, -1.2)),
    ]
    for shape in ([(2, 3), ()] if domain[0] > -3 else [(4,)])
]
ROWS += [Row(trigonometric.sin, np.sin, [(0, 3)]), Row(trigonometric.sinc, np.sinc, [(0, 3)])]

ROWS += [
    Row(op, reference, inputs, domain=[PLAIN, (-1.87, 1.23)])
    for op, reference in [
        (trigonometric.hypot, lambda x, y: np.abs(x + 1j * y)),
        (trigonometric.atan2, lambda x, y: np.angle(y + 1j * x)),
    ]
    for inputs in ([(2, 3), (3,)], [(), ()], [(2, 1), (1, 3)], [(3,), -1.5], [0.7, (3,)], [(0, 2), (2,)])
]

# Around 0, where a derivative has no quotient to come from, and away from it; the ranges miss 0 by little.
ROWS += [
    Row(trigonometric._sinc_derivative, sinc_derivative, [shape], {"order": order}, domain)
    for order in (1, 2, 3, 6)
    for shape, domain in [((2, 3), PLAIN), ((3,), (-3e-3, 4e-3)), ((4,), (2.3, 6.1))]
]
ROWS += [Row(trigonometric.sinc, lambda x: sinc_derivative(x, 0), [(3,)], domain=(-3e-3, 4e-3))]

KINKS = {
    "acos": "the slope at -1 and 1 is -inf",
    "acosh": "the slope at 1 is inf",
    "asin": "the slope at -1 and 1 is inf",
    "atan2": "all derivatives at (0, 0) are 0",
    "atanh": "the slope at -1 and 1 is inf",
    "hypot": "the gradients at (0, 0) are nan",
}
