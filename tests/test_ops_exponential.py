"""Exponentials, logarithms, powers, logit, erfinv, weighted sums: edges, accuracy, every order, wrong calls."""

import math
import warnings

import numpy as np
import pytest

import tensorgrad as tg
from tests.derivatives import INF, NAN, derivatives, leaf

UNARY = {
    "exp2": tg.exp2,
    "expm1": tg.expm1,
    "log2": tg.log2,
    "log10": tg.log10,
    "rsqrt": tg.rsqrt,
    "square": tg.square,
    "reciprocal": tg.reciprocal,
    "logit": tg.logit,
    "logit eps": lambda x: tg.logit(x, 0.1),
    "erfinv": tg.erfinv,
}


# Every order


@pytest.mark.parametrize("name", UNARY)
def test_third_derivatives(name):
    def second(x):
        (first,) = tg.grad((UNARY[name](x) + x**4).sum(), x, create_graph=True)
        return tg.grad(first.sum(), x, create_graph=True)[0]

    assert tg.gradcheck(second, [leaf([0.31, 0.62])], atol=1e-8, rtol=1e-6)


@pytest.mark.parametrize(
    "call",
    [
        tg.logaddexp,
        tg.logaddexp2,
        tg.xlogy,
        lambda x, y: tg.lerp(x, y, x * y),
        lambda x, y: tg.addcdiv(x, x, y, value=0.5),
        lambda x, y: tg.addcmul(x, x * y, y, value=-2),
    ],
)
def test_third_derivatives_of_two_inputs(call):
    def second(x, y):
        first = tg.grad(call(x, y).sum(), [x, y], create_graph=True)
        return tg.grad((first[0] * 0.7 - first[1] * first[0]).sum(), [x, y], create_graph=True)

    assert tg.gradcheck(second, [leaf([0.8, 0.3]), leaf([1.2, 0.4])], atol=1e-8, rtol=1e-6)


# Edges


@pytest.mark.parametrize(
    "name, x, expected",
    [
        ("exp2", 1e4, [INF, INF, INF]),
        ("exp2", -1e4, [0, 0, 0]),
        ("expm1", 1e4, [INF, INF, INF]),
        ("expm1", -INF, [-1, 0, 0]),
        ("expm1", 1e-20, [1e-20, 1, 1]),
        ("log2", 0.0, [-INF, INF, -INF]),
        ("log10", 0.0, [-INF, INF, -INF]),
        ("log10", INF, [INF, 0, 0]),
        ("rsqrt", 0.0, [INF, -INF, INF]),
        ("rsqrt", -1.0, [NAN, NAN, NAN]),
        ("rsqrt", INF, [0, 0, 0]),
        ("reciprocal", 0.0, [INF, -INF, INF]),
        ("reciprocal", -0.0, [-INF, -INF, -INF]),
        ("reciprocal", -INF, [0, 0, 0]),
        ("square", -INF, [INF, -INF, 2]),
        ("logit", 0.0, [-INF, INF, -INF]),
        ("logit", 1.0, [INF, INF, INF]),
        ("logit", 1.2, [NAN, NAN, 0]),
        ("logit", NAN, [NAN, NAN, 0]),
        ("logit eps", 0.1, [-math.log(9), 1 / 0.09, -0.8 / 0.0081]),
        ("logit eps", 0.9, [math.log(9), 1 / 0.09, 0.8 / 0.0081]),
        ("logit eps", 0.0, [-math.log(9), 0, 0]),
        ("logit eps", INF, [math.log(9), 0, 0]),
        ("logit eps", NAN, [NAN, 0, 0]),
        ("erfinv", 1.0, [INF, INF, INF]),
        ("erfinv", -1.0, [-INF, INF, -INF]),
        ("erfinv", -1.5, [NAN, NAN, NAN]),
        ("erfinv", 0.0, [0, math.sqrt(math.pi) / 2, 0]),
    ],
)
def test_edges(name, x, expected):
    with np.errstate(all="raise", under="ignore"), warnings.catch_warnings(action="error"):
        found = derivatives(UNARY[name], leaf([x]), 2)
    np.testing.assert_allclose(np.ravel(found), expected, rtol=1e-14)


@pytest.mark.parametrize("name", sorted(UNARY.keys() - {"square"}))
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_nothing_warns_at_the_edges(name, dtype):
    tiny, huge = np.finfo(dtype).tiny, np.finfo(dtype).max
    x = np.array([0, -0.0, 1, -1, 0.5, 2, INF, -INF, NAN, huge, -huge, tiny], dtype)
    with np.errstate(all="raise", under="ignore"), warnings.catch_warnings(action="error"):
        assert UNARY[name](tg.tensor(x)).dtype == dtype


def test_square_overflows_as_products_do():
    with pytest.warns(RuntimeWarning, match="overflow"):
        assert tg.square(tg.tensor([1e300], dtype=tg.float64)).item() == INF


@pytest.mark.parametrize("call", [tg.logaddexp, tg.logaddexp2])
def test_logaddexp_at_the_infinities(call):
    for x, y, value, slopes in [
        (INF, INF, INF, [NAN, NAN]),
        (-INF, -INF, -INF, [NAN, NAN]),
        (INF, -INF, INF, [1, 0]),
        (3.0, -INF, 3, [1, 0]),
        (-INF, 3.0, 3, [0, 1]),
        (1e5, -1e5, 1e5, [1, 0]),
        (1e5, INF, INF, [0, 1]),
    ]:
        a, b = leaf([x]), leaf([y])
        with np.errstate(all="raise", under="ignore"), warnings.catch_warnings(action="error"):
            out = call(a, b)
            first = tg.grad(out, [a, b], tg.ones_like(out), create_graph=True)
            second = tg.grad(first[0], [a, b], tg.ones_like(out))
        assert out.item() == value
        np.testing.assert_array_equal([g.item() for g in first], slopes)
        np.testing.assert_array_equal([g.item() for g in second], [NAN, NAN] if np.isnan(slopes[0]) else [0, 0])


@pytest.mark.parametrize("call, base", [(tg.logaddexp, math.e), (tg.logaddexp2, 2)])
def test_logaddexp_keeps_the_digits_of_small_shares(call, base):
    """Of the smaller term, and in higher orders of the larger too, where 1 - share would be 0."""
    for a, b in [(0.0, 60.0), (60.0, 0.0)]:
        found = derivatives(lambda x, b=b: call(x, tg.full((1,), b, dtype=tg.float64)), leaf([a]), 3)
        small, log = base**-60.0, math.log(base)
        exact = [small if a < b else 1, log * small, log**2 * (small if a < b else -small)]
        np.testing.assert_allclose(np.ravel(found[1:]), exact, rtol=1e-13)


def test_xlogy_where_input_is_0():
    """0 whatever number other is; no nan comes back to an input that a factor 0 keeps out."""
    y = [0.0, -0.0, -2.0, 3.0, INF, NAN]
    a, b = leaf(np.zeros(6)), leaf(y)
    out = tg.xlogy(a, b)
    np.testing.assert_array_equal(out.detach().data, [0, 0, 0, 0, 0, NAN])
    slopes = [g.data for g in tg.grad(out, [a, b], tg.ones_like(out))]
    np.testing.assert_array_equal(slopes[0], [0, 0, 0, math.log(3), INF, NAN])
    np.testing.assert_array_equal(slopes[1], [NAN, NAN, 0, 0, 0, NAN])


def test_xlogy_with_a_number_keeps_dtype_and_digits():
    for dtype in (np.float64, np.float32, np.float16):
        x = leaf([0.0, 0.7], dtype)
        assert tg.xlogy(x, 0.3).dtype == tg.xlogy(0.3, x + 1).dtype == dtype
    a = leaf([0.0, 0.7])
    with_number = [d.tolist() for d in derivatives(lambda a: tg.xlogy(a, 0.3), a, 1)]
    assert with_number == [[0, 0.7 * math.log(0.3)], [math.log(0.3)] * 2]
    assert [d.tolist() for d in derivatives(lambda a: tg.xlogy(a, 0), a, 1)] == [[0, -INF], [0, -INF]]
    assert tg.gradgradcheck(lambda b: tg.xlogy(0.3, b), [leaf([0.7, 1.3])])


# Accuracy


@pytest.mark.parametrize("dtype, digits", [(np.float64, 4e-15), (np.float32, 2e-6)])
def test_expm1_slopes_keep_their_digits_far_below(dtype, digits):
    x = np.array([-40.0, -80.0], dtype)
    np.testing.assert_allclose(derivatives(tg.expm1, leaf(x, dtype), 2)[1:], [np.exp(x.astype(float))] * 2, rtol=digits)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_logit_keeps_its_digits_everywhere(dtype):
    """Near a half it is 4d + 16/3 d^3, with d the distance from it; near 0 the logarithm, near 1 that of the rest."""
    eps = np.finfo(dtype).eps
    d = np.array([1e-3, -1e-5, 4 * eps])
    p = (0.5 + d).astype(dtype)
    exact = 4 * (p.astype(float) - 0.5) + 16 / 3 * (p.astype(float) - 0.5) ** 3
    np.testing.assert_allclose(tg.logit(tg.tensor(p)).data, exact, rtol=1e-11 if dtype == np.float64 else 2 * eps)
    small = np.array([1e-30, 1e-10], dtype)
    np.testing.assert_allclose(tg.logit(tg.tensor(small)).data, np.log(small.astype(float)) + small, rtol=2 * eps)
    near_one = np.array([1 - 4 * eps, 1 - eps / 2], dtype)
    np.testing.assert_allclose(tg.logit(tg.tensor(near_one)).data, -np.log([4 * eps, eps / 2]), rtol=4 * eps)
    # Where one formula takes over from the other, they meet.
    seam = np.nextafter(np.array([0.25, 0.25, 0.75, 0.75], dtype), np.array([0, 1, 0, 1], dtype))
    exact = np.log(seam.astype(float)) - np.log1p(-seam.astype(float))
    np.testing.assert_allclose(tg.logit(tg.tensor(seam)).data, exact, rtol=4 * eps)


@pytest.mark.parametrize("dtype, digits", [(np.float64, 2e-15), (np.float32, 6e-7), (np.float16, 1e-3)])
def test_erfinv_is_the_inverse(dtype, digits):
    z = np.concatenate([np.linspace(-2.5, 2.5, 101), [1e-4, 1e-3]])
    x = np.array([math.erf(v) for v in z]).astype(dtype)
    back = tg.erfinv(tg.tensor(x)).data
    assert back.dtype == dtype
    # The roundings of x and of erf move z by themselves divided by the slope of erf.
    slope = 2 / math.sqrt(math.pi) * np.exp(-(z**2))
    slack = digits * np.abs(z) + np.finfo(dtype).eps * np.abs(x.astype(float)) / slope
    assert (np.abs(back - z) <= slack).all()


def test_erfinv_in_the_tails():
    """x = 1 - 2^-k is exact; by bisection of erfc, to its last digit."""
    powers = np.arange(2, 53)
    for k, found in zip(powers, tg.erfinv(tg.tensor(1 - 0.5**powers)).data, strict=True):
        low, high = 0.0, 7.0
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (low, middle) if math.erfc(middle) < 0.5**k else (middle, high)
        assert found == pytest.approx(low, rel=2e-15)
    np.testing.assert_array_equal(tg.erfinv(tg.tensor([1e-300, -1e-300], dtype=tg.float64)).data > 0, [True, False])


# Weighted sums


def test_lerp_is_exact_at_its_ends():
    rng = np.random.default_rng(0)
    a, b = tg.tensor(rng.standard_normal(50) * 1e8), tg.tensor(rng.standard_normal(50))
    for zero, one in [(0, 1), (0.0, 1.0), (tg.tensor(0.0, dtype=tg.float64), tg.tensor(1.0, dtype=tg.float64))]:
        np.testing.assert_array_equal(tg.lerp(a, b, zero).data, a.data)
        np.testing.assert_array_equal(tg.lerp(a, b, one).data, b.data)


def test_weighted_sums_of_integers():
    ints = tg.tensor([1, 2])
    assert tg.addcmul(ints, ints, ints, value=2).dtype == np.int64
    assert tg.addcmul(ints, ints, ints, value=2.0).tolist() == [3, 10]
    assert tg.addcmul(ints, ints, tg.ones(2), value=0.5).dtype == np.float32
    assert tg.addcdiv(ints, ints, ints, value=2).dtype == np.float32
    assert tg.lerp(ints, ints + 1, 0.25).tolist() == [1.25, 2.25]


def test_square_of_booleans_and_integers():
    assert tg.square(tg.tensor([True, False])).dtype == np.int64
    assert tg.square(tg.tensor(np.array([3, 20], np.uint8))).tolist() == [9, 144]
    assert tg.square(tg.tensor(np.array([-3], np.int8))).dtype == np.int8


@pytest.mark.parametrize("name", ["exp2", "log10", "rsqrt", "reciprocal", "logit", "erfinv"])
def test_integers_and_booleans_give_float32(name):
    for dtype in (np.bool_, np.uint8, np.int64):
        assert getattr(tg, name)(tg.tensor(np.array([1, 0], dtype))).dtype == np.float32
    assert getattr(tg, name)(np.array([1, 0])).dtype == np.float64  # as NumPy's functions have it


@pytest.mark.parametrize("name", ["exp2", "expm1", "log2", "log10", "square", "reciprocal"])
def test_methods_and_numpy_door(name):
    x = leaf([0.3, 0.4])
    out = getattr(np, name)(x)
    assert isinstance(out, tg.Tensor)
    assert out.requires_grad
    np.testing.assert_allclose(out.detach().data, getattr(np, name)(x.detach().data), rtol=1e-15)
    np.testing.assert_array_equal(getattr(x, name)().detach().data, out.detach().data)


def test_methods_of_two_and_three():
    x, y = leaf([0.3, 0.4]), leaf([0.5, 0.2])
    for name in ("logaddexp", "logaddexp2"):
        np.testing.assert_array_equal(getattr(np, name)(x, y).detach().data, getattr(x, name)(y).detach().data)
    assert x.xlogy(y).tolist() == tg.xlogy(x, y).tolist()
    assert x.logit(eps=0.35).tolist() == tg.logit(x, 0.35).tolist()
    assert x.lerp(y, 0.5).tolist() == pytest.approx([0.4, 0.3])
    assert x.addcmul(x, y, value=2).tolist() == pytest.approx([0.6, 0.56])
    assert x.addcdiv(x, y, value=2).tolist() == pytest.approx([1.5, 4.4])


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda: tg.logit(tg.ones(2), 0.7), tg.ShapeError, "logit: eps must be from 0 to 0.5, got 0.7"),
        (lambda: tg.logit(tg.ones(2), -0.1), tg.ShapeError, "logit: eps must be from 0 to 0.5, got -0.1"),
        (lambda: tg.logit(tg.ones(2), NAN), tg.ShapeError, "logit: eps must be from 0 to 0.5, got nan"),
        (lambda: tg.logit(tg.ones(2), "x"), tg.DTypeError, "logit: eps must be a number, got 'x'"),
        (lambda: tg.logit(0.5), tg.DTypeError, "logit: input is a float, not a tensor or an array"),
        (lambda: tg.erfinv("x"), tg.DTypeError, "erfinv: input is a str, not a tensor, an array or a number"),
        (lambda: tg.lerp(tg.ones(2), "x", 0.5), tg.DTypeError, "lerp: end is a str, not a tensor, an array or a numb"),
        (lambda: tg.lerp(tg.ones(2), tg.ones(3), 1), tg.ShapeError, r"lerp: the shapes do not broadcast: input \(2,\)"),
        (
            lambda: tg.addcmul(tg.ones(2), tg.ones(3), tg.ones(2)),
            tg.ShapeError,
            r"addcmul: the shapes do not broadcast: input \(2,\), tensor1 \(3,\), tensor2 \(2,\)",
        ),
        (
            lambda: tg.addcmul(*[tg.tensor([1])] * 3, value=0.5),
            tg.DTypeError,
            "addcmul: value must be an integer where all tensors hold integers, got 0.5",
        ),
        (
            lambda: tg.addcdiv(*[tg.ones(1)] * 3, value=tg.ones(1)),
            tg.DTypeError,
            "addcdiv: value must be a number, got tensor",
        ),
        (lambda: tg.addcdiv(tg.ones(1), 2.0, tg.ones(1)), tg.DTypeError, "addcdiv: tensor1 is a float, not a tensor"),
        (lambda: tg.xlogy(tg.ones(1), [1.0]), tg.DTypeError, "xlogy: other is a list, not a tensor"),
    ],
)
def test_errors(call, error, text):
    with pytest.raises(error, match=f"^{text}"):
        call()
