"""The table of NumPy's functions, and how their arguments and results are read.

The modules beside this one fill it. What they write is called with NumPy's arguments, has NumPy's names, order and
defaults, and answers by NumPy's rules: `np.std` is the biased one, `np.median` the mean of the middle two. Types stay
the engine's: integers that need a fraction give float32, and what NumPy gives as an array is a Tensor.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import DTypeError, GradientError, ShapeError
from ..node import TensorBase
from ..ops.check import normalize_dims
from ..ops.reduce import kept_shape
from ..ops.shape import permute, reshape, unsqueeze
from ..primitive import astype

FUNCTIONS: dict[Any, Callable[..., Any]] = {}


def enter(entries: dict[str, Callable[..., Any]]) -> None:
    """Put functions in the table under NumPy's names, as "linalg.inv"; those this NumPy does not have are left out.

    Each has the parameters that are supported, by NumPy's names; those that NumPy has after one that is not supported
    are keyword-only. `out` it need not have: that is seen to for all.
    """
    for name, function in entries.items():
        try:
            FUNCTIONS[operator.attrgetter(name)(np)] = function
        except AttributeError:
            continue


def told(function: Any) -> str:
    """A NumPy function's name, as users write it."""
    module = "" if isinstance(function, np.ufunc) else function.__module__.removeprefix("numpy").lstrip(".")
    return f"np.{module}.{function.__name__}" if module else f"np.{function.__name__}"


# Arguments


def given(value: Any) -> Any:
    """A tensor or an array as it is; a number or a list as the array that NumPy makes of it."""
    return value if isinstance(value, (TensorBase, np.ndarray)) else np.asarray(value)


def all_given(values: Any) -> list[Any]:
    """A list of what NumPy takes for arrays; of one array, its rows."""
    return [given(value) for value in values]


def plain(value: Any) -> Any:
    """The array of a tensor: of a mask or an index, which have no gradient."""
    return value._array if isinstance(value, TensorBase) else np.asarray(value)


def in_floats(value: Any, dtype: Any = None) -> Any:
    """Cast to the dtype asked for, else integers to float32."""
    value = given(value)
    if dtype is None:
        dtype = value.dtype if value.dtype.kind == "f" else np.float32
    return cast(value, dtype)


def cast(value: Any, dtype: Any) -> Any:
    """Cast to a dtype; the tensor itself if that is None, or if it has it."""
    return value if dtype is None or value.dtype == np.dtype(dtype) else astype(value, dtype=np.dtype(dtype))


# Axes


def over(op: Callable[..., Any], a: Any, axis: Any, keepdims: bool = False) -> Any:
    """op(a, dim, keepdim) over axes as NumPy takes them: () are none, where PyTorch's functions take it for all."""
    a = given(a)
    if isinstance(axis, (tuple, list)) and not axis:
        return op(unsqueeze(a, 0), 0, False)
    return op(a, tuple(axis) if isinstance(axis, list) else axis, bool(keepdims))


def over_one(name: str, op: Callable[..., Any], a: Any, axis: Any, keepdims: bool = False) -> Any:
    """The same for an operation along one axis: several are joined to one, all of them if `axis` is None."""
    a = given(a)
    if isinstance(axis, (int, np.integer)):
        return op(a, axis, bool(keepdims))
    if axis is not None and not axis:
        return op(unsqueeze(a, 0), 0, False)
    shape = tuple(a.shape)
    axes = normalize_dims(name, axis, a.ndim)
    rest = [i for i in range(a.ndim) if i not in axes]
    size = int(np.prod([shape[i] for i in axes], dtype=np.int64))
    result = op(reshape(permute(a, (*rest, *axes)), (*[shape[i] for i in rest], size)), -1, False)
    return reshape(result, kept_shape(shape, axes)) if keepdims else result


def is_given(where: Any) -> bool:
    """Whether a `where` argument leaves something out: it is true if not given."""
    return where is not None and where is not True


# Results


def write_to(name: str, out: Any, result: Any, *, broadcast: bool = False, mask: Any = None) -> Any:
    """Put a result where `out=` says, or its values at the places that a mask of booleans names; returns `out`.

    The shapes must be the same, unless the result may be broadcast. A tensor takes it as an assignment, which is
    recorded; into an array only what has no gradient can be written.
    """
    if isinstance(result, (bool, int, float)):
        result = np.asarray(result)
    _check_out(name, out, result, mask is None, broadcast)
    if isinstance(out, TensorBase):
        place: Any = out
        place[... if mask is None else mask] = result
        return out
    if isinstance(result, TensorBase):
        if result._requires_grad:
            raise GradientError(
                f"{name}: the result has a gradient, which the array given as out, or changed in place, would lose: "
                "write it as a new tensor, or call detach() first"
            )
        result = result._array
    out[... if mask is None else mask] = result
    return out


def _check_out(name: str, out: Any, result: Any, whole: bool, broadcast: bool) -> None:
    if not isinstance(out, (TensorBase, np.ndarray)):
        raise DTypeError(f"{name}: out must be a tensor or an array, got {type(out).__name__}")
    if not isinstance(result, (TensorBase, np.ndarray, np.generic)):
        raise DTypeError(f"{name}: out is not supported on tensors, where there is more than one result")
    source, target = plain(result), plain(out)
    if whole and source.shape != target.shape and not (broadcast and broadcasts(target.shape, source.shape)):
        raise ShapeError(f"{name}: out has shape {target.shape}, the result {source.shape}")
    if not np.can_cast(source.dtype, target.dtype, "same_kind"):
        raise DTypeError(f"{name}: out has dtype {target.dtype}, to which a result of {source.dtype} is not cast")
    if isinstance(out, np.ndarray) and not out.flags.writeable:
        raise ShapeError(f"{name}: out is an array that is read-only")


def broadcasts(target: tuple[int, ...], *shapes: tuple[int, ...]) -> bool:
    """Whether all shapes broadcast to a target."""
    try:
        return np.broadcast_shapes(target, *shapes) == target
    except ValueError:
        return False
