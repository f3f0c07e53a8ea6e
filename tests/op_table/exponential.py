"""Rows of exponentials, logarithms, powers and weighted sums."""

import math

import numpy as np

from tensorgrad.ops import exponential

from .row import PLAIN, Row

POSITIVE = (0.37, 2.61)
SHARE = (0.07, 0.91)


def erfinv(x):
    """By bisection of math.erf."""

    def one(value):
        low, high = -6.0, 6.0
        for _ in range(100):
            middle = (low + high) / 2
            low, high = (middle, high) if math.erf(middle) < value else (low, middle)
        return low

    return np.vectorize(one, otypes=[float])(x)


def logit(x, eps=None):
    x = x if eps is None else np.minimum(np.maximum(x, eps), 1 - eps)
    return np.log(x) - np.log(1 - x)


ROWS = [
    Row(op, reference, [shape], domain=domain)
    for op, reference, domain in [
        (exponential.exp2, lambda x: np.exp(x * math.log(2)), PLAIN),
        (exponential.expm1, lambda x: np.exp(x) - 1, PLAIN),
        (exponential.log2, lambda x: np.log(x) / math.log(2), POSITIVE),
        (exponential.log10, lambda x: np.log(x) / math.log(10), POSITIVE),
        (exponential.square, lambda x: x * x, PLAIN),
        (exponential.reciprocal, lambda x: x**-1.0, POSITIVE),
        (exponential.rsqrt, lambda x: x**-0.5, POSITIVE),
        (exponential.erfinv, erfinv, (-0.88, 0.93)),
        (exponential._share, lambda x: 1 / (1 + np.exp(-x)), PLAIN),
        (exponential._bernoulli_variance, lambda x: x - x * x, PLAIN),
    ]
    for shape in [(2, 3), ()]
]
ROWS += [
    Row(exponential.square, lambda x: x * x, [np.array([3, -4])]),
    Row(exponential.reciprocal, lambda x: x**-1.0, [(4,)], domain=(-2.2, -0.4)),
    Row(exponential.rsqrt, lambda x: x**-0.5, [(0, 3)], domain=POSITIVE),
]

# With eps, values between the bounds and beyond them, none at one.
ROWS += [
    Row(op, logit, [shape], params, domain)
    for op in (exponential.logit, exponential._logit)
    for shape, params, domain in [
        ((2, 3), {"eps": None}, SHARE),
        ((), {"eps": None}, SHARE),
        ((2, 3), {"eps": 0.2}, (-0.13, 1.21)),
        ((3,), {"eps": 1e-6}, SHARE),
        ((0, 2), {"eps": 0.1}, SHARE),
    ]
]

ROWS += [
    Row(op, reference, inputs, domain=[domain, POSITIVE])
    for op, reference, domain in [
        (exponential.logaddexp, lambda x, y: np.log(np.exp(x) + np.exp(y)), PLAIN),
        (exponential.logaddexp2, lambda x, y: np.log2(2.0**x + 2.0**y), PLAIN),
        (exponential.xlogy, lambda x, y: x * np.log(y), PLAIN),
    ]
    for inputs in ([(2, 3), (3,)], [(), (3,)], [(), 0.4], [(2, 1), (1, 3)], [(3,), 1.5], [0.7, (3,)], [(0, 2), (2,)])
]
ROWS += [Row(exponential.xlogy, lambda x, y: y * 0, [np.array([0, 0, 0]), (3,)], domain=[PLAIN, POSITIVE])]

ROWS += [
    Row(exponential.lerp, lambda x, y, w: (1 - w) * x + w * y, inputs)
    for inputs in (
        [(2, 3), (3,), 0.3],
        [(2, 3), (3,), 0.8],
        [(), (), -1.5],
        [(2, 1), (1, 3), (2, 3)],
        [(3,), (3,), ()],
        [(0, 2), (2,), (1,)],
        [1.5, (3,), (3,)],
        [(3,), 2, (2, 3)],
    )
]

ROWS += [
    Row(op, reference, inputs, {"value": value})
    for op, reference in [
        (exponential.addcmul, lambda x, y, z, value: x + value * (y * z)),
        (exponential._addcmul, lambda x, y, z, value: x + value * (y * z)),
        (exponential.addcdiv, lambda x, y, z, value: x + value * (y / z)),
        (exponential._addcdiv, lambda x, y, z, value: x + value * (y / z)),
    ]
    for value in (1, -0.5)
    for inputs in ([(2, 3), (3,), (2, 1)], [(), (), ()], [(3,), (0, 1), (3,)])
]
ROWS += [
    Row(
        exponential.addcmul,
        lambda x, y, z, value: x + value * (y * z),
        [np.array([1, 2]), np.array([3, 4]), np.array([5])],
        {"value": 2},
    )
]

KINKS = {
    "logaddexp": "of two equal infinities the gradients are nan",
    "logaddexp2": "of two equal infinities the gradients are nan",
    "logit": "with eps, the slope at eps and 1 - eps is 1 / (p (1 - p)), beyond 0; without, at 0 and 1 inf",
    "reciprocal": "the slope at 0 is -inf",
    "rsqrt": "the slope at 0 is -inf",
    "xlogy": "0 where input is 0 and other <= 0, and so the gradient of input; that of other is nan at (0, 0)",
    "log2": "the slope at 0 is inf; below, the value is nan, the slope that of the formula",
    "log10": "the slope at 0 is inf; below, the value is nan, the slope that of the formula",
    "erfinv": "the slope at -1 and 1 is inf; beyond, value and slope are nan",
    "addcdiv": "where tensor2 is 0, the gradients are infinite, or nan where tensor1 is 0 too",
}
