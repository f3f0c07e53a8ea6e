"""What undoes max pooling, as layers."""

from collections.abc import Sequence

import tensorgrad as tg

from . import functional as F
from .conv import Size, tuple_of
from .module import Module


class _MaxUnpool(Module):
    """What unpooling over 1, 2 and 3 axes has in common."""

    rank: int

    def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> None:
        super().__init__()
        name = type(self).__name__
        self.kernel_size = tuple_of(name, "kernel_size", kernel_size, self.rank)
        self.stride = self.kernel_size if stride is None else tuple_of(name, "stride", stride, self.rank)
        self.padding = tuple_of(name, "padding", padding, self.rank, least=0)

    def forward(self, input: tg.Tensor, indices: tg.Tensor, output_size: Sequence[int] | None = None) -> tg.Tensor:
        """The values, the indices that the pooling returned, and the size of its input if it is not the least one."""
        function = {1: F.max_unpool1d, 2: F.max_unpool2d, 3: F.max_unpool3d}[self.rank]
        return function(input, indices, self.kernel_size, self.stride, self.padding, output_size)

    def extra_repr(self) -> str:
        """The window."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpool):
    """The values (N, C, L) that `MaxPool1d(..., return_indices=True)` gave, at their places among zeros."""

    rank = 1


class MaxUnpool2d(_MaxUnpool):
    """The values (N, C, H, W) that `MaxPool2d(..., return_indices=True)` gave, at their places among zeros.

    Called with values and indices, and perhaps the size of the image that was pooled. See `tg.max_unpool2d`.
    """

    rank = 2


class MaxUnpool3d(_MaxUnpool):
    """The values (N, C, D, H, W) that `MaxPool3d(..., return_indices=True)` gave, at their places among zeros."""

    rank = 3
