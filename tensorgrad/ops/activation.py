"""Activation functions and dropout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ShapeError
from ..kernels import softmax as kernel
from ..node import Array
from ..primitive import elementwise, primitive
from ..random import default_generator
from .check import normalize_dim, same_dtype
from .elementwise import exp, le, where
from .reduce import sum

if TYPE_CHECKING:
    from ..tensor import Tensor


@elementwise
def relu(input: Array) -> Array:
    """max(input, 0). The slope at 0 is 0; at nan it is 1, so that nan is passed on."""
    return np.maximum(input, 0)


@elementwise(floats=True)
def tanh(input: Array) -> Array:
    """The hyperbolic tangent, from -1 to 1."""
    return np.tanh(input)


@elementwise(floats=True)
def sigmoid(input: Array) -> Array:
    """1 / (1 + exp(-input)), from 0 to 1; exp never overflows, since it is only asked at -|input|."""
    z = np.exp(-np.abs(input))
    return np.where(np.asarray(input) >= 0, 1 / (1 + z), z / (1 + z))


relu.defvjps(lambda g, out: where(le(out, 0), 0.0, g))
tanh.defvjps(lambda g, out: g * (1 - out * out))
sigmoid.defvjps(lambda g, out: g * out * (1 - out))


def softmax(input: Any, dim: int) -> Tensor:
    """exp(x) / sum of exp(x) along `dim`: positive, with sum 1. Large values do not overflow."""
    same_dtype("softmax", input=input)
    return _softmax(input, dim=normalize_dim("softmax", dim, input.ndim))


def log_softmax(input: Any, dim: int) -> Tensor:
    """log(softmax(x)) along `dim`, exact where softmax itself would round to 0. nan where all values are -inf."""
    same_dtype("log_softmax", input=input)
    return _log_softmax(input, dim=normalize_dim("log_softmax", dim, input.ndim))


@primitive
def _softmax(x: Array, *, dim: int) -> Array:
    return kernel.softmax(x, dim) if x.ndim else np.ones_like(x)


@primitive
def _log_softmax(x: Array, *, dim: int) -> Array:
    return kernel.log_softmax(x, dim) if x.ndim else np.zeros_like(x)


_softmax.defvjps(lambda g, out, dim: out * (g - sum(g * out, dim, keepdim=True)))
_log_softmax.defvjps(lambda g, out, dim: g - exp(out) * sum(g, dim, keepdim=True))


def dropout(
    input: Any, p: float = 0.5, training: bool = True, *, generator: np.random.Generator | None = None
) -> Tensor:
    """While training, zero each value with probability `p` and scale the others by 1 / (1 - p); else the input itself.

    The places are drawn from `generator`, or from the generator that `tg.manual_seed` seeds.
    """
    if not 0 <= p <= 1:
        raise ShapeError(f"dropout: p must be a probability from 0 to 1, got {p}")
    same_dtype("dropout", input=input)
    if not training or p == 0:
        return input
    return _dropout(input, p=float(p), generator=default_generator() if generator is None else generator)


@primitive(saves=("mask",))
def _dropout(x: Array, *, p: float, generator: np.random.Generator) -> tuple[Array, Array]:
    scale = x.dtype.type(0 if p == 1 else 1 / (1 - p))
    mask = (generator.random(x.shape, np.float32) >= p) * scale
    return x * mask, mask


_dropout.defvjps(lambda g, mask: g * mask)
