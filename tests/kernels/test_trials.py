"""Short jobs take helpers where that has been faster."""

import threading
import time

import pytest

from tensorgrad.kernels import threads, trials
from tensorgrad.kernels.trials import AGAIN, FIRST, MOST, PAYS, Trial, trial

SHORT = threads.SMALL  # multiplications: a job that is tried both ways


@pytest.fixture(autouse=True)
def two_threads(monkeypatch):
    monkeypatch.setattr(trials, "_trials", {})
    before = threads._chosen
    threads.set_num_threads(2)
    yield
    threads._chosen = before


def ways(tried, times, count):
    """The ways that are taken when they take such times."""
    taken = []
    for _ in range(count):
        way = tried.way()
        tried.note(way, times[way])
        taken.append(way)
    return taken


@pytest.mark.parametrize(("helped", "expected"), [(0.5, 1), (PAYS - 0.01, 1), (PAYS + 0.01, 0), (1.5, 0)])
def test_the_faster_way_is_taken_and_the_other_tried_again(helped, expected):
    taken = ways(Trial(), [1.0, helped], 3 * AGAIN)
    assert taken[:FIRST] == [1, 0] * (FIRST // 2)
    for number, way in enumerate(taken[FIRST:], FIRST):
        assert way == (1 - expected if number % AGAIN == 0 else expected)


def test_a_slow_first_time_does_not_count():
    tried = Trial()
    tried.note(tried.way(), 100.0)  # the first time with helpers: memory is new
    assert ways(tried, [1.0, 0.5], AGAIN - 1)[FIRST:] == [1] * (AGAIN - 1 - FIRST)


def test_what_has_become_slower_is_left_after_some_calls():
    tried = Trial()
    ways(tried, [1.0, 0.5], AGAIN)
    assert ways(tried, [1.0, 3.0], AGAIN)[AGAIN // 2 :] == [0] * (AGAIN // 2)


def test_one_interruption_changes_nothing():
    tried = Trial()
    ways(tried, [1.0, 0.5], AGAIN + 1)
    assert tried.way() == 1
    tried.note(1, 1000.0)
    assert tried.way() == 1


def test_kinds_are_told_apart_and_forgotten_when_they_are_many():
    first = trial("a")
    assert trial("a") is first
    assert trial("b") is not first
    for number in range(2 * MOST):
        trial(number)
    assert len(trials._trials) <= MOST


def in_threads(work, count, size, calls):
    """How many threads worked at each of some calls."""
    result = []
    for _ in range(calls):
        seen = set()

        def chunk(number, seen=seen):
            seen.add(threading.current_thread())
            work()

        threads.run(chunk, count, size)
        result.append(len(seen))
    return result


def test_helpers_that_make_it_faster_take_part():
    assert in_threads(lambda: time.sleep(2e-3), 2, SHORT, 3 * FIRST)[FIRST:] == [2] * (2 * FIRST)


def test_helpers_that_make_it_slower_are_left_out():
    main = threading.current_thread()

    def slow_elsewhere():
        time.sleep(1e-3 if threading.current_thread() is main else 5e-3)

    assert in_threads(slow_elsewhere, 2, SHORT, 3 * FIRST)[FIRST:] == [1] * (2 * FIRST)
    # A large job takes them all the same, and one that is too small never.
    assert in_threads(slow_elsewhere, 2, threads.LARGE, 4) == [2] * 4
    assert in_threads(slow_elsewhere, 2, threads.SMALL - 1, 4) == [1] * 4


def test_a_job_that_fails_is_not_counted():
    def chunk(number):
        raise ArithmeticError

    for _ in range(3):
        with pytest.raises(ArithmeticError):
            threads.run(chunk, 2, SHORT)
    (tried,) = trials._trials.values()
    assert tried.times == [0.0, 0.0]
