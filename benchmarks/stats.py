"""Rows of the table, and the few numbers that are taken from the measurements."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


def better(formats: Mapping[str, Sequence[float]]) -> str:
    """Which of PyTorch's memory formats is the quicker, by its median over all pairs; the first of equals."""
    return min(formats, key=lambda name: statistics.median(formats[name]))


def pair_ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Ours over theirs, pair by pair."""
    if len(ours) != len(theirs) or not ours:
        raise ValueError(f"{len(ours)} measurements against {len(theirs)}: there must be as many, and at least one")
    return [a / b for a, b in zip(ours, theirs, strict=True)]


@dataclass
class Goal:
    """What must be reached: a number of the row that must not exceed a limit."""

    limit: float
    of: str = "ratio"  # ratio; ours, in the row's unit; growth, against the smallest graph
    text: str = ""

    def __str__(self) -> str:
        return self.text or f"<= {self.limit:g}"


@dataclass
class Row:
    """A row of the table. Figures are medians over the pairs, in `unit`; what was not measured is None."""

    name: str
    unit: str
    threads: int
    ours: float | None = None
    contiguous: float | None = None
    channels_last: float | None = None
    other: str = "PyTorch"  # whom the ratio is against
    ratios: list[float] = field(default_factory=list)
    memory: dict[str, float] = field(default_factory=dict)  # by library or format, in bytes
    growth: float | None = None
    goal: Goal | None = None
    note: str = ""
    error: str = ""
    idle_share: float = 0.0  # of a turn, the time that the side whose turn it was not used: it should be nothing
    foreign_share: float | None = None  # of the machine's time, what other programs used meanwhile

    @property
    def ratio(self) -> float | None:
        return statistics.median(self.ratios) if self.ratios else None

    @property
    def memory_ratio(self) -> float | None:
        theirs = [value for name, value in self.memory.items() if name != "ours"]
        return self.memory["ours"] / min(theirs) if "ours" in self.memory and theirs else None

    @property
    def is_met(self) -> bool | None:
        value: float | None = None if self.goal is None else getattr(self, self.goal.of)
        return None if self.goal is None or value is None else value <= self.goal.limit

    def to_json(self) -> dict[str, Any]:
        low, high = (min(self.ratios), max(self.ratios)) if self.ratios else (None, None)
        derived = {"ratio": self.ratio, "min": low, "max": high, "pairs": len(self.ratios)}
        return asdict(self) | derived | {"memory_ratio": self.memory_ratio, "is_met": self.is_met}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Row:
        known = {key: value for key, value in values.items() if key in cls.__dataclass_fields__}
        if known.get("goal") is not None:
            known["goal"] = Goal(**known["goal"])
        return cls(**known)


def grown(first: Row, row: Row) -> float:
    """How much more a node costs in `row` than in `first`, in time or memory, whichever grew more; 1 is linear."""
    assert first.ours is not None
    assert row.ours is not None
    return max(row.ours / first.ours, row.memory["ours"] / first.memory["ours"])
