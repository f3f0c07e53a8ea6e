"""Rounding, extremes and logic in PyTorch where rows do not go: dtypes of all pairs, edges, ties and nan, aliases."""

import itertools
import operator
import re

import numpy as np
import pytest
import torch

import tensorgrad as tg
from tensorgrad.ops import aliases
from tests.parity import tally
from tests.parity.test_ops_parity import disagreements, operands
from tests.test_ops_logic import ALIASES

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore::RuntimeWarning")]

UNARY = ["sign", "sgn", "floor", "ceil", "round", "trunc", "fix", "frac", "positive", "isnan", "isinf", "isfinite"]
UNARY += ["isposinf", "isneginf", "signbit", "nan_to_num"]
BINARY = ["remainder", "fmod", "floor_divide", "minimum", "maximum", "fmin", "fmax", "copysign", "heaviside"]
BINARY += ["logical_xor", "bitwise_left_shift", "bitwise_right_shift", "isclose", "clamp", "clamp_min", "clamp_max"]
OPERATORS = [operator.floordiv, operator.mod, operator.lshift, operator.rshift]


# dtypes


@pytest.mark.parametrize("name", UNARY)
def test_dtypes_of_one(name):
    assert disagreements(getattr(tg, name), getattr(torch, name), ((x,) for x in operands())) == []


@pytest.mark.parametrize("name", BINARY)
def test_dtypes_of_two(name):
    assert disagreements(getattr(tg, name), getattr(torch, name), itertools.product(operands(), repeat=2)) == []


@pytest.mark.parametrize("mode", [None, "floor", "trunc"])
def test_dtypes_of_div(mode):
    ours, theirs = (lambda x, y, lib=lib: lib.div(x, y, rounding_mode=mode) for lib in (tg, torch))
    assert disagreements(ours, theirs, itertools.product(operands(), repeat=2)) == []


@pytest.mark.parametrize("operate", OPERATORS, ids=lambda o: o.__name__)
def test_dtypes_of_operators(operate):
    assert disagreements(operate, operate, itertools.product(operands(), repeat=2)) == []


def test_dtypes_of_clamp():
    """Bounds of two kinds PyTorch refuses, or takes a 0-d tensor for a number beside a number."""
    some = [x for x in operands() if not isinstance(x, np.ndarray) or x.dtype.itemsize in (1, 8)]
    kinds = (
        (x, y, z)
        for x, y, z in itertools.product(some, repeat=3)
        if isinstance(y, np.ndarray) == isinstance(z, np.ndarray)
    )
    assert disagreements(tg.clamp, torch.clamp, kinds) == []


# Values, first and second derivatives

EDGES = [0.0, -0.0, 1.0, -1.0, 2.5, -2.5, 3.0, 0.5, 1e4, np.inf, -np.inf, np.nan]


def all_of(lib, grad, make, function, values):
    """The value, the gradients weighted by 3, and the gradients of their sum with respect to inputs and weight."""
    tensors = [make(np.array(v)) for v in values]
    weight = make(np.array(3.0))
    out = function(lib, *tensors)
    first = grad(out, tensors, weight, create_graph=True, allow_unused=True)
    found = [out, *first]
    total = sum(g for g in first if g is not None)
    if isinstance(total, (torch.Tensor, tg.Tensor)) and total.requires_grad:
        found += grad(total, [*tensors, weight], allow_unused=True)
    else:
        found += [None] * (len(tensors) + 1)
    return [0.0 if t is None else t.detach().item() for t in found]


def agree(function, *values, skip=()):
    ours = all_of(tg, tg.grad, lambda v: tg.tensor(v, requires_grad=True), function, values)
    theirs = all_of(torch, torch.autograd.grad, lambda v: torch.tensor(v, requires_grad=True), function, values)
    for i in skip:
        ours[i] = theirs[i]
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, err_msg=f"{values}")
    tally.count(*tally.ALL)


@pytest.mark.parametrize("name", ["sign", "sgn", "floor", "ceil", "trunc", "fix", "round", "frac", "nan_to_num"])
def test_edges_of_one(name):
    for x in EDGES:
        agree(lambda lib, x: getattr(lib, name)(x), x)


@pytest.mark.parametrize("decimals", [1, 2, 3, -1, -2])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_rounded_digits(dtype, decimals):
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.standard_normal(500) * 100, np.arange(-50, 50) / 8, EDGES]).astype(dtype)
    got, right = (lib.round(lib.tensor(x), decimals=decimals).numpy() for lib in (tg, torch))
    assert got.dtype == right.dtype
    np.testing.assert_array_equal(got, right)
    tally.count("values")


@pytest.mark.parametrize("name", ["remainder", "fmod", "minimum", "maximum", "fmin", "fmax", "clamp_min", "clamp_max"])
def test_edges_of_two(name):
    for x, y in itertools.product(EDGES, repeat=2):
        agree(lambda lib, x, y: getattr(lib, name)(x, y), x, y)


@pytest.mark.parametrize("mode", ["floor", "trunc"])
def test_edges_of_rounded_division(mode):
    for x, y in itertools.product(EDGES, repeat=2):
        agree(lambda lib, x, y: lib.div(x, y, rounding_mode=mode), x, y)


def test_edges_of_copysign():
    """The slope at infinity and nan differs, as the docstring says; its second derivatives are rounding errors."""
    for x, y in itertools.product(EDGES, repeat=2):
        agree(lambda lib, x, y: lib.copysign(x, y), x, y, skip=[3, 4, 5] if np.isfinite(x) else [1, 3, 4, 5])


@pytest.mark.parametrize("name", ["floor_divide", "heaviside"])
def test_values_of_what_has_no_derivative_there(name):
    for x, y in itertools.product(EDGES, repeat=2):
        got, right = (getattr(lib, name)(*(lib.tensor(np.array(v)) for v in (x, y))).item() for lib in (tg, torch))
        np.testing.assert_array_equal(got, right, err_msg=f"{x}, {y}")
        tally.count("values")


@pytest.mark.parametrize("bounds", ["numbers", "tensors", "one tensor"])
def test_edges_of_clamp(bounds):
    edges = [-1.0, 0.0, 0.5, 1.0, 2.0, np.inf, -np.inf, np.nan]
    for x, low, high in itertools.product(edges, [*edges, None], [*edges, None]):
        if low is None and high is None:
            continue
        if bounds == "numbers":
            agree(lambda lib, x, low=low, high=high: lib.clamp(x, low, high), x)
        elif low is not None and high is not None and bounds == "tensors":
            agree(lambda lib, *values: lib.clamp(*values), x, low, high)
        elif bounds == "one tensor" and high is None:
            agree(lambda lib, x, low: lib.clamp(x, min=low), x, low)
        elif bounds == "one tensor" and low is None:
            agree(lambda lib, x, high: lib.clamp(x, max=high), x, high)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8, np.int64])
@pytest.mark.parametrize("equal_nan", [False, True])
def test_closeness(dtype, equal_nan):
    values = EDGES if np.dtype(dtype).kind == "f" else [0, 1, -1, 100, 101, 60]
    x, y = (a.ravel() for a in np.meshgrid(np.array(values, dtype), np.array(values, dtype) + np.array(0, dtype)))
    for rtol, atol in [(1e-5, 1e-8), (0.0, 0.0), (0.4, 0.0), (0.0, 2.0), (1e-2, 1e-2)]:
        params = {"rtol": rtol, "atol": atol, "equal_nan": equal_nan}
        got, right = (lib.isclose(lib.tensor(x), lib.tensor(y), **params).numpy() for lib in (tg, torch))
        np.testing.assert_array_equal(got, right)
        ours, theirs = (lib.allclose(lib.tensor(x), lib.tensor(y), **params) for lib in (tg, torch))
        assert ours is theirs
        tally.count("values")


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16, np.int32, np.int64])
def test_shifts(dtype):
    x = np.array([0, 1, 5, 100, np.iinfo(dtype).max, np.iinfo(dtype).min], dtype)
    for places in [0, 1, 3, 7, 8, 31, 63, 64, 100]:
        for operate in (operator.lshift, operator.rshift):
            got, right = (operate(lib.tensor(x), lib.tensor(np.full(6, places, dtype))).numpy() for lib in (tg, torch))
            np.testing.assert_array_equal(got, right, err_msg=f"{operate.__name__} {places}")
            tally.count("values")


@pytest.mark.parametrize("dtype", [np.int8, np.int64])
def test_division_of_integers(dtype):
    x, y = (a.ravel() for a in np.meshgrid(np.arange(-20, 21, dtype=dtype), np.array([-7, -2, -1, 1, 3], dtype)))
    for name, params in [
        ("remainder", {}),
        ("fmod", {}),
        ("floor_divide", {}),
        *[("div", {"rounding_mode": m}) for m in ("floor", "trunc")],
    ]:
        got, right = (getattr(lib, name)(lib.tensor(x), lib.tensor(y), **params).numpy() for lib in (tg, torch))
        assert got.dtype == right.dtype
        np.testing.assert_array_equal(got, right)
        tally.count("values")


# Names


@pytest.mark.parametrize("name", sorted(set(ALIASES) - {"sgn"}))
def test_aliases_are_those_that_pytorch_documents(name):
    """`sgn` it does not call an alias of `sign`, from which it differs for complex numbers alone."""
    told = re.search(r"Alias for :func:`torch\.(\w+)`", getattr(torch, name).__doc__)
    assert told is not None
    assert getattr(aliases, name) is getattr(tg, told.group(1))
    assert hasattr(torch.Tensor, name)
