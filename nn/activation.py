"""Activation functions as modules."""

import tensorgrad as tg

from . import functional as F
from .module import Module


class ReLU(Module):
    """max(x, 0), element by element. `inplace` is taken for code written for PyTorch, and changes nothing."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        return F.relu(input)

    def extra_repr(self) -> str:
        """Whether it was asked to work in place."""
        return "inplace=True" if self.inplace else ""


class Tanh(Module):
    """The hyperbolic tangent, element by element."""

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        return F.tanh(input)


class Sigmoid(Module):
    """1 / (1 + exp(-x)), element by element."""

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        return F.sigmoid(input)


class Softmax(Module):
    """exp(x) / sum of exp(x) along `dim`. `CrossEntropyLoss` takes the scores before it."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        return F.softmax(input, self.dim)

    def extra_repr(self) -> str:
        """The axis."""
        return f"dim={self.dim}"


class LogSoftmax(Module):
    """log(softmax(x)) along `dim`."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        return F.log_softmax(input, self.dim)

    def extra_repr(self) -> str:
        """The axis."""
        return f"dim={self.dim}"
