"""Corners of the operations that rearrange: whose memory a result is, what is refused, and what takes no tensors."""

import re
import time

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.ops import indexing, split


def numbers(*shape, dtype=np.float64):
    return tg.tensor(np.arange(1.0, np.prod(shape) + 1).reshape(shape).astype(dtype))


def leaf(*shape):
    return numbers(*shape).requires_grad_()


# Views and copies

VIEWS = {
    "movedim": lambda x: x.movedim(0, -1),
    "swapaxes": lambda x: x.swapaxes(0, 1),
    "swapdims": lambda x: x.swapdims(0, 1),
    "unflatten": lambda x: x.unflatten(2, (2, -1)),
    "ravel": tg.ravel,
    "view_as": lambda x: x.view_as(tg.ones(4, 6)),
    "reshape_as": lambda x: x.reshape_as(tg.ones(4, 6)),
    "split": lambda x: x.split(2, 2)[1],
    "split by sizes": lambda x: x.split((3, 1), 2)[0],
    "chunk": lambda x: x.chunk(2)[1],
    "tensor_split": lambda x: x.tensor_split(3, 2)[0],
    "hsplit": lambda x: tg.hsplit(x, (1,))[1],
    "vsplit": lambda x: tg.vsplit(x, 2)[1],
    "dsplit": lambda x: tg.dsplit(x, 2)[1],
    "unbind": lambda x: x.unbind(1)[2],
    "select": lambda x: x.select(-1, -1),
    "narrow": lambda x: x.narrow(1, 1, 2),
    "diagonal": lambda x: x.diagonal(1, 0, 2),
    "atleast_1d": lambda x: tg.atleast_1d(x[0, 0, 0]),
    "atleast_2d": lambda x: tg.atleast_2d(x[0, 0]),
    "atleast_3d": lambda x: tg.atleast_3d(x[0, 0]),
}
READ_ONLY_VIEWS = {
    "expand": lambda x: x.expand(5, -1, -1, 4),
    "expand_as": lambda x: x.expand_as(tg.ones(5, 2, 3, 4)),
    "broadcast_tensors": lambda x: tg.broadcast_tensors(x, tg.ones(4))[0],
    "meshgrid": lambda x: tg.meshgrid(x[0, 0], tg.ones(3))[0],
}
COPIES = {
    "flip": lambda x: x.flip(0, 2),
    "flip of nothing": lambda x: tg.flip(x, ()),
    "fliplr": tg.fliplr,
    "flipud": tg.flipud,
    "rot90": tg.rot90,
    "rot90 twice": lambda x: tg.rot90(x, 2),
    "rot90 four times": lambda x: tg.rot90(x, 4),
    "roll": lambda x: x.roll(1),
    "roll by nothing": lambda x: x.roll(0, 0),
    "tile": lambda x: x.tile(2),
    "tile once": lambda x: x.tile(1, 1, 1),
    "repeat once": lambda x: x.repeat(1, 1, 1),
    "repeat_interleave": lambda x: x.repeat_interleave(1),
    "repeat_interleave along an axis": lambda x: x.repeat_interleave(1, 2),
    "tril": lambda x: x.tril(9),
    "triu": lambda x: x.triu(-9),
    "diag of a matrix": lambda x: x[0].diag(),
    "diag": lambda x: x[0, 0].diag(),
    "diag_embed": lambda x: tg.diag_embed(x),
    "diagflat": tg.diagflat,
    "hstack": lambda x: tg.hstack([x]),
    "vstack": lambda x: tg.vstack([x]),
    "dstack": lambda x: tg.dstack([x]),
    "column_stack": lambda x: tg.column_stack([x]),
    "concat": lambda x: tg.concat([x]),
    "cartesian_prod": lambda x: tg.cartesian_prod(x[0, 0], x[0, 1]),
}


@pytest.mark.parametrize("name", VIEWS)
def test_views_share_memory_and_writes(name):
    x = numbers(2, 3, 4)
    view = VIEWS[name](x)
    assert np.shares_memory(view.data, x.data)
    view.fill_(-1)
    assert (x.data == -1).sum() == view.numel()


@pytest.mark.parametrize("name", VIEWS)
def test_a_write_into_a_view_is_noticed(name):
    x = numbers(2, 3, 4)
    w = leaf(2, 3, 4)
    loss = (x * w).sum()
    view = VIEWS[name](x)
    view.zero_()
    with pytest.raises(tg.GradientError, match="mul: its input, saved for the walk, was changed in place"):
        loss.backward()


@pytest.mark.parametrize("name", VIEWS | READ_ONLY_VIEWS)
def test_assigning_into_a_recorded_view_is_refused(name):
    x = leaf(2, 3, 4) * 1.0
    view = (VIEWS | READ_ONLY_VIEWS)[name](x)
    before = x.data.copy()
    with pytest.raises(tg.GradientError, match="mul_: the tensor is a view made by"):
        view.mul_(2.0)
    np.testing.assert_array_equal(x.data, before)


@pytest.mark.parametrize("name", READ_ONLY_VIEWS)
def test_places_that_share_memory_are_not_written_to(name):
    x = numbers(2, 3, 4) if name == "meshgrid" else numbers(2, 3, 1)
    view = READ_ONLY_VIEWS[name](x)
    assert np.shares_memory(view.data, x.data)
    with pytest.raises(tg.GradientError, match="fill_: the tensor's memory cannot be written to: it is of a broadcast"):
        view.fill_(0)


@pytest.mark.parametrize("name", COPIES)
def test_copies_have_memory_of_their_own(name):
    x = leaf(2, 3, 4)
    before = x.data.copy()
    copy = COPIES[name](x)
    assert not np.shares_memory(copy.data, x.data)
    copy.mul_(0.0)  # recorded: it is no view, so this is allowed
    np.testing.assert_array_equal(x.data, before)
    copy.sum().backward()
    np.testing.assert_array_equal(x.grad.data, np.zeros((2, 3, 4)))


def test_contiguous_is_the_tensor_itself():
    x = numbers(2, 3).T
    assert x.contiguous() is x


def test_second_names_are_the_same_functions():
    assert tg.concat is tg.concatenate is tg.cat
    assert tg.row_stack is tg.vstack
    assert tg.moveaxis is tg.movedim
    assert tg.swapdims is tg.transpose


# Calls as methods


@pytest.mark.parametrize(
    "one, other",
    [
        (lambda x: x.flip(0, 1), lambda x: tg.flip(x, (0, 1))),
        (lambda x: x.flip(dims=(0, 1)), lambda x: tg.flip(x, dims=[0, 1])),
        (lambda x: x.flip(-1), lambda x: tg.flip(x, 1)),
        (lambda x: x.tile(2, 1), lambda x: tg.tile(x, (2, 1))),
        (lambda x: x.tile(dims=(2, 1)), lambda x: x.repeat(2, 1)),
        (lambda x: x.repeat((2, 1)), lambda x: x.repeat(2, 1)),
        (lambda x: x.expand(2, 2, 3), lambda x: x.expand((2, -1, -1))),
        (lambda x: x.expand(2, -1, 3), lambda x: x.expand_as(tg.ones(2, 2, 3))),
        (lambda x: x.roll(shifts=(1, 2), dims=(0, 1)), lambda x: x.roll(1, 0).roll(2, 1)),
        (lambda x: x.view_as(tg.ones(3, 2)), lambda x: x.view(3, 2)),
        (lambda x: x.split(split_size_or_sections=1, dim=1)[2], lambda x: x[:, 2:]),
        (lambda x: x.narrow(1, tg.tensor(1), 2), lambda x: x[:, 1:]),
        (lambda x: x.select(1, np.int64(1)), lambda x: x[:, 1]),
        (lambda x: x.tensor_split(tg.tensor([1, 2]), 1)[1], lambda x: x[:, 1:2]),
        (lambda x: x.tensor_split(tg.tensor(3), 1)[1], lambda x: x[:, 1:2]),
        (lambda x: tg.hsplit(x, tg.tensor([1]))[1], lambda x: x[:, 1:]),
        (lambda x: x.repeat_interleave([2, 0], dim=0), lambda x: x.repeat_interleave(tg.tensor([2, 0]), dim=0)),
        (lambda x: tg.meshgrid([x[0], x[1]])[1], lambda x: tg.meshgrid(x[0], x[1])[1]),
        (lambda x: tg.atleast_3d([x, x])[1], lambda x: tg.atleast_3d(x)),
    ],
)
def test_spellings_of_one_call(one, other):
    x = numbers(2, 3)
    assert one(x).shape == other(x).shape
    np.testing.assert_array_equal(one(x).data, other(x).data)


def test_how_many_come_back():
    x = tg.tensor(2.0)
    assert isinstance(tg.atleast_1d(x), tg.Tensor)
    assert [y.shape for y in tg.atleast_1d([x])] == [(1,)]
    assert [y.shape for y in tg.atleast_2d(x, tg.ones(3))] == [(1, 1), (1, 3)]
    assert tg.atleast_3d() == tg.broadcast_tensors() == ()
    assert tg.atleast_1d(kept := tg.ones(2)) is kept
    assert tg.split(tg.ones(0, 2), []) == ()
    assert tg.unbind(tg.ones(0, 2)) == ()
    assert [p.shape for p in tg.chunk(tg.ones(0), 3)] == [(0,)] * 3
    assert [p.shape for p in tg.tensor_split(tg.ones(5), (3, 1))] == [(3,), (0,), (4,)]
    assert [p.shape for p in tg.tensor_split(tg.ones(5), [])] == [(5,)]


# Values


def test_dtypes_are_kept():
    for dtype in (np.bool_, np.uint8, np.int64, np.float16):
        x = tg.tensor(np.array([[1, 0, 1], [1, 1, 0]], dtype))
        results = [x.tril(), x.triu(1), x.diag(), x.diagonal(), tg.diag_embed(x), x.roll(1), x.flip(0), x.tile(2)]
        results += [x.repeat_interleave(2), x.repeat_interleave([1, 2], 0), *tg.meshgrid(x[0], x[1])]
        assert {r.dtype for r in results} == {np.dtype(dtype)}


def test_dtypes_are_promoted_where_tensors_are_put_together():
    x, n = tg.ones(2, dtype=np.float16), tg.tensor([1, 2])
    assert tg.hstack([n, x]).dtype == tg.column_stack([x, n]).dtype == tg.cartesian_prod(n, x).dtype == np.float16
    assert [g.dtype for g in tg.meshgrid(x, n)] == [np.float16, np.int64]


def test_triangles_are_free_of_what_they_leave_out():
    x = tg.tensor([[1.0, np.nan], [np.inf, 2.0]], requires_grad=True)
    np.testing.assert_array_equal(x.triu(1).tril(0).data, np.zeros((2, 2)))
    x.tril(-1).triu(0).sum().backward()
    np.testing.assert_array_equal(x.grad.data, np.zeros((2, 2)))


def test_lists_of_arrays_and_tensors_T51():
    a, b = leaf(2), np.array([5.0, 6.0])
    for op in (tg.hstack, tg.vstack, tg.dstack, tg.column_stack, tg.concat):
        for tensors, weight in (([a, b], 1), ([b, a], 1), ([a, b, a], 2), ((t for t in [b, a]), 1)):
            a.grad = None
            (op(tensors) * 3.0).sum().backward()
            np.testing.assert_array_equal(a.grad.data, [3.0 * weight] * 2)
    for op in (tg.meshgrid, tg.cartesian_prod, tg.broadcast_tensors):
        a.grad = None
        total = op(a, b)
        sum(t.sum() for t in (total if isinstance(total, tuple) else [total])).backward()
        np.testing.assert_array_equal(a.grad.data, [1.0, 1.0] if op is tg.broadcast_tensors else [2.0, 2.0])


@pytest.fixture
def written(monkeypatch):
    """The sizes of what gradients of parts are written into."""
    sizes = []

    def counting(primitive):
        def counted(*gs, **params):
            sizes.append(np.prod(params["shape"]))
            return primitive(*gs, **params)

        return counted

    monkeypatch.setattr(indexing, "_put", counting(indexing._put))
    monkeypatch.setattr(split, "_together", counting(split._together))
    return sizes


@pytest.mark.parametrize(
    "parts",
    [
        lambda x: x.split(1),
        lambda x: x.split([5] * 20),
        lambda x: x.chunk(10),
        lambda x: x.tensor_split(7),
        lambda x: x.unbind(),
    ],
)
def test_parts_that_are_not_used_cost_nothing_T42(parts, written):
    x = leaf(100, 3)
    used = parts(x)[2]
    (used * used).sum().backward()
    assert sum(written) < 2 * x.numel()
    right = np.zeros((100, 3))
    at = np.isin(x.data, used.data)
    right[at] = 2 * x.data[at]
    assert at.sum() == used.numel()
    np.testing.assert_array_equal(x.grad.data, right)


@pytest.mark.parametrize(
    "parts",
    [lambda x: x.split(1), lambda x: x.unbind(), lambda x: x.tensor_split(200), lambda x: x.chunk(150), list],
    ids=["split", "unbind", "tensor_split", "chunk", "iteration"],
)
def test_many_parts_do_not_each_cost_as_much_as_the_whole(parts, written):
    x = leaf(300, 2)
    found = parts(x)
    assert np.concatenate([p.data.reshape(-1, 2) for p in found]).tolist() == x.data.tolist()
    sum((i + 1.0) * p.sum() for i, p in enumerate(found)).backward()
    assert 0 < sum(written) < 4 * x.numel()
    numbers = np.repeat(np.arange(1.0, len(found) + 1), [p.numel() // 2 for p in found])
    np.testing.assert_array_equal(x.grad.data, np.stack([numbers, numbers], 1))


TAKEN = {
    "split": lambda x: x.split(2, 1),
    "sections": lambda x: x.split([1, 0, 4, 1], 1),
    "chunk": lambda x: x.chunk(3, -1),
    "tensor_split": lambda x: x.tensor_split(4, 1),
    "cuts": lambda x: x.tensor_split([1, -2], 1),
    "unbind": lambda x: x.unbind(1),
}


@pytest.mark.parametrize("take", TAKEN.values(), ids=TAKEN)
def test_parts_are_outputs_of_one_node_and_views(take):
    x = leaf(3, 6)
    parts = take(x)
    assert len({part.node for part in parts}) == 1
    assert [part.index for part in parts] == [*range(len(parts))]
    assert all(np.shares_memory(part._array, x._array) for part in parts if part.numel())


@pytest.mark.parametrize("take", TAKEN.values(), ids=TAKEN)
def test_a_write_to_any_part_is_noticed(take):
    for number, part in enumerate(take(tg.ones(3, 6))):
        if not part.numel():
            continue
        x = leaf(3, 6) * 1.0
        square = x * x
        with tg.no_grad():
            take(x)[number].fill_(-1.0)
        assert (x.data == -1.0).sum() == part.numel()
        with pytest.raises(tg.GradientError, match=r"mul: .* saved for the walk, was changed in place"):
            square.sum().backward()
        with pytest.raises(tg.GradientError, match=r"a view made by (split|unbind)"):
            take(x)[number].add_(1.0)


@pytest.mark.parametrize("take", TAKEN.values(), ids=TAKEN)
def test_gradients_of_gradients_of_parts_some_not_used_one_used_twice(take):
    x = leaf(3, 6)
    first, *_, last = take(x)
    (g,) = tg.grad((last**3).sum() + (last * 2.0).sum() + (first * first).sum(), x, create_graph=True)
    (h,) = tg.grad((g * g).sum(), x, create_graph=True)
    (third,) = tg.grad(h.sum(), x)
    is_first, is_last = (np.isin(x.data, part.data) for part in (first, last))
    v = x.data
    d1 = np.where(is_last, 3 * v**2 + 2, np.where(is_first, 2 * v, 0))
    d2 = np.where(is_last, 2 * (3 * v**2 + 2) * 6 * v, np.where(is_first, 8 * v, 0))
    d3 = np.where(is_last, 108 * v**2 + 24, np.where(is_first, 8, 0))
    for found, right in ((g, d1), (h, d2), (third, d3)):
        np.testing.assert_allclose(found.data, right, rtol=1e-14)


def test_cuts_that_go_back_give_places_twice_and_add_their_gradients():
    x = leaf(5)
    first, nothing, last = x.tensor_split((3, 1))
    assert nothing.shape == (0,)
    (first.sum() + 2.0 * last.sum()).backward()
    np.testing.assert_array_equal(x.grad.data, [1.0, 3.0, 3.0, 2.0, 2.0])


def test_parts_used_in_part_T42():
    x = leaf(5)
    first, _, last = x.tensor_split(3)
    (3.0 * last.sum() + (first * first).sum()).backward()
    np.testing.assert_array_equal(x.grad.data, [2.0, 4.0, 0.0, 0.0, 3.0])


def test_numbers_of_repeats_are_copied():
    x, counts = leaf(3), tg.tensor([2, 0, 1])
    y = x.repeat_interleave(counts)
    counts[0] = 0
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.data, [2.0, 0.0, 1.0])


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_long_runs_of_repeats_keep_their_digits_T17(dtype):
    for repeats in (30_000, [30_000, 10]):
        x = tg.ones(2, dtype=dtype, requires_grad=True)
        x.repeat_interleave(repeats).sum().backward()
        np.testing.assert_allclose(x.grad.data, np.broadcast_to(repeats, 2), rtol=1e-3 if dtype == np.float16 else 1e-7)


def test_repeats_are_not_looped_over():
    counts = np.arange(200_000) % 3
    x = tg.ones(200_000, requires_grad=True)
    started = time.perf_counter()
    (x.repeat_interleave(counts) * 2.0).sum().backward()
    assert time.perf_counter() - started < 2  # a hundredth of it, unless Python sees every element
    np.testing.assert_array_equal(x.grad.data, 2.0 * counts)


# What takes sizes


def test_broadcast_shapes():
    assert tg.broadcast_shapes() == ()
    assert tg.broadcast_shapes((2, 1), 3, [1, 1, 1]) == (1, 2, 3)
    assert tg.broadcast_shapes((0,), (1,)) == (0,)
    assert tg.broadcast_shapes((2,), tg.ones(5, 1).shape) == (5, 2)


@pytest.mark.parametrize("offset", [-9, -1, 0, 2, 9])
@pytest.mark.parametrize("shape", [(3, 4), (4, 2), (0, 3), (2, 0)])
def test_indices_of_triangles(shape, offset):
    places = [(i, j) for i in range(shape[0]) for j in range(shape[1])]
    for op, keep in ((tg.tril_indices, lambda i, j: j <= i), (tg.triu_indices, lambda i, j: j >= i)):
        found = op(*shape, offset)
        assert found.shape[0] == 2
        assert found.dtype == np.int64
        assert list(zip(*found.tolist(), strict=True)) == [(i, j) for i, j in places if keep(i, j - offset)]
        assert op(*shape, offset=offset, dtype=tg.int32).dtype == np.int32


# Errors

X, V = tg.ones(2, 3), tg.ones(3)


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda: X.split(0), tg.ShapeError, "split: the size of a part must be positive, got 0 for a dim of size 2"),
        (lambda: X.split(-1), tg.ShapeError, "split: the size of a part must be positive, got -1 for a dim of size 2"),
        (lambda: X.split(1.5), tg.DTypeError, "split: the size of a part is a float, not an int: 1.5"),
        (lambda: X.split([1.0, 1]), tg.DTypeError, "split: a section is a float, not an int: 1.0"),
        (lambda: X.split([1, 1], 1), tg.ShapeError, "split: sections of [1, 1] do not add up to 3, the size of dim 1"),
        (lambda: X.split([4, -1], 1), tg.ShapeError, "split: sections of [4, -1] do not add up to 3, the size of dim"),
        (lambda: X.split(1, 2), tg.ShapeError, "split: dim 2 is out of range for a tensor of 2 axes (-2 to 1)"),
        (lambda: tg.tensor(1.0).split(1), tg.ShapeError, "split: a tensor of no axes has no parts"),
        (lambda: X.chunk(0), tg.ShapeError, "chunk: chunks must be positive, got 0"),
        (lambda: X.chunk("2"), tg.DTypeError, "chunk: chunks is a str, not an int: '2'"),
        (lambda: X.tensor_split(0), tg.ShapeError, "tensor_split: there must be 1 part or more, got 0"),
        (lambda: X.tensor_split(None), tg.DTypeError, "tensor_split: indices_or_sections is a NoneType, not an int"),
        (lambda: X.tensor_split(tg.tensor([1.0])), tg.DTypeError, "tensor_split: an index is a float32, not an int"),
        (lambda: tg.hsplit(X, 2), tg.ShapeError, "hsplit: 2 parts do not divide 3, the size of dim 1"),
        (lambda: tg.hsplit(X, 0), tg.ShapeError, "hsplit: 0 parts do not divide 3, the size of dim 1"),
        (
            lambda: tg.hsplit(tg.tensor(1.0), 1),
            tg.ShapeError,
            "hsplit: the input must have 1 or more axes, got shape ()",
        ),
        (lambda: tg.vsplit(V, 3), tg.ShapeError, "vsplit: the input must have 2 or more axes, got shape (3,)"),
        (lambda: tg.dsplit(X, 1), tg.ShapeError, "dsplit: the input must have 3 or more axes, got shape (2, 3)"),
        (lambda: tg.unbind(tg.tensor(1.0)), tg.ShapeError, "unbind: a tensor of no axes has no parts"),
        (lambda: X.select(1, 3), tg.LabelError, "select: index 3 is out of range for size 3 of dim 1"),
        (lambda: X.select(0, -3), tg.LabelError, "select: index -3 is out of range for size 2 of dim 0"),
        (lambda: X.narrow(1, 4, 0), tg.LabelError, "narrow: start 4 is out of range for size 3 of dim 1"),
        (lambda: X.narrow(1, -2, 3), tg.ShapeError, "narrow: 3 places from 1 do not lie within size 3 of dim 1"),
        (lambda: X.narrow(1, 0, -1), tg.ShapeError, "narrow: -1 places from 0 do not lie within size 3 of dim 1"),
        (lambda: X.flip(0, -2), tg.ShapeError, "flip: an axis appears twice in dim=(0, -2)"),
        (lambda: X.flip(2), tg.ShapeError, "flip: dim 2 is out of range"),
        (lambda: X.flip(0.5), tg.DTypeError, "flip: expected ints, got (0.5,)"),
        (lambda: tg.fliplr(V), tg.ShapeError, "fliplr: the input must have 2 or more axes, got shape (3,)"),
        (lambda: tg.flipud(tg.tensor(1.0)), tg.ShapeError, "flipud: the input must have 1 or more axes, got shape ()"),
        (lambda: tg.rot90(V), tg.ShapeError, "rot90: the input must have 2 or more axes, got shape (3,)"),
        (lambda: tg.rot90(X, 1, (0, 1, 1)), tg.ShapeError, "rot90: a plane has two axes, got dims=(0, 1, 1)"),
        (
            lambda: tg.rot90(X, 1, (1, -1)),
            tg.ShapeError,
            "rot90: the two axes of a plane must differ, got dims=(1, -1)",
        ),
        (lambda: X.roll((1, 2)), tg.ShapeError, "roll: 2 shifts, (1, 2), without dims, which takes one"),
        (lambda: X.roll(()), tg.ShapeError, "roll: 0 shifts, (), without dims, which takes one"),
        (lambda: X.roll(1, (0, 1)), tg.ShapeError, "roll: 1 shifts, (1,), for dims=(0, 1)"),
        (
            lambda: X.movedim((0, 1), 1),
            tg.ShapeError,
            "movedim: 2 axes, source=(0, 1), for 1 places, destination=(1,)",
        ),
        (lambda: X.movedim((0, 0), (0, 1)), tg.ShapeError, "movedim: an axis appears twice in source=(0, 0)"),
        (lambda: X.movedim((0, 1), (1, -1)), tg.ShapeError, "movedim: an axis appears twice in destination=(1, -1)"),
        (lambda: X.swapaxes(0, 2), tg.ShapeError, "swapaxes: dim 2 is out of range"),
        (
            lambda: X.unflatten(1, (2, 2)),
            tg.ShapeError,
            "unflatten: an axis of size 3, dim 1, does not fill sizes (2, 2)",
        ),
        (
            lambda: X.unflatten(1, (2, -1)),
            tg.ShapeError,
            "unflatten: an axis of size 3, dim 1, does not fill sizes (2, ",
        ),
        (
            lambda: X.unflatten(1, (-1, -1)),
            tg.ShapeError,
            "unflatten: an axis of size 3, dim 1, does not fill sizes (-1",
        ),
        (lambda: X.unflatten(1, ()), tg.ShapeError, "unflatten: an axis of size 3, dim 1, does not fill sizes ()"),
        (
            lambda: tg.ones(0).unflatten(0, (0, -1)),
            tg.ShapeError,
            "unflatten: an axis of size 0, dim 0, does not fill sizes (0, -1)",
        ),
        (lambda: X.view_as(V), tg.ShapeError, "view_as: the values of shape (2, 3) do not fill the other's shape (3,)"),
        (lambda: X.reshape_as(3), tg.DTypeError, "reshape_as: other is an int, not a tensor or an array"),
        (lambda: X.expand(-1, 2, 3), tg.ShapeError, "expand: shape (2, 3) does not expand to (-1, 2, 3)"),
        (lambda: X.expand(2, 4), tg.ShapeError, "expand: shape (2, 3) does not expand to (2, 4)"),
        (lambda: X.expand(3), tg.ShapeError, "expand: shape (2, 3) does not expand to (3,)"),
        (lambda: X.expand(2, -2), tg.ShapeError, "expand: shape (2, 3) does not expand to (2, -2)"),
        (lambda: X.expand_as(V), tg.ShapeError, "expand_as: shape (2, 3) does not expand to the other's shape (3,)"),
        (
            lambda: tg.broadcast_tensors(X, tg.ones(2)),
            tg.ShapeError,
            "broadcast_tensors: the shapes do not broadcast: (2, 3), (2,)",
        ),
        (
            lambda: tg.broadcast_shapes((2, 3), 2),
            tg.ShapeError,
            "broadcast_shapes: the shapes do not broadcast: (2, 3), (2,)",
        ),
        (lambda: tg.broadcast_shapes((-1,)), tg.ShapeError, "broadcast_shapes: shape 0 has a negative size: (-1,)"),
        (
            lambda: tg.broadcast_shapes(2, (1.5,)),
            tg.DTypeError,
            "broadcast_shapes: shape 1 is not made of ints: (1.5,)",
        ),
        (lambda: tg.meshgrid(), tg.ShapeError, "meshgrid: there is nothing to put together: the list is empty"),
        (
            lambda: tg.meshgrid(V, X),
            tg.ShapeError,
            "meshgrid: tensor 1 must have one axis at most, it has shape (2, 3)",
        ),
        (lambda: tg.meshgrid(V, indexing="yx"), tg.ShapeError, "meshgrid: indexing must be 'ij' or 'xy', got 'yx'"),
        (
            lambda: tg.cartesian_prod(V, tg.tensor(1.0)),
            tg.ShapeError,
            "cartesian_prod: tensor 1 must have one axis, it has shape ()",
        ),
        (lambda: tg.hstack([]), tg.ShapeError, "hstack: there is nothing to put together: the list is empty"),
        (
            lambda: tg.hstack([X, V]),
            tg.ShapeError,
            "hstack: along dim 1, tensor 1 of shape (3,) does not fit the first",
        ),
        (
            lambda: tg.vstack([X, tg.ones(2)]),
            tg.ShapeError,
            "vstack: along dim 0, tensor 1 of shape (1, 2) does not fit the first of shape (2, 3)",
        ),
        (lambda: tg.dstack([X, V]), tg.ShapeError, "dstack: along dim 2, tensor 1 of shape (1, 3, 1) does not fit"),
        (
            lambda: tg.column_stack([V, tg.ones(2)]),
            tg.ShapeError,
            "column_stack: along dim 1, tensor 1 of shape (2, 1) does not fit the first of shape (3, 1)",
        ),
        (lambda: tg.atleast_2d(X, 1.0), tg.DTypeError, "atleast_2d: tensor 1 is a float, not a tensor or an array"),
        (lambda: X.repeat(2), tg.ShapeError, "repeat: (2,) tells 1 axes of the 2 of shape (2, 3)"),
        (lambda: X.repeat(2, -1), tg.ShapeError, "repeat: a tensor cannot be repeated a negative number of times"),
        (
            lambda: X.tile(-1),
            tg.ShapeError,
            "tile: a tensor cannot be repeated a negative number of times, got (1, -1)",
        ),
        (lambda: X.repeat_interleave(-1), tg.ShapeError, "repeat_interleave: repeats must not be negative, got -1"),
        (
            lambda: X.repeat_interleave(1.5),
            tg.DTypeError,
            "repeat_interleave: repeats is a float, not a tensor or an array",
        ),
        (
            lambda: X.repeat_interleave(True),
            tg.DTypeError,
            "repeat_interleave: repeats must be integers, got bool: True",
        ),
        (
            lambda: X.repeat_interleave([0.5, 2]),
            tg.DTypeError,
            "repeat_interleave: repeats must be integers, got float64: [0.5, 2]",
        ),
        (
            lambda: X.repeat_interleave([[1], [1, 2]]),
            tg.DTypeError,
            "repeat_interleave: repeats is a list that is no array: [[1], [1, 2]]",
        ),
        (
            lambda: X.repeat_interleave([1, 2], 1),
            tg.ShapeError,
            "repeat_interleave: repeats of shape (2,) tell neither one number for all nor one for each of the 3 values "
            "along dim 1",
        ),
        (
            lambda: X.repeat_interleave([[1, 2]], 0),
            tg.ShapeError,
            "repeat_interleave: repeats of shape (1, 2) tell neither one number",
        ),
        (
            lambda: X.repeat_interleave([1, 2], 0, output_size=4),
            tg.ShapeError,
            "repeat_interleave: the result has size 3, not output_size=4",
        ),
        (lambda: V.tril(), tg.ShapeError, "tril: a triangle is one of matrices, the input has shape (3,)"),
        (lambda: X.triu(0.5), tg.DTypeError, "triu: diagonal is a float, not an int: 0.5"),
        (lambda: V.diagonal(), tg.ShapeError, "diagonal: a diagonal is one of matrices, the input has shape (3,)"),
        (
            lambda: X.diagonal(0, 1, -1),
            tg.ShapeError,
            "diagonal: rows and columns must be two axes, got dim1=1 and dim2=-1",
        ),
        (lambda: X.diagonal(0, 0, 2), tg.ShapeError, "diagonal: dim 2 is out of range"),
        (
            lambda: tg.diag_embed(X, 0, 2, -1),
            tg.ShapeError,
            "diag_embed: rows and columns must be two axes, got dim1=2 and dim2=-1",
        ),
        (lambda: tg.diag_embed(tg.tensor(1.0)), tg.ShapeError, "diag_embed: a tensor of no axes is no diagonal"),
        (
            lambda: tg.ones(1, 1, 1).diag(),
            tg.ShapeError,
            "diag: the input must have one or two axes, got shape (1, 1, 1)",
        ),
        (lambda: tg.tensor(1.0).diag(), tg.ShapeError, "diag: the input must have one or two axes, got shape ()"),
        (lambda: tg.diagflat(X, None), tg.DTypeError, "diagflat: offset is a NoneType, not an int: None"),
        (lambda: tg.tril_indices(-1, 2), tg.ShapeError, "tril_indices: a matrix cannot have -1 rows and 2 columns"),
        (lambda: tg.triu_indices(1, 2.0), tg.DTypeError, "triu_indices: col is a float, not an int: 2.0"),
        (
            lambda: tg.triu_indices(1, 2, dtype=tg.float32),
            tg.DTypeError,
            "triu_indices: indices are integers, got dtype float32",
        ),
    ],
)
def test_errors(call, error, text):
    with pytest.raises(error, match="^" + re.escape(text)):
        call()


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_cat_begins_with_an_empty_tensor_of_one_axis(dim):
    """As programs do that gather results in a loop: `tensor([])` fits whatever comes."""
    x = tg.tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    out = tg.cat([tg.tensor([], dtype=np.float32), x, x], dim)
    np.testing.assert_array_equal(out.detach().data, np.concatenate([x.detach().data] * 2, dim))
    assert out.dtype == np.float64
    out.sum().backward()
    assert x.grad.tolist() == [[2.0] * 3] * 2
    assert tg.cat([tg.tensor([]), tg.tensor([])]).shape == (0,)
    assert tg.cat([tg.tensor([], dtype=np.float64), tg.ones(1, 2)]).dtype == np.float64


def test_cat_takes_no_other_tensor_of_one_axis_beside_matrices():
    with pytest.raises(tg.ShapeError, match=r"^cat: along dim 0, tensor 1 of shape \(1,\) does not fit"):
        tg.cat([tg.ones(2, 3), tg.ones(1)])


# As PyTorch calls them


def test_shapes_and_orders_by_their_names():
    x = tg.arange(6)
    expected = x.data.reshape(2, 3)
    for y in (x.view(size=(2, 3)), x.reshape(shape=(2, 3)), tg.reshape(x, shape=(2, -1)), tg.reshape(x, shape=[2, 3])):
        np.testing.assert_array_equal(y.data, expected)
        assert np.shares_memory(y.data, x.data)
    for z in (y.permute(dims=(1, 0)), tg.permute(y, dims=(1, 0)), tg.permute(input=y, dims=[1, 0]), tg.t(y), y.t()):
        np.testing.assert_array_equal(z.data, expected.T)
        assert np.shares_memory(z.data, x.data)


def test_t_of_less_than_a_matrix():
    for x in (tg.tensor(2.0), tg.tensor([1.0, 2.0])):
        np.testing.assert_array_equal(tg.t(x).data, x.data)
    with pytest.raises(tg.ShapeError, match=r"^t: only for up to 2 axes, got shape \(1, 2, 3\)"):
        tg.t(tg.zeros(1, 2, 3))


def test_a_shape_is_given_once():
    with pytest.raises(
        tg.DTypeError, match=r"^reshape: shape is given twice, by place as \(2, 3\) and by name as \(6,\)"
    ):
        tg.zeros(6).reshape(2, 3, shape=(6,))
    with pytest.raises(
        tg.DTypeError, match=r"^permute: dims is given twice, by place as \(1, 0\) and by name as \(0, 1\)"
    ):
        tg.zeros(2, 3).permute(1, 0, dims=(0, 1))


@pytest.mark.parametrize("dtype", [np.int64, np.int32])
def test_repeat_interleave_of_numbers_alone_gives_places(dtype):
    counts = tg.tensor(np.array([1, 0, 2], dtype))
    for out in (tg.repeat_interleave(counts), tg.repeat_interleave(repeats=counts, output_size=3)):
        assert isinstance(out, tg.Tensor)
        assert out.dtype == dtype
        assert out.tolist() == [0, 2, 2]
    assert tg.repeat_interleave(counts.data).tolist() == [0, 2, 2]
    assert tg.repeat_interleave(tg.tensor([], dtype=dtype)).tolist() == []


@pytest.mark.parametrize(
    "repeats, error, text",
    [
        (tg.tensor(3), tg.ShapeError, r"repeats alone must have one axis, got shape \(\)"),
        (tg.tensor([[3]]), tg.ShapeError, r"repeats alone must have one axis, got shape \(1, 1\)"),
        (tg.tensor([1.0]), tg.DTypeError, "repeats must be integers, got float32"),
        (tg.tensor([1, -1]), tg.ShapeError, "repeats must not be negative, got -1"),
        ([1, 2], tg.DTypeError, "repeats is a list, not a tensor or an array"),
    ],
)
def test_repeat_interleave_of_numbers_alone_refuses(repeats, error, text):
    with pytest.raises(error, match=f"^repeat_interleave: {text}"):
        tg.repeat_interleave(repeats)
