"""Rows of matrix products and of linear layers."""

import numpy as np

from tensorgrad.ops import linalg

from .row import Row


def matmul(x, y):
    a, b = (x[None] if x.ndim == 1 else x), (y[:, None] if y.ndim == 1 else y)
    out = np.einsum("...ij,...jk->...ik", a, b)
    return out[(..., *(0 if v.ndim == 1 else slice(None) for v in (x, y)))]


def linear(x, weight, bias=None):
    out = np.einsum("...i,oi->...o", x, weight)
    return out if bias is None else out + bias


def linear_weight_grad(gy, x):
    return np.tensordot(gy, x, (range(gy.ndim - 1), range(x.ndim - 1)))


ROWS: list[Row] = []
ROWS += [
    Row(linalg._matmul, matmul, shapes)
    for shapes in [[(2, 3), (3, 4)], [(2, 2, 3), (3, 4)], [(2, 1, 2, 3), (3, 3, 2)], [(0, 3), (3, 2)], [(2, 0), (0, 3)]]
]
ROWS += [
    Row(linalg.matmul, matmul, shapes)
    for shapes in [
        [(3,), (3,)],
        [(2, 3), (3,)],
        [(3,), (3, 2)],
        [(2, 2, 3), (3,)],
        [(3,), (2, 3, 2)],
        [(2, 3), (2, 3, 2)],
    ]
]
ROWS += [
    Row(linalg._linear, linear, [x, (4, 3), bias])
    for x, bias in [((2, 3), (4,)), ((2, 3), None), ((2, 2, 3), (4,)), ((3,), (4,)), ((0, 3), (4,)), ((2, 0, 3), (4,))]
]
ROWS += [
    Row(linalg.linear_weight_grad, linear_weight_grad, [gy, x])
    for gy, x in [((2, 4), (2, 3)), ((2, 2, 4), (2, 2, 3)), ((4,), (3,)), ((0, 4), (0, 3)), ((2, 0, 4), (2, 0, 3))]
]
ROWS += [Row(linalg.linear, linear, [(2, 3), (4, 3)]), Row(linalg.linear, linear, [(2, 0), (3, 0), (3,)])]
