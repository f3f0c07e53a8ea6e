"""Max pooling as a family closed under differentiation: {pool, scatter to the winners, gather from the winners}."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import DTypeError, ShapeError
from ..kernels import pool as kernel
from ..node import Array
from ..primitive import primitive
from .check import positive, sizes
from .indexing import getitem
from .shape import unsqueeze

if TYPE_CHECKING:
    pass

Ints = tuple[int, ...]


def max_pool2d(
    input: Any,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest value in each window of each channel: (N, C, H, W) to (N, C, H', W').

    `stride` is `kernel_size` unless given, so windows tile. H' = floor((H + 2*padding - dilation*(K-1) - 1) / stride)
    + 1, or rounded up with `ceil_mode`, when a last window may hang over the end. Padding counts as minus infinity and
    is at most half the window. On ties the first maximum in reading order takes the whole gradient; of several nan the
    last.
    With `return_indices`, a pair: the values, and their positions in the flattened H*W plane.
    One image (C, H, W) gives (C, H', W'). Raises ShapeError when a window does not fit the padded image.
    """
    if input.ndim == 3:
        result = max_pool2d(unsqueeze(input, 0), kernel_size, stride, padding, dilation, ceil_mode, return_indices)
        return tuple(getitem(r, 0) for r in result) if return_indices else getitem(result, 0)
    params = checked("max_pool2d", 2, input, kernel_size, stride, padding, dilation, ceil_mode)
    values, offsets = _max_pool2d(input, **params)
    if not return_indices:
        return values
    return values, _flat_indices(offsets, shape=tuple(input.shape), **params)


@primitive(outputs=("values", "offsets"))
def _max_pool2d(
    x: Array, *, kernel_size: Ints, stride: Ints, padding: Ints, dilation: Ints, ceil_mode: bool
) -> tuple[Array, Array]:
    size = kernel.pool_output_size(x.shape[2:], kernel_size, stride, padding, dilation, ceil_mode)
    return kernel.max_pool(x, kernel_size, stride, padding, dilation, size)


@primitive
def max_pool2d_scatter(
    x: Array, offsets: Array, *, shape: Ints, kernel_size: Ints, stride: Ints, padding: Ints, dilation: Ints
) -> Array:
    """Add each window's value to the pixel that won it, in zeros of `shape`."""
    return kernel.max_pool_scatter(x, offsets, shape, kernel_size, stride, padding, dilation)


@primitive
def max_pool2d_gather(
    x: Array, offsets: Array, *, kernel_size: Ints, stride: Ints, padding: Ints, dilation: Ints
) -> Array:
    """Read at the pixel that won each window."""
    return kernel.max_pool_gather(x, offsets, kernel_size, stride, padding, dilation)


@primitive(differentiable=False)
def _flat_indices(
    offsets: Array, *, shape: Ints, kernel_size: Ints, stride: Ints, padding: Ints, dilation: Ints, ceil_mode: bool
) -> Array:
    return kernel.flat_indices(offsets, shape, kernel_size, stride, padding, dilation)


_max_pool2d.defvjps(
    lambda g_values, offsets, x_shape, ceil_mode, **p: max_pool2d_scatter(g_values, offsets, shape=x_shape, **p)
)
max_pool2d_scatter.defvjps(lambda g, offsets, shape, **p: max_pool2d_gather(g, offsets, **p), None)
max_pool2d_gather.defvjps(lambda g, offsets, x_shape, **p: max_pool2d_scatter(g, offsets, shape=x_shape, **p), None)


def checked(
    name: str, rank: int, input: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> dict[str, Any]:
    """The parameters of a pooling over `rank` axes in their one canonical form, or an error that says what is off."""
    given = tuple(input.shape)
    if len(given) != rank + 2:
        raise ShapeError(f"{name}: input must be (N, C, {', '.join('DHW'[-rank:])}), got {given}")
    if input.dtype.kind == "b":
        raise DTypeError(f"{name}: input has dtype {input.dtype}, it must be a float or an integer")
    window = positive(name, "kernel_size", kernel_size, rank)
    step = window if stride is None or stride == () else positive(name, "stride", stride, rank)
    dilation = positive(name, "dilation", dilation, rank)
    pads = sizes(name, "padding", padding, rank, least=0)
    spans = [d * (k - 1) + 1 for d, k in zip(dilation, window, strict=True)]
    if any(p > span // 2 for p, span in zip(pads, spans, strict=True)):
        raise ShapeError(f"{name}: padding {pads} is more than half of the window {window} with dilation {dilation}")
    out = kernel.pool_output_size(given[2:], window, step, pads, dilation, ceil_mode)
    if any(n < 1 for n in out):
        raise ShapeError(
            f"{name}: a {'x'.join(map(str, window))} window (dilation {dilation}) does not fit images of "
            f"{'x'.join(map(str, given[2:]))} with padding {pads}"
        )
    return {"kernel_size": window, "stride": step, "padding": pads, "dilation": dilation, "ceil_mode": bool(ceil_mode)}
