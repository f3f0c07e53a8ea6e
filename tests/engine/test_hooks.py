"""T41: gradient hooks on leaves and interior tensors."""

import gc
import weakref

import numpy as np
import pytest

import tensorgrad as tg

from .tools import array, leaf, leaves


@pytest.fixture(params=["leaf", "interior"])
def hooked(request):
    """(leaf, tensor to hook, loss): d loss / d tensor = [2, 4]; the leaf's gradient is that of the tensor."""
    a = leaf([1.0, 2.0])
    t = a if request.param == "leaf" else a * 1.0
    return a, t, (t * np.array([2.0, 4.0])).sum()


def test_a_hook_sees_the_complete_gradient_once():
    for make in (lambda a: a, lambda a: a * 1.0):
        a = leaf([1.0, 2.0])
        t = make(a)
        seen = []
        t.register_hook(lambda g, seen=seen: seen.append(g))
        total = t * 0.0
        for _ in range(5):
            total = total + t
        total.sum().backward()
        assert len(seen) == 1
        assert isinstance(seen[0], tg.Tensor)
        np.testing.assert_array_equal(array(seen[0]), [5.0, 5.0])


def test_a_hook_may_return_another_gradient(hooked):
    a, t, loss = hooked
    t.register_hook(lambda g: g * 10.0)
    loss.backward()
    np.testing.assert_array_equal(array(a.grad), [20.0, 40.0])


def test_hooks_run_in_order_each_on_what_the_last_returned(hooked):
    a, t, loss = hooked
    seen = []
    t.register_hook(lambda g: g + 1.0)
    t.register_hook(lambda g: seen.append(array(g).copy()))
    t.register_hook(lambda g: g * 10.0)
    loss.backward()
    np.testing.assert_array_equal(seen[0], [3.0, 5.0])
    np.testing.assert_array_equal(array(a.grad), [30.0, 50.0])


def test_a_hook_can_be_removed(hooked):
    a, t, loss = hooked
    first = t.register_hook(lambda g: g * 10.0)
    t.register_hook(lambda g: g + 1.0)
    first.remove()
    first.remove()
    loss.backward()
    np.testing.assert_array_equal(array(a.grad), [3.0, 5.0])


def test_all_hooks_removed(hooked):
    a, t, loss = hooked
    for handle in [t.register_hook(lambda g: g * 10.0) for _ in range(3)]:
        handle.remove()
    loss.backward()
    np.testing.assert_array_equal(array(a.grad), [2.0, 4.0])


def test_a_hook_may_remove_itself_and_others_while_running(hooked):
    a, t, loss = hooked
    handles = []

    def once(g):
        for handle in handles:
            handle.remove()
        return g * 10.0

    handles += [t.register_hook(once), t.register_hook(lambda g: None)]
    loss.backward(retain_graph=True)
    loss.backward()
    np.testing.assert_array_equal(array(a.grad), [22.0, 44.0])


def test_hooks_run_again_at_every_backward(hooked):
    _, t, loss = hooked
    seen = []
    t.register_hook(lambda g: seen.append(array(g).copy()))
    loss.backward(retain_graph=True)
    loss.backward()
    assert len(seen) == 2
    np.testing.assert_array_equal(seen[0], [2.0, 4.0])
    np.testing.assert_array_equal(seen[1], [2.0, 4.0])  # this pass's gradient, not what .grad has added up


def test_what_a_hook_kept_does_not_change_later(hooked):
    a, t, loss = hooked
    seen = []
    t.register_hook(seen.append)
    loss.backward(retain_graph=True)
    loss.backward()
    with tg.no_grad():
        a.grad.mul_(100.0)
    for g in seen:
        np.testing.assert_array_equal(array(g), [2.0, 4.0])


def test_what_a_hook_returned_is_not_written_to(hooked):
    a, t, loss = hooked
    mine = tg.tensor([1.0, 1.0], dtype=np.float64)
    t.register_hook(lambda g: mine)
    loss.backward(retain_graph=True)
    loss.backward()
    np.testing.assert_array_equal(array(mine), [1.0, 1.0])
    np.testing.assert_array_equal(array(a.grad), [2.0, 2.0])


def test_hooks_run_in_the_mode_of_the_walk(hooked):
    a, t, loss = hooked
    seen = []
    t.register_hook(lambda g: seen.append((tg.is_grad_enabled(), g.requires_grad)))
    loss.backward(retain_graph=True)
    with tg.no_grad():
        loss.backward(retain_graph=True)
    with tg.no_grad():
        tg.grad(loss, a, create_graph=True)
    assert [enabled for enabled, _ in seen] == [False, False, True]


def test_a_hook_under_create_graph_is_differentiated():
    a = leaf([1.0, 2.0])
    h = a * a
    h.register_hook(lambda g: g * h)
    (g,) = tg.grad((h * 3.0).sum(), a, create_graph=True)  # 3 h * 2a = 6 a³
    np.testing.assert_array_equal(array(g), [6.0, 48.0])
    (second,) = tg.grad(g.sum(), a)
    # hooks run again in the second walk: d(6a³) runs through h, whose hook multiplies by h what arrives there
    assert second.shape == (2,)


def test_a_leaf_hook_under_create_graph_is_differentiated():
    a = leaf([1.0, 2.0])
    a.register_hook(lambda g: g * a)
    (g,) = tg.grad((a * a).sum(), a, create_graph=True)
    assert g.requires_grad
    np.testing.assert_array_equal(array(g), [2.0, 8.0])


def test_hooks_see_interior_inputs_of_grad(hooked):
    _, t, loss = hooked
    t.register_hook(lambda g: g * 10.0)
    (g,) = tg.grad(loss, t)
    np.testing.assert_array_equal(array(g), [20.0, 40.0])


def test_retained_gradients_are_what_the_hooks_left():
    a = leaf([1.0, 2.0])
    t = a * 1.0
    t.retain_grad()
    t.register_hook(lambda g: g * 10.0)
    t.sum().backward()
    np.testing.assert_array_equal(array(t.grad), [10.0, 10.0])
    np.testing.assert_array_equal(array(a.grad), [10.0, 10.0])


def test_t41_a_raising_hook_leaves_the_state_clean(hooked):
    a, t, loss = hooked
    (a * 1.0).sum().backward()
    before = array(a.grad).copy()

    def fails(g):
        raise KeyError("mine")

    handle = t.register_hook(fails)
    for walk in (loss.backward, lambda **k: tg.grad(loss, a, **k)):
        for mode in (tg.no_grad, tg.enable_grad):
            with mode(), tg.named_scope("outer"):
                with pytest.raises(KeyError, match="mine"):
                    walk(retain_graph=True)
                assert tg.is_grad_enabled() is (mode is tg.enable_grad)
    np.testing.assert_array_equal(array(a.grad), before)
    handle.remove()
    loss.backward()
    np.testing.assert_array_equal(array(a.grad), before + [2.0, 4.0])


def test_t41_a_raising_leaf_hook_changes_no_leaf_at_all():
    a, b, c = leaves([1.0], [2.0], [3.0])

    def fails(g):
        raise KeyError("mine")

    b.register_hook(fails)
    with pytest.raises(KeyError, match="mine"):
        (a * b * c).backward()
    assert [t.grad for t in (a, b, c)] == [None] * 3


@pytest.mark.parametrize("wrong", [1.0, np.ones(2), tg.ones(3, dtype=np.float64), tg.ones((), dtype=np.float64), "g"])
def test_a_hook_that_returns_something_else(hooked, wrong):
    a, t, loss = hooked
    t.register_hook(lambda g: wrong)
    with pytest.raises(tg.GradientError, match=r"hook returned .*expected a tensor of shape \(2,\)"):
        loss.backward()
    assert a.grad is None


def test_a_hook_that_returns_another_dtype(hooked):
    a, t, loss = hooked
    t.register_hook(lambda g: g.float() * 2.0)
    loss.backward()
    assert a.grad.dtype == np.float64
    np.testing.assert_array_equal(array(a.grad), [4.0, 8.0])


def test_a_hook_needs_a_tensor_that_requires_a_gradient():
    with pytest.raises(tg.GradientError, match="register_hook: the tensor does not require a gradient"):
        tg.ones(1).register_hook(lambda g: None)


def test_hooks_on_one_of_several_outputs():
    a = leaf([[1.0, 5.0], [7.0, 3.0]])
    values, _ = a.max(1)
    values.register_hook(lambda g: g * 10.0)
    values.sum().backward()
    np.testing.assert_array_equal(array(a.grad), [[0.0, 10.0], [10.0, 0.0]])


def test_a_hook_on_an_output_that_is_not_used_is_not_called():
    @tg.primitive(outputs=("p", "q"))
    def pair(x):
        return x * 2, x * 3

    pair.defvjps(lambda g_p, g_q: (0.0 if g_p is None else g_p * 2) + (0.0 if g_q is None else g_q * 3))
    a = leaf([1.0])
    p, q = pair(a)
    seen = []
    p.register_hook(lambda g: seen.append("p"))
    q.register_hook(lambda g: seen.append("q"))
    q.backward()
    assert seen == ["q"]


def test_hooks_of_the_root_run():
    a = leaf([2.0])
    loss = a * a
    loss.register_hook(lambda g: g * 10.0)
    loss.backward()
    assert a.grad.item() == 40.0


def test_hooks_survive_their_interior_tensor():
    a = leaf([1.0])
    h = a * 2.0
    seen = []
    h.register_hook(lambda g: seen.append(g.item()))
    loss = h * 3.0
    del h
    loss.backward()
    assert seen == [3.0]


def test_hooks_die_with_the_graph():
    gc.disable()
    try:

        class Marker:
            pass

        marker = Marker()
        died = weakref.ref(marker)
        a = leaf([1.0])
        h = a * 2.0
        handle = h.register_hook(lambda g, marker=marker: None)
        loss = h * h
        del marker
        loss.backward()
        del h, loss, handle
        assert died() is None
    finally:
        gc.enable()


def test_two_hundred_hooks():
    a = leaf([1.0])
    h = a * 1.0
    for _ in range(200):
        h.register_hook(lambda g: g + 1.0)
    h.backward()
    assert a.grad.item() == 201.0


def test_a_handle_in_a_with_takes_its_hook_away():
    x, seen = tg.tensor([1.0], requires_grad=True), []
    with x.register_hook(seen.append):
        (x * 2).backward()
    (x * 2).backward()
    assert len(seen) == 1
