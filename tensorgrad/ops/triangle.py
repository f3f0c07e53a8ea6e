"""Triangles and diagonals of matrices. Diagonals are counted from 0, the main one: positive ones lie above it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..dtypes import dtype_of
from ..errors import DTypeError, ShapeError
from ..kernels.triangle import triangle
from ..node import Array, make_tensor
from ..primitive import clone, primitive
from .check import are_tensors, normalize_dim
from .shape import flatten
from .split import integer

if TYPE_CHECKING:
    from ..tensor import Tensor

# Triangles


def tril(input: Any, diagonal: int = 0) -> Tensor:
    """The lower triangles of matrices (..., n, m): 0 above `diagonal`."""
    return _tril(input, diagonal=_checked("tril", input, diagonal))


def triu(input: Any, diagonal: int = 0) -> Tensor:
    """The upper triangles of matrices (..., n, m): 0 below `diagonal`."""
    return _triu(input, diagonal=_checked("triu", input, diagonal))


def _checked(name: str, input: Any, diagonal: int) -> int:
    are_tensors(name, input=input)
    if input.ndim < 2:
        raise ShapeError(f"{name}: a triangle is one of matrices, the input has shape {tuple(input.shape)}")
    return integer(name, "diagonal", diagonal)


@primitive
def _tril(x: Array, *, diagonal: int) -> Array:
    return triangle(x, diagonal, upper=False)


@primitive
def _triu(x: Array, *, diagonal: int) -> Array:
    return triangle(x, diagonal, upper=True)


_tril.defvjps(lambda g, diagonal: _tril(g, diagonal=diagonal))
_triu.defvjps(lambda g, diagonal: _triu(g, diagonal=diagonal))


def tril_indices(row: int, col: int, offset: int = 0, *, dtype: Any = np.int64) -> Tensor:
    """The rows and columns, as a tensor (2, k), of the places of a row x col matrix on and below a diagonal."""
    target = _integers("tril_indices", dtype)
    lower = _lower("tril_indices", row, col, offset)
    return make_tensor(np.array(np.nonzero(lower), target))


def triu_indices(row: int, col: int, offset: int = 0, *, dtype: Any = np.int64) -> Tensor:
    """The rows and columns, as a tensor (2, k), of the places of a row x col matrix on and above a diagonal."""
    target = _integers("triu_indices", dtype)
    lower = _lower("triu_indices", row, col, integer("triu_indices", "offset", offset) - 1)
    return make_tensor(np.array(np.nonzero(~lower), target))


def _integers(name: str, dtype: Any) -> np.dtype[Any]:
    target = dtype_of(name, dtype)
    if target.kind not in "iu":
        raise DTypeError(f"{name}: indices are integers, got dtype {target}")
    return target


def _lower(name: str, row: int, col: int, offset: int) -> Array:
    """Whether each place of a matrix lies on or below a diagonal."""
    sizes = integer(name, "row", row), integer(name, "col", col)
    if min(sizes) < 0:
        raise ShapeError(f"{name}: a matrix cannot have {sizes[0]} rows and {sizes[1]} columns")
    return np.tri(*sizes, integer(name, "offset", offset), dtype=np.bool_)


# Diagonals


def diagonal(input: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """The diagonal of the matrices along `dim1` (rows) and `dim2` (columns), as a new last axis; a view."""
    are_tensors("diagonal", input=input)
    if input.ndim < 2:
        raise ShapeError(f"diagonal: a diagonal is one of matrices, the input has shape {tuple(input.shape)}")
    first, second = _two("diagonal", dim1, dim2, input.ndim)
    return _diagonal(input, offset=integer("diagonal", "offset", offset), dim1=first, dim2=second)


@primitive(view=True)
def _diagonal(x: Array, *, offset: int, dim1: int, dim2: int) -> Array:
    view = np.diagonal(x, offset, dim1, dim2)
    view.flags.writeable = x.flags.writeable  # NumPy's is read-only, against old habits
    return view


@primitive
def place_diagonal(x: Array, *, shape: tuple[int, ...], offset: int, dim1: int, dim2: int) -> Array:
    """Zeros of `shape` with x on a diagonal: the adjoint of `diagonal`."""
    result = np.zeros(shape, x.dtype)
    _diagonal(result, offset=offset, dim1=dim1, dim2=dim2)[...] = x
    return result


_diagonal.defvjps(
    lambda g, x_shape, offset, dim1, dim2: place_diagonal(g, shape=x_shape, offset=offset, dim1=dim1, dim2=dim2)
)
place_diagonal.defvjps(lambda g, offset, dim1, dim2: _diagonal(g, offset=offset, dim1=dim1, dim2=dim2))


def diag_embed(input: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Square matrices along `dim1` and `dim2` of the result, with the last axis of the input on a diagonal, else 0."""
    are_tensors("diag_embed", input=input)
    if input.ndim == 0:
        raise ShapeError("diag_embed: a tensor of no axes is no diagonal")
    first, second = _two("diag_embed", dim1, dim2, input.ndim + 1)
    at = integer("diag_embed", "offset", offset)
    shape, size = list(input.shape[:-1]), input.shape[-1] + abs(at)
    for axis in sorted((first, second)):
        shape.insert(axis, size)
    return place_diagonal(input, shape=tuple(shape), offset=at, dim1=first, dim2=second)


def diag(input: Any, diagonal: int = 0) -> Tensor:
    """A square matrix with a tensor of one axis on its diagonal; of a matrix, a copy of the diagonal."""
    are_tensors("diag", input=input)
    if input.ndim == 1:
        return diag_embed(input, integer("diag", "diagonal", diagonal))
    if input.ndim == 2:
        return clone(_diagonal(input, offset=integer("diag", "diagonal", diagonal), dim1=0, dim2=1))
    raise ShapeError(f"diag: the input must have one or two axes, got shape {tuple(input.shape)}")


def diagflat(input: Any, offset: int = 0) -> Tensor:
    """A square matrix with all values of the input, in reading order, on its diagonal."""
    are_tensors("diagflat", input=input)
    return diag_embed(flatten(input), integer("diagflat", "offset", offset))


def _two(name: str, dim1: int, dim2: int, ndim: int) -> tuple[int, int]:
    first, second = normalize_dim(name, dim1, ndim), normalize_dim(name, dim2, ndim)
    if first == second:
        raise ShapeError(f"{name}: rows and columns must be two axes, got dim1={dim1} and dim2={dim2}")
    return first, second
