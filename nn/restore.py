"""Running a model only to look at it."""

import contextlib
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

import tensorgrad as tg

from .names import names_changed

if TYPE_CHECKING:
    from .module import Module


@contextlib.contextmanager
def left_as_it_was(*models: "Module") -> Iterator[None]:
    """Afterwards, the modules' attributes, the values of their buffers and the random generators are as before.

    A graph that keeps a buffer for the way back can still be walked, also where the buffer was changed meanwhile.
    Lists, dictionaries, sets and deques that are attributes have the members that they had; what those are, and other
    objects, may have been changed.
    """
    modules = [module for model in models for module in model.modules()]
    attributes = [dict(vars(module)) for module in modules]
    buffers = [buffer for model in models for buffer in model.buffers()]
    collections = [(value, _members(value)) for held in attributes for value in held.values() if _is_collection(value)]
    generators = [value for held in attributes for value in held.values() if isinstance(value, np.random.Generator)]
    states = [generator.bit_generator.state for generator in generators]
    try:
        with tg.viz.rewind_generators(), tg.viz.rewind_tensors(buffers):
            yield
    finally:
        for module, held in zip(modules, attributes, strict=True):
            vars(module).clear()
            vars(module).update(held)
        names_changed()
        for value, members in collections:
            _put_back(value, members)
        for generator, state in zip(generators, states, strict=True):
            generator.bit_generator.state = state


def _is_collection(value: Any) -> bool:
    return isinstance(value, (list, dict, set, deque))


def _members(value: Any) -> list[Any]:
    return list(value.items()) if isinstance(value, dict) else list(value)


def _put_back(value: Any, members: list[Any]) -> None:
    """Give a collection, which stays the same object, the members that it had, if it has others now."""
    now = _members(value)
    if len(now) == len(members) and all(_same(a, b) for a, b in zip(now, members, strict=True)):
        return
    value.clear()
    if isinstance(value, dict):
        for key, member in members:  # the update of a Counter would count
            value[key] = member
    elif isinstance(value, set):
        value.update(members)
    else:
        value.extend(members)


def _same(a: Any, b: Any) -> bool:
    """Whether two members are the same objects; those of a dictionary are pairs, made anew each time."""
    pairs = type(a) is tuple and type(b) is tuple and len(a) == len(b) == 2
    return a is b or (pairs and a[0] is b[0] and a[1] is b[1])
