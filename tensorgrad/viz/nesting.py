"""Frames in frames, while a layout fills them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from .columns import Item, Link

ROOT = ""  # the picture itself, around all frames
Span = tuple[str, int, int]  # a frame, and a first and a last layer


@dataclass(slots=True)
class Frame:
    """A frame, the layers it covers, and its inside."""

    id: str
    parent: str
    depth: int
    first: int = -1
    last: int = -1
    heads: int = 1  # how many frames, one in the other, begin with its first layer
    feet: int = 1
    items: list[Item] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    places: list[float] = field(default_factory=list)  # of the items, from the frame's left side
    width: float = 0.0
    item: int = -1  # its own number among its parent's items

    def add(self, item: Item) -> int:
        """Put something into it; told is its number."""
        self.items.append(item)
        return len(self.items) - 1


def chains(parents: dict[str, str], homes: list[str]) -> list[tuple[str, ...]]:
    """For each box, of which the innermost frame is given, all frames around it, outwards, without the root."""
    found: dict[str, tuple[str, ...]] = {}
    for home in homes:
        if home not in found:
            path, frame = [], home
            while frame != ROOT:
                path.append(frame)
                frame = parents[frame]
                if len(path) > len(parents):
                    raise ValueError(f"layout: the frame {home!r} is inside itself")
            found[home] = tuple(path)
    return [found[home] for home in homes]


class Nest:
    """The frames that hold a box, by id, with the root around them. Frames and parents may come in any order."""

    def __init__(self, parents: dict[str, str], homes: Iterable[tuple[str, int]]) -> None:
        """`parents` of the frames, and of each box its innermost frame and its layer."""
        frames = {ROOT: Frame(ROOT, ROOT, 0)}
        for id_ in parents:
            path, above = [], id_
            while above not in frames:
                path.append(above)
                above = parents[above]
                if len(path) > len(parents):
                    raise ValueError(f"layout: the frame {id_!r} is inside itself")
            for inner in reversed(path):
                frames[inner] = Frame(inner, parents[inner], frames[parents[inner]].depth + 1)
        for home, layer in homes:
            id_ = home
            while True:
                frame = frames[id_]
                frame.first = layer if frame.first < 0 else min(frame.first, layer)
                frame.last = max(frame.last, layer)
                if id_ == ROOT:
                    break
                id_ = frame.parent
        self.frames = {id_: frame for id_, frame in frames.items() if frame.first >= 0 or id_ == ROOT}
        self.inwards = sorted(self.frames.values(), key=lambda frame: frame.depth)

    def chain(self, frame: str, stop: str) -> list[str]:
        """A frame and those around it, outwards, as far as below `stop`."""
        chain = []
        while frame != stop:
            chain.append(frame)
            frame = self.frames[frame].parent
        return chain

    def common(self, one: str, other: str) -> str:
        """The innermost frame around both."""
        while one != other:
            if self.frames[one].depth >= self.frames[other].depth:
                one = self.frames[one].parent
            else:
                other = self.frames[other].parent
        return one

    def spans(self, source: str, target: str, first: int, last: int) -> list[Span]:
        """The frames that an arrow passes through in the layers between its ends, which are in `source` and `target`.

        It goes on in its source's frames as far as they reach, and enters its target's as soon as they begin.
        """
        common = self.common(source, target)
        spans: list[Span] = []
        inwards = [self.frames[id_] for id_ in reversed(self.chain(target, common))]
        begins = min([last + 1, *(frame.first for frame in inwards)])
        layer = first
        for id_ in [*self.chain(source, common), common]:
            end = min(begins - 1, last if id_ == common else self.frames[id_].last)
            if layer <= end:
                spans.append((id_, layer, end))
                layer = end + 1
        for k, frame in enumerate(inwards):
            end = min(last, inwards[k + 1].first - 1) if k + 1 < len(inwards) else last
            if layer <= end:
                spans.append((frame.id, layer, end))
                layer = end + 1
        return spans
