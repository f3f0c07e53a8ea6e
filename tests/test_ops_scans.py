"""Products with zeros to every order, running sums that keep their digits, logarithms of sums with infinities."""

import math
import warnings

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.check import gradcheck, gradgradcheck
from tensorgrad.ops import scans
from tests.derivatives import INF, NAN, equal, leaf, slopes

# Products. They are polynomials, so that finite differences hold at zeros too.

LANES = {"no zero": [2.0, -1.5, 3, 0.5], "one": [2.0, 0, 3, 0.5], "two": [0.0, -1.5, 0, 0.5], "all": [0.0, 0, 0, 0]}


@pytest.mark.parametrize("lane", LANES.values(), ids=LANES)
def test_derivatives_of_products_to_the_third_order_T29(lane):
    """The derivative by some of the values is the product of the others; by one of them twice, it is 0."""
    n = len(lane)
    x = leaf(lane)
    (first,) = tg.grad(x.prod(), x, create_graph=True)
    for i in range(n):
        assert first[i].item() == math.prod(v for k, v in enumerate(lane) if k != i)
        (second,) = tg.grad(first[i], x, create_graph=True)
        for j in range(n):
            assert second[j].item() == (math.prod(v for k, v in enumerate(lane) if k not in (i, j)) if i != j else 0)
            (third,) = tg.grad(second[j], x, retain_graph=True)
            for m in range(n):
                rest = math.prod(v for k, v in enumerate(lane) if k not in (i, j, m))
                assert third[m].item() == (rest if len({i, j, m}) == 3 else 0)


@pytest.mark.parametrize("lane", LANES.values(), ids=LANES)
@pytest.mark.parametrize("function", [tg.prod, tg.cumprod], ids=["prod", "cumprod"])
def test_finite_differences_of_products_with_zeros_T29(function, lane):
    x = leaf([lane, lane[::-1]])

    def slope(x):
        return tg.grad((function(x, 1) ** 2).sum(), x, create_graph=True)

    for call in (lambda x: function(x, 1), slope):
        assert gradcheck(call, [x])
        assert gradgradcheck(call, [x])


def test_gradients_of_products_of_lanes_with_zeros_T29():
    x = [[0.0, 2, 3], [0, 0, 3], [1, 2, 3], [0, 0, 0]]
    equal(slopes(lambda x: x.prod(1), x)[1], [[6, 0, 0], [0, 0, 0], [6, 3, 2], [0, 0, 0]])
    equal(slopes(lambda x: x.cumprod(1), x)[1], [[9, 0, 0], [1, 0, 0], [9, 4, 2], [1, 0, 0]])
    with np.errstate(invalid="ignore"):  # 0 * inf
        equal(slopes(lambda x: x.prod(), [0.0, INF, 2])[1], [INF, 0, NAN])
        equal(slopes(lambda x: x.prod(), [NAN, 0, 2])[1], [0, NAN, NAN])
        equal(slopes(lambda x: x.prod(), [INF, 2, 3])[1], [6, INF, INF])


def test_products_of_the_others_never_divide():
    x = np.array([1e-150, 1e-100, 1e150, 1e100, 2.0])
    np.testing.assert_allclose(slopes(lambda x: x.prod(), x)[1], 2.0 / x, rtol=1e-12)
    half = tg.tensor(np.array([1e-4, 1e-4, 1e4, 1e4], np.float16), requires_grad=True)
    out = half.prod()
    out.backward()
    np.testing.assert_allclose(out.data, 1, rtol=3e-3)
    np.testing.assert_allclose(half.grad.data, [1e4, 1e4, 1e-4, 1e-4], rtol=5e-3)
    assert out.dtype == half.grad.dtype == np.float16


def test_running_products_come_back_from_what_float32_cannot_hold():
    x = leaf([1e-30, 1e-30, 1e30, 1e30], np.float32)
    np.testing.assert_allclose(x.cumprod(0).data, [1e-30, 0, 1e-30, 1], rtol=1e-6)


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 13, 1000])
@pytest.mark.parametrize("reverse", [False, True])
def test_recurrences_of_every_length(n, reverse):
    rng = np.random.default_rng(n)
    a, b = rng.uniform(-1, 1, (2, n, 3))
    a[n // 2] = 0
    y, right = np.zeros(3), np.zeros((n, 3))
    for k in range(n)[:: -1 if reverse else 1]:
        y = right[k] = b[k] + a[k] * y
    np.testing.assert_allclose(scans.recurrence(a, b, dim=0, reverse=reverse), right, rtol=1e-11, atol=1e-13)
    a[-1 if reverse else 0] = NAN  # what has no effect
    np.testing.assert_allclose(scans.recurrence(a, b, dim=0, reverse=reverse), right, rtol=1e-11, atol=1e-13)


def test_long_products():
    """A gradient of 100,001 values in some 20 steps; one zero, so that only its own slope is not 0."""
    x = np.exp(np.random.default_rng(0).uniform(-1e-3, 1e-3, 100_001))
    x[777] = 0
    _, g = slopes(lambda x: x.prod(), x)
    right = np.zeros(len(x))
    right[777] = np.exp(np.sum(np.log(np.delete(x, 777))))
    np.testing.assert_allclose(g, right, rtol=1e-10)
    _, g = slopes(lambda x: x.cumprod(0), x)
    assert not g[778:].any()
    # Up to the zero: what each value does to the products before the zero.
    products = np.cumprod(x[:777])
    np.testing.assert_allclose(g[:777], np.cumsum(products[::-1])[::-1] / x[:777], rtol=1e-9)


# Running sums


def test_running_sums_keep_their_digits_T17():
    x = np.random.default_rng(0).uniform(0, 1, 200_000).astype(np.float32)
    got = tg.tensor(x).cumsum(0)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got.data, np.cumsum(x, dtype=np.float64), rtol=1e-7)
    ones = tg.tensor(np.ones(5000, np.float16), requires_grad=True)
    out = ones.cumsum(0)
    assert out.data[-1] == 5000
    out.backward(tg.ones_like(out))
    assert ones.grad.data[0] == 5000


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int8, np.int32])
def test_integers_give_int64(dtype):
    x = tg.tensor(np.ones((2, 200), dtype))
    for out in (x.cumsum(1), x.cumprod(1), x.prod(), x.prod(0)):
        assert out.dtype == np.int64
    assert x.cumsum(1).data.max() == 200
    assert x.prod(dtype=np.float16).dtype == x.cumsum(0, dtype=np.float16).dtype == np.float16
    assert tg.tensor([1.5, 2.5]).cumsum(0, dtype=np.int64).tolist() == [1, 3]
    assert tg.tensor([2.5, 3]).prod(0, dtype=np.int64).item() == 6


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16, np.int32])
def test_small_integers_stay_so_where_they_are_asked_for(dtype):
    x = tg.tensor([100, 100, 100])
    for result in (tg.cumsum(x, 0, dtype=dtype), tg.cumprod(x, 0, dtype=dtype), tg.prod(x, dtype=dtype)):
        assert result.dtype == dtype
    assert tg.cumsum(x, 0, dtype=np.uint8).tolist() == [100, 200, 44]


def test_0d_and_nothing():
    x = leaf(3.0)
    for function in (lambda x: x.cumsum(0), lambda x: x.cumprod(-1), lambda x: x.prod(0), lambda x: x.logcumsumexp(0)):
        out, g = slopes(function, 3.0)
        assert (out.shape, out.item(), g.item()) == ((), 3, 1)
    assert x.prod(0, True).shape == x.logsumexp(0, True).shape == ()
    assert tg.zeros(0).prod().item() == 1
    equal(tg.zeros(0, 2).prod(0).data, [1, 1])
    assert tg.zeros(2, 0).cumsum(1).shape == tg.zeros(2, 0).cumprod(1).shape == (2, 0)
    equal(slopes(lambda x: x.prod(1), np.zeros((2, 0)))[1], np.zeros((2, 0)))
    equal(tg.zeros(0, 2).logsumexp(0).data, [-INF, -INF])


# Logarithms of sums


@pytest.mark.parametrize(
    "data, value, gradient",
    [
        ([-INF, -INF], -INF, [NAN, NAN]),
        ([-INF, 1], 1, [0, 1]),
        ([INF, 1], INF, [NAN, 0]),
        ([INF, INF], INF, [NAN, NAN]),
        ([INF, -INF], INF, [NAN, 0]),
        ([INF, 1.7e308], INF, [NAN, 0]),
        ([NAN, 1], NAN, [NAN, NAN]),
        ([1e5, 1e5], 1e5 + math.log(2), [0.5, 0.5]),
        ([-1e5, -1e5], -1e5 + math.log(2), [0.5, 0.5]),
        ([1.7e308, -1.7e308], 1.7e308, [1, 0]),
    ],
)
def test_logsumexp_with_infinities_T33(data, value, gradient):
    with warnings.catch_warnings(action="error"), np.errstate(all="raise", under="ignore"):
        out, g = slopes(lambda x: x.logsumexp(0), data)
        equal(out, value)
        equal(g, gradient)
        equal(slopes(lambda x: x.logsumexp((0, 1)), [data])[1], [gradient])


def test_logsumexp_in_float32_and_float16_T33():
    x = leaf([1e5, 1e5], np.float32)
    out = x.logsumexp(0)
    out.backward()
    assert out.item() == np.float32(1e5 + math.log(2))
    equal(x.grad.data, np.array([0.5, 0.5], np.float32))  # PyTorch: 0.4989, from the rounded result
    x = leaf(np.zeros(70_000), np.float16)
    out = x.logsumexp(0)
    (g,) = tg.grad(out, x, create_graph=True)
    np.testing.assert_allclose(out.data, math.log(70_000), rtol=1e-3)
    equal(g.data, np.full(70_000, np.float16(1 / 70_000)))
    assert out.dtype == g.dtype == np.float16
    assert tg.tensor([1, 2]).logsumexp(0).dtype == np.float32


@pytest.mark.parametrize(
    "data, values, gradient",
    [
        ([-INF, 1], [-INF, 1], [NAN, 1]),
        ([INF, 1], [INF, INF], [NAN, 0]),
        ([1, INF], [1, INF], [1, NAN]),
        ([1, INF, 1], [1, INF, INF], [1, NAN, 0]),
        ([-INF, -INF], [-INF, -INF], [NAN, NAN]),
        ([1, -INF], [1, 1], [2, 0]),
        ([1e5, -1e5, 1e5], [1e5, 1e5, 1e5 + math.log(2)], [2.5, 0, 0.5]),
        ([-1e5, 1e5], [-1e5, 1e5], [1, 1]),
    ],
)
def test_logcumsumexp_with_infinities_T33(data, values, gradient):
    with warnings.catch_warnings(action="error"):
        out, g = slopes(lambda x: x.logcumsumexp(0), data)
    equal(out, values)
    np.testing.assert_allclose(g, gradient, rtol=1e-10)


def test_logcumsumexp_of_every_order():
    x = leaf(np.random.default_rng(0).uniform(-3, 3, (2, 6)))

    def slope(x):
        return tg.grad((x.logcumsumexp(1) ** 2).sum(), x, create_graph=True)

    assert gradcheck(slope, [x])
    assert gradgradcheck(slope, [x])


# What is refused


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda x: x.prod(2), tg.ShapeError, "^prod: dim 2 is out of range for a tensor of 2 axes"),
        (lambda x: x.prod((0, 1)), tg.DTypeError, "^prod: dim must be an int, got tuple"),
        (lambda x: x.cumsum(None), tg.DTypeError, "^cumsum: dim must be an int, got NoneType"),
        (lambda x: x.cumprod(-3), tg.ShapeError, "^cumprod: dim -3 is out of range for a tensor of 2 axes"),
        (lambda x: x.logsumexp((0, 0)), tg.ShapeError, r"^logsumexp: an axis appears twice in dim=\(0, 0\)"),
        (lambda x: x.logcumsumexp(2), tg.ShapeError, "^logcumsumexp: dim 2 is out of range"),
        (lambda x: x.long().logcumsumexp(0), tg.DTypeError, "^logcumsumexp: input has dtype int64, it must be a float"),
        (lambda x: tg.prod(None), tg.DTypeError, "^prod: input is None, not a tensor or an array"),
    ],
)
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call(tg.zeros(2, 3))


@pytest.mark.parametrize("first", [[-np.inf], [-np.inf, -np.inf], [0.3, np.inf]])
def test_logcumsumexp_beside_infinities_has_a_second_derivative(first):
    def f(y):
        return tg.logcumsumexp(tg.cat([tg.tensor(first, dtype=tg.float64), y]), 0)[len(first) :]

    y = tg.tensor([0.5, -1.0, 2.0], dtype=tg.float64, requires_grad=True)
    (g,) = tg.grad((f(y) * tg.tensor([1.0, 2.0, 3.0], dtype=tg.float64)).sum(), [y], create_graph=True)
    (h,) = tg.grad((g * tg.tensor([1.0, -2.0, 0.5], dtype=tg.float64)).sum(), [y])
    if np.isposinf(first).any():  # the result is infinite throughout
        assert g.tolist() == h.tolist() == [0.0, 0.0, 0.0]
        return
    assert np.abs(h.data).min() > 0.01
    assert gradcheck(f, [y])
    assert gradgradcheck(f, [y])
