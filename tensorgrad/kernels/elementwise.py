"""Elementwise operations on large arrays: cut into chunks over threads; and choice without branches."""

import functools
import math
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from . import processes
from .buffers import LEAST_BYTES, empty, scratch
from .layout import alike, empty_like
from .threads import COPY_WORK, get_num_threads, run
from .windows import Array

BOOL = np.dtype(np.bool_)
LARGE_BYTES = 1 << 20  # from here on threads pay
CHUNK_BYTES = LARGE_BYTES * 15 // 16  # below it, so that what a chunk's work calls in its turn cuts nothing
WIDE_BYTES = 1 << 22  # of a chunk of what is quick, where more calls would cost more than the cache gains
VALUE_WORK = 32  # multiplications that take as long as what is not quick, for a value
QUICK = {np.add, np.subtract, np.multiply, np.maximum, np.minimum, np.negative, np.absolute}  # as fast as memory
VECTOR = 64  # elements: at least what NumPy's loops take at once, so that all but the last chunk are without a rest
SMALL = 1000  # elements: below this one call to NumPy is faster than choosing by bits
LARGEST_HALF = 65504.0  # float16's largest number: any float dtype has what is no larger
ZEROS = 1 << 14  # elements of the zeros in `relu`
HALF, SINGLE = np.dtype(np.float16), np.dtype(np.float32)
_into: set[Any] = set()  # the functions made by `into`


def apply(function: Callable[..., Any], x: Any, *others: Any) -> Any:
    """function(x, *others), a ufunc or what is made of some; of large arrays in chunks over threads, see `by_parts`."""
    if x.__class__ is np.ndarray and x.nbytes < LARGE_BYTES:
        return function(x, *others)
    return by_parts(function, x, *others)


def compare(ufunc: np.ufunc, x: Any, y: Any) -> Any:
    """ufunc(x, y), of booleans; of large arrays in chunks over threads, see `by_parts`."""
    if x.__class__ is np.ndarray and x.nbytes < LARGE_BYTES:
        return ufunc(x, y)
    return by_parts(ufunc, x, y, dtype=BOOL)


def add_to(total: Array, x: Array) -> None:
    """total += x, arrays of one shape; large ones in chunks over threads, see `by_parts`."""
    flat = flat_views(total, x) if total.nbytes >= LARGE_BYTES and total.dtype == x.dtype else None
    if flat is None:
        np.add(total, x, total)
        return
    over_slices(
        lambda at: np.add(flat[0][at], flat[1][at], out=flat[0][at]),
        total.size, total.itemsize, is_quick=True, kind="add_to", writes=(total,),
    )  # fmt: skip


def by_parts(function: Callable[..., Any], *inputs: Any, dtype: Any = None) -> Any:
    """function(*inputs), which works element by element and gives floats of its arrays' dtype, or `dtype`.

    If the arrays are large and lie alike: in chunks that stay in the cache from one step of the function to the next,
    over threads, with a result in memory that was used before. The first array must hold floats; there may be numbers,
    None, 0-d arrays and masks too. A ufunc, or what `into` made, writes into the result itself.
    """
    arrays = [x for x in inputs if x.__class__ is np.ndarray and x.ndim]
    first = next((x for x in arrays if any(x.strides)), None)
    if first is None or first.nbytes < LARGE_BYTES or first.dtype.kind != "f" or not _keep_dtype(first.dtype, inputs):
        return function(*inputs)
    out = empty_like(first, first.shape, dtype or first.dtype)
    flat = flat_views(out, *[x for x in arrays if any(x.strides)])
    if flat is None or any(x.shape != first.shape for x in arrays):
        return function(*inputs)
    vectors = iter(flat[1:])
    # One value that is repeated, as in the gradient of a sum, is repeated in each chunk.
    sources = [
        x if not is_array else next(vectors) if any(x.strides) else np.broadcast_to(x[(0,) * x.ndim], first.size)
        for x in inputs
        for is_array in [x.__class__ is np.ndarray and x.ndim > 0]
    ]
    takes_out = isinstance(function, np.ufunc) or function in _into

    def part(at: slice) -> None:
        args = [x[at] if x.__class__ is np.ndarray and x.ndim else x for x in sources]
        if takes_out:
            function(*args, out=flat[0][at])
        else:
            flat[0][at] = function(*args)

    kind = getattr(function, "__name__", "")
    over_slices(part, first.size, first.itemsize, is_quick=function in QUICK, kind=kind, writes=(out,))
    return out


def _keep_dtype(dtype: np.dtype[Any], inputs: tuple[Any, ...]) -> bool:
    """Whether results have this dtype: all inputs are arrays of it, masks, or Python's numbers, which change none."""
    numbers = (float, int, type(None))
    return all(x.dtype in (dtype, BOOL) if x.__class__ is np.ndarray else x.__class__ in numbers for x in inputs)


def into(fill: Callable[..., None]) -> Callable[..., Array]:
    """A function of arrays that takes `out`, as a ufunc does, made of `fill(out, x, *others)`, which writes all.

    x and others are arrays of floats, which broadcast, or Python's numbers. Halves are computed in float32.
    """

    @functools.wraps(fill)
    def function(x: Any, *others: Any, out: Array | None = None) -> Array:
        if x.__class__ is not np.ndarray or x.dtype.kind != "f" or not x.dtype.isnative:
            if np.asarray(x).dtype.kind not in "biuf":
                raise TypeError(f"{fill.__name__} of {x!r}, which is no number")
            x = np.asarray(x, np.result_type(x, *others, 0.0))  # which is in the machine's byte order
        half = x.dtype == HALF
        if half:
            x, *rest = (y.astype(SINGLE) if y.__class__ is np.ndarray else y for y in (x, *others))
            others = tuple(rest)
        if half or out is None:
            shapes = {x.shape, *(y.shape for y in others if y.__class__ is np.ndarray)}
            result = room(x) if len(shapes) == 1 else empty(np.broadcast_shapes(*shapes), x.dtype)
        else:
            result = out
        fill(result, x, *others)
        if half and out is not None:
            np.copyto(out, result, casting="same_kind")
            return out
        return result.astype(HALF) if half else result

    _into.add(function)
    return function


def room(x: Array) -> Array:
    """An array like x for the steps of a computation; its values are anything."""
    return np.empty_like(x) if x.nbytes < LEAST_BYTES else empty_like(x, x.shape, x.dtype)


def bounded(out: Array, x: Array, low: float, high: float) -> Array:
    """min(max(x, low), high) of numbers, in `out`.

    NumPy's maximum of an array and a number has no vector loop; its clip has one, but takes longer to begin, and keeps
    -0.0 where a bound is 0, which the addition changes to 0.
    """
    if x.size < SMALL:
        return np.minimum(np.maximum(x, low, out=out), high, out=out)
    np.clip(x, low, high, out=out)
    return np.add(out, 0.0, out=out) if low == 0 or high == 0 else out


@into
def clip(out: Array, x: Array, low: float, high: float) -> None:
    """min(max(x, low), high) of numbers."""
    bounded(out, x, low, high)


def relu(x: Any) -> Any:
    """max(x, 0), by the larger of two arrays: for an array and a number NumPy has no vector loop."""
    if x.__class__ is not np.ndarray or x.size < SMALL or x.dtype.kind != "f" or not x.dtype.isnative:
        return np.maximum(x, 0)
    zeros = _zeros(x.dtype)
    if x.size <= ZEROS:
        return np.maximum(x, zeros[: x.size].reshape(x.shape)) if x.flags.c_contiguous else np.maximum(x, 0)
    out = empty_like(x, x.shape, x.dtype)
    flat = flat_views(out, x)
    if flat is None:
        return np.maximum(x, 0, out=out)

    def part(at: slice) -> None:
        whole = at.start + (at.stop - at.start) // ZEROS * ZEROS
        target, source = (array[at.start : whole].reshape(-1, ZEROS) for array in flat)
        np.maximum(source, zeros, out=target)
        np.maximum(flat[1][whole : at.stop], zeros[: at.stop - whole], out=flat[0][whole : at.stop])

    if x.nbytes < LARGE_BYTES:
        part(slice(0, x.size))
    else:
        over_slices(part, x.size, x.itemsize, is_quick=True, writes=(out,))
    return out


@functools.cache
def _zeros(dtype: np.dtype[Any]) -> Array:
    return np.zeros(ZEROS, dtype)


def where(condition: Array, x: Any, y: Any) -> Array:
    """x where the condition holds, else y: numbers or arrays."""
    if condition.__class__ is np.ndarray and condition.size > SMALL:
        if _is_zero(y) and _is_like(x, condition):
            return select(x, condition)
        if _is_zero(x) and _is_like(y, condition):
            return select(y, np.logical_not(condition))
        if _is_like(x, condition) and (_is_one(y, x.dtype) or (_is_like(y, condition) and x.dtype == y.dtype)):
            return by_parts(_choose, x, y, condition)
        if _is_like(y, condition) and _is_one(x, y.dtype):
            return by_parts(_choose, x, y, condition)
    return np.where(condition, x, y)


def _choose(x: Any, y: Any, mask: Array) -> Array:
    """x where the mask holds, else y, at least one of them an array: the bits that differ, times 1 or 0, turn y into x.

    NumPy's `where` branches at every element, which takes ten times as long on a mixed mask.
    """
    dtype = np.result_type(x, y)
    bits = np.dtype(f"i{dtype.itemsize}")
    x, y = (np.asarray(value, dtype).view(bits) for value in (x, y))
    out = np.bitwise_xor(x, y)
    np.multiply(out, mask, out=out)
    np.bitwise_xor(out, y, out=out)
    return out.view(dtype)


def select(x: Array, mask: Array) -> Array:
    """x where the mask holds, else 0: the bits of x times 1 or 0, so that inf and nan not chosen leave no trace.

    The result lies in memory as the mask does: a mask is made of what the forward pass kept, and a gradient that comes
    in another order is turned here, once. NumPy's `where` and masked copies branch at every element, which takes twenty
    times as long on a mixed mask.
    """
    if x.nbytes >= LARGE_BYTES and x.strides != tuple(s * x.itemsize for s in mask.strides):
        x = alike(x, mask)
    out = empty_like(mask, x.shape, x.dtype)
    flat = flat_views(out, x, mask) if x.nbytes >= LARGE_BYTES else None
    if flat is None:
        return select_into(out, x, mask)
    work = lambda at: select_into(flat[0][at], flat[1][at], flat[2][at])  # noqa: E731
    over_slices(work, x.size, x.itemsize, is_quick=True, writes=(out,))
    return out


def select_positive(x: Array, sign: Array) -> Array:
    """x where `sign` is above 0 or nan, else 0: ReLU's gradient, from what ReLU gave."""
    if x.nbytes < LARGE_BYTES:
        return select(x, ~(sign <= 0)) if x.size > SMALL else np.where(sign <= 0, x.dtype.type(0), x)
    out = empty_like(sign, x.shape, x.dtype)
    flat = flat_views(out, alike(x, sign), sign)
    if flat is None:
        return select(x, ~(sign <= 0))

    def part(at: slice) -> None:
        mask = scratch("mask", flat[2][at].shape, BOOL)
        np.less_equal(flat[2][at], 0, out=mask)
        np.logical_not(mask, out=mask)
        select_into(flat[0][at], flat[1][at], mask)

    over_slices(part, x.size, x.itemsize, writes=(out,))
    return out


def select_into(out: Array, x: Array, mask: Array) -> Array:
    """`select` into an array of the same dtype as x."""
    bits = np.dtype(f"i{x.itemsize}")
    np.multiply(x.view(bits), mask, out=out.view(bits))
    return out


def flat_views(*arrays: Array) -> list[Array] | None:
    """The arrays as vectors in the order of their memory, if they all lie alike and without gaps; no copies."""
    first = arrays[0]
    if any(
        array.shape != first.shape
        or any(
            s * first.itemsize != t * array.itemsize
            for n, s, t in zip(first.shape, array.strides, first.strides, strict=True)
            if n > 1
        )
        for array in arrays[1:]
    ):
        return None
    flat = [array.ravel(order="K") for array in arrays]
    return flat if all(np.may_share_memory(f, array) for f, array in zip(flat, arrays, strict=True)) else None


def over_slices(
    work: Callable[[slice], Any],
    count: int,
    itemsize: int,
    is_quick: bool = False,
    kind: Hashable = None,
    writes: Sequence[Array] = (),
) -> None:
    """Call `work` for slices that together cover `count` elements: about equal, whole vectors of the processor each.

    As many for each thread; an element's result does not depend on how they are cut. What `is_quick` is done at the
    speed of memory: it is cut into few slices.
    """
    is_sent = processes.helpers_for(writes) is not None  # which shorter chunks do not hold up
    most, threads = WIDE_BYTES if is_quick and not is_sent else CHUNK_BYTES, get_num_threads()
    chunks = min(threads * math.ceil(count * itemsize / (threads * most)), math.ceil(count * itemsize / LEAST_BYTES))
    step = math.ceil(count / max(1, chunks) / VECTOR) * VECTOR
    size = (COPY_WORK if is_quick else VALUE_WORK) * count
    kind = work.__qualname__, itemsize, kind
    run(lambda i: work(slice(min(count, i * step), min(count, (i + 1) * step))), chunks, size, kind, writes)


def _is_zero(value: Any) -> bool:
    return value.__class__ in (int, float) and value == 0 and math.copysign(1, value) > 0


def _is_one(value: Any, dtype: np.dtype[Any]) -> bool:
    """Whether it is one value of a float dtype: a Python number that it has without overflow, or a 0-d array."""
    if value.__class__ is np.ndarray:
        return value.ndim == 0 and value.dtype == dtype
    return value.__class__ in (int, float) and not LARGEST_HALF < abs(value) < math.inf


def _is_like(x: Any, condition: Array) -> bool:
    return isinstance(x, np.ndarray) and x.shape == condition.shape and x.dtype.kind == "f"
