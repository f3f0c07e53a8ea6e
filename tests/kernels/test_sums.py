"""Sums and means keep their digits over any axes of any layout, and agree with exact sums."""

import itertools

import numpy as np
import pytest

from tensorgrad.kernels import sums as kernels

AXES = [axes for r in range(4) for axes in itertools.combinations(range(3), r)]
LAYOUTS = {
    "c": lambda a: a,
    "fortran": np.asfortranarray,
    "swapped": lambda a: a.swapaxes(0, 1).copy().swapaxes(0, 1),
    "columns": lambda a: np.concatenate([a, a], -1)[..., : a.shape[-1]],
    "strided": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "negative": lambda a: np.flip(np.flip(a).copy()),
    "broadcast_first": lambda a: np.broadcast_to(a[:1], a.shape),
    "broadcast_last": lambda a: np.broadcast_to(a[..., :1], a.shape),
}


@pytest.mark.parametrize("shape", [(2, 3, 4), (150, 3, 70), (3, 257, 5), (1, 9, 200), (3, 0, 2)])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int16, np.bool_])
def test_sum(shape, layout, dtype):
    x = LAYOUTS[layout]((np.random.default_rng(0).random(shape) * 4).astype(dtype))
    x.flags.writeable = False
    wide = np.float64 if x.dtype.kind == "f" else np.int64
    for axes, keepdims in itertools.product(AXES, [False, True]):
        result = kernels.accurate_sum(x, axes, keepdims)
        exact = np.sum(x, axes, wide, keepdims=keepdims)
        assert isinstance(result, np.ndarray)
        assert result.dtype == (dtype if x.dtype.kind == "f" else np.int64)
        assert result.shape == exact.shape
        with np.errstate(over="ignore"):
            exact = exact.astype(result.dtype)
        np.testing.assert_allclose(result, exact, rtol=1e-3 if dtype == np.float16 else 1e-6)
        assert not np.shares_memory(result, x)


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((200_000, 4), (0,)),
        ((200_000, 4), (0, 1)),
        ((4, 200_000), (1,)),
        ((300, 4, 300), (0, 2)),
        ((4, 300, 300), (1, 2)),
        ((90, 90, 90), (0, 1, 2)),
    ],
)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_float32_loses_no_digits(shape, axes, layout):
    x = LAYOUTS[layout]((1 + np.random.default_rng(0).random(shape)).astype(np.float32))
    exact = np.sum(x, axes, np.float64)
    np.testing.assert_allclose(kernels.accurate_sum(x, axes), exact, rtol=5e-7)
    np.testing.assert_allclose(kernels.accurate_mean(x, axes), exact / (x.size / exact.size), rtol=5e-7)


def test_equal_values_whose_rounding_errors_add_up():
    """Short inner runs, not evenly spaced with the next axis: NumPy's own sum is off by 1.3e-6."""
    x = np.full((2, 300_000, 8), 0.1, np.float32)[..., :4]
    np.testing.assert_allclose(kernels.accurate_sum(x, (1, 2)), [1_200_000 * float(x[0, 0, 0])] * 2, rtol=5e-7)


def test_float16_beyond_its_range():
    ones = np.ones((70_000, 2), np.float16)
    assert kernels.accurate_sum(ones[:60_000], (0,)).tolist() == [60_000, 60_000]
    assert kernels.accurate_sum(ones, (0,)).tolist() == [np.inf, np.inf]
    assert kernels.accurate_mean(ones, (0,)).tolist() == [1, 1]


def test_mean_of_nothing_is_nan():
    assert np.isnan(kernels.accurate_mean(np.zeros((0,), np.float32), (0,)))
    assert kernels.accurate_mean(np.zeros((0, 3)), (1,)).shape == (0,)
