"""What differs between two captured graphs: a net before and after a change, or at two moments of a training."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..errors import DTypeError, ShapeError
from .arguments import real, said, whole_or_none
from .match import common_subsequence
from .parts import EdgeView, NodeView, OutputView, Preview, TensorView
from .words import number, sizes

if TYPE_CHECKING:
    from .view import GraphView

Kind = Literal["added", "removed", "changed"]

MARKS: dict[Kind, str] = {"added": "+", "removed": "-", "changed": "~"}
PRINTED = 100  # differences that `print` shows


@dataclass(frozen=True, slots=True)
class Change:
    """One thing about an operation or a leaf that is different."""

    what: str  # "stride", "shape", "dtype", "value", "gradient", ".grad", "weight from", ...
    before: str
    after: str
    ratio: float | None = None  # of sizes, rms after by rms before

    def __str__(self) -> str:
        grown = f" (x {number(self.ratio)})" if self.ratio is not None else ""
        return f"{self.what} {self.before} -> {self.after}{grown}"


@dataclass(frozen=True, slots=True)
class Difference:
    """An operation, a parameter, an input or a module that is only in one of two graphs, or differs."""

    kind: Kind
    subject: str  # "op", "parameter", "input", "constant" or "module"
    name: str
    module: str  # the module that an operation ran in
    before: str  # the id of its box or tensor in the first graph; empty if it is not there, and for modules
    after: str  # and in the second
    changes: tuple[Change, ...] = ()

    def __str__(self) -> str:
        said = self.name if self.subject == "op" else f"{self.subject} {self.name}"
        place = f" in {self.module}" if self.module else ""
        ids = " -> ".join(dict.fromkeys(filter(None, (self.before, self.after))))
        changes = f": {'; '.join(map(str, self.changes))}" if self.changes else ""
        return f"{MARKS[self.kind]} {said}{place}{f' ({ids})' if ids else ''}{changes}"


@dataclass(frozen=True, slots=True, repr=False)
class GraphDiff:
    """What `diff` found; false if that is nothing. `print(diff)` shows a line for each difference."""

    differences: tuple[Difference, ...]  # leaves and modules by name, then operations in the order in which they ran
    notes: tuple[str, ...] = ()  # what could not be compared

    @property
    def added(self) -> tuple[Difference, ...]:
        """What only the second graph has."""
        return tuple(d for d in self.differences if d.kind == "added")

    @property
    def removed(self) -> tuple[Difference, ...]:
        """What only the first graph has."""
        return tuple(d for d in self.differences if d.kind == "removed")

    @property
    def changed(self) -> tuple[Difference, ...]:
        """What both have, but not alike."""
        return tuple(d for d in self.differences if d.kind == "changed")

    def to_text(self, limit: int | None = None) -> str:
        """A line for each difference, marked "+", "-" or "~"; at most `limit` of them."""
        limit = whole_or_none("to_text", "limit", limit)
        lines = [self._counts(), *(f"  {d}" for d in self.differences[:limit])]
        if limit is not None and limit < len(self.differences):
            lines.append(f"  ... {len(self.differences) - limit} more")
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])

    def _counts(self) -> str:
        counts = Counter(d.kind for d in self.differences)
        return ", ".join(f"{counts[kind]:,} {kind}" for kind in MARKS if counts[kind]) or "no difference"

    def __bool__(self) -> bool:
        return bool(self.differences)

    def __str__(self) -> str:
        return self.to_text(PRINTED)

    def __repr__(self) -> str:
        return f"<GraphDiff: {self._counts()}>"


def diff(before: GraphView, after: GraphView, factor: float = 2.0) -> GraphDiff:
    """What the graph `after` has that `before` has not, the other way round, and what is different in both.

    Operations are compared within each module, by its path: those of the longest sequence of operations that both
    graphs have there in the same order belong together, all others were added or removed. What belongs together differs
    by hyper-parameters, inputs, shapes, dtypes, and by sizes: where the rms of values or gradients differs by `factor`
    or more, or one is zero, NaN or infinite. Leaves are found by name. Where the code stands, and whether a graph was
    freed, does not count. Very different sequences of thousands of operations are matched in a shorter, quicker way.
    """
    for view in (before, after):
        if isinstance(view, type) or not hasattr(view, "nodes") or not hasattr(view, "edges"):
            raise DTypeError(f"diff: expected two captured graphs, got a {type(view).__name__}")
    if real("diff", "factor must be at least 1", factor) < 1:
        raise ShapeError(f"diff: factor must be at least 1, got {said(factor)}")
    return _Comparison(before, after, factor).result()


class _Comparison:
    def __init__(self, before: GraphView, after: GraphView, factor: float) -> None:
        self.before, self.after, self.factor = before, after, factor
        self.alone: Counter[tuple[str, str]] = Counter()  # {(what was not compared, where it is): how often}

    def result(self) -> GraphDiff:
        differences = [*self._leaves(), *self._modules(), *self._operations()]
        notes = [
            f"{what} of {count:,} box{'es' * (count != 1)} {'are' if what.endswith('s') else 'is'} only in the {where} "
            "graph"
            for (what, where), count in self.alone.items()
        ]
        return GraphDiff(tuple(differences), tuple(notes))

    # Leaves and modules, by name

    def _leaves(self) -> Iterator[Difference]:
        old, new = _by_name(self.before.tensors), _by_name(self.after.tensors)
        for key in dict.fromkeys([*old, *new]):
            a, b = old.get(key), new.get(key)
            if a is None or b is None:
                only = b or a
                assert only is not None
                ids = ("", only.id) if a is None else (only.id, "")
                yield Difference("added" if a is None else "removed", only.kind, only.name, "", *ids)
                continue
            changes = [
                *_said("shape", sizes(a.shape), sizes(b.shape)),
                *_said("dtype", a.dtype, b.dtype),
                *_said("requires_grad", str(a.requires_grad), str(b.requires_grad)),
                *_said("uses", str(a.uses), str(b.uses)),
                *self._size("value", a.value, b.value),
                *self._size(".grad", a.grad, b.grad),
            ]
            if changes:
                yield Difference("changed", a.kind, a.name, "", a.id, b.id, tuple(changes))

    def _modules(self) -> Iterator[Difference]:
        old = {module.path: module.type for module in self.before.modules}
        for module in self.after.modules:
            changes = _said("class", old.get(module.path, module.type), module.type)
            if changes:
                yield Difference("changed", "module", module.path, "", "", "", tuple(changes))

    # Operations

    def _operations(self) -> list[Difference]:
        pairs = _matched(self.before.nodes, self.after.nodes)
        partner = {a.id: b.id for a, b in pairs}
        place = {node.id: number for number, node in enumerate(self.after.nodes)}
        sources = _Sources(self.before, partner), _Sources(self.after, None)
        # Sorted as the second graph ran; what was removed follows what it followed.
        found: list[tuple[tuple[int, int, int], Difference]] = []
        kept = set(partner.values())
        for a, b in pairs:
            changes = self._changes(a, b, *sources)
            if changes:
                found.append(((place[b.id], 0, 0), _difference("changed", b, a.id, b.id, changes)))
        for node in self.after.nodes:
            if node.kind == "op" and node.id not in kept:
                found.append(((place[node.id], 0, 0), _difference("added", node, "", node.id)))
        last = -1
        for at, node in enumerate(self.before.nodes):
            if node.kind == "op" and node.id in partner:
                last = place[partner[node.id]]
            elif node.kind == "op":
                found.append(((last, 1, at), _difference("removed", node, node.id, "")))
        return [difference for _, difference in sorted(found, key=lambda entry: entry[0])]

    def _changes(self, a: NodeView, b: NodeView, old: _Sources, new: _Sources) -> list[Change]:
        changes = []
        for name in dict.fromkeys([*a.params, *b.params]):
            changes += _said(name, a.params.get(name, "none"), b.params.get(name, "none"))
        changes += old.changes(a, new, b)
        if len(a.outputs) != len(b.outputs):
            changes += _said("outputs", str(len(a.outputs)), str(len(b.outputs)))
        for x, y in zip(a.outputs, b.outputs, strict=False):
            changes += self._output(x, y, f" of {y.name}" if len(b.outputs) > 1 else "")
        return changes

    def _output(self, a: OutputView, b: OutputView, of: str) -> list[Change]:
        return [
            *_said(f"shape{of}", sizes(a.shape), sizes(b.shape)),
            *_said(f"dtype{of}", a.dtype, b.dtype),
            *self._size(f"value{of}", a.value, b.value),
            *self._size(f"gradient{of}", a.gradient, b.gradient),
            *self._size(f".grad{of}", a.grad, b.grad),
        ]

    def _size(self, what: str, a: Preview | None, b: Preview | None) -> list[Change]:
        """How the size of an array changed, if it changed much."""
        if a is None or b is None:
            if a is not b:
                self.alone[what.split(" of ")[0], "second" if a is None else "first"] += 1
            return []
        old, new, ratio = a.stats.rms, b.stats.rms, None
        if old is not None and new is not None:
            ratio = 1.0 if old == new else new / old if old else math.inf
        far = (old is None) != (new is None) or (
            ratio is not None and ratio != 1 and not 1 / self.factor < ratio < self.factor
        )
        odd = (a.stats.nans > 0, a.stats.infs > 0) != (b.stats.nans > 0, b.stats.infs > 0)
        return [Change(what, _size_of(a), _size_of(b), ratio)] if far or odd else []


class _Sources:
    """Where the inputs of a graph's operations come from, in words that can be compared with those of another graph."""

    def __init__(self, view: GraphView, partner: dict[str, str] | None) -> None:
        self.partner = partner  # {id of an operation: its id in the other graph}; None: ids are those already
        self.nodes = {node.id: node for node in view.nodes}
        self.edges: dict[str, dict[int, EdgeView]] = {}
        for edge in view.edges:
            self.edges.setdefault(edge.target, {})[edge.input] = edge

    def changes(self, node: NodeView, new: _Sources, other: NodeView) -> list[Change]:
        """Which inputs of an operation come from elsewhere than those of its partner in the other graph."""
        old_edges, new_edges = self.edges.get(node.id, {}), new.edges.get(other.id, {})
        changes = []
        for i in sorted({*old_edges, *new_edges}):
            a, b = old_edges.get(i), new_edges.get(i)
            if self._key(a) != new._key(b):
                name = next(edge.name for edge in (b, a) if edge is not None)
                changes.append(Change(f"{name} from", self._said(a), new._said(b)))
        return changes

    def _key(self, edge: EdgeView | None) -> Any:
        if edge is None:
            return None
        source = self.nodes[edge.source]
        if source.kind != "op":
            return source.kind, source.name, edge.differentiable
        same = source.id if self.partner is None else self.partner.get(source.id)
        return same, edge.output, edge.differentiable

    def _said(self, edge: EdgeView | None) -> str:
        if edge is None:
            return "none"
        source = self.nodes[edge.source]
        said = f"{source.name} ({source.id})" if source.kind == "op" else f"{source.kind} {source.name}"
        picked = f".{source.outputs[edge.output].name}" if len(source.outputs) > 1 else ""
        return said + picked + ("" if edge.differentiable or source.kind == "constant" else ", no gradient")


def _matched(before: Sequence[NodeView], after: Sequence[NodeView]) -> list[tuple[NodeView, NodeView]]:
    """The operations that belong together, module by module."""
    groups: dict[str, tuple[list[NodeView], list[NodeView]]] = {}
    for side, nodes in enumerate((before, after)):
        for node in nodes:
            if node.kind == "op":
                groups.setdefault(node.module, ([], []))[side].append(node)
    pairs = []
    for old, new in groups.values():
        names = [node.name for node in old], [node.name for node in new]
        exact = [_exact(node) for node in old], [_exact(node) for node in new]
        pairs += [(old[i], new[j]) for i, j in common_subsequence(*names, *exact)]
    return pairs


def _exact(node: NodeView) -> Any:
    """What two operations have in common if nothing about them changed."""
    return node.name, node.hyper, tuple((output.shape, output.dtype) for output in node.outputs)


def _by_name(tensors: Sequence[TensorView]) -> dict[tuple[str, str, int], TensorView]:
    """Leaves by kind, name, and which of this name it is."""
    seen: Counter[tuple[str, str]] = Counter()
    found = {}
    for tensor in tensors:
        found[tensor.kind, tensor.name, seen[tensor.kind, tensor.name]] = tensor
        seen[tensor.kind, tensor.name] += 1
    return found


def _difference(
    kind: Literal["added", "removed", "changed"],
    node: NodeView,
    before: str,
    after: str,
    changes: Sequence[Change] = (),
) -> Difference:
    return Difference(kind, "op", node.name, node.module, before, after, tuple(changes))


def _said(what: str, before: str, after: str) -> list[Change]:
    return [] if before == after else [Change(what, before, after)]


def _size_of(preview: Preview) -> str:
    stats = preview.stats
    odd = [f"{count} {name}" for count, name in ((stats.nans, "nan"), (stats.infs, "inf")) if count]
    return ", ".join([f"rms {number(stats.rms)}", *odd])
