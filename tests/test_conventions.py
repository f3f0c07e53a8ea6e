"""docs/conventions.md says what the operations do: every row of its table is run, and gives what stands there.

A case in code is evaluated. A case in words has a function in CHECKS, under the same operation and words.
"""

import itertools
import math
import re
import warnings
import weakref
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.kernels.norm import OutOfRange, check_range
from tests.op_table import KINKS, public_operations

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "conventions.md").read_text()
LEAVES = "xyw"  # the names of what requires a gradient; other names stand for constants
DTYPES = ("bool", "int16", "int64", "float16", "float32", "float64")


class Row(NamedTuple):
    """A line of the table, its cells as they are written."""

    operation: str
    case: str
    value: str
    gradient: str
    same: str

    @property
    def code(self):
        """The expression and what its names stand for, or None for a case in words."""
        found = re.fullmatch(r"`([^`;]+)(?:; ([^`]+))?`", self.case)
        return None if found is None else (found[1], found[2] or "")

    @property
    def error(self):
        """The name of the error that is raised, or None."""
        found = re.fullmatch(r"raises `(\w+)`", self.value)
        return None if found is None else found[1]


def read_table():
    lines = [line for line in TEXT.splitlines() if line.startswith("| ")][1:]
    rows = [Row(*(cell.strip() for cell in line.strip("|").split(" | "))) for line in lines]
    return [row for row in rows if set(row.operation) != {"-"}]


ROWS = read_table()
# The operations that have a row; one called `max_pool` is for every rank.
LISTED = {name for row in ROWS for name in row.operation.split(", ")} | {"native_batch_norm"}
LISTED |= {f"{name}{rank}d" for name in LISTED for rank in (1, 2, 3)}
IN_CODE = [row for row in ROWS if row.code]
IN_WORDS = [row for row in ROWS if not row.code]


def evaluate(lib, functional, row):
    """The value of a row's expression, and its names' values, in our library or in PyTorch."""
    expression, given = row.code
    names = {name: getattr(lib, name) for name in dir(lib) if not name.startswith("_")}
    names |= {name: getattr(functional, name) for name in dir(functional) if not name.startswith("_")}
    names |= {"inf": np.inf, "nan": np.nan, "put": put, "slope": lambda y, x: slope(lib, y, x)}
    numbers = {"inf": np.inf, "nan": np.nan, "zeros": lambda *shape: np.zeros(shape)}
    inputs = {}
    for name, value in eval(f"dict({given})", numbers).items():
        array = np.array(value)
        inputs[name] = lib.tensor(array, requires_grad=name in LEAVES)
    return eval(expression, names | inputs), inputs


def put(x, index, value):
    """A copy of x with `value` assigned at `index`."""
    x = x.clone()
    x[index] = value
    return x


def slope(lib, y, x):
    """dy/dx, differentiable again."""
    return (tg.grad if lib is tg else lib.autograd.grad)(y.sum(), x, create_graph=True)[0]


def gradients(value, inputs):
    """Of the sum of the value, with respect to each leaf; None where there is none to be had."""
    if not value.requires_grad:
        return None
    value.sum().backward()
    return [inputs[name].grad for name in inputs if name in LEAVES]


def agrees(got, cell):
    """Whether a tensor, a dtype or a bool is what a cell says, numbers to four digits."""
    expected = eval(cell.strip("`"), {name: name for name in DTYPES} | {"inf": np.inf, "nan": np.nan})
    if not isinstance(got, tg.Tensor):
        return str(got) == str(expected)
    if np.size(expected) == 0:
        return got.data.tolist() == expected
    return got.shape == np.shape(expected) and np.allclose(got.data, expected, rtol=1e-4, atol=0, equal_nan=True)


def cells(text):
    """One cell for each leaf."""
    return re.findall(r"`([^`]+)`", text)


@pytest.mark.parametrize("row", IN_CODE, ids=lambda row: f"{row.operation} {row.case}")
def test_a_row_is_true(row):
    if row.error:
        with pytest.raises(getattr(tg, row.error), match=r"^[\w.]+: "):
            evaluate(tg, nn.functional, row)
        assert row.gradient == ""
        return
    # What NumPy's error state decides is one row for all operations, in words.
    with warnings.catch_warnings(action="error"), np.errstate(all="ignore"):
        value, inputs = evaluate(tg, nn.functional, row)
        assert agrees(value, row.value), value
        if isinstance(value, tg.Tensor) and value.requires_grad:
            got, told = gradients(value, inputs), cells(row.gradient)
            assert len(got) == len(told)
            for gradient, cell in zip(got, told, strict=True):
                assert agrees(gradient, cell), gradient
        else:
            assert row.gradient == "none"


# Cases in words


def forward_follows_the_error_state():
    x = tg.tensor([1e300], dtype=tg.float64)
    with pytest.warns(RuntimeWarning, match="overflow"):
        assert (x * x).item() == np.inf
    with pytest.warns(RuntimeWarning, match="invalid"):
        assert np.isnan((tg.tensor([np.inf]) * 0).item())
    with np.errstate(over="ignore"), warnings.catch_warnings(action="error"):
        assert (x * x).item() == np.inf
    with np.errstate(over="raise"), pytest.raises(FloatingPointError, match="overflow"):
        x * x


def walks_never_warn():
    x = tg.tensor([1e200], dtype=tg.float64, requires_grad=True)
    with np.errstate(over="ignore"):
        out = x**3
    with np.errstate(all="raise"), warnings.catch_warnings(action="error"):
        out.backward()
    assert x.grad.item() == np.inf


def bits_do_not_depend_on_threads():
    a, b = np.random.default_rng(0).standard_normal((2, 300, 300)).astype(np.float32)
    products, before = [], tg.get_num_threads()
    try:
        for threads in (1, 2, 3):
            tg.set_num_threads(threads)
            with threadpool_limits(threads, "blas"):
                products.append((tg.tensor(a) @ tg.tensor(b)).data.tobytes())
    finally:
        tg.set_num_threads(before)
    assert len(set(products)) == 1


def edges_of_domains_never_warn():
    zero, large = (tg.tensor([value], dtype=tg.float64) for value in (0.0, 1000.0))
    with np.errstate(all="raise"), warnings.catch_warnings(action="error"):
        values = [zero.log(), tg.log1p(zero - 1), (zero - 1).sqrt(), 1 / zero, zero / zero, zero**-1, large.exp()]
    np.testing.assert_array_equal(
        [value.item() for value in values], [-np.inf, -np.inf, np.nan, np.inf, np.nan, np.inf, np.inf]
    )


def norms_of_large_float32_are_finite():
    """Squares may overflow, but not what comes of them: against float64, two orders, also with a weight alone."""
    rng = np.random.default_rng(0)
    x, g = rng.normal(size=(2, 4, 6, 5)).astype(np.float32)
    w, b = rng.normal(size=(2, 6)).astype(np.float32)
    F = nn.functional
    norms = [
        lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True),
        lambda x, w, b: F.instance_norm(x, weight=w, bias=b),
        lambda x, w, b: F.group_norm(x, 3, w, b),
        lambda x, w, b: F.layer_norm(x.permute(0, 2, 1), (6,), w, b).permute(0, 2, 1),
        lambda x, w, b: F.rms_norm(x.permute(0, 2, 1), (6,), w).permute(0, 2, 1),
    ]
    for dtype, var, eps in [(np.float32, 0.99e14, 1e-5), (np.float64, 1e300, 1e-5)]:
        check_range(np.dtype(dtype), np.array([1, var], dtype), eps)
    with pytest.raises(OutOfRange):
        check_range(np.dtype(np.float32), np.float32([1, 1.01e14]), 1e-5)
    for norm, size in itertools.product(norms, np.float32([1e7, 1e14, 1e18, 1e20, 1e30, 1e37])):
        results = []
        for dtype in (np.float32, np.float64):
            leaves = [tg.tensor(array.astype(dtype), requires_grad=True) for array in (x * size, w, b)]
            weight = tg.tensor(w.astype(dtype), requires_grad=True)
            with np.errstate(all="raise", under="ignore"):
                out = norm(*leaves)
                fixed = norm(leaves[0].detach(), weight, leaves[2].detach())
            loss, *steps = (tg.tensor(array.astype(dtype)) for array in (g, x[::-1] * size, w))
            slopes = tg.grad((out * loss).sum(), leaves[:2], create_graph=True)
            total = (slopes[0] * steps[0]).sum() + (slopes[1] * steps[1]).sum()
            second = tg.grad(total, leaves[:2], retain_graph=True)
            (out * loss).sum().backward()
            (fixed * loss).sum().backward()
            found = [*slopes, *second, weight.grad, *(leaf.grad for leaf in leaves if leaf.grad is not None)]
            results.append([out.data, *(slope.data for slope in found)])
        for got, right in zip(*results, strict=True):
            np.testing.assert_allclose(got, right, rtol=0, atol=3e-6 * abs(right).max())
    with np.errstate(all="raise", under="ignore"):
        _, _, var = tg.native_batch_norm(tg.tensor(x * np.float32(1e20)))
    assert np.isinf(var.data).all()


def numbers_of_what_requires_a_gradient_warn():
    t = tg.tensor(4.0, requires_grad=True)
    for convert in (float, int, math.sqrt):
        for _ in range(2):
            with pytest.warns(UserWarning, match="the tensor requires a gradient"):
                convert(t)
    with warnings.catch_warnings(action="error"):
        assert t.item() == float(t.detach()) == float(t.item()) == 4
        with tg.no_grad():
            assert float(t) == 4


def a_kept_loss_keeps_its_graph():
    array, w = np.ones(3), tg.ones(3, dtype=tg.float64, requires_grad=True)
    saved, leaf = weakref.ref(array), weakref.ref(w)
    total = ((w * 2) * tg.from_numpy(array)).sum() + 1
    del array
    assert saved() is not None
    total.backward()
    assert saved() is None
    np.testing.assert_array_equal(w.grad.data, [2, 2, 2])
    del w
    assert leaf() is not None
    total = total.detach()
    assert leaf() is None
    assert total.item() == 7


CHECKS = {
    (
        "all",
        "`float(t)` or `int(t)` of a tensor that requires a gradient, also by `math`",
    ): numbers_of_what_requires_a_gradient_warn,
    ("all", "a loss, or a sum of losses, that is kept after `backward()`"): a_kept_loss_keeps_its_graph,
    ("all", "the forward pass overflows or meets inf * 0"): forward_follows_the_error_state,
    ("div, log, log1p, sqrt, pow, exp", "out of the domain, `exp` too large"): edges_of_domains_never_warn,
    ("all", "the backward walk overflows or divides by 0"): walks_never_warn,
    (
        "batch_norm, instance_norm, group_norm, layer_norm, rms_norm",
        "float32 inputs of a variance, or mean square, from 1e14: computed in float64",
    ): norms_of_large_float32_are_finite,
    ("all", "another number of threads, ours or BLAS's, from matrices on"): bits_do_not_depend_on_threads,
}


@pytest.mark.parametrize("key", CHECKS, ids=str)
def test_a_case_in_words_is_true(key):
    CHECKS[key]()


# The table itself


def test_every_case_in_words_has_a_check_and_every_check_a_row():
    assert {(row.operation, row.case) for row in IN_WORDS} == set(CHECKS)


def test_rows_are_complete_and_none_stands_twice():
    assert len(ROWS) == len({row.case for row in ROWS}) > 100
    for row in ROWS:
        assert re.fullmatch(r"yes|no: .+", row.same), row


def test_what_docstrings_say_about_edges_is_in_the_table():
    """A public function whose docstring speaks of a kink, a tie or a value that is not finite has a row."""
    told = re.compile(r"slope at|\b[Tt]ies\b|\bnan\b|\binf\b|infinity|gradient (at|of)|no gradient|one value", re.ASCII)
    # Their gradients are those of any linear map; their docstrings name them to say which one adds up what.
    linear = {"pad", "fold", "unfold", "interpolate", "meshgrid"}
    for name, function in public_operations().items():
        if told.search(function.__doc__ or ""):
            assert {name, name.removeprefix("F.")} & (LISTED | linear), (
                f"{name}: its docstring tells an edge case that docs/conventions.md has not"
            )


def test_every_operation_with_a_kink_has_a_row():
    assert sorted(set(KINKS) - LISTED) == []
