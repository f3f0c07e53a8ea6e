"""Blocks that are used again are never seen by two arrays at a time."""

import gc

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.kernels import buffers

SHAPE = (100, 1000)


@pytest.fixture(autouse=True)
def _own_cache():
    buffers.empty_cache()
    yield
    buffers.empty_cache()


def address(array):
    return array.__array_interface__["data"][0]


@pytest.mark.parametrize(
    "view",
    [
        lambda a: a,
        lambda a: a[1:],
        lambda a: a.reshape(-1)[3:],
        lambda a: a.T.view(np.int32),
        lambda a: np.asarray(memoryview(a)),
        lambda a: a.view(np.recarray),
        lambda a: np.broadcast_to(a, (2, *a.shape)),
        lambda a: a[0].flat.base,
    ],
)
def test_a_block_comes_back_when_its_last_view_is_gone(view):
    array = buffers.empty(SHAPE, np.float32)
    where = address(array)
    last = view(array)
    del array
    other = buffers.empty(SHAPE, np.float32)
    assert address(other) != where
    del last
    gc.collect()
    again = buffers.empty(SHAPE, np.float32)
    assert address(again) == where


def test_sizes_of_one_class_share_a_block():
    first = buffers.empty((65, 1000), np.float32)
    where = address(first)
    del first
    assert address(buffers.empty((64, 1000), np.float32)) == where


def test_small_arrays_take_no_block():
    array = buffers.empty((10,), np.float32)
    assert array.base is None


def test_what_is_held_is_bounded(monkeypatch):
    monkeypatch.setattr(buffers, "MOST_HELD_BYTES", 10**6)
    arrays = [buffers.empty(SHAPE, np.float32) for _ in range(10)]
    del arrays
    assert sum(block.nbytes for blocks in buffers._free.values() for block in blocks) <= 10**6
    buffers.empty_cache()
    assert not any(buffers._free.values())
    assert buffers._held_bytes == 0


def test_training_reads_no_block_that_came_back(monkeypatch):
    """The same numbers when every block that comes back is filled with nan."""

    def train():
        tg.manual_seed(0)
        net = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU(), nn.AvgPool2d(2), nn.Dropout(0.1), nn.Flatten(),
            nn.Linear(128, 10),
        )  # fmt: skip
        optimiser = nn.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
        rng = np.random.default_rng(0)
        kept = []
        for _ in range(4):
            x = tg.tensor(rng.standard_normal((32, 3, 16, 16)).astype(np.float32), requires_grad=True)
            loss = nn.functional.cross_entropy(net(x), tg.tensor(rng.integers(0, 10, 32)))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            kept += [loss.detach(), x.grad]  # results that outlive the step
        return [t.detach().numpy().tobytes() for t in [*kept, *net.parameters(), *net.buffers()]]

    plain = train()
    give_back, poisoned = buffers._give_back, []

    def poison(block):
        block.view(np.ndarray).fill(0xFF)  # every float of it is nan
        poisoned.append(block.nbytes)
        give_back(block)

    monkeypatch.setattr(buffers, "_give_back", poison)
    assert train() == plain
    assert len(poisoned) > 20


def test_sizes_that_are_wanted_no_more_make_room(monkeypatch):
    """What is held when the sizes change does not keep the new ones out."""
    monkeypatch.setattr(buffers, "MOST_HELD_BYTES", 10**6)
    old = [buffers.empty(SHAPE, np.float32) for _ in range(2)]
    del old
    new = buffers.empty((150, 1000), np.float32)
    where = address(new)
    del new
    assert address(buffers.empty((150, 1000), np.float32)) == where


def test_a_kernel_within_a_kernel_has_scratch_of_its_own():
    outer = buffers.scratch("part", (10,), np.dtype(np.float32))
    buffers.set_nested(1)
    try:
        inner = buffers.scratch("part", (10,), np.dtype(np.float32))
    finally:
        buffers.set_nested(0)
    assert not np.shares_memory(outer, inner)
    assert np.shares_memory(outer, buffers.scratch("part", (10,), np.dtype(np.float32)))


@pytest.mark.parametrize("count", [1, 7, 1000, 1 << 16, 100_003])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_large_results_and_scratch_begin_at_a_line_of_the_cache(count, dtype):
    held = [buffers.scratch(f"line {count} {i}", (count,), np.dtype(dtype)) for i in range(3)]
    for _ in range(2):  # new, and from the free list
        made = [buffers.empty((count,), dtype) for _ in range(3)]
        for array in (*held, *(a for a in made if a.nbytes >= buffers.LEAST_BYTES)):
            assert array.ctypes.data % buffers.LINE == 0
        for number, array in enumerate(made):
            array.fill(number)  # all of it is there, and no other's
        assert all((array == number).all() for number, array in enumerate(made))
        del made, array


@pytest.mark.parametrize(("nbytes", "count"), [(1 << 28, 1), (1 << 27, 2), (1 << 24, 16)])
def test_what_fits_the_limit_exactly_is_held(monkeypatch, nbytes, count):
    monkeypatch.setattr(buffers, "MOST_HELD_BYTES", 1 << 28)
    buffers.empty_cache()
    made = [buffers.empty((nbytes,), np.uint8) for _ in range(count)]
    del made
    assert buffers._held_bytes == 1 << 28
    buffers.empty_cache()
