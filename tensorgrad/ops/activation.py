"""Activation functions: piecewise linear ones, tanh, sigmoid, softmax; and dropout. More in `smooth_activation.py`.

`inplace` is taken for code written for PyTorch, and changes nothing.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..dtypes import dtype_of
from ..errors import DTypeError, ShapeError
from ..kernels import elementwise as large
from ..kernels import logistic
from ..kernels import softmax as kernel
from ..node import Array
from ..primitive import astype, elementwise, primitive
from ..rules import in_parts
from .check import are_tensors, generator_for, normalize_dim, number, probability, same_dtype
from .elementwise import exp, ge, gt, le, logical_or, neg, where
from .reduce import sum
from .shape import reshape

if TYPE_CHECKING:
    from ..tensor import Tensor


@elementwise
def relu(input: Array) -> Array:
    """max(input, 0). The slope at 0 is 0; at nan it is 1, so that nan is passed on."""
    return large.relu(input)


@elementwise(floats=True)
def tanh(input: Array) -> Array:
    """The hyperbolic tangent, from -1 to 1."""
    return large.apply(np.tanh, input)


@elementwise(floats=True)
def sigmoid(input: Array) -> Array:
    """1 / (1 + exp(-input)), from 0 to 1; exp never overflows."""
    return large.apply(logistic.sigmoid, input)


@primitive
def relu_grad(gy: Array, values: Array) -> Array:
    """gy where ReLU's `values` are above 0 or nan, else 0."""
    return large.select_positive(gy, values)


relu.defvjps(lambda g, out: relu_grad(g, out))
relu_grad.defvjps(lambda g, values: relu_grad(g, values), None)
tanh.defvjps(in_parts(lambda g, out: g * (1 - out * out)))
sigmoid.defvjps(in_parts(lambda g, out: g * out * (1 - out)))


# Piecewise linear


def leaky_relu(input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """input where it is above 0, `negative_slope` * input elsewhere. The slope at 0 is `negative_slope`."""
    same_dtype("leaky_relu", input=input)
    return _leaky_relu(input, negative_slope=number("leaky_relu", "negative_slope", negative_slope))


@elementwise
def _leaky_relu(input: Array, *, negative_slope: float = 0.01) -> Array:
    with np.errstate(invalid="ignore"):  # a slope of 0 makes nan of the infinities that are not taken
        return large.apply(_bent, input, negative_slope)


def _bent(x: Array, slope: Any) -> Array:
    return large.where(np.greater(x, 0), x, np.multiply(x, slope))


def prelu(input: Any, weight: Any) -> Tensor:
    """input where it is above 0, weight * input elsewhere: leaky_relu with slopes that are learned.

    `weight` holds one slope, or one for each channel (axis 1) of an input (N, C, ...). At 0 the slope is `weight`.
    After He, Zhang, Ren and Sun, "Delving Deep into Rectifiers" (2015), https://arxiv.org/abs/1502.01852.
    """
    are_tensors("prelu", input=input, weight=weight)
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
        return large.apply(_bent, input, weight)


def hardtanh(input: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """input, but `min_val` below that and `max_val` above. The slope at the two bounds is 0.

    Integers are taken too, and stay what they are: the bounds are then rounded towards 0.
    """
    are_tensors("hardtanh", input=input)
    low, high = number("hardtanh", "min_val", min_val), number("hardtanh", "max_val", max_val)
    if low > high:
        raise ShapeError(f"hardtanh: min_val {min_val} is greater than max_val {max_val}")
    return _between("hardtanh", input, low, high)


@elementwise
def _hardtanh(input: Array, *, min_val: float = -1.0, max_val: float = 1.0) -> Array:
    return np.clip(input, min_val, max_val)


def relu6(input: Any, inplace: bool = False) -> Tensor:
    """min(max(input, 0), 6), of floats or integers. The slope at 0 and at 6 is 0."""
    are_tensors("relu6", input=input)
    return _between("relu6", input, 0.0, 6.0)


def _between(name: str, input: Any, low: float, high: float) -> Any:
    """input from low to high; of integers, with bounds that are such, as near as their dtype has them."""
    if input.dtype.kind not in "iu":
        same_dtype(name, input=input)
        return _hardtanh(input, min_val=low, max_val=high)
    info = np.iinfo(input.dtype)
    if low < info.min and info.min == 0:
        raise DTypeError(f"{name}: input has dtype {input.dtype}, which has no values below 0: min_val is {low}")
    least, most = (int(min(max(bound, info.min), info.max)) for bound in (low, high))
    return _hardtanh(input, min_val=least, max_val=most)


_leaky_relu.defvjps(in_parts(lambda g, input, negative_slope: where(gt(input, 0), g, g * negative_slope)))
_prelu.defvjps(
    in_parts(lambda g, input, weight: where(gt(input, 0), g, g * weight)),
    in_parts(lambda g, input: where(gt(input, 0), 0.0, g * input)),
)
_hardtanh.defvjps(
    in_parts(lambda g, out, min_val, max_val: where(logical_or(le(out, min_val), ge(out, max_val)), 0.0, g))
)


# Over an axis


def softmax(input: Any, dim: int, *, dtype: Any = None) -> Tensor:
    """exp(x) / sum of exp(x) along `dim`: positive, with sum 1. Large values do not overflow.

    `dtype`: cast the input to it first, so that integers are taken too.
    """
    input = _floats_of("softmax", input, dtype)
    return _softmax(input, dim=normalize_dim("softmax", dim, input.ndim))


def softmin(input: Any, dim: int, *, dtype: Any = None) -> Tensor:
    """softmax(-input) along `dim`: the smallest value gets the largest share. `dtype`: cast the input to it first."""
    input = _floats_of("softmin", input, dtype)
    return _softmax(neg(input), dim=normalize_dim("softmin", dim, input.ndim))


def log_softmax(input: Any, dim: int, *, dtype: Any = None) -> Tensor:
    """log(softmax(x)) along `dim`, exact where softmax itself would round to 0. nan where all values are -inf.

    `dtype`: cast the input to it first.
    """
    input = _floats_of("log_softmax", input, dtype)
    return _log_softmax(input, dim=normalize_dim("log_softmax", dim, input.ndim))


def _floats_of(name: str, input: Any, dtype: Any) -> Any:
    """The input, cast to `dtype` if that is given; an error if it then has no floats."""
    are_tensors(name, input=input)
    if dtype is not None and dtype_of(name, dtype) != input.dtype:
        input = astype(input, dtype=np.dtype(dtype))
    same_dtype(name, input=input)
    return input


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
    p = probability("dropout", "p", p)
    same_dtype("dropout", input=input)
    generator = generator_for("dropout", generator)
    return _dropout(input, p=p, generator=generator) if training and p > 0 else input


@primitive(saves=("mask",))
def _dropout(x: Array, *, p: float, generator: np.random.Generator) -> tuple[Array, Array]:
    scale = x.dtype.type(0 if p == 1 else 1 / (1 - p))
    mask = (generator.random(x.shape, np.float32) >= p) * scale
    return x * mask, mask


_dropout.defvjps(lambda g, mask: g * mask)
