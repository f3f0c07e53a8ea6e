"""What a picture shows, before it has places: cards, arrows, frames and a legend, as plain data.

`compose` makes a scene of a captured graph, `layout` finds places for its cards, `svg` and `dot` write it down.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CardKind = Literal["op", "module", "tensor", "input", "constant", "parameter"]
ArrowKind = Literal["forward", "backward", "detached"]
Span = tuple[str, bool]  # a piece of text, and whether it stands out


@dataclass(frozen=True, slots=True)
class Chip:
    """A parameter docked to the card that uses it."""

    name: str  # the dotted name
    shape: str
    trainable: bool
    use: str = ""  # "use 2 of 3", where there are several
    gradient: float | None = None  # rms of its gradient, None where there is none
    id: str = ""  # of the captured box
    detached: bool = False  # it is trainable, but this use lets no gradient through
    backward: bool = False  # whether a gradient goes back to it, drawn as an arrow where chips are boxes of their own
    weight: float = 0.0  # of that arrow, see `Arrow`
    label: str = ""  # what one use adds to the gradient, where there are several
    sizes: tuple[str, ...] = ()  # its gradient in words
    tip: str = ""
    last: bool = False  # `gradient` is that of the last pass alone: `.grad` holds that of others too
    cut: bool = False  # it is detached in a picture in which gradients go back to others: drawn like a frozen one


@dataclass(frozen=True, slots=True)
class Strip:
    """A size on a logarithmic scale, drawn as a bar on a card: `low` to `high` where it stands for several values.

    Both are NaN if no value is finite.
    """

    low: float
    high: float
    odd: bool = False  # whether some values are NaN or infinite


@dataclass(frozen=True, slots=True)
class Card:
    """A box of the picture: an operation, a collapsed module, an input or a constant."""

    id: str  # of the picture's own making, never the user's text
    kind: CardKind
    category: str  # see kinds.py
    title: str  # the operation, the input's name, or "layer2"
    place: str = ""  # the dotted path of the module it ran in, or a collapsed module's class
    lines: tuple[tuple[Span, ...], ...] = ()  # hyper-parameters; shape; parameters and multiply-adds; what is hidden
    chips: tuple[Chip, ...] = ()
    value: Strip | None = None  # rms of the output
    gradient: Strip | None = None  # rms of its gradient
    saved: int = 0  # bytes kept for the way back
    flags: tuple[str, ...] = ()  # "▽ vanishing", "△ exploding", "∅ dead", "! first nan"
    result: str = ""  # "loss = 2.31": what the picture was asked for; such a card has a double border
    stacked: bool = False  # stands for several: drawn as a pile of cards
    fill: str = ""  # a colour "#rrggbb" that a value, a gradient or memory gives it; empty: that of its category
    odd: bool = False  # with a hatched rim: what the colour stands for is NaN or infinite in places
    tip: str = ""  # all of it in words, for a screen reader and a pointing mouse
    frame: str = ""  # the id of the innermost frame it stands in
    sizes: tuple[str, ...] = ()  # what the strips show in words: "value rms 0.571, 12% zero", "gradient 4"


@dataclass(frozen=True, slots=True)
class Arrow:
    """From one card to another; of a backward arrow, `source` is where the gradient comes from."""

    source: str
    target: str
    kind: ArrowKind
    label: str = ""
    weight: float = 0.0  # 0 to 1: how strong the gradient is, on a logarithmic scale
    tip: str = ""


@dataclass(frozen=True, slots=True)
class Frame:
    """A module's frame around its cards."""

    id: str
    title: str
    parent: str = ""


@dataclass(frozen=True, slots=True)
class Key:
    """A line of the legend: a sample, and what it says."""

    # "card:convolution", "arrow:forward", "strip:gradient", "scale:#000000,#ffffff", "flag:▽", "word:keeps", "hatch",
    # or "sum"
    sample: str
    text: str


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that a picture shows."""

    title: str
    description: str  # a sentence or two, for those who do not see it
    direction: Literal["TB", "LR"]
    theme: Literal["light", "dark", "print"]
    cards: tuple[Card, ...]
    arrows: tuple[Arrow, ...]
    frames: tuple[Frame, ...] = ()
    sums: tuple[str, ...] = ()  # the cards at which several gradients meet and are added: drawn with a "+"
    legend: tuple[Key, ...] = ()
    notes: tuple[str, ...] = ()
