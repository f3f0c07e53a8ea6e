"""Rows of windows as columns, and back."""

import numpy as np

from tensorgrad.ops import fold
from tests import naive

from .row import Row

ROWS: list[Row] = []

for images, params in [
    (2, {"kernel_size": (2, 3), "dilation": (1, 1), "padding": (0, 0), "stride": (1, 1)}),
    (1, {"kernel_size": (3, 2), "dilation": (1, 2), "padding": (1, 2), "stride": (2, 1)}),
    (1, {"kernel_size": (1, 1), "dilation": (1, 1), "padding": (0, 0), "stride": (2, 3)}),
    (0, {"kernel_size": (2, 2), "dilation": (2, 1), "padding": (0, 1), "stride": (3, 3)}),
]:
    x = (images, 2, 5, 4)
    columns = naive.unfold(np.zeros(x), **params).shape
    ROWS.append(Row(fold._unfold, naive.unfold, [x], params))
    ROWS.append(Row(fold.unfold, naive.unfold, [x], params))
    ROWS.append(Row(fold._fold, naive.fold, [columns], {"output_size": (5, 4), **params}))
    ROWS.append(Row(fold.fold, naive.fold, [columns], {"output_size": (5, 4), **params}))
ROWS += [
    Row(
        fold._fold,
        naive.fold,
        [(1, 4, 3)],
        {"output_size": (2, 4), "kernel_size": (2, 2), "dilation": (1, 1), "padding": (0, 0), "stride": (1, 1)},
    ),
    Row(
        fold.unfold,
        lambda x, **_: naive.unfold(x[None], (2, 2), (2, 2), (1, 1), (1, 1))[0],
        [(2, 5, 4)],
        {"kernel_size": 2, "dilation": 2, "padding": 1},
    ),
    Row(
        fold.fold,
        lambda x, **_: naive.fold(x[None], (3, 3), (2, 2), (1, 1), (0, 0), (1, 1))[0],
        [(8, 4)],
        {"output_size": 3, "kernel_size": 2},
    ),
]
