"""Operations that rearrange values without computing. Where NumPy can, the result is a view of the input's memory."""

from __future__ import annotations

import builtins
import math
import operator
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DTypeError, ShapeError
from ..kernels.reshape import reshape as reshaped
from ..node import Array, TensorBase
from ..primitive import broadcast_to as _broadcast_to
from ..primitive import primitive, promote_all
from .check import are_tensors, normalize_dim, normalize_dims
from .indexing import getitem

if TYPE_CHECKING:
    from ..tensor import Tensor


def reshape(input: Any, *sizes: Any, shape: Any = None) -> Tensor:
    """The same values in reading order in another shape; one size may be -1, to be worked out.

    The shape is given as ints, as a tuple or list, or by its name: `reshape(x, 2, 3)`, `reshape(x, shape=(2, 3))`.
    """
    if not isinstance(input, TensorBase):
        are_tensors("reshape", input=input)
    sizes = _by_place_or_name("reshape", "shape", sizes, shape)
    known, count = math.prod(n for n in sizes if n != -1), math.prod(input.shape)
    if sizes.count(-1) > 1:
        raise ShapeError(f"reshape: only one size can be -1, got {sizes}")
    if -1 in sizes and known and count % known == 0:
        sizes = tuple(count // known if n == -1 else n for n in sizes)
    if any(n < 0 for n in sizes) or math.prod(sizes) != count:
        raise ShapeError(f"reshape: {count} values of shape {tuple(input.shape)} do not fill shape {sizes}")
    return _reshape(input, shape=sizes)


@primitive(view=True)
def _reshape(x: Array, *, shape: tuple[int, ...]) -> Array:
    return reshaped(x, shape)


_reshape.defvjps(lambda g, x_shape: _reshape(g, shape=x_shape))


def permute(input: Any, *order: Any, dims: Any = None) -> Tensor:
    """The axes in another order: axis i of the result is axis dims[i] of the input.

    They are given as ints, as a tuple or list, or by their name: `permute(x, 1, 0)`, `permute(x, dims=(1, 0))`.
    """
    if not isinstance(input, TensorBase):
        are_tensors("permute", input=input)
    given = _by_place_or_name("permute", "dims", order, dims)
    order = tuple(normalize_dim("permute", d, input.ndim) for d in given)
    if sorted(order) != list(range(input.ndim)):
        raise ShapeError(f"permute: {given} is not an order of the {input.ndim} axes of {tuple(input.shape)}")
    return _permute(input, dims=order)


@primitive(view=True)
def _permute(x: Array, *, dims: tuple[int, ...]) -> Array:
    return np.transpose(x, dims)


_permute.defvjps(lambda g, dims: _permute(g, dims=tuple(sorted(range(len(dims)), key=dims.__getitem__))))


def transpose(input: Any, dim0: int, dim1: int) -> Tensor:
    """Two axes exchanged."""
    if not isinstance(input, TensorBase):
        are_tensors("transpose", input=input)
    order = list(range(input.ndim))
    a, b = normalize_dim("transpose", dim0, input.ndim), normalize_dim("transpose", dim1, input.ndim)
    if order:
        order[a], order[b] = b, a
    return _permute(input, dims=tuple(order))


def t(input: Any) -> Tensor:
    """A matrix transposed; what has fewer than two axes, as it is."""
    if not isinstance(input, TensorBase):
        are_tensors("t", input=input)
    if input.ndim > 2:
        raise ShapeError(f"t: only for up to 2 axes, got shape {tuple(input.shape)}: use transpose or .mT")
    return _permute(input, dims=tuple(range(input.ndim))[::-1])


def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Axes start_dim..end_dim joined to one; the values keep their reading order."""
    if not isinstance(input, TensorBase):
        are_tensors("flatten", input=input)
    start, end = (normalize_dim("flatten", d, input.ndim) for d in (start_dim, end_dim))
    if start > end:
        raise ShapeError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim}")
    shape = tuple(input.shape) or (1,)
    return _reshape(input, shape=(*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :]))


def squeeze(input: Any, dim: int | Sequence[int] | None = None) -> Tensor:
    """Without axes of size 1: all of them, or those among `dim`."""
    if not isinstance(input, TensorBase):
        are_tensors("squeeze", input=input)
    dims = () if dim == () else normalize_dims("squeeze", dim, input.ndim)
    return _reshape(input, shape=tuple(n for i, n in enumerate(input.shape) if n != 1 or i not in dims))


def unsqueeze(input: Any, dim: int) -> Tensor:
    """With a new axis of size 1 at `dim`."""
    if not isinstance(input, TensorBase):
        are_tensors("unsqueeze", input=input)
    at = normalize_dim("unsqueeze", dim, input.ndim + 1)
    return _reshape(input, shape=(*input.shape[:at], 1, *input.shape[at:]))


def broadcast_to(input: Any, size: Sequence[int]) -> Tensor:
    """Repeated along new or size-1 axes to the shape `size`, without a copy."""
    if not isinstance(input, TensorBase):
        are_tensors("broadcast_to", input=input)
    size = unpack("broadcast_to", tuple(size))
    lead = len(size) - input.ndim
    if lead < 0 or any(n not in (1, m) for n, m in zip(input.shape, size[builtins.max(lead, 0) :], strict=True)):
        raise ShapeError(f"broadcast_to: shape {tuple(input.shape)} does not broadcast to {size}")
    return _broadcast_to(input, shape=size)


def cat(tensors: Sequence[Any], dim: int = 0) -> Tensor:
    """The tensors one behind the other along `dim`; their other sizes must agree. dtypes are promoted.

    As in PyTorch, a tensor of shape (0,), such as `tensor([])` to begin with, fits tensors of any number of axes.
    """
    given = tensors_of("cat", tensors)
    if any(tensor.ndim > 1 for tensor in given) and any(tensor.shape == (0,) for tensor in given):
        given = [tensor for tensor in promote_all(given) if tensor.shape != (0,)]
    return joined("cat", given, dim)


def joined(name: str, tensors: list[Any], dim: int) -> Tensor:
    """What `cat` gives, for the operation `name`, which has looked at the list."""
    if tensors[0].ndim == 0:
        raise ShapeError(f"{name}: tensors of no axes cannot be put one behind the other: use stack")
    axis = normalize_dim(name, dim, tensors[0].ndim)
    for number, tensor in enumerate(tensors):
        rest = [n for i, n in enumerate(tensor.shape) if i != axis]
        if tensor.ndim != tensors[0].ndim or rest != [n for i, n in enumerate(tensors[0].shape) if i != axis]:
            raise ShapeError(
                f"{name}: along dim {dim}, tensor {number} of shape {tuple(tensor.shape)} does not fit "
                f"the first of shape {tuple(tensors[0].shape)}"
            )
    return _cat(*promote_all(tensors), dim=axis)


@primitive
def _cat(*xs: Array, dim: int) -> Array:
    return np.concatenate(xs, axis=dim)


_cat.defvjp_all(lambda g, i, xs_shape, dim: getitem(g, _part(xs_shape, i, dim)))


def _part(shapes: Sequence[tuple[int, ...]], i: int, dim: int) -> tuple[slice, ...]:
    """Where part i of a concatenation lies in the whole."""
    start = builtins.sum(shape[dim] for shape in shapes[:i])
    return (*[slice(None)] * dim, slice(start, start + shapes[i][dim]))


def stack(tensors: Sequence[Any], dim: int = 0) -> Tensor:
    """Tensors of one shape, side by side along a new axis `dim`."""
    tensors = tensors_of("stack", tensors)
    axis = normalize_dim("stack", dim, tensors[0].ndim + 1)
    for number, tensor in enumerate(tensors):
        if tensor.shape != tensors[0].shape:
            raise ShapeError(
                f"stack: tensor {number} has shape {tuple(tensor.shape)}, the first {tuple(tensors[0].shape)}"
            )
    return cat([unsqueeze(tensor, axis) for tensor in tensors], axis)


def tensors_of(name: str, tensors: Any) -> list[Any]:
    """What is to be put together, as a list; an error for what holds no tensors, or nothing."""
    if not isinstance(tensors, Iterable) or isinstance(tensors, str):
        raise DTypeError(f"{name}: tensors must be a list of tensors, got {tensors!r}")
    tensors = list(tensors)
    if not tensors:
        raise ShapeError(f"{name}: there is nothing to put together: the list is empty")
    are_tensors(name, **{f"tensor {number}": tensor for number, tensor in enumerate(tensors)})
    return tensors


def unpack(name: str, sizes: tuple[Any, ...]) -> tuple[int, ...]:
    """The ints of f(x, 2, 3) or f(x, (2, 3)), which mean the same."""
    given = sizes[0] if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)) else sizes
    try:
        return tuple(operator.index(n) for n in given)
    except TypeError:
        raise DTypeError(f"{name}: expected ints, got {tuple(given)}") from None


def _by_place_or_name(name: str, key: str, by_place: tuple[Any, ...], by_name: Any) -> tuple[int, ...]:
    """The ints of f(x, 2, 3), f(x, (2, 3)) or f(x, key=(2, 3))."""
    if by_name is None:
        return unpack(name, by_place)
    if by_place:
        raise DTypeError(f"{name}: {key} is given twice, by place as {by_place} and by name as {by_name!r}")
    return unpack(name, (by_name,))
