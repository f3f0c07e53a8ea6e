"""What gradcheck takes, what it refuses, and that it leaves everything as it was."""

import gc
import re

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.check import GradcheckError, detect_anomaly, gradcheck, gradgradcheck
from tensorgrad.check.function import input_names
from tensorgrad.errors import GradientError
from tensorgrad.modes import STATE, Observer, observing
from tests.check import planted
from tests.check.tools import holding, leaf


@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
def test_only_float64(check):
    with pytest.raises(tg.DTypeError) as caught:
        check(tg.matmul, (leaf(2, 3), leaf(3, 2).detach().float().requires_grad_()))
    assert str(caught.value) == (
        f"{check.__name__} of matmul: other has dtype float32, whose few digits leave none in a difference: cast it to "
        "float64, for example with x.detach().double().requires_grad_()"
    )


def test_results_must_be_float64():
    with pytest.raises(tg.DTypeError, match="gradcheck: output has dtype float32 although the inputs have float64"):
        gradcheck(lambda x: x.float(), leaf(3))


def test_some_input_must_require_a_gradient():
    with pytest.raises(GradientError, match="gradcheck: no input requires a gradient: pass tensors with requires_grad"):
        gradcheck(lambda x: x * 2.0, tg.tensor([1.0]))


@pytest.mark.parametrize("result, told", [(1.5, "float"), (np.ones(2), "float64 ndarray"), (None, "NoneType")])
def test_the_function_must_return_tensors(result, told):
    with pytest.raises(GradientError, match=re.escape(f"must return floating-point tensors, got {told}")):
        gradcheck(lambda x: result, leaf(2))


def test_shapes_must_not_depend_on_values():
    with pytest.raises(GradcheckError, match=r"the shapes of the results change with the values of x, from \[\(1,\)\]"):
        gradcheck(lambda x: x[x.data > 1.0], holding(1.0 + 1e-9, 0.0))


def test_grad_outputs_must_fit():
    with pytest.raises(tg.ShapeError, match=r"grad_outputs have the shapes \[\(2,\)\], the outputs \[\(3,\)\]"):
        gradgradcheck(lambda x: x * x, leaf(3), leaf(2))


def test_errors_of_the_function_come_through():
    with pytest.raises(tg.ShapeError, match="matmul: shapes"):
        gradcheck(tg.matmul, (leaf(2, 3), leaf(2, 3)), raise_exception=False)


def test_inputs_without_gradient_and_other_results_are_left_alone():
    index = np.array([0, 2])
    assert gradcheck(lambda x, y, i, n: (x[i] * y * n, i, x.max(0)), (leaf(3), leaf(2).detach(), index, 2.0))


def test_the_same_tensor_twice():
    x = leaf(3)
    assert gradcheck(lambda a, b: a * b, (x, x))


def test_names_of_inputs():
    def f(*xs):
        return planted.wrong_sign(xs[1]) + xs[0]

    with pytest.raises(GradcheckError, match=r"gradcheck of f: the gradient of output with respect to xs\[1\] \(1,\)"):
        gradcheck(f, (holding(1.0), holding(2.0)))
    assert input_names(max, 2) == ["input 0", "input 1"]  # built-in, and tells no names


def test_nothing_is_left_behind():
    x, y = leaf(3), leaf(3, seed=1)
    (x * y).sum().backward()
    interior = x * 2.0
    seen = []
    x.register_hook(lambda g: seen.append(1))
    kept = [(t.data, t.data.copy(), t.grad, t.node, t.requires_grad, t._version) for t in (x, y, interior)]
    state = STATE.get()
    assert gradcheck(lambda *a: a[0] * a[1] * a[2], (x, y, interior))
    assert gradgradcheck(lambda *a: a[0] * a[1] * a[2], (x, y, interior))
    assert not gradcheck(lambda *a: planted.wrong_sign(a[0]) * a[1] * a[2], (x, y, interior), raise_exception=False)
    with pytest.raises(ZeroDivisionError):
        gradcheck(lambda *a: 1 / 0, (x, y, interior))
    assert STATE.get() == state
    assert not seen
    for t, (data, values, grad, node, requires_grad, version) in zip((x, y, interior), kept, strict=True):
        assert t.data is data
        assert (t.grad, t.node, t.requires_grad, t._version) == (grad, node, requires_grad, version)
        np.testing.assert_array_equal(t.data, values)
    (interior * y).sum().backward()
    assert seen


class Counting(Observer):
    def __init__(self):
        self.calls = 0

    def called(self, primitive, arrays, outputs, node):
        self.calls += 1


def test_modes_do_not_matter():
    watcher = Counting()
    with tg.no_grad(), observing(watcher), detect_anomaly():
        assert gradcheck(tg.exp, leaf(3))
        assert gradgradcheck(tg.exp, leaf(3))
        assert not gradcheck(planted.wrong_sign, leaf(3), raise_exception=False)
        assert not tg.is_grad_enabled()
    assert watcher.calls == 0


def test_the_default_directions_repeat_and_leave_the_global_generator_alone():
    texts = []
    before = tg.default_generator().bit_generator.state
    for _ in range(2):
        with pytest.raises(GradcheckError) as caught:
            gradcheck(planted.wrong_block(0, 20_000), leaf(20_000))
        texts.append(str(caught.value))
    assert texts[0] == texts[1]
    assert tg.default_generator().bit_generator.state == before


def test_max_elements_decides_between_values_and_directions():
    with pytest.raises(GradcheckError, match="9 of 81 entries"):
        gradcheck(planted.wrong_sign, leaf(9), max_elements=9)
    with pytest.raises(GradcheckError, match="of 6 random combinations of values"):
        gradcheck(lambda x: planted.wrong_sign(x)[:2], leaf(9), max_elements=8, directions=3)


def test_a_failed_check_keeps_no_graph_alive():
    gc.disable()
    try:
        x = leaf(3)
        for _ in range(2):
            gradcheck(planted.wrong_sign, x, raise_exception=False)
            gradgradcheck(planted.wrong_second, x, raise_exception=False)
        gc.collect()
        before = sum(issubclass(type(o), tg.Tensor) for o in gc.get_objects())
        for _ in range(20):
            gradcheck(planted.wrong_sign, x, raise_exception=False)
            gradgradcheck(planted.wrong_second, x, raise_exception=False)
            gc.collect()
        assert sum(issubclass(type(o), tg.Tensor) for o in gc.get_objects()) <= before
    finally:
        gc.enable()
