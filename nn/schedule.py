"""Learning-rate schedules: `schedule.step()` after every `optimizer.step()`."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorgrad as tg

from .errors import StateError
from .optim import Optimizer

# One stretch of a one-cycle schedule: its last step, then the names of the learning rates and momenta at its two ends.
Phase = tuple[float, str, str, str, str]


class LRScheduler:
    """What all schedules have in common. A subclass writes `get_lr`; making a schedule sets the first learning rates.

    `last_epoch` counts the steps taken. The learning rate of each group is in its "lr" and in `get_last_lr()`.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        _check_optimizer(type(self).__name__, optimizer)
        self.optimizer = optimizer
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
        self.base_lrs: list[float] = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = 0
        self._apply()

    def get_lr(self) -> list[float]:
        """The learning rate of each group after `last_epoch` steps."""
        raise NotImplementedError(f"{type(self).__name__}: has no get_lr method")

    def get_last_lr(self) -> list[float]:
        """The learning rates that were set last."""
        return self._last_lr

    def step(self) -> None:
        """Go on by one step, and set the learning rates."""
        self.last_epoch += 1
        try:
            self._apply()
        except BaseException:
            self.last_epoch -= 1
            raise

    def _apply(self) -> None:
        self._last_lr = self.get_lr()
        for group, lr in zip(self.optimizer.param_groups, self._last_lr, strict=True):
            group["lr"] = lr

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimiser, by name: plain numbers and lists."""
        return {key: _copied(value) for key, value in vars(self).items() if key != "optimizer"}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from what `state_dict()` gave, and set the optimiser's learning rates accordingly."""
        own = set(vars(self)) - {"optimizer"}
        if set(state_dict) != own:
            raise StateError(
                f"{type(self).__name__}: the state holds {', '.join(sorted(state_dict))}; "
                f"this schedule takes {', '.join(sorted(own))}"
            )
        vars(self).update({key: _copied(value) for key, value in state_dict.items()})
        self._apply()


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
        _check_optimizer("OneCycleLR", optimizer)
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
        rates = _for_each(max_lr, count, "max_lr")
        lows = _for_each(base_momentum, count, "base_momentum")
        highs = _for_each(max_momentum, count, "max_momentum")
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

    def _apply(self) -> None:
        super()._apply()
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


def _check_optimizer(name: str, optimizer: Any) -> None:
    if not isinstance(optimizer, Optimizer):
        raise tg.DTypeError(f"{name}: optimizer is a {type(optimizer).__name__}, not an Optimizer")


def _for_each(value: float | Sequence[float], count: int, what: str) -> list[float]:
    values = list(value) if isinstance(value, Sequence) else [value] * count
    if len(values) != count:
        raise tg.ShapeError(f"OneCycleLR: {what} has {len(values)} values, the optimiser {count} groups")
    return values


def _copied(value: Any) -> Any:
    """Lists and dicts of numbers, all the way down."""
    if isinstance(value, list):
        return [_copied(item) for item in value]
    return dict(value) if isinstance(value, dict) else value
