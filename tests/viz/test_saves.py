"""What operations kept is said after the graph was freed, if it was recorded; else, that it is not known."""

import gc
import weakref

import numpy as np
import pytest

import nn
import tensorgrad as tg
from tensorgrad import viz
from tensorgrad.viz.boxes import FORGOTTEN
from tensorgrad.viz.compose import compose
from tensorgrad.viz.options import Options

from .graphs import leaf


class Wide(tg.autograd.Function):
    """Saves an array of its own, larger than input and output."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(tg.zeros(1000, 1000, dtype=np.float64), None, x)
        return x * 2.0

    @staticmethod
    def backward(ctx, g):
        return g * 2.0


def net():
    return nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(36, 2),
    )


def of_net():
    tg.manual_seed(1)
    return net()(tg.tensor(np.ones((8, 1, 8, 8), np.float32))).sum()


def of_function():
    return Wide.apply(leaf(np.ones(3, np.float32))).sum()


def of_two():
    x = leaf(np.ones((4, 4), np.float32))
    return (tg.dropout(x * 2.0, generator=np.random.default_rng(1)) * x).sum()


def kept(graph, **options):
    """What the cards say."""
    cards = compose(graph, Options(**options)).cards
    return [(card.title, card.saved, FORGOTTEN in card.sizes) for card in cards if card.kind in ("op", "module")]


def saved(view):
    return [node.saved for node in view.nodes]


OPTIONS = [{}, {"collapse": "auto"}, {"color": "memory"}, {"view": "tensor"}]


@pytest.mark.parametrize("make", [of_net, of_function, of_two])
@pytest.mark.parametrize("options", OPTIONS)
def test_a_recorded_graph_that_was_freed_says_the_same_as_before(make, options):
    with viz.record() as run:
        loss = make()
        before = run.graph(loss)
        loss.backward()
    after = run.graph(loss)
    assert any(node.freed for node in after.nodes)
    assert saved(after) == saved(before)
    assert kept(after, **options) == kept(before, **options)
    assert not any(unknown for *_, unknown in kept(after, **options))


@pytest.mark.parametrize("make", [of_net, of_function, of_two])
def test_a_recorded_walk_alone_says_it_too(make):
    loss = make()
    before = viz.graph(loss)
    with viz.record() as run:
        loss.backward()
    assert saved(run.graph(loss)) == saved(before)


def test_a_function_says_what_it_saved():
    with viz.record() as run:
        loss = of_function()
        loss.backward()
    (_, size, _), _ = kept(run.graph(loss))
    assert 8_000_000 <= size < 8_001_000


@pytest.mark.parametrize("make", [of_net, of_function, of_two])
def test_without_a_recording_the_cards_say_that_it_is_not_known(make):
    loss = make()
    assert not any(unknown for *_, unknown in kept(viz.graph(loss)))
    loss.backward()
    view = viz.graph(loss)
    unknown = [title for title, _, unknown in kept(view) if unknown]
    assert len(unknown) >= 1
    assert FORGOTTEN in view.to_svg()
    assert FORGOTTEN in view.to_dot()


def test_a_group_says_it_for_what_is_inside():
    loss = of_net()
    loss.backward()
    view = viz.graph(loss, model=net())
    assert any(unknown for *_, unknown in kept(view, collapse=lambda path, kind: True))


def test_the_sizes_count_as_memory_of_the_recording():
    with viz.record(max_bytes=2000) as run:
        of_function().backward()
    assert run.bytes <= 2000


def test_no_array_is_held():
    held = []

    class Watched(Wide):
        @staticmethod
        def forward(ctx, x):
            own = tg.zeros(10)
            held.append(own)
            ctx.save_for_backward(own)
            return x * 1.0

    with viz.record() as run:
        loss = Watched.apply(leaf([1.0])).sum()
        loss.backward()
    reference = weakref.ref(held.pop().data)
    gc.collect()
    assert reference() is None
    assert run.bytes
