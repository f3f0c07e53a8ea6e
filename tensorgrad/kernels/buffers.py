"""Memory that kernels use again: scratch of each thread, and blocks that come back when the last array on them dies.

A C library hands a large block back to the system as soon as it is freed, and the system hands out zeroed pages one by
one at the first touch: that took a third of a training step. So large results are views of blocks that go to a free
list, by sizes, when their last view is gone, and are handed out again. NumPy keeps the base of every view alive, and so
a block is never handed out while an array can still see it.

Blocks and scratch begin at a line of the cache, where NumPy's own arrays begin 16 or 32 bytes beyond one: then no
vector of 64 bytes lies in two lines. With OpenBLAS's AVX-512 kernels convolutions take 0.8 to 0.93 of the time, with
the AVX2 ones 0.98.
"""

import math
import sys
import threading
from collections import defaultdict
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from .processes import memory
from .shared import Memory
from .windows import Array, Ints

LEAST_BYTES = 1 << 16  # smaller blocks the C library keeps itself
MOST_HELD_BYTES = 1 << 30  # in the free list, in all: more than a training step of ResNet-18 gives back
LINE = 64  # bytes of a line of the cache

_own = threading.local()  # .arrays: {(depth, name): bytes}, and .depth: each thread's own
_free: defaultdict[int, list[Any]] = defaultdict(list)
_held_bytes = 0  # changed without a lock, so threads may miss each other's changes; emptying sets it right


class _Block(np.ndarray[Any, Any]):
    """Memory of its own. It is no plain array, so that NumPy does not take it for the base of what `_Lease` holds."""

    skip: int  # bytes before its first line


class _SharedBlock(_Block):
    """A block that helper processes see too."""

    place: tuple[Memory, int, int] | None = None  # where it lies, and how many bytes: of the block, not of its views

    def __del__(self) -> None:
        if self.place is not None:
            shared, at, size = self.place
            shared.give_back(at, size)


class _Lease(np.ndarray[Any, Any]):
    """The one view of a block that arrays are made on: an ancestor of each, which dies with the last of them."""

    def __del__(self) -> None:
        if isinstance(self.base, _Block):
            _give_back(self.base)


def empty(shape: Ints, dtype: DTypeLike) -> Array:
    """np.empty, on a block that was used before if there is one."""
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    if size < LEAST_BYTES:
        return np.empty(shape, dtype)
    block = _take(_class(size))
    return np.ndarray(shape, dtype, block.view(_Lease).view(np.ndarray), block.skip)


def seen(shape: Ints, dtype: DTypeLike) -> Array:
    """np.empty, for what jobs share: helper processes see it, however small it is."""
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    if size >= LEAST_BYTES or memory() is None:
        return empty(shape, dtype)
    return np.ndarray(shape, dtype, empty((LEAST_BYTES,), np.uint8))


def zeros(shape: Ints, dtype: DTypeLike = np.float64) -> Array:
    """np.zeros, for what jobs share: see `seen`."""
    if memory() is None:
        return np.zeros(shape, dtype)
    array = seen(shape, dtype)
    array[...] = 0
    return array


def visible(array: Array) -> Array:
    """An array that helper processes see, if there are any and it is large: itself, or a copy."""
    shared = memory()
    if shared is None or array.nbytes < LEAST_BYTES or shared.place(array) is not None:
        return array
    # The axes in the order of the array's memory, as np.array keeps them: sums over another would have other bits.
    order = sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis]))
    turned = np.ndarray([array.shape[axis] for axis in order], array.dtype, empty((array.nbytes,), np.uint8))
    copy: Array = turned.transpose(np.argsort(order))
    copy[...] = array
    return copy


def is_sole_view(view: Array) -> bool:
    """Whether an array is the one view of its base that is left, and sees about all of it: as if the memory were its.

    So it is with large results, which are views of blocks, and with an array whose axes were turned. Whether somebody
    else holds `view` itself is the caller's to know.
    """
    base = view.base
    if type(base) is not np.ndarray or not (base.base is None or type(base.base) is _Lease):
        return False  # memory of another library, or of the caller's subclass
    return sys.getrefcount(base) == _SEEN_ONCE and base.nbytes <= 2 * view.nbytes and _is_dense(view)


def empty_cache() -> None:
    """Give all memory in the free list back to the system."""
    global _held_bytes
    for size in list(_free):
        _free.pop(size, None)
    _held_bytes = 0


def scratch(name: str, shape: Ints, dtype: np.dtype) -> Array:
    """An array for the caller's use until the same thread asks for `name` again; its values are anything.

    A signal handler or a finaliser that computes in the midst of a kernel has others: `nested` says so.
    """
    own = _own.__dict__
    arrays: dict[tuple[int, str], Array] = own.get("arrays") or own.setdefault("arrays", {})
    key = own.get("depth", 0), name
    count = math.prod(shape) * dtype.itemsize
    held = arrays.get(key)
    if held is None or held.size < count:
        memory = np.empty(count + LINE, np.uint8)
        held = arrays[key] = memory[_to_line(memory) :]
    return np.ndarray(shape, dtype, held)


def nested() -> int:
    """How many kernels this thread is in, one inside the other; counted by `threads`."""
    depth: int = _own.__dict__.get("depth", 0)
    return depth


def set_nested(depth: int) -> None:
    """Note how many kernels this thread is in."""
    _own.depth = depth


def _is_dense(view: Array) -> bool:
    """Whether an array's elements lie one beside the other, each once, in any order of the axes."""
    step = view.itemsize
    for stride, size in sorted(zip(view.strides, view.shape, strict=True)):
        if size != 1:
            if stride != step:
                return False
            step *= size
    return True


def _seen_once(view: Array) -> int:
    base = view.base
    return sys.getrefcount(base)


_SEEN_ONCE = _seen_once(np.zeros(2)[:])  # the reference count of a base with one view, as `is_sole_view` sees it


def _to_line(memory: Array) -> int:
    """How many bytes of it lie before its first line."""
    address: int = memory.__array_interface__["data"][0]  # `ctypes` would import, which fails while Python ends
    return -address % LINE


def _class(size: int) -> int:
    """The size of the block for so many bytes: four classes for each power of two."""
    step = 1 << max(0, size.bit_length() - 3)
    return -(-size // step) * step


def _take(size: int) -> _Block:
    global _held_bytes
    try:
        block = _free[size].pop()
    except IndexError:
        return _new_block(size)
    _held_bytes -= size
    return block


def _new_block(size: int) -> _Block:
    shared = memory()
    found = None if shared is None else shared.block(size + LINE)
    if shared is None or found is None:
        block = _Block((size + LINE,), np.uint8)
        block.skip = _to_line(block)
        return block
    part, at = found
    block = part.view(_SharedBlock)
    block.place, block.skip = (shared, at, size + LINE), 0  # for a page begins at a line
    return block


def _give_back(block: _Block) -> None:
    global _held_bytes
    if (memory() is None) == isinstance(block, _SharedBlock):
        return  # made while there were helper processes, and they are gone, or the other way round
    size = block.nbytes - LINE
    if _held_bytes + size > MOST_HELD_BYTES:
        empty_cache()  # sizes that are wanted no more would keep those that are out for good
    if size <= MOST_HELD_BYTES:
        _held_bytes += size
        _free[size].append(block)
