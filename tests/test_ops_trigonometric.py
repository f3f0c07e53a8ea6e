"""Trigonometric and hyperbolic functions: ends of domains, accuracy near them, huge and tiny values, every order."""

import math
import warnings
from fractions import Fraction

import numpy as np
import pytest

import tensorgrad as tg
from tests.derivatives import INF, NAN, derivatives, gradients, leaf
from tests.op_table.trigonometric import sinc_derivative

UNARY = {
    "sin": 0.7,
    "cos": 0.7,
    "tan": 0.7,
    "asin": 0.6,
    "acos": 0.6,
    "atan": 0.6,
    "sinh": 0.7,
    "cosh": 0.7,
    "asinh": 0.7,
    "acosh": 1.7,
    "atanh": 0.6,
    "sinc": 0.0,
}


# Every order


@pytest.mark.parametrize("name", UNARY)
def test_third_derivatives(name):
    x = leaf([UNARY[name], UNARY[name] + 0.1])

    def second(x):
        (first,) = tg.grad(getattr(tg, name)(x).sum(), x, create_graph=True)
        return tg.grad(first.sum(), x, create_graph=True)[0]

    assert tg.gradcheck(second, [x], atol=1e-8, rtol=1e-6)


@pytest.mark.parametrize("name", ["hypot", "atan2"])
def test_third_derivatives_of_two_inputs(name):
    def second(x, y):
        first = tg.grad(getattr(tg, name)(x, y).sum(), [x, y], create_graph=True)
        return tg.grad((first[0] * 0.7 - first[1] * first[0]).sum(), [x, y], create_graph=True)

    assert tg.gradcheck(second, [leaf([0.8, -0.3]), leaf([-1.2, 0.4])], atol=1e-8, rtol=1e-6)


# sinc


def test_sinc_at_0_to_the_tenth_order():
    """The Maclaurin series of sinc has (-1)^k pi^(2k) / (2k + 1)! at x^(2k)."""
    found = derivatives(tg.sinc, leaf([0.0, -0.0]), 10)
    exact = [0 if n % 2 else (-1) ** (n // 2) * math.pi**n / (n + 1) for n in range(11)]
    np.testing.assert_allclose(found, np.repeat(exact, 2).reshape(-1, 2), rtol=1e-15)


@pytest.mark.parametrize("dtype, rtol", [(np.float64, 2e-15), (np.float32, 6e-7), (np.float16, 2e-3)])
@pytest.mark.parametrize("order", range(6))
def test_sinc_keeps_its_digits_near_0(order, dtype, rtol):
    """Against the series, so near to 0 that the quotient rule would leave no digit right."""
    x = np.array([0.02, 1e-3, -1e-3, 1e-4, 6.1e-5] + ([1e-8, -1e-12, 1e-30] if dtype != np.float16 else []), dtype)
    terms = range((order + 1) // 2, (order + 1) // 2 + 8)
    exact = [
        math.fsum(
            (-1) ** k * math.pi ** (2 * k) * float(v) ** (2 * k - order) / math.factorial(2 * k - order) / (2 * k + 1)
            for k in terms
        )
        for v in x
    ]
    np.testing.assert_allclose(derivatives(tg.sinc, leaf(x, dtype), order)[order], exact, rtol=rtol)


@pytest.mark.parametrize("dtype, digits", [(np.float64, 2e-14), (np.float32, 2e-6)])
@pytest.mark.parametrize("order", range(8))
def test_sinc_where_its_formulas_meet(order, dtype, digits):
    """From the nearest to 0 to well beyond |pi x| = order, where one recurrence takes over from the other."""
    x = np.concatenate([np.linspace(-4, 4, 801), (order + np.array([-1e-3, 0, 1e-3])) / math.pi]).astype(dtype)
    found = derivatives(tg.sinc, leaf(x, dtype), order)[order]
    assert found.dtype == dtype
    np.testing.assert_allclose(found, sinc_derivative(x.astype(float), order), rtol=0, atol=digits * math.pi**order)


def test_sinc_far_out():
    x = np.array([1.0, -2.0, 7.0, 1e6, 1e200, 1000.5, 1e15 + 0.5])
    value, slope = derivatives(tg.sinc, leaf(x), 1)
    np.testing.assert_array_equal(value[:5], 0)
    np.testing.assert_allclose(value[5:], [1 / (math.pi * 1000.5), 1 / (math.pi * (1e15 + 0.5))], rtol=1e-15)
    np.testing.assert_allclose(slope[:5], [-1, -0.5, -1 / 7, 1e-6, 1e-200], rtol=1e-15)
    assert all(np.isnan(d).all() for d in derivatives(tg.sinc, leaf([INF, -INF, NAN]), 2))


# Near the ends of domains


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", ["asin", "acos", "atanh", "acosh"])
def test_slopes_keep_their_digits_near_1(name, dtype):
    """1 - x*x has few right digits where x is near 1; by fractions all are."""
    eps = np.finfo(dtype).eps
    x = (1 + np.array([1e-2, 1e-4, 30 * eps, eps]) * (1 if name == "acosh" else -1)).astype(dtype)
    rest = [float(abs(1 - Fraction(float(v)) ** 2)) for v in x]
    exact = {"asin": lambda r: r**-0.5, "acos": lambda r: -(r**-0.5), "atanh": lambda r: 1 / r}.get(name)
    (slope,) = gradients(getattr(tg, name), x, dtype=dtype)
    np.testing.assert_allclose(slope, list(map(exact or (lambda r: r**-0.5), rest)), rtol=4 * eps)


@pytest.mark.parametrize(
    "name, x, expected",
    [
        ("asin", 1.0, [math.pi / 2, INF, INF]),
        ("asin", -1.0, [-math.pi / 2, INF, -INF]),
        ("asin", 1.5, [NAN, NAN, NAN]),
        ("acos", 1.0, [0, -INF, -INF]),
        ("acos", -1.0, [math.pi, -INF, INF]),
        ("acosh", 1.0, [0, INF, -INF]),
        ("acosh", 0.5, [NAN, NAN, NAN]),
        ("atanh", 1.0, [INF, INF, INF]),
        ("atanh", -1.0, [-INF, INF, -INF]),
        ("sin", INF, [NAN, NAN, NAN]),
        ("atan", INF, [math.pi / 2, 0, NAN]),
        ("atan", -1e200, [-math.pi / 2, 0, 0]),
        ("sinh", 1e4, [INF, INF, INF]),
        ("cosh", -1e4, [INF, -INF, INF]),
        ("asinh", 1e200, [math.log(2) + 200 * math.log(10), 1e-200, 0]),
        ("acosh", 1e200, [math.log(2) + 200 * math.log(10), 1e-200, 0]),
        ("deg2rad", 180.0, [math.pi, math.pi / 180]),
        ("rad2deg", math.pi, [180, 180 / math.pi]),
    ],
)
def test_ends_of_domains_and_huge_values(name, x, expected):
    with np.errstate(all="raise", under="ignore"), warnings.catch_warnings(action="error"):
        found = derivatives(getattr(tg, name), leaf([x]), len(expected) - 1)
    np.testing.assert_allclose(np.ravel(found), expected, rtol=1e-15)


@pytest.mark.parametrize("name", [*UNARY, "deg2rad", "rad2deg"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_nothing_warns_at_the_edges(name, dtype):
    largest = np.finfo(dtype).max if name != "rad2deg" else 0  # a product: np.errstate says whether its overflow warns
    x = np.array([0, -0.0, 1, -1, 2, -2, INF, -INF, NAN, largest, -largest, np.finfo(dtype).tiny], dtype)
    with np.errstate(all="raise", under="ignore"), warnings.catch_warnings(action="error"):
        assert getattr(tg, name)(tg.tensor(x)).dtype == dtype


# Triangles


def test_atan2_where_squares_overflow_or_underflow():
    for size in (1e200, 1e-200, 1e308, 1e-300):
        np.testing.assert_allclose(gradients(tg.atan2, [size], [size]), [[0.5 / size], [-0.5 / size]], rtol=1e-15)
        np.testing.assert_allclose(gradients(tg.atan2, [0.0], [size]), [[1 / size], [0]], rtol=1e-15)
    (g,) = gradients(lambda y: tg.atan2(y, 1e30), [1e30], dtype=np.float32)
    assert g.dtype == np.float32
    np.testing.assert_allclose(g, [0.5e-30], rtol=1e-6)


ZERO = [([0.0], [0.0]), ([-0.0], [0.0]), ([0.0], [-0.0])]


@pytest.mark.parametrize("y, x", ZERO)
def test_atan2_at_0_has_derivatives_0(y, x):
    y, x = leaf(y), leaf(x)
    first = tg.grad(tg.atan2(y, x), [y, x], tg.ones(1, dtype=tg.float64), create_graph=True)
    second = tg.grad(first, [y, x], [tg.ones(1, dtype=tg.float64)] * 2)
    np.testing.assert_array_equal([g.detach().data for g in (*first, *second)], np.zeros((4, 1)))


def test_atan2_with_a_number():
    """The number keeps its digits in float64, and may be 0."""
    for call in (lambda x: tg.atan2(x, 0.3), lambda x: tg.atan2(0.3, x)):
        assert tg.gradcheck(call, [leaf([0.4, -0.7])], atol=1e-9, rtol=1e-8)
        assert tg.gradgradcheck(call, [leaf([0.4, -0.7])], atol=1e-8, rtol=1e-6)
    for call, angle in [(lambda x: tg.atan2(x, 0), math.pi / 2), (lambda x: tg.atan2(0, x), 0)]:
        found = derivatives(call, leaf([0.0, 2.0]), 2)
        np.testing.assert_array_equal(found, [[0, angle], [0, 0], [0, 0]])


def test_hypot_of_huge_and_tiny_sides_and_at_0():
    for size in (1e300, 1e-300):
        x, y = leaf([3 * size]), leaf([-4 * size])
        out = tg.hypot(x, y)
        np.testing.assert_allclose(out.detach().data, [5 * size], rtol=1e-15)
        np.testing.assert_allclose([g.data for g in tg.grad(out.sum(), [x, y])], [[0.6], [-0.8]], rtol=1e-15)
    assert np.isnan(gradients(tg.hypot, [0.0], [0.0])).all()
    np.testing.assert_array_equal(gradients(tg.hypot, [0.0], [-2.0]), [[0], [-1]])


# Names, dtypes, errors


@pytest.mark.parametrize("name", ["sin", "cos", "tan", "sinh", "cosh", "tanh"])
def test_second_names(name):
    assert getattr(tg, f"arc{name}") is getattr(tg, f"a{name}")
    x = tg.tensor([1.2 if name == "cosh" else 0.3])
    assert getattr(x, f"arc{name}")().item() == getattr(tg, f"a{name}")(x).item()


def test_arctan2_is_atan2():
    assert tg.arctan2 is tg.atan2
    assert tg.tensor([1.0]).arctan2(tg.tensor([1.0])).item() == pytest.approx(math.pi / 4)


@pytest.mark.parametrize("name", ["sin", "acos", "sinc", "deg2rad", "asinh"])
def test_integers_and_booleans_give_float32(name):
    for dtype in (np.bool_, np.uint8, np.int64):
        assert getattr(tg, name)(tg.tensor(np.array([1, 0], dtype))).dtype == np.float32
    assert getattr(tg, name)(np.array([1, 0])).dtype == np.float64  # as NumPy's functions have it


def test_methods_and_numpy_door():
    x, y = leaf([0.3, 0.4]), leaf([0.5, -0.2])
    for name in ("sin", "cos", "tan", "sinh", "cosh", "arcsin", "arccos", "arctan", "arcsinh", "arctanh", "sinc"):
        out = getattr(np, name)(x)
        assert isinstance(out, tg.Tensor)
        assert out.requires_grad
        np.testing.assert_allclose(out.detach().data, getattr(np, name)(x.detach().data), rtol=1e-14)
        np.testing.assert_array_equal(getattr(x, name)().detach().data, out.detach().data)
    for name in ("hypot", "arctan2"):
        out = getattr(np, name)(x, y)
        assert out.requires_grad
        np.testing.assert_array_equal(out.detach().data, getattr(np, name)(x.detach().data, y.detach().data))
    np.testing.assert_array_equal(np.arccosh(x + 1).detach().data, np.arccosh((x + 1).detach().data))
    np.testing.assert_array_equal(np.radians(x).detach().data, np.radians(x.detach().data))
    np.testing.assert_array_equal(np.degrees(x).detach().data, np.degrees(x.detach().data))


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda: tg.sinc("x"), tg.DTypeError, "sinc: input is a str, not a tensor, an array or a number"),
        (lambda: tg.sinc(None), tg.DTypeError, "sinc: input is None, not a tensor or an array|sinc: input is a None"),
        (lambda: tg.acosh([[1], [1, 2]]), tg.DTypeError, "acosh: input is a list, not a tensor"),
        (lambda: tg.atan2(tg.ones(2), tg.ones(3)), tg.ShapeError, r"atan2: the shapes do not broadcast: input \(2,\)"),
        (lambda: tg.hypot(tg.ones(2), None), tg.DTypeError, "hypot: other is a NoneType, not a tensor"),
    ],
)
def test_errors(call, error, text):
    with pytest.raises(error, match=f"^{text}"):
        call()
