"""Models without values: layers that know the shapes of their parameters, to be counted or filled from a file."""

import contextlib
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np

import tensorgrad as tg

_ACTIVE: ContextVar[bool] = ContextVar("nn.meta", default=False)


@contextlib.contextmanager
def meta() -> Iterator[None]:
    """Layers made inside have parameters of the right shapes that take no memory: all values read as 0.

        with nn.meta():
            net = nn.Linear(150_528, 75_264)  # 11 thousand million parameters
        print(nn.summary(net, (1, 150_528)))

    For counting, and for models whose weights come from a file: `load_state_dict` and `nn.load` give such parameters
    values. Initialising them does nothing; writing into them is an error.
    """
    before = _ACTIVE.get()
    _ACTIVE.set(True)
    try:
        yield
    finally:
        _ACTIVE.set(before)


def makes_blanks() -> bool:
    """Whether layers made now have parameters without values."""
    return _ACTIVE.get()


def blank(shape: Sequence[int], dtype: Any = np.float32, value: float = 0.0) -> np.ndarray:
    """What a parameter starts as: an array of one value; inside `meta()`, one that takes no memory."""
    if _ACTIVE.get():
        return np.broadcast_to(np.zeros((), dtype), tuple(shape))
    return np.full(tuple(shape), value, dtype) if value else np.zeros(tuple(shape), dtype)


def is_blank(array: Any) -> bool:
    """Whether an array, or that of a tensor, has a shape and no values."""
    array = array.data if isinstance(array, tg.Tensor) else array
    return isinstance(array, np.ndarray) and not array.flags.writeable and not any(array.strides) and array.size > 0


def keeps_blank(array: Any) -> bool:
    """Whether a parameter is to be made around such an array as it is."""
    return _ACTIVE.get() and is_blank(array)


def cast(array: np.ndarray, dtype: Any) -> np.ndarray:
    """An array in another dtype; one without values stays so."""
    return np.broadcast_to(np.zeros((), dtype), array.shape) if is_blank(array) else array.astype(dtype)
