"""Which algorithm computes a convolution, by measured thresholds: of images in pixels (h, w, c, n), or in channels
(c, *x, n) where they are few or the settings are not those of two axes; see `layout`.

In pixels, groups are convolutions of some channels each, and one with dilation d is d times d convolutions without,
each of every d-th pixel: so the kernels know neither, but for depthwise convolution, which has a kernel of its own.
"""

import functools
import math
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from itertools import product
from typing import Any

import numpy as np

from . import (
    depthwise,
    depthwise_planes,
    direct,
    gathered,
    im2col,
    shifted,
    stacked,
    winograd,
    winograd1d,
    winograd3d,
    winograd_height,
    winograd_sums,
)
from .layout import SMALL_BATCH, dense
from .threads import run
from .windows import Array, Ints, Slices

ALGORITHMS = ("auto", "im2col", "direct", "shifted", "gathered", "stacked", "winograd", "winograd1d")
THIN = 32  # channels times height of a window, below which `shifted` is faster for the weight gradient, up to 3 times
THIN_FEW = 96  # the same for fewer than 16 images
LARGE_PART = 1 << 24  # multiplications of a group or class from which on all threads work on one after the other
LEAST_CLASS = 4  # pixels along an axis that a class of a dilated convolution has at least; else im2col is faster
THIN_GROUP = 8  # channels, below which a group's products are too small and im2col is faster
# For images in channels with so many axes: Winograd's algorithm, and by which name it is asked for.
BY_AXES: dict[int, tuple[str, Any]] = {2: ("winograd1d", winograd_height), 3: ("winograd", winograd3d)}
chosen: ContextVar[str] = ContextVar("chosen", default="auto")  # see `settings.conv_algorithm`


def by_pixels(images: int, size: Ints, dtype: np.dtype, weight: Ints, dilation: Ints, groups: int) -> bool:
    """Whether to work on images that lie in pixels; else on channels, by im2col.

    It is decided once for a convolution and its gradients, so that nothing is turned between layers. With few images
    the products are thin: at 8, the direct algorithm takes up to 1.4 times as long as im2col does in its order, but
    Winograd's half as long; below 8, im2col. Groups of 8 channels or more gain 1.2 to 2 times from 16 images on, at 8
    images their weight gradient would take 1.5 to 4 times as long.
    """
    wish = chosen.get()
    if len(weight) != 4 or dtype == np.float16 or 0 in (images, *weight) or wish == "im2col":
        return False
    if wish != "auto":
        return True
    if is_depthwise(weight, groups):
        return images >= SMALL_BATCH
    if any(d > 1 and n < LEAST_CLASS * d for n, d in zip(size, dilation, strict=True)):
        return False
    if groups == 1:
        return images >= SMALL_BATCH
    return images >= 2 * SMALL_BATCH and min(weight[0] // groups, weight[1]) >= THIN_GROUP


def is_depthwise(weight: Ints, groups: int) -> bool:
    """Whether each channel is a group, with one filter (weight (o, c/groups, kh, kw))."""
    return weight[0] == groups and weight[1] == 1


def correlate(
    x: Array, weight: Array, bias: Array | None, out: Array, stride: Ints, before: Ints, dilation: Ints, groups: int
) -> None:
    """Write the sums over windows into out (h', w', g*o, n), its last two axes contiguous: weight (g*o, c, kh, kw).

    Window (i, j) reads at place k, l the pixel (i*stride + k*dilation - before, ...), zero where there is none.
    """
    if groups > 1 and is_depthwise(weight.shape, groups):
        depthwise.correlate(x, weight, bias, out, stride, before, dilation)
    elif groups > 1:
        c, o = weight.shape[1], weight.shape[0] // groups

        def group(i: int) -> None:
            filters = slice(i * o, (i + 1) * o)
            shift = None if bias is None else bias[filters]
            some = x[:, :, i * c : (i + 1) * c], weight[filters], shift, out[:, :, filters]
            correlate(*some, stride, before, dilation, 1)

        _share_out(group, groups, weight[0].size * out.size)
    elif dilation != (1, 1):
        classes = list(_classes(x.shape[:2], out.shape[:2], stride, before, dilation))

        def one_class(i: int) -> None:
            pixels, windows, steps, first = classes[i]
            if x[pixels].size:
                _correlate(x[pixels], weight, bias, out[windows], steps, first)
            else:
                out[windows] = 0 if bias is None else bias[:, None]

        _share_out(one_class, len(classes), weight[0].size * out.size)
    else:
        _correlate(x, weight, bias, out, stride, before)


def weight_grad(g: Array, x: Array, shape: Ints, stride: Ints, before: Ints, dilation: Ints, groups: int) -> Array:
    """Each filter weight's gradient, summed over windows and images: `shape` (g*o, c, kh, kw), g (h', w', g*o, n)."""
    if groups > 1 and is_depthwise(shape, groups):
        return depthwise.weight_grad(dense(g), dense(x), shape[2:], stride, before, dilation)
    if groups > 1:
        (_, c, *kernel), o, g, x = shape, shape[0] // groups, dense(g), dense(x)
        out = np.empty(shape, x.dtype)

        def group(i: int) -> None:
            filters = slice(i * o, (i + 1) * o)
            some = g[:, :, filters], x[:, :, i * c : (i + 1) * c]
            out[filters] = weight_grad(*some, (o, c, *kernel), stride, before, dilation, 1)

        _share_out(group, groups, g.size * math.prod(shape[1:]))
        return out
    if dilation != (1, 1):
        g, x, out = dense(g), dense(x), np.zeros(shape, x.dtype)
        for pixels, windows, steps, first in _classes(x.shape[:2], g.shape[:2], stride, before, dilation):
            if x[pixels].size:
                out += _weight_grad(g[windows], x[pixels], shape, steps, first)
        return out
    return _weight_grad(g, x, shape, stride, before)


def correlate_few(
    x: Array, weight: Array, bias: Array | None, out: Array, stride: Ints, before: Ints, dilation: Ints, groups: int
) -> None:
    """`correlate` for images in channels: out (g*o, *y, n), which may be any view, x (g*c, *x, n)."""
    if len(stride) == 1:  # a sequence is an image one pixel wide
        x, weight, out = x[:, :, None], weight[..., None], out[:, :, None]
        stride, before, dilation = (*stride, 1), (*before, 0), (*dilation, 1)
    if _in_planes(x.dtype, weight.shape, out.shape, stride, dilation, groups):
        depthwise_planes.correlate(x, weight, bias, out, stride, before, dilation)
    elif by := _winograd_few(x.dtype, weight.shape, out.shape, stride, dilation, groups):
        for pixels, windows, _, first in _classes(x.shape[1:-1], out.shape[1:-1], stride, before, dilation):
            by.correlate(x[:, *pixels], weight, bias, out[:, *windows], first)
    else:
        im2col.correlate(x, weight, bias, out, stride, before, dilation, groups)


def weight_grad_few(g: Array, x: Array, shape: Ints, stride: Ints, before: Ints, dilation: Ints, groups: int) -> Array:
    """`weight_grad` for images in channels: g (g*o, *y, n), x (g*c, *x, n)."""
    if len(stride) == 1:
        g, x = g[:, :, None], x[:, :, None]
        settings = (*stride, 1), (*before, 0), (*dilation, 1)
        return weight_grad_few(g, x, (*shape, 1), *settings, groups).reshape(shape)
    if _in_planes(x.dtype, shape, g.shape, stride, dilation, groups):
        grad = depthwise_planes.weight_grad(g, x, shape[2:], stride, before, dilation)
        if np.isfinite(grad).all():
            return grad
        return im2col.weight_grad(g, x, shape, stride, before, dilation, groups)
    if by := _winograd_few(x.dtype, shape, g.shape, stride, dilation, groups):
        classes = _classes(x.shape[1:-1], g.shape[1:-1], stride, before, dilation)
        parts = [
            by.weight_grad(g[:, *windows], x[:, *pixels], shape[2:], first) for pixels, windows, _, first in classes
        ]
        return np.asarray(functools.reduce(np.add, parts))
    return im2col.weight_grad(g, x, shape, stride, before, dilation, groups)


def _in_planes(dtype: np.dtype, weight: Ints, out: Ints, stride: Ints, dilation: Ints, groups: int) -> bool:
    """Whether `depthwise_planes` computes results (o, *y, n) of filters (o, c, *k)."""
    if groups == 1 or len(stride) != 2 or not is_depthwise(weight, groups) or 0 in weight + out:
        return False
    allowed = dtype != np.float16 and chosen.get() != "im2col"
    return allowed and depthwise_planes.fits(out, weight[2:], stride, dilation)


def _winograd_few(dtype: np.dtype, weight: Ints, out: Ints, stride: Ints, dilation: Ints, groups: int) -> Any:
    """Winograd's algorithm for images in channels, whose results are (o, *y, n), if it fits and pays; else None."""
    name, by = BY_AXES[len(stride)]
    if dtype != np.float32 or set(stride) != {1} or groups != 1 or 0 in weight + out:
        return None
    if not by.fits(weight[2:]):
        return None
    size = tuple(-(-n // d) for n, d in zip(out[1:-1], dilation, strict=True))  # of the largest class
    pays = chosen.get() == "auto" and by.pays(weight[1], weight[0], size, out[-1], weight[2:])
    return by if chosen.get() == name or pays else None


def _classes(
    size: Ints, out: Ints, stride: Ints, before: Ints, dilation: Ints
) -> Iterator[tuple[Slices, Slices, Ints, Ints]]:
    """The windows that read the same d-th pixels, for each such class: (pixels, windows, stride, before) among these.

    Windows i = r + j*period, with period = dilation / gcd(dilation, stride), read r*stride - before + (k +
    j*stride/gcd)*dilation: pixels of one remainder by the dilation.
    """
    axes: list[list[tuple[slice, slice, int, int]]] = []
    for n, count, s, b, d in zip(size, out, stride, before, dilation, strict=True):
        common = math.gcd(s, d)
        firsts = [(r, r * s - b) for r in range(min(d // common, count))]
        axes.append([(slice(q % d, n, d), slice(r, count, d // common), s // common, -(q // d)) for r, q in firsts])
    for each in product(*axes):
        yield tuple(a[0] for a in each), tuple(a[1] for a in each), tuple(a[2] for a in each), tuple(a[3] for a in each)


def _share_out(work: Callable[[int], None], count: int, size: int) -> None:
    """Call work(i) for each i below `count`, together so many multiplications: small ones side by side."""
    if size >= count * LARGE_PART:
        for i in range(count):
            work(i)
    else:
        run(work, count, size)


def _correlate(x: Array, weight: Array, bias: Array | None, out: Array, stride: Ints, before: Ints) -> None:
    """A correlation without dilation or groups."""
    wish, pays = chosen.get(), stacked.correlate_pays(weight.shape)
    if stride == (1, 1) and (wish == "stacked" or (wish == "auto" and pays)):
        stacked.correlate(x, weight, bias, out, before)
        return
    height, width, depth, images = out.shape
    case = (weight.shape[1], depth, height, width, images)
    by = _winograd(x.dtype, weight.shape[2:], stride)
    in_rows = "winograd1d" in by and (wish != "auto" or winograd1d.correlate_pays(*case, weight.shape[2:]))
    in_tiles = "winograd" in by and (wish != "auto" or winograd.correlate_pays(*case))
    if _is_gathered(gathered.pays, weight.shape, (height, width, images), in_rows or in_tiles):
        gathered.correlate(x, weight, bias, out, stride, before)
    elif in_rows:
        winograd1d.correlate(x, weight, bias, out, before)
    elif in_tiles:
        winograd.correlate(x, weight, bias, out, before)
    else:
        direct.correlate(x, weight, bias, out, stride, before)


def _weight_grad(g: Array, x: Array, shape: Ints, stride: Ints, before: Ints) -> Array:
    """The weight gradient without dilation or groups."""
    (height, width), images = g.shape[:2], g.shape[3]
    wish, case = chosen.get(), (shape[1], shape[0], height, width, images)
    by = _winograd(x.dtype, shape[2:], stride)
    in_sums = "winograd" in by and winograd_sums.weight_grad_pays(*case)
    in_rows = "winograd1d" in by and (wish != "auto" or winograd1d.weight_grad_pays(*case, shape[2:]))
    in_tiles = "winograd" in by and (wish != "auto" or winograd.weight_grad_pays(*case))
    if _is_gathered(gathered.weight_grad_pays, shape, (height, width, images), in_sums or in_rows or in_tiles):
        return gathered.weight_grad(dense(g), dense(x), shape[2:], stride, before)
    if in_sums:
        return winograd_sums.weight_grad(dense(g), dense(x), before)
    if in_rows:
        return winograd1d.weight_grad(dense(g), dense(x), shape[2:], before)
    if in_tiles:
        return winograd.weight_grad(dense(g), dense(x), before)
    if wish == "auto" and (shape[1] * shape[2] < (THIN if images >= 16 else THIN_FEW) or stride[1] > 1):
        wish = "shifted"
    exact: Any = shifted if wish == "shifted" else direct
    return exact.weight_grad(g, x, shape[2:], stride, before)


def input_grad_is_gathered(
    g: Ints, weight: Ints, size: Ints, dtype: np.dtype, stride: Ints, dilation: Ints, groups: int
) -> bool:
    """Whether `gathered.input_grad` computes that of images of this size: g (h', w', o, n), weight (o, c, kh, kw)."""
    if groups > 1 or dilation != (1, 1):
        return False
    case = (weight[0], weight[1], size[0], size[1], g[3])
    by = _winograd(dtype, weight[2:], stride)
    in_rows = "winograd1d" in by and winograd1d.correlate_pays(*case, weight[2:])
    in_tiles = "winograd" in by and winograd.correlate_pays(*case)
    return _is_gathered(gathered.pays, weight, (*g[:2], g[3]), in_rows or in_tiles)


def _is_gathered(pays: Callable[[int, int, bool], bool], weight: Ints, windows: Ints, in_tiles: bool) -> bool:
    wish = chosen.get()
    return wish == "gathered" or (wish == "auto" and pays(math.prod(weight), math.prod(windows), in_tiles))


def _winograd(dtype: np.dtype, kernel: Ints, stride: Ints) -> list[str]:
    """Which of Winograd's algorithms may be taken and can do it; float64 is for exact results."""
    if dtype != np.float32 or stride != (1, 1):
        return []
    can = ["winograd1d"] * winograd1d.fits(kernel) + ["winograd"] * (kernel == (3, 3))
    return [name for name in can if chosen.get() in ("auto", name)]
