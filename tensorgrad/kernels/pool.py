"""Max pooling on plain arrays, for any number of spatial axes: a family closed under differentiation.

`adaptive_max` pools over windows of unequal sizes.

Axes: n image, c channel, k kernel place, y window, x pixel; k, y and x stand for one axis per spatial dimension.
Which pixel won a window is worked out on the way back, from the image and the largest values. It is told by an
*offset*: the number of the kernel place, counted in reading order, in the smallest unsigned dtype that holds it (one
byte up to 255 places). `max_pool_scatter` adds each window's value to its winning pixel, `max_pool_gather` reads the
winning pixels: each is linear and the other's adjoint.
"""

import functools
import itertools
import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from .axes import Ranges, along
from .elementwise import select_into
from .layout import alike, empty_like, slabs
from .phases import columns_of, new_phases, phases, put_back
from .threads import COPY_WORK, run
from .windows import Array, Ints, Slices, each_place

Place = tuple[Ints, Slices, Slices]
Winners = Callable[[slice, slice, list[Place]], Iterator[Array]]


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


def max_pool(x: Array, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints, out_size: Ints) -> Array:
    """The largest value in each window: (n, c, *y). Padding counts as minus infinity; nan is above every number."""
    out = empty_like(x, (*x.shape[:2], *out_size), x.dtype)
    todo = slabs(out)

    def work(number: int) -> None:
        c, y = todo[number]
        places = _places(x, y, kernel, stride, padding, dilation, out_size)
        best, parts = out[:, c, y], phases(x[:, c], stride[-1])
        if _covers(places, best):
            np.copyto(best, columns_of(parts, places.pop(0)[2]))
        else:
            best[...] = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
        for _, w, pixels in places:
            share = best[:, :, *w]
            np.maximum(share, columns_of(parts, pixels), out=share)

    run(work, len(todo), COPY_WORK * out.size * math.prod(kernel), writes=(out,))
    return out


def max_pool_winners(x: Array, values: Array, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints) -> Array:
    """The offset of the place that holds each window's largest value, `values` as max_pool gives them: (n, c, *y).

    Padding never wins. Of equal values the first in reading order wins, of several nan the last, as in PyTorch.
    """
    offsets = empty_like(values, values.shape, offset_dtype(kernel))
    first = _first_valid(kernel, stride, padding, dilation, values.shape[2:])
    last = np.iinfo(offsets.dtype).max
    todo = slabs(values)

    def work(number: int) -> None:
        c, y = todo[number]
        places = _places(x, y, kernel, stride, padding, dilation, values.shape[2:])
        best, found, parts = values[:, c, y], offsets[:, c, y], phases(x[:, c], stride[-1])
        # Counted down from the largest number, so that the first winner is a maximum: faster than a masked write.
        found[...] = 0
        for place, w, pixels in places:
            _raise_to(found[:, :, *w], last - _number(place, kernel), columns_of(parts, pixels) == best[:, :, *w])
        if not _covers(places, best):  # where all places are in the padding
            np.copyto(found, last - first[y], where=found == 0, casting="unsafe")
        np.subtract(last, found, out=found)
        if _has_nan(best):
            unknown = np.isnan(best)
            found[unknown] = 0
            for place, w, pixels in places:
                is_nan = np.isnan(columns_of(parts, pixels))
                _raise_to(found[:, :, *w], _number(place, kernel), is_nan & unknown[:, :, *w])

    run(work, len(todo), COPY_WORK * values.size * math.prod(kernel), writes=(values, offsets))
    return offsets


def max_pool_grad(
    g: Array, x: Array, values: Array, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints
) -> Array:
    """Add each window's g to the pixel that won it, in zeros: `max_pool_scatter` to `max_pool_winners`.

    In one go where windows do not overlap; where they do, that would take longer.
    """
    if any(s <= d * (k - 1) for k, s, d in zip(kernel, stride, dilation, strict=True)) or _has_nan(values):
        offsets = max_pool_winners(x, values, kernel, stride, padding, dilation)
        return max_pool_scatter(g, offsets, x.shape, kernel, stride, padding, dilation)

    def won(c: slice, y: slice, places: list[Place]) -> Iterator[Array]:
        # A window that was won at an earlier place is won no more.
        best, parts = values[:, c, y], phases(x[:, c], stride[-1])
        over = np.zeros_like(best, np.bool_)
        for number, (_, w, pixels) in enumerate(places, 1):
            wins = columns_of(parts, pixels) == best[:, :, *w]
            past = over[:, :, *w]
            if number > 1:
                np.greater(wins, past, out=wins)
            if number < len(places):
                past |= wins
            yield wins

    return _spread(alike(g, values), won, x.shape, kernel, stride, padding, dilation)


def max_pool_scatter(
    g: Array, offsets: Array, shape: Ints, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints
) -> Array:
    """Add each window's value to the pixel that won it, in zeros of `shape`; where windows overlap, values add up."""

    def won(c: slice, y: slice, places: list[Place]) -> Iterator[Array]:
        return (offsets[:, c, y][:, :, *w] == _number(place, kernel) for place, w, _ in places)

    return _spread(alike(g, offsets), won, shape, kernel, stride, padding, dilation)


def _spread(g: Array, won: Winners, shape: Ints, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints) -> Array:
    """Add g of each window to the pixels that `won` names, place by place, in zeros of `shape`."""
    out = empty_like(g, shape, g.dtype)
    todo = slabs(g)

    def work(number: int) -> None:
        c, y = todo[number]
        rows, y, unread, steps = _steps(y.start, y.stop, shape[2:], g.shape[2:], kernel, stride, padding, dilation)
        sums, shares, room = out[:, c, rows], g[:, c, y], None
        parts = new_phases(sums, stride[-1])
        for phase, pixels in unread:
            parts[phase][pixels] = 0
        places = _places(out, y, kernel, stride, padding, dilation, g.shape[2:])
        for step, wins in zip(steps, won(c, y, places), strict=True):
            share, target = shares[step.windows], parts[step.phase][step.pixels]
            if step.is_first:
                select_into(target, share, wins[step.wins])
            else:
                room = empty_like(shares, shares.shape, g.dtype) if room is None else room
                target += select_into(room[step.windows], share, wins[step.wins])
        put_back(sums, parts)

    run(work, len(todo), COPY_WORK * g.size * math.prod(kernel), writes=(out,))
    return out


class _Step(NamedTuple):
    """One kernel place: which windows of a part pass their share on to which of its pixels."""

    windows: Slices
    wins: Slices  # the same among the windows that read a pixel at this place
    phase: int  # of the pixels' columns, see `phases`
    pixels: Slices
    is_first: bool  # whether nothing is written yet to the pixels that are as far apart as windows


@functools.lru_cache(256)
def _steps(
    begin: int, end: int, size: Ints, out_size: Ints, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints
) -> tuple[slice, slice, list[tuple[int, Slices]], list[_Step]]:
    """For the windows from `begin` to `end` along the first axis: the rows of pixels that they answer for, all windows
    that read one of these, the pixels that are to be zeros first, and a step for each place in reading order.

    Pixels with one remainder by the stride along each axis are read at the same places, and all others at others. The
    first of these places writes; if it does not reach all of them, they are to be zeros first.
    """
    rows, y = _around(slice(begin, end), kernel[0], stride[0], padding[0], dilation[0], size[0], out_size[0])
    before, sizes = (padding[0] - y.start * stride[0], *padding[1:]), (rows.stop - rows.start, *size[1:])
    steps, unread = [], set(itertools.product(*map(range, stride)))
    written = set()
    every = slice(None)
    for _, (w, *across), (h, *pixels) in each_place(
        size, kernel, stride, before, dilation, (y.stop - y.start, *out_size[1:])
    ):
        skipped = max(0, -((h.start - rows.start) // h.step))  # windows whose pixel there is another part's
        first = h.start + skipped * h.step - rows.start
        count = len(range(first, min(h.stop, rows.stop) - rows.start, h.step))
        targets = (slice(first, first + count * h.step, h.step), *pixels)
        at = tuple([target.start % step for target, step in zip(targets, stride, strict=True)])
        reached = [len(range(n)[target]) for n, target in zip(sizes, targets, strict=True)]
        if at not in written and reached == [len(range(r, n, s)) for r, n, s in zip(at, sizes, stride, strict=True)]:
            unread.discard(at)
        start, phase = divmod(targets[-1].start, stride[-1])
        steps.append(
            _Step(
                (every, every, slice(w.start + skipped, w.start + skipped + count), *across),
                (every, every, slice(skipped, skipped + count)),
                phase,
                (every, every, *targets[:-1], slice(start, start + reached[-1])),
                at not in written and count > 0,
            )
        )
        if count:
            written.add(at)
    zeros = [
        (at[-1], (every, every, *[slice(r, None, s) for r, s in zip(at[:-1], stride[:-1], strict=True)]))
        for at in sorted(unread)
    ]
    return rows, y, zeros, steps


def _around(
    y: slice, kernel: int, stride: int, padding: int, dilation: int, size: int, count: int
) -> tuple[slice, slice]:
    """Along the first axis: the pixels that windows `y` answer for, and all windows that read one of them.

    The pixels are those from the first that `y` reads to the first of the next part, so that parts do not overlap.
    """
    reach = dilation * (kernel - 1) + 1
    begin = 0 if y.start == 0 else min(size, max(0, y.start * stride - padding))
    end = size if y.stop == count else min(size, max(0, y.stop * stride - padding))
    return slice(begin, end), slice(min(y.start, max(0, -((reach - 1 - begin - padding) // stride))), y.stop)


def max_pool_gather(x: Array, offsets: Array, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints) -> Array:
    """Read at each window's winning pixel: (n, c, *x) to (n, c, *y)."""
    out = empty_like(offsets, offsets.shape, x.dtype)
    bits = np.dtype(f"i{x.itemsize}")
    todo = slabs(offsets)

    def work(number: int) -> None:
        c, y = todo[number]
        out[:, c, y] = 0
        parts = phases(x[:, c], stride[-1])
        for place, w, pixels in _places(x, y, kernel, stride, padding, dilation, offsets.shape[2:]):
            won = offsets[:, c, y][:, :, *w] == _number(place, kernel)
            pixel = columns_of(parts, pixels)
            target = out[:, c, y][:, :, *w].view(bits)
            target |= select_into(np.empty_like(pixel), pixel, won).view(bits)

    run(work, len(todo), COPY_WORK * offsets.size * math.prod(kernel), writes=(out,))
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
    """The smallest unsigned dtype that numbers the kernel's places and has one number to spare."""
    return np.min_scalar_type(math.prod(kernel))


def _first_valid(kernel: Ints, stride: Ints, padding: Ints, dilation: Ints, out_size: Ints) -> Array:
    """The offset of each window's first place that is not in the padding before the image; an array (*y)."""
    first = np.zeros(out_size, np.int64)
    for axis, (k, s, p, d) in enumerate(zip(kernel, stride, padding, dilation, strict=True)):
        outside = np.maximum(p - np.arange(out_size[axis]) * s, 0)
        first *= k
        first += along(-(-outside // d), axis, len(kernel))
    return first


def _covers(places: list[Place], values: Array) -> bool:
    """Whether all windows read a pixel at their first place."""
    return bool(places) and math.prod(values.shape[2:]) == math.prod(w.stop - w.start for w in places[0][1])


def _raise_to(numbers: Array, number: int, wins: Array) -> None:
    """Raise the numbers to `number` where it wins."""
    candidates = wins.view(np.uint8) if numbers.dtype == np.uint8 else wins.astype(numbers.dtype)
    candidates *= numbers.dtype.type(number)
    np.maximum(numbers, candidates, out=numbers)


def _has_nan(values: Array) -> bool:
    """Whether there is a nan among the values: their maximum is one then, which is found faster."""
    return values.dtype.kind == "f" and bool(values.size) and bool(np.isnan(np.max(values)))


def _number(place: Ints, kernel: Ints) -> int:
    return int(np.ravel_multi_index(place, kernel))
