"""Products of vectors and matrices beside `matmul`: each a composition that ends in a matrix product or in `mul`."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import DTypeError, ShapeError
from .check import are_tensors, normalize_dim
from .contract import Factor, contract
from .elementwise import mul
from .linalg import _matmul, matmul
from .reduce import sum
from .shape import reshape
from .triangle import _diagonal
from .vector_products import one_dtype, vector_product

if TYPE_CHECKING:
    from ..tensor import Tensor


def mm(input: Any, mat2: Any) -> Tensor:
    """The product of two matrices, (n, k) and (k, m). Leading axes are for `matmul`."""
    check_product("mm", input, "mat2", mat2, 2, 2)
    return _matmul(input, mat2)


def bmm(input: Any, mat2: Any) -> Tensor:
    """The products of two stacks of as many matrices, (b, n, k) and (b, k, m). Broadcasting is for `matmul`."""
    check_product("bmm", input, "mat2", mat2, 3, 3)
    if input.shape[0] != mat2.shape[0]:
        raise ShapeError(f"bmm: input {tuple(input.shape)} and mat2 {tuple(mat2.shape)} are stacks of different sizes")
    return _matmul(input, mat2)


def mv(input: Any, vec: Any) -> Tensor:
    """The product of a matrix (n, k) and a vector (k)."""
    check_product("mv", input, "vec", vec, 2, 1)
    return matmul(input, vec)


def dot(input: Any, tensor: Any) -> Tensor:
    """The sum of the products of two vectors of one size."""
    check_product("dot", input, "tensor", tensor, 1, 1)
    return matmul(input, tensor)


def vdot(input: Any, other: Any) -> Tensor:
    """The sum of the products of two vectors of one size: of real numbers, the same as `dot`."""
    check_product("vdot", input, "other", other, 1, 1)
    return matmul(input, other)


def inner(input: Any, other: Any) -> Tensor:
    """The sums of products over the last axes: axes (..., k) and (***, k) give (..., ***). A number multiplies all."""
    are_tensors("inner", input=input, other=other)
    if not input.shape or not other.shape:
        return mul(input, other)
    if input.shape[-1] != other.shape[-1]:
        raise ShapeError(f"inner: the last sizes of {tuple(input.shape)} and {tuple(other.shape)} differ")
    one_dtype("inner", input=input, other=other)
    return _over(input, other, (input.ndim - 1,), (other.ndim - 1,))


def outer(input: Any, vec2: Any) -> Tensor:
    """The product of each element of one vector (n) with each of another (m): (n, m)."""
    are_tensors("outer", input=input, vec2=vec2)
    for key, vector in (("input", input), ("vec2", vec2)):
        _check_axes("outer", key, vector, 1)
    return mul(reshape(input, (*input.shape, 1)), vec2)


def kron(input: Any, other: Any) -> Tensor:
    """The Kronecker product: each element of `input` times all of `other`, in its place.

    Axis i has the size of both axes i together; the tensor of fewer axes gets axes of size 1 in front.
    """
    are_tensors("kron", input=input, other=other)
    rank = max(input.ndim, other.ndim)
    a, b = ((1,) * (rank - x.ndim) + tuple(x.shape) for x in (input, other))
    left = reshape(input, tuple(itertools.chain(*((n, 1) for n in a))))
    right = reshape(other, tuple(itertools.chain(*((1, n) for n in b))))
    return reshape(mul(left, right), tuple(n * m for n, m in zip(a, b, strict=True)))


def trace(input: Any) -> Tensor:
    """The sum of the diagonal of a matrix, which need not be square. Integers give int64."""
    are_tensors("trace", input=input)
    _check_axes("trace", "input", input, 2)
    return sum(_diagonal(input, offset=0, dim1=0, dim2=1))


def tensordot(a: Any, b: Any, dims: Any = 2) -> Tensor:
    """The sum of products over pairs of axes; the other axes of `a` come first, then those of `b`.

    `dims` is how many axes, the last of `a` with the first of `b` in the same order; or a pair of lists of axes, as
    `([1, 0], [0, 1])`. An axis of size 1 broadcasts.
    """
    are_tensors("tensordot", a=a, b=b)
    ours, theirs = _paired(dims, a.ndim, b.ndim)
    for i, j in zip(ours, theirs, strict=True):
        if a.shape[i] != b.shape[j] and 1 not in (a.shape[i], b.shape[j]):
            raise ShapeError(
                f"tensordot: dim {i} of a {tuple(a.shape)} has size {a.shape[i]}, "
                f"dim {j} of b {tuple(b.shape)} has size {b.shape[j]}"
            )
    one_dtype("tensordot", a=a, b=b)
    return _over(a, b, ours, theirs)


def _paired(dims: Any, rank: int, other_rank: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The axes of `a` and those of `b` that they are summed with."""
    if hasattr(dims, "tolist"):
        dims = dims.tolist()  # of a tensor or an array
    if isinstance(dims, int) and not isinstance(dims, bool):
        if not 0 <= dims <= min(rank, other_rank):
            raise ShapeError(f"tensordot: dims={dims}, but a has {rank} axes and b has {other_rank}")
        return tuple(range(rank - dims, rank)), tuple(range(dims))
    if not isinstance(dims, (tuple, list)) or len(dims) != 2 or not all(isinstance(d, (tuple, list)) for d in dims):
        raise DTypeError(f"tensordot: dims must be an int or two lists of ints, got {dims!r}")
    pairs = []
    for given, ndim in zip(dims, (rank, other_rank), strict=True):
        axes = tuple(normalize_dim("tensordot", dim, ndim) for dim in given)
        if len(set(axes)) < len(axes):
            raise ShapeError(f"tensordot: an axis appears twice in dims={given!r}")
        pairs.append(axes)
    if len(pairs[0]) != len(pairs[1]):
        raise ShapeError(f"tensordot: dims has {len(pairs[0])} axes of a and {len(pairs[1])} of b: {dims!r}")
    return pairs[0], pairs[1]


def _over(a: Any, b: Any, ours: tuple[int, ...], theirs: tuple[int, ...]) -> Any:
    """The sum of products over axes `ours` of a and `theirs` of b."""
    left = [f"a{i}" for i in range(a.ndim)]
    right = [f"b{j}" for j in range(b.ndim)]
    for i, j in zip(ours, theirs, strict=True):
        right[j] = left[i]
    rest = [label for i, label in enumerate(left) if i not in ours]
    rest += [label for j, label in enumerate(right) if j not in theirs]
    return contract([Factor(a, tuple(left)), Factor(b, tuple(right))], tuple(rest))


def multi_dot(tensors: Sequence[Any]) -> Tensor:
    """The product of two or more matrices, in the order of products that takes fewest multiplications.

    The first may be a vector, which counts as a row, and the last, which counts as a column; their axis is dropped from
    the result. The order is found as in Cormen et al., "Introduction to Algorithms" (1990), section 16.1.
    """
    if not isinstance(tensors, (list, tuple)):
        raise DTypeError(f"linalg.multi_dot: tensors must be a list of tensors, got {tensors!r}")
    factors = list(tensors)
    are_tensors("linalg.multi_dot", **{f"tensor {number}": factor for number, factor in enumerate(factors)})
    if len(factors) < 2:
        raise ShapeError(f"linalg.multi_dot: there must be two tensors or more, got {len(factors)}")
    one_dtype("linalg.multi_dot", **{f"tensor {number}": factor for number, factor in enumerate(factors)})
    row, column = factors[0].ndim == 1, factors[-1].ndim == 1
    if row:
        factors[0] = reshape(factors[0], (1, *factors[0].shape))
    if column:
        factors[-1] = reshape(factors[-1], (*factors[-1].shape, 1))
    for number, factor in enumerate(factors):
        if factor.ndim != 2:
            raise ShapeError(
                f"linalg.multi_dot: tensor {number} of shape {tuple(tensors[number].shape)} is no matrix "
                "(the first and the last may be vectors)"
            )
        if number and factors[number - 1].shape[1] != factor.shape[0]:
            raise ShapeError(
                f"linalg.multi_dot: tensors {number - 1} and {number} of shapes {tuple(tensors[number - 1].shape)} "
                f"and {tuple(tensors[number].shape)} cannot be multiplied"
            )
    out = _in_best_order(factors)
    if not row and not column:
        return out
    return reshape(out, (() if row else tuple(out.shape[:1])) + (() if column else tuple(out.shape[1:])))


def _in_best_order(factors: list[Any]) -> Any:
    """The product of a chain of matrices; `cost[i, j]` is the least for the factors from i to j, both included."""
    sizes = [factors[0].shape[0], *(factor.shape[1] for factor in factors)]
    cost = {(i, i): 0 for i in range(len(factors))}
    cut: dict[tuple[int, int], int] = {}
    for length in range(1, len(factors)):
        for i in range(len(factors) - length):
            j = i + length
            ways = {k: cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1] for k in range(i, j)}
            cut[i, j] = min(ways, key=ways.__getitem__)
            cost[i, j] = ways[cut[i, j]]
    made = {(i, i): factor for i, factor in enumerate(factors)}
    todo = [(0, len(factors) - 1)]
    while todo:
        i, j = todo[-1]
        parts = [(i, cut[i, j]), (cut[i, j] + 1, j)]
        missing = [part for part in parts if part not in made]
        if missing:
            todo += missing
        else:
            made[todo.pop()] = _matmul(made[parts[0]], made[parts[1]])
    return made[0, len(factors) - 1]


def cross(input: Any, other: Any, dim: int | None = None) -> Tensor:
    """The vector product of the vectors of three elements along `dim`, by default the first axis of size 3.

    The other axes broadcast; both tensors have the same number of axes.
    """
    are_tensors("cross", input=input, other=other)
    if dim is None:
        if 3 not in input.shape:
            raise ShapeError(f"cross: input {tuple(input.shape)} has no axis of size 3")
        dim = tuple(input.shape).index(3)
    return vector_product("cross", input, other, dim)


# Checks


def check_product(name: str, a: Any, key: str, b: Any, rank: int, other_rank: int, first: str = "input") -> None:
    """Raise unless `a` and `b` have so many axes, one dtype, and sizes that a matrix product takes."""
    are_tensors(name, **{first: a, key: b})
    _check_axes(name, first, a, rank)
    _check_axes(name, key, b, other_rank)
    inner = b.shape[-2 if other_rank > 1 else 0]
    if a.shape[-1] != inner:
        raise ShapeError(
            f"{name}: {first} {tuple(a.shape)} and {key} {tuple(b.shape)} do not fit: {a.shape[-1]} is not {inner}"
        )
    one_dtype(name, **{first: a, key: b})


def _check_axes(name: str, key: str, tensor: Any, rank: int) -> None:
    if tensor.ndim != rank:
        kind = ("vector", "matrix", "stack of matrices")[rank - 1]
        raise ShapeError(f"{name}: {key} must be a {kind}, got shape {tuple(tensor.shape)}")
