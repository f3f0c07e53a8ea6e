"""Rows of dropout: of values, of whole channels, and the one that goes with selu."""

import numpy as np

import nn.functional as F
from tensorgrad.ops import activation, alpha_dropout

from .calls import of_nn
from .row import Row, Seed


def dropout(x, p, generator):
    return np.array([v / (1 - p) if u >= p else 0.0 for v, u in _with_draws(x, generator)]).reshape(x.shape)


def _with_draws(x, generator):
    return zip(x.ravel(), np.ravel(generator.random(x.shape, np.float32)), strict=True)


def dropout_channels(x, p=0.5, training=True, inplace=False, *, rank, generator):
    """One draw for all places of a channel."""
    channels = np.ones((*x.shape[: x.ndim - rank], *[1] * rank))
    return x * dropout(channels, p, generator) if training else x


def alpha_dropped(x, p=0.5, training=False, inplace=False, channels=False, *, generator=None):
    if not training or p == 0:
        return x
    kept = generator.random(x.shape[:2] + (1,) * (x.ndim - 2) if channels else x.shape, np.float32) >= p
    if p == 1:
        return 0 * x
    lowest = -1.7580993408473766
    a = (1 - p + (1 - p) * p * lowest**2) ** -0.5
    return a * (np.where(kept, x, lowest) - p * lowest)


ROWS: list[Row] = [
    Row(activation._dropout, dropout, [(4, 5)], {"p": 0.5, "generator": Seed(1)}),
    Row(activation._dropout, dropout, [(4, 5)], {"p": 0.2, "generator": Seed(2)}),
    Row(activation._dropout, dropout, [(0, 3)], {"p": 0.2, "generator": Seed(2)}),
    Row(activation._dropout, lambda x, p, generator: x * 0, [(4, 5)], {"p": 1.0, "generator": Seed(2)}),
    Row(activation._dropout, dropout, [()], {"p": 0.25, "generator": Seed(4)}),
    Row(activation.dropout, lambda x, p, training: x, [(4, 5)], {"p": 0.5, "training": False}),
    Row(activation.dropout, dropout, [(4, 5)], {"p": 0.75, "generator": Seed(3)}),
    # What goes with selu
    *[
        Row(alpha_dropout._alpha_dropout, lambda x, **p: alpha_dropped(x, training=True, **p), [shape], params)
        for shape in [(4, 5), (2, 3, 4)]
        for params in [
            {"p": 0.5, "channels": False, "generator": Seed(1)},
            {"p": 0.2, "channels": True, "generator": Seed(2)},
            {"p": 1.0, "channels": True, "generator": Seed(3)},
        ]
    ],
    *[
        Row(op, lambda x, channels=channels, **p: alpha_dropped(x, channels=channels, **p), [shape], params)
        for op, channels in [(alpha_dropout.alpha_dropout, False), (alpha_dropout.feature_alpha_dropout, True)]
        for shape, params in [
            ((3, 4, 2), {"p": 0.4, "training": True, "generator": Seed(1)}),
            ((3, 4, 2), {"training": True, "inplace": True, "generator": Seed(2)}),
            ((0, 4), {"training": True, "generator": Seed(3)}),
            ((3, 4), {"p": 0.0, "training": True}),
            ((3, 4), {"p": 0.3, "training": False}),
        ]
    ],
]

# Dropout of nn: whole channels but for the first. `inplace` changes nothing.
ROWS += [
    Row(
        op,
        lambda x, rank=rank, **params: dropout_channels(x, rank=rank, **params),
        [shape_],
        {"p": p, "training": training, "inplace": inplace, "generator": Seed(rank)},
        call=of_nn(op),
    )
    for rank, (op, shapes) in enumerate(
        [
            (F.dropout, [(4, 5), (3,)]),
            (F.dropout1d, [(3, 4, 2), (5, 3)]),
            (F.dropout2d, [(3, 4, 2, 1), (2, 2, 2, 2)]),
            (F.dropout3d, [(2, 4, 2, 1, 2), (4, 2, 2, 2)]),
        ]
    )
    for shape_, p, training, inplace in [(shapes[0], 0.5, True, False), (shapes[1], 0.3, True, True)]
]
ROWS += [
    Row(op, lambda x, **_: x, [shape_], {"training": False}, call=of_nn(op))
    for op, shape_ in [
        (F.dropout, (2, 3)),
        (F.dropout1d, (2, 3)),
        (F.dropout2d, (1, 2, 2, 3)),
        (F.dropout3d, (2, 1, 2, 3)),
    ]
]
