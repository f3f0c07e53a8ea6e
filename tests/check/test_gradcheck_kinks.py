"""A kink, or lost digits, is no wrong gradient, and is told apart from one."""

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.check import GradcheckError, gradcheck, gradgradcheck
from tests.check import planted
from tests.check.tools import holding, leaf

KINKS = {
    "relu at 0": (
        lambda x: tg.relu(x),
        holding(1.0, 0.0, -1.0),
        "output[1] by x[1] = 0: slope 0 from the left, 1 from the right, analytic 0",
    ),
    "max(dim) at a tie": (
        lambda x: x.max(0)[0],
        holding(0.5, 2.0, 2.0),
        "output by x[1] = 2: slope 0 from the left, 1 from the right, analytic 1",
    ),
    "a step": (
        lambda x: tg.where(x > 0.0, x * 0.0 + 1.0, x * 0.0),
        holding(0.0),
        "output[0] by x[0] = 0: slope 0 from the left, 1e+06 from the right, analytic 0",
    ),
}


@pytest.mark.parametrize("name", KINKS)
def test_kinks_are_reported_as_kinks(name):
    func, x, line = KINKS[name]
    with pytest.raises(GradcheckError) as caught:
        gradcheck(func, x)
    text = str(caught.value)
    assert caught.value.kind == "kink"
    assert "a kink lies within 1e-08 of the input" in text
    assert line in text
    assert "move the input away from the kink by more than 1e-06, or pass allow_kinks=True" in text


@pytest.mark.parametrize("name", KINKS)
def test_allow_kinks_accepts_any_slope_between_the_one_sided_ones(name):
    func, x, _ = KINKS[name]
    assert gradcheck(func, x, allow_kinks=True)


BESIDE = [2e-8, 2e-7, -5e-7, 8e-7, -9e-7]


@pytest.mark.parametrize("place", BESIDE)
def test_beside_a_kink_a_smaller_step_decides(place):
    # Under the step there is a kink, but the point is not at it, and its gradient is the slope there.
    x = holding(place)
    assert gradcheck(tg.relu, x)
    assert gradcheck(lambda x: tg.relu(x).sum(), x, fast_mode=True)


@pytest.mark.parametrize("place", BESIDE)
@pytest.mark.parametrize("factor", [0.0, 0.5, 1.5, -1.0])
def test_beside_a_kink_a_wrong_gradient_is_wrong(place, factor):
    sloping = planted.op(lambda x: np.where(x > 0, x, 3.0 * x), lambda g, x: g * factor * np.where(x > 0, 1.0, 3.0))
    with pytest.raises(GradcheckError) as caught:
        gradcheck(sloping, holding(place), allow_kinks=True)
    assert caught.value.kind == "wrong"


def test_a_wrong_gradient_at_a_kink_is_wrong():
    leaky = planted.op(lambda x: np.maximum(x, 0), lambda g, x: g * 1.5)
    with pytest.raises(GradcheckError) as caught:
        gradcheck(leaky, holding(0.0), allow_kinks=True)
    assert caught.value.kind == "wrong"


def test_wrong_entries_and_kinks_are_counted_apart():
    with pytest.raises(GradcheckError) as caught:
        gradcheck(lambda x: tg.cat([tg.relu(x), planted.one_element(x)]), holding(0.0, 1.0, 2.0))
    assert caught.value.kind == "wrong"
    assert "is wrong in 2 of 18 entries (1 at a kink)" in str(caught.value)


@pytest.mark.parametrize("curvature", [1e2, 1e4, 1e6])
def test_strong_curvature_is_no_kink(curvature):
    # One-sided slopes differ by far more than the tolerance, but in proportion to the step.
    wrong = planted.op(lambda x: curvature * x * x, lambda g, x: g * x * curvature + g * 1e-3 * curvature)
    assert gradcheck(lambda x: planted.right(x) * curvature, holding(0.0, 1.0))
    with pytest.raises(GradcheckError) as caught:
        gradcheck(wrong, holding(0.0, 1.0))
    assert caught.value.kind == "wrong"


def test_a_kink_in_a_big_input_is_followed_to_its_place():
    x = leaf(3000, low=0.1, high=2.0)
    x.data[1234] = 0.0
    with pytest.raises(GradcheckError) as caught:
        gradcheck(lambda x: tg.relu(x).sum(), x)
    assert caught.value.kind == "kink"
    assert "output by x[1234] = 0: slope 0 from the left, 1 from the right" in str(caught.value)


def test_gradients_of_max_are_checked_away_from_ties_T52():
    # At a tie the gradient jumps, so that its own difference is no derivative.
    func = lambda x: (x * x).max(0)[0]  # noqa: E731
    assert gradgradcheck(func, holding(1.0, 2.0, 3.0))
    with pytest.raises(GradcheckError) as caught:
        gradgradcheck(func, holding(1.0, 3.0, 3.0))
    assert caught.value.kind == "kink"


def test_digits_lost_in_float32_are_told():
    with pytest.raises(GradcheckError) as caught:
        gradcheck(lambda x: tg.exp(x.float()).double(), holding(0.3, 1.1, 2.0))
    assert caught.value.kind == "rounding"
    assert "the difference of values is lost in rounding" in str(caught.value)
    assert "with larger steps the gradient agrees: pass eps=0.0001" in str(caught.value)
    assert gradcheck(lambda x: tg.exp(x.float()).double(), holding(0.3, 1.1, 2.0), eps=1e-2, atol=1e-2, rtol=1e-2)


def test_the_edge_of_the_domain_is_told():
    with pytest.raises(GradcheckError) as caught:
        gradcheck(lambda x: tg.sqrt(x), holding(1.0, 0.0))
    assert caught.value.kind == "non-finite"
    assert str(caught.value) == (
        "gradcheck: output[1] is not finite any more when x[1] = 0 is moved by 1e-06: x lies at the edge of where the "
        "function is defined; move it inside"
    )


def test_results_that_are_not_finite_are_told():
    with pytest.raises(GradcheckError, match="gradcheck: output holds nan at the given inputs") as caught:
        gradcheck(lambda x: tg.log(x), holding(1.0, -1.0))
    assert caught.value.kind == "non-finite"
