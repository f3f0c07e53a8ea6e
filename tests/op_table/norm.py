"""Rows of batch, instance, group, layer and rms normalisation."""

import math

import numpy as np

import nn.functional as F
import tensorgrad as tg
from tensorgrad.node import TensorBase
from tensorgrad.ops import group_norm as within
from tensorgrad.ops import layer_norm as last_axes
from tensorgrad.ops import norm, reduce, shape
from tests import naive

from .calls import alike
from .row import Row


def batch_norm_grad(gy, x, weight, eps):
    """From each channel's full Jacobian: d out_i / d x_j = w/std * ((i == j) - 1/n - xhat_i xhat_j / n)."""
    gx, gw, gb = np.zeros(x.shape), np.zeros(x.shape[1]), np.zeros(x.shape[1])
    for c in range(x.shape[1]):
        values, g = x[:, c].ravel(), gy[:, c].ravel()
        n, std = max(len(values), 1), np.sqrt(values.var() + eps) if len(values) else 1.0
        xhat = (values - values.sum() / n) / std
        jacobian = (np.eye(len(values)) - 1 / n - np.outer(xhat, xhat) / n) / std
        gx[:, c] = (g @ jacobian).reshape(gx[:, c].shape) * (1 if weight is None else weight[c])
        gw[c], gb[c] = (g * xhat).sum(), g.sum()
    return gx, gw, gb


def group_norm(x, weight, bias, groups, eps):
    """Image by image and group by group: result, means, biased variances."""
    out, mean, var = np.zeros(x.shape), np.zeros((len(x), groups)), np.zeros((len(x), groups))
    size = x.shape[1] // groups
    for n, k in np.ndindex(mean.shape):
        channels = slice(k * size, (k + 1) * size)
        values = x[n, channels]
        mean[n, k], var[n, k] = np.mean(values), np.mean((values - np.mean(values)) ** 2)
        out[n, channels] = (values - mean[n, k]) / np.sqrt(var[n, k] + eps)
    keep = (-1, *[1] * (x.ndim - 2))
    out = out if weight is None else out * weight.reshape(keep)
    return out if bias is None else out + bias.reshape(keep), mean, var


def group_norm_grad(gy, x, weight, groups, eps):
    """From each group's full Jacobian, as in batch_norm_grad."""
    gx, size = np.zeros(x.shape), x.shape[1] // groups
    keep = (-1, *[1] * (x.ndim - 2))
    g = gy if weight is None else gy * weight.reshape(keep)
    for n, k in np.ndindex(len(x), groups):
        channels = slice(k * size, (k + 1) * size)
        values = x[n, channels].ravel()
        xhat = (values - values.mean()) / np.sqrt(values.var() + eps)
        jacobian = (np.eye(len(values)) - (1 + np.outer(xhat, xhat)) / len(values)) / np.sqrt(values.var() + eps)
        gx[n, channels] = (g[n, channels].ravel() @ jacobian).reshape(gx[n, channels].shape)
    normal = group_norm(x, None, None, groups, eps)[0]
    axes = (0, *range(2, x.ndim))
    return gx, (gy * normal).sum(axes), gy.sum(axes)


def moved(running, now, momentum):
    """The running statistics after a step towards those of now; nothing for none."""
    pairs = zip(running, now, strict=True)
    return tuple((1 - momentum) * np.array(old) + momentum * np.array(new) for old, new in pairs if old is not None)


def batch_norm(x, w=None, b=None, running_mean=None, running_var=None, training=False, momentum=0.1, eps=1e-5):
    """Channel by channel, and the running statistics afterwards."""
    out, running = np.zeros(x.shape), (running_mean, running_var)
    counts = [max(x[:, c].size - 1, 1) for c in range(x.shape[1])]
    means = [x[:, c].mean() if training else running_mean[c] for c in range(x.shape[1])]
    squares = [((x[:, c] - means[c]) ** 2).sum() for c in range(x.shape[1])]
    for c, (mean, square, count) in enumerate(zip(means, squares, counts, strict=True)):
        var = square / (count + 1) if training else running_var[c]
        out[:, c] = (x[:, c] - mean) / np.sqrt(var + eps) * (1 if w is None else w[c]) + (0 if b is None else b[c])
    now = (means, [square / count for square, count in zip(squares, counts, strict=True)])
    return out, *moved(running, now if training else running, momentum)


def affine_channel(x, weight, bias):
    channels = [x[:, c] * w + (0 if bias is None else bias[c]) for c, w in enumerate(weight)]
    return np.stack(channels, 1)


def instance_norm(x, w=None, b=None, running_mean=None, running_var=None, use_input_stats=True, momentum=0.1, eps=1e-5):
    """Image by image, and the running statistics afterwards."""
    running = (running_mean, running_var)
    if not use_input_stats:
        return batch_norm(x, w, b, *running, momentum=momentum, eps=eps)
    out, mean, var = group_norm(x, w, b, x.shape[1], eps)
    places = np.prod(x.shape[2:])
    return out, *moved(running, (mean.mean(0), var.mean(0) * places / (places - 1)), momentum)


def layer_norm(x, weight, bias, axes, eps):
    rows = x.reshape(-1, np.prod(x.shape[x.ndim - axes :], dtype=int))
    flat = [None if v is None else v.ravel() for v in (weight, bias)]
    out, mean, var = group_norm(rows, *flat, 1, eps)
    return out.reshape(x.shape), mean, var


def rms_norm(x, weight, axes, eps):
    rows = x.reshape(-1, np.prod(x.shape[x.ndim - axes :], dtype=int))
    square = np.array([[np.mean(row**2)] for row in rows]).reshape(len(rows), 1)
    out = (rows / np.sqrt(square + eps)).reshape(x.shape)
    return out if weight is None else out * weight, square


def rms_norm_grad(gy, x, weight, eps):
    """From each row's full Jacobian: d out_i / d x_j = w_i/rms * ((i == j) - xhat_i xhat_j / n)."""
    gx, gw = np.zeros(x.shape), np.zeros(x.shape[1])
    for n, row in enumerate(x):
        rms = np.sqrt(np.mean(row**2) + eps)
        jacobian = (np.eye(len(row)) - np.outer(row, row) / rms**2 / len(row)) / rms
        gx[n] = (gy[n] * (1 if weight is None else weight)) @ jacobian
        gw += gy[n] * row / rms
    return gx, gw


def batch_norm_grad_call(gy, x, weight, eps):
    """With the mean and variance of x, the only ones for which the fused rule is right."""
    axes = tuple(i for i in range(x.ndim) if i != 1)
    keep = (-1, *[1] * (x.ndim - 2))
    count = max(norm.values_per_channel(x.shape), 1)
    mean = reduce.sum(x, axes) / count
    centred = x - shape.reshape(mean, keep)
    return norm.batch_norm_grad(gy, x, weight, mean, reduce.sum(centred * centred, axes) / count, eps=eps)


def group_norm_grad_call(gy, x, weight, groups, eps):
    """With the means and variances of x, the only ones for which the fused rule is right."""
    rows = shape.reshape(x, (x.shape[0], groups, math.prod(x.shape[1:]) // groups))
    mean = reduce.mean(rows, 2, keepdim=True)
    var = reduce.mean((rows - mean) * (rows - mean), 2)
    return within.group_norm_grad(gy, x, weight, reduce.mean(rows, 2), var, groups=groups, eps=eps)


def rms_norm_grad_call(gy, x, weight, eps):
    return last_axes.rms_norm_grad(gy, x, weight, reduce.mean(x * x, 1, keepdim=True), eps=eps)


def with_running(op):
    """A normalisation, and what it leaves in copies of the running statistics."""

    def call(x, *weights, running_mean=None, running_var=None, **params):
        running = [None if r is None else np.array(r, x.dtype) for r in (running_mean, running_var)]
        made = tg.from_numpy if isinstance(x, TensorBase) or op is F.batch_norm else np.asarray
        running = [None if r is None else made(r) for r in running]
        out = op(x if isinstance(x, TensorBase) else made(x), *running, *weights, **params)
        return alike(x, out), *[alike(x, r) for r in running if r is not None]

    return call


ROWS: list[Row] = []

# Batch normalisation
ROWS += [
    Row(op, lambda x, w, b, eps: naive.batch_norm(x, w, b, eps), [x, weight, bias], {"eps": eps}, mixed=True)
    for op in [norm._batch_norm, norm.native_batch_norm]
    for x, weight, bias, eps in [
        ((3, 2, 2, 3), (2,), (2,), 1e-5),
        ((4, 3), (3,), (3,), 0.1),
        ((3, 2, 4), None, None, 1e-5),
        ((2, 2, 3, 2), (2,), None, 1e-3),
        ((2, 2, 3, 2), None, (2,), 1e-3),
        ((2, 2, 1, 2, 2), (2,), (2,), 1e-5),
    ]
]
ROWS += [
    Row(op, affine_channel, [x, weight, bias])
    for op in [norm._affine_channel, norm.affine_channel]
    for x, weight, bias in [
        ((3, 2, 2, 3), (2,), (2,)),
        ((4, 3), (3,), None),
        ((2, 3, 4), (3,), (3,)),
        ((0, 2, 2), (2,), None),
    ]
]
ROWS += [
    Row(norm.batch_norm_grad, batch_norm_grad, [x, x, weight], {"eps": eps}, call=batch_norm_grad_call)
    for x, weight, eps in [
        ((3, 2, 2, 3), (2,), 1e-5),
        ((4, 3), (3,), 0.1),
        ((3, 2, 4), None, 1e-3),
        ((0, 2, 2), (2,), 0.1),
    ]
]

# Group, instance, layer and rms normalisation
RUNNING = np.array([0.3, -0.2, 0.8]), np.array([1.3, 0.4, 2.1])
STATISTICS = dict(zip(("running_mean", "running_var"), RUNNING, strict=True))
GROUPS = [
    ((2, 4, 3), (4,), (4,), 2, 1e-5),
    ((2, 4, 2, 3), (4,), None, 1, 0.1),
    ((3, 3, 2, 2), None, (3,), 3, 1e-5),
    ((2, 6), None, None, 2, 1e-5),
    ((0, 4, 3), (4,), (4,), 2, 1e-5),
]
LAYERS = [
    ((3, 4), (4,), (4,), 1, 1e-5),
    ((2, 2, 3), (2, 3), (2, 3), 2, 0.1),
    ((2, 2, 5), None, (5,), 1, 1e-5),
    ((5,), (5,), None, 1, 1e-5),
    ((0, 3), (3,), (3,), 1, 1e-5),
]
ROWS += [
    Row(within._group_norm, group_norm, [x, weight, bias], {"groups": groups, "eps": eps}, mixed=True)
    for x, weight, bias, groups, eps in GROUPS
]
ROWS += [
    Row(within.group_norm_grad, group_norm_grad, [x, x, w], {"groups": groups, "eps": eps}, call=group_norm_grad_call)
    for x, w, _, groups, eps in GROUPS
]
ROWS += [
    Row(last_axes._layer_norm, layer_norm, [x, weight, bias], {"axes": axes, "eps": eps}, mixed=True)
    for x, weight, bias, axes, eps in LAYERS
]
ROWS += [
    Row(last_axes._rms_norm, rms_norm, [x, weight], {"axes": axes, "eps": eps}, mixed=True)
    for x, weight, _, axes, eps in LAYERS
]
ROWS += [
    Row(last_axes.rms_norm_grad, rms_norm_grad, [x, x, weight], {"eps": eps}, call=rms_norm_grad_call)
    for x, weight, eps in [((3, 4), (4,), 1e-5), ((2, 5), None, 0.1), ((0, 3), (3,), 0.1)]
]
ROWS += [
    Row(
        within.group_norm,
        lambda x, w, b, num_groups, eps=1e-5: group_norm(x, w, b, num_groups, eps)[0],
        [(2, 4, 3), (4,), (4,)],
        {"num_groups": 2, "eps": 0.01},
        call=lambda x, w, b, num_groups, eps: tg.group_norm(x, num_groups, w, b, eps),
    ),
    Row(
        within.group_norm,
        lambda x, num_groups: group_norm(x, None, None, num_groups, 1e-5)[0],
        [(2, 3, 2, 2)],
        {"num_groups": 1},
    ),
    *[
        Row(within.instance_norm, instance_norm, [x, *weights], params, call=with_running(within.instance_norm))
        for x, weights, params in [
            ((2, 3, 4), [(3,), (3,)], {}),
            ((2, 3, 2, 2), [], {"eps": 0.1}),
            ((2, 3, 4), [], {**STATISTICS, "use_input_stats": False}),
            ((2, 3, 4), [(3,), (3,)], {**STATISTICS, "use_input_stats": False, "eps": 0.1}),
            ((2, 3, 4), [(3,), (3,)], STATISTICS),
            ((3, 3, 2, 2), [], {**STATISTICS, "momentum": 0.4, "eps": 0.01}),
            ((2, 3, 4), [(3,)], {"running_mean": RUNNING[0], "momentum": 1.0}),
        ]
    ],
    *[
        Row(F.batch_norm, batch_norm, [x, *weights], params, call=with_running(F.batch_norm))
        for x, weights, params in [
            ((4, 3), [(3,), (3,)], {"training": True}),
            ((2, 3, 2, 2), [], {"training": True, "eps": 0.1}),
            ((2, 3, 4), [(3,), (3,)], {**STATISTICS, "training": True}),
            ((3, 3, 2, 2), [], {**STATISTICS, "training": True, "momentum": 0.4, "eps": 0.01}),
            ((2, 3, 1, 2, 2), [(3,)], {"running_var": RUNNING[1], "training": True, "momentum": 1.0}),
            ((2, 3, 4), [], {**STATISTICS, "training": False}),
            ((1, 3), [(3,), (3,)], {**STATISTICS, "momentum": 0.4, "eps": 0.1}),
            ((0, 3, 2), [(3,), (3,)], STATISTICS),
        ]
    ],
    Row(
        last_axes.layer_norm,
        lambda x, w, b, normalized_shape, eps=1e-5: layer_norm(x, w, b, len(normalized_shape), eps)[0],
        [(2, 3, 2), (3, 2), (3, 2)],
        {"normalized_shape": (3, 2), "eps": 0.01},
        call=lambda x, w, b, normalized_shape, eps: tg.layer_norm(x, normalized_shape, w, b, eps),
    ),
    Row(
        last_axes.layer_norm,
        lambda x, normalized_shape: layer_norm(x, None, None, 1, 1e-5)[0],
        [(2, 4)],
        {"normalized_shape": (4,)},
    ),
    Row(
        last_axes.rms_norm,
        lambda x, w, normalized_shape, eps: rms_norm(x, w, len(normalized_shape), eps)[0],
        [(2, 3, 2), (3, 2)],
        {"normalized_shape": (3, 2), "eps": 0.01},
        call=lambda x, w, normalized_shape, eps: tg.rms_norm(x, normalized_shape, w, eps),
    ),
    Row(
        last_axes.rms_norm,
        lambda x, normalized_shape: rms_norm(x, None, 1, 2.0**-52)[0],
        [(2, 4)],
        {"normalized_shape": (4,)},
    ),
]
