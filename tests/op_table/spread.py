"""Rows of the operations that broadcast tensors, and of grids."""

import itertools

import numpy as np

from tensorgrad.ops import spread

from .row import Row


def broadcast(*arrays):
    whole = np.zeros(np.broadcast_shapes(*(x.shape for x in arrays)))
    return tuple(x + whole for x in arrays)


def meshgrid(*values, indexing="ij"):
    """Each place of the grid in turn."""
    values = [np.ravel(v) for v in values]
    out = [np.zeros([len(v) for v in values]) for _ in values]
    for at in itertools.product(*(range(len(v)) for v in values)):
        for grid, v, i in zip(out, values, at, strict=True):
            grid[at] = v[i]
    return tuple(np.einsum("ij...->ji...", grid) if indexing == "xy" and len(values) > 1 else grid for grid in out)


def cartesian(*values):
    rows = [list(row) for row in itertools.product(*values)]
    return np.array(rows).reshape(len(rows), len(values)) if len(values) > 1 else values[0]


ROWS = [
    Row(spread.expand, lambda x, size: x + np.zeros((2, 3, 4)), [(3, 1)], {"size": (2, -1, 4)}),
    Row(spread.expand, lambda x, size: x + np.zeros(size), [()], {"size": (2, 3)}),
    Row(spread.expand, lambda x, size: x[:0] + np.zeros((0, 3)), [(1, 3)], {"size": (0, 3)}),
    Row(spread.expand, lambda x, size: x, [()], {"size": ()}),
    Row(spread.expand_as, lambda x, y: x + y, [(3, 1), np.zeros((2, 3, 2))]),
    Row(spread.expand_as, lambda x, y: x + y, [(), np.zeros(2)]),
    Row(spread.broadcast_tensors, broadcast, [(2, 1), (3,)]),
    Row(spread.broadcast_tensors, broadcast, [(), (0, 3), (1, 1, 3)]),
    Row(spread.broadcast_tensors, broadcast, [(2, 3)]),
    Row(spread.meshgrid, meshgrid, [(2,), (3,)]),
    Row(spread.meshgrid, meshgrid, [(2,), (3,), (4,)], {"indexing": "xy"}),
    Row(spread.meshgrid, meshgrid, [(2,), (), (1,)], {"indexing": "ij"}),
    Row(spread.meshgrid, meshgrid, [(0,), (3,)], {"indexing": "xy"}),
    Row(spread.meshgrid, meshgrid, [(3,)], {"indexing": "xy"}),
    Row(spread.cartesian_prod, cartesian, [(2,), (3,)]),
    Row(spread.cartesian_prod, cartesian, [(2,), (1,), (2,)]),
    Row(spread.cartesian_prod, cartesian, [(2,), (0,)]),
    Row(spread.cartesian_prod, cartesian, [(3,)]),
]
