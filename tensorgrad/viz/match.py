"""Which items of two sequences belong together: the longest common subsequence, found in reasonable time."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Hashable, Sequence

Pairs = list[tuple[int, int]]

# Edits up to which the longest common subsequence is looked for: the time rises with their square, to about a second.
MOST_EDITS = 1000


def common_subsequence(
    a: Sequence[Hashable], b: Sequence[Hashable], exact_a: Sequence[Hashable], exact_b: Sequence[Hashable]
) -> Pairs:
    """Pairs (i, j), both rising, with a[i] == b[j]: as many as there can be, and if possible exactly equal ones.

    `exact_a` and `exact_b` say more about the same items: of a block that was put in between equal ones, this tells
    which one is new. Where more than MOST_EDITS items differ, there may be fewer pairs than there can be.
    """
    start = _equal_start(exact_a, exact_b)
    end = _equal_start(exact_a[start:][::-1], exact_b[start:][::-1])
    pairs = [(i, i) for i in range(start)]
    stops = len(a) - end, len(b) - end
    middle_a, middle_b = a[start : stops[0]], b[start : stops[1]]
    found = longest(middle_a, middle_b)
    anchored = _around(longest(exact_a[start : stops[0]], exact_b[start : stops[1]]), middle_a, middle_b)
    best = anchored if len(anchored) >= len(found) else found
    pairs += [(start + i, start + j) for i, j in best]
    return pairs + [(stops[0] + i, stops[1] + i) for i in range(end)]


def _around(anchors: Pairs, a: Sequence[Hashable], b: Sequence[Hashable]) -> Pairs:
    """The anchors, and between each two of them the longest common subsequence."""
    pairs: Pairs = []
    i = j = 0
    for at, bt in [*anchors, (len(a), len(b))]:
        pairs += [(i + x, j + y) for x, y in longest(a[i:at], b[j:bt])]
        pairs.append((at, bt))
        i, j = at + 1, bt + 1
    return pairs[:-1]


def longest(a: Sequence[Hashable], b: Sequence[Hashable]) -> Pairs:
    """The longest common subsequence, after Myers, "An O(ND) difference algorithm and its variations" (1986).

    `reach[k]` is how far one gets in `a` on diagonal k (the place in `a` less that in `b`) with so many edits.
    """
    start = _equal_start(a, b)
    end = _equal_start(a[start:][::-1], b[start:][::-1])
    head = [(i, i) for i in range(start)]
    tail = [(len(a) - end + i, len(b) - end + i) for i in range(end)]
    a, b = a[start : len(a) - end], b[start : len(b) - end]
    if not a or not b:
        return head + tail
    reach = {1: 0}
    history: list[array[int]] = []  # before each edit, on diagonals -edits - 1, -edits + 1, ..., edits + 1
    for edits in range(min(len(a) + len(b), MOST_EDITS) + 1):
        history.append(array("q", [reach.get(k, 0) for k in range(-edits - 1, edits + 2, 2)]))
        for k in range(-edits, edits + 1, 2):
            down = k == -edits or (k != edits and reach[k - 1] < reach[k + 1])
            i = reach[k + 1] if down else reach[k - 1] + 1
            while i < len(a) and i - k < len(b) and a[i] == b[i - k]:
                i += 1
            reach[k] = i
            if i >= len(a) and i - k >= len(b):
                middle = _traced_back(history, len(a), len(b))
                return head + [(start + i, start + j) for i, j in middle] + tail
    return head + [(start + i, start + j) for i, j in _in_turn(a, b)] + tail


def _traced_back(history: list[array[int]], i: int, j: int) -> Pairs:
    """The way that led to the ends of both, from there to the start: its diagonal steps are the pairs."""
    pairs: Pairs = []
    for edits in range(len(history) - 1, -1, -1):
        reach, k = history[edits], i - j
        place = (k + edits) // 2  # of diagonal k - 1 in `reach`; that of k + 1 is the next
        down = k == -edits or (k != edits and reach[place] < reach[place + 1])
        come_from, before = (reach[place + 1], k + 1) if down else (reach[place], k - 1)
        turn = come_from if down else come_from + 1
        while i > max(turn, 0) and j > max(turn - k, 0):
            i, j = i - 1, j - 1
            pairs.append((i, j))
        i, j = come_from, come_from - before
    return pairs[::-1]


def _in_turn(a: Sequence[Hashable], b: Sequence[Hashable]) -> Pairs:
    """A common subsequence in n log n: each item with the equal one of the same rank, as far as they are in order."""
    places: dict[Hashable, list[int]] = {}
    for j, item in enumerate(b):
        places.setdefault(item, []).append(j)
    used: dict[Hashable, int] = {}
    candidates = []
    for i, item in enumerate(a):
        rank = used.get(item, 0)
        used[item] = rank + 1
        if rank < len(places.get(item, ())):
            candidates.append((i, places[item][rank]))
    # The longest rising subsequence of the places in `b`: ends[n] is the least place in which one of n + 1 can end.
    ends: list[int] = []
    holders: list[int] = []
    previous: list[int] = []
    for number, (_, j) in enumerate(candidates):
        length = bisect_left(ends, j)
        previous.append(holders[length - 1] if length else -1)
        ends[length : length + 1] = [j]
        holders[length : length + 1] = [number]
    pairs: Pairs = []
    number = holders[-1] if holders else -1
    while number >= 0:
        pairs.append(candidates[number])
        number = previous[number]
    return pairs[::-1]


def _equal_start(a: Sequence[Hashable], b: Sequence[Hashable]) -> int:
    """How many items at the start are equal."""
    count = 0
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        count += 1
    return count
