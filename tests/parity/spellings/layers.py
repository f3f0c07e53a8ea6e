"""PyTorch's spelling of the operations of layers, losses and what they are made of."""

import itertools
import operator

import numpy as np
import torch
import torch.nn.functional as F

import nn.functional
import tensorgrad as tg
from tensorgrad.ops import (
    activation,
    adaptive_pool,
    conv,
    conv_transpose,
    divergence,
    elementwise,
    indexing,
    interpolate,
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
from tensorgrad.primitive import astype, broadcast_to, sum_to
from tests.op_table import Seed
from tests.op_table.max_pool import flat_indices

from .tools import adjoint


def torch_conv(x, w, bias=None, *, padding, **params):
    return getattr(F, f"conv{x.ndim - 2}d")(F.pad(x, pairs_of(padding)), w, bias, **params)


def pairs_of(widths):
    """(before, after) of each axis as PyTorch's one tuple, the last axis first."""
    return tuple(itertools.chain(*reversed(widths)))


def torch_conv_transpose(y, w, bias, shape, **params):
    x = adjoint(lambda x: torch_conv(x, w, **params), shape, y)
    return x if bias is None else x + bias.reshape(-1, *[1] * (y.ndim - 2))


def torch_avg_pool(x, kernel_size, stride, padding, divisor_override, **params):
    if x.ndim > 3:
        pool = getattr(F, f"avg_pool{x.ndim - 2}d")
        return pool(x, kernel_size, stride, padding, divisor_override=divisor_override, **params)
    sizes = (1, *kernel_size), (1, *stride), (0, *padding)  # avg_pool1d has no divisor_override
    return F.avg_pool2d(x.unsqueeze(-2), *sizes, divisor_override=divisor_override, **params).squeeze(-2)


def torch_input_grad(gy, w, shape, **params):
    return adjoint(lambda x: torch_conv(x, w, **params), shape, gy)


def torch_weight_grad(gy, x, shape, **params):
    return adjoint(lambda w: torch_conv(x, w, **params), shape, gy)


def adjoint_of(forward):
    return lambda gy, shape, **params: adjoint(lambda x: forward(x, **params), shape, gy)


def torch_adaptive_max(x, output_size):
    return torch_adaptive_pool("max")(x, output_size=output_size, return_indices=True)


def torch_adaptive_pool(kind):
    return lambda x, **params: getattr(F, f"adaptive_{kind}_pool{x.ndim - 2}d")(x, **params)


def torch_pad(x, widths, mode, value):
    return F.pad(x, pairs_of(widths if mode == "constant" else widths[1 if x.ndim == 3 else 2 :]), mode, value)


def torch_interpolate(x, mode, align_corners, scales, size=None):
    modes = {"linear": {3: "linear", 4: "bilinear", 5: "trilinear"}[x.ndim], "cubic": "bicubic"}
    align_corners = None if mode.startswith("nearest") else align_corners
    size = None if scales else size
    return F.interpolate(x, size, scales, modes.get(mode, mode), align_corners)


def torch_setitem(x, value, index):
    out = x.clone()
    out[index] = value
    return out


def torch_batch_norm(x, weight, bias, eps):
    axes = [0, *range(2, x.ndim)]
    weight = torch.ones(x.shape[1], dtype=x.dtype) if weight is None else weight  # None with a bias: no second order
    out = F.batch_norm(x, None, None, weight, bias, True, 0.1, eps)
    return out, x.mean(axes), x.var(axes, unbiased=False)


def torch_affine_channel(x, weight, bias=None):
    along = (-1, *[1] * (x.ndim - 2))
    return x * weight.reshape(along) + (0 if bias is None else bias.reshape(along))


def torch_batch_norm_grad(gy, x, weight, eps):
    """By plain operations: the third derivative of PyTorch's fused batch norm takes the statistics as constants."""
    axes, keep = [0, *range(2, x.ndim)], (-1, *[1] * (x.ndim - 2))
    weight = torch.ones(x.shape[1], dtype=x.dtype, requires_grad=True) if weight is None else weight
    bias = torch.zeros(x.shape[1], dtype=x.dtype, requires_grad=True)
    centred = x - x.mean(axes, keepdim=True)
    out = centred / (x.var(axes, unbiased=False, keepdim=True) + eps).sqrt() * weight.reshape(keep) + bias.reshape(keep)
    return torch.autograd.grad(out, (x, weight, bias), gy, create_graph=True)


def torch_cross_entropy_grad(gy, x, target):
    return torch.autograd.grad(F.cross_entropy(x, target), x, gy, create_graph=True)[0]


def flat(offsets, windows, shape):
    positions = flat_indices(offsets.numpy(), shape, **windows)
    return torch.tensor(positions).flatten(2)


def torch_scatter(g, offsets, shape, **windows):
    return (
        torch.zeros(shape, dtype=g.dtype)
        .flatten(2)
        .scatter_add(2, flat(offsets, windows, shape), g.flatten(2))
        .reshape(shape)
    )


def torch_gather(x, offsets, **windows):
    return x.flatten(2).gather(2, flat(offsets, windows, x.shape)).reshape(offsets.shape)


# Operations that PyTorch has under another name, or calls otherwise; the others are found by their names.
CALLS = {
    sum_to: lambda x, shape: x.sum_to_size(shape),
    broadcast_to: lambda x, shape: x.broadcast_to(shape),
    astype: lambda x, dtype: x.to(dtype),
    elementwise._add: operator.add,
    elementwise._sub: operator.sub,
    elementwise.mul: operator.mul,
    elementwise._div: operator.truediv,
    reduce._sum: lambda x, dims, keepdim: x.sum(dims, keepdim) if dims else x.clone(),
    reduce._mean: lambda x, dims, keepdim: x.mean(dims, keepdim) if dims else x.clone(),
    shape._cat: lambda *xs, dim: torch.cat(xs, dim),
    shape.cat: lambda *xs, dim=0: torch.cat(xs, dim),
    shape.stack: lambda *xs, dim: torch.stack(xs, dim),
    indexing._getitem: lambda x, index: x[index],
    indexing.getitem: lambda x, index: x[index],
    indexing._put: lambda x, index, shape: adjoint(lambda at: at[index], shape, x),
    indexing._setitem: torch_setitem,
    indexing.setitem: torch_setitem,
    indexing._gather: lambda x, index, dim: x.gather(dim, index),
    indexing.gather: lambda x, index, dim: x.gather(dim, index),
    indexing.scatter_along: lambda x, index, dim, shape: torch.zeros(shape, dtype=x.dtype).scatter_add(dim, index, x),
    norm._batch_norm: torch_batch_norm,
    norm.native_batch_norm: torch_batch_norm,
    norm._affine_channel: torch_affine_channel,
    norm.affine_channel: torch_affine_channel,
    norm.batch_norm_grad: torch_batch_norm_grad,
    class_losses.cross_entropy_grad: torch_cross_entropy_grad,
}

for rank in (1, 2, 3):
    CALLS |= {
        getattr(conv, f"_conv{rank}d"): torch_conv,
        getattr(conv, f"conv{rank}d_input_grad"): torch_input_grad,
        getattr(conv, f"conv{rank}d_weight_grad"): torch_weight_grad,
        getattr(conv_transpose, f"_conv_transpose{rank}d"): torch_conv_transpose,
        getattr(pool, f"_max_pool{rank}d"): getattr(F, f"max_pool{rank}d"),
        getattr(pool, f"max_pool{rank}d_scatter"): torch_scatter,
        getattr(pool, f"max_pool{rank}d_gather"): torch_gather,
        getattr(pool, f"_avg_pool{rank}d"): torch_avg_pool,
        getattr(pool, f"avg_pool{rank}d_adjoint"): adjoint_of(torch_avg_pool),
        getattr(adaptive_pool, f"_adaptive_avg_pool{rank}d"): torch_adaptive_pool("avg"),
        getattr(adaptive_pool, f"adaptive_avg_pool{rank}d_adjoint"): lambda gy, shape: adjoint(
            lambda x: torch_adaptive_pool("avg")(x, output_size=gy.shape[2:]), shape, gy
        ),
        getattr(adaptive_pool, f"_adaptive_max_pool{rank}d"): torch_adaptive_max,
    }
CALLS |= {
    pad._pad: torch_pad,
    pad.pad_adjoint: adjoint_of(lambda x, **params: torch_pad(x, value=0, **params)),
    interpolate._interpolate: torch_interpolate,
    interpolate.interpolate_adjoint: lambda gy, shape, **params: adjoint(
        lambda x: torch_interpolate(x, size=gy.shape[2:], **params), shape, gy
    ),
}


def with_statistics(out, rows):
    """A normalised output, and the means and biased variances of its rows."""
    mean = rows.mean(-1, keepdim=True)
    return out, mean.squeeze(-1), ((rows - mean) ** 2).mean(-1)


def ones_beside(bias, weight):
    """PyTorch has no second derivative of a bias alone."""
    return torch.ones_like(bias) if weight is None and bias is not None else weight


def torch_group_norm(x, weight, bias, groups, eps):
    out = F.group_norm(x, groups, ones_beside(bias, weight), bias, eps)
    return with_statistics(out, x.reshape(len(x), groups, int(np.prod(x.shape[1:])) // groups))


def torch_layer_norm(x, weight, bias, axes, eps):
    out = F.layer_norm(x, x.shape[x.ndim - axes :], ones_beside(bias, weight), bias, eps)
    rows = x.reshape(int(np.prod(x.shape[: x.ndim - axes])), 1, int(np.prod(x.shape[x.ndim - axes :])))
    return with_statistics(out, rows)


def torch_rms_norm(x, weight, axes, eps):
    rows = x.reshape(int(np.prod(x.shape[: x.ndim - axes])), int(np.prod(x.shape[x.ndim - axes :])))
    return F.rms_norm(x, x.shape[x.ndim - axes :], weight, eps), (rows * rows).mean(1, keepdim=True)


def torch_norm_grad(norm):
    """Gradients of input, weight (of ones for none) and perhaps bias of a normalisation."""

    def call(gy, x, weight, **params):
        weight = torch.ones(x.shape[1], dtype=x.dtype, requires_grad=True) if weight is None else weight
        bias = torch.zeros(x.shape[1], dtype=x.dtype, requires_grad=True)
        out, leaves = norm(x, weight, bias, **params)
        return torch.autograd.grad(out, leaves, gy, create_graph=True)

    return call


def plain_rms_norm(x, w, b, eps):
    return x / ((x * x).mean(1, keepdim=True) + eps).sqrt() * w, (x, w)


def plain_group_norm(x, w, b, groups, eps):
    """By plain operations, as for batch norm."""
    rows, keep = x.reshape(len(x), groups, int(np.prod(x.shape[1:])) // groups), (-1, *[1] * (x.ndim - 2))
    centred = rows - rows.mean(2, keepdim=True)
    normal = centred / ((centred * centred).mean(2, keepdim=True) + eps).sqrt()
    return normal.reshape(x.shape) * w.reshape(keep) + b.reshape(keep), (x, w, b)


def torch_running(norm):
    """A normalisation, and what it leaves in copies of the running statistics."""

    def call(x, weight=None, bias=None, *, running_mean=None, running_var=None, **params):
        running = [None if r is None else r.to(x.dtype, copy=True) for r in (running_mean, running_var)]
        out = norm(x, *running, weight, bias, **params)
        return out, *[r for r in running if r is not None]

    return call


def torch_embedding(index, table, sparse=False, **params):
    """With whole gradients; where rows of a constant table are scaled down, the table afterwards too."""
    if table.requires_grad:
        return F.embedding(index, table, **params)
    table = table.clone()
    return F.embedding(index, table, **params), table


def weights_last(function, key="weight"):
    """A loss as its rows have it: a third input is a weight."""
    return lambda x, y, *weight, **params: function(x, y, **({key: weight[0]} if weight else {}), **params)


def torch_binary_slope(x, y):
    return torch.autograd.grad(F.binary_cross_entropy(x, y, reduction="sum"), x, create_graph=True)[0]


CALLS |= {
    smooth._elu: lambda x, alpha=1.0, scale=1.0, input_scale=1.0: torch.ops.aten.elu(x, alpha, scale, input_scale),
    smooth._gelu_tanh: lambda x: F.gelu(x, approximate="tanh"),
    activation._prelu: lambda x, w: F.prelu(x, w if isinstance(w, torch.Tensor) else torch.tensor(w, dtype=x.dtype)),
    within._group_norm: torch_group_norm,
    within.group_norm: lambda x, w=None, b=None, **params: F.group_norm(x, weight=w, bias=b, **params),
    within.group_norm_grad: torch_norm_grad(plain_group_norm),
    within.instance_norm: torch_running(F.instance_norm),
    nn.functional.batch_norm: torch_running(F.batch_norm),
    last_axes._layer_norm: torch_layer_norm,
    last_axes.layer_norm: lambda x, w=None, b=None, **params: F.layer_norm(x, weight=w, bias=b, **params),
    last_axes._rms_norm: torch_rms_norm,
    last_axes.rms_norm: lambda x, w=None, **params: F.rms_norm(x, weight=w, **params),
    last_axes.rms_norm_grad: torch_norm_grad(plain_rms_norm),
    tables._embedding: lambda i, w, **_: F.embedding(i, w),
    tables.embedding: torch_embedding,
    tables.embedding_grad: lambda g, i, size: adjoint(lambda w: w[i.long()], (size, g.shape[-1]), g),
    loss._squared_error: lambda x, y: (x - y) ** 2,
    loss._error_times: lambda g, x, y: 2 * g * (x - y),
    loss._huber: lambda x, y, delta, slope: F.huber_loss(x, y.expand(x.shape), "none", delta) * slope,
    loss.mse_loss: weights_last(F.mse_loss),
    loss.l1_loss: weights_last(F.l1_loss),
    loss.huber_loss: weights_last(F.huber_loss),
    divergence._binary_cross_entropy: lambda x, y: F.binary_cross_entropy(x, y.expand(x.shape), reduction="none"),
    divergence._binary_slope: lambda x, y: torch_binary_slope(x, y.expand(x.shape)),
    divergence._binary_logits: lambda x, y, p: F.binary_cross_entropy_with_logits(
        x, y, reduction="none", pos_weight=p if isinstance(p, torch.Tensor) else None
    ),
    divergence._binary_logits_slope: lambda x, y, p: (
        (1 - y) * torch.sigmoid(x) - p * y * torch.sigmoid(-x) if isinstance(p, torch.Tensor) else torch.sigmoid(x) - y
    ),
    divergence._kl_div: lambda x, y: F.kl_div(x, y, reduction="none"),
    divergence._kl_div_log: lambda x, y: F.kl_div(x, y, reduction="none", log_target=True),
    divergence.binary_cross_entropy: weights_last(F.binary_cross_entropy),
    divergence.binary_cross_entropy_with_logits: weights_last(F.binary_cross_entropy_with_logits),
    class_losses.nll_loss: weights_last(F.nll_loss),
    class_losses.cross_entropy: weights_last(F.cross_entropy),
}


def has_negative_step(index):
    return any(
        isinstance(part, slice) and (part.step or 1) < 0 for part in (index if isinstance(index, tuple) else (index,))
    )


def refused(row):
    """What PyTorch does not take, or leaves undefined: the reason, or None."""
    if has_negative_step(row.params.get("index")):
        return "no slices with a negative step"
    if row.op is indexing._setitem and row.inputs[1:] != [()] and repeats(row.params["index"], row.inputs[0]):
        return "which of several writes to a place stands is undefined"
    if row.op is norm.batch_norm_grad and 0 in row.inputs[0]:
        return "no batch norm of an empty batch"
    if row.op in (divergence._binary_cross_entropy, divergence.binary_cross_entropy):
        return "second derivatives with 1e-12 added; compared to eleven digits in test_losses_parity.py"
    if row.op is tables._embedding and 0 in row.inputs[0].shape:
        return "no second derivative of an embedding of nothing"
    if row.op in (within.group_norm_grad, within._group_norm, last_axes._layer_norm) and 0 in row.inputs[0]:
        return "no reshaping of nothing"
    if row.op is class_losses.cross_entropy_grad and 0 in row.inputs[1]:
        return "0 / 0 for the gradient of the mean of no rows, which here is 0"
    if row.name.startswith("_adaptive") and 0 in row.params["output_size"]:
        return "adaptive pooling to no pixels goes forwards only"
    if row.name.startswith("adaptive") and row.name.endswith("adjoint") and 0 in row.inputs[0][2:]:
        return "adaptive pooling to no pixels goes forwards only"
    if row.op in (tg.adaptive_avg_pool1d, tg.adaptive_max_pool1d) and row.params["output_size"] == (None,):
        return "no None for one axis"
    if row.params.get("inplace"):
        return "no change of a leaf that requires a gradient"
    if ("running_mean" in row.params) != ("running_var" in row.params):
        return "no running mean without a running variance"
    padding = row.params.get("padding", 0)
    if row.op in PUBLIC_CONVOLUTIONS and isinstance(padding, tuple) and isinstance(padding[0], tuple):
        return "no padding that differs before and after; compared by padding first, in the primitive's rows"
    if row.params.get("mode") == "cubic" and len(row.inputs[0]) != 4:
        return "bicubic for images only"
    if len(row.inputs) > 2 and row.op in WITHOUT_WEIGHTS:
        return "no gradient of the weights; compared with fixed ones in test_losses_parity.py"
    if any(isinstance(value, Seed) for value in row.params.values()):
        return "other random numbers"
    return None


PUBLIC_CONVOLUTIONS = {getattr(tg, f"conv{kind}{rank}d") for kind in ("", "_transpose") for rank in (1, 2, 3)}
WITHOUT_WEIGHTS = {
    class_losses.nll_loss,
    class_losses.cross_entropy,
    divergence.binary_cross_entropy,
    divergence.binary_cross_entropy_with_logits,
    divergence._binary_logits,
}


def repeats(index, size):
    places = np.arange(int(np.prod(size))).reshape(size)[index]
    return len(set(places.ravel().tolist())) < places.size
