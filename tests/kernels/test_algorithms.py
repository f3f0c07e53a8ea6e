"""Every algorithm of convolution against loops over kernel places, over the product of all parameters and layouts."""

import functools
import itertools
import math

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.kernels import buffers, choose, gathered, layout, norm, pool, shifted, stacked, threads
from tensorgrad.kernels import conv as kernels
from tests import naive

CHANNELS = 4
BATCHES = (1, 2, 17, 64)
STRIDES, DILATIONS, GROUPS = (1, 2, 3), (1, 2), (1, 2, CHANNELS)
PADDINGS = (((0, 0), (0, 0)), ((1, 1), (1, 1)), ((2, 2), (2, 2)), ((0, 2), (1, 0)), ((2, 1), (0, 0)))
KERNELS = ((1, 1), (3, 3), (2, 3), (4, 1), (1, 2), (3, 4))
PRODUCT = list(itertools.product(STRIDES, PADDINGS, DILATIONS, GROUPS))
ORDERS = {
    "C": (0, 1, 2, 3),
    "F": (3, 2, 1, 0),
    "pixels": (2, 3, 1, 0),
    "channels": (1, 2, 3, 0),
    "channels last": (0, 2, 3, 1),
    "odd": (3, 0, 2, 1),
}


def in_order(a, order):
    """A copy of a whose axes follow each other in memory in this order."""
    return np.ascontiguousarray(a.transpose(order)).transpose(np.argsort(order))


def strided(a):
    large = np.full([3 * n + 1 for n in a.shape], np.nan, a.dtype)
    view = large[tuple(slice(1, 3 * n, 3) for n in a.shape)]
    view[...] = a
    return view


LAYOUTS = {name: functools.partial(in_order, order=order) for name, order in ORDERS.items()} | {
    "strided": strided,
    "strided pixels": lambda a: strided(a.transpose(2, 3, 1, 0)).transpose(3, 2, 0, 1),
    "negative": lambda a: np.flip(np.flip(a).copy()),
    "negative pixels": lambda a: np.flip(in_order(np.flip(a), ORDERS["pixels"])),
    "a part": lambda a: np.pad(a, 1, constant_values=np.nan)[1:-1, 1:-1, 1:-1, 1:-1],
    "same images": lambda a: np.broadcast_to(a[:1], a.shape),
    "same channels": lambda a: np.broadcast_to(a[:, :1], a.shape),
    "same pixels": lambda a: np.broadcast_to(a[:, :, :1, :1], a.shape),
    "one number": lambda a: np.broadcast_to(a[0, 0, 0, 0], a.shape),
}


@pytest.fixture(autouse=True)
def _three_threads(monkeypatch):
    monkeypatch.setattr(threads, "_chosen", 3)


def size_for(kernel, stride, padding, dilation, windows=(3, 4)):
    """An image's size for about so many windows, of which the last pixels are read by none if the stride lets them."""
    return tuple(
        max(1, (w - 1) * s + d * (k - 1) + s - sum(p))
        for w, k, s, p, d in zip(windows, kernel, stride, padding, dilation, strict=True)
    )


def arrays(kernel, stride, padding, dilation, groups, images, filters=CHANNELS, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    size = size_for(kernel, stride, padding, dilation)
    out = kernels.conv_output_size(size, kernel, stride, padding, dilation)
    shapes = (images, CHANNELS, *size), (filters, CHANNELS // groups, *kernel), (images, filters, *out)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def reference(x, w, g, stride, padding, dilation, groups):
    """Result, input gradient, and weight gradient of each image: loops over the kernel's places, and over groups."""
    rows, columns = (slice(p[0], p[0] + n) for p, n in zip(padding, x.shape[2:], strict=True))
    large = np.pad(x, [(0, 0), (0, 0), *[(p[0], p[1] + 9) for p in padding]])
    grad = np.zeros_like(large)
    out, each = np.zeros_like(g), np.zeros((len(x), *w.shape), x.dtype)
    inputs, outputs = w.shape[1], len(w) // groups
    for i, j in np.ndindex(*w.shape[2:]):
        first = i * dilation[0], j * dilation[1]
        read = tuple(slice(f, f + n * s, s) for f, n, s in zip(first, g.shape[2:], stride, strict=True))
        for group in range(groups):
            c = slice(group * inputs, (group + 1) * inputs)
            o = slice(group * outputs, (group + 1) * outputs)
            pixels = large[:, c, *read]
            out[:, o] += np.einsum("nchw,oc->nohw", pixels, w[o, :, i, j])
            grad[:, c, *read] += np.einsum("nohw,oc->nchw", g[:, o], w[o, :, i, j])
            each[:, o, :, i, j] = np.einsum("nohw,nchw->noc", g[:, o], pixels)
    return out, grad[:, :, rows, columns], each


def family(x, w, g, params):
    return (
        kernels.conv(x, w, *params),
        kernels.conv_input_grad(g, w, x.shape, *params),
        kernels.conv_weight_grad(g, x, w.shape, *params),
    )


def assert_all_close(results, expected, tolerance=1e-12):
    for result, other in zip(results, expected, strict=True):
        assert result.shape == other.shape
        np.testing.assert_allclose(result, other, rtol=0, atol=tolerance * max(1, abs(other).max(initial=0)))


def algorithms(dtype, dilation, groups):
    """Those that do not give way to another."""
    if dtype == np.float16 or dilation != (1, 1) or groups != 1:
        return ["im2col"]
    return ["im2col", "direct", "shifted", "gathered", "stacked"] + ["winograd", "winograd1d"] * (dtype == np.float32)


def assert_equal_the_reference(kernel, params, batches, dtype=np.float64, tolerance=1e-12, filters=CHANNELS):
    x, w, g = arrays(kernel, *params, max(batches), filters, dtype)
    exact = [a.astype(np.float64) for a in (x, w, g)]
    out, gx, each = reference(*exact, *params)
    for name, n in itertools.product(algorithms(dtype, *params[2:]), batches):
        with tg.conv_algorithm(name):
            results = family(x[:n], w, g[:n], params)
        assert all(result.dtype == dtype for result in results)
        assert_all_close(results, (out[:n], gx[:n], each[:n].sum(0)), tolerance)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("seed", range(8))
def test_the_reference_equals_loops_over_pixels(kernel, seed):
    rng = np.random.default_rng([seed, *kernel])
    stride, padding, dilation, groups = PRODUCT[rng.integers(len(PRODUCT))]
    params = (stride, int(rng.integers(1, 4))), padding, (dilation, int(rng.integers(1, 3))), groups
    x, w, g = arrays(kernel, *params, 2)
    out, gx, each = reference(x, w, g, *params)
    plain = (
        naive.conv(x, w, *params),
        naive.conv_input_grad(g, w, x.shape, *params),
        naive.conv_weight_grad(g, x, w.shape, *params),
    )
    assert_all_close((out, gx, each.sum(0)), plain)


@pytest.mark.parametrize("stride, padding, dilation, groups", PRODUCT)
def test_equals_the_reference(stride, padding, dilation, groups):
    for kernel in KERNELS:
        assert_equal_the_reference(kernel, ((stride, stride), padding, (dilation, dilation), groups), BATCHES)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("stride", [(1, 2), (3, 1), (2, 3)])
@pytest.mark.parametrize("dilation", [(1, 1), (2, 1), (1, 2)])
def test_axes_of_different_parameters(kernel, stride, dilation):
    for padding, groups in itertools.product(PADDINGS, GROUPS):
        assert_equal_the_reference(kernel, (stride, padding, dilation, groups), (2, 17))


@pytest.mark.parametrize("stride, padding, dilation, groups", PRODUCT[::2])
def test_float32(stride, padding, dilation, groups):
    params = ((stride, stride), padding, (dilation, dilation), groups)
    for kernel in KERNELS:
        assert_equal_the_reference(kernel, params, (1, 17, 64), np.float32, 1e-5)


@pytest.mark.parametrize("stride, padding, dilation, groups", PRODUCT[::5])
def test_float16(stride, padding, dilation, groups):
    params = ((stride, stride), padding, (dilation, dilation), groups)
    for kernel in KERNELS[:3]:
        assert_equal_the_reference(kernel, params, (2, 17), np.float16, 1e-3)


@pytest.mark.parametrize("filters", [1, 3, 32, 48])
@pytest.mark.parametrize("kernel", [(3, 3), (1, 1), (2, 3)])
def test_few_and_many_filters(kernel, filters):
    """32 and 48 filters are split into blocks."""
    for stride, padding in itertools.product([(1, 1), (2, 2)], PADDINGS[:4]):
        assert_equal_the_reference(kernel, (stride, padding, (1, 1), 1), (2, 64), filters=filters)


@pytest.mark.parametrize("band_bytes", [0, 20_000])
@pytest.mark.parametrize("kernel", [(3, 3), (4, 1), (2, 3)])
def test_stacked_filters_in_bands_of_rows(kernel, band_bytes, monkeypatch):
    """Bands share rows of pixels; with any padding, and rows of results that no pixel reaches."""
    monkeypatch.setattr(stacked, "BAND_BYTES", band_bytes)
    for rows in ((0, 0), (2, 1), (9, 7)):
        params = (1, 1), (rows, (1, 0)), (1, 1), 1
        rng = np.random.default_rng(0)
        x, w = rng.standard_normal((8, 2, 21, 6)), rng.standard_normal((3, 2, *kernel))
        g = rng.standard_normal((8, 3, *kernels.conv_output_size((21, 6), kernel, *params[:3])))
        with tg.conv_algorithm("stacked"):
            results = family(x, w, g, params)
        out, gx, each = reference(x, w, g, *params)
        assert_all_close(results, (out, gx, each.sum(0)))


@pytest.mark.parametrize("which", [0, 1, 2], ids=["x", "weight", "g"])
@pytest.mark.parametrize("name", LAYOUTS)
def test_memory_layouts(name, which):
    """The same bits as from arrays in order, nothing written to them, and no result that looks at them."""
    for kernel, stride, padding, (dilation, groups), n in itertools.product(
        [(1, 1), (3, 3), (2, 3)], [(1, 1), (2, 1)], PADDINGS[1::2], [((1, 1), 1), ((2, 1), 2)], [2, 17]
    ):
        params = stride, padding, dilation, groups
        operands = arrays(kernel, *params, n, dtype=np.float32)
        operands[which] = LAYOUTS[name](operands[which])
        plain = [np.array(a, order="C") for a in operands]
        for a in operands:
            a.flags.writeable = False
        for algorithm in algorithms(np.float32, dilation, groups):
            with tg.conv_algorithm(algorithm):
                results, expected = family(*operands, params), family(*plain, params)
            for result, other in zip(results, expected, strict=True):
                np.testing.assert_array_equal(result, other)
                assert result.flags.writeable
                assert not any(np.shares_memory(result, a) for a in operands)
        for a, before in zip(operands, plain, strict=True):
            np.testing.assert_array_equal(a, before)


@pytest.mark.parametrize("small", [1e6, 200, 600])
@pytest.mark.parametrize("part_bytes", [1, 1 << 20])
def test_long_sums_of_shifted_rows_in_pieces(small, part_bytes, monkeypatch):
    """Of 8 windows and 3 images a row: pieces of 1, 2 or 4 windows, or the whole row."""
    monkeypatch.setattr(shifted, "SMALL_PRODUCT", small)
    monkeypatch.setattr(shifted, "PART_BYTES", part_bytes)
    for name, value in (("LEAST_COLUMNS", 1), ("LEAST_PIECE", 3), ("LEAST_PRODUCT", small)):
        monkeypatch.setattr(shifted, name, value)
    rng, found = np.random.default_rng(0), set()
    for kernel, stride, padding in itertools.product([(3, 3), (1, 1), (2, 3)], STRIDES, PADDINGS[:2]):
        params = (stride, stride), padding, (1, 1), 1
        size = size_for(kernel, *params[:3], windows=(5, 8))
        x, w, g = (rng.standard_normal(s) for s in ((3, 3, *size), (2, 3, *kernel), (3, 2, 5, 8)))
        found.add(shifted._piece(3 * math.prod(kernel), 2, 8, 3))
        with tg.conv_algorithm("shifted"):
            results = family(x, w, g, params)
        out, gx, each = reference(x, w, g, *params)
        assert_all_close(results, (out, gx, each.sum(0)))
    assert found == {1e6: {0}, 200: {0, 3}, 600: {0, 6, 12}}[small]


@pytest.mark.parametrize("column_bytes", [1, 3000, 1 << 26])
@pytest.mark.parametrize("kernel", [(3, 3), (1, 1), (2, 3)])
def test_gathered_by_rows_filters_and_channels(kernel, column_bytes, monkeypatch):
    """Some rows of results at a time, some filters of a product, and some channels of the gradients."""
    monkeypatch.setattr(gathered, "COLUMN_BYTES", column_bytes)
    monkeypatch.setattr(gathered, "FILTERS_AT_ONCE", 3)
    monkeypatch.setattr(gathered, "CHANNELS_AT_ONCE", 2)
    for stride, padding in itertools.product(itertools.product(STRIDES, STRIDES), PADDINGS):
        params = stride, padding, (1, 1), 1
        x, w, g = arrays(kernel, *params, 3, filters=7)
        with tg.conv_algorithm("gathered"):
            results = family(x, w, g, params)
        out, gx, each = reference(x, w, g, *params)
        assert_all_close(results, (out, gx, each.sum(0)))


@pytest.mark.parametrize("name", ["im2col", "direct", "shifted", "gathered", "stacked", "winograd", "winograd1d"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_results_lie_in_the_order_of_the_algorithm(name, dtype):
    """So that the next layer need not turn them."""
    in_it = layout.channels if name == "im2col" else layout.pixels
    for n, stride in itertools.product(BATCHES, [(1, 1), (2, 2), (3, 1)]):
        params = stride, PADDINGS[1], (1, 1), 1
        x, w, g = arrays((3, 3), *params, n, dtype=dtype)
        with tg.conv_algorithm(name):
            out, gx, gw = family(x, w, g, params)
        assert np.shares_memory(in_it(out), out)
        assert np.shares_memory(in_it(gx), gx)
        assert gw.flags.c_contiguous


@pytest.mark.parametrize("padding", [((1, 0), (1, 0)), ((1, 0), (0, 0)), ((0, 0), (2, 0)), ((0, 1), (0, 2))])
@pytest.mark.parametrize("n", BATCHES)
def test_windows_of_one_place_that_read_padding(n, padding):
    """As many windows as pixels, but not theirs."""
    rng = np.random.default_rng(0)
    for size, dtype in itertools.product([(1, 1), (2, 1), (1, 3)], [np.float32, np.float64]):
        for stride in itertools.product([1, 2, 3, 4], repeat=2):
            params = stride, padding, (1, 1), 1
            out = kernels.conv_output_size(size, (1, 1), *params[:3])
            x, w, g = (
                rng.standard_normal(shape).astype(dtype) for shape in ((n, 3, *size), (2, 3, 1, 1), (n, 2, *out))
            )
            expected = reference(*(a.astype(np.float64) for a in (x, w, g)), *params)
            for name in algorithms(dtype, (1, 1), 1):
                with tg.conv_algorithm(name):
                    results = family(x, w, g, params)
                assert_all_close(results, (*expected[:2], expected[2].sum(0)), 1e-5 if dtype == np.float32 else 1e-12)


@pytest.mark.parametrize("border", [1, 3, 1000])
def test_auto_takes_the_order_of_the_batch(monkeypatch, border):
    monkeypatch.setattr(choose, "SMALL_BATCH", border)
    for n in (1, 2, 3, 17):
        params = (1, 1), PADDINGS[1], (1, 1), 1
        x, w, g = arrays((3, 3), *params, n)
        out, gx, each = reference(x, w, g, *params)
        results = family(x, w, g, params)
        assert_all_close(results, (out, gx, each.sum(0)))
        in_it = layout.pixels if n >= border else layout.channels
        assert np.shares_memory(in_it(results[0]), results[0])
        assert np.shares_memory(in_it(results[1]), results[1])


@pytest.mark.parametrize("name", choose.ALGORITHMS)
@pytest.mark.parametrize("n", BATCHES)
def test_bias(name, n):
    for kernel, dtype in itertools.product([(3, 3), (1, 1)], [np.float32, np.float64]):
        params = (1, 1), PADDINGS[1], (1, 1), 1
        x, w, g = arrays(kernel, *params, n, dtype=dtype)
        bias = np.array([100, -3, 0, 7], dtype)
        with tg.conv_algorithm(name):
            result = kernels.conv(x, w, *params, bias)
        exact = reference(*(a.astype(np.float64) for a in (x, w, g)), *params)[0] + bias[:, None, None]
        np.testing.assert_allclose(result, exact, rtol=0, atol=1e-4 if dtype == np.float32 else 1e-12)


@pytest.mark.parametrize("name", choose.ALGORITHMS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("kernel", [(1, 1), (3, 3)])
@pytest.mark.parametrize(
    "n, c, o, size",
    [
        (0, 3, 4, (5, 6)),
        (2, 0, 4, (5, 6)),
        (64, 0, 4, (5, 6)),
        (2, 3, 0, (5, 6)),
        (64, 3, 0, (5, 6)),
        (0, 0, 0, (5, 6)),
        (0, 3, 4, (1, 1)),
        (1, 1, 1, (1, 1)),
        (64, 3, 4, (1, 1)),
        (64, 1, 1, (1, 5)),
        (17, 2, 3, (5, 1)),
        (64, 2, 3, (0, 4)),
        (2, 2, 3, (0, 0)),
    ],
)
@pytest.mark.parametrize("stride", [(1, 1), (2, 3)])
def test_empty_and_tiny(name, dtype, kernel, n, c, o, size, stride):
    params = stride, PADDINGS[1], (1, 1), 1
    rng = np.random.default_rng(0)
    out = kernels.conv_output_size(size, kernel, stride, PADDINGS[1], (1, 1))
    if 0 in out:
        pytest.skip("no window fits: the operation says so")
    x, w, g = (rng.standard_normal(shape).astype(dtype) for shape in ((n, c, *size), (o, c, *kernel), (n, o, *out)))
    with tg.conv_algorithm(name):
        results = family(x, w, g, params)
        shifted = kernels.conv(x, w, *params, np.ones(o, dtype))
    exact = reference(*(a.astype(np.float64) for a in (x, w, g)), *params)
    assert [r.dtype for r in results] == [dtype] * 3
    eps = {2: 4e-3, 4: 1e-5, 8: 1e-12}[np.dtype(dtype).itemsize]
    assert_all_close(results, (*exact[:2], exact[2].sum(0)), eps)
    assert_all_close([shifted], [exact[0] + 1], eps)


ODD_SIZES = [
    (0, 3, 5, 6), (2, 0, 5, 6), (0, 0, 5, 6), (1, 1, 1, 1), (64, 1, 1, 1), (1, 64, 1, 1), (17, 3, 1, 5), (17, 3, 5, 1),
]  # fmt: skip


@pytest.mark.parametrize("name", choose.ALGORITHMS)
@pytest.mark.parametrize("shape", [*ODD_SIZES, (300, 1, 1, 2), (1, 300, 2, 1), (2, 1, 1, 4000)])
def test_empty_and_tiny_images_through_a_network(name, shape):
    n, c, *_ = shape
    x = tg.tensor(np.random.default_rng(0).random(shape).astype(np.float32), requires_grad=True)
    w = tg.ones(4, c, 3, 3, requires_grad=True)
    with tg.conv_algorithm(name):
        y = tg.relu(tg.conv2d(x, w, tg.zeros(4), padding=1))
        y = tg.max_pool2d(y, 2, 2, padding=1)
        y = tg.conv2d(tg.avg_pool2d(y, 1), tg.ones(2, 4, 1, 1), stride=2)
        tg.adaptive_avg_pool2d(y, 1).sum().backward()
    assert y.shape[:2] == (n, 2)
    assert x.grad.shape == shape
    assert w.grad.shape == w.shape
    assert np.isfinite(w.grad.numpy()).all()
    assert w.grad.numpy().any() == (0 not in shape)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("shape", ODD_SIZES)
def test_pooling_and_normalising_empty_and_tiny_images(shape, order, dtype):
    x = in_order(np.random.default_rng(0).standard_normal(shape).astype(dtype), ORDERS[order])
    windows = (3, 3), (2, 2), (1, 1), (1, 1)
    size = pool.pool_output_size(shape[2:], *windows, False)
    values = pool.max_pool(x, *windows, size)
    offsets = pool.max_pool_winners(x, values, *windows)
    back = pool.max_pool_scatter(values, offsets, shape, *windows)
    again = pool.max_pool_gather(x, offsets, *windows)
    assert values.shape == offsets.shape == again.shape == (*shape[:2], *size)
    assert back.shape == shape
    assert values.dtype == back.dtype == again.dtype == dtype
    np.testing.assert_array_equal(again, values)
    if values.size:
        np.testing.assert_array_equal(values, naive.max_pool(x, *windows, size)[0])
    weight = np.full(shape[1], 2, dtype)
    out, mean, var = norm.batch_norm(x, weight, weight, 1e-3)
    gx, gw, gb = norm.batch_norm_grad(np.ones_like(x), x, weight, mean, var, 1e-3)
    assert out.shape == gx.shape == shape
    assert mean.shape == var.shape == gw.shape == gb.shape == shape[1:2]
    assert out.dtype == gx.dtype == gw.dtype == gb.dtype == dtype
    if x.size:
        exact = naive.batch_norm(x.astype(np.float64), weight, weight, 1e-3)[0]
        np.testing.assert_allclose(out, exact, rtol=0, atol=1e-2 if dtype == np.float16 else 1e-4)
    else:
        assert not mean.any()
        assert not var.any()
    np.testing.assert_allclose(gb, np.full(shape[1], x.size // max(1, shape[1])), rtol=1e-3)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("size, kernel, stride, padding, dilation", [
    (3, 3, 3, 1, 1), (6, 3, 3, 1, 1), (5, 5, 5, 2, 1), (6, 3, 3, 0, 1), (7, 3, 3, 0, 1), (6, 2, 3, 0, 1),
    (6, 2, 3, 1, 1), (6, 2, 3, 0, 2), (6, 1, 1, 0, 1), (6, 1, 2, 0, 1), (6, 3, 1, 1, 1), (6, 2, 2, 1, 1),
])  # fmt: skip
def test_pixels_that_no_window_reads_get_zero(monkeypatch, order, size, kernel, stride, padding, dilation):
    """Windows side by side write each pixel once, into memory that may hold anything; here it holds nan."""

    def poisoned(shape, dtype):
        array = np.empty(shape, dtype)
        array.view(np.uint8).fill(0xFF)
        return array

    monkeypatch.setattr(layout, "empty", poisoned)
    x = in_order(np.random.default_rng(0).standard_normal((2, 3, size, size)), ORDERS[order])
    windows = ((kernel, kernel), (stride, stride), (padding, padding), (dilation, dilation))
    out_size = pool.pool_output_size((size, size), *windows, False)
    values = pool.max_pool(x, *windows, out_size)
    offsets = pool.max_pool_winners(x, values, *windows)
    expected, indices = naive.max_pool(x, *windows, out_size)
    np.testing.assert_array_equal(values, expected)
    grad = np.zeros((2, 3, size * size))
    for at in np.ndindex(*indices.shape):
        grad[(*at[:2], indices[at])] += values[at]
    result = pool.max_pool_scatter(values, offsets, x.shape, *windows)
    np.testing.assert_allclose(result, grad.reshape(x.shape), rtol=1e-12)


def test_results_of_large_convolutions_come_back_to_the_free_list():
    buffers.empty_cache()
    x, w, g = arrays((3, 3), (1, 1), PADDINGS[1], (1, 1), 1, 2048)
    for name in ("im2col", "direct", "shifted", "gathered", "stacked", "winograd", "winograd1d"):
        with tg.conv_algorithm(name):
            family(x, w, g, ((1, 1), PADDINGS[1], (1, 1), 1))
        assert buffers._held_bytes >= x.nbytes
        buffers.empty_cache()


@pytest.mark.parametrize("name", choose.ALGORITHMS)
@pytest.mark.parametrize("size", [(0, 5), (32, 0), (0, 8), (0, 0)])
@pytest.mark.parametrize("channels", [16, 64])
def test_images_without_pixels_in_padding(name, size, channels):
    """All windows read padding alone."""
    x, w = np.ones((16, channels, *size), np.float32), np.ones((channels, channels, 3, 3), np.float32)
    params = (1, 1), ((3, 1), (2, 3)), (1, 1), 1
    with tg.conv_algorithm(name):
        out = kernels.conv(x, w, *params)
        assert out.shape == (16, channels, size[0] + 2, size[1] + 3)
        assert not out.any()
        assert kernels.conv_input_grad(np.ones_like(out), w, x.shape, *params).shape == x.shape
        assert not kernels.conv_weight_grad(np.ones_like(out), x, w.shape, *params).any()


@pytest.mark.parametrize("name", choose.ALGORITHMS)
@pytest.mark.parametrize("size, kernel, padding", [((5, 3), (1, 1), ((0, 1), (2, 5))), ((11, 18), (1, 3), PADDINGS[0])])
def test_classes_of_a_dilation_that_read_padding_alone(name, size, kernel, padding):
    params = (2, 3), padding, (4, 5), 1
    x, w = (np.random.default_rng(0).standard_normal(shape) for shape in ((8, 2, *size), (3, 2, *kernel)))
    g = np.ones((8, 3, *kernels.conv_output_size(size, kernel, *params[:3])))
    with tg.conv_algorithm(name):
        results = family(x, w, g, params)
    out, gx, each = reference(x, w, g, *params)
    assert_all_close(results, (out, gx, each.sum(0)))
