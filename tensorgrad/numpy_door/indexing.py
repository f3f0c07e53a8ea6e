"""NumPy's choices among the values of tensors: by a condition, by place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..ops import elementwise, extremes, index, masked
from ..ops.check import normalize_dim
from ..ops.indexing import getitem
from ..ops.shape import flatten
from ..primitive import clone
from .table import enter, given, plain


def _where(condition: Any, *choices: Any) -> Any:
    """Of a condition alone, where it holds: a tuple of indices. It may have any dtype; what is not 0 holds."""
    if len(choices) not in (0, 2):
        raise ShapeError(f"where: takes a condition, or a condition and two arrays, got {len(choices)} of them")
    condition = given(condition)
    if not choices:
        return masked.where(condition)
    holds = condition if condition.dtype == np.bool_ else elementwise.ne(condition, 0)
    return elementwise.where(holds, *[x if isinstance(x, (bool, int, float)) else given(x) for x in choices])


def _select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    """Of each place the choice whose condition is the first to hold."""
    if len(condlist) != len(choicelist) or not len(condlist):
        raise ShapeError(f"select: {len(condlist)} conditions for {len(choicelist)} choices")
    result = default
    for condition, choice in reversed([*zip(condlist, choicelist, strict=True)]):
        result = elementwise.where(given(condition), choice, result)
    return result


def _clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    """Both bounds may be left out; at a bound the gradient passes."""
    low, high = (given(b) if isinstance(b, (list, tuple)) else b for b in (_one(a_min, min), _one(a_max, max)))
    return clone(given(a)) if low is None and high is None else extremes.clamp(given(a), low, high)


def _one(old: Any, new: Any) -> Any:
    old = None if old is np._NoValue else old
    if old is not None and new is not None:
        raise ShapeError("clip: a bound is given twice, as a_min or a_max and as min or max")
    return new if old is None else old


def _take(a: Any, indices: Any, axis: Any = None) -> Any:
    a = given(a)
    if axis is None:
        return index.take(a, given(indices))
    at = normalize_dim("take", axis, a.ndim)
    return getitem(a, (*[slice(None)] * at, plain(indices)))


def _take_along_axis(arr: Any, indices: Any, axis: Any = -1) -> Any:
    arr, indices = given(arr), given(indices)
    if axis is None and indices.ndim != 1:
        raise ShapeError(f"take_along_axis: without an axis, indices must have one axis, got {tuple(indices.shape)}")
    return index.take_along_dim(arr, indices, axis)


def _compress(condition: Any, a: Any, axis: Any = None) -> Any:
    chosen = plain(condition)
    if chosen.ndim != 1:
        raise ShapeError(f"compress: condition must have one axis, got shape {chosen.shape}")
    a = given(a) if axis is not None else flatten(given(a))
    return _take(a, np.flatnonzero(chosen), 0 if axis is None else axis)


def _extract(condition: Any, arr: Any) -> Any:
    return _take(flatten(given(arr)), np.flatnonzero(plain(condition)), 0)


def _nan_to_num(x: Any, *, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    return extremes.nan_to_num(given(x), nan, posinf, neginf)


enter(
    {
        "where": lambda condition, x=None, y=None, /: _where(condition, *[v for v in (x, y) if v is not None]),
        "select": _select,
        "clip": _clip,
        "take": _take,
        "take_along_axis": _take_along_axis,
        "compress": _compress,
        "extract": _extract,
        "nonzero": lambda a: masked.nonzero(given(a), as_tuple=True),
        "flatnonzero": lambda a: masked.nonzero(flatten(given(a)), as_tuple=True)[0],
        "argwhere": lambda a: masked.argwhere(given(a)),
        "nan_to_num": _nan_to_num,
    }
)
