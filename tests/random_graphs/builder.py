"""The generator: draws programs, and keeps values in bounds and away from kinks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import nn.functional as F
import tensorgrad as tg

from .kinds import Unfit
from .kinds_of_shapes import KINDS
from .kinks import MARGIN
from .program import Line, Program

STEPS = 25
LARGEST, SMALLEST = 3.0, 0.2  # the largest value of a tensor is brought between these
SHAPES = [(), (3,), (4,), (2, 3), (3, 2), (3, 3), (2, 1), (1, 4), (2, 2, 3), (2, 3, 3), (1, 2, 4, 5), (2, 3, 4, 4)]


class Builder:
    """Draws a program: it keeps the names and values of the tensors there are so far."""

    def __init__(self, seed: int, steps: int = STEPS) -> None:
        self.rng = np.random.default_rng(seed)
        self.count, self.redraws = 0, 0
        self.leaves: dict[str, np.ndarray] = {}
        self.lines: list[Line] = []
        self.values: dict[str, Any] = {}  # of the tensors that steps may use
        self.tensors: dict[str, Any] = {}
        self.fresh: list[str] = []  # leaves that a step has made which may be drawn again
        for number in self.rng.choice(len(SHAPES), 3):
            self.leaf(SHAPES[number])
        names = list(KINDS)
        while len(self.lines) < steps:
            self.step(names[self.rng.integers(len(names))])
        self.program = self.finished()

    def __getitem__(self, name: str) -> np.ndarray:
        return self.values[name]

    def name(self) -> str:
        self.count += 1
        return f"t{self.count - 1}"

    def leaf(self, shape: tuple[int, ...]) -> str:
        if len(self.leaves) >= 8:
            raise Unfit
        name = self.name()
        self.leaves[name] = self.values[name] = self.rng.uniform(-1.5, 1.5, shape)
        self.tensors[name] = tg.from_numpy(self.leaves[name])
        self.fresh.append(name)
        return name

    def any(self, fits: Callable[[np.ndarray], bool] = lambda v: True) -> str:
        """A tensor: one of the last six, or as often any."""
        names = [name for name, value in self.values.items() if fits(value)]
        if not names:
            raise Unfit
        if self.rng.random() < 0.5:
            names = names[-6:]
        return names[self.rng.integers(len(names))]

    def pair(self) -> tuple[str, str]:
        """Two tensors that broadcast to one another's shape, often of different shapes, sometimes the same one."""
        x = self.any()
        shape = self[x].shape

        def fits(v: np.ndarray) -> bool:
            return v.ndim <= len(shape) and all(a in (1, b) for a, b in zip(v.shape[::-1], shape[::-1], strict=False))

        y = self.any(fits)
        return (x, y) if self.rng.random() < 0.5 else (y, x)

    def axis(self, name: str) -> int:
        return int(self.rng.integers(max(1, self[name].ndim)))

    def shaped(self, shape: tuple[int, ...]) -> str:
        """An expression of a shape: a tensor, one reshaped, part of a larger one, or a new leaf."""
        size = int(np.prod(shape))
        whole = [name for name, value in self.values.items() if value.size == size]
        parts = [name for name, value in self.values.items() if value.size > size]
        if whole and self.rng.random() < 0.8:
            name = whole[self.rng.integers(len(whole))]
            return name if self[name].shape == shape else f"{name}.reshape({', '.join(map(str, shape))})"
        if parts and (len(self.leaves) >= 8 or self.rng.random() < 0.6):
            name = parts[self.rng.integers(len(parts))]
            return f"{name}.reshape(-1)[:{size}].reshape({', '.join(map(str, shape))})"
        return self.leaf(shape)

    def value(self, expression: str) -> np.ndarray:
        """The value of what `shaped` gave."""
        with tg.no_grad():
            return eval(expression, {}, self.tensors).data

    def step(self, name: str) -> None:
        """Draw one step, or nothing: where the kind does not fit, and where a kink or a bad value is near."""
        before = self.count, dict(self.leaves)
        try:
            drawn, distance, *names = KINDS[name].draw(self)
        except Unfit:
            self.take_back(before)
            return
        if distance < MARGIN:
            self.redraws += 1
            self.take_back(before)
            return
        names = names[0] if names else (self.name(),)
        text = drawn if len(drawn.split(" = ")) > 1 and drawn.startswith(f"{names[0]} = ") else f"{names[0]} = {drawn}"
        line = Line(name, text, names)
        with tg.no_grad(), np.errstate(all="ignore"):
            found = dict(self.tensors)
            exec(text, {"m": tg, "F": F}, found)
        value = found[names[0]].data
        largest = np.max(abs(value), initial=0.0)
        if not value.size or value.size > 96 or value.ndim > 5 or not np.isfinite(value).all() or largest < 1e-3:
            self.redraws += 1
            self.take_back(before)
            return
        if not SMALLEST < largest < LARGEST:
            line = Line(name, f"{text}\n{names[0]} = {names[0]} * {1 / largest:.2g}", names)
            found[names[0]] = found[names[0]] * float(f"{1 / largest:.2g}")
        self.lines.append(line)
        self.tensors[names[0]], self.values[names[0]] = found[names[0]], found[names[0]].data

    def take_back(self, before: tuple[int, dict[str, np.ndarray]]) -> None:
        """Forget the leaves of a step that is not taken."""
        self.count = before[0]
        for name in set(self.leaves) - set(before[1]):
            del self.leaves[name], self.values[name], self.tensors[name]

    def finished(self) -> Program:
        """All tensors that no later line uses are outputs, so that every line matters."""
        used = set().union(*(line.uses for line in self.lines))
        ends = [line.names[0] for line in self.lines if line.names[0] not in used]
        weights = {name: self.rng.uniform(0.3, 1.0, self[name].shape) for name in ends}
        return Program(dict(self.leaves), tuple(self.lines), weights, self.redraws).live()


def draw_program(seed: int) -> Program:
    return Builder(seed).program
