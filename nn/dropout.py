"""Dropout."""

import numpy as np

import tensorgrad as tg

from . import functional as F
from .module import Module


class _Dropout(Module):
    """What all dropout layers have in common: the probability, and where random numbers come from."""

    def __init__(self, p: float = 0.5, inplace: bool = False, *, generator: np.random.Generator | None = None) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise tg.ShapeError(f"{type(self).__name__}: p must be a probability from 0 to 1, got {p}")
        self.p, self.inplace, self.generator = p, inplace, generator

    def extra_repr(self) -> str:
        """The probability."""
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """In training mode, zero each value with probability `p` and scale the others by 1 / (1 - p); else nothing.

    Draws from `generator`, or from the generator that `tg.manual_seed` seeds. `inplace` is taken for code written for
    PyTorch, and changes nothing.
    """

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        return F.dropout(input, self.p, self.training, generator=self.generator)


class Dropout1d(_Dropout):
    """Dropout of whole channels of (N, C, L), since neighbours tell much the same; see `Dropout`."""

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        return F.dropout1d(input, self.p, self.training, generator=self.generator)


class Dropout2d(_Dropout):
    """Dropout of whole channels of (N, C, H, W), since neighbours tell much the same; see `Dropout`."""

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        return F.dropout2d(input, self.p, self.training, generator=self.generator)


class Dropout3d(_Dropout):
    """Dropout of whole channels of (N, C, D, H, W), since neighbours tell much the same; see `Dropout`."""

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        return F.dropout3d(input, self.p, self.training, generator=self.generator)
