"""What functions of matrices share: checks, transposes, masks, errors that say which matrix of a stack is at fault."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import DTypeError, LinAlgError, ShapeError
from ..kernels.blas import in_one_thread
from ..node import Array, TensorBase
from ..primitive import primitive
from .check import are_tensors
from .shape import transpose
from .statistics import any


def check_matrices(name: str, square: bool = False, **tensors: Any) -> None:
    """Raise unless each is a matrix or a stack of them, of float32 or float64: LAPACK knows no others."""
    are_tensors(name, **tensors)
    for key, tensor in tensors.items():
        shape = tuple(tensor.shape)
        if len(shape) < 2:
            raise ShapeError(f"{name}: {key} must be a matrix or a stack of matrices, got shape {shape}")
        if square and shape[-1] != shape[-2]:
            raise ShapeError(f"{name}: {key} must be square, got {shape[-2]} by {shape[-1]} (shape {shape})")
        check_precision(name, key, tensor)


def check_precision(name: str, key: str, tensor: Any) -> None:
    """Raise unless the dtype is float32 or float64."""
    if tensor.dtype.kind != "f" or tensor.dtype.itemsize < 4:
        raise DTypeError(
            f"{name}: {key} has dtype {tensor.dtype}, it must be float32 or float64: cast it, for example with .float()"
        )


def mT(x: Any) -> Any:
    """Each matrix transposed."""
    return transpose(x, -1, -2)


def has_only_zeros(g: Any) -> bool:
    """Whether nothing reaches an output: no gradient, or an array of zeros.

    A tensor says no: where it is recorded, its own derivative counts too, which need not be 0.
    """
    return g is None or not (isinstance(g, TensorBase) or any(g))


@primitive(differentiable=False)
def diagonal_mask(*, size: int) -> Array:
    """True on the diagonal of a square matrix."""
    return np.eye(size, dtype=np.bool_)


@primitive(differentiable=False)
def lower_half(*, size: int, dtype: np.dtype[Any]) -> Array:
    """1 below the diagonal of a square matrix, 1/2 on it and 0 above."""
    return np.tril(np.ones((size, size), dtype), -1) + np.eye(size, dtype=dtype) / 2


def or_say_which(name: str, a: Array, fault: Callable[[Array], Array], told: str, compute: Callable[[], Any]) -> Any:
    """The result of `compute`; where NumPy raises, an error that names the first matrix of `a` with the fault.

    LAPACK's own threads would give other bits: so it has one, as all products have.
    """
    try:
        return in_one_thread(compute)
    except np.linalg.LinAlgError as error:
        at = np.argwhere(fault(a))
        if not len(at):
            raise LinAlgError(f"{name}: {error} (shape {a.shape})") from None
    if a.ndim == 2:
        raise LinAlgError(f"{name}: the matrix {told}")
    first = tuple(at[0].tolist())
    index = first[0] if len(first) == 1 else first
    raise LinAlgError(f"{name}: matrix {index} of the stack of shape {a.shape} {told}")
