"""Which tensors enter a graph from outside, and by what names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DTypeError
from ..node import Array
from ..tensor import Tensor
from .arguments import said
from .behind import NAME_LIMIT
from .calls import Input, Maker
from .parts import Preview, Shape, TensorView
from .preview import preview_of
from .words import plain, readable

# Argument names that say nothing about what stands there.
GENERIC = re.compile(r"^(x|y|gy|input|other|value|xs\[\d+\]|x\d*|a|b)$")

COMPARED = 1_000_000  # arrays of more values are not compared


@dataclass(eq=False, slots=True)
class Leaf:
    """A tensor, array or number that no recorded operation made, while a graph is captured."""

    kind: str
    name: str
    shape: Shape
    dtype: str
    tensor: Tensor | None = None
    array: Array | None = None
    uses: int = 0
    used: int = 0  # how many of the uses have their box already
    id: str = ""

    def fits(self, shape: Shape, dtype: str) -> bool:
        """Whether it may be an input of this shape and dtype to which no gradient goes."""
        return (self.shape, self.dtype) == (shape, dtype) and not (
            self.tensor is not None and self.tensor.requires_grad
        )

    def view(self, cells: int) -> TensorView:
        """Its data, with a copy of at most `cells` values."""
        array = self.tensor.data if self.tensor is not None else self.array
        grad = self.tensor.grad if self.tensor is not None else None
        value = None if array is None else preview_of(array, cells)
        return TensorView(
            self.id,
            self.kind,
            self.name,
            self.shape,
            self.dtype,
            self.tensor is not None and bool(self.tensor.requires_grad),
            self.uses,
            value,
            None if grad is None else preview_of(grad.data, cells),
        )


class Leaves:
    """The leaves of one graph, each found once, with the names that a model and the caller give."""

    def __init__(
        self, caller: str, model: Any, inputs: Mapping[str, Any] | None, maker: Callable[[Array], Maker | None]
    ) -> None:
        """`maker` tells which recorded call made an array."""
        self.guessed: dict[str, None] = {}  # names that rest on a shape alone, in order
        self.labels: dict[Maker, str] = {}  # the caller's names of interior tensors, by (number of the call, output)
        self._named: dict[str, Leaf] = {}  # parameters and buffers by dotted name
        self._inputs: list[Leaf] = []
        self._by_tensor: dict[int, Leaf] = {}
        self._by_array: dict[int, Leaf] = {}
        self._gone: dict[int, Leaf] = {}  # by the reference to an array that is no more
        self._unknown: Counter[tuple[Shape, str]] = Counter()  # inputs of which no more is known
        self._unnamed = 0
        for source in ("named_parameters", "named_buffers"):
            for name, tensor in getattr(model, source, dict)() if model is not None else ():
                if isinstance(tensor, Tensor):
                    self._named[str(name)] = self._add(
                        "parameter" if source == "named_parameters" else "input", name, tensor
                    )
        for name, value in (inputs or {}).items():
            if isinstance(value, Tensor) and value.node is not None:
                self.labels[value.node.seq, value.index] = plain(name, NAME_LIMIT)
            elif isinstance(value, (Tensor, np.ndarray)):
                made = maker(value.data if isinstance(value, Tensor) else value)
                if made is not None and not (isinstance(value, Tensor) and value.requires_grad):
                    self.labels.setdefault(made, plain(name, NAME_LIMIT))
                    continue
                self._inputs.append(self._add("input", name, value))
            else:
                kind = type(value).__name__
                raise DTypeError(f"{caller}: inputs[{said(name)}] must be a tensor or an array, got {kind}")

    def expect(self, tensor: Tensor) -> None:
        """An edge leads to this tensor: where its array turns up detached, it is this leaf."""
        if id(tensor) not in self._by_tensor:
            self._add("input", "", tensor)

    def knows(self, array: Array) -> bool:
        """Whether an array is that of a leaf."""
        return id(array) in self._by_array

    def is_of_model(self, tensor: Tensor) -> bool:
        """Whether the model names this tensor."""
        leaf = self._by_tensor.get(id(tensor))
        return leaf is not None and self._named.get(leaf.name) is leaf

    def of_tensor(self, tensor: Tensor, name: str = "") -> Leaf:
        """The leaf of a tensor that an edge leads to, or that is asked for by a name."""
        self.expect(tensor)
        leaf = self._by_tensor[id(tensor)]
        leaf.name = leaf.name or name
        return self._with_name(leaf)

    def of_array(self, array: Array, argument: str) -> Leaf:
        """The leaf of an input that wants no gradient, where its array is known."""
        leaf = self._by_array.get(id(array))
        if leaf is not None:
            return self._with_name(leaf)
        alike = [one for one in self._labels_of(array.shape, str(array.dtype)) if _equal(one.array, array)]
        if len(alike) == 1:
            leaf = alike[0]
        elif array.ndim == 0:
            leaf = Leaf("constant", f"{array.item():.6g}", (), str(array.dtype), array=array)
        else:
            leaf = Leaf("input", self._next_name(argument), array.shape, str(array.dtype), array=array)
        self._by_array[id(array)] = leaf
        return leaf

    def of_shape(self, shape: Shape, dtype: str, argument: str, scope: str) -> Leaf:
        """The leaf of an input of which only this is known.

        That may be a frozen parameter of the module that ran, or the one given input of that shape that requires no
        gradient: one that does would have been found by its edge. Where several such inputs are unknown, none is it.
        """
        named = self._frozen(shape, dtype, argument, scope)
        if named is not None:
            return named
        alike = [leaf for leaf in self._inputs if leaf.fits(shape, dtype)]
        if len(alike) == 1 and self._unknown[shape, dtype] < 2:
            self.guessed[alike[0].name] = None
            return alike[0]
        return self._without_values(shape, dtype, argument)

    def expect_shape(self, shape: Shape, dtype: str, argument: str, scope: str) -> None:
        """There will be an input of which only this is known."""
        if self._frozen(shape, dtype, argument, scope) is None:
            self._unknown[shape, dtype] += 1

    def _frozen(self, shape: Shape, dtype: str, argument: str, scope: str) -> Leaf | None:
        """The parameter of a module that has the argument's name, if it wants no gradient."""
        named = self._named.get(f"{scope}.{argument}" if scope else argument)
        return named if named is not None and named.fits(shape, dtype) else None

    def of_gone(self, given: Input) -> Leaf:
        """The leaf of an array that was seen and is no more: it cannot be one of those that the caller holds."""
        leaf = self._gone.get(id(given.array))
        alike = self._labels_of(given.shape, given.dtype) if given.made is None else []
        if leaf is None and len(alike) == 1:  # of those, operations make copies of their own
            self.guessed[alike[0].name] = None
            leaf = self._gone[id(given.array)] = alike[0]
        elif leaf is None:
            leaf = self._gone[id(given.array)] = self._without_values(given.shape, given.dtype, given.name)
        return leaf

    def _labels_of(self, shape: Shape, dtype: str) -> list[Leaf]:
        """The given inputs of which this may be a copy: labels and the like, whole numbers in both."""
        if not shape or np.dtype(dtype).kind not in "biu":
            return []
        return [leaf for leaf in self._inputs if leaf.shape == shape and np.dtype(leaf.dtype).kind in "biu"]

    def _without_values(self, shape: Shape, dtype: str, argument: str) -> Leaf:
        if not shape:
            return Leaf("constant", f"a number ({dtype})", shape, dtype)
        return Leaf("input", self._next_name(argument), shape, dtype)

    def of_number(self, value: Any) -> Leaf:
        """The leaf of a Python number; of a value that is not known if it is None."""
        kind = "" if value is None else type(value).__name__
        return Leaf("constant", "a number" if value is None else readable(value), (), kind)

    def _add(self, kind: str, name: Any, value: Tensor | Array) -> Leaf:
        tensor = value if isinstance(value, Tensor) else None
        array: Array = value.data if isinstance(value, Tensor) else value
        leaf = self._by_tensor.get(id(value)) if tensor is not None else None
        if leaf is None:
            leaf = Leaf(kind, plain(name, NAME_LIMIT), array.shape, str(array.dtype), tensor, array)
        self._by_tensor[id(value)] = leaf
        self._by_array.setdefault(id(array), leaf)
        return leaf

    def _with_name(self, leaf: Leaf) -> Leaf:
        leaf.name = leaf.name or self._next_name()
        return leaf

    def _next_name(self, argument: str = "") -> str:
        self._unnamed += 1
        said = "" if not argument or GENERIC.match(argument) else f" ({argument})"
        return f"input {self._unnamed}{said}"


def _equal(one: Array | None, other: Array) -> bool:
    return one is not None and one.size <= COMPARED and np.array_equal(one, other)


def preview_at_capture(leaf: Leaf, room: int, cells: int) -> tuple[TensorView, int]:
    """A leaf's data, with pictures while there is room for them; and the room that is left."""
    view = leaf.view(cells if room > 0 else 0)
    return view, room - sum(length(preview) for preview in (view.value, view.grad))


def length(preview: Preview | None) -> int:
    """How many bytes of a view's data a copy takes."""
    return len(preview.picture.data) if preview is not None and preview.picture is not None else 0
