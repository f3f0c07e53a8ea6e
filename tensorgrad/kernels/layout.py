"""How images lie in memory under the face (n, c, *x) that users see; n image, c channel, x pixel.

Two orders serve convolution, and its results lie in one of them. NumPy's elementwise operations keep the order of what
they are given, so that a whole network stays in it:

- PIXELS, (*x, c, n): for batches of SMALL_BATCH images or more. All values of a pixel are neighbours, and those of the
  next pixel in its row follow: what a window reads along a row is one matrix (k*c, n), overlapping the next window's,
  and is multiplied where it lies (`direct`).
- CHANNELS, (c, *x, n): for fewer images, whose matrices would be too thin. A channel is one run, and a product of
  filters (o, c*k) and columns (c*k, y*n) leaves its result as the next layer's image.

Pooling, normalisation and padding keep the order of what they are given. An image that lies otherwise, as an array
from outside does, is copied once, by the first kernel that needs an order.
"""

import functools
import itertools
import math

import numpy as np
from numpy.typing import DTypeLike

from .buffers import empty
from .transpose import copy_turned
from .windows import Array, Ints

SMALL_BATCH = 8
SLAB_BYTES = 1 << 20
Slabs = tuple[tuple[slice, slice], ...]


def pixels(x: Array) -> Array:
    """An image (n, c, *x) as (*x, c, n), contiguous: a view if it lies so, else a copy."""
    return contiguous(as_pixels(x))


def as_pixels(x: Array) -> Array:
    """An image (n, c, *x) as (*x, c, n), however it lies: a view."""
    return x.transpose(*range(2, x.ndim), 1, 0)


def dense(x: Array) -> Array:
    """An image (*x, c, n) whose pixels are runs of c*n values: itself if they are, else a copy in order."""
    *_, c, n = x.shape
    runs = (n == 1 or x.strides[-1] == x.itemsize) and (c == 1 or x.strides[-2] == n * x.itemsize)
    return x if runs else _converted(x)


def channels(x: Array) -> Array:
    """An image (n, c, *x) as (c, *x, n), contiguous: a view if it lies so, else a copy."""
    return contiguous(x.transpose(*range(1, x.ndim), 0))


def face_of_pixels(x: Array) -> Array:
    """(*x, c, n) as users see it, (n, c, *x): a view."""
    return x.transpose(x.ndim - 1, x.ndim - 2, *range(x.ndim - 2))


def face_of_channels(x: Array) -> Array:
    """(c, *x, n) as users see it, (n, c, *x): a view."""
    return x.transpose(x.ndim - 1, *range(x.ndim - 1))


def empty_like(x: Array, shape: Ints, dtype: DTypeLike) -> Array:
    """An array of another shape, whose axes follow each other in memory as those of x do."""
    order = in_memory_order(x)
    array = empty(tuple([shape[axis] for axis in order]), dtype)
    return array.transpose(_inverse(order))


def reshaped(x: Array, shape: Ints) -> Array:
    """np.reshape, a view where that gives one; images made rows (n, values) keep n innermost in memory, if it is.

    Their values then move in runs of n, not one by one, and a matrix product takes them as they lie.
    """
    if x.flags.c_contiguous or len(shape) != 2 or x.ndim < 3 or shape[0] != x.shape[0] or x.strides[0] != x.itemsize:
        return np.reshape(x, shape)
    rest = [(n, step) for n, step in zip(x.shape[1:], x.strides[1:], strict=True) if n > 1]
    if all(step == n * inner for (_, step), (n, inner) in itertools.pairwise(rest)):  # a view
        return np.reshape(x, shape)
    turned = x.transpose(*range(1, x.ndim), 0)
    rows = empty((shape[1], shape[0]), x.dtype)
    copy_turned(rows.reshape(turned.shape), turned)
    return rows.T


def alike(g: Array, x: Array) -> Array:
    """g with its axes in memory in the order of x's, without gaps: itself if it lies so, else a copy."""
    order = in_memory_order(x)
    turned = g.transpose(order)
    return g if turned.flags.c_contiguous else contiguous(turned).transpose(_inverse(order))


def copied(x: Array) -> Array:
    """A copy whose axes follow each other in memory as those of x do, without gaps."""
    copy = empty_like(x, x.shape, x.dtype)
    np.copyto(copy, x)
    return copy


def planes(x: Array, like: Array | None = None) -> Array:
    """x (n, c, *x) as (p, c, m): what lies outside of the channels in memory and what lies within, in any order.

    So (h*w, c, n) for an image in pixels, (1, c, h*w*n) for one in channels. The order is that of `like` if it is
    given, for arrays that go together: where an axis has one element, strides say nothing. A view if x lies in that
    order without gaps, else a copy.
    """
    order = in_memory_order(x if like is None else like)
    turned = x.transpose(order)
    if not turned.flags.c_contiguous:
        turned = contiguous(turned)
    at = order.index(1)
    outside, inside = turned.shape[:at], turned.shape[at + 1 :]
    return turned.reshape(math.prod(outside), x.shape[1], math.prod(inside))


def slabs(x: Array) -> Slabs:
    """Cut images into equal parts for threads, of runs as long as may be: (channels, places along the first axis).

    The axis is the first spatial one. No part of less than half SLAB_BYTES: a thread would not be awake before it ends.
    """
    order = in_memory_order(x)
    if order.index(1) < order.index(2):
        return channel_slabs(x)
    return _slabs(x.shape[1], x.shape[2], x.nbytes, SLAB_BYTES, False)


def channel_slabs(x: Array) -> Slabs:
    """Cut images (n, c, *x) into parts of some channels each, with all places along the first spatial axis."""
    return _slabs(x.shape[1], x.shape[2], x.nbytes, SLAB_BYTES, True)


@functools.lru_cache(maxsize=512)
def _slabs(channels: int, places: int, nbytes: int, slab_bytes: int, by_channels: bool) -> Slabs:
    """One of the two axes in about equal parts of `slab_bytes` of the `nbytes`, or up to twice as many."""
    size = channels if by_channels else places
    count = 1 if 2 * nbytes < slab_bytes else 2 * math.ceil(nbytes / (2 * slab_bytes))
    step = max(1, -(-size // count))
    parts = [slice(i, min(size, i + step)) for i in range(0, size, step)]
    if by_channels:
        return tuple([(part, slice(0, places)) for part in parts])
    return tuple([(slice(0, channels), part) for part in parts])


def in_memory_order(x: Array) -> Ints:
    """The axes of x from the outermost in memory to the innermost; of equal strides those of one element last.

    The stride of an axis of one element may be anything, and so its place among the others.
    """
    return _order(x.shape, x.strides)


@functools.lru_cache(4096)
def _order(shape: Ints, strides: Ints) -> Ints:
    return tuple(sorted(range(len(shape)), key=lambda axis: (-abs(strides[axis]), shape[axis] == 1)))


@functools.lru_cache(256)
def _inverse(order: Ints) -> Ints:
    """Where each axis stands in an order of axes; np.argsort takes ten times as long for so few."""
    return tuple(sorted(order, key=order.__getitem__))


def contiguous(turned: Array) -> Array:
    """An array whose axes lie in memory in their own order, without gaps: itself if they do, else a copy."""
    return turned if turned.flags.c_contiguous else _converted(turned)


def _converted(turned: Array) -> Array:
    """A copy in order. A function of its own so that a test can count the calls."""
    copy = empty(turned.shape, turned.dtype)
    copy_turned(copy, turned)
    return copy
