"""Checks that several operations share. Each raises before anything is computed, naming operation and values."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import DTypeError, ShapeError


def sizes(name: str, what: str, value: Any, rank: int, least: int) -> tuple[int, ...]:
    """A number, or one for each of `rank` axes, as a tuple of ints not below `least`."""
    given = tuple(value) if isinstance(value, (tuple, list)) else (value,) * rank
    if len(given) == 1:
        given *= rank
    if len(given) != rank or any(isinstance(n, bool) or not isinstance(n, (int, np.integer)) for n in given):
        raise ShapeError(f"{name}: {what} must be an int or {rank} ints, got {value!r}")
    if any(n < least for n in given):
        raise ShapeError(f"{name}: {what} must be at least {least}, got {value!r}")
    return tuple(int(n) for n in given)


def positive(name: str, what: str, value: Any, rank: int) -> tuple[int, ...]:
    """A number, or one for each axis, as a tuple of positive ints."""
    return sizes(name, what, value, rank, least=1)


def same_dtype(name: str, **tensors: Any) -> None:
    """Raise unless all are of one float dtype; None is left out."""
    dtypes = {key: tensor.dtype for key, tensor in tensors.items() if tensor is not None}
    for key, dtype in dtypes.items():
        if dtype.kind != "f":
            raise DTypeError(f"{name}: {key} has dtype {dtype}, it must be a float: cast it, for example with .float()")
    if len(set(dtypes.values())) > 1:
        listed = ", ".join(f"{key} {dtype}" for key, dtype in dtypes.items())
        raise DTypeError(f"{name}: the dtypes differ: {listed}; cast one of them, for example with .to(dtype)")
