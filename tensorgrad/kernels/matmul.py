"""Matrix products over our threads, with BLAS held to one: the same bits for any number of threads."""

import numpy as np

from .blas import in_one_thread
from .buffers import empty
from .threads import run
from .windows import Array

SMALL = 1 << 18  # multiplications: OpenBLAS does smaller products in one thread anyway
LARGE = 1 << 23  # from here on the product is cut into blocks, of at least LEAST_ROWS rows or columns
BLOCK = 6 << 20  # multiplications in a block, or more where that makes more than BLOCKS
BLOCKS, LEAST_ROWS = 8, 16
STORE_WORK = 16  # multiplications of a matrix product that take as long as one by itself, which is stored


def matmul(x: Array, y: Array) -> Array:
    """np.matmul(x, y), of vectors, matrices or stacks of them."""
    if x.ndim > 1 and y.ndim > 1 and x.shape[-1] == 1 and x.dtype == y.dtype:
        return outer(x, y)
    size = x.size * y.shape[-1]
    if size < SMALL:
        return np.asarray(np.matmul(x, y))
    if x.ndim > 2 and y.ndim == 2 and x.flags.c_contiguous:
        return matmul(x.reshape(-1, x.shape[-1]), y).reshape(*x.shape[:-1], y.shape[1])
    if size < LARGE or x.ndim != 2 or y.ndim != 2 or x.dtype != y.dtype or x.dtype.kind != "f":
        return np.asarray(in_one_thread(lambda: np.matmul(x, y)))
    out = empty((x.shape[0], y.shape[1]), x.dtype)
    by_rows = x.shape[0] >= y.shape[1]
    count = max(out.shape)
    step = max(LEAST_ROWS, -(-count // max(2, min(BLOCKS, size // BLOCK))))

    def block(number: int) -> None:
        at = slice(number * step, (number + 1) * step)
        if by_rows:
            np.matmul(x[at], y, out=out[at])
        else:
            np.matmul(x, y[:, at], out=out[:, at])

    run(block, -(-count // step), size, writes=(out,))
    return out


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
