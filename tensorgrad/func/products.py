"""Products with a function's Jacobian and Hessian, of which neither is ever formed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import DTypeError
from ..modes import STATE
from ..node import make_tensor
from .run import Nested, Run, as_tensor, pull, zeros_like


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """(output, vjp_fn): the output of `func(*primals)`, and a function from cotangents of the output to J^T of them.

    `vjp_fn(cotangents)` takes tensors that are nested, and of the shapes and dtypes, as in the output, and returns a
    tuple with a gradient for each primal. It may be called any number of times. With `has_aux`, `func` returns
    (output, aux), and `vjp` (output, vjp_fn, aux). What arguments may be, and when results have a graph, says `grad`.
    """
    run = Run("vjp", func, primals, {}, tuple(range(len(primals))), has_aux)

    def vjp_fn(cotangents: Nested) -> tuple[Any, ...]:
        given = run.matching("cotangents", cotangents, run.tree, run.outputs)
        create_graph = STATE.get().recording and (run.leads_out or any(g._requires_grad for g in given))
        found = pull(run.outputs, given, run.variables, create_graph)
        result: tuple[Any, ...] = run.arguments.build(run.gradients(found))
        return result

    result: tuple[Any, ...] = run.with_aux(has_aux, run.result(), vjp_fn)
    return result


def jvp(
    func: Callable[..., Any], primals: tuple[Any, ...], tangents: tuple[Any, ...], *, has_aux: bool = False
) -> tuple[Any, ...]:
    """(output, jvp): the output of `func(*primals)`, and its derivative in the direction `tangents`, the product J t.

    Both arguments are tuples, and `tangents` is nested, and of the shapes and dtypes, as `primals`. With `has_aux`,
    `func` returns (output, aux), and `jvp` (output, jvp, aux). What arguments may be, and when results have a graph,
    says `grad`.

    There is no forward mode here. J t is the derivative, in the direction t, of the gradient J^T u with respect to u:
    two walks back instead of one forward, through every operation there is, because the rules of all can be
    differentiated. After Jamie Townsend, "A new trick for calculating Jacobian vector products" (2017),
    https://j-towns.github.io/2017/06/12/A-new-trick.html.
    """
    _are_tuples("jvp", primals=primals, tangents=tangents)
    run = Run("jvp", func, primals, {}, tuple(range(len(primals))), has_aux)
    given = run.matching("tangents", tangents, run.arguments, run.variables)
    create_graph = run.recording and (run.leads_out or any(t._requires_grad for t in given))
    starts, gradients = run.transposed()
    found = _weighted(gradients, given, starts, create_graph)
    directions = [
        zeros_like(u) if g is None else run.released(as_tensor(g)) for u, g in zip(starts, found, strict=True)
    ]
    result: tuple[Any, ...] = run.with_aux(has_aux, run.result(), run.tree.build(directions))
    return result


def hvp(func: Callable[..., Any], primals: Any, tangents: Any) -> tuple[Any, Any]:
    """(output, hvp): the output of `func`, a tensor without axes, and the product of its Hessian with `tangents`.

    For several arguments both are tuples, `func(*primals)`; anything else is the one argument. The product is nested
    like `primals`. The order of the results is that of `torch.autograd.functional.hvp`. What arguments may be, and when
    results have a graph, says `grad`.
    """
    several = type(primals) is tuple
    if several:
        _are_tuples("hvp", primals=primals, tangents=tangents)
    numbers = tuple(range(len(primals))) if several else 0
    run = Run("hvp", func, primals if several else (primals,), {}, numbers, False)
    given = run.matching("tangents", tangents, run.arguments, run.variables)
    output = run.scalar()
    one = make_tensor(np.ones_like(output._array))
    create_graph = run.recording and (run.leads_out or any(t._requires_grad for t in given))
    gradients = pull([output], [one], run.variables, create_graph=True)
    found = _weighted(gradients, given, run.variables, create_graph)
    return run.result(), run.arguments.build(run.gradients(found))


def _weighted(
    gradients: Sequence[Any], tangents: Sequence[Any], targets: Sequence[Any], create_graph: bool
) -> list[Any]:
    """The derivative of recorded gradients, weighted by tangents, with respect to the targets."""
    pairs = [(g, t) for g, t in zip(gradients, tangents, strict=True) if g is not None]
    return pull([g for g, _ in pairs], [t for _, t in pairs], targets, create_graph)


def _are_tuples(name: str, **given: Any) -> None:
    for what, value in given.items():
        if not isinstance(value, tuple):
            raise DTypeError(
                f"{name}: {what} must be a tuple, with one entry for each argument, got type {type(value).__name__}"
            )
