"""Where random numbers come from when no generator is passed."""

from __future__ import annotations

import numpy as np

_generator = np.random.default_rng()


def default_generator() -> np.random.Generator:
    """The generator used wherever none is passed; unseeded until `manual_seed`."""
    return _generator


def manual_seed(seed: int) -> np.random.Generator:
    """Start the default generator anew from `seed`, so that everything drawn from it repeats; returns it."""
    _generator.bit_generator.state = np.random.default_rng(seed).bit_generator.state
    return _generator
