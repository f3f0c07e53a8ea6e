"""Memory that helper processes see too, for the arrays that kernels make while there are such: see `processes`.

All of it is one file without a name, as large as the machine's memory; a page of it exists once it is written, and not
any more when its block is given back. An array lies in it at the same offset for all processes, which is how a job
names it.

A forked child is to have memory of its own, as always: it copies what there is, while its parent waits for it.
"""

import contextlib
import ctypes
import mmap
import os
import threading
from collections import defaultdict

import numpy as np

from .windows import Array

PAGE = mmap.PAGESIZE
LARGE_PAGE = 1 << 21  # blocks from here on begin at a large page, of which the system makes one in place of 512
HEAD = LARGE_PAGE  # bytes at the start, for what processes tell each other
STEP = 1 << 26  # bytes that a forked child copies at a time
MAP_FIXED = 0x10  # in place of what is there: Linux's number, which `mmap` has no name for


class Memory:
    """The file, as this process sees it."""

    def __init__(self, fd: int, nbytes: int) -> None:
        self.fd, self.nbytes = fd, nbytes
        try:
            self.map = mmap.mmap(fd, nbytes)
        except BaseException:
            os.close(fd)
            raise
        if hasattr(mmap, "MADV_HUGEPAGE"):
            with contextlib.suppress(OSError):  # a system without large pages
                self.map.madvise(mmap.MADV_HUGEPAGE)
        self.bytes = np.frombuffer(self.map, np.uint8)
        self.address: int = self.bytes.__array_interface__["data"][0]
        self.free: defaultdict[int, list[int]] = defaultdict(list)  # offsets of blocks that were given back, by size
        self.top = HEAD
        self.lock = threading.RLock()
        self.is_own = False  # after a fork, when no other process sees it any more

    def block(self, nbytes: int) -> tuple[Array, int] | None:
        """A block of so many bytes, and its offset; None if the file is full, or nobody else's any more."""
        if self.is_own:
            return None
        whole = -(-nbytes // PAGE) * PAGE
        try:
            at = self.free[whole].pop()
        except IndexError:
            with self.lock:
                at = self.top if whole < LARGE_PAGE else -(-self.top // LARGE_PAGE) * LARGE_PAGE
                if at + whole > self.nbytes:
                    return None
                self.top = at + whole
        return self.bytes[at : at + nbytes], at

    def give_back(self, at: int, nbytes: int) -> None:
        """Take back a block; its pages go to the system."""
        whole = -(-nbytes // PAGE) * PAGE
        self.map.madvise(mmap.MADV_DONTNEED if self.is_own else mmap.MADV_REMOVE, at, whole)
        if not self.is_own:
            self.free[whole].append(at)

    def place(self, array: Array) -> int | None:
        """The offset of an array's first element, if all processes see it."""
        at: int = array.__array_interface__["data"][0] - self.address
        return at if 0 <= at < self.nbytes and not self.is_own else None

    def make_own(self) -> None:
        """Replace what other processes see by memory that they do not, with the same values at the same addresses."""
        self.is_own = True
        libc = ctypes.CDLL(None, use_errno=True)
        libc.mmap.restype = ctypes.c_void_p
        libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
        prot, flags = mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_FIXED
        for begin in range(0, self.top, STEP):
            values = np.frombuffer(os.pread(self.fd, min(STEP, self.top - begin), begin), np.uint8)
            address = self.address + begin
            if libc.mmap(address, len(values), prot, flags, -1, 0) != address:
                raise OSError(ctypes.get_errno(), "mmap of a forked child's own memory")
            if values.any():
                self.bytes[begin : begin + len(values)] = values
