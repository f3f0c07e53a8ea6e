"""Pooling by power sums: the p-norm of each window."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import ShapeError
from .check import number, positive, same_dtype
from .elementwise import abs, eq, neg, pow, where
from .pool import avg_pool1d, avg_pool2d, avg_pool3d, max_pool1d, max_pool2d, max_pool3d

if TYPE_CHECKING:
    from ..tensor import Tensor

_MEANS = {1: avg_pool1d, 2: avg_pool2d, 3: avg_pool3d}
_MAXIMA = {1: max_pool1d, 2: max_pool2d, 3: max_pool3d}


def lp_pool2d(
    input: Any,
    norm_type: float,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """(sum of x^p)^(1/p) over each window of each channel: (N, C, H, W) to (N, C, H', W'), with p = `norm_type`.

    Of x, not of |x|: with an odd p, a negative sum has no root and gives nan. The slope where the sum is 0 is 0. With p
    inf it is the largest |x|, with -inf the least. A window that hangs over the end with `ceil_mode` counts as a full
    one with the mean of its values everywhere, as in PyTorch. Sizes are those of `avg_pool2d`.
    """
    return _lp_pool(2, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool1d(
    input: Any,
    norm_type: float,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """(sum of x^p)^(1/p) over each window of each channel: (N, C, W) to (N, C, W'). See `lp_pool2d`."""
    return _lp_pool(1, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(
    input: Any,
    norm_type: float,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """(sum of x^p)^(1/p) over each window of each channel: (N, C, D, H, W) to (N, C, D', H', W'). See `lp_pool2d`."""
    return _lp_pool(3, input, norm_type, kernel_size, stride, ceil_mode)


def _lp_pool(rank: int, input: Any, norm_type: float, kernel_size: Any, stride: Any, ceil_mode: bool) -> Any:
    name = f"lp_pool{rank}d"
    same_dtype(name, input=input)
    p = number(name, "norm_type", norm_type)
    if p == 0 or math.isnan(p):
        raise ShapeError(f"{name}: norm_type must not be {p:g}, there is no such root")
    window = positive(name, "kernel_size", kernel_size, rank)
    if math.isinf(p):
        largest = _MAXIMA[rank](abs(input) if p > 0 else neg(abs(input)), window, stride, 0, 1, ceil_mode)
        return largest if p > 0 else neg(largest)
    mean = _MEANS[rank](pow(input, int(p) if p.is_integer() else p), window, stride, 0, ceil_mode)
    # The slope of the root at 0 is infinite, and times the slope of x^p there it would be nan: the root of 1 is asked.
    flat = eq(mean, 0)
    at_zero = 0.0 if p > 0 else math.inf
    return where(flat, at_zero, pow(where(flat, 1.0, mean) * math.prod(window), 1 / p))
