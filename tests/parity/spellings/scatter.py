"""PyTorch's spelling of what is written and read by number, of masks and of looking up."""

import numpy as np
import torch

from tensorgrad.ops import index, masked, scatter, search
from tests.op_table.indexing import along
from tests.op_table.scatter import coming

from .tools import adjoint, to_torch


def by_dim(name):
    """A function of (input, dim, index, src), called with the tensors in front as the rows are."""
    return lambda x, at, src, *, dim, **params: getattr(torch, name)(x, dim, at, cut(src, at), **params)


def cut(src, at):
    """What of src is used: PyTorch gives no gradient to one that is larger than the index."""
    return src[tuple(slice(0, n) for n in at.shape)] if src.ndim == at.ndim else src


def torch_scatter(x, at, src=None, *, dim, value=None):
    """PyTorch takes a number as `value` alone."""
    if isinstance(src, torch.Tensor):
        return torch.scatter(x, dim, at, cut(src, at))
    return torch.scatter(x, dim, at, value=src if value is None else value)


def torch_scatter_reduce(x, at, src, *, dim, reduce, include_self):
    if reduce == "prod":
        return plain_products(x, at, src, dim, include_self)
    return torch.scatter_reduce(x, dim, at, cut(src, at), reduce, include_self=include_self)


def plain_products(x, at, src, dim, include_self):
    """By plain products: PyTorch's own second derivatives leave rounding errors where 0 is right, as it divides."""
    if not x.ndim:
        return x * src if include_self else x * 0 + src
    out = x.clone()
    for to, places in coming(dim % x.ndim, at.numpy()).items():
        product = x[to] if include_self else torch.ones((), dtype=x.dtype)
        for place in places:
            product = product * src[place]
        out[to] = product
    return out


def torch_extreme(x, at, src, dim, largest, include_self):
    return x.scatter_reduce(dim, at, src, "amax" if largest else "amin", include_self=include_self)


def torch_index_fill(x, at, value, dim):
    """PyTorch gives no gradient to a value for negative numbers."""
    return x.index_fill(dim, at % x.shape[dim], value)


def torch_index_put(x, values, indices, accumulate):
    """PyTorch takes no leading axes of size 1."""
    return x.index_put(to_torch(indices), values.squeeze(0) if values.ndim > 2 else values, accumulate)


def torch_take_along_dim(x, at, dim=None):
    """PyTorch takes no negative numbers without `dim`, and no input of no axes."""
    if not x.ndim:
        return x.reshape(1).take_along_dim(at.reshape(1), dim).reshape(())
    return x.take_along_dim(at if dim is not None else at % x.numel(), dim)


def torch_bincount(at, weights=None, minlength=0):
    """PyTorch gives the weights no gradient; its values alone are compared in test_indexing_parity.py."""
    if weights is None or not weights.requires_grad:
        return torch.bincount(at, weights, minlength)
    return torch.zeros(max(int(at.max()) + 1, minlength), dtype=weights.dtype).index_add(0, at, weights)


def tuples(name):
    """PyTorch gives a named tuple or a list."""

    def call(*args, **params):
        found = getattr(torch, name)(*args, **params)
        return found if isinstance(found, torch.Tensor) else tuple(found)

    return call


CALLS = {
    index._index_select: lambda x, at, dim: x.index_select(dim, at),
    index.index_select: lambda x, at, dim: x.index_select(dim, at),
    index.slices_along: lambda gy, at, dim, size: adjoint(
        lambda x: x.index_select(dim, at), (*gy.shape[:dim], size, *gy.shape[dim + 1 :]), gy
    ),
    index._index_add: lambda x, at, source, dim: x.index_add(dim, at, source),
    index.index_add: by_dim("index_add"),
    index.index_copy: by_dim("index_copy"),
    index.index_fill: torch_index_fill,
    index.index_put: torch_index_put,
    scatter.scatter: torch_scatter,
    scatter.scatter_add: by_dim("scatter_add"),
    scatter.scatter_reduce: torch_scatter_reduce,
    scatter._scatter: lambda x, at, src, dim: x.scatter(dim, at, src),
    scatter._scatter_add: lambda x, at, src, dim: x.scatter_add(dim, at, src),
    scatter._scatter_extreme: torch_extreme,
    scatter._floor_divide: lambda total, counts: total.div(counts, rounding_mode="floor"),
    index.take_along_dim: torch_take_along_dim,
    masked.where: tuples("where"),
    masked.nonzero: tuples("nonzero"),
    masked._nonzero: torch.nonzero,
    search.bincount: torch_bincount,
    search._counts: lambda x, size: torch.bincount(x, minlength=size),
    search.searchsorted: lambda s, v, sorter=None, **params: torch.searchsorted(s, v, sorter=sorter, **params),
    search._searchsorted: lambda s, v, _, right, int32: torch.searchsorted(s, v, right=right, out_int32=int32),
}


def refused(row):
    """What PyTorch does not take, or leaves undefined: the reason, or None."""
    if row.op is scatter.scatter and "reduce" in row.params:
        return "no gradient of a scatter that combines; compared by scatter_reduce"
    if row.op in PLACES and row.params.get("accumulate") is not True and comes_twice(PLACES[row.op](row)):
        return "which of several writes to a place stands is undefined"
    return None


def comes_twice(places):
    return len(set(places)) < len(places)


def scattered_places(row):
    at, dim = row.inputs[1], row.params["dim"]
    return [to for _, to in along(at, dim % at.ndim)] if at.ndim else []


def put_places(row):
    shape, indices = row.inputs[0], row.params["indices"]
    return np.arange(np.prod(shape)).reshape(shape)[indices].ravel().tolist()


# The places that a row writes to, each as often as it is written to.
PLACES = {
    scatter.scatter: scattered_places,
    scatter._scatter: scattered_places,
    index.index_copy: lambda row: row.inputs[1].tolist(),
    index.put: lambda row: [n % 6 for n in row.inputs[1].ravel().tolist()],
    index.index_put: put_places,
}
