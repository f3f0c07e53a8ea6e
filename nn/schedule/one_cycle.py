"""The one-cycle schedule."""

import math
from collections.abc import Callable, Sequence

import tensorgrad as tg

from ..optim import Optimizer
from .scheduler import LRScheduler, check_optimizer, for_each

# One stretch of a one-cycle schedule: its last step, then the names of the learning rates and momenta at its two ends.
Phase = tuple[float, str, str, str, str]


class OneCycleLR(LRScheduler):
    """Up from max_lr/div_factor to `max_lr` over the first share `pct_start` of the steps, then down to almost nothing.

    The last rate is the first one over `final_div_factor`. The way is a cosine, or a line with
    `anneal_strategy="linear"`. With `cycle_momentum`, the momentum (Adam's first beta) goes the other way, from
    `max_momentum` to `base_momentum` and back. With `three_phase`, the rate comes back to the first one as slowly as
    it went up, and then falls. `max_lr` and the momenta are numbers, or one for each group. Give `total_steps`, or
    `epochs` and `steps_per_epoch`. Raises ShapeError for what is out of range, and when stepped beyond the end.
    After Smith and Topin, "Super-convergence" (2017), https://arxiv.org/abs/1708.07120.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | Sequence[float] = 0.85,
        max_momentum: float | Sequence[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
    ) -> None:
        check_optimizer("OneCycleLR", optimizer)
        if total_steps is None and epochs is not None and steps_per_epoch is not None:
            total_steps = epochs * steps_per_epoch
        if not isinstance(total_steps, int) or total_steps <= 0:
            raise tg.ShapeError(
                "OneCycleLR: the number of steps must be a positive int: give total_steps, or epochs and "
                f"steps_per_epoch; got {total_steps}, {epochs} and {steps_per_epoch}"
            )
        if not 0 <= pct_start <= 1:
            raise tg.ShapeError(f"OneCycleLR: pct_start must be a share from 0 to 1, got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise tg.ShapeError(f"OneCycleLR: anneal_strategy must be 'cos' or 'linear', got {anneal_strategy!r}")
        if cycle_momentum and not {"betas", "momentum"} & set(optimizer.defaults):
            raise tg.ShapeError(
                f"OneCycleLR: {type(optimizer).__name__} has no momentum to cycle: pass cycle_momentum=False"
            )
        self.total_steps, self.anneal_strategy, self.cycle_momentum = total_steps, anneal_strategy, cycle_momentum
        first, middle, last = pct_start * total_steps - 1, 2 * pct_start * total_steps - 2, total_steps - 1
        self.phases: list[Phase] = [(first, "initial_lr", "max_lr", "max_momentum", "base_momentum")]
        if three_phase:
            self.phases.append((middle, "max_lr", "initial_lr", "base_momentum", "max_momentum"))
            self.phases.append((last, "initial_lr", "min_lr", "max_momentum", "max_momentum"))
        else:
            self.phases.append((last, "max_lr", "min_lr", "base_momentum", "max_momentum"))
        count = len(optimizer.param_groups)
        rates = for_each("OneCycleLR", "max_lr", max_lr, count)
        lows = for_each("OneCycleLR", "base_momentum", base_momentum, count)
        highs = for_each("OneCycleLR", "max_momentum", max_momentum, count)
        self.ends: list[dict[str, float]] = [  # for each group, what the phases name
            {
                "initial_lr": rate / div_factor,
                "max_lr": rate,
                "min_lr": rate / div_factor / final_div_factor,
                "base_momentum": low,
                "max_momentum": high,
            }
            for rate, low, high in zip(rates, lows, highs, strict=True)
        ]
        for group, ends in zip(optimizer.param_groups, self.ends, strict=True):
            group["initial_lr"] = ends["initial_lr"]
        super().__init__(optimizer)

    def get_lr(self) -> list[float]:
        """The learning rate of each group after `last_epoch` steps."""
        return self._now(1, 2)

    def get_momentum(self) -> list[float]:
        """The momentum of each group after `last_epoch` steps."""
        return self._now(3, 4)

    def _now(self, start: int, end: int) -> list[float]:
        if self.last_epoch > self.total_steps:
            raise tg.ShapeError(f"OneCycleLR: step {self.last_epoch} of a schedule of {self.total_steps} steps")
        number = next((i for i, phase in enumerate(self.phases) if self.last_epoch <= phase[0]), len(self.phases) - 1)
        begin = self.phases[number - 1][0] if number else 0.0
        length = self.phases[number][0] - begin
        share = (self.last_epoch - begin) / length if length else 1.0
        blend = _cosine if self.anneal_strategy == "cos" else _line
        phase = self.phases[number]
        return [blend(ends[str(phase[start])], ends[str(phase[end])], share) for ends in self.ends]

    def _set(self, rates: list[float]) -> None:
        super()._set(rates)
        if self.cycle_momentum:
            for group, momentum in zip(self.optimizer.param_groups, self.get_momentum(), strict=True):
                if "betas" in group:
                    group["betas"] = (momentum, *group["betas"][1:])
                else:
                    group["momentum"] = momentum


Blend = Callable[[float, float, float], float]


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2.0 * (math.cos(math.pi * share) + 1)


def _line(start: float, end: float, share: float) -> float:
    return (end - start) * share + start
