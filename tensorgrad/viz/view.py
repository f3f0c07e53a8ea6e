"""GraphView: a captured graph as plain data, and what can be made of it."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass, is_dataclass
from typing import Any

from . import render
from .dot import to_dot
from .parts import EdgeView, ModuleView, NodeView, ResultView, TensorView
from .text import to_text

NOTEBOOK_NODES = 1500  # above this many boxes a notebook shows text: `dot` would take minutes
NOTEBOOK_SECONDS = 20


@dataclass(frozen=True, slots=True)
class GraphView:
    """A captured graph, made by `tensorgrad.viz.graph`: plain data, independent of the tensors it was taken from.

    Ids are n0, n1, ... for boxes and t0, t1, ... for leaf tensors, in an order that depends on the graph alone:
    operations as they ran, each after the leaves that it is the first to use. Edges are ordered by target and input.
    """

    title: str
    nodes: tuple[NodeView, ...]
    edges: tuple[EdgeView, ...]
    tensors: tuple[TensorView, ...]
    modules: tuple[ModuleView, ...]
    results: tuple[ResultView, ...]
    notes: tuple[str, ...] = ()  # what could not be shown, and why
    recorded: bool = False

    @property
    def has_gradients(self) -> bool:
        """Whether a backward pass left something to show: a leaf's `.grad`, or recorded steps."""
        return any(tensor.grad is not None for tensor in self.tensors) or any(node.steps for node in self.nodes)

    def to_dot(
        self, direction: str = "TB", clusters: bool = True, backward: bool | None = None, legend: bool = True
    ) -> str:
        """The picture in Graphviz's language, for a graph of any size; needs no Graphviz.

        `direction` is "TB" (top to bottom) or "LR"; `clusters` frames modules; `backward` draws the gradients' edges
        (by default if there are gradients). Equal graphs give equal text, in every process.
        """
        return to_dot(self, direction, clusters, backward, legend)

    def to_text(self, limit: int | None = None) -> str:
        """A line for each box, in the order in which they ran; at most `limit` of them."""
        return to_text(self, limit)

    def to_json(self, indent: int | None = None) -> str:
        """All of the data. NaN and infinities, which JSON has not, are the strings "nan", "inf" and "-inf"."""
        return json.dumps(_jsonable(self), indent=indent, sort_keys=True, ensure_ascii=False, allow_nan=False)

    def save(
        self, path: str | os.PathLike[str], engine: str | None = None, timeout: float = 60.0, **options: Any
    ) -> None:
        """Write the picture as its suffix says: .svg, .png, .pdf, .dot, .json or .txt; whole or not at all.

        SVG, PNG and PDF are drawn by Graphviz: by the program `dot` if it is on the PATH, else by the package
        pygraphviz; `engine="dot"` or `"pygraphviz"` chooses. `options` are those of `to_dot`. Raises DrawingError for
        an unknown suffix, without an engine, or after `timeout` seconds; OSError where the file cannot be written.
        """
        render.save(self, path, engine, timeout, options)

    def count(self) -> str:
        """How many operations and parameters there are, in words."""
        operations = sum(node.kind == "op" for node in self.nodes)
        parameters = sum(tensor.kind == "parameter" for tensor in self.tensors)
        said = f"{operations:,} operation{'s' * (operations != 1)}"
        return said + (f", {parameters:,} parameter{'s' * (parameters != 1)}" if parameters else "")

    def __repr__(self) -> str:
        return f"<GraphView of {self.title}: {self.count()}>"

    # Notebooks. A display that raises would hide the result: it falls back to text.

    def _repr_svg_(self) -> str | None:
        if len(self.nodes) > NOTEBOOK_NODES:
            return None
        try:
            return render.draw(self.to_dot(), "svg", None, NOTEBOOK_SECONDS).decode()
        except Exception:  # whatever went wrong, a notebook still shows the text
            return None

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        wanted = {"text/plain", "image/svg+xml"}
        wanted = (wanted & set(include) if include else wanted) - set(exclude or ())
        bundle = {"text/plain": self.to_text(100)} if "text/plain" in wanted else {}
        svg = self._repr_svg_() if "image/svg+xml" in wanted else None
        return {**bundle, "image/svg+xml": svg} if svg else bundle


def _jsonable(value: Any) -> Any:
    """Dataclasses as dictionaries, tuples as lists, and no float that JSON lacks."""
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, dict):
        return {key: _jsonable(part) for key, part in value.items()}
    if is_dataclass(value):
        return {name: _jsonable(getattr(value, name)) for name in value.__dataclass_fields__}
    return [_jsonable(part) for part in value]
