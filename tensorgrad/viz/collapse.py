"""Which operations share a card: closed modules, equal blocks in series, and runs of operations in huge graphs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ..errors import DTypeError, ShapeError
from .alike import signature_of
from .arguments import DrawingError, said
from .index import Index
from .options import Options
from .parts import NodeView
from .tree import Part, Tree
from .words import plain

CARDS = 25  # how many `collapse="auto"` aims at
LIMIT = 1500  # above this many cards a picture is collapsed without being asked: it could be neither laid out nor read
RUNS = 100  # into about this many runs


@dataclass(eq=False, slots=True)
class Group:
    """Operations on one card: a stretch of the order in which they ran."""

    kind: Literal["module", "alike", "run"]
    first: int
    last: int
    parts: tuple[Part, ...]  # the module; the equal ones; none for a run
    parent: Part | None  # the module around
    id: str = ""

    @property
    def size(self) -> int:
        """How many operations are on the card."""
        return self.last - self.first + 1


class Collapse:
    """What is collapsed in a picture: the group of each operation, or none, and which leaves have no card."""

    def __init__(self, index: Index, options: Options, limit: int | None, caller: str) -> None:
        self.index, self.options, self.tree, self.caller = index, options, Tree(index), caller
        self.notes: list[str] = []
        self._signatures: dict[int, tuple[object, ...]] = {}
        self._left_out: dict[str, None] = {}  # leaves without a card, where there is no room for all
        self._kept_open = self._expanded()
        closed = self._asked_for()
        if options.collapse == "auto":
            closed = self._until_few(closed)
        self._set(self._closed_groups(closed))
        cards = self.count()
        if limit is not None and cards > limit:
            self.notes.append(f"collapsed, because {cards:,} cards are more than the {limit:,} that are drawn")
            self._set(self._closed_groups(self._until_few(closed)))
            if self.count() > limit:
                self._set(self._with_runs())
            if self.count() > limit and options.view == "tensor":
                self.options = replace(options, view="op")
                self._set(self.groups)
                self.notes.append("for the same reason tensors have no cards of their own")
            if self.count() > limit:
                self._leave_out(limit)
        elif options.collapse == "auto" and cards > CARDS:
            self.notes.append(f"{cards:,} cards are left: there are no more modules to close")

    def group_of(self, node: str) -> Group | None:
        """The group that hides an operation."""
        number = self.index.number.get(node)
        return None if number is None else self.at[number]

    def part_of(self, node: NodeView) -> Part | None:
        """The innermost module around an operation's card, or around that of a leaf that stands inside."""
        if node.kind == "op":
            return self.tree.around[self.index.number[node.id]]
        targets = self.index.out_of(node.id)
        return self.tree.around[self.index.number[targets[0].target]] if node.module and targets else None

    def count(self) -> int:
        """How many cards there are."""
        alone = sum(group is None for group in self.at)
        tensors = sum(len(self.tensor_cards(node)) for node in self.index.ops)
        return alone + len(self.groups) + tensors + len(self._leaves())

    def tensor_cards(self, node: NodeView) -> list[int]:
        """The outputs of an operation that have cards: in the view "tensor", those that are seen outside its group."""
        if self.options.view != "tensor":
            return []
        shown, group = self.index.shown_outputs(node), self.group_of(node.id)
        if group is None:
            return shown
        seen = {edge.output for edge in self.index.out_of(node.id) if self.group_of(edge.target) is not group}
        seen.update(result.output for result in self.index.results.get(node.id, ()))
        return [i for i in shown if i in seen]

    def leaf_card(self, leaf: NodeView) -> str:
        """The id of the box whose card stands for a leaf: most often its own, and "" if it has none."""
        card = self._leaf_card(leaf)
        return "" if card in self._left_out else card

    def _leaves(self) -> list[str]:
        """The leaves that have a card."""
        leaves = (node for node in self.index.view.nodes if node.kind != "op")
        return [leaf.id for leaf in leaves if self.leaf_card(leaf) == leaf.id]

    def _leave_out(self, limit: int) -> None:
        """Draw as many leaves as there is room for; nothing could stand for the others."""
        leaves = self._leaves()
        left_out = leaves[max(limit - self.count() + len(leaves), 0) :]
        self._left_out = dict.fromkeys(left_out)
        self.notes.append(f"{len(left_out):,} of {len(leaves):,} inputs are not drawn, for the same reason")

    def _leaf_card(self, leaf: NodeView) -> str:
        if leaf.id in self.index.results:
            return leaf.id
        targets = self.index.out_of(leaf.id)
        group = self.group_of(targets[0].target) if targets else None
        hidden = group is not None and all(self.group_of(edge.target) is group for edge in targets)
        if not hidden or group is None:
            return "" if self.index.docked(leaf) and self.options.view != "tensor" else leaf.id
        if leaf.kind in ("constant", "parameter") or (leaf.module and group.kind != "run"):
            return ""
        if leaf.uses > 1:  # all uses of an input in one group have one card
            return self._stubs.setdefault((leaf.tensor, group.first), leaf.id)
        return "" if group.kind == "run" and self._crowded else leaf.id

    def _set(self, groups: list[Group]) -> None:
        self.groups = groups
        self.at: list[Group | None] = [None] * len(self.index.ops)
        for number, group in enumerate(groups):
            group.id = f"m{number}"
            self.at[group.first : group.last + 1] = [group] * group.size
        self._stubs: dict[tuple[str, int], str] = {}
        self._crowded = sum(node.kind == "input" and node.uses < 2 for node in self.index.view.nodes) > RUNS

    # Which modules are closed

    def _expanded(self) -> dict[str, None]:
        """The modules that must stay open: those in `expand`, and those around them."""
        kept: dict[str, None] = {}
        known = dict.fromkeys(self.tree.paths)
        for path in self.options.expand:
            if path not in known:
                listed = ", ".join(repr(plain(one, 40)) for one in self.tree.paths[:8])
                raise ShapeError(
                    f"{self.caller}: expand: no module {plain(path)!r} ran in this graph, "
                    + (f"only {listed}{', ...' if len(known) > 8 else ''}" if known else "which has no modules")
                )
        for part in self.tree.parts:
            if part.path in self.options.expand:
                around: Part | None = part
                while around is not None:
                    kept[around.path] = None
                    around = around.parent
        return kept

    def _asked_for(self) -> dict[str, None]:
        """The paths that `depth`, `collapse` and `view` close."""
        depth, collapse = self.options.depth, self.options.collapse
        closes = collapse if callable(collapse) else None
        if self.options.view == "module" and depth is None and collapse is None:
            depth = 1
        closed: dict[str, None] = {}
        deep = {part.path: _depth(part) for part in self.tree.parts}
        for path in self.tree.paths:
            chosen = closes is not None and self._chosen(closes, path)
            # Below a module that is kept open the same holds, counted from there.
            if (chosen or (depth is not None and deep[path] >= depth)) and path not in self._kept_open:
                closed[path] = None
        return closed

    def _chosen(self, closes: Callable[[str, str], bool], path: str) -> bool:
        """What the user's function says of a module."""
        type_ = self.index.types.get(path, "")
        call = f"{self.caller}: collapse({plain(path)!r}, {type_!r})"
        try:
            answer = closes(path, type_)
        except Exception as error:
            raise DrawingError(f"{call} raised {type(error).__name__}: {plain(error, 300)}") from error
        if not isinstance(answer, (bool, np.bool_)):
            raise DTypeError(f"{call} must return True or False, got {said(answer)}")
        return bool(answer)

    def _until_few(self, closed: dict[str, None]) -> dict[str, None]:
        """Close the deepest and largest modules, equally deep and large ones together, until few cards are left."""
        closed = dict(closed)
        sizes: Counter[str] = Counter()
        depths: dict[str, int] = {}
        for part in self.tree.parts:
            if part.path not in self._kept_open:
                sizes[part.path] = max(sizes[part.path], part.size)
                depths[part.path] = _depth(part)
        steps: dict[tuple[int, int], list[str]] = {}
        for path, size in sizes.items():
            if size > 1:
                steps.setdefault((depths[path], size), []).append(path)
        self._set(self._closed_groups(closed))
        for step in sorted(steps, reverse=True):
            if self.count() <= CARDS:
                break
            closed.update(dict.fromkeys(steps[step]))
            self._set(self._closed_groups(closed))
        return closed

    # Groups

    def _closed_groups(self, closed: dict[str, None]) -> list[Group]:
        """A group for each outermost closed part that hides something; equal ones in series have one together."""
        least = 1 if self.options.view == "module" else 2
        inside: dict[Part, bool] = {}  # whether a part is closed or in a closed one
        groups: list[Group] = []
        for part in self.tree.parts:
            if part.parent is not None and inside[part.parent]:
                inside[part] = True
                continue
            inside[part] = part.path in closed and part.size >= least
            if inside[part]:
                before = groups[-1] if groups else None
                if before is not None and self._continues(before, part):
                    groups[-1] = Group("alike", before.first, part.last, (*before.parts, part), part.parent)
                else:
                    groups.append(Group("module", part.first, part.last, (part,), part.parent))
        return groups

    def _continues(self, group: Group, part: Part) -> bool:
        """Whether a part follows the last one of a group, takes what comes out of it, and has the same structure."""
        last = group.parts[-1]
        if last.parent is not part.parent or last.last + 1 != part.first or last.size != part.size or part.size < 2:
            return False
        numbers = (
            self.index.number.get(edge.source, -1)
            for node in self.index.ops[part.first : part.last + 1]
            for edge in self.index.into(node.id)
        )
        if not any(last.first <= number <= last.last for number in numbers):
            return False
        return self._signature(last) == self._signature(part)

    def _signature(self, part: Part) -> tuple[object, ...]:
        if part.first not in self._signatures or len(self._signatures[part.first]) != part.size:
            self._signatures[part.first] = signature_of(self.index, part)
        return self._signatures[part.first]

    # Runs

    def _with_runs(self) -> list[Group]:
        """The groups, with what is left beside them in runs: inside each module, or if that does not help, across."""
        items: list[tuple[int, int, Part | None]] = []  # first, last, the module around
        number = 0
        while number < len(self.at):
            group = self.at[number]
            last, around = (group.last, group.parent) if group else (number, self.tree.around[number])
            items.append((number, last, around))
            number = last + 1
        length = -(-len(items) // RUNS)
        kept = {group.first: group for group in self.groups}
        for across in (False, True):
            runs: list[list[tuple[int, int, Part | None]]] = []
            for item in items:
                new = not runs or len(runs[-1]) >= length or not (across or runs[-1][-1][2] is item[2])
                runs.append([item]) if new else runs[-1].append(item)
            if len(runs) <= LIMIT:
                break
        groups = []
        for run in runs:
            first, last, around = run[0][0], run[-1][1], run[0][2]
            if len(run) > 1:
                groups.append(Group("run", first, last, (), None if across else around))
            elif first in kept:
                groups.append(kept[first])
        return groups


def _depth(part: Part) -> int:
    depth = 1
    while part.parent is not None:
        depth, part = depth + 1, part.parent
    return depth
