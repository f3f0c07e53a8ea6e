"""Losses of classification: negative log-likelihood, and cross-entropy, which takes the scores before softmax.

The classes lie along axis 1 of an input (N, C) or (N, C, d1, ...), or are the one axis of an input (C).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DTypeError, LabelError, ShapeError
from ..kernels import softmax as kernel
from ..node import Array, TensorBase
from ..primitive import primitive
from .activation import _log_softmax, _softmax
from .check import all_within, number, same_dtype, tensor_or_list
from .elementwise import neg, where
from .indexing import _gather, _getitem, scatter_along
from .loss import checked_reduction, reduced
from .reduce import mean, sum
from .shape import broadcast_to, reshape, unsqueeze

if TYPE_CHECKING:
    from ..tensor import Tensor


def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """-log softmax(input) at the target's class: scores (N, C), (N, C, d1, ...) or (C), by default to their mean.

    `target` is integer labels, each from 0 to C-1, of the input's shape without its classes; or class probabilities of
    the input's shape, whose loss is -sum(target * log softmax(input)). `weight` (C) multiplies the classes' losses.
    Labels equal to `ignore_index` cost nothing. The mean over labels divides by the sum of the weights of those that
    are not ignored (nan if there are none), that over probabilities by the number of targets.
    `label_smoothing` s mixes the target with equal probabilities, 1 - s to s: Szegedy and others (2015), section 7,
    https://arxiv.org/abs/1512.00567.

    Raises LabelError for a label out of range, DTypeError for labels that are no integers, ShapeError for shapes that
    do not fit.
    """
    reduction = checked_reduction("cross_entropy", reduction, size_average, reduce)
    same_dtype("cross_entropy", input=input, weight=weight)
    smoothing = number("cross_entropy", "label_smoothing", label_smoothing)
    if not 0 <= smoothing <= 1:
        raise ShapeError(f"cross_entropy: label_smoothing must be from 0 to 1, got {label_smoothing}")
    target = tensor_or_list("cross_entropy", "target", target)
    shape = tuple(input.shape)
    if target.dtype.kind == "f" and tuple(target.shape) == shape and shape:
        if ignore_index >= 0:
            raise ShapeError(f"cross_entropy: ignore_index {ignore_index} is for labels, target holds probabilities")
        _check_weight("cross_entropy", weight, shape)
        return _of_probabilities(input, target, weight, reduction, smoothing)
    labels, kept = _checked_labels("cross_entropy", shape, target, ignore_index)
    _check_weight("cross_entropy", weight, shape)
    if len(shape) == 2 and weight is None and reduction == "mean" and smoothing == 0 and kept is None:
        return _cross_entropy(input, target)
    scores = _log_softmax(input, dim=_class_axis(shape))
    return _of_labels(scores, labels, kept, weight, reduction, smoothing)


def nll_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """-input at the target's class: logarithms of probabilities (N, C), (N, C, d1, ...) or (C), by default their mean.

    `target`, `weight`, `ignore_index`, the mean and the errors are those of labels in cross_entropy, which is this loss
    of log_softmax(input).
    """
    reduction = checked_reduction("nll_loss", reduction, size_average, reduce)
    same_dtype("nll_loss", input=input, weight=weight)
    target = tensor_or_list("nll_loss", "target", target)
    labels, kept = _checked_labels("nll_loss", tuple(input.shape), target, ignore_index)
    _check_weight("nll_loss", weight, tuple(input.shape))
    return _of_labels(input, labels, kept, weight, reduction, 0.0)


def _class_axis(shape: tuple[int, ...]) -> int:
    return 0 if len(shape) == 1 else 1


def _checked_labels(name: str, shape: tuple[int, ...], target: Any, ignore_index: int) -> tuple[Array, Array | None]:
    """The labels, 0 for those that are ignored, and where they are not ignored, None if that is everywhere."""
    labels = target._array if isinstance(target, TensorBase) else target
    if not shape or labels.shape != shape[: _class_axis(shape)] + shape[_class_axis(shape) + 1 :]:
        wanted = {1: "(C) and target ()", 2: "(N, C) and target (N)"}.get(
            len(shape), "(N, C, d1, ...) and target (N, d1, ...)"
        )
        raise ShapeError(f"{name}: input must be {wanted}, got {shape} and {labels.shape}")
    if labels.dtype.kind not in "iu":
        raise DTypeError(f"{name}: target has dtype {labels.dtype}, class labels are integers")
    classes = shape[_class_axis(shape)]
    if all_within(labels, classes) and not 0 <= ignore_index < classes:  # nearly always, and soon told
        return labels.copy(), None
    inside = (labels >= 0) & (labels < classes)
    kept = labels != ignore_index
    if not (inside | ~kept).all():
        wrong = labels[~inside & kept].flat[0]
        raise LabelError(f"{name}: label {wrong} is out of range for {classes} classes (0 to {classes - 1})")
    # Copies: a later change of the labels must not reach the gradient.
    return (labels.copy(), None) if kept.all() else (np.where(kept, labels, 0), np.asarray(kept))


def _check_weight(name: str, weight: Any, shape: tuple[int, ...]) -> None:
    classes = shape[_class_axis(shape)]
    if weight is not None and tuple(weight.shape) != (classes,):
        raise ShapeError(f"{name}: weight has shape {tuple(weight.shape)}, input {shape} takes ({classes},)")


def _of_labels(scores: Any, labels: Array, kept: Array | None, weight: Any, reduction: str, smoothing: float) -> Any:
    axis = _class_axis(scores.shape)
    at_label = np.expand_dims(labels, axis)
    losses = neg(reshape(_gather(scores, at_label, dim=axis), labels.shape))
    weights = None if weight is None else _getitem(weight, index=labels)
    if weights is not None:
        losses = losses * weights
    if smoothing:
        spread = neg(sum(scores if weight is None else scores * _along_classes(weight, scores.ndim), axis))
        losses = losses * (1 - smoothing) + spread * (smoothing / scores.shape[axis])
    if kept is not None:
        losses = where(kept, losses, 0.0)
        weights = None if weights is None else where(kept, weights, 0.0)
    if reduction != "mean":
        return reduced(losses, reduction)
    # Means, not sums: they do not overflow in float16.
    if weights is not None:
        return mean(losses) / mean(weights)
    return mean(losses) if kept is None else mean(losses) / float(kept.mean())


def _of_probabilities(input: Any, target: Any, weight: Any, reduction: str, smoothing: float) -> Any:
    axis = _class_axis(input.shape)
    scores = _log_softmax(input, dim=axis)
    if smoothing:
        target = target * (1 - smoothing) + smoothing / input.shape[axis]
    if weight is not None:
        scores = scores * _along_classes(weight, input.ndim)
    return reduced(neg(sum(scores * target, axis)), reduction)


def _along_classes(weight: Any, ndim: int) -> Any:
    return weight if ndim == 1 else reshape(weight, (-1, *[1] * (ndim - 2)))


# The usual case, fused: (N, C) scores, labels none of which is ignored, mean


@primitive
def _cross_entropy(input: Array, target: Array) -> Array:
    return kernel.cross_entropy(input, target)


def _cross_entropy_grad_composed(gy: Any, input: Any, target: Any) -> Any:
    """The same as `cross_entropy_grad` in differentiable operations."""
    count = input.shape[0]
    share = broadcast_to(gy / max(count, 1), (count, 1))
    at_target = scatter_along(share, unsqueeze(target, 1), dim=1, shape=input.shape)
    return _softmax(input, dim=1) * share - at_target


@primitive(composed=_cross_entropy_grad_composed)
def cross_entropy_grad(gy: Array, input: Array, target: Array) -> Array:
    """(softmax(input) - one-hot(target)) * gy / N, fused."""
    return kernel.cross_entropy_grad(gy, input, target)


_cross_entropy.defvjps(lambda g, input, target: cross_entropy_grad(g, input, target), None)
