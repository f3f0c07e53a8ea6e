"""Pooling layers."""

from collections.abc import Sequence
from typing import Any

import tensorgrad as tg

from . import functional as F
from .conv import Size, tuple_of
from .function import FunctionLayer, layer_of, settings
from .module import Module

OutputSize = int | None | Sequence[int | None]


class _MaxPool(Module):
    """What max pooling over 1, 2 and 3 axes has in common."""

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding, self.dilation = padding, dilation
        self.return_indices, self.ceil_mode = return_indices, ceil_mode

    def _settings(self) -> tuple[Any, ...]:
        return self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices

    def extra_repr(self) -> str:
        """The window."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPool):
    """The largest value in each window of each channel: (N, C, L) to (N, C, L'). See `MaxPool2d`."""

    def forward(self, input: tg.Tensor) -> Any:
        """See the class."""
        return F.max_pool1d(input, *self._settings())


class MaxPool2d(_MaxPool):
    """The largest value in each window of each channel: (N, C, H, W) to (N, C, H', W'). See `tg.max_pool2d`.

    `stride` is `kernel_size` unless given. With `return_indices`, a pair of values and their flat positions.
    """

    def forward(self, input: tg.Tensor) -> Any:
        """See the class."""
        return F.max_pool2d(input, *self._settings())


class MaxPool3d(_MaxPool):
    """The largest value in each window of each channel: (N, C, D, H, W) to (N, C, D', H', W'). See `MaxPool2d`."""

    def forward(self, input: tg.Tensor) -> Any:
        """See the class."""
        return F.max_pool3d(input, *self._settings())


class AvgPool1d(Module):
    """The mean of each window of each channel: (N, C, L) to (N, C, L'). See `AvgPool2d`."""

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size = tuple_of("AvgPool1d", "kernel_size", kernel_size, 1)
        self.stride = self.kernel_size if stride is None else tuple_of("AvgPool1d", "stride", stride, 1)
        self.padding = tuple_of("AvgPool1d", "padding", padding, 1, least=0)
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        return F.avg_pool1d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)

    def extra_repr(self) -> str:
        """The window."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _AvgPool(Module):
    """What average pooling over 2 and 3 axes has in common."""

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding, self.ceil_mode = padding, ceil_mode
        self.count_include_pad, self.divisor_override = count_include_pad, divisor_override

    def _settings(self) -> tuple[Any, ...]:
        window = self.kernel_size, self.stride, self.padding
        return *window, self.ceil_mode, self.count_include_pad, self.divisor_override

    def extra_repr(self) -> str:
        """The window."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(_AvgPool):
    """The mean of each window of each channel: (N, C, H, W) to (N, C, H', W'). See `tg.avg_pool2d`.

    `stride` is `kernel_size` unless given. Padding counts as zeros, unless `count_include_pad` is False.
    """

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        return F.avg_pool2d(input, *self._settings())


class AvgPool3d(_AvgPool):
    """The mean of each window of each channel: (N, C, D, H, W) to (N, C, D', H', W'). See `AvgPool2d`."""

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        return F.avg_pool3d(input, *self._settings())


@settings
class _LPPool(FunctionLayer):
    """What pooling by p-norms over 1, 2 and 3 axes has in common."""

    norm_type: float
    kernel_size: Size
    stride: Size | None = None
    ceil_mode: bool = False


@layer_of(F.lp_pool1d)
class LPPool1d(_LPPool):
    """(sum of x^p)^(1/p) over each window of each channel: (N, C, L) to (N, C, L'). See `tg.lp_pool2d`."""


@layer_of(F.lp_pool2d)
class LPPool2d(_LPPool):
    """(sum of x^p)^(1/p) over each window of each channel: (N, C, H, W) to (N, C, H', W'). See `tg.lp_pool2d`."""


@layer_of(F.lp_pool3d)
class LPPool3d(_LPPool):
    """(sum of x^p)^(1/p) over each window of each channel: (N, C, D, H, W) to (N, C, D', H', W'); see `LPPool2d`."""


class _AdaptivePool(Module):
    """What pooling to a given size has in common."""

    def __init__(self, output_size: OutputSize) -> None:
        super().__init__()
        self.output_size = output_size

    def extra_repr(self) -> str:
        """The size."""
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptivePool):
    """The mean of each of `output_size` windows that cover the input (N, C, L). See `tg.adaptive_avg_pool1d`."""

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        return F.adaptive_avg_pool1d(input, self.output_size)


class AdaptiveAvgPool2d(_AdaptivePool):
    """The mean of each of `output_size` windows that cover the input (N, C, H, W). See `tg.adaptive_avg_pool2d`."""

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        return F.adaptive_avg_pool2d(input, self.output_size)


class AdaptiveAvgPool3d(_AdaptivePool):
    """The mean of each of `output_size` windows that cover the input (N, C, D, H, W). See `tg.adaptive_avg_pool3d`."""

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        return F.adaptive_avg_pool3d(input, self.output_size)


class _AdaptiveMaxPool(_AdaptivePool):
    """What max pooling to a given size has in common."""

    def __init__(self, output_size: OutputSize, return_indices: bool = False) -> None:
        super().__init__(output_size)
        self.return_indices = return_indices


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """The largest value in each of `output_size` windows that cover (N, C, L). See `tg.adaptive_max_pool1d`."""

    def forward(self, input: tg.Tensor) -> Any:
        """See the class."""
        return F.adaptive_max_pool1d(input, self.output_size, self.return_indices)


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """The largest value in each of `output_size` windows that cover (N, C, H, W). See `tg.adaptive_max_pool2d`."""

    def forward(self, input: tg.Tensor) -> Any:
        """See the class."""
        return F.adaptive_max_pool2d(input, self.output_size, self.return_indices)


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """The largest value in each of `output_size` windows that cover (N, C, D, H, W). See `tg.adaptive_max_pool3d`."""

    def forward(self, input: tg.Tensor) -> Any:
        """See the class."""
        return F.adaptive_max_pool3d(input, self.output_size, self.return_indices)
