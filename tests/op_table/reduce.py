"""Rows of sums and means."""

import numpy as np

from tensorgrad.ops import reduce

from .row import F64, Row

ROWS: list[Row] = [
    # Reductions
    *[
        Row(op, reference, [shape_], {"dims": dims, "keepdim": keepdim})
        for op, reference in [
            (reduce._sum, lambda x, dims, keepdim: np.sum(x, dims, keepdims=keepdim)),
            (reduce._mean, lambda x, dims, keepdim: np.mean(x, dims, keepdims=keepdim)),
        ]
        for shape_, dims, keepdim in [
            ((2, 3), (0, 1), False),
            ((2, 3, 4), (1,), False),
            ((2, 3, 4), (0, 2), True),
            ((2, 3), (), False),
            ((), (), False),
            ((2, 1, 3), (1,), True),
            ((0, 3), (1,), False),
        ]
    ],
    Row(reduce._sum, lambda x, dims, keepdim: np.zeros(3), [(0, 3)], {"dims": (0,), "keepdim": False}),
    *[
        Row(op, lambda x, dim, keepdim, f=reference: f(x, dim and tuple(dim), keepdims=keepdim), [(2, 3, 2)], params)
        for op, reference in [(reduce.sum, np.sum), (reduce.mean, np.mean)]
        for params in [
            {"dim": None, "keepdim": False},
            {"dim": (-1,), "keepdim": True},
            {"dim": (0, -1), "keepdim": False},
            {"dim": [1], "keepdim": False},
        ]
    ],
    Row(reduce.sum, lambda x, dim: np.sum(x, dim), [(2, 3)], {"dim": -1}),
    Row(reduce.mean, lambda x, dim: np.mean(x, dim), [(2, 3)], {"dim": 0}),
    *[
        Row(op, lambda x, dtype, f=reference: np.array(f(x)), [x], {"dtype": F64}, mixed=True)
        for op, reference in [(reduce.sum, np.sum), (reduce.mean, np.mean)]
        for x in [(2, 3), np.array([[1, 2], [4, -9]])]
    ],
]
