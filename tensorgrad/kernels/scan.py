"""Running sums, products, extremes, and linear recurrences along an axis, without a Python loop over elements."""

import itertools
import math
from typing import Any

import numpy as np

from .buffers import empty, scratch
from .threads import run
from .windows import Array

# Running sums and products are computed in the wider dtype: a running product passes through values that the narrower
# one has not, and comes back.
WIDER: dict[np.dtype, np.dtype] = {
    np.dtype(np.float16): np.dtype(np.float32),
    np.dtype(np.float32): np.dtype(np.float64),
}


SEGMENT = 8  # values of a run that are computed by themselves first
LEAST_LANES = 128  # runs that are computed side by side; of fewer, one after the other is faster
LANES = 1 << 10  # runs at a time where each lies in one piece
WIDE_LANES = 1 << 13  # runs at a time where they lie side by side
TILE = 1 << 17  # values of all these that are held at a time, so that they stay in the cache
GAP = 8  # values between runs that are held, so that these do not share a few places in the cache
STEP_WORK = 16  # multiplications that take as long as one step of a run


def running(ufunc: np.ufunc, x: Array, axis: int, reverse: bool = False) -> Array:
    """ufunc.accumulate(x), from the end if `reverse`, in x's dtype.

    NumPy's `accumulate` goes through one run after the other, and waits for each result before it begins the next. So
    where there are many runs, here each step is one of all of them; and where the order does not matter, the results of
    short segments come first.
    """
    n, inner = x.shape[axis], math.prod(x.shape[axis + 1 :])
    dtype = WIDER.get(x.dtype, x.dtype)
    out = empty(x.shape, x.dtype)
    turn = (slice(None), slice(None, None, -1 if reverse else 1))
    source, target = (
        np.ascontiguousarray(array).reshape(x.size // max(1, n * inner), n, inner)[turn] for array in (x, out)
    )
    if inner == 1 and n >= 4 * SEGMENT and _in_any_order(ufunc, x, dtype):
        _by_segments(ufunc, source[:, :, 0], target[:, :, 0], dtype)
    elif x.size >= LEAST_LANES * n > 0:
        _side_by_side(ufunc, source, target, dtype)
    elif dtype == x.dtype:
        ufunc.accumulate(source, 1, dtype, target)  # with no dtype NumPy makes int64 of small integers
    else:
        wide = empty(source.shape, dtype)  # memory that was used before: the system's own costs as much as the sums
        target[...] = ufunc.accumulate(source, 1, dtype, wide)
    return out


def _in_any_order(ufunc: np.ufunc, x: Array, dtype: np.dtype[Any]) -> bool:
    """Whether segments may be computed by themselves: neither they round in x's own dtype, nor do they overflow."""
    if ufunc in (np.maximum, np.minimum) or dtype.kind != "f":
        return True
    if dtype == x.dtype or ufunc is not np.multiply:
        return dtype != x.dtype
    largest = 2.0 ** (np.finfo(dtype).maxexp // SEGMENT - 8)
    size = np.absolute(x)
    return bool(size.max(initial=0) < largest and size.min(initial=1) > 1 / largest)


def _by_segments(ufunc: np.ufunc, source: Array, target: Array, dtype: np.dtype[Any]) -> None:
    """target = ufunc.accumulate(source, 1) of (r, n), computed in `dtype`: in segments, of their ends, and of both."""
    r, n = source.shape
    whole, height = n - n % SEGMENT, max(1, TILE // n)

    def part(number: int) -> None:
        rows = slice(number * height, (number + 1) * height)
        segments = source[rows, :whole].reshape(-1, whole // SEGMENT, SEGMENT).transpose(2, 0, 1)
        held = scratch("segments", segments.shape, dtype)
        held[...] = segments
        for before, place in itertools.pairwise(held):
            ufunc(before, place, out=place)
        ends = ufunc.accumulate(held[-1], 1, dtype)
        later = held[:, :, 1:]
        ufunc(ends[:, :-1], later, out=later)
        for at, place in enumerate(held):
            target[rows, at:whole:SEGMENT] = place
        if whole < n:
            rest = source[rows, whole:].astype(dtype)
            rest[:, 0] = ufunc(ends[:, -1], rest[:, 0])
            target[rows, whole:] = ufunc.accumulate(rest, 1, dtype)

    run(part, -(-r // height), STEP_WORK * source.size)


def _side_by_side(ufunc: np.ufunc, source: Array, target: Array, dtype: np.dtype[Any]) -> None:
    """target = ufunc.accumulate(source, 1) of (r, n, c), computed in `dtype`, each step of many of the r*c runs."""
    r, n, c = source.shape
    height, width = (LANES, 1) if c == 1 else (max(1, WIDE_LANES // c), WIDE_LANES)
    length = max(1, TILE // (height * min(width, c)))
    for row, column in itertools.product(range(0, r, height), range(0, c, width)):
        last = None
        for start in range(0, n, length):
            at = slice(row, row + height), slice(start, start + length), slice(column, column + width)
            held = _held(source[at], dtype)
            before = held[0]
            if last is not None:
                ufunc(last, before, out=before)
            for place in held[1:]:
                ufunc(before, place, out=place)
                before = place
            part = target[at]
            part[...] = held.reshape(len(held), len(part), -1).transpose(1, 0, 2)
            last = np.array(before)


def _held(part: Array, dtype: np.dtype[Any]) -> Array:
    """A copy of runs (r, n, c) as (n, r*c), in scratch of the same order of memory."""
    r, n, c = part.shape
    if c == 1:
        held = scratch("runs", (r, n + GAP), dtype)[:, :n].T
        held[...] = part[:, :, 0].T
    else:
        held = scratch("runs", (n, r * c), dtype)
        held.reshape(n, r, c)[...] = part.transpose(1, 0, 2)
    return held


def products_of_others(x: Array, axis: int) -> Array:
    """At each place, the product of all other values along the axis: of those before times of those after."""
    wide = empty(x.shape, WIDER.get(x.dtype, x.dtype))
    wide[...] = x
    before = shifted(running(np.multiply, wide, axis), axis, 1, 1.0)
    before *= shifted(running(np.multiply, wide, axis, reverse=True), axis, -1, 1.0)
    result = empty(x.shape, x.dtype)
    result[...] = before
    return result


def shifted(x: Array, axis: int, by: int, fill: float) -> Array:
    """The values one place further (`by` 1) or back (-1) along the axis; `fill` at the end that gets free."""
    result = empty(x.shape, x.dtype)
    front, rest, first, last = ((slice(None),) * axis + (s,) for s in _ENDS)
    source, target, free = (front, rest, first) if by > 0 else (rest, front, last)
    result[target] = x[source]
    result[free] = fill
    return result


_ENDS = slice(None, -1), slice(1, None), slice(None, 1), slice(-1, None)


def running_extreme(ufunc: np.ufunc, x: Array, axis: int) -> tuple[Array, Array]:
    """The running maximum or minimum and where it stands: the last of equal values; nan once there was one."""
    values = running(ufunc, x, axis)
    is_new = x == values
    if x.dtype.kind == "f":
        is_new |= np.isnan(x)
    # The first value of a run is new, so each place is that of the new value before it in reading order.
    turned = np.moveaxis(is_new, axis, -1)
    new = np.flatnonzero(turned)
    places = np.repeat(new % max(1, x.shape[axis]), np.diff(new, append=x.size))
    return values, np.ascontiguousarray(np.moveaxis(places.reshape(turned.shape), -1, axis))


def recurrence(a: Array, b: Array, axis: int, reverse: bool) -> Array:
    """y[k] = b[k] + a[k] * y[k-1] along the axis, y[k+1] if `reverse`; y is 0 before the start, where a has no effect.

    Neighbours are joined to a recurrence of half the length, so that there are log2(n) steps and in all about 6n
    operations: the odd-even form of the parallel prefix sum (Blelloch, "Prefix sums and their applications", 1990).
    float16 is computed in float32.
    """
    wide = np.float32 if b.dtype == np.float16 else b.dtype
    turn = (slice(None, None, -1),) if reverse else (slice(None),)
    b_, a_ = (np.moveaxis(v, axis, 0)[turn] for v in (b, a))
    y = _joined(a_.astype(wide, copy=False), b_.astype(wide, copy=False))
    return np.moveaxis(y.astype(b.dtype, copy=False)[turn], 0, axis)


def _joined(a: Array, b: Array) -> Array:
    levels = []
    while len(b) > 1:
        levels.append((a, b))
        even, odd = slice(0, len(b) - len(b) % 2, 2), slice(1, None, 2)
        b = b[odd] + a[odd] * b[even]
        a = a[odd] * a[even]
    y = b if levels else b.copy()
    for a, b in reversed(levels):
        whole = np.empty(b.shape, b.dtype)
        whole[1::2] = y
        whole[:1] = b[:1]
        later = slice(2, None, 2)
        whole[later] = b[later] + a[later] * y[: (len(b) - 1) // 2]
        y = whole
    return y
