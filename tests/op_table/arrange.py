"""Rows of the operations that turn, move and roll axes."""

import numpy as np

from tensorgrad.ops import arrange

from .row import Row

# References: the places along an axis listed one by one, matrices as lists of rows


def flip(x, dims):
    for dim in [dims] if isinstance(dims, int) else dims:
        x = np.take(x, [*range(x.shape[dim])][::-1], dim) if x.ndim else x
    return x + 0


def roll(x, shifts, dims=None):
    if not dims and dims != 0:
        values = x.ravel().tolist()
        first = -shifts % max(len(values), 1)
        return np.array(values[first:] + values[:first]).reshape(x.shape)
    for shift, dim in zip(np.atleast_1d(shifts), np.atleast_1d(dims), strict=True):
        size = x.shape[dim]
        x = np.take(x, [(i - shift) % size for i in range(size)], dim)
    return x


def rot90(x, k=1, dims=(0, 1)):
    turned = np.moveaxis(x, dims, (0, 1))
    for _ in range(k % 4):
        rest = turned.shape[2:]
        columns = [list(column) for column in zip(*turned, strict=True)]
        turned = np.array(columns[::-1]).reshape(turned.shape[1], turned.shape[0], *rest)
    return np.moveaxis(turned, (0, 1), dims)


def einsum(spelled):
    return lambda x, **_: np.einsum(spelled, x)


ROWS = [
    Row(arrange._flip, flip, [(2, 3)], {"dims": (1,)}),
    Row(arrange._flip, flip, [(2, 3, 2)], {"dims": (0, 2)}),
    Row(arrange._flip, flip, [(0, 3)], {"dims": (0, 1)}),
    Row(arrange._flip, flip, [()], {"dims": ()}),
    Row(arrange.flip, flip, [(2, 3)], {"dims": (0, -1)}),
    Row(arrange.flip, flip, [(4, 2)], {"dims": [0]}),
    Row(arrange.flip, flip, [(4, 2)], {"dims": ()}),
    Row(arrange.flip, flip, [()], {"dims": (0,)}),
    Row(arrange.fliplr, lambda x: np.array([row[::-1] for row in x.tolist()]), [(2, 3)]),
    Row(arrange.flipud, lambda x: np.array(x.tolist()[::-1]), [(3, 2)]),
    Row(arrange.flipud, lambda x: np.array(x.tolist()[::-1]), [(3,)]),
    Row(arrange._rot90, rot90, [(2, 3)], {"k": 1, "dims": (0, 1)}),
    Row(arrange._rot90, rot90, [(2, 0, 3)], {"k": 2, "dims": (1, 0)}),
    Row(arrange.rot90, rot90, [(2, 3)]),
    Row(arrange.rot90, rot90, [(2, 3)], {"k": 2}),
    Row(arrange.rot90, rot90, [(2, 3)], {"k": -1, "dims": (1, 0)}),
    Row(arrange.rot90, rot90, [(2, 3, 4)], {"k": 3, "dims": (-1, 0)}),
    Row(arrange.rot90, rot90, [(2, 3, 4)], {"k": 5, "dims": (1, 2)}),
    Row(arrange.rot90, rot90, [(2, 3)], {"k": 4}),
    Row(arrange._roll, roll, [(2, 3)], {"shifts": (1,), "dims": (1,)}),
    Row(arrange._roll, roll, [(2, 3, 2)], {"shifts": (1, -2, 3), "dims": (0, 1, 1)}),
    Row(arrange._roll, lambda x, shifts, dims: roll(x, shifts[0]), [(2, 3)], {"shifts": (2,), "dims": None}),
    Row(arrange.roll, roll, [(2, 3)], {"shifts": -4}),
    Row(arrange.roll, roll, [(2, 3)], {"shifts": 2, "dims": -1}),
    Row(arrange.roll, roll, [(4, 3)], {"shifts": (1, 1), "dims": (1, 0)}),
    Row(arrange.roll, roll, [(0, 3)], {"shifts": (5, 1), "dims": (0, 1)}),
    Row(arrange.roll, roll, [()], {"shifts": 1}),
    Row(arrange.movedim, einsum("ijk->jki"), [(2, 3, 4)], {"source": 0, "destination": -1}),
    Row(arrange.movedim, einsum("ijkl->ljik"), [(2, 3, 4, 1)], {"source": (3, 0), "destination": (0, 2)}),
    Row(arrange.movedim, lambda x, **_: x, [()], {"source": 0, "destination": -1}),
    Row(arrange.swapaxes, einsum("ijk->kji"), [(2, 3, 4)], {"axis0": 0, "axis1": -1}),
    Row(arrange.swapaxes, einsum("ijk->ikj"), [(2, 3, 0)], {"axis0": 2, "axis1": 1}),
    Row(arrange.unflatten, lambda x, **_: np.array([x[:2], x[2:4], x[4:]]), [(6,)], {"dim": 0, "sizes": (3, 2)}),
    Row(arrange.unflatten, lambda x, **_: x[:, None], [(2, 3)], {"dim": -1, "sizes": (1, -1)}),
    Row(arrange.unflatten, lambda x, **_: x.reshape(0, 4, 3), [(0, 3)], {"dim": 0, "sizes": (-1, 4)}),
    Row(arrange.ravel, lambda x: np.array([v for row in x for v in row]), [(2, 3)]),
    Row(arrange.ravel, lambda x: np.array([float(x)]), [()]),
    Row(arrange.view_as, lambda x, y: np.array([x[:2], x[2:4], x[4:]]), [(6,), np.zeros((3, 2))]),
    Row(arrange.reshape_as, lambda x, y: np.array([*x[0], *x[1]]), [(2, 3), np.zeros(6)]),
]
