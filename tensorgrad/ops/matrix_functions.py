"""Functions of matrices as they are called without `linalg`, where PyTorch has other arguments for them there."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ..errors import ShapeError
from .decompositions import triangle
from .determinant import Slogdet, _det, _slogdet
from .elementwise import eq, where
from .inverse import _inv
from .matrices import check_matrices
from .matrix_norm import matrix_norm_over
from .vector_norm import Dims, as_dtype, check_floats, norm_over

if TYPE_CHECKING:
    from ..tensor import Tensor


def det(input: Any) -> Tensor:
    """The determinant of each matrix of (..., n, n); see `linalg.det`."""
    check_matrices("det", square=True, input=input)
    return _det(input)


def slogdet(input: Any) -> Slogdet:
    """The sign of the determinant of each matrix of (..., n, n), and the logarithm of its absolute value.

    See `linalg.slogdet`.
    """
    check_matrices("slogdet", square=True, input=input)
    return Slogdet(*_slogdet(input))


def logdet(input: Any) -> Tensor:
    """The logarithm of the determinant of each matrix of (..., n, n): nan where it is below 0, -inf where it is 0.

    The gradient needs the inverse, so that of a singular matrix raises LinAlgError.
    """
    check_matrices("logdet", square=True, input=input)
    sign, logabsdet = _slogdet(input)
    return where(eq(sign, -1), math.nan, logabsdet)


def inverse(input: Any) -> Tensor:
    """The inverse of each matrix of (..., n, n); see `linalg.inv`."""
    check_matrices("inverse", square=True, input=input)
    return _inv(input)


def cholesky(input: Any, upper: bool = False) -> Tensor:
    """The triangular factor of each symmetric, positive definite matrix of (..., n, n); see `linalg.cholesky`."""
    check_matrices("cholesky", square=True, input=input)
    return triangle(input, upper)


def norm(input: Any, p: Any = "fro", dim: Dims = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
    """The norm over `dim`, one axis, several, or all of them.

    `p` is a number, the order of the norm of vectors, whatever the number of axes (`linalg.vector_norm` tells more);
    "fro", the same as 2; or "nuc", the sum of the singular values of matrices in two axes. The gradient is 0 where the
    norm is 0. `dtype`, at least as wide as the input's, is what is computed in.
    """
    check_floats("norm", "input", input)
    x = as_dtype("norm", "input", input, dtype)
    if p == "nuc":
        return matrix_norm_over("norm", x, p, tuple(range(x.ndim)) if dim is None else dim, keepdim)
    if isinstance(p, str) and p != "fro":
        raise ShapeError(f"norm: p must be a number, 'fro' or 'nuc', got {p!r}")
    return norm_over("norm", x, 2 if p is None or p == "fro" else p, dim, keepdim)
