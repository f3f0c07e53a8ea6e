"""RMSprop."""

from typing import Any

import numpy as np

import tensorgrad as tg

from .optimizer import Group, Optimizer, Params, buffer_in, changed
from .pieces import constants, pieces


class RMSprop(Optimizer):
    """Steps by the gradient over the root of the mean of its recent squares: p -= lr * g / (sqrt(v) + eps).

    v is a moving average of g² with the share `alpha` kept. `centered` takes the square of the mean gradient off v, so
    that it is a variance. With `momentum`, p -= lr * b, where b = momentum * b + g / (sqrt(v) + eps). `weight_decay`
    adds weight_decay * p to the gradient; with `maximize`, steps go upwards.
    After Hinton's lectures (2012), and, centred, Graves, https://arxiv.org/abs/1308.0850.
    """

    remembers = ("step", "square_avg")
    buffers = ("square_avg", "grad_avg", "momentum_buffer")

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        settings = {"alpha": alpha, "eps": eps, "weight_decay": weight_decay, "momentum": momentum}
        super().__init__(params, {"lr": lr, **settings, "centered": centered, "maximize": maximize})

    def _update(self, parameter: tg.Tensor, gradient: np.ndarray, group: Group, state: dict[str, Any]) -> None:
        alpha, decay, momentum = (float(group[key]) for key in ("alpha", "weight_decay", "momentum"))
        centered = group["centered"]
        state["step"] = state.get("step", 0) + 1
        numbers = (float(group["lr"]), float(group["eps"]), decay, alpha, 1 - alpha, momentum)
        lr, eps, shrink, keep, add, push = constants(parameter.dtype, *numbers)
        wanted = {"square_avg": True, "grad_avg": centered, "momentum_buffer": momentum}
        buffers = [buffer_in(state, key, parameter) for key, value in wanted.items() if value]
        for p, g, square, *others in pieces(parameter.data, gradient, *buffers):
            if decay:
                g = g + p * shrink
            step = g * add
            step *= g
            square *= keep
            square += step
            if centered:
                mean = others[0]
                np.subtract(g, mean, out=step)
                if alpha > 0.5:
                    step *= add
                    mean += step
                else:  # the same with less rounding
                    step *= keep
                    np.subtract(g, step, out=mean)
                np.multiply(mean, mean, out=step)
                np.subtract(square, step, out=step)
                root = np.sqrt(np.maximum(step, 0, out=step))  # rounding can take a variance of 0 below it
            else:
                root = np.sqrt(square)
            root += eps
            np.divide(g, root, out=step)
            if momentum:
                buffer = others[-1]
                buffer *= push
                buffer += step
                np.multiply(buffer, lr, out=step)
            else:
                step *= lr
            p -= step
        changed(parameter)
