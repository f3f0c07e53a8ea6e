"""Helper processes, which do chunks of a job beside the caller as the threads of `threads` do, without Python's lock.

Threads of Python compute side by side only while each is in a long call of NumPy: where two want the lock, one sleeps,
and to be woken takes 20 to 80 microseconds on a virtual machine. Processes have a lock each. They look for the next job
for some milliseconds before they sleep, so that a chunk begins as soon as its job is unpacked, and see each other's
memory (`shared`), so that no array is copied. A job is its function with what that closes over (`parcel`).

The caller takes chunks from the first on, helpers from the last, so that from one job to the next most of what a
process reads lies in its own core's cache. A helper that comes late does nothing, and is not waited for. Counters in
the shared memory are changed under a lock on the file.
"""

import atexit
import builtins
import contextlib
import marshal
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .parcel import Packer, Unfit, unpacked
from .shared import Memory
from .windows import Array

if sys.platform != "win32":
    import fcntl

SMALL = 1 << 19  # multiplications: of less, to pack and unpack a job takes longer than to do it
LARGE = 1 << 22  # from here on helpers are worth it on any machine that was measured; between the two it is tried
SPIN = 0.003  # seconds for which a helper looks for work before it sleeps
LOOKS = 200  # at the counters between two at the clock
# Where in the shared memory things lie, in bytes: the counters; the job; an error; copies of what is not shared.
JOB, ERROR, COPIES, END = 1 << 12, 1 << 17, 1 << 18, 1 << 21
# The counters, of 8 bytes each. LOW and HIGH: the chunks that nobody has begun. CLOSED: the job that is over for those
# who come late. From OWN on, two for each helper: the job that it is in, and whether it sleeps; 64 bytes apart.
SEQ, SIZE, LOW, HIGH, CLOSED, HELPERS, FAILED, FLAGS = range(8)
OWN, EACH = 16, 8
MOST = (JOB // 8 - OWN) // EACH  # helpers
CHECKED = 64  # jobs after which the caller looks whether a helper was killed
WAITED = 60  # seconds for another thread's job before the processes can be changed
MOST_FAILED = 5  # helpers that may end by an error of their own before there are no more
WARNED = {1: "divide by zero", 2: "overflow", 4: "underflow", 8: "invalid value"}


class Helpers:
    """The helper processes of this process."""

    def __init__(self) -> None:
        nbytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        self.memory = Memory(_file(nbytes), nbytes)
        self.view = memoryview(self.memory.map)
        self.counters = self.view[:JOB].cast("q")
        self.processes: list[subprocess.Popen[bytes]] = []
        self.packer = Packer(self.memory, COPIES, END - COPIES)
        self.owner: dict[str, tuple[int, object]] = {}  # who has a job done or changes the processes: first, its thread
        self.jobs = self.failed = 0

    def shares(self, writes: Sequence[Array]) -> bool:
        """Whether helpers see what a job writes."""
        place = self.memory.place
        return all(place(array) is not None for array in writes)

    def share(self, work: Callable[[int], Any], count: int, helpers: int) -> bool:
        """Do a job with so many helpers; False if it cannot be sent to any, and nothing of it was done."""
        return bool(self.alone(lambda: self._share(work, count, helpers)))

    def alone(self, act: Callable[[], Any]) -> Any:
        """The result of act(); None, and nothing is done, in the midst of another thread's or one's own."""
        owner = threading.get_ident(), object()
        try:
            return act() if self.owner.setdefault("now", owner) is owner else None
        finally:
            try:
                self._let_go(owner)
            except BaseException:  # an interrupt, perhaps before anything was done
                self._let_go(owner)
                raise

    def is_mine(self) -> bool:
        """Whether this call interrupts a job, or a change, of the same thread."""
        return self.owner.get("now", (0, None))[0] == threading.get_ident()

    def _let_go(self, owner: tuple[int, object]) -> None:
        if self.owner.get("now") is owner:
            del self.owner["now"]

    def _share(self, work: Callable[[int], Any], count: int, helpers: int) -> bool:
        errors = np.geterr()
        how = errors["divide"], errors["over"], errors["under"], errors["invalid"]
        if "call" in how or "log" in how:
            return False  # a function of the caller's
        try:
            job = self.packer.packed((work, *how))
        except Unfit:
            return False
        if len(job) > ERROR - JOB:
            return False
        self.jobs += 1
        if self.jobs % CHECKED == 0:
            self._miss()
            if not _wanted:
                return False
        try:
            self.start(helpers)
        except OSError:  # no more processes: those there are
            pass
        if not self.processes:
            return False
        self._do(work, job, count, helpers)
        return True

    def _do(self, work: Callable[[int], Any], job: bytes, count: int, helpers: int) -> None:
        counters = self.counters
        self.view[JOB : JOB + len(job)] = job
        problem: BaseException | None = None
        processes = list(self.processes)
        try:
            with locked(self.memory.fd):
                counters[SIZE], counters[HELPERS] = len(job), helpers
                counters[LOW], counters[HIGH] = 0, count
                counters[FAILED] = counters[FLAGS] = 0
                counters[SEQ] += 1
            for number, process in enumerate(processes[:helpers]):
                if counters[OWN + EACH * number + 1] and process.stdin is not None:
                    with contextlib.suppress(BrokenPipeError, ValueError):  # it was killed: others do its share
                        process.stdin.write(b"w")
            while True:
                with locked(self.memory.fd):
                    low = counters[LOW]
                    if low >= counters[HIGH]:
                        break
                    counters[LOW] = low + 1
                work(low)
        except BaseException as error:
            problem = error
        while True:
            try:
                ended = self._close(processes)
                break
            except BaseException as error:  # of a signal's handler; helpers still write, each until its chunk is done
                problem = error
        if ended is not None:
            self.stop()
            problem = problem or RuntimeError(f"a helper process ended in the midst of a job: exit code {ended}")
        if problem is not None:
            try:
                raise problem
            finally:
                del problem  # or it would hold itself by its traceback
        if counters[FAILED]:
            raise _told(self.view[ERROR : ERROR + counters[FAILED]])
        for bit, name in WARNED.items():
            if counters[FLAGS] & bit:
                warnings.warn(f"{name} encountered in a helper process", RuntimeWarning, stacklevel=2)

    def _close(self, processes: Sequence["subprocess.Popen[bytes]"]) -> int | None:
        """Let nobody begin another chunk, and wait for those at work; the exit code of one that ended meanwhile."""
        counters = self.counters
        with locked(self.memory.fd):
            counters[LOW] = counters[HIGH] = 0
            counters[CLOSED] = seq = counters[SEQ]
        for number, process in enumerate(processes):
            at, looks = OWN + EACH * number, 0
            while counters[at] == seq:
                looks += 1
                if looks % LOOKS == 0:
                    if process.poll() is not None:
                        return process.returncode
                    if looks > LOOKS * LOOKS:
                        time.sleep(1e-4)
        return None

    def start(self, count: int) -> None:
        """Have so many processes."""
        while len(self.processes) < min(count, MOST):
            number = len(self.processes)
            at = OWN + EACH * number
            self.counters[at] = self.counters[at + 1] = 0
            code = (
                f"import sys; sys.path[:] = {_path()!r}\n"
                f"from tensorgrad.kernels.threads import serve\n"
                f"serve({self.memory.fd}, {self.memory.nbytes}, {number})"
            )
            process = subprocess.Popen(
                [sys.executable, "-c", code],
                stdin=subprocess.PIPE,
                bufsize=0,
                pass_fds=(self.memory.fd,),
                env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
                process_group=0,  # a terminal's interrupt is for the caller, who decides what it ends
            )
            self.processes.append(process)

    def _miss(self) -> None:
        """End them all if one was killed: `start` makes new ones, unless they end by errors again and again."""
        codes = [process.poll() for process in self.processes]
        if any(code is not None for code in codes):
            self.stop()
            self.failed += sum(code is not None and code > 0 for code in codes)
        if self.failed > MOST_FAILED:
            global _wanted
            _wanted = False
            warnings.warn(
                "helper processes end as soon as they start: threads take their place", RuntimeWarning, stacklevel=2
            )

    def stop(self) -> None:
        """End the processes. What lies in the shared memory stays."""
        processes, self.processes = self.processes, []
        for process in processes:
            process.kill()
            process.wait()
            if process.stdin is not None:
                process.stdin.close()


class locked:
    """Holds the lock on the file for some steps. Locks of `fcntl` are between processes, not threads."""

    __slots__ = ("fd",)

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def __enter__(self) -> None:
        fcntl.lockf(self.fd, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        fcntl.lockf(self.fd, fcntl.LOCK_UN)


_helpers: Helpers | None = None
_wanted = False


def are_wanted() -> bool:
    """Whether jobs are to be done by processes where that can be."""
    return _wanted


def want(count: int) -> None:
    """Have jobs done by processes where that can be, so many at first; or, with 0, not any more.

    Raises OSError where the system has no such memory, or starts no process.
    """
    global _helpers, _wanted
    if count and not hasattr(os, "memfd_create"):
        raise OSError("helper processes need Linux: there is no memory that they could share")
    if count and _helpers is None:
        _helpers = Helpers()
    helpers = _helpers
    if helpers is not None:

        def change() -> bool:
            helpers.stop()
            helpers.start(count)
            return True

        helpers.failed = 0
        deadline = time.monotonic() + WAITED
        while not helpers.is_mine() and not helpers.alone(change):  # in a job of this thread: the next ones are changed
            if time.monotonic() > deadline:
                raise OSError(f"set_helpers: a job of another thread has lasted for {WAITED} seconds")
            time.sleep(1e-3)
    _wanted = count > 0


def helpers_for(writes: Sequence[Array]) -> Helpers | None:
    """The helpers of a job that writes these arrays, if there are any who see them."""
    if _wanted and writes and _helpers is not None and _helpers.shares(writes):
        return _helpers
    return None


def memory() -> Memory | None:
    """Where arrays are to be made, for helpers to see them; None if there are no helpers."""
    return _helpers.memory if _wanted and _helpers is not None else None


def _file(nbytes: int) -> int:
    """A file without a name, of so many bytes; not in the place of a standard stream that was closed."""
    fd = os.memfd_create("tensorgrad")
    try:
        os.ftruncate(fd, nbytes)
        return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)
    finally:
        os.close(fd)


def _path() -> list[str]:
    """Where helpers look for modules: as this process does, wherever it goes, and where this one was found."""
    own = os.path.abspath(os.path.join(os.path.dirname(__file__), os.pardir, os.pardir))
    return [*[os.path.abspath(entry) for entry in sys.path if isinstance(entry, str)], own]


def _told(told: memoryview) -> BaseException:
    """The error that a helper tells of: of Python's own type by its name, or a RuntimeError that names it."""
    name, text = marshal.loads(told)  # noqa: S302  (from a process of our own)
    kind = getattr(builtins, name, None)
    if isinstance(kind, type) and issubclass(kind, Exception) and not issubclass(kind, UnicodeError):
        return kind(text)
    return RuntimeError(f"{name} in a helper process: {text}")


# In a helper


def serve(fd: int, nbytes: int, number: int) -> None:
    """What helper `number` does: chunks of one job after the other, until its parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the caller decides what an interrupt ends
    shared = Memory(fd, nbytes)
    view = memoryview(shared.map)
    counters, own = view[:JOB].cast("q"), OWN + EACH * number
    flags = 0

    def note(kind: str, flag: int) -> None:
        nonlocal flags
        flags |= flag

    np.seterrcall(note)
    last = counters[SEQ] - 1
    while _job_after(last, counters, own, fd):
        with locked(fd):
            last = counters[SEQ]
            if counters[CLOSED] == last or number >= counters[HELPERS]:
                continue
            counters[own] = last
        flags = 0
        try:
            work, *errors = unpacked(bytes(view[JOB : JOB + counters[SIZE]]), shared)
            how: list[Any] = ["call" if it in ("warn", "print") else it for it in errors]
            with np.errstate(divide=how[0], over=how[1], under=how[2], invalid=how[3]):
                for chunk in _chunks(last, counters, fd):
                    work(chunk)
        except BaseException as error:
            _report(error, view, counters, fd)
        if flags:
            with locked(fd):
                counters[FLAGS] |= flags
        counters[own] = 0


def _job_after(last: int, counters: memoryview, own: int, fd: int) -> bool:
    """Wait for the next job: at first by looking for it, then asleep. False if nobody is there any more to give one."""
    end, looks = time.monotonic() + SPIN, 0
    while counters[SEQ] == last:
        looks += 1
        if looks % LOOKS == 0 and time.monotonic() > end:
            with locked(fd):  # so that the caller, who looks after it has the lock, sees one or the other
                counters[own + 1] = 1
            if counters[SEQ] == last and not os.read(0, 1):
                return False
            counters[own + 1] = 0
            end = time.monotonic() + SPIN
    return True


def _chunks(job: int, counters: memoryview, fd: int) -> Iterator[int]:
    """Those of one job that nobody has begun, the last one first."""
    while True:
        with locked(fd):
            high = counters[HIGH] - 1
            if high < counters[LOW] or counters[SEQ] != job:
                return
            counters[HIGH] = high
        yield high


def _report(error: BaseException, view: memoryview, counters: memoryview, fd: int) -> None:
    """Tell the caller of an error, the first one if there are several, and leave nothing to be done."""
    told = marshal.dumps((type(error).__name__, str(error)[: COPIES - ERROR >> 3]))
    with locked(fd):
        counters[LOW] = counters[HIGH] = 0
        if not counters[FAILED]:
            view[ERROR : ERROR + len(told)] = told
            counters[FAILED] = len(told)


# When this process is forked, or ends

_forks: dict[int, tuple[int, int]] = {}  # by the thread that forks: a pipe that its child holds open until it is ready


def _before_fork() -> None:
    if _helpers is not None and not _helpers.memory.is_own:
        _forks[threading.get_ident()] = os.pipe()


def _after_fork_here() -> None:
    pipe = _forks.pop(threading.get_ident(), None)
    if pipe is not None:
        reading, writing = pipe
        os.close(writing)
        while os.read(reading, 1):  # until the child has its copy
            pass
        os.close(reading)


def _after_fork_there() -> None:
    global _helpers, _wanted
    own = _forks.pop(threading.get_ident(), ())
    for pipe in _forks.values():  # of other threads, whose children they are to be held open by
        for end in pipe:
            os.close(end)
    _forks.clear()
    if _helpers is not None and not _helpers.memory.is_own:
        _helpers.memory.make_own()
        for process in _helpers.processes:  # the parent's: they end when nobody holds their input open any more
            process.returncode = 0
            if process.stdin is not None:
                process.stdin.close()
    _helpers, _wanted = None, False
    for end in own:
        os.close(end)


def _at_exit() -> None:
    global _wanted
    _wanted = False
    if _helpers is not None:
        _helpers.stop()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_here, after_in_child=_after_fork_there)
atexit.register(_at_exit)
