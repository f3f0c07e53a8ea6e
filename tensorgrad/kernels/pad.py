"""Padding of plain arrays along any axes, and its adjoint. Widths are (before, after) for each axis."""

import numpy as np

from .axes import spread, take
from .layout import empty_like
from .windows import Array, Ints

Widths = tuple[tuple[int, int], ...]


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
    out = x
    for axis, width in enumerate(widths):
        if any(width):
            out = take(out, positions(x.shape[axis], width, mode), axis)
    return x.copy() if out is x else out


def pad_by_position_adjoint(g: Array, shape: Ints, widths: Widths, mode: str) -> Array:
    """Add each value to the one it was a copy of: an array of `shape`."""
    out = g
    for axis, width in enumerate(widths):
        if any(width):
            out = spread(out, positions(shape[axis], width, mode), shape[axis], axis)
    return g.copy() if out is g else out


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
