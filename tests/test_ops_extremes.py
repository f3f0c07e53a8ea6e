"""Ties, nan and crossed bounds of maximum, minimum, fmax, fmin and clamp; what replaces nan."""

import itertools
import math

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.check import gradcheck

INF, NAN = np.inf, np.nan


def leaf(*values, dtype=np.float64):
    return tg.tensor(np.array(values, dtype), requires_grad=True)


def slopes(function, *inputs):
    out = function(*inputs)
    return [g.tolist() for g in tg.grad(out, inputs, tg.ones_like(out))]


# The larger and the smaller of two


@pytest.mark.parametrize("function", [tg.maximum, tg.minimum])
def test_ties_are_halved_T24(function):
    x = leaf(1.0, -2.0, INF, 0.0)
    assert slopes(function, x, leaf(1.0, -2.0, INF, -0.0)) == [[0.5] * 4, [0.5] * 4]
    assert slopes(lambda x: function(x, x), x) == [[1] * 4]
    assert slopes(lambda x: function(x, 1.0), leaf(1.0)) == [[0.5]]
    assert slopes(lambda x: function(1.0, x), leaf(1.0)) == [[0.5]]


@pytest.mark.parametrize("function", [tg.fmax, tg.fmin])
def test_ties_go_to_the_first_T24(function):
    x, y = leaf(1.0, -2.0, INF), leaf(1.0, -2.0, INF)
    assert slopes(function, x, y) == [[1] * 3, [0] * 3]
    assert slopes(lambda x: function(x, x), x) == [[1] * 3]
    assert slopes(lambda x: function(1.0, x), leaf(1.0)) == [[0]]


@pytest.mark.parametrize("function", [tg.maximum, tg.minimum, tg.fmax, tg.fmin])
def test_what_is_not_chosen_gets_nothing_of_an_infinite_gradient(function):
    x, y = leaf(1.0, 5.0), leaf(2.0, 3.0)
    gx, gy = tg.grad(function(x, y), (x, y), tg.tensor(np.array([INF, INF])))
    assert sorted([gx.tolist(), gy.tolist()]) == [[0, INF], [INF, 0]]


def test_nan():
    x, y = leaf(NAN, 1.0, NAN), leaf(1.0, NAN, NAN)
    for function in (tg.maximum, tg.minimum):
        assert np.isnan(function(x, y).data).all()
        assert slopes(function, x, y) == [[1] * 3, [1] * 3]
    for function in (tg.fmax, tg.fmin):
        np.testing.assert_array_equal(function(x, y).data, [1, 1, NAN])
        assert slopes(function, x, y) == [[0, 1, 1], [1, 0, 0]]


def test_integers_and_booleans():
    a, b = tg.tensor(np.array([1, 200], np.uint8)), tg.tensor(np.array([-1, 5], np.int8))
    assert tg.maximum(a, b).dtype == np.int16
    assert tg.maximum(a, b).tolist() == [1, 200]
    assert tg.minimum(tg.tensor([True, False]), tg.tensor([True, True])).tolist() == [True, False]


# Limits


def test_clamp_passes_gradients_at_its_bounds():
    x = leaf(-2.0, -1.0, 0.0, 1.0, 2.0)
    assert tg.clamp(x, -1, 1).tolist() == [-1, -1, 0, 1, 1]
    assert slopes(lambda x: tg.clamp(x, -1, 1), x) == [[0, 1, 1, 1, 0]]
    assert slopes(lambda x: tg.clamp(x, min=-1), x) == [[0, 1, 1, 1, 1]]
    assert slopes(lambda x: tg.clamp(x, max=1), x) == [[1, 1, 1, 1, 0]]
    assert slopes(tg.clamp, x, leaf(-1.0), leaf(1.0)) == [[0, 1, 1, 1, 0], [1], [1]]
    assert slopes(tg.clamp_min, x, leaf(-1.0)) == [[0, 1, 1, 1, 1], [1]]
    assert slopes(tg.clamp_max, x, leaf(1.0)) == [[1, 1, 1, 1, 0], [1]]


def test_crossed_bounds_give_the_upper_one():
    x = leaf(-2.0, 0.5, 2.0)
    assert tg.clamp(x, 1, 0).tolist() == [0, 0, 0]
    assert slopes(lambda x: tg.clamp(x, 1, 0), x) == [[0, 0, 0]]
    assert slopes(tg.clamp, x, leaf(1.0), leaf(0.0)) == [[0, 0, 0], [0], [3]]


def test_equal_bounds():
    x = leaf(-2.0, 0.0, 2.0)
    assert tg.clamp(x, 0, 0).tolist() == [0, 0, 0]
    assert slopes(tg.clamp, x, leaf(0.0), leaf(0.0)) == [[0, 1, 0], [0], [1]]


@pytest.mark.parametrize("bounds", [(0, 1), (None, 1), (0, None), (1, 0), (tg.tensor(0.0), tg.tensor(1.0))])
def test_nan_stays_nan(bounds):
    x = leaf(NAN)
    assert math.isnan(tg.clamp(x, *bounds).item())
    assert slopes(lambda x: tg.clamp(x, *bounds), x) == [[0]]


@pytest.mark.parametrize("bounds", [(NAN, 1), (0, NAN), (NAN, NAN), (NAN, None), (None, NAN)])
def test_a_bound_of_nan_makes_nan(bounds):
    x = leaf(-1.0, 0.5)
    assert np.isnan(tg.clamp(x, *bounds).data).all()
    assert slopes(lambda x: tg.clamp(x, *bounds), x) == [[0, 0]]


def test_infinite_bounds_are_none():
    x = leaf(-1e300, 3.0, INF)
    assert tg.clamp(x, -INF, INF).tolist() == x.tolist()
    assert slopes(lambda x: tg.clamp(x, -INF, INF), x) == [[1, 1, 1]]


def test_bounds_broadcast_and_their_gradients_are_summed_T14():
    x, low, high = leaf(*[[-3.0, 0.0, 3.0]] * 2), leaf([-1.0], [-2.0]), leaf(1.0)
    out = tg.clamp(x, low, high)
    assert out.tolist() == [[-1, 0, 1], [-2, 0, 1]]
    assert slopes(tg.clamp, x, low, high) == [[[0, 1, 0]] * 2, [[1], [1]], [2]]
    # A bound may also be the widest.
    assert tg.clamp(leaf(0.5), leaf(0.0, 1.0)).tolist() == [0.5, 1]


def test_dtypes_of_clamp():
    ints = tg.tensor([1, 5])
    assert tg.clamp(ints, 2, 3).dtype == np.int64
    assert tg.clamp(ints, 1.5).dtype == np.float32
    assert tg.clamp(ints, tg.tensor([1.5], dtype=np.float64)).dtype == np.float64
    half = leaf(0.5, 2.0, dtype=np.float16)
    out = tg.clamp(half, 0.1, 1)
    assert out.dtype == np.float16
    (g,) = tg.grad(out.sum(), half)
    assert g.dtype == np.float16


def test_clip_is_clamp():
    assert tg.clip is tg.clamp
    assert tg.tensor([5.0]).clip(max=1).tolist() == [1]
    assert tg.tensor([5.0]).clamp_max(1).tolist() == [1]


@pytest.mark.parametrize(
    "call, kind, text",
    [
        (lambda: tg.clamp(tg.ones(2)), tg.DTypeError, "clamp: min and max are both None: one of them must be given"),
        (lambda: tg.clamp(tg.ones(2), "a"), tg.DTypeError, "clamp: min is a str, not a tensor or an array"),
        (lambda: tg.clamp(tg.ones(2), 0, [1]), tg.DTypeError, "clamp: max is a list, not a tensor or an array"),
        (lambda: tg.clamp(1.0, 0, 1), tg.DTypeError, "clamp: input is a float, not a tensor or an array"),
        (
            lambda: tg.clamp(tg.ones(2, 3), tg.ones(2)),
            tg.ShapeError,
            r"clamp: the shapes do not broadcast: input \(2, 3\), min \(2,\)",
        ),
        (
            lambda: tg.clamp(tg.ones(3), 0, tg.ones(2)),
            tg.ShapeError,
            r"clamp: the shapes do not broadcast: input \(3,\), max \(2,\)",
        ),
        (
            lambda: tg.nan_to_num(tg.ones(2), posinf="x"),
            tg.DTypeError,
            "nan_to_num: posinf must be a number, got 'x'",
        ),
    ],
)
def test_what_is_refused(call, kind, text):
    with pytest.raises(kind, match=f"^{text}$"):
        call()


def test_second_order_of_a_clamped_square():
    x = leaf(-2.0, 0.5, 2.0)
    (g,) = tg.grad((tg.clamp(x, -1, 1) ** 2).sum(), x, create_graph=True)
    assert g.tolist() == [0, 1, 0]
    (second,) = tg.grad(g.sum(), x)
    assert second.tolist() == [0, 2, 0]


def test_gradcheck_far_from_ties():
    rng = np.random.default_rng(0)
    for shapes in itertools.product([(2, 3), (3,), (1, 3)], repeat=3):
        inputs = [leaf(rng.standard_normal(s)).reshape(s).detach().requires_grad_() for s in shapes]
        assert gradcheck(tg.clamp, inputs)


# Instead of nan


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_nan_to_num(dtype):
    x = leaf(NAN, INF, -INF, 1.5, dtype=dtype)
    most = float(np.finfo(dtype).max)
    assert tg.nan_to_num(x).tolist() == [0, most, -most, 1.5]
    assert tg.nan_to_num(x, 2.0, 3.0, 4).tolist() == [2, 3, 4, 1.5]
    assert tg.nan_to_num(x, None).dtype == dtype
    assert slopes(tg.nan_to_num, x) == [[0, 0, 0, 1]]
    # What the dtype cannot hold is infinite, as in every cast.
    assert tg.nan_to_num(x.half(), posinf=1e5).tolist()[1] == INF


def test_nan_to_num_of_integers():
    x = tg.tensor([1, 2])
    y = tg.nan_to_num(x)
    assert y.dtype == np.int64
    assert y.tolist() == [1, 2]
    assert not np.shares_memory(x.data, y.data)
    assert tg.nan_to_num(tg.tensor([True])).dtype == np.bool_
