"""What making tensors is made of: numbers and lists as arrays, sizes, devices."""

from __future__ import annotations

import operator
import warnings
from typing import Any

import numpy as np

from .dtypes import canonical, dtype_of
from .errors import DTypeError, ShapeError
from .kernels.buffers import visible
from .modes import STATE
from .node import Array, TensorBase, make_tensor
from .ops.check import refuse_gradient


class device:
    """Where a tensor lies: always `device("cpu")`, memory of the processor. Raises ShapeError for another.

    It is there so that programs written for PyTorch run: `x.to(device)`, `zeros(3, device=device)`.
    """

    type = "cpu"
    index = None

    def __init__(self, type: str = "cpu") -> None:
        if type not in ("cpu", "cpu:0"):
            raise ShapeError(f"device: tensors lie on 'cpu', there is no device {type!r}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device)

    def __hash__(self) -> int:
        return hash("cpu")

    def __str__(self) -> str:
        return "cpu"

    def __repr__(self) -> str:
        return "device(type='cpu')"


CPU = device()


def made(name: str, array: Any, requires_grad: bool = False, device: Any = None) -> Any:
    """A new tensor around an array that nobody else has."""
    check_device(name, device)
    values = np.asarray(array)
    if values.dtype.kind not in "biuf" or values.dtype.itemsize > 8:
        raise DTypeError(f"{name}: values of dtype {values.dtype} cannot be held; bool, integers and floats can")
    result: Any = make_tensor(canonical(values))
    if requires_grad:
        result.requires_grad = True
    return result


def check_device(name: str, given: Any) -> None:
    """Raise unless it is None or the processor."""
    if given is not None and not isinstance(given, device) and given not in ("cpu", "cpu:0"):
        raise ShapeError(f"{name}: tensors lie on 'cpu', there is no device {given!r}")


def size_of(name: str, sizes: tuple[Any, ...]) -> tuple[int, ...]:
    """The shape of f(2, 3) or f((2, 3)), which mean the same."""
    given = tuple(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)) else sizes
    try:
        shape = tuple(operator.index(n) for n in given)
    except TypeError:
        raise DTypeError(f"{name}: sizes must be ints, or one tuple of ints, got {given!r}") from None
    if any(n < 0 for n in shape):
        raise ShapeError(f"{name}: sizes must be at least 0, got {shape}")
    return shape


def number_of(name: str, what: str, value: Any) -> Any:
    """A Python number, also of a NumPy number or of a tensor of one value, unless that requires a gradient."""
    refuse_gradient(name, what, value)
    if isinstance(value, (TensorBase, np.ndarray, np.generic)):
        array = value._array if isinstance(value, TensorBase) else np.asarray(value)
        value = array.item() if array.size == 1 else value
    if not isinstance(value, (bool, int, float)):
        raise DTypeError(f"{name}: {what} must be a number, got {value!r}")
    return value


def to_array(data: Any, dtype: Any = None, name: str = "tensor") -> Array:
    """A new array of numbers, (nested lists of) Python numbers, arrays or tensors, by PyTorch's dtypes.

    Warns, while recording, if a tensor among them requires a gradient: the copy has no history.
    """
    if dtype is not None:
        dtype = dtype_of(name, dtype)
    if isinstance(data, (TensorBase, list, tuple)):
        found: list[TensorBase] = []
        data = _plain(data, found)
        if found and STATE.get().recording:
            warnings.warn(
                f"{name}: a tensor that requires a gradient is copied, and the copy has no history: no gradient will "
                "reach it. Use stack() or clone() to keep the gradient, detach() to say that none is wanted",
                UserWarning,
                stacklevel=3,
            )
    elif hasattr(data, "__array__") and not isinstance(data, (np.ndarray, np.generic)):
        data = np.asarray(data)  # of another library, which may not know NumPy's keyword `copy`
    try:
        array = np.array(data, dtype=dtype)
    except ValueError as error:
        raise ShapeError(f"{name}: the data is not a regular array of numbers: {error}") from None
    if dtype is None and array.dtype == np.float64 and not isinstance(data, (np.ndarray, np.generic)):
        array = array.astype(np.float32)
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        raise DTypeError(f"{name}: values of dtype {array.dtype} cannot be held; bool, integers and floats can")
    return visible(canonical(array))


def _plain(data: Any, found: list[TensorBase]) -> Any:
    """Nested lists with arrays for tensors; those that require a gradient are added to `found`."""
    if isinstance(data, (list, tuple)):
        return [_plain(item, found) for item in data]
    if not isinstance(data, TensorBase):
        return data
    if data._requires_grad:
        found.append(data)
    return data._array
