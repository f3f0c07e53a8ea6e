"""NumPy's functions on tensors: each call gives what NumPy gives for arrays, and the gradient that its values have."""

import warnings

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.numpy_door.table import FUNCTIONS, told

from .tools import array, leaf

X = np.array([[1.2, 2.4, 0.5], [3.1, 0.9, 1.7]])
Y = np.array([[0.3, 1.1, 2.2], [1.6, 2.9, 0.7]])
V = np.array([0.4, 1.3, 2.6])
W = np.array([1.5, 0.2, 0.8])
CUBE = np.linspace(-2.1, 3.3, 24)[np.random.default_rng(0).permutation(24)].reshape(2, 3, 4)
SQUARE = np.array([[4.0, 1.0, 0.5], [0.3, 3.0, -0.7], [0.2, -0.4, 2.5]])
SYMMETRIC = SQUARE + SQUARE.T
HOLES = np.array([[1.0, np.nan, 3.0], [0.5, 2.0, np.nan]])
MASK = np.array([[True, False, True], [False, True, True]])
INDEX = np.array([[2, 0], [1, 1]])


def old(name, *inputs):
    """The result of a function that newer versions of NumPy still have, and advise against."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return getattr(np, name)(*inputs)


# What is called, and with what: arrays of floats become tensors that require a gradient, one after the other.
CALLS = {
    "sum": (lambda x: np.sum(x), X),
    "sum axis": (lambda x: np.sum(x, 1), X),
    "sum axes": (lambda x: np.sum(x, axis=(0, -1), keepdims=True), CUBE),
    "sum no axes": (lambda x: np.sum(x, axis=()), X),
    "sum initial": (lambda x: np.sum(x, axis=0, initial=3.0), X),
    "sum where": (lambda x: np.sum(x, axis=0, where=MASK), X),
    "prod": (lambda x: np.prod(x), X),
    "prod axis": (lambda x: np.prod(x, axis=-1, keepdims=True), X),
    "prod axes": (lambda x: np.prod(x, axis=(0, 2)), CUBE),
    "prod axes kept": (lambda x: np.prod(x, axis=(2, 0), keepdims=True), CUBE),
    "prod no axes": (lambda x: np.prod(x, axis=()), X),
    "prod initial, where": (lambda x: np.prod(x, initial=2.0, where=MASK), X),
    "mean": (lambda x: np.mean(x), X),
    "mean axis": (lambda x: np.mean(x, axis=1, keepdims=True), X),
    "mean where": (lambda x: np.mean(x, axis=1, where=MASK), X),
    "average": (lambda x: np.average(x), X),
    "average weights": (lambda x, w: np.average(x, axis=1, weights=w), X, W),
    "average of all": (lambda x, w: np.average(x, weights=w), X, Y),
    "average rows": (lambda x, w: np.average(x, axis=0, weights=w), CUBE, W[:2]),
    "median": (lambda x: np.median(x), X),
    "median odd": (lambda x: np.median(x, axis=1), X),
    "median even": (lambda x: np.median(x, axis=0, keepdims=True), X),
    "median axes": (lambda x: np.median(x, axis=(0, 2)), CUBE),
    "std": (lambda x: np.std(x), X),
    "std axis": (lambda x: np.std(x, axis=0, ddof=1), X),
    "std correction": (lambda x: np.std(x, axis=1, correction=1), X),
    "var": (lambda x: np.var(x), X),
    "var axis": (lambda x: np.var(x, axis=(0, 1), ddof=2, keepdims=True), CUBE),
    "max": (lambda x: np.max(x), X),
    "max axis": (lambda x: np.max(x, axis=0), X),
    "max initial": (lambda x: np.max(x, axis=0, initial=1.5), X),
    "max initial over axes": (lambda x: np.max(x, axis=(0, 2), initial=1.5, keepdims=True), CUBE),
    "max where": (lambda x: np.max(x, axis=1, initial=-5.0, where=MASK), X),
    "amax": (lambda x: np.amax(x, (0, 1)), CUBE),
    "min": (lambda x: np.min(x, axis=1, keepdims=True), X),
    "amin": (lambda x: np.amin(x), X),
    "amin initial": (lambda x: np.amin(x, axis=1, initial=1.0), X),
    "ptp": (lambda x: np.ptp(x, axis=1), X),
    "ptp of all": (lambda x: np.ptp(x), X),
    "argmax": (lambda x: np.argmax(x), X),
    "argmax axis": (lambda x: np.argmax(x, axis=0, keepdims=True), X),
    "argmin": (lambda x: np.argmin(x, 1), X),
    "all": (lambda x: np.all(x > 1, axis=0), X),
    "all of numbers": (lambda x: np.all(x, axis=(0, 1), keepdims=True), X),
    "all no axes": (lambda x: np.all(x, axis=()), X),
    "any": (lambda x: np.any(x > 3, axis=1), X),
    "any where": (lambda x: np.any(x > 1, axis=1, where=MASK), X),
    "count_nonzero": (lambda x: np.count_nonzero(x > 1, axis=1, keepdims=True), X),
    "count_nonzero of all": (lambda x: np.count_nonzero(x), X),
    "nansum": (lambda x: np.nansum(x, axis=0), HOLES),
    "nanprod": (lambda x: np.nanprod(x, 1), HOLES),
    "nanmean": (lambda x: np.nanmean(x, axis=1, keepdims=True), HOLES),
    "cumsum": (lambda x: np.cumsum(x), X),
    "cumsum axis": (lambda x: np.cumsum(x, 1), X),
    "cumprod": (lambda x: np.cumprod(x, axis=0), X),
    "nancumsum": (lambda x: np.nancumsum(x, axis=1), HOLES),
    "nancumprod": (lambda x: np.nancumprod(x), HOLES),
    "cumulative_sum": (lambda x: np.cumulative_sum(x), V),
    "cumulative_sum initial": (lambda x: np.cumulative_sum(x, axis=1, include_initial=True), X),
    "cumulative_prod": (lambda x: np.cumulative_prod(x, axis=0, include_initial=True), X),
    "diff": (lambda x: np.diff(x), X),
    "diff twice": (lambda x: np.diff(x, 2, 1), CUBE),
    "diff none": (lambda x: np.diff(x, 0), X),
    "diff ends": (lambda x: np.diff(x, axis=0, prepend=1.0, append=x[:1]), X),
    # shape
    "reshape": (lambda x: np.reshape(x, (3, 2)), X),
    "reshape F": (lambda x: np.reshape(x, (4, -1), order="F"), CUBE),
    "ravel": (lambda x: np.ravel(x), X),
    "ravel F": (lambda x: np.ravel(x, order="F"), X),
    "transpose": (lambda x: np.transpose(x), CUBE),
    "transpose axes": (lambda x: np.transpose(x, (1, 0, -1)), CUBE),
    "matrix_transpose": (lambda x: np.matrix_transpose(x), CUBE),
    "linalg.matrix_transpose": (lambda x: np.linalg.matrix_transpose(x), CUBE),
    "swapaxes": (lambda x: np.swapaxes(x, 0, -1), CUBE),
    "moveaxis": (lambda x: np.moveaxis(x, (0, 1), (-1, 0)), CUBE),
    "rollaxis": (lambda x: np.rollaxis(x, 2), CUBE),
    "rollaxis back": (lambda x: np.rollaxis(x, 0, 3), CUBE),
    "rollaxis start": (lambda x: np.rollaxis(x, 2, -2), CUBE),
    "squeeze": (lambda x: np.squeeze(x[:, None]), X),
    "squeeze axis": (lambda x: np.squeeze(x[None, :, None], axis=(0, 2)), X),
    "squeeze no axes": (lambda x: np.squeeze(x[None], axis=()), X),
    "expand_dims": (lambda x: np.expand_dims(x, 1), X),
    "expand_dims several": (lambda x: np.expand_dims(x, (0, -1)), X),
    "broadcast_to": (lambda x: np.broadcast_to(x, (2, 2, 3)), X),
    "broadcast_to int": (lambda x: np.broadcast_to(x, 3), V[:1]),
    "flip": (lambda x: np.flip(x), CUBE),
    "flip axis": (lambda x: np.flip(x, (0, 2)), CUBE),
    "fliplr": (lambda x: np.fliplr(x), X),
    "flipud": (lambda x: np.flipud(x), X),
    "roll": (lambda x: np.roll(x, 4), X),
    "roll axis": (lambda x: np.roll(x, -1, axis=1), X),
    "roll axes": (lambda x: np.roll(x, 1, axis=(0, 1)), X),
    "roll twice": (lambda x: np.roll(x, (1, 1), axis=1), X),
    "roll many": (lambda x: np.roll(x, (1, 4)), X),
    "rot90": (lambda x: np.rot90(x, 3), X),
    "rot90 axes": (lambda x: np.rot90(x, k=1, axes=(2, 0)), CUBE),
    "tril": (lambda x: np.tril(x), SQUARE),
    "triu": (lambda x: np.triu(x, k=1), SQUARE),
    "diag": (lambda x: np.diag(x), V),
    "diag of a matrix": (lambda x: np.diag(x, k=-1), SQUARE),
    "diagflat": (lambda x: np.diagflat(x, 1), X),
    "diagonal": (lambda x: np.diagonal(x, 1, 2, 1), CUBE),
    "linalg.diagonal": (lambda x: np.linalg.diagonal(x, offset=1), CUBE),
    "trace": (lambda x: np.trace(x), SQUARE),
    "trace axes": (lambda x: np.trace(x, 1, 2, 0), CUBE),
    "linalg.trace": (lambda x: np.linalg.trace(x, offset=-1), CUBE),
    "atleast_1d": (lambda x: np.atleast_1d(np.sum(x)), X),
    "atleast_2d": (lambda x, y: np.atleast_2d(x, y), V, X),
    "atleast_3d": (lambda x: np.atleast_3d(x), X),
    "unstack": (lambda x: np.unstack(x, axis=1), X),
    "copy": (lambda x: np.copy(x), X),
    "astype": (lambda x: np.astype(x, np.float32), X),
    "astype same": (lambda x: np.astype(x, np.float64, copy=False), X),
    "round": (lambda x: np.round(x), Y),
    "around": (lambda x: np.around(x, 1), X * 1.37),
    "fix": (lambda x: old("fix", x), CUBE),
    "sinc": (lambda x: np.sinc(x), X),
    "real": (lambda x: np.real(x), X),
    # joining
    "concatenate": (lambda x, y: np.concatenate([x, y], axis=1), X, Y),
    "concatenate flat": (lambda x, y: np.concatenate((x, y), axis=None), X, V),
    "concatenate dtype": (lambda x, y: np.concatenate((x, y), dtype=np.float32), X, Y),
    "concatenate list": (lambda x: np.concatenate((x, [1.0, 2.0])), V),
    "stack": (lambda x, y: np.stack([x, y], axis=-1), X, Y),
    "hstack": (lambda x, y: np.hstack([x, y]), X, Y),
    "vstack": (lambda x, y: np.vstack([x, y]), X, V),
    "dstack": (lambda x, y: np.dstack([x, y]), X, Y),
    "column_stack": (lambda x, y: np.column_stack([x, y]), V, W),
    "append": (lambda x: np.append(x, [1.0, 2.0]), X),
    "append axis": (lambda x, y: np.append(x, y, axis=0), X, Y),
    "split": (lambda x: np.split(x, 2, axis=2), CUBE),
    "split at": (lambda x: np.split(x, [1, 3], axis=2), CUBE),
    "array_split": (lambda x: np.array_split(x, 3, axis=2), CUBE),
    "hsplit": (lambda x: np.hsplit(x, 3), CUBE),
    "vsplit": (lambda x: np.vsplit(x, 2), CUBE),
    "dsplit": (lambda x: np.dsplit(x, [1]), CUBE),
    "tile": (lambda x: np.tile(x, (2, 1, 2)), X),
    "tile int": (lambda x: np.tile(x, 2), X),
    "repeat": (lambda x: np.repeat(x, 2), X),
    "repeat axis": (lambda x: np.repeat(x, [1, 0, 3], axis=1), X),
    "broadcast_arrays": (lambda x, y: np.broadcast_arrays(x, y), X, V),
    "meshgrid": (lambda x, y: np.meshgrid(x, y), V, W[:2]),
    "meshgrid ij": (lambda x, y: np.meshgrid(x, y, indexing="ij"), V, W[:2]),
    "meshgrid sparse": (lambda x, y: np.meshgrid(x, y, sparse=True), V, W[:2]),
    "pad": (lambda x: np.pad(x, 1), X),
    "pad pair": (lambda x: np.pad(x, (0, 2)), X),
    "pad constants": (lambda x: np.pad(x, ((1, 0), (2, 1)), constant_values=((1, 2), (3, 4))), X),
    "pad edge": (lambda x: np.pad(x, 2, mode="edge"), X),
    "pad reflect": (lambda x: np.pad(x, ((0, 0), (2, 1)), mode="reflect"), X),
    "pad reflect far": (lambda x: np.pad(x, 5, "reflect"), X),
    "pad symmetric": (lambda x: np.pad(x, ((1, 2), (4, 0)), "symmetric"), X),
    "pad wrap": (lambda x: np.pad(x, 4, "wrap"), X),
    # choosing
    "where": (lambda x, y: np.where(MASK, x, y), X, Y),
    "where of numbers": (lambda x: np.where(np.array([1, 0, 2]), x, 0.0), X),
    "where alone": (lambda x: np.where(x > 1), X),
    "select": (lambda x, y: np.select([x > 2, x > 1], [x * 2, y], default=-1.0), X, Y),
    "clip": (lambda x: np.clip(x, 1.0, 2.0), X),
    "clip one": (lambda x: np.clip(x, None, 2.0), X),
    "clip names": (lambda x: np.clip(x, min=1.0), X),
    "clip arrays": (lambda x, low: np.clip(x, low, 2.5), X, V),
    "clip none": (lambda x: np.clip(x, None, None), X),
    "take": (lambda x: np.take(x, [3, -1, 3]), X),
    "take axis": (lambda x: np.take(x, INDEX, axis=1), CUBE),
    "take one": (lambda x: np.take(x, -1, axis=0), X),
    "take_along_axis": (lambda x: np.take_along_axis(x, np.argsort(X, axis=1)[:, ::-1], axis=1), X),
    "take_along_axis flat": (lambda x: np.take_along_axis(x, np.array([5, 0]), axis=None), X),
    "compress": (lambda x: np.compress([True, False, True], x, axis=1), X),
    "compress flat": (lambda x: np.compress([0, 1, 1], x), X),
    "extract": (lambda x: np.extract(MASK, x), X),
    "nonzero": (lambda x: np.nonzero(x > 1), X),
    "flatnonzero": (lambda x: np.flatnonzero(x > 1), X),
    "argwhere": (lambda x: np.argwhere(x > 1), X),
    "nan_to_num": (lambda x: np.nan_to_num(x, nan=7.0), HOLES),
    # searching
    "sort": (lambda x: np.sort(x), X),
    "sort axis": (lambda x: np.sort(x, axis=0, kind="stable"), X),
    "sort flat": (lambda x: np.sort(x, axis=None), X),
    "argsort": (lambda x: np.argsort(x, axis=0), X),
    "unique": (lambda x: np.unique(np.round(x) * 1.5), CUBE),
    "unique all": (lambda x: np.unique(x[[0, 1, 0]], True, True, True), V),
    "unique rows": (lambda x: np.unique(x[[1, 0, 1]], axis=0, return_counts=True), X),
    "unique_values": (lambda x: np.unique_values(x), V),
    "searchsorted": (lambda x: np.searchsorted(x, [0.5, 2.6], side="right"), V),
    "isin": (lambda x: np.isin(x, [1.2, 0.9], invert=True), X),
    "isclose": (lambda x: np.isclose(x, x + 1e-9), X),
    "allclose": (lambda x: np.allclose(x, X), X),
    "array_equal": (lambda x: np.array_equal(x, X), X),
    "array_equiv": (lambda x: np.array_equiv(x, V), X),
    "isposinf": (lambda x: np.isposinf(x), X),
    "isneginf": (lambda x: np.isneginf(x), X),
    # products
    "dot": (lambda x, y: np.dot(x, y), V, W),
    "dot matrices": (lambda x, y: np.dot(x, y), X, SQUARE),
    "dot numbers": (lambda x: np.dot(x, 3.0), X),
    "dot many axes": (lambda x, y: np.dot(x, y), X, np.moveaxis(CUBE, 0, 2)[..., None][..., 0].transpose(1, 0, 2)),
    "vdot": (lambda x, y: np.vdot(x, y), X, Y),
    "inner": (lambda x, y: np.inner(x, y), X, Y),
    "inner numbers": (lambda x: np.inner(x, 2.0), V),
    "outer": (lambda x, y: np.outer(x, y), X, V),
    "linalg.outer": (lambda x, y: np.linalg.outer(x, y), V, W),
    "tensordot": (lambda x, y: np.tensordot(x, y), CUBE, CUBE[0]),
    "tensordot axes": (lambda x, y: np.tensordot(x, y, axes=([2, 1], [1, 0])), CUBE, CUBE[0]),
    "tensordot pair": (lambda x, y: np.tensordot(x, y, axes=(1, 0)), X, SQUARE),
    "linalg.tensordot": (lambda x, y: np.linalg.tensordot(x, y, axes=1), X, SQUARE),
    "linalg.matmul": (lambda x, y: np.linalg.matmul(x, y), X, SQUARE),
    "linalg.vecdot": (lambda x, y: np.linalg.vecdot(x, y, axis=0), X, Y),
    "linalg.multi_dot": (lambda x, y, z: np.linalg.multi_dot([x, y, z]), X, SQUARE, V),
    "einsum": (lambda x, y: np.einsum("ij,jk->ki", x, y), X, SQUARE),
    "einsum optimize": (lambda x, y: np.einsum("ij,ij", x, y, optimize=True), X, Y),
    "einsum lists": (lambda x, y: np.einsum(x, [0, 1], y, [1], [0]), X, V),
    "kron": (lambda x, y: np.kron(x, y), X, V),
    "cross": (lambda x, y: np.cross(x, y), X, Y),
    "cross axis": (lambda x, y: np.cross(x, y, axis=0), X.T, Y.T),
    "linalg.cross": (lambda x, y: np.linalg.cross(x, y), X, V),
    "linalg.inv": (lambda x: np.linalg.inv(x), SQUARE),
    "linalg.det": (lambda x: np.linalg.det(x), SQUARE),
    "linalg.slogdet": (lambda x: np.linalg.slogdet(x), -SQUARE),
    "linalg.solve": (lambda x, y: np.linalg.solve(x, y), SQUARE, V),
    "linalg.solve stack": (lambda x, y: np.linalg.solve(x, y), np.stack([SQUARE, SQUARE.T, SYMMETRIC]), SQUARE),
    "linalg.matrix_power": (lambda x: np.linalg.matrix_power(x, 3), SQUARE),
    "linalg.cholesky": (lambda x: np.linalg.cholesky(x + x.T), SQUARE),
    "linalg.cholesky upper": (lambda x: np.linalg.cholesky(x + x.T, upper=True), SQUARE),
    "linalg.qr": (lambda x: np.linalg.qr(x), SQUARE),
    "linalg.qr r": (lambda x: np.linalg.qr(x, mode="r"), SQUARE),
    "linalg.eigh": (lambda x: np.linalg.eigh(x + x.T)[0], SQUARE),
    "linalg.eigvalsh": (lambda x: np.linalg.eigvalsh(x + x.T), SQUARE),
    "linalg.svd": (lambda x: np.linalg.svd(x, full_matrices=False)[1], X),
    "linalg.svd values": (lambda x: np.linalg.svd(x, compute_uv=False), X),
    "linalg.svdvals": (lambda x: np.linalg.svdvals(x), X),
    "linalg.norm": (lambda x: np.linalg.norm(x), CUBE),
    "linalg.norm ord": (lambda x: np.linalg.norm(x, 1), X),
    "linalg.norm axis": (lambda x: np.linalg.norm(x, axis=1, keepdims=True), X),
    "linalg.norm of vectors": (lambda x: np.linalg.norm(x, 3, -1), X),
    "linalg.norm of matrices": (lambda x: np.linalg.norm(x, "nuc", axis=(0, 2)), CUBE),
    "linalg.norm fro": (lambda x: np.linalg.norm(x, axis=(0, 2)), CUBE),
    "linalg.matrix_norm": (lambda x: np.linalg.matrix_norm(x, ord=np.inf, keepdims=True), CUBE),
    "linalg.vector_norm": (lambda x: np.linalg.vector_norm(x, axis=(0, 1), ord=1), CUBE),
    # questions, and what is made
    "shape": (lambda x: np.shape(x), X),
    "ndim": (lambda x: np.ndim(x), X),
    "size": (lambda x: (np.size(x), np.size(x, 1)), X),
    "result_type": (lambda x: np.result_type(x, np.float32), X),
    "iscomplexobj": (lambda x: np.iscomplexobj(x), X),
    "isrealobj": (lambda x: np.isrealobj(x), X),
    "shares_memory": (lambda x: (np.shares_memory(x, x[1:]), np.shares_memory(x[0], x[1])), X),
    "may_share_memory": (lambda x: (np.may_share_memory(x, x[1:]), np.may_share_memory(x[0], x[1])), X),
    "array2string": (lambda x: np.array2string(x, precision=2), X),
    "array_repr": (lambda x: np.array_repr(x), X),
    "array_str": (lambda x: np.array_str(x), X),
    "zeros_like": (lambda x: np.zeros_like(x), X),
    "ones_like": (lambda x: np.ones_like(x, dtype=np.int64, shape=(2,)), X),
    "empty_like": (lambda x: np.empty_like(x) * 0.0 == 3.0, X),
    "full_like": (lambda x: np.full_like(x, 3.0), X),
}


def pieces(result):
    """The arrays or tensors of a result that may be a tuple or a list of them."""
    return list(result) if isinstance(result, (tuple, list)) else [result]


def weighted(results):
    """A number made of all results of floats, each value with a weight of its own."""
    total = 0.0
    for number, r in enumerate(results):
        if getattr(r, "dtype", None) is not None and r.dtype.kind == "f":
            weights = np.cos(np.arange(1.0, 1.0 + np.asarray(r).size) + number).reshape(np.shape(r))
            total += float(np.sum(np.nan_to_num(np.asarray(r, np.float64)) * weights))
    return total


@pytest.mark.parametrize("name", CALLS)
def test_values_and_gradients_are_numpys(name):
    call, *inputs = CALLS[name]
    expected = call(*inputs)
    tensors = [leaf(x) for x in inputs]
    result = call(*tensors)
    assert isinstance(result, (tuple, list)) == isinstance(expected, (tuple, list))
    if isinstance(expected, list):
        assert isinstance(result, list)
    assert len(pieces(result)) == len(pieces(expected))
    for ours, theirs in zip(pieces(result), pieces(expected), strict=True):
        if isinstance(theirs, (bool, int, str, np.bool_, np.dtype)) and not isinstance(ours, tg.Tensor):
            assert ours == theirs
            continue
        assert type(ours) is tg.Tensor, type(ours)
        theirs = np.asarray(theirs)
        assert ours.shape == theirs.shape
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(array(ours), theirs, rtol=1e-6 if theirs.dtype == np.float32 else 1e-12, atol=1e-14)

    # The gradient is that of NumPy's own values, by central differences.
    recorded = [r for r in pieces(result) if isinstance(r, tg.Tensor) and r.requires_grad]
    loss = 0.0
    for number, r in enumerate(pieces(result)):
        if isinstance(r, tg.Tensor) and r.requires_grad:
            weights = np.cos(np.arange(1.0, 1.0 + r.numel()) + number).reshape(r.shape)
            loss = loss + (r.double() * weights).sum()
    if recorded:
        found = tg.grad(loss, tensors)
        for position, x in enumerate(inputs):
            numeric = np.zeros_like(x)
            step = 1e-6 if all(r.dtype == np.float64 for r in recorded) else 1e-2  # float32 results are rounded
            for place in np.ndindex(*x.shape):
                for side in (step, -step):
                    moved = [np.array(v) for v in inputs]
                    moved[position][place] += side
                    numeric[place] += weighted(pieces(call(*moved))) / (2 * side) * 1.0
            tolerance = 1e-7 if step == 1e-6 else 1e-4
            numeric = np.where(np.isnan(x), 0.0, numeric)
            np.testing.assert_allclose(array(found[position]), numeric, rtol=1e-6, atol=tolerance)


def test_every_function_of_the_table_is_called():
    called = set()
    for call, *inputs in CALLS.values():

        class Witness(np.ndarray):
            def __array_function__(self, function, types, args, kwargs):
                called.add(function)
                return super().__array_function__(function, types, args, kwargs)

        call(*[x.view(Witness) for x in inputs])
    missing = {told(function) for function in FUNCTIONS if function not in called}
    assert not missing, f"in the table, and not called here: {sorted(missing)}"


def test_without_a_gradient_nothing_is_recorded():
    for name, (call, *inputs) in CALLS.items():
        for result in pieces(call(*[tg.tensor(x) for x in inputs])):
            assert not getattr(result, "requires_grad", False), name


def test_lists_and_numbers_stand_for_arrays():
    t = leaf(V)
    assert np.dot(t, [1.0, 0.0, 2.0]).item() == pytest.approx(V[0] + 2 * V[2])
    assert np.maximum(t, [1.0, 1.0, 3.0]).tolist() == [1.0, 1.3, 3.0]
    assert np.where([True, False, True], t, [5.0, 6.0, 7.0]).tolist() == [0.4, 6.0, 2.6]
    assert np.vdot([1.0, 0.0, 0.0], t).item() == 0.4
    assert np.take([10.0, 20.0], tg.tensor([1, 0])).tolist() == [20.0, 10.0]


# What differs from the functions of the same name here


def test_the_default_standard_deviation_is_the_biased_one():
    t = tg.tensor(X)
    assert np.std(t).item() == pytest.approx(X.std())
    assert tg.std(t).item() == pytest.approx(X.std(ddof=1))
    assert np.var(t, axis=0).tolist() == pytest.approx(X.var(0).tolist())


def test_the_largest_along_an_axis_splits_ties():
    t = leaf([[1.0, 3.0, 3.0], [2.0, 2.0, 1.0]])
    largest = np.max(t, axis=1)
    assert type(largest) is tg.Tensor
    largest.sum().backward()
    assert t.grad.tolist() == [[0.0, 0.5, 0.5], [0.5, 0.5, 0.0]]


def test_initial_takes_its_share_of_a_tie():
    t = leaf([3.0, 3.0, 1.0])
    np.max(t, initial=3.0).backward()
    assert t.grad.tolist() == pytest.approx([1 / 3, 1 / 3, 0.0])


def test_the_median_is_the_mean_of_the_middle_two_and_nan_of_nan():
    t = leaf([4.0, 1.0, 3.0, 2.0])
    np.median(t).backward()
    assert np.median(t).item() == 2.5
    assert t.grad.tolist() == [0.0, 0.0, 0.5, 0.5]
    assert tg.median(t).item() == 2.0
    assert np.isnan(np.median(tg.tensor([1.0, np.nan, 2.0])).item())
    assert np.isnan(np.median(tg.zeros(0)).item())
    np.testing.assert_array_equal(np.median(tg.tensor(HOLES), axis=1).numpy(), np.median(HOLES, axis=1))
    big = tg.tensor([6e4, 6e4], dtype=np.float16)
    assert np.median(big).item() == np.float16(6e4)
    assert np.median(tg.tensor([1, 2, 4])).dtype == np.float32


def test_the_sign_of_nan_is_nan():
    t = leaf([np.nan, -2.0, 0.0])
    np.testing.assert_array_equal(array(np.sign(t)), [np.nan, -1.0, 0.0])
    np.testing.assert_array_equal(array(np.heaviside(t, 0.5)), [np.nan, 0.0, 0.5])
    np.sign(t).sum().backward()
    assert t.grad.tolist() == [0.0, 0.0, 0.0]
    assert np.sign(tg.tensor([-3, 0])).tolist() == [-1, 0]


def test_reductions_over_nothing():
    empty = tg.zeros(0, 3)
    assert np.sum(empty, axis=0).tolist() == [0.0] * 3
    assert np.prod(empty).item() == 1.0
    assert np.prod(empty, axis=(0, 1)).item() == 1.0
    assert np.max(empty, axis=0, initial=2.0).tolist() == [2.0] * 3
    assert np.all(empty).item() is True
    with pytest.raises(tg.ShapeError, match="no largest value over an empty axis"):
        np.max(empty)


def test_no_axes_are_none():
    for function in (np.sum, np.prod, np.mean, np.max, np.min, np.median):
        np.testing.assert_array_equal(array(function(leaf(X), axis=())), X)
    np.testing.assert_array_equal(array(np.std(leaf(X), axis=())), 0 * X)


def test_dtypes_are_the_engines():
    for function in (np.mean, np.std, np.var, np.median, np.average, np.linalg.norm):
        assert function(tg.tensor([1, 2, 3])).dtype == np.float32
        assert function(tg.ones(3)).dtype == np.float32
    assert np.sum(tg.tensor([True, True])).dtype == np.int64
    assert np.sum(tg.ones(3), dtype=np.float64).dtype == np.float64
    assert np.mean(tg.tensor([1, 2]), dtype=np.float64).dtype == np.float64
    assert np.std(tg.tensor([1, 2]), dtype=np.float64).dtype == np.float64
    assert np.result_type(tg.tensor([1]), tg.ones(1)) == np.float32
    assert np.result_type(tg.tensor([1]), 2.0, np.int8) == np.float32
    assert np.trace(tg.eye(2), dtype=np.float64).dtype == np.float64
    assert np.count_nonzero(tg.eye(2)).dtype == np.int64
    assert np.all(tg.tensor([1, 2], dtype=np.uint8)).dtype == np.bool_


def test_solve_reads_a_stack_of_matrices_where_numpy_does():
    a = np.stack([SQUARE] * 3)
    np.testing.assert_allclose(array(np.linalg.solve(leaf(a), leaf(SQUARE))), np.linalg.solve(a, SQUARE))
    assert tg.linalg.solve(tg.tensor(a), tg.tensor(SQUARE)).shape == (3, 3)  # as in PyTorch: a stack of vectors


def test_what_out_takes():
    t = leaf(X)
    plain = tg.tensor(X)
    place = np.zeros(3)
    assert np.sum(plain, axis=0, out=place) is place
    np.testing.assert_array_equal(place, X.sum(0))
    taken = tg.zeros(3, dtype=np.float64)
    assert np.sum(t, axis=0, out=taken) is taken
    assert taken.requires_grad
    (taken * W).sum().backward()
    np.testing.assert_array_equal(array(t.grad), np.broadcast_to(W, (2, 3)))
    of_arrays = tg.zeros(3, dtype=np.float64)
    assert np.sum(X, axis=0, out=of_arrays) is of_arrays
    assert of_arrays.tolist() == X.sum(0).tolist()
    with pytest.raises(tg.GradientError, match=r"np\.sum: the result has a gradient.*would lose"):
        np.sum(t, axis=0, out=place)
    np.testing.assert_array_equal(place, X.sum(0))
    with tg.no_grad():
        np.cumsum(t, axis=1, out=np.zeros((2, 3)))
    with pytest.raises(tg.ShapeError, match=r"np\.sum: out has shape \(2,\), the result \(3,\)"):
        np.sum(plain, axis=0, out=np.zeros(2))
    with pytest.raises(tg.DTypeError, match=r"np\.mean: out has dtype int64, to which a result of float64"):
        np.mean(plain, axis=0, out=np.zeros(3, np.int64))
    with pytest.raises(tg.GradientError, match="a leaf that requires a gradient"):
        np.sum(plain, axis=0, out=leaf(V))


def test_defaults_that_numpy_writes_out_are_no_trouble():
    t = leaf(X)
    assert np.sort(t, order=None).shape == (2, 3)
    assert np.concatenate([t, t], casting="same_kind", out=None).shape == (4, 3)
    assert np.copy(t, order="K").shape == (2, 3)
    assert np.take(t, 0, mode="raise").item() == 1.2
    assert np.median(t, overwrite_input=False).item() == np.median(X)
    assert np.sum(t, keepdims=np._NoValue).shape == ()
    assert np.reshape(t, (3, 2), copy=None).shape == (3, 2)
    for call, told_ in (
        (lambda: np.take(t, 7, mode="wrap"), r"np\.take: mode='wrap' is not supported on tensors"),
        (lambda: np.concatenate([t, t], casting="unsafe"), r"np\.concatenate: casting='unsafe'"),
        (lambda: np.reshape(t, (3, 2), order="A"), "order must be 'C' or 'F' on tensors, got 'A'"),
        (lambda: np.pad(t, 1, "linear_ramp"), "pad: mode must be one of constant, edge.* got 'linear_ramp'"),
        (lambda: np.std(t, where=MASK), r"np\.std: where is not supported on tensors"),
        (lambda: np.max(t, where=MASK), "max: where needs initial"),
        (lambda: np.sum(t, 0, None, None, True), r"np\.sum: on tensors, too many positional arguments"),
        (lambda: np.einsum("ij->j", t, dtype=float), r"np\.einsum: .*dtype"),
    ):
        with pytest.raises((tg.DTypeError, tg.ShapeError), match=told_):
            call()


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda t: np.squeeze(t, axis=0), r"squeeze: axis=0 has a size other than 1 in shape \(2, 3\)"),
        (lambda t: np.split(t, 2, axis=1), "split: 2 parts do not divide 3, the size of axis 1"),
        (lambda t: np.rollaxis(t, 0, 3), "rollaxis: start 3 is out of range for a tensor of 2 axes"),
        (lambda t: np.diff(t, -1), "diff: n must be at least 0, got -1"),
        (lambda t: np.cumulative_sum(t), r"axis must be given for shape \(2, 3\)"),
        (lambda t: np.clip(t, 1.0, None, min=2.0), "clip: a bound is given twice"),
        (lambda t: np.compress([[True]], t), r"compress: condition must have one axis, got shape \(1, 1\)"),
        (lambda t: np.select([], [t]), "select: 0 conditions for 1 choices"),
        (lambda t: np.tensordot(t, t[:1], axes=([0], [0])), "differ in size"),
        (lambda t: np.dot(t, tg.ones(2, 4, 2)), "dot: axis -1 of .* and axis -2 of .* differ in size"),
        (lambda t: np.matrix_transpose(t[0]), r"matrix_transpose: there must be two axes or more, got shape \(3,\)"),
        (lambda t: np.pad(t, -1), "pad: pad_width must be ints of at least 0, got -1"),
        (lambda t: np.pad(t, (1, 2, 3)), "pad: pad_width must be a number, a pair, or 2 pairs"),
        (lambda t: np.take_along_axis(t, INDEX, None), "take_along_axis: without an axis"),
        (lambda t: np.linalg.norm(t, axis=(0, 1, 1)), "linalg.norm: axis must be one or two axes"),
        (lambda t: np.max(t, 4), "amax: dim 4 is out of range for a tensor of 2 axes"),
    ],
)
def test_errors_are_ours(call, message):
    with pytest.raises(tg.ShapeError, match=message):
        call(leaf(X))


@pytest.mark.parametrize("name", CALLS)
def test_float32_stays(name):
    """Results have the dtype that NumPy's have for arrays of float32, and gradients are float32."""
    call, *inputs = CALLS[name]
    narrow = [x.astype(np.float32) for x in inputs]
    tensors = [leaf(x, np.float32) for x in narrow]
    total = 0.0
    for ours, theirs in zip(pieces(call(*tensors)), pieces(call(*narrow)), strict=True):
        if isinstance(ours, tg.Tensor):
            # A number is weak here, also where NumPy makes an array of it first.
            assert ours.dtype == (np.float32 if name in ("dot numbers", "inner numbers") else theirs.dtype)
            total = total + ours.double().sum() if ours.requires_grad else total
    if isinstance(total, tg.Tensor):
        assert {g.dtype for g in tg.grad(total, tensors, allow_unused=True) if g is not None} == {np.dtype(np.float32)}
