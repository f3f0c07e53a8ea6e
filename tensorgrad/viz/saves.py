"""What operations keep for the way back, in numbers: also where it is gone, if a recording saw it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ..node import Node
from ..rules import BYPRODUCT, INPUT
from .parts import SavedView, Shape
from .words import plain, type_name

KEPT_COST = 300  # about the bytes that a recording takes for one array


class Kept(NamedTuple):
    """The size of an array that an operation made for its own way back."""

    shape: Shape
    dtype: str
    bytes: int


def byproducts_of(node: Node) -> dict[int, Kept] | None:
    """What a node holds beside its inputs and outputs, by its place in `saved`; None if it was dropped."""
    if node.saved is None:
        return None
    return {
        slot: Kept(value.shape, type_name(value.dtype), value.nbytes)
        for slot, ((kind, _), value) in enumerate(zip(node.plan.keep, node.saved, strict=True))
        if kind == BYPRODUCT and isinstance(value, np.ndarray)
    }


def saved_by(node: Node, seen: Mapping[int, Kept] | None) -> tuple[SavedView, ...]:
    """What a node keeps, or kept; `seen` are its byproducts as they were when it ran, if that was recorded."""
    held = byproducts_of(node)
    byproducts = seen if held is None else held
    views = []
    for slot, ((kind, i), name) in enumerate(zip(node.plan.keep, node.saved_names(), strict=True)):
        if kind == BYPRODUCT:
            kept = byproducts.get(slot) if byproducts is not None else None
            nothing = None if byproducts is None else 0  # what is no array takes next to nothing
            views.append(SavedView(plain(name), *(kept if kept is not None else (None, None, nothing))))
            continue
        shape, dtype = (node.shapes[i], node.dtypes[i]) if kind == INPUT else node.outputs[i]
        size = None if dtype is None else math.prod(shape) * dtype.itemsize
        views.append(SavedView(plain(name), shape, None if dtype is None else type_name(dtype), size))
    return tuple(views)
