"""Convolution as a matrix product: columns of what the windows read, times the filters. Exact, for every setting.

Chellapilla, Puri and Simard, "High Performance Convolutional Neural Networks for Document Processing" (2006),
https://inria.hal.science/inria-00112631. Here the columns of a part of the windows are laid out, multiplied while they
are in the cache, and overwritten by the next part's, in each thread. A 1x1 convolution needs no columns: the image is
the matrix.

Axes as in `columns`: c channel in, o channel out (both within their group where there are groups, g), k kernel place,
y window, n image. Images are (c, *x, n), see `layout`.
"""

import math

import numpy as np

from . import columns as parts_of
from .buffers import empty, scratch
from .columns import fill, parts
from .runs import copy_runs
from .threads import COPY_WORK, run
from .transpose import copy_turned
from .windows import Array, Ints, Slices, work_dtype

LANES = 8  # partial sums of the weight gradient, always the same whatever the number of threads
MANY_BYTES = 1 << 20  # filters from which on the weight gradient is cut by channels, not by windows


def correlate(
    x: Array,
    weight: Array,
    bias: Array | None,
    out: Array,
    stride: Ints,
    before: Ints,
    dilation: Ints,
    groups: int,
) -> None:
    """Write the sums over windows into out (g*o, *y, n), which may be any view: x (g*c, *x, n), weight (g*o, c, *k).

    Window y reads at place k the pixel y*stride + k*dilation - before, zero where there is none.
    """
    work, images = work_dtype(x.dtype), x.shape[-1]
    kernel, channels = weight.shape[2:], weight.shape[0]
    depth = math.prod(weight.shape[1:])
    filters = weight.reshape(groups, channels // groups, depth).astype(work, copy=False)
    is_image = _reads_pixels(x, kernel, out.shape[1:-1], stride, before)
    is_direct = out.flags.c_contiguous and out.dtype == work
    window_bytes = x.shape[0] * math.prod(kernel) * images * work.itemsize
    todo = parts(out.shape[1:-1], window_bytes, parts_of.CHUNK_BYTES)

    def work_on(number: int) -> None:
        part = todo[number]
        columns = _columns(x, kernel, part, stride, before, dilation, work, is_image)
        block = out[(slice(None), *part)]
        count = math.prod(block.shape[1:])
        columns = columns.reshape(groups, depth, count)
        if is_direct:
            result = block.reshape(groups, channels // groups, count)
        else:
            result = scratch("result", (groups, channels // groups, count), work)
        np.matmul(filters, columns, out=result)
        if bias is not None:
            result += bias.reshape(groups, -1, 1)
        if not is_direct:
            copy_runs(block, result.reshape(block.shape))

    copies = math.prod(out.shape[1:]) * x.shape[0] * math.prod(kernel)
    run(work_on, len(todo), max(out.size * depth, COPY_WORK * copies))


def weight_grad(g: Array, x: Array, shape: Ints, stride: Ints, before: Ints, dilation: Ints, groups: int) -> Array:
    """Each weight's gradient, summed over windows and images: `shape` is (g*o, c, *k); g is (g*o, *y, n).

    Few filters: the windows are cut into parts, dealt out to LANES sums, which are added in order at the end. Many:
    adding up large sums for every part would cost more than the products, so the channels are cut instead.
    """
    work, images = work_dtype(x.dtype), x.shape[-1]
    kernel, channels, places = shape[2:], shape[0] // groups, math.prod(shape[2:])
    size = g.shape[1:-1]
    is_image = _reads_pixels(x, kernel, size, stride, before)
    is_many = groups == 1 and math.prod(shape) * work.itemsize >= MANY_BYTES
    step = max(1, -(-shape[1] // LANES)) if is_many else shape[1]  # channels in one block of columns
    window_bytes = (step if is_many else x.shape[0]) * places * images * work.itemsize
    todo = parts(size, window_bytes, parts_of.CHUNK_BYTES)
    lanes = 1 if is_many else min(LANES, len(todo))
    cost = max(g.size * shape[1] * places, COPY_WORK * math.prod(g.shape[1:]) * x.shape[0] * places)
    sums = np.zeros((lanes, groups, shape[1] * places, channels), work)  # lane g c*k o: as the product gives them

    def add(target: Array, image: Array, part: Slices) -> None:
        columns = _columns(image, kernel, part, stride, before, dilation, work, is_image)
        block = g[(slice(None), *part)]
        count = math.prod(block.shape[1:])
        results = block.reshape(groups, channels, count).astype(work, copy=False)
        target += columns.reshape(groups, target.shape[1], count) @ results.swapaxes(1, 2)

    def lane(number: int) -> None:
        for part in todo[number::lanes]:
            add(sums[number], x, part)

    def block_of_channels(number: int) -> None:
        c = slice(number * step, (number + 1) * step)
        for part in todo:
            add(sums[0, :, c.start * places : c.stop * places], x[c], part)

    if is_many:
        run(block_of_channels, -(-shape[1] // step), cost)
    else:
        run(lane, lanes, cost)
    total = (sums[0] if lanes == 1 else sums.sum(0)).swapaxes(1, 2)
    out = empty(total.shape, work)
    copy_turned(out, total)
    return out.astype(g.dtype, copy=False).reshape(shape)


def _columns(
    x: Array,
    kernel: Ints,
    part: Slices,
    stride: Ints,
    before: Ints,
    dilation: Ints,
    dtype: np.dtype,
    is_image: bool,
) -> Array:
    """The columns (c, *k, *y, n) of a part of the windows: the image itself where each window is its pixel."""
    if is_image:
        return x[(slice(None), *part)].astype(dtype, copy=False)
    windows = tuple(p.stop - p.start for p in part)
    columns = scratch("columns", (x.shape[0], *kernel, *windows, x.shape[-1]), dtype)
    fill(columns, x, part, stride, before, dilation)
    return columns


def _reads_pixels(x: Array, kernel: Ints, out_size: Ints, stride: Ints, before: Ints) -> bool:
    """Whether window y reads pixel y alone."""
    return math.prod(kernel) == 1 and set(stride) == {1} and not any(before) and out_size == x.shape[1:-1]
