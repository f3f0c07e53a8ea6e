"""What numbers are and how they compare: nan, infinite, close, equal; signs taken and given; bits shifted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DTypeError, ShapeError
from ..kernels import elementwise as large
from ..node import Array, TensorBase
from ..primitive import elementwise
from ..rules import in_parts
from .check import are_tensors, number
from .elementwise import _bits, eq, no_slope, sign, where

if TYPE_CHECKING:
    from ..tensor import Tensor

# What a number is: bool results, without gradients


@elementwise(differentiable=False)
def isnan(input: Array) -> Array:
    """Whether it is nan; never, of integers and booleans."""
    return np.isnan(input)


@elementwise(differentiable=False)
def isinf(input: Array) -> Array:
    """Whether it is inf or -inf."""
    return np.isinf(input)


@elementwise(differentiable=False)
def isfinite(input: Array) -> Array:
    """Whether it is neither nan nor infinite."""
    return np.isfinite(input)


@elementwise(differentiable=False)
def isposinf(input: Array) -> Array:
    """Whether it is inf."""
    return np.isinf(input) & np.greater(input, 0)


@elementwise(differentiable=False)
def isneginf(input: Array) -> Array:
    """Whether it is -inf."""
    return np.isinf(input) & np.less(input, 0)


@elementwise(differentiable=False)
def signbit(input: Array) -> Array:
    """Whether it is below 0 or is -0.0; of nan, whether its sign bit is set."""
    x = np.asarray(input)
    return np.signbit(x) if x.dtype.kind == "f" else np.less(x, 0)


@elementwise(differentiable=False)
def logical_xor(input: Array, other: Array) -> Array:
    """Whether one is true (not zero) and the other is not."""
    return np.logical_xor(input, other)


# How two compare


def isclose(input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Tensor:
    """Whether |input - other| <= atol + rtol * |other|, element by element, without a gradient.

    Infinities are close to themselves alone, nan to nothing, with `equal_nan` to nan. Integers are subtracted as such,
    and do not overflow. ShapeError for a tolerance below 0.
    """
    return _isclose(input, other, **_tolerances("isclose", input, other, rtol, atol, equal_nan))


def allclose(input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Whether `isclose` holds everywhere, as a Python bool: True of nothing. The shapes broadcast."""
    return _all(_isclose(input, other, **_tolerances("allclose", input, other, rtol, atol, equal_nan)))


def equal(input: Any, other: Any) -> bool:
    """Whether two tensors have the same shape and the same values, as a Python bool; nan equals nothing."""
    are_tensors("equal", input=input, other=other)
    return tuple(input.shape) == tuple(other.shape) and _all(eq(input, other))


def _all(answers: Any) -> bool:
    return bool(np.all(answers._array if isinstance(answers, TensorBase) else answers))


def _tolerances(name: str, input: Any, other: Any, rtol: Any, atol: Any, equal_nan: bool) -> dict[str, Any]:
    are_tensors(name, input=input, other=other)
    for key, value in (("rtol", rtol), ("atol", atol)):
        if not number(name, key, value) >= 0:
            raise ShapeError(f"{name}: {key} must be at least 0, got {value!r}")
    return {"rtol": float(rtol), "atol": float(atol), "equal_nan": bool(equal_nan)}


@elementwise(differentiable=False)
def _isclose(input: Array, other: Array, *, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Array:
    x, y = np.asarray(input), np.asarray(other)
    same = np.equal(x, y)
    if equal_nan:
        same = same | (np.isnan(x) & np.isnan(y))
    with np.errstate(over="ignore", invalid="ignore"):
        distance = _distance(x, y)
        near = distance <= atol + rtol * np.abs(y.astype(np.float64) if y.dtype.kind != "f" else y)
    return same | (np.isfinite(distance) & near)


def _distance(x: Array, y: Array) -> Array:
    if x.dtype.kind == "f" or y.dtype.kind == "f":
        return np.abs(x - y)
    larger, smaller = np.maximum(x, y), np.minimum(x, y)
    if larger.dtype == np.bool_:
        return np.logical_xor(x, y).astype(np.float64)
    # What overflows comes round to the right number when it is read without a sign.
    return (larger - smaller).view(f"u{larger.dtype.itemsize}")


# Signs


def positive(input: Any) -> Tensor:
    """+input: the tensor itself. DTypeError for booleans."""
    are_tensors("positive", input=input)
    if input.dtype == np.bool_:
        raise DTypeError("positive: booleans have no sign: cast them, for example with .long()")
    return input


@elementwise(floats=True)
def copysign(input: Array, other: Array) -> Array:
    """input with other's sign, that of -0.0 and nan too; integers give float32.

    The slope with respect to input is 1 where it kept its sign, -1 where that changed, 0 at 0 and nan; PyTorch's is nan
    where input is infinite or nan. With respect to other it is 0.
    """
    return large.apply(np.copysign, input, other)


copysign.defvjps(
    in_parts(lambda g, input, other: g * (sign(input) * copysign(sign(input), other))),
    lambda g: no_slope(g),
)


@elementwise
def heaviside(input: Array, values: Array) -> Array:
    """0 where input is below 0 or nan, `values` where it is 0, 1 where it is above.

    The gradient with respect to input is 0; where input is 0, that of `values` passes. PyTorch has neither.
    """
    dtype = np.result_type(input, values)
    return np.where(np.equal(input, 0), values, np.greater(input, 0)).astype(dtype, copy=False)


heaviside.defvjps(lambda g: no_slope(g), in_parts(lambda g, input: where(eq(input, 0), g, 0.0)))


# Bits


@elementwise(differentiable=False)
def bitwise_left_shift(input: Array, other: Array) -> Array:
    """The bits of integers moved `other` places up: input * 2**other, without the bits that no longer fit.

    Of as many places as there are bits or more, and of fewer than 0, it is 0. DTypeError for floats and booleans.
    """
    return np.left_shift(*_shiftable("bitwise_left_shift", input, other))


@elementwise(differentiable=False)
def bitwise_right_shift(input: Array, other: Array) -> Array:
    """The bits of integers moved `other` places down: floor(input / 2**other), the sign is kept.

    Of as many places as there are bits or more, and of fewer than 0, it is 0, or -1 for a negative input. DTypeError
    for floats and booleans.
    """
    return np.right_shift(*_shiftable("bitwise_right_shift", input, other))


def _shiftable(name: str, input: Any, other: Any) -> tuple[Any, Any]:
    if np.asarray(input).dtype == np.asarray(other).dtype == np.bool_:
        raise DTypeError(f"{name}: booleans cannot be shifted: cast them, for example with .long()")
    return _bits(name, input), _bits(name, other)
