"""Which layer of a picture a box stands in."""

from __future__ import annotations

import heapq

Ends = tuple[int, int]


def layers_of(count: int, ends: list[Ends]) -> tuple[list[int], list[Ends], list[bool]]:
    """The layer of each of `count` boxes, and the edges turned so that each leads to a later layer, or to itself.

    Which edges were turned is told too: only those that close a cycle. A box stands right below the last of those that
    lead to it, or lower where that makes its arrows shorter: an input stands above its first use.
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
    for box in reversed(order):
        if len(below[box]) > len(above[box]):
            layers[box] = min(layers[b] for b in below[box]) - 1
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
