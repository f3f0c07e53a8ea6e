"""A scene in DOT, Graphviz's language, as text: the same text for the same scene, on every machine."""

from __future__ import annotations

from typing import NamedTuple

from .costs import size_in_bytes
from .kinds import LOOKS
from .scene import Arrow, ArrowKind, Card, Chip, Frame, Scene
from .words import isolated

LEFT = "\\l"
TEXT_BYTES = 12_000  # of a label or tooltip: Graphviz reads no string above 16,384
LINE = 2_000  # characters of one line, which escapes make up to five times as long
FONT = 'fontname="Helvetica,Arial,sans-serif"'


class Paint(NamedTuple):
    """The colours that do not depend on what a card is about."""

    page: str  # empty: none
    text: str
    frame: str
    forward: str
    backward: str
    detached: str
    plain: bool  # cards are white and black, so that a copy in black and white loses nothing


PAINTS = {
    "light": Paint("", "#334155", "#94a3b8", "#475569", "#c2410c", "#9ca3af", False),
    "dark": Paint("#0f172a", "#e2e8f0", "#64748b", "#cbd5e1", "#fb923c", "#94a3b8", False),
    "print": Paint("#ffffff", "#000000", "#555555", "#000000", "#000000", "#555555", True),
}


def to_dot(scene: Scene) -> str:
    """A scene as a named digraph. Labels are plain text with line breaks, which every engine draws alike.

    Parameters, docked to their card in our own pictures, are boxes of their own here, with the arrows that lead to
    them. Nothing of the user's is in an id; there are no links.
    """
    paint = PAINTS[scene.theme]
    page = f'bgcolor="{paint.page}", ' if paint.page else ""
    lines = [
        "digraph tensorgrad {",
        f'  graph [charset="UTF-8", rankdir={scene.direction}, newrank=true, nodesep=0.25, ranksep=0.35, fontsize=10, '
        f'{FONT}, fontcolor="{paint.text}", {page}labelloc=b, labeljust=l, ordering=in, '
        f"label={quoted(_caption(scene), LEFT)}];",
        f"  node [{FONT}, fontsize=10, height=0.3, width=0.5];",
        f'  edge [{FONT}, fontsize=9, color="{paint.forward}", fontcolor="{paint.forward}", arrowsize=0.7];',
    ]
    _boxes(lines, scene, paint)
    fed = {card.id for card in scene.cards if card.chips}
    kinds = {card.id: card.kind for card in scene.cards}
    for arrow in scene.arrows:
        # What runs one after the other stands in a straight line, with room between for the target's parameters.
        inner = arrow.kind == "forward" and kinds[arrow.source] in ("op", "module", "tensor")
        lines.append(_arrow(arrow, paint, ["weight=8", "minlen=2"][: 1 + (arrow.target in fed)] if inner else []))
    for card in scene.cards:
        for chip in card.chips:
            kind: ArrowKind = "forward" if chip.trainable and not chip.detached else "detached"
            tip = chip.name + (f" ({chip.use})" if chip.use else "")
            lines.append(_arrow(Arrow(chip.id, card.id, kind, tip=tip), paint, []))
            if chip.backward:
                back = Arrow(card.id, chip.id, "backward", chip.label, chip.weight, f"gradient of {tip}")
                lines.append(_arrow(back, paint, []))
    lines.append("}\n")
    return "\n".join(lines)


def quoted(lines: list[str], end: str = "\\n") -> str:
    """Lines of plain text as a DOT string: nothing in them is read as markup, an escape or an entity.

    Lines are centred, or with `end="\\\\l"` set flush left. What is too long for Graphviz is cut.
    """
    escaped: list[str] = []
    room = TEXT_BYTES
    for number, line in enumerate(lines):
        line = line if len(line) <= LINE else f"{line[: LINE - 1]}…"
        text = isolated(line).replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")
        room -= len(text.encode(errors="replace")) + len(end)
        if room < 0:
            escaped.append(f"… {len(lines) - number:,} more lines")
            break
        escaped.append(text)
    return '"' + end.join(escaped) + (end if end != "\\n" else "") + '"'


def _caption(scene: Scene) -> list[str]:
    """The legend in words; what boxes are about is said in them."""
    notes = [f"note: {note}" for note in scene.notes]
    if not scene.legend:
        return notes
    samples = {
        "arrow:forward": "dark arrow: ",
        "arrow:backward": "dotted open arrow: " if PAINTS[scene.theme].plain else "orange open arrow: ",
        "arrow:detached": "grey dashed: ",
        "chip:dashed": "dashed note: ",
        "sum": "(+): ",
    }
    said = [f"{scene.title}: {scene.description}"]
    for key in scene.legend:
        kind, _, rest = key.sample.partition(":")
        if kind == "scale":
            said.append(f"colour: {key.text}")
        elif kind == "flag":
            said.append(f"{rest} {key.text}")
        elif kind == "word":
            said.append(f"{rest}: {key.text}")
        elif kind == "hatch":
            said += [f"thick rim: {key.text}"] * any(card.odd for card in scene.cards)
        elif key.sample in samples:
            said.append(samples[key.sample] + key.text)
    if any(key.sample.startswith("strip:") for key in scene.legend):
        said.append("rms: the root of the mean square of all values")
    return said + notes


# Boxes


def _boxes(lines: list[str], scene: Scene, paint: Paint) -> None:
    """All boxes, each inside the frames around it; frames are nested a few deep at most."""
    within: dict[str, list[Card | Frame]] = {"": [], **{frame.id: [] for frame in scene.frames}}
    frames = {frame.id: frame for frame in scene.frames}
    placed: dict[str, None] = {}
    for card in scene.cards:
        around: list[Frame] = []
        inner = card.frame
        while inner and inner not in placed:  # a frame stands where its first card does
            around.append(frames[inner])
            placed[inner] = None
            inner = frames[inner].parent
        for frame in reversed(around):
            within[frame.parent].append(frame)
        within[card.frame].append(card)
    sums = dict.fromkeys(scene.sums)
    _inside(lines, within, "", "  ", paint, sums)


def _inside(
    lines: list[str],
    within: dict[str, list[Card | Frame]],
    frame: str,
    indent: str,
    paint: Paint,
    sums: dict[str, None],
) -> None:
    for item in within[frame]:
        if isinstance(item, Card):
            lines += [indent + _chip(chip, item, paint) for chip in item.chips]
            lines.append(indent + _card(item, paint, item.id in sums))
            continue
        lines.append(f"{indent}subgraph cluster_{item.id} {{")
        lines.append(
            f'{indent}  graph [label={quoted([item.title])}, labelloc=t, labeljust=r, style="rounded", '
            f'color="{paint.frame}", fontcolor="{paint.text}", margin=8];'
        )
        _inside(lines, within, item.id, indent + "  ", paint, sums)
        lines.append(f"{indent}}}")


def _card(card: Card, paint: Paint, adds: bool) -> str:
    named = card.kind == "op" and card.title != card.category
    said = [f"{card.title}  ({card.category})" if named else card.title]
    said += [card.place] if card.place else []
    said += ["".join(text for text, _ in line) for line in card.lines]
    said += card.sizes
    said += [f"keeps {size_in_bytes(card.saved)}"] if card.saved else []
    said += card.flags
    said += ["(+)"] if adds else []
    said += [card.result] if card.result else []
    extra = ["peripheries=2"] * bool(card.result) + ["penwidth=4"] * card.odd
    return _box(card.id, said, card.category, "", card.tip, f"{card.kind} {card.category}", card.fill, extra, paint)


def _chip(chip: Chip, card: Card, paint: Paint) -> str:
    frozen = "detached " if chip.cut else "" if chip.trainable else "frozen "
    head = chip.name + (f" ({chip.use})" if chip.use else "")
    said = [head, f"{frozen}parameter {chip.shape}", *chip.sizes]
    said += [f"last pass: {chip.label}"] if chip.last and chip.label else []
    style = "" if chip.trainable and not chip.cut else ",dashed"
    return _box(chip.id, said, "parameter", style, chip.tip, "parameter parameter", "", [], paint)


def _box(
    id_: str,
    said: list[str],
    category: str,
    style: str,
    tip: str,
    kinds: str,
    fill: str,
    extra: list[str],
    paint: Paint,
) -> str:
    look = LOOKS.get(category, LOOKS["operation"])
    bare = paint.plain or (bool(paint.page) and not look.style)
    names = " ".join(word.replace(" ", "-") for word in kinds.split(" ", 1))
    attributes = [
        f"label={quoted(said)}",
        f'shape={look.shape}, margin="{look.margin}"',
        f'style="{look.style}{style}"',
        f'fillcolor="{fill or ("#ffffff" if paint.plain else look.fill)}"',
        f'color="{paint.forward if bare else look.line}"',
        f'fontcolor="{paint.text if bare else look.font}"',
        f"tooltip={quoted([tip])}",
        f'class="{names}"',
        f'id="{id_}"',
        *extra,
    ]
    return f"{id_} [{', '.join(attributes)}];"


# Arrows


def _arrow(arrow: Arrow, paint: Paint, layout: list[str]) -> str:
    attributes = [f"tooltip={quoted([arrow.tip])}", *layout]
    if arrow.kind == "detached":
        attributes += ["style=dashed", f'color="{paint.detached}"', f'fontcolor="{paint.detached}"']
    elif arrow.kind == "backward":
        attributes += ["constraint=false", f'color="{paint.backward}"', f'fontcolor="{paint.backward}"']
        attributes += ["arrowhead=vee", f"penwidth={0.5 + 2 * arrow.weight:.2g}"]
        attributes += ["style=dotted"] * paint.plain
    if arrow.label:
        attributes.append(f"label={quoted([arrow.label])}")
    if arrow.kind == "backward":
        attributes.append('class="backward"')
    return f"  {arrow.source} -> {arrow.target} [{', '.join(attributes)}];"
