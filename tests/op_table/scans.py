"""Rows of products, running sums and products, recurrences, and logarithms of sums of exponentials."""

import math

import numpy as np

from tensorgrad.ops import log_sums, scans

from .row import F32, F64, I64, Row
from .statistics import dims_of, over

KINKS = {
    "prod": "exact also where there are zeros: nothing is divided",
    "cumprod": "exact also where there are zeros: nothing is divided",
    "logsumexp": "where all values are -inf, the gradient is nan; an infinite value has the gradient nan",
    "logcumsumexp": "a leading -inf has the gradient nan",
}


def lanes(function):
    """A function of a lane, a list to a list, along an axis."""

    def reference(*arrays, dim, **params):
        if not arrays[0].ndim:
            return np.array(function(*[[x.item()] for x in arrays], **params)[0])
        moved = [np.moveaxis(x, dim, -1) for x in arrays]
        out = np.zeros(moved[0].shape, moved[0].dtype)
        for at in np.ndindex(out.shape[:-1]):
            out[at] = function(*[x[at].tolist() for x in moved], **params)
        return np.moveaxis(out, -1, dim)

    return reference


def running(join):
    def of(lane, reverse=False):
        if reverse:
            return of(lane[::-1])[::-1]
        return [join(lane[: i + 1]) for i in range(len(lane))]

    return of


def cast_first(reference):
    return lambda x, dim, dtype=None: reference(x.astype(dtype or x.dtype), dim=dim)


def others(lane):
    return [math.prod(lane[:i] + lane[i + 1 :]) for i in range(len(lane))]


def shifted(lane, by, fill):
    return [fill, *lane[:-1]] if by > 0 else [*lane[1:], fill]


def recurrence(a, b, reverse):
    if reverse:
        return recurrence(a[::-1], b[::-1], False)[::-1]
    y = []
    for k in range(len(b)):
        y.append(b[k] + (a[k] * y[-1] if k else 0))
    return y


def log_of_sum(values):
    return math.log(math.fsum(map(math.exp, values))) if values else -math.inf


def softmax_over(x, dims):
    return np.exp(x) / np.exp(x).sum(dims, keepdims=True)


SHAPES = [((2, 5), 1), ((6, 2), 0), ((2, 4, 3), 1), ((3, 1), 1), ((0, 3), 1)]
INTEGERS = np.array([[1, 2, 3], [4, 0, -1]], np.int16)

ROWS: list[Row] = [
    *[
        Row(
            scans._prod,
            lambda x, dim, keepdim: over(math.prod)(x, (dim,), keepdim),
            [shape],
            {"dim": dim, "keepdim": k},
        )
        for (shape, dim), k in zip(SHAPES, [False, True, False, True, False], strict=True)
    ],
    *[
        Row(
            scans.prod,
            lambda x, dim=None, keepdim=False, dtype=F64: over(math.prod)(x, dims_of(x, dim), keepdim).astype(dtype),
            [x],
            params,
            mixed="dtype" in params,
        )
        for x, params in [
            ((2, 3), {}),
            ((2, 3), {"keepdim": True}),
            ((2, 3), {"dim": -1, "keepdim": True}),
            ((2, 3), {"dim": 0, "dtype": F64}),
            ((), {"dim": None}),
            (INTEGERS, {"dim": 1, "dtype": F32}),
        ]
    ],
    Row(scans.prod, lambda x, dim: over(math.prod)(x, (dim,)).astype(I64), [INTEGERS], {"dim": 0}),
    *[Row(scans.products_of_others, lanes(others), [shape], {"dim": dim}) for shape, dim in [*SHAPES, ((3, 0), 1)]],
    *[
        Row(op, lanes(running(join)), [shape], {"dim": dim, "reverse": reverse})
        for op, join in [(scans._cumsum, math.fsum), (scans._cumprod, math.prod)]
        for shape, dim in [*SHAPES, ((3, 0), 1)]
        for reverse in [False, True]
    ],
    *[
        Row(
            op,
            cast_first(lanes(running(join))),
            [x],
            params,
            mixed="dtype" in params,
        )
        for op, join in [(scans.cumsum, sum), (scans.cumprod, math.prod)]
        for x, params in [
            ((2, 5), {"dim": -1}),
            ((), {"dim": 0}),
            ((5, 2), {"dim": 0, "dtype": F64}),
            (INTEGERS, {"dim": 1, "dtype": F32}),
            (INTEGERS.astype(I64), {"dim": 0}),
        ]
    ],
    *[
        Row(scans.shifted, lanes(shifted), [shape], {"dim": dim, "by": by, "fill": fill})
        for shape, dim, by, fill in [
            ((2, 5), 1, 1, 1.0),
            ((4, 2), 0, -1, 0.0),
            ((2, 1), 1, 1, 0.0),
            ((0, 3), 1, 1, 0.0),
        ]
    ],
    Row(scans.shifted, lambda x, dim, by, fill: np.zeros((3, 0)), [(3, 0)], {"dim": 1, "by": -1, "fill": 0.0}),
    *[
        Row(scans.recurrence, lanes(recurrence), [shape, shape], {"dim": dim, "reverse": reverse})
        for shape, dim in [*SHAPES, ((7,), 0), ((3, 0), 1)]
        for reverse in [False, True]
    ],
    *[
        Row(log_sums._logsumexp, over(log_of_sum), [shape], {"dims": dims, "keepdim": keepdim})
        for shape, dims, keepdim in [
            ((2, 3), (0, 1), False),
            ((2, 3, 4), (0, 2), True),
            ((2, 3, 4), (1,), False),
            ((0, 3), (1,), False),
        ]
    ],
    *[
        Row(
            log_sums.logsumexp,
            lambda x, dim, keepdim=False: over(log_of_sum)(x, dims_of(x, dim), keepdim),
            [(2, 3, 2)],
            params,
        )
        for params in [{"dim": -1, "keepdim": True}, {"dim": (0, 2)}, {"dim": None}]
    ],
    Row(log_sums.logsumexp, lambda x, dim: np.array(x), [()], {"dim": 0}),
    *[
        Row(log_sums.softmax_over, softmax_over, [shape], {"dims": dims})
        for shape, dims in [((2, 3), (0, 1)), ((2, 3, 4), (0, 2)), ((0, 3), (1,))]
    ],
    *[
        Row(log_sums._logcumsumexp, lanes(running(log_of_sum)), [shape], {"dim": dim})
        for shape, dim in [*SHAPES, ((3, 0), 1)]
    ],
    *[
        Row(log_sums.logcumsumexp, lanes(running(log_of_sum)), [shape], {"dim": dim})
        for shape, dim in [((2, 5), -1), ((), 0)]
    ],
]
