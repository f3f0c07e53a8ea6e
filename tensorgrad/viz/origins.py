"""Where the inputs of a picture's operations come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..node import Edge, Form, Node
from ..rules import INPUT
from ..tensor import Tensor
from .behind import Seen
from .calls import Call, Input, Maker, Operation
from .leaves import Leaf, Leaves
from .places import Places
from .words import type_name

Op = Node | Operation  # what has a box: a node, or a call that only the recording knows
Source = tuple[Op, int] | Leaf | None  # where an input comes from; None: there is no input


class Origins:
    """The operations of a picture by number, and for each of their inputs the operation or the leaf that it is from."""

    def __init__(self, leaves: Leaves, seen: Seen) -> None:
        self.leaves, self.seen = leaves, seen
        self.by_seq: dict[int, Op] = dict(seen.nodes)
        self.places = Places(None, ())
        self.begins: list[Maker | None] = []  # what made the leaves that want a gradient, those of the model apart

    def in_order(self) -> list[Op]:
        """All operations, in the order in which they ran."""
        return [self.by_seq[seq] for seq in sorted(self.by_seq)]

    def of(self, op: Op) -> list[Source]:
        """Where the inputs of an operation come from."""
        return self._sources(op, self.seen.call(op)) if isinstance(op, Node) else self._inputs(op.inputs)

    def expect_unknown(self) -> None:
        """Tell the leaves of all inputs of which only shape and dtype are known: of several, none can be guessed."""
        for op in self.by_seq.values():
            call = self.seen.call(op) if isinstance(op, Node) else None
            if not isinstance(op, Node) or (call is not None and call.operation is not None):
                continue
            saved, numbers, dtypes = _saved_inputs(op), op.numbers, op.dtypes
            for i, (edge, shape, dtype) in enumerate(zip(op.edges, op.shapes, dtypes, strict=True)):
                if edge is None and dtype is not None and i not in numbers and not isinstance(saved.get(i), np.ndarray):
                    self.leaves.expect_shape(shape, type_name(dtype), *self._place_of(op, i))

    def _place_of(self, op: Node, i: int) -> tuple[str, str]:
        """The argument that an input is, and the module that it was given to."""
        return op.primitive.name_of(INPUT, i), self.places.of(op.scope).path

    def follow(self, calls: Mapping[Node, Call | None], roots: list[Tensor]) -> None:
        """Find the operations without gradient that lead here: those that made what has no edge."""
        for op, call in calls.items():
            if call is None or call.operation is None:
                continue
            for given, edge in zip(call.operation.inputs, op.edges, strict=True):
                if edge is None and not self._is_leaf(given):
                    self.seen.follow([given.made], self._is_leaf)
                elif isinstance(edge, Tensor) and not self.leaves.is_of_model(edge):
                    self.begins.append(given.made)
        self.seen.follow((self.seen.maker(root.data) for root in roots if root.node is None), self._is_leaf)
        for seq, call in self.seen.calls.items():
            if call.operation is not None:
                self.by_seq[seq] = call.operation

    def _is_leaf(self, given: Input) -> bool:
        """Whether an input is a tensor with which the graph begins, whatever made it."""
        array = given.array() if given.array is not None else None
        return array is not None and self.leaves.knows(array)

    def _sources(self, op: Node, call: Call | None) -> list[Source]:
        saved = _saved_inputs(op)
        # A node makes these lists anew each time: asked for once, as an operation may have thousands of inputs.
        edges, numbers = op.edges, op.numbers
        forms = [Form(shape, dtype) for shape, dtype in zip(op.shapes, op.dtypes, strict=True)]
        return [
            self.leaves.of_number(numbers[i])
            if i in numbers
            else self._source(op, i, edges[i], forms[i], saved.get(i), call)
            for i in range(len(edges))
        ]

    def _source(self, op: Node, i: int, edge: Edge, form: Form, saved: Any, call: Call | None) -> Source:
        if isinstance(edge, tuple):
            return edge
        if isinstance(edge, Tensor):
            return self.leaves.of_tensor(edge)
        argument, dtype = op.primitive.name_of(INPUT, i), form.dtype
        if dtype is None:
            # An input that is left out, such as a bias, or True or False, which only elementwise operations take.
            return self.leaves.of_number(saved) if op.primitive.elementwise else None
        if call is not None and call.operation is not None:
            return self._seen_source(call.operation.inputs[i], saved)
        if isinstance(saved, np.ndarray):
            return self.leaves.of_array(saved, argument)
        return self.leaves.of_shape(form.shape, type_name(dtype), *self._place_of(op, i))

    def _inputs(self, inputs: list[Input]) -> list[Source]:
        """Where the inputs come from of an operation without gradient."""
        return [
            self.leaves.of_number(given.number)
            if given.number is not None
            else self._seen_source(given)
            if given.array is not None
            else None
            for given in inputs
        ]

    def _seen_source(self, given: Input, saved: Any = None) -> Source:
        """Where an array comes from that the recording saw, and to which no gradient goes."""
        array = given.array() if given.array is not None else None
        if given.made is not None and given.made[0] in self.by_seq and not self._is_leaf(given):
            return self.by_seq[given.made[0]], given.made[1]
        array = saved if isinstance(saved, np.ndarray) else array
        if array is not None:
            return self.leaves.of_array(array, given.name)
        return self.leaves.of_gone(given)


def _saved_inputs(op: Node) -> dict[int, Any]:
    """The inputs that a node still holds, by number."""
    if op.saved is None:
        return {}
    return {number: value for (kind, number), value in zip(op.plan.keep, op.saved, strict=True) if kind == INPUT}
