"""Losses that ask for a margin between the scores of classes: the labels' and all others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DTypeError, LabelError, ShapeError
from .activation import relu
from .check import are_tensors, number, same_dtype
from .divergence import _binary_logits
from .elementwise import where
from .indexing import getitem
from .loss import checked_pair, checked_reduction, reduced
from .reduce import mean, sum
from .shape import reshape, unsqueeze

if TYPE_CHECKING:
    from ..node import Array
    from ..tensor import Tensor


def multi_margin_loss(
    input: Any,
    target: Any,
    p: int = 1,
    margin: float = 1.0,
    weight: Any = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The sum over all other classes j of max(0, margin - input[label] + input[j])^p, divided by their number C.

    Scores (N, C) and labels (N), or (C) and one label. `p` is 1 or 2. `weight` (C) multiplies a sample's loss by the
    weight of its label; the mean does not divide by it. Where the maximum's terms are equal, the slope is 0.
    """
    name = "multi_margin_loss"
    reduction = checked_reduction(name, reduction, size_average, reduce)
    shape = _check_scores(name, input)
    are_tensors(name, target=target)
    if p not in (1, 2):
        raise ShapeError(f"{name}: p must be 1 or 2, got {p!r}")
    margin = number(name, "margin", margin)
    if tuple(target.shape) != shape[:-1] and not (len(shape) == 1 and tuple(target.shape) == (1,)):
        raise ShapeError(f"{name}: target has shape {tuple(target.shape)}, input {shape} takes {shape[:-1]}")
    labels = _integers(name, target)
    outside = labels[(labels < 0) | (labels >= shape[-1])]
    if outside.size:
        raise LabelError(f"{name}: label {outside[0]} is out of range for {shape[-1]} classes (0 to {shape[-1] - 1})")
    if weight is not None:
        same_dtype(name, input=input, weight=weight)
        if tuple(weight.shape) != shape[-1:]:
            raise ShapeError(f"{name}: weight has shape {tuple(weight.shape)}, input {shape} takes {shape[-1:]}")
    labels = labels.reshape(shape[:-1])
    places = (*np.indices(labels.shape, sparse=True), labels)
    others = labels[..., None] != np.arange(shape[-1])
    short = where(others, relu(input - unsqueeze(getitem(input, places), -1) + margin), 0.0)
    loss = sum(short if p == 1 else short * short, -1) * (1 / shape[-1])
    loss = reshape(loss if weight is None else loss * getitem(weight, labels), tuple(target.shape))
    return reduced(loss, reduction)


def multilabel_margin_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The sum over labels i and all other classes j of max(0, 1 - input[i] + input[j]), divided by their number C.

    Scores (N, C) or (C), and labels of the same shape: those of a sample stand first, and the rest begins with a -1.
    Where the maximum's terms are equal, the slope is 0.
    """
    name = "multilabel_margin_loss"
    reduction = checked_reduction(name, reduction, size_average, reduce)
    shape = _check_scores(name, input)
    checked_pair(name, input, target, same_shape=True)
    labels = _integers(name, target)
    before_end = np.logical_and.accumulate(labels != -1, -1)
    given = np.where(before_end, labels, 0)
    outside = given[(given < 0) | (given >= shape[-1])]
    if outside.size:
        raise LabelError(f"{name}: label {outside[0]} is out of range for {shape[-1]} classes (0 to {shape[-1] - 1})")
    most = int(before_end.sum(-1).max(initial=0))  # labels of a sample: what is after them is not gone through
    given, before_end = given[..., :most], before_end[..., :most]
    lead = tuple(part[..., None] for part in np.indices(shape[:-1], sparse=True))
    # Those of no label point to a class that is one beyond, so that they mark none.
    marked = np.zeros((*shape[:-1], shape[-1] + 1), np.bool_)
    marked[(*lead, np.where(before_end, given, shape[-1]))] = True
    pairs = before_end[..., None] & ~marked[..., None, :-1]  # (N, labels, C)
    of_labels = unsqueeze(getitem(input, (*lead, given)), -1)
    short = where(pairs, relu(unsqueeze(input, -2) - of_labels + 1.0), 0.0)
    return reduced(sum(short, (-2, -1)) * (1 / shape[-1]), reduction)


def multilabel_soft_margin_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The mean over the classes, the last axis, of binary_cross_entropy_with_logits; a loss for each sample.

    `weight` multiplies the classes. Exact for scores of any size.
    """
    name = "multilabel_soft_margin_loss"
    reduction = checked_reduction(name, reduction, size_average, reduce)
    checked_pair(name, input, target, same_shape=False)
    if weight is not None:
        are_tensors(name, weight=weight)
    shape = np.broadcast_shapes(tuple(input.shape), tuple(target.shape))
    if not shape:
        raise ShapeError(f"{name}: input and target have no axes, so no classes")
    loss = _binary_logits(input, target, 1.0)
    return reduced(mean(loss if weight is None else loss * weight, -1), reduction)


def _check_scores(name: str, input: Any) -> tuple[int, ...]:
    """The shape of scores (N, C) or (C), with one class or more."""
    same_dtype(name, input=input)
    shape = tuple(input.shape)
    if len(shape) not in (1, 2) or not shape[-1]:
        raise ShapeError(f"{name}: input must be (N, C) or (C) with classes, got {shape}")
    return shape


def _integers(name: str, target: Any) -> Array:
    if target.dtype.kind not in "iu":
        raise DTypeError(f"{name}: target has dtype {target.dtype}, labels are integers")
    return np.array(getattr(target, "_array", target))
