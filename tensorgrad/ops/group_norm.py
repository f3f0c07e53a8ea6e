"""Normalisation within each image, over groups of channels or single ones."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ShapeError
from ..kernels import group_norm as kernel
from ..node import Array, TensorBase, mark_written
from ..primitive import primitive
from .check import are_tensors, epsilon, number, same_dtype
from .elementwise import sqrt
from .norm import along_channels, in_range
from .reduce import mean as mean_over
from .reduce import sum
from .shape import broadcast_to, reshape, unsqueeze

if TYPE_CHECKING:
    from ..tensor import Tensor


def group_norm(input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Tensor:
    """Bring each image's channels, in `num_groups` equal groups, to mean 0 and variance 1: (N, C, ...) to the same.

    output = (input - mean) / sqrt(variance + eps) * weight + bias, with mean and biased variance over a group's
    channels and places, and `weight` and `bias` of shape (C) or None. After Wu and He, "Group Normalization" (2018),
    https://arxiv.org/abs/1803.08494. Raises ShapeError where the groups do not divide the channels, and for an input
    of one value a group in all, whose variance is 0.
    """
    same_dtype("group_norm", input=input, weight=weight, bias=bias)
    given = tuple(input.shape)
    if len(given) < 2:
        raise ShapeError(f"group_norm: input must be (N, C) or (N, C, ...), got {given}")
    if isinstance(num_groups, bool) or not isinstance(num_groups, (int, np.integer)) or num_groups < 1:
        raise ShapeError(f"group_norm: num_groups must be a positive int, got {num_groups!r}")
    if given[1] % num_groups:
        raise ShapeError(f"group_norm: num_groups {num_groups} does not divide the {given[1]} channels of {given}")
    _check_channels("group_norm", given, weight=weight, bias=bias)
    if math.prod(given) == num_groups:
        raise ShapeError(f"group_norm: input {given} in {num_groups} groups has one value a group, whose variance is 0")
    return in_range(_group_norm, input, weight, bias, groups=int(num_groups), eps=epsilon("group_norm", eps))[0]


def instance_norm(
    input: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Bring each channel of each image to mean 0 and variance 1: (N, C, ...) to the same.

    output = (input - mean) / sqrt(variance + eps) * weight + bias, with `weight` and `bias` of shape (C) or None. With
    `use_input_stats` mean and biased variance are those over the channel's places, of which there must be more than
    one; `running_mean` and `running_var` (C), if given, move by the share `momentum` towards their averages over the
    images (the variance unbiased), in place and unrecorded. Otherwise the running ones are used, as constants.
    After Ulyanov, Vedaldi and Lempitsky (2016), https://arxiv.org/abs/1607.08022.
    """
    same_dtype("instance_norm", input=input, weight=weight, bias=bias)
    given = tuple(input.shape)
    places = math.prod(given[2:])
    if len(given) < 2:
        raise ShapeError(f"instance_norm: input must be (N, C, ...), got {given}")
    _check_channels(
        "instance_norm", given, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias
    )
    eps, momentum = epsilon("instance_norm", eps), number("instance_norm", "momentum", momentum)
    if not use_input_stats:
        if running_mean is None or running_var is None:
            raise ShapeError("instance_norm: use_input_stats=False needs running_mean and running_var")
        mean, var = (getattr(running, "_array", running) for running in (running_mean, running_var))
        scale = (1 / np.sqrt(var + eps)).astype(input.dtype)
        out = (input - along_channels(mean.astype(input.dtype), len(given))) * along_channels(scale, len(given))
        out = out if weight is None else out * along_channels(weight, len(given))
        return out if bias is None else out + along_channels(bias, len(given))
    if places == 1:
        raise ShapeError(f"instance_norm: input {given} has one value a channel, whose variance is 0")
    out, mean, var = in_range(_group_norm, input, weight, bias, groups=given[1], eps=eps)
    if given[0] and places:
        _move(running_mean, mean, 1.0, momentum)
        _move(running_var, var, places / (places - 1), momentum)
    return out


def _move(running: Any, now: Any, factor: float, momentum: float) -> None:
    """Bring a running statistic (C) nearer to the average of `now` (N, C), times `factor`."""
    if running is None:
        return
    array = running._array if isinstance(running, TensorBase) else running
    average = np.asarray(getattr(now, "_array", now)).mean(0, dtype=np.float64) * factor
    with np.errstate(over="ignore"):  # a variance beyond float32 becomes inf
        array[...] = (1 - momentum) * array + momentum * average
    if isinstance(running, TensorBase):
        mark_written(running)


def _check_channels(name: str, given: tuple[int, ...], **vectors: Any) -> None:
    vectors = {key: vector for key, vector in vectors.items() if vector is not None}
    are_tensors(name, **vectors)
    for key, vector in vectors.items():
        if tuple(vector.shape) != given[1:2]:
            raise ShapeError(f"{name}: {key} has shape {tuple(vector.shape)}, input {given} takes ({given[1]},)")


# Groups. The means and variances are results too, so that the gradient, which uses them, can be differentiated again.


@primitive(outputs=("out", "mean", "var"))
def _group_norm(
    input: Array, weight: Array | None, bias: Array | None, *, groups: int, eps: float
) -> tuple[Array, Array, Array]:
    return kernel.group_norm(input, weight, bias, groups, eps)


def group_norm_vjp(
    wanted: tuple[bool, ...],
    g_out: Any,
    g_mean: Any,
    g_var: Any,
    input: Any,
    weight: Any,
    mean: Any,
    var: Any,
    groups: int,
    eps: float,
) -> tuple[Any, ...]:
    """What arrives at input, weight and bias, by way of the output, the means and the variances."""
    gx = gw = gb = None
    if g_out is not None:
        gx, gw, gb = group_norm_grad(g_out, input, weight, mean, var, groups=groups, eps=eps)
    if wanted[0] and (g_mean is not None or g_var is not None):
        share = _through_statistics(g_mean, g_var, input, mean, groups)
        gx = share if gx is None else gx + share
    return tuple(g if want else None for want, g in zip(wanted, (gx, gw, gb), strict=True))


def _through_statistics(g_mean: Any, g_var: Any, input: Any, mean: Any, groups: int) -> Any:
    """What arrives at the input by way of the means and variances."""
    rows = _rows(input, groups)
    count = max(rows.shape[2], 1)
    share: Any = 0.0
    if g_mean is not None:
        share = share + broadcast_to(unsqueeze(g_mean / count, 2), rows.shape)
    if g_var is not None:
        share = share + unsqueeze(g_var * (2 / count), 2) * (rows - unsqueeze(mean, 2))
    return reshape(share, input.shape)


def _rows(input: Any, groups: int) -> Any:
    """Each image's groups as rows: (N, group, values)."""
    shape = input.shape
    return reshape(input, (shape[0], groups, math.prod(shape[1:]) // max(groups, 1)))


def _group_norm_grad_composed(
    gy: Any, input: Any, weight: Any, mean: Any, var: Any, *, groups: int, eps: float
) -> tuple[Any, Any, Any]:
    """The same as `group_norm_grad` in differentiable operations."""
    axes = (0, *range(2, input.ndim))
    scale = unsqueeze(1.0 / sqrt(var + eps), 2)
    normal = (_rows(input, groups) - unsqueeze(mean, 2)) * scale
    gb, gw = sum(gy, axes), sum(gy * reshape(normal, input.shape), axes)
    share = _rows(gy if weight is None else gy * along_channels(weight, input.ndim), groups)
    slope = mean_over(share * normal, 2, keepdim=True)
    gx = (share - mean_over(share, 2, keepdim=True) - normal * slope) * scale
    return reshape(gx, input.shape), gw, gb


@primitive(outputs=("gx", "gw", "gb"), composed=_group_norm_grad_composed)
def group_norm_grad(
    gy: Array, input: Array, weight: Array | None, mean: Array, var: Array, *, groups: int, eps: float
) -> tuple[Array, Array, Array]:
    """The gradients of group norm's input, weight and bias from that of its output, fused."""
    return kernel.group_norm_grad(gy, input, weight, mean, var, groups, eps)


_group_norm.defvjp_joint(group_norm_vjp)
