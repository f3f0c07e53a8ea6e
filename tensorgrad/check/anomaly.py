"""Anomaly mode: stop at the first value that is not finite, and say where it comes from."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import Any

import numpy as np

from ..graph import walk
from ..modes import STATE, Mode, Observer, hidden_files, observing
from ..node import Array, Node, TensorBase
from ..primitive import Primitive
from . import saved
from .errors import AnomalyError
from .report import number


def detect_anomaly(check_nan: bool = True) -> Mode:
    """Inside, the first nan or infinity raises AnomalyError: in a result or, in a backward walk, in a gradient.

    The message names the operation, the result or the gradient, the line and the module that recorded it, and what the
    inputs held: shape, smallest and largest value, how many nan and infinities. A value that was not finite before any
    operation made it so is told as such. One thing is let through: minus infinity that comes in with an input, which is
    how scores are masked before a softmax.

    Saved arrays that are written to behind the engine's back, as in `x.data[...] = 0`, are noticed by checksums.
    With `check_nan=False` that is all that is looked for. Every call is slower inside: use it to look for a mistake.
    """
    return observing(_Anomaly(check_nan))


class _Anomaly(Observer):
    def __init__(self, check_nan: bool) -> None:
        self.check_nan = check_nan
        self.rule = ""  # under create_graph: whose backward rule was started last

    def called(self, primitive: Primitive, arrays: Sequence[Any], outputs: Sequence[Array], node: Node | None) -> None:
        if self.check_nan:
            names = [primitive.name_of("input", i) for i in range(len(arrays))]
            inputs = dict(zip(names, arrays, strict=True))
            for name, out in zip(primitive.outputs, outputs, strict=True):
                if not _finite(out):
                    self._not_finite(primitive.name, name, out, inputs)
        if node is not None:
            saved.watch(node)

    def visited(self, node: Node, cotangents: Sequence[Any]) -> None:
        written = saved.raw_write(node)
        if written is not None:
            raise AnomalyError(saved.raw_write_text(node, written))
        self.rule = f"{node.name}, recorded at {node.place()}" if STATE.get().recording else ""
        for name, g in zip(node.primitive.outputs, map(_array, cotangents), strict=True):
            if self.check_nan and g is not None and not _finite(g):
                # No VJP gave such a share, or `contributed` would have raised.
                raise AnomalyError(
                    f"{node.name}: the gradient that arrives at its {_output(name)} {_held(g)} (recorded at "
                    f"{node.place()}); no backward rule made it so: it came in with the gradient that the walk started "
                    f"from, from a hook, or by adding up large shares\n    the gradient of {name}: {_told(g)}"
                )

    def contributed(self, node: Node, number: int, cotangent: Any) -> None:
        g = _array(cotangent)
        if not self.check_nan or g is None or _finite(g):
            return
        name = node.primitive.name_of("input", number)
        lines = [
            f"{node.name}: the gradient that it gives to its input '{name}' {_held(g)} (recorded at {node.place()})",
            f"the gradient of {name}: {_told(g)}",
        ]
        for what, array in zip(node.saved_names(), node.saved or (), strict=False):
            if isinstance(array, (np.ndarray, int, float)):
                lines.append(f"{what}: {_told(np.asarray(array))}")
        raise AnomalyError("\n    ".join(lines))

    def finished(self, leaf: TensorBase, cotangent: Any) -> None:
        g = _array(cotangent)
        if self.check_nan and g is not None and not _finite(g):
            raise AnomalyError(
                f"leaf of shape {leaf._array.shape}: its complete gradient {_held(g)}; no backward rule made it so: it "
                f"came in with the gradient that the walk started from, from a hook, or by adding up large shares\n"
                f"    the gradient: {_told(g)}"
            )

    def _not_finite(self, op: str, name: str, out: Array, inputs: dict[str, Any]) -> None:
        bad = {key: a for key, value in inputs.items() if (a := _numbers(value)) is not None and not _finite(a)}
        masks = (
            not np.isnan(out).any() and not np.isposinf(out).any() and any(np.isneginf(a).any() for a in bad.values())
        )
        if masks:
            return
        lines = [f"{op}: its {_output(name)} {_held(out)} (called at {_place()})"]
        if self.rule and _walking():
            lines[0] += f", in the backward rule of {self.rule}"
        if bad:
            told = " and ".join(f"'{key}', which {_held(a)}" for key, a in bad.items())
            lines[0] += f"; no operation made it so: it came in with the input {told}"
        lines.append(f"{name}: {_told(out)}")
        lines += [f"{key}: {_told(a)}" for key, value in inputs.items() if (a := _numbers(value)) is not None]
        raise AnomalyError("\n    ".join(lines))


def _output(name: str) -> str:
    return "output" if name == "out" else f"output '{name}'"


def _array(g: Any) -> Any:
    return g._array if isinstance(g, TensorBase) else g


def _numbers(value: Any) -> Array | None:
    return np.asarray(value) if isinstance(value, (np.ndarray, int, float)) else None


def _finite(array: Array) -> bool:
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())


def _counts(array: Array) -> Iterator[str]:
    if array.dtype.kind == "f":
        for what, which in (("nan", np.isnan), ("inf", np.isposinf), ("-inf", np.isneginf)):
            count = int(which(array).sum())
            if count:
                yield f"{count} {what}"


def _held(array: Array) -> str:
    """Which values are not finite, and where the first one is."""
    first = [int(i) for i in np.unravel_index(int(np.argmin(np.isfinite(array))), array.shape)]
    return f"holds {', '.join(_counts(array))}" + (f" (first at {first})" if first else "")


def _told(array: Array) -> str:
    """Shape, dtype, range of the finite values, and how many are not finite."""
    finite = array[np.isfinite(array)]
    span = f"from {number(finite.min())} to {number(finite.max())}" if finite.size else "no finite values"
    return ", ".join([f"shape {array.shape}", str(array.dtype), span, *_counts(array)])


def _walking() -> bool:
    """Whether a backward walk is under way."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code is not walk.__code__:
        frame = frame.f_back
    return frame is not None


def _place() -> str:
    """The user's line that is being executed, and the module."""
    frame = sys._getframe(1)
    while hidden_files[frame.f_code.co_filename] and frame.f_back is not None:
        frame = frame.f_back
    scope = STATE.get().scope
    return f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}" + (f" in module {scope}" if scope else "")
