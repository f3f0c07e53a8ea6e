"""PyTorch's spelling of matrix products and of einsum."""

import torch

from tensorgrad.ops import inverse, products, vector_products
from tensorgrad.ops.einsum import einsum


def matrix_power(x, n):
    return torch.matrix_power(x + 3 * torch.eye(x.shape[-1], dtype=x.dtype) if n < 0 else x, n)


def cross(x, y, dim=None):
    """PyTorch warns that it will not go on looking for an axis of size 3."""
    return torch.linalg.cross(x, y, dim=list(x.shape).index(3) if dim is None else dim)


CALLS = {
    einsum: lambda *operands, equation: torch.einsum(equation, *operands),
    inverse.matrix_power: matrix_power,
    products.cross: cross,
    vector_products._cross: cross,
    products.multi_dot: lambda *tensors: torch.linalg.multi_dot(tensors),
    products.tensordot: lambda a, b, dims: torch.tensordot(a, b, dims),
}


def refused(row):
    if row.op is vector_products.vecdot and row.inputs == [(1,), (3,)]:
        return "PyTorch broadcasts an axis that is summed over, but not that of a vector"
    return None
