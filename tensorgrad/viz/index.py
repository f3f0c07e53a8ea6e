"""A GraphView, looked up by id: what leads where, what is asked for, what is worth showing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from .parts import EdgeView, NodeView, ResultView, TensorView

if TYPE_CHECKING:
    from .view import GraphView

# Operations whose result is their input's memory: they copy nothing, or seldom. All names for them end up in these.
VIEWS = ("reshape", "permute")


class Index:
    """The boxes and edges of a view by id. Operations have numbers too: their places in the order in which they ran."""

    def __init__(self, view: GraphView) -> None:
        self.view = view
        self.nodes: dict[str, NodeView] = {node.id: node for node in view.nodes}
        self.tensors: dict[str, TensorView] = {tensor.id: tensor for tensor in view.tensors}
        self.types = {module.path: module.type for module in view.modules}
        self.ops = [node for node in view.nodes if node.kind == "op"]
        self.number = {node.id: number for number, node in enumerate(self.ops)}
        self._into: dict[str, list[EdgeView]] = {}
        self._out_of: dict[str, list[EdgeView]] = {}
        for edge in view.edges:
            self._into.setdefault(edge.target, []).append(edge)
            self._out_of.setdefault(edge.source, []).append(edge)
        self.results: dict[str, list[ResultView]] = {}
        for result in view.results:
            self.results.setdefault(result.node, []).append(result)
        self.trained = any(edge.differentiable for edge in view.edges)  # whether gradients can go back anywhere
        self.walked = any(node.steps for node in self.ops)  # whether a backward pass was recorded
        self.strongest = max((g.stats.rms or 0.0 for edge in view.edges if (g := edge.gradient)), default=0.0)

    def into(self, node: str) -> Sequence[EdgeView]:
        """The edges that lead to a box, in the order of its inputs."""
        return self._into.get(node, ())

    def out_of(self, node: str) -> Sequence[EdgeView]:
        """The edges that lead away from a box."""
        return self._out_of.get(node, ())

    def tracked(self, node: str) -> bool:
        """Whether gradients go back through an operation."""
        return any(edge.differentiable for edge in self.into(node))

    def carries(self, edge: EdgeView) -> bool:
        """Whether a gradient goes back along an edge: where a backward pass was recorded, whether that came by."""
        return edge.differentiable and not self.left_out(self.nodes[edge.target])

    def left_out(self, node: NodeView) -> bool:
        """Whether recorded backward passes are known not to have come by; of what was dropped that is not known."""
        return self.walked and not node.steps and any(output.value is not None for output in node.outputs)

    def adds(self, edge: EdgeView) -> bool:
        """Whether what goes back along an edge is a part of the sum at its other end."""
        return self.carries(edge) and (edge.gradient is not None or not self.nodes[edge.target].steps)

    def branches(self, node: str, output: int) -> bool:
        """Whether gradients come back to an output along several edges."""
        ways = (edge for edge in self.out_of(node) if edge.output == output and self.adds(edge))
        return next(ways, None) is not None and next(ways, None) is not None

    def shown_outputs(self, node: NodeView) -> list[int]:
        """The outputs that something looks at; others, such as the indices of a maximum, would only take room."""
        if len(node.outputs) == 1:
            return [0]
        looked_at = {edge.output for edge in self.out_of(node.id)}
        looked_at.update(result.output for result in self.results.get(node.id, ()))
        return [i for i in range(len(node.outputs)) if i in looked_at] or list(range(len(node.outputs)))

    def docked(self, node: NodeView) -> bool:
        """Whether this is a parameter that stands at the operation that uses it; one that is asked for stands alone."""
        return node.kind == "parameter" and node.id in self._out_of and node.id not in self.results

    def parameters_of(self, node: str) -> list[str]:
        """The ids of the parameters that an operation uses, each once."""
        sources = (self.nodes[edge.source] for edge in self.into(node))
        return list(dict.fromkeys(source.tensor for source in sources if source.kind == "parameter"))

    def saved_bytes(self, node: NodeView) -> int:
        """What an operation keeps for the way back, apart from parameters, which are there anyway."""
        return self.held_by([node])

    def forgotten(self, ops: Iterable[NodeView]) -> bool:
        """Whether operations kept arrays of which nobody knows any more how large they were."""
        return any(saved.shape is None and saved.bytes is None for node in ops if node.freed for saved in node.saved)

    def held_by(self, ops: Iterable[NodeView]) -> int:
        """What operations keep together: an array that several of them keep is there once."""
        held: dict[object, int] = {}
        for node in ops:
            if node.recomputed:
                continue
            inputs = {edge.name: edge for edge in self.into(node.id)}
            outputs = {output.name: i for i, output in enumerate(node.outputs)}
            for saved in node.saved:
                if saved.name in inputs:
                    array = self._array(inputs[saved.name].source, inputs[saved.name].output)
                elif saved.name in outputs:
                    array = self._array(node.id, outputs[saved.name])
                else:
                    array = (node.id, saved.name)
                if array is not None:
                    held[array] = saved.bytes or 0
        return sum(held.values())

    def _array(self, node: str, output: int) -> object:
        """What stands for the memory of an output, the same for all views of it; None for a parameter's."""
        box = self.nodes[node]
        while box.kind == "op" and box.name in VIEWS and self.into(box.id):
            edge = self.into(box.id)[0]
            source = self.nodes[edge.source]
            if box.name == "reshape" and source.name == "permute":
                break  # memory in another order must be copied
            box, output = source, edge.output
        return None if box.kind == "parameter" else (box.tensor or box.id, output)
