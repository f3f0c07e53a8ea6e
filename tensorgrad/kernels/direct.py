"""Convolution of images (h, w, c, n) by products of windows as they lie in memory; exact, for two spatial axes.

In a row of pixels, the matrix (kw*c, n) that a window reads begins one pixel's values after that of the window before,
so all windows are views of the row, overlapping. Only the kh rows that a window spans are copied side by side, into one
row (w, kh, c, n) with its padding; then the matrices are (kw*kh*c, n). Columns, as im2col writes them, would be kw
times as many copies. The products are small, (o, k) times (k, n) for every window: BLAS libraries compute small
products straight from memory, while for large ones they first copy both factors into an order of their own.

The weight gradient sums over windows and images, which lie apart here. So rows are turned into (kh*c, w*n), each once,
and a shift along the row is a shift of w*n columns.
"""

import functools
import math

import numpy as np

from .buffers import scratch, zeros
from .layout import SMALL_BATCH
from .runs import copy_runs
from .threads import SMALL, run
from .windows import Array, Ints, overlapping, places_along

SMALL_PRODUCT = 1e6  # multiplications up to which OpenBLAS takes the factors as they lie
LEAST_ROWS = 16  # of a product's left factor: with fewer, its kernels run half empty
BY_COLUMNS = 1 << 15  # values of a left factor up to which it is to lie by columns
BY_COLUMNS_OF_FEW = 1 << 19  # the same with 8 images, of filters that all pixels are multiplied with in turn
PART_BYTES = 1 << 20  # of rows with their windows' height: near the cache, but shorter parts keep threads from work
PIECE, FEW = 512, 1536  # the piece of a long sum, and rows times columns from which on whole sums are faster
LANES, LANES_BYTES = 8, 1 << 22  # partial sums of the weight gradient, whatever the number of threads; all together


def correlate(x: Array, weight: Array, bias: Array | None, out: Array, stride: Ints, before: Ints) -> None:
    """Write the sums over windows into out (h', w', o, n), its last two axes contiguous: weight (o, c, kh, kw).

    Window (i, j) reads at place k, l the pixel (i*stride + k - before, j*stride + l - before), zero where none is.
    """
    filters = left_factor(weight.transpose(0, 3, 2, 1), x.shape[-1])  # o kw*kh*c
    blocks = small_parts(len(filters), filters.shape[1] * x.shape[-1])
    split = filters.reshape(blocks, 1, 1, -1, filters.shape[1])
    shift = None if bias is None else np.repeat(bias, x.shape[-1]).reshape(len(bias), -1)

    columns = (out.shape[1] - 1) * stride[1] + weight.shape[3]
    row_bytes = columns * weight.shape[2] * x.shape[2] * x.shape[3] * x.itemsize
    size = weight.size * out.size // len(weight)
    even = 2 if size >= SMALL else 1  # as much for each of two threads
    parts = min(len(out), even * math.ceil(len(out) * row_bytes / (even * PART_BYTES)))

    def some(number: int) -> None:
        rows = slice(len(out) * number // parts, len(out) * (number + 1) // parts)
        windows = _windows(x, rows, out.shape[1], weight.shape[2:], stride, before)
        result = out[rows]
        target = result.reshape(*result.shape[:2], blocks, -1, result.shape[-1])
        np.matmul(split, windows, out=target.transpose(2, 0, 1, 3, 4))
        if shift is not None:
            result += shift

    run(some, parts, size, writes=(out,))


def weight_grad(g: Array, x: Array, kernel: Ints, stride: Ints, before: Ints) -> Array:
    """Each weight's gradient (o, c, kh, kw), summed over windows and images; g is (h', w', o, n).

    The rows of windows are cut into parts, whose sums are added in order.
    """
    (height, width, depth, images), (_, _, c, _) = g.shape, x.shape
    tall, lanes = kernel[0], min(lanes_for(c * depth * kernel[0] * kernel[1] * g.itemsize), height)
    sums = zeros((lanes, kernel[1], tall, c, depth), g.dtype)  # lane kw kh c o
    # Columns l, l + stride, l + 2*stride ... of a padded row lie together, so that every shift is a run.
    phases = stride[1]
    steps = width + (kernel[1] - 1) // phases

    def lane(number: int) -> None:
        begin, end = height * number // lanes, height * (number + 1) // lanes
        rows = scratch("rows", (phases, tall, c, steps, images), g.dtype)  # row h of x in place h % tall
        held = [begin * stride[0] - before[0] - tall] * tall
        share = scratch("share", (depth, width, images), g.dtype)
        for i in range(begin, end):
            copy_runs(share, g[i].swapaxes(0, 1))
            shares = share.reshape(depth, -1).T
            first = i * stride[0] - before[0]
            for h in range(first, first + tall):
                if held[h % tall] != h:
                    held[h % tall] = h
                    _turn(x, h, rows[:, h % tall], before[1])
            turn = first % tall  # the place of the first row that these windows read
            shifts = [
                rows[phase].reshape(tall * c, -1)[:, skip * images : (skip + width) * images]
                for skip, phase in (divmod(place, phases) for place in range(kernel[1]))
            ]
            products = [_long_product(shift, shares).reshape(tall, c, depth) for shift in shifts]
            for place, product in enumerate(products):
                sums[number, place, : tall - turn] += product[turn:]
                sums[number, place, tall - turn :] += product[:turn]

    run(lane, lanes, g.size * c * kernel[0] * kernel[1], writes=(sums,))
    return np.ascontiguousarray(sums.sum(0).transpose(3, 2, 1, 0))


def _windows(x: Array, rows: slice, count: int, kernel: Ints, stride: Ints, before: Ints) -> Array:
    """What the windows in some rows read: (rows, count, kw*kh*c, n), overlapping views."""
    height, width, c, images = x.shape
    columns = (count - 1) * stride[1] + kernel[1]
    last = (rows.stop - 1) * stride[0]
    if kernel == (1, 1) and before == (0, 0) and columns <= width and last < height:
        return x[rows.start * stride[0] : last + 1 : stride[0], : columns : stride[1]]
    span = scratch("span", (rows.stop - rows.start, columns, kernel[0], c, images), x.dtype)
    (inner, across) = places_along(1, 1, before[1], 1, width, columns)[0]
    if inner.start:
        span[:, : inner.start] = 0
    if inner.stop < columns:
        span[:, inner.stop :] = 0
    top = rows.start * stride[0] - before[0]  # the first row of pixels that the first windows read
    along = places_along(kernel[0], stride[0], -top, 1, height, len(span))
    first, end = max(windows.start for windows, _ in along), min(windows.stop for windows, _ in along)
    if first < end and across.start < across.stop:  # windows with all rows in the image: one copy, overlapping views
        row, column, *inside = x.strides
        shape = (end - first, across.stop - across.start, kernel[0], c, images)
        begin = (top + first * stride[0], across.start)
        span[first:end, inner] = overlapping(x, begin, shape, (row * stride[0], column, row, *inside))
    for y in (*range(min(first, len(span))), *range(max(first, end), len(span))):
        for k in range(kernel[0]):
            h = top + y * stride[0] + k
            span[y, inner, k] = x[h, across] if 0 <= h < height else 0
    row, step, _, _, item = span.strides
    return np.ndarray(
        (len(span), count, kernel[1] * kernel[0] * c, images),
        x.dtype,
        span,
        strides=(row, step * stride[1], images * item, item),
    )


def row_windows(x: Array, row: int, count: int, wide: int, before: int) -> Array:
    """What windows of one row of pixels read: (count, wide*c, n), overlapping views."""
    return _windows(x, slice(row, row + 1), count, (1, wide), (1, 1), (0, before))[0]


def lanes_for(size: int) -> int:
    """How many partial sums of `size` bytes to make: fewer where they are large, for they are all kept at a time."""
    return max(2, min(LANES, LANES_BYTES // max(1, size)))


def _long_product(x: Array, y: Array) -> Array:
    """x @ y of few rows and columns, but a long sum: in pieces, which OpenBLAS does faster if there are very few."""
    count = x.shape[1] // PIECE
    if len(x) * y.shape[1] > FEW or count < 2 or x.shape[1] % PIECE:
        return np.asarray(x @ y)
    pieces = np.matmul(x.reshape(len(x), count, PIECE).swapaxes(0, 1), y.reshape(count, PIECE, -1))
    return np.asarray(pieces.sum(0))


def _turn(x: Array, h: int, target: Array, before: int) -> None:
    """Row h of x (w, c, n) as (phase, c, step, n): pixel step*phases + phase - before, zero where there is none."""
    if not 0 <= h < len(x):
        target[...] = 0
        return
    phases, _, steps, _ = target.shape
    for phase in range(phases):
        (windows, pixels) = places_along(1, phases, before - phase, 1, x.shape[1], steps)[0]
        target[phase, :, : windows.start] = 0
        copy_runs(target[phase, :, windows], x[h, pixels].swapaxes(0, 1))
        target[phase, :, windows.stop :] = 0


def by_columns(rows: int, columns: int, images: int, most_of_few: int = 1 << 16) -> bool:
    """Whether the left factor of small products with a pixel's values (c, n) is to lie by columns, runs of its rows.

    Against rows, such a product takes 0.6 to 0.85 of the time with 8 images, 0.85 with 16, 0.9 with 32 and 0.95 with 64
    (OpenBLAS's AVX-512 kernels; the AVX2 ones 0.8 to 0.95, 0.92, 0.96 and 0.98), but up to 1.8 times if it has few rows
    and up to 1.7 times if it is large. With 8 images it may have more values.
    """
    most = most_of_few if images <= SMALL_BATCH else BY_COLUMNS
    return rows >= LEAST_ROWS and rows * columns <= most


def left_factor(filters: Array, images: int, row_axes: int = 1) -> Array:
    """Filters, whose first axes are rows and the others columns, as a matrix by rows or columns: see `by_columns`."""
    rows, columns = math.prod(filters.shape[:row_axes]), math.prod(filters.shape[row_axes:])
    if by_columns(rows, columns, images, BY_COLUMNS_OF_FEW):
        axes = (*range(row_axes, filters.ndim), *range(row_axes))
        return np.ascontiguousarray(filters.transpose(axes).reshape(columns, rows)).T
    return np.ascontiguousarray(filters.reshape(rows, columns))


@functools.lru_cache(1024)
def small_parts(size: int, other: int) -> int:
    """Into how many equal parts to cut `size`, for products of size*other multiplications that OpenBLAS takes as small.

    Or 1, if parts would be thinner than LEAST_ROWS.
    """
    if size * other <= SMALL_PRODUCT:
        return 1
    counts = range(2, size // LEAST_ROWS + 1)
    return next((n for n in counts if size % n == 0 and size // n * other <= SMALL_PRODUCT), 1)
