"""Gradients of functions of one number: of a function, a function."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..node import make_tensor
from .run import Nested, Run, pull


def grad(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable[..., Any]:
    """A function that gives the gradient of `func`, which returns a tensor without axes, at its arguments.

    `argnums` says with respect to which positional arguments: the gradient is nested like that argument, or, for a
    tuple, a tuple of them. An argument may be a tensor, an array, or these in dicts, lists, tuples and named tuples,
    and all must be floats. The other arguments may be anything. What the output does not depend on has the gradient 0.
    With `has_aux`, `func` returns (output, aux), and the new function (gradient, aux).

    No `.grad` changes, nor what the arguments require. The gradient has a graph of its own only if calls are recorded
    where the new function is called, and only towards tensors that require a gradient there: arguments, or what `func`
    reaches in another way, such as the weights of a module. So `grad(grad(func))` is the second derivative. Inside a
    `no_grad` block it works as outside; a `no_grad` block inside `func` holds.

    There is no vmap: gradients of each sample of a batch are a loop over the samples.
    """

    @functools.wraps(func)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        run, found = _differentiated("grad", func, argnums, has_aux, args, kwargs)
        return run.with_aux(has_aux, found)

    return gradient


def grad_and_value(
    func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """A function that gives (gradient, value) of `func`, or (gradient, (value, aux)) with `has_aux`; see `grad`."""

    @functools.wraps(func)
    def gradient_and_value(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        run, found = _differentiated("grad_and_value", func, argnums, has_aux, args, kwargs)
        return found, run.with_aux(has_aux, run.result())

    return gradient_and_value


def value_and_grad(
    func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """A function that gives (value, gradient) of `func`, or ((value, aux), gradient) with `has_aux`; see `grad`.

    PyTorch has `grad_and_value`, in its order; this is the order of JAX.
    """

    @functools.wraps(func)
    def value_and_gradient(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        run, found = _differentiated("value_and_grad", func, argnums, has_aux, args, kwargs)
        return run.with_aux(has_aux, run.result()), found

    return value_and_gradient


def _differentiated(
    name: str, func: Callable[..., Any], argnums: Any, has_aux: bool, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Run, Nested]:
    """A run of the function, and the gradient of its output."""
    run = Run(name, func, args, kwargs, argnums, has_aux)
    output = run.scalar()
    one = make_tensor(np.ones_like(output._array))
    found = pull([output], [one], run.variables, create_graph=run.leads_out, retain_graph=run.leads_out)
    return run, run.arguments.build(run.gradients(found))
