"""Rows of triangles and diagonals."""

import numpy as np

from tensorgrad.ops import triangle

from .row import Row


def triangle_of(keep):
    """Place by place: kept where the row and column say so."""

    def reference(x, diagonal=0):
        out = np.zeros(x.shape)
        for *batch, i, j in np.ndindex(*x.shape):
            if keep(i, j - diagonal):
                out[(*batch, i, j)] = x[(*batch, i, j)]
        return out

    return reference


def pairs(shape, offset, dim1, dim2):
    """The places of a diagonal, in order."""
    return [(i, i + offset) for i in range(shape[dim1]) if 0 <= i + offset < shape[dim2]]


def diagonal(x, offset=0, dim1=0, dim2=1):
    dim1, dim2 = dim1 % x.ndim, dim2 % x.ndim
    rest = [n for axis, n in enumerate(x.shape) if axis not in (dim1, dim2)]
    moved = np.moveaxis(x, (dim1, dim2), (0, 1))
    values = [moved[place] for place in pairs(x.shape, offset, dim1, dim2)]
    return np.moveaxis(np.array(values), 0, -1) if values else np.zeros((*rest, 0))


def place_diagonal(x, shape, offset, dim1, dim2):
    out = np.zeros(shape)
    moved = np.moveaxis(out, (dim1, dim2), (0, 1))
    for number, place in enumerate(pairs(shape, offset, dim1, dim2)):
        moved[place] = x[..., number]
    return out


def diag_embed(x, offset=0, dim1=-2, dim2=-1):
    size, ndim = x.shape[-1] + abs(offset), x.ndim + 1
    shape = list(x.shape[:-1])
    for axis in sorted((dim1 % ndim, dim2 % ndim)):
        shape.insert(axis, size)
    return place_diagonal(x, tuple(shape), offset, dim1 % ndim, dim2 % ndim)


def diag(x, diagonal=0):
    return diag_embed(x, diagonal) if x.ndim == 1 else np.array([x[at] for at in pairs(x.shape, diagonal, 0, 1)])


lower, upper = triangle_of(lambda i, j: j <= i), triangle_of(lambda i, j: j >= i)
CASES = [
    ((3, 4), {}),
    ((4, 3), {"diagonal": 1}),
    ((2, 3, 3), {"diagonal": -1}),
    ((0, 3), {}),
    ((2, 2), {"diagonal": -5}),
]

ROWS = [Row(triangle.tril, lower, [shape], params) for shape, params in CASES]
ROWS += [Row(triangle.triu, upper, [shape], params) for shape, params in CASES]
ROWS += [Row(triangle._tril, lower, [shape], {"diagonal": 0, **params}) for shape, params in CASES[:2]]
ROWS += [Row(triangle._triu, upper, [shape], {"diagonal": 0, **params}) for shape, params in CASES[:2]]

DIAGONALS = [
    ((3, 4), {"offset": 0, "dim1": 0, "dim2": 1}),
    ((3, 4), {"offset": 2, "dim1": 1, "dim2": 0}),
    ((2, 3, 4), {"offset": -1, "dim1": 0, "dim2": 2}),
    ((3, 2, 0), {"offset": 0, "dim1": 1, "dim2": 0}),
    ((2, 2), {"offset": 5, "dim1": 0, "dim2": 1}),
]
ROWS += [Row(triangle._diagonal, diagonal, [shape], params) for shape, params in DIAGONALS]
ROWS += [
    Row(
        triangle.place_diagonal, place_diagonal, [diagonal(np.zeros(shape), **params).shape], {"shape": shape, **params}
    )
    for shape, params in DIAGONALS
]
ROWS += [
    Row(triangle.diagonal, diagonal, [(3, 4)]),
    Row(triangle.diagonal, diagonal, [(2, 3, 4)], {"offset": 1, "dim1": -1, "dim2": -2}),
    Row(triangle.diag_embed, diag_embed, [(2, 3)]),
    Row(triangle.diag_embed, diag_embed, [(2, 3)], {"offset": -1, "dim1": 0, "dim2": 2}),
    Row(triangle.diag_embed, diag_embed, [(0,)], {"offset": 2, "dim1": 1, "dim2": 0}),
    Row(triangle.diag, diag, [(3,)]),
    Row(triangle.diag, diag, [(3,)], {"diagonal": -2}),
    Row(triangle.diag, diag, [(3, 4)], {"diagonal": 1}),
    Row(triangle.diagflat, lambda x: diag_embed(x.reshape(-1)), [(2, 2)]),
    Row(triangle.diagflat, lambda x, offset: diag_embed(x.reshape(-1), offset), [()], {"offset": 1}),
]
