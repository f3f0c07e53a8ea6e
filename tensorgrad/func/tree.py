"""Values nested in dicts, lists, tuples and named tuples: taken apart into a flat list, and put together again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ..errors import ShapeError


@dataclass(frozen=True, slots=True)
class Tree:
    """How values are nested: the type of a container, its keys, and the trees below it. A single value has no kind."""

    kind: type[Any] | None
    keys: tuple[Any, ...]
    below: tuple[Tree, ...]

    def build(self, values: Iterable[Any]) -> Any:
        """Containers of this form around values, in the order in which `flatten` gave them."""
        return self._build(iter(values))

    def _build(self, values: Iterator[Any]) -> Any:
        if self.kind is None:
            return next(values)
        parts = [tree._build(values) for tree in self.below]
        if issubclass(self.kind, dict):
            return self.kind(zip(self.keys, parts, strict=True))
        return self.kind(*parts) if hasattr(self.kind, "_fields") else self.kind(parts)

    def values_of(self, name: str, nested: Any, place: str) -> list[tuple[str, Any]]:
        """The values of something nested like this, each with its place; a ShapeError if it is nested otherwise."""
        if self.kind is None:
            return [(place, nested)]
        told = "named tuple" if hasattr(self.kind, "_fields") else self.kind.__name__
        if type(nested) is not self.kind:
            raise ShapeError(f"{name}: {place} must be a {told} of {len(self.keys)}, got type {type(nested).__name__}")
        given = dict(_parts(nested))
        if set(given) != set(self.keys):
            raise ShapeError(f"{name}: {place} must be a {told} of {list(self.keys)}, got one of {list(given)}")
        found = []
        for key, tree in zip(self.keys, self.below, strict=True):
            found += tree.values_of(name, given[key], _below(self.kind, place, key))
        return found


VALUE = Tree(None, (), ())


def flatten(nested: Any, place: str) -> tuple[list[tuple[str, Any]], Tree]:
    """The values in nested containers, each with its place, such as "argument 0['w'][1]", and how they are nested.

    Containers are dicts, OrderedDicts, lists, tuples and named tuples; all else, subclasses of these too, is a value.
    """
    kind = type(nested)
    if kind not in (dict, OrderedDict, list, tuple) and not (issubclass(kind, tuple) and hasattr(kind, "_fields")):
        return [(place, nested)], VALUE
    values, keys, below = [], [], []
    for key, part in _parts(nested):
        found, tree = flatten(part, _below(kind, place, key))
        values += found
        keys.append(key)
        below.append(tree)
    return values, Tree(kind, tuple(keys), tuple(below))


def _parts(nested: Any) -> Iterable[tuple[Any, Any]]:
    return nested.items() if isinstance(nested, dict) else enumerate(nested)


def _below(kind: type[Any], place: str, key: Any) -> str:
    fields = getattr(kind, "_fields", None)
    return f"{place}[{key!r}]" if fields is None else f"{place}.{fields[key]}"
