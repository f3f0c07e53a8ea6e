"""Losses of regression, and what all losses share: how the losses of single values are put together.

`reduction` is "none" (each value's loss), "sum", or "mean"; the mean of no values is nan. The older `size_average` and
`reduce` are taken as PyTorch takes them, with a warning.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DTypeError, ShapeError
from ..kernels import elementwise as large
from ..node import Array
from ..primitive import elementwise
from ..rules import in_parts
from .check import are_tensors, number
from .elementwise import abs, lt, sign, where
from .reduce import mean, sum

if TYPE_CHECKING:
    from ..tensor import Tensor


def mse_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Any = None,
) -> Tensor:
    """(input - target)^2, by default its mean. With `weight`, the mean divides by the sum of the weights."""
    reduction = _prepared("mse_loss", input, target, weight, reduction, size_average, reduce)
    return _weighted(_squared_error(input, target), weight, reduction)


@elementwise
def _squared_error(input: Array, target: Array) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):
        return large.apply(_squared_difference, input, target)


@large.into
def _squared_difference(out: Array, input: Array, target: Array) -> None:
    np.square(np.subtract(input, target, out=out), out=out)


@elementwise
def _error_times(gy: Array, input: Array, target: Array) -> Array:
    """gy * 2 * (input - target): the gradient of the squared error."""
    with np.errstate(over="ignore", invalid="ignore"):
        return large.apply(_double_difference_times, gy, input, target)


@large.into
def _double_difference_times(out: Array, factor: Array, input: Array, target: Array) -> None:
    np.subtract(input, target, out=out)
    np.multiply(out, 2, out=out)
    np.multiply(out, factor, out=out)


_squared_error.defvjps(
    lambda g, input, target: _error_times(g, input, target),
    lambda g, input, target: _error_times(g, target, input),
)
_error_times.defvjps(
    lambda g, input, target: _error_times(g, input, target),
    in_parts(lambda g, gy: g * gy * 2.0),
    in_parts(lambda g, gy: g * gy * -2.0),
)


def l1_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Any = None,
) -> Tensor:
    """|input - target|, by default its mean; its slope at 0 is 0. With `weight`, the mean divides by their sum."""
    reduction = _prepared("l1_loss", input, target, weight, reduction, size_average, reduce)
    return _weighted(abs(input - target), weight, reduction)


def smooth_l1_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """With d = |input - target|: d^2 / (2 beta) below `beta`, d - beta/2 from there on; by default its mean.

    `beta` 0 is l1_loss. The second derivative at d = beta is 0. After Girshick, "Fast R-CNN" (2015), eq. 3,
    https://arxiv.org/abs/1504.08083.
    """
    reduction = _prepared("smooth_l1_loss", input, target, None, reduction, size_average, reduce)
    beta = number("smooth_l1_loss", "beta", beta)
    if beta < 0:
        raise ShapeError(f"smooth_l1_loss: beta must not be negative, got {beta}")
    loss = abs(input - target) if beta == 0 else _huber(input, target, delta=beta, slope=1 / beta)
    return reduced(loss, reduction)


def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0, weight: Any = None) -> Tensor:
    """With d = |input - target|: d^2 / 2 below `delta`, delta * (d - delta/2) from there on; by default its mean.

    The second derivative at d = delta is 0. `weight` multiplies each value's loss; the mean still divides by their
    count. After Huber, "Robust Estimation of a Location Parameter" (1964).
    """
    reduction = _prepared("huber_loss", input, target, weight, reduction)
    delta = number("huber_loss", "delta", delta)
    if delta <= 0:
        raise ShapeError(f"huber_loss: delta must be positive, got {delta}")
    loss = _huber(input, target, delta=delta, slope=1.0)
    return reduced(loss if weight is None else loss * weight, reduction)


@elementwise
def _huber(input: Array, target: Array, *, delta: float = 1.0, slope: float = 1.0) -> Array:
    """slope * d^2 / 2 for d = |input - target| below delta, and its tangent from there on."""
    with np.errstate(over="ignore", invalid="ignore"):
        return large.apply(_huber_losses, input, target, delta, slope)


def _huber_losses(input: Array, target: Array, delta: float, slope: float) -> Array:
    distance = np.absolute(np.subtract(input, target))
    near = np.minimum(distance, delta)  # its square does not overflow
    return near * near * (0.5 * slope) + (distance - near) * (delta * slope)


def _huber_slope(error: Any, delta: float, slope: float) -> Any:
    return where(lt(abs(error), delta), error * slope, sign(error) * (delta * slope))


_huber.defvjps(
    in_parts(lambda g, input, target, delta, slope: g * _huber_slope(input - target, delta, slope)),
    in_parts(lambda g, input, target, delta, slope: g * _huber_slope(target - input, delta, slope)),
)


# Shared by all losses


def reduced(loss: Any, reduction: str) -> Any:
    """The losses of single values put together."""
    return loss if reduction == "none" else sum(loss) if reduction == "sum" else mean(loss)


def checked_reduction(
    name: str,
    reduction: str,
    size_average: bool | None = None,
    reduce: bool | None = None,
    known: tuple[str, ...] = ("none", "mean", "sum"),
) -> str:
    """The reduction that is meant, by its name or by PyTorch's two older flags."""
    if size_average is not None or reduce is not None:
        reduction = "none" if reduce is False else "sum" if size_average is False else "mean"
        warnings.warn(
            f"{name}: size_average and reduce are PyTorch's old names; write reduction={reduction!r}", stacklevel=4
        )
    if reduction not in known:
        raise ShapeError(f"{name}: reduction must be one of {', '.join(map(repr, known))}, got {reduction!r}")
    return reduction


def checked_pair(name: str, input: Any, target: Any, *, same_shape: bool) -> None:
    """Raise unless one of the two is of floats, and the shapes are equal or, where that is allowed, broadcast."""
    are_tensors(name, input=input, target=target)
    given = tuple(input.shape), tuple(target.shape)
    if input.dtype.kind != "f" and target.dtype.kind != "f":
        raise DTypeError(
            f"{name}: input has dtype {input.dtype} and target {target.dtype}, one of them must be a float"
        )
    if given[0] == given[1]:
        return
    if same_shape:
        raise ShapeError(f"{name}: input has shape {given[0]}, target {given[1]}: they must be the same")
    try:
        np.broadcast_shapes(*given)
    except ValueError:
        raise ShapeError(f"{name}: input has shape {given[0]}, target {given[1]}, which do not broadcast") from None


def _prepared(
    name: str,
    input: Any,
    target: Any,
    weight: Any,
    reduction: str,
    size_average: bool | None = None,
    reduce: bool | None = None,
) -> str:
    """The checks of regression losses. Shapes that differ broadcast, with a warning: it is seldom what was meant."""
    checked_pair(name, input, target, same_shape=False)
    if weight is not None:
        are_tensors(name, weight=weight)
    if weight is not None and tuple(weight.shape) != tuple(input.shape):
        raise ShapeError(f"{name}: weight has shape {tuple(weight.shape)}, input {tuple(input.shape)}")
    reduction = checked_reduction(name, reduction, size_average, reduce)
    if tuple(input.shape) != tuple(target.shape):
        warnings.warn(
            f"{name}: the target's shape {tuple(target.shape)} is not the input's, {tuple(input.shape)}: they are "
            "broadcast, which is likely a mistake",
            stacklevel=3,
        )
    return reduction


def _weighted(loss: Any, weight: Any, reduction: str) -> Any:
    if weight is None:
        return reduced(loss, reduction)
    loss = loss * weight
    return sum(loss) / sum(weight) if reduction == "mean" else reduced(loss, reduction)
