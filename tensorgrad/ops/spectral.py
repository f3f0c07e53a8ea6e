"""Eigenvalues of symmetric matrices, and singular values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..errors import GradientError, ShapeError
from ..kernels import matrices as kernel
from ..node import Array
from ..primitive import primitive
from .elementwise import _div, add, mul, sub, where
from .linalg import _matmul
from .matrices import check_matrices, diagonal_mask, has_only_zeros, mT, or_say_which
from .shape import cat, unsqueeze

if TYPE_CHECKING:
    from ..tensor import Tensor


class Eigh(NamedTuple):
    """What `eigh` gives: A @ eigenvectors = eigenvectors * eigenvalues."""

    eigenvalues: Any
    eigenvectors: Any


class SVD(NamedTuple):
    """What `svd` gives: A = (U * S) @ Vh."""

    U: Any
    S: Any
    Vh: Any


def eigh(input: Any, UPLO: str = "L") -> Eigh:
    """The eigenvalues of each symmetric matrix of (..., n, n), ascending, and its eigenvectors, as columns.

    Only the lower triangle is read, or with UPLO="U" the upper one; the gradient is symmetric. The sign of an
    eigenvector is arbitrary; gradients are right for results that do not depend on it. Those of eigenvectors are
    infinite or nan where eigenvalues are equal, as in PyTorch, those of eigenvalues are not. Gradient: Giles,
    "Collected matrix derivative results for forward and reverse mode algorithmic differentiation" (2008), section 3.1.
    """
    check_matrices("linalg.eigh", square=True, input=input)
    return Eigh(*_eigh(input, lower=_is_lower("linalg.eigh", UPLO)))


def eigvalsh(input: Any, UPLO: str = "L") -> Tensor:
    """The eigenvalues of each symmetric matrix of (..., n, n), ascending; see `eigh`."""
    check_matrices("linalg.eigvalsh", square=True, input=input)
    return _eigh(input, lower=_is_lower("linalg.eigvalsh", UPLO))[0]


def _is_lower(name: str, triangle: Any) -> bool:
    if triangle not in ("L", "U", "l", "u"):
        raise ShapeError(f"{name}: UPLO must be 'L' or 'U', got {triangle!r}")
    return triangle in "Ll"


@primitive(outputs=("values", "vectors"))
def _eigh(A: Array, *, lower: bool) -> tuple[Array, Array]:
    told = "has no eigenvalues: an inf or nan is in it"
    values, vectors = or_say_which(
        "linalg.eigh", A, kernel.is_not_finite, told, lambda: np.linalg.eigh(A, "L" if lower else "U")
    )
    return values, vectors


def _eigh_vjp(g_values: Any, g_vectors: Any, values: Any, vectors: Any) -> Any:
    if g_vectors is None:
        return _matmul(mul(vectors, unsqueeze(g_values, -2)), mT(vectors))
    mask = diagonal_mask(size=values.shape[-1])
    turned = _div(_matmul(mT(vectors), g_vectors), where(mask, 1.0, _differences(values)))
    inner = where(mask, 0.0 if g_values is None else unsqueeze(g_values, -2), mul(add(turned, mT(turned)), 0.5))
    return _matmul(vectors, _matmul(inner, mT(vectors)))


_eigh.defvjps(_eigh_vjp)


def _differences(x: Any) -> Any:
    """x[j] - x[i] in row i and column j."""
    return sub(unsqueeze(x, -2), unsqueeze(x, -1))


def svd(A: Any, full_matrices: bool = True) -> SVD:
    """The singular values S of each matrix of (..., m, n), descending, with the singular vectors of both sides.

    With k = min(m, n), U is (..., m, m), S (..., k) and Vh (..., n, n); if `full_matrices` is False, U is (..., m, k)
    and Vh (..., k, n). The signs of the vectors are arbitrary, one for each pair; gradients are right for results that
    do not depend on them. Those of the vectors are infinite or nan where singular values are equal or 0, as in PyTorch,
    those of singular values are not. The further columns of U, or rows of Vh, that `full_matrices` asks for are not
    determined by A: a gradient of them raises GradientError, but for zeros, as of `U[..., :k]`, in a backward pass that
    is not recorded itself. Gradient: Giles (2008), section 3.2, and Townsend, "Differentiating the singular value
    decomposition" (2016).
    """
    check_matrices("linalg.svd", A=A)
    u, s, vh, columns, rows = _svd(A, full=bool(full_matrices))
    if columns.shape[-1]:
        u = cat([u, columns], -1)
    if rows.shape[-2]:
        vh = cat([vh, rows], -2)
    return SVD(u, s, vh)


def svdvals(A: Any) -> Tensor:
    """The singular values of each matrix of (..., m, n), descending; see `svd`."""
    check_matrices("linalg.svdvals", A=A)
    return _svd(A, full=False)[1]


@primitive(outputs=("u", "s", "vh", "columns", "rows"))
def _svd(A: Array, *, full: bool) -> tuple[Array, Array, Array, Array, Array]:
    """The reduced decomposition, and the columns and rows that complete U and Vh, or none of them."""
    told = "has no singular values: an inf or nan is in it"
    u, s, vh = or_say_which("linalg.svd", A, kernel.is_not_finite, told, lambda: np.linalg.svd(A, full))
    size = s.shape[-1]
    return u[..., :size], s, vh[..., :size, :], u[..., size:], vh[..., size:, :]


def _svd_vjp(g_u: Any, g_s: Any, g_vh: Any, g_columns: Any, g_rows: Any, u: Any, s: Any, vh: Any) -> Any:
    rows, size, columns = u.shape[-2], s.shape[-1], vh.shape[-1]
    if not (has_only_zeros(g_columns) and has_only_zeros(g_rows)):
        raise GradientError(
            f"linalg.svd: with full_matrices=True, the {'U' if rows > columns else 'Vh'} of a {rows} by {columns} "
            "matrix is not determined by it, so it has no gradient: pass full_matrices=False"
        )
    if g_u is None and g_s is None and g_vh is None:
        return _matmul(u, vh) * 0.0
    inner = None if g_s is None else where(diagonal_mask(size=size), unsqueeze(g_s, -2), 0.0)
    gaps = None
    if g_u is not None or g_vh is not None:
        mask, sums = diagonal_mask(size=size), add(unsqueeze(s, -2), unsqueeze(s, -1))
        gaps = where(mask, 1.0, mul(_differences(s), sums))
    if g_u is not None:
        turned = _matmul(mT(u), g_u)
        inner = _plus(inner, mul(_div(sub(turned, mT(turned)), gaps), unsqueeze(s, -2)))
    if g_vh is not None:
        turned = _matmul(vh, mT(g_vh))
        inner = _plus(inner, mul(unsqueeze(s, -1), _div(sub(turned, mT(turned)), gaps)))
    ga = _matmul(u, _matmul(inner, vh))
    if g_u is not None and rows > size:
        ga = add(ga, _matmul(_div(sub(g_u, _matmul(u, _matmul(mT(u), g_u))), unsqueeze(s, -2)), vh))
    if g_vh is not None and columns > size:
        ga = add(ga, _matmul(u, _div(sub(g_vh, _matmul(_matmul(g_vh, mT(vh)), vh)), unsqueeze(s, -1))))
    return ga


_svd.defvjps(_svd_vjp)


def _plus(x: Any, y: Any) -> Any:
    return y if x is None else add(x, y)
