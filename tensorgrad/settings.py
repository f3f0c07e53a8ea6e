"""What users may set about how things are computed: the number of threads, the way convolutions take, memory kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from .errors import DTypeError, ShapeError
from .kernels import buffers, choose, processes, threads


def set_num_threads(count: int) -> None:
    """Let operations use `count` threads, the calling one included; at first as many as the process may use cores.

    Where a container is given less of the processor's time than its cores have, that counts. Threads wait for some
    milliseconds before they sleep when there is nothing to do, and use a core meanwhile.

    This holds for our own threads, which share out the work of an operation, and for BLAS, which is held to one thread
    while they run and set back afterwards, so your own NumPy calls are as quick as before. Results do not depend on
    it. Raises DTypeError for what is no int, ShapeError for less than 1.
    """
    if isinstance(count, bool) or not isinstance(count, (int, np.integer)):
        raise DTypeError(f"set_num_threads: count must be an int, got {count!r}")
    if count < 1:
        raise ShapeError(f"set_num_threads: count must be at least 1, got {count}")
    threads.set_num_threads(int(count))


def get_num_threads() -> int:
    """How many threads operations use: see `set_num_threads`. At first the cores of the process, or OMP_NUM_THREADS."""
    return threads.get_num_threads()


@contextmanager
def conv_algorithm(name: str) -> Iterator[None]:
    """Within the `with` block, compute convolutions and their gradients by one algorithm wherever it fits them.

    - "auto": the fastest for the shapes, by measured thresholds; what holds outside of any block.
    - "im2col": a matrix product of columns. Exact, for every convolution; others give way to it where they do not fit.
    - "direct": small matrix products of windows as they lie in memory. Exact; two spatial axes. One that
      is dilated is computed as several without, each of some of the pixels, and groups one by one.
    - "shifted": the same, but the weight gradient by rows that are copied once for each column of the kernel. Exact.
    - "gathered": columns of what all windows of all images read, multiplied with many filters at once. Exact.
    - "stacked": "direct", but results of stride 1 by products of all rows of the filters at once. Exact.
    - "winograd": F(4x4, 3x3), with a quarter of the multiplications but more rounding, up to 1e-5 of the largest value;
      float32, 3x3, for volumes 3x3xk and one group, stride 1. Others give way to "direct" first.
    - "winograd1d": F(4, 3) to F(3, 7) along one axis, with about half of the multiplications and less rounding
      than F(4x4, 3x3), for few channels and large filters; float32, filters 3 to 7 wide, or else so high, of
      sequences 3 to 7 long and one group, stride 1.

    Where each channel is a group of its own, all but "im2col" leave it to kernels for that, which are exact. Float64
    never takes the last two. An inf or nan among the filters or gradients makes nan where it meets zeros of the
    padding, and not all of them multiply by these; Winograd's spread it over a tile. The setting holds for the thread
    it is made in. Raises ShapeError for other names.
    """
    if name not in choose.ALGORITHMS:
        raise ShapeError(
            f"conv_algorithm: there is no algorithm {name!r}, only {', '.join(map(repr, choose.ALGORITHMS))}"
        )
    before = choose.chosen.get()
    choose.chosen.set(name)
    try:
        yield
    finally:
        choose.chosen.set(before)


def empty_cache() -> None:
    """Give the memory that is kept for further results back to the system; at most 1 GB are kept.

    Each thread also keeps the room that its chunks are computed in, some megabytes, which stays.
    """
    buffers.empty_cache()


def set_helpers(kind: str) -> None:
    """Who helps the calling thread with large operations: "threads", as at first, or "processes".

    Threads of Python wait for each other at every call to NumPy, which costs most where operations are short or many,
    as in small networks. Processes do not: `set_num_threads(n)` then means n - 1 of them, at least one. They start with
    this call, or later where more are wanted, look for work for some milliseconds before they sleep, and end with this
    process. What they compute is the same to the last bit. Where they cannot be started, threads do the work.

    They see only arrays made after this call, so call it before a model and its data are made. Those arrays lie in
    memory that a forked child has to copy as a whole; it goes on with threads. Needs Linux. Raises ShapeError for
    another kind, OSError where the system does not give such memory, or another thread's operation does not end.
    """
    if kind not in ("threads", "processes"):
        raise ShapeError(f"set_helpers: kind must be 'threads' or 'processes', got {kind!r}")
    if (kind == "processes") != processes.are_wanted():
        processes.want(max(1, threads.get_num_threads() - 1) if kind == "processes" else 0)
        buffers.empty_cache()


def get_helpers() -> str:
    """Who helps the calling thread with large operations: see `set_helpers`."""
    return "processes" if processes.are_wanted() else "threads"
