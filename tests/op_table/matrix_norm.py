"""Rows of the norms of vectors and of matrices."""

import math

import numpy as np

from tensorgrad.ops import matrix_functions, matrix_norm, vector_norm

from .row import F64, Row

KINKS = {
    "norm": "0 where the norm or the element is 0; order inf and -inf: split evenly between ties",
    "linalg.norm": "0 where the norm or the element is 0; order inf and -inf: split evenly between ties",
    "linalg.vector_norm": "0 where the norm or the element is 0; order inf and -inf: split evenly between ties",
    "linalg.matrix_norm": "0 where the norm is 0; split evenly between equal columns, rows or singular values",
}

# Norms of vectors

ORDERS = [2, 1, 0, 3, 1.5, 0.5, -1, -2.5, math.inf, -math.inf]


def vector_norms(x, ord=2, dim=None, keepdim=False, dtype=None):
    """One vector after the other."""
    given = range(x.ndim) if dim is None else np.atleast_1d(dim)
    dims = tuple(int(d) % x.ndim for d in given)
    rest = [i for i in range(x.ndim) if i not in dims]
    size = math.prod(x.shape[i] for i in dims)
    vectors = np.abs(x).transpose(*rest, *dims).reshape(*[x.shape[i] for i in rest], size)
    out = np.empty(vectors.shape[:-1])
    for at in np.ndindex(out.shape):
        vector = vectors[at]
        if ord == 0:
            out[at] = sum(vector != 0)
        elif math.isinf(ord):
            out[at] = max(vector) if ord > 0 else min(vector)
        else:
            out[at] = math.fsum(vector**ord) ** (1 / ord) if vector.size else 0
    return out.reshape([1 if i in dims else n for i, n in enumerate(x.shape)]) if keepdim else out


def canonical(x, ord, dims, keepdim):
    return vector_norms(x, ord, dims, keepdim)


ROWS: list[Row] = [
    Row(vector_norm._vector_norm, canonical, [(2, 3)], {"ord": float(ord), "dims": dims, "keepdim": keepdim})
    for ord in ORDERS
    for dims, keepdim in [((1,), False), ((0, 1), True)]
]
ROWS += [
    Row(vector_norm.vector_norm, vector_norms, [(2, 3)], {"ord": ord, "dim": dim, "keepdim": keepdim})
    for ord in ORDERS
    for dim, keepdim in [(None, False), (0, True), ((-1, 0), False)]
]
ROWS += [Row(vector_norm.vector_norm, vector_norms, [()], {"ord": ord}) for ord in ORDERS]
ROWS += [
    Row(vector_norm.vector_norm, vector_norms, [(3,)]),
    Row(vector_norm.vector_norm, vector_norms, [(0, 3)], {"ord": 3}),
    Row(vector_norm.vector_norm, vector_norms, [(0, 3)], {"dim": 1}),
    Row(vector_norm.vector_norm, vector_norms, [(2, 0)], {"ord": 0.5, "dim": 1}),
    Row(vector_norm.vector_norm, vector_norms, [(2, 3)], {"dtype": F64}, mixed=True),
]


# Norms of matrices

MATRIX_ORDERS = ["fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf]


def matrix_norms(x, ord="fro", dim=(-2, -1), keepdim=False, dtype=None):
    out = np.linalg.norm(x, ord, tuple(dim), keepdim)
    return np.asarray(out)


def by_lapack(ord):
    return ord in ("nuc", 2, -2)


ROWS += [
    Row(matrix_norm.matrix_norm, matrix_norms, [shape], {"ord": ord, **params}, half=not by_lapack(ord))
    for ord in MATRIX_ORDERS
    for shape, params in [((2, 3), {}), ((3, 2, 2), {"dim": (0, 2)}), ((2, 3, 2), {"dim": (1, -3), "keepdim": True})]
]
ROWS += [
    Row(matrix_norm.matrix_norm, matrix_norms, [(2, 3)]),
    Row(matrix_norm.matrix_norm, matrix_norms, [(2, 3)], {"dtype": F64}, mixed=True),
    Row(matrix_norm.matrix_norm, matrix_norms, [(0, 2, 3)], {"ord": 1}),
]


def either(x, ord=None, dim=None, keepdim=False, dtype=None):
    """`linalg.norm`."""
    if ord is None:
        return vector_norms(x, 2, dim, keepdim)
    return np.asarray(np.linalg.norm(x, ord, dim, keepdim))


ROWS += [
    Row(matrix_norm.norm, either, [shape], params, half=not by_lapack(params.get("ord") if len(shape) > 1 else 0))
    for shape, params in [
        ((2, 3), {}),
        ((2, 3), {"keepdim": True}),
        ((2, 2, 3), {"dim": (0, 2)}),
        ((), {}),
        ((3,), {"ord": 3}),
        ((2, 3), {"ord": 2}),
        ((2, 3), {"ord": "fro"}),
        ((2, 3), {"ord": -1, "keepdim": True}),
        ((2, 2, 3), {"ord": "nuc", "dim": (0, 2)}),
    ]
]
ROWS += [
    Row(matrix_norm.norm, either, [(2, 3)], {"ord": 2, "dim": 1}),
    Row(matrix_norm.norm, either, [(2, 3)], {"ord": math.inf, "dim": (0,)}),
    Row(matrix_norm.norm, either, [(2, 3)], {"dtype": F64}, mixed=True),
]


def plain(x, p="fro", dim=None, keepdim=False, dtype=None):
    """`tg.norm`, where a number is always the order of the norm of vectors."""
    if p == "nuc":
        return np.asarray(np.linalg.norm(x, p, (0, 1) if dim is None else dim, keepdim))
    return vector_norms(x, 2 if p == "fro" else p, dim, keepdim)


ROWS += [
    Row(matrix_functions.norm, plain, [shape], params, half=params.get("p") != "nuc")
    for shape, params in [
        ((2, 3), {}),
        ((2, 3), {"p": 2, "dim": 1}),
        ((2, 3), {"p": 1, "dim": (0, 1)}),
        ((2, 3), {"p": math.inf, "dim": 0, "keepdim": True}),
        ((2, 3), {"p": 0.5}),
        ((2, 3), {"p": "nuc"}),
        ((2, 2, 3), {"p": "nuc", "dim": (2, 0), "keepdim": True}),
        ((), {"p": 3}),
        ((0, 2), {}),
    ]
]
ROWS += [Row(matrix_functions.norm, plain, [(2, 3)], {"dtype": F64}, mixed=True)]
