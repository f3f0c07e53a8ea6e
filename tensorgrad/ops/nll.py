"""Negative log-likelihoods of real targets: of a normal and of a Poisson distribution."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ShapeError
from ..node import Array
from ..primitive import elementwise
from .check import are_tensors, floats_that_broadcast, number
from .elementwise import exp, gt, log, where
from .half import in_float32
from .loss import checked_reduction, reduced
from .shape import unsqueeze

if TYPE_CHECKING:
    from ..tensor import Tensor


def gaussian_nll_loss(
    input: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Tensor:
    """(log(var) + (input - target)^2 / var) / 2: how unlikely `target` is if normal with mean `input`, variance `var`.

    `var` is a number, or a tensor of the input's shape, of that with a last axis of 1, or without the last axis. A
    variance below `eps` counts as `eps`; its gradient is the one at `eps`, as in PyTorch. `full` adds the constant
    log(2 pi) / 2. Raises ShapeError for a negative variance.
    """
    name = "gaussian_nll_loss"
    floats_that_broadcast(name, input=input, target=target)
    shape, eps = tuple(input.shape), number(name, "eps", eps)
    if isinstance(var, (int, float)):
        var = np.full(shape, number(name, "var", var), input.dtype if input.dtype.kind == "f" else target.dtype)
    are_tensors(name, var=var)
    values = np.asarray(getattr(var, "_array", var))
    if (values < 0).any():
        raise ShapeError(f"{name}: var holds {values[values < 0][0]}, a variance is not negative")
    given = tuple(var.shape)
    if given != shape:
        if shape and given == shape[:-1]:
            var = unsqueeze(var, -1)
        elif len(given) != len(shape) or [n for n, m in zip(given, shape, strict=True) if n != m] != [1]:
            raise ShapeError(
                f"{name}: var has shape {given}, input {shape} takes the same, {(*shape[:-1], 1)} or {shape[:-1]}"
            )
    reduction = checked_reduction(name, reduction)
    return in_float32(_gaussian, input, target, var, full=full, eps=eps, reduction=reduction)


def _gaussian(input: Any, target: Any, var: Any, full: bool, eps: float, reduction: str) -> Any:
    error, var = input - target, _at_least(var, least=eps)
    loss = (log(var) + error * error / var) * 0.5
    return reduced(loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)


@elementwise
def _at_least(input: Array, *, least: float = 1e-6) -> Array:
    """input, but not below `least`; its gradient is passed on everywhere."""
    return np.maximum(input, least)


_at_least.defvjps(lambda g: g)


def poisson_nll_loss(
    input: Any,
    target: Any,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """exp(input) - target * input: how unlikely the count `target` is, where exp(input) is expected.

    Without `log_input`, input - target * log(input + eps): the expected count itself. `full` adds Stirling's formula
    for log(target!), target * log(target) - target + log(2 pi target) / 2, for targets above 1.
    """
    name = "poisson_nll_loss"
    reduction = checked_reduction(name, reduction, size_average, reduce)
    floats_that_broadcast(name, input=input, target=target)
    eps = number(name, "eps", eps)
    return in_float32(_poisson, input, target, log_input=log_input, full=full, eps=eps, reduction=reduction)


def _poisson(input: Any, target: Any, log_input: bool, full: bool, eps: float, reduction: str) -> Any:
    loss = exp(input) - target * input if log_input else input - target * log(input + eps)
    if full:
        large = gt(target, 1)
        count = where(large, target, 1.0)
        stirling = count * log(count) - count + log(count * (2 * math.pi)) * 0.5
        loss = loss + where(large, stirling, 0.0)
    return reduced(loss, reduction)
