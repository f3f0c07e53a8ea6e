"""What a picture may be asked for: one set of options for every form of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

import numpy as np

from ..errors import DTypeError, ShapeError
from .arguments import as_float, said
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
            raise ShapeError(f"{caller}: {name} must be {listed}, got {said(value)}")
    depth, collapse, expand = options.depth, options.collapse, options.expand
    if depth is not None and (not isinstance(depth, (int, np.integer)) or isinstance(depth, bool) or depth < 1):
        raise ShapeError(f"{caller}: depth must be None or a whole number from 1, got {said(depth)}")
    if not (collapse is None or (isinstance(collapse, str) and collapse == "auto") or callable(collapse)):
        raise ShapeError(
            f"{caller}: collapse must be None, 'auto' or a function of a module's path and class, got {said(collapse)}"
        )
    if not isinstance(expand, tuple) or not all(isinstance(path, str) for path in expand):
        raise ShapeError(f"{caller}: expand must be a tuple of modules' paths, got {said(expand)}")
    for name in ("backward", "legend"):
        value = getattr(options, name)
        if not isinstance(value, bool) and not (name == "backward" and value is None):
            allowed_too = "None, " if name == "backward" else ""
            raise ShapeError(f"{caller}: {name} must be {allowed_too}True or False, got {said(value)}")
    return _with_thresholds(caller, options)


def _with_thresholds(caller: str, options: Options) -> Options:
    """The options with both thresholds as floats, checked."""
    floats = {}
    for name in ("vanishing", "exploding"):
        value = as_float(getattr(options, name))
        if value is None or not value >= 0:
            raise ShapeError(f"{caller}: {name} must be a number from 0, got {said(getattr(options, name))}")
        floats[name] = value
    if floats["vanishing"] > floats["exploding"]:
        raise ShapeError(
            f"{caller}: vanishing must not be larger than exploding, got {options.vanishing} and {options.exploding}"
        )
    return replace(options, vanishing=floats["vanishing"], exploding=floats["exploding"])
