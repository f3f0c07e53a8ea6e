"""From an array to what is kept of it: the sizes of its values and a small copy."""

from __future__ import annotations

import base64
import math
from dataclasses import replace

import numpy as np

from ..node import Array
from .parts import Picture, Preview, Stats

CHUNK = 1 << 16  # values turned into float64 at a time: they stay in the cache
SMALLEST, LARGEST = 1e-100, 1e100  # magnitudes whose squares, and sums of many, float64 holds
SIDES = (32, 16, 8)  # the last two axes are reduced to the first of these with which 16 channels fit


def preview_of(array: Array, cells: int) -> Preview:
    """The sizes of an array's values, and a copy of at most about `cells` values (0: none)."""
    return Preview(stats_of(array), picture_of(array, cells) if cells > 0 else None)


def stats_of(array: Array) -> Stats:
    """The sizes of the values; sums are taken in float64, of values as large as their squares can be."""
    stats = _stats_of(array, 0)
    largest = max(abs(stats.min or 0.0), abs(stats.max or 0.0))
    if not largest or SMALLEST < largest < LARGEST:
        return stats
    share, exponent = math.frexp(largest)
    scaled = _stats_of(array, exponent)
    sizes = (scaled.mean, scaled.std, scaled.rms)
    # None of them is larger than the largest value, but for rounding, which at the end of the range would be too much.
    mean, std, rms = (None if size is None else math.ldexp(min(size, share), exponent) for size in sizes)
    return replace(stats, mean=mean, std=std, rms=rms)


def _stats_of(array: Array, exponent: int) -> Stats:
    """One pass over the array, divided by that power of two: what is much smaller than it becomes zero."""
    once, times = _once(array)
    count = zeros = nans = infs = 0
    low, high = math.inf, -math.inf
    shift = total = squares = 0.0
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        # In parts, for a view whose values do not lie one after the other would be copied whole.
        for some in np.nditer(once, ["external_loop", "buffered", "zerosize_ok"], order="K", buffersize=CHUNK):
            part = np.asarray(some).astype(np.float64)
            if exponent:
                part = np.ldexp(part, -exponent)
            zeros += part.size - int(np.count_nonzero(part))
            finite = np.isfinite(part)
            if not finite.all():
                bad = int(np.isnan(part).sum())
                nans, infs = nans + bad, infs + part.size - int(finite.sum()) - bad
                part = part[finite]
                if not part.size:
                    continue
            if not count:
                shift = float(part[0])
            low, high = min(low, float(part.min())), max(high, float(part.max()))
            part -= shift  # squares of what is left cancel less
            count += part.size
            total += float(part.sum())
            part *= part
            squares += float(part.sum())
        if not count:
            share = zeros / max(once.size, 1)
            return Stats(array.shape, str(array.dtype), None, None, None, None, None, share, nans * times, infs * times)
        mean = total / count
        variance = max(squares / count - mean * mean, 0.0)
        mean = min(max(mean + shift, low), high)
    std, rms = math.sqrt(variance), math.sqrt(variance + mean * mean)
    return Stats(
        array.shape, str(array.dtype), low, high, mean, std, rms, zeros / once.size, nans * times, infs * times
    )


def _once(array: Array) -> tuple[Array, int]:
    """An array without the axes along which its values only repeat, as they do in a broadcast view; and how often."""
    if not array.size:
        return array, 1
    once = array[tuple(slice(1) if stride == 0 else slice(None) for stride in array.strides)]
    return once, array.size // once.size


def picture_of(array: Array, cells: int) -> Picture:
    """An exact copy if there are at most `cells` values, else a smaller one that says what it leaves out.

    Along the last two axes a cell of the copy is the value of largest magnitude, with its sign: a mean would wash out
    sparse gradients. Along the axes before them only the first entries are kept.
    """
    if array.size <= cells:
        return _encoded(array, "")
    said = []
    lead = max(array.ndim - 2, 0)
    channels = array.shape[lead - 1] if lead else 1
    side = SIDES[-1] if array.ndim > 1 else cells
    for candidate in SIDES if array.ndim > 1 else ():
        if min(channels, 16) * math.prod(min(n, candidate) for n in array.shape[lead:]) <= cells:
            side = candidate
            break
    wanted = [*array.shape[:lead], *(min(n, side) for n in array.shape[lead:])]
    for axis in range(lead):
        wanted[axis] = min(wanted[axis], max(1, cells // math.prod(wanted[axis + 1 :])))
        if wanted[axis] < array.shape[axis]:
            said.append(f"the first {wanted[axis]} of {array.shape[axis]} along axis {axis}")
    small = array[tuple(slice(n) for n in wanted[:lead])]
    for axis in range(lead, array.ndim):
        n = array.shape[axis]
        if wanted[axis] < n:
            small = _largest(small, axis, np.arange(wanted[axis]) * n // wanted[axis])
            said.append(f"{n} along axis {axis} reduced to {wanted[axis]}, each the value of largest magnitude")
    return _encoded(small, "; ".join(said))


def _largest(array: Array, axis: int, starts: Array) -> Array:
    """The value of largest magnitude in each stretch along an axis."""
    high = np.maximum.reduceat(array, starts, axis)
    if array.dtype.kind in "bu":
        return high
    low = np.minimum.reduceat(array, starts, axis)
    return np.where(low < -high, low, high)


def _encoded(array: Array, reduced: str) -> Picture:
    kept = np.array(array, array.dtype.newbyteorder("<"), order="C")
    return Picture(kept.shape, kept.dtype.str, base64.b64encode(kept.tobytes()).decode("ascii"), reduced)


def cost_of(preview: Preview) -> int:
    """About how many bytes of memory a preview takes."""
    return 600 + (150 + len(preview.picture.data) if preview.picture else 0)
