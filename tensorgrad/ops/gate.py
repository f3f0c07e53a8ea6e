"""Activations that let one thing through by another: glu, and a choice between values by chance, gumbel_softmax."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ShapeError
from ..node import Array
from ..primitive import primitive
from .activation import _softmax, sigmoid
from .check import generator_for, normalize_dim, number, same_dtype
from .split import tensor_split

if TYPE_CHECKING:
    from ..tensor import Tensor


def glu(input: Any, dim: int = -1) -> Tensor:
    """a * sigmoid(b), where a and b are the first and the second half of `input` along `dim`.

    After Dauphin, Fan, Auli and Grangier (2016), https://arxiv.org/abs/1612.08083. Raises ShapeError for an odd size.
    """
    same_dtype("glu", input=input)
    axis = normalize_dim("glu", dim, input.ndim)
    if input.ndim == 0:
        raise ShapeError("glu: input has no axes, so none that could be halved")
    if input.shape[axis] % 2:
        raise ShapeError(f"glu: size {input.shape[axis]} of dim {dim} of input {tuple(input.shape)} cannot be halved")
    let_through, gate = tensor_split(input, 2, axis)
    return let_through * sigmoid(gate)


def gumbel_softmax(
    logits: Any,
    tau: float = 1,
    hard: bool = False,
    eps: float = 1e-10,
    dim: int = -1,
    *,
    generator: np.random.Generator | None = None,
) -> Tensor:
    """softmax((logits + noise) / tau) along `dim`, with Gumbel noise: the largest is a draw from softmax(logits).

    The lower `tau`, the nearer the result is to 1 for what was drawn and 0 for the rest. With `hard` it is exactly
    that, and its gradient is the one of the soft result. `eps` does nothing, as in PyTorch. The noise is drawn from
    `generator`, or from the generator that `tg.manual_seed` seeds. After Jang, Gu and Poole (2016),
    https://arxiv.org/abs/1611.01144.
    """
    same_dtype("gumbel_softmax", logits=logits)
    axis = normalize_dim("gumbel_softmax", dim, logits.ndim)
    tau = number("gumbel_softmax", "tau", tau)
    if not tau > 0:
        raise ShapeError(f"gumbel_softmax: tau must be positive, got {tau}")
    generator = generator_for("gumbel_softmax", generator)
    if eps != 1e-10:
        warnings.warn("gumbel_softmax: eps is one of PyTorch's old arguments and does nothing", stacklevel=2)
    # The logarithm of an exponentially distributed number; of 0, which may come, it would be infinite.
    drawn = np.maximum(generator.standard_exponential(tuple(logits.shape)), np.finfo(np.float64).tiny)
    noise = (-np.log(drawn)).astype(logits.dtype)
    soft = _softmax((logits + noise) * (1 / tau), dim=axis)
    return _straight_through(soft, dim=axis) if hard else soft


@primitive
def _straight_through(x: Array, *, dim: int) -> Array:
    """1 where the largest value stands along `dim`, the first on ties, and 0 elsewhere; its VJP takes it for x."""
    if x.ndim == 0 or x.size == 0:
        return np.ones_like(x)
    result = np.zeros_like(x)
    np.put_along_axis(result, np.expand_dims(np.argmax(x, dim), dim), 1, dim)
    return result


_straight_through.defvjps(lambda g: g)
