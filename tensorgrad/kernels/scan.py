"""Running sums, products, extremes, and linear recurrences along an axis, without a Python loop over elements."""

import numpy as np

from .buffers import empty
from .windows import Array

# Running sums and products are computed in the wider dtype: a running product passes through values that the narrower
# one has not, and comes back.
WIDER: dict[np.dtype, np.dtype] = {
    np.dtype(np.float16): np.dtype(np.float32),
    np.dtype(np.float32): np.dtype(np.float64),
}


def running(ufunc: np.ufunc, x: Array, axis: int, reverse: bool = False) -> Array:
    """ufunc.accumulate(x), from the end if `reverse`, in x's dtype."""
    turned = np.flip(x, axis) if reverse else x
    if x.dtype in WIDER:
        wide = empty(x.shape, WIDER[x.dtype])  # memory that was used before: the system's own costs as much as the sums
        result = ufunc.accumulate(turned, axis, WIDER[x.dtype], out=wide).astype(x.dtype)
    else:
        result = ufunc.accumulate(turned, axis, x.dtype)  # else NumPy makes int64 of small integers
    return np.flip(result, axis) if reverse else result


def products_of_others(x: Array, axis: int) -> Array:
    """At each place, the product of all other values along the axis: of those before times of those after."""
    wide = x.astype(WIDER.get(x.dtype, x.dtype), copy=False)
    before = shifted(np.multiply.accumulate(wide, axis), axis, 1, 1.0)
    after = shifted(np.flip(np.multiply.accumulate(np.flip(wide, axis), axis), axis), axis, -1, 1.0)
    before *= after
    return before.astype(x.dtype, copy=False)


def shifted(x: Array, axis: int, by: int, fill: float) -> Array:
    """The values one place further (`by` 1) or back (-1) along the axis; `fill` at the end that gets free."""
    result = np.empty(x.shape, x.dtype)
    front, rest, first, last = ((slice(None),) * axis + (s,) for s in _ENDS)
    source, target, free = (front, rest, first) if by > 0 else (rest, front, last)
    result[target] = x[source]
    result[free] = fill
    return result


_ENDS = slice(None, -1), slice(1, None), slice(None, 1), slice(-1, None)


def running_extreme(ufunc: np.ufunc, x: Array, axis: int) -> tuple[Array, Array]:
    """The running maximum or minimum and where it stands: the last of equal values; nan once there was one."""
    values = ufunc.accumulate(x, axis)
    is_new = x == values
    if x.dtype.kind == "f":
        is_new |= np.isnan(x)
    places = np.arange(x.shape[axis]).reshape(-1, *[1] * (x.ndim - axis - 1))
    return values, np.maximum.accumulate(np.where(is_new, places, 0), axis)


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
