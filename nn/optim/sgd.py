"""Stochastic gradient descent."""

from typing import Any

import numpy as np

import tensorgrad as tg

from .optimizer import Group, Optimizer, Params, changed
from .pieces import constants, pieces


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
        momentum, decay, nesterov = float(group["momentum"]), float(group["weight_decay"]), group["nesterov"]
        share = 1 - float(group["dampening"])
        lr, keep, add, shrink = constants(parameter.dtype, float(group["lr"]), momentum, share, decay)
        held: Any = state.get("momentum_buffer")
        first = held is None
        buffers = [np.empty_like(parameter.data) if first else held] if momentum else []
        for p, g, *buffer in pieces(parameter.data, gradient, *buffers):
            if decay:
                g = g + p * shrink
            for b in buffer:
                if first:
                    b[...] = g
                else:
                    b *= keep
                    b += g if share == 1 else g * add
                g = g + b * keep if nesterov else b
            p -= g * lr
        if momentum and first:  # only now that it is filled
            state["momentum_buffer"] = buffers[0]
        changed(parameter)
