"""The legend at the foot of a picture, and its notes."""

from __future__ import annotations

from .arrows import HEAD, line_style
from .cards import badge, strip
from .ink import num, outline, words
from .measure import SMALL, STRIP, fit, text_width, wrapped
from .scene import Arrow, ArrowKind, Key, Scene, Strip
from .theme import Theme, is_colour, look_of

SAMPLE = 34.0  # a sample's width
LINE = 18.0
GAP = 14.0
SCALE = 90.0  # the width of a scale of colours


def draw_legend(scene: Scene, x: float, y: float, width: float, theme: Theme, prefix: str) -> tuple[str, float]:
    """The legend's and the notes' SVG from (x, y) on, at most `width` wide, and how tall they are."""
    parts, top, left = [], y, x
    for key in scene.legend:
        sample = SCALE if key.sample.startswith("scale:") else SAMPLE
        lines = wrapped(key.text, SMALL, max(width - sample - 6, 60.0))
        need = sample + 6 + max(text_width(line, SMALL) for line in lines)
        if left > x and left + need > x + width:
            left, y = x, y + LINE
        parts.append(_sample(key, left, y, sample, theme, prefix))
        for row, line in enumerate(lines):
            parts.append(words(left + sample + 6, y + 12 + row * 13, line, SMALL, theme.quiet))
        if len(lines) > 1:
            y += 13 * (len(lines) - 1)
            left = x + width
        left += need + GAP
    if scene.legend:
        y += LINE
    for note in scene.notes:
        for line in wrapped(f"note: {note}", SMALL, width):
            parts.append(words(x, y + 11, line, SMALL, theme.quiet))
            y += 13
    return "".join(parts), y - top


def _sample(key: Key, x: float, y: float, width: float, theme: Theme, prefix: str) -> str:
    what, _, which = key.sample.partition(":")
    middle = y + LINE / 2 - 1
    if what == "card":
        look = look_of(theme, which)
        dash = f' stroke-dasharray="{look.dash}"' if look.dash else ""
        style = f'fill="{look.fill}" stroke="{look.line}" stroke-width="{num(look.width)}"{dash}'
        pile = (4, 2, 0) if which == "module" else (0,)
        wide, tall = width - 8 - pile[0], LINE - 6 - pile[0] / 2
        return "".join(outline(look.shape, x + 4 + k, y + 2 + k / 2, wide, tall, style) for k in pile)
    if what == "chip":
        look = theme.looks["parameter"]
        style = f'fill="{look.fill}" stroke="{look.line}" stroke-width="{num(look.width)}" stroke-dasharray="3 2"'
        return outline("note", x + 4, y + 2, width - 8, LINE - 6, style)
    kinds: dict[str, ArrowKind] = {"forward": "forward", "backward": "backward", "detached": "detached"}
    if what == "arrow" and which in kinds:
        style = line_style(Arrow("", "", kinds[which], weight=0.3), theme, prefix)
        ends = (x, x + width - HEAD - 2) if which != "backward" else (x + width - 2, x + HEAD)
        return f'<path d="M{num(ends[0])} {num(middle)}H{num(ends[1])}" {style}/>'
    if what == "strip":
        colours = (theme.value, theme.value_range) if which == "value" else (theme.gradient, theme.gradient_range)
        return strip(Strip(1e-5, 1e-2), x, middle - STRIP / 2, width, colours, theme, f"{prefix}hatch")
    if what == "hatch":
        tall = STRIP + 3
        return (
            f'<rect x="{num(x)}" y="{num(middle - tall / 2)}" width="{num(width)}" height="{num(tall)}" '
            f'fill="url(#{prefix}hatch)"/>'
        )
    if what == "scale":
        shades = [colour for colour in which.split(",") if is_colour(colour)]
        each = width / max(len(shades), 1)
        return "".join(
            f'<rect x="{num(x + k * each)}" y="{num(y + 3)}" width="{num(each)}" height="10" fill="{colour}"/>'
            for k, colour in enumerate(shades)
        )
    if what == "flag":
        return badge(x + width / 2, y + 13, fit(which, 12.0, SAMPLE), theme)
    if what == "word":
        return words(x, y + 12, fit(which, SMALL, SAMPLE), SMALL, theme.quiet)
    return plus(x + width / 2, middle, theme) if what == "sum" else ""


def plus(x: float, y: float, theme: Theme) -> str:
    """The dot where gradients are added."""
    return (
        f'<circle cx="{num(x)}" cy="{num(y)}" r="6" fill="{theme.page}" stroke="{theme.backward}" stroke-width="1.4"/>'
        f'<path d="M{num(x - 3.5)} {num(y)}h7M{num(x)} {num(y - 3.5)}v7" stroke="{theme.backward}" stroke-width="1.6"/>'
    )
