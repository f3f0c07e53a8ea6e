"""Changing values in place: what it does, when it is refused, and how a walk notices a saved array that changed."""

import copy
import re
import sys

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.node import version_of

from .tools import array, leaf, leaves

X = [[1.0, 2.0], [3.0, 4.0]]

# name: (call, what the values become)
IN_PLACE = {
    "add_": (lambda x: x.add_(2.0), lambda a: a + 2),
    "add_ alpha": (lambda x: x.add_(tg.ones(2, dtype=np.float64), alpha=3.0), lambda a: a + 3),
    "sub_": (lambda x: x.sub_(2.0), lambda a: a - 2),
    "sub_ alpha": (lambda x: x.sub_(tg.ones(2, dtype=np.float64), alpha=3.0), lambda a: a - 3),
    "mul_": (lambda x: x.mul_(2.0), lambda a: a * 2),
    "div_": (lambda x: x.div_(2.0), lambda a: a / 2),
    "zero_": (lambda x: x.zero_(), lambda a: a * 0),
    "fill_": (lambda x: x.fill_(7.0), lambda a: a * 0 + 7),
    "copy_": (lambda x: x.copy_(tg.tensor([8.0, 9.0])), lambda a: a * 0 + [8, 9]),
    "+=": (lambda x: x.__iadd__(2.0), lambda a: a + 2),
    "-=": (lambda x: x.__isub__(2.0), lambda a: a - 2),
    "*=": (lambda x: x.__imul__(2.0), lambda a: a * 2),
    "/=": (lambda x: x.__itruediv__(2.0), lambda a: a / 2),
    "[i] =": (lambda x: (x.__setitem__(0, 5.0), x)[1], lambda a: np.array([[5.0, 5.0], a[1]])),
    "[...] =": (lambda x: (x.__setitem__(Ellipsis, 5.0), x)[1], lambda a: a * 0 + 5),
    "[mask] =": (
        lambda x: (x.__setitem__(np.array([[True, False], [False, True]]), 5.0), x)[1],
        lambda a: np.array([[5.0, a[0, 1]], [a[1, 0], 5.0]]),
    ),
    "[list] =": (lambda x: (x.__setitem__(([0, 1], [1, 1]), 5.0), x)[1], lambda a: np.array([[1.0, 5.0], [3.0, 5.0]])),
}


@pytest.fixture(params=list(IN_PLACE))
def change(request):
    return IN_PLACE[request.param]


def version(t):
    return version_of(t._version or b"")


def test_under_no_grad_the_memory_is_written(change):
    call, expected = change
    x = leaf(X)
    memory, before = x.data, x.data.copy()
    alias = x.detach()
    with tg.no_grad():
        assert call(x) is x
    assert x.data is memory
    np.testing.assert_array_equal(memory, expected(before))
    np.testing.assert_array_equal(array(alias), expected(before))
    assert x.is_leaf
    assert x.requires_grad
    assert x.dtype == np.float64


def test_a_plain_tensor_is_written_while_recording_too(change):
    call, expected = change
    x = tg.tensor(X, dtype=np.float64)
    memory, before = x.data, x.data.copy()
    assert call(x) is x
    assert x.data is memory
    assert not x.requires_grad
    np.testing.assert_array_equal(memory, expected(before))


def test_t11_a_leaf_that_requires_grad_is_refused_before_anything_changes(change):
    call, _ = change
    x = leaf(X)
    loss = (x * x).sum()
    before, node = x.data.copy(), x.grad_fn
    with pytest.raises(tg.GradientError, match=r"a leaf that requires a gradient cannot be changed in place.*no_grad"):
        call(x)
    np.testing.assert_array_equal(array(x), before)
    assert x.grad_fn is node
    loss.backward()  # no version was counted up either
    np.testing.assert_array_equal(array(x.grad), 2 * before)


def test_a_recorded_tensor_becomes_the_recorded_result(change):
    call, expected = change
    a = leaf(X)
    x = a * 1.0
    memory, before = x.data, x.data.copy()
    assert call(x) is x
    np.testing.assert_array_equal(array(x), expected(before))
    np.testing.assert_array_equal(memory, before)  # functional: what others saved stays
    (x * np.array([[1.0, 10.0], [100.0, 1000.0]])).sum().backward()
    step = 1e-6
    numeric = np.zeros((2, 2))
    for place in np.ndindex(2, 2):
        for sign in (1, -1):
            moved = before.copy()
            moved[place] += sign * step
            y = tg.tensor(moved, dtype=np.float64)
            call(y)
            numeric[place] += sign * (array(y) * [[1.0, 10.0], [100.0, 1000.0]]).sum() / (2 * step)
    np.testing.assert_allclose(array(a.grad), numeric, atol=1e-4)


def test_t11_a_saved_array_that_changed_is_noticed(change):
    call, _ = change
    a, x = leaf(X), tg.tensor(X, dtype=np.float64)
    loss = (a * x).sum()
    line = sys._getframe().f_lineno - 1
    call(x)
    with pytest.raises(tg.GradientError) as caught:
        loss.backward()
    for part in ("mul", "other", "changed in place", f"test_mutation.py:{line}"):
        assert part in str(caught.value), f"{part!r} is missing in {caught.value}"
    assert a.grad is None


def test_t11_a_parameter_updated_between_forward_and_backward_is_noticed(change):
    call, _ = change
    w, x = leaf(X), leaf(X)
    loss = (w @ x).sum()
    with tg.no_grad():
        call(w)
    with pytest.raises(tg.GradientError, match=r"matmul: its x.*changed in place.*test_mutation.py"):
        loss.backward()


def test_t11_a_saved_output_that_changed_is_noticed(change):
    call, _ = change
    a = leaf(X)
    y = a.exp()
    loss = y.sum()
    with tg.no_grad():
        call(y)
    with pytest.raises(tg.GradientError, match=r"exp: its out.*changed in place"):
        loss.backward()


def test_what_no_rule_saved_may_change(change):
    call, _ = change
    a, x = leaf(X), tg.tensor(X, dtype=np.float64)
    loss = (a + x).sum() + (x * 2.0 * a.detach()).sum()
    call(x)
    loss.backward()
    np.testing.assert_array_equal(array(a.grad), [[1.0, 1.0], [1.0, 1.0]])


def test_a_change_before_it_was_saved_is_no_error(change):
    call, _ = change
    a, x = leaf(X), tg.tensor(X, dtype=np.float64)
    call(x)
    (a * x).sum().backward()
    np.testing.assert_array_equal(array(a.grad), array(x))


# The version is shared by all that look at the same memory

VIEWS = {
    "detach": lambda x: x.detach(),
    "detach of detach": lambda x: x.detach().detach(),
    "reshape": lambda x: x.reshape(4),
    "view": lambda x: x.view(1, 4),
    "flatten": lambda x: x.flatten(),
    "transpose": lambda x: x.T,
    "permute": lambda x: x.permute(1, 0),
    "slice": lambda x: x[:, 1:],
    "row": lambda x: x[0],
    "element": lambda x: x[0, 0],
    "newaxis": lambda x: x[None],
    "unsqueeze": lambda x: x.unsqueeze(0),
    "iteration": lambda x: next(iter(x)),
    "broadcast_to of it": lambda x: x.reshape(1, 2, 2)[0],
    "view of a view": lambda x: x.reshape(4)[1:].reshape(3, 1).T,
    "the same dtype": lambda x: x.to(np.float64),
}


@pytest.fixture(params=list(VIEWS))
def view(request):
    return VIEWS[request.param]


def test_t11_writing_to_a_view_is_noticed(view):
    a, x = leaf(X), tg.tensor(X, dtype=np.float64)
    loss = (a * x).sum()
    v = view(x)
    assert np.shares_memory(v.data, x.data)
    v.zero_()
    with pytest.raises(tg.GradientError, match="changed in place"):
        loss.backward()


def test_t11_writing_to_a_view_made_before_the_call_is_noticed(view):
    a, x = leaf(X), tg.tensor(X, dtype=np.float64)
    v = view(x)
    loss = (a * x).sum()
    v.add_(1.0)
    with pytest.raises(tg.GradientError, match="changed in place"):
        loss.backward()


def test_t11_writing_to_the_base_of_a_saved_view_is_noticed(view):
    x = tg.tensor(X, dtype=np.float64)
    v = view(x)
    a = leaf(np.ones(v.shape))
    loss = (a * v).sum()
    x.add_(1.0)
    with pytest.raises(tg.GradientError, match="changed in place"):
        loss.backward()


def test_t11_views_of_a_parameter_under_no_grad(view):
    w = leaf(X)
    loss = (w * w).sum()
    with tg.no_grad():
        view(w).mul_(0.5)
    with pytest.raises(tg.GradientError, match="changed in place"):
        loss.backward()


def test_a_copy_has_a_version_of_its_own():
    for copied in (lambda x: x.clone(), lambda x: tg.tensor(x), copy.deepcopy, lambda x: x * 1.0, lambda x: x[[0, 1]]):
        a, x = leaf(X), tg.tensor(X, dtype=np.float64)
        loss = (a * x).sum()
        copied(x).zero_()
        loss.backward()
        np.testing.assert_array_equal(array(a.grad), X)


def test_t11_setting_data_is_noticed():
    w = leaf(X)
    loss = (w * w).sum()
    w.data = np.zeros((2, 2))
    with pytest.raises(tg.GradientError, match="changed in place"):
        loss.backward()
    assert w.requires_grad
    np.testing.assert_array_equal(array(w), np.zeros((2, 2)))


def test_setting_data_takes_a_tensor_or_an_array_of_the_same_kind():
    w = leaf(X)
    w.data = tg.zeros(2, 2, dtype=np.float64)
    np.testing.assert_array_equal(array(w), np.zeros((2, 2)))
    with pytest.raises(tg.TensorgradError, match=r"data: .*\(2, 2\).*\(3,\)"):
        w.data = np.zeros(3)
    with pytest.raises(tg.TensorgradError, match=r"data: .*float64.*float32"):
        w.data = np.zeros((2, 2), np.float32)
    np.testing.assert_array_equal(array(w), np.zeros((2, 2)))


def test_augmented_assignment_through_data_is_noticed():
    """`w.data -= step`, as old tutorials do, ends in an assignment to `w.data`."""
    w = leaf(X)
    loss = (w * w).sum()
    w.data -= 0.5
    np.testing.assert_array_equal(array(w), np.array(X) - 0.5)
    with pytest.raises(tg.GradientError, match="changed in place"):
        loss.backward()


def test_the_version_error_names_scope_and_versions():
    a, x = leaf(X), tg.tensor(X, dtype=np.float64)
    with tg.named_scope("net.first"):
        loss = (a * x).sum()
    x.zero_()
    x.zero_()
    with pytest.raises(tg.GradientError, match=r"version 2, saved at version 0.*in module net\.first"):
        loss.backward()


def test_running_the_forward_again_helps():
    a, x = leaf(X), tg.tensor(X, dtype=np.float64)
    loss = (a * x).sum()
    x.zero_()
    with pytest.raises(tg.GradientError, match="changed in place"):
        loss.backward()
    (a * x).sum().backward()
    np.testing.assert_array_equal(array(a.grad), np.zeros((2, 2)))


def test_an_optimizer_step_after_backward_is_fine():
    w = leaf(X)
    for _ in range(3):
        loss = (w * w).sum()
        loss.backward()
        with tg.no_grad():
            w -= 0.1 * w.grad
            w.grad.zero_()
    np.testing.assert_allclose(array(w), np.array(X) * 0.8**3)


# x += y


def test_augmented_assignment_keeps_the_object_and_records():
    a, b = leaves([1.0, 2.0], [3.0, 4.0])
    x = a * 2.0
    same = x
    x += b
    assert x is same
    x *= 3.0
    x -= a
    x /= b
    assert x is same
    x.sum().backward()  # ((2a + b) * 3 - a) / b
    np.testing.assert_allclose(array(a.grad), 5 / np.array([3.0, 4.0]))
    np.testing.assert_allclose(array(b.grad), -5 * np.array([1.0, 2.0]) / np.array([9.0, 16.0]))


def test_augmented_assignment_makes_a_plain_tensor_recorded():
    a = leaf([1.0, 2.0])
    total = tg.zeros(2, dtype=np.float64)
    for _ in range(3):
        total += a * a
    assert total.requires_grad
    total.sum().backward()
    np.testing.assert_array_equal(array(a.grad), [6.0, 12.0])


def test_augmented_assignment_with_itself():
    a = leaf([1.0, 2.0])
    x = a * 1.0
    x += x
    x *= x
    x.sum().backward()
    np.testing.assert_array_equal(array(a.grad), [8.0, 16.0])


def test_augmented_assignment_keeps_shape_and_dtype():
    x = tg.ones(2)
    with pytest.raises(tg.ShapeError, match=r"add_: the result has shape \(3, 2\).*\(2,\)"):
        x += tg.ones(3, 2)
    x += np.ones(2)
    assert x.dtype == np.float32
    x += tg.ones(2, dtype=np.float64)
    assert x.dtype == np.float32
    counts = tg.tensor([1, 2])
    counts += 1
    assert counts.dtype == np.int64
    with pytest.raises(tg.DTypeError, match="add_: the result has dtype float32, which a tensor of int64 cannot hold"):
        counts += 0.5
    with pytest.raises(tg.DTypeError, match=r"div_: .*int64 cannot hold"):
        counts /= 2
    np.testing.assert_array_equal(array(counts), [2, 3])


def test_recorded_in_place_methods_keep_the_dtype():
    a = tg.ones(2, requires_grad=True)
    x = a * 1.0
    x += tg.ones(2, dtype=np.float64)
    assert x.dtype == np.float32
    x.sum().backward()
    assert a.grad.dtype == np.float32


def test_recorded_in_place_methods_that_do_not_fit_change_nothing():
    a = leaf([1.0, 2.0])
    x = a * 1.0
    node, before = x.grad_fn, x.data.copy()
    for wrong in (lambda: x.add_(tg.ones(3, 2)), lambda: x.copy_(tg.ones(3)), lambda: x.__setitem__(0, tg.ones(2))):
        with pytest.raises(tg.ShapeError, match="shape"):
            wrong()
    with pytest.raises(tg.LabelError, match=r"setitem: .*out of bounds"):
        x[5] = 1.0
    assert x.grad_fn is node
    np.testing.assert_array_equal(array(x), before)
    x.sum().backward()


def test_in_place_methods_that_do_not_fit_change_nothing():
    x = tg.tensor([1.0, 2.0])
    before = version(x)
    for wrong in (lambda: x.add_(tg.ones(3, 2)), lambda: x.copy_(tg.ones(3)), lambda: x.__setitem__(0, tg.ones(2))):
        with pytest.raises(tg.ShapeError, match="shape"):
            wrong()
    assert version(x) == before
    np.testing.assert_array_equal(array(x), [1.0, 2.0])


def test_hooks_and_retained_gradients_follow_pytorch_after_an_in_place_change():
    """A hook stays with the value it was registered on; retain_grad moves on to the new value."""
    a = leaf([1.0])
    y = a * 2.0
    seen = []
    y.register_hook(lambda g: seen.append(g.item()))
    y.retain_grad()
    y.mul_(3.0)
    y.sum().backward()
    assert seen == [3.0]
    assert y.grad.item() == 1.0


def test_a_change_of_a_copy_taken_by_a_node_is_harmless():
    """Indices are copied when recorded."""
    a = leaf([1.0, 2.0, 3.0])
    index = np.array([0, 0, 2])
    mask = np.array([True, False, True])
    loss = a[index].sum() + a[mask].sum()
    index[:] = 1
    mask[:] = False
    loss.backward()
    np.testing.assert_array_equal(array(a.grad), [3.0, 0.0, 2.0])


# x[i] = v


def test_t38_setitem_is_recorded():
    a, v = leaf([1.0, 2.0, 3.0]), leaf(10.0)
    x = a * 2.0
    x[1] = v
    np.testing.assert_array_equal(array(x), [2.0, 10.0, 6.0])
    (x * np.array([1.0, 10.0, 100.0])).sum().backward()
    np.testing.assert_array_equal(array(a.grad), [2.0, 0.0, 200.0])
    assert v.grad.item() == 10.0


def test_t38_used_before_and_after():
    a, v = leaf([1.0, 2.0, 3.0]), leaf(10.0)
    x = a * a
    before = x * 3.0
    x[1] = v
    after = x * 5.0
    (before + after).sum().backward()
    np.testing.assert_array_equal(array(before), [3.0, 12.0, 27.0])
    np.testing.assert_array_equal(array(a.grad), [16.0, 12.0, 48.0])
    assert v.grad.item() == 5.0


def test_t38_the_value_used_before_and_after():
    v = leaf([1.0, 2.0])
    x = tg.zeros(4, dtype=np.float64)
    first = v * 3.0
    x[1:3] = v
    x[0] = v[0] * x[2]
    (x.sum() + first.sum()).backward()  # v0 + v1 + v0*v1 + 3 v0 + 3 v1
    np.testing.assert_array_equal(array(v.grad), [6.0, 5.0])


def test_t38_a_tensor_assigned_into_itself():
    a = leaf([1.0, 2.0, 3.0])
    x = a * 1.0
    x[0] = x[2]
    x[1:] = x[:2] * 2.0
    np.testing.assert_array_equal(array(x), [3.0, 6.0, 4.0])
    (x * np.array([1.0, 10.0, 100.0])).sum().backward()
    np.testing.assert_array_equal(array(a.grad), [0.0, 200.0, 21.0])


def test_setitem_twice_at_one_place():
    a, v, w = leaf([1.0, 2.0]), leaf(3.0), leaf(4.0)
    x = a * 1.0
    x[0] = v
    x[0] = w
    x.sum().backward()
    np.testing.assert_array_equal(array(a.grad), [0.0, 1.0])
    assert v.grad.item() == 0.0
    assert w.grad.item() == 1.0


def test_setitem_with_repeated_indices_gives_the_gradient_to_the_value_that_stayed():
    x, v = tg.zeros(3, dtype=np.float64), leaf([1.0, 2.0, 4.0])
    x[[0, 0, 1]] = v
    np.testing.assert_array_equal(array(x), [2.0, 4.0, 0.0])
    x.sum().backward()
    np.testing.assert_array_equal(array(v.grad), [0.0, 1.0, 1.0])


@pytest.mark.parametrize(
    "index, shape",
    [
        (0, ()),
        (0, (2,)),
        (0, (1,)),
        (slice(None), (2,)),
        (slice(None), (3, 1)),
        (slice(None), (1, 1, 2)),
        ((slice(None), 0), (3,)),
        ((slice(None, None, -1), [1, 0]), (2,)),
        (([0, 2], [1, 1]), (2,)),
        (([0, 2], [1, 1]), ()),
        (Ellipsis, (3, 2)),
        ((None, 1), (1, 2)),
        (np.array([True, False, True]), (2,)),
        (np.array([True, False, True]), (2, 1)),
        (np.zeros((3, 2), bool), ()),
        (-1, (2,)),
        ([], (0, 2)),
    ],
)
def test_gradients_of_setitem(index, shape):
    rng = np.random.default_rng(0)
    a, v = leaf(rng.normal(size=(3, 2))), leaf(rng.normal(size=shape))
    weight = rng.normal(size=(3, 2))

    def loss(a_, v_):
        x = a_ * 1.0
        x[index] = v_
        return (x * weight).sum()

    loss(a, v).backward()
    for t in (a, v):
        numeric = np.zeros(t.shape)
        for place in np.ndindex(*t.shape):
            for sign in (1, -1):
                moved = t.data.copy()
                moved[place] += sign * 1e-6
                other = tg.tensor(moved, dtype=np.float64)
                pair = (other, v.detach()) if t is a else (a.detach(), other)
                numeric[place] += sign * loss(*pair).item() / 2e-6
        np.testing.assert_allclose(array(t.grad), numeric, atol=1e-7)


def test_setitem_of_plain_values_on_a_recorded_tensor():
    a = leaf([1.0, 2.0])
    for value in (5, 5.0, True, np.float64(5), np.array(5.0), np.array([5.0]), tg.tensor(5.0), tg.tensor(5)):
        a.grad = None
        x = a * 1.0
        x[0] = value
        assert x.dtype == np.float64
        assert x[0].item() == float(np.asarray(value.detach() if isinstance(value, tg.Tensor) else value).item())
        x.sum().backward()
        np.testing.assert_array_equal(array(a.grad), [0.0, 1.0])


def test_t18_an_integer_tensor_never_comes_to_require_a_gradient():
    v = leaf(3.5)
    for assign in (lambda x: x.__setitem__(0, v), lambda x: x.copy_(v), lambda x: x.fill_(v), lambda x: x.add_(v)):
        x = tg.tensor([1, 2, 3])
        with pytest.raises(tg.DTypeError, match="int64"):
            assign(x)
        assert not x.requires_grad
        np.testing.assert_array_equal(array(x), [1, 2, 3])


def test_filling_with_a_recorded_value():
    a, v = leaf([1.0, 2.0]), leaf(3.0)
    x = a * 1.0
    x.fill_(v)
    x.sum().backward()
    assert v.grad.item() == 2.0
    assert a.grad is None or not a.grad.data.any()
    y = tg.zeros(2, dtype=np.float64)
    y.copy_(v * 2.0)
    y.sum().backward()
    assert v.grad.item() == 6.0


# Assigning into the result of a view


def test_assigning_into_a_view_of_a_recorded_tensor_raises(view):
    a = leaf(X)
    x = a * 1.0
    before = x.data.copy()
    v = view(x)
    if not v.requires_grad:  # detach(): a write into the shared memory, noticed by version
        return
    if v is x:
        return
    with pytest.raises(tg.GradientError, match=r"view made by .*x\[0, 1\] = v.*clone\(\)"):
        v[...] = 0.0
    with pytest.raises(tg.GradientError, match="add_: the tensor is a view"):
        v += 1.0
    np.testing.assert_array_equal(array(x), before)
    v.sum().backward()


def test_assigning_a_recorded_value_into_a_view_of_a_plain_tensor_raises(view):
    """Nothing may be lost silently: x would not change, though the lines say so."""
    x, w = tg.tensor(X, dtype=np.float64), leaf(7.0)
    v = view(x)
    if v is x:
        return
    with pytest.raises(tg.GradientError, match=r"view|shares"):
        v[...] = w
    np.testing.assert_array_equal(array(x), X)
    assert not x.requires_grad


def test_x_0_1_equals_v_is_recorded_where_x_0_then_1_raises():
    a, w = leaf(X), leaf(7.0)
    x = a * 1.0
    with pytest.raises(tg.GradientError, match=re.escape("write x[0, 1] = v instead of x[0][1] = v")):
        x[0][1] = w
    x[0, 1] = w
    x.sum().backward()
    np.testing.assert_array_equal(array(a.grad), [[1.0, 0.0], [1.0, 1.0]])
    assert w.grad.item() == 1.0


def test_assigning_plain_values_into_a_view_of_a_plain_tensor_writes_through(view):
    x = tg.tensor(X, dtype=np.float64)
    v = view(x)
    v[...] = 9.0
    assert (array(v) == 9.0).all()
    assert (x.data == 9.0).sum() == v.numel()


def test_a_clone_of_a_view_may_be_assigned_to():
    a = leaf(X)
    row = (a * 1.0)[0].clone()
    row[1] = 0.0
    row.sum().backward()
    np.testing.assert_array_equal(array(a.grad), [[1.0, 0.0], [0.0, 0.0]])


def test_the_copy_that_advanced_indexing_gives_may_be_assigned_to():
    a = leaf(X)
    rows = (a * 1.0)[[0, 1]]
    assert not np.shares_memory(rows.data, a.data)
    rows[0] = 0.0
    rows.sum().backward()
    np.testing.assert_array_equal(array(a.grad), [[0.0, 0.0], [1.0, 1.0]])


# In modes


def test_pytorchs_tutorial_loop_runs_unchanged():
    w, x = leaf([0.0]), tg.tensor([1.0, 2.0, 3.0], dtype=np.float64)
    y = x * 2.0
    for _ in range(200):
        loss = ((w * x - y) ** 2).mean()
        loss.backward()
        with tg.no_grad():
            w -= 0.05 * w.grad
            w.grad.zero_()
    assert w.item() == pytest.approx(2.0)
    assert w.is_leaf
    assert w.requires_grad


def test_in_place_methods_under_no_grad_with_a_recorded_other():
    w, x = leaf([1.0]), tg.zeros(1, dtype=np.float64)
    with tg.no_grad():
        x += w * 2.0
        x[0] = w[0]
        x.copy_(w)
    assert not x.requires_grad
    assert x.item() == 1.0


def test_in_place_with_overlapping_memory():
    x = tg.arange(6).float()
    x[1:] = x[:-1]
    np.testing.assert_array_equal(array(x), [0, 0, 1, 2, 3, 4])
    x = tg.arange(6).float()
    x[1:].add_(x[:-1])
    np.testing.assert_array_equal(array(x), [0, 1, 3, 5, 7, 9])
    x.copy_(x[[5, 4, 3, 2, 1, 0]])
    np.testing.assert_array_equal(array(x), [9, 7, 5, 3, 1, 0])


@pytest.mark.parametrize("index", [0, slice(1, None), (0, 1), (Ellipsis, 0), [0, 1], np.array([True, False])])
@pytest.mark.parametrize("recorded", ["tensor", "value"])
def test_augmented_assignment_to_a_part_is_never_lost(index, recorded):
    """x[i] += v: the recorded result, or an error; never a value that does not change."""
    a, v = leaf(X), leaf(5.0)
    x = a * 1.0 if recorded == "tensor" else tg.tensor(X, dtype=np.float64)
    expected = np.array(X)
    expected[index] += 5.0
    try:
        x[index] += v
    except tg.GradientError as error:
        assert "x[" in str(error)  # noqa: PT017  (both outcomes are allowed)
        np.testing.assert_array_equal(array(x), X)
        return
    np.testing.assert_array_equal(array(x), expected)
    x.sum().backward()
    assert v.grad.item() == (expected != X).sum()
    if recorded == "tensor":
        np.testing.assert_array_equal(array(a.grad), np.ones((2, 2)))


def test_augmented_assignment_to_a_part_under_no_grad():
    w = leaf(X)
    with tg.no_grad():
        w[0] += 5.0
        w[:, 1] *= 2.0
        w[0, 0] -= 1.0
        w[[1, 1], [0, 0]] += 1.0
    np.testing.assert_array_equal(array(w), [[5.0, 14.0], [4.0, 8.0]])
    with pytest.raises(tg.GradientError, match=r"view|leaf"):
        w[0] += 1.0
    np.testing.assert_array_equal(array(w), [[5.0, 14.0], [4.0, 8.0]])


def test_a_matrix_transposed_in_place():
    x = tg.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    view = x[0]
    assert x.t_() is x
    assert x.tolist() == [[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]
    x[0, 0] = 7.0
    assert view.tolist() == [7.0, 2.0, 3.0]  # the memory is the same
    w = leaf([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    weights = tg.tensor(np.arange(6.0).reshape(3, 2))
    for mode in (tg.enable_grad(), tg.no_grad()):
        y = w * 2.0
        y.retain_grad()
        with mode:
            y.t_()
        (y * weights).sum().backward()
        assert w.grad.tolist() == (2 * weights.T).tolist()
        assert y.grad.tolist() == weights.tolist()
        w.grad = None
    with pytest.raises(tg.GradientError, match=r"^t_: a leaf that requires a gradient keeps its shape: use t\(\)$"):
        w.t_()
    with pytest.raises(tg.ShapeError, match=r"^t: only for up to 2 axes"):
        tg.ones(2, 2, 2).t_()


# Values that are no numbers

NO_NUMBERS = {
    "None": None,
    "a list with None": [None, 1, 2],
    "a string of a number": "1.5",
    "a string": "a",
    "a list of strings": ["1", "2", "3"],
    "bytes": b"1",
    "a complex number": 1 + 2j,
    "a complex array": np.array([1j, 2, 3]),
    "an array of objects": np.array([None, 1, 2]),
    "a NumPy string": np.str_("1"),
    "a ragged list": [1, [2, 3], 4],
    "an object": object(),
    "a dict": {},
}
FIRST = np.array([0])
TAKES_VALUES = {
    "setitem": lambda x, value: x.__setitem__(slice(None), value),
    "fill_": lambda x, value: x.fill_(value),
    "copy_": lambda x, value: x.copy_(value),
    "index_fill_": lambda x, value: x.index_fill_(0, FIRST, value),
    "index_copy_": lambda x, value: x.index_copy_(0, np.arange(3), value),
    "index_add_": lambda x, value: x.index_add_(0, np.arange(3), value),
    "index_put_": lambda x, value: x.index_put_((np.arange(3),), value),
    "masked_fill_": lambda x, value: x.masked_fill_(np.array([True, True, False]), value),
    "masked_scatter_": lambda x, value: x.masked_scatter_(np.array([True, True, True]), value),
    "put_": lambda x, value: x.put_(np.arange(3), value),
    "scatter_": lambda x, value: x.scatter_(0, FIRST, value),
    "scatter_ of a value": lambda x, value: x.scatter_(0, FIRST, value=value),
    "scatter_ that adds": lambda x, value: x.scatter_(0, FIRST, value=value, reduce="add"),
    "scatter_add_": lambda x, value: x.scatter_add_(0, FIRST, value),
    "scatter_reduce_": lambda x, value: x.scatter_reduce_(0, FIRST, value, "sum"),
}


@pytest.mark.parametrize("recorded", [False, True], ids=["plain", "recorded"])
@pytest.mark.parametrize("value", NO_NUMBERS.values(), ids=NO_NUMBERS.keys())
@pytest.mark.parametrize("method", TAKES_VALUES)
def test_a_value_that_is_no_number_is_refused_before_anything_changes(method, value, recorded):
    x = tg.tensor([1.0, 2.0, 3.0], requires_grad=recorded) * 1.0
    node, memory = x.node, x.data
    with pytest.raises(tg.DTypeError, match=f"^{method.split()[0]}: "):
        TAKES_VALUES[method](x, value)
    assert x.node is node
    assert x.data is memory
    assert x.tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("value", [None, "1.5", "a", 1 + 2j], ids=repr)
def test_one_place_takes_numbers_alone(value):
    x = tg.tensor([1.0, 2.0])
    with pytest.raises(tg.DTypeError, match=rf"^setitem: the value is {re.escape(repr(value))}, which"):
        x[0] = value
    assert x.tolist() == [1.0, 2.0]


def test_what_counts_as_numbers_is_assigned():
    x = tg.zeros(3) * tg.ones((), requires_grad=True)
    for value in (
        2,
        2.0,
        True,
        np.float64(2),
        np.array([2, 2, 2]),
        [2, 2.0, 2],
        (2, 2, 2),
        range(3),
        memoryview(b"abc"),
    ):
        x[:] = value
        np.testing.assert_array_equal(x.data, np.broadcast_to(np.asarray(value), 3))
        assert x.dtype == np.float32
    x[:] = [tg.tensor(1.0), tg.tensor(2.0), 3]
    assert x.tolist() == [1.0, 2.0, 3.0]
    with pytest.raises(
        tg.ShapeError, match=r"^setitem: a value of shape \(2,\) does not fit the place, of shape \(3,\)"
    ):
        x[:] = [1, 2]
