"""Operations that work element by element; their inputs broadcast, and the engine sums gradients back.

Where sums, products and powers overflow, NumPy's error state says whether to warn (`np.errstate(over="ignore")`):
setting it here for each call would cost a scalar operation a tenth of its time.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DTypeError
from ..kernels import elementwise as kernel
from ..kernels import special
from ..kernels.powers import power
from ..node import Array
from ..primitive import elementwise
from ..rules import in_parts
from .check import are_tensors

if TYPE_CHECKING:
    from ..tensor import Tensor

# Arithmetic


@elementwise
def _add(input: Array, other: Array) -> Array:
    return kernel.apply(np.add, input, other)


@elementwise
def _sub(input: Array, other: Array) -> Array:
    return kernel.apply(np.subtract, _number("sub", input), _number("sub", other))


@elementwise
def mul(input: Array, other: Array) -> Array:
    """input * other."""
    return kernel.apply(np.multiply, input, other)


@elementwise(floats=True)
def _div(input: Array, other: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return kernel.apply(np.true_divide, input, other)


@elementwise
def neg(input: Array) -> Array:
    """-input."""
    return kernel.apply(np.negative, _number("neg", input))


def _number(name: str, value: Any) -> Any:
    if value.__class__ is np.ndarray and value.dtype.kind == "b":
        raise DTypeError(f"{name}: booleans cannot be subtracted: use logical_not, bitwise_xor (^), or cast them")
    return value


_add.defvjps(lambda g: g, lambda g: g)
_sub.defvjps(lambda g: g, lambda g: -g)
mul.defvjps(lambda g, other: g * other, lambda g, input: g * input)
_div.defvjps(lambda g, other: g / other, in_parts(lambda g, other, out: -g * out / other))
neg.defvjps(lambda g: -g)


def add(input: Any, other: Any, *, alpha: float = 1) -> Tensor:
    """input + alpha * other."""
    return _add(input, other if alpha.__class__ is int and alpha == 1 else _times("add", other, alpha))


def sub(input: Any, other: Any, *, alpha: float = 1) -> Tensor:
    """input - alpha * other."""
    return _sub(input, other if alpha.__class__ is int and alpha == 1 else _times("sub", other, alpha))


def _times(name: str, other: Any, alpha: float) -> Any:
    if not isinstance(alpha, (int, float, np.number, np.bool_)):
        raise DTypeError(f"{name}: alpha must be a number, got {alpha!r}")
    if not isinstance(other, (int, float)):
        are_tensors(name, other=other)  # Python would repeat a list or a str alpha times
    return other if alpha == 1 else mul(other, alpha)


@elementwise
def pow(input: Array, exponent: Array) -> Array:
    """input ** exponent.

    The gradient of x**0 is 0, also at x = 0; that of 0**y with respect to y is 0 for y >= 0.
    """
    if np.asarray(input).dtype.kind != "f" and np.asarray(exponent).dtype.kind != "f" and np.any(np.less(exponent, 0)):
        least = np.min(exponent)
        raise DTypeError(f"pow: integers cannot be raised to the negative power {least}: cast them to float first")
    with np.errstate(divide="ignore", invalid="ignore"):
        result = power(input, exponent)
    return result.astype(np.bool_) if np.asarray(input).dtype == np.asarray(exponent).dtype == np.bool_ else result


def _pow_input_vjp(g: Any, input: Any, exponent: Any) -> Any:
    if isinstance(exponent, (int, float)):
        return g * (exponent * pow(input, exponent - 1 if exponent else 0))
    # The slope of x**0 is 0, but 0 * x**-1 is nan where x is 0 or nan: there, the power is not asked.
    flat = logical_and(eq(exponent, 0), logical_or(eq(input, 0), ne(input, input)))
    return where(flat, 0.0, g * (exponent * pow(where(flat, 1.0, input), exponent - 1)))


def _pow_exponent_vjp(g: Any, input: Any, exponent: Any, out: Any) -> Any:
    if isinstance(input, (int, float)):
        slope = math.log(input) if input > 0 else -math.inf if input == 0 else math.nan
        return g * (out * slope if input else where(ge(exponent, 0), 0.0, out * slope))
    flat = logical_and(eq(input, 0), ge(exponent, 0))
    return g * where(flat, 0.0, out * log(where(flat, 1.0, input)))


pow.defvjps(in_parts(_pow_input_vjp), in_parts(_pow_exponent_vjp))


# Exponential and logarithm


@elementwise(floats=True)
def exp(input: Array) -> Array:
    """e to the power of input."""
    with np.errstate(over="ignore"):
        return kernel.apply(np.exp, input)


@elementwise(floats=True)
def log(input: Array) -> Array:
    """The natural logarithm: -inf at 0, nan below."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return kernel.apply(np.log, input)


@elementwise(floats=True)
def sqrt(input: Array) -> Array:
    """The square root: nan below 0; its gradient at 0 is inf."""
    with np.errstate(invalid="ignore"):
        return kernel.apply(np.sqrt, input)


exp.defvjps(lambda g, out: g * out)
log.defvjps(lambda g, input: g / input)
sqrt.defvjps(in_parts(lambda g, out: g / (2.0 * out)))


@elementwise(floats=True)
def log1p(input: Array) -> Array:
    """log(1 + input), exact where input is near 0: -inf at -1, nan below."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return kernel.apply(np.log1p, input)


@elementwise(floats=True)
def erf(input: Array) -> Array:
    """The error function: 2/sqrt(pi) times the integral of exp(-t*t) from 0 to input. `kernels/special.py` has how."""
    return special.erf(np.asarray(input))


@elementwise(floats=True)
def erfc(input: Array) -> Array:
    """1 - erf(input), exact where erf is nearly 1."""
    return special.erfc(np.asarray(input))


log1p.defvjps(in_parts(lambda g, input: g / (1.0 + input)))
erf.defvjps(in_parts(lambda g, input: g * (exp(-(input * input)) * (2 / math.sqrt(math.pi)))))
erfc.defvjps(in_parts(lambda g, input: g * (exp(-(input * input)) * (-2 / math.sqrt(math.pi)))))


# Size and sign


@elementwise
def abs(input: Array) -> Array:
    """The absolute value; its slope at 0 is 0."""
    return kernel.apply(np.absolute, _number("abs", input))


@elementwise
def sign(input: Array) -> Array:
    """-1, 0 or 1, in the input's dtype; the sign of nan is 0. Of booleans, the input. The slope is 0 everywhere."""
    x = np.asarray(input)
    if x.dtype.kind not in "biuf":
        return np.sign(x)  # which says that these are no numbers
    return kernel.apply(_signs, x)


def _signs(x: Array) -> Array:
    # nan is neither above nor below 0. A fifth of the time of np.sign followed by a choice of what is nan.
    above, below = np.greater(x, 0).view(np.int8), np.less(x, 0).view(np.int8)
    return np.subtract(above, below).astype(x.dtype)


@elementwise
def no_slope(gy: Array) -> Array:
    """Zeros like gy, also where it is infinite or nan: the gradient of what is constant between its jumps."""
    return np.zeros(np.shape(gy), np.asarray(gy).dtype)


abs.defvjps(in_parts(lambda g, input: g * sign(input)))
sign.defvjps(lambda g: no_slope(g))
no_slope.defvjps(lambda g: no_slope(g))


# Choice


@elementwise(fixed=("condition",))
def where(condition: Array, input: Array, other: Array) -> Array:
    """input where the condition holds, else other. No gradient reaches the side not taken, whatever its value.

    The condition is boolean; DTypeError for one of another dtype.
    """
    dtype = np.asarray(condition).dtype
    if dtype != np.bool_:
        raise DTypeError(f"where: condition has dtype {dtype}, it must be bool: compare it, for example with != 0")
    return kernel.where(condition, input, other)


where.defvjps(
    None,
    lambda g, condition: where(condition, g, 0.0),
    lambda g, condition: where(condition, 0.0, g),
)


# Comparisons and logic: bool results, without gradients


@elementwise(differentiable=False)
def eq(input: Array, other: Array) -> Array:
    """input == other."""
    return kernel.compare(np.equal, input, other)


@elementwise(differentiable=False)
def ne(input: Array, other: Array) -> Array:
    """input != other."""
    return kernel.compare(np.not_equal, input, other)


@elementwise(differentiable=False)
def lt(input: Array, other: Array) -> Array:
    """input < other."""
    return kernel.compare(np.less, input, other)


@elementwise(differentiable=False)
def le(input: Array, other: Array) -> Array:
    """input <= other."""
    return kernel.compare(np.less_equal, input, other)


@elementwise(differentiable=False)
def gt(input: Array, other: Array) -> Array:
    """input > other."""
    return kernel.compare(np.greater, input, other)


@elementwise(differentiable=False)
def ge(input: Array, other: Array) -> Array:
    """input >= other."""
    return kernel.compare(np.greater_equal, input, other)


@elementwise(differentiable=False)
def bitwise_and(input: Array, other: Array) -> Array:
    """The bits set in both; of booleans, logical and."""
    return np.bitwise_and(_bits("bitwise_and", input), _bits("bitwise_and", other))


@elementwise(differentiable=False)
def bitwise_or(input: Array, other: Array) -> Array:
    """The bits set in either; of booleans, logical or."""
    return np.bitwise_or(_bits("bitwise_or", input), _bits("bitwise_or", other))


@elementwise(differentiable=False)
def bitwise_xor(input: Array, other: Array) -> Array:
    """The bits set in one of the two; of booleans, logical exclusive or."""
    return np.bitwise_xor(_bits("bitwise_xor", input), _bits("bitwise_xor", other))


@elementwise(differentiable=False)
def bitwise_not(input: Array) -> Array:
    """Every bit flipped; of booleans, logical not."""
    return np.bitwise_not(_bits("bitwise_not", input))


def _bits(name: str, value: Any) -> Any:
    if np.asarray(value).dtype.kind == "f":
        raise DTypeError(f"{name}: takes booleans and integers, got {np.asarray(value).dtype}")
    return value


@elementwise(differentiable=False)
def logical_and(input: Array, other: Array) -> Array:
    """Whether both are true (not zero)."""
    return np.logical_and(input, other)


@elementwise(differentiable=False)
def logical_or(input: Array, other: Array) -> Array:
    """Whether either is true (not zero)."""
    return np.logical_or(input, other)


@elementwise(differentiable=False)
def logical_not(input: Array) -> Array:
    """Whether it is false (zero)."""
    return np.logical_not(input)
