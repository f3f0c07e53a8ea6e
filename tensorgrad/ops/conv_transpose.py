"""Transposed convolution: the input gradient of a convolution, called forwards, with a bias.

It belongs to the family of conv.py: its derivatives are the convolution and its weight gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import ShapeError
from ..kernels.conv import conv_input_grad
from ..node import Array
from .check import are_tensors, positive, same_dtype, sizes
from .conv import CONV, WEIGHT_GRAD, Ints, Padding, Pads, biased, check_bias, check_groups, check_ranks, padding_pairs
from .family import batched, by, named
from .reduce import sum

if TYPE_CHECKING:
    from ..tensor import Tensor


def conv_transpose2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: int | Sequence[int] = 1,
    padding: Padding = 0,
    output_padding: int | Sequence[int] = 0,
    groups: int = 1,
    dilation: int | Sequence[int] = 1,
) -> Tensor:
    """The adjoint of a convolution, which spreads each pixel over a window: (N, C, H, W) to (N, O, H', W').

    `weight` is (C, O/groups, KH, KW): as that of the convolution from O to C channels whose input gradient this is.
    H' = (H - 1)*stride - 2*padding + dilation*(KH - 1) + output_padding + 1. A convolution with a stride maps several
    sizes to one; `output_padding`, less than the stride or the dilation, says which of them to go back to: it adds
    rows at the end. `padding`, a number, one for each axis or a pair (before, after) for each axis, is that of the
    convolution: so much is cut off. `bias` (O) is added to each map. One image (C, H, W) gives (O, H', W').
    Raises ShapeError when the shapes do not fit each other or nothing is left of the image, DTypeError when the dtypes
    differ.
    """
    return _transpose(2, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose1d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: int | Sequence[int] = 1,
    padding: Padding = 0,
    output_padding: int | Sequence[int] = 0,
    groups: int = 1,
    dilation: int | Sequence[int] = 1,
) -> Tensor:
    """The adjoint of conv1d: (N, C, W) with weight (C, O/groups, K) to (N, O, W'). See `conv_transpose2d`."""
    return _transpose(1, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose3d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: int | Sequence[int] = 1,
    padding: Padding = 0,
    output_padding: int | Sequence[int] = 0,
    groups: int = 1,
    dilation: int | Sequence[int] = 1,
) -> Tensor:
    """The adjoint of conv3d: (N, C, D, H, W) with weight (C, O/groups, KD, KH, KW) to (N, O, D', H', W').

    See `conv_transpose2d`.
    """
    return _transpose(3, input, weight, bias, stride, padding, output_padding, groups, dilation)


def _primitive(rank: int) -> Any:
    """Transposed convolution over `rank` spatial axes, to a result of `shape`."""
    conv, weight_grad, pixels = CONV[rank], WEIGHT_GRAD[rank], (0, *range(2, 2 + rank))

    @named(f"_conv_transpose{rank}d")
    def transpose(
        input: Array,
        weight: Array,
        bias: Array | None,
        *,
        shape: Ints,
        stride: Ints,
        padding: Pads,
        dilation: Ints,
        groups: int,
    ) -> Array:
        return biased(conv_input_grad(input, weight, shape, stride, padding, dilation, groups), bias)

    transpose.defvjps(
        lambda g, weight, shape, **p: conv(g, weight, None, **p),
        lambda g, input, weight_shape, shape, **p: weight_grad(input, g, shape=weight_shape, **p),
        lambda g: sum(g, pixels),
    )
    return transpose


_conv_transpose1d, _conv_transpose2d, _conv_transpose3d = (_primitive(rank) for rank in (1, 2, 3))
PRIMITIVES = {1: _conv_transpose1d, 2: _conv_transpose2d, 3: _conv_transpose3d}


def _transpose(rank: int, input: Any, weight: Any, bias: Any, *given: Any) -> Tensor:
    are_tensors(f"conv_transpose{rank}d", input=input, weight=weight)
    if input.ndim == rank + 1:
        return batched(lambda images: _transpose(rank, images, weight, bias, *given), input)
    params = checked(f"conv_transpose{rank}d", rank, input, weight, bias, *given)
    return PRIMITIVES[rank](input, weight, bias, **params)


def checked(
    name: str,
    rank: int,
    input: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: Any,
    dilation: Any,
) -> dict[str, Any]:
    """The parameters of a transposed convolution in canonical form, with the `shape` of its result."""
    given, filters = tuple(input.shape), tuple(weight.shape)
    check_ranks(name, rank, given, filters, "(C, O/groups, ...)")
    same_dtype(name, input=input, weight=weight, bias=bias)
    stride, dilation = positive(name, "stride", stride, rank), positive(name, "dilation", dilation, rank)
    padding = padding_pairs(name, padding, rank)
    extra = sizes(name, "output_padding", output_padding, rank, least=0)
    check_groups(name, groups)
    if given[1] != filters[0]:
        raise ShapeError(f"{name}: input {given} has {given[1]} channels, weight {filters} takes {filters[0]}")
    if filters[0] % groups:
        raise ShapeError(f"{name}: groups={groups} does not divide the {filters[0]} channels of input {given}")
    check_bias(name, bias, filters, filters[1] * groups)
    axes = list(zip(given[2:], filters[2:], stride, padding, extra, dilation, strict=True))
    if any(e >= max(s, d) for _, _, s, _, e, d in axes):
        raise ShapeError(f"{name}: output_padding {extra} must be smaller than stride {stride} or dilation {dilation}")
    size = tuple((n - 1) * s - before - after + d * (k - 1) + e + 1 for n, k, s, (before, after), e, d in axes)
    if any(n < 1 for n in (*given[2:], *size)):
        raise ShapeError(
            f"{name}: a {by(filters[2:])} window (dilation {dilation}) with stride {stride}, padding {padding} and "
            f"output_padding {extra} makes {by(size)} of images of {by(given[2:])}"
        )
    # A whole stride of output padding is as much less padding behind: so that the convolution gives the input's size.
    pads = tuple((before, after - e // s * s) for _, _, s, (before, after), e, _ in axes)
    shape = (given[0], filters[1] * groups, *size)
    return {"shape": shape, "stride": stride, "padding": pads, "dilation": dilation, "groups": int(groups)}
