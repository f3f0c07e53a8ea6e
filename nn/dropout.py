"""Dropout."""

import numpy as np

import tensorgrad as tg

from . import functional as F
from .module import Module


class Dropout(Module):
    """In training mode, zero each value with probability `p` and scale the others by 1 / (1 - p); else nothing.

    Draws from `generator`, or from the generator that `tg.manual_seed` seeds. `inplace` is taken for code written for
    PyTorch, and changes nothing.
    """

    def __init__(self, p: float = 0.5, inplace: bool = False, *, generator: np.random.Generator | None = None) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise tg.ShapeError(f"Dropout: p must be a probability from 0 to 1, got {p}")
        self.p, self.inplace, self.generator = p, inplace, generator

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        return F.dropout(input, self.p, self.training, generator=self.generator)

    def extra_repr(self) -> str:
        """The probability."""
        return f"p={self.p}, inplace={self.inplace}"
