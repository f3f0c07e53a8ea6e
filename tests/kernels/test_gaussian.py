"""gelu and its slope in float32, beside the C library's erfc; erf and erfc are in test_ops_losses."""

import math

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.kernels import gaussian

X = np.concatenate([np.linspace(-13, 9, 30_001), [s * 10.0**-n for n in range(1, 30) for s in (1, -1)]])
X = X.astype(np.float32)


def exact_gelu(x):
    return x * 0.5 * math.erfc(-x * math.sqrt(0.5))


def exact_slope(x):
    return 0.5 * math.erfc(-x * math.sqrt(0.5)) + x * math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def test_gelu_keeps_its_digits():
    """Below 0 the rounding of the square of x is an error as much larger as that square is."""
    exact = np.array([exact_gelu(x) for x in X.tolist()])
    error = np.abs(gaussian.gelu(X) - exact) / np.abs(exact)
    assert np.max(error / (1 + np.where(X < 0, X * X / 4, 0))) < 4 * 1.2e-7


def test_the_slope_of_gelu_keeps_its_digits():
    """Around -0.75 the slope is 0, and what is left of two halves has their error."""
    exact = np.array([exact_slope(x) for x in X.tolist()])
    error = np.abs(gaussian.gelu_slope(X) - exact)
    far = X < -1
    assert np.max(error[~far]) < 2e-7
    assert np.max(error[far] / np.abs(exact[far]) / (1 + X[far] ** 2 / 2)) < 5 * 1.2e-7


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_gelu_of_special_values(dtype):
    x = tg.tensor(np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 60000, -60000, 1e-7], dtype))
    with np.errstate(all="raise", under="ignore"):
        got = tg.gelu(x).numpy()
    expected = np.array([np.nan, np.inf, np.nan, 0, -0.0, 60000, 0, 5e-8], dtype)
    np.testing.assert_allclose(got, expected, rtol=1e-2 if dtype == np.float16 else 1e-6)


def test_all_float16_values_are_rounded_once():
    x = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    x = x[np.abs(x) < 30000]
    for ours, right in ((gaussian.erf, math.erf), (gaussian.erfc, math.erfc), (gaussian.gelu, exact_gelu)):
        exact = np.array([right(float(v)) for v in x])
        error = np.abs(ours(x).astype(np.float64) - exact)
        assert np.max(error / np.spacing(np.abs(exact).astype(np.float16)).astype(np.float64)) < 0.51


def test_derivatives_of_gelu():
    x = tg.tensor(np.linspace(-4, 4, 41), requires_grad=True)
    assert tg.gradcheck(tg.gelu, x)
    (slope,) = tg.grad(tg.gelu(x).sum(), x, create_graph=True)
    (bend,) = tg.grad(slope.sum(), x, create_graph=True)
    (third,) = tg.grad(bend.sum(), x)
    density = np.exp(-(x.data**2) / 2) / math.sqrt(2 * math.pi)
    np.testing.assert_allclose(bend.data, density * (2 - x.data**2), atol=1e-14)
    np.testing.assert_allclose(third.data, density * x.data * (x.data**2 - 4), atol=1e-14)


def test_erf_is_one_far_out():
    x = np.array([4.5, 5, 10, 1e30, np.inf] * 20, np.float32)
    np.testing.assert_array_equal(gaussian.erf(x), np.ones_like(x))
    np.testing.assert_array_equal(gaussian.erf(-x), -np.ones_like(x))
