"""dtypes as in PyTorch (DESIGN section 4), by a table written out here, and by PyTorch itself where it is installed."""

import itertools
import pickle

import numpy as np
import pytest

import tensorgrad as tg
from tests.parity import tally

from .tools import array

B, U8, I8, I32, I64 = (np.dtype(d) for d in (bool, np.uint8, np.int8, np.int32, np.int64))
F16, F32, F64 = (np.dtype(d) for d in (np.float16, np.float32, np.float64))
ALL = [B, U8, I8, I32, I64, F16, F32, F64]


def name(value):
    return f"{type(value).__name__}" if not isinstance(value, np.dtype) else str(value)


@pytest.mark.parametrize(
    "data, dtype",
    [
        (1.0, F32),
        (1, I64),
        (True, B),
        ([1.0, 2.0], F32),
        ([1, 2], I64),
        ([1, 2.0], F32),
        ([True, False], B),
        ([True, 2], I64),
        ([[1.5], [2.5]], F32),
        ((1.0, 2.0), F32),
        ([], F32),
        (np.array([1.0]), F64),
        (np.array([1.0], np.float16), F16),
        (np.array([1]), I64),
        (np.array([1], np.uint8), U8),
        (np.float64(1.0), F64),
        (np.float32(1.0), F32),
        (np.int32(1), I32),
        (range(3), I64),
    ],
    ids=repr,
)
def test_what_tensor_makes_of_data(data, dtype):
    assert tg.tensor(data).dtype == dtype
    assert tg.tensor(data, dtype=np.float64).dtype == F64


def test_lists_of_tensors_and_arrays():
    assert tg.tensor([tg.tensor(1.0), tg.tensor(2.0)]).dtype == F32
    assert tg.tensor([tg.tensor(1), 2]).dtype == I64
    assert tg.tensor([[tg.tensor(1.0), 2.0], [3, 4]]).tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert tg.tensor([np.array([1.0, 2.0]), np.array([3.0, 4.0])]).shape == (2, 2)


@pytest.mark.parametrize("make", ["zeros", "ones", "rand", "randn", "eye", "linspace"])
def test_makers_give_float32(make):
    args = {"eye": (2,), "linspace": (0, 1, 3)}.get(make, (2, 3))
    assert getattr(tg, make)(*args).dtype == F32
    assert getattr(tg, make)(*args, dtype=np.float64).dtype == F64


def test_arange_and_full_and_likes():
    assert tg.arange(3).dtype == I64
    assert tg.arange(0, 1, 0.25).dtype == F32
    assert tg.arange(3.0).dtype == F32
    assert tg.arange(3, dtype=np.float64).dtype == F64
    assert tg.full((2,), 1).dtype == I64
    assert tg.full((2,), 1.0).dtype == F32
    assert tg.full((2,), True).dtype == B
    assert tg.randint(0, 5, (3,)).dtype == I64
    assert tg.zeros_like(tg.tensor([1, 2])).dtype == I64
    assert tg.ones_like(tg.tensor([1, 2]), dtype=np.float32).dtype == F32


# Two arrays: the wider of one kind; the float's dtype when an integer meets a float

WIDER = {(a, b): np.promote_types(a, b) for a, b in itertools.product(ALL, ALL)}
for a, b in itertools.product(ALL, ALL):
    if (a.kind == "f") != (b.kind == "f"):
        WIDER[a, b] = a if a.kind == "f" else b


@pytest.mark.parametrize("a, b", list(itertools.product(ALL, ALL)), ids=str)
def test_t16_two_tensors(a, b):
    x, y = tg.ones(2, dtype=a), tg.ones(2, dtype=b)
    assert (x + y).dtype == WIDER[a, b]
    assert (x * y).dtype == WIDER[a, b]
    assert tg.cat([x, y]).dtype == WIDER[a, b]
    assert tg.where(np.array([True, False]), x, y).dtype == WIDER[a, b]
    assert (x == y).dtype == B
    quotient = WIDER[a, b] if WIDER[a, b].kind == "f" else F32
    assert (x / y).dtype == quotient


@pytest.mark.parametrize("a, b", list(itertools.product(ALL, ALL)), ids=str)
def test_t16_a_0d_tensor_is_weak_within_its_kind(a, b):
    kinds = {"b": 0, "u": 1, "i": 1, "f": 2}
    expected = a if kinds[b.kind] <= kinds[a.kind] else WIDER[a, b]
    x, y = tg.ones(2, dtype=a), tg.ones((), dtype=b)
    assert (x + y).dtype == expected
    assert (y + x).dtype == expected
    assert (x * np.ones((), b)).dtype == expected


@pytest.mark.parametrize("a", ALL, ids=str)
def test_t16_python_and_numpy_numbers_are_weak(a):
    x = tg.ones(2, dtype=a)
    is_float = a.kind == "f"
    for number in (True, np.bool_(True)):
        assert (x + number).dtype == a
    for number in (3, np.int64(3), np.int8(3)):
        assert (x + number).dtype == (I64 if a == B else a)
        assert (number * x).dtype == (I64 if a == B else a)
    for number in (3.5, np.float64(3.5), np.float32(3.5), 1e300 if a == F64 else 2.0):
        assert (x + number).dtype == (a if is_float else F32)
        assert (number - x).dtype == (a if is_float else F32)


def test_t16_weak_numbers_meet_0d_tensors():
    assert (tg.tensor(1.0, dtype=F64) * 2.0).dtype == F64
    assert (tg.tensor(1) * 2.0).dtype == F32
    assert (tg.tensor(True) + 1).dtype == I64
    assert (tg.tensor(1.0, dtype=F16) + 1).dtype == F16


@pytest.mark.parametrize("a", ALL, ids=str)
@pytest.mark.parametrize("function", ["sqrt", "exp", "log", "tanh", "sigmoid"])
def test_functions_of_integers_give_float32(function, a):
    expected = a if a.kind == "f" else F32
    assert getattr(tg, function)(tg.ones(2, dtype=a)).dtype == expected
    assert getattr(tg.ones((), dtype=a), function)().dtype == expected


@pytest.mark.parametrize("a", ALL, ids=str)
def test_reductions(a):
    x = tg.ones(2, 3, dtype=a)
    assert x.sum().dtype == x.sum(0).dtype == (a if a.kind == "f" else I64)
    assert x.max().dtype == a
    assert x.argmax().dtype == I64
    if a.kind == "f":
        assert x.mean().dtype == a
    else:
        with pytest.raises(tg.DTypeError, match=f"mean: .*{a}"):
            x.mean()
    assert x.mean(dtype=np.float32).dtype == F32
    assert x.sum(dtype=np.float64).dtype == F64


@pytest.mark.parametrize("a", [F16, F32, F64], ids=str)
def test_t16_what_goes_in_comes_out_and_comes_back(a):
    rng = np.random.default_rng(0)
    x = tg.tensor(rng.uniform(0.5, 1.5, (2, 3)), dtype=a, requires_grad=True)
    functions = [
        lambda x: x + 1, lambda x: 2.0 - x, lambda x: x * np.float64(2), lambda x: 1 / x, lambda x: x**2,
        lambda x: x**2.5, lambda x: 2.0**x, lambda x: x**x, lambda x: -x, lambda x: x.exp(), lambda x: x.log(),
        lambda x: x.sqrt(), lambda x: x.tanh(), lambda x: x.sigmoid(), lambda x: x.relu(), lambda x: x.sum(),
        lambda x: x.sum(0), lambda x: x.mean(), lambda x: x.mean(1), lambda x: x.max(), lambda x: x.max(1)[0],
        lambda x: x.softmax(1), lambda x: x.log_softmax(0), lambda x: x @ x.T, lambda x: x[0], lambda x: x[[0, 0]],
        lambda x: x.reshape(6), lambda x: x.T, lambda x: tg.cat([x, x]), lambda x: tg.stack([x, x]),
        lambda x: tg.where(x > 1, x, 0.0), lambda x: tg.where(x > 1, x, 0), lambda x: tg.dropout(x, 0.5),
        lambda x: x * tg.tensor([1, 2, 3]), lambda x: x * tg.tensor([True, False, True]), lambda x: x / 3,
        lambda x: tg.cross_entropy(x, tg.tensor([0, 1])), lambda x: x.broadcast_to((2, 2, 3)),
        lambda x: tg.linear(x, x), lambda x: tg.native_batch_norm(x)[0], lambda x: x.clone(),
        lambda x: tg.conv2d(x.reshape(1, 1, 2, 3), x.reshape(1, 1, 2, 3)[..., :2]),
        lambda x: tg.max_pool2d(x.reshape(1, 1, 2, 3), (1, 2)),
        lambda x: x.gather(1, tg.tensor([[0], [1]])),
    ]  # fmt: skip
    for number, f in enumerate(functions):
        x.grad = None
        y = f(x)
        assert y.dtype == a, f"function {number}"
        y.sum().backward()
        assert x.grad.dtype == a, f"function {number}"
        (g,) = tg.grad((f(x) ** 2).sum(), x, create_graph=True)
        assert g.dtype == a, f"function {number}"
        if g.requires_grad:
            assert tg.grad(g.sum(), x)[0].dtype == a, f"function {number}"


def test_two_float_dtypes_in_a_product_are_refused_by_name():
    x, y = tg.ones(2, 2), tg.ones(2, 2, dtype=np.float64)
    image, filters = tg.ones(1, 1, 3, 3), tg.ones(1, 1, 2, 2, dtype=np.float64)
    for call, op in (
        (lambda: x @ y, "matmul"),
        (lambda: tg.linear(x, y), "linear"),
        (lambda: tg.linear(x, x, tg.ones(2, dtype=np.float64)), "linear"),
        (lambda: tg.conv2d(image, filters), "conv2d"),
        (lambda: tg.native_batch_norm(x, y[0]), "batch_norm"),
    ):
        with pytest.raises(tg.DTypeError, match=rf"{op}: .*float32.*float64.*\.(to|float|double)\("):
            call()


def test_casting_cotangents_between_dtypes():
    """A float64 loss over float32 parameters: each leaf's gradient has its own dtype."""
    w, b = tg.ones(2, requires_grad=True), tg.ones(2, dtype=np.float64, requires_grad=True)
    x = tg.tensor([3.0, 4.0], dtype=np.float64)
    h = w * 2.0
    h.retain_grad()
    loss = (h * x + b).sum()
    assert loss.dtype == F64
    loss.backward()
    assert (w.grad.dtype, b.grad.dtype, h.grad.dtype) == (F32, F64, F32)
    np.testing.assert_array_equal(array(w.grad), [6.0, 8.0])


def test_casts_are_recorded():
    x = tg.tensor([1.5, 2.5], requires_grad=True)
    y = x.double()
    assert y.dtype == F64
    (y * y).sum().backward()
    assert x.grad.dtype == F32
    np.testing.assert_array_equal(array(x.grad), [3.0, 5.0])
    assert x.to(np.float32) is x
    assert x.to(y) is not x
    assert x.to(y).dtype == F64
    assert x.half().dtype == F16


def test_other_dtypes_are_refused_by_name():
    for data, dtype in (
        ("text", None), ([None], None), (1j, None), ([1j], None), (object(), None), (np.array(["a"]), None),
        (np.array(["2020"], "datetime64[Y]"), None), ([1], complex), (np.zeros(2, np.longdouble), None),
        ({1: 2}, None), (None, None),
    ):  # fmt: skip
        with pytest.raises(tg.DTypeError, match=r"tensor: values of dtype .* cannot be held"):
            tg.tensor(data, dtype=dtype)
    with pytest.raises(tg.DTypeError, match=r"from_numpy: .*complex128"):
        tg.from_numpy(np.array([1j]))
    with pytest.raises(tg.ShapeError, match="not a regular array"):
        tg.tensor([[1.0], [2.0, 3.0]])


def test_byte_order_is_made_native():
    """A big-endian array, as idx files hold, is a float32 like any other."""
    t = tg.tensor(np.array([1.0, 2.0], ">f4"))
    assert (t + 1.0).dtype == F32
    assert t.dtype == F32
    with pytest.raises(tg.DTypeError, match=r"^from_numpy: the bytes of >f4"):
        tg.from_numpy(np.array([1.0, 2.0], ">f4"))


def test_unpickled_arrays_are_like_any_other():
    """NumPy gives an unpickled array an equal dtype that is another object."""
    made = pickle.loads(pickle.dumps(np.ones(2, np.float32)))
    assert made.dtype is not F32
    for t in (tg.tensor(made), tg.from_numpy(made), pickle.loads(pickle.dumps(tg.ones(2)))):
        assert t.dtype is F32
    assert np.shares_memory(tg.from_numpy(made).data, made)


@pytest.mark.parity
def test_promotion_is_pytorchs():
    torch = pytest.importorskip("torch")
    named = {d: getattr(torch, str(d)) for d in ALL}

    def same(ours, theirs):
        return str(theirs.dtype).removeprefix("torch.") == str(ours.dtype)

    values = [(d, shape) for d in ALL for shape in ((2,), ())] + [True, 3, 2.5]
    for a, b in itertools.product(values, values):
        if not isinstance(a, tuple) and not isinstance(b, tuple):
            continue
        ours = [tg.ones(v[1], dtype=v[0]) if isinstance(v, tuple) else v for v in (a, b)]
        theirs = [torch.ones(v[1], dtype=named[v[0]]) if isinstance(v, tuple) else v for v in (a, b)]
        for f in (lambda x, y: x + y, lambda x, y: x * y, lambda x, y: x / y, lambda x, y: x == y):
            assert same(f(*ours), f(*theirs)), (a, b)
            tally.count("dtypes")
        if all(isinstance(v, tuple) for v in (a, b)):
            mask = np.array([True, False])
            assert same(tg.where(mask, *ours), torch.where(torch.tensor(mask), *theirs)), (a, b)
