"""SVG's elements as text: numbers, escaped texts, lines and shapes."""

from __future__ import annotations

from collections.abc import Iterable

from .theme import Shape
from .words import LEFTWARDS, isolated, plain

_ISOLATED = r'<tspan direction="rtl" style="unicode-bidi:isolate">\g<0></tspan>'


def num(value: float) -> str:
    """A length in pixels, to a tenth."""
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text


def escaped(text: str, limit: int = 400) -> str:
    """Anyone's text for an XML document: one line, no control characters, no markup."""
    return isolated(_escaped(text, limit))


def _escaped(text: str, limit: int = 400) -> str:
    return plain(text, limit).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def span(text: str) -> str:
    """Escaped text in which the direction of a name's writing does not reach its neighbours."""
    inner = _escaped(text)
    # plain() strips the spaces at the ends, which separate this text from its neighbours.
    inner = " " * (text[:1] == " " and bool(inner)) + inner + " " * (text[-1:] == " ")
    return inner if inner.isascii() else LEFTWARDS.sub(_ISOLATED, inner)


def words(x: float, y: float, text: str, size: float, fill: str, **style: str) -> str:
    """A line of text."""
    more = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in style.items())
    return f'<text x="{num(x)}" y="{num(y)}" font-size="{num(size)}" fill="{fill}"{more}>{span(text)}</text>'


def polygon(points: Iterable[tuple[float, float]]) -> str:
    """The data of a closed path."""
    return "M" + "L".join(f"{num(x)} {num(y)}" for x, y in points) + "Z"


def outline(shape: Shape, x: float, y: float, width: float, height: float, style: str) -> str:
    """A shape of theme.py."""
    right, bottom = x + width, y + height
    cut = min(7.0, height / 3, width / 4)
    if shape in ("slanted", "hexagon", "tag", "note"):
        points = {
            "slanted": [(x, y), (right, y), (right - cut, bottom), (x + cut, bottom)],
            "hexagon": [(x + cut, y), (right - cut, y), (right, y + height / 2), (right - cut, bottom)]
            + [(x + cut, bottom), (x, y + height / 2)],
            "tag": [(x, y), (right - cut, y), (right, y + cut), (right, bottom), (x + cut, bottom), (x, bottom - cut)],
            "note": [(x, y), (right - cut, y), (right, y + cut), (right, bottom), (x, bottom)],
        }[shape]
        fold = f"M{num(right - cut)} {num(y)}v{num(cut)}h{num(cut)}" if shape == "note" else ""
        return f'<path d="{polygon(points)}{fold}" {style}/>'
    radius = {"pill": min(height / 2, 16.0), "round": 7.0, "box": 0.0, "plain": 0.0}.get(shape, 1.5)
    drawn = f'<rect x="{num(x)}" y="{num(y)}" width="{num(width)}" height="{num(height)}" rx="{num(radius)}" {style}/>'
    if shape in ("component", "ticket"):  # a bar at the left; at both sides
        bars = f"M{num(x + 4)} {num(y)}v{num(height)}"
        bars += f"M{num(right - 4)} {num(y)}v{num(height)}" if shape == "ticket" else ""
        drawn += f'<path d="{bars}" {style}/>'
    return drawn
