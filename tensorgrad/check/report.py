"""What gradcheck tells of entries that disagree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..node import Array
from .kinks import KINK, ROUNDING, SMALLER, WRONG

SHOWN = 4  # entries listed for each pair of an output and an input


@dataclass
class Entry:
    """One value of an output by one value of an input, or by a direction of it."""

    output_at: str
    input_at: str
    point: float | None  # the input's value, if it is one
    analytic: float
    numeric: float
    kind: str
    left: float
    right: float

    def text(self, output: str, name: str) -> str:
        """One line about it."""
        value = "" if self.point is None else f" = {number(self.point)}"
        where = f"{output}{self.output_at} by {name}{self.input_at}{value}"
        if self.kind == KINK:
            slopes = f"slope {number(self.left)} from the left, {number(self.right)} from the right"
            return f"{where}: {slopes}, analytic {number(self.analytic)}"
        difference = number(abs(self.analytic - self.numeric))
        return f"{where}: analytic {number(self.analytic)}, numeric {number(self.numeric)}, difference {difference}"


@dataclass
class Block:
    """What disagrees between one output and one input."""

    output: str
    name: str
    shape: tuple[int, ...]
    total: int  # entries compared
    directions: bool  # of the input or the output, rather than their values one by one
    counts: dict[str, int]
    entries: list[Entry]
    guess: str

    @property
    def kind(self) -> str:
        """The worst of what was found."""
        return next(kind for kind in (WRONG, KINK, ROUNDING) if self.counts.get(kind))

    def text(self, eps: float) -> str:
        """A paragraph about it."""
        count = sum(self.counts.values())
        what = f"the gradient of {self.output} with respect to {self.name} {self.shape}"
        number_of = f"{count} of {self.total} {'random combinations of values' if self.directions else 'entries'}"
        others = [f"{n} at a kink" for kind, n in self.counts.items() if kind == KINK]
        others += [f"{n} lost in rounding" for kind, n in self.counts.items() if kind == ROUNDING]
        if self.kind == WRONG:
            lines = [f"{what} is wrong in {number_of}" + (f" ({', '.join(others)})" if others else "")]
        elif self.kind == KINK:
            lines = [f"{what} cannot be checked in {number_of}: a kink lies within {eps / SMALLER:g} of the input"]
        else:
            lines = [f"{what} cannot be checked in {number_of}: the difference of values is lost in rounding"]
        if self.directions:
            lines[0] += "; followed to"
        lines += [entry.text(self.output, self.name) for entry in self.entries]
        if len(self.entries) < count and not self.directions:
            lines.append(f"... and {count - len(self.entries)} more")
        lines.append(ADVICE[self.kind].format(eps=eps, bigger=100 * eps) if self.kind != WRONG else self.guess)
        return "\n    ".join(line for line in lines if line)


ADVICE = {
    KINK: "move the input away from the kink by more than {eps:g}, or pass allow_kinks=True to accept any value "
    "between the two slopes",
    ROUNDING: "with larger steps the gradient agrees: pass eps={bigger:g}, or smaller values, or compute in float64 "
    "throughout",
}


def guess(analytic: Array, numeric: Array, wrong: Array, tolerance: Array, shape: tuple[int, ...] | None) -> str:
    """What the mistake looks like, if like a common one. `shape` is the input's, None if directions were compared."""
    bound = tolerance.max(initial=0.0) + 1e-3 * np.abs(numeric).max(initial=0.0)
    if not np.isfinite(analytic).all():
        return "the analytic gradient is not finite"
    if not np.any(analytic):
        return "the analytic gradient is zero: is it lost on the way (detach, .data, a VJP that gives None)?"
    if (abs(numeric) <= bound).all():
        return "the output does not depend on the input, yet the gradient is not zero"
    if shape is None:
        return ""  # the few directions hide how single values differ: one big wrong value looks like a factor of all
    size = float(np.vdot(numeric, numeric))
    factor = float(np.vdot(analytic, numeric)) / size
    if (abs(analytic - factor * numeric) <= bound * max(1.0, abs(factor))).all():
        if abs(factor + 1) < 1e-2:
            return "it has the wrong sign throughout"
        inverse = f" = 1/{number(1 / factor)}" if 0 < abs(factor) < 1 else ""
        return f"it is {number(factor)}{inverse} times the numeric one throughout: a constant factor"
    if len(shape) >= 2:
        swapped = analytic.reshape(-1, *shape[:-2], shape[-1], shape[-2]).swapaxes(-1, -2).reshape(numeric.shape)
        if (abs(swapped - numeric) <= bound).all():
            return "its last two axes are transposed"
        flipped = analytic.reshape(-1, *shape)[..., ::-1, ::-1].reshape(numeric.shape)
        if (abs(flipped - numeric) <= bound).all():
            return "its last two axes are flipped"
    if wrong.sum() > 1 and not np.any(analytic[wrong]):
        return "all wrong entries are zero: part of it is lost, for example in a sum over a broadcast axis"
    return ""


def number(value: Any) -> str:
    """A value in few digits."""
    return f"{float(value) + 0.0:.6g}"  # + 0.0: no "-0"


def at(shape: tuple[int, ...], position: int) -> str:
    """The index of a value counted in reading order: "[1, 0]"; nothing for a number."""
    return f"[{', '.join(str(int(i)) for i in np.unravel_index(position, shape))}]" if shape else ""
