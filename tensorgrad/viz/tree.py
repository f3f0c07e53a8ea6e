"""Which operations ran inside which call of a module."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from .index import Index

DEPTH = 8  # modules are told apart to this depth; frames in frames beyond it would leave no room for what is inside


@dataclass(eq=False, slots=True)
class Part:
    """A module at work: operations that ran one after the other inside of it.

    A module that is called again later, after others, has a part for each time. So the operations of a part are a
    stretch of the order in which they ran, and what is drawn as one card cannot both feed and follow another card.
    """

    path: str
    type: str
    parent: Part | None
    first: int  # the number of its first operation
    last: int
    call: int  # this is time 2 ...
    calls: int = 1  # ... of 3

    @property
    def size(self) -> int:
        """How many operations ran in it."""
        return self.last - self.first + 1

    @property
    def title(self) -> str:
        """The attribute's name first, then the class."""
        again = f", call {self.call} of {self.calls}" if self.calls > 1 else ""
        return (f"{self.path} · {self.type}" if self.type else self.path) + again


class Tree:
    """All parts, each after the one that it is in; and the innermost one around each operation."""

    def __init__(self, index: Index) -> None:
        self.parts: list[Part] = []
        self.around: list[Part | None] = []
        calls: Counter[str] = Counter()
        open_: list[Part] = []
        for number, node in enumerate(index.ops):
            paths = paths_of(node.module)
            same = 0
            while same < min(len(paths), len(open_)) and open_[same].path == paths[same]:
                same += 1
            del open_[same:]
            for path in paths[same:]:
                calls[path] += 1
                parent = open_[-1] if open_ else None
                open_.append(Part(path, index.types.get(path, ""), parent, number, number, calls[path]))
                self.parts.append(open_[-1])
            for part in open_:
                part.last = number
            self.around.append(open_[-1] if open_ else None)
        for part in self.parts:
            part.calls = calls[part.path]
        self.paths = list(calls)


def paths_of(module: str) -> list[str]:
    """A module and those around it, from the outside in; beyond a depth the rest of the path counts as one name."""
    names = module.split(".", DEPTH - 1) if module else []
    return [".".join(names[:depth]) for depth in range(1, len(names) + 1)]
