"""What the spellings share: parameters as PyTorch takes them, adjoints of linear functions."""

import numpy as np
import torch


def to_torch(value):
    """A parameter as PyTorch takes it. Its index arrays are int64: uint8 would be a mask."""
    if isinstance(value, np.ndarray):
        return torch.tensor(value.astype(np.int64) if value.dtype.kind in "iu" else value)
    if isinstance(value, tuple):
        return tuple(map(to_torch, value))
    if isinstance(value, np.dtype):
        return torch.tensor(np.zeros((), value)).dtype
    return value


def adjoint(forward, shape, gy):
    """The gradient of a linear function at zeros of `shape`; differentiable in gy and in what `forward` holds."""
    at = torch.zeros(shape, dtype=gy.dtype, requires_grad=True)
    (found,) = torch.autograd.grad(forward(at), at, gy, create_graph=True)
    return found
