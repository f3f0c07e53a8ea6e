"""What division leaves over: NumPy's bits, where it is computed by a quotient in float64 and where it is not."""

import itertools

import numpy as np
import pytest

from tensorgrad.kernels import remainder

PAIRS = [(remainder.fmod, np.fmod), (remainder.remainder, np.remainder)]
SIZES = [1e-42, 1e-30, 1.0, 1e3, 1e7, 1e20]


def assert_same(result, expected):
    assert result.dtype == expected.dtype
    np.testing.assert_array_equal(np.isnan(result), np.isnan(expected))
    is_number = ~np.isnan(expected)
    assert result[is_number].tobytes() == expected[is_number].tobytes()


@pytest.mark.parametrize("function, of_numpy", PAIRS)
@pytest.mark.parametrize("size, other", list(itertools.product(SIZES, repeat=2)))
def test_rests_of_any_sizes(function, of_numpy, size, other):
    """Whole quotients and their neighbours, zeros of both signs, and, last, what is left to NumPy."""
    rng = np.random.default_rng(0)
    x = (rng.standard_normal(9_000) * size).astype(np.float32)
    y = (rng.standard_normal(9_000) * other).astype(np.float32)
    y[y == 0] = 1
    with np.errstate(all="ignore"):
        x[:1000] = y[:1000] * rng.integers(-99, 99, 1000).astype(np.float32)
        x[1000:2000], y[1000:2000] = np.nextafter(x[:1000], np.float32(np.inf)), y[:1000]
        x[2000:3000], y[2000:3000] = np.nextafter(x[:1000], np.float32(-np.inf)), y[:1000]
        x[3000:3100], x[3100:3200] = 0.0, -0.0
        assert_same(function(x, y), of_numpy(x, y))
        for number in (0.7, -0.7, 3, -1e-3, 1e30, np.inf):
            assert_same(function(x, number), of_numpy(x, number))
        x[-5:], y[-5:] = [np.inf, np.nan, 1, 1, -1], [1, 1, 0, np.inf, np.inf]
        assert_same(function(x, y), of_numpy(x, y))


@pytest.mark.parametrize("function, of_numpy", PAIRS)
@pytest.mark.parametrize(
    "other", [np.full((1, 50), 0.3, np.float32), np.float32(0.3), np.asarray(0.3, np.float32), np.full((40, 50), 0.3)]
)
def test_other_shapes_and_dtypes(function, of_numpy, other):
    x = np.random.default_rng(0).standard_normal((40, 50)).astype(np.float32)
    assert_same(function(x, other), of_numpy(x, other))


def test_the_quotient_in_float64_is_taken():
    x = np.random.default_rng(0).standard_normal(2_000).astype(np.float32)
    assert remainder._rest(x, np.abs(x) + 1) is not None
    assert remainder._rest(x, 0.7) is not None
    assert remainder._rest(x * 1e12, 0.7) is None
    assert remainder._rest(x.astype(np.float64), 0.7) is None
