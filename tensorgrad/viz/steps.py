"""The backward walk one step at a time: what arrived at each operation, what it sent back, and how that adds up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, overload

import numpy as np

from ..errors import DTypeError
from ..graph import _seeds, walk
from ..modes import Observer, observing
from ..node import Array, Node, TensorBase, source_of
from ..tensor import Tensor
from .arguments import said, whole, whole_or_none
from .behind import nodes_behind
from .capture import capture
from .parts import NodeView, Preview
from .preview import cost_of, preview_of
from .text import rms_in_words
from .view import GraphView
from .words import sizes

PRINTED = 100  # steps that `print` shows


@dataclass(frozen=True, slots=True, repr=False)
class Contribution:
    """The gradient that a step gives to one input of its operation, and the sum of what has arrived there by then."""

    name: str  # the operation's name for that input, such as "weight"
    input: int  # its position
    target: NodeView  # the box that the gradient goes to: an operation, a parameter or an input
    output: int  # to which output of that box
    share: Preview
    total: Preview  # the sum of all that has arrived there, this share included; complete if `number` is `count`
    number: int  # this is contribution 1 ...
    count: int  # ... of 2 that arrive there in the whole walk; a seed counts as the first

    @property
    def array(self) -> Array | None:
        """All values of the share, if they were kept."""
        return self.share.exact

    @property
    def place(self) -> tuple[str, int]:
        """Where it arrives: contributions with equal places are added up, also where a parameter has several boxes."""
        return self.target.tensor or self.target.id, self.output

    @property
    def goes_to(self) -> str:
        """The target in words: a leaf's name, or an operation with the id of its box."""
        if self.target.kind != "op":
            return self.target.name
        several = f".{self.target.outputs[self.output].name}" if len(self.target.outputs) > 1 else ""
        return f"{self.target.name} {self.target.id}{several}"

    def __repr__(self) -> str:
        said = f"{self.name} -> {self.goes_to} rms {_rms(self.share)}"
        if self.count > 1:
            said += f" (contribution {self.number} of {self.count}, sum rms {_rms(self.total)})"
        return f"<{said}>"


@dataclass(frozen=True, slots=True, repr=False)
class BackwardStep:
    """The walk at one operation. `print(step)` shows a table, its repr is one line."""

    index: int  # from 0
    count: int  # of all steps
    node: NodeView  # the operation: its name, module, line, hyper-parameters, shapes
    cotangents: tuple[Preview | None, ...]  # the complete gradient of each output, as hooks left it; None: no gradient
    contributions: tuple[Contribution, ...]  # in the order in which they were added

    @property
    def cotangent(self) -> Array | None:
        """All values of the gradient of the first output, if there is one and they were kept."""
        first = self.cotangents[0]
        return None if first is None else first.exact

    def to_text(self) -> str:
        """The step as a table: what arrived, and a line for each contribution."""
        node = self.node
        lines = [f"{self._title()}{f', {node.hyper}' if node.hyper else ''}"]
        for output, cotangent in zip(node.outputs, self.cotangents, strict=True):
            said = "no gradient" if cotangent is None else _sizes_of(cotangent)
            lines.append(f"  gradient of {output.name}: {said}")
        rows = [("input", "goes to", "shape", "rms", "contribution", "rms of the sum")] if self.contributions else []
        for c in self.contributions:
            shape, order = sizes(c.share.stats.shape), f"{c.number} of {c.count}"
            rows.append((c.name, c.goes_to, shape, _rms(c.share), order, _rms(c.total)))
        widths = [max(len(row[i]) for row in rows) for i in range(6)] if rows else []
        for row in rows:
            cells = [text.ljust(width) for text, width in zip(row, widths, strict=True)]
            lines.append("  " + "  ".join(cells).rstrip())
        return "\n".join(lines)

    def _title(self) -> str:
        module = f" in {self.node.module}" if self.node.module else ""
        line = f" ({self.node.line})" if self.node.line else ""
        return f"step {self.index + 1} of {self.count}: {self.node.name} {self.node.id}{module}{line}"

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        arrived = next((cotangent for cotangent in self.cotangents if cotangent is not None), None)
        got = f"received {_sizes_of(arrived)}" if arrived is not None else "received nothing"
        sent = ", ".join(repr(c)[1:-1] for c in self.contributions) or "nothing"
        return f"<{self._title()} {got}, sends {sent}>"


class BackwardSteps(Sequence[BackwardStep]):
    """What `backward_steps` gives: the steps in the order of the walk, to be gone through as often as wanted."""

    def __init__(
        self, steps: Sequence[BackwardStep], view: GraphView, lost: int, hooked: Mapping[str, Preview] | None = None
    ) -> None:
        self._steps = tuple(steps)
        self.graph = view
        """The graph that was walked; the steps' boxes are those of this view."""
        self.lost = lost
        """How many arrays were kept as sizes only, because `max_bytes` were used up."""
        self.hooked = dict(hooked or {})
        """By the names of leaves with hooks: the gradient as these left it. The contributions add up to it before."""

    def __len__(self) -> int:
        return len(self._steps)

    @overload
    def __getitem__(self, index: int) -> BackwardStep: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[BackwardStep, ...]: ...

    def __getitem__(self, index: int | slice) -> BackwardStep | tuple[BackwardStep, ...]:
        return self._steps[index]

    def __iter__(self) -> Iterator[BackwardStep]:
        return iter(self._steps)

    def to_text(self, limit: int | None = None) -> str:
        """A line for each step; at most `limit` of them."""
        limit = whole_or_none("to_text", "limit", limit)
        lines = [repr(self)[1:-1], *(f"  {repr(step)[1:-1]}" for step in self._steps[:limit])]
        if limit is not None and limit < len(self._steps):
            lines.append(f"  ... {len(self._steps) - limit} more")
        for name, hooked in self.hooked.items():
            lines.append(f"note: the gradient of {name} was changed by a hook to {_sizes_of(hooked)}")
        if self.lost:
            lines.append(f"note: of {self.lost} arrays only the sizes were kept, to save memory")
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.to_text(PRINTED)

    def __repr__(self) -> str:
        return f"<{len(self)} backward step{'s' * (len(self) != 1)} through {self.graph.title}>"


def backward_steps(
    loss: Any,
    gradient: Any = None,
    retain_graph: bool | None = True,
    *,
    model: Any = None,
    inputs: Mapping[str, Any] | None = None,
    max_cells: int = 8192,
    max_bytes: int = 64_000_000,
) -> BackwardSteps:
    """Walk back from a tensor as `loss.backward(gradient)` does, and tell of each operation what happened there.

        for step in tg.viz.backward_steps(loss, model=net):
            print(step)

    This is the engine's own walk, looked at: it is done once, in this call, and its steps are gone through afterwards.
    **No `.grad` is changed**, and the graph can be used again unless `retain_graph` is False, which frees it as
    `backward` would. Hooks of tensors are called, as in every walk, and what they return is what is passed on.

    Of each array with up to `max_cells` values all values are kept, of a larger one its sizes and a reduced copy; after
    about `max_bytes`, the sizes only. `loss` may be a list of tensors, with a list of their gradients. `model` and
    `inputs` name parameters and inputs as in `graph`. Errors are those of `backward`.
    """
    if not isinstance(loss, (Tensor, list, tuple)):
        raise DTypeError(f"backward_steps: expected a tensor, or a list of tensors, got {type(loss).__name__}")
    roots = [loss] if isinstance(loss, TensorBase) else list(loss)
    for place, root in enumerate(roots, 1):
        if not isinstance(root, Tensor):
            raise DTypeError(f"backward_steps: tensor {place} of the list is a {type(root).__name__}, not a tensor")
    single = isinstance(loss, TensorBase) and gradient is not None
    if not single and not isinstance(gradient, (list, tuple, type(None))):
        raise DTypeError(f"backward_steps: several tensors take a list of gradients, got {said(gradient)}")
    if not isinstance(retain_graph, (bool, type(None))):
        raise DTypeError(f"backward_steps: retain_graph must be None, True or False, got {said(retain_graph)}")
    max_cells = whole("backward_steps", "max_cells", max_cells)
    max_bytes = whole("backward_steps", "max_bytes", max_bytes)
    seeds = _seeds("backward", roots, [gradient] if single else gradient, create_graph=False)
    view = capture("backward_steps", roots, model, inputs)  # before the walk, which may free what names are found by
    notes = _Notes(max_cells, max_bytes)
    for root, seed in zip(roots, seeds, strict=True):
        notes.arrive(source_of(root), seed)
    with observing(notes):
        walk(roots, seeds, retain_graph=bool(retain_graph))

    boxes = {box.id: box for box in view.nodes}
    operations = [box for box in view.nodes if box.kind == "op"]
    box_of = dict(zip(nodes_behind(roots), operations, strict=True))
    edges = {(edge.target, edge.input): edge for edge in view.edges}
    steps = []
    hooked: dict[str, Preview] = {}
    for index, visit in enumerate(notes.visits):
        node, contributions = box_of[visit.node], []
        for share in visit.shares:
            source = visit.node.source(share.input)
            edge, count = edges[node.id, share.input], notes.counts[source]
            if source in notes.hooked:
                hooked[boxes[edge.source].name] = notes.hooked[source]
            contributions.append(
                Contribution(
                    *(edge.name, share.input, boxes[edge.source], edge.output),
                    *(share.share, share.total, share.number, count),
                )
            )
        steps.append(BackwardStep(index, len(notes.visits), node, visit.cotangents, tuple(contributions)))
    return BackwardSteps(steps, view, notes.lost, hooked)


class _Share(NamedTuple):
    input: int
    share: Preview
    total: Preview
    number: int


class _Visit(NamedTuple):
    node: Node
    cotangents: tuple[Preview | None, ...]
    shares: list[_Share]


class _Total(NamedTuple):
    array: Array
    preview: Preview


class _Notes(Observer):
    """Takes notes of one walk. Arrays are held only while more may arrive where they did, as the walk itself does."""

    def __init__(self, max_cells: int, max_bytes: int) -> None:
        self.max_cells, self.room, self.lost = max_cells, max_bytes, 0
        self.visits: list[_Visit] = []
        self.hooked: dict[Any, Preview] = {}  # of leaves with hooks, what these made of the sum
        self.counts: dict[Any, int] = {}  # for each source how many contributions have arrived
        self.totals: dict[Any, _Total] = {}  # for each source that is not complete yet, their sum

    def arrive(self, source: Any, array: Array) -> tuple[Preview, Preview]:
        """Something arrives at a source: previews of it, and of the sum, which is added up in the walk's order."""
        self.counts[source] = self.counts.get(source, 0) + 1
        share = total = self._preview(array)
        before = self.totals.get(source)
        if before is not None:
            array = np.asarray(before.array + array)
            total = self._preview(array)
        self.totals[source] = _Total(array, total)
        return share, total

    def visited(self, node: Node, cotangents: Sequence[Any]) -> None:
        """A step begins."""
        previews: list[Preview | None] = []
        for output, cotangent in enumerate(cotangents):
            total = self.totals.pop((node, output) if output else node, None)
            if total is not None and not node.hooks:
                previews.append(total.preview)
            else:
                previews.append(None if cotangent is None else self._preview(cotangent))
        self.visits.append(_Visit(node, tuple(previews), []))

    def contributed(self, node: Node, number: int, cotangent: Any) -> None:
        """The step sends something back."""
        if cotangent is not None:
            source = node.source(number)
            share, total = self.arrive(source, cotangent)
            self.visits[-1].shares.append(_Share(number, share, total, self.counts[source]))

    def finished(self, leaf: TensorBase, cotangent: Any) -> None:
        """Nothing more arrives at a leaf."""
        self.totals.pop(leaf, None)
        if leaf._hooks and cotangent is not None:
            self.hooked[leaf] = self._preview(cotangent)

    def _preview(self, array: Any) -> Preview:
        preview = preview_of(array, self.max_cells if self.room > 0 else 0)
        self.lost += preview.picture is None
        self.room -= cost_of(preview)
        return preview


def _rms(preview: Preview) -> str:
    return rms_in_words(preview.stats)


def _sizes_of(preview: Preview) -> str:
    return f"{sizes(preview.stats.shape)} rms {_rms(preview)}"
