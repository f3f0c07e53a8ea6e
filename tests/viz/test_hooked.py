"""A hook of a leaf changes its gradient after all shares are added: pictures and steps say so."""

import json

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import viz
from tensorgrad.viz.compose import compose
from tensorgrad.viz.options import Options

from .graphs import Model, leaf

X = np.array([3.0], np.float32)


def times_ten(g):
    return g * 10


def recorded(weight, passes=1, uses=1):
    with viz.record() as run:
        loss = sum(((weight * X).sum() for _ in range(uses)), start=tg.tensor(0.0))
        for _ in range(passes):
            loss.backward(retain_graph=True)
    return run.graph(loss, model=Model({"weight": weight})), run


def chips(view):
    return [chip for card in compose(view, Options()).cards for chip in card.chips]


def test_a_chip_shows_what_the_hook_left():
    weight = leaf([2.0])
    weight.register_hook(times_ten)
    view, _ = recorded(weight)
    (chip,) = chips(view)
    assert (chip.gradient, weight.grad.tolist()) == (30.0, [30.0])
    assert "changed by a hook to 30" in chip.tip
    assert "before the hook: 3" in chip.tip
    for text in (view.to_svg(), view.to_dot()):
        assert "changed by a hook to 30" in text
    assert "gradient changed by a hook: rms 30" in view.to_text()
    (tensor,) = [t for t in json.loads(view.to_json())["tensors"] if t["name"] == "weight"]
    assert tensor["hooked"]["stats"]["rms"] == 30.0


def test_after_two_passes_it_is_that_of_the_last():
    weight = leaf([2.0])
    weight.register_hook(times_ten)
    (chip,) = chips(recorded(weight, passes=2)[0])
    assert (chip.gradient, chip.last, weight.grad.tolist()) == (30.0, True, [60.0])


def test_of_several_uses_each_has_its_share_and_the_hooked_sum():
    weight = leaf([2.0])
    weight.register_hook(times_ten)
    found = chips(recorded(weight, uses=2)[0])
    assert [chip.gradient for chip in found] == [3.0, 3.0]
    assert all("changed by a hook to 60" in chip.tip for chip in found)


@pytest.mark.parametrize("hook", [None, "removed"])
def test_without_a_hook_nothing_is_said(hook):
    weight = leaf([2.0])
    if hook:
        weight.register_hook(times_ten).remove()
    view, run = recorded(weight)
    assert "hook:" not in view.to_text()
    assert "changed by" not in view.to_svg()
    assert run.hooked(weight) is None


def test_an_input_says_it_on_its_card():
    x = leaf(X)
    x.register_hook(times_ten)
    with viz.record() as run:
        (x * 2.0).sum().backward()
        loss = (x * 2.0).sum()
        loss.backward()
    card = next(card for card in compose(run.graph(loss, inputs={"x": x}), Options()).cards if card.title == "x")
    assert "changed by a hook to 20" in card.sizes


def test_hooked_leaves_are_part_of_the_bound():
    leaves = [leaf([1.0]) for _ in range(50)]
    for one in leaves:
        one.register_hook(times_ten)
    for max_bytes in (0, 10_000):
        with viz.record(max_bytes=max_bytes) as run:
            for _ in range(2):
                tg.stack(leaves).sum().backward()
        assert 0 <= run.bytes <= max_bytes


def test_backward_steps_say_it():
    weight = leaf([2.0])
    weight.register_hook(times_ten)
    steps = viz.backward_steps((weight * X).sum(), model=Model({"weight": weight}))
    assert steps.hooked["weight"].exact.tolist() == [30.0]
    assert "note: the gradient of weight was changed by a hook to (1,) rms 30" in str(steps)
    assert "changed by" not in str(viz.backward_steps((leaf([2.0]) * X).sum()))
