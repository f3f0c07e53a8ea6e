"""The two halves of the graph: tensors and nodes."""

from __future__ import annotations

import itertools
import os
import weakref
from collections.abc import Callable, Sequence
from struct import Struct
from types import CodeType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from .primitive import Primitive
    from .rules import Plan

Array: TypeAlias = np.ndarray[Any, Any]
Edge: TypeAlias = "tuple[Node, int] | TensorBase | None"
Source: TypeAlias = "Node | tuple[Node, int] | TensorBase | Form | int | float | None"


class TensorBase:
    """An array and its place in the graph: output `index` of `node`, or a leaf when `node` is None.

    `_version` is a cell shared by all tensors that look at the same memory, made when first needed; every write through
    the engine changes what it says, which is how a walk notices that a saved array was changed.
    """

    __slots__ = ("__weakref__", "_alias", "_array", "_grad", "_hooks", "_requires_grad", "_version", "index", "node")

    _alias: bool  # its memory is another tensor's: a view, or detached
    _array: Array
    _grad: TensorBase | None
    _hooks: dict[int, Callable[[Any], Any]] | None
    _requires_grad: bool
    _version: bytearray | None
    index: int
    node: Node | None


def make_tensor(data: Array, requires_grad: bool = False, node: Node | None = None, index: int = 0) -> Any:
    """A tensor around an array, without a check or a copy."""
    tensor = object.__new__(_tensor_type)
    tensor._alias = False
    tensor._array = data
    tensor._grad = None
    tensor._hooks = None
    tensor._requires_grad = requires_grad
    tensor._version = None
    tensor.index = index
    tensor.node = node
    return tensor


# A version cell is empty, or says how many writes there were and, so that no two versions are equal even if one is put
# back, which of all writes was the last. It is a bytearray because Python's collector does not look at those: a graph
# of a million nodes may have as many.
_VERSION = Struct("QQ")
_writes = itertools.count()


def version_cell(tensor: TensorBase) -> bytearray:
    """The tensor's version cell, made when first asked for."""
    cell = tensor._version
    if cell is None:
        cell = tensor._version = bytearray()
    return cell


def version_of(cell: bytes | bytearray) -> int:
    """How many writes a version cell, or a copy of one, says that there were."""
    number: int = _VERSION.unpack(cell)[0] if cell else 0
    return number


def mark_written(tensor: TensorBase) -> None:
    """Say to all who look at the tensor's memory that it was written to."""
    cell = version_cell(tensor)
    cell[:] = _VERSION.pack(version_of(cell) + 1, next(_writes))


_tensor_type: Any = TensorBase


def set_tensor_type(tensor_type: type[TensorBase]) -> None:
    """`tensor.py` says here what results are made of, so that the graph need not import it."""
    global _tensor_type
    _tensor_type = tensor_type


class Form(NamedTuple):
    """What the graph remembers of an array."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any] | None


class Recomputed(Protocol):
    """A part of a graph whose saved arrays were dropped, to be computed again by each walk that needs them."""

    number: int  # unique; the nodes of this part have larger ones

    def run_again(self) -> list[Any]:
        """What was recorded, once more: something for each node."""

    def take(self, records: list[Any], number: int, node: Node) -> tuple[Any, tuple[Recomputed, int] | None]:
        """Out of these, what `node` had saved; or None, and where to ask for it instead."""


class Node:
    """One recorded call.

    A node holds references to older nodes and to leaf tensors, and saved *arrays*; never a tensor it or another node
    made. So there are no reference cycles, and a graph is freed the moment its last tensor is.

    What a node holds is most of what a scalar operation costs, in time and in memory: every list, tuple or dict in it
    is allocated, looked at by Python's garbage collector, again and again while the graph grows, and freed. So it is
    kept flat, and what can be read from its neighbours is not kept; `sources`, `edges`, `shapes` and the like put it
    together for those who ask. A tuple of arrays, numbers and bytes is one that the collector soon leaves alone.
    """

    __slots__ = (
        "cells",  # the version cell of each saved array
        "code",  # with `offset`, the user's line: code object and instruction; cheap to take, and holds no frame alive
        "counts",  # what each version cell said when the array was saved: a copy of it
        "dtype",  # of output 0
        "first",  # where input 0 came from, see below
        "further",  # a tuple: where inputs 2, 3, ... came from
        "hooks",  # {output number: {key: hook}}, or None
        "lost",  # set only where a checkpoint dropped `saved`: (what computes it again, the node's number there)
        "offset",
        "others",  # the forms of further outputs, if there are several
        "params",
        "plan",
        "primitive",
        "retained",  # {output number: weak reference to the tensor whose .grad is wanted}, or None
        "saved",  # the arrays that the VJPs asked for; None once freed, or dropped by a checkpoint
        "scope",  # the dotted module path
        "second",  # where input 1 came from
        "seq",  # rises with every node: a source always has a smaller number
        "shape",  # of output 0
    )

    # A source is a node, for its output 0, or (node, output number), or a leaf tensor. Where no gradient is wanted, it
    # is the form of an array, or the Python number given, or None.

    cells: tuple[bytearray, ...]
    code: CodeType
    counts: tuple[bytes, ...]
    dtype: np.dtype[Any]
    first: Source
    further: tuple[Source, ...]
    hooks: dict[int, dict[int, Callable[[Any], Any]]] | None
    lost: tuple[Recomputed, int] | None
    offset: int
    others: tuple[Form, ...]
    params: dict[str, Any]
    plan: Plan
    primitive: Primitive
    retained: dict[int, weakref.ref[TensorBase]] | None
    saved: Sequence[Any] | None
    scope: str
    second: Source
    seq: int
    shape: tuple[int, ...]

    @property
    def sources(self) -> tuple[Source, ...]:
        """Where each input came from."""
        return (self.first, self.second, *self.further)[: self.plan.inputs]

    def source(self, number: int) -> Source:
        """Where an input came from."""
        return self.first if number == 0 else self.second if number == 1 else self.further[number - 2]

    @property
    def edges(self) -> list[Edge]:
        """One for each input: (node, output number), a leaf tensor, or None where no gradient is wanted."""
        return [
            (s, 0) if isinstance(s, Node) else s if s.__class__ is tuple or isinstance(s, TensorBase) else None  # type: ignore[misc]  # a tuple, by class
            for s in self.sources
        ]

    @property
    def next_functions(self) -> tuple[tuple[Node | Accumulation | None, int], ...]:
        """The edges as PyTorch gives them: pairs (what the gradient goes on to, the number of its output).

        It goes on to a node, or to an `Accumulation` for a leaf; None where no gradient is wanted.
        """
        return tuple(
            edge if isinstance(edge, tuple) else (None if edge is None else Accumulation(edge), 0)
            for edge in self.edges
        )

    @property
    def outputs(self) -> tuple[Form, ...]:
        """Shape and dtype of each output."""
        return (Form(self.shape, self.dtype), *self.others)

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """The shapes of the inputs."""
        return [form_of(source).shape for source in self.sources]

    @property
    def dtypes(self) -> list[np.dtype[Any] | None]:
        """The dtypes of the inputs, None for what is no array."""
        return [form_of(source).dtype for source in self.sources]

    @property
    def numbers(self) -> dict[int, float]:
        """{input number: the Python number given}."""
        return {i: s for i, s in enumerate(self.sources) if isinstance(s, (int, float))}

    @property
    def versions(self) -> list[tuple[bytearray, bytes]]:
        """For each saved array its version cell, and what that said when the array was saved."""
        return [*zip(self.cells, self.counts, strict=True)]

    @property
    def where(self) -> tuple[CodeType, int]:
        """Code object and instruction offset of the user's line."""
        return self.code, self.offset

    @property
    def name(self) -> str:
        """The primitive's name."""
        return self.primitive.name

    def line(self) -> tuple[str, int]:
        """File name and line of the user's call that was recorded."""
        return line_of(self.code, self.offset)

    def place(self) -> str:
        """Where the call was recorded, for messages: "train.py:12 in module features.0"."""
        file, line = self.line()
        return f"{os.path.basename(file)}:{line}" + (f" in module {self.scope}" if self.scope else "")

    def saved_names(self) -> list[str]:
        """The names of what is kept for the backward walk, in the order of `saved`."""
        return [self.primitive.name_of(kind, number) for kind, number in self.plan.keep]

    def __repr__(self) -> str:
        return f"<Node {self.seq}: {self.name}>"


class Accumulation(NamedTuple):
    """Stands for a leaf in `Node.next_functions`: what arrives there is added to the `.grad` of `variable`."""

    variable: TensorBase

    @property
    def next_functions(self) -> tuple[()]:
        """Nothing: a leaf is where the graph ends."""
        return ()


def line_of(code: CodeType, offset: int) -> tuple[str, int]:
    """File name and line of an instruction."""
    position = next(itertools.islice(code.co_positions(), offset // 2, None), None)
    return code.co_filename, (position and position[0]) or code.co_firstlineno


def source_of(tensor: TensorBase) -> Any:
    """What a node that this tensor is an input of notes as its source."""
    node = tensor.node
    return tensor if node is None else (node, tensor.index) if tensor.index else node


def form_of(source: Source) -> Form:
    """Shape and dtype of the array that came from a source."""
    if isinstance(source, Node):
        return Form(source.shape, source.dtype)
    if isinstance(source, TensorBase):
        return Form(source._array.shape, source._array.dtype)
    if isinstance(source, Form):
        return source
    if isinstance(source, tuple):
        node, number = source
        return node.others[number - 1] if number else Form(node.shape, node.dtype)
    return Form((), None)
