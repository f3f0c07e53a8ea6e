"""Rows of indexing, of assignment, and of gather."""

import numpy as np

import tensorgrad as tg
from tensorgrad.ops import indexing

from .row import Row


def put(x, index, shape):
    out = np.zeros(shape)
    np.add.at(out, index, x)
    return out


def setitem(x, value, index):
    out = np.array(x)
    out[index] = value
    return out


def last_writes(index, shape):
    """For each assigned value, whether no later one in reading order goes to the same place."""
    places = np.arange(np.prod(shape, dtype=int)).reshape(shape)[index]
    later = [set(places.ravel()[i + 1 :].tolist()) for i in range(places.size)]
    kept = [place not in after for place, after in zip(places.ravel().tolist(), later, strict=True)]
    return np.array(kept, bool).reshape(places.shape)


def along(index, dim):
    """(place in index, place it points to) for all of an index array."""
    for at in np.ndindex(index.shape):
        yield at, (*at[:dim], int(index[at]), *at[dim + 1 :])


def gather(x, index, dim):
    out = np.zeros(index.shape)
    for at, to in along(index, dim):
        out[at] = x[to]
    return out


def scatter_along(x, index, dim, shape):
    out = np.zeros(shape)
    for at, to in along(index, dim):
        out[to] += x[at]
    return out


ROWS: list[Row] = []

# Indexing: (shape, index), every kind of index alone and mixed, with repeats
MASK = np.array([[True, False, True], [False, False, True]])
INDICES = [
    ((4, 3), 1),
    ((4, 3), (slice(1, None, 2), slice(None, None, -1))),
    ((4, 3), (Ellipsis, 0)),
    ((4, 3), (None, 2, None, slice(0, 2))),
    ((4, 3), ()),
    ((), ()),
    ((), None),
    ((4, 3), slice(2, 2)),
    ((4, 3), np.array([0, 0, 2])),
    ((4, 3), np.array([0, -4, 3, -1], np.int8)),
    ((4, 3), np.array([1, 1, 3], np.uint8)),
    ((4, 3), np.array([[0, 1], [1, 0]])),
    ((4, 3), np.array([], np.int64)),
    ((4, 3), (np.array([0, 0, 1]), np.array([2, 2, 0]))),
    ((4, 3), (slice(None), np.array([1, 1]))),
    ((4, 3), (np.array([[0], [0]]), np.array([1, 2, 1]))),
    ((2, 3), MASK),
    ((2, 3, 2), MASK),
    ((2, 3), np.array([False, True])),
    ((2, 3), (np.array([True, True]), 1)),
    ((2, 3), np.zeros((2, 3), bool)),
    ((2, 3, 4), (np.array([0, 0]), slice(None), np.array([3, 3]))),
    ((2, 3, 4), (slice(None), 1, np.array([0, 0, 3]))),
    ((0, 3), (slice(None), np.array([1, 1]))),
    ((4, 3), True),
]
ROWS += [Row(indexing._getitem, lambda x, index: x[index], [s], {"index": index}) for s, index in INDICES]
ROWS += [Row(indexing._put, put, [np.zeros(s)[index].shape], {"index": index, "shape": s}) for s, index in INDICES]
ROWS += [
    Row(indexing.getitem, lambda x, index: x[index], [(4, 3)], {"index": index})
    for index in [-1, (slice(None), [0, 0, 2]), (np.array([0, 1]), Ellipsis, 1)]
]
ROWS += [
    Row(indexing._setitem, setitem, inputs, {"index": index})
    for inputs, index in [
        ([(4, 3), (3,)], 1),
        ([(4, 3), (2, 1)], (slice(1, 3), slice(0, 2))),
        ([(4, 3), ()], Ellipsis),
        ([(4, 3), 1.5], (slice(None), 0)),
        ([(4, 3), (1,)], 2),
        ([(4, 3), (2, 3)], np.array([0, 2])),
        ([(2, 3), ()], MASK),
        ([(2, 3), (3,)], MASK),
        ([(0, 3), (3,)], slice(None)),
        ([(4, 3), (3, 3)], np.array([0, 0, 2])),
        ([(4, 3), (1,)], (np.array([1, 1, -3]), np.array([2]))),
    ]
]
ROWS += [
    Row(
        indexing.setitem,
        setitem,
        inputs,
        {"index": index},
        call=lambda x, value, index: indexing.setitem(x, index, value),
    )
    for inputs, index in [
        ([(4, 3), (3,)], -1),
        ([(4, 3), (1, 3)], 2),
        ([(4, 3), (1, 2, 3)], [0, 2]),
        ([(4, 3), 2], (slice(None), 1)),
    ]
]
ROWS += [
    Row(indexing.last_writes, last_writes, [], {"index": index, "shape": s})
    for s, index in [
        ((4, 3), np.array([0, 0, -4, 2])),
        ((4, 3), (np.array([[0], [0]]), np.array([1, 2, 1]))),
        ((3,), np.array([2, 1])),
        ((0, 3), np.zeros(0, np.int64)),
    ]
]
ROWS += [
    Row(op, reference, [s, np.array(index)], {"dim": dim})
    for op, reference in [(indexing._gather, gather)]
    for s, index, dim in [
        ((3, 4), [[0, 3, 3], [1, 1, 1], [2, 0, 3]], 1),
        ((3, 4), [[0, 2, 2, 1]], 0),
        ((5,), [4, 4, 0], 0),
        ((2, 2, 3), [[[0, 0], [2, 1]]], 2),
        ((0, 3), np.zeros((0, 2), np.int64), 1),
    ]
]
ROWS += [
    Row(indexing.scatter_along, scatter_along, [np.shape(index), np.array(index)], {"dim": dim, "shape": s})
    for s, index, dim in [
        ((3, 4), [[0, 3, 3], [1, 1, 1], [2, 0, 3]], 1),
        ((3, 4), [[0, 2, 2, 1]], 0),
        ((0, 3), np.zeros((0, 2), np.int64), 1),
    ]
]
ROWS.append(
    Row(
        indexing.gather,
        lambda x, index, dim: gather(x, index, dim % 2),
        [(3, 4), np.array([[0, 3], [1, 1]])],
        {"dim": -1},
        call=lambda x, index, dim: tg.gather(x, dim, index),
    )
)
ROWS.append(
    Row(
        indexing.gather,
        lambda x, index, dim: x,
        [(), np.array(0)],
        {"dim": 0},
        call=lambda x, index, dim: tg.gather(x, dim, index),
    )
)
