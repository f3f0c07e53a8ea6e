"""Parts of a tensor along an axis: all of them, as a tuple, or one. Each part is a view of the input's memory."""

from __future__ import annotations

import functools
import inspect
import itertools
import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DTypeError, LabelError, ShapeError
from ..kernels.parts import put_together
from ..node import Array, TensorBase
from ..primitive import Primitive, primitive
from .check import are_tensors, normalize_dim
from .indexing import getitem

if TYPE_CHECKING:
    from ..tensor import Tensor

FEW = 32  # parts that are taken at once, see `_parts`


def split(tensor: Any, split_size_or_sections: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Parts along `dim`: each of the size given, the last one with what is left; or of sizes given one by one.

    Sizes given one by one must add up to the size of `dim`.
    """
    axis, size = _axis("split", "tensor", tensor, dim)
    if isinstance(split_size_or_sections, (list, tuple)):
        sizes = [integer("split", "a section", n) for n in split_size_or_sections]
        if any(n < 0 for n in sizes) or sum(sizes) != size:
            raise ShapeError(f"split: sections of {sizes} do not add up to {size}, the size of dim {dim}")
        return _parts(tensor, axis, sizes)
    step = integer("split", "the size of a part", split_size_or_sections)
    if step < (1 if size else 0):
        raise ShapeError(f"split: the size of a part must be positive, got {step} for a dim of size {size}")
    return _parts(tensor, axis, _sizes(size, step))


def chunk(input: Any, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most `chunks` parts along `dim`, all of one size but the last, which has what is left.

    There are fewer parts where fewer of that size are enough: 4 chunks of 5 values are 2, 2 and 1. `tensor_split` gives
    as many as asked for.
    """
    axis, size = _axis("chunk", "input", input, dim)
    count = integer("chunk", "chunks", chunks)
    if count < 1:
        raise ShapeError(f"chunk: chunks must be positive, got {count}")
    return _parts(input, axis, _sizes(size, -(-size // count)) if size else [0] * count)


def tensor_split(input: Any, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """So many parts along `dim`, the first ones larger by one where they do not come out even; or cuts at indices.

    Indices, in a list or a tensor of one axis, are taken as slices take them: negative ones count from the end, and
    those beyond the end, or before the one before, give parts of size 0.
    """
    return _split_at("tensor_split", input, indices_or_sections, *_axis("tensor_split", "input", input, dim))


def hsplit(input: Any, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """`tensor_split` along the second axis, or the only one; a number of parts must divide its size."""
    are_tensors("hsplit", input=input)
    return _evenly("hsplit", input, indices_or_sections, min(1, max(0, input.ndim - 1)), 1)


def vsplit(input: Any, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """`tensor_split` along the first of two axes or more; a number of parts must divide its size."""
    return _evenly("vsplit", input, indices_or_sections, 0, 2)


def dsplit(input: Any, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """`tensor_split` along the third axis; a number of parts must divide its size."""
    return _evenly("dsplit", input, indices_or_sections, 2, 3)


def unbind(input: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """What stands at each place along `dim`, without this axis."""
    axis, size = _axis("unbind", "input", input, dim)
    wholes = _parts(input, axis, _sizes(size, FEW)) if size > FEW else [input] if size else []
    return tuple([part for whole in wholes for part in _taken(whole, axis, None, whole.shape[axis])])


def select(input: Any, dim: int, index: Any) -> Tensor:
    """What stands at the place `index` along `dim`, without this axis; negative ones count from the end."""
    axis, size = _axis("select", "input", input, dim)
    place = integer("select", "index", index)
    if not -size <= place < size:
        raise LabelError(f"select: index {place} is out of range for size {size} of dim {dim}")
    return getitem(input, _at(axis, place))


def narrow(input: Any, dim: int, start: Any, length: int) -> Tensor:
    """`length` places along `dim` from `start`, which counts from the end if it is negative."""
    axis, size = _axis("narrow", "input", input, dim)
    first, count = integer("narrow", "start", start), integer("narrow", "length", length)
    if not -size <= first <= size:
        raise LabelError(f"narrow: start {first} is out of range for size {size} of dim {dim}")
    first += size if first < 0 else 0
    if count < 0 or first + count > size:
        raise ShapeError(f"narrow: {count} places from {first} do not lie within size {size} of dim {dim}")
    return getitem(input, _at(axis, slice(first, first + count)))


def integer(name: str, what: str, value: Any) -> int:
    """A Python or NumPy integer, or a tensor of one."""
    try:
        return operator.index(value)
    except TypeError:
        raise DTypeError(f"{name}: {what} is a {type(value).__name__}, not an int: {value!r}") from None


def _axis(name: str, key: str, input: Any, dim: int) -> tuple[int, int]:
    """The number of an axis and its size, checked."""
    if not isinstance(input, TensorBase):
        are_tensors(name, **{key: input})
    axis = normalize_dim(name, dim, input.ndim)
    if input.ndim == 0:
        raise ShapeError(f"{name}: a tensor of no axes has no parts")
    return axis, input.shape[axis]


def _at(axis: int, place: Any) -> tuple[Any, ...]:
    return (*[slice(None)] * axis, place)


def _sizes(size: int, step: int) -> list[int]:
    """The sizes of parts of `step` places each, the last with what is left; of nothing there is one part."""
    return [min(step, size - start) for start in range(0, size, step)] if size else [0]


def _parts(input: Any, axis: int, sizes: Sequence[int]) -> tuple[Tensor, ...]:
    """Parts of sizes that add up to that of the axis; of many, first some large ones, and then parts of these.

    The gradient of a part used alone is as large as what it is a part of. And for each number of parts there is a
    primitive, so that the numbers have to be small.
    """
    if len(sizes) > FEW:
        count = -(-len(sizes) // FEW)
        groups = [sizes[i : i + count] for i in range(0, len(sizes), count)]
        wholes = _parts(input, axis, [sum(group) for group in groups])
        return tuple([p for whole, group in zip(wholes, groups, strict=True) for p in _parts(whole, axis, group)])
    return _taken(input, axis, tuple(sizes), len(sizes))


def _taken(input: Any, axis: int, sizes: tuple[int, ...] | None, count: int) -> tuple[Tensor, ...]:
    """A few parts, by one node; without sizes, what stands at each place."""
    if count < 2:
        return tuple([getitem(input, _at(axis, 0 if sizes is None else slice(None))) for _ in range(count)])
    parts: tuple[Tensor, ...] = _taking(count, sizes is None)(input, dim=axis, sizes=sizes)
    return parts


@functools.cache
def _taking(count: int, single: bool) -> Primitive:
    """The primitive with so many parts for outputs: `split`, or `unbind` if they are single places."""

    def forward(x: Array, *, dim: int, sizes: tuple[int, ...] | None) -> tuple[Array, ...]:
        return tuple([x[place] for place in _places(dim, sizes, count)])

    forward.__name__ = forward.__qualname__ = "unbind" if single else "split"
    names = [f"part{number}" for number in range(count)]

    def put_back(*given: Any) -> Any:
        *gs, shape, dim, sizes = given
        return _together(*gs, dim=dim, sizes=sizes, shape=shape)

    # What a rule needs it says by the names of its parameters, and the gradients are `count` of them: for two parts
    # put_back(g_part0, g_part1, x_shape, dim, sizes).
    asked = [f"g_{name}" for name in names] + ["x_shape", "dim", "sizes"]
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    put_back.__signature__ = inspect.Signature([inspect.Parameter(name, kind) for name in asked])  # type: ignore[attr-defined]  # which `inspect.signature` reads
    result = Primitive(forward, outputs=tuple(names), view=True)
    result.defvjps(put_back)
    return result


def _places(axis: int, sizes: tuple[int, ...] | None, count: int) -> list[tuple[Any, ...]]:
    """The index of each part. With an ellipsis a single value stays an array and a view."""
    front = (slice(None),) * axis
    if sizes is None:
        return [(*front, i, ...) for i in range(count)]
    ends = itertools.accumulate(sizes)
    return [(*front, slice(end - size, end)) for size, end in zip(sizes, ends, strict=True)]


@primitive
def _together(*parts: Array | None, dim: int, sizes: tuple[int, ...] | None, shape: tuple[int, ...]) -> Array:
    """An array of `shape` made of its parts, with zeros for those that are None: the adjoint of taking them."""
    return put_together(parts, _places(dim, sizes, len(parts)), shape)


_together.defvjp_joint(lambda g, parts_shape, dim, sizes: _taken(g, dim, sizes, len(parts_shape)))


def _split_at(name: str, input: Any, indices_or_sections: Any, axis: int, size: int) -> tuple[Tensor, ...]:
    given = indices_or_sections._array if isinstance(indices_or_sections, TensorBase) else indices_or_sections
    if isinstance(given, np.ndarray) and given.ndim == 1:
        given = list(given)
    if isinstance(given, (list, tuple)):
        cuts = [slice(integer(name, "an index", n)).indices(size)[1] for n in given]
        bounds = [*itertools.pairwise([0, *cuts, size])]
        if all(start <= end for start, end in bounds):
            return _parts(input, axis, [end - start for start, end in bounds])
        return tuple([getitem(input, _at(axis, slice(start, end))) for start, end in bounds])  # some places twice
    count = integer(name, "indices_or_sections", given)
    if count < 1:
        raise ShapeError(f"{name}: there must be 1 part or more, got {count}")
    least, more = divmod(size, count)
    return _parts(input, axis, [least + 1] * more + [least] * (count - more))


def _evenly(name: str, input: Any, indices_or_sections: Any, axis: int, least: int) -> tuple[Tensor, ...]:
    are_tensors(name, input=input)
    if input.ndim < least:
        raise ShapeError(f"{name}: the input must have {least} or more axes, got shape {tuple(input.shape)}")
    size, given = input.shape[axis], indices_or_sections
    if not isinstance(given, (list, tuple)) and np.ndim(getattr(given, "_array", given)) == 0:
        count = integer(name, "indices_or_sections", given)
        if count < 1 or size % count:
            raise ShapeError(f"{name}: {count} parts do not divide {size}, the size of dim {axis}")
    return _split_at(name, input, given, axis, size)
