"""Why a difference and a gradient disagree: the gradient is wrong, the function has a kink there, or digits ran out.

Along a line through the point, a smooth function's slopes from the right and from the left differ by a gap that is in
proportion to the step. At a kink (relu at 0, max at a tie) the gap stays, however small the step; and any value between
the two one-sided slopes is a fair gradient there. A kink beside the point disturbs only steps that reach it: a smaller
one decides. Rounding makes gaps that grow as the step shrinks, so that a larger step agrees with the gradient again.
Chainer's gradient_check tells kinks from mistakes too, by fitting a parabola to several steps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..node import Array

RIGHT, WRONG, KINK, ROUNDING = "right", "wrong", "kink", "rounding"
SMALLER = 100  # how much smaller the step is that decides beside a kink


class Verdict(NamedTuple):
    """For each entry what it is, and the slopes from the left and from the right."""

    kinds: Array
    left: Array
    right: Array


def classify(
    change: Callable[[float], Array], analytic: Array, step: float, tolerance: Array, loose: Array, floor: float
) -> Verdict:
    """Tell the entries whose difference, with steps of size `step`, is not `analytic`.

    `change(t)` is by how much each entry's function changes at distance t. `tolerance` is how far apart slopes may be,
    `loose` the same for large steps, if the slopes are not small; `floor` is what rounding adds at this step.
    """

    def slopes(h: float) -> tuple[Array, Array]:
        return change(-h) / -h, change(h) / h

    def between(sides: tuple[Array, Array], bound: Array) -> Any:
        return (np.minimum(*sides) - bound <= analytic) & (analytic <= np.maximum(*sides) + bound)

    near = {k: slopes(k * step) for k in (1, 2, 4)}
    gaps = {k: right - left for k, (left, right) in near.items()}
    # Two ratios, because one kink beside the point can imitate either of them, but not both.
    smooth = abs(gaps[2] - 2 * gaps[1]) <= 0.2 * abs(gaps[2])
    smooth &= abs(gaps[4] - 4 * gaps[1]) <= 0.2 * abs(gaps[4])
    bent = (abs(gaps[1]) > tolerance) & ~smooth & between(near[1], tolerance)

    fine = loose + SMALLER * floor
    left, right = slopes(step / SMALLER)
    still_bent = (abs(right - left) > 2 * fine) & between((left, right), fine)
    agrees = abs((left + right) / 2 - analytic) <= fine
    kinds: Array = np.full(analytic.shape, WRONG, "<U8")
    kinds[bent & agrees] = RIGHT
    kinds[bent & still_bent] = KINK

    def agrees_far(h: float) -> Array:
        left, right = slopes(h)
        slope = (left + right) / 2
        # `loose` can be more than a small gradient, whatever its sign; a tenth of the gradient cannot.
        bound = np.minimum(loose, tolerance + 0.1 * np.maximum(abs(analytic), abs(slope)))
        return abs(slope - analytic) <= bound

    kinds[agrees_far(100 * step) & agrees_far(1000 * step)] = ROUNDING
    return Verdict(kinds, *near[1])
