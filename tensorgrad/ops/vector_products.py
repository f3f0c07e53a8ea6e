"""Products of the vectors along one axis of two tensors whose other axes broadcast: `linalg.cross`, `linalg.vecdot`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DTypeError, ShapeError
from ..node import Array
from ..primitive import primitive, sum_to
from .check import are_tensors, normalize_dim, same_dtype
from .contract import Factor, contract

if TYPE_CHECKING:
    from ..tensor import Tensor


def cross(input: Any, other: Any, *, dim: int = -1) -> Tensor:
    """The vector product of the vectors of three elements along `dim`.

    The other axes broadcast; both tensors have the same number of axes.
    """
    are_tensors("linalg.cross", input=input, other=other)
    return vector_product("linalg.cross", input, other, dim)


def vector_product(name: str, input: Any, other: Any, dim: int) -> Any:
    """`cross`, for a function of the name `name`."""
    a, b = tuple(input.shape), tuple(other.shape)
    if len(a) != len(b):
        raise ShapeError(f"{name}: input {a} and other {b} must have the same number of axes")
    axis = normalize_dim(name, dim, len(a))
    if a[axis : axis + 1] != (3,) or b[axis : axis + 1] != (3,):
        raise ShapeError(f"{name}: dim {dim} must have size 3, the shapes are {a} and {b}")
    _broadcast(name, "input", a, "other", b)
    one_dtype(name, input=input, other=other)
    if input.dtype.kind == "b":
        raise DTypeError(f"{name}: booleans cannot be subtracted: cast them, for example with .long()")
    return _cross(input, other, dim=axis)


@primitive
def _cross(x: Array, y: Array, *, dim: int) -> Array:
    out = np.empty(np.broadcast_shapes(x.shape, y.shape), x.dtype)
    first, second, result = (np.moveaxis(array, dim, 0) for array in (x, y, out))
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        np.multiply(first[j], second[k], out=result[i, ...])
        result[i, ...] -= first[k] * second[j]
    return out


# g . (x cross y) is the determinant of the three vectors, which is the same when they are turned by one place.
_cross.defvjps(
    lambda g, x_shape, y, dim: sum_to(_cross(y, g, dim=dim), shape=x_shape),
    lambda g, x, y_shape, dim: sum_to(_cross(g, x, dim=dim), shape=y_shape),
)


def vecdot(x: Any, y: Any, *, dim: int = -1) -> Tensor:
    """The sums of the products along `dim`; the shapes broadcast."""
    are_tensors("linalg.vecdot", x=x, y=y)
    whole = _broadcast("linalg.vecdot", "x", tuple(x.shape), "y", tuple(y.shape))
    same_dtype("linalg.vecdot", x=x, y=y)
    axis = normalize_dim("linalg.vecdot", dim, len(whole))
    labels = tuple(str(i) for i in range(len(whole)))
    factors = [Factor(tensor, labels[len(whole) - tensor.ndim :]) for tensor in (x, y)]
    return contract(factors, labels[:axis] + labels[axis + 1 :])


def _broadcast(name: str, first: str, a: tuple[int, ...], second: str, b: tuple[int, ...]) -> tuple[int, ...]:
    try:
        return np.broadcast_shapes(a, b)
    except ValueError:
        raise ShapeError(f"{name}: the shapes do not broadcast: {first} {a}, {second} {b}") from None


def one_dtype(name: str, **tensors: Any) -> None:
    """Raise unless all have one dtype, which may be an integer one."""
    if len({tensor.dtype for tensor in tensors.values()}) > 1:
        listed = ", ".join(f"{key} {tensor.dtype}" for key, tensor in tensors.items())
        raise DTypeError(f"{name}: the dtypes differ: {listed}; cast one of them, for example with .to(dtype)")
