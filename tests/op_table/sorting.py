"""Rows of sorting, the largest values, medians and other ranks."""

import numpy as np

from tensorgrad.ops import sorting

from .row import I64, Row

KINKS = {
    "sort": "each value's gradient goes to where it was; the order of equal values is open unless stable",
    "topk": "each value's gradient goes to where it was; which of equal values are taken is open",
    "kthvalue": "of equal values the first gets the gradient",
    "median": "without dim, ties and nans share the gradient evenly; with dim, the first in reading order gets it",
    "nanmedian": "without dim, ties share the gradient evenly; with dim, the first in reading order gets it",
    "unique": "each value's gradient goes to the first place where it stands",
    "argsort": "the order of equal values is open unless stable; nan is the largest",
}


def along(function):
    """A function of a lane as a list, giving pairs (value, index), over all lanes."""

    def reference(x, dim, keepdim=True, **params):
        if not x.ndim:
            return np.array(x), np.zeros((), I64)
        lanes = np.moveaxis(x, dim, -1)
        pairs = [function(lanes[at].tolist(), **params) for at in np.ndindex(lanes.shape[:-1])]
        count = len(pairs[0]) if pairs else params.get("k", x.shape[dim])
        values = np.array([[v for v, _ in lane] for lane in pairs]).reshape(*lanes.shape[:-1], count)
        indices = np.array([[i for _, i in lane] for lane in pairs], I64).reshape(*lanes.shape[:-1], count)
        if not keepdim:
            return values[..., 0], indices[..., 0]
        return np.moveaxis(values, -1, dim), np.moveaxis(indices, -1, dim)

    return reference


def in_order(lane, descending=False, stable=False):
    pairs = [(v, i) for i, v in enumerate(lane)]
    return sorted(pairs, key=lambda pair: (-pair[0] if descending else pair[0], pair[1]))


def top(lane, k, largest=True, sorted=True):
    return in_order(lane, descending=largest)[:k]


def middle(lane, ignore_nan=False):
    return [in_order(lane)[(len(lane) - 1) // 2]]


def unique(x, dim=None, sorted=True, return_inverse=False, return_counts=False):
    lanes = x.ravel().tolist() if dim is None else [tuple(part.ravel()) for part in np.moveaxis(x, dim, 0)]
    different = sorted_list(set(lanes))
    inverse = np.array([different.index(v) for v in lanes], I64)
    counts = np.array([lanes.count(v) for v in different], I64)
    values = np.array(different)
    if dim is not None:
        rest = np.moveaxis(x, dim, 0).shape[1:]
        values = np.moveaxis(values.reshape(-1, *rest), 0, dim)
    results = [values]
    results += [inverse.reshape(x.shape) if dim is None else inverse] if return_inverse else []
    results += [counts] if return_counts else []
    return tuple(results) if len(results) > 1 else values


sorted_list = sorted
TIES = np.array([[2, 1, 2, 0], [1, 1, 0, 2]])

ROWS: list[Row] = [
    *[
        Row(op, reference, [x], {"dim": dim, "descending": descending, "stable": stable})
        for op, reference in [
            (sorting._sort, along(in_order)),
            (sorting._argsort, lambda *args, **params: along(in_order)(*args, **params)[1]),
        ]
        for x, dim, descending, stable in [
            ((2, 5), 1, False, False),
            ((5, 2), 0, True, False),
            ((2, 4, 3), 1, True, True),
            (TIES, 1, False, True),
            (TIES, 0, True, True),
            ((0, 3), 1, False, False),
            ((3, 0), 1, True, True),
        ]
    ],
    *[
        Row(op, reference, [x], params)
        for op, reference in [
            (sorting.sort, lambda x, dim=-1, **params: along(in_order)(x, dim, **params)),
            (sorting.argsort, lambda x, dim=-1, **params: along(in_order)(x, dim, **params)[1]),
        ]
        for x, params in [
            ((2, 5), {}),
            ((), {"descending": True}),
            ((2, 5), {"dim": 0, "descending": True, "stable": True}),
        ]
    ],
    *[
        Row(sorting._topk, along(top), [shape], {"dim": dim, "k": k, "largest": largest, "sorted": True})
        for shape, dim, k, largest in [
            ((2, 7), 1, 3, True),
            ((6, 2), 0, 2, False),
            ((2, 3, 2), 1, 3, True),
            ((2, 3), 1, 0, True),
        ]
    ],
    # One value alone is in order anyway.
    Row(sorting._topk, along(top), [(2, 5)], {"dim": 1, "k": 1, "largest": False, "sorted": False}),
    Row(sorting._topk, along(top), [(2, 5)], {"dim": 1, "k": 1, "largest": True, "sorted": False}),
    *[
        Row(sorting.topk, lambda x, dim=-1, **params: along(top)(x, dim, **params), [shape], params)
        for shape, params in [
            ((2, 5), {"k": 2}),
            ((5, 2), {"k": 3, "dim": 0, "largest": False}),
            ((2, 5), {"k": 1, "sorted": False}),
            ((), {"k": 1}),
        ]
    ],
    *[
        Row(sorting.put_back, put_back, [(2, 3), np.array([[2, 0, 3], [1, 3, 0]])], {"dim": 1, "shape": (2, 4)})
        for put_back in [lambda x, index, dim, shape: placed(x, index, shape)]
    ],
    Row(
        sorting.put_back,
        lambda x, index, dim, shape: placed(x.T, index.T, shape[::-1]).T,
        [(2, 3), np.array([[2, 0, 3], [1, 3, 0]])],
        {"dim": 0, "shape": (4, 3)},
    ),
    *[
        Row(op, along(lambda lane, k: [in_order(lane)[k - 1]]), [shape], {"dim": dim, "k": k, "keepdim": keepdim})
        for op in [sorting._kthvalue, sorting.kthvalue]
        for shape, dim, k, keepdim in [((2, 5), 1, 2, False), ((5, 2), 0, 5, True), ((0, 3), 1, 1, False)]
    ],
    Row(sorting.kthvalue, lambda x, k: along(None)(x, 0), [()], {"k": 1}),
    *[
        Row(sorting._median, along(middle), [x], {"dim": dim, "keepdim": keepdim, "ignore_nan": ignore_nan})
        for x, dim, keepdim, ignore_nan in [
            ((2, 5), 1, False, False),
            ((4, 2), 0, True, False),
            ((2, 4, 3), 1, False, True),
            ((0, 3), 1, False, True),
        ]
    ],
    *[
        Row(sorting._median_of_all, lambda x, ignore_nan: np.array(middle(x.ravel().tolist())[0][0]), [shape], params)
        for shape, params in [
            ((2, 3), {"ignore_nan": False}),
            ((2, 4), {"ignore_nan": True}),
            ((), {"ignore_nan": False}),
        ]
    ],
    *[
        Row(op, reference, [x], params)
        for op in [sorting.median, sorting.nanmedian]
        for reference, x, params in [
            (lambda x: np.array(middle(x.ravel().tolist())[0][0]), (3, 3), {}),
            (along(middle), (3, 4), {"dim": -1, "keepdim": False}),
            (along(middle), (3, 4), {"dim": 0, "keepdim": True}),
            (along(middle), (), {"dim": 0}),
        ]
    ],
    *[
        Row(sorting.unique, unique, [x], params)
        for x, params in [
            ((2, 3), {}),
            (TIES, {"return_inverse": True, "return_counts": True}),
            (TIES, {"sorted": False, "return_counts": True}),
            (np.array([[1, 2], [1, 2], [0, 5]]), {"dim": 0, "return_inverse": True, "return_counts": True}),
            ((2, 3), {"dim": -1}),
        ]
    ],
    *[
        Row(
            sorting._first_of_each,
            lambda x, dim, first=first: (np.array(first), *unique(x, dim, True, True, True)[1:]),
            [TIES],
            {"dim": dim},
        )
        for dim, first in [(None, [3, 1, 0]), (0, [1, 0])]
    ],
]


def placed(x, index, shape):
    out = np.zeros(shape)
    for (i, j), value in np.ndenumerate(x):
        out[i, index[i, j]] = value
    return out
