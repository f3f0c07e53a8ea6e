"""Keeping previews of what flows through the graph, forward and backward, while it runs."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any

import numpy as np

from ..modes import STATE, Mode, Observer, observing
from ..node import Array, Node, TensorBase
from ..primitive import Primitive, next_number
from ..tensor import Tensor
from .arguments import whole
from .calls import CALL_COST, INPUT_COST, Call, Maker, Visit, inputs_of, operation_of, where_of
from .capture import graph as _graph
from .parts import Preview
from .preview import cost_of, preview_of
from .saves import KEPT_COST, byproducts_of
from .view import GraphView

HOOKED_COST = 900  # about the bytes of a hooked leaf's sizes


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
        self._hooked: dict[int, tuple[weakref.ref[TensorBase], Preview]] = {}  # by the id of a leaf with hooks
        self._steps = 0
        self._mode: Mode | None = None  # while a block is entered: one for all, as each context knows what it entered
        self._entered = 0
        self._lock = threading.RLock()  # `asyncio.to_thread` and copied contexts take a recording into other threads

    def __enter__(self) -> Recording:
        with self._lock:
            mode = self._mode = self._mode or observing(self)
            self._entered += 1
        mode.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            mode, self._entered = self._mode, self._entered - 1
            if not self._entered:
                self._mode = None
        if mode is not None:
            mode.__exit__(kind, error, trace)

    def __repr__(self) -> str:
        return f"<recording of {len(self._calls)} calls and {self._steps} backward steps, {self.bytes:,} bytes>"

    def graph(self, outputs: Any, model: Any = None, inputs: Mapping[str, Any] | None = None) -> GraphView:
        """The graph of `outputs` with what was recorded; see `tensorgrad.viz.graph`."""
        with self._lock:
            return _graph(outputs, model=model, inputs=inputs, record=self)

    def call(self, seq: int) -> Call | None:
        """What was seen of the call of this number, which for recorded ones is the node's."""
        return self._calls.get(seq)

    def maker(self, array: Any) -> Maker | None:
        """The call that made an array, if it was seen and is still known."""
        maker = self._makers.get(id(array))
        known = maker is not None and maker[0]() is array and maker[1] in self._calls
        return maker[1:] if maker is not None and known else None

    def hooked(self, leaf: TensorBase) -> Preview | None:
        """The latest gradient of a leaf as its hooks left it; None if it had none."""
        found = self._hooked.get(id(leaf))
        return found[1] if found is not None and found[0]() is leaf else None

    # The observer

    def called(self, primitive: Primitive, arrays: Sequence[Any], outputs: Sequence[Array], node: Node | None) -> None:
        """Keep previews of the outputs, and where the inputs came from."""
        if node is not None:
            with self._lock:
                self._note(primitive, arrays, outputs, node.params, node)

    def unrecorded(
        self, primitive: Primitive, arrays: Sequence[Any], outputs: Sequence[Array], params: Mapping[str, Any]
    ) -> None:
        """The same of a call without a node: a picture shows it where it leads to what has one."""
        with self._lock:
            self._note(primitive, arrays, outputs, params, None)

    def _note(
        self,
        primitive: Primitive,
        arrays: Sequence[Any],
        outputs: Sequence[Array],
        params: Mapping[str, Any],
        node: Node | None,
    ) -> None:
        seq, scope = (next_number(), STATE.get().scope) if node is None else (node.seq, node.scope)
        call = self._call(seq)
        inputs = inputs_of(primitive, arrays, self._makers)
        call.operation = operation_of(primitive, seq, scope, where_of(node), params, inputs, outputs)
        call.cost += INPUT_COST * len(inputs)
        self.bytes += INPUT_COST * len(inputs)
        if node is not None:
            self._note_saved(call, node)
        call.values = [None] * len(outputs)
        for number, array in enumerate(outputs):
            self._keep(call, call.values, number, array)
            self._makers[id(array)] = weakref.ref(array), seq, number
        self._stay_small()

    def visited(self, node: Node, cotangents: Sequence[Any]) -> None:
        """Keep previews of the complete cotangents."""
        with self._lock:
            self._visit(node, cotangents)

    def _visit(self, node: Node, cotangents: Sequence[Any]) -> None:
        call = self._call(node.seq)
        visit = Visit(self._steps, [None] * len(cotangents))
        self._steps += 1
        call.visits.append(visit)
        if call.byproducts is None:
            self._note_saved(call, node)
        for number, cotangent in enumerate(cotangents):
            if cotangent is not None:
                self._keep(call, visit.cotangents, number, cotangent)
        self._stay_small()

    def contributed(self, node: Node, number: int, cotangent: Any) -> None:
        """Keep a preview of one input's share."""
        with self._lock:
            call = self._calls.get(node.seq)
            if cotangent is not None and call is not None and call.visits:
                self._keep(call, call.visits[-1].shares, number, cotangent)
                self._stay_small()

    def finished(self, leaf: TensorBase, cotangent: Any) -> None:
        """Keep the sizes of what a leaf's hooks made of its gradient: the shares do not add up to that."""
        with self._lock:
            if id(leaf) in self._hooked:
                del self._hooked[id(leaf)]
                self.bytes -= HOOKED_COST
            if leaf._hooks and cotangent is not None:
                array = np.asarray(cotangent.data if isinstance(cotangent, Tensor) else cotangent)
                self._hooked[id(leaf)] = weakref.ref(leaf), preview_of(array, 0)
                self.bytes += HOOKED_COST
                self._stay_small()

    # Staying small

    def _call(self, seq: int) -> Call:
        call = self._calls.get(seq)
        if call is None:
            call = self._calls[seq] = Call(cost=CALL_COST)
            self.bytes += CALL_COST
        return call

    def _note_saved(self, call: Call, node: Node) -> None:
        """The sizes of what the node holds: a walk that frees the graph drops it."""
        call.byproducts = byproducts_of(node)
        cost = KEPT_COST * len(call.byproducts or ())
        call.cost += cost
        self.bytes += cost

    def _keep(self, call: Call, place: Any, key: int, value: Any) -> None:
        array = np.asarray(value.data if isinstance(value, Tensor) else value)
        preview = place[key] = preview_of(array, self.max_cells)
        call.cost += cost_of(preview)
        self.bytes += cost_of(preview)
        self._pictures.append((call, place, key))

    def _stay_small(self) -> None:
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
        while self.bytes > self.max_bytes and self._hooked:
            del self._hooked[next(iter(self._hooked))]
            self.bytes -= HOOKED_COST
        if len(self._makers) > self._makers_limit:
            known = self._calls
            self._makers = {key: m for key, m in self._makers.items() if m[0]() is not None and m[1] in known}
            self._makers_limit = 2 * len(self._makers) + 1000


def record(max_bytes: int = 64_000_000, max_cells: int = 8192) -> Recording:
    """Record what happens inside a `with` block, for `run.graph(loss)`.

        with tg.viz.record() as run:
            loss = cross_entropy(net(x), y)
            loss.backward()
        run.graph(loss, model=net).save("net.svg")

    Operations without gradient are noted too, and shown where they lead to a result: those whose inputs want none, that
    ran under `no_grad`, or whose result was detached.

    Of each output, cotangent and share of a gradient its sizes are kept (smallest, largest, mean, rms, zeros, ...) and
    a copy of up to about `max_cells` values; all together at most `max_bytes`, the latest. Both are whole numbers; with
    `max_cells=0` there are sizes only.
    """
    return Recording(max_bytes, max_cells)
