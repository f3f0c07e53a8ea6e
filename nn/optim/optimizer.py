"""What all optimisers have in common: groups of parameters, their settings, what is remembered, and its saving."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np

import tensorgrad as tg

from ..errors import StateError
from ..module import zero_grad

Group: TypeAlias = dict[str, Any]
Params: TypeAlias = Iterable[tg.Tensor] | Iterable[Group]


class Optimizer:
    """What all optimisers have in common. A subclass writes `_update` for one parameter, and checks its settings.

    `params` are parameters, or groups of them, dicts with settings of their own:
    `[{"params": net.head.parameters(), "lr": 0.1}, {"params": net.body.parameters()}]`. `param_groups` holds the
    groups, whose settings may be changed at any time; `state` maps a parameter to what is remembered of it. `step`
    passes over parameters that are frozen or have no gradient. Raises ShapeError when there is no parameter, one comes
    twice, or a setting is out of range, DTypeError for what is no tensor, GradientError for a tensor that an operation
    made.
    """

    remembers: tuple[str, ...] = ()  # what `state` has of every parameter after a step
    defaults: dict[str, Any]
    param_groups: list[Group]
    state: dict[tg.Tensor, dict[str, Any]]

    def __init__(self, params: Params, defaults: dict[str, Any]) -> None:
        self.defaults, self.param_groups, self.state = defaults, [], {}
        if isinstance(params, tg.Tensor | Mapping):
            raise tg.DTypeError(
                f"{self._name()}: params must be an iterable of tensors or groups, got one {_kind(params)}"
            )
        given: list[Any] = list(params)
        if not given:
            raise tg.ShapeError(f"{self._name()}: there is no parameter to optimise: params is empty")
        for group in given if isinstance(given[0], Mapping) else [{"params": given}]:
            self.add_param_group(group)

    def add_param_group(self, param_group: Mapping[str, Any]) -> None:
        """Optimise more parameters: a dict with "params" and settings that differ from the defaults."""
        if not isinstance(param_group, Mapping) or "params" not in param_group:
            raise tg.DTypeError(f"{self._name()}: a group must be a dict with 'params', got {_kind(param_group)}")
        params = param_group["params"]
        params = [params] if isinstance(params, tg.Tensor) else list(params)
        seen = {id(p): number for number, p in enumerate(self._parameters())}
        for number, parameter in enumerate(params, len(seen)):
            if not isinstance(parameter, tg.Tensor):
                raise tg.DTypeError(f"{self._name()}: parameter {number} is a {_kind(parameter)}, expected a Tensor")
            if parameter.grad_fn is not None:
                raise tg.GradientError(
                    f"{self._name()}: parameter {number} is the result of {parameter.grad_fn.name}; only leaves, which "
                    "no operation made, can be optimised"
                )
            if id(parameter) in seen:
                raise tg.ShapeError(f"{self._name()}: parameter {number} is parameter {seen[id(parameter)]} once more")
            seen[id(parameter)] = number
        group = {**self.defaults, **param_group, "params": params}
        self._check(group)
        self.param_groups.append(group)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter that has a gradient; the result of `closure`, called first, if there is one."""
        result = None
        if closure is not None:
            with tg.enable_grad():
                result = closure()
        with tg.no_grad():
            for group in self.param_groups:
                for parameter in group["params"]:
                    if parameter.grad is not None and parameter.requires_grad:
                        gradient = -parameter.grad.data if group.get("maximize") else parameter.grad.data
                        self._update(parameter, gradient, group, self.state.setdefault(parameter, {}))
        return result

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the parameters' gradients, or fill them with zeros."""
        for parameter in self._parameters():
            zero_grad(parameter, set_to_none)

    def state_dict(self) -> dict[str, Any]:
        """{"state": {number of a parameter: what is remembered}, "param_groups": settings}, as PyTorch lays it out.

        A snapshot: its arrays are copies. Parameters are counted over all groups in order.
        """
        numbers = {id(parameter): number for number, parameter in enumerate(self._parameters())}
        groups = [{**group, "params": [numbers[id(p)] for p in group["params"]]} for group in self.param_groups]
        return {
            "state": {numbers[id(p)]: _copied(remembered) for p, remembered in self.state.items() if remembered},
            "param_groups": groups,
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from what `state_dict()` gave, for the same parameters in the same order.

        Raises StateError, before anything is changed, if groups, parameters or shapes differ, or parts are missing.
        """
        self._need(state_dict, ("state", "param_groups"), "the state")
        groups, state = state_dict["param_groups"], state_dict["state"]
        if len(groups) != len(self.param_groups):
            raise StateError(
                f"{self._name()}: the state has {len(groups)} groups, the optimiser {len(self.param_groups)}"
            )
        by_number: dict[int, tg.Tensor] = {}
        for number, (saved, group) in enumerate(zip(groups, self.param_groups, strict=True)):
            self._need(saved, ("params",), f"group {number} of the state")
            if len(saved["params"]) != len(group["params"]):
                raise StateError(
                    f"{self._name()}: group {number} of the state has {len(saved['params'])} parameters, "
                    f"the optimiser's {len(group['params'])}"
                )
            by_number.update(zip(saved["params"], group["params"], strict=True))
            self._check({**group, **saved})
        for number, remembered in state.items():
            if number not in by_number:
                raise StateError(f"{self._name()}: the state remembers a parameter {number}, which is in no group")
            if remembered:
                self._need(remembered, self.remembers, f"the state of parameter {number}")
            shape = by_number[number].shape
            for key, value in remembered.items():
                if getattr(value, "shape", ()) not in ((), shape):
                    raise StateError(
                        f"{self._name()}: {key} of parameter {number} has shape {tuple(value.shape)} in the state, "
                        f"the parameter {shape}"
                    )
        self.state = {by_number[number]: _copied(remembered) for number, remembered in state.items()}
        for saved, group in zip(groups, self.param_groups, strict=True):
            group.update({key: value for key, value in saved.items() if key != "params"})

    def __repr__(self) -> str:
        lines = []
        for number, group in enumerate(self.param_groups):
            settings = ", ".join(f"{key}={value!r}" for key, value in group.items() if key != "params")
            lines.append(f"  ({number}): {len(group['params'])} parameters, {settings}")
        return "\n".join([f"{self._name()}(", *lines, ")"])

    def _parameters(self) -> list[tg.Tensor]:
        return [parameter for group in self.param_groups for parameter in group["params"]]

    def _name(self) -> str:
        return type(self).__name__

    def _need(self, given: Mapping[str, Any], keys: tuple[str, ...], what: str) -> None:
        missing = [repr(key) for key in keys if key not in given]
        if missing:
            raise StateError(f"{self._name()}: {what} has no {', '.join(missing)}")

    def _check(self, group: Group) -> None:
        """Raise if a setting is out of range; this one looks at those that all optimisers have."""
        for key in ("lr", "eps", "weight_decay", "momentum", "alpha"):
            if key in group and not 0 <= group[key] < math.inf:
                raise tg.ShapeError(f"{self._name()}: {key} must be a number that is not negative, got {group[key]}")
        if "betas" in group and np.shape(group["betas"]) != (2,):
            raise tg.ShapeError(f"{self._name()}: betas must be two numbers, got {group['betas']}")
        for number, beta in enumerate(group.get("betas", ())):
            if not 0 <= beta < 1:
                raise tg.ShapeError(f"{self._name()}: betas[{number}] must be at least 0 and below 1, got {beta}")

    def _update(self, parameter: tg.Tensor, gradient: np.ndarray, group: Group, state: dict[str, Any]) -> None:
        """Change one parameter by `parameter.data -= ...`, which the engine takes note of; never change the gradient.

        Settings are made Python numbers first, which leave float32 as it is.
        """
        raise NotImplementedError(f"{self._name()}: has no _update method")


def buffer_in(state: dict[str, Any], key: str, parameter: tg.Tensor) -> np.ndarray:
    """What is remembered under a key, an array like the parameter; zeros when it is first asked for."""
    if key not in state:
        state[key] = np.zeros_like(parameter.data)
    buffer: np.ndarray = state[key]
    return buffer


def _copied(remembered: Mapping[str, Any]) -> dict[str, Any]:
    """Arrays copied, tensors made arrays, numbers as they are."""
    copied = {}
    for key, value in remembered.items():
        array = value.data if isinstance(value, tg.Tensor) else value
        copied[key] = array.copy() if isinstance(array, np.ndarray) else array
    return copied


def _kind(value: Any) -> str:
    return type(value).__name__
