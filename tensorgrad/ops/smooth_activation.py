"""Smooth activation functions: elu, celu, selu, gelu, silu, mish, softplus, logsigmoid, softsign, tanhshrink.

`inplace` is taken for code written for PyTorch, and changes nothing.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ShapeError
from ..kernels import elementwise as large
from ..kernels import gaussian, logistic, special
from ..node import Array
from ..primitive import elementwise
from ..rules import in_parts
from .activation import _hardtanh, sigmoid, tanh
from .check import number, same_dtype
from .elementwise import abs, exp, ge, gt, le, lt, where

if TYPE_CHECKING:
    from ..tensor import Tensor

# Equation 14 of the paper named at selu.
SELU_ALPHA, SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946
SQRT_HALF, DENSITY = math.sqrt(0.5), 1 / math.sqrt(2 * math.pi)
GELU_1, GELU_3 = math.sqrt(8 / math.pi), 0.044715 * math.sqrt(8 / math.pi)
FAR = 30.0  # the tanh in gelu is +-1 there to every digit, and its argument no dtype's infinity


def elu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """input where it is above 0, alpha * (exp(input) - 1) elsewhere. The slope at 0 is `alpha`, its derivative there 0.

    After Clevert, Unterthiner and Hochreiter (2015), https://arxiv.org/abs/1511.07289.
    """
    same_dtype("elu", input=input)
    return _elu(input, alpha=number("elu", "alpha", alpha), scale=1.0, input_scale=1.0)


def celu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """input where it is above 0, alpha * (exp(input / alpha) - 1) elsewhere: elu with a slope of 1 at 0 for any alpha.

    The derivative of the slope at 0 is 0, as in PyTorch. After Barron, "Continuously Differentiable Exponential Linear
    Units" (2017), https://arxiv.org/abs/1704.07483.
    """
    same_dtype("celu", input=input)
    alpha = number("celu", "alpha", alpha)
    if alpha == 0:
        raise ShapeError(f"celu: alpha must not be 0, got {alpha}")
    return _elu(input, alpha=alpha, scale=1.0, input_scale=1 / alpha)


def selu(input: Any, inplace: bool = False) -> Tensor:
    """scale * elu(input, alpha), with the two numbers that keep mean 0 and variance 1 through many layers.

    The slope at 0 is scale * alpha. After Klambauer and others, "Self-Normalizing Neural Networks" (2017), eq. 14,
    https://arxiv.org/abs/1706.02515.
    """
    same_dtype("selu", input=input)
    return _elu(input, alpha=SELU_ALPHA, scale=SELU_SCALE, input_scale=1.0)


@elementwise
def _elu(input: Array, *, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Array:
    with np.errstate(over="ignore"):
        return large.apply(_elu_values, input, alpha, scale, input_scale)


def _elu_values(x: Array, alpha: float, scale: float, input_scale: float) -> Array:
    below = np.minimum(x, 0)
    curve = np.expm1(below if input_scale == 1 else below * input_scale)
    return large.where(np.less_equal(x, 0), (scale * alpha) * curve, scale * x)


def _elu_slope(input: Any, alpha: float, scale: float, input_scale: float) -> Any:
    # exp is asked only below 0: it does not overflow, and at the kink the derivative of the slope is 0, as in PyTorch.
    below = where(lt(input, 0), input, 0.0)
    curve = exp(below if input_scale == 1 else below * input_scale)
    return where(le(input, 0), curve * (alpha * scale * input_scale), scale)


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
    with np.errstate(invalid="ignore", under="ignore"):  # -inf * 0
        return large.apply(_gelu_values if _is_double(input) else gaussian.gelu, input)


def _is_double(x: Any) -> bool:
    return bool(np.result_type(x) == np.float64)


def _gelu_values(x: Array) -> Array:
    return x * (0.5 * special.erfc(np.multiply(x, -SQRT_HALF)))


@elementwise
def _gelu_slope(input: Array) -> Array:
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        return large.apply(_gelu_slopes if _is_double(input) else gaussian.gelu_slope, input)


def _gelu_slopes(x: Array) -> Array:
    return 0.5 * special.erfc(np.multiply(x, -SQRT_HALF)) + x * (np.exp(x * x * -0.5) * DENSITY)


def _gelu_bend(input: Any) -> Any:
    density = exp(input * input * -0.5) * DENSITY
    return density * 2 - input * (input * density)  # the square may overflow where the density is 0


@elementwise
def _gelu_tanh(input: Array) -> Array:
    with np.errstate(invalid="ignore", under="ignore"):
        return large.apply(_gelu_tanh_values, np.asarray(input))


def _gelu_tanh_values(x: Array) -> Array:
    wide = x.astype(np.float32) if x.dtype == np.float16 else x
    near = np.clip(wide, -FAR, FAR)
    return np.asarray(wide * sigmoid(near * (GELU_1 + GELU_3 * (near * near)))).astype(x.dtype, copy=False)


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
        return large.apply(logistic.silu, input)


@elementwise
def _silu_slope(input: Array) -> Array:
    with np.errstate(invalid="ignore"):
        return large.apply(logistic.silu_slope, input)


def _silu_bend(input: Any) -> Any:
    share = sigmoid(input)
    rest = 1 - share
    return share * rest * (2 + input * (rest - share))


def mish(input: Any, inplace: bool = False) -> Tensor:
    """input * tanh(log(1 + exp(input))). nan at -inf, as in PyTorch.

    After Misra, "Mish: A Self Regularized Non-Monotonic Activation Function" (2019), https://arxiv.org/abs/1908.08681.
    """
    same_dtype("mish", input=input)
    return _mish(input)


@elementwise
def _mish(input: Array) -> Array:
    with np.errstate(invalid="ignore"):
        return large.apply(_mish_values, input)


def _mish_values(x: Array) -> Array:
    return x * _gate_values(x)


@elementwise
def _mish_gate(input: Array) -> Array:
    return large.apply(_gate_values, input)


def _gate_values(x: Array) -> Array:
    # With e = exp(x), tanh(log(1 + e)) is ((1 + e)^2 - 1) / ((1 + e)^2 + 1), or the same divided by e^2 on both sides:
    # exp is asked at -|x| alone, and nothing cancels.
    z = np.exp(-np.absolute(x))
    above = np.greater_equal(x, 0)
    odds = large.where(above, 1 + 2 * z, z * (z + 2))
    return odds / (odds + 2 * large.where(above, z * z, 1.0))


def _mish_slope(input: Any) -> Any:
    gate = _mish_gate(input)
    return gate + input * ((1 - gate * gate) * sigmoid(input))


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
        return large.apply(_softplus_values, input, beta, threshold)


def _softplus_values(x: Array, beta: float, threshold: float) -> Array:
    if beta == 1 and _is_far(threshold, x.dtype):
        return logistic.softplus(x)
    z = x * beta
    return large.where(np.greater(z, threshold), x, logistic.softplus(z) / beta)


def _is_far(threshold: float, dtype: Any) -> bool:
    """Whether softplus is the input itself anyway in this dtype, and its slope 1, from the threshold on."""
    return threshold > 0 and math.exp(-threshold) < 0.25 * float(np.finfo(dtype).eps)


def _softplus_slope(input: Any, beta: float, threshold: float) -> Any:
    if beta == 1 and _is_far(threshold, input.dtype):
        return sigmoid(input)
    z = input * beta
    return where(gt(z, threshold), 1.0, sigmoid(where(ge(z, threshold), threshold, z)))


@elementwise(floats=True)
def logsigmoid(input: Array) -> Array:
    """log(sigmoid(input)), exact where sigmoid itself would round to 0 or 1."""
    return large.apply(_logsigmoid_values, input)


def _logsigmoid_values(x: Array) -> Array:
    return -logistic.softplus(-x)


@elementwise(floats=True)
def softsign(input: Array) -> Array:
    """input / (1 + |input|), from -1 to 1; the derivative of its slope at 0 is 0. -1 and 1 at the infinities.

    PyTorch gives nan there.
    """
    with np.errstate(invalid="ignore"):
        return large.apply(_softsign_values, input)


def _softsign_values(x: Array) -> Array:
    return large.where(np.isinf(x), np.copysign(1.0, x), x / (1 + np.absolute(x)))


@elementwise(floats=True)
def tanhshrink(input: Array) -> Array:
    """input - tanh(input)."""
    return large.apply(lambda x: x - np.tanh(x), input)


def _tanhshrink_slope(input: Any) -> Any:
    out = tanh(input)
    return out * out


_elu.defvjps(in_parts(lambda g, input, alpha, scale, input_scale: g * _elu_slope(input, alpha, scale, input_scale)))
_gelu.defvjps(in_parts(lambda g, input: g * _gelu_slope(input)))
_gelu_slope.defvjps(in_parts(lambda g, input: g * _gelu_bend(input)))
_gelu_tanh.defvjps(in_parts(lambda g, input: g * _gelu_tanh_slope(input)))
_silu.defvjps(in_parts(lambda g, input: g * _silu_slope(input)))
_silu_slope.defvjps(in_parts(lambda g, input: g * _silu_bend(input)))
_mish.defvjps(in_parts(lambda g, input: g * _mish_slope(input)))
_mish_gate.defvjps(in_parts(lambda g, input, out: g * ((1 - out * out) * sigmoid(input))))
_softplus.defvjps(in_parts(lambda g, input, beta, threshold: g * _softplus_slope(input, beta, threshold)))
logsigmoid.defvjps(in_parts(lambda g, input: g * sigmoid(-input)))
softsign.defvjps(in_parts(lambda g, input: g / (1 + abs(input)) / (1 + abs(input))))
tanhshrink.defvjps(in_parts(lambda g, input: g * _tanhshrink_slope(input)))
