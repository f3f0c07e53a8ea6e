"""What a recording keeps: shares that add up to the gradients, in little memory."""

import gc
import weakref

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import viz
from tensorgrad.modes import Observer, observing
from tensorgrad.viz.preview import picture_of, stats_of

from .graphs import LeNet, Model, leaf, values


class Shares(Observer):
    def __init__(self):
        self.count = 0

    def contributed(self, node, number, cotangent):
        self.count += cotangent is not None


def small_net():
    """Shared weight, fan-out, several outputs: a graph in which gradients meet."""
    w, x = leaf(values(3, 3).astype(np.float64)), leaf(values(4, 3).astype(np.float64))
    h = tg.tanh(tg.linear(x, w))
    h = tg.tanh(tg.linear(h, w)) + h
    largest, _ = tg.max(h, 1)
    return w, x, (h * h).sum() + largest.sum() + (x * 2).sum()


def test_backward_edges_are_the_differentiable_pairs():
    shares = Shares()
    with viz.record() as run:
        w, x, loss = small_net()
        with observing(shares):
            loss.backward()
    view = run.graph(loss, model=Model({"w": w}), inputs={"x": x})
    drawn = view.to_dot().count('class="backward"')
    assert drawn == sum(edge.differentiable for edge in view.edges) == shares.count
    assert all((edge.gradient is not None) == edge.differentiable for edge in view.edges)


def test_recorded_shares_sum_to_the_gradient():
    with viz.record() as run:
        w, x, loss = small_net()
        loss.backward()
    view = run.graph(loss, model=Model({"w": w}), inputs={"x": x})
    for name, tensor in (("w", w), ("x", x)):
        ids = {node.id for node in view.nodes if node.name == name}
        shares = [g for edge in view.edges if edge.source in ids for g in edge.gradients]
        assert len(shares) == 2
        total = sum(share.picture.array() for share in shares)
        np.testing.assert_allclose(total, tensor.grad.data, rtol=1e-15, atol=1e-15)
        (view_of,) = [t for t in view.tensors if t.name == name]
        np.testing.assert_array_equal(view_of.grad.picture.array(), tensor.grad.data)


def test_shares_at_an_output_sum_to_its_cotangent():
    with viz.record() as run:
        _, _, loss = small_net()
        loss.backward()
    view = run.graph(loss)
    for node in view.nodes:
        for i, output in enumerate(node.outputs):
            shares = [
                e.gradient.picture.array() for e in view.edges if (e.source, e.output) == (node.id, i) and e.gradient
            ]
            if node.kind == "op" and shares:
                np.testing.assert_allclose(sum(shares), output.gradient.picture.array(), rtol=1e-14)


def test_several_walks_are_kept_apart():
    x = leaf([1.0, 2.0])
    with viz.record() as run:
        h = x * 3
        a, b = (h * h).sum(), h.sum()
        a.backward(retain_graph=True)
        b.backward(retain_graph=True)
    view = run.graph([a, b], inputs={"x": x})
    (edge,) = [e for e in view.edges if e.source == "n0"]
    assert len(edge.gradients) == 2
    np.testing.assert_array_equal(sum(g.picture.array() for g in edge.gradients), x.grad.data)
    steps = sorted(step for node in view.nodes for step in node.steps)
    assert steps == list(range(len(steps)))


def test_steps_are_in_the_order_of_the_walk():
    with viz.record() as run:
        _, _, loss = small_net()
        loss.backward()
    ran = [node for node in run.graph(loss).nodes if node.kind == "op"]
    assert [node.steps for node in ran] == [(i,) for i in reversed(range(len(ran)))]


def test_second_order_walks_are_recorded():
    x = leaf([1.0, 2.0])
    with viz.record() as run:
        (g,) = tg.grad((x * x * x).sum(), x, create_graph=True)
        s = (g * g).sum()
        s.backward()
    view = run.graph(s, inputs={"x": x})
    ids = {node.id for node in view.nodes if node.name == "x"}
    total = sum(p.picture.array() for e in view.edges if e.source in ids for p in e.gradients[-1:] if p)
    np.testing.assert_allclose(total, 36 * np.array([1.0, 8.0]), rtol=1e-6)


def test_joint_rules_have_their_backward_edges():
    x, weight, bias = leaf(values(4, 2, 3, 3)), leaf(values(2)), leaf(values(2))
    with viz.record() as run:
        y, _, _ = tg.native_batch_norm(x, weight, bias)
        loss = (y * y * y).sum()
        loss.backward()
    view = run.graph(loss)
    into = [edge for edge in view.edges if view.nodes[int(edge.target[1:])].category == "normalisation"]
    assert [(edge.name, edge.differentiable) for edge in into] == [("input", True), ("weight", True), ("bias", True)]
    np.testing.assert_array_equal(into[1].gradient.picture.array(), weight.grad.data)


def test_values_of_outputs():
    with viz.record() as run:
        x = leaf([1.0, -2.0])
        y = tg.relu(x)
    (op,) = [node for node in run.graph(y).nodes if node.kind == "op"]
    stats = op.outputs[0].value.stats
    assert (stats.min, stats.max, stats.mean, stats.zeros) == (0, 1, 0.5, 0.5)
    np.testing.assert_array_equal(op.outputs[0].value.picture.array(), [1, 0])


def test_detached_values_are_traced_to_their_operation():
    x = leaf([1.0, 2.0])
    with viz.record() as run:
        y = x * 2
        loss = (y * y.detach()).sum()
    edges = [(e.source, e.target, e.differentiable) for e in run.graph(loss).edges]
    assert ("n2", "n3", True) in edges
    assert ("n2", "n3", False) in edges


def test_graph_without_its_recording_says_what_is_missing():
    x = leaf([1.0, 2.0])
    y = x * 2
    with viz.record() as run:
        z = y.sum()
    view = viz.graph(z, record=run)
    assert view.notes == ("1 of 2 operations were not recorded, or dropped to save memory",)


def test_a_recording_stays_small():
    x = leaf(values(64, 64))
    with viz.record(max_bytes=200_000) as run:
        y = x
        for _ in range(500):
            y = y * 1.0
            assert run.bytes <= 200_000
        y.sum().backward()
    assert run.bytes <= 200_000
    assert run.lost_pictures > 0
    assert run.lost_calls > 0
    assert run.bytes == sum(call.cost for call in run._calls.values())
    assert len(run._makers) < 3000
    notes = run.graph(y).notes
    assert "operations were not recorded, or dropped to save memory" in notes[0]


def test_a_recording_pins_nothing_and_makes_no_cycles():
    gc.collect()
    gc.disable()
    try:
        with viz.record() as run:
            x = leaf(values(100))
            y = tg.tanh(x * 2)
            y.sum().backward()
        watched = [weakref.ref(y.data), weakref.ref(x.data), weakref.ref(x)]
        del x, y
        assert [ref() for ref in watched] == [None] * 3
        recording = weakref.ref(run)
        del run
        assert recording() is None
    finally:
        gc.enable()


def test_recording_changes_no_result():
    def train(recorded):
        net, x = LeNet(), tg.tensor(values(2, 1, 28, 28))
        with viz.record() if recorded else tg.enable_grad():
            loss = tg.cross_entropy(net(x), [1, 2])
            loss.backward()
        return [p.grad.data.tobytes() for _, p in net.named_parameters()]

    assert train(True) == train(False)


def test_nothing_is_seen_outside_the_block():
    x = leaf(1.0)
    with viz.record() as run:
        pass
    y = x * 2
    assert run.graph(y).notes[0].startswith("1 of 1 operations were not recorded")


# Previews


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64, np.uint8, np.bool_])
def test_statistics(dtype):
    array = (values(40, 50) * 50).astype(dtype)
    stats, exact = stats_of(array[::2, ::-1]), array[::2, ::-1].astype(np.float64)
    expected = [exact.min(), exact.max(), exact.mean(), exact.std(), np.sqrt((exact**2).mean()), (exact == 0).mean()]
    got = [stats.min, stats.max, stats.mean, stats.std, stats.rms, stats.zeros]
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-12)
    assert (stats.shape, stats.dtype) == ((20, 50), np.dtype(dtype).name)


def test_statistics_of_nothing_of_nan_and_of_a_large_offset():
    assert stats_of(np.zeros((0, 3))).rms is None
    assert (stats_of(np.full(3, np.nan)).mean, stats_of(np.full(3, np.nan)).nans) == (None, 3)
    offset = 1e8 + values(1000).astype(np.float64)
    assert stats_of(offset).std == pytest.approx(offset.std(), rel=1e-6)
    assert stats_of(np.float64(2.5).reshape(())).mean == 2.5
    many = np.concatenate([values(100_000), [np.inf, -np.inf, np.nan]])
    assert (stats_of(many).infs, stats_of(many).nans) == (2, 1)
    assert stats_of(many).mean == pytest.approx(values(100_000).astype(np.float64).mean())


@pytest.mark.parametrize(
    "given, mean, std, rms",
    [
        ([1e200, -1e200, 3.0], 0.0, 8.16496580927726e199, 8.16496580927726e199),
        ([1e-170, 2e-170], 1.5e-170, 5e-171, 1.5811388300841898e-170),
        ([1.7976931348623157e308] * 3, 1.7976931348623157e308, 0.0, 1.7976931348623157e308),
        ([1.7e308, -1.7e308, np.nan], 0.0, 1.7e308, 1.7e308),
        ([5e-324] * 2, 5e-324, 0.0, 5e-324),
        ([1e-170, 0.0, 1.0], 1 / 3, np.sqrt(2 / 9), np.sqrt(1 / 3)),
    ],
)
def test_statistics_at_the_ends_of_the_range(given, mean, std, rms):
    stats = stats_of(np.array(given))
    finite = [value for value in given if np.isfinite(value)]
    assert (stats.min, stats.max, stats.zeros) == (min(finite), max(finite), given.count(0.0) / len(given))
    assert (stats.mean, stats.std, stats.rms) == pytest.approx((mean, std, rms), rel=1e-12, abs=0)


def test_pictures_are_exact_while_they_fit():
    array = values(3, 4)[:, ::2]
    picture = picture_of(array, 100)
    np.testing.assert_array_equal(picture.array(), array)
    assert (picture.dtype, picture.reduced) == ("<f4", "")
    assert picture_of(np.float32(3).reshape(()), 10).array().shape == ()


@pytest.mark.parametrize(
    "shape", [(64, 6, 28, 28), (8, 64, 100, 70), (512, 256, 3, 3), (300, 5000), (10**5,), (9, 9, 9, 9, 9)]
)
def test_pictures_of_large_arrays_are_small_and_keep_the_largest(shape):
    array = values(*shape)
    index = (0,) * max(len(shape) - 2, 0) + tuple(n - 1 for n in shape[-2:])
    array[index] = -1000
    picture = picture_of(array, 8192)
    assert picture.array().size <= 2 * 8192
    assert picture.array().min() == -1000
    assert picture.reduced
