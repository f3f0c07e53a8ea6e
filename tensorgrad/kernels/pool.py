"""Max pooling on plain arrays, for any number of spatial axes: a family closed under differentiation.

`adaptive_max` pools over windows of unequal sizes.

Axes: n image, c channel, k kernel place, y window, x pixel; k, y and x stand for one axis per spatial dimension.
Which pixel won a window is kept as its *offset*: the number of the kernel place, counted in reading order, in the
smallest unsigned dtype that holds it (one byte up to 256 places). `max_pool_scatter` adds each window's value to its
winning pixel, `max_pool_gather` reads the winning pixels: each is linear and the other's adjoint.
"""

import math

import numpy as np

from .axes import Ranges, along
from .elementwise import select_into
from .layout import alike, channel_slabs, empty_like, slabs
from .threads import run
from .windows import Array, Ints, Slices, each_place

Place = tuple[Ints, Slices, Slices]


def pool_output_size(size: Ints, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints, ceil_mode: bool) -> Ints:
    """The number of windows along each spatial axis; zero or less where no window fits.

    With `ceil_mode` a last window may hang over the end, but it must start inside the image or the padding before it.
    """
    out = []
    for n, k, s, p, d in zip(size, kernel, stride, padding, dilation, strict=True):
        room = n + 2 * p - d * (k - 1) - 1
        windows = (room + s - 1 if ceil_mode else room) // s + 1
        if ceil_mode and (windows - 1) * s >= n + p:
            windows -= 1
        out.append(windows)
    return tuple(out)


def max_pool(
    x: Array, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints, out_size: Ints
) -> tuple[Array, Array]:
    """The largest value in each window, and the offset of the place that holds it: two arrays (n, c, *y).

    Padding counts as minus infinity and never wins. Of equal values the first in reading order wins; a NaN wins over
    everything before it and is never beaten by a number, so of several NaN the last wins, as in PyTorch.
    """
    shape = (*x.shape[:2], *out_size)
    values, offsets = empty_like(x, shape, x.dtype), empty_like(x, shape, offset_dtype(kernel))
    first = _first_valid(kernel, stride, padding, dilation, out_size)
    todo = slabs(values)

    def work(number: int) -> None:
        c, y = todo[number]
        places = _places(x, y, kernel, stride, padding, dilation, out_size)
        some = x[:, c], values[:, c, y], offsets[:, c, y]
        _max_places(*some, first[y], places, kernel, False)
        if np.isnan(some[1]).any():
            _max_places(*some, first[y], places, kernel, True)

    run(work, len(todo))
    return values, offsets


def _max_places(
    x: Array, values: Array, offsets: Array, first: Array, places: list[Place], kernel: Ints, has_nan: bool
) -> None:
    """Fill values and offsets place by place."""
    if places and math.prod(values.shape[2:]) == math.prod(w.stop - w.start for w in places[0][1]):
        np.copyto(values, x[:, :, *places[0][2]])  # all windows read a pixel at their first place
        offsets[...] = _number(places[0][0], kernel)
        places = places[1:]
    else:
        values[...] = -np.inf if values.dtype.kind == "f" else np.iinfo(values.dtype).min
        offsets[...] = first
    for place, w, pixels in places:
        value, best, offset = x[:, :, *pixels], values[:, :, *w], offsets[:, :, *w]
        wins = value > best
        if has_nan:
            wins |= np.isnan(value)
        np.maximum(best, value, out=best)
        # Places come in ascending order, so the latest winner is the largest: a maximum is faster than a masked write.
        number = _number(place, kernel)
        numbers = wins.view(np.uint8) if offset.dtype == np.uint8 else wins.astype(offset.dtype)
        numbers *= offset.dtype.type(number)
        np.maximum(offset, numbers, out=offset)


def max_pool_scatter(
    g: Array, offsets: Array, shape: Ints, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints
) -> Array:
    """Add each window's value to the pixel that won it, in zeros of `shape`; where windows overlap, values add up."""
    g = alike(g, offsets)
    out = empty_like(offsets, shape, g.dtype)
    # Windows side by side: each pixel is written once. If they fill the image too, there are no zeros to begin with.
    apart = all(s > d * (k - 1) for k, s, d in zip(kernel, stride, dilation, strict=True))
    tiled = (
        apart
        and not any(padding)
        and all(n == y * k and k == s for n, y, k, s in zip(shape[2:], g.shape[2:], kernel, stride, strict=True))
    )
    todo = slabs(offsets) if tiled else channel_slabs(offsets)

    def work(number: int) -> None:
        c, y = todo[number]
        if not tiled:
            out[:, c] = 0
        for place, w, pixels in _places(out, y, kernel, stride, padding, dilation, g.shape[2:]):
            won = offsets[:, c, y][:, :, *w] == _number(place, kernel)
            share, target = g[:, c, y][:, :, *w], out[:, c, *pixels]
            if apart:
                select_into(target, share, won)
            else:
                target += select_into(np.empty_like(share), share, won)

    run(work, len(todo))
    return out


def max_pool_gather(x: Array, offsets: Array, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints) -> Array:
    """Read at each window's winning pixel: (n, c, *x) to (n, c, *y)."""
    out = empty_like(offsets, offsets.shape, x.dtype)
    bits = np.dtype(f"i{x.itemsize}")
    todo = slabs(offsets)

    def work(number: int) -> None:
        c, y = todo[number]
        out[:, c, y] = 0
        for place, w, pixels in _places(x, y, kernel, stride, padding, dilation, offsets.shape[2:]):
            won = offsets[:, c, y][:, :, *w] == _number(place, kernel)
            pixel = x[:, c, *pixels]
            target = out[:, c, y][:, :, *w].view(bits)
            target |= select_into(np.empty_like(pixel), pixel, won).view(bits)

    run(work, len(todo))
    return out


def _places(
    x: Array, y: slice, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints, out_size: Ints
) -> list[Place]:
    """`each_place` for the windows with `y` along the first axis, counted from the first of them."""
    before = (padding[0] - y.start * stride[0], *padding[1:])
    return list(each_place(x.shape[2:], kernel, stride, before, dilation, (y.stop - y.start, *out_size[1:])))


def adaptive_max(x: Array, ranges: Ranges) -> tuple[Array, Array]:
    """The largest value in each window, and its position in the flattened pixels of its channel, as int64.

    One axis after the other, the last one first, so that of equal values the first in reading order wins; of several
    nan the last does, as in PyTorch.
    """
    best, winners, stride = x, np.zeros((1,) * x.ndim, np.int64), 1
    for axis in reversed(range(2, x.ndim)):
        starts, ends = ranges[axis - 2]
        positions = np.arange(x.shape[axis]) * stride
        flat = np.broadcast_to(winners + along(positions, axis, x.ndim), best.shape)
        values, stride = best, stride * x.shape[axis]
        best, winners = np.take(values, starts, axis), np.take(flat, starts, axis)
        for place in range(1, int(np.max(ends - starts, initial=0))):
            at = np.minimum(starts + place, ends - 1)  # a shorter window looks at its last pixel again: no harm
            value = np.take(values, at, axis)
            wins = (value > best) | (value != value)
            np.copyto(best, value, where=wins)
            np.copyto(winners, np.take(flat, at, axis), where=wins)
    return best, winners


def flat_indices(offsets: Array, shape: Ints, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints) -> Array:
    """The winners' positions in the flattened pixels of their channel, as int64 (PyTorch's `return_indices`)."""
    flat = np.zeros(offsets.shape, np.int64)
    rank = len(kernel)
    places = np.unravel_index(offsets, kernel)
    for axis, (n, s, p, d) in enumerate(zip(shape[2:], stride, padding, dilation, strict=True)):
        flat *= n
        flat += along(np.arange(offsets.shape[2 + axis]) * s - p, axis, rank)
        flat += places[axis] * d
    return flat


def offset_dtype(kernel: Ints) -> np.dtype:
    """The smallest unsigned dtype that numbers the kernel's places."""
    return np.min_scalar_type(math.prod(kernel) - 1)


def _first_valid(kernel: Ints, stride: Ints, padding: Ints, dilation: Ints, out_size: Ints) -> Array:
    """The offset of each window's first place that is not in the padding before the image; an array (*y)."""
    first = np.zeros(out_size, np.int64)
    for axis, (k, s, p, d) in enumerate(zip(kernel, stride, padding, dilation, strict=True)):
        outside = np.maximum(p - np.arange(out_size[axis]) * s, 0)
        first *= k
        first += along(-(-outside // d), axis, len(kernel))
    return first


def _number(place: Ints, kernel: Ints) -> int:
    return int(np.ravel_multi_index(place, kernel))
