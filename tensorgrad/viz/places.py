"""Where operations ran: the paths of modules in the model that a picture is of, and which calls of theirs it was."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from ..scopes import Scope
from .tree import paths_of


class Place(NamedTuple):
    """Where an operation ran."""

    path: str
    calls: tuple[int, ...] = ()  # for each module of `paths_of(path)` which call it was; empty where that is not known
    order: int = 0  # 1 where it computes a gradient of what ran there, 2 where a gradient of that, ...


class Places:
    """The places of one picture.

    A scope's own path begins at the module that was called from outside: one that is a part of the model has a longer
    path there. Where two modules would have one path, those outside of the model have the user's scope or a class
    before it.
    """

    def __init__(self, model: Any, scopes: Iterable[str]) -> None:
        self._names: dict[int, str] = {}
        for path, module in getattr(model, "named_modules", dict)() if model is not None else ():
            self._names.setdefault(id(module), str(path))
        self._chains = {id(scope): _chain(scope) for scope in scopes if isinstance(scope, Scope)}
        self._paths: dict[int, str] = {}  # by the scope's id: scopes are held by what ran in them
        self._numbers: dict[int, int] = {}  # of calls, by the scope's id
        self._places: dict[int, Place] = {}
        for chain in self._chains.values():
            self._find_paths(chain, {})
        before = self._told_apart()
        if before:
            self._paths.clear()
            for chain in self._chains.values():
                self._find_paths(chain, before)

    def of(self, scope: str) -> Place:
        """The place of what ran in a scope."""
        chain = self._chains.get(id(scope))
        if chain is None:
            return Place(str(scope))
        place = self._places.get(id(scope))
        if place is None:
            path = self._paths[id(chain[-1])]
            order = scope.order if isinstance(scope, Scope) else 0
            place = self._places[id(scope)] = Place(path, self._calls(path, chain), order)
        return place

    def _name(self, scope: Scope) -> str | None:
        """The path in the model of the module that a scope belongs to."""
        module = scope.module() if scope.module is not None else None
        return self._names.get(id(module)) if module is not None else None

    def _find_paths(self, chain: list[Scope], before: dict[int, str]) -> None:
        """The path of each scope. `before`: what paths begin with, by the module that was called from outside."""
        outer = _outermost(chain)
        around = ""
        for scope in chain:
            if id(scope) not in self._paths:
                name = self._name(scope)
                if name is not None:
                    path = name or (around if _nameless(scope) else "")
                elif scope.module is None:
                    path = str(scope)
                elif scope is outer:
                    path = before.get(id(scope.module), str(scope))
                elif _nameless(scope):
                    path = around
                else:
                    known = outer is not None and (self._name(outer) is not None or id(outer.module) in before)
                    start = self._paths[id(outer)] if known else ""
                    path = f"{start}.{scope}" if start else str(scope)
                self._paths[id(scope)] = path
            around = self._paths[id(scope)]

    def _told_apart(self) -> dict[int, str]:
        """What the paths of a module begin with that is outside of the model, where another has equal paths."""
        owners: dict[str, dict[int, None]] = {}
        for chain in self._chains.values():
            for scope in chain:
                path = self._paths[id(scope)]
                if path and scope.module is not None and not (_nameless(scope) and self._name(scope) is None):
                    owners.setdefault(path, {})[id(scope.module)] = None
        before: dict[int, str] = {}
        taken = {path.split(".")[0] for path in owners}
        for chain in self._chains.values():
            outer = _outermost(chain)
            if outer is None or self._name(outer) is not None or id(outer.module) in before:
                continue
            if any(len(owners.get(self._paths[id(scope)], ())) > 1 for scope in chain):
                module = outer.module() if outer.module is not None else None
                name = start = str(outer) or (type(module).__name__ if module is not None else "module")
                number = 1
                while start in taken:
                    number += 1
                    start = f"{name}_{number}"
                taken.add(start)
                before[id(outer.module)] = start
        return before

    def _calls(self, path: str, chain: list[Scope]) -> tuple[int, ...]:
        """For each module around which call it was; for one that was not called, that of the one around it."""
        outer = _outermost(chain)
        counted = [
            (self._paths[id(scope)], scope if scope.base is None else scope.base)
            for scope in chain
            if scope is outer or not _nameless(scope) or self._name(scope) is not None
        ]
        calls = []
        for level in paths_of(path):
            exact = [scope for at, scope in counted if at == level]
            inside = [number for number, (at, _) in enumerate(counted) if at.startswith(f"{level}.")]
            around = [*range(len(counted))][-1:] if not inside else [inside[0] - 1] if inside[0] else []
            call = exact[-1] if exact else counted[around[0]][1] if around else None
            calls.append(self._numbers.setdefault(id(call), len(self._numbers)))
        return tuple(calls)


def _chain(scope: str) -> list[Scope]:
    """A scope and those around it, from the outside in."""
    chain = []
    while isinstance(scope, Scope):
        chain.append(scope)
        scope = scope.around
    return chain[::-1]


def _outermost(chain: list[Scope]) -> Scope | None:
    """The scope of the module that was called from outside."""
    return next((scope for scope in chain if scope.module is not None), None)


def _nameless(scope: Scope) -> bool:
    """Whether the module had no path of its own: it was called from outside, or is no attribute of another."""
    return scope == scope.around
