"""Inverses of matrices, and the solution of linear equations. Singular means that LAPACK meets a pivot of exactly 0."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DTypeError, ShapeError
from ..kernels import matrices as kernel
from ..node import Array
from ..primitive import clone, primitive, sum_to
from .check import are_tensors, same_dtype
from .elementwise import no_slope, where
from .linalg import _matmul
from .matrices import check_matrices, check_precision, diagonal_mask, mT, or_say_which
from .shape import reshape

if TYPE_CHECKING:
    from ..tensor import Tensor


def inv(A: Any) -> Tensor:
    """The inverse of each matrix of (..., n, n). To solve an equation with it, `solve` is faster and more accurate.

    Raises LinAlgError, which says which matrix of a stack is singular. Gradient: Giles, "Collected matrix derivative
    results for forward and reverse mode algorithmic differentiation" (2008), section 2.2.3.
    """
    check_matrices("linalg.inv", square=True, A=A)
    return _inv(A)


@primitive
def _inv(A: Array) -> Array:
    return or_say_which("linalg.inv", A, kernel.is_singular, "is singular", lambda: np.linalg.inv(A))


_inv.defvjps(lambda g, out: -_matmul(mT(out), _matmul(g, mT(out))))


def solve(A: Any, B: Any, *, left: bool = True) -> Tensor:
    """X with A @ X = B, or with X @ A = B if `left` is False, for each matrix A of (..., n, n).

    B is (..., n, k), or (..., k, n) if `left` is False; the leading axes broadcast. With `left`, B may also be a vector
    (n), or a stack of as many vectors as A has matrices, of the shape of A without its last axis.
    Raises LinAlgError, which says which matrix of a stack is singular. Gradient: Giles (2008), section 2.3.1.
    """
    check_matrices("linalg.solve", square=True, A=A)
    are_tensors("linalg.solve", B=B)
    a, b = tuple(A.shape), tuple(B.shape)
    same_dtype("linalg.solve", A=A, B=B)
    vectors = left and (len(b) == 1 or b == a[:-1])
    if vectors:
        B = reshape(B, (*b, 1))
    if not b or (len(b) == 1 and not vectors) or B.shape[-2 if left else -1] != a[-1]:
        form = f"A @ X = B needs a B of {a[-1]} rows" if left else f"X @ A = B needs a B of {a[-1]} columns"
        raise ShapeError(f"linalg.solve: A has shape {a}, B {b}: {form}")
    try:
        np.broadcast_shapes(a[:-2], tuple(B.shape[:-2]))
    except ValueError:
        raise ShapeError(f"linalg.solve: the leading axes of A {a} and B {b} do not broadcast") from None
    X = _solve(A, B) if left else mT(_solve(mT(A), mT(B)))
    return reshape(X, tuple(X.shape[:-1])) if vectors else X


@primitive
def _solve(A: Array, B: Array) -> Array:
    return or_say_which("linalg.solve", A, kernel.is_singular, "is singular", lambda: np.linalg.solve(A, B))


def _solve_vjp(wanted: Any, g: Any, A: Any, A_shape: Any, B_shape: Any, out: Any) -> Any:
    gb = _solve(mT(A), g)
    ga = sum_to(-_matmul(gb, mT(out)), shape=A_shape) if wanted[0] else None
    return ga, sum_to(gb, shape=B_shape) if wanted[1] else None


_solve.defvjp_joint(_solve_vjp)


def matrix_power(input: Any, n: int) -> Tensor:
    """Each matrix of (..., m, m) multiplied with itself, n factors; of the inverse for n below 0, identities for 0.

    By squaring, so that 2 log2(n) products are enough.
    """
    are_tensors("matrix_power", input=input)
    shape = tuple(input.shape)
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise ShapeError(f"matrix_power: input must be a square matrix or a stack of them, got shape {shape}")
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)):
        raise DTypeError(f"matrix_power: n must be an int, got {n!r}")
    if n == 0:
        return where(diagonal_mask(size=shape[-1]), 1, no_slope(input))
    if n < 0:
        check_precision("matrix_power", "input", input)
    product: Any = None
    square, rest = _inv(input) if n < 0 else input, abs(int(n))
    while True:
        if rest % 2:
            product = square if product is None else _matmul(product, square)
        rest //= 2
        if not rest:
            return clone(product) if product is input else product
        square = _matmul(square, square)
