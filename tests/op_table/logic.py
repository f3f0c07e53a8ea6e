"""Rows of what numbers are and how they compare, of signs, and of shifted bits."""

import math

import numpy as np

import tensorgrad as tg
from tensorgrad.ops import logic

from .row import Row

KINKS = {
    "copysign": "The slope is 0 where input is 0, and with respect to other, also where its sign changes.",
    "heaviside": "The slope is 0, also at 0, where it jumps; the gradient at 0 goes to values.",
}

NAN, INF = math.nan, math.inf
SOME = np.array([[1.5, NAN, -INF], [INF, -0.0, 0.0]])
NEAR = [np.array([1.0, 1.0, INF, INF, NAN, 0.0]), np.array([1.0 + 1e-6, 1.1, INF, -INF, NAN, 1e-9])]
APART = (-1.9, 2.07)


def one_by_one(function):
    def reference(*values, **params):
        with np.errstate(invalid="ignore"):  # NumPy warns of Python's own comparisons with nan from 2.5 on
            return np.vectorize(lambda *v: function(*v, **params))(*values)

    return reference


def isclose(x, y, rtol=1e-5, atol=1e-8, equal_nan=False):
    if math.isnan(x) or math.isnan(y):
        return equal_nan and math.isnan(x) and math.isnan(y)
    if math.isinf(x) or math.isinf(y):
        return x == y
    return abs(x - y) <= atol + rtol * abs(y)


def heaviside(x, v):
    return v if x == 0 else float(x > 0)


def as_result(op):
    """An operation that answers with a bool, as one that answers in kind."""

    def call(x, y, **params):
        answer = op(x, y, **params)
        assert type(answer) is bool
        return tg.tensor(answer) if isinstance(x, tg.Tensor) else np.array(answer)

    return call


CLOSENESS = [
    (NEAR, {}),
    (NEAR, {"rtol": 0.2}),
    (NEAR, {"atol": 0.15, "equal_nan": True}),
    ([(2, 3), (3,)], {"atol": 0.9}),
    ([np.array([5, -3]), np.array([6, -3])], {"rtol": 0.0, "atol": 1.0}),
]

ROWS = [
    *[
        Row(op, one_by_one(reference), [x])
        for op, reference in [
            (logic.isnan, math.isnan),
            (logic.isinf, math.isinf),
            (logic.isfinite, math.isfinite),
            (logic.isposinf, lambda v: v == INF),
            (logic.isneginf, lambda v: v == -INF),
            (logic.signbit, lambda v: math.copysign(1, v) < 0),
        ]
        for x in [SOME, np.array([3, -2, 0]), (2, 3)]
    ],
    Row(logic.logical_xor, lambda x, y: (x != 0) != (y != 0), [np.array([0.0, 2.0, 0.0]), np.array([[1.0], [0.0]])]),
    *[Row(op, one_by_one(isclose), *row) for op in (logic._isclose, logic.isclose) for row in CLOSENESS],
    *[
        Row(logic.allclose, lambda *v, **p: one_by_one(isclose)(*v, **p).all(), *row, call=as_result(logic.allclose))
        for row in CLOSENESS
    ],
    Row(logic.equal, lambda x, y: np.array(True), [SOME[1], SOME[1]], call=as_result(logic.equal)),
    Row(logic.equal, lambda x, y: np.array(False), [SOME[0], SOME[0]], call=as_result(logic.equal)),
    Row(logic.equal, lambda x, y: np.array(False), [SOME[1:], SOME[1]], call=as_result(logic.equal)),
    Row(logic.positive, lambda x: x, [(2, 3)]),
    Row(logic.copysign, one_by_one(math.copysign), [(2, 3), (3,)], domain=APART),
    Row(logic.copysign, one_by_one(math.copysign), [(2, 3), -2], domain=APART),
    Row(logic.copysign, one_by_one(math.copysign), [(), ()], domain=[APART, (-3, -1)]),
    Row(logic.heaviside, one_by_one(heaviside), [(2, 3), (3,)], domain=APART),
    Row(logic.heaviside, one_by_one(heaviside), [np.array([[0], [-1], [2]]), (3,)]),
    Row(logic.heaviside, one_by_one(heaviside), [np.array([0, -1, 2]), ()]),
    Row(logic.heaviside, one_by_one(heaviside), [np.array([0.0, -1.5, 2.0, -0.0]), np.array([0.5])]),
    *[
        Row(op, one_by_one(reference), inputs)
        for op, reference in [
            (logic.bitwise_left_shift, lambda x, y: int(x) * 2 ** int(y)),
            (logic.bitwise_right_shift, lambda x, y: int(x) // 2 ** int(y)),
        ]
        for inputs in [[np.array([1, -8, 5]), np.array([[0], [2]])], [np.array([1, -8, 5]), 1]]
    ],
]
