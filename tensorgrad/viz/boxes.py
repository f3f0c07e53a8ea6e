"""From a captured box to its card: an operation with its parameters, a leaf, a tensor."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

from . import costs
from .colours import SCALES
from .flags import Flags
from .index import Index
from .options import Options
from .parts import EdgeView, NodeView, Preview, Shape, TensorView
from .pieces import (
    Line,
    leaf_in_words,
    packed,
    shape_spans,
    shape_text,
    size_in_words,
    sizes_in_words,
    strip,
    text_line,
    told,
)
from .scene import Card, CardKind, Chip
from .words import plain

LEAVES: dict[str, CardKind] = {"input": "input", "parameter": "parameter"}  # others are constants
HOOKED = "changed by a hook"
FORGOTTEN = "keeps arrays of unknown size"
NAMES = 8  # of one result that are said
DECADES = 6  # a gradient that is so many powers of ten weaker than the strongest has the thinnest arrow


class Boxes:
    """Makes cards of single boxes; groups.py makes those of several."""

    def __init__(self, index: Index, options: Options, backward: bool) -> None:
        self.index, self.options, self.backward = index, options, backward
        self.flags = Flags(index, options)
        self._named: Counter[str] = Counter()

    def operation(self, node: NodeView, frame: str) -> Card:
        """An operation with the outputs that it makes and the parameters that it uses.

        In the view "tensor" both have cards of their own.
        """
        index, alone = self.index, self.options.view == "tensor"
        shown = [] if alone else index.shown_outputs(node)
        outputs = [node.outputs[i] for i in shown]
        lines: list[Line] = told(node.hyper) if node.hyper else []
        for output in outputs:
            name = plain(output.label, 40) or (output.name if len(shown) > 1 else "")
            lines.append((*(text_line(f"{name} ") if name else ()), *shape_spans(output, self._main_input(node))))
        parameters = [] if alone else index.parameters_of(node.id)
        lines += packed(costs.in_words(costs.values_in(index, parameters), costs.work_of(index, node)))
        asked = {result.output for result in index.results.get(node.id, ()) if result.text}
        words: list[str] = []
        for i, output in zip(shown, outputs, strict=True):
            words += sizes_in_words(output, index.view.recorded and i not in asked)
        words += ["recomputed on the way back"] * node.recomputed
        words += [FORGOTTEN] * index.forgotten([node])
        docked = [edge for edge in index.into(node.id) if not alone and index.docked(index.nodes[edge.source])]
        card = Card(
            node.id,
            "op",
            node.category,
            plain(node.name, 40),
            ("gradient of " * node.order if node.module else "") + plain(node.module, 60),
            tuple(lines),
            tuple(self._chip(edge) for edge in docked),
            strip([output.value for output in outputs]),
            strip([output.gradient or output.grad for output in outputs]),
            index.saved_bytes(node),
            self.flags.of(node),
            "" if alone else self.result(node),
            frame=frame,
            sizes=tuple(words),
        )
        kept = ", ".join(saved.name for saved in node.saved)
        how = "recomputed" if node.recomputed else "kept" if node.freed else "keeps"
        said = f"{how} for the way back: {plain(kept)}" if kept else ""
        return with_tip(card, plain(index.types.get(node.module, "")), said, node.line)

    def leaf(self, node: NodeView, frame: str, merged: bool = False) -> Card:
        """An input, a constant or a parameter; `merged` if the card is that of all its uses in a group."""
        if node.kind == "constant":
            name = plain(node.name, 60)
            return Card(node.id, "constant", node.category, name, result=self.result(node), tip=name, frame=frame)
        tensor = self.index.tensors.get(node.tensor)
        use = ""
        if node.uses > 1:
            use = f" ({node.uses} uses)" if merged else f" (use {node.use} of {node.uses})"
        lines: tuple[Line, ...] = ()
        if tensor is not None:
            frozen = "frozen " if node.kind == "parameter" and not tensor.requires_grad else ""
            lines = (text_line(f"{frozen}{node.kind} {shape_text(node.outputs[0])}"),)
        card = Card(
            node.id,
            LEAVES.get(node.kind, "constant"),
            node.category,
            plain(node.name, 60) + use,
            "",
            lines,
            (),
            strip([tensor.value]) if tensor is not None else None,
            strip([tensor.grad]) if tensor is not None else None,
            0,
            self.flags.of(node) if tensor is not None else (),
            self.result(node),
            frame=frame,
            sizes=(*leaf_in_words(tensor.value, tensor.grad), *_hooked(tensor)) if tensor is not None else (),
        )
        return with_tip(card)

    def tensor(self, node: NodeView, i: int, frame: str) -> Card:
        """An output of an operation, in the view "tensor"."""
        output = node.outputs[i]
        self._named[node.name] += 1
        count = self._named[node.name]
        asked = any(result.output == i and result.text for result in self.index.results.get(node.id, ()))
        card = Card(
            f"{node.id}_{i}",
            "tensor",
            "tensor",
            plain(output.label, 40) or plain(node.name, 40) + (f"_{count}" if count > 1 else ""),
            output.name if len(node.outputs) > 1 else "",
            (shape_spans(output, self._main_input(node)),),
            (),
            strip([output.value]),
            strip([output.gradient or output.grad]),
            result=self.result(node, i),
            frame=frame,
            sizes=tuple(sizes_in_words(output, self.index.view.recorded and not asked)),
        )
        return with_tip(card)

    def result(self, node: NodeView, output: int | None = None) -> str:
        """ "loss = 2.31" where it was asked for."""
        results = [r for r in self.index.results.get(node.id, ()) if output is None or r.output == output]
        said = [f"{plain(r.name)} = {r.text}" if r.text else plain(r.name) for r in results[:NAMES]]
        return ", ".join(said) + (f" and {len(results) - NAMES:,} more" if len(results) > NAMES else "")

    def share_in_words(self, edge: EdgeView) -> str:
        """What goes back along an edge, where it is not all that arrives at the other end."""
        if edge.gradient is None:
            return "no gradient" if self.index.nodes[edge.target].steps else ""
        several = self.index.nodes[edge.source].uses > 1 or self.index.branches(edge.source, edge.output)
        return size_in_words(edge.gradient.stats) if several else ""

    def weight_of(self, edge: EdgeView) -> float:
        """How strong what goes back along an edge is; one half where that was not recorded."""
        if edge.gradient is None and not self.index.nodes[edge.target].steps:
            return 0.5
        return self.weight(edge.gradient)

    def weight(self, gradient: Preview | None) -> float:
        """How strong a gradient is beside the strongest, 0 to 1."""
        rms = gradient.stats.rms if gradient is not None else None
        if not rms or not self.index.strongest:
            return 0.0
        return min(max(1 + math.log10(rms / self.index.strongest) / DECADES, 0.0), 1.0)

    def _chip(self, edge: EdgeView) -> Chip:
        node = self.index.nodes[edge.source]
        tensor = self.index.tensors.get(node.tensor)
        share, grad = edge.gradient, tensor.grad if tensor is not None else None
        hooked = tensor.hooked if tensor is not None and node.uses <= 1 else None
        came = hooked or share
        last = came is not None and grad is not None and node.uses <= 1 and came.stats.rms != grad.stats.rms
        words = [*leaf_in_words(tensor.value, tensor.grad), *_hooked(tensor)] if tensor is not None else []
        arrives = self.backward and self.index.carries(edge)
        label = self.share_in_words(edge) if arrives else ""
        if (last or hooked is not None) and share is not None and arrives:
            label = size_in_words(share.stats)
        name, shape = plain(node.name, 60), shape_text(node.outputs[0])
        use = f"use {node.use} of {node.uses}" if node.uses > 1 else ""
        trainable = tensor is None or tensor.requires_grad
        detached = trainable and not edge.differentiable
        cut = detached and self.index.trained
        gradient = came or (None if cut else grad)
        which = "before the hook" if hooked is not None else "last pass" if last else "this use"
        state = "detached" if cut else "" if trainable else "frozen"
        said = [name, use, state, shape, *words, f"{which}: {label}" if label else ""]
        return Chip(
            name,
            shape,
            trainable,
            use,
            gradient.stats.rms if gradient is not None else None,
            node.id,
            detached,
            arrives,
            self.weight_of(edge),
            label,
            tuple(words),
            "; ".join(filter(None, said)),
            last,
            cut,
        )

    def _main_input(self, node: NodeView) -> Shape | None:
        """The shape that an output's is compared with: that of the first input that is not a parameter or a number."""
        for edge in self.index.into(node.id):
            source = self.index.nodes[edge.source]
            if source.kind not in ("parameter", "constant"):
                return source.outputs[edge.output].shape
        return None


def filled(options: Options, card: Card) -> Card:
    """The card in the colour that a number gives it; as it is where colours tell the kind."""
    if options.color == "kind" or card.kind == "constant":
        return card
    scale, grey = SCALES[options.color], options.theme == "print"
    if options.color == "memory":
        return replace(card, fill=scale.fill(float(card.saved) if card.kind in ("op", "module") else None, grey))
    band = card.value if options.color == "value" else card.gradient
    return replace(card, fill=scale.fill(band.high if band else None, grey), odd=band is not None and band.odd)


def with_tip(card: Card, *more: str) -> Card:
    """The card with all of it in words."""
    lines = ["".join(text for text, _ in line) for line in card.lines]
    kept = f"{costs.size_in_bytes(card.saved)} for the way back" if card.saved else ""
    said = [card.title, card.place, *lines, *card.sizes, kept, *card.flags, card.result, *more]
    return replace(card, tip="; ".join(filter(None, said)))


def _hooked(tensor: TensorView) -> list[str]:
    """What a hook of a leaf made of its gradient."""
    return [] if tensor.hooked is None else [f"{HOOKED} to {size_in_words(tensor.hooked.stats)}"]
