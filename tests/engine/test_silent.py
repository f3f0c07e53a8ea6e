"""What would lose a gradient, or be misread, without a word: it raises or warns, and the text names the call."""

import math
import warnings

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn


def leaf(*values):
    return tg.tensor(list(values), requires_grad=True)


# NumPy's masked arrays, which read an attribute `_data` where an object has one

MASKED = np.ma.array([1.0, 2.0, 3.0], mask=[False, True, False])

MASKED_CALLS = {
    "masked * t": lambda t: MASKED * t,
    "masked + t": lambda t: MASKED + t,
    "masked - t": lambda t: MASKED - t,
    "masked / t": lambda t: MASKED / t,
    "masked ** t": lambda t: MASKED**t,
    "masked == t": lambda t: MASKED == t,  # noqa: SIM300  (its own method is called)
    "np.ma.array": np.ma.array,
    "np.ma.asarray": np.ma.asarray,
    "np.ma.getdata": np.ma.getdata,
    "np.ma.masked_array": lambda t: np.ma.masked_array(t, mask=[0, 1, 0]),
    "np.ma.masked_where": lambda t: np.ma.masked_where([False, True, False], t),
    "np.ma.masked_invalid": np.ma.masked_invalid,
    "np.ma.add": lambda t: np.ma.add(MASKED, t),
    "np.ma.exp": np.ma.exp,
    "np.ma.sqrt": np.ma.sqrt,
    "np.ma.abs": np.ma.abs,
    "np.ma.power": lambda t: np.ma.power(t, 2),
    "np.ma.minimum": lambda t: np.ma.minimum(t, 0.0),
    "np.ma.sum": np.ma.sum,
    "np.ma.mean": np.ma.mean,
    "np.ma.max": np.ma.max,
    "np.ma.dot": lambda t: np.ma.dot(MASKED, t),
    "np.ma.outer": lambda t: np.ma.outer(t, t),
    "np.ma.where": lambda t: np.ma.where([True, False, True], t, 0.0),
    "np.ma.concatenate": lambda t: np.ma.concatenate([MASKED, t]),
    "np.ma.filled": np.ma.filled,
}


@pytest.mark.parametrize("call", MASKED_CALLS.values(), ids=MASKED_CALLS)
def test_masked_arrays_take_no_tensor_that_requires_a_gradient(call):
    with pytest.raises(tg.GradientError, match=r"^numpy: the tensor requires a gradient"):
        call(leaf(1.0, 2.0, 3.0))


@pytest.mark.parametrize("call", MASKED_CALLS.values(), ids=MASKED_CALLS)
def test_masked_arrays_take_other_tensors_as_arrays(call):
    t = tg.tensor([1.0, 2.0, 3.0])
    got, want = call(t), call(t.numpy())
    assert type(got) is type(want)
    np.testing.assert_array_equal(np.ma.filled(got, -9), np.ma.filled(want, -9))


def test_a_tensor_times_a_masked_array_is_a_tensor_with_its_gradient():
    t = leaf(1.0, 2.0, 3.0)
    (t * np.ma.array([2.0, 3.0, 4.0])).sum().backward()
    assert t.grad.tolist() == [2.0, 3.0, 4.0]


# alpha


@pytest.mark.parametrize("value", [1.0, 2.0])
@pytest.mark.parametrize("requires_grad", [False, True])
@pytest.mark.parametrize("name", ["add", "sub", "add_", "sub_"])
def test_alpha_is_no_tensor(name, requires_grad, value):
    alpha = tg.tensor(value, requires_grad=requires_grad)
    x = tg.ones(2)
    call = getattr(x, name) if name.endswith("_") else getattr(tg, name)
    with pytest.raises(tg.DTypeError, match=f"^{name}: alpha must be a number, got tensor"):
        call(*([] if name.endswith("_") else [x]), tg.ones(2), alpha=alpha)
    assert x.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("alpha", ["a", None, [2], np.ones(2)])
def test_alpha_is_a_number(alpha):
    with pytest.raises(tg.DTypeError, match=r"^add: alpha must be a number, got "):
        tg.add(tg.ones(2), tg.ones(2), alpha=alpha)


def test_alpha_may_be_a_number_of_numpy():
    assert tg.add(tg.ones(2), tg.ones(2), alpha=np.float64(2)).tolist() == [3.0, 3.0]
    assert tg.sub(tg.ones(2, dtype=tg.int64), 2, alpha=np.int64(3)).tolist() == [-5, -5]
    assert tg.add(tg.tensor([1]), tg.tensor([2]), alpha=1).dtype == tg.int64


# Numbers that are tensors

NUMBERS = {
    "full: fill_value": lambda t: tg.full((2,), t),
    "full_like: fill_value": lambda t: tg.full_like(tg.ones(2), t),
    "new_full: fill_value": lambda t: tg.ones(2).new_full((2,), t),
    "linspace: start": lambda t: tg.linspace(t, 4, 3),
    "linspace: end": lambda t: tg.linspace(0, t, 3),
    "logspace: start": lambda t: tg.logspace(t, 3, 3),
    "logspace: end": lambda t: tg.logspace(0, t, 3),
    "logspace: base": lambda t: tg.logspace(0, 1, 3, base=t),
    "arange: start": lambda t: tg.arange(t, 5),
    "arange: end": lambda t: tg.arange(t),
    "arange: step": lambda t: tg.arange(0, 5, t),
    "norm: p": lambda t: tg.norm(tg.ones(2), p=t),
    "linalg.vector_norm: ord": lambda t: tg.linalg.vector_norm(tg.ones(2), ord=t),
    "linalg.norm: ord": lambda t: tg.linalg.norm(tg.ones(2), ord=t),
    "uniform_: from_": lambda t: tg.ones(2).uniform_(t, 3.0),
    "uniform_: to": lambda t: tg.ones(2).uniform_(0.0, t),
    "normal_: mean": lambda t: tg.ones(2).normal_(t),
    "normal_: std": lambda t: tg.ones(2).normal_(0.0, t),
    "exponential_: lambd": lambda t: tg.ones(2).exponential_(t),
}


@pytest.mark.parametrize("told", NUMBERS)
def test_a_number_is_no_tensor_that_requires_a_gradient(told):
    call = NUMBERS[told]
    with pytest.raises(tg.GradientError, match=rf"^{told} is a number, which no gradient .*detach\(\) or \.item\(\)"):
        call(tg.tensor(2.0, requires_grad=True))
    assert isinstance(call(tg.tensor(2.0)), tg.Tensor)


PYTHON_NUMBERS = {
    "float": float,
    "int": int,
    "complex": complex,
    "math.exp": math.exp,
    "np.float64": np.float64,
    "array[0] = t": lambda t: np.zeros(2).__setitem__(0, t),
}


@pytest.mark.parametrize("convert", PYTHON_NUMBERS.values(), ids=PYTHON_NUMBERS)
def test_a_python_number_of_a_tensor_that_requires_a_gradient_warns(convert):
    t = tg.tensor(2.0, requires_grad=True)
    with pytest.warns(UserWarning, match=r"the tensor requires a gradient.*\.item\(\) or \.detach\(\)") as caught:
        convert(t)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        convert(t.detach())
        with tg.no_grad():  # where no gradient is wanted, none is lost
            convert(t)
        assert f"{t:.1f}" == "2.0"
        assert t.item() == 2.0


# Copies

COPIES = {
    "tensor of a list": ("tensor", lambda t: tg.tensor([t[0], t[1]])),
    "tensor of a tensor": ("tensor", tg.tensor),
    "tensor of a nested list": ("tensor", lambda t: tg.tensor([[1.0, t[0]], (t[1], 2.0)])),
    "as_tensor": ("as_tensor", lambda t: tg.as_tensor([t[0], 1.0])),
    "new_tensor": ("new_tensor", lambda t: tg.ones(1).new_tensor([t[0]])),
    "Tensor": ("Tensor", tg.Tensor),
}


@pytest.mark.parametrize("name, copy", COPIES.values(), ids=COPIES)
def test_a_copy_that_loses_a_gradient_warns(name, copy):
    t = leaf(1.0, 2.0)
    with pytest.warns(UserWarning, match=rf"^{name}: .*no gradient will reach it.*stack\(\).*detach\(\)") as caught:
        result = copy(t)
    assert caught[0].filename == __file__
    assert not result.requires_grad
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        copy(t.detach())
        with tg.no_grad():
            copy(t)


def test_the_tensor_itself_is_no_copy():
    t = leaf(1.0, 2.0)
    assert tg.as_tensor(t) is t
    assert nn.Parameter(t).tolist() == [1.0, 2.0]  # a copy that is asked for: a leaf


def test_arrays_of_other_libraries_keep_their_dtype_and_get_no_keyword_they_do_not_know():
    class Other:
        def __array__(self, dtype=None):
            return np.array([1.0, 2.0])

    result = tg.tensor(Other())
    assert result.tolist() == [1.0, 2.0]
    assert result.dtype == np.float64


# The text names the call


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div"])
def test_errors_of_methods_in_place_name_the_method(name):
    x = tg.ones(3)
    with pytest.raises(tg.ShapeError, match=rf"^{name}_: the shapes do not broadcast: input \(3,\), other \(5,\)"):
        getattr(x, name + "_")(tg.ones(5))
    with pytest.raises(tg.DTypeError, match=f"^{name}_: other is a str, not"):
        getattr(x, name + "_")("a")
    with pytest.raises(tg.ShapeError, match=r"^div_: rounding_mode must be"):
        x.div_(2, rounding_mode="up")
    with pytest.raises(tg.DTypeError, match=r"^div_: integers cannot be divided by 0"):
        tg.tensor([1]).div_(0, rounding_mode="floor")
    assert x.tolist() == [1.0, 1.0, 1.0]


def test_sharing_a_tensor_that_requires_a_gradient_names_dlpack():
    with pytest.raises(tg.GradientError, match=r"^__dlpack__: the tensor requires a gradient"):
        np.from_dlpack(leaf(1.0))
    with pytest.raises(tg.SharingError, match=r"^__dlpack__: stream must be None, got 1"):
        tg.ones(2).__dlpack__(stream=1)


DTYPES = {
    "zeros": lambda d: tg.zeros(2, dtype=d),
    "ones": lambda d: tg.ones(2, dtype=d),
    "empty": lambda d: tg.empty(2, dtype=d),
    "full": lambda d: tg.full((2,), 1, dtype=d),
    "eye": lambda d: tg.eye(2, dtype=d),
    "arange": lambda d: tg.arange(2, dtype=d),
    "linspace": lambda d: tg.linspace(0, 1, 2, dtype=d),
    "logspace": lambda d: tg.logspace(0, 1, 2, dtype=d),
    "zeros_like": lambda d: tg.zeros_like(tg.ones(2), dtype=d),
    "tensor": lambda d: tg.tensor([1.0], dtype=d),
    "as_tensor": lambda d: tg.as_tensor(tg.ones(1), dtype=d),
    "new_zeros": lambda d: tg.ones(1).new_zeros(2, dtype=d),
    "new_tensor": lambda d: tg.ones(1).new_tensor([2], dtype=d),
    "to": lambda d: tg.ones(1).to(dtype=d),
    "type": lambda d: tg.ones(1).type(d),
    "sum": lambda d: tg.sum(tg.ones(2), dtype=d),
    "mean": lambda d: tg.mean(tg.ones(2), dtype=d),
    "nansum": lambda d: tg.nansum(tg.ones(2), dtype=d),
    "nanmean": lambda d: tg.nanmean(tg.ones(2), dtype=d),
    "cumsum": lambda d: tg.cumsum(tg.ones(2), 0, dtype=d),
    "prod": lambda d: tg.prod(tg.ones(2), dtype=d),
    "softmax": lambda d: tg.softmax(tg.ones(2), 0, dtype=d),
    "norm": lambda d: tg.norm(tg.ones(2), dtype=d),
    "rand": lambda d: tg.rand(2, dtype=d),
    "randint": lambda d: tg.randint(0, 2, (2,), dtype=d),
    "randperm": lambda d: tg.randperm(2, dtype=d),
    "normal": lambda d: tg.normal(0.0, 1.0, (2,), dtype=d),
    "tril_indices": lambda d: tg.tril_indices(2, 2, dtype=d),
}


@pytest.mark.parametrize("name", DTYPES)
def test_what_is_no_dtype_is_named(name):
    with pytest.raises(tg.DTypeError, match=f"^{name}: dtype 'zz' is no dtype"):
        DTYPES[name]("zz")


def test_a_seed_is_an_int():
    state = tg.get_rng_state()
    for seed in ("a", None, 1.5, [1, 2]):
        with pytest.raises(tg.DTypeError, match=r"^manual_seed: seed must be an int, got "):
            tg.manual_seed(seed)
    with pytest.raises(tg.ShapeError, match=r"^manual_seed: seed must be at least 0, got -1"):
        tg.manual_seed(-1)
    assert tg.get_rng_state() == state


@pytest.mark.parametrize("other", ["a", b"a", [1, 2, 3], (1, 2), {1: 2}, {1}, None], ids=lambda v: type(v).__name__)
def test_what_is_built_in_and_no_number_is_no_operand(other):
    t = tg.ones(3)
    kind = "None" if other is None else f"a {type(other).__name__}"
    calls = {
        "add": lambda: t + other,
        "sub": lambda: t - other,
        "mul": lambda: t * other,
        "div": lambda: t / other,
        "floor_divide": lambda: t // other,
        "remainder": lambda: t % other,
        "pow": lambda: t**other,
        "matmul": lambda: t @ other,
        "bitwise_left_shift": lambda: t << other,
        "bitwise_right_shift": lambda: t >> other,
    }
    for name, call in calls.items():
        with pytest.raises(tg.DTypeError, match=f"^{name}: {kind} is no operand"):
            call()
    with pytest.raises(tg.DTypeError, match=f"^mul: {kind} is no operand"):
        other * t
    assert (t == other) is False


def test_other_classes_have_their_say():
    class Listed(list):
        def __radd__(self, other):
            return "asked"

    assert tg.ones(2) + Listed() == "asked"
    assert "%.1f" % tg.tensor(2.0) == "2.0"  # noqa: UP031  (a str on the left formats the tensor)


@pytest.mark.parametrize("given", [[1.0, 2.0], (1.0, 2.0), "ab", {1.0}], ids=lambda v: type(v).__name__)
@pytest.mark.parametrize(
    "name", ["exp", "abs", "sqrt", "sign", "neg", "logical_not", "relu", "sigmoid", "sin", "clone"]
)
def test_functions_take_no_lists(name, given):
    with pytest.raises(tg.DTypeError, match=f"^{name}: input is a {type(given).__name__}, not a tensor"):
        getattr(tg, name)(given)


def test_two_lists_or_a_text_and_a_number_are_no_operands_either():
    with pytest.raises(tg.DTypeError, match=r"^abs: input is a list"):
        tg.abs([tg.ones(1)])
    with pytest.raises(tg.DTypeError, match=r"^mul: input is a str"):
        tg.mul("ab", 2)
    with pytest.raises(tg.DTypeError, match=r"^maximum: "):
        tg.maximum([1.0], [2.0])


# dim and unbiased


@pytest.mark.parametrize("name", ["var", "std", "var_mean", "std_mean"])
def test_dim_by_its_name_is_no_bool(name):
    function, x = getattr(tg, name), tg.tensor([[1.0, 2.0], [3.0, 5.0]])
    for flag in (True, False):
        with pytest.raises(tg.DTypeError, match=rf"^{name}: dim must be an int, got {flag}"):
            function(x, dim=flag)
        got, want = function(x, flag), function(x, unbiased=flag)
        for a, b in zip(*((r if isinstance(r, tuple) else (r,)) for r in (got, want)), strict=True):
            assert a.item() == b.item()
