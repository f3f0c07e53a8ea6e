"""Depthwise convolution of images (h, w, c, n), one filter to a channel: by adding up shifted rows; exact.

There is nothing that a product of matrices could share, so for each place of the kernel some rows of pixels are
multiplied by the weights of that place and added to the rows of results. `np.einsum` does both in one pass over a
pixel's c*n values. The weights are repeated for every image, that these be one run.

At the border windows read fewer places. So results are cut into blocks whose windows read the same ones, nine for a
3x3 filter with padding 1, and nothing is padded.
"""

import functools
import itertools
import math
from collections.abc import Iterator

import numpy as np

from .buffers import scratch, zeros
from .threads import run
from .windows import Array, Ints, Slices, overlapping, places_along

LANES = 8  # partial sums of the weight gradient, always the same whatever the number of threads
PART_BYTES = 1 << 20  # of rows, near the cache: with shorter calls threads wait for each other
PASS = 4  # multiplications of a product of matrices that take as long as to multiply and to add one value here


def correlate(
    x: Array, weight: Array, bias: Array | None, out: Array, stride: Ints, before: Ints, dilation: Ints
) -> None:
    """Write the sums over windows into out (h', w', c, n): weight (c, 1, kh, kw).

    Window (i, j) reads at place k, l the pixel (i*stride + k*dilation - before, ...), zero where there is none.
    """
    images, (tall, wide) = out.shape[3], weight.shape[2:]
    repeated = np.repeat(weight.transpose(2, 3, 1, 0), images, axis=3).reshape(tall, wide, *out.shape[2:])
    shift = None if bias is None else np.repeat(bias, images).reshape(out.shape[2:])
    parts = _parts(out)

    def part(number: int) -> None:
        first, last = parts[number]
        result = out[first:last]
        start = (before[0] - first * stride[0], before[1])
        for windows, places, pixels in _blocks(x, result, (tall, wide), stride, start, dilation):
            if pixels.size:
                np.einsum("klhwcn,klcn->hwcn", pixels, repeated[places], out=result[windows])
            else:
                result[windows] = 0
        if shift is not None:
            result += shift

    run(part, len(parts), PASS * out.size * tall * wide, writes=(out,))


def weight_grad(g: Array, x: Array, kernel: Ints, stride: Ints, before: Ints, dilation: Ints) -> Array:
    """Each weight's gradient (c, 1, kh, kw), summed over windows and images; g is (h', w', c, n).

    The rows of windows are dealt out to a few sums, which are added in order.
    """
    (_, width, c, images), (tall, wide) = g.shape, kernel
    across = places_along(wide, stride[1], before[1], dilation[1], x.shape[1], width)
    parts = _parts(g)
    lanes = min(LANES, len(parts))
    sums = zeros((lanes, tall, wide, c, images), g.dtype)

    def lane(number: int) -> None:
        share = scratch("share", (c, images), g.dtype)
        for first, last in parts[len(parts) * number // lanes : len(parts) * (number + 1) // lanes]:
            shares = g[first:last]
            along = places_along(tall, stride[0], before[0] - first * stride[0], dilation[0], len(x), last - first)
            for totals, (rows, pixel_rows) in zip(sums[number], along, strict=True):
                for total, (columns, pixels) in zip(totals, across, strict=True):
                    total += np.einsum("hwcn,hwcn->cn", shares[rows, columns], x[pixel_rows, pixels], out=share)

    run(lane, lanes, PASS * g.size * tall * wide, writes=(sums,))
    return np.ascontiguousarray(sums.sum((0, 4)).transpose(2, 0, 1)).reshape(c, 1, tall, wide)


def _blocks(
    x: Array, out: Array, kernel: Ints, stride: Ints, before: Ints, dilation: Ints
) -> Iterator[tuple[Slices, Slices, Array]]:
    """Blocks of windows of out (h', w', c, n) that read the same places: (windows, places, pixels).

    The pixels are a view (k, l, h', w', c, n): for each place the one that each window reads there. Places that read no
    pixel are left out, so in a block there may be none.
    """
    steps = x.strides[:2]
    between = tuple(s * d for s, d in zip(steps, dilation, strict=True))
    apart = tuple(s * t for s, t in zip(steps, stride, strict=True))
    axes = zip(kernel, stride, before, dilation, x.shape[:2], out.shape[:2], strict=True)
    for (rows, tall, top), (columns, wide, left) in itertools.product(*(_blocks_along(*axis) for axis in axes)):
        size = (tall.stop - tall.start, wide.stop - wide.start, rows.stop - rows.start, columns.stop - columns.start)
        pixels = overlapping(x, (top, left), (*size, *x.shape[2:]), (*between, *apart, *x.strides[2:]))
        yield (rows, columns), (tall, wide), pixels


@functools.lru_cache(4096)
def _blocks_along(
    kernel: int, stride: int, before: int, dilation: int, size: int, out: int
) -> tuple[tuple[slice, slice, int], ...]:
    """Along one axis, runs of windows that read the same places: (windows, places, first pixel), in order."""

    def places(window: int) -> tuple[int, int]:
        first = window * stride - before  # the pixel of place 0
        begin = min(kernel, max(0, -(first // dilation)))
        return begin, max(begin, min(kernel, (size - 1 - first) // dilation + 1))

    found = []
    for (begin, end), each in itertools.groupby(range(out), places):
        windows = list(each)
        pixel = windows[0] * stride - before + begin * dilation if begin < end else 0
        found.append((slice(windows[0], windows[-1] + 1), slice(begin, end), pixel))
    return tuple(found)


def _parts(out: Array) -> list[tuple[int, int]]:
    """The rows of results (h', w', c, n) in equal parts of about PART_BYTES: (first, last + 1)."""
    count = 1 if 2 * out.nbytes <= PART_BYTES else min(len(out), 2 * math.ceil(out.nbytes / (2 * PART_BYTES)))
    return [(len(out) * i // count, len(out) * (i + 1) // count) for i in range(count)]
