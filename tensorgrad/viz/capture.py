"""From tensors to a GraphView: a walk over the nodes' public data that runs and changes nothing."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DTypeError, ShapeError
from ..node import Edge, Form, Node
from ..rules import INPUT, OUTPUT
from ..tensor import Tensor
from .arguments import said
from .kinds import category_of
from .leaves import NAME_LIMIT, Leaf, Leaves, preview_at_capture
from .parts import EdgeView, ModuleView, NodeView, OutputView, Preview, ResultView, SavedView, TensorView
from .preview import preview_of
from .view import GraphView
from .words import describe, number, plain, readable, type_name

if TYPE_CHECKING:
    from .record import Call, Recording

Source = tuple[Node, int] | Leaf | None  # where an input comes from; None: there is no input

PICTURE_BYTES = 4_000_000  # of leaves' values and gradients in one view; beyond, only their sizes
CELLS = 8192
ONE_BOX = (
    8  # a leaf used more often than this has a box for each use: one box with hundreds of edges cannot be laid out
)


def graph(
    outputs: Any, model: Any = None, inputs: Mapping[str, Any] | None = None, record: Recording | None = None
) -> GraphView:
    """The graph that led to a tensor, or to several (a list, or a dictionary that names them).

    Parameters are named as `model.named_parameters()` names them, other leaves as in `inputs`, else "input 1", ...;
    `inputs` may name interior tensors too. Works before and after backward. Without a recording
    (`tensorgrad.viz.record`) the view has structure, shapes, the leaves' values and gradients; with one also what
    flowed, forward and backward. Runs no operation, changes nothing, keeps no tensor.
    """
    return capture("graph", outputs, model, inputs, record)


def capture(
    caller: str, outputs: Any, model: Any, inputs: Mapping[str, Any] | None, record: Recording | None = None
) -> GraphView:
    """See `graph`; errors begin with the caller's name."""
    if isinstance(model, type):
        raise DTypeError(f"{caller}: model must be a module, got the class {model.__name__} itself")
    if model is not None and not callable(getattr(model, "named_parameters", None)):
        raise DTypeError(f"{caller}: model must have named_parameters(), which {type(model).__name__} has not")
    if inputs is not None and not isinstance(inputs, Mapping):
        raise DTypeError(f"{caller}: inputs must be a dictionary of tensors and arrays by name, got {said(inputs)}")
    if record is not None and not hasattr(record, "lost_pictures"):  # importing its class would be a cycle
        raise DTypeError(f"{caller}: record must be what `with tg.viz.record() as run:` gives, got {said(record)}")
    return _Capture(caller, outputs, model, inputs, record).view()


class _Capture:
    def __init__(
        self, caller: str, outputs: Any, model: Any, inputs: Mapping[str, Any] | None, record: Recording | None
    ) -> None:
        self.model, self.record = model, record
        self.roots = _named_roots(caller, outputs, "loss" if model is not None else "output")
        self.leaves = Leaves(caller, model, inputs)
        self.ops = _nodes_behind([root for _, root in self.roots])
        self.by_seq = {op.seq: op for op in self.ops}
        self.ids: dict[Any, str] = {}  # of operations, and of leaves that have one box
        self.nodes: list[NodeView] = []
        self.edges: list[EdgeView] = []
        self.tensors: list[TensorView] = []
        self.lines: dict[tuple[int, int], str] = {}
        self.room = PICTURE_BYTES
        self.step_rank: dict[int, int] = {}

    def view(self) -> GraphView:
        calls = {op: self.record.call(op.seq) if self.record is not None else None for op in self.ops}
        steps = sorted(visit.step for call in calls.values() if call is not None for visit in call.visits)
        self.step_rank = {step: rank for rank, step in enumerate(steps)}
        for op in self.ops:
            for edge in op.edges:
                if isinstance(edge, Tensor):
                    self.leaves.expect(edge)
        sources = {op: self._sources(op, calls[op]) for op in self.ops}
        for op in self.ops:
            for source in sources[op]:
                if isinstance(source, Leaf):
                    source.uses += 1
        for op in self.ops:
            self._add_op(op, calls[op], sources[op])
        results = tuple(self._result(name, root) for name, root in self.roots)
        return GraphView(
            plain(type(self.model).__name__) if self.model is not None else "graph",
            tuple(self.nodes),
            tuple(self.edges),
            tuple(self.tensors),
            self._modules(),
            results,
            self._notes(calls),
            self.record is not None,
        )

    # Where an operation's inputs come from

    def _sources(self, op: Node, call: Call | None) -> list[Source]:
        saved: dict[int, Any] = {}
        if op.saved is not None:
            kept = zip(op.plan.keep, op.saved, strict=True)
            saved = {number: value for (kind, number), value in kept if kind == INPUT}
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
        if call is not None and i in call.made and call.made[i][0] in self.by_seq:
            seq, output = call.made[i]
            return self.by_seq[seq], output
        seen = call is not None and i in call.arrays
        if saved is None and call is not None and seen:
            saved = call.arrays[i]()
        if isinstance(saved, np.ndarray):
            return self.leaves.of_array(saved, argument)
        # An array that was seen and is gone cannot be one of those that the caller holds.
        return self.leaves.of_shape(form.shape, type_name(dtype), argument, op.scope, guess=not seen)

    # Boxes and edges

    def _new_id(self) -> str:
        return f"n{len(self.nodes)}"

    def _add_op(self, op: Node, call: Call | None, sources: list[Source]) -> None:
        boxes = [self._box(source, op) if isinstance(source, Leaf) else None for source in sources]
        visits = call.visits if call is not None else []
        node = self.ids[op] = self._new_id()
        ruled, edges = {rule.number for rule in op.plan.rules}, op.edges
        for i, (source, box) in enumerate(zip(sources, boxes, strict=True)):
            if source is None:
                continue
            start, output = (self.ids[source[0]], source[1]) if isinstance(source, tuple) else (box or "", 0)
            wanted = edges[i] is not None and (i in ruled or -1 in ruled)
            gradients = tuple(visit.shares.get(i) for visit in visits)
            self.edges.append(
                EdgeView(start, output, node, i, plain(op.primitive.name_of(INPUT, i)), wanted, gradients)
            )
        values = (
            call.values
            if call is not None and call.values
            else [self._root_value(op, i) for i in range(len(op.outputs))]
        )
        outputs = []
        for i, (shape, dtype) in enumerate(op.outputs):
            retained = op.retained[i]() if op.retained is not None and i in op.retained else None
            grad = retained.grad if isinstance(retained, Tensor) else None
            outputs.append(
                OutputView(
                    plain(op.primitive.name_of(OUTPUT, i)),
                    shape,
                    type_name(dtype),
                    self.leaves.labels.get((op, i), ""),
                    values[i],
                    tuple(visit.cotangents[i] for visit in visits),
                    None if grad is None else preview_of(grad.data, CELLS if self.room > 0 else 0),
                )
            )
        names = [op.primitive.name_of(INPUT, i) for i in range(len(edges))]
        recomputed = op.saved is None and getattr(op, "lost", None) is not None  # a slot that most nodes leave empty
        self.nodes.append(
            NodeView(
                node,
                "op",
                category_of(op.primitive),
                plain(op.name),
                plain(op.scope, NAME_LIMIT),
                tuple(outputs),
                describe(op.params, names, op.shapes, [shape for shape, _ in op.outputs]),
                {plain(name): readable(value) for name, value in op.params.items()},
                _saved(op),
                op.saved is None and not recomputed,
                recomputed,
                self._line(op),
                tuple(self.step_rank[visit.step] for visit in visits),
            )
        )

    def _box(self, leaf: Leaf, op: Node | None) -> str:
        """The id of the box that stands for a leaf here: parameters have one for each use, inputs one for all."""
        shared = leaf.kind == "input" and leaf.uses <= ONE_BOX
        if shared and leaf in self.ids:
            return self.ids[leaf]
        known = leaf.tensor is not None or leaf.array is not None or leaf.kind == "input"
        if known and not leaf.id:
            leaf.id = f"t{len(self.tensors)}"
            view, self.room = preview_at_capture(leaf, self.room, CELLS)
            self.tensors.append(view)
        leaf.used += 1
        node = self.ids[leaf] = self._new_id()
        # Parameters, numbers and what else may be trained stand with the operation that uses them; inputs outside.
        inside = leaf.kind != "input" or (leaf.tensor is not None and leaf.tensor.requires_grad and leaf.uses == 1)
        module = plain(op.scope, NAME_LIMIT) if op is not None and inside else ""
        use, uses = (0, 0) if shared or leaf.uses < 2 else (leaf.used, leaf.uses)
        outputs = (OutputView("out", leaf.shape, leaf.dtype),)
        self.nodes.append(
            NodeView(node, leaf.kind, leaf.kind, leaf.name, module, outputs, tensor=leaf.id, use=use, uses=uses)
        )
        return node

    def _root_value(self, op: Node, output: int) -> Preview | None:
        for _, root in self.roots:
            if root.node is op and root.index == output:
                return preview_of(root.data, CELLS)
        return None

    def _result(self, name: str, root: Tensor) -> ResultView:
        if root.node is not None:
            node = self.ids[root.node]
        else:
            leaf = self.leaves.of_tensor(root)
            node = self.ids.get(leaf) or self._box(leaf, None)
        text = number(float(root.data.reshape(())), 6) if root.data.size == 1 else ""
        return ResultView(name, node, root.index, text)

    # The rest

    def _line(self, op: Node) -> str:
        code, offset = op.where
        key = id(code), offset
        if key not in self.lines:
            file, line = op.line()
            self.lines[key] = plain(f"{os.path.basename(file)}:{line}")
        return self.lines[key]

    def _modules(self) -> tuple[ModuleView, ...]:
        types = {}
        for path, module in getattr(self.model, "named_modules", dict)() if self.model is not None else ():
            types[plain(path, NAME_LIMIT)] = plain(type(module).__name__)
        paths: dict[str, None] = {}
        for node in self.nodes:
            parts = node.module.split(".") if node.module and node.module not in paths else []
            paths.update(dict.fromkeys(".".join(parts[:depth]) for depth in range(1, len(parts) + 1)))
        return tuple(ModuleView(path, types.get(path, "")) for path in paths)

    def _notes(self, calls: dict[Node, Call | None]) -> tuple[str, ...]:
        notes = []
        if not self.ops:
            notes.append("no recorded operation led here: a leaf, a detached result, or computed under no_grad")
        for name in self.leaves.guessed:
            notes.append(f"{name} was recognised by its shape and dtype only")
        if self.record is not None:
            missing = sum(call is None for call in calls.values())
            if missing:
                notes.append(f"{missing} of {len(calls)} operations were not recorded, or dropped to save memory")
            if self.record.lost_pictures:
                notes.append(
                    f"{self.record.lost_pictures} recorded pictures were dropped to save memory, the oldest first"
                )
        return tuple(notes)


def _named_roots(caller: str, outputs: Any, single: str) -> list[tuple[str, Tensor]]:
    if isinstance(outputs, Tensor):
        return [(single, outputs)]
    if isinstance(outputs, Mapping):
        roots = [(plain(name, NAME_LIMIT), root) for name, root in outputs.items()]
    elif isinstance(outputs, (list, tuple)):
        many = len(outputs) > 1
        roots = [(f"{single} {i}" if many else single, root) for i, root in enumerate(outputs, 1)]
    else:
        kind = type(outputs).__name__
        raise DTypeError(f"{caller}: expected a tensor, or a list or dictionary of tensors, got {kind}")
    for name, root in roots:
        if not isinstance(root, Tensor):
            raise DTypeError(f"{caller}: {name} must be a tensor, got {type(root).__name__}")
    if not roots:
        raise ShapeError(f"{caller}: there is nothing to draw: no tensor was given")
    return roots


def _nodes_behind(roots: list[Tensor]) -> list[Node]:
    """Every node that the roots were computed by, in the order in which they ran."""
    found = {root.node for root in roots if root.node is not None}
    stack = list(found)
    while stack:
        for edge in stack.pop().edges:
            if isinstance(edge, tuple) and edge[0] not in found:
                found.add(edge[0])
                stack.append(edge[0])
    return sorted(found, key=lambda node: node.seq)


def _saved(op: Node) -> tuple[SavedView, ...]:
    views = []
    for slot, ((kind, i), name) in enumerate(zip(op.plan.keep, op.saved_names(), strict=True)):
        shape, dtype = None, None
        if kind == INPUT:
            shape, dtype = op.shapes[i], op.dtypes[i]
        elif kind == OUTPUT:
            shape, dtype = op.outputs[i]
        elif op.saved is not None and isinstance(op.saved[slot], np.ndarray):
            shape, dtype = op.saved[slot].shape, op.saved[slot].dtype
        known = shape is not None and dtype is not None
        size = math.prod(shape) * dtype.itemsize if shape is not None and dtype is not None else None
        views.append(SavedView(plain(name), shape, type_name(dtype) if known else None, size))
    return tuple(views)
