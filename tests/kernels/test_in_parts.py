"""Elementwise operations on large arrays, cut over threads, give the bits that they give on small arrays.

The same values are computed whole, with chunks switched off, and in chunks; forward and gradient, in any layout.
"""

import math

import numpy as np
import pytest

import nn.functional as F
import tensorgrad as tg
from tensorgrad.kernels import elementwise, threads

SHAPE = (9, 10, 60, 50)
LAYOUTS = {
    "C": lambda x: x,
    "pixels": lambda x: np.ascontiguousarray(x.transpose(2, 3, 1, 0)).transpose(3, 2, 0, 1),
    "transposed": lambda x: np.ascontiguousarray(x.transpose(3, 1, 0, 2)).transpose(2, 1, 3, 0),
    "strided": lambda x: np.repeat(x, 2, axis=-1)[..., ::2],
}
# Numbers from -3 to 3, above 0, from 0 to 1, and above 1, with what belongs to the ends.
DOMAINS = {"real": (-3.0, 3.0), "positive": (0.01, 3.0), "share": (0.0, 1.0), "above one": (1.0, 4.0)}

ONE = {
    "real": [
        tg.exp, tg.exp2, tg.expm1, tg.tanh, tg.sigmoid, tg.abs, tg.neg, tg.sin, tg.cos, tg.tan, tg.sinh, tg.cosh,
        tg.atan, tg.asinh, tg.square, tg.reciprocal, tg.erf, tg.erfc, tg.sinc, tg.sign, tg.frac, tg.deg2rad, tg.rad2deg,
        tg.relu, F.leaky_relu, F.elu, F.selu, F.softplus, F.silu, F.gelu, F.mish, F.hardswish, F.hardsigmoid,
        F.hardtanh, F.logsigmoid, F.softsign, F.tanhshrink, F.hardshrink, F.softshrink, F.relu6,
    ],
    "positive": [tg.log, tg.log2, tg.log10, tg.log1p, tg.sqrt, tg.rsqrt],
    "share": [tg.logit, tg.asin, tg.acos, tg.atanh, tg.erfinv],
    "above one": [tg.acosh],
}  # fmt: skip
WITH_NUMBERS = {
    "square": lambda x: x**2,
    "cube": lambda x: x**3,
    "power": lambda x: x.abs() ** 2.5,
    "clamp": lambda x: tg.clamp(x, -0.5, 0.5),
    "clamp from below": lambda x: tg.clamp(x, min=-0.5),
    "clamp from above": lambda x: tg.clamp(x, max=0.5),
    "leaky_relu": lambda x: F.leaky_relu(x, -0.3),
    "prelu": lambda x: F.prelu(x, tg.tensor([0.25])),
    "threshold": lambda x: F.threshold(x, 0.1, 7.0),
    "celu": lambda x: F.celu(x, 0.7),
    "softplus": lambda x: F.softplus(x, 2.0, 3.0),
    "gelu by tanh": lambda x: F.gelu(x, approximate="tanh"),
    "logit": lambda x: tg.logit(x, 0.2),
    "lerp": lambda x: tg.lerp(x, x * x, 0.7),
    "a number minus": lambda x: 1 - x,
    "a number divided by": lambda x: 1 / x,
    "times a number": lambda x: x * 0.3,
    "nan_to_num": lambda x: tg.nan_to_num(1 / x),
    "derivative of sinc": lambda x: tg.grad(tg.sinc(x).sum(), x, create_graph=True)[0],
}
TWO = {
    "add": tg.add, "sub": tg.sub, "mul": tg.mul, "div": tg.div, "maximum": tg.maximum, "minimum": tg.minimum,
    "fmax": tg.fmax, "fmin": tg.fmin, "hypot": tg.hypot, "atan2": tg.atan2, "logaddexp": tg.logaddexp,
    "logaddexp2": tg.logaddexp2, "copysign": tg.copysign, "remainder": tg.remainder, "fmod": tg.fmod,
    "floor_divide": tg.floor_divide, "pow": lambda x, y: x.abs() ** y, "xlogy": lambda x, y: tg.xlogy(x, y.abs()),
    "lerp": lambda x, y: tg.lerp(x, y, x.sigmoid()), "addcmul": lambda x, y: tg.addcmul(x, y, x, value=0.5),
    "addcdiv": lambda x, y: tg.addcdiv(x, y, x, value=0.5), "where": lambda x, y: tg.where(x > y, x, y),
    "clamp": lambda x, y: tg.clamp(x, y, y + 1), "mse": lambda x, y: F.mse_loss(x, y, reduction="none"),
    "huber": lambda x, y: F.huber_loss(x, y, reduction="none"), "l1": lambda x, y: F.l1_loss(x, y, reduction="none"),
    "logits": lambda x, y: F.binary_cross_entropy_with_logits(x, y, reduction="none"),
    "bce": lambda x, y: F.binary_cross_entropy(x.sigmoid(), y.sigmoid(), reduction="none"),
    "kl_div": lambda x, y: F.kl_div(x, y.sigmoid(), reduction="none"),
    "kl_div of logarithms": lambda x, y: F.kl_div(x, y, reduction="none", log_target=True),
    "a row broadcast": lambda x, y: x * y[:1, :, :1, :1],
}  # fmt: skip
CASES = (
    [pytest.param(op, domain, 1, id=getattr(op, "name", op.__name__)) for domain, ops in ONE.items() for op in ops]
    + [pytest.param(op, "real", 1, id=f"{name}, numbers") for name, op in WITH_NUMBERS.items()]
    + [pytest.param(op, "real", 2, id=f"{name} of two") for name, op in TWO.items()]
)


@pytest.fixture(autouse=True)
def _many_chunks(monkeypatch):
    """Chunks that do not divide anything."""
    for name in ("CHUNK_BYTES", "WIDE_BYTES"):
        monkeypatch.setattr(elementwise, name, 99_991)


def values(domain, seed):
    low, high = DOMAINS[domain]
    rng = np.random.default_rng(seed)
    x = rng.uniform(low, high, SHAPE).astype(np.float32)
    ends = [low, high, *((0.0, -0.0, 30.0, -30.0) if domain == "real" else ())]
    at = rng.random(SHAPE) < 0.02
    x[at] = rng.choice(np.array(ends, np.float32), int(at.sum()))
    return x


def computed(op, arrays, g):
    """The value and the gradients."""
    leaves = [tg.from_numpy(array) for array in arrays]
    for leaf in leaves:
        leaf.requires_grad = True
    out = op(*leaves)
    found = tg.grad(out, leaves, tg.from_numpy(g), allow_unused=True)
    return [x.detach().numpy() for x in (out, *found) if x is not None]


def assert_same(results, expected):
    for result, whole in zip(results, expected, strict=True):
        assert result.dtype == whole.dtype
        np.testing.assert_array_equal(np.isnan(result), np.isnan(whole))
        # Which nan it is, the processor says.
        bits = [np.where(np.isnan(x), np.float32(np.nan), x).view(np.int32) for x in (result, whole)]
        np.testing.assert_array_equal(*bits)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("op, domain, count", CASES)
def test_parts_give_the_bits_of_the_whole(monkeypatch, op, domain, count, layout):
    arrays = [LAYOUTS[layout](values(domain, seed)) for seed in range(count)]
    g = LAYOUTS[layout](np.random.default_rng(9).standard_normal(SHAPE).astype(np.float32))
    with np.errstate(all="ignore"):
        with monkeypatch.context() as patch:
            patch.setattr(elementwise, "LARGE_BYTES", math.inf)
            expected = computed(op, arrays, g)
        for count in (1, 2, 3):
            monkeypatch.setattr(threads, "_chosen", count)
            assert_same(computed(op, arrays, g), expected)


@pytest.mark.parametrize("op", [tg.exp, tg.tanh, tg.sigmoid, F.gelu, F.silu])
def test_the_rest_of_large_arrays_in_other_dtypes(monkeypatch, op):
    monkeypatch.setattr(threads, "_chosen", 2)
    for dtype in (np.float16, np.float64):
        x = np.random.default_rng(0).standard_normal((5, 70_001)).astype(dtype)
        rows = [op(tg.from_numpy(row)).numpy() for row in x]
        np.testing.assert_array_equal(op(tg.from_numpy(x)).numpy(), rows)


def test_large_gradients_are_computed_in_parts(monkeypatch):
    sizes = []
    out = tg.randn(SHAPE, requires_grad=True).tanh()
    node = out.grad_fn
    rule = node.plan.rules[0]
    assert rule.in_parts
    monkeypatch.setattr(threads, "_chosen", 1)

    def spy(work, count, size, kind, writes):
        sizes.append(count)
        threads.run(work, count)

    monkeypatch.setattr(elementwise, "run", spy)
    out.backward(tg.ones(SHAPE))
    assert sizes == [math.ceil(out.data.nbytes / 99_991)]


def test_numpy_warns_in_parts_as_the_caller_asks():
    x = tg.full((300_000,), 3e38)
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        tg.square(x)
    with np.errstate(over="ignore"):
        assert tg.isinf(tg.square(x)).all()
