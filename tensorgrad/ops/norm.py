"""Normalisation."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..dtypes import FLOAT32, FLOAT64
from ..errors import ShapeError
from ..kernels import norm as kernel
from ..node import Array
from ..primitive import astype, primitive
from .check import are_tensors, epsilon, same_dtype
from .elementwise import sqrt
from .reduce import mean as mean_over
from .reduce import sum
from .shape import broadcast_to, reshape

if TYPE_CHECKING:
    from ..tensor import Tensor


def native_batch_norm(
    input: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> tuple[Tensor, Tensor, Tensor]:
    """Bring each channel of (N, C, ...) to mean 0 and variance 1 over the batch: (output, mean (C), variance (C)).

    output = (input - mean) / sqrt(variance + eps) * weight + bias, with `weight` and `bias` of shape (C) or None. The
    variance is the biased one. Gradients flow through all three results. There must be more than one value a channel.
    After Ioffe and Szegedy, "Batch Normalization" (2015), https://arxiv.org/abs/1502.03167.
    """
    given = _checked_shape("batch_norm", input, weight=weight, bias=bias)
    if values_per_channel(given) == 1:
        raise ShapeError(f"batch_norm: input {given} has one value a channel, whose variance is 0: use a larger batch")
    return in_range(_batch_norm, input, weight, bias, eps=epsilon("batch_norm", eps))


def _checked_shape(op: str, input: Any, **vectors: Any) -> tuple[int, ...]:
    """The shape (N, C, ...) of the input. Raise unless vectors have one value a channel, and all are of one dtype."""
    same_dtype(op, input=input, **vectors)
    given = tuple(input.shape)
    if len(given) < 2:
        raise ShapeError(f"{op}: input must be (N, C) or (N, C, ...), got {given}")
    for name, vector in vectors.items():
        if vector is not None and tuple(vector.shape) != given[1:2]:
            raise ShapeError(f"{op}: {name} has shape {tuple(vector.shape)}, input {given} takes ({given[1]},)")
    return given


def in_range(norm: Any, *inputs: Any, **params: Any) -> Any:
    """The results of a primitive `norm`, by way of float64 where variances are too large or too small for float32.

    The casts are recorded, so all derivatives take the same way. The first try ends before anything is recorded.
    """
    try:
        return norm(*inputs, **params)
    except kernel.OutOfRange:
        pass  # and an error below is not "during handling" of this one
    out, *statistics = norm(*[None if v is None else astype(v, dtype=FLOAT64) for v in inputs], **params)
    with np.errstate(over="ignore"):  # a variance beyond float32 becomes inf
        return astype(out, dtype=FLOAT32), *[astype(values, dtype=FLOAT32) for values in statistics]


@primitive(outputs=("out", "mean", "var"))
def _batch_norm(input: Array, weight: Array | None, bias: Array | None, *, eps: float) -> tuple[Array, Array, Array]:
    return kernel.batch_norm(input, weight, bias, eps)


def _batch_norm_vjp(
    wanted: tuple[bool, ...],
    g_out: Any,
    g_mean: Any,
    g_var: Any,
    input: Any,
    weight: Any,
    mean: Any,
    var: Any,
    eps: Any,
) -> tuple[Any, ...]:
    count = max(values_per_channel(input.shape), 1)
    gx = gw = gb = None
    if g_out is not None and wanted[0]:
        gx, gw, gb = batch_norm_grad(g_out, input, weight, mean, var, eps=eps)
    elif g_out is not None:
        gw, gb = _batch_norm_affine_grad(wanted, g_out, input, mean, var, eps)
    if wanted[0] and g_mean is not None:
        share = broadcast_to(along_channels(g_mean / count, input.ndim), input.shape)
        gx = share if gx is None else gx + share
    if wanted[0] and g_var is not None:
        share = along_channels(g_var * (2.0 / count), input.ndim) * (input - along_channels(mean, input.ndim))
        gx = share if gx is None else gx + share
    return tuple(g if want else None for want, g in zip(wanted, (gx, gw, gb), strict=True))


def _batch_norm_affine_grad(
    wanted: tuple[bool, ...], gy: Any, input: Any, mean: Any, var: Any, eps: float
) -> tuple[Any, Any]:
    """The gradients of weight and bias alone, where the input wants none."""
    axes = _of_channels(input.ndim)
    gb = sum(gy, axes)
    if not wanted[1]:
        return None, gb
    return sum(gy * _centred(input, mean), axes) / sqrt(var + eps), gb


def _centred(input: Any, mean: Any) -> Any:
    """The input less its mean, and less what rounding took from the mean: much to a sum of products of one sign."""
    rest = input - along_channels(mean, input.ndim)
    return rest - along_channels(mean_over(rest, _of_channels(input.ndim)), input.ndim)


def _batch_norm_grad_composed(
    gy: Any, input: Any, weight: Any, mean: Any, var: Any, *, eps: float
) -> tuple[Any, Any, Any]:
    """The same as `batch_norm_grad` in differentiable operations: its derivatives are those of the fused kernel."""
    axes = _of_channels(input.ndim)
    scale = 1.0 / sqrt(var + eps)
    centred = _centred(input, mean) * along_channels(scale, input.ndim)
    product = gy * centred
    # Not the sums divided by how many there are: of float16 they may overflow where means do not.
    inner = gy - along_channels(mean_over(gy, axes), input.ndim)
    inner = inner - centred * along_channels(mean_over(product, axes), input.ndim)
    factor = scale if weight is None else scale * weight
    return inner * along_channels(factor, input.ndim), sum(product, axes), sum(gy, axes)


@primitive(outputs=("gx", "gw", "gb"), composed=_batch_norm_grad_composed)
def batch_norm_grad(
    gy: Array, input: Array, weight: Array | None, mean: Array, var: Array, *, eps: float
) -> tuple[Array, Array, Array]:
    """The gradients of batch norm's input, weight and bias from that of its output, fused."""
    return kernel.batch_norm_grad(gy, input, weight, mean, var, eps)


_batch_norm.defvjp_joint(_batch_norm_vjp)


def affine_channel(input: Any, weight: Any, bias: Any = None) -> Tensor:
    """input * weight + bias with one weight and one bias a channel: (N, C, ...) with (C), and (C) or None.

    What batch norm with fixed statistics comes to; images are gone through once.
    """
    are_tensors("affine_channel", weight=weight)
    _checked_shape("affine_channel", input, weight=weight, bias=bias)
    return _affine_channel(input, weight, bias)


@primitive
def _affine_channel(input: Array, weight: Array, bias: Array | None) -> Array:
    return kernel.affine_channel(input, weight, bias)


def _of_channels(ndim: int) -> tuple[int, ...]:
    """The axes of (N, C, ...) but C."""
    return (0, *range(2, ndim))


_affine_channel.defvjps(
    lambda g, weight: _affine_channel(g, weight, None),
    lambda g, input: sum(g * input, _of_channels(g.ndim)),
    lambda g: sum(g, _of_channels(g.ndim)),
)


def values_per_channel(shape: tuple[int, ...]) -> int:
    """How many values of (N, C, ...) each channel has."""
    return shape[0] * math.prod(shape[2:])


def along_channels(vector: Any, ndim: int) -> Any:
    """A vector (C) laid along axis 1 of an array of `ndim` axes."""
    return reshape(vector, (-1, *[1] * (ndim - 2)))
