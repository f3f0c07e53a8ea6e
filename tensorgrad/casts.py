"""The methods of a tensor about its dtype, its memory and where it lies, and those that make others like it."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any

import numpy as np

from . import arrays
from .arrays import check_device, made, number_of, size_of, to_array
from .dtypes import dtype_of
from .errors import DTypeError
from .node import TensorBase
from .primitive import astype, clone

if TYPE_CHECKING:
    from .tensor import Tensor


class Casts(TensorBase):
    """What Tensor inherits these methods from."""

    __slots__ = ()

    # dtypes

    def to(self, *target: Any, dtype: Any = None, device: Any = None, copy: builtins.bool = False) -> Tensor:
        """Cast: `x.to(dtype)`, `x.to(other_tensor)`; the tensor itself if it has the dtype already, unless `copy`.

        A device may be given, before the dtype or alone, as in PyTorch: there is only "cpu".
        """
        for given in target:
            if _is_device(given):
                check_device("to", given)
            elif dtype is None:
                dtype = given._array.dtype if isinstance(given, TensorBase) else given
            else:
                raise DTypeError(f"to: two dtypes are given, {dtype} and {given}")
        check_device("to", device)
        wanted = self._array.dtype if dtype is None else dtype_of("to", dtype)
        if wanted != self._array.dtype:
            return astype(self, dtype=wanted)
        same: Any = clone(self) if copy else self
        return same

    def type(self, dtype: Any) -> Tensor:
        """Cast to `dtype`; the tensor itself if it has it already."""
        return self.to(dtype_of("type", dtype))

    def type_as(self, other: Any) -> Tensor:
        """Cast to the dtype of another tensor."""
        return self.to(other)

    def double(self) -> Tensor:
        """Cast to float64."""
        return self.to(np.float64)

    def float(self) -> Tensor:
        """Cast to float32."""
        return self.to(np.float32)

    def half(self) -> Tensor:
        """Cast to float16."""
        return self.to(np.float16)

    def long(self) -> Tensor:
        """Cast to int64."""
        return self.to(np.int64)

    def int(self) -> Tensor:
        """Cast to int32."""
        return self.to(np.int32)

    def short(self) -> Tensor:
        """Cast to int16."""
        return self.to(np.int16)

    def char(self) -> Tensor:
        """Cast to int8."""
        return self.to(np.int8)

    def byte(self) -> Tensor:
        """Cast to uint8."""
        return self.to(np.uint8)

    def bool(self) -> Tensor:
        """Cast to bool."""
        return self.to(np.bool_)

    def is_floating_point(self) -> builtins.bool:
        """Whether its values are floats."""
        return self._array.dtype.kind == "f"

    # Memory

    @property
    def device(self) -> arrays.device:
        """Where it lies: `device("cpu")`."""
        return arrays.CPU

    def cpu(self) -> Tensor:
        """The tensor itself, which lies there."""
        same: Any = self
        return same

    @property
    def itemsize(self) -> builtins.int:
        """The bytes that one value takes."""
        return self._array.itemsize

    def element_size(self) -> builtins.int:
        """The bytes that one value takes."""
        return self._array.itemsize

    @property
    def nbytes(self) -> builtins.int:
        """The bytes that all values take."""
        return self._array.nbytes

    # Others like it, which have no gradient

    def new_tensor(self, data: Any, *, dtype: Any = None, requires_grad: builtins.bool = False) -> Tensor:
        """A tensor that holds a copy of `data`, in this one's dtype unless another is given; see `tensor`."""
        return made("new_tensor", to_array(data, self._dtype_or("new_tensor", dtype), "new_tensor"), requires_grad)

    def new_empty(self, *size: Any, dtype: Any = None, requires_grad: builtins.bool = False) -> Tensor:
        """A tensor of a shape and this one's dtype, with whatever the memory holds."""
        shape = size_of("new_empty", size)
        return made("new_empty", np.empty(shape, self._dtype_or("new_empty", dtype)), requires_grad)

    def new_zeros(self, *size: Any, dtype: Any = None, requires_grad: builtins.bool = False) -> Tensor:
        """Zeros of a shape, in this one's dtype."""
        shape = size_of("new_zeros", size)
        return made("new_zeros", np.zeros(shape, self._dtype_or("new_zeros", dtype)), requires_grad)

    def new_ones(self, *size: Any, dtype: Any = None, requires_grad: builtins.bool = False) -> Tensor:
        """Ones of a shape, in this one's dtype."""
        shape = size_of("new_ones", size)
        return made("new_ones", np.ones(shape, self._dtype_or("new_ones", dtype)), requires_grad)

    def new_full(
        self, size: Any, fill_value: Any, *, dtype: Any = None, requires_grad: builtins.bool = False
    ) -> Tensor:
        """One value everywhere, in this one's dtype."""
        value = number_of("new_full", "fill_value", fill_value)
        array = to_array(value, self._dtype_or("new_full", dtype), "new_full")
        return made("new_full", np.full(size_of("new_full", (size,)), array), requires_grad)

    def _dtype_or(self, name: str, dtype: Any) -> np.dtype[Any]:
        return self._array.dtype if dtype is None else dtype_of(name, dtype)


def _is_device(given: Any) -> bool:
    """Whether an argument of `to` is meant as a device: "cpu" or "cuda:1", where "float32" is a dtype."""
    if not isinstance(given, str):
        return isinstance(given, arrays.device)
    try:
        np.dtype(given)
    except TypeError:
        return True
    return False
