"""Which cards a picture has: depth, functions, by itself, blocks alike, huge graphs."""

import time

import numpy as np
import pytest

import nn
import tensorgrad as tg
from tensorgrad import viz
from tensorgrad.viz.compose import compose
from tensorgrad.viz.options import options_of

from .graphs import Model, leaf, lenet, values


def scene_of(graph, limit=1500, **options):
    return compose(graph, options_of("test", options), limit)


def titles(scene, kind="module"):
    return [card.title for card in scene.cards if card.kind == kind]


def texts(card):
    return ["".join(text for text, _ in line) for line in card.lines]


def check(scene):
    """What holds for every scene: ids are told apart, arrows join cards, nothing runs in a circle."""
    cards = [card.id for card in scene.cards]
    assert len(cards) == len(set(cards))
    place = {card: i for i, card in enumerate(cards)}
    assert all(arrow.source in place and arrow.target in place for arrow in scene.arrows)
    forward = [arrow for arrow in scene.arrows if arrow.kind != "backward"]
    backward = [arrow for arrow in scene.arrows if arrow.kind == "backward"]
    assert all(place[arrow.source] < place[arrow.target] for arrow in forward)
    assert all(place[arrow.source] > place[arrow.target] for arrow in backward)
    frames = [frame.id for frame in scene.frames]
    assert all(frame.parent in frames[:i] for i, frame in enumerate(scene.frames) if frame.parent)
    assert all(card.frame in frames for card in scene.cards if card.frame)
    return scene


@pytest.fixture(scope="module")
def resnet():
    net = nn.models.resnet18(num_classes=10)
    x, y = tg.tensor(values(2, 3, 32, 32)), tg.tensor([1, 2])
    with viz.record() as run:
        loss = tg.cross_entropy(net(x), y)
        loss.backward()
    return run.graph(loss, model=net, inputs={"images": x, "labels": y})


@pytest.mark.parametrize("depth, expected", [(1, ["features", "classifier"]), (2, [])])
def test_depth(depth, expected):
    assert titles(check(scene_of(lenet(), depth=depth))) == expected


def test_a_collapsed_card_says_what_it_hides():
    card = next(c for c in scene_of(lenet(walk=True), depth=1).cards if c.title == "features")
    assert card.place == "Sequential"
    assert card.stacked
    assert texts(card) == ["6 ops · 2,572 params", "1,430,400 multiply-adds", "(4, 1, 28, 28) → (4, 16, 5, 5)"]
    single = [c for c in scene_of(lenet(walk=True)).cards if c.place.startswith("features")]
    assert card.value.low == min(c.value.low for c in single)
    assert card.gradient.high == max(c.gradient.high for c in single)
    assert 0 < card.saved < sum(c.saved for c in single)  # what several hold is there once
    assert card.gradient.low < card.gradient.high


def test_a_function_chooses():
    asked = []

    def choose(path, kind):
        asked.append((path, kind))
        return path == "classifier"

    scene = check(scene_of(lenet(), collapse=choose))
    assert titles(scene) == ["classifier"]
    assert ("features", "Sequential") in asked
    assert ("features.0", "Conv2d") in asked
    assert len(asked) == len(set(asked))


def test_expanded_modules_stay_open():
    scene = check(scene_of(lenet(), depth=1, expand=("features",)))
    assert titles(scene) == ["classifier"]
    assert [frame.title for frame in scene.frames] == ["features · Sequential"]
    with pytest.raises(
        tg.ShapeError, match=r"^compose: expand: no module 'feature' ran in this graph, only 'features', "
    ):
        scene_of(lenet(), expand="feature")


def test_the_module_view_has_a_card_for_every_module():
    assert titles(check(scene_of(lenet(), view="module"))) == ["features", "classifier"]
    scene = check(scene_of(lenet(), view="module", depth=2))
    assert titles(scene) == [f"features.{i}" for i in range(6)] + [f"classifier.{i}" for i in range(6)]
    conv, relu = scene.cards[1:3]
    assert (conv.place, relu.place) == ("Conv2d", "ReLU")
    assert [chip.name for chip in conv.chips] == ["features.0.weight", "features.0.bias"]
    assert not conv.stacked
    assert titles(scene, "op") == ["cross_entropy"]


def test_resnet_collapses_to_25_cards(resnet):
    scene = check(scene_of(resnet, collapse="auto"))
    assert 10 <= len(scene.cards) <= 25
    modules = titles(scene)
    assert modules == ["layer1 · 2 blocks alike"] + [f"layer{i}.{j}" for i in (2, 3, 4) for j in (0, 1)]
    alike = next(card for card in scene.cards if card.title.endswith("alike"))
    assert texts(alike)[0] == "layer1.0 … +1 more"
    assert "14 ops · 147,968 params" in texts(alike)
    assert scene.notes == ()


def test_one_block_of_resnet_expanded(resnet):
    scene = check(scene_of(resnet, collapse="auto", expand=("layer2.0",)))
    assert len(scene.cards) <= 25
    assert "layer2.0" not in titles(scene)
    inside = [card.title for card in scene.cards if card.place.startswith("layer2.0") and card.kind == "op"]
    assert inside == ["conv2d", "batch_norm", "relu", "conv2d", "batch_norm", "add", "relu"]
    assert "layer2.0 · BasicBlock" in [frame.title for frame in scene.frames]


def test_resnet_uncollapsed_has_frames_inside_of_frames(resnet):
    scene = check(scene_of(resnet))
    frames = {frame.id: frame.title for frame in scene.frames}
    parents = {frame.title: frames.get(frame.parent, "") for frame in scene.frames}
    assert parents["layer1.0 · BasicBlock"] == "layer1 · Sequential"
    assert parents["layer1 · Sequential"] == ""


def test_arrows_between_collapsed_cards_are_merged(resnet):
    scene = scene_of(resnet, depth=1)
    pairs = [(arrow.source, arrow.target, arrow.kind) for arrow in scene.arrows]
    assert len(pairs) == len(set(pairs))
    ids = {card.title: card.id for card in scene.cards}
    assert (ids["layer1"], ids["layer2"], "forward") in pairs  # two edges: the block's way and its shortcut
    assert (ids["layer2"], ids["layer1"], "backward") in pairs


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.fc = nn.Linear(width, width)

    def forward(self, x):
        return tg.tanh(self.fc(x)) + x


def test_only_equal_neighbours_in_series_are_folded():
    net = nn.Sequential(*[Block(3) for _ in range(10)], nn.Linear(3, 4), *[Block(4) for _ in range(2)], Block(4))
    scene = check(scene_of(viz.graph(net(leaf(values(2, 3))), model=net), depth=1))
    assert [(card.title, texts(card)[0]) for card in scene.cards if card.stacked] == [
        ("10 blocks alike", "0 … +9 more"),
        ("3 blocks alike", "11 … +2 more"),
    ]
    x = leaf(values(2, 3))
    side = nn.ModuleList([Block(3), Block(3)])
    with tg.named_scope("a"):
        left = side[0](x)
    with tg.named_scope("b"):
        right = side[1](x)
    scene = check(scene_of(viz.graph(left * right), depth=1))
    assert [card.title for card in scene.cards if card.stacked] == ["a", "b"]


def test_times_is_said_of_shared_weights_alone():
    block, x = Block(3), leaf(values(2, 3))
    shared, own = nn.Sequential(block), nn.Sequential(*[Block(3) for _ in range(3)])
    h = x
    for _ in range(3):
        h = shared(h)
    assert titles(check(scene_of(viz.graph(h, model=shared), depth=1))) == ["0 \N{MULTIPLICATION SIGN}3"]
    assert titles(check(scene_of(viz.graph(own(x), model=own), depth=1))) == ["3 blocks alike"]


def test_a_module_that_is_called_again_has_a_card_for_each_call():
    block, h = nn.Sequential(Block(3)), leaf(values(2, 3))
    for _ in range(2):
        h = tg.relu(block(h))
    scene = check(scene_of(viz.graph(h, model=block), depth=1))
    assert titles(scene) == ["0, call 1 of 2", "0, call 2 of 2"]


# Huge graphs


def chain(length):
    x = y = leaf(1.0)
    for i in range(length):
        y = tg.tanh(y) if i % 2 else y * 1.5
    return viz.graph(y, inputs={"x": x})


@pytest.mark.slow
def test_a_chain_of_20_000_operations_is_folded_in_runs():
    view = chain(20_000)
    start = time.perf_counter()
    scene = check(scene_of(view))
    assert time.perf_counter() - start < 10
    cards = [card for card in scene.cards if card.kind == "module"]
    assert titles(scene)[0].endswith(" operations")
    assert 50 <= len(cards) <= 110
    assert sum(int(card.title.split()[0].replace(",", "")) for card in cards) == 20_000
    assert texts(cards[0])[0] == "100 mul, 100 tanh"
    assert scene.notes == ("collapsed, because 30,001 cards are more than the 1,500 that are drawn",)
    assert "x" in titles(scene, "input")
    assert scene_of(view, limit=None).notes == ()
    assert len(scene_of(view, limit=None).cards) == 30_001


def test_a_large_model_is_collapsed_by_its_modules():
    net = nn.Sequential(*[nn.Sequential(Block(2), nn.Tanh(), Block(2)) for _ in range(300)])
    view = viz.graph(net(leaf(values(1, 2))), model=net)
    scene = check(scene_of(view))
    assert len(scene.cards) <= 25
    assert len(scene.notes) == 1
    assert scene.notes[0].startswith("collapsed, because 2,1")
    assert view.to_dot().count("fillcolor=") > 2100


def test_thousands_of_inputs_are_folded_too():
    x = leaf(0.0)
    total = x
    for i in range(2000):
        total = total + leaf(float(i))
    scene = check(scene_of(viz.graph(total)))
    assert len(scene.cards) < 300


def test_what_is_left_open_is_said():
    scene = check(scene_of(chain(60), collapse="auto"))
    assert len(scene.cards) > 60
    assert scene.notes == ("91 cards are left: there are no more modules to close",)


def test_every_use_of_an_input_in_a_group_has_one_card():
    x, w = leaf(values(2, 3)), leaf(values(3, 3))
    h = x
    for _ in range(12):
        with tg.named_scope("block"):
            h = tg.linear(h, w) + x
    scene = check(scene_of(viz.graph(h, model=Model({"block.w": w}), inputs={"x": x}), depth=1))
    assert titles(scene, "input") == ["x (13 uses)"]
    assert len(scene.cards) == 2


def test_random_graphs_hold_together():
    random = np.random.default_rng(0)
    for _ in range(25):
        made = [leaf(values(2, 2)) for _ in range(2)]
        for _ in range(int(random.integers(5, 60))):
            a, b = (made[-int(random.integers(1, min(len(made), 6) + 1))] for _ in range(2))
            with tg.named_scope(f"m{random.integers(3)}"), tg.named_scope(f"k{random.integers(3)}"):
                made.append(a + b if random.random() < 0.5 else tg.tanh(a).detach() * b)
        view = viz.graph(made[-3:])
        for view_kind in ("op", "module", "tensor"):
            for options in ({}, {"depth": 1}, {"depth": 2}, {"collapse": "auto"}):
                check(scene_of(view, view=view_kind, backward=True, **options))
        check(scene_of(view, limit=3))
