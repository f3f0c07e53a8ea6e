"""Losses as modules.

Each takes `reduction`: "mean", "sum", or "none" for a loss for each element. `size_average` and `reduce` are PyTorch's
old spellings of it.
"""

from typing import Any

import tensorgrad as tg

from . import functional as F
from .module import Module


class _Loss(Module):
    """What all losses have in common."""

    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean") -> None:
        super().__init__()
        if size_average is not None or reduce is not None:
            reduction = "none" if reduce is False else "sum" if size_average is False else "mean"
        if reduction not in ("mean", "sum", "none"):
            raise tg.ShapeError(f"{type(self).__name__}: reduction must be 'mean', 'sum' or 'none', got {reduction!r}")
        self.reduction = reduction


class _WeightedLoss(_Loss):
    """A loss with weights, which are a buffer."""

    weight: tg.Tensor | None

    def __init__(
        self,
        weight: Any = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", None if weight is None else tg.as_tensor(weight))


class CrossEntropyLoss(_WeightedLoss):
    """-log softmax(input)[target]: scores (N, C, ...) and labels (N, ...) or probabilities (N, C, ...).

    `weight` (C) weighs the classes, `ignore_index` is a label that counts for nothing, `label_smoothing` mixes the
    target with equal probabilities. See `tg.cross_entropy`.
    """

    def __init__(
        self,
        weight: Any = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index, self.label_smoothing = ignore_index, label_smoothing

    def forward(self, input: tg.Tensor, target: Any) -> tg.Tensor:
        """See the class."""
        return F.cross_entropy(
            input,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


class NLLLoss(_WeightedLoss):
    """-input[target]: log-probabilities (N, C, ...), as `LogSoftmax` gives them, and labels (N, ...)."""

    def __init__(
        self,
        weight: Any = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index

    def forward(self, input: tg.Tensor, target: Any) -> tg.Tensor:
        """See the class."""
        return F.nll_loss(input, target, self.weight, ignore_index=self.ignore_index, reduction=self.reduction)


class MSELoss(_Loss):
    """(input - target)²."""

    def forward(self, input: tg.Tensor, target: Any) -> tg.Tensor:
        """See the class."""
        return F.mse_loss(input, target, reduction=self.reduction)


class L1Loss(_Loss):
    """|input - target|."""

    def forward(self, input: tg.Tensor, target: Any) -> tg.Tensor:
        """See the class."""
        return F.l1_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(_Loss):
    """(input - target)² / (2 beta) where |input - target| is below `beta`, |input - target| - beta/2 elsewhere."""

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        beta: float = 1.0,
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.beta = beta

    def forward(self, input: tg.Tensor, target: Any) -> tg.Tensor:
        """See the class."""
        return F.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(_Loss):
    """(input - target)² / 2 where |input - target| is below `delta`, delta * (|input - target| - delta/2) elsewhere."""

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction=reduction)
        self.delta = delta

    def forward(self, input: tg.Tensor, target: Any) -> tg.Tensor:
        """See the class."""
        return F.huber_loss(input, target, self.reduction, self.delta)


class BCELoss(_WeightedLoss):
    """-(target * log(input) + (1 - target) * log(1 - input)) of probabilities; the logarithms are at least -100."""

    def forward(self, input: tg.Tensor, target: Any) -> tg.Tensor:
        """See the class."""
        return F.binary_cross_entropy(input, target, self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(_WeightedLoss):
    """`BCELoss` of sigmoid(input), exact for large scores too. `pos_weight` weighs the part of the target that is 1."""

    pos_weight: tg.Tensor | None

    def __init__(
        self,
        weight: Any = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        pos_weight: Any = None,
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.register_buffer("pos_weight", None if pos_weight is None else tg.as_tensor(pos_weight))

    def forward(self, input: tg.Tensor, target: Any) -> tg.Tensor:
        """See the class."""
        return F.binary_cross_entropy_with_logits(
            input, target, self.weight, reduction=self.reduction, pos_weight=self.pos_weight
        )


class KLDivLoss(_Loss):
    """target * (log(target) - input), for log-probabilities; with `log_target`, the target is of logarithms too.

    The mean is over all elements; `reduction="batchmean"` divides by the batch, which is the divergence.
    """

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        log_target: bool = False,
    ) -> None:
        batchmean = reduction == "batchmean"
        super().__init__(size_average, reduce, "mean" if batchmean else reduction)
        if batchmean and size_average is None and reduce is None:
            self.reduction = "batchmean"
        self.log_target = log_target

    def forward(self, input: tg.Tensor, target: Any) -> tg.Tensor:
        """See the class."""
        return F.kl_div(input, target, reduction=self.reduction, log_target=self.log_target)
