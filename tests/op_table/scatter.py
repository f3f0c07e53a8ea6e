"""Rows of what is written to, and read from, places named along an axis."""

import numpy as np

import tensorgrad as tg
from tensorgrad.ops import index, scatter

from .indexing import along, gather
from .row import Row

# References: one place at a time


def coming(dim, index):
    """{a place: the places in the index that point to it, in reading order}."""
    found = {}
    for at, to in along(index, dim):
        found.setdefault(to, []).append(at)
    return found


def scattered(x, dim, index, src, combine):
    """A copy of x; where something comes, combine(what is there, all that comes)."""
    if not x.ndim:
        return scattered(x[None], dim, index[None], src[None], combine)[0]
    out = np.array(x)
    for to, places in coming(dim % x.ndim, index).items():
        out[to] = combine(out[to], [src[at] for at in places])
    return out


def reduced(x, dim, index, src, reduce, include_self=True):
    how = {"sum": sum, "prod": np.prod, "mean": np.mean, "amax": max, "amin": min}[reduce]
    return scattered(x, dim, index, src, lambda own, new: how([own, *new] if include_self else new))


def last(x, dim, index, src):
    return scattered(x, dim, index, src, lambda own, new: new[-1])


def last_along(index, dim, shape):
    out = np.ones(index.shape, bool)
    for places in coming(dim, index).values() if index.ndim else ():
        for at in places[:-1]:
            out[at] = False
    return out


def slices(x, dim, index, source, combine):
    out = np.moveaxis(np.array(x), dim, 0)
    for n, at in enumerate(index):
        out[at] = combine(out[at], np.moveaxis(source, dim, 0)[n])
    return np.moveaxis(out, 0, dim)


def selected(x, dim, index):
    return np.stack([np.moveaxis(x, dim, 0)[n] for n in index]) if dim == 0 else np.array(x)[:, index]


def slices_along(gy, index, dim, size):
    shape = (*gy.shape[:dim], size, *gy.shape[dim + 1 :])
    return slices(np.zeros(shape), dim, index, gy, lambda there, new: there + new)


def tie_shares(x, index, src, extreme, dim, include_self):
    of_x, of_src = (x == extreme) * 1.0, np.zeros(src.shape)
    for to, places in coming(dim, index).items():
        ties = [at for at in places if src[at] == extreme[to]]
        own = bool(of_x[to]) and include_self
        for at in ties:
            of_src[at] = 1 / (len(ties) + own)
        of_x[to] = own / (len(ties) + own)
    return of_x, of_src


def put(x, index, source, accumulate):
    out = np.array(x).ravel()
    for at, value in zip(np.ravel(index), np.ravel(source), strict=True):
        out[at] = out[at] + value if accumulate else value
    return out.reshape(np.shape(x))


def index_put(x, values, indices, accumulate):
    out = np.array(x)
    if accumulate:
        np.add.at(out, indices, np.broadcast_to(values, (1, *out[indices].shape))[0])
    else:
        out[indices] = values
    return out


ROWS = []

# (shape of the input, index, dim, shape of src)
INTO = [
    ((3, 4), [[0, 3, 3], [1, 1, 1], [2, 0, 3]], 1, (3, 3)),
    ((3, 4), [[0, 2, 2, 1], [2, 2, 0, 1]], 0, (3, 5)),
    ((5,), [4, 4, 0], 0, (3,)),
    ((2, 2, 3), [[[0, 0], [2, 1]]], -1, (1, 2, 2)),
    ((), 0, 0, ()),
    ((2, 3), np.zeros((2, 0), np.int64), 1, (2, 3)),
]


def by_dim(op, **fixed):
    """How to call what takes (input, dim, index, src) with tensors in front."""
    return lambda x, index, src, *, dim, **params: op(x, dim, index, src, **fixed, **params)


for shape, at, dim, src in INTO:
    at = np.array(at)
    own = {"dim": dim}
    ROWS.append(
        Row(
            scatter.scatter,
            lambda x, index, src, dim: last(x, dim, index, src),
            [shape, at, src],
            own,
            call=by_dim(scatter.scatter),
        )
    )
    ROWS.append(
        Row(
            scatter.scatter_add,
            lambda x, index, src, dim: reduced(x, dim, index, src, "sum"),
            [shape, at, src],
            own,
            call=by_dim(scatter.scatter_add),
        )
    )
    for reduce in ("sum", "prod", "mean", "amax", "amin"):
        for include_self in (True, False):
            ROWS.append(
                Row(
                    scatter.scatter_reduce,
                    lambda x, index, src, dim, reduce, include_self: reduced(x, dim, index, src, reduce, include_self),
                    [shape, at, src],
                    {**own, "reduce": reduce, "include_self": include_self},
                    domain=[(-1.913, 2.071), (0, 0), (-1.513, 1.871)],
                    call=by_dim(scatter.scatter_reduce),
                )
            )
    axis = dim % max(len(shape), 1)
    ROWS.append(Row(scatter.last_along, last_along, [at], {"dim": axis, "shape": shape}))
    if at.shape == src:
        ROWS.append(
            Row(scatter._scatter, lambda x, index, src, dim: last(x, dim, index, src), [shape, at, src], {"dim": axis})
        )
        ROWS.append(
            Row(
                scatter._scatter_add,
                lambda x, index, src, dim: reduced(x, dim, index, src, "sum"),
                [shape, at, src],
                {"dim": axis},
            )
        )
    if at.shape == src and shape:
        for largest, include_self in [(True, True), (False, False)]:
            ROWS.append(
                Row(
                    scatter._scatter_extreme,
                    lambda x, index, src, dim, largest, include_self: reduced(
                        x, dim, index, src, "amax" if largest else "amin", include_self
                    ),
                    [shape, at, src],
                    {"dim": axis, "largest": largest, "include_self": include_self},
                    domain=[(-1.913, 2.071), (0, 0), (-1.513, 1.871)],
                )
            )

ROWS += [
    Row(
        scatter.scatter,
        lambda x, index, dim, src: last(x, dim, index, np.full(index.shape, src)),
        [(3, 4), np.array([[0, 3]])],
        {"dim": 1, "src": 1.5},
        call=lambda x, index, dim, src: tg.scatter(x, dim, index, src),
    ),
    Row(
        scatter.scatter,
        lambda x, index, dim, value: last(x, dim, index, np.full(index.shape, value)),
        [(3, 4), np.array([[0, 3]])],
        {"dim": 0, "value": -2},
        domain=(-1.3, 2.1),
        call=lambda x, index, dim, value: tg.scatter(x, dim, index % 3, value=value),
    ),
] + [
    Row(
        scatter.scatter,
        lambda x, index, src, dim, reduce: reduced(x, dim, index, src, {"add": "sum", "multiply": "prod"}[reduce]),
        [(3, 4), np.array([[0, 3, 3], [1, 1, 1]]), (2, 3)],
        {"dim": 1, "reduce": reduce},
        call=by_dim(scatter.scatter),
    )
    for reduce in ("add", "multiply")
]
ROWS[-3].inputs[1] %= 3

TIED = np.array([3.0, 1.0, 2.0, 2.0]), np.array([0, 0, 2, 2, 3]), np.array([3.0, 3.0, 5.0, 5.0, 1.0])
ROWS += [
    Row(
        scatter._tie_shares,
        tie_shares,
        [*TIED, np.array([3.0, 1.0, 5.0, 2.0 if include_self else 1.0])],
        {"dim": 0, "include_self": include_self},
    )
    for include_self in (True, False)
] + [
    Row(
        scatter._tie_shares,
        tie_shares,
        [np.array([[3.0, 1.0]]), np.array([[0]]), np.array([[2.0]]), np.array([[3.0, 1.0]])],
        {"dim": 1, "include_self": True},
    ),
    Row(
        scatter._floor_divide,
        lambda total, counts: np.array([-1, 2, -3]),
        [np.array([-1, 7, -8], np.int64), np.array([3, 3, 3])],
    ),
]

# Slices: (shape, numbers, dim)
SLICES = [((4, 3), [0, 3, 0], 0), ((2, 4), [1, 1, 3], 1), ((4,), [2, 2], 0), ((0, 3), [1, 1], 1), ((3, 2), [], 0)]
for shape, at, dim in SLICES:
    at = np.array(at, np.int64)
    part = (*shape[:dim], len(at), *shape[dim + 1 :])
    own = {"dim": dim}
    if len(at):
        ROWS.append(Row(index._index_select, lambda x, index, dim: selected(x, dim, index), [shape, at], own))
    ROWS += [
        Row(index.slices_along, slices_along, [part, at], {**own, "size": shape[dim]}),
        Row(
            index._index_add,
            lambda x, index, source, dim: slices(x, dim, index, source, lambda there, new: there + new),
            [shape, at, part],
            own,
        ),
        Row(
            index.index_copy,
            lambda x, index, source, dim: slices(x, dim, index, source, lambda own, new: new),
            [shape, at, part],
            own,
            call=by_dim(index.index_copy),
        ),
    ]
    ROWS += [
        Row(
            index.index_add,
            lambda x, index, source, dim, alpha: slices(x, dim, index, source, lambda there, new: there + alpha * new),
            [shape, at, part],
            {**own, "alpha": alpha},
            call=by_dim(index.index_add),
        )
        for alpha in (1, -0.5)
    ]
ROWS += [
    Row(
        index.index_select,
        lambda x, index, dim: selected(x, dim % x.ndim, np.ravel(index)),
        [(4, 3), np.array(at)],
        {"dim": dim},
        call=lambda x, index, dim: tg.index_select(x, dim, index),
    )
    for at, dim in [([3, 0, 0], 0), ([2, 1], -1), (1, 0)]
] + [
    Row(
        index.index_fill,
        lambda x, at, value, dim: slices(x, dim, at, np.full((3, 3), value), lambda own, new: new),
        [(3, 3), np.array([0, -1, 0]), value],
        {"dim": dim},
        call=by_dim(index.index_fill),
    )
    for value, dim in [(1.5, 0), ((), 1), (2, 1)]
]

# Single values
NUMBERS = [np.array([0, -1, 5, 5]), np.array([[2, 2], [0, -6]]), np.array(3), np.zeros((0, 2), np.int64)]
ROWS += [Row(index.take, lambda x, index: x.ravel()[index], [(2, 3), at]) for at in NUMBERS]
ROWS += [
    Row(index.put, put, [(2, 3), at, at.shape], {"accumulate": accumulate})
    for at in NUMBERS
    for accumulate in (False, True)
]
ROWS += [
    Row(
        index.index_put,
        index_put,
        [(4, 3), values],
        {"indices": indices, "accumulate": accumulate},
        call=lambda x, values, indices, accumulate: tg.index_put(x, indices, values, accumulate),
    )
    for indices, values in [
        ((np.array([0, 0, -1]), np.array([1, 1, 2])), (3,)),
        ((np.array([1, 1]),), (2, 3)),
        ((np.array([1, 1]),), (1, 2, 1)),
        ((np.array([True, False, True, False]),), ()),
    ]
    for accumulate in (False, True)
]
ROWS += [
    Row(
        index.take_along_dim,
        lambda x, at, dim: gather(np.broadcast_to(x, (2, 3)), np.broadcast_to(at % 3, (2, at.shape[1])), 1),
        [shape, np.array(at)],
        {"dim": dim},
    )
    for shape, at, dim in [((2, 3), [[0, -1], [2, 2]], 1), ((2, 3), [[2, 0, 0]], -1), ((1, 3), [[0], [-2]], 1)]
] + [
    Row(index.take_along_dim, lambda x, at: x.ravel()[at.ravel()], [(2, 3), np.array([[4, 0], [4, -1]])]),
    Row(index.take_along_dim, lambda x, at, dim: x, [(), np.array(0)], {"dim": 0}),
]

KINKS = {
    "index_copy": "of several writes to a place the last stays and gets the gradient",
    "index_put": "of several writes to a place the last stays and gets the gradient",
    "put": "of several writes to a place the last stays and gets the gradient",
    "scatter": "of several writes to a place the last stays and gets the gradient",
    "scatter_reduce": "amax and amin split the gradient evenly between ties; prod is exact where factors are 0",
}
