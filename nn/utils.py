"""Helpers around parameters: keeping gradients within bounds before a step."""

from collections.abc import Iterable

import numpy as np

import tensorgrad as tg


def clip_grad_norm_(
    parameters: tg.Tensor | Iterable[tg.Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
) -> tg.Tensor:
    """Scale all gradients, in place, so that their norm taken together is at most `max_norm`; returns it from before.

    `norm_type` is the p of the p-norm, `math.inf` for the largest absolute value. Parameters without a gradient are
    passed over. With `error_if_nonfinite`, raises GradientError, before anything is changed, if the norm is infinite
    or nan.
    """
    gradients = _gradients(parameters)
    # float16 would overflow in the squares.
    norms = [np.linalg.norm(_work(g.data).ravel(), float(norm_type)) for g in gradients if g.numel()]
    total = np.linalg.norm(np.array(norms), float(norm_type)) if norms else np.float32(0)
    if error_if_nonfinite and not np.isfinite(total):
        raise tg.GradientError(
            f"clip_grad_norm_: the gradients' norm of order {norm_type} is {total}, so they cannot be scaled to "
            f"{max_norm}; with error_if_nonfinite=False they are all the same"
        )
    with np.errstate(invalid="ignore"), tg.no_grad():
        factor = min(float(max_norm) / (float(total) + 1e-6), 1.0) if total == total else float(total)
        for gradient in gradients:
            gradient.detach().mul_(factor)
    return tg.tensor(np.asarray(total))


def clip_grad_value_(parameters: tg.Tensor | Iterable[tg.Tensor], clip_value: float) -> None:
    """Bring every value of every gradient, in place, into [-clip_value, clip_value]."""
    bound = float(clip_value)
    with tg.no_grad():
        for gradient in _gradients(parameters):
            gradient.detach().copy_(np.clip(gradient.data, -bound, bound))


def _gradients(parameters: tg.Tensor | Iterable[tg.Tensor]) -> list[tg.Tensor]:
    given = [parameters] if isinstance(parameters, tg.Tensor) else list(parameters)
    return [parameter.grad for parameter in given if parameter.grad is not None]


def _work(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float32) if array.dtype == np.float16 else array
