"""From tensors to a GraphView: a walk over the nodes' public data that runs and changes nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from types import CodeType
from typing import TYPE_CHECKING, Any

from ..errors import DTypeError
from ..node import Array, Node, line_of
from ..rules import INPUT, OUTPUT
from ..tensor import Tensor
from .arguments import said
from .behind import NAME_LIMIT, Seen, named_roots, nodes_behind
from .calls import Call, Operation
from .kinds import category_of
from .leaves import Leaf, Leaves, length, preview_at_capture
from .origins import Op, Origins, Source
from .parts import EdgeView, ModuleView, NodeView, OutputView, Preview, ResultView, TensorView
from .places import Places
from .preview import preview_of
from .saves import saved_by
from .view import GraphView
from .words import describe, number, plain, readable, type_name

if TYPE_CHECKING:
    from .record import Recording

PICTURE_BYTES = 4_000_000  # of values and gradients that are copied for one view; beyond, only their sizes
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
        self.roots = named_roots(caller, outputs, "loss" if model is not None else "output")
        self.asked = {(root.node, root.index): root for _, root in self.roots}
        self.ops = nodes_behind([root for _, root in self.roots])
        self.seen = Seen(record, self.ops)
        self.leaves = Leaves(caller, model, inputs, self.seen.maker)
        self.by_seq: dict[int, Op] = {}
        self.ids: dict[Any, str] = {}  # of operations, and of leaves that have one box
        self.nodes: list[NodeView] = []
        self.edges: list[EdgeView] = []
        self.tensors: list[TensorView] = []
        self.lines: dict[tuple[int, int], str] = {}
        self.room = PICTURE_BYTES
        self.step_rank: dict[int, int] = {}
        self.places = Places(None, ())
        self.leafy: list[str] = []  # results that no operation is known of

    def view(self) -> GraphView:
        calls = {op: self.seen.call(op) for op in self.ops}
        steps = sorted(visit.step for call in calls.values() if call is not None for visit in call.visits)
        self.step_rank = {step: rank for rank, step in enumerate(steps)}
        for node in self.ops:
            for edge in node.edges:
                if isinstance(edge, Tensor):
                    self.leaves.expect(edge)
        origins = Origins(self.leaves, self.seen)
        origins.follow(calls, [root for _, root in self.roots])
        self.by_seq = origins.by_seq
        self.places = origins.places = Places(self.model, [op.scope for op in origins.in_order()])
        origins.expect_unknown()
        sources: dict[Op, list[Source]] = {op: origins.of(op) for op in origins.in_order()}
        for found in sources.values():
            for source in found:
                if isinstance(source, Leaf):
                    source.uses += 1
        for op, found in sources.items():
            if isinstance(op, Node):
                self._add_op(op, calls[op], found)
            else:
                self._add_seen(op, self.seen.calls[op.seq], found)
        results = tuple(self._result(name, root) for name, root in self.roots)
        return GraphView(
            plain(type(self.model).__name__) if self.model is not None else "graph",
            tuple(self.nodes),
            tuple(self.edges),
            tuple(self.tensors),
            self._modules(),
            results,
            self._notes(calls, origins),
            self.record is not None,
        )

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
                    self.leaves.labels.get((op.seq, i), ""),
                    values[i],
                    tuple(visit.cotangents[i] for visit in visits),
                    None if grad is None else self._preview(grad.data),
                )
            )
        names, place = [op.primitive.name_of(INPUT, i) for i in range(len(edges))], self.places.of(op.scope)
        recomputed = op.saved is None and getattr(op, "lost", None) is not None  # a slot that most nodes leave empty
        self.nodes.append(
            NodeView(
                node,
                "op",
                category_of(op.primitive),
                plain(op.name),
                plain(place.path, NAME_LIMIT),
                tuple(outputs),
                describe(op.params, names, op.shapes, [shape for shape, _ in op.outputs]),
                {plain(name): readable(value) for name, value in op.params.items()},
                saved_by(op, call.byproducts if call is not None else None),
                op.saved is None and not recomputed,
                recomputed,
                self._line(*op.where),
                tuple(self.step_rank[visit.step] for visit in visits),
                calls=place.calls,
                order=place.order,
            )
        )

    def _add_seen(self, op: Operation, call: Call, sources: list[Source]) -> None:
        """An operation of which there is no node: no gradient goes through it, and it keeps nothing."""
        boxes = [self._box(source, op) if isinstance(source, Leaf) else None for source in sources]
        node = self.ids[op] = self._new_id()
        for i, (source, box, given) in enumerate(zip(sources, boxes, op.inputs, strict=True)):
            if source is not None:
                start, output = (self.ids[source[0]], source[1]) if isinstance(source, tuple) else (box or "", 0)
                self.edges.append(EdgeView(start, output, node, i, plain(given.name), False))
        outputs = tuple(
            OutputView(plain(out.name), out.shape, out.dtype, self.leaves.labels.get((op.seq, i), ""), value)
            for i, (out, value) in enumerate(zip(op.outputs, call.values, strict=True))
        )
        place, line = self.places.of(op.scope), self._line(op.code, op.offset)
        where = plain(place.path, NAME_LIMIT)
        told = NodeView(node, "op", op.category, op.name, where, outputs, op.hyper, op.params, line=line)
        self.nodes.append(replace(told, calls=place.calls, order=place.order))

    def _box(self, leaf: Leaf, op: Op | None) -> str:
        """The id of the box that stands for a leaf here: parameters have one for each use, inputs one for all."""
        shared = leaf.kind == "input" and leaf.uses <= ONE_BOX
        if shared and leaf in self.ids:
            return self.ids[leaf]
        known = leaf.tensor is not None or leaf.array is not None or leaf.kind == "input"
        if known and not leaf.id:
            leaf.id = f"t{len(self.tensors)}"
            view, self.room = preview_at_capture(leaf, self.room, CELLS)
            hooked = self.record.hooked(leaf.tensor) if self.record is not None and leaf.tensor is not None else None
            self.tensors.append(replace(view, hooked=hooked))
        leaf.used += 1
        node = self.ids[leaf] = self._new_id()
        # Parameters, numbers and what else may be trained stand with the operation that uses them; inputs outside.
        inside = leaf.kind != "input" or (leaf.tensor is not None and leaf.tensor.requires_grad and leaf.uses == 1)
        module = plain(self.places.of(op.scope).path, NAME_LIMIT) if inside and op is not None else ""
        use, uses = (0, 0) if shared or leaf.uses < 2 else (leaf.used, leaf.uses)
        outputs = (OutputView("out", leaf.shape, leaf.dtype),)
        self.nodes.append(
            NodeView(node, leaf.kind, leaf.kind, leaf.name, module, outputs, tensor=leaf.id, use=use, uses=uses)
        )
        return node

    def _root_value(self, op: Node, output: int) -> Preview | None:
        root = self.asked.get((op, output))
        return None if root is None else self._preview(root.data)

    def _preview(self, array: Array) -> Preview:
        preview = preview_of(array, CELLS if self.room > 0 else 0)
        self.room -= length(preview)
        return preview

    def _result(self, name: str, root: Tensor) -> ResultView:
        output, maker = root.index, self.seen.maker(root.data)
        if root.node is not None:
            node = self.ids[root.node]
        elif maker is not None and maker[0] in self.by_seq:
            node, output = self.ids[self.by_seq[maker[0]]], maker[1]
        else:
            leaf = self.leaves.of_tensor(root, name if len(self.roots) > 1 else "")
            node = self.ids.get(leaf) or self._box(leaf, None)
            self.leafy.append(name)
        text = number(float(root.data.reshape(())), 6) if root.data.size == 1 else ""
        return ResultView(name, node, output, text)

    # The rest

    def _line(self, code: CodeType, offset: int) -> str:
        key = id(code), offset
        if key not in self.lines:
            file, line = line_of(code, offset)
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

    def _notes(self, calls: dict[Node, Call | None], origins: Origins) -> tuple[str, ...]:
        notes = []
        if self.leafy:
            names = ", ".join(self.leafy[:4]) + ", ..." * (len(self.leafy) > 4)
            which = f"{names}: " if len(self.roots) > 1 else ""
            notes.append(f"{which}no recorded operation led here: a leaf, a detached result, or computed under no_grad")
        if self.seen.lost:
            notes.append(f"at least {_not_shown(len(self.seen.lost))}: dropped to save memory")
        hidden = self.seen.behind(origins.begins)
        if hidden:
            notes.append(f"{_not_shown(hidden)}: what made tensors with which the graph begins")
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


def _not_shown(count: int) -> str:
    return f"{count} operation{'s' * (count != 1)} without gradient {'is' if count == 1 else 'are'} not shown"
