"""Average pooling on plain arrays, for any number of spatial axes: a linear map and its adjoint.

A window is a product of ranges, one per axis, so windows are summed one axis after the other: K + K values are added
for each, not K * K. Windows are given as (starts, ends) for each axis, and what to divide by for each window.
"""

import functools
import math
from collections.abc import Sequence

import numpy as np

from .axes import Ranges, adaptive_ranges, along, holders, range_sums
from .layout import empty_like
from .sums import accurate_mean
from .windows import Array, Ints, work_dtype


def pool_windows(
    size: Ints,
    kernel: Ints,
    stride: Ints,
    padding: Ints,
    out_size: Ints,
    count_include_pad: bool,
    divisor_override: int | None,
) -> tuple[Ranges, Array]:
    """The ranges of a pooling's windows, and what each is divided by.

    That is the number of its pixels, or, with `count_include_pad`, of its places in the padded image: those of a window
    that hangs over the end of that do not count. `divisor_override` stands for all.
    """
    ranges, counts = [], []
    for n, k, s, p, windows in zip(size, kernel, stride, padding, out_size, strict=True):
        starts = np.arange(windows) * s - p
        ranges.append((starts, starts + k))
        first, last = (-p, n + p) if count_include_pad else (0, n)
        counts.append(np.minimum(starts + k, last) - np.maximum(starts, first))
    return ranges, np.asarray(divisor_override) if divisor_override is not None else _products(counts)


def adaptive_windows(size: Ints, out_size: Ints) -> tuple[Ranges, Array]:
    """The ranges of adaptive pooling, and the number of pixels in each window."""
    ranges = adaptive_ranges(size, out_size)
    return ranges, _products([ends - starts for starts, ends in ranges])


def adaptive_average(x: Array, out_size: Ints) -> Array:
    """The mean of each window of adaptive pooling: (n, c, *x) to (n, c, *out_size)."""
    if math.prod(out_size) == 1:
        return accurate_mean(x, tuple(range(2, x.ndim)), keepdims=True)
    return average(x, *adaptive_windows(x.shape[2:], out_size))


def adaptive_average_adjoint(g: Array, size: Ints) -> Array:
    """Give each pixel its share of every window that holds it; the shares of one window are one number, not copied."""
    if math.prod(g.shape[2:]) == 1:
        shares = g.astype(work_dtype(g.dtype), copy=False) / math.prod(size)
        return np.broadcast_to(shares.astype(g.dtype, copy=False), (*g.shape[:2], *size))
    return average_adjoint(g, *adaptive_windows(size, g.shape[2:]), size)


def average(x: Array, ranges: Ranges, divisor: Array) -> Array:
    """The sum of each window divided by its divisor: (n, c, *x) to (n, c, *y). float16 sums in float32."""
    dtype = work_dtype(x.dtype)
    sums = x.astype(dtype, copy=False)
    for axis, (starts, ends) in enumerate(ranges, 2):
        sums = range_sums(sums, starts, ends, axis)
    return (sums / divisor.astype(dtype)).astype(x.dtype, copy=False)


def average_adjoint(g: Array, ranges: Ranges, divisor: Array, size: Ints) -> Array:
    """Give each pixel its share of every window that holds it: (n, c, *y) to (n, c, *x)."""
    dtype = work_dtype(g.dtype)
    shares = g.astype(dtype, copy=False) / divisor.astype(dtype)
    # The last axis first: values lie closest there, and there are fewest of them before the others are spread.
    for axis in reversed(range(2, g.ndim)):
        starts, ends = ranges[axis - 2]
        if len(starts) > 1 and np.all(np.diff(starts) == max(1, starts[1] - starts[0])):
            shares = _spread_ranges(shares, starts, ends, size[axis - 2], axis)
        else:
            shares = range_sums(shares, *holders(starts, ends, size[axis - 2]), axis)
    return shares.astype(g.dtype, copy=False)


def _spread_ranges(g: Array, starts: Array, ends: Array, size: int, axis: int) -> Array:
    """Add each value to all positions of its range, in `size` zeros along the axis; ranges begin at equal distances.

    Loops over the places of a range; at one place, all ranges have positions of their own.
    """
    lead = (slice(None),) * axis
    out = empty_like(g, (*g.shape[:axis], size, *g.shape[axis + 1 :]), g.dtype)
    out[...] = 0
    step, places = int(starts[1] - starts[0]), int(np.max(ends - starts))
    for place in reversed(range(places)):
        at = starts + place
        valid = np.flatnonzero((at < ends) & (at >= 0) & (at < size))
        if not len(valid):
            continue
        first, last = valid[0], valid[-1]
        target, values = out[(*lead, slice(at[first], at[last] + 1, step))], g[(*lead, slice(first, last + 1))]
        if place >= places - step:  # nothing is there yet
            target[...] = values
        else:
            target += values
    return out


def _products(counts: Sequence[Array]) -> Array:
    """For each window the product of its counts along the axes."""
    rank = len(counts)
    return functools.reduce(np.multiply, [along(count, axis, rank) for axis, count in enumerate(counts)])
