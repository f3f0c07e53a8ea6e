"""PyTorch's spelling of comparisons that answer with a bool."""

import torch

from tensorgrad.ops import logic


def as_tensor(function):
    return lambda x, y, **params: torch.tensor(function(x, y, **params))


def turned(x, y):
    """PyTorch's second derivative of copysign, that of a quotient, is not 0 but a rounding error."""
    return x * torch.where(torch.signbit(x) == torch.signbit(torch.as_tensor(y)), 1, -1)


CALLS = {logic.copysign: turned, logic.allclose: as_tensor(torch.allclose), logic.equal: as_tensor(torch.equal)}


def refused(row):
    """What PyTorch does not take: the reason, or None."""
    if row.op is logic.heaviside and row.wanted():
        return "no heaviside of two dtypes, and no derivative of it"
    return None
