"""Padding of plain arrays along any axes, and its adjoint. Widths are (before, after) for each axis."""

import numpy as np

from .axes import spread, take
from .layout import copied, empty_like
from .windows import Array, Ints

Widths = tuple[tuple[int, int], ...]
NARROW = 16  # padding that is copied place by place, which takes less time than to read all by position


def pad_constant(x: Array, widths: Widths, value: float = 0) -> Array:
    """A copy of x with `value` around it; negative widths cut off instead. It lies in memory as x does."""
    out = empty_like(x, tuple(n + sum(w) for n, w in zip(x.shape, widths, strict=True)), x.dtype)
    out[...] = value
    kept = tuple(_between(-b, n, -a) for n, (b, a) in zip(x.shape, widths, strict=True))
    inside = tuple(_between(b, n, a) for n, (b, a) in zip(out.shape, widths, strict=True))
    out[inside] = x[kept]
    return out


def pad_by_position(x: Array, widths: Widths, mode: str) -> Array:
    """A copy of x with its own values around it, see `positions`; negative widths cut off."""
    if _is_narrow(widths):
        return _pad_by_place(x, widths, mode)
    out = x
    for axis, width in enumerate(widths):
        if any(width):
            out = take(out, positions(x.shape[axis], width, mode), axis)
    return x.copy() if out is x else out


def pad_by_position_adjoint(g: Array, shape: Ints, widths: Widths, mode: str) -> Array:
    """Add each value to the one it was a copy of: an array of `shape`."""
    if _is_narrow(widths):
        return _pad_by_place_adjoint(g, shape, widths, mode)
    out = g
    for axis, width in enumerate(widths):
        if any(width):
            out = spread(out, positions(shape[axis], width, mode), shape[axis], axis)
    return g.copy() if out is g else out


def _is_narrow(widths: Widths) -> bool:
    return all(0 <= n <= NARROW for width in widths for n in width)


def _pad_by_place(x: Array, widths: Widths, mode: str) -> Array:
    out = empty_like(x, tuple(n + sum(width) for n, width in zip(x.shape, widths, strict=True)), x.dtype)
    out[tuple(slice(before, before + n) for n, (before, _) in zip(x.shape, widths, strict=True))] = x
    for axis, width in enumerate(widths):
        if any(width):
            places = np.moveaxis(out, axis, 0)
            for place, source in _around(x.shape[axis], width, mode):
                places[place] = places[width[0] + source]
    return out


def _pad_by_place_adjoint(g: Array, shape: Ints, widths: Widths, mode: str) -> Array:
    out = g
    for axis, width in enumerate(widths):
        if any(width):
            places = np.moveaxis(out, axis, 0)
            out = copied(np.moveaxis(places[width[0] : width[0] + shape[axis]], 0, axis))
            sums = np.moveaxis(out, axis, 0)
            for place, source in _around(shape[axis], width, mode):
                sums[source] += places[place]
    return copied(g) if out is g else out


def _around(size: int, width: tuple[int, int], mode: str) -> list[tuple[int, int]]:
    """The places of the padding along an axis of `size`, and where in it their values come from."""
    sources = list(enumerate(positions(size, width, mode).tolist()))
    return sources[: width[0]] + sources[width[0] + size :]


def positions(size: int, width: tuple[int, int], mode: str) -> Array:
    """Where each value of the padded axis comes from.

    "reflect" mirrors about the first and last value, "replicate" repeats them, "circular" goes round.
    """
    if mode == "circular":  # what is cut off is not there to be gone round to
        kept = np.arange(size)[_between(-width[0], size, -width[1])]
        return kept[np.arange(-max(width[0], 0), len(kept) + max(width[1], 0)) % max(len(kept), 1)]
    at = np.arange(-width[0], size + width[1])
    if mode == "reflect":
        return (size - 1) - np.abs((size - 1) - np.abs(at))
    return np.clip(at, 0, size - 1)


def _between(before: int, size: int, after: int) -> slice:
    """What is left of an axis without its ends."""
    return slice(max(before, 0), max(size - max(after, 0), before, 0))
