"""Programs as text: run in either engine, printed so that they can be run again, and made smaller."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

import nn.functional as F
import tensorgrad as tg


@dataclass(frozen=True)
class Line:
    """One step: the names it gives, its text, and what kind of operation it is."""

    kind: str
    text: str
    names: tuple[str, ...]

    @property
    def uses(self) -> set[str]:
        return {name for name in re.findall(r"\bt\d+\b", self.text) if name not in self.names}


@dataclass(frozen=True)
class Program:
    """Leaves, lines, and the names of the outputs, each weighted by an array of its shape."""

    leaves: dict[str, np.ndarray]
    lines: tuple[Line, ...]
    weights: dict[str, np.ndarray]
    redraws: int = 0

    def run(self, m: Any, functional: Any, leaves: dict[str, Any]) -> dict[str, Any]:
        """All tensors by name, of the engine `m`, from the leaves given."""
        names = {**leaves}
        exec(self.code, {"m": m, "F": functional}, names)
        return names

    @cached_property
    def code(self) -> Any:
        return compile("\n".join(line.text for line in self.lines), "<random graph>", "exec")

    def live(self) -> Program:
        """Without the lines and leaves that no output depends on."""
        needed, lines = set(self.weights), []
        for line in reversed(self.lines):
            if needed & set(line.names):
                lines.append(line)
                needed |= line.uses
        leaves = {name: value for name, value in self.leaves.items() if name in needed}
        return replace(self, leaves=leaves, lines=tuple(reversed(lines)))

    def told(self) -> str:
        """A program that can be run, up to the gradients."""
        text = ["import numpy as np", "import nn.functional as F", "import tensorgrad as m", ""]
        for name, value in self.leaves.items():
            text.append(f"{name} = m.tensor({value.tolist()!r}, dtype=m.float64, requires_grad=True)")
        text += [line.text for line in self.lines]
        text.append(f"outputs = [{', '.join(self.weights)}]")
        weights = ", ".join(f"m.tensor({w.tolist()!r}, dtype=m.float64)" for w in self.weights.values())
        text.append(f"weights = [{weights}]")
        text.append(f"print(m.grad(outputs, [{', '.join(self.leaves)}], weights, allow_unused=True))")
        return "\n".join(text)


def values_of(program: Program, leaves: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """All floating-point values of a program, computed without a graph."""
    with tg.no_grad():
        found = program.run(tg, F, {name: tg.from_numpy(value) for name, value in leaves.items()})
    return {name: t.data for name, t in found.items() if isinstance(t, tg.Tensor) and t.data.dtype.kind == "f"}


def shrunk(program: Program, fails: Callable[[Program], bool]) -> Program:
    """A smaller program that still fails: fewer outputs, and lines replaced by leaves of the values they gave."""
    for name in program.weights:
        single = replace(program, weights={name: program.weights[name]}).live()
        if fails(single):
            program = single
            break
    for name in list(program.weights):
        rest = {n: w for n, w in program.weights.items() if n != name}
        if rest and fails(fewer := replace(program, weights=rest).live()):
            program = fewer
    changed = True
    while changed:
        changed = False
        values = values_of(program, program.leaves)
        for line in reversed(program.lines):
            given = {name: values[name] for name in line.names if name in values}
            if not line.uses or set(given) & set(program.weights):
                continue
            rest = tuple(other for other in program.lines if other is not line)
            cut = replace(program, leaves={**program.leaves, **given}, lines=rest).live()
            if fails(cut):
                program, changed = cut, True
                break
    return program
