"""The layer that is linear in each of two inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import ShapeError
from .check import are_tensors, same_dtype
from .linalg import matmul
from .shape import permute, reshape

if TYPE_CHECKING:
    from ..tensor import Tensor


def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Tensor:
    """The sum over i and j of input1[..., i] * weight[o, i, j] * input2[..., j], plus bias[o].

    (..., I) and (..., J) with weight (O, I, J) and bias (O) give (..., O); the leading axes of the inputs are the same.
    """
    are_tensors("bilinear", input1=input1, input2=input2, weight=weight)
    same_dtype("bilinear", input1=input1, input2=input2, weight=weight, bias=bias)
    first, second, shape = tuple(input1.shape), tuple(input2.shape), tuple(weight.shape)
    if len(shape) != 3 or not first or not second or (first[-1], second[-1]) != shape[1:]:
        raise ShapeError(
            f"bilinear: input1 {first} and input2 {second} do not fit weight {shape}, which is (out, in1, in2)"
        )
    if first[:-1] != second[:-1]:
        raise ShapeError(f"bilinear: the leading axes of input1 {first} and input2 {second} differ")
    if bias is not None and tuple(bias.shape) != shape[:1]:
        raise ShapeError(f"bilinear: bias has shape {tuple(bias.shape)}, weight {shape} takes {shape[:1]}")
    o, i, j = shape
    # One large product for all samples, (*, i) with (i, o*j), then a small one for each, (o, j) with (j, 1).
    rows = matmul(input1, reshape(permute(weight, (1, 0, 2)), (i, o * j)))
    result = reshape(matmul(reshape(rows, (*first[:-1], o, j)), reshape(input2, (*second, 1))), (*first[:-1], o))
    return result if bias is None else result + bias
