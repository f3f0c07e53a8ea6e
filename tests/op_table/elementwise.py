"""Rows of arithmetic, of the plainest functions of one number, of choice, comparisons and logic."""

import math

import numpy as np

from tensorgrad.ops import elementwise

from .row import AWAY_FROM_ZERO, PLAIN, POSITIVE, Row

KINKS = {
    "abs": "the slope at 0 is 0",
    "sqrt": "the slope at 0 is inf; below, value and slope are nan",
    "log": "the slope at 0 is inf; below, the value is nan, the slope still 1 / input",
    "log1p": "the slope at -1 is inf; below, the value is nan, the slope still 1 / (1 + input)",
    "pow": "the slope of x**0 is 0, also at 0; that of 0**y in y is 0 for y from 0 on, else -inf",
}


def in_bits(x, y, combine):
    """Each pair of numbers, digit by binary digit."""
    x, y = np.broadcast_arrays(x, y)
    pairs = zip(x.ravel().tolist(), y.ravel().tolist(), strict=True)
    sums = [sum(bool(combine(a >> i & 1, b >> i & 1)) << i for i in range(8)) for a, b in pairs]
    return np.array(sums).reshape(x.shape).astype(x.dtype)


def erf(x):
    return np.array([math.erf(v) for v in np.ravel(x)]).reshape(np.shape(x))


ROWS: list[Row] = [
    # Arithmetic
    Row(elementwise._add, lambda x, y: x + y, [(2, 3), (3,)]),
    Row(elementwise._add, lambda x, y: x + y, [(), ()]),
    Row(elementwise._add, lambda x, y: x + y, [(2, 3), 2.5]),
    Row(elementwise._sub, lambda x, y: x - y, [(2, 1), (1, 3)]),
    Row(elementwise._sub, lambda x, y: x - y, [2, (2, 3)]),
    Row(elementwise.mul, lambda x, y: x * y, [(2, 3), (2, 1)]),
    Row(elementwise.mul, lambda x, y: x * y, [(2, 3), -3]),
    Row(elementwise._div, lambda x, y: x / y, [(2, 3), (3,)], domain=AWAY_FROM_ZERO),
    Row(elementwise._div, lambda x, y: x / y, [1.5, (2, 3)], domain=AWAY_FROM_ZERO),
    Row(elementwise._div, lambda x, y: x / y, [(2, 3), 3]),
    Row(elementwise.neg, lambda x: 0 - x, [(2, 3)]),
    Row(elementwise.neg, lambda x: 0 - x, [()]),
    Row(elementwise.add, lambda x, y, alpha: x + alpha * y, [(2, 3), (3,)], {"alpha": 2.5}),
    Row(elementwise.add, lambda x, y, alpha: x + alpha * y, [(2, 3), (3,)], {"alpha": 1}),
    Row(elementwise.sub, lambda x, y, alpha: x - alpha * y, [(3,), (2, 3)], {"alpha": -2}),
    Row(elementwise.sub, lambda x, y, alpha: x - alpha * y, [(3,), 1.5], {"alpha": 1}),
    Row(elementwise.pow, lambda x, y: np.exp(y * np.log(x)), [(2, 3), (3,)], domain=AWAY_FROM_ZERO),
    Row(elementwise.pow, lambda x, y: np.exp(y * np.log(x)), [(2, 3), 2.5], domain=AWAY_FROM_ZERO),
    Row(elementwise.pow, lambda x, y: np.exp(y * np.log(x)), [1.7, (2, 3)]),
    Row(elementwise.pow, lambda x, y: x * x * x, [(2, 3), 3]),
    Row(elementwise.pow, lambda x, y: x * x, [(2, 3), 2.0]),
    Row(elementwise.pow, lambda x, y: x, [(2, 3), 1]),
    Row(elementwise.pow, lambda x, y: x * 0 + 1, [(2, 3), 0]),
    Row(elementwise.pow, lambda x, y: 1 / (x * x), [(2, 3), -2]),
    Row(elementwise.pow, lambda x, y: np.sqrt(x), [(2, 3), 0.5], domain=AWAY_FROM_ZERO),
    Row(elementwise.pow, lambda x, y: x * x, [(2, 3), np.array([2, 2, 2])]),
    # Functions of one number
    *[
        Row(op, reference, [shape_], domain=domain)
        for op, reference, domain in [
            (elementwise.exp, np.exp, PLAIN),
            (elementwise.log, np.log, POSITIVE),
            (elementwise.sqrt, lambda x: x**0.5, POSITIVE),
            (elementwise.log1p, lambda x: np.log(1 + x), (-0.7, 2.3)),
            (elementwise.erf, erf, PLAIN),
            (elementwise.erfc, lambda x: 1 - erf(x), PLAIN),
            (elementwise.abs, lambda x: np.sqrt(x * x), PLAIN),
        ]
        for shape_ in [(2, 3), (), (0, 3)]
    ],
    # Choice, comparisons, logic
    Row(elementwise.where, np.where, [np.array([[True, False, True], [False, False, True]]), (2, 3), (3,)]),
    Row(elementwise.where, np.where, [np.array([True, False, True]), (2, 1), 0.5]),
    Row(elementwise.where, np.where, [np.array(True), (), ()]),
    Row(elementwise.where, np.where, [np.array([[True], [False]]), (3,), (2, 3)]),
    *[
        Row(op, reference, inputs)
        for op, reference in [
            (elementwise.eq, lambda x, y: x == y),
            (elementwise.ne, lambda x, y: x != y),
            (elementwise.lt, lambda x, y: x < y),
            (elementwise.le, lambda x, y: x <= y),
            (elementwise.gt, lambda x, y: x > y),
            (elementwise.ge, lambda x, y: x >= y),
        ]
        for inputs in [
            [(2, 3), (3,)],
            [(2, 3), 0.5],
            [np.array([1.0, 2, 3]), np.array([[1.0, 3, 2], [1, 2, 4]])],
        ]
    ],
    *[
        Row(op, reference, [np.array([True, True, False, False]), np.array([1.0, 0, 2, 0])])
        for op, reference in [
            (elementwise.logical_and, lambda x, y: (x != 0) & (y != 0)),
            (elementwise.logical_or, lambda x, y: (x != 0) | (y != 0)),
        ]
    ],
    *[
        Row(op, reference, inputs)
        for op, reference in [
            (elementwise.bitwise_and, lambda x, y: in_bits(x, y, lambda a, b: a and b)),
            (elementwise.bitwise_or, lambda x, y: in_bits(x, y, lambda a, b: a or b)),
            (elementwise.bitwise_xor, lambda x, y: in_bits(x, y, lambda a, b: a != b)),
        ]
        for inputs in [
            [np.array([[0, 1, 6], [7, 12, 255]], np.uint8), np.array([3, 5, 10], np.uint8)],
            [np.array([6, 100]), 3],
            [np.array([True, True, False]), np.array([[True], [False]])],
        ]
    ],
    Row(elementwise.bitwise_not, lambda x: -1 - x, [np.array([0, 5, -6])]),
    Row(elementwise.bitwise_not, lambda x: 255 - x, [np.array([0, 5], np.uint8)]),
    Row(elementwise.bitwise_not, lambda x: x == 0, [np.array([True, False])]),
    Row(elementwise.logical_not, lambda x: x == 0, [np.array([[0.0, 2.0], [-1.0, 0.0]])]),
]
