"""Normalisation within an image, on plain arrays. Axes: n image, c channel, x any number of spatial axes (or none).

The channels of an image lie in equal groups, and each group's values, m of them, are one row (n, group, m) that is
brought to mean 0 and variance 1. Layer normalisation is the case of one group and no spatial axes, instance
normalisation that of a group for each channel. Images are taken in chunks that fit the cache; float16 is computed in
float32. Means and variances are summed in float64 where float32 would lose digits, see `sums.py`; those that are too
large or too small for float32 raise OutOfRange, see `norm.py`.
"""

import math
from collections.abc import Iterator

import numpy as np

from .norm import FLOAT16, FLOAT32, check_range, quiet
from .sums import wide_sum
from .windows import Array

CHUNK_BYTES = 1 << 19


def group_norm(
    x: Array, weight: Array | None, bias: Array | None, groups: int, eps: float
) -> tuple[Array, Array, Array]:
    """(x - mean) / sqrt(variance + eps) * weight + bias, with the means and (biased) variances, both (n, group)."""
    out = np.empty_like(x)
    work = _wide(x[:0]).dtype
    mean, var = (np.zeros((x.shape[0], groups), work) for _ in range(2))
    for n in _chunks(x):
        rows = _rows(x[n], groups)
        with quiet(x.dtype):
            centred, centre, offset, variance = _centred(rows)
        check_range(x.dtype, variance, eps)
        centred -= offset.astype(centred.dtype)
        centred *= (1 / np.sqrt(variance + eps)).astype(centred.dtype)
        normal = centred.reshape(x[n].shape)
        if weight is not None:
            normal *= _per_channel(weight, x)
        if bias is not None:
            normal += _per_channel(bias, x)
        out[n] = normal
        mean[n], var[n] = (centre + offset)[..., 0], variance[..., 0]
    return out, mean, var


def _centred(rows: Array) -> tuple[Array, Array, Array, Array]:
    """As in norm.py: rows less `centre`, the mean rounded to their dtype; `offset`, what is left of it; variance."""
    centre = _row_mean(rows).astype(rows.dtype)
    centred = rows - centre
    offset = _row_mean(centred)
    return centred, centre, offset, np.maximum(_row_mean(centred * centred) - offset * offset, 0)


def group_norm_grad(
    g: Array, x: Array, weight: Array | None, mean: Array, var: Array, groups: int, eps: float
) -> tuple[Array, Array, Array]:
    """The gradients of x, weight and bias through the result, its means and variances included.

    With xhat the normalised x and h = g * weight: gb = sum g, gw = sum g*xhat, and in each row
    gx = (h - mean(h) - xhat * mean(h*xhat)) / std.
    """
    gx = np.empty_like(x)
    gw, gb = np.zeros(x.shape[1]), np.zeros(x.shape[1])
    axes = (0, *range(2, x.ndim))
    for n in _chunks(x):
        rows, block = _rows(x[n], groups), _wide(g[n])
        centre, variance = mean[n][..., None], var[n][..., None].astype(np.float64)
        scale = 1 / np.sqrt(variance + eps)
        normal = rows - centre
        normal -= _row_mean(normal).astype(normal.dtype)  # what rounding took from the mean
        scale = scale.astype(normal.dtype)
        normal *= scale
        gb += wide_sum(block, axes)
        gw += wide_sum(block * normal.reshape(block.shape), axes)
        if weight is not None:
            block = block * _per_channel(weight, x)
        share = block.reshape(normal.shape)
        slope = _row_mean(share * normal).astype(normal.dtype)
        share = share - _row_mean(share).astype(normal.dtype)
        normal *= slope
        share -= normal
        share *= scale
        gx[n] = share.reshape(block.shape)
    return gx, gw.astype(g.dtype), gb.astype(g.dtype)


def rms_norm(x: Array, weight: Array | None, eps: float) -> tuple[Array, Array]:
    """x / sqrt(mean(x*x) + eps) * weight in each row of x (n, c), and the mean squares (n, 1)."""
    out = np.empty_like(x)
    square = np.zeros((x.shape[0], 1), _wide(x[:0]).dtype)
    for n in _chunks(x):
        rows = _wide(x[n])
        with quiet(x.dtype):
            mean = _row_mean(rows * rows)
        check_range(x.dtype, mean, eps)
        square[n] = mean
        normal = rows * (1 / np.sqrt(mean + eps)).astype(rows.dtype)
        if weight is not None:
            normal *= weight
        out[n] = normal
    return out, square


def rms_norm_grad(g: Array, x: Array, weight: Array | None, square: Array, eps: float) -> tuple[Array, Array]:
    """The gradients of x and weight through the result, its mean squares included.

    With xhat the normalised x and h = g * weight: gw = sum g*xhat, gx = (h - xhat * mean(h*xhat)) / rms.
    """
    gx = np.empty_like(x)
    gw = np.zeros(x.shape[1])
    for n in _chunks(x):
        rows, block = _wide(x[n]), _wide(g[n])
        scale = (1 / np.sqrt(square[n].astype(np.float64) + eps)).astype(rows.dtype)
        normal = rows * scale
        gw += wide_sum(block * normal, (0,))
        share = block if weight is None else block * weight.astype(rows.dtype)
        normal *= _row_mean(share * normal).astype(rows.dtype)
        normal = share - normal
        normal *= scale
        gx[n] = normal
    return gx, gw.astype(g.dtype)


def _rows(x: Array, groups: int) -> Array:
    """The values of each image's groups: (n, group, m). A view of x where that is possible."""
    return _wide(x).reshape(x.shape[0], groups, math.prod(x.shape[1:]) // max(groups, 1))


def _row_mean(rows: Array) -> Array:
    """The mean over the last axis, which stays, in float64; 0 for no values."""
    axis = rows.ndim - 1
    return wide_sum(rows, (axis,), keepdims=True).astype(np.float64) / max(1, rows.shape[axis])


def _chunks(x: Array) -> Iterator[slice]:
    """Slices of images of about CHUNK_BYTES each."""
    images = x.shape[0]
    step = max(1, CHUNK_BYTES * images // max(1, x.size * x.itemsize))
    return (slice(n, n + step) for n in range(0, images, step))


def _per_channel(values: Array, x: Array) -> Array:
    """A value per channel, ready to broadcast over x."""
    return _wide(values).reshape(-1, *(1,) * (x.ndim - 2))


def _wide(x: Array) -> Array:
    """float16 as float32; other arrays as they are."""
    return x.astype(FLOAT32) if x.dtype == FLOAT16 else x
