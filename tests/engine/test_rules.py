"""Primitives: what rules are given, what is kept for them, and what they may not do."""

import functools
import re

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.ops import elementwise, indexing, linalg, shape
from tensorgrad.rules import adding_by

from .tools import array, leaf, leaves


def kept(tensor):
    return tensor.grad_fn.saved_names()


# What is saved, for each mask of wanted inputs

CONSTANT = tg.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=np.float64)


@pytest.mark.parametrize(
    "compute, names",
    [
        (lambda a, b: a + b, []),
        (lambda a, b: a - b, []),
        (lambda a, b: a + 1.0, []),
        (lambda a, b: -a, []),
        (lambda a, b: a.reshape(4), []),
        (lambda a, b: a.T, []),
        (lambda a, b: a.sum(), []),
        (lambda a, b: a.mean(0), []),
        (lambda a, b: a[0], []),
        (lambda a, b: a.float(), []),
        (lambda a, b: a.broadcast_to((3, 2, 2)), []),
        (lambda a, b: tg.cat([a, b]), []),
        (lambda a, b: a.clone(), []),
        (lambda a, b: a * b, ["other", "input"]),
        (lambda a, b: a * CONSTANT, ["other"]),
        (lambda a, b: CONSTANT * b, ["input"]),
        (lambda a, b: a / CONSTANT, ["other"]),
        (lambda a, b: CONSTANT / b, ["other", "out"]),
        (lambda a, b: a @ b, ["y", "x"]),
        (lambda a, b: a @ CONSTANT, ["y"]),
        (lambda a, b: CONSTANT @ b, ["x"]),
        (lambda a, b: a.exp(), ["out"]),
        (lambda a, b: a.log(), ["input"]),
        (lambda a, b: a.sqrt(), ["out"]),
        (lambda a, b: a.relu(), ["out"]),
        (lambda a, b: a.tanh(), ["out"]),
        (lambda a, b: a.sigmoid(), ["out"]),
        (lambda a, b: a.softmax(1), ["out"]),
        (lambda a, b: a.log_softmax(1), ["out"]),
        (lambda a, b: tg.where(CONSTANT > 2.0, a, b), ["condition"]),
        (lambda a, b: a.max(1)[0], ["indices"]),
        (lambda a, b: tg.dropout(a, 0.5), ["mask"]),
    ],
)
def test_only_what_the_wanted_rules_name_is_kept(compute, names):
    a, b = leaves([[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]])
    assert kept(compute(a, b)) == names


def test_what_is_kept_is_the_array_itself_not_a_copy():
    a, b = leaves([1.0, 2.0], [3.0, 4.0])
    node = (a * b).grad_fn
    assert node.saved[0] is b.data
    assert node.saved[1] is a.data
    y = a.exp()
    assert y.grad_fn.saved[0] is y.data


def test_convolution_keeps_the_image_only_for_its_weight_and_the_weight_only_for_its_image():
    x, w = tg.randn(1, 1, 4, 4), tg.randn(1, 1, 3, 3)
    bias = tg.zeros(1)
    x2, w2, b2 = (t.clone().requires_grad_() for t in (x, w, bias))
    assert kept(tg.conv2d(x, w2, bias)) == ["input"]
    assert kept(tg.conv2d(x2, w, bias)) == ["weight"]
    assert kept(tg.conv2d(x, w, b2)) == []
    assert sorted(kept(tg.conv2d(x2, w2, b2))) == ["input", "weight"]


def test_linear_keeps_what_it_needs():
    x, w = tg.randn(2, 3), tg.randn(4, 3)
    x2, w2 = (t.clone().requires_grad_() for t in (x, w))
    assert kept(tg.linear(x, w2)) == ["input"]
    assert kept(tg.linear(x2, w)) == ["weight"]


def test_a_freed_intermediate_that_no_rule_names_is_freed_at_once():
    import weakref

    class Array(np.ndarray):
        pass

    a = leaf(np.ones(3))
    h = a + 1.0
    h._array = h._array.view(Array)
    died = weakref.ref(h._array)
    loss = (h + 2.0).sum()
    del h
    assert died() is None
    loss.backward()


def test_saved_arrays_are_dropped_by_backward_and_nodes_stay():
    a = leaf([1.0, 2.0])
    y = a.exp()
    loss = (y * a).sum()
    nodes = [y.grad_fn, loss.grad_fn.edges[0][0]]
    loss.backward()
    assert all(node.saved is None for node in nodes)
    assert nodes[1].edges == [(nodes[0], 0), a]


# What a rule may ask for


def test_a_rule_is_given_what_it_names():
    seen = {}

    @tg.primitive(saves=("doubled",))
    def op(x, y, *, factor, shift=3):
        return x * y * factor + shift, x * 2

    def rule_x(g, out, x, y, doubled, x_shape, y_dtype, factor, shift):
        seen.update(
            g=g, out=out, x=x, y=y, doubled=doubled, x_shape=x_shape, y_dtype=y_dtype, factor=factor, shift=shift
        )
        return g * y * factor

    op.defvjps(rule_x, None)
    a, b = leaf([1.0, 2.0]), tg.tensor([5.0, 6.0], dtype=np.float64)
    y = op(a, b, factor=10.0)
    assert not isinstance(y, tuple)
    y.backward(tg.tensor([1.0, 1.0], dtype=np.float64))
    np.testing.assert_array_equal(seen["g"], [1.0, 1.0])
    np.testing.assert_array_equal(seen["out"], [53.0, 123.0])
    np.testing.assert_array_equal(seen["doubled"], [2.0, 4.0])
    np.testing.assert_array_equal(seen["x"], [1.0, 2.0])
    assert seen["x_shape"] == (2,)
    assert seen["y_dtype"] == np.float64
    assert (seen["factor"], seen["shift"]) == (10.0, 3)
    assert all(isinstance(seen[name], np.ndarray) for name in ("g", "out", "x", "y", "doubled"))


def test_var_keywords_are_the_parameters_that_were_not_named():
    seen = {}

    @tg.primitive
    def op(x, *, factor, shift=3, other="o"):
        return x * factor

    op.defvjps(lambda g, factor, **p: seen.update(p) or g * factor)
    op(leaf([1.0]), factor=2.0).backward()
    assert seen == {"shift": 3, "other": "o"}


@pytest.mark.parametrize("wrong", ["z", "x_size", "g_x", "params", "i", "wanted"])
def test_a_rule_that_asks_for_what_there_is_not(wrong):
    @tg.primitive
    def op(x, y, *, factor):
        return x * y

    with pytest.raises(tg.GradientError, match=rf"op: .*{wrong}.*x, y"):
        exec(f"op.defvjps(lambda g, {wrong}: g, None)\nop(leaf([1.0]), 1.0, factor=1)", {"op": op, "leaf": leaf})


def test_the_number_of_rules_is_checked_when_they_are_registered():
    @tg.primitive
    def op(x, y):
        return x * y

    with pytest.raises(tg.GradientError, match="op: 1 VJPs for the inputs x, y"):
        op.defvjps(lambda g, y: g * y)
    with pytest.raises(tg.GradientError, match="op: 3 VJPs for the inputs x, y"):
        op.defvjps(None, None, None)


@pytest.mark.parametrize("name", ["g", "out"])
def test_an_input_may_not_be_called_g_or_out(name):
    with pytest.raises(tg.GradientError, match=f"an input may not be called '{name}'"):
        exec(f"@tg.primitive\ndef op({name}):\n    return {name}", {"tg": tg})


def test_a_primitive_without_rules_raises_when_a_gradient_is_wanted():
    @tg.primitive
    def ruleless(x):
        return x * 2

    np.testing.assert_array_equal(array(ruleless(tg.tensor([1.0]))), [2.0])
    with pytest.raises(tg.GradientError, match=r"ruleless: .*no VJPs.*ruleless\.defvjps"):
        ruleless(leaf([1.0]))


def test_plain_arrays_give_plain_arrays_and_record_nothing():
    x = np.array([1.0, 2.0])
    for result in (tg.exp(x), tg.mul(x, 2.0), tg.relu(x), elementwise._add(x, x), linalg._matmul(x[None], x[:, None])):
        assert type(result) is np.ndarray
    assert type(indexing._getitem(x, index=slice(0, 1))) is np.ndarray
    assert type(shape._reshape(x, shape=(2, 1))) is np.ndarray


def test_rules_get_arrays_in_a_plain_walk_and_tensors_under_create_graph():
    kinds = []

    @tg.primitive
    def op(x, y):
        return x * y

    op.defvjps(lambda g, x, y, out: kinds.append([type(v) for v in (g, x, y, out)]) or g * y, lambda g, x: g * x)
    a, b = leaf([1.0]), leaf([2.0])
    op(a, b).backward()
    assert kinds.pop() == [np.ndarray] * 4
    tg.grad(op(a, b), a, create_graph=True)
    assert kinds.pop() == [tg.Tensor] * 4


# Several outputs


def two_outputs(first=None, second=None):
    @tg.primitive(outputs=("double", "triple"))
    def op(x):
        return x * 2, x * 3

    op.defvjps(first or (lambda g_double, g_triple: _sum(g_double, 2.0) + _sum(g_triple, 3.0)))
    return op


def _sum(g, factor):
    return 0.0 if g is None else g * factor


def test_t42_one_output_unused():
    op = two_outputs()
    a = leaf([1.0, 2.0])
    double, triple = op(a)
    double.sum().backward(retain_graph=True)
    np.testing.assert_array_equal(array(a.grad), [2.0, 2.0])
    triple.sum().backward(retain_graph=True)
    np.testing.assert_array_equal(array(a.grad), [5.0, 5.0])
    (double + triple).sum().backward()
    np.testing.assert_array_equal(array(a.grad), [10.0, 10.0])


def test_t42_an_unused_outputs_cotangent_is_none():
    seen = []
    op = two_outputs(lambda g_double, g_triple: seen.append((g_double, g_triple)) or g_triple * 3.0)
    a = leaf([1.0])
    op(a)[1].backward()
    assert seen[0][0] is None
    np.testing.assert_array_equal(seen[0][1], [1.0])


def test_t42_rules_that_look_at_one_output_each():
    @tg.primitive(outputs=("p", "q"))
    def pair(x, y):
        return x * 2, y * 3

    pair.defvjps(lambda g_p: g_p * 2, lambda g_q: g_q * 3)
    for number, (first, second) in enumerate([([2.0], None), (None, [3.0])]):
        a, b = leaves([1.0], [1.0])
        pair(a, b)[number].backward()
        for t, expected in ((a, first), (b, second)):
            assert (t.grad is None) == (expected is None)
            if expected:
                np.testing.assert_array_equal(array(t.grad), expected)


def test_t42_a_joint_rule_that_looks_at_one_output_only():
    @tg.primitive(outputs=("p", "q"))
    def pair(x):
        return x * 2, x * 0

    pair.defvjp_joint(lambda wanted, g_p: (g_p * 2,))
    a = leaf([1.0])
    pair(a)[1].backward()
    assert a.grad is None


def test_integer_outputs_never_require_a_gradient():
    a = leaf([[1.0, 5.0], [7.0, 3.0]])
    values, indices = a.max(1)
    assert values.requires_grad
    assert not indices.requires_grad
    assert indices.dtype == np.int64
    with pytest.raises(tg.GradientError, match="does not require a gradient"):
        indices.sum().backward()
    values.sum().backward()
    np.testing.assert_array_equal(array(a.grad), [[0.0, 1.0], [1.0, 0.0]])


def test_a_primitive_of_integer_outputs_alone_is_not_recorded():
    @tg.primitive
    def order(x):
        return np.argsort(x)

    order.defvjps(None)
    y = order(leaf([3.0, 1.0]))
    assert not y.requires_grad
    assert y.is_leaf


def test_outputs_of_one_node_have_its_numbers():
    op = two_outputs()
    double, triple = op(leaf([1.0]))
    assert double.grad_fn is triple.grad_fn
    assert (double.index, triple.index) == (0, 1)


def test_t42_max_with_indices_in_a_sum_with_itself():
    a = leaf([[1.0, 5.0], [7.0, 3.0]])
    values, indices = a.max(1)
    (values * 2.0 + a.max(0)[0]).sum().backward()
    np.testing.assert_array_equal(array(a.grad), [[0.0, 3.0], [3.0, 0.0]])
    np.testing.assert_array_equal(array(indices), [1, 0])


# By-products


def test_by_products_are_for_the_rules_only():
    @tg.primitive(outputs=("y", "z"), saves=("mask", "twice"))
    def op(x):
        return x * (x > 0), x * 5, x > 0, x * 2

    seen = {}
    op.defvjps(lambda g_y, g_z, mask: seen.update(mask=mask) or g_y * mask)
    a = leaf([1.0, -1.0])
    result = op(a)
    assert len(result) == 2
    result[0].sum().backward()
    np.testing.assert_array_equal(array(a.grad), [1.0, 0.0])
    assert type(seen["mask"]) is np.ndarray
    assert len(op(np.array([1.0]))) == 2


def test_by_products_that_no_rule_names_are_not_kept():
    @tg.primitive(saves=("mask", "unused"))
    def op(x):
        return x * 2.0, x > 0, x * 100

    op.defvjps(lambda g, mask: g * mask)
    assert kept(op(leaf([1.0]))) == ["mask"]


def test_by_products_are_never_tensors():
    kinds = []

    @tg.primitive(saves=("scale",))
    def op(x):
        return x * 2.0, np.array([2.0])

    op.defvjps(lambda g, scale: kinds.append(type(scale)) or g * scale)
    tg.grad(op(leaf([1.0])), (a := leaf([1.0])), allow_unused=True, create_graph=True)
    del a
    a = leaf([1.0])
    tg.grad(op(a), a, create_graph=True)
    assert set(kinds) == {np.ndarray}


# Any number of inputs


def product_of_all():
    @tg.primitive
    def prod(*xs):
        result = xs[0].copy()
        for x in xs[1:]:
            result = result * x
        return result

    def rule(g, i, xs):
        for k, x in enumerate(xs):
            if k != i:
                g = g * x
        return g

    prod.defvjp_all(rule)
    return prod


def test_variadic_rules_see_all_inputs_whatever_their_number():
    prod = product_of_all()
    a, b, c = leaf([2.0]), leaf([3.0]), tg.tensor([5.0], dtype=np.float64)
    for inputs, expected in [((a, b), 3.0), ((a, b, c), 15.0), ((a, b, c, c), 75.0), ((a,), 1.0), ((a, c), 5.0)]:
        a.grad = None
        prod(*inputs).backward()
        np.testing.assert_array_equal(array(a.grad), [expected])


def test_variadic_rules_may_ask_for_shapes_and_dtypes():
    seen = []

    @tg.primitive
    def total(*xs):
        return sum(xs)

    total.defvjp_all(lambda g, i, xs_shape, xs_dtype: seen.append((i, xs_shape, xs_dtype)) or g * 1.0)
    total(leaf([1.0]), tg.tensor([2.0]), leaf([1.0])).backward()
    f32, f64 = np.dtype(np.float32), np.dtype(np.float64)
    assert seen == [(0, ((1,),) * 3, (f64, f32, f64)), (2, ((1,),) * 3, (f64, f32, f64))]


def test_variadic_rules_keep_nothing_they_do_not_name():
    assert kept(tg.cat([leaf([1.0])] * 5)) == []
    assert len(product_of_all()(*[leaf([1.0]) for _ in range(5)]).grad_fn.saved) == 5


# Joint rules


def test_a_joint_rule_is_called_once_and_told_what_is_wanted():
    calls = []

    @tg.primitive
    def product(x, y, z):
        return x * y * z

    def rule(wanted, g, x, y, z):
        calls.append(wanted)
        return tuple(w and g * other for w, other in zip(wanted, (y * z, x * z, x * y), strict=True))

    def joint(wanted, g, x, y, z):
        return tuple(None if share is False else share for share in rule(wanted, g, x, y, z))

    product.defvjp_joint(joint)
    a, b, c = leaf([2.0]), tg.tensor([3.0], dtype=np.float64), leaf([5.0])
    product(a, b, c).backward()
    assert calls == [(True, False, True)]
    np.testing.assert_array_equal(array(a.grad), [15.0])
    np.testing.assert_array_equal(array(c.grad), [6.0])


def test_a_joint_rule_may_give_more_than_is_wanted():
    @tg.primitive
    def product(x, y):
        return x * y

    product.defvjp_joint(lambda wanted, g, x, y: (g * y, g * x))
    a, b = leaf([2.0]), tg.tensor([3.0], dtype=np.float64)
    product(a, b).backward()
    np.testing.assert_array_equal(array(a.grad), [3.0])
    assert b.grad is None


def test_a_joint_rule_in_grad_is_told_only_of_the_needed_part():
    calls = []

    @tg.primitive
    def product(x, y):
        return x * y

    product.defvjp_joint(lambda wanted, g, x, y: calls.append(wanted) or (g * y, g * x))
    a, b = leaves([2.0], [3.0])
    tg.grad(product(a * 1.0, b), [b])
    assert calls == [(False, True)]


# Fused rules with their composition


def test_a_composition_runs_instead_of_the_kernel_when_recorded():
    ran = []

    def composed(x, *, factor):
        ran.append("composed")
        return x * factor

    @tg.primitive(composed=composed)
    def scaled(x, *, factor):
        ran.append("kernel")
        return x * factor

    a = leaf([1.0, 2.0])
    scaled(np.array([1.0]), factor=2.0)
    scaled(tg.tensor([1.0]), factor=2.0)
    with tg.no_grad():
        scaled(a, factor=2.0)
    assert ran == ["kernel"] * 3
    y = scaled(a, factor=2.0)
    assert ran[3:] == ["composed"]
    y.sum().backward()
    np.testing.assert_array_equal(array(a.grad), [2.0, 2.0])


# T44: what a rule may not do; each error names op, input, expected, got and the line


def here():
    import sys

    return f"test_rules.py:{sys._getframe(1).f_lineno}"


def custom(rule, **options):
    def custom_op(x):
        return x * 2.0

    op = tg.primitive(custom_op, **options)
    op.defvjps(rule)
    return op


@pytest.mark.parametrize(
    "rule, expected, got",
    [
        (lambda g: g[:1], "(3,)", "(1,)"),
        (lambda g: g.reshape(3, 1), "(3,)", "(3, 1)"),
        (lambda g: np.broadcast_to(g, (2, 3)), "(3,)", "(2, 3)"),
        (lambda g: g.sum(), "(3,)", "()"),
        (lambda g: np.zeros((0,)), "(3,)", "(0,)"),
    ],
)
def test_t44_a_rule_of_the_wrong_shape(rule, expected, got):
    a = leaf([1.0, 2.0, 3.0])
    y, line = custom(rule)(a), here()
    with pytest.raises(tg.GradientError) as caught:
        y.sum().backward()
    for part in ("custom_op", " x ", expected, got, line):
        assert part in str(caught.value), f"{part!r} is missing in {caught.value}"
    assert a.grad is None


@pytest.mark.parametrize("extra", [(2, 3), (5, 1, 3), (3, 3)])
def test_t44_elementwise_rules_of_a_shape_that_neither_input_nor_output_has(extra):
    """The engine undoes the broadcasting that happened, not any broadcasting."""
    op = custom(lambda g: np.broadcast_to(g, extra), elementwise=True)
    a = leaf([1.0, 2.0, 3.0])
    with pytest.raises(tg.GradientError, match=re.escape(str(extra))):
        op(a).sum().backward()


def test_t44_elementwise_rules_smaller_than_the_input():
    for rule in (lambda g: g[:1], lambda g: g.sum(), lambda g: g[0]):
        with pytest.raises(tg.GradientError, match=r"custom_op: the VJP of x gave shape .*expected \(3,\)"):
            custom(rule, elementwise=True)(leaf([1.0, 2.0, 3.0])).sum().backward()


@pytest.mark.parametrize("result", [1.0, 2, [1.0, 1.0, 1.0], "g", (1.0, 1.0, 1.0), True])
def test_t44_a_rule_that_returns_no_array(result):
    a = leaf([1.0, 2.0, 3.0])
    y, line = custom(lambda g: result)(a), here()
    with pytest.raises(tg.GradientError, match=rf"custom_op: .* x .*{type(result).__name__}.*{re.escape(line)}"):
        y.sum().backward()
    assert a.grad is None


def test_t44_numpy_numbers_are_arrays_of_no_axes():
    a = leaf(3.0)
    custom(lambda g: np.float64(5.0))(a).backward()
    assert a.grad.shape == ()
    assert isinstance(a.grad.data, np.ndarray)


def test_t44_a_rule_that_returns_objects_or_complex_numbers():
    for wrong in (np.array([None] * 3), np.array([1j, 2j, 3j]), np.array(["a", "b", "c"])):
        op = custom(functools.partial(lambda result, g: result, wrong))
        with pytest.raises(tg.GradientError, match=f"custom_op: .*{wrong.dtype}"):
            op(leaf([1.0, 2.0, 3.0])).sum().backward()


def test_t44_a_rule_that_returns_a_tensor_in_a_walk_over_arrays():
    a = leaf([1.0, 2.0, 3.0])
    try:
        custom(lambda g: tg.ones(3, dtype=np.float64))(a).sum().backward()
    except tg.GradientError as error:
        assert "custom_op" in str(error)  # noqa: PT017  (either refused by name, or taken as an array)
    else:
        assert type(a.grad.data) is np.ndarray


def test_t44_a_rule_that_returns_an_array_in_a_walk_over_tensors():
    a = leaf([1.0, 2.0, 3.0])
    op = custom(lambda g: np.ones(3))
    (g,) = tg.grad(op(a).sum(), a, create_graph=True)
    assert isinstance(g, tg.Tensor)
    with pytest.warns(UserWarning, match="create_graph"):
        op(a).sum().backward(create_graph=True)
    assert isinstance(a.grad, tg.Tensor)
    with pytest.warns(UserWarning, match="create_graph"):
        (op(a) + op(a)).sum().backward(create_graph=True)
    assert isinstance(a.grad, tg.Tensor)
    np.testing.assert_array_equal(array(a.grad), [3.0, 3.0, 3.0])


@pytest.mark.parametrize("result", [(1,), (1, 2, 3), [1, 2], None, 1.0])
def test_t44_a_joint_rule_of_the_wrong_count(result):
    @tg.primitive
    def joint_op(x, y):
        return x * y

    def rule(wanted, g):
        return tuple(g for _ in result) if isinstance(result, tuple) else result

    joint_op.defvjp_joint(rule)
    y, line = joint_op(leaf([1.0]), leaf([2.0])), here()
    with pytest.raises(tg.GradientError) as caught:
        y.backward()
    got = str(len(result)) if isinstance(result, tuple) else type(result).__name__
    for part in ("joint_op", "tuple of 2", got, line):
        assert part in str(caught.value), f"{part!r} is missing in {caught.value}"


def test_t44_a_share_of_a_joint_rule_of_the_wrong_shape():
    @tg.primitive
    def joint_op(x, y):
        return x * y

    joint_op.defvjp_joint(lambda wanted, g: (g, g[:1]))
    with pytest.raises(tg.GradientError, match=r"joint_op: .* y .*\(1,\).*\(2,\)"):
        joint_op(leaf([1.0, 2.0]), leaf([3.0, 4.0])).sum().backward()


def test_t44_a_share_of_a_variadic_rule_of_the_wrong_shape_names_the_input():
    @tg.primitive
    def total(*xs):
        return sum(xs)

    total.defvjp_all(lambda g, i: g if i != 2 else g[:1])
    many = [leaf([1.0, 2.0]) for _ in range(3)]
    with pytest.raises(tg.GradientError, match=r"total: .*xs\[2\].*\(1,\).*\(2,\)"):
        total(*many).sum().backward()
    assert all(t.grad is None for t in many)


def test_t44_another_float_dtype_is_cast():
    a = tg.tensor([1.0, 2.0], requires_grad=True)
    custom(lambda g: g.astype(np.float64) * 2)(a).sum().backward()
    assert a.grad.dtype == np.float32
    np.testing.assert_array_equal(array(a.grad), [2.0, 2.0])


def test_an_exception_in_a_rule_says_where_the_call_was_recorded():
    def rule(g):
        raise KeyError("mine")

    y, line = custom(rule)(leaf([1.0])), here()
    with pytest.raises(KeyError, match="mine") as caught:
        y.backward()
    assert any("custom_op" in note and line in note for note in caught.value.__notes__)


def test_an_error_in_a_walk_changes_no_gradient_and_no_mode():
    def rule(g):
        raise KeyError("mine")

    bad, a, b = custom(rule), leaf([1.0]), leaf([2.0])
    (a * b).backward()
    before = array(a.grad).copy(), array(b.grad).copy()
    with pytest.raises(KeyError, match="mine"):
        (a * b + bad(a)).backward()
    assert tg.is_grad_enabled()
    np.testing.assert_array_equal(array(a.grad), before[0])
    np.testing.assert_array_equal(array(b.grad), before[1])


# What calls of a primitive refuse


def test_tensors_as_keyword_parameters_are_refused():
    """A tensor there would be a constant without anybody noticing."""

    @tg.primitive
    def scaled(x, *, factor):
        return x * factor

    scaled.defvjps(lambda g, factor: g * factor)
    for factor in (tg.tensor(2.0), leaf(2.0)):
        with pytest.raises(tg.DTypeError, match=r"scaled: factor is a parameter"):
            scaled(leaf([1.0]), factor=factor)


@pytest.mark.parametrize("wrong", ["text", [1.0, 2.0], {1: 2}, object(), 1j])
def test_inputs_that_are_no_numbers_are_refused_by_name(wrong):
    with pytest.raises(tg.DTypeError, match=f"mul: other is a {type(wrong).__name__}"):
        tg.mul(leaf([1.0]), wrong)


def test_arrays_of_other_dtypes_are_refused_by_name():
    for wrong in (np.array(["a"]), np.array([None]), np.array([1j]), np.array(["2020-01-01"], "datetime64[D]")):
        with pytest.raises(tg.DTypeError, match="add: other has dtype"):
            leaf([1.0]) + wrong


def test_a_primitive_has_a_readable_name_and_docstring():
    assert repr(tg.exp) == "<primitive exp(input)>"
    assert tg.exp.__doc__.startswith("e to the power")
    assert tg.exp.name == "exp"


@pytest.mark.parametrize(
    "result, got",
    [(lambda x: x, "ndarray"), (lambda x: (x, x, x), "3"), (lambda x: (x,), "1"), (lambda x: [x, x], "list")],
)
def test_a_forward_must_return_as_many_results_as_it_declared(result, got):
    for options in ({"outputs": ("first", "second")}, {"saves": ("mask",)}):

        def pair(x):
            return result(x)

        op = tg.primitive(pair, **options)
        op.defvjps(lambda g_first: g_first) if "outputs" in options else op.defvjps(lambda g: g)
        names = "first, second" if "outputs" in options else "out, mask"
        with pytest.raises(
            tg.GradientError, match=rf"pair: the forward must return the tuple \({names}\), got .*{got}"
        ):
            op(leaf([1.0, 2.0]))


def test_a_forward_that_returns_no_array():
    for wrong in (None, "text", {}, object(), [None]):

        @tg.primitive
        def op(x):
            return wrong  # noqa: B023

        op.defvjps(lambda g: g)
        with pytest.raises(tg.GradientError, match=r"op: the forward gave out of dtype (object|<U4), expected numbers"):
            op(leaf([1.0, 2.0]))


# Rules that add in place


def test_a_rule_that_adds_in_place_has_one_output_and_no_keywords():
    def added(total, *given):
        total += given[0]

    @tg.primitive
    def scaled(x, *, by):
        return x * by

    @tg.primitive(outputs=("once", "twice"))
    def both(x):
        return x * 1.0, x * 2.0

    def by_keyword(g, *, by):
        return g * by

    scaled.defvjps(adding_by(added, by_keyword))
    both.defvjps(adding_by(added, lambda g_once, g_twice: g_once + g_twice * 2.0))
    for call in (lambda x: scaled(x, by=2.0), both):
        with pytest.raises(tg.GradientError, match=r"(scaled|both): a rule made by adding_by is for one input"):
            call(leaf(3.0))


def test_a_rule_adds_only_to_a_sum_of_the_walk():
    calls = []

    def add(total, g, by):
        calls.append(by)
        total += g * by

    @tg.primitive
    def scaled(x, *, by):
        return x * by

    scaled.defvjps(adding_by(add, lambda g, by: g * by))
    x = leaf([1.0, 2.0])
    (scaled(x, by=2.0) + scaled(x, by=3.0) + scaled(x, by=4.0)).sum().backward()
    assert x.grad.tolist() == [9.0, 9.0]
    assert len(calls) == 2  # the first gradient is the sum to which the others are added
    (g,) = tg.grad(scaled(x, by=2.0).sum() + scaled(x, by=3.0).sum(), x, create_graph=True)
    assert g.tolist() == [5.0, 5.0]
    assert len(calls) == 2
