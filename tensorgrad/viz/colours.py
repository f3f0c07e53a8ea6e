"""Cards coloured by a number: a scale of fixed decades, so that pictures of different runs can be compared."""

from __future__ import annotations

import math
from typing import NamedTuple

UNKNOWN = "#d1d5db"
# The bright half of viridis: dark text is readable on all of it.
ANCHORS = ((0x1F, 0x9E, 0x89), (0x35, 0xB7, 0x79), (0x6E, 0xCE, 0x58), (0xB5, 0xDE, 0x2B), (0xFD, 0xE7, 0x25))


class Scale(NamedTuple):
    """What a colour stands for: powers of ten from `low` to `high`."""

    low: int
    high: int
    what: str

    def fill(self, value: float | None) -> str:
        """The colour of a value; zero and less have the lowest, what is not known is grey."""
        if value is None or math.isnan(value):
            return UNKNOWN
        at = (math.log10(value) - self.low) / (self.high - self.low) if 0 < value < math.inf else float(value > 0)
        return _between(min(max(at, 0.0), 1.0))

    @property
    def sample(self) -> str:
        """For the legend."""
        return "scale:" + ",".join(_between(i / 4) for i in range(5))

    @property
    def text(self) -> str:
        """For the legend: what the ends stand for."""
        return f"{self.what}: 1e{self.low} and less to 1e{self.high} and more; grey: not known"


SCALES = {
    "value": Scale(-4, 4, "rms of the output"),
    "gradient": Scale(-8, 2, "rms of the output's gradient"),
    "memory": Scale(2, 9, "bytes kept for the way back"),
}


def _between(at: float) -> str:
    """A colour on the scale, 0 to 1."""
    i = min(int(at * 4), 3)
    part = at * 4 - i
    mixed = (round(a + part * (b - a)) for a, b in zip(ANCHORS[i], ANCHORS[i + 1], strict=True))
    return "#" + "".join(f"{channel:02x}" for channel in mixed)
