"""Whatever is drawn, there is a limit: to cards, to texts, to copies."""

import math
import re
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import viz
from tensorgrad.viz import render
from tensorgrad.viz.capture import PICTURE_BYTES
from tensorgrad.viz.collapse import LIMIT
from tensorgrad.viz.compose import compose
from tensorgrad.viz.dot import quoted
from tensorgrad.viz.options import Options
from tensorgrad.viz.preview import stats_of

from .graphs import leaf


def one():
    return leaf([1.0]) * 1.0


def fan(count):
    value = one()
    return tg.stack([tg.tanh(value) for _ in range(count)]).sum()


def rows(count):
    return tg.stack([tg.tanh(row) for row in tg.unbind(leaf(np.ones((count, 2), np.float32)) * 1.0)]).sum()


def roots(count):
    value = one()
    return [tg.tanh(value) for _ in range(count)]


def leaves(count):
    return [leaf([1.0]) for _ in range(count)]


def used_far_apart(count):
    given = leaves(count)
    return tg.stack([x * 2 for x in given]).sum() + tg.stack([x * 3 for x in given]).sum()


@pytest.mark.parametrize("view", ["op", "module", "tensor"])
@pytest.mark.parametrize("make", [fan, rows, roots, leaves, used_far_apart])
def test_no_picture_has_more_cards_than_the_limit(make, view):
    scene = compose(viz.graph(make(2000)), Options(view=view))
    assert len(scene.cards) <= LIMIT
    assert sum("cards are more than the 1,500 that are drawn" in note for note in scene.notes) == 1
    known = {card.id for card in scene.cards}
    assert all(arrow.source in known and arrow.target in known for arrow in scene.arrows)


@pytest.mark.parametrize("make", [fan, rows, roots])
def test_the_number_of_cards_is_that_of_the_whole_picture(make):
    view = viz.graph(make(1000))
    whole = compose(view, Options(view="tensor"), limit=None)
    notes = compose(view, Options(view="tensor")).notes
    assert f"collapsed, because {len(whole.cards):,} cards are more than the 1,500 that are drawn" in notes
    assert "for the same reason tensors have no cards of their own" in notes or make is roots


def test_tensors_keep_their_cards_where_there_is_room():
    scene = compose(viz.graph(fan(300)), Options(view="tensor"))
    assert sum(card.kind == "tensor" for card in scene.cards) > 300
    assert not scene.notes


def test_inputs_without_room_are_left_out_with_a_note():
    scene = compose(viz.graph(leaves(2000)), Options())
    assert len(scene.cards) == LIMIT
    assert "500 of 2,000 inputs are not drawn, for the same reason" in scene.notes


# Texts


def strings_in(dot):
    """The quoted strings of a DOT text."""
    return re.findall(r'"(?:[^"\\]|\\.)*"', dot)


def many_names(count=4000):
    value = one()
    return viz.graph({f'name "{i}" & {"x" * 60}\\': value for i in range(count)})


def many_rows():
    return viz.graph(list(tg.unbind(leaf(np.ones((4000, 2), np.float32)) * 1.0)))


def many_notes():
    view = viz.graph(one())
    return replace(view, notes=tuple(f"note {i} {'y' * 100}" for i in range(1000)))


@pytest.mark.parametrize("make", [many_names, many_rows, many_notes])
@pytest.mark.parametrize("options", [{}, {"view": "tensor"}, {"collapse": "auto"}])
def test_no_string_in_dot_is_too_long_for_graphviz(make, options):
    dot = make().to_dot(**options)
    assert max(len(text.encode()) for text in strings_in(dot)) < 16_000


@pytest.mark.parametrize("character", ["a", "é", "€", "𝄞", '"', "\\", "&"])
def test_what_is_cut_is_still_one_string(character):
    for lines in ([character * 100_000], [character * 1000] * 100, [character] * 100_000):
        text = quoted(lines)
        assert len(text.encode()) < 16_000
        assert strings_in(text) == [text]
        assert "…" in text


def test_short_texts_are_not_cut():
    assert quoted(["x" * 2000, "y" * 2000]) == f'"{"x" * 2000}\\n{"y" * 2000}"'


@pytest.mark.skipif(not render._FOUND["dot"](), reason="no dot")
def test_graphviz_reads_a_value_with_many_names():
    assert b"and 3,992 more" in render.draw(many_names().to_dot(), "svg", "dot")


def test_the_first_names_of_a_value_are_said():
    svg = viz.graph(dict.fromkeys([f"name{i}" for i in range(20)], one())).to_svg()
    assert "name7" in svg
    assert "name8" not in svg
    assert "and 12 more" in svg


@pytest.mark.parametrize("name", ["", "\n\t", "\x00\x1b", "\ud800", "\u200b\u202e"])
def test_a_result_without_a_readable_name_has_the_usual_one(name):
    value = one()
    assert [result.name for result in viz.graph({name: value}).results] == ["output"]
    assert [result.name for result in viz.graph({name: value, "b": value}).results] == ["output 1", "b"]


@pytest.mark.parametrize("given", [5, 0, 1.5, object(), [7], [None], np.arange(3), [np.arange(3)], iter([3])])
@pytest.mark.parametrize("argument", ["include", "exclude"])
def test_a_display_takes_whatever_it_is_asked_for(argument, given):
    assert set(viz.graph(one())._repr_mimebundle_(**{argument: given})) == {"text/plain", "image/svg+xml"}


def test_a_display_reads_an_iterator_once():
    view = viz.graph(one())
    assert set(view._repr_mimebundle_(include=iter(["image/svg+xml"]))) == {"image/svg+xml"}
    assert set(view._repr_mimebundle_(exclude=iter(["image/svg+xml"]))) == {"text/plain"}
    assert set(view._repr_mimebundle_(include="text/plain")) == {"text/plain"}


# Copies


def odd_views():
    base = np.arange(24, dtype=np.float32).reshape(2, 3, 4) - 5
    base[0, 1, 2], base[1, 1, 1], base[1, 2, 3] = np.nan, np.inf, -np.inf
    yield base[:, :, None, :]
    for view in (base, base[:, ::2, ::-1], base.transpose(2, 0, 1), base[0, 0, 0], base[:, :0]):
        yield view
        yield np.broadcast_to(view, (3, *view.shape))
        yield np.broadcast_to(view[..., None], (*view.shape, 5))
    yield np.broadcast_to(np.float32(np.nan), (4, 5))
    yield np.broadcast_to(np.float16(2), (4, 5))
    yield np.lib.stride_tricks.sliding_window_view(base[0], (2, 2))


def test_views_have_the_sizes_of_their_copies():
    for view in odd_views():
        ours, copy = stats_of(view), stats_of(np.ascontiguousarray(view).reshape(view.shape))
        assert (ours.shape, ours.dtype) == (copy.shape, copy.dtype) == (view.shape, str(view.dtype))
        sides = [[getattr(s, name) for name in s.__dataclass_fields__][2:] for s in (ours, copy)]
        numbers = [[math.nan if value is None else value for value in side] for side in sides]
        assert numbers[0] == pytest.approx(numbers[1], rel=1e-12, nan_ok=True), view.strides


@pytest.mark.parametrize(
    "view",
    [
        lambda: np.broadcast_to(np.float32(1.5), (20_000_000,)),
        lambda: np.broadcast_to(np.arange(1000, dtype=np.float32), (4000, 1000)),
        lambda: np.zeros((4000, 4000), np.uint8)[::2, ::2],
        lambda: np.lib.stride_tricks.sliding_window_view(np.zeros(100_000, np.float32), 100),
    ],
)
def test_no_view_is_copied_for_its_sizes(view):
    array = view()
    tracemalloc.start()
    try:
        stats_of(array)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3_000_000


def test_all_copies_of_a_view_together_are_bounded():
    value = leaf(np.ones(8192, np.float32)) * 1.0
    results = [value + float(i) for i in range(600)]
    for result in results:
        result.retain_grad()
    tg.stack(results).sum().backward()
    view = viz.graph(results)
    assert len(view.to_json()) < 2 * PICTURE_BYTES
    kept = [node.outputs[0].value for node in view.nodes if node.kind == "op" and node.outputs[0].value is not None]
    assert len(kept) == 600
    assert 0 < sum(preview.picture is not None for preview in kept) < 300
