"""Convolution (cross-correlation, as every framework computes it) as a family closed under differentiation.

With y = conv(x, w), the number <g, conv(x, w)> is linear in each of g, x and w. Its derivative with respect to x is the
input gradient, with respect to w the weight gradient, with respect to g the convolution itself. Each of the three is
again linear in its two arguments, and its VJPs are the other two: so derivatives of every order need no further rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ShapeError
from ..kernels.conv import conv, conv_input_grad, conv_output_size, conv_weight_grad
from ..node import Array
from ..primitive import primitive
from .check import positive, same_dtype, sizes
from .indexing import getitem
from .reduce import sum
from .shape import unsqueeze

if TYPE_CHECKING:
    from ..tensor import Tensor

Ints = tuple[int, ...]
Pads = tuple[tuple[int, int], ...]


def conv2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: int | Sequence[int] = 1,
    padding: int | str | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlate images (N, C, H, W) with filters (O, C/groups, KH, KW): (N, O, H', W').

    H' = floor((H + 2*padding - dilation*(KH-1) - 1) / stride) + 1. Padding is zeros: a number, one for each axis,
    "valid" (none) or "same" (H' = H, at stride 1 only; of an odd number the larger half goes behind). With `groups`,
    the channels are split, and each group has O/groups filters of its own. `bias` (O) is added to each map.
    One image (C, H, W) gives (O, H', W'). Raises ShapeError when the shapes do not fit each other or no window fits
    the padded image, DTypeError when the dtypes differ.
    """
    if input.ndim == 3:
        return getitem(conv2d(unsqueeze(input, 0), weight, bias, stride, padding, dilation, groups), 0)
    params = checked("conv2d", 2, input, weight, bias, stride, padding, dilation, groups)
    return _conv2d(input, weight, bias, **params)


@primitive
def _conv2d(
    input: Array, weight: Array, bias: Array | None, *, stride: Ints, padding: Pads, dilation: Ints, groups: int
) -> Array:
    y = conv(input, weight, stride, padding, dilation, groups)
    if bias is not None:
        y += bias.reshape(-1, 1, 1)
    return y


@primitive
def conv2d_input_grad(
    gy: Array, weight: Array, *, shape: Ints, stride: Ints, padding: Pads, dilation: Ints, groups: int
) -> Array:
    """From the gradient of a convolution's output to that of its input, of `shape`."""
    return conv_input_grad(gy, weight, shape, stride, padding, dilation, groups)


@primitive
def conv2d_weight_grad(
    gy: Array, input: Array, *, shape: Ints, stride: Ints, padding: Pads, dilation: Ints, groups: int
) -> Array:
    """From the gradient of a convolution's output to that of its weight, of `shape`."""
    return conv_weight_grad(gy, input, shape, stride, padding, dilation, groups)


_conv2d.defvjps(
    lambda g, input_shape, weight, **p: conv2d_input_grad(g, weight, shape=input_shape, **p),
    lambda g, input, weight_shape, **p: conv2d_weight_grad(g, input, shape=weight_shape, **p),
    lambda g: sum(g, (0, 2, 3)),
)
conv2d_input_grad.defvjps(
    lambda g, weight, shape, **p: _conv2d(g, weight, None, **p),
    lambda g, gy, weight_shape, shape, **p: conv2d_weight_grad(gy, g, shape=weight_shape, **p),
)
conv2d_weight_grad.defvjps(
    lambda g, input, shape, **p: _conv2d(input, g, None, **p),
    lambda g, gy, input_shape, shape, **p: conv2d_input_grad(gy, g, shape=input_shape, **p),
)


def checked(
    name: str, rank: int, input: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: Any
) -> dict[str, Any]:
    """The parameters of a convolution over `rank` axes in their one canonical form; an error if they do not fit."""
    given, filters = tuple(input.shape), tuple(weight.shape)
    if len(given) != rank + 2 or len(filters) != rank + 2:
        raise ShapeError(
            f"{name}: input must be (N, C, {', '.join('DHW'[-rank:])}) and weight (O, C/groups, ...), "
            f"got input {given} and weight {filters}"
        )
    same_dtype(name, input=input, weight=weight, bias=bias)
    stride, dilation = positive(name, "stride", stride, rank), positive(name, "dilation", dilation, rank)
    if isinstance(groups, bool) or not isinstance(groups, (int, np.integer)) or groups < 1:
        raise ShapeError(f"{name}: groups must be a positive int, got {groups!r}")
    if given[1] != filters[1] * groups:
        raise ShapeError(
            f"{name}: input {given} has {given[1]} channels, weight {filters} with groups={groups} "
            f"takes {filters[1] * groups}"
        )
    if filters[0] % groups:
        raise ShapeError(f"{name}: groups={groups} does not divide the {filters[0]} filters of weight {filters}")
    if bias is not None and tuple(bias.shape) != filters[:1]:
        raise ShapeError(f"{name}: bias has shape {tuple(bias.shape)}, weight {filters} takes ({filters[0]},)")
    pads = canonical_padding(name, padding, filters[2:], stride, dilation)
    out = conv_output_size(given[2:], filters[2:], stride, pads, dilation)
    if any(n < 1 for n in out):
        raise ShapeError(
            f"{name}: a {'x'.join(map(str, filters[2:]))} window (dilation {dilation}) does not fit images of "
            f"{'x'.join(map(str, given[2:]))} with padding {pads}"
        )
    return {"stride": stride, "padding": pads, "dilation": dilation, "groups": int(groups)}


def canonical_padding(name: str, padding: Any, kernel: Ints, stride: Ints, dilation: Ints) -> Pads:
    """Padding as ((before, after), ...) for each axis."""
    if padding == "valid":
        return ((0, 0),) * len(kernel)
    if padding == "same":
        if any(s != 1 for s in stride):
            raise ShapeError(f"{name}: padding='same' needs stride 1, got {stride}")
        total = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        return tuple((t // 2, t - t // 2) for t in total)
    if isinstance(padding, str):
        raise ShapeError(f"{name}: padding must be a number, one for each axis, 'same' or 'valid', got {padding!r}")
    return tuple((p, p) for p in sizes(name, "padding", padding, len(kernel), least=0))
