"""Trigonometric, exponential and kindred functions at 0, the ends of their domains, the infinities, nan, huge and tiny
values: values, first and second derivatives as in PyTorch, but where told; and their dtypes.
"""

import itertools
import math

import numpy as np
import pytest
import scipy.special
import torch

import tensorgrad as tg
from tests.parity import tally
from tests.parity.test_ops_parity import operands

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore::RuntimeWarning")]

F32, F64 = np.float32, np.float64
ORDINARY = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -3.0, 20.0, -20.0, 0.2, 0.8, 0.75, np.inf, -np.inf, np.nan]
UNARY = [
    *("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh", "sinc"),
    *("deg2rad", "rad2deg", "exp2", "expm1", "log2", "log10", "rsqrt", "square", "reciprocal", "logit", "erfinv"),
]
BINARY = ["atan2", "hypot", "logaddexp", "logaddexp2", "xlogy"]


def edges(dtype):
    huge = 1e200 if dtype == F64 else 1e30
    return np.array([*ORDINARY, huge, -huge, 1 / huge, -1 / huge], dtype)


def derivatives(grad, ones, inputs, function):
    """(value, first derivatives, second derivatives), element by element; what is constant has zeros."""
    out = function(*inputs)
    first = grad(out, inputs, ones(out), create_graph=True)
    second = []
    for slope in first:
        found = (None,) * len(inputs)
        if slope.requires_grad:
            found = grad(slope, inputs, ones(out), retain_graph=True, allow_unused=True)
        second += [ones(out) * 0 if g is None else g for g in found]
    return [out, *first, *second]


def both(function, torch_function, *arrays):
    """Pairs of ours and PyTorch's results, with the order of the derivative."""
    ours = derivatives(tg.grad, tg.ones_like, [tg.tensor(a, requires_grad=True) for a in arrays], function)
    leaves = [torch.tensor(a, requires_grad=True) for a in arrays]
    theirs = derivatives(torch.autograd.grad, torch.ones_like, leaves, torch_function)
    for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        one, other = one.detach().data, other.detach().numpy()
        assert one.dtype == other.dtype == arrays[0].dtype
        yield 0 if number == 0 else 1 if number <= len(arrays) else 2, one, other


def of_sinc(x, order):
    """At the integers and near 0: sin(pi x) is 0 there, and cos(pi x) 1 or -1."""
    if abs(x) < 1e-20:
        return [1.0, -(math.pi**2) * x / 3, -(math.pi**2) / 3][order]
    assert x == int(x)
    return (-1) ** (int(x) % 2) * [0, 1 / x, -2 / x / x][order]


def of_logit(x, order):
    """PyTorch's second derivative is nan at and beyond the bounds; at 0 and 1 it is infinite, and beyond 0."""
    assert order == 2
    return -np.inf if 0 <= x < 1e-20 else np.inf if x == 1 else 0


# What is right where PyTorch has something else.
RIGHT = {
    "sinc": of_sinc,  # rounding of pi, and nan for the second derivative at 0
    "logit": of_logit,
    "asinh": lambda x, order: 1 / abs(x),  # its square overflows
    "acosh": lambda x, order: 1 / abs(x),
    "expm1": lambda x, order: math.exp(x),  # expm1(x) + 1 is 0
}


def compare(dtype, pairs, right, *arrays):
    """Ours as PyTorch's, else as `right` tells; how many were not as PyTorch's."""
    rtol, others = (1e-13, 0) if dtype == F64 else (2e-6, 0)
    for order, one, other in pairs:
        differ = ~np.isclose(one, other, rtol=rtol, atol=0, equal_nan=True)
        for i in np.flatnonzero(differ):
            at = [float(a[i]) for a in arrays]
            assert right is not None, f"{at}, derivative {order}: {one[i]}, PyTorch {other[i]}"
            with np.errstate(all="ignore"):
                np.testing.assert_allclose(one[i], right(*at, order), rtol=rtol, err_msg=f"{at}, derivative {order}")
            others += 1
        if order == 0:
            tally.count("values")
        else:
            tally.count("gradients" if order == 1 else "second order")
    return others


@pytest.mark.parametrize("dtype", [F64, F32])
@pytest.mark.parametrize("name", UNARY)
def test_edges_of_one_input(name, dtype):
    x = edges(dtype)
    others = compare(dtype, both(getattr(tg, name), getattr(torch, name), x), RIGHT.get(name), x)
    assert (others > 0) == (name in RIGHT)


@pytest.mark.parametrize("dtype", [F64, F32])
@pytest.mark.parametrize("eps", [0.0, 1e-6, 0.2, 0.5])
def test_edges_of_logit_with_eps(eps, dtype):
    x = edges(dtype)
    pairs = both(lambda x: tg.logit(x, eps), lambda x: torch.logit(x, eps), x)
    assert compare(dtype, pairs, of_logit if eps == 0 else lambda x, order: 0.0, x)


def of_atan2(y, x, order):
    """All derivatives are 0 at 0; elsewhere PyTorch's squares overflow or underflow."""
    assert (y, x, order) == (0, 0, 2)
    return 0


def of_logaddexp(x, y, order):
    """inf * 0 in PyTorch: where one term is nothing beside the other."""
    assert order == 2
    assert abs(x - y) > 1e20
    return 0


RIGHT_OF_TWO = {"atan2": of_atan2, "logaddexp": of_logaddexp, "logaddexp2": of_logaddexp}


@pytest.mark.parametrize("dtype", [F64, F32])
@pytest.mark.parametrize("name", BINARY)
def test_edges_of_two_inputs(name, dtype):
    """atan2 without huge and tiny values, which test_ops_trigonometric.py has."""
    values = np.array(ORDINARY, dtype) if name == "atan2" else edges(dtype)
    x, y = (a.ravel() for a in np.meshgrid(values, values))
    pairs = list(both(getattr(tg, name), getattr(torch, name), x, y))
    if name in ("atan2", "hypot", "logaddexp2"):  # differences that cancel: within roundings of what is subtracted
        with np.errstate(divide="ignore", over="ignore"):
            scale = {"hypot": 1 / np.hypot(x, y), "atan2": 1 / (x * x + y * y)}.get(name, np.ones_like(x))
        for _, one, other in pairs:
            near = np.abs(one - other) <= 4 * np.finfo(dtype).eps * np.where(np.isfinite(scale), scale, 0)
            other[near] = one[near]
    others = compare(dtype, pairs, RIGHT_OF_TWO.get(name), x, y)
    assert (others > 0) == (name in RIGHT_OF_TWO)


@pytest.mark.parametrize("dtype", [F64, F32])
def test_weighted_sums_at_edges(dtype):
    """The second derivatives at ordinary values only: elsewhere PyTorch multiplies 0 by inf where it need not."""
    values = np.array([2.0, 1.0, -2.5, 0.5, 0.0, np.inf, np.nan], dtype)
    calls = [("lerp", {}), *((name, {"value": v}) for name in ("addcmul", "addcdiv") for v in (1, 0, -2.5))]
    for (name, params), count in itertools.product(calls, (len(values), 4)):
        x, y, z = (a.ravel() for a in np.meshgrid(*[values[:count]] * 3))
        ours, theirs = getattr(tg, name), getattr(torch, name)
        pairs = both(lambda *t, f=ours, p=params: f(*t, **p), lambda *t, f=theirs, p=params: f(*t, **p), x, y, z)
        compare(dtype, [pair for pair in pairs if pair[0] < 2 or count == 4], None, x, y, z)


# Values over whole ranges, against SciPy


@pytest.mark.parametrize("dtype, rtol", [(F64, 2e-15), (F32, 4e-7)])
def test_erfinv_and_logit_as_in_scipy(dtype, rtol):
    with np.errstate(under="ignore"):
        small = 10.0 ** -np.arange(1, 300, 7).astype(dtype)
    x = np.unique(np.concatenate([np.linspace(0, 1, 5001), small, 1 - small]).astype(dtype))
    x = x[(x == 0) | (x >= np.finfo(dtype).tiny)]
    for ours, right in [(tg.erfinv, scipy.special.erfinv), (tg.logit, scipy.special.logit)]:
        exact = right(x.astype(F64))
        if right is scipy.special.logit:
            middle = np.abs(x - 0.5) < 0.25  # SciPy's has few digits there
            exact[middle] = 2 * np.arctanh(2 * x.astype(F64) - 1)[middle]
        np.testing.assert_allclose(ours(tg.tensor(x)).data, exact, rtol=rtol)
        tally.count("values")


# dtypes


def outcome(function, *values):
    """dtype and values, or None where it is refused."""
    try:
        result = function(*values)
    except (RuntimeError, TypeError, ValueError, NotImplementedError):
        return None
    return np.asarray(result.data if isinstance(result, tg.Tensor) else result.numpy())


def compare_dtypes(name, tuples):
    """Where PyTorch gives a result, ours has its dtype and values."""
    tried = 0
    for values in tuples:
        if not any(isinstance(v, np.ndarray) for v in values):
            continue
        ours = outcome(getattr(tg, name), *[tg.tensor(v) if isinstance(v, np.ndarray) else v for v in values])
        right = outcome(getattr(torch, name), *[torch.tensor(v) if isinstance(v, np.ndarray) else v for v in values])
        if right is not None:
            assert ours is not None
            assert ours.dtype == right.dtype, [getattr(v, "dtype", v) for v in values]
            rtol = {"float16": 2e-3, "float32": 2e-6}.get(right.dtype.name, 1e-13)
            np.testing.assert_allclose(ours, right, rtol=rtol, atol=1e-3 if right.dtype == np.float16 else 1e-7)
            tally.count("values")
            tried += 1
    assert tried


@pytest.mark.parametrize("name", UNARY)
def test_dtypes_of_one_input(name):
    compare_dtypes(name, ((x,) for x in operands()))


@pytest.mark.parametrize("name", BINARY)
def test_dtypes_of_two_inputs(name):
    compare_dtypes(name, itertools.product(operands(), repeat=2))


@pytest.mark.parametrize("name", ["lerp", "addcmul", "addcdiv"])
def test_dtypes_of_three_inputs(name):
    compare_dtypes(name, itertools.product(operands(), repeat=3))
