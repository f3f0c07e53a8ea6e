"""NumPy's door: `np.exp(t)`, `array * t`, `np.sum(t, axis=0)`, `np.concatenate([t, u])` are recorded like our own.

What is not in the tables below raises; nothing is ever detached or turned into an array of objects silently.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from .errors import DTypeError
from .ops import activation, elementwise, linalg, reduce
from .ops import shape as rearrange

UFUNCS: dict[Any, Callable[..., Any]] = {
    np.add: elementwise._add,
    np.subtract: elementwise._sub,
    np.multiply: elementwise.mul,
    np.true_divide: elementwise.div,
    np.negative: elementwise.neg,
    np.power: elementwise.pow,
    np.absolute: elementwise.abs,
    np.exp: elementwise.exp,
    np.log1p: elementwise.log1p,
    np.log: elementwise.log,
    np.sqrt: elementwise.sqrt,
    np.tanh: activation.tanh,
    np.matmul: linalg.matmul,
    np.equal: elementwise.eq,
    np.not_equal: elementwise.ne,
    np.less: elementwise.lt,
    np.less_equal: elementwise.le,
    np.greater: elementwise.gt,
    np.greater_equal: elementwise.ge,
    np.bitwise_and: elementwise.bitwise_and,
    np.bitwise_or: elementwise.bitwise_or,
    np.bitwise_xor: elementwise.bitwise_xor,
    np.invert: elementwise.bitwise_not,
    np.logical_and: elementwise.logical_and,
    np.logical_or: elementwise.logical_or,
    np.logical_not: elementwise.logical_not,
}

FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.sum: lambda a, axis=None, dtype=None, *, keepdims=False: reduce.sum(a, axis, keepdims, dtype=dtype),
    np.mean: lambda a, axis=None, dtype=None, *, keepdims=False: reduce.mean(a, axis, keepdims, dtype=dtype),
    np.argmax: lambda a, axis=None, *, keepdims=False: reduce.argmax(a, axis, keepdims),
    np.reshape: lambda a, shape: rearrange.reshape(a, shape),
    np.transpose: lambda a, axes=None: rearrange.permute(a, tuple(range(a.ndim))[::-1] if axes is None else axes),
    np.concatenate: lambda arrays, axis=0: rearrange.cat(arrays, axis),
    np.stack: lambda arrays, axis=0: rearrange.stack(arrays, axis),
    np.where: lambda condition, x, y: elementwise.where(condition, x, y),
    np.squeeze: lambda a, axis=None: rearrange.squeeze(a, axis),
    np.expand_dims: lambda a, axis: rearrange.unsqueeze(a, axis),
    np.broadcast_to: lambda array, shape: rearrange.broadcast_to(array, shape),
    np.shape: lambda a: a.shape,
    np.ndim: lambda a: a.ndim,
    np.size: lambda a: a.numel(),
}


def array_ufunc(self: Any, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """A NumPy ufunc met a tensor."""
    op = UFUNCS.get(ufunc)
    if op is None or method != "__call__" or kwargs:
        how = "" if method == "__call__" else f".{method}"
        with_ = f" with {', '.join(kwargs)}" if kwargs else ""
        raise DTypeError(
            f"np.{ufunc.__name__}{how}{with_}: not supported on tensors; use the tensorgrad function, or detach()"
        )
    return op(*inputs)


def array_function(self: Any, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
    """A NumPy function met a tensor."""
    op = FUNCTIONS.get(function)
    if op is None:
        raise DTypeError(
            f"np.{function.__name__}: not supported on tensors; use the tensorgrad function, or detach() and .numpy()"
        )
    try:
        inspect.signature(op).bind(*args, **kwargs)
    except TypeError as error:
        raise DTypeError(f"np.{function.__name__}: on tensors, {error}") from None
    return op(*args, **kwargs)
