"""Linear maps of one axis at a time, given by positions: what averaging, padding and resizing are made of.

A map of an axis reads single positions (`take`), or adds up ranges of them (`range_sums`). Each has its adjoint:
`spread` adds values to the positions they were read from, and since ranges lie in order, the ranges that hold a
position follow each other, so the adjoint of range sums is range sums again, over the ranges `holders` gives.

No position is multiplied by zero and added, so an infinity or a nan stays where it is.
"""

import numpy as np

from .windows import Array, Ints

Ranges = list[tuple[Array, Array]]  # for each axis the starts and the ends of its ranges


def take(x: Array, index: Array, axis: int) -> Array:
    """x at each position of `index` along `axis`: always a copy."""
    return np.take(x, index, axis)


def spread(g: Array, index: Array, size: int, axis: int) -> Array:
    """Add the values to the positions they were taken from, in `size` zeros along `axis`: the adjoint of `take`."""
    order = np.argsort(index, kind="stable")
    if np.any(order[1:] < order[:-1]):
        index, g = index[order], np.take(g, order, axis)
    positions = np.arange(size)
    return range_sums(g, np.searchsorted(index, positions, "left"), np.searchsorted(index, positions, "right"), axis)


def range_sums(x: Array, starts: Array, ends: Array, axis: int) -> Array:
    """The sums of x[start:end] along `axis` for each pair of `starts` and `ends`; what lies outside x counts as zero.

    Loops over the places of the longest range; for each, a slice or a list of positions serves all ranges at once.
    """
    lead = (slice(None),) * axis
    out = np.zeros((*x.shape[:axis], len(starts), *x.shape[axis + 1 :]), x.dtype)
    for place in range(int(np.max(ends - starts, initial=0))):
        at = starts + place
        ranges = np.flatnonzero((at < ends) & (at >= 0) & (at < x.shape[axis]))
        out[(*lead, _run(ranges))] += x[(*lead, _run(at[ranges]))]
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


def _run(positions: Array) -> slice | Array:
    """Evenly spaced positions as a slice, which is many times faster; others as they are."""
    step = int(positions[1] - positions[0]) if len(positions) > 1 else 1
    if len(positions) and step > 0 and np.all(np.diff(positions) == step):
        return slice(int(positions[0]), int(positions[-1]) + 1, step)
    return positions
