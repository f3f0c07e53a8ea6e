"""Operations without gradient: shown where they lead to a graph that was recorded, and told of where they are not."""

import gc
import json
import weakref
from itertools import pairwise

import numpy as np

import nn
import tensorgrad as tg
from tensorgrad import viz
from tensorgrad.modes import Observer, observing

from .graphs import Model, leaf, values


def ops(view):
    return [node for node in view.nodes if node.kind == "op"]


def lines(view):
    """Each operation with what leads to it: "*" where no gradient goes back."""
    names, into = {node.id: node.name for node in view.nodes}, {node.id: [] for node in view.nodes}
    for edge in view.edges:
        into[edge.target].append(names[edge.source] + "*" * (not edge.differentiable))
    return [f"{node.name}({', '.join(into[node.id])})" for node in ops(view)]


def frozen_net():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 3))
    net[0].requires_grad_(False)
    return net


def test_what_runs_before_the_first_trained_parameter_is_drawn():
    view = frozen_net().draw(values(2, 1, 6, 6), [0, 1])
    assert lines(view) == [
        "conv2d(input*, 0.weight*, 0.bias*)",
        "relu(conv2d*)",
        "max_pool2d(relu*)",
        "reshape(max_pool2d*)",
        "linear(reshape*, 4.weight, 4.bias)",
        "cross_entropy(linear, target*)",
    ]
    first, pool = ops(view)[0], ops(view)[2]
    assert (first.module, first.hyper, first.outputs[0].shape) == ("0", "3x3, stride 1, pad 0", (2, 2, 4, 4))
    assert (pool.module, pool.hyper, pool.category) == ("2", "2x2, stride 2, pad 0", "pooling")
    assert pool.outputs[0].value.stats.rms > 0
    assert pool.line.startswith("test_seen.py:")
    assert (first.steps, first.saved, first.freed) == ((), (), False)
    assert view.notes == ()
    assert view.title == "Sequential"


def test_a_frozen_network_keeps_all_of_its_operations():
    net = nn.models.resnet18()
    whole = [node.name for node in ops(net.draw(np.ones((1, 3, 64, 64), np.float32), np.array([1])))]
    for name, parameter in net.named_parameters():
        parameter.requires_grad_(name.startswith("fc"))
    view = net.draw(np.ones((1, 3, 64, 64), np.float32), np.array([1]))
    assert [node.name for node in ops(view)] == whole
    assert [node.name for node in view.nodes if node.kind == "input"] == ["x", "target"]
    parameters = [tensor for tensor in view.tensors if tensor.kind == "parameter"]
    assert {tensor.name for tensor in parameters} == {name for name, _ in net.named_parameters()}
    assert [tensor.name for tensor in parameters if tensor.grad is not None] == ["fc.weight", "fc.bias"]


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.ih, self.hh = nn.Linear(3, 4), nn.Linear(4, 4)

    def forward(self, x):
        h = tg.zeros(x.shape[1], 4)
        for t in range(x.shape[0]):
            h = tg.tanh(self.ih(x[t]) + self.hh(h))
        return h


def test_the_steps_of_a_recurrent_network_are_taken_from_its_input():
    view = Recurrent().draw(values(5, 2, 3), loss=lambda h: h.sum())
    assert [line for line in lines(view) if line.startswith("getitem")] == ["getitem(x*)"] * 5
    assert [node.hyper for node in ops(view) if node.name == "getitem"] == [f"index {t}" for t in range(5)]
    assert [node.name for node in view.nodes if node.kind == "input"] == ["x", "input 1"]  # the first state


def test_a_recording_shows_them_too_also_when_their_arrays_are_gone():
    w, x = leaf(values(2, 3)), tg.tensor(values(4, 3))
    with viz.record() as run:

        def forward():
            start = tg.tensor(values(4, 3)) * 2
            h = (start + start * x).abs()
            return tg.linear(h, w).sum()

        loss = forward()
        loss.backward()
    view = run.graph(loss, model=Model({"w": w}), inputs={"x": x})
    assert lines(view) == [
        "mul(input 1*, 2*)", "mul(mul*, x*)", "add(mul*, mul*)", "abs(add*)", "linear(abs*, w)", "sum(linear)",
    ]  # fmt: skip
    assert view.notes == ()
    assert all(node.steps for node in ops(view) if node.name in ("linear", "sum"))


def test_no_grad_and_detach_are_looked_through():
    teacher, student = nn.Linear(3, 2), nn.Linear(3, 2)
    x = tg.tensor(values(4, 3))
    with viz.record() as run:
        with tg.no_grad():
            goal = tg.tanh(teacher(x))
        other = tg.relu(teacher(x)).detach()
        loss = ((student(x) - goal) * other).sum()
        loss.backward()
    view = run.graph(loss, model=student, inputs={"x": x})
    assert lines(view)[:2] == ["linear(x*, input 1 (weight)*, input 2 (bias)*)", "tanh(linear*)"]
    assert [node.name for node in ops(view)] == ["linear", "tanh", "linear", "relu", "linear", "sub", "mul", "sum"]
    marks = {(e.source, e.target): e.differentiable for e in view.edges}
    by_name = {node.name: node.id for node in ops(view)}
    assert not marks[by_name["relu"], by_name["mul"]]
    assert marks[by_name["sub"], by_name["mul"]]


def test_a_result_without_gradient_is_drawn_with_what_led_to_it():
    net = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
    with viz.record() as run, tg.no_grad():
        out = net(tg.tensor(values(4, 3)))
    view = run.graph(out, model=net)
    assert [node.name for node in ops(view)] == ["linear", "relu"]
    assert view.results[0].node == ops(view)[1].id
    assert view.notes == ()


def test_a_detached_result_has_its_name_and_its_operation():
    net, x = nn.Linear(3, 2), tg.tensor(values(4, 3))
    with viz.record() as run:
        scores = net(x)
        loss, shown = scores.sum(), tg.softmax(scores.detach(), 1)
    results = {"loss": loss, "scores": scores.detach(), "shown": shown}
    view = run.graph(results, model=net, inputs={"x": x})
    made = {result.name: next(n.name for n in view.nodes if n.id == result.node) for result in view.results}
    assert made == {"loss": "sum", "scores": "linear", "shown": "softmax"}
    without = viz.graph(results, model=net, inputs={"x": x})
    assert [node.name for node in without.nodes if node.kind == "input"] == ["x", "scores", "shown"]
    assert without.notes[0] == (
        "scores, shown: no recorded operation led here: a leaf, a detached result, or computed under no_grad"
    )


def test_their_names_and_the_names_of_what_they_make():
    w = leaf(values(2, 3))
    with viz.record() as run:
        h = tg.tensor(values(4, 3)) / 255
        loss = tg.linear(h, w).sum()
    view = run.graph(loss, inputs={"h": h})
    assert ops(view)[0].outputs[0].label == "h"
    assert [node.name for node in view.nodes if node.kind == "input"] == ["input 1", "input 2"]


def test_what_is_not_shown_is_told():
    w = leaf(values(2, 3))
    with viz.record() as run:
        x = (tg.tensor(values(4, 3)) * 2 + 1).requires_grad_()
        loss = tg.linear(x, w).sum()
    assert run.graph(loss).notes == (
        "2 operations without gradient are not shown: what made tensors with which the graph begins",
    )
    with viz.record(max_bytes=9_000, max_cells=0) as run:
        h = tg.tensor(values(4, 3))
        for _ in range(20):
            h = h * 2
        loss = tg.linear(h, w).sum()
    view = run.graph(loss)
    assert 1 < len(ops(view)) < 20
    assert view.notes[0] == "at least 1 operation without gradient is not shown: dropped to save memory"


def test_what_leads_nowhere_is_not_drawn():
    net = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    with viz.record() as run:
        out = net(tg.tensor(values(4, 3)))
        (out.detach().argmax(1) == 1).float().mean()
    assert [node.name for node in ops(run.graph(out, model=net))] == ["linear", "batch_norm"]
    assert run.graph(out, model=net).notes == ()


def test_nothing_is_pinned():
    gc.collect()
    gc.disable()
    try:
        w = leaf(values(2, 3))
        with viz.record() as run:
            h = tg.tensor(values(4, 3)) * 2
            index = np.array([0, 2])
            rows = h[index]
            loss = tg.linear(rows, w).sum()
            loss.backward()
        watched = [weakref.ref(h), weakref.ref(h.data), weakref.ref(rows.data), weakref.ref(index)]
        del h, rows, index
        assert [ref() for ref in watched] == [None] * 4
        assert [node.name for node in ops(run.graph(loss))] == ["mul", "getitem", "linear", "sum"]
    finally:
        gc.enable()


def test_pictures_show_them_as_what_no_gradient_goes_back_through():
    view = frozen_net().draw(values(2, 1, 6, 6), [0, 1])
    dot = view.to_dot()
    inner = [node.id for node in ops(view)[:4]]
    for a, b in pairwise(inner):
        (arrow,) = [line for line in dot.splitlines() if f"{a} -> {b} " in line]
        assert "style=dashed" in arrow
        assert "label=" not in arrow  # "detached" is said of what had a gradient
        assert f"{b} -> {a} " not in dot
    assert dot.count('class="backward"') == sum(edge.differentiable for edge in view.edges) == 3
    for options in ({}, {"view": "module"}, {"view": "tensor"}, {"collapse": "auto"}):
        assert view.to_svg(**options).startswith("<svg")
    data = json.loads(view.to_json())
    assert [node["name"] for node in data["nodes"] if node["kind"] == "op"] == [node.name for node in ops(view)]


def test_backward_steps_do_not_hold_them():
    net, x = frozen_net(), tg.tensor(values(2, 1, 6, 6))
    loss = nn.functional.cross_entropy(net(x), [0, 1])
    steps = viz.backward_steps(loss, model=net, inputs={"x": x})
    assert [step.node.name for step in steps] == ["cross_entropy", "linear"]


def test_observers_are_told_the_parameters_of_calls_without_a_node():
    told = []

    class Watch(Observer):
        def unrecorded(self, primitive, arrays, outputs, params):
            told.append((primitive.name, len(arrays), outputs[0].shape, params["keepdim"]))

    x = leaf([[1.0, 2.0]])
    with observing(Watch()):
        x.sum()
        tg.tensor([[1.0, 2.0]]).sum(1)
        with tg.no_grad():
            x.sum(1, keepdim=True)
    assert told == [("sum", 1, (1,), False), ("sum", 1, (1, 1), True)]


def test_ids_depend_on_the_graph_alone():
    net = frozen_net()
    views = [net.draw(values(2, 1, 6, 6), [0, 1]) for _ in range(2)]
    assert views[0].to_json() == views[1].to_json()
