"""Cards coloured by a number: a scale of fixed decades, so that pictures of different runs can be compared."""

from __future__ import annotations

import math
from typing import NamedTuple

UNKNOWN, UNPRINTED = "#d1d5db", "#ffffff"
# The bright half of viridis: dark text is readable on all of it.
ANCHORS = ((0x1F, 0x9E, 0x89), (0x35, 0xB7, 0x79), (0x6E, 0xCE, 0x58), (0xB5, 0xDE, 0x2B), (0xFD, 0xE7, 0x25))
GREYS = tuple((level, level, level) for level in (0xE8, 0xCE, 0xB4, 0x9A, 0x80))  # for print: the larger, the darker


class Scale(NamedTuple):
    """What a colour stands for: powers of ten from `low` to `high`."""

    low: int
    high: int
    what: str

    def fill(self, value: float | None, grey: bool = False) -> str:
        """The colour of a value, or its level of grey; zero and less have the lowest, what is not known its own."""
        if value is None or math.isnan(value):
            return UNPRINTED if grey else UNKNOWN
        at = (math.log10(value) - self.low) / (self.high - self.low) if 0 < value < math.inf else float(value > 0)
        return _between(min(max(at, 0.0), 1.0), grey)

    def sample(self, grey: bool = False) -> str:
        """For the legend."""
        return "scale:" + ",".join(_between(i / 4, grey) for i in range(5))

    def text(self, grey: bool = False) -> str:
        """For the legend: what the ends stand for."""
        unknown = "white" if grey else "grey"
        return f"{self.what}: 1e{self.low} and less to 1e{self.high} and more; {unknown}: not known"


SCALES = {
    "value": Scale(-4, 4, "rms of the output"),
    "gradient": Scale(-8, 2, "rms of the output's gradient"),
    "memory": Scale(2, 9, "bytes kept for the way back"),
}


def _between(at: float, grey: bool) -> str:
    """A colour on the scale, 0 to 1."""
    anchors = GREYS if grey else ANCHORS
    i = min(int(at * 4), 3)
    part = at * 4 - i
    mixed = (round(a + part * (b - a)) for a, b in zip(anchors[i], anchors[i + 1], strict=True))
    return "#" + "".join(f"{channel:02x}" for channel in mixed)
