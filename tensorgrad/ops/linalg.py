"""Matrix products."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ShapeError
from ..kernels import matmul as kernel
from ..node import Array
from ..primitive import primitive, sum_to
from .check import are_tensors, same_dtype
from .reduce import sum
from .shape import reshape, transpose

if TYPE_CHECKING:
    from ..tensor import Tensor


def matmul(input: Any, other: Any) -> Tensor:
    """The matrix product over the last axis of `input` and the last but one of `other`; leading axes broadcast.

    A vector counts as a row on the left and as a column on the right, and its axis is dropped from the result.
    """
    are_tensors("matmul", input=input, other=other)
    a, b = tuple(input.shape), tuple(other.shape)
    if not a or not b or a[-1] != b[-2 if len(b) > 1 else 0]:
        raise ShapeError(f"matmul: shapes {a} and {b} do not fit: the last size of the first must be {_rows(b)}")
    try:
        np.broadcast_shapes(a[:-2], b[:-2])
    except ValueError:
        raise ShapeError(f"matmul: the leading axes of {a} and {b} do not broadcast") from None
    if input.dtype != other.dtype or input.dtype.kind == "f":
        same_dtype("matmul", input=input, other=other)
    x = reshape(input, (1, *a)) if len(a) == 1 else input
    y = reshape(other, (*b, 1)) if len(b) == 1 else other
    out = _matmul(x, y)
    if len(a) > 1 and len(b) > 1:
        return out
    shape = out.shape[:-2] + (out.shape[-2:-1] if len(a) > 1 else ()) + (out.shape[-1:] if len(b) > 1 else ())
    return reshape(out, shape)


def _rows(shape: tuple[int, ...]) -> str:
    return "that of a matrix, not of a number" if not shape else str(shape[-2 if len(shape) > 1 else 0])


@primitive
def _matmul(x: Array, y: Array) -> Array:
    return kernel.matmul(x, y)


_matmul.defvjps(
    lambda g, x_shape, y: sum_to(_matmul(g, transpose(y, -1, -2)), shape=x_shape),
    lambda g, x, y_shape: sum_to(_matmul(transpose(x, -1, -2), g), shape=y_shape),
)


def linear(input: Any, weight: Any, bias: Any = None) -> Tensor:
    """input @ weight.T + bias: (..., in) with weight (out, in) and bias (out) to (..., out)."""
    are_tensors("linear", weight=weight)
    same_dtype("linear", input=input, weight=weight, bias=bias)
    given, filters = tuple(input.shape), tuple(weight.shape)
    if len(filters) != 2:
        raise ShapeError(f"linear: weight must be (out, in), got {filters}")
    if not given or given[-1] != filters[1]:
        told = given[-1] if given else "no"
        raise ShapeError(f"linear: input {given} has {told} features, weight {filters} takes {filters[1]}")
    if bias is not None and tuple(bias.shape) != filters[:1]:
        raise ShapeError(f"linear: bias has shape {tuple(bias.shape)}, weight {filters} takes ({filters[0]},)")
    return _linear(input, weight, bias)


@primitive
def _linear(input: Array, weight: Array, bias: Array | None) -> Array:
    y = kernel.matmul(input, weight.T)
    return y if bias is None else np.add(y, bias, out=y)


@primitive
def linear_weight_grad(gy: Array, input: Array) -> Array:
    """gy.T @ input, summed over all leading axes: (..., out) and (..., in) to the weight's (out, in)."""
    rows = math.prod(gy.shape[:-1])
    return kernel.matmul(gy.reshape(rows, gy.shape[-1]).T, input.reshape(rows, input.shape[-1]))


def _rows_of(x: Any) -> Any:
    return x if x.ndim == 2 else reshape(x, (math.prod(x.shape[:-1]), x.shape[-1]))


_linear.defvjps(
    lambda g, weight: matmul(g, weight),
    lambda g, input: linear_weight_grad(g, input),
    lambda g: sum(_rows_of(g), 0),
)
linear_weight_grad.defvjps(
    lambda g, input: _linear(input, g, None),
    lambda g, gy: matmul(gy, g),
)
