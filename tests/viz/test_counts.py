"""What a picture says of gradients and NaN is what was seen: nothing is claimed of what was not."""

import numpy as np
import pytest

import nn
import tensorgrad as tg
from tensorgrad import viz

from .test_collapse import scene_of


def flags(view):
    return {card.title: card.flags for card in scene_of(view).cards if card.flags}


def chips(view):
    return [chip for card in scene_of(view).cards for chip in card.chips]


def names(view):
    return [tensor.name for tensor in view.tensors if tensor.kind == "input"]


@pytest.fixture
def negative():
    return tg.tensor([1.0, 2.0, -3.0], requires_grad=True)


@pytest.mark.filterwarnings("ignore:invalid value")
def test_first_nan_is_said_only_where_all_inputs_were_seen(negative):
    assert flags(viz.graph(tg.log(negative * 2.0).sum())) == {"sum": ("! nan",)}
    h = tg.log(negative * 2.0)
    with viz.record() as run:
        loss = h.sum()
    assert flags(run.graph(loss)) == {"sum": ("! nan",)}
    with viz.record() as run:
        loss = tg.log(negative * 2.0).sum()
    assert flags(run.graph(loss)) == {"log": ("! first nan",), "sum": ("! nan",)}
    bad = tg.tensor([1.0, float("nan")], requires_grad=True)
    assert "! first nan" in flags(viz.graph(bad.sum(), inputs={"bad": bad}))["bad"]


@pytest.mark.filterwarnings("ignore:invalid value")
def test_an_input_of_a_leaf_is_seen_without_a_recording(negative):
    assert flags(viz.graph(tg.log(negative))) == {"log": ("! first nan",)}


def two_losses(both):
    net, x = nn.Linear(3, 2), tg.ones(4, 3)
    with viz.record() as run:
        h = net(x)
        one, other = h.square().mean(), h.abs().sum()
        (one + other if both else one).backward()
    return run.graph({"reconstruction": one, "l1": other}, model=net)


def backward_arrows(scene):
    titles = {card.id: card.title for card in scene.cards}
    return {(titles[arrow.source], titles[arrow.target]) for arrow in scene.arrows if arrow.kind == "backward"}


def test_no_gradient_is_drawn_where_none_went():
    view = two_losses(both=False)
    scene = scene_of(view)
    assert backward_arrows(scene) == {("square", "linear"), ("mean", "square")}
    assert scene.sums == ()
    assert "(+)" not in view.to_dot()
    assert all(not arrow.label for arrow in scene.arrows)
    drawn = {title for arrow in backward_arrows(scene_of(view, view="tensor")) for title in arrow}
    assert drawn == {"linear", "weight", "bias", "square", "mean"}


def test_both_are_drawn_where_both_went_and_without_a_recording():
    scene = scene_of(two_losses(both=True))
    assert len(backward_arrows(scene)) == 4
    assert len(scene.sums) == 1
    net, x = nn.Linear(3, 2), tg.ones(4, 3)
    h = net(x)
    one, other = h.square().mean(), h.abs().sum()
    one.backward()
    scene = scene_of(viz.graph([one, other], model=net))
    assert len(backward_arrows(scene)) == 4
    assert len(scene.sums) == 1


def test_after_two_passes_both_numbers_are_told():
    net, x = nn.Linear(3, 2), tg.ones(4, 3)
    with viz.record() as run:
        loss = net(x).square().mean()
        loss.backward(retain_graph=True)
    view = run.graph(loss, model=net)
    assert "last pass" not in view.to_svg() + view.to_dot()
    with run:
        loss.backward()
    view = run.graph(loss, model=net)
    grad, share = net.weight.grad, float(np.sqrt(np.mean(np.square(net.weight.grad.numpy() / 2))))
    assert f"∇ {share:.3g} of the last pass" in view.to_svg()
    assert f".grad rms {float(np.sqrt(np.mean(np.square(grad.numpy())))):.3g} in all" in view.to_svg()
    assert f"last pass: rms {share:.3g}" in view.to_dot()


def test_a_detached_use_of_a_parameter_does_not_look_trained():
    first, second = nn.Linear(3, 3), nn.Linear(3, 3)
    net = nn.Sequential(first, second)
    x = tg.ones(1, 3)
    view = viz.graph(tg.linear(first(x), second.weight.detach()).sum(), model=net)
    assert [(chip.name, chip.cut) for chip in chips(view)] == [
        ("0.weight", False),
        ("0.bias", False),
        ("1.weight", True),
    ]
    assert "detached parameter (3, 3)" in view.to_dot()
    assert "stroke-dasharray" in view.to_svg(legend=False).partition("1.weight")[2]
    assert any(key.sample == "chip:dashed" for key in scene_of(view).legend)
    with viz.record() as run, tg.no_grad():
        out = net(x)
    assert not any(chip.cut for chip in chips(run.graph(out, model=net)))


@pytest.mark.parametrize("dtype", [np.int64, np.int32])
def test_labels_given_as_an_array_have_their_name(dtype):
    net, x, y = nn.Linear(5, 7), np.ones((4, 5), np.float32), np.array([3, 1, 4, 1], dtype)
    given = {"x": x, "y": y}
    for recorded in (False, True):
        with viz.record() as run:
            loss = nn.functional.cross_entropy(net(x), y)
        draw = run.graph if recorded else viz.graph
        view = draw(loss, model=net, inputs=given)
        assert names(view) == ["x", "y"]
        assert not any("recognised" in note for note in view.notes)
        with run:
            loss.backward()
        assert names(draw(loss, model=net, inputs=given)) == ["x", "y"]


def test_other_labels_do_not_take_the_name():
    net, x = nn.Linear(5, 7), np.ones((4, 5), np.float32)
    loss = nn.functional.cross_entropy(net(x), np.array([3, 1, 4, 1]))
    assert names(viz.graph(loss, model=net, inputs={"x": x, "y": np.array([0, 0, 0, 0])})) == ["x", "input 1 (target)"]
