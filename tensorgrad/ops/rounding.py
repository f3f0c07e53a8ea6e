"""Rounding, and division that rounds: what is left over, and the quotient without it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DTypeError, ShapeError
from ..kernels import elementwise as kernel
from ..kernels import remainder as remainders
from ..node import Array
from ..primitive import elementwise
from ..rules import in_parts
from .check import are_tensors
from .elementwise import _div, no_slope

if TYPE_CHECKING:
    from ..tensor import Tensor

# To a whole number. The slope is 0 everywhere, also at the jumps, where there is none.


@elementwise
def floor(input: Array) -> Array:
    """The largest whole number not above input, in its dtype. The gradient is 0. DTypeError for booleans."""
    return _whole("floor", np.floor, input)


@elementwise
def ceil(input: Array) -> Array:
    """The smallest whole number not below input, in its dtype. The gradient is 0. DTypeError for booleans."""
    return _whole("ceil", np.ceil, input)


@elementwise
def trunc(input: Array) -> Array:
    """The whole number next to input on the side of 0, in its dtype. The gradient is 0. DTypeError for booleans."""
    return _whole("trunc", np.trunc, input)


def round(input: Any, *, decimals: int = 0) -> Tensor:
    """The nearest number of `decimals` digits after the point; halves go to the even digit. The gradient is 0.

    Negative `decimals` round to tens, hundreds and so on. As in PyTorch and NumPy the input is scaled by a power of
    ten, rounded and scaled back, so 2.675 as a float, which is a little less, becomes 2.68. Where the scaled number
    overflows, the input has no digits to be rounded off and is returned as it is; PyTorch gives inf or nan there.
    DTypeError for booleans, and for integers unless `decimals` is 0.
    """
    are_tensors("round", input=input)
    if isinstance(decimals, bool) or not isinstance(decimals, (int, np.integer)):
        raise DTypeError(f"round: decimals must be an int, got {decimals!r}")
    if decimals and input.dtype.kind != "f":
        raise DTypeError(f"round: decimals={decimals} is for floats, input has dtype {input.dtype}")
    return _round(input, decimals=int(decimals))


@elementwise
def _round(input: Array, *, decimals: int = 0) -> Array:
    return _whole("round", np.rint, input) if decimals == 0 else _round_decimals(np.asarray(input), decimals)


def _round_decimals(x: Array, decimals: int) -> Array:
    if x.dtype == np.float16:  # it holds no power of ten above 10,000
        with np.errstate(over="ignore"):
            return _round_decimals(x.astype(np.float32), decimals).astype(np.float16)
    with np.errstate(all="ignore"):
        factor = x.dtype.type(10.0 ** abs(decimals) if abs(decimals) <= 308 else math.inf)
        scaled = x * factor if decimals > 0 else x / factor
        whole = np.rint(scaled)
        result = whole / factor if decimals > 0 else np.where(whole == 0, whole, whole * factor)
        return np.where(np.isfinite(scaled), result, x)


def _whole(name: str, ufunc: np.ufunc, value: Any) -> Any:
    kind = np.asarray(value).dtype.kind
    if kind == "b":
        raise DTypeError(f"{name}: booleans cannot be rounded: cast them, for example with .float()")
    return np.array(value) if kind in "iu" else kernel.apply(ufunc, value)


@elementwise(floats=True)
def frac(input: Array) -> Array:
    """What trunc takes away: input - trunc(input), with input's sign. The slope is 1; frac(inf) is nan."""
    with np.errstate(invalid="ignore"):
        return kernel.apply(lambda x: np.subtract(x, np.trunc(x)), input)


floor.defvjps(lambda g: no_slope(g))
ceil.defvjps(lambda g: no_slope(g))
trunc.defvjps(lambda g: no_slope(g))
_round.defvjps(lambda g: no_slope(g))
frac.defvjps(lambda g: g)


# Division


@elementwise
def floor_divide(input: Array, other: Array) -> Array:
    """floor(input / other), in the common dtype. The gradient is 0, where PyTorch's floor_divide has none.

    Of floats it is the quotient that belongs to `remainder`, which can differ by 1 from the rounded input / other.
    DTypeError for booleans, and for integers divided by 0.
    """
    _divisible("floor_divide", input, other)
    with np.errstate(divide="ignore", invalid="ignore"):
        return kernel.apply(np.floor_divide, input, other)


@elementwise
def trunc_divide(input: Array, other: Array) -> Array:
    """trunc(input / other), in the common dtype; integers are divided as such, without a float's rounding."""
    _divisible("trunc_divide", input, other)
    with np.errstate(divide="ignore", invalid="ignore"):
        if _is_float(input) or _is_float(other):
            return kernel.apply(lambda x, y: np.trunc(np.true_divide(x, y)), input, other)
        quotient, rest = np.divmod(input, other)
        return quotient + ((rest != 0) & (np.less(input, 0) != np.less(other, 0)))


@elementwise
def remainder(input: Array, other: Array) -> Array:
    """input - other * floor(input / other), with other's sign, as Python's %. nan for a float divided by 0.

    The slope is 1 with respect to input and -floor(input / other) with respect to other, also where input is a multiple
    of other. DTypeError for booleans, and for integers divided by 0.
    """
    _divisible("remainder", input, other)
    with np.errstate(invalid="ignore"):
        return remainders.remainder(input, other)


@elementwise
def fmod(input: Array, other: Array) -> Array:
    """input - other * trunc(input / other), with input's sign, as C's fmod. nan for a float divided by 0.

    The slope is 1 with respect to input and -trunc(input / other) with respect to other, also where input is a multiple
    of other. DTypeError for booleans, and for integers divided by 0.
    """
    _divisible("fmod", input, other)
    with np.errstate(invalid="ignore"):
        return remainders.fmod(input, other)


floor_divide.defvjps(lambda g: no_slope(g), lambda g: no_slope(g))
trunc_divide.defvjps(lambda g: no_slope(g), lambda g: no_slope(g))
remainder.defvjps(lambda g: g, in_parts(lambda g, input, other: -g * floor_divide(input, other)))
fmod.defvjps(lambda g: g, in_parts(lambda g, input, other: -g * trunc_divide(input, other)))


def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """input / other: true division, of which integers give float32, unless it is to be rounded.

    `rounding_mode` "floor" rounds down as `floor_divide`, "trunc" towards 0; both keep the common dtype, and their
    gradient is 0. ShapeError for another mode.
    """
    if rounding_mode is None:
        return _div(input, other)
    if rounding_mode not in ("floor", "trunc"):
        raise ShapeError(f"div: rounding_mode must be None, 'floor' or 'trunc', got {rounding_mode!r}")
    given = {"input": input, "other": other}
    are_tensors("div", **{key: value for key, value in given.items() if not isinstance(value, (bool, int, float))})
    return floor_divide(input, other) if rounding_mode == "floor" else trunc_divide(input, other)


def _is_float(value: Any) -> bool:
    return np.asarray(value).dtype.kind == "f"


def _divisible(name: str, input: Any, other: Any) -> None:
    if _is_float(input) or _is_float(other):
        return
    kinds = {np.asarray(input).dtype.kind, np.asarray(other).dtype.kind}
    if kinds == {"b"}:
        raise DTypeError(f"{name}: booleans cannot be divided: cast them, for example with .long()")
    if kinds <= set("biu") and not np.all(other):
        raise DTypeError(f"{name}: integers cannot be divided by 0, which other holds: cast them to float first")
