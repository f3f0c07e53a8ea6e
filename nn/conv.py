"""Convolution layers."""

from collections.abc import Sequence
from typing import Any

import numpy as np

import tensorgrad as tg

from . import functional as F
from .abstract import blank
from .linear import reset_weight_and_bias
from .module import Module, Parameter

Size = int | Sequence[int]
Sides = Sequence[Sequence[int]]  # a pair (before, after) for each axis
Padding = tuple[int, ...] | tuple[tuple[int, int], ...]

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


def tuple_of(layer: str, what: str, value: Size, rank: int, least: int = 1, ways: str = "") -> tuple[int, ...]:
    """A number, or one for each of `rank` axes, as a tuple of ints not below `least`; `ways` is for the error."""
    given = tuple(value) if isinstance(value, Sequence) else (value,) * rank
    if len(given) != rank or not all(isinstance(n, int | np.integer) and not isinstance(n, bool) for n in given):
        raise tg.ShapeError(f"{layer}: {what} must be {ways or f'an int or {rank} ints'}, got {value!r}")
    if any(n < least for n in given):
        raise tg.ShapeError(f"{layer}: {what} must be at least {least}, got {value!r}")
    return tuple(int(n) for n in given)


def padding_of(layer: str, value: Size | Sides, rank: int) -> Padding:
    """Padding as a number for each axis; as a pair (before, after) for each where the sides of some axis differ."""
    if not isinstance(value, tuple | list) or not any(isinstance(part, tuple | list) for part in value):
        ways = f"an int, {rank} ints or {rank} pairs (before, after), in a tuple or list"
        return tuple_of(layer, "padding", value, rank, least=0, ways=ways)  # type: ignore[arg-type]  # no pairs here
    if len(value) != rank or any(not isinstance(part, tuple | list) or len(part) != 2 for part in value):
        raise tg.ShapeError(f"{layer}: padding must be a pair (before, after) for each of {rank} axes, got {value!r}")
    given = (tuple_of(layer, f"padding[{axis}]", side, 2, 0, "2 ints") for axis, side in enumerate(value))
    pairs = tuple((before, after) for before, after in given)
    if any(before != after for before, after in pairs):
        return pairs
    return tuple(before for before, _ in pairs)  # the same layer as the one made with numbers, and the same repr


def sides_of(padding: Padding) -> tuple[tuple[int, int], ...]:
    """What `padding_of` gave as pairs (before, after)."""
    return tuple((p, p) if isinstance(p, int) else p for p in padding)


def channels_of(layer: str, in_channels: int, out_channels: int, groups: int) -> tuple[int, int, int]:
    """The numbers of channels and groups, checked."""
    counts = (("in_channels", in_channels), ("out_channels", out_channels), ("groups", groups))
    inside, outside, parts = (tuple_of(layer, what, n, 1)[0] for what, n in counts)
    for what, channels in (("in_channels", inside), ("out_channels", outside)):
        if channels % parts:
            raise tg.ShapeError(f"{layer}: groups={groups} does not divide {what}={channels}")
    return inside, outside, parts


class Filters(Module):
    """What convolutions and transposed ones have in common."""

    rank: int
    in_channels: int
    out_channels: int
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: str | Padding
    dilation: tuple[int, ...]
    output_padding: tuple[int, ...] = ()
    groups: int
    padding_mode = "zeros"
    weight: Parameter
    bias: Parameter | None

    def reset_parameters(self, generator: np.random.Generator | None = None) -> None:
        """Draw weight and bias anew."""
        reset_weight_and_bias(self.weight, self.bias, generator)

    def extra_repr(self) -> str:
        """The channels, the window, and what is not as usual."""
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        if self.padding != (0,) * self.rank:
            text += f", padding={self.padding}"
        if self.dilation != (1,) * self.rank:
            text += f", dilation={self.dilation}"
        if any(self.output_padding):
            text += f", output_padding={self.output_padding}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        return text if self.padding_mode == "zeros" else f"{text}, padding_mode={self.padding_mode}"


class _Conv(Filters):
    """What convolutions over 1, 2 and 3 axes have in common."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size | Sides | str = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        *,
        dtype: Any = np.float32,
        generator: np.random.Generator | None = None,
    ) -> None:
        super().__init__()
        layer, rank = type(self).__name__, self.rank
        self.in_channels, self.out_channels, self.groups = channels_of(layer, in_channels, out_channels, groups)
        self.kernel_size = tuple_of(layer, "kernel_size", kernel_size, rank)
        self.stride = tuple_of(layer, "stride", stride, rank)
        self.dilation = tuple_of(layer, "dilation", dilation, rank)
        if padding_mode not in PADDING_MODES:
            raise tg.ShapeError(
                f"{layer}: padding_mode must be one of {', '.join(PADDING_MODES)}, got {padding_mode!r}"
            )
        self.padding_mode = padding_mode
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise tg.ShapeError(
                    f"{layer}: padding must be a number, one for each axis, 'same' or 'valid', got {padding!r}"
                )
            if padding == "same" and any(s != 1 for s in self.stride):
                raise tg.ShapeError(f"{layer}: padding='same' needs stride 1, got {self.stride}")
            self.padding = padding
        else:
            self.padding = padding_of(layer, padding, rank)
        self.weight = Parameter(blank((out_channels, in_channels // groups, *self.kernel_size), dtype))
        self.bias = Parameter(blank((out_channels,), dtype)) if bias else None
        self.reset_parameters(generator)

    def sides_that_keep_the_size(self) -> tuple[tuple[int, int], ...]:
        """What padding="same" pads each axis by, (before, after): of an odd number, the larger half goes behind."""
        total = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size, strict=True)]
        return tuple((n // 2, n - n // 2) for n in total)

    def _padded(self, input: tg.Tensor) -> tuple[tg.Tensor, str | Padding]:
        """The input and the padding that is left to do: by zeros, the convolution does it itself."""
        if self.padding_mode == "zeros":
            return input, self.padding
        if self.padding == "same":
            sides = self.sides_that_keep_the_size()
        else:
            sides = sides_of((0,) * self.rank if isinstance(self.padding, str) else self.padding)
        width = [n for side in reversed(sides) for n in side]
        return F.pad(input, width, self.padding_mode), (0,) * self.rank


class Conv1d(_Conv):
    """Cross-correlate sequences (N, in_channels, L) with learned filters: (N, out_channels, L'). See `Conv2d`."""

    rank, sample_axes = 1, 2

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        input, padding = self._padded(input)
        return F.conv1d(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class Conv2d(_Conv):
    """Cross-correlate images (N, in_channels, H, W) with learned filters: (N, out_channels, H', W').

    `weight` is (out_channels, in_channels/groups, KH, KW), `bias` (out_channels) or None; both start uniform on
    ±1/sqrt(fan_in). Sizes are an int or a pair. `padding` is also "same", "valid", or a pair (before, after) for each
    axis: ((1, 0), (0, 2)) is a row above and two columns to the right. It is filled with zeros, or by `padding_mode`
    "reflect", "replicate" or "circular", as `tg.pad` does. See `tg.conv2d`.
    """

    rank, sample_axes = 2, 3

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        input, padding = self._padded(input)
        return F.conv2d(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class Conv3d(_Conv):
    """Cross-correlate volumes (N, in_channels, D, H, W) with learned filters. See `Conv2d`."""

    rank, sample_axes = 3, 4

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        input, padding = self._padded(input)
        return F.conv3d(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)
