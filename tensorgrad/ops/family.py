"""What operations over 1, 2 and 3 spatial axes share: primitives made once for each, and inputs without a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import ShapeError
from ..primitive import primitive
from .indexing import getitem
from .shape import unsqueeze


def named(name: str, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """`@primitive` for a function that is made for several numbers of axes: each result has a name of its own."""

    def make(forward: Callable[..., Any]) -> Any:
        forward.__name__ = forward.__qualname__ = name
        return primitive(forward, **options)

    return make


def batched(call: Callable[..., Any], input: Any) -> Any:
    """`call` on one image without a batch axis: on a batch of it alone, and the one result, or results, out of that."""
    result = call(unsqueeze(input, 0))
    return tuple(getitem(r, 0) for r in result) if isinstance(result, tuple) else getitem(result, 0)


def check_images(name: str, rank: int, shape: tuple[int, ...]) -> None:
    """Raise unless `shape` is a batch of images with `rank` spatial axes."""
    if len(shape) != rank + 2:
        raise ShapeError(f"{name}: input must be (N, C, {', '.join('DHW'[-rank:])}), got {shape}")


def by(sizes: tuple[int, ...]) -> str:
    """Sizes as in "3x3"."""
    return "x".join(map(str, sizes))
