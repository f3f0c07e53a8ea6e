"""One recording in several threads, and what it holds of arrays that live on."""

import asyncio
import contextvars
import gc
import sys
import threading
import tracemalloc

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import viz

from .graphs import leaf

WORKERS = 6


@pytest.fixture
def hurried():
    """Threads take turns all the time."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def forward_and_back(times):
    weight = leaf(np.ones(3, np.float32))
    for _ in range(times):
        with tg.no_grad():
            scale = tg.ones(3) * 2.0
        loss = (tg.tanh(weight * scale) + weight).sum()
        loss.backward()
    return loss


@pytest.mark.parametrize("max_bytes", [20_000, 2_000_000])
def test_a_recording_may_be_used_from_several_threads(hurried, max_bytes):
    errors = []

    def work():
        try:
            forward_and_back(60)
        except Exception as error:
            errors.append(error)

    with viz.record(max_bytes=max_bytes, max_cells=8) as run:
        contexts = [contextvars.copy_context() for _ in range(WORKERS)]
        threads = [threading.Thread(target=context.run, args=(work,)) for context in contexts]
        for thread in threads:
            thread.start()
        loss = forward_and_back(20)
        for _ in range(5):
            assert run.graph(loss).nodes
        for thread in threads:
            thread.join()
    assert errors == []
    assert run.bytes <= max_bytes
    assert sum(call.cost for call in run._calls.values()) == run.bytes


def test_a_recording_may_be_used_by_asyncio(hurried):
    async def work():
        return await asyncio.gather(*[asyncio.to_thread(forward_and_back, 20) for _ in range(WORKERS)])

    with viz.record(max_cells=8) as run:
        losses = asyncio.run(work())
    for loss in losses:
        view = run.graph(loss)
        assert all(node.steps for node in view.nodes if node.kind == "op" and node.name in ("tanh", "add", "sum"))
        assert view.edges == run.graph(loss).edges


def test_each_thread_leaves_the_recording_that_it_entered():
    run, entered, left = viz.record(), threading.Event(), threading.Event()
    seen = []

    def other():
        with run:
            entered.set()
            left.wait()
        count = len(run._calls)
        leaf([1.0]) * 2.0
        seen.append(len(run._calls) - count)

    thread = threading.Thread(target=other)
    with run:
        thread.start()
        entered.wait()
    left.set()
    thread.join()
    count = len(run._calls)
    leaf([1.0]) * 2.0
    assert seen == [0]
    assert len(run._calls) == count


@pytest.mark.parametrize("make", [lambda c: tg.stack(c), lambda c: [one * 1.0 for one in c]])
def test_operations_without_gradient_are_bounded_too(make):
    constants, kept = [tg.tensor([1.0]) for _ in range(500)], []
    for _ in range(12):  # results that live on, which are not the recording's
        kept.append(make(constants))
    tracemalloc.start()
    try:
        with viz.record(max_bytes=200_000) as run:
            for number in range(12):
                kept[number] = make(constants)
        gc.collect()
        held = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, "*/tensorgrad/viz/*")])
        held = sum(trace.size for trace in held.traces)
    finally:
        tracemalloc.stop()
    assert run.lost_calls
    assert held < 1_000_000
    assert len(run._makers) <= 3 * len(run._calls) + 2000
