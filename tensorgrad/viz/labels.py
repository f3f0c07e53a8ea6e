"""Texts that have no place of their own: arrows' labels and frames' titles, put where nothing else is drawn."""

from __future__ import annotations

from itertools import pairwise

from .arrows import BESIDE, Way, label_of
from .ink import words
from .layout import Layout, Point, Rect
from .marks import HALF, marks_of
from .measure import SMALL, fit, text_width
from .scene import Scene
from .theme import Theme

CELL_WIDTH, CELL_HEIGHT = 128.0, 32.0
HEIGHT = SMALL * 1.25
ASIDE = BESIDE + 3.0  # from the middle of a pair of arrows to where its wider line ends
CURVE = ((0.0, 0.0), (0.03, 0.15), (0.1, 0.26), (0.5, 0.5), (0.9, 0.74), (0.97, 0.85), (1.0, 1.0))  # of arrows._curves
LEAST = 336.0  # of a picture's width, without its margin
SPARE = 8.0  # how far beyond the cards a label may stand
STEPS = 80  # places along a line that are tried for its label
LONGEST = 4000.0  # of a line, in pixels, that labels are kept off; longer ones would fill the register


class _Taken:
    """What is taken, in cells, so that looking costs the same in pictures of any size."""

    def __init__(self) -> None:
        self.cells: dict[tuple[int, int], list[Rect]] = {}

    def add(self, rect: Rect) -> None:
        for cell in _cells(rect):
            self.cells.setdefault(cell, []).append(rect)

    def free(self, rect: Rect) -> bool:
        x, y, width, height = rect
        return not any(
            x < other.x + other.width and other.x < x + width and y < other.y + other.height and other.y < y + height
            for cell in _cells(rect)
            for other in self.cells.get(cell, ())
        )


def _cells(rect: Rect) -> list[tuple[int, int]]:
    x, y, width, height = rect
    return [
        (column, row)
        for column in range(int(x // CELL_WIDTH), int((x + width) // CELL_WIDTH) + 1)
        for row in range(int(y // CELL_HEIGHT), int((y + height) // CELL_HEIGHT) + 1)
    ]


def draw_texts(scene: Scene, ways: list[Way], placed: Layout, fills: dict[str, str], theme: Theme) -> list[str]:
    """The titles of frames, each on its frame's fill, and the labels of arrows."""
    labelled = any(arrow.label for arrow in scene.arrows)
    if not labelled and not placed.frames:
        return []
    taken, solid = _Taken(), _Taken()  # by anything; by cards and texts, which a text must not cover if it can help it
    sideways = scene.direction == "LR"
    for points in placed.routes:
        for line in _lines(points, sideways):
            if line.width + line.height < LONGEST:
                taken.add(line)
    parts = _titles(scene, placed, fills, theme, taken, solid)
    if not labelled:
        return parts
    for rect in placed.boxes.values():
        taken.add(rect)
        solid.add(rect)
    for x, y, width, height in placed.frames.values():
        if width + height < LONGEST:
            taken.add(Rect(x, y, width, 1.0))
            taken.add(Rect(x, y + height, width, 1.0))
    return parts + _labels(scene, ways, placed, theme, taken, solid)


def _lines(points: tuple[Point, ...], sideways: bool) -> list[Rect]:
    """About where a line runs: an S-curve in steps."""
    rects = []
    if sideways:
        points = tuple((y, x) for x, y in points)
    for (x, y), (x2, y2) in pairwise(points):
        steps = [(x, y, x2, y2)]
        curved = x != x2 and y != y2
        if curved:
            places = [(x + (x2 - x) * across, y + (y2 - y) * along) for across, along in CURVE]
            steps = [(*one, *two) for one, two in pairwise(places)]
        for a, b, c, d in steps:
            above = BESIDE if curved else 0.0
            wide = Rect(min(a, c) - ASIDE, min(b, d) - above, abs(a - c) + 2 * ASIDE, abs(b - d) + 2 * above)
            rects.append(Rect(wide.y, wide.x, wide.height, wide.width) if sideways else wide)
    return rects


def _titles(
    scene: Scene, placed: Layout, fills: dict[str, str], theme: Theme, taken: _Taken, solid: _Taken
) -> list[str]:
    """At the left end of a frame's head, or wherever along it no arrow passes."""
    parts = []
    for frame in scene.frames:
        if frame.id not in placed.frames:
            continue
        x, y, width, _ = placed.frames[frame.id]
        text = fit(frame.title, SMALL, min(240.0, width - 12), True)
        long, room = text_width(text, SMALL, True), width - 14
        starts = [x + 7 + step * (room - long) / 4 for step in (0, 4, 1, 3, 2)] if room > long else [x + 7]
        places = [Rect(start, y + 3, long, HEIGHT) for start in starts]
        place = next((place for place in places if taken.free(place)), places[0])
        taken.add(place)
        solid.add(place)
        halo = _halo(fills[frame.id])
        parts.append(words(place.x, y + 13, text, SMALL, theme.quiet, font_weight="bold", **halo))
    return parts


def _labels(scene: Scene, ways: list[Way], placed: Layout, theme: Theme, taken: _Taken, solid: _Taken) -> list[str]:
    """Each where nothing is if there is such a place, else where only lines are, else at least off heads and pluses."""
    parts = []
    marks = _Taken()
    for mark in marks_of(scene, ways, placed):
        for register in (taken, solid, marks):
            register.add(mark)
    for way, points in zip(ways, placed.routes, strict=True):
        for number in (way.down, way.up):
            label = label_of(scene.arrows[number]) if number is not None else ""
            if not label:
                continue
            width = text_width(label, SMALL)
            sideways, up = scene.direction == "LR", number == way.up
            on = [Rect(x, y, width, HEIGHT) for x, y in _on_the_line(points, width, sideways, up)]
            off = [Rect(x, y, width, HEIGHT) for x, y in _off_the_line(points, width, sideways, up)]
            tries = ((taken, on), (solid, on), (taken, off), (solid, off), (marks, on), (marks, off))
            found = (r for room, rects in tries for r in rects if room.free(r) and _inside(r, placed))
            rect = next(found, on[0])
            taken.add(rect)
            solid.add(rect)
            colour = theme.backward if number == way.up else theme.quiet
            parts.append(words(rect.x, rect.y + HEIGHT - 3, label, SMALL, colour, **_halo(theme.page)))
    return parts


def _inside(rect: Rect, placed: Layout) -> bool:
    """Whether a label is within the picture, which is never narrower than LEAST."""
    x, y, width, height = rect
    spare = SPARE + max(LEAST - placed.width, 0.0) / 2
    return x >= -spare and x + width <= placed.width + spare and y >= -SPARE and y + height <= placed.height + SPARE


def _on_the_line(points: tuple[Point, ...], width: float, sideways: bool, up: bool) -> list[Point]:
    """Left top corners to try: forward labels near the target, gradients' near where they arrive; then along it."""
    (x, y), (other_x, other_y) = (points[0], points[-1]) if up else (points[-1], points[0])
    right, left = BESIDE + HALF + 0.5, -width - BESIDE - HALF - 0.5
    above, below = -HEIGHT - BESIDE - 3, BESIDE + 3
    if sideways:
        edge = x + 9 if up else x - width - 9
        near = [(edge, y + side) for side in ((below, above) if up else (above, below))]
    else:
        lines = [y + 2, y + 2 + HEIGHT] if up else [y - HEIGHT - 4, y - 2 * HEIGHT - 4]
        near = [(x + side, line) for line in lines for side in (right, left)]
        far = [other_y - HEIGHT - 4, other_y - 2 * HEIGHT - 4] if up else [other_y + 2, other_y + 2 + HEIGHT]
        near += [(other_x + side, line) for line in far for side in (right, left)]
    for at, level in _along(points if up else points[::-1], sideways):
        near += [(at + right, level - HEIGHT / 2), (at + left, level - HEIGHT / 2)]
        near += [(at - width / 2, level + below), (at - width / 2, level + above)]
    return near


def _off_the_line(points: tuple[Point, ...], width: float, sideways: bool, up: bool) -> list[Point]:
    """Left top corners around the end where the label should stand, the nearer ones first."""
    x, y = points[0] if up else points[-1]
    aside = [(k // 2) * HEIGHT / 2 * (-1) ** k for k in range(2, 24)]
    if sideways:
        return [(x + 9 if up else x - width - 9, y - HEIGHT / 2 + step) for step in aside]
    lines = [y + 11 + k * HEIGHT if up else y - 11 - (k + 1) * HEIGHT for k in range(6)]
    return [(x - width / 2 + 2 * step, line) for line in lines for step in aside]


def _along(points: tuple[Point, ...], sideways: bool) -> list[Point]:
    """Points on a line at steps of a few pixels, from its start on; of a long line the first ones."""
    found: list[Point] = []
    for (x, y), (x2, y2) in pairwise(points):
        steps = min(int((abs(x - x2) + abs(y - y2)) / 10) + 1, STEPS)
        curved = abs(x - x2) > 0.5 and abs(y - y2) > 0.5
        for k in range(1, steps + 1):
            part = k / steps
            slow = part * part * (3 - 2 * part) if curved else part
            right, down = (part, slow) if sideways else (slow, part)
            found.append((x + (x2 - x) * right, y + (y2 - y) * down))
        if len(found) >= STEPS:
            return found[:STEPS]
    return found


def _halo(colour: str) -> dict[str, str]:
    """A rim around letters, so that a line behind does not cut them."""
    return {"stroke": colour, "stroke_width": "3", "paint_order": "stroke", "stroke_linejoin": "round"}
