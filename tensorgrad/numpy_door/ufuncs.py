"""What NumPy's ufuncs do with tensors: `np.exp(t)`, `array * t`, `np.add.reduce(t)`, and what `array += t` does."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..errors import DTypeError, ShapeError
from ..node import TensorBase
from ..ops import (
    activation,
    elementwise,
    exponential,
    extrema,
    extremes,
    linalg,
    log_sums,
    logic,
    reduce,
    rounding,
    scans,
    statistics,
    trigonometric,
    vector_products,
)
from ..ops.indexing import getitem
from ..ops.shape import broadcast_to, reshape, unsqueeze
from ..primitive import Primitive
from .table import broadcasts, cast, given, in_floats, is_given, over, over_one, plain, write_to


def sign(x: Any) -> Any:
    """As `sign`, but nan for nan."""
    return elementwise.where(logic.isnan(x), float("nan"), elementwise.sign(x)) if _is_float(x) else elementwise.sign(x)


def heaviside(x1: Any, x2: Any) -> Any:
    """As `heaviside`, but nan for nan."""
    step = logic.heaviside(x1, x2)
    return elementwise.where(logic.isnan(x1), float("nan"), step) if _is_float(x1) else step


def _is_float(x: Any) -> bool:
    return bool(plain(x).dtype.kind == "f")


def matvec(x1: Any, x2: Any) -> Any:
    """Matrices (..., m, n) by vectors (..., n)."""
    return getitem(linalg.matmul(x1, unsqueeze(x2, -1)), (..., 0))


def vecmat(x1: Any, x2: Any) -> Any:
    """Vectors (..., m) by matrices (..., m, n)."""
    return getitem(linalg.matmul(unsqueeze(x1, -2), x2), (..., 0, slice(None)))


UFUNCS: dict[Any, Callable[..., Any]] = {
    # Arithmetic
    np.add: elementwise._add,
    np.subtract: elementwise._sub,
    np.multiply: elementwise.mul,
    np.true_divide: elementwise._div,
    np.negative: elementwise.neg,
    np.positive: logic.positive,
    np.conjugate: logic.positive,
    np.power: elementwise.pow,
    np.floor_divide: rounding.floor_divide,
    np.remainder: rounding.remainder,
    np.fmod: rounding.fmod,
    np.divmod: lambda x1, x2: (rounding.floor_divide(x1, x2), rounding.remainder(x1, x2)),
    np.absolute: elementwise.abs,
    np.fabs: lambda x: elementwise.abs(in_floats(x)),
    np.sign: sign,
    np.copysign: logic.copysign,
    np.heaviside: heaviside,
    np.square: exponential.square,
    np.reciprocal: exponential.reciprocal,
    # Exponential and logarithm
    np.exp: elementwise.exp,
    np.exp2: exponential.exp2,
    np.expm1: exponential.expm1,
    np.log: elementwise.log,
    np.log1p: elementwise.log1p,
    np.log2: exponential.log2,
    np.log10: exponential.log10,
    np.logaddexp: exponential.logaddexp,
    np.logaddexp2: exponential.logaddexp2,
    np.sqrt: elementwise.sqrt,
    # Trigonometric and hyperbolic
    np.sin: trigonometric.sin,
    np.cos: trigonometric.cos,
    np.tan: trigonometric.tan,
    np.arcsin: trigonometric.asin,
    np.arccos: trigonometric.acos,
    np.arctan: trigonometric.atan,
    np.arctan2: trigonometric.atan2,
    np.hypot: trigonometric.hypot,
    np.sinh: trigonometric.sinh,
    np.cosh: trigonometric.cosh,
    np.tanh: activation.tanh,
    np.arcsinh: trigonometric.asinh,
    np.arccosh: trigonometric.acosh,
    np.arctanh: trigonometric.atanh,
    np.deg2rad: trigonometric.deg2rad,
    np.radians: trigonometric.deg2rad,
    np.rad2deg: trigonometric.rad2deg,
    np.degrees: trigonometric.rad2deg,
    # Rounding
    np.floor: rounding.floor,
    np.ceil: rounding.ceil,
    np.trunc: rounding.trunc,
    np.rint: rounding.round,
    # The larger and the smaller one
    np.maximum: extremes.maximum,
    np.minimum: extremes.minimum,
    np.fmax: extremes.fmax,
    np.fmin: extremes.fmin,
    # Comparisons, logic and bits
    np.equal: elementwise.eq,
    np.not_equal: elementwise.ne,
    np.less: elementwise.lt,
    np.less_equal: elementwise.le,
    np.greater: elementwise.gt,
    np.greater_equal: elementwise.ge,
    np.logical_and: elementwise.logical_and,
    np.logical_or: elementwise.logical_or,
    np.logical_not: elementwise.logical_not,
    np.logical_xor: logic.logical_xor,
    np.isnan: logic.isnan,
    np.isinf: logic.isinf,
    np.isfinite: logic.isfinite,
    np.signbit: logic.signbit,
    np.bitwise_and: elementwise.bitwise_and,
    np.bitwise_or: elementwise.bitwise_or,
    np.bitwise_xor: elementwise.bitwise_xor,
    np.invert: elementwise.bitwise_not,
    np.left_shift: logic.bitwise_left_shift,
    np.right_shift: logic.bitwise_right_shift,
    # Products of vectors and matrices
    np.matmul: linalg.matmul,
    np.vecdot: vector_products.vecdot,
}
for _name, _product in {"matvec": matvec, "vecmat": vecmat}.items():  # which NumPy has since 2.2
    if hasattr(np, _name):
        UFUNCS[getattr(np, _name)] = _product

# np.add.reduce(t, axis) and the like: called with the tensor, the axes and whether to keep them.
REDUCTIONS: dict[Any, Callable[..., Any]] = {
    np.add: partial(over, reduce.sum),
    np.multiply: partial(over_one, "prod", scans.prod),
    np.maximum: partial(over, extrema.amax),
    np.minimum: partial(over, extrema.amin),
    np.logical_and: lambda a, axis, keep: over(statistics.all, elementwise.ne(a, 0), axis, keep),
    np.logical_or: lambda a, axis, keep: over(statistics.any, elementwise.ne(a, 0), axis, keep),
    np.logaddexp: partial(over, lambda a, dim, keep: log_sums.logsumexp(a, () if dim is None else dim, keep)),
}

# np.add.accumulate(t, axis): called with the tensor and the axis.
RUNNING: dict[Any, Callable[..., Any]] = {
    np.add: scans.cumsum,
    np.multiply: scans.cumprod,
    np.maximum: lambda a, dim: extrema.cummax(a, dim).values,
    np.minimum: lambda a, dim: extrema.cummin(a, dim).values,
    np.logaddexp: log_sums.logcumsumexp,
}


def array_ufunc(self: Any, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """A NumPy ufunc met a tensor, as an input or as what is to take the result."""
    name = f"np.{ufunc.__name__}" if method == "__call__" else f"np.{ufunc.__name__}.{method}"
    if not kwargs and method == "__call__":  # the usual case
        op = UFUNCS.get(ufunc)
        if op is not None:
            return op(*[np.asarray(x) if isinstance(x, (list, tuple)) else x for x in inputs])
    out = kwargs.pop("out", None)
    outs = out if isinstance(out, tuple) else (out,)
    # None says that nothing is asked for, but as an axis: it is all of them.
    kwargs = {key: value for key, value in kwargs.items() if value is not None or key == "axis"}
    how = {"__call__": _call, "outer": _outer, "reduce": _reduce, "accumulate": _accumulate}.get(method)
    if how is None:
        raise _not_supported(name)
    mask = kwargs.pop("where", True)
    if is_given(mask):
        return _call_where(name, ufunc, method, inputs, kwargs, mask, outs[0])
    result = how(name, ufunc, inputs, kwargs)
    if all(target is None for target in outs):
        return result
    results = result if isinstance(result, tuple) else (result,)
    each = method in ("__call__", "outer") and ufunc.signature is None
    written = [
        r if target is None else write_to(name, target, r, broadcast=each)
        for r, target in zip(results, outs, strict=True)
    ]
    return tuple(written) if isinstance(result, tuple) else written[0]


def _not_supported(name: str, with_: str = "") -> DTypeError:
    return DTypeError(f"{name}{with_}: not supported on tensors; use the tensorgrad function, or detach()")


def _no_more(name: str, kwargs: dict[str, Any]) -> None:
    """Raise for arguments that are not supported, but not for what is done anyway."""
    usual = {"casting": "same_kind", "order": "K", "subok": True, "axes": [(-2, -1)] * 3}  # the last of `a @= t`
    left = [key for key, value in kwargs.items() if usual.get(key, ...) != value]
    if left:
        raise _not_supported(name, f" with {', '.join(left)}")


def _call(name: str, ufunc: Any, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    op = UFUNCS.get(ufunc)
    if op is None:
        raise _not_supported(name)
    inputs = tuple([np.asarray(x) if isinstance(x, (list, tuple)) else x for x in inputs])
    dtype = kwargs.pop("dtype", None)
    if ufunc is np.vecdot and "axis" in kwargs:
        op = partial(op, dim=kwargs.pop("axis"))
    _no_more(name, kwargs)
    if dtype is None or (np.dtype(dtype) == np.bool_ and isinstance(op, Primitive) and not op.differentiable):
        return op(*inputs)
    result = op(*[_as_loop(name, x, np.dtype(dtype)) for x in inputs])
    if not isinstance(result, tuple) and result.dtype == np.dtype(dtype):
        return result
    raise _not_supported(name, f" with dtype={np.dtype(dtype)}")


def _as_loop(name: str, x: Any, dtype: np.dtype[Any]) -> Any:
    """An input in the dtype that is to be computed in; a Python number takes it by itself."""
    if not isinstance(x, (TensorBase, np.ndarray, np.generic)):
        return x
    given_as = plain(x).dtype
    if not np.can_cast(given_as, dtype, "same_kind"):
        raise DTypeError(f"{name}: an input has dtype {given_as}, which is not cast to dtype={dtype}")
    return cast(given(x), dtype)


def _call_where(
    name: str, ufunc: Any, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any], mask: Any, out: Any
) -> Any:
    """Computed only where the mask holds, so that no value left out has a say in a gradient; `out` keeps the others."""
    if method != "__call__" or ufunc.signature is not None or ufunc.nout > 1:
        raise _not_supported(name, " with where")
    if out is None:
        raise DTypeError(f"{name}: where needs out, which says what stands at the other places")
    chosen = plain(mask)
    if chosen.dtype != np.bool_:
        raise DTypeError(f"{name}: where has dtype {chosen.dtype}, it must be bool: compare it, for example with != 0")
    inputs = tuple([x if isinstance(x, (bool, int, float)) else given(x) for x in inputs])
    shape = tuple(out.shape)
    if not broadcasts(shape, chosen.shape, *[tuple(getattr(x, "shape", ())) for x in inputs]):
        raise ShapeError(f"{name}: inputs and where must broadcast to the shape of out, {shape}")
    chosen = np.array(np.broadcast_to(chosen, shape))
    picked = [getitem(broadcast_to(x, shape), chosen) if hasattr(x, "shape") else x for x in inputs]
    return write_to(name, out, _call(name, ufunc, tuple(picked), kwargs), mask=chosen)


def _outer(name: str, ufunc: Any, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The ufunc of each value of the first with each of the second."""
    if ufunc.nin != 2 or ufunc.signature is not None:
        raise _not_supported(name)
    first, second = (given(x) for x in inputs)
    return _call(name, ufunc, (reshape(first, (*first.shape, *[1] * second.ndim)), second), kwargs)


def _reduce(name: str, ufunc: Any, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    op = REDUCTIONS.get(ufunc)
    if op is None:
        raise _not_supported(name)
    (a,), axis, keepdims = inputs, kwargs.pop("axis", 0), kwargs.pop("keepdims", False)
    return op(_before(name, a, kwargs), axis, keepdims)


def _accumulate(name: str, ufunc: Any, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    op = RUNNING.get(ufunc)
    if op is None:
        raise _not_supported(name)
    (a,), axis = inputs, kwargs.pop("axis", 0)
    return op(_before(name, a, kwargs), axis)


def _before(name: str, a: Any, kwargs: dict[str, Any]) -> Any:
    """The tensor of a reduction, in the dtype that is asked for."""
    dtype = kwargs.pop("dtype", None)
    _no_more(name, kwargs)
    return cast(given(a), dtype)
