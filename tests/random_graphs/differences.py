"""A program's gradients, and the gradients of these, against differences of values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import nn.functional as F
import tensorgrad as tg

from .kinks import MARGIN
from .program import Program, shrunk, values_of


class Differences:
    """Slopes of a program from its values or gradients at four points along a line.

    With f at -2, -1, 1, 2 steps of size h, (8 (f1 - f-1) - (f2 - f-2)) / 12h differs from the slope by about h^4, which
    is nothing at the steps taken here, and by rounding: some 1e-15 times what was added up, divided by h. The step is
    at most 1e-4, and so small that no value anywhere in the program moves by more than a twentieth of MARGIN. So no
    kink is crossed: what is compared there are values or simple multiples of them.
    """

    def __init__(self, program: Program, directions: dict[str, np.ndarray]) -> None:
        self.program, self.directions = program, directions
        here, there = values_of(program, program.leaves), values_of(program, self.moved(1e-7))
        rate = max(float(np.max(abs(there[name] - here[name]), initial=0.0)) for name in here) / 1e-7
        self.step = min(1e-4, MARGIN / (40 * rate)) if rate else 1e-4
        self.sum = sum(float(np.sum(abs(w * here[name]))) for name, w in program.weights.items())

    def moved(self, by: float) -> dict[str, np.ndarray]:
        still = dict.fromkeys(self.program.leaves, np.zeros(()))
        directions = {**still, **self.directions}
        return {name: np.asarray(value + by * directions[name]) for name, value in self.program.leaves.items()}

    def slope(self, function: Callable[[dict[str, np.ndarray]], Any]) -> Any:
        f = {k: function(self.moved(k * self.step)) for k in (-2, -1, 1, 2)}
        return (8 * (f[1] - f[-1]) - (f[2] - f[-2])) / (12 * self.step)

    def tolerance(self, size: float) -> float:
        """For slopes of about this size: 1e-6 of it, and rounding. Mistakes found so far were of 1e-3 and more."""
        return 1e-6 * (1 + size) + 1e-13 * (1 + self.sum + size) / self.step


def total(program: Program, leaves: dict[str, np.ndarray]) -> float:
    values = values_of(program, leaves)
    return sum(float(np.sum(w * values[name])) for name, w in program.weights.items())


def recorded(program: Program, leaves: dict[str, np.ndarray], create_graph: bool) -> tuple[list[Any], list[Any]]:
    """The leaves as tensors, and the gradients of the weighted outputs; zeros for None."""
    tensors = {name: tg.tensor(value, requires_grad=True) for name, value in leaves.items()}
    found = program.run(tg, F, tensors)
    outputs = [found[name] for name in program.weights]
    weights = [tg.from_numpy(w) for w in program.weights.values()]
    wanted = list(tensors.values())
    gradients = tg.grad(outputs, wanted, weights, create_graph=create_graph, allow_unused=True)
    return wanted, [tg.zeros_like(t) if g is None else g for t, g in zip(wanted, gradients, strict=True)]


def flat(tensors: list[Any]) -> np.ndarray:
    return np.concatenate([t.data.reshape(-1) for t in tensors])


def first_order(program: Program) -> str:
    """What is wrong with the gradients, if anything: each leaf moved alone in a random direction, and all at once."""
    _, gradients = recorded(program, program.leaves, False)
    rng = np.random.default_rng(0)
    directions = {name: np.asarray(rng.uniform(-1, 1, value.shape)) for name, value in program.leaves.items()}
    slopes = {n: float(np.sum(g.data * d)) for (n, d), g in zip(directions.items(), gradients, strict=True)}
    for names in [[name] for name in directions] + [list(directions)]:
        differences = Differences(program, {name: directions[name] for name in names})
        analytic = sum(slopes[name] for name in names)
        numeric = differences.slope(lambda leaves: total(program, leaves))
        if not abs(numeric - analytic) <= differences.tolerance(abs(analytic)):
            return f"the slope along {', '.join(names)} is {numeric:.9g} by differences, {analytic:.9g} by gradients"
    return ""


def second_order(program: Program) -> str:
    """What is wrong with the gradient's gradient along one random direction, if anything."""
    tensors, gradients = recorded(program, program.leaves, True)
    rng = np.random.default_rng(1)
    directions = {name: np.asarray(rng.uniform(-1, 1, value.shape)) for name, value in program.leaves.items()}
    pairs = [(g, tg.from_numpy(d)) for g, d in zip(gradients, directions.values(), strict=True) if g.requires_grad]
    found = [None] * len(tensors)
    if pairs:
        found = tg.grad([g for g, _ in pairs], tensors, [d for _, d in pairs], allow_unused=True)
    analytic = flat([tg.zeros_like(t) if h is None else h for t, h in zip(tensors, found, strict=True)])
    differences = Differences(program, directions)
    numeric = differences.slope(lambda leaves: flat(recorded(program, leaves, False)[1]))
    wrong = np.max(abs(numeric - analytic), initial=0.0)
    size = float(np.max(abs(analytic), initial=0.0)) + float(np.max(abs(flat(gradients)), initial=0.0))
    if not wrong <= differences.tolerance(size):
        at = int(np.argmax(abs(numeric - analytic)))
        return (
            f"value {at} of the Hessian's product is {numeric[at]:.9g} by differences, {analytic[at]:.9g} by gradients"
        )
    return ""


def report(program: Program, check: Callable[[Program], str]) -> str:
    """What is wrong with the smallest program that `check` finds fault with, and the program itself."""

    def fails(candidate: Program) -> bool:
        return bool(check(candidate))

    small = shrunk(program, fails)
    return f"{check(small)}\n\n{small.told()}"
