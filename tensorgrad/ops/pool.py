"""Pooling over windows of one size: two families closed under differentiation.

{max pool and its gradient, scatter to the winners, gather from the winners} and {average pool, its adjoint}.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DTypeError, ShapeError
from ..kernels import average as average_kernel
from ..kernels import pool as kernel
from ..node import Array
from ..primitive import primitive
from .check import are_tensors, positive, same_dtype, sizes
from .family import batched, by, check_images, named

if TYPE_CHECKING:
    from ..tensor import Tensor

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
    return _max_pool(2, input, return_indices, kernel_size, stride, padding, dilation, ceil_mode)


def max_pool1d(
    input: Any,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest value in each window of each channel: (N, C, W) to (N, C, W'). See `max_pool2d`."""
    return _max_pool(1, input, return_indices, kernel_size, stride, padding, dilation, ceil_mode)


def max_pool3d(
    input: Any,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest value in each window of each channel: (N, C, D, H, W) to (N, C, D', H', W'). See `max_pool2d`."""
    return _max_pool(3, input, return_indices, kernel_size, stride, padding, dilation, ceil_mode)


def avg_pool2d(
    input: Any,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window of each channel: (N, C, H, W) to (N, C, H', W'), of the size max_pool2d gives.

    Padding counts as zeros; with `count_include_pad=False` it does not count: a window's sum is divided by the number
    of its pixels alone. What hangs over the padded image with `ceil_mode` never counts. `divisor_override`, an int but
    0, divides every sum instead.
    One image (C, H, W) gives (C, H', W'). Raises ShapeError when a window does not fit the padded image, DTypeError
    for integers.
    """
    return _average(2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def avg_pool1d(
    input: Any,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """The mean of each window of each channel: (N, C, W) to (N, C, W'). See `avg_pool2d`."""
    return _average(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool3d(
    input: Any,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window of each channel: (N, C, D, H, W) to (N, C, D', H', W'). See `avg_pool2d`."""
    return _average(3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def _max_family(rank: int) -> tuple[Any, ...]:
    """The primitives over `rank` spatial axes: max pooling, winners, gradient, scatter to and gather from winners."""

    @named(f"_max_pool{rank}d")
    def forward(x: Array, *, kernel_size: Ints, stride: Ints, padding: Ints, dilation: Ints, ceil_mode: bool) -> Array:
        size = kernel.pool_output_size(x.shape[2:], kernel_size, stride, padding, dilation, ceil_mode)
        return kernel.max_pool(x, kernel_size, stride, padding, dilation, size)

    @named(f"max_pool{rank}d_winners", differentiable=False)
    def winners(x: Array, values: Array, *, kernel_size: Ints, stride: Ints, padding: Ints, dilation: Ints) -> Array:
        """The number of the place in each window that holds its largest value."""
        return kernel.max_pool_winners(x, values, kernel_size, stride, padding, dilation)

    @named(f"max_pool{rank}d_scatter")
    def scatter(
        x: Array, offsets: Array, *, shape: Ints, kernel_size: Ints, stride: Ints, padding: Ints, dilation: Ints
    ) -> Array:
        """Add each window's value to the pixel that won it, in zeros of `shape`."""
        return kernel.max_pool_scatter(x, offsets, shape, kernel_size, stride, padding, dilation)

    @named(f"max_pool{rank}d_gather")
    def gather(x: Array, offsets: Array, *, kernel_size: Ints, stride: Ints, padding: Ints, dilation: Ints) -> Array:
        """Read at the pixel that won each window."""
        return kernel.max_pool_gather(x, offsets, kernel_size, stride, padding, dilation)

    def composed(gy: Any, x: Any, values: Any, **p: Any) -> Any:
        return scatter(gy, winners(x, values, **p), shape=x.shape, **p)

    @named(f"max_pool{rank}d_grad", composed=composed)
    def grad(
        gy: Array, x: Array, values: Array, *, kernel_size: Ints, stride: Ints, padding: Ints, dilation: Ints
    ) -> Array:
        """Add each window's value to the pixel that won it: scatter to the winners in one go."""
        return kernel.max_pool_grad(gy, x, values, kernel_size, stride, padding, dilation)

    forward.defvjps(lambda g, x, out, ceil_mode, **p: grad(g, x, out, **p))
    scatter.defvjps(lambda g, offsets, shape, **p: gather(g, offsets, **p), None)
    gather.defvjps(lambda g, offsets, x_shape, **p: scatter(g, offsets, shape=x_shape, **p), None)
    return forward, winners, grad, scatter, gather


@primitive(differentiable=False)
def _flat_indices(
    offsets: Array, *, shape: Ints, kernel_size: Ints, stride: Ints, padding: Ints, dilation: Ints
) -> Array:
    return kernel.flat_indices(offsets, shape, kernel_size, stride, padding, dilation)


def _average_family(rank: int) -> tuple[Any, Any]:
    """The primitives over `rank` spatial axes: average pooling and its adjoint."""

    @named(f"_avg_pool{rank}d")
    def forward(
        x: Array,
        *,
        kernel_size: Ints,
        stride: Ints,
        padding: Ints,
        ceil_mode: bool,
        count_include_pad: bool,
        divisor_override: int | None,
    ) -> Array:
        size = kernel.pool_output_size(x.shape[2:], kernel_size, stride, padding, (1,) * rank, ceil_mode)
        windows = average_kernel.pool_windows(
            x.shape[2:], kernel_size, stride, padding, size, count_include_pad, divisor_override
        )
        return average_kernel.average(x, *windows)

    @named(f"avg_pool{rank}d_adjoint")
    def adjoint(
        gy: Array,
        *,
        shape: Ints,
        kernel_size: Ints,
        stride: Ints,
        padding: Ints,
        ceil_mode: bool,
        count_include_pad: bool,
        divisor_override: int | None,
    ) -> Array:
        """Give each pixel of an image of `shape` its share of the windows that hold it."""
        windows = average_kernel.pool_windows(
            shape[2:], kernel_size, stride, padding, gy.shape[2:], count_include_pad, divisor_override
        )
        return average_kernel.average_adjoint(gy, *windows, shape[2:])

    forward.defvjps(lambda g, x_shape, **p: adjoint(g, shape=x_shape, **p))
    adjoint.defvjps(lambda g, shape, **p: forward(g, **p))
    return forward, adjoint


_max_pool1d, max_pool1d_winners, max_pool1d_grad, max_pool1d_scatter, max_pool1d_gather = _max_family(1)
_max_pool2d, max_pool2d_winners, max_pool2d_grad, max_pool2d_scatter, max_pool2d_gather = _max_family(2)
_max_pool3d, max_pool3d_winners, max_pool3d_grad, max_pool3d_scatter, max_pool3d_gather = _max_family(3)
_avg_pool1d, avg_pool1d_adjoint = _average_family(1)
_avg_pool2d, avg_pool2d_adjoint = _average_family(2)
_avg_pool3d, avg_pool3d_adjoint = _average_family(3)
_MAX = {1: _max_pool1d, 2: _max_pool2d, 3: _max_pool3d}
_WINNERS = {1: max_pool1d_winners, 2: max_pool2d_winners, 3: max_pool3d_winners}
_AVERAGE = {1: _avg_pool1d, 2: _avg_pool2d, 3: _avg_pool3d}


def _max_pool(rank: int, input: Any, return_indices: bool, *windows: Any) -> Any:
    are_tensors(f"max_pool{rank}d", input=input)
    if input.ndim == rank + 1:
        return batched(lambda images: _max_pool(rank, images, return_indices, *windows), input)
    params = checked(f"max_pool{rank}d", rank, input, *windows)
    values = _MAX[rank](input, **params)
    if not return_indices:
        return values
    del params["ceil_mode"]
    return values, _flat_indices(_WINNERS[rank](input, values, **params), shape=tuple(input.shape), **params)


def _average(
    rank: int,
    input: Any,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: Any,
) -> Tensor:
    rest = (ceil_mode, count_include_pad, divisor_override)
    name = f"avg_pool{rank}d"
    are_tensors(name, input=input)
    if input.ndim == rank + 1:
        return batched(lambda images: _average(rank, images, kernel_size, stride, padding, *rest), input)
    params = checked(name, rank, input, kernel_size, stride, padding, 1, ceil_mode)
    same_dtype(name, input=input)
    if divisor_override is not None:
        if isinstance(divisor_override, bool) or not isinstance(divisor_override, (int, np.integer)):
            raise DTypeError(f"{name}: divisor_override must be an int, got {divisor_override!r}")
        if divisor_override == 0:
            raise ShapeError(f"{name}: divisor_override must not be 0")
        divisor_override = int(divisor_override)
    del params["dilation"]
    return _AVERAGE[rank](input, **params, count_include_pad=bool(count_include_pad), divisor_override=divisor_override)


def checked(
    name: str, rank: int, input: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> dict[str, Any]:
    """The parameters of a pooling over `rank` axes in their one canonical form, or an error that says what is off."""
    given = tuple(input.shape)
    check_images(name, rank, given)
    if input.dtype.kind == "b":
        raise DTypeError(f"{name}: input has dtype {input.dtype}, it must be a float or an integer")
    window = positive(name, "kernel_size", kernel_size, rank)
    tiles = stride is None or (isinstance(stride, (tuple, list)) and not stride)
    step = window if tiles else positive(name, "stride", stride, rank)
    dilation = positive(name, "dilation", dilation, rank)
    pads = sizes(name, "padding", padding, rank, least=0)
    spans = [d * (k - 1) + 1 for d, k in zip(dilation, window, strict=True)]
    if any(p > span // 2 for p, span in zip(pads, spans, strict=True)):
        raise ShapeError(f"{name}: padding {pads} is more than half of the window {window} with dilation {dilation}")
    out = kernel.pool_output_size(given[2:], window, step, pads, dilation, ceil_mode)
    if any(n < 1 for n in out):
        raise ShapeError(
            f"{name}: a {by(window)} window (dilation {dilation}) does not fit images of {by(given[2:])} with "
            f"padding {pads}"
        )
    return {"kernel_size": window, "stride": step, "padding": pads, "dilation": dilation, "ceil_mode": bool(ceil_mode)}
