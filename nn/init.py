"""Values that parameters start with. Every function writes into a tensor, and returns it.

Random ones draw from `generator`, or from the generator that `tg.manual_seed` seeds. Tensors made under `nn.meta()`
have no values, and are passed over.
"""

import math
from typing import Any, TypeVar

import numpy as np

import tensorgrad as tg

from .abstract import is_blank

TensorT = TypeVar("TensorT", bound=tg.Tensor)
Generator = np.random.Generator | None


def uniform_(tensor: TensorT, a: float = 0.0, b: float = 1.0, generator: Generator = None) -> TensorT:
    """Uniform on [a, b)."""
    if is_blank(tensor):
        return tensor
    values = _source(generator).random(tensor.shape, _drawn_as(tensor))
    values *= b - a
    values += a
    return _set(tensor, values)


def normal_(tensor: TensorT, mean: float = 0.0, std: float = 1.0, generator: Generator = None) -> TensorT:
    """Normal with mean `mean` and standard deviation `std`."""
    if is_blank(tensor):
        return tensor
    values = _source(generator).standard_normal(tensor.shape, _drawn_as(tensor))
    values *= std
    values += mean
    return _set(tensor, values)


def constant_(tensor: TensorT, val: float) -> TensorT:
    """One value everywhere."""
    if not is_blank(tensor):
        with tg.no_grad():
            tensor.fill_(val)
    return tensor


def zeros_(tensor: TensorT) -> TensorT:
    """0 everywhere."""
    return constant_(tensor, 0.0)


def ones_(tensor: TensorT) -> TensorT:
    """1 everywhere."""
    return constant_(tensor, 1.0)


def trunc_normal_(
    tensor: TensorT, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0, generator: Generator = None
) -> TensorT:
    """Normal with mean `mean` and standard deviation `std`, drawn again wherever it falls outside of [a, b]."""
    if not a < b:
        raise tg.ShapeError(f"trunc_normal_: a must be below b, got {a} and {b}")
    if is_blank(tensor):
        return tensor
    source, dtype = _source(generator), _drawn_as(tensor)
    low, high = (a - mean) / std, (b - mean) / std
    values = np.empty(tensor.numel(), dtype)
    # Few normal values fall between bounds far out or close together. There, uniform ones are drawn, and kept with the
    # density's share of its highest value between the bounds.
    normal = (math.erf(high / math.sqrt(2)) - math.erf(low / math.sqrt(2))) / 2 > 0.3
    peak = min(max(low, 0.0), high) ** 2 / 2
    rest = np.arange(values.size)
    while rest.size:
        if normal:
            drawn = source.standard_normal(rest.size, dtype)
            kept = (drawn >= low) & (drawn <= high)
        else:
            drawn = low + (high - low) * source.random(rest.size, dtype)
            kept = source.random(rest.size) < np.exp(peak - drawn.astype(np.float64) ** 2 / 2)
        values[rest[kept]] = drawn[kept]
        rest = rest[~kept]
    return _set(tensor, np.clip(values * std + mean, a, b).reshape(tensor.shape))


def eye_(tensor: TensorT) -> TensorT:
    """Ones on the diagonal of a matrix, zeros elsewhere: a dense layer that passes its input on."""
    _need("eye_", tensor, (2,))
    return tensor if is_blank(tensor) else _set(tensor, np.eye(tensor.shape[0], tensor.shape[1]))


def dirac_(tensor: TensorT, groups: int = 1) -> TensorT:
    """A 1 in the middle of filter i for channel i, in each of `groups` alike: a convolution that passes channels on."""
    _need("dirac_", tensor, (3, 4, 5))
    if tensor.shape[0] % groups:
        raise tg.ShapeError(f"dirac_: groups={groups} does not divide the {tensor.shape[0]} filters of {tensor.shape}")
    if is_blank(tensor):
        return tensor
    values = np.zeros((groups, tensor.shape[0] // groups, *tensor.shape[1:]))
    same = np.arange(min(values.shape[1:3]))
    middle = tuple(n // 2 for n in tensor.shape[2:])
    places: tuple[Any, ...] = (slice(None), same, same, *middle)
    values[places] = 1
    return _set(tensor, values.reshape(tensor.shape))


def orthogonal_(tensor: TensorT, gain: float = 1, generator: Generator = None) -> TensorT:
    """A random matrix, (size of axis 0, all others), times `gain`: its rows, or columns if fewer, are orthogonal.

    It keeps lengths, so that deep linear networks learn. After Saxe et al., "Exact solutions to the nonlinear dynamics
    of learning in deep linear neural networks" (2014), https://arxiv.org/abs/1312.6120.
    """
    if tensor.ndim < 2:
        raise tg.ShapeError(f"orthogonal_: at least 2 axes are needed, got shape {tensor.shape}")
    if is_blank(tensor) or not tensor.numel():
        return tensor
    rows, columns = tensor.shape[0], tensor.numel() // tensor.shape[0]
    q, r = np.linalg.qr(_source(generator).standard_normal((max(rows, columns), min(rows, columns)), _drawn_as(tensor)))
    q *= np.sign(np.diag(r))  # without this, q would not be uniform over all such matrices: Mezzadri (2007)
    return _set(tensor, gain * (q if rows >= columns else q.T).reshape(tensor.shape))


def sparse_(tensor: TensorT, sparsity: float, std: float = 0.01, generator: Generator = None) -> TensorT:
    """Normal with mean 0 in a matrix, but in each column a share `sparsity` of the values, rounded up, is 0.

    After Martens, "Deep learning via Hessian-free optimization" (2010).
    """
    _need("sparse_", tensor, (2,))
    if not 0 <= sparsity <= 1:
        raise tg.ShapeError(f"sparse_: sparsity must be a share from 0 to 1, got {sparsity}")
    if is_blank(tensor):
        return tensor
    source = _source(generator)
    values = source.standard_normal(tensor.shape, _drawn_as(tensor)) * std
    zeros = math.ceil(sparsity * tensor.shape[0])
    places = np.broadcast_to(np.arange(tensor.shape[0])[:, None], tensor.shape)
    np.put_along_axis(values, source.permuted(places, axis=0)[:zeros], 0, axis=0)
    return _set(tensor, values)


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


def _need(name: str, tensor: tg.Tensor, ranks: tuple[int, ...]) -> None:
    if tensor.ndim not in ranks:
        wanted = " or ".join([", ".join(map(str, ranks[:-1])), str(ranks[-1])] if ranks[1:] else map(str, ranks))
        raise tg.ShapeError(f"{name}: {wanted} axes are needed, got shape {tensor.shape}")


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
