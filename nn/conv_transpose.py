"""Transposed convolutions."""

from collections.abc import Sequence
from typing import Any

import numpy as np

import tensorgrad as tg

from . import functional as F
from .abstract import blank
from .conv import Filters, Padding, Sides, Size, channels_of, padding_of, sides_of, tuple_of
from .module import Parameter


class _ConvTranspose(Filters):
    """What transposed convolutions over 1, 2 and 3 axes have in common."""

    padding: Padding

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size | Sides = 0,
        output_padding: Size = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Size = 1,
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
        self.padding = padding_of(layer, padding, rank)
        self.output_padding = tuple_of(layer, "output_padding", output_padding, rank, least=0)
        self.dilation = tuple_of(layer, "dilation", dilation, rank)
        if padding_mode != "zeros":
            raise tg.ShapeError(f"{layer}: padding_mode must be 'zeros', got {padding_mode!r}")
        self.weight = Parameter(blank((in_channels, out_channels // groups, *self.kernel_size), dtype))
        self.bias = Parameter(blank((out_channels,), dtype)) if bias else None
        self.reset_parameters(generator)

    def _output_padding(self, input: tg.Tensor, output_size: Sequence[int] | None) -> tuple[int, ...]:
        """What is missing to `output_size`, which may have the axes before the spatial ones too."""
        if output_size is None:
            return self.output_padding
        name, wanted = type(self).__name__, tuple(output_size)
        if len(wanted) not in (self.rank, input.ndim):
            raise tg.ShapeError(f"{name}: output_size must be {self.rank} or {input.ndim} ints, got {output_size}")
        wanted = wanted[-self.rank :]
        cut = [before + after for before, after in sides_of(self.padding)]
        each = zip(input.shape[-self.rank :], self.stride, cut, self.dilation, self.kernel_size, strict=True)
        least = [(n - 1) * s - c + d * (k - 1) + 1 for n, s, c, d, k in each]
        missing = tuple(n - m for n, m in zip(wanted, least, strict=True))
        if any(not 0 <= m < s for m, s in zip(missing, self.stride, strict=True)):
            most = [n + s - 1 for n, s in zip(least, self.stride, strict=True)]
            raise tg.ShapeError(
                f"{name}: output_size must be from {tuple(least)} to {tuple(most)} for input {input.shape}, "
                f"got {wanted}"
            )
        return missing


class ConvTranspose1d(_ConvTranspose):
    """The adjoint of `Conv1d`: (N, in_channels, L) to (N, out_channels, L'). See `ConvTranspose2d`."""

    rank, sample_axes = 1, 2

    def forward(self, input: tg.Tensor, output_size: Sequence[int] | None = None) -> tg.Tensor:
        """See the class."""
        missing = self._output_padding(input, output_size)
        return F.conv_transpose1d(
            input, self.weight, self.bias, self.stride, self.padding, missing, self.groups, self.dilation
        )


class ConvTranspose2d(_ConvTranspose):
    """Spread each pixel over a window, the adjoint of `Conv2d`: (N, in_channels, H, W) to (N, out_channels, H', W').

    `weight` is (in_channels, out_channels/groups, KH, KW), `bias` (out_channels) or None; they start as PyTorch's do.
    `padding`, an int, one for each axis or a pair (before, after) for each, is that of the convolution: so much is cut
    off. Which of several possible sizes comes out is said by `output_padding`, or by `output_size` at the call. See
    `tg.conv_transpose2d`.
    """

    rank, sample_axes = 2, 3

    def forward(self, input: tg.Tensor, output_size: Sequence[int] | None = None) -> tg.Tensor:
        """See the class."""
        missing = self._output_padding(input, output_size)
        return F.conv_transpose2d(
            input, self.weight, self.bias, self.stride, self.padding, missing, self.groups, self.dilation
        )


class ConvTranspose3d(_ConvTranspose):
    """The adjoint of `Conv3d`. See `ConvTranspose2d`."""

    rank, sample_axes = 3, 4

    def forward(self, input: tg.Tensor, output_size: Sequence[int] | None = None) -> tg.Tensor:
        """See the class."""
        missing = self._output_padding(input, output_size)
        return F.conv_transpose3d(
            input, self.weight, self.bias, self.stride, self.padding, missing, self.groups, self.dilation
        )
