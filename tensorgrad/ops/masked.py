"""What a mask of booleans names: filled, selected, replaced, and as numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DTypeError, ShapeError
from ..kernels import scatter as kernel
from ..node import Array, TensorBase
from ..primitive import broadcast_to, primitive
from . import elementwise
from .check import are_tensors
from .index import one_value
from .indexing import _getitem, _setitem
from .scatter import same_dtypes
from .shape import reshape

if TYPE_CHECKING:
    from ..tensor import Tensor


def masked_fill(input: Any, mask: Any, value: Any) -> Tensor:
    """`value`, a number or a 0-d tensor, where the boolean `mask` holds, else `input`; the two broadcast.

    The result has the dtype of `input`, to which the value is cast.
    """
    _broadcast("masked_fill", input, mask)
    mask = mask if isinstance(mask, TensorBase) else np.array(mask)  # a tensor's changes are noticed
    return elementwise.where(mask, one_value("masked_fill", input, value), input)


def masked_select(input: Any, mask: Any) -> Tensor:
    """The values of `input` where the boolean `mask` holds, in reading order, with one axis; the two broadcast."""
    shape = _broadcast("masked_select", input, mask)
    return _getitem(_spread(input, shape), index=_plain(mask, shape))


def masked_scatter(input: Any, mask: Any, source: Any) -> Tensor:
    """A copy of `input` in which the places where the boolean `mask` holds take the values of `source` in turn.

    Input and mask broadcast. Both are read in reading order; what is left of `source` is not used. Raises ShapeError
    if it has too few values.
    """
    shape = _broadcast("masked_scatter", input, mask)
    return _setitem(
        _spread(input, shape), next_values("masked_scatter", input, mask, source), index=_plain(mask, shape)
    )


def next_values(name: str, input: Any, mask: Any, source: Any) -> Any:
    """As many values of `source` as a mask, spread to `input`, has true ones."""
    shape = _broadcast(name, input, mask)
    are_tensors(name, source=source)
    same_dtypes(name, input=input, source=source)
    count, given = int(np.count_nonzero(_plain(mask, shape))), math.prod(source.shape)
    if given < count:
        raise ShapeError(f"{name}: mask is true at {count} places, source has {given} values")
    return _getitem(reshape(source, (-1,)), index=slice(0, count))


def place_of_mask(name: str, input: Any, mask: Any) -> Array:
    """A mask in the shape of `input`, an error if it is larger: for what is changed in place."""
    shape = _broadcast(name, input, mask)
    if shape != tuple(input.shape):
        raise ShapeError(f"{name}: mask {tuple(mask.shape)} does not broadcast to the tensor's {tuple(input.shape)}")
    return _plain(mask, shape)


def _broadcast(name: str, input: Any, mask: Any) -> tuple[int, ...]:
    """The common shape of input and mask."""
    are_tensors(name, input=input, mask=mask)
    if mask.dtype != np.bool_:
        raise DTypeError(f"{name}: mask has dtype {mask.dtype}, it must be bool: compare it, for example with != 0")
    try:
        return np.broadcast_shapes(tuple(input.shape), tuple(mask.shape))
    except ValueError:
        raise ShapeError(
            f"{name}: the shapes do not broadcast: input {tuple(input.shape)}, mask {tuple(mask.shape)}"
        ) from None


def _spread(input: Any, shape: tuple[int, ...]) -> Any:
    return input if tuple(input.shape) == shape else broadcast_to(input, shape=shape)


def _plain(mask: Any, shape: tuple[int, ...]) -> Array:
    """A mask as an array of that shape that nobody else writes to."""
    array = mask._array if isinstance(mask, TensorBase) else mask
    return np.array(np.broadcast_to(array, shape))


# Where values are true


def where(condition: Any, input: Any = None, other: Any = None) -> Any:
    """input where the condition holds, else other. No gradient reaches the side not taken, whatever its value.

    The condition is boolean; DTypeError for one of another dtype. The condition alone, which then may have any dtype,
    gives the places where it is not 0, as `nonzero(condition, as_tuple=True)` does.
    """
    if input is None and other is None:
        are_tensors("where", condition=condition)
        return _places("where", condition)
    if input is None or other is None:
        raise DTypeError(f"where: {'input' if input is None else 'other'} is None, not a tensor or an array")
    return elementwise.where(condition, input, other)


def nonzero(input: Any, *, as_tuple: bool = False) -> Any:
    """The places of all values that are not 0, in reading order: one row of int64 indices for each.

    With `as_tuple`, a tuple with the indices along each axis, with which `input[...]` gives these values; an input of
    no axes counts as one of one value. nan is not 0.
    """
    are_tensors("nonzero", input=input)
    return _places("nonzero", input) if as_tuple else _nonzero(input)


def argwhere(input: Any) -> Tensor:
    """The places of all values that are not 0: one row of int64 indices for each, in reading order."""
    are_tensors("argwhere", input=input)
    result: Tensor = _nonzero(input)
    return result


@primitive(differentiable=False)
def _nonzero(x: Array) -> Array:
    # argwhere of an array of no axes gives a row of no indices if it is not 0.
    return np.argwhere(x) if x.ndim < 2 else kernel.places_of(x)


def _places(name: str, input: Any) -> tuple[Any, ...]:
    rows = _nonzero(input if input.ndim else reshape(input, (1,)))
    return tuple(_getitem(rows, index=(slice(None), axis)) for axis in range(max(input.ndim, 1)))
