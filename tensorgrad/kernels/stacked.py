"""Correlation of stride 1 with few filters, exact, for two spatial axes: all rows of the filters in one product.

A product with few rows leaves OpenBLAS's kernels half empty. So the kh rows of all filters are stacked: (kh*o, kw*c)
times what a window reads in one row of pixels, (kw*c, n), an overlapping view as in `direct`. That gives each row of
pixels its share in the kh results above it; these are then added up, shifted by a row each. It writes kh times as much
as the result, which pays for the gradient of images with few channels.
"""

import numpy as np

from .buffers import empty
from .direct import left_factor, row_windows
from .threads import run
from .windows import Array, Ints

BAND_BYTES = 1 << 22  # of shares, in the cache
PARTS = 4  # of the columns, for threads
MOST_FILTERS, LEAST_VALUES = 6, 64  # see `correlate_pays`


def correlate(x: Array, weight: Array, bias: Array | None, out: Array, before: Ints) -> None:
    """Write the sums over windows into out (h', w', o, n): weight (o, c, kh, kw).

    Window (i, j) reads at place k, l the pixel (i + k - before, j + l - before), zero where none is.
    """
    height, width, depth, images = out.shape
    tall, wide = weight.shape[2:]
    filters = left_factor(weight.transpose(2, 0, 3, 1), x.shape[-1], 2)  # kh*o kw*c
    shift = 0 if bias is None else np.repeat(bias, images).reshape(depth, images)
    row_bytes = width * len(filters) * images * x.itemsize
    step = max(tall, BAND_BYTES // max(1, row_bytes) - tall + 1)
    columns, size = -(-width // PARTS), weight.size * out.size // len(weight)

    for top in range(0, height, step):
        bottom = min(height, top + step)
        first, last = max(0, top - before[0]), min(len(x), bottom + tall - 1 - before[0])
        shares = empty((max(0, last - first), width, tall, depth, images), x.dtype)

        def multiply(number: int, first: int = first, shares: Array = shares) -> None:
            windows = row_windows(x, first + number, width, wide, before[1])
            np.matmul(filters, windows, out=shares[number].reshape(width, -1, images))

        def add(part: int, top: int = top, bottom: int = bottom, first: int = first, shares: Array = shares) -> None:
            some = slice(part * columns, (part + 1) * columns)
            result = out[top:bottom, some]
            result[...] = shift
            for k in range(tall):
                skip = first + before[0] - k - top  # the result to which the first row of pixels gives its share k
                begin, end = max(0, skip), min(bottom - top, skip + len(shares))
                if begin < end:
                    result[begin:end] += shares[begin - skip : end - skip, some, k]

        run(multiply, len(shares), size, writes=(shares,))
        run(add, -(-width // columns), size, writes=(out,))


def correlate_pays(weight: Ints) -> bool:
    """Whether `correlate` is faster than the other kernels, for filters (o, c, kh, kw).

    Measured on one core of a Zen 5 with OpenBLAS's AVX2 kernels, 16 and 64 images: 1.3 to 3 times as fast as the direct
    kernel, and as Winograd's or faster, with 3 to 6 filters and 64 values of a window in a row; slower with more
    filters or fewer values.
    """
    o, c, tall, wide = weight
    return 1 < o <= MOST_FILTERS and tall > 1 and c * wide >= LEAST_VALUES
