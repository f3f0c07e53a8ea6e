"""NumPy's products of vectors and matrices, and its linear algebra."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import ShapeError
from ..ops import (
    arrange,
    decompositions,
    determinant,
    einsum,
    elementwise,
    inverse,
    linalg,
    matrix_norm,
    products,
    spectral,
    spread,
    vector_norm,
    vector_products,
)
from ..ops.shape import flatten, unsqueeze
from .table import all_given, enter, given, in_floats


def _dot(a: Any, b: Any) -> Any:
    """Over the last axis of the first and the last but one of the second, without broadcasting; numbers multiply."""
    a, b = given(a), given(b)
    if not a.ndim or not b.ndim:
        return elementwise.mul(a, b)
    if b.ndim < 3:
        return linalg.matmul(a, b)
    _same_size("dot", a, -1, b, -2)
    return products.tensordot(a, b, ([a.ndim - 1], [b.ndim - 2]))


def _vdot(a: Any, b: Any) -> Any:
    """Of any shapes with as many values, in reading order."""
    return products.vdot(flatten(given(a)), flatten(given(b)))


def _outer(a: Any, b: Any) -> Any:
    """Of any shapes, in reading order."""
    return products.outer(flatten(given(a)), flatten(given(b)))


def _tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """`axes` is a number, or two axes or lists of axes. Sizes must be equal: an axis of size 1 does not broadcast."""
    a, b = given(a), given(b)
    if isinstance(axes, (tuple, list)) and len(axes) == 2:
        axes = [list(given) if isinstance(given, (tuple, list)) else [given] for given in axes]
        pairs = zip(*axes, strict=False)
    else:
        pairs = zip(range(a.ndim - axes, a.ndim), range(axes), strict=True)
    result = products.tensordot(a, b, axes)
    for i, j in pairs:
        _same_size("tensordot", a, i, b, j)
    return result


def _same_size(name: str, a: Any, i: int, b: Any, j: int) -> None:
    if a.shape[i] != b.shape[j]:
        raise ShapeError(f"{name}: axis {i} of {tuple(a.shape)} and axis {j} of {tuple(b.shape)} differ in size")


def _einsum(*operands: Any, optimize: Any = False) -> Any:
    """`optimize` says nothing here: the order of the products is always chosen."""
    if operands and isinstance(operands[0], str):
        return einsum.einsum(operands[0], *all_given(operands[1:]))
    return einsum.einsum(*operands)


def _cross(a: Any, b: Any, *, axis: int = -1) -> Any:
    """Of vectors of three values; the other axes broadcast, also in number."""
    first, second = spread.broadcast_tensors(*(arrange.movedim(given(x), axis, -1) for x in (a, b)))
    return arrange.movedim(vector_products.cross(first, second), -1, axis)


def _solve(a: Any, b: Any) -> Any:
    """`b` is one vector if it has one axis, else a stack of matrices, also where it could be one of vectors."""
    a, b = in_floats(a), in_floats(b)
    return inverse.solve(a, unsqueeze(b, 0) if 1 < b.ndim < a.ndim else b)


def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    dim = tuple(axis) if isinstance(axis, (tuple, list)) else axis
    if isinstance(dim, tuple) and len(dim) not in (1, 2):
        raise ShapeError(f"linalg.norm: axis must be one or two axes, got {axis}")
    return matrix_norm.norm(in_floats(x), ord, dim, bool(keepdims))


def _qr(a: Any, mode: str = "reduced") -> Any:
    result = decompositions.qr(in_floats(a), mode)
    return result.R if mode == "r" else result


def _svd(a: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    return spectral.svd(in_floats(a), bool(full_matrices)) if compute_uv else spectral.svdvals(in_floats(a))


def _of_matrix(op: Callable[..., Any]) -> Callable[..., Any]:
    return lambda a: op(in_floats(a))


enter(
    {
        "dot": _dot,
        "vdot": _vdot,
        "inner": lambda a, b, /: products.inner(given(a), given(b)),
        "outer": _outer,
        "linalg.outer": lambda x1, x2, /: products.outer(given(x1), given(x2)),
        "tensordot": _tensordot,
        "linalg.tensordot": lambda x1, x2, /, *, axes=2: _tensordot(x1, x2, axes),
        "linalg.matmul": lambda x1, x2, /: linalg.matmul(given(x1), given(x2)),
        "linalg.vecdot": lambda x1, x2, /, *, axis=-1: vector_products.vecdot(given(x1), given(x2), dim=axis),
        "linalg.multi_dot": lambda arrays: products.multi_dot(all_given(arrays)),
        "einsum": _einsum,
        "kron": lambda a, b: products.kron(given(a), given(b)),
        "cross": _cross,
        "linalg.cross": lambda x1, x2, /, *, axis=-1: _cross(x1, x2, axis=axis),
        "linalg.inv": _of_matrix(inverse.inv),
        "linalg.det": _of_matrix(determinant.det),
        "linalg.slogdet": _of_matrix(determinant.slogdet),
        "linalg.solve": _solve,
        "linalg.matrix_power": lambda a, n: inverse.matrix_power(in_floats(a), n),
        "linalg.cholesky": lambda a, /, *, upper=False: decompositions.cholesky(in_floats(a), upper=upper),
        "linalg.qr": _qr,
        "linalg.eigh": lambda a, UPLO="L": spectral.eigh(in_floats(a), UPLO),
        "linalg.eigvalsh": lambda a, UPLO="L": spectral.eigvalsh(in_floats(a), UPLO),
        "linalg.svd": _svd,
        "linalg.svdvals": lambda x, /: spectral.svdvals(in_floats(x)),
        "linalg.norm": _norm,
        "linalg.matrix_norm": lambda x, /, *, keepdims=False, ord="fro": matrix_norm.matrix_norm(
            in_floats(x), ord, (-2, -1), bool(keepdims)
        ),
        "linalg.vector_norm": lambda x, /, *, axis=None, keepdims=False, ord=2: vector_norm.vector_norm(
            in_floats(x), ord, axis, bool(keepdims)
        ),
    }
)
