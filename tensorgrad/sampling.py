"""Tensors of random numbers, drawn from `generator` or from the generator that `tg.manual_seed` seeds.

What is drawn has no gradient: not with respect to the probabilities, means or widths that it is drawn by either, where
PyTorch has one of zeros. For a gradient, compute from what is drawn: `mean + std * randn_like(std)`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .arrays import made, number_of, size_of
from .creation import _like
from .dtypes import dtype_of
from .errors import DTypeError, ShapeError
from .node import Array, TensorBase
from .ops.check import are_tensors, generator_for
from .ops.search import _search_rows as search_rows
from .ops.split import integer

if TYPE_CHECKING:
    from .tensor import Tensor

_Generator = np.random.Generator | None

# Of a shape


def rand(
    *size: Any, generator: _Generator = None, dtype: Any = np.float32, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Uniform on [0, 1)."""
    return made("rand", draw_uniform("rand", size_of("rand", size), dtype, generator), requires_grad, device)


def randn(
    *size: Any, generator: _Generator = None, dtype: Any = np.float32, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """From the normal distribution of mean 0 and variance 1."""
    return made("randn", draw_normal("randn", size_of("randn", size), dtype, generator), requires_grad, device)


def randint(
    low: Any = 0,
    high: Any = None,
    size: Any = None,
    *,
    generator: _Generator = None,
    dtype: Any = np.int64,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Integers from `low` to `high` - 1, all equally likely: `randint(2, 5, (3,))`, or `randint(5, (3,))` from 0."""
    if size is None and isinstance(high, (tuple, list)):
        low, high, size = 0, low, high
    elif high is None:
        low, high = 0, low
    if size is None:
        raise DTypeError("randint: the size is missing: randint(low, high, size) or randint(high, size)")
    values = draw_integers("randint", low, high, size_of("randint", (size,)), generator)
    return made("randint", values.astype(dtype_of("randint", dtype)), requires_grad, device)


def randperm(
    n: int, *, generator: _Generator = None, dtype: Any = np.int64, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """The integers from 0 to n - 1 in a random order."""
    (count,) = size_of("randperm", (n,))
    order = generator_for("randperm", generator).permutation(count)
    return made("randperm", order.astype(dtype_of("randperm", dtype)), requires_grad, device)


# Of the shape of another tensor


def rand_like(
    input: Any, *, generator: _Generator = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Uniform on [0, 1), of another tensor's shape and dtype."""
    return made(
        "rand_like", draw_uniform("rand_like", *_like("rand_like", input, dtype), generator), requires_grad, device
    )


def randn_like(
    input: Any, *, generator: _Generator = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """From the normal distribution of mean 0 and variance 1, of another tensor's shape and dtype."""
    return made(
        "randn_like", draw_normal("randn_like", *_like("randn_like", input, dtype), generator), requires_grad, device
    )


def randint_like(
    input: Any,
    low: Any = 0,
    high: Any = None,
    *,
    generator: _Generator = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Integers from `low` to `high` - 1, of another tensor's shape and dtype; `randint_like(x, high)` from 0."""
    low, high = (0, low) if high is None else (low, high)
    shape, target = _like("randint_like", input, dtype)
    values = draw_integers("randint_like", low, high, shape, generator)
    return made("randint_like", values.astype(target), requires_grad, device)


# Of distributions that tensors tell


def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: _Generator = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """From normal distributions: of the `mean` and `std` of each place, which are tensors or numbers and broadcast.

    Of two numbers, `size` tells the shape. Raises ShapeError for a `std` below 0. See the module on gradients.
    """
    centre, width = (_number_or_array("normal", *told) for told in (("mean", mean), ("std", std)))
    if np.any(np.less(width, 0)):
        raise ShapeError(f"normal: std must be at least 0, got {np.min(width)}")
    arrays = [x for x in (centre, width) if isinstance(x, np.ndarray)]
    for x in arrays:
        if x.dtype.kind != "f":
            raise DTypeError(f"normal: mean and std must be floats, got dtype {x.dtype}")
    if arrays and size is not None:
        raise ShapeError("normal: size is for a mean and a std that are numbers: tensors have shapes of their own")
    if not arrays and size is None:
        raise ShapeError("normal: size is missing: of two numbers, it tells the shape")
    try:
        shape = np.broadcast_shapes(*[x.shape for x in arrays]) if arrays else size_of("normal", (size,))
    except ValueError:
        raise ShapeError(f"normal: the shapes do not broadcast: mean {np.shape(mean)}, std {np.shape(std)}") from None
    if dtype is None:
        dtype = np.result_type(*[x.dtype for x in arrays]) if arrays else np.float32
    values = draw_normal("normal", shape, np.float64, generator) * width + centre
    return made("normal", values.astype(dtype_of("normal", dtype)), requires_grad, device)


def bernoulli(input: Any, p: float | None = None, *, generator: _Generator = None) -> Tensor:
    """1 with the probability that each value of `input` tells, else 0, in its dtype; with `p`, one for all.

    Raises ShapeError for what is no probability from 0 to 1. See the module on gradients.
    """
    are_tensors("bernoulli", input=input)
    probability = _number_or_array("bernoulli", "p", input if p is None else p)
    if p is None and input.dtype.kind != "f":
        raise DTypeError(f"bernoulli: probabilities are floats, input has dtype {input.dtype}")
    draws = draw_bernoulli("bernoulli", probability, tuple(input.shape), generator)
    return made("bernoulli", draws.astype(input.dtype))


def multinomial(input: Any, num_samples: int, replacement: bool = False, *, generator: _Generator = None) -> Tensor:
    """Indices drawn with the weights of `input`, which has one axis, or a row of weights for each row of the result.

    The weights need not add up to 1. With `replacement` an index may come more than once. Raises ShapeError for a
    weight that is negative or not finite, for a row of zeros, and, without replacement, for more samples than there
    are weights above 0, where PyTorch draws some of weight 0.
    """
    are_tensors("multinomial", input=input)
    weights: Array = input._array if isinstance(input, TensorBase) else input
    count = integer("multinomial", "num_samples", num_samples)
    if weights.dtype.kind != "f":
        raise DTypeError(f"multinomial: weights are floats, input has dtype {weights.dtype}")
    if weights.ndim not in (1, 2):
        raise ShapeError(f"multinomial: input must have one axis or two, got shape {weights.shape}")
    if count < 1:
        raise ShapeError(f"multinomial: num_samples must be at least 1, got {count}")
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise ShapeError("multinomial: a weight in input is negative, infinite or nan")
    possible = np.count_nonzero(weights, -1)
    if np.any(possible == 0) or weights.shape[-1] == 0:
        raise ShapeError(f"multinomial: there is no weight above 0 to draw by, in input of shape {weights.shape}")
    if not replacement and np.any(possible < count):
        raise ShapeError(
            f"multinomial: {count} samples without replacement, but only {np.min(possible)} weights above 0"
        )
    rng = generator_for("multinomial", generator)
    rows = weights.astype(np.float64).reshape(-1, weights.shape[-1])
    if replacement:
        limits = np.cumsum(rows, -1)
        # What is drawn stays below the last limit also where the product is rounded up.
        drawn = np.minimum(rng.random((len(rows), count)) * limits[:, -1:], np.nextafter(limits[:, -1:], 0))
        places = search_rows(limits, drawn, True)
    else:
        # Of exponential times whose rates are the weights, each is the smallest with the probability of its weight, and
        # the next smallest is as if drawn from the others. By logarithms, none overflows.
        with np.errstate(divide="ignore"):
            times = np.log(rng.standard_exponential(rows.shape)) - np.log(rows)
        places = np.argsort(times, -1)[:, :count]
    places = places.reshape(*weights.shape[:-1], count)
    return made("multinomial", places.astype(np.int64))


# What they draw, as arrays; the methods that fill a tensor draw the same


def draw_uniform(name: str, shape: tuple[int, ...], dtype: Any, generator: _Generator) -> Array:
    """Uniform on [0, 1), which rounding to a narrower float may not leave."""
    target = _float(name, dtype)
    values = generator_for(name, generator).random(shape).astype(target)
    return values if target == np.float64 else np.minimum(values, np.nextafter(target.type(1), target.type(0)))


def draw_normal(name: str, shape: tuple[int, ...], dtype: Any, generator: _Generator) -> Array:
    """From the normal distribution of mean 0 and variance 1."""
    target = _float(name, dtype)
    return np.asarray(generator_for(name, generator).standard_normal(shape)).astype(target)


def draw_integers(name: str, low: Any, high: Any, shape: tuple[int, ...], generator: _Generator) -> Array:
    """From low to high - 1."""
    first, end = integer(name, "low", low), integer(name, "high", high)
    if first >= end:
        raise ShapeError(f"{name}: there is no integer from low={first} to high - 1 = {end - 1}")
    return np.asarray(generator_for(name, generator).integers(first, end, shape))


def draw_bernoulli(name: str, probability: Any, shape: tuple[int, ...], generator: _Generator) -> Array:
    """Whether each place is chosen, by a probability for all or one for each."""
    if not np.all((np.asarray(probability) >= 0) & (np.asarray(probability) <= 1)):
        raise ShapeError(f"{name}: a probability is not from 0 to 1")
    chosen: Array = generator_for(name, generator).random(shape) < probability
    return np.asarray(chosen)


def _number_or_array(name: str, what: str, value: Any) -> Any:
    if isinstance(value, (TensorBase, np.ndarray)):
        return value._array if isinstance(value, TensorBase) else value
    return number_of(name, what, value)


def _float(name: str, dtype: Any) -> np.dtype[Any]:
    target = dtype_of(name, dtype)
    if target.kind != "f":
        raise DTypeError(f"{name}: random floats need a float dtype, got {target}")
    return target
