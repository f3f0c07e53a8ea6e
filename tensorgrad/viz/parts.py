"""What a picture is drawn from: plain data without an array, a tensor or a node of the graph in it.

A `GraphView` (view.py) is made of these. Everything is a number, a string, a tuple or another of these, so that a view
can be written as JSON, compared, and kept when the graph is long gone.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

import numpy as np

from ..node import Array

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Stats:
    """The size of an array's values. The numbers are of the finite values, None if there are none."""

    shape: Shape
    dtype: str
    min: float | None
    max: float | None
    mean: float | None
    std: float | None
    rms: float | None  # the root of the mean square
    zeros: float  # which share of all values is exactly zero, 0 to 1
    nans: int
    infs: int


@dataclass(frozen=True, slots=True)
class Picture:
    """A small copy of an array: cut along its first axes and reduced along its last two where it was too large."""

    shape: Shape
    dtype: str  # NumPy's, with the order of the bytes, such as "<f4"
    data: str  # the bytes in reading order, base64
    reduced: str  # what was left out, in words; empty for an exact copy

    def array(self) -> Array:
        """The values as an array."""
        return np.frombuffer(base64.b64decode(self.data), self.dtype).reshape(self.shape)


@dataclass(frozen=True, slots=True)
class Preview:
    """What is shown of an array: always its sizes, and a small copy where there was room for one."""

    stats: Stats
    picture: Picture | None

    @property
    def exact(self) -> Array | None:
        """All the values, if the copy holds them."""
        return self.picture.array() if self.picture is not None and not self.picture.reduced else None


@dataclass(frozen=True, slots=True)
class OutputView:
    """One output of an operation, or the value of a leaf."""

    name: str  # the primitive's name for it, such as "values"; "out" where there is but one
    shape: Shape
    dtype: str
    label: str = ""  # the name the user gave it through `inputs`
    value: Preview | None = None
    gradients: tuple[Preview | None, ...] = ()  # the complete cotangent at each of the node's steps
    grad: Preview | None = (
        None  # of `.grad`: what backward passes have added up, for leaves and where retain_grad() was
    )

    @property
    def gradient(self) -> Preview | None:
        """The latest of `gradients` that arrived."""
        return next((preview for preview in reversed(self.gradients) if preview is not None), None)


@dataclass(frozen=True, slots=True)
class SavedView:
    """An array that an operation keeps for the backward walk."""

    name: str
    shape: Shape | None  # None for what is no array, and where it was freed and not recorded
    dtype: str | None
    bytes: int | None  # None where it is not known


@dataclass(frozen=True, slots=True)
class NodeView:
    """A box of the picture: an operation, or one place where a parameter, an input or a constant enters."""

    id: str
    kind: str  # "op", "parameter", "input" or "constant"
    category: str  # what the operation is about, see kinds.py; for the others the same as `kind`
    name: str  # the operation's name, or the dotted name of the parameter, ...
    module: str  # the dotted path of the module that was running
    outputs: tuple[OutputView, ...]
    hyper: str = ""  # the hyper-parameters to be read, such as "5x5, stride 1, pad 2"
    params: dict[str, str] = field(default_factory=dict)  # all of them, each in words
    saved: tuple[SavedView, ...] = ()
    freed: bool = False  # whether a backward pass dropped what was saved
    recomputed: bool = False  # whether a checkpoint dropped it, to compute it again on the way back
    line: str = ""  # file name and line of the call
    steps: tuple[int, ...] = ()  # when the recorded backward walks came by, counted over the whole view
    tensor: str = ""  # for leaves: the id of the TensorView
    use: int = 0  # for leaves: this box is use 2 ...
    uses: int = 0  # ... of 3
    calls: tuple[int, ...] = ()  # for the module and each around it, from the outside in, which call of all it was
    order: int = 0  # 1 where it computes a gradient of what ran in the module, 2 where a gradient of that, ...


@dataclass(frozen=True, slots=True)
class EdgeView:
    """A value on its way from the box that holds it to an operation's input."""

    source: str
    output: int  # which output of the source
    target: str
    input: int  # the position among the target's inputs
    name: str  # the target's name for that input
    differentiable: bool  # whether a gradient goes back along it
    gradients: tuple[Preview | None, ...] = ()  # the share it carried back at each of the target's steps

    @property
    def gradient(self) -> Preview | None:
        """The latest of `gradients` that arrived."""
        return next((preview for preview in reversed(self.gradients) if preview is not None), None)


@dataclass(frozen=True, slots=True)
class TensorView:
    """A tensor that no recorded operation made. Several boxes may stand for it, one for each use."""

    id: str
    kind: str  # "parameter", "input" or "constant"
    name: str
    shape: Shape
    dtype: str
    requires_grad: bool
    uses: int
    value: Preview | None = None
    grad: Preview | None = None
    hooked: Preview | None = None  # its gradient in the latest recorded walk, if a hook of its own was called with it


@dataclass(frozen=True, slots=True)
class ModuleView:
    """A module that ran, by its dotted path."""

    path: str
    type: str  # its class, where the model was given


@dataclass(frozen=True, slots=True)
class ResultView:
    """What the picture was asked for: an output of a node, with a name."""

    name: str
    node: str
    output: int
    text: str  # its value if it is one number, else empty
