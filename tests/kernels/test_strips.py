"""Winograd's algorithm on strips of few images against im2col in float64: sizes with tails, borders, biases."""

import numpy as np
import pytest

from tensorgrad.kernels import im2col, strips

SIZES = [(1, 1), (4, 4), (5, 9), (3, 17), (8, 2), (7, 6), (12, 3)]


def arrays(images, size, out, c=3, o=5):
    rng = np.random.default_rng(0)
    shapes = (c, *size, images), (o, c, 3, 3), (o, *out, images)
    return [rng.standard_normal(shape).astype(np.float32) for shape in shapes]


def out_size(size, before, after):
    return tuple(n + b + a - 2 for n, b, a in zip(size, before, after, strict=True))


@pytest.mark.parametrize("images", [1, 3])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("before", "after"), [((1, 1), (1, 1)), ((0, 2), (2, 0)), ((2, 0), (0, 2)), ((3, 6), (7, 5))])
@pytest.mark.parametrize("is_biased", [False, True])
def test_against_im2col(images, size, before, after, is_biased):
    out = out_size(size, before, after)
    x, w, g = arrays(images, size, out)
    bias = np.array([100, -1, 0, 2, -50], np.float32) if is_biased else None
    wide = [a.astype(np.float64) for a in (x, w, g)]
    exact = np.empty(g.shape)
    im2col.correlate(*wide[:2], None if bias is None else bias.astype(np.float64), exact, (1, 1), before, (1, 1), 1)
    for result in (np.full(g.shape, np.nan, np.float32), np.full((5, *out, 2 * images), np.nan, np.float32)[..., ::2]):
        strips.correlate(x, w, bias, result, before)
        np.testing.assert_allclose(result, exact, rtol=0, atol=2e-5 * max(1, abs(exact).max()))
    exact = im2col.weight_grad(wide[2], wide[0], w.shape, (1, 1), before, (1, 1), 1)
    for image in (x, np.flip(np.flip(x).copy())):
        result = strips.weight_grad(g, image, before)
        assert result.dtype == np.float32
        np.testing.assert_allclose(result, exact, rtol=0, atol=2e-5 * max(1, abs(exact).max()))


def test_pixels_of_a_negative_border_are_left_out():
    """As the gradient of an image has it, where the padding was wider than the filters."""
    x, w, _ = arrays(2, (6, 11), (1, 1))
    wide, narrow = np.empty((5, 3, 4, 2)), np.empty((5, 3, 4, 2), np.float32)
    im2col.correlate(x.astype(np.float64), w.astype(np.float64), None, wide, (1, 1), (-1, -5), (1, 1), 1)
    strips.correlate(x, w, None, narrow, (-1, -5))
    np.testing.assert_allclose(narrow, wide, rtol=0, atol=2e-5 * abs(wide).max())


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ((64, 64, 56, 56, 1), (True, False)),
        ((64, 64, 28, 112, 1), (True, True)),
        ((64, 64, 56, 52, 1), (False, False)),
        ((63, 64, 56, 56, 1), (False, False)),
        ((512, 512, 7, 7, 7), (True, False)),
        ((64, 64, 7, 112, 1), (True, True)),
        ((64, 64, 5, 112, 1), (False, False)),
    ],
)
def test_where_it_pays(case, expected):
    assert (strips.correlate_pays(*case), strips.weight_grad_pays(*case)) == expected
