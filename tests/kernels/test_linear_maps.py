"""Average pooling, padding, folding and resizing: loops over pixels, adjoints, memory layouts, dtypes."""

import itertools

import numpy as np
import pytest

from tensorgrad.kernels import average, fold, interpolate, pad
from tensorgrad.kernels.pool import pool_output_size
from tests import naive

# Each: shapes of x and of the result, forward, its adjoint, and the loops.
X = (2, 3, 5, 6)
POOL = ((3, 2), (2, 1), (1, 1), (3, 7))
CONSTANT, MIRRORED = ((0, 0), (1, -1), (2, 0), (-1, 3)), ((0, 0), (0, 0), (2, 3), (-1, 4))
WINDOWS = ((3, 2), (2, 1), (1, 0), (1, 2), (3, 4))
LINEAR = ("linear", False, None)


def averaged(*rest):
    windows = average.pool_windows(X[2:], *POOL, *rest)
    return (
        lambda x: average.average(x, *windows),
        lambda g: average.average_adjoint(g, *windows, X[2:]),
        lambda x: naive.avg_pool(x, *POOL, *rest),
    )


def adaptive(*size):
    return (
        lambda x: average.adaptive_average(x, size),
        lambda g: average.adaptive_average_adjoint(g, X[2:]),
        lambda x: naive.adaptive_avg_pool(x, size),
    )


def padded(mode):
    return (
        lambda x: pad.pad_by_position(x, MIRRORED, mode),
        lambda g: pad.pad_by_position_adjoint(g, X, MIRRORED, mode),
        lambda x: naive.pad(x, MIRRORED, mode, 0),
    )


def resized(size, *how):
    return (
        lambda x: interpolate.interpolate(x, size, *how),
        lambda g: interpolate.interpolate_adjoint(g, X, *how),
        lambda x: naive.interpolate(x, size, *how),
    )


MAPS = {
    "average": averaged(True, None),
    "average of pixels": averaged(False, None),
    "average by a divisor": averaged(False, -3),
    "adaptive": adaptive(3, 4),
    "adaptive to more": adaptive(8, 1),
    "constant": (
        lambda x: pad.pad_constant(x, CONSTANT),
        lambda g: pad.pad_constant(g, tuple((-b, -a) for b, a in CONSTANT)),
        lambda x: naive.pad(x, CONSTANT, "constant", 0),
    ),
    "reflect": padded("reflect"),
    "replicate": padded("replicate"),
    "circular": padded("circular"),
    "unfold": (
        lambda x: fold.unfold(x, *WINDOWS),
        lambda g: fold.fold(g, X[2:], *WINDOWS),
        lambda x: naive.unfold(x, WINDOWS[0], WINDOWS[3], WINDOWS[2], WINDOWS[1]),
    ),
    "nearest": resized((7, 3), "nearest", False, None),
    "nearest by a factor": resized((7, 3), "nearest", False, (1.5, 0.6)),
    "nearest-exact": resized((8, 4), "nearest-exact", False, None),
    "linear": resized((7, 9), *LINEAR),
    "linear with corners": resized((1, 9), "linear", True, None),
    "cubic": resized((8, 4), "cubic", False, None),
}
LAYOUTS = {
    "fortran": np.asfortranarray,
    "strided": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "negative": lambda a: np.flip(np.flip(a).copy()),
    "broadcast": lambda a: np.broadcast_to(a[:1, :1], a.shape),
}
every_map = pytest.mark.parametrize("name", MAPS)


def normal(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


@every_map
def test_equals_loops_over_pixels(name):
    forward, _, loops = MAPS[name]
    np.testing.assert_allclose(forward(normal(X)), loops(normal(X)), rtol=1e-12, atol=1e-13)


@every_map
def test_adjoint(name):
    forward, adjoint, _ = MAPS[name]
    x = normal(X)
    y = forward(x)
    g = normal(y.shape, seed=1)
    back = adjoint(g)
    assert back.shape == X
    np.testing.assert_allclose(np.vdot(y, g), np.vdot(x, back), rtol=1e-11)


@every_map
@pytest.mark.parametrize("layout", LAYOUTS)
def test_memory_layouts_and_no_mutation(name, layout):
    forward, adjoint, _ = MAPS[name]
    x = LAYOUTS[layout](normal(X))
    plain = np.array(x, order="C")
    g = LAYOUTS[layout](normal(forward(plain).shape, seed=1))
    plain_g = np.array(g, order="C")
    x.flags.writeable = g.flags.writeable = False
    for function, given, copy in [(forward, x, plain), (adjoint, g, plain_g)]:
        out = function(given)
        np.testing.assert_allclose(out, function(copy), rtol=1e-13, atol=1e-14)
        np.testing.assert_array_equal(given, copy)
        assert out.flags.writeable
        assert not np.shares_memory(out, given)


@every_map
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_dtype_is_kept(name, dtype):
    forward, adjoint, _ = MAPS[name]
    x = normal(X).astype(dtype)
    for function, given in [(forward, x), (adjoint, forward(x))]:
        out = function(given)
        assert out.dtype == dtype
        exact = function(given.astype(np.float64))
        rtol = 2e-3 if dtype == np.float16 else 3e-6
        np.testing.assert_allclose(out, exact, rtol=rtol, atol=rtol * np.abs(exact).max())


@pytest.mark.parametrize("size, kernel, stride, padding", [*itertools.product([4, 7], [2, 3], [1, 2, 3], [0, 1])])
def test_average_pooling_of_one_axis(size, kernel, stride, padding):
    x = normal((1, 2, size))
    out = (size + 2 * padding - kernel) // stride + 1
    for include, divisor in itertools.product([False, True], [None, 4]):
        sizes = (kernel,), (stride,), (padding,), (out,), include, divisor
        windows = average.pool_windows((size,), *sizes)
        np.testing.assert_allclose(average.average(x, *windows), naive.avg_pool(x, *sizes), rtol=1e-12)


@pytest.mark.parametrize("kernel, stride, padding", [*itertools.product([1, 2, 3, 4], [1, 2, 3, 5], [0, 1, 2])])
@pytest.mark.parametrize("size", [1, 2, 5, 8])
@pytest.mark.parametrize("ceil_mode", [True, False])
@pytest.mark.parametrize("order", ["C", "F"])
def test_adjoint_of_pooling_one_axis(size, kernel, stride, padding, ceil_mode, order):
    """Windows that overlap, tile or leave gaps, begin in the padding or hang over the end."""
    if padding > kernel // 2 or size + 2 * padding < kernel:
        return
    (out,) = pool_output_size((size,), (kernel,), (stride,), (padding,), (1,), ceil_mode)
    windows = average.pool_windows((size,), (kernel,), (stride,), (padding,), (out,), True, None)
    g = np.array(normal((2, 3, out)), order=order)
    columns = [average.average(row[None, None], *windows)[0, 0] for row in np.eye(size)]
    found = average.average_adjoint(g, *windows, (size,))
    np.testing.assert_allclose(found, g @ np.array(columns).T, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("layout", ["C", *LAYOUTS])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_adaptive_average_of_whole_maps(layout, dtype):
    x = (100 + normal((3, 5, 40, 41))).astype(dtype)
    x = LAYOUTS[layout](x) if layout in LAYOUTS else x
    found = average.adaptive_average(x, (1, 1))
    assert (found.shape, found.dtype) == ((3, 5, 1, 1), dtype)
    rtol = {np.float16: 1e-3, np.float32: 1e-6, np.float64: 1e-14}[dtype]
    np.testing.assert_allclose(found, x.mean((2, 3), np.float64, keepdims=True), rtol=rtol)
    g = normal((3, 5, 1, 1)).astype(dtype)
    shares = average.adaptive_average_adjoint(g, (40, 41))
    assert (shares.shape, shares.dtype) == (x.shape, dtype)
    np.testing.assert_allclose(
        shares, np.broadcast_to(g / 1640.0, x.shape), rtol=rtol, atol=1e-6 * (dtype == np.float16)
    )


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
@pytest.mark.parametrize("size, width", [(4, (3, 3)), (4, (-1, 2)), (4, (2, -2)), (1, (0, 0)), (3, (-1, -1))])
def test_positions_of_padding(mode, size, width):
    x = np.arange(size, dtype=float)
    np.testing.assert_array_equal(x[pad.positions(size, width, mode)], naive.pad(x, (width,), mode, 0))


@pytest.mark.parametrize("widths", [(2, 1), (-1, 2), (2, -1), (-3, 2), (5, -4), (-2, 5), (4, -7)])
def test_constant_padding_may_cut_off_what_it_added(widths):
    x = np.arange(1.0, 4)
    out = pad.pad_constant(x, (widths,), 9)
    np.testing.assert_array_equal(out, naive.pad(x, (widths,), "constant", 9))


@pytest.mark.parametrize(
    "mode, align_corners", [("linear", False), ("linear", True), ("cubic", False), ("cubic", True)]
)
def test_weights_of_resizing_add_up_to_one(mode, align_corners):
    for size, out in itertools.product([1, 2, 5, 8], [1, 3, 8, 13]):
        taps = interpolate.taps(size, out, mode, align_corners, None, np.dtype(np.float64))
        np.testing.assert_allclose(sum(weight for _, weight in taps), np.ones(out), rtol=1e-12)
        assert all(0 <= i < size for index, _ in taps for i in index)
