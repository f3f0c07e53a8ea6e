"""Calling a module with parameters given as arguments: the module as a function of its parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ..errors import DTypeError, ShapeError
from ..node import TensorBase


def functional_call(
    module: Any,
    parameter_and_buffer_dicts: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    args: Any = None,
    kwargs: Mapping[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """`module(*args, **kwargs)` with tensors of yours in the place of its parameters and buffers.

    The tensors are in a dict by dotted names, as `named_parameters()` gives them, or in several dicts without a name in
    common; what is not among them stays the module's own. `args` is a tuple, or the one argument. A parameter that the
    module has under several names is replaced under all of them, unless `tie_weights` is False. With `strict`, all
    parameters and buffers must be there. Afterwards the module is as it was; buffers of yours that the call moves in
    place, such as running statistics, are moved.

    So `grad(lambda p: loss(functional_call(net, p, x)))(parameters)` is the gradient of a function. Let the parameters
    be detached, `{name: p.detach() for name, p in net.named_parameters()}`, unless the gradient is to be differentiated
    again: it has a graph where its arguments require gradients. A name that the module does not have raises ShapeError;
    PyTorch passes over it unless `strict`. While the call runs, other threads see your tensors in the module too.
    """
    given = _merged(parameter_and_buffer_dicts)
    held = dict(module.named_parameters(remove_duplicate=False)) | dict(module.named_buffers(remove_duplicate=False))
    unknown, missing = [n for n in given if n not in held], [n for n in held if n not in given]
    if unknown:
        raise ShapeError(f"functional_call: {type(module).__name__} has no parameter or buffer {', '.join(unknown)}")
    if strict and missing:
        raise ShapeError(f"functional_call: with strict, {', '.join(missing)} must be given too")
    wanted = _with_ties(given, held) if tie_weights else given
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    with _replaced(module, wanted):
        return module(*args, **(kwargs or {}))


def _merged(dicts: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """All tensors in one dict, checked."""
    merged: dict[str, Any] = {}
    for part in [dicts] if isinstance(dicts, Mapping) else dicts:
        if not isinstance(part, Mapping):
            raise DTypeError(
                f"functional_call: the parameters are of type {type(part).__name__}, expected a dict by names"
            )
        twice = [name for name in part if name in merged]
        if twice:
            raise ShapeError(f"functional_call: {', '.join(twice)} is in several of the dicts")
        merged.update(part)
    for name, value in merged.items():
        if not isinstance(value, TensorBase):
            raise DTypeError(f"functional_call: {name} is of type {type(value).__name__}, expected a tensor")
    return merged


def _with_ties(given: dict[str, Any], held: dict[str, Any]) -> dict[str, Any]:
    """The tensors for all names of what is given under one of them."""
    chosen: dict[int, str] = {}  # {id of a parameter: the name under which its substitute is given}
    for name in given:
        other = chosen.setdefault(id(held[name]), name)
        if given[other] is not given[name]:
            raise ShapeError(
                f"functional_call: {other} and {name} are the same parameter, and two tensors are given for it: give "
                "one, or say tie_weights=False"
            )
    return {name: given[chosen[id(tensor)]] for name, tensor in held.items() if id(tensor) in chosen}


@contextmanager
def _replaced(module: Any, tensors: dict[str, Any]) -> Iterator[None]:
    """Put tensors in the place of a module's, by dotted names; afterwards put these back."""
    # A module refuses to hold a plain tensor where it holds a Parameter, so its attributes are set in its dict.
    places = [(vars(module.get_submodule(path)), key) for path, _, key in (name.rpartition(".") for name in tensors)]
    before = [attributes[key] for attributes, key in places]
    try:
        for (attributes, key), tensor in zip(places, tensors.values(), strict=True):
            attributes[key] = tensor
        yield
    finally:
        for (attributes, key), tensor in zip(places, before, strict=True):
            attributes[key] = tensor
