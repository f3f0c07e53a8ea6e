"""Pooling layers."""

from typing import Any

import tensorgrad as tg

from . import functional as F
from .conv import Size
from .module import Module


class MaxPool2d(Module):
    """The largest value in each window of each channel: (N, C, H, W) to (N, C, H', W'). See `tg.max_pool2d`.

    `stride` is `kernel_size` unless given. With `return_indices`, a pair of values and their flat positions.
    """

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

    def forward(self, input: tg.Tensor) -> Any:
        """See the class."""
        return F.max_pool2d(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
        )

    def extra_repr(self) -> str:
        """The window."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )
