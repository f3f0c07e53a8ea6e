"""Anomaly mode names the first value that is not finite, and raw writes to saved arrays."""

import gc
import re
import sys
import threading
import weakref

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.check import AnomalyError, detect_anomaly
from tensorgrad.modes import STATE


def line():
    """The caller's line."""
    return sys._getframe(1).f_lineno


@pytest.fixture
def x():
    return tg.tensor([1.0, 0.0, 4.0], requires_grad=True)


def test_forward_names_op_place_and_statistics(x):
    at = line() + 2
    with pytest.raises(AnomalyError) as caught, detect_anomaly(), tg.named_scope("block.1"):
        tg.log(x)
    assert str(caught.value) == (
        f"log: its output holds 1 -inf (first at [1]) (called at test_anomaly.py:{at} in module block.1)\n"
        "    out: shape (3,), float32, from 0 to 1.38629, 1 -inf\n"
        "    input: shape (3,), float32, from 0 to 4"
    )


def test_forward_is_watched_without_recording_too(x):
    with detect_anomaly(), tg.no_grad(), pytest.raises(AnomalyError, match=r"exp: its output holds 2 inf"):
        tg.exp(x * 1e5)


def test_backward_names_the_rule_that_made_it(x):
    with detect_anomaly(), tg.named_scope("head"):
        at = line() + 1
        y = tg.sqrt(x)
        with pytest.raises(AnomalyError) as caught:
            (y * 2.0).sum().backward()
    assert str(caught.value) == (
        "sqrt: the gradient that it gives to its input 'input' holds 1 inf (first at [1]) "
        f"(recorded at test_anomaly.py:{at} in module head)\n"
        "    the gradient of input: shape (3,), float32, from 0.5 to 1, 1 inf\n"
        "    out: shape (3,), float32, from 0 to 2"
    )
    assert x.grad is None


def test_values_that_came_in_are_told_as_such(x):
    data = tg.tensor([1.0, np.nan, np.inf])
    with detect_anomaly(), pytest.raises(AnomalyError) as caught:
        x * data
    assert "no operation made it so: it came in with the input 'other', which holds 1 nan, 1 inf (first at [1])" in str(
        caught.value
    )


def test_a_number_that_came_in():
    with detect_anomaly(), pytest.raises(AnomalyError, match="it came in with the input 'other', which holds 1 inf"):
        tg.ones(2) * np.inf


def test_a_gradient_that_came_in(x):
    with detect_anomaly():
        y = x * 2.0
        with pytest.raises(AnomalyError) as caught:
            y.backward(tg.tensor([1.0, np.nan, 0.0]))
    assert "mul: the gradient that arrives at its output holds 1 nan (first at [1])" in str(caught.value)
    assert "it came in with the gradient that the walk started from, from a hook" in str(caught.value)


def test_a_gradient_from_a_hook(x):
    with detect_anomaly():
        y = x * 2.0
        y.register_hook(lambda g: g * np.nan)
        with pytest.raises(AnomalyError, match="mul: its output holds 3 nan"):
            y.sum().backward()


def test_masking_with_minus_infinity_passes(x):
    mask = tg.tensor([0.0, -np.inf, 0.0])
    with detect_anomaly():
        tg.softmax(x + mask, 0)[0].backward()
        tg.log_softmax(tg.where(np.array([True, False, True]), x, -np.inf), 0)[0].backward()
    np.testing.assert_array_equal(np.isfinite(x.grad.data), True)


def test_minus_infinity_that_turns_into_nan_does_not_pass(x):
    with detect_anomaly(), np.errstate(invalid="ignore"):
        y = x + tg.tensor([0.0, -np.inf, 0.0])
        with pytest.raises(AnomalyError, match="sub: its output holds 1 nan"):
            y - y


def test_a_rule_that_is_recorded_is_named(x):
    with detect_anomaly():
        y = tg.sqrt(x).sum()
        at = line() - 1
        with pytest.raises(AnomalyError, match="div: its output holds 1 inf") as caught:
            tg.grad(y, x, create_graph=True)
        assert f", in the backward rule of sqrt, recorded at test_anomaly.py:{at}\n" in str(caught.value)
        with pytest.raises(AnomalyError) as caught:
            tg.log(x)
        assert "backward rule" not in str(caught.value)


def test_finite_training_is_left_alone(x):
    with detect_anomaly():
        for _ in range(3):
            y = (tg.relu(x) * 0.5).sum()
            y.backward(retain_graph=True)
            y.backward()
            with tg.no_grad():
                x -= 0.1 * x.grad
                x.grad.zero_()


@pytest.mark.parametrize("check_nan", [True, False])
def test_raw_writes_to_saved_arrays_are_noticed_T11(x, check_nan):
    with detect_anomaly(check_nan):
        y = tg.exp(x)
        z = (y * y).sum()
        y.data[0] = 7.0
        with pytest.raises(AnomalyError) as caught:
            z.backward()
    assert re.sub(r"py:\d+", "py:N", str(caught.value)) == (
        "mul: its other, saved for the backward walk, was written to without the engine noticing (recorded at "
        "test_anomaly.py:N): through .data[...], .numpy(), the array behind from_numpy, or in a backward rule; write "
        "to a copy, or by tensor methods such as copy_ under no_grad"
    )


def test_a_write_to_the_array_behind_from_numpy_is_noticed():
    array = np.ones((2, 3), np.float32)
    with detect_anomaly():
        z = tg.matmul(tg.from_numpy(array), tg.ones(3, 2, requires_grad=True)).sum()
        array[0, 0] = 5.0
        with pytest.raises(AnomalyError, match=r"matmul: its .*, saved for the backward walk, was written to"):
            z.backward()


def test_the_engine_s_own_error_for_its_own_writes_stays(x):
    with detect_anomaly():
        w = x.detach().clone().requires_grad_()
        z = (w * w).sum()
        with tg.no_grad():
            w.mul_(2.0)
        with pytest.raises(tg.GradientError, match="was changed in place") as caught:
            z.backward()
    assert not isinstance(caught.value, AnomalyError)


def test_check_nan_false_looks_for_raw_writes_only(x):
    with detect_anomaly(check_nan=False):
        tg.log(x).sum().backward()


def test_it_ends_with_the_block_and_after_errors(x):
    state = STATE.get()
    with pytest.raises(AnomalyError), detect_anomaly():
        tg.log(x)
    assert STATE.get() == state
    tg.log(x)


def test_it_decorates_functions(x):
    @detect_anomaly()
    def step():
        return tg.log(x)

    for _ in range(2):
        with pytest.raises(AnomalyError):
            step()


def test_it_is_context_local(x):
    results = []
    with detect_anomaly():
        thread = threading.Thread(target=lambda: results.append(tg.log(x)))
        thread.start()
        thread.join()
    assert len(results) == 1


def test_checksums_are_freed_with_the_graph(x):
    gc.disable()
    try:
        with detect_anomaly():
            y = tg.exp(x) * tg.exp(x)
            saved = weakref.ref(y.grad_fn.saved)
            assert saved() is not None
            y.sum().backward()
            assert saved() is None
            y = tg.exp(x) * tg.exp(x)
            saved = weakref.ref(y.grad_fn.saved)
            del y
            assert saved() is None
    finally:
        gc.enable()


def test_empty_and_integer_results_are_fine():
    with detect_anomaly():
        tg.exp(tg.zeros(0, 3, requires_grad=True)).sum().backward()
        tg.arange(3) + 1
        tg.tensor([1.0, 2.0]).argmax()
