"""Trigonometric and hyperbolic functions, their inverses, sinc, and what else belongs to right triangles.

Outside their domains they are nan, and neither that nor an infinite value makes NumPy warn.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..kernels import elementwise as large
from ..kernels import sinc as kernel
from ..node import Array
from ..primitive import elementwise
from ..rules import in_parts
from .elementwise import eq, logical_and, where

# Angles


@elementwise(floats=True)
def sin(input: Array) -> Array:
    """The sine of an angle in radians: nan at the infinities."""
    with np.errstate(invalid="ignore"):
        return large.apply(np.sin, input)


@elementwise(floats=True)
def cos(input: Array) -> Array:
    """The cosine of an angle in radians: nan at the infinities."""
    with np.errstate(invalid="ignore"):
        return large.apply(np.cos, input)


@elementwise(floats=True)
def tan(input: Array) -> Array:
    """The tangent of an angle in radians: nan at the infinities."""
    with np.errstate(invalid="ignore"):
        return large.apply(np.tan, input)


@elementwise(floats=True)
def deg2rad(input: Array) -> Array:
    """An angle in degrees as radians: input * pi / 180."""
    return large.apply(np.multiply, input, math.pi / 180)


@elementwise(floats=True)
def rad2deg(input: Array) -> Array:
    """An angle in radians as degrees: input * 180 / pi."""
    return large.apply(np.multiply, input, 180 / math.pi)


sin.defvjps(in_parts(lambda g, input: g * cos(input)))
cos.defvjps(in_parts(lambda g, input: -(g * sin(input))))
tan.defvjps(in_parts(lambda g, out: g * (1 + out * out)))
deg2rad.defvjps(lambda g: g * (math.pi / 180))
rad2deg.defvjps(lambda g: g * (180 / math.pi))


# Hyperbolic functions; tanh is among the activations


@elementwise(floats=True)
def sinh(input: Array) -> Array:
    """The hyperbolic sine: (exp(input) - exp(-input)) / 2."""
    with np.errstate(over="ignore"):
        return large.apply(np.sinh, input)


@elementwise(floats=True)
def cosh(input: Array) -> Array:
    """The hyperbolic cosine: (exp(input) + exp(-input)) / 2."""
    with np.errstate(over="ignore"):
        return large.apply(np.cosh, input)


sinh.defvjps(in_parts(lambda g, input: g * cosh(input)))
cosh.defvjps(in_parts(lambda g, input: g * sinh(input)))


# What the slopes of the inverses divide by. Each is a primitive because 1 - x*x cancels where x is near 1, while the
# product (1 - x)(1 + x), exact there, has second derivatives inf - inf at 1 by the product rule.


@elementwise(floats=True)
def _below_one(input: Array) -> Array:
    """1 - input**2 by its factors."""
    with np.errstate(over="ignore", invalid="ignore"):
        return large.apply(lambda x: np.subtract(1, x) * np.add(1, x), input)


@elementwise(floats=True)
def _root_below_one(input: Array) -> Array:
    """sqrt(1 - input**2): nan where |input| is above 1."""
    with np.errstate(over="ignore", invalid="ignore"):
        return large.apply(lambda x: np.sqrt(np.subtract(1, x) * np.add(1, x)), input)


@elementwise(floats=True)
def _root_above_one(input: Array) -> Array:
    """sqrt(input**2 - 1), without overflow: nan where |input| is below 1."""
    with np.errstate(invalid="ignore"):
        return large.apply(lambda size: np.sqrt(size - 1) * np.sqrt(size + 1), np.absolute(input))


_below_one.defvjps(in_parts(lambda g, input: g * (input * -2)))
_root_below_one.defvjps(in_parts(lambda g, input, out: -(g * (input / out))))
_root_above_one.defvjps(in_parts(lambda g, input, out: g * (input / out)))


# Inverses


@elementwise(floats=True)
def asin(input: Array) -> Array:
    """The angle from -pi/2 to pi/2 with this sine. The slope at -1 and at 1 is inf."""
    with np.errstate(invalid="ignore"):
        return large.apply(np.arcsin, input)


@elementwise(floats=True)
def acos(input: Array) -> Array:
    """The angle from 0 to pi with this cosine. The slope at -1 and at 1 is -inf."""
    with np.errstate(invalid="ignore"):
        return large.apply(np.arccos, input)


@elementwise(floats=True)
def atan(input: Array) -> Array:
    """The angle from -pi/2 to pi/2 with this tangent."""
    return large.apply(np.arctan, input)


@elementwise(floats=True)
def asinh(input: Array) -> Array:
    """The inverse of the hyperbolic sine."""
    return large.apply(np.arcsinh, input)


@elementwise(floats=True)
def acosh(input: Array) -> Array:
    """The inverse of the hyperbolic cosine, from 1 on. The slope at 1 is inf."""
    with np.errstate(invalid="ignore"):
        return large.apply(np.arccosh, input)


@elementwise(floats=True)
def atanh(input: Array) -> Array:
    """The inverse of the hyperbolic tangent, from -1 to 1, where it is infinite and its slope inf."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return large.apply(np.arctanh, input)


asin.defvjps(in_parts(lambda g, input: g / _root_below_one(input)))
acos.defvjps(in_parts(lambda g, input: -(g / _root_below_one(input))))
atan.defvjps(in_parts(lambda g, input: g / (1 + input * input)))
asinh.defvjps(in_parts(lambda g, input: g / hypot(input, 1)))
acosh.defvjps(in_parts(lambda g, input: g / _root_above_one(input)))
atanh.defvjps(in_parts(lambda g, input: g / _below_one(input)))


# Triangles


@elementwise(floats=True)
def hypot(input: Array, other: Array) -> Array:
    """sqrt(input**2 + other**2), without overflow or underflow on the way. The gradients at (0, 0) are nan."""
    return large.apply(np.hypot, input, other)


@elementwise(floats=True)
def atan2(input: Array, other: Array) -> Array:
    """The angle from -pi to pi of the point with height `input` above `other` on the axis; its signs say the quadrant.

    All derivatives at (0, 0) are taken as 0; PyTorch has nan from the second on. Coordinates whose squares overflow or
    underflow keep their gradients, which are 0 in PyTorch.
    """
    return large.apply(np.arctan2, input, other)


def _atan2_slope(along: Any, input: Any, other: Any) -> Any:
    """along / (input**2 + other**2), where `along` is a coordinate; 0 at (0, 0), by putting another point there."""
    flat = logical_and(eq(input, 0), eq(other, 0))
    if isinstance(input, (int, float)):
        distance = hypot(input, where(flat, 1.0, other))
    else:
        distance = hypot(where(flat, 1.0, input), other)
    # A number stays as it is: it is 0 if a point is, and needs no derivative.
    rest = along if isinstance(along, (int, float)) else where(flat, 0.0, along)
    return rest / distance / distance


hypot.defvjps(in_parts(lambda g, input, out: g * (input / out)), in_parts(lambda g, other, out: g * (other / out)))
atan2.defvjps(
    in_parts(lambda g, input, other: g * _atan2_slope(other, input, other)),
    in_parts(lambda g, input, other: -(g * _atan2_slope(input, input, other))),
)


# sinc


def in_floats(value: Any) -> Array:
    """An array for a kernel that takes floats only: integers, which NumPy's functions give float64 for, in float64."""
    array = np.asarray(value)
    return array if array.dtype.kind == "f" else np.asarray(np.multiply(array, 1.0))


@elementwise(floats=True)
def sinc(input: Array) -> Array:
    """sin(pi * input) / (pi * input), which is 1 at 0 and 0 at the other integers; nan at the infinities.

    Its derivatives of every order hold at 0 and near it, where PyTorch's second is nan. `kernels/sinc.py` has how.
    """
    return large.apply(kernel.sinc, in_floats(input), 0)


@elementwise(floats=True)
def _sinc_derivative(input: Array, *, order: int = 1) -> Array:
    """The derivative of sinc of this order."""
    return large.apply(kernel.sinc, in_floats(input), order)


sinc.defvjps(in_parts(lambda g, input: g * _sinc_derivative(input, order=1)))
_sinc_derivative.defvjps(in_parts(lambda g, input, order: g * _sinc_derivative(input, order=order + 1)))


# Second names, which PyTorch documents

arcsin, arccos, arctan = asin, acos, atan
arcsinh, arccosh, arctanh = asinh, acosh, atanh
arctan2 = atan2
