"""Winograd's algorithm against sums over windows, against direct convolution, and its three uses against each other."""

import itertools

import numpy as np
import pytest

from tensorgrad.kernels import direct, threads, winograd, winograd_sums
from tests.kernels.window_sums import arrays, sums, weight_sums

ONE = (1, 1)
WEIGHT_GRADS = (winograd.weight_grad, winograd_sums.weight_grad)
BEFORE = list(itertools.product(range(3), repeat=2))
# (results, before, images, c, o): several chunks in a row, one tile, few images, products cut into parts.
SHAPES = [
    ((9, 35), (1, 1), 64, 20, 24),
    ((4, 4), (0, 0), 1, 1, 1),
    ((1, 13), (2, 0), 16, 3, 5),
    ((8, 5), (1, 2), 64, 64, 5),
    ((3, 6), (1, 1), 64, 7, 128),
    ((5, 8), (1, 1), 3, 128, 128),
    ((2, 5), (1, 1), 240, 128, 130),
    ((8, 3), (1, 1), 64, 16, 1024),
]


@pytest.fixture
def use_threads():
    """A function that sets the number of threads, which is set back afterwards."""
    before = threads.get_num_threads()
    yield threads.set_num_threads
    threads.set_num_threads(before)


def correlate(x, weight, bias, size, before):
    out = np.full((*size, len(weight), x.shape[-1]), np.nan, x.dtype)
    winograd.correlate(x, weight, bias, out, before)
    return out


def assert_equals_sums(size, before, **sizes):
    x, weight, bias, g = arrays(size, before, **sizes)
    expected = sums(x, weight, size, before)
    scale = abs(expected).max()
    np.testing.assert_allclose(correlate(x, weight, None, size, before), expected, rtol=0, atol=1e-13 * scale)
    expected += bias[:, None]
    np.testing.assert_allclose(correlate(x, weight, bias, size, before), expected, rtol=0, atol=1e-13 * scale)
    expected = weight_sums(g, x, 3, before)
    scale = abs(expected).max()
    for weight_grad in WEIGHT_GRADS:
        np.testing.assert_allclose(weight_grad(g, x, before), expected, rtol=0, atol=1e-13 * scale)


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("size", range(1, 10))
def test_equals_sums_over_windows(size, before):
    assert_equals_sums((size, 10 - size), before)
    assert_equals_sums((size, 1 + size % 4), before)


@pytest.mark.parametrize("after", [(-1, -3), (0, 2), (2, 0), (5, 1), (1, 9), (14, 14)])
@pytest.mark.parametrize("before", BEFORE)
def test_windows_end_before_or_far_behind_the_last_pixel(before, after):
    assert_equals_sums((9, 6), before, after=after)


@pytest.mark.parametrize(("size", "before", "images", "c", "o"), SHAPES)
def test_equals_sums_over_windows_for_many_images_and_channels(size, before, images, c, o):
    assert_equals_sums(size, before, images=images, c=c, o=o)


@pytest.mark.parametrize(("size", "before", "images", "c", "o"), SHAPES)
def test_equals_the_direct_kernel_in_float32(size, before, images, c, o):
    x, weight, bias, g = arrays(size, before, 3, images, c, o, dtype=np.float32)
    exact = np.empty(g.shape)
    direct.correlate(*(a.astype(np.float64) for a in (x, weight, bias)), exact, ONE, before)
    result = correlate(x, weight, bias, size, before)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, exact, rtol=0, atol=5e-6 * abs(exact).max())
    exact = direct.weight_grad(g.astype(np.float64), x.astype(np.float64), (3, 3), ONE, before)
    for weight_grad in WEIGHT_GRADS:
        result = weight_grad(g, x, before)
        assert result.dtype == np.float32
        assert result.flags.c_contiguous
        np.testing.assert_allclose(result, exact, rtol=0, atol=5e-6 * abs(exact).max())


@pytest.mark.parametrize("before", [(-1, 4), (3, -2), (9, 12), (-9, 0)])
def test_windows_begin_behind_or_far_before_the_first_pixel(before):
    """As in the input gradient of a convolution with padding beyond 2."""
    x, weight, bias, g = arrays((7, 9), ONE)
    exact = np.empty(g.shape)
    direct.correlate(x, weight, bias, exact, ONE, before)
    np.testing.assert_allclose(correlate(x, weight, bias, (7, 9), before), exact, rtol=0, atol=1e-12)
    exact = direct.weight_grad(g, x, (3, 3), ONE, before)
    for weight_grad in WEIGHT_GRADS:
        np.testing.assert_allclose(weight_grad(g, x, before), exact, rtol=0, atol=1e-11)


@pytest.mark.parametrize("size", [(7, 10), (8, 8), (2, 3)])
def test_writes_into_every_second_pixel(size):
    """As the input gradient of a convolution with a stride needs it; what lies between is left alone."""
    x, weight, bias, g = arrays(size, ONE)
    whole = np.full((2 * size[0], 3 * size[1], *g.shape[2:]), 7.0)
    winograd.correlate(x, weight, bias, whole[1::2, ::3], ONE)
    np.testing.assert_array_equal(whole[1::2, ::3], correlate(x, weight, bias, size, ONE))
    whole[1::2, ::3] = 7
    assert (whole == 7).all()


@pytest.mark.parametrize(("c", "o"), [(4, 6), (24, 40), (70, 60), (130, 129), (200, 180), (1, 20), (20, 1)])
def test_takes_filters_in_any_order_in_memory(c, o):
    """In one order the matrices are by rows, in another by columns; turned round, the transform's matrix is."""
    x, weight, bias, _ = arrays((6, 9), ONE, c=c, o=o)

    def check(filters):
        expected = sums(x, filters, (6, 9), ONE) + bias[:, None]
        scale = abs(expected).max()
        np.testing.assert_allclose(correlate(x, filters, bias, (6, 9), ONE), expected, rtol=0, atol=1e-13 * scale)

    swapped = np.ascontiguousarray(weight.swapaxes(0, 1)).swapaxes(0, 1)
    check(np.ascontiguousarray(weight.transpose(3, 1, 0, 2)).transpose(2, 1, 3, 0))
    for filters in (weight, swapped):
        for axes in ((), 2, 3, (2, 3)):
            check(np.flip(filters, axes))


@pytest.mark.parametrize(("size", "before", "images", "c", "o"), SHAPES)
def test_same_bits_for_any_number_of_threads(monkeypatch, use_threads, size, before, images, c, o):
    monkeypatch.setattr(threads, "SMALL", 0)  # or the caller would do small ones alone
    x, weight, bias, g = arrays(size, before, 3, images, c, o, dtype=np.float32)
    results = []
    for count in (1, 2, 3, 5):
        use_threads(count)
        results.append([correlate(x, weight, bias, size, before), *(each(g, x, before) for each in WEIGHT_GRADS)])
    for other in results[1:]:
        for one, two in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("size", [(4, 4), (5, 11), (9, 2)])
def test_each_is_the_gradient_of_the_others(size, before):
    """One form in three factors: the input gradient is the correlation of g with filters turned round."""
    x, weight, _, g = arrays(size, before, images=5, c=4, o=6)
    form = np.vdot(correlate(x, weight, None, size, before), g)
    turned = np.flip(weight, (2, 3)).swapaxes(0, 1)
    grad = correlate(g, turned, None, x.shape[:2], (2 - before[0], 2 - before[1]))
    np.testing.assert_allclose(np.vdot(grad, x), form, rtol=1e-11)
    for weight_grad in WEIGHT_GRADS:
        np.testing.assert_allclose(np.vdot(weight_grad(g, x, before), weight), form, rtol=1e-11)


def test_scratch_of_another_size_leaves_no_trace():
    """Memory of a larger call is used again, with NaN in it."""
    x, weight, bias, g = arrays((12, 12), ONE, images=16, c=8, o=8)
    correlate(np.full_like(x, np.nan), weight, bias, (12, 12), ONE)
    for weight_grad in WEIGHT_GRADS:
        weight_grad(np.full_like(g, np.nan), x, ONE)
    for size, before in itertools.product([(1, 1), (5, 6), (9, 3)], BEFORE):
        assert_equals_sums(size, before)


@pytest.mark.parametrize("most", [1, 12, 30, 1000])
@pytest.mark.parametrize("size", [(1, 1), (9, 6), (30, 5), (6, 30), (17, 17)])
def test_products_of_one_or_several_rows_of_tiles(monkeypatch, most, size):
    monkeypatch.setattr(winograd_sums, "SUM", most)
    for before, images in itertools.product([(0, 0), (1, 1), (2, 0)], [1, 3]):
        assert_equals_sums(size, before, images=images, c=3, o=5)


def test_sums_over_tiles_pay_for_few_images():
    assert winograd_sums.weight_grad_pays(64, 64, 56, 56, 8)
    assert winograd_sums.weight_grad_pays(128, 128, 8, 8, 64)
    assert not winograd_sums.weight_grad_pays(64, 64, 56, 56, 64)
    assert not winograd_sums.weight_grad_pays(16, 16, 32, 32, 8)
    assert not winograd_sums.weight_grad_pays(3, 64, 32, 32, 1)
    assert not winograd_sums.weight_grad_pays(64, 64, 5, 5, 8)


def test_pays_for_many_channels_and_little_overhang():
    assert winograd.correlate_pays(64, 64, 16, 16, 64)
    assert winograd.weight_grad_pays(64, 64, 16, 16, 64)
    assert not winograd.correlate_pays(3, 64, 32, 32, 64)
    assert not winograd.correlate_pays(8, 8, 32, 32, 8)
    assert not winograd.correlate_pays(4, 64, 32, 32, 64)
    assert not winograd.weight_grad_pays(3, 64, 32, 32, 64)
    assert not winograd.correlate_pays(64, 64, 5, 5, 64)
    assert not winograd.weight_grad_pays(64, 64, 5, 5, 64)
    assert not winograd.weight_grad_pays(512, 512, 8, 8, 16)
    assert not winograd.correlate_pays(64, 64, 0, 8, 64)
