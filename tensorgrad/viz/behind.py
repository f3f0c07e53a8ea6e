"""What led to the tensors that a picture is asked for: nodes of the graph, and what a recording saw besides them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import DTypeError, ShapeError
from ..node import Array, Node
from ..tensor import Tensor
from .calls import Call, Input, Maker
from .words import plain

if TYPE_CHECKING:
    from .record import Recording

NAME_LIMIT = 200


def named_roots(caller: str, outputs: Any, single: str) -> list[tuple[str, Tensor]]:
    """The tensors that are asked for, with their names; `single` is that of one."""
    if isinstance(outputs, Tensor):
        return [(single, outputs)]
    if isinstance(outputs, (Mapping, list, tuple)):
        usual = [f"{single} {i}" for i in range(1, len(outputs) + 1)] if len(outputs) != 1 else [single]
        named = isinstance(outputs, Mapping)
        names = [plain(name, NAME_LIMIT) for name in outputs] if named else usual
        held = outputs.values() if isinstance(outputs, Mapping) else outputs
        # A name may have no character that can be shown.
        roots = [(name or other, root) for name, other, root in zip(names, usual, held, strict=True)]
    else:
        kind = type(outputs).__name__
        raise DTypeError(f"{caller}: expected a tensor, or a list or dictionary of tensors, got {kind}")
    for name, root in roots:
        if not isinstance(root, Tensor):
            raise DTypeError(f"{caller}: {name} must be a tensor, got {type(root).__name__}")
    if not roots:
        raise ShapeError(f"{caller}: there is nothing to draw: no tensor was given")
    return roots


def nodes_behind(roots: list[Tensor]) -> list[Node]:
    """Every node that the roots were computed by, in the order in which they ran."""
    found = {root.node for root in roots if root.node is not None}
    stack = list(found)
    while stack:
        for edge in stack.pop().edges:
            if isinstance(edge, tuple) and edge[0] not in found:
                found.add(edge[0])
                stack.append(edge[0])
    return sorted(found, key=lambda node: node.seq)


class Seen:
    """The calls without a node that led to a graph: nothing was recorded, or what they made was detached later."""

    def __init__(self, record: Recording | None, nodes: list[Node]) -> None:
        self.record = record
        self.nodes = {node.seq: node for node in nodes}
        self.calls: dict[int, Call] = {}  # by number
        self.lost: dict[int, None] = {}  # those that the recording dropped

    def maker(self, array: Array | None) -> Maker | None:
        """The call that made an array, if it was seen."""
        return self.record.maker(array) if self.record is not None and array is not None else None

    def call(self, node: Node) -> Call | None:
        """What was seen of a node's call."""
        return self.record.call(node.seq) if self.record is not None else None

    def follow(self, makers: Iterable[Maker | None], stops: Callable[[Input], bool]) -> None:
        """These calls belong to the picture, and those that led to them by inputs at which it does not stop."""
        self.calls |= self._behind(makers, stops, self.lost)

    def behind(self, makers: Iterable[Maker | None]) -> int:
        """How many calls led to what these made, that are not in the picture."""
        return len(self._behind(makers, lambda given: False, {}))

    def _behind(
        self, makers: Iterable[Maker | None], stops: Callable[[Input], bool], lost: dict[int, None]
    ) -> dict[int, Call]:
        found: dict[int, Call] = {}
        waiting = [maker[0] for maker in makers if maker is not None]
        while waiting:
            seq = waiting.pop()
            if seq in self.nodes or seq in self.calls or seq in found or self.record is None:
                continue
            call = self.record.call(seq)
            if call is None or call.operation is None:
                lost[seq] = None
                continue
            found[seq] = call
            waiting += [given.made[0] for given in call.operation.inputs if given.made is not None and not stops(given)]
        return found
