"""Rows of the largest and smallest values and of where they stand."""

import numpy as np

import tensorgrad as tg
from tensorgrad.ops import extrema

from .row import I64, PLAIN, Row

KINKS = {
    "max": "without dim, ties and nans share the gradient evenly; with dim, the first in reading order gets it",
    "min": "without dim, ties and nans share the gradient evenly; with dim, the first in reading order gets it",
    "amax": "ties and nans share the gradient evenly",
    "amin": "ties and nans share the gradient evenly",
    "aminmax": "ties and nans share the gradient evenly",
    "cummax": "of equal values the last one gets the gradient; from a nan on, the last nan",
    "cummin": "of equal values the last one gets the gradient; from a nan on, the last nan",
    "argmax": "of equal values the first, of several nan the first",
    "argmin": "of equal values the first, of several nan the first",
}


def along(pick):
    """Value and index along an axis by Python's max or min over each lane."""

    def reference(x, dim, keepdim=False):
        if not x.ndim:
            return np.array(x), np.zeros((), I64)
        lanes = np.moveaxis(x, dim, -1)
        values, indices = np.zeros(lanes.shape[:-1]), np.zeros(lanes.shape[:-1], I64)
        for at in np.ndindex(values.shape):
            values[at] = pick(lanes[at])
            indices[at] = lanes[at].tolist().index(values[at])
        return (np.expand_dims(values, dim), np.expand_dims(indices, dim)) if keepdim else (values, indices)

    return reference


def over(pick):
    """The value over any axes by Python's max or min, one value of the result after the other."""

    def reference(x, dims=None, keepdim=False):
        dims = tuple(range(x.ndim)) if dims in (None, ()) else (dims,) if isinstance(dims, int) else dims
        dims = [d % x.ndim for d in dims]
        kept = [1 if i in dims else n for i, n in enumerate(x.shape)]
        out = np.zeros(kept, x.dtype)
        for at in np.ndindex(*kept):
            part = x[tuple(slice(None) if i in dims else k for i, k in enumerate(at))]
            out[at] = pick(part.ravel())
        return out if keepdim else out.reshape([n for i, n in enumerate(kept) if i not in dims])

    return reference


def named_dim(reference):
    return lambda x, dim=(), keepdim=False: reference(x, dim, keepdim)


def place(pick):
    """The index, in reading order without an axis."""

    def reference(x, dim=None, keepdim=False):
        if not x.ndim:
            return np.zeros((), I64)
        if dim is not None:
            return along(pick)(x, dim, keepdim)[1]
        index = x.ravel().tolist().index(pick(x.ravel()))
        return np.full((1,) * x.ndim if keepdim else (), index, I64)

    return reference


def running(pick):
    """The running value, and its last place."""

    def reference(x, dim):
        if not x.ndim:
            return np.array(x), np.zeros((), I64)
        lanes = np.moveaxis(x, dim, -1)
        values, indices = np.zeros(lanes.shape), np.zeros(lanes.shape, I64)
        for at in np.ndindex(lanes.shape):
            before = lanes[at[:-1]][: at[-1] + 1].tolist()
            values[at] = pick(before)
            indices[at] = max(i for i, v in enumerate(before) if v == values[at])
        return np.moveaxis(values, -1, dim), np.moveaxis(indices, -1, dim)

    return reference


def share_of_ties(x, value, dims):
    ties = np.where(x == value, 1.0, 0.0)
    return ties / ties.sum(dims, keepdims=True)


ROWS: list[Row] = [
    *[
        Row(op, along(pick), [shape], {"dim": dim, "keepdim": keepdim})
        for op, pick in [(extrema._max, max), (extrema._min, min)]
        for shape, dim, keepdim in [
            ((2, 3), 1, False),
            ((2, 3, 4), 0, True),
            ((2, 3, 4), 1, False),
            ((0, 3), 1, False),
            ((3, 1), 1, False),
        ]
    ],
    *[
        row
        for op, pick, of_two in [(extrema.max, max, np.maximum), (extrema.min, min, np.minimum)]
        for row in [
            Row(op, over(pick), [(2, 3)]),
            Row(op, along(pick), [()], {"dim": 0}),
            Row(op, along(pick), [(2, 3)], {"dim": -2, "keepdim": True}),
            Row(op, of_two, [(2, 3), (4, 1, 3)], domain=[PLAIN, (-1.7, 0.9)]),
            Row(
                op,
                lambda x, y, f=of_two: f(x, y),
                [(2, 3), (2, 1)],
                domain=[PLAIN, (-1.7, 0.9)],
                call=lambda x, y, op=op: op(x, other=y),
            ),
        ]
    ],
    *[
        Row(op, over(pick), [shape], {"dims": dims, "keepdim": keepdim})
        for op, pick in [(extrema._amax, max), (extrema._amin, min)]
        for shape, dims, keepdim in [
            ((2, 3), (0, 1), False),
            ((2, 3, 4), (0, 2), True),
            ((2, 3, 4), (1,), False),
            ((0, 3), (1,), False),
            ((), (), False),
        ]
    ],
    *[
        Row(op, named_dim(over(pick)), [(2, 3, 2)], params)
        for op, pick in [(extrema.amax, max), (extrema.amin, min)]
        for params in [{}, {"dim": None}, {"dim": -1, "keepdim": True}, {"dim": (0, -1)}]
    ],
    *[
        Row(
            extrema.aminmax,
            lambda x, dim=None, keepdim=False: (over(min)(x, dim, keepdim), over(max)(x, dim, keepdim)),
            [(2, 3)],
            params,
        )
        for params in [{}, {"dim": -1, "keepdim": True}]
    ],
    Row(
        extrema.share_of_ties, share_of_ties, [np.array([[1.0, 3, 3], [0, 3, 2]]), np.array([[3.0]])], {"dims": (0, 1)}
    ),
    Row(
        extrema.share_of_ties,
        share_of_ties,
        [np.array([[1.0, 3, 3], [0, 3, 2]]), np.array([[3.0], [3.0]])],
        {"dims": (1,)},
    ),
    *[
        Row(op, place(pick), [shape], {"dim": dim, "keepdim": keepdim})
        for op, pick in [
            (extrema._argmax, max),
            (extrema._argmin, min),
            (extrema.argmax, max),
            (extrema.argmin, min),
        ]
        for shape, dim, keepdim in [
            ((2, 3), None, False),
            ((2, 3), None, True),
            ((2, 3), 1, True),
            ((0, 3), 1, False),
            ((), 0, True),
        ]
    ],
    Row(tg.argmax, place(max), [(2, 3)], {"dim": -2}),
    *[
        Row(op, running(pick), [shape], {"dim": dim})
        for op, pick in [(extrema._cummax, max), (extrema._cummin, min)]
        for shape, dim in [((2, 5), 1), ((4, 3), 0), ((2, 4, 2), 1), ((0, 3), 1), ((3, 0), 1)]
    ],
    *[
        Row(op, running(pick), [shape], {"dim": dim})
        for op, pick in [(extrema.cummax, max), (extrema.cummin, min)]
        for shape, dim in [((2, 5), -1), ((), 0)]
    ],
]
