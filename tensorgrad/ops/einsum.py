"""Einstein's summation: an equation of labels is read and checked here, and computed by `contract`."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DTypeError, ShapeError
from ..node import TensorBase
from .check import are_tensors
from .contract import Factor, Labels, contract

if TYPE_CHECKING:
    from ..tensor import Tensor

ELLIPSIS = "..."
NUMBERED = string.ascii_uppercase + string.ascii_lowercase  # in the order of an implicit output


def einsum(equation: Any, *operands: Any) -> Tensor:
    """Products of tensors, summed over the labels that the output lacks: `einsum("ij,jk->ik", a, b)` is `a @ b`.

    The equation names each axis of each operand by a letter, in the order of the axes. A letter that comes twice in one
    operand stands for its diagonal: "ii" is the trace, "ii->i" the diagonal. Without "->", the output has the letters
    that come once, A to Z and then a to z, after the axes of the ellipsis. An ellipsis stands for any axes that have no
    letter, matched from the last one on; if the output lacks it, they are summed over. Axes of size 1 broadcast, with
    or without a letter, but not against another axis of their own operand. Spaces mean nothing.

    The operands may also come as one list, or each before the list of its labels, which are numbers from 0 to 51 or
    `...`: `einsum(a, [0, 1], b, [1, 2], [0, 2])`. They must have one dtype. Of more than two, those are multiplied
    first that take fewest multiplications; the products are matrix products wherever something is summed.
    """
    if not isinstance(equation, str):
        equation, operands = _written_out((equation, *operands))
    elif len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    are_tensors("einsum", **{f"operand {number}": operand for number, operand in enumerate(operands)})
    inputs, arrow, output = equation.replace(" ", "").partition("->")
    terms = [_letters(equation, term) for term in inputs.split(",")]
    if len(terms) != len(operands):
        given = "1 operand is" if len(operands) == 1 else f"{len(operands)} operands are"
        raise ShapeError(f"einsum: {equation!r} is for {len(terms)} operands, {given} given")
    factors = _factors(equation, terms, operands)
    _check_dtypes(operands)
    wanted = _output(equation, _letters(equation, output) if arrow else None, factors)
    _check_sizes(equation, factors)
    return contract(factors, wanted)


def _written_out(args: Sequence[Any]) -> tuple[str, tuple[Any, ...]]:
    """The equation and the operands of a call that has a list of labels after each operand."""
    if not isinstance(args[0], (TensorBase, np.ndarray)):
        raise DTypeError(f"einsum: equation is a {type(args[0]).__name__}, not a str such as 'ij,jk->ik'")
    if len(args) == 1:
        raise ShapeError("einsum: an operand without an equation is followed by the list of its labels")
    pairs, output = len(args) // 2, args[-1] if len(args) % 2 else None
    equation = ",".join(_as_letters(labels) for labels in args[1 : 2 * pairs : 2])
    return (equation if output is None else f"{equation}->{_as_letters(output)}"), tuple(args[: 2 * pairs : 2])


def _as_letters(labels: Any) -> str:
    if not isinstance(labels, (list, tuple)):
        raise DTypeError(f"einsum: the labels of an operand must be a list of numbers, got a {type(labels).__name__}")
    written = ""
    for label in labels:
        if label is not Ellipsis and not (isinstance(label, (int, np.integer)) and 0 <= label < 52):
            raise ShapeError(f"einsum: {label!r} is no label: they are numbers from 0 to 51 and ...")
        written += ELLIPSIS if label is Ellipsis else NUMBERED[int(label)]
    return written


def _letters(equation: str, term: str) -> list[str]:
    """The labels of one operand or of the output, with the ellipsis as one of them."""
    before, dots, after = term.partition(ELLIPSIS)
    for letter in before + after:
        if letter not in string.ascii_letters:
            told = "an ellipsis is three dots, once in each operand" if letter == "." else "labels are a-z and A-Z"
            raise ShapeError(f"einsum: {letter!r} in {equation!r} is no label: {told}")
    return [*before, *([ELLIPSIS] if dots else []), *after]


def _factors(equation: str, terms: Sequence[list[str]], operands: Sequence[Any]) -> list[Factor]:
    """The operands with a label for each axis; the axes of the ellipsis are "...1", "...2" from the last one on."""
    factors = []
    for number, (term, operand) in enumerate(zip(terms, operands, strict=True)):
        shape, dots = tuple(operand.shape), ELLIPSIS in term
        hidden = len(shape) - len(term) + dots
        if hidden < 0 or (hidden and not dots):
            told = "".join(term)
            raise ShapeError(
                f"einsum: operand {number} of shape {shape} has {len(shape)} axes, {told!r} in {equation!r} is for "
                f"{len(term) - dots}{' or more' if dots else ''}"
            )
        labels: list[str] = []
        for label in term:
            labels += _ellipsis(hidden) if label == ELLIPSIS else [label]
        factors.append(Factor(operand, tuple(labels)))
    return factors


def _ellipsis(count: int) -> list[str]:
    return [f"{ELLIPSIS}{number}" for number in range(count, 0, -1)]


def _output(equation: str, given: list[str] | None, factors: Sequence[Factor]) -> Labels:
    """The labels of the output's axes."""
    everywhere = [label for factor in factors for label in factor.labels]
    hidden = _ellipsis(len({label for label in everywhere if label.startswith(ELLIPSIS)}))
    if given is None:
        once = {label for label in everywhere if everywhere.count(label) == 1 and not label.startswith(ELLIPSIS)}
        return (*hidden, *sorted(once))
    for label in given:
        if given.count(label) > 1:
            raise ShapeError(f"einsum: the output of {equation!r} has the label {label!r} more than once")
        if label != ELLIPSIS and label not in everywhere:
            raise ShapeError(f"einsum: the output of {equation!r} has the label {label!r}, which no operand has")
    labels: list[str] = []
    for label in given:
        labels += hidden if label == ELLIPSIS else [label]
    return tuple(labels)


def _check_sizes(equation: str, factors: Sequence[Factor]) -> None:
    """All axes of one label have one size, or 1; within one operand they have one size."""
    seen: dict[str, tuple[int, int]] = {}  # label: its size, and the operand that this is from
    for number, factor in enumerate(factors):
        within: dict[str, int] = {}
        for label, size in zip(factor.labels, factor.tensor.shape, strict=True):
            told = f"axis -{label[3:]} of the ellipsis" if label.startswith(ELLIPSIS) else f"the label {label!r}"
            if within.setdefault(label, size) != size:
                raise ShapeError(
                    f"einsum: {told} has the sizes {within[label]} and {size} in operand {number} of {equation!r}, "
                    f"of shape {tuple(factor.tensor.shape)}"
                )
            before, where = seen.get(label, (1, number))
            if size != 1 and before not in (1, size):
                raise ShapeError(
                    f"einsum: {told} has size {before} in operand {where} and {size} in operand {number} "
                    f"of {equation!r}"
                )
            if before == 1:
                seen[label] = size, number


def _check_dtypes(operands: Sequence[Any]) -> None:
    dtypes = {f"operand {number}": operand.dtype for number, operand in enumerate(operands)}
    if len(set(dtypes.values())) > 1:
        listed = ", ".join(f"{key} {dtype}" for key, dtype in dtypes.items())
        raise DTypeError(f"einsum: the dtypes differ: {listed}; cast one of them, for example with .to(dtype)")
    if len(operands) > 1 and operands[0].dtype.kind == "b":
        raise DTypeError("einsum: booleans cannot be multiplied and summed: cast them, for example with .long()")
