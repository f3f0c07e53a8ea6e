"""From an array to what is kept of it: the sizes of its values and a small copy."""

from __future__ import annotations

import base64
import math

import numpy as np

from ..node import Array
from .parts import Picture, Preview, Stats

CHUNK = 1 << 16  # values turned into float64 at a time: they stay in the cache
SIDES = (32, 16, 8)  # the last two axes are reduced to the first of these with which 16 channels fit


def preview_of(array: Array, cells: int) -> Preview:
    """The sizes of an array's values, and a copy of at most about `cells` values (0: none)."""
    return Preview(stats_of(array), picture_of(array, cells) if cells > 0 else None)


def stats_of(array: Array) -> Stats:
    """One pass over the array; sums are taken in float64."""
    flat = array.ravel(order="K")
    count = zeros = nans = infs = 0
    low, high = math.inf, -math.inf
    shift = total = squares = 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, flat.size, CHUNK):
            part = flat[start : start + CHUNK].astype(np.float64)
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
            return Stats(
                array.shape, str(array.dtype), None, None, None, None, None, zeros / max(flat.size, 1), nans, infs
            )
        mean = total / count
        variance = max(squares / count - mean * mean, 0.0)
        mean = min(max(mean + shift, low), high)
        rms = math.sqrt(variance + mean * mean) if abs(mean) < 1e150 else abs(mean)
    std = math.sqrt(variance)
    return Stats(array.shape, str(array.dtype), low, high, mean, std, rms, zeros / flat.size, nans, infs)


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
