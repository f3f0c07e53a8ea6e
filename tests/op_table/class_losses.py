"""Rows of the losses of classes: cross-entropy and the negative log-likelihood."""

import numpy as np

from tensorgrad.ops import cross_entropy as class_losses

from .calls import by_old_names, weighted
from .losses import SURE, reduced
from .row import PLAIN, POSITIVE, Row
from .softmax import log_softmax, softmax

KINKS = {
    "cross_entropy": "where all labels are ignored, the mean is nan and the gradient 0",
    "nll_loss": "where all labels are ignored, the mean is nan and the gradient 0",
}


def cross_entropy(x, target):
    picked = [softmax(row, 0)[label] for row, label in zip(x, target, strict=True)]
    return np.array(sum(-np.log(picked)) / len(picked) if picked else np.nan)


def cross_entropy_grad(gy, x, target):
    gx = np.zeros(x.shape)
    for n, label in enumerate(target):
        for c in range(x.shape[1]):
            gx[n, c] = gy * (softmax(x[n], 0)[c] - (c == label)) / len(x)
    return gx


def nll_loss(x, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    """Label by label: the class' own score, and with smoothing its share of every class'."""
    target = np.asarray(target)
    classes = x.shape[0] if x.ndim == 1 else x.shape[1]
    weight = np.ones(classes) if weight is None else weight
    losses, total = np.zeros(target.shape), 0.0
    for at in np.ndindex(target.shape):
        label = int(target[at])
        if label == ignore_index:
            continue
        scores = x if x.ndim == 1 else x[(at[0], slice(None), *at[1:])]
        losses[at] = -(1 - label_smoothing) * weight[label] * scores[label]
        losses[at] -= label_smoothing * np.mean(weight * scores)
        total += weight[label]
    return reduced(losses, reduction, total)


def full_cross_entropy(x, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    axis = 0 if x.ndim == 1 else 1
    scores = log_softmax(x, axis)
    if np.asarray(target).dtype.kind in "iu":
        return nll_loss(scores, target, weight, ignore_index, reduction, label_smoothing)
    shares = (1 - label_smoothing) * target + label_smoothing / x.shape[axis]
    weight = 1 if weight is None else weight.reshape([-1 if i == axis else 1 for i in range(x.ndim)])
    return reduced(-(shares * scores * weight).sum(axis), reduction)


ROWS: list[Row] = []

LABELS = np.array([2, 0, 2, 1])
ROWS += [
    Row(class_losses._cross_entropy, cross_entropy, [(4, 3), LABELS]),
    Row(class_losses._cross_entropy, cross_entropy, [(1, 1), LABELS[1:2]]),
    Row(class_losses.cross_entropy, cross_entropy, [(4, 3), LABELS]),
    Row(class_losses.cross_entropy, cross_entropy, [(4, 3), LABELS.astype(np.uint8)]),
    Row(class_losses.cross_entropy_grad, cross_entropy_grad, [(), (4, 3), LABELS]),
    Row(class_losses.cross_entropy_grad, cross_entropy_grad, [(), (0, 3), LABELS[:0]]),
]

PIXELS = np.array([[[2, 0], [1, 1]], [[0, 0], [2, 1]]])
ROWS += [
    Row(class_losses.nll_loss, nll_loss, [s, np.array(labels)], params)
    for s, labels, params in [
        ((4, 3), LABELS, {}),
        ((4, 3), LABELS, {"reduction": "none"}),
        ((4, 3), LABELS, {"ignore_index": 2, "reduction": "mean"}),
        ((4, 3), LABELS - 3 * (LABELS == 1), {"ignore_index": -2, "reduction": "sum"}),
        ((3,), 1, {}),
        ((2, 3, 2, 2), PIXELS, {"ignore_index": 1}),
        ((0, 3), LABELS[:0], {"reduction": "sum"}),
    ]
]
ROWS += [
    Row(class_losses.cross_entropy, full_cross_entropy, [s, np.array(labels)], params)
    for s, labels, params in [
        ((4, 3), LABELS, {"reduction": "none"}),
        ((4, 3), LABELS, {"ignore_index": 2}),
        ((4, 3), LABELS, {"label_smoothing": 0.3}),
        ((3,), 1, {}),
        ((3,), 1, {"label_smoothing": 1.0}),
        ((2, 3, 2, 2), PIXELS, {"ignore_index": 1, "label_smoothing": 0.1}),
        ((2, 3, 2, 2), PIXELS, {"reduction": "sum"}),
    ]
]
ROWS += [
    Row(op, reference, [s, np.array(labels), (3,)], params, domain=[PLAIN, PLAIN, POSITIVE], call=weighted(op))
    for op, reference, smoothing in [
        (class_losses.nll_loss, nll_loss, {}),
        (class_losses.cross_entropy, full_cross_entropy, {}),
        (class_losses.cross_entropy, full_cross_entropy, {"label_smoothing": 0.2}),
    ]
    for s, labels, params in [
        ((4, 3), LABELS, {**smoothing}),
        ((4, 3), LABELS, {"ignore_index": 2, **smoothing}),
        ((2, 3, 2, 2), PIXELS, {"reduction": "sum", **smoothing}),
    ]
]
ROWS += [
    Row(class_losses.cross_entropy, full_cross_entropy, [s, s], params, domain=[PLAIN, SURE])
    for s, params in [
        ((4, 3), {}),
        ((2, 3, 2), {"reduction": "none", "label_smoothing": 0.2}),
        ((3,), {"reduction": "sum"}),
    ]
]
ROWS.append(
    Row(
        class_losses.cross_entropy,
        full_cross_entropy,
        [(2, 3, 2), (2, 3, 2), (3,)],
        {"label_smoothing": 0.2},
        domain=[PLAIN, SURE, POSITIVE],
        call=weighted(class_losses.cross_entropy),
    )
)

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
        (class_losses.nll_loss, nll_loss, LABELS[:2], PLAIN),
        (class_losses.cross_entropy, full_cross_entropy, LABELS[:2], PLAIN),
    ]
    for s, params, reduction in [((2, 3), {"size_average": False}, "sum"), ((2, 3), {"reduce": False}, "none")]
]
