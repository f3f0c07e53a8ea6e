"""Normalisation layers."""

from typing import Any

import numpy as np

import tensorgrad as tg

from . import functional as F
from . import init
from .abstract import blank
from .module import Module, Parameter
from .overwrite import overwrite

AXES = {2: "", 3: ", L", 4: ", H, W", 5: ", D, H, W"}  # after (N, C


class NormOfChannels(Module):
    """What batch and instance norm have in common: a scale, a shift and running statistics for each channel."""

    weight: Parameter | None
    bias: Parameter | None
    running_mean: tg.Tensor | None
    running_var: tg.Tensor | None
    num_batches_tracked: tg.Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        bias: bool = True,
        dtype: Any = np.float32,
    ) -> None:
        super().__init__()
        if not isinstance(num_features, int | np.integer) or num_features < 0:
            raise tg.ShapeError(
                f"{type(self).__name__}: num_features must be an int, not negative, got {num_features!r}"
            )
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        self.weight = Parameter(blank((num_features,), dtype, 1.0)) if affine else None
        self.bias = Parameter(blank((num_features,), dtype)) if affine and bias else None
        tracks = track_running_stats
        self.register_buffer("running_mean", tg.zeros(num_features, dtype=dtype) if tracks else None)
        self.register_buffer("running_var", tg.ones(num_features, dtype=dtype) if tracks else None)
        self.register_buffer("num_batches_tracked", tg.tensor(0) if tracks else None)

    def reset_running_stats(self) -> None:
        """Set the running mean to 0, the running variance to 1, the number of batches to 0."""
        for tensor, value in ((self.running_mean, 0), (self.running_var, 1), (self.num_batches_tracked, 0)):
            if tensor is not None:
                init.constant_(tensor, value)

    def reset_parameters(self) -> None:
        """Set scale to 1 and shift to 0, and the running statistics to their start."""
        self.reset_running_stats()
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def extra_repr(self) -> str:
        """The channels and the settings."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class _BatchNorm(NormOfChannels):
    """What batch norm over (N, C), (N, C, L), (N, C, H, W) and (N, C, D, H, W) have in common."""

    ranks: tuple[int, ...]  # the numbers of axes that an input may have

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        shape = tuple(input.shape)
        if len(shape) not in self.ranks or shape[1] != self.num_features:
            axes = " or ".join(f"(N, {self.num_features}{AXES[rank]})" for rank in self.ranks)
            raise tg.ShapeError(f"{type(self).__name__}: input must be {axes}, got {shape}")
        counter = self.num_batches_tracked if self.training else None
        batches = 0 if counter is None else counter.item() + 1
        share = 1.0 / max(batches, 1) if self.momentum is None else self.momentum
        output = F.batch_norm(
            input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            share,
            self.eps,
        )
        if counter is not None and not tg.func.is_recomputing():
            overwrite(counter, batches)
        return output


class BatchNorm1d(_BatchNorm):
    """Batch norm of (N, C) or (N, C, L); see `BatchNorm2d`."""

    ranks = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Bring each channel of (N, C, H, W) to mean 0 and variance 1, then scale and shift it by `weight` and `bias`.

    In training mode by the batch's statistics, which also move `running_mean` and `running_var`: by the share
    `momentum`, or, if that is None, to the average over all batches so far. In evaluation mode by the running ones, or
    the batch's if `track_running_stats` is False. Without `affine` there is no scale and shift; without `bias`, no
    shift.
    After Ioffe and Szegedy, "Batch Normalization" (2015), https://arxiv.org/abs/1502.03167.
    """

    ranks = (4,)


class BatchNorm3d(_BatchNorm):
    """Batch norm of (N, C, D, H, W); see `BatchNorm2d`."""

    ranks = (5,)
