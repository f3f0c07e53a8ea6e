"""Rows of masks, of the places that they name, and of looking values up."""

import numpy as np

from tensorgrad.ops import masked, search

from .row import Row

KINKS = {
    "where": "no gradient reaches the side not taken; an infinite slope there, times 0, is nan all the same",
}


MASK = np.array([[True, False, True], [False, False, True]])
ONE = np.array([True, False, True])


def masked_scatter(x, mask, source):
    out, mask = (np.array(v) for v in np.broadcast_arrays(x, mask))
    values = iter(source.ravel())
    for at in np.ndindex(out.shape):
        if mask[at]:
            out[at] = next(values)
    return out


def masked_select(x, mask):
    return np.array([v for v, m in zip(*map(np.ravel, np.broadcast_arrays(x, mask)), strict=True) if m])


def places(x):
    found = [at for at in np.ndindex(x.shape) if x[at]]
    return np.array(found, np.int64).reshape(len(found), x.ndim)


def axes_of_places(x):
    return tuple(places(x.reshape(x.shape or (1,))).T)


def bincount(index, weights=None, minlength=0):
    weights = np.ones(len(index), np.int64) if weights is None else weights
    size = max(minlength, *(n + 1 for n in index), 0)
    return np.array([sum(w for n, w in zip(index, weights, strict=True) if n == k) for k in range(size)])


def searchsorted(sequence, values, right):
    """The count of what is smaller, or not larger."""
    rows = np.broadcast_to(sequence, (*values.shape[:-1], sequence.shape[-1])) if values.ndim else sequence
    out = np.zeros(values.shape, np.int64)
    for at in np.ndindex(values.shape):
        row = rows[at[:-1]] if values.ndim else rows
        out[at] = sum(v <= values[at] if right else v < values[at] for v in row)
    return out


def sought(sequence, values, sorter=None, right=False, side=None, out_int32=False):
    sequence = sequence if sorter is None else np.take_along_axis(sequence, sorter, -1)
    found = searchsorted(sequence, np.asarray(values), right or side == "right")
    return found.astype(np.int32) if out_int32 else found


def isin(x, test, assume_unique=False, invert=False):
    found = np.array([v in np.ravel(test).tolist() for v in np.ravel(x)], bool).reshape(np.shape(x))
    return ~found if invert else found


ROWS = [
    Row(masked.masked_fill, lambda x, mask, value: np.where(mask, value, x), inputs)
    for inputs in [
        [(2, 3), MASK, 1.5],
        [(2, 3), ONE, ()],
        [(3,), MASK, ()],
        [(2, 3), np.array(True), -2],
        [(), np.array(False), 2.0],
        [(0, 3), ONE, 2.0],
    ]
]
ROWS += [
    Row(masked.masked_select, masked_select, inputs)
    for inputs in [
        [(2, 3), MASK],
        [(2, 3), ONE],
        [(3,), MASK],
        [(), np.array(True)],
        [(2, 3), np.zeros((2, 3), bool)],
        [(2, 1), MASK],
    ]
]
ROWS += [
    Row(masked.masked_scatter, masked_scatter, inputs)
    for inputs in [
        [(2, 3), MASK, (3,)],
        [(2, 3), ONE, (3, 2)],
        [(3,), MASK, (5,)],
        [(2, 3), np.zeros((2, 3), bool), (0,)],
        [(), np.array(True), (1,)],
    ]
]

SPARSE = np.array([[0.0, 2.0, 0.0], [-1.0, 0.0, np.nan]])
LOOKED_AT = [SPARSE, SPARSE != 0, np.array([0, 3, 1]), np.array(2.0), np.array(0.0), np.zeros((2, 0))]
ROWS += [Row(masked._nonzero, places, [x]) for x in LOOKED_AT]
ROWS += [Row(masked.argwhere, places, [x]) for x in LOOKED_AT[:2]]
ROWS += [Row(masked.nonzero, lambda x, as_tuple: places(x), [x], {"as_tuple": False}) for x in LOOKED_AT]
ROWS += [Row(masked.nonzero, lambda x, as_tuple: axes_of_places(x), [x], {"as_tuple": True}) for x in LOOKED_AT]
ROWS += [
    Row(masked.where, np.where, [MASK, (3,), (2, 3)]),
    Row(masked.where, np.where, [ONE, 0.5, (2, 1)]),
    *[Row(masked.where, axes_of_places, [x]) for x in LOOKED_AT],
]

COUNTED = np.array([1, 3, 1, 0])
ROWS += [Row(search._counts, lambda x, size: bincount(x, minlength=size), [COUNTED], {"size": size}) for size in (4, 6)]
ROWS += [
    Row(search.bincount, bincount, [COUNTED]),
    Row(search.bincount, bincount, [np.array([2, 0], np.uint8)], {"minlength": 5}),
    Row(search.bincount, bincount, [np.zeros(0, np.int64)], {"minlength": 2}),
    Row(search.bincount, bincount, [COUNTED, (4,)], mixed=True),
    Row(search.bincount, bincount, [COUNTED, (4,)], {"minlength": 6}, mixed=True),
    Row(search.bincount, lambda x, w: bincount(x, w).astype(float), [COUNTED, np.array([1, 2, 3, 4])]),
]

LIST = np.array([1.0, 3.0, 5.0, 5.0, 7.0])
LISTS = np.array([[1.0, 2.0, 2.0], [0.0, 4.0, 9.0]])
SHUFFLED, SORTER = np.array([[5.0, 1.0, 3.0], [2.0, 2.0, 0.0]]), np.array([[1, 2, 0], [2, 0, 1]])
SOUGHT = np.array([[5.0, 0.0, 8.0], [1.0, 6.0, 7.0]])
ROWS += [
    Row(search.searchsorted, sought, [LIST, SOUGHT]),
    Row(search.searchsorted, sought, [LIST, SOUGHT], {"right": True}),
    Row(search.searchsorted, sought, [LIST, SOUGHT], {"side": "right", "out_int32": True}),
    Row(search.searchsorted, sought, [LIST, SOUGHT], {"side": "left"}),
    Row(search.searchsorted, sought, [LIST, np.array(5.0)]),
    Row(search.searchsorted, sought, [np.arange(4), np.array([2, 9])]),
    Row(search.searchsorted, sought, [LISTS, np.array([[2.0, 9.5], [4.0, -1.0]])]),
    Row(search.searchsorted, sought, [LISTS, np.array([[2.0, 9.5], [4.0, -1.0]])], {"right": True}),
    Row(
        search.searchsorted,
        sought,
        [SHUFFLED, np.array([[3.0], [2.0]]), SORTER],
        call=lambda s, v, o: search.searchsorted(s, v, sorter=o),
    ),
    Row(
        search.searchsorted,
        sought,
        [SHUFFLED[0], SOUGHT[0], SORTER[0]],
        call=lambda s, v, o: search.searchsorted(s, v, sorter=o),
    ),
]
ROWS += [
    Row(
        search._searchsorted,
        lambda s, v, o, right, int32: sought(s, v, o, right, None, int32),
        [LISTS if rows else LIST, SOUGHT, None],
        {"right": right, "int32": int32},
    )
    for rows, right, int32 in [(True, False, False), (True, True, True), (False, True, False)]
]
ROWS += [
    Row(search.bucketize, lambda v, s, **params: sought(s, v, **params), [SOUGHT, LIST], params)
    for params in ({}, {"right": True}, {"out_int32": True})
]
for op in (search.isin, search._isin):
    own = [{"assume_unique": a, "invert": b} for a, b in [(False, False), (False, True), (True, False)]]
    ROWS += [Row(op, isin, [np.array([[0, 1, 2], [3, 4, 5]]), np.array([1, 4, 9])], params) for params in own]
ROWS += [
    Row(search.isin, isin, [np.array([0.5, 1.0]), 1.0], {"invert": False}),
    Row(search.isin, isin, [1, np.array([0, 1])], {"invert": True}),
]
