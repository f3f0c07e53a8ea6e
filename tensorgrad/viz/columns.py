"""Where things stand beside each other: the inside of one frame, whose layers are known, gets its columns.

An item covers layers `first` to `last` and has a width: a box covers one layer; a long arrow's lane and a frame within
the frame, whose own inside is done, cover several. Links join items from a layer to the next. Sweeps order the items
of each layer by where their neighbours stand (Sugiyama, Tagawa, Toda 1981). Items linked straight below each other,
without a crossing, make a column (Brandes, Koepf 2001). Columns are pulled towards those they are linked to, and pushed
apart from the left and from the right: the mean of both pushes keeps every distance, and is even on both sides.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise

MANY = 2000  # items; above it fewer rounds are made


@dataclass(slots=True)
class Item:
    """Something with a width and layers, in one frame."""

    first: int
    last: int
    width: float
    margin: float  # kept free on both sides; of two neighbours the larger counts
    lane: bool = False  # an arrow passing through, not a box or a frame


@dataclass(slots=True)
class Link:
    """An arrow's way from layer `gap` to the next: from `above`, at `leave` from its left side, to `below`."""

    gap: int
    above: int
    leave: float
    below: int
    enter: float


def columns(items: list[Item], links: list[Link]) -> list[float]:
    """The left side of every item: no two items that share a layer come nearer than their margins."""
    if not items:
        return []
    rows = _order(items, links)
    column, shift = _align(items, links, rows)
    return _place(items, links, rows, column, shift)


def spread(wanted: list[float], apart: list[float], weights: list[float]) -> list[float]:
    """The places nearest to the wanted ones, in least squares, that are at least `apart` from their left neighbour.

    `apart[i]` is between i - 1 and i; `apart[0]` is not used. Solved exactly by pooling neighbours (isotonic
    regression).
    """
    total, totals = 0.0, []
    pools: list[tuple[float, float, int]] = []  # sum of weight * place, sum of weights, number of members
    for i, place in enumerate(wanted):
        total += apart[i] if i else 0.0
        totals.append(total)
        sum_, weight, members = (place - total) * weights[i], weights[i], 1
        while pools and pools[-1][0] * weight >= sum_ * pools[-1][1]:
            before = pools.pop()
            sum_, weight, members = sum_ + before[0], weight + before[1], members + before[2]
        pools.append((sum_, weight, members))
    found = []
    for sum_, weight, members in pools:
        found += [sum_ / weight] * members
    return [place + total for place, total in zip(found, totals, strict=True)]


def _apart(left: Item, right: Item) -> float:
    return left.width + max(left.margin, right.margin)


Rows = dict[int, list[int]]  # the items of each layer, in their order


def _order(items: list[Item], links: list[Link]) -> Rows:
    """The items of each layer from left to right, by the sweep that leaves the fewest crossings.

    A sweep enters an item among those that go on from the layer before, whose order it keeps; so the orders of all
    layers agree with each other, and columns that keep them exist.
    """
    up: list[list[tuple[int, float]]] = [[] for _ in items]
    down: list[list[tuple[int, float]]] = [[] for _ in items]
    gaps: dict[int, list[Link]] = {}
    for link in links:
        up[link.below].append((link.above, link.leave - link.enter))
        down[link.above].append((link.below, link.enter - link.leave))
        gaps.setdefault(link.gap, []).append(link)
    places = [float(i) for i in range(len(items))]
    best, fewest = {}, -1
    for round_ in range(4 if len(items) > MANY else 10):
        downwards = round_ % 2 == 0
        rows = _sweep(items, up if downwards else down, places, downwards, round_ == 0)
        crossings = _crossings(rows, gaps)
        if fewest < 0 or crossings < fewest:
            best, fewest = rows, crossings
        if not fewest and round_:
            break
    return best


def _sweep(
    items: list[Item], neighbours: list[list[tuple[int, float]]], places: list[float], downwards: bool, fresh: bool
) -> Rows:
    entering: Rows = {}
    for i, item in enumerate(items):
        entering.setdefault(item.first if downwards else item.last, []).append(i)
    rows: Rows = {}
    going: list[int] = []
    top, bottom = min(item.first for item in items), max(item.last for item in items)
    for layer in range(top, bottom + 1) if downwards else range(bottom, top - 1, -1):
        going = [i for i in going if items[i].first <= layer <= items[i].last]
        new = entering.get(layer, ())
        if new:
            wanted = {}
            for i in new:
                near = neighbours[i]
                if near:
                    wanted[i] = sum(places[j] + offset for j, offset in near) / len(near)
                else:  # in the first sweep nothing is known of it: to the right end, in the given order
                    wanted[i] = max(places[j] + items[j].width for j in going) if fresh and going else places[i]
            going = _merged(
                items, going, sorted(new, key=lambda i: (wanted[i] + items[i].width / 2, i)), wanted, places
            )
            if len(going) > 1:
                apart = [0.0] + [_apart(items[a], items[b]) for a, b in pairwise(going)]
                aims = [wanted.get(i, places[i]) for i in going]
                found = spread(aims, apart, [1.0 if i in wanted else 8.0 for i in going])
                for i, place in zip(going, found, strict=True):
                    places[i] = place
            else:
                places[going[0]] = wanted.get(going[0], places[going[0]])
        rows[layer] = list(going)
    return rows


def _merged(
    items: list[Item], going: list[int], new: list[int], wanted: dict[int, float], places: list[float]
) -> list[int]:
    merged, k = [], 0
    for i in going:
        middle = places[i] + items[i].width / 2
        while k < len(new) and wanted[new[k]] + items[new[k]].width / 2 < middle:
            merged.append(new[k])
            k += 1
        merged.append(i)
    return merged + new[k:]


def _crossings(rows: Rows, gaps: dict[int, list[Link]]) -> int:
    count = 0
    for gap, links in gaps.items():
        if len(links) < 2:
            continue
        above = {i: rank for rank, i in enumerate(rows[gap])}
        below = {i: rank for rank, i in enumerate(rows[gap + 1])}
        ends = sorted((above[k.above], k.leave, below[k.below], k.enter) for k in links)
        # Inversions of the lower ends, by a tree of counts over their ranks.
        ranks = sorted({end[2:] for end in ends})
        tree = [0] * (len(ranks) + 1)
        for seen, end in enumerate(ends):
            at = not_after = bisect_right(ranks, end[2:])
            inverted = seen
            while not_after:
                inverted -= tree[not_after]
                not_after &= not_after - 1
            count += inverted
            while at <= len(ranks):
                tree[at] += 1
                at += at & -at
    return count


# Columns


def _align(items: list[Item], links: list[Link], rows: Rows) -> tuple[list[int], list[float]]:
    """The column of each item, and how far right of the column's own place it stands."""
    gaps: dict[int, list[Link]] = {}
    behind = [0] * len(items)  # how many items lead to each, one after the other
    for link in sorted(links, key=lambda link: link.gap):
        behind[link.below] = max(behind[link.below], behind[link.above] + 1)
        # Of a link inside a frame that goes on, or from one that goes on, the ends cannot stand below each other.
        if items[link.above].last == link.gap and items[link.below].first == link.gap + 1:
            gaps.setdefault(link.gap, []).append(link)
    column, shift = list(range(len(items))), [0.0] * len(items)
    for gap in sorted(gaps):
        for link in _straight(items, gaps[gap], rows[gap], rows[gap + 1], behind):
            column[link.below] = column[link.above]
            shift[link.below] = shift[link.above] + link.leave - link.enter
    return column, shift


def _straight(
    items: list[Item], links: list[Link], above: list[int], below: list[int], behind: list[int]
) -> list[Link]:
    """Links that can all be straight: at most one to an item, none crossing another or an item that goes on.

    Of several to one item that from the longest chain comes first: a constant would draw the main line to its side.
    """
    upper = {i: rank for rank, i in enumerate(above)}
    partner: list[int | None] = [upper.get(i) for i in below]  # the rank above that goes straight down to this one
    used = {rank for rank in partner if rank is not None}
    chosen = []
    into: dict[int, list[Link]] = {}
    for link in links:
        into.setdefault(link.below, []).append(link)
    for lanes in (False, True):  # boxes first: the main line of a network is straight, and its by-passes bend
        ceilings, ceiling = [0] * len(below), len(above)
        for rank in range(len(below) - 1, -1, -1):
            ceilings[rank] = ceiling
            if (taken := partner[rank]) is not None:
                ceiling = taken
        floor = -1
        for rank, i in enumerate(below):
            if (taken := partner[rank]) is not None:
                floor = taken
                continue
            near = sorted(into.get(i, ()), key=lambda k: (upper[k.above], k.leave))
            middle = (len(near) - 1) / 2
            for _, link in sorted(enumerate(near), key=lambda k: (-behind[k[1].above], abs(k[0] - middle))):
                source = upper[link.above]
                bends = not lanes and (items[link.above].lane or items[i].lane)
                if not bends and floor < source < ceilings[rank] and source not in used:
                    partner[rank], floor = source, source
                    used.add(source)
                    chosen.append(link)
                    break
    return chosen


def _place(items: list[Item], links: list[Link], rows: Rows, column: list[int], shift: list[float]) -> list[float]:
    least: dict[tuple[int, int], float] = {}  # how far one column must stand right of another
    for layer in sorted(rows):
        row = rows[layer]
        for a, b in pairwise(row):
            pair = (column[a], column[b])
            apart = shift[a] + _apart(items[a], items[b]) - shift[b]
            least[pair] = max(least.get(pair, apart), apart)
    names = [i for i in range(len(items)) if column[i] == i]
    rights: dict[int, list[tuple[int, float]]] = {name: [] for name in names}
    lefts: dict[int, list[tuple[int, float]]] = {name: [] for name in names}
    for (a, b), apart in least.items():
        rights[a].append((b, apart))
        lefts[b].append((a, apart))
    order = _left_to_right(names, lefts, rights)
    pulls: dict[int, list[tuple[int, float, float]]] = {name: [] for name in names}
    for link in links:
        a, b = column[link.above], column[link.below]
        if a != b:
            offset = shift[link.below] + link.enter - shift[link.above] - link.leave
            lanes = items[link.above].lane + items[link.below].lane
            pulls[a].append((b, offset, (8.0, 2.0, 4.0)[lanes]))
            pulls[b].append((a, -offset, (8.0, 2.0, 4.0)[lanes]))
    # All columns find room within a little more than the width of the fullest layer. What is pulled could otherwise
    # push what is not, and drift away with it.
    nearest = dict.fromkeys(names, 0.0)
    _push(nearest, order, lefts)
    widths = [0.0] * len(items)
    for item, name, by in zip(items, column, shift, strict=True):
        widths[name] = max(widths[name], by + item.width)
    room = 1.1 * max(nearest[name] + widths[name] for name in names)
    farthest = {name: widths[name] - room for name in names}
    _push(farthest, order[::-1], rights)
    places = {name: (nearest[name] - farthest[name]) / 2 for name in names}
    for _ in range(10 if len(items) > MANY else 40):
        aims = {}
        for name in names:
            weight = sum(pull[2] for pull in pulls[name])
            mean = sum((places[other] + offset) * w for other, offset, w in pulls[name]) / weight if weight else 0.0
            aims[name] = (places[name] + mean) / 2 if weight else places[name]
        right = dict(aims)
        _push(right, order, lefts)
        left = {name: -aim for name, aim in aims.items()}
        _push(left, order[::-1], rights)
        places = {name: min(max((right[name] - left[name]) / 2, nearest[name]), -farthest[name]) for name in names}
    _push(places, order, lefts)  # what rounding took away
    found = [places[column[i]] + shift[i] for i in range(len(items))]
    start = min(found)
    return [place - start for place in found]


def _push(places: dict[int, float], order: list[int], before: dict[int, list[tuple[int, float]]]) -> None:
    """Move each just so far that it keeps its distance from those before it."""
    for name in order:
        for other, apart in before[name]:
            if places[other] + apart > places[name]:
                places[name] = places[other] + apart


def _left_to_right(
    names: list[int], lefts: dict[int, list[tuple[int, float]]], rights: dict[int, list[tuple[int, float]]]
) -> list[int]:
    waiting = {name: len(lefts[name]) for name in names}
    ready = [name for name in names if not waiting[name]]
    order = []
    while ready:
        name = heapq.heappop(ready)
        order.append(name)
        for other, _ in rights[name]:
            waiting[other] -= 1
            if not waiting[other]:
                heapq.heappush(ready, other)
    return order
