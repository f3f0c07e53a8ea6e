"""Vectors of length 1, angles and distances of vectors along an axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..primitive import broadcast_to, promote_all
from .check import floats_that_broadcast, normalize_dim, normalize_dims, number, same_dtype
from .extremes import clamp_min
from .half import in_float32
from .reduce import sum
from .vector_norm import norm_over

if TYPE_CHECKING:
    from ..tensor import Tensor


def normalize(input: Any, p: float = 2.0, dim: int | Sequence[int] = 1, eps: float = 1e-12) -> Tensor:
    """input divided by its p-norm along `dim`, or by `eps` where the norm is smaller.

    Vectors of zeros stay zeros; their gradient is divided by `eps`.
    """
    same_dtype("normalize", input=input)
    dims = normalize_dims("normalize", dim, input.ndim)
    p, eps = number("normalize", "p", p), number("normalize", "eps", eps)
    return in_float32(lambda x: x / clamp_min(norm_over("normalize", x, p, dims, True), eps), input)


def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosine of the angle between vectors along `dim`: their product divided by both lengths.

    A length below `eps` counts as `eps`, so that with a vector of zeros the cosine is 0; such a length has no gradient,
    while PyTorch has its gradient pass. The shapes broadcast.
    """
    name = "cosine_similarity"
    shape = floats_that_broadcast(name, x1=x1, x2=x2)
    axis, eps = normalize_dim(name, dim, len(shape)), number(name, "eps", eps)
    dims = (axis,) if shape else ()

    def cosine(*vectors: Any) -> Any:
        first, second = (x / clamp_min(norm_over(name, x, 2.0, dims, True), eps) for x in vectors)
        return sum(first * second, dims)

    both = promote_all([x if tuple(x.shape) == shape else broadcast_to(x, shape=shape) for x in (x1, x2)])
    return in_float32(cosine, *both)


def pairwise_distance(x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """The p-norm of x1 - x2 + eps along the last axis: (N, D) and (N, D), which broadcast, to (N)."""
    name = "pairwise_distance"
    floats_that_broadcast(name, x1=x1, x2=x2)
    p, eps = number(name, "p", p), number(name, "eps", eps)

    def distance(x1: Any, x2: Any) -> Any:
        between = x1 - x2 + eps
        return norm_over(name, between, p, -1 if between.ndim else (), keepdim)

    return in_float32(distance, x1, x2)
