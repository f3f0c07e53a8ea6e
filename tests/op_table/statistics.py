"""Rows of variances, of sums and means without nan, and of counting."""

import math

import numpy as np

from tensorgrad.ops import statistics

from .row import F64, I64, Row

KINKS = {
    "std": "where all values are equal, the gradient is 0",
    "std_mean": "where all values are equal, the gradient of the standard deviation is 0",
    "nansum": "a nan gets the gradient 0",
    "nanmean": "a nan gets the gradient 0",
}


def over(function):
    """A function of a list of values, over any axes, one value of the result after the other."""

    def reference(x, dims, keepdim=False):
        dims = [d % x.ndim for d in dims]
        kept = [1 if i in dims else n for i, n in enumerate(x.shape)]
        found = [
            function(x[tuple(slice(None) if i in dims else k for i, k in enumerate(at))].ravel().tolist())
            for at in np.ndindex(*kept)
        ]
        return np.array(found).reshape(kept if keepdim else [n for i, n in enumerate(kept) if i not in dims])

    return reference


def variance(correction):
    def of(values):
        mean = math.fsum(values) / len(values)
        return math.fsum((v - mean) ** 2 for v in values) / (len(values) - correction)

    return of


def deviation(correction):
    return lambda values: math.sqrt(variance(correction)(values))


def mean(values):
    return math.fsum(values) / len(values)


def dims_of(x, dim):
    return tuple(range(x.ndim)) if dim is None or dim == () else (dim,) if isinstance(dim, int) else tuple(dim)


def public(of, *others):
    """A reference with the keywords of `var` and what else it returns."""

    def reference(x, dim=None, unbiased=None, keepdim=False, *, correction=None):
        if isinstance(dim, bool):
            dim, unbiased = None, dim
        correction = correction if correction is not None else 0 if unbiased is False else 1
        results = [over(f)(x, dims_of(x, dim), keepdim) for f in (of(correction), *others)]
        return tuple(results) if others else results[0]

    return reference


def by_place(function):
    return lambda x, dim: function(x, dim)


def canonical(function, dtype):
    return lambda x, dims, keepdim: np.asarray(over(function)(x, dims, keepdim), dtype)


def nonzero(values):
    return sum(v != 0 for v in values)


def reduced(function, result, no_dims_are_all=True):
    """With the keywords of `nansum`."""

    def reference(x, dim=None, keepdim=False, dtype=None):
        dims = () if dim == () and not no_dims_are_all else dims_of(x, dim)
        return np.asarray(over(function)(x, dims, keepdim), dtype or result)

    return reference


MIXED = np.array([[0.0, 2, 7], [0, 0, -1], [3, 1, 2]])
INTEGERS = np.array([[0, 2], [3, 4]], np.uint8)

ROWS: list[Row] = [
    *[
        Row(op, lambda x, dims, correction, keepdim, of=of: over(of(correction))(x, dims, keepdim), [shape], params)
        for op, of in [(statistics._var, variance), (statistics._std, deviation)]
        for shape, params in [
            ((2, 3), {"dims": (0, 1), "correction": 1.0, "keepdim": False}),
            ((2, 3, 4), {"dims": (0, 2), "correction": 0.0, "keepdim": True}),
            ((2, 3, 4), {"dims": (1,), "correction": 0.5, "keepdim": False}),
            ((0, 3), {"dims": (1,), "correction": 1.0, "keepdim": False}),
        ]
    ],
    Row(statistics.var, lambda x, **params: np.zeros(()), [()], {"correction": 0}),
    *[
        # A bool in the place of `dim` is no `dim` by name.
        Row(op, reference, [(2, 3, 2)], params, **({"call": by_place(op)} if params.get("dim") is False else {}))
        for op, reference in [
            (statistics.var, public(variance)),
            (statistics.std, public(deviation)),
            (statistics.var_mean, public(variance, mean)),
            (statistics.std_mean, public(deviation, mean)),
        ]
        for params in [
            {},
            {"dim": False},
            {"dim": (0, -1), "keepdim": True},
            {"dim": -2, "unbiased": False},
            {"dim": 1, "unbiased": True, "keepdim": True},
            {"dim": [0, 1], "correction": 2},
        ]
    ],
    *[
        Row(op, lambda x, dims, keepdim, of=of: over(of)(x, dims, keepdim), [x], params)
        for op, of, x in [
            (statistics._nansum, math.fsum, (2, 3, 2)),
            (statistics._count_numbers, len, MIXED[:, :, None]),
        ]
        for params in [{"dims": (0, 2), "keepdim": False}, {"dims": (1,), "keepdim": True}]
    ],
    *[
        Row(op, reduced(of, F64), [x], params)
        for op, of in [(statistics.nansum, math.fsum), (statistics.nanmean, mean)]
        for x in [(2, 3), MIXED]
        for params in [{}, {"dim": -1, "keepdim": True}, {"dim": (0, 1)}]
    ],
    *[
        Row(op, reduced(of, F64), [x], {"dtype": F64}, mixed=True)
        for op, of in [(statistics.nansum, math.fsum), (statistics.nanmean, mean)]
        for x in [(2, 3), np.array([[1, 2], [4, -9]])]
    ],
    *[
        Row(op, canonical(of, bool), [x], params)
        for op, of in [(statistics._all, lambda values: 0 not in values), (statistics._any, lambda values: any(values))]
        for x in [MIXED, (3, 2)]
        for params in [{"dims": (0,), "keepdim": False}, {"dims": (0, 1), "keepdim": True}]
    ],
    *[
        Row(op, reduced(of, bool, no_dims_are_all=False), [MIXED], params)
        for op, of in [(statistics.all, lambda values: 0 not in values), (statistics.any, lambda values: any(values))]
        for params in [{}, {"dim": -1}, {"dim": (0, 1), "keepdim": True}, {"dim": ()}]
    ],
    *[
        Row(op, reduced(of, np.uint8), [INTEGERS], {"dim": 1})
        for op, of in [(statistics.all, lambda values: 0 not in values), (statistics.any, lambda values: any(values))]
    ],
    *[
        Row(statistics._count_nonzero, lambda x, dims: np.asarray(over(nonzero)(x, dims), I64), [x], {"dims": dims})
        for x in [MIXED, (3, 2)]
        for dims in [(0,), (0, 1)]
    ],
    *[
        Row(statistics.count_nonzero, lambda x, dim=None: reduced(nonzero, I64)(x, dim), [MIXED], params)
        for params in [{}, {"dim": -1}, {"dim": (1, 0)}]
    ],
]
