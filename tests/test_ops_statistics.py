"""Variances where digits are lost, without spread and without freedom; nan left out; counting."""

import warnings

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.check import gradcheck, gradgradcheck
from tests.derivatives import INF, NAN, equal, leaf, slopes


def random(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


# Corrections and their spellings


@pytest.mark.parametrize("name", ["var", "std"])
def test_spellings_of_the_correction(name):
    function, right = getattr(tg, name), getattr(np, name)
    x = tg.tensor(random(3, 4))
    for call, axis, ddof, keepdims in [
        (lambda: function(x), None, 1, False),
        (lambda: function(x, False), None, 0, False),
        (lambda: function(x, True), None, 1, False),
        (lambda: function(x, unbiased=False), None, 0, False),
        (lambda: function(x, 1, False, True), 1, 0, True),
        (lambda: function(x, 0, correction=0), 0, 0, False),
        (lambda: function(x, (0, 1), correction=2.5, keepdim=True), (0, 1), 2.5, True),
        (lambda: function(x, (), correction=None), None, 1, False),
        (lambda: function(x, None, correction=-1), None, -1, False),
        (lambda: getattr(x, name)(-1, unbiased=True), -1, 1, False),
    ]:
        expected = right(x.data, axis=axis, ddof=ddof, keepdims=keepdims)
        np.testing.assert_allclose(call().data, expected, rtol=1e-13)
        assert call().shape == expected.shape
    both = getattr(tg, f"{name}_mean")(x, 1, correction=0, keepdim=True)
    assert type(both) is tuple
    np.testing.assert_allclose(both[0].data, right(x.data, axis=1, keepdims=True), rtol=1e-13)
    np.testing.assert_allclose(both[1].data, x.data.mean(1, keepdims=True), rtol=1e-13)


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda x: x.var(1, True, correction=0), tg.ShapeError, "^var: unbiased=True and correction=0 say the same"),
        (lambda x: x.std(True, False), tg.DTypeError, "^std: dim must be an int, got bool"),
        (lambda x: x.std(0, 1), tg.DTypeError, "^std: unbiased must be True or False, got 1"),
        (lambda x: x.var(0, correction="1"), tg.DTypeError, "^var: correction must be a number, got '1'"),
        (lambda x: x.var((0, -2)), tg.ShapeError, r"^var: an axis appears twice in dim=\(0, -2\)"),
        (lambda x: tg.std_mean(x, 2), tg.ShapeError, "^std_mean: dim 2 is out of range for a tensor of 2 axes"),
        (lambda x: tg.var_mean(x.long()), tg.DTypeError, "^var_mean: input has dtype int64, it must be a float"),
        (lambda x: x.long().nanmean(), tg.DTypeError, "^nanmean: the dtype is int64, and a mean needs a float"),
        (lambda x: x.nansum((1, 1)), tg.ShapeError, r"^nansum: an axis appears twice in dim=\(1, 1\)"),
        (lambda x: x.count_nonzero(True), tg.DTypeError, "^count_nonzero: dim must be an int, got bool"),
        (lambda x: x.all(2), tg.ShapeError, "^all: dim 2 is out of range for a tensor of 2 axes"),
        (lambda x: x.any((0, 0)), tg.ShapeError, r"^any: an axis appears twice in dim=\(0, 0\)"),
    ],
)
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call(tg.zeros(2, 3))


# No spread, no freedom


def test_std_of_equal_values_has_gradient_0_T31():
    for data in ([2.0, 2, 2], [0.0, 0], [[1.0, 1], [1, 3]]):
        dim = None if np.ndim(data) == 1 else 1
        x = leaf(data)
        (g,) = tg.grad(x.std(dim).sum(), x, create_graph=True)
        assert np.isfinite(g.data).all()
        (second,) = tg.grad((g * g).sum() + g.sum(), x)
        if dim is None:
            equal(g.data, np.zeros(len(data)))
            equal(second.data, np.zeros(len(data)))
        else:
            equal(g.data[0], [0, 0])
            np.testing.assert_allclose(g.data[1], [-(0.5**0.5), 0.5**0.5], rtol=1e-14)


@pytest.mark.parametrize("name", ["var", "std"])
def test_no_degree_of_freedom_is_nan_or_inf_without_a_warning(name):
    function = getattr(tg, name)
    with warnings.catch_warnings(action="error"):
        for data, correction, right in [
            ([1.0], 1, NAN),
            ([1.0, 2.0], 2, INF),
            ([1.0, 2.0], 3, INF),
            ([1.0, 1.0], 2, NAN),
            ([], 1, NAN),
            ([], 0, NAN),
            ([1.0, INF], 1, NAN),
            ([1.0, NAN], 1, NAN),
        ]:
            out, g = slopes(lambda x, c=correction: function(x, correction=c), data)
            equal(out, right)
            assert not np.isfinite(g).any()
        out, g = slopes(lambda x: function(x, correction=0), [3.0])
        equal(out, 0)
        equal(g, [0])


# Digits


def test_a_large_mean_costs_no_digits():
    for dtype, offset, scale in [(np.float32, 1e5, 1.0), (np.float32, 3e6, 7.0), (np.float64, 1e12, 1.0)]:
        for shape, dim in [((100_000,), 0), ((20_000, 5), 0), ((5, 20_000), 1), ((50, 7, 60), (0, 2))]:
            x = (random(*shape) * scale + offset).astype(dtype)
            right = np.var((x.astype(np.longdouble) - x.astype(np.longdouble).mean()), axis=dim, ddof=1)
            got = tg.tensor(x).var(dim)
            assert got.dtype == dtype
            np.testing.assert_allclose(got.data, right.astype(np.float64), rtol=2e-7 if dtype == np.float32 else 1e-12)


def test_what_squares_cannot_hold_is_computed_in_float64():
    x = random(4, 50)
    for factor in (1e30, 1e-30, 1e-40):
        data = (x * factor).astype(np.float32)
        data[1] = 3.0
        out = tg.tensor(data).std(1)
        assert out.dtype == np.float32
        np.testing.assert_allclose(
            out.data, np.std(data.astype(np.float64), axis=1, ddof=1).astype(np.float32), rtol=3e-7
        )
    with np.errstate(all="raise"), warnings.catch_warnings(action="error"):
        equal(tg.tensor(np.array([3e38, -3e38], np.float32)).var().data, np.float32(INF))


def test_float16_neither_overflows_nor_stops_counting_T17():
    data = (300 * random(70_000)).astype(np.float16)
    right = np.std(data.astype(np.float64), ddof=1)
    x = tg.tensor(data, requires_grad=True)
    out = x.std()
    out.backward()
    assert out.dtype == x.grad.dtype == np.float16
    np.testing.assert_allclose(out.data, right, rtol=1e-3)
    exact = (data.astype(np.float64) - data.astype(np.float64).mean()) / right / 69_999
    np.testing.assert_allclose(x.grad.data, exact, rtol=1e-2, atol=1e-7)
    x = tg.tensor(np.full(70_000, 1000, np.float16), requires_grad=True)
    out = x.nanmean()
    out.backward()
    assert out.item() == 1000
    equal(x.grad.data, np.full(70_000, np.float16(1 / 70_000)))


@pytest.mark.parametrize("name", ["var", "std"])
def test_every_order(name):
    function = getattr(tg, name)
    x = leaf(random(3, 4))

    def slope(x):
        return tg.grad(function(x, 1).sum() ** 2, x, create_graph=True)

    assert gradcheck(slope, [x])
    assert gradgradcheck(slope, [x])


# nan left out


def test_nan_is_left_out():
    data = [[1.0, NAN, 5], [NAN, NAN, NAN], [2, 3, INF]]
    with warnings.catch_warnings(action="error"):
        out, g = slopes(lambda x: x.nansum(1), data)
        equal(out, [6, 0, INF])
        equal(g, [[1, 0, 1], [0, 0, 0], [1, 1, 1]])
        out, g = slopes(lambda x: x.nanmean(1), data)
        equal(out, [3, NAN, INF])
        np.testing.assert_allclose(g, [[0.5, 0, 0.5], [0, 0, 0], [1 / 3, 1 / 3, 1 / 3]])
    x = tg.tensor(np.array([1.0, NAN, 2], np.float16))
    assert x.nansum().dtype == x.nanmean().dtype == np.float16
    assert x.nansum(dtype=tg.float64).dtype == x.nanmean(dtype=np.float64).dtype == np.float64
    assert (x.nansum(dtype=np.int64).item(), x.nansum(dtype=np.int64).dtype) == (3, np.int64)
    assert tg.nansum(tg.tensor([True, True])).item() == 2
    assert x.nanmean(()).item() == 1.5


# Counting


def test_counts_and_truth():
    x = tg.tensor([[0.0, NAN, 2.0], [0.0, 0.0, -INF]])
    equal(x.count_nonzero().data, 3)
    equal(x.count_nonzero((0, 1)).data, 3)
    equal(x.count_nonzero(-1).data, [2, 1])
    assert x.count_nonzero(0).dtype == np.int64
    equal(x.all(0).data, [False, False, True])
    equal(x.any(1, keepdim=True).data, [[True], [True]])
    assert (x.all().item(), x.any().item(), x.all().dtype) == (False, True, np.bool_)
    equal(x.any(()).data, [[False, True, True], [False, False, True]])
    assert x.all((0, 1), True).shape == (1, 1)
    small = tg.tensor([0, 2], dtype=tg.uint8)
    assert (small.any().item(), small.any().dtype, small.all(0).dtype) == (1, np.uint8, np.uint8)
    for empty in (tg.zeros(0), tg.zeros(0, 3)):
        assert (empty.all().item(), empty.any().item(), empty.count_nonzero().item()) == (True, False, 0)
    equal(tg.zeros(0, 2).all(0).data, [True, True])
    assert (tg.tensor(2.0).all(0).item(), tg.tensor(0).any(-1).item(), tg.tensor(2.0).count_nonzero(0).item()) == (
        1,
        0,
        1,
    )
