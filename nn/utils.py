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
    gradients = _gradients("clip_grad_norm_", parameters)
    # float16 would overflow in the squares.
    norms = [np.linalg.norm(_work(g.data).ravel("K"), float(norm_type)) for g in gradients if g.numel()]
    total = np.linalg.norm(np.array(norms), float(norm_type)) if norms else np.float32(0)
    if error_if_nonfinite and not np.isfinite(total):
        raise tg.GradientError(
            f"clip_grad_norm_: the gradients' norm of order {norm_type} is {total}, so they cannot be scaled to "
            f"{max_norm}; with error_if_nonfinite=False they are all the same"
        )
    with np.errstate(invalid="ignore"):
        factor = min(float(max_norm) / (float(total) + 1e-6), 1.0) if total == total else float(total)
        for gradient in gradients if factor != 1 else ():
            np.multiply(gradient.data, factor, out=_to_write(gradient))
    return tg.tensor(np.asarray(total))


def clip_grad_value_(parameters: tg.Tensor | Iterable[tg.Tensor], clip_value: float) -> None:
    """Bring every value of every gradient, in place, into [-clip_value, clip_value]."""
    bound = float(clip_value)
    for gradient in _gradients("clip_grad_value_", parameters):
        np.clip(gradient.data, -bound, bound, out=_to_write(gradient))


def _gradients(name: str, parameters: tg.Tensor | Iterable[tg.Tensor]) -> list[tg.Tensor]:
    given = [parameters] if isinstance(parameters, tg.Tensor) else list(parameters)
    gradients = [parameter.grad for parameter in given if parameter.grad is not None]
    for gradient in gradients:
        if not gradient.data.flags.writeable:
            raise tg.GradientError(
                f"{name}: a gradient of shape {tuple(gradient.shape)} lies in memory that cannot be written to, of a "
                "broadcast view or a read-only array: clone() it first"
            )
    return gradients


def _to_write(gradient: tg.Tensor) -> np.ndarray:
    """The gradient's own array, and the engine told of the change."""
    gradient.data = gradient.data
    return gradient.data


def _work(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float32) if array.dtype == np.float16 else array
