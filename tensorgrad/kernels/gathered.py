"""The weight gradient of images (h, w, c, n) by one product for each place of the kernel; exact.

All pixels that windows read at place k, l are gathered as (c, h'*w'*n), and the results, (o, h'*w'*n), multiplied with
them turned round.
The sum over windows and images is one long product, and no partial sums are added, as they are in `direct` for every
row: of many filters on small images those are far larger than the pixels that are copied here.
"""

import numpy as np

from .buffers import empty, scratch
from .runs import copy_runs
from .threads import COPY_WORK, run
from .windows import Array, Ints, places_along

AT_ONCE = 1 << 16  # filter weights of a place that are brought into their order together
LEAST_FILTERS = 8  # for each pixel and image of a row of results; see `weight_grad_pays`


def weight_grad(g: Array, x: Array, kernel: Ints, stride: Ints, before: Ints) -> Array:
    """Each weight's gradient (o, c, kh, kw), summed over windows and images; g is (h', w', o, n)."""
    (height, width, depth, images), (tall, wide), c = g.shape, kernel, x.shape[2]
    shares = empty((depth, height, width, images), g.dtype)
    copy_runs(shares, g.transpose(2, 0, 1, 3))
    along = places_along(tall, stride[0], before[0], 1, x.shape[0], height)
    across = places_along(wide, stride[1], before[1], 1, x.shape[1], width)
    planes = empty((tall * wide, depth * c), g.dtype)

    def place(number: int) -> None:
        row, column = divmod(number, wide)
        (rows, pixel_rows), (columns, pixel_columns) = along[row], across[column]
        read = scratch("read", (c, height, width, images), g.dtype)
        read[:, : rows.start] = 0
        read[:, rows.stop :] = 0
        read[:, rows, : columns.start] = 0
        read[:, rows, columns.stop :] = 0
        copy_runs(read[:, rows, columns], x[pixel_rows, pixel_columns].transpose(2, 0, 1, 3))
        np.matmul(shares.reshape(depth, -1), read.reshape(c, -1).T, out=planes[number].reshape(depth, c))

    run(place, tall * wide, g.size * c * tall * wide, writes=(planes,))
    out = empty((depth * c, tall * wide), g.dtype)

    def turn(number: int) -> None:
        some = slice(number * AT_ONCE, (number + 1) * AT_ONCE)
        np.copyto(out[some], planes[:, some].T)

    run(turn, -(-len(out) // AT_ONCE), COPY_WORK * out.size, writes=(out,))
    return out.reshape(depth, c, tall, wide)


def weight_grad_pays(filters: int, width: int, images: int) -> bool:
    """Whether `weight_grad` is faster than `direct` and `shifted`, for so many filters and results of this width.

    Measured on one core of a Zen 5 with OpenBLAS's AVX2 kernels: with 8 images of 7x7, 512 filters 1.8 times as fast,
    and 1.1 times with a stride; as fast with 256 filters on 14x14, slower on larger images.
    """
    return filters >= LEAST_FILTERS * width * images
