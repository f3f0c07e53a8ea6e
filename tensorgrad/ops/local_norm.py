"""Normalisation by neighbouring channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DTypeError, ShapeError
from .check import number, same_dtype
from .elementwise import pow
from .pad import pad
from .pool import avg_pool2d
from .shape import reshape

if TYPE_CHECKING:
    from ..tensor import Tensor


def local_response_norm(input: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """input / (k + alpha * mean of the squares of `size` neighbouring channels)^beta, for input (N, C, ...).

    Channels beyond the first and the last count as 0. Of an even number, one neighbour more stands before than behind.
    After Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep Convolutional Neural Networks" (2012),
    section 3.3, where alpha multiplies the sum; here it multiplies the mean, as in PyTorch.
    """
    same_dtype("local_response_norm", input=input)
    shape = tuple(input.shape)
    if len(shape) < 3:
        raise ShapeError(f"local_response_norm: input must be (N, C, ...) of three axes or more, got {shape}")
    if isinstance(size, bool) or not isinstance(size, (int, np.integer)):
        raise DTypeError(f"local_response_norm: size must be an int, got {size!r}")
    if size < 1:
        raise ShapeError(f"local_response_norm: size must be at least 1, got {size}")
    alpha, beta, k = (number("local_response_norm", *pair) for pair in (("alpha", alpha), ("beta", beta), ("k", k)))
    if 0 in shape:
        return input
    # As images of one channel whose rows are the channels.
    squares = reshape(input * input, (shape[0], 1, shape[1], -1))
    means = avg_pool2d(pad(squares, (0, 0, size // 2, (size - 1) // 2)), (int(size), 1), 1)
    result: Tensor = input / pow(reshape(means, shape) * alpha + k, beta)
    return result
