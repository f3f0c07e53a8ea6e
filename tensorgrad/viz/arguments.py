"""What the public functions are given, checked before anything is done: errors name the function and the value."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import DTypeError, ShapeError, TensorgradError
from .words import plain


class DrawingError(TensorgradError, RuntimeError):
    """A picture that cannot be drawn: no Graphviz, not in time, a suffix that is no picture's, a callback's error."""


def said(value: Any) -> str:
    """A value as an error tells it, whatever its repr does."""
    try:
        return plain(repr(value))
    except Exception:  # the object is the user's, and its __repr__ may do anything
        return f"a {type(value).__name__}"


def whole(caller: str, name: str, value: Any, least: int = 0, none: bool = False) -> int:
    """A whole number that is not below `least`; with `none` the error says that None would do too."""
    text = f"{caller}: {name} must be {'None or ' * none}a whole number from {least}, got {said(value)}"
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise DTypeError(text)
    if value < least:
        raise ShapeError(text)
    return int(value)


def whole_or_none(caller: str, name: str, value: Any, least: int = 0) -> int | None:
    """A whole number that is not below `least`, or None."""
    return None if value is None else whole(caller, name, value, least, none=True)


def real(caller: str, what: str, value: Any) -> float:
    """A number, infinite perhaps, but not nan; `what` begins the error, such as "factor must be at least 1"."""
    number = as_float(value)
    if number is None:
        raise DTypeError(f"{caller}: {what}, got {said(value)}")
    if math.isnan(number):
        raise ShapeError(f"{caller}: {what}, got nan")
    return number


def as_float(value: Any) -> float | None:
    """A number as a float, infinite where it is beyond all floats; None if it is not a number."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        return None
    try:
        return float(value)
    except OverflowError:
        return -math.inf if value < 0 else math.inf
