"""What a picture may be asked for: one set of options for every form of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Literal, cast

from ..errors import DTypeError, ShapeError
from .words import plain

CHOICES: dict[str, tuple[str, ...]] = {
    "view": ("op", "module", "tensor"),
    "direction": ("TB", "LR"),
    "color": ("kind", "value", "gradient", "memory"),
    "theme": ("light", "dark", "print"),
}


@dataclass(frozen=True, slots=True)
class Options:
    """How a captured graph is drawn.

    `view` is "op" (a card for each operation), "tensor" (operations and tensors as cards) or "module" (a card for each
    module, to a depth of 1 unless `depth` or `collapse` says otherwise). Modules become one card each that are `depth`
    names deep, or for which `collapse(path, type)` is true; `collapse="auto"` closes the deepest and largest ones until
    about 25 cards are left. The modules in `expand`, and those around them, stay open. `backward` draws the gradients'
    arrows, by default if there are gradients. A gradient is said to vanish or to explode where its rms over that of
    its parameter is below `vanishing` or above `exploding`.
    """

    view: Literal["op", "module", "tensor"] = "op"
    depth: int | None = None
    collapse: Literal["auto"] | Callable[[str, str], bool] | None = None
    expand: tuple[str, ...] = ()
    direction: Literal["TB", "LR"] = "TB"
    color: Literal["kind", "value", "gradient", "memory"] = "kind"
    theme: Literal["light", "dark", "print"] = "light"
    backward: bool | None = None
    legend: bool = True
    vanishing: float = 1e-7
    exploding: float = 1e1


def options_of(caller: str, given: dict[str, Any]) -> Options:
    """The options that were given to a method, checked; errors begin with the method's name."""
    known = [field.name for field in fields(Options)]
    for name in given:
        if name not in known:
            raise DTypeError(f"{caller}: there is no option {plain(name)!r}: there are {', '.join(known)}")
    given = {**given}
    if isinstance(given.get("expand"), str):
        given["expand"] = (given["expand"],)
    elif isinstance(given.get("expand"), list):
        given["expand"] = tuple(given["expand"])
    options = Options(**given)
    for name, allowed in CHOICES.items():
        value = getattr(options, name)
        if not isinstance(value, str) or value not in allowed:
            listed = ", ".join(map(repr, allowed[:-1])) + f" or {allowed[-1]!r}"
            raise ShapeError(f"{caller}: {name} must be {listed}, got {_said(value)}")
    depth, collapse, expand = options.depth, options.collapse, options.expand
    if depth is not None and (not isinstance(depth, int) or isinstance(depth, bool) or depth < 1):
        raise ShapeError(f"{caller}: depth must be None or a whole number from 1, got {_said(depth)}")
    if not (collapse is None or collapse == "auto" or callable(collapse)):
        raise ShapeError(
            f"{caller}: collapse must be None, 'auto' or a function of a module's path and class, got {_said(collapse)}"
        )
    if not isinstance(expand, tuple) or not all(isinstance(path, str) for path in expand):
        raise ShapeError(f"{caller}: expand must be a tuple of modules' paths, got {_said(expand)}")
    for name in ("backward", "legend"):
        value = getattr(options, name)
        if not isinstance(value, bool) and not (name == "backward" and value is None):
            allowed_too = "None, " if name == "backward" else ""
            raise ShapeError(f"{caller}: {name} must be {allowed_too}True or False, got {_said(value)}")
    _check_thresholds(caller, options)
    return options


def _check_thresholds(caller: str, options: Options) -> None:
    for name in ("vanishing", "exploding"):
        value: Any = getattr(options, name)
        real = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not real or not cast(float, value) >= 0 or math.isnan(value):
            raise ShapeError(f"{caller}: {name} must be a number from 0, got {_said(value)}")
    if options.vanishing > options.exploding:
        raise ShapeError(
            f"{caller}: vanishing must not be larger than exploding, got {options.vanishing} and {options.exploding}"
        )


def _said(value: Any) -> str:
    try:
        return plain(repr(value))
    except Exception:  # the object is the user's, and its __repr__ may do anything
        return f"a {type(value).__name__}"
