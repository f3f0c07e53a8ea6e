"""Rows of the larger and the smaller of two, of limits, and of numbers in place of nan."""

import math

import numpy as np

from tensorgrad.ops import extremes

from .row import Row

KINKS = {
    "maximum": "At a tie each of the two gets half of the gradient; with a nan both get all of it.",
    "minimum": "At a tie each of the two gets half of the gradient; with a nan both get all of it.",
    "fmax": "At a tie input gets the gradient; a nan gets none, unless both are.",
    "fmin": "At a tie input gets the gradient; a nan gets none, unless both are.",
    "clamp": "At its bounds the gradient passes to input; where the bounds cross it goes to max, at a nan nowhere.",
    "clamp_min": "At the bound the gradient passes to input, at a nan nowhere.",
    "clamp_max": "At the bound the gradient passes to input, at a nan nowhere.",
    "nan_to_num": "The slope is 0 at nan and at infinities.",
}

NAN, INF = math.nan, math.inf
SPREAD = [(-1.9, 2.07), (-1.31, 1.73)]
LIMITS = [(-2.9, 3.07), (-1.31, -0.43), (0.29, 1.73)]
SOME = np.array([[1.5, NAN, -INF], [INF, -0.5, 0.0]])


def one_by_one(function):
    return lambda *values: np.vectorize(function, otypes=[float])(*values)


def clamp(x, min=None, max=None):
    """At least min, then at most max."""
    if min is not None:
        x = np.where(x < min, min, x)
    return x if max is None else np.where(x > max, max, x)


def nan_to_num(x, nan=0.0, posinf=None, neginf=None):
    most = np.finfo(np.asarray(x).dtype).max

    def one(v):
        if math.isnan(v):
            return 0.0 if nan is None else nan
        if math.isinf(v):
            return (most if posinf is None else posinf) if v > 0 else (-most if neginf is None else neginf)
        return v

    return one_by_one(one)(x)


ROWS = [
    *[
        Row(op, one_by_one(reference), inputs, domain=SPREAD)
        for op, reference in [
            (extremes.maximum, lambda x, y: x if x > y else y),
            (extremes.minimum, lambda x, y: x if x < y else y),
            (extremes.fmax, lambda x, y: x if x > y else y),
            (extremes.fmin, lambda x, y: x if x < y else y),
            (extremes.clamp_min, lambda x, y: x if x > y else y),
            (extremes.clamp_max, lambda x, y: x if x < y else y),
        ]
        for inputs in [[(2, 3), (3,)], [(2, 1), (1, 3)], [(), ()], [(2, 3), 0.2]]
    ],
    Row(extremes.fmax, lambda x, y: np.array([1.5, 2.0]), [np.array([NAN, 2.0]), np.array([1.5, NAN])]),
    Row(extremes.fmin, lambda x, y: np.array([1.5, 2.0]), [np.array([NAN, 2.0]), np.array([1.5, NAN])]),
    Row(extremes.maximum, lambda x, y: np.array([4, 5]), [np.array([1, 5]), np.array([4, 2])]),
    Row(extremes._clamp, clamp, [(3, 4), (4,), (3, 1)], domain=LIMITS),
    Row(extremes._clamp, clamp, [(3, 4), -0.43, 1.21], domain=LIMITS),
    Row(extremes._clamp, clamp, [(3, 4), (4,), 1.21], domain=LIMITS),
    Row(extremes._clamp, clamp, [(), (), ()], domain=LIMITS),
    Row(extremes.clamp, clamp, [(3, 4), (4,), (3, 1)], domain=LIMITS),
    Row(extremes.clamp, clamp, [(3, 4)], {"min": -0.43, "max": 1.21}),
    Row(extremes.clamp, clamp, [(3, 4)], {"min": 0.31}),
    Row(extremes.clamp, clamp, [(3, 4)], {"max": 0.31}),
    Row(extremes.clamp, lambda x, min, max: np.array([2, 2, 5]), [np.array([1, 2, 7])], {"min": 2, "max": 5}),
    Row(extremes._nan_to_num, nan_to_num, [(2, 3)]),
    Row(extremes._nan_to_num, nan_to_num, [SOME], {"nan": 2.5, "posinf": 9.0, "neginf": -8.0}),
    Row(extremes._nan_to_num, nan_to_num, [SOME]),
    Row(extremes.nan_to_num, nan_to_num, [(2, 3)]),
    Row(extremes.nan_to_num, nan_to_num, [SOME], {"nan": 2.5, "posinf": 9.0, "neginf": -8.0}),
    Row(extremes.nan_to_num, nan_to_num, [SOME], {"nan": None}),
]
