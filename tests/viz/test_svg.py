"""The pictures: well-formed for any text, legible in every theme, gradients beside values and never on them."""

import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from tensorgrad.viz.arrows import path_data, ways_of
from tensorgrad.viz.cards import position
from tensorgrad.viz.kinds import LOOKS
from tensorgrad.viz.layout import Rect
from tensorgrad.viz.measure import SMALL, fit, in_bytes, measure, text_width, wrapped
from tensorgrad.viz.scene import Arrow, Card, Strip
from tensorgrad.viz.svg import to_svg
from tensorgrad.viz.theme import THEMES, contrast, is_colour, look_of

from .scenes import both_ways, chain, fan, hostile, lenet, op, random_scene, residual, scene
from .test_layout import overlap
from .test_render import HOSTILE

ROOT = Path(__file__).parents[2]
SVG = "{http://www.w3.org/2000/svg}"
SCENES = {"chain": chain, "fan": lambda: fan(60), "lenet": lenet, "residual": residual}
each_theme = pytest.mark.parametrize("theme", list(THEMES))


def parsed(svg):
    return ET.fromstring(svg)


def texts(root):
    return ["".join(element.itertext()) for element in root.iter(f"{SVG}text")]


def paths(root, theme, kind):
    """The data of all arrows of a kind."""
    return [p.get("d") for p in root.iter(f"{SVG}path") if (p.get("marker-end") or "").endswith(f"{kind})")]


# Any text


def test_hostile_texts_do_no_harm():
    for names in (HOSTILE, *([name] for name in HOSTILE)):
        svg = to_svg(hostile(names))
        root = parsed(svg.encode())
        allowed = {"svg", "title", "desc", "defs", "marker", "pattern", "rect", "path", "circle", "g", "text", "tspan"}
        for element in root.iter():
            assert element.tag.removeprefix(SVG) in allowed
            for name, value in element.attrib.items():
                assert not name.startswith("on")
                assert "javascript" not in value
                assert "href" not in name
            assert re.fullmatch(r"(tg[0-9a-f]{10}-\w+)?", element.get("id", ""))
        assert not re.search("[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]", svg)


def test_long_texts_are_cut_and_stay_on_their_cards():
    svg = to_svg(hostile(["x" * 20_000, "W" * 300]))
    assert len(svg) < 60_000
    for text in texts(parsed(svg)):
        assert text_width(text, SMALL) < 900  # the notes and the legend are the widest


def test_right_to_left_names_are_isolated():
    svg = to_svg(scene([op(0, "operation", "\u05d0\u05d1\u05d2 mixed")], []))
    assert '<tspan direction="rtl" style="unicode-bidi:isolate">\u05d0\u05d1\u05d2</tspan> mixed</tspan>' in svg


@pytest.mark.parametrize("seed", range(30))
def test_random_scenes(seed):
    made = random_scene(seed)
    root = parsed(to_svg(made))
    prefix = root.find(f"{SVG}title").get("id").removesuffix("title")
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    for used in re.findall(r"url\(#([^)]+)\)", to_svg(made)):
        assert used in ids
    assert all(id_.startswith(prefix) for id_ in ids)
    assert [id_ for id_ in ids if re.fullmatch(rf"{prefix}c\d+", id_)] == [
        f"{prefix}c{i}" for i in range(len(made.cards))
    ]
    shown = {kind: len(paths(root, made.theme, kind)) for kind in ("forward", "backward", "detached")}
    for key in made.legend:
        what, _, kind = key.sample.partition(":")
        if what == "arrow":
            shown[kind] -= 1
    asked = {kind: sum(arrow.kind == kind for arrow in made.arrows) for kind in shown}
    assert shown == asked
    assert "nan" not in to_svg(made).lower()


# What it says


def test_every_text_of_a_scene_is_drawn():
    made = lenet()
    said = " ".join(texts(parsed(to_svg(made))))
    for wanted in (
        made.title, "conv2d", "features.3", "5x5, stride 1, pad 2", "(4, 6, 28, 28)",
        "156 params · 480 k multiply-adds",
        "features.0.weight", "(6, 1, 5, 5) · ∇ 0.0031", "use 1 of 2", "keeps 110 kB", "value rms 0.571, 12% zero",
        "loss = 2.31", "▽ vanishing", "features · Sequential",
        "note: the labels carry no gradient", "gradients are added",
    ):  # fmt: skip
        assert wanted in said, wanted


def test_what_stands_out_is_bold():
    bold = [t.text for t in parsed(to_svg(lenet())).iter(f"{SVG}tspan") if t.get("font-weight") == "bold"]
    assert {"6, 28, 28", "14, 14", "conv2d", "loss = 2.31"} <= set(bold)


def test_for_those_who_do_not_see_it():
    made = replace(lenet(), description="Two convolutions.")
    root = parsed(to_svg(made))
    assert root.get("role") == "img"
    named = root.get("aria-labelledby").split()
    assert [e.text for e in root.iter() if e.get("id") in named] == [made.title, "Two convolutions."]
    cards = [e for e in root.iter(f"{SVG}g") if re.search(r"-c\d+$", e.get("id", ""))]
    assert [card.find(f"{SVG}title").text for card in cards if card.find(f"{SVG}title") is not None] == [
        card.tip for card in made.cards if card.tip
    ]


def test_a_parameter_that_is_not_trained_is_dashed():
    root = parsed(to_svg(lenet()))
    chips = [
        (group.find(f"{SVG}path").get("stroke-dasharray"), "".join(group.itertext()))
        for group in root.iter(f"{SVG}g")
        if group.get("id") is None and group.get("transform") is None
    ]
    assert (
        sum(dash is not None for dash, _ in chips)
        == sum(not c.trainable for card in lenet().cards for c in card.chips)
        == 1
    )
    assert "features.0.bias" in next(text for dash, text in chips if dash)


def test_a_strip_is_logarithmic_and_bounded():
    assert [position(v) for v in (0.0, 1e-9, 1e-8, 1e-3, 1e2, 1e9)] == pytest.approx([0, 0, 0, 0.5, 1, 1])
    assert position(float("nan")) is position(float("inf")) is None
    card = op(0, "operation", "x", gradient=Strip(1e-3, float("inf")))
    assert "hatch)" in to_svg(scene([card], [], legend=()))
    card = op(0, "operation", "x", gradient=Strip(1e-3, 1e-1))
    assert "hatch)" not in to_svg(scene([card], [], legend=()))


def test_a_sum_is_drawn_once_for_each_card():
    made = replace(residual(), legend=())
    circles = list(parsed(to_svg(made)).iter(f"{SVG}circle"))
    assert len(circles) == len(made.sums) == 3


def test_results_have_a_double_border_and_piles_three_cards():
    def shapes(**more):
        root = parsed(to_svg(scene([op(0, "operation", "x", **more)], [], legend=())))
        return len(list(next(g for g in root.iter(f"{SVG}g") if g.get("id")).iter(f"{SVG}rect")))

    assert (shapes(), shapes(result="x = 1"), shapes(stacked=True)) == (1, 2, 3)


# Arrows


def numbers(data):
    return [tuple(map(float, pair.split())) for pair in re.findall(r"-?[\d.]+ -?[\d.]+", data)]


@pytest.mark.parametrize("direction", ["TB", "LR"])
def test_gradients_run_beside_values_in_the_opposite_direction(direction):
    made = replace(lenet(direction), legend=())
    root = parsed(to_svg(made))
    along = 1 if direction == "TB" else 0
    forward, backward = (paths(root, made.theme, kind) for kind in ("forward", "backward"))
    assert all(numbers(d)[-1][along] > numbers(d)[0][along] for d in forward)
    assert all(numbers(d)[-1][along] < numbers(d)[0][along] for d in backward)
    assert not set(map(frozenset, map(numbers, forward))) & set(map(frozenset, map(numbers, backward)))


@pytest.mark.parametrize("run", [-300.0, -20.0, 0.0, 20.0, 300.0])
@pytest.mark.parametrize("sideways", [False, True])
def test_the_two_lines_of_a_pair_never_touch(run, sideways):
    points = [(0.0, 0.0), (0.0, 20.0), (run, 60.0), (run, 80.0)]
    if sideways:
        points = [(y, x) for x, y in points]
    one, other = (sampled(path_data(points, shift, sideways, back)) for shift, back in ((-3.5, False), (3.5, True)))
    gap = min(((x - u) ** 2 + (y - v) ** 2) ** 0.5 for x, y in one for u, v in other)
    assert gap > 3.4


def sampled(data):
    """Points on a path of lines and cubic curves."""
    found, at = [], None
    for command, rest in re.findall(r"([MLC])([^MLC]*)", data):
        pairs = numbers(rest)
        if command == "M":
            at = pairs[0]
            continue
        ends = [at, at, pairs[0], pairs[0]] if command == "L" else [at, *pairs]
        for k in range(101):
            t = k / 100
            weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
            found.append(tuple(sum(w * p[i] for w, p in zip(weights, ends, strict=True)) for i in (0, 1)))
        at = ends[-1]
    return found


def test_arrows_find_their_partners():
    arrows = [
        *[Arrow("a", "b", "forward")] * 2, *[Arrow("b", "a", "backward")] * 2,
        Arrow("b", "c", "detached"), Arrow("c", "b", "backward"),
    ]  # fmt: skip
    cards = [Card(id_, "op", "operation", id_) for id_ in "abc"]
    ways = ways_of(scene(cards, arrows))
    assert [(way.down, way.up) for way in ways] == [(0, 2), (1, 3), (4, None), (None, 5)]
    assert (ways[3].edge.source, ways[3].edge.target) == ("b", "c")


def test_a_stronger_gradient_has_a_wider_line():
    cards = [op(0, "operation", "a"), op(1, "operation", "b")]

    def width(weight):
        root = parsed(to_svg(scene(cards, [Arrow("c1", "c0", "backward", weight=weight)], legend=())))
        return float(next(p for p in root.iter(f"{SVG}path") if p.get("marker-end")).get("stroke-width"))

    assert width(0.0) == width(-1.0) == width(float("nan")) < width(0.5) < width(1.0) == width(7.0)


# Legible


@each_theme
def test_contrast(theme):
    made = THEMES[theme]
    grounds = [made.page, *made.frame_fills]
    for ground in grounds:
        for text in (made.text, made.quiet, made.flag, made.backward):
            assert contrast(text, ground) >= 4.5
        for line in (made.forward, made.backward, made.detached):
            assert contrast(line, ground) >= 3
    for category in LOOKS:
        look = look_of(made, category)
        for text in (look.text, look.quiet, made.flag):
            assert contrast(text, look.fill) >= 4.5, category
        assert contrast(look.line, made.page) >= 2.5, category


@each_theme
def test_contrast_on_any_colour(theme):
    for red in range(0, 256, 51):
        for green in range(0, 256, 51):
            for blue in range(0, 256, 51):
                fill = f"#{red:02x}{green:02x}{blue:02x}"
                look = look_of(THEMES[theme], "convolution", fill)
                assert look.fill == fill
                assert min(contrast(look.text, fill), contrast(look.quiet, fill)) >= 4.5


def test_contrast_is_that_of_the_standard():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


def test_only_colours_are_colours():
    assert is_colour("#12aBf0")
    for text in ("", "red", "#12345", "#1234567", '#123456"', "#123456\n", "url(#x)"):
        assert not is_colour(text)
        assert text == "" or text not in to_svg(scene([op(0, "operation", "x", fill=text)], [], legend=()))


@each_theme
def test_every_category_has_a_look_and_no_two_the_same(theme):
    looks = THEMES[theme].looks
    assert set(looks) == set(LOOKS)
    drawn = [(look.shape, look.fill, look.dash, look.width, look.line) for look in looks.values()]
    if theme == "print":  # without colours
        assert all(look.fill == "#ffffff" and look.line == "#000000" for look in looks.values())
    assert len(drawn) == len(set(drawn))


@pytest.mark.parametrize(
    "build", [lambda: lenet(), lambda: residual(blocks=3), lambda: residual(blocks=3, theme="print")]
)
def test_letters_are_6_points_at_180_millimetres(build):
    made = build()
    assert 13 <= len(made.cards) <= 27
    root = parsed(to_svg(made))
    sizes = [float(e.get("font-size")) for e in root.iter() if e.get("font-size")]
    points = min(sizes) * (180 / 25.4 * 72) / float(root.get("width"))
    assert points >= 6


def test_texts_stand_on_their_cards():
    for seed in range(20):
        for card in random_scene(seed).cards:
            size = measure(card, look_of(THEMES["light"], card.category).shape, "TB")
            assert all(0 < row.y < size.body_height for row in size.rows)
            for row in size.rows:
                width = sum(
                    text_width(text, row.size if tone != "quiet" else SMALL, tone == "bold") for text, tone in row.spans
                )
                assert width < size.body_width
            for a, b in zip(size.chips, size.chips[1:], strict=False):
                assert a.y + a.height <= b.y


def test_labels_and_frame_titles_do_not_cover_each_other_or_cards():
    made = replace(lenet(), legend=(), notes=(), title="")
    root = parsed(to_svg(made))
    loose = [t for t in root.iter(f"{SVG}text") if t.get("paint-order") == "stroke"]
    assert len(loose) == 3  # two frames and a label
    rects = [Rect(float(t.get("x")), float(t.get("y")) - 9, text_width(t.text, SMALL), 10) for t in loose]
    for i, one in enumerate(rects):
        assert not any(overlap(one, other) for other in rects[:i])


def test_labels_of_many_gradients_that_arrive_at_one_card_do_not_cover_each_other():
    cards = [op(i, "operation", "an operation") for i in range(6)]
    steps = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]
    pairs = [(f"c{a}", f"c{b}") for a, b in [*steps, (0, 3), (0, 4), (0, 5)]]
    arrows = [Arrow(b, a, "backward", f"rms 0.{k}, 100% zero") for k, (a, b) in enumerate(pairs)]
    arrows += [Arrow(a, b, "forward") for a, b in pairs]
    root = parsed(to_svg(scene(cards, arrows, legend=())))
    labels = [t for t in root.iter(f"{SVG}text") if t.get("paint-order") == "stroke"]
    assert len(labels) == len(pairs)
    rects = [Rect(float(t.get("x")), float(t.get("y")) - 9, text_width(t.text, SMALL), 10) for t in labels]
    for i, one in enumerate(rects):
        assert not any(overlap(one, other) for other in rects[:i])


def test_the_description_stands_below_the_title():
    made = replace(lenet(), title="A net", description="Two convolutions; loss = 2.31")
    root = parsed(to_svg(made))
    assert texts(root)[:2] == ["A net", "Two convolutions; loss = 2.31"]
    made = replace(made, description=f"{'many words ' * 8}; loss = 2.31")
    assert "loss = 2.31" in texts(parsed(to_svg(made)))


# Widths and sizes in words


def test_widths():
    assert text_width("重み", 10) == pytest.approx(22)
    assert text_width("e\u0301", 10) == text_width("e", 10)
    assert text_width("iiii", 10) < text_width("mmmm", 10) < text_width("mmmm", 10, bold=True)
    assert fit("short", 10, 200) == "short"
    cut = fit("features.0.a.very.long.name.weight", 10, 90)
    assert text_width(cut, 10) <= 90
    assert cut.startswith("feat")
    assert cut.endswith("ight")
    assert fit("anything", 10, 1) == "…"
    assert all(text_width(line, 10) <= 100 for line in wrapped("some words that do not fit on one line", 10, 100))


def test_bytes():
    assert [in_bytes(n) for n in (0, 999, 1000, 110_400, 1_500_000, 10**13)] == [
        "0 B", "999 B", "1 kB", "110 kB", "1.5 MB", "10000 GB",
    ]  # fmt: skip


# Large and the same everywhere


def test_equal_in_every_process():
    code = (
        "import hashlib; from tests.viz.test_svg import SCENES, to_svg; "
        "print([(name, hashlib.sha256(to_svg(build()).encode()).hexdigest()) for name, build in SCENES.items()])"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=ROOT, capture_output=True, check=True
        ).stdout
        for seed in ("0", "5")
    ]  # fmt: skip
    assert runs[0] == runs[1] != b""


def test_two_pictures_on_a_page_have_their_own_ids():
    one, other = (set(re.findall(r'id="([^"]+)"', to_svg(made))) for made in (lenet(), lenet(backward=False)))
    assert one
    assert not one & other


def test_5000_cards_take_seconds():
    cards = [op(i, "convolution", "conv2d", "5x5", f"(4, {i})") for i in range(5000)]
    made = scene(cards, both_ways([(f"c{i // 2}", f"c{i}") for i in range(1, 5000)]))
    start = time.process_time()
    svg = to_svg(made)
    assert time.process_time() - start < 6 * float(os.environ.get("TENSORGRAD_TEST_PATIENCE", "1"))
    assert len(svg) < 10_000_000


def test_one_input_of_1000_users():
    root = parsed(to_svg(fan(1000)))
    assert len(paths(root, "light", "forward")) == 1001  # with the legend's


def test_nothing_to_draw():
    root = parsed(to_svg(scene([], [], legend=())))
    assert root.get("width") == "360"
