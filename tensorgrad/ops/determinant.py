"""Determinants. Their gradients are cofactors, which singular matrices have too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..kernels import matrices as kernel
from ..kernels.blas import in_one_thread
from ..node import Array
from ..primitive import primitive
from .elementwise import mul, no_slope
from .inverse import _inv
from .linalg import _matmul
from .matrices import check_matrices, mT
from .reduce import sum
from .shape import broadcast_to, reshape

if TYPE_CHECKING:
    from ..tensor import Tensor


def det(A: Any) -> Tensor:
    """The determinant of each matrix of (..., n, n).

    The gradient is the cofactors. Those of singular matrices, and of nearly singular ones, are computed from the
    singular values without a division: they are exact, where PyTorch gives zeros for many, and so is the second
    derivative. Derivatives of the third order, and second ones recorded for them, need a regular matrix. `slogdet`
    does not overflow. After Giles, "Collected matrix derivative results for forward and reverse mode algorithmic
    differentiation" (2008), section 2.2.4.
    """
    check_matrices("linalg.det", square=True, A=A)
    return _det(A)


@primitive
def _det(A: Array) -> Array:
    with np.errstate(all="ignore"):
        return np.asarray(in_one_thread(lambda: np.linalg.det(A)))


@primitive
def _cofactors(A: Array) -> Array:
    return np.asarray(in_one_thread(lambda: kernel.cofactors(A)))


def _from_inverse(gy: Any, A: Any) -> Any:
    """The gradient of sum(gy * det(A) * mT(inv(A))): the chain rule, for a regular matrix."""
    turned = mT(_inv(A))
    traces = sum(mul(gy, turned), (-2, -1), keepdim=True)
    return mul(_spread(_det(A)), mul(traces, turned) - _matmul(turned, _matmul(mT(gy), turned)))


@primitive(composed=_from_inverse)
def _cofactors_vjp(gy: Array, A: Array) -> Array:
    return np.asarray(in_one_thread(lambda: kernel.cofactors_vjp(gy, A)))


def _spread(x: Any) -> Any:
    """One value for each matrix, with axes to broadcast over it."""
    return reshape(x, (*x.shape, 1, 1))


_det.defvjps(lambda g, A: mul(_spread(g), _cofactors(A)))
_cofactors.defvjps(lambda g, A: _cofactors_vjp(g, A))


class Slogdet(NamedTuple):
    """What `slogdet` gives: det(A) = sign * exp(logabsdet)."""

    sign: Any
    logabsdet: Any


def slogdet(A: Any) -> Slogdet:
    """The sign of the determinant of each matrix of (..., n, n), and the logarithm of its absolute value.

    They are 0 and -inf for a singular matrix. The sign has gradient 0. Gradient of the logarithm: Giles (2008), section
    2.2.4; it needs the inverse, so that of a singular matrix raises LinAlgError.
    """
    check_matrices("linalg.slogdet", square=True, A=A)
    return Slogdet(*_slogdet(A))


@primitive(outputs=("sign", "logabsdet"))
def _slogdet(A: Array) -> tuple[Array, Array]:
    with np.errstate(all="ignore"):
        sign, logabsdet = in_one_thread(lambda: np.linalg.slogdet(A))
    return np.asarray(sign), np.asarray(logabsdet)


def _slogdet_vjp(g_sign: Any, g_logabsdet: Any, A: Any) -> Any:
    if g_logabsdet is None:
        return broadcast_to(no_slope(_spread(g_sign)), A.shape)
    return mul(_spread(g_logabsdet), mT(_inv(A)))


_slogdet.defvjps(_slogdet_vjp)
