"""Decompositions of matrices into triangular and orthogonal ones: Cholesky and QR."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..errors import GradientError, ShapeError
from ..kernels import matrices as kernel
from ..kernels.blas import in_one_thread
from ..node import Array
from ..primitive import primitive
from .elementwise import add, mul
from .indexing import getitem
from .inverse import _solve
from .linalg import _matmul
from .matrices import check_matrices, has_only_zeros, lower_half, mT, or_say_which
from .pad import pad
from .shape import cat

if TYPE_CHECKING:
    from ..tensor import Tensor


def cholesky(input: Any, *, upper: bool = False) -> Tensor:
    """The lower triangular L with L @ L.mT = A, or the upper U with U.mT @ U = A, for each matrix A of (..., n, n).

    Each A must be symmetric and positive definite: only its lower (upper) triangle is read, but the gradient is
    symmetric. Raises LinAlgError, which says which matrix of a stack is not. Gradient: Murray, "Differentiation of the
    Cholesky decomposition" (2016), https://arxiv.org/abs/1602.07527, equation 10.
    """
    check_matrices("linalg.cholesky", square=True, input=input)
    return triangle(input, upper)


def triangle(A: Any, upper: bool) -> Any:
    """`cholesky` after its checks."""
    return mT(_cholesky(mT(A))) if upper else _cholesky(A)


@primitive
def _cholesky(A: Array) -> Array:
    return or_say_which(
        "linalg.cholesky", A, kernel.is_not_positive, "is not positive definite", lambda: np.linalg.cholesky(A)
    )


def _cholesky_vjp(g: Any, out: Any) -> Any:
    inner = mul(_matmul(mT(out), g), lower_half(size=out.shape[-1], dtype=out.dtype))
    half = mT(_solve(mT(out), mT(_solve(mT(out), inner))))  # of which the transpose is the other half
    return mul(add(half, mT(half)), 0.5)


_cholesky.defvjps(_cholesky_vjp)


class QR(NamedTuple):
    """What `qr` gives: Q @ R = A."""

    Q: Any
    R: Any


def qr(A: Any, mode: str = "reduced") -> QR:
    """Orthogonal columns Q and an upper triangular R with Q @ R = A, for each matrix of (..., m, n).

    With k = min(m, n), mode "reduced" gives Q (..., m, k) and R (..., k, n); "complete" Q (..., m, m) and R
    (..., m, n); "r" the R of "reduced", and an empty Q of shape (0). The signs are LAPACK's: R may have negative
    numbers on its diagonal. For gradients, the first k columns of A must be independent. In mode "complete" with m > n,
    the further columns of Q are not determined by A: a gradient of them raises GradientError, but for zeros, as of
    `Q[..., :k]`, in a backward pass that is not recorded itself. R has a gradient in every
    mode. After Roberts and Roberts, "QR and LQ decomposition matrix backpropagation algorithms for square, wide, and
    deep matrices" (2020), https://arxiv.org/abs/2009.10071.
    """
    check_matrices("linalg.qr", A=A)
    if mode not in ("reduced", "complete", "r"):
        raise ShapeError(f"linalg.qr: mode must be 'reduced', 'complete' or 'r', got {mode!r}")
    m, n = A.shape[-2:]
    if m >= n:
        Q, R, further = _qr(A, complete=mode == "complete")
        if mode == "complete" and m > n:
            Q, R = cat([Q, further], -1), pad(R, (0, 0, 0, m - n))
    else:
        # A wide matrix is a square one, which gives Q, and columns that follow from it.
        Q, square, _ = _qr(getitem(A, (..., slice(m))), complete=False)
        R = cat([square, _matmul(mT(Q), getitem(A, (..., slice(m, None))))], -1)
    return QR(getitem(Q, (*[0] * (A.ndim - 1), slice(0))) if mode == "r" else Q, R)


@primitive(outputs=("q", "r", "further"))
def _qr(A: Array, *, complete: bool) -> tuple[Array, Array, Array]:
    """The reduced Q and R, and the further columns that complete Q, or none of them."""
    q, r = in_one_thread(lambda: np.linalg.qr(A, "complete" if complete else "reduced"))
    columns = A.shape[-1]
    return q[..., :columns], r[..., :columns, :], q[..., columns:]


def _qr_vjp(g_q: Any, g_r: Any, g_further: Any, q: Any, r: Any) -> Any:
    if not has_only_zeros(g_further):
        raise GradientError(
            f"linalg.qr: in mode 'complete', the Q of a {q.shape[-2]} by {q.shape[-1]} matrix is not determined by it, "
            "so it has no gradient: use mode 'reduced'"
        )
    if g_q is None and g_r is None:
        return _matmul(q, r) * 0.0
    # What R and Q ask for, as a symmetric matrix of which only the lower half is computed.
    inner = None if g_r is None else _matmul(r, mT(g_r))
    if g_q is not None:
        turned = -_matmul(mT(g_q), q)
        inner = turned if inner is None else add(inner, turned)
    half = mul(inner, lower_half(size=r.shape[-1], dtype=r.dtype))
    gy = _matmul(q, add(half, mT(half)))
    return mT(_solve(r, mT(gy if g_q is None else add(gy, g_q))))


_qr.defvjps(_qr_vjp)
