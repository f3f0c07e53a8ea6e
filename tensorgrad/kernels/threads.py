"""One pool of threads for all kernels: `run(work, count)` calls work(0), ..., work(count - 1), several at a time.

NumPy gives up Python's lock inside its loops and inside BLAS, so Python threads compute side by side. But each call
needs the lock to begin and to end, and a thread that finds it taken sleeps: two threads gain only by calls of ten
microseconds and more. So chunks are large, of few calls each, small jobs stay in the caller's thread, and those not
much larger are tried both ways: see `trials`. For the same reason threads wait for the next job, or for the end of one,
without the lock and for some milliseconds without sleeping: see `signals`.

A kernel that sums cuts its work into chunks whose borders depend on sizes alone, never on the number of threads: then
neither do its results. BLAS is held to one thread while chunks run. Two layers of threads would wait for each other:
BLAS's own keep a core busy for a while after each product.

The threads are daemons that wait for jobs, made when first needed, and made anew in a forked child. A kernel called
from within a chunk, or while the interpreter ends and no thread can be made, runs its chunks one after the other.
"""

import contextvars
import functools
import math
import os
import queue
import sys
import threading
from collections.abc import Callable, Hashable, Sequence
from operator import attrgetter
from pathlib import Path
from time import perf_counter
from typing import Any

from . import processes
from .blas import hold, in_one_thread
from .buffers import nested, set_nested
from .signals import Signal, ends_early
from .trials import trial
from .windows import Array

Work = Callable[[int], Any]

WAIT_FOR_JOB = 400, 33_000  # rows and reads of the signals: for 5 milliseconds at most, before a thread sleeps
WAIT_FOR_END = 300, 13_000  # for 1.5
SMALL = 1 << 22  # multiplications, which take a tenth of a millisecond or more: as long as to wake and await helpers
LARGE = 1 << 25  # multiplications, which take so long that helpers are worth waking on any machine that was measured
COPY_WORK = 8  # multiplications that take as long as to copy a value, most often in short runs
_lock = threading.Lock()
_here = threading.local()  # .inside: whether this thread is at work on a job
_pool: "list[_Worker]" = []
_chosen: int | None = None


def available_threads() -> int:
    """The cores this process may use, or fewer if OMP_NUM_THREADS, or the time its container gets, says so."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    cores = min(cores, cores_of_quota())
    wish = os.environ.get("OMP_NUM_THREADS", "")
    return min(cores, int(wish)) if wish.isdecimal() and int(wish) > 0 else cores


@functools.cache
def cores_of_quota(folder: str = "/sys/fs/cgroup") -> int:
    """The cores whose time a container may use by Linux's control groups, rounded up; a large number without a limit.

    More threads than these would use up the time, and then all of them would be stopped for a while.
    """
    for names in (["cpu.max"], ["cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"]):  # version 2, version 1
        try:
            quota, period = " ".join(Path(folder, name).read_text() for name in names).split()
        except (OSError, ValueError):
            continue
        if quota.isdecimal() and period.isdecimal() and int(quota) and int(period):  # not "max", or -1
            return math.ceil(int(quota) / int(period))
    return sys.maxsize


def get_num_threads() -> int:
    """How many threads kernels use, the caller's included."""
    return available_threads() if _chosen is None else _chosen


def set_num_threads(count: int) -> None:
    """Let kernels use this many threads, the caller's included."""
    global _chosen
    _chosen = count


def run(work: Work, count: int, size: int = LARGE, kind: Hashable = None, writes: Sequence[Array] = ()) -> None:
    """Call work(i) for each i below `count`, in any order, over the pool; return when all are done.

    `size` is how many multiplications that is, if the caller can say: of less than SMALL it does all itself, and of
    less than LARGE if that has been faster with jobs of the same name, count, size and `kind`. `writes` are the arrays
    that it writes to, each made by `buffers.empty` or `zeros`: where they are given, helper processes may take part.

    The first exception ends the job: chunks not yet begun are left out, and it is raised here when no thread is at work
    on the job any more. An interrupt is such an exception.
    """
    if getattr(_here, "inside", False):
        depth = nested()
        try:
            set_nested(depth + 1)
            for number in range(count):
                work(number)
        finally:
            set_nested(depth)
        return
    set_nested(0)  # an interrupt in the midst of the line above would leave it
    sent_to = processes.helpers_for(writes)
    small, large = (SMALL, LARGE) if sent_to is None else (processes.SMALL, processes.LARGE)
    helpers = min(get_num_threads(), count) - 1 if count > 1 and size >= small else 0
    if helpers <= 0:
        in_one_thread(lambda: _alone(work, count))
    elif size >= large:
        _share(work, count, helpers, sent_to)
    else:
        name = getattr(work, "__qualname__", "")
        tried = trial((work.__module__, name, kind, count, size, helpers, sent_to is None))
        way, start = tried.way(), perf_counter()
        if way:
            _share(work, count, helpers, sent_to)
        else:
            in_one_thread(lambda: _alone(work, count))
        tried.note(way, perf_counter() - start)


def _share(work: Work, count: int, helpers: int, sent_to: processes.Helpers | None) -> None:
    """A job that the caller does with so many helpers: processes if they can take it, else threads."""
    if sent_to is not None and in_one_thread(lambda: _send(work, count, helpers, sent_to)):
        return
    job = _Job(work, count)
    in_one_thread(lambda: job.do(helpers))
    error, job.error = job.error, None
    if error is not None:
        try:
            raise error
        finally:
            del error  # or it would hold itself by its traceback


def _send(work: Work, count: int, helpers: int, sent_to: processes.Helpers) -> bool:
    try:
        _here.inside = True
        return sent_to.share(work, count, helpers)
    finally:
        _here.inside = False


def serve(fd: int, nbytes: int, number: int) -> None:
    """What a helper process does: see `processes`. A kernel that is called from within a chunk is done there."""
    _here.inside = True
    processes.serve(fd, nbytes, number)


def _alone(work: Work, count: int) -> None:
    """A job that the caller does without helpers, in half the time that a `_Job` of one chunk takes."""
    try:
        _here.inside = True
        for number in range(count):
            work(number)
    finally:
        _here.inside = False


class _Job:
    """Chunks that several threads take one after the other, until none is left."""

    def __init__(self, work: Work, count: int) -> None:
        self.work: Work | None = work
        self.numbers = iter(range(count))  # shared: taking the next number is one step of the interpreter
        self.error: BaseException | None = None
        self.lock = threading.Lock()
        self.inside, self.closed = 0, False  # helpers at work on it; whether it is too late for others
        self.over = threading.Lock()  # let go by the last helper, once it is closed
        self.over.acquire()
        self.done = _done()  # given by the last helper, closed or not

    def do(self, helpers: int) -> None:
        """What the caller does, with so many helpers."""
        try:
            if helpers > 0:
                self.context = contextvars.copy_context()  # NumPy's error state holds for all threads of a job
                for worker in _workers(helpers):
                    if not worker.is_busy or worker.jobs.empty():  # or jobs would pile up while it does a long one
                        worker.give(self)
            self.take_part()
        except BaseException as error:  # an interrupt between chunks
            self.fail(error)
        while True:
            try:
                if self.inside and ends_early():
                    self.done.wait()
                with self.lock:
                    self.closed = True
                    if not self.inside:
                        break
                self.over.acquire()
            except BaseException as error:  # an interrupt; the helpers still write, each until its chunk is done
                self.fail(error)
        self.work = None  # a helper that comes late would hold the arrays in it

    def take_part(self) -> None:
        work = self.work
        _here.inside = True
        try:
            if work is not None:
                for number in self.numbers:
                    work(number)
        except BaseException as error:  # of a helper thread too: raised in the caller's
            self.fail(error)
        finally:
            _here.inside = False

    def fail(self, error: BaseException) -> None:
        if self.error is None or not isinstance(error, Exception):  # the first, but an interrupt stands above others
            self.error = error
        for _ in self.numbers:  # leave nothing to the others
            pass

    def help(self) -> Signal | None:
        """What a thread of the pool does; one that comes too late does nothing, and is not waited for.

        Returns what is to be given for the caller to go on, if nobody else is at work.
        """
        with self.lock:
            if self.closed:
                return None
            self.inside += 1
            self.done.set(True)
        try:
            self.context.copy().run(self.take_part)
        except BaseException as error:  # no memory for the context
            self.fail(error)
        finally:
            with self.lock:
                self.inside -= 1
                if self.closed and not self.inside:
                    self.over.release()
        return None if self.inside else self.done


class _Worker:
    """A thread of the pool, and the jobs that it is given."""

    def __init__(self) -> None:
        self.jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self.signal = Signal(*WAIT_FOR_JOB)
        self.is_busy = False
        threading.Thread(target=self.serve, name="tensorgrad-kernels", daemon=True).start()

    def give(self, job: _Job) -> None:
        self.jobs.put(job)
        self.signal.give()

    def serve(self) -> None:
        while True:
            job = self.jobs.get()  # asleep, if none comes while it waits for the signal
            self.is_busy = True
            done = job.help()
            del job
            self.is_busy = False
            self.signal.set(True)
            none_came = self.jobs.empty()
            if done is not None:
                done.give()  # as late as can be: the caller then finds Python's lock free
            if none_came and ends_early():
                self.signal.wait()


def _workers(wanted: int) -> list[_Worker]:
    """So many threads of the pool, idle ones first, or fewer if no more can be started.

    Nobody waits for threads that another one starts: a finaliser that computes may come in the midst of that, in the
    thread that starts them or in the one that is started.
    """
    if len(_pool) < wanted and _lock.acquire(blocking=False):
        try:
            while len(_pool) < wanted:
                _pool.append(_Worker())
        except RuntimeError:  # the interpreter is ending, or the system has no more threads
            pass
        finally:
            _lock.release()
    return sorted(_pool, key=attrgetter("is_busy"))[:wanted]


def _done() -> Signal:
    """What this thread waits for at the end of a job."""
    signal: Signal | None = getattr(_here, "done", None)
    if signal is None:
        signal = _here.done = Signal(*WAIT_FOR_END)
    return signal


def _after_fork() -> None:
    """A child has none of the threads, and locks may be held by threads it does not have."""
    global _lock, _pool, _here
    _lock, _pool, _here = threading.Lock(), [], threading.local()
    hold.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
