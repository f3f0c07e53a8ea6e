"""PyTorch's spelling of division that rounds."""

import torch

from tensorgrad.ops import rounding


def rounded(mode):
    return lambda x, y: torch.div(x, y, rounding_mode=mode)


def of_tensors(function):
    """A function without a derivative where its first input is a number, called with a tensor for it."""
    return lambda x, y: function(torch.tensor(x, dtype=y.dtype) if isinstance(x, float) else x, y)


CALLS = {
    rounding.floor_divide: rounded("floor"),  # PyTorch's floor_divide has no gradient
    rounding.trunc_divide: rounded("trunc"),
    rounding.remainder: of_tensors(torch.remainder),
    rounding.fmod: of_tensors(torch.fmod),
}
