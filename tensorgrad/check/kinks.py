"""Why a difference and a gradient disagree: the gradient is wrong, the function has a kink there, or digits ran out.

Along a line through the point, a smooth function's slopes from the right and from the left differ by a gap that is in
proportion to the step. At a kink (relu at 0, max at a tie) the gap stays, however small the step; and any value between
the two one-sided slopes is a fair gradient there. Rounding makes gaps that grow as the step shrinks, so that a larger
step agrees with the gradient again. Chainer's gradient_check draws the first distinction too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..node import Array

WRONG, KINK, ROUNDING = "wrong", "kink", "rounding"


def classify(
    change: Callable[[float], Array], analytic: Array, step: float, tolerance: Array, loose: Array
) -> tuple[Array, Array, Array]:
    """WRONG, KINK or ROUNDING for each entry of `analytic`, and the slopes from the left and from the right.

    `change(t)` is by how much each entry's function changes at distance t. `tolerance` is how far slopes may lie apart,
    `loose` the same for large steps.
    """
    ahead = {k: change(k * step) / (k * step) for k in (1, 2, 4, 100, 1000)}
    behind = {k: change(-k * step) / (-k * step) for k in ahead}
    gaps = {k: ahead[k] - behind[k] for k in ahead}
    kinds: Array = np.full(analytic.shape, WRONG, dtype="<U8")
    # Two ratios, because one kink beside the point can imitate either of them, but not both.
    smooth = _near(gaps[2], 2 * gaps[1], 0.2 * abs(gaps[2])) & _near(gaps[4], 4 * gaps[1], 0.2 * abs(gaps[4]))
    low, high = np.minimum(ahead[1], behind[1]), np.maximum(ahead[1], behind[1])
    between = (low - tolerance <= analytic) & (analytic <= high + tolerance)
    kinds[(abs(gaps[1]) > tolerance) & ~smooth & between] = KINK
    agree = [_near((ahead[k] + behind[k]) / 2, analytic, loose) for k in (100, 1000)]
    kinds[agree[0] & agree[1]] = ROUNDING
    return kinds, behind[1], ahead[1]


def _near(a: Any, b: Any, tolerance: Any) -> Any:
    return abs(a - b) <= tolerance
