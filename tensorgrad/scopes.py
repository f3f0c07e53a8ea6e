"""Scopes: which call of which module was running. A scope is its dotted path, a string, that knows a little more."""

from __future__ import annotations

import weakref
from typing import Any


class Scope(str):
    """A dotted module path such as "features.0", one for each time that it was entered.

    Two calls of one module have equal paths, and are two scopes. Everything holds the module weakly: what is recorded
    keeps no module alive.
    """

    __slots__ = ("_derived", "around", "base", "module", "order")

    around: str  # the scope in which this one was entered
    module: weakref.ref[Any] | None  # whose call it is: the same reference for all calls of one module
    base: Scope | None  # of which this one is derived
    order: int  # 1 for operations that compute gradients of what ran in the scope, 2 for gradients of those, ...
    _derived: Scope | None

    def derived(self) -> Scope:
        """The scope of operations that compute gradients of what ran in this one."""
        derived = self._derived
        if derived is None:
            derived = self._derived = entered(self, self.around)
            derived.base, derived.module, derived.order = self.base or self, self.module, self.order + 1
        return derived


def entered(path: str, around: str, module: Any = None) -> Scope:
    """A new scope."""
    scope = Scope(path)
    scope.around = around
    scope.module = None if module is None else weakref.ref(module)
    scope.order = around.order if around.__class__ is Scope else 0
    scope.base = scope._derived = None
    return scope


_OUTSIDE = entered("", "").derived()


def derived(scope: str) -> Scope:
    """The scope of operations that compute gradients of what ran in `scope`."""
    if scope.__class__ is Scope:
        return scope.derived()
    return entered(scope, "").derived() if scope else _OUTSIDE
