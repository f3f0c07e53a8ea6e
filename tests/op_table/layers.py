"""Rows of the layers, losses and the operations they are made of."""

import functools
import itertools
import math
import warnings

import numpy as np

import nn.functional as F
import tensorgrad as tg
from tensorgrad.node import TensorBase
from tensorgrad.ops import (
    activation,
    adaptive_pool,
    conv,
    conv_transpose,
    divergence,
    elementwise,
    fold,
    indexing,
    interpolate,
    linalg,
    loss,
    norm,
    pad,
    pool,
    reduce,
    shape,
)
from tensorgrad.ops import cross_entropy as class_losses
from tensorgrad.ops import embedding as tables
from tensorgrad.ops import group_norm as within
from tensorgrad.ops import layer_norm as last_axes
from tensorgrad.ops import smooth_activation as smooth
from tensorgrad.primitive import astype, broadcast_to, clone, sum_to
from tests import naive

from .row import F32, F64, I64, PLAIN, Row, Seed, draw

# References that are more than a line


def softmax(x, dim):
    exps = np.exp(x)
    return exps / exps.sum(dim, keepdims=True) if x.ndim else np.ones(())


def log_softmax(x, dim):
    return x - np.log(np.exp(x).sum(dim, keepdims=True)) if x.ndim else np.zeros(())


def cross_entropy(x, target):
    picked = [softmax(row, 0)[label] for row, label in zip(x, target, strict=True)]
    return np.array(sum(-np.log(picked)) / len(picked) if picked else np.nan)


def cross_entropy_grad(gy, x, target):
    gx = np.zeros(x.shape)
    for n, label in enumerate(target):
        for c in range(x.shape[1]):
            gx[n, c] = gy * (softmax(x[n], 0)[c] - (c == label)) / len(x)
    return gx


def dropout(x, p, generator):
    return np.array([v / (1 - p) if u >= p else 0.0 for v, u in _with_draws(x, generator)]).reshape(x.shape)


def _with_draws(x, generator):
    return zip(x.ravel(), np.ravel(generator.random(x.shape, np.float32)), strict=True)


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


def conv2d(x, w, bias, stride, padding, dilation, groups):
    return plus_bias(naive.conv(x, w, stride, padding, dilation, groups), bias)


def plus_bias(y, bias):
    return y if bias is None else y + bias.reshape(-1, *[1] * (y.ndim - 2))


def pool_size(size, kernel_size, stride, padding, dilation, ceil_mode):
    """Windows counted one by one: they fit; with ceil_mode also one that hangs over the end but starts before it."""
    sizes = []
    for n, k, s, p, d in zip(size, kernel_size, stride, padding, dilation, strict=True):
        ends = [i * s + d * (k - 1) + 1 for i in range(n + 2 * p + 1)]
        count = sum(end <= n + 2 * p for end in ends)
        if ceil_mode and ends[count - 1] < n + 2 * p and count * s < n + p:
            count += 1
        sizes.append(count)
    return tuple(sizes)


def max_pool(x, kernel_size, stride, padding, dilation, ceil_mode):
    """Values and offsets: the number of the kernel place that won each window, in reading order."""
    values, flat = max_pool_flat(x, kernel_size, stride, padding, dilation, ceil_mode)
    offsets = np.zeros(flat.shape, np.uint8)
    for at in np.ndindex(flat.shape):
        pixel = np.unravel_index(int(flat[at]), x.shape[2:])
        places = [(i + p - y * s) // d for i, p, y, s, d in zip(pixel, padding, at[2:], stride, dilation, strict=True)]
        offsets[at] = np.ravel_multi_index(places, kernel_size)
    return values, offsets


def max_pool_flat(x, kernel_size, stride, padding, dilation, ceil_mode):
    """Values and positions in the flattened plane."""
    size = pool_size(x.shape[2:], kernel_size, stride, padding, dilation, ceil_mode)
    return naive.max_pool(x, kernel_size, stride, padding, dilation, size)


def winners(offsets, kernel_size, stride, padding, dilation, **_):
    """(window, the pixel that won it) for all windows."""
    for at in np.ndindex(offsets.shape):
        place = np.unravel_index(int(offsets[at]), kernel_size)
        pixel = [y * s + int(k) * d - p for y, s, k, d, p in zip(at[2:], stride, place, dilation, padding, strict=True)]
        yield at, (*at[:2], *pixel)


def max_pool_scatter(g, offsets, shape, **windows):
    out = np.zeros(shape)
    for window, pixel in winners(offsets, **windows):
        out[pixel] += g[window]
    return out


def max_pool_gather(x, offsets, **windows):
    out = np.zeros(offsets.shape)
    for window, pixel in winners(offsets, **windows):
        out[window] = x[pixel]
    return out


def flat_indices(offsets, shape, **windows):
    out = np.zeros(offsets.shape, np.int64)
    for window, (_, _, *pixel) in winners(offsets, **windows):
        out[window] = np.ravel_multi_index(pixel, shape[2:])
    return out


def avg_pool(x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override):
    size = pool_size(x.shape[2:], kernel_size, stride, padding, (1,) * len(kernel_size), ceil_mode)
    return naive.avg_pool(x, kernel_size, stride, padding, size, count_include_pad, divisor_override)


def avg_pool_adjoint(gy, shape, **params):
    return naive.adjoint(lambda x: avg_pool(x, **params), shape, gy)


def adaptive_avg_pool_adjoint(gy, shape):
    return naive.adjoint(lambda x: naive.adaptive_avg_pool(x, gy.shape[2:]), shape, gy)


def interpolate_adjoint(gy, shape, **params):
    return naive.adjoint(lambda x: naive.interpolate(x, gy.shape[2:], **params), shape, gy)


def pad_adjoint(gy, shape, widths, mode):
    return naive.adjoint(lambda x: naive.pad(x, widths, mode, 0), shape, gy)


def put(x, index, shape):
    out = np.zeros(shape)
    np.add.at(out, index, x)
    return out


def setitem(x, value, index):
    out = np.array(x)
    out[index] = value
    return out


def last_writes(index, shape):
    """For each assigned value, whether no later one in reading order goes to the same place."""
    places = np.arange(np.prod(shape, dtype=int)).reshape(shape)[index]
    later = [set(places.ravel()[i + 1 :].tolist()) for i in range(places.size)]
    kept = [place not in after for place, after in zip(places.ravel().tolist(), later, strict=True)]
    return np.array(kept, bool).reshape(places.shape)


def in_bits(x, y, combine):
    """Each pair of numbers, digit by binary digit."""
    x, y = np.broadcast_arrays(x, y)
    pairs = zip(x.ravel().tolist(), y.ravel().tolist(), strict=True)
    sums = [sum(bool(combine(a >> i & 1, b >> i & 1)) << i for i in range(8)) for a, b in pairs]
    return np.array(sums).reshape(x.shape).astype(x.dtype)


def along(index, dim):
    """(place in index, place it points to) for all of an index array."""
    for at in np.ndindex(index.shape):
        yield at, (*at[:dim], int(index[at]), *at[dim + 1 :])


def gather(x, index, dim):
    out = np.zeros(index.shape)
    for at, to in along(index, dim):
        out[at] = x[to]
    return out


def scatter_along(x, index, dim, shape):
    out = np.zeros(shape)
    for at, to in along(index, dim):
        out[to] += x[at]
    return out


def summed_to(x, shape):
    out = np.zeros(shape)
    for at in np.ndindex(x.shape):
        at_ = at[len(at) - len(shape) :]
        out[tuple(i if n > 1 else 0 for i, n in zip(at_, shape, strict=True))] += x[at]
    return out


def matmul(x, y):
    a, b = (x[None] if x.ndim == 1 else x), (y[:, None] if y.ndim == 1 else y)
    out = np.einsum("...ij,...jk->...ik", a, b)
    return out[(..., *(0 if v.ndim == 1 else slice(None) for v in (x, y)))]


def linear(x, weight, bias=None):
    out = np.einsum("...i,oi->...o", x, weight)
    return out if bias is None else out + bias


def max_with_index(x, dim, keepdim):
    indices = np.argmax(x, dim)
    values = np.array([max(v) for v in np.moveaxis(x, dim, -1).reshape(-1, x.shape[dim])]).reshape(indices.shape)
    return (np.expand_dims(values, dim), np.expand_dims(indices, dim)) if keepdim else (values, indices)


def argmax(x, dim, keepdim):
    return np.asarray(np.argmax(x, dim, keepdims=keepdim))


def permute(x, dims):
    out = np.zeros([x.shape[d] for d in dims])
    for at in np.ndindex(x.shape):
        out[tuple(at[d] for d in dims)] = x[at]
    return out


def share_of_ties(x, largest):
    ties = [float(v == largest) for v in x.ravel()]
    return np.array([t / sum(ties) for t in ties]).reshape(x.shape)


def erf(x):
    return np.array([math.erf(v) for v in np.ravel(x)]).reshape(np.shape(x))


def leaky_relu(x, negative_slope=0.01):
    return np.where(x > 0, x, negative_slope * x)


def hardtanh(x, min_val=-1.0, max_val=1.0):
    return np.where(x < min_val, min_val, np.where(x > max_val, max_val, x))


def elu(x, alpha=1.0, scale=1.0):
    return scale * np.where(x > 0, x, alpha * (np.exp(x) - 1))


def gelu_tanh(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def softplus(x, beta=1.0, threshold=20.0):
    return np.where(x * beta > threshold, x, np.log(1 + np.exp(beta * x)) / beta)


def prelu(x, weight):
    if weight.size > 1:
        weight = weight.reshape(-1, *[1] * (x.ndim - 2))
    return np.where(x > 0, x, weight.reshape(()) * x if weight.size == 1 else weight * x)


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


def instance_norm(x, w=None, b=None, running_mean=None, running_var=None, use_input_stats=True, momentum=0.1, eps=1e-5):
    """Image by image, and the running statistics afterwards."""
    running = (running_mean, running_var)
    if not use_input_stats:
        return batch_norm(x, w, b, *running, momentum=momentum, eps=eps)
    out, mean, var = group_norm(x, w, b, x.shape[1], eps)
    places = np.prod(x.shape[2:])
    return out, *moved(running, (mean.mean(0), var.mean(0) * places / (places - 1)), momentum)


def dropout_channels(x, p=0.5, training=True, inplace=False, *, rank, generator):
    """One draw for all places of a channel."""
    channels = np.ones((*x.shape[: x.ndim - rank], *[1] * rank))
    return x * dropout(channels, p, generator) if training else x


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


def rows_added(gy, index, size):
    out = np.zeros((size, gy.shape[-1]))
    for at in np.ndindex(index.shape):
        out[index[at]] += gy[at]
    return out


def renormed_rows(index, table, max_norm, norm_type=2.0):
    """The rows named, and the table with those of them that were too long scaled down."""
    table = np.array(table)
    for row in set(index.ravel().tolist()):
        sizes = [float(v) if v > 0 else -float(v) for v in table[row]]
        norm = max(sizes) if norm_type == math.inf else sum(v**norm_type for v in sizes) ** (1 / norm_type)
        if norm > max_norm:
            table[row] = [v * max_norm / (norm + 1e-7) for v in table[row]]  # PyTorch's guard against 0
    return table[index], table


def reduced(losses, reduction, divisor=None):
    total = sum(np.ravel(losses).tolist())
    count = np.size(losses) if divisor is None else divisor
    return losses if reduction == "none" else np.array(total if reduction == "sum" else total / count)


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


# How operations are called that take more than arrays and parameters


def listed(op):
    """An operation whose first argument is a list of tensors, here given one by one."""
    return lambda *xs, **params: op(list(xs), **params)


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


def with_table(index, table, **params):
    """Embedding, and what it leaves in a copy of its table."""
    table = clone(table)
    return tables.embedding(index, table, **params), table


def alike(x, out):
    """An array where the input is one: the functions of nn give tensors."""
    return out if isinstance(x, TensorBase) or not isinstance(out, TensorBase) else out.data


def of_nn(op):
    return lambda x, **params: alike(x, op(x, **params))


def by_old_names(op):
    """A loss whose reduction is told by PyTorch's old names, which warns."""

    def call(*inputs, **params):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", f"{op.__name__}: size_average and reduce are PyTorch's old names")
            return op(*inputs, **params)

    return call


def weighted(op, last="weight"):
    """A loss whose weights come last among its inputs here, but not in its signature."""
    return lambda *inputs, **params: op(*inputs[:2], **{last: inputs[2]}, **params)


# The rows

POSITIVE, AWAY_FROM_ZERO = (0.21, 2.3), (0.37, 2.61)
ROWS: list[Row] = [
    # The engine's own
    Row(sum_to, summed_to, [(2, 3, 4)], {"shape": (3, 1)}),
    Row(sum_to, summed_to, [(2, 3)], {"shape": ()}),
    Row(sum_to, summed_to, [(1, 3)], {"shape": (1, 3)}),
    Row(sum_to, summed_to, [(0, 3)], {"shape": (1, 3)}),
    Row(sum_to, summed_to, [()], {"shape": ()}),
    Row(broadcast_to, lambda x, shape: x + np.zeros(shape), [(3, 1)], {"shape": (2, 3, 4)}),
    Row(broadcast_to, lambda x, shape: x + np.zeros(shape), [()], {"shape": (2,)}),
    Row(broadcast_to, lambda x, shape: x + np.zeros(shape), [(1, 3)], {"shape": (0, 3)}),
    Row(broadcast_to, lambda x, shape: x + np.zeros(shape), [(1, 3)], {"shape": (1, 3)}),
    Row(shape.broadcast_to, lambda x, size: x + np.zeros(size), [(3, 1)], {"size": (2, 3, 2)}),
    Row(shape.broadcast_to, lambda x, size: x + np.zeros(size), [()], {"size": [4]}),
    Row(astype, lambda x, dtype: x, [(2, 3)], {"dtype": F64}, mixed=True),
    Row(astype, lambda x, dtype: np.array([float(np.float32(v)) for v in x]), [(4,)], {"dtype": F32}, mixed=True),
    Row(astype, lambda x, dtype: np.trunc(x), [(5,)], {"dtype": I64}, mixed=True),
    # Arithmetic
    Row(elementwise._add, lambda x, y: x + y, [(2, 3), (3,)]),
    Row(elementwise._add, lambda x, y: x + y, [(), ()]),
    Row(elementwise._add, lambda x, y: x + y, [(2, 3), 2.5]),
    Row(elementwise._sub, lambda x, y: x - y, [(2, 1), (1, 3)]),
    Row(elementwise._sub, lambda x, y: x - y, [2, (2, 3)]),
    Row(elementwise.mul, lambda x, y: x * y, [(2, 3), (2, 1)]),
    Row(elementwise.mul, lambda x, y: x * y, [(2, 3), -3]),
    Row(elementwise.div, lambda x, y: x / y, [(2, 3), (3,)], domain=AWAY_FROM_ZERO),
    Row(elementwise.div, lambda x, y: x / y, [1.5, (2, 3)], domain=AWAY_FROM_ZERO),
    Row(elementwise.div, lambda x, y: x / y, [(2, 3), 3]),
    Row(elementwise.neg, lambda x: 0 - x, [(2, 3)]),
    Row(elementwise.neg, lambda x: 0 - x, [()]),
    Row(elementwise.add, lambda x, y, alpha: x + alpha * y, [(2, 3), (3,)], {"alpha": 2.5}),
    Row(elementwise.add, lambda x, y, alpha: x + alpha * y, [(2, 3), (3,)], {"alpha": 1}),
    Row(elementwise.sub, lambda x, y, alpha: x - alpha * y, [(3,), (2, 3)], {"alpha": -2}),
    Row(elementwise.sub, lambda x, y, alpha: x - alpha * y, [(3,), 1.5], {"alpha": 1}),
    Row(elementwise.pow, lambda x, y: np.exp(y * np.log(x)), [(2, 3), (3,)], domain=AWAY_FROM_ZERO),
    Row(elementwise.pow, lambda x, y: np.exp(y * np.log(x)), [(2, 3), 2.5], domain=AWAY_FROM_ZERO),
    Row(elementwise.pow, lambda x, y: np.exp(y * np.log(x)), [1.7, (2, 3)]),
    Row(elementwise.pow, lambda x, y: x * x * x, [(2, 3), 3]),
    Row(elementwise.pow, lambda x, y: x * x, [(2, 3), 2.0]),
    Row(elementwise.pow, lambda x, y: x, [(2, 3), 1]),
    Row(elementwise.pow, lambda x, y: x * 0 + 1, [(2, 3), 0]),
    Row(elementwise.pow, lambda x, y: 1 / (x * x), [(2, 3), -2]),
    Row(elementwise.pow, lambda x, y: np.sqrt(x), [(2, 3), 0.5], domain=AWAY_FROM_ZERO),
    Row(elementwise.pow, lambda x, y: x * x, [(2, 3), np.array([2, 2, 2])]),
    # Exponentials and activations
    *[
        Row(op, reference, [shape_], domain=domain)
        for op, reference, domain in [
            (elementwise.exp, np.exp, PLAIN),
            (elementwise.log, np.log, POSITIVE),
            (elementwise.sqrt, lambda x: x**0.5, POSITIVE),
            (activation.tanh, lambda x: (np.exp(2 * x) - 1) / (np.exp(2 * x) + 1), PLAIN),
            (activation.sigmoid, lambda x: 1 / (1 + np.exp(-x)), (-4.1, 3.3)),
            (activation.relu, lambda x: np.where(x < 0, 0, x), PLAIN),
        ]
        for shape_ in [(2, 3), (), (0, 3)]
    ],
    *[
        Row(op, reference, [shape_], {"dim": dim})
        for op, reference in [
            (activation._softmax, softmax),
            (activation.softmax, softmax),
            (activation._log_softmax, log_softmax),
            (activation.log_softmax, log_softmax),
        ]
        for shape_, dim in [((2, 3), 1), ((2, 3, 4), 1), ((3, 2), 0), ((), 0), ((0, 3), 1), ((3, 0), 0)]
    ],
    Row(activation.softmax, softmax, [(2, 3, 2)], {"dim": -2}),
    Row(activation.log_softmax, log_softmax, [(2, 3, 2)], {"dim": -1}),
    Row(activation._dropout, dropout, [(4, 5)], {"p": 0.5, "generator": Seed(1)}),
    Row(activation._dropout, dropout, [(4, 5)], {"p": 0.2, "generator": Seed(2)}),
    Row(activation._dropout, dropout, [(0, 3)], {"p": 0.2, "generator": Seed(2)}),
    Row(activation._dropout, lambda x, p, generator: x * 0, [(4, 5)], {"p": 1.0, "generator": Seed(2)}),
    Row(activation._dropout, dropout, [()], {"p": 0.25, "generator": Seed(4)}),
    Row(activation.dropout, lambda x, p, training: x, [(4, 5)], {"p": 0.5, "training": False}),
    Row(activation.dropout, dropout, [(4, 5)], {"p": 0.75, "generator": Seed(3)}),
    # Choice, comparisons, logic
    Row(elementwise.where, np.where, [np.array([[True, False, True], [False, False, True]]), (2, 3), (3,)]),
    Row(elementwise.where, np.where, [np.array([True, False, True]), (2, 1), 0.5]),
    Row(elementwise.where, np.where, [np.array(True), (), ()]),
    Row(elementwise.where, np.where, [np.array([[True], [False]]), (3,), (2, 3)]),
    *[
        Row(op, reference, inputs)
        for op, reference in [
            (elementwise.eq, lambda x, y: x == y),
            (elementwise.ne, lambda x, y: x != y),
            (elementwise.lt, lambda x, y: x < y),
            (elementwise.le, lambda x, y: x <= y),
            (elementwise.gt, lambda x, y: x > y),
            (elementwise.ge, lambda x, y: x >= y),
        ]
        for inputs in [
            [(2, 3), (3,)],
            [(2, 3), 0.5],
            [np.array([1.0, 2, 3]), np.array([[1.0, 3, 2], [1, 2, 4]])],
        ]
    ],
    *[
        Row(op, reference, [np.array([True, True, False, False]), np.array([1.0, 0, 2, 0])])
        for op, reference in [
            (elementwise.logical_and, lambda x, y: (x != 0) & (y != 0)),
            (elementwise.logical_or, lambda x, y: (x != 0) | (y != 0)),
        ]
    ],
    *[
        Row(op, reference, inputs)
        for op, reference in [
            (elementwise.bitwise_and, lambda x, y: in_bits(x, y, lambda a, b: a and b)),
            (elementwise.bitwise_or, lambda x, y: in_bits(x, y, lambda a, b: a or b)),
            (elementwise.bitwise_xor, lambda x, y: in_bits(x, y, lambda a, b: a != b)),
        ]
        for inputs in [
            [np.array([[0, 1, 6], [7, 12, 255]], np.uint8), np.array([3, 5, 10], np.uint8)],
            [np.array([6, 100]), 3],
            [np.array([True, True, False]), np.array([[True], [False]])],
        ]
    ],
    Row(elementwise.bitwise_not, lambda x: -1 - x, [np.array([0, 5, -6])]),
    Row(elementwise.bitwise_not, lambda x: 255 - x, [np.array([0, 5], np.uint8)]),
    Row(elementwise.bitwise_not, lambda x: x == 0, [np.array([True, False])]),
    Row(elementwise.logical_not, lambda x: x == 0, [np.array([[0.0, 2.0], [-1.0, 0.0]])]),
    # Reductions
    *[
        Row(op, reference, [shape_], {"dims": dims, "keepdim": keepdim})
        for op, reference in [
            (reduce._sum, lambda x, dims, keepdim: np.sum(x, dims, keepdims=keepdim)),
            (reduce._mean, lambda x, dims, keepdim: np.mean(x, dims, keepdims=keepdim)),
        ]
        for shape_, dims, keepdim in [
            ((2, 3), (0, 1), False),
            ((2, 3, 4), (1,), False),
            ((2, 3, 4), (0, 2), True),
            ((2, 3), (), False),
            ((), (), False),
            ((2, 1, 3), (1,), True),
            ((0, 3), (1,), False),
        ]
    ],
    Row(reduce._sum, lambda x, dims, keepdim: np.zeros(3), [(0, 3)], {"dims": (0,), "keepdim": False}),
    *[
        Row(op, lambda x, dim, keepdim, f=reference: f(x, dim and tuple(dim), keepdims=keepdim), [(2, 3, 2)], params)
        for op, reference in [(reduce.sum, np.sum), (reduce.mean, np.mean)]
        for params in [
            {"dim": None, "keepdim": False},
            {"dim": (-1,), "keepdim": True},
            {"dim": (0, -1), "keepdim": False},
            {"dim": [1], "keepdim": False},
        ]
    ],
    Row(reduce.sum, lambda x, dim: np.sum(x, dim), [(2, 3)], {"dim": -1}),
    Row(reduce.mean, lambda x, dim: np.mean(x, dim), [(2, 3)], {"dim": 0}),
    *[
        Row(op, lambda x, dtype, f=reference: np.array(f(x)), [x], {"dtype": F64}, mixed=True)
        for op, reference in [(reduce.sum, np.sum), (reduce.mean, np.mean)]
        for x in [(2, 3), np.array([[1, 2], [4, -9]])]
    ],
    *[
        Row(reduce._max, max_with_index, [shape_], {"dim": dim, "keepdim": keepdim})
        for shape_, dim, keepdim in [
            ((2, 3), 1, False),
            ((2, 3, 4), 0, True),
            ((2, 3, 4), 1, False),
            ((0, 3), 1, False),
            ((3, 1), 1, False),
        ]
    ],
    Row(reduce.max, lambda x, dim: (x, np.zeros((), I64)), [()], {"dim": 0}),
    Row(reduce.argmax, lambda x, dim, keepdim: np.zeros((), I64), [()], {"dim": -1, "keepdim": True}),
    Row(reduce.max, max_with_index, [(2, 3)], {"dim": -2, "keepdim": True}),
    Row(reduce.max, lambda x: np.array(max(x.ravel())), [(2, 3)]),
    Row(reduce._amax, lambda x: np.array(max(x.ravel())), [(2, 3)]),
    Row(reduce._amax, lambda x: np.array(max(x.ravel())), [()]),
    Row(reduce._share_of_ties, share_of_ties, [np.array([[1.0, 3, 3], [0, 3, 2]]), np.array(3.0)]),
    Row(reduce._argmax, argmax, [(2, 3)], {"dim": None, "keepdim": False}),
    Row(reduce._argmax, argmax, [(2, 3)], {"dim": 1, "keepdim": True}),
    Row(reduce._argmax, argmax, [(0, 3)], {"dim": 1, "keepdim": False}),
    Row(reduce.argmax, argmax, [(2, 3)], {"dim": -2, "keepdim": False}),
    # Shapes
    Row(shape._reshape, lambda x, shape: np.array(x.ravel().tolist()).reshape(shape), [(2, 6)], {"shape": (3, 4)}),
    Row(shape._reshape, lambda x, shape: x.reshape(shape), [()], {"shape": (1, 1)}),
    Row(shape._reshape, lambda x, shape: x.reshape(shape), [(0, 3)], {"shape": (3, 0)}),
    Row(
        shape.reshape,
        lambda x, shape: x.reshape(3, 4),
        [(2, 6)],
        {"shape": (3, -1)},
        call=lambda x, shape: tg.reshape(x, *shape),
    ),
    Row(
        shape.reshape,
        lambda x, shape: x.reshape(3, 4),
        [(2, 6)],
        {"shape": [3, 4]},
        call=lambda x, shape: tg.reshape(x, shape),
    ),
    Row(shape.flatten, lambda x, **_: x.reshape(2, 12), [(2, 3, 4)], {"start_dim": 1}),
    Row(shape.flatten, lambda x: x.reshape(1), [()]),
    Row(shape.flatten, lambda x, **_: x.reshape(6, 4), [(2, 3, 4)], {"start_dim": 0, "end_dim": 1}),
    Row(shape.squeeze, lambda x: x.reshape(2, 3), [(2, 1, 3, 1)]),
    Row(shape.squeeze, lambda x, dim: x.reshape(2, 3, 1), [(2, 1, 3, 1)], {"dim": 1}),
    Row(shape.squeeze, lambda x, dim: x, [(2, 1, 3)], {"dim": (0, -1)}),
    Row(shape.unsqueeze, lambda x, dim: x[:, None], [(2, 3)], {"dim": 1}),
    Row(shape.unsqueeze, lambda x, dim: x[..., None], [(2, 3)], {"dim": -1}),
    Row(shape._permute, permute, [(2, 3, 4)], {"dims": (2, 0, 1)}),
    Row(shape._permute, permute, [(2, 0, 3)], {"dims": (1, 2, 0)}),
    Row(shape._permute, permute, [()], {"dims": ()}),
    Row(shape.permute, permute, [(2, 3, 4)], {"dims": (1, 0, -1)}, call=lambda x, dims: tg.permute(x, *dims)),
    Row(shape.permute, permute, [(2, 3)], {"dims": (1, 0)}, call=lambda x, dims: tg.permute(x, dims)),
    Row(shape.transpose, lambda x, dim0, dim1: np.einsum("ijk->kji", x), [(2, 3, 4)], {"dim0": 0, "dim1": -1}),
    Row(shape.transpose, lambda x, dim0, dim1: np.einsum("ijk->ikj", x), [(2, 3, 4)], {"dim0": -1, "dim1": 1}),
    Row(shape.transpose, lambda x, dim0, dim1: x, [()], {"dim0": 0, "dim1": -1}),
    Row(clone, lambda x: x + 0, [(2, 3)]),
    Row(clone, lambda x: x + 0, [()]),
    Row(shape._cat, lambda x, dim: x + 0, [(2, 3)], {"dim": 0}),
    Row(shape._cat, lambda x, y, z, dim: np.array([*x, *y, *z]), [(2, 3), (0, 3), (1, 3)], {"dim": 0}),
    Row(
        shape._cat,
        lambda x, y, dim: np.array([[*a, *b] for a, b in zip(x, y, strict=True)]),
        [(2, 3), (2, 2)],
        {"dim": 1},
    ),
    Row(
        shape.cat,
        lambda x, y, dim: np.array([[*a, *b] for a, b in zip(x, y, strict=True)]),
        [(2, 1), (2, 2)],
        {"dim": -1},
        call=listed(shape.cat),
    ),
    Row(shape.cat, lambda x, y: np.array([*x, *y]), [(2, 3), (1, 3)], call=listed(shape.cat)),
    Row(shape.stack, lambda x, y, dim: np.array([x, y]), [(2, 3), (2, 3)], {"dim": 0}, call=listed(shape.stack)),
    Row(shape.stack, lambda x, y, dim: np.array([x.T, y.T]).T, [(2, 3), (2, 3)], {"dim": -1}, call=listed(shape.stack)),
    Row(shape.stack, lambda x, y, dim: np.array([x, y]), [(), ()], {"dim": 0}, call=listed(shape.stack)),
]

# Indexing: (shape, index), every kind of index alone and mixed, with repeats
MASK = np.array([[True, False, True], [False, False, True]])
INDICES = [
    ((4, 3), 1),
    ((4, 3), (slice(1, None, 2), slice(None, None, -1))),
    ((4, 3), (Ellipsis, 0)),
    ((4, 3), (None, 2, None, slice(0, 2))),
    ((4, 3), ()),
    ((), ()),
    ((), None),
    ((4, 3), slice(2, 2)),
    ((4, 3), np.array([0, 0, 2])),
    ((4, 3), np.array([0, -4, 3, -1], np.int8)),
    ((4, 3), np.array([1, 1, 3], np.uint8)),
    ((4, 3), np.array([[0, 1], [1, 0]])),
    ((4, 3), np.array([], np.int64)),
    ((4, 3), (np.array([0, 0, 1]), np.array([2, 2, 0]))),
    ((4, 3), (slice(None), np.array([1, 1]))),
    ((4, 3), (np.array([[0], [0]]), np.array([1, 2, 1]))),
    ((2, 3), MASK),
    ((2, 3, 2), MASK),
    ((2, 3), np.array([False, True])),
    ((2, 3), (np.array([True, True]), 1)),
    ((2, 3), np.zeros((2, 3), bool)),
    ((2, 3, 4), (np.array([0, 0]), slice(None), np.array([3, 3]))),
    ((2, 3, 4), (slice(None), 1, np.array([0, 0, 3]))),
    ((0, 3), (slice(None), np.array([1, 1]))),
    ((4, 3), True),
]
ROWS += [Row(indexing._getitem, lambda x, index: x[index], [s], {"index": index}) for s, index in INDICES]
ROWS += [Row(indexing._put, put, [np.zeros(s)[index].shape], {"index": index, "shape": s}) for s, index in INDICES]
ROWS += [
    Row(indexing.getitem, lambda x, index: x[index], [(4, 3)], {"index": index})
    for index in [-1, (slice(None), [0, 0, 2]), (np.array([0, 1]), Ellipsis, 1)]
]
ROWS += [
    Row(indexing._setitem, setitem, inputs, {"index": index})
    for inputs, index in [
        ([(4, 3), (3,)], 1),
        ([(4, 3), (2, 1)], (slice(1, 3), slice(0, 2))),
        ([(4, 3), ()], Ellipsis),
        ([(4, 3), 1.5], (slice(None), 0)),
        ([(4, 3), (1,)], 2),
        ([(4, 3), (2, 3)], np.array([0, 2])),
        ([(2, 3), ()], MASK),
        ([(2, 3), (3,)], MASK),
        ([(0, 3), (3,)], slice(None)),
        ([(4, 3), (3, 3)], np.array([0, 0, 2])),
        ([(4, 3), (1,)], (np.array([1, 1, -3]), np.array([2]))),
    ]
]
ROWS += [
    Row(
        indexing.setitem,
        setitem,
        inputs,
        {"index": index},
        call=lambda x, value, index: indexing.setitem(x, index, value),
    )
    for inputs, index in [
        ([(4, 3), (3,)], -1),
        ([(4, 3), (1, 3)], 2),
        ([(4, 3), (1, 2, 3)], [0, 2]),
        ([(4, 3), 2], (slice(None), 1)),
    ]
]
ROWS += [
    Row(indexing.last_writes, last_writes, [], {"index": index, "shape": s})
    for s, index in [
        ((4, 3), np.array([0, 0, -4, 2])),
        ((4, 3), (np.array([[0], [0]]), np.array([1, 2, 1]))),
        ((3,), np.array([2, 1])),
        ((0, 3), np.zeros(0, np.int64)),
    ]
]
ROWS += [
    Row(op, reference, [s, np.array(index)], {"dim": dim})
    for op, reference in [(indexing._gather, gather)]
    for s, index, dim in [
        ((3, 4), [[0, 3, 3], [1, 1, 1], [2, 0, 3]], 1),
        ((3, 4), [[0, 2, 2, 1]], 0),
        ((5,), [4, 4, 0], 0),
        ((2, 2, 3), [[[0, 0], [2, 1]]], 2),
        ((0, 3), np.zeros((0, 2), np.int64), 1),
    ]
]
ROWS += [
    Row(indexing.scatter_along, scatter_along, [np.shape(index), np.array(index)], {"dim": dim, "shape": s})
    for s, index, dim in [
        ((3, 4), [[0, 3, 3], [1, 1, 1], [2, 0, 3]], 1),
        ((3, 4), [[0, 2, 2, 1]], 0),
        ((0, 3), np.zeros((0, 2), np.int64), 1),
    ]
]
ROWS.append(
    Row(
        indexing.gather,
        lambda x, index, dim: gather(x, index, dim % 2),
        [(3, 4), np.array([[0, 3], [1, 1]])],
        {"dim": -1},
        call=lambda x, index, dim: tg.gather(x, dim, index),
    )
)
ROWS.append(
    Row(
        indexing.gather,
        lambda x, index, dim: x,
        [(), np.array(0)],
        {"dim": 0},
        call=lambda x, index, dim: tg.gather(x, dim, index),
    )
)

# Matrix products
ROWS += [
    Row(linalg._matmul, matmul, shapes)
    for shapes in [[(2, 3), (3, 4)], [(2, 2, 3), (3, 4)], [(2, 1, 2, 3), (3, 3, 2)], [(0, 3), (3, 2)], [(2, 0), (0, 3)]]
]
ROWS += [
    Row(linalg.matmul, matmul, shapes)
    for shapes in [
        [(3,), (3,)],
        [(2, 3), (3,)],
        [(3,), (3, 2)],
        [(2, 2, 3), (3,)],
        [(3,), (2, 3, 2)],
        [(2, 3), (2, 3, 2)],
    ]
]
ROWS += [
    Row(linalg._linear, linear, [x, (4, 3), bias])
    for x, bias in [((2, 3), (4,)), ((2, 3), None), ((2, 2, 3), (4,)), ((3,), (4,)), ((0, 3), (4,)), ((2, 0, 3), (4,))]
]
ROWS += [Row(linalg.linear, linear, [(2, 3), (4, 3)]), Row(linalg.linear, linear, [(2, 0), (3, 0), (3,)])]

# Convolution: lost tails in both axes at every stride but 1, unequal kernel sides
CONV_X, CONV_K = (2, 4, 8, 6), (3, 2)
CONV_PARAMS = [
    {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    for stride, padding, dilation, groups in itertools.product(
        [(1, 1), (2, 3)], [((0, 0), (0, 0)), ((1, 1), (0, 1))], [(1, 1), (2, 1)], [1, 2, 4]
    )
]


def conv_shapes(params, x=CONV_X, filters=4):
    w = (filters, x[1] // params["groups"], *CONV_K)
    size = naive.conv_size(x, w, params["stride"], params["padding"], params["dilation"])
    return x, w, (x[0], filters, *size)


for number, params in enumerate(CONV_PARAMS):
    x, w, y = conv_shapes(params)
    ROWS.append(Row(conv._conv2d, conv2d, [x, w, (4,) if number % 2 else None], params))
    if number % 3 == 0 or params["groups"] == 2:
        ROWS.append(Row(conv.conv2d_input_grad, naive.conv_input_grad, [y, w], {"shape": x, **params}))
        ROWS.append(Row(conv.conv2d_weight_grad, naive.conv_weight_grad, [y, x], {"shape": w, **params}))
for x, filters in [((0, 4, 8, 6), 4), ((1, 2, 3, 2), 6)]:
    params = {"stride": (2, 1), "padding": ((1, 2), (1, 0)), "dilation": (1, 2), "groups": 2}
    x, w, y = conv_shapes(params, x, filters)
    ROWS.append(Row(conv._conv2d, conv2d, [x, w, (filters,)], params))
    ROWS.append(Row(conv.conv2d_input_grad, naive.conv_input_grad, [y, w], {"shape": x, **params}))
    ROWS.append(Row(conv.conv2d_weight_grad, naive.conv_weight_grad, [y, x], {"shape": w, **params}))
ROWS += [  # one pixel and pointwise kernels; the public function's spellings
    Row(
        conv._conv2d,
        conv2d,
        [(2, 3, 4, 3), (2, 3, 1, 1), None],
        {"stride": s, "padding": p, "dilation": (1, 1), "groups": 1},
    )
    for s, p in [((1, 1), ((0, 0), (0, 0))), ((2, 2), ((0, 0), (0, 0))), ((1, 1), ((1, 0), (0, 0)))]
]
ROWS += [
    Row(
        conv.conv2d,
        lambda x, w, b=None, *, canonical=canonical, **_: conv2d(x, w, b, *canonical),
        [(1, 2, 6, 5), (4, 2 // canonical[3], 3, 2), *bias],
        params,
    )
    for params, canonical, bias in [
        ({}, ((1, 1), ((0, 0), (0, 0)), (1, 1), 1), []),
        ({"stride": 2, "padding": 1}, ((2, 2), ((1, 1), (1, 1)), (1, 1), 1), [(4,)]),
        ({"stride": (2, 1), "padding": (1, 0), "groups": 2}, ((2, 1), ((1, 1), (0, 0)), (1, 1), 2), [(4,)]),
        ({"padding": "same"}, ((1, 1), ((1, 1), (0, 1)), (1, 1), 1), []),
        ({"padding": "same", "dilation": (2, 3)}, ((1, 1), ((2, 2), (1, 2)), (2, 3), 1), [None]),
        ({"padding": "valid", "dilation": 2}, ((1, 1), ((0, 0), (0, 0)), (2, 2), 1), []),
    ]
]
ROWS.append(
    Row(
        conv.conv2d,
        lambda x, w, b, **_: conv2d(x[None], w, b, (1, 1), ((1, 1), (1, 1)), (1, 1), 1)[0],
        [(2, 5, 4), (3, 2, 3, 2), (3,)],
        {"padding": 1},
    )
)

# Max pooling: overlaps, gaps, lost tails and windows that hang over the end; all values negative
POOL_PARAMS = [
    {"kernel_size": (2, 3), "stride": stride, "padding": padding, "dilation": dilation, "ceil_mode": ceil_mode}
    for stride, padding, dilation, ceil_mode in itertools.product(
        [(2, 1), (3, 2)], [(0, 0), (1, 1)], [(1, 1), (2, 1)], [False, True]
    )
]
OVERLAPS = {"kernel_size": (3, 3), "stride": (1, 1), "padding": (1, 1), "dilation": (1, 1), "ceil_mode": False}
POOL_X, NEGATIVE = (2, 2, 6, 8), (-9.0, -1.0)
for x, params in [(POOL_X, p) for p in POOL_PARAMS] + [(x, OVERLAPS) for x in [POOL_X, (0, 2, 6, 8), (1, 1, 4, 5)]]:
    offsets = max_pool(draw(np.random.default_rng(5), x, *NEGATIVE), **params)[1]
    windows = {k: v for k, v in params.items() if k != "ceil_mode"}
    ROWS.append(Row(pool._max_pool2d, max_pool, [x], params, domain=NEGATIVE))
    ROWS.append(Row(pool._flat_indices, flat_indices, [offsets], {"shape": x, **params}))
    if params["ceil_mode"] or params is OVERLAPS:
        ROWS.append(Row(pool.max_pool2d_scatter, max_pool_scatter, [offsets.shape, offsets], {"shape": x, **windows}))
        ROWS.append(Row(pool.max_pool2d_gather, max_pool_gather, [x, offsets], windows))
ROWS += [
    Row(
        pool.max_pool2d,
        lambda x, *, canonical=canonical, return_indices=False, **_: max_pool_flat(x, *canonical)[: 1 + return_indices],
        [(2, 1, 5, 6)],
        params,
    )
    for params, canonical in [
        ({"kernel_size": 2}, ((2, 2), (2, 2), (0, 0), (1, 1), False)),
        ({"kernel_size": (3, 2), "stride": 1, "padding": (1, 0)}, ((3, 2), (1, 1), (1, 0), (1, 1), False)),
        (
            {"kernel_size": 3, "stride": (2, 3), "ceil_mode": True, "return_indices": True},
            ((3, 3), (2, 3), (0, 0), (1, 1), True),
        ),
        ({"kernel_size": 2, "stride": 1, "dilation": 2, "padding": 1}, ((2, 2), (1, 1), (1, 1), (2, 2), False)),
    ]
]
ROWS.append(
    Row(
        pool.max_pool2d,
        lambda x, **_: tuple(r[0] for r in max_pool_flat(x[None], (2, 2), (1, 1), (0, 0), (1, 1), False)),
        [(2, 4, 3)],
        {"kernel_size": 2, "stride": 1, "return_indices": True},
    )
)

# The other numbers of spatial axes, and transposed convolution, over parameters chosen for the first so many axes
SPACE = {1: (7,), 2: (7, 5), 3: (4, 5, 3)}


def first(rank, **params):
    """The parameters for the first `rank` axes."""
    return {k: v[:rank] if isinstance(v, tuple) else v for k, v in params.items()}


for rank in (1, 2, 3):
    plain, gx, gw, transposed = (
        getattr(conv, f"_conv{rank}d"),
        getattr(conv, f"conv{rank}d_input_grad"),
        getattr(conv, f"conv{rank}d_weight_grad"),
        getattr(conv_transpose, f"_conv_transpose{rank}d"),
    )
    for images, params in [
        (1, {"stride": (2, 1, 2), "padding": ((1, 0), (0, 1), (1, 1)), "dilation": (1, 2, 1), "groups": 2}),
        (1, {"stride": (1, 2, 1), "padding": ((0, 0), (0, 0), (0, 0)), "dilation": (2, 1, 1), "groups": 1}),
        (0, {"stride": (3, 1, 1), "padding": ((1, 1), (1, 2), (0, 0)), "dilation": (1, 1, 1), "groups": 1}),
        (1, {"stride": (1, 1, 1), "padding": ((1, -1), (0, 0), (1, -1)), "dilation": (2, 1, 2), "groups": 2}),
    ]:
        params = first(rank, **params)
        x = (images, 2, *SPACE[rank])
        w = (2, 2 // params["groups"], *(2, 3, 2)[:rank])
        y = (images, 2, *naive.conv_size(x, w, params["stride"], params["padding"], params["dilation"]))
        shaped = {"shape": x, **params}
        if rank != 2:
            ROWS.append(Row(plain, conv2d, [x, w, (2,) if images else None], params))
        if rank != 2 or any(after < 0 for _, after in params["padding"]):
            ROWS.append(Row(gx, naive.conv_input_grad, [y, w], shaped))
            ROWS.append(Row(gw, naive.conv_weight_grad, [y, x], {"shape": w, **params}))
        for bias in (None, (2,)):
            ROWS.append(
                Row(
                    transposed,
                    lambda y, w, b, **p: plus_bias(naive.conv_input_grad(y, w, **p), b),
                    [y, w, bias],
                    shaped,
                )
            )
    for params, bias, canonical in [
        ({}, None, ((1,) * rank, ((0, 0),) * rank, (1,) * rank, 1)),
        ({"stride": 2, "padding": 1, "groups": 2}, (4,), ((2,) * rank, ((1, 1),) * rank, (1,) * rank, 2)),
        (
            {"stride": 2, "padding": ((1, 0), (0, 1), (2, 1))[:rank], "dilation": 2},
            (4,),
            ((2,) * rank, ((1, 0), (0, 1), (2, 1))[:rank], (2,) * rank, 1),
        ),
    ]:
        x, w = (1, 4, *SPACE[rank]), (4, 4 // canonical[-1], *(3, 2, 2)[:rank])
        y = (1, 4, *naive.conv_size(x, w, *canonical[:3]))
        if rank != 2 or "dilation" in params:
            ROWS.append(
                Row(
                    getattr(conv, f"conv{rank}d"),
                    lambda x, w, b, *, c=canonical, **_: conv2d(x, w, b, *c),
                    [x, w, bias],
                    params,
                )
            )
        # Of the sizes that give y, the first; with output_padding the others.
        axes = zip(y[2:], w[2:], *canonical[:3], strict=True)
        size = [(n - 1) * s - sum(p) + d * (k - 1) + 1 for n, k, s, p, d in axes]
        for extra in range(canonical[0][0]):
            ROWS.append(
                Row(
                    getattr(conv_transpose, f"conv_transpose{rank}d"),
                    lambda y, w, b, *, shape=(1, 4, *(n + extra for n in size)), c=canonical, **_: plus_bias(
                        naive.conv_input_grad(y, w, shape, *c), b
                    ),
                    [y, w, bias],
                    {**params, "output_padding": extra},
                )
            )

# Pooling over 1 and 3 axes; average pooling
for rank in (1, 3):
    for images, params in [
        (
            2,
            {
                "kernel_size": (2, 3, 2),
                "stride": (2, 1, 1),
                "padding": (1, 1, 0),
                "dilation": (1, 2, 1),
                "ceil_mode": True,
            },
        ),
        (
            1,
            {
                "kernel_size": (3, 2, 1),
                "stride": (1, 2, 2),
                "padding": (0, 1, 0),
                "dilation": (1, 1, 1),
                "ceil_mode": False,
            },
        ),
        (
            0,
            {
                "kernel_size": (2, 2, 2),
                "stride": (2, 2, 1),
                "padding": (0, 1, 1),
                "dilation": (2, 1, 1),
                "ceil_mode": False,
            },
        ),
    ]:
        params, x = first(rank, **params), (images, 2, *SPACE[rank])
        offsets = max_pool(draw(np.random.default_rng(5), x, *NEGATIVE), **params)[1]
        windows = {k: v for k, v in params.items() if k != "ceil_mode"}
        scatter, gather_ = getattr(pool, f"max_pool{rank}d_scatter"), getattr(pool, f"max_pool{rank}d_gather")
        ROWS.append(Row(getattr(pool, f"_max_pool{rank}d"), max_pool, [x], params, domain=NEGATIVE))
        ROWS.append(Row(pool._flat_indices, flat_indices, [offsets], {"shape": x, **params}))
        ROWS.append(Row(scatter, max_pool_scatter, [offsets.shape, offsets], {"shape": x, **windows}))
        ROWS.append(Row(gather_, max_pool_gather, [x, offsets], windows))
    for flag in (False, True):
        ROWS.append(
            Row(
                getattr(pool, f"max_pool{rank}d"),
                lambda x, *, rank=rank, flag=flag, **_: max_pool_flat(
                    x, (2,) * rank, (2,) * rank, (1,) * rank, (1,) * rank, flag
                )[: 1 + flag],
                [(1, 2, *SPACE[rank])],
                {"kernel_size": 2, "padding": 1, "ceil_mode": flag, "return_indices": flag},
            )
        )
    ROWS.append(
        Row(
            getattr(pool, f"max_pool{rank}d"),
            lambda x, *, r=rank, **_: max_pool_flat(x, (3, 2, 2)[:r], (2,) * r, (0,) * r, (1, 2, 1)[:r], False)[0],
            [(1, 2, *SPACE[rank])],
            {"kernel_size": (3, 2, 2)[:rank], "stride": 2, "padding": 0, "dilation": (1, 2, 1)[:rank]},
        )
    )
for rank in (1, 2, 3):
    forward, adjoint = getattr(pool, f"_avg_pool{rank}d"), getattr(pool, f"avg_pool{rank}d_adjoint")
    for images, sizes, (ceil_mode, count_include_pad, divisor_override) in [
        (1, ((2, 3, 2), (2, 1, 1), (1, 1, 0)), (True, True, None)),
        (1, ((2, 3, 2), (2, 2, 2), (1, 1, 1)), (True, False, None)),
        (2, ((3, 2, 2), (1, 1, 2), (0, 0, 1)), (False, True, 5)),
        (0, ((2, 2, 2), (3, 2, 1), (1, 0, 1)), (False, False, -2)),
    ]:
        params = dict(zip(("kernel_size", "stride", "padding"), (v[:rank] for v in sizes), strict=True))
        params |= {"ceil_mode": ceil_mode, "count_include_pad": count_include_pad, "divisor_override": divisor_override}
        x = (images, 1, *SPACE[rank])
        y = avg_pool(np.zeros(x), **params).shape
        ROWS.append(Row(forward, avg_pool, [x], params))
        ROWS.append(
            Row(
                adjoint,
                avg_pool_adjoint,
                [y],
                {"shape": x, **params},
            )
        )
    for params, canonical in [
        ({"kernel_size": 2}, (2, 2, 0, False, True)),
        (
            {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True, "count_include_pad": False},
            (3, 2, 1, True, False),
        ),
    ]:
        for lead in [(1, 2), (2,)]:
            ROWS.append(
                Row(
                    getattr(pool, f"avg_pool{rank}d"),
                    lambda x, *, rank=rank, lead=lead, c=canonical, **_: avg_pool(
                        x.reshape(1, 2, *x.shape[-rank:]), *((v,) * rank for v in c[:3]), *c[3:], None
                    )[0 if lead == (2,) else ...],
                    [(*lead, *SPACE[rank])],
                    params,
                )
            )

    if rank != 1:  # PyTorch has none for sequences
        ROWS.append(
            Row(
                getattr(pool, f"avg_pool{rank}d"),
                lambda x, *, r=rank, **_: avg_pool(x, (2,) * r, (2,) * r, (1,) * r, True, True, 3),
                [(1, 2, *SPACE[rank])],
                {"kernel_size": 2, "padding": 1, "ceil_mode": True, "divisor_override": 3},
            )
        )

# Adaptive pooling: windows that tile, overlap, repeat pixels
for rank in (1, 2, 3):
    forward, adjoint, largest = (
        getattr(adaptive_pool, f"_adaptive_avg_pool{rank}d"),
        getattr(adaptive_pool, f"adaptive_avg_pool{rank}d_adjoint"),
        getattr(adaptive_pool, f"_adaptive_max_pool{rank}d"),
    )
    for images, size in [(1, (1, 5, 2)), (1, (3, 2, 4)), (0, (2, 3, 1)), (2, (9, 1, 1)), (1, (7, 0, 3))]:
        x, size = (images, 2, *SPACE[rank]), size[:rank]
        ROWS.append(Row(forward, naive.adaptive_avg_pool, [x], {"output_size": size}))
        ROWS.append(
            Row(
                adjoint,
                adaptive_avg_pool_adjoint,
                [(images, 2, *size)],
                {"shape": x},
            )
        )
        ROWS.append(Row(largest, naive.adaptive_max_pool, [x], {"output_size": size}))
    ROWS += [
        Row(
            getattr(adaptive_pool, f"adaptive_{kind}_pool{rank}d"),
            lambda x, *, rank=rank, size=size, reference=reference, **_: reference(
                x, tuple(m or n for m, n in zip(size, x.shape[2:], strict=True))
            ),
            [(1, 2, *SPACE[rank])],
            {"output_size": 3 if set(size) == {3} else size, **params},
        )
        for kind, reference, params in [
            ("avg", naive.adaptive_avg_pool, {}),
            ("max", naive.adaptive_max_pool, {"return_indices": True}),
            ("max", lambda x, size: naive.adaptive_max_pool(x, size)[0], {}),
        ]
        for size in [(3,) * rank, (None, 4, 2)[:rank]]
    ]

# Padding: every mode, negative widths, axes of 0 and all of the size that a mode can take
PADS = [
    ((2, 5), ((0, 0), (1, 2)), "constant", 0),
    ((2, 5), ((1, 0), (-1, 3)), "constant", 1.5),
    ((4, 3), ((-1, -2), (2, -1)), "constant", -2),
    ((0, 3), ((1, 2), (-3, 1)), "constant", 0),
    ((3,), ((-3, 3),), "constant", 0.5),
    ((), (), "constant", 1),
    ((1, 2, 4), ((0, 0), (0, 0), (3, 2)), "reflect", 0),
    ((1, 4, 3), ((0, 0), (1, 3), (2, 1)), "reflect", 0),
    ((1, 4, 5), ((0, 0), (-1, 2), (3, -2)), "reflect", 0),
    ((1, 2, 3), ((0, 0), (0, 0), (5, 4)), "replicate", 0),
    ((1, 2, 3), ((0, 0), (3, 0), (-1, 2)), "replicate", 0),
    ((0, 1, 2, 3), ((0, 0), (0, 0), (3, 0), (1, 2)), "replicate", 0),
    ((1, 2, 3), ((0, 0), (0, 0), (3, 2)), "circular", 0),
    ((1, 4, 3), ((0, 0), (2, 4), (-1, 2)), "circular", 0),
    ((1, 4, 3), ((0, 0), (0, 0), (0, 0)), "circular", 0),
    ((1, 4, 3), ((0, 0), (0, 0), (0, 0)), "reflect", 0),
]
for shape_, widths, mode, value in PADS:
    params = {"widths": widths, "mode": mode}
    size = tuple(n + sum(w) for n, w in zip(shape_, widths, strict=True))
    ROWS.append(Row(pad._pad, naive.pad, [shape_], {**params, "value": value}))
    ROWS.append(
        Row(
            pad.pad_adjoint,
            pad_adjoint,
            [size],
            {"shape": shape_, **params},
        )
    )
ROWS += [
    Row(pad.pad, lambda x, *, widths=widths, mode, value, **_: naive.pad(x, widths, mode, value or 0), [shape_], params)
    for shape_, widths, params in [
        ((2, 3), ((0, 0), (1, 2)), {"pad": (1, 2), "mode": "constant", "value": None}),
        ((2, 3), ((0, 1), (-1, 2)), {"pad": [-1, 2, 0, 1], "mode": "constant", "value": 2.5}),
        ((1, 2, 3, 4), ((0, 0), (0, 0), (1, 2), (3, 0)), {"pad": (3, 0, 1, 2), "mode": "reflect", "value": None}),
        ((2, 3, 4), ((0, 0), (1, 0), (0, 5)), {"pad": (0, 5, 1, 0), "mode": "replicate", "value": 0}),
        ((1, 2, 3), ((0, 0), (0, 0), (3, 1)), {"pad": (3, 1), "mode": "circular", "value": None}),
    ]
]

# Windows as columns, and back
for images, params in [
    (2, {"kernel_size": (2, 3), "dilation": (1, 1), "padding": (0, 0), "stride": (1, 1)}),
    (1, {"kernel_size": (3, 2), "dilation": (1, 2), "padding": (1, 2), "stride": (2, 1)}),
    (1, {"kernel_size": (1, 1), "dilation": (1, 1), "padding": (0, 0), "stride": (2, 3)}),
    (0, {"kernel_size": (2, 2), "dilation": (2, 1), "padding": (0, 1), "stride": (3, 3)}),
]:
    x = (images, 2, 5, 4)
    columns = naive.unfold(np.zeros(x), **params).shape
    ROWS.append(Row(fold._unfold, naive.unfold, [x], params))
    ROWS.append(Row(fold.unfold, naive.unfold, [x], params))
    ROWS.append(Row(fold._fold, naive.fold, [columns], {"output_size": (5, 4), **params}))
    ROWS.append(Row(fold.fold, naive.fold, [columns], {"output_size": (5, 4), **params}))
ROWS += [
    Row(
        fold._fold,
        naive.fold,
        [(1, 4, 3)],
        {"output_size": (2, 4), "kernel_size": (2, 2), "dilation": (1, 1), "padding": (0, 0), "stride": (1, 1)},
    ),
    Row(
        fold.unfold,
        lambda x, **_: naive.unfold(x[None], (2, 2), (2, 2), (1, 1), (1, 1))[0],
        [(2, 5, 4)],
        {"kernel_size": 2, "dilation": 2, "padding": 1},
    ),
    Row(
        fold.fold,
        lambda x, **_: naive.fold(x[None], (3, 3), (2, 2), (1, 1), (0, 0), (1, 1))[0],
        [(8, 4)],
        {"output_size": 3, "kernel_size": 2},
    ),
]

# Resizing: up, down, by a factor that is no quotient of the sizes, to and from one pixel
for rank in (1, 2, 3):
    x = (1, 2, *(5, 4, 3)[:rank])
    for size, mode, align_corners, scales in [
        ((8, 3, 6), "nearest", False, None),
        ((3, 9, 2), "nearest", False, (0.7, 2.3, 0.8)),
        ((7, 2, 4), "nearest-exact", False, None),
        ((7, 3, 6), "linear", False, None),
        ((2, 9, 1), "linear", False, (0.47, 2.3, 0.4)),
        ((8, 1, 3), "linear", True, None),
        ((9, 6, 2), "cubic", False, None),
        ((3, 7, 5), "cubic", True, None),
    ]:
        if rank == 3 and mode == "cubic":
            continue
        params = {"mode": mode, "align_corners": align_corners, "scales": scales and scales[:rank]}
        gy = (1, 2, *size[:rank])
        ROWS.append(Row(interpolate._interpolate, naive.interpolate, [x], {"size": size[:rank], **params}))
        ROWS.append(
            Row(
                interpolate.interpolate_adjoint,
                interpolate_adjoint,
                [gy],
                {"shape": x, **params},
            )
        )
for x, size in [((0, 2, 3), (5,)), ((2, 1, 1), (4,))]:
    params = {"mode": "linear", "align_corners": False, "scales": None}
    ROWS.append(Row(interpolate._interpolate, naive.interpolate, [x], {"size": size, **params}))
ROWS += [
    Row(interpolate.interpolate, lambda x, *, c=canonical, **_: naive.interpolate(x, *c), [x], params)
    for x, params, canonical in [
        ((1, 2, 3, 4), {"size": 5}, ((5, 5), "nearest", False, None)),
        ((1, 2, 3), {"scale_factor": 2.5}, ((7,), "nearest", False, (2.5,))),
        ((1, 2, 3), {"scale_factor": 2.5, "recompute_scale_factor": True}, ((7,), "nearest", False, None)),
        ((1, 2, 3), {"size": (5,), "mode": "linear", "align_corners": True}, ((5,), "linear", True, None)),
        ((1, 2, 3, 4), {"size": (2, 7), "mode": "bilinear"}, ((2, 7), "linear", False, None)),
        ((1, 2, 3, 4), {"scale_factor": (2, 0.6), "mode": "bilinear"}, ((6, 2), "linear", False, (2.0, 0.6))),
        ((1, 1, 3, 2, 2), {"scale_factor": 1.5, "mode": "trilinear"}, ((4, 3, 3), "linear", False, (1.5,) * 3)),
        ((1, 1, 4, 3), {"size": (6, 5), "mode": "bicubic"}, ((6, 5), "cubic", False, None)),
        ((1, 1, 4, 3), {"size": 5, "mode": "nearest-exact"}, ((5, 5), "nearest-exact", False, None)),
    ]
]
ROWS.append(
    Row(
        interpolate.interpolate,
        lambda x, **_: naive.adaptive_avg_pool(x, (2, 3)),
        [(1, 2, 5, 4)],
        {"size": (2, 3), "mode": "area"},
    )
)

# Normalisation and loss
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
    Row(norm.batch_norm_grad, batch_norm_grad, [x, x, weight], {"eps": eps}, call=batch_norm_grad_call)
    for x, weight, eps in [
        ((3, 2, 2, 3), (2,), 1e-5),
        ((4, 3), (3,), 0.1),
        ((3, 2, 4), None, 1e-3),
        ((0, 2, 2), (2,), 0.1),
    ]
]
LABELS = np.array([2, 0, 2, 1])
ROWS += [
    Row(class_losses._cross_entropy, cross_entropy, [(4, 3), LABELS]),
    Row(class_losses._cross_entropy, cross_entropy, [(1, 1), LABELS[1:2]]),
    Row(class_losses.cross_entropy, cross_entropy, [(4, 3), LABELS]),
    Row(class_losses.cross_entropy, cross_entropy, [(4, 3), LABELS.astype(np.uint8)]),
    Row(class_losses.cross_entropy_grad, cross_entropy_grad, [(), (4, 3), LABELS]),
    Row(class_losses.cross_entropy_grad, cross_entropy_grad, [(), (0, 3), LABELS[:0]]),
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
        (smooth._gelu_tanh, gelu_tanh, {}, (-4.1, 3.3)),
        (smooth._silu, lambda x: x / (1 + np.exp(-x)), {}, (-4.1, 3.3)),
        (smooth._softplus, softplus, {}, (-4.1, 3.3)),
        (smooth.logsigmoid, lambda x: -np.log(1 + np.exp(-x)), {}, (-4.1, 3.3)),
        (elementwise.log1p, lambda x: np.log(1 + x), {}, (-0.7, 2.3)),
        (elementwise.erf, erf, {}, PLAIN),
        (elementwise.erfc, lambda x: 1 - erf(x), {}, PLAIN),
        (elementwise.abs, lambda x: np.sqrt(x * x), {}, PLAIN),
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
    Row(elementwise._sign, lambda x: np.array([-1.0, 0, 1]), [np.array([-0.2, 0, 3])]),
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
    Row(activation.softmin, lambda x, dim: softmax(-x, dim), [(2, 3)], {"dim": -1}),
    Row(activation.softmin, lambda x, dim: softmax(-x, dim), [()], {"dim": 0}),
    Row(activation.softmin, lambda x, dim, dtype: softmax(-x, dim), [(2, 3)], {"dim": 0, "dtype": F64}, mixed=True),
    *[
        Row(activation.prelu, prelu, inputs)
        for inputs in [[(2, 3, 2), (3,)], [(2, 3), (1,)], [(3,), (1,)], [(), ()], [(0, 3), (3,)]]
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

# Embeddings
TOKENS = np.array([[4, 0, 4], [1, 4, 1]])
TABLE = np.array([[0.3, -2.0, 0.4], [0.1, 0.2, -0.1], [3.0, 3, 3], [1.0, 1, 1], [-1.1, 0.0, 0.9]])
ROWS += [
    *[
        Row(
            tables._embedding,
            lambda i, w, **_: w[i],
            [index, (5, 3)],
            {"padding_idx": None, "scale_grad_by_freq": False},
        )
        for index in [TOKENS, TOKENS[:0], np.array(2)]
    ],
    Row(tables._frequencies, lambda i, dtype: np.array([[[3.0], [1], [3]], [[2], [3], [2]]]), [TOKENS], {"dtype": F64}),
    Row(tables._frequencies, lambda i, dtype: np.ones((2, 1)), [np.array([1, 0])], {"dtype": F32}),
    *[
        Row(tables.embedding_grad, rows_added, [(*index.shape, 3), index], {"size": size})
        for index, size in [(TOKENS, 5), (TOKENS[:0], 2), (np.array([1, 0], np.uint8), 3), (np.array(2), 3)]
    ],
    # What these two parameters do to a gradient is no derivative. Here they find nothing to change; where they do, see
    # test_ops_losses.py.
    Row(
        tables._embedding,
        lambda i, w, **_: w[i],
        [np.array([[4, 0], [1, 3]]), (5, 3)],
        {"padding_idx": 2, "scale_grad_by_freq": True},
    ),
    Row(tables.embedding, lambda i, w: w[i], [TOKENS, (5, 3)]),
    *[
        Row(tables.embedding, lambda i, w, **_: w[i], [np.array([[4, 0], [1, 3]]), (5, 3)], params)
        for params in [
            {"padding_idx": 2, "sparse": True},
            {"padding_idx": -3, "scale_grad_by_freq": True},
            {"max_norm": 10.0, "norm_type": 1.0},
        ]
    ],
    # Rows that are too long are scaled down in the table itself, which is no part of the derivative: no gradients here.
    *[
        Row(tables.embedding, renormed_rows, [TOKENS, TABLE], params, call=with_table)
        for params in [
            {"max_norm": 1.5},
            {"max_norm": 1.0, "norm_type": 1.0},
            {"max_norm": 0.7, "norm_type": math.inf},
            {"max_norm": 1.2, "norm_type": 3},
        ]
    ],
    *[
        Row(
            F.one_hot,
            lambda labels, num_classes=-1: np.eye(labels.max() + 1 if num_classes == -1 else num_classes)[labels],
            [TOKENS],
            params,
            call=of_nn(F.one_hot),
        )
        for params in [{}, {"num_classes": 7}]
    ],
]

# Losses of single values
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
        divergence._binary_logits,
        lambda x, y, p: binary_logits(x, y, None, p, "none"),
        [x, y, p],
        domain=[PLAIN, SURE, (0.4, 2.3)][: 2 + (p != 1.0)] + [PLAIN] * (p == 1.0),
    )
    for x, y, p in [((2, 3), (2, 3), (3,)), ((2, 3), (2, 3), 1.0), ((), (), ()), ((0, 3), (0, 3), (3,))]
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

# Losses of classes
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
        (loss.mse_loss, mse_loss, (2, 3), PLAIN),
        (loss.l1_loss, l1_loss, (2, 3), [PLAIN, (-2.31, 2.6)]),
        (loss.smooth_l1_loss, smooth_l1_loss, (2, 3), [PLAIN, (-2.31, 2.6)]),
        (divergence.binary_cross_entropy, binary_cross_entropy, (2, 3), [PROBABLE, SURE]),
        (divergence.binary_cross_entropy_with_logits, binary_logits, (2, 3), [PLAIN, SURE]),
        (divergence.kl_div, kl_div, (2, 3), [PLAIN, SURE]),
        (class_losses.nll_loss, nll_loss, LABELS[:2], PLAIN),
        (class_losses.cross_entropy, full_cross_entropy, LABELS[:2], PLAIN),
    ]
    for s, params, reduction in [((2, 3), {"size_average": False}, "sum"), ((2, 3), {"reduce": False}, "none")]
]
