"""Copies of arrays into another order of their axes, by blocks where a plain copy would lose what the cache holds.

A copy in the order of the result reads the source in strides: one value of each cache line, the next value of the same
line only after all other lines of a run. Where the stride is a multiple of a large power of two, as with images of
32x32, those lines share a few places of the cache and have pushed each other out by then. So a block is first copied as
it lies, in whole lines, into rows of a small array, whose length is no power of two, and turned from there.
"""

import itertools
import math

import numpy as np

from .buffers import scratch
from .runs import copy_runs
from .threads import COPY_WORK, run
from .windows import Array

WAY_BYTES = 4096  # strides of which the first-level cache has one set of places for
PLACES = 8  # in such a set, at least
BLOCK = 1 << 16  # values
RUN = 64  # values of a block along the last axis of the result
GAP_BYTES = 64  # between the rows of a block: one line


def copy_turned(out: Array, x: Array) -> None:
    """np.copyto(out, x) for an array `out` that is contiguous and an x of its shape and dtype in another order."""
    if not _is_crowded(x):
        copy_runs(out, x)
        return
    last = x.ndim - 1
    outer = sorted(range(last), key=lambda axis: -abs(x.strides[axis]))
    source, target = (array.transpose(last, *outer) for array in (x, out))  # the values of a run outermost
    back = np.argsort((last, *outer))
    run_length = min(RUN, source.shape[0])
    room, steps = BLOCK // run_length, [1] * last
    for place in reversed(range(last)):
        steps[place] = min(source.shape[place + 1], max(1, room))
        room //= steps[place]
    width = math.prod(steps) + GAP_BYTES // x.itemsize
    corners = list(
        itertools.product(
            *(range(0, n, step) for n, step in zip(source.shape, (run_length, *steps), strict=True)),
        )
    )

    def turn(number: int) -> None:
        at = tuple(slice(i, i + step) for i, step in zip(corners[number], (run_length, *steps), strict=True))
        part = source[at]
        rows = scratch("turned", (run_length, width), x.dtype)[: part.shape[0], : math.prod(part.shape[1:])]
        block = rows.reshape(part.shape)
        np.copyto(block, part)
        np.copyto(target[at].transpose(back), block.transpose(back))

    run(turn, len(corners), COPY_WORK * x.size, writes=(out,))


def _is_crowded(x: Array) -> bool:
    """Whether the lines that a run along the last axis reads are too many for the places they share in the cache."""
    if x.ndim < 2 or not x.size:
        return False
    step = abs(x.strides[-1])
    if step <= min(abs(stride) for stride in x.strides[:-1]):
        return False
    return x.shape[-1] * math.gcd(step, WAY_BYTES) > PLACES * WAY_BYTES
