"""Sums over places by rows and by values, and what is read by number, against NumPy's own."""

import numpy as np
import pytest

from tensorgrad.kernels import scatter, threads
from tensorgrad.kernels.embedding import scatter_rows

DTYPES = [np.float16, np.float32, np.float64, np.int64, np.int8]


def added(out, places, rows):
    """What each place holds and all rows that go there, summed one after the other in float64, integers exactly."""
    wide = out.astype(np.float64 if out.dtype.kind == "f" else out.dtype)
    np.add.at(wide, places, rows.astype(wide.dtype))
    return wide.astype(out.dtype)


def some(rng, shape, dtype):
    return (rng.standard_normal(shape) * 8).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("d", [15, 16, 100, 3000])
@pytest.mark.parametrize("names", [3, 40, 4000], ids=["often", "some", "mostly once"])
def test_long_rows_are_added_in_their_order(d, names, dtype):
    """Bit for bit: also where few places get many rows, and where others get one."""
    rng = np.random.default_rng(0)
    count = max(300, scatter.BLOCK // d + 1)
    places = rng.integers(0, names, count)
    places[:80] = 1
    out, rows = some(rng, (names, d), dtype), some(rng, (count, d), dtype)
    expected = added(out, places, rows)
    scatter.add_rows(out, places, rows)
    np.testing.assert_array_equal(out, expected)


def test_long_rows_to_places_of_their_own():
    rng = np.random.default_rng(0)
    places, rows = rng.permutation(400), some(rng, (400, 200), np.float32)
    out = np.full((500, 200), -0.0, np.float32)
    scatter.add_rows(out, places, rows)
    np.testing.assert_array_equal(out[places], rows)
    assert np.signbit(out[400:]).all()  # nothing comes there


def test_rows_of_special_values():
    rng = np.random.default_rng(0)
    rows = rng.choice(np.float32([np.inf, -np.inf, np.nan, -0.0, 3e38, 1e-45, 1]), (600, 64))
    places = rng.integers(0, 200, 600)
    out = np.zeros((200, 64), np.float32)
    with np.errstate(all="ignore"):
        expected = added(out, places, rows)
    scatter.add_rows(out, places, rows)
    np.testing.assert_array_equal(out, expected)


def test_rows_that_do_not_lie_in_order():
    rng = np.random.default_rng(0)
    places, rows = rng.integers(0, 50, 500), rng.standard_normal((128, 500)).T[:, ::-1]
    np.testing.assert_array_equal(
        scatter_rows(rows, places, 50), added(np.zeros((50, 128)), places, np.ascontiguousarray(rows))
    )


def test_sums_do_not_depend_on_the_number_of_threads(monkeypatch):
    rng = np.random.default_rng(0)
    places, rows = rng.integers(0, 900, 5000), some(rng, (5000, 200), np.float32)
    index, values = rng.integers(0, 700, (600, 500)), some(rng, (600, 500), np.float32)
    found = []
    for count in (1, 3):
        monkeypatch.setattr(threads, "_chosen", count)
        out = np.zeros((600, 700), np.float32)
        scatter.add_along(out, index, 1, values)
        found.append((scatter_rows(rows, places, 900), out, scatter.read_along(out, index, 1)))
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("index_dtype", [np.int64, np.int32, np.uint8, np.uint64])
@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int16, np.bool_])
def test_slices_by_number(dtype, index_dtype):
    rng = np.random.default_rng(0)
    x = (rng.standard_normal((5, 6, 7)) * 3).astype(dtype)
    for dim in range(3):
        index = rng.integers(0, x.shape[dim], 9).astype(index_dtype)
        for array in (x, x[:, ::-1], x.transpose(2, 0, 1).transpose(1, 2, 0)):
            expected = np.moveaxis(np.moveaxis(array, dim, 0)[index.astype(int)], 0, dim)
            found = scatter.read_slices(array, index, dim)
            assert found.dtype == dtype
            np.testing.assert_array_equal(found, expected)
    assert scatter.read_slices(np.zeros((0, 3)), np.zeros(0, np.int64), 0).shape == (0, 3)


@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 4, 5), (0, 3), (3, 0), (7, 1)])
def test_places_of_what_is_not_zero(shape):
    x = np.random.default_rng(0).integers(0, 2, shape) * np.nan
    for array in (np.nan_to_num(x), x, np.swapaxes(x, 0, 1), x[::-1]):
        found = scatter.places_of(array)
        assert found.dtype == np.int64
        np.testing.assert_array_equal(found, np.argwhere(array))
