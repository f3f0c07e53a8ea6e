"""Cross-correlation and its two gradients on plain arrays, for any number of spatial axes.

Axes: n image, g group, c channel in (within its group), o channel out (within its group), k kernel place, y window,
x pixel; k, y and x stand for one axis per spatial dimension. Images are (n, g*c, *x), weights (g*o, c, *k), results
(n, g*o, *y), all lying in memory as `layout` says.

The three functions are the derivatives of one form in three factors, the sum over n o y c k of result[n, o, y] *
weight[o, c, k] * image[n, c, y*stride + k*dilation - before]: each is linear in two of them, so each is the others'
gradient.
"""

import functools
import itertools
import math

import numpy as np

from . import choose, gathered
from .buffers import empty
from .choose import by_pixels
from .layout import as_pixels, channels, face_of_channels, face_of_pixels, pixels
from .windows import Array, Ints

Pads = tuple[tuple[int, int], ...]


@functools.lru_cache(4096)
def conv_output_size(size: Ints, kernel: Ints, stride: Ints, padding: Pads, dilation: Ints) -> Ints:
    """The number of windows along each spatial axis; zero or less where no window fits."""
    return tuple(
        (n + sum(p) - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(size, kernel, stride, padding, dilation, strict=True)
    )


def conv(
    x: Array, weight: Array, stride: Ints, padding: Pads, dilation: Ints, groups: int, bias: Array | None = None
) -> Array:
    """Slide the filters over the images: (n, g*c, *x) with (g*o, c, *k) to (n, g*o, *y), and add a bias (g*o).

    float16 sums in float32.
    """
    weight = np.ascontiguousarray(weight)  # or the same filters in another order of memory would give other bits
    size = conv_output_size(x.shape[2:], weight.shape[2:], stride, padding, dilation)
    before = _before(padding)
    if by_pixels(x.shape[0], x.shape[2:], x.dtype, weight.shape, dilation, groups):
        out = empty((*size, weight.shape[0], x.shape[0]), x.dtype)
        choose.correlate(pixels(x), weight, bias, out, stride, before, dilation, groups)
        return face_of_pixels(out)
    out = empty((weight.shape[0], *size, x.shape[0]), x.dtype)
    choose.correlate_few(channels(x), weight, bias, out, stride, before, dilation, groups)
    return face_of_channels(out)


def conv_input_grad(
    g: Array, weight: Array, shape: Ints, stride: Ints, padding: Pads, dilation: Ints, groups: int
) -> Array:
    """Each pixel's gradient, from all windows that read it: an array of the images' `shape`.

    Also transposed convolution, for every `shape` that `conv` maps to the size of `g`; pixels no window reads get zero.

    Pixel x is read by window y at place k where y*stride = x + before - k*dilation. For the pixels with one remainder
    by the stride, these are always the same places: their gradient is a plain correlation of g with the filters of
    these places, turned round. So nothing is scattered, and there are as many correlations as remainders.
    """
    weight = np.ascontiguousarray(weight)
    in_pixels = by_pixels(shape[0], shape[2:], g.dtype, weight.shape, dilation, groups)
    is_tiled = weight.shape[2:] == stride and groups == math.prod(dilation) == 1 and not any(map(any, padding))
    if in_pixels and is_tiled and math.prod(stride) > 1:
        return face_of_pixels(_tiled_input_grad(pixels(g), weight, shape))
    if in_pixels:
        windows, gx = pixels(g), empty((*shape[2:], shape[1], shape[0]), g.dtype)
        if choose.input_grad_is_gathered(windows.shape, weight.shape, shape[2:], g.dtype, stride, dilation, groups):
            gathered.input_grad(windows, weight, gx, stride, _before(padding))
            return face_of_pixels(gx)
    else:
        windows, gx = channels(g), empty((*shape[1:], shape[0]), g.dtype)
    each = weight.reshape(groups, weight.shape[0] // groups, *weight.shape[1:]).swapaxes(1, 2)
    turned = each[0] if groups == 1 else each.reshape(shape[1], weight.shape[0] // groups, *weight.shape[2:])  # g*c o k
    axes = [
        [_turned_places(r, *axis) for r in range(axis[1])]
        for axis in zip(weight.shape[2:], stride, _before(padding), dilation, strict=True)
    ]
    one = (1,) * len(stride)
    for remainders in itertools.product(*map(range, stride)):
        some = tuple(slice(r, None, s) for r, s in zip(remainders, stride, strict=True))
        target = gx[some] if in_pixels else gx[(slice(None), *some)]
        places, before, steps = zip(*(axis[r] for axis, r in zip(axes, remainders, strict=True)), strict=True)
        if any(p is None for p in places):
            target[...] = 0
        elif target.size:
            filters = turned[:, :, *places]
            if in_pixels:
                choose.correlate(windows, filters, None, target, one, before, steps, groups)
            else:
                choose.correlate_few(windows, filters, None, target, one, before, steps, groups)
    return face_of_pixels(gx) if in_pixels else face_of_channels(gx)


def conv_weight_grad(
    g: Array, x: Array, shape: Ints, stride: Ints, padding: Pads, dilation: Ints, groups: int
) -> Array:
    """Each filter weight's gradient, summed over images and windows: an array of the weight's `shape`."""
    before = _before(padding)
    if by_pixels(x.shape[0], x.shape[2:], x.dtype, shape, dilation, groups):
        return choose.weight_grad(as_pixels(g), as_pixels(x), shape, stride, before, dilation, groups)
    return choose.weight_grad_few(channels(g), channels(x), shape, stride, before, dilation, groups)


def _tiled_input_grad(g: Array, weight: Array, shape: Ints) -> Array:
    """`conv_input_grad` where each window reads pixels of its own: g and the result lie in pixels.

    One correlation gives all pixels of a window as so many channels, in larger products than one for each remainder.
    """
    (height, width, o, images), (_, c, tall, wide) = g.shape, weight.shape
    filters = np.ascontiguousarray(weight.transpose(2, 3, 1, 0)).reshape(-1, o, 1, 1)
    made = empty((height, width, len(filters), images), g.dtype)
    choose.correlate(g, filters, None, made, (1, 1), (0, 0), (1, 1), 1)
    gx = empty((*shape[2:], c, images), g.dtype)
    gx[height * tall :] = 0
    gx[:, width * wide :] = 0
    for row in range(tall):  # a window's pixels in a row are one run
        target = gx[row : height * tall : tall, : width * wide]
        np.copyto(target.reshape(height, width, -1), made.reshape(height, width, tall, -1)[:, :, row])
    return gx


def _before(padding: Pads) -> Ints:
    return tuple(p[0] for p in padding)


@functools.lru_cache(4096)
def _turned_places(
    remainder: int, kernel: int, stride: int, before: int, dilation: int
) -> tuple[slice | None, int, int]:
    """Along one axis, how pixels x = remainder + t*stride are read: (places, before, step) of a correlation over g.

    Place k reads x in window t + (remainder + before - k*dilation) / stride, if that is whole. Windows ascend as places
    descend, by one step from each such place to the next. None for no place.
    """
    last = next((k for k in reversed(range(kernel)) if (remainder + before - k * dilation) % stride == 0), None)
    if last is None:
        return None, 0, 1
    common = math.gcd(dilation, stride)
    first = (remainder + before - last * dilation) // stride
    return slice(last, None, -(stride // common)), -first, dilation // common
