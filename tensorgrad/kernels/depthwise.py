"""Depthwise convolution of images (h, w, c, n), one filter to a channel: by adding up shifted rows; exact.

There is nothing that a product of matrices could share, so for each place of the kernel a row of pixels is multiplied
by the weights of that place and added to the row of results: two passes over rows that lie in the cache, of w*c*n
values each. The weights are repeated for every image, that a pixel's c*n values be one run.
"""

import numpy as np

from .buffers import scratch
from .threads import run
from .windows import Array, Ints, places_along

LANES = 8  # partial sums of the weight gradient, always the same whatever the number of threads
PASS = 8  # multiplications of a product of matrices that take as long as to multiply and to add one value here


def correlate(
    x: Array, weight: Array, bias: Array | None, out: Array, stride: Ints, before: Ints, dilation: Ints
) -> None:
    """Write the sums over windows into out (h', w', c, n): weight (c, 1, kh, kw).

    Window (i, j) reads at place k, l the pixel (i*stride + k*dilation - before, ...), zero where there is none.
    """
    (height, width, c, images), (tall, wide) = out.shape, weight.shape[2:]
    repeated = np.repeat(weight.transpose(2, 3, 1, 0), images, axis=3).reshape(tall, wide, c, images)
    shift = 0 if bias is None else np.repeat(bias, images).reshape(c, images)
    along = places_along(tall, stride[0], before[0], dilation[0], len(x), height)
    across = places_along(wide, stride[1], before[1], dilation[1], x.shape[1], width)

    def row(i: int) -> None:
        result = out[i]
        result[...] = shift
        products = scratch("products", result.shape, x.dtype)
        for weights, (rows, pixel_rows) in zip(repeated, along, strict=True):
            if rows.start <= i < rows.stop:
                read = x[pixel_rows.start + (i - rows.start) * stride[0]]
                for values, (columns, pixels) in zip(weights, across, strict=True):
                    product = products[columns]
                    np.multiply(read[pixels], values, out=product)
                    result[columns] += product

    run(row, height, PASS * out.size * tall * wide)


def weight_grad(g: Array, x: Array, kernel: Ints, stride: Ints, before: Ints, dilation: Ints) -> Array:
    """Each weight's gradient (c, 1, kh, kw), summed over windows and images; g is (h', w', c, n).

    The rows of windows are dealt out to a few sums, which are added in order.
    """
    (height, width, c, images), (tall, wide) = g.shape, kernel
    lanes = min(LANES, height)
    sums = np.zeros((lanes, tall, wide, c, images), g.dtype)
    along = places_along(tall, stride[0], before[0], dilation[0], len(x), height)
    across = places_along(wide, stride[1], before[1], dilation[1], x.shape[1], width)

    def lane(number: int) -> None:
        products = scratch("products", (width, c, images), g.dtype)
        line = scratch("line", (c, images), g.dtype)
        for i in range(height * number // lanes, height * (number + 1) // lanes):
            for totals, (rows, pixel_rows) in zip(sums[number], along, strict=True):
                if rows.start <= i < rows.stop:
                    read = x[pixel_rows.start + (i - rows.start) * stride[0]]
                    for total, (columns, pixels) in zip(totals, across, strict=True):
                        product = products[columns]
                        np.multiply(g[i, columns], read[pixels], out=product)
                        total += np.add.reduce(product, 0, out=line)

    run(lane, lanes, PASS * g.size * tall * wide)
    return np.ascontiguousarray(sums.sum((0, 4)).transpose(2, 0, 1)).reshape(c, 1, tall, wide)
