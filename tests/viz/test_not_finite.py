"""NaN and infinities are hatched, what cards say of them is not cut, and print has no colour."""

import re
import sys
import unicodedata
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import viz
from tensorgrad.viz.colours import SCALES
from tensorgrad.viz.compose import compose
from tensorgrad.viz.options import options_of
from tensorgrad.viz.theme import THEMES, contrast, look_of
from tensorgrad.viz.words import LEFTWARDS

from .fans import FANS
from .graphs import leaf, lenet, values

SVG = "{http://www.w3.org/2000/svg}"
SHALOM = "\u05e9\u05dc\u05d5\u05dd"


def odd(name="loss"):
    """Values and gradients that are NaN, infinite and finite, on cards with many flags."""
    x = leaf([1.0, -1.0, 0.0, 4.0])
    with np.errstate(all="ignore"), viz.record() as run:
        h = tg.log(x)
        loss = (h * tg.exp(x * 100)).sum() + tg.relu(h * 0 - 1).sum()
        loss.backward()
    return run.graph({name: loss})


def scene_of(view, **options):
    return compose(view, options_of("test", options))


def hatched(svg):
    return svg.count('-hatch)"')


def texts(svg):
    return ["".join(text.itertext()) for text in ET.fromstring(svg).iter(f"{SVG}text")]


# Hatching


def test_strips_of_what_is_not_finite_are_hatched():
    x = leaf([np.nan, np.inf, 1.0])
    with viz.record() as run:
        loss = tg.exp(x).sum()
    view = run.graph(loss)
    assert hatched(view.to_svg(legend=False)) == 3  # x and exp at the end, sum wholly
    assert hatched(view.to_svg()) == 4
    bands = [card.value for card in scene_of(view).cards]
    assert [band.odd for band in bands] == [True, True, True]
    assert [bool(np.isnan(band.low)) for band in bands] == [False, False, True]


def test_infinite_gradients_are_hatched():
    x = leaf([0.0, 0.0])
    with np.errstate(divide="ignore"), viz.record() as run:
        loss = tg.sqrt(x).sum()
        loss.backward()
    cards = scene_of(run.graph(loss)).cards
    assert [card.gradient.odd for card in cards] == [True, False, False]
    assert not any(card.value.odd for card in cards)


def test_what_is_finite_is_not_hatched():
    svg = lenet(walk=True).to_svg(color="value")
    assert hatched(svg) == 0
    assert "NaN or infinite" not in svg


@pytest.mark.parametrize("theme", list(THEMES))
@pytest.mark.parametrize("color", ["value", "gradient"])
def test_coloured_cards_of_what_is_not_finite_have_a_hatched_rim(color, theme):
    view = odd()
    scene = scene_of(view, color=color, theme=theme)
    bands = [getattr(card, color) for card in scene.cards]
    assert [card.odd for card in scene.cards] == [band is not None and band.odd for band in bands]
    rims = sum(card.odd for card in scene.cards)
    assert 0 < rims < len(scene.cards)
    more = {"theme": theme, "legend": False}
    assert hatched(view.to_svg(color=color, **more)) == hatched(view.to_svg(**more)) + rims
    assert [key.text for key in scene.legend if key.sample == "hatch"] == ["values that are NaN or infinite"]
    dot = view.to_dot(color=color, theme=theme)
    assert dot.count("penwidth=4") == rims
    assert "thick rim: values that are NaN or infinite" in dot


def test_closed_cards_say_what_is_not_finite():
    x = leaf([-1.0, 1.0])
    with np.errstate(all="ignore"), viz.record() as run, tg.named_scope("block"):
        loss = tg.log(x * 1.0).sum()
    (card,) = [card for card in scene_of(run.graph(loss), depth=1).cards if card.stacked]
    assert card.value.odd
    assert card.sizes == ("value rms 0 to 1, some not finite",)


# Nothing is cut


def test_flags_and_counts_take_as_many_lines_as_they_need():
    view = odd()
    said = " ".join(texts(view.to_svg(legend=False)))
    assert "…" not in said
    for card in scene_of(view).cards:
        for text in (*card.flags, *card.sizes):
            assert text in said


def test_a_closed_card_says_whole_shapes():
    xs = [leaf(values(2, 2 * n)) for n in range(2, 7)]
    h = tg.cat([tg.tanh(x) for x in xs], 1)
    for view in (viz.graph(h.sum()), viz.graph(h)):
        svg = view.to_svg(depth=1)
        assert "…" not in svg
    long = [leaf(values(1, 1, 1, 1, 1, 1, 1, 3 + n)) for n in range(5)]
    with tg.named_scope("block"):
        h = tg.cat([tg.tanh(x) for x in long], -1)
    view = viz.graph(h.sum())
    svg = view.to_svg(view="module")
    assert "…" not in svg
    assert "(1, 1, 1, 1, 1, 1, 1, 3) and 4 more →" in texts(svg)
    with tg.named_scope("block"):
        h = tg.cat([tg.tanh(x) for x in xs], -1)
    svg = viz.graph(h.sum()).to_svg(view="module")
    assert "(2, 4), (2, 6) and 3 more → (2, 40)" in texts(svg)


# Names from right to left


def test_a_name_from_right_to_left_stands_alone():
    view = odd(SHALOM)
    alone = f'<tspan direction="rtl" style="unicode-bidi:isolate">{SHALOM}</tspan> = nan'
    svg = view.to_svg()
    assert svg.count(alone) == 2  # below the title and on the card
    marked = f"\u2068{SHALOM}\u2069 = nan"
    for text in (svg, view.to_dot(), view.to_text()):
        assert marked in text
    for text in (svg, view.to_dot(), view.to_text()):
        assert not re.search(f"(?<![\u2068>]){SHALOM} = ", text)
    assert "\u2068" not in view.to_json()


def test_every_letter_from_right_to_left_is_known():
    assert not [
        hex(code)
        for code in range(sys.maxunicode)
        if unicodedata.bidirectional(chr(code)) in ("R", "AL", "AN")
        and unicodedata.category(chr(code))[0] != "C"
        and not LEFTWARDS.fullmatch(chr(code))
    ]


# Print


@pytest.mark.parametrize("color", list(SCALES))
def test_print_has_levels_of_grey(color):
    for name in ("fan of 4", "lenet"):
        view = FANS[name]()
        found = set(re.findall("#[0-9a-f]{6}", view.to_svg(color=color, theme="print")))
        found |= set(re.findall("#[0-9a-f]{6}", view.to_dot(color=color, theme="print")))
        assert all(colour[1:3] == colour[3:5] == colour[5:] for colour in found), found
        fills = {card.fill for card in scene_of(view, color=color, theme="print").cards if card.fill}
        assert len(fills) > 1
        for fill in fills:
            look = look_of(THEMES["print"], "operation", fill)
            assert min(contrast(look.text, fill), contrast(look.quiet, fill), contrast("#000000", fill)) >= 4.5
    scale = SCALES[color]
    levels = [int(scale.fill(10.0**power, True)[1:3], 16) for power in range(scale.low, scale.high + 1)]
    assert levels == sorted(set(levels), reverse=True)  # the larger, the darker
    assert "white: not known" in scale.text(True)
