"""NumPy's door: what NumPy's own operators and functions do with tensors (T19, T20). Never an array of objects."""

import inspect
import operator
import re

import numpy as np
import numpy.fft
import pytest
from numpy.testing.overrides import get_overridable_numpy_array_functions, get_overridable_numpy_ufuncs

import tensorgrad as tg
from tensorgrad.numpy_door.table import FUNCTIONS, told
from tensorgrad.numpy_door.ufuncs import REDUCTIONS, RUNNING, UFUNCS

from .tools import array, leaf

ARITHMETIC = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "**": operator.pow,
}
COMPARISONS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

# What may stand on the other side of a tensor
PARTNERS = {
    "array": np.array([[2.0, 3.0, 1.5], [1.0, 2.5, 3.5]]),
    "row": np.array([2.0, 3.0, 1.5]),
    "0-d array": np.array(2.0),
    "np.float64": np.float64(2.0),
    "np.float32": np.float32(2.0),
    "np.int64": np.int64(2),
    "int array": np.array([[1, 2, 3], [3, 2, 1]]),
    "bool array": np.array([[True, True, True], [True, True, True]]),
    "strided": np.arange(1.0, 13.0).reshape(2, 6)[:, ::2],
    "backwards": np.arange(1.0, 7.0).reshape(2, 3)[::-1],
    "Fortran": np.asfortranarray(np.arange(1.0, 7.0).reshape(2, 3)),
    "broadcast": np.broadcast_to(np.array(2.0), (2, 3)),
    "read-only": np.broadcast_to(np.array([1.0, 2.0, 3.0]), (2, 3)),
}
T = np.array([[1.0, 2.0, 0.5], [3.0, 2.0, 1.5]])
SQUARE = np.array([[4.0, 1.0, 0.5], [0.3, 3.0, -0.7], [0.2, -0.4, 2.5]])


@pytest.mark.parametrize("partner", list(PARTNERS))
@pytest.mark.parametrize("symbol", list(ARITHMETIC))
def test_t20_arithmetic_with_the_tensor_on_either_side(symbol, partner):
    op, other = ARITHMETIC[symbol], PARTNERS[partner]
    for right in (False, True):
        t = leaf(T)
        y = op(other, t) if right else op(t, other)
        assert type(y) is tg.Tensor, type(y)
        assert y.requires_grad
        assert y.dtype == np.float64
        expected = op(np.asarray(other, np.float64), T) if right else op(T, np.asarray(other, np.float64))
        np.testing.assert_allclose(array(y), expected, rtol=1e-15)
        y.sum().backward()
        numeric = np.zeros_like(T)
        for place in np.ndindex(*T.shape):
            for sign in (1, -1):
                moved = T.copy()
                moved[place] += sign * 1e-6
                value = op(np.asarray(other, np.float64), moved) if right else op(moved, np.asarray(other, np.float64))
                numeric[place] += sign * value.sum() / 2e-6
        np.testing.assert_allclose(array(t.grad), numeric, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("partner", list(PARTNERS))
@pytest.mark.parametrize("symbol", list(COMPARISONS))
def test_t20_comparisons_with_the_tensor_on_either_side(symbol, partner):
    op, other = COMPARISONS[symbol], PARTNERS[partner]
    for y, expected in ((op(other, leaf(T)), op(np.asarray(other), T)), (op(leaf(T), other), op(T, np.asarray(other)))):
        assert type(y) is tg.Tensor
        assert y.dtype == np.bool_
        assert not y.requires_grad
        np.testing.assert_array_equal(array(y), expected)


@pytest.mark.parametrize("op", [operator.and_, operator.or_, operator.xor])
@pytest.mark.parametrize(
    "left, right",
    [
        (np.array([True, False]), np.array([True, True])),
        (np.array([6, 5]), np.array([3, 3])),
        (np.array([6, 5]), 3),
        (np.array([True, False]), True),
    ],
)
def test_bits_with_the_tensor_on_either_side(op, left, right):
    for y in (op(tg.tensor(left), right), op(left, tg.tensor(right)), op(tg.tensor(left), tg.tensor(right))):
        assert type(y) is tg.Tensor
        np.testing.assert_array_equal(array(y), op(left, right))
        assert y.dtype == op(left, right).dtype


def test_inversion_is_of_bits():
    np.testing.assert_array_equal(array(~tg.tensor([5, -1])), [-6, 0])
    np.testing.assert_array_equal(array(~tg.tensor([True, False])), [False, True])
    with pytest.raises(tg.DTypeError, match="float32"):
        ~tg.ones(2)
    with pytest.raises(tg.DTypeError, match="float32"):
        tg.ones(2) & tg.ones(2)


def test_t20_matrix_products_with_arrays():
    a, t = np.arange(6.0).reshape(2, 3), leaf(np.arange(12.0).reshape(3, 4))
    y = a @ t
    assert type(y) is tg.Tensor
    y.sum().backward()
    np.testing.assert_array_equal(array(t.grad), np.repeat(a.sum(0)[:, None], 4, 1))
    t = leaf(a)
    (t @ np.ones((3, 1))).sum().backward()
    np.testing.assert_array_equal(array(t.grad), np.ones((2, 3)))
    assert type(np.matmul(a, leaf(np.ones((3, 1))))) is tg.Tensor
    assert type(np.ones(3) @ leaf(np.ones(3))) is tg.Tensor


def test_t19_numpy_numbers_times_tensors():
    for number in (np.float64(2), np.float32(2), np.int8(2), np.array(2.0), np.array(2)):
        t = tg.tensor(3.0 if isinstance(number, np.generic) else [3.0], requires_grad=True)
        for y in (number * t, t * number, number + t - number):
            assert type(y) is tg.Tensor
            assert y.shape == t.shape
            assert y.dtype == np.float32
            assert y.requires_grad


IN_PLACE = ("a += t", "a -= t", "a *= t", "a /= t", "a **= t", "a //= t", "a %= t")


@pytest.mark.parametrize("statement", IN_PLACE)
def test_t20_an_array_changed_in_place_by_a_tensor(statement):
    a = np.array([5.0, 7.0])
    with pytest.raises(tg.GradientError, match=r"np\.\w+: the result has a gradient, which the array .* would lose"):
        exec(statement, {"a": a, "t": leaf([1.0, 2.0])})
    np.testing.assert_array_equal(a, [5.0, 7.0])

    # A tensor without a gradient loses nothing: the array is changed, and stays an array of its dtype.
    b, expected = a.copy(), a.copy()
    names = {"a": b, "t": tg.tensor([2.0, 3.0])}
    exec(statement, names)
    exec(statement, {"a": expected, "t": np.array([2.0, 3.0])})
    assert names["a"] is b
    np.testing.assert_array_equal(b, expected)


def test_t20_in_place_by_a_comparison_or_a_product():
    a = np.ones((2, 2))
    a @= tg.ones(2, 2, dtype=np.float64)
    np.testing.assert_array_equal(a, np.full((2, 2), 2.0))
    mask = np.array([True, False])
    mask &= tg.tensor([True, True])
    np.testing.assert_array_equal(mask, [True, False])
    with pytest.raises(tg.ShapeError, match=r"np\.matmul: out has shape \(2, 2\), the result \(2,\)"):
        exec("a @= t", {"a": a, "t": tg.ones(2, dtype=np.float64)})
    with pytest.raises(tg.DTypeError, match=r"np\.add: out has dtype int64, to which a result of float32 is not cast"):
        exec("i += t", {"i": np.ones(2, np.int64), "t": tg.ones(2)})
    with pytest.raises(tg.ShapeError, match=r"np\.add: out has shape \(2,\), the result \(3, 2\)"):
        exec("i += t", {"i": np.ones(2), "t": tg.ones(3, 2)})
    with pytest.raises(tg.ShapeError, match=r"np\.add: out is an array that is read-only"):
        exec("i += t", {"i": np.broadcast_to(1.0, (2,)), "t": tg.ones(2)})


def test_writing_a_tensor_into_an_array():
    a = np.zeros(3)
    a[:2] = tg.tensor([1.0, 2.0])
    a[2] = tg.tensor(3.0)
    np.testing.assert_array_equal(a, [1.0, 2.0, 3.0])
    with pytest.raises(tg.GradientError, match="detach"):
        a[:2] = leaf([1.0, 2.0])


@pytest.mark.parametrize(
    "call, name",
    [
        (lambda t: np.fft.fft(t), "fft"),
        (lambda t: np.percentile(t, 3), "percentile"),
        (lambda t: np.histogram(t), "histogram"),
        (lambda t: np.cbrt(t), "cbrt"),
        (lambda t: np.modf(t), "modf"),
        (lambda t: np.spacing(t), "spacing"),
        (lambda t: np.nextafter(t, 2), "nextafter"),
        (lambda t: np.float_power(2.0, t), "float_power"),
        (lambda t: np.ldexp(t, 2), "ldexp"),
        (lambda t: np.linalg.pinv(t), "np.linalg.pinv"),
        (lambda t: np.emath.sqrt(t), "np.lib.scimath.sqrt"),
        (lambda t: np.multiply.at(np.ones(3), [0], t), "np.multiply.at"),
        (lambda t: np.add.at(t, [0], 1.0), "np.add.at"),
        (lambda t: np.add.reduceat(t, [0, 1]), "np.add.reduceat"),
        (lambda t: np.hypot.reduce(t), "np.hypot.reduce"),
        (lambda t: np.hypot.accumulate(t), "np.hypot.accumulate"),
        (lambda t: np.sum(t, 0, None, None, True), "np.sum"),
        (lambda t: np.cov(t), "np.cov"),
        (lambda t: np.save("never.npy", t), "np.save"),
        (lambda t: np.isnat(t), "np.isnat"),
        (lambda t: np.concatenate([t, t], casting="unsafe"), "concatenate"),
        (lambda t: np.copyto(t, 3.0), "copyto"),
        (lambda t: np.put(t, 0, 3.0), "put"),
    ],
)
def test_what_is_not_supported_raises_by_name(call, name):
    t = leaf(T)
    with pytest.raises(tg.DTypeError, match=name.replace(".", r"\.")) as caught:
        call(t)
    assert "on tensors" in str(caught.value)
    np.testing.assert_array_equal(array(t), T)


# Everything that NumPy hands over

FUNCTIONS_OF_NUMPY = sorted(
    get_overridable_numpy_array_functions(), key=lambda function: (function.__module__, function.__name__)
)
UFUNCS_OF_NUMPY = sorted(get_overridable_numpy_ufuncs(), key=lambda ufunc: ufunc.__name__)


def required(function):
    """As many arguments as a function needs, or two, the first a tensor; None if it cannot be seen."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:
        return 2
    needed = [p for p in parameters if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return max(1, len(needed))


def test_every_numpy_function_is_in_the_table_or_raises_by_its_name():
    """Never a silent array: what has no entry says so; `function` is handed over as NumPy does it."""
    t = leaf(T)
    known = 0
    for function in FUNCTIONS_OF_NUMPY:
        if function in FUNCTIONS:
            known += 1
            continue
        with pytest.raises(tg.DTypeError, match=rf"^{re.escape(told(function))}: not supported on tensors"):
            t.__array_function__(function, (tg.Tensor,), (t,) * required(function), {})
    assert known >= 140
    stale = [told(function) for function in FUNCTIONS if function not in FUNCTIONS_OF_NUMPY]
    assert not stale, f"in the table, but NumPy does not hand them over: {stale}"


def test_calling_every_numpy_function_with_a_tensor_gives_no_array():
    """The same through NumPy itself, wherever one tensor, or a tensor in every place, is a call that it hands over."""
    asked = []

    class Asked(tg.Tensor):
        def __array_function__(self, function, types, args, kwargs):
            asked.append(function)
            return super().__array_function__(function, types, args, kwargs)

    t = Asked(SQUARE, requires_grad=True)
    for function in FUNCTIONS_OF_NUMPY:
        asked.clear()
        result, error = None, None
        try:
            result = function(*(t,) * required(function))
        except Exception as raised:
            error = raised
        if asked[:1] == [function] and function not in FUNCTIONS:
            assert isinstance(error, tg.DTypeError), f"{told(function)}: {result!r}, {error!r}"
            assert told(function) in str(error)
        for piece in result if isinstance(result, (tuple, list)) else (result,):
            assert not asked or not isinstance(piece, (np.ndarray, np.generic)), f"{told(function)}: {piece!r}"


def test_every_ufunc_is_in_the_table_or_raises_by_its_name():
    t = leaf(T)
    for ufunc in UFUNCS_OF_NUMPY:
        for method in ("__call__", "reduce", "accumulate", "outer", "at", "reduceat"):
            if ufunc in UFUNCS and method in ("__call__", "outer"):
                continue
            if (method == "reduce" and ufunc in REDUCTIONS) or (method == "accumulate" and ufunc in RUNNING):
                continue
            inputs = (t,) * (ufunc.nin if method == "__call__" else 2 if method in ("outer", "reduceat") else 1)
            name = f"np.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}")
            with pytest.raises(tg.DTypeError, match=rf"^{re.escape(name)}: not supported on tensors"):
                t.__array_ufunc__(ufunc, method, *inputs)


@pytest.mark.parametrize("ufunc", UFUNCS_OF_NUMPY, ids=lambda ufunc: ufunc.__name__)
def test_calling_every_ufunc_with_a_tensor_gives_no_array(ufunc):
    for t in (leaf(SQUARE), tg.tensor([[1, 2], [3, 4]]), tg.tensor([[True, False], [False, True]])):
        if ufunc not in UFUNCS:
            with pytest.raises(tg.DTypeError, match=rf"^np\.{ufunc.__name__}: not supported on tensors"):
                ufunc(*(t,) * ufunc.nin)
        else:
            try:
                result = ufunc(*(t,) * ufunc.nin)
            except tg.DTypeError:  # from the operation, which takes no such dtype: bits of floats, signs of booleans
                assert t.dtype.kind != "f" or not any("d" in kind for kind in ufunc.types)
                continue
            for piece in result if isinstance(result, tuple) else (result,):
                assert isinstance(piece, tg.Tensor)


def test_asarray_of_a_tensor_that_requires_a_gradient_raises():
    t = leaf(T)
    y = t * 2.0
    for recorded in (t, y):
        for convert in (np.asarray, np.array, np.ascontiguousarray, lambda v: v.numpy(), lambda v: np.array([v, v])):
            with pytest.raises(tg.GradientError, match=r"detach\(\) first"):
                convert(recorded)


def test_asarray_of_a_plain_tensor():
    t = tg.tensor(T)
    assert np.asarray(t) is t.data
    assert t.numpy() is t.data
    assert np.array(t) is not t.data
    assert not np.shares_memory(np.array(t), t.data)
    assert np.asarray(t, np.float32).dtype == np.float32
    assert np.asarray(t.detach()).dtype == np.float64
    np.testing.assert_array_equal(np.asarray(leaf(T).detach()), T)
    with pytest.raises(ValueError, match="copy"):
        np.asarray(t, dtype=np.float32, copy=False)
    assert np.asarray(t, copy=False) is t.data


def test_never_an_array_of_objects():
    t = tg.tensor([1.0, 2.0])
    for made in (np.array([t, t]), np.array([t[0], t[1]]), np.array([[1.0, 2.0], t]), np.asarray([t])):
        assert made.dtype == np.float32 or made.dtype == np.float64
    for attempt in (
        lambda: np.array([leaf([1.0])]),
        lambda: np.array([leaf(1.0), 2.0]),
        lambda: np.array([1, leaf(1.0)]),
    ):
        with pytest.raises(tg.GradientError, match="detach"):
            attempt()


def test_numpy_indexing_with_tensors():
    a = np.arange(5)
    assert a[tg.tensor(2)] == 2
    np.testing.assert_array_equal(a[tg.tensor([0, 2])], [0, 2])
    np.testing.assert_array_equal(a[tg.tensor([True, False, True, False, False])], [0, 2])
    assert [10, 20, 30][tg.tensor(1)] == 20
    with pytest.raises(tg.DTypeError, match="not an index"):
        [10, 20][tg.tensor(1.0)]
    with pytest.raises(tg.DTypeError, match="not an index"):
        range(tg.tensor([1, 2]))


def test_a_tensor_and_an_array_subclass():
    class Mine(np.ndarray):
        pass

    t = leaf(T)
    y = t * T.view(Mine)
    assert type(y) is tg.Tensor
    y.sum().backward()
    np.testing.assert_array_equal(array(t.grad), T)
    y = T.view(Mine) * t
    assert type(y) is tg.Tensor
