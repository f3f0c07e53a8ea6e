"""What a first reader of the engine stumbled over."""

import copy
import gc

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.node import Node


def leaf(data, dtype=np.float64):
    return tg.tensor(np.asarray(data, dtype), requires_grad=True)


def test_mixed_second_derivative_of_pow_at_exponent_0():
    x, y = leaf([2.0, 3.0]), leaf([0.0, 1.0])
    (gx,) = tg.grad((x**y).sum(), x, create_graph=True)
    (gxy,) = tg.grad(gx.sum(), y)
    np.testing.assert_allclose(gxy.data, [0.5, 1 + np.log(3.0)])  # d/dy y x^(y-1) = x^(y-1) (1 + y log x)
    assert tg.gradgradcheck(lambda a, b: a**b, (x, y))


def test_inputs_by_keyword_go_to_their_own_places():
    @tg.primitive
    def weighted(x, w, b):
        return x * w + b

    assert weighted(tg.tensor([1.0]), b=2.0, w=10.0).item() == 12
    with pytest.raises(tg.DTypeError, match=r"^weighted: the input 'w' is missing"):
        weighted(tg.tensor([1.0]), b=2.0)
    with pytest.raises(tg.DTypeError, match=r"^where: input is None, not a tensor"):
        tg.where(condition=tg.tensor([True]), other=1.0)


def test_inputs_have_no_defaults():
    with pytest.raises(tg.GradientError, match=r"^scaled: w=None: an input has no default"):

        @tg.primitive
        def scaled(x, w=None):
            return x

    with pytest.raises(tg.GradientError, match=r"^loose: \*\*p: an input has no default"):

        @tg.primitive
        def loose(x, **p):
            return x


def test_a_hook_may_not_write_to_what_it_is_shown():
    x, y = leaf([1.0]), leaf([1.0])
    x.register_hook(lambda g: g.mul_(10.0))
    with pytest.raises(tg.GradientError, match=r"mul_: the tensor.s memory cannot be written to"):
        (x + y).backward(tg.tensor([1.0], dtype=tg.float64))
    assert x.grad is None
    assert y.grad is None


@pytest.mark.parametrize("create_graph", [False, True])
def test_what_a_hook_returns_is_cast(create_graph):
    x = leaf([1.0], np.float32)
    x.register_hook(lambda g: g.double() * 2.0)
    (g,) = tg.grad(x * x, x, create_graph=create_graph)
    assert g.dtype == tg.float32
    assert g.item() == 4


def test_the_same_input_asked_for_twice_under_no_grad():
    x = leaf([3.0])
    y = (x * x * x).sum()
    with tg.no_grad():
        first, second = tg.grad(y, [x, x], create_graph=True)
    assert first.requires_grad
    assert second.requires_grad
    assert not np.shares_memory(first.data, second.data)


def test_the_gradient_of_a_mean_where_the_input_is_infinite():
    x = leaf([[[[np.inf, 1.0]]], [[[2.0, 3.0]]]])
    with np.errstate(all="ignore"):
        _, mean, _ = tg.native_batch_norm(x)
        mean.sum().backward()
    np.testing.assert_array_equal(x.grad.data, np.full((2, 1, 1, 2), 0.25))


def test_integer_outputs_are_leaves_and_keep_no_graph():
    x = leaf(np.ones((3, 4)))
    values, indices = tg.exp(x).max(1)
    assert values.grad_fn is not None
    assert indices.grad_fn is None
    assert indices.is_leaf
    assert "max" in [o.name for o in gc.get_objects() if type(o) is Node]
    del values
    assert "max" not in [o.name for o in gc.get_objects() if type(o) is Node]
    assert copy.deepcopy(indices).tolist() == [0, 0, 0]


def test_anomaly_mode_sees_a_sum_at_a_leaf():
    x = leaf(0.1, np.float32)
    with pytest.raises(tg.AnomalyError, match="leaf of shape"), tg.detect_anomaly():
        (x * 3e38 + x * 3e38).backward()
    assert x.grad is None


@pytest.mark.parametrize("wants", [(False, True, True), (False, False, True), (False, True, False)])
def test_batch_norm_of_an_input_without_a_gradient(wants):
    rng = np.random.default_rng(0)
    arrays = rng.standard_normal((4, 3, 5)) + 10, rng.standard_normal(3), rng.standard_normal(3)
    full = [leaf(a) for a in arrays]
    some = [tg.tensor(a, requires_grad=want) for a, want in zip(arrays, wants, strict=True)]
    g = tg.tensor(rng.standard_normal((4, 3, 5)))
    expected = tg.grad(tg.native_batch_norm(*full)[0], full, g)
    targets = [t for t in some if t.requires_grad]
    found = iter(tg.grad(tg.native_batch_norm(*some)[0], targets, g))
    for want, e in zip(wants, expected, strict=True):
        if want:
            np.testing.assert_allclose(next(found).data, e.data, rtol=1e-12)
