"""A scene as SVG: a picture that needs no other program, no font, no network, and runs no script."""

from __future__ import annotations

import hashlib

from .arrows import BESIDE, Way, draw_arrow, markers, ways_of
from .cards import draw_card
from .ink import escaped, num, words
from .labels import LEAST, draw_texts
from .layout import Area, Box, Layout, layout
from .legend import draw_legend, plus
from .marks import Sum, sums_of
from .measure import SMALL, TITLE, Measured, fit, measure, text_width, wrapped
from .scene import Scene
from .theme import THEMES, Theme, look_of

MARGIN = 12.0
FONTS = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"


def to_svg(scene: Scene) -> str:
    """The picture of a scene. Equal scenes give equal text, in every process.

    Ids begin with a hash of the content, so that several pictures can stand on one page.
    """
    theme = THEMES[scene.theme]
    prefix = f"tg{hashlib.sha256(repr(scene).encode()).hexdigest()[:10]}-"
    sizes = [measure(card, look_of(theme, card.category).shape, scene.direction) for card in scene.cards]
    ways = ways_of(scene)
    placed = _layout(scene, sizes, ways)
    width = max(placed.width, LEAST) + 2 * MARGIN
    inner = width - 2 * MARGIN
    head = wrapped(scene.title, TITLE, inner, 200) if scene.title else []
    about = _about(scene.description, inner)
    top = MARGIN + 18 * len(head) + 13 * len(about) + (6 if about else 0)
    left = (width - placed.width) / 2
    legend, tall = draw_legend(scene, MARGIN, top + placed.height + 16, inner, theme, prefix)
    height = top + placed.height + (tall + 16 if tall else 0) + MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{num(width)}" height="{num(height)}" '
        f'viewBox="0 0 {num(width)} {num(height)}" style="max-width:100%;height:auto" role="img" '
        f'aria-labelledby="{prefix}title {prefix}desc" font-family="{FONTS}">',
        f'<title id="{prefix}title">{escaped(scene.title)}</title>',
        f'<desc id="{prefix}desc">{escaped(scene.description, 2000)}</desc>',
        f"<defs>{markers(theme, prefix)}{_hatch(theme, prefix)}</defs>",
        f'<rect width="{num(width)}" height="{num(height)}" fill="{theme.page}"/>',
    ]
    for k, line in enumerate(head):
        parts.append(words(MARGIN, MARGIN + 12 + 18 * k, line, TITLE, theme.text, font_weight="bold"))
    for k, line in enumerate(about):
        parts.append(words(MARGIN, MARGIN + 10 + 18 * len(head) + 13 * k, line, SMALL, theme.quiet))
    parts.append(f'<g transform="translate({num(left)} {num(top)})">')
    fills = _frames(scene, placed, theme, parts)
    _arrows(scene, ways, placed, theme, prefix, parts)
    for k, (card, size) in enumerate(zip(scene.cards, sizes, strict=True)):
        parts.append(draw_card(card, size, placed.boxes[card.id], theme, f"{prefix}c{k}", f"{prefix}hatch"))
    parts.append(_sums(sums_of(scene, ways, placed), theme))
    parts += draw_texts(scene, ways, placed, fills, theme)
    parts += ["</g>", legend, "</svg>\n"]
    return "\n".join(part for part in parts if part)


def _layout(scene: Scene, sizes: list[Measured], ways: list[Way]) -> Layout:
    down = scene.direction == "TB"
    boxes = []
    for card, size in zip(scene.cards, sizes, strict=True):
        anchor = (size.body_width if down else size.body_height) / 2
        boxes.append(Box(card.id, size.width, size.height, card.frame, anchor, size.reach))
    areas = [Area(frame.id, frame.parent, text_width(_title(frame.title), SMALL, True) + 16) for frame in scene.frames]
    return layout(boxes, [way.edge for way in ways], areas, scene.direction)


def _about(text: str, width: float) -> list[str]:
    """The description on one line if it fits, else a line or more for each of its parts."""
    if not text:
        return []
    lines = wrapped(text, SMALL, width)
    return lines if len(lines) == 1 else [line for part in text.split("; ") for line in wrapped(part, SMALL, width)]


def _title(text: str) -> str:
    return fit(text, SMALL, 240.0, True)


def _frames(scene: Scene, placed: Layout, theme: Theme, parts: list[str]) -> dict[str, str]:
    """Draw the frames, outermost first; told are their fills."""
    parents = {frame.id: frame.parent for frame in scene.frames}
    depths: dict[str, int] = {"": 0}
    for frame in scene.frames:
        path, id_ = [], frame.id
        while id_ not in depths:
            path.append(id_)
            id_ = parents[id_]
        for inner in reversed(path):
            depths[inner] = depths[parents[inner]] + 1
    fills = {}
    for frame in sorted(scene.frames, key=lambda frame: depths[frame.id]):
        if frame.id not in placed.frames:
            continue
        x, y, width, height = placed.frames[frame.id]
        fill = fills[frame.id] = theme.frame_fills[(depths[frame.id] - 1) % 2]
        parts.append(
            f'<rect x="{num(x)}" y="{num(y)}" width="{num(width)}" height="{num(height)}" rx="6" fill="{fill}" '
            f'stroke="{theme.frame_line}"/>'
        )
    return fills


def _arrows(scene: Scene, ways: list[Way], placed: Layout, theme: Theme, prefix: str, parts: list[str]) -> None:
    sideways = scene.direction == "LR"
    for way, points in zip(ways, placed.routes, strict=True):
        beside = BESIDE if way.down is not None and way.up is not None else 0.0
        for number, shift in ((way.down, -beside), (way.up, beside)):
            if number is not None:
                parts.append(draw_arrow(scene.arrows[number], list(points), shift, sideways, theme, prefix))


def _sums(sums: list[Sum], theme: Theme) -> str:
    """A "+" where gradients arrive that are added, and a line that gathers them."""
    parts = []
    for sum_ in sums:
        if sum_.first != sum_.last:
            (x, y), (x2, y2) = sum_.first, sum_.last
            line = f"M{num(x)} {num(y)}L{num(x2)} {num(y2)}"
            parts.append(f'<path d="{line}" stroke="{theme.backward}" stroke-width="2"/>')
        parts.append(plus(sum_.x, sum_.y, theme))
    return "".join(parts)


def _hatch(theme: Theme, prefix: str) -> str:
    """The pattern of a strip for what is not finite."""
    return (
        f'<pattern id="{prefix}hatch" width="5" height="5" patternUnits="userSpaceOnUse">'
        f'<rect width="5" height="5" fill="{theme.page}"/>'
        f'<path d="M-1 6L6 -1" stroke="{theme.flag}" stroke-width="2"/></pattern>'
    )
