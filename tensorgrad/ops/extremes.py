"""The larger and the smaller of two, limits to both sides, and finite numbers for those that are not."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DTypeError, ShapeError
from ..kernels import elementwise as kernel
from ..node import Array
from ..primitive import elementwise
from ..rules import in_parts
from .check import are_tensors, number
from .elementwise import eq, ge, gt, le, logical_and, logical_or, lt, ne, where
from .logic import isfinite

if TYPE_CHECKING:
    from ..tensor import Tensor

# The larger and the smaller of two


@elementwise
def maximum(input: Array, other: Array) -> Array:
    """The larger of two; nan if either is. At a tie each gets half of the gradient, with a nan both get all of it."""
    return kernel.apply(np.maximum, input, other)


@elementwise
def minimum(input: Array, other: Array) -> Array:
    """The smaller of two; nan if either is. At a tie each gets half of the gradient, with a nan both get all of it."""
    return kernel.apply(np.minimum, input, other)


@elementwise
def fmax(input: Array, other: Array) -> Array:
    """The larger of two, or the one that is not nan. At a tie, and if both are nan, input gets the gradient."""
    with np.errstate(invalid="ignore"):
        return kernel.apply(np.fmax, input, other)


@elementwise
def fmin(input: Array, other: Array) -> Array:
    """The smaller of two, or the one that is not nan. At a tie, and if both are nan, input gets the gradient."""
    with np.errstate(invalid="ignore"):
        return kernel.apply(np.fmin, input, other)


def _halved(g: Any, input: Any, other: Any) -> Any:
    """g, and half of it at a tie."""
    return where(eq(input, other), g * 0.5, g)


def _takes(wins: Any, other: Any) -> Any:
    """Where the first of two is chosen: it wins, or there is no number beside it."""
    return logical_or(wins, ne(other, other))


maximum.defvjps(
    in_parts(lambda g, input, other: where(lt(input, other), 0.0, _halved(g, input, other))),
    in_parts(lambda g, input, other: where(gt(input, other), 0.0, _halved(g, input, other))),
)
minimum.defvjps(
    in_parts(lambda g, input, other: where(gt(input, other), 0.0, _halved(g, input, other))),
    in_parts(lambda g, input, other: where(lt(input, other), 0.0, _halved(g, input, other))),
)
fmax.defvjps(
    lambda g, input, other: where(_takes(ge(input, other), other), g, 0.0),
    lambda g, input, other: where(_takes(ge(input, other), other), 0.0, g),
)
fmin.defvjps(
    lambda g, input, other: where(_takes(le(input, other), other), g, 0.0),
    lambda g, input, other: where(_takes(le(input, other), other), 0.0, g),
)


# Limits


def clamp(input: Any, min: Any = None, max: Any = None) -> Tensor:
    """input, but at least `min` and at most `max`, numbers or tensors; one of them may be None. nan stays nan.

    Where `min` is above `max`, all is `max`. Between the bounds and at them, the gradient goes to input; beyond, to the
    bound that is passed, if it is a tensor. Where `min` and `max` are equal and input is below them, and where input or
    the bound is nan, it goes nowhere, as in PyTorch. DTypeError if both are None.
    """
    are_tensors("clamp", input=input)
    bounds = {key: bound for key, bound in (("min", min), ("max", max)) if bound is not None}
    if not bounds:
        raise DTypeError("clamp: min and max are both None: one of them must be given")
    wide = {key: bound for key, bound in bounds.items() if not isinstance(bound, (bool, int, float))}
    are_tensors("clamp", **wide)
    shapes = {"input": tuple(input.shape), **{key: tuple(bound.shape) for key, bound in wide.items()}}
    if len(shapes) > 1:
        try:
            np.broadcast_shapes(*shapes.values())
        except ValueError:
            given = ", ".join(f"{key} {shape}" for key, shape in shapes.items())
            raise ShapeError(f"clamp: the shapes do not broadcast: {given}") from None
    if max is None:
        return clamp_min(input, min)
    return clamp_max(input, max) if min is None else _clamp(input, min, max)


@elementwise
def clamp_min(input: Array, min: Array) -> Array:
    """input, but at least `min`, a number or a tensor. At a tie input gets the gradient; beside a nan nothing does."""
    if _is_plain(input, min):
        return kernel.apply(kernel.clip, input, min, math.inf)
    return kernel.apply(np.maximum, input, min)


@elementwise
def clamp_max(input: Array, max: Array) -> Array:
    """input, but at most `max`, a number or a tensor. At a tie input gets the gradient; beside a nan nothing does."""
    if _is_plain(input, max):
        return kernel.apply(kernel.clip, input, -math.inf, max)
    return kernel.apply(np.minimum, input, max)


@elementwise
def _clamp(input: Array, min: Array, max: Array) -> Array:
    if _is_plain(input, min, max):
        return kernel.apply(kernel.clip, input, min, max)
    return kernel.apply(lambda x, low, high: np.minimum(np.maximum(x, low), high), input, min, max)


def _is_plain(x: Any, *bounds: Any) -> bool:
    """Whether it is an array of floats between Python's numbers, large enough for `kernel.clip` to be faster."""
    is_large = x.__class__ is np.ndarray and x.size > kernel.SMALL and x.dtype in (np.float32, np.float64)
    return is_large and all(bound.__class__ in (int, float) for bound in bounds)


clamp_min.defvjps(
    lambda g, input, min: where(ge(input, min), g, 0.0),
    lambda g, input, min: where(lt(input, min), g, 0.0),
)
clamp_max.defvjps(
    lambda g, input, max: where(le(input, max), g, 0.0),
    lambda g, input, max: where(gt(input, max), g, 0.0),
)
_clamp.defvjps(
    lambda g, input, min, max: where(logical_and(ge(input, min), le(input, max)), g, 0.0),
    lambda g, input, min, max: where(logical_and(lt(min, max), lt(input, min)), g, 0.0),
    lambda g, input, min, max: where(logical_or(gt(input, max), lt(max, min)), g, 0.0),
)


# Instead of nan and infinities


def nan_to_num(input: Any, nan: float | None = 0.0, posinf: float | None = None, neginf: float | None = None) -> Tensor:
    """input with `nan` in place of nan, `posinf` and `neginf` in place of the infinities.

    None stands for 0, and for the largest and the least number of input's dtype. The gradient is 0 at what is replaced.
    """
    are_tensors("nan_to_num", input=input)
    given = {"nan": 0.0 if nan is None else nan, "posinf": posinf, "neginf": neginf}
    return _nan_to_num(input, **{k: v if v is None else number("nan_to_num", k, v) for k, v in given.items()})


@elementwise
def _nan_to_num(input: Array, *, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Array:
    with np.errstate(over="ignore"):  # float16 has no 1e5: it becomes inf, as everywhere
        return np.nan_to_num(input, nan=nan, posinf=posinf, neginf=neginf)


_nan_to_num.defvjps(lambda g, input: where(isfinite(input), g, 0.0))
