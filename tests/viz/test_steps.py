"""The steps of a backward walk: they are the engine's own, they add up to the gradients, and they change nothing."""

import gc
import subprocess
import sys
import tracemalloc
import weakref
from pathlib import Path

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import viz
from tensorgrad.modes import Observer, observing

from .graphs import LeNet, Model, leaf, values

ROOT = Path(__file__).parents[2]
ALL = 10**6  # cells: nothing is reduced


def lenet():
    net, x = LeNet(), tg.tensor(values(4, 1, 28, 28))
    return tg.cross_entropy(net(x), tg.tensor([3, 1, 4, 1])), dict(net.named_parameters())


def shared_weight():
    w = leaf(values(3, 3))
    h = tg.ones(2, 3)
    for _ in range(5):
        h = tg.tanh(tg.linear(h, w))
    return h.sum(), {"w": w}


def diamonds():
    x = leaf(values(7))
    y = x
    for _ in range(6):
        y = y * 0.3 + tg.tanh(y) * y + x
    return (y + y).sum(), {"x": x}


def numbers():
    x, y = leaf(3.0), leaf(4.0)
    return x * y + x + x * x, {"x": x, "y": y}


def several_outputs():
    x = leaf(values(4, 5))
    largest, _ = tg.max(x, 1)
    parts = tg.split(x * 2, 2, 1)
    return largest.sum() + parts[0].sum() + (parts[2] * parts[1].sum()).sum(), {"x": x}


def second_order():
    x, w = leaf(values(4, 3)), leaf(values(3, 3))
    y = tg.tanh(x @ w)
    g, h = tg.grad((y * y * y).sum(), (x, w), create_graph=True)
    return (g * g).sum() + (h * h * h).sum(), {"x": x, "w": w}


def broadcast():
    x, b = leaf(values(4, 3)), leaf(values(3))
    return ((x + b) * b).sum(), {"x": x, "b": b}


def checkpointed():
    x, generator = leaf(values(4, 3)), np.random.default_rng(0)
    y = tg.func.checkpoint(lambda t: tg.dropout(tg.tanh(t * t), 0.5, generator=generator) * t, x)
    return (y * x).sum(), {"x": x}


GRAPHS = {
    made.__name__: made
    for made in (
        lenet,
        shared_weight,
        diamonds,
        numbers,
        several_outputs,
        second_order,
        broadcast,
        checkpointed,
    )
}
graphs = pytest.mark.parametrize("made", GRAPHS.values(), ids=GRAPHS)


def arrived(steps):
    """{place: (the shares that arrived there, the last sum that was told)}."""
    found = {}
    for step in steps:
        for c in step.contributions:
            shares, _ = found.get(c.place, ([], None))
            found[c.place] = ([*shares, c.array], c.total.exact)
            assert c.number == len(shares) + 1
    for step in steps:
        assert all(c.count == len(found[c.place][0]) for c in step.contributions)
    return found


def added(shares):
    total = shares[0]
    for share in shares[1:]:
        total = total + share
    return np.asarray(total)


@graphs
def test_contributions_add_up_to_the_gradient_to_the_bit(made):
    loss, leaves = made()
    steps = viz.backward_steps(loss, inputs=leaves, max_cells=ALL)
    found = arrived(steps)
    expected = tg.grad(loss, list(leaves.values()), retain_graph=True)
    by_name = {tensor.name: tensor.id for tensor in steps.graph.tensors}
    for name, gradient in zip(leaves, expected, strict=True):
        shares, total = found[by_name[name], 0]
        assert added(shares).tobytes() == total.tobytes() == gradient.data.tobytes(), name
        assert total.dtype == gradient.dtype
        assert total.shape == gradient.shape


@graphs
def test_contributions_to_an_operation_add_up_to_its_cotangent(made):
    loss, leaves = made()
    steps = viz.backward_steps(loss, inputs=leaves, max_cells=ALL)
    found, compared = arrived(steps), 0
    for step in steps[1:]:
        for output, cotangent in enumerate(step.cotangents):
            assert (cotangent is not None) == ((step.node.id, output) in found)
            if cotangent is not None:
                shares, total = found[step.node.id, output]
                assert added(shares).tobytes() == total.tobytes() == cotangent.exact.tobytes()
                compared += 1
    assert compared >= len(steps) - 1


class Walk(Observer):
    def __init__(self):
        self.told = []

    def visited(self, node, cotangents):
        self.told.append((node.name, [None if g is None else np.asarray(g).tobytes() for g in cotangents], []))

    def contributed(self, node, number, cotangent):
        if cotangent is not None:
            self.told[-1][2].append((number, np.asarray(cotangent).tobytes()))


@graphs
def test_the_steps_are_those_of_backward_in_its_order(made):
    loss, leaves = made()
    steps = viz.backward_steps(loss, inputs=leaves, max_cells=ALL)
    walk = Walk()
    with observing(walk):
        loss.backward()
    told = [
        (
            step.node.name,
            [None if g is None else g.exact.tobytes() for g in step.cotangents],
            [(c.input, c.array.tobytes()) for c in step.contributions],
        )
        for step in steps
    ]
    assert told == walk.told
    assert [step.index for step in steps] == list(range(len(steps)))


def test_the_rules_are_run_once_by_the_engine_itself():
    called = []

    @tg.primitive
    def double(x):
        return x * 2

    double.defvjps(lambda g: (called.append(1), g * 2)[1])
    x = leaf([1.0, 2.0])
    loss = double(double(x)).sum()
    steps = viz.backward_steps(loss)
    assert len(called) == 2
    for _ in range(3):
        assert [step.node.name for step in steps] == ["sum", "double", "double"]
    assert len(called) == 2


@graphs
def test_nothing_is_changed(made):
    loss, leaves = made()
    held = next(iter(leaves.values()))
    held.grad = tg.ones_like(held)
    grad, before, state = held.grad, held.grad.data.tobytes(), tg.default_generator().bit_generator.state
    for _ in range(2):
        viz.backward_steps(loss)
    assert held.grad is grad
    assert grad.data.tobytes() == before
    assert [tensor.grad for tensor in leaves.values()][1:] == [None] * (len(leaves) - 1)
    assert tg.default_generator().bit_generator.state == state
    loss.backward()
    assert all(tensor.grad is not None for tensor in leaves.values())


def error_of(call):
    with pytest.raises(tg.TensorgradError) as caught:
        call()
    return type(caught.value), str(caught.value)


def test_without_retaining_the_graph_is_freed_and_a_freed_graph_is_backwards_own_error():
    x = leaf([1.0, 2.0])
    loss = (x * x).sum()
    assert len(viz.backward_steps(loss, retain_graph=False)) == 2
    kind, text = error_of(loss.backward)
    assert (kind, text) == error_of(lambda: viz.backward_steps(loss))
    assert "call the first backward with retain_graph=True" in text
    assert x.grad is None


@pytest.mark.parametrize(
    "gradient", [None, tg.ones(3), np.ones(2, np.float64)], ids=["not given", "another shape", "another dtype"]
)
def test_wrong_seeds_are_backwards_own_errors(gradient):
    y = leaf([1.0, 2.0]) * 3
    assert error_of(lambda: viz.backward_steps(y, gradient)) == error_of(lambda: y.backward(gradient))


def test_other_wrong_arguments():
    constant = tg.ones(2).sum()
    assert error_of(lambda: viz.backward_steps(constant)) == error_of(constant.backward)
    with pytest.raises(tg.DTypeError, match="backward_steps: expected a tensor, or a list of tensors, got float"):
        viz.backward_steps(3.0)
    with pytest.raises(tg.GradientError, match="backward: 1 gradients for 2 outputs"):
        viz.backward_steps([leaf(1.0) * 1, leaf(1.0) * 2], [tg.tensor(1.0)])


def test_a_seed_of_ones_own():
    x = leaf([1.0, 2.0])
    (step,) = viz.backward_steps(x * 3, tg.tensor([1.0, 10.0]))
    np.testing.assert_array_equal(step.cotangent, [1, 10])
    np.testing.assert_array_equal(step.contributions[0].array, [3, 30])


def test_several_losses_of_which_one_depends_on_the_other():
    x = leaf([1.0, 2.0])
    h = x * 3
    loss = (h * h).sum()
    steps = viz.backward_steps([loss, h], [None, tg.tensor([5.0, 7.0])])
    last = steps[-1]
    np.testing.assert_array_equal(last.cotangent, [5 + 6, 7 + 12])
    counts = [(c.number, c.count) for step in steps for c in step.contributions if c.goes_to.startswith("mul")]
    assert counts == [(2, 3), (3, 3)] or counts == [(1, 1), (2, 3), (3, 3)]  # the seed was the first
    expected = tg.grad([loss, h], [x], [tg.tensor(1.0), tg.tensor([5.0, 7.0])])[0]
    np.testing.assert_array_equal(last.contributions[0].array, expected.data)


def test_what_a_hook_returns_is_what_is_passed_on():
    x = leaf([1.0, 2.0])
    h = x * 3
    h.register_hook(lambda g: g * 10)
    steps = viz.backward_steps((h * 2).sum())
    np.testing.assert_array_equal(steps[1].contributions[0].total.exact, [2, 2])
    np.testing.assert_array_equal(steps[2].cotangent, [20, 20])
    np.testing.assert_array_equal(steps[2].contributions[0].array, [60, 60])


def test_a_leaf_alone_has_no_steps():
    assert list(viz.backward_steps(leaf(2.0))) == []
    assert repr(viz.backward_steps(leaf(2.0))) == "<0 backward steps through graph>"


def test_large_arrays_are_reduced_and_small_ones_exact():
    x = leaf(values(100, 100))
    steps = viz.backward_steps((x * 2).sum(), max_cells=500)
    share = steps[1].contributions[0]
    assert share.array is None
    assert share.share.picture.array().size <= 1000
    assert share.share.stats.rms == 2
    assert steps[0].cotangent == 1


def test_beyond_max_bytes_only_sizes_are_kept():
    x = leaf(values(50))
    y = x
    for _ in range(200):
        y = y * 1.5
    steps = viz.backward_steps(y.sum(), max_bytes=20_000)
    kept = [step for step in steps if step.cotangent is not None]
    assert 0 < len(kept) < 30
    assert steps[-1].contributions[0].share.stats.rms > 1
    assert steps.lost > 150
    assert f"note: of {steps.lost} arrays only the sizes were kept" in steps.to_text(3)


def test_nothing_is_pinned_and_no_cycles_are_made():
    gc.collect()
    gc.disable()
    try:
        x = leaf(values(10))
        y = tg.tanh(x * 2)
        steps = viz.backward_steps(y.sum())
        watched = [weakref.ref(y.data), weakref.ref(y), weakref.ref(x)]
        del x, y
        assert [ref() for ref in watched] == [None] * 3
        assert len(steps) == 3
    finally:
        gc.enable()


def test_large_arrays_live_no_longer_than_in_the_walk_itself():
    def peak(loss):
        gc.collect()
        tracemalloc.start()
        try:
            viz.backward_steps(loss, max_cells=16)
            return tracemalloc.get_traced_memory()[1] / 1e6
        finally:
            tracemalloc.stop()

    y = leaf(np.ones(250_000, np.float32))  # 1 MB
    for _ in range(60):
        y = -y
    assert peak(y.sum()) < 15
    leaves = [leaf(np.ones(250_000, np.float32)) for _ in range(30)]
    assert peak(sum((-x).sum() for x in leaves)) < 45


def test_a_step_reads_as_a_line_and_prints_as_a_table():
    w = leaf([[2.0, 0.0], [0.0, 2.0]])
    h = tg.ones(1, 2)
    for _ in range(2):
        with tg.named_scope("fc"):
            h = tg.linear(h, w)
    steps = viz.backward_steps(h.sum(), model=Model({"fc.weight": w}))
    line = steps[1].node.line
    assert line.startswith("test_steps.py:")
    assert repr(steps[1]) == (
        f"<step 2 of 3: linear n4 in fc ({line}) received (1, 2) rms 1, sends input -> linear n2 rms 2, "
        "weight -> fc.weight rms 2 (contribution 1 of 2, sum rms 2)>"
    )
    assert str(steps[2]).splitlines() == [
        f"step 3 of 3: linear n2 in fc ({line})",
        "  gradient of out: (1, 2) rms 2",
        "  input   goes to    shape   rms  contribution  rms of the sum",
        "  weight  fc.weight  (2, 2)  2    2 of 2        4",
    ]
    assert repr(steps[1].contributions[0]) == "<input -> linear n2 rms 2>"
    lines = str(steps).splitlines()
    assert lines[0] == "3 backward steps through Model"
    assert lines[1:] == [f"  {repr(step)[1:-1]}" for step in steps]
    assert steps.to_text(1).splitlines()[-1] == "  ... 2 more"
    assert isinstance(steps[:2], tuple)


def test_nan_is_told():
    steps = viz.backward_steps(leaf([1.0, 2.0]) * 3, tg.tensor([float("nan"), float("inf")]))
    assert "received (2,) rms -, 1 nan, 1 inf" in repr(steps[0])


def test_hyper_parameters_and_shapes_are_the_boxes():
    loss, leaves = lenet()
    steps = viz.backward_steps(loss, inputs=leaves)
    conv = next(step for step in steps if step.node.name == "conv2d")
    assert conv.node.hyper == "5x5, stride 1, pad 0"
    assert conv.node.module == "features.3"
    assert "conv2d" in str(conv)
    assert ", 5x5, stride 1, pad 0\n" in str(conv)
    assert conv.node in steps.graph.nodes


@pytest.mark.slow
def test_ten_thousand_steps_without_recursion():
    code = """
import sys, time
import tensorgrad as tg
y = x = tg.tensor(1.0, requires_grad=True)
for _ in range(10_000):
    y = y * 1.0
sys.setrecursionlimit(200)
start = time.perf_counter()
steps = tg.viz.backward_steps(y)
assert len(steps) == 10_000
str(steps)
print(time.perf_counter() - start)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    assert float(done.stdout) < 60


def test_what_is_not_finite_is_counted_in_every_line():
    x = tg.tensor([np.nan, 1.0], requires_grad=True)
    (step,) = [step for step in viz.backward_steps(tg.exp(x).sum()) if step.node.name == "exp"]
    assert "rms 2.72, 1 nan" in repr(step)
    assert "2.72, 1 nan" in step.to_text().splitlines()[-1]
