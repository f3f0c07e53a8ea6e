"""PyTorch's spelling of activations beyond those of `layers.py`, of losses with margins and likelihoods."""

import math

import torch
import torch.nn.functional as F

from tensorgrad.ops import bilinear, distance, label_margin_loss, margin_loss, nll, piecewise
from tensorgrad.ops import smooth_activation as smooth


def plain_hardsigmoid(x, inplace=False):
    """By plain operations: PyTorch's own has no second derivative, and its slope is 1/6 rounded to float32."""
    return F.relu6(x + 3) / 6


def plain_celu(x, alpha=1.0, inplace=False):
    """By plain operations: PyTorch's own rounds 1 / alpha to float32 in its derivatives."""
    return torch.where(x > 0, x, alpha * torch.expm1(x.clamp_max(0) / alpha))


def by_old_names(reduction, size_average, reduce):
    """The reduction that PyTorch's old names mean."""
    if size_average is None and reduce is None:
        return reduction
    return "none" if reduce is False else "sum" if size_average is False else "mean"


def plain_multi_margin(x, target, weight=None, p=1, margin=1.0, reduction="mean", size_average=None, reduce=None):
    """By plain operations: PyTorch's own has no second derivative."""
    rows, labels = torch.atleast_2d(x), torch.atleast_1d(target)
    short = F.relu(margin - rows.gather(1, labels[:, None]) + rows) ** p
    loss = (short * (torch.arange(rows.shape[1]) != labels[:, None])).mean(1)
    loss = (loss if weight is None else loss * weight[labels]).reshape(target.shape)
    return {"none": loss, "sum": loss.sum(), "mean": loss.mean()}[by_old_names(reduction, size_average, reduce)]


def plain_multilabel_margin(x, target, reduction="mean", size_average=None, reduce=None):
    """By plain operations: PyTorch's own has no second derivative."""
    losses = []
    for row, listed in zip(torch.atleast_2d(x), torch.atleast_2d(target).tolist(), strict=True):
        labels = listed[: listed.index(-1)] if -1 in listed else listed
        others = [j for j in range(len(row)) if j not in labels]
        losses.append(sum((F.relu(1 - row[i] + row[others]).sum() for i in labels), 0 * row.sum()) / len(row))
    loss = torch.stack(losses).reshape(x.shape[:-1])
    return {"none": loss, "sum": loss.sum(), "mean": loss.mean()}[by_old_names(reduction, size_average, reduce)]


CALLS = {
    piecewise._hardsigmoid: plain_hardsigmoid,
    piecewise.hardsigmoid: plain_hardsigmoid,
    piecewise._hardshrink: lambda x, lambd=0.5: F.hardshrink(x, lambd),
    smooth.celu: plain_celu,
    smooth._gelu_slope: lambda x: torch.special.ndtr(x) + x * torch.exp(-x * x / 2) / math.sqrt(2 * math.pi),
    smooth._silu_slope: lambda x: torch.sigmoid(x) * (1 + x * torch.sigmoid(-x)),
    smooth._mish_gate: lambda x: torch.tanh(F.softplus(x)),
    label_margin_loss.multi_margin_loss: plain_multi_margin,
    label_margin_loss.multilabel_margin_loss: plain_multilabel_margin,
    label_margin_loss.multilabel_soft_margin_loss: lambda x, y, *weight, **params: F.multilabel_soft_margin_loss(
        x, y, *weight, **params
    ),
    nll._at_least: lambda x, least: x.clamp_min(least),
    bilinear.bilinear: lambda x, y, w, b=None: F.bilinear(x, y, w, b),
}


def refused(row):
    """Why PyTorch cannot run a row, or None."""
    if row.op is distance.cosine_similarity and "eps" in row.params:
        return "lets the gradient of a length below eps pass; compared in test_activations_parity.py"
    if row.op is margin_loss.soft_margin_loss and len(row.wanted()) == 2:
        return "no gradient of the target"
    return None
