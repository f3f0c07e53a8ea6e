"""Which layer of a picture a box stands in."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

Ends = tuple[int, int]
Frames = Sequence[str]  # those around a box

BRANCH = 500  # boxes of a branch that is moved; a longer one stays where it is


def layers_of(
    count: int, ends: list[Ends], frames: Sequence[Frames] | None = None
) -> tuple[list[int], list[Ends], list[bool]]:
    """The layer of each of `count` boxes, and the edges turned so that each leads to a later layer, or to itself.

    Which edges were turned is told too: only those that close a cycle. A box stands right below the last of those that
    lead to it, or lower where that makes its arrows shorter: an input stands above its first use, and so does what is
    made of an input alone, for each step of a recurrent network. `frames` are those around each box: no frame grows
    because of that.
    """
    order = _in_order(count, ends)
    rank = [0] * count
    for place, box in enumerate(order):
        rank[box] = place
    turned = [rank[a] > rank[b] for a, b in ends]
    ways = [(b, a) if turn else (a, b) for (a, b), turn in zip(ends, turned, strict=True)]
    above: list[list[int]] = [[] for _ in range(count)]
    below: list[list[int]] = [[] for _ in range(count)]
    for a, b in dict.fromkeys(ways):
        if a != b:
            above[b].append(a)
            below[a].append(b)
    layers = [0] * count
    for box in order:
        layers[box] = max((layers[a] + 1 for a in above[box]), default=0)
    _Sinking(layers, above, below, frames or [()] * count).run(order)
    used = {layer: place for place, layer in enumerate(sorted(dict.fromkeys(layers)))}
    return [used[layer] for layer in layers], ways, turned


def _in_order(count: int, ends: list[Ends]) -> list[int]:
    """All boxes, each after those that lead to it; where there is a cycle, its first box goes first."""
    below: list[list[int]] = [[] for _ in range(count)]
    waiting = [0] * count
    for a, b in ends:
        if a != b:
            below[a].append(b)
            waiting[b] += 1
    ready = [box for box in range(count) if not waiting[box]]
    done = [False] * count
    order: list[int] = []
    first = 0
    while len(order) < count:
        if ready:
            box = heapq.heappop(ready)
        else:
            while done[first]:
                first += 1
            box = first
        done[box] = True
        order.append(box)
        for other in below[box]:
            waiting[other] -= 1
            if not waiting[other] and not done[other]:
                heapq.heappush(ready, other)
    return order


class _Sinking:
    """Moves boxes down to where their arrows are shorter; arrows from one box are as long as the longest of them.

    A branch is a box with all that leads to it alone. Where nothing else leads into a branch, it can sink as far as
    there is room. Branches into which one and the same box leads sink together, if their arrows get shorter by more
    than those of that box get longer.
    """

    def __init__(
        self, layers: list[int], above: list[list[int]], below: list[list[int]], frames: Sequence[Frames]
    ) -> None:
        self.layers, self.above, self.below, self.frames = layers, above, below, frames
        self.sizes: dict[str, int] = {}  # of the frames: how many boxes are inside
        self.lasts: dict[str, int] = {}  # and the last of their layers
        for box, around in enumerate(frames):
            for frame in around:
                self.sizes[frame] = self.sizes.get(frame, 0) + 1
                self.lasts[frame] = max(self.lasts.get(frame, 0), layers[box])
        self.waiting: dict[int, list[tuple[list[int], int]]] = {}  # by the box that leads into them: branches, how far
        self.effort = 10_000 + 20 * len(layers)

    def run(self, order: list[int]) -> None:
        """Go through all boxes, each before those that lead to it."""
        for box in reversed(order):
            if box in self.waiting:
                self._sink_together(box, self.waiting.pop(box))
            if not self.below[box]:
                continue
            room = min(self.layers[b] for b in self.below[box]) - 1 - self.layers[box]
            if room <= 0:
                continue
            if len(self.below[box]) > len(self.above[box]):
                self._sink([box], room)
                continue
            branch, into = self._branch(box)
            if len(into) < 2 and not self._grows(branch, room):
                if into:
                    self.waiting.setdefault(into[0], []).append((branch, room))
                else:
                    self._sink(branch, room)

    def _branch(self, box: int) -> tuple[list[int], list[int]]:
        """A box with all that leads to it alone, and what else leads into these; nothing of what is too large."""
        branch = [box]
        seen: dict[int, int] = {}  # of what leads to a member: how many members it leads to
        for member in branch:
            for other in self.above[member]:
                seen[other] = seen.get(other, 0) + 1
                if seen[other] == len(self.below[other]):
                    branch.append(other)
            self.effort -= 1 + len(self.above[member])
            if len(branch) > BRANCH or self.effort < 0:
                return [box], [-1, -1]
        return branch, [other for other, count in seen.items() if count < len(self.below[other])]

    def _sink_together(self, box: int, branches: list[tuple[list[int], int]]) -> None:
        shifts: dict[int, int] = {}
        for branch, room in branches:
            for member in branch:
                shifts[member] = shifts.get(member, 0) + room
        before = max(self.layers[b] for b in self.below[box])
        after = max(self.layers[b] + shifts.get(b, 0) for b in self.below[box])
        if sum(room for _, room in branches) > after - before:
            for branch, room in branches:
                self._sink(branch, room)

    def _grows(self, branch: list[int], room: int) -> bool:
        """Whether a frame would grow if the branch sank: one that holds other boxes too, which stay."""
        inside: dict[str, list[int]] = {}
        for member in branch:
            for frame in self.frames[member]:
                inside.setdefault(frame, []).append(self.layers[member])
        return any(
            len(found) < self.sizes[frame] and max(found) + room > self.lasts[frame] for frame, found in inside.items()
        )

    def _sink(self, branch: list[int], room: int) -> None:
        for member in branch:
            self.layers[member] += room
            for frame in self.frames[member]:
                self.lasts[frame] = max(self.lasts[frame], self.layers[member])
