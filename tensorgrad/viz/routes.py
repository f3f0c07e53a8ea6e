"""The ways of arrows, when all boxes and lanes have their places."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from .columns import spread

STRAIGHT = 0.5  # ends that are nearer than this stand below each other
NOTHING = 0.01


@dataclass(slots=True)
class Piece:
    """A box, or a lane for an arrow that passes several layers."""

    frame: str
    first: int
    last: int
    width: float
    anchor: float  # where arrows meet it, from its left side
    reach: float  # how far from there, to both sides
    outside: bool = False  # a lane beside the whole picture
    item: int = -1
    x: float = 0.0
    top: float = 0.0
    bottom: float = 0.0

    @property
    def middle(self) -> float:
        """Where arrows meet it."""
        return self.x + self.anchor


Joint = tuple[int, int, int]  # two pieces, and which of several edges between the same boxes
Point = tuple[float, float]


def route(
    paths: list[tuple[int, ...]],
    pieces: list[Piece],
    widths: list[float],
    tops: list[float],
    bottoms: list[float],
    turned: list[bool],
) -> list[tuple[Point, ...]]:
    """The points of each edge, from its source to its target; see `Layout`."""
    joints = _joints(paths)
    room: dict[Joint, float] = {}
    for path, width in zip(joints, widths, strict=True):
        for joint in path:
            room[joint] = max(room.get(joint, 0.0), width)
    leave, enter = _ports(room, pieces)
    routes = []
    for path, turn in zip(joints, turned, strict=True):
        source, target = path[0][0], path[-1][1]
        points = [(leave[path[0]], pieces[source].bottom)]
        if source == target:
            points = _around(pieces[source])
        else:
            for before, after in pairwise(path):
                lane = pieces[before[1]]
                start = bottoms[pieces[before[0]].last if before[0] == source else lane.first - 1]
                points += [(points[-1][0], start), (lane.middle, tops[lane.first])]
                gap = pieces[after[1]].first
                points.append((lane.middle, bottoms[gap - 1]))
            if len(path) == 1:
                points.append((points[0][0], bottoms[pieces[source].last]))
            end = enter[path[-1]]
            points += [(end, tops[pieces[target].first]), (end, pieces[target].top)]
        points = _shortened(points)
        routes.append(tuple(reversed(points) if turn else points))
    return routes


def _joints(paths: list[tuple[int, ...]]) -> list[list[Joint]]:
    """Where each edge passes from piece to piece: edges that share a lane share what leads to it."""
    seen: dict[tuple[int, ...], int] = {}
    joints = []
    for path in paths:
        again = seen[path] = seen.get(path, -1) + 1
        joints.append([(a, b, again if k == len(path) - 2 else 0) for k, (a, b) in enumerate(pairwise(path))])
    return joints


def _ports(room: dict[Joint, float], pieces: list[Piece]) -> tuple[dict[Joint, float], dict[Joint, float]]:
    """Where each joint leaves the upper and enters the lower piece: as straight as it can, side by side."""
    leaving: dict[int, list[tuple[float, Joint]]] = {}
    entering: dict[int, list[tuple[float, Joint]]] = {}
    for joint in room:
        one, two = pieces[joint[0]], pieces[joint[1]]
        low = max(one.middle - one.reach, two.middle - two.reach)
        high = min(one.middle + one.reach, two.middle + two.reach)
        if low <= high:
            straight = min(max((one.middle + two.middle) / 2, low), high)
            wanted = straight, straight
        else:
            wanted = _towards(one, two.middle), _towards(two, one.middle)
        leaving.setdefault(joint[0], []).append((wanted[0], joint))
        entering.setdefault(joint[1], []).append((wanted[1], joint))
    return _side_by_side(leaving, room, pieces, 1), _side_by_side(entering, room, pieces, 0)


def _towards(piece: Piece, other: float) -> float:
    """Off the middle to the side where the other end is, but not as far as the corner."""
    return min(max(other, piece.middle - 0.6 * piece.reach), piece.middle + 0.6 * piece.reach)


def _side_by_side(
    wanted: dict[int, list[tuple[float, Joint]]], room: dict[Joint, float], pieces: list[Piece], end: int
) -> dict[Joint, float]:
    found = {}
    for number, joints in wanted.items():
        piece = pieces[number]
        if len(joints) == 1 or not piece.reach:
            for place, joint in joints:
                found[joint] = place
            continue
        joints.sort(key=lambda pair: (pair[0], pieces[pair[1][end]].middle, pair[1]))
        widths = [room[joint] for _, joint in joints]
        scale = min(1.0, 2 * piece.reach / (sum(widths) - widths[0] / 2 - widths[-1] / 2))
        apart = [scale * (a + b) / 2 for a, b in zip([0.0, *widths], widths, strict=False)]
        # A line between two boxes that stand below each other stays straight, others give way.
        weights = [
            1e6 if pieces[joint[end]].reach and abs(pieces[joint[end]].middle - piece.middle) < STRAIGHT else 1.0
            for _, joint in joints
        ]
        places = spread([place for place, _ in joints], apart, weights)
        bound = piece.middle - piece.reach
        for k, place in enumerate(places):
            bound = places[k] = max(place, bound)
            bound += apart[k + 1] if k + 1 < len(places) else 0.0
        bound = piece.middle + piece.reach
        for k in range(len(places) - 1, -1, -1):
            bound = places[k] = min(places[k], bound)
            bound -= apart[k]
        found.update((joint, place) for (_, joint), place in zip(joints, places, strict=True))
    return found


def _around(piece: Piece) -> list[Point]:
    """From a box to itself."""
    x, beside = piece.middle + piece.reach / 2, piece.x + piece.width + 8
    return [(x, piece.bottom), (x, piece.bottom + 9), (beside, piece.bottom + 9), (beside, piece.top - 9)] + [
        (x, piece.top - 9),
        (x, piece.top),
    ]


def _shortened(points: list[Point]) -> list[Point]:
    """Without points that a straight line passes anyway."""
    kept: list[Point] = []
    for point in points:
        if kept and max(abs(point[0] - kept[-1][0]), abs(point[1] - kept[-1][1])) < NOTHING:
            continue
        if len(kept) > 1 and max(abs(kept[-2][0] - kept[-1][0]), abs(kept[-2][0] - point[0])) < NOTHING:
            kept[-1] = (kept[-2][0], point[1])
            continue
        kept.append(point)
    return kept
