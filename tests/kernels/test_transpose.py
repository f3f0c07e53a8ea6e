"""Copies into another order of the axes against np.copyto, on both sides of the border where they go by blocks."""

import itertools

import numpy as np
import pytest

from tensorgrad.kernels import layout, threads, transpose, windows


def copied(x):
    out = np.full(x.shape, 99, x.dtype)
    transpose.copy_turned(out, x)
    return out


@pytest.fixture
def crowded(monkeypatch):
    """All copies in another order go by blocks, and these are small."""
    monkeypatch.setattr(transpose, "PLACES", 0)
    monkeypatch.setattr(transpose, "BLOCK", 24)
    monkeypatch.setattr(transpose, "RUN", 3)


@pytest.mark.parametrize("shape", [(3, 5), (1, 7), (7, 1), (2, 3, 5), (4, 3, 2, 5), (2, 1, 3, 1, 4), (0, 3), (5,), ()])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.int64, np.bool_])
def test_every_order_of_the_axes(crowded, shape, dtype):
    x = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
    for order in itertools.permutations(range(len(shape))):
        turned = x.transpose(order)
        np.testing.assert_array_equal(copied(turned), turned)
        np.testing.assert_array_equal(copied(np.flip(turned)), np.flip(turned))


def test_views_with_gaps_and_repetitions(crowded):
    x = np.arange(4 * 6 * 10).reshape(4, 6, 10).astype(np.float32)
    for view in (x[::2, ::3, ::2], x[:, 1:4], x[1:2].repeat(3, 0), np.broadcast_to(x[:, :1], x.shape), x[..., :1]):
        for order in itertools.permutations(range(3)):
            np.testing.assert_array_equal(copied(view.transpose(order)), view.transpose(order))


@pytest.mark.parametrize(
    ("shape", "order", "by_blocks"),
    [
        ((32, 32, 32, 32), (2, 3, 1, 0), True),
        ((1024, 512), (1, 0), True),
        ((4096, 1000), (1, 0), True),
        ((100, 513), (1, 0), False),
        ((8, 64, 32, 32), (2, 3, 1, 0), False),
        ((32, 32, 32, 32), (2, 0, 1, 3), False),
        ((32, 32), (0, 1), False),
    ],
)
@pytest.mark.parametrize("workers", [1, 3])
def test_goes_by_blocks_where_lines_share_places(monkeypatch, shape, order, by_blocks, workers):
    monkeypatch.setattr(threads, "_chosen", workers)
    turned = np.random.default_rng(0).standard_normal(shape).astype(np.float32).transpose(order)
    calls = []
    monkeypatch.setattr(transpose, "run", lambda *args, writes: (calls.append(args), threads.run(*args)))
    np.testing.assert_array_equal(copied(turned), turned)
    assert bool(calls) == by_blocks


def test_nothing_is_copied_in_any_order():
    for shape in ((0, 4096), (4096, 0), (64, 0, 32, 32)):
        for order in itertools.permutations(range(len(shape))):
            assert copied(np.zeros(shape, np.float32).transpose(order)).size == 0
    for sliced in (np.zeros((64, 32, 32, 32), np.float32)[:, :0], np.zeros((4096, 64), np.float32)[:, :0]):
        for order in itertools.permutations(range(sliced.ndim)):  # an empty array of large strides
            assert copied(sliced.transpose(order)).size == 0


def test_images_whose_pixels_are_runs_are_not_copied():
    x = np.zeros((6, 5, 8, 4), np.float32)
    for image in (x, x[::2, ::3], x[:, :, 2:6], x[..., :1, :], x[:, :, :1], x[2:2]):
        assert layout.dense(image) is image
    for image in (
        x[..., ::2],
        x[:, :, ::2],
        x.transpose(1, 0, 3, 2),
        x[..., ::-1],
        np.broadcast_to(x[..., :1], x.shape),
    ):
        copy = layout.dense(image)
        assert copy.flags.c_contiguous
        assert not np.shares_memory(copy, x)


@pytest.mark.parametrize("step", [1, 2])
def test_overlapping_views_begin_where_they_are_told(step):
    x = np.arange(240.0).reshape(4, 5, 3, 4)[::step, ::step]
    view = windows.overlapping(x, (1, 0), (2, 3, 4), (x.strides[1], x.strides[2], x.strides[3]))
    np.testing.assert_array_equal(view, x[1, :2])
    assert np.shares_memory(view, x)
