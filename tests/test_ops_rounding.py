"""Rounding: whole numbers, halves, digits, dtypes, jumps, and division that rounds, also by 0 and of integers."""

import operator

import numpy as np
import pytest

import tensorgrad as tg

INF, NAN = np.inf, np.nan


def leaf(*values, dtype=np.float64):
    return tg.tensor(np.array(values, dtype), requires_grad=True)


def slopes(function, *inputs):
    """The gradients of the sum of a result."""
    out = function(*inputs)
    return [g.tolist() for g in tg.grad(out, inputs, tg.ones_like(out))]


# To whole numbers


@pytest.mark.parametrize(
    "function, expected",
    [
        (tg.floor, [-2, -3, -3, 0, 2, 2]),
        (tg.ceil, [-2, -2, -2, 0, 3, 2]),
        (tg.trunc, [-2, -2, -2, 0, 2, 2]),
        (tg.round, [-2, -2, -3, 0, 2, 2]),
    ],
)
def test_values_and_slopes_at_jumps(function, expected):
    x = leaf(-2.0, -2.5, -2.6, 0.0, 2.5, 2.0)
    assert function(x).tolist() == expected
    assert slopes(function, x) == [[0.0] * 6]
    assert function(leaf(INF, -INF)).tolist() == [INF, -INF]
    assert np.isnan(function(leaf(NAN)).item())


@pytest.mark.parametrize("function", [tg.floor, tg.ceil, tg.trunc, tg.round, tg.sign])
def test_the_gradient_is_zeros_whatever_arrives(function):
    """0 * inf would be nan; and the zeros can be differentiated again."""
    x = leaf(1.5, -0.5, NAN)
    (g,) = tg.grad(function(x), x, tg.tensor(np.array([INF, NAN, 1.0])), create_graph=True)
    assert g.tolist() == [0, 0, 0]
    (second,) = tg.grad((g * x).sum(), x)
    assert second.tolist() == [0, 0, 0]


@pytest.mark.parametrize("function", [tg.floor, tg.ceil, tg.trunc, tg.fix, tg.round])
@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int64])
def test_integers_are_whole_already(function, dtype):
    x = tg.tensor(np.array([1, 100], dtype))
    y = function(x)
    assert y.dtype == dtype
    assert y.tolist() == [1, 100]
    assert not np.shares_memory(y.data, x.data)


@pytest.mark.parametrize("function", [tg.floor, tg.ceil, tg.trunc, tg.round])
def test_booleans_are_refused(function):
    with pytest.raises(tg.DTypeError, match=rf"^{function.__name__}: booleans cannot be rounded: cast them"):
        function(tg.tensor([True]))


def test_large_arrays_take_the_same_way():
    x = np.linspace(-5e3, 5e3, 300_000)
    np.testing.assert_array_equal(tg.floor(tg.tensor(x)).data, np.floor(x))
    np.testing.assert_array_equal(tg.clamp(tg.tensor(x), -1, 2.5).data, np.clip(x, -1, 2.5))


def test_sign():
    x = leaf(-2.0, -0.0, 0.0, 0.1, INF, NAN)
    assert tg.sign(x).tolist() == [-1, 0, 0, 1, 1, 0]
    assert tg.sign is tg.sgn
    assert tg.sign(tg.tensor([3, 0, -4])).tolist() == [1, 0, -1]
    assert tg.sign(tg.tensor([True, False])).tolist() == [True, False]


def test_frac():
    x = leaf(2.5, -2.5, 3.0, INF)
    np.testing.assert_array_equal(tg.frac(x).data, [0.5, -0.5, 0, NAN])
    assert slopes(tg.frac, x) == [[1, 1, 1, 1]]
    assert tg.frac(tg.tensor([3])).dtype == np.float32


# Digits


@pytest.mark.parametrize("decimals, expected", [(1, [2.2, -0.2, 15.0]), (-1, [0, 0, 20]), (0, [2, 0, 15])])
def test_round_to_digits(decimals, expected):
    assert tg.round(leaf(2.25, -0.15, 15.0), decimals=decimals).tolist() == expected


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("decimals", [2, 20, 40, 320, 10**6])
def test_round_keeps_what_has_no_such_digits(dtype, decimals):
    """Scaled, these numbers overflow; they are returned as they are, and not as inf or nan."""
    most = float(np.finfo(dtype).max)
    x = tg.tensor(np.array([most, -most, 0.0, INF, NAN], dtype))
    np.testing.assert_array_equal(tg.round(x, decimals=decimals).data, x.data)


@pytest.mark.parametrize("decimals", [-40, -320, -(10**6)])
def test_round_to_more_than_there_is(decimals):
    x = tg.tensor(np.array([1e30, -1.0, 0.0, INF, -INF, NAN], np.float32))
    np.testing.assert_array_equal(tg.round(x, decimals=decimals).data, [0, 0, 0, INF, -INF, NAN])


def test_round_of_float16_is_rounded_once():
    """10**5 is more than float16 holds."""
    x = np.array([0.00123, 1.5], np.float16)
    expected = np.round(x.astype(np.float64), 5).astype(np.float16)
    np.testing.assert_array_equal(tg.round(tg.tensor(x), decimals=5).data, expected)


@pytest.mark.parametrize(
    "call, text",
    [
        (lambda: tg.round(tg.ones(2), decimals=1.5), "round: decimals must be an int, got 1.5"),
        (lambda: tg.round(tg.ones(2), decimals=True), "round: decimals must be an int, got True"),
        (lambda: tg.round(tg.tensor([12]), decimals=-1), "round: decimals=-1 is for floats, input has dtype int64"),
    ],
)
def test_what_round_refuses(call, text):
    with pytest.raises(tg.DTypeError, match=f"^{text}$"):
        call()


# Division


def test_signs_of_what_is_left():
    x, y = leaf(7.0, -7.0, 7.0, -7.0), leaf(2.0, 2.0, -2.0, -2.0)
    assert tg.remainder(x, y).tolist() == [1, 1, -1, -1]
    assert tg.fmod(x, y).tolist() == [1, -1, 1, -1]
    assert tg.floor_divide(x, y).tolist() == [3, -4, -4, 3]
    assert tg.div(x, y, rounding_mode="floor").tolist() == [3, -4, -4, 3]
    assert tg.div(x, y, rounding_mode="trunc").tolist() == [3, -3, -3, 3]
    assert slopes(tg.remainder, x, y) == [[1] * 4, [-3, 4, 4, -3]]
    assert slopes(tg.fmod, x, y) == [[1] * 4, [-3, 3, 3, -3]]
    for mode in ("floor", "trunc"):
        assert slopes(lambda x, y, m=mode: tg.div(x, y, rounding_mode=m), x, y) == [[0] * 4, [0] * 4]
    assert slopes(tg.floor_divide, x, y) == [[0] * 4, [0] * 4]


def test_slopes_at_multiples():
    x, y = leaf(6.0, -6.0), leaf(2.0, 2.0)
    assert slopes(tg.remainder, x, y) == [[1, 1], [-3, 3]]
    assert slopes(tg.fmod, x, y) == [[1, 1], [-3, 3]]


def test_floats_divided_by_0():
    x, zero = leaf(1.0, -1.0, 0.0), leaf(0.0, 0.0, 0.0)
    assert np.isnan(tg.remainder(x, zero).data).all()
    assert np.isnan(tg.fmod(x, zero).data).all()
    np.testing.assert_array_equal(tg.floor_divide(x, zero).data, [INF, -INF, NAN])
    np.testing.assert_array_equal(tg.div(x, zero, rounding_mode="trunc").data, [INF, -INF, NAN])
    # Rounded, the slope is 0 even there.
    assert slopes(lambda x, y: tg.div(x, y, rounding_mode="trunc"), x, zero) == [[0, 0, 0], [0, 0, 0]]


def test_division_by_infinity():
    x = leaf(5.0, -5.0)
    np.testing.assert_array_equal(tg.remainder(x, INF).data, [5, INF])
    np.testing.assert_array_equal(tg.fmod(x, INF).data, [5, -5])
    np.testing.assert_array_equal(tg.floor_divide(x, INF).data, [0, -1])


ROUNDED = {
    "remainder": tg.remainder,
    "fmod": tg.fmod,
    "floor_divide": tg.floor_divide,
    "trunc_divide": lambda x, y: tg.div(x, y, rounding_mode="trunc"),
}


@pytest.mark.parametrize("name", ROUNDED)
def test_integers_divided_by_0_are_refused(name):
    text = f"^{name}: integers cannot be divided by 0, which other holds: cast them to float first$"
    for zero in (tg.tensor([1, 0]), 0, np.array(0)):
        with pytest.raises(tg.DTypeError, match=text):
            ROUNDED[name](tg.tensor([7, 7]), zero)
    assert tg.tensor([], dtype=np.int64).shape == ROUNDED[name](tg.tensor([], dtype=np.int64), tg.tensor([1])).shape


@pytest.mark.parametrize("name", ROUNDED)
def test_booleans_are_not_divided(name):
    with pytest.raises(tg.DTypeError, match=f"^{name}: booleans cannot be divided: cast them"):
        ROUNDED[name](tg.tensor([True]), tg.tensor([True]))


def test_integers_are_divided_as_integers():
    """A float64 has not the digits of these."""
    x = tg.tensor([2**62 + 1, -(2**62) - 1])
    assert tg.div(x, 1, rounding_mode="trunc").tolist() == x.tolist()
    assert tg.div(x, 2, rounding_mode="trunc").tolist() == [2**61, -(2**61)]
    assert tg.div(x, 2, rounding_mode="floor").tolist() == [2**61, -(2**61) - 1]
    assert tg.div(tg.tensor(7), 2, rounding_mode="trunc").dtype == np.int64


def test_division_without_a_mode_is_true_division():
    assert tg.div(tg.tensor([1, 2]), 2).dtype == np.float32
    assert tg.div(tg.tensor([1, 2]), 2, rounding_mode=None).tolist() == [0.5, 1]
    assert tg.tensor([7.0]).div_(2.0, rounding_mode="floor").tolist() == [3]
    # What it records is the primitive of the operator `/`.
    x = leaf(1.0)
    assert tg.div(x, 2).grad_fn.primitive is (x / 2).grad_fn.primitive


@pytest.mark.parametrize(
    "call, kind, text",
    [
        (
            lambda: tg.div(tg.ones(2), 2, rounding_mode="up"),
            tg.ShapeError,
            "div: rounding_mode must be None, 'floor' or 'trunc', got 'up'",
        ),
        (
            lambda: tg.div(tg.ones(2), [1], rounding_mode="floor"),
            tg.DTypeError,
            "div: other is a list, not a tensor or an array",
        ),
    ],
)
def test_what_div_refuses(call, kind, text):
    with pytest.raises(kind, match=f"^{text}$"):
        call()


@pytest.mark.parametrize("operate", [operator.floordiv, operator.mod])
def test_operators_with_a_tensor_on_either_side(operate):
    x = np.array([7.5, -7.5, 3.0])
    for other in (2.0, np.float64(2.0), np.array([2.0, -2.0, 2.0]), np.array(2.0), 2, np.array([2, 3, 4])):
        t = leaf(*x)
        for got, expected in [(operate(t, other), operate(x, other)), (operate(other, t), operate(other, x))]:
            assert type(got) is tg.Tensor
            assert got.requires_grad
            np.testing.assert_array_equal(got.data, expected)
    with pytest.raises(tg.DTypeError, match=r"^(floor_divide|remainder): a str is no operand"):
        operate(leaf(1.0), "x")
    # PyTorch has no divmod of tensors.
    with pytest.raises(TypeError, match="unsupported operand"):
        divmod(leaf(1.0), 2.0)
