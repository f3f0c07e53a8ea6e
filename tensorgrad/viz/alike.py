"""Whether two blocks are built alike: the same operations on the same shapes, joined in the same way."""

from __future__ import annotations

from .index import Index
from .tree import Part


def signature_of(index: Index, part: Part) -> tuple[object, ...]:
    """All that makes a block what it is, names of its modules apart; equal for blocks of equal structure."""
    outside: dict[tuple[str, int], int] = {}
    said: list[object] = []
    for node in index.ops[part.first : part.last + 1]:
        inputs: list[object] = []
        for edge in index.into(node.id):
            source = index.nodes[edge.source]
            number = index.number.get(edge.source, -1)
            if part.first <= number <= part.last:
                inputs.append((number - part.first, edge.output, edge.differentiable))
            elif source.kind in ("parameter", "constant"):
                name = source.name if source.kind == "constant" else ""
                inputs.append((source.kind, name, source.outputs[0].shape, edge.differentiable))
            else:
                # Which of the values from outside it is, counted as they come up.
                place = outside.setdefault((edge.source, edge.output), len(outside))
                inputs.append(("outside", place, source.outputs[edge.output].shape, edge.differentiable))
        path = node.module[len(part.path) :] if node.module.startswith(part.path) else node.module
        shapes = tuple((output.shape, output.dtype) for output in node.outputs)
        said.append((node.name, node.hyper, path, shapes, tuple(inputs)))
    return tuple(said)
