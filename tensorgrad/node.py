"""The two halves of the graph: tensors and nodes."""

from __future__ import annotations

import itertools
import os
import weakref
from collections.abc import Callable, Sequence
from types import CodeType
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from .primitive import Primitive
    from .rules import Plan

Array: TypeAlias = np.ndarray[Any, Any]
Edge: TypeAlias = "tuple[Node, int] | TensorBase | None"


class TensorBase:
    """An array and its place in the graph: output `index` of `node`, or a leaf when `node` is None.

    `_version` is a cell (a list of one number) shared by all tensors that look at the same memory, made when first
    needed; every write through the engine adds one to it, which is how a walk notices that a saved array was changed.
    """

    __slots__ = ("__weakref__", "_alias", "_data", "_grad", "_hooks", "_requires_grad", "_version", "index", "node")

    _alias: bool  # its memory is another tensor's: a view, or detached
    _data: Array
    _grad: TensorBase | None
    _hooks: dict[int, Callable[[Any], Any]] | None
    _requires_grad: bool
    _version: list[int] | None
    index: int
    node: Node | None


def make_tensor(data: Array, requires_grad: bool = False, node: Node | None = None, index: int = 0) -> Any:
    """A tensor around an array, without a check or a copy."""
    tensor = object.__new__(_tensor_type)
    tensor._alias = False
    tensor._data = data
    tensor._grad = None
    tensor._hooks = None
    tensor._requires_grad = requires_grad
    tensor._version = None
    tensor.index = index
    tensor.node = node
    return tensor


def version_cell(tensor: TensorBase) -> list[int]:
    """The tensor's version cell, made when first asked for."""
    cell = tensor._version
    if cell is None:
        cell = tensor._version = [0]
    return cell


_tensor_type: Any = TensorBase


def set_tensor_type(tensor_type: type[TensorBase]) -> None:
    """`tensor.py` says here what results are made of, so that the graph need not import it."""
    global _tensor_type
    _tensor_type = tensor_type


class Node:
    """One recorded call.

    A node holds edges to older nodes and to leaf tensors, and saved *arrays*; never a tensor it or another node made.
    So there are no reference cycles, and a graph is freed the moment its last tensor is.
    """

    __slots__ = (
        "dtypes",  # of the inputs
        "edges",  # one for each input: (node, output number), a leaf tensor, or None where no gradient is wanted
        "hooks",  # {output number: {key: hook}}, or None
        "numbers",  # {input number: the Python number given}, for pictures; or None
        "outputs",  # [(shape, dtype)] of the outputs
        "params",
        "plan",
        "primitive",
        "retained",  # {output number: weak reference to the tensor whose .grad is wanted}, or None
        "saved",  # the arrays that the VJPs asked for; None once freed
        "scope",  # the dotted module path
        "seq",  # rises with every node: an edge always points to a smaller number
        "shapes",  # of the inputs
        "versions",  # for each saved array its version cell and that cell's value when saved
        "where",  # (code object, instruction offset) of the user's line: cheap to take, and holds no frame alive
    )

    dtypes: tuple[np.dtype[Any] | None, ...]
    edges: list[Edge]
    hooks: dict[int, dict[int, Callable[[Any], Any]]] | None
    numbers: dict[int, float] | None
    outputs: tuple[tuple[tuple[int, ...], np.dtype[Any]], ...]
    params: dict[str, Any]
    plan: Plan
    primitive: Primitive
    retained: dict[int, weakref.ref[TensorBase]] | None
    saved: Sequence[Any] | None
    scope: str
    seq: int
    shapes: list[tuple[int, ...]]
    versions: Sequence[tuple[list[int], int]]
    where: tuple[CodeType, int]

    @property
    def name(self) -> str:
        """The primitive's name."""
        return self.primitive.name

    def line(self) -> tuple[str, int]:
        """File name and line of the user's call that was recorded."""
        code, offset = self.where
        position = next(itertools.islice(code.co_positions(), offset // 2, None), None)
        return code.co_filename, (position and position[0]) or code.co_firstlineno

    def place(self) -> str:
        """Where the call was recorded, for messages: "train.py:12 in module features.0"."""
        file, line = self.line()
        return f"{os.path.basename(file)}:{line}" + (f" in module {self.scope}" if self.scope else "")

    def saved_names(self) -> list[str]:
        """The names of what is kept for the backward walk, in the order of `saved`."""
        return [self.primitive.name_of(kind, number) for kind, number in self.plan.keep]

    def __repr__(self) -> str:
        return f"<Node {self.seq}: {self.name}>"
