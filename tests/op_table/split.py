"""Rows of the operations that take parts of a tensor."""

import numpy as np

from tensorgrad.ops import split

from .row import Row


def at(sizes, dim):
    """Parts of these sizes, the places along `dim` picked one by one."""

    def reference(x, **_):
        numbers = iter(range(x.shape[dim]))
        return tuple(np.take(x, [next(numbers) for _ in range(size)], dim) for size in sizes)

    return reference


def together(*parts, dim, sizes, shape):
    """The parts one behind the other, with zeros for those that are missing."""
    sizes = sizes or (1,) * len(parts)
    spread = [(*shape[:dim], size, *shape[dim + 1 :]) for size in sizes]
    return np.concatenate([np.zeros(s) if p is None else p.reshape(s) for p, s in zip(parts, spread, strict=True)], dim)


ROWS = [
    Row(split.split, at([2, 2, 1], 0), [(5, 2)], {"split_size_or_sections": 2}),
    Row(split.split, at([3, 0, 1], 1), [(2, 4)], {"split_size_or_sections": (3, 0, 1), "dim": 1}),
    Row(split.split, at([4], -1), [(2, 4)], {"split_size_or_sections": 9, "dim": -1}),
    Row(split.split, at([0], 0), [(0, 2)], {"split_size_or_sections": 3}),
    Row(split.chunk, at([2, 2, 1], 0), [(5,)], {"chunks": 4}),
    Row(split.chunk, at([2, 1], 1), [(2, 3, 2)], {"chunks": 2, "dim": 1}),
    Row(split.chunk, at([0, 0], -2), [(0, 2)], {"chunks": 2, "dim": -2}),
    Row(split.tensor_split, at([2, 2, 1], 0), [(5, 2)], {"indices_or_sections": 3}),
    Row(split.tensor_split, at([1, 1, 0], 1), [(3, 2)], {"indices_or_sections": 3, "dim": 1}),
    Row(split.tensor_split, at([1, 2, 2], -1), [(2, 5)], {"indices_or_sections": (1, -2), "dim": -1}),
    Row(split.hsplit, at([2, 2], 0), [(4,)], {"indices_or_sections": 2}),
    Row(split.hsplit, at([1, 2], 1), [(2, 3, 2)], {"indices_or_sections": (1,)}),
    Row(split.vsplit, at([2, 2], 0), [(4, 2)], {"indices_or_sections": 2}),
    Row(split.vsplit, at([3, 1, 0], 0), [(4, 2)], {"indices_or_sections": (3, 9)}),
    Row(split.dsplit, at([1, 1], 2), [(2, 1, 2)], {"indices_or_sections": 2}),
    Row(split.dsplit, at([2, 1], 2), [(2, 1, 3)], {"indices_or_sections": (2,)}),
    Row(split.unbind, lambda x: tuple(np.array(row) for row in x.tolist()), [(3, 2)]),
    Row(split.unbind, lambda x, dim: tuple(np.array(row) for row in x.T.tolist()), [(2, 3)], {"dim": -1}),
    Row(split.unbind, lambda x: tuple(np.array(v) for v in x.tolist()), [(3,)]),
    Row(split.select, lambda x, dim, index: np.array(x.tolist()[2]), [(3, 2)], {"dim": 0, "index": 2}),
    Row(split.select, lambda x, dim, index: np.take(x, 0, 1), [(3, 2)], {"dim": -1, "index": -2}),
    Row(split.narrow, lambda x, **_: np.array(x.tolist()[1:3]), [(4, 2)], {"dim": 0, "start": 1, "length": 2}),
    Row(split.narrow, lambda x, **_: np.take(x, [2], 1), [(3, 4)], {"dim": -1, "start": -2, "length": 1}),
    Row(split.narrow, lambda x, **_: np.zeros((0, 2)), [(4, 2)], {"dim": 0, "start": 4, "length": 0}),
    Row(split._together, together, [(2, 3), (1, 3)], {"dim": 0, "sizes": (2, 1), "shape": (3, 3)}),
    Row(split._together, together, [None, (2, 2), None, (2, 1)], {"dim": 1, "sizes": (1, 2, 0, 1), "shape": (2, 4)}),
    Row(split._together, together, [(2,), None, (2,)], {"dim": 1, "sizes": None, "shape": (2, 3)}),
]
