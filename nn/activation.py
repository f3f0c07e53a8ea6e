"""Activation functions as modules."""

from typing import Any

import numpy as np

import tensorgrad as tg

from . import functional as F
from .abstract import blank
from .init import constant_
from .module import Module, Parameter


class _Inplace(Module):
    """What activations that PyTorch can do in place have in common: `inplace` is taken, and changes nothing."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def extra_repr(self) -> str:
        """The settings, and whether it was asked to work in place."""
        settings = self._settings()
        return ", ".join([*([settings] if settings else []), *(["inplace=True"] if self.inplace else [])])

    def _settings(self) -> str:
        return ""


class ReLU(_Inplace):
    """max(x, 0), element by element. `inplace` is taken for code written for PyTorch, and changes nothing."""

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        return F.relu(input)


class Tanh(Module):
    """The hyperbolic tangent, element by element."""

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        return F.tanh(input)


class Sigmoid(Module):
    """1 / (1 + exp(-x)), element by element."""

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        return F.sigmoid(input)


class _AlongDim(Module):
    """What softmax and its relatives have in common: the axis."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def extra_repr(self) -> str:
        """The axis."""
        return f"dim={self.dim}"


class Softmax(_AlongDim):
    """exp(x) / sum of exp(x) along `dim`. `CrossEntropyLoss` takes the scores before it."""

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        return F.softmax(input, self.dim)


class LogSoftmax(_AlongDim):
    """log(softmax(x)) along `dim`."""

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        return F.log_softmax(input, self.dim)


class Softmin(_AlongDim):
    """softmax(-x) along `dim`."""

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        return F.softmin(input, self.dim)


class ReLU6(_Inplace):
    """min(max(x, 0), 6), element by element."""

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        return F.relu6(input)


class SELU(_Inplace):
    """ELU scaled so that deep networks keep mean 0 and variance 1. See `tg.selu`."""

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        return F.selu(input)


class SiLU(_Inplace):
    """x * sigmoid(x), element by element, also called swish."""

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        return F.silu(input)


class LeakyReLU(_Inplace):
    """x where it is above 0, negative_slope * x elsewhere."""

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.negative_slope = negative_slope

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        return F.leaky_relu(input, self.negative_slope)

    def _settings(self) -> str:
        return f"negative_slope={self.negative_slope}"


class ELU(_Inplace):
    """x where it is above 0, alpha * (exp(x) - 1) elsewhere."""

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.alpha = alpha

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        return F.elu(input, self.alpha)

    def _settings(self) -> str:
        return f"alpha={self.alpha}"


class Hardtanh(_Inplace):
    """x, but not below `min_val` nor above `max_val`."""

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        if not min_val < max_val:
            raise tg.ShapeError(f"Hardtanh: min_val must be below max_val, got {min_val} and {max_val}")
        self.min_val, self.max_val = min_val, max_val

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        return F.hardtanh(input, self.min_val, self.max_val)

    def _settings(self) -> str:
        return f"min_val={self.min_val}, max_val={self.max_val}"


class GELU(Module):
    """x times the share of the normal distribution below x, or an approximation of it by `approximate="tanh"`."""

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        return F.gelu(input, self.approximate)

    def extra_repr(self) -> str:
        """The form."""
        return f"approximate={self.approximate!r}"


class Softplus(Module):
    """log(1 + exp(beta * x)) / beta, a smooth ReLU; x itself where beta * x is above `threshold`."""

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta, self.threshold = beta, threshold

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        """The settings."""
        return f"beta={self.beta}, threshold={self.threshold}"


class LogSigmoid(Module):
    """log(sigmoid(x)), exact where sigmoid itself would round to 0."""

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        return F.logsigmoid(input)


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
