"""Axes turned round, moved, rolled and taken apart. `flip`, `rot90` and `roll` copy, the others give views."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ShapeError
from ..kernels.layout import copied
from ..node import Array
from ..primitive import primitive
from .check import are_tensors, normalize_dim, normalize_dims
from .shape import flatten, permute, reshape, transpose, unpack

if TYPE_CHECKING:
    from ..tensor import Tensor

Dims = int | Sequence[int]


def flip(input: Any, dims: Dims) -> Tensor:
    """The order along each of `dims` reversed; a copy, as in PyTorch."""
    are_tensors("flip", input=input)
    given = unpack("flip", (dims,))
    return _flip(input, dims=normalize_dims("flip", given, input.ndim) if given else ())


@primitive
def _flip(x: Array, *, dims: tuple[int, ...]) -> Array:
    return copied(np.flip(x, dims))


_flip.defvjps(lambda g, dims: _flip(g, dims=dims))


def fliplr(input: Any) -> Tensor:
    """The order along the second axis reversed: columns from left to right."""
    _check_axes("fliplr", input, 2)
    return _flip(input, dims=(1,))


def flipud(input: Any) -> Tensor:
    """The order along the first axis reversed: rows upside down."""
    _check_axes("flipud", input, 1)
    return _flip(input, dims=(0,))


def _check_axes(name: str, input: Any, least: int) -> None:
    are_tensors(name, input=input)
    if input.ndim < least:
        raise ShapeError(f"{name}: the input must have {least} or more axes, got shape {tuple(input.shape)}")


def rot90(input: Any, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
    """Turned by k right angles in the plane of two axes, from the first towards the second; a copy."""
    _check_axes("rot90", input, 2)
    given = unpack("rot90", (dims,))
    if len(given) != 2:
        raise ShapeError(f"rot90: a plane has two axes, got dims={given}")
    first, second = (normalize_dim("rot90", d, input.ndim) for d in given)
    if first == second:
        raise ShapeError(f"rot90: the two axes of a plane must differ, got dims={given}")
    (turns,) = unpack("rot90", (k,))
    return _rot90(input, k=turns % 4, dims=(first, second))


@primitive
def _rot90(x: Array, *, k: int, dims: tuple[int, int]) -> Array:
    return copied(np.rot90(x, k, dims))


_rot90.defvjps(lambda g, k, dims: _rot90(g, k=-k % 4, dims=dims))


def roll(input: Any, shifts: Dims, dims: Dims | None = None) -> Tensor:
    """Each value moved on by `shifts` places along `dims`; what leaves at the end comes back at the start.

    One shift for each axis; an axis may come more than once. Without `dims` the values move in reading order.
    """
    are_tensors("roll", input=input)
    moves, given = unpack("roll", (shifts,)), () if dims is None else unpack("roll", (dims,))
    if len(moves) != (len(given) or 1):
        wanted = f"for dims={given}" if given else "without dims, which takes one"
        raise ShapeError(f"roll: {len(moves)} shifts, {moves}, {wanted}")
    axes = tuple(normalize_dim("roll", d, input.ndim) for d in given)
    return _roll(input, shifts=moves, dims=axes if axes and input.ndim else None)


@primitive
def _roll(x: Array, *, shifts: tuple[int, ...], dims: tuple[int, ...] | None) -> Array:
    return np.roll(x, shifts, dims)


_roll.defvjps(lambda g, shifts, dims: _roll(g, shifts=tuple(-n for n in shifts), dims=dims))


def movedim(input: Any, source: Dims, destination: Dims) -> Tensor:
    """The axes `source` at the places `destination`; the others keep their order."""
    are_tensors("movedim", input=input)
    starts, ends = unpack("movedim", (source,)), unpack("movedim", (destination,))
    if len(starts) != len(ends):
        raise ShapeError(f"movedim: {len(starts)} axes, source={starts}, for {len(ends)} places, destination={ends}")
    places = []
    for key, given in (("source", starts), ("destination", ends)):
        axes = [normalize_dim("movedim", d, input.ndim) for d in given]
        if len(set(axes)) < len(axes):
            raise ShapeError(f"movedim: an axis appears twice in {key}={given}")
        places.append(axes)
    order = [i for i in range(input.ndim) if i not in places[0]]
    for end, start in sorted(zip(places[1], places[0], strict=True)):
        order.insert(end, start)
    return permute(input, order if input.ndim else ())


def swapaxes(input: Any, axis0: int, axis1: int) -> Tensor:
    """Two axes exchanged: `transpose`, with NumPy's names of its arguments."""
    are_tensors("swapaxes", input=input)
    return transpose(input, *(normalize_dim("swapaxes", d, input.ndim) for d in (axis0, axis1)))


moveaxis = movedim
swapdims = transpose


def unflatten(input: Any, dim: int, sizes: Dims) -> Tensor:
    """One axis taken apart into axes of `sizes`, whose product it must have; one size may be -1, to be worked out."""
    are_tensors("unflatten", input=input)
    axis, given = normalize_dim("unflatten", dim, input.ndim), unpack("unflatten", (sizes,))
    size = input.shape[axis] if input.ndim else 1
    known = math.prod(n for n in given if n != -1)
    whole = [size // known if n == -1 and known else n for n in given]
    if not given or given.count(-1) > 1 or any(n < 0 for n in whole) or math.prod(whole) != size:
        raise ShapeError(f"unflatten: an axis of size {size}, dim {dim}, does not fill sizes {given}")
    return reshape(input, (*input.shape[:axis], *whole, *input.shape[axis + 1 :]))


def ravel(input: Any) -> Tensor:
    """All values in reading order along one axis."""
    are_tensors("ravel", input=input)
    return flatten(input)


def view_as(input: Any, other: Any) -> Tensor:
    """The same values in the shape of `other`."""
    return _shaped_as("view_as", input, other)


def reshape_as(input: Any, other: Any) -> Tensor:
    """The same values in the shape of `other`."""
    return _shaped_as("reshape_as", input, other)


def _shaped_as(name: str, input: Any, other: Any) -> Tensor:
    are_tensors(name, input=input, other=other)
    shape = tuple(other.shape)
    if math.prod(input.shape) != math.prod(shape):
        raise ShapeError(f"{name}: the values of shape {tuple(input.shape)} do not fill the other's shape {shape}")
    return reshape(input, shape)
