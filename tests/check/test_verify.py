"""A primitive that verifies itself: right ones pass, and each broken law is named."""

import re
from collections import Counter

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.check import GradcheckError, verify
from tensorgrad.modes import STATE, Observer, observing
from tensorgrad.ops import decompositions, elementwise, logic, spectral
from tests.check import planted
from tests.check.tools import holding, leaf
from tests.op_table import ROWS


def values(*shape, seed=0):
    return leaf(*shape, seed=seed).data


BROKEN = [
    (planted.wrong_sign, (values(4),), "adjoint", "square: breaks the adjoint law: <g, J v> is not <J^T g, v>: "),
    (planted.missing_factor, (values(4),), "adjoint", "it is 0.5 = 1/2 times the numeric one"),
    (planted.no_gradient, (values(4),), "adjoint", "the analytic gradient is zero"),
    (planted.infinite, (values(4),), "adjoint", "the analytic gradient is not finite"),
    (planted.transposed, (values(3, 3), values(3, 3)), "adjoint", "its last two axes are transposed"),
    (planted.row_of_first, (values(3, 2), values(2)), "adjoint", "with respect to row (2,)"),
    (planted.slightly_off, (values(40, 50),), "adjoint", "random combinations of values; followed to"),
    (planted.wrong_second, (values(4),), "second order", "the VJPs' own derivatives are wrong: gradgradcheck"),
    (planted.saved_std, (values(4),), "second order", "(gradient of x)"),
    (planted.rule_in_numpy, (values(4),), "second order", "its VJPs do not run on tensors: DTypeError: np.cbrt"),
    (planted.square_of_g, (values(4),), "linearity", "the VJP of x is not linear in g: for 2 g - 3 h it is off by up"),
    (planted.stateful, (values(4),), "purity", "two calls with the same inputs give a different out"),
    (planted.rule_with_state, (values(4),), "purity", "the VJP of x gives another gradient when called again"),
    (planted.forward_writes, (values(4),), "purity", "the forward function writes to its input x"),
    (planted.rule_writes_g, (values(4),), "purity", "the VJP of x writes to g"),
    (planted.rule_writes_saved, (values(4),), "purity", "the VJP of x writes to x"),
    (planted.one_buffer, (values(4),), "memory", "two calls give out in the same memory: return a new array"),
    (planted.rule_with_buffer, (values(4),), "memory", "the VJP of x gives the same memory at each call"),
    (planted.returns_input, (values(4),), "memory", "out shares the memory of the input x: copy it, or declare view"),
    (planted.widens, (values(4),), "dtype", "out has dtype float64 when the inputs have float32"),
    (planted.rule_widens, (values(4),), "dtype", "the VJP of x gives float64 when the inputs have float32"),
    (planted.wrong_composition, (values(4),), "composition", "the fused out and the composed one differ by up to"),
]


@pytest.mark.parametrize("mistake, arrays, law, text", BROKEN, ids=[f"{r[2]}-{i}" for i, r in enumerate(BROKEN)])
def test_a_broken_law_is_named(mistake, arrays, law, text):
    with pytest.raises(GradcheckError, match=re.escape(text)) as caught:
        verify(mistake, arrays)
    assert caught.value.kind == law
    assert f"breaks the {law} law" in str(caught.value)


def test_a_wrong_shape_T44():
    with pytest.raises(tg.GradientError, match=r"square: the VJP of x gave shape \(\), expected \(4,\)"):
        verify(planted.wrong_shape, [values(4)])


# What the laws do not hold for, and what is then said: matrices taken as symmetric, of which one triangle is read;
# outputs that are not determined and so have no gradient; a jump. The rows of these have gradchecks in test_ops.py.
MATRIX = np.array([[2.0, 0.5], [0.5, 1.0]])
TALL = np.array([[2.0, 0.5], [0.5, 1.0], [0.3, -0.7]])
APART = {
    decompositions._cholesky: ([MATRIX], {}, "breaks the adjoint law"),
    spectral._eigh: ([MATRIX], {"lower": True}, "breaks the adjoint law"),
    decompositions._qr: ([TALL], {"complete": True}, "is not determined by it"),
    spectral._svd: ([TALL], {"full": True}, "is not determined by it"),
    logic.heaviside: ([np.zeros(1), np.full(1, 0.5)], {}, "breaks the adjoint law"),
}


@pytest.mark.parametrize("most", [2, pytest.param(10**6, marks=pytest.mark.slow)], ids=["two calls", "all calls"])
def test_every_primitive_of_the_library_passes(most):
    calls, counts = [], Counter()

    def called(primitive, arrays, outputs, node):
        if node is not None and counts[primitive] < most:
            counts[primitive] += 1
            calls.append((primitive, list(arrays), node.params))

    observer = Observer()
    observer.called = called
    for row in ROWS:
        tensors = [tg.tensor(x, requires_grad=True) if i in row.wanted() else x for i, x in enumerate(row.values())]
        with observing(observer):
            row.run(*tensors)
    assert len(counts) > 30
    for primitive, arrays, params in calls:
        if primitive not in APART:
            verify(primitive, arrays, params)


@pytest.mark.parametrize("primitive", APART, ids=lambda primitive: primitive.name)
def test_primitives_that_are_not_verified_have_a_reason(primitive):
    inputs, params, text = APART[primitive]
    with pytest.raises(tg.TensorgradError, match=text):
        verify(primitive, inputs, params)


def with_check(forward, rule):
    made = tg.primitive(forward, check=True)
    made.defvjps(rule)
    return made


def test_check_true_verifies_at_the_first_recorded_call():
    right = with_check(planted.square, lambda g, x: 2.0 * g * x)
    right(tg.ones(3))  # not recorded
    assert right.check
    x = holding(1.0, 2.0)
    right(x).sum().backward()
    assert not right.check
    np.testing.assert_array_equal(x.grad.data, [2, 4])


def test_check_true_refuses_every_call_of_a_wrong_primitive():
    wrong = with_check(planted.square, lambda g, x: 3.0 * g * x)
    for _ in range(2):
        with pytest.raises(GradcheckError, match="square: breaks the adjoint law"):
            wrong(tg.tensor([1.0, 2.0], requires_grad=True))
    with tg.no_grad():
        wrong(tg.tensor([1.0, 2.0], requires_grad=True))


def test_generators_start_every_call_alike_and_are_put_back():
    generator = np.random.default_rng(5)
    before = generator.bit_generator.state
    verify(planted.times_random, [values(6)], {"generator": generator})
    assert generator.bit_generator.state == before
    checked = tg.primitive(planted.times_random.forward, check=True)
    checked.defvjps(lambda g, x, out: g * out / x)
    first = checked(leaf(6), generator=np.random.default_rng(5))
    np.testing.assert_array_equal(first.data, planted.times_random(leaf(6), generator=np.random.default_rng(5)).data)


def test_generators_are_put_back_after_a_failure():
    wrong = planted.op(planted.times_random.forward, lambda g, x, out: g * x)
    generator = np.random.default_rng(5)
    before = generator.bit_generator.state
    with pytest.raises(GradcheckError):
        verify(wrong, [values(6)], {"generator": generator})
    assert generator.bit_generator.state == before


def test_arrays_at_a_kink_are_tried_beside_it():
    zeros = np.zeros((3, 4))
    verify(tg.relu, [zeros])
    flat = planted.op(lambda x: np.maximum(x, 0), lambda g: 0.5 * g)  # fair at 0, wrong everywhere else
    with pytest.raises(GradcheckError, match="breaks the adjoint law"):
        verify(flat, [zeros])


def test_the_edge_of_a_domain_is_no_mistake():
    verify(tg.sqrt, [np.array([0.0, 1.0, 4.0])])
    verify(tg.log, [np.array([-1.0])])  # nothing can be decided there


def test_nothing_to_verify():
    verify(tg.mul, [np.arange(3), 2])
    verify(tg.gt, [values(3), values(3)])


def test_inputs_of_several_kinds():
    verify(elementwise.where, [np.array([True, False]), np.ones(2, np.float32), 3.0])
    verify(tg.mul, [np.arange(3), np.ones(3, np.float16)])


def test_a_special_point_hides_nothing():
    with pytest.raises(GradcheckError, match="breaks the adjoint law"):
        verify(planted.wrong_sign, [np.zeros(3)])


class Silent(Observer):
    def called(self, primitive, arrays, outputs, node):
        raise AssertionError("observers must not see verification")


def test_modes_do_not_matter():
    state = STATE.get()
    with tg.no_grad(), observing(Silent()):
        verify(planted.right, [values(4)])
        with pytest.raises(GradcheckError):
            verify(planted.wrong_sign, [values(4)])
    assert STATE.get() == state


def test_inputs_stay_as_they_are():
    for mistake in (planted.forward_writes, planted.rule_writes_saved):
        array = values(4)
        with pytest.raises(GradcheckError):
            verify(mistake, [array])
        np.testing.assert_array_equal(array, values(4))
