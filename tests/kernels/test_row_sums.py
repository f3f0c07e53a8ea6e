"""Sums by dot products: as exact as NumPy's pairwise sums, for rows of every length, whatever the values."""

import numpy as np
import pytest

from tensorgrad.kernels import row_sums as kernels
from tensorgrad.kernels.blas import in_one_thread
from tensorgrad.kernels.sums import accurate_sum
from tensorgrad.kernels.vector_norm import vector_norm

KINDS = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "positive": lambda rng, shape: rng.random(shape),
    "far from zero": lambda rng, shape: 1000 + rng.standard_normal(shape),
    "of many sizes": lambda rng, shape: np.exp(3 * rng.standard_normal(shape)),
}


def mean_error(found, exact, sizes):
    return np.sqrt(np.mean(((found - exact) / sizes) ** 2))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("length", [1, 32, 100, 1000, 1024, 1025, 4096, 50_000])
def test_errors_are_like_those_of_the_pairwise_sum(kind, length):
    x = KINDS[kind](np.random.default_rng(0), (200, length)).astype(np.float32)
    wide = x.astype(np.float64)
    exact, sizes = wide.sum(1), np.abs(wide).sum(1)
    assert mean_error(kernels.row_sums(x), exact, sizes) <= 2 * mean_error(x.sum(1), exact, sizes)
    squares = (wide * wide).sum(1)
    assert mean_error(kernels.row_dots(x, x), squares, squares) <= 2 * mean_error((x * x).sum(1), squares, squares)


@pytest.mark.parametrize("shape", [(3,), (2050,), (1, 1), (4, 1024), (2, 3, 1500), (0, 5), (3, 0), (0, 3000)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_shapes_and_dtypes(shape, dtype):
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal(shape).astype(dtype) for _ in range(2))
    for found, exact in ((kernels.row_sums(x), x.sum(-1)), (kernels.row_dots(x, y), (x * y).sum(-1))):
        assert isinstance(found, np.ndarray)
        assert (found.shape, found.dtype) == (exact.shape, dtype)
        np.testing.assert_allclose(found, exact, rtol=0, atol=500 * np.finfo(dtype).eps)


@pytest.mark.parametrize("length", [40, 3000])
def test_infinities_nan_and_the_smallest_numbers(length):
    x = np.zeros((5, length), np.float32)
    x[0, 7], x[1, [3, 30]], x[2, -1] = np.inf, (np.inf, -np.inf), np.nan
    x[3] = np.float32(1e-45)
    with np.errstate(invalid="ignore"):
        found = kernels.row_sums(x)
    np.testing.assert_array_equal(found, np.float32([np.inf, np.nan, np.nan, length * 1.4012985e-45, 0]))


@pytest.mark.parametrize("axes", [(2,), (1, 2), (0, 1, 2)])
@pytest.mark.parametrize("keepdims", [True, False])
def test_the_last_axes_of_a_contiguous_array(axes, keepdims):
    x = np.random.default_rng(0).random((3, 40, 1100)).astype(np.float32)
    found = accurate_sum(x, axes, keepdims)
    np.testing.assert_allclose(found, x.sum(axes, np.float64, keepdims=keepdims), rtol=5e-7)
    assert found.shape == x.sum(axes, keepdims=keepdims).shape
    # The same bits as those of each row alone, however many there are.
    if axes == (2,):
        np.testing.assert_array_equal(found[1:2], accurate_sum(x[1:2], axes, keepdims))


@pytest.mark.parametrize("axes", [(0,), (1,), (2,), (1, 2), (0, 1, 2), (0, 2)])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("size", [1, 1e-30, 1e30])
def test_norms_over_any_axes_whose_squares_leave_the_range(axes, dtype, size):
    x = np.random.default_rng(0).standard_normal((3, 30, 40)).astype(dtype)
    x *= dtype(size) if dtype != np.float16 else dtype(1)
    for layout in (x, np.asfortranarray(x), x[:, ::-1]):
        found = vector_norm(layout, 2.0, axes, False)
        exact = np.sqrt((layout.astype(np.float64) ** 2).sum(axes))
        assert (found.shape, found.dtype) == (exact.shape, dtype)
        np.testing.assert_allclose(found, exact, rtol=1e-3 if dtype == np.float16 else 4e-7)


@pytest.mark.parametrize("rows", [0, 1, 31, 32, 100, 3000])
@pytest.mark.parametrize("run", [1, 32, 128])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sums_of_columns(rows, run, dtype):
    x = (1000 + np.random.default_rng(0).standard_normal((rows, 7))).astype(dtype)
    found = in_one_thread(lambda: kernels.column_sums(x, run))
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, x.sum(0, np.float64), rtol=2e-7 if dtype == np.float32 else 1e-14)
