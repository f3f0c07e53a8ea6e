"""Sorted order along an axis. nan counts as larger than every number."""

import numpy as np

from .windows import Array


def sorted_places(x: Array, axis: int, descending: bool, stable: bool) -> Array:
    """The index of the smallest value along the axis, of the next, and so on; from the largest on if `descending`.

    With `stable`, equal values keep their order; that takes five times as long where there are any.
    """
    # Descending is ascending from the other end, which also brings equal values back into their order.
    turned = np.flip(x, axis) if descending else x
    places = np.argsort(turned, axis)
    if stable and _has_ties(np.take_along_axis(turned, places, axis), axis):
        places = np.argsort(turned, axis, kind="stable")
    return x.shape[axis] - 1 - np.flip(places, axis) if descending else places


def _has_ties(ordered: Array, axis: int) -> bool:
    ordered = np.moveaxis(ordered, axis, 0)
    equal = ordered[1:] == ordered[:-1]
    if ordered.dtype.kind == "f":
        equal |= np.isnan(ordered[:-1])  # what follows a nan is one too
    return bool(equal.any())


def top_places(x: Array, k: int, axis: int, largest: bool, ordered: bool) -> Array:
    """The indices of the k largest or smallest values along the axis, the first one first if `ordered`."""
    n = x.shape[axis]
    front = (slice(None),) * axis
    if k in (0, n):
        places = np.broadcast_to(
            np.arange(k).reshape(-1, *[1] * (x.ndim - axis - 1)), (*x.shape[:axis], k, *x.shape[axis + 1 :])
        )
    elif largest:
        places = np.argpartition(x, n - k, axis)[(*front, slice(n - k, None))]
    else:
        places = np.argpartition(x, k - 1, axis)[(*front, slice(None, k))]
    if not ordered:
        return places.copy()
    order = sorted_places(np.take_along_axis(x, places, axis), axis, descending=largest, stable=False)
    return np.take_along_axis(places, order, axis)


def ranked(x: Array, rank: int, axis: int) -> Array:
    """The value of this rank, 0 for the smallest, along the axis, which is kept with size 1."""
    return np.partition(x, rank, axis)[(*[slice(None)] * axis, slice(rank, rank + 1))]


def middle(x: Array, axis: int, ignore_nan: bool) -> Array:
    """The median along the axis, which is kept with size 1: of an even number of values the lower of the middle two.

    nan where there is one; with `ignore_nan` only where there is nothing else.
    """
    n = x.shape[axis]
    found = np.isnan(x) if x.dtype.kind == "f" else np.zeros((), np.bool_)
    if not found.any():
        return ranked(x, (n - 1) // 2, axis)
    if ignore_nan:
        count = n - found.sum(axis, keepdims=True)
        return np.take_along_axis(np.sort(x, axis), np.maximum(count - 1, 0) // 2, axis)
    return np.where(found.any(axis, keepdims=True), np.asarray(np.nan, x.dtype), ranked(x, (n - 1) // 2, axis))


def first_place(x: Array, value: Array, axis: int) -> Array:
    """Where `value`, of size 1 along the axis, first stands in x; nan equals nan."""
    same = x == value
    if x.dtype.kind == "f" and np.isnan(value).any():
        same |= np.isnan(x) & np.isnan(value)
    return np.argmax(same, axis, keepdims=True)
