"""PyTorch's spelling of the larger and the smaller of two, where one is a number, and of limits of both kinds."""

import torch

from tensorgrad.ops import extremes


def of_tensors(function):
    """A function that takes tensors alone, called with numbers for some of them."""
    return lambda x, *others: function(
        x, *[o if torch.is_tensor(o) else torch.tensor(o, dtype=x.dtype) for o in others]
    )


CALLS = {getattr(extremes, name): of_tensors(getattr(torch, name)) for name in ("maximum", "minimum", "fmax", "fmin")}
CALLS[extremes._clamp] = of_tensors(torch.clamp)
