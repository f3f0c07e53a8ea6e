"""Functions of two and three tensors that take numbers here, and in PyTorch tensors only; sinc."""

import torch

from tensorgrad.ops import exponential, trigonometric


def of_tensors(function, count=2):
    """With the first `count` inputs made tensors of the dtype of those that are."""

    def call(*inputs):
        dtype = next(x.dtype for x in inputs if isinstance(x, torch.Tensor))
        made = [x if isinstance(x, torch.Tensor) else torch.tensor(x, dtype=dtype) for x in inputs[:count]]
        return function(*made, *inputs[count:])

    return call


CALLS = {
    exponential.logaddexp: of_tensors(torch.logaddexp),
    exponential.logaddexp2: of_tensors(torch.logaddexp2),
    exponential.lerp: of_tensors(torch.lerp),
    trigonometric.hypot: of_tensors(torch.hypot),
    trigonometric.atan2: of_tensors(torch.atan2),
    trigonometric._root_below_one: lambda x: (1 - x * x).sqrt(),
    trigonometric._root_above_one: lambda x: (x * x - 1).sqrt(),
    trigonometric._below_one: lambda x: 1 - x * x,
    exponential._share: torch.sigmoid,
    exponential._bernoulli_variance: lambda x: x * (1 - x),
}


def refused(row):
    """What PyTorch gives too few digits of: the reason, or None."""
    if row.op is trigonometric.sinc and row.domain[1] < 0.01:
        return "derivatives of sinc that cancel near 0; compared with series in test_ops_trigonometric.py"
    return None
