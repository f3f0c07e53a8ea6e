"""Values that parameters start with. Every function writes into a tensor, and returns it.

Random ones draw from `generator`, or from the generator that `tg.manual_seed` seeds.
"""

import math
from typing import TypeVar

import numpy as np

import tensorgrad as tg

TensorT = TypeVar("TensorT", bound=tg.Tensor)
Generator = np.random.Generator | None


def uniform_(tensor: TensorT, a: float = 0.0, b: float = 1.0, generator: Generator = None) -> TensorT:
    """Uniform on [a, b)."""
    values = _source(generator).random(tensor.shape, _drawn_as(tensor))
    values *= b - a
    values += a
    return _set(tensor, values)


def normal_(tensor: TensorT, mean: float = 0.0, std: float = 1.0, generator: Generator = None) -> TensorT:
    """Normal with mean `mean` and standard deviation `std`."""
    values = _source(generator).standard_normal(tensor.shape, _drawn_as(tensor))
    values *= std
    values += mean
    return _set(tensor, values)


def constant_(tensor: TensorT, val: float) -> TensorT:
    """One value everywhere."""
    with tg.no_grad():
        tensor.fill_(val)
    return tensor


def zeros_(tensor: TensorT) -> TensorT:
    """0 everywhere."""
    return constant_(tensor, 0.0)


def ones_(tensor: TensorT) -> TensorT:
    """1 everywhere."""
    return constant_(tensor, 1.0)


def xavier_uniform_(tensor: TensorT, gain: float = 1.0, generator: Generator = None) -> TensorT:
    """Uniform with variance gain² · 2 / (fan_in + fan_out): the bound is gain · sqrt(6 / (fan_in + fan_out)).

    Keeps the size of values and of gradients about equal through a layer. After Glorot and Bengio, "Understanding the
    difficulty of training deep feedforward neural networks" (2010).
    """
    bound = gain * math.sqrt(6.0 / sum(fans("xavier_uniform_", tensor)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: TensorT, gain: float = 1.0, generator: Generator = None) -> TensorT:
    """Normal with mean 0 and variance gain² · 2 / (fan_in + fan_out); see `xavier_uniform_`."""
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / sum(fans("xavier_normal_", tensor))), generator)


def kaiming_uniform_(
    tensor: TensorT,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator = None,
) -> TensorT:
    """Uniform with variance gain² / fan: the bound is gain · sqrt(3 / fan), with the gain of `nonlinearity`.

    Keeps the size of values (mode "fan_in") or of gradients ("fan_out") about equal through a layer followed by that
    activation; `a` is the slope of leaky_relu below 0. After He et al., "Delving deep into rectifiers" (2015),
    https://arxiv.org/abs/1502.01852.
    """
    bound = math.sqrt(3.0) * _kaiming_std("kaiming_uniform_", tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: TensorT,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator = None,
) -> TensorT:
    """Normal with mean 0 and variance gain² / fan; see `kaiming_uniform_`."""
    return normal_(tensor, 0.0, _kaiming_std("kaiming_normal_", tensor, a, mode, nonlinearity), generator)


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """By how much an activation shrinks values, to be made up for: sqrt(2) for relu, 5/3 for tanh, 1 for sigmoid.

    `param` is the slope of leaky_relu below 0, 0.01 unless given.
    """
    gains = {"tanh": 5.0 / 3.0, "relu": math.sqrt(2.0), "selu": 3.0 / 4.0}
    gains |= dict.fromkeys(("linear", "conv1d", "conv2d", "conv3d", "sigmoid"), 1.0)
    gains |= dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), 1.0)
    gains["leaky_relu"] = math.sqrt(2.0 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity not in gains:
        raise tg.ShapeError(f"calculate_gain: nonlinearity must be one of {', '.join(gains)}, got {nonlinearity!r}")
    return gains[nonlinearity]


def fans(name: str, tensor: tg.Tensor) -> tuple[int, int]:
    """(fan_in, fan_out): how many inputs each output of a weight (out, in, ...) sees, and the reverse."""
    if tensor.ndim < 2:
        raise tg.ShapeError(f"{name}: a weight of shape {tensor.shape} has no fan in and fan out; 2 axes are needed")
    window = math.prod(tensor.shape[2:])
    return tensor.shape[1] * window, tensor.shape[0] * window


def _kaiming_std(name: str, tensor: tg.Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise tg.ShapeError(f"{name}: mode must be 'fan_in' or 'fan_out', got {mode!r}")
    fan = fans(name, tensor)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(max(fan, 1))


def _source(generator: Generator) -> np.random.Generator:
    return tg.default_generator() if generator is None else generator


def _drawn_as(tensor: tg.Tensor) -> type[np.float32] | type[np.float64]:
    return np.float64 if tensor.dtype == np.float64 else np.float32


def _set(tensor: TensorT, values: np.ndarray | float) -> TensorT:
    with tg.no_grad():
        tensor.copy_(values)
    return tensor
