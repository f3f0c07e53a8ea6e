"""Group normalisation of images that lie in pixels, as planes (p, c, n): p place, c channel, n image.

Sums over places are sums of planes, which are runs of c*n values; those over the channels of a group are then small.
Every factor of a value is one number for its channel and image, so it is applied to a whole plane. See `group_norm`
for the formulas, and for images that lie otherwise.
"""

import math

import numpy as np

from .buffers import scratch
from .layout import alike, empty_like, in_memory_order, planes
from .norm import MOST_VARIANCE, check_range, quiet
from .sums import place_sums, plane_parts
from .threads import COPY_WORK, run
from .windows import Array


def lies_in_pixels(x: Array) -> bool:
    """Whether images (n, c, *x) of float32 or float64 lie so: several of them, and of several places."""
    if x.dtype not in (np.float32, np.float64) or x.shape[0] < 2 or math.prod(x.shape[2:]) < 2:
        return False
    return in_memory_order(x)[-2:] == (1, 0) and x.size > 0


def group_norm(
    x: Array, weight: Array | None, bias: Array | None, groups: int, eps: float
) -> tuple[Array, Array, Array]:
    """(x - mean) / sqrt(variance + eps) * weight + bias, with the means and (biased) variances, both (n, group)."""
    blocks = planes(x)
    parts = plane_parts(blocks)
    count = blocks.shape[0] * blocks.shape[1] // groups

    def moments(centre: Array | None) -> tuple[Array, Array]:
        """The means of x - centre and of its squares, each (group, n)."""
        sums = np.zeros((2, len(parts), *blocks.shape[1:]))

        def add(number: int) -> None:
            block = blocks[parts[number]]
            work = scratch("centred", block.shape, x.dtype)
            if centre is not None:
                block = np.subtract(block, centre, out=work)
            sums[0, number] = place_sums(block)
            sums[1, number] = place_sums(np.multiply(block, block, out=work))

        run(add, len(parts), COPY_WORK * x.size)
        first, second = (_over_groups(s, groups) / count for s in sums.sum(1))
        return first, second

    with np.errstate(over="ignore", invalid="ignore"):
        offset, square = moments(None)
        var = square - offset * offset
        is_near = bool(((offset * offset <= var) & (var < MOST_VARIANCE)).all())
    centre = np.zeros((1, 1), x.dtype)
    if not is_near:
        with quiet(x.dtype):
            centre = offset.astype(x.dtype)
            offset, square = moments(_to_channels(centre, blocks))
            var = np.maximum(square - offset * offset, 0)
    check_range(x.dtype, var, eps)
    steep = _to_channels(1 / np.sqrt(var + eps), blocks)
    if weight is not None:
        steep = steep * weight[:, None]
    shift = -_to_channels(offset, blocks) * steep
    if bias is not None:
        shift += bias[:, None]
    steep, shift = steep.astype(x.dtype), shift.astype(x.dtype)
    middle = None if is_near else _to_channels(centre, blocks)
    out = empty_like(x, x.shape, x.dtype)
    results = planes(out, like=x)

    def write(number: int) -> None:
        block, result = blocks[parts[number]], results[parts[number]]
        np.multiply(block if middle is None else np.subtract(block, middle, out=result), steep, out=result)
        result += shift

    run(write, len(parts), COPY_WORK * x.size)
    mean = (centre + offset).T.astype(x.dtype)
    return out, np.ascontiguousarray(mean), np.ascontiguousarray(var.T.astype(x.dtype))


def group_norm_grad(
    g: Array, x: Array, weight: Array | None, mean: Array, var: Array, groups: int, eps: float
) -> tuple[Array, Array, Array]:
    """The gradients of x, weight and bias, through the means and variances too."""
    blocks, shares = planes(x), planes(alike(g, x), like=x)
    parts = plane_parts(blocks)
    count = blocks.shape[0] * blocks.shape[1] // groups
    centre = _to_channels(mean.T, blocks)
    sums = np.zeros((3, len(parts), *blocks.shape[1:]))

    def add(number: int) -> None:
        share = shares[parts[number]]
        centred = scratch("centred", share.shape, x.dtype)
        np.subtract(blocks[parts[number]], centre, out=centred)
        sums[0, number] = place_sums(centred)
        sums[1, number] = place_sums(share)
        centred *= share
        sums[2, number] = place_sums(centred)

    run(add, len(parts), COPY_WORK * x.size)
    first, plain, along = sums.sum(1)
    scale = _to_channels(1 / np.sqrt(var.T.astype(np.float64) + eps), blocks)
    offset = _to_channels(_over_groups(first, groups) / count, blocks)  # what rounding took from the mean
    along = (along - offset * plain) * scale  # with xhat
    gw, gb = along.sum(1), plain.sum(1)
    steep = scale
    if weight is not None:
        wide = weight[:, None].astype(np.float64)
        steep, plain, along = scale * wide, plain * wide, along * wide
    # gx = steep * g - (slope * (x - mean) + level)
    slope = scale * scale * _to_channels(_over_groups(along, groups) / count, blocks)
    level = scale * _to_channels(_over_groups(plain, groups) / count, blocks) - slope * offset
    steep, slope, level = (v.astype(x.dtype) for v in (steep, slope, level))
    gx = empty_like(x, x.shape, x.dtype)
    results = planes(gx, like=x)

    def write(number: int) -> None:
        result = results[parts[number]]
        centred = scratch("centred", result.shape, x.dtype)
        np.subtract(blocks[parts[number]], centre, out=centred)
        centred *= slope
        centred += level
        np.multiply(shares[parts[number]], steep, out=result)
        result -= centred

    run(write, len(parts), COPY_WORK * x.size)
    return gx, gw.astype(g.dtype), gb.astype(g.dtype)


def _over_groups(sums: Array, groups: int) -> Array:
    """Sums for each channel (c, n) added up in each group: (group, n)."""
    return np.asarray(sums.reshape(groups, -1, sums.shape[1]).sum(1))


def _to_channels(values: Array, blocks: Array) -> Array:
    """What belongs to groups (group, n), for each channel: (c, n)."""
    return np.repeat(values, blocks.shape[1] // len(values), 0)
