"""Matrix products over our threads, with BLAS held to one: the same bits for any number of threads."""

import numpy as np

from .blas import in_one_thread, takes_small_products
from .buffers import empty
from .threads import run
from .windows import Array

SMALL = 1 << 18  # multiplications: OpenBLAS does smaller products in one thread anyway, and with vectors below
SMALL_WITH_VECTOR = 9216
LARGE = 1 << 23  # from here on the product is cut into blocks, of at least LEAST_ROWS rows or columns
BLOCK = 6 << 20  # multiplications in a block, or more where that makes more than BLOCKS
BLOCKS, LEAST_ROWS = 8, 16
# OpenBLAS with AVX-512 copies the factors of a product before it multiplies, but for small ones: up to so many
# multiplications and, where the right factor is a transpose, results. Rows or columns so few are not worth a copy.
PART, PART_RESULTS = 10**6, 1200
FEW_ROWS, FEW_COLUMNS, LONG, VECTOR = 32, 16, 8, 8
STORE_WORK = 16  # multiplications of a matrix product that take as long as one by itself, which is stored


def matmul(x: Array, y: Array) -> Array:
    """np.matmul(x, y), of vectors, matrices or stacks of them."""
    if x.ndim > 1 and y.ndim > 1 and x.shape[-1] == 1 and x.dtype == y.dtype:
        return outer(x, y)
    size = x.size * y.shape[-1]
    if size < SMALL_WITH_VECTOR or (size < SMALL and not _is_vector(x, y)):
        return np.asarray(np.matmul(x, y))
    if x.ndim > 2 and y.ndim == 2 and x.flags.c_contiguous:
        return matmul(x.reshape(-1, x.shape[-1]), y).reshape(*x.shape[:-1], y.shape[1])
    if x.ndim != 2 or y.ndim != 2 or x.dtype != y.dtype or x.dtype.kind != "f":
        return np.asarray(in_one_thread(lambda: np.matmul(x, y)))
    part = part_columns(x, y)
    if size < LARGE and not part:
        return np.asarray(in_one_thread(lambda: np.matmul(x, y)))
    out = empty((x.shape[0], y.shape[1]), x.dtype)
    if size < LARGE:
        in_one_thread(lambda: multiply(x, y, out, part))
        return out
    by_rows = x.shape[0] >= y.shape[1] and not part
    count = x.shape[0] if by_rows else y.shape[1]
    step = max(LEAST_ROWS, -(-count // max(2, min(BLOCKS, size // BLOCK))))

    def block(number: int) -> None:
        at = slice(number * step, (number + 1) * step)
        if by_rows:
            np.matmul(x[at], y, out=out[at])
        else:
            multiply(x, y[:, at], out[:, at], part)

    run(block, -(-count // step), size, writes=(out,))
    return out


def _is_vector(x: Array, y: Array) -> bool:
    """Whether one of the factors of each product is a vector, or a matrix of one row or column."""
    return x.ndim == 1 or y.ndim == 1 or x.shape[-2] == 1 or y.shape[-1] == 1


def part_columns(x: Array, y: Array) -> int:
    """How many columns of y at a time are multiplied fastest; 0 for all at once.

    Up to 32 rows times a transpose, as in a linear layer, take 0.2 to 0.9 of the time: 8 images, 512 features and 1,000
    classes 85 microseconds in place of 260.
    """
    rows, inner = x.shape
    few = 2 <= rows <= FEW_ROWS or 2 <= y.shape[1] <= FEW_COLUMNS < rows
    if not few or inner < LONG * rows or x.dtype != np.float32 or y.strides[0] != y.itemsize:
        return 0
    part = min(PART_RESULTS // rows, PART // (rows * inner)) // VECTOR * VECTOR
    return part if part < y.shape[1] and takes_small_products() else 0


def multiply(x: Array, y: Array, out: Array, part: int) -> None:
    """x times y, by so many columns of y at a time; by all if `part` is 0."""
    step = part or y.shape[1]
    for i in range(0, y.shape[1], step):
        np.matmul(x, y[:, i : i + step], out=out[:, i : i + step])


def outer(x: Array, y: Array) -> Array:
    """Columns (..., n, 1) times rows (..., 1, m): single products, for which BLAS takes four times as long."""
    size = x.size * y.shape[-1]
    if x.ndim != 2 or y.ndim != 2 or size < SMALL:
        return np.asarray(np.multiply(x, y))
    out = empty((x.shape[0], y.shape[1]), x.dtype)
    step = -(-x.shape[0] // BLOCKS)

    def block(number: int) -> None:
        at = slice(number * step, (number + 1) * step)
        np.multiply(x[at], y, out=out[at])

    run(block, -(-x.shape[0] // step), STORE_WORK * size, writes=(out,))
    return out
