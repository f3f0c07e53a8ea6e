"""Indexing: random programs of indices against NumPy, writing in place, errors, exact sums, what takes memory."""

import re
import tracemalloc

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.kernels import scatter as kernel
from tensorgrad.modes import Observer, observing
from tensorgrad.node import version_of
from tensorgrad.ops import indexing

BLOCKS, PER_BLOCK = 10, 40


def leaf(data, dtype=np.float64):
    return tg.tensor(np.asarray(data, dtype), requires_grad=True)


def random_index(rng, shape, for_torch=False):
    """Slices with steps, ints, None, an ellipsis, arrays of shapes that broadcast, masks, in any mixture.

    Left out for PyTorch, which has them otherwise or not: steps below 0, and numbers beside arrays, which it takes out
    before it looks where the axes of the arrays go.
    """
    count = int(rng.integers(1, 4))
    spread = [(count,), (1,), (2, count), (2, 1), ()]
    with_arrays = rng.random() < 0.7
    parts, axis, dots = [], 0, False
    while axis < len(shape) and rng.random() < 0.85:
        kind = rng.choice(["slice", "none", "dots", "int", *(["array", "mask", "wide mask"] if with_arrays else [])])
        n = shape[axis]
        if kind == "none":
            parts.append(None)
            continue
        if kind == "dots":
            if not dots and rng.random() < 0.5:
                parts.append(Ellipsis)
                axis = int(rng.integers(axis, len(shape) + 1))
                dots = True
            continue
        if kind == "int" and not (for_torch and with_arrays):
            parts.append(int(rng.integers(-n, n)))
        elif kind == "array":
            # Without an axis of its own an array is a number, for PyTorch.
            shapes = spread[:4] if for_torch else spread
            parts.append(rng.integers(-n, n, shapes[rng.integers(len(shapes))]).astype(rng.choice(["i8", "i2"])))
        elif kind == "mask" and n >= count:
            parts.append(mask_of(rng, (n,), count))
        elif kind == "wide mask" and axis + 1 < len(shape) and n * shape[axis + 1] >= count:
            parts.append(mask_of(rng, shape[axis : axis + 2], count))
            axis += 1
        else:
            start, stop = (None if rng.random() < 0.4 else int(rng.integers(-n - 1, n + 2)) for _ in range(2))
            parts.append(slice(start, stop, int(rng.integers(1, 4)) * (1 if for_torch or rng.random() < 0.6 else -1)))
        axis += 1
    if dots:
        # What follows the ellipsis counts from the last axis: as many parts as there are axes left after it.
        at = next(i for i, part in enumerate(parts) if part is Ellipsis)
        taken = sum(kernel.axes_of(part) for part in parts)
        if taken > len(shape) or any(not fits(part, n) for part, n in last_axes(parts[at + 1 :], shape)):
            return random_index(rng, shape, for_torch)
    return tuple(parts) if len(parts) != 1 or rng.random() < 0.5 else parts[0]


def mask_of(rng, shape, count):
    mask = np.zeros(shape, bool)
    mask.reshape(-1)[rng.permutation(mask.size)[:count]] = True
    return mask


def last_axes(parts, shape):
    """The parts after an ellipsis, each with the sizes of its axes."""
    end = len(shape) - sum(kernel.axes_of(part) for part in parts)
    for part in parts:
        width = kernel.axes_of(part)
        yield part, shape[end : end + width]
        end += width


def fits(part, sizes):
    if isinstance(part, np.ndarray) and part.dtype == bool:
        return part.shape == tuple(sizes)
    if isinstance(part, (int, np.ndarray)):
        return bool(np.all(np.less(part, sizes[0])) and np.all(np.greater_equal(part, -sizes[0])))
    return True


def random_shape(rng):
    return tuple(rng.integers(1, 5, int(rng.integers(1, 5))).tolist())


def programs(block, for_torch=False):
    for seed in range(block * PER_BLOCK, (block + 1) * PER_BLOCK):
        rng = np.random.default_rng(seed)
        shape = random_shape(rng)
        yield rng, shape, random_index(rng, shape, for_torch)


def value_shape(rng, place):
    """A shape that broadcasts to that of a place: its last axes, some of them of size 1."""
    keep = place[int(rng.integers(0, len(place) + 1)) :] if rng.random() < 0.4 else place
    return tuple(1 if rng.random() < 0.2 else n for n in keep)


def spread_index(index):
    """An index with lists in place of some arrays, and tensors in place of others: all mean the same."""
    parts = list(index) if isinstance(index, tuple) else [index]
    kinds = [lambda a: a, lambda a: tg.tensor(a), lambda a: a.tolist() if a.ndim else a]
    parts = [kinds[i % 3](part) if isinstance(part, np.ndarray) else part for i, part in enumerate(parts)]
    return tuple(parts) if isinstance(index, tuple) else parts[0]


def test_the_programs_are_of_all_kinds():
    seen = set()
    for block in range(BLOCKS):
        for _, shape, index in programs(block):
            parts = index if isinstance(index, tuple) else (index,)
            seen |= {type(p).__name__ for p in parts}
            seen |= {f"{p.dtype.kind}{p.ndim}" for p in parts if isinstance(p, np.ndarray)}
            seen |= {"step < 0" for p in parts if isinstance(p, slice) and p.step < 0}
            seen |= {"apart"} if apart(parts) else set()
            if repeats(shape, index):
                seen.add("repeated")
    assert {"slice", "int", "NoneType", "ellipsis", "i0", "i1", "i2", "b1", "b2", "step < 0", "apart"} < seen
    assert "repeated" in seen


def apart(parts):
    arrays = [isinstance(part, np.ndarray) for part in parts]
    return "101" in "".join("1" if a else "0" for a in arrays)


def repeats(shape, index):
    places = np.arange(np.prod(shape)).reshape(shape)[index]
    return len(np.unique(places)) < places.size


@pytest.mark.parametrize("block", range(BLOCKS))
def test_random_reads_T22(block, record_property):
    """Of the loss sum(w * x[index] ** 3): values, gradients, and the gradient of their sum weighted by u."""
    for rng, shape, index in programs(block):
        x, u = rng.standard_normal(shape), rng.standard_normal(shape)
        y = x[index]
        w = rng.standard_normal(y.shape)
        t = leaf(x)
        out = t[spread_index(index)]
        np.testing.assert_array_equal(out.data, y)
        (g,) = tg.grad((out * out * out * w).sum(), t, create_graph=True)
        np.testing.assert_allclose(g.data, added(shape, index, 3 * y * y * w), rtol=1e-12, atol=1e-13)
        (second,) = tg.grad((g * u).sum(), t)
        np.testing.assert_allclose(second.data, added(shape, index, 6 * y * w * u[index]), rtol=1e-12, atol=1e-13)
    record_property("samples", {"programs": PER_BLOCK})


def added(shape, index, values):
    out = np.zeros(shape)
    np.add.at(out, index, values)
    return out


@pytest.mark.parametrize("block", range(BLOCKS))
def test_random_assignments_T38(block, record_property):
    """The same for y = x with y[index] = v; where a place comes twice, the last value stays."""
    for rng, shape, index in programs(block):
        x, u, w = (rng.standard_normal(shape) for _ in range(3))
        place = x[index].shape
        v = rng.standard_normal(value_shape(rng, place))
        r = rng.standard_normal(v.shape)
        y, weights = x.copy(), u.copy()
        y[index] = v
        weights[index] = r
        stays = last_ones(shape, index)
        t, s = leaf(x), leaf(v)
        out = t * 1.0
        out[spread_index(index)] = s
        np.testing.assert_array_equal(out.data, y)
        gx, gv = tg.grad((out * out * out * w).sum(), (t, s), create_graph=True)
        check_assigned(gx, gv, 3 * y * y * w, index, stays, v.shape)
        total = (gx * u).sum() + (gv * r).sum()
        check_assigned(*tg.grad(total, (t, s)), 6 * y * w * weights, index, stays, v.shape)
        with tg.no_grad():
            array = tg.tensor(x)
            array[index] = tg.tensor(v)
        np.testing.assert_array_equal(array.data, y)
    record_property("samples", {"programs": PER_BLOCK})


def last_ones(shape, index):
    """Whether each value assigned stays: no later one goes to its place."""
    places = np.arange(np.prod(shape)).reshape(shape)[index]
    flat = places.ravel().tolist()
    return np.array([place not in flat[i + 1 :] for i, place in enumerate(flat)], bool).reshape(places.shape)


def check_assigned(gx, gv, gy, index, stays, v_shape):
    right = gy.copy()
    right[index] = 0
    np.testing.assert_allclose(gx.data, right, rtol=1e-12, atol=1e-13)
    at_v = np.where(stays, gy[index], 0)
    at_v = at_v.sum(tuple(range(at_v.ndim - len(v_shape))))
    axes = tuple(i for i, n in enumerate(v_shape) if n == 1)
    np.testing.assert_allclose(gv.data, at_v.sum(axes, keepdims=True) if axes else at_v, rtol=1e-12, atol=1e-13)


# Writing in place, recorded and not

X, SRC = np.arange(12.0).reshape(3, 4), -np.arange(1.0, 7.0).reshape(2, 3)
INDEX, ROWS_ = np.array([[0, 3, 3], [1, 1, 0]]), np.array([2, 0, 2])
MASK = np.array([True, False, True, False])
PART = 0.5 + np.arange(12.0).reshape(3, 4)

WRITES = {
    "index_add": (lambda x, v, name: getattr(x, name)(0, ROWS_, v), PART),
    "index_add alpha": (lambda x, v, name: getattr(x, name)(0, tg.tensor(ROWS_), v, alpha=-2), PART),
    "index_copy": (lambda x, v, name: getattr(x, name)(0, ROWS_, v), PART),
    "index_fill": (lambda x, v, name: getattr(x, name)(1, np.array([0, -1]), v), np.array(1.5)),
    "index_put": (lambda x, v, name: getattr(x, name)((ROWS_, np.array([1, 1, 1])), v), PART[0, :3]),
    "index_put adding": (lambda x, v, name: getattr(x, name)((ROWS_, np.array([1, 1, 1])), v, True), PART[0, :3]),
    "masked_fill": (lambda x, v, name: getattr(x, name)(MASK, v), np.array(1.5)),
    "masked_scatter": (lambda x, v, name: getattr(x, name)(tg.tensor(MASK), v), PART),
    "put": (lambda x, v, name: getattr(x, name)(np.array([0, -1, 0]), v), PART[0, :3]),
    "put adding": (lambda x, v, name: getattr(x, name)(np.array([0, -1, 0]), v, True), PART[0, :3]),
    "scatter": (lambda x, v, name: getattr(x, name)(1, INDEX, v), SRC),
    "scatter adding": (lambda x, v, name: getattr(x, name)(1, INDEX, v, reduce="add"), SRC),
    "scatter_add": (lambda x, v, name: getattr(x, name)(1, INDEX, v), SRC),
    "scatter_reduce": (lambda x, v, name: getattr(x, name)(1, INDEX, v, "amax", include_self=False), SRC),
}
writes = pytest.mark.parametrize("case", WRITES)


@writes
@pytest.mark.parametrize("layout", ["in order", "Fortran", "every second"])
def test_writing_in_place_gives_what_the_function_gives(case, layout):
    call, value = WRITES[case]
    name = case.split()[0]
    right = call(tg.tensor(X), tg.tensor(value), name).data
    assert (right != X).any()
    array = {"in order": X.copy(), "Fortran": np.asfortranarray(X), "every second": np.repeat(X, 2, 1)[:, ::2]}[layout]
    x = tg.from_numpy(array)
    before = version(x)
    assert call(x, tg.tensor(value), f"{name}_") is x
    assert x.data is array
    np.testing.assert_array_equal(array, right)
    assert version(x) == before + 1
    with tg.no_grad():
        x = leaf(X)
        call(x, leaf(value), f"{name}_")
        assert x.is_leaf
        np.testing.assert_array_equal(x.data, right)


def version(x):
    return version_of(x._version or b"")


@writes
def test_writing_in_place_is_recorded(case):
    call, value = WRITES[case]
    name = case.split()[0]
    a, v = leaf(X), leaf(value)
    b, w = leaf(X), leaf(value)
    x = a * 2.0
    call(x, v, f"{name}_")
    right = call(b * 2.0, w, name)
    np.testing.assert_array_equal(x.data, right.data)
    g = np.random.default_rng(0).standard_normal(X.shape)
    for one, other in zip(tg.grad((x * g).sum(), (a, v)), tg.grad((right * g).sum(), (b, w)), strict=True):
        np.testing.assert_allclose(one.data, other.data, rtol=1e-14)
        assert np.any(one.data)


@writes
def test_a_value_with_a_gradient_makes_a_plain_tensor_recorded(case):
    call, value = WRITES[case]
    x, v = tg.tensor(X), leaf(value)
    call(x, v, f"{case.split()[0]}_")
    assert x.requires_grad
    x.sum().backward()
    assert v.grad is not None


@writes
def test_leaves_and_views_are_not_written_to_while_recording(case):
    call, value = WRITES[case]
    name = f"{case.split()[0]}_"
    x = leaf(X)
    with pytest.raises(tg.GradientError, match=f"^{name}: a leaf that requires a gradient"):
        call(x, tg.tensor(value), name)
    view = (leaf(np.stack([X, X])) * 1.0)[0]
    with pytest.raises(tg.GradientError, match=f"^{name}: the tensor is a view made by getitem"):
        call(view, tg.tensor(value), name)
    np.testing.assert_array_equal(x.data, X)
    np.testing.assert_array_equal(view.data, X)


@writes
def test_a_later_change_of_the_index_is_noticed_or_does_not_matter_T22(case):
    """An array is copied; a change of a tensor that the gradient needs is an error."""
    call, value = WRITES[case]
    for as_tensor in (False, True):
        kept = {"ROWS_": ROWS_.copy(), "INDEX": INDEX.copy(), "MASK": MASK.copy()}
        names = call.__code__.co_names
        own = {k: tg.tensor(kept[k]) if as_tensor else kept[k] for k in kept}
        globals_ = {**globals(), **own, "tg": Plain if as_tensor else tg}
        changed = type(call)(call.__code__, globals_)
        x, v = leaf(X), leaf(value)
        out = changed(x * 1.0, v, case.split()[0])
        expected = tg.grad(call(x * 1.0, v, case.split()[0]).sum(), (x, v))
        for k in kept:
            if k in names:
                with tg.no_grad():
                    own[k][...] = 0
        if as_tensor and case in NOTICED:
            with pytest.raises(tg.GradientError, match="changed in place"):
                tg.grad(out.sum(), (x, v))
            continue
        found = tg.grad(out.sum(), (x, v))
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one.data, other.data)


# The gradients of the others need no index, or they keep a copy of it.
NOTICED = {"index_add", "index_add alpha", "masked_fill", "scatter", "scatter adding", "scatter_add", "scatter_reduce"}


class Plain:
    """In place of tensorgrad where an index is a tensor already."""

    tensor = staticmethod(lambda x: x)


def test_a_tensor_may_be_added_to_itself():
    for dtype in (np.float64, np.float32, np.int64):
        x = tg.tensor(np.arange(6).reshape(3, 2).astype(dtype))
        x.index_add_(0, np.array([1, 2, 0]), x)
        np.testing.assert_array_equal(x.data, [[4, 6], [2, 4], [6, 8]])
        x = tg.tensor(np.arange(4).astype(dtype))
        x.scatter_add_(0, np.array([1, 1, 0, 1]), x)
        np.testing.assert_array_equal(x.data, [2, 5, 2, 3])
        x = tg.tensor(np.arange(4).astype(dtype))
        x.scatter_(0, np.array([1, 2, 3, 0]), x)
        np.testing.assert_array_equal(x.data, [3, 0, 1, 2])


# Sums


def test_integers_are_summed_exactly():
    large = 2**53 + 1
    x = np.array([large, 5, 0])
    index = np.array([0, 0, 2])
    source = np.array([1, 2, large])
    right = [large + 3, 5, large]
    assert tg.scatter_add(x, 0, index, source).tolist() == right
    assert tg.index_add(x, 0, index, source).tolist() == right
    assert tg.put(x, index, source, accumulate=True).tolist() == right
    assert tg.index_put(x, (index,), source, accumulate=True).tolist() == right
    assert indexing._put(source, index=index, shape=(3,)).tolist() == [3, 0, large]
    assert tg.scatter_reduce(x, 0, index, source, "amax").tolist() == [large, 5, large]
    assert tg.scatter_reduce(x, 0, index, source, "prod").tolist() == [2 * large, 5, 0]


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int16, np.int32])
def test_sums_keep_the_dtype(dtype):
    x, source, index = np.array([0, 1, 0], dtype), np.array([1, 1, 0, 1], dtype), np.array([0, 0, 2, 1])
    right = x.copy()
    for n, value in zip(index, source, strict=True):
        right[n] += value
    for result in (tg.scatter_add(x, 0, index, source), tg.index_add(x, 0, index, source)):
        assert result.dtype == dtype
        np.testing.assert_array_equal(result, right)
    wide = tg.index_add(np.zeros((2, 3), dtype), 0, np.array([1, 1]), np.array([[1, 0, 1], [0, 0, 1]], dtype))
    assert wide[1].astype(bool).tolist() == [True, False, True]


@pytest.mark.parametrize("places", [3, 10**6])  # all places are looked at, or only those named
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("width", [1, 3, 20])
def test_sums_are_rounded_once_T17(places, dtype, width):
    rows = np.full((3000, width), 0.1, dtype)
    index = np.zeros(3000, np.int64)
    index[-1] = 2
    out = np.zeros((places, width), dtype)
    out[0] = 7
    kernel.add_rows(out, index, rows)
    np.testing.assert_array_equal(out[0], dtype(7 + 2999 * float(dtype(0.1))))
    np.testing.assert_array_equal(out[2], dtype(0.1))
    assert not out[1].any()
    assert not out[3:].any()


def test_sums_of_infinities_do_not_warn():
    x = tg.scatter_add(np.zeros(3, np.float32), 0, np.array([0, 0, 1, 1]), np.array([np.inf, -np.inf, 3e38, 3e38], "f"))
    np.testing.assert_array_equal(x, [np.nan, np.inf, 0])


def test_a_large_sum_that_a_place_takes_back_is_finite_in_float16():
    x = np.array([-60_000.0], np.float16)
    out = tg.scatter_add(x, 0, np.array([0, 0]), np.array([60_000.0, 60_000.0], np.float16))
    np.testing.assert_array_equal(out, np.float16([60_000]))


def test_a_repeated_index_is_summed_by_rows():
    index = tg.tensor(np.array([[1], [1], [0]])).broadcast_to((3, 5))
    src = np.random.default_rng(0).standard_normal((3, 5))
    right = np.stack([src[2], src[0] + src[1]])
    np.testing.assert_allclose(tg.scatter_add(tg.tensor(np.zeros((2, 5))), 0, index, tg.tensor(src)).data, right)
    v = leaf(np.zeros((2, 5)))
    v.gather(0, index).backward(tg.tensor(src))
    np.testing.assert_allclose(v.grad.data, right)


# Memory: a few places of a large array


@pytest.mark.parametrize(
    "read, most",
    [
        (lambda x: x[np.array([5, 5, 7])], 1.05),
        (lambda x: x[np.array([5, 5, 7]), np.array([1, 1, 2])], 1.05),
        (lambda x: x[5:7, np.array([1, 1, 2])], 1.55),  # the numbers of the rows
        (lambda x: x.index_select(0, tg.tensor([5, 5, 7])), 1.05),
        (lambda x: x.take(tg.tensor([5, 5, 7])), 2.05),  # the walk copies the gradient that a reshape passes on
        (lambda x: x.gather(0, tg.tensor([[5, 5], [7, 7]])), 1.05),
    ],
    ids=["rows", "pairs", "slice and numbers", "index_select", "take", "gather"],
)
def test_a_few_places_of_a_large_array_take_no_more_than_the_gradient(read, most):
    """In times the gradient's own size; a number or a sum for each place would take twice as much, or more, beside."""
    x = tg.zeros(1 << 18, 4, requires_grad=True)  # as large as blocks of memory are
    out = read(x)
    g = tg.ones_like(out)
    tracemalloc.start()
    try:
        (found,) = tg.grad(out, x, g)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.data.sum() == out.numel()
    assert peak < found.data.nbytes * most


# Corners


def test_gather_from_part_of_the_rows():
    """With one column per row, and fewer rows than the input has."""
    x = leaf(np.arange(12.0).reshape(3, 4))
    out = x.gather(1, tg.tensor([[3], [0]]))
    np.testing.assert_array_equal(out.data, [[3], [4]])
    out.sum().backward()
    np.testing.assert_array_equal(x.grad.data, [[0, 0, 0, 1], [1, 0, 0, 0], [0, 0, 0, 0]])


@pytest.mark.parametrize(
    "index", [[], tg.tensor([], dtype=np.int64), np.zeros(0, np.uint8), np.zeros((0, 3), bool)[:, :0]]
)
def test_empty_indices(index):
    shape = (0, 0, 2) if isinstance(index, np.ndarray) and index.ndim == 2 else (3, 2)
    x = leaf(np.zeros(shape))
    out = x[index]
    assert out.shape[0] == 0
    out.sum().backward()
    np.testing.assert_array_equal(x.grad.data, np.zeros(shape))


def test_uint8_indices_are_numbers_and_not_masks():
    """PyTorch takes them for masks, with a warning that it will stop to."""
    x = leaf([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(x[tg.tensor(np.array([1, 0, 1], np.uint8))].data, [2, 1, 2])
    index = np.array([200, 200, 3], np.uint8)
    wide = leaf(np.zeros((250, 260)))
    wide[index, index].sum().backward()
    assert wide.grad.data[200, 200] == 2
    assert wide.grad.data[3, 3] == 1
    assert tg.scatter_add(np.zeros((2, 300)), 1, index[None], np.ones((1, 3)))[0, 200] == 2
    assert tg.index_add(np.zeros((1, 300)), 1, index, np.ones((1, 3)))[0, 200] == 2


def test_the_last_of_several_writes_stays_and_gets_the_gradient():
    for call in (
        lambda x, v: x.scatter(0, tg.tensor([1, 1, 0]), v),
        lambda x, v: x.index_copy(0, tg.tensor([1, 1, 0]), v),
        lambda x, v: x.put(tg.tensor([1, -2, 0]), v),
        lambda x, v: x.index_put((tg.tensor([1, 1, 0]),), v),
    ):
        x, v = leaf([1.0, 2.0, 3.0]), leaf([10.0, 20.0, 30.0])
        out = call(x, v)
        np.testing.assert_array_equal(out.data, [30, 20, 3])
        out.backward(tg.tensor([1.0, 2.0, 4.0], dtype=np.float64))
        np.testing.assert_array_equal(x.grad.data, [0, 0, 4])
        np.testing.assert_array_equal(v.grad.data, [0, 2, 1])


def test_a_number_that_fills_a_place_twice_counts_once():
    v = leaf(2.0)
    tg.zeros(3, 2, dtype=np.float64).index_fill(0, tg.tensor([1, 1, -2]), v).sum().backward()
    assert v.grad.item() == 2


def test_ties_of_scatter_reduce_share_the_gradient_T24():
    """Each place passes its whole gradient on, in equal shares; nan is the extreme value of all."""
    nan = np.nan
    x, src = leaf([2.0, 3.0, 1.0, nan]), leaf([2.0, 2.0, 5.0, 3.0, nan, nan, nan])
    index = tg.tensor([0, 0, 1, 1, 2, 2, 3])
    out = x.scatter_reduce(0, index, src, "amax")
    np.testing.assert_array_equal(out.data, [2, 5, nan, nan])
    out.backward(tg.tensor([3.0, 4.0, 6.0, 8.0], dtype=np.float64))
    np.testing.assert_array_equal(x.grad.data, [1, 0, 0, 4])
    np.testing.assert_array_equal(src.grad.data, [1, 1, 4, 0, 3, 3, 4])


def test_a_value_that_takes_no_part_has_no_share_T24():
    """PyTorch counts it as a third of equal values, so that a third of the gradient is lost."""
    x, src = leaf([2.0]), leaf([2.0, 2.0])
    x.scatter_reduce(0, tg.tensor([0, 0]), src, "amax", include_self=False).backward()
    np.testing.assert_array_equal(x.grad.data, [0])
    np.testing.assert_array_equal(src.grad.data, [0.5, 0.5])


@pytest.mark.parametrize("include_self", [True, False])
def test_products_with_zeros_are_exact_to_second_order(include_self):
    index = tg.tensor([0, 0, 1, 1, 1, 2])
    values = [2.0, 0.0, 0.0, 3.0, 0.0, 4.0]
    x, src = leaf([5.0, 7.0, 0.0, 1.0]), leaf(values)
    out = x.scatter_reduce(0, index, src, "prod", include_self=include_self)
    np.testing.assert_array_equal(out.data, [0, 0, 0 if include_self else 4, 1])
    _, g = tg.grad(out.sum(), (x, src), create_graph=True)
    own = [5, 7, 0] if include_self else [1, 1, 1]
    np.testing.assert_array_equal(g.data, [0, 2 * own[0], 0, 0, 0, own[2]])
    (second,) = tg.grad(g.sum(), src)
    np.testing.assert_array_equal(second.data, [own[0], own[0], 3 * own[1], 0, 3 * own[1], 0])


def test_selected_by_mask_does_not_touch_what_is_not():
    x = leaf([1.0, np.inf, np.nan])
    mask = tg.tensor([True, False, False])
    for out in (x.masked_select(mask), x.masked_fill(~mask, 0.0), x.where(mask, 0.0), x[mask]):
        (g,) = tg.grad((out * 2).sum(), x)
        np.testing.assert_array_equal(g.data, [2, 0, 0])


@pytest.mark.parametrize(
    "dtype, value, right",
    [(np.int64, 7.9, 7), (np.bool_, 3, True), (np.float32, np.float64(1.5), 1.5), (np.uint8, True, 1)],
)
def test_fills_keep_the_dtype(dtype, value, right):
    x = tg.zeros(3, dtype=dtype)
    for out in (
        x.masked_fill(tg.tensor([True, False, True]), value),
        x.index_fill(0, tg.tensor([0, 2]), value),
        x.clone().masked_fill_(tg.tensor([True, False, True]), value),
        x.clone().index_fill_(0, tg.tensor([0, 2]), value),
    ):
        assert out.dtype == dtype
        np.testing.assert_array_equal(out.data, np.array([right, 0, right], dtype))


def test_nan_is_the_largest_in_searches():
    nan = np.nan
    row = np.array([1.0, 3.0, nan, nan])
    for sequence, values in ((row, np.array([2.0, nan, 9.0])), (np.stack([row] * 2), np.array([[2.0, nan, 9.0]] * 2))):
        assert np.all(tg.searchsorted(sequence, values) == [1, 2, 2])
        assert np.all(tg.searchsorted(sequence, values, right=True) == [1, 4, 2])


def test_searches_in_rows_equal_those_in_each_row():
    rng = np.random.default_rng(0)
    for size in range(6):
        lists = np.sort(rng.integers(0, 4, (5, size)), -1).astype(float)
        values = rng.integers(-1, 5, (5, 7)).astype(float)
        for right in (False, True):
            found = tg.searchsorted(lists, values, right=right)
            for row, value, at in zip(lists, values, found, strict=True):
                np.testing.assert_array_equal(at, np.searchsorted(row, value, "right" if right else "left"))


def test_weights_of_bincount_have_a_gradient():
    w = leaf([1.0, 2.0, 3.0])
    tg.bincount(tg.tensor([2, 0, 2]), w).backward(tg.tensor([10.0, 20.0, 30.0], dtype=np.float64))
    np.testing.assert_array_equal(w.grad.data, [30, 10, 30])


def test_dtypes_of_bincount():
    index = tg.tensor([1, 0])
    for dtype, right in [(np.float16, np.float64), (np.float32, np.float32), (np.int32, np.float64)]:
        assert tg.bincount(index, tg.ones(2, dtype=dtype)).dtype == right
    assert tg.bincount(index).dtype == np.int64


# Errors

Z = tg.zeros
I = tg.tensor  # noqa: E741


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda: Z(3)[I([0, 3])], tg.LabelError, r"getitem: index 3 is out of bounds.*\(input of shape \(3,\)\)"),
        (lambda: Z(3)[I([0.5])], tg.DTypeError, "getitem: an index array must hold integers or booleans, got float32"),
        (lambda: Z(2, 3)[np.ones((3, 2), bool)], tg.LabelError, "getitem: boolean index did not match"),
        (
            lambda: Z(2, 3).gather(1, I([[0, -1]])),
            tg.LabelError,
            "gather: index -1 to 0 is out of range for size 3 of dim 1",
        ),
        (
            lambda: Z(2, 3).gather(1, I([[0], [1], [2]])),
            tg.ShapeError,
            r"gather: index of shape \(3, 1\) does not fit input \(2, 3\) along dim 1",
        ),
        (
            lambda: Z(2, 3).scatter(1, I([[0, -1]]), 1.0),
            tg.LabelError,
            r"scatter: index -1 is out of range for size 3 of dim 1 \(0 to 2\)",
        ),
        (
            lambda: Z(2, 3).scatter_(-1, I([[3]]), 1.0),
            tg.LabelError,
            r"scatter_: index 3 is out of range for size 3 of dim -1 \(0 to 2\)",
        ),
        (
            lambda: Z(2, 3).scatter_add(0, I([[0, 1]]), Z(1, 1)),
            tg.ShapeError,
            r"scatter_add: index of shape \(1, 2\) is larger than src \(1, 1\)",
        ),
        (
            lambda: Z(2, 3).scatter_add(0, I([[0, 1, 0, 1]]), Z(1, 4)),
            tg.ShapeError,
            r"scatter_add: index of shape \(1, 4\) does not fit input \(2, 3\) along dim 0",
        ),
        (
            lambda: Z(2, 3).scatter_add(0, I([0, 1]), Z(2)),
            tg.ShapeError,
            r"scatter_add: index of shape \(2,\) does not fit input \(2, 3\) along dim 0",
        ),
        (
            lambda: Z(3).scatter_add(0, I([0]), Z(1, dtype=np.float64)),
            tg.DTypeError,
            "scatter_add: the dtypes differ: input float32, src float64; cast one of them",
        ),
        (
            lambda: Z(3).scatter_add(0, I([0.0]), Z(1)),
            tg.DTypeError,
            "scatter_add: index has dtype float32, it must hold",
        ),
        (lambda: Z(3).scatter_add(0, I([0]), 1.0), tg.DTypeError, "scatter_add: src is a float, not a tensor"),
        (lambda: Z(3).scatter(0, I([0])), tg.DTypeError, "scatter: one of src and value must be given"),
        (lambda: Z(3).scatter(0, I([0]), 1, value=2), tg.DTypeError, "scatter: one of src and value must be given"),
        (
            lambda: Z(3).scatter(0, I([0]), 1, reduce="mean"),
            tg.ShapeError,
            "scatter: reduce must be 'add' or 'multiply', got 'mean'",
        ),
        (
            lambda: Z(3).scatter_reduce(0, I([0]), Z(1), "max"),
            tg.ShapeError,
            "scatter_reduce: reduce must be one of sum, prod, mean, amax, amin, got 'max'",
        ),
        (
            lambda: Z(3).scatter_reduce_(0, I([0]), Z(1), "max"),
            tg.ShapeError,
            "scatter_reduce_: reduce must be one of sum, prod, mean, amax, amin, got 'max'",
        ),
        (
            lambda: Z(2, 3).scatter(2, I([[0]]), 1),
            tg.ShapeError,
            r"scatter: dim 2 is out of range .* 2 axes \(-2 to 1\)",
        ),
        (
            lambda: Z(2, 3).index_select(0, I([2])),
            tg.LabelError,
            r"index_select: index 2 is out of range for size 2 of dim 0 \(0 to 1\)",
        ),
        (lambda: Z(2).index_select(0, I([-1])), tg.LabelError, "index_select: index -1 is out of range for size 2"),
        (
            lambda: Z(2).index_select(0, I([[0]])),
            tg.ShapeError,
            r"index_select: index must have one axis or none, got shape \(1, 1\)",
        ),
        (
            lambda: Z(()).index_select(0, I([0, 0])),
            tg.ShapeError,
            r"index_select: of an input of no axes one value is taken, index has \(2,\)",
        ),
        (
            lambda: Z(2, 3).index_add(0, I([0]), Z(2, 3)),
            tg.ShapeError,
            r"index_add: source has shape \(2, 3\), it must be \(1, 3\) for 1 slices of input \(2, 3\) along dim 0",
        ),
        (
            lambda: Z(2, dtype=np.int64).index_add(0, I([0]), I([1]), alpha=0.5),
            tg.DTypeError,
            "index_add: alpha 0.5 must be an integer for a source of dtype int64",
        ),
        (
            lambda: Z(2).index_add_(0, I([0]), Z(1), alpha="2"),
            tg.DTypeError,
            "index_add_: alpha must be a number, got '2'",
        ),
        (
            lambda: Z(2).index_copy(0, I([2]), Z(1)),
            tg.LabelError,
            "index_copy: index 2 is out of range for size 2 of dim 0",
        ),
        (
            lambda: Z(2, 2).index_fill(1, I([-3]), 1.0),
            tg.LabelError,
            r"index_fill: index -3 is out of range for size 2 of dim 1 \(-2 to 1\)",
        ),
        (
            lambda: Z(2).index_fill(0, I([0]), Z(1)),
            tg.ShapeError,
            r"index_fill: value must be a number or have no axes, got shape \(1,\)",
        ),
        (
            lambda: Z(2, 3).take(I([6])),
            tg.LabelError,
            r"take: index 6 is out of range for an input of 6 values \(-6 to 5\)",
        ),
        (
            lambda: Z(2, 3).take_along_dim(I([[0, 1, 1, 0]]), 0),
            tg.ShapeError,
            r"take_along_dim: indices \(1, 4\) and input \(2, 3\) do not broadcast besides dim 0",
        ),
        (
            lambda: Z(2, 3).take_along_dim(I([0]), 0),
            tg.ShapeError,
            "take_along_dim: input has 2 axes and indices 1: they must be as many",
        ),
        (lambda: Z(2, 3).take_along_dim(I([[3]]), 1), tg.LabelError, "take_along_dim: indices 3 is out of range"),
        (
            lambda: Z(3).put(I([0, 1]), Z(1)),
            tg.ShapeError,
            r"put: index \(2,\) and source \(1,\) differ in size",
        ),
        (
            lambda: Z(3).index_put(I([0]), Z(1)),
            tg.DTypeError,
            "index_put: indices is of type Tensor, not a tuple of tensors",
        ),
        (
            lambda: Z(3).index_put((0,), Z(1)),
            tg.DTypeError,
            "index_put: indices is a tuple with 0 in it, which is no tensor",
        ),
        (
            lambda: Z(3).index_put((I([0, 1]),), Z(3)),
            tg.ShapeError,
            r"index_put: a value of shape \(3,\) does not fit the place, of shape \(2,\)",
        ),
        (
            lambda: Z(3).masked_fill(I([1, 0, 1]), 1.0),
            tg.DTypeError,
            "masked_fill: mask has dtype int64, it must be bool: compare it",
        ),
        (
            lambda: Z(3).masked_select(I([True, False])),
            tg.ShapeError,
            r"masked_select: the shapes do not broadcast: input \(3,\), mask \(2,\)",
        ),
        (
            lambda: Z(3).masked_fill_(Z(2, 3) == 0, 1.0),
            tg.ShapeError,
            r"masked_fill_: mask \(2, 3\) does not broadcast to the tensor's \(3,\)",
        ),
        (
            lambda: Z(3).masked_scatter(I([True, True, False]), Z(1)),
            tg.ShapeError,
            "masked_scatter: mask is true at 2 places, source has 1 values",
        ),
        (lambda: tg.where(I([True]), Z(1)), tg.DTypeError, "where: other is None, not a tensor or an array"),
        (lambda: tg.where(I([1]), Z(1), Z(1)), tg.DTypeError, "where: condition has dtype int64, it must be bool"),
        (lambda: tg.bincount(I([[1]])), tg.ShapeError, r"bincount: input must have one axis, got shape \(1, 1\)"),
        (lambda: tg.bincount(I([-1, 2])), tg.ShapeError, "bincount: input must hold no number below 0, got -1"),
        (lambda: tg.bincount(I([1.0])), tg.DTypeError, "bincount: input has dtype float32, it must hold integers"),
        (
            lambda: tg.bincount(I([1]), Z(2)),
            tg.ShapeError,
            r"bincount: weights \(2,\) and input \(1,\) differ in shape",
        ),
        (lambda: tg.bincount(I([1]), minlength=-1), tg.ShapeError, "bincount: minlength must be an int of at least 0"),
        (
            lambda: tg.searchsorted(Z(3), Z(1), side="both"),
            tg.ShapeError,
            "searchsorted: side must be 'left' or 'right', got 'both'",
        ),
        (
            lambda: tg.searchsorted(Z(3), Z(1), side="left", right=True),
            tg.ShapeError,
            "searchsorted: side='left' contradicts right=True",
        ),
        (
            lambda: tg.searchsorted(Z(2, 3), Z(3, 1)),
            tg.ShapeError,
            r"searchsorted: sorted_sequence \(2, 3\) must have one axis, or all but the last as input \(3, 1\)",
        ),
        (
            lambda: tg.searchsorted(Z(3), Z(1), sorter=I([0])),
            tg.ShapeError,
            r"searchsorted: sorter \(1,\) and sorted_sequence \(3,\) differ in shape",
        ),
        (
            lambda: tg.bucketize(Z(3), Z(1, 2)),
            tg.ShapeError,
            r"bucketize: boundaries must have one axis, got shape \(1, 2\)",
        ),
        (lambda: tg.isin(1, 2), tg.DTypeError, "isin: test_elements is an int, not a tensor or an array"),
    ],
)
def test_errors(call, error, text):
    with pytest.raises(error, match=f"^{text}"):
        call()


def test_a_wrong_index_changes_nothing():
    x = tg.tensor(X)
    for wrong in (
        lambda: x.scatter_(0, I([[0, 1], [2, 3]]), 5.0),
        lambda: x.index_add_(0, I([0, 3]), Z(2, 4, dtype=np.float64)),
        lambda: x.index_copy_(1, I([0, 4]), Z(3, 2, dtype=np.float64)),
        lambda: x.index_fill_(0, I([0, 3]), 5.0),
        lambda: x.put_(I([0, 12]), Z(2, dtype=np.float64)),
        lambda: x.index_put_((I([0, 3]),), Z(2, 1, dtype=np.float64)),
        lambda: x.masked_scatter_(I([True] * 4), Z(3, dtype=np.float64)),
    ):
        with pytest.raises(tg.TensorgradError):
            wrong()
        np.testing.assert_array_equal(x.data, X)


def test_a_range_is_an_index_as_a_list_is():
    x = tg.tensor(np.arange(12.0).reshape(3, 4), requires_grad=True)
    picked = x[range(3), [1, 0, 1]]
    assert picked.tolist() == [1.0, 4.0, 9.0]
    (picked * tg.tensor(np.array([1.0, 2.0, 3.0]))).sum().backward()
    assert x.grad.tolist() == [[0.0, 1.0, 0.0, 0.0], [2.0, 0.0, 0.0, 0.0], [0.0, 3.0, 0.0, 0.0]]
    assert x[range(2, -1, -2)].tolist() == x[[2, 0]].tolist()
    assert x[range(0)].shape == (0, 4)


@pytest.mark.parametrize(
    "index, error, text",
    [
        (slice(None, None, 0), tg.LabelError, "the step of a slice cannot be 0, got slice(None, None, 0)"),
        ((slice(None, None, 0), 0), tg.LabelError, "the step of a slice cannot be 0"),
        (slice("a", None), tg.DTypeError, "a slice is of ints and None, got slice('a', None, None)"),
        (slice(1.0, None), tg.DTypeError, "a slice is of ints and None, got slice(1.0, None, None)"),
        ((0, slice(None, "a")), tg.DTypeError, "a slice is of ints and None, got slice(None, 'a', None)"),
    ],
)
def test_slices_that_are_none(index, error, text):
    x = tg.zeros(2, 3)
    with pytest.raises(error, match=f"^getitem: {re.escape(text)}"):
        x[index]
    with pytest.raises(error, match=f"^setitem: {re.escape(text)}"):
        x[index] = 1.0


def test_a_slice_keeps_the_values_that_its_tensors_had():
    start = tg.tensor(1)
    x = tg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x[start:]
    start.fill_(0)
    y.sum().backward()
    assert x.grad.tolist() == [0.0, 1.0, 1.0]


def test_gather_where_no_axes_count_as_one():
    x = tg.tensor(3.0, requires_grad=True)
    for index in ([0, 0], np.array([0, 0]), tg.tensor([0, 0])):
        out = tg.gather(x, 0, index)
        assert out.tolist() == [3.0, 3.0]
    out.sum().backward()
    assert x.grad.tolist() == 2.0
    y = tg.tensor([3.0, 4.0], requires_grad=True)
    out = tg.gather(y, -1, tg.tensor(1))
    assert out.shape == ()
    assert out.item() == 4.0
    out.backward()
    assert y.grad.tolist() == [0.0, 1.0]
    assert type(tg.gather(y.data, 0, 1)) is np.ndarray
    with pytest.raises(tg.ShapeError, match=r"^gather: index of shape \(1, 1\) does not fit input \(\) along dim 0"):
        tg.gather(x, 0, tg.tensor([[0]]))
    with pytest.raises(tg.LabelError, match=r"^gather: index 1 to 1 is out of range for size 1 of dim 0"):
        tg.gather(x, 0, tg.tensor([1]))


@pytest.mark.parametrize(("dtype", "size"), [(np.int8, 300), (np.int8, 200), (np.int16, 70000), (np.int64, 300)])
@pytest.mark.parametrize("name", ["gather", "scatter_add", "index_select", "index_add"])
def test_small_integers_below_zero_are_refused_whatever_the_size(name, dtype, size):
    """Read as unsigned, -1 of int8 is 255, which is no index of 200 values but one of 300."""
    x = tg.zeros(2, size)
    index = np.full((2, 1), -1, dtype)
    values = tg.ones(2, 1)
    calls = {
        "gather": lambda: tg.gather(x, 1, index),
        "scatter_add": lambda: tg.scatter_add(x, 1, index, values),
        "index_select": lambda: tg.index_select(x, 1, index[0]),
        "index_add": lambda: tg.index_add(x, 1, index[0], values),
    }
    with pytest.raises(tg.LabelError, match=rf"^{name}: .*-1 .*out of range for size {size}"):
        calls[name]()


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.dtype(">i8")])
def test_small_integers_and_foreign_byte_orders_find_their_place(dtype):
    x = tg.tensor(np.arange(600.0).reshape(2, 300))
    found = tg.take_along_dim(x, np.full((2, 1), -1, dtype), 1)
    np.testing.assert_array_equal(found.numpy(), [[299], [599]])
    np.testing.assert_array_equal(tg.gather(x, 1, np.full((2, 1), 7, dtype)).numpy(), [[7], [307]])


# Many slices of one tensor


@pytest.mark.parametrize("is_leaf", [True, False])
def test_of_many_slices_one_gradient_is_as_large_as_the_tensor(monkeypatch, is_leaf):
    written, put = [], indexing._put

    def counting(g, **params):
        written.append(g.shape)
        return put(g, **params)

    monkeypatch.setattr(indexing, "_put", counting)
    x = leaf(np.arange(60.0).reshape(20, 3))
    y = x if is_leaf else x * 1.0
    sum((i + 1.0) * y[i].sum() for i in range(20)).backward()
    np.testing.assert_array_equal(x.grad.data, np.repeat(np.arange(1.0, 21.0), 3).reshape(20, 3))
    assert len(written) == 1


def test_slices_that_overlap_arrays_of_indices_and_masks_add_up():
    rng = np.random.default_rng(0)
    steps = [slice(None, None, -2), slice(1, 4), 2, -1, (slice(None), 1), np.array([0, 0, 3]), (..., None, 2), 2]
    for _ in range(30):
        x = leaf(rng.standard_normal((5, 3)))
        y = x * 1.0
        indices = [*steps, rng.random((5, 3)) < 0.5, rng.random(5) < 0.5]
        right, parts, seeds = np.zeros((5, 3)), [], []
        for i in rng.permutation(len(indices)):
            parts.append(y[indices[i]])
            seeds.append(tg.tensor(rng.standard_normal(parts[-1].shape)))
            np.add.at(right, indices[i], seeds[-1].data)
        (g,) = tg.grad(parts, x, seeds)
        np.testing.assert_allclose(g.data, right, rtol=1e-14, atol=1e-14)


def test_what_others_hold_is_not_added_to():
    x = leaf(np.ones((4, 2)))
    y = x * 1.0
    seed, rest = tg.tensor(np.full((4, 2), 5.0)), tg.tensor(np.ones(2))
    tg.autograd.backward([y, y[0], y[1], y[0]], [seed, rest, rest, rest])
    np.testing.assert_array_equal(seed.data, np.full((4, 2), 5.0))
    np.testing.assert_array_equal(rest.data, [1.0, 1.0])
    np.testing.assert_array_equal(x.grad.data, [[7.0, 7.0], [6.0, 6.0], [5.0, 5.0], [5.0, 5.0]])


def test_an_observer_is_shown_the_gradient_of_each_slice():
    shares = []

    class Shares(Observer):
        def contributed(self, node, number, cotangent):
            if node.name == "getitem":
                shares.append(cotangent)

    x = leaf(np.ones(3))
    total = x[0] * 2.0 + x[1] * 3.0 + x[0] * 4.0
    with observing(Shares()):
        total.backward()
    np.testing.assert_array_equal(sorted(share.tolist() for share in shares), [[0, 3, 0], [2, 0, 0], [4, 0, 0]])
    np.testing.assert_array_equal(x.grad.data, [6.0, 3.0, 0.0])
