"""The sample calls of an entry of PyTorch's database, and the same calls for us."""

import random

import numpy as np
import torch
from torch.utils import _pytree as pytree

import tensorgrad as tg
from tensorgrad import nn

from .calls import ENTRIES

HELD = {torch.tensor(np.zeros((), dtype)).dtype: np.dtype(dtype) for dtype in "?bhilBefd"}


class NotHeld(Exception):
    """A value that we have no counterpart of: it says which."""


def samples(name, dtype):
    """The calls, the same in every run: the generators draw from all three of these sources."""
    torch.manual_seed(0)
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002  PyTorch's generators draw from the old global one
    entry = ENTRIES[name]
    gradients = dtype.is_floating_point and entry.supports_autograd
    return list(entry.sample_inputs("cpu", dtype, requires_grad=gradients))


class Call:
    """The arguments of one sample call: PyTorch's tensors, and ours with the same values."""

    def __init__(self, sample, dtype):
        self.dtype = dtype  # what the samples are of; some arguments may have another
        self.process = sample.output_process_fn_grad
        self.theirs = (sample.input, *sample.args), dict(sample.kwargs)
        if self.theirs[1].get("device") == "cpu":
            del self.theirs[1]["device"]  # where everything of ours is
        flat, self.structure = pytree.tree_flatten(self.theirs)
        self.tensors, self.leaves = [], []  # pairs of a tensor of theirs and of ours
        for leaf in flat:
            self.leaves.append(self._ours(leaf))
        self.ours = pytree.tree_unflatten(self.leaves, self.structure)

    def _ours(self, value):
        if isinstance(value, torch.Tensor):
            for other, tensor in self.tensors:
                if other is value:
                    return tensor
            self.tensors.append((value, to_ours(value)))
            return self.tensors[-1][1]
        if isinstance(value, torch.dtype):
            if value not in HELD:
                raise NotHeld(f"the dtype {str(value).removeprefix('torch.')}")
            return HELD[value]
        if isinstance(value, torch.nn.PairwiseDistance):
            return nn.PairwiseDistance(value.norm, value.eps, value.keepdim)
        if isinstance(value, complex):
            raise NotHeld("a complex number")
        if isinstance(value, torch.memory_format | torch.layout | torch.device):
            raise NotHeld(f"a {type(value).__name__}")
        return value

    def wanted(self):
        """Pairs of tensors that gradients are wanted of."""
        return [(theirs, ours) for theirs, ours in self.tensors if theirs.requires_grad]


def to_ours(tensor):
    """A tensor of ours with the same values, strides and requires_grad, that shares no memory."""
    if tensor.layout != torch.strided:
        raise NotHeld("a sparse tensor")
    if tensor.dtype not in HELD:
        raise NotHeld(f"the dtype {str(tensor.dtype).removeprefix('torch.')}")
    if tensor.ndim > 64:
        raise NotHeld("more axes than NumPy has, 64")
    array = tensor.numpy(force=True)
    result = tg.from_numpy(np.array(array, order="K"))
    return result.requires_grad_(tensor.requires_grad)
