"""Sums of products over labelled axes: what `einsum` and `tensordot` are made of.

Everything is brought to diagonals, sums and matrix products, each of which has derivatives of every order, so there is
no rule here. Axes carry labels; a label means the same axis wherever it stands, and those that are not in the output
are summed over. An axis of size 1 broadcasts: it is dropped at the start, and put back at the end if the output has
it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ..primitive import astype
from .elementwise import mul
from .linalg import _matmul
from .reduce import sum
from .shape import permute, reshape
from .triangle import _diagonal

if TYPE_CHECKING:
    from ..tensor import Tensor

Labels = tuple[str, ...]


class Factor(NamedTuple):
    """A tensor, and a label for each of its axes."""

    tensor: Any
    labels: Labels


def contract(factors: Sequence[Factor], output: Labels) -> Tensor:
    """The sum, over all labels that are not in `output`, of the products of the factors; the axes as in `output`.

    A label may come more than once in one factor, which takes its diagonal. All axes of one label must have one size or
    1; the caller has checked that, and that the dtypes agree. Two factors at a time are multiplied: of several, first
    those that take fewest multiplications.
    """
    sizes: dict[str, int] = {}
    for factor in factors:
        for label, size in zip(factor.labels, factor.tensor.shape, strict=True):
            sizes[label] = size if sizes.get(label, 1) == 1 else sizes[label]
    keep_dtype = len(factors) > 1
    rest = [_without_ones(_diagonals(factor)) for factor in factors]
    rest = [_summed(rest[i], _labels(rest[:i] + rest[i + 1 :]) | {*output}, keep_dtype) for i in range(len(rest))]
    while len(rest) > 1:
        i, j = _next_pair(rest, output, sizes)
        second, first = rest.pop(j), rest.pop(i)
        rest.insert(i, _product(first, second, _labels(rest) | {*output}))
    result = _ordered(rest[0], [label for label in output if sizes[label] != 1])
    shape = tuple(sizes[label] for label in output)
    if tuple(result.shape) != shape:
        result = reshape(result, shape)
    return permute(result, *range(len(shape))) if result is factors[0].tensor else result


def _labels(factors: Iterable[Factor]) -> set[str]:
    return set(itertools.chain.from_iterable(factor.labels for factor in factors))


def _diagonals(factor: Factor) -> Factor:
    """With each label once, of which the axis is the diagonal of all axes that have it."""
    tensor, labels = factor
    for label in dict.fromkeys(labels):
        while labels.count(label) > 1:
            first = labels.index(label)
            second = labels.index(label, first + 1)
            tensor = _diagonal(tensor, offset=0, dim1=first, dim2=second)
            labels = (*(other for i, other in enumerate(labels) if i not in (first, second)), label)
    return Factor(tensor, labels)


def _without_ones(factor: Factor) -> Factor:
    shape = tuple(factor.tensor.shape)
    if 1 not in shape:
        return factor
    labels = tuple(label for label, size in zip(factor.labels, shape, strict=True) if size != 1)
    return Factor(reshape(factor.tensor, tuple(size for size in shape if size != 1)), labels)


def _summed(factor: Factor, needed: set[str], keep_dtype: bool) -> Factor:
    """Without the labels that nothing else has. A sum of integers is int64, unless it is to be multiplied further."""
    dims = tuple(i for i, label in enumerate(factor.labels) if label not in needed)
    if not dims:
        return factor
    dtype = factor.tensor.dtype
    tensor = sum(factor.tensor, dims)
    if keep_dtype and tensor.dtype != dtype:
        tensor = astype(tensor, dtype=dtype)
    return Factor(tensor, tuple(label for label in factor.labels if label in needed))


def _next_pair(factors: Sequence[Factor], output: Labels, sizes: dict[str, int]) -> tuple[int, int]:
    """Which two to multiply next: those that take fewest multiplications, then those that leave least behind."""
    if len(factors) == 2:
        return 0, 1

    def cost(pair: tuple[int, int]) -> tuple[int, int]:
        i, j = pair
        others = _labels(factor for k, factor in enumerate(factors) if k not in pair) | {*output}
        union = {*factors[i].labels, *factors[j].labels}
        made = math.prod(sizes[label] for label in union & others)
        taken = math.prod(factors[i].tensor.shape) + math.prod(factors[j].tensor.shape)
        return math.prod(sizes[label] for label in union), made - taken

    return min(itertools.combinations(range(len(factors)), 2), key=cost)


def _product(x: Factor, y: Factor, needed: set[str]) -> Factor:
    """The product of two factors, summed over the labels that both have and nothing else needs."""
    both = [label for label in x.labels if label in y.labels]
    batch, inner = [n for n in both if n in needed], [n for n in both if n not in needed]
    rows, columns = [n for n in x.labels if n not in both], [n for n in y.labels if n not in both]
    labels = (*batch, *rows, *columns)
    if not inner:
        x_order, y_order = _ordered(x, [*batch, *rows]), _ordered(y, [*batch, *columns])
        wide = tuple(x_order.shape) + (1,) * len(columns)
        tall = tuple(y_order.shape[: len(batch)]) + (1,) * len(rows) + tuple(y_order.shape[len(batch) :])
        return Factor(mul(reshape(x_order, wide), reshape(y_order, tall)), labels)
    if math.prod(y.tensor.shape) > math.prod(x.tensor.shape):
        inner = [label for label in y.labels if label in inner]  # the larger one is not to be copied
    left = _matrices(x, batch, rows, inner)
    right = _matrices(y, batch, inner, columns)
    size = dict(zip((*x.labels, *y.labels), (*x.tensor.shape, *y.tensor.shape), strict=True))
    return Factor(reshape(_matmul(left, right), tuple(size[label] for label in labels)), labels)


def _matrices(factor: Factor, batch: list[str], rows: list[str], columns: list[str]) -> Any:
    """A factor as a stack of matrices, whose axes are each some of its axes joined."""
    tensor = _ordered(factor, [*batch, *rows, *columns])
    if len(rows) == len(columns) == 1:
        return tensor
    lead, middle = len(batch), len(batch) + len(rows)
    shape = tuple(tensor.shape)
    return reshape(tensor, (*shape[:lead], math.prod(shape[lead:middle]), math.prod(shape[middle:])))


def _ordered(factor: Factor, labels: Sequence[str]) -> Any:
    """A factor's tensor with its axes in the order of `labels`."""
    if list(factor.labels) == list(labels):
        return factor.tensor
    return permute(factor.tensor, *[factor.labels.index(label) for label in labels])
