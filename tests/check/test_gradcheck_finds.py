"""gradcheck and gradgradcheck must fail on wrong gradients (T44, T49), and say what is wrong."""

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.check import GradcheckError, gradcheck, gradgradcheck
from tests.check import planted
from tests.check.tools import holding, leaf

MATRICES = (leaf(3, 3), leaf(3, 3, seed=1))
ROWS = (leaf(3, 2), leaf(2))

# planted mistake, inputs, entries wrong, what the report guesses
WRONG = [
    (planted.wrong_sign, (leaf(4),), "4 of 16 entries", "it has the wrong sign throughout"),
    (planted.missing_factor, (leaf(4),), "4 of 16 entries", "it is 0.5 = 1/2 times the numeric one throughout"),
    (planted.slightly_off, (leaf(4),), "4 of 16 entries", "it is 1.00125 times the numeric one throughout"),
    (planted.no_gradient, (leaf(4),), "4 of 16 entries", "the analytic gradient is zero"),
    (planted.unasked, (leaf(4),), "4 of 16 entries", "the output does not depend on the input"),
    (planted.infinite, (leaf(4),), "16 of 16 entries", "the analytic gradient is not finite"),
    (planted.one_element, (leaf(4),), "1 of 16 entries", ""),
    (planted.transposed, MATRICES, "36 of 81 entries", "its last two axes are transposed"),
    (planted.reshaped, (leaf(2, 3), leaf(3, 4)), "24 of 48 entries", "its last two axes are transposed"),
    (planted.flipped, (leaf(2, 2, 3),), "24 of 144 entries", "its last two axes are flipped"),
    (planted.row_of_first, ROWS, "4 of 12 entries", "for example in a sum over a broadcast axis"),
    (planted.row_of_mean, ROWS, "6 of 12 entries", "it is 0.333333 = 1/3 times the numeric one throughout"),
    (planted.row_summed_apart, ROWS, "6 of 12 entries", ""),
]


@pytest.mark.parametrize("mistake, inputs, count, guess", WRONG, ids=[row[0].name + row[2][:2] for row in WRONG])
def test_planted_mistake_is_found_T49(mistake, inputs, count, guess):
    assert not gradcheck(mistake, inputs, raise_exception=False)
    with pytest.raises(GradcheckError) as caught:
        gradcheck(mistake, inputs)
    assert caught.value.kind == "wrong"
    assert f"is wrong in {count}" in str(caught.value)
    assert guess in str(caught.value)


@pytest.mark.parametrize("mistake, inputs", [row[:2] for row in WRONG], ids=[row[0].name + row[2][:2] for row in WRONG])
def test_random_directions_find_the_same_mistakes(mistake, inputs):
    with pytest.raises(GradcheckError) as caught:
        gradcheck(mistake, inputs, fast_mode=True)
    assert caught.value.kind == "wrong"


def test_the_report_names_output_input_index_and_both_values():
    x = holding(0.5, -1.25, 2.0)
    with pytest.raises(GradcheckError) as caught:
        gradcheck(lambda first, x: (first * 1.0, planted.one_element(x)), (leaf(2), x))
    assert str(caught.value) == (
        "gradcheck: the gradient of outputs[1] with respect to x (3,) is wrong in 1 of 9 entries\n"
        "    outputs[1][2] by x[2] = 2: analytic 12, numeric 4, difference 8"
    )


def test_the_largest_mistakes_are_listed_first_and_the_others_counted():
    with pytest.raises(GradcheckError, match="gradcheck of square") as caught:
        gradcheck(planted.wrong_sign, holding(1.0, 3.0, 2.0, 0.5, 4.0, 1.5))
    lines = str(caught.value).splitlines()[1:]
    assert [line.split(":")[0].strip() for line in lines[:4]] == [f"output[{i}] by x[{i}] = {v}" for i, v in
                                                                  ((4, 4), (1, 3), (2, 2), (5, "1.5"))]  # fmt: skip
    assert lines[4].strip() == "... and 2 more"


def test_every_wrong_pair_of_output_and_input_is_told():
    with pytest.raises(GradcheckError) as caught:
        gradcheck(lambda a, b: (planted.wrong_sign(a), planted.missing_factor(b), a + b), (leaf(2), leaf(2, seed=1)))
    assert "outputs[0] with respect to a" in str(caught.value)
    assert "outputs[1] with respect to b" in str(caught.value)
    assert "outputs[2]" not in str(caught.value)


@pytest.mark.parametrize("mistake", [planted.wrong_second, planted.saved_std], ids=["constant", "saved std"])
def test_wrong_second_order_alone(mistake):
    assert gradcheck(mistake, leaf(5))
    with pytest.raises(GradcheckError, match=r"gradgradcheck of .*: the gradient of \(gradient of x\)") as caught:
        gradgradcheck(mistake, leaf(5))
    assert caught.value.kind == "wrong"


def test_a_gradient_cut_off_from_its_cotangent_is_found_by_gradgradcheck():
    cut = planted.op(
        planted.square, lambda g, x: tg.tensor(g._array) * x * 2.0 if hasattr(g, "_array") else 2.0 * g * x
    )
    with pytest.raises(GradcheckError, match="with respect to grad_output"):
        gradgradcheck(cut, leaf(3))


def test_a_gradient_lost_by_detach_is_found():
    with pytest.raises(GradcheckError, match="is it lost on the way"):
        gradcheck(lambda x: tg.exp(x.detach()), leaf(3))


@pytest.mark.parametrize("start, stop", [(0, 1), (7777, 7778), (19_000, 19_050), (0, 20_000)])
@pytest.mark.parametrize("reduced", [False, True], ids=["to values", "to a number"])
def test_a_wrong_block_in_a_big_input_is_found_and_followed_to_a_value(start, stop, reduced):
    wrong = planted.wrong_block(start, stop)
    found = 0
    for seed in range(5):
        x = leaf(20_000, seed=seed)
        with pytest.raises(GradcheckError, match=r"random combinations of values; followed to\n") as caught:
            gradcheck(lambda x: wrong(x).sum() if reduced else wrong(x), x, rng=np.random.default_rng(seed))
        place = int(str(caught.value).split(" by x[")[1].split("]")[0])
        found += start <= place < stop
    assert found == 5


def test_a_small_gradient_is_not_lost_in_atol():
    # Every entry of the right gradient is 1e-6 or less, below atol.
    with pytest.raises(GradcheckError, match="wrong sign"):
        gradcheck(lambda x: planted.wrong_sign(x).sum() * 1e-6, leaf(5))
    assert gradcheck(lambda x: planted.right(x).sum() * 1e-6, leaf(5))


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("size", [1e-6, 3e-6, 1e-5])
def test_a_wrong_sign_of_a_small_gradient_is_no_rounding(size, fast):
    negated = planted.op(lambda x: size * np.sin(x), lambda g, x: -g * size * np.cos(x))
    with pytest.raises(GradcheckError) as caught:
        gradcheck(negated, holding(0.3, 0.5, 0.7), fast_mode=fast)
    assert caught.value.kind == "wrong"
    assert "lost in rounding" not in str(caught.value)


def test_no_factor_is_guessed_from_random_directions():
    one_big = np.array([1e3, 1.0, 1.0, 1.0])
    wrong = planted.op(lambda x: x * one_big, lambda g, x: g * np.array([2e3, 1.0, 1.0, 1.0]))
    with pytest.raises(GradcheckError, match="random combinations") as caught:
        gradcheck(lambda x: wrong(x).sum(), holding(0.3, 0.5, 0.7, 0.9), fast_mode=True)
    assert "factor" not in str(caught.value)


def test_opposite_values_are_compared_soundly_T49():
    # |a - n| / |a + n| would be 0/0 or infinite here.
    with pytest.raises(GradcheckError, match="analytic -2, numeric 2, difference 4"):
        gradcheck(planted.wrong_sign, holding(1.0))


def test_not_linear_in_the_cotangent():
    with pytest.raises(GradcheckError, match="the gradient of x is not linear in the gradients that arrive") as caught:
        gradcheck(planted.square_of_g, holding(1.0, 2.0))
    assert caught.value.kind == "not linear"


@pytest.mark.parametrize(
    "mistake, text",
    [
        (planted.stateful, "output differs between two calls with the same inputs, by up to"),
        (planted.rule_with_state, "the gradient of x differs between two calls with the same inputs, by up to"),
    ],
)
def test_state_is_found(mistake, text):
    with pytest.raises(GradcheckError, match=text) as caught:
        gradcheck(mistake, leaf(4))
    assert caught.value.kind == "nondeterministic"


def test_random_numbers_are_found_and_the_way_out_is_told():
    with pytest.raises(GradcheckError, match="Seed a generator inside it"):
        gradcheck(lambda x: tg.dropout(x, 0.5), leaf(40))


def test_nondet_tol_allows_small_differences():
    drift = []

    def drifting(x):
        drift.append(1)
        return x * (1.0 + 1e-11 * len(drift))

    assert not gradcheck(drifting, leaf(4), raise_exception=False)
    assert gradcheck(drifting, leaf(4), nondet_tol=1e-8)


@pytest.mark.parametrize(
    "mistake, text",
    [
        (planted.forward_writes, "the function changes its input x in place: let it compute a new tensor"),
        (planted.rule_writes_g, "a backward rule writes to the gradient that it is given"),
        (planted.rule_writes_saved, "square: its x, saved for the backward walk, was written to"),
    ],
)
def test_writes_are_found_and_the_input_is_put_back(mistake, text):
    x = leaf(4)
    before = x.data.copy()
    with pytest.raises(GradcheckError, match=text) as caught:
        gradcheck(mistake, x)
    assert caught.value.kind == "mutation"
    np.testing.assert_array_equal(x.data, before)


def test_a_raw_write_between_forward_and_backward_is_found_T11():
    def writes(x):
        y = tg.exp(x)
        z = y * y
        y.data[0] = 0.0
        return z

    with pytest.raises(GradcheckError, match=r"its \w+, saved for the backward walk, was written to without") as caught:
        gradcheck(writes, leaf(3))
    assert caught.value.kind == "mutation"
