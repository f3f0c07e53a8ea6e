"""PyTorch's spelling of the reductions beyond sums and means, of sorting, and of running sums and products."""

import torch

from tensorgrad.ops import extrema, log_sums, scans, sorting, statistics

from .tools import adjoint


def over(function):
    """With our canonical parameters."""
    return lambda x, dims, **params: function(x, dims, **params) if dims else function(x, **params)


def at_ties(x, value, dims):
    ties = (x == value).to(x.dtype)
    return ties / ties.sum(dims, keepdim=True)


def without_keepdim_of_all(function):
    """PyTorch's function takes keepdim only with a dim."""

    def call(x, dim=None, keepdim=False, **params):
        if dim is not None:
            return function(x, dim, keepdim, **params)
        out = function(x, **params)
        return out.reshape((1,) * x.ndim) if keepdim else out

    return call


def torch_extreme(function):
    def call(x, *others, **params):
        out = function(x, *others, **params)
        return tuple(out) if isinstance(out, tuple) else out

    return call


def from_the_end(function):
    """The running sum or product, from the end if `reverse`."""

    def call(x, dim, reverse=False):
        return function(x.flip(dim), dim).flip(dim) if reverse else function(x, dim)

    return call


def torch_shifted(x, dim, by, fill):
    n = x.shape[dim]
    end = torch.full_like(x.narrow(dim, 0, min(n, 1)), fill)
    kept = x.narrow(dim, 0 if by > 0 else min(n, 1), max(n - 1, 0))
    return torch.cat([end, kept] if by > 0 else [kept, end], dim)


def torch_others(x, dim):
    """The products of the others, one place after the other."""
    n = x.shape[dim]
    columns = [torch.cat([x.narrow(dim, 0, k), x.narrow(dim, k + 1, n - k - 1)], dim).prod(dim) for k in range(n)]
    return torch.stack(columns, dim) if columns else x.clone()


def torch_recurrence(a, b, dim, reverse):
    """One step after the other."""
    steps, y = [], 0
    order = range(b.shape[dim] - 1, -1, -1) if reverse else range(b.shape[dim])
    for k in order:
        y = b.select(dim, k) + (a.select(dim, k) * y if steps else 0)
        steps.append(y)
    return torch.stack(steps[::-1] if reverse else steps, dim) if steps else (a * b)


def first_of_each(x, dim):
    _, inverse, counts = torch.unique(x, return_inverse=True, return_counts=True, dim=dim)
    flat = inverse.flatten().tolist()
    return torch.tensor([flat.index(i) for i in range(len(counts))]), inverse, counts


def as_moment(function):
    """Its older spelling too, in which `unbiased` may stand in the place of dim."""

    def call(x, dim=None, unbiased=None, keepdim=False, correction=None):
        if isinstance(dim, bool):
            return function(x, dim)
        if unbiased is not None:
            return function(x, dim, unbiased, keepdim)
        return function(x, dim, correction=correction, keepdim=keepdim)

    return call


CALLS = {
    extrema._max: lambda x, **params: tuple(torch.max(x, **params)),
    extrema._min: lambda x, **params: tuple(torch.min(x, **params)),
    extrema.max: torch_extreme(torch.max),
    extrema.min: torch_extreme(torch.min),
    extrema._amax: over(torch.amax),
    extrema._amin: over(torch.amin),
    extrema.share_of_ties: at_ties,
    statistics._var: over(torch.var),
    statistics._std: over(torch.std),
    statistics.var: as_moment(torch.var),
    statistics.std: as_moment(torch.std),
    statistics.var_mean: as_moment(torch.var_mean),
    statistics.std_mean: as_moment(torch.std_mean),
    statistics._nansum: over(torch.nansum),
    statistics._count_numbers: over(lambda x, *dims, **params: torch.sum(x == x, *dims, **params)),
    statistics._all: over(torch.all),
    statistics._any: over(torch.any),
    statistics._count_nonzero: over(torch.count_nonzero),
    sorting._sort: lambda x, **params: tuple(torch.sort(x, **params)),
    sorting.sort: lambda x, **params: tuple(torch.sort(x, **params)),
    sorting.put_back: lambda x, index, dim, shape: adjoint(lambda at: at.gather(dim, index), shape, x),
    sorting._topk: lambda x, **params: tuple(torch.topk(x, **params)),
    sorting.topk: lambda x, **params: tuple(torch.topk(x, **params)),
    sorting._kthvalue: lambda x, **params: tuple(torch.kthvalue(x, **params)),
    sorting._median: lambda x, ignore_nan, **params: tuple(
        (torch.nanmedian if ignore_nan else torch.median)(x, **params)
    ),
    sorting._median_of_all: lambda x, ignore_nan: (torch.nanmedian if ignore_nan else torch.median)(x),
    sorting.median: torch_extreme(torch.median),
    sorting.nanmedian: torch_extreme(torch.nanmedian),
    sorting._first_of_each: first_of_each,
    scans.prod: without_keepdim_of_all(torch.prod),
    scans._cumsum: from_the_end(torch.cumsum),
    scans._cumprod: from_the_end(torch.cumprod),
    scans.products_of_others: torch_others,
    scans.shifted: torch_shifted,
    scans.recurrence: torch_recurrence,
    log_sums._logsumexp: lambda x, dims, keepdim: torch.logsumexp(x, dims, keepdim),
    log_sums.logsumexp: lambda x, dim, **params: torch.logsumexp(
        x, tuple(range(x.ndim)) if dim is None else dim, **params
    ),
    log_sums.softmax_over: lambda x, dims: (x - torch.logsumexp(x, dims, keepdim=True)).exp(),
}


def refused(row):
    """What PyTorch does not take, or leaves undefined: the reason, or None."""
    if row.op is sorting.unique and row.wanted():
        return "no derivative of the different values"
    if row.op in (statistics._var, statistics._std) and 0 in row.inputs[0]:
        return "a warning of too few values, where there are three for each result and no results"
    if row.op is statistics.nanmean and not row.wanted() and "dtype" in row.params:
        return "no integers, also with dtype"
    if row.op is scans._prod and row.inputs[0] == (3, 1):
        return "second derivatives by a division, which leaves 1e-16 where there is one value and they are 0"
    return None
