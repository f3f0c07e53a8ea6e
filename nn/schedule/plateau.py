"""The schedule that waits for measurements."""

import math
from collections.abc import Sequence
from typing import Any

import tensorgrad as tg

from ..optim import Optimizer
from .scheduler import LRScheduler, check_optimizer, for_each


class ReduceLROnPlateau(LRScheduler):
    """Times `factor` when a measurement, given to `step(metrics)`, has not improved for more than `patience` steps.

    In mode "min" lower is better, in mode "max" higher. An improvement is by more than `threshold`: a share of the best
    value ("rel"), or an amount ("abs"). After a reduction, `cooldown` steps are not counted. The rate does not fall
    below `min_lr` (a number, or one for each group), nor by less than `eps`.
    """

    best: float
    cooldown_counter: int
    num_bad_epochs: int

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | Sequence[float] = 0.0,
        eps: float = 1e-8,
    ) -> None:
        check_optimizer("ReduceLROnPlateau", optimizer)
        if factor >= 1:
            raise tg.ShapeError(f"ReduceLROnPlateau: factor must be below 1, got {factor}")
        if mode not in ("min", "max"):
            raise tg.ShapeError(f"ReduceLROnPlateau: mode must be 'min' or 'max', got {mode!r}")
        if threshold_mode not in ("rel", "abs"):
            raise tg.ShapeError(f"ReduceLROnPlateau: threshold_mode must be 'rel' or 'abs', got {threshold_mode!r}")
        self.mode, self.factor, self.patience, self.cooldown, self.eps = mode, factor, patience, cooldown, eps
        self.threshold, self.threshold_mode = threshold, threshold_mode
        self.min_lrs = for_each("ReduceLROnPlateau", "min_lr", min_lr, len(optimizer.param_groups))
        super().__init__(optimizer)
        self._forget()

    def get_lr(self) -> list[float]:
        """The learning rates that are there."""
        return self._rates()

    def step(self, metrics: Any) -> None:  # type: ignore[override]  # as in PyTorch, it cannot go on without one
        """Take note of a measurement, a number or a tensor of one value, and reduce the rates if it is time to."""
        value = float(metrics.item() if isinstance(metrics, tg.Tensor) else metrics)
        self.last_epoch += 1
        if self._is_better(value):
            self.best, self.num_bad_epochs = value, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        rates = self._rates()
        if self.num_bad_epochs > self.patience:
            lower = [max(lr * self.factor, least) for lr, least in zip(rates, self.min_lrs, strict=True)]
            rates = [new if lr - new > self.eps else lr for lr, new in zip(rates, lower, strict=True)]
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
        self._set(rates)

    def restart(self) -> None:
        """Go back to the first learning rates, and forget the measurements."""
        super().restart()
        self._forget()

    def _forget(self) -> None:
        self.best = math.inf if self.mode == "min" else -math.inf
        self.cooldown_counter = self.num_bad_epochs = 0

    def _is_better(self, value: float) -> bool:
        if self.mode == "min":
            return value < (
                self.best * (1 - self.threshold) if self.threshold_mode == "rel" else self.best - self.threshold
            )
        return value > (
            self.best * (1 + self.threshold) if self.threshold_mode == "rel" else self.best + self.threshold
        )
