"""Rows of embeddings and of labels as vectors."""

import math

import numpy as np

import nn.functional as F
from tensorgrad.ops import embedding as tables
from tensorgrad.primitive import clone

from .calls import of_nn
from .row import F32, F64, Row


def rows_added(gy, index, size):
    out = np.zeros((size, gy.shape[-1]))
    for at in np.ndindex(index.shape):
        out[index[at]] += gy[at]
    return out


def renormed_rows(index, table, max_norm, norm_type=2.0):
    """The rows named, and the table with those of them that were too long scaled down."""
    table = np.array(table)
    for row in set(index.ravel().tolist()):
        sizes = [float(v) if v > 0 else -float(v) for v in table[row]]
        norm = max(sizes) if norm_type == math.inf else sum(v**norm_type for v in sizes) ** (1 / norm_type)
        if norm > max_norm:
            table[row] = [v * max_norm / (norm + 1e-7) for v in table[row]]  # PyTorch's guard against 0
    return table[index], table


def with_table(index, table, **params):
    """Embedding, and what it leaves in a copy of its table."""
    table = clone(table)
    return tables.embedding(index, table, **params), table


ROWS: list[Row] = []

TOKENS = np.array([[4, 0, 4], [1, 4, 1]])
TABLE = np.array([[0.3, -2.0, 0.4], [0.1, 0.2, -0.1], [3.0, 3, 3], [1.0, 1, 1], [-1.1, 0.0, 0.9]])
ROWS += [
    *[
        Row(
            tables._embedding,
            lambda i, w, **_: w[i],
            [index, (5, 3)],
            {"padding_idx": None, "scale_grad_by_freq": False},
        )
        for index in [TOKENS, TOKENS[:0], np.array(2)]
    ],
    Row(tables._frequencies, lambda i, dtype: np.array([[[3.0], [1], [3]], [[2], [3], [2]]]), [TOKENS], {"dtype": F64}),
    Row(tables._frequencies, lambda i, dtype: np.ones((2, 1)), [np.array([1, 0])], {"dtype": F32}),
    *[
        Row(tables.embedding_grad, rows_added, [(*index.shape, 3), index], {"size": size})
        for index, size in [(TOKENS, 5), (TOKENS[:0], 2), (np.array([1, 0], np.uint8), 3), (np.array(2), 3)]
    ],
    # What these two parameters do to a gradient is no derivative. Here they find nothing to change; where they do, see
    # test_ops_losses.py.
    Row(
        tables._embedding,
        lambda i, w, **_: w[i],
        [np.array([[4, 0], [1, 3]]), (5, 3)],
        {"padding_idx": 2, "scale_grad_by_freq": True},
    ),
    Row(tables.embedding, lambda i, w: w[i], [TOKENS, (5, 3)]),
    *[
        Row(tables.embedding, lambda i, w, **_: w[i], [np.array([[4, 0], [1, 3]]), (5, 3)], params)
        for params in [
            {"padding_idx": 2, "sparse": True},
            {"padding_idx": -3, "scale_grad_by_freq": True},
            {"max_norm": 10.0, "norm_type": 1.0},
        ]
    ],
    # Rows that are too long are scaled down in the table itself, which is no part of the derivative: no gradients here.
    *[
        Row(tables.embedding, renormed_rows, [TOKENS, TABLE], params, call=with_table)
        for params in [
            {"max_norm": 1.5},
            {"max_norm": 1.0, "norm_type": 1.0},
            {"max_norm": 0.7, "norm_type": math.inf},
            {"max_norm": 1.2, "norm_type": 3},
        ]
    ],
    *[
        Row(
            F.one_hot,
            lambda labels, num_classes=-1: np.eye(labels.max() + 1 if num_classes == -1 else num_classes)[labels],
            [TOKENS],
            params,
            call=of_nn(F.one_hot),
        )
        for params in [{}, {"num_classes": 7}]
    ],
]
