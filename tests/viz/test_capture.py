"""What a view holds, and that taking one changes nothing."""

import gc
import json
import math
import weakref

import numpy as np
import pytest

import nn
import tensorgrad as tg
from tensorgrad import viz
from tensorgrad.modes import Observer, observing
from tensorgrad.node import Node

from .graphs import LeNet, Model, leaf, lenet, values


def ops(view):
    return [node for node in view.nodes if node.kind == "op"]


def boxes(view, kind):
    return [node.name for node in view.nodes if node.kind == kind]


def test_a_plus_a_has_two_edges_in_order():  # T6
    a = leaf([1.0, 2.0])
    view = viz.graph(a + a, inputs={"a": a})
    assert [(e.source, e.target, e.input) for e in view.edges] == [("n0", "n1", 0), ("n0", "n1", 1)]
    assert boxes(view, "input") == ["a"]


def test_edges_keep_the_positions_of_arguments():
    x, y = leaf(1.0), leaf(2.0)
    view = viz.graph(y - x, inputs={"x": x, "y": y})
    assert [(view.nodes[int(e.source[1:])].name, e.input) for e in view.edges] == [("y", 0), ("x", 1)]


def test_one_tensor_a_list_a_dictionary_and_a_leaf_alone():  # T48
    x = leaf([1.0, 2.0])
    assert viz.graph(x.sum()).results == viz.graph([x.sum()]).results
    assert [r.name for r in viz.graph({"a": x.sum(), "b": x.mean()}).results] == ["a", "b"]
    assert [r.name for r in viz.graph((x.sum(), x.mean())).results] == ["output 1", "output 2"]
    alone = viz.graph(x)
    assert [(n.kind, n.name) for n in alone.nodes] == [("input", "input 1")]
    assert "no recorded operation led here" in alone.notes[0]


@pytest.mark.parametrize(
    "wrong, message",
    [
        (3.0, "graph: expected a tensor, or a list or dictionary of tensors, got float"),
        ([], "graph: there is nothing to draw: no tensor was given"),
        ([1], "graph: output must be a tensor, got int"),
        ({"loss": None}, "graph: loss must be a tensor, got NoneType"),
    ],
)
def test_errors_on_what_is_no_tensor(wrong, message):
    with pytest.raises(tg.TensorgradError, match=message):
        viz.graph(wrong)


def test_errors_on_a_model_without_parameters_and_on_inputs_that_are_none():
    x = leaf(1.0)
    with pytest.raises(tg.DTypeError, match=r"graph: model must have named_parameters\(\), which int has not"):
        viz.graph(x * x, model=3)
    with pytest.raises(tg.DTypeError, match=r"graph: inputs\['x'\] must be a tensor or an array, got float"):
        viz.graph(x * x, inputs={"x": 1.0})


def test_unnamed_things_have_names():
    x, mask = leaf([1.0, 2.0]), np.array([True, False])
    view = viz.graph((tg.where(mask, x, 0.0) * 3).sum())
    assert boxes(view, "input") == ["input 1 (condition)", "input 2"]
    assert boxes(view, "constant") == ["0", "3"]
    assert all(node.name for node in view.nodes)


def test_a_missing_bias_is_no_box():
    x, w = leaf(values(1, 1, 4, 4)), leaf(values(1, 1, 3, 3))
    assert len(viz.graph(tg.conv2d(x, w)).edges) == 2


def test_a_parameter_has_a_box_for_each_use_and_an_input_one():
    w, x = leaf(values(2, 2)), leaf(values(1, 2))
    h = tg.linear(tg.linear(tg.linear(x, w), w), w) + x
    view = viz.graph(h.sum(), model=Model({"fc.weight": w}), inputs={"x": x})
    stubs = [node for node in view.nodes if node.kind == "parameter"]
    assert [(n.name, n.use, n.uses) for n in stubs] == [("fc.weight", i, 3) for i in (1, 2, 3)]
    assert len({n.tensor for n in stubs}) == 1
    assert "fc.weight (use 2 of 3)" in view.to_dot()
    assert boxes(view, "input") == ["x"]


def test_an_input_of_many_uses_has_a_box_for_each():
    x = leaf(1.0)
    y = x
    for _ in range(20):
        y = y * x
    assert boxes(viz.graph(y), "input") == ["input 1"] * 21


def test_names_of_interior_tensors():
    x = leaf(1.0)
    h = x * 2
    view = viz.graph(h * h, inputs={"x": x, "h": h})
    assert [output.label for node in ops(view) for output in node.outputs] == ["h", ""]


def test_lenet():
    view = lenet()
    assert [node.hyper for node in ops(view)][:3] == ["5x5, stride 1, pad 2", "", "2x2, stride 2, pad 0"]
    assert ops(view)[0].outputs[0].shape == (4, 6, 28, 28)
    assert ops(view)[0].module == "features.0"
    assert ("features.0", "Conv2d") in [(module.path, module.type) for module in view.modules]
    assert sum(math.prod(t.shape) for t in view.tensors if t.kind == "parameter") == 61_706
    assert boxes(view, "input") == ["images", "labels"]
    assert view.results[0].name == "loss"
    assert [(s.name, s.shape, s.bytes) for s in ops(view)[0].saved] == [("input", (4, 1, 28, 28), 4 * 784 * 4)]


def test_before_and_after_backward_are_the_same_graph():
    x, w = leaf(values(3, 2)), leaf(values(4, 2))
    loss = tg.tanh(tg.linear(x, w) * 2).sum()
    before = viz.graph(loss, inputs={"x": x})
    loss.backward()
    after = viz.graph(loss, inputs={"x": x})
    assert [(n.id, n.name, n.hyper) for n in before.nodes] == [(n.id, n.name, n.hyper) for n in after.nodes]
    assert before.edges == after.edges
    assert [any(n.freed for n in ops(view)) for view in (before, after)] == [False, True]
    assert [view.has_gradients for view in (before, after)] == [False, True]
    grads = {t.name: t.grad for t in after.tensors}
    assert grads["x"].stats.rms == pytest.approx(np.sqrt(np.mean(x.grad.data.astype(float) ** 2)))


def test_retained_gradients_of_interior_tensors():
    x = leaf([1.0, 2.0])
    h = x * 2
    h.retain_grad()
    (h * h).sum().backward()
    loss = (h * 1).sum()
    assert any(output.grad is not None for node in ops(viz.graph(loss)) for output in node.outputs)


def test_data_by_shape_is_said_to_be_a_guess_and_never_taken_for_what_it_cannot_be():
    x = tg.tensor(values(2, 3))
    w = leaf(values(4, 3))
    loss = tg.linear(x, w).sum()
    loss.backward()
    view = viz.graph(loss, inputs={"data": x})
    assert boxes(view, "input")[0] == "data"
    assert view.notes == ("data was recognised by its shape and dtype only",)
    a = leaf(values(2, 3))
    loss = ((a * a).detach() * a).sum()
    loss.backward()
    assert boxes(viz.graph(loss, inputs={"a": a}), "input") == ["input 1", "a"]


def test_detached_leaf_is_the_same_box():
    x = leaf([1.0, 2.0])
    view = viz.graph((x.detach() * x).sum(), inputs={"x": x})
    assert boxes(view, "input") == ["x"]
    assert [e.differentiable for e in view.edges] == [False, True, True]


def test_capture_changes_nothing():
    net, x = LeNet(), tg.tensor(values(2, 1, 28, 28))
    loss = tg.cross_entropy(tg.dropout(net(x), 0.5), [1, 2])
    loss.backward(retain_graph=True)

    class Calls(Observer):
        count = 0

        def called(self, *args):
            self.count += 1

    grads = {name: p.grad.data.tobytes() for name, p in net.named_parameters()}
    random, calls = tg.default_generator().bit_generator.state, Calls()
    with observing(calls):
        view = viz.graph(loss, model=net, inputs={"x": x})
        view.to_dot(), view.to_text(), view.to_json()
    assert calls.count == 0
    assert tg.default_generator().bit_generator.state == random
    assert {name: p.grad.data.tobytes() for name, p in net.named_parameters()} == grads
    loss.backward()  # nothing was freed, no version changed


def test_a_view_keeps_no_tensor_alive():
    gc.collect()
    gc.disable()
    try:
        w = leaf(values(50, 50))
        h = tg.tanh(tg.linear(tg.tensor(values(4, 50)), w))
        loss = h.sum()
        with viz.record() as run:
            loss2 = (h * h).sum()
            loss2.backward(retain_graph=True)
        view, recorded = viz.graph(loss), run.graph(loss2)
        watched = [weakref.ref(tensor) for tensor in (w, h, loss, loss2)]
        watched += [weakref.ref(tensor.data) for tensor in (w, h, loss, loss2)]
        del w, h, loss, loss2
        assert [ref() for ref in watched] == [None] * 8
        assert len(view.nodes) == 5
        assert len(recorded.nodes) == 6
    finally:
        gc.enable()


def test_json_is_strict_and_complete():
    x = leaf([1.0, np.nan, np.inf])
    text = viz.graph((x * 2).sum(), inputs={"x": x}).to_json()

    def refuse(name):
        raise AssertionError(name)

    data = json.loads(text, parse_constant=refuse)
    stats = data["tensors"][0]["value"]["stats"]
    assert (stats["nans"], stats["infs"], stats["max"]) == (1, 1, 1.0)
    assert {node["id"] for node in data["nodes"]} >= {edge["source"] for edge in data["edges"]}


def test_non_finite_values_are_shown():
    x = leaf([1.0, 0.0])
    with viz.record() as run:
        y = x / x.detach() * 0 + tg.tensor([np.inf, 1.0])
    text = run.graph(y).to_dot()
    assert "1 NaN" in text
    assert "1 infinite" in text


def test_text_counts_what_is_not_finite():
    x = tg.tensor([np.nan, np.inf, 1.0], requires_grad=True)
    with viz.record() as run:
        loss = tg.exp(x).sum()
        loss.backward()
    view = run.graph(loss, inputs={"x": x})
    for text in (view.to_text(), view._repr_mimebundle_(include=["text/plain"])["text/plain"]):
        assert "value rms 2.72, 1 nan, 1 inf; gradient rms 1" in text  # of exp
        assert "value rms 1, 1 nan, 1 inf; .grad rms 2.72, 1 nan, 1 inf" in text  # of x
        assert "value rms -, 1 nan; gradient rms 1" in text  # of the sum


def test_modules_and_parameters_of_nn_are_named():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 2))
    loss = net(tg.tensor(values(2, 1, 4, 4))).sum()
    view = viz.graph(loss, model=net)
    assert [(m.path, m.type) for m in view.modules][:3] == [("0", "Conv2d"), ("1", "BatchNorm2d"), ("2", "ReLU")]
    names = {tensor.name for tensor in view.tensors}
    assert names >= {name for name, _ in net.named_parameters()}
    assert view.title == "Sequential"


def test_a_node_of_many_inputs_is_asked_for_its_edges_a_few_times(monkeypatch):
    """Each time it makes them anew, so that once for each input would take minutes for thousands of them."""
    made = 0
    edges = Node.edges.fget

    def counted(node):
        nonlocal made
        made += len(node.sources)
        return edges(node)

    loss = tg.stack([tg.tensor(float(i), requires_grad=True) for i in range(500)]).sum()
    monkeypatch.setattr(Node, "edges", property(counted))
    view = tg.viz.graph(loss)
    assert sum(node.kind == "op" for node in view.nodes) > 1
    assert made < 20 * 500
