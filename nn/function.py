"""What layers that are a function with settings have in common, so that each of them is its settings alone."""

import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar, dataclass_transform

import tensorgrad as tg

from .module import Module


class FunctionLayer(Module):
    """A layer that calls one function with its settings; see `layer_of`."""

    _function: Callable[..., Any]

    def _settings(self) -> dict[str, Any]:
        """The settings by name, in the constructor's order."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}  # type: ignore[arg-type]  # see `settings`

    def forward(self, *inputs: Any, **named: Any) -> tg.Tensor:
        """The function of the inputs, by place or by the function's names for them."""
        return self._function(*inputs, **named, **self._settings())

    def extra_repr(self) -> str:
        """The settings; `inplace` only where it was asked for."""
        return ", ".join(f"{name}={value!r}" for name, value in self._settings().items() if name != "inplace" or value)


Layer = TypeVar("Layer", bound=FunctionLayer)


@dataclass_transform(eq_default=False, field_specifiers=(dataclasses.field,))
def settings(layer: type[Layer]) -> type[Layer]:
    """Make what a class declares its settings, for layers that others are made from; see `layer_of`."""
    dataclasses.dataclass(eq=False, repr=False)(layer)
    for name in layer.__dataclass_fields__:  # type: ignore[attr-defined]  # made in the line above
        if name in vars(layer):
            delattr(
                layer, name
            )  # a default, which the constructor knows: on the class it would stand in a buffer's way
    return layer


@dataclass_transform(eq_default=False, field_specifiers=(dataclasses.field,))
def layer_of(function: Callable[..., Any]) -> Callable[[type[Layer]], type[Layer]]:
    """Make a layer of a function: the class declares its settings, and gets constructor, forward and repr for them.

        @layer_of(F.celu)
        class CELU(FunctionLayer):
            alpha: float = 1.0
            inplace: bool = False

    The class becomes a dataclass: what it declares are the arguments of its constructor, in this order, the layer's
    attributes, what `repr` shows, and what `function` is given by these names beside the inputs.
    """

    def make(layer: type[Layer]) -> type[Layer]:
        layer._function = staticmethod(function)
        return settings(layer)

    return make
