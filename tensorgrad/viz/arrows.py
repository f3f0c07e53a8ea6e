"""The arrows of a picture as SVG: forward ones, gradients' beside them in the opposite direction, and their labels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from .ink import escaped, num
from .layout import Edge, Point
from .measure import SMALL, fit, text_width
from .scene import Arrow, Scene
from .theme import Theme

HEAD = 7.0  # an arrow head's length
BESIDE = 3.5  # how far a forward arrow and its gradient's are from the line between them
LEAST = 1.0  # of a line that leads straight into a head; what is shorter is left to the curve before it
LABEL_WIDEST = 150.0


@dataclass(frozen=True, slots=True)
class Way:
    """One edge of the layout, and the arrows that run along it: numbers of the scene's arrows."""

    edge: Edge
    down: int | None
    up: int | None


def ways_of(scene: Scene) -> list[Way]:
    """Each arrow with its partner: the n-th forward one from A to B with the n-th backward one from B to A."""
    waiting: dict[tuple[str, str], list[int]] = {}
    for i, arrow in enumerate(scene.arrows):
        if arrow.kind == "backward":
            waiting.setdefault((arrow.target, arrow.source), []).append(i)
    for numbers in waiting.values():
        numbers.reverse()
    ways = []
    for i, arrow in enumerate(scene.arrows):
        if arrow.kind != "backward":
            partners = waiting.get((arrow.source, arrow.target))
            partner = partners.pop() if partners and arrow.kind == "forward" else None
            ways.append(Way(_edge(scene, arrow.source, arrow.target, i, partner), i, partner))
    for (source, target), numbers in waiting.items():
        ways += [Way(_edge(scene, source, target, None, i), None, i) for i in reversed(numbers)]
    return ways


def _edge(scene: Scene, source: str, target: str, down: int | None, up: int | None) -> Edge:
    labels = [label_of(scene.arrows[i]) for i in (down, up) if i is not None]
    tall = SMALL * 1.3 * sum(bool(label) for label in labels) + 18
    wide = max(text_width(label, SMALL) for label in labels) + 26
    need = wide if scene.direction == "LR" else tall
    return Edge(source, target, 16.0 if len(labels) == 2 else 9.0, need if any(labels) else 0.0)


def label_of(arrow: Arrow) -> str:
    """A label as it is drawn."""
    return fit(arrow.label, SMALL, LABEL_WIDEST)


def markers(theme: Theme, prefix: str) -> str:
    """The heads: each in its arrow's colour, as not every program takes the colour from the line."""
    head = f"M0 0L{num(HEAD)} 3.5L0 7Z"
    size = 'markerUnits="userSpaceOnUse" orient="auto" overflow="visible" markerWidth="12" markerHeight="12" refY="3.5"'
    return (
        f'<marker id="{prefix}forward" {size} refX="0.5"><path d="{head}" fill="{theme.forward}"/></marker>'
        f'<marker id="{prefix}backward" {size} refX="0.5"><path d="{head}" fill="{theme.page}" '
        f'stroke="{theme.backward}" stroke-width="1.2"/></marker>'
        f'<marker id="{prefix}detached" {size} refX="0.5"><path d="{head}" fill="{theme.detached}"/>'
        f'<path d="M-3 -1.5V8.5" stroke="{theme.detached}" stroke-width="1.6"/></marker>'
    )


def line_style(arrow: Arrow, theme: Theme, prefix: str) -> str:
    """How an arrow's line is drawn."""
    colour = {"forward": theme.forward, "backward": theme.backward, "detached": theme.detached}[arrow.kind]
    weight = min(1.0, max(0.0, arrow.weight))  # in this order a NaN becomes zero
    width = 1.0 + 2.4 * weight if arrow.kind == "backward" else 1.2
    dash = {"detached": "4 3", "backward": theme.backward_dash, "forward": ""}[arrow.kind]
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return f'fill="none" stroke="{colour}" stroke-width="{num(width)}"{dashes} marker-end="url(#{prefix}{arrow.kind})"'


def draw_arrow(arrow: Arrow, points: list[Point], shift: float, sideways: bool, theme: Theme, prefix: str) -> str:
    """An arrow along `points`, which run the way of the picture; a backward one goes against them."""
    data = path_data(points, shift, sideways, arrow.kind == "backward")
    title = f"<title>{escaped(arrow.tip)}</title>" if arrow.tip else ""
    style = line_style(arrow, theme, prefix)
    return f'<path d="{data}" {style}>{title}</path>' if title else f'<path d="{data}" {style}/>'


Curve = tuple[Point, ...]  # two points of a straight line, or four of a curve


def path_data(points: list[Point], shift: float, sideways: bool, backward: bool) -> str:
    """Straight lines and S-curves through the points, `shift` to the right; turned round if `backward`.

    Where the line runs across, a curve is moved along too, or two of them would meet in the middle of an S.
    """
    if sideways:
        points = [(y, x) for x, y in points]
    curves = _curves(points, shift, backward)
    if backward:
        curves = [curve[::-1] for curve in reversed(curves)]
    said = [_pair("M", curves[0][:1], sideways)]
    said += [_pair("L" if len(curve) == 2 else "C", curve[1:], sideways) for curve in curves]
    return "".join(said)


def _pair(command: str, points: Curve, sideways: bool) -> str:
    return command + " ".join(f"{num(y)} {num(x)}" if sideways else f"{num(x)} {num(y)}" for x, y in points)


def _curves(points: list[Point], shift: float, backward: bool) -> list[Curve]:
    moved = _with_room([(x + shift, y) for x, y in (reversed(points) if backward else points)])
    while len(moved) > 2 and abs(moved[1][1] - moved[0][1]) < LEAST:
        del moved[1]
    curves: list[Curve] = []
    for (x, y), (x2, y2) in pairwise(reversed(moved) if backward else moved):
        if abs(x - x2) < 0.5 or abs(y - y2) < 0.5:
            curves.append(((x, y), (x2, y2)))
            continue
        reach = (y2 - y) * 0.55
        along = min(1.6 * abs(shift), 0.6 * abs(reach))  # beyond its reach a curve would turn back
        along = math.copysign(along, shift * (x2 - x) * (y2 - y))
        curves.append(((x, y), (x, y + reach - along), (x2, y2 - reach - along), (x2, y2)))
    return curves


def _with_room(points: list[Point]) -> list[Point]:
    """The points with the last one moved back by a head's length.

    What is nearer to it than that is left out: the line would turn back, and its head point away from the card.
    """
    x, y = points[-1]
    before = next((other for _, other in reversed(points) if abs(other - y) > 0.5), y)
    way = math.copysign(1.0, y - before)
    end = (x, y - HEAD * way)
    kept = points[:-1]
    while len(kept) > 1 and (end[1] - kept[-1][1]) * way < LEAST:
        kept.pop()
    return [*kept, end]
