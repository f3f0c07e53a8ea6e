"""Names, parameters and numbers as they may stand in a picture: readable, bounded, and harmless."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np

from .parts import Shape

LIMIT = 80  # characters of a name that are shown
# Letters and digits that are written from right to left, and words of them with what joins these.
_LEFTWARDS = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefe\U00010800-\U00010fff\U0001e800-\U0001efff"
LEFTWARDS = re.compile(f"[{_LEFTWARDS}](?:[ _-]?[{_LEFTWARDS}]|[0-9_])*")


def plain(text: Any, limit: int = LIMIT) -> str:
    """Any object's text on one line, without control and formatting characters, and not longer than `limit`.

    Formatting characters go too: a right-to-left mark in a name would turn the rest of a label around.
    """
    try:
        return _plain(str(text), limit)
    except Exception:  # the object is the user's, and its __str__ may do anything
        return f"unprintable {type(text).__name__}"


@functools.lru_cache(4096)  # a graph has few different names, and says them often
def _plain(text: str, limit: int) -> str:
    if len(text) > 4 * limit:
        text = f"{text[: 2 * limit]}…{text[-2 * limit :]}"
    text = "".join(c for c in " ".join(text.split()) if unicodedata.category(c)[0] != "C")
    if len(text) > limit:
        # The end of a dotted name tells more than its middle.
        text = f"{text[: limit // 2]}…{text[len(text) - limit // 2 + 1 :]}"
    return text


def isolated(text: str) -> str:
    """A text in which names written from right to left stand alone, between the characters that Unicode has for it.

    Without them " = 1.5" after such a name would be turned round with it.
    """
    return text if text.isascii() else LEFTWARDS.sub("\u2068\\g<0>\u2069", text)


@functools.lru_cache(64)
def type_name(dtype: np.dtype[Any]) -> str:
    """A dtype's name; NumPy takes its time to make it."""
    return str(dtype)


def sizes(shape: Shape) -> str:
    """A shape as Python writes it."""
    return str(tuple(shape))


def number(value: float | None, digits: int = 3) -> str:
    """A number with a few digits; a dash for none."""
    if value is None:
        return "-"
    return f"{value:.0f}" if 10**digits <= abs(value) < 1e6 else f"{value:.{digits}g}"


def describe(params: dict[str, Any], names: Sequence[str], shapes: Sequence[Shape], outputs: Sequence[Shape]) -> str:
    """An operation's parameters to be read on its box, such as "5x5, stride 1, pad 2" or "dim 1, keepdim".

    `names` and `shapes` are of its inputs: a convolution's window stands in the shape of its weight. Left out are what
    is None or False, and a shape that the output has anyway.
    """
    rest = dict(params)
    said = []
    if "stride" in rest and "padding" in rest:
        window = rest.pop("kernel_size", None)
        if window is None:
            # A convolution, its input gradient, or its weight gradient, whose output is of the weight's shape.
            weight = shapes[names.index("weight")] if "weight" in names else rest.get("shape")
            window = weight[2:] if isinstance(weight, tuple) else None
        if window is not None:
            said.append("x".join(map(plain, window)) if isinstance(window, tuple) else plain(window))
        said.append(f"stride {_per_axis(rest.pop('stride'))}")
        said.append(f"pad {_per_axis(rest.pop('padding'))}")
        if said[-1] == "pad 0":
            rest.pop("count_include_pad", None)  # there is none to count
        for name in ("dilation", "groups"):
            if name in rest and _per_axis(value := rest.pop(name)) != "1":
                said.append(f"{name} {_per_axis(value)}")
    for name, value in rest.items():
        if value is None or value is False or isinstance(value, np.random.Generator):
            continue
        if name in ("shape", "size") and value in list(outputs):
            continue
        said.append(plain(name) if value is True else f"{plain(name)} {readable(value)}")
    return ", ".join(said)


def readable(value: Any) -> str:
    """One parameter in words."""
    return plain(_readable(value, 3))


def _readable(value: Any, depth: int) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, slice):
        ends = ["" if end is None else plain(end) for end in (value.start, value.stop, value.step)]
        return ":".join(ends[: 2 if value.step is None else 3])
    if value is Ellipsis:
        return "..."
    if isinstance(value, np.ndarray):
        return f"{value.dtype} array {sizes(value.shape)}"
    if isinstance(value, (tuple, list)) and depth:
        parts = ", ".join(_readable(part, depth - 1) for part in value[:16])
        parts += ", ..." if len(value) > 16 else "," if len(value) == 1 and isinstance(value, tuple) else ""
        return f"[{parts}]" if isinstance(value, list) or _is_index(value) else f"({parts})"
    if value is None or isinstance(value, (bool, int, str, np.generic, np.dtype)):
        return plain(value)
    return f"a {type(value).__name__}"


def _is_index(value: tuple[Any, ...]) -> bool:
    return any(isinstance(part, slice) or part is Ellipsis for part in value)


def _per_axis(value: Any) -> str:
    """A value for each axis; one number where all are the same. Paddings may be (before, after) pairs."""
    if not isinstance(value, (tuple, list)) or not value:
        return readable(value)
    parts = [
        plain(part[0] if part[0] == part[1] else f"{part[0]}+{part[1]}")
        if isinstance(part, (tuple, list)) and len(part) == 2
        else plain(part)
        for part in value
    ]
    return parts[0] if len(set(parts)) == 1 else "x".join(parts)
