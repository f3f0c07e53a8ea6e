"""NumPy's rearrangements of tensors: shapes, axes, order along them, triangles and diagonals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..ops import arrange, logic, reduce, rounding, shape, split, stacking, triangle, trigonometric
from ..ops.check import normalize_dim, normalize_dims
from ..ops.shape import permute
from ..primitive import clone
from .table import cast, enter, given


def _turned(a: Any) -> Any:
    return permute(a, tuple(range(a.ndim))[::-1])


def _reshape(a: Any, shape_: Any, order: str) -> Any:
    """In C's order of reading, or in Fortran's, which is C's with all axes the other way round."""
    if order not in ("C", "F"):
        raise ShapeError(f"reshape, ravel: order must be 'C' or 'F' on tensors, got {order!r}")
    a = given(a)
    sizes = tuple(shape_) if isinstance(shape_, (tuple, list)) else (shape_,)
    return shape.reshape(a, sizes) if order == "C" else _turned(shape.reshape(_turned(a), sizes[::-1]))


def _squeeze(a: Any, axis: Any = None) -> Any:
    a = given(a)
    if axis is None:
        return shape.squeeze(a)
    axes = normalize_dims("squeeze", axis, a.ndim) if axis != () else ()
    if any(a.shape[i] != 1 for i in axes):
        raise ShapeError(f"squeeze: axis={axis} has a size other than 1 in shape {tuple(a.shape)}")
    return shape.squeeze(a, axes)


def _expand_dims(a: Any, axis: Any) -> Any:
    a = given(a)
    axes = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    at = normalize_dims("expand_dims", axes, a.ndim + len(axes)) if axes else ()
    sizes = list(a.shape)
    for i in at:
        sizes.insert(i, 1)
    return shape.reshape(a, tuple(sizes))


def _rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    """The axis moved back until it stands before the one that `start` counts."""
    a = given(a)
    at = normalize_dim("rollaxis", axis, a.ndim)
    to = start + a.ndim if start < 0 else start
    if not 0 <= to <= a.ndim:
        raise ShapeError(f"rollaxis: start {start} is out of range for a tensor of {a.ndim} axes")
    return arrange.movedim(a, at, to - 1 if at < to else to)


def _flip(m: Any, axis: Any = None) -> Any:
    m = given(m)
    return arrange.flip(m, tuple(range(m.ndim)) if axis is None else axis)


def _roll(a: Any, shift: Any, axis: Any = None) -> Any:
    """One shift for several axes, or several shifts for one, are repeated."""
    moves = list(shift) if isinstance(shift, (tuple, list)) else [shift]
    if axis is None:
        return arrange.roll(given(a), sum(moves))
    axes = list(axis) if isinstance(axis, (tuple, list)) else [axis]
    count = max(len(moves), len(axes))
    moves, axes = (x * count if len(x) == 1 else x for x in (moves, axes))
    return arrange.roll(given(a), tuple(moves), tuple(axes))


def _triangle(op: Callable[..., Any]) -> Callable[..., Any]:
    return lambda m, k=0: op(given(m), k)


def _trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None) -> Any:
    return reduce.sum(triangle.diagonal(given(a), offset, axis1, axis2), -1, dtype=dtype)


def _atleast(op: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *arys: op(*[given(a) for a in arys])


def _matrix_transpose(x: Any) -> Any:
    if given(x).ndim < 2:
        raise ShapeError(f"matrix_transpose: there must be two axes or more, got shape {tuple(given(x).shape)}")
    return shape.transpose(given(x), -1, -2)


def _broadcast_to(array: Any, shape_: Any) -> Any:
    return shape.broadcast_to(given(array), tuple(shape_) if isinstance(shape_, (tuple, list)) else (shape_,))


enter(
    {
        "reshape": lambda a, shape, order="C": _reshape(a, shape, order),
        "ravel": lambda a, order="C": _reshape(a, -1, order),
        "transpose": lambda a, axes=None: _turned(given(a)) if axes is None else permute(given(a), axes),
        "matrix_transpose": lambda x, /: _matrix_transpose(x),
        "linalg.matrix_transpose": lambda x, /: _matrix_transpose(x),
        "swapaxes": lambda a, axis1, axis2: arrange.swapaxes(given(a), axis1, axis2),
        "moveaxis": lambda a, source, destination: arrange.movedim(given(a), source, destination),
        "rollaxis": _rollaxis,
        "squeeze": _squeeze,
        "expand_dims": _expand_dims,
        "broadcast_to": lambda array, shape: _broadcast_to(array, shape),
        "flip": _flip,
        "fliplr": lambda m: arrange.fliplr(given(m)),
        "flipud": lambda m: arrange.flipud(given(m)),
        "roll": _roll,
        "rot90": lambda m, k=1, axes=(0, 1): arrange.rot90(given(m), k, axes),
        "tril": _triangle(triangle.tril),
        "triu": _triangle(triangle.triu),
        "diag": lambda v, k=0: triangle.diag(given(v), k),
        "diagflat": lambda v, k=0: triangle.diagflat(given(v), k),
        "diagonal": lambda a, offset=0, axis1=0, axis2=1: triangle.diagonal(given(a), offset, axis1, axis2),
        "linalg.diagonal": lambda x, /, *, offset=0: triangle.diagonal(given(x), offset, -2, -1),
        "trace": _trace,
        "linalg.trace": lambda x, /, *, offset=0, dtype=None: _trace(x, offset, -2, -1, dtype),
        "atleast_1d": _atleast(stacking.atleast_1d),
        "atleast_2d": _atleast(stacking.atleast_2d),
        "atleast_3d": _atleast(stacking.atleast_3d),
        "unstack": lambda x, /, *, axis=0: split.unbind(given(x), axis),
        "copy": lambda a: clone(given(a)),
        "astype": lambda x, dtype, /, *, copy=True: clone(x) if copy and x.dtype == np.dtype(dtype) else cast(x, dtype),
        "round": lambda a, decimals=0: rounding.round(given(a), decimals=decimals),
        "around": lambda a, decimals=0: rounding.round(given(a), decimals=decimals),
        "fix": lambda x: rounding.trunc(given(x)),
        "sinc": lambda x: trigonometric.sinc(x),
        "real": lambda val: logic.positive(val),
    }
)
