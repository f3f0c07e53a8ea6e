"""Resizing of images on plain arrays, for any number of spatial axes: a linear map and its adjoint.

Along one axis, each pixel of the result is a weighted sum of one ("nearest"), two ("linear") or four ("cubic") pixels
of the image; with several axes the weights multiply, so one axis is resized after the other. Where a result's pixel
lies in the image, and the rounding of that, follow PyTorch (aten/src/ATen/native/UpSample.h).
"""

import numpy as np

from .axes import along, spread
from .buffers import scratch
from .layout import empty_like, in_memory_order
from .threads import run
from .windows import Array, Ints, work_dtype

Scales = tuple[float | None, ...] | None
Taps = list[tuple[Array, Array | None]]
PART_BYTES = 1 << 19  # of a result, in the cache
WORK = 8  # multiplications that take as long as to read and weight a value


def interpolate(x: Array, size: Ints, mode: str, align_corners: bool, scales: Scales) -> Array:
    """(n, c, *x) resized to (n, c, *size). float16 is computed in float32."""
    out = x.astype(work_dtype(x.dtype), copy=False)
    for axis, taps in _taps_of_axes(x.shape[2:], size, mode, align_corners, scales, out.dtype):
        out = _resized(out, axis, taps)
    return out.astype(x.dtype, copy=False)


def _resized(x: Array, axis: int, taps: Taps) -> Array:
    """One axis resized, by parts along the axis that is outermost in memory: each is read, weighted and added up."""
    order, count = in_memory_order(x), len(taps[0][0])
    at = order.index(axis)
    out = empty_like(x, (*x.shape[:axis], count, *x.shape[axis + 1 :]), x.dtype)
    source, target = x.transpose(order), out.transpose(order)
    step = max(1, len(target) * PART_BYTES // max(1, target.nbytes))

    def part(number: int) -> None:
        some = slice(number * step, (number + 1) * step)
        result, inner = target[some], source if at == 0 else source[some]
        for tap, (index, weight) in enumerate(taps):
            if at == 0:
                index, weight = index[some], None if weight is None else weight[some]
            read = scratch("read", result.shape, x.dtype) if tap else result
            np.take(inner, index, at, out=read, mode="clip")  # in range: "raise" would copy the result
            if weight is not None:
                read *= along(weight, at, x.ndim)
            if tap:
                result += read

    run(part, -(-len(target) // step), WORK * len(taps) * out.size)
    return out


def interpolate_adjoint(g: Array, shape: Ints, mode: str, align_corners: bool, scales: Scales) -> Array:
    """Give each pixel of the image, of `shape`, its share of all that were computed from it."""
    out = g.astype(work_dtype(g.dtype), copy=False)
    for axis, taps in _taps_of_axes(shape[2:], g.shape[2:], mode, align_corners, scales, out.dtype):
        shares = [spread(_scaled(out, weight, axis), index, shape[axis], axis) for index, weight in taps]
        out = sum(shares[1:], shares[0])
    return out.astype(g.dtype, copy=False)


def _taps_of_axes(
    size: Ints, out_size: Ints, mode: str, align_corners: bool, scales: Scales, dtype: np.dtype
) -> list[tuple[int, Taps]]:
    factors = scales or (None,) * len(size)
    every = zip(size, out_size, factors, strict=True)
    return [(axis, taps(n, out, mode, align_corners, scale, dtype)) for axis, (n, out, scale) in enumerate(every, 2)]


def taps(size: int, out: int, mode: str, align_corners: bool, scale: float | None, dtype: np.dtype) -> Taps:
    """For an axis of `size` pixels resized to `out`: the pixels read, and their weights (None: 1), tap by tap.

    One step in the result is 1/scale in the image, or size/out if no scale is given, or (size - 1)/(out - 1) with
    `align_corners`. All is computed in float32 for images of float32, so that pixels fall to the same side as in
    PyTorch.
    """
    real = dtype.type if dtype.kind == "f" else np.float32
    last = size - 1
    step = real(1 / scale) if scale else real(size) / real(out)
    number = np.arange(out).astype(real)
    if mode == "nearest":
        return [(np.minimum(np.floor((number * step).astype(np.float32)).astype(np.int64), last), None)]
    if align_corners:
        place = number * (real(last) / real(out - 1) if out > 1 else real(0))
    else:  # in float64 and then rounded, as the processor's multiply-add does
        place = ((number.astype(np.float64) + 0.5) * step - 0.5).astype(real)
    if mode != "cubic":
        place = np.maximum(place, real(0))
    if mode == "nearest-exact":
        return [(np.minimum(np.floor((place + real(0.5)).astype(np.float32)).astype(np.int64), last), None)]
    first = np.minimum(np.floor(place).astype(np.int64), last)
    t = np.clip(place - first.astype(real), real(0), real(1))
    if mode == "linear":
        return [(first, 1 - t), (np.minimum(first + 1, last), t)]
    weights = [_outer(t + 1), _inner(t), _inner(1 - t), _outer(2 - t)]
    return [(np.clip(first + i - 1, 0, last), weight) for i, weight in enumerate(weights)]


A = -0.75  # the slope of the cubic kernel at distance 1; Keys, Cubic convolution interpolation (1981), takes -0.5


def _inner(d: Array) -> Array:
    """The cubic kernel at distances 0 to 1."""
    return ((A + 2) * d - (A + 3)) * d * d + 1


def _outer(d: Array) -> Array:
    """The cubic kernel at distances 1 to 2."""
    return ((A * d - 5 * A) * d + 8 * A) * d - 4 * A


def _scaled(x: Array, weight: Array | None, axis: int) -> Array:
    return x if weight is None else x * along(weight, axis, x.ndim)
