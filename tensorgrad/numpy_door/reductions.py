"""NumPy's sums, products, means, extremes and running sums of tensors."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..ops import elementwise, extrema, logic, reduce, scans, sorting, statistics
from ..ops.check import normalize_dim
from ..ops.indexing import getitem
from ..ops.pad import pad
from ..ops.shape import broadcast_to, cat, flatten, reshape
from .table import cast, enter, given, in_floats, is_given, over, over_one, plain


def _only(a: Any, where: Any, neutral: float) -> Any:
    """The values that `where` names, and one that changes nothing at the other places."""
    a = given(a)
    return elementwise.where(elementwise.ne(given(where), 0), a, neutral) if is_given(where) else a


def _without_nan(a: Any, neutral: float) -> Any:
    a = given(a)
    return elementwise.where(logic.isnan(a), neutral, a) if a.dtype.kind == "f" else a


# Sums and products


def _sum(
    a: Any, axis: Any = None, dtype: Any = None, *, keepdims: Any = False, initial: Any = 0, where: Any = None
) -> Any:
    total = over(partial(reduce.sum, dtype=dtype), _only(a, where, 0), axis, keepdims)
    return elementwise._add(total, initial) if np.any(plain(initial) != 0) else total


def _prod(
    a: Any, axis: Any = None, dtype: Any = None, *, keepdims: Any = False, initial: Any = 1, where: Any = None
) -> Any:
    product = over_one("prod", partial(scans.prod, dtype=dtype), _only(a, where, 1), axis, keepdims)
    return elementwise.mul(product, initial) if np.any(plain(initial) != 1) else product


def _mean(a: Any, axis: Any = None, dtype: Any = None, *, keepdims: Any = False, where: Any = None) -> Any:
    values = in_floats(a, dtype)
    if not is_given(where):
        return over(reduce.mean, values, axis, keepdims)
    return _average(values, axis, elementwise.ne(given(where), 0), keepdims=keepdims)


def _average(a: Any, axis: Any = None, weights: Any = None, *, keepdims: Any = False) -> Any:
    a = in_floats(a)
    if weights is None:
        return over(reduce.mean, a, axis, keepdims)
    weights = given(weights)
    if weights.ndim == 1 and a.ndim > 1 and isinstance(axis, (int, np.integer)):
        at = normalize_dim("average", int(axis), a.ndim)
        weights = reshape(weights, (*weights.shape, *[1] * (a.ndim - 1 - at)))
    weights = broadcast_to(weights, a.shape)
    sums = [over(reduce.sum, x, axis, keepdims) for x in (elementwise.mul(a, weights), cast(weights, a.dtype))]
    return elementwise._div(*sums)


def _median(a: Any, axis: Any = None, *, keepdims: Any = False) -> Any:
    """The mean of the middle two values, or the middle one; nan if a value is, or if there is none."""

    def along(x: Any, dim: int, keepdim: bool) -> Any:
        axis = normalize_dim("median", dim, x.ndim)
        count = x.shape[axis] if x.ndim else 1
        if not count:
            return reduce.mean(x, dim, keepdim)
        lanes = (slice(None),) * axis if x.ndim else ()
        ordered = sorting.sort(x, axis).values
        middle = ordered if not x.ndim else getitem(ordered, (*lanes, slice((count - 1) // 2, count // 2 + 1)))
        result = reduce.mean(middle, axis, keepdim)
        unknown = statistics.any(logic.isnan(x), axis, keepdim)
        return elementwise.where(unknown, float("nan"), result)

    return over_one("median", along, in_floats(a), axis, keepdims)


def _deviation(op: Callable[..., Any]) -> Callable[..., Any]:
    """np.std and np.var: `ddof`, or `correction` by its newer name, is 0 unless given."""

    def call(
        a: Any, axis: Any = None, dtype: Any = None, *, ddof: Any = 0, keepdims: Any = False, correction: Any = None
    ) -> Any:
        less = ddof if correction is None else correction
        return over(lambda x, dim, keep: op(x, dim, None, keep, correction=less), in_floats(a, dtype), axis, keepdims)

    return call


# The largest and the smallest


def _extreme(name: str, op: Callable[..., Any]) -> Callable[..., Any]:
    """np.max and np.min: the gradient is split evenly between ties, of which `initial` can be one."""

    def call(a: Any, axis: Any = None, *, keepdims: Any = False, initial: Any = None, where: Any = None) -> Any:
        if initial is None and not is_given(where):
            return over(op, a, axis, keepdims)
        if initial is None:
            raise ShapeError(f"{name}: where needs initial, the value of what is left out")

        def along(x: Any, dim: int, keep: bool) -> Any:
            at = normalize_dim(name, dim, x.ndim)
            return op(pad(x, (0, 0) * (x.ndim - 1 - at) + (0, 1), value=initial), at, keep)

        return over_one(name, along, _only(a, where, initial), axis, keepdims)

    return call


def _ptp(a: Any, axis: Any = None, *, keepdims: Any = False) -> Any:
    return elementwise._sub(over(extrema.amax, a, axis, keepdims), over(extrema.amin, a, axis, keepdims))


def _place(op: Callable[..., Any]) -> Callable[..., Any]:
    return lambda a, axis=None, *, keepdims=False: op(given(a), axis, bool(keepdims))


# Counting


def _truth(op: Callable[..., Any]) -> Callable[..., Any]:
    """np.all and np.any, which give booleans of all dtypes."""

    def call(a: Any, axis: Any = None, *, keepdims: Any = False, where: Any = None) -> Any:
        neutral = op is statistics.all
        truth = elementwise.ne(given(a), 0)
        return over(op, _only(truth, where, neutral), axis, keepdims)

    return call


def _count_nonzero(a: Any, axis: Any = None, *, keepdims: Any = False) -> Any:
    return over(reduce.sum, elementwise.ne(given(a), 0), axis, keepdims)


# Running sums, and their opposite


def _running(op: Callable[..., Any], neutral: float | None = None) -> Callable[..., Any]:
    """np.cumsum and the like: of all values in reading order if no axis is given; nan counts as `neutral`."""

    def call(a: Any, axis: Any = None, dtype: Any = None) -> Any:
        a = given(a) if neutral is None else _without_nan(a, neutral)
        return op(flatten(a) if axis is None else a, 0 if axis is None else axis, dtype=dtype)

    return call


def _cumulative(op: Callable[..., Any], first: float) -> Callable[..., Any]:
    """np.cumulative_sum and _prod: of one axis without being told, and with what they begin from if asked."""

    def call(x: Any, /, *, axis: Any = None, dtype: Any = None, include_initial: Any = False) -> Any:
        x = given(x)
        if axis is None and x.ndim != 1:
            raise ShapeError(f"cumulative_sum, cumulative_prod: axis must be given for shape {tuple(x.shape)}")
        at = normalize_dim("cumulative_sum", 0 if axis is None else axis, x.ndim)
        result = op(x, at, dtype=dtype)
        return pad(result, (0, 0) * (x.ndim - 1 - at) + (1, 0), value=first) if include_initial else result

    return call


def _diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    a = given(a)
    at = normalize_dim("diff", axis, a.ndim)
    if not a.ndim or n < 0:
        raise ShapeError(f"diff: n must be at least 0, got {n}, and there must be an axis, got shape {tuple(a.shape)}")
    ends = [None if end is None else given(end) for end in (prepend, append)]
    ends = [
        broadcast_to(x, (*a.shape[:at], 1, *a.shape[at + 1 :])) if x is not None and not x.ndim else x for x in ends
    ]
    if n and any(x is not None for x in ends):
        a = cat([x for x in (ends[0], a, ends[1]) if x is not None], at)
    lanes = (slice(None),) * at
    for _ in range(n):
        later, sooner = getitem(a, (*lanes, slice(1, None))), getitem(a, (*lanes, slice(None, -1)))
        a = elementwise.ne(later, sooner) if a.dtype == np.bool_ else elementwise._sub(later, sooner)
    return a


enter(
    {
        "sum": _sum,
        "prod": _prod,
        "mean": _mean,
        "average": _average,
        "median": _median,
        "std": _deviation(statistics.std),
        "var": _deviation(statistics.var),
        "max": _extreme("max", extrema.amax),
        "amax": _extreme("amax", extrema.amax),
        "min": _extreme("min", extrema.amin),
        "amin": _extreme("amin", extrema.amin),
        "ptp": _ptp,
        "argmax": _place(extrema.argmax),
        "argmin": _place(extrema.argmin),
        "all": _truth(statistics.all),
        "any": _truth(statistics.any),
        "count_nonzero": _count_nonzero,
        "nansum": lambda a, axis=None, dtype=None, **more: _sum(_without_nan(a, 0), axis, dtype, **more),
        "nanprod": lambda a, axis=None, dtype=None, **more: _prod(_without_nan(a, 1), axis, dtype, **more),
        "nanmean": lambda a, axis=None, dtype=None, *, keepdims=False: over(
            statistics.nanmean, in_floats(a, dtype), axis, keepdims
        ),
        "cumsum": _running(scans.cumsum),
        "cumprod": _running(scans.cumprod),
        "nancumsum": _running(scans.cumsum, 0),
        "nancumprod": _running(scans.cumprod, 1),
        "cumulative_sum": _cumulative(scans.cumsum, 0),
        "cumulative_prod": _cumulative(scans.cumprod, 1),
        "diff": _diff,
    }
)
