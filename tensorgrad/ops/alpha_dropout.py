"""Dropout that keeps mean and variance of values made by selu."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ShapeError
from ..node import Array
from ..primitive import primitive
from .check import generator_for, probability, same_dtype
from .smooth_activation import SELU_ALPHA, SELU_SCALE

if TYPE_CHECKING:
    from ..tensor import Tensor

LOWEST = -SELU_ALPHA * SELU_SCALE  # what selu gives for very negative values: what dropped values are set to


def alpha_dropout(
    input: Any,
    p: float = 0.5,
    training: bool = False,
    inplace: bool = False,
    *,
    generator: np.random.Generator | None = None,
) -> Tensor:
    """While training, set each value with probability `p` to the least that selu gives; else the input itself.

    What comes out is then scaled and shifted, so that values of mean 0 and variance 1 keep both. With `p` 1 all is 0.
    The places are drawn from `generator`, or from the generator that `tg.manual_seed` seeds. `inplace` changes nothing.
    After Klambauer and others, "Self-Normalizing Neural Networks" (2017), https://arxiv.org/abs/1706.02515.
    """
    return _drop("alpha_dropout", input, p, training, generator, False)


def feature_alpha_dropout(
    input: Any,
    p: float = 0.5,
    training: bool = False,
    inplace: bool = False,
    *,
    generator: np.random.Generator | None = None,
) -> Tensor:
    """alpha_dropout of whole channels of (N, C, ...): one draw for each."""
    return _drop("feature_alpha_dropout", input, p, training, generator, True)


def _drop(
    name: str, input: Any, p: float, training: bool, generator: np.random.Generator | None, channels: bool
) -> Tensor:
    p = probability(name, "p", p)
    same_dtype(name, input=input)
    generator = generator_for(name, generator)
    if not training or p == 0:
        return input
    if channels and input.ndim < 2:
        raise ShapeError(f"{name}: input must be (N, C, ...), got {tuple(input.shape)}")
    return _alpha_dropout(input, p=p, channels=channels, generator=generator)


@primitive(saves=("slopes",))
def _alpha_dropout(x: Array, *, p: float, channels: bool, generator: np.random.Generator) -> tuple[Array, Array]:
    shape = (*x.shape[:2], *[1] * (x.ndim - 2)) if channels else x.shape
    kept = generator.random(shape, np.float32) >= p
    # Section 2, "New dropout technique", of the paper named above: the affine map that restores mean and variance.
    scale = 0.0 if p == 1 else 1 / math.sqrt((1 - p) * (1 + p * LOWEST * LOWEST))
    slopes = kept * x.dtype.type(scale)
    with np.errstate(invalid="ignore"):  # an infinity that is dropped
        return x * slopes + np.where(kept, -LOWEST * scale * p, LOWEST * scale * (1 - p)).astype(x.dtype), slopes


_alpha_dropout.defvjps(lambda g, slopes: g * slopes)
