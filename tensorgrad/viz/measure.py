"""How large texts and cards are, without asking a font: by a table of widths, with a tenth to spare."""

from __future__ import annotations

import functools
import re
import unicodedata
from dataclasses import dataclass

from .scene import Card, Chip, Span
from .words import LIMIT, number, plain

TITLE, TEXT, SMALL = 12.5, 11.0, 10.0  # heights of letters, in pixels
LEAD = 1.3  # from one line to the next, in letters
SLACK = 1.1
WIDEST = 200.0  # a line of a card; longer ones end in "…"
CHIP_WIDEST = 132.0
STRIP = 5.0
PILE = 6.0  # how far the cards below stand out of a pile
WORD = re.compile(r"\s*\S+\s*|\s+")
PAD, EDGE = 8.0, 5.0  # between text and outline: beside, above

# Widths in a common sans-serif face, in thousandths of the letters' height.
_WIDTHS = {
    **dict.fromkeys("ijl'|", 230),
    **dict.fromkeys("It!.,:;/ ()[]f-`·", 300),
    **dict.fromkeys('r{}"*^°', 390),
    **dict.fromkeys("csvxyzkJ", 510),
    **dict.fromkeys("wCDHNRUAEVBKPSXY&", 720),
    **dict.fromkeys("GOQmMW%@", 880),
    **dict.fromkeys("=+<>~\u00d7\u2212", 590),
    "…": 1000,
    "→": 1000,
}


@functools.lru_cache(4096)
def text_width(text: str, size: float, bold: bool = False) -> float:
    """About how wide a text is, rather too much than too little."""
    return sum(map(_letter, text)) * size * SLACK * (1.06 if bold else 1.0) / 1000


@functools.lru_cache(4096)
def _letter(letter: str) -> int:
    if letter in _WIDTHS:
        return _WIDTHS[letter]
    if unicodedata.combining(letter) or unicodedata.category(letter) in ("Mn", "Me", "Cf"):
        return 0
    if unicodedata.east_asian_width(letter) in "WF":
        return 1000
    return 560 if letter < "\u0250" else 800


def fit(text: str, size: float, width: float, bold: bool = False) -> str:
    """The text, on one line and without control characters, cut if it is wider than `width`.

    It is cut in the middle, as the ends of a dotted name tell more.
    """
    text = plain(text)
    if text_width(text, size, bold) <= width:
        return text
    for kept in range(len(text) - 1, 0, -1):
        short = f"{text[: (kept + 1) // 2]}…{text[len(text) - kept // 2 :]}"
        if text_width(short, size, bold) <= width:
            return short
    return "…"


def wrapped(text: str, size: float, width: float, limit: int = 400) -> list[str]:
    """The text in lines that are not wider than `width`, unless a single word is."""
    lines: list[str] = []
    for word in plain(text, limit).split(" "):
        if lines and text_width(f"{lines[-1]} {word}", size) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(fit(word, size, width))
    return lines


@dataclass(frozen=True, slots=True)
class Row:
    """A line of text: its base line below the card's top, its letters' height, and what it says, in which tone."""

    y: float
    size: float
    spans: tuple[tuple[str, str], ...]  # each with its tone: "text", "bold", "quiet", "flag"


@dataclass(frozen=True, slots=True)
class Docked:
    """A parameter's chip, from the card's left top corner."""

    x: float
    y: float
    width: float
    height: float
    chip: Chip
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """A card with its texts: the whole, and the body, which is without chips and pile and which arrows meet."""

    width: float
    height: float
    body_width: float
    body_height: float
    rows: tuple[Row, ...]
    chips: tuple[Docked, ...]
    reach: float  # how far from the body's middle arrows may meet it
    foot: float  # how far above the body's end the strips begin


def measure(card: Card, shape: str, direction: str) -> Measured:
    """The size of a card drawn in a `shape` of theme.py; chips dock to its right in TB, below it in LR."""
    lines = _lines(card)
    width = max((_width(spans, size) for size, spans in lines), default=0.0)
    height = sum(size * LEAD for size, _ in lines)
    pill = shape == "pill"
    beside = {"pill": PAD + 4, "component": PAD + 5, "slanted": PAD + 5, "hexagon": PAD + 7}.get(shape, PAD)
    strips = STRIP + 3 if card.value is not None or card.gradient is not None else 0.0
    body_width = max(width + 2 * beside, 48.0)
    edge = EDGE + 3 if card.result or card.odd else EDGE  # its second line, or its rim
    body_height = height + 2 * edge + strips
    chips = [_chip(chip) for chip in card.chips]
    wide = max((chip[0] for chip in chips), default=0.0)
    tall = sum(chip[1] for chip in chips) + 2 * max(len(chips) - 1, 0)
    pile = PILE if card.stacked else 0.0
    if direction == "TB":
        body_height = max(body_height, tall)
        x, y = body_width + pile, (body_height - tall) / 2
        size = body_width + pile + wide, body_height + pile
    else:
        body_width = max(body_width, wide)
        x, y = (body_width - wide) / 2, body_height + pile
        size = body_width + pile, body_height + pile + tall
    docked = []
    for _, chip_height, rows, chip in chips:
        docked.append(Docked(x, y, wide, chip_height, chip, rows))
        y += chip_height + 2
    start, lined = (body_height - strips - height) / 2, []
    for letters, spans in lines:
        lined.append(Row(start + letters * 0.98, letters, spans))
        start += letters * LEAD
    across = body_width if direction == "TB" else body_height
    corner = min(body_width, body_height) / 2 if pill and direction == "TB" else 6.0
    reach = max(across / 2 - corner, across / 8)
    return Measured(*size, body_width, body_height, tuple(lined), tuple(docked), reach, STRIP + edge - 1)


Spans = tuple[tuple[str, str], ...]


def _lines(card: Card) -> list[tuple[float, Spans]]:
    """What a card says, line by line: the letters' height, and pieces of text with their tones."""
    title, place = fit(card.title, TITLE, WIDEST, True), fit(card.place, SMALL, WIDEST)
    lines: list[tuple[float, Spans]] = [(TITLE, ((title, "bold"),))] if title or not card.lines else []
    if place:
        if title and text_width(title, TITLE, True) + text_width(place, SMALL) <= 0.8 * WIDEST:
            lines = [(TITLE, ((title, "bold"), (place, "quiet")))]
        else:
            lines.append((SMALL, ((place, "quiet"),)))
    lines += [(TEXT, spans) for line in card.lines for spans in _broken(line)]
    sizes = [*card.sizes, f"keeps {in_bytes(card.saved)}"] if card.saved else list(card.sizes)
    lines += [(SMALL, ((text, "quiet"),)) for text in _joined(sizes, WIDEST)]
    lines += [(SMALL, ((text, "flag"),)) for text in _joined(list(card.flags), WIDEST, "  ", True)]
    if card.result:
        lines.append((TITLE, ((fit(card.result, TITLE, WIDEST, True), "bold"),)))
    return lines


def _joined(texts: list[str], width: float, between: str = " · ", bold: bool = False) -> list[str]:
    """Small texts, as many on a line as there is room for; a long one goes on in the next line, after a comma."""
    lines: list[str] = []
    for text in texts:
        if lines and text_width(f"{lines[-1]}{between}{plain(text)}", SMALL, bold) <= width:
            lines[-1] += f"{between}{plain(text)}"
            continue
        parts = plain(text, 2 * LIMIT).split(", ")
        start = len(lines)
        for k, part in enumerate(parts):
            part += "," * (k + 1 < len(parts))
            if len(lines) > start and text_width(f"{lines[-1]} {part}", SMALL, bold) <= width:
                lines[-1] += f" {part}"
            else:
                lines.append(fit(part, SMALL, width, bold))
    return lines


def _broken(line: tuple[Span, ...]) -> list[Spans]:
    """The spans of a line, in several lines if there is no room for them on one; only a single word is ever cut."""
    lines: list[list[tuple[str, str]]] = [[]]
    room = WIDEST
    for text, bold in line:
        tone = "bold" if bold else "text"
        for word in WORD.findall(_spaced(text)):
            width = text_width(word, TEXT, bold)
            if text_width(word.rstrip(), TEXT, bold) > room and lines[-1]:
                lines.append([])
                room = WIDEST
            if width > room:
                word = fit(word, TEXT, room, bold)
            room -= width
            if lines[-1] and lines[-1][-1][1] == tone:
                word = lines[-1].pop()[0] + word
            lines[-1].append((word, tone))
    return [tuple(spans) for spans in lines]


def _spaced(text: str) -> str:
    """Plain text, with the space at its ends that separates it from its neighbours."""
    inner = plain(text)
    return f"{' ' * text[:1].isspace()}{inner}{' ' * (text[-1:].isspace() and bool(inner))}"


def _chip(chip: Chip) -> tuple[float, float, tuple[Row, ...], Chip]:
    said = [plain(part) for part in (chip.shape, chip.use, "detached" if chip.cut else "") if part]
    in_all = [size for size in chip.sizes if (chip.use or chip.last) and size.startswith(".grad")]
    if chip.gradient is not None and (chip.label or chip.last or not in_all):
        which = " of the last pass" if chip.last else " of this use" if in_all else ""
        said.append(f"∇ {number(chip.gradient)}{which}")
    said += [f"{size} in all" for size in in_all]
    said += [size for size in chip.sizes if size.startswith("changed by")]  # a hook of the parameter
    texts = [(fit(chip.name, SMALL, CHIP_WIDEST), "text")]
    texts += [(text, "quiet") for text in _joined(said, CHIP_WIDEST)]
    width = max(text_width(text, SMALL) for text, _ in texts) + 10
    rows = tuple(Row(2 + SMALL * (0.95 + 1.2 * i), SMALL, (text,)) for i, text in enumerate(texts))
    return width, 5 + 1.2 * SMALL * len(texts), rows, chip


def _width(spans: Spans, size: float) -> float:
    widths = [text_width(text, SMALL if tone == "quiet" else size, tone in ("bold", "flag")) for text, tone in spans]
    return sum(widths) + (6.0 if len(spans) == 2 and spans[1][1] == "quiet" and spans[0][1] == "bold" else 0.0)


def in_bytes(count: int) -> str:
    """A number of bytes in words."""
    size, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            break
        size /= 1000
    return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.3g} {unit}"
