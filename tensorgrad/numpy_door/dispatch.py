"""What happens when one of NumPy's functions is called with a tensor. Start here, and see `ufuncs` for np.exp and +.

What is not in the tables raises; nothing is ever detached or turned into an array of objects silently.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import DTypeError
from . import indexing, joining, linear, making, reductions, searching, shapes
from .table import FUNCTIONS, told, write_to

FILLED_BY = (indexing, joining, linear, making, reductions, searching, shapes)

_signature = functools.cache(inspect.signature)  # to work one out takes longer than a small operation


def array_function(self: Any, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
    """A NumPy function met a tensor."""
    name = told(function)
    op = FUNCTIONS.get(function)
    if op is None:
        raise DTypeError(f"{name}: not supported on tensors; use the tensorgrad function, or detach() and .numpy()")
    kwargs = {key: value for key, value in kwargs.items() if value is not np._NoValue}
    out = kwargs.pop("out", None)
    given = _supported(function, op, kwargs)
    try:
        _signature(op).bind(*args, **given)
    except TypeError as error:
        raise DTypeError(f"{name}: on tensors, {error}") from None
    result = op(*args, **given)
    return result if out is None else write_to(name, out, result)


def _supported(function: Any, op: Callable[..., Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments without those that the table's function lacks and that say what NumPy does anyway."""
    known = _signature(op).parameters
    if all(key in known for key in kwargs) or any(p.kind is p.VAR_KEYWORD for p in known.values()):
        return kwargs
    try:
        defaults = {p.name: p.default for p in _signature(function).parameters.values()}
    except ValueError:  # one written in C, in an older NumPy
        defaults = {}
    for key, value in kwargs.items():
        usual = defaults.get(key, inspect.Parameter.empty)
        if key not in known and not (value is usual or (type(value) is type(usual) and value == usual)):
            shown = f"{key}={value!r}" if isinstance(value, (str, int, float, type)) else key
            raise DTypeError(f"{told(function)}: {shown} is not supported on tensors")
    return {key: value for key, value in kwargs.items() if key in known}
