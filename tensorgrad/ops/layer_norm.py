"""Normalisation over the last axes: by mean and variance, or by the root mean square."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DTypeError, ShapeError
from ..kernels import group_norm as kernel
from ..node import Array
from ..primitive import primitive
from .check import epsilon, same_dtype
from .elementwise import sqrt
from .group_norm import group_norm_vjp
from .norm import in_range
from .reduce import mean, sum
from .shape import reshape

if TYPE_CHECKING:
    from ..tensor import Tensor


def layer_norm(
    input: Any, normalized_shape: Sequence[int], weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Tensor:
    """Bring the values over the last axes, which have `normalized_shape`, to mean 0 and variance 1.

    output = (input - mean) / sqrt(variance + eps) * weight + bias, with the biased variance, and `weight` and `bias` of
    shape `normalized_shape` or None. After Ba, Kiros and Hinton (2016), https://arxiv.org/abs/1607.06450.
    """
    same_dtype("layer_norm", input=input, weight=weight, bias=bias)
    axes = _last_axes("layer_norm", input, normalized_shape, weight=weight, bias=bias)
    return in_range(_layer_norm, input, weight, bias, axes=axes, eps=epsilon("layer_norm", eps))[0]


def rms_norm(input: Any, normalized_shape: Sequence[int], weight: Any = None, eps: float | None = None) -> Tensor:
    """Divide the values over the last axes, which have `normalized_shape`, by their root mean square.

    output = input / sqrt(mean(input^2) + eps) * weight, with `weight` of shape `normalized_shape` or None. `eps` is the
    distance from 1 to the next number, 1.19e-7 in float32 (and for float16, which is computed in it), unless given.
    After Zhang and Sennrich, "Root Mean Square Layer Normalization" (2019), https://arxiv.org/abs/1910.07467.
    """
    same_dtype("rms_norm", input=input, weight=weight)
    axes = _last_axes("rms_norm", input, normalized_shape, weight=weight)
    if eps is None:
        eps = float(np.finfo(np.float64 if input.dtype == np.float64 else np.float32).eps)
    return in_range(_rms_norm, input, weight, axes=axes, eps=epsilon("rms_norm", eps))[0]


def _last_axes(name: str, input: Any, normalized_shape: Any, **vectors: Any) -> int:
    """How many axes `normalized_shape` stands for, checked against the input's last ones and the vectors."""
    if not isinstance(normalized_shape, (tuple, list)):
        raise DTypeError(f"{name}: normalized_shape must be a tuple of ints, got {normalized_shape!r}")
    shape, given = tuple(normalized_shape), tuple(input.shape)
    if not shape:
        raise ShapeError(f"{name}: normalized_shape must name at least one axis, got {shape}")
    if given[-len(shape) :] != shape:
        raise ShapeError(f"{name}: normalized_shape is {shape}, input {given} does not end in it")
    for key, vector in vectors.items():
        if vector is not None and tuple(vector.shape) != shape:
            raise ShapeError(f"{name}: {key} has shape {tuple(vector.shape)}, normalized_shape is {shape}")
    return len(shape)


# Layer norm is group norm of one group, each row an image without places.


@primitive(outputs=("out", "mean", "var"))
def _layer_norm(
    input: Array, weight: Array | None, bias: Array | None, *, axes: int, eps: float
) -> tuple[Array, Array, Array]:
    flat = [None if v is None else v.reshape(-1) for v in (weight, bias)]
    out, mean, var = kernel.group_norm(input.reshape(_flat_shape(input.shape, axes)), flat[0], flat[1], 1, eps)
    return out.reshape(input.shape), mean, var


def _layer_norm_vjp(
    wanted: tuple[bool, ...],
    g_out: Any,
    g_mean: Any,
    g_var: Any,
    input: Any,
    weight: Any,
    mean: Any,
    var: Any,
    axes: int,
    eps: float,
) -> tuple[Any, ...]:
    shape = input.shape
    flat = _flat_shape(shape, axes)
    g_out = None if g_out is None else reshape(g_out, flat)
    weight = None if weight is None else _shaped(weight, flat[1:])
    gx, gw, gb = group_norm_vjp(
        wanted, g_out, g_mean, g_var, reshape(input, flat), weight, mean, var, groups=1, eps=eps
    )
    return (
        None if gx is None else reshape(gx, shape),
        None if gw is None else _shaped(gw, shape[len(shape) - axes :]),
        None if gb is None else _shaped(gb, shape[len(shape) - axes :]),
    )


def _shaped(x: Any, shape: tuple[int, ...]) -> Any:
    """x in a shape, which vectors over one axis have as they are."""
    return x if x.shape == shape else reshape(x, shape)


_layer_norm.defvjp_joint(_layer_norm_vjp)


# The root mean square, which is a result too, so that the gradient, which uses it, can be differentiated again.


@primitive(outputs=("out", "square"))
def _rms_norm(input: Array, weight: Array | None, *, axes: int, eps: float) -> tuple[Array, Array]:
    flat = None if weight is None else weight.reshape(-1)
    out, square = kernel.rms_norm(input.reshape(_flat_shape(input.shape, axes)), flat, eps)
    return out.reshape(input.shape), square


def _rms_norm_vjp(
    wanted: tuple[bool, ...], g_out: Any, g_square: Any, input: Any, weight: Any, square: Any, axes: int, eps: float
) -> tuple[Any, ...]:
    shape = input.shape
    flat = _flat_shape(shape, axes)
    rows = reshape(input, flat)
    gx = gw = None
    if g_out is not None:
        weight = None if weight is None else reshape(weight, flat[1:])
        gx, gw = rms_norm_grad(reshape(g_out, flat), rows, weight, square, eps=eps)
        gw = reshape(gw, shape[len(shape) - axes :])
    if wanted[0] and g_square is not None:
        share = rows * (g_square * (2 / max(flat[1], 1)))
        gx = share if gx is None else gx + share
    return (reshape(gx, shape) if wanted[0] else None), (gw if wanted[1] else None)


def _rms_norm_grad_composed(gy: Any, input: Any, weight: Any, square: Any, *, eps: float) -> tuple[Any, Any]:
    """The same as `rms_norm_grad` in differentiable operations."""
    scale = 1.0 / sqrt(square + eps)
    normal = input * scale
    share = gy if weight is None else gy * weight
    gx = (share - normal * mean(share * normal, 1, keepdim=True)) * scale
    return gx, sum(gy * normal, 0)


@primitive(outputs=("gx", "gw"), composed=_rms_norm_grad_composed)
def rms_norm_grad(gy: Array, input: Array, weight: Array | None, square: Array, *, eps: float) -> tuple[Array, Array]:
    """The gradients of rms norm's input (N, C) and weight (C) from that of its output, fused."""
    return kernel.rms_norm_grad(gy, input, weight, square, eps)


_rms_norm.defvjp_joint(_rms_norm_vjp)


def _flat_shape(shape: tuple[int, ...], axes: int) -> tuple[int, int]:
    """(rows, values a row) of an array that is normalised over its last `axes` axes."""
    return math.prod(shape[: len(shape) - axes]), math.prod(shape[len(shape) - axes :])
