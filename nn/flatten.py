"""Changes of shape as modules."""

from collections.abc import Sequence

import tensorgrad as tg

from .module import Module


class Flatten(Module):
    """Axes start_dim..end_dim joined to one: (N, C, H, W) to (N, C*H*W) unless told otherwise."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        return tg.flatten(input, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        """The axes."""
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """The axis `dim` taken apart into axes of `unflattened_size`, of which one may be -1, to be worked out."""

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        super().__init__()
        if not isinstance(unflattened_size, tuple | list) or not all(isinstance(n, int) for n in unflattened_size):
            raise tg.DTypeError(f"Unflatten: unflattened_size must be a tuple of ints, got {unflattened_size!r}")
        self.dim, self.unflattened_size = dim, unflattened_size

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        return tg.unflatten(input, self.dim, self.unflattened_size)

    def extra_repr(self) -> str:
        """The axis and its parts."""
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
