"""Rows of the operations that put tensors together as rows, columns and layers."""

import numpy as np

import tensorgrad as tg
from tensorgrad.ops import stacking

from .calls import listed
from .row import Row


def together(op, reference, *inputs):
    return Row(op, reference, [*inputs], call=listed(op))


def rows(x, y):
    return np.array([*np.reshape(x, (-1, x.shape[-1])), *np.reshape(y, (-1, y.shape[-1]))])


def columns(x, y):
    return rows(x.reshape(len(x), -1).T, y.reshape(len(y), -1).T).T


ROWS = [
    together(stacking.hstack, lambda x, y: np.array([*x, *y]), (2,), (3,)),
    together(stacking.hstack, lambda x, y: np.array([x, *y]), (), (2,)),
    together(stacking.hstack, columns, (2, 3), (2, 1)),
    together(
        stacking.hstack, lambda x, y: np.array([[*a, *b] for a, b in zip(x, y, strict=True)]), (2, 1, 2), (2, 2, 2)
    ),
    together(stacking.vstack, rows, (3,), (2, 3)),
    together(stacking.vstack, lambda x, y: np.array([[x], [y]]), (), ()),
    together(stacking.vstack, lambda x, y: np.array([*x, *y]), (1, 2, 3), (2, 2, 3)),
    together(stacking.dstack, lambda x, y: np.array([x, y]).transpose(1, 2, 0), (2, 3), (2, 3)),
    together(stacking.dstack, lambda x, y: np.array([[*zip(x, y, strict=True)]]), (3,), (3,)),
    together(stacking.dstack, lambda x, y: np.array([[[x, y]]]), (), ()),
    together(stacking.column_stack, columns, (3,), (3, 2)),
    together(stacking.column_stack, lambda x, y: np.array([[x, y]]), (), ()),
    together(stacking.column_stack, columns, (2, 1), (2, 0)),
    Row(tg.atleast_1d, lambda x: np.array([x]), [()]),
    Row(tg.atleast_1d, lambda x, y: (np.array([x]), y), [(), (2, 3)]),
    Row(tg.atleast_2d, lambda x: np.array([x]), [(3,)]),
    Row(tg.atleast_2d, lambda x, y: (np.array([[x]]), y), [(), (2, 3, 1)], call=listed(tg.atleast_2d)),
    Row(tg.atleast_3d, lambda x: np.array([[[v] for v in x]]), [(3,)]),
    Row(tg.atleast_3d, lambda x, y: (np.array([[[x]]]), np.array([[[v] for v in row] for row in y])), [(), (2, 3)]),
]
