"""NumPy's door: what NumPy's own operators and functions do with tensors (T19, T20). Never an array of objects."""

import operator

import numpy as np
import pytest

import tensorgrad as tg
from tests.parity import tally

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


def test_t20_an_array_changed_in_place_by_a_tensor():
    a = np.ones(2)
    for statement in ("a += t", "a -= t", "a *= t", "a /= t", "a **= t"):
        with pytest.raises(tg.DTypeError, match=r"np\.\w+ with out: not supported on tensors"):
            exec(statement, {"a": a, "t": leaf([1.0, 2.0])})
    np.testing.assert_array_equal(a, [1.0, 1.0])


def test_writing_a_tensor_into_an_array():
    a = np.zeros(3)
    a[:2] = tg.tensor([1.0, 2.0])
    a[2] = tg.tensor(3.0)
    np.testing.assert_array_equal(a, [1.0, 2.0, 3.0])
    with pytest.raises(tg.GradientError, match="detach"):
        a[:2] = leaf([1.0, 2.0])


@pytest.mark.parametrize(
    "call, expected",
    [
        (lambda t: np.exp(t), np.exp(T)),
        (lambda t: np.log(t), np.log(T)),
        (lambda t: np.sqrt(t), np.sqrt(T)),
        (lambda t: np.tanh(t), np.tanh(T)),
        (lambda t: np.negative(t), -T),
        (lambda t: np.add(t, t), T + T),
        (lambda t: np.subtract(1.0, t), 1 - T),
        (lambda t: np.multiply(t, T), T * T),
        (lambda t: np.divide(T, t), T / T),
        (lambda t: np.true_divide(1, t), 1 / T),
        (lambda t: np.power(t, 2), T**2),
        (lambda t: np.sum(t), T.sum()),
        (lambda t: np.sum(t, axis=0), T.sum(0)),
        (lambda t: np.sum(t, axis=(0, 1), keepdims=True), T.sum(keepdims=True)),
        (lambda t: np.sum(t, 1), T.sum(1)),
        (lambda t: np.mean(t), T.mean()),
        (lambda t: np.mean(t, axis=1, keepdims=True), T.mean(1, keepdims=True)),
        (lambda t: np.reshape(t, (3, 2)), T.reshape(3, 2)),
        (lambda t: np.reshape(t, -1), T.reshape(-1)),
        (lambda t: np.reshape(t, shape=(3, 2)), T.reshape(3, 2)),
        (lambda t: np.transpose(t), T.T),
        (lambda t: np.transpose(t, (1, 0)), T.T),
        (lambda t: np.concatenate([t, T]), np.concatenate([T, T])),
        (lambda t: np.concatenate((T, t), axis=1), np.concatenate([T, T], 1)),
        (lambda t: np.concatenate([t, t, T[:1]], 0), np.concatenate([T, T, T[:1]])),
        (lambda t: np.stack([t, T]), np.stack([T, T])),
        (lambda t: np.stack([T, t], axis=-1), np.stack([T, T], -1)),
        (lambda t: np.where(T > 1, t, 0.0), np.where(T > 1, T, 0)),
        (lambda t: np.where(t > 1, T, t * 2), np.where(T > 1, T, T * 2)),
        (lambda t: np.squeeze(t[None]), T),
        (lambda t: np.squeeze(t[None], axis=0), T),
        (lambda t: np.expand_dims(t, 1), T[:, None]),
        (lambda t: np.broadcast_to(t, (2, 2, 3)), np.broadcast_to(T, (2, 2, 3))),
        (lambda t: np.broadcast_to(t, shape=(2, 2, 3)), np.broadcast_to(T, (2, 2, 3))),
    ],
)
def test_functions_are_recorded(call, expected):
    t = leaf(T)
    y = call(t)
    assert type(y) is tg.Tensor
    assert y.requires_grad
    np.testing.assert_allclose(array(y), expected, rtol=1e-15)
    y.sum().backward()
    assert t.grad.shape == T.shape
    plain = call(tg.tensor(T))
    assert type(plain) is tg.Tensor
    assert not plain.requires_grad


def test_questions_about_shape():
    t = leaf(T)
    assert np.shape(t) == (2, 3)
    assert np.ndim(t) == 2
    assert np.size(t) == 6
    assert np.argmax(t).item() == 3


@pytest.mark.parametrize(
    "call, name",
    [
        (lambda t: np.fft.fft(t), "fft"),
        (lambda t: np.linalg.inv(t), "inv"),
        (lambda t: np.sort(t), "sort"),
        (lambda t: np.cumsum(t), "cumsum"),
        (lambda t: np.percentile(t, 3), "percentile"),
        (lambda t: np.histogram(t), "histogram"),
        (lambda t: np.searchsorted(t, 2.0), "searchsorted"),
        (lambda t: np.allclose(t, 1.0), "allclose"),
        (lambda t: np.cbrt(t), "cbrt"),
        (lambda t: np.arctan2(t, 1.0), "arctan2"),
        (lambda t: np.isfinite(t), "isfinite"),
        (lambda t: np.floor_divide(t, 2), "floor_divide"),
        (lambda t: np.fmod(2.0, t), "fmod"),
        (lambda t: np.ldexp(t, 2), "ldexp"),
        (lambda t: np.add.reduce(t), "add.reduce"),
        (lambda t: np.add.accumulate(t), "add.accumulate"),
        (lambda t: np.add.outer(t, t), "add.outer"),
        (lambda t: np.multiply.at(np.ones(3), [0], t), "multiply.at"),
        (lambda t: np.exp(t, out=np.zeros((2, 3))), "exp with out"),
        (lambda t: np.add(t, t, where=T > 1), "add with where"),
        (lambda t: np.add(t, t, dtype=np.float32), "add with dtype"),
        (lambda t: np.add(T, T, out=t), "add with out"),
        (lambda t: np.sum(t, out=np.zeros(())), "sum"),
        (lambda t: np.sum(t, initial=3.0), "sum"),
        (lambda t: np.reshape(t, (3, 2), order="F"), "reshape"),
        (lambda t: np.concatenate([t, t], casting="unsafe"), "concatenate"),
        (lambda t: np.where(t), "where"),
        (lambda t: np.copyto(t, 3.0), "copyto"),
        (lambda t: np.put(t, 0, 3.0), "put"),
    ],
)
def test_what_is_not_supported_raises_by_name(call, name):
    t = leaf(T)
    with pytest.raises(tg.DTypeError, match=name.replace(".", r"\.")) as caught:
        call(t)
    assert "detach" in str(caught.value) or "on tensors" in str(caught.value)
    np.testing.assert_array_equal(array(t), T)


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


def test_dlpack():
    t = tg.tensor(T)
    shared = np.from_dlpack(t)
    np.testing.assert_array_equal(shared, T)
    assert np.shares_memory(shared, t.data)
    assert t.__dlpack_device__() == t.data.__dlpack_device__()
    with pytest.raises(tg.GradientError, match="detach"):
        leaf(T).__dlpack__()


@pytest.mark.parity
def test_dlpack_to_pytorch():
    torch = pytest.importorskip("torch")
    t = tg.tensor(T)
    shared = torch.from_dlpack(t)
    shared[0, 0] = 99.0
    assert t[0, 0].item() == 99.0
    tally.count("values")


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
