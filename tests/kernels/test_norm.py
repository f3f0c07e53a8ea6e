"""Batch normalisation against exact sums and numerical derivatives; digits kept where float32 loses them."""

import itertools

import numpy as np
import pytest

from tensorgrad.kernels import group_norm as groups
from tensorgrad.kernels import group_norm_pixels, sums
from tensorgrad.kernels import layout as layouts
from tensorgrad.kernels import norm as kernels
from tests import naive

EPS = 1e-3
SHAPES = [(6, 3), (4, 3, 5), (3, 2, 4, 5), (2, 3, 2, 3, 2)]
LAYOUTS = {
    "fortran": np.asfortranarray,
    "channels_last": lambda a: np.moveaxis(np.ascontiguousarray(np.moveaxis(a, 1, -1)), -1, 1),
    "strided": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "negative": lambda a: np.flip(np.flip(a).copy()),
    "broadcast": lambda a: np.broadcast_to(a[:, :1], a.shape),
}


def arrays(shape, affine=True, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    x, g = (rng.standard_normal(shape).astype(dtype) + dtype(2) for _ in range(2))
    w, b = (rng.standard_normal(shape[1]).astype(dtype) if affine else None for _ in range(2))
    return x, g, w, b


def numerical_grad(f, x, step=1e-6):
    grad = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        shift = np.zeros_like(x)
        shift[i] = step
        grad[i] = (f(x + shift) - f(x - shift)) / (2 * step)
    return grad


@pytest.mark.parametrize("chunk_bytes", [1, 400, 1 << 19])
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_forward_and_gradient(monkeypatch, shape, affine, chunk_bytes):
    monkeypatch.setattr(sums, "PART_BYTES", chunk_bytes)
    x, g, w, b = arrays(shape, affine)
    results = kernels.batch_norm(x, w, b, EPS)
    for result, expected in zip(results, naive.batch_norm(x, w, b, EPS), strict=True):
        np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-12)

    gx, gw, gb = kernels.batch_norm_grad(g, x, w, *results[1:], EPS)
    ones, zeros = np.ones(shape[1]), np.zeros(shape[1])
    w, b = (w, b) if affine else (ones, zeros)
    expected = [
        numerical_grad(lambda v: np.vdot(naive.batch_norm(v, w, b, EPS)[0], g), x),
        numerical_grad(lambda v: np.vdot(naive.batch_norm(x, v, b, EPS)[0], g), w),
        numerical_grad(lambda v: np.vdot(naive.batch_norm(x, w, v, EPS)[0], g), b),
    ]
    for result, other in zip((gx, gw, gb), expected, strict=True):
        np.testing.assert_allclose(result, other, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_memory_layouts_and_no_mutation(layout):
    x, g, w, b = arrays((3, 4, 5, 2))
    x, g = LAYOUTS[layout](x), LAYOUTS[layout](g)
    plain_x, plain_g = np.array(x, order="C"), np.array(g, order="C")
    for a in (x, g, w, b):
        a.flags.writeable = False
    results = kernels.batch_norm(x, w, b, EPS)
    results += kernels.batch_norm_grad(g, x, w, *results[1:], EPS)
    expected = kernels.batch_norm(plain_x, w, b, EPS)
    expected += kernels.batch_norm_grad(plain_g, plain_x, w, *expected[1:], EPS)
    for result, other in zip(results, expected, strict=True):
        np.testing.assert_allclose(result, other, rtol=1e-12, atol=1e-12)
        assert not any(np.shares_memory(result, a) for a in (x, g, w, b))
    np.testing.assert_array_equal(x, plain_x)
    np.testing.assert_array_equal(g, plain_g)


@pytest.mark.parametrize("layout", ["fortran", "channels_last", "strided", "negative"])
@pytest.mark.parametrize("mean", [0, 30, 3000])
def test_float32_keeps_its_digits(layout, mean):
    x, g, w, b = arrays((100, 8, 20, 20), dtype=np.float32)
    g += x  # so that none of the sums nearly cancels
    x, g = LAYOUTS[layout](x + np.float32(mean)), LAYOUTS[layout](g)
    out, m, v = kernels.batch_norm(x, w, b, EPS)
    wide = x.astype(np.float64)
    axes = (0, 2, 3)
    np.testing.assert_allclose(m, wide.mean(axes), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(v, wide.var(axes), rtol=1e-6)
    exact, m64, v64 = kernels.batch_norm(wide, w.astype(np.float64), b.astype(np.float64), EPS)
    np.testing.assert_allclose(out, exact, atol=4e-6)
    grads = kernels.batch_norm_grad(g, x, w, m, v, EPS)
    exact = kernels.batch_norm_grad(g.astype(np.float64), wide, w.astype(np.float64), m64, v64, EPS)
    size = x.size / x.shape[1]
    for result, other, scale in zip(grads, exact, (1, size, size), strict=True):
        np.testing.assert_allclose(result, other, atol=4e-6 * scale)
        assert result.dtype == np.float32


@pytest.mark.parametrize("mean", [0, 1, 3.9, 30])
@pytest.mark.parametrize("spread", [0, 0.01])
@pytest.mark.parametrize(("images", "most"), [(64, 1e-8), (8, 2e-8), (1, 2e-8)])
def test_float32_keeps_the_weights_gradient_where_all_gradients_have_one_sign(mean, spread, images, most):
    """The mean, rounded, is off by little, but times the sum of gradients that is much beside the result.

    PyTorch's is off by 1e-7 here.
    """
    rng = np.random.default_rng(0)
    shape = (64, 4096 // images, 4, images)
    x = (rng.standard_normal(shape) + mean).astype(np.float32).transpose(3, 2, 0, 1)
    g = (1 + spread * rng.standard_normal(shape)).astype(np.float32).transpose(3, 2, 0, 1)
    results = []
    for dtype in (np.float32, np.float64):
        a, b = x.astype(dtype), g.astype(dtype)
        _, m, v = kernels.batch_norm(a, None, None, EPS)
        results.append(kernels.batch_norm_grad(b, a, None, m, v, EPS)[1])
    np.testing.assert_allclose(*results, rtol=0, atol=most * x.size / 4)


def runs_of(monkeypatch):
    """Notes how many chunks each job of batch norm has."""
    runs, run = [], kernels.run

    def noted(work, count, size, writes):
        runs.append(count)
        run(work, count)

    monkeypatch.setattr(kernels, "run", noted)
    return runs


ORDERS = pytest.mark.parametrize(
    ("shape", "order"),
    [((32, 32, 4, 64), (3, 2, 0, 1)), ((4, 32, 32, 64), (3, 0, 1, 2)), ((64, 4, 32, 32), (0, 1, 2, 3))],
    ids=["pixels", "channels", "c order"],
)


@ORDERS
@pytest.mark.parametrize(("mean", "times"), [(0, 1), (3.9, 1), (4.1, 2), (3000, 2)])
def test_channels_are_centred_first_where_one_is_far_from_zero(monkeypatch, shape, order, mean, times):
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32).transpose(order)
    x[:, 2] += np.float32(mean)
    assert np.shares_memory(layouts.planes(x), x)
    wide = x.astype(np.float64)
    runs = runs_of(monkeypatch)
    out, found, var = kernels.batch_norm(x, None, None, EPS)
    assert len(runs) == times + 1  # the sums, and the result
    np.testing.assert_allclose(found, wide.mean((0, 2, 3)), rtol=2e-7, atol=2e-8)
    np.testing.assert_allclose(var, wide.var((0, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(out, kernels.batch_norm(wide, None, None, EPS)[0], rtol=0, atol=2e-6)


@ORDERS
def test_values_that_differ_in_their_last_digits(shape, order):
    """The square of the mean is all of the mean of squares."""
    last = np.random.default_rng(0).integers(0, 5, shape).transpose(order)
    for size in (np.float32(1), np.float32(-1e8)):
        x = size + np.spacing(size) * last.astype(np.float32)
        _, mean, var = kernels.batch_norm(x, None, None, EPS)
        wide = x.astype(np.float64)
        np.testing.assert_allclose(mean, wide.mean((0, 2, 3)), rtol=1e-7)
        np.testing.assert_allclose(var, wide.var((0, 2, 3)), rtol=1e-6)
    with np.errstate(all="raise", under="ignore"):
        _, _, var = kernels.batch_norm(np.full(shape, 1e30).transpose(order), None, None, EPS)
    np.testing.assert_array_equal(var, 0)


@pytest.mark.parametrize("count", [40, 128, 300, 5000])
@pytest.mark.parametrize("mean", [0.5, 1, 2, 3.9])
def test_few_values_are_centred_sooner(count, mean):
    """Rounding errors of a few sums do not cancel as those of many do."""
    rng = np.random.default_rng(0)
    for shape in ((count, 8), (count // 10, 8, 10), (2, 8, count // 2)):
        x = (rng.standard_normal(shape) + mean).astype(np.float32)
        axes = (0, *range(2, x.ndim))
        _, _, var = kernels.batch_norm(x, None, None, EPS)
        np.testing.assert_allclose(var, x.astype(np.float64).var(axes), rtol=1e-6)


def test_float16_accumulates_wider():
    """10,000 values of about 300: their sum and their squares are beyond float16."""
    x, g, w, b = arrays((50, 2, 10, 20), dtype=np.float16)
    x = x * np.float16(300)
    out, m, v = kernels.batch_norm(x, w, b, EPS)
    wide = [a.astype(np.float64) for a in (x, w, b)]
    exact, m64, v64 = kernels.batch_norm(*wide, EPS)
    assert (out.dtype, m.dtype, v.dtype) == (np.float16, np.float32, np.float32)
    assert v.max() > np.finfo(np.float16).max
    np.testing.assert_allclose(m, m64, rtol=1e-6)
    np.testing.assert_allclose(v, v64, rtol=1e-6)
    np.testing.assert_allclose(out, exact, rtol=2e-3, atol=1e-4)
    grads = kernels.batch_norm_grad(g, x, w, m, v, EPS)
    exact = kernels.batch_norm_grad(g.astype(np.float64), wide[0], wide[1], m64, v64, EPS)
    for result, other in zip(grads, exact, strict=True):
        assert result.dtype == np.float16
        np.testing.assert_allclose(result, other, rtol=2e-3, atol=1e-6)


def test_constant_channel_has_gradient_zero_and_no_warning():
    x, g, w, b = arrays((4, 2, 3))
    x[:, 0] = 0.1
    out, m, v = kernels.batch_norm(x, w, b, EPS)
    assert v[0] == 0
    np.testing.assert_allclose(out[:, 0], b[0], atol=1e-12)
    gx, gw, _ = kernels.batch_norm_grad(g, x, w, m, v, EPS)
    assert np.all(np.isfinite(gx))
    assert abs(gw[0]) < 1e-12


@pytest.mark.parametrize(("shape", "affine"), list(itertools.product([(0, 3), (0, 3, 4, 5)], [True, False])))
def test_empty_batch(shape, affine):
    x, g, w, b = arrays(shape, affine)
    out, m, v = kernels.batch_norm(x, w, b, EPS)
    gx, gw, gb = kernels.batch_norm_grad(g, x, w, m, v, EPS)
    assert out.shape == gx.shape == shape
    for channel in (m, v, gw, gb):
        np.testing.assert_array_equal(channel, np.zeros(3))


def channels(x):
    """A copy of images that lies in channels."""
    return layouts.face_of_channels(layouts.channels(x).copy())


def pixels(x):
    """A copy of images that lies in pixels, where there are places."""
    return layouts.face_of_pixels(layouts.pixels(x).copy()) if x.ndim > 2 else x


NORMS = {
    "batch": lambda x, eps: kernels.batch_norm(x, None, None, eps),
    "group": lambda x, eps: groups.group_norm(x, None, None, 3, eps),
    "group in pixels": lambda x, eps: groups.group_norm(pixels(x), None, None, 3, eps),
    "layer": lambda x, eps: groups.group_norm(x.reshape(len(x), -1), None, None, 1, eps),
    "rms": lambda x, eps: groups.rms_norm(x.reshape(len(x), -1), eps=eps, weight=None),
}


@pytest.mark.parametrize("name", NORMS)
def test_variances_beyond_float32_are_refused_without_a_warning(name):
    """Sums and squares that overflow too; and small ones without eps. `ops` turns to float64 then."""
    x = np.random.default_rng(0).standard_normal((4, 3, 5, 40)).astype(np.float32)
    for size, eps in itertools.product(np.float32([1e-30, 1e-8, 1e-6, 1.0, 1e6, 1e8, 1e20, 7e37]), [0.0, EPS]):
        beyond = size > 1e7 or (size < 1e-7 and not eps)
        with np.errstate(all="raise", under="ignore"):
            if beyond:
                with pytest.raises(kernels.OutOfRange):
                    NORMS[name](x * size, eps)
            else:
                out, *_ = NORMS[name](x * size, eps)
                assert np.isfinite(out).all()
            out, *_ = NORMS[name]((x * size).astype(np.float64), eps)
            assert np.isfinite(out).all()
    with np.errstate(all="raise"), pytest.raises(kernels.OutOfRange):
        NORMS[name](np.full((4, 3, 5, 40), 3e38, np.float32) * np.sign(x[:1]), EPS)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (2, 3, 1, 0), (1, 2, 3, 0), (0, 2, 3, 1)])
def test_one_channel_in_one_order_and_its_gradient_in_another(order):
    """The strides of an axis of one element say nothing: the two must be taken apart alike."""
    x, g, w, b = arrays((8, 1, 6, 5))
    expected = kernels.batch_norm_grad(g, x, w, *kernels.batch_norm(x, w, b, EPS)[1:], EPS)
    turned = np.ascontiguousarray(g.transpose(order)).transpose(np.argsort(order))
    flat = np.broadcast_to(x[:, 0][:, None], x.shape)
    for image in (x, flat, np.ascontiguousarray(x.transpose(2, 3, 1, 0)).transpose(3, 2, 0, 1)):
        _out, mean, var = kernels.batch_norm(image, w, b, EPS)
        for result, other in zip(kernels.batch_norm_grad(turned, image, w, mean, var, EPS), expected, strict=True):
            np.testing.assert_allclose(result, other, rtol=1e-10, atol=1e-12)


def exact_rows(x, weight, bias, groups):
    """Group norm and what it is made of, in float64."""
    rows = x.astype(np.float64).reshape(len(x), groups, -1)
    mean, var = rows.mean(2), rows.var(2)
    normal = ((rows - mean[..., None]) / np.sqrt(var + EPS)[..., None]).reshape(x.shape)
    along = (1, -1, *(1,) * (x.ndim - 2))
    affine = [v.astype(np.float64).reshape(along) for v in (weight, bias)]
    return normal * affine[0] + affine[1], mean, var


@pytest.mark.parametrize("mean", [0, 0.9, 1.1, 30, 3000])
@pytest.mark.parametrize(("shape", "groups"), [((50, 96), 1), ((50, 96), 4), ((20, 8, 9, 30), 4), ((20, 8, 9, 30), 8)])
@pytest.mark.parametrize("order", [np.asarray, pixels])
def test_groups_keep_their_digits_near_zero_and_far_from_it(mean, shape, groups, order):
    """Rows whose mean is below their standard deviation need not be centred first; the others must."""
    x, g, w, b = arrays(shape, dtype=np.float32)
    x, g = order(x + np.float32(mean - 2)), order(g)
    out, m, v = groups_of(x, w, b, groups)
    exact, m64, v64 = exact_rows(x, w, b, groups)
    np.testing.assert_allclose(m, m64, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(v, v64, rtol=1e-6)
    np.testing.assert_allclose(out, exact, atol=4e-6)
    found = groups_grad(g, x, w, m, v, groups)
    wide = [a.astype(np.float64) for a in (g, x, w)]
    for result, other, scale in zip(found, groups_grad(*wide, m64, v64, groups), (1, 40, 40), strict=True):
        np.testing.assert_allclose(result, other, atol=4e-6 * scale)


def groups_of(x, w, b, count):
    return groups.group_norm(x, w, b, count, EPS)


def groups_grad(g, x, w, mean, var, count):
    return groups.group_norm_grad(g, x, w, mean, var, count, EPS)


@pytest.mark.parametrize("shape", [(7, 6), (5, 6, 4), (3, 6, 4, 5)])
@pytest.mark.parametrize("count", [1, 2, 6])
@pytest.mark.parametrize("affine", [(True, True), (True, False), (False, True), (False, False)])
@pytest.mark.parametrize("chunk_bytes", [1, 300, 1 << 20])
@pytest.mark.parametrize("order", [np.asarray, pixels])
def test_groups_with_and_without_places_weight_and_bias(monkeypatch, shape, count, affine, chunk_bytes, order):
    monkeypatch.setattr(groups, "CHUNK_BYTES", chunk_bytes)
    monkeypatch.setattr(sums, "PART_BYTES", chunk_bytes)
    monkeypatch.setattr(sums, "LONG_RUN", 3)
    x, g, w, b = arrays(shape)
    x, g = order(x), order(g)
    ones, zeros = np.ones(6), np.zeros(6)
    weight, bias = w if affine[0] else None, b if affine[1] else None
    out, m, v = groups_of(x, weight, bias, count)
    for found, exact in zip(
        (out, m, v), exact_rows(x, w if affine[0] else ones, b if affine[1] else zeros, count), strict=True
    ):
        np.testing.assert_allclose(found, exact, rtol=1e-11, atol=1e-12)
    gx, gw, gb = groups_grad(g, x, weight, m, v, count)
    w = w if affine[0] else ones
    np.testing.assert_allclose(
        gx, numerical_grad(lambda y: np.vdot(exact_rows(y, w, zeros, count)[0], g), x), rtol=1e-6, atol=1e-7
    )
    axes = (0, *range(2, x.ndim))
    np.testing.assert_allclose(gb, g.sum(axes), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(gw, (g * exact_rows(x, ones, zeros, count)[0]).sum(axes), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(5, 4, 3, 2), (5, 4)])
def test_groups_in_any_layout(layout, dtype, shape):
    x, g, w, b = arrays(shape, dtype=dtype)
    if len(shape) == 4 or layout != "channels_last":
        x, g = LAYOUTS[layout](x), LAYOUTS[layout](g)
    plain_x, plain_g = np.array(x, order="C"), np.array(g, order="C")
    for a in (x, g, w, b):
        a.flags.writeable = False
    found, expected = groups_of(x, w, b, 2), groups_of(plain_x, w, b, 2)
    found += groups_grad(g, x, w, *found[1:], 2)
    expected += groups_grad(plain_g, plain_x, w, *expected[1:], 2)
    if len(shape) == 2:
        found += (*groups.rms_norm(x, w, EPS), *groups.rms_norm_grad(g, x, w, groups.rms_norm(x, w, EPS)[1], EPS))
        square = groups.rms_norm(plain_x, w, EPS)[1]
        expected += (*groups.rms_norm(plain_x, w, EPS), *groups.rms_norm_grad(plain_g, plain_x, w, square, EPS))
    eps = 8 * np.finfo(dtype).eps if group_norm_pixels.lies_in_pixels(x) else 0
    for result, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(result, other, rtol=eps, atol=4 * eps)
        assert not any(np.shares_memory(result, a) for a in (x, g, w, b))
        assert result.dtype == other.dtype
    np.testing.assert_array_equal(x, plain_x)


@pytest.mark.parametrize("shape", [(1024, 512, 1, 1), (2048, 256, 1), (512, 300, 2, 1)])
def test_large_groups_of_one_place_or_two(shape):
    x = pixels(np.random.default_rng(0).standard_normal(shape).astype(np.float32))
    found = groups_of(x, None, None, 4)
    found += groups_grad(x, x, None, *found[1:], 4)
    wide = np.array(x, np.float64, order="C")
    expected = groups_of(wide, None, None, 4)
    expected += groups_grad(wide, wide, None, *expected[1:], 4)
    for result, exact in zip(found, expected, strict=True):
        np.testing.assert_allclose(result, exact, rtol=0, atol=4e-6 * max(1, abs(exact).max()))


def test_which_images_are_normalised_as_they_lie_in_pixels():
    x = np.zeros((2, 3, 4, 5), np.float32)
    assert group_norm_pixels.lies_in_pixels(pixels(x))
    assert group_norm_pixels.lies_in_pixels(pixels(x.astype(np.float64)))
    out, *_ = groups_of(pixels(x), None, None, 3)
    assert group_norm_pixels.lies_in_pixels(out)
    others = [
        x[:, :, :1, :1],
        x,
        pixels(x.astype(np.float16)),
        pixels(x[:1]),
        x[..., 0, 0],
        pixels(x[:, :, :0]),
        channels(x),
    ]
    assert not any(group_norm_pixels.lies_in_pixels(other) for other in others)


@pytest.mark.parametrize("shape", [(0, 4), (0, 4, 3), (3, 4, 0)])
def test_groups_of_nothing(shape):
    x, g, w, b = arrays(shape)
    out, m, v = groups_of(x, w, b, 2)
    gx, gw, gb = groups_grad(g, x, w, m, v, 2)
    assert out.shape == gx.shape == shape
    assert m.shape == v.shape == (shape[0], 2)
    for channel in (gw, gb):
        np.testing.assert_array_equal(channel, np.zeros(4))
