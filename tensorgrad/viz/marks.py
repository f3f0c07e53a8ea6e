"""Where arrows' heads are, and the pluses at which gradients are added: a text must cover neither."""

from __future__ import annotations

import math
from typing import NamedTuple

from .arrows import BESIDE, HEAD, Way
from .layout import Layout, Point, Rect
from .scene import Scene

OFF = 3.0  # how far a "+" stands off its card, whose strips it would hide
HALF = 4.2  # half of a head's width, with its outline
RADIUS = 6.7  # of a "+", with its outline


class Sum(NamedTuple):
    """A "+", and the ends of the line that gathers the gradients that it adds."""

    x: float
    y: float
    first: Point
    last: Point


def sums_of(scene: Scene, ways: list[Way], placed: Layout) -> list[Sum]:
    """The pluses of the cards in `scene.sums`, at the middle of where gradients arrive."""
    wanted = dict.fromkeys(scene.sums)
    sideways = scene.direction == "LR"
    arriving: dict[str, list[Point]] = {}
    for way, points in zip(ways, placed.routes, strict=True):
        if way.up is not None and way.edge.source in wanted:
            arriving.setdefault(way.edge.source, []).append(_beside(points[0], _apart(way), sideways))
    found = []
    for ends in arriving.values():
        xs, ys = [x for x, _ in ends], [y for _, y in ends]
        x, y = (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2
        x, y = (x + OFF, y) if sideways else (x, y + OFF)
        found.append(Sum(x, y, (min(xs), min(ys)), (max(xs), max(ys))))
    return found


def marks_of(scene: Scene, ways: list[Way], placed: Layout) -> list[Rect]:
    """The places of all pluses and heads."""
    sideways = scene.direction == "LR"
    rects = [Rect(s.x - RADIUS, s.y - RADIUS, 2 * RADIUS, 2 * RADIUS) for s in sums_of(scene, ways, placed)]
    for way, points in zip(ways, placed.routes, strict=True):
        if way.down is not None:
            # The bar of an arrow that lets no gradient through stands behind its head.
            rects.append(_head(points[-1], points[-2], -_apart(way), sideways, HEAD + 4))
        if way.up is not None:
            rects.append(_head(points[0], points[1], _apart(way), sideways, HEAD + 1))
    return rects


def _apart(way: Way) -> float:
    return BESIDE if way.down is not None and way.up is not None else 0.0


def _beside(point: Point, apart: float, sideways: bool) -> Point:
    return (point[0], point[1] + apart) if sideways else (point[0] + apart, point[1])


def _head(end: Point, before: Point, apart: float, sideways: bool, length: float) -> Rect:
    x, y = _beside(end, apart, sideways)
    if sideways:
        start = min(x, x + math.copysign(length, before[0] - x))
        return Rect(start, y - HALF, length, 2 * HALF)
    return Rect(x - HALF, min(y, y + math.copysign(length, before[1] - y)), 2 * HALF, length)
