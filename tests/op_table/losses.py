"""Rows of the losses of single values."""

import functools

import numpy as np

from tensorgrad.ops import divergence, loss

from .calls import by_old_names, weighted
from .row import PLAIN, POSITIVE, Row

KINKS = {
    "l1_loss": "the slope where input is target is 0",
    "smooth_l1_loss": "the second derivative at a distance of beta is 0; with beta 0, the slope at 0 is 0",
    "huber_loss": "the second derivative at a distance of delta is 0",
    "binary_cross_entropy": "logarithms below -100 count as -100; the slope at 0 and 1 divides by 1e-12",
    "kl_div": "a target of 0 costs nothing, and its own gradient is nan",
}


def reduced(losses, reduction, divisor=None):
    total = sum(np.ravel(losses).tolist())
    count = np.size(losses) if divisor is None else divisor
    return losses if reduction == "none" else np.array(total if reduction == "sum" else total / count)


def mse_loss(x, y, weight=None, reduction="mean"):
    losses = (x - y) ** 2 * (1 if weight is None else weight)
    return reduced(losses, reduction, None if weight is None else weight.sum())


def l1_loss(x, y, weight=None, reduction="mean"):
    losses = np.sqrt((x - y) ** 2) * (1 if weight is None else weight)
    return reduced(losses, reduction, None if weight is None else weight.sum())


def huber(x, y, delta, slope):
    d = np.sqrt((x - y) ** 2)
    return slope * np.where(d < delta, d * d / 2, delta * (d - delta / 2))


def huber_loss(x, y, delta=1.0, reduction="mean"):
    return reduced(huber(x, y, delta, 1.0), reduction)


def smooth_l1_loss(x, y, beta=1.0, reduction="mean"):
    d = np.sqrt((x - y) ** 2)
    return reduced(d if beta == 0 else np.where(d < beta, d * d / 2 / (beta or 1), d - beta / 2), reduction)


def binary_cross_entropy(x, y, weight=None, pos_weight=1.0, reduction="mean"):
    losses = -(pos_weight * y * np.log(x) + (1 - y) * np.log(1 - x)) * (1 if weight is None else weight)
    return reduced(losses, reduction)


def binary_logits(x, y, weight=None, pos_weight=1.0, reduction="mean"):
    return binary_cross_entropy(1 / (1 + np.exp(-x)), y, weight, pos_weight, reduction)


def kl_div(x, y, reduction="mean", log_target=False):
    losses = np.exp(y) * (y - x) if log_target else y * (np.log(y) - x)
    if reduction == "batchmean":
        return np.array(losses.sum() / (x.shape[0] if x.ndim else 1))
    return reduced(losses, reduction)


ROWS: list[Row] = []

PROBABLE, SURE = (0.09, 0.93), (0.03, 0.96)
ROWS += [
    Row(op, lambda x, y, f=reference: f(x, y, reduction="none"), [x, y], domain=domain)
    for op, reference, domain in [
        (loss._squared_error, mse_loss, PLAIN),
        (divergence._binary_cross_entropy, binary_cross_entropy, [PROBABLE, SURE]),
        (divergence._kl_div, kl_div, [PLAIN, SURE]),
        (divergence._kl_div_log, functools.partial(kl_div, log_target=True), PLAIN),
    ]
    for x, y in [((2, 3), (3,)), ((), ()), ((0, 3), (1, 3))]
]
ROWS += [
    Row(divergence._binary_slope, lambda x, y: (x - y) / x / (1 - x), [x, y], domain=[PROBABLE, SURE])
    for x, y in [((2, 3), (3,)), ((), ()), ((0, 3), (1, 3))]
]
ROWS += [
    Row(
        op,
        reference,
        [x, y, p],
        domain=[PLAIN, SURE, (0.4, 2.3)][: 2 + (p != 1.0)] + [PLAIN] * (p == 1.0),
    )
    for op, reference in [
        (divergence._binary_logits, lambda x, y, p: binary_logits(x, y, None, p, "none")),
        (divergence._binary_logits_slope, lambda x, y, p: (1 - y) / (1 + np.exp(-x)) - p * y / (1 + np.exp(x))),
    ]
    for x, y, p in [((2, 3), (2, 3), (3,)), ((2, 3), (2, 3), 1.0), ((), (), ()), ((0, 3), (0, 3), (3,))]
]
ROWS += [
    Row(loss._error_times, lambda g, x, y: 2 * g * (x - y), shapes)
    for shapes in [[(2, 3), (2, 3), (3,)], [(), (), ()], [(0, 3), (0, 3), (1, 3)]]
]
ROWS += [
    Row(loss._huber, huber, [x, (3,)], {"delta": delta, "slope": slope})
    for x, delta, slope in [((2, 3), 1.0, 1.0), ((4, 3), 0.6, 2.5), ((0, 3), 1.0, 1.0)]
]
ROWS += [
    Row(op, reference, inputs, params, domain=domains[: len(inputs)], call=weighted(op) if inputs[2:] else None)
    for op, reference, domains in [
        (loss.mse_loss, mse_loss, [PLAIN, PLAIN, POSITIVE]),
        (loss.l1_loss, l1_loss, [PLAIN, (-2.31, 2.6), POSITIVE]),
        (divergence.binary_cross_entropy, binary_cross_entropy, [PROBABLE, SURE, POSITIVE]),
        (divergence.binary_cross_entropy_with_logits, binary_logits, [PLAIN, SURE, POSITIVE]),
    ]
    for inputs, params in [
        ([(2, 3), (2, 3)], {}),
        ([(2, 3), (2, 3)], {"reduction": "sum"}),
        ([(), ()], {"reduction": "none"}),
        ([(2, 3), (2, 3), (2, 3)], {"reduction": "mean"}),
        ([(2, 3), (2, 3), (2, 3)], {"reduction": "none"}),
    ]
]
ROWS += [
    Row(loss.smooth_l1_loss, smooth_l1_loss, [(2, 3), (2, 3)], params, domain=[PLAIN, (-2.31, 2.6)])
    for params in [{}, {"beta": 0.6, "reduction": "sum"}, {"beta": 0.0}, {"beta": 2.5, "reduction": "none"}]
]
ROWS += [
    Row(loss.huber_loss, huber_loss, [s, s], params)
    for s, params in [((2, 3), {}), ((4, 3), {"delta": 0.6, "reduction": "sum"}), ((), {"reduction": "none"})]
]
ROWS.append(
    Row(
        loss.huber_loss,
        lambda x, y, w: np.mean(huber(x, y, 1, 1) * w),
        [(2, 3), (2, 3), (2, 3)],
        call=weighted(loss.huber_loss),
    )
)
ROWS.append(
    Row(
        divergence.binary_cross_entropy_with_logits,
        lambda x, y, p, reduction: binary_logits(x, y, None, p, reduction),
        [(2, 3), (2, 3), (3,)],
        {"reduction": "sum"},
        domain=[PLAIN, SURE, POSITIVE],
        call=weighted(divergence.binary_cross_entropy_with_logits, "pos_weight"),
    )
)
ROWS += [
    Row(divergence.kl_div, kl_div, [s, s], params, domain=[PLAIN, PLAIN if "log_target" in params else SURE])
    for s, params in [
        ((2, 3), {}),
        ((2, 3), {"reduction": "batchmean"}),
        ((2, 3), {"reduction": "sum", "log_target": True}),
        ((3,), {"reduction": "none"}),
        ((), {"reduction": "batchmean", "log_target": True}),
    ]
]

# Reductions by PyTorch's old names
ROWS += [
    Row(
        op,
        lambda x, y, reduction=reduction, f=reference, **_: f(x, y, reduction=reduction),
        [s, y],
        params,
        domain=domain,
        call=by_old_names(op),
    )
    for op, reference, y, domain in [
        (loss.mse_loss, mse_loss, (2, 3), PLAIN),
        (loss.l1_loss, l1_loss, (2, 3), [PLAIN, (-2.31, 2.6)]),
        (loss.smooth_l1_loss, smooth_l1_loss, (2, 3), [PLAIN, (-2.31, 2.6)]),
        (divergence.binary_cross_entropy, binary_cross_entropy, (2, 3), [PROBABLE, SURE]),
        (divergence.binary_cross_entropy_with_logits, binary_logits, (2, 3), [PLAIN, SURE]),
        (divergence.kl_div, kl_div, (2, 3), [PLAIN, SURE]),
    ]
    for s, params, reduction in [((2, 3), {"size_average": False}, "sum"), ((2, 3), {"reduce": False}, "none")]
]
