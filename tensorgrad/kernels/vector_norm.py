"""Norms of vectors on plain arrays: over any axes, without overflow on the way."""

import math

import numpy as np

from .sums import sum_of_squares, wide_sum
from .windows import Array, Ints


def vector_norm(x: Array, order: float, axes: Ints, keepdims: bool) -> Array:
    """(sum of |x| ** order) ** (1 / order) in x's dtype; of order 0, the count of what is not 0."""
    if math.isinf(order):
        sizes = np.absolute(x)
        return np.asarray((np.max if order > 0 else np.min)(sizes, axis=axes, keepdims=keepdims))
    with np.errstate(all="ignore"):
        if order == 0:
            return np.asarray(np.sum(x != 0, axes, np.float64, keepdims=keepdims)).astype(x.dtype)
        # float16 as float32, which holds the squares of all its numbers.
        wide = x.astype(np.float32) if x.dtype == np.float16 else x
        total = np.asarray(_sum_of_powers(wide, order, axes))
        result = _root(total, order)
        limits = np.finfo(wide.dtype)
        # What is too large or too small to be raised to the power, or lost digits in it, is scaled to 1 before.
        if not np.all((total < limits.max) & (total > limits.tiny / limits.eps)):
            sizes = np.absolute(wide)
            peak = np.max(sizes, axes, keepdims=True, initial=0) if order > 0 else _least(sizes, axes)
            usual = (peak == 0) | ~np.isfinite(peak)
            scaled = _sum_of_powers(sizes / np.where(usual, 1, peak), order, axes)
            result = np.where(usual, result, peak * _root(scaled, order))
        return np.asarray(result if keepdims else np.squeeze(result, axes)).astype(x.dtype)


def _least(sizes: Array, axes: Ints) -> Array:
    return np.asarray(np.min(sizes, axes, keepdims=True, initial=np.inf))


def _sum_of_powers(x: Array, order: float, axes: Ints) -> Array:
    if order == 2:
        return sum_of_squares(x, axes, keepdims=True)
    sizes = np.absolute(x)
    return wide_sum(sizes if order == 1 else sizes**order, axes, keepdims=True)


def _root(total: Array, order: float) -> Array:
    if order == 2:
        return np.asarray(np.sqrt(total))
    return total if order == 1 else np.asarray(total ** (1 / order))
