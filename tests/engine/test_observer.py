"""What nodes and observers tell: the user's line, the module path, and every call and step of a walk."""

import sys

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.modes import Observer, observing

from .tools import leaf, leaves

FILE = __file__


def line():
    return sys._getframe(1).f_lineno


# The user's line


def test_a_node_knows_the_line_that_recorded_it():
    a = leaf([1.0, 2.0])
    y, n = a * 2.0, line()
    assert y.grad_fn.line() == (FILE, n)
    assert y.grad_fn.place() == f"test_observer.py:{n}"


@pytest.mark.parametrize(
    "call",
    [
        lambda a: a + a,
        lambda a: 1.0 - a,
        lambda a: -a,
        lambda a: a.sum(),
        lambda a: tg.mean(a),
        lambda a: a @ a,
        lambda a: a[0],
        lambda a: next(iter(a)),
        lambda a: a.T,
        lambda a: a.softmax(0),
        lambda a: np.exp(a),
        lambda a: np.ones(2) * a,
        lambda a: np.concatenate([a, a]),
        lambda a: tg.stack([a, a]),
        lambda a: tg.cross_entropy(a, tg.tensor([0, 1])),
        lambda a: tg.conv2d(a.reshape(1, 1, 2, 2), a.reshape(1, 1, 2, 2)),
        lambda a: a.float(),
        lambda a: a * tg.ones(2),
        lambda a: sum(a),
        lambda a: max(a[0], a[1]).exp(),
    ],
)
def test_the_line_is_the_users_not_the_librarys(call):
    try:
        y = call(leaf([[1.0, 2.0], [3.0, 4.0]]))
    except tg.ShapeError:  # of those that take only a vector
        y = call(leaf([1.0, 2.0]))
    node = y.grad_fn
    seen = 0
    stack = [node]
    while stack:
        node = stack.pop()
        assert node.line() == (FILE, call.__code__.co_firstlineno)
        stack += [edge[0] for edge in node.edges if isinstance(edge, tuple)]
        seen += 1
    assert seen


def test_calls_on_one_line_and_over_several():
    a = leaf([1.0])
    first, second, n = a * 2.0, a + 1.0, line()
    assert first.grad_fn.line()[1] == second.grad_fn.line()[1] == n
    n = line()
    y = (
        a.exp()
        .tanh()
    )  # fmt: skip
    assert n < y.grad_fn.line()[1] <= n + 4


def test_in_place_changes_know_their_line():
    a = leaf([1.0, 2.0])
    x = a * 1.0
    x += a
    assert x.grad_fn.line()[1] == line() - 1
    x[0] = 3.0
    assert x.grad_fn.line()[1] == line() - 1
    x.mul_(2.0)
    assert x.grad_fn.line()[1] == line() - 1


def test_hidden_folders_are_attributed_to_their_caller(tmp_path):
    module = tmp_path / "hidden_layer.py"
    module.write_text("def double(x):\n    return x * 2.0\n")
    code = compile(module.read_text(), str(module), "exec")
    namespace = {}
    exec(code, namespace)
    a = leaf([1.0])
    assert namespace["double"](a).grad_fn.line() == (str(module), 2)
    from tensorgrad import modes

    folders = list(modes._folders)
    try:
        tg.hide_frames(str(tmp_path))
        y, n = namespace["double"](a), line()
        assert y.grad_fn.line() == (FILE, n)
    finally:
        modes._folders[:] = folders
        modes.hidden_files.clear()


def test_a_folder_whose_name_begins_like_a_hidden_one_is_not_hidden(tmp_path):
    from tensorgrad import modes

    folders = list(modes._folders)
    try:
        tg.hide_frames(str(tmp_path / "net"))
        assert not modes.hidden_files[str(tmp_path / "network" / "x.py")]
        assert modes.hidden_files[str(tmp_path / "net" / "x.py")]
    finally:
        modes._folders[:] = folders
        modes.hidden_files.clear()


def test_code_without_a_file():
    namespace = {"a": leaf([1.0])}
    exec("y = a * 2.0", namespace)
    file, number = namespace["y"].grad_fn.line()
    assert file == "<string>"
    assert number == 1


def test_nodes_hold_no_frames_alive():
    import gc
    import weakref

    class Local:
        pass

    gc.disable()
    try:

        def f(a):
            local = Local()
            refs.append(weakref.ref(local))
            return a * 2.0

        refs = []
        y = f(leaf([1.0]))
        assert y.requires_grad
        assert refs[0]() is None
    finally:
        gc.enable()


def test_double_backward_nodes_carry_the_scope_of_what_they_come_from():
    a = leaf([1.0, 2.0])
    with tg.named_scope("net.first"):
        y = a**3
    with tg.named_scope("penalty"):
        (g,) = tg.grad(y.sum(), a, create_graph=True)
        assert (a * 2.0).grad_fn.scope == "penalty"
    assert g.grad_fn.scope == "net.first"
    assert g.grad_fn.line()[0] == FILE


def test_scopes_are_in_place():
    a = leaf([1.0])
    with tg.named_scope("features.0"):
        y = a * 2.0
    assert y.grad_fn.scope == "features.0"
    assert y.grad_fn.place().endswith("in module features.0")


# What else a node tells


def test_a_node_tells_shapes_dtypes_parameters_and_outputs():
    a = leaf([[1.0, 5.0], [7.0, 3.0]])
    node = a.max(1, keepdim=True)[0].grad_fn
    assert node.name == "max"
    assert node.params == {"dim": 1, "keepdim": True}
    assert list(node.shapes) == [(2, 2)]
    assert list(node.dtypes) == [np.dtype(np.float64)]
    assert [tuple(o) for o in node.outputs] == [((2, 1), np.dtype(np.float64)), ((2, 1), np.dtype(np.int64))]
    node = (a * 2.0).grad_fn
    assert list(node.shapes) == [(2, 2), ()]
    assert list(node.dtypes) == [np.dtype(np.float64), None]


# Observers


class Log(Observer):
    def __init__(self):
        self.calls, self.visits, self.shares = [], [], []

    def called(self, primitive, arrays, outputs, node):
        assert all(not isinstance(v, tg.Tensor) for v in (*arrays, *outputs))
        self.calls.append((primitive.name, node is not None))

    def visited(self, node, cotangents):
        self.visits.append((node.name, [None if g is None else np.array(_plain(g)) for g in cotangents]))

    def contributed(self, node, number, cotangent):
        self.shares.append((node.name, number, None if cotangent is None else np.array(_plain(cotangent))))


def _plain(g):
    return g.detach().numpy() if isinstance(g, tg.Tensor) else g


def test_an_observer_sees_calls_cotangents_and_contributions():
    log = Log()
    a, b = leaves([1.0, 2.0], [3.0, 4.0])
    with observing(log):
        h = a * b
        loss = (h + h).sum()
        tg.ones(2) + 1.0
        loss.backward()
    assert log.calls == [("mul", True), ("add", True), ("sum", True), ("add", False)]
    assert [name for name, _ in log.visits] == ["sum", "add", "mul"]
    np.testing.assert_array_equal(log.visits[2][1][0], [2.0, 2.0])  # complete, not one contribution
    assert [(name, number) for name, number, _ in log.shares] == [
        ("sum", 0), ("add", 0), ("add", 1), ("mul", 0), ("mul", 1),
    ]  # fmt: skip
    np.testing.assert_array_equal(log.shares[3][2], [6.0, 8.0])


def test_an_observer_sees_nothing_after_its_block():
    log = Log()
    a = leaf([1.0])
    with observing(log):
        loss = a * 2.0
    loss.backward()
    (a * 3.0).backward()
    assert len(log.calls) == 1
    assert log.visits == []


def test_observers_nest_and_each_sees_all_of_its_block():
    outer, inner = Log(), Log()
    a = leaf([1.0])
    with observing(outer):
        x = a * 2.0
        with observing(inner):
            (x + 1.0).backward()
        a.exp()
    assert [name for name, _ in outer.calls] == ["mul", "add", "exp"]
    assert [name for name, _ in inner.calls] == ["add"]
    assert [name for name, _ in outer.visits] == [name for name, _ in inner.visits] == ["add", "mul"]


def test_an_observer_sees_only_the_needed_part_contribute():
    log = Log()
    a, b = leaves([1.0], [2.0])
    with observing(log):
        loss = a.exp() * b.tanh()
        tg.grad(loss, b)
    assert ("exp", 0) not in [(name, number) for name, number, _ in log.shares]


def test_an_observer_sees_what_hooks_left():
    log = Log()
    a = leaf([1.0])
    with observing(log):
        h = a * 2.0
        h.register_hook(lambda g: g * 10.0)
        h.exp().backward()
    (seen,) = next(g for name, g in log.visits if name == "mul")
    assert seen[0] == pytest.approx(10 * np.exp(2.0))


def test_contributions_have_the_inputs_shape():
    log = Log()
    a = leaf([[1.0], [2.0]])
    with observing(log):
        (a * np.ones((2, 3))).sum().backward()
    assert log.shares[-1][0] == "mul"
    assert log.shares[-1][2].shape == (2, 1)


def test_an_observer_that_raises_stops_the_walk_cleanly():
    class Stop(Observer):
        def visited(self, node, cotangents):
            if node.name == "mul":
                raise KeyError("mine")

    a, b = leaves([1.0], [2.0])
    loss = a * 2.0 + b
    with pytest.raises(KeyError, match="mine"), observing(Stop()):
        loss.backward()
    assert a.grad is None
    assert b.grad is None
    assert tg.is_grad_enabled()


def test_observers_are_told_of_create_graph_walks():
    log = Log()
    a = leaf([2.0])
    with observing(log):
        (g,) = tg.grad((a * a * a), a, create_graph=True)
        g.backward()
    assert len(log.visits) > 4
    assert all(isinstance(share, np.ndarray) for _, _, share in log.shares)
