"""Rearrangements between channels and pixels, and between groups of channels. Nothing is computed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DTypeError, ShapeError
from .check import are_tensors
from .shape import permute, reshape

if TYPE_CHECKING:
    from ..tensor import Tensor


def pixel_shuffle(input: Any, upscale_factor: int) -> Tensor:
    """(..., C*r*r, H, W) to (..., C, H*r, W*r): each r*r channels become the r by r pixels in place of one.

    After Shi and others (2016), https://arxiv.org/abs/1609.05158.
    """
    lead, channels, (height, width) = _parts("pixel_shuffle", input)
    r = _factor("pixel_shuffle", "upscale_factor", upscale_factor)
    if channels % (r * r):
        raise ShapeError(
            f"pixel_shuffle: {channels} channels of input {tuple(input.shape)} cannot be divided by {r * r}, the "
            f"square of upscale_factor {r}"
        )
    n, c = len(lead), channels // (r * r)
    apart = reshape(input, (*lead, c, r, r, height, width))
    moved = permute(apart, (*range(n), n, n + 3, n + 1, n + 4, n + 2))
    return reshape(moved, (*lead, c, height * r, width * r))


def pixel_unshuffle(input: Any, downscale_factor: int) -> Tensor:
    """(..., C, H*r, W*r) to (..., C*r*r, H, W): what undoes `pixel_shuffle`."""
    lead, channels, (height, width) = _parts("pixel_unshuffle", input)
    r = _factor("pixel_unshuffle", "downscale_factor", downscale_factor)
    if height % r or width % r:
        raise ShapeError(
            f"pixel_unshuffle: {height}x{width} pixels of input {tuple(input.shape)} cannot be divided by "
            f"downscale_factor {r}"
        )
    n = len(lead)
    apart = reshape(input, (*lead, channels, height // r, r, width // r, r))
    moved = permute(apart, (*range(n), n, n + 2, n + 4, n + 1, n + 3))
    return reshape(moved, (*lead, channels * r * r, height // r, width // r))


def channel_shuffle(input: Any, groups: int) -> Tensor:
    """The channels of (N, C, ...), cut into `groups`, in the order: first of each group, second of each group, ...

    After Zhang, Zhou, Lin and Sun, "ShuffleNet" (2017), https://arxiv.org/abs/1707.01083.
    """
    are_tensors("channel_shuffle", input=input)
    shape = tuple(input.shape)
    if len(shape) < 3:
        raise ShapeError(f"channel_shuffle: input must be (N, C, ...) of three axes or more, got {shape}")
    groups = _factor("channel_shuffle", "groups", groups)
    if shape[1] % groups:
        raise ShapeError(f"channel_shuffle: {shape[1]} channels of input {shape} cannot be cut into {groups} groups")
    apart = reshape(input, (shape[0], groups, shape[1] // groups, *shape[2:]))
    return reshape(permute(apart, (0, 2, 1, *range(3, apart.ndim))), shape)


def _parts(name: str, input: Any) -> tuple[tuple[int, ...], int, tuple[int, ...]]:
    """The sizes before the channels, the number of channels, height and width."""
    are_tensors(name, input=input)
    shape = tuple(input.shape)
    if len(shape) < 3:
        raise ShapeError(f"{name}: input must be (..., C, H, W), got {shape}")
    return shape[:-3], shape[-3], shape[-2:]


def _factor(name: str, what: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise DTypeError(f"{name}: {what} must be an int, got {value!r}")
    if value < 1:
        raise ShapeError(f"{name}: {what} must be at least 1, got {value}")
    return int(value)
