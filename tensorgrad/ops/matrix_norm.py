"""Norms of matrices, and the two functions `norm` that choose between these and the norms of vectors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import ShapeError
from .check import normalize_dim
from .elementwise import abs
from .matrices import check_precision
from .reduce import kept_shape, sum
from .shape import permute, reshape
from .spectral import _svd
from .vector_norm import Dims, as_dtype, check_floats, norm_over

if TYPE_CHECKING:
    from ..tensor import Tensor

SUMS = {1: 0, -1: 0, math.inf: 1, -math.inf: 1}  # {order: which of the two axes is summed over first}
SINGULAR = {2: math.inf, -2: -math.inf, "nuc": 1}  # {order: the norm that the singular values are taken of}


def matrix_norm(
    input: Any, ord: Any = "fro", dim: Sequence[int] = (-2, -1), keepdim: bool = False, *, dtype: Any = None
) -> Tensor:
    """The norm of the matrices in the two axes `dim`.

    `ord` is "fro", the root of the sum of squares; "nuc", the sum of the singular values; 2 or -2, the largest or
    smallest of these; 1 or -1, the largest or smallest sum of absolute values of a column; inf or -inf, of a row.
    `dtype`, at least as wide as the input's, is what is computed in. The gradient is 0 where the norm is 0, unlike in
    PyTorch for those of singular values, and split evenly between equal columns, rows or singular values.
    """
    check_floats("linalg.matrix_norm", "input", input)
    x = as_dtype("linalg.matrix_norm", "input", input, dtype)
    return matrix_norm_over("linalg.matrix_norm", x, ord, dim, keepdim)


def matrix_norm_over(name: str, x: Any, ord: Any, dim: Any, keepdim: bool) -> Any:
    """`matrix_norm`, for a function of the name `name`."""
    if x.ndim < 2:
        raise ShapeError(f"{name}: input must be a matrix or a stack of matrices, got shape {tuple(x.shape)}")
    if not isinstance(dim, (tuple, list)) or len(dim) != 2:
        raise ShapeError(f"{name}: the norm of a matrix is over two axes, got dim={dim!r}")
    dims = tuple(normalize_dim(name, d, x.ndim) for d in dim)
    if dims[0] == dims[1]:
        raise ShapeError(f"{name}: an axis appears twice in dim={tuple(dim)}")
    known = ["fro", *SUMS, *SINGULAR]
    if isinstance(ord, bool) or not isinstance(ord, (str, int, float)) or ord not in known:
        raise ShapeError(f"{name}: there is no matrix norm of order {ord!r}: it must be one of {known}")
    if ord in SINGULAR:
        check_precision(name, "input", x)
    if ord == "fro" or (0 in (x.shape[dims[0]], x.shape[dims[1]]) and ord not in (-1, -2, -math.inf)):
        return norm_over(name, x, 2, dims, keepdim)  # of nothing, it is 0
    if ord in SUMS:
        first, second = dims if SUMS[ord] == 0 else dims[::-1]
        norms = norm_over(name, sum(abs(x), first, keepdim=True), math.copysign(math.inf, ord), second, True)
    else:
        others = [i for i in range(x.ndim) if i not in dims]
        norms = norm_over(name, _svd(permute(x, *others, *dims), full=False)[1], SINGULAR[ord], -1, False)
    kept = kept_shape(tuple(x.shape), dims)
    return reshape(norms, kept if keepdim else tuple(n for i, n in enumerate(x.shape) if i not in dims))


def norm(input: Any, ord: Any = None, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """The norm of vectors or of matrices.

    Without `ord`, the root of the sum of squares over `dim`, as `vector_norm` has it. With it, one axis in `dim` gives
    the norm of vectors, two that of matrices; without `dim`, the input is one vector or one matrix.
    """
    check_floats("linalg.norm", "input", input)
    x = as_dtype("linalg.norm", "input", input, dtype)
    if ord is None:
        return norm_over("linalg.norm", x, 2, dim, keepdim)
    if dim is None:
        if x.ndim not in (1, 2):
            raise ShapeError(f"linalg.norm: with ord but no dim, input must have 1 or 2 axes, got {tuple(x.shape)}")
        dim = tuple(range(x.ndim))
    dims = tuple(dim) if isinstance(dim, (tuple, list)) else (dim,)
    if len(dims) == 1 and not isinstance(ord, str):
        return norm_over("linalg.norm", x, ord, dims, keepdim)
    return matrix_norm_over("linalg.norm", x, ord, dims, keepdim)
