"""A GraphView in DOT, Graphviz's language, as text: the same text for the same view, on every machine."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from ..errors import ShapeError
from .kinds import LOOKS
from .parts import EdgeView, NodeView, OutputView, ResultView, Stats
from .words import number, plain, sizes

if TYPE_CHECKING:
    from .view import GraphView

FORWARD, BACKWARD, DETACHED = "#475569", "#c2410c", "#9ca3af"
LEFT = "\\l"
DEPTH = 8  # modules are framed to this depth; frames in frames beyond it would leave no room for what is inside


def to_dot(
    view: GraphView, direction: str = "TB", clusters: bool = True, backward: bool | None = None, legend: bool = True
) -> str:
    """See `GraphView.to_dot`."""
    if direction not in ("TB", "LR"):
        raise ShapeError(f"to_dot: direction must be 'TB' or 'LR', got {direction!r}")
    backward = view.has_gradients if backward is None else backward
    writer = _Writer(view, clusters)
    lines = [
        "digraph tensorgrad {",
        f'  graph [charset="UTF-8", rankdir={direction}, newrank=true, nodesep=0.25, ranksep=0.35, fontsize=10, '
        'fontname="Helvetica,Arial,sans-serif", labelloc=b, labeljust=l, ordering=in, '
        f"label={quoted(writer.caption(backward) if legend else [], LEFT)}];",
        '  node [fontname="Helvetica,Arial,sans-serif", fontsize=10, height=0.3, width=0.5];',
        f'  edge [fontname="Helvetica,Arial,sans-serif", fontsize=9, color="{FORWARD}", arrowsize=0.7];',
    ]
    writer.boxes(lines)
    for edge in view.edges:
        lines.append(writer.forward(edge))
        if backward and edge.differentiable:
            lines.append(writer.backward(edge))
    lines.append("}\n")
    return "\n".join(lines)


def quoted(lines: list[str], end: str = "\\n") -> str:
    """Lines of plain text as a DOT string: nothing in them is read as markup, an escape or an entity.

    Lines are centred, or with `end="\\\\l"` set flush left.
    """
    escaped = (line.replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;") for line in lines)
    return '"' + end.join(escaped) + (end if end != "\\n" else "") + '"'


class _Writer:
    def __init__(self, view: GraphView, clusters: bool) -> None:
        self.view = view
        self.types = {module.path: module.type for module in view.modules}
        # A frame around a single operation says no more than a line in its box: modules with several have one.
        self.held = Counter(
            path for node in view.nodes if node.kind == "op" and clusters for path in _paths(node.module)
        )
        self.tensors = {tensor.id: tensor for tensor in view.tensors}
        self.nodes = {node.id: node for node in view.nodes}
        self.results: dict[str, list[ResultView]] = {}
        for result in view.results:
            self.results.setdefault(result.node, []).append(result)
        self.uses = Counter((edge.source, edge.output) for edge in view.edges if edge.differentiable)
        self.fed = {
            edge.target
            for edge in view.edges
            if self.nodes[edge.source].module and self.nodes[edge.source].kind != "op"
        }
        # Outputs that nothing looks at, such as the indices of a maximum, would only take room.
        looked_at = {(edge.source, edge.output) for edge in view.edges} | {(r.node, r.output) for r in view.results}
        self.shown: dict[str, list[int]] = {}
        for node in view.nodes:
            numbers = range(len(node.outputs))
            self.shown[node.id] = [i for i in numbers if (node.id, i) in looked_at] or list(numbers)
        self.largest = max((g.stats.rms or 0.0 for edge in view.edges if (g := edge.gradient)), default=0.0)

    def caption(self, backward: bool) -> list[str]:
        parameters = [tensor for tensor in self.view.tensors if tensor.kind == "parameter"]
        held = f" with {sum(math.prod(tensor.shape) for tensor in parameters):,} values" if parameters else ""
        lines = [f"{plain(self.view.title)}: {self.view.count()}{held}", "dark arrow: a value, forward"]
        if backward:
            lines.append("orange open arrow: its gradient, backward; where several meet, they are added")
            lines.append("rms: the root of the mean square of all values")
        if any(not edge.differentiable for edge in self.view.edges):
            lines.append("grey dashed: no gradient goes back")
        return [*lines, *(f"note: {plain(note, 120)}" for note in self.view.notes)]

    # Boxes

    def boxes(self, lines: list[str]) -> None:
        """All boxes, each inside the frames of the modules around it."""
        tree: dict[str, list[NodeView | str]] = {"": []}  # what stands in each frame: boxes, and the paths of frames
        for node in self.view.nodes:
            path = ""
            for inner in self.frames_of(node):
                if inner not in tree:
                    tree[inner] = []
                    tree[path].append(inner)
                path = inner
            tree[path].append(node)
        self.inside(lines, tree, {path: f"cluster_m{i}" for i, path in enumerate(tree)}, "", "  ")

    def inside(
        self, lines: list[str], tree: dict[str, list[NodeView | str]], ids: dict[str, str], path: str, indent: str
    ) -> None:
        """What stands in a frame; frames are in frames to a depth of `DEPTH`, so calling itself is safe here."""
        for item in tree[path]:
            if isinstance(item, NodeView):
                lines.append(indent + self.box(item))
                continue
            lines.append(f"{indent}subgraph {ids[item]} {{")
            lines.append(
                f'{indent}  graph [label={quoted([self.module(item)])}, labelloc=t, labeljust=r, style="rounded", '
                'color="#94a3b8", fontcolor="#334155", margin=8];'
            )
            self.inside(lines, tree, ids, item, indent + "  ")
            lines.append(f"{indent}}}")

    def frames_of(self, node: NodeView) -> list[str]:
        return [path for path in _paths(node.module) if self.held.get(path, 0) > 1]

    def module(self, path: str) -> str:
        return f"{plain(path, 60)}  {self.types.get(path, '')}".rstrip()

    def box(self, node: NodeView) -> str:
        tensor = self.tensors.get(node.tensor)
        look = LOOKS.get(node.category, LOOKS["operation"])
        said = self.operation(node) if node.kind == "op" else self.leaf(node)
        style = (
            f"{look.style},dashed" if node.kind == "parameter" and tensor and not tensor.requires_grad else look.style
        )
        results = self.results.get(node.id, [])
        said += [f"{plain(r.name)} = {r.text}" if r.text else plain(r.name) for r in results]
        attributes = [
            f"label={quoted(said)}",
            f'shape={look.shape}, margin="{look.margin}"',
            f'style="{style}"',
            f'fillcolor="{look.fill}"',
            f'color="{look.line}"',
            f'fontcolor="{look.font}"',
            f"tooltip={quoted([' '.join(filter(None, [plain(node.name), plain(node.module), node.line]))])}",
            f'class="{node.kind} {node.category.replace(" ", "-")}"',
            f'id="{node.id}"',
        ]
        return f"{node.id} [{', '.join(attributes + ['peripheries=2'] * bool(results))}];"

    def operation(self, node: NodeView) -> list[str]:
        head = plain(node.name, 40)
        said = [head if head == node.category else f"{head}  ({node.category})"]
        if node.module and (not self.held or self.held[node.module] == 1):
            said.append(self.module(node.module))
        if node.hyper:
            said.append(plain(node.hyper, 60))
        shown = self.shown[node.id]
        results = {result.output for result in self.results.get(node.id, []) if result.text}
        for i in shown:
            output = node.outputs[i]
            name = plain(output.label, 40) or (output.name if len(shown) > 1 else "")
            said.append(f"{name} {_form(output)}".strip())
            if output.value is not None and i not in results and self.view.recorded:
                said.append(f"value {_size(output.value.stats)}")
            if output.gradient is not None:
                said.append(f"gradient {_size(output.gradient.stats)}")
            elif output.grad is not None:
                said.append(f".grad {_size(output.grad.stats)}")
        return said

    def leaf(self, node: NodeView) -> list[str]:
        tensor = self.tensors.get(node.tensor)
        use = f" (use {node.use} of {node.uses})" if node.uses > 1 and node.kind != "constant" else ""
        said = [plain(node.name, 60) + use]
        if tensor is None:
            return said
        frozen = ", frozen" if node.kind == "parameter" and not tensor.requires_grad else ""
        said.append(f"{node.kind}{frozen} {_form(node.outputs[0])}")
        if tensor.value is not None and math.prod(tensor.shape) == 1 and node.kind != "constant":
            said.append(f"value {number(tensor.value.stats.mean, 6)}")
        if tensor.grad is not None:
            said.append(f".grad {_size(tensor.grad.stats)}")
        return said

    # Edges

    def forward(self, edge: EdgeView) -> str:
        source = self.nodes[edge.source]
        attributes = [f"tooltip={quoted([edge.name])}"]
        if source.kind == "op" and edge.differentiable:
            # What runs one after the other stands in a straight line, with room between for the target's parameters.
            attributes.append("weight=8, minlen=2" if edge.target in self.fed else "weight=8")
        if not edge.differentiable:
            attributes += ["style=dashed", f'color="{DETACHED}"']
        output = source.outputs[edge.output]
        if source.kind == "op" and not edge.differentiable and output.dtype.startswith("float"):
            attributes += ['label="detached"', f'fontcolor="{DETACHED}"']
        elif len(self.shown[edge.source]) > 1:
            attributes.append(f"label={quoted([output.name])}")
        return f"  {edge.source} -> {edge.target} [{', '.join(attributes)}];"

    def backward(self, edge: EdgeView) -> str:
        share = None if edge.gradient is None else edge.gradient.stats
        attributes = ["constraint=false", f'color="{BACKWARD}"', f'fontcolor="{BACKWARD}"', "arrowhead=vee"]
        if share is not None and share.rms is not None:
            width = 2 + 0.4 * math.log10(share.rms / self.largest) if share.rms > 0 else 0.0
            attributes.append(f"penwidth={max(width, 0.5):.2g}")
        uses = self.nodes[edge.source].uses or self.uses[edge.source, edge.output]
        if share is not None and uses > 1:
            attributes.append(f"label={quoted([_size(share)])}")
        elif share is None and self.nodes[edge.target].steps:
            attributes.append("style=dashed")
        attributes.append('class="backward"')
        return f"  {edge.target} -> {edge.source} [{', '.join(attributes)}];"


def _paths(module: str) -> list[str]:
    """A module and those around it, from the outside in; beyond a depth the rest of the path counts as one name."""
    parts = module.split(".", DEPTH - 1) if module else []
    return [".".join(parts[:depth]) for depth in range(1, len(parts) + 1)]


def _form(output: OutputView) -> str:
    """Shape, and the dtype unless it is the usual one."""
    return (sizes(output.shape) if output.shape else "scalar") + (
        "" if output.dtype == "float32" else f" {output.dtype}"
    )


def _size(stats: Stats) -> str:
    """How large the values are, and what is not as it should be."""
    said = "empty" if stats.rms is None and not stats.nans + stats.infs else f"rms {number(stats.rms)}"
    if math.prod(stats.shape) == 1 and stats.mean is not None:
        said = number(stats.mean, 4)
    said += f", {stats.nans} NaN" * bool(stats.nans) + f", {stats.infs} infinite" * bool(stats.infs)
    return said + (f", {stats.zeros:.0%} zero" if stats.zeros >= 0.1 and math.prod(stats.shape) > 1 else "")
