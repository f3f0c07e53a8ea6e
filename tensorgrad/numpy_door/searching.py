"""NumPy's sorting and searching in tensors, and how it compares them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..node import make_tensor
from ..ops import logic, search, sorting
from ..ops.indexing import getitem
from ..ops.shape import flatten
from .table import enter, given, plain


def _sort(a: Any, axis: Any = -1, kind: Any = None, *, stable: Any = None) -> Any:
    return sorting.sort(*_lanes(a, axis), stable=_is_stable(kind, stable)).values


def _argsort(a: Any, axis: Any = -1, kind: Any = None, *, stable: Any = None) -> Any:
    return sorting.argsort(*_lanes(a, axis), stable=_is_stable(kind, stable))


def _lanes(a: Any, axis: Any) -> tuple[Any, int]:
    return (flatten(given(a)), 0) if axis is None else (given(a), axis)


def _is_stable(kind: Any, stable: Any) -> bool:
    return bool(stable) or kind in ("stable", "mergesort")


def _unique(
    ar: Any,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: Any = None,
    *,
    equal_nan: bool = True,
) -> Any:
    """The gradient of each value goes to the first place where it stands."""
    ar = given(ar)
    places = np.unique(plain(ar), True, True, True, axis, equal_nan=equal_nan)[1:]
    source = flatten(ar) if axis is None else ar
    values = getitem(source, (*[slice(None)] * (0 if axis is None else axis % ar.ndim), places[0]))
    wanted = (return_index, return_inverse, return_counts)
    more = [make_tensor(place) for place, want in zip(places, wanted, strict=True) if want]
    return (values, *more) if more else values


def _searchsorted(a: Any, v: Any, side: str = "left", sorter: Any = None) -> Any:
    return search.searchsorted(given(a), given(v), side=side, sorter=None if sorter is None else given(sorter))


def _isin(element: Any, test_elements: Any, assume_unique: bool = False, invert: bool = False) -> Any:
    return search.isin(given(element), given(test_elements), assume_unique=assume_unique, invert=invert)


def _array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> bool:
    return bool(np.array_equal(plain(a1), plain(a2), equal_nan))


def _close(op: Callable[..., Any]) -> Callable[..., Any]:
    return lambda a, b, rtol=1e-05, atol=1e-08, equal_nan=False: op(given(a), given(b), rtol, atol, equal_nan)


enter(
    {
        "sort": _sort,
        "argsort": _argsort,
        "unique": _unique,
        "unique_values": lambda x: _unique(x, equal_nan=False),
        "searchsorted": _searchsorted,
        "isin": _isin,
        "isclose": _close(logic.isclose),
        "allclose": _close(logic.allclose),
        "array_equal": _array_equal,
        "array_equiv": lambda a1, a2: bool(np.array_equiv(plain(a1), plain(a2))),
        "isposinf": lambda x: logic.isposinf(x),
        "isneginf": lambda x: logic.isneginf(x),
    }
)
