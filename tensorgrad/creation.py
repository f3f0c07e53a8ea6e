"""Making tensors. PyTorch's dtypes: float32 for floats, int64 for ints, an array's own dtype kept."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .arrays import check_device, made, number_of, size_of, to_array
from .dtypes import canonical, dtype_of
from .errors import DTypeError, ShapeError, SharingError
from .node import Array, TensorBase, make_tensor
from .ops.split import integer
from .primitive import astype

if TYPE_CHECKING:
    from .tensor import Tensor

# Of data


def tensor(data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor holding a copy of numbers, nested lists, an array or a tensor.

    The copy is a leaf: of a tensor that requires a gradient, alone or in a list, it warns that none will reach it.
    `stack` and `clone` keep the gradient, `detach` says that none is wanted.
    """
    return made("tensor", to_array(data, dtype, "tensor"), requires_grad, device)


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


def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """A tensor that shares the memory of an array of another library, through DLPack; of a copy if `copy` is True.

    Writes to the one are seen by the other, but not noticed by the graph. It can be written to if the other says so.
    Raises DTypeError for values that no tensor holds (bfloat16, complex numbers) and SharingError where the other
    library does not share its memory: a PyTorch tensor that requires a gradient or lies on another device.
    """
    check_device("from_dlpack", device)
    if not hasattr(ext_tensor, "__dlpack__") or not hasattr(ext_tensor, "__dlpack_device__"):
        raise DTypeError(f"from_dlpack: takes an array that offers __dlpack__, got {type(ext_tensor).__name__}")
    told = f"{type(ext_tensor).__module__}.{type(ext_tensor).__qualname__}"
    dtype = getattr(ext_tensor, "dtype", None)
    try:
        array = np.from_dlpack(ext_tensor) if copy is None else np.from_dlpack(ext_tensor, copy=copy)
    except (BufferError, ValueError) as error:
        raise SharingError(f"from_dlpack: {told} does not share its memory: {error}") from error
    except (
        RuntimeError
    ) as error:  # what NumPy raises for a dtype that it lacks; another error of the owner's is its own
        if "dtype" not in str(error):
            raise
        raise DTypeError(f"from_dlpack: {told} has dtype {dtype}, which tensors cannot have: {error}") from error
    if array.dtype.kind not in "biuf":
        raise DTypeError(f"from_dlpack: {told} has dtype {dtype}, which tensors cannot have")
    return from_numpy(array)


def as_tensor(data: Any, *, dtype: Any = None, device: Any = None) -> Tensor:
    """The tensor itself, or a tensor around an array without a copy, or a new tensor of numbers and lists.

    Of a list with a tensor in it that requires a gradient it warns, as `tensor` does.
    """
    check_device("as_tensor", device)
    if isinstance(data, np.ndarray):
        data = from_numpy(data)
    if not isinstance(data, TensorBase):
        return made("as_tensor", to_array(data, dtype, "as_tensor"))
    array = data._array
    same: Any = data
    if dtype is None or array.dtype == dtype_of("as_tensor", dtype):
        return same
    return astype(data, dtype=np.dtype(dtype))


# Of one value


def empty(*size: Any, dtype: Any = np.float32, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of a shape whose values are whatever the memory holds: `empty(2, 3)` or `empty((2, 3))`."""
    return made("empty", np.empty(size_of("empty", size), dtype_of("empty", dtype)), requires_grad, device)


def zeros(*size: Any, dtype: Any = np.float32, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros of a shape, `zeros(2, 3)` or `zeros((2, 3))`."""
    return made("zeros", np.zeros(size_of("zeros", size), dtype_of("zeros", dtype)), requires_grad, device)


def ones(*size: Any, dtype: Any = np.float32, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones of a shape."""
    return made("ones", np.ones(size_of("ones", size), dtype_of("ones", dtype)), requires_grad, device)


def full(size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """One value everywhere. Without `dtype` the value gives it: bool, int64 or float32."""
    value = to_array(number_of("full", "fill_value", fill_value), dtype, "full")
    return made("full", np.full(size_of("full", (size,)), value), requires_grad, device)


def empty_like(input: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Of another tensor's shape and dtype, with whatever the memory holds."""
    return made("empty_like", np.empty(*_like("empty_like", input, dtype)), requires_grad, device)


def zeros_like(input: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros of another tensor's shape and dtype."""
    return made("zeros_like", np.zeros(*_like("zeros_like", input, dtype)), requires_grad, device)


def ones_like(input: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones of another tensor's shape and dtype."""
    return made("ones_like", np.ones(*_like("ones_like", input, dtype)), requires_grad, device)


def full_like(
    input: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """One value everywhere, of another tensor's shape and dtype."""
    shape, target = _like("full_like", input, dtype)
    value = to_array(number_of("full_like", "fill_value", fill_value), target, "full_like")
    return made("full_like", np.full(shape, value), requires_grad, device)


def _like(name: str, input: Any, dtype: Any) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """The shape of a tensor, and its dtype unless another is given."""
    if not isinstance(input, (TensorBase, np.ndarray)):
        raise DTypeError(f"{name}: input is a {type(input).__name__}, not a tensor")
    array = input._array if isinstance(input, TensorBase) else input
    return array.shape, array.dtype if dtype is None else dtype_of(name, dtype)


# Of values in a row


def arange(
    start: Any, end: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """start, start + step, ... below `end` (above it, if `step` is negative); `arange(end)` starts at 0.

    int64 of ints; if one of them is a float, float32 computed in float64. Raises ShapeError for a step of 0, or one
    that leads away from `end`.
    """
    first, last = (0, start) if end is None else (start, end)
    given = {"start": first, "end": last, "step": step}
    first, last, step = (number_of("arange", what, value) for what, value in given.items())
    if step == 0 or not math.isfinite(first) or not math.isfinite(last) or not math.isfinite(step):
        raise ShapeError(f"arange: from {first} to {last} by {step}: the numbers must be finite, and the step not 0")
    if (last - first) * step < 0:
        raise ShapeError(f"arange: a step of {step} leads from {first} away from {last}")
    whole = not any(isinstance(value, float) for value in (first, last, step))
    count = -((first - last) // step) if whole else math.ceil((last - first) / step)
    values = first + np.arange(count) * step
    if dtype is None:
        dtype = np.int64 if whole else np.float32
    return made("arange", values.astype(dtype_of("arange", dtype)), requires_grad, device)


def linspace(
    start: Any, end: Any, steps: int, *, dtype: Any = np.float32, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """`steps` values from `start` to `end`, both included, at equal distances. Of integers, cut off towards 0."""
    values = np.linspace(
        number_of("linspace", "start", start), number_of("linspace", "end", end), _steps("linspace", steps)
    )
    return made("linspace", values.astype(dtype_of("linspace", dtype)), requires_grad, device)


def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    dtype: Any = np.float32,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """base ** x for the `steps` values x that `linspace` gives."""
    exponents = np.linspace(
        number_of("logspace", "start", start), number_of("logspace", "end", end), _steps("logspace", steps)
    )
    values = np.power(float(number_of("logspace", "base", base)), exponents)
    return made("logspace", values.astype(dtype_of("logspace", dtype)), requires_grad, device)


def _steps(name: str, steps: Any) -> int:
    count = integer(name, "steps", steps)
    if count < 0:
        raise ShapeError(f"{name}: steps must be at least 0, got {count}")
    return count


def eye(
    n: int, m: int | None = None, *, dtype: Any = np.float32, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Ones on the diagonal of an n x m matrix, zeros elsewhere; square if `m` is not given."""
    rows, columns = size_of("eye", (n, n if m is None else m))
    return made("eye", np.eye(rows, columns, dtype=dtype_of("eye", dtype)), requires_grad, device)
