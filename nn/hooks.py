"""Hooks of modules: how they are taken away, and how backward hooks come to see gradients."""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

import tensorgrad as tg

BackwardPreHook = Callable[[Any, tuple[Any, ...]], Any]
BackwardHook = Callable[[Any, tuple[Any, ...], tuple[Any, ...]], Any]


def handle(module: Any, attribute: str, key: int) -> tg.RemovableHandle:
    """What takes away hook `key` of those that `module` keeps in `attribute`."""

    def take_away() -> None:  # from a copy: the hooks may be running
        hooks = getattr(module, attribute)
        setattr(module, attribute, {k: hook for k, hook in hooks.items() if k != key})
        for kind in ("_hooks_with_kwargs", "_hooks_always"):
            if key in getattr(module, kind):
                setattr(module, kind, getattr(module, kind) - {key})

    return tg.RemovableHandle(take_away)


class BackwardWatch:
    """One forward call whose backward hooks are to run: its inputs and outputs pass through a boundary each.

    A boundary is a recorded operation that changes nothing. At the outputs', when the gradients of all of them are
    complete, the pre-hooks run; at the inputs', which sees only what this module contributes, the hooks.
    """

    def __init__(
        self, module: Any, pre_hooks: Mapping[int, BackwardPreHook], hooks: Mapping[int, BackwardHook], inputs: int
    ) -> None:
        self.module, self.pre_hooks, self.hooks = module, tuple(pre_hooks.values()), tuple(hooks.values())
        self.grad_output: tuple[Any, ...] = ()
        self.inputs, self.waits = inputs, False

    def __repr__(self) -> str:
        return f"<backward hooks of {type(self.module).__name__}>"

    def enter(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments, behind their boundary."""
        args, self.waits = _through(args, self._at_inputs)
        return args

    def leave(self, output: Any) -> Any:
        """The output, behind its boundary."""
        several = isinstance(output, tuple | list)
        outputs, _ = _through(tuple(output) if several else (output,), self._at_outputs)
        return (
            type(output)(outputs)
            if several and type(output) in (tuple, list)
            else outputs[0]
            if not several
            else output
        )

    def _at_outputs(self, gradients: tuple[Any, ...]) -> tuple[Any, ...]:
        for hook in self.pre_hooks:
            gradients = _changed("pre-hook", hook(self.module, gradients), gradients)
        self.grad_output = gradients
        if not self.waits:  # no input has a gradient, so this is all there is to wait for
            self._run((None,) * self.inputs)
        return gradients

    def _at_inputs(self, gradients: tuple[Any, ...]) -> tuple[Any, ...]:
        return self._run(gradients)

    def _run(self, gradients: tuple[Any, ...]) -> tuple[Any, ...]:
        for hook in self.hooks:
            gradients = _changed("hook", hook(self.module, gradients, self.grad_output), gradients)
        self.grad_output = ()
        return gradients


def _changed(kind: str, answer: Any, gradients: tuple[Any, ...]) -> tuple[Any, ...]:
    """What a hook returned, if anything, instead of the gradients."""
    if answer is None:
        return gradients
    answer = tuple(answer) if isinstance(answer, tuple | list) else (answer,)
    if len(answer) != len(gradients):
        raise tg.GradientError(f"backward {kind}: returned {len(answer)} gradients, the module has {len(gradients)}")
    return answer


def _through(
    values: tuple[Any, ...], told: Callable[[tuple[Any, ...]], tuple[Any, ...]]
) -> tuple[tuple[Any, ...], bool]:
    """The values with those that have gradients behind one boundary, and whether there are such."""
    places = [i for i, value in enumerate(values) if isinstance(value, tg.Tensor) and value.requires_grad]
    if not places or not tg.is_grad_enabled():
        return values, False

    def tell(gradients: Sequence[Any]) -> tuple[Any, ...]:
        whole: list[Any] = [None] * len(values)
        for place, gradient in zip(places, gradients, strict=True):
            whole[place] = tg.from_numpy(gradient) if isinstance(gradient, np.ndarray) else gradient
        answer = told(tuple(whole))
        found = [answer[place] for place in places]
        plain = any(isinstance(gradient, np.ndarray) for gradient in gradients)
        return tuple(g.data if plain and isinstance(g, tg.Tensor) else g for g in found)

    passed = _boundary(len(places))(*[values[place] for place in places], tell=tell)
    passed = passed if len(places) > 1 else (passed,)
    whole = list(values)
    for place, tensor in zip(places, passed, strict=True):
        whole[place] = tensor
    return tuple(whole), True


@functools.cache
def _boundary(count: int) -> Any:
    """The operation that passes on `count` tensors, and tells of their gradients when all are complete."""
    names = tuple(f"y{i}" for i in range(count)) if count > 1 else ("out",)

    def module_boundary(*inputs: np.ndarray, tell: Any) -> Any:
        # A single output shares memory, of which the engine takes note; it can do so for one only.
        return tuple(array.copy() for array in inputs) if count > 1 else inputs[0].view()

    def vjp(wanted: Any, *gradients: Any, tell: Any) -> Any:
        return tell(gradients)

    # A rule says by the names of its parameters what it needs; here their number varies.
    kind = inspect.Parameter
    parameters = [kind(f"g_{name}" if count > 1 else "g", kind.POSITIONAL_OR_KEYWORD) for name in names]
    vjp.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # what `inspect` reads of a function
        [kind("wanted", kind.POSITIONAL_OR_KEYWORD), *parameters, kind("tell", kind.KEYWORD_ONLY)]
    )
    operation = tg.primitive(module_boundary, outputs=names, view=count == 1)
    operation.defvjp_joint(vjp)
    return operation
