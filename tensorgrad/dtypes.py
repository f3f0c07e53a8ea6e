"""dtypes follow PyTorch's promotion rules, which differ from NumPy's where integers meet floats."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from .errors import DTypeError

FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)
SCALARS = {bool: np.dtype(np.bool_), int: np.dtype(np.int64), float: FLOAT32}  # what Python numbers become
RANK = {"b": 0, "u": 1, "i": 1, "f": 2}  # a dtype of a higher kind wins over any of a lower one


def canonical(array: Any) -> Any:
    """The array with NumPy's own dtype object and native byte order: the engine compares dtypes by identity, and an
    unpickled array has an equal dtype that is another object."""
    standard = np.dtype(array.dtype.type)
    if array.dtype is standard:
        return array
    return array.view(standard) if array.dtype.isnative else array.astype(standard)


def dtype_of(name: str, given: Any) -> np.dtype[Any]:
    """The dtype that an argument names: NumPy's own, `np.float32`, "float32" or `float`."""
    try:
        return np.dtype(given)
    except TypeError:
        raise DTypeError(
            f"{name}: dtype {given!r} is no dtype: give one as tg.float32, or its name 'float32'"
        ) from None


def promote_types(a: np.dtype[Any], b: np.dtype[Any]) -> np.dtype[Any]:
    """The common dtype of two arrays. Unlike NumPy, an integer and a float give that float."""
    if (a.kind == "f") != (b.kind == "f"):
        return a if a.kind == "f" else b
    return np.promote_types(a, b)


def result_type(*values: Any) -> np.dtype[Any]:
    """The common dtype of arrays and Python numbers, as `torch.result_type` gives it.

    A 0-d array, and a number even more so, changes the dtype only by its kind (bool < integer < float), not its width.
    """
    common: dict[builtins.int, np.dtype[Any]] = {}  # of arrays (0), of 0-d arrays (1), of numbers (2)
    for value in values:
        weakness, dtype = 2, SCALARS.get(type(value))
        if dtype is None:
            weakness, dtype = (0 if value.ndim else 1), value.dtype
        common[weakness] = promote_types(common[weakness], dtype) if weakness in common else dtype
    result = common[min(common)]
    for weakness in sorted(common):
        if RANK[common[weakness].kind] > RANK[result.kind]:
            result = promote_types(result, common[weakness])
    return result


finfo, iinfo = np.finfo, np.iinfo  # what floats and integers of a dtype can hold

# PyTorch's names: `tg.float32`. They are NumPy's dtypes.
float16, float32, float64 = np.dtype(np.float16), FLOAT32, FLOAT64
int8, int16, int32, int64 = np.dtype(np.int8), np.dtype(np.int16), np.dtype(np.int32), np.dtype(np.int64)
uint8 = np.dtype(np.uint8)
half, double, short, long = float16, float64, int16, int64
# Last: they hide the builtins in this file.
bool, float, int = np.dtype(np.bool_), float32, int32
