"""Changes of shape as modules."""

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
