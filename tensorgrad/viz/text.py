"""A GraphView as lines of text: what terminals, screen readers and notebooks without pictures show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .parts import NodeView, Preview, Stats, TensorView
from .words import number, sizes

if TYPE_CHECKING:
    from .view import GraphView


def to_text(view: GraphView, limit: int | None = None) -> str:
    """See `GraphView.to_text`."""
    nodes = {node.id: node for node in view.nodes}
    tensors = {tensor.id: tensor for tensor in view.tensors}
    inputs: dict[str, list[str]] = {node.id: [] for node in view.nodes}
    for edge in view.edges:
        source = nodes[edge.source]
        picked = f".{source.outputs[edge.output].name}" if len(source.outputs) > 1 else ""
        inputs[edge.target].append(edge.source + picked + ("" if edge.differentiable else "*"))
    shown = view.nodes[:limit]
    width = max((len(node.id) for node in shown), default=0)
    lines = [repr(view)[1:-1]]
    for node in shown:
        said = _operation(node, inputs[node.id]) if node.kind == "op" else _leaf(node, tensors.get(node.tensor))
        lines.append(f"  {node.id:<{width}}  {'; '.join(filter(None, said))}")
    if len(shown) < len(view.nodes):
        lines.append(f"  ... {len(view.nodes) - len(shown)} more")
    for result in view.results:
        lines.append(f"{result.name}{f' = {result.text}' if result.text else ''}: {result.node}")
    if any(not edge.differentiable for edge in view.edges):
        lines.append("*: no gradient goes back")
    return "\n".join([*lines, *(f"note: {note}" for note in view.notes)]) + "\n"


def _operation(node: NodeView, inputs: list[str]) -> list[str]:
    shapes = ", ".join(f"{output.label} {sizes(output.shape)}".strip() for output in node.outputs)
    gradient = next((output.gradient for output in node.outputs if output.gradient), None)
    return [
        f"{node.name}({', '.join(inputs)}) -> {shapes}",
        node.hyper,
        f"in {node.module}" if node.module else "",
        _size("value", node.outputs[0].value),
        _size("gradient", gradient),
        node.line,
    ]


def _leaf(node: NodeView, tensor: TensorView | None) -> list[str]:
    use = f" (use {node.use} of {node.uses})" if node.uses > 1 and node.kind != "constant" else ""
    name = f"{node.kind} {node.name}{use}"
    if tensor is None:
        return [name]
    return [
        f"{name} {sizes(tensor.shape)} {tensor.dtype}",
        _size("value", tensor.value),
        _size(".grad", tensor.grad),
        _size("gradient changed by a hook:", tensor.hooked),
    ]


def _size(what: str, preview: Preview | None) -> str:
    return "" if preview is None else f"{what} rms {rms_in_words(preview.stats)}"


def rms_in_words(stats: Stats) -> str:
    """The rms of the finite values, and how many are not finite: "2.72, 1 nan, 1 inf"."""
    odd = [f"{count} {name}" for count, name in ((stats.nans, "nan"), (stats.infs, "inf")) if count]
    return ", ".join([number(stats.rms), *odd])
