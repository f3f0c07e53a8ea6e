"""Activation functions and dropout."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ShapeError
from ..kernels import softmax as kernel
from ..kernels import special
from ..node import Array
from ..primitive import astype, elementwise, primitive
from ..random import default_generator
from .check import normalize_dim, number, same_dtype
from .elementwise import erfc, exp, ge, gt, le, logical_or, lt, neg, where
from .reduce import sum
from .shape import reshape

if TYPE_CHECKING:
    from ..tensor import Tensor

# Equation 14 of the paper named at selu.
SELU_ALPHA, SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946
SQRT_HALF = math.sqrt(0.5)
GELU_1, GELU_3 = math.sqrt(8 / math.pi), 0.044715 * math.sqrt(8 / math.pi)
FAR = 30.0  # the tanh in gelu is +-1 there to every digit, and its argument no dtype's infinity


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


# Piecewise linear


def leaky_relu(input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """input where it is above 0, `negative_slope` * input elsewhere. The slope at 0 is `negative_slope`.

    `inplace` is taken for code written for PyTorch, here and below, and changes nothing.
    """
    same_dtype("leaky_relu", input=input)
    return _leaky_relu(input, negative_slope=number("leaky_relu", "negative_slope", negative_slope))


@elementwise
def _leaky_relu(input: Array, *, negative_slope: float = 0.01) -> Array:
    with np.errstate(invalid="ignore"):  # a slope of 0 makes nan of the infinities that are not taken
        return np.where(np.greater(input, 0), input, input * negative_slope)


def prelu(input: Any, weight: Any) -> Tensor:
    """input where it is above 0, weight * input elsewhere: leaky_relu with slopes that are learned.

    `weight` holds one slope, or one for each channel (axis 1) of an input (N, C, ...). At 0 the slope is `weight`.
    After He, Zhang, Ren and Sun, "Delving Deep into Rectifiers" (2015), https://arxiv.org/abs/1502.01852.
    """
    same_dtype("prelu", input=input, weight=weight)
    given, shape = tuple(input.shape), tuple(weight.shape)
    channels = given[1] if len(given) > 1 else 1
    if len(shape) > 1 or math.prod(shape) not in (1, channels):
        raise ShapeError(f"prelu: weight has shape {shape}, input {given} takes (1,) or ({channels},)")
    one = math.prod(shape) == 1
    return _prelu(input, reshape(weight, () if one else (-1, *[1] * (len(given) - 2))))


@elementwise
def _prelu(input: Array, weight: Array) -> Array:
    with np.errstate(invalid="ignore"):
        return np.where(np.greater(input, 0), input, np.multiply(weight, input))


def hardtanh(input: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """input, but `min_val` below that and `max_val` above. The slope at the two bounds is 0."""
    same_dtype("hardtanh", input=input)
    low, high = number("hardtanh", "min_val", min_val), number("hardtanh", "max_val", max_val)
    if low > high:
        raise ShapeError(f"hardtanh: min_val {min_val} is greater than max_val {max_val}")
    return _hardtanh(input, min_val=low, max_val=high)


@elementwise
def _hardtanh(input: Array, *, min_val: float = -1.0, max_val: float = 1.0) -> Array:
    return np.clip(input, min_val, max_val)


def relu6(input: Any, inplace: bool = False) -> Tensor:
    """min(max(input, 0), 6). The slope at 0 and at 6 is 0."""
    same_dtype("relu6", input=input)
    return _hardtanh(input, min_val=0.0, max_val=6.0)


_leaky_relu.defvjps(lambda g, input, negative_slope: where(gt(input, 0), g, g * negative_slope))
_prelu.defvjps(
    lambda g, input, weight: where(gt(input, 0), g, g * weight),
    lambda g, input: where(gt(input, 0), 0.0, g * input),
)
_hardtanh.defvjps(lambda g, out, min_val, max_val: where(logical_or(le(out, min_val), ge(out, max_val)), 0.0, g))


# Smooth


def elu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """input where it is above 0, alpha * (exp(input) - 1) elsewhere. The slope at 0 is `alpha`, its derivative there 0.

    After Clevert, Unterthiner and Hochreiter (2015), https://arxiv.org/abs/1511.07289.
    """
    same_dtype("elu", input=input)
    return _elu(input, alpha=number("elu", "alpha", alpha), scale=1.0)


def selu(input: Any, inplace: bool = False) -> Tensor:
    """scale * elu(input, alpha), with the two numbers that keep mean 0 and variance 1 through many layers.

    The slope at 0 is scale * alpha. After Klambauer and others, "Self-Normalizing Neural Networks" (2017), eq. 14,
    https://arxiv.org/abs/1706.02515.
    """
    same_dtype("selu", input=input)
    return _elu(input, alpha=SELU_ALPHA, scale=SELU_SCALE)


@elementwise
def _elu(input: Array, *, alpha: float = 1.0, scale: float = 1.0) -> Array:
    with np.errstate(over="ignore"):
        return np.where(np.less_equal(input, 0), (scale * alpha) * np.expm1(np.minimum(input, 0)), scale * input)


def _elu_slope(input: Any, alpha: float, scale: float) -> Any:
    # exp is asked only below 0: it does not overflow, and at the kink the derivative of the slope is 0, as in PyTorch.
    return where(le(input, 0), exp(where(lt(input, 0), input, 0.0)) * (alpha * scale), scale)


def gelu(input: Any, approximate: str = "none") -> Tensor:
    """input * P(Z <= input), with Z normally distributed.

    With `approximate="tanh"`, input/2 * (1 + tanh(sqrt(2/pi) * (input + 0.044715 * input^3))). After Hendrycks and
    Gimpel, "Gaussian Error Linear Units" (2016), https://arxiv.org/abs/1606.08415. nan at -inf, as in PyTorch.
    """
    if approximate not in ("none", "tanh"):
        raise ShapeError(f"gelu: approximate must be 'none' or 'tanh', got {approximate!r}")
    same_dtype("gelu", input=input)
    return _gelu(input) if approximate == "none" else _gelu_tanh(input)


@elementwise
def _gelu(input: Array) -> Array:
    with np.errstate(invalid="ignore"):  # -inf * 0
        return input * (0.5 * special.erfc(np.multiply(input, -SQRT_HALF)))


def _gelu_slope(input: Any) -> Any:
    density = exp(input * input * -0.5) * (1 / math.sqrt(2 * math.pi))
    return erfc(input * -SQRT_HALF) * 0.5 + input * density


@elementwise
def _gelu_tanh(input: Array) -> Array:
    x = np.asarray(input)
    wide = x.astype(np.float32) if x.dtype == np.float16 else x
    near = np.clip(wide, -FAR, FAR)
    with np.errstate(invalid="ignore", under="ignore"):
        return np.asarray(wide * sigmoid(near * (GELU_1 + GELU_3 * (near * near)))).astype(x.dtype)


def _gelu_tanh_slope(input: Any) -> Any:
    # (1 + tanh(u)) / 2 is sigmoid(2u), whose tail keeps its digits. Beyond +-FAR it is 0 or 1 and changes no more.
    near = _hardtanh(input, min_val=-FAR, max_val=FAR)
    square = near * near
    share = sigmoid(near * (GELU_1 + GELU_3 * square))
    return share + input * (share * (1 - share) * (GELU_1 + 3 * GELU_3 * square))


def silu(input: Any, inplace: bool = False) -> Tensor:
    """input * sigmoid(input), also known as swish. nan at -inf, as in PyTorch.

    After Elfwing, Uchibe and Doya (2017), https://arxiv.org/abs/1702.03118.
    """
    same_dtype("silu", input=input)
    return _silu(input)


@elementwise
def _silu(input: Array) -> Array:
    with np.errstate(invalid="ignore"):
        return input * sigmoid(input)


def _silu_slope(input: Any) -> Any:
    share = sigmoid(input)
    return share * (1 + input * (1 - share))


def softplus(input: Any, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta * input)) / beta, a smooth relu; where beta * input is above `threshold`, the input itself.

    From there on the slope is 1, and at `threshold` the derivative of the slope is 0.
    """
    same_dtype("softplus", input=input)
    beta, threshold = number("softplus", "beta", beta), number("softplus", "threshold", threshold)
    if beta == 0:
        raise ShapeError(f"softplus: beta must not be 0, got {beta}")
    return _softplus(input, beta=beta, threshold=threshold)


@elementwise
def _softplus(input: Array, *, beta: float = 1.0, threshold: float = 20.0) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):
        z = input * beta
        return np.where(np.greater(z, threshold), input, np.logaddexp(z, 0) / beta)


def _softplus_slope(input: Any, beta: float, threshold: float) -> Any:
    z = input * beta
    return where(gt(z, threshold), 1.0, sigmoid(where(ge(z, threshold), threshold, z)))


@elementwise(floats=True)
def logsigmoid(input: Array) -> Array:
    """log(sigmoid(input)), exact where sigmoid itself would round to 0 or 1."""
    return np.minimum(input, 0) - np.log1p(np.exp(-np.absolute(input)))


_elu.defvjps(lambda g, input, alpha, scale: g * _elu_slope(input, alpha, scale))
_gelu.defvjps(lambda g, input: g * _gelu_slope(input))
_gelu_tanh.defvjps(lambda g, input: g * _gelu_tanh_slope(input))
_silu.defvjps(lambda g, input: g * _silu_slope(input))
_softplus.defvjps(lambda g, input, beta, threshold: g * _softplus_slope(input, beta, threshold))
logsigmoid.defvjps(lambda g, input: g * sigmoid(-input))


# Over an axis


def softmax(input: Any, dim: int) -> Tensor:
    """exp(x) / sum of exp(x) along `dim`: positive, with sum 1. Large values do not overflow."""
    same_dtype("softmax", input=input)
    return _softmax(input, dim=normalize_dim("softmax", dim, input.ndim))


def softmin(input: Any, dim: int, *, dtype: Any = None) -> Tensor:
    """softmax(-input) along `dim`: the smallest value gets the largest share. `dtype`: cast the input to it first."""
    if dtype is not None and np.dtype(dtype) != input.dtype:
        input = astype(input, dtype=np.dtype(dtype))
    same_dtype("softmin", input=input)
    return _softmax(neg(input), dim=normalize_dim("softmin", dim, input.ndim))


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
