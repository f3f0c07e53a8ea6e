"""Dropout."""

import dataclasses
from typing import Any

import numpy as np

import tensorgrad as tg

from . import functional as F
from .function import FunctionLayer, layer_of


@layer_of(F.dropout)
class _Dropout(FunctionLayer):
    """What all dropout layers have in common: the probability, and where random numbers come from."""

    p: float = 0.5
    inplace: bool = False
    generator: np.random.Generator | None = dataclasses.field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if not 0 <= self.p <= 1:
            raise tg.ShapeError(f"{type(self).__name__}: p must be a probability from 0 to 1, got {self.p}")

    def _settings(self) -> dict[str, Any]:
        return {**super()._settings(), "training": self.training}

    def extra_repr(self) -> str:
        """The probability."""
        return f"p={self.p}, inplace={self.inplace}"


@layer_of(F.dropout)
class Dropout(_Dropout):
    """In training mode, zero each value with probability `p` and scale the others by 1 / (1 - p); else nothing.

    Draws from `generator`, or from the generator that `tg.manual_seed` seeds. `inplace` is taken for code written for
    PyTorch, and changes nothing.
    """


@layer_of(F.dropout1d)
class Dropout1d(_Dropout):
    """Dropout of whole channels of (N, C, L), since neighbours tell much the same; see `Dropout`."""


@layer_of(F.dropout2d)
class Dropout2d(_Dropout):
    """Dropout of whole channels of (N, C, H, W), since neighbours tell much the same; see `Dropout`."""


@layer_of(F.dropout3d)
class Dropout3d(_Dropout):
    """Dropout of whole channels of (N, C, D, H, W), since neighbours tell much the same; see `Dropout`."""


@layer_of(F.alpha_dropout)
class AlphaDropout(_Dropout):
    """Dropout that sets values to the least that SELU gives, and keeps mean and variance. See `tg.alpha_dropout`."""


@layer_of(F.feature_alpha_dropout)
class FeatureAlphaDropout(_Dropout):
    """`AlphaDropout` of whole channels of (N, C, ...)."""
