"""Rows of the engine's own operations: to a shape, to a dtype, a copy."""

import numpy as np

from tensorgrad.primitive import astype, broadcast_to, clone, sum_to

from .row import F32, F64, I64, Row


def summed_to(x, shape):
    out = np.zeros(shape)
    for at in np.ndindex(x.shape):
        at_ = at[len(at) - len(shape) :]
        out[tuple(i if n > 1 else 0 for i, n in zip(at_, shape, strict=True))] += x[at]
    return out


ROWS: list[Row] = [
    Row(sum_to, summed_to, [(2, 3, 4)], {"shape": (3, 1)}),
    Row(sum_to, summed_to, [(2, 3)], {"shape": ()}),
    Row(sum_to, summed_to, [(1, 3)], {"shape": (1, 3)}),
    Row(sum_to, summed_to, [(0, 3)], {"shape": (1, 3)}),
    Row(sum_to, summed_to, [()], {"shape": ()}),
    Row(broadcast_to, lambda x, shape: x + np.zeros(shape), [(3, 1)], {"shape": (2, 3, 4)}),
    Row(broadcast_to, lambda x, shape: x + np.zeros(shape), [()], {"shape": (2,)}),
    Row(broadcast_to, lambda x, shape: x + np.zeros(shape), [(1, 3)], {"shape": (0, 3)}),
    Row(broadcast_to, lambda x, shape: x + np.zeros(shape), [(1, 3)], {"shape": (1, 3)}),
    Row(astype, lambda x, dtype: x, [(2, 3)], {"dtype": F64}, mixed=True),
    Row(astype, lambda x, dtype: np.array([float(np.float32(v)) for v in x]), [(4,)], {"dtype": F32}, mixed=True),
    Row(astype, lambda x, dtype: np.trunc(x), [(5,)], {"dtype": I64}, mixed=True),
    Row(clone, lambda x: x + 0, [(2, 3)]),
    Row(clone, lambda x: x + 0, [()]),
]
