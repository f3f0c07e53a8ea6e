"""The convolution family against loops over pixels, itself (each is the others' adjoint) and on odd layouts."""

import itertools

import numpy as np
import pytest

from tensorgrad.kernels import columns
from tensorgrad.kernels import conv as kernels
from tests import naive

CHANNELS = 4
PADDINGS = [((0, 0), (0, 0)), ((1, 1), (1, 1)), ((0, 2), (1, 0))]
PRODUCT = list(itertools.product([1, 2, 3], [1, 2], [1, 2, CHANNELS], PADDINGS))
# (spatial size, kernel, stride, padding, dilation): one and three axes, mixed parameters, stride beyond the kernel.
OTHER_RANKS = [
    ((9,), (3,), (2,), ((1, 0),), (2,)),
    ((7,), (1,), (3,), ((0, 0),), (1,)),
    ((4, 5, 3), (2, 3, 1), (1, 2, 1), ((0, 1), (1, 1), (0, 0)), (2, 1, 1)),
    ((3, 4, 5), (2, 2, 2), (2, 1, 3), ((1, 1), (0, 0), (2, 0)), (1, 2, 1)),
    ((5, 6), (3, 1), (1, 4), ((1, 1), (0, 0)), (1, 1)),
]
LAYOUTS = {
    "fortran": np.asfortranarray,
    "channels_last": lambda a: np.moveaxis(np.ascontiguousarray(np.moveaxis(a, 1, -1)), -1, 1),
    "strided": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "negative": lambda a: np.flip(np.flip(a).copy()),
    "broadcast": lambda a: np.broadcast_to(a[:1, :1], a.shape),
}


def arrays(space, kernel, params, groups=1, images=2, filters=4, channels=CHANNELS, dtype=np.float64, seed=0):
    """Images, filters and a cotangent of the right sizes, with params completed by groups."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((images, channels, *space)).astype(dtype)
    w = rng.standard_normal((filters, channels // groups, *kernel)).astype(dtype)
    g = rng.standard_normal((images, filters, *kernels.conv_output_size(space, kernel, *params))).astype(dtype)
    return x, w, g, (*params, groups)


def family(x, w, g, params):
    return (
        kernels.conv(x, w, *params),
        kernels.conv_input_grad(g, w, x.shape, *params),
        kernels.conv_weight_grad(g, x, w.shape, *params),
    )


def naive_family(x, w, g, params):
    return (
        naive.conv(x, w, *params),
        naive.conv_input_grad(g, w, x.shape, *params),
        naive.conv_weight_grad(g, x, w.shape, *params),
    )


def assert_all_close(results, expected, **tolerance):
    for result, other in zip(results, expected, strict=True):
        np.testing.assert_allclose(result, other, **({"rtol": 1e-12, "atol": 1e-12} | tolerance))


@pytest.mark.parametrize(("stride", "dilation", "groups", "padding"), PRODUCT)
def test_equals_loops_over_pixels(stride, dilation, groups, padding):
    params = ((stride, stride), padding, (dilation, dilation))
    x, w, g, params = arrays((6, 7), (2, 3), params, groups, images=1)
    assert_all_close(family(x, w, g, params), naive_family(x, w, g, params))


@pytest.mark.parametrize("tail", [0, 1, 2])
@pytest.mark.parametrize(("dilation", "groups", "padding"), list(itertools.product([1, 2], [1, 2, CHANNELS], PADDINGS)))
def test_pixels_after_the_last_window_get_zero_gradient(tail, dilation, groups, padding):
    """With stride 3, three sizes give the same result size; the pixels left over are read by no window."""
    kernel, windows, stride = 2, 2, 3
    sizes = [(windows - 1) * stride + dilation * (kernel - 1) + 1 + tail - sum(p) for p in padding]
    params = ((stride, stride), padding, (dilation, dilation))
    x, w, g, params = arrays(tuple(sizes), (kernel, kernel), params, groups, images=1)
    assert g.shape[2:] == (windows, windows)
    assert_all_close(family(x, w, g, params), naive_family(x, w, g, params))
    grad = kernels.conv_input_grad(g, w, x.shape, *params)
    lost = max(0, tail - padding[0][1])
    assert not grad[:, :, sizes[0] - lost :].any()


@pytest.mark.parametrize(("stride", "dilation", "groups", "padding"), PRODUCT)
def test_each_is_the_others_adjoint(stride, dilation, groups, padding):
    params = ((stride, stride), padding, (dilation, dilation))
    x, w, g, params = arrays((9, 8), (3, 2), params, groups)
    out, gx, gw = family(x, w, g, params)
    np.testing.assert_allclose([np.vdot(x, gx), np.vdot(w, gw)], [np.vdot(out, g)] * 2, rtol=1e-11)


@pytest.mark.parametrize(("space", "kernel", "stride", "padding", "dilation"), OTHER_RANKS)
@pytest.mark.parametrize("groups", [1, 2])
def test_any_number_of_spatial_axes(space, kernel, stride, padding, dilation, groups):
    x, w, g, params = arrays(space, kernel, (stride, padding, dilation), groups)
    assert_all_close(family(x, w, g, params), naive_family(x, w, g, params))


@pytest.mark.parametrize("groups", [1, 2, CHANNELS])
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("stride", [(1, 1), (1, 2)])
def test_pointwise(groups, padding, stride):
    x, w, g, params = arrays((3, 2), (1, 1), (stride, padding, (2, 1)), groups, filters=8)
    assert_all_close(family(x, w, g, params), naive_family(x, w, g, params))


@pytest.mark.parametrize("groups", [1, 2, CHANNELS])
@pytest.mark.parametrize("chunk_bytes", [1, 3000, 20000])
@pytest.mark.parametrize("stride", [1, 2])
def test_chunks_change_nothing(monkeypatch, groups, chunk_bytes, stride):
    """Chunks of one row of windows, of several rows, of several images: the results of a single chunk."""
    x, w, g, params = arrays((9, 8), (3, 2), ((stride, 1), PADDINGS[2], (1, 2)), groups, images=5)
    whole = family(x, w, g, params)
    monkeypatch.setattr(columns, "CHUNK_BYTES", chunk_bytes)
    assert_all_close(family(x, w, g, params), whole)


@pytest.mark.parametrize("kernel", [(3, 2), (1, 1)])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("which", [0, 1, 2])
def test_memory_layouts_and_no_mutation(layout, which, kernel):
    padding = PADDINGS[2] if kernel == (3, 2) else PADDINGS[0]
    x, w, g, params = arrays((5, 6), kernel, ((1, 1), padding, (1, 1)), groups=2)
    operands = [x, w, g]
    operands[which] = LAYOUTS[layout](operands[which])
    plain = [np.array(a, order="C") for a in operands]
    for a in operands:
        a.flags.writeable = False
    results = family(*operands, params)
    assert_all_close(results, family(*plain, params))
    for a, before in zip(operands, plain, strict=True):
        np.testing.assert_array_equal(a, before)
        assert not any(np.shares_memory(a, result) for result in results)
    assert all(result.flags.writeable for result in results)


@pytest.mark.parametrize("kernel", [(3, 2), (1, 1)])
@pytest.mark.parametrize("groups", [1, 2])
def test_empty_batch(kernel, groups):
    x, w, g, params = arrays((5, 6), kernel, ((1, 1), PADDINGS[0], (1, 1)), groups, images=0)
    out, gx, gw = family(x, w, g, params)
    assert (out.shape, gx.shape) == (g.shape, x.shape)
    np.testing.assert_array_equal(gw, np.zeros(w.shape))


@pytest.mark.parametrize("kernel", [(3, 2), (1, 1)])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("groups", [1, CHANNELS])
def test_dtype_kept_and_accurate(dtype, kernel, groups):
    x, w, g, params = arrays((6, 7), kernel, ((1, 1), PADDINGS[0], (1, 1)), groups, dtype=dtype)
    results = family(x, w, g, params)
    exact = naive_family(*(a.astype(np.float64) for a in (x, w, g)), params)
    assert [r.dtype for r in results] == [dtype] * 3
    eps = float(np.finfo(dtype).eps)
    assert_all_close(results, exact, rtol=2 * eps, atol=100 * eps if dtype != np.float16 else 1e-5)


def test_float16_sums_in_float32():
    """4,096 products of one: a float16 sum would stop at 2,048."""
    x, w = np.ones((1, 4096, 1, 2), np.float16), np.ones((1, 4096, 1, 2), np.float16)
    assert kernels.conv(x, w, (1, 1), PADDINGS[0], (1, 1), 1).item() == 8192


def test_float32_weight_gradient_over_many_pixels():
    x, w, g, params = arrays((64, 64), (3, 3), ((1, 1), PADDINGS[1], (1, 1)), images=32, dtype=np.float32)
    x += 3
    gw = kernels.conv_weight_grad(g, x, w.shape, *params)
    exact = kernels.conv_weight_grad(g.astype(np.float64), x.astype(np.float64), w.shape, *params)
    scale = np.sqrt(np.sum(x.astype(np.float64) ** 2))
    assert np.max(np.abs(gw - exact)) < 1e-6 * scale


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding", "dilation", "expected"),
    [
        (5, 3, 1, (0, 0), 1, 3),
        (6, 3, 2, (1, 1), 1, 3),
        (6, 3, 2, (1, 0), 2, 2),
        (2, 3, 1, (0, 0), 1, 0),
        (1, 3, 2, (0, 0), 3, -2),
    ],
)
def test_output_size(size, kernel, stride, padding, dilation, expected):
    assert kernels.conv_output_size((size,), (kernel,), (stride,), (padding,), (dilation,)) == (expected,)


@pytest.mark.parametrize("kernel", [(2, 2), (1, 3), (4, 2)])
@pytest.mark.parametrize("tail", [(0, 0), (0, 1), (1, 0)])
@pytest.mark.parametrize("images", [8, 9])
def test_input_gradient_of_windows_side_by_side(kernel, tail, images):
    """Images in pixels; pixels after the last window get zero."""
    if any(t >= k for t, k in zip(tail, kernel, strict=True)):
        tail = (0, 0)
    space = tuple(3 * k + t for k, t in zip(kernel, tail, strict=True))
    x, w, g, params = arrays(space, kernel, (kernel, ((0, 0), (0, 0)), (1, 1)), images=images, filters=3)
    result = kernels.conv_input_grad(g, w, x.shape, *params)
    np.testing.assert_allclose(result, naive.conv_input_grad(g, w, x.shape, *params), rtol=1e-12, atol=1e-12)


def test_input_gradient_of_windows_that_hang_over_the_end():
    x, w, g, params = arrays((3, 4), (2, 2), ((2, 2), ((0, 1), (0, 0)), (1, 1)), images=8)
    result = kernels.conv_input_grad(g, w, x.shape, *params)
    np.testing.assert_allclose(result, naive.conv_input_grad(g, w, x.shape, *params), rtol=1e-12, atol=1e-12)
