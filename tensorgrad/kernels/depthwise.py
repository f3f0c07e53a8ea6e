"""Depthwise convolution of images (h, w, c, n), one filter to a channel: by adding up shifted rows; exact.

There is nothing that a product of matrices could share, so for each place of the kernel some rows of pixels are
multiplied by the weights of that place and added to the rows of results: two passes over rows that lie in the cache.
The weights are repeated for every image, that a pixel's c*n values be one run.
"""

import math

import numpy as np

from .buffers import scratch
from .threads import run
from .windows import Array, Ints, places_along

LANES = 8  # partial sums of the weight gradient, always the same whatever the number of threads
PART_BYTES = 1 << 20  # of rows, near the cache: with shorter calls threads wait for each other
PASS = 8  # multiplications of a product of matrices that take as long as to multiply and to add one value here


def correlate(
    x: Array, weight: Array, bias: Array | None, out: Array, stride: Ints, before: Ints, dilation: Ints
) -> None:
    """Write the sums over windows into out (h', w', c, n): weight (c, 1, kh, kw).

    Window (i, j) reads at place k, l the pixel (i*stride + k*dilation - before, ...), zero where there is none.
    """
    (_, width, c, images), (tall, wide) = out.shape, weight.shape[2:]
    repeated = np.repeat(weight.transpose(2, 3, 1, 0), images, axis=3).reshape(tall, wide, c, images)
    shift = 0 if bias is None else np.repeat(bias, images).reshape(c, images)
    across = places_along(wide, stride[1], before[1], dilation[1], x.shape[1], width)
    parts = _parts(out)

    def part(number: int) -> None:
        first, last = parts[number]
        result = out[first:last]
        result[...] = shift
        products = scratch("products", result.shape, x.dtype)
        along = places_along(tall, stride[0], before[0] - first * stride[0], dilation[0], len(x), last - first)
        for weights, (rows, pixel_rows) in zip(repeated, along, strict=True):
            for values, (columns, pixels) in zip(weights, across, strict=True):
                product = products[rows, columns]
                np.multiply(x[pixel_rows, pixels], values, out=product)
                result[rows, columns] += product

    run(part, len(parts), PASS * out.size * tall * wide)


def weight_grad(g: Array, x: Array, kernel: Ints, stride: Ints, before: Ints, dilation: Ints) -> Array:
    """Each weight's gradient (c, 1, kh, kw), summed over windows and images; g is (h', w', c, n).

    The rows of windows are dealt out to a few sums, which are added in order.
    """
    (_, width, c, images), (tall, wide) = g.shape, kernel
    across = places_along(wide, stride[1], before[1], dilation[1], x.shape[1], width)
    parts = _parts(g)
    lanes = min(LANES, len(parts))
    sums = np.zeros((lanes, tall, wide, c, images), g.dtype)

    def lane(number: int) -> None:
        line = scratch("line", (c, images), g.dtype)
        for first, last in parts[len(parts) * number // lanes : len(parts) * (number + 1) // lanes]:
            shares = g[first:last]
            products = scratch("products", shares.shape, g.dtype)
            along = places_along(tall, stride[0], before[0] - first * stride[0], dilation[0], len(x), last - first)
            for totals, (rows, pixel_rows) in zip(sums[number], along, strict=True):
                for total, (columns, pixels) in zip(totals, across, strict=True):
                    product = products[rows, columns]
                    np.multiply(shares[rows, columns], x[pixel_rows, pixels], out=product)
                    total += np.add.reduce(product, (0, 1), out=line)

    run(lane, lanes, PASS * g.size * tall * wide)
    return np.ascontiguousarray(sums.sum((0, 4)).transpose(2, 0, 1)).reshape(c, 1, tall, wide)


def _parts(out: Array) -> list[tuple[int, int]]:
    """The rows of results (h', w', c, n) in equal parts of about PART_BYTES: (first, last + 1)."""
    count = 1 if 2 * out.nbytes <= PART_BYTES else min(len(out), 2 * math.ceil(out.nbytes / (2 * PART_BYTES)))
    return [(len(out) * i // count, len(out) * (i + 1) // count) for i in range(count)]
