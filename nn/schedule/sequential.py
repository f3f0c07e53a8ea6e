"""Schedules one after the other."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

import tensorgrad as tg

from ..optim import Optimizer
from .plateau import ReduceLROnPlateau
from .scheduler import LRScheduler, check_optimizer


class SequentialLR(LRScheduler):
    """Schedules one after the other: schedule i+1 starts, at its own step 0, when `milestones[i]` steps are taken.

        warm_up = LinearLR(optimizer, 0.1, total_iters=5)
        SequentialLR(optimizer, [warm_up, CosineAnnealingLR(optimizer, 45)], milestones=[5])

    Each starts from the optimiser's first learning rate. All are of one optimiser; a plateau schedule, which waits for
    measurements, cannot be one of them.
    """

    _unsaved = LRScheduler._unsaved | {"schedulers"}

    def __init__(self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int]) -> None:
        check_optimizer("SequentialLR", optimizer)
        if len(milestones) != len(schedulers) - 1:
            raise tg.ShapeError(
                f"SequentialLR: {len(schedulers)} schedules have {len(schedulers) - 1} milestones between them, "
                f"got {len(milestones)}"
            )
        if list(milestones) != sorted(milestones):
            raise tg.ShapeError(f"SequentialLR: milestones must rise, got {list(milestones)}")
        for number, schedule in enumerate(schedulers):
            if not isinstance(schedule, LRScheduler) or isinstance(schedule, ReduceLROnPlateau):
                raise tg.DTypeError(
                    f"SequentialLR: schedule {number} is a {type(schedule).__name__}, which cannot be one of a sequence"
                )
            if schedule.optimizer is not optimizer:
                raise tg.ShapeError(f"SequentialLR: schedule {number} is of another optimiser")
        self.schedulers, self.milestones = list(schedulers), list(milestones)
        super().__init__(optimizer)
        self.restart()

    def get_lr(self) -> list[float]:
        """The learning rates that are there: the schedules set them."""
        return self._rates()

    def step(self) -> None:
        """Go on by one step of the schedule whose turn it is."""
        self.last_epoch += 1
        number = bisect_right(self.milestones, self.last_epoch)
        schedule = self.schedulers[number]
        try:
            if number and self.milestones[number - 1] == self.last_epoch:
                schedule.restart()
            else:
                schedule.step()
        except BaseException:
            self.last_epoch -= 1
            raise
        self._last_lr = schedule.get_last_lr()

    def restart(self) -> None:
        """Go back to step 0 of the first schedule."""
        self.last_epoch = 0
        schedule = self.schedulers[bisect_right(self.milestones, 0)]
        schedule.restart()
        self._last_lr = schedule.get_last_lr()

    def state_dict(self) -> dict[str, Any]:
        """The state, with those of the schedules."""
        return {**super().state_dict(), "schedulers": [schedule.state_dict() for schedule in self.schedulers]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from what `state_dict()` gave."""
        self._check_state(state_dict)
        schedulers = self.schedulers
        for schedule, state in zip(schedulers, state_dict["schedulers"], strict=True):
            schedule.load_state_dict(state)
        super().load_state_dict(state_dict)
        self.schedulers = schedulers
        current = schedulers[bisect_right(self.milestones, self.last_epoch)]
        current._set(current.get_last_lr())
