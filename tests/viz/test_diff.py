"""What differs between two captures: everything that changed, and nothing else."""

import itertools
import random
import time

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import viz
from tensorgrad.viz import match

from .graphs import GRAPHS, LeNet, Model, leaf, values


def net(*layers, shape=(2, 4, 6, 6)):
    """A chain of operations, each in its own module "0", "1", ... unless it says another."""
    x = tg.tensor(values(*shape), requires_grad=True)
    y = x
    for number, layer in enumerate(layers):
        path, function = layer if isinstance(layer, tuple) else (str(number), layer)
        with tg.named_scope(path):
            y = function(y)
    return viz.graph(y.sum(), inputs={"x": x})


def lines(found):
    return [str(d) for d in found.differences]


@pytest.mark.parametrize("name", GRAPHS)
def test_equal_captures_have_no_difference(name):
    a, b = GRAPHS[name](), GRAPHS[name]()
    found = a.diff(b, factor=1.0)
    assert not found
    assert found == viz.GraphDiff(())
    assert str(found) == found.to_text() == "no difference"
    assert repr(found) == "<GraphDiff: no difference>"


def test_added_and_removed_operations():
    a = net(("m", tg.relu), ("m", lambda x: x * 2), ("m", tg.tanh))
    b = net(("m", tg.relu), ("m", tg.sigmoid), ("m", lambda x: x * 2))
    found = viz.diff(a, b)
    assert [(d.kind, d.name, d.module) for d in found.differences] == [
        ("added", "sigmoid", "m"),
        ("changed", "mul", "m"),  # its input
        ("removed", "tanh", "m"),
        ("changed", "sum", ""),
    ]
    assert str(found.changed[0].changes[0]) == "input from relu (n1) -> sigmoid (n2)"
    assert (found.added[0].before, found.added[0].after) == ("", "n2")
    assert repr(found) == "<GraphDiff: 1 added, 1 removed, 2 changed>"
    assert found.to_text().splitlines()[:2] == ["1 added, 1 removed, 2 changed", "  + sigmoid in m (n2)"]
    back = viz.diff(b, a)
    assert [d.name for d in back.added] == ["tanh"]
    assert [d.name for d in back.removed] == ["sigmoid"]


def test_a_block_put_in_between_equal_blocks_is_the_new_one():
    def conv(size):
        weight = leaf(values(4, 4, size, size))
        return lambda x: tg.conv2d(x, weight, padding=size // 2)

    a = net(("m", conv(3)), ("m", tg.relu), ("m", conv(5)), ("m", tg.relu))
    b = net(("m", conv(3)), ("m", tg.relu), ("m", conv(1)), ("m", tg.relu), ("m", conv(5)), ("m", tg.relu))
    found = viz.diff(a, b)
    assert [d.name for d in found.differences if d.subject == "op" and d.kind == "added"] == ["conv2d", "relu"]
    assert not found.removed
    (new,) = [d for d in found.added if d.name == "conv2d"]
    assert next(n.hyper for n in b.nodes if n.id == new.after) == "1x1, stride 1, pad 0"


def test_a_new_block_is_told_between_changes_too():
    def conv(size):
        weight = leaf(values(4, 4, size, size))
        return ("m", lambda x: tg.conv2d(x, weight, padding=size // 2))

    a = net(conv(3), conv(5), conv(7), conv(3))
    b = net(conv(1), conv(5), conv(9), conv(7), conv(1))
    (new,) = [d for d in viz.diff(a, b).added if d.subject == "op"]
    assert next(n.hyper for n in b.nodes if n.id == new.after) == "9x9, stride 1, pad 4"


def test_hyper_parameters_shapes_and_dtypes():
    weight = leaf(values(4, 4, 3, 3))
    a = net(lambda x: tg.conv2d(x, weight))
    b = net(lambda x: tg.conv2d(x, weight, stride=2))
    (conv,) = [d for d in viz.diff(a, b).changed if d.name == "conv2d"]
    assert [str(change) for change in conv.changes] == [
        "stride (1, 1) -> (2, 2)",
        "shape (2, 4, 4, 4) -> (2, 4, 2, 2)",
    ]
    a, b = net(tg.relu), net(lambda x: tg.relu(x.double()))
    assert "dtype float32 -> float64" in viz.diff(a, b).to_text()


def test_a_number_that_changed_and_an_input_from_elsewhere():
    found = viz.diff(net(lambda x: x * 2), net(lambda x: x * 3))
    assert lines(found) == ["~ mul in 0 (n2): other from constant 2 -> constant 3"]
    x, y = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    names = {"x": x, "y": y}
    found = viz.diff(viz.graph(x - y, inputs=names), viz.graph(y - x, inputs=names))
    assert [str(c) for d in found.differences for c in d.changes] == [
        "input from input x -> input y",
        "other from input y -> input x",
    ]
    found = viz.diff(viz.graph(x * y, inputs=names), viz.graph(x * y.detach(), inputs=names))
    assert "other from input y -> input y, no gradient" in str(found)


def test_outputs_of_an_operation_are_told_apart():
    x = leaf(values(2, 4))
    a, b = (viz.graph((tg.max(x, 1)[0] * tg.var_mean(x, 1)[i]).sum()) for i in (0, 1))
    assert viz.diff(a, b)
    assert not viz.diff(a, a)


def test_parameters_by_name():
    def model(**shapes):
        parameters = {name: leaf(values(*shape)) for name, shape in shapes.items()}
        total = sum((p * p).sum() for p in parameters.values())
        return viz.graph(total, model=Model(parameters))

    found = viz.diff(model(kept=(2,), grown=(2, 2), gone=(3,)), model(kept=(2,), grown=(2, 3), new=(3,)))
    leaves = [d for d in found.differences if d.subject == "parameter"]
    assert [(d.kind, d.name) for d in leaves] == [("changed", "grown"), ("removed", "gone"), ("added", "new")]
    assert str(leaves[0].changes[0]) == "shape (2, 2) -> (2, 3)"


def recorded(scale):
    x, w = tg.tensor(values(4, 3) * scale), leaf(values(2, 3))
    with viz.record() as run:
        loss = (tg.linear(x, w) * 1.0).sum()
        loss.backward()
    return run.graph(loss, model=Model({"w": w}), inputs={"x": x})


def test_sizes_by_their_ratio():
    found = viz.diff(recorded(1), recorded(10))
    changes = {(d.name, c.what): c for d in found.differences for c in d.changes}
    assert changes["x", "value"].ratio == pytest.approx(10)
    assert changes["linear", "value"].ratio == pytest.approx(10)
    assert changes["w", ".grad"].ratio == pytest.approx(10)
    assert ("linear", "gradient") not in changes
    assert ("w", "value") not in changes
    assert str(changes["x", "value"]).endswith("(x 10)")
    assert not viz.diff(recorded(1), recorded(1.5))
    assert viz.diff(recorded(1), recorded(1.5), factor=1.4)
    assert viz.diff(recorded(1.5), recorded(1), factor=1.4)
    assert not viz.diff(recorded(1), recorded(1), factor=1.0)


@pytest.mark.parametrize("scale, said", [(0, "rms 0"), (np.nan, "nan"), (np.inf, "inf")])
def test_zero_nan_and_infinity_are_always_told(scale, said):
    with np.errstate(all="ignore"):
        found = viz.diff(recorded(1), recorded(scale), factor=1e9)
    (value,) = [c for d in found.changed if d.name == "x" for c in d.changes]
    assert said in value.after
    assert viz.diff(recorded(1), recorded(1), factor=1e9).differences == ()


def test_what_only_one_capture_knows_is_noted():
    x, w = tg.tensor(values(4, 3)), leaf(values(2, 3))
    bare = viz.graph((tg.linear(x, w) * 1.0).sum(), model=Model({"w": w}), inputs={"x": x})
    found = viz.diff(bare, recorded(1))
    assert not found
    assert found.notes == (
        ".grad of 1 box is only in the second graph",
        "value of 2 boxes is only in the second graph",
        "gradient of 3 boxes is only in the second graph",
    )
    assert found.to_text().splitlines()[1] == "note: .grad of 1 box is only in the second graph"


def test_a_module_of_another_class():
    def graph(kind):
        w = leaf(values(2, 2))
        with tg.named_scope("act"):
            y = tg.relu(w)
        return viz.graph(y.sum(), model=Model({"w": w}, {"act": kind}))

    assert lines(viz.diff(graph("ReLU"), graph("GELU"))) == ["~ module act: class ReLU -> GELU"]


def test_the_order_is_that_of_the_run_and_stable():
    a = net(*[("m" + str(i % 3), tg.relu) for i in range(9)])
    b = net(*[("m" + str(i % 3), tg.tanh if i % 2 else tg.relu) for i in range(9)])
    first = viz.diff(a, b)
    assert first == viz.diff(a, b)
    assert lines(first) == lines(viz.diff(a, b))
    new = [int(d.after[1:]) for d in first.differences if d.after]
    assert new == sorted(new)


def test_errors():
    view = net(tg.relu)
    with pytest.raises(tg.DTypeError, match="diff: expected two captured graphs, got a int"):
        view.diff(3)
    with pytest.raises(tg.ShapeError, match=r"diff: factor must be at least 1, got 0\.5"):
        view.diff(view, factor=0.5)
    with pytest.raises(tg.ShapeError, match="diff: factor must be at least 1, got nan"):
        view.diff(view, factor=float("nan"))


def test_a_limit_of_the_text():
    found = viz.diff(net(tg.relu, tg.relu), net(tg.tanh, tg.tanh))
    assert found.to_text(1).splitlines()[-1] == f"  ... {len(found.differences) - 1} more"


# Matching


def length_of_longest(a, b):
    """By the textbook table."""
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for (i, x), (j, y) in itertools.product(enumerate(a), enumerate(b)):
        table[i + 1][j + 1] = table[i][j] + 1 if x == y else max(table[i][j + 1], table[i + 1][j])
    return table[-1][-1]


def is_common(pairs, a, b):
    rising = all(p[0] < q[0] and p[1] < q[1] for p, q in itertools.pairwise(pairs))
    return rising and all(a[i] == b[j] for i, j in pairs)


def test_the_longest_common_subsequence_is_found():
    draw = random.Random(0)
    for _ in range(2000):
        a, b = (draw.choices("abc", k=draw.randrange(14)) for _ in range(2))
        exact = [[(x, draw.random() < 0.5) for x in side] for side in (a, b)]
        pairs = match.common_subsequence(a, b, *exact)
        assert is_common(pairs, a, b)
        assert len(pairs) == length_of_longest(a, b)


def test_very_different_sequences_are_matched_in_order_too(monkeypatch):
    monkeypatch.setattr(match, "MOST_EDITS", 3)
    draw = random.Random(1)
    for _ in range(500):
        a, b = (draw.choices("abc", k=draw.randrange(40)) for _ in range(2))
        pairs = match.longest(a, b)
        assert is_common(pairs, a, b)
        assert bool(pairs) == bool(set(a) & set(b))


@pytest.mark.slow
def test_twenty_thousand_operations():
    def chain(kinds):
        y = leaf(values(2))
        for kind in kinds:
            y = kind(y)
        return viz.graph(y)

    draw = random.Random(2)
    kinds = draw.choices([tg.relu, tg.tanh, tg.sigmoid], k=20_000)
    changed = list(kinds)
    for place in draw.sample(range(20_000), 200):
        changed[place] = tg.neg
    a, b, c = chain(kinds), chain(changed), chain(draw.choices([tg.relu, tg.tanh, tg.sigmoid], k=20_000))
    start = time.perf_counter()
    found = viz.diff(a, b)
    viz.diff(a, c)
    assert time.perf_counter() - start < 30
    assert (len(found.added), len(found.removed)) == (200, 200)


def test_two_moments_of_a_training():
    model, x = LeNet(), tg.tensor(values(4, 1, 28, 28))

    def capture():
        with viz.record() as run:
            loss = tg.cross_entropy(model(x), [3, 1, 4, 1])
            loss.backward()
        return run.graph(loss, model=model, inputs={"x": x})

    before = capture()
    with tg.no_grad():
        model.parameters["features.0.weight"].mul_(1e-4)
    for parameter in model.parameters.values():
        parameter.grad = None
    found = before.diff(capture())
    (weight,) = [d for d in found.changed if d.name == "features.0.weight"]
    assert weight.changes[0].ratio == pytest.approx(1e-4, rel=1e-3)
    assert not found.added
    assert not found.removed
