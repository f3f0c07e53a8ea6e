"""Making tensors. PyTorch's dtypes: float32 for floats, int64 for ints, an array's own dtype kept."""

from __future__ import annotations

from typing import Any

import numpy as np

from .dtypes import canonical
from .errors import DTypeError
from .node import Array, TensorBase, make_tensor
from .random import default_generator
from .tensor import Tensor


def tensor(data: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor holding a copy of numbers, nested lists, an array or a tensor."""
    return Tensor(data, dtype, requires_grad)


def from_numpy(array: Array) -> Tensor:
    """A tensor that shares the array's memory. Writes to the array are not seen by the engine."""
    if not isinstance(array, np.ndarray):
        raise DTypeError(f"from_numpy: takes a NumPy array, got {type(array).__name__}")
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        raise DTypeError(f"from_numpy: values of dtype {array.dtype} cannot be held; bool, integers and floats can")
    if not array.dtype.isnative:
        raise DTypeError(
            f"from_numpy: the bytes of {array.dtype} are in another order than this machine's: use tensor()"
        )
    result: Tensor = make_tensor(canonical(array))
    return result


def from_dlpack(source: Any) -> Tensor:
    """A tensor that shares the memory of an array of another library, through DLPack."""
    return from_numpy(np.from_dlpack(source))


def as_tensor(data: Any, *, dtype: Any = None) -> Tensor:
    """The tensor itself, or a tensor around an array without a copy, or a new tensor of numbers and lists."""
    if isinstance(data, np.ndarray):
        data = from_numpy(data)
    if not isinstance(data, Tensor):
        return Tensor(data, dtype)
    return data if dtype is None else data.to(dtype)


def zeros(*size: Any, dtype: Any = np.float32, requires_grad: bool = False) -> Tensor:
    """Zeros of a shape, `zeros(2, 3)` or `zeros((2, 3))`."""
    return _made(np.zeros(_shape(size), dtype), requires_grad)


def ones(*size: Any, dtype: Any = np.float32, requires_grad: bool = False) -> Tensor:
    """Ones of a shape."""
    return _made(np.ones(_shape(size), dtype), requires_grad)


def full(size: Any, fill_value: float, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """One value everywhere."""
    return _made(np.full(size, Tensor(fill_value, dtype)._data), requires_grad)


def zeros_like(input: TensorBase, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros of another tensor's shape and dtype."""
    return _made(np.zeros(input._data.shape, dtype or input._data.dtype), requires_grad)


def ones_like(input: TensorBase, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones of another tensor's shape and dtype."""
    return _made(np.ones(input._data.shape, dtype or input._data.dtype), requires_grad)


def arange(
    start: float, end: float | None = None, step: float = 1, *, dtype: Any = None, requires_grad: bool = False
) -> Tensor:
    """start, start + step, ... below `end`; `arange(end)` starts at 0."""
    first, last = (0, start) if end is None else (start, end)
    array: Array = np.arange(first, last, step, dtype)  # type: ignore[call-overload]  # its stubs split int from float
    return _made(array.astype(np.float32) if dtype is None and array.dtype == np.float64 else array, requires_grad)


def linspace(start: float, end: float, steps: int, *, dtype: Any = np.float32, requires_grad: bool = False) -> Tensor:
    """`steps` values from `start` to `end`, both included."""
    return _made(np.linspace(start, end, steps, dtype=dtype), requires_grad)


def eye(n: int, m: int | None = None, *, dtype: Any = np.float32, requires_grad: bool = False) -> Tensor:
    """Ones on the diagonal of an n x m matrix, zeros elsewhere."""
    return _made(np.eye(n, m, dtype=dtype), requires_grad)


def rand(
    *size: Any, generator: np.random.Generator | None = None, dtype: Any = np.float32, requires_grad: bool = False
) -> Tensor:
    """Uniform on [0, 1)."""
    return _made((generator or default_generator()).random(_shape(size)).astype(dtype), requires_grad)


def randn(
    *size: Any, generator: np.random.Generator | None = None, dtype: Any = np.float32, requires_grad: bool = False
) -> Tensor:
    """From the normal distribution of mean 0 and variance 1."""
    return _made((generator or default_generator()).standard_normal(_shape(size)).astype(dtype), requires_grad)


def randint(low: int, high: int, size: Any, *, generator: np.random.Generator | None = None) -> Tensor:
    """Integers from `low` to `high` - 1, all equally likely."""
    return _made((generator or default_generator()).integers(low, high, size), False)


def _shape(size: tuple[Any, ...]) -> tuple[int, ...]:
    return tuple(size[0]) if len(size) == 1 and isinstance(size[0], (tuple, list)) else tuple(size)


def _made(array: Array, requires_grad: bool) -> Tensor:
    result: Tensor = make_tensor(np.asarray(array))
    if requires_grad:
        result.requires_grad = True
    return result
