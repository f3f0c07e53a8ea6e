"""Maps of one axis against loops over positions, and each against its adjoint."""

import numpy as np
import pytest

from tensorgrad.kernels import axes

# (size, starts, ends): tiles, overlaps, gaps, ranges that hang over either end, empty ones, all the same, none.
RANGES = [
    (6, [0, 2, 4], [2, 4, 6]),
    (6, [0, 1, 2, 3], [3, 4, 5, 6]),
    (7, [0, 3, 6], [1, 4, 7]),
    (5, [-2, 0, 2, 4], [1, 3, 5, 7]),
    (5, [0, 1, 3, 3], [2, 3, 3, 5]),
    (3, [0, 0, 0, 1, 1, 2], [1, 1, 2, 2, 3, 3]),
    (4, [-3, 5], [-1, 7]),
    (4, [], []),
]
INDICES = [
    (5, [0, 1, 2, 3, 4]),
    (5, [3, 1, 1, 0, 4, 1]),
    (4, [2, 2, 2]),
    (3, [2, 1, 0, 1, 2]),
    (6, [0, 0, 2, 5]),
    (3, []),
]
AXES = pytest.mark.parametrize("axis", [0, 1, 2])


def values(size, axis, seed=0):
    shape = [2, 3, 4]
    shape[axis] = size
    x = np.random.default_rng(seed).standard_normal(shape)
    x.flags.writeable = False
    return x


@AXES
@pytest.mark.parametrize("size, starts, ends", RANGES)
def test_range_sums_equal_loops(size, starts, ends, axis):
    x, starts, ends = values(size, axis), np.array(starts, int), np.array(ends, int)
    out = axes.range_sums(x, starts, ends, axis)
    assert out.shape[axis] == len(starts)
    for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
        held = [x.take(i, axis) for i in range(start, end) if 0 <= i < size]
        right = sum(held) if held else np.zeros(out.take(number, axis).shape)
        np.testing.assert_allclose(out.take(number, axis), right, rtol=1e-12, atol=1e-13)


@AXES
@pytest.mark.parametrize("size, starts, ends", RANGES)
def test_range_sums_over_holders_are_the_adjoint(size, starts, ends, axis):
    starts, ends = np.array(starts, int), np.array(ends, int)
    x, g = values(size, axis), values(len(starts), axis, seed=1)
    back = axes.range_sums(g, *axes.holders(starts, ends, size), axis)
    assert back.shape == x.shape
    np.testing.assert_allclose(np.vdot(axes.range_sums(x, starts, ends, axis), g), np.vdot(x, back), rtol=1e-12)


@AXES
@pytest.mark.parametrize("size, index", INDICES)
def test_spread_adds_up_what_take_reads(size, index, axis):
    index = np.array(index, int)
    x, g = values(size, axis), values(len(index), axis, seed=1)
    np.testing.assert_array_equal(axes.take(x, index, axis), x[(slice(None),) * axis + (index,)])
    right = np.zeros(x.shape)
    np.add.at(right, (slice(None),) * axis + (index,), g)
    np.testing.assert_allclose(axes.spread(g, index, size, axis), right, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("size, out", [(n, m) for n in range(1, 10) for m in range(12)])
def test_adaptive_ranges_cover_the_axis(size, out):
    ((starts, ends),) = axes.adaptive_ranges((size,), (out,))
    assert len(starts) == out
    assert all(0 <= s < e <= size for s, e in zip(starts, ends, strict=True))
    if out:
        assert starts[0] == 0
        assert ends[-1] == size
        assert all(s <= e for s, e in zip(starts[1:], ends, strict=False))
        assert all(np.diff(starts) >= 0)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_dtype_and_memory(dtype):
    x = np.ones((2, 3), dtype)
    results = [
        axes.take(x, np.arange(3), 1),
        axes.spread(x, np.arange(3), 3, 1),
        axes.range_sums(x, np.arange(3), np.arange(1, 4), 1),
    ]
    for out in results:
        np.testing.assert_array_equal(out, x)
        assert out.dtype == dtype
        assert not np.shares_memory(out, x)
