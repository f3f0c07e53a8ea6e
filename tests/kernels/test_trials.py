"""Short jobs take helpers where that has been faster."""

import functools

import numpy as np
import pytest

from tensorgrad.kernels import elementwise, threads, trials
from tensorgrad.kernels.trials import AGAIN, FIRST, MOST, PAYS, Trial, trial

TRIED = len(FIRST)
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


@pytest.mark.parametrize(
    ("helped", "expected"), [(0.2, 1), (0.5, 1), (PAYS - 0.01, 1), (PAYS + 0.01, 0), (1.4, 0), (4, 0)]
)
def test_the_faster_way_is_taken_and_the_other_tried_again(helped, expected):
    taken = ways(Trial(), [1.0, helped], 5 * AGAIN)
    assert taken[:TRIED] == list(FIRST)
    every = round(AGAIN * max(helped, 1 / helped)) | 1  # the longer it takes, the less often
    for number, way in enumerate(taken[TRIED:], TRIED):
        assert way == (1 - expected if number % every == 0 else expected)


def test_a_slow_first_time_does_not_count():
    tried = Trial()
    tried.note(tried.way(), 100.0)  # the first time with helpers: memory is new
    assert ways(tried, [1.0, 0.5], AGAIN - 1)[TRIED:] == [1] * (AGAIN - 1 - TRIED)


def test_what_has_become_slower_is_left_after_some_calls():
    tried = Trial()
    ways(tried, [1.0, 0.5], AGAIN)
    assert ways(tried, [1.0, 3.0], AGAIN)[-10:] == [0] * 10


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


@pytest.fixture
def calls(monkeypatch):
    """A function that runs jobs which take such times by a clock of the test's own: with helpers (1) or without (0)."""
    clock = 0.0
    taken = []

    def way(number, seconds):
        def do(*_):
            nonlocal clock
            clock += seconds
            taken.append(number)

        return do

    def jobs(alone, helped, size, count):
        monkeypatch.setattr(threads, "_alone", way(0, alone))
        monkeypatch.setattr(threads, "_share", way(1, helped))
        taken.clear()
        for _ in range(count):
            threads.run(lambda number: None, 2, size)
        return list(taken)

    monkeypatch.setattr(threads, "perf_counter", lambda: clock)
    return jobs


def test_helpers_that_make_it_faster_take_part(calls):
    assert calls(2e-4, 1e-4, SHORT, 3 * TRIED)[TRIED:] == [1] * (2 * TRIED)


def test_helpers_that_make_it_slower_are_left_out(calls):
    assert calls(2e-4, 3e-4, SHORT, 3 * TRIED)[TRIED:] == [0] * (2 * TRIED)
    # A large job takes them all the same, and one that is too small never.
    assert calls(2e-4, 3e-4, threads.LARGE, TRIED) == [1] * TRIED
    assert calls(2e-4, 1e-4, threads.SMALL - 1, TRIED) == [0] * TRIED


def test_a_job_that_is_tried_is_done_in_full_either_way():
    numbers = []
    for _ in range(2 * TRIED):
        threads.run(numbers.append, 50, SHORT)
    assert sorted(numbers) == sorted([*range(50)] * (2 * TRIED))


def test_two_jobs_taken_for_one_kind_are_each_tried_both_ways():
    tried = Trial()
    taken = ways(tried, [1.0, 0.5], 8 * AGAIN)
    for parity in (0, 1):
        assert set(taken[parity:TRIED:2]) == {0, 1}
        assert set(taken[TRIED + parity :: 2]) == {0, 1}


def test_elementwise_functions_are_kinds_of_their_own():
    x = np.ones(600_000, np.float32)
    for function in (np.exp, np.sqrt, np.tanh):
        elementwise.by_parts(function, x)
    assert len(trials._trials) == 3


def test_work_without_a_name():
    numbers = []
    for _ in range(3):
        threads.run(functools.partial(lambda to, number: to.append(number), numbers), 4, SHORT)
    assert sorted(numbers) == sorted([*range(4)] * 3)


def test_a_job_that_fails_is_not_counted():
    def chunk(number):
        raise ArithmeticError

    for _ in range(3):
        with pytest.raises(ArithmeticError):
            threads.run(chunk, 2, SHORT)
    (tried,) = trials._trials.values()
    assert tried.times == [0.0, 0.0]
