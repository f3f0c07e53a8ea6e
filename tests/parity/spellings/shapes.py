"""Operations that rearrange: lists of tensors, methods that PyTorch has no function for, adjoints."""

import torch

import tensorgrad as tg
from tensorgrad.ops import arrange, repeat, spread, triangle

from .tools import adjoint


def listed(function):
    return lambda *xs, **params: function(xs, **params)


def by_place(function):
    """What PyTorch documents as `indices_or_sections` has two names there, one for each meaning."""
    return lambda x, indices_or_sections, *dim, **params: function(x, indices_or_sections, *dim, **params)


def interleaved(x, counts, dim):
    return x.repeat_interleave(torch.as_tensor(counts), dim)


CALLS = {
    arrange.view_as: torch.Tensor.view_as,
    arrange.reshape_as: torch.Tensor.reshape_as,
    spread.expand: lambda x, size: x.expand(size),
    spread.expand_as: torch.Tensor.expand_as,
    spread.meshgrid: lambda *xs, indexing="ij": torch.meshgrid(*xs, indexing=indexing),
    repeat.repeat: lambda x, repeats: x.repeat(repeats),
    repeat._repeat_each: interleaved,
    repeat.sum_of_each: lambda x, counts, dim, size: adjoint(
        lambda at: interleaved(at, counts, dim), (*x.shape[:dim], size, *x.shape[dim + 1 :]), x
    ),
    triangle.place_diagonal: lambda x, shape, **params: adjoint(lambda at: at.diagonal(**params), shape, x),
}
CALLS |= {op: listed(getattr(torch, op.__name__)) for op in (tg.hstack, tg.vstack, tg.dstack, tg.column_stack)}
CALLS |= {op: by_place(getattr(torch, op.__name__)) for op in (tg.tensor_split, tg.hsplit, tg.vsplit, tg.dsplit)}
