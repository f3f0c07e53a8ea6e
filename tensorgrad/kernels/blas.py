"""NumPy's BLAS, held to one thread while our own threads run."""

import functools
import threading
from collections.abc import Callable
from typing import Any

from threadpoolctl import ThreadpoolController

SMALL_PRODUCTS = {"SkylakeX", "Cooperlake", "SapphireRapids"}  # what OpenBLAS calls its kernels for AVX-512


class _Hold:
    """What holds BLAS to one thread: the first holder sets it, the last one sets it back.

    An interrupt may come at any step, so each leaves a state from which `release` finds the way back.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()  # a signal handler or a finaliser may compute while its thread is in here
        self.holders: set[object] = set()
        self.before: list[tuple[Any, int]] = []

    def take(self, holder: object) -> None:
        with self.lock:
            self.holders.add(holder)
            if len(self.holders) == 1:
                self.before = [(library, library.num_threads) for library in _libraries()]
                for library, threads in self.before:
                    if threads != 1:
                        _set(library, 1)

    def release(self, holder: object) -> None:
        with self.lock:
            if self.holders <= {holder}:
                self._set_back()
            self.holders.discard(holder)

    def _set_back(self) -> None:
        for library, threads in self.before:
            if threads != 1:
                _set(library, threads)
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


def _set(library: Any, threads: int) -> None:
    """Set the library's number, from any thread: threadpoolctl from 3.8 on lets a single one do so, for all time."""
    getattr(library, "_real_set_num_threads", library.set_num_threads)(threads)


@functools.cache
def takes_small_products() -> bool:
    """Whether it has kernels for small products, which copy nothing first: OpenBLAS's AVX-512 ones do."""
    found = [library.info() for library in _libraries()]
    return any(it["internal_api"] == "openblas" and it.get("architecture") in SMALL_PRODUCTS for it in found)


@functools.cache
def _libraries() -> list[Any]:
    """NumPy's BLAS, found when first needed."""
    libraries: list[Any] = ThreadpoolController().select(user_api="blas").lib_controllers
    return libraries
