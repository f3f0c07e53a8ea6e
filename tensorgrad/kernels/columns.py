"""Columns: what each window of a convolution reads, laid out as a matrix (c*k, y*n), a part of the windows at a time.

Axes: c channel, k kernel place, y window, x pixel, n image; k, y and x stand for one axis per spatial dimension.
Images are (c, *x, n), see `layout`.
"""

import math

import numpy as np

from .runs import copy_runs
from .windows import Array, Ints, Slices, places_along

CHUNK_BYTES = 1 << 22  # columns are written, then read by the product; parts of a core's L2 have too short runs to copy
SMALL_BYTES = 1 << 18  # not worth cutting
LEAST_PARTS = 4  # of anything else, so that threads end at about the same time


def parts(out_size: Ints, window_bytes: int, chunk_bytes: int) -> list[Slices]:
    """Cut the windows into parts whose columns take about `chunk_bytes`, each a slice along every axis.

    A part is a number of rows, or a piece of a single row: its results are one run in every channel.
    """
    first, *rest = out_size
    row_bytes = max(1, math.prod(rest) * window_bytes)
    whole = tuple(slice(0, n) for n in rest)
    if row_bytes <= 2 * chunk_bytes or not rest:
        rows = max(1, min(chunk_bytes, first * row_bytes // LEAST_PARTS) // row_bytes)
        if first * row_bytes <= SMALL_BYTES:
            rows = first
        return [(slice(y, min(first, y + rows)), *whole) for y in range(0, first, rows)]
    pieces = parts(tuple(rest), window_bytes, chunk_bytes)
    return [(slice(y, y + 1), *piece) for y in range(first) for piece in pieces]


def fill(columns: Array, x: Array, part: Slices, stride: Ints, before: Ints, dilation: Ints) -> None:
    """Write what the windows in `part` read into columns (c, *k, *y, n); zeros where a window reads padding."""
    kernel = columns.shape[1 : 1 + len(part)]
    axes = [
        places_along(k, s, b - p.start * s, d, n, p.stop - p.start)
        for k, s, b, d, n, p in zip(kernel, stride, before, dilation, x.shape[1:-1], part, strict=True)
    ]
    every = (slice(None),)
    copy = copy_runs if stride[-1] > 1 else np.copyto  # the runs of neighbours are long
    for place in np.ndindex(*kernel):
        target = columns[every + place]
        windows, pixels = zip(*(axis[k] for axis, k in zip(axes, place, strict=True)), strict=True)
        for axis, w in enumerate(windows, 1):
            if w.start > 0:
                target[every * axis + (slice(0, w.start),)] = 0
            if w.stop < target.shape[axis]:
                target[every * axis + (slice(w.stop, None),)] = 0
        copy(target[every + windows], x[every + pixels])
