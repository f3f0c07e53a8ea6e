"""Reductions, sorting and running sums in PyTorch: ties, nan, infinities, zeros, dtypes, axes; to the second order."""

import itertools

import numpy as np
import pytest
import torch

import tensorgrad as tg
from tests.parity import tally
from tests.parity.test_ops_parity import disagreements, operands

pytestmark = [
    pytest.mark.parity,
    pytest.mark.filterwarnings("ignore:.*degrees of freedom is <= 0:UserWarning"),
]
INF, NAN = np.inf, np.nan


def both(data):
    return tg.tensor(data, requires_grad=True), torch.tensor(data, requires_grad=True)


def agree(function, torch_function, data, rtol=1e-11, orders=2):
    """Values, gradients and second order; of several results the first one's, but the values of all."""
    x, u = both(np.asarray(data))
    ours, theirs = function(x), torch_function(u)
    pairs = zip(*[r if isinstance(r, tuple) else (r,) for r in (ours, theirs)], strict=True)
    told = f"{data}"
    for one, other in pairs:
        assert one.shape == other.shape, told
        np.testing.assert_allclose(one.detach().data, other.detach().numpy(), rtol=rtol, atol=rtol, err_msg=told)
    tally.count("values")
    out, right = [r[0] if isinstance(r, tuple) else r for r in (ours, theirs)]
    g = np.random.default_rng(3).uniform(0.5, 1.5, right.shape)
    (first,) = tg.grad(out, x, tg.tensor(g), create_graph=True)
    (right,) = torch.autograd.grad(right, u, torch.tensor(g), create_graph=True)
    np.testing.assert_allclose(first.detach().data, right.detach().numpy(), rtol=rtol, atol=rtol, err_msg=told)
    tally.count("gradients")
    if orders < 2 or not (first.requires_grad and right.requires_grad):
        return
    weights = np.random.default_rng(4).uniform(-1, 1, right.shape)
    (second,) = tg.grad((first * tg.tensor(weights)).sum(), x, allow_unused=True)
    (right,) = torch.autograd.grad((right * torch.tensor(weights)).sum(), u, allow_unused=True)
    second, right = np.zeros(x.shape) if second is None else second.data, 0 if right is None else right.numpy()
    np.testing.assert_allclose(second, right, rtol=rtol, atol=rtol, err_msg=told)
    tally.count("second order")


def same(call, data, **options):
    """One call of both libraries."""
    agree(lambda x: call(tg, x), lambda u: call(torch, u), data, **options)


AXES = [None, (), 0, -1, (0, 2), (-1, 1), (0, 1, 2)]


@pytest.mark.parametrize("dim", AXES, ids=str)
@pytest.mark.parametrize("keepdim", [False, True])
def test_axes(dim, keepdim):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 3, 4))
    for name in ["var", "std", "var_mean", "std_mean"]:
        for correction in (0, 1, 0.5):
            # With dim=(), the same values, but PyTorch divides its gradient by 1 - correction.
            given = {tg: dim, torch: None if dim == () else dim}
            same(
                lambda lib, t, n=name, c=correction, d=given: getattr(lib, n)(t, d[lib], correction=c, keepdim=keepdim),
                x,
            )
    for name in ["nansum", "nanmean"]:
        same(lambda lib, t, n=name: getattr(lib, n)(t, dim, keepdim), x)
    if dim is not None:
        for name in ["amax", "amin"]:
            same(lambda lib, t, n=name: getattr(lib, n)(t, dim, keepdim), x)
    if dim:
        same(lambda lib, t: lib.logsumexp(t, dim, keepdim), x)
    y = rng.integers(0, 2, (2, 3, 4))
    for name in ["all", "any"]:
        got, right = (getattr(lib, name)(lib.tensor(y), dim, keepdim) for lib in (tg, torch))
        np.testing.assert_array_equal(got.data, right.numpy())
        tally.count("values")
    got, right = (lib.count_nonzero(lib.tensor(y), dim) for lib in (tg, torch))
    np.testing.assert_array_equal(got.data, right.numpy())
    tally.count("values")


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_one_axis(dim):
    x = np.random.default_rng(0).standard_normal((3, 4, 5))
    for call in (
        lambda lib, t: lib.max(t, dim),
        lambda lib, t: lib.min(t, dim, True),
        lambda lib, t: lib.cummax(t, dim),
        lambda lib, t: lib.cummin(t, dim),
        lambda lib, t: lib.sort(t, dim),
        lambda lib, t: lib.sort(t, dim, True),
        lambda lib, t: lib.topk(t, 2, dim),
        lambda lib, t: lib.topk(t, 3, dim, False),
        lambda lib, t: lib.kthvalue(t, 2, dim, True),
        lambda lib, t: lib.median(t, dim),
        lambda lib, t: lib.nanmedian(t, dim, True),
        lambda lib, t: lib.prod(t, dim, True),
        lambda lib, t: lib.cumsum(t, dim),
        lambda lib, t: lib.cumprod(t, dim),
        lambda lib, t: lib.logcumsumexp(t, dim),
        lambda lib, t: lib.aminmax(t, dim=dim, keepdim=True),
        lambda lib, t: lib.median(t),
        lambda lib, t: lib.prod(t),
        lambda lib, t: lib.max(t),
        lambda lib, t: lib.min(t),
        lambda lib, t: lib.max(t, t * t),
        lambda lib, t: lib.min(t, other=t * t),
    ):
        same(call, x)
        same(lambda lib, t, call=call: call(lib, t * t), x)  # with a second derivative that is not 0
    for call in (
        lambda lib, t: lib.argmin(t, dim),
        lambda lib, t: lib.argsort(t, dim=dim, descending=True, stable=True),
    ):
        np.testing.assert_array_equal(call(tg, tg.tensor(x)).data, call(torch, torch.tensor(x)).numpy())


@pytest.mark.parametrize("seed", range(20))
def test_ties(seed):
    x = np.random.default_rng(seed).integers(0, 3, (4, 5)).astype(float)
    for call in (
        lambda lib, t: lib.amax(t, (0, 1)),
        lambda lib, t: lib.amin(t, 1),
        lambda lib, t: lib.min(t),
        lambda lib, t: lib.max(t, 0),
        lambda lib, t: lib.min(t, 1),
        lambda lib, t: lib.cummax(t, 1),
        lambda lib, t: lib.cummin(t, 0),
        lambda lib, t: lib.sort(t, dim=1, stable=True),
        lambda lib, t: lib.sort(t, dim=0, descending=True, stable=True),
        lambda lib, t: lib.median(t),
        lambda lib, t: lib.aminmax(t),
        lambda lib, t: lib.std(t * 0 + 2.0, 1),
        lambda lib, t: lib.max(t, lib.tensor(np.ones((4, 5)))),
    ):
        same(call, x)
    for call in (
        lambda lib, t: lib.sort(t, 1).values,
        lambda lib, t: lib.topk(t, 3).values,
        lambda lib, t: lib.median(t, 1).values,
        lambda lib, t: lib.kthvalue(t, 2).values,
    ):
        np.testing.assert_array_equal(call(tg, tg.tensor(x)).data, call(torch, torch.tensor(x)).numpy())
        tally.count("values")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # sums of infinities of two signs
@pytest.mark.parametrize("seed", range(20))
def test_nan_and_infinities(seed):
    """amax and amin are compared where no nan is: there PyTorch's gradient is nan, for all values. Products are left
    out: PyTorch divides infinity by infinity."""
    rng = np.random.default_rng(seed)
    x = rng.permutation(20).reshape(4, 5).astype(float)
    for content in ([INF], [-INF], [INF, -INF], [NAN]):
        y = np.where(rng.random(x.shape) < 0.3, rng.choice(content, x.shape), x)
        calls = [
            lambda lib, t: lib.min(t),
            lambda lib, t: lib.max(t, 0),
            lambda lib, t: lib.min(t, 1),
            lambda lib, t: lib.cummax(t, 0),
            lambda lib, t: lib.cummin(t, 1),
            lambda lib, t: lib.sort(t, dim=1, stable=True),
            lambda lib, t: lib.sort(t, dim=0, descending=True, stable=True),
            lambda lib, t: lib.median(t),
            lambda lib, t: lib.nansum(t, 1),
            lambda lib, t: lib.cumsum(t, 1),
            lambda lib, t: lib.logsumexp(t, 1),
            lambda lib, t: lib.logcumsumexp(t, 0),
            lambda lib, t: lib.var(t, 1),
            lambda lib, t: lib.std(t, 0),
        ]
        if content != [NAN]:
            calls += [lambda lib, t: lib.amax(t, 0), lambda lib, t: lib.amin(t, 1)]
        if not np.isnan(y).all(1).any():
            calls.append(lambda lib, t: lib.nanmean(t, 1))
        for call in calls:
            same(call, y, orders=1)
        for call in (
            lambda lib, t: lib.median(t, 1)[0],
            lambda lib, t: lib.nanmedian(t, 0)[0],
            lambda lib, t: lib.topk(t, 3)[0],
        ):
            np.testing.assert_array_equal(call(tg, tg.tensor(y)).data, call(torch, torch.tensor(y)).numpy())
        assert tg.argmin(tg.tensor(y)).item() == torch.argmin(torch.tensor(y)).item()
        assert np.array_equal(tg.all(tg.tensor(y), 0).data, torch.all(torch.tensor(y), 0).numpy())


@pytest.mark.parametrize("zeros", [0, 1, 2, 3])
def test_products_with_zeros(zeros):
    rng = np.random.default_rng(zeros)
    for _ in range(10):
        x = rng.uniform(-2, 2, (4, 5))
        for row in x:
            row[rng.permutation(5)[:zeros]] = 0
        for call in (
            lambda lib, t: lib.prod(t),
            lambda lib, t: lib.prod(t, 1),
            lambda lib, t: lib.prod(t, 0),
            lambda lib, t: lib.cumprod(t, 0),
            lambda lib, t: lib.cumprod(t, 1),
        ):
            same(call, x)


def test_logsumexp_of_all_that_is_not_finite_T33():
    for lane in itertools.product([0.0, 1e5, -1e5, INF, -INF, NAN], repeat=3):
        same(lambda lib, t: lib.logsumexp(t, 0), lane, orders=1)
        same(lambda lib, t: lib.logcumsumexp(t, 0), lane, orders=1, rtol=1e-9)


def test_degrees_of_freedom():
    """The gradient is compared where there is some freedom: elsewhere PyTorch's differs between its own spellings."""
    for data, correction in itertools.product([[1.0], [1.0, 2], [1.0, 1], [3.0, 1, 2]], [0, 1, 2, 3, -1, 0.5]):
        for name in ("var", "std"):
            if len(data) > correction:
                same(lambda lib, t, n=name, c=correction: getattr(lib, n)(t, correction=c), data)
            else:
                got, right = (
                    getattr(lib, name)(lib.tensor(np.array(data)), correction=correction) for lib in (tg, torch)
                )
                np.testing.assert_array_equal(got.data, right.numpy())
                tally.count("values")


# dtypes

FUNCTIONS = {
    "amax": lambda lib, x: lib.amax(x, 0),
    "amin": lambda lib, x: lib.amin(x, 0),
    "min": lambda lib, x: lib.min(x),
    "min of a dim": lambda lib, x: lib.min(x, 0)[0],
    "aminmax": lambda lib, x: lib.aminmax(x).max,
    "argmin": lambda lib, x: lib.argmin(x),
    "cummax": lambda lib, x: lib.cummax(x, 0)[0],
    "all": lambda lib, x: lib.all(x),
    "any": lambda lib, x: lib.any(x, 0),
    "count_nonzero": lambda lib, x: lib.count_nonzero(x),
    "nansum": lambda lib, x: lib.nansum(x),
    "nanmean": lambda lib, x: lib.nanmean(x),
    "var": lambda lib, x: lib.var(x, correction=0),
    "std": lambda lib, x: lib.std(x, 0, False),
    "prod": lambda lib, x: lib.prod(x),
    "prod of a dim": lambda lib, x: lib.prod(x, 0),
    "cumsum": lambda lib, x: lib.cumsum(x, 0),
    "cumprod": lambda lib, x: lib.cumprod(x, 0),
    "logsumexp": lambda lib, x: lib.logsumexp(x, 0),
    "logcumsumexp": lambda lib, x: lib.logcumsumexp(x, 0),
    "sort": lambda lib, x: lib.sort(x)[0],
    "argsort": lambda lib, x: lib.argsort(x, stable=True),
    "topk": lambda lib, x: lib.topk(x, 1)[0],
    "median": lambda lib, x: lib.median(x),
    "nanmedian": lambda lib, x: lib.nanmedian(x, 0)[0],
    "kthvalue": lambda lib, x: lib.kthvalue(x, 1)[0],
    "unique": lambda lib, x: lib.unique(x),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_dtypes(name):
    call = FUNCTIONS[name]
    assert disagreements(lambda x: call(tg, x), lambda x: call(torch, x), ((x,) for x in operands())) == []


@pytest.mark.parametrize("name", ["sum", "nansum", "prod", "nanmean"])
def test_dtypes_asked_for(name):
    for dtype in (np.int64, np.float16, np.float32, np.float64):
        wanted = {tg: np.dtype(dtype), torch: torch.tensor(np.zeros((), dtype)).dtype}
        call = lambda lib, x, wanted=wanted: getattr(lib, name)(x, dtype=wanted[lib])  # noqa: E731
        inputs = [(x,) for x in operands()]
        assert disagreements(lambda x, call=call: call(tg, x), lambda x, call=call: call(torch, x), inputs) == []


def test_unique():
    rng = np.random.default_rng(0)
    for x in (rng.integers(0, 4, (3, 5)), rng.integers(0, 2, (4, 2)).astype(float), np.array([NAN, 1, NAN])):
        # Along an axis, PyTorch leaves nan in the middle.
        for dim in (None, 0, 1)[: 1 if np.isnan(x).any() else 1 + x.ndim]:
            ours = tg.unique(tg.tensor(x), return_inverse=True, return_counts=True, dim=dim)
            theirs = torch.unique(torch.tensor(x), return_inverse=True, return_counts=True, dim=dim)
            for one, other in zip(ours, theirs, strict=True):
                if not np.isnan(x).any() or one.dtype != np.int64:
                    np.testing.assert_array_equal(one.data, other.numpy())
            tally.count("values")
