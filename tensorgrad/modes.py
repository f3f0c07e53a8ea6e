"""Modes: what holds for the calls made now. They are context-local: no thread or task disturbs another."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .scopes import entered

if TYPE_CHECKING:
    from .node import Array, Node, TensorBase
    from .primitive import Primitive


class State(NamedTuple):
    """What holds for the calls made now. Modes make new ones, many in a forward pass: a tuple is made quickest."""

    recording: bool = True
    scope: str = ""
    observers: tuple[Observer, ...] = ()
    entered: tuple[tuple[Mode, dict[str, Any]], ...] = ()  # the modes in force, and what each will restore


class Observer:
    """Sees every call and every step of a walk; recording, anomaly mode and profiling are observers.

    It is told of arrays, not of tensors, and must copy what it wants to keep. Observers are switched on by
    `observing(observer)`.
    """

    def called(self, primitive: Primitive, arrays: Sequence[Any], outputs: Sequence[Array], node: Node | None) -> None:
        """A primitive was called on tensors; `node` is None when nothing was recorded."""

    def unrecorded(
        self, primitive: Primitive, arrays: Sequence[Any], outputs: Sequence[Array], params: Mapping[str, Any]
    ) -> None:
        """Told after `called` where there is no node: the same call with its parameters, which a node would have."""

    def visited(self, node: Node, cotangents: Sequence[Any]) -> None:
        """The walk reached a node: one complete cotangent for each of its outputs (None where none arrived)."""

    def finished(self, leaf: TensorBase, cotangent: Any) -> None:
        """Everything has arrived at a leaf: its complete cotangent."""

    def contributed(self, node: Node, number: int, cotangent: Any) -> None:
        """A VJP gave its share of the gradient of input `number` of a node (None: no gradient)."""


STATE: ContextVar[State] = ContextVar("tensorgrad.state", default=State())  # noqa: B039  (State is immutable)


class Mode:
    """Changes some fields of the state inside a `with` block or a decorated function, generator or coroutine."""

    def __init__(self, **changes: Any) -> None:
        self.changes = changes

    def __enter__(self) -> Mode:
        state = STATE.get()
        changes = self.changed(state)
        previous = {name: getattr(state, name) for name in changes}
        STATE.set(state._replace(**changes, entered=(*state.entered, (self, previous))))
        return self

    def changed(self, state: State) -> dict[str, Any]:
        """The fields that entering changes."""
        return self.changes

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A plain set, not ContextVar.reset: a block in a generator may be left in another context than it was entered.
        state = STATE.get()
        if state.entered and state.entered[-1][0] is self:
            STATE.set(state._replace(**state.entered[-1][1], entered=state.entered[:-1]))
            return
        at = max((i for i, (mode, _) in enumerate(state.entered) if mode is self), default=None)
        if at is None:
            return  # entered in another context
        restored, later = dict(state.entered[at][1]), []
        for mode, previous in state.entered[at + 1 :]:
            # Modes may be left out of order, when they are held by generators: a mode entered later stays in force,
            # and will restore what this one found.
            later.append((mode, {name: restored.pop(name, value) for name, value in previous.items()}))
        STATE.set(state._replace(**restored, entered=(*state.entered[:at], *later)))

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Decorate a function, generator function or coroutine function: the mode holds while its own lines run."""
        if inspect.isasyncgenfunction(function):
            raise TypeError(f"{function.__name__}: an asynchronous generator cannot be decorated: use `with` inside it")

        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def coroutine(*args: Any, **kwargs: Any) -> Any:
                with self:
                    return await function(*args, **kwargs)

            return coroutine

        if inspect.isgeneratorfunction(function):

            @functools.wraps(function)
            def generator(*args: Any, **kwargs: Any) -> Any:
                running = function(*args, **kwargs)
                resume, value = running.send, None
                while True:
                    try:
                        with self:
                            item = resume(value)
                    except StopIteration as stop:
                        return stop.value
                    try:
                        resume, value = running.send, (yield item)
                    except GeneratorExit:
                        with self:
                            running.close()
                        raise
                    except BaseException as error:
                        resume, value = running.throw, error

            return generator

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return wrapper


def no_grad(function: Callable[..., Any] | None = None) -> Any:
    """Nothing is recorded inside: `with no_grad():`, `@no_grad()` or `@no_grad`, also on generator functions."""
    mode = Mode(recording=False)
    return mode if function is None else mode(function)


def inference_mode(mode: Any = True) -> Any:
    """The same as `no_grad`, for programs that call it so; with `mode=False`, what holds outside."""
    if callable(mode):
        return no_grad(mode)
    return Mode(recording=False) if mode else Mode()


def enable_grad(function: Callable[..., Any] | None = None) -> Any:
    """Calls are recorded again, inside a `no_grad` block too."""
    mode = Mode(recording=True)
    return mode if function is None else mode(function)


class set_grad_enabled(Mode):
    """Switch recording on or off: at once, as a call, or for a `with` block only."""

    def __init__(self, mode: bool) -> None:
        super().__init__(recording=mode)
        self.before = STATE.get().recording
        STATE.set(STATE.get()._replace(recording=mode))

    def __enter__(self) -> Mode:
        # Undo the call first, so that leaving the block restores what was before it.
        STATE.set(STATE.get()._replace(recording=self.before))
        return super().__enter__()

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Decorate a function: recording is as it was outside of it."""
        STATE.set(STATE.get()._replace(recording=self.before))
        return super().__call__(function)


def is_grad_enabled() -> bool:
    """Whether calls are recorded now."""
    return STATE.get().recording


# {id: (a generator, its state when it was first asked for)}, filled while a checkpoint runs its function.
GENERATORS: ContextVar[dict[int, tuple[np.random.Generator, Any]] | None] = ContextVar(
    "tensorgrad.generators", default=None
)


def noted(generator: np.random.Generator) -> np.random.Generator:
    """The generator itself, which is about to be drawn from: a checkpoint notes its state, to draw the same again."""
    seen = GENERATORS.get()
    if seen is not None and id(generator) not in seen:
        seen[id(generator)] = (generator, generator.bit_generator.state)
    return generator


# Whether a checkpoint runs its function for the second time.
RECOMPUTING: ContextVar[bool] = ContextVar("tensorgrad.recomputing", default=False)


def is_recomputing() -> bool:
    """Whether the code that asks is run again by a checkpoint, for the backward walk: what it counts has been counted.

    A function that changes something beside its results, such as running statistics, asks, and leaves it alone then.
    """
    return RECOMPUTING.get()


def named_scope(path: str | None, module: Any = None) -> Mode:
    """Nodes recorded inside carry `path`, a dotted module path such as "features.0", for pictures and messages.

    None leaves the path that there is. With `module`, which is held weakly, pictures of a model that it is a part of
    find its path there.
    """
    return _Scoped(path, module)


class _Scoped(Mode):
    """A new scope at each time that it is entered. Every call of a module does: what `Mode` does is written out."""

    def __init__(self, path: str | None, module: Any) -> None:
        self.path, self.module = path, module

    def __enter__(self) -> Mode:
        recording, around, observers, modes = STATE.get()
        scope = entered(around if self.path is None else self.path, around, self.module)
        STATE.set(State(recording, scope, observers, (*modes, (self, {"scope": around}))))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        recording, _, observers, modes = STATE.get()
        if modes and modes[-1][0] is self:
            STATE.set(State(recording, modes[-1][1]["scope"], observers, modes[:-1]))
        else:
            super().__exit__(kind, error, trace)


def observing(observer: Observer) -> Mode:
    """`observer` is told of every call and of every step of a walk inside."""
    return _Observing(observer)


class _Observing(Mode):
    """Adds one observer to those there are when it is entered."""

    def __init__(self, observer: Observer) -> None:
        super().__init__()
        self.observer = observer

    def changed(self, state: State) -> dict[str, Any]:
        return {"observers": (*state.observers, self.observer)}


# Which frames are the library's own
_folders: list[str] = [os.path.dirname(os.path.abspath(__file__)) + os.sep]


class _HiddenFiles(dict[str, bool]):
    def __missing__(self, filename: str) -> bool:
        hidden = self[filename] = filename.startswith(tuple(_folders))
        return hidden


hidden_files = _HiddenFiles()  # {file name of a code object: whether it belongs to the library}, filled when asked


def hide_frames(folder: str) -> None:
    """Nodes recorded by code below this folder are attributed to the line that called into it."""
    _folders.append(os.path.abspath(folder) + os.sep)
    hidden_files.clear()
