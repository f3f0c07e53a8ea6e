"""Exponentials, logarithms, powers and their inverses beside those of `elementwise.py`, and weighted sums.

Outside their domains they are nan, and neither that nor an infinite value makes NumPy warn; where products overflow,
NumPy's error state says whether to.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DTypeError, ShapeError
from ..kernels import elementwise as large
from ..kernels import inverse_erf
from ..node import Array
from ..primitive import elementwise
from ..rules import in_parts
from .activation import sigmoid
from .check import are_tensors, number
from .elementwise import eq, exp, ge, le, logical_and, where
from .trigonometric import in_floats

if TYPE_CHECKING:
    from ..tensor import Tensor

LOG_2, LOG_10 = math.log(2), math.log(10)

# Exponential and logarithm


@elementwise(floats=True)
def exp2(input: Array) -> Array:
    """2 to the power of input."""
    with np.errstate(over="ignore"):
        return large.apply(np.exp2, input)


@elementwise(floats=True)
def expm1(input: Array) -> Array:
    """exp(input) - 1, exact where input is near 0; its slope, exp(input), is also exact where that is tiny."""
    with np.errstate(over="ignore"):
        return large.apply(np.expm1, input)


@elementwise(floats=True)
def log2(input: Array) -> Array:
    """The logarithm to base 2: -inf at 0, nan below."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return large.apply(np.log2, input)


@elementwise(floats=True)
def log10(input: Array) -> Array:
    """The logarithm to base 10: -inf at 0, nan below."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return large.apply(np.log10, input)


exp2.defvjps(in_parts(lambda g, out: g * (out * LOG_2)))
expm1.defvjps(in_parts(lambda g, input: g * exp(input)))
log2.defvjps(in_parts(lambda g, input: g / (input * LOG_2)))
log10.defvjps(in_parts(lambda g, input: g / (input * LOG_10)))


@elementwise(floats=True)
def logaddexp(input: Array, other: Array) -> Array:
    """log(exp(input) + exp(other)), without overflow. Of two equal infinities the gradients are nan."""
    with np.errstate(invalid="ignore"):  # NumPy warns of nan
        return large.apply(np.logaddexp, input, other)


@elementwise(floats=True)
def logaddexp2(input: Array, other: Array) -> Array:
    """log2(2**input + 2**other), without overflow. Of two equal infinities the gradients are nan."""
    with np.errstate(invalid="ignore"):  # NumPy warns of nan
        return large.apply(np.logaddexp2, input, other)


@elementwise(floats=True)
def _share(input: Array) -> Array:
    """The sigmoid, with derivatives that keep their digits where it is nearly 1: 1 - _share(x) is _share(-x)."""
    return sigmoid(input)


_share.defvjps(in_parts(lambda g, input, out: g * (out * _share(-input))))
logaddexp.defvjps(
    in_parts(lambda g, input, other: g * _share(input - other)),
    in_parts(lambda g, input, other: g * _share(other - input)),
)
logaddexp2.defvjps(
    in_parts(lambda g, input, other: g * _share((input - other) * LOG_2)),
    in_parts(lambda g, input, other: g * _share((other - input) * LOG_2)),
)


@elementwise(floats=True)
def xlogy(input: Array, other: Array) -> Array:
    """input * log(other), and 0 where input is 0, whatever number other is; nan where other is nan.

    The gradient of input is 0 where input is 0 and other not above 0.
    """
    dtype = np.result_type(input, other, 0.0)  # a number must not turn float32 into float64
    x, y = np.asarray(input, dtype), np.asarray(other, dtype)
    with np.errstate(divide="ignore", invalid="ignore"):
        return large.apply(_xlogy_values, x, y)


def _xlogy_values(x: Array, y: Array) -> Array:
    return large.where((x == 0) & ~np.isnan(y), 0.0, x * np.log(y))


def _xlogy_input_vjp(g: Any, input: Any, other: Any) -> Any:
    return xlogy(where(logical_and(eq(input, 0), le(other, 0)), 0.0, g), other)


xlogy.defvjps(in_parts(_xlogy_input_vjp), in_parts(lambda g, input, other: g * input / other))


# Powers


@elementwise
def square(input: Array) -> Array:
    """input * input; booleans give int64."""
    x = np.asarray(input)
    return large.apply(np.square, x.astype(np.int64) if x.dtype == np.bool_ else x)


@elementwise(floats=True)
def reciprocal(input: Array) -> Array:
    """1 / input: infinite at 0, with the sign that the 0 has."""
    with np.errstate(divide="ignore"):
        return large.apply(np.true_divide, 1, input)


@elementwise(floats=True)
def rsqrt(input: Array) -> Array:
    """1 / sqrt(input): infinite at 0, nan below."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return large.apply(lambda x: np.true_divide(1, np.sqrt(x)), input)


square.defvjps(in_parts(lambda g, input: g * (input * 2)))
reciprocal.defvjps(in_parts(lambda g, out: -(g * (out * out))))
rsqrt.defvjps(in_parts(lambda g, out: g * (out * out * out) * -0.5))


# Inverses of the sigmoid and of erf


def logit(input: Any, eps: float | None = None) -> Tensor:
    """log(p / (1 - p)), the inverse of the sigmoid, exact also where p is near a half.

    p is the input; with `eps`, the input clamped to eps and 1 - eps. The gradient is 0 beyond these bounds and for nan,
    and that of 1 / (p (1 - p)) at them. Without `eps` value and gradient are nan outside 0 to 1, infinite at 0 and 1.
    """
    are_tensors("logit", input=input)
    if eps is not None and not 0 <= (eps := number("logit", "eps", eps)) <= 0.5:
        raise ShapeError(f"logit: eps must be from 0 to 0.5, got {eps}")
    return _logit(input, eps=eps)


@elementwise(floats=True)
def _logit(input: Array, *, eps: float | None = None) -> Array:
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        return large.apply(lambda x: _logit_values(x, eps), in_floats(input))


def _logit_values(x: Array, eps: float | None) -> Array:
    p = x.astype(np.float32) if x.dtype == np.float16 else x
    if eps is not None:
        p = np.clip(p, eps, 1 - eps)
    # 2p - 1 is exact around a half, where the difference of the logarithms cancels.
    out = large.where(np.abs(p - 0.5) < 0.25, 2 * np.arctanh(2 * p - 1), np.log(p) - np.log1p(-p))
    return out.astype(x.dtype, copy=False)


@elementwise(floats=True)
def _bernoulli_variance(input: Array) -> Array:
    """input * (1 - input). A primitive, because by the product rule the derivative of 1 over it is inf - inf at 0."""
    with np.errstate(over="ignore", invalid="ignore"):
        return large.apply(lambda x: np.multiply(x, np.subtract(1, x)), input)


def _logit_slope(input: Any, eps: float | None) -> Any:
    low, beyond = (0.0, math.nan) if eps is None else (eps, 0.0)
    inside = logical_and(ge(input, low), le(input, 1 - low))
    return where(inside, 1 / _bernoulli_variance(where(inside, input, 0.5)), beyond)


@elementwise(floats=True)
def erfinv(input: Array) -> Array:
    """The inverse of erf, from -1 to 1, where it is infinite and its slope inf. `kernels/inverse_erf.py` has how."""
    return large.apply(inverse_erf.erfinv, in_floats(input))


_logit.defvjps(in_parts(lambda g, input, eps: g * _logit_slope(input, eps)))
_bernoulli_variance.defvjps(in_parts(lambda g, input: g * (1 - input * 2)))
erfinv.defvjps(in_parts(lambda g, out: g * (exp(out * out) * (math.sqrt(math.pi) / 2))))


# Weighted sums


@elementwise(floats=True)
def lerp(input: Array, end: Array, weight: Array) -> Array:
    """input + weight * (end - input), exact for the weights 0 and 1. The weight may be a number."""
    return large.apply(_lerp, input, end, weight)


def _lerp(input: Array, end: Array, weight: Any) -> Array:
    step = np.subtract(end, input)
    if isinstance(weight, (int, float)):
        return np.add(input, step * weight) if abs(weight) < 0.5 else np.subtract(end, step * (1 - weight))
    return large.where(np.abs(weight) < 0.5, np.add(input, step * weight), np.subtract(end, step * (1 - weight)))


def addcmul(input: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Tensor:
    """input + value * tensor1 * tensor2. Where all three are integers, `value` must be one too, or DTypeError."""
    are_tensors("addcmul", input=input, tensor1=tensor1, tensor2=tensor2)
    scale = number("addcmul", "value", value)
    if all(tensor.dtype.kind != "f" for tensor in (input, tensor1, tensor2)):
        if not scale.is_integer():
            raise DTypeError(f"addcmul: value must be an integer where all tensors hold integers, got {value!r}")
        scale = int(scale)
    return _addcmul(input, tensor1, tensor2, value=scale)


@elementwise
def _addcmul(input: Array, tensor1: Array, tensor2: Array, *, value: float = 1) -> Array:
    return large.apply(_sum_with_product, input, tensor1, tensor2, value)


def _sum_with_product(input: Array, tensor1: Array, tensor2: Array, value: float) -> Array:
    product = np.multiply(tensor1, tensor2)
    return np.add(input, product if value == 1 else product * value)


def addcdiv(input: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Tensor:
    """input + value * tensor1 / tensor2, true division: integers give float32."""
    are_tensors("addcdiv", input=input, tensor1=tensor1, tensor2=tensor2)
    return _addcdiv(input, tensor1, tensor2, value=number("addcdiv", "value", value))


@elementwise(floats=True)
def _addcdiv(input: Array, tensor1: Array, tensor2: Array, *, value: float = 1) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return large.apply(_sum_with_ratio, input, tensor1, tensor2, value)


def _sum_with_ratio(input: Array, tensor1: Array, tensor2: Array, value: float) -> Array:
    ratio = np.true_divide(tensor1, tensor2)
    return np.add(input, ratio if value == 1 else ratio * value)


lerp.defvjps(
    in_parts(lambda g, weight: g * (1 - weight)),
    lambda g, weight: g * weight,
    in_parts(lambda g, input, end: g * (end - input)),
)
_addcmul.defvjps(
    lambda g: g,
    in_parts(lambda g, tensor2, value: g * (tensor2 * value)),
    in_parts(lambda g, tensor1, value: g * (tensor1 * value)),
)
_addcdiv.defvjps(
    lambda g: g,
    in_parts(lambda g, tensor2, value: g * value / tensor2),
    in_parts(lambda g, tensor1, tensor2, value: g * (tensor1 / tensor2 / tensor2 * -value)),
)
