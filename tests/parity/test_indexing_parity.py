"""Random programs of indices, what writes by index, and what looks values up, in PyTorch."""

import itertools

import numpy as np
import pytest
import torch

import tensorgrad as tg
from tests.parity import tally
from tests.parity.spellings.tools import to_torch
from tests.test_ops_indexing import BLOCKS, programs, repeats, value_shape

pytestmark = pytest.mark.parity


def pair(array):
    return tg.tensor(array, requires_grad=True), torch.tensor(array, requires_grad=True)


def close(got, expected):
    expected = expected.detach().numpy()
    assert got.shape == expected.shape
    assert got.dtype == expected.dtype
    np.testing.assert_allclose(got.detach().data, expected, rtol=1e-12, atol=1e-13)


def compare(ours, theirs, inputs, torch_inputs, rng):
    """Values, gradients of sum(w * out ** 3), and those of the gradients' weighted sum."""
    close(ours, theirs)
    tally.count("values")
    w, weights = rng.standard_normal(tuple(theirs.shape)), [rng.standard_normal(t.shape) for t in inputs]
    first = tg.grad((ours * ours * ours * w).sum(), inputs, create_graph=True)
    torch_first = torch.autograd.grad((theirs**3 * torch.tensor(w)).sum(), torch_inputs, create_graph=True)
    for one, other in zip(first, torch_first, strict=True):
        close(one, other)
    tally.count("gradients")
    total = sum((g * v).sum() for g, v in zip(first, weights, strict=True))
    torch_total = sum((g * torch.tensor(v)).sum() for g, v in zip(torch_first, weights, strict=True))
    second = tg.grad(total, inputs)
    for one, other in zip(second, torch.autograd.grad(torch_total, torch_inputs), strict=True):
        close(one, other)
    tally.count("second order")


@pytest.mark.parametrize("block", range(BLOCKS))
def test_random_reads(block):
    for rng, shape, index in programs(block, for_torch=True):
        a, b = pair(rng.standard_normal(shape))
        compare(a[index], b[to_torch(index)], [a], [b], rng)


@pytest.mark.parametrize("block", range(BLOCKS))
def test_random_assignments(block):
    """Where a place is written to twice PyTorch leaves open which write stays: there, only reads are compared."""
    for rng, shape, index in programs(block, for_torch=True):
        if repeats(shape, index):
            continue
        a, b = pair(rng.standard_normal(shape))
        v, w = pair(rng.standard_normal(value_shape(rng, tuple(b[to_torch(index)].shape))))
        x, y = a * 1.0, b * 1.0
        x[index] = v
        y[to_torch(index)] = w
        compare(x, y, [a, v], [b, w], rng)


def random_places(rng, shape, dim, unique):
    """An index along `dim`, of at most `shape` in the other axes; `unique`: no place comes twice."""
    n = shape[dim]
    count = int(rng.integers(0, n + 1 if unique else 7))
    sizes = [count if i == dim else int(rng.integers(0, m + 1)) for i, m in enumerate(shape)]
    if not unique:
        return rng.integers(0, n, sizes)
    order = np.argsort(rng.random([n if i == dim else m for i, m in enumerate(sizes)]), axis=dim)
    return np.take(order, range(count), dim)


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("name", ["scatter", "scatter_add", "gather", "sum", "mean", "amax", "amin", "prod"])
def test_random_places_along_an_axis(name, seed):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 5, int(rng.integers(1, 4))).tolist())
    dim = int(rng.integers(-len(shape), len(shape)))
    at = random_places(rng, shape, dim % len(shape), name == "scatter")
    a, b = pair(rng.standard_normal(shape))
    v, w = pair(rng.standard_normal(at.shape))
    index, torch_index = tg.tensor(at), torch.tensor(at)
    if name == "gather":
        compare(a.gather(dim, index), b.gather(dim, torch_index), [a], [b], rng)
    elif name.startswith("scatter"):
        compare(getattr(a, name)(dim, index, v), getattr(b, name)(dim, torch_index, w), [a, v], [b, w], rng)
    else:
        own = {"reduce": name, "include_self": bool(seed % 2)}
        compare(
            a.scatter_reduce(dim, index, v, **own), b.scatter_reduce(dim, torch_index, w, **own), [a, v], [b, w], rng
        )


def test_ties_of_scatter_reduce():
    """Values from few numbers, so that many are equal; values and gradients.

    A value that does not take part is none of them: PyTorch counts it all the same, and loses its share.
    """
    rng = np.random.default_rng(0)
    for name, include_self, _ in itertools.product(["amax", "amin", "prod", "mean"], [True, False], range(20)):
        a, b = pair(rng.integers(0, 3, 4) + (0.0 if include_self else 0.5))
        v, w = pair(rng.integers(0, 3, 7).astype(np.float64))
        at = rng.integers(0, 4, 7)
        out = a.scatter_reduce(0, tg.tensor(at), v, name, include_self=include_self)
        right = b.scatter_reduce(0, torch.tensor(at), w, name, include_self=include_self)
        close(out, right)
        g = rng.standard_normal(4)
        found = tg.grad(out, (a, v), tg.tensor(g))
        for one, other in zip(found, torch.autograd.grad(right, (b, w), torch.tensor(g)), strict=True):
            close(one, other)
        tally.count("values", "gradients")


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int8, np.int32, np.int64, np.float16, np.float32])
def test_dtypes(dtype):
    """Results of every dtype, with numbers and 0-d tensors of others."""
    x = np.array([[1, 0, 2], [3, 0, 1]]).astype(dtype)
    src = np.array([[1, 2, 1]]).astype(dtype)
    at = np.array([[1, 0, 1]])
    calls = [
        lambda m, x, s, i: x.scatter(0, i, s),
        lambda m, x, s, i: x.scatter(0, i, 2),
        lambda m, x, s, i: x.index_copy(0, i[0, :1], s),
        lambda m, x, s, i: x.index_fill(1, i[0], 2),
        lambda m, x, s, i: x.index_select(1, i[0]),
        lambda m, x, s, i: x.take(i),
        lambda m, x, s, i: x.put(i, s),
        lambda m, x, s, i: m.take_along_dim(x, i, 0),
        lambda m, x, s, i: x.masked_fill(i[0] == 1, 2),
        lambda m, x, s, i: x.masked_fill(i[0] == 1, m.tensor(1.5, dtype=m.float64)),
        lambda m, x, s, i: x.masked_select(i == 1),
        lambda m, x, s, i: x.masked_scatter(i == 0, x),
        lambda m, x, s, i: m.nonzero(x),
        lambda m, x, s, i: m.argwhere(x),
        lambda m, x, s, i: m.where(x)[1],
    ]
    if dtype != np.bool_:  # PyTorch refuses some of these, and takes a sum for "or" in others
        calls += [
            lambda m, x, s, i: m.isin(x, s),
            lambda m, x, s, i: x.scatter_add(0, i, s),
            lambda m, x, s, i: x.index_add(0, i[0, :1], s),
            lambda m, x, s, i: x.index_put((i[0],), s, accumulate=True),
            lambda m, x, s, i: x.scatter_reduce(0, i, s, "amax"),
            lambda m, x, s, i: x.scatter_reduce(0, i, s, "prod", include_self=False),
            lambda m, x, s, i: m.searchsorted(s[0], x),
        ]
    if dtype not in (np.bool_, np.uint8, np.int8):
        calls += [lambda m, x, s, i: x.scatter_reduce(0, i, -s, "mean")]
    for number, call in enumerate(calls):
        ours = call(tg, tg.tensor(x), tg.tensor(src), tg.tensor(at))
        theirs = call(torch, torch.tensor(x), torch.tensor(src), torch.tensor(at)).numpy()
        assert ours.dtype == theirs.dtype, number
        np.testing.assert_array_equal(ours.data, theirs, err_msg=f"{number}")
        tally.count("values")


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.float16, np.float32, np.float64])
def test_weighted_counts(dtype):
    index, weights = np.array([1, 3, 1]), np.array([1, 2, 3]).astype(dtype)
    ours = tg.bincount(tg.tensor(index), tg.tensor(weights), 5)
    theirs = torch.bincount(torch.tensor(index), torch.tensor(weights), 5).numpy()
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours.data, theirs)
    tally.count("values")


def test_searches():
    rng = np.random.default_rng(0)
    for size, right, _ in itertools.product(range(6), [False, True], range(5)):
        lists, values = np.sort(rng.integers(0, 4, (3, size)), -1), rng.integers(-1, 5, (3, 4))
        for row, value in ((lists, values), (lists[0], values), (lists.astype(float), values + 0.5)):
            ours = tg.searchsorted(tg.tensor(row), tg.tensor(value), right=right)
            theirs = torch.searchsorted(torch.tensor(row), torch.tensor(value), right=right)
            np.testing.assert_array_equal(ours.data, theirs.numpy())
            tally.count("values")
