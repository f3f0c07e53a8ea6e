"""Winograd's algorithm along the width against sums over windows, direct convolution, and its uses each other."""

import itertools

import numpy as np
import pytest

from tensorgrad.kernels import buffers, direct, threads, winograd1d
from tests.kernels.window_sums import arrays, sums, weight_sums

ONE = (1, 1)
BEFORE = list(itertools.product(range(3), repeat=2))
TALL = (1, 2, 3, 5)
# (results, before, images, c, o): one tile, few images, many filters and few, products cut into parts.
SHAPES = [
    ((9, 35), (1, 1), 64, 20, 24),
    ((4, 4), (0, 0), 1, 1, 1),
    ((1, 13), (2, 0), 16, 3, 5),
    ((8, 5), (1, 2), 64, 64, 5),
    ((3, 6), (1, 1), 64, 7, 128),
    ((30, 8), (1, 1), 64, 16, 16),
    ((2, 5), (1, 1), 240, 128, 130),
]


@pytest.fixture(autouse=True)
def _threads_as_before(monkeypatch):
    monkeypatch.setattr(threads, "_chosen", 3)


def correlate(x, weight, bias, size, before):
    out = np.full((*size, len(weight), x.shape[-1]), np.nan, x.dtype)
    winograd1d.correlate(x, weight, bias, out, before)
    return out


def assert_equals_sums(size, before, tall=3, wide=3, **sizes):
    x, weight, bias, g = arrays(size, before, tall, wide=wide, **sizes)
    expected = sums(x, weight, size, before)
    scale = max(1, abs(expected).max())  # where all windows read padding, but others of their tiles do not
    np.testing.assert_allclose(correlate(x, weight, None, size, before), expected, rtol=0, atol=1e-13 * scale)
    expected += bias[:, None]
    np.testing.assert_allclose(correlate(x, weight, bias, size, before), expected, rtol=0, atol=1e-13 * scale)
    expected = weight_sums(g, x, tall, before, wide)
    scale = max(1, abs(expected).max())
    np.testing.assert_allclose(winograd1d.weight_grad(g, x, (tall, wide), before), expected, rtol=0, atol=1e-13 * scale)


@pytest.mark.parametrize("tall", TALL)
@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("size", range(1, 10))
def test_equals_sums_over_windows(size, before, tall):
    assert_equals_sums((size, 10 - size), before, tall)
    assert_equals_sums((1 + size % 4, size), before, tall)


@pytest.mark.parametrize("after", [(-1, -3), (0, 2), (2, 0), (5, 1), (1, 9), (14, 14)])
@pytest.mark.parametrize("before", BEFORE)
def test_windows_end_before_or_far_behind_the_last_pixel(before, after):
    assert_equals_sums((9, 6), before, after=after)


@pytest.mark.parametrize("before", [(-1, 4), (3, -2), (9, 12), (-9, 0)])
def test_windows_begin_behind_or_far_before_the_first_pixel(before):
    """As in the input gradient of a convolution with padding beyond 2."""
    x, weight, bias, g = arrays((7, 9), ONE)
    exact = np.empty(g.shape)
    direct.correlate(x, weight, bias, exact, ONE, before)
    np.testing.assert_allclose(correlate(x, weight, bias, (7, 9), before), exact, rtol=0, atol=1e-12)
    exact = direct.weight_grad(g, x, (3, 3), ONE, before)
    np.testing.assert_allclose(winograd1d.weight_grad(g, x, (3, 3), before), exact, rtol=0, atol=1e-11)


@pytest.mark.parametrize(("size", "before", "images", "c", "o"), SHAPES)
def test_equals_sums_over_windows_for_many_images_and_channels(size, before, images, c, o):
    assert_equals_sums(size, before, images=images, c=c, o=o)


@pytest.mark.parametrize("tall", TALL)
@pytest.mark.parametrize("chunk_bytes", [1, 2_000, 6_000])
def test_rows_are_cut_into_parts(monkeypatch, chunk_bytes, tall):
    monkeypatch.setattr(winograd1d, "CHUNK_BYTES", chunk_bytes)
    chunks = winograd1d._chunks((30, 7, 3, 3), tall, 4, 6 * 5 * 3 * 8)
    assert len(chunks) > 2
    seen = np.zeros((30, 7), int)
    for left, rows in chunks:
        seen[rows, left : left + 4] += 1
    assert (seen == 1).all()
    assert_equals_sums((30, 7), ONE, tall)
    assert_equals_sums((31, 6), (2, 0), tall, o=20)


@pytest.mark.parametrize(("size", "before", "images", "c", "o"), SHAPES)
def test_equals_the_direct_kernel_in_float32(size, before, images, c, o):
    x, weight, bias, g = arrays(size, before, 3, images, c, o, dtype=np.float32)
    exact = np.empty(g.shape)
    direct.correlate(*(a.astype(np.float64) for a in (x, weight, bias)), exact, ONE, before)
    result = correlate(x, weight, bias, size, before)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, exact, rtol=0, atol=(3e-6 if c >= 128 else 2e-6) * abs(exact).max())
    exact = direct.weight_grad(g.astype(np.float64), x.astype(np.float64), (3, 3), ONE, before)
    result = winograd1d.weight_grad(g, x, (3, 3), before)
    assert result.dtype == np.float32
    assert result.flags.c_contiguous
    np.testing.assert_allclose(result, exact, rtol=0, atol=2e-6 * abs(exact).max())


@pytest.mark.parametrize("size", [(7, 10), (8, 8), (2, 3)])
def test_writes_into_every_second_pixel(size):
    """As the input gradient of a convolution with a stride needs it; what lies between is left alone."""
    x, weight, bias, g = arrays(size, ONE)
    whole = np.full((2 * size[0], 3 * size[1], *g.shape[2:]), 7.0)
    winograd1d.correlate(x, weight, bias, whole[1::2, ::3], ONE)
    np.testing.assert_array_equal(whole[1::2, ::3], correlate(x, weight, bias, size, ONE))
    whole[1::2, ::3] = 7
    assert (whole == 7).all()


@pytest.mark.parametrize(("size", "before", "images", "c", "o"), SHAPES)
def test_same_bits_for_any_number_of_threads(monkeypatch, size, before, images, c, o):
    monkeypatch.setattr(threads, "SMALL", 0)  # or the caller would do small ones alone
    x, weight, bias, g = arrays(size, before, 3, images, c, o, dtype=np.float32)
    results = []
    for count in (1, 2, 3, 5):
        monkeypatch.setattr(threads, "_chosen", count)
        results.append((correlate(x, weight, bias, size, before), winograd1d.weight_grad(g, x, (3, 3), before)))
    for other in results[1:]:
        for one, two in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("tall", TALL)
@pytest.mark.parametrize("size", [(4, 4), (5, 11), (9, 2)])
def test_each_is_the_gradient_of_the_others(size, tall):
    """One form in three factors: the input gradient is the correlation of g with filters turned round."""
    for before in itertools.product(range(tall), range(3)):
        x, weight, _, g = arrays(size, before, tall, images=5, c=4, o=6)
        form = np.vdot(correlate(x, weight, None, size, before), g)
        turned = np.flip(weight, (2, 3)).swapaxes(0, 1)
        grad = correlate(g, turned, None, x.shape[:2], (tall - 1 - before[0], 2 - before[1]))
        np.testing.assert_allclose(np.vdot(grad, x), form, rtol=1e-11)
        np.testing.assert_allclose(np.vdot(winograd1d.weight_grad(g, x, (tall, 3), before), weight), form, rtol=1e-11)


def test_scratch_of_another_size_leaves_no_trace():
    """Memory of a larger call is used again, with NaN in it."""
    x, weight, bias, g = arrays((12, 12), ONE, images=16, c=8, o=8)
    correlate(np.full_like(x, np.nan), weight, bias, (12, 12), ONE)
    winograd1d.weight_grad(np.full_like(g, np.nan), x, (3, 3), ONE)
    for size, before in itertools.product([(1, 1), (5, 6), (9, 3)], BEFORE):
        assert_equals_sums(size, before)


def test_nan_reaches_no_more_than_the_tiles_whose_pixels_it_is_among():
    x, weight, bias, _ = arrays((9, 16), ONE, images=2)
    clean = correlate(x, weight, bias, (9, 16), ONE)
    x[4, 6, 0, 1] = np.nan
    spoilt = correlate(x, weight, bias, (9, 16), ONE)
    rows, columns, _, images = np.nonzero(np.isnan(spoilt))
    assert set(rows) == {3, 4, 5}
    assert {5, 6, 7} <= set(columns) <= set(range(4, 8))
    assert set(images) == {1}
    np.testing.assert_array_equal(spoilt[..., 0], clean[..., 0])


def test_pays_for_few_channels():
    assert winograd1d.correlate_pays(16, 16, 32, 32, 64)
    assert winograd1d.weight_grad_pays(16, 16, 32, 32, 64)
    assert winograd1d.correlate_pays(16, 32, 14, 14, 64)
    assert not winograd1d.correlate_pays(1, 16, 28, 28, 64)
    assert not winograd1d.weight_grad_pays(3, 16, 28, 28, 64)
    assert not winograd1d.correlate_pays(128, 128, 8, 8, 64)
    assert not winograd1d.correlate_pays(8, 8, 32, 32, 8)
    assert not winograd1d.weight_grad_pays(128, 128, 8, 8, 64)
    assert not winograd1d.weight_grad_pays(16, 16, 32, 32, 8)
    assert not winograd1d.correlate_pays(16, 16, 0, 8, 64)


def test_equals_sums_over_windows_of_every_size():
    for size in itertools.product(range(1, 10), repeat=2):
        assert_equals_sums(size, ONE)


@pytest.mark.parametrize("tall", TALL)
@pytest.mark.parametrize("before", [(-1, 4), (3, -2), (9, 12), (-9, 0), (-30, -30), (40, 40), (0, 5)])
def test_filters_of_any_height_far_outside_of_the_image(before, tall):
    for size in ((7, 9), (1, 5), (12, 2)):
        x, weight, bias, g = arrays(size, ONE, tall)
        exact = np.empty(g.shape)
        direct.correlate(x, weight, bias, exact, ONE, before)
        np.testing.assert_allclose(correlate(x, weight, bias, size, before), exact, rtol=0, atol=1e-12)
        exact = direct.weight_grad(g, x, (tall, 3), ONE, before)
        np.testing.assert_allclose(winograd1d.weight_grad(g, x, (tall, 3), before), exact, rtol=0, atol=1e-11)


@pytest.mark.parametrize("tall", TALL)
@pytest.mark.parametrize("after", [(-1, -3), (0, 2), (5, 1), (14, 14)])
def test_filters_of_any_height_behind_the_last_pixel(after, tall):
    for before in BEFORE:
        assert_equals_sums((9, 6), before, tall, after=after)


@pytest.mark.parametrize("chunk_bytes", [1, 2_000, 6_000])
@pytest.mark.parametrize("depth", [3, 16, 17, 20])  # filters up to 16 multiply g as it lies, more of them turn it
def test_parts_of_rows_change_no_more_than_the_rounding(monkeypatch, chunk_bytes, depth):
    x, weight, bias, g = arrays((30, 7), ONE, c=4, o=depth)
    whole = correlate(x, weight, bias, (30, 7), ONE), winograd1d.weight_grad(g, x, (3, 3), ONE)
    monkeypatch.setattr(winograd1d, "CHUNK_BYTES", chunk_bytes)
    parts = correlate(x, weight, bias, (30, 7), ONE), winograd1d.weight_grad(g, x, (3, 3), ONE)
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-13 * abs(one).max())


@pytest.mark.parametrize("tall", TALL)
def test_parts_of_rows_give_the_same_bits_for_any_number_of_threads(monkeypatch, tall):
    monkeypatch.setattr(winograd1d, "CHUNK_BYTES", 1)
    x, weight, bias, g = arrays((40, 33), ONE, tall, images=16, c=20, o=18, dtype=np.float32)
    assert weight.size * g.size // len(weight) > threads.SMALL
    results = []
    for count in (1, 2, 5):
        monkeypatch.setattr(threads, "_chosen", count)
        results.append((correlate(x, weight, bias, (40, 33), ONE), winograd1d.weight_grad(g, x, (tall, 3), ONE)))
    for other in results[1:]:
        for one, two in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("tall", TALL)
def test_scratch_full_of_nan_leaves_no_trace(monkeypatch, tall):
    def poisoned(name, shape, dtype):
        array = buffers.scratch(name, shape, dtype)
        array.fill(np.nan)
        return array

    monkeypatch.setattr(winograd1d, "scratch", poisoned)
    for size, before, depth in itertools.product([(1, 1), (5, 6), (9, 3)], [(0, 0), (2, 1), (9, -2)], [3, 20]):
        x, weight, bias, g = arrays(size, ONE, tall, o=depth)
        exact = np.empty(g.shape)
        direct.correlate(x, weight, bias, exact, ONE, before)
        np.testing.assert_allclose(correlate(x, weight, bias, size, before), exact, rtol=0, atol=1e-12)
        exact = direct.weight_grad(g, x, (tall, 3), ONE, before)
        np.testing.assert_allclose(winograd1d.weight_grad(g, x, (tall, 3), before), exact, rtol=0, atol=1e-11)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("tall", TALL)
@pytest.mark.parametrize("column", [0, 3, 4, 7, 10, 15])
def test_a_bad_pixel_reaches_the_tiles_that_read_it_in_the_rows_that_read_it(column, tall, bad):
    """Of four results each; all others are what they are without it."""
    size, middle = (11, 16), tall // 2
    x, weight, bias, _ = arrays(size, (middle, 1), tall, images=2, after=(tall - 1 - middle, 1))
    clean = correlate(x, weight, bias, size, (middle, 1))
    x[5, column, 0, 1] = bad
    with np.errstate(invalid="ignore"):
        spoilt = correlate(x, weight, bias, size, (middle, 1))
    reads = np.zeros(size, bool)
    reads[5 + middle - tall + 1 : 5 + middle + 1, max(0, column - 1) : column + 2] = True
    tiles = reads.reshape(11, 4, 4).any(-1, keepdims=True).repeat(4, -1).reshape(size)
    assert not np.isfinite(spoilt[reads][..., 1]).any()
    np.testing.assert_array_equal(spoilt[~tiles], clean[~tiles])
    np.testing.assert_array_equal(spoilt[..., 0], clean[..., 0])


def test_sizes_of_zero():
    for pays in (winograd1d.correlate_pays, winograd1d.weight_grad_pays):
        for case in [(16, 16, 0, 8, 64), (16, 16, 8, 0, 64), (16, 16, 0, 0, 0), (0, 16, 8, 8, 64), (16, 0, 8, 8, 64)]:
            assert pays(*case) in (True, False)


def test_both_pay_for_sixteen_channels_and_neither_for_one_or_very_many():
    for pays in (winograd1d.correlate_pays, winograd1d.weight_grad_pays):
        assert pays(16, 16, 32, 32, 64)
        assert not pays(1, 16, 28, 28, 64)
        assert not pays(128, 128, 8, 8, 64)


@pytest.mark.parametrize(("images", "c", "o"), [(64, 64, 128), (250, 40, 96)])
def test_products_of_filters_are_cut_into_parts(images, c, o):
    assert direct.small_parts(o, 3 * c * images) > 1
    assert_equals_sums((2, 5), ONE, images=images, c=c, o=o)


# Filters of other widths

KERNELS = [(4, 4), (5, 5), (1, 5), (2, 5), (6, 6), (7, 7), (1, 7), (3, 7)]  # along the width
TURNED = [(3, 1), (3, 2), (4, 1), (5, 1), (5, 8), (6, 2), (7, 1), (7, 2)]  # along the height
OUTSIDE = [(-1, 4), (3, -2), (9, 12), (-9, 0), (-30, -30), (40, 40), (0, 5)]


@pytest.mark.parametrize("kernel", KERNELS + TURNED)
@pytest.mark.parametrize("before", [(0, 0), (2, 2), (1, 4), (4, 0)])
def test_filters_of_four_to_seven_equal_sums_over_windows(kernel, before):
    for size in range(1, 10):
        assert_equals_sums((size, 10 - size), before, *kernel)
        assert_equals_sums((1 + size % 4, size), before, *kernel)
    assert_equals_sums((9, 35), before, *kernel, images=16, c=20, o=24)


@pytest.mark.parametrize("kernel", KERNELS + TURNED)
@pytest.mark.parametrize("after", [(-1, -3), (0, 4), (4, 0), (5, 1), (14, 14)])
def test_filters_of_four_to_seven_behind_the_last_pixel(kernel, after):
    for before in [(0, 0), (2, 2), (6, 1)]:
        assert_equals_sums((9, 6), before, *kernel, after=after)


@pytest.mark.parametrize("kernel", KERNELS + TURNED)
@pytest.mark.parametrize("before", OUTSIDE)
def test_filters_of_four_to_seven_far_outside_of_the_image(monkeypatch, kernel, before):
    """And with NaN in all scratch."""

    def poisoned(name, shape, dtype):
        array = buffers.scratch(name, shape, dtype)
        array.fill(np.nan)
        return array

    monkeypatch.setattr(winograd1d, "scratch", poisoned)
    for size, depth in itertools.product([(7, 9), (1, 5), (12, 2)], [3, 20]):
        x, weight, bias, g = arrays(size, (2, 2), kernel[0], wide=kernel[1], o=depth)
        exact = np.empty(g.shape)
        direct.correlate(x, weight, bias, exact, ONE, before)
        np.testing.assert_allclose(correlate(x, weight, bias, size, before), exact, rtol=0, atol=1e-11)
        exact = direct.weight_grad(g, x, kernel, ONE, before)
        np.testing.assert_allclose(winograd1d.weight_grad(g, x, kernel, before), exact, rtol=0, atol=1e-11)


@pytest.mark.parametrize("kernel", KERNELS + TURNED)
@pytest.mark.parametrize(("channels", "seed"), [(16, 0), (64, 1)])
def test_filters_of_four_to_seven_in_float32(kernel, channels, seed):
    """Relative to the largest result; 7 taps are off by 4e-6 with OpenBLAS's AVX2 kernels, by 6e-6 with AVX-512."""
    size, before = (14, 14), (kernel[0] // 2, kernel[1] // 2)
    x, weight, bias, g = arrays(size, before, kernel[0], 16, channels, channels, before, np.float32, seed, kernel[1])
    exact = np.empty(g.shape)
    direct.correlate(*(a.astype(np.float64) for a in (x, weight, bias)), exact, ONE, before)
    result = correlate(x, weight, bias, size, before)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, exact, rtol=0, atol=(7e-6 if max(kernel) > 5 else 5e-6) * abs(exact).max())
    exact = direct.weight_grad(g.astype(np.float64), x.astype(np.float64), kernel, ONE, before)
    result = winograd1d.weight_grad(g, x, kernel, before)
    assert result.dtype == np.float32
    assert result.flags.c_contiguous
    np.testing.assert_allclose(result, exact, rtol=0, atol=4e-6 * abs(exact).max())


@pytest.mark.parametrize("kernel", KERNELS + TURNED)
def test_filters_of_four_to_seven_write_into_every_second_pixel(kernel):
    x, weight, bias, g = arrays((7, 10), ONE, kernel[0], wide=kernel[1])
    whole = np.full((14, 30, *g.shape[2:]), 7.0)
    winograd1d.correlate(x, weight, bias, whole[1::2, ::3], ONE)
    np.testing.assert_array_equal(whole[1::2, ::3], correlate(x, weight, bias, (7, 10), ONE))
    whole[1::2, ::3] = 7
    assert (whole == 7).all()


@pytest.mark.parametrize("kernel", KERNELS + TURNED)
def test_filters_of_four_to_seven_give_the_same_bits_for_any_number_of_threads(monkeypatch, kernel):
    monkeypatch.setattr(winograd1d, "CHUNK_BYTES", 1)
    monkeypatch.setattr(threads, "SMALL", 0)
    x, weight, bias, g = arrays((40, 33), ONE, kernel[0], 16, 20, 18, dtype=np.float32, wide=kernel[1])
    results = []
    for count in (1, 2, 5):
        monkeypatch.setattr(threads, "_chosen", count)
        results.append((correlate(x, weight, bias, (40, 33), ONE), winograd1d.weight_grad(g, x, kernel, ONE)))
    for other in results[1:]:
        for one, two in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize(("kernel", "tile"), [((1, 4), 4), ((5, 5), 4), ((3, 7), 3), ((5, 1), 4), ((7, 2), 3)])
@pytest.mark.parametrize("place", [0, 3, 6, 11])
def test_a_bad_pixel_reaches_no_more_than_the_tiles_that_read_it(kernel, tile, place, bad):
    size, before = (12, 12), (kernel[0] // 2, kernel[1] // 2)
    x, weight, bias, _ = arrays(size, before, kernel[0], wide=kernel[1], images=2, after=(kernel[0] - 1 - before[0], 0))
    clean = correlate(x, weight, bias, size, before)
    x[place, place, 0, 1] = bad
    with np.errstate(invalid="ignore"):
        spoilt = correlate(x, weight, bias, size, before)
    reads = np.zeros(size, bool)
    rows, columns = (slice(max(0, place + b - k + 1), place + b + 1) for b, k in zip(before, kernel, strict=True))
    reads[rows, columns] = True
    tiles = reads if kernel[1] > 2 else reads.T
    tiles = tiles.reshape(12, 12 // tile, tile).any(-1, keepdims=True).repeat(tile, -1).reshape(size)
    tiles = tiles if kernel[1] > 2 else tiles.T
    assert not np.isfinite(spoilt[reads][..., 1]).any()
    np.testing.assert_array_equal(spoilt[~tiles], clean[~tiles])
    np.testing.assert_array_equal(spoilt[..., 0], clean[..., 0])


def test_fits_filters_of_three_to_seven_along_one_axis():
    assert all(map(winograd1d.fits, KERNELS + TURNED + [(3, 3), (4, 3), (1, 3)]))
    assert not any(map(winograd1d.fits, [(1, 1), (2, 2), (1, 2), (2, 8), (9, 9), (11, 1)]))


@pytest.mark.parametrize("pays", [winograd1d.correlate_pays, winograd1d.weight_grad_pays])
def test_other_filters_pay_where_they_were_faster(pays):
    assert pays(16, 16, 28, 28, 64, (5, 5))
    assert pays(32, 32, 16, 16, 64, (7, 7))
    assert pays(64, 64, 14, 14, 64, (1, 5))
    assert pays(64, 64, 14, 14, 64, (7, 1))
    assert not pays(1, 6, 28, 28, 64, (5, 5))
    assert not pays(3, 32, 14, 14, 8, (5, 5))
    assert not pays(16, 16, 14, 14, 64, (1, 5))
    assert not pays(16, 16, 28, 28, 64, (3, 1))
    assert not pays(32, 32, 5, 1, 64, (5, 5))
    for case in [(16, 16, 0, 8, 64), (16, 16, 8, 0, 64), (16, 16, 0, 0, 0), (0, 16, 8, 8, 64), (0, 0, 8, 8, 64)]:
        for kernel in ((5, 5), (7, 1)):
            assert pays(*case, kernel) in (True, False)


def test_the_weight_gradient_of_few_images_pays_for_few_channels_alone():
    assert winograd1d.weight_grad_pays(32, 32, 28, 28, 8, (5, 5))
    assert not winograd1d.weight_grad_pays(128, 128, 14, 14, 8, (5, 5))
    assert winograd1d.correlate_pays(128, 128, 14, 14, 8, (5, 5))
