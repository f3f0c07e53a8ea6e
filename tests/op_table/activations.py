"""Rows of the activations."""

import warnings

import numpy as np

import nn.functional as F
from tensorgrad.ops import activation, gate, piecewise
from tensorgrad.ops import smooth_activation as smooth

from .elementwise import erf
from .row import PLAIN, Row, Seed

KINKS = {
    "threshold": "the slope at the threshold is 0",
    "hardshrink": "the slope at -lambd and lambd is 0",
    "softshrink": "the slope at -lambd and lambd is 0",
    "hardsigmoid": "the slope at -3 and 3 is 0",
    "hardswish": "the slope at -3 is 0, at 3 it is 1; its derivative is 0 at both",
    "rrelu": "the slope at 0 is that of the values below",
    "celu": "the slope at 0 is 1, its derivative there 0",
    "softsign": "the derivative of the slope at 0 is 0",
    "gumbel_softmax": "with hard, the first of the largest values is taken; the gradient is that of the soft result",
    "relu": "the slope at 0 is 0, at nan 1",
    "leaky_relu": "the slope at 0 is that of the values below",
    "prelu": "the slope at 0 is that of the values below",
    "relu6": "the slope at 0 and 6 is 0, at nan 1",
    "hardtanh": "the slope at both bounds is 0, at nan 1",
    "elu": "the slope at 0 is alpha, its derivative there 0",
    "selu": "the slope at 0 is scale * alpha, its derivative there 0",
    "softplus": "where beta * input is the threshold, the slope of the slope is 0",
}


def leaky_relu(x, negative_slope=0.01):
    return np.where(x > 0, x, negative_slope * x)


def hardtanh(x, min_val=-1.0, max_val=1.0):
    return np.where(x < min_val, min_val, np.where(x > max_val, max_val, x))


def elu(x, alpha=1.0, scale=1.0):
    return scale * np.where(x > 0, x, alpha * (np.exp(x) - 1))


def gelu_slope(x):
    return (1 + erf(x / np.sqrt(2))) / 2 + x * np.exp(-x * x / 2) / np.sqrt(2 * np.pi)


def gelu_tanh(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def softplus(x, beta=1.0, threshold=20.0):
    return np.where(x * beta > threshold, x, np.log(1 + np.exp(beta * x)) / beta)


def prelu(x, weight):
    if weight.size > 1:
        weight = weight.reshape(-1, *[1] * (x.ndim - 2))
    return np.where(x > 0, x, weight.reshape(()) * x if weight.size == 1 else weight * x)


def relu_values(shape):
    """What ReLU gives: zeros for about half of the places."""
    return np.maximum(np.random.default_rng(9).standard_normal(shape), 0)


def threshold(x, threshold, value):
    return np.where(x > threshold, x, value)


def hardshrink(x, lambd=0.5):
    return np.where(abs(x) > lambd, x, 0)


def softshrink(x, lambd=0.5):
    return np.sign(x) * np.maximum(abs(x) - lambd, 0)


def hardsigmoid(x):
    return np.minimum(np.maximum(x / 6 + 0.5, 0), 1)


def celu(x, alpha=1.0):
    return np.maximum(x, 0) + np.minimum(alpha * (np.exp(np.minimum(x, 0) / alpha) - 1), 0)


def mish_gate(x):
    return np.tanh(np.log(1 + np.exp(x)))


def rrelu(x, lower=1 / 8, upper=1 / 3, training=False, generator=None):
    slopes = generator.uniform(lower, upper, x.shape) if training else (lower + upper) / 2
    return np.where(x > 0, x, slopes * x)


def glu(x, dim=-1):
    a, b = np.split(x, 2, dim)
    return a / (1 + np.exp(-b))


def gumbel_softmax(x, tau=1, hard=False, eps=1e-10, dim=-1, *, generator):
    odds = np.exp((x - np.log(generator.standard_exponential(x.shape))) / tau)
    soft = odds / odds.sum(dim, keepdims=True) if x.ndim else np.ones(())
    return soft if not hard else (soft == soft.max(dim, keepdims=True)) * 1.0


def without_warning(op):
    """`op` with an argument that only warns."""

    def call(*inputs, **params):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", f"{op.__name__}: eps is one of PyTorch's old arguments")
            return op(*inputs, **params)

    return call


NEAR = (-2.93, 2.87)  # within -3 and 3

ROWS: list[Row] = [
    *[
        Row(primitive, reference, [shape], params, domain=domain)
        for shape in [(2, 3), (7,), (0, 2), ()]
        for primitive, reference, params, domain in [
            (piecewise._threshold, threshold, {"threshold": 0.15, "value": -3.0}, PLAIN),
            (piecewise._threshold, threshold, {"threshold": -0.4, "value": 2.5}, PLAIN),
            (piecewise._hardshrink, hardshrink, {"lambd": 0.7}, (-2.21, 2.03)),
            (piecewise._softshrink, softshrink, {"lambd": 0.7}, (-2.21, 2.03)),
            (piecewise._hardsigmoid, hardsigmoid, {}, (-5.07, 4.91)),
            (piecewise._hardswish, lambda x: x * hardsigmoid(x), {}, (-5.07, 4.91)),
            (smooth._mish, lambda x: x * mish_gate(x), {}, NEAR),
            (smooth._mish_gate, mish_gate, {}, NEAR),
            (smooth.softsign, lambda x: x / (1 + abs(x)), {}, PLAIN),
            (smooth.tanhshrink, lambda x: x - np.tanh(x), {}, PLAIN),
        ]
    ],
    Row(piecewise._hardshrink, hardshrink, [(6,)], domain=(-1.13, 1.29)),
    Row(piecewise._softshrink, softshrink, [(6,)], domain=(-1.13, 1.29)),
    Row(smooth._elu, lambda x, alpha, input_scale: celu(x, alpha), [(2, 3)], {"alpha": 0.4, "input_scale": 2.5}),
    Row(smooth.softsign, lambda x: x / (1 + abs(x)), [np.array([-1, 0, 3])]),
    *[
        Row(op, lambda x, inplace=False, f=reference, **params: f(x, **params), [shape], params, domain=(-3.9, 3.7))
        for op, reference, keywords in [
            (piecewise.threshold, threshold, {"threshold": 0.15, "value": -3.0}),
            (piecewise.threshold, threshold, {"threshold": -0.7, "value": 2.5}),
            (piecewise.hardsigmoid, hardsigmoid, {}),
            (piecewise.hardswish, lambda x: x * hardsigmoid(x), {}),
            (piecewise.rrelu, rrelu, {}),
            (piecewise.rrelu, rrelu, {"lower": -0.3, "upper": 0.1}),
            (smooth.celu, celu, {}),
            (smooth.celu, celu, {"alpha": 0.4}),
            (smooth.mish, lambda x: x * mish_gate(x), {}),
        ]
        for shape, params in [((7,), {**keywords, "inplace": False}), ((2, 3), {**keywords, "inplace": True})]
    ],
    *[
        Row(op, reference, [(7,)], params, domain=(-1.13, 1.29))
        for op, reference in [(piecewise.hardshrink, hardshrink), (piecewise.softshrink, softshrink)]
        for params in [{}, {"lambd": 0.3}]
    ],
    *[
        Row(piecewise._rrelu, lambda x, **params: rrelu(x, training=True, **params), [shape], params)
        for shape in [(4, 5), (0, 3), ()]
        for params in [
            {"lower": 0.1, "upper": 0.4, "generator": Seed(1)},
            {"lower": 0.2, "upper": 0.2, "generator": Seed(2)},
        ]
    ],
    Row(piecewise.rrelu, rrelu, [(4, 5)], {"training": True, "generator": Seed(3)}),
    Row(piecewise.rrelu, rrelu, [(4, 5)], {"lower": 0.3, "upper": 0.5, "training": True, "generator": Seed(4)}),
    # Gates
    Row(gate.glu, glu, [(2, 6)]),
    Row(gate.glu, glu, [(4, 3, 1)], {"dim": 0}),
    Row(gate.glu, glu, [(0, 2)]),
    Row(gate.glu, glu, [(2, 0)]),
    *[
        Row(gate.gumbel_softmax, gumbel_softmax, [(3, 4)], {**params, "generator": Seed(5 + n)})
        for n, params in enumerate([{}, {"tau": 0.4}, {"dim": 0}, {"tau": 2.0, "dim": 1}])
    ],
    Row(gate.gumbel_softmax, gumbel_softmax, [()], {"generator": Seed(9)}),
    Row(gate.gumbel_softmax, lambda x: x, [(0, 3)]),
    Row(
        gate.gumbel_softmax,
        gumbel_softmax,
        [(2, 3)],
        {"eps": 1e-3, "generator": Seed(10)},
        call=without_warning(gate.gumbel_softmax),
    ),
    # One value is taken: not the function that its gradient is of. test_ops_activations.py has the gradient.
    Row(gate.gumbel_softmax, gumbel_softmax, [np.arange(6.0).reshape(2, 3)], {"hard": True, "generator": Seed(11)}),
    Row(
        gate._straight_through,
        lambda x, dim: np.array([[0.0, 1, 0], [1, 0, 0]]),
        [np.array([[0.2, 0.5, 0.3], [0.4, 0.2, 0.4]])],
        {"dim": 1},
    ),
    Row(
        gate._straight_through,
        lambda x, dim: np.array([[0.0, 1, 0], [1, 0, 1]]),
        [np.array([[0.2, 0.5, 0.3], [0.4, 0.2, 0.4]])],
        {"dim": 0},
    ),
    Row(gate._straight_through, lambda x, dim: np.ones(()), [np.array(0.3)], {"dim": 0}),
]

ROWS += [
    Row(op, reference, [shape_], domain=domain)
    for op, reference, domain in [
        (activation.tanh, lambda x: (np.exp(2 * x) - 1) / (np.exp(2 * x) + 1), PLAIN),
        (activation.sigmoid, lambda x: 1 / (1 + np.exp(-x)), (-4.1, 3.3)),
        (activation.relu, lambda x: np.where(x < 0, 0, x), PLAIN),
    ]
    for shape_ in [(2, 3), (), (0, 3)]
]

# ReLU's gradient, from what ReLU gave: small arrays choose one by one, larger ones by bits, the largest over threads
ROWS += [
    Row(activation.relu_grad, lambda g, values: np.where(values <= 0, 0, g), [s, relu_values(s)])
    for s in [(), (2, 3), (0, 3), (40, 30), (90, 900)]
]

# Activations with parameters
ROWS += [
    Row(op, reference, [shape_], params, domain=domain)
    for op, reference, params, domain in [
        (
            activation._leaky_relu,
            lambda x, negative_slope: np.where(x > 0, x, negative_slope * x),
            {"negative_slope": 0.01},
            PLAIN,
        ),
        (activation._hardtanh, hardtanh, {}, PLAIN),
        (smooth._elu, elu, {}, PLAIN),
        (smooth._gelu, lambda x: x / 2 * (1 + erf(x / np.sqrt(2))), {}, (-4.1, 3.3)),
        (smooth._gelu_slope, gelu_slope, {}, (-4.1, 3.3)),
        (smooth._gelu_tanh, gelu_tanh, {}, (-4.1, 3.3)),
        (smooth._silu, lambda x: x / (1 + np.exp(-x)), {}, (-4.1, 3.3)),
        (smooth._silu_slope, lambda x: (1 + x / (1 + np.exp(x))) / (1 + np.exp(-x)), {}, (-4.1, 3.3)),
        (smooth._softplus, softplus, {}, (-4.1, 3.3)),
        (smooth.logsigmoid, lambda x: -np.log(1 + np.exp(-x)), {}, (-4.1, 3.3)),
    ]
    for shape_ in [(2, 3), (), (0, 3)]
]
ROWS += [
    Row(
        activation._leaky_relu, lambda x, negative_slope: x * np.where(x > 0, 1, -0.3), [(6,)], {"negative_slope": -0.3}
    ),
    Row(activation._hardtanh, hardtanh, [(6,)], {"min_val": -0.7, "max_val": 1.6}),
    Row(smooth._elu, elu, [(6,)], {"alpha": 1.7, "scale": 0.6}),
    Row(smooth._softplus, softplus, [(6,)], {"beta": 2.0, "threshold": 1.5}),
    Row(smooth._softplus, softplus, [(6,)], {"beta": -0.5, "threshold": 20.0}),
    Row(activation._prelu, lambda x, w: np.where(x > 0, x, w * x), [(2, 3), (3,)]),
    Row(activation._prelu, lambda x, w: np.where(x > 0, x, w * x), [(2, 3), 0.2]),
    *[
        Row(op, lambda x, inplace=False, f=reference, **params: f(x, **params), [shape_], params, domain=(-2.9, 8.3))
        for op, reference, keywords in [
            (F.relu, lambda x: np.where(x < 0, 0, x), {}),
            (activation.leaky_relu, leaky_relu, {"negative_slope": -0.3}),
            (activation.hardtanh, hardtanh, {"min_val": -2.5, "max_val": 0.5}),
            (activation.relu6, lambda x: hardtanh(x, 0, 6), {}),
            (smooth.elu, elu, {"alpha": 0.4}),
            (smooth.selu, lambda x: elu(x, 1.6732632423543772, 1.0507009873554805), {}),
            (smooth.silu, lambda x: x / (1 + np.exp(-x)), {}),
        ]
        # `inplace` is taken, and changes nothing: test_nothing_is_written_to.
        for shape_, params in [((7,), {**keywords, "inplace": False}), ((2, 3), {"inplace": True})]
    ],
    Row(smooth.gelu, lambda x: x / 2 * (1 + erf(x / np.sqrt(2))), [(2, 3)]),
    Row(smooth.gelu, lambda x, approximate: gelu_tanh(x), [(2, 3)], {"approximate": "tanh"}),
    Row(smooth.softplus, softplus, [(2, 3)], {"beta": 0.5}),
    Row(smooth.softplus, softplus, [(2, 3)], {"beta": 2.0, "threshold": 1.5}),
    *[
        Row(activation.prelu, prelu, inputs)
        for inputs in [[(2, 3, 2), (3,)], [(2, 3), (1,)], [(3,), (1,)], [(), ()], [(0, 3), (3,)]]
    ],
]
