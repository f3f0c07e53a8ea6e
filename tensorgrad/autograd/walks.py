"""Backward walks from several tensors at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph import backward as walk_back
from ..node import TensorBase


def backward(
    tensors: TensorBase | Sequence[TensorBase],
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
) -> None:
    """Add to the leaves' `.grad` the gradients of several tensors, each weighted by its `grad_tensors`, in one walk.

    For one tensor it is `tensor.backward(...)`. A tensor of one element needs no weight: None, or no list at all.
    """
    roots = [tensors] if isinstance(tensors, TensorBase) else list(tensors)
    given = [grad_tensors] if isinstance(grad_tensors, (TensorBase, np.ndarray)) else grad_tensors
    walk_back(roots, given, retain_graph, create_graph)
