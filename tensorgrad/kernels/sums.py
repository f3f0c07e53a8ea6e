"""Sums and means that keep float32's and float16's digits over any axes of any memory layout.

NumPy adds pairwise along the axis that is innermost in memory, but one by one along every other: the sum over the first
axis of a (100000, 10) float32 array keeps four digits. Here float32 adds only short or pairwise runs; their sums, few
by then, are added in float64. float16 is summed as float32 (its own sums stop at 2048 ones) and rounded once.
"""

import functools
import math

import numpy as np
from numpy.typing import DTypeLike

from . import threads
from .blas import in_one_thread
from .buffers import zeros
from .layout import planes
from .row_sums import column_sums, row_dots
from .windows import Array, Ints

LARGE_BYTES = 1 << 19
PART_BYTES = 1 << 21  # shorter parts scale badly: threads of Python wait for each other at every call
SMALL = 1024  # elements: below this one call to NumPy is accurate enough, and the analysis would cost more than the sum
RUN = 32  # elements added one by one in float32 before float64 takes over
LONG_RUN = 4 * RUN  # planes that are added before their sum is added to others', here and in `norm`


def accurate_sum(x: Array, axes: Ints, keepdims: bool = False) -> Array:
    """Sum over `axes` (not negative, all different; none of them: a copy). Integers and booleans sum to int64."""
    return _rounded(wide_sum(x, axes, keepdims), x.dtype)


def accurate_mean(x: Array, axes: Ints, keepdims: bool = False) -> Array:
    """Mean over `axes` in x's dtype: float16 divides before it rounds, so it does not overflow. NaN for no elements."""
    total = wide_sum(x, axes, keepdims)
    count = math.prod([x.shape[a] for a in axes])
    with np.errstate(invalid="ignore"):
        return _rounded(total / total.dtype.type(count), x.dtype)


def wide_sum(x: Array, axes: Ints, keepdims: bool = False) -> Array:
    """`accurate_sum` before its rounding: in the widest dtype that sums were added in on the way."""
    if x.dtype.kind != "f":
        return _reduce(x, axes, np.int64, keepdims)
    if x.dtype == np.float16:
        x = x.astype(np.float32)
    if x.dtype != np.float32 or x.size <= SMALL:
        return _reduce(x, axes, x.dtype, keepdims)
    if x.nbytes >= LARGE_BYTES and x.ndim > 2 and 1 not in axes and len(axes) == x.ndim - 1 and not keepdims:
        return channel_sums(x)
    if _are_last(x, axes):
        return _last_axes(x, None, len(axes), keepdims)
    if _are_first(x, axes):
        rows = x.reshape(math.prod(x.shape[: len(axes)]), -1)
        if len(rows) <= RUN:
            return _reduce(x, axes, x.dtype, keepdims)
        total = in_one_thread(lambda: column_sums(rows)).reshape(x.shape[len(axes) :])
        return total.reshape((1,) * len(axes) + total.shape) if keepdims else total
    run = _innermost(x, axes)
    if all(x.shape[a] == 1 or a in run for a in axes):
        return _reduce(x, axes, x.dtype, keepdims)
    long = math.prod([x.shape[a] for a in run]) >= RUN
    partial = x.sum(tuple(run), keepdims=True) if long else _short_runs(x, axes)
    return _reduce(partial, axes, np.float64, keepdims)


def sum_of_squares(x: Array, axes: Ints, keepdims: bool = False) -> Array:
    """`wide_sum` of x * x; of rows that lie one after the other without an array of the squares."""
    if x.dtype == np.float32 and x.size > SMALL and _are_last(x, axes):
        return _last_axes(x, x, len(axes), keepdims)
    return wide_sum(x * x, axes, keepdims)


def channel_sums(x: Array) -> Array:
    """The sum of each channel of float32 or float64 images (n, c, *x), in float64, over threads."""
    blocks = planes(x)
    parts = plane_parts(blocks)
    sums = zeros((len(parts), x.shape[1]))

    def add(number: int) -> None:
        p, c = parts[number]
        sums[number, c] = plane_sums(blocks[p, c])

    threads.run(add, len(parts), 2 * x.size, writes=(sums,))  # an addition from memory counts as two multiplications
    total: Array = sums.sum(0)
    return total


def plane_parts(blocks: Array, part_bytes: int | None = None) -> tuple[tuple[slice, slice], ...]:
    """Cut planes (p, c, m) into equal parts of about PART_BYTES, or so many: some planes, or if p is 1, channels."""
    return _parts(*blocks.shape[:2], blocks.nbytes, part_bytes or PART_BYTES)


@functools.lru_cache(maxsize=512)
def _parts(p: int, c: int, nbytes: int, part_bytes: int) -> tuple[tuple[slice, slice], ...]:
    if not nbytes:
        return ()
    count = 1 if 4 * nbytes <= part_bytes else 2 * math.ceil(nbytes / (2 * part_bytes))
    step = -(-(c if p == 1 else p) // count)
    if p == 1:
        return tuple([(slice(0, 1), slice(i, i + step)) for i in range(0, c, step)])
    if step > LONG_RUN:
        step += -step % LONG_RUN
    return tuple([(slice(i, i + step), slice(0, c)) for i in range(0, p, step)])


def plane_sums(block: Array) -> Array:
    """The sum over the planes of a part and within them, for each channel: (p, c, m) to (c)."""
    if len(block) == 1:
        return block[0].sum(1)
    if len(block) <= LONG_RUN:
        return block.sum(0).sum(1, dtype=np.float64)
    whole = len(block) - len(block) % LONG_RUN
    runs = block[:whole].reshape(-1, LONG_RUN, *block.shape[1:]).sum(1)
    total = runs.sum((0, 2), dtype=np.float64)
    return total if whole == len(block) else total + plane_sums(block[whole:])


def place_sums(block: Array) -> Array:
    """The sum over the planes of a part, for each channel and place within: (p, c, m) to (c, m), in float64."""
    whole = len(block) - len(block) % LONG_RUN
    if not whole:
        return np.asarray(block.sum(0), np.float64)
    total = np.asarray(block[:whole].reshape(-1, LONG_RUN, *block.shape[1:]).sum(1).sum(0, dtype=np.float64))
    return total if whole == len(block) else total + block[whole:].sum(0)


def _reduce(x: Array, axes: Ints, dtype: DTypeLike, keepdims: bool) -> Array:
    return np.asarray(x.sum(axes, dtype, keepdims=keepdims))


def _are_last(x: Array, axes: Ints) -> bool:
    """Whether the axes are the last ones of a contiguous array, so that there are rows to be added up."""
    return len(axes) > 0 and x.flags.c_contiguous and min(axes) == x.ndim - len(axes) and x.shape[-1] > 1


def _are_first(x: Array, axes: Ints) -> bool:
    """Whether the axes are the first ones of a contiguous array, so that there are columns to be added up."""
    return 0 < len(axes) < x.ndim and x.flags.c_contiguous and max(axes) == len(axes) - 1 and x.shape[-1] > 1


def _last_axes(x: Array, y: Array | None, count: int, keepdims: bool) -> Array:
    """The sum of x * y, or of x, over the last `count` axes of contiguous arrays."""
    kept = x.shape[: x.ndim - count]
    rows = (*kept, math.prod(x.shape[x.ndim - count :]))
    total = row_dots(x.reshape(rows), None if y is None else y.reshape(rows))
    return total.reshape(*kept, *(1,) * count) if keepdims else total


def _innermost(x: Array, axes: Ints) -> list[int]:
    """Those of `axes` that together form one evenly spaced run innermost in memory, which NumPy sums pairwise."""
    order = sorted((a for a in range(x.ndim) if x.shape[a] > 1), key=lambda a: abs(x.strides[a]))
    run: list[int] = []
    for a in order:
        step = x.strides[a]
        if a not in axes or step == 0 or (run and step != x.strides[run[-1]] * x.shape[run[-1]]):
            break
        run.append(a)
    return run


def _short_runs(x: Array, axes: Ints) -> Array:
    """Sums of RUN neighbours along the longest of `axes`, which keeps its place with fewer elements."""
    axis = max(axes, key=lambda a: x.shape[a])
    size = x.shape[axis]
    if size <= RUN:
        return x.sum(axis, keepdims=True)
    whole = size - size % RUN
    front = (slice(None),) * axis
    blocks = x[(*front, slice(0, whole))].reshape(*x.shape[:axis], whole // RUN, RUN, *x.shape[axis + 1 :])
    sums = blocks.sum(axis + 1)
    if whole == size:
        return sums
    rest = x[(*front, slice(whole, size))].sum(axis, keepdims=True)
    return np.concatenate([sums, rest], axis)


def _rounded(total: Array, dtype: np.dtype) -> Array:
    if dtype.kind != "f" or total.dtype == dtype:
        return total
    with np.errstate(over="ignore"):  # a sum beyond the dtype's range is inf, as it is for NumPy's own sums
        return total.astype(dtype)
