"""Looking values up: counts, places in a sorted list, membership."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ShapeError
from ..node import Array, TensorBase
from ..primitive import astype, primitive
from .check import are_tensors
from .indexing import scatter_along
from .scatter import integers

if TYPE_CHECKING:
    from ..tensor import Tensor


def bincount(input: Any, weights: Any = None, minlength: int = 0) -> Tensor:
    """How often each of 0, 1, ... up to the largest occurs in `input`, integers of one axis: int64.

    With `weights`, of the same shape, the sum of the weights of each, in float32 for weights of float32, else in
    float64; unlike PyTorch's, it has a gradient. The result has `minlength` elements at least.
    """
    index = integers("bincount", "input", input)
    if index.ndim != 1:
        raise ShapeError(f"bincount: input must have one axis, got shape {tuple(index.shape)}")
    if isinstance(minlength, bool) or not isinstance(minlength, int) or minlength < 0:
        raise ShapeError(f"bincount: minlength must be an int of at least 0, got {minlength!r}")
    array = index._array if isinstance(index, TensorBase) else index
    least, largest = (int(array.min()), int(array.max())) if array.size else (0, -1)
    if least < 0:
        raise ShapeError(f"bincount: input must hold no number below 0, got {least}")
    size = max(largest + 1, minlength)
    if weights is None:
        return _counts(index, size=size)
    are_tensors("bincount", weights=weights)
    if tuple(weights.shape) != tuple(index.shape):
        raise ShapeError(f"bincount: weights {tuple(weights.shape)} and input {tuple(index.shape)} differ in shape")
    if weights.dtype != np.float32:
        weights = astype(weights, dtype=np.dtype(np.float64))
    result: Tensor = scatter_along(weights, index, dim=0, shape=(size,))
    return result


@primitive(differentiable=False)
def _counts(index: Array, *, size: int) -> Array:
    return np.bincount(index.astype(np.intp, copy=False), minlength=size)


def searchsorted(
    sorted_sequence: Any,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Any = None,
) -> Tensor:
    """Where each value would stand in a list sorted upwards: the number of values that are smaller, int64.

    `right`, or side="right", counts those that are equal too. `sorted_sequence` has one axis, for values of any shape,
    or it has one list for each row of values: all axes but the last are the same. `sorter`, of its shape, gives the
    order in which an unsorted list is sorted. nan counts as larger than every number, which is where sorting puts it;
    PyTorch takes it for such among the values, but not in the list. `out_int32` gives int32.
    """
    name = "searchsorted"
    are_tensors(name, sorted_sequence=sorted_sequence)
    if side not in (None, "left", "right"):
        raise ShapeError(f"{name}: side must be 'left' or 'right', got {side!r}")
    if side == "left" and right:
        raise ShapeError(f"{name}: side='left' contradicts right=True")
    if not isinstance(input, (bool, int, float)):
        are_tensors(name, input=input)
    values = input if hasattr(input, "shape") else np.asarray(input)
    rows, wanted = tuple(sorted_sequence.shape[:-1]), tuple(values.shape[:-1])
    if not sorted_sequence.ndim or (sorted_sequence.ndim > 1 and (not values.ndim or rows != wanted)):
        raise ShapeError(
            f"{name}: sorted_sequence {tuple(sorted_sequence.shape)} must have one axis, or all but the last as input "
            f"{tuple(values.shape)}"
        )
    if sorter is not None:
        sorter = integers(name, "sorter", sorter)
        given, expected = tuple(sorter.shape), tuple(sorted_sequence.shape)
        if given != expected:
            raise ShapeError(f"{name}: sorter {given} and sorted_sequence {expected} differ in shape")
    right = right or side == "right"
    return _searchsorted(sorted_sequence, values, sorter, right=bool(right), int32=bool(out_int32))


def bucketize(input: Any, boundaries: Any, *, out_int32: bool = False, right: bool = False) -> Tensor:
    """The number of the bucket of each value, between `boundaries` of one axis, sorted upwards: int64.

    Bucket i is boundaries[i-1] < value <= boundaries[i], with `right` boundaries[i-1] <= value < boundaries[i].
    `out_int32` gives int32.
    """
    if not isinstance(input, (bool, int, float)):
        are_tensors("bucketize", input=input)
    are_tensors("bucketize", boundaries=boundaries)
    if boundaries.ndim != 1:
        raise ShapeError(f"bucketize: boundaries must have one axis, got shape {tuple(boundaries.shape)}")
    values = input if hasattr(input, "shape") else np.asarray(input)
    return _searchsorted(boundaries, values, None, right=bool(right), int32=bool(out_int32))


@primitive(differentiable=False)
def _searchsorted(sequence: Array, values: Array, sorter: Array | None, *, right: bool, int32: bool) -> Array:
    if sequence.ndim == 1:
        found = np.searchsorted(sequence, values, "right" if right else "left", sorter)
    else:
        found = _search_rows(sequence if sorter is None else np.take_along_axis(sequence, sorter, -1), values, right)
    return np.asarray(found).astype(np.int32 if int32 else np.int64, copy=False)


def _search_rows(sequence: Array, values: Array, right: bool) -> Array:
    """By halving, for all values of all rows at once."""
    low = np.zeros(values.shape, np.int64)
    high = np.full(values.shape, sequence.shape[-1])
    for _ in range(int(sequence.shape[-1]).bit_length()):
        middle = (low + high) // 2
        here = np.take_along_axis(sequence, np.minimum(middle, sequence.shape[-1] - 1), -1)
        # whether what stands in the middle counts: it is smaller, or equal, where nan is the largest
        counts = (
            (here <= values) | (values != values) if right else (here < values) | ((values != values) & (here == here))
        )
        counts &= low < high
        low, high = np.where(counts, middle + 1, low), np.where(counts, high, np.maximum(middle, low))
    return low


def isin(elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Whether each of `elements` is one of `test_elements`; with `invert`, whether it is none. Either may be a number.

    nan is equal to nothing. `assume_unique` says that neither holds a value twice, which can save time.
    """
    numbers = [isinstance(x, (bool, int, float)) for x in (elements, test_elements)]
    if not numbers[0]:
        are_tensors("isin", elements=elements)
    if not numbers[1] or all(numbers):
        are_tensors("isin", test_elements=test_elements)
    return _isin(elements, test_elements, assume_unique=bool(assume_unique), invert=bool(invert))


@primitive(differentiable=False)
def _isin(elements: Array, test_elements: Array, *, assume_unique: bool, invert: bool) -> Array:
    return np.isin(elements, test_elements, assume_unique=assume_unique, invert=invert)
