"""Copies of short runs, and images by phases of their columns, against plain copies and slices."""

import itertools

import numpy as np
import pytest

from tensorgrad.kernels import runs
from tensorgrad.kernels.phases import columns_of, new_phases, phases, put_back
from tensorgrad.kernels.runs import copy_runs


@pytest.fixture
def items(monkeypatch):
    """The sizes of the runs that were copied as one value."""
    sizes, item = [], runs._item
    monkeypatch.setattr(runs, "_item", lambda nbytes: sizes.append(nbytes) or item(nbytes))
    return sizes


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8, np.bool_, ">f4"])
@pytest.mark.parametrize("run", [1, 2, 3, 8, 16, 200])
def test_copies_of_short_runs(items, dtype, run):
    values = np.random.default_rng(0).integers(0, 2, (64, 70, run)).astype(dtype)
    for source in (values.swapaxes(0, 1), values[::2], values[:, ::-3], values[..., ::-1], values[:1].repeat(2, 0)):
        items.clear()
        target = np.ones((*source.shape[:-1], source.shape[-1] + 1), dtype)[..., :-1]
        copy_runs(target, source)
        np.testing.assert_array_equal(target, source)
        assert (target.base[..., -1] == 1).all()
        is_run = source.strides[-1] == source.itemsize and run > 1 and run * source.itemsize <= 256
        assert items == [run * source.itemsize] * (is_run and source.size >= runs.LEAST)


def test_other_copies_are_left_to_numpy(items):
    values = np.arange(64 * 70 * 4, dtype=np.float32).reshape(64, 70, 4)
    for target, source in (
        (np.empty((64, 70, 4)), values),  # other dtypes
        (np.empty((64, 140, 4), np.float32)[:, :70], values),  # longer runs
        (np.empty((10, 70, 4), np.float32), values[:10]),  # few values
        (np.empty((), np.float32), np.float32(3)[...]),
        (np.empty((70, 64, 4), np.float32)[:0], values[:, :0].swapaxes(0, 1)[:0]),
    ):
        copy_runs(target, source)
        np.testing.assert_array_equal(target, source)
    assert items == []


@pytest.mark.parametrize("step", [1, 2, 3])
@pytest.mark.parametrize("images", [1, 2, 5, 16, 20])
@pytest.mark.parametrize("order", [(1, 2, 3, 0), (2, 3, 1, 0), (0, 1, 2, 3)])
def test_phases_hold_every_column(order, images, step):
    shape = (images, 2, 5, 11)
    back = np.argsort(order)
    x = np.arange(np.prod(shape), dtype=np.float32).reshape([shape[axis] for axis in order]).transpose(back)
    parts = phases(x, step)
    assert len(parts) == step
    is_copied = step > 1 and order[-1] == 0 and 1 < (images if order[0] == 1 else 2 * images) < 16
    assert all(np.may_share_memory(part, x) != is_copied for part in parts)
    for first, count, row in itertools.product(range(5), range(1, 3), (slice(0, 5), slice(4, 1, -1))):
        across = slice(first, first + (count - 1) * step + 1, step)
        np.testing.assert_array_equal(columns_of(parts, (row, across)), x[:, :, row, across])
    out = np.zeros_like(x)
    made = new_phases(out, step)
    for part, values in zip(made, parts, strict=True):
        part[...] = values
    put_back(out, made)
    np.testing.assert_array_equal(out, x)
