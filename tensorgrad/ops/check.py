"""Checks that several operations share. Each raises before anything is computed, naming operation and values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import DTypeError, GradientError, ShapeError
from ..modes import noted
from ..node import TensorBase
from ..random import default_generator


def are_tensors(name: str, **values: Any) -> None:
    """Raise unless all are tensors or arrays, as most operations need them: not numbers, lists or None."""
    for key, value in values.items():
        if not isinstance(value, (TensorBase, np.ndarray, np.generic)):
            kind = type(value).__name__
            told = "None" if value is None else f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
            raise DTypeError(f"{name}: {key} is {told}, not a tensor or an array")


def tensor_or_list(name: str, what: str, value: Any) -> Any:
    """Labels or numbers of rows: a tensor as it is, an array or a list of numbers as an array of its own."""
    if isinstance(value, TensorBase):
        return value
    if not isinstance(value, (list, tuple, int)):
        are_tensors(name, **{what: value})
    try:
        return np.array(value)
    except (TypeError, ValueError):
        raise DTypeError(f"{name}: {what} is a list that is no array: {value!r}") from None


def sizes(name: str, what: str, value: Any, rank: int, least: int) -> tuple[int, ...]:
    """A number, or one for each of `rank` axes, as a tuple of ints not below `least`."""
    given = tuple(value) if isinstance(value, (tuple, list)) else (value,) * rank
    if len(given) == 1:
        given *= rank
    if len(given) == rank and set(map(type, given)) == {int} and min(given) >= least:  # nearly always, and soon told
        return given
    if len(given) != rank or any(isinstance(n, bool) or not isinstance(n, (int, np.integer)) for n in given):
        raise ShapeError(f"{name}: {what} must be an int or {rank} ints, got {value!r}")
    if any(n < least for n in given):
        raise ShapeError(f"{name}: {what} must be at least {least}, got {value!r}")
    return tuple(int(n) for n in given)


def positive(name: str, what: str, value: Any, rank: int) -> tuple[int, ...]:
    """A number, or one for each axis, as a tuple of positive ints."""
    return sizes(name, what, value, rank, least=1)


def same_dtype(name: str, **tensors: Any) -> None:
    """Raise unless all are tensors of one float dtype; None is left out, but for the first."""
    dtype = None
    for tensor in tensors.values():  # nearly always they are, and it is soon told
        if isinstance(tensor, TensorBase):
            if dtype is None:
                dtype = tensor._array.dtype
            elif tensor._array.dtype is not dtype:
                break
        elif tensor is not None or dtype is None:
            break
    else:
        if dtype is not None and dtype.kind == "f":
            return
    first = next(iter(tensors))
    tensors = {key: tensor for key, tensor in tensors.items() if tensor is not None or key == first}
    are_tensors(name, **tensors)
    dtypes = {key: tensor.dtype for key, tensor in tensors.items()}
    for key, dtype in dtypes.items():
        if dtype.kind != "f":
            raise DTypeError(f"{name}: {key} has dtype {dtype}, it must be a float: cast it, for example with .float()")
    if len(set(dtypes.values())) > 1:
        listed = ", ".join(f"{key} {dtype}" for key, dtype in dtypes.items())
        raise DTypeError(f"{name}: the dtypes differ: {listed}; cast one of them, for example with .to(dtype)")


def number(name: str, what: str, value: Any) -> float:
    """A Python or NumPy number as a float."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise DTypeError(f"{name}: {what} must be a number, got {value!r}")
    return float(value)


def refuse_gradient(name: str, what: str, value: Any) -> None:
    """Raise if what is to be a number is a tensor that requires a gradient, which would be lost without a word."""
    if isinstance(value, TensorBase) and value._requires_grad:
        raise GradientError(
            f"{name}: {what} is a number, which no gradient reaches, and the tensor given requires one: detach() or "
            ".item() it first"
        )


def epsilon(name: str, value: Any) -> float:
    """What is added to a variance: a number, not below 0."""
    eps = number(name, "eps", value)
    if not eps >= 0:
        raise ShapeError(f"{name}: eps must be at least 0, got {value!r}")
    return eps


def normalize_dim(name: str, dim: int, ndim: int) -> int:
    """An axis counted from the start; an error if there is none. A 0-d tensor counts as one axis, as in PyTorch."""
    if isinstance(dim, bool) or not isinstance(dim, (int, np.integer)):
        raise DTypeError(f"{name}: dim must be an int, got {type(dim).__name__}")
    count = max(ndim, 1)
    if not -count <= dim < count:
        raise ShapeError(f"{name}: dim {dim} is out of range for a tensor of {ndim} axes ({-count} to {count - 1})")
    return int(dim) % count


def normalize_dims(name: str, dim: int | Sequence[int] | None, ndim: int) -> tuple[int, ...]:
    """Axes counted from the start, in order: all for None or (), each at most once."""
    if dim is None or (isinstance(dim, (tuple, list)) and not dim):
        return tuple(range(ndim))
    given = dim if isinstance(dim, (tuple, list)) else (dim,)
    dims = sorted(normalize_dim(name, d, ndim) for d in given)
    if len(set(dims)) < len(dims):
        raise ShapeError(f"{name}: an axis appears twice in dim={tuple(given)}")
    return tuple(dims) if ndim else ()


def floats_that_broadcast(name: str, **tensors: Any) -> tuple[int, ...]:
    """The common shape of tensors; an error unless their shapes broadcast and one of them is of floats."""
    are_tensors(name, **tensors)
    if not any(tensor.dtype.kind == "f" for tensor in tensors.values()):
        listed = ", ".join(f"{key} {tensor.dtype}" for key, tensor in tensors.items())
        raise DTypeError(f"{name}: one of the dtypes must be a float: {listed}; cast one, for example with .float()")
    try:
        return np.broadcast_shapes(*[tuple(tensor.shape) for tensor in tensors.values()])
    except ValueError:
        listed = ", ".join(f"{key} {tuple(tensor.shape)}" for key, tensor in tensors.items())
        raise ShapeError(f"{name}: the shapes do not broadcast: {listed}") from None


def generator_for(name: str, generator: Any) -> np.random.Generator:
    """Where random numbers are drawn from: the generator that is given, or the one that `tg.manual_seed` seeds."""
    if generator is None:
        return noted(default_generator())
    if not isinstance(generator, np.random.Generator):
        raise DTypeError(f"{name}: generator must be a NumPy Generator, such as default_rng(0), got {generator!r}")
    return noted(generator)


def probability(name: str, what: str, value: Any) -> float:
    """A number from 0 to 1."""
    p = number(name, what, value)
    if not 0 <= p <= 1:
        raise ShapeError(f"{name}: {what} must be a probability from 0 to 1, got {p}")
    return p


def all_within(index: Any, size: int) -> bool:
    """Whether all of an array of integers are from 0 to size - 1."""
    if not index.size:
        return True
    if not index.dtype.isnative or size > np.iinfo(index.dtype).max:
        return bool(index.min() >= 0 and index.max() < size)
    # Read as unsigned, what is below 0 is too large: one look at all of them instead of two.
    return bool(index.view(f"u{index.itemsize}").max() < size)
