"""Signals between threads: a wait ends with its signal or by itself, and holds nobody up meanwhile."""

import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from tensorgrad.kernels import signals, threads
from tensorgrad.kernels.signals import Signal

LONG = 3 * 10**10  # reads: about ten seconds


def test_a_wait_ends_with_its_signal_and_leaves_pythons_lock_to_others():
    signal, times = Signal(2, LONG), []

    def wait():
        signal.wait()
        times.append(time.perf_counter())

    thread = threading.Thread(target=wait)
    start = time.perf_counter()
    thread.start()
    while time.perf_counter() < start + 0.05:  # held up for seconds, if the wait held the lock
        pass
    assert thread.is_alive()
    given = time.perf_counter()
    signal.give()
    thread.join()
    assert given - start < 2
    assert times[0] - given < 2


def test_what_was_given_before_is_not_waited_for_until_it_is_set_again():
    signal = Signal(3, LONG)
    signal.give()
    start = time.perf_counter()
    for _ in range(100):
        signal.wait()
    assert time.perf_counter() - start < 2
    short = Signal(3, 1000)
    short.give()
    short.set(True)
    short.wait()  # to its end
    assert short._out.all()
    short.give()
    short.wait()
    assert not short._out.any()


def test_the_waits_left_after_a_signal_are_short_ones():
    """Rows that are left take nanoseconds, so that a wait of many rows ends soon after the signal too."""
    signal = Signal(1000, LONG // 1000)
    thread = threading.Thread(target=signal.wait)
    thread.start()
    time.sleep(0.02)
    start = time.perf_counter()
    signal.give()
    thread.join()
    assert time.perf_counter() - start < 2


def test_numpy_ends_a_row_early():
    """If this fails, NumPy has changed, and threads sleep where they could wait: slower, and right."""
    assert signals.ends_early.__wrapped__()


@pytest.mark.parametrize("is_early", [True, False])
def test_jobs_with_and_without_signals(is_early, monkeypatch):
    monkeypatch.setattr(threads, "ends_early", lambda: is_early)
    monkeypatch.setattr(threads, "_chosen", 3)
    for count in (2, 3, 50):
        for _ in range(20):
            out = np.zeros(count)

            def work(number, out=out):
                time.sleep(0.0002)
                out[number] += number

            threads.run(work, count)
            np.testing.assert_array_equal(out, range(count))


def test_threads_without_a_job_sleep(monkeypatch):
    monkeypatch.setattr(threads, "_chosen", 3)
    threads.run(lambda number: time.sleep(0.001), 20)
    time.sleep(0.2)
    start = time.process_time()
    time.sleep(0.5)
    assert time.process_time() - start < 0.25


def test_threads_without_a_job_are_given_one_first(monkeypatch):
    pool = [SimpleNamespace(is_busy=busy) for busy in (True, False, True, False)]
    monkeypatch.setattr(threads, "_pool", pool)
    assert threads._workers(1) == [pool[1]]
    assert threads._workers(3) == [pool[1], pool[3], pool[0]]
    assert threads._workers(4) == [pool[1], pool[3], pool[0], pool[2]]
