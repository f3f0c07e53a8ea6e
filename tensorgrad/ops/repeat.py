"""Copies of a tensor beside each other, or of each of its values. Each has the sum that undoes it as its gradient."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DTypeError, ShapeError
from ..kernels.sums import accurate_sum
from ..node import Array, TensorBase, make_tensor
from ..primitive import primitive
from .check import are_tensors, normalize_dim, tensor_or_list
from .reduce import sum as sum_over
from .shape import flatten, reshape, unpack
from .split import integer

if TYPE_CHECKING:
    from ..tensor import Tensor

FEW = 8  # copies that are added one by one, see `_sum_of_copies`


def repeat(input: Any, repeats: Any, *more: int) -> Tensor:
    """The tensor as often as told along each axis; numbers in front of those of its axes make new ones. A copy."""
    are_tensors("repeat", input=input)
    given = unpack("repeat", (repeats, *more))
    if len(given) < input.ndim:
        raise ShapeError(f"repeat: {given} tells {len(given)} axes of the {input.ndim} of shape {tuple(input.shape)}")
    return _tiled("repeat", input, given)


def tile(input: Any, dims: int | Sequence[int]) -> Tensor:
    """The tensor as often as `dims` tells for its last axes, and once for axes that it does not tell. A copy."""
    are_tensors("tile", input=input)
    given = unpack("tile", (dims,))
    return _tiled("tile", input, (1,) * (input.ndim - len(given)) + given)


def _tiled(name: str, input: Any, counts: tuple[int, ...]) -> Tensor:
    if any(n < 0 for n in counts):
        raise ShapeError(f"{name}: a tensor cannot be repeated a negative number of times, got {counts}")
    return _tile(input, dims=counts)


@primitive
def _tile(x: Array, *, dims: tuple[int, ...]) -> Array:
    apart = _apart(x.shape, dims)
    result = np.empty(apart, x.dtype)
    result[...] = x.reshape([1 if i % 2 == 0 else n for i, n in enumerate(apart)])
    return result.reshape([n * m for n, m in zip(apart[::2], apart[1::2], strict=True)])


def _apart(shape: tuple[int, ...], dims: tuple[int, ...]) -> tuple[int, ...]:
    """For each axis of the tiled array, the number of tiles and the size of one."""
    sizes = (1,) * (len(dims) - len(shape)) + shape
    return tuple(n for pair in zip(dims, sizes, strict=True) for n in pair)


def _sum_of_tiles(g: Any, shape: tuple[int, ...], dims: tuple[int, ...]) -> Any:
    return reshape(sum_over(reshape(g, _apart(shape, dims)), tuple(range(0, 2 * len(dims), 2))), shape)


_tile.defvjps(lambda g, x_shape, dims: _sum_of_tiles(g, x_shape, dims))


def repeat_interleave(
    input: Any = None, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Tensor:
    """Each value along `dim` as often as `repeats` tells: a number for all, or a list or tensor with one for each.

    Without `dim`, the values in reading order along one axis. `output_size`, if given, must be the size that results.
    Of one tensor alone, numbers of repeats along one axis, it gives the place of each so often: [1, 0, 2] as [0, 2, 2].
    """
    if repeats is None or (input is None and isinstance(repeats, (TensorBase, np.ndarray))):
        repeats = input if repeats is None else repeats
        input = _places_of("repeat_interleave", repeats)
    are_tensors("repeat_interleave", input=input)
    axis = 0 if dim is None else normalize_dim("repeat_interleave", dim, input.ndim)
    in_order = dim is None or input.ndim == 0
    size = math.prod(input.shape) if in_order else input.shape[axis]
    given = tensor_or_list("repeat_interleave", "repeats", repeats)
    counts = np.array(given._array if isinstance(given, TensorBase) else given)  # a copy: they may be changed later
    if counts.dtype.kind not in "iu" and counts.size:
        raise DTypeError(f"repeat_interleave: repeats must be integers, got {counts.dtype}: {repeats!r}")
    if counts.ndim > 1 or counts.size not in (1, size):
        raise ShapeError(
            f"repeat_interleave: repeats of shape {counts.shape} tell neither one number for all nor one for each of "
            f"the {size} values" + (f" along dim {dim}" if dim is not None else "")
        )
    if counts.size and counts.min() < 0:
        raise ShapeError(f"repeat_interleave: repeats must not be negative, got {counts.min()}")
    counts = counts.astype(np.int64)
    if counts.size == 1:
        counts = counts.reshape(())
    total = int(counts) * size if counts.ndim == 0 else int(counts.sum())
    if output_size is not None and integer("repeat_interleave", "output_size", output_size) != total:
        raise ShapeError(f"repeat_interleave: the result has size {total}, not output_size={output_size}")
    return _repeat_each(flatten(input) if in_order else input, counts, dim=axis)


def _places_of(name: str, repeats: Any) -> Any:
    """The numbers 0, 1, 2 ... of the repeats, in their dtype."""
    are_tensors(name, repeats=repeats)
    if repeats.ndim != 1:
        raise ShapeError(f"{name}: repeats alone must have one axis, got shape {tuple(repeats.shape)}")
    places = np.arange(repeats.shape[0], dtype=repeats.dtype if repeats.dtype.kind in "iu" else np.int64)
    return make_tensor(places) if isinstance(repeats, TensorBase) else places


@primitive
def _repeat_each(x: Array, counts: Array, *, dim: int) -> Array:
    return np.repeat(x, counts, dim)


@primitive
def sum_of_each(x: Array, counts: Array, *, dim: int, size: int) -> Array:
    """The sums of `counts` neighbours along `dim` each, `size` of them: the adjoint of repeating each value."""
    before, after = x.shape[:dim], x.shape[dim + 1 :]
    if counts.ndim == 0:
        return _sum_of_copies(x.reshape(*before, size, int(counts), *after), dim + 1)
    result = np.zeros((*before, size, *after), x.dtype)
    some = np.flatnonzero(counts)
    if some.size:  # reduceat would give a value for what is repeated 0 times, too
        starts = np.cumsum(counts)[some] - counts[some]
        at: list[Any] = [slice(None)] * dim
        result[(*at, some)] = np.add.reduceat(x, starts, axis=dim, dtype=np.float64)
    return result


def _sum_of_copies(x: Array, axis: int) -> Array:
    """The sum along an axis; of a few copies one by one, as NumPy takes long over the sum of three neighbours."""
    if not 0 < x.shape[axis] <= FEW:
        return accurate_sum(x, (axis,))
    copies = list(np.moveaxis(x, axis, 0))
    result = copies[0].astype(np.float32 if x.dtype == np.float16 else x.dtype)
    for copy in copies[1:]:
        result += copy
    return result.astype(x.dtype, copy=False)


_repeat_each.defvjps(
    lambda g, counts, x_shape, dim: sum_of_each(g, counts, dim=dim, size=x_shape[dim]),
    None,
)
sum_of_each.defvjps(lambda g, counts, dim: _repeat_each(g, counts, dim=dim), None)
