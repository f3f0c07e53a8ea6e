"""Rows of a table by number."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DTypeError, LabelError, ShapeError
from ..kernels.embedding import scatter_rows
from ..kernels.scatter import read_slices
from ..node import Array, TensorBase, mark_written
from ..primitive import primitive
from .check import number, same_dtype, tensor_or_list
from .elementwise import ne, where
from .shape import unsqueeze

if TYPE_CHECKING:
    from ..tensor import Tensor


def embedding(
    input: Any,
    weight: Any,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """The rows of `weight` (V, D) that the integers of `input` (...) name: (..., D).

    Row `padding_idx` (a negative one counts from the end) gets no gradient. `scale_grad_by_freq` divides a row's
    gradient by how often `input` names it. With `max_norm`, the rows named whose `norm_type`-norm is larger are first
    scaled down to it, in `weight` itself, unrecorded. `sparse` is taken for code written for PyTorch: gradients are
    always whole arrays. Raises LabelError for a number that is not one of 0 to V-1, DTypeError for one of no integer
    dtype.
    """
    same_dtype("embedding", weight=weight)
    shape = tuple(weight.shape)
    if len(shape) != 2:
        raise ShapeError(f"embedding: weight must be (V, D), got {shape}")
    # A copy, unless it is a tensor, whose changes are noticed: the gradient needs the numbers as they are now.
    input = tensor_or_list("embedding", "input", input)
    index = input._array if isinstance(input, TensorBase) else input
    if index.dtype.kind not in "iu":
        raise DTypeError(f"embedding: input has dtype {index.dtype}, the numbers of rows are integers")
    if index.size and (index.min() < 0 or index.max() >= shape[0]):
        wrong = index[(index < 0) | (index >= shape[0])].flat[0]
        raise LabelError(f"embedding: {wrong} is out of range for a weight of {shape[0]} rows (0 to {shape[0] - 1})")
    if padding_idx is not None and not -shape[0] <= padding_idx < shape[0]:
        raise LabelError(f"embedding: padding_idx {padding_idx} is out of range for a weight of {shape[0]} rows")
    padding_idx = None if padding_idx is None else int(padding_idx) % shape[0]
    if max_norm is not None:
        _renorm(index, weight, number("embedding", "max_norm", max_norm), number("embedding", "norm_type", norm_type))
    return _embedding(input, weight, padding_idx=padding_idx, scale_grad_by_freq=bool(scale_grad_by_freq))


def _renorm(index: Array, weight: Any, max_norm: float, norm_type: float) -> None:
    """Scale the rows named down to `max_norm`, in place."""
    array = weight._array if isinstance(weight, TensorBase) else weight
    rows = np.unique(index)
    size = np.abs(array[rows].astype(np.float64))
    norms = size.max(1, initial=0) if math.isinf(norm_type) else (size**norm_type).sum(1) ** (1 / norm_type)
    large = norms > max_norm
    if large.any():
        array[rows[large]] *= (max_norm / (norms[large] + 1e-7))[:, None].astype(array.dtype)  # PyTorch's guard
        if isinstance(weight, TensorBase):
            mark_written(weight)


@primitive
def _embedding(input: Array, weight: Array, *, padding_idx: int | None, scale_grad_by_freq: bool) -> Array:
    return read_slices(weight, input, 0)


@primitive
def embedding_grad(gy: Array, input: Array, *, size: int) -> Array:
    """(size, D) zeros with each row of gy (..., D) added where `input` says: the adjoint of embedding."""
    return scatter_rows(gy.reshape(input.size, gy.shape[-1]), input.reshape(-1), size)


@primitive(differentiable=False)
def _frequencies(input: Array, *, dtype: np.dtype[Any]) -> Array:
    """How often each number occurs, as (..., 1)."""
    _, inverse, counts = np.unique(input, return_inverse=True, return_counts=True)
    return counts[inverse].reshape(*input.shape, 1).astype(dtype)


def _embedding_vjp(
    g: Any, input: Any, weight_shape: tuple[int, ...], padding_idx: int | None, scale_grad_by_freq: bool
) -> Any:
    if scale_grad_by_freq:
        g = g / _frequencies(input, dtype=g.dtype)
    if padding_idx is not None:
        g = where(unsqueeze(ne(input, padding_idx), -1), g, 0.0)
    return embedding_grad(g, input, size=weight_shape[0])


_embedding.defvjps(None, _embedding_vjp)
embedding_grad.defvjps(lambda g, input: _embedding(input, g, padding_idx=None, scale_grad_by_freq=False), None)
