"""Convolution layers."""

from collections.abc import Sequence
from typing import Any

import numpy as np

import tensorgrad as tg

from . import functional as F
from .linear import reset_weight_and_bias
from .module import Module, Parameter

Size = int | Sequence[int]


def tuple_of(layer: str, what: str, value: Size, rank: int, least: int = 1) -> tuple[int, ...]:
    """A number, or one for each of `rank` axes, as a tuple of ints not below `least`."""
    given = tuple(value) if isinstance(value, Sequence) else (value,) * rank
    if len(given) != rank or not all(isinstance(n, int | np.integer) and not isinstance(n, bool) for n in given):
        raise tg.ShapeError(f"{layer}: {what} must be an int or {rank} ints, got {value!r}")
    if any(n < least for n in given):
        raise tg.ShapeError(f"{layer}: {what} must be at least {least}, got {value!r}")
    return tuple(int(n) for n in given)


class _Conv(Module):
    """What convolutions over 1, 2 and 3 axes have in common."""

    rank: int
    bias: Parameter | None
    padding: str | tuple[int, ...]

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
        *,
        dtype: Any = np.float32,
        generator: np.random.Generator | None = None,
    ) -> None:
        super().__init__()
        layer, rank = type(self).__name__, self.rank
        counts = (("in_channels", in_channels), ("out_channels", out_channels), ("groups", groups))
        self.in_channels, self.out_channels, self.groups = (tuple_of(layer, what, n, 1)[0] for what, n in counts)
        for what, channels in counts[:2]:
            if channels % groups:
                raise tg.ShapeError(f"{layer}: groups={groups} does not divide {what}={channels}")
        self.kernel_size = tuple_of(layer, "kernel_size", kernel_size, rank)
        self.stride = tuple_of(layer, "stride", stride, rank)
        self.dilation = tuple_of(layer, "dilation", dilation, rank)
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
        self.weight = Parameter(np.zeros((out_channels, in_channels // groups, *self.kernel_size), dtype))
        self.bias = Parameter(np.zeros(out_channels, dtype)) if bias else None
        self.reset_parameters(generator)

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
        if self.groups != 1:
            text += f", groups={self.groups}"
        return text if self.bias is not None else text + ", bias=False"


class Conv2d(_Conv):
    """Cross-correlate images (N, in_channels, H, W) with learned filters: (N, out_channels, H', W').

    `weight` is (out_channels, in_channels/groups, KH, KW), `bias` (out_channels) or None; both start uniform on
    ±1/sqrt(fan_in). Sizes are an int or a pair; `padding` also "same" or "valid". See `tg.conv2d`.
    """

    rank = 2

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        return F.conv2d(input, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)
