"""The pool of threads: every chunk once, errors, interrupts, forks, the interpreter's end, and BLAS left as it was."""

import gc
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
import warnings
import weakref

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import tensorgrad as tg
from nn.models.resnet import BasicBlock
from tensorgrad import conv_algorithm, nn
from tensorgrad.kernels import (
    blas,
    buffers,
    choose,
    conv,
    depthwise,
    depthwise_planes,
    direct,
    elementwise,
    gathered,
    group_norm,
    group_norm_pixels,
    im2col,
    matmul,
    norm,
    pool,
    shifted,
    stacked,
    sums,
    threads,
    transpose,
    winograd,
    winograd1d,
    winograd_height,
    winograd_sums,
)
from tensorgrad.kernels.buffers import scratch
from tensorgrad.kernels.threads import run

# Those of this process; `available_threads` says 1 here, for conftest.py sets OMP_NUM_THREADS.
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
MANY = CORES + 3
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
needs_affinity = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="there is no CPU affinity here")


@pytest.fixture(autouse=True)
def _threads(monkeypatch):
    """Three threads for all but small jobs, and BLAS with two: conftest.py gives BLAS one."""
    monkeypatch.setattr(threads, "_chosen", 3)
    monkeypatch.setattr(threads, "LARGE", threads.SMALL)
    with threadpool_limits(2, user_api="blas"):
        yield
        assert not blas.hold.holders


def blas_threads():
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


def together(count, timeout=20):
    """A function for chunks that returns when `count` of them have begun: they must run side by side."""
    barrier = threading.Barrier(count)
    return lambda number=None: barrier.wait(timeout)


def python(program, **environment):
    """The output of a program in an interpreter of its own; it must end well, in time, and print no traceback."""
    settings = {**os.environ, **environment}
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", textwrap.dedent(program)],
        capture_output=True, text=True, timeout=60, env=settings, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.split()


# How many


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, sys.maxsize),
        ({"cpu.max": "max 100000\n"}, sys.maxsize),
        ({"cpu.max": "200000 100000\n"}, 2),
        ({"cpu.max": "150000 100000\n"}, 2),
        ({"cpu.max": "50000 100000\n"}, 1),
        ({"cpu.max": "nonsense"}, sys.maxsize),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, sys.maxsize),
        ({"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 3),
        ({"cpu/cpu.cfs_quota_us": "300000\n"}, sys.maxsize),
    ],
)
def test_the_cores_of_a_containers_quota(files, expected, tmp_path, monkeypatch):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert threads.cores_of_quota(str(tmp_path)) == expected
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    monkeypatch.setattr(threads, "cores_of_quota", lambda: expected)
    assert threads.available_threads() == min(8, expected)


# Every chunk once


def test_nobody_waits_for_threads_that_another_one_starts(monkeypatch):
    monkeypatch.setattr(threads, "_pool", [])
    numbers = []
    with threads._lock:  # as a finaliser finds it that comes in the midst of that
        job = threading.Thread(target=run, args=(numbers.append, 5), daemon=True)
        job.start()
        job.join(20)
    assert sorted(numbers) == list(range(5))


def test_jobs_do_not_pile_up_where_a_helper_is_busy(monkeypatch):
    threads.set_num_threads(2)
    run(together(2), 2)
    monkeypatch.setattr(threads, "_pool", threads._pool[:1])
    begun, leave = threading.Barrier(3), threading.Event()
    long = threading.Thread(target=run, args=(lambda _: (begun.wait(20), leave.wait(20)), 2), daemon=True)
    long.start()
    begun.wait(20)
    try:
        numbers = []
        for _ in range(100):
            run(numbers.append, 3)
        assert len(numbers) == 300
        assert [worker.jobs.qsize() for worker in threads._pool] == [1]
    finally:
        leave.set()
        long.join(20)


def test_a_lost_count_of_kernels_one_inside_the_other_is_set_right():
    """An interrupt may come where a kernel within a kernel ends."""
    depths = []
    buffers.set_nested(7)
    run(lambda _: run(lambda _: depths.append(buffers.nested()), 1), 1)
    assert (depths, buffers.nested()) == ([1], 0)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 100, 1000])
@pytest.mark.parametrize("workers", [1, 2, 3, 5, MANY, 40])
def test_every_number_once(workers, count):
    threads.set_num_threads(workers)
    for _ in range(3):
        numbers = []
        run(numbers.append, count)
        assert sorted(numbers) == list(range(count))


@pytest.mark.parametrize("workers", [2, 3, 5, MANY])
def test_as_many_threads_as_set(workers):
    threads.set_num_threads(workers)
    run(together(workers), workers)
    seen = set()

    def chunk(number):
        seen.add(threading.get_ident())
        time.sleep(0.002)

    run(chunk, 50)
    assert len(seen) <= workers
    assert threading.get_ident() in seen


def test_one_thread_stays_in_the_callers():
    threads.set_num_threads(1)
    seen = []
    run(lambda number: seen.append((number, threading.current_thread())), 5)
    assert seen == [(number, threading.current_thread()) for number in range(5)]


def test_the_helpers_threads_are_daemons_and_few():
    threads.set_num_threads(4)
    for _ in range(20):
        run(together(4), 4)
    helpers = [thread for thread in threading.enumerate() if thread.name == "tensorgrad-kernels"]
    assert all(thread.daemon for thread in helpers)
    assert len(helpers) == len(threads._pool)


def test_nested_runs_are_serial():
    """Though there are idle helpers."""
    threads.set_num_threads(5)
    counts = np.zeros((2, 5), int)
    strangers = []

    def outer(i):
        here = threading.get_ident()

        def inner(j):
            time.sleep(0.001)
            counts[i, j] += 1
            if threading.get_ident() != here:
                strangers.append((i, j))

        run(inner, 5)
        run(inner, 5)

    for _ in range(3):
        run(outer, 2)
    assert (counts == 6).all()
    assert not strangers
    run(together(5), 5)  # and the next ones are not


def test_several_threads_call_at_the_same_time():
    expected = [i * i for i in range(200)]
    wrong = []

    def user(begin):
        begin()
        for _ in range(100):
            results = [None] * 200

            def chunk(number, results=results):
                results[number] = number * number

            run(chunk, 200)
            if results != expected:
                wrong.append(results)

    begin = together(4)
    users = [threading.Thread(target=user, args=(begin,)) for _ in range(4)]
    for thread in users:
        thread.start()
    for thread in users:
        thread.join(60)
    assert not any(thread.is_alive() for thread in users)
    assert not wrong
    assert blas_threads() == {2}


def test_a_late_helper_finds_nothing_to_do():
    """Helpers that are busy with another job come to this one when it is over."""
    hold, held = threading.Event(), together(4)

    def wait_there(number):
        held()
        hold.wait(5)

    threads.set_num_threads(3)
    run(together(3), 3)
    other = threading.Thread(target=run, args=(wait_there, 3))
    other.start()
    held()
    try:
        for _ in range(50):
            numbers = []
            run(numbers.append, 10)
            assert sorted(numbers) == list(range(10))
    finally:
        hold.set()
        other.join(10)
    assert not other.is_alive()


def test_nothing_is_held_when_it_is_over():
    """Not even by a helper that is just leaving: memory of arrays in the chunks would come back late."""

    class Something:
        pass

    for _ in range(300):
        something = Something()
        seen = weakref.ref(something)
        run(lambda number, held=something: None, 3)
        del something
        assert seen() is None


# Errors


class PlantedError(Exception):
    pass


@pytest.mark.parametrize("workers", [1, 2, 3, 5])
@pytest.mark.parametrize("bad", [0, 1, 7, 99])
def test_the_error_of_any_chunk_reaches_the_caller(workers, bad):
    threads.set_num_threads(workers)

    def chunk(number):
        if number == bad:
            raise PlantedError(number)

    for _ in range(5):
        with pytest.raises(PlantedError, match=f"^{bad}$"):
            run(chunk, 100)
        assert blas_threads() == {2}
    numbers = []
    run(numbers.append, 100)
    assert sorted(numbers) == list(range(100))


def test_an_error_in_a_helper_reaches_the_caller():
    caller, begin = threading.get_ident(), together(2)

    def chunk(number):
        begin()
        if threading.get_ident() != caller:
            raise PlantedError(number)

    with pytest.raises(PlantedError):
        run(chunk, 2)
    run(together(3), 3)


def test_all_chunks_fail():
    begin = together(3)

    def chunk(number):
        begin()
        raise PlantedError(number)

    for _ in range(20):
        with pytest.raises(PlantedError):
            run(chunk, 3)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_chunks_after_an_error_are_left_out(workers):
    threads.set_num_threads(workers)
    done = []

    def chunk(number):
        if number == 5:
            raise PlantedError
        time.sleep(0.0005)
        done.append(number)

    with pytest.raises(PlantedError):
        run(chunk, 10_000)
    assert len(done) < 100
    time.sleep(0.01)
    assert len(done) < 100


def test_an_error_holds_no_memory_once_it_is_dropped():
    class Something:
        pass

    def fails(number, held):
        raise PlantedError

    gc.collect()
    gc.disable()
    try:
        something = Something()
        seen = weakref.ref(something)
        with pytest.raises(PlantedError):
            run(lambda number, held=something: fails(number, held), 3)
        del something
        for _ in range(100):
            if seen() is None:
                break
            time.sleep(0.001)
        assert seen() is None
    finally:
        gc.enable()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there is no setitimer here")
@pytest.mark.parametrize("workers", [1, 2, 3])
def test_an_interrupt_anywhere_leaves_everything_usable(workers):
    """The signal comes at any time, in the caller's chunks, while it waits for helpers, or while BLAS is set."""
    threads.set_num_threads(workers)
    a = np.random.default_rng(0).standard_normal((60, 60))
    interrupted = 0
    chance = random.Random(0)

    def interrupt(number, frame):
        raise KeyboardInterrupt

    def chunk(number):
        a @ a

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        for _ in range(300):
            try:
                signal.setitimer(signal.ITIMER_REAL, chance.uniform(1e-5, 1e-3))
                while True:
                    run(chunk, 4)
            except KeyboardInterrupt:
                interrupted += 1
            assert not blas.hold.holders
            assert blas_threads() == {2}
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert interrupted == 300
    run(together(workers), workers)


def test_an_interrupt_in_a_chunk_ends_the_job():
    caller, done = threading.get_ident(), []

    def chunk(number):
        time.sleep(0.0005)
        if threading.get_ident() == caller:
            raise KeyboardInterrupt
        done.append(number)

    with pytest.raises(KeyboardInterrupt):
        run(chunk, 10_000)
    assert len(done) < 100
    run(together(3), 3)


# What the caller has set


def test_the_callers_error_state_holds_in_chunks():
    def chunk(number):
        begin()
        np.float64(1) / np.zeros(2)

    for _ in range(5):
        begin = together(3)
        with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
            run(chunk, 3)
        begin = together(3)
        with np.errstate(divide="ignore"), warnings.catch_warnings():
            warnings.simplefilter("error")
            run(chunk, 3)
        states = []
        begin = together(3)
        with np.errstate(over="print", under="raise"):
            run(lambda number, begin=begin, states=states: (begin(), states.append(np.geterr())), 3)
            assert states == [np.geterr()] * 3


def test_an_error_state_set_in_a_chunk_stays_there():
    begin = together(3)

    def chunk(number):
        begin()
        np.seterr(all="raise")

    before = np.geterr()
    with np.errstate():
        run(chunk, 3)
    assert np.geterr() == before
    states = []
    run(lambda number: states.append(np.geterr()), 20)
    assert states == [before] * 20


# BLAS


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_blas_has_one_thread_in_chunks_and_its_own_number_afterwards(workers):
    threads.set_num_threads(workers)
    for given in (1, 2):
        with threadpool_limits(given, user_api="blas"):
            seen = []
            run(lambda number, seen=seen: seen.append(blas_threads()), 5)
            assert seen == [{1}] * 5
            assert blas_threads() == {given}
            with pytest.raises(PlantedError):
                run(lambda number: (_ for _ in ()).throw(PlantedError), 5)
            assert blas_threads() == {given}


@pytest.mark.parametrize("count", [1, 3])
def test_a_job_without_helpers_is_a_kernel_like_any_other(count):
    """Scratch of its own against what is computed in its midst, one thread for BLAS, and all of that set back."""
    name, shape, dtype = "lone", (5,), np.dtype(np.float32)
    seen = []

    def chunk(number):
        outer = scratch(name, shape, dtype)
        run(lambda _: seen.append(np.shares_memory(outer, scratch(name, shape, dtype))), 1)
        seen.append(blas_threads() == {1})
        if number == count - 1:
            raise PlantedError

    for _ in range(2):
        with pytest.raises(PlantedError):
            run(chunk, count, size=0)
        assert blas_threads() == {2}
        assert not threads._here.inside
    assert seen == [False, True] * 2 * count


def test_blas_has_one_thread_while_any_thread_is_inside():
    first, second = threading.Event(), threading.Event()
    seen = {}

    def user(name, inside, leave):
        def chunk(number):
            if number == 0:
                inside.set()
                leave.wait(10)
                seen[name] = blas_threads()

        run(chunk, 1)

    leave = [threading.Event(), threading.Event()]
    one = threading.Thread(target=user, args=("one", first, leave[0]))
    two = threading.Thread(target=user, args=("two", second, leave[1]))
    one.start()
    assert first.wait(10)
    two.start()
    assert second.wait(10)
    assert blas_threads() == {1}
    leave[0].set()
    one.join(10)
    assert blas_threads() == {1}
    leave[1].set()
    two.join(10)
    assert seen == {"one": {1}, "two": {1}}
    assert blas_threads() == {2}


@pytest.mark.skipif(CORES < 2, reason="BLAS has one thread where there is one core")
def test_any_thread_may_be_the_first_to_set_blas():
    program = (
        BEGIN
        + """
    from threadpoolctl import threadpool_info, threadpool_limits
    from tensorgrad.kernels import blas

    def count():
        return max(library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas")

    def user():
        inside = []
        run(lambda number: inside.append(count()), 3)
        print(*inside, count())

    print(count())
    for _ in range(2):
        thread = threading.Thread(target=user)
        thread.start()
        thread.join()
        user()
    with threadpool_limits(1):
        user()
    print(count())
    """
    )
    assert python(program, OPENBLAS_NUM_THREADS="2") == ["2", *["1", "1", "1", "2"] * 4, *"1111", "2"]


def test_blas_is_set_back_when_many_threads_come_and_go():
    def user(seed):
        chance = random.Random(seed)
        for _ in range(50):
            try:
                run(lambda number: [][number] if chance.random() < 0.05 else time.sleep(1e-5), 5)
            except IndexError:
                pass

    users = [threading.Thread(target=user, args=(seed,)) for seed in range(4)]
    for thread in users:
        thread.start()
    for thread in users:
        thread.join(60)
    assert blas_threads() == {2}


# Forks


def child_says(work):
    """What `work()` returned in a forked child, as bytes; the child must end in time."""
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 3.12: a process with threads forks
        child = os.fork()
    if child == 0:
        status = 1
        try:
            os.write(write, work())
            status = 0
        finally:
            os._exit(status)
    os.close(write)
    try:
        for _ in range(1000):
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                break
            time.sleep(0.01)
        else:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            pytest.fail("the forked child hangs")
        assert status == 0
        return os.read(read, 1000)
    finally:
        os.close(read)


def squares_side_by_side():
    numbers = []
    run(together(3), 3)
    run(lambda number: numbers.append(number * number), 1000)
    return b"right" if sorted(numbers) == [i * i for i in range(1000)] else b"wrong"


@needs_fork
def test_a_forked_child_has_a_pool_of_its_own():
    run(together(3), 3)
    assert child_says(squares_side_by_side) == b"right"
    assert child_says(lambda: child_says(squares_side_by_side)) == b"right"
    assert squares_side_by_side() == b"right"


@needs_fork
def test_a_fork_while_another_thread_is_inside():
    stop, inside = threading.Event(), threading.Event()

    def user():
        while not stop.is_set():
            run(lambda number: (inside.set(), time.sleep(1e-4)), 6)

    def work():
        before = blas_threads()
        right = squares_side_by_side()
        return right + b" %d %d" % (*before, *blas_threads())

    thread = threading.Thread(target=user)
    thread.start()
    try:
        assert inside.wait(10)
        for _ in range(20):
            assert child_says(work) == b"right 2 2"
    finally:
        stop.set()
        thread.join(10)
    assert blas_threads() == {2}


@needs_fork
def test_a_fork_from_within_a_chunk():
    forked = []

    def work():
        seen = []
        before = blas_threads()
        run(lambda number: seen.append(blas_threads()), 3)
        return squares_side_by_side() + b" %s" % repr((before, *seen, blas_threads())).encode()

    def chunk(number):
        if number == 1:
            forked.append(child_says(work))

    run(chunk, 3)
    assert forked == [b"right ({2}, {1}, {1}, {1}, {2})"]


def _product(seed):
    threads.set_num_threads(2)
    run(together(2), 2)
    x = np.random.default_rng(seed).standard_normal((300, 300))
    return matmul.matmul(x, x + 1).tobytes()


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes(method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"there is no {method} here")
    expected = [_product(seed) for seed in range(4)]
    threads.set_num_threads(3)
    run(together(3), 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        with multiprocessing.get_context(method).Pool(2) as pool:
            assert pool.map_async(_product, range(4)).get(60) == expected


# The interpreter's end

BEGIN = """
    import atexit, sys, threading
    import numpy as np
    import tensorgrad as tg
    from tensorgrad.kernels.threads import run

    tg.set_num_threads(3)
    x = np.ones((300, 300), np.float32)

    def product():
        return float((tg.tensor(x) @ tg.tensor(x)).sum())
"""


@pytest.mark.parametrize("before", ["", "product()"])
def test_an_exit_handler_computes(before):
    program = (
        BEGIN
        + f"""
    atexit.register(lambda: print(product()))
    {before}
    """
    )
    assert python(program) == ["27000000.0"]


def test_a_finaliser_computes_while_modules_are_taken_down():
    program = (
        BEGIN
        + """
    class Last:
        def __init__(self):
            self.run, self.write = run, __import__("os").write

        def __del__(self):
            numbers = []
            self.run(numbers.append, 5)
            self.write(1, b"%d" % len(numbers))

    product()
    last = Last()
    """
    )
    assert python(program) == ["5"]


def test_a_finaliser_makes_a_large_array_while_modules_are_taken_down():
    program = (
        BEGIN
        + """
    from tensorgrad.kernels import buffers
    import numpy as np

    class Last:
        def __init__(self):
            self.empty, self.dtype, self.write = buffers.empty, np.dtype(np.float32), __import__("os").write

        def __del__(self):
            self.write(1, b"%d" % self.empty((400, 100), self.dtype).size)

    last = Last()
    """
    )
    assert python(program) == ["40000"]


def test_a_daemon_thread_computes_at_the_end():
    program = (
        BEGIN
        + """
    begun = threading.Event()

    def forever():
        while True:
            product()
            begun.set()

    for _ in range(2):
        threading.Thread(target=forever, daemon=True).start()
    begun.wait()
    atexit.register(lambda: print(product()))
    product()
    """
    )
    for _ in range(3):
        assert python(program) == ["27000000.0"]


def test_a_thread_that_outlives_the_main_one_computes():
    program = (
        BEGIN
        + """
    import time

    def late():
        time.sleep(0.1)
        print(product())

    threading.Thread(target=late).start()
    """
    )
    assert python(program) == ["27000000.0"]


# How many

COUNT = "import tensorgrad as tg; print(tg.get_num_threads())"


@needs_affinity
def test_no_more_threads_than_the_process_may_use_cores():
    program = f"""
    import os
    os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
    {COUNT}
    os.sched_setaffinity(0, range(os.cpu_count()))
    print(tg.get_num_threads() == len(os.sched_getaffinity(0)))
    """
    assert python(program, OMP_NUM_THREADS="") == ["1", "True"]


def test_no_more_threads_than_omp_num_threads(monkeypatch):
    assert python(COUNT, OMP_NUM_THREADS="1") == ["1"]
    monkeypatch.setattr(threads, "_chosen", None)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    for wish, count in {"1": 1, "1000": cores, "": cores, "0": cores, "-3": cores, "many": cores, "1.5": cores}.items():
        monkeypatch.setenv("OMP_NUM_THREADS", wish)
        assert threads.get_num_threads() == count


# The same bits


def images(*shape, seed=0, order=None):
    x = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    return x if order is None else np.ascontiguousarray(x.transpose(order)).transpose(np.argsort(order))


CONVOLUTIONS = {
    # name: images, channels, size, filters, kernel, stride, padding, groups
    "many images": (32, 16, (18, 17), 24, (3, 3), 1, 1, 1),
    "few images": (3, 16, (40, 41), 32, (3, 3), 1, 1, 1),
    "one image": (1, 8, (120, 120), 16, (5, 3), 2, 2, 1),
    "stride": (32, 16, (16, 16), 32, (3, 3), 2, 1, 1),
    "pixels alone": (32, 32, (16, 16), 64, (1, 1), 1, 0, 1),
    "colours": (32, 3, (32, 32), 16, (3, 3), 1, 1, 1),
    "groups": (16, 32, (16, 16), 32, (3, 3), 1, 1, 4),
    "each channel": (16, 64, (16, 16), 64, (3, 3), 1, 1, 64),
    "each of a few images' channels": (4, 64, (32, 32), 64, (3, 3), 1, 1, 64),
    "a wide image": (1, 64, (20, 112), 64, (3, 3), 1, 1, 1),
    "large filters": (16, 160, (6, 6), 256, (3, 3), 1, 1, 1),
    "many filters on few pixels": (8, 192, (12, 10), 320, (3, 3), 2, 1, 1),
}
ALGORITHMS = ("auto", "im2col", "direct", "shifted", "gathered", "stacked", "winograd", "winograd1d")


def convolutions(name, algorithm):
    n, c, size, o, k, s, p, groups = CONVOLUTIONS[name]
    params = (s, s), ((p, p), (p, p)), (1, 1), groups
    x, w = images(n, c, *size), images(o, c // groups, *k, seed=1)
    with conv_algorithm(algorithm):
        out = conv.conv(x, w, *params, images(o, seed=2))
        g = images(*out.shape, seed=3)
        return out, conv.conv_input_grad(g, w, x.shape, *params), conv.conv_weight_grad(g, x, w.shape, *params)


def dilated(algorithm):
    params = (1, 1), ((2, 2), (2, 2)), (2, 2), 1
    x, w = images(32, 16, 32, 32), images(16, 16, 3, 3, seed=1)
    with conv_algorithm(algorithm):
        out = conv.conv(x, w, *params)
        g = images(*out.shape, seed=3)
        return out, conv.conv_input_grad(g, w, x.shape, *params), conv.conv_weight_grad(g, x, w.shape, *params)


def pooling(order, stride, padding):
    x = images(64, 24, 33, 33, order=order)
    windows = (3, 3), (stride, stride), (padding, padding), (1, 1)
    values = pool.max_pool(x, *windows, pool.pool_output_size((33, 33), *windows, False))
    offsets = pool.max_pool_winners(x, values, *windows)
    g = images(*values.shape, seed=1)
    return (
        values,
        offsets,
        pool.max_pool_scatter(g, offsets, x.shape, *windows),
        pool.max_pool_gather(x, offsets, *windows),
        pool.max_pool_grad(g, x, values, *windows),
    )


def normalisation(order, mean, dtype=np.float32):
    x = (images(32, 24, 33, 33, order=order) + np.float32(mean)).astype(dtype)
    weight, bias = images(24, seed=1).astype(dtype), images(24, seed=2).astype(dtype)
    out, means, var = norm.batch_norm(x, weight, bias, 1e-5)
    g = images(*x.shape, seed=3, order=order).astype(dtype)
    return out, means, var, *norm.batch_norm_grad(g, x, weight, means, var, 1e-5)


def groups(order, mean):
    x, g = images(16, 24, 65, 65, order=order) + np.float32(mean), images(16, 24, 65, 65, seed=3, order=order)
    weight, bias = images(24, seed=1), images(24, seed=2)
    out, means, var = group_norm.group_norm(x, weight, bias, 4, 1e-5)
    return out, means, var, *group_norm.group_norm_grad(g, x, weight, means, var, 4, 1e-5)


def elements(order):
    x, y = images(48, 24, 33, 33, order=order), images(48, 24, 33, 33, seed=1, order=order)
    mask = elementwise.by_parts(np.less_equal, x, y, dtype=np.bool_)
    relu = elementwise.apply(np.maximum, x, 0)
    return mask, relu, elementwise.where(mask, 0.0, y), elementwise.select(x, mask), sums.channel_sums(x)


def products():
    pairs = [
        ((512, 300), (300, 200)), ((40, 1000), (1000, 700)), ((1000, 20), (20, 1000)), ((64, 784), (784, 100)),
        ((3, 70, 80), (3, 80, 90)), ((300, 400), (400, 1)), ((1, 400), (400, 300)), ((200, 700), (700, 1)),
        ((7, 9000), (9000, 7)), ((2000, 2000), (2000, 1)), ((130, 130), (130, 130)), ((5, 300, 300), (300, 20)),
    ]  # fmt: skip
    for one, other in pairs:
        x, y = images(*one), images(*other, seed=1)
        yield matmul.matmul(x, y)
        yield matmul.matmul(x.astype(np.float64), y.astype(np.float64))
        yield matmul.matmul(x, np.ascontiguousarray(y.swapaxes(-1, -2)).swapaxes(-1, -2))
    x = images(500, 400)
    yield matmul.matmul(x, x.T)


making = threading.Lock()  # all threads draw from one generator


def training(batch, algorithm="auto"):
    """The loss and all gradients of a small residual network, for the images too."""
    with making:
        tg.manual_seed(0)
        net = residual()
    x = tg.tensor(images(batch, 3, 64, 64), requires_grad=True)
    with conv_algorithm(algorithm):
        loss = nn.functional.cross_entropy(net(x), tg.tensor(np.arange(batch) % 10))
        loss.backward()
    return [loss.detach().numpy(), x.grad.numpy(), *(p.grad.numpy() for p in net.parameters())]


def residual():
    def down(inner, outer):
        return nn.Sequential(nn.Conv2d(inner, outer, 1, 2, bias=False), nn.BatchNorm2d(outer))

    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2), BasicBlock(16, 16),
        BasicBlock(16, 32, 2, down(16, 32)), nn.Conv2d(32, 64, 3, padding=1, groups=2), nn.AvgPool2d(2),
        nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(256, 300), nn.ReLU(), nn.Linear(300, 10),
    )  # fmt: skip


IN_PIXELS, IN_CHANNELS = (2, 3, 1, 0), (1, 2, 3, 0)
WORK = {
    **{f"{name}, {a}": (convolutions, name, a) for name in CONVOLUTIONS for a in ALGORITHMS},
    **{f"dilated, {a}": (dilated, a) for a in ALGORITHMS},
    **{
        f"pooling {order} {stride} {padding}": (pooling, order, stride, padding)
        for order in (None, IN_PIXELS, IN_CHANNELS)
        for stride, padding in ((1, 1), (2, 1), (3, 0), (3, 1))
    },
    **{
        f"normalisation {order} {mean}": (normalisation, order, mean)
        for order in (None, IN_PIXELS, IN_CHANNELS)
        for mean in (0, 100)
    },
    **{f"groups {order} {mean}": (groups, order, mean) for order in (None, IN_PIXELS) for mean in (0, 100)},
    "normalisation float16": (normalisation, IN_PIXELS, 0, np.float16),
    "normalisation float64": (normalisation, IN_CHANNELS, 0, np.float64),
    **{f"elements {order}": (elements, order) for order in (None, IN_PIXELS, IN_CHANNELS)},
    "products": (products,),
    **{f"training {n} {a}": (training, n, a) for n, a in ((3, "auto"), (32, "auto"), (8, "winograd"))},
}


def bits(work):
    function, *args = work
    return [(a.shape, a.dtype, np.ascontiguousarray(a).tobytes()) for a in function(*args)]


@pytest.mark.parametrize("work", WORK.values(), ids=WORK.keys())
def test_same_bits_for_any_number_of_threads_and_any_of_blas(work):
    with threadpool_limits(1, user_api="blas"):
        threads.set_num_threads(1)
        expected = bits(work)
    for given in (2, 3, 5):
        threads.set_num_threads(given)
        assert bits(work) == expected
    threads.set_num_threads(1)
    assert bits(work) == expected
    assert blas_threads() == {2}


def test_the_work_above_is_large_enough_to_be_cut(monkeypatch):
    """Or the test above would show nothing."""
    most = 0

    def spy(work, count, size=threads.SMALL, kind=None, writes=()):
        nonlocal most
        most = max(most, count if size >= threads.SMALL else 1)
        threads.run(work, count, size)

    for module in (
        choose, depthwise, depthwise_planes, direct, elementwise, gathered, group_norm, group_norm_pixels, im2col,
        matmul, norm, pool, shifted, stacked, transpose, winograd, winograd1d, winograd_height, winograd_sums,
    ):  # fmt: skip
        monkeypatch.setattr(module, "run", spy)
    for name, (function, *args) in WORK.items():
        if name.endswith("normalisation float16"):
            continue
        most = 0
        list(function(*args))
        assert most > 1, name


FUNCTIONS_OF_MATRICES = {
    "inv": tg.linalg.inv,
    "solve": lambda a: tg.linalg.solve(a, a + 1),
    "det": tg.linalg.det,
    "slogdet": lambda a: tg.linalg.slogdet(a)[1],
    "cholesky": lambda a: tg.linalg.cholesky(a @ a.T),
    "qr": lambda a: tg.linalg.qr(a)[0],
    "eigh": lambda a: tg.linalg.eigh(a + a.T)[0],
    "svd": lambda a: tg.linalg.svd(a)[1],
}


@pytest.mark.parametrize("name", FUNCTIONS_OF_MATRICES)
def test_lapack_has_one_thread(name):
    """Its own would give other bits."""
    a = tg.tensor(np.random.default_rng(0).standard_normal((200, 200)) + 20 * np.eye(200), requires_grad=True)
    results = set()
    for count in (1, 2, 4):
        a.grad = None
        with threadpool_limits(count, user_api="blas"):
            out = FUNCTIONS_OF_MATRICES[name](a)
            out.sum().backward()
        results.add((out.detach().numpy().tobytes(), a.grad.numpy().tobytes()))
    assert len(results) == 1


def test_several_users_get_the_same_bits():
    works = [WORK[name] for name in ("many images, auto", "few images, auto", "elements None", "training 3 auto")]
    expected = [bits(work) for work in works]
    results = {}

    def user(number):
        results[number] = [bits(work) for work in works[number:] + works[:number]]

    users = [threading.Thread(target=user, args=(number,)) for number in range(4)]
    for thread in users:
        thread.start()
    for thread in users:
        thread.join(60)
    for number in range(4):
        assert results[number] == expected[number:] + expected[:number]
