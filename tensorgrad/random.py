"""Where random numbers come from when no generator is passed, and how they are made to repeat."""

from __future__ import annotations

import operator
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .errors import DTypeError, ShapeError

_seed = secrets.randbits(63)
_generator = np.random.default_rng(_seed)


def default_generator() -> np.random.Generator:
    """The generator used wherever none is passed; unseeded until `manual_seed`."""
    return _generator


def manual_seed(seed: int) -> np.random.Generator:
    """Start the default generator anew from `seed`, so that everything drawn from it repeats; returns it."""
    global _seed
    try:
        seed = operator.index(seed)
    except TypeError:
        raise DTypeError(f"manual_seed: seed must be an int, got {seed!r}") from None
    if seed < 0:
        raise ShapeError(f"manual_seed: seed must be at least 0, got {seed}")
    _generator.bit_generator.state = np.random.default_rng(seed).bit_generator.state
    _seed = seed
    return _generator


def seed() -> int:
    """Start the default generator anew from a seed of the system's, which is returned."""
    manual_seed(secrets.randbits(63))
    return _seed


def initial_seed() -> int:
    """The seed that the default generator was last started from."""
    return _seed


def get_rng_state() -> dict[str, Any]:
    """What the default generator will draw, for `set_rng_state`: the state of its NumPy bit generator, a copy."""
    return dict(_generator.bit_generator.state)


def set_rng_state(new_state: dict[str, Any]) -> None:
    """Let the default generator go on from where it was at `get_rng_state`."""
    _generator.bit_generator.state = new_state


@contextmanager
def fork_rng(enabled: bool = True) -> Iterator[None]:
    """After the `with` block, the default generator goes on from where it was before it, whatever was drawn inside."""
    global _seed
    state, first = get_rng_state(), _seed
    try:
        yield
    finally:
        if enabled:
            set_rng_state(state)
            _seed = first
