"""The weight gradient of thin images (h, w, c, n) by rows copied once for each place along a kernel's width; exact.

A row of pixels shifted by l is what all windows in a row read in column l of the kernel. With the kw shifted copies of
every row side by side, (row, kw, c, w*n), the windows that begin in row i read rows i to i+kh: a run of memory, so the
columns of im2col, (kh*kw*c, w*n), are an overlapping view and never written. They are multiplied with the results of
the row, (w*n, o), in one product, where `direct` has kw of them, too thin for few channels. Of many channels, the
copies cost more than that saves.

OpenBLAS copies the factors of a product into an order of its own, unless the product is small. With few rows and
columns and a long sum that takes as long as the multiplications, so such a sum is cut into pieces of small products,
which are added: with OpenBLAS's AVX-512 kernels 0.6 of the time, with the AVX2 ones 0.9.
"""

import numpy as np

from .buffers import scratch, zeros
from .direct import SMALL_PRODUCT, lanes_for
from .runs import copy_runs
from .threads import run
from .windows import Array, Ints, places_along

PART_BYTES = 1 << 20  # of shifted rows, in the cache; or more, if most rows would else be copied again and again
FEW_IMAGES, LEAST_COLUMNS, LEAST_PIECE, LEAST_PRODUCT = 16, 32, 64, 1.4e6  # see `_piece`


def weight_grad(g: Array, x: Array, kernel: Ints, stride: Ints, before: Ints) -> Array:
    """Each weight's gradient (o, c, kh, kw), summed over windows and images; g is (h', w', o, n).

    The rows of windows are cut into parts, dealt out to a few sums, which are added in order.
    """
    (height, width, depth, images), (tall, wide), c = g.shape, kernel, x.shape[2]
    row_bytes = stride[0] * wide * c * width * images * g.itemsize
    step = max(1, min(height // 2, max(PART_BYTES // max(1, row_bytes) - tall, 2 * tall // stride[0])))
    parts = -(-height // step)
    count = tall * wide * c
    lanes = min(lanes_for(count * depth * g.itemsize), parts)
    sums = zeros((lanes, count, depth), g.dtype)
    piece = _piece(count, depth, width, images)

    def lane(number: int) -> None:
        for begin in range(number * step, height, lanes * step):
            some = g[begin : begin + step]
            first = begin * stride[0] - before[0]
            columns = _columns(x, first, len(some), width, kernel, stride, before[1])
            if piece:
                shares = scratch("shares", (len(some), width, images, depth), g.dtype)
                np.copyto(shares, some.swapaxes(2, 3))
                products = scratch("products", (width * images // piece, count, depth), g.dtype)
                for row, share in zip(columns, shares, strict=True):
                    left = row.reshape(count, -1, piece).swapaxes(0, 1)
                    sums[number] += np.matmul(left, share.reshape(-1, piece, depth), out=products).sum(0)
            else:
                shares = scratch("shares", (len(some), depth, width, images), g.dtype)
                copy_runs(shares, some.swapaxes(1, 2))
                for product in np.matmul(columns, shares.reshape(len(some), depth, -1).swapaxes(1, 2)):
                    sums[number] += product

    run(lane, lanes, g.size * count, writes=(sums,))
    return np.ascontiguousarray(sums.sum(0).reshape(tall, wide, c, depth).transpose(3, 2, 0, 1))


def _piece(rows: int, columns: int, width: int, images: int) -> int:
    """The length of pieces of a sum over a row of windows, whose products are small; 0 if it is better left whole.

    The right factor is then turned value by value, which pays with few images.
    """
    if images > FEW_IMAGES or columns < LEAST_COLUMNS or rows * columns * width * images <= LEAST_PRODUCT:
        return 0
    lengths = [images * n for n in range(1, width) if width % n == 0]
    return max([n for n in lengths if LEAST_PIECE <= n <= SMALL_PRODUCT / (rows * columns)], default=0)


def _columns(x: Array, first: int, count: int, width: int, kernel: Ints, stride: Ints, before: int) -> Array:
    """What `count` rows of windows read, the first from row `first` of x on: (row, kh*kw*c, w*n), overlapping views."""
    (tall, wide), (_, across, c, images) = kernel, x.shape
    rows = scratch("shifted", ((count - 1) * stride[0] + tall, wide, c, width, images), x.dtype)
    (there, pixels) = places_along(1, 1, -first, 1, len(x), len(rows))[0]
    rows[: there.start] = 0
    rows[there.stop :] = 0
    for place, (windows, columns) in enumerate(places_along(wide, stride[1], before, 1, across, width)):
        target = rows[there, place]
        target[:, :, : windows.start] = 0
        target[:, :, windows.stop :] = 0
        copy_runs(target[:, :, windows], x[pixels, columns].swapaxes(1, 2))
    row, _, _, _, item = rows.strides
    run_length = width * images
    return np.ndarray(
        (count, tall * wide * c, run_length), x.dtype, rows, strides=(row * stride[0], run_length * item, item)
    )
