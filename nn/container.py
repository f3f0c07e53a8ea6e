"""Modules that hold modules."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self, overload

import tensorgrad as tg

from .module import Module


class _Numbered(Module):
    """Modules by number: child i is the attribute named str(i)."""

    def __init__(self, modules: Iterable[Module]) -> None:
        super().__init__()
        self.extend(modules)

    def __len__(self) -> int:
        return len(self._own(Module))

    def __iter__(self) -> Iterator[Module]:
        return iter([module for _, module in self._own(Module)])

    @overload
    def __getitem__(self, index: int) -> Module: ...

    @overload
    def __getitem__(self, index: slice) -> Self: ...

    def __getitem__(self, index: int | slice) -> Module | Self:
        if isinstance(index, slice):
            return self._sliced(index)
        return self._own(Module)[self._position(index)][1]

    def __setitem__(self, index: int, module: Module) -> None:
        self.add_module(self._own(Module)[self._position(index)][0], module)

    def _sliced(self, index: slice) -> Self:
        raise NotImplementedError  # each kind of list says how

    def _position(self, index: int) -> int:
        count = len(self)
        if not -count <= index < count:
            raise IndexError(f"{type(self).__name__}: there is no module {index}, it holds {count}")
        return index % count

    def append(self, module: Module) -> Self:
        """Put a module at the end; returns the container."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """Put several modules at the end; returns the container."""
        for number, module in enumerate(modules, len(self)):
            self.add_module(str(number), module)
        return self


class Sequential(_Numbered):
    """Modules applied one after the other: `Sequential(Conv2d(1, 8, 3), ReLU())`, or a dict of modules by name.

    `net[0]`, `net[-1]` and `net[:2]` (sharing the modules) give parts of it.
    """

    def __init__(self, *modules: Module | Mapping[str, Module]) -> None:
        super().__init__(())
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            for name, module in modules[0].items():
                self.add_module(name, module)
            return
        for number, given in enumerate(modules):
            if not isinstance(given, Module):
                raise tg.DTypeError(f"Sequential: argument {number} is a {type(given).__name__}, expected a Module")
            self.add_module(str(number), given)

    def _sliced(self, index: slice) -> Self:
        return type(self)(dict(self._own(Module)[index]))

    def forward(self, input: Any) -> Any:
        """The last module's output."""
        for module in self:
            input = module(input)
        return input


class ModuleList(_Numbered):
    """A list of modules whose parameters are found, which those in a plain Python list are not. It has no forward."""

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        super().__init__(modules)

    def _sliced(self, index: slice) -> Self:
        return type(self)(list(self)[index])

    def insert(self, index: int, module: Module) -> None:
        """Put a module before number `index`."""
        modules = list(self)
        modules.insert(index, module)
        for number, item in enumerate(modules):
            self.add_module(str(number), item)

    def __repr__(self) -> str:
        lines, first = [], 0
        for text, same in itertools.groupby(map(repr, self)):
            count = len(list(same))
            name = f"({first}): " if count == 1 else f"({first}-{first + count - 1}): {count} x "
            lines.append(f"\n{name}{text}".replace("\n", "\n  "))
            first += count
        return f"{type(self).__name__}({''.join(lines)}" + ("\n)" if lines else ")")


class ModuleDict(Module):
    """Modules by name whose parameters are found, which those in a plain Python dict are not. It has no forward."""

    def __init__(self, modules: Mapping[str, Module] | None = None) -> None:
        super().__init__()
        self.update(modules or {})

    def __getitem__(self, key: str) -> Module:
        return dict(self._own(Module))[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        if key not in self:
            raise KeyError(key)
        delattr(self, key)

    def __len__(self) -> int:
        return len(self._own(Module))

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __contains__(self, key: object) -> bool:
        return key in self.keys()

    def keys(self) -> list[str]:
        """The names, in order."""
        return [name for name, _ in self._own(Module)]

    def values(self) -> list[Module]:
        """The modules, in order."""
        return [module for _, module in self._own(Module)]

    def items(self) -> list[tuple[str, Module]]:
        """Pairs of name and module, in order."""
        return self._own(Module)

    def update(self, modules: Mapping[str, Module]) -> None:
        """Add modules by name, or replace those that are there."""
        for name, module in modules.items():
            self.add_module(name, module)
