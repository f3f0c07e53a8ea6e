"""Rows of softmax and its logarithm."""

import numpy as np

from tensorgrad.ops import activation

from .row import F64, Row

KINKS = {
    "softmax": "with nothing but -inf, or with inf, value and gradient are nan",
    "log_softmax": "with nothing but -inf, or with inf, value and gradient are nan",
    "softmin": "with nothing but inf, or with -inf, value and gradient are nan",
}


def softmax(x, dim):
    exps = np.exp(x)
    return exps / exps.sum(dim, keepdims=True) if x.ndim else np.ones(())


def log_softmax(x, dim):
    return x - np.log(np.exp(x).sum(dim, keepdims=True)) if x.ndim else np.zeros(())


ROWS: list[Row] = [
    *[
        Row(op, reference, [shape_], {"dim": dim})
        for op, reference in [
            (activation._softmax, softmax),
            (activation.softmax, softmax),
            (activation._log_softmax, log_softmax),
            (activation.log_softmax, log_softmax),
        ]
        for shape_, dim in [((2, 3), 1), ((2, 3, 4), 1), ((3, 2), 0), ((), 0), ((0, 3), 1), ((3, 0), 0)]
    ],
    Row(activation.softmax, softmax, [(2, 3, 2)], {"dim": -2}),
    Row(activation.log_softmax, log_softmax, [(2, 3, 2)], {"dim": -1}),
    Row(activation.softmin, lambda x, dim: softmax(-x, dim), [(2, 3)], {"dim": -1}),
    Row(activation.softmin, lambda x, dim: softmax(-x, dim), [()], {"dim": 0}),
    *[
        Row(op, lambda x, dim, dtype, of=reference: of(x, dim), [(2, 3)], {"dim": 0, "dtype": F64}, mixed=True)
        for op, reference in [
            (activation.softmax, softmax),
            (activation.log_softmax, log_softmax),
            (activation.softmin, lambda x, dim: softmax(-x, dim)),
        ]
    ],
]
