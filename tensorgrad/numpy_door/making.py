"""What NumPy asks about tensors, and what it makes like them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..dtypes import result_type
from ..node import TensorBase, make_tensor
from .table import enter, plain


def _size(a: Any, axis: Any = None) -> int:
    return int(np.size(plain(a), axis))


def _result_type(*arrays_and_dtypes: Any) -> np.dtype[Any]:
    """The dtype that the operations give: an integer and a float give that float."""
    return result_type(*[_valued(x) for x in arrays_and_dtypes])


def _valued(x: Any) -> Any:
    if isinstance(x, TensorBase):
        return x._array
    return x if isinstance(x, (np.ndarray, np.generic, bool, int, float)) else np.empty(1, x)


def _like(make: Callable[..., Any]) -> Callable[..., Any]:
    def call(a: Any, /, dtype: Any = None, *, shape: Any = None) -> Any:
        return make_tensor(make(plain(a), dtype, shape=shape))

    return call


def _full_like(a: Any, fill_value: Any, dtype: Any = None, *, shape: Any = None) -> Any:
    return make_tensor(np.full_like(plain(a), _value(fill_value), dtype, shape=shape))


def _value(x: Any) -> Any:
    return np.asarray(x)  # an error for a tensor that requires a gradient, which would not be passed on


def _of_array(function: Callable[..., Any]) -> Callable[..., Any]:
    """What NumPy says of the array, as text or as an answer, without a gradient in any case."""
    return lambda *args, **kwargs: function(*[plain(x) if isinstance(x, TensorBase) else x for x in args], **kwargs)


enter(
    {
        "shape": lambda a: tuple(a.shape),
        "ndim": lambda a: a.ndim,
        "size": _size,
        "result_type": _result_type,
        "iscomplexobj": lambda x: False,
        "isrealobj": lambda x: True,
        "shares_memory": _of_array(np.shares_memory),
        "may_share_memory": _of_array(np.may_share_memory),
        "array2string": _of_array(np.array2string),
        "array_repr": _of_array(np.array_repr),
        "array_str": _of_array(np.array_str),
        "zeros_like": _like(np.zeros_like),
        "ones_like": _like(np.ones_like),
        "empty_like": _like(np.empty_like),
        "full_like": _full_like,
    }
)
