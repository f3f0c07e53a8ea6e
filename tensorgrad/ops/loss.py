"""Loss functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DTypeError, LabelError, ShapeError
from ..kernels import softmax as kernel
from ..node import Array, TensorBase
from ..primitive import primitive
from .activation import _softmax
from .check import same_dtype
from .indexing import scatter_along
from .shape import broadcast_to, unsqueeze

if TYPE_CHECKING:
    from ..tensor import Tensor


def cross_entropy(input: Any, target: Any) -> Tensor:
    """The mean of -log softmax(input)[target]: scores (N, C) and integer labels (N), each from 0 to C-1, to a number.

    Raises LabelError when a label is out of range, DTypeError when labels are not integers.
    """
    same_dtype("cross_entropy", input=input)
    labels = target._data if isinstance(target, TensorBase) else np.asarray(target)
    if input.ndim != 2 or labels.shape != tuple(input.shape[:1]):
        raise ShapeError(
            f"cross_entropy: input must be (N, C) and target (N), got {tuple(input.shape)} and {labels.shape}"
        )
    if labels.dtype.kind not in "iu":
        raise DTypeError(f"cross_entropy: target has dtype {labels.dtype}, class labels are integers")
    classes = input.shape[1]
    if labels.size and (labels.min() < 0 or labels.max() >= classes):
        wrong = labels[(labels < 0) | (labels >= classes)][0]
        raise LabelError(f"cross_entropy: label {wrong} is out of range for {classes} classes (0 to {classes - 1})")
    return _cross_entropy(input, labels)


@primitive
def _cross_entropy(input: Array, target: Array) -> Array:
    return kernel.cross_entropy(input, target)


def _cross_entropy_grad_composed(gy: Any, input: Any, target: Any) -> Any:
    """The same as `cross_entropy_grad` in differentiable operations."""
    count = input.shape[0]
    share = broadcast_to(gy / max(count, 1), (count, 1))
    at_target = scatter_along(share, unsqueeze(target, 1), dim=1, shape=input.shape)
    return _softmax(input, dim=1) * share - at_target


@primitive(composed=_cross_entropy_grad_composed)
def cross_entropy_grad(gy: Array, input: Array, target: Array) -> Array:
    """(softmax(input) - one-hot(target)) * gy / N, fused."""
    return kernel.cross_entropy_grad(gy, input, target)


_cross_entropy.defvjps(lambda g, input, target: cross_entropy_grad(g, input, target), None)
