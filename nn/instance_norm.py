"""Normalisation of each channel of each image."""

from typing import Any

import numpy as np

import tensorgrad as tg

from . import functional as F
from .norm import NormOfChannels


class _InstanceNorm(NormOfChannels):
    """What instance norm over 1, 2 and 3 axes has in common."""

    rank: int

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        *,
        bias: bool = True,
        dtype: Any = np.float32,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, bias=bias, dtype=dtype)

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        shape = tuple(input.shape)
        alone = len(shape) == self.rank + 1
        channels = shape[len(shape) - self.rank - 1] if len(shape) > self.rank else 0
        if not (alone or len(shape) == self.rank + 2) or (self.affine and channels != self.num_features):
            axes = f"{self.num_features}, " + {1: "L", 2: "H, W", 3: "D, H, W"}[self.rank]
            raise tg.ShapeError(f"{type(self).__name__}: input must be (N, {axes}) or ({axes}), got {shape}")
        output = F.instance_norm(
            input.unsqueeze(0) if alone else input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            0.0 if self.momentum is None else self.momentum,
            self.eps,
        )
        return output.squeeze(0) if alone else output


class InstanceNorm1d(_InstanceNorm):
    """Instance norm of (N, C, L) or (C, L); see `InstanceNorm2d`."""

    rank = 1


class InstanceNorm2d(_InstanceNorm):
    """Bring each channel of each image of (N, C, H, W) or (C, H, W) to mean 0 and variance 1.

    With `affine`, scale and shift by `weight` and `bias`; without `bias`, no shift. With `track_running_stats`, running
    statistics are kept, and used in evaluation mode. See `tg.instance_norm`.
    """

    rank = 2


class InstanceNorm3d(_InstanceNorm):
    """Instance norm of (N, C, D, H, W) or (C, D, H, W); see `InstanceNorm2d`."""

    rank = 3
