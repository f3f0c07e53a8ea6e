"""Colours, line patterns and shapes of a picture, for a light or a dark page and for print in black and white."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from .kinds import LOOKS

Shape = Literal["box", "round", "pill", "component", "tag", "slanted", "hexagon", "ticket", "note", "plain"]


@dataclass(frozen=True, slots=True)
class Look:
    """How a category's cards are drawn."""

    shape: Shape
    fill: str
    line: str
    text: str
    quiet: str
    dash: str = ""
    width: float = 1.2


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours of everything that is no card."""

    page: str
    text: str
    quiet: str
    frame_line: str
    frame_fills: tuple[str, str]  # in turns, from the outside inwards
    forward: str
    backward: str
    detached: str
    backward_dash: str
    flag: str
    strip_back: str
    value: str
    value_range: str
    gradient: str
    gradient_range: str
    looks: dict[str, Look]


# Shape; then fill and line in the dark theme; then the line in print: its pattern and width.
_DRAWN: dict[str, tuple[Shape, str, str, str, float]] = {
    "convolution": ("round", "#143524", "#4ade80", "", 2.0),
    "linear map": ("component", "#0f3530", "#2dd4bf", "", 2.0),
    "activation": ("pill", "#3a2f0b", "#facc15", "", 2.0),
    "softmax": ("hexagon", "#40230f", "#fb923c", "", 1.0),
    "loss": ("box", "#451a1d", "#f87171", "", 2.4),
    "pooling": ("slanted", "#321a4a", "#c084fc", "", 1.0),
    "normalisation": ("ticket", "#0c2f45", "#38bdf8", "", 1.0),
    "dropout": ("pill", "#3a2f0b", "#facc15", "5 3", 2.0),
    "reshaping": ("box", "#263041", "#94a3b8", "1 2", 1.0),
    "indexing": ("tag", "#263041", "#94a3b8", "", 1.0),
    "reduction": ("hexagon", "#431a33", "#f472b6", "6 2", 1.0),
    "elementwise": ("pill", "#1b2536", "#94a3b8", "", 1.0),
    "operation": ("box", "#1b2536", "#94a3b8", "", 1.0),
    "module": ("round", "#1e293b", "#a5b4fc", "", 1.6),
    "tensor": ("pill", "#1b2536", "#94a3b8", "4 2 1 2", 1.0),
    "parameter": ("note", "#3b2a17", "#d6a56c", "", 1.0),
    "input": ("round", "#172b54", "#60a5fa", "8 3", 1.6),
    "constant": ("plain", "#0f172a", "#94a3b8", "1 3", 1.0),
}
_DASHES = {"dropout": "5 3", "constant": "2 3", "tensor": "4 2 1 2"}


def _looks(name: str) -> dict[str, Look]:
    looks = {}
    for category, (shape, fill, line, dash, width) in _DRAWN.items():
        if name == "dark":
            looks[category] = Look(shape, fill, line, "#f1f5f9", "#cbd5e1", _DASHES.get(category, ""))
        elif name == "print":
            looks[category] = Look(shape, "#ffffff", "#000000", "#000000", "#333333", dash, width)
        else:
            kind = LOOKS[category]
            looks[category] = Look(shape, kind.fill, kind.line, "#111827", "#4b5563", _DASHES.get(category, ""))
    return looks


THEMES = {
    "light": Theme(
        page="#ffffff", text="#111827", quiet="#4b5563", frame_line="#94a3b8", frame_fills=("#f6f8fb", "#ffffff"),
        forward="#475569", backward="#c2410c", detached="#6b7280", backward_dash="", flag="#a21caf",
        strip_back="#d5dae1", value="#1d4ed8", value_range="#93b4f5", gradient="#c2410c", gradient_range="#f5a97a",
        looks=_looks("light"),
    ),
    "dark": Theme(
        page="#0f172a", text="#f1f5f9", quiet="#cbd5e1", frame_line="#64748b", frame_fills=("#141d31", "#0f172a"),
        forward="#a3b3c8", backward="#fb923c", detached="#8b96a6", backward_dash="", flag="#f0abfc",
        strip_back="#475569", value="#60a5fa", value_range="#3b5b94", gradient="#fb923c", gradient_range="#8f5a32",
        looks=_looks("dark"),
    ),
    "print": Theme(
        page="#ffffff", text="#000000", quiet="#333333", frame_line="#555555", frame_fills=("#ffffff", "#ffffff"),
        forward="#000000", backward="#000000", detached="#555555", backward_dash="5 2.5", flag="#000000",
        strip_back="#dddddd", value="#000000", value_range="#777777", gradient="#555555", gradient_range="#999999",
        looks=_looks("print"),
    ),
}  # fmt: skip

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


def look_of(theme: Theme, category: str, fill: str = "") -> Look:
    """How a card is drawn: in its category's colour, or in `fill` if that is one, with text that is legible on it."""
    look = theme.looks.get(category, theme.looks["operation"])
    if not is_colour(fill):
        return look
    text = max("#000000", "#ffffff", key=lambda text: contrast(text, fill))
    return Look(look.shape if look.shape != "plain" else "box", fill, look.line, text, text, look.dash, look.width)


def is_colour(text: str) -> bool:
    """Whether a text is a colour such as "#12ab9f", and nothing else that could end up in a picture."""
    return _COLOUR.fullmatch(text) is not None


def contrast(one: str, other: str) -> float:
    """How well one colour stands out from the other, 1 to 21, as the W3C's accessibility guidelines compute it."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
