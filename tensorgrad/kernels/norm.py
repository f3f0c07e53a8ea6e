"""Batch normalisation on plain arrays. Axes: n image, c channel, x any number of spatial axes (none is fine).

Every statistic is a sum over n and x for each c. Arrays are taken as planes (p, c, m), see `layout`, in parts that fit
the cache: some p of all channels, or, where p is 1, some channels. The parts' sums are added in float64. Variances are
taken from centred values: the mean of squares less the square of the mean loses all digits when the mean is large.
Variances that are too large or too small for float32 raise OutOfRange: the operation then starts again in float64.
"""

import numpy as np

from .buffers import scratch
from .layout import alike, empty_like, planes
from .sums import plane_parts, plane_sums
from .threads import run
from .windows import Array, work_dtype

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
    # The corrected two-pass formula (Chan, Golub and LeVeque, The American Statistician 37, 1983): `centre` is a value
    # near the mean, that of a part, and what is left of the mean, `offset`, corrects the result and the variance.
    work = work_dtype(x.dtype)
    blocks = planes(x)
    parts = plane_parts(blocks)
    channels = blocks.shape[1]
    count = max(1, blocks.size // max(1, channels))
    centre = np.zeros(channels, work)
    firsts, seconds = np.zeros((2, len(parts), channels))

    def look(number: int) -> None:
        p, c = parts[number]
        block = blocks[p, c].astype(work, copy=False)
        if p.start == 0:
            centre[c] = plane_sums(block) / max(1, block.size // block.shape[1])

    def add(number: int) -> None:
        p, c = parts[number]
        centred = scratch("centred", blocks[p, c].shape, work)
        np.subtract(blocks[p, c], middle[c], out=centred)
        firsts[number, c] = plane_sums(centred)
        centred *= centred
        seconds[number, c] = plane_sums(centred)

    with quiet(x.dtype):
        run(look, len(parts) if blocks.shape[0] == 1 else min(1, len(parts)))
        middle = _along(centre, blocks)
        run(add, len(parts))
        offset = firsts.sum(0) / count
        var = np.maximum(seconds.sum(0) / count - offset * offset, 0)
    check_range(x.dtype, var, eps)
    scale = 1 / np.sqrt(var + eps)
    if weight is not None:
        scale *= weight
    shift = -offset * scale
    if bias is not None:
        shift += bias
    is_near = _is_near(centre + offset, var, eps)
    if is_near:  # x * scale + shift loses no digits then
        shift -= centre * scale
    steep, shift = (_along(v.astype(work), blocks) for v in (scale, shift))
    out = empty_like(x, x.shape, x.dtype)
    results = planes(out, like=x)

    def write(number: int) -> None:
        p, c = parts[number]
        block = results[p, c] if x.dtype == work else scratch("centred", results[p, c].shape, work)
        if is_near:
            np.multiply(blocks[p, c], steep[c], out=block)
        else:
            np.subtract(blocks[p, c], middle[c], out=block)
            block *= steep[c]
        block += shift[c]
        if x.dtype != work:
            results[p, c] = block

    run(write, len(parts))
    return out, (centre + offset).astype(work), var.astype(work)


def batch_norm_grad(
    g: Array, x: Array, weight: Array | None, mean: Array, var: Array, eps: float
) -> tuple[Array, Array, Array]:
    """The gradients of x, weight and bias through the result, its mean and variance included.

    With xhat the normalised x: gb = sum g, gw = sum g*xhat, gx = weight/std * (g - mean(g) - xhat * mean(g*xhat)).
    """
    work = work_dtype(x.dtype)
    x, g = alike(x, x), alike(g, x)
    blocks, shares = planes(x), planes(g, like=x)
    parts = plane_parts(blocks)
    channels = blocks.shape[1]
    count = max(1, blocks.size // max(1, channels))
    centre = _along(mean.astype(work), blocks)
    sums = np.zeros((3, len(parts), channels))

    def add(number: int) -> None:
        p, c = parts[number]
        share = shares[p, c].astype(work, copy=False)
        centred = scratch("centred", share.shape, work)
        np.subtract(blocks[p, c], centre[c], out=centred)
        sums[0, number, c] = plane_sums(share)
        sums[1, number, c] = plane_sums(centred)
        centred *= share
        sums[2, number, c] = plane_sums(centred)

    run(add, len(parts))
    gb, offset, gw = sums.sum(1)
    rstd = 1 / np.sqrt(var.astype(np.float64) + eps)
    # What rounding took from the mean: nothing to x, but gb times it is much to gw when all of g has one sign.
    offset /= count
    gw = (gw - offset * gb) * rstd
    scale = rstd if weight is None else rstd * weight
    # gx = scale * g - slope * (x - mean) - level
    slope = scale * rstd * gw / count
    level = scale * gb / count - slope * offset
    is_near = _is_near(mean.astype(np.float64), var, eps)
    if is_near:
        level -= slope * mean
    scale, slope, level = (_along(v.astype(work), blocks) for v in (scale, slope, level))
    gx = empty_like(x, x.shape, x.dtype)
    results = planes(gx, like=x)

    def write(number: int) -> None:
        p, c = parts[number]
        away = scratch("centred", shares[p, c].shape, work)
        if is_near:
            np.multiply(blocks[p, c], slope[c], out=away)
        else:
            np.subtract(blocks[p, c], centre[c], out=away)
            away *= slope[c]
        away += level[c]
        block = results[p, c] if x.dtype == work else scratch("block", away.shape, work)
        np.multiply(shares[p, c], scale[c], out=block)
        block -= away
        if x.dtype != work:
            results[p, c] = block

    run(write, len(parts))
    return gx, gw.astype(g.dtype), gb.astype(g.dtype)


def affine_channel(x: Array, weight: Array, bias: Array | None) -> Array:
    """x * weight + bias, one of each a channel; a part is shifted while it is in the cache."""
    out = empty_like(x, x.shape, x.dtype)
    blocks, results = planes(x), planes(out, like=x)
    parts = plane_parts(blocks)
    scale, shift = _along(weight, blocks), None if bias is None else _along(bias, blocks)

    def write(number: int) -> None:
        p, c = parts[number]
        block = results[p, c]
        np.multiply(blocks[p, c], scale[c], out=block)
        if shift is not None:
            block += shift[c]

    run(write, len(parts))
    return out


def check_range(dtype: np.dtype, var: Array, eps: float) -> None:
    """Raise OutOfRange if the variances of a float32 array are beyond its range. nan is: it may come of an overflow."""
    if dtype == FLOAT32 and not ((var < MOST).all() and (eps >= LEAST or (var > LEAST).all())):
        raise OutOfRange


def quiet(dtype: np.dtype) -> np.errstate:
    """No warnings from statistics in float32, as they are computed again in float64 where they overflow."""
    return np.errstate(over="ignore", invalid="ignore") if dtype == FLOAT32 else np.errstate()


def _is_near(mean: Array, var: Array, eps: float) -> bool:
    """Whether no mean is farther from 0 than a few standard deviations, so that it need not be subtracted first."""
    return bool((mean * mean <= 16 * (var.astype(np.float64) + eps)).all())


def _along(values: Array, blocks: Array) -> Array:
    """A value for each channel as (c, m) or (c, 1): spread out where m is short, for whole planes to be one run."""
    p, _, m = blocks.shape
    return np.repeat(values, m).reshape(-1, m) if p > 1 else values[:, None]
