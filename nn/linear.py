"""Fully connected layers."""

import math
from typing import Any

import numpy as np

import tensorgrad as tg

from . import functional as F
from . import init
from .abstract import blank
from .module import Module, Parameter


class Linear(Module):
    """input @ weight.T + bias: (..., in_features) to (..., out_features).

    `weight` is (out_features, in_features), `bias` (out_features) or None; both start uniform on ±1/sqrt(in_features),
    drawn from `generator` or the generator that `tg.manual_seed` seeds.
    """

    bias: Parameter | None
    sample_axes = 1

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        dtype: Any = np.float32,
        generator: np.random.Generator | None = None,
    ) -> None:
        super().__init__()
        for name, value in (("in_features", in_features), ("out_features", out_features)):
            if not isinstance(value, int | np.integer) or value < 0:
                raise tg.ShapeError(f"Linear: {name} must be an int that is not negative, got {value!r}")
        self.in_features, self.out_features = int(in_features), int(out_features)
        self.weight = Parameter(blank((out_features, in_features), dtype))
        self.bias = Parameter(blank((out_features,), dtype)) if bias else None
        self.reset_parameters(generator)

    def reset_parameters(self, generator: np.random.Generator | None = None) -> None:
        """Draw weight and bias anew."""
        reset_weight_and_bias(self.weight, self.bias, generator)

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        return F.linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        """The sizes."""
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Bilinear(Module):
    """The sum over i and j of input1[..., i] * weight[o, i, j] * input2[..., j], plus bias[o].

    Called with (..., in1_features) and (..., in2_features); gives (..., out_features). `weight` is (out_features,
    in1_features, in2_features), `bias` (out_features) or None; both start uniform on ±1/sqrt(in1_features), drawn from
    `generator` or the generator that `tg.manual_seed` seeds.
    """

    bias: Parameter | None

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        *,
        dtype: Any = np.float32,
        generator: np.random.Generator | None = None,
    ) -> None:
        super().__init__()
        named = {"in1_features": in1_features, "in2_features": in2_features, "out_features": out_features}
        for name, value in named.items():
            if not isinstance(value, int | np.integer) or value < (name == "in1_features"):
                least = "a positive int" if name == "in1_features" else "an int that is not negative"
                raise tg.ShapeError(f"Bilinear: {name} must be {least}, got {value!r}")
        self.in1_features, self.in2_features = int(in1_features), int(in2_features)
        self.out_features = int(out_features)
        self.weight = Parameter(blank((out_features, in1_features, in2_features), dtype))
        self.bias = Parameter(blank((out_features,), dtype)) if bias else None
        self.reset_parameters(generator)

    def reset_parameters(self, generator: np.random.Generator | None = None) -> None:
        """Draw weight and bias anew."""
        bound = 1 / math.sqrt(self.in1_features)
        for parameter in (self.weight, self.bias):
            if parameter is not None:
                init.uniform_(parameter, -bound, bound, generator)

    def forward(self, input1: tg.Tensor, input2: tg.Tensor) -> tg.Tensor:
        """See the class."""
        return F.bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        """The sizes."""
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )


class Identity(Module):
    """Its input, unchanged. Takes and ignores any arguments."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Any) -> Any:
        """The input."""
        return input


def reset_weight_and_bias(weight: Parameter, bias: Parameter | None, generator: np.random.Generator | None) -> None:
    """PyTorch's start for linear layers and convolutions: both uniform on ±1/sqrt(fan_in)."""
    init.kaiming_uniform_(weight, a=math.sqrt(5), generator=generator)
    fan_in = init.fans("reset_parameters", weight)[0]
    if bias is not None and fan_in:
        bound = 1 / math.sqrt(fan_in)
        init.uniform_(bias, -bound, bound, generator)
