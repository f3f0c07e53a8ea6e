"""Numerics of matrices on plain arrays: stacks (..., n, n), one matrix each in the last two axes."""

import numpy as np

from .windows import Array


def is_singular(a: Array) -> Array:
    """Whether a pivot of each matrix's LU decomposition is exactly 0: then LAPACK refuses to invert it."""
    with np.errstate(all="ignore"):
        sign, _ = np.linalg.slogdet(a)
    return np.asarray(sign == 0)


def is_not_positive(a: Array) -> Array:
    """Whether each matrix has no Cholesky decomposition."""
    failed = np.zeros(a.shape[:-2], np.bool_)
    for at in np.ndindex(failed.shape):  # NumPy does not say which one of a stack; looked for only when one failed
        try:
            np.linalg.cholesky(a[at])
        except np.linalg.LinAlgError:
            failed[at] = True
    return failed


def is_not_finite(a: Array) -> Array:
    """Whether each matrix has an inf or nan."""
    return np.asarray(~np.isfinite(a).all((-2, -1)))


def cofactors(a: Array) -> Array:
    """The cofactors: det(a) times the transposed inverse, of singular matrices too.

    The inverse is taken where it keeps most digits, as it is up to ten times as fast as the singular values.
    """
    a, finite = _finite(a)
    ones = np.eye(a.shape[-1], dtype=a.dtype)
    with np.errstate(all="ignore"):
        det = np.asarray(np.linalg.det(a))[..., None, None]
        usable = (det != 0) & np.isfinite(det)
        inverse = np.linalg.inv(a if usable.all() else np.where(usable, a, ones))
        condition = _largest_column(a) * _largest_column(inverse)
        good = (usable & (condition < np.finfo(a.dtype).eps ** -0.25))[..., 0, 0]
        result = np.asarray(det * np.swapaxes(inverse, -1, -2))
    if not good.all():
        result[~good] = _cofactors_of_values(a[~good])
    return _nan_unless(finite, result)


def _largest_column(a: Array) -> Array:
    """The largest sum of absolute values of a column, a norm: times that of the inverse it is a condition number."""
    return np.asarray(np.max(np.sum(np.absolute(a), -2, keepdims=True), -1, keepdims=True, initial=0))


def _cofactors_of_values(a: Array) -> Array:
    """With a = U S V', the cofactors are det(U) det(V) U D V', where D has the products of all values of S but one."""
    u, s, vh = np.linalg.svd(a)
    return _signs(u, vh) * ((u * _products_but_one(s)[..., None, :]) @ vh)


def cofactors_vjp(gy: Array, a: Array) -> Array:
    """The gradient of sum(gy * cofactors(a)) with respect to a: the second derivative of the determinant, times gy.

    In the coordinates of the singular vectors, where `a` is diagonal, the determinant of a + t h + r k has at t r the
    term h[i, i] k[j, j] - h[i, j] k[j, i], times the product of all singular values but i and j, for each i != j.
    """
    a, finite = _finite(a)
    u, s, vh = np.linalg.svd(a)
    n = s.shape[-1]
    ones = np.eye(n, dtype=np.bool_)
    # Row i: the singular values without number i, so products over all but j lack i and j.
    pairs = np.where(ones, 0, _products_but_one(np.where(ones, 1, s[..., None, :])))
    h = np.swapaxes(u, -1, -2) @ gy @ np.swapaxes(vh, -1, -2)
    diagonal = np.matvec(pairs, np.diagonal(h, axis1=-2, axis2=-1))
    turned = np.where(ones, diagonal[..., None, :], -pairs * np.swapaxes(h, -1, -2))
    return _nan_unless(finite, _signs(u, vh) * (u @ turned.astype(a.dtype, copy=False) @ vh))


def _products_but_one(s: Array) -> Array:
    """Along the last axis, the product of all values but this one; without a division, so zeros do no harm."""
    ones = np.ones((*s.shape[:-1], 1), s.dtype)
    before = np.cumprod(np.concatenate([ones, s[..., :-1]], -1), -1)[..., : s.shape[-1]]
    after = np.cumprod(np.concatenate([ones, s[..., :0:-1]], -1), -1)[..., ::-1][..., -s.shape[-1] or None :]
    return np.asarray(before * after)


def _signs(u: Array, vh: Array) -> Array:
    """det(u) det(vh) of orthogonal matrices, 1 or -1, to be multiplied with matrices."""
    return np.asarray(np.round(np.linalg.det(u) * np.linalg.det(vh)))[..., None, None]


def _finite(a: Array) -> tuple[Array, Array]:
    """The matrices with zeros for those that have an inf or nan, and which do not: NumPy's SVD refuses these."""
    finite = ~is_not_finite(a)[..., None, None]
    return (a if finite.all() else np.where(finite, a, 0).astype(a.dtype, copy=False)), finite


def _nan_unless(finite: Array, result: Array) -> Array:
    return result if finite.all() else np.where(finite, result, result.dtype.type(np.nan))
