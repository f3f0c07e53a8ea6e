"""The methods that fill a tensor with random numbers in place. A recorded tensor loses its gradient where it is filled.

As every change in place they raise on a leaf that requires a gradient while recording, before anything is drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .arrays import number_of
from .errors import DTypeError, ShapeError
from .node import Array, TensorBase
from .ops.assign import Change
from .ops.check import generator_for
from .ops.indexing import _setitem
from .sampling import draw_bernoulli, draw_integers, draw_normal, draw_uniform

if TYPE_CHECKING:
    from .tensor import Tensor

# Up to where a float of so many bytes counts without a gap.
WHOLE = {2: 2**11, 4: 2**24, 8: 2**53}


class Fills(TensorBase):
    """What Tensor inherits these methods from."""

    __slots__ = ()

    def uniform_(self, from_: float = 0.0, to: float = 1.0, *, generator: Any = None) -> Tensor:
        """Uniform on [from_, to)."""
        low, high = number_of("uniform_", "from_", from_), number_of("uniform_", "to", to)
        if not low <= high:
            raise ShapeError(f"uniform_: from_={low} is above to={high}")
        dtype = _float("uniform_", self)

        def draw() -> Array:
            values = draw_uniform("uniform_", self._array.shape, np.float64, generator) * (high - low) + low
            below = np.nextafter(dtype.type(high), dtype.type(low))  # where rounding would give `high` itself
            return np.minimum(values.astype(dtype), below)

        return _fill("uniform_", self, draw)

    def normal_(self, mean: float = 0.0, std: float = 1.0, *, generator: Any = None) -> Tensor:
        """From the normal distribution of this mean and standard deviation."""
        centre, width = number_of("normal_", "mean", mean), number_of("normal_", "std", std)
        if not width >= 0:
            raise ShapeError(f"normal_: std must be at least 0, got {width}")
        _float("normal_", self)
        return _fill(
            "normal_",
            self,
            lambda: draw_normal("normal_", self._array.shape, np.float64, generator) * width + centre,
        )

    def exponential_(self, lambd: float = 1.0, *, generator: Any = None) -> Tensor:
        """From the exponential distribution of density lambd * exp(-lambd * x)."""
        rate = number_of("exponential_", "lambd", lambd)
        if not rate > 0:
            raise ShapeError(f"exponential_: lambd must be above 0, got {rate}")
        _float("exponential_", self)
        return _fill(
            "exponential_",
            self,
            lambda: generator_for("exponential_", generator).standard_exponential(self._array.shape) / rate,
        )

    def bernoulli_(self, p: Any = 0.5, *, generator: Any = None) -> Tensor:
        """1 with probability p, else 0; `p` is a number, or a tensor that broadcasts to this one's shape."""
        tensor = isinstance(p, (TensorBase, np.ndarray))
        probability = getattr(p, "_array", p) if tensor else number_of("bernoulli_", "p", p)
        try:
            probability = np.broadcast_to(probability, self._array.shape)
        except ValueError:
            raise ShapeError(
                f"bernoulli_: p of shape {np.shape(probability)} does not broadcast to {self._array.shape}"
            ) from None
        return _fill(
            "bernoulli_", self, lambda: draw_bernoulli("bernoulli_", probability, self._array.shape, generator)
        )

    def random_(self, from_: int = 0, to: int | None = None, *, generator: Any = None) -> Tensor:
        """Integers from `from_` to `to` - 1, `random_(to)` from 0; without arguments, from 0 to the largest.

        That is, of floats, the largest up to which they hold every integer.
        """
        dtype = self._array.dtype
        if to is None and from_ != 0:
            from_, to = 0, from_
        if to is None:
            largest = 1 if dtype.kind == "b" else WHOLE[dtype.itemsize] if dtype.kind == "f" else np.iinfo(dtype).max
            to = min(int(largest), np.iinfo(np.int64).max) + 1
        low, high = from_, to
        return _fill("random_", self, lambda: draw_integers("random_", low, high, self._array.shape, generator))


def _fill(name: str, tensor: Any, draw: Callable[[], Array]) -> Tensor:
    """Put what is drawn in the tensor's place: nothing is drawn before `_assign` has found that it may."""
    dtype = tensor._array.dtype

    def write(array: Array, _: Any) -> None:
        array[...] = draw()

    change = Change(0.0, lambda: _setitem(tensor, draw().astype(dtype), index=Ellipsis), write)
    filled: Tensor = tensor._assign(name, *change)
    return filled


def _float(name: str, tensor: TensorBase) -> np.dtype[Any]:
    dtype = tensor._array.dtype
    if dtype.kind != "f":
        raise DTypeError(f"{name}: random floats need a float dtype, the tensor has dtype {dtype}")
    return dtype
