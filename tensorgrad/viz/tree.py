"""Which operations ran inside which call of a module."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from .index import Index

TIMES = "\N{MULTIPLICATION SIGN}"
DEPTH = 8  # modules are told apart to this depth; frames in frames beyond it would leave no room for what is inside


@dataclass(eq=False, slots=True)
class Part:
    """A module at work: operations that ran one after the other inside of it.

    A module that is called again later, after others, has a part for each time; called several times in a row, one part
    for all of them. So the operations of a part are a
    stretch of the order in which they ran, and what is drawn as one card cannot both feed and follow another card.
    """

    path: str
    type: str
    parent: Part | None
    first: int  # the number of its first operation
    last: int
    order: int = 0  # 1 if its operations compute gradients of what ran in the module, 2 for gradients of those
    call: int = 1  # its first call is the second ...
    calls: int = 1  # ... of 3
    times: int = 1  # how many calls ran in it, one after the other
    piece: int = 1  # if it is but the operations of one call: the first piece ...
    pieces: int = 1  # ... of 2

    @property
    def size(self) -> int:
        """How many operations ran in it."""
        return self.last - self.first + 1

    @property
    def title(self) -> str:
        """The attribute's name first, then the class."""
        return self.named(f"{self.path} · {self.type}" if self.type else self.path)

    def named(self, name: str) -> str:
        """A name with what is to be said beside it: whether these are gradients, and which calls ran."""
        said = "gradient of " * self.order + name + f" {TIMES}{self.times}" * (self.times > 1)
        if self.times == 1 < self.calls:
            said += f", call {self.call} of {self.calls}"
        elif self.times < self.calls:
            said += f", calls {self.call} to {self.call + self.times - 1} of {self.calls}"
        return said + f", part {self.piece} of {self.pieces}" * (self.pieces > 1)


class Tree:
    """All parts, each after the one that it is in; and the innermost one around each operation."""

    def __init__(self, index: Index) -> None:
        self.parts: list[Part] = []
        self.around: list[Part | None] = []
        open_: list[Part] = []
        ran: dict[Part, dict[int, None]] = {}  # the calls in each part; where they are not known, it is one
        for number, node in enumerate(index.ops):
            paths = paths_of(node.module)
            same = 0
            if open_ and open_[0].order == node.order:
                while same < min(len(paths), len(open_)) and open_[same].path == paths[same]:
                    same += 1
            del open_[same:]
            for path in paths[same:]:
                parent = open_[-1] if open_ else None
                open_.append(Part(path, index.types.get(path, ""), parent, number, number, node.order))
                self.parts.append(open_[-1])
            known = len(node.calls) == len(paths)
            for depth, part in enumerate(open_):
                part.last = number
                ran.setdefault(part, {})[node.calls[depth] if known else -1 - part.first] = None
            self.around.append(open_[-1] if open_ else None)
        self._count(ran)
        self.paths = list(dict.fromkeys(part.path for part in self.parts))

    def _count(self, ran: dict[Part, dict[int, None]]) -> None:
        """Number the calls of each module, and the pieces of each call that others interrupted."""
        calls: dict[tuple[int, str], dict[int, int]] = {}
        pieces: Counter[tuple[int, str, int]] = Counter()
        for part in self.parts:
            numbers = calls.setdefault((part.order, part.path), {})
            for call in ran[part]:
                numbers.setdefault(call, len(numbers) + 1)
            part.times, part.call = len(ran[part]), min(numbers[call] for call in ran[part])
            if part.times == 1:
                pieces[part.order, part.path, part.call] += 1
                part.piece = pieces[part.order, part.path, part.call]
        for part in self.parts:
            part.calls = len(calls[part.order, part.path])
            part.pieces = pieces[part.order, part.path, part.call] if part.times == 1 else 1


def paths_of(module: str) -> list[str]:
    """A module and those around it, from the outside in; beyond a depth the rest of the path counts as one name."""
    names = module.split(".", DEPTH - 1) if module else []
    return [".".join(names[:depth]) for depth in range(1, len(names) + 1)]
