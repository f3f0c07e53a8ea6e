"""Operations over one axis with two results: what they return, how they are called, where their gradients go."""

from __future__ import annotations

from typing import Any, NamedTuple

from .indexing import scatter_along
from .reduce import restore_dims
from .shape import reshape


class ValuesIndices(NamedTuple):
    """Values, and where along the axis each was found."""

    values: Any
    indices: Any


class MinMax(NamedTuple):
    """The smallest and the largest value."""

    min: Any
    max: Any


def values_and_indices(op: Any, input: Any, *, dim: int, **params: Any) -> ValuesIndices:
    """Both results of `op` along `dim`. A 0-d input counts as one axis, as in PyTorch."""
    if input.ndim:
        return ValuesIndices(*op(input, dim=dim, **params))
    return ValuesIndices(*[reshape(r, ()) for r in op(reshape(input, (1,)), dim=0, **params)])


def to_index(g: Any, indices: Any, shape: tuple[int, ...], dim: int) -> Any:
    """The gradient of an input of `shape` of which one value along `dim` was taken: g at its index, 0 elsewhere."""
    g, indices = (restore_dims(v, shape, (dim,)) for v in (g, indices))
    return scatter_along(g, indices, dim=dim, shape=shape)
