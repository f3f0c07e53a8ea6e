"""Max pooling against loops over pixels, ties, NaN and infinities, and its two linear adjoints."""

import itertools

import numpy as np
import pytest

from tensorgrad.kernels import layout, threads
from tensorgrad.kernels import pool as kernels
from tests import naive

# (kernel, stride, padding, dilation, ceil_mode) on 7x6 images: tiles, overlaps, gaps, lost tails, hanging windows.
PRODUCT = [
    ((k, k), (s, s), (p, p), (d, d), ceil)
    for k, s, p, d, ceil in itertools.product([2, 3], [1, 2, 3], [0, 1], [1, 2], [False, True])
]
# (space, kernel, stride, padding, dilation): one and three axes, mixed parameters.
OTHER_RANKS = [
    ((9,), (3,), (2,), (1,), (2,)),
    ((6, 5), (3, 1), (1, 2), (1, 0), (1, 3)),
    ((4, 5, 3), (2, 3, 1), (2, 1, 2), (1, 1, 0), (1, 2, 1)),
    ((20, 20), (17, 16), (3, 4), (8, 0), (1, 1)),  # 272 places do not fit a byte
    ((16, 17), (16, 16), (2, 1), (0, 0), (1, 1)),  # nor do 256, with one number to spare
]
CONTENTS = ["distinct", "ties", "nan", "infinite", "integers"]
LAYOUTS = {
    "fortran": np.asfortranarray,
    "channels_last": lambda a: np.moveaxis(np.ascontiguousarray(np.moveaxis(a, 1, -1)), -1, 1),
    "strided": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "negative": lambda a: np.flip(np.flip(a).copy()),
    "broadcast": lambda a: np.broadcast_to(a[:1, :1], a.shape),
}


def images(contents, shape, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.permutation(np.prod(shape)).reshape(shape).astype(np.float64)
    x -= 2 * x.size  # all negative: padding with zeros would win
    if contents == "ties":
        x = rng.integers(-3, 0, shape).astype(np.float64)
    elif contents == "nan":
        x[rng.random(shape) < 0.3] = np.nan
    elif contents == "infinite":
        x[rng.random(shape) < 0.7] = -np.inf
        x[rng.random(shape) < 0.05] = np.inf
    elif contents == "integers":
        x = rng.integers(-128, -120, shape).astype(np.int8)
    return x


def pooled(x, *windows_and_size):
    """The largest values, and the offsets of their winners."""
    values = kernels.max_pool(x, *windows_and_size)
    return values, kernels.max_pool_winners(x, values, *windows_and_size[:-1])


def check_forward(x, windows, out_size):
    values, offsets = pooled(x, *windows, out_size)
    expected, indices = naive.max_pool(x, *windows, out_size)
    np.testing.assert_array_equal(values, expected)
    np.testing.assert_array_equal(kernels.flat_indices(offsets, x.shape, *windows), indices)
    np.testing.assert_array_equal(kernels.max_pool_gather(x, offsets, *windows), expected)
    assert values.dtype == x.dtype
    return offsets, indices


def check_scatter(shape, windows, offsets, indices):
    g = np.random.default_rng(1).standard_normal(offsets.shape)
    expected = np.zeros((*shape[:2], int(np.prod(shape[2:]))))
    for where in np.ndindex(g.shape):
        expected[(*where[:2], indices[where])] += g[where]
    result = kernels.max_pool_scatter(g, offsets, shape, *windows)
    np.testing.assert_allclose(result, expected.reshape(shape), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(result.sum(), g.sum(), rtol=1e-10)
    v = np.random.default_rng(2).standard_normal(shape)
    gathered = kernels.max_pool_gather(v, offsets, *windows)
    np.testing.assert_allclose(np.vdot(gathered, g), np.vdot(v, result), rtol=1e-10)


def check_grad(x, windows, out_size, offsets):
    """In one go the same as in two steps, to the bit."""
    g = np.random.default_rng(3).standard_normal(offsets.shape)
    values = kernels.max_pool(x, *windows, out_size)
    expected = kernels.max_pool_scatter(g, offsets, x.shape, *windows)
    np.testing.assert_array_equal(kernels.max_pool_grad(g, x, values, *windows), expected)


@pytest.mark.parametrize("contents", CONTENTS)
@pytest.mark.parametrize(("kernel", "stride", "padding", "dilation", "ceil_mode"), PRODUCT)
def test_equals_loops_over_pixels(kernel, stride, padding, dilation, ceil_mode, contents):
    windows = (kernel, stride, padding, dilation)
    x = images(contents, (1, 2, 7, 6))
    out_size = kernels.pool_output_size(x.shape[2:], *windows, ceil_mode)
    offsets, indices = check_forward(x, windows, out_size)
    check_scatter(x.shape, windows, offsets, indices)
    check_grad(x, windows, out_size, offsets)


@pytest.mark.parametrize(("space", "kernel", "stride", "padding", "dilation"), OTHER_RANKS)
@pytest.mark.parametrize("contents", ["distinct", "ties"])
def test_any_number_of_spatial_axes(space, kernel, stride, padding, dilation, contents):
    windows = (kernel, stride, padding, dilation)
    x = images(contents, (2, 1, *space))
    out_size = kernels.pool_output_size(space, *windows, False)
    offsets, indices = check_forward(x, windows, out_size)
    check_scatter(x.shape, windows, offsets, indices)
    check_grad(x, windows, out_size, offsets)
    assert offsets.dtype == (np.uint8 if np.prod(kernel) < 256 else np.uint16)


def test_window_of_minus_infinities_returns_its_first_valid_place():
    windows = ((2, 2), (1, 1), (1, 1), (1, 1))
    values, offsets = pooled(np.full((1, 1, 2, 2), -np.inf), *windows, (3, 3))
    assert np.all(values == -np.inf)
    indices = kernels.flat_indices(offsets, (1, 1, 2, 2), *windows)
    np.testing.assert_array_equal(indices[0, 0], [[0, 0, 1], [0, 0, 1], [2, 2, 3]])


def test_nan_wins_and_of_several_the_last():
    x = np.array([1, np.nan, 5, np.nan, 7, 2, 9, 3]).reshape(1, 1, 8)
    windows = ((4,), (4,), (0,), (1,))
    values, offsets = pooled(x, *windows, (2,))
    np.testing.assert_array_equal(values[0, 0], [np.nan, 9])
    np.testing.assert_array_equal(kernels.flat_indices(offsets, x.shape, *windows)[0, 0], [3, 6])


def test_an_infinite_cotangent_stays_at_its_winner():
    windows = ((2,), (2,), (0,), (1,))
    _, offsets = pooled(np.array([[[1.0, 2.0, 4.0, 3.0]]]), *windows, (2,))
    g = np.array([[[np.inf, np.nan]]])
    gx = kernels.max_pool_scatter(g, offsets, (1, 1, 4), *windows)
    np.testing.assert_array_equal(gx, [[[0, np.inf, np.nan, 0]]])
    x = np.array([[[1.0, 2.0, 4.0, 3.0]]])
    np.testing.assert_array_equal(kernels.max_pool_grad(g, x, kernels.max_pool(x, *windows, (2,)), *windows), gx)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_memory_layouts_and_no_mutation(layout):
    windows = ((3, 2), (2, 1), (1, 1), (1, 2))
    x = LAYOUTS[layout](images("ties", (2, 3, 5, 6)))
    plain = np.array(x, order="C")
    out_size = kernels.pool_output_size(x.shape[2:], *windows, True)
    values, offsets = pooled(plain, *windows, out_size)
    g = LAYOUTS[layout](np.random.default_rng(0).standard_normal(values.shape))
    odd_offsets = LAYOUTS[layout](offsets)
    for a in (x, g, odd_offsets):
        a.flags.writeable = False
    plain_g, plain_offsets = np.array(g, order="C"), np.array(odd_offsets, order="C")
    results = [
        *pooled(x, *windows, out_size),
        kernels.max_pool_scatter(g, odd_offsets, x.shape, *windows),
        kernels.max_pool_gather(x, odd_offsets, *windows),
        kernels.max_pool_grad(g, x, LAYOUTS[layout](values), *windows),
    ]
    expected = [
        values,
        offsets,
        kernels.max_pool_scatter(plain_g, plain_offsets, x.shape, *windows),
        kernels.max_pool_gather(plain, plain_offsets, *windows),
        kernels.max_pool_grad(plain_g, plain, np.array(LAYOUTS[layout](values)), *windows),
    ]
    for result, other in zip(results, expected, strict=True):
        np.testing.assert_array_equal(result, other)
        assert not any(np.shares_memory(result, a) for a in (x, g, odd_offsets))
    np.testing.assert_array_equal(x, plain)
    np.testing.assert_array_equal(g, plain_g)


def test_identity_windows_still_copy():
    x = images("distinct", (1, 1, 3, 3))
    windows = ((1, 1), (1, 1), (0, 0), (1, 1))
    values, offsets = pooled(x, *windows, (3, 3))
    np.testing.assert_array_equal(values, x)
    assert not np.shares_memory(values, x)
    assert not np.shares_memory(kernels.max_pool_scatter(x, offsets, x.shape, *windows), x)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_empty_batch_and_dtype_kept(dtype):
    windows = ((2, 2), (2, 2), (0, 0), (1, 1))
    for n in (0, 2):
        x = np.ones((n, 3, 5, 4), dtype)
        values, offsets = pooled(x, *windows, (2, 2))
        gx = kernels.max_pool_scatter(values, offsets, x.shape, *windows)
        gathered = kernels.max_pool_gather(x, offsets, *windows)
        assert (values.shape, gx.shape, gathered.shape) == ((n, 3, 2, 2), x.shape, (n, 3, 2, 2))
        assert values.dtype == gx.dtype == gathered.dtype == dtype
        assert kernels.flat_indices(offsets, x.shape, *windows).shape == (n, 3, 2, 2)


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding", "dilation", "floor", "ceil"),
    [
        (6, 2, 2, 0, 1, 3, 3),
        (7, 2, 2, 0, 1, 3, 4),
        (7, 3, 2, 1, 1, 4, 4),
        (5, 2, 3, 1, 1, 2, 2),  # a third window would start beyond the image: PyTorch drops it
        (4, 1, 3, 0, 1, 2, 2),
        (5, 1, 3, 0, 1, 2, 2),  # likewise: it would start at 6
        (7, 3, 3, 0, 2, 1, 2),
        (2, 3, 1, 0, 1, 0, 0),
        (2, 4, 2, 0, 1, 0, 0),
        (2, 3, 2, 0, 1, 0, 1),
    ],
)
def test_output_size(size, kernel, stride, padding, dilation, floor, ceil):
    windows = (size,), (kernel,), (stride,), (padding,), (dilation,)
    assert kernels.pool_output_size(*windows, ceil_mode=False) == (floor,)
    assert kernels.pool_output_size(*windows, ceil_mode=True) == (ceil,)


# Overlapping windows, cut into parts: each pixel's sum is the same, to the bit, as in one part.

ORDERS = {"C": (0, 1, 2, 3), "pixels": (2, 3, 1, 0), "channels": (1, 2, 3, 0)}
IN_PARTS = list(itertools.product([2, 3, 5], [1, 2, 3], [1, 2]))


def in_order(x, order):
    return np.ascontiguousarray(x.transpose(order)).transpose(np.argsort(order))


@pytest.fixture
def parts(monkeypatch):
    """How many parts the last jobs had; three threads, and NaN in all new memory."""
    counts = []

    def spy(work, count, size, writes):
        counts.append(count)
        threads.run(work, count)

    def poisoned(x, shape, dtype):
        array = layout.empty_like(x, shape, dtype)
        array.fill(np.nan if np.dtype(dtype).kind == "f" else 77)
        return array

    monkeypatch.setattr(kernels, "run", spy)
    monkeypatch.setattr(kernels, "empty_like", poisoned)
    monkeypatch.setattr(threads, "_chosen", 3)
    return counts


def gradients(monkeypatch, slab_bytes, g, x, values, offsets, windows):
    """By max_pool_grad and by max_pool_scatter, in parts of this size."""
    monkeypatch.setattr(layout, "SLAB_BYTES", slab_bytes)
    return (
        kernels.max_pool_grad(g, x, values, *windows),
        kernels.max_pool_scatter(g, offsets, x.shape, *windows),
    )


def assert_parts_change_nothing(monkeypatch, parts, x, windows, ceil_mode=False):
    monkeypatch.setattr(layout, "SLAB_BYTES", 1 << 40)
    out_size = kernels.pool_output_size(x.shape[2:], *windows, ceil_mode)
    values, offsets = pooled(x, *windows, out_size)
    g = in_order(np.random.default_rng(4).standard_normal(values.shape), np.argsort([-s for s in values.strides]))
    g = g.astype(x.dtype)
    g[0, 0, -1] = np.inf
    parts.clear()
    expected = gradients(monkeypatch, 1 << 40, g, x, values, offsets, windows)
    assert set(parts) == {1}
    assert expected[0].tobytes() == expected[1].tobytes()
    for slab_bytes in (64, 1000, 5000):
        parts.clear()
        results = gradients(monkeypatch, slab_bytes, g, x, values, offsets, windows)
        if 2 * g.nbytes >= slab_bytes:
            assert parts[-1] > 1
        for result in results:
            assert result.dtype == x.dtype
            assert result.strides == expected[0].strides
            assert result.tobytes() == expected[0].tobytes()
    return expected[0]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("contents", ["distinct", "ties", "nan"])
@pytest.mark.parametrize(("kernel", "stride", "dilation"), IN_PARTS)
def test_gradients_in_parts(monkeypatch, parts, kernel, stride, dilation, contents, order):
    x = in_order(images(contents, (3, 4, 14, 11)), ORDERS[order])
    for padding, ceil_mode in itertools.product({0, 1, kernel // 2}, [False, True]):
        windows = ((kernel, kernel), (stride, stride), (padding, padding), (dilation, dilation))
        grad = assert_parts_change_nothing(monkeypatch, parts, x, windows, ceil_mode)
        out_size = kernels.pool_output_size(x.shape[2:], *windows, ceil_mode)
        end = (out_size[0] - 1) * stride - padding + dilation * (kernel - 1) + 1
        assert not grad[:, :, max(0, end) :].any()  # the rows behind the last window


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "dilation"),
    [
        ((5, 2), (1, 2), (2, 0), (1, 1)),
        ((2, 5), (3, 1), (0, 2), (1, 1)),
        ((1, 3), (3, 1), (0, 1), (1, 2)),
        ((1, 3), (1, 1), (0, 0), (1, 1)),
        ((3, 1), (4, 1), (1, 0), (1, 1)),
        ((2, 3), (2, 2), (1, 1), (5, 1)),
        ((13, 3), (1, 1), (6, 1), (1, 1)),
        ((4, 3), (9, 1), (2, 1), (1, 1)),
        ((2, 2), (2, 2), (0, 0), (1, 1)),
    ],
)
def test_gradients_in_parts_of_unequal_windows(monkeypatch, parts, kernel, stride, padding, dilation, order):
    """Far reaching ones, gaps, and parts that answer for no row."""
    for contents, dtype in itertools.product(["ties", "nan"], [np.float32, np.float64]):
        x = in_order(images(contents, (2, 3, 14, 10)).astype(dtype), ORDERS[order])
        for ceil_mode in (False, True):
            assert_parts_change_nothing(monkeypatch, parts, x, (kernel, stride, padding, dilation), ceil_mode)


def test_gradients_in_parts_equal_loops_over_pixels(monkeypatch, parts):
    """Two axes, one and three; for whole numbers the sums are exact in any order."""
    for space, kernel, stride, padding, dilation in OTHER_RANKS[:3] + [((14, 11), (3, 3), (2, 2), (1, 1), (1, 1))]:
        windows = (kernel, stride, padding, dilation)
        x = images("ties", (3, 2, *space))
        out_size = kernels.pool_output_size(space, *windows, False)
        values, indices = naive.max_pool(x, *windows, out_size)
        g = np.random.default_rng(5).integers(-9, 9, values.shape).astype(np.float64)
        expected = np.zeros((*x.shape[:2], int(np.prod(space))))
        for where in np.ndindex(g.shape):
            expected[(*where[:2], indices[where])] += g[where]
        for order in (range(x.ndim), (*range(2, x.ndim), 1, 0)):
            lies = [in_order(a, tuple(order)) for a in (g, x, values)]
            monkeypatch.setattr(layout, "SLAB_BYTES", 64)
            result = kernels.max_pool_grad(*lies, *windows)
            np.testing.assert_array_equal(result, expected.reshape(x.shape))
    assert max(parts) > 1
