"""Softmax, its logarithm and cross-entropy on plain arrays. Axes: n row, c class; softmax itself takes any axis.

Everything is computed from x less the largest value of its row, so that no exponential overflows and the sum of them
is at least 1; or, where quotients of exponentials are wanted, from exp(x) itself, which takes two passes less: if the
sum of a row is neither too large nor below a half, as it is of most rows, nothing is lost, see `row_exps`. Contiguous
rows are taken in chunks over threads. float16 is computed in float32. A row of minus infinities has no softmax: it
gives NaN without a warning.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .buffers import empty, scratch
from .row_sums import row_sums
from .sums import accurate_mean, accurate_sum
from .threads import run
from .windows import Array

CHUNK_BYTES = 1 << 19
WORK = 20  # multiplications that take as long as an exponential
FEW_DIGITS = 1e-30  # float32's exponentials lose digits below 1e-38


def softmax(x: Array, dim: int) -> Array:
    """exp(x) / sum(exp(x)) along `dim`."""
    if not are_rows(x, dim):
        return _softmax(x, dim).astype(x.dtype, copy=False)
    rows = x.reshape(-1, x.shape[-1])
    out = empty(rows.shape, x.dtype)

    def part(at: slice) -> None:
        softmax_rows(rows[at], out[at])

    over_rows(part, rows)
    return out.reshape(x.shape)


def log_softmax(x: Array, dim: int) -> Array:
    """x - log(sum(exp(x))) along `dim`."""
    if not are_rows(x, dim):
        return _log_softmax(x, dim)
    rows = x.reshape(-1, x.shape[-1])
    out = empty(rows.shape, x.dtype)

    def part(at: slice) -> None:
        block = out[at]
        exps = scratch("exps", block.shape, x.dtype)
        with np.errstate(invalid="ignore", over="ignore"):  # as in `_shifted`
            np.subtract(rows[at], rows[at].max(1, keepdims=True), out=block)
        np.exp(block, out=exps)
        block -= np.log(row_sums(exps))[:, None]

    over_rows(part, rows)
    return out.reshape(x.shape)


def cross_entropy(x: Array, target: Array) -> Array:
    """Mean of -log_softmax(x)[n, target[n]] over the rows of (n, c): 0-d, in the dtype of x. NaN for no rows."""
    if not are_rows(x, 1):
        return accurate_mean(_losses(x, target), (0,)).astype(x.dtype, copy=False)
    losses = np.empty(len(x))

    def part(at: slice) -> None:
        labels = target[at]
        exps = scratch("exps", (len(labels), x.shape[1]), x.dtype)
        sums, others = row_exps(x[at], exps)
        picked = exps[np.arange(len(labels)), labels]
        if others is not None or np.minimum.reduce(picked) < FEW_DIGITS:
            others = (picked < FEW_DIGITS) if others is None else others | (picked < FEW_DIGITS)
            picked[others] = 1
        # A quotient, so that the loss is 0 where the sum is no more than its one value.
        np.log(sums.astype(np.float64) / picked, out=losses[at])
        if others is not None:
            losses[at][others] = _losses(x[at][others], labels[others])

    over_rows(part, x)
    return np.asarray(np.add.reduce(losses) / len(x), x.dtype)


def cross_entropy_grad(g: Array, x: Array, target: Array) -> Array:
    """The gradient of `cross_entropy` in x: g/n * (softmax(x) - 1 at the target); g is 0-d."""
    if not are_rows(x, 1):
        gx = _softmax(x, 1)
        gx[np.arange(len(x)), target] -= 1
        gx *= g.astype(gx.dtype) / gx.dtype.type(max(1, len(x)))
        return gx.astype(x.dtype, copy=False)
    gx = empty(x.shape, x.dtype)
    share = g.astype(x.dtype) / x.dtype.type(len(x))

    def part(at: slice) -> None:
        block = gx[at]
        softmax_rows(x[at], block)
        block[np.arange(len(block)), target[at]] -= 1
        block *= share

    over_rows(part, x)
    return gx


# Contiguous rows


def are_rows(x: Array, *dims: int) -> bool:
    """Whether `dims` are the last axes of a contiguous array, whose values are then rows for `row_exps`."""
    last = sorted(dim % x.ndim for dim in dims) == [*range(x.ndim - len(dims), x.ndim)]
    return last and len(dims) > 0 and x.flags.c_contiguous and x.size > 0 and x.dtype in (np.float32, np.float64)


def over_rows(part: Callable[[slice], Any], rows: Array) -> None:
    """Call part(slice) for slices of about CHUNK_BYTES that together are all rows; no row may depend on another."""
    step = max(1, CHUNK_BYTES // rows[0].nbytes)
    count = math.ceil(len(rows) / step)
    run(lambda i: part(slice(i * step, min(len(rows), (i + 1) * step))), count, WORK * rows.size)


def row_exps(x: Array, out: Array) -> tuple[Array, Array | None]:
    """Write exp(x) of rows; return its sums, and which rows are to be taken less their largest: their sum is set to 1.

    None if there are no such rows. A value that is so small that its exponential loses digits has a share that does so
    too if the sum is not below 1.
    """
    with np.errstate(over="ignore"):
        np.exp(x, out=out)
        sums = row_sums(out)
    if np.minimum.reduce(sums) >= 0.5 and np.maximum.reduce(sums) < np.inf:  # neither is so of nan
        return sums, None
    others = ~((sums >= 0.5) & (sums < np.inf))
    sums[others] = 1
    return sums, others


def softmax_rows(x: Array, out: Array) -> None:
    """Write the softmax of rows."""
    sums, others = row_exps(x, out)
    out /= sums[:, None]
    if others is not None:
        out[others] = _softmax(x[others], 1)


# Any rows, less their largest values


def _softmax(x: Array, dim: int) -> Array:
    exps = _shifted(x, dim)
    np.exp(exps, out=exps)
    exps /= _sum(exps, dim)
    return exps


def _log_softmax(x: Array, dim: int) -> Array:
    shifted = _shifted(x, dim)
    with np.errstate(divide="ignore"):  # the sum over no classes is 0
        shifted -= np.log(_sum(np.exp(shifted), dim))
    with np.errstate(over="ignore"):  # float16 reaches -65504, a difference of two twice as far
        return shifted.astype(x.dtype, copy=False)


def _losses(x: Array, target: Array) -> Array:
    shifted = _shifted(x, 1)
    picked = shifted[np.arange(len(x)), target]
    losses: Array = np.log(_sum(np.exp(shifted), 1)[:, 0]) - picked
    return losses


def _shifted(x: Array, dim: int) -> Array:
    """x less its largest along `dim`: a new array, float32 for float16."""
    work = np.float32 if x.dtype == np.float16 else x.dtype
    largest = np.max(x, dim, keepdims=True, initial=-np.inf)
    with np.errstate(invalid="ignore", over="ignore"):  # inf - inf is NaN, and a distance beyond the range is -inf
        shifted: Array = np.subtract(x, largest, dtype=work)
    return shifted


def _sum(exps: Array, dim: int) -> Array:
    return accurate_sum(exps, (dim % exps.ndim,), keepdims=True)
