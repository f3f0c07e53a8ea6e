"""Winograd's algorithm for few images: strips of an image, four results wide, are taken for images of their own.

With few images in pixels (h, w, c, n) the matrices (c, n) of each tile are too thin for BLAS. But all tiles of a row
are transformed with the same matrices. So an image (c, h, w, n), in the order for few images, is copied as strips
(h, 6, c, t*n), t strips to a row, each with the two columns that it shares with the next one, and `winograd` computes
t*n images of one tile's width. The copies cost half a column more of each four, and pay from 64 channels on.
"""

from . import winograd
from .buffers import empty
from .points import BLOCK, TILE
from .threads import run
from .windows import Array, Ints

LEAST_IMAGES, LEAST_IMAGES_SUMMED, LEAST_HALF = 14, 28, 32  # see `correlate_pays`
COPY_WORK = 8  # multiplications that take as long as to copy a value


def correlate(x: Array, weight: Array, bias: Array | None, out: Array, before: Ints) -> None:
    """Write the sums over windows into out (o, h', w', n): x (c, h, w, n), weight (o, c, 3, 3), stride 1.

    Window (i, j) reads at place k, l the pixel (i + k - before, j + l - before), zero where there is none.
    """
    depth, height, width, images = out.shape
    count = _strips(width)
    strips = _cut(x, BLOCK, before[1], count)
    results = empty((height, TILE, depth, count * images), x.dtype)
    winograd.correlate(strips, weight, bias, results, (before[0], 0))
    columns = results.reshape(height, TILE, depth, count, images)

    def join(place: int) -> None:
        target = out[:, :, place::TILE]
        target[...] = columns[:, place, :, : target.shape[2]].swapaxes(0, 1)

    run(join, min(TILE, width), COPY_WORK * out.size)


def weight_grad(g: Array, x: Array, before: Ints) -> Array:
    """Each weight's gradient (o, c, 3, 3), summed over windows and images; g is (o, h', w', n), x (c, h, w, n)."""
    count = _strips(g.shape[2])
    return winograd.weight_grad(_cut(g, TILE, 0, count), _cut(x, BLOCK, before[1], count), (before[0], 0))


def correlate_pays(c: int, o: int, height: int, width: int, images: int) -> bool:
    """Whether this is faster than im2col, for results of this size.

    Measured at 1 to 6 images on one core of a Zen 5 with OpenBLAS's AVX2 kernels: 1.3 to 1.6 times as fast with 64
    channels on 32x32 to 224x224, 1.5 to 1.8 with 128 and more; not faster with less than 14 strips in all, or 32
    channels. Unequal channels count by c*o/(c+o), of equal ones the half. Of what hangs over, most is lost.
    """
    count, half = _strips(width), c * o / (c + o)
    computed = count * _strips(height) * TILE * TILE
    return half >= LEAST_HALF and count * images >= LEAST_IMAGES and computed < (0.75 + half / 64) * height * width


def weight_grad_pays(c: int, o: int, height: int, width: int, images: int) -> bool:
    """Likewise for the weight gradient, whose products sum over the strips: 1.2 to 1.4 times as fast from 28 on."""
    return _strips(width) * images >= LEAST_IMAGES_SUMMED and correlate_pays(c, o, height, width, images)


def _strips(width: int) -> int:
    return -(-width // TILE)


def _cut(x: Array, wide: int, before: int, count: int) -> Array:
    """Strips (h, wide, c, t*n) of x (c, h, w, n): pixel j of strip t is t*TILE + j - before, zero where none is."""
    c, height, width, images = x.shape
    out = empty((height, wide, c, count, images), x.dtype)

    def column(place: int) -> None:
        first = place - before
        begin, end = max(0, -(first // TILE)), min(count, (width - 1 - first) // TILE + 1)
        target = out[:, place]
        target[:, :, : max(0, begin)] = 0
        target[:, :, max(begin, end) :] = 0
        if begin < end:
            pixels = slice(first + begin * TILE, first + (end - 1) * TILE + 1, TILE)
            target[:, :, begin:end] = x[:, :, pixels].swapaxes(0, 1)

    run(column, wide, COPY_WORK * out.size)
    return out.reshape(height, wide, c, count * images)
