"""Schedules that are a formula of the number of steps."""

import math
from collections.abc import Callable, Iterable, Sequence
from types import FunctionType
from typing import Any

import tensorgrad as tg

from ..optim import Optimizer
from .scheduler import LRScheduler, check_optimizer, for_each


class LambdaLR(LRScheduler):
    """The first rate times lr_lambda(number of steps): one function, or one for each group.

    It sets the rate, whatever it was. Functions are no part of the saved state; attributes of callable objects are.
    """

    _unsaved = LRScheduler._unsaved | {"lr_lambdas"}

    def __init__(
        self, optimizer: Optimizer, lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]]
    ) -> None:
        check_optimizer("LambdaLR", optimizer)
        self.lr_lambdas = for_each("LambdaLR", "lr_lambda", lr_lambda, len(optimizer.param_groups))
        super().__init__(optimizer)

    def get_lr(self) -> list[float]:
        """See the class."""
        return [base * factor(self.last_epoch) for factor, base in zip(self.lr_lambdas, self.base_lrs, strict=True)]

    def state_dict(self) -> dict[str, Any]:
        """The numbers, and the attributes of the callable objects (None for functions)."""
        held = [dict(vars(f)) if not isinstance(f, FunctionType) else None for f in self.lr_lambdas]
        return {**super().state_dict(), "lr_lambdas": held}

    def load_state_dict(self, state_dict: Any) -> None:
        """Go on from what `state_dict()` gave."""
        self._check_state(state_dict)
        for function, held in zip(self.lr_lambdas, state_dict["lr_lambdas"], strict=True):
            if held is not None:
                vars(function).update(held)
        lambdas = self.lr_lambdas
        super().load_state_dict(state_dict)
        self.lr_lambdas = lambdas


class StepLR(LRScheduler):
    """Times `gamma` after every `step_size` steps."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        self.step_size, self.gamma = _count("StepLR", "step_size", step_size), gamma
        super().__init__(optimizer)

    def get_lr(self) -> list[float]:
        """See the class."""
        due = self.last_epoch and self.last_epoch % self.step_size == 0
        return [lr * self.gamma for lr in self._rates()] if due else self._rates()


class MultiStepLR(LRScheduler):
    """Times `gamma` at each of the `milestones`, numbers of steps; one given twice counts twice."""

    def __init__(self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1) -> None:
        self.milestones, self.gamma = sorted(milestones), gamma
        super().__init__(optimizer)

    def get_lr(self) -> list[float]:
        """See the class."""
        times = self.milestones.count(self.last_epoch)
        return [lr * self.gamma**times for lr in self._rates()] if times else self._rates()


class ExponentialLR(LRScheduler):
    """Times `gamma` at every step."""

    def __init__(self, optimizer: Optimizer, gamma: float) -> None:
        self.gamma = gamma
        super().__init__(optimizer)

    def get_lr(self) -> list[float]:
        """See the class."""
        return [lr * self.gamma for lr in self._rates()] if self.last_epoch else self._rates()


class LinearLR(LRScheduler):
    """Warm-up: from start_factor to end_factor times the rate in `total_iters` equal steps, and there it stays."""

    def __init__(
        self, optimizer: Optimizer, start_factor: float = 1.0 / 3, end_factor: float = 1.0, total_iters: int = 5
    ) -> None:
        if not 0 < start_factor <= 1:
            raise tg.ShapeError(f"LinearLR: start_factor must be above 0 and at most 1, got {start_factor}")
        if not 0 <= end_factor <= 1:
            raise tg.ShapeError(f"LinearLR: end_factor must be from 0 to 1, got {end_factor}")
        self.start_factor, self.end_factor = start_factor, end_factor
        self.total_iters = _count("LinearLR", "total_iters", total_iters)
        super().__init__(optimizer)

    def get_lr(self) -> list[float]:
        """See the class."""
        if self.last_epoch == 0:
            return [lr * self.start_factor for lr in self._rates()]
        if self.last_epoch > self.total_iters:
            return self._rates()
        rise = self.end_factor - self.start_factor
        before = self.total_iters * self.start_factor + (self.last_epoch - 1) * rise
        return [lr * (1.0 + rise / before) for lr in self._rates()]


class CosineAnnealingLR(LRScheduler):
    """Down to `eta_min` along half a cosine in `T_max` steps; going on, up again in as many.

    After Loshchilov and Hutter, "SGDR" (2017), https://arxiv.org/abs/1608.03983, without its restarts.
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:
        self.T_max, self.eta_min = _count("CosineAnnealingLR", "T_max", T_max), eta_min
        super().__init__(optimizer)

    def get_lr(self) -> list[float]:
        """See the class."""
        step, low = self.last_epoch, self.eta_min
        if step == 0:
            return self._rates()
        if (step - 1 - self.T_max) % (2 * self.T_max) == 0:  # from the lowest point, where the ratio below is 0/0
            rise = (1 - math.cos(math.pi / self.T_max)) / 2
            return [lr + (base - low) * rise for lr, base in zip(self._rates(), self.base_lrs, strict=True)]
        ratio = (1 + math.cos(math.pi * step / self.T_max)) / (1 + math.cos(math.pi * (step - 1) / self.T_max))
        return [ratio * (lr - low) + low for lr in self._rates()]


def _count(name: str, what: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise tg.ShapeError(f"{name}: {what} must be a positive int, got {value!r}")
    return value
