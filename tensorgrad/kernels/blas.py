"""NumPy's BLAS, held to one thread while our own threads run."""

import ctypes
import functools
import itertools
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from threadpoolctl import ThreadpoolController

SMALL_PRODUCTS = {"SkylakeX", "Cooperlake", "SapphireRapids"}  # what OpenBLAS calls its kernels for AVX-512


class _Hold:
    """What holds BLAS to one thread: the first holder sets it, the last one sets it back.

    An interrupt may come at any step, so each leaves a state from which `release` finds the way back.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()  # a signal handler or a finaliser may compute while its thread is in here
        self.holders: set[object] = set()
        self.before: list[tuple[_Library, int]] = []

    def take(self, holder: object) -> None:
        with self.lock:
            self.holders.add(holder)
            if len(self.holders) == 1:
                self.before = [(library, library.get_threads()) for library in _libraries()]
                for library, threads in self.before:
                    if threads != 1:
                        library.set_threads(1)

    def release(self, holder: object) -> None:
        with self.lock:
            if self.holders <= {holder}:
                self._set_back()
            self.holders.discard(holder)

    def _set_back(self) -> None:
        for library, threads in self.before:
            if threads != 1:
                library.set_threads(threads)
        self.before = []

    def after_fork(self) -> None:
        """In a child, which has none of the threads that held it: let go."""
        self.lock = threading.RLock()
        self.holders = set()
        self._set_back()


hold = _Hold()


def in_one_thread(work: Callable[[], Any]) -> Any:
    """The result of work(), with BLAS held to one thread until it is there; then BLAS's own number is set back."""
    holder = object()
    try:
        hold.take(holder)
        return work()
    finally:
        try:
            hold.release(holder)
        except BaseException:  # an interrupt, perhaps before anything was released
            hold.release(holder)
            raise


@functools.cache
def takes_small_products() -> bool:
    """Whether it has kernels for small products, which copy nothing first: OpenBLAS's AVX-512 ones do."""
    return any(library.architecture in SMALL_PRODUCTS for library in _libraries())


class _Library(NamedTuple):
    """A BLAS that is loaded."""

    get_threads: Callable[[], int]
    set_threads: Callable[[int], Any]
    architecture: str | None  # what OpenBLAS chose its kernels for


@functools.cache
def _libraries() -> list[_Library]:
    """NumPy's BLAS, found when first needed."""
    return [_library(found) for found in ThreadpoolController().select(user_api="blas").lib_controllers]


def _library(found: Any) -> _Library:
    """What threadpoolctl found; of OpenBLAS with threads of its own the functions themselves.

    They take a quarter of the time and keep Python's lock, for which two threads would wait; and from 3.8 on
    threadpoolctl lets a single thread set the number, for all time.
    """
    info = found.info()
    is_openblas = info["internal_api"] == "openblas"
    architecture = info.get("architecture") if is_openblas else None
    own = is_openblas and info.get("threading_layer") == "pthreads"
    for prefix, suffix in itertools.product(("", "scipy_"), ("", "64_", "_64")) if own else ():
        getter, setter = (f"{prefix}openblas_{verb}_num_threads{suffix}" for verb in ("get", "set"))
        if hasattr(found.dynlib, getter) and hasattr(found.dynlib, setter):
            get_threads = ctypes.PYFUNCTYPE(ctypes.c_int)((getter, found.dynlib))
            set_threads = ctypes.PYFUNCTYPE(None, ctypes.c_int)((setter, found.dynlib))
            return _Library(get_threads, set_threads, architecture)
    set_threads = getattr(found, "_real_set_num_threads", found.set_num_threads)
    return _Library(found.get_num_threads, set_threads, architecture)
