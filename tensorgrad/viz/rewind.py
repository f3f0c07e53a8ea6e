"""Random generators and tensors that are set back after something was run only to look at it."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..modes import GENERATORS
from ..node import Array, version_cell
from ..random import default_generator
from ..tensor import Tensor


@contextmanager
def rewind_generators() -> Iterator[None]:
    """After the `with` block, random generators are where they were before it.

    These are all that operations of tensorgrad draw from inside, whoever holds them, the default one, and the global
    ones of NumPy and Python. A generator that other code draws from directly is not seen.
    """
    outer = GENERATORS.get()
    seen: dict[int, tuple[np.random.Generator, Any]] = {}
    default = default_generator()
    state = default.bit_generator.state
    of_python, of_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002  (others may use it)
    GENERATORS.set(seen)
    try:
        yield
    finally:
        GENERATORS.set(outer)
        for generator, before in seen.values():
            generator.bit_generator.state = before
        default.bit_generator.state = state
        random.setstate(of_python)
        np.random.set_state(of_numpy)  # noqa: NPY002  (as above)


@contextmanager
def rewind_tensors(tensors: Iterable[Tensor]) -> Iterator[None]:
    """After the `with` block, these tensors have the values, the memory and the place in a graph that they had.

    A graph that was recorded before, and kept one of them for the way back, can still be walked. One that was recorded
    inside, after a tensor had been changed, cannot: it is told from the other as by any change in place.
    """
    before = [
        (tensor, tensor._array, tensor._array.copy(), version_cell(tensor), bytes(version_cell(tensor)))
        for tensor in dict.fromkeys(tensors)
    ]
    places = [(tensor.node, tensor.index, tensor._requires_grad) for tensor, *_ in before]
    try:
        yield
    finally:
        for (tensor, array, values, cell, count), place in zip(before, places, strict=True):
            if array.tobytes() != values.tobytes():
                array[...] = values
            tensor._array, tensor._version = array, cell
            tensor.node, tensor.index, tensor._requires_grad = place
            if cell != count and _is_all_of_its_memory(array):
                cell[:] = count


def _is_all_of_its_memory(array: Array) -> bool:
    """Whether nothing else is in the memory, that may have been changed too."""
    return array.base is None or (isinstance(array.base, np.ndarray) and array.base.nbytes == array.nbytes)
