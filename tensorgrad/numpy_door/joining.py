"""NumPy's ways to put tensors together and take them apart, to repeat them and to pad them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..ops import repeat, shape, split, spread, stacking
from ..ops.check import normalize_dim
from ..ops.indexing import getitem
from ..ops.pad import pad
from ..ops.shape import flatten, reshape
from .table import all_given, cast, enter, given, plain


def _concatenate(arrays: Any, axis: Any = 0, *, dtype: Any = None) -> Any:
    parts = all_given(arrays)
    return cast(shape.cat([flatten(x) for x in parts] if axis is None else parts, axis or 0), dtype)


def _stacked(op: Callable[..., Any]) -> Callable[..., Any]:
    return lambda tup, *, dtype=None: cast(op(all_given(tup)), dtype)


def _append(arr: Any, values: Any, axis: Any = None) -> Any:
    return _concatenate([arr, values], axis)


def _split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """Parts of one size, or cut at indices."""
    ary = given(ary)
    size = ary.shape[normalize_dim("split", axis, ary.ndim)] if ary.ndim else 0
    count = indices_or_sections
    if isinstance(count, (int, np.integer)) and (count < 1 or size % count):
        raise ShapeError(f"split: {count} parts do not divide {size}, the size of axis {axis}: see array_split")
    return list(split.tensor_split(ary, indices_or_sections, axis))


def _parts(op: Callable[..., Any]) -> Callable[..., Any]:
    return lambda ary, indices_or_sections: list(op(given(ary), indices_or_sections))


def _meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> Any:
    """Each array is read as one of one axis; a copy is never made."""
    values = [reshape(given(x), (-1,)) for x in xi]
    grids = spread.meshgrid(*values, indexing=indexing) if values else ()
    if not sparse:
        return grids
    own = list(range(len(grids)))
    if indexing == "xy" and len(own) > 1:
        own[:2] = 1, 0
    return tuple(
        getitem(grid, tuple(slice(None) if i == axis else slice(0, 1) for i in range(len(own))))
        for grid, axis in zip(grids, own, strict=True)
    )


# Padding

COPYING = ("edge", "reflect", "symmetric", "wrap")


def _pad(array: Any, pad_width: Any, mode: Any = "constant", *, constant_values: Any = 0) -> Any:
    """By a constant, or by copies of the array's own values, however wide."""
    array = given(array)
    if mode not in ("constant", *COPYING):
        raise ShapeError(f"pad: mode must be one of {', '.join(('constant', *COPYING))} on tensors, got {mode!r}")
    widths = _pairs("pad_width", pad_width, array.ndim)
    if any(n < 0 or n != int(n) for pair in widths for n in pair):
        raise ShapeError(f"pad: pad_width must be ints of at least 0, got {pad_width!r}")
    if mode == "constant":
        for axis, (width, values) in enumerate(
            zip(widths, _pairs("constant_values", constant_values, array.ndim), strict=True)
        ):
            behind = (0, 0) * (array.ndim - 1 - axis)
            if values[0] == values[1]:
                array = pad(array, (*behind, int(width[0]), int(width[1])), value=values[0])
            else:
                array = pad(array, (*behind, int(width[0]), 0), value=values[0])
                array = pad(array, (*behind, 0, int(width[1])), value=values[1])
        return array
    for axis, width in enumerate(widths):
        if any(width):
            # Where each value comes from, as NumPy has it: the gradient of a value is the sum over its copies.
            places = np.pad(np.arange(array.shape[axis]), tuple(int(n) for n in width), mode=mode)
            array = getitem(array, (*[slice(None)] * axis, places))
    return array


def _pairs(what: str, value: Any, count: int) -> list[list[Any]]:
    """A pair for each axis: of a number, of a pair for all, of a pair for each."""
    try:
        pairs: list[list[Any]] = np.broadcast_to(np.asarray(plain(value)), (count, 2)).tolist()
    except (ValueError, TypeError):
        raise ShapeError(f"pad: {what} must be a number, a pair, or {count} pairs, got {value!r}") from None
    return pairs


enter(
    {
        "concatenate": lambda arrays, /, axis=0, *, dtype=None: _concatenate(arrays, axis, dtype=dtype),
        "stack": lambda arrays, axis=0, *, dtype=None: cast(shape.stack(all_given(arrays), axis), dtype),
        "hstack": _stacked(stacking.hstack),
        "vstack": _stacked(stacking.vstack),
        "dstack": lambda tup: stacking.dstack(all_given(tup)),
        "column_stack": lambda tup: stacking.column_stack(all_given(tup)),
        "append": _append,
        "split": _split,
        "array_split": lambda ary, indices_or_sections, axis=0: list(
            split.tensor_split(given(ary), indices_or_sections, axis)
        ),
        "hsplit": _parts(split.hsplit),
        "vsplit": _parts(split.vsplit),
        "dsplit": _parts(split.dsplit),
        "tile": lambda A, reps: repeat.tile(given(A), plain(reps).reshape(-1).tolist()),
        "repeat": lambda a, repeats, axis=None: repeat.repeat_interleave(
            given(a), repeats if isinstance(repeats, int) else given(repeats), axis
        ),
        "broadcast_arrays": lambda *args: spread.broadcast_tensors(*[given(x) for x in args]),
        "meshgrid": _meshgrid,
        "pad": _pad,
    }
)
