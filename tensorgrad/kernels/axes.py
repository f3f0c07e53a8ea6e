"""Linear maps of one axis at a time, given by positions: what averaging, padding and resizing are made of.

A map of an axis reads single positions (`take`), or adds up ranges of them (`range_sums`). Each has its adjoint:
`spread` adds values to the positions they were read from, and since ranges lie in order, the ranges that hold a
position follow each other, so the adjoint of range sums is range sums again, over the ranges `holders` gives.

No position is multiplied by zero and added, so an infinity or a nan stays where it is.
"""

from typing import Any

import numpy as np

from .layout import empty_like, in_memory_order
from .windows import Array, Ints

Ranges = list[tuple[Array, Array]]  # for each axis the starts and the ends of its ranges
MOST_RUNS = 6


def take(x: Array, index: Array, axis: int) -> Array:
    """x at each position of `index` along `axis`: always a copy, in x's order of memory."""
    order = in_memory_order(x)
    return np.take(x.transpose(order), index, order.index(axis)).transpose(np.argsort(order))


def spread(g: Array, index: Array, size: int, axis: int) -> Array:
    """Add the values to the positions they were taken from, in `size` zeros along `axis`: the adjoint of `take`."""
    order = np.argsort(index, kind="stable")
    if np.any(order[1:] < order[:-1]):
        index, g = index[order], take(g, order, axis)
    positions = np.arange(size)
    return range_sums(g, np.searchsorted(index, positions, "left"), np.searchsorted(index, positions, "right"), axis)


def range_sums(x: Array, starts: Array, ends: Array, axis: int) -> Array:
    """The sums of x[start:end] along `axis` for each pair of `starts` and `ends`; what lies outside x counts as zero.

    Loops over the places of the longest range; for each, a few slices or a list of positions serve all ranges at once.
    """
    lead = (slice(None),) * axis
    out = empty_like(x, (*x.shape[:axis], len(starts), *x.shape[axis + 1 :]), x.dtype)
    is_empty = True
    for place in range(int(np.max(ends - starts, initial=0))):
        at = starts + place
        ranges = np.flatnonzero((at < ends) & (at >= 0) & (at < x.shape[axis]))
        is_first = is_empty and len(ranges) == len(starts)
        if is_empty and not is_first:
            out[...] = 0
        is_empty = False
        for some, positions in _runs(ranges, at[ranges]):
            if is_first:
                out[(*lead, some)] = x[(*lead, positions)]
            else:
                out[(*lead, some)] += x[(*lead, positions)]
    if is_empty:
        out[...] = 0
    return out


def holders(starts: Array, ends: Array, size: int) -> tuple[Array, Array]:
    """For each of `size` positions, the ranges that hold it, from the first to before the second result.

    Neither `starts` nor `ends` may decrease.
    """
    positions = np.arange(size)
    return np.searchsorted(ends, positions, "right"), np.searchsorted(starts, positions, "right")


def adaptive_ranges(size: Ints, out_size: Ints) -> Ranges:
    """The ranges of adaptive pooling: number i of `out` goes from i*n/out to (i+1)*n/out, rounded outwards."""
    numbers = [np.arange(out) for out in out_size]
    return [(i * n // out, -(-(i + 1) * n // out)) for i, n, out in zip(numbers, size, out_size, strict=True)]


def along(values: Array, axis: int, ndim: int) -> Array:
    """A vector laid along one of `ndim` axes, ready to broadcast over the others."""
    return values.reshape([-1 if a == axis else 1 for a in range(ndim)])


def _runs(*lists: Array) -> list[tuple[Any, ...]]:
    """Ascending positions of several axes, cut into parts where all are evenly spaced, as slices; MOST_RUNS at most.

    If there were more, one part, with the positions as they are, which takes many times as long as a slice.
    """
    steps = np.stack([np.diff(positions) for positions in lists])
    found: list[tuple[Any, ...]] = []
    begin, count = 0, len(lists[0])
    while begin < count:
        if len(found) == MOST_RUNS:
            return [lists]
        differs = (steps[:, begin:] != steps[:, begin : begin + 1]).any(0)
        end = begin + 1 + (int(differs.argmax()) if differs.any() else len(differs))
        found.append(tuple(_slice(positions[begin:end]) for positions in lists))
        begin = end
    return found


def _slice(positions: Array) -> slice:
    """Evenly spaced positions as a slice; of one position that is repeated, the one, which broadcasts."""
    step = int(positions[1] - positions[0]) if len(positions) > 1 else 1
    return slice(int(positions[0]), int(positions[-1]) + 1, max(1, step))
