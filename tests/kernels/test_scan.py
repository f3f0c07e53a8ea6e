"""Running sums, products and extremes by segments and side by side, against NumPy's one after the other."""

import itertools

import numpy as np
import pytest

from tensorgrad.kernels import scan, threads

UFUNCS = [np.add, np.multiply, np.maximum, np.minimum]
SHAPES = [((3, 100), 1), ((200, 37), 1), ((200, 20), 1), ((50, 300), 0), ((4, 9, 80), 1), ((1, 1000), 1), ((300, 1), 1)]
SHAPES += [((0, 40), 1), ((40, 0), 1), ((5, 0, 3), 1), ((1100, 150), 1), ((2, 30, 9000), 1)]


def expected(ufunc, x, axis, reverse):
    turned = np.flip(x, axis) if reverse else x
    wide = ufunc.accumulate(turned, axis, scan.WIDER.get(x.dtype, x.dtype)).astype(x.dtype)
    return np.flip(wide, axis) if reverse else wide


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64, np.uint8])
@pytest.mark.parametrize("ufunc", UFUNCS, ids=lambda ufunc: ufunc.__name__)
@pytest.mark.parametrize("shape, axis", SHAPES)
def test_running(shape, axis, ufunc, dtype, reverse):
    x = (np.random.default_rng(0).standard_normal(shape) * 2).astype(dtype)
    for array in (x, np.flip(x, axis), np.swapaxes(np.swapaxes(x, 0, 1).copy(), 0, 1)):
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            found, right = scan.running(ufunc, array, axis, reverse), expected(ufunc, array, axis, reverse)
        assert found.dtype == dtype
        if dtype in (np.float16, np.float32) and ufunc in (np.add, np.multiply):
            np.testing.assert_allclose(found, right, rtol=2 * np.finfo(dtype).eps, atol=np.finfo(dtype).smallest_normal)
        else:
            np.testing.assert_array_equal(found, right)


@pytest.mark.parametrize("ufunc", [np.add, np.multiply, np.maximum, np.minimum], ids=lambda ufunc: ufunc.__name__)
@pytest.mark.parametrize("rows", [5, 300])
@pytest.mark.parametrize("special", [np.inf, -np.inf, np.nan, 0.0, -0.0, 1e-45, 3e38])
def test_special_values_reach_the_same_places(special, rows, ufunc):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((rows, 100)).astype(np.float32)
    x[rng.random(x.shape) < 0.05] = special
    x[rng.random(x.shape) < 0.02] = -special
    with np.errstate(all="ignore"):
        found, right = scan.running(ufunc, x, 1), expected(ufunc, x, 1, False)
    lost = 1e24 if ufunc is np.add and special == 3e38 else 1e-37  # where large values cancel, float64 rounds them
    np.testing.assert_allclose(found, right, rtol=3e-7, atol=lost)


def test_products_that_leave_the_range_and_come_back():
    """Not in segments, whose products would overflow by themselves: 1e-30 to the eighth times 1e38 to the sixth."""
    x = np.tile(np.float32([1e-30] * 8 + [1e38] * 6 + [1e12]), (3, 4))
    np.testing.assert_array_equal(scan.running(np.multiply, x, 1), expected(np.multiply, x, 1, False))
    x = np.tile(np.float32([0] + [3e38] * 30 + [1]), (3, 4))
    assert not scan.running(np.multiply, x, 1).any()


def test_sums_of_negative_zeros():
    x = np.full((2, 50), -0.0, np.float32)
    assert np.signbit(scan.running(np.add, x, 1)).all()


def test_float64_sums_keep_their_order():
    x = np.random.default_rng(0).standard_normal((300, 200)) * 10.0 ** np.arange(200)
    for axis, reverse in itertools.product((0, 1), (False, True)):
        np.testing.assert_array_equal(scan.running(np.add, x, axis, reverse), expected(np.add, x, axis, reverse))


def test_running_sums_do_not_depend_on_the_number_of_threads(monkeypatch):
    x = np.random.default_rng(0).standard_normal((600, 1000)).astype(np.float32)
    found = []
    for count in (1, 3):
        monkeypatch.setattr(threads, "_chosen", count)
        found.append(scan.running(np.add, x, 1))
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("shape, axis", SHAPES)
def test_where_running_extremes_stand(shape, axis):
    rng = np.random.default_rng(0)
    x = rng.integers(-5, 6, shape).astype(np.float32)
    x[rng.random(shape) < 0.01] = np.nan
    values, places = scan.running_extreme(np.maximum, x, axis)
    np.testing.assert_array_equal(values, np.maximum.accumulate(x, axis))
    numbers = np.arange(shape[axis]).reshape(-1, *[1] * (len(shape) - axis - 1))
    last = np.maximum.accumulate(np.where((x == values) | np.isnan(x), numbers, 0), axis)
    np.testing.assert_array_equal(places, last)
