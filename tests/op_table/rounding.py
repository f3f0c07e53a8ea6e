"""Rows of rounding and of division that rounds."""

import math

import numpy as np

import tensorgrad as tg
from tensorgrad.ops import elementwise, rounding

from .row import Row

KINKS = {
    "floor": "The slope is 0, also at whole numbers, where it jumps.",
    "ceil": "The slope is 0, also at whole numbers, where it jumps.",
    "trunc": "The slope is 0, also at whole numbers, where it jumps.",
    "round": "The slope is 0, also at halves, where it jumps; halves go to the even digit.",
    "frac": "The slope is 1, also at whole numbers, where it jumps.",
    "sign": "The slope is 0, also at 0; the sign of nan is 0.",
    "floor_divide": "The slope is 0, also where it jumps.",
    "div": "Rounded, its slope is 0, also where it jumps.",
    "remainder": "Where input is a multiple of other, the slopes are those of elsewhere: 1 and -floor(input / other).",
    "fmod": "Where input is a multiple of other, the slopes are those of elsewhere: 1 and -trunc(input / other).",
}

BESIDE = (-2.9, 3.3)  # no value drawn from it for the shapes below is a whole number or a half
DIVISORS = [(4.1, 9.3), (1.9, 2.6)]  # no quotient of them is a whole number
WITH_SIGNS = [(-9.3, 7.1), (-2.9, 1.9)]  # likewise


def one_by_one(function):
    """A reference that calls a function of Python numbers for each pair."""
    return lambda x, y: np.vectorize(function)(x, y)


def remainder(x, y):
    return x - y * math.floor(x / y)


def fmod(x, y):
    return x - y * math.trunc(x / y)


def digits(x, decimals):
    """By Python's own rounding, which is exact."""
    return np.vectorize(lambda v: round(v, decimals), otypes=[float])(x)


ROWS = [
    *[
        Row(op, np.vectorize(reference), [shape_], domain=BESIDE)
        for op, reference in [
            (rounding.floor, math.floor),
            (rounding.ceil, math.ceil),
            (rounding.trunc, math.trunc),
            (rounding._round, round),
            (rounding.frac, lambda x: math.fmod(x, 1)),
            (elementwise.sign, lambda x: math.copysign(1, x)),
        ]
        for shape_ in [(2, 3), ()]
    ],
    Row(elementwise.sign, lambda x: np.array([-1, 0, 1]), [np.array([-5, 0, 3])]),
    Row(elementwise.no_slope, lambda gy: gy * 0, [(2, 3)]),
    Row(elementwise.no_slope, lambda gy: gy * 0, [()]),
    Row(rounding._round, digits, [(2, 3)], {"decimals": 1}, domain=BESIDE),
    Row(rounding._round, digits, [(2, 3)], {"decimals": -1}, domain=(-29.1, 33.3)),
    Row(rounding.round, lambda x: digits(x, 0), [(2, 3)], domain=BESIDE),
    Row(rounding.round, digits, [(2, 3)], {"decimals": 2}, domain=BESIDE),
    Row(rounding.round, digits, [(0, 3)], {"decimals": -1}),
    *[
        Row(op, one_by_one(reference), inputs, domain=domain)
        for op, reference in [
            (rounding.floor_divide, lambda x, y: math.floor(x / y)),
            (rounding.trunc_divide, lambda x, y: math.trunc(x / y)),
            (rounding.remainder, remainder),
            (rounding.fmod, fmod),
        ]
        for inputs, domain in [
            ([(2, 3), (3,)], DIVISORS),
            ([(2, 3), (2, 1)], WITH_SIGNS),
            ([(), ()], DIVISORS),
            ([(2, 3), -1.7], WITH_SIGNS),
            ([7.3, (3,)], WITH_SIGNS),
            ([np.array([7, -7, 7, -7]), np.array([2, 2, -2, -2])], WITH_SIGNS),
        ]
    ],
    Row(tg.div, lambda x, y: x / y, [(2, 3), (3,)], domain=DIVISORS),
    Row(
        tg.div,
        lambda x, y, rounding_mode: one_by_one(lambda a, b: a // b)(x, y),
        [(2, 3), (3,)],
        {"rounding_mode": "floor"},
        domain=WITH_SIGNS,
    ),
    Row(
        tg.div,
        lambda x, y, rounding_mode: one_by_one(lambda a, b: int(a / b))(x, y),
        [(2, 3), 1.7],
        {"rounding_mode": "trunc"},
        domain=WITH_SIGNS,
    ),
]
