"""What operations and parameters cost: multiply-adds and values, counted from shapes alone."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from .index import Index
from .parts import NodeView, Shape

CONVOLUTION = re.compile(r"conv[123]d$")
TRANSPOSED = re.compile(r"conv_transpose[123]d$|conv[123]d_input_grad$")
WEIGHT_GRADIENT = re.compile(r"conv[123]d_weight_grad$")
PRODUCTS = ("matmul", "mm", "bmm")


def multiply_adds(name: str, inputs: Mapping[str, Shape], output: Shape) -> int | None:
    """The multiply-adds of one call of an operation, of which the inputs' names and shapes are given; None if unknown.

    Counted is what convolutions, dense layers and matrix products do. A bias, an activation or a sum costs additions
    or comparisons, next to nothing beside these, and counts as none. Products with a padding's zeros count.
    """
    shapes = list(inputs.values())
    weight = inputs.get("weight")
    if weight is not None and CONVOLUTION.match(name):
        return math.prod(output) * math.prod(weight[1:])  # each output sums over a window in all channels of its group
    if weight is not None and TRANSPOSED.match(name):
        return math.prod(shapes[0]) * math.prod(weight[1:])  # each input is spread over a window
    if len(shapes) > 1 and WEIGHT_GRADIENT.match(name):
        return math.prod(shapes[0]) * math.prod(output[1:])  # the same products, summed over places
    if weight is not None and name == "linear":
        return math.prod(output) * weight[-1]
    if len(shapes) == 2 and name in PRODUCTS and shapes[0]:
        return math.prod(output) * shapes[0][-1]
    return None


def work_of(index: Index, node: NodeView) -> int:
    """The multiply-adds of an operation of a view; 0 for those that are not counted."""
    if node.kind != "op" or not node.outputs:
        return 0
    inputs = {edge.name: index.nodes[edge.source].outputs[edge.output].shape for edge in index.into(node.id)}
    return multiply_adds(node.name, inputs, node.outputs[0].shape) or 0


def values_in(index: Index, tensors: list[str]) -> int:
    """How many values these parameters have together; one that is listed twice counts once."""
    return sum(math.prod(index.tensors[tensor].shape) for tensor in dict.fromkeys(tensors))


def in_words(parameters: int, work: int) -> list[str]:
    """ "156 params" and "470,400 multiply-adds", without what is zero."""
    return [f"{parameters:,} params"] * bool(parameters) + [f"{work:,} multiply-adds"] * bool(work)


def size_in_bytes(count: int) -> str:
    """A number of bytes as people say it: "784 B", "110 kB"."""
    unit = min(len(str(count)) - 1, 9) // 3
    return f"{count / 1000**unit:.3g} {('B', 'kB', 'MB', 'GB')[unit]}" if unit else f"{count} B"
