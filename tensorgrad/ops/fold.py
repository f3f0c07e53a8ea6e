"""Windows as columns of a matrix, and back: unfold and fold, each linear and the other's adjoint."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import ShapeError
from ..kernels import fold as kernel
from ..kernels.conv import conv_output_size
from ..node import Array
from ..primitive import primitive
from .check import are_tensors, positive, same_dtype, sizes
from .family import batched, by, check_images

if TYPE_CHECKING:
    from ..tensor import Tensor

Ints = tuple[int, ...]


def unfold(
    input: Any,
    kernel_size: int | Sequence[int],
    dilation: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    stride: int | Sequence[int] = 1,
) -> Tensor:
    """Each window of the images (N, C, H, W) as a column: (N, C*KH*KW, L), with the L windows in reading order.

    A column holds the window of the first channel in reading order, then that of the second, and so on. Padding is
    zeros. A convolution is the filters (O, C*KH*KW) times this. One image (C, H, W) gives (C*KH*KW, L).
    Raises ShapeError when no window fits the padded image, DTypeError for integers.
    """
    are_tensors("unfold", input=input)
    if input.ndim == 3:
        return batched(lambda images: unfold(images, kernel_size, dilation, padding, stride), input)
    given = tuple(input.shape)
    check_images("unfold", 2, given)
    same_dtype("unfold", input=input)
    windows = _windows("unfold", kernel_size, dilation, padding, stride)
    if any(n < 1 for n in _count(given[2:], **windows)):
        raise ShapeError(
            f"unfold: a {by(windows['kernel_size'])} window (dilation {windows['dilation']}) does not fit images of "
            f"{by(given[2:])} with padding {windows['padding']}"
        )
    return _unfold(input, **windows)


def fold(
    input: Any,
    output_size: int | Sequence[int],
    kernel_size: int | Sequence[int],
    dilation: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    stride: int | Sequence[int] = 1,
) -> Tensor:
    """Columns (N, C*KH*KW, L) added back into images (N, C, *output_size): the adjoint of `unfold`.

    Where windows overlap, their values add up, so fold(unfold(x)) is x times the number of windows at each pixel; what
    falls into the padding is dropped. (C*KH*KW, L) gives one image.
    Raises ShapeError when the columns are not those of windows over `output_size`, DTypeError for integers.
    """
    are_tensors("fold", input=input)
    if input.ndim == 2:
        return batched(lambda columns: fold(columns, output_size, kernel_size, dilation, padding, stride), input)
    given = tuple(input.shape)
    if len(given) != 3:
        raise ShapeError(f"fold: input must be (N, C*KH*KW, L), got {given}")
    same_dtype("fold", input=input)
    size = positive("fold", "output_size", output_size, 2)
    windows = _windows("fold", kernel_size, dilation, padding, stride)
    places = math.prod(windows["kernel_size"])
    if given[1] % places:
        raise ShapeError(
            f"fold: columns of {given[1]} values are not whole channels of {by(windows['kernel_size'])} windows"
        )
    count = _count(size, **windows)
    if any(n < 1 for n in count) or math.prod(count) != given[2]:
        raise ShapeError(
            f"fold: input {given} has {given[2]} columns, images of {by(size)} have {by(count)} windows "
            f"(kernel_size {windows['kernel_size']}, dilation {windows['dilation']}, padding {windows['padding']}, "
            f"stride {windows['stride']})"
        )
    return _fold(input, output_size=size, **windows)


@primitive
def _unfold(x: Array, *, kernel_size: Ints, dilation: Ints, padding: Ints, stride: Ints) -> Array:
    out_size = _count(x.shape[2:], kernel_size, dilation, padding, stride)
    return kernel.unfold(x, kernel_size, stride, padding, dilation, out_size)


@primitive
def _fold(x: Array, *, output_size: Ints, kernel_size: Ints, dilation: Ints, padding: Ints, stride: Ints) -> Array:
    out_size = _count(output_size, kernel_size, dilation, padding, stride)
    return kernel.fold(x, output_size, kernel_size, stride, padding, dilation, out_size)


_unfold.defvjps(lambda g, x_shape, **p: _fold(g, output_size=x_shape[2:], **p))
_fold.defvjps(lambda g, output_size, **p: _unfold(g, **p))


def _windows(name: str, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> dict[str, Ints]:
    """The parameters in their one canonical form."""
    return {
        "kernel_size": positive(name, "kernel_size", kernel_size, 2),
        "dilation": positive(name, "dilation", dilation, 2),
        "padding": sizes(name, "padding", padding, 2, least=0),
        "stride": positive(name, "stride", stride, 2),
    }


def _count(size: Ints, kernel_size: Ints, dilation: Ints, padding: Ints, stride: Ints) -> Ints:
    """The number of windows along each axis."""
    return conv_output_size(size, kernel_size, stride, tuple((p, p) for p in padding), dilation)
