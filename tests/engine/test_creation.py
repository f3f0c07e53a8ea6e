"""Making tensors: shapes, dtypes, values, what is copied and what is shared, and the names around it."""

import math

import numpy as np
import pytest

import tensorgrad as tg
from tests.parity import tally

from .tools import array, leaf

SIZED = ("zeros", "ones", "empty", "rand", "randn")


def test_values():
    assert tg.zeros(2, 3).tolist() == [[0.0] * 3] * 2
    assert tg.ones(2).tolist() == [1.0, 1.0]
    assert tg.full((2,), 7).tolist() == [7, 7]
    assert tg.full((1, 2), tg.tensor(2.5)).tolist() == [[2.5, 2.5]]
    assert tg.eye(2).tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert tg.eye(1, 2).tolist() == [[1.0, 0.0]]
    assert tg.eye(2, 0).shape == (2, 0)
    assert tg.linspace(0, 1, 5).tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert tg.linspace(3, 4, 1).tolist() == [3.0]
    assert tg.linspace(3, 4, 0).shape == (0,)
    assert tg.linspace(-5, 5, 4, dtype=tg.int64).tolist() == [-5, -1, 1, 5]
    np.testing.assert_allclose(array(tg.logspace(-1, 2, 4, dtype=np.float64)), [0.1, 1.0, 10.0, 100.0], rtol=1e-15)
    assert tg.logspace(0, 3, 4, base=2).tolist() == [1.0, 2.0, 4.0, 8.0]


@pytest.mark.parametrize(
    "args, expected",
    [
        ((3,), [0, 1, 2]),
        ((1, 7, 2), [1, 3, 5]),
        ((7, 1, -2), [7, 5, 3]),
        ((5, 5), []),
        ((0, 1, 0.25), [0.0, 0.25, 0.5, 0.75]),
        ((1.0, -1.0, -0.5), [1.0, 0.5, 0.0, -0.5]),
        ((2.5,), [0.0, 1.0, 2.0]),
        ((tg.tensor(3),), [0, 1, 2]),
        ((np.int32(1), np.float64(2.5)), [1.0, 2.0]),
        ((-3, 4, 3), [-3, 0, 3]),
    ],
)
def test_arange(args, expected):
    made = tg.arange(*args)
    assert made.tolist() == expected
    whole = all(isinstance(value, int) for value in expected) and 2.5 not in args
    assert made.dtype == (np.int64 if whole else np.float32)


def test_arange_is_computed_in_full_before_it_is_rounded():
    half = tg.arange(0, 1, 0.001, dtype=np.float16)
    np.testing.assert_array_equal(half.data, (np.arange(1000) * 0.001).astype(np.float16))
    assert tg.arange(0, 5, 2, dtype=tg.float16).tolist() == [0.0, 2.0, 4.0]


def test_sizes_as_numbers_or_as_one_list():
    for name in SIZED:
        make = getattr(tg, name)
        assert make(2, 3).shape == make((2, 3)).shape == make([2, 3]).shape == (2, 3)
        assert make(np.int64(2), tg.tensor(3)).shape == (2, 3)
        assert make(()).shape == make().shape == ()
        assert make(0, 2).shape == (0, 2)
        with pytest.raises(tg.ShapeError, match=rf"{name}: sizes must be at least 0, got \(-1,\)"):
            make(-1)
        for wrong in ((2.0,), ("2",), ((2, 3), 4), (None,)):
            with pytest.raises(tg.DTypeError, match=f"{name}: sizes must be ints"):
                make(*wrong)


def test_dtype_gradient_and_device():
    for name, args in {**dict.fromkeys(SIZED, (2,)), "eye": (2,), "linspace": (0, 1, 2), "logspace": (0, 1, 2)}.items():
        make = getattr(tg, name)
        assert make(*args).dtype == np.float32
        assert make(*args, dtype=tg.float64).dtype == np.float64
        assert make(*args, dtype=np.dtype(np.float32)).dtype is np.dtype(np.float32)
        assert make(*args, requires_grad=True).requires_grad
        assert not make(*args).requires_grad
        assert make(*args, device="cpu").shape == make(*args, device=tg.device("cpu")).shape
        with pytest.raises(tg.ShapeError, match=rf"{name}: tensors lie on 'cpu', there is no device 'cuda'"):
            make(*args, device="cuda")
    assert tg.zeros(2, dtype=tg.bool).dtype == np.bool_
    assert tg.zeros(1, dtype=">f4").dtype is np.dtype(np.float32)
    with pytest.raises(tg.GradientError, match="only floats have gradients"):
        tg.zeros(2, dtype=tg.int64, requires_grad=True)
    with pytest.raises(tg.DTypeError, match="zeros: values of dtype complex64 cannot be held"):
        tg.zeros(2, dtype=np.complex64)
    with pytest.raises(tg.DTypeError, match="empty: values of dtype object cannot be held"):
        tg.empty(2, dtype=object)


def test_full_takes_its_dtype_from_the_value():
    assert tg.full((2,), 1).dtype == np.int64
    assert tg.full((2,), 1.0).dtype == np.float32
    assert tg.full((2,), np.float64(1.0)).dtype == np.float32
    assert tg.full((2,), True).dtype == np.bool_
    assert tg.full((2,), 3.7, dtype=tg.int64).tolist() == [3, 3]
    assert tg.full(2, 1).shape == (2,)
    with pytest.raises(tg.DTypeError, match=r"full: fill_value must be a number, got tensor\(\[1\., 1\.\]\)"):
        tg.full((2,), tg.ones(2))


def test_like_another():
    t = tg.tensor([[1, 2, 3]], dtype=tg.int16)
    assert tg.zeros_like(t).tolist() == [[0, 0, 0]]
    assert tg.ones_like(t).dtype == np.int16
    assert tg.empty_like(t).shape == (1, 3)
    assert tg.full_like(t, 2.9).tolist() == [[2, 2, 2]]
    assert tg.full_like(t, 2.5, dtype=tg.float64).tolist() == [[2.5] * 3]
    assert tg.randint_like(t, 5).dtype == np.int16
    assert tg.rand_like(t, dtype=tg.float32).dtype == np.float32
    assert tg.zeros_like(np.ones(2)).dtype == np.float64
    x = leaf([1.0])
    for make in (tg.zeros_like, tg.ones_like, tg.empty_like, tg.rand_like, tg.randn_like):
        assert not make(x).requires_grad
        assert make(x, requires_grad=True).requires_grad
        assert make(x, device="cpu").dtype == np.float64
        with pytest.raises(tg.DTypeError, match=f"{make.__name__}: input is a list, not a tensor"):
            make([1.0])
    for make in (tg.rand_like, tg.randn_like):
        with pytest.raises(tg.DTypeError, match=f"{make.__name__}: random floats need a float dtype, got int16"):
            make(t)


def test_what_is_made_of_a_strided_tensor_lies_in_memory_of_its_own():
    x = tg.zeros(3).expand(2, 3)
    y = tg.zeros_like(x)
    y[0, 0] = 1.0
    assert y.tolist() == [[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: tg.arange(0, 1, 0), "arange: from 0 to 1 by 0: the numbers must be finite, and the step not 0"),
        (lambda: tg.arange(0, math.inf), "arange: from 0 to inf by 1"),
        (lambda: tg.arange(1, 0), "arange: a step of 1 leads from 1 away from 0"),
        (lambda: tg.arange(0.0, 1.0, -0.5), r"arange: a step of -0\.5 leads from 0\.0 away from 1\.0"),
        (lambda: tg.linspace(0, 1, -1), "linspace: steps must be at least 0, got -1"),
        (lambda: tg.logspace(0, 1, -2), "logspace: steps must be at least 0, got -2"),
        (lambda: tg.eye(-1), r"eye: sizes must be at least 0, got \(-1, -1\)"),
        (lambda: tg.device("cuda"), "device: tensors lie on 'cpu', there is no device 'cuda'"),
        (lambda: tg.tensor([1.0], device="mps"), "tensor: tensors lie on 'cpu', there is no device 'mps'"),
        (lambda: tg.as_tensor([1.0], device="mps"), "as_tensor: tensors lie on 'cpu', there is no device 'mps'"),
    ],
)
def test_errors_of_values(call, message):
    with pytest.raises(tg.ShapeError, match=message):
        call()


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: tg.arange("3"), "arange: end must be a number, got '3'"),
        (lambda: tg.arange(0, 1, tg.ones(2)), r"arange: step must be a number, got tensor\(\[1\., 1\.\]\)"),
        (lambda: tg.linspace(None, 1, 2), "linspace: start must be a number, got None"),
        (lambda: tg.linspace(0, 1, 2.0), "linspace: steps is a float, not an int"),
        (lambda: tg.logspace(0, 1, 2, base="e"), "logspace: base must be a number, got 'e'"),
    ],
)
def test_errors_of_types(call, message):
    with pytest.raises(tg.DTypeError, match=message):
        call()


def test_as_tensor_casts_and_shares():
    a = np.array([1.0, 2.0])
    assert tg.as_tensor(a).data is a
    assert tg.as_tensor(a, dtype=np.float64).data is a
    assert tg.as_tensor(a, dtype=np.float32).dtype == np.float32
    x = leaf([1.0])
    assert tg.as_tensor(x) is x
    assert tg.as_tensor(x, dtype=tg.float32).requires_grad  # the cast is recorded
    assert tg.as_tensor([1, 2]).dtype == np.int64
    assert tg.as_tensor(3.5).dtype == np.float32
    assert tg.as_tensor([1.0], device="cpu").tolist() == [1.0]


# Tensors like this one


def test_new_tensors_take_the_dtype():
    x = tg.tensor([1.0], dtype=np.float64, requires_grad=True)
    for made, expected in (
        (x.new_zeros(2, 3), np.zeros((2, 3))),
        (x.new_ones((2,)), np.ones(2)),
        (x.new_full((2,), 3), np.full(2, 3.0)),
        (x.new_full(2, tg.tensor(4)), np.full(2, 4.0)),
        (x.new_tensor([1, 2]), np.array([1.0, 2.0])),
        (x.new_tensor(x.detach()), np.array([1.0])),
    ):
        np.testing.assert_array_equal(array(made), expected)
        assert made.dtype == np.float64
        assert not made.requires_grad
    assert x.new_empty(2, 0).shape == (2, 0)
    for made in (x.new_zeros(1, dtype=tg.int8), x.new_ones(1, dtype=tg.int8), x.new_full((1,), 2, dtype=tg.int8)):
        assert made.dtype == np.int8
    assert x.new_tensor([1], dtype=tg.float16).dtype == np.float16
    assert x.new_empty(1, dtype=tg.bool).dtype == np.bool_
    for made in (
        x.new_zeros(1, requires_grad=True),
        x.new_ones(1, requires_grad=True),
        x.new_empty(1, requires_grad=True),
        x.new_full((1,), 1, requires_grad=True),
        x.new_tensor(1.0, requires_grad=True),
    ):
        assert made.requires_grad
        assert made.is_leaf
    with pytest.raises(tg.ShapeError, match="new_zeros: sizes must be at least 0"):
        x.new_zeros(-1)


# dtypes, devices, questions


def test_names_of_dtypes():
    names = {"float": "float32", "double": "float64", "half": "float16", "long": "int64", "int": "int32"}
    for name, full in {**names, "short": "int16"}.items():
        assert getattr(tg, name) is getattr(tg, full) is np.dtype(full)
    assert (tg.pi, tg.e, tg.inf) == (math.pi, math.e, math.inf)
    assert math.isnan(tg.nan)
    assert tg.finfo(tg.float32).eps == np.finfo(np.float32).eps
    assert tg.iinfo(tg.int8).max == 127


def test_casts():
    x = tg.tensor([1.5, -2.5])
    for method, dtype in (
        ("half", np.float16),
        ("float", np.float32),
        ("double", np.float64),
        ("char", np.int8),
        ("short", np.int16),
        ("int", np.int32),
        ("long", np.int64),
        ("bool", np.bool_),
    ):
        cast = getattr(x, method)()
        assert cast.dtype == dtype
        np.testing.assert_array_equal(cast.data, x.data.astype(dtype))
    assert tg.tensor([200]).byte().dtype == np.uint8
    assert x.type(tg.double).dtype == x.type("float64").dtype == x.type(np.float64).dtype == np.float64
    assert x.type_as(tg.tensor([1])).dtype == np.int64
    assert x.float() is x
    assert x.is_floating_point()
    assert not x.int().is_floating_point()
    y = leaf([1.0])
    y.float().sum().backward()
    assert y.grad.dtype == np.float64


def test_to():
    x = tg.tensor([1.5])
    cpu = tg.device("cpu")
    assert x.to(tg.float32) is x.to("cpu") is x.to(cpu) is x.to(device="cpu") is x.cpu() is x.to() is x
    assert x.to("float64").dtype == x.to(tg.float64).dtype == x.to(dtype=tg.float64).dtype == np.float64
    assert x.to("cpu", tg.float64).dtype == x.to(cpu, dtype=tg.float64).dtype == np.float64
    assert x.to(cpu, tg.int64).dtype == np.int64
    assert x.to(tg.ones(1, dtype=tg.float64)).dtype == np.float64
    copied = x.to(tg.float32, copy=True)
    assert copied is not x
    assert not np.shares_memory(copied.data, x.data)
    for wrong in ("cuda", "cuda:0"):
        with pytest.raises(tg.ShapeError, match=f"to: tensors lie on 'cpu', there is no device '{wrong}'"):
            x.to(wrong)
    with pytest.raises(tg.ShapeError, match="to: tensors lie on 'cpu', there is no device 'mps'"):
        x.to(device="mps")
    with pytest.raises(tg.DTypeError, match="to: two dtypes are given, float32 and float64"):
        x.to(tg.float32, tg.float64)


def test_device():
    assert tg.zeros(1).device == tg.device("cpu") == tg.device("cpu:0")
    assert tg.zeros(1).device != "cuda"
    assert str(tg.device()) == "cpu"
    assert repr(tg.zeros(1).device) == "device(type='cpu')"
    assert tg.device("cpu").type == "cpu"
    assert len({tg.device("cpu"), tg.device("cpu")}) == 1


def test_memory():
    x = tg.zeros(2, 3, dtype=tg.float64)
    assert (x.itemsize, x.element_size(), x.nbytes) == (8, 8, 48)
    assert tg.zeros(0).nbytes == 0


def test_questions():
    assert tg.is_tensor(tg.ones(1))
    assert not tg.is_tensor(np.ones(1))
    assert tg.numel(tg.ones(2, 3)) == tg.numel(np.ones((2, 3))) == 6
    assert tg.numel(tg.tensor(1.0)) == 1
    assert tg.is_floating_point(tg.ones(1))
    assert not tg.is_floating_point(tg.tensor([1]))
    assert tg.is_nonzero(tg.tensor(2))
    assert not tg.is_nonzero(tg.tensor([0.0]))
    with pytest.raises(tg.ShapeError, match="neither true nor false"):
        tg.is_nonzero(tg.ones(2))
    assert tg.result_type(tg.tensor([1]), 2.0) == np.float32
    assert tg.result_type(tg.tensor([1.0]), tg.tensor(1.0, dtype=np.float64)) == np.float32
    assert tg.promote_types(tg.int64, tg.float16) == np.float16
    assert tg.promote_types("int8", tg.uint8) == np.int16
    assert tg.can_cast(tg.double, tg.float)
    assert not tg.can_cast(tg.float, tg.int)
    for question in (tg.numel, tg.is_floating_point, tg.is_nonzero):
        with pytest.raises(tg.DTypeError, match=f"{question.__name__}: input is a list"):
            question([1.0])


# How they are shown


@pytest.fixture
def usual_print():
    yield
    tg.set_printoptions(profile="default")


def test_print_options(usual_print):
    x = tg.tensor([1 / 3, 200.0])
    usual = repr(x)
    assert usual == "tensor([  0.3333, 200.    ])"
    tg.set_printoptions(precision=2)
    assert repr(x) == "tensor([  0.33, 200.  ])"
    tg.set_printoptions(sci_mode=True)
    assert repr(x) == "tensor([3.33e-01, 2.00e+02])"
    tg.set_printoptions(sci_mode=False)
    assert repr(x) == "tensor([0.33, 200.00])"
    tg.set_printoptions(profile="default", threshold=4, edgeitems=1)
    assert repr(tg.arange(9)) == "tensor([0, ..., 8])"
    tg.set_printoptions(profile="full")
    assert "..." not in repr(tg.arange(2000))
    tg.set_printoptions(profile="short")
    assert repr(x) == "tensor([  0.33, 200.  ])"
    tg.set_printoptions(linewidth=20)
    assert max(len(line) for line in repr(tg.arange(20)).split("\n")) <= 21
    tg.set_printoptions(profile="default")
    assert repr(x) == usual
    with pytest.raises(tg.ShapeError, match="profile must be one of default, short, full, got 'long'"):
        tg.set_printoptions(profile="long")


# With PyTorch

SAME = [
    "zeros(2, 3)",
    "zeros((2, 3), dtype=t.int64)",
    "zeros(())",
    "ones([2, 0])",
    "ones(2, dtype=t.bool)",
    "full((2,), 3)",
    "full((2,), 3.5)",
    "full((), True)",
    "full([2, 1], 3.7, dtype=t.int32)",
    "full((2,), 1.5, dtype=t.bool)",
    "full((2,), t.tensor(3))",
    "arange(5)",
    "arange(5.0)",
    "arange(1, 6, 2)",
    "arange(6, 1, -2)",
    "arange(0, 1, 0.1)",
    "arange(0, 0.3, 0.1)",
    "arange(0, 0.3, 0.1, dtype=t.float64)",
    "arange(1, 2, 0.3, dtype=t.float16)",
    "arange(0, 10, 3, dtype=t.float16)",
    "arange(t.tensor(4))",
    "arange(0)",
    "arange(2, 2, 0.5)",
    "linspace(0, 1, 7)",
    "linspace(3, -2, 4, dtype=t.float64)",
    "linspace(0, 5, 4, dtype=t.int64)",
    "linspace(-5, 5, 4, dtype=t.int64)",
    "linspace(5, -1, 5, dtype=t.int32)",
    "linspace(2, 5, 1)",
    "linspace(2, 5, 0)",
    "linspace(t.tensor(0.0), t.tensor(1.0), 3)",
    "logspace(0, 2, 5, dtype=t.float64)",
    "logspace(-1, 1, 3, base=2)",
    "eye(3)",
    "eye(2, 4, dtype=t.int64)",
    "eye(3, 0)",
    "zeros_like(t.tensor([1, 2]))",
    "ones_like(t.tensor([1, 2]), dtype=t.float64)",
    "full_like(t.tensor([1, 2]), 3.7)",
    "full_like(t.tensor([1.0, 2.0]), 3)",
    "tensor([1, 2]).new_zeros(2, 3)",
    "tensor([1.0]).new_ones((2,), dtype=t.int64)",
    "tensor([1.0]).new_full((2,), 3)",
    "tensor([1]).new_full((2,), 3.7)",
    "tensor([1.0]).new_tensor([1, 2])",
    "tensor([1]).new_tensor(3.7)",
    "as_tensor([1, 2.0])",
    "tensor([1.7, -1.7]).int()",
    "tensor([1.7, 0.0]).type(t.bool)",
    "tensor([1.7]).to('cpu', t.float64)",
    "tensor([1.7]).to(t.tensor([1]))",
    "tensor([1.7]).type_as(t.tensor([1]))",
    "tensor([3]).char()",
    "tensor([3]).byte()",
    "tensor([3]).short()",
]


@pytest.mark.parity
@pytest.mark.parametrize("call", SAME)
def test_the_same_as_pytorch(call):
    torch = pytest.importorskip("torch")
    ours, theirs = (eval(f"t.{call}", {"t": library}) for library in (tg, torch))
    assert tuple(ours.shape) == tuple(theirs.shape)
    assert str(ours.dtype) == str(theirs.dtype).removeprefix("torch.")
    # Two roundings at most: values in a row are computed in float64 here, in the dtype there.
    np.testing.assert_allclose(
        ours.data, theirs.numpy(), rtol=2 * np.finfo(ours.dtype).eps if ours.dtype.kind == "f" else 0, atol=1e-16
    )
    tally.count("values")


@pytest.mark.parity
@pytest.mark.parametrize(
    "name", [*SIZED, "rand_like", "randn_like", "empty_like", "randint", "randperm", "randint_like"]
)
def test_random_shapes_and_dtypes_are_pytorchs(name):
    torch = pytest.importorskip("torch")
    calls = {
        "randint": [
            "(7, (2, 3))",
            "(2, 7, (3,))",
            "(high=7, size=(2,))",
            "(2, 7, (3,), dtype=t.float32)",
            "(3, 5, size=[2])",
        ],
        "randperm": ["(4)", "(0)", "(3, dtype=t.float32)"],
        "randint_like": ["(t.zeros(2), 5)", "(t.zeros(2), 2, 5)", "(t.zeros(2), 5, dtype=t.int64)"],
    }
    like = ["(t.ones(2, 3, dtype=t.float64))", "(t.ones(2), dtype=t.float16)", "(t.tensor([1]), dtype=t.float32)"]
    sized = ["(2, 3)", "((2, 0))", "(2, dtype=t.float64)", "(())"]
    for call in calls.get(name, like if name.endswith("_like") else sized):
        ours, theirs = (eval(f"t.{name}{call}", {"t": library}) for library in (tg, torch))
        assert tuple(ours.shape) == tuple(theirs.shape), call
        assert str(ours.dtype) == str(theirs.dtype).removeprefix("torch."), call
        tally.count("values")


@pytest.mark.parity
def test_questions_about_dtypes_are_answered_as_by_pytorch():
    torch = pytest.importorskip("torch")
    names = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]
    for a in names:
        for b in names:
            ours, theirs = ((getattr(library, a), getattr(library, b)) for library in (tg, torch))
            assert tg.can_cast(*ours) == torch.can_cast(*theirs), (a, b)
            assert str(tg.promote_types(*ours)) == str(torch.promote_types(*theirs)).removeprefix("torch.")
            for shapes in (((2,), (2,)), ((2,), ()), ((), ())):
                ours_of, theirs_of = (
                    library.result_type(*[library.zeros(s, dtype=d) for s, d in zip(shapes, dtypes, strict=True)])
                    for library, dtypes in ((tg, ours), (torch, theirs))
                )
                assert str(ours_of) == str(theirs_of).removeprefix("torch."), (a, b, shapes)
                tally.count("values")
