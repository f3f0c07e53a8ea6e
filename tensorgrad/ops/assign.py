"""How the methods that write to named places of a tensor do it: `x.index_add_(...)` and its like.

Each function checks, and returns a `Change`; what is to become of it, a recorded result or a write to memory, the
tensor decides.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..kernels import scatter as kernel
from ..node import Array, TensorBase
from . import index as slices
from . import masked, scatter
from .indexing import _setitem, write


class Change(NamedTuple):
    """What is assigned, how the result is computed as a new tensor, and how an array is changed to it in place."""

    value: Any
    compute: Callable[[], Any]
    write: Callable[[Array, Any], None] | None = None  # None: the array takes the values of what is computed


def at(input: Any, place: Any, value: Any) -> Change:
    """input[place] = value, both checked."""
    return Change(value, lambda: _setitem(input, value, index=place), lambda array, v: write(array, place, v))


def index_add(input: Any, dim: int, index: Any, source: Any, alpha: float) -> Change:
    """Slices added."""
    axis, index, source = slices.checked_slices("index_add_", input, dim, index, source)
    source = slices.scaled("index_add_", source, alpha)
    return Change(
        source,
        lambda: slices.index_add(input, dim, index, source),
        lambda array, v: kernel.add_slices(array, _array(index), axis, v),
    )


def index_copy(input: Any, dim: int, index: Any, source: Any) -> Change:
    """Slices replaced."""
    return at(input, *slices.place_of_copy("index_copy_", input, dim, index, source))


def index_fill(input: Any, dim: int, index: Any, value: Any) -> Change:
    """Slices filled with a number."""
    return at(input, *slices.place_of_fill("index_fill_", input, dim, index, value))


def index_put(input: Any, indices: Any, values: Any, accumulate: bool) -> Change:
    """Values replaced, or added, where a tuple of tensors points."""
    place, values = slices.place_of_put("index_put_", input, indices, values)
    if not accumulate:
        return at(input, place, values)
    return Change(
        values,
        lambda: slices.index_put(input, place, values, True),
        lambda array, v: kernel.add_at(array, place, v),
    )


def masked_fill(input: Any, mask: Any, value: Any) -> Change:
    """What a mask names filled with a number."""
    return at(input, masked.place_of_mask("masked_fill_", input, mask), slices.one_value("masked_fill_", input, value))


def masked_scatter(input: Any, mask: Any, source: Any) -> Change:
    """What a mask names replaced in turn."""
    place = masked.place_of_mask("masked_scatter_", input, mask)
    return at(input, place, masked.next_values("masked_scatter_", input, mask, source))


def put(input: Any, index: Any, source: Any, accumulate: bool) -> Change:
    """Values replaced, or added, at numbers in reading order."""
    index, source = slices.checked_numbers("put_", input, index, source)
    if accumulate:

        def add(array: Array, values: Any) -> None:
            kernel.add_at(array, np.unravel_index(_array(index), array.shape), values)

        return Change(source, lambda: slices.put(input, index, source, True), add if input.ndim else None)
    place = np.unravel_index(_array(index), tuple(input.shape)) if input.ndim else None
    if place is not None:
        return at(input, place, source)
    return Change(source, lambda: slices.put(input, index, source))


def scatter_(input: Any, dim: int, index: Any, src: Any, value: Any, reduce: str | None) -> Change:
    """Values replaced, or combined, where an index points along an axis."""
    src = scatter.one_source("scatter_", src, value, reduce)
    if reduce is None:
        axis, index, src = scatter.checked("scatter_", input, dim, index, src, number=True)
        return Change(
            src,
            lambda: scatter.scatter(input, dim, index, src),
            lambda array, v: kernel.write_along(array, _array(index), axis, v),
        )
    return Change(src, lambda: scatter.combined("scatter_", input, dim, index, src, reduce))


def scatter_add(input: Any, dim: int, index: Any, src: Any) -> Change:
    """Values added where an index points along an axis."""
    axis, index, src = scatter.checked("scatter_add_", input, dim, index, src)
    return Change(
        src,
        lambda: scatter.scatter_add(input, dim, index, src),
        lambda array, v: kernel.add_along(array, _array(index), axis, v),
    )


def scatter_reduce(input: Any, dim: int, index: Any, src: Any, reduce: str, include_self: bool) -> Change:
    """Values reduced where an index points along an axis."""
    return Change(src, lambda: scatter.reduced("scatter_reduce_", input, dim, index, src, reduce, bool(include_self)))


def _array(index: Any) -> Array:
    array: Array = index._array if isinstance(index, TensorBase) else index
    return array
