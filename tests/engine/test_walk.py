"""The walk: what arrives where, in which order, and how often a rule is called."""

import gc
import itertools

import numpy as np
import pytest

import tensorgrad as tg

from .tools import array, grads, leaf, leaves, seconds_below


def counted(name="counted", factor=1.0):
    """An elementwise primitive that counts how often its rule runs."""
    calls = []

    def forward(x):
        return x * factor

    def rule(g):
        calls.append(None)
        return g * factor

    forward.__name__ = name
    op = tg.elementwise(forward)
    op.defvjps(rule)
    return op, calls


# T4: a value used several times


def test_t4_a_minus_a_and_a_over_a():
    a = leaf([3.0, -2.0])
    ((a - a) + a / a).sum().backward()
    np.testing.assert_array_equal(array(a.grad), [0.0, 0.0])


def test_t4_diamond():
    a = leaf(2.0)
    b = a * 3.0
    c, d = b * b, b + 1.0
    (c * d).backward()  # 9a² (3a + 1)
    assert a.grad.item() == pytest.approx(81 * 4 + 18 * 2)


def test_t4_two_roots_in_one_walk():
    a = leaf([1.0, 2.0])
    shared = a * a
    (g,) = tg.grad([shared.sum(), (shared * 3.0).sum()], [a])
    np.testing.assert_array_equal(array(g), [8.0, 16.0])


def test_a_root_below_another_root():
    a = leaf(2.0)
    b = a * a
    c = b * b
    (g,) = tg.grad([b, c], [a])
    assert g.item() == 4.0 + 4 * 8.0


def test_a_root_given_twice_counts_twice():
    a = leaf(2.0)
    b = a * a
    (g,) = tg.grad([b, b], [a])
    assert g.item() == 8.0


@pytest.mark.parametrize("times", range(1, 31))
def test_t9_same_tensor_repeated_in_one_call(times):
    a, b = leaves([1.0, 2.0], [5.0, 7.0])
    weights = np.arange(1.0, 2 * times + 3).reshape(-1, 2)
    (tg.cat([a] * times + [b]) * weights.reshape(-1)).sum().backward()
    np.testing.assert_array_equal(array(a.grad), weights[:times].sum(0))
    np.testing.assert_array_equal(array(b.grad), weights[times])


@pytest.mark.parametrize("times", range(1, 31))
def test_t9_same_tensor_added_up(times):
    a, b = leaves([1.0, 2.0], [5.0, 7.0])
    total = b
    for _ in range(times):
        total = total + a
    total.sum().backward()
    np.testing.assert_array_equal(array(a.grad), [times, times])
    np.testing.assert_array_equal(array(b.grad), [1.0, 1.0])
    before = array(b.grad).copy()
    with tg.no_grad():
        a.grad.mul_(10.0)
    np.testing.assert_array_equal(array(b.grad), before)


@pytest.mark.parametrize("times", range(1, 31))
def test_t9_interior_value_used_many_times(times):
    a = leaf([1.0, 2.0])
    h = a * 1.0
    total = h * 0.0
    for k in range(times):
        total = total + h * (k + 1.0)
    total.sum().backward()
    np.testing.assert_array_equal(array(a.grad), [times * (times + 1) / 2] * 2)


def test_t43_the_same_input_in_several_slots_of_a_custom_op():
    @tg.primitive
    def third(x, y, z):
        return x * y * z

    third.defvjps(lambda g, y, z: g * y * z, lambda g, x, z: g * x * z, lambda g, x, y: g * x * y)
    a = leaf(2.0)
    third(a, a, a).backward()
    assert a.grad.item() == 12.0


# T3: every node once


def test_t3_two_hundred_diamonds():
    a = leaf([1.0, 1.0])
    op, calls = counted(factor=0.5)
    x = a
    with seconds_below(0.5):
        for _ in range(200):
            x = op(x) + op(x)
        x.sum().backward()
    assert len(calls) == 400
    np.testing.assert_array_equal(array(a.grad), [1.0, 1.0])


def test_t3_two_hundred_diamonds_by_grad_and_create_graph():
    a = leaf(1.0)
    x = a
    for _ in range(200):
        x = (x + x) * 0.5
    with seconds_below(0.5):
        (g,) = tg.grad(x, a)
    assert g.item() == 1.0
    x = a
    for _ in range(200):
        x = x * a / a
    (g,) = tg.grad(x, a, create_graph=True)
    with seconds_below(5.0):
        (h,) = tg.grad(g, a)
    assert g.item() == pytest.approx(1.0)
    assert h.item() == pytest.approx(0.0, abs=1e-9)


def test_every_rule_runs_once_though_cotangents_arrive_from_many_sides():
    a = leaf([1.0, 2.0])
    op, calls = counted()
    h = op(a)
    total = h * 0.0
    for _ in range(50):
        total = total + h
    total.sum().backward()
    assert len(calls) == 1


def test_a_node_waits_for_all_its_users_in_whatever_order_they_were_recorded():
    """h is used by an early and by a late node; the late one's path to the loss is longer, then shorter."""
    for first_longer in (False, True):
        a = leaf(2.0)
        h = a * a
        early, late = h * 1.0, h * 2.0
        long = early if first_longer else late
        for _ in range(5):
            long = long + 1.0
        (long + (late if first_longer else early)).backward()
        assert a.grad.item() == 12.0


# T6: edges


def test_t6_a_plus_a_has_two_edges():
    a = leaf([1.0])
    node = (a + a).grad_fn
    assert len(node.edges) == 2
    assert node.edges[0] is a
    assert node.edges[1] is a


def test_t6_edges_stand_in_the_order_of_the_inputs():
    a, b = leaves([1.0], [2.0])
    h = a * b
    node = (h - a).grad_fn
    assert node.edges[0] == (h.grad_fn, 0)
    assert node.edges[1] is a
    node = tg.cat([b, h, a, b]).grad_fn
    assert node.edges[0] is b
    assert node.edges[1] == (h.grad_fn, 0)
    assert node.edges[2] is a
    assert node.edges[3] is b


def test_constants_have_no_edge():
    a, c = leaf([1.0]), tg.tensor([2.0], dtype=np.float64)
    node = (c * a * 3.0).grad_fn
    assert node.edges[1] is None
    inner, _ = node.edges[0]
    assert inner.edges[0] is None
    assert inner.edges[1] is a


def test_sequence_numbers_rise_and_edges_point_to_smaller_ones():
    a = leaf([1.0])
    x = a
    nodes = []
    for _ in range(20):
        x = (x * a).exp()
        nodes += [x.grad_fn]
    for node in nodes:
        for edge in node.edges:
            if isinstance(edge, tuple):
                assert edge[0].seq < node.seq


def test_nothing_is_recorded_without_a_wanted_input():
    a = tg.tensor([1.0])
    b = (a * 2.0 + a).sum()
    assert b.grad_fn is None
    assert b.is_leaf
    assert not b.requires_grad


# Only wanted rules are called


def test_only_the_rules_of_wanted_inputs_are_called():
    called = []

    @tg.primitive
    def product(x, y):
        return x * y

    product.defvjps(lambda g, y: called.append("x") or g * y, lambda g, x: called.append("y") or g * x)
    a, c = leaf([2.0]), tg.tensor([3.0], dtype=np.float64)
    product(a, c).backward()
    assert called == ["x"]
    called.clear()
    product(c, a).backward()
    assert called == ["y"]
    called.clear()
    product(a, a).backward()
    assert called == ["x", "y"]


def test_no_rule_runs_for_a_plain_array_or_number():
    called = []

    @tg.elementwise
    def product(x, y):
        return x * y

    product.defvjps(lambda g, y: called.append("x") or g * y, lambda g, x: called.append("y") or g * x)
    a = leaf([2.0])
    product(a, np.array([3.0])).backward()
    product(a, 4.0).backward()
    assert called == ["x", "x"]
    np.testing.assert_array_equal(array(a.grad), [7.0])


def test_the_first_convolution_computes_no_image_gradient(monkeypatch):
    from tensorgrad.ops import conv

    called = []
    forward = conv.conv2d_input_grad.forward
    monkeypatch.setattr(conv.conv2d_input_grad, "forward", lambda *a, **k: called.append(None) or forward(*a, **k))
    image = tg.randn(1, 1, 5, 5)
    first, second = tg.randn(2, 1, 3, 3, requires_grad=True), tg.randn(1, 2, 3, 3, requires_grad=True)
    tg.conv2d(tg.conv2d(image, first), second).sum().backward()
    assert len(called) == 1  # that of the second convolution
    assert image.grad is None
    assert first.grad.shape == (2, 1, 3, 3)


def test_a_rule_that_is_none_gives_no_gradient():
    @tg.primitive
    def scaled(x, ignored):
        return x * 2.0

    scaled.defvjps(lambda g: g * 2.0, None)
    a, b = leaves([1.0], [1.0])
    scaled(a, b).backward()
    np.testing.assert_array_equal(array(a.grad), [2.0])
    assert b.grad is None


def test_a_rule_that_returns_none_gives_no_gradient():
    @tg.primitive
    def scaled(x, ignored):
        return x * 2.0

    scaled.defvjps(lambda g: g * 2.0, lambda g: None)
    a, b = leaves([1.0], [1.0])
    scaled(a, b).backward()
    assert b.grad is None


# Where the gradients stay


def test_interior_tensors_keep_no_gradient():
    a = leaf([1.0])
    b = a * 2.0
    c = b.sum()
    c.backward()
    assert b.grad is None
    assert c.grad is None


def test_t5_a_second_walk_over_the_kept_graph_adds_exactly_once_more():
    a = leaf([1.0, 2.0])
    b = a * 3.0
    b.retain_grad()
    loss = (b * b).sum()
    loss.backward(retain_graph=True)
    once = [g.copy() for g in grads(a, b)]
    loss.backward(retain_graph=True)
    loss.backward()
    np.testing.assert_array_equal(array(a.grad), 3 * once[0])
    np.testing.assert_array_equal(array(b.grad), 3 * once[1])  # retained gradients add up, as PyTorch's do


def test_the_walk_leaves_no_pending_state_behind():
    a = leaf([1.0])
    b = a * a
    loss = b * 2.0
    first = tg.grad(loss, a, retain_graph=True)
    tg.grad(loss, b, retain_graph=True)
    second = tg.grad(loss, a)
    np.testing.assert_array_equal(array(first[0]), array(second[0]))


def test_t51_lists_of_arrays_and_tensors():
    a = leaf([1.0, 2.0])
    stacked = tg.stack([a, np.array([3.0, 4.0]), a * 2.0])
    (stacked * np.array([[1.0, 1.0], [5.0, 5.0], [10.0, 100.0]])).sum().backward()
    np.testing.assert_array_equal(array(a.grad), [21.0, 201.0])
    a.grad = None
    joined = tg.cat([np.array([3.0, 4.0]), a])
    assert joined.shape == (4,)
    (joined * np.array([1.0, 2.0, 3.0, 4.0])).sum().backward()
    np.testing.assert_array_equal(array(a.grad), [3.0, 4.0])


def test_ops_with_hundreds_of_inputs():
    many = [leaf([float(i)]) for i in range(300)]
    weights = np.arange(300.0)
    (tg.cat(many) * weights).sum().backward()
    np.testing.assert_array_equal(np.concatenate(grads(*many)), weights)


def test_ops_with_many_inputs_ask_only_for_the_wanted_ones():
    asked = []

    @tg.primitive
    def total(*xs):
        return sum(xs)

    total.defvjp_all(lambda g, i: asked.append(i) or g * 1.0)
    wanted = {1, 4, 65, 99}
    many = [leaf([1.0]) if i in wanted else tg.tensor([1.0], dtype=np.float64) for i in range(100)]
    total(*many).backward()
    assert sorted(asked) == sorted(wanted)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_contributions_may_arrive_in_any_order(order):
    """First borrowed, second allocated, later ones added in place: no order loses or doubles one."""
    a = leaf([1.0, 2.0])
    h = a * 1.0
    parts = [h * 3.0, h + 0.0, h.reshape(2)]
    total = parts[order[0]] + parts[order[1]]
    total = total + parts[order[2]]
    total.sum().backward()
    np.testing.assert_array_equal(array(a.grad), [5.0, 5.0])


def test_gradients_of_0d_and_empty_leaves_have_their_shapes():
    """T19: gradients are arrays of the leaf's shape, () included."""
    a, e = leaf(2.0), leaf(np.zeros((0, 3)))
    (a * a * a + (e * a).sum()).backward()
    assert a.grad.shape == ()
    assert isinstance(a.grad.detach().numpy(), np.ndarray)
    assert e.grad.shape == (0, 3)


@pytest.mark.parametrize("x_shape", [(), (1,), (3,), (1, 3), (2, 1), (2, 3), (0, 3)])
@pytest.mark.parametrize("y_shape", [(), (1,), (3,), (1, 3), (2, 1), (2, 3), (0, 3)])
@pytest.mark.parametrize("op", [tg.add, tg.sub, tg.mul, tg.div, tg.pow], ids=["add", "sub", "mul", "div", "pow"])
def test_t14_t15_broadcasting_is_undone(op, x_shape, y_shape):
    try:
        shape = np.broadcast_shapes(x_shape, y_shape)
    except ValueError:
        x, y = tg.ones(x_shape), tg.ones(y_shape)
        with pytest.raises(tg.ShapeError, match="broadcast"):
            op(x, y)
        return
    rng = np.random.default_rng(0)
    x, y = leaf(rng.uniform(0.5, 2.0, x_shape)), leaf(rng.uniform(0.5, 2.0, y_shape))
    weight = rng.uniform(-1, 1, shape)
    (op(x, y) * weight).sum().backward()
    full_x, full_y = leaf(np.broadcast_to(array(x), shape)), leaf(np.broadcast_to(array(y), shape))
    (op(full_x, full_y) * weight).sum().backward()
    for t, full in ((x, full_x), (y, full_y)):
        assert t.grad.shape == t.shape
        lead = len(shape) - t.ndim
        axes = tuple(i for i in range(len(shape)) if i < lead or t.shape[i - lead] != shape[i])
        np.testing.assert_allclose(array(t.grad), array(full.grad).sum(axes).reshape(t.shape), rtol=1e-12)


def test_three_way_broadcasting_of_where():
    condition = np.array([[True], [False]])
    x, y = leaf([1.0, 2.0, 3.0]), leaf(5.0)
    tg.where(condition, x, y).sum().backward()
    np.testing.assert_array_equal(array(x.grad), [1.0, 1.0, 1.0])
    assert y.grad.item() == 3.0


def test_the_same_tensor_broadcast_in_both_slots():
    a = leaf([[1.0], [2.0]])
    b = a.reshape(1, 2)
    (a * b).sum().backward()
    np.testing.assert_array_equal(array(a.grad), [[6.0], [6.0]])


def test_the_walk_makes_no_garbage_for_the_collector():
    gc.collect()
    gc.disable()
    try:
        a = leaf([1.0])
        for _ in range(20):
            (a * a + a).sum().backward()
        del a
        assert gc.collect() == 0
    finally:
        gc.enable()
