"""What all schedules have in common."""

from collections.abc import Mapping, Sequence
from typing import Any

import tensorgrad as tg

from ..errors import StateError
from ..optim import Optimizer


class LRScheduler:
    """What all schedules have in common. A subclass writes `get_lr`; making a schedule sets the first learning rates.

    `last_epoch` counts the steps taken. The learning rate of each group is in its "lr" and in `get_last_lr()`.
    Most schedules change the rate that is there, so that several may work on one optimiser, and what is set by hand
    stays set; each says if it does not.
    """

    _unsaved = frozenset({"optimizer"})  # attributes that are no part of the state

    def __init__(self, optimizer: Optimizer) -> None:
        check_optimizer(type(self).__name__, optimizer)
        self.optimizer = optimizer
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
        self.base_lrs: list[float] = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = 0
        self._set(self.get_lr())

    def get_lr(self) -> list[float]:
        """The learning rate of each group after `last_epoch` steps, computed from those of the step before."""
        raise NotImplementedError(f"{type(self).__name__}: has no get_lr method")

    def get_last_lr(self) -> list[float]:
        """The learning rates that were set last."""
        return self._last_lr

    def step(self) -> None:
        """Go on by one step, and set the learning rates."""
        self.last_epoch += 1
        try:
            rates = self.get_lr()
        except BaseException:
            self.last_epoch -= 1
            raise
        self._set(rates)

    def restart(self) -> None:
        """Go back to step 0, with the optimiser's first learning rates."""
        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        self.last_epoch = 0
        self._set(self.get_lr())

    def _set(self, rates: list[float]) -> None:
        self._last_lr = rates
        for group, lr in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = lr

    def _rates(self) -> list[float]:
        """The learning rates that are there."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimiser, by name: plain numbers and lists."""
        return {key: _copied(value) for key, value in vars(self).items() if key not in self._unsaved}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from what `state_dict()` gave, and set the optimiser's learning rates accordingly."""
        self._check_state(state_dict)
        vars(self).update({key: _copied(value) for key, value in state_dict.items()})
        self._set(self._last_lr)

    def _check_state(self, state_dict: Mapping[str, Any]) -> None:
        own = set(self.state_dict())
        if set(state_dict) != own:
            raise StateError(
                f"{type(self).__name__}: the state holds {', '.join(sorted(state_dict))}; "
                f"this schedule takes {', '.join(sorted(own))}"
            )


def check_optimizer(name: str, optimizer: Any) -> None:
    """Raise DTypeError if it is none."""
    if not isinstance(optimizer, Optimizer):
        raise tg.DTypeError(f"{name}: optimizer is a {type(optimizer).__name__}, not an Optimizer")


def for_each(name: str, what: str, value: Any, count: int) -> list[Any]:
    """One value for each of `count` groups, of one for all or of a list of them."""
    values = list(value) if isinstance(value, Sequence) else [value] * count
    if len(values) != count:
        raise tg.ShapeError(f"{name}: {what} has {len(values)} values, the optimiser {count} groups")
    return values


def _copied(value: Any) -> Any:
    """Lists and dicts of numbers, all the way down."""
    if isinstance(value, list):
        return [_copied(item) for item in value]
    return {key: _copied(item) for key, item in value.items()} if isinstance(value, dict) else value
