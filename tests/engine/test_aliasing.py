"""Whose memory a gradient is: no `.grad` shares memory with another, with a value, or with what the caller passed in.

T9, T10 and T13 of the list of pitfalls: everything below writes into a gradient and looks at what else changed.
"""

import itertools

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.kernels import buffers, layout

from .tools import array, leaf, leaves

# name: a function of two (2, 2) leaves whose rules pass the cotangent on, give views of it, or broadcast it.
GRAPHS = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "add itself": lambda a, b: (a + a) + b,
    "reshape": lambda a, b: a.reshape(4) + b.reshape(4),
    "transpose": lambda a, b: a.T + b.T,
    "permute": lambda a, b: a.permute(1, 0) + b,
    "cat": lambda a, b: tg.cat([a, b]),
    "cat itself": lambda a, b: tg.cat([a, a, b]),
    "stack": lambda a, b: tg.stack([a, b]),
    "getitem": lambda a, b: a[0] + b[1],
    "flatten": lambda a, b: a.flatten() + b.flatten(),
    "unsqueeze": lambda a, b: a.unsqueeze(0) + b.unsqueeze(0),
    "flip": lambda a, b: a.flip(0) + b.flip(0, 1),
    "roll": lambda a, b: a.roll(1) + b.roll(1, 0),
    "split": lambda a, b: a.split(1)[0] + b.split(1, 1)[1],
    "diagonal": lambda a, b: a.diagonal() + b.diagonal(1),
    "diag_embed": lambda a, b: a[0].diag() + tg.diagflat(b[1]),
    "expand": lambda a, b: a.expand(3, -1, -1) + b.expand_as(a),
    "meshgrid": lambda a, b: tg.meshgrid(a[0], b[1])[0] + tg.meshgrid(a[0], b[1])[1],
    "tile": lambda a, b: a.tile(2) + b.repeat(1, 2),
    "repeat_interleave": lambda a, b: a.repeat_interleave(1) + b.repeat_interleave([1, 1], 0).ravel(),
    "tril": lambda a, b: a.tril() + b.triu(),
    "hstack": lambda a, b: tg.hstack([a, b, a]),
    "clone": lambda a, b: a.clone() + b.clone(),
    "sum": lambda a, b: a.sum() + b.sum(),
    "sum of an axis": lambda a, b: a.sum(0) + b.sum(0),
    "mean": lambda a, b: a.mean() + b.mean(),
    "mean of an axis": lambda a, b: a.mean(1) + b.mean(1),
    "broadcast_to": lambda a, b: a.broadcast_to((3, 2, 2)) + b,
    "broadcasting": lambda a, b: a + b.reshape(4, 1, 1),
    "mul": lambda a, b: a * b,
    "matmul": lambda a, b: a @ b,
    "linear": lambda a, b: tg.linear(a, b, tg.ones(2, dtype=np.float64)),
    "relu": lambda a, b: a.relu() + b.relu(),
    "where": lambda a, b: tg.where(np.array([[True, False], [True, True]]), a, b),
    "max": lambda a, b: a.max(1)[0] + b.max(1)[0],
    "max of all": lambda a, b: a.max() + b.max(),
    "softmax": lambda a, b: a.softmax(1) + b.log_softmax(1),
    "astype": lambda a, b: a.float() + b.float(),
    "setitem": lambda a, b: _assigned(a * 1.0, b[0]),
    "dropout": lambda a, b: tg.dropout(a, 0.5, generator=np.random.default_rng(0)) + b,
    "diamond": lambda a, b: (a + b) + (a + b) + (a - b),
    "passed on twice": lambda a, b: (a + b).reshape(4).reshape(2, 2) + (a + b),
    "batch norm": lambda a, b: tg.native_batch_norm(a)[0] + tg.native_batch_norm(b)[1],
}


def _assigned(x, value):
    x[0] = value
    return x


def values(*tensors):
    return [None if t.grad is None else array(t.grad).copy() for t in tensors]


@pytest.fixture(params=list(GRAPHS))
def graph(request):
    return GRAPHS[request.param]


@pytest.fixture(autouse=True, params=["memory of its own", "blocks of the free list"])
def small_arrays_lie(request, monkeypatch):
    """Kernels take large results from the free list; here small ones too."""
    if request.param == "blocks of the free list":
        monkeypatch.setattr(buffers, "LEAST_BYTES", 0)


@pytest.fixture(params=["ones", "given", "given read-only", "given broadcast"])
def cotangent(request):
    def make(y):
        if request.param == "ones":
            return None if y.ndim == 0 else np.ones(y.shape, y.dtype)
        g = np.arange(1.0, y.numel() + 1, dtype=y.dtype).reshape(y.shape)
        if request.param == "given read-only":
            g.flags.writeable = False
        if request.param == "given broadcast":
            return np.broadcast_to(np.array(2.0, y.dtype), y.shape)
        return g

    return make


def test_gradients_are_writable_and_have_memory_of_their_own(graph, cotangent):
    a, b = leaves([[1.0, 4.0], [3.0, 2.0]], [[7.0, 5.0], [6.0, 8.0]])
    y = graph(a, b)
    g = cotangent(y)
    y.backward(None if g is None else tg.from_numpy(g))
    held = {"a": a.data, "b": b.data, "y": y.data, "a.grad": a.grad.data, "b.grad": b.grad.data}
    if g is not None:
        held["gradient="] = g
    for (name, one), (other_name, other) in itertools.combinations(held.items(), 2):
        if "grad" in name + other_name:
            assert not np.shares_memory(one, other), f"{name} and {other_name}"
    for t in (a, b):
        assert t.grad.data.flags.writeable
        assert 0 not in t.grad.data.strides
        t.grad.data[...] = 77.0
        assert (t.grad.data == 77.0).all()


def test_writing_into_one_gradient_changes_nothing_else(graph, cotangent):
    a, b = leaves([[1.0, 4.0], [3.0, 2.0]], [[7.0, 5.0], [6.0, 8.0]])
    y = graph(a, b)
    g = cotangent(y)
    before_g = None if g is None else g.copy()
    y.retain_grad()
    y.backward(None if g is None else tg.from_numpy(g))
    before = values(a, b, y)
    with tg.no_grad():
        a.grad.mul_(100.0)  # what clipping does
    for old, new in zip(before[1:], values(b, y), strict=True):
        np.testing.assert_array_equal(old, new)
    with tg.no_grad():
        b.grad.add_(1.0)
        y.grad.mul_(100.0)
    np.testing.assert_array_equal(array(a.grad), before[0] * 100.0)
    np.testing.assert_array_equal(array(b.grad), before[1] + 1.0)
    if g is not None:
        np.testing.assert_array_equal(g, before_g)


def test_a_second_backward_doubles_each_gradient_once(graph, cotangent):
    a, b = leaves([[1.0, 4.0], [3.0, 2.0]], [[7.0, 5.0], [6.0, 8.0]])
    y = graph(a, b)
    g = cotangent(y)
    before_g = None if g is None else g.copy()
    given = None if g is None else tg.from_numpy(g)
    y.retain_grad()
    y.backward(given, retain_graph=True)
    before = values(a, b, y)
    y.backward(given)
    for old, new in zip(before, values(a, b, y), strict=True):
        np.testing.assert_allclose(new, 2 * old, rtol=1e-12)
    if g is not None:
        np.testing.assert_array_equal(g, before_g)


def test_the_forward_values_are_not_touched(graph, cotangent):
    a, b = leaves([[1.0, 4.0], [3.0, 2.0]], [[7.0, 5.0], [6.0, 8.0]])
    y = graph(a, b)
    before = [array(t).copy() for t in (a, b, y)]
    g = cotangent(y)
    for _ in range(3):
        y.backward(None if g is None else tg.from_numpy(g), retain_graph=True)
    for t, old in zip((a, b, y), before, strict=True):
        np.testing.assert_array_equal(array(t), old)


def test_results_of_grad_are_apart_too(graph, cotangent):
    a, b = leaves([[1.0, 4.0], [3.0, 2.0]], [[7.0, 5.0], [6.0, 8.0]])
    h, k = a * 1.0, b * 1.0
    y = graph(h, k)
    g = cotangent(y)
    found = tg.grad(y, [a, b, h, k, y], grad_outputs=None if g is None else tg.from_numpy(g))
    arrays = [f.data for f in found] + ([] if g is None else [g])
    for one, other in itertools.combinations(arrays, 2):
        assert not np.shares_memory(one, other)
    for f in found:
        f.data[...] = 1.0  # writable


def test_t13_a_gradient_that_was_broadcast_can_be_added_to():
    for reduce in (lambda x: x.sum(), lambda x: x.mean(), lambda x: x.sum(0).sum(), lambda x: x.mean(1).mean()):
        x = leaf([[1.0, 2.0], [3.0, 4.0]])
        reduce(x).backward()
        before = array(x.grad).copy()
        x.grad += 1
        np.testing.assert_array_equal(array(x.grad), before + 1)
        x.grad[0, 0] = 9.0
        assert x.grad[0, 1].item() == before[0, 1] + 1


def test_backward_of_a_leaf_itself():
    x, g = leaf([1.0, 2.0]), tg.tensor([5.0, 6.0], dtype=np.float64)
    x.backward(g)
    x.backward(g)
    np.testing.assert_array_equal(array(x.grad), [10.0, 12.0])
    np.testing.assert_array_equal(array(g), [5.0, 6.0])


def test_retained_gradients_on_views_of_each_other():
    x = leaf([1.0, 2.0, 3.0, 4.0])
    h = x * 1.0
    k = h.reshape(2, 2)
    m = k.T
    for t in (h, k, m):
        t.retain_grad()
    g = tg.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=np.float64)
    m.backward(g, retain_graph=True)
    m.backward(g)
    np.testing.assert_array_equal(array(m.grad), [[2.0, 4.0], [6.0, 8.0]])
    np.testing.assert_array_equal(array(k.grad), [[2.0, 6.0], [4.0, 8.0]])
    np.testing.assert_array_equal(array(h.grad), [2.0, 6.0, 4.0, 8.0])
    np.testing.assert_array_equal(array(x.grad), [2.0, 6.0, 4.0, 8.0])


# What rules may return


def test_t10_a_joint_rule_that_returns_one_array_twice():
    @tg.primitive
    def plus(x, y):
        return x + y

    def rule(wanted, g):
        share = g * 1.0
        return share, share

    plus.defvjp_joint(rule)
    a, b = leaves([1.0, 2.0], [3.0, 4.0])
    for _ in range(3):
        plus(a, b).sum().backward()
    np.testing.assert_array_equal(array(a.grad), [3.0, 3.0])
    np.testing.assert_array_equal(array(b.grad), [3.0, 3.0])


def test_t10_a_joint_rule_whose_shares_are_views_of_one_buffer():
    @tg.primitive
    def plus(x, y):
        return x + y

    def rule(wanted, g):
        share = g * 1.0
        return share[::-1][::-1], share.reshape(1, 2).reshape(2)

    plus.defvjp_joint(rule)
    a, b = leaves([1.0, 2.0], [3.0, 4.0])
    for _ in range(3):
        plus(a, b).sum().backward()
    np.testing.assert_array_equal(array(a.grad), [3.0, 3.0])
    np.testing.assert_array_equal(array(b.grad), [3.0, 3.0])


def test_t10_a_joint_rule_that_returns_one_array_to_an_interior_tensor_and_a_leaf():
    @tg.primitive
    def plus(x, y):
        return x + y

    def rule(wanted, g):
        share = g * 1.0
        return share, share

    plus.defvjp_joint(rule)
    a, b = leaves([1.0, 2.0], [3.0, 4.0])
    h = a + 0.0
    h.retain_grad()
    for _ in range(3):
        plus(h, b).sum().backward(retain_graph=True)
    np.testing.assert_array_equal(array(a.grad), [3.0, 3.0])
    np.testing.assert_array_equal(array(b.grad), [3.0, 3.0])
    np.testing.assert_array_equal(array(h.grad), [3.0, 3.0])


def test_t10_a_rule_that_returns_an_array_it_keeps():
    kept = np.array([1.0, 1.0])

    @tg.primitive
    def same(x):
        return x * 1.0

    same.defvjps(lambda g: kept)
    a = leaf([1.0, 2.0])
    same(a).sum().backward()
    same(a).sum().backward()
    np.testing.assert_array_equal(array(a.grad), [2.0, 2.0])
    np.testing.assert_array_equal(kept, [1.0, 1.0])


def test_t10_a_rule_that_returns_a_saved_array_itself():
    @tg.primitive
    def dot(x, y):
        return np.sum(x * y)

    dot.defvjps(lambda g, y: y, lambda g, x: x)
    a, b = leaves([1.0, 2.0], [3.0, 4.0])
    loss = dot(a, b)
    loss.backward(retain_graph=True)
    loss.backward()
    np.testing.assert_array_equal(array(a.grad), [6.0, 8.0])
    np.testing.assert_array_equal(array(b.grad), [2.0, 4.0])
    np.testing.assert_array_equal(array(a), [1.0, 2.0])
    np.testing.assert_array_equal(array(b), [3.0, 4.0])
    # and through an interior tensor, whose gradient is asked for
    h = a * 1.0
    (g,) = tg.grad(dot(h, b), [h])
    assert not np.shares_memory(g.data, b.data)


def test_t10_a_rule_that_returns_a_view_of_a_buffer():
    @tg.primitive
    def same(x):
        return x * 1.0

    same.defvjps(lambda g: np.repeat(g, 2)[::2])
    a = leaf([1.0, 2.0])
    same(a).sum().backward()
    same(a).sum().backward()
    np.testing.assert_array_equal(array(a.grad), [2.0, 2.0])


def test_the_walk_never_writes_to_a_cotangent_it_borrowed():
    """Both users of h pass on arrays they do not own; adding up must not happen in either."""
    kept = np.array([1.0, 1.0])

    @tg.primitive
    def same(x):
        return x * 1.0

    same.defvjps(lambda g: kept)
    a = leaf([1.0, 2.0])
    h = a * 1.0
    (same(h) + same(h) + same(h)).sum().backward()
    np.testing.assert_array_equal(kept, [1.0, 1.0])
    np.testing.assert_array_equal(array(a.grad), [3.0, 3.0])


# What is taken over without a copy, and how a copy lies


def test_a_large_gradient_that_nothing_else_sees_is_taken_over_as_it_lies(monkeypatch):
    copies = []
    monkeypatch.setattr(tg.graph, "copied", lambda g: copies.append(g.shape) or layout.copied(g))
    x, w = tg.randn(16, 8, 20, 20, requires_grad=True), tg.randn(8, 8, 3, 3, requires_grad=True)
    y = tg.conv2d(x, w, padding=1)
    y.backward(tg.randn(*y.shape))
    assert copies == []
    assert x.grad.data.strides == y.data.strides, "an image's gradient lies as convolutions leave it"


def test_a_view_is_taken_over_only_where_its_base_has_no_other():
    base = np.zeros((4, 6))
    view = base.T
    assert not buffers.is_sole_view(view), "the base itself is held"
    other = base[0]
    del base
    assert not buffers.is_sole_view(view), "another view sees it"
    del other
    assert buffers.is_sole_view(view)
    assert not buffers.is_sole_view(np.zeros((4, 6))[:, :3]), "half of the rows is missing in between"
    assert not buffers.is_sole_view(np.zeros((40, 6))[:2]), "a slice would hold on to much more memory than it needs"
    assert not buffers.is_sole_view(np.broadcast_to(np.zeros(3), (2, 3)))
    assert not buffers.is_sole_view(np.frombuffer(bytearray(64)).T), "memory of somebody else"


def test_a_copied_gradient_keeps_the_order_of_its_axes():
    x = tg.randn(4, 5, 6, requires_grad=True)
    g = np.random.default_rng(0).standard_normal((6, 4, 5)).astype(np.float32).transpose(1, 2, 0)
    (x + 0.0).backward(tg.from_numpy(g))
    assert x.grad.data.strides == g.strides
    np.testing.assert_array_equal(array(x.grad), g)
    assert not np.shares_memory(array(x.grad), g)


def test_read_only_contributions_add_up():
    a = leaf([[1.0, 2.0], [3.0, 4.0]])
    (a.sum() + a.sum() + a.sum() + a.mean()).backward()
    np.testing.assert_array_equal(array(a.grad), np.full((2, 2), 3.25))


# .grad in a buffer of somebody else's


def test_grad_may_be_a_slice_of_a_flat_buffer():
    flat = np.zeros(6)
    a, b = leaves([1.0, 2.0], [[3.0, 4.0], [5.0, 6.0]])
    a.grad, b.grad = tg.from_numpy(flat[:2]), tg.from_numpy(flat[2:].reshape(2, 2))
    kept = a.grad
    for times in (1, 2, 3):
        ((a * 2.0).sum() + (b * a).sum()).backward()
        np.testing.assert_array_equal(flat[:2], times * np.array([10.0, 12.0]))
        np.testing.assert_array_equal(flat[2:], times * np.array([1.0, 2.0, 1.0, 2.0]))
    assert a.grad is kept
    assert np.shares_memory(a.grad.data, flat)


def test_accumulating_counts_as_a_write_to_the_gradient():
    a = leaf([1.0, 2.0])
    (a * a).sum().backward()
    w = leaf([1.0, 1.0])
    loss = (w * a.grad).sum()
    (a * a).sum().backward()
    with pytest.raises(tg.GradientError, match="mul: its other"):
        loss.backward()


def test_a_gradient_set_by_hand_is_added_to_in_place():
    a = leaf([1.0, 2.0])
    mine = tg.tensor([10.0, 10.0], dtype=np.float64)
    a.grad = mine
    (a * 3.0).sum().backward()
    assert a.grad is mine
    np.testing.assert_array_equal(array(mine), [13.0, 13.0])


def test_a_gradient_set_to_none_starts_anew():
    a = leaf([1.0, 2.0])
    (a * 3.0).sum().backward()
    first = a.grad
    a.grad = None
    (a * 4.0).sum().backward()
    np.testing.assert_array_equal(array(a.grad), [4.0, 4.0])
    np.testing.assert_array_equal(array(first), [3.0, 3.0])


# What dtype .grad has


def test_gradients_take_the_dtype_of_their_leaf():
    for dtype in (np.float16, np.float32, np.float64):
        for other in (np.float16, np.float32, np.float64):
            a = tg.tensor([1.0, 2.0], dtype=dtype, requires_grad=True)
            b = tg.tensor([3.0, 4.0], dtype=other, requires_grad=True)
            (a * b + a).sum().backward()
            assert a.grad.dtype == dtype
            assert b.grad.dtype == other
            np.testing.assert_array_equal(array(a.grad), [4.0, 5.0])
