"""Operations that rearrange, with many combinations of arguments: values, gradients and second order as PyTorch's.

Each case is one call, written once and made with either library, on cubes of a leaf, so that the second order is more
than zeros.
"""

import itertools

import numpy as np
import pytest
import torch

import tensorgrad as tg
from tests.op_table import F32, F64, draw
from tests.parity import tally

pytestmark = pytest.mark.parity

CUBE, MATRIX, VECTOR, POINT, NOTHING, NO_ROWS = (2, 3, 4), (3, 4), (5,), (), (0,), (0, 3)


def cases():
    """(name, shapes of the inputs, a function of the library and the inputs)."""
    # Parts
    for shape, dim in [(CUBE, 1), (CUBE, -1), (MATRIX, 0), (VECTOR, 0), (NO_ROWS, 0), (NO_ROWS, 1)]:
        size = shape[dim]
        for step in (1, 2, 3, 9):
            yield f"split {step}", [shape], lambda m, x, n=step, d=dim: m.split(x, n, d)
            yield f"chunk {step}", [shape], lambda m, x, n=step, d=dim: m.chunk(x, n, d)
            yield f"tensor_split {step}", [shape], lambda m, x, n=step, d=dim: m.tensor_split(x, n, d)
        for cuts in [(), (1,), (1, 1), (2, 1), (-1,), (-9, 9), (0, 2, 3)]:
            yield f"tensor_split {cuts}", [shape], lambda m, x, c=cuts, d=dim: m.tensor_split(x, c, dim=d)
        sections = [0, size // 2, size - size // 2]
        yield "split sections", [shape], lambda m, x, s=sections, d=dim: m.split(x, s, dim=d)
        yield "unbind", [shape], lambda m, x, d=dim: m.unbind(x, d)
        for start, length in itertools.product((0, 1, -1), (0, 1)):
            if start + length <= size and -size <= start <= size:
                yield (
                    f"narrow {start} {length}",
                    [shape],
                    lambda m, x, d=dim, s=start, n=length: m.narrow(x, d, s, n),
                )
        if size:
            yield "select", [shape], lambda m, x, d=dim: m.select(x, d, -1)
    for given in [1, 2, (1,), [0, 2, 1], ()]:
        yield f"hsplit {given}", [(2, 4, 2)], lambda m, x, n=given: m.hsplit(x, n)
        yield f"hsplit {given}", [(4,)], lambda m, x, n=given: m.hsplit(x, n)
        yield f"vsplit {given}", [(2, 4, 2)], lambda m, x, n=given: m.vsplit(x, n)
        yield f"dsplit {given}", [(2, 4, 2)], lambda m, x, n=given: m.dsplit(x, n)
    # Turned, rolled, moved
    for shape in (CUBE, MATRIX, VECTOR, POINT, NOTHING, NO_ROWS):
        axes = range(len(shape))
        for dims in itertools.chain.from_iterable(itertools.combinations(axes, n) for n in range(len(shape) + 1)):
            yield f"flip {dims}", [shape], lambda m, x, d=dims: m.flip(x, d)
            yield f"x.flip {dims}", [shape], lambda m, x, d=dims: x.flip(dims=[a - x.ndim for a in d])
        for shift in (0, 1, -2, 7):
            yield f"roll {shift}", [shape], lambda m, x, n=shift: m.roll(x, n)
            for dim in axes:
                yield f"roll {shift} {dim}", [shape], lambda m, x, n=shift, d=dim: x.roll(n, d)
        if len(shape) > 1:
            yield "roll both", [shape], lambda m, x: m.roll(x, (1, -1), (-1, 0))
            yield "roll again", [shape], lambda m, x: m.roll(x, (1, 1), (1, 1))
            for k, dims in itertools.product((-3, 0, 1, 2, 3, 6), itertools.permutations(axes, 2)):
                yield f"rot90 {k} {dims}", [shape], lambda m, x, k=k, d=dims: m.rot90(x, k, d)
            yield "fliplr", [shape], lambda m, x: m.fliplr(x)
            yield "swapaxes", [shape], lambda m, x: m.swapaxes(x, 0, -1)
            yield "swapdims", [shape], lambda m, x: x.swapdims(-2, -1)
            for source, end in itertools.product(itertools.permutations(axes, 2), repeat=2):
                yield f"movedim {source} {end}", [shape], lambda m, x, s=source, e=end: m.movedim(x, s, e)
        if shape:
            yield "flipud", [shape], lambda m, x: m.flipud(x)
            yield "moveaxis", [shape], lambda m, x: m.moveaxis(x, -1, 0)
        yield "ravel", [shape], lambda m, x: m.ravel(x)
        yield "view_as", [shape], lambda m, x: x.contiguous().view_as(x.reshape(-1))
        yield "reshape_as", [shape], lambda m, x: x.reshape_as(x.reshape(-1))
    for dim, sizes in [(0, (2, 1)), (1, (3, 1)), (1, (-1,)), (2, (2, 2)), (-1, (1, -1, 2)), (2, (4, 1, 1))]:
        yield f"unflatten {dim} {sizes}", [CUBE], lambda m, x, d=dim, s=sizes: m.unflatten(x, d, s)
    # Spread
    for shape, size in [
        ((3, 1), (2, 3, 4)),
        ((3, 1), (-1, 5)),
        ((1,), (0,)),
        (POINT, ()),
        (POINT, (2, 1)),
        (CUBE, (-1,) * 3),
    ]:
        yield f"expand {size}", [shape], lambda m, x, s=size: x.expand(s)
        yield f"expand {size} one by one", [shape], lambda m, x, s=size: x.expand(*s) if s else x.expand(s)
    for shapes in [[CUBE], [CUBE, (4,)], [(2, 1), (1, 3), POINT], [NO_ROWS, (1, 1)], [VECTOR, (1,), (1, 1)]]:
        yield "broadcast_tensors", shapes, lambda m, *xs: m.broadcast_tensors(*xs)
    yield "expand_as", [(3, 1), CUBE], lambda m, x, y: x.expand_as(y)
    for shapes in [[(2,)], [(2,), (3,)], [(2,), (3,), (4,)], [(2,), POINT], [(1,), NOTHING, (2,)], [POINT, POINT]]:
        for indexing in ("ij", "xy"):
            yield f"meshgrid {indexing}", shapes, lambda m, *xs, i=indexing: m.meshgrid(*xs, indexing=i)
            yield f"meshgrid list {indexing}", shapes, lambda m, *xs, i=indexing: m.meshgrid(list(xs), indexing=i)
        if POINT not in shapes:
            yield "cartesian_prod", shapes, lambda m, *xs: m.cartesian_prod(*xs)
    # Put together
    for shape in (CUBE, MATRIX, (2,), POINT, NO_ROWS):
        for name in ("atleast_1d", "atleast_2d", "atleast_3d"):
            yield name, [shape], lambda m, x, n=name: getattr(m, n)(x)
            yield name, [shape, (2, 3), POINT], lambda m, *xs, n=name: getattr(m, n)(*xs)
            yield name, [shape, (2, 3)], lambda m, *xs, n=name: getattr(m, n)(xs)
        for name in ("hstack", "vstack", "row_stack", "dstack", "column_stack"):
            yield name, [shape], lambda m, x, n=name: getattr(m, n)([x])
            yield name, [shape, shape], lambda m, x, y, n=name: getattr(m, n)((x, y))
            yield f"{name} twice", [shape, shape], lambda m, x, y, n=name: getattr(m, n)([x, y, x])
    for name, shapes in [
        ("hstack", [(2,), POINT, (3,)]),
        ("hstack", [(2, 3), (2, 1), (2, 0)]),
        ("vstack", [(3,), (2, 3), (0, 3)]),
        ("dstack", [(3,), (1, 3), (1, 3, 2)]),
        ("column_stack", [(3,), (3, 2), (3, 0)]),
        ("concat", [(2, 3), (1, 3)]),
        ("concatenate", [(2, 3), (0, 3)]),
    ]:
        yield name, shapes, lambda m, *xs, n=name: getattr(m, n)(xs)
    # Repeated
    for shape, counts in [
        (MATRIX, (2,)),
        (MATRIX, (2, 3)),
        (MATRIX, (2, 1, 2)),
        (MATRIX, (0, 2)),
        (POINT, (2, 2)),
        (POINT, ()),
    ]:
        yield f"tile {counts}", [shape], lambda m, x, c=counts: m.tile(x, c)
        if len(counts) >= len(shape):
            yield f"repeat {counts}", [shape], lambda m, x, c=counts: x.repeat(c)
    yield "tile nothing", [NO_ROWS], lambda m, x: x.tile(2, 2)
    for shape, repeats in itertools.product((CUBE, MATRIX, VECTOR, POINT, NO_ROWS), (0, 1, 3)):
        yield f"repeat_interleave {repeats}", [shape], lambda m, x, n=repeats: m.repeat_interleave(x, n)
        for dim in range(len(shape)):
            yield (
                f"repeat_interleave {repeats} {dim}",
                [shape],
                lambda m, x, n=repeats, d=dim: m.repeat_interleave(x, n, dim=d),
            )
    for shape, dim in [(CUBE, 1), (MATRIX, -2), ((3,), 0), ((3, 0), 0)]:
        for counts in ([1, 2, 3], [0, 0, 2], [0, 0, 0], [2], [2, 1, 0]):
            yield (
                f"repeat_interleave {counts} {dim}",
                [shape],
                lambda m, x, c=counts, d=dim: x.repeat_interleave(m.tensor(c), d, output_size=None),
            )
    yield "repeat_interleave in order", [(2, 2)], lambda m, x: m.repeat_interleave(x, m.tensor([1, 0, 2, 3]))
    # Triangles and diagonals
    for shape, diagonal in itertools.product((CUBE, MATRIX, (4, 3), NO_ROWS, (2, 0)), (-9, -1, 0, 1, 2, 9)):
        yield f"tril {diagonal}", [shape], lambda m, x, n=diagonal: m.tril(x, n)
        yield f"triu {diagonal}", [shape], lambda m, x, n=diagonal: x.triu(diagonal=n)
        for dim1, dim2 in itertools.permutations(range(-1, len(shape) - 1), 2):
            yield (
                f"diagonal {diagonal} {dim1} {dim2}",
                [shape],
                lambda m, x, n=diagonal, a=dim1, b=dim2: m.diagonal(x, n, a, b),
            )
        if len(shape) == 2:
            yield f"diag {diagonal}", [shape], lambda m, x, n=diagonal: m.diag(x, n)
    for shape, offset in itertools.product((MATRIX, (2,), NOTHING, NO_ROWS), (-2, 0, 1)):
        for dim1, dim2 in itertools.permutations(range(-1, len(shape)), 2):
            yield (
                f"diag_embed {offset} {dim1} {dim2}",
                [shape],
                lambda m, x, n=offset, a=dim1, b=dim2: m.diag_embed(x, n, a, b),
            )
        yield f"diagflat {offset}", [shape], lambda m, x, n=offset: m.diagflat(x, n)
        if len(shape) == 1:
            yield f"diag {offset}", [shape], lambda m, x, n=offset: x.diag(n)
    yield "diagflat", [POINT], lambda m, x: m.diagflat(x)


CASES = {}
for _name, _shapes, _call in cases():
    CASES.setdefault(_name.split()[0], []).append((_name, _shapes, _call))


@pytest.mark.parametrize("dtype", [F64, F32], ids=["float64", "float32"])
@pytest.mark.parametrize("operation", CASES)
def test_an_operation(operation, dtype):
    for name, shapes, call in CASES[operation]:
        for turned in (False, True):
            compare(f"{name} of {shapes}", shapes, call, dtype, turned)


def compare(name, shapes, call, dtype, turned):
    """One call with both libraries; `turned` inputs lie in memory in the other order."""
    rng = np.random.default_rng(5)
    values = [np.asarray(draw(rng, shape, -1.3, 1.6), dtype) for shape in shapes]
    if turned:
        values = [np.asarray(v.T.copy().T) for v in values]
    ours, theirs = (
        both(tg.from_numpy, tg.grad, tg, call, values),
        both(torch.from_numpy, torch.autograd.grad, torch, call, values),
    )
    for what, found, right in zip(("values", "gradients", "second order"), ours, theirs, strict=True):
        assert len(found) == len(right), name
        for one, other in zip(found, right, strict=True):
            assert one.shape == other.shape, (name, what)
            assert one.dtype == other.dtype, (name, what)
            np.testing.assert_allclose(
                one,
                other,
                rtol=1e-13 if dtype == F64 else 1e-5,
                atol=1e-13 if dtype == F64 else 1e-5,
                err_msg=f"{name}, {what}",
            )
        tally.count(what)


def both(tensor, grad, library, call, values):
    """Results, gradients and second derivatives, as arrays."""
    leaves = [tensor(v.copy(order="K")).requires_grad_() for v in values]
    results = call(library, *[x * x * x for x in leaves])
    results = list(results) if isinstance(results, (tuple, list)) else [results]
    rng = np.random.default_rng(6)
    weights = [
        tensor(np.asarray(draw(rng, tuple(r.shape), -1.1, 1.2), values[0].dtype)).requires_grad_() for r in results
    ]
    arrays = [r.detach().numpy() for r in results]
    if not results:
        return arrays, [], []
    first = grad(results, leaves, weights, create_graph=True, allow_unused=True)
    first = [library.zeros_like(x) if g is None else g for g, x in zip(first, leaves, strict=True)]
    kept = [g for g in first if g.requires_grad]
    wanted = [*leaves, *weights]
    seeds = [tensor(np.asarray(draw(rng, tuple(g.shape), -1.7, 1.3), values[0].dtype)) for g in kept]
    second = grad(kept, wanted, seeds, allow_unused=True) if kept else [None] * len(wanted)
    second = [library.zeros_like(x) if g is None else g for g, x in zip(second, wanted, strict=True)]
    return arrays, [g.detach().numpy() for g in first], [g.detach().numpy() for g in second]


@pytest.mark.parametrize("offset", [-9, -1, 0, 2, 9])
def test_indices_of_triangles(offset):
    for row, col in itertools.product((0, 1, 3, 4), repeat=2):
        for name in ("tril_indices", "triu_indices"):
            found, right = getattr(tg, name)(row, col, offset), getattr(torch, name)(row, col, offset)
            assert found.dtype == np.int64
            np.testing.assert_array_equal(found.data, right.numpy())
            tally.count("values")


def test_dtypes_of_what_is_no_float():
    """Integers and booleans keep their dtype, and what is put together is promoted, as in PyTorch."""
    kinds = [np.bool_, np.uint8, np.int32, np.int64, np.float16, np.float32, np.float64]
    calls = {
        "tril": lambda m, x: m.tril(x),
        "roll": lambda m, x: m.roll(x, 1),
        "flip": lambda m, x: m.flip(x, (0,)),
        "tile": lambda m, x: m.tile(x, (2,)),
        "repeat_interleave": lambda m, x: m.repeat_interleave(x, 2),
        "diag": lambda m, x: m.diag(x),
        "diag_embed": lambda m, x: m.diag_embed(x),
        "diagflat": lambda m, x: m.diagflat(x),
    }
    for kind, (name, call) in itertools.product(kinds, calls.items()):
        values = np.array([[1, 0, 2], [3, 4, 0]]).astype(kind)
        found, right = call(tg, tg.tensor(values)).data, call(torch, torch.tensor(values)).numpy()
        assert found.dtype == right.dtype, (name, kind)
        np.testing.assert_array_equal(found, right)
        tally.count("values")
    for (one, other), name in itertools.product(
        itertools.product(kinds, repeat=2), ("hstack", "vstack", "dstack", "column_stack")
    ):
        pair = np.array([1, 0]).astype(one), np.array([2, 1]).astype(other)
        found = getattr(tg, name)([tg.tensor(v) for v in pair]).data
        right = getattr(torch, name)([torch.tensor(v) for v in pair]).numpy()
        assert found.dtype == right.dtype, (name, one, other)
        np.testing.assert_array_equal(found, right)
        tally.count("values")
