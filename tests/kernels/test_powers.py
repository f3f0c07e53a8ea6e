"""Powers with whole exponents: NumPy's, value by value, within two units in the last place."""

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.kernels import powers, threads

SPECIAL = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 6e-8, -6e-8, 65504.0, -65504.0, 1e-40, -1e-40, 3e38, -3e38]
EXPONENTS = [-7, -4, -3, -2.0, -2, -1, -1.0, 0, 0.0, 1, 2, 3, 3.0, 4, 4.0, 5, 8.0, 11, 1.5, 2.5, -1.5, np.inf, np.nan]


def values(dtype, count):
    rng = np.random.default_rng(0)
    with np.errstate(over="ignore"):
        x = rng.standard_normal(count) * 10.0 ** rng.uniform(-3, 3, count)
        x[: len(SPECIAL)] = SPECIAL
        return x.astype(dtype)


@pytest.mark.parametrize("exponent", EXPONENTS, ids=str)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_powers_are_numpys(dtype, exponent):
    x = values(dtype, 5000)
    with np.errstate(all="ignore"):
        got = powers.power(x, exponent)
        exact = np.power(x.astype(np.float64), exponent)
        expected = exact.astype(dtype)
    assert got.dtype == dtype
    np.testing.assert_array_equal(np.isnan(got), np.isnan(expected))
    np.testing.assert_array_equal(np.signbit(got)[~np.isnan(got)], np.signbit(expected)[~np.isnan(got)])
    inner = np.isfinite(exact) & np.isfinite(expected)
    np.testing.assert_array_equal(got[~inner], expected[~inner])
    with np.errstate(over="ignore"):  # beyond the largest number
        unit = np.spacing(np.abs(expected[inner])).astype(np.float64)
    assert np.max(np.abs(got[inner].astype(np.float64) - exact[inner]) / unit) <= 2


@pytest.mark.parametrize("exponent", [-2, -1, 3, 4])
def test_powers_are_finite_and_not_zero_wherever_they_can_be(exponent):
    """Where a product on the way might overflow, or lose its digits."""
    x = np.array([2e19, -2e19, 1e-19, 5.5e-20, -5.5e-20, 1e9, 1e-9, 6e12, 3e-13, 2e38], np.float32)
    with np.errstate(all="ignore"):
        expected = (x.astype(np.float64) ** exponent).astype(np.float32)
        got = powers.power(x, exponent)
    np.testing.assert_allclose(got, expected, rtol=3e-7, atol=3e-45)


def test_integers_and_arrays_of_exponents_go_numpys_way():
    x = np.array([-3, -2, 0, 5])
    np.testing.assert_array_equal(powers.power(x, 3), x**3)
    assert powers.power(x, 3).dtype == x.dtype
    assert powers.power(x, 3.0).dtype == np.float64
    assert powers.power(-2.0, 3) == -8
    np.testing.assert_array_equal(powers.power(x.astype(float), np.array([3.0, 2.0, 0.0, -1.0])), [-27, 4, 1, 0.2])


@pytest.mark.parametrize("exponent", [-1, 3, 7])
def test_large_powers_do_not_depend_on_threads_or_order(monkeypatch, exponent):
    x = values(np.float32, 600 * 1001).reshape(600, 1001)
    with np.errstate(all="ignore"):
        monkeypatch.setattr(threads, "_chosen", 1)
        expected = powers.power(x, exponent)
        monkeypatch.setattr(threads, "_chosen", 3)
        for other in (x, np.asfortranarray(x), np.flip(np.flip(x).copy()), np.repeat(x, 2, axis=1)[:, ::2]):
            assert powers.power(other, exponent).tobytes() == expected.tobytes()


def test_overflow_warns_as_numpy_does():
    for dtype, large in ((np.float16, 60.0), (np.float32, 1e20), (np.float64, 1e200)):
        with np.errstate(over="raise"), pytest.raises(FloatingPointError):
            powers.power(np.full(10, large, dtype), 3)


def test_the_slopes_of_a_cube():
    x = tg.tensor([-2.0, 0.0, 3.0], requires_grad=True)
    (slope,) = tg.grad((x**3).sum(), x, create_graph=True)
    (bend,) = tg.grad(slope.sum(), x)
    np.testing.assert_array_equal(slope.data, [12, 0, 27])
    np.testing.assert_array_equal(bend.data, [-12, 0, 18])
