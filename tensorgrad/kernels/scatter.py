"""Sums over places that may be named more than once, on plain arrays.

An array is taken as (p, d): the p places that an index tells apart, and the d values that go with each. What is added
is as many rows (m, d), and the places they go to, (m,). `np.add.at` is given flat arrays of one dtype only, for which
it has a loop of its own; its general case takes 40 times as long.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from .buffers import empty, scratch
from .threads import run
from .windows import Array, Ints

BLOCK = 1 << 15  # values whose places are worked out at a time, so that these stay in the cache
NARROW = 16  # rows of fewer values are taken column by column, so that NumPy's inner loops are long
SUMS = 1 << 17  # values of a block of sums of rows
FEW = 1 << 11  # values that `np.add.at` adds in the time of two calls to NumPy
ADD_WORK, READ_WORK = 32, 64  # multiplications that take as long as to add a value of a row, or to read one


def zeros(shape: Ints, dtype: DTypeLike) -> Array:
    """np.zeros in memory that was used before: the system's own costs more than to write the zeros."""
    result = empty(shape, dtype)
    result[...] = 0
    return result


def copy_in_order(x: Array) -> Array:
    """A copy of x in reading order, in memory that was used before."""
    result = empty(x.shape, x.dtype)
    result[...] = x
    return result


def add_at(out: Array, index: Any, values: Array) -> None:
    """out[index] += values, in place, for an index of any kind with arrays in it."""
    places, lead = flat_places(index, out.shape)
    _add(out, places, math.prod(out.shape[:lead]), np.broadcast_to(values, places.shape + out.shape[lead:]))


def add_along(out: Array, index: Array, dim: int, values: Array) -> None:
    """Add each of `values` to the place that `index`, of their shape, points to along `dim`, in place."""
    if not out.ndim:
        out += values
        return
    if not index.size:
        return
    # Of what is repeated along the last axes, as indices often are to be of the shape wanted, one is enough.
    lead = out.ndim
    while lead > dim + 1 and index.strides[lead - 1] == 0 and index.shape[lead - 1] == out.shape[lead - 1]:
        lead -= 1
    index, values = _apart(index, out), _apart(values, out)
    one = (slice(None),) * lead + (0,) * (out.ndim - lead)
    for part in _parts(out, index, dim):  # not over threads: `np.add.at` keeps Python's lock
        some = out[part] if dim else out
        places = along_places(index[part][one], dim, some.shape[:lead])
        _add(some, places, math.prod(some.shape[:lead]), values[part])


def read_along(x: Array, index: Array, dim: int) -> Array:
    """The values that `index` points to along `dim`. Where x lies in order, its places are read by one number."""
    if not x.ndim:
        return x.copy()
    if not x.flags.c_contiguous:
        return x[_grid(index, dim)]
    result = empty(index.shape, x.dtype)
    parts = _parts(x, index, dim)

    def read(number: int) -> None:
        part = parts[number]
        some = x[part] if dim else x
        places = along_places(index[part], dim, some.shape)
        some.reshape(-1).take(places, out=result[part], mode="wrap")  # in range: "raise" would copy the result

    run(read, len(parts), READ_WORK * index.size)
    return result


def write_along(out: Array, index: Array, dim: int, values: Any) -> None:
    """Set what `index` points to along `dim` to values of its shape, or to one, in place; the last write stays."""
    if not out.ndim:
        out[...] = values
    elif not out.flags.c_contiguous:
        out[_grid(index, dim)] = values
    else:
        several = np.ndim(values) > 0
        index, values = _apart(index, out), _apart(values, out) if several else values
        for part in _parts(out, index, dim):
            some = out[part] if dim else out
            places = along_places(index[part], dim, some.shape).reshape(-1)
            some.reshape(-1)[places] = values[part].reshape(-1) if several else values


def _parts(x: Array, index: Array, dim: int) -> list[slice]:
    """Cut the first axis so that the places of a part stay in the cache; not if it is what the index points along."""
    size = math.prod(index.shape[1:]) if dim else 0
    step = max(1, BLOCK // size) if size else max(1, len(index))
    return [slice(start, start + step) for start in range(0, min(len(index), len(x)) if dim else len(index), step)]


def _apart(values: Array, out: Array) -> Array:
    """What is read while `out` is written to: a copy if it lies in the same memory."""
    return values.copy() if np.may_share_memory(values, out) else values


def _grid(index: Array, dim: int) -> tuple[Array, ...]:
    """The full index of what `index` points to along `dim`."""
    places = np.indices(index.shape, sparse=True)
    return (*places[:dim], index, *places[dim + 1 :])


def read_slices(x: Array, index: Array, dim: int) -> Array:
    """The slices of x along `dim` that `index` names, all of them in range."""
    if not x.flags.c_contiguous:
        return np.asarray(x[(slice(None),) * dim + (index,)])
    out = empty((*x.shape[:dim], *index.shape, *x.shape[dim + 1 :]), x.dtype)
    np.take(x, index, dim, out=out, mode="wrap")
    return out


def add_slices(out: Array, index: Array, dim: int, values: Array) -> None:
    """Add slice number n of `values` along `dim` to the slice of `out` that index[n] names, in place."""
    out = out if out.ndim else out.reshape(1)
    outside = math.prod(out.shape[:dim])
    places = np.arange(outside)[:, None] * out.shape[dim] + index.reshape(-1).astype(np.intp, copy=False)
    _add(out, places, outside * out.shape[dim], values)


def _add(out: Array, places: Array, count: int, values: Array) -> None:
    """Add values to the `count` places of an array, whatever its shape and order in memory."""
    if not places.size or not values.size:
        return
    whole = np.ascontiguousarray(out)
    add_rows(whole.reshape(count, -1), places.reshape(-1), _apart(values, out).reshape(places.size, -1))
    if whole is not out:
        out[...] = whole


def add_rows(out: Array, places: Array, rows: Array) -> None:
    """out[places] += rows, where a place may come more than once.

    float32 and float16 are summed in float64 and rounded once, integers exactly; of booleans, the sum is whether any is
    true. The work is that of the rows, and not of all places unless there are few.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        if out.dtype == np.bool_:
            number, column = np.nonzero(rows)
            out[places[number], column] = True
        elif out.shape[1] >= NARROW and rows.size >= BLOCK:
            _add_sorted(out, places, rows)
        elif out.dtype.kind != "f" or out.dtype.itemsize == 8:
            _add_flat(out, places, rows)
        elif out.size <= rows.size + 16 * len(places):
            wide = empty(out.shape, np.float64)
            wide[...] = out
            _add_flat(wide, places, rows)
            out[...] = wide
        else:
            order = np.argsort(places)
            ordered = places[order]
            first = np.concatenate([[True], ordered[1:] != ordered[:-1]])
            if first.all():  # no place comes twice
                out[places] += rows
                return
            own = ordered[first]
            among = np.empty(len(ordered), np.intp)  # the number of each row's place among those named
            among[order] = np.cumsum(first) - 1
            wide = out[own].astype(np.float64)
            _add_flat(wide, among, rows)
            out[own] = wide


def _add_sorted(out: Array, places: Array, rows: Array) -> None:
    """`add_rows` of long rows, whole rows at a time: to a block of places the first row of each, then the second...

    The places that most rows go to come first, so that those which still get one are the first of their block. Each
    place gets its rows in their order. When few places are left, what they get is added value by value.
    """
    order = np.argsort(places, kind="stable")
    ordered = places[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    if len(starts) == len(places):
        out[places] += rows
        return
    counts = np.diff(starts, append=len(places))
    by_count = np.argsort(-counts, kind="stable")
    own, starts, counts = ordered[starts][by_count], starts[by_count], counts[by_count]
    several, d = np.count_nonzero(counts > 1), out.shape[1]
    step = max(1, SUMS // d)
    blocks = [slice(i, min(i + step, several)) for i in range(0, several, step)]
    singles = [slice(i, i + step) for i in range(several, len(own), step)]
    dtype = np.dtype(np.float64) if out.dtype.kind == "f" else out.dtype

    def block(number: int) -> None:
        if number >= len(blocks):
            at = singles[number - len(blocks)]
            out[own[at]] += rows[order[starts[at]]]
            return
        at = blocks[number]
        first, count = starts[at], counts[at]
        sums = scratch("sums", (len(first), d), dtype)
        sums[...] = out[own[at]]
        for rank in range(count[0]):
            many = np.count_nonzero(count > rank)
            if many * d < FEW:
                _add_rest(sums, order, first[:many] + rank, count[:many] - rank, rows)
                break
            np.add(sums[:many], rows[order[first[:many] + rank]], out=sums[:many])
        out[own[at]] = sums

    run(block, len(blocks) + len(singles), ADD_WORK * rows.size)


def _add_rest(sums: Array, order: Array, starts: Array, counts: Array, rows: Array) -> None:
    """To sum number n add counts[n] rows: those that `order` names from starts[n] on."""
    numbers = np.concatenate([order[i : i + n] for i, n in zip(starts, counts, strict=True)])
    places, step = np.repeat(np.arange(len(starts)), counts), max(1, BLOCK // sums.shape[1])
    for start in range(0, len(numbers), step):
        at = slice(start, start + step)
        _add_flat(sums, places[at], rows[numbers[at]])


def _add_flat(out: Array, places: Array, rows: Array) -> None:
    flat, d = out.reshape(-1), out.shape[1]
    step, columns = max(1, BLOCK // d), np.arange(d)
    for start in range(0, len(places), step):
        at, some = places[start : start + step], rows[start : start + step]
        if d == 1:
            where = at
        elif d < NARROW:
            where, some = (at * d + columns[:, None]).reshape(-1), some.T
        else:
            where = (at[:, None] * d + columns).reshape(-1)
        np.add.at(flat, where, some.astype(out.dtype, copy=False).reshape(-1))


def put_mask(out: Array, mask: Array, values: Array) -> None:
    """out[mask] = values; NumPy's own way takes several times as long, unless nearly all or no places are named."""
    if out.flags.c_contiguous and mask.shape == out.shape[: mask.ndim]:
        named = np.flatnonzero(mask)
        out.reshape(mask.size, *out.shape[mask.ndim :])[named] = values
    else:
        out[mask] = values


def at_mask(x: Array, mask: Array) -> Array:
    """x[mask], in less time likewise."""
    if x.flags.c_contiguous and mask.shape == x.shape[: mask.ndim]:
        return x.reshape(mask.size, *x.shape[mask.ndim :])[np.flatnonzero(mask)]
    return x[mask]


def places_of(x: Array) -> Array:
    """The indices (k, ndim) of all values that are not 0, in reading order: np.argwhere, in a third of the time."""
    numbers = np.flatnonzero(x)
    places = np.empty((len(numbers), x.ndim), np.int64)
    for axis in reversed(range(1, x.ndim)):
        outside = numbers // max(1, x.shape[axis])
        places[:, axis] = numbers - outside * x.shape[axis]
        numbers = outside
    places[:, 0] = numbers
    return places


# Where an index points to


def along_places(index: Array, dim: int, shape: Ints) -> Array:
    """The places that `index` points to along `dim` of an array of `shape`, numbered in reading order."""
    places: Any = None
    for axis, size in enumerate(shape):
        own = index.astype(np.intp, copy=False) if axis == dim else _coordinate(index.shape[axis], axis, len(shape))
        places = own if places is None else places * size + own
    return np.asarray(places)


def flat_places(index: Any, shape: Ints) -> tuple[Array, int]:
    """The places that an index names, numbered over the leading axes it tells apart, and how many axes these are.

    The values at the other axes are taken whole, as those of a row of a table.
    """
    parts = list(index) if isinstance(index, tuple) else [index]
    dots = next((i for i, part in enumerate(parts) if part is Ellipsis), len(parts))
    if any(axes_of(part) for part in parts[dots + 1 :]):
        missing = len(shape) - sum(axes_of(part) for part in parts)
        parts[dots : dots + 1] = [slice(None)] * missing
    elif dots < len(parts):
        del parts[dots]
    while parts and isinstance(parts[-1], slice) and parts[-1] == slice(None):
        parts.pop()
    lead = sum(axes_of(part) for part in parts)
    sizes = shape[:lead]
    if all(axes_of(part) == 1 and not isinstance(part, slice) and _is_integer(part) for part in parts):
        places: Any = 0
        for number, (part, size) in enumerate(zip(parts, sizes, strict=True)):
            own = np.asarray(part).astype(np.intp, copy=False)
            own = own if own.size == 0 or own.min() >= 0 else np.where(own < 0, own + size, own)
            places = places * size + own if number else own
        return np.asarray(places, np.intp), lead
    if math.prod(sizes) <= BLOCK:
        return np.arange(math.prod(sizes)).reshape(sizes)[tuple(parts)], lead
    places = np.zeros((), np.intp)
    for axis, size in enumerate(sizes):
        # NumPy lays out what the index gives; reading a coordinate that is repeated over the others makes no big array.
        coordinate = np.broadcast_to(_coordinate(size, axis, lead), sizes)
        places = places * size + coordinate[tuple(parts)]
    return places, lead


def _coordinate(size: int, axis: int, ndim: int) -> Array:
    """The numbers of the places along an axis, as an array of `ndim` axes that broadcasts over the others."""
    return np.arange(size).reshape(-1, *(1,) * (ndim - 1 - axis))


def axes_of(part: Any) -> int:
    """How many axes of an array a part of an index takes."""
    if part is None or part is Ellipsis or isinstance(part, (bool, np.bool_)):
        return 0
    return part.ndim if isinstance(part, np.ndarray) and part.dtype == np.bool_ else 1


def _is_integer(part: Any) -> bool:
    return not isinstance(part, np.ndarray) or part.dtype != np.bool_


def last_writes(index: Any, shape: Ints) -> Array:
    """Whether each value assigned at `index` of an array of `shape` is still there after the assignment."""
    places, lead = flat_places(index, shape)
    stays = _last(places, math.prod(shape[:lead])).reshape(places.shape + (1,) * (len(shape) - lead))
    return np.broadcast_to(stays, (*places.shape, *shape[lead:]))


def last_along(index: Array, dim: int, shape: Ints) -> Array:
    """Whether each value written where `index` points to along `dim` is still there afterwards."""
    return _last(along_places(index, dim, shape), math.prod(shape)) if shape else np.ones((), np.bool_)


def _last(places: Array, count: int) -> Array:
    order = np.arange(places.size).reshape(places.shape)
    last = np.empty(count, np.intp)  # only what is written is read, so that its size costs nothing
    last[places] = order
    return np.asarray(last[places] == order)
