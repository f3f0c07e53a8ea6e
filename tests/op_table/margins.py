"""Rows of distances and angles, of the losses that ask for a margin, and of the negative log-likelihoods."""

import itertools
import math

import numpy as np

from tensorgrad.ops import distance, label_margin_loss, margin_loss, nll

from .calls import by_old_names
from .row import PLAIN, POSITIVE, Row

KINKS = {
    "normalize": "a vector of zeros stays zeros",
    "cosine_similarity": "a length below eps counts as eps, without a gradient of its own",
    "pairwise_distance": "the gradient of a distance of 0 is 0",
    "margin_ranking_loss": "where the margin is just kept, the slope is that of the loss",
    "hinge_embedding_loss": "where the margin is just kept, the slope is that of the loss",
    "cosine_embedding_loss": "where the margin is just kept, the slope is that of the loss",
    "triplet_margin_loss": "where the margin is just kept, the slope is that of the loss; swap splits ties evenly",
    "multi_margin_loss": "where the margin is just kept, the slope is 0",
    "multilabel_margin_loss": "where the margin is just kept, the slope is 0",
    "gaussian_nll_loss": "a variance below eps has the gradient of eps",
    "poisson_nll_loss": "full: no term of Stirling for targets up to 1; not log_input: the slope at -eps is infinite",
    "triplet_margin_with_distance_loss": "where the margin is just kept, the slope is that of the loss",
}


def length(x, p, dim, keepdim=False):
    if p == math.inf:
        return np.max(abs(x), dim, keepdims=keepdim)
    return np.sum(abs(x) ** p, dim, keepdims=keepdim) ** (1 / p)


def normalize(x, p=2.0, dim=1, eps=1e-12):
    return x / np.maximum(length(x, p, dim, True), eps)


def cosine(x, y, dim=1, eps=1e-8):
    x, y = np.broadcast_arrays(x, y)
    return (normalize(x, 2, dim, eps) * normalize(y, 2, dim, eps)).sum(dim)


def pairwise_distance(x, y, p=2.0, eps=1e-6, keepdim=False):
    return length(x - y + eps, p, -1, keepdim)


def reduce_by(loss, reduction):
    return np.asarray({"mean": np.mean, "sum": np.sum, "none": lambda x: x}[reduction](loss))


def margin_ranking(x, y, target, margin=0, reduction="mean"):
    return reduce_by(np.maximum(margin - target * (x - y), 0), reduction)


def hinge_embedding(x, target, margin=1.0, reduction="mean"):
    loss = np.where(target == 1, x, np.where(target == -1, np.maximum(margin - x, 0), x + np.maximum(margin - x, 0)))
    return reduce_by(loss, reduction)


def soft_margin(x, target, reduction="mean"):
    return reduce_by(np.log(1 + np.exp(-target * x)), reduction)


def cosine_embedding(x, y, target, margin=0, reduction="mean"):
    angle = np.sum(x * y, -1) / np.sqrt((x * x).sum(-1) * (y * y).sum(-1))
    loss = np.where(target == 1, 1 - angle, np.where(target == -1, np.maximum(angle - margin, 0), 0 * angle))
    return reduce_by(loss, reduction)


def triplet(a, x, y, margin=1.0, p=2, eps=1e-6, swap=False, reduction="mean", distance=None):
    distance = distance or (lambda x, y: pairwise_distance(x, y, p, eps))
    near, far = distance(a, x), distance(a, y)
    if swap:
        far = np.minimum(far, distance(x, y))
    return reduce_by(np.maximum(margin + near - far, 0), reduction)


def triplet_with(a, x, y, distance_function=None, **params):
    """The distance that the rows give works on NumPy's arrays too."""
    return triplet(a, x, y, distance=distance_function, **params)


class CityBlock:
    """A distance that has the same name in every run, as ids of rows need it."""

    def __call__(self, x, y):
        return abs(x - y).sum(-1)

    def __repr__(self):
        return "city_block"


def multi_margin(x, target, weight=None, p=1, margin=1.0, reduction="mean"):
    rows, labels = np.atleast_2d(x), np.atleast_1d(target)
    losses = []
    for row, label in zip(rows, labels, strict=True):
        terms = [max(0, margin - row[label] + row[j]) ** p for j in range(len(row)) if j != label]
        losses.append(sum(terms) / len(row) * (1 if weight is None else weight[label]))
    return reduce_by(np.array(losses).reshape(np.shape(target)), reduction)


def multilabel_margin(x, target, reduction="mean"):
    losses = []
    for row, labels in zip(np.atleast_2d(x), np.atleast_2d(target), strict=True):
        labels = list(itertools.takewhile(lambda label: label != -1, labels))
        terms = [max(0, 1 - row[i] + row[j]) for i in labels for j in range(len(row)) if j not in labels]
        losses.append(sum(terms) / len(row))
    return reduce_by(np.array(losses).reshape(x.shape[:-1]), reduction)


def multilabel_soft_margin(x, target, weight=1.0, reduction="mean"):
    chance = 1 / (1 + np.exp(-x))
    loss = -(target * np.log(chance) + (1 - target) * np.log(1 - chance)) * weight
    return reduce_by(loss.mean(-1), reduction)


def gaussian_nll(x, target, var, full=False, eps=1e-6, reduction="mean"):
    var = np.asarray(var)[..., None] if np.shape(var) == x.shape[:-1] and np.ndim(var) else var
    constant = 0.5 * math.log(2 * math.pi) if full else 0
    return reduce_by(
        0.5 * (np.log(np.maximum(var, eps)) + (x - target) ** 2 / np.maximum(var, eps)) + constant, reduction
    )


def poisson_nll(x, target, log_input=True, full=False, eps=1e-8, reduction="mean"):
    loss = np.exp(x) - target * x if log_input else x - target * np.log(x + eps)
    if full:
        stirling = target * np.log(target) - target + 0.5 * np.log(2 * math.pi * target)
        loss = loss + np.where(target > 1, stirling, 0)
    return reduce_by(loss, reduction)


SIGNS, LABELS = np.array([1, -1, 1, -1]), np.array([0, 2, 1, 2])
SETS = np.array([[0, 2, -1], [-1, 0, 1], [1, -1, 1], [2, 1, 0]])
BITS = np.array([[0, 1, 1], [1, 0, 0]])
FAR = (-2.31, 2.6)  # differs from PLAIN everywhere
REDUCTIONS = [{}, {"reduction": "sum"}, {"reduction": "none"}]


def weights_last(op, key="weight"):
    """A loss whose weights come last among its inputs here, but not in its signature."""
    return lambda x, y, weight, **params: op(x, y, **{key: weight}, **params)


def three(*keywords):
    """Each of the keywords, and each of the reductions."""
    return [*keywords, *REDUCTIONS]


ROWS = [
    *[
        Row(distance.normalize, normalize, [shape], params)
        for shape, params in [
            ((3, 4), {}),
            ((3, 4), {"p": 1.0, "dim": 0}),
            ((3, 4), {"p": 3.0, "eps": 4.0}),
            ((2, 3, 2), {"p": 2.5, "dim": -1}),
            ((2, 3, 2), {"dim": (0, 2)}),
            ((3, 4), {"p": math.inf, "eps": 0.1}),
            ((0, 4), {}),
        ]
    ],
    *[
        Row(distance.cosine_similarity, cosine, inputs, params)
        for inputs, params in [
            ([(3, 4), (3, 4)], {}),
            ([(3, 4), (4,)], {"dim": -1}),
            ([(3, 4), (3, 1)], {"dim": 1, "eps": 3.0}),
            ([(2, 1, 3), (2, 3)], {"dim": 2}),
            ([(0, 4), (0, 4)], {}),
        ]
    ],
    *[
        Row(distance.pairwise_distance, pairwise_distance, inputs, params, domain=[PLAIN, FAR])
        for inputs, params in [
            ([(3, 4), (3, 4)], {}),
            ([(3, 4), (4,)], {"p": 1.0, "keepdim": True}),
            ([(4,), (4,)], {"p": 3.0, "eps": 0.1}),
            ([(2, 3, 4), (1, 4)], {"p": math.inf}),
            ([(0, 4), (0, 4)], {"p": 2.5}),
        ]
    ],
    *[
        Row(margin_loss.margin_ranking_loss, margin_ranking, [(4,), (4,), SIGNS], params, domain=[PLAIN, FAR, PLAIN])
        for params in three({"margin": 0.57})
    ],
    *[
        Row(margin_loss.hinge_embedding_loss, hinge_embedding, [(4,), SIGNS], params)
        for params in three({"margin": -0.4})
    ],
    Row(margin_loss.hinge_embedding_loss, hinge_embedding, [(2, 4), np.array([1, -1, 0, 3])]),
    *[Row(margin_loss.soft_margin_loss, soft_margin, [(3, 4), SIGNS], params) for params in REDUCTIONS],
    Row(margin_loss.soft_margin_loss, soft_margin, [(3,), (3,)]),
    *[
        Row(margin_loss.cosine_embedding_loss, cosine_embedding, [(4, 3), (4, 3), SIGNS], params)
        for params in three({"margin": -0.5})
    ],
    Row(margin_loss.cosine_embedding_loss, cosine_embedding, [(3,), (3,), np.array(1)]),
    Row(margin_loss.cosine_embedding_loss, cosine_embedding, [(3, 2), (3, 2), np.array([1, 0, -1])]),
    *[
        Row(
            margin_loss.triplet_margin_loss,
            triplet,
            [(3, 4)] * 3,
            params,
            domain=[PLAIN, FAR, (-3.3, 2.9)],
        )
        for params in three({"margin": 4.0, "p": 3.0}, {"swap": True, "margin": 2.0}, {"eps": 0.1, "margin": 3.0})
    ],
    *[
        Row(
            margin_loss.triplet_margin_with_distance_loss,
            triplet_with,
            [(3, 4)] * 3,
            params,
            domain=[PLAIN, FAR, (-3.3, 2.9)],
        )
        for params in three({"distance_function": CityBlock(), "margin": 9.0}, {"swap": True, "margin": 2.0})
    ],
    *[
        Row(label_margin_loss.multi_margin_loss, multi_margin, [(4, 3), LABELS], params)
        for params in three({"p": 2}, {"margin": 0.37})
    ],
    Row(label_margin_loss.multi_margin_loss, multi_margin, [(3,), np.array(1)]),
    Row(label_margin_loss.multi_margin_loss, multi_margin, [(3,), np.array([1])], {"reduction": "none", "p": 2}),
    Row(
        label_margin_loss.multi_margin_loss,
        multi_margin,
        [(4, 3), LABELS, (3,)],
        {"margin": 1.4, "p": 2},
        domain=[PLAIN, PLAIN, POSITIVE],
        call=weights_last(label_margin_loss.multi_margin_loss),
    ),
    *[
        Row(label_margin_loss.multilabel_margin_loss, multilabel_margin, [(4, 3), SETS], params)
        for params in REDUCTIONS
    ],
    Row(label_margin_loss.multilabel_margin_loss, multilabel_margin, [(3,), np.array([2, -1, 0])]),
    *[
        Row(label_margin_loss.multilabel_soft_margin_loss, multilabel_soft_margin, [(2, 3), BITS], params)
        for params in REDUCTIONS
    ],
    Row(
        label_margin_loss.multilabel_soft_margin_loss, multilabel_soft_margin, [(3,), (3,)], domain=[PLAIN, (0.1, 0.9)]
    ),
    Row(
        label_margin_loss.multilabel_soft_margin_loss,
        multilabel_soft_margin,
        [(2, 3), BITS, (3,)],
        domain=[PLAIN, PLAIN, POSITIVE],
        call=weights_last(label_margin_loss.multilabel_soft_margin_loss),
    ),
    # Likelihoods
    Row(nll._at_least, lambda x, least: np.maximum(x, least), [(2, 3)], {"least": 0.1}, domain=POSITIVE),
    Row(nll._at_least, lambda x, least: np.maximum(x, least), [(0,)], {"least": 0.2}, domain=POSITIVE),
    *[
        Row(nll.gaussian_nll_loss, gaussian_nll, [(2, 3), (2, 3), var], params, domain=[PLAIN, FAR, POSITIVE])
        for var, params in [
            ((2, 3), {}),
            ((2,), {"full": True}),
            ((2, 1), {"eps": 0.1}),
            ((2, 3), {"reduction": "sum"}),
            ((2, 3), {"reduction": "none"}),
            (0.7, {}),
        ]
    ],
    *[
        Row(nll.poisson_nll_loss, poisson_nll, [(2, 3), (2, 3)], params, domain=[POSITIVE, (0.13, 5.2)])
        for params in three({"log_input": False}, {"log_input": False, "eps": 0.1}, {"full": True})
    ],
    # Reductions by PyTorch's old names
    *[
        Row(
            op,
            lambda *inputs, reduction=reduction, f=reference, **_: f(*inputs, reduction=reduction),
            inputs,
            params,
            domain=[PLAIN, FAR, (-3.3, 2.9)][: len(inputs)],
            call=by_old_names(op),
        )
        for op, reference, inputs in [
            (margin_loss.margin_ranking_loss, margin_ranking, [(4,), (4,), SIGNS]),
            (margin_loss.hinge_embedding_loss, hinge_embedding, [(4,), SIGNS]),
            (margin_loss.soft_margin_loss, soft_margin, [(4,), SIGNS]),
            (margin_loss.cosine_embedding_loss, cosine_embedding, [(4, 3), (4, 3), SIGNS]),
            (margin_loss.triplet_margin_loss, triplet, [(3, 4)] * 3),
            (label_margin_loss.multi_margin_loss, multi_margin, [(4, 3), LABELS]),
            (label_margin_loss.multilabel_margin_loss, multilabel_margin, [(4, 3), SETS]),
            (label_margin_loss.multilabel_soft_margin_loss, multilabel_soft_margin, [(2, 3), BITS]),
            (nll.poisson_nll_loss, poisson_nll, [(2, 3), (2, 3)]),
        ]
        for params, reduction in [({"size_average": False}, "sum"), ({"reduce": False}, "none")]
    ],
]
