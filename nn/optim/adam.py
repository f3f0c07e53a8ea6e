"""Adam and AdamW."""

import math
from typing import Any

import numpy as np

import tensorgrad as tg

from .optimizer import Group, Optimizer, Params, buffer_in, changed
from .pieces import constants, pieces


class Adam(Optimizer):
    """Steps by the mean of recent gradients over the root of the mean of their squares: about `lr` for each value.

    m and v are moving averages of g and g² with the shares `betas`; p -= lr * m' / (sqrt(v') + eps), where m' and v'
    are m and v corrected for having started at 0. `weight_decay` adds weight_decay * p to the gradient.
    With `amsgrad`, v' is the largest so far; with `maximize`, steps go upwards.
    After Kingma and Ba, "Adam" (2015), https://arxiv.org/abs/1412.6980.
    """

    remembers = ("step", "exp_avg", "exp_avg_sq")
    buffers = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")
    decoupled = False  # whether weight decay shrinks the parameter itself, apart from the gradient

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        settings = {"betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad, "maximize": maximize}
        super().__init__(params, {"lr": lr, **settings})

    def _update(self, parameter: tg.Tensor, gradient: np.ndarray, group: Group, state: dict[str, Any]) -> None:
        lr, decay = float(group["lr"]), float(group["weight_decay"])
        beta1, beta2 = (float(beta) for beta in group["betas"])
        state["step"] = steps = state.get("step", 0) + 1
        weight = 1 - lr * decay if self.decoupled else decay
        corrections = lr / (1 - beta1**steps), math.sqrt(1 - beta2**steps)
        numbers = (float(group["eps"]), weight, beta1, 1 - beta1, beta2, 1 - beta2, *corrections)
        eps, shrink, keep1, add1, keep2, add2, rate, correction = constants(parameter.dtype, *numbers)
        buffers = [buffer_in(state, key, parameter) for key in self.buffers[: 3 if group["amsgrad"] else 2]]
        for p, g, mean, square, *largest in pieces(parameter.data, gradient, *buffers):
            if decay and self.decoupled:
                p *= shrink
            elif decay:
                g = g + p * shrink
            step = g - mean
            if beta1 > 0.5:
                step *= add1
                mean += step
            else:  # the same with less rounding
                step *= keep1
                np.subtract(g, step, out=mean)
            np.multiply(g, add2, out=step)
            step *= g
            square *= keep2
            square += step
            for top in largest:
                square = np.maximum(top, square, out=top)
            root = np.sqrt(square)
            root /= correction
            root += eps
            np.multiply(mean, rate, out=step)
            step /= root
            p -= step
        changed(parameter)


class AdamW(Adam):
    """Adam with weight decay apart from the gradient: p *= 1 - lr * weight_decay before each step.

    After Loshchilov and Hutter, "Decoupled weight decay regularization" (2019), https://arxiv.org/abs/1711.05101.
    """

    decoupled = True

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize)
