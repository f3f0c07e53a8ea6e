"""What one asks about tensors and dtypes, as functions."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import dtypes
from .node import TensorBase
from .ops.check import are_tensors


def is_tensor(obj: Any) -> bool:
    """Whether it is a tensor; an array is none."""
    return isinstance(obj, TensorBase)


def numel(input: Any) -> int:
    """The number of values."""
    are_tensors("numel", input=input)
    return int(np.prod(input.shape, dtype=np.int64))


def is_floating_point(input: Any) -> bool:
    """Whether the values are floats."""
    are_tensors("is_floating_point", input=input)
    return bool(input.dtype.kind == "f")


def is_nonzero(input: Any) -> bool:
    """Whether the one value of a tensor is not 0. ShapeError for a tensor of another number of values."""
    are_tensors("is_nonzero", input=input)
    return bool(input)


def result_type(tensor1: Any, tensor2: Any) -> np.dtype[Any]:
    """The dtype that arithmetic with these two gives, which are tensors, arrays or numbers.

    A number, and a tensor of no axes, changes it only by its kind: bool, integer or float.
    """
    return dtypes.result_type(*[x._array if isinstance(x, TensorBase) else x for x in (tensor1, tensor2)])


def promote_types(type1: Any, type2: Any) -> np.dtype[Any]:
    """The smallest dtype that holds the values of both; an integer and a float give that float."""
    return dtypes.promote_types(np.dtype(type1), np.dtype(type2))


def can_cast(from_: Any, to: Any) -> bool:
    """Whether a result of the one dtype may be put in a tensor of the other: not a float in integers, not what is no
    boolean in booleans. Digits may be lost."""
    source, target = np.dtype(from_), np.dtype(to)
    return dtypes.RANK[source.kind] <= dtypes.RANK[target.kind]
