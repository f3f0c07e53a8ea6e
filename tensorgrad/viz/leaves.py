"""Which tensors enter a graph from outside, and by what names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DTypeError
from ..node import Array
from ..tensor import Tensor
from .arguments import said
from .parts import Preview, Shape, TensorView
from .preview import preview_of
from .words import plain, readable

NAME_LIMIT = 200
# Argument names that say nothing about what stands there.
GENERIC = re.compile(r"^(x|y|gy|input|other|value|xs\[\d+\]|x\d*|a|b)$")


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

    def __init__(self, caller: str, model: Any, inputs: Mapping[str, Any] | None) -> None:
        self.guessed: dict[str, None] = {}  # names that rest on a shape alone, in order
        self.labels: dict[tuple[Any, int], str] = {}  # the caller's names of interior tensors, by (node, output)
        self._named: dict[str, Leaf] = {}  # parameters and buffers by dotted name
        self._inputs: list[Leaf] = []
        self._by_tensor: dict[int, Leaf] = {}
        self._by_array: dict[int, Leaf] = {}
        self._unnamed = 0
        for source in ("named_parameters", "named_buffers"):
            for name, tensor in getattr(model, source, dict)() if model is not None else ():
                if isinstance(tensor, Tensor):
                    self._named[str(name)] = self._add(
                        "parameter" if source == "named_parameters" else "input", name, tensor
                    )
        for name, value in (inputs or {}).items():
            if isinstance(value, Tensor) and value.node is not None:
                self.labels[value.node, value.index] = plain(name, NAME_LIMIT)
            elif isinstance(value, (Tensor, np.ndarray)):
                self._inputs.append(self._add("input", name, value))
            else:
                kind = type(value).__name__
                raise DTypeError(f"{caller}: inputs[{said(name)}] must be a tensor or an array, got {kind}")

    def expect(self, tensor: Tensor) -> None:
        """An edge leads to this tensor: where its array turns up detached, it is this leaf."""
        if id(tensor) not in self._by_tensor:
            self._add("input", "", tensor)

    def of_tensor(self, tensor: Tensor) -> Leaf:
        """The leaf of a tensor that an edge leads to."""
        self.expect(tensor)
        return self._with_name(self._by_tensor[id(tensor)])

    def of_array(self, array: Array, argument: str) -> Leaf:
        """The leaf of an input that wants no gradient, where its array is known."""
        leaf = self._by_array.get(id(array))
        if leaf is not None:
            return self._with_name(leaf)
        if array.ndim == 0:
            leaf = Leaf("constant", f"{array.item():.6g}", (), str(array.dtype), array=array)
        else:
            leaf = Leaf("input", self._next_name(argument), array.shape, str(array.dtype), array=array)
        self._by_array[id(array)] = leaf
        return leaf

    def of_shape(self, shape: Shape, dtype: str, argument: str, scope: str, guess: bool) -> Leaf:
        """The leaf of an input of which only this is known.

        With `guess`, that may be a frozen parameter of the module that ran, or the one given input of that shape that
        requires no gradient: one that does would have been found by its edge.
        """
        named = self._named.get(f"{scope}.{argument}" if scope else argument)
        alike = [leaf for leaf in self._inputs if leaf.fits(shape, dtype)]
        if guess and named is not None and named.fits(shape, dtype):
            return named
        if guess and len(alike) == 1:
            self.guessed[alike[0].name] = None
            return alike[0]
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


def preview_at_capture(leaf: Leaf, room: int, cells: int) -> tuple[TensorView, int]:
    """A leaf's data, with pictures while there is room for them; and the room that is left."""
    view = leaf.view(cells if room > 0 else 0)
    return view, room - sum(_length(preview) for preview in (view.value, view.grad))


def _length(preview: Preview | None) -> int:
    return len(preview.picture.data) if preview is not None and preview.picture is not None else 0
