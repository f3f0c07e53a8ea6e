"""Batch normalisation on plain arrays. Axes: n image, c channel, x any number of spatial axes (none is fine).

Every statistic is a sum over n and x for each c. Both functions walk through the images in chunks that fit the cache
and add the chunks' sums in float64. Variances are taken from centred values: the mean of squares less the square of the
mean loses all digits when the mean is large. Variances that are too large or too small for float32 raise OutOfRange:
the operation then starts again in float64.
"""

from collections.abc import Iterator

import numpy as np

from .sums import wide_sum
from .windows import Array

CHUNK_BYTES = 1 << 19
FLOAT16, FLOAT32 = np.dtype(np.float16), np.dtype(np.float32)  # dtypes compare sooner with these than with types

# The variances that float32 arrays may have. Their squares overflow only where the variance is 3.4e38, but the second
# derivative holds its power -1.5 and the third its power -2.5, which here stay between 1e-35 and 1e35.
LEAST, MOST = 1e-14, 1e14


class OutOfRange(ArithmeticError):
    """A float32 array has variances with which float32 cannot work: it is to be cast to float64."""


def batch_norm(x: Array, weight: Array | None, bias: Array | None, eps: float) -> tuple[Array, Array, Array]:
    """Bring each channel to mean 0 and variance 1, then scale by weight and shift by bias: (result, mean, variance).

    The variance is the biased one. float16 is computed in float32, and its mean and variance are returned as float32:
    a variance beyond 65504 is ordinary. An empty batch has mean and variance 0. Raises OutOfRange in float32.
    """
    # The corrected two-pass formula (Chan, Golub and LeVeque, The American Statistician 37, 1983): `centre` is the mean
    # rounded to the dtype of x, and what is left of the mean, `offset`, corrects the result and the variance.
    count = _count(x)
    work = _wide(x[:0]).dtype
    total, first, second = (np.zeros(x.shape[1]) for _ in range(3))
    with quiet(x.dtype):
        for n in _chunks(x):
            total += _channel_sum(_wide(x[n]))
        centre = (total / count).astype(work)
        for n in _chunks(x):
            centred = _wide(x[n]) - _per_channel(centre, x)
            first += _channel_sum(centred)
            second += _channel_sum(centred * centred)
        offset = first / count
        var = np.maximum(second / count - offset * offset, 0)
    check_range(x.dtype, var, eps)
    scale = 1 / np.sqrt(var + eps)
    if weight is not None:
        scale *= weight
    shift = -offset * scale
    if bias is not None:
        shift += bias
    scale, shift = _per_channel(scale.astype(work), x), _per_channel(shift.astype(work), x)
    out = np.empty_like(x)
    for n in _chunks(x):
        centred = _wide(x[n]) - _per_channel(centre, x)
        centred *= scale
        centred += shift
        out[n] = centred
    return out, (centre + offset).astype(work), var.astype(work)


def batch_norm_grad(
    g: Array, x: Array, weight: Array | None, mean: Array, var: Array, eps: float
) -> tuple[Array, Array, Array]:
    """The gradients of x, weight and bias through the result, its mean and variance included.

    With xhat the normalised x: gb = sum g, gw = sum g*xhat, gx = weight/std * (g - mean(g) - xhat * mean(g*xhat)).
    """
    work = _wide(x[:0]).dtype
    centre = _per_channel(mean.astype(work), x)
    rstd = 1 / np.sqrt(var.astype(np.float64) + eps)
    gb, gw, offset = (np.zeros(x.shape[1]) for _ in range(3))
    for n in _chunks(x):
        block = _wide(g[n])
        gb += _channel_sum(block)
        centred = _wide(x[n]) - centre
        offset += _channel_sum(centred)
        centred *= block
        gw += _channel_sum(centred)
    # What rounding took from the mean: nothing to x, but gb times it is much to gw when all of g has one sign.
    count = _count(x)
    offset /= count
    gw = (gw - offset * gb) * rstd
    scale = rstd if weight is None else rstd * weight
    # gx = scale * g - slope * (x - mean) - level
    steep = scale * rstd * gw / count
    slope = _per_channel(steep.astype(work), x)
    level = _per_channel((scale * gb / count - steep * offset).astype(work), x)
    scale = _per_channel(scale.astype(work), x)
    gx = np.empty_like(x)
    for n in _chunks(x):
        block = _wide(g[n]) * scale
        centred = _wide(x[n]) - centre
        centred *= slope
        block -= centred
        block -= level
        gx[n] = block
    return gx, gw.astype(g.dtype), gb.astype(g.dtype)


def check_range(dtype: np.dtype, var: Array, eps: float) -> None:
    """Raise OutOfRange if the variances of a float32 array are beyond its range. nan is: it may come of an overflow."""
    if dtype == FLOAT32 and not ((var < MOST).all() and (eps >= LEAST or (var > LEAST).all())):
        raise OutOfRange


def quiet(dtype: np.dtype) -> np.errstate:
    """No warnings from statistics in float32, as they are computed again in float64 where they overflow."""
    return np.errstate(over="ignore", invalid="ignore") if dtype == FLOAT32 else np.errstate()


def _chunks(x: Array) -> Iterator[slice]:
    """Slices of images of about CHUNK_BYTES each."""
    images = x.shape[0]
    step = max(1, CHUNK_BYTES * images // max(1, x.size * x.itemsize))
    return (slice(n, n + step) for n in range(0, images, step))


def _channel_sum(x: Array) -> Array:
    return wide_sum(x, (0, *range(2, x.ndim)))


def _per_channel(values: Array, x: Array) -> Array:
    """A value per channel, ready to broadcast over x."""
    return values.reshape(-1, *(1,) * (x.ndim - 2))


def _wide(x: Array) -> Array:
    """float16 as float32; other arrays as they are."""
    return x.astype(FLOAT32) if x.dtype == FLOAT16 else x


def _count(x: Array) -> int:
    """Elements per channel, but 1 for none, so that an empty batch divides by something."""
    return max(1, x[:, :1].size)
