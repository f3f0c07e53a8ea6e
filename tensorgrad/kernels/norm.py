"""Batch normalisation on plain arrays. Axes: n image, c channel, x any number of spatial axes (none is fine).

Every statistic is a sum over n and x for each c. Arrays are taken as planes (p, c, m), see `layout`, in parts that fit
the cache: some p of all channels, or, where p is 1, some channels. The parts' sums are added in float64. The mean of
squares less the square of the mean loses all digits when the mean is large: values are then centred first, and gone
through again. Variances that are too large or too small for float32 raise OutOfRange: the operation then starts again
in float64.
"""

import numpy as np

from .buffers import scratch, zeros
from .layout import empty_like, planes
from .processes import helpers_for
from .row_sums import column_sums, row_dots, row_sums
from .sums import plane_parts
from .threads import get_num_threads, run
from .windows import Array, work_dtype

FLOAT16, FLOAT32 = np.dtype(np.float16), np.dtype(np.float32)  # dtypes compare sooner with these than with types

# The variances that float32 arrays may have. Their squares overflow only where the variance is 3.4e38, but the second
# derivative holds its power -1.5 and the third its power -2.5, which here stay between 1e-35 and 1e35.
LEAST_VARIANCE, MOST_VARIANCE = 1e-14, 1e14
PIECE_BYTES = 1 << 19  # of a piece, in the cache: fastest where no thread of Python waits for another
WORK = 16  # multiplications that take as long as to go through a value
NEAR = 16  # times the variance: the most that the square of a mean may be which is not subtracted first
ALONE = 128  # values: of so many the square of the mean may be the variance at most
ROW, PLANES = 64, 16  # values of a row, and planes, whose sums are taken in float32
LEAST_ROW = 32  # values: dot products of shorter rows take longer than an array of the products and its sums


class OutOfRange(ArithmeticError):
    """A float32 array has variances with which float32 cannot work: it is to be cast to float64."""


def batch_norm(x: Array, weight: Array | None, bias: Array | None, eps: float) -> tuple[Array, Array, Array]:
    """Bring each channel to mean 0 and variance 1, then scale by weight and shift by bias: (result, mean, variance).

    The variance is the biased one. float16 is computed in float32, and its mean and variance are returned as float32:
    a variance beyond 65504 is ordinary. An empty batch has mean and variance 0. Raises OutOfRange in float32.
    """
    work = work_dtype(x.dtype)
    blocks = planes(x)
    parts = plane_parts(blocks)
    channels = blocks.shape[1]
    count = max(1, blocks.size // max(1, channels))

    def moments(middle: Array | None) -> tuple[Array, Array]:
        """The means of x - middle, or of x, and of its squares, for each channel."""
        sums = zeros((2, len(parts), channels))

        def add(number: int) -> None:
            p, c = parts[number]
            block = blocks[p, c].astype(work, copy=False)
            if middle is not None:
                block = np.subtract(block, middle[c], out=scratch("centred", block.shape, work))
            sums[0, number, c] = _sums(block)
            sums[1, number, c] = _dots(block, block)

        run(add, len(parts), WORK * x.size, writes=(sums,))
        first, second = sums.sum(1) / count
        return first, second

    centre, middle = np.zeros(channels, work), None
    with np.errstate(over="ignore", invalid="ignore"):
        offset, square = moments(None)
        var = square - offset * offset
    if not _is_near(offset, var, count):
        # The corrected two-pass formula (Chan, Golub and LeVeque, The American Statistician 37, 1983): what rounding
        # took from the mean, `offset`, corrects the result and the variance.
        with quiet(x.dtype):
            centre = offset.astype(work)
            middle = _along(centre, blocks)
            offset, square = moments(middle)
            var = np.maximum(square - offset * offset, 0)
    check_range(x.dtype, var, eps)
    spread = var + eps
    scale = 1 / np.sqrt(spread)
    if weight is not None:
        scale *= weight
    shift = -offset * scale
    if bias is not None:
        shift += bias
    steep, shift = (_along(v.astype(work), blocks) for v in (scale, shift))
    out = empty_like(x, x.shape, x.dtype)
    results = planes(out, like=x)
    pieces = _pieces(blocks, out)

    def write(number: int) -> None:
        p, c = pieces[number]
        block = results[p, c] if x.dtype == work else scratch("centred", results[p, c].shape, work)
        from_middle = blocks[p, c] if middle is None else np.subtract(blocks[p, c], middle[c], out=block)
        np.multiply(from_middle, steep[c], out=block)
        block += shift[c]
        if x.dtype != work:
            results[p, c] = block

    run(write, len(pieces), WORK * x.size, writes=(out,))
    return out, (centre + offset).astype(work), var.astype(work)


def batch_norm_grad(
    g: Array, x: Array, weight: Array | None, mean: Array, var: Array, eps: float
) -> tuple[Array, Array, Array]:
    """The gradients of x, weight and bias through the result, its mean and variance included.

    With xhat the normalised x: gb = sum g, gw = sum g*xhat, gx = weight/std * (g - mean(g) - xhat * mean(g*xhat)).
    """
    work = work_dtype(x.dtype)
    blocks, shares = planes(x), planes(g, like=x)
    parts = plane_parts(blocks)
    channels = blocks.shape[1]
    count = max(1, blocks.size // max(1, channels))
    is_near = _is_near(mean.astype(np.float64), var.astype(np.float64), count)
    middle = None if is_near else _along(mean.astype(work), blocks)
    sums = zeros((3, len(parts), channels))

    def add(number: int) -> None:
        p, c = parts[number]
        share, block = (v[p, c].astype(work, copy=False) for v in (shares, blocks))
        if middle is not None:
            block = np.subtract(block, middle[c], out=scratch("centred", block.shape, work))
        sums[0, number, c] = _sums(share)
        sums[1, number, c] = _sums(block)
        sums[2, number, c] = _dots(share, block)

    run(add, len(parts), WORK * x.size, writes=(sums,))
    gb, offset, gw = sums.sum(1)
    spread = var.astype(np.float64) + eps
    rstd = 1 / np.sqrt(spread)
    # The mean of x - middle, or of x. What rounding took from `mean` is nothing to x, but gb times it is much to gw
    # when all of g has one sign.
    offset /= count
    gw = (gw - offset * gb) * rstd
    # gx = scale * (g - (slope * (x - middle) + level))
    slope = rstd * gw / count
    level = gb / count - slope * offset
    scale = rstd if weight is None else rstd * weight
    scale, slope, level = (_along(v.astype(work), blocks) for v in (scale, slope, level))
    gx = empty_like(x, x.shape, x.dtype)
    results = planes(gx, like=x)
    pieces = _pieces(blocks, gx)

    def write(number: int) -> None:
        p, c = pieces[number]
        block = results[p, c] if x.dtype == work else scratch("centred", results[p, c].shape, work)
        from_middle = blocks[p, c] if middle is None else np.subtract(blocks[p, c], middle[c], out=block)
        np.multiply(from_middle, slope[c], out=block)
        block += level[c]
        np.subtract(shares[p, c], block, out=block)
        block *= scale[c]
        if x.dtype != work:
            results[p, c] = block

    run(write, len(pieces), WORK * x.size, writes=(gx,))
    return gx, gw.astype(g.dtype), gb.astype(g.dtype)


def affine_channel(x: Array, weight: Array, bias: Array | None) -> Array:
    """x * weight + bias, one of each a channel; a part is shifted while it is in the cache."""
    out = empty_like(x, x.shape, x.dtype)
    blocks, results = planes(x), planes(out, like=x)
    pieces = _pieces(blocks, out)
    scale, shift = _along(weight, blocks), None if bias is None else _along(bias, blocks)

    def write(number: int) -> None:
        p, c = pieces[number]
        block = results[p, c]
        np.multiply(blocks[p, c], scale[c], out=block)
        if shift is not None:
            block += shift[c]

    run(write, len(pieces), WORK * x.size, writes=(out,))
    return out


def check_range(dtype: np.dtype, var: Array, eps: float) -> None:
    """Raise OutOfRange if the variances of a float32 array are beyond its range. nan is: it may come of an overflow."""
    if dtype != FLOAT32:
        return
    if not ((var < MOST_VARIANCE).all() and (eps >= LEAST_VARIANCE or (var > LEAST_VARIANCE).all())):
        raise OutOfRange


def quiet(dtype: np.dtype) -> np.errstate:
    """No warnings from statistics in float32, as they are computed again in float64 where they overflow."""
    return np.errstate(over="ignore", invalid="ignore") if dtype == FLOAT32 else np.errstate()


def _pieces(blocks: Array, out: Array) -> tuple[tuple[slice, slice], ...]:
    """Parts for what writes each value by itself: the same values however they are cut, so short ones if that pays."""
    alone = get_num_threads() == 1 or helpers_for((out,)) is not None
    return plane_parts(blocks, PIECE_BYTES if alone else None)


def _is_near(mean: Array, var: Array, count: int) -> bool:
    """Whether no mean is farther from 0 than some standard deviations, so that it need not be subtracted first.

    Sums of x and of its squares are then off by little; the more values there are, the more of that cancels.
    """
    most = min(NEAR, count / ALONE)
    return bool(((mean * mean <= most * var) & (var < MOST_VARIANCE)).all())


def _sums(block: Array) -> Array:
    """The sum over the planes of a part and within them, for each channel: (p, c, m) to (c), in float64."""
    p, c, m = block.shape
    if p == 1:
        return row_sums(block[0], ROW, np.float64)
    return column_sums(block.reshape(p, c * m), PLANES if m >= LEAST_ROW else 2 * PLANES).reshape(c, m).sum(1)


def _dots(x: Array, y: Array) -> Array:
    """The sums of x * y over the planes of a part and within them, for each channel: (p, c, m) to (c), in float64."""
    p, _, m = x.shape
    if p == 1 or m >= LEAST_ROW:
        return np.asarray(row_dots(x, y, ROW, np.float64).sum(0))
    return _sums(np.multiply(x, y, out=scratch("products", x.shape, x.dtype)))


def _along(values: Array, blocks: Array) -> Array:
    """A value for each channel as (c, m) or (c, 1): spread out where m is short, for whole planes to be one run."""
    p, c, m = blocks.shape
    return np.repeat(values, m).reshape(c, m) if p > 1 and m != 1 else values[:, None]
