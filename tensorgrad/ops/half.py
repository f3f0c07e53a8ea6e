"""float16 computed in float32: for formulas whose small constants, such as 1e-8, are 0 in float16, or lose digits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..dtypes import FLOAT32
from ..primitive import astype

FLOAT16 = np.dtype(np.float16)


def in_float32(call: Callable[..., Any], *tensors: Any, **options: Any) -> Any:
    """call(*tensors), with float16 tensors cast to float32; if there are no wider floats, the result is cast back."""
    floats = {tensor.dtype for tensor in tensors if tensor.dtype.kind == "f"}
    if FLOAT16 not in floats:
        return call(*tensors, **options)
    wide = [astype(tensor, dtype=FLOAT32) if tensor.dtype == FLOAT16 else tensor for tensor in tensors]
    result = call(*wide, **options)
    return result if floats > {FLOAT16} else astype(result, dtype=FLOAT16)


def widened(x: Any) -> Any:
    """float16 as float32, other floats as they are; for rules, whose results the walk casts back."""
    return astype(x, dtype=FLOAT32) if x.dtype == FLOAT16 else x


def shared_by(g: Any, n: int) -> Any:
    """g / n, where n may be more than float16 can hold, and 1/n so small that it has few digits there."""
    return astype(widened(g) * (1 / n), dtype=FLOAT16) if g.dtype == FLOAT16 else g * (1 / n)
