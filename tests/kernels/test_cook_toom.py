"""The matrices of Winograd's algorithms along one axis make the sums that they are for."""

import numpy as np
import pytest

from tensorgrad.kernels.cook_toom import BY_TAPS, ONE


@pytest.mark.parametrize("taps", BY_TAPS)
def test_products_at_the_points_make_a_correlation(taps):
    results, pixels, filters = BY_TAPS[taps]
    tile, block = results.shape
    assert block == tile + taps - 1
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((block, 20)), rng.standard_normal((taps, 20))
    expected = [(w * x[place : place + taps]).sum(0) for place in range(tile)]
    np.testing.assert_allclose(results @ ((filters @ w) * (pixels @ x)), expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("taps", BY_TAPS)
def test_what_is_added_at_point_one_reaches_each_result_once(taps):
    np.testing.assert_array_equal(BY_TAPS[taps].results[:, ONE], 1)
