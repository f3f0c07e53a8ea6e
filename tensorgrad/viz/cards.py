"""A card of the picture as SVG: its shape, its texts, the chips docked to it and the strips at its foot."""

from __future__ import annotations

import math

from .ink import escaped, num, outline, span, words
from .layout import Rect
from .measure import PILE, SMALL, STRIP, Docked, Measured, Row
from .scene import Card, Strip
from .theme import Look, Shape, Theme, look_of

RIM = 4.0  # the width of a hatched rim
LOWEST, HIGHEST = 1e-8, 1e2  # the ends of a strip's logarithmic scale


def draw_card(card: Card, size: Measured, place: Rect, theme: Theme, id_: str, hatch: str) -> str:
    """One card, `hatch` being the id of the pattern for what is not finite."""
    look = look_of(theme, card.category, card.fill)
    flag = theme.flag if look.fill == theme.looks.get(card.category, theme.looks["operation"]).fill else look.text
    x, y, width, height = place.x, place.y, size.body_width, size.body_height
    style = _style(look)
    parts = [f'<g id="{id_}">']
    if card.tip:
        parts.append(f"<title>{escaped(card.tip, 1000)}</title>")
    if card.stacked:
        for step in (PILE, PILE / 2):
            parts.append(outline(look.shape, x + step, y + step, width, height, style))
    parts.append(outline(look.shape, x, y, width, height, _style(look, f"url(#{hatch})") if card.odd else style))
    if card.odd:  # texts stand on what is inside of the rim
        inside = _style(look) if card.result else f'fill="{look.fill}" stroke="none"'
        parts.append(outline(look.shape, x + RIM, y + RIM, width - 2 * RIM, height - 2 * RIM, inside))
    elif card.result:  # a second line inside: what the picture was asked for
        parts.append(outline(look.shape, x + 3, y + 3, width - 6, height - 6, _style(look, "none")))
    tones = {"text": look.text, "bold": look.text, "quiet": look.quiet, "flag": flag}
    parts += [_row(row, x + width / 2, y, tones, "middle") for row in size.rows]
    parts += [_chip(docked, place, theme) for docked in size.chips]
    parts.append(_strips(card, look.shape, x, y + height - size.foot, width, theme, hatch))
    parts.append("</g>")
    return "".join(parts)


def _style(look: Look, fill: str | None = None) -> str:
    dash = f' stroke-dasharray="{look.dash}"' if look.dash else ""
    return f'fill="{fill or look.fill}" stroke="{look.line}" stroke-width="{num(look.width)}"{dash}'


def _row(row: Row, x: float, y: float, tones: dict[str, str], anchor: str) -> str:
    pieces = []
    for k, (text, tone) in enumerate(row.spans):
        size = SMALL if tone == "quiet" else row.size
        before = ' dx="6"' if k and tone == "quiet" else ""
        weight = ' font-weight="bold"' if tone in ("bold", "flag") else ""
        pieces.append(f'<tspan font-size="{num(size)}" fill="{tones[tone]}"{weight}{before}>{span(text)}</tspan>')
    return (
        f'<text x="{num(x)}" y="{num(y + row.y)}" text-anchor="{anchor}" xml:space="preserve">{"".join(pieces)}</text>'
    )


def _chip(docked: Docked, place: Rect, theme: Theme) -> str:
    look, chip = theme.looks["parameter"], docked.chip
    dash = ' stroke-dasharray="3 2"' if chip.cut or not chip.trainable else ""
    style = f'fill="{look.fill}" stroke="{look.line}" stroke-width="{num(look.width)}"{dash}'
    x, y = place.x + docked.x, place.y + docked.y
    tones = {"text": look.text, "quiet": look.quiet}
    rows = "".join(_row(row, x + 5, y, tones, "start") for row in docked.rows)
    title = f"<title>{escaped(chip.tip, 1000)}</title>" if chip.tip else ""
    return f"<g>{title}{outline('note', x, y, docked.width, docked.height, style)}{rows}</g>"


def _strips(card: Card, shape: Shape, x: float, y: float, width: float, theme: Theme, hatch: str) -> str:
    """The value's strip at the left, the gradient's at the right."""
    if card.value is None and card.gradient is None:
        return ""
    beside = 16 if shape in ("hexagon", "slanted", "pill") else 10
    inner, half = x + beside, (width - 2 * beside - 4) / 2
    drawn = ""
    if card.value is not None:
        drawn += strip(card.value, inner, y, half, (theme.value, theme.value_range), theme, hatch)
    if card.gradient is not None:
        colours = (theme.gradient, theme.gradient_range)
        drawn += strip(card.gradient, inner + half + 4, y, half, colours, theme, hatch)
    return drawn


def strip(shown: Strip, x: float, y: float, width: float, colours: tuple[str, str], theme: Theme, hatch: str) -> str:
    """A bar on a logarithmic scale from LOWEST to HIGHEST: up to the low end, and in another colour to the high one.

    It is hatched if nothing is finite; its end is if something is not.
    """
    low, high = position(shown.low), position(shown.high)
    back = _bar(x, y, width, theme.strip_back)
    if low is None or high is None:
        return back + _bar(x, y, width, f"url(#{hatch})")
    bars = _bar(x, y, width * low, colours[0]) if low else ""
    bars += _bar(x + width * low, y, width * (high - low), colours[1]) if high > low else ""
    end = max(width / 5, 2 * STRIP)
    return back + bars + (_bar(x + width - end, y, end, f"url(#{hatch})") if shown.odd else "")


def position(value: float) -> float | None:
    """Where a size stands on a strip, 0 to 1; None for NaN and infinity."""
    if not math.isfinite(value):
        return None
    if value <= LOWEST:
        return 0.0
    return min(1.0, math.log(value / LOWEST) / math.log(HIGHEST / LOWEST))


def _bar(x: float, y: float, width: float, fill: str) -> str:
    return f'<rect x="{num(x)}" y="{num(y)}" width="{num(width)}" height="{num(STRIP)}" fill="{fill}"/>'


def badge(x: float, y: float, text: str, theme: Theme) -> str:
    """A flag's sign on its own, for the legend."""
    return words(x, y, text, 12.0, theme.flag, text_anchor="middle", font_weight="bold")
