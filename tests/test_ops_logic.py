"""What numbers are, closeness and equality in their corners, signs of zeros, shifted bits, and aliases."""

import operator

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.ops import aliases

INF, NAN = np.inf, np.nan


def leaf(*values, dtype=np.float64):
    return tg.tensor(np.array(values, dtype), requires_grad=True)


def slopes(function, *inputs):
    out = function(*inputs)
    return [g.tolist() for g in tg.grad(out, inputs, tg.ones_like(out))]


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int64, np.float16, np.float32, np.float64])
@pytest.mark.parametrize("name", ["isnan", "isinf", "isfinite", "isposinf", "isneginf", "signbit"])
def test_questions_to_every_dtype(name, dtype):
    x = np.array([0, 1, 1], dtype)
    answer = getattr(tg, name)(tg.tensor(x))
    assert answer.dtype == np.bool_
    assert answer.tolist() == [name == "isfinite"] * 3
    if np.dtype(dtype).kind == "f":
        x = np.array([NAN, INF, -INF, -0.0], dtype)
        expected = {
            "isnan": [True, False, False, False],
            "isinf": [False, True, True, False],
            "isfinite": [False, False, False, True],
            "isposinf": [False, True, False, False],
            "isneginf": [False, False, True, False],
            "signbit": [False, False, True, True],
        }
        assert getattr(tg, name)(tg.tensor(x)).tolist() == expected[name]


def test_questions_record_nothing():
    assert not tg.isnan(leaf(1.0)).requires_grad
    assert not tg.isclose(leaf(1.0), leaf(1.0)).requires_grad


def test_logical_xor():
    assert tg.logical_xor(tg.tensor([0.0, 2.0, 0.0]), tg.tensor([1, 1, 0])).tolist() == [True, False, False]
    assert tg.logical_xor(tg.tensor([NAN]), False).tolist() == [True]


# Closeness


def test_infinities_are_close_to_themselves_alone():
    x = tg.tensor([INF, -INF, INF, 1.0, INF])
    y = tg.tensor([INF, -INF, -INF, INF, 1.0])
    assert tg.isclose(x, y, rtol=1e9).tolist() == [True, True, False, False, False]
    assert tg.isclose(x, y, 0.0, 0.0).tolist() == [True, True, False, False, False]


def test_nan_is_close_to_nothing_unless_asked():
    x = tg.tensor([NAN, NAN, 1.0])
    assert tg.isclose(x, x).tolist() == [False, False, True]
    assert tg.isclose(x, x, equal_nan=True).tolist() == [True, True, True]
    assert tg.isclose(x, tg.ones(3), equal_nan=True).tolist() == [False, False, True]
    assert not tg.allclose(x, x)
    assert tg.allclose(x, x, equal_nan=True)


def test_the_tolerance_is_relative_to_the_second():
    x, y = tg.tensor([100.0]), tg.tensor([110.0])
    assert tg.isclose(x, y, rtol=0.095, atol=0).item()
    assert not tg.isclose(y, x, rtol=0.095, atol=0).item()
    assert tg.isclose(y, x, rtol=0.0, atol=10.0).item()


def test_integers_do_not_overflow():
    x, y = (tg.tensor(np.array(v, np.int8)) for v in ([127, -128, 127], [-128, 127, 126]))
    assert tg.isclose(x, y, atol=2.0).tolist() == [False, False, True]
    assert tg.isclose(x, y, atol=255.0).tolist() == [True, True, True]
    big = 2**62
    assert tg.isclose(tg.tensor([big]), tg.tensor([big + 1]), 0.0, 0.5).tolist() == [False]
    assert tg.isclose(tg.tensor([3], dtype=np.uint8), tg.tensor([5], dtype=np.uint8), 0.0, 2).tolist() == [True]
    assert tg.isclose(tg.tensor([True, False]), tg.tensor([True, True])).tolist() == [True, False]
    assert tg.isclose(tg.tensor([-128], dtype=np.int8), tg.tensor([-128], dtype=np.int8), 0.1).tolist() == [True]


def test_allclose_answers_with_a_bool():
    assert tg.allclose(tg.ones(2, 3), tg.ones(3)) is True
    assert tg.allclose(tg.ones(2), tg.zeros(2)) is False
    assert tg.allclose(tg.ones(0), tg.ones(0)) is True
    assert tg.allclose(np.ones(2), np.ones(2)) is True


def test_equal():
    assert tg.equal(tg.ones(2), tg.ones(2)) is True
    assert tg.equal(tg.ones(2), tg.tensor([1, 1])) is True
    assert tg.equal(tg.ones(1), tg.ones(2)) is False
    assert tg.equal(tg.tensor(1.0), tg.tensor([1.0])) is False
    assert tg.equal(tg.tensor([NAN]), tg.tensor([NAN])) is False
    assert tg.equal(tg.ones(0), tg.ones(0)) is True
    assert leaf(1.0).equal(leaf(1.0)) is True


@pytest.mark.parametrize(
    "call, kind, text",
    [
        (
            lambda: tg.isclose(tg.ones(1), tg.ones(1), rtol=-1.0),
            tg.ShapeError,
            "isclose: rtol must be at least 0, got -1.0",
        ),
        (
            lambda: tg.allclose(tg.ones(1), tg.ones(1), atol=NAN),
            tg.ShapeError,
            "allclose: atol must be at least 0, got nan",
        ),
        (lambda: tg.isclose(tg.ones(1), 1.0), tg.DTypeError, "isclose: other is a float, not a tensor or an array"),
        (lambda: tg.equal(1.0, tg.ones(1)), tg.DTypeError, "equal: input is a float, not a tensor or an array"),
        (
            lambda: tg.isclose(tg.ones(2), tg.ones(3)),
            tg.ShapeError,
            r"isclose: the shapes do not broadcast: input \(2,\), other \(3,\)",
        ),
        (lambda: tg.positive(tg.tensor([True])), tg.DTypeError, "positive: booleans have no sign: cast them, .*"),
        (
            lambda: tg.tensor([1.0]) << 1,
            tg.DTypeError,
            "bitwise_left_shift: takes booleans and integers, got float32",
        ),
        (
            lambda: tg.tensor([True]) >> tg.tensor([True]),
            tg.DTypeError,
            "bitwise_right_shift: booleans cannot be shifted: cast them, .*",
        ),
    ],
)
def test_what_is_refused(call, kind, text):
    with pytest.raises(kind, match=f"^{text}$"):
        call()


# Signs


def test_positive_is_the_tensor_itself():
    x = leaf(-1.0)
    assert tg.positive(x) is x
    assert x.positive() is +x


def test_copysign_takes_the_sign_of_zeros():
    x, y = leaf(1.0, -1.0, 2.0, 0.0, -3.0), leaf(-0.0, 0.0, -5.0, -1.0, -INF)
    out = tg.copysign(x, y)
    np.testing.assert_array_equal(out.data, [-1, 1, -2, 0, -3])
    assert np.signbit(out.data).tolist() == [True, False, True, True, True]
    assert slopes(tg.copysign, x, y) == [[-1, -1, -1, 0, 1], [0] * 5]


def test_copysign_of_what_is_not_finite():
    """PyTorch divides the result by the input, which gives nan for these."""
    assert slopes(lambda x: tg.copysign(x, -1.0), leaf(INF, -INF, 2.0)) == [[-1, 1, -1]]


def test_copysign_of_integers_is_float32():
    out = tg.copysign(tg.tensor([1, -2]), tg.tensor([-1, -1]))
    assert out.dtype == np.float32
    assert out.tolist() == [-1, -2]


def test_heaviside():
    x, values = leaf(-1.0, 0.0, -0.0, 2.0, NAN), leaf(0.5)
    assert tg.heaviside(x, values).tolist() == [0, 0.5, 0.5, 1, 0]
    assert slopes(tg.heaviside, x, values) == [[0] * 5, [2]]
    assert tg.heaviside(leaf(0.0, dtype=np.float16), 2).dtype == np.float16
    assert tg.heaviside(tg.tensor([0, 3]), tg.tensor([7])).tolist() == [7, 1]


# Bits


def test_shifts_of_too_many_places():
    one, minus = (tg.tensor(np.array(v, np.int8)) for v in ([1], [-8]))
    assert [(one << n).item() for n in (0, 6, 7, 8, 100, -1)] == [1, 64, -128, 0, 0, 0]
    assert [(minus >> n).item() for n in (0, 2, 7, 8, 100, -1)] == [-8, -2, -1, -1, -1, -1]
    assert (tg.tensor(np.array([200], np.uint8)) >> 9).item() == 0


@pytest.mark.parametrize("operate", [operator.lshift, operator.rshift])
def test_shifts_with_a_tensor_on_either_side(operate):
    x = np.array([4, 2, 1])
    for other in (2, np.int64(2), np.array([1, 2, 3]), np.array(2)):
        t = tg.tensor(x)
        for got, expected in [(operate(t, other), operate(x, other)), (operate(other, t), operate(other, x))]:
            assert type(got) is tg.Tensor
            np.testing.assert_array_equal(got.data, expected)
    with pytest.raises(tg.DTypeError, match=r"^bitwise_(left|right)_shift: a str is no operand"):
        operate(tg.tensor([1]), "x")


# Aliases


def own_name(operation):
    return getattr(operation, "forward", operation).__name__


ALIASES = {name: getattr(tg, name) for name in tg.__all__ if name in vars(aliases)}
ALIASES = {name: operation for name, operation in ALIASES.items() if name != own_name(operation)}


def test_aliases_are_the_operations_themselves():
    assert len(ALIASES) >= 14
    for name, operation in ALIASES.items():
        own = own_name(operation)
        assert getattr(tg, name) is getattr(tg, own)
        assert name in tg.__all__
        assert vars(tg.Tensor.__mro__[1])[name] is vars(tg.Tensor.__mro__[1])[own]
    assert tg.subtract(tg.ones(1), 1, alpha=3).tolist() == [-2]
    assert tg.ones(1).greater_equal(1).tolist() == [True]
