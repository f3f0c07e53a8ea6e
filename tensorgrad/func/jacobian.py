"""Jacobians and Hessians, row by row or column by column."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from ..errors import DTypeError
from ..node import make_tensor
from ..ops.shape import reshape, stack
from .run import Nested, Run, as_tensor, pull


def jacrev(
    func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, *, has_aux: bool = False
) -> Callable[..., Any]:
    """A function that gives the Jacobian of `func`: one walk back for each number in the output.

    For an output of shape S and an argument of shape T it has shape S + T. It is nested like the output, and below that
    like the arguments that `argnums` names. Arguments, `has_aux` and graphs are as in `grad`. There is no vmap, and so
    no `chunk_size`. For fewer inputs than outputs, `jacfwd` is quicker.
    """

    @functools.wraps(func)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        run = Run("jacrev", func, args, kwargs, argnums, has_aux)
        return run.with_aux(has_aux, _by_rows(run))

    return jacobian


def jacfwd(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable[..., Any]:
    """The same as `jacrev`, computed column by column, one for each number in the arguments: for few inputs.

    A column is a product with the Jacobian, computed as in `jvp`: the gradient as a function of the output's cotangent
    is recorded once, and one walk back through that gives a column. Arguments may be counted from the end, for which
    PyTorch 2.13 gives zeros.
    """

    @functools.wraps(func)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        run = Run("jacfwd", func, args, kwargs, argnums, has_aux)
        return run.with_aux(has_aux, _by_columns(run))

    return jacobian


def hessian(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """A function that gives the second derivatives of `func`: the Jacobian of its Jacobian, both by `jacrev`.

    For an output of shape S and arguments of shapes T and U it has shape S + T + U; it is nested like the output, below
    that like the arguments, and below that like the arguments again. One walk for each number in the output and, for
    each of these, one for each number in the arguments.
    """
    return jacrev(jacrev(func, argnums), argnums)


def _by_rows(run: Run) -> Nested:
    _are_floats(run)
    blocks = []
    for output in run.outputs:
        rows = [pull([output], [unit], run.variables, run.leads_out) for unit in _units(output)]
        blocks.append(run.arguments.build(_blocks(run, rows, output, run.variables, dim=0)))
    return run.tree.build(blocks)


def _by_columns(run: Run) -> Nested:
    _are_floats(run)
    starts, gradients = run.transposed()
    by_variable = []  # for each variable the blocks of all outputs
    for variable, gradient in zip(run.variables, gradients, strict=True):
        units: Iterable[Any] = () if gradient is None else _units(variable)
        columns = [pull([gradient], [unit], starts, run.leads_out) for unit in units]
        by_variable.append(_blocks(run, columns, variable, starts, dim=-1))
    by_output = zip(*by_variable, strict=True) if by_variable else iter([])
    return run.tree.build([run.arguments.build(blocks) for blocks in by_output])


def _blocks(run: Run, found: Sequence[Sequence[Any]], one: Any, others: Sequence[Any], dim: int) -> list[Any]:
    """Rows (dim=0) or columns (dim=-1), one for each number of `one`, put together for each of `others`."""
    blocks = []
    for number, other in enumerate(others):
        outer, inner = (one, other) if dim == 0 else (other, one)
        shape, dtype = outer._array.shape + inner._array.shape, other._array.dtype
        parts = [parts[number] for parts in found]
        if all(part is None for part in parts):
            blocks.append(make_tensor(np.zeros(shape, dtype)))
            continue
        filled = [np.zeros(other._array.shape, dtype) if part is None else part for part in parts]
        if run.leads_out:
            blocks.append(run.released(reshape(stack([as_tensor(part) for part in filled], dim), shape)))
        else:
            blocks.append(make_tensor(np.stack(filled, dim).reshape(shape)))
    return blocks


def _units(tensor: Any) -> Iterator[Any]:
    """For each number of a tensor, a tensor of its shape with a 1 there and 0 elsewhere."""
    for number in range(tensor._array.size):
        unit = np.zeros(tensor._array.shape, tensor._array.dtype)
        unit.reshape(-1)[number] = 1
        yield make_tensor(unit)


def _are_floats(run: Run) -> None:
    for output in run.outputs:
        if output._array.dtype.kind != "f":
            raise DTypeError(
                f"{run.name}: the function's output has dtype {output._array.dtype}, and only floats have derivatives"
            )
