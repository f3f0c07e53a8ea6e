"""One pass of a module, recorded for a picture, that leaves no trace."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

import tensorgrad as tg

from . import functional as F
from .restore import left_as_it_was

if TYPE_CHECKING:
    from .module import Module

Loss = Callable[..., Any]


def draw(
    model: "Module", inputs: tuple[Any, ...], named: Mapping[str, Any], target: Any = None, loss: Loss | None = None
) -> "tg.viz.GraphView":
    """See `Module.draw`."""
    if loss is not None and not callable(loss):
        raise tg.DTypeError(f"draw: loss must be a function of the output and the target, got {type(loss).__name__}")
    if isinstance(loss, type):
        raise tg.DTypeError(f"draw: loss is the class {loss.__name__} itself, expected a loss: {loss.__name__}()")
    # Where nothing is trained, the picture shows the way back to the inputs: else nothing would be recorded.
    track = not any(parameter.requires_grad for parameter in model.parameters())
    args = tuple([_copied(value, track) for value in inputs])
    kwargs = {name: _copied(value, track) for name, value in named.items()}
    names = _named_inputs(model, args, kwargs)
    goal = None if target is None else _copied(_as_array(target), False)
    models = [model, loss] if hasattr(loss, "named_modules") else [model]

    held: dict[tg.Tensor, tg.Tensor | None] = {}  # the .grad that each tensor had
    with left_as_it_was(*models), tg.enable_grad():
        try:
            with tg.viz.record() as run:
                output = model(*args, **kwargs)
                results = _tensors(output, "output")
                if not results:
                    raise tg.DTypeError(
                        f"draw: {type(model).__name__} returned a {type(output).__name__} without a tensor in it"
                    )
                goes_back = loss is not None or goal is not None
                if goes_back:
                    names |= {name: tensor for name, tensor in results.items() if name not in names}
                    if goal is not None:
                        names["target" if "target" not in names else "target of the loss"] = goal
                    results = {"loss": _loss_of(output, goal, loss)}
                held = {tensor: tensor.grad for tensor in [*model.parameters(), *_leaves(results.values())]}
                for tensor in held:
                    tensor.grad = None
                if goes_back and results["loss"].requires_grad:
                    # What the operations saved is kept: the picture tells how much that is.
                    results["loss"].backward(retain_graph=True)
            return run.graph(results, model=model, inputs=names)
        finally:
            for tensor, grad in held.items():
                tensor.grad = grad


def _copied(value: Any, track: bool) -> Any:
    """An input of the drawing's own, so that neither the caller's memory nor the caller's graph is touched."""
    if not isinstance(value, (tg.Tensor, np.ndarray)):
        return value
    is_tracked = isinstance(value, tg.Tensor) and value.requires_grad
    array = value.detach().numpy() if isinstance(value, tg.Tensor) else value
    if array.dtype.kind not in "biuf":
        raise tg.DTypeError(f"draw: inputs and the target must hold numbers, got an array of dtype {array.dtype}")
    return tg.tensor(array, requires_grad=is_tracked or (track and array.dtype.kind == "f"))


def _as_array(target: Any) -> Any:
    if isinstance(target, tg.Tensor):
        return target
    try:
        return np.asarray(target)
    except ValueError as error:  # rows of different lengths
        raise tg.ShapeError(f"draw: the target is no array: {error}") from None


def _named_inputs(model: "Module", args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The tensors among the inputs by the names that `forward` has for them."""
    try:
        signature = inspect.signature(model.forward)
    except (TypeError, ValueError):  # a callable that does not tell
        return {}
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError as error:
        takes = ", ".join(str(p.replace(annotation=inspect.Parameter.empty)) for p in signature.parameters.values())
        raise tg.DTypeError(
            f"draw: {type(model).__name__}.forward({takes}) does not take these {len(args) + len(kwargs)} inputs: "
            f"{error}; the second argument of draw is the target of the loss, further inputs come after it"
        ) from None
    found: dict[str, Any] = {}
    for name, value in bound.arguments.items():
        kind = signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_POSITIONAL:
            found |= {f"{name}[{number}]": item for number, item in enumerate(value)}
        elif kind is inspect.Parameter.VAR_KEYWORD:
            found |= value
        else:
            found[name] = value
    return {name: value for name, value in found.items() if isinstance(value, tg.Tensor)}


def _tensors(output: Any, name: str) -> dict[str, tg.Tensor]:
    """The tensors in what a module returned: a tensor, or tuples, lists and dictionaries of them."""
    found: dict[str, tg.Tensor] = {}
    waiting = [(name, output)]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, tg.Tensor):
            found[name] = value
        elif isinstance(value, Mapping):
            waiting += reversed([(f"{name}[{key!r}]", item) for key, item in value.items()])
        elif isinstance(value, (tuple, list)):
            waiting += reversed([(f"{name}[{number}]", item) for number, item in enumerate(value)])
    return found


def _loss_of(output: Any, target: tg.Tensor | None, loss: Loss | None) -> tg.Tensor:
    if loss is None:
        loss = _usual_loss(output, target)
    given = (output,) if target is None else (output, target)
    try:
        inspect.signature(loss).bind(*given)
    except TypeError as error:
        what = "the output alone" if target is None else "the output and the target"
        raise tg.DTypeError(f"draw: the loss cannot be called with {what}: {error}") from None
    except ValueError:  # a callable that does not tell
        pass
    value = loss(*given)
    if not isinstance(value, tg.Tensor):
        raise tg.DTypeError(f"draw: the loss returned a {type(value).__name__}, expected a tensor")
    if value.numel() != 1:
        raise tg.ShapeError(f"draw: the loss must be one number, got a tensor of shape {value.shape}")
    return value


def _usual_loss(output: Any, target: Any) -> Loss:
    """Cross-entropy for labels, the mean squared error for numbers."""
    if isinstance(output, tg.Tensor):
        if target.dtype.kind in "iu" and output.ndim > target.ndim:
            return F.cross_entropy
        if target.dtype.kind == "f" and output.shape == target.shape:
            return F.mse_loss
    got = f"{output.dtype} {output.shape}" if isinstance(output, tg.Tensor) else f"a {type(output).__name__}"
    raise tg.ShapeError(
        f"draw: pass loss=...: there is no usual loss for an output of {got} and a target of {target.dtype} "
        f"{target.shape}"
    )


def _leaves(roots: Iterable[tg.Tensor]) -> list[tg.Tensor]:
    """All leaves that a backward pass from these tensors gives a gradient to."""
    found = {root: None for root in roots if root.grad_fn is None and root.requires_grad}
    seen: dict[Any, None] = {root.grad_fn: None for root in roots if root.grad_fn is not None}
    waiting = list(seen)
    while waiting:
        for function, _ in waiting.pop().next_functions:
            leaf = getattr(function, "variable", None)  # of what stands for a leaf
            if leaf is not None:
                found[leaf] = None
            elif function is not None and function not in seen:
                seen[function] = None
                waiting.append(function)
    return list(found)
