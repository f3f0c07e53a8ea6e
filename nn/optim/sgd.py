"""Stochastic gradient descent."""

from typing import Any

import numpy as np

import tensorgrad as tg

from .optimizer import Group, Optimizer, Params


class SGD(Optimizer):
    """Steps against the gradient: p -= lr * v, where v = g without momentum, else v = momentum * v + (1-dampening) * g.

    At the first step v is g itself. With `nesterov`, the step is along g + momentum * v. `weight_decay` adds
    weight_decay * p to the gradient g. With `maximize`, steps go along the gradient, upwards.
    """

    buffers = ("momentum_buffer",)

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        settings = {"momentum": momentum, "dampening": dampening, "weight_decay": weight_decay}
        settings |= {"nesterov": nesterov, "maximize": maximize}
        super().__init__(params, {"lr": lr, **settings})

    def _check(self, group: Group) -> None:
        super()._check(group)
        if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
            raise tg.ShapeError(
                f"SGD: nesterov needs a momentum above 0 and no dampening, got momentum={group['momentum']} "
                f"and dampening={group['dampening']}"
            )

    def _update(self, parameter: tg.Tensor, gradient: np.ndarray, group: Group, state: dict[str, Any]) -> None:
        lr, momentum, dampening, decay = (float(group[k]) for k in ("lr", "momentum", "dampening", "weight_decay"))
        if decay:
            gradient = gradient + parameter.data * decay
        if momentum:
            buffer = state.get("momentum_buffer")
            if buffer is None:
                buffer = state["momentum_buffer"] = np.array(gradient)
            else:
                buffer *= momentum
                buffer += gradient if dampening == 0 else gradient * (1 - dampening)
            gradient = gradient + buffer * momentum if group["nesterov"] else buffer
        parameter.data -= gradient * lr
