"""Losses as modules.

Each takes `reduction`: "mean", "sum", or "none" for a loss for each element. `size_average` and `reduce` are PyTorch's
old spellings of it. What a loss computes in detail stands at the function of its name, such as `tg.mse_loss`.
"""

from collections.abc import Callable
from dataclasses import KW_ONLY, InitVar
from typing import Any

import tensorgrad as tg

from . import functional as F
from .distance import PairwiseDistance
from .function import FunctionLayer, layer_of, settings

Flag = bool | None


class _Loss(FunctionLayer):
    """What all losses have in common: the reduction, and weights, which are buffers."""

    reduction: str

    def __post_init__(self, size_average: Flag = None, reduce: Flag = None) -> None:
        if size_average is not None or reduce is not None:
            self.reduction = "none" if reduce is False else "sum" if size_average is False else "mean"
        if self.reduction not in ("mean", "sum", "none"):
            raise tg.ShapeError(
                f"{type(self).__name__}: reduction must be 'mean', 'sum' or 'none', got {self.reduction!r}"
            )
        for name in ("weight", "pos_weight"):
            if name in self._settings():
                given = vars(self).pop(name)
                self.register_buffer(name, None if given is None else tg.as_tensor(given))

    def extra_repr(self) -> str:
        """Nothing, as in PyTorch."""
        return ""


# The arguments that several losses begin with, in PyTorch's order.


@settings
class _PlainLoss(_Loss):
    size_average: InitVar[Flag] = None
    reduce: InitVar[Flag] = None
    reduction: str = "mean"


@settings
class _WeightedLoss(_Loss):
    weight: Any = None
    size_average: InitVar[Flag] = None
    reduce: InitVar[Flag] = None
    reduction: str = "mean"


@settings
class _LabelLoss(_Loss):
    weight: Any = None
    size_average: InitVar[Flag] = None
    ignore_index: int = -100
    reduce: InitVar[Flag] = None
    reduction: str = "mean"


@settings
class _MarginLoss(_Loss):
    margin: float = 0.0
    size_average: InitVar[Flag] = None
    reduce: InitVar[Flag] = None
    reduction: str = "mean"


# Of single values


@layer_of(F.mse_loss)
class MSELoss(_PlainLoss):
    """(input - target)²."""


@layer_of(F.l1_loss)
class L1Loss(_PlainLoss):
    """|input - target|."""


@layer_of(F.smooth_l1_loss)
class SmoothL1Loss(_PlainLoss):
    """(input - target)² / (2 beta) where |input - target| is below `beta`, |input - target| - beta/2 elsewhere."""

    beta: float = 1.0


@layer_of(F.huber_loss)
class HuberLoss(_Loss):
    """(input - target)² / 2 where |input - target| is below `delta`, delta * (|input - target| - delta/2) elsewhere."""

    reduction: str = "mean"
    delta: float = 1.0


@layer_of(F.gaussian_nll_loss)
class GaussianNLLLoss(_Loss):
    """(log(var) + (input - target)² / var) / 2, called with input, target and var. See `tg.gaussian_nll_loss`."""

    _: KW_ONLY
    full: bool = False
    eps: float = 1e-6
    reduction: str = "mean"


@layer_of(F.poisson_nll_loss)
class PoissonNLLLoss(_Loss):
    """exp(input) - target * input; without `log_input`, input - target * log(input). See `tg.poisson_nll_loss`."""

    log_input: bool = True
    full: bool = False
    size_average: InitVar[Flag] = None
    eps: float = 1e-8
    reduce: InitVar[Flag] = None
    reduction: str = "mean"


# Of probabilities


@layer_of(F.binary_cross_entropy)
class BCELoss(_WeightedLoss):
    """-(target * log(input) + (1 - target) * log(1 - input)) of probabilities; the logarithms are at least -100."""


@layer_of(F.binary_cross_entropy_with_logits)
class BCEWithLogitsLoss(_WeightedLoss):
    """`BCELoss` of sigmoid(input), exact for large scores too. `pos_weight` weighs the part of the target that is 1."""

    pos_weight: Any = None


@layer_of(F.kl_div)
class KLDivLoss(_PlainLoss):
    """target * (log(target) - input), for log-probabilities; with `log_target`, the target is of logarithms too.

    The mean is over all elements; `reduction="batchmean"` divides by the batch, which is the divergence.
    """

    log_target: bool = False

    def __post_init__(self, size_average: Flag = None, reduce: Flag = None) -> None:
        batchmean = self.reduction == "batchmean" and size_average is None and reduce is None
        if self.reduction == "batchmean":
            self.reduction = "mean"
        super().__post_init__(size_average, reduce)
        if batchmean:
            self.reduction = "batchmean"


# Of classes


@layer_of(F.cross_entropy)
class CrossEntropyLoss(_LabelLoss):
    """-log softmax(input)[target]: scores (N, C, ...) and labels (N, ...) or probabilities (N, C, ...).

    `weight` (C) weighs the classes, `ignore_index` is a label that counts for nothing, `label_smoothing` mixes the
    target with equal probabilities. See `tg.cross_entropy`.
    """

    label_smoothing: float = 0.0


@layer_of(F.nll_loss)
class NLLLoss(_LabelLoss):
    """-input[target]: log-probabilities (N, C, ...), as `LogSoftmax` gives them, and labels (N, ...)."""


@layer_of(F.multi_margin_loss)
class MultiMarginLoss(_Loss):
    """max(0, margin - input[label] + input[j])^p over all other classes j: scores (N, C) and labels (N)."""

    p: int = 1
    margin: float = 1.0
    weight: Any = None
    size_average: InitVar[Flag] = None
    reduce: InitVar[Flag] = None
    reduction: str = "mean"


@layer_of(F.multilabel_margin_loss)
class MultiLabelMarginLoss(_PlainLoss):
    """max(0, 1 - input[i] + input[j]) over labels i and all other classes j. See `tg.multilabel_margin_loss`."""


@layer_of(F.multilabel_soft_margin_loss)
class MultiLabelSoftMarginLoss(_WeightedLoss):
    """`BCEWithLogitsLoss` averaged over the classes, the last axis, which `weight` (C) weighs."""


# Of a target that is 1 or -1


@layer_of(F.soft_margin_loss)
class SoftMarginLoss(_PlainLoss):
    """log(1 + exp(-target * input)), for a target of 1 and -1."""


@layer_of(F.hinge_embedding_loss)
class HingeEmbeddingLoss(_MarginLoss):
    """For distances: input where target is 1, max(0, margin - input) where it is -1."""

    margin: float = 1.0


@layer_of(F.margin_ranking_loss)
class MarginRankingLoss(_MarginLoss):
    """max(0, margin - target * (input1 - input2)), called with input1, input2 and target."""


@layer_of(F.cosine_embedding_loss)
class CosineEmbeddingLoss(_MarginLoss):
    """1 - cos where target is 1, max(0, cos - margin) where it is -1, called with input1, input2 and target."""


# Of three vectors


@layer_of(F.triplet_margin_loss)
class TripletMarginLoss(_Loss):
    """max(0, margin + d(anchor, positive) - d(anchor, negative)), called with anchor, positive and negative."""

    margin: float = 1.0
    p: float = 2.0
    eps: float = 1e-6
    swap: bool = False
    size_average: InitVar[Flag] = None
    reduce: InitVar[Flag] = None
    reduction: str = "mean"

    def __post_init__(self, size_average: Flag = None, reduce: Flag = None) -> None:
        super().__post_init__(size_average, reduce)
        _check_margin(self, self.margin)


@layer_of(F.triplet_margin_with_distance_loss)
class TripletMarginWithDistanceLoss(_Loss):
    """`TripletMarginLoss` with a distance of one's own, `distance_function(x1, x2)`, else `PairwiseDistance()`."""

    _: KW_ONLY
    distance_function: Callable[[Any, Any], Any] | None = None
    margin: float = 1.0
    swap: bool = False
    reduction: str = "mean"

    def __post_init__(self, size_average: Flag = None, reduce: Flag = None) -> None:
        super().__post_init__(size_average, reduce)
        _check_margin(self, self.margin)
        if self.distance_function is None:
            self.distance_function = PairwiseDistance()


def _check_margin(loss: _Loss, margin: float) -> None:
    if not margin > 0:
        raise tg.ShapeError(f"{type(loss).__name__}: margin must be positive, got {margin}")
