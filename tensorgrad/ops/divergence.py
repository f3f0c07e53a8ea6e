"""Losses between probabilities: binary cross-entropy and the Kullback-Leibler divergence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..dtypes import FLOAT32
from ..errors import DTypeError, ShapeError
from ..kernels import elementwise as large
from ..kernels import logistic
from ..node import Array
from ..primitive import astype, elementwise
from ..rules import in_parts
from .activation import sigmoid
from .check import are_tensors
from .elementwise import exp, log, log1p, lt, where
from .loss import checked_pair, checked_reduction, reduced
from .smooth_activation import logsigmoid

if TYPE_CHECKING:
    from ..tensor import Tensor

LEAST_LOG = -100.0  # the logarithm of a probability of 0 counts as this
SMALL = 1e-12  # the least that probability * (1 - probability) counts as in the gradient


def binary_cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """-(target * log(input) + (1 - target) * log(1 - input)), for probabilities; by default its mean.

    As in PyTorch, logarithms below -100 count as -100, so that a certain but wrong answer costs 100, and its gradient,
    (input - target) / (input * (1 - input)), divides by no less than 1e-12. `weight` broadcasts to the target; the mean
    does not divide by it. Raises ShapeError where the shapes differ, and for an input that is no probability.
    """
    reduction = checked_reduction("binary_cross_entropy", reduction, size_average, reduce)
    checked_pair("binary_cross_entropy", input, target, same_shape=True)
    _check_weight("binary_cross_entropy", "weight", weight, target)
    values = np.asarray(getattr(input, "_array", input))
    outside = ~((values >= 0) & (values <= 1))
    if outside.any():
        raise ShapeError(f"binary_cross_entropy: input holds {values[outside][0]}, probabilities are from 0 to 1")
    if input.dtype == np.float16:  # whose least number is far above the 1e-12
        input, target, weight = (None if v is None else astype(v, dtype=FLOAT32) for v in (input, target, weight))
        return astype(binary_cross_entropy(input, target, weight, reduction=reduction), dtype=np.dtype(np.float16))
    loss = _binary_cross_entropy(input, target)
    return reduced(loss if weight is None else loss * weight, reduction)


@elementwise(floats=True)
def _binary_cross_entropy(input: Array, target: Array) -> Array:
    return large.apply(_binary_losses, *_arrays(input, target))


def _binary_losses(input: Array, target: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        yes, no = np.log(input), np.log1p(-input)
    return (target - 1) * np.maximum(no, LEAST_LOG) - target * np.maximum(yes, LEAST_LOG)


@elementwise(floats=True)
def _binary_slope(input: Array, target: Array) -> Array:
    """The derivative of binary cross-entropy by its input, as PyTorch bounds it."""
    return large.apply(_binary_slopes, *_arrays(input, target))


def _binary_slopes(input: Array, target: Array) -> Array:
    wide = input.astype(np.float32) if input.dtype == np.float16 else input
    with np.errstate(over="ignore"):
        return np.asarray((wide - target) / np.maximum((1 - wide) * wide, SMALL)).astype(input.dtype)


def _binary_curvature(input: Any, target: Any) -> Any:
    """The derivative of `_binary_slope` by the input, as PyTorch bounds it."""
    # (x^2 - 2xt + t) / (x (1 - x))^2, taken apart so that each part is a square.
    both = (input + SMALL) * (1 - input + SMALL)
    yes, no = (1 - input) / both, input / both
    return target * yes * yes + (1 - target) * no * no


def _at_least_small(product: Any) -> Any:
    return where(lt(product, SMALL), SMALL, product)


_binary_cross_entropy.defvjps(
    in_parts(lambda g, input, target: g * _binary_slope(input, target)),
    in_parts(lambda g, input: g * (log1p(-input) - log(input))),
)
_binary_slope.defvjps(
    in_parts(lambda g, input, target: g * _binary_curvature(input, target)),
    in_parts(lambda g, input: -g / _at_least_small(input * (1 - input))),
)


def binary_cross_entropy_with_logits(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Any = None,
) -> Tensor:
    """binary_cross_entropy(sigmoid(input), target), exact for scores of any size; by default its mean.

    -(pos_weight * target * log(sigmoid(input)) + (1 - target) * log(1 - sigmoid(input))) * weight; `weight` and
    `pos_weight` broadcast to the target, and the mean does not divide by them. Raises ShapeError where the shapes
    differ.
    """
    name = "binary_cross_entropy_with_logits"
    reduction = checked_reduction(name, reduction, size_average, reduce)
    checked_pair(name, input, target, same_shape=True)
    _check_weight(name, "weight", weight, target)
    _check_weight(name, "pos_weight", pos_weight, target)
    loss = _binary_logits(input, target, 1.0 if pos_weight is None else pos_weight)
    return reduced(loss if weight is None else loss * weight, reduction)


@elementwise(floats=True)
def _binary_logits(input: Array, target: Array, pos_weight: Array) -> Array:
    with np.errstate(invalid="ignore"):
        return large.apply(logistic.binary_losses, *_arrays(input, target), pos_weight)


@elementwise(floats=True)
def _binary_logits_slope(input: Array, target: Array, pos_weight: Array) -> Array:
    """The derivative of `_binary_logits` by its input."""
    with np.errstate(invalid="ignore"):
        return large.apply(logistic.binary_slopes, *_arrays(input, target), pos_weight)


def _logit_target_vjp(g: Any, input: Any, pos_weight: Any) -> Any:
    if isinstance(pos_weight, float) and pos_weight == 1:
        return g * -input
    return g * (logsigmoid(-input) - pos_weight * logsigmoid(input))


_binary_logits.defvjps(
    in_parts(lambda g, input, target, pos_weight: g * _binary_logits_slope(input, target, pos_weight)),
    in_parts(_logit_target_vjp),
    in_parts(lambda g, input, target: -g * target * logsigmoid(input)),
)
_binary_logits_slope.defvjps(
    in_parts(
        lambda g, input, target, pos_weight: (
            g * ((1 - target + pos_weight * target) * (sigmoid(input) * sigmoid(-input)))
        )
    ),
    in_parts(lambda g, input, pos_weight: -g * (sigmoid(input) + pos_weight * sigmoid(-input))),
    in_parts(lambda g, input, target: -g * target * sigmoid(-input)),
)


def _check_weight(name: str, key: str, weight: Any, target: Any) -> None:
    """Raise unless the weight broadcasts to the target's shape."""
    if weight is None:
        return
    are_tensors(name, **{key: weight})
    given, shape = tuple(weight.shape), tuple(target.shape)
    if len(given) > len(shape) or any(n not in (1, m) for n, m in zip(given[::-1], shape[::-1], strict=False)):
        raise ShapeError(f"{name}: {key} has shape {given}, which does not broadcast to the target's, {shape}")


# Kullback and Leibler, "On Information and Sufficiency" (1951)


def kl_div(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """target * (log(target) - input): how far the probabilities exp(input) are from `target`; `input` is a logarithm.

    With `log_target`, `target` is a logarithm too. `reduction="batchmean"` divides the sum by the first axis' size, as
    the definition has it; "mean", the default, by the count of all values. A target of 0 costs nothing; as in PyTorch,
    the gradient with respect to it is nan.
    """
    known = ("none", "mean", "sum", "batchmean")
    reduction = checked_reduction("kl_div", reduction, size_average, reduce, known)
    are_tensors("kl_div", input=input, target=target)
    for key, tensor in (("input", input), ("target", target)):
        if tensor.dtype.kind != "f":
            raise DTypeError(f"kl_div: {key} has dtype {tensor.dtype}, it must be a float")
    checked_pair("kl_div", input, target, same_shape=False)
    loss = _kl_div_log(input, target) if log_target else _kl_div(input, target)
    if reduction != "batchmean":
        return reduced(loss, reduction)
    total = reduced(loss, "sum")
    return total / input.shape[0] if input.ndim else total


@elementwise
def _kl_div(input: Array, target: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return large.apply(_kl_losses, *_arrays(input, target))


def _kl_losses(input: Array, target: Array) -> Array:
    return large.where(target == 0, 0, target * np.log(target)) - target * input


@elementwise
def _kl_div_log(input: Array, target: Array) -> Array:
    with np.errstate(invalid="ignore", over="ignore"):
        return large.apply(lambda x, y: np.exp(y) * (y - x), *_arrays(input, target))


def _arrays(*values: Any) -> list[Array]:
    """All as arrays of their common dtype, which Python numbers do not widen."""
    dtype = np.result_type(*values)
    return [np.asarray(value, dtype) for value in values]


_kl_div.defvjps(
    in_parts(lambda g, target: -g * target),
    in_parts(lambda g, input, target: g * (log(target) + target / target - input)),  # not + 1: nan for a target of 0
)
_kl_div_log.defvjps(
    in_parts(lambda g, target: -g * exp(target)),
    in_parts(lambda g, input, target: g * (exp(target) * (target - input + 1))),
)
