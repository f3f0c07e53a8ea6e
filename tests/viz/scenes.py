"""Scenes made by hand, for what draws them."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

from tensorgrad.viz.kinds import LOOKS
from tensorgrad.viz.scene import Arrow, Card, Chip, Frame, Key, Scene, Strip

LEGEND = (
    Key("card:convolution", "convolution"),
    Key("card:activation", "activation"),
    Key("card:pooling", "pooling"),
    Key("card:linear map", "linear map"),
    Key("card:parameter", "parameter, dashed: not trained"),
    Key("arrow:forward", "a value, forward"),
    Key("arrow:backward", "its gradient, backward; the wider, the larger"),
    Key("arrow:detached", "no gradient goes back"),
    Key("sum", "gradients are added"),
    Key("strip:value", "rms of the value, 1e-8 to 100, a decade each tenth"),
    Key("strip:gradient", "rms of the gradient"),
    Key("scale:#440154,#31688e,#35b779,#fde725", "gradient, 1e-6 to 1"),
    Key("flag:▽", "vanishing"),
)


def scene(cards, arrows, frames=(), direction="TB", theme="light", **more):
    more.setdefault("legend", LEGEND)
    return Scene(
        "LeNet: 13 operations", "A picture.", direction, theme, tuple(cards), tuple(arrows), tuple(frames), **more
    )


def both_ways(pairs, kind="forward"):
    """Arrows forward, and the gradients' back, of different weights."""
    arrows = []
    for k, (a, b) in enumerate(pairs):
        arrows.append(Arrow(a, b, kind))
        arrows.append(Arrow(b, a, "backward", weight=(k % 5) / 4))
    return arrows


def op(i, category, title, *lines, **more):
    spans = tuple(((line, False),) if isinstance(line, str) else line for line in lines)
    return Card(f"c{i}", "op", category, title, lines=spans, tip=f"{title} in words", **more)


def chain(count=12, direction="TB", theme="light"):
    cards = [op(i, "elementwise", f"op{i}") for i in range(count)]
    return scene(cards, [Arrow(f"c{i}", f"c{i + 1}", "forward") for i in range(count - 1)], (), direction, theme)


def lenet(direction="TB", theme="light", backward=True):
    """Two convolutions, three linear maps, cross entropy."""

    def conv(i, module, shape, channels):
        chips = (
            Chip(f"{module}.weight", channels, True, gradient=3.1e-3, tip="a weight"),
            Chip(f"{module}.bias", channels[:2] + ",)", i != 1, use="use 1 of 2"),
        )
        return op(
            i, "convolution", "conv2d", "5x5, stride 1, pad 2", shape, "156 params · 480 k multiply-adds", place=module,
            chips=chips, value=Strip(0.3, 0.3), gradient=Strip(1e-5, 1e-3), saved=110_400,
            sizes=("value rms 0.571, 12% zero", "gradient 0.004"), frame="f0",
        )  # fmt: skip

    def linear(i, module, size):
        chips = (Chip(f"{module}.weight", "(120, 400)", True, gradient=0.02), Chip(f"{module}.bias", "(120,)", True))
        return op(
            i, "linear map", "linear", (("(4, ", False), (size, True), (")", False)), place=module, chips=chips,
            value=Strip(1.0, 1.0), gradient=Strip(1e-2, 1e-2), frame="f1",
        )  # fmt: skip

    def shape(*parts):
        return tuple((part, k % 2 == 1) for k, part in enumerate(parts))

    def relu(i, module, frame):
        return op(i, "activation", "relu", place=module, frame=frame, value=Strip(0.2, 0.2), gradient=Strip(1e-4, 1e-4))

    cards = [
        Card("c0", "input", "input", "images", lines=((("(4, 1, 28, 28) float32", False),),)),
        conv(1, "features.0", shape("(4, ", "6, 28, 28", ")"), "(6, 1, 5, 5)"),
        relu(2, "features.1", "f0"),
        op(3, "pooling", "max_pool2d", "2x2, stride 2, pad 0", shape("(4, 6, ", "14, 14", ")"), frame="f0"),
        conv(4, "features.3", shape("(4, ", "16, 10, 10", ")"), "(16, 6, 5, 5)"),
        relu(5, "features.4", "f0"),
        op(6, "pooling", "max_pool2d", "2x2, stride 2, pad 0", shape("(4, 16, ", "5, 5", ")"), frame="f0"),
        op(7, "reshaping", "flatten", shape("(4, ", "400", ")")),
        linear(8, "classifier.1", "120"),
        relu(9, "classifier.2", "f1"),
        linear(10, "classifier.3", "84"),
        relu(11, "classifier.4", "f1"),
        linear(12, "classifier.5", "10"),
        Card("c13", "input", "input", "labels", lines=((("(4,) int64", False),),)),
        op(
            14, "loss", "cross_entropy", "()", result="loss = 2.31", flags=("▽ vanishing",), gradient=Strip(1.0, 1.0),
            value=Strip(float("nan"), float("nan")),
        ),
    ]  # fmt: skip
    pairs = [(f"c{i}", f"c{i + 1}") for i in range(1, 12)] + [("c12", "c14")]
    arrows = both_ways(pairs) if backward else [Arrow(a, b, "forward") for a, b in pairs]
    arrows += [Arrow("c0", "c1", "forward", label="(4, 1, 28, 28)"), Arrow("c13", "c14", "detached")]
    frames = (Frame("f0", "features · Sequential"), Frame("f1", "classifier · Sequential"))
    return scene(cards, arrows, frames, direction, theme, notes=("the labels carry no gradient",))


def residual(direction="TB", theme="light", blocks=2):
    """Residual blocks in frames, in a frame; the first with a by-pass of its own."""
    cards = [Card("x", "input", "input", "x", lines=((("(1, 64, 56, 56)", False),),))]
    frames, pairs, sums, last = [Frame("layer", "layer1 · Sequential")], [], ["x"], "x"
    for b in range(blocks):
        frames.append(Frame(f"b{b}", f"layer1.{b} · BasicBlock", "layer"))
        names = [f"b{b}{name}" for name in ("conv1", "bn1", "relu1", "conv2", "bn2", "add", "relu2")]
        looks = [
            "convolution",
            "normalisation",
            "activation",
            "convolution",
            "normalisation",
            "elementwise",
            "activation",
        ]
        for name, look in zip(names, looks, strict=True):
            chips = (Chip(f"layer1.{b}.{name[2:]}.weight", "(64, 64, 3, 3)", True),) if "conv" in name else ()
            cards.append(Card(name, "op", look, name[2:], f"layer1.{b}", chips=chips, frame=f"b{b}"))
        chain_ = [last, *names]
        pairs += list(pairwise(chain_))
        if b == 0:
            cards.append(Card(f"b{b}down", "module", "module", "downsample", "Sequential", frame=f"b{b}", stacked=True))
            pairs += [(last, f"b{b}down"), (f"b{b}down", f"b{b}add")]
        else:
            pairs.append((last, f"b{b}add"))
        last = names[-1]
        sums.append(last)
    cards.append(Card("pool", "op", "reduction", "mean", lines=((("dims (2, 3)", False),),)))
    pairs.append((last, "pool"))
    return scene(cards, both_ways(pairs), frames, direction, theme, sums=tuple(sums))


def fan(count=1000):
    """One input that many use."""
    cards = [Card("x", "input", "input", "x")] + [op(i, "linear map", "linear") for i in range(count)]
    return scene(cards, [Arrow("x", f"c{i}", "forward") for i in range(count)])


def random_scene(seed, largest=60, direction=None, theme=None):
    """Any graph, with frames in frames, parallel arrows, arrows without partner, and all that cards can have."""
    choice = random.Random(seed)
    count = choice.randrange(1, largest)
    frames = [
        Frame(f"f{i}", f"frame {i}", f"f{choice.randrange(i)}" if i and choice.random() < 0.6 else "") for i in range(5)
    ]
    homes = ["", *(frame.id for frame in frames)]
    kinds = ["op", "module", "tensor", "input", "constant"]
    cards = []
    for i in range(count):
        strip = Strip(10.0 ** choice.randrange(-9, 1), 10.0 ** choice.randrange(0, 3))
        cards.append(
            Card(
                f"c{i}", choice.choice(kinds), choice.choice(list(LOOKS)), "title" * choice.randrange(0, 6),
                "some.place" * choice.randrange(0, 2),
                ((("a line ", False), ("that stands out", True)),) * choice.randrange(4),
                tuple(Chip(f"p{k}.weight", "(3, 3)", choice.random() < 0.7) for k in range(choice.randrange(3))),
                strip if choice.random() < 0.5 else None, strip if choice.random() < 0.3 else None,
                choice.randrange(3) * 12345, ("∅ dead",) * choice.randrange(2), "y = 1" * choice.randrange(2),
                choice.random() < 0.2, choice.choice(["", "", "#aa3300", "#f0f0f0"]), "tip", choice.choice(homes),
            )
        )  # fmt: skip
    arrows = []
    for i in range(1, count):
        for _ in range(choice.randrange(3)):
            source = choice.randrange(max(0, i - 6), i) if choice.random() < 0.8 else choice.randrange(i)
            kind = choice.choice(["forward", "forward", "detached"])
            arrows.append(Arrow(f"c{source}", f"c{i}", kind, choice.choice(["", "(3, 4)"])))
            if choice.random() < 0.5:
                arrows.append(Arrow(f"c{i}", f"c{source}", "backward", weight=choice.random()))
    direction = direction or choice.choice(["TB", "LR"])
    return scene(cards, arrows, frames, direction, theme or choice.choice(["light", "dark", "print"]), sums=("c0",))


def hostile(names):
    """The names in every place where a text can stand."""
    cards, frames, arrows = [], [], []
    for i, name in enumerate(names):
        frames.append(Frame(f"f{i}", name, f"f{i - 1}" if i % 3 else ""))
        chips = (Chip(name, name, True, name, float("nan"), sizes=(name,), tip=name),)
        lines = (((name, False), (name, True)), ((name, True),))
        card = Card(
            f"c{i}", "op", "operation", name, name, lines, chips, flags=(name,), result=name, fill=name, tip=name,
            frame=f"f{i}", sizes=(name,),
        )  # fmt: skip
        cards += [card, replace(card, id=f"d{i}", category=name)]
        arrows.append(Arrow(f"c{i}", f"d{i}", "forward", name, tip=name))
        arrows.append(Arrow(f"d{i}", f"c{i}", "backward", name, weight=float("nan"), tip=name))
    keys = tuple(Key(sample, name) for name in names for sample in ("sum", name, f"scale:{name}", f"flag:{name}"))
    made = scene(cards, arrows, frames, legend=keys, notes=tuple(names))
    return replace(made, title="".join(names), description="".join(names))
