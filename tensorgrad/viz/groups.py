"""The card of a group: a closed module, equal blocks, a run of operations. It says what it hides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from . import costs
from .boxes import FORGOTTEN, Boxes, with_tip
from .collapse import Group
from .flags import merged
from .index import Index
from .measure import TEXT, WIDEST, text_width
from .parts import EdgeView, NodeView
from .pieces import Line, band_in_words, packed, shape_text, strip, text_line
from .scene import Card
from .tree import TIMES
from .words import plain

NAMED = 4  # so many shapes, or kinds of operations, are told


def group_card(index: Index, boxes: Boxes, group: Group, frame: str) -> Card:
    """One card for the group's operations; a module of one operation shows that, under the module's name."""
    ops = index.ops[group.first : group.last + 1]
    if group.size == 1:
        part = group.parts[0]
        inside = boxes.operation(ops[0], frame)
        title = part.named(plain(part.path, 60))
        titled = replace(inside, id=group.id, kind="module", title=title, place=plain(part.type), tip="")
        same = inside.title.replace("_", "").lower() == part.type.lower()
        named = () if same else (text_line(inside.title),)
        return with_tip(replace(titled, lines=(*named, *inside.lines)), ops[0].line)
    parameters = [tensor for node in ops for tensor in index.parameters_of(node.id)]
    work = sum(costs.work_of(index, node) for node in ops)
    outputs = [node.outputs[i] for node in ops for i in index.shown_outputs(node)]
    hidden = f"{len(ops):,} ops" if group.kind != "run" else _kinds(ops)
    lines: list[Line] = packed([hidden, *costs.in_words(costs.values_in(index, parameters), work)])
    if group.kind == "alike":
        lines.insert(0, text_line(f"{plain(group.parts[0].path, 60)} … +{len(group.parts) - 1} more"))
    lines += [text_line(shapes) for shapes in _from_to(index, ops)]
    results = [boxes.result(node) for node in ops]
    title, place = _title(group, ops)
    card = Card(
        group.id,
        "module",
        "module",
        title,
        place,
        tuple(lines),
        (),
        strip([output.value for output in outputs]),
        strip([output.gradient or output.grad for output in outputs]),
        index.held_by(ops),
        merged(flag for node in ops for flag in boxes.flags.of(node)),
        ", ".join(filter(None, results)),
        True,
        frame=frame,
    )
    bands = [("value", card.value), ("gradient", card.gradient)]
    words = [f"{what} {band_in_words(band)}" for what, band in bands if band is not None]
    words += [FORGOTTEN] * index.forgotten(ops)
    return with_tip(replace(card, sizes=tuple(words)))


def _title(group: Group, ops: list[NodeView]) -> tuple[str, str]:
    """What a group is called, and of which class it is."""
    if group.kind == "run":
        path = group.parent.path if group.parent is not None else ""
        return f"{len(ops):,} operations", plain(path, 60)
    part = group.parts[0]
    if group.kind == "alike":
        around = f"{plain(part.parent.path, 60)} · " if part.parent is not None else ""
        again = f" {TIMES}{part.times}" if part.times > 1 and len({one.times for one in group.parts}) == 1 else ""
        return f"{'gradient of ' * part.order}{around}{len(group.parts)} blocks alike{again}", plain(part.type)
    return part.named(plain(part.path, 60)), plain(part.type)


def _kinds(ops: list[NodeView]) -> str:
    """ "100 mul, 100 add": what a run is made of, the most frequent first."""
    counts = sorted(Counter(node.name for node in ops).items(), key=lambda item: (-item[1], item[0]))
    said = ", ".join(f"{count:,} {plain(name, 40)}" for name, count in counts[:NAMED])
    return said + (f" and {len(counts) - NAMED} more kinds" if len(counts) > NAMED else "")


def _from_to(index: Index, ops: list[NodeView]) -> list[str]:
    """The shapes of what comes in from other operations and inputs, and of what goes out, in a line or two."""
    first, last = index.number[ops[0].id], index.number[ops[-1].id]

    def hidden(node: str) -> bool:
        return first <= index.number.get(node, -1) <= last

    into = (edge for node in ops for edge in index.into(node.id) if not hidden(edge.source))
    into = (edge for edge in into if index.nodes[edge.source].kind in ("op", "input"))
    out = [edge for node in ops for edge in index.out_of(node.id) if not hidden(edge.target)]
    asked = [
        shape_text(node.outputs[result.output])
        for node in ops
        for result in index.results.get(node.id, ())
        if not any((edge.source, edge.output) == (node.id, result.output) for edge in out)
    ]
    ends = [shapes for shapes in (_shapes(index, into), [*_shapes(index, out), *asked]) if shapes]
    for count in range(NAMED, 0, -1):
        line = " → ".join(_listed(shapes, count) for shapes in ends)
        if text_width(line, TEXT) <= WIDEST:
            return [line] if line else []
    lines = [_listed(shapes, 1) for shapes in ends]
    return [*(f"{line} →" for line in lines[:-1]), *lines[-1:]]


def _shapes(index: Index, edges: Iterable[EdgeView]) -> list[str]:
    """The shapes of values, each value once."""
    values = dict.fromkeys((edge.source, edge.output) for edge in edges)
    return [shape_text(index.nodes[source].outputs[output]) for source, output in values]


def _listed(shapes: list[str], count: int) -> str:
    """So many shapes, and how many there are besides."""
    return ", ".join(shapes[:count]) + (f" and {len(shapes) - count} more" if len(shapes) > count else "")
