"""Places for boxes, frames and arrows: a layered layout that needs no program besides this one.

Every box gets a layer, later than those of all boxes that lead to it. An arrow over several layers gets a lane of its
own through the layers between; long arrows from one box share their lane, as they carry the same value. The inside of
each frame, innermost first, is then set in columns (columns.py) and is a block of fixed width in the frame around it,
so that frames hold their own boxes and nothing else. Deterministic, without recursion.

Inside, "down" is the way of the arrows; a picture from left to right is laid out on its side.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from .columns import Item, Link, columns
from .layers import layers_of
from .nesting import ROOT, Nest, Span, chains
from .routes import Piece, route


@dataclass(frozen=True, slots=True)
class Box:
    """What needs a place. Arrows meet it within `reach` of its `anchor`, across the way they run."""

    id: str
    width: float
    height: float
    frame: str = ROOT
    anchor: float | None = None  # from the left (from the top in LR); the middle unless given
    reach: float | None = None  # to both sides of the anchor; to the nearer edge unless given


@dataclass(frozen=True, slots=True)
class Edge:
    """An arrow from box to box; `width` is the room it needs, `label` how much of the gap before its target."""

    source: str
    target: str
    width: float = 8.0
    label: float = 0.0


@dataclass(frozen=True, slots=True)
class Area:
    """A frame, in the frame `parent`, at least `width` wide."""

    id: str
    parent: str = ROOT
    width: float = 0.0


class Rect(NamedTuple):
    """A place."""

    x: float
    y: float
    width: float
    height: float


Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Gaps:
    """Distances: between layers, between boxes of a layer, inside frames, and of a frame's title."""

    layer: float = 26.0
    box: float = 22.0
    lane: float = 8.0
    frame: float = 10.0
    head: float = 18.0


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything is.

    A route leads from its source to its target through points at each of which it runs the way of the picture's
    direction, so that an S of a curve, or a straight line, joins one to the next.
    """

    width: float
    height: float
    boxes: dict[str, Rect]
    frames: dict[str, Rect]  # those that hold a box
    routes: tuple[tuple[Point, ...], ...]  # one for each edge


def layout(
    boxes: list[Box],
    edges: list[Edge],
    areas: list[Area] | None = None,
    direction: str = "TB",
    gaps: Gaps | None = None,
) -> Layout:
    """Find places for `boxes`, for the frames around them and for `edges`."""
    return _Layout(boxes, edges, areas or [], direction == "LR", gaps or Gaps()).result()


class _Layout:
    def __init__(self, boxes: list[Box], edges: list[Edge], areas: list[Area], sideways: bool, gaps: Gaps) -> None:
        self.boxes, self.edges, self.sideways, self.gaps = boxes, edges, sideways, gaps
        self.number = {box.id: i for i, box in enumerate(boxes)}
        ends = [(self.number[edge.source], self.number[edge.target]) for edge in edges]
        parents = {area.id: area.parent for area in areas}
        around = chains(parents, [box.frame for box in boxes])
        self.layers, self.ends, self.turned = layers_of(len(boxes), ends, around)
        self.depth = max(self.layers, default=-1) + 1  # the number of layers
        homes = zip((box.frame for box in boxes), self.layers, strict=True)
        self.nest = Nest(parents, homes)
        self.frames = self.nest.frames
        self.least = {area.id: 0.0 if sideways else area.width for area in areas}
        self.pieces = [
            Piece(box.frame, layer, layer, self._breadth(box), *self._reach(box))
            for box, layer in zip(boxes, self.layers, strict=True)
        ]
        self.lanes: dict[tuple[int, str], int] = {}  # of a source and the frame it runs through: a number of a piece
        self.paths = self._paths()

    def _breadth(self, box: Box) -> float:
        return box.height if self.sideways else box.width

    def _reach(self, box: Box) -> tuple[float, float]:
        breadth = self._breadth(box)
        anchor = breadth / 2 if box.anchor is None else box.anchor
        return anchor, min(anchor, breadth - anchor) if box.reach is None else box.reach

    def _length(self, box: Box) -> float:
        return box.width if self.sideways else box.height

    # Frames and lanes

    def _paths(self) -> list[tuple[int, ...]]:
        """For each edge its pieces: the source, the lanes, and the target."""
        homes, layers = [box.frame for box in self.boxes], self.layers
        wanted = [
            self.nest.spans(homes[s], homes[t], layers[s] + 1, layers[t] - 1) if layers[t] - layers[s] > 1 else []
            for s, t in self.ends
        ]
        outside = self._too_long(wanted)
        paths: list[tuple[int, ...]] = []
        for (source, target), spans in zip(self.ends, wanted, strict=True):
            path = [source]
            for frame, first, last in [(ROOT, spans[0][1], spans[-1][2])] if source in outside and spans else spans:
                key = (source, frame)
                if key not in self.lanes:
                    self.lanes[key] = len(self.pieces)
                    self.pieces.append(Piece(frame, first, last, 0.0, 0.0, 0.0, outside=source in outside))
                lane = self.pieces[self.lanes[key]]
                lane.last = max(lane.last, last)
                lane.first = min(lane.first, first)
                path.append(self.lanes[key])
            paths.append((*path, target))
        for way, edge in zip(paths, self.edges, strict=True):
            for number in way[1:-1]:
                lane = self.pieces[number]
                lane.width = max(lane.width, edge.width)
                lane.anchor = lane.width / 2
        return paths

    def _too_long(self, wanted: list[list[Span]]) -> dict[int, None]:
        """Sources whose lanes would be more than there is time for: they lead around the whole picture instead."""
        lengths: dict[int, dict[str, tuple[int, int]]] = {}
        for (source, _), spans in zip(self.ends, wanted, strict=True):
            for frame, first, last in spans:
                lanes = lengths.setdefault(source, {})
                before = lanes.get(frame, (first, last))
                lanes[frame] = (min(first, before[0]), max(last, before[1]))
        costs = [(sum(last - first + 1 for first, last in lanes.values()), s) for s, lanes in lengths.items()]
        room = 10 * len(self.boxes) + 20_000
        outside: dict[int, None] = {}
        for cost, source in sorted(costs):
            room -= cost
            if room < 0:
                outside[source] = None
        return outside

    # Columns

    def result(self) -> Layout:
        """All of it."""
        if not self.boxes:
            return Layout(0.0, 0.0, {}, {}, ())
        self._fill()
        links = self._links()
        before, after = (self.gaps.head if self.sideways else self.gaps.frame), self.gaps.frame
        for frame in reversed(self.nest.inwards):
            for one, other, gap in links.get(frame.id, ()):
                above, leave = self._in(one, frame.id)
                below, enter = self._in(other, frame.id)
                frame.links.append(Link(gap, above, leave, below, enter))
            places = columns(frame.items, frame.links)
            inside = max((x + item.width for x, item in zip(places, frame.items, strict=True)), default=0.0)
            if frame.id == ROOT:
                frame.width, frame.places = inside, places
                continue
            frame.width = max(self.least[frame.id], before + inside + after)
            spare = (frame.width - before - inside - after) / 2
            frame.places = [place + before + spare for place in places]
            self.frames[frame.parent].items[frame.item].width = frame.width
        lefts = {ROOT: 0.0}
        for frame in self.nest.inwards:
            if frame.id != ROOT:
                lefts[frame.id] = lefts[frame.parent] + self.frames[frame.parent].places[frame.item]
        inside = margin = self.frames[ROOT].width
        outside = 0
        for piece in self.pieces:
            if piece.outside:  # more than a few beside each other would not be told apart anyway
                piece.x = inside + self.gaps.lane + 12.0 * (outside % 32)
                margin = max(margin, piece.x + piece.width)
                outside += 1
            else:
                piece.x = lefts[piece.frame] + self.frames[piece.frame].places[piece.item]
        return self._written(lefts, margin)

    def _fill(self) -> None:
        """Every frame's items: its boxes, its lanes, and the frames in it."""
        gaps = self.gaps
        for number, piece in enumerate(self.pieces):
            lane = number >= len(self.boxes)
            if not piece.outside:
                item = Item(piece.first, piece.last, piece.width, gaps.lane if lane else gaps.box, lane)
                piece.item = self.frames[piece.frame].add(item)
        for frame in reversed(self.nest.inwards):
            if frame.id == ROOT:
                continue
            above = self.frames[frame.parent]
            frame.item = above.add(Item(frame.first, frame.last, 0.0, gaps.box))
            if above.id != ROOT:
                above.heads = max(above.heads, frame.heads + 1) if above.first == frame.first else above.heads
                above.feet = max(above.feet, frame.feet + 1) if above.last == frame.last else above.feet

    def _links(self) -> dict[str, list[tuple[int, int, int]]]:
        """By the frame around both: pairs of pieces an edge leads through, and the layer it leaves. Each pair once."""
        links: dict[str, list[tuple[int, int, int]]] = {}
        seen: dict[tuple[int, int], None] = {}
        for path in self.paths:
            for k, (piece, other) in enumerate(pairwise(path)):
                if (piece, other) in seen or self.pieces[piece].outside or self.pieces[other].outside or piece == other:
                    continue
                seen[piece, other] = None
                gap = self.pieces[piece].first if k == 0 else self.pieces[other].first - 1
                common = self.nest.common(self.pieces[piece].frame, self.pieces[other].frame)
                links.setdefault(common, []).append((piece, other, gap))
        return links

    def _in(self, number: int, frame: str) -> tuple[int, float]:
        """The item of `frame` that a piece is in, and how far from the item's left side arrows meet the piece."""
        piece = self.pieces[number]
        inner, item, offset = piece.frame, piece.item, piece.anchor
        while inner != frame:
            offset += self.frames[inner].places[item]
            inner, item = self.frames[inner].parent, self.frames[inner].item
        return item, offset

    # Down the picture

    def _written(self, lefts: dict[str, float], margin: float) -> Layout:
        gaps, frames = self.gaps, [frame for frame in self.frames.values() if frame.id != ROOT]
        heads, feet = [0] * (self.depth + 1), [0] * (self.depth + 1)
        for frame in frames:
            heads[frame.first] = max(heads[frame.first], frame.heads)
            feet[frame.last] = max(feet[frame.last], frame.feet)
        lengths = [0.0] * self.depth
        for box, layer in zip(self.boxes, self.layers, strict=True):
            lengths[layer] = max(lengths[layer], self._length(box))
        labels, runs = [0.0] * (self.depth + 1), [0.0] * (self.depth + 1)
        for path, edge in zip(self.paths, self.edges, strict=True):
            gap = self.layers[path[-1]]
            labels[gap] = max(labels[gap], edge.label)
            for one, two in pairwise([self.pieces[number] for number in path]):
                runs[two.first] = max(runs[two.first], abs(one.x + one.anchor - two.x - two.anchor))
        head = gaps.frame if self.sideways else gaps.head
        tops, y = [], 0.0
        for layer in range(self.depth):
            if layer:
                y += max(gaps.layer, labels[layer]) + min(30.0, runs[layer] / 20)
            y += heads[layer] * head
            tops.append(y)
            y += lengths[layer] + feet[layer] * gaps.frame
        bottoms = [top + length for top, length in zip(tops, lengths, strict=True)]
        boxes = {}
        for box, piece in zip(self.boxes, self.pieces, strict=False):
            piece.top = tops[piece.first] + (lengths[piece.first] - self._length(box)) / 2
            piece.bottom = piece.top + self._length(box)
            boxes[box.id] = self._rect(piece.x, piece.top, piece.width, self._length(box))
        areas = {}
        for frame in frames:
            top = tops[frame.first] - frame.heads * head
            bottom = bottoms[frame.last] + frame.feet * gaps.frame
            areas[frame.id] = self._rect(lefts[frame.id], top, frame.width, bottom - top)
        routes = route(self.paths, self.pieces, [edge.width for edge in self.edges], tops, bottoms, self.turned)
        if self.sideways:
            routes = [tuple((y, x) for x, y in points) for points in routes]
        size = self._rect(0.0, 0.0, margin, y)
        return Layout(size.width, size.height, boxes, areas, tuple(routes))

    def _rect(self, x: float, y: float, width: float, height: float) -> Rect:
        return Rect(y, x, height, width) if self.sideways else Rect(x, y, width, height)
