"""Random generators that are set back after something was drawn only to look at it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..modes import GENERATORS
from ..random import default_generator


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
