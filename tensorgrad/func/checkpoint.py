"""Checkpoints: parts of a network whose intermediate results are not kept for the backward walk, but computed again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any, NamedTuple

import numpy as np

from ..errors import DTypeError, GradientError, ShapeError
from ..modes import GENERATORS, RECOMPUTING, STATE, Mode, Observer, State, noted, observing
from ..modes import is_recomputing as is_recomputing
from ..node import Array, Form, Node, Recomputed, TensorBase, make_tensor, version_cell, version_of
from ..primitive import Primitive, next_number
from ..random import default_generator
from ..rules import Plan
from .tree import flatten


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """`function(*args, **kwargs)`, of which nothing is kept for the backward walk but the arguments.

    When a walk needs what the operations inside would have kept, the function is run once more. So memory is traded for
    the time of a second forward pass. Gradients of every order are the same to the last bit: the graph is the real one,
    and only what its nodes keep comes later. They reach all tensors that the function uses, arguments or not, such as
    the weights of a module. Checkpoints may stand inside of checkpoints.

    The function must do the same when it is run again, which is checked as far as can be seen: another sequence of
    operations, arguments that were changed in place, tensors that take the place of others raise GradientError.
    Random numbers are the same, unless `preserve_rng_state` is False: the states of the default generator, of
    generators among the arguments and of those that operations draw from are set back for the second run, and restored
    after it. What the function changes beside its results it changes twice, unless it asks `tg.func.is_recomputing()`,
    as batch norm does before it moves its running statistics; forward hooks of modules run twice.

    `use_reentrant` is taken for code written for PyTorch, and changes nothing: this works as PyTorch's
    `use_reentrant=False`. After Chen et al., "Training Deep Nets with Sublinear Memory Cost" (2016),
    https://arxiv.org/abs/1604.06174.
    """
    if not callable(function):
        raise DTypeError(f"checkpoint: function is a {type(function).__name__}, which cannot be called")
    if not STATE.get().recording:
        return function(*args, **kwargs)
    return _Part(function, args, kwargs, preserve_rng_state).run(args, kwargs)


def checkpoint_sequential(
    functions: Iterable[Callable[..., Any]],
    segments: int,
    input: Any,
    use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
) -> Any:
    """The functions, or the modules of an `nn.Sequential`, one after the other, in checkpoints of one length.

    There are `segments` parts. As in PyTorch the last, which takes what does not divide evenly, is run without a
    checkpoint: the backward walk would begin by running it again. For n layers alike, about the square root of n parts
    need the least memory.
    """
    layers = list(functions)
    if isinstance(segments, bool) or not isinstance(segments, (int, np.integer)):
        raise DTypeError(f"checkpoint_sequential: segments must be an int, got {segments!r}")
    if not 1 <= segments <= len(layers):
        raise ShapeError(f"checkpoint_sequential: {len(layers)} functions cannot be put in {segments} segments")
    length = len(layers) // segments
    for start in range(0, length * (segments - 1), length):
        part = _one_after_the_other(layers[start : start + length])
        input = checkpoint(part, input, use_reentrant=use_reentrant, preserve_rng_state=preserve_rng_state)
    return _one_after_the_other(layers[length * (segments - 1) :])(input)


def _one_after_the_other(layers: Sequence[Callable[..., Any]]) -> Callable[[Any], Any]:
    def part(input: Any) -> Any:
        for layer in layers:
            input = layer(input)
        return input

    return part


class _Part(Recomputed):
    """One call of `checkpoint`: how to run the function again as it was run the first time.

    The nodes that the function records know it (`Node.lost`), and it knows no tensor or node that is younger than they
    are, so that there is no cycle. Each walk runs the function at most once, and drops what that made as it goes on.
    """

    def __init__(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], preserve_rng_state: bool
    ) -> None:
        self.number = next_number()
        self.function = function
        found, self.args = flatten(args, "args")
        more, self.kwargs = flatten(kwargs, "kwargs")
        # Not the caller's tensors: they may become results of younger nodes, by `x += y`.
        self.values = [_Kept(place, v) if isinstance(v, TensorBase) else v for place, v in found + more]
        self.kept = [value for value in self.values if isinstance(value, _Kept)]
        self.preserve = preserve_rng_state
        self.scope = STATE.get().scope
        self.count = 0
        self.states: list[tuple[np.random.Generator, Any]] = []
        # All that is local to the context, such as the algorithm of convolutions, but not who looks on: an observer may
        # hold what it saw, and would be told of it twice.
        self.context = copy_context()
        self.context.run(STATE.set, State())
        self.context.run(GENERATORS.set, None)

    def run(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The first run; what its nodes saved is dropped."""
        recorder = _Recorder()
        with self._noting(), observing(recorder):
            result = self.function(*args, **kwargs)
        for kept in self.kept:
            kept.count = bytes(kept.cell)
        self.count = len(recorder.nodes)
        for number, node in enumerate(recorder.nodes):
            # Those of a checkpoint inside have lost theirs already, and will ask this one first now.
            if node.saved or (node.saved is None and getattr(node, "lost", None) is not None):
                node.lost = (self, number)
                node.saved = None
        return result

    @contextmanager
    def _noting(self) -> Iterator[None]:
        """Note the states of generators that are drawn from inside, before they are."""
        if not self.preserve:
            yield
            return
        outer = GENERATORS.get()
        seen: dict[int, tuple[np.random.Generator, Any]] = {}
        GENERATORS.set(seen)
        try:
            for generator in (default_generator(), *self.values):
                if isinstance(generator, np.random.Generator):
                    noted(generator)
            yield
        finally:
            GENERATORS.set(outer)
            self.states = list(seen.values())
            if outer is not None:
                outer.update({key: entry for key, entry in seen.items() if key not in outer})

    def run_again(self) -> list[Any]:
        """Run the function as it was run before; what its nodes saved."""
        for kept in self.kept:
            if kept.cell != kept.count:
                raise GradientError(
                    f"{self}: {kept.place} was changed in place since, so the function cannot be run again on it "
                    f"(version {version_of(kept.cell)}, it was left at version {version_of(kept.count)})"
                )
        return self.context.copy().run(self._run_again)

    def _run_again(self) -> list[Any]:
        now = [(generator, generator.bit_generator.state) for generator, _ in self.states]
        first, recorder = next_number(), _Recorder()
        values = iter([value.tensor() if isinstance(value, _Kept) else value for value in self.values])
        args, kwargs = self.args.build(values), self.kwargs.build(values)
        RECOMPUTING.set(True)
        try:
            for generator, state in self.states:
                generator.bit_generator.state = state
            # NumPy has warned of overflow and the like the first time.
            with Mode(recording=True, scope=self.scope, observers=(recorder,)), np.errstate(all="ignore"):
                self.function(*args, **kwargs)
        except Exception as error:
            error.add_note(f"in {self}, run again for the backward walk")
            raise
        finally:
            for generator, state in now:
                generator.bit_generator.state = state
        for kept in self.kept:
            if kept.cell != kept.count:
                raise GradientError(f"{self}: the function changes {kept.place} in place, so it cannot be run twice")
        if len(recorder.nodes) != self.count:
            raise GradientError(
                f"{self}: the function recorded {self.count} operations, and {len(recorder.nodes)} when it was run "
                "again for the backward walk: it must do the same each time"
            )
        return [_record(node, first) for node in recorder.nodes]

    def take(self, records: list[Any], number: int, node: Node) -> tuple[Any, tuple[Recomputed, int] | None]:
        """What the operation that this node records saved when the function was run again."""
        record: _Record = records[number]
        records[number] = None
        if (record.plan, record.forms) != (node.plan, node.outputs):
            raise GradientError(
                f"{self}: the function recorded {node.name} of shape {node.shape} at {node.place()}, and in its place "
                f"{record.name} of shape {record.forms[0].shape}, or one of other inputs that require gradients, when "
                "it was run again for the backward walk: it must do the same each time"
            )
        if node.seq > self.number:  # else the node is of a checkpoint around this one, and was compared there
            for at, (source, before) in enumerate(zip(record.outside, _outside(node, self.number), strict=True)):
                if source is not before:
                    raise GradientError(
                        f"{self}: {node.name}, recorded at {node.place()}, was given another tensor as "
                        f"{node.primitive.name_of('input', at)} when the function was run again for the backward walk: "
                        "a name that the function uses has got another meaning since; pass the tensor as an argument"
                    )
        return record.saved, record.lost

    def __str__(self) -> str:
        name = getattr(self.function, "__qualname__", type(self.function).__name__)
        return f"checkpoint of {name}"


class _Kept:
    """A tensor among the arguments, for the second run."""

    __slots__ = ("alias", "cell", "count", "data", "index", "leaf", "node", "place")

    def __init__(self, place: str, tensor: TensorBase) -> None:
        self.place = place
        self.leaf = tensor if tensor.node is None and tensor._requires_grad else None  # it stays a leaf
        self.data, self.node, self.index, self.alias = tensor._array, tensor.node, tensor.index, tensor._alias
        self.cell = version_cell(tensor)
        self.count = bytes(self.cell)  # what it said after the first run

    def tensor(self) -> Any:
        """A tensor at the same place in the graph and in memory."""
        if self.leaf is not None:
            return self.leaf
        tensor = make_tensor(self.data, self.node is not None, self.node, self.index)
        tensor._version, tensor._alias = self.cell, self.alias
        return tensor


class _Record(NamedTuple):
    """What is kept of a node of the second run. The nodes themselves die, with all that the others among them saved."""

    name: str
    plan: Plan
    forms: tuple[Form, ...]
    outside: tuple[Any, ...]
    saved: Any
    lost: tuple[Recomputed, int] | None


def _record(node: Node, first: int) -> _Record:
    lost = getattr(node, "lost", None)
    return _Record(node.name, node.plan, node.outputs, _outside(node, first), node.saved, lost)


def _outside(node: Node, first: int) -> tuple[Any, ...]:
    """For each input the leaf, or the node before `first`, that it came from; None for what was made inside."""
    found = []
    for edge in node.edges:
        source = edge[0] if isinstance(edge, tuple) else edge
        found.append(source if not isinstance(source, Node) or source.seq < first else None)
    return tuple(found)


class _Recorder(Observer):
    """Lists the nodes that are recorded."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []

    def called(self, primitive: Primitive, arrays: Sequence[Any], outputs: Sequence[Array], node: Node | None) -> None:
        if node is not None:
            self.nodes.append(node)
