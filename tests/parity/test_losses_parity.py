"""Activations, normalisation, embedding and losses over all their keywords: values, gradients, second order in PyTorch.

Names and signatures are the same in both libraries, so a case is a name, inputs and keywords. Float arrays get
gradients, also those among the keywords; what is `fixed` does not.
"""

import itertools
from typing import NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import tensorgrad as tg
from tests.parity import tally

pytestmark = [
    pytest.mark.parity,
    pytest.mark.filterwarnings("ignore:reduction. 'mean' divides:UserWarning"),
]

F32, F64 = np.dtype(np.float32), np.dtype(np.float64)
REDUCTIONS = ["none", "mean", "sum"]


class Case(NamedTuple):
    name: str
    inputs: list
    params: dict

    @property
    def id(self):
        parts = [
            f"{k}={v.shape if isinstance(v, np.ndarray) else 'fixed' if isinstance(v, Fixed) else v}"
            for k, v in self.params.items()
        ]
        shapes = [str(np.shape(getattr(x, "value", x))) for x in self.inputs]
        return "-".join([self.name, *shapes, *parts]).replace(" ", "")


class Fixed(NamedTuple):
    """A float array without a gradient."""

    value: np.ndarray


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def share(*shape, seed=1):
    return np.random.default_rng(seed).uniform(0.02, 0.98, shape)


def spread(*shape, seed=2):
    """From -60 to 60: saturated on both sides."""
    return np.random.default_rng(seed).uniform(-60, 60, shape)


def cases():
    for x in (normal(3, 4), spread(40), normal(), normal(0, 3)):
        for name, choices in {
            "leaky_relu": [{}, {"negative_slope": 0.3}, {"negative_slope": -0.2}, {"inplace": False}],
            "elu": [{}, {"alpha": 0.3}, {"alpha": -1.4}],
            "selu": [{}],
            "gelu": [{}, {"approximate": "tanh"}, {"approximate": "none"}],
            "silu": [{}],
            "softplus": [{}, {"beta": 3.0}, {"beta": 0.4, "threshold": 2.0}, {"threshold": 0.0}],
            "hardtanh": [{}, {"min_val": -0.4, "max_val": 2.0}, {"min_val": 0.3, "max_val": 0.3}],
            "relu6": [{}],
            "logsigmoid": [{}],
        }.items():
            yield from (Case(name, [x], params) for params in choices)
    for dim, s in [(0, (3, 4)), (-1, (3, 4)), (1, (2, 3, 4)), (0, (5,))]:
        yield Case("softmin", [normal(*s)], {"dim": dim})
    for s, w in [((3, 4), 1), ((3, 4), 4), ((2, 3, 2, 2), 3), ((5,), 1), ((), 1), ((0, 3), 3)]:
        yield Case("prelu", [normal(*s), normal(w, seed=3)], {})

    for eps, (x, w) in itertools.product(
        [1e-5, 0.1], [((3, 4), (4,)), ((2, 3, 4), (3, 4)), ((2, 3, 4), (4,)), ((4,), (4,)), ((2, 3, 1), (1,))]
    ):
        for with_weight, with_bias in itertools.product([True, False], repeat=2):
            vectors = {"weight": normal(*w, seed=4) if with_weight else None}
            if with_bias:
                yield Case("rms_norm", [3 * normal(*x)], {"normalized_shape": w, **vectors, "eps": eps})
            vectors["bias"] = normal(*w, seed=5) if with_bias else None
            yield Case("layer_norm", [3 * normal(*x)], {"normalized_shape": w, **vectors, "eps": eps})
    yield Case("rms_norm", [normal(3, 4)], {"normalized_shape": (4,)})
    for x, groups in [((2, 4, 3), 2), ((2, 6), 3), ((3, 4, 2, 3), 1), ((2, 4, 3, 2), 4), ((1, 2, 2, 1, 3), 2)]:
        for weight, bias, eps in itertools.product([True, False], [True, False], [1e-5, 0.1]):
            vectors = {
                "weight": normal(x[1], seed=4) if weight else None,
                "bias": normal(x[1], seed=5) if bias else None,
            }
            yield Case("group_norm", [2 + normal(*x)], {"num_groups": groups, **vectors, "eps": eps})
            yield Case("instance_norm", [2 + normal(*x, 2)], {**vectors, "eps": eps})

    for shape in [(2, 3), (), (4,), (0, 3)]:
        x, y, w = normal(*shape), normal(*shape, seed=6), share(*shape, seed=7)
        p, q = share(*shape), share(*shape, seed=8)
        for reduction in REDUCTIONS:
            end = {"reduction": reduction}
            for name in ("mse_loss", "l1_loss", "huber_loss"):
                yield Case(name, [x, y], end)
                yield Case(name, [x, y], {"weight": w, **end})
            for delta in (0.4, 2.0):
                yield Case("huber_loss", [x, y], {"delta": delta, **end})
                yield Case("smooth_l1_loss", [x, y], {"beta": delta, **end})
            yield Case("smooth_l1_loss", [x, y], end)
            yield Case("smooth_l1_loss", [x, y], {"beta": 0.0, **end})
            yield Case("binary_cross_entropy", [p, q], end)
            yield Case("binary_cross_entropy", [p, q], {"weight": Fixed(w), **end})
            yield Case("binary_cross_entropy_with_logits", [x, q], end)
            yield Case("binary_cross_entropy_with_logits", [np.asarray(30 * x), q], {"weight": Fixed(w), **end})
            if shape:
                pos = Fixed(share(shape[-1], seed=9) * 3)
                yield Case("binary_cross_entropy_with_logits", [x, q], {"pos_weight": pos, **end})
                yield Case("binary_cross_entropy_with_logits", [x, q], {"weight": Fixed(w), "pos_weight": pos, **end})
        for reduction, log_target in itertools.product([*REDUCTIONS, "batchmean"], [False, True]):
            if shape[:1] != (0,) or reduction != "batchmean":
                yield Case("kl_div", [x, y if log_target else q], {"reduction": reduction, "log_target": log_target})

    for shape in [(5, 3), (3,), (2, 4, 3), (2, 3, 2, 2), (1, 2, 2, 1, 3), (0, 3)]:
        classes = shape[0] if len(shape) == 1 else shape[1]
        rest = () if len(shape) == 1 else (shape[0], *shape[2:])
        labels = np.random.default_rng(3).integers(0, classes, rest)
        weight = Fixed(share(classes, seed=4) * 2)
        for ignore, weighted, reduction in itertools.product([-100, 1, -3], [False, True], REDUCTIONS):
            target = np.where(np.arange(labels.size).reshape(rest) % 3 == 1, -3, labels) if ignore == -3 else labels
            params = {"weight": weight if weighted else None, "ignore_index": ignore, "reduction": reduction}
            yield Case("nll_loss", [normal(*shape), target], params)
            for smoothing in (0.0, 0.3, 1.0):
                yield Case("cross_entropy", [3 * normal(*shape), target], {**params, "label_smoothing": smoothing})
        for weighted, reduction, smoothing in itertools.product([False, True], REDUCTIONS, [0.0, 0.3]):
            params = {"weight": weight if weighted else None, "reduction": reduction, "label_smoothing": smoothing}
            yield Case("cross_entropy", [3 * normal(*shape), share(*shape)], params)

    for index, params in itertools.product(
        [np.array([[4, 0, 4], [1, 4, 1]]), np.array(2), np.zeros((0, 2), np.int64), np.array([0, 0, 0], np.int32)],
        [
            {},
            {"padding_idx": 4},
            {"padding_idx": -5},
            {"scale_grad_by_freq": True},
            {"padding_idx": 1, "sparse": False},
        ],
    ):
        yield Case("embedding", [index, normal(5, 3)], params)


CASES = list(cases())


def made(lib, value, dtype):
    """A value for one of the libraries: float arrays in `dtype`, with a gradient."""
    if isinstance(value, Fixed):
        array = np.asarray(value.value).astype(dtype)
        return tg.tensor(array) if lib is tg else torch.tensor(array)
    if not isinstance(value, np.ndarray):
        return value
    if value.dtype.kind != "f":
        return tg.tensor(value) if lib is tg else torch.tensor(value)
    array = value.astype(dtype)
    return tg.tensor(array, requires_grad=True) if lib is tg else torch.tensor(array, requires_grad=True)


def call(lib, case, inputs, params):
    if lib is torch and params.get("bias") is not None and params["weight"] is None:
        # PyTorch has no second derivative of a bias alone.
        params = {**params, "weight": torch.ones_like(params["bias"], requires_grad=False)}
    return getattr(tg if lib is tg else F, case.name)(*inputs, **params)


def everything(lib, case, dtype, array, second=True):
    """Output, gradients, and second derivatives by inputs and cotangent, as arrays; zeros for none."""
    grad = tg.grad if lib is tg else torch.autograd.grad
    inputs = [made(lib, x, dtype) for x in case.inputs]
    params = {k: made(lib, v, dtype) for k, v in case.params.items()}
    leaves = [t for t in [*inputs, *params.values()] if getattr(t, "requires_grad", False)]
    out = call(lib, case, inputs, params)
    rng = np.random.default_rng(11)
    g = made(lib, rng.standard_normal(tuple(out.shape)), dtype)
    first = grad(out, leaves, g, create_graph=True)
    if not second:
        return [array(t) for t in (out, *first)], []
    weights = [made(lib, Fixed(rng.standard_normal(tuple(f.shape))), dtype) for f in first]
    pairs = [(f, w) for f, w in zip(first, weights, strict=True) if f.requires_grad]
    second = grad([f for f, _ in pairs], [*leaves, g], [w for _, w in pairs], allow_unused=True)
    zeros = [np.zeros(tuple(t.shape), dtype) for t in [*leaves, g]]
    return [array(t) for t in (out, *first)], [z if s is None else array(s) for s, z in zip(second, zeros, strict=True)]


def ours(case, dtype):
    return everything(tg, case, dtype, lambda t: t.detach().data)


def theirs(case, dtype, second):
    return everything(torch, case, dtype, lambda t: t.numpy(force=True), second)


@pytest.mark.parametrize("dtype", [F64, F32], ids=str)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_case(case, dtype):
    rtol = 1e-11 if dtype == F64 else 3e-5
    orders = list(zip(ours(case, dtype), theirs(case, dtype, second=not has_other_second(case)), strict=True))
    largest = max(np.max(np.abs(x), initial=0.0) for x in case.inputs if isinstance(x, np.ndarray))
    for got, right in orders[: 1 if has_other_second(case) else 2]:
        # What cancels to 0 is as exact as what it was made of.
        scale = max([largest, *[np.max(np.abs(r), initial=0.0, where=np.isfinite(r)) for r in right]])
        for one, other in zip(got, right, strict=True):
            assert one.shape == other.shape
            assert one.dtype == other.dtype
            np.testing.assert_allclose(one, other, rtol=rtol, atol=rtol * float(scale))

    tally.count(*tally.ALL[: 2 if has_other_second(case) else 3])


def has_other_second(case):
    """Where PyTorch's second order is left out: it is wrong, fails, or is nan for a sum over nothing."""
    if case.name == "embedding":
        # embedding_dense_double_backward does not know of the frequencies, and cannot reshape nothing.
        return case.params.get("scale_grad_by_freq") or np.size(case.inputs[0]) == 0
    return case.name in ("nll_loss", "cross_entropy") and np.size(case.inputs[1]) == 0


# Extreme inputs, in float64 and float32

EDGES = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -3.0,
    6.0,
    20.0,
    -20.0,
    37.0,
    -37.0,
    88.0,
    -88.0,
    710.0,
    -710.0,
    1e4,
    -1e4,
    1e30,
    -1e30,
]
BEYOND = [np.inf, -np.inf, np.nan]
ACTIVATIONS = [
    ("leaky_relu", {}),
    ("leaky_relu", {"negative_slope": 0.0}),
    ("elu", {}),
    ("elu", {"alpha": 2.0}),
    ("selu", {}),
    ("gelu", {}),
    ("gelu", {"approximate": "tanh"}),
    ("silu", {}),
    ("softplus", {}),
    ("softplus", {"beta": 2.0, "threshold": 40.0}),
    ("softplus", {"threshold": 1.0}),
    ("hardtanh", {}),
    ("relu6", {}),
    ("logsigmoid", {}),
]
PAIRS = [
    ("mse_loss", {}),
    ("l1_loss", {}),
    ("smooth_l1_loss", {}),
    ("huber_loss", {}),
    ("huber_loss", {"delta": 3.0}),
    ("binary_cross_entropy_with_logits", {}),
    ("kl_div", {"log_target": True}),
    ("kl_div", {"log_target": False}),
]


def orders(lib, name, params, values, dtype):
    """Value, slopes, and the derivatives of the first slope, at one point."""
    make = tg.tensor if lib is tg else torch.tensor
    inputs = [make(np.asarray(v, dtype), requires_grad=True) for v in values]
    grad = tg.grad if lib is tg else torch.autograd.grad
    with np.errstate(all="ignore"):
        out = getattr(tg if lib is tg else F, name)(*inputs, **params)
        first = grad(out, inputs, create_graph=True)
        second = [None] * len(inputs)
        if first[0].requires_grad:
            second = grad(first[0], inputs, allow_unused=True)
    array = (lambda t: t.detach().data) if lib is tg else (lambda t: t.numpy(force=True))
    return [np.zeros((), dtype) if t is None else array(t) for t in (out, *first, *second)]


@pytest.mark.parametrize("dtype", [F64, F32], ids=str)
@pytest.mark.parametrize("name, params", ACTIVATIONS, ids=str)
def test_edges_of_activations(name, params, dtype):
    for x in [*EDGES, *BEYOND]:
        if name == "gelu" and abs(x) > 1e4:
            continue  # inf * 0 in PyTorch's slope; here it is 0 or 1, see test_ops_losses.py
        got, right = (orders(lib, name, params, [x], dtype) for lib in (tg, torch))
        near(got, right, dtype, f"{name} at {x}")
        tally.count(*tally.ALL)


@pytest.mark.parametrize("dtype", [F64, F32], ids=str)
@pytest.mark.parametrize("name, params", PAIRS, ids=str)
def test_edges_of_losses(name, params, dtype):
    targets = [0.0, 1.0, 0.3] if name in ("binary_cross_entropy_with_logits", "kl_div") else [0.0, 1.0, 1e4, -1e30]
    for x, y in itertools.product(EDGES, targets):
        got, right = (orders(lib, name, params, [x, y], dtype) for lib in (tg, torch))
        near(got, right, dtype, f"{name} at {x}, {y}")
        tally.count(*tally.ALL)


@pytest.mark.parametrize("dtype", [F64, F32], ids=str)
def test_edges_of_binary_cross_entropy(dtype):
    for x, y in itertools.product([0.0, 1e-30, 1e-13, 1e-6, 0.3, 1 - 1e-6, 1.0], [0.0, 1.0, 0.3]):
        got, right = (orders(lib, "binary_cross_entropy", {}, [x, y], dtype) for lib in (tg, torch))
        # PyTorch's 1e-12 is a float32 number, 4e-9 off; its second derivative cancels near 1, see test_ops_losses.py.
        count = 3 if dtype == F32 or 0.9 < x < 1 else 5
        near(got[:count], right[:count], dtype, f"{x}, {y}", rtol=1e-8)
        tally.count(*tally.ALL[: 2 if count == 3 else 3])


def near(got, right, dtype, place, rtol=1e-10):
    rtol = rtol if dtype == F64 else 1e-5
    for order, (one, other) in enumerate(zip(got, right, strict=True)):
        np.testing.assert_allclose(one, other, rtol=rtol, atol=rtol, err_msg=f"{place}, number {order}")
