"""The dotted names of modules, as the outermost module of a call sees them, kept from one call to the next."""

import weakref
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .module import Module

# {id(module): dotted name} of the modules of the outermost call that runs now, None outside of calls.
NAMES: ContextVar[dict[int, str] | None] = ContextVar("nn.names", default=None)

MOST = 64  # outermost modules of which names are kept
_kept: "dict[int, tuple[weakref.ref[Module], int, dict[int, str]]]" = {}
_changes = 0  # how often a module became, or was no more, an attribute of another: all names are found anew then


def names_in(outermost: "Module") -> dict[int, str]:
    """The names of a module, which is none, and of all inside."""
    kept = _kept.get(id(outermost))
    if kept is not None and kept[0]() is outermost and kept[1] == _changes:
        return kept[2]
    changes = _changes
    names = {id(module): name for name, module in outermost.named_modules()}
    if len(_kept) >= MOST:
        _kept.clear()
    _kept[id(outermost)] = weakref.ref(outermost), changes, names
    return names


def names_changed() -> None:
    """To be called after a module became an attribute of another one, or ceased to be."""
    global _changes
    _changes += 1
