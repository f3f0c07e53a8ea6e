"""Losses as modules."""

from typing import Any

import tensorgrad as tg

from . import functional as F
from .module import Module


class CrossEntropyLoss(Module):
    """The mean of -log softmax(input)[target]: scores (N, C) and integer labels (N), each from 0 to C-1."""

    def forward(self, input: tg.Tensor, target: Any) -> tg.Tensor:
        """See the class."""
        return F.cross_entropy(input, target)
