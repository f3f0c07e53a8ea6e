"""Winograd's algorithms for sequences, few images and volumes against im2col in float64, and each function's uses."""

import numpy as np
import pytest

from tensorgrad.kernels import im2col, threads, winograd3d, winograd_height

BY_RANK = {2: winograd_height, 3: winograd3d}
KERNELS = [
    (3, 1), (4, 1), (5, 1), (6, 1), (7, 1),
    (3, 3), (5, 5), (6, 2), (7, 8),
    (3, 3, 3), (3, 3, 1), (3, 3, 2), (3, 3, 4),
]  # fmt: skip
# (kernel, results, before, images, c, o)
SHAPES = [
    ((3, 1), (35, 1), (1, 0), 64, 20, 24),
    ((5, 1), (4, 1), (0, 0), 1, 1, 1),
    ((7, 1), (301, 1), (6, 0), 5, 64, 33),
    ((4, 1), (128, 1), (2, 0), 16, 130, 64),
    ((3, 3), (32, 30), (1, 1), 7, 65, 24),
    ((3, 3), (1, 1), (0, 2), 1, 1, 1),
    ((5, 5), (66, 40), (2, 0), 1, 64, 33),
    ((7, 1), (40, 31), (3, 0), 4, 16, 64),
    ((3, 3, 3), (5, 9, 6), (1, 1, 1), 3, 16, 20),
    ((3, 3, 3), (1, 2, 1), (0, 2, 1), 1, 1, 1),
    ((3, 3, 5), (8, 33, 12), (2, 0, 2), 8, 5, 64),
    ((3, 3, 1), (12, 4, 16), (1, 1, 0), 16, 33, 3),
]


@pytest.fixture(autouse=True)
def _three_threads(monkeypatch):
    monkeypatch.setattr(threads, "_chosen", 3)


def arrays(kernel, size, before, images=3, c=2, o=3, after=1, dtype=np.float64):
    """Pixels, filters, a bias and a cotangent; after: how far the last windows reach over the last pixels."""
    rng = np.random.default_rng(0)
    pixels = [max(0, s + k - 1 - b - after) for s, k, b in zip(size, kernel, before, strict=True)]
    shapes = (c, *pixels, images), (o, c, *kernel), (o,), (o, *size, images)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def exact(x, weight, bias, g, before):
    """By im2col in float64: results and weight gradient."""
    x, weight, bias, g = (a.astype(np.float64) for a in (x, weight, bias, g))
    out, one = np.empty(g.shape), (1,) * len(before)
    im2col.correlate(x, weight, bias, out, one, before, one, 1)
    return out, im2col.weight_grad(g, x, weight.shape, one, before, one, 1)


def computed(x, weight, bias, g, before):
    by, out = BY_RANK[len(before)], np.full(g.shape, np.nan, x.dtype)
    by.correlate(x, weight, bias, out, before)
    return out, by.weight_grad(g, x, weight.shape[2:], before)


def assert_close(results, expected, tolerance):
    for result, other in zip(results, expected, strict=True):
        np.testing.assert_allclose(result, other, rtol=0, atol=tolerance * max(1, abs(other).max()))


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("before", range(3))
@pytest.mark.parametrize("after", [-2, 0, 1, 9, 40])
def test_equals_im2col(kernel, before, after):
    for size in ((n, 11 - n, 1 + n % 3)[: len(kernel)] for n in range(1, 10)):
        given = *arrays(kernel, size, (before,) * len(size), after=after), (before,) * len(size)
        assert_close(computed(*given), exact(*given), 1e-13)


@pytest.mark.parametrize("before", [-9, -1, 5, 12])
@pytest.mark.parametrize("kernel", [(3, 3), (5, 4), (3, 3, 3)])
def test_windows_begin_behind_or_far_before_the_first_pixel(kernel, before):
    """As in the input gradient of a convolution with padding beyond the kernel."""
    for axis in range(len(kernel)):
        at = tuple(before if i == axis else 1 for i in range(len(kernel)))
        given = *arrays(kernel, (7, 9, 4)[: len(kernel)], (1,) * len(kernel)), at
        assert_close(computed(*given), exact(*given), 1e-13)


@pytest.mark.parametrize("case", SHAPES)
def test_rounds_little_in_float32(case):
    kernel, size, before, images, c, o = case
    given = *arrays(kernel, size, before, images, c, o, dtype=np.float32), before
    results = computed(*given)
    assert [r.dtype for r in results] == [np.float32] * 2
    assert results[1].flags.c_contiguous
    assert_close(results, exact(*given), 6e-6)


@pytest.mark.parametrize("case", SHAPES)
def test_same_bits_for_any_number_of_threads(monkeypatch, case):
    kernel, size, before, images, c, o = case
    given = *arrays(kernel, size, before, images, c, o, dtype=np.float32), before
    results = computed(*given)
    for count in (1, 2):
        monkeypatch.setattr(threads, "_chosen", count)
        for result, other in zip(results, computed(*given), strict=True):
            np.testing.assert_array_equal(result, other)


@pytest.mark.parametrize("chunk", [1, 500, 2000, 20000])
@pytest.mark.parametrize("case", [SHAPES[0], SHAPES[6], SHAPES[8]])
def test_tiles_are_cut_into_parts(monkeypatch, case, chunk):
    kernel, size, before, *_ = case
    given = *arrays(kernel, size, before), before
    by = BY_RANK[len(kernel)]
    parts, cut = [], by._chunks
    monkeypatch.setattr(by, "CHUNK", chunk)
    monkeypatch.setattr(by, "_chunks", lambda *a: parts.append(cut(*a)) or parts[-1])
    assert_close(computed(*given), exact(*given), 1e-13)
    assert len(parts[0]) > (1 if chunk < 20000 else 0)
    assert parts[0] == parts[1]


def test_wide_volumes_are_cut_along_the_width(monkeypatch):
    monkeypatch.setattr(winograd3d, "CHUNK", 1000)
    columns = {chunk[3].start: chunk[3].stop for chunk in winograd3d._chunks((3, 5, 9, 50, 3), 2)}
    assert len(columns) > 5
    assert list(columns) == [0, *columns.values()][:-1]
    assert list(columns.values())[-1] == 50
    given = *arrays((3, 3, 3), (5, 9, 50), (1, 1, 1)), (1, 1, 1)
    assert_close(computed(*given), exact(*given), 1e-13)


def test_wide_images_are_cut_along_the_width(monkeypatch):
    monkeypatch.setattr(winograd_height, "CHUNK", 100)
    parts = winograd_height._chunks(3, 50, 20)
    columns = {left: left + across for _, _, left, across in parts}
    assert list(columns) == [0, 16, 33]
    assert list(columns.values()) == [16, 33, 50]
    assert [first for first, count, *_ in parts if count == 1] == [0] * 3 + [1] * 3 + [2] * 3
    given = *arrays((3, 3), (9, 50), (1, 1)), (1, 1)
    assert_close(computed(*given), exact(*given), 1e-13)


@pytest.mark.parametrize("kernel", [(5, 1), (3, 4), (3, 3, 3)])
def test_reads_and_writes_views(kernel):
    """As a convolution with dilation needs it; what lies between is left alone."""
    size = (7, 10, 5)[: len(kernel)]
    x, weight, bias, g = arrays(kernel, size, (1,) * len(kernel))
    every = (slice(None), *[slice(1, None, 2)] * len(kernel))
    wide = [np.full((a.shape[0], *(2 * n + 1 for n in a.shape[1:-1]), a.shape[-1]), 7.0) for a in (x, g, g)]
    wide[0][every], wide[1][every] = x, g
    by, before = BY_RANK[len(kernel)], (1,) * len(kernel)
    expected = computed(x, weight, bias, g, before)
    by.correlate(wide[0][every], weight, bias, wide[2][every], before)
    np.testing.assert_array_equal(wide[2][every], expected[0])
    np.testing.assert_array_equal(by.weight_grad(wide[1][every], wide[0][every], kernel, before), expected[1])
    wide[2][every] = 7
    assert (wide[2] == 7).all()


@pytest.mark.parametrize("kernel", [(3, 3), (5, 4), (3, 3, 3)])
def test_without_bias(kernel):
    size, before = (6,) * len(kernel), (1,) * len(kernel)
    x, weight, bias, g = arrays(kernel, size, before)
    out = np.full(g.shape, np.nan)
    BY_RANK[len(kernel)].correlate(x, weight, None, out, before)
    assert_close([out], exact(x, weight, 0 * bias, g, before)[:1], 1e-13)


def test_where_it_pays():
    """Not for few channels, small kernels, or tiles of which most hangs over."""
    assert winograd3d.pays(16, 16, (8, 8, 8), 4, (3, 3, 3))
    assert not winograd3d.pays(1, 16, (16, 16, 16), 8, (3, 3, 3))
    assert not winograd3d.pays(8, 8, (8, 8, 8), 4, (3, 3, 1))
    assert not winograd3d.pays(16, 16, (1, 5, 8), 4, (3, 3, 3))
    assert not winograd3d.pays(16, 16, (8, 8, 1), 1, (3, 3, 3))
    assert winograd_height.pays(16, 16, (56, 56), 1, (3, 3))
    assert winograd_height.pays(8, 16, (64, 64), 4, (5, 5))
    assert not winograd_height.pays(1, 32, (64, 64), 4, (3, 3))
    assert not winograd_height.pays(16, 16, (14, 14), 1, (3, 3))
    assert not winograd_height.pays(16, 512, (64, 64), 1, (3, 1))
    assert not winograd_height.pays(64, 64, (5, 28), 4, (3, 3))
    assert not winograd_height.pays(512, 512, (7, 7), 1, (3, 3))
    assert winograd_height.pays(64, 64, (128, 1), 16, (3, 1))
    assert winograd_height.pays(64, 128, (128, 1), 16, (5, 1))
    assert not winograd_height.pays(64, 128, (128, 1), 4, (5, 1))
    assert not winograd_height.pays(16, 32, (256, 1), 64, (3, 1))


def test_pays_less_where_there_are_many_weights():
    """For so many images of so many pixels along each axis: weights at points larger than the cache, and smaller."""
    for c, size, images, expected in ((256, 7, 1, False), (256, 14, 2, True), (256, 7, 7, True), (512, 7, 7, False)):
        assert winograd_height.pays(c, c, (size, size), images, (3, 3)) == expected, (c, size, images)
    for c, images, expected in ((256, 1, False), (256, 8, True), (512, 2, False), (32, 1, True)):
        assert winograd3d.pays(c, c, (4, 4, 4), images, (3, 3, 3)) == expected, (c, images)


def test_small_convolutions_are_left_to_exact_kernels():
    """Whole numbers then stay whole, as in small examples."""
    assert not winograd_height.pays(3, 1, (6, 6), 1, (5, 5))
    assert not winograd_height.pays(6, 16, (10, 10), 1, (5, 5))
    assert winograd_height.pays(6, 16, (10, 10), 4, (5, 5))
    assert not winograd3d.pays(1, 1, (8, 8, 8), 4, (3, 3, 3))
