"""From a captured graph to a scene: what a picture of it shows."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from . import costs
from .boxes import Boxes, filled
from .collapse import LIMIT, Collapse, Group
from .groups import group_card
from .index import Index
from .keys import keys_of
from .options import Options
from .parts import EdgeView, NodeView
from .scene import Arrow, ArrowKind, Card, Frame, Scene
from .tree import Part
from .words import plain

if TYPE_CHECKING:
    from .view import GraphView


def compose(view: GraphView, options: Options, limit: int | None = LIMIT, caller: str = "compose") -> Scene:
    """The scene of a view. Above `limit` cards it is collapsed without being asked, and says so in a note.

    Errors begin with the caller's name.
    """
    return _Composer(view, options, limit, caller).scene()


@dataclass(slots=True)
class _Merged:
    """Arrows of one kind between the same two cards, while they are collected."""

    weight: float
    labels: list[str]
    tips: list[str]


class _Composer:
    def __init__(self, view: GraphView, options: Options, limit: int | None, caller: str) -> None:
        self.view, self.options = view, options
        self.backward = view.has_gradients if options.backward is None else options.backward
        self.index = Index(view)
        self.collapse = Collapse(self.index, options, limit, caller)
        self.options = options = self.collapse.options  # a view that is too large for what was asked
        self.boxes = Boxes(self.index, options, self.backward)
        self.frames: dict[Part, Frame] = {}
        self.arrows: dict[tuple[object, ...], _Merged] = {}

    def scene(self) -> Scene:
        self._make_frames()
        cards = self._make_cards()
        for edge in self.view.edges:
            self._add_edge(edge)
        arrows = tuple(
            Arrow(str(key[0]), str(key[1]), _kind(key[2]), _one(m.labels), m.weight, "; ".join(m.tips[:4]))
            for key, m in self.arrows.items()
        )
        scene = Scene(
            plain(self.view.title),
            self._description(),
            self.options.direction,
            self.options.theme,
            tuple(filled(self.options, card) for card in cards),
            arrows,
            tuple(self.frames.values()),
            self._sums(),
            notes=(*(plain(note, 120) for note in self.view.notes), *self.collapse.notes),
        )
        return replace(scene, legend=keys_of(scene, self.options)) if self.options.legend else scene

    # Frames

    def _make_frames(self) -> None:
        """A frame for each open module with several cards: around one it would say no more than a line."""
        held: dict[Part, int] = {}
        seen: Group | None = None
        for number, group in enumerate(self.collapse.at):
            if group is not None and group is seen:
                continue
            seen = group
            part = group.parent if group is not None else self.collapse.tree.around[number]
            while part is not None:
                held[part] = held.get(part, 0) + 1
                part = part.parent
        for part in self.collapse.tree.parts:
            if held.get(part, 0) > 1:
                around = self._frame(part.parent)
                self.frames[part] = Frame(f"f{len(self.frames)}", plain(part.title, 80), around)

    def _frame(self, part: Part | None) -> str:
        """The id of the innermost frame around what stands in a part."""
        while part is not None:
            if part in self.frames:
                return self.frames[part].id
            part = part.parent
        return ""

    # Cards

    def _make_cards(self) -> list[Card]:
        """In the order in which things ran, each after what it is fed by."""
        cards: list[Card] = []
        outputs: list[tuple[NodeView, int]] = []
        for node in self.view.nodes:
            if node.kind != "op":
                if self.collapse.leaf_card(node) == node.id:
                    merged = node.uses > 1 and self._stands_for_all(node)
                    cards.append(self.boxes.leaf(node, self._frame(self.collapse.part_of(node)), merged))
                continue
            group = self.collapse.group_of(node.id)
            outputs += [(node, i) for i in self.collapse.tensor_cards(node)]
            if group is not None and self.index.number[node.id] < group.last:
                continue  # a leaf that feeds a later operation of the group still comes before its card
            frame = self._frame(self.collapse.part_of(node) if group is None else group.parent)
            if group is None:
                cards.append(self.boxes.operation(node, frame))
            else:
                cards.append(group_card(self.index, self.boxes, group, frame))
            for maker, i in outputs:
                cards.append(self.boxes.tensor(maker, i, frame))
                self._add_output(maker, i, self._card_of(maker))
            outputs.clear()
        return cards

    def _stands_for_all(self, leaf: NodeView) -> bool:
        """Whether a leaf's card is that of its other uses in a group too."""
        targets = self.index.out_of(leaf.id)
        return bool(targets) and self.collapse.group_of(targets[0].target) is not None

    def _card_of(self, node: NodeView) -> str:
        """The id of the card that shows a box, or "" if it is docked or inside of another."""
        if node.kind != "op":
            return self.collapse.leaf_card(node)
        group = self.collapse.group_of(node.id)
        return node.id if group is None else group.id

    # Arrows

    def _add_edge(self, edge: EdgeView) -> None:
        """The arrows for an edge: forward or detached, and backward; in the view "tensor" by way of the tensor."""
        source, target = self.index.nodes[edge.source], self.index.nodes[edge.target]
        start, end = self._card_of(source), self._card_of(target)
        if not start or start == end:
            return
        output = source.outputs[edge.output]
        name = output.name if len(self.index.shown_outputs(source)) > 1 else ""
        # Between single cards there is an arrow for each edge, also where several join the same two.
        key: object = (edge.target, edge.input) if start == source.id and end == target.id else ""
        if self.options.view == "tensor" and source.kind == "op":
            start, name, key = f"{source.id}_{edge.output}", "", (edge.target, edge.input) if end == target.id else ""
        if edge.differentiable:
            self._add(start, end, "forward", key, name, edge.name)
            if self.backward and self.index.carries(edge):
                label = self.boxes.share_in_words(edge)
                tip = f"gradient of {edge.name}" + (f": {label}" if label else "")
                self._add(end, start, "backward", key, label, tip, self.boxes.weight_of(edge))
        else:
            stopped = source.kind == "op" and output.dtype.startswith("float") and self.index.tracked(source.id)
            self._add(start, end, "detached", key, "detached" if stopped else name, edge.name)

    def _add_output(self, node: NodeView, i: int, card: str) -> None:
        """The arrows between an operation and a tensor that it makes, in the view "tensor"."""
        ways = [edge.differentiable for edge in self.index.out_of(node.id) if edge.output == i]
        wanted = any(edge.differentiable for edge in self.index.into(node.id)) and (any(ways) or not ways)
        self._add(card, f"{node.id}_{i}", "forward" if wanted else "detached", "")
        if wanted and self.backward and not self.index.left_out(node):
            weight = self.boxes.weight(node.outputs[i].gradient) if node.steps else 0.5
            self._add(f"{node.id}_{i}", card, "backward", "", weight=weight)

    def _add(
        self, source: str, target: str, kind: ArrowKind, key: object, label: str = "", tip: str = "", weight: float = 0
    ) -> None:
        merged = self.arrows.setdefault((source, target, kind, key), _Merged(0.0, [], []))
        merged.weight = max(merged.weight, weight)
        merged.labels.append(label)
        if tip and tip not in merged.tips[:4]:
            merged.tips.append(tip)

    def _sums(self) -> tuple[str, ...]:
        """The cards where several gradients of the same value meet, and are added."""
        if not self.backward:
            return ()
        found: dict[str, None] = {}
        for node in self.view.nodes:
            start = self._card_of(node)
            ways: dict[int, list[object]] = {}
            for edge in self.index.out_of(node.id) if start else ():
                end = self._card_of(self.index.nodes[edge.target])
                if self.index.adds(edge) and end != start:
                    ways.setdefault(edge.output, []).append((edge.target, edge.input) if end == edge.target else end)
            for output, ends in ways.items():
                if len(dict.fromkeys(ends)) > 1:
                    between = self.options.view == "tensor" and node.kind == "op"
                    found[f"{node.id}_{output}" if between else start] = None
        return tuple(found)

    def _description(self) -> str:
        tensors = self.view.tensors
        values = sum(math.prod(tensor.shape) for tensor in tensors if tensor.kind == "parameter")
        work = sum(costs.work_of(self.index, node) for node in self.index.ops)
        said = self.view.count() + (f" with {values:,} values" if values else "")
        said += f", {work:,} multiply-adds" if work else ""
        results = [f"{plain(r.name)} = {r.text}" for r in self.view.results if r.text]
        return said + (f"; {', '.join(results[:4])}" if results else "")


def _kind(value: object) -> ArrowKind:
    kinds: dict[object, ArrowKind] = {"forward": "forward", "backward": "backward", "detached": "detached"}
    return kinds[value]


def _one(labels: list[str]) -> str:
    """The label of arrows that became one: there is none that is true of several."""
    return labels[0] if len(dict.fromkeys(labels)) == 1 else ""
