"""backward() and tg.grad(): seeds, what is kept and freed, what is walked, and what is refused."""

import sys

import numpy as np
import pytest

import tensorgrad as tg

from .tools import array, leaf, leaves


def counted():
    calls = []

    @tg.elementwise
    def counted(x):
        return x * 2.0

    counted.defvjps(lambda g: calls.append(None) or g * 2.0)
    return counted, calls


# T50: what a backward pass starts with


@pytest.mark.parametrize("shape", [(), (1,), (1, 1), (1, 1, 1)])
def test_one_element_is_enough(shape):
    a = leaf(np.full(shape, 3.0))
    (a * a).backward()
    assert a.grad.shape == shape
    assert a.grad.item() == 6.0


@pytest.mark.parametrize("kind", [lambda g: g, tg.tensor, lambda g: tg.tensor(g).requires_grad_()])
def test_a_given_gradient_weights_the_elements(kind):
    a = leaf([1.0, 2.0])
    (a * a).backward(kind(np.array([1.0, 10.0])))
    np.testing.assert_array_equal(array(a.grad), [2.0, 40.0])


def test_gradient_may_be_given_by_keyword_and_for_scalars():
    a = leaf(3.0)
    (a * a).backward(gradient=tg.tensor(2.0, dtype=np.float64))
    assert a.grad.item() == 12.0


def test_a_gradient_of_another_shape_or_dtype_is_refused():
    a = leaf([1.0, 2.0])
    y = a * a
    with pytest.raises(tg.ShapeError, match=r"backward: the gradient has shape \(3,\), the tensor \(2,\)"):
        y.backward(tg.ones(3, dtype=np.float64))
    with pytest.raises(tg.ShapeError, match=r"backward: the gradient has shape \(\), the tensor \(2,\)"):
        y.backward(tg.tensor(1.0, dtype=np.float64))
    with pytest.raises(tg.DTypeError, match="backward: the gradient has dtype float32, the tensor float64"):
        y.backward(tg.ones(2))
    with pytest.raises(tg.ShapeError, match="grad: the gradient has shape"):
        tg.grad(y, a, tg.ones(3, dtype=np.float64))
    with pytest.raises(tg.GradientError, match="grad: 2 gradients for 1 outputs"):
        tg.grad([y], [a], [tg.ones(2, dtype=np.float64)] * 2)
    assert a.grad is None
    y.backward(tg.ones(2, dtype=np.float64))


@pytest.mark.parametrize("wrong", ["text", object(), [None]])
def test_a_gradient_that_is_none_of_numbers_is_refused(wrong):
    with pytest.raises(tg.TensorgradError, match="gradient"):
        (leaf([1.0]) * 2.0).backward(wrong)


def test_backward_without_anything_that_requires_a_gradient():
    with pytest.raises(tg.GradientError, match="does not require a gradient"):
        tg.ones(1).backward()
    with pytest.raises(tg.GradientError, match="does not require a gradient"):
        (tg.ones(1) * 2.0).backward()
    with pytest.raises(tg.GradientError, match="does not require a gradient"):
        (leaf([1.0]).detach() * 2.0).backward()


def test_backward_returns_nothing_and_adds_up():
    a = leaf([1.0])
    assert (a * 2.0).backward() is None
    (a * 3.0).backward()
    assert a.grad.item() == 5.0


# T5: a second backward


def test_t5_a_second_backward_says_what_to_do():
    a = leaf([1.0, 2.0])
    y = a.exp()
    line = sys._getframe().f_lineno - 1
    loss = y.sum()
    loss.backward()
    before = array(a.grad).copy()
    with pytest.raises(tg.GradientError) as caught:
        loss.backward()
    for part in ("exp", "retain_graph=True", "run the forward again", f"test_backward.py:{line}"):
        assert part in str(caught.value), f"{part!r} is missing in {caught.value}"
    np.testing.assert_array_equal(array(a.grad), before)


def test_t5_also_through_grad_and_through_a_shared_part():
    a = leaf([1.0, 2.0])
    shared = a * a
    first, second = shared.sum(), (shared * 2.0).sum()
    tg.grad(first, a)
    with pytest.raises(tg.GradientError, match=r"mul: .*retain_graph=True"):
        second.backward()
    with pytest.raises(tg.GradientError, match=r"mul: .*retain_graph=True"):
        tg.grad(second, a)
    assert a.grad is None


def test_t5_retain_graph_keeps_the_graph_as_often_as_wanted():
    a = leaf([1.0, 2.0])
    loss = (a * a).sum()
    for times in range(1, 4):
        loss.backward(retain_graph=True)
        np.testing.assert_array_equal(array(a.grad), times * np.array([2.0, 4.0]))
    loss.backward(retain_graph=False)
    with pytest.raises(tg.GradientError, match="retain_graph"):
        loss.backward()


def test_create_graph_keeps_the_graph_unless_told_otherwise():
    a = leaf([1.0, 2.0])
    loss = (a * a).sum()
    tg.grad(loss, a, create_graph=True)
    tg.grad(loss, a, create_graph=True, retain_graph=False)
    with pytest.raises(tg.GradientError, match="retain_graph"):
        tg.grad(loss, a)


def test_a_freed_graph_still_has_its_structure():
    a = leaf([1.0, 2.0])
    y = a.exp() * a
    y.sum().backward()
    node = y.grad_fn
    assert node.name == "mul"
    assert node.edges[1] is a
    assert node.edges[0][0].name == "exp"
    assert node.line()[0] == __file__


def test_only_what_was_walked_is_freed():
    a, b = leaves([1.0], [2.0])
    x, y = a.exp(), b.exp()
    both = x * y
    tg.grad(x, a)
    tg.grad(y, b, retain_graph=True)
    with pytest.raises(tg.GradientError, match="exp"):
        both.backward()
    assert a.grad is None
    assert b.grad is None


# tg.grad


def test_grad_returns_a_tuple_and_touches_no_grad():
    a, b = leaves([1.0, 2.0], [3.0, 4.0])
    loss = (a * b * b).sum()
    result = tg.grad(loss, [a, b])
    assert isinstance(result, tuple)
    np.testing.assert_array_equal(array(result[0]), [9.0, 16.0])
    np.testing.assert_array_equal(array(result[1]), [6.0, 16.0])
    assert a.grad is None
    assert b.grad is None
    assert all(isinstance(g, tg.Tensor) and not g.requires_grad for g in result)


def test_grad_of_one_input_is_a_tuple_too():
    a = leaf([1.0, 2.0])
    assert len(tg.grad((a * a).sum(), a)) == 1
    assert len(tg.grad((a * a).sum(), (a,))) == 1


def test_grad_of_interior_inputs():
    a = leaf([1.0, 2.0])
    h = a * 3.0
    loss = (h * h).sum()
    gh, ga, gl = tg.grad(loss, [h, a, loss])
    np.testing.assert_array_equal(array(gh), [6.0, 12.0])
    np.testing.assert_array_equal(array(ga), [18.0, 36.0])
    assert gl.item() == 1.0
    assert a.grad is None
    assert h.grad is None


def test_grad_of_one_of_several_outputs():
    a = leaf([[1.0, 5.0], [7.0, 3.0]])
    values, _ = a.max(1)
    (g,) = tg.grad((values * np.array([2.0, 3.0])).sum(), values)
    np.testing.assert_array_equal(array(g), [2.0, 3.0])


def test_grad_with_several_outputs_and_their_gradients():
    a = leaf([1.0, 2.0])
    outputs = [a * 2.0, a * a]
    weights = [tg.tensor([1.0, 10.0], dtype=np.float64), tg.tensor([100.0, 1000.0], dtype=np.float64)]
    (g,) = tg.grad(outputs, [a], grad_outputs=weights)
    np.testing.assert_array_equal(array(g), [202.0, 4020.0])
    (g,) = tg.grad([(a * 2.0).sum(), a * a], [a], grad_outputs=[None, weights[1]])
    np.testing.assert_array_equal(array(g), [202.0, 4002.0])
    (g,) = tg.grad(a * a, a, grad_outputs=np.array([1.0, 1.0]))
    np.testing.assert_array_equal(array(g), [2.0, 4.0])


def test_grad_with_the_same_input_twice():
    a = leaf([1.0, 2.0])
    first, second = tg.grad((a * a).sum(), [a, a])
    np.testing.assert_array_equal(array(first), [2.0, 4.0])
    np.testing.assert_array_equal(array(second), [2.0, 4.0])


def test_grad_of_an_unused_input():
    a, b = leaves([1.0], [2.0])
    loss = a * a
    with pytest.raises(tg.GradientError, match=r"grad: the outputs do not depend on input 1, of shape \(1,\).*allow_u"):
        tg.grad(loss, [a, b], retain_graph=True)
    ga, gb = tg.grad(loss, [a, b], allow_unused=True)
    assert ga.item() == 2.0
    assert gb is None


def test_grad_of_an_input_above_or_beside_the_output():
    a = leaf([1.0])
    y = a * a
    above, beside = y * 2.0, a * 3.0
    for other in (above, beside):
        assert tg.grad(y, [other], allow_unused=True, retain_graph=True) == (None,)
    ga, gabove = tg.grad(y, [a, above], allow_unused=True)
    assert ga.item() == 2.0
    assert gabove is None


def test_grad_refuses_inputs_that_do_not_require_a_gradient():
    a = leaf([1.0])
    for wrong in (tg.ones(1), np.ones(1), 1.0, None, a.detach()):
        with pytest.raises(tg.GradientError, match="grad: input 1 is not a tensor that requires a gradient"):
            tg.grad(a * a, [a, wrong])


def test_grad_of_a_leaf_by_itself():
    a = leaf([1.0, 2.0])
    (g,) = tg.grad(a, a, tg.tensor([3.0, 4.0], dtype=np.float64))
    np.testing.assert_array_equal(array(g), [3.0, 4.0])
    assert a.grad is None


def test_only_the_needed_part_is_walked():
    op, calls = counted()
    a, b = leaves([1.0], [2.0])
    h = a * 1.0
    loss = op(op(op(h))) * op(op(b))
    tg.grad(loss, b, retain_graph=True)
    assert len(calls) == 2
    calls.clear()
    tg.grad(loss, h, retain_graph=True)
    assert len(calls) == 3
    calls.clear()
    tg.grad(loss, [h, b], retain_graph=True)
    assert len(calls) == 5
    calls.clear()
    tg.grad(loss, loss, retain_graph=True)
    assert calls == []


def test_below_an_interior_input_nothing_is_walked_or_freed():
    op, calls = counted()
    a = leaf([1.0])
    h = op(a).exp()
    loss = op(h)
    tg.grad(loss, h)
    assert len(calls) == 1
    h.backward()  # h's own graph is still there
    assert len(calls) == 2
    assert a.grad is not None


def test_grad_does_not_run_hooks_of_leaves_that_it_does_not_reach():
    a, b = leaves([1.0], [2.0])
    seen = []
    a.register_hook(lambda g: seen.append("a"))
    b.register_hook(lambda g: seen.append("b"))
    tg.grad(a * b, b)
    assert seen == ["b"]


def test_grad_through_a_joint_rule_gives_only_what_was_asked():
    x = leaf(np.arange(8.0).reshape(4, 2) ** 2)
    w, b = leaf([1.0, 2.0]), leaf([0.0, 0.0])
    y, mean, var = tg.native_batch_norm(x, w, b)
    loss = (y * y).sum() + mean.sum() + var.sum()
    (gw,) = tg.grad(loss, w, retain_graph=True)
    gx, gw2, gb = tg.grad(loss, [x, w, b])
    np.testing.assert_allclose(array(gw), array(gw2))
    assert gx.shape == (4, 2)
    assert gb.shape == (2,)


def test_grad_with_one_output_that_leads_nowhere():
    a, b = leaves([1.0], [2.0])
    (g,) = tg.grad([a * a, b * b], [a])
    assert g.item() == 2.0


def test_grad_of_many_inputs_walks_once():
    op, calls = counted()
    many = [leaf([float(i)]) for i in range(50)]
    total = op(many[0])
    for t in many[1:]:
        total = total + op(t)
    found = tg.grad(total, many)
    assert len(calls) == 50
    assert all(g.item() == 2.0 for g in found)


# Leaves


def test_t18_integers_and_booleans_cannot_require_a_gradient():
    for data in ([1, 2], [True, False], np.arange(3, dtype=np.int8), np.arange(3, dtype=np.uint8)):
        with pytest.raises(tg.GradientError, match=r"requires_grad: only floats have gradients, .*(int|bool)"):
            tg.tensor(data, requires_grad=True)
        t = tg.tensor(data)
        with pytest.raises(tg.GradientError, match="only floats"):
            t.requires_grad = True
        with pytest.raises(tg.GradientError, match="only floats"):
            t.requires_grad_()
        assert not t.requires_grad
        t.requires_grad = False


def test_t18_integers_as_indices_and_factors():
    a = leaf([1.0, 2.0, 3.0])
    index, factor = tg.tensor([2, 0]), tg.tensor([10, 100])
    y = a[index] * factor
    assert y.dtype == np.float64
    y.sum().backward()
    np.testing.assert_array_equal(array(a.grad), [100.0, 0.0, 10.0])


def test_t18_casting_to_integers_and_comparing_end_the_graph():
    a = leaf([1.5, 2.5])
    for ended in (a.long(), a > 2.0, a == a, a.argmax(), a.bool(), tg.logical_not(a)):
        assert not ended.requires_grad
        assert ended.is_leaf
    (a * a.long()).sum().backward()
    np.testing.assert_array_equal(array(a.grad), [1.0, 2.0])


def test_requires_grad_of_results_cannot_be_taken_away():
    y = leaf([1.0]) * 2.0
    with pytest.raises(tg.GradientError, match=r"requires_grad: the result of mul is not a leaf: use detach\(\)"):
        y.requires_grad = False
    y.requires_grad = True


def test_frozen_leaves_get_no_gradient():
    a, b = leaves([1.0], [2.0])
    b.requires_grad_(False)
    (a * b).backward()
    assert b.grad is None
    b.requires_grad_()
    (a * b).backward()
    assert b.grad.item() == 1.0


def test_detach_cuts():
    a = leaf([2.0])
    h = a * a
    (h.detach() * h).backward()
    assert a.grad.item() == 16.0
    assert h.detach().is_leaf
    assert not h.detach().requires_grad


def test_is_leaf_and_grad_fn():
    a = leaf([1.0])
    y = a * 2.0
    assert a.is_leaf
    assert a.grad_fn is None
    assert not y.is_leaf
    assert y.grad_fn.name == "mul"
    assert repr(y.grad_fn).startswith("<Node ")


def test_retain_grad():
    a = leaf([1.0])
    h = a * 2.0
    h.retain_grad()
    h.retain_grad()
    (h * h).backward()
    assert h.grad.item() == 4.0
    a.retain_grad()  # of no effect on a leaf
    with pytest.raises(tg.GradientError, match="retain_grad: the tensor does not require a gradient"):
        tg.ones(1).retain_grad()


def test_retain_grad_holds_its_tensor_weakly():
    import gc
    import weakref

    gc.disable()
    try:
        a = leaf([1.0])
        h = a * 2.0
        h.retain_grad()
        loss = h * h
        died = weakref.ref(h)
        del h
        assert died() is None
        loss.backward()
        assert a.grad.item() == 8.0
    finally:
        gc.enable()


def test_retain_grad_on_several_outputs_and_on_the_root():
    a = leaf([[1.0, 5.0], [7.0, 3.0]])
    values, _ = a.max(1)
    loss = (values * np.array([2.0, 3.0])).sum()
    values.retain_grad()
    loss.retain_grad()
    loss.backward()
    np.testing.assert_array_equal(array(values.grad), [2.0, 3.0])
    assert loss.grad.item() == 1.0
