"""NumPy's ufuncs on tensors: called, reduced, accumulated, as outer products, with out=, where= and dtype=."""

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.numpy_door.ufuncs import REDUCTIONS, RUNNING, UFUNCS
from tensorgrad.primitive import Primitive

from .tools import array, leaf

# Values at which every ufunc of one or two floats is defined and smooth.
BETWEEN = {
    "arccosh": (1.2, 3.0),
    "arcsin": (-0.8, 0.8),
    "arccos": (-0.8, 0.8),
    "arctanh": (-0.8, 0.8),
    "log": (0.2, 3.0),
    "log2": (0.2, 3.0),
    "log10": (0.2, 3.0),
    "log1p": (-0.7, 3.0),
    "sqrt": (0.2, 3.0),
    "power": (0.2, 3.0),
    "heaviside": (0.2, 3.0),
}
PRODUCTS = {np.matmul: [(2, 3), (3, 4)], np.vecdot: [(2, 3), (3,)]}
if hasattr(np, "matvec"):
    PRODUCTS |= {np.matvec: [(2, 4, 3), (3,)], np.vecmat: [(3,), (2, 3, 4)]}


def takes_floats(ufunc):
    return any("d" in kind.split("->")[0] for kind in ufunc.types)


def drawn(ufunc, shapes):
    rng = np.random.default_rng(len(ufunc.__name__))
    low, high = BETWEEN.get(ufunc.__name__, (-2.1, 2.3))
    # The second is drawn between other bounds, so that no quotient of two values is a whole number.
    return [
        rng.permutation(np.linspace(low, high, int(np.prod(s)))).reshape(s) * (1.0, 0.83)[i]
        for i, s in enumerate(shapes)
    ]


@pytest.mark.parametrize("ufunc", UFUNCS, ids=lambda ufunc: ufunc.__name__)
def test_values_and_gradients_are_numpys(ufunc):
    if not takes_floats(ufunc):
        x, y = np.array([[6, 5, 12], [1, 0, 7]]), np.array([3, 1, 2])
        inputs = [x, y][: ufunc.nin]
        result = ufunc(*[tg.tensor(v) for v in inputs])
        assert type(result) is tg.Tensor
        np.testing.assert_array_equal(array(result), ufunc(*inputs))
        return
    inputs = drawn(ufunc, PRODUCTS.get(ufunc, [(2, 3), (3,)][: ufunc.nin]))
    expected = ufunc(*inputs)
    tensors = [leaf(x) for x in inputs]
    result = ufunc(*tensors)
    results, all_expected = (r if isinstance(r, tuple) else (r,) for r in (result, expected))
    for ours, theirs in zip(results, all_expected, strict=True):
        assert type(ours) is tg.Tensor
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(array(ours), theirs, rtol=1e-13, atol=1e-15)
    if all_expected[0].dtype != np.float64:
        assert not results[0].requires_grad
        return
    loss = sum((r * np.cos(np.arange(r.numel()).reshape(r.shape))).sum() for r in results)
    found = tg.grad(loss, tensors)
    for position, x in enumerate(inputs):
        numeric = np.zeros_like(x)
        for place in np.ndindex(*x.shape):
            for side in (1e-6, -1e-6):
                moved = [np.array(v) for v in inputs]
                moved[position][place] += side
                values = ufunc(*moved)
                for r in values if isinstance(values, tuple) else (values,):
                    numeric[place] += (r * np.cos(np.arange(r.size).reshape(r.shape))).sum() / (2 * side)
        np.testing.assert_allclose(array(found[position]), numeric, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    "ufunc", [u for u in UFUNCS if takes_floats(u) and u not in PRODUCTS], ids=lambda u: u.__name__
)
def test_outer(ufunc):
    if ufunc.nin == 1:
        with pytest.raises((tg.DTypeError, ValueError), match="outer"):
            ufunc.outer(leaf([1.0]), leaf([1.0]))
        return
    x, y = drawn(ufunc, [(2,), (3, 2)])
    for first, second in ((leaf(x), leaf(y)), (x, leaf(y)), (leaf(x), y.tolist())):
        result, expected = ufunc.outer(first, second), ufunc.outer(x, y)
        pairs = zip(result, expected, strict=True) if isinstance(result, tuple) else [(result, expected)]
        for ours, theirs in pairs:
            assert type(ours) is tg.Tensor
            np.testing.assert_allclose(array(ours), theirs, rtol=1e-13)


X = np.array([[1.2, 2.4, 0.5], [3.1, 0.9, 1.7]])


def expected_gradient(call, x):
    numeric = np.zeros_like(x)
    weights = np.cos(np.arange(np.size(call(x)))).reshape(np.shape(call(x)))
    for place in np.ndindex(*x.shape):
        for side in (1e-6, -1e-6):
            moved = x.copy()
            moved[place] += side
            numeric[place] += (call(moved) * weights).sum() / (2 * side)
    return numeric


@pytest.mark.parametrize("axis", [0, 1, -1, None, (0, 1), ()])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("ufunc", REDUCTIONS, ids=lambda ufunc: ufunc.__name__)
def test_reduce(ufunc, keepdims, axis):
    if ufunc in (np.logaddexp,) and not isinstance(axis, int):
        return  # NumPy cannot: it is not reorderable
    call = lambda v: ufunc.reduce(v, axis=axis, keepdims=keepdims)  # noqa: E731
    t = leaf(X)
    result, expected = call(t), call(X)
    assert type(result) is tg.Tensor
    assert result.dtype == expected.dtype
    np.testing.assert_allclose(array(result), expected, rtol=1e-13)
    assert result.shape == np.shape(expected)
    if expected.dtype == np.float64:
        (result * np.cos(np.arange(expected.size)).reshape(expected.shape)).sum().backward()
        np.testing.assert_allclose(array(t.grad), expected_gradient(call, X), rtol=1e-6, atol=1e-8)


def test_reduce_is_over_the_first_axis_unless_told():
    assert np.add.reduce(leaf(X)).tolist() == pytest.approx(X.sum(0).tolist())
    assert np.maximum.reduce(leaf(X), dtype=np.float32).dtype == np.float32
    assert np.add.reduce(tg.tensor([1, 2]), dtype=np.float64).dtype == np.float64
    out = tg.zeros(3, dtype=np.float64)
    assert np.add.reduce(X, axis=0, out=out) is out
    assert out.tolist() == np.add.reduce(X).tolist()
    with pytest.raises(tg.DTypeError, match=r"np\.add\.reduce with initial: not supported on tensors"):
        np.add.reduce(leaf(X), initial=3.0)
    with pytest.raises(tg.DTypeError, match=r"np\.add\.reduce with where: not supported on tensors"):
        np.add.reduce(leaf(X), where=X > 1)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("ufunc", RUNNING, ids=lambda ufunc: ufunc.__name__)
def test_accumulate(ufunc, axis):
    call = lambda v: ufunc.accumulate(v, axis=axis)  # noqa: E731
    t = leaf(X)
    result = call(t)
    assert type(result) is tg.Tensor
    np.testing.assert_allclose(array(result), call(X), rtol=1e-13)
    (result * np.cos(np.arange(6)).reshape(2, 3)).sum().backward()
    np.testing.assert_allclose(array(t.grad), expected_gradient(call, X), rtol=1e-6, atol=1e-8)
    assert np.add.accumulate(leaf(X)).tolist() == np.add.accumulate(X).tolist()


# out=


def test_out_takes_the_result():
    plain, t = tg.tensor(X), leaf(X)
    place = np.zeros((2, 3))
    assert np.exp(plain, out=place) is place
    assert np.exp(plain, place) is place
    np.testing.assert_array_equal(place, np.exp(X))
    taken = tg.zeros(2, 3, dtype=np.float64)
    assert np.multiply(t, 3.0, out=taken) is taken
    assert taken.requires_grad
    taken.sum().backward()
    np.testing.assert_array_equal(array(t.grad), np.full((2, 3), 3.0))
    whole, rest = np.zeros((2, 3)), np.zeros((2, 3))
    assert np.divmod(plain, 0.7, out=(whole, rest))[1] is rest
    np.testing.assert_allclose(whole * 0.7 + rest, X)
    assert np.divmod(plain, 0.7, out=(whole, None))[0] is whole
    wide = np.zeros((2, 3))
    np.add(tg.tensor([1.0, 2.0, 3.0]), 1.0, out=wide)  # the result broadcasts
    np.testing.assert_array_equal(wide, [[2.0, 3.0, 4.0]] * 2)
    number = tg.zeros(2, 3, dtype=np.float64)
    np.add(1, 2, out=number)
    assert number.tolist() == [[3.0] * 3] * 2
    np.matmul(plain, tg.tensor(X.T), out=(square := np.zeros((2, 2))))
    np.testing.assert_allclose(square, X @ X.T)


def test_out_loses_no_gradient():
    t, place = leaf(X), np.zeros((2, 3))
    with pytest.raises(tg.GradientError, match=r"np\.exp: the result has a gradient.*detach\(\) first"):
        np.exp(t, out=place)
    np.testing.assert_array_equal(place, 0 * X)
    with tg.no_grad():
        np.exp(t, out=place)
    np.testing.assert_array_equal(place, np.exp(X))
    assert np.greater(t, 1.0, out=np.zeros((2, 3), np.bool_)).sum() == 4
    with pytest.raises(tg.GradientError, match="a leaf that requires a gradient cannot be changed in place"):
        np.add(X, X, out=t)
    np.testing.assert_array_equal(array(t), X)


# where=


def test_where_computes_the_places_it_names_alone():
    x = np.array([[4.0, 0.0, -1.0], [0.0, 9.0, 1.0]])
    mask = x > 0
    for out in (tg.full((2, 3), -7.0, dtype=np.float64), tg.full((2, 3), -7.0, dtype=np.float64).requires_grad_() * 1):
        t = leaf(x)
        result = np.sqrt(t, where=mask, out=out)
        assert result is out
        np.testing.assert_array_equal(array(result), np.where(mask, np.sqrt(np.abs(x)), -7.0))
        result.sum().backward()
        # The slope of the root at 0 and below never enters.
        np.testing.assert_array_equal(array(t.grad), [[0.25, 0.0, 0.0], [0.0, 1 / 6, 0.5]])


def test_where_broadcasts_and_takes_arrays_for_out():
    mask = np.array([True, False, True])
    out = np.zeros((2, 3))
    assert np.add(tg.tensor(X), 1.0, where=tg.tensor(mask), out=out) is out
    np.testing.assert_array_equal(out, np.where(mask, X + 1, 0.0))
    assert np.add(leaf(X), 1.0, where=True).requires_grad
    with pytest.raises(tg.GradientError, match=r"np\.add: the result has a gradient"):
        np.add(leaf(X), 1.0, where=mask, out=out)
    with pytest.raises(tg.DTypeError, match=r"np\.add: where needs out, which says what stands at the other places"):
        np.add(leaf(X), 1.0, where=mask)
    with pytest.raises(tg.DTypeError, match=r"np\.add: where has dtype float64, it must be bool"):
        np.add(leaf(X), 1.0, where=X, out=tg.zeros(2, 3))
    with pytest.raises(tg.ShapeError, match=r"np\.add: inputs and where must broadcast to the shape of out, \(3,\)"):
        np.add(leaf(X), 1.0, where=mask, out=tg.zeros(3))
    with pytest.raises(tg.DTypeError, match=r"np\.matmul with where: not supported on tensors"):
        tg.tensor(X).__array_ufunc__(np.matmul, "__call__", leaf(X), leaf(X.T), where=mask, out=(out,))


# dtype=


def test_dtype_is_what_is_computed_in():
    t = tg.tensor([1.0, 2.0], requires_grad=True)
    result = np.add(t, 1 / 3, dtype=np.float64)
    assert result.dtype == np.float64
    assert result[0].item() == 1 + 1 / 3
    result.sum().backward()
    assert t.grad.dtype == np.float32
    assert np.sqrt(tg.tensor([2]), dtype=np.float64).item() == np.sqrt(2)
    assert np.add(leaf(X), X, dtype=np.float32).dtype == np.float32
    assert np.add(tg.tensor([True]), np.array([True]), dtype=np.int64).item() == 2
    assert np.greater(t, 1.0, dtype=bool).tolist() == [False, True]
    with pytest.raises(tg.DTypeError, match=r"np\.add: an input has dtype float32, which is not cast to dtype=int64"):
        np.add(t, 1, dtype=np.int64)
    with pytest.raises(tg.DTypeError, match=r"np\.greater with dtype=float32: not supported"):
        np.greater(t, 1.0, dtype=np.float32)
    with pytest.raises(tg.DTypeError, match=r"np\.add with dtype=int64: not supported"):
        np.add(tg.tensor([1]), 2.5, dtype=np.int64)


def test_what_else_a_ufunc_takes():
    t = leaf(X)
    assert np.add(t, t, casting="same_kind", order="K", subok=True).requires_grad
    for options, told in (
        ({"casting": "unsafe"}, "casting"),
        ({"order": "F"}, "order"),
        ({"signature": "dd->d"}, "signature"),
    ):
        with pytest.raises(tg.DTypeError, match=rf"np\.add with {told}: not supported on tensors"):
            np.add(t, t, **options)
    np.testing.assert_allclose(array(np.vecdot(t, X, axis=0)), np.vecdot(X, X, axis=0))
    with pytest.raises(tg.DTypeError, match=r"np\.matmul with axes"):
        np.matmul(t, t, axes=[(0, 1), (1, 0), (0, 1)])


def test_a_ufunc_without_parameters_is_the_primitive():
    """No layer between NumPy's name and the operation, but where their answers differ."""
    wrapped = sorted(u.__name__ for u, op in UFUNCS.items() if not isinstance(op, Primitive))
    assert {"add", "multiply", "exp", "maximum", "less"}.isdisjoint(wrapped)
    assert {"sign", "heaviside"} <= set(wrapped)
