"""Multiply-adds and parameters, counted from shapes."""

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import viz
from tensorgrad.viz.compose import compose
from tensorgrad.viz.costs import multiply_adds, size_in_bytes, work_of
from tensorgrad.viz.index import Index
from tensorgrad.viz.options import Options, options_of

from .graphs import LeNet, Model, leaf, values


def work(view):
    index = Index(view)
    return {node.id: work_of(index, node) for node in index.ops if work_of(index, node)}


def counted(result):
    return list(work(viz.graph(result)).values())


def test_lenet_at_batch_1():
    net = LeNet()
    loss = tg.cross_entropy(net(tg.tensor(values(1, 1, 28, 28))), tg.tensor([3]))
    view = viz.graph(loss, model=net)
    assert list(work(view).values()) == [117_600, 240_000, 48_000, 10_080, 840]
    scene = compose(view, Options())
    assert "61,706 values" in scene.description
    assert "416,520 multiply-adds" in scene.description
    said = {line[0][0] for card in scene.cards for line in card.lines}
    assert {"156 params · 117,600 multiply-adds", "850 params · 840 multiply-adds"} <= said


def test_a_module_has_the_sum_of_what_is_in_it():
    net = LeNet()
    view = viz.graph(net(tg.tensor(values(1, 1, 28, 28))), model=net)
    texts = {c.title: [line[0][0] for line in c.lines] for c in compose(view, Options(view="module")).cards}
    assert texts["features"][:2] == ["6 ops · 2,572 params", "357,600 multiply-adds"]
    assert texts["classifier"][:2] == ["6 ops · 59,134 params", "58,920 multiply-adds"]


@pytest.mark.parametrize(
    "build, expected",
    [
        (lambda: tg.matmul(leaf(values(2, 3, 4)), leaf(values(2, 4, 5))), [2 * 3 * 5 * 4]),
        (lambda: tg.bmm(leaf(values(2, 3, 4)), leaf(values(2, 4, 5))), [2 * 3 * 5 * 4]),
        (lambda: tg.einsum("bij,bjk->bik", leaf(values(2, 3, 4)), leaf(values(2, 4, 5))), [2 * 3 * 5 * 4]),
        (lambda: tg.linear(leaf(values(7, 3)), leaf(values(5, 3))), [7 * 5 * 3]),
        (lambda: tg.conv2d(leaf(values(2, 4, 6, 6)), leaf(values(6, 2, 3, 3)), groups=2), [2 * 6 * 4 * 4 * 2 * 9]),
        (lambda: tg.conv1d(leaf(values(1, 2, 9)), leaf(values(3, 2, 3)), stride=2), [3 * 4 * 2 * 3]),
        (lambda: tg.conv_transpose2d(leaf(values(1, 2, 4, 4)), leaf(values(2, 3, 3, 3))), [2 * 16 * 3 * 9]),
        (lambda: tg.relu(leaf(values(3, 3))) + 1.0, []),
    ],
)
def test_operations(build, expected):
    assert counted(build()) == expected


def test_gradients_of_a_convolution_cost_what_it_costs():
    x, w = leaf(values(2, 3, 6, 6)), leaf(values(4, 3, 3, 3))
    y = tg.conv2d(x, w)
    (forward,) = counted(y)
    gradients = tg.grad((y * y).sum(), [x, w], create_graph=True)
    view = viz.graph([g.sum() for g in gradients])
    found = {node.name: work_of(Index(view), node) for node in view.nodes if node.kind == "op"}
    assert found["conv2d_input_grad"] == found["conv2d_weight_grad"] == found["conv2d"] == forward


def test_what_is_not_known_is_not_counted():
    assert multiply_adds("my_conv", {"x": (2, 3)}, (2, 3)) is None
    assert multiply_adds("matmul", {"x": (), "y": ()}, ()) is None


def test_a_shared_parameter_counts_once():
    w = leaf(values(3, 3))
    view = viz.graph(tg.linear(tg.linear(leaf(values(2, 3)), w), w), model=Model({"w": w}))
    assert "with 9 values, 36 multiply-adds" in compose(view, Options()).description


def unique_bytes(result, parameters):
    """The bytes of all arrays that a graph keeps, each memory once, found by the arrays themselves."""

    def memory(array):
        while isinstance(array.base, np.ndarray):
            array = array.base
        return array

    held, waiting, seen = {}, [result.node], set()
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        for array in node.saved:
            if isinstance(array, np.ndarray):
                key = id(memory(array))
                held[key] = max(held.get(key, 0), array.nbytes)  # what lies there may be a part of a block
        waiting += [edge[0] for edge in node.edges if isinstance(edge, tuple)]
    return sum(size for key, size in held.items() if key not in {id(memory(p.data)) for p in parameters})


def test_a_pool_keeps_its_input_and_its_output_and_together_with_relu_each_array_is_counted_once():
    x = leaf(values(1, 2, 4, 4))
    index = Index(viz.graph(tg.max_pool2d(tg.relu(x), 2)))
    relu, pool = index.ops
    image, small = 2 * 16 * 4, 2 * 4 * 4
    assert [saved.name for saved in pool.saved] == ["x", "out"]
    assert index.saved_bytes(relu) == image
    assert index.saved_bytes(pool) == image + small
    assert index.held_by([relu, pool]) == image + small


@pytest.mark.parametrize(
    "build, size",
    [
        (lambda x: x * x, 24),
        (lambda x: x * x.reshape(2, 3).permute(1, 0).reshape(6), 48),
        (lambda x: (x * 2).sum() * (x * 3).sum(), 8),
        (lambda x: tg.tanh(x).reshape(2, 3) @ leaf(values(3, 2)), 24 + 24),
    ],
)
def test_an_array_that_an_operation_keeps_twice_or_as_a_view_is_there_once(build, size):
    index = Index(viz.graph(build(leaf(values(6)))))
    assert index.held_by(index.ops) == size


@pytest.mark.parametrize("view", [{"depth": 1}, {"view": "module"}])
def test_the_sum_on_closed_cards_is_the_memory_that_is_held(view):
    net = LeNet()
    x = tg.tensor(values(4, 1, 28, 28))
    scores = net(x)
    graph = viz.graph(scores, model=net, inputs={"x": x})
    index = Index(graph)
    assert index.held_by(index.ops) == unique_bytes(scores, [p for _, p in net.named_parameters()])
    cards = {card.title: card.saved for card in compose(graph, options_of("test", view)).cards}
    singles = [card.saved for card in compose(graph, Options()).cards if card.place.startswith("features")]
    assert cards["features"] == index.held_by([op for op in index.ops if op.module.startswith("features")])
    assert cards["features"] < sum(singles)


@pytest.mark.parametrize(
    "count, text",
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (110_000, "110 kB"), (12_544_000, "12.5 MB"), (3 * 10**9, "3 GB")],
)
def test_bytes(count, text):
    assert size_in_bytes(count) == text
