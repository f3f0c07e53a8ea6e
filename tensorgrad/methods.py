"""The operations that are methods of a tensor: the functions themselves, with the tensor as their first argument.

What a method does, and what it takes, stands at the function: `x.sin()` is `tg.sin(x)`, as in PyTorch. Those that
differ from their function, as `x.view(2, 3)`, are written out in `tensor.py`, as are operators and what changes a
tensor in place.
"""

from __future__ import annotations

from . import primitive as engine
from .node import TensorBase
from .ops import activation, elementwise, indexing, linalg, reduce, shape


class Methods(TensorBase):
    """What Tensor inherits its operations from."""

    __slots__ = ()

    # Element by element
    abs = elementwise.abs
    add = elementwise.add
    div = elementwise.div
    erf = elementwise.erf
    erfc = elementwise.erfc
    exp = elementwise.exp
    log = elementwise.log
    log1p = elementwise.log1p
    mul = elementwise.mul
    neg = elementwise.neg
    pow = elementwise.pow
    sqrt = elementwise.sqrt
    sub = elementwise.sub

    # Activations
    relu = activation.relu
    sigmoid = activation.sigmoid
    tanh = activation.tanh

    # Comparisons and logic
    eq = elementwise.eq
    ge = elementwise.ge
    gt = elementwise.gt
    le = elementwise.le
    logical_and = elementwise.logical_and
    logical_not = elementwise.logical_not
    logical_or = elementwise.logical_or
    lt = elementwise.lt
    ne = elementwise.ne

    # Reductions and scans
    argmax = reduce.argmax
    max = reduce.max
    mean = reduce.mean
    sum = reduce.sum

    # Shape
    broadcast_to = shape.broadcast_to
    clone = engine.clone
    flatten = shape.flatten
    permute = shape.permute
    reshape = shape.reshape
    squeeze = shape.squeeze
    transpose = shape.transpose
    unsqueeze = shape.unsqueeze

    # Indexing
    gather = indexing.gather

    # Linear algebra
    matmul = linalg.matmul
