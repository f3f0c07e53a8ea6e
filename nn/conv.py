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

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


def tuple_of(layer: str, what: str, value: Size, rank: int, least: int = 1) -> tuple[int, ...]:
    """A number, or one for each of `rank` axes, as a tuple of ints not below `least`."""
    given = tuple(value) if isinstance(value, Sequence) else (value,) * rank
    if len(given) != rank or not all(isinstance(n, int | np.integer) and not isinstance(n, bool) for n in given):
        raise tg.ShapeError(f"{layer}: {what} must be an int or {rank} ints, got {value!r}")
    if any(n < least for n in given):
        raise tg.ShapeError(f"{layer}: {what} must be at least {least}, got {value!r}")
    return tuple(int(n) for n in given)


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
    padding: str | tuple[int, ...]
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
        padding: Size | str = 0,
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
            self.padding = tuple_of(layer, "padding", padding, rank, least=0)
        self.weight = Parameter(blank((out_channels, in_channels // groups, *self.kernel_size), dtype))
        self.bias = Parameter(blank((out_channels,), dtype)) if bias else None
        self.reset_parameters(generator)

    def _padded(self, input: tg.Tensor) -> tuple[tg.Tensor, str | tuple[int, ...]]:
        """The input and the padding that is left to do: by zeros, the convolution does it itself."""
        if self.padding_mode == "zeros":
            return input, self.padding
        if self.padding == "same":
            total = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size, strict=True)]
            sides = [(n // 2, n - n // 2) for n in total]
        else:
            sides = [(n, n) for n in ((0,) * self.rank if isinstance(self.padding, str) else self.padding)]
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
    ±1/sqrt(fan_in). Sizes are an int or a pair; `padding` also "same" or "valid". It is filled with zeros, or by
    `padding_mode` "reflect", "replicate" or "circular", as `tg.pad` does. See `tg.conv2d`.
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
