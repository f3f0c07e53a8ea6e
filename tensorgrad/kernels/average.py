"""Average pooling on plain arrays, for any number of spatial axes: a linear map and its adjoint.

A window is a product of ranges, one per axis, so windows are summed one axis after the other: K + K values are added
for each, not K * K. Windows are given as (starts, ends) for each axis, and what to divide by for each window.
"""

import functools
from collections.abc import Sequence

import numpy as np

from .axes import Ranges, adaptive_ranges, along, holders, range_sums
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
    for axis, ((starts, ends), n) in enumerate(zip(ranges, size, strict=True), 2):
        shares = range_sums(shares, *holders(starts, ends, n), axis)
    return shares.astype(g.dtype, copy=False)


def _products(counts: Sequence[Array]) -> Array:
    """For each window the product of its counts along the axes."""
    rank = len(counts)
    return functools.reduce(np.multiply, [along(count, axis, rank) for axis, count in enumerate(counts)])
