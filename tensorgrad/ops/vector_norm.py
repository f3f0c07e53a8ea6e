"""The norm of vectors, of every order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..dtypes import dtype_of
from ..errors import DTypeError, ShapeError
from ..kernels import vector_norm as kernel
from ..node import Array
from ..primitive import astype, primitive
from .check import are_tensors, normalize_dims, refuse_gradient
from .elementwise import _div, abs, eq, logical_or, mul, no_slope, pow, sign, where
from .extrema import share_of_ties
from .reduce import restore_dims
from .shape import broadcast_to

if TYPE_CHECKING:
    from ..tensor import Tensor

Dims = int | Sequence[int] | None


def vector_norm(input: Any, ord: float = 2, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The norm over `dim`, one axis, several, or all of them: (sum of |x| ** ord) ** (1 / ord).

    `ord` is any number; 0 counts what is not 0, inf takes the largest and -inf the smallest absolute value. `dtype`, at
    least as wide as the input's, is what is computed in. Values whose squares overflow or vanish are no trouble,
    unlike in PyTorch. Over nothing, the norm is 0; below 0 or infinite, the order needs values.

    The gradient is 0 where the norm is 0, and where an element is 0; of order 0 it is 0 everywhere. Of order inf and
    -inf it is split evenly between ties.
    """
    check_floats("linalg.vector_norm", "input", input)
    return norm_over("linalg.vector_norm", as_dtype("linalg.vector_norm", "input", input, dtype), ord, dim, keepdim)


def norm_over(name: str, x: Any, ord: Any, dim: Dims, keepdim: bool) -> Any:
    """`vector_norm` of a float tensor, for a function of the name `name`."""
    refuse_gradient(name, "p" if name == "norm" else "ord", ord)
    order = ord.item() if hasattr(ord, "item") and ord.ndim == 0 else ord
    if isinstance(order, bool) or not isinstance(order, (int, float)):
        raise DTypeError(f"{name}: ord must be a number, got {ord!r}")
    dims = normalize_dims(name, dim, x.ndim)
    if (order < 0 or math.isinf(order)) and any(x.shape[i] == 0 for i in dims):
        raise ShapeError(f"{name}: the norm of order {order} over nothing is undefined (shape {tuple(x.shape)})")
    return _vector_norm(x, ord=float(order), dims=dims, keepdim=bool(keepdim))


@primitive
def _vector_norm(x: Array, *, ord: float, dims: tuple[int, ...], keepdim: bool) -> Array:
    return kernel.vector_norm(x, ord, dims, keepdim)


def _vector_norm_vjp(g: Any, x: Any, out: Any, ord: float, dims: Any) -> Any:
    g, out = restore_dims(g, x.shape, dims), restore_dims(out, x.shape, dims)
    if ord == 0:
        return broadcast_to(no_slope(g), x.shape)
    if ord == 1:
        return mul(g, sign(x))
    if ord in (math.inf, -math.inf):
        return mul(g, mul(sign(x), share_of_ties(abs(x), out, dims=dims)))
    # The norm of the ratios is 1, so no power of them is too large or too small; a ratio of 0 is not raised to one.
    if ord == 2:  # where the norm is 0 so is x, and x / inf too
        return mul(g, _div(x, where(eq(out, 0), math.inf, out)))
    flat = logical_or(eq(out, 0), eq(x, 0))
    ratio = _div(where(flat, 1.0, abs(x)), where(eq(out, 0), 1.0, out))
    return mul(g, where(flat, 0.0, mul(sign(x), pow(ratio, ord - 1))))


_vector_norm.defvjps(_vector_norm_vjp)


# Checks


def check_floats(name: str, key: str, x: Any) -> None:
    """Raise unless x is a tensor of floats."""
    are_tensors(name, **{key: x})
    if x.dtype.kind != "f":
        raise DTypeError(f"{name}: {key} has dtype {x.dtype}, it must be a float: cast it, for example with .float()")


def as_dtype(name: str, key: str, x: Any, dtype: Any) -> Any:
    """x cast to `dtype`, which must be a float dtype that holds all of x's values; None leaves it as it is."""
    if dtype is None:
        return x
    target = dtype_of(name, dtype)
    if target.kind != "f" or not np.can_cast(x.dtype, target):
        raise DTypeError(f"{name}: dtype {target} cannot hold {key} of dtype {x.dtype}: it must be as wide a float")
    return x if x.dtype == target else astype(x, dtype=target)
