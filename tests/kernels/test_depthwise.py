"""Both kernels of depthwise convolution against sums over windows, one by one, in float64."""

import itertools

import numpy as np
import pytest

from tensorgrad.kernels import depthwise, depthwise_planes, threads
from tensorgrad.kernels.buffers import scratch

# (pixels, kernel, stride, before, after, dilation)
CASES = [
    ((6, 7), (3, 3), (1, 1), (1, 1), (1, 1), (1, 1)),
    ((6, 7), (3, 3), (2, 2), (1, 1), (1, 1), (1, 1)),
    ((9, 4), (5, 2), (2, 3), (2, 0), (4, 1), (1, 1)),
    ((5, 6), (3, 2), (1, 2), (4, 1), (0, 5), (2, 3)),
    ((7, 7), (7, 7), (1, 1), (3, 3), (3, 3), (1, 1)),
    ((4, 3), (1, 1), (3, 2), (0, 0), (0, 0), (1, 1)),
    ((4, 5), (2, 2), (1, 1), (-1, -2), (0, -1), (1, 1)),
    ((2, 3), (3, 3), (3, 3), (5, 6), (6, 5), (1, 2)),
    ((3, 3), (3, 1), (2, 1), (3, 9), (3, 9), (3, 1)),
]
KERNELS = ["pixels", "planes"]


def arrays(case, images=2, c=3, dtype=np.float64):
    """Images (h, w, c, n), filters, a bias, a cotangent (h', w', c, n), and the settings."""
    size, kernel, stride, before, after, dilation = case
    rng = np.random.default_rng(0)
    out = [
        (n + b + a - d * (k - 1) - 1) // s + 1
        for n, k, s, b, a, d in zip(size, kernel, stride, before, after, dilation, strict=True)
    ]
    shapes = (*size, c, images), (c, 1, *kernel), (c,), (*out, c, images)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes], (stride, before, dilation)


def exact(x, weight, bias, g, settings):
    """Results and the weight gradient, window by window."""
    stride, before, dilation = settings
    out, grad = np.zeros(g.shape), np.zeros(weight.shape)
    for y in np.ndindex(*g.shape[:2]):
        for k in np.ndindex(*weight.shape[2:]):
            at = tuple(i * s + j * d - b for i, s, j, d, b in zip(y, stride, k, dilation, before, strict=True))
            if all(0 <= i < n for i, n in zip(at, x.shape, strict=False)):
                out[y] += x[at] * weight[:, 0, *k][:, None]
                grad[:, 0, *k] += (g[y] * x[at]).sum(1)
    return out + bias[:, None], grad


def computed(kernel, x, weight, bias, g, settings):
    if kernel == "pixels":
        out = np.full(g.shape, np.nan, g.dtype)
        depthwise.correlate(x, weight, bias, out, *settings)
        return out, depthwise.weight_grad(g, x, weight.shape[2:], *settings)
    x, g = (np.ascontiguousarray(a.transpose(2, 0, 1, 3)) for a in (x, g))
    out = np.full(g.shape, np.nan, g.dtype)
    depthwise_planes.correlate(x, weight, bias, out, *settings)
    return out.transpose(1, 2, 0, 3), depthwise_planes.weight_grad(g, x, weight.shape[2:], *settings)


def assert_equal(results, expected):
    for result, other in zip(results, expected, strict=True):
        np.testing.assert_allclose(result, other, rtol=0, atol=1e-13)


@pytest.fixture(autouse=True)
def _full_scratch():
    """What is not written is nan, so that a pixel that is forgotten shows."""
    for name in ("planes", "runs", "sums", "share", "shares"):
        scratch(name, (1 << 16,), np.dtype(np.float64))[...] = np.nan


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("case", CASES)
def test_sums_over_windows(kernel, case):
    given, settings = arrays(case)
    assert_equal(computed(kernel, *given, settings), exact(*given, settings))


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("kernel_size", range(1, 5))
def test_every_border_along_an_axis(kernel, kernel_size):
    for n, stride, before, after, dilation in itertools.product((1, 4), (1, 2, 3), (0, 2, 5), (0, 3), (1, 2)):
        if n + before + after > dilation * (kernel_size - 1):
            case = (n, 2), (kernel_size, 1), (stride, 1), (before, 0), (after, 0), (dilation, 1)
            for turned in (case, tuple(pair[::-1] for pair in case)):
                given, settings = arrays(turned, 1, 2)
                assert_equal(computed(kernel, *given, settings), exact(*given, settings))


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("case", CASES[:4])
def test_parts_and_threads(monkeypatch, kernel, case):
    given, settings = arrays(case, 3, 5, np.float32)
    monkeypatch.setattr(depthwise, "PART_BYTES", 64)
    monkeypatch.setattr(depthwise_planes, "CHUNK", 300)
    monkeypatch.setattr(threads, "SMALL", 0)
    counts = []
    for module in (depthwise, depthwise_planes):
        monkeypatch.setattr(
            module, "run", lambda work, count, size, **_: counts.append(count) or threads.run(work, count)
        )
    results = []
    for count in (1, 2, 3):
        monkeypatch.setattr(threads, "_chosen", count)
        results.append([r.tobytes() for r in computed(kernel, *given, settings)])
    assert results[0] == results[1] == results[2]
    assert min(counts) > 1
    found, expected = computed(kernel, *given, settings), exact(*given, settings)
    for result, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(result, other, rtol=0, atol=1e-5)


@pytest.mark.parametrize("is_biased", [False, True])
def test_views(is_biased):
    """Results may lie apart, as the gradient of a strided convolution has them, and planes as well."""
    (x, weight, bias, g), settings = arrays(CASES[0])
    expected = exact(x, weight, bias if is_biased else 0 * bias, g, settings)[0]
    wide = np.full((2 * g.shape[0], 3 * g.shape[1], *g.shape[2:]), 7.0)
    depthwise.correlate(x, weight, bias if is_biased else None, wide[::2, ::3], *settings)
    np.testing.assert_allclose(wide[::2, ::3], expected, rtol=0, atol=1e-13)
    assert (wide[1::2] == 7).all()
    wide = np.full((g.shape[2], 2 * g.shape[0], 3 * g.shape[1], g.shape[3]), 7.0)
    planes = np.flip(np.ascontiguousarray(np.flip(x, 0)), 0).transpose(2, 0, 1, 3)
    depthwise_planes.correlate(planes, weight, bias if is_biased else None, wide[:, ::2, ::3], *settings)
    np.testing.assert_allclose(wide[:, ::2, ::3].transpose(1, 2, 0, 3), expected, rtol=0, atol=1e-13)
    assert (wide[:, 1::2] == 7).all()


def test_padding_is_not_multiplied():
    """Among many images; an infinite weight reaches only windows that read a pixel there."""
    (x, weight, bias, g), settings = arrays(CASES[0])
    weight[:, 0, 0, 0] = np.inf
    with np.errstate(all="raise"):
        out, _ = computed("pixels", np.abs(x), weight, bias, g, settings)
    assert np.isfinite(out[0]).all()
    assert np.isfinite(out[:, 0]).all()
    assert np.isposinf(out[1:, 1:]).all()


@pytest.mark.parametrize("values", [(np.inf, -np.inf), (3e38, 3e38)])
def test_what_lies_between_rows_of_windows_gives_no_warnings(values):
    """The end of one row and the beginning of the next, which no window reads together."""
    x = np.ones((2, 4, 4, 1), np.float32)
    x[0, 1, 3], x[0, 2, 0] = values
    weight, out = np.ones((2, 1, 1, 2), np.float32), np.empty((2, 4, 3, 1), np.float32)
    with np.errstate(all="raise"):
        depthwise_planes.correlate(x, weight, None, out, (1, 1), (0, 0), (1, 1))
    expected = np.full((2, 4, 3, 1), 2, np.float32)
    expected[0, 1, 2], expected[0, 2, 0] = (np.float32(value) + 1 for value in values)
    np.testing.assert_array_equal(out, expected)
