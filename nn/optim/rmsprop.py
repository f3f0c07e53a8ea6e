"""RMSprop."""

from typing import Any

import numpy as np

import tensorgrad as tg

from .optimizer import Group, Optimizer, Params, buffer_in


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
        lr, alpha, eps = (float(group[key]) for key in ("lr", "alpha", "eps"))
        decay, momentum = (float(group[key]) for key in ("weight_decay", "momentum"))
        state["step"] = state.get("step", 0) + 1
        if decay:
            gradient = gradient + parameter.data * decay
        square = buffer_in(state, "square_avg", parameter)
        square *= alpha
        square += gradient * (1 - alpha) * gradient
        if group["centered"]:
            mean = buffer_in(state, "grad_avg", parameter)
            if alpha > 0.5:
                mean += (gradient - mean) * (1 - alpha)
            else:  # the same with less rounding
                mean[...] = gradient - (gradient - mean) * alpha
            square = np.maximum(square - mean * mean, 0)  # rounding can take a variance of 0 below it
        step = gradient / (np.sqrt(square) + eps)
        if momentum:
            buffer = buffer_in(state, "momentum_buffer", parameter)
            buffer *= momentum
            buffer += step
            step = buffer
        parameter.data -= step * lr
