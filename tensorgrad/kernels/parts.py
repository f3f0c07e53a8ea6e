"""Parts of an array put together along an axis, some of which may be missing."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .buffers import empty
from .layout import empty_like
from .threads import COPY_WORK, SMALL, run
from .windows import Array, Ints


def put_together(parts: Sequence[Array | None], places: Sequence[Any], shape: Ints) -> Array:
    """An array of `shape` with each part at its place, one index for each, and zeros for a part that is None.

    The places cover the array, none twice. Its axes follow each other in
    memory as those of the largest part do, if that has as many.
    """
    largest = max([part for part in parts if part is not None], key=np.size)
    in_order = largest.flags.c_contiguous or largest.ndim != len(shape)
    whole = empty(shape, largest.dtype) if in_order else empty_like(largest, shape, largest.dtype)

    def put(number: int) -> None:
        part = parts[number]
        whole[places[number]] = 0 if part is None else part

    if COPY_WORK * whole.size < SMALL:
        for number in range(len(parts)):
            put(number)
    else:
        run(put, len(parts), COPY_WORK * whole.size)
    return whole
