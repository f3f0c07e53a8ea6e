"""What all optimisers have in common: groups of parameters, their settings, what is remembered, and its saving."""

import copy
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np

import tensorgrad as tg

from ..errors import StateError
from ..module import zero_grad

Group: TypeAlias = dict[str, Any]
Params: TypeAlias = Iterable[tg.Tensor] | Iterable[Group]

# What PyTorch keeps in groups beside what decides the numbers: how it computes, and what its schedules note.
PYTORCHS_OWN = (
    *("foreach", "capturable", "differentiable", "fused", "param_names"),
    *("max_lr", "min_lr", "base_momentum", "max_momentum"),
)


class Optimizer:
    """What all optimisers have in common. A subclass writes `_update` for one parameter, and checks its settings.

    `params` are parameters, or groups of them, dicts with settings of their own:
    `[{"params": net.head.parameters(), "lr": 0.1}, {"params": net.body.parameters()}]`. `param_groups` holds the
    groups, whose settings may be changed at any time; `state` maps a parameter to what is remembered of it. `step`
    passes over parameters that are frozen or have no gradient. Raises ShapeError when there is no parameter, one comes
    twice, or a setting is no number or out of range, DTypeError for what is no tensor, GradientError for a tensor that
    an operation made.
    """

    remembers: tuple[str, ...] = ()  # what `state` has of every parameter after a step
    buffers: tuple[str, ...] = ()  # what in `state` is, if it is there, an array like the parameter
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
                upwards = group.get("maximize")
                for parameter in group["params"]:
                    gradient = parameter.grad
                    if gradient is not None and parameter.requires_grad:
                        along = -gradient.data if upwards else gradient.data
                        self._update(parameter, along, group, self.state.setdefault(parameter, {}))
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

        PyTorch's own states are taken too, and arrays of floats are cast to the parameter's dtype. Raises StateError,
        before anything is changed, if groups, parameters, settings or shapes differ, parts are missing, or something is
        of another kind: the state of another optimiser is refused. Adam and AdamW take each other's.
        """
        self._need(state_dict, ("state", "param_groups"), "the state")
        groups, state = state_dict["param_groups"], state_dict["state"]
        if not isinstance(groups, list | tuple):
            raise StateError(f"{self._name()}: param_groups of the state must be a list, got {_kind(groups)}")
        if len(groups) != len(self.param_groups):
            raise StateError(
                f"{self._name()}: the state has {len(groups)} groups, the optimiser {len(self.param_groups)}"
            )
        pairs = [
            (group, self._settings_in(saved, group, number))
            for number, (saved, group) in enumerate(zip(groups, self.param_groups, strict=True))
        ]
        numbers = [number for saved in groups for number in saved["params"]]
        by_number: dict[int, tg.Tensor] = dict(zip(numbers, self._parameters(), strict=True))
        if len(by_number) != len(numbers):
            raise StateError(f"{self._name()}: the groups of the state name a parameter twice: {numbers}")
        self._need(state, (), "the state of the parameters")
        loaded = {}
        for number, remembered in state.items():
            if number not in by_number:
                raise StateError(f"{self._name()}: the state remembers a parameter {number}, which is in no group")
            self._need(remembered, self.remembers if remembered else (), f"the state of parameter {number}")
            parameter = by_number[number]
            loaded[parameter] = {
                key: self._remembered(key, value, number, parameter) for key, value in remembered.items()
            }
        self.state = loaded
        for group, settings in pairs:
            group.update(settings)

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

    def _settings_in(self, saved: Any, group: Group, number: int) -> Group:
        """The settings of one group of a state, if they are this optimiser's."""
        what = f"group {number} of the state"
        self._need(saved, ("params",), what)
        if not isinstance(saved["params"], list | tuple) or not all(isinstance(n, int) for n in saved["params"]):
            raise StateError(f"{self._name()}: {what}: 'params' must be a list of numbers, got {saved['params']!r}")
        if len(saved["params"]) != len(group["params"]):
            raise StateError(
                f"{self._name()}: {what} has {len(saved['params'])} parameters, the optimiser's {len(group['params'])}"
            )
        settings = {key: value for key, value in saved.items() if key not in PYTORCHS_OWN}
        own = getattr(self, "decoupled", None)
        if own is not None and settings.pop("decoupled_weight_decay", own) != own:  # PyTorch's Adam or AdamW, the other
            raise StateError(f"{self._name()}: {what} is of an optimiser whose weight decay works in another way")
        unknown = [repr(key) for key in settings if key not in (*self.defaults, *group, "initial_lr")]
        if unknown:
            raise StateError(
                f"{self._name()}: {what} has {', '.join(unknown)}, which {self._name()} does not have: "
                "it is the state of another optimiser"
            )
        self._need(settings, tuple(self.defaults), what)
        try:
            self._check({**group, **settings})
        except tg.TensorgradError as error:
            raise StateError(f"{self._name()}: {what}: {str(error).removeprefix(f'{self._name()}: ')}") from None
        return {key: value for key, value in settings.items() if key != "params"}

    def _remembered(self, key: str, value: Any, number: int, parameter: tg.Tensor) -> Any:
        """One thing that is remembered of a parameter, a copy: a number of steps, or an array like the parameter."""
        what = f"{key} of parameter {number}"
        array = _as_array(value)
        if key == "step":
            steps = as_number(value if array is None else array)
            if not 0 <= steps < math.inf or steps % 1:
                raise StateError(f"{self._name()}: {what} must be a whole number that is not negative, got {value!r}")
            return int(steps)
        if array is None and key not in self.buffers:  # of an optimiser that says nothing about it
            return copy.deepcopy(value)
        if array is None:
            raise StateError(f"{self._name()}: {what} must be an array, got {value!r}")
        if array.shape != parameter.shape and (array.shape or key in self.buffers):
            raise StateError(
                f"{self._name()}: {what} has shape {array.shape} in the state, the parameter {parameter.shape}"
            )
        if key in self.buffers and array.dtype.kind != "f":
            raise StateError(f"{self._name()}: {what} has dtype {array.dtype} in the state, the parameter is of floats")
        return np.array(array, parameter.dtype if array.dtype.kind == "f" else array.dtype)

    def _need(self, given: Any, keys: tuple[str, ...], what: str) -> None:
        if not isinstance(given, Mapping):
            raise StateError(f"{self._name()}: {what} must be a dict, got {_kind(given)}")
        missing = [repr(key) for key in keys if key not in given]
        if missing:
            raise StateError(f"{self._name()}: {what} has no {', '.join(missing)}")

    def _check(self, group: Group) -> None:
        """Raise if a setting is no number or out of range; this one looks at those that all optimisers have."""
        for key in ("lr", "eps", "weight_decay", "momentum", "alpha"):
            if key in group and not 0 <= as_number(group[key]) < math.inf:
                raise tg.ShapeError(f"{self._name()}: {key} must be a number that is not negative, got {group[key]!r}")
        if "dampening" in group and not math.isfinite(as_number(group["dampening"])):
            raise tg.ShapeError(f"{self._name()}: dampening must be a number, got {group['dampening']!r}")
        betas = group.get("betas", (0, 0))
        betas = betas.tolist() if isinstance(betas, np.ndarray) else betas
        if not isinstance(betas, tuple | list) or len(betas) != 2:
            raise tg.ShapeError(f"{self._name()}: betas must be two numbers, got {betas!r}")
        for number, beta in enumerate(betas):
            if not 0 <= as_number(beta) < 1:
                raise tg.ShapeError(f"{self._name()}: betas[{number}] must be at least 0 and below 1, got {beta!r}")

    def _update(self, parameter: tg.Tensor, gradient: np.ndarray, group: Group, state: dict[str, Any]) -> None:
        """Change one parameter by `parameter.data -= ...`, which the engine takes note of; never change the gradient.

        Settings are made Python numbers first, which leave float32 as it is. For speed, work on `pieces` with
        `constants`, in place, and tell the engine by `changed`.
        """
        raise NotImplementedError(f"{self._name()}: has no _update method")


def changed(parameter: tg.Tensor) -> None:
    """Let the engine take note that the values were written to."""
    parameter.data = parameter.data


def buffer_in(state: dict[str, Any], key: str, parameter: tg.Tensor) -> np.ndarray:
    """What is remembered under a key, an array like the parameter; zeros when it is first asked for."""
    if key not in state:
        state[key] = np.zeros_like(parameter.data)
    buffer: np.ndarray = state[key]
    return buffer


def as_number(value: Any) -> float:
    """A number, or an array or tensor of one, as a float; nan for what is none."""
    value = value.data if isinstance(value, tg.Tensor) else value
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        return math.nan
    return float(value)


def _as_array(value: Any) -> np.ndarray | None:
    """An array, a tensor, or what can be seen as an array, such as PyTorch's tensors; None for anything else."""
    if isinstance(value, tg.Tensor):
        return value.data
    if isinstance(value, np.ndarray | np.generic):
        return np.asarray(value)
    try:
        return np.asarray(value) if hasattr(value, "__array__") else None
    except (TypeError, ValueError, RuntimeError):  # one that is elsewhere than in memory, or of another kind of number
        return None


def _copied(remembered: Mapping[str, Any]) -> dict[str, Any]:
    """Arrays copied, tensors made arrays, numbers as they are."""
    copied = {}
    for key, value in remembered.items():
        array = value.data if isinstance(value, tg.Tensor) else value
        copied[key] = array.copy() if isinstance(array, np.ndarray) else array
    return copied


def _kind(value: Any) -> str:
    return type(value).__name__
