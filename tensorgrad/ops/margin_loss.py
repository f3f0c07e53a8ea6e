"""Losses that ask for a margin: between scores, distances or angles. `target` is 1 or -1."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import DTypeError, ShapeError
from .check import are_tensors, floats_that_broadcast, number
from .distance import pairwise_distance
from .elementwise import eq, ne, neg, sqrt, where
from .extremes import clamp_min, minimum
from .half import in_float32
from .loss import checked_pair, checked_reduction, reduced
from .reduce import sum
from .smooth_activation import logsigmoid

if TYPE_CHECKING:
    from ..tensor import Tensor

TINY = 1e-12  # what is added to the squared lengths of cosine_embedding_loss


def margin_ranking_loss(
    input1: Any,
    input2: Any,
    target: Any,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """max(0, margin - target * (input1 - input2)): input1 is to be the larger for target 1, input2 for -1.

    Where the two terms of the maximum are equal, the slope is the one of the second, as in PyTorch.
    """
    name = "margin_ranking_loss"
    reduction = checked_reduction(name, reduction, size_average, reduce)
    floats_that_broadcast(name, input1=input1, input2=input2, target=target)
    margin, ranks = number(name, "margin", margin), {len(tensor.shape) for tensor in (input1, input2, target)}
    if len(ranks) > 1:
        raise ShapeError(
            f"{name}: input1 {tuple(input1.shape)}, input2 {tuple(input2.shape)} and target {tuple(target.shape)} have "
            "different numbers of axes"
        )
    return reduced(clamp_min(neg(target) * (input1 - input2) + margin, 0.0), reduction)


def hinge_embedding_loss(
    input: Any,
    target: Any,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """For distances: input where target is 1, max(0, margin - input) where it is -1. At `margin` the slope is -1.

    For another target, which PyTorch does not refuse, the sum of both.
    """
    reduction = checked_reduction("hinge_embedding_loss", reduction, size_average, reduce)
    checked_pair("hinge_embedding_loss", input, target, same_shape=False)
    short = clamp_min(number("hinge_embedding_loss", "margin", margin) - input, 0.0)
    return reduced(where(ne(target, 1), short, 0.0) + where(ne(target, -1), input, 0.0), reduction)


def soft_margin_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """log(1 + exp(-target * input)). It does not overflow, as PyTorch's does for -target * input above 709."""
    reduction = checked_reduction("soft_margin_loss", reduction, size_average, reduce)
    checked_pair("soft_margin_loss", input, target, same_shape=False)
    return reduced(neg(logsigmoid(target * input)), reduction)


def cosine_embedding_loss(
    input1: Any,
    input2: Any,
    target: Any,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """1 - cos where target is 1, max(0, cos - margin) where it is -1, else 0; cos is of the angle between two vectors.

    Vectors (N, D) and targets (N), or one pair (D) and one target. At `margin` the slope is 1. 1e-12 is added to the
    squared lengths, so that with a vector of zeros cos is 0.
    """
    name = "cosine_embedding_loss"
    reduction = checked_reduction(name, reduction, size_average, reduce)
    are_tensors(name, input1=input1, input2=input2, target=target)
    shapes = [tuple(tensor.shape) for tensor in (input1, input2, target)]
    if [len(shape) for shape in shapes] not in ([2, 2, 1], [1, 1, 0]):
        raise ShapeError(
            f"{name}: input1 {shapes[0]}, input2 {shapes[1]} and target {shapes[2]} must be (N, D), (N, D) and (N), or "
            "(D), (D) and ()"
        )
    shape = floats_that_broadcast(name, input1=input1, input2=input2)
    if shapes[2] and shapes[2][0] != 1 and shape[0] not in (1, shapes[2][0]):
        raise ShapeError(f"{name}: {shapes[2][0]} targets do not fit input1 {shapes[0]} and input2 {shapes[1]}")
    margin = number(name, "margin", margin)

    def loss(input1: Any, input2: Any) -> Any:
        first, second = (sqrt(sum(x * x, -1) + TINY) for x in (input1, input2))
        cosine = sum(input1 * input2, -1) / (first * second)
        apart = clamp_min(cosine - margin, 0.0)
        return reduced(where(eq(target, 1), 1 - cosine, where(eq(target, -1), apart, 0.0)), reduction)

    return in_float32(loss, input1, input2)


def triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """max(0, margin + d(anchor, positive) - d(anchor, negative)), with the `pairwise_distance` of `p` and `eps`.

    With `swap`, the distance of positive and negative counts if it is the smaller one; at a tie each gets half of the
    gradient. Where the maximum's terms are equal, the slope is the one of the second. After Balntas, Riba, Ponsa and
    Mikolajczyk, "Learning shallow convolutional feature descriptors with triplet losses" (2016).
    """
    reduction = checked_reduction("triplet_margin_loss", reduction, size_average, reduce)
    p, eps = number("triplet_margin_loss", "p", p), number("triplet_margin_loss", "eps", eps)

    def distance(x1: Any, x2: Any) -> Any:
        return pairwise_distance(x1, x2, p, eps)

    return _triplet("triplet_margin_loss", anchor, positive, negative, distance, margin, swap, reduction)


def triplet_margin_with_distance_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    *,
    distance_function: Callable[[Any, Any], Any] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """`triplet_margin_loss` with a distance of one's own, `distance_function(x1, x2)`."""
    name = "triplet_margin_with_distance_loss"
    if distance_function is not None and not callable(distance_function):
        raise DTypeError(f"{name}: distance_function must be a function of two tensors, got {distance_function!r}")
    distance = pairwise_distance if distance_function is None else distance_function
    return _triplet(name, anchor, positive, negative, distance, margin, swap, checked_reduction(name, reduction))


def _triplet(
    name: str,
    anchor: Any,
    positive: Any,
    negative: Any,
    distance: Callable[[Any, Any], Any],
    margin: float,
    swap: bool,
    reduction: str,
) -> Tensor:
    tensors = {"anchor": anchor, "positive": positive, "negative": negative}
    floats_that_broadcast(name, **tensors)
    if len({len(tensor.shape) for tensor in tensors.values()}) > 1:
        listed = ", ".join(f"{key} {tuple(tensor.shape)}" for key, tensor in tensors.items())
        raise ShapeError(f"{name}: the numbers of axes differ: {listed}")
    margin = number(name, "margin", margin)
    if not margin > 0:
        raise ShapeError(f"{name}: margin must be positive, got {margin}")
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = minimum(far, distance(positive, negative))
    return reduced(clamp_min(near - far + margin, 0.0), reduction)
