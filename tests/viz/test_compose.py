"""What a scene shows: cards, chips, arrows, sums, flags, colours, legend, and options that are refused."""

import math
import time

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import viz
from tensorgrad.viz.compose import compose
from tensorgrad.viz.options import options_of

from .graphs import GRAPHS, LeNet, Model, leaf, lenet, values


def scene_of(graph, **options):
    return compose(graph, options_of("test", options))


def named(scene, title, nth=0):
    return [card for card in scene.cards if card.title == title][nth]


def texts(card):
    return ["".join(text for text, _ in line) for line in card.lines]


def arrows(scene, kind):
    return [arrow for arrow in scene.arrows if arrow.kind == kind]


# Arrows


@pytest.mark.parametrize("name", GRAPHS)
def test_a_backward_arrow_for_each_input_that_takes_part(name):
    view = GRAPHS[name]()
    pairs = [(edge.target, edge.source) for edge in view.edges if edge.differentiable]
    scene = scene_of(view, backward=True)
    docked = [(card.id, chip.id) for card in scene.cards for chip in card.chips if chip.backward]
    drawn = [(arrow.source, arrow.target) for arrow in arrows(scene, "backward")]
    assert sorted(drawn + docked) == sorted(pairs)
    assert view.to_dot(backward=True).count('class="backward"') == len(pairs)
    detached = [(edge.source, edge.target) for edge in view.edges if not edge.differentiable]
    frozen = [(c.id, card.id) for card in scene.cards for c in card.chips if not c.trainable or c.detached]
    assert sorted([(a.source, a.target) for a in arrows(scene, "detached")] + frozen) == sorted(detached)
    assert not arrows(scene_of(view, backward=False), "backward")


@pytest.mark.parametrize("name", GRAPHS)
def test_in_the_view_of_tensors_every_arrow_joins_an_operation_and_a_tensor(name):
    view = GRAPHS[name]()
    scene = scene_of(view, view="tensor", backward=True)
    ops = {card.id for card in scene.cards if card.kind == "op"}
    assert all((arrow.source in ops) != (arrow.target in ops) for arrow in scene.arrows)
    assert not any(card.chips for card in scene.cards)
    pairs = sum(edge.differentiable for edge in view.edges)
    assert sum(arrow.source in ops for arrow in arrows(scene, "backward")) == pairs
    assert {c.title.partition(" (use")[0] for c in scene.cards if c.kind == "parameter"} == {
        t.name for t in view.tensors if t.kind == "parameter"
    }
    made = [card.id for card in scene.cards if card.kind == "tensor"]
    assert all(sum(a.target == card and a.kind != "backward" for a in scene.arrows) == 1 for card in made)


def test_contributions_add_up_to_grad():
    w, x = leaf(values(3, 3)), leaf(values(2, 3))
    with viz.record() as run:
        h = x
        for _ in range(3):
            h = tg.tanh(tg.linear(h, w)) * x
        loss = h.sum()
        loss.backward()
    view = run.graph(loss, model=Model({"w": w}), inputs={"x": x})
    shares = {"w": np.zeros((3, 3)), "x": np.zeros((2, 3))}
    scene = scene_of(view)
    kinds = {node.id: node.name for node in view.nodes}
    drawn = {(arrow.source, arrow.target) for arrow in arrows(scene, "backward")}
    drawn |= {(card.id, chip.id) for card in scene.cards for chip in card.chips if chip.backward}
    for edge in view.edges:
        if kinds[edge.source] in shares:
            assert (edge.target, edge.source) in drawn
            shares[kinds[edge.source]] += edge.gradient.picture.array()
    np.testing.assert_allclose(shares["w"], w.grad.data, rtol=1e-5)
    np.testing.assert_allclose(shares["x"], x.grad.data, rtol=1e-5)
    chips = [chip for card in scene.cards for chip in card.chips]
    assert [chip.use for chip in chips] == [f"use {i} of 3" for i in (1, 2, 3)]
    edges = {edge.source: edge for edge in view.edges}
    assert [chip.gradient for chip in chips] == [edges[chip.id].gradient.stats.rms for chip in chips]
    assert all(chip.label == f"rms {chip.gradient:.3g}" for chip in chips)
    assert scene.sums == (named(scene, "x").id,)


def test_displayed_numbers_of_a_scalar_expression_add_up():
    scene = scene_of(GRAPHS["scalar_after"]())
    x = named(scene, "x")
    shown = [float(arrow.label) for arrow in arrows(scene, "backward") if arrow.target == x.id]
    assert sorted(shown) == [1.0, 4.0]
    assert x.sizes == ("value 3", ".grad 5")
    assert scene.sums == (x.id,)
    assert named(scene, "add").result == "z = 15"
    assert named(scene, "mul").sizes == ("value 12", "gradient 1")


def test_weights_follow_the_size_of_the_gradient_on_a_logarithmic_scale():
    x, y = leaf(1.0), leaf(1.0)
    with viz.record() as run:
        loss = x * 1.0 + y * 1e-3
        loss.backward()
    scene = scene_of(run.graph(loss, inputs={"x": x, "y": y}))
    weight = {arrow.target: arrow.weight for arrow in arrows(scene, "backward")}
    assert weight[named(scene, "x").id] == 1.0
    assert weight[named(scene, "y").id] == pytest.approx(0.5, abs=1e-6)


def test_a_gradient_that_never_came_is_told():
    x = leaf(2.0)
    with viz.record() as run:
        h = x * 3.0
        first, second = h * h, h + 1.0
        first.backward()
    scene = scene_of(run.graph([first, second], inputs={"x": x}))
    backward = arrows(scene, "backward")
    assert all(a.weight == 0.5 for a in backward if a.source == named(scene, "add").id)  # not recorded
    assert all(a.weight > 0.5 for a in backward if a.source == named(scene, "mul", 1).id)


# Cards


def test_a_card_has_hyper_parameters_shape_and_costs():
    conv = named(scene_of(lenet(walk=True)), "conv2d")
    assert conv.place == "features.0"
    assert texts(conv) == ["5x5, stride 1, pad 2", "(4, 6, 28, 28)", "156 params · 470,400 multiply-adds"]
    assert conv.lines[1] == (("(4, ", False), ("6", True), (", 28, 28)", False))
    assert [(chip.name, chip.shape) for chip in conv.chips] == [
        ("features.0.weight", "(6, 1, 5, 5)"),
        ("features.0.bias", "(6,)"),
    ]
    assert conv.saved == 4 * 28 * 28 * 4
    assert conv.value.low == conv.value.high > 0
    assert conv.gradient.low == conv.gradient.high > 0
    assert [card.title for card in scene_of(lenet()).cards if card.kind == "input"] == ["images", "labels"]
    assert named(scene_of(lenet()), "cross_entropy").result == "loss = 2.34317"


@pytest.mark.parametrize(
    "before, operation, expected",
    [
        ((2, 3), lambda x: tg.relu(x), [("(2, 3)", False)]),
        ((2, 3, 4), lambda x: x.reshape(2, 12), [("(2, ", False), ("12", True), (")", False)]),
        ((2, 3), lambda x: x.reshape(6), [("(", False), ("6", True), (",)", False)]),
        ((2, 3), lambda x: x.sum(), [("scalar", False)]),
        (
            (2, 3),
            lambda x: tg.transpose(x, 0, 1),
            [("(", False), ("3", True), (", ", False), ("2", True), (")", False)],
        ),
        ((2, 3), lambda x: x.double(), [("(2, 3) float64", False)]),
    ],
)
def test_changed_axes_stand_out(before, operation, expected):
    scene = scene_of(viz.graph(operation(leaf(values(*before)))))
    assert list(scene.cards[-1].lines[-1]) == expected


def test_before_after_and_freed_are_the_same_picture():
    x, w = leaf(values(3, 2)), leaf(values(4, 2))
    loss = tg.tanh(tg.linear(x, w) * 2).sum()

    def shape(scene):
        cards = [(card.id, card.title, card.lines, card.saved) for card in scene.cards]
        return cards, [(a.source, a.target, a.kind) for a in scene.arrows]

    before = scene_of(viz.graph(loss, inputs={"x": x}), backward=True)
    assert not any(card.gradient for card in before.cards)
    loss.backward()
    view = viz.graph(loss, inputs={"x": x})
    assert any(node.freed for node in view.nodes)
    assert shape(scene_of(view)) == shape(before)
    assert named(scene_of(view), "x").gradient.low > 0


def test_several_losses():
    total = math.tanh(1) + math.tanh(2)
    scene = scene_of(GRAPHS["two_losses"](), backward=True)
    assert [card.result for card in scene.cards if card.result] == [
        f"output 1 = {total:.6g}",
        f"output 2 = {total * 1.5 + 1:.6g}",
    ]
    assert scene.sums == (named(scene, "tanh").id,)


def test_second_order():
    scene = scene_of(GRAPHS["second_order"](), backward=True)
    assert named(scene, "x").id in scene.sums
    square = next(card for card in reversed(scene.cards) if card.title == "mul")
    clone = named(scene, "clone")
    assert sum((a.source, a.target) == (square.id, clone.id) for a in arrows(scene, "backward")) == 2
    assert clone.id in scene.sums


def test_detached_and_assignment():
    scene = scene_of(GRAPHS["detached"](), backward=True)
    assert [a.label for a in arrows(scene, "detached")] == ["", "detached"]
    assert scene.sums == ()
    put = named(scene_of(GRAPHS["assignment"]()), "setitem")
    assert texts(put) == ["index 1:", "(3,)"]


def test_a_parameter_that_is_asked_for_has_a_card():
    w = leaf(values(2, 2))
    scene = scene_of(viz.graph({"w": w, "loss": w.sum()}, model=Model({"w": w})))
    assert (named(scene, "w").kind, named(scene, "w").result) == ("parameter", "w")
    assert len(arrows(scene, "forward")) == 1


# Flags


def recorded(build, model=None):
    with viz.record() as run:
        loss = build()
        loss.backward()
    return run.graph(loss, model=model)


def flags_of(view, **options):
    return {card.title: card.flags for card in scene_of(view, **options).cards if card.flags}


@pytest.mark.parametrize("scale, flag", [(1e-9, "▽ vanishing"), (1e3, "△ exploding"), (1.0, None), (0.0, "∅ dead")])
def test_gradients_of_parameters(scale, flag):
    w = leaf(np.ones((2, 2), np.float32))
    view = recorded(lambda: (tg.linear(tg.ones(1, 2), w) * scale).sum(), Model({"w": w}))
    assert flags_of(view).get("linear", (None,))[0] == flag


def test_thresholds_are_options():
    w = leaf(np.ones((2, 2), np.float32))
    view = recorded(lambda: tg.linear(tg.ones(1, 2), w).sum(), Model({"w": w}))
    assert flags_of(view) == {}
    assert flags_of(view, vanishing=2.0)["linear"] == ("▽ vanishing",)
    assert flags_of(view, exploding=0.5)["linear"] == ("△ exploding",)


def test_dead_outputs():
    x = leaf(-np.ones(3))
    assert flags_of(recorded(lambda: (tg.relu(x) * 2.0).sum()))["relu"] == ("∅ dead",)
    assert "∅ dead" in flags_of(recorded(lambda: tg.relu(x).sum()), depth=1)["relu"]


def test_the_first_nan_is_marked():
    x = leaf([1.0, 0.0])
    view = recorded(lambda: (tg.log(x * 0.0 - 1.0) + 1.0).sum())
    found = flags_of(view)
    assert "! first nan" in found["log"]
    assert "! nan" in found["add"]
    assert [title for title, said in found.items() if "! first nan" in said] == ["log"]
    with np.errstate(divide="ignore"):
        found = flags_of(recorded(lambda: tg.sqrt(x).sum()))
    assert found["input 1"] == ("! inf gradient",) or "! first inf gradient" in found["input 1"]


def test_first_on_the_way_back_is_the_first_that_the_walk_met():
    x = leaf([0.0, 1.0])
    with np.errstate(divide="ignore"):
        view = recorded(lambda: ((x * 1.0) ** 0.5).sum())
    found = flags_of(view)
    assert [title for title, said in found.items() if "! first inf gradient" in said] == ["mul"]


# Colours and legend


@pytest.mark.parametrize("color", ["value", "gradient", "memory"])
def test_colours_by_number(color):
    view = lenet(walk=True)
    scene = scene_of(view, color=color)
    assert all(card.fill for card in scene.cards)
    assert not any(card.fill for card in scene_of(view).cards)
    scale = [key for key in scene.legend if key.sample.startswith("scale:#")]
    assert len(scale) == 1
    assert "1e" in scale[0].text
    if color == "memory":
        size = {card.saved: card.fill for card in scene.cards if card.kind == "op"}
        assert len({size[max(size)], size[min(size)]}) == 2


def test_the_legend_tells_what_occurs_and_nothing_else():
    before = [key.sample for key in scene_of(GRAPHS["scalar"]()).legend]
    assert before == ["card:input", "card:elementwise", "arrow:forward", "strip:value", "word:keeps"]
    after = [key.sample for key in scene_of(GRAPHS["scalar_after"]()).legend]
    assert {"arrow:backward", "sum", "strip:gradient"} <= set(after)
    assert "arrow:detached" not in after
    assert scene_of(GRAPHS["scalar"](), legend=False).legend == ()
    assert "card:parameter" in [key.sample for key in scene_of(lenet()).legend]


def test_the_legend_promises_no_widths_that_were_not_recorded():
    def said(scene):
        return next(key.text for key in scene.legend if key.sample == "arrow:backward")

    assert said(scene_of(lenet(walk=True))) == "its gradient, backward; wider where it is larger"
    assert said(scene_of(lenet(), backward=True)) == "its gradient, backward"


def test_long_hyper_parameters_take_several_lines():
    x = leaf(values(1, 1, 6, 6))
    card = scene_of(viz.graph(tg.avg_pool2d(x, 2, padding=1, count_include_pad=True))).cards[-1]
    assert ["".join(text for text, _ in line) for line in card.lines[:2]] == [
        "2x2, stride 2, pad 1,",
        "count_include_pad",
    ]
    card = scene_of(viz.graph(tg.avg_pool2d(x, 2))).cards[-1]
    assert "count_include_pad" not in card.tip


def test_what_a_checkpoint_dropped_is_recomputed_and_takes_no_memory():
    x, w = leaf(values(3, 2)), leaf(values(4, 2))

    def part(x):
        return tg.tanh(tg.linear(x, w))

    plain, saving = viz.graph(part(x).sum()), viz.graph(tg.func.checkpoint(part, x).sum())
    for view, recomputed in ((plain, False), (saving, True)):
        ops = {node.name: node for node in view.nodes if node.kind == "op"}
        assert not any(node.freed for node in ops.values())
        assert ops["tanh"].recomputed == ops["linear"].recomputed == recomputed
        card = named(scene_of(view), "tanh")
        assert (card.saved == 0) == recomputed
        assert ("recomputed on the way back" in card.sizes) == recomputed
    assert "recomputed for the way back: out" in named(scene_of(saving), "tanh").tip


# Options


@pytest.mark.parametrize(
    "options, message",
    [
        ({"view": "ops"}, "to_dot: view must be 'op', 'module' or 'tensor', got 'ops'"),
        ({"direction": "up"}, "to_dot: direction must be 'TB' or 'LR', got 'up'"),
        ({"color": 3}, "to_dot: color must be 'kind', 'value', 'gradient' or 'memory', got 3"),
        ({"theme": None}, "to_dot: theme must be 'light', 'dark' or 'print', got None"),
        ({"depth": 0}, "to_dot: depth must be None or a whole number from 1, got 0"),
        ({"depth": 1.5}, "to_dot: depth must be None or a whole number from 1, got 1.5"),
        ({"collapse": "all"}, "to_dot: collapse must be None, 'auto' or a function .*, got 'all'"),
        ({"expand": 3}, "to_dot: expand must be a tuple of modules' paths, got 3"),
        ({"backward": "yes"}, "to_dot: backward must be None, True or False, got 'yes'"),
        ({"legend": 1}, "to_dot: legend must be True or False, got 1"),
        ({"vanishing": -1}, "to_dot: vanishing must be a number from 0, got -1"),
        ({"exploding": math.nan}, "to_dot: exploding must be a number from 0, got nan"),
        ({"vanishing": 2, "exploding": 1}, "to_dot: vanishing must not be larger than exploding, got 2 and 1"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(tg.ShapeError, match=message):
        GRAPHS["scalar"]().to_dot(**options)


def test_an_unknown_option_is_told_the_known_ones():
    with pytest.raises(tg.DTypeError, match="to_dot: there is no option 'colour': there are view, depth, collapse"):
        GRAPHS["scalar"]().to_dot(colour="kind")


# Size


def test_20_000_operations_in_seconds():
    y = x = leaf(1.0)
    for _ in range(20_000):
        y = tg.tanh(y)
    view = viz.graph(y, inputs={"x": x})
    start = time.perf_counter()
    text = view.to_dot()
    assert time.perf_counter() - start < 15
    assert text.count("fillcolor=") == 20_001


def test_composing_changes_nothing_and_gives_the_same_again():
    net = LeNet()
    view = viz.graph(net(tg.tensor(values(1, 1, 28, 28))), model=net)
    before = view.to_json()
    assert scene_of(view, collapse="auto") == scene_of(view, collapse="auto")
    assert view.to_json() == before
