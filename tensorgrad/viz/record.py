"""Keeping previews of what flows through the graph, forward and backward, while it runs."""

from __future__ import annotations

import weakref
from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any

import numpy as np

from ..modes import Mode, Observer, observing
from ..node import Array, Node
from ..primitive import Primitive
from ..tensor import Tensor
from .arguments import whole
from .capture import graph as _graph
from .parts import Preview
from .preview import cost_of, preview_of
from .view import GraphView

CALL_COST = 1000  # about the bytes of a call without its previews


@dataclass(slots=True)
class Visit:
    """What was seen when a backward walk came by a node."""

    step: int
    cotangents: list[Preview | None]
    shares: dict[int, Preview] = field(default_factory=dict)  # by input


@dataclass(slots=True)
class Call:
    """What was seen of one recorded call, and of the walks that came by it."""

    values: list[Preview | None] = field(default_factory=list)
    arrays: dict[int, weakref.ref[Array]] = field(default_factory=dict)  # the inputs without a gradient
    made: dict[int, tuple[int, int]] = field(
        default_factory=dict
    )  # those that a recorded call (its number, output) made
    visits: list[Visit] = field(default_factory=list)
    cost: int = 0


class Recording(Observer):
    """What `record()` gives: an observer of every call and every backward walk inside its block.

    It keeps sizes and small copies, and no reference to an array, tensor or node: nothing lives longer because it was
    recorded. What is kept stays below `max_bytes`: beyond that first the oldest pictures go, then the oldest calls.
    """

    def __init__(self, max_bytes: int = 64_000_000, max_cells: int = 8192) -> None:
        self.max_bytes = whole("record", "max_bytes", max_bytes)
        self.max_cells = whole("record", "max_cells", max_cells)
        self.bytes = 0
        self.lost_pictures = self.lost_calls = 0
        self._calls: OrderedDict[int, Call] = OrderedDict()  # by the node's number, the oldest first
        self._pictures: deque[tuple[Call, Any, Any]] = deque()  # where the pictures are, the oldest first
        self._makers: dict[int, tuple[weakref.ref[Array], int, int]] = {}  # {id of a living array: it, node, output}
        self._makers_limit = 1000
        self._steps = 0
        self._modes: list[Mode] = []

    def __enter__(self) -> Recording:
        mode = observing(self)
        mode.__enter__()
        self._modes.append(mode)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._modes.pop().__exit__(kind, error, trace)

    def __repr__(self) -> str:
        return f"<recording of {len(self._calls)} calls and {self._steps} backward steps, {self.bytes:,} bytes>"

    def graph(self, outputs: Any, model: Any = None, inputs: Mapping[str, Any] | None = None) -> GraphView:
        """The graph of `outputs` with what was recorded; see `tensorgrad.viz.graph`."""
        return _graph(outputs, model=model, inputs=inputs, record=self)

    def call(self, seq: int) -> Call | None:
        """What was seen of the node of this number."""
        return self._calls.get(seq)

    # The observer

    def called(self, primitive: Primitive, arrays: Sequence[Any], outputs: Sequence[Array], node: Node | None) -> None:
        """Keep previews of the outputs, and what the inputs were that the graph does not know."""
        if node is None:
            return
        call = self._call(node.seq)
        for number, (array, edge) in enumerate(zip(arrays, node.edges, strict=True)):
            if edge is None and isinstance(array, np.ndarray):
                call.arrays[number] = weakref.ref(array)
                maker = self._makers.get(id(array))
                if maker is not None and maker[0]() is array:
                    call.made[number] = maker[1:]
        call.values = [None] * len(outputs)
        for number, array in enumerate(outputs):
            self._keep(call, call.values, number, array)
            self._makers[id(array)] = weakref.ref(array), node.seq, number
        self._stay_small()

    def visited(self, node: Node, cotangents: Sequence[Any]) -> None:
        """Keep previews of the complete cotangents."""
        call = self._call(node.seq)
        visit = Visit(self._steps, [None] * len(cotangents))
        self._steps += 1
        call.visits.append(visit)
        for number, cotangent in enumerate(cotangents):
            if cotangent is not None:
                self._keep(call, visit.cotangents, number, cotangent)
        self._stay_small()

    def contributed(self, node: Node, number: int, cotangent: Any) -> None:
        """Keep a preview of one input's share."""
        call = self._calls.get(node.seq)
        if cotangent is not None and call is not None and call.visits:
            self._keep(call, call.visits[-1].shares, number, cotangent)
            self._stay_small()

    # Staying small

    def _call(self, seq: int) -> Call:
        call = self._calls.get(seq)
        if call is None:
            call = self._calls[seq] = Call(cost=CALL_COST)
            self.bytes += CALL_COST
        return call

    def _keep(self, call: Call, place: Any, key: int, value: Any) -> None:
        array = np.asarray(value.data if isinstance(value, Tensor) else value)
        preview = place[key] = preview_of(array, self.max_cells)
        call.cost += cost_of(preview)
        self.bytes += cost_of(preview)
        self._pictures.append((call, place, key))

    def _stay_small(self) -> None:
        if len(self._makers) > self._makers_limit:
            self._makers = {key: maker for key, maker in self._makers.items() if maker[0]() is not None}
            self._makers_limit = 2 * len(self._makers) + 1000
        while self.bytes > self.max_bytes and self._pictures:
            call, place, key = self._pictures.popleft()
            before = cost_of(place[key])
            place[key] = replace(place[key], picture=None)
            call.cost -= before - cost_of(place[key])
            self.bytes -= before - cost_of(place[key])
            self.lost_pictures += 1
        while self.bytes > self.max_bytes and self._calls:
            _, call = self._calls.popitem(last=False)
            self.bytes -= call.cost
            self.lost_calls += 1


def record(max_bytes: int = 64_000_000, max_cells: int = 8192) -> Recording:
    """Record what happens inside a `with` block, for `run.graph(loss)`.

        with tg.viz.record() as run:
            loss = cross_entropy(net(x), y)
            loss.backward()
        run.graph(loss, model=net).save("net.svg")

    Of each output, cotangent and share of a gradient its sizes are kept (smallest, largest, mean, rms, zeros, ...) and
    a copy of up to about `max_cells` values; all together at most `max_bytes`, the latest. Both are whole numbers; with
    `max_cells=0` there are sizes only.
    """
    return Recording(max_bytes, max_cells)
