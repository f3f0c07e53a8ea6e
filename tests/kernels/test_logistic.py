"""sigmoid, silu, softplus and binary cross-entropy on plain arrays: every digit, also far out, in any layout."""

import math

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.kernels import elementwise, gaussian, logistic, threads

FAR = [0.0, -0.0, 1e-30, 17.0, -17.0, 80.5, -80.5, 88.0, -88.0, 95.0, -95.0, 103.0, -103.0, 710.0, -710.0, 1e30, -1e30]


def values(dtype, count=40_000):
    rng = np.random.default_rng(0)
    x = np.concatenate([FAR, rng.standard_normal(count) * 3, rng.uniform(-87, 87, count)])
    return x[np.abs(x) < np.finfo(dtype).max].astype(dtype)


def units(got, exact):
    """The largest error in units in the last place, subnormal ones those of the least number."""
    return np.max(np.abs(got.astype(np.float64) - exact) / np.spacing(np.abs(exact).astype(got.dtype)))


def exact_sigmoid(x):
    x = x.astype(np.float64)
    z = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, z) / (1 + z)


def exact_softplus(x):
    x = x.astype(np.float64)
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


@pytest.mark.parametrize("dtype, most", [(np.float16, 0.51), (np.float32, 4), (np.float64, 4)])
def test_every_digit(dtype, most):
    x = values(dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        assert units(logistic.sigmoid(x), exact_sigmoid(x)) <= most
        near = x[x > -87]  # below, the sigmoid is subnormal in float32
        assert units(logistic.silu(near), near * exact_sigmoid(near)) <= most
        assert units(logistic.softplus(x), exact_softplus(x)) <= most


def test_infinities_and_nan():
    x = np.array([np.inf, -np.inf, np.nan], np.float32)
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(logistic.sigmoid(x), np.array([1, 0, np.nan], np.float32))
        np.testing.assert_array_equal(logistic.silu(x), np.array([np.inf, np.nan, np.nan], np.float32))
        np.testing.assert_array_equal(logistic.softplus(x), np.array([np.inf, 0, np.nan], np.float32))


@pytest.mark.parametrize("pos_weight", [1.0, 2.5])
@pytest.mark.parametrize("dtype, most", [(np.float16, 0.51), (np.float32, 5), (np.float64, 5)])
def test_binary_losses_and_slopes_of_certain_targets(dtype, most, pos_weight):
    x = values(dtype)
    for target, loss, slope in (
        (0.0, exact_softplus(x), exact_sigmoid(x)),
        (1.0, pos_weight * exact_softplus(-x), -pos_weight * exact_sigmoid(-x)),
    ):
        t = np.full_like(x, target)
        with np.errstate(over="ignore"):
            keep = np.isfinite(loss.astype(dtype))
        assert units(logistic.binary_losses(x, t, pos_weight)[keep], loss[keep]) <= most
        assert units(logistic.binary_slopes(x, t, pos_weight), slope) <= most


def test_binary_losses_of_any_target():
    x = values(np.float32)
    t = np.random.default_rng(1).random(x.size).astype(np.float32)
    w = np.float32(1.5) + t
    exact = w * t.astype(np.float64) * exact_softplus(-x) + (1 - t.astype(np.float64)) * exact_softplus(x)
    np.testing.assert_allclose(logistic.binary_losses(x, t, w), exact, rtol=1e-6)
    exact = (1 - t.astype(np.float64)) * exact_sigmoid(x) - w * t.astype(np.float64) * exact_sigmoid(-x)
    np.testing.assert_allclose(logistic.binary_slopes(x, t, w), exact, atol=5e-7)


LOGISTIC = [logistic.sigmoid, logistic.silu, logistic.silu_slope, logistic.softplus]


@pytest.mark.parametrize("kernel", [*LOGISTIC, gaussian.erf, gaussian.erfc, gaussian.gelu, gaussian.gelu_slope])
def test_results_do_not_depend_on_threads_order_or_size(monkeypatch, kernel):
    x = np.random.default_rng(0).standard_normal((600, 1001)).astype(np.float32) * 8
    expected = kernel(x)
    for count in (1, 3):
        monkeypatch.setattr(threads, "_chosen", count)
        for other in (x, np.asfortranarray(x), np.flip(np.flip(x).copy())):
            assert elementwise.apply(kernel, other).tobytes() == expected.tobytes()
    assert kernel(x[3, :7]).tobytes() == expected[3, :7].tobytes()
    assert kernel(x[3, 5]) == expected[3, 5]
    assert kernel(x[:0]).shape == (0, 1001)


@pytest.mark.parametrize("pos_weight", [1.0, np.array([0.5, 2.0, 3.0])], ids=["none", "three"])
def test_derivatives_of_binary_cross_entropy(pos_weight):
    weight = pos_weight if isinstance(pos_weight, float) else tg.tensor(pos_weight, requires_grad=True)
    x = tg.tensor(np.array([[-40.0, -1.0, 0.3], [0.0, 2.0, 40.0]]), requires_grad=True)
    t = tg.tensor(np.array([[0.0, 0.3, 0.9], [1.0, 0.5, 1.0]]), requires_grad=True)
    inputs = [x, t] if isinstance(weight, float) else [x, t, weight]

    def loss(x, t, w=None):
        return tg.binary_cross_entropy_with_logits(x, t, pos_weight=w, reduction="none")

    assert tg.gradcheck(loss, inputs)
    assert tg.gradgradcheck(loss, inputs)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("threshold", [5.0, 15.0, 20.0, 40.0])
def test_softplus_is_the_input_from_the_threshold_on(dtype, threshold):
    """Where that changes no digit it is not asked, which is quicker."""
    x = np.concatenate([np.linspace(-50, 50, 4001), [threshold, np.inf, -np.inf]]).astype(dtype)
    a = tg.tensor(x, requires_grad=True)
    y = tg.softplus(a, threshold=threshold)
    y.backward(tg.ones_like(y))
    y, above = y.detach().numpy(), x > threshold
    np.testing.assert_array_equal(y[above], x[above])
    np.testing.assert_array_equal(a.grad.numpy()[above], 1)
    assert math.isclose(y[np.argmax(x >= 1)], math.log1p(math.exp(float(x[np.argmax(x >= 1)]))), rel_tol=1e-6)
