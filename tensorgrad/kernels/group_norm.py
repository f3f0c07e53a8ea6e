"""Normalisation within an image, on plain arrays. Axes: n image, c channel, x any number of spatial axes (or none).

The channels of an image lie in equal groups, and each group's values, m of them, are one row (n, group, m) that is
brought to mean 0 and variance 1. Layer normalisation is the case of one group and no spatial axes, instance
normalisation that of a group for each channel. Images are taken in chunks that fit the cache; float16 is computed in
float32. Means and variances are corrected as in `norm.py`, unless all means are below the standard deviations: then the
mean of squares less the square of the mean loses one bit at most. Variances that are too large or too small for float32
raise OutOfRange.

Images that lie in pixels are for `group_norm_pixels`. Others with places have planes (n, c, p): weight and bias are one
number for each, and go into what the plane is scaled and shifted by. Without places, weight and bias are vectors beside
rows (n, c).
"""

import math

import numpy as np

from . import group_norm_pixels
from .buffers import empty, scratch
from .layout import alike, contiguous
from .norm import FLOAT16, FLOAT32, MOST_VARIANCE, check_range, quiet
from .row_sums import column_sums, row_dots, row_sums
from .threads import run
from .windows import Array, work_dtype

CHUNK_BYTES = 1 << 20
WORK = 16  # multiplications that take as long as to normalise a value


def group_norm(
    x: Array, weight: Array | None, bias: Array | None, groups: int, eps: float
) -> tuple[Array, Array, Array]:
    """(x - mean) / sqrt(variance + eps) * weight + bias, with the means and (biased) variances, both (n, group)."""
    if group_norm_pixels.lies_in_pixels(x):
        return group_norm_pixels.group_norm(x, weight, bias, groups, eps)
    given, x = x, contiguous(x)
    out = empty(x.shape, x.dtype)
    mean, var = np.zeros((2, x.shape[0], groups), work_dtype(x.dtype))
    weight, bias = (None if v is None else _wide(v) for v in (weight, bias))
    chunks = _chunks(x)

    def write(number: int) -> None:
        n = chunks[number]
        rows, normal = _rows(x[n], groups), _target(out[n], groups)
        centre = np.zeros((), rows.dtype)
        with np.errstate(over="ignore", invalid="ignore"):
            offset = _over(row_sums(rows), rows)
            variance = _over(row_dots(rows, rows), rows) - offset * offset
            is_near = bool(((offset * offset <= variance) & (variance < MOST_VARIANCE)).all())
        if not is_near:
            with quiet(x.dtype):
                centre = offset.astype(rows.dtype)
                rows = np.subtract(rows, centre, out=normal)
                offset = _over(row_sums(rows), rows)
                variance = np.maximum(_over(row_dots(rows, rows), rows) - offset * offset, 0)
        check_range(x.dtype, variance, eps)
        mean[n], var[n] = (centre + offset)[..., 0], variance[..., 0]
        _affine(rows, normal, offset, 1 / np.sqrt(variance + eps), weight, bias, x.shape[1])
        _write_back(out[n], normal)

    run(write, len(chunks), WORK * x.size)
    return alike(out, given), mean, var


def _affine(
    rows: Array, out: Array, mean: Array, scale: Array, weight: Array | None, bias: Array | None, channels: int
) -> None:
    """Write (rows - mean) * scale * weight + bias, of images with so many channels."""
    images, groups, count = rows.shape
    if count * groups != channels:
        steep = scale if weight is None else scale * weight.reshape(groups, -1)
        shift = -mean * steep if bias is None else bias.reshape(groups, -1) - mean * steep
        np.multiply(_planes(rows, steep), _per_plane(steep, rows), out=_planes(out, steep))
        _planes(out, shift)[...] += _per_plane(shift, rows)
        return
    np.multiply(rows, scale.astype(rows.dtype), out=out)
    out -= (mean * scale).astype(rows.dtype)
    block = out.reshape(images, channels)
    if weight is not None:
        block *= weight
    if bias is not None:
        block += bias


def group_norm_grad(
    g: Array, x: Array, weight: Array | None, mean: Array, var: Array, groups: int, eps: float
) -> tuple[Array, Array, Array]:
    """The gradients of x, weight and bias through the result, its means and variances included.

    With xhat the normalised x and h = g * weight: gb = sum g, gw = sum g*xhat, and in each row
    gx = (h - mean(h) - xhat * mean(h*xhat)) / std.
    """
    if group_norm_pixels.lies_in_pixels(x):
        return group_norm_pixels.group_norm_grad(g, x, weight, mean, var, groups, eps)
    given, g, x = x, contiguous(g), contiguous(x)
    gx = empty(x.shape, x.dtype)
    if not x.size:
        return gx, np.zeros(x.shape[1], g.dtype), np.zeros(x.shape[1], g.dtype)
    weight = None if weight is None else _wide(weight)
    chunks = _chunks(x)
    sums = np.zeros((len(chunks), 2, x.shape[1]))
    share_of = _rows_grad if math.prod(x.shape[2:]) == 1 else _planes_grad

    def write(number: int) -> None:
        n = chunks[number]
        rows, share = _rows(x[n], groups), _target(gx[n], groups)
        centred = scratch("centred", rows.shape, rows.dtype)
        np.subtract(rows, mean[n][..., None], out=centred)
        offset = _over(row_sums(centred), rows)  # what rounding took from the mean
        scale = 1 / np.sqrt(var[n][..., None].astype(np.float64) + eps)
        sums[number] = share_of(_rows(g[n], groups), centred, offset, scale, weight, share, x.shape[1])
        _write_back(gx[n], share)

    run(write, len(chunks), WORK * x.size)
    gw, gb = sums.sum(0)
    return alike(gx, given), gw.astype(g.dtype), gb.astype(g.dtype)


def _planes_grad(
    g: Array, centred: Array, offset: Array, scale: Array, weight: Array | None, gx: Array, channels: int
) -> tuple[Array, Array]:
    """Write the gradient of x, in planes, and return the sums for weight and bias; `centred` is used up.

    All sums over rows are made of those over planes, where the weight is still to come.
    """
    images, groups, count = centred.shape
    planes = (images, groups, channels // groups, count * groups // channels)
    shares = g.reshape(planes)
    plain = row_sums(shares).astype(np.float64)
    along = (row_dots(shares, centred.reshape(planes)) - offset * plain) * scale  # with xhat
    sums = along.sum(0).reshape(-1), plain.sum(0).reshape(-1)
    if weight is None:
        steep = scale
    else:
        weight = weight.reshape(groups, -1)
        steep, plain, along = scale * weight, plain * weight, along * weight
    # gx = steep * g - (slope * centred + level)
    slope = scale * scale * (along.sum(2, keepdims=True) / max(1, count))
    level = scale * (plain.sum(2, keepdims=True) / max(1, count)) - slope * offset
    centred *= slope.astype(centred.dtype)
    centred += level.astype(centred.dtype)
    np.multiply(_planes(g, steep), _per_plane(steep, g), out=_planes(gx, steep))
    gx -= centred
    return sums


def _rows_grad(
    g: Array, centred: Array, offset: Array, scale: Array, weight: Array | None, gx: Array, channels: int
) -> tuple[Array, Array]:
    """Write the gradient of x, in rows, and return the sums for weight and bias; `centred` is used up."""
    normal, (shares, block, result) = centred, (array.reshape(-1, channels) for array in (g, centred, gx))
    normal -= offset.astype(normal.dtype)
    normal *= scale.astype(normal.dtype)
    sums = column_sums(np.multiply(shares, block, out=result)), column_sums(shares)
    if weight is None:
        gx[...] = g
    else:
        np.multiply(shares, weight, out=result)
    # gx = scale * h - (slope * xhat + level)
    slope, level = scale * _over(row_dots(gx, normal), g), scale * _over(row_sums(gx), g)
    normal *= slope.astype(normal.dtype)
    normal += level.astype(normal.dtype)
    gx *= scale.astype(gx.dtype)
    gx -= normal
    return sums


def rms_norm(x: Array, weight: Array | None, eps: float) -> tuple[Array, Array]:
    """x / sqrt(mean(x*x) + eps) * weight in each row of x (n, c), and the mean squares (n, 1)."""
    given, x = x, contiguous(x)
    out = empty(x.shape, x.dtype)
    square = np.zeros((x.shape[0], 1), work_dtype(x.dtype))
    weight = None if weight is None else _wide(weight)
    chunks = _chunks(x)

    def write(number: int) -> None:
        n = chunks[number]
        rows, normal = _rows(x[n], 1), _target(out[n], 1)
        with quiet(x.dtype):
            mean = _over(row_dots(rows, rows), rows)
        check_range(x.dtype, mean, eps)
        square[n] = mean[..., 0]
        np.multiply(rows, (1 / np.sqrt(mean + eps)).astype(rows.dtype), out=normal)
        if weight is not None:
            normal *= weight
        _write_back(out[n], normal)

    run(write, len(chunks), WORK * x.size)
    return alike(out, given), square


def rms_norm_grad(g: Array, x: Array, weight: Array | None, square: Array, eps: float) -> tuple[Array, Array]:
    """The gradients of x and weight through the result, its mean squares included.

    With xhat the normalised x and h = g * weight: gw = sum g*xhat, gx = (h - xhat * mean(h*xhat)) / rms.
    """
    given, g, x = x, contiguous(g), contiguous(x)
    gx = empty(x.shape, x.dtype)
    weight = None if weight is None else _wide(weight)
    chunks = _chunks(x)
    sums = np.zeros((len(chunks), x.shape[1]))

    def write(number: int) -> None:
        n = chunks[number]
        rows, shares, result = _rows(x[n], 1), _rows(g[n], 1), _target(gx[n], 1)
        scale = (1 / np.sqrt(square[n][..., None].astype(np.float64) + eps)).astype(rows.dtype)
        normal = np.multiply(rows, scale, out=scratch("centred", rows.shape, rows.dtype))
        np.multiply(shares, normal, out=result)
        sums[number] = column_sums(result[:, 0])
        np.multiply(shares, 1 if weight is None else weight, out=result)
        normal *= _over(row_dots(result, normal), rows).astype(rows.dtype)
        result -= normal
        result *= scale
        _write_back(gx[n], result)

    run(write, len(chunks), WORK * x.size)
    return alike(gx, given), sums.sum(0).astype(g.dtype)


def _rows(x: Array, groups: int) -> Array:
    """The values of each image's groups: (n, group, m)."""
    return _wide(x).reshape(x.shape[0], groups, math.prod(x.shape[1:]) // max(groups, 1))


def _target(out: Array, groups: int) -> Array:
    """Where to write rows: the images themselves, or for float16 an array for `_write_back`."""
    shape = (out.shape[0], groups, math.prod(out.shape[1:]) // max(groups, 1))
    return out.reshape(shape) if out.dtype != FLOAT16 else scratch("rows", shape, FLOAT32)


def _write_back(out: Array, rows: Array) -> None:
    if out.dtype == FLOAT16:
        out[...] = rows.reshape(out.shape)


def _over(sums: Array, rows: Array) -> Array:
    """The means of rows from their sums, in float64, with an axis for their values; 0 for no values."""
    mean: Array = sums.astype(np.float64)[..., None] / max(1, rows.shape[-1])
    return mean


def _chunks(x: Array) -> list[slice]:
    """Slices of images of about CHUNK_BYTES each."""
    images = x.shape[0]
    step = max(1, CHUNK_BYTES * images // max(1, x.size * x.itemsize))
    return [slice(n, min(images, n + step)) for n in range(0, images, step)]


def _planes(rows: Array, values: Array) -> Array:
    """Rows cut into as many planes as there are values (n, group, c) for them: (n, group, c, p)."""
    images, groups, count = rows.shape
    return rows.reshape(images, groups, values.shape[2], count // values.shape[2])


def _per_plane(values: Array, rows: Array) -> Array:
    return values.astype(rows.dtype)[..., None]


def _wide(x: Array) -> Array:
    """float16 as float32; other arrays as they are."""
    return x.astype(FLOAT32) if x.dtype == FLOAT16 else x
