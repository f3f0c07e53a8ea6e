"""Rows of the operations that repeat tensors or values."""

import numpy as np

from tensorgrad.ops import repeat

from .row import Row


def tile(x, dims):
    """Each axis put behind itself so many times."""
    x = x.reshape((1,) * (len(dims) - x.ndim) + x.shape)
    dims = (1,) * (x.ndim - len(dims)) + tuple(dims)
    for axis, count in enumerate(dims):
        x = np.take(x, [*range(x.shape[axis])] * count, axis)
    return x + 0


def repeat_each(x, counts, dim):
    counts = np.broadcast_to(counts, x.shape[dim])
    return np.take(x, [i for i, count in enumerate(counts) for _ in range(count)], dim)


def repeat_interleave(x, repeats, dim=None, output_size=None):
    return repeat_each(x.reshape(-1), repeats, 0) if dim is None else repeat_each(x, repeats, dim)


def sum_of_each(x, counts, dim, size):
    out, start = np.zeros((*x.shape[:dim], size, *x.shape[dim + 1 :])), 0
    for i, count in enumerate(np.broadcast_to(counts, size)):
        out[(*[slice(None)] * dim, i)] = sum(np.take(x, start + j, dim) for j in range(count))
        start += count
    return out


NUMBERS = np.array([2, 0, 3])

ROWS = [
    Row(repeat._tile, tile, [(2, 3)], {"dims": (2, 2)}),
    Row(repeat._tile, tile, [(2, 3)], {"dims": (2, 1, 3)}),
    Row(repeat._tile, tile, [(2, 3)], {"dims": (1, 1)}),
    Row(repeat._tile, tile, [(2, 3)], {"dims": (0, 2)}),
    Row(repeat._tile, tile, [(0, 3)], {"dims": (2, 2)}),
    Row(repeat._tile, tile, [()], {"dims": (3,)}),
    Row(repeat._tile, tile, [()], {"dims": ()}),
    Row(repeat.repeat, lambda x, repeats: tile(x, repeats), [(2, 3)], {"repeats": (3, 1, 2)}),
    Row(repeat.repeat, lambda x, repeats: tile(x, repeats), [(2,)], {"repeats": [2]}),
    Row(repeat.tile, tile, [(2, 3)], {"dims": (2,)}),
    Row(repeat.tile, tile, [(2, 3)], {"dims": (2, 1, 2)}),
    Row(repeat.tile, tile, [(2, 3)], {"dims": ()}),
    Row(repeat._repeat_each, repeat_each, [(2, 3), NUMBERS], {"dim": 1}),
    Row(repeat._repeat_each, repeat_each, [(3, 2), NUMBERS], {"dim": 0}),
    Row(repeat._repeat_each, repeat_each, [(2, 3), np.array(2)], {"dim": 1}),
    Row(repeat._repeat_each, repeat_each, [(2, 3), np.array(0)], {"dim": 0}),
    Row(repeat._repeat_each, repeat_each, [(2, 0), np.array([], int)], {"dim": 1}),
    Row(repeat._repeat_each, repeat_each, [(0, 3), NUMBERS], {"dim": 1}),
    Row(repeat.sum_of_each, sum_of_each, [(2, 5), NUMBERS], {"dim": 1, "size": 3}),
    Row(repeat.sum_of_each, sum_of_each, [(5, 2, 2), NUMBERS], {"dim": 0, "size": 3}),
    Row(repeat.sum_of_each, sum_of_each, [(2, 6), np.array(2)], {"dim": 1, "size": 3}),
    Row(repeat.sum_of_each, sum_of_each, [(0, 2), np.array(0)], {"dim": 0, "size": 4}),
    Row(repeat.sum_of_each, sum_of_each, [(2, 0), np.array([0, 0])], {"dim": 1, "size": 2}),
    Row(repeat.repeat_interleave, repeat_interleave, [(2, 3)], {"repeats": 2}),
    Row(repeat.repeat_interleave, repeat_interleave, [(2, 3)], {"repeats": 3, "dim": -1}),
    Row(repeat.repeat_interleave, repeat_interleave, [(2, 3)], {"repeats": NUMBERS, "dim": 1, "output_size": 5}),
    Row(repeat.repeat_interleave, repeat_interleave, [(3,)], {"repeats": NUMBERS}),
    Row(repeat.repeat_interleave, repeat_interleave, [(2, 3)], {"repeats": np.array([2]), "dim": 0}),
    Row(repeat.repeat_interleave, repeat_interleave, [()], {"repeats": 2}),
    Row(repeat.repeat_interleave, lambda repeats: np.array([0, 0, 2, 2, 2]), [NUMBERS]),
    Row(
        repeat.repeat_interleave,
        lambda repeats: np.array([1]),
        [np.array([0, 1])],
        call=lambda repeats: repeat.repeat_interleave(repeats=repeats),
    ),
]
