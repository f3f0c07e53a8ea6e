"""Resizing of images and its adjoint, a family closed under differentiation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DTypeError, ShapeError
from ..kernels import interpolate as kernel
from ..kernels.interpolate import Scales
from ..node import Array
from ..primitive import primitive
from . import adaptive_pool
from .check import are_tensors, same_dtype

if TYPE_CHECKING:
    from ..tensor import Tensor

Ints = tuple[int, ...]

# PyTorch's mode: the kernel's, and the spatial axes it takes.
MODES = {
    "nearest": ("nearest", (1, 2, 3)),
    "nearest-exact": ("nearest-exact", (1, 2, 3)),
    "linear": ("linear", (1,)),
    "bilinear": ("linear", (2,)),
    "trilinear": ("linear", (3,)),
    "bicubic": ("cubic", (2,)),
    "area": ("area", (1, 2, 3)),
}
AREA = {
    1: adaptive_pool.adaptive_avg_pool1d,
    2: adaptive_pool.adaptive_avg_pool2d,
    3: adaptive_pool.adaptive_avg_pool3d,
}


def interpolate(
    input: Any,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """Images (N, C, H, W), sequences (N, C, W) or volumes (N, C, D, H, W) resized to `size`, or by `scale_factor`.

    Either is a number, or one for each axis; by a factor, H' = floor(H * scale_factor). Modes: "nearest", the pixel at
    floor(i * H/H'); "nearest-exact", at floor((i + 1/2) * H/H'); "linear" for sequences, "bilinear" for images,
    "trilinear" for volumes: between the two nearest pixels along each axis; "bicubic" for images: a cubic through four
    (a = -0.75); "area", adaptive average pooling. Pixels are squares, so that (i + 1/2) * H/H' - 1/2 is where pixel i
    lies; with `align_corners` they are points, and the first and last stay where they are. A factor is taken as the
    step itself, 1/scale_factor for H/H', unless `recompute_scale_factor`, or the mode is linear and the axis keeps its
    size, or it is "nearest" for images and the axis keeps or doubles it. `antialias` is not supported.
    Raises ShapeError when the arguments do not fit each other or nothing is left of the image, DTypeError when a mode
    that computes means is given integers.
    """
    are_tensors("interpolate", input=input)
    given = tuple(input.shape)
    rank = len(given) - 2
    if mode not in MODES:
        raise ShapeError(f"interpolate: mode must be one of {', '.join(MODES)}, got {mode!r}")
    kind, ranks = MODES[mode]
    if rank not in ranks:
        listed = " or ".join(f"{r + 2}" for r in ranks)
        raise ShapeError(f"interpolate: mode {mode!r} takes inputs of {listed} axes, got {given}")
    if antialias:
        raise ShapeError("interpolate: antialias=True is not supported")
    if align_corners is not None and kind not in ("linear", "cubic"):
        raise ShapeError(f"interpolate: mode {mode!r} takes no align_corners, got {align_corners!r}")
    if (size is None) == (scale_factor is None):
        raise ShapeError(f"interpolate: give either size or scale_factor, got {size!r} and {scale_factor!r}")
    if size is not None and recompute_scale_factor:
        raise ShapeError("interpolate: recompute_scale_factor=True needs a scale_factor, not a size")
    if not kind.startswith("nearest") or input.dtype.kind == "b":
        same_dtype("interpolate", input=input)
    scales: Scales = None
    if scale_factor is not None:
        scales = tuple(float(s) for s in _each("scale_factor", scale_factor, rank, (int, float, np.number)))
        if not all(math.isfinite(s) for s in scales):
            raise ShapeError(f"interpolate: scale_factor must be finite, got {scale_factor!r}")
        out = tuple(int(n * s) for n, s in zip(given[2:], scales, strict=True))
    else:
        out = tuple(int(n) for n in _each("size", size, rank, (int, np.integer)))
    if any(n < 1 for n in (*given[2:], *out)):
        raise ShapeError(f"interpolate: images {given} cannot be made {out}: both sizes must be at least 1")
    if kind == "area":
        return AREA[rank](input, out)
    if recompute_scale_factor:
        scales = None
    if scales is not None:
        # As PyTorch, whose kernels copy such pixels whatever the factor.
        copied = {"linear": (1,), "nearest": (1, 2) if rank == 2 else ()}.get(kind, ())
        every = zip(given[2:], out, scales, strict=True)
        scales = tuple(None if m in [n * c for c in copied] else s for n, m, s in every)
    return _interpolate(input, size=out, mode=kind, align_corners=bool(align_corners), scales=scales)


@primitive
def _interpolate(x: Array, *, size: Ints, mode: str, align_corners: bool, scales: Scales) -> Array:
    return kernel.interpolate(x, size, mode, align_corners, scales)


@primitive
def interpolate_adjoint(gy: Array, *, shape: Ints, mode: str, align_corners: bool, scales: Scales) -> Array:
    """Give each pixel of an image of `shape` its share of all that were computed from it."""
    return kernel.interpolate_adjoint(gy, shape, mode, align_corners, scales)


_interpolate.defvjps(lambda g, x_shape, size, **p: interpolate_adjoint(g, shape=x_shape, **p))
interpolate_adjoint.defvjps(lambda g, gy_shape, shape, **p: _interpolate(g, size=gy_shape[2:], **p))


def _each(what: str, value: Any, rank: int, kinds: tuple[type, ...]) -> tuple[Any, ...]:
    """A number, or one for each axis."""
    listed = tuple(value) if isinstance(value, (tuple, list)) else (value,) * rank
    if any(isinstance(n, bool) or not isinstance(n, kinds) for n in listed):
        raise DTypeError(f"interpolate: {what} must be a number, or {rank}, got {value!r}")
    if len(listed) != rank:
        raise ShapeError(f"interpolate: {what} must be a number, or one for each of {rank} axes, got {value!r}")
    return listed
