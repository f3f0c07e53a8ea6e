"""How a tensor is shown: its values, and what else tells it from others."""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import ShapeError
from .node import TensorBase

PROFILES: dict[str, dict[str, Any]] = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": None},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": None},
    "full": {"precision": 4, "threshold": 2**63 - 1, "edgeitems": 3, "linewidth": None},
}
_options: dict[str, Any] = {**PROFILES["default"], "sci_mode": None}  # a linewidth of None is NumPy's


def set_printoptions(
    precision: int | None = None,
    threshold: int | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """How tensors are shown from now on, in every thread: as with NumPy's options of these names.

    `profile` sets all of them first: "default", "short" (two digits) or "full" (nothing left out). `sci_mode` says
    whether numbers are written with an exponent; what is not given stays as it is.
    """
    if profile is not None:
        if profile not in PROFILES:
            raise ShapeError(f"set_printoptions: profile must be one of {', '.join(PROFILES)}, got {profile!r}")
        _options.update(PROFILES[profile], sci_mode=None)
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    _options.update({key: value for key, value in given.items() if value is not None})
    if sci_mode is not None:
        _options["sci_mode"] = bool(sci_mode)


def shown(tensor: TensorBase) -> str:
    """A tensor with its values, its dtype unless it is the usual one, and the operation that made it."""
    array = tensor._array
    values = np.array2string(
        array,
        separator=", ",
        prefix="tensor(",
        precision=_options["precision"],
        threshold=_options["threshold"],
        edgeitems=_options["edgeitems"],
        max_line_width=_options["linewidth"],
        formatter=_formatter() if array.dtype.kind == "f" else None,
    )
    parts = [values] if array.size else [values, f"size={array.shape}"]
    if array.dtype not in (np.float32, np.int64, np.bool_):
        parts.append(f"dtype={array.dtype}")
    if tensor.node is not None:
        parts.append(f"grad_fn={tensor.node.name}")
    elif tensor._requires_grad:
        parts.append("requires_grad=True")
    return f"tensor({', '.join(parts)})"


def _formatter() -> Any:
    if _options["sci_mode"] is None:
        return None
    form = f"{{:.{_options['precision']}{'e' if _options['sci_mode'] else 'f'}}}"
    return {"float_kind": form.format}
