"""Activations made of straight lines, and of one parabola: threshold, shrinks, hardsigmoid, hardswish, rrelu.

`inplace` is taken for code written for PyTorch, and changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ShapeError
from ..kernels import elementwise as large
from ..node import Array
from ..primitive import elementwise, primitive
from ..rules import in_parts
from .activation import _leaky_relu
from .check import are_tensors, generator_for, number, same_dtype
from .elementwise import abs, gt, le, logical_and, lt, where

if TYPE_CHECKING:
    from ..tensor import Tensor


def threshold(input: Any, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """input where it is above `threshold`, `value` elsewhere. The slope at `threshold` is 0; nan is passed on."""
    are_tensors("threshold", input=input)
    return _threshold(
        input, threshold=number("threshold", "threshold", threshold), value=number("threshold", "value", value)
    )


@elementwise
def _threshold(input: Array, *, threshold: float = 0.0, value: float = 0.0) -> Array:
    x = np.asarray(input)
    return large.apply(_threshold_values, x, threshold, np.asarray(value).astype(x.dtype))


def _threshold_values(x: Array, threshold: float, value: Array) -> Array:
    return large.where(np.less_equal(x, threshold), value, x)


def hardshrink(input: Any, lambd: float = 0.5) -> Tensor:
    """input, but 0 from -`lambd` to `lambd`, where the slope is 0 too, at both ends as well."""
    same_dtype("hardshrink", input=input)
    return _hardshrink(input, lambd=number("hardshrink", "lambd", lambd))


@elementwise
def _hardshrink(input: Array, *, lambd: float = 0.5) -> Array:
    return large.apply(lambda x: large.where(np.absolute(x) <= lambd, 0.0, x), input)


def softshrink(input: Any, lambd: float = 0.5) -> Tensor:
    """input brought nearer to 0 by `lambd`; 0 from -`lambd` to `lambd`, where the slope is 0, at both ends as well."""
    same_dtype("softshrink", input=input)
    lambd = number("softshrink", "lambd", lambd)
    if not lambd >= 0:
        raise ShapeError(f"softshrink: lambd must not be negative, got {lambd}")
    return _softshrink(input, lambd=lambd)


@elementwise
def _softshrink(input: Array, *, lambd: float = 0.5) -> Array:
    with np.errstate(invalid="ignore"):  # inf - inf, of an infinite lambd
        return large.apply(_softshrink_values, input, lambd)


def _softshrink_values(x: Array, lambd: float) -> Array:
    return large.where(np.absolute(x) <= lambd, 0.0, x - np.copysign(lambd, x))


_threshold.defvjps(in_parts(lambda g, input, threshold, value: where(le(input, threshold), 0.0, g)))
_hardshrink.defvjps(in_parts(lambda g, input, lambd: where(le(abs(input), lambd), 0.0, g)))
_softshrink.defvjps(in_parts(lambda g, input, lambd: where(le(abs(input), lambd), 0.0, g)))


def hardsigmoid(input: Any, inplace: bool = False) -> Tensor:
    """input / 6 + 1/2, but at least 0 and at most 1. The slope at the two bounds, input -3 and 3, is 0."""
    same_dtype("hardsigmoid", input=input)
    return _hardsigmoid(input)


@elementwise
def _hardsigmoid(input: Array) -> Array:
    return large.apply(_hardsigmoid_values, input)


def _hardsigmoid_values(x: Array) -> Array:
    return np.clip(x + 3.0, 0.0, 6.0) * (1 / 6)


def hardswish(input: Any, inplace: bool = False) -> Tensor:
    """input * hardsigmoid(input): 0 up to -3, input itself from 3 on, a parabola between.

    The slope at -3 is 0 and at 3 it is 1; its derivative is 0 at both. At -inf it is 0, where PyTorch gives nan. After
    Howard and others, "Searching for MobileNetV3" (2019), https://arxiv.org/abs/1905.02244.
    """
    same_dtype("hardswish", input=input)
    return _hardswish(input)


@elementwise
def _hardswish(input: Array) -> Array:
    return large.apply(lambda x: np.maximum(x, -3.0) * _hardsigmoid_values(x), input)


_hardsigmoid.defvjps(in_parts(lambda g, input: where(logical_and(gt(input, -3.0), lt(input, 3.0)), g * (1 / 6), 0.0)))
_hardswish.defvjps(
    in_parts(lambda g, input: g * where(le(input, -3.0), 0.0, where(lt(input, 3.0), input * (1 / 3) + 0.5, 1.0)))
)


def rrelu(
    input: Any,
    lower: float = 1 / 8,
    upper: float = 1 / 3,
    training: bool = False,
    inplace: bool = False,
    *,
    generator: np.random.Generator | None = None,
) -> Tensor:
    """leaky_relu with a slope for each value: while training drawn evenly from `lower` to `upper`, else their middle.

    The slopes are drawn from `generator`, or from the generator that `tg.manual_seed` seeds. The slope at 0 is that of
    the values below. After Xu, Wang, Chen and Li (2015), https://arxiv.org/abs/1505.00853.
    """
    same_dtype("rrelu", input=input)
    lower, upper = number("rrelu", "lower", lower), number("rrelu", "upper", upper)
    if not lower <= upper:
        raise ShapeError(f"rrelu: lower must not be above upper, got {lower} and {upper}")
    generator = generator_for("rrelu", generator)
    if not training:
        return _leaky_relu(input, negative_slope=(lower + upper) / 2)
    return _rrelu(input, lower=lower, upper=upper, generator=generator)


@primitive(saves=("slopes",))
def _rrelu(x: Array, *, lower: float, upper: float, generator: np.random.Generator) -> tuple[Array, Array]:
    slopes = np.where(np.less_equal(x, 0), generator.uniform(lower, upper, x.shape), 1.0).astype(x.dtype)
    with np.errstate(invalid="ignore"):  # a slope of 0 at -inf
        return x * slopes, slopes


_rrelu.defvjps(lambda g, slopes: g * slopes)
