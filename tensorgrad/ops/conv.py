"""Convolution (cross-correlation, as every framework computes it) as a family closed under differentiation.

With y = conv(x, w), the number <g, conv(x, w)> is linear in each of g, x and w. Its derivative with respect to x is the
input gradient, with respect to w the weight gradient, with respect to g the convolution itself. Each of the three is
again linear in its two arguments, and its VJPs are the other two: so derivatives of every order need no further rule.
Transposed convolution (conv_transpose.py) is the input gradient, called forwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ShapeError
from ..kernels.conv import conv, conv_input_grad, conv_output_size, conv_weight_grad
from ..node import Array
from .check import are_tensors, positive, same_dtype, sizes
from .family import batched, by, named
from .reduce import sum

if TYPE_CHECKING:
    from ..tensor import Tensor

Ints = tuple[int, ...]
Pads = tuple[tuple[int, int], ...]
Padding = int | Sequence[int] | Sequence[tuple[int, int]]  # as it is given: see `conv2d`


def conv2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: int | Sequence[int] = 1,
    padding: Padding | str = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlate images (N, C, H, W) with filters (O, C/groups, KH, KW): (N, O, H', W').

    H' = floor((H + 2*padding - dilation*(KH-1) - 1) / stride) + 1. Padding is zeros: a number, one for each axis, a
    pair (before, after) for each axis, as ((1, 0), (0, 2)) for a row above and two columns to the right, "valid" (none)
    or "same" (H' = H, at stride 1 only; of an odd number the larger half goes behind). With `groups`, the channels are
    split, and each group has O/groups filters of its own. `bias` (O) is added to each map. One image (C, H, W) gives
    (O, H', W'). Raises ShapeError when the shapes do not fit each other or no window fits the padded image, DTypeError
    when the dtypes differ.
    """
    return _convolve(2, input, weight, bias, stride, padding, dilation, groups)


def conv1d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: int | Sequence[int] = 1,
    padding: Padding | str = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlate sequences (N, C, W) with filters (O, C/groups, K): (N, O, W'). See `conv2d`."""
    return _convolve(1, input, weight, bias, stride, padding, dilation, groups)


def conv3d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: int | Sequence[int] = 1,
    padding: Padding | str = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlate volumes (N, C, D, H, W) with filters (O, C/groups, KD, KH, KW): (N, O, D', H', W').

    See `conv2d`.
    """
    return _convolve(3, input, weight, bias, stride, padding, dilation, groups)


def _family(rank: int) -> tuple[Any, Any, Any]:
    """The primitives over `rank` spatial axes: convolution, its input and its weight gradient."""

    @named(f"_conv{rank}d")
    def forward(
        input: Array, weight: Array, bias: Array | None, *, stride: Ints, padding: Pads, dilation: Ints, groups: int
    ) -> Array:
        return conv(input, weight, stride, padding, dilation, groups, bias)

    @named(f"conv{rank}d_input_grad")
    def input_grad(
        gy: Array, weight: Array, *, shape: Ints, stride: Ints, padding: Pads, dilation: Ints, groups: int
    ) -> Array:
        """From the gradient of a convolution's output to that of its input, of `shape`."""
        return conv_input_grad(gy, weight, shape, stride, padding, dilation, groups)

    @named(f"conv{rank}d_weight_grad")
    def weight_grad(
        gy: Array, input: Array, *, shape: Ints, stride: Ints, padding: Pads, dilation: Ints, groups: int
    ) -> Array:
        """From the gradient of a convolution's output to that of its weight, of `shape`."""
        return conv_weight_grad(gy, input, shape, stride, padding, dilation, groups)

    pixels = (0, *range(2, 2 + rank))
    forward.defvjps(
        lambda g, input_shape, weight, **p: input_grad(g, weight, shape=input_shape, **p),
        lambda g, input, weight_shape, **p: weight_grad(g, input, shape=weight_shape, **p),
        lambda g: sum(g, pixels),
    )
    input_grad.defvjps(
        lambda g, weight, shape, **p: forward(g, weight, None, **p),
        lambda g, gy, weight_shape, shape, **p: weight_grad(gy, g, shape=weight_shape, **p),
    )
    weight_grad.defvjps(
        lambda g, input, shape, **p: forward(input, g, None, **p),
        lambda g, gy, input_shape, shape, **p: input_grad(gy, g, shape=input_shape, **p),
    )
    return forward, input_grad, weight_grad


def biased(y: Array, bias: Array | None) -> Array:
    """y with each channel's bias added, in place."""
    if bias is not None:
        y += bias.reshape(-1, *[1] * (y.ndim - 2))
    return y


_conv1d, conv1d_input_grad, conv1d_weight_grad = _family(1)
_conv2d, conv2d_input_grad, conv2d_weight_grad = _family(2)
_conv3d, conv3d_input_grad, conv3d_weight_grad = _family(3)
CONV = {1: _conv1d, 2: _conv2d, 3: _conv3d}
WEIGHT_GRAD = {1: conv1d_weight_grad, 2: conv2d_weight_grad, 3: conv3d_weight_grad}


def _convolve(rank: int, input: Any, weight: Any, bias: Any, *given: Any) -> Tensor:
    are_tensors(f"conv{rank}d", input=input, weight=weight)
    if input.ndim == rank + 1:
        return batched(lambda images: _convolve(rank, images, weight, bias, *given), input)
    return CONV[rank](input, weight, bias, **checked(f"conv{rank}d", rank, input, weight, bias, *given))


def checked(
    name: str, rank: int, input: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: Any
) -> dict[str, Any]:
    """The parameters of a convolution over `rank` axes in their one canonical form; an error if they do not fit."""
    given, filters = tuple(input.shape), tuple(weight.shape)
    check_ranks(name, rank, given, filters, "(O, C/groups, ...)")
    same_dtype(name, input=input, weight=weight, bias=bias)
    stride, dilation = positive(name, "stride", stride, rank), positive(name, "dilation", dilation, rank)
    check_groups(name, groups)
    if given[1] != filters[1] * groups:
        raise ShapeError(
            f"{name}: input {given} has {given[1]} channels, weight {filters} with groups={groups} "
            f"takes {filters[1] * groups}"
        )
    if filters[0] % groups:
        raise ShapeError(f"{name}: groups={groups} does not divide the {filters[0]} filters of weight {filters}")
    check_bias(name, bias, filters, filters[0])
    pads = canonical_padding(name, padding, filters[2:], stride, dilation)
    out = conv_output_size(given[2:], filters[2:], stride, pads, dilation)
    if any(n < 1 for n in out):
        raise ShapeError(
            f"{name}: a {by(filters[2:])} window (dilation {dilation}) does not fit images of "
            f"{by(given[2:])} with padding {pads}"
        )
    return {"stride": stride, "padding": pads, "dilation": dilation, "groups": int(groups)}


def check_ranks(name: str, rank: int, given: Ints, filters: Ints, layout: str) -> None:
    """Raise unless input and weight are of `rank` spatial axes, and the kernel is not empty."""
    if len(given) != rank + 2 or len(filters) != rank + 2:
        raise ShapeError(
            f"{name}: input must be (N, C, {', '.join('DHW'[-rank:])}) and weight {layout}, "
            f"got input {given} and weight {filters}"
        )
    if 0 in filters[2:]:
        raise ShapeError(f"{name}: weight {filters} has an empty kernel, {by(filters[2:])}")


def check_groups(name: str, groups: Any) -> None:
    """Raise unless groups is a positive int."""
    if isinstance(groups, bool) or not isinstance(groups, (int, np.integer)) or groups < 1:
        raise ShapeError(f"{name}: groups must be a positive int, got {groups!r}")


def check_bias(name: str, bias: Any, filters: Ints, channels: int) -> None:
    """Raise unless bias, if there is one, has a value for each channel of the result."""
    if bias is not None and tuple(bias.shape) != (channels,):
        raise ShapeError(f"{name}: bias has shape {tuple(bias.shape)}, weight {filters} takes ({channels},)")


def canonical_padding(name: str, padding: Any, kernel: Ints, stride: Ints, dilation: Ints) -> Pads:
    """Padding as ((before, after), ...) for each axis."""
    if not isinstance(padding, str):
        return padding_pairs(name, padding, len(kernel))
    if padding == "valid":
        return ((0, 0),) * len(kernel)
    if padding == "same":
        if any(s != 1 for s in stride):
            raise ShapeError(f"{name}: padding='same' needs stride 1, got {stride}")
        total = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        return tuple((t // 2, t - t // 2) for t in total)
    raise ShapeError(f"{name}: padding must be a number, one for each axis, 'same' or 'valid', got {padding!r}")


def padding_pairs(name: str, padding: Any, rank: int) -> Pads:
    """A number, one for each axis, or a pair for each axis as ((before, after), ...)."""
    if not isinstance(padding, (tuple, list)) or not any(isinstance(p, (tuple, list)) for p in padding):
        return tuple((p, p) for p in sizes(name, "padding", padding, rank, least=0))
    if len(padding) != rank or any(not isinstance(p, (tuple, list)) or len(p) != 2 for p in padding):
        raise ShapeError(f"{name}: padding must be a pair (before, after) for each of {rank} axes, got {padding!r}")
    given = (sizes(name, f"padding[{axis}]", side, 2, least=0) for axis, side in enumerate(padding))
    return tuple((before, after) for before, after in given)
