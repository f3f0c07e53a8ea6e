"""Matrix products added to a tensor: beta * input + alpha * product. `input` broadcasts to the shape of the product."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DTypeError, ShapeError
from .check import are_tensors
from .contract import Factor, contract
from .elementwise import add, mul, no_slope
from .linalg import _matmul, matmul
from .products import check_product, outer
from .vector_products import one_dtype

if TYPE_CHECKING:
    from ..tensor import Tensor


def addmm(input: Any, mat1: Any, mat2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * input + alpha * (mat1 @ mat2), with matrices (n, k) and (k, m).

    With beta=0, what `input` holds does not matter, be it nan.
    """
    are_tensors("addmm", input=input, mat1=mat1, mat2=mat2)
    check_product("addmm", mat1, "mat2", mat2, 2, 2, "mat1")
    check_sum("addmm", input, (mat1.shape[0], mat2.shape[1]), beta, alpha, mat1=mat1)
    return _added(input, _matmul(mat1, mat2), beta, alpha)


def addmv(input: Any, mat: Any, vec: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * input + alpha * (mat @ vec), with a matrix (n, k) and a vector (k); see `addmm`."""
    are_tensors("addmv", input=input, mat=mat, vec=vec)
    check_product("addmv", mat, "vec", vec, 2, 1, "mat")
    check_sum("addmv", input, (mat.shape[0],), beta, alpha, mat=mat)
    return _added(input, matmul(mat, vec), beta, alpha)


def addr(input: Any, vec1: Any, vec2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * input + alpha * outer(vec1, vec2), with vectors (n) and (m); see `addmm`."""
    are_tensors("addr", input=input, vec1=vec1, vec2=vec2)
    for key, vector in (("vec1", vec1), ("vec2", vec2)):
        if vector.ndim != 1:
            raise ShapeError(f"addr: {key} must be a vector, got shape {tuple(vector.shape)}")
    one_dtype("addr", vec1=vec1, vec2=vec2)
    check_sum("addr", input, (*vec1.shape, *vec2.shape), beta, alpha, vec1=vec1)
    return _added(input, outer(vec1, vec2), beta, alpha)


def baddbmm(input: Any, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * input + alpha * bmm(batch1, batch2), with stacks (b, n, k) and (b, k, m); see `addmm`."""
    check_stacks("baddbmm", input, batch1, batch2)
    check_sum("baddbmm", input, (*batch1.shape[:2], batch2.shape[2]), beta, alpha, batch1=batch1)
    return _added(input, _matmul(batch1, batch2), beta, alpha)


def addbmm(input: Any, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta * input + alpha * the sum of bmm(batch1, batch2) over the stack; see `addmm`."""
    check_stacks("addbmm", input, batch1, batch2)
    check_sum("addbmm", input, (batch1.shape[1], batch2.shape[2]), beta, alpha, batch1=batch1)
    product = contract([Factor(batch1, ("b", "n", "k")), Factor(batch2, ("b", "k", "m"))], ("n", "m"))
    return _added(input, product, beta, alpha)


def _added(input: Any, product: Any, beta: float, alpha: float) -> Any:
    if alpha != 1:
        product = mul(product, alpha)
    return add(product, input if beta == 1 else mul(input, beta) if beta else no_slope(input))


# Checks


def check_stacks(name: str, input: Any, batch1: Any, batch2: Any) -> None:
    """Raise unless the stacks are as many matrices, which can be multiplied."""
    are_tensors(name, input=input, batch1=batch1, batch2=batch2)
    check_product(name, batch1, "batch2", batch2, 3, 3, "batch1")
    if batch1.shape[0] != batch2.shape[0]:
        a, b = tuple(batch1.shape), tuple(batch2.shape)
        raise ShapeError(f"{name}: batch1 {a} and batch2 {b} are stacks of different sizes")


def check_sum(name: str, input: Any, shape: tuple[int, ...], beta: Any, alpha: Any, **factor: Any) -> None:
    """Raise unless `input` broadcasts to the product's shape and has its dtype, and the numbers suit it."""
    one_dtype(name, input=input, **factor)
    given = tuple(input.shape)
    lead = len(shape) - len(given)
    if lead < 0 or any(n not in (1, m) for n, m in zip(given, shape[lead:], strict=True)):
        raise ShapeError(f"{name}: input {given} does not broadcast to the shape of the product, {shape}")
    for key, value in (("beta", beta), ("alpha", alpha)):
        if not isinstance(value, (int, float, np.integer, np.floating)):
            raise DTypeError(f"{name}: {key} must be a number, got {value!r}")
        if input.dtype.kind != "f" and int(value) != value:
            raise DTypeError(f"{name}: {key} is {value!r}, which {input.dtype} cannot hold")
