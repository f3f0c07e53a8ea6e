"""What modules are called in pictures: paths in the model, and how many calls there were."""

import gc
import re
import weakref

import numpy as np
import pytest

import nn
import tensorgrad as tg
from tensorgrad import viz
from tensorgrad.viz.tree import TIMES

from .test_collapse import scene_of


def block(features_in, features_out):
    return nn.Sequential(nn.Linear(features_in, features_out), nn.ReLU())


class Gan(nn.Module):
    def __init__(self):
        super().__init__()
        self.G = nn.Sequential(block(2, 8), nn.Linear(8, 3))
        self.D = nn.Sequential(block(3, 8), nn.Linear(8, 1))


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(np.eye(3, dtype=np.float32))

    def forward(self, x):
        return tg.linear(tg.linear(x, self.w).tanh(), self.w)


class Nest(nn.Module):
    def __init__(self):
        super().__init__()
        self.tied, self.again = Tied(), nn.Sequential(nn.Linear(3, 3), nn.Tanh())

    def forward(self, x):
        x = self.tied(x)
        for _ in range(3):
            x = self.again(x)
        return x


class Outer(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = Nest()

    def forward(self, x):
        return self.inner(x)


def modules(graph, **options):
    return [(card.title, card.place) for card in scene_of(graph, **options).cards if card.kind == "module"]


def frames(graph):
    return [frame.title for frame in scene_of(graph).frames]


@pytest.fixture
def gan():
    net = Gan()
    return net, net.D(net.G(tg.ones(4, 2))).mean()


def test_parts_that_are_called_directly_have_the_models_paths(gan):
    net, loss = gan
    view = viz.graph(loss, model=net)
    assert modules(view, depth=1) == [("G", "Sequential"), ("D", "Sequential")]
    assert modules(view, depth=2) == [("G.0", "Sequential"), ("D.0", "Sequential")]
    assert modules(view, depth=1, expand="G") == [("G.0", "Sequential"), ("D", "Sequential")]
    assert frames(view) == ["G · Sequential", "G.0 · Sequential", "D · Sequential", "D.0 · Sequential"]
    asked = []
    view.to_svg(collapse=lambda path, type_: asked.append((path, type_)) or False)
    assert ("G.0.1", "ReLU") in asked
    assert all(path and type_ for path, type_ in asked)


def test_a_recording_has_them_too_also_of_what_has_no_gradient(gan):
    net, _ = gan
    with viz.record() as run, tg.no_grad():
        loss = net.D(net.G(tg.ones(4, 2))).mean()
    assert modules(run.graph(loss, model=net), depth=1) == [("G", "Sequential"), ("D", "Sequential")]


def test_one_layer_called_directly_has_its_path():
    net = Gan()
    view = viz.graph(net.G[0][0](tg.ones(1, 2)).relu(), model=net)
    assert [card.place for card in scene_of(view).cards if card.kind == "op"] == ["G.0.0", ""]


def test_modules_outside_of_the_model_are_not_taken_for_its_own(gan):
    net, loss = gan
    assert modules(viz.graph(loss, model=net.D), depth=1)[0][0] == "Sequential"
    assert modules(viz.graph(loss, model=net.D), depth=1)[1] == ("0", "Sequential")
    assert [title for title, _ in modules(viz.graph(loss), depth=1)] == ["Sequential", "Sequential_2"]


def test_without_a_clash_paths_begin_at_the_module_that_was_called():
    net = Gan()
    assert frames(viz.graph(net.G(tg.ones(1, 2)))) == ["0"]


def test_names_hold_no_module():
    net = Gan()
    out = net.G(tg.ones(1, 2))
    gone = weakref.ref(net)
    del net
    gc.collect()
    assert gone() is None
    assert frames(viz.graph(out)) == ["0"]


def test_times_counts_calls_not_uses_of_parameters():
    net = Outer()
    view = viz.graph(net(tg.ones(2, 3)).sum(), model=net)
    assert modules(view, depth=1) == [("inner", "Nest")]
    assert modules(view, depth=2) == [("inner.tied", "Tied"), (f"inner.again {TIMES}3", "Sequential")]
    assert frames(view)[-1] == f"inner.again · Sequential {TIMES}3"


def test_calls_are_numbered():
    net = nn.Sequential(Nest())
    x = tg.ones(2, 3)
    first = net(x)
    view = viz.graph(net(first.exp()).sum(), model=net)
    assert modules(view, depth=1) == [("0, call 1 of 2", "Nest"), ("0, call 2 of 2", "Nest")]
    again = [title for title in frames(view) if title.startswith("0.again")]
    assert again == [f"0.again · Sequential {TIMES}3, calls {calls} of 6" for calls in ("1 to 3", "4 to 6")]


def test_pieces_of_one_call_are_no_calls():
    class Split(nn.Module):
        def __init__(self):
            super().__init__()
            self.parts = nn.ModuleList([nn.Sequential(nn.Linear(3, 3), nn.Tanh()) for _ in range(2)])

        def forward(self, x):
            return self.parts[1](self.parts[0](x) * 2.0)

    split = Split()
    titles = modules(viz.graph(split(tg.ones(2, 3)), model=split), depth=1)
    assert [title for title, _ in titles] == ["parts, part 1 of 2", "parts, part 2 of 2"]


def test_operations_that_compute_gradients_are_no_second_call():
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    x = tg.tensor(np.ones((4, 2), np.float32), requires_grad=True)
    (g,) = tg.grad(net(x).sum(), x, create_graph=True)
    view = viz.graph((g * g).sum(), model=net)
    titles = [title for title, _ in modules(view, view="module")]
    assert titles == ["0", "1", "gradient of 2", "gradient of 1", "gradient of 0"]
    assert frames(view) == ["gradient of 1 · Tanh", "gradient of 0 · Linear"]
    assert "gradient of 2" in [card.place for card in scene_of(view).cards]
    (gg,) = tg.grad((g * g).sum(), x, create_graph=True)
    assert "gradient of gradient of 1" in " ".join(title for title, _ in modules(viz.graph(gg, model=net), depth=1))
    assert not re.search("call", view.to_dot())
