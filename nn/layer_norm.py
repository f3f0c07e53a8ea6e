"""Normalisation within each sample."""

from collections.abc import Sequence
from typing import Any

import numpy as np

import tensorgrad as tg

from . import functional as F
from . import init
from .abstract import blank
from .function import FunctionLayer, layer_of
from .module import Module, Parameter


class LayerNorm(Module):
    """Bring the values over the last axes, of `normalized_shape`, to mean 0 and variance 1, then scale and shift them.

    `weight` and `bias` have `normalized_shape`, and start as 1 and 0; without `elementwise_affine` there are none,
    without `bias` no shift. See `tg.layer_norm`.
    """

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        *,
        dtype: Any = np.float32,
    ) -> None:
        super().__init__()
        self.normalized_shape = _shape("LayerNorm", normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self.weight = Parameter(blank(self.normalized_shape, dtype, 1.0)) if elementwise_affine else None
        self.bias = Parameter(blank(self.normalized_shape, dtype)) if elementwise_affine and bias else None

    def reset_parameters(self) -> None:
        """Set scale to 1 and shift to 0."""
        _reset(self.weight, self.bias)

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """The shape and the settings."""
        affine = f"elementwise_affine={self.elementwise_affine}, bias={self.bias is not None}"
        return f"{self.normalized_shape}, eps={self.eps}, {affine}"


class RMSNorm(Module):
    """Divide by the root of the mean square over the last axes, of `normalized_shape`, then scale by `weight`.

    `eps` is the machine epsilon of the dtype unless given. See `tg.rms_norm`.
    """

    weight: Parameter | None

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        *,
        dtype: Any = np.float32,
    ) -> None:
        super().__init__()
        self.normalized_shape = _shape("RMSNorm", normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self.weight = Parameter(blank(self.normalized_shape, dtype, 1.0)) if elementwise_affine else None

    def reset_parameters(self) -> None:
        """Set the scale to 1."""
        _reset(self.weight, None)

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        return F.rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        """The shape and the settings."""
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(Module):
    """Bring each of `num_groups` groups of channels of each sample (N, C, ...) to mean 0 and variance 1.

    Then scale and shift each channel by `weight` and `bias`, if `affine`. See `tg.group_norm`.
    """

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        *,
        bias: bool = True,
        dtype: Any = np.float32,
    ) -> None:
        super().__init__()
        if num_groups < 1 or num_channels % num_groups:
            raise tg.ShapeError(f"GroupNorm: num_groups={num_groups} does not divide num_channels={num_channels}")
        self.num_groups, self.num_channels, self.eps, self.affine = num_groups, num_channels, eps, affine
        self.weight = Parameter(blank((num_channels,), dtype, 1.0)) if affine else None
        self.bias = Parameter(blank((num_channels,), dtype)) if affine and bias else None

    def reset_parameters(self) -> None:
        """Set scale to 1 and shift to 0."""
        _reset(self.weight, self.bias)

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """The groups, the channels and the settings."""
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


@layer_of(F.local_response_norm)
class LocalResponseNorm(FunctionLayer):
    """Values divided by a power of the mean square of `size` neighbouring channels. See `tg.local_response_norm`."""

    size: int
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 1.0

    def extra_repr(self) -> str:
        """The settings."""
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


def _shape(layer: str, given: int | Sequence[int]) -> tuple[int, ...]:
    shape = tuple(given) if isinstance(given, Sequence) else (given,)
    if not shape or any(not isinstance(n, int | np.integer) or n < 1 for n in shape):
        raise tg.ShapeError(f"{layer}: normalized_shape must be a positive int or several, got {given!r}")
    return tuple(int(n) for n in shape)


def _reset(weight: Parameter | None, bias: Parameter | None) -> None:
    if weight is not None:
        init.ones_(weight)
    if bias is not None:
        init.zeros_(bias)
