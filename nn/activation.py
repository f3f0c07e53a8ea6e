"""Activation functions as modules. `inplace` is taken for code written for PyTorch, and changes nothing."""

import dataclasses
from typing import Any

import numpy as np

import tensorgrad as tg

from . import functional as F
from .abstract import blank
from .function import FunctionLayer, layer_of
from .init import constant_
from .module import Module, Parameter

# Piecewise linear


@layer_of(F.relu)
class ReLU(FunctionLayer):
    """max(x, 0), element by element."""

    inplace: bool = False


@layer_of(F.relu6)
class ReLU6(FunctionLayer):
    """min(max(x, 0), 6), element by element."""

    inplace: bool = False


@layer_of(F.leaky_relu)
class LeakyReLU(FunctionLayer):
    """x where it is above 0, negative_slope * x elsewhere."""

    negative_slope: float = 0.01
    inplace: bool = False


class PReLU(Module):
    """x where it is above 0, weight * x elsewhere: one learned slope, or one for each of `num_parameters` channels."""

    def __init__(self, num_parameters: int = 1, init: float = 0.25, *, dtype: Any = np.float32) -> None:
        super().__init__()
        self.num_parameters, self.init = num_parameters, init
        self.weight = Parameter(blank((num_parameters,), dtype, init))

    def reset_parameters(self) -> None:
        """Set the slopes to where they started."""
        constant_(self.weight, self.init)

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        """The number of slopes."""
        return f"num_parameters={self.num_parameters}"


@layer_of(F.rrelu)
class RReLU(FunctionLayer):
    """LeakyReLU with slopes that are drawn for each value from `lower` to `upper` in training, else their middle.

    Draws from `generator`, or from the generator that `tg.manual_seed` seeds.
    """

    lower: float = 1 / 8
    upper: float = 1 / 3
    inplace: bool = False
    generator: np.random.Generator | None = dataclasses.field(default=None, kw_only=True)

    def _settings(self) -> dict[str, Any]:
        return {**super()._settings(), "training": self.training}

    def extra_repr(self) -> str:
        """The bounds of the slopes."""
        return f"lower={self.lower}, upper={self.upper}" + (", inplace=True" if self.inplace else "")


@layer_of(F.hardtanh)
class Hardtanh(FunctionLayer):
    """x, but not below `min_val` nor above `max_val`."""

    min_val: float = -1.0
    max_val: float = 1.0
    inplace: bool = False

    def __post_init__(self) -> None:
        if not self.min_val < self.max_val:
            raise tg.ShapeError(f"Hardtanh: min_val must be below max_val, got {self.min_val} and {self.max_val}")


@layer_of(F.hardsigmoid)
class Hardsigmoid(FunctionLayer):
    """x / 6 + 1/2, but at least 0 and at most 1."""

    inplace: bool = False

    def extra_repr(self) -> str:
        """Nothing, as in PyTorch."""
        return ""


@layer_of(F.threshold)
class Threshold(FunctionLayer):
    """x where it is above `threshold`, `value` elsewhere."""

    threshold: float
    value: float
    inplace: bool = False


@layer_of(F.hardshrink)
class Hardshrink(FunctionLayer):
    """x, but 0 from -`lambd` to `lambd`."""

    lambd: float = 0.5

    def extra_repr(self) -> str:
        """The bound."""
        return str(self.lambd)


@layer_of(F.softshrink)
class Softshrink(FunctionLayer):
    """x brought nearer to 0 by `lambd`; 0 from -`lambd` to `lambd`."""

    lambd: float = 0.5

    def extra_repr(self) -> str:
        """The bound."""
        return str(self.lambd)


# Smooth


@layer_of(F.sigmoid)
class Sigmoid(FunctionLayer):
    """1 / (1 + exp(-x)), element by element."""


@layer_of(F.logsigmoid)
class LogSigmoid(FunctionLayer):
    """log(sigmoid(x)), exact where sigmoid itself would round to 0."""


@layer_of(F.tanh)
class Tanh(FunctionLayer):
    """The hyperbolic tangent, element by element."""


@layer_of(F.tanhshrink)
class Tanhshrink(FunctionLayer):
    """x - tanh(x), element by element."""


@layer_of(F.softsign)
class Softsign(FunctionLayer):
    """x / (1 + |x|), element by element."""


@layer_of(F.elu)
class ELU(FunctionLayer):
    """x where it is above 0, alpha * (exp(x) - 1) elsewhere."""

    alpha: float = 1.0
    inplace: bool = False


@layer_of(F.celu)
class CELU(FunctionLayer):
    """x where it is above 0, alpha * (exp(x / alpha) - 1) elsewhere."""

    alpha: float = 1.0
    inplace: bool = False


@layer_of(F.selu)
class SELU(FunctionLayer):
    """ELU scaled so that deep networks keep mean 0 and variance 1. See `tg.selu`."""

    inplace: bool = False


@layer_of(F.gelu)
class GELU(FunctionLayer):
    """x times the share of the normal distribution below x, or an approximation of it by `approximate="tanh"`."""

    approximate: str = "none"


@layer_of(F.silu)
class SiLU(FunctionLayer):
    """x * sigmoid(x), element by element, also called swish."""

    inplace: bool = False


@layer_of(F.hardswish)
class Hardswish(FunctionLayer):
    """x * hardsigmoid(x), element by element."""

    inplace: bool = False

    def extra_repr(self) -> str:
        """Nothing, as in PyTorch."""
        return ""


@layer_of(F.mish)
class Mish(FunctionLayer):
    """x * tanh(log(1 + exp(x))), element by element."""

    inplace: bool = False


@layer_of(F.softplus)
class Softplus(FunctionLayer):
    """log(1 + exp(beta * x)) / beta, a smooth ReLU; x itself where beta * x is above `threshold`."""

    beta: float = 1.0
    threshold: float = 20.0


@layer_of(F.glu)
class GLU(FunctionLayer):
    """a * sigmoid(b), where a and b are the two halves of x along `dim`."""

    dim: int = -1


# Over an axis


@layer_of(F.softmax)
class Softmax(FunctionLayer):
    """exp(x) / sum of exp(x) along `dim`. `CrossEntropyLoss` takes the scores before it."""

    dim: int


class Softmax2d(Module):
    """Softmax over the channels of images (N, C, H, W) or (C, H, W)."""

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        if input.ndim not in (3, 4):
            raise tg.ShapeError(f"Softmax2d: input must be (N, C, H, W) or (C, H, W), got {tuple(input.shape)}")
        return F.softmax(input, -3)


@layer_of(F.log_softmax)
class LogSoftmax(FunctionLayer):
    """log(softmax(x)) along `dim`."""

    dim: int


@layer_of(F.softmin)
class Softmin(FunctionLayer):
    """softmax(-x) along `dim`."""

    dim: int
