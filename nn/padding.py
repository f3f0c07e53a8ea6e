"""Padding layers: more values around sequences (N, C, L), images (N, C, H, W) and volumes (N, C, D, H, W).

A width is an int, for all sides, or (left, right), (left, right, top, bottom), or these and (front, back).
"""

from collections.abc import Sequence

import numpy as np

import tensorgrad as tg

from . import functional as F
from .module import Module

Width = int | Sequence[int]


class _Pad(Module):
    """What all have in common: the widths, two for each axis, the last axis first, and the mode of `tg.pad`."""

    rank: int
    mode: str

    def __init__(self, padding: Width) -> None:
        super().__init__()
        sides = 2 * self.rank
        given = tuple(padding) if isinstance(padding, Sequence) else (padding,) * sides
        if len(given) != sides or not all(isinstance(n, int | np.integer) for n in given):
            raise tg.ShapeError(f"{type(self).__name__}: padding must be an int or {sides} ints, got {padding!r}")
        self.padding = given

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        return F.pad(input, self.padding, self.mode)

    def extra_repr(self) -> str:
        """The widths."""
        return f"{self.padding}"


class _ConstantPad(_Pad):
    """Padding by one value."""

    def __init__(self, padding: Width, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        """The widths and the value."""
        return f"padding={self.padding}, value={self.value}"


class _ZeroPad(_ConstantPad):
    """Padding by zeros."""

    def __init__(self, padding: Width) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        """The widths."""
        return f"{self.padding}"


class ConstantPad1d(_ConstantPad):
    """Put `value` around sequences."""

    rank = 1


class ConstantPad2d(_ConstantPad):
    """Put `value` around images."""

    rank = 2


class ConstantPad3d(_ConstantPad):
    """Put `value` around volumes."""

    rank = 3


class ZeroPad1d(_ZeroPad):
    """Put zeros around sequences."""

    rank = 1


class ZeroPad2d(_ZeroPad):
    """Put zeros around images."""

    rank = 2


class ZeroPad3d(_ZeroPad):
    """Put zeros around volumes."""

    rank = 3


class ReflectionPad1d(_Pad):
    """Put the values mirrored about the outermost ones around sequences."""

    rank, mode = 1, "reflect"


class ReflectionPad2d(_Pad):
    """Put the values mirrored about the outermost ones around images."""

    rank, mode = 2, "reflect"


class ReflectionPad3d(_Pad):
    """Put the values mirrored about the outermost ones around volumes."""

    rank, mode = 3, "reflect"


class ReplicationPad1d(_Pad):
    """Put copies of the outermost values around sequences."""

    rank, mode = 1, "replicate"


class ReplicationPad2d(_Pad):
    """Put copies of the outermost values around images."""

    rank, mode = 2, "replicate"


class ReplicationPad3d(_Pad):
    """Put copies of the outermost values around volumes."""

    rank, mode = 3, "replicate"


class CircularPad1d(_Pad):
    """Put the values of the other side around sequences."""

    rank, mode = 1, "circular"


class CircularPad2d(_Pad):
    """Put the values of the other side around images."""

    rank, mode = 2, "circular"


class CircularPad3d(_Pad):
    """Put the values of the other side around volumes."""

    rank, mode = 3, "circular"
