"""Padding and its adjoint, a family closed under differentiation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DTypeError, ShapeError
from ..kernels.pad import Widths, pad_by_position, pad_by_position_adjoint, pad_constant
from ..node import Array
from ..primitive import primitive
from .check import are_tensors

if TYPE_CHECKING:
    from ..tensor import Tensor

MODES = ("constant", "reflect", "replicate", "circular")


def pad(input: Any, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """The input with more values before and after it along its last axes.

    `pad` is (before, after) of the last axis, then of the one before it, and so on: (left, right, top, bottom).
    Negative numbers cut off. What is added is, by `mode`: "constant", the number `value` (0); "reflect", the values
    mirrored about the first and the last, fewer than there are; "replicate", the first and the last value; "circular",
    the values from the other end, at most all. Also for integers. The gradient of a value is the sum over its copies.
    Raises ShapeError when `pad` does not fit the input.
    """
    are_tensors("pad", input=input)
    if not isinstance(pad, (tuple, list)):
        raise DTypeError(f"pad: pad must be a tuple of ints, got {pad!r}")
    shape, given = tuple(input.shape), tuple(pad)
    if mode not in MODES:
        raise ShapeError(f"pad: mode must be one of {', '.join(MODES)}, got {mode!r}")
    if any(isinstance(n, bool) or not isinstance(n, (int, np.integer)) for n in given):
        raise DTypeError(f"pad: pad must be ints, got {given}")
    if value is not None and not isinstance(value, (int, float, np.number)):
        raise DTypeError(f"pad: value must be a number, got {value!r}")
    if len(given) % 2 or len(given) > 2 * len(shape):
        raise ShapeError(f"pad: pad {given} must be a pair for each of at most {len(shape)} axes of input {shape}")
    if mode != "constant" and value not in (None, 0):
        raise ShapeError(f"pad: mode {mode!r} takes its values from the input, not value={value!r}")
    pairs = [(int(given[i]), int(given[i + 1])) for i in range(0, len(given), 2)]
    widths = ((0, 0),) * (len(shape) - len(pairs)) + tuple(reversed(pairs))
    for size, width in zip(shape, widths, strict=True):
        left = size + min(width[0], 0) + min(width[1], 0)
        if size + sum(width) < 0 or (mode == "constant" and left < 0):
            raise ShapeError(f"pad: an axis of {size} is too short for padding {width} (input {shape})")
        if mode == "reflect" and max(width) >= max(size, 1):
            raise ShapeError(f"pad: reflect needs less padding than values: {width} around an axis of {size}")
        if mode == "circular" and max(width) > max(left, 0):
            raise ShapeError(f"pad: circular needs at most as much padding as values: {width} around an axis of {size}")
        if mode == "replicate" and size == 0 < max(width):
            raise ShapeError(f"pad: there is nothing to replicate: {width} around an axis of 0 (input {shape})")
    return _pad(input, widths=widths, mode=mode, value=0 if value is None else value)


@primitive
def _pad(x: Array, *, widths: Widths, mode: str, value: float) -> Array:
    return pad_constant(x, widths, value) if mode == "constant" else pad_by_position(x, widths, mode)


@primitive
def pad_adjoint(gy: Array, *, shape: tuple[int, ...], widths: Widths, mode: str) -> Array:
    """Add each value to the one it was a copy of, in zeros of `shape`; what was constant is dropped."""
    if mode == "constant":
        return pad_constant(gy, tuple((-before, -after) for before, after in widths))
    return pad_by_position_adjoint(gy, shape, widths, mode)


_pad.defvjps(lambda g, x_shape, widths, mode: pad_adjoint(g, shape=x_shape, widths=widths, mode=mode))
pad_adjoint.defvjps(lambda g, widths, mode: _pad(g, widths=widths, mode=mode, value=0))
