"""GraphView: a captured graph as plain data, and what can be made of it."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass, is_dataclass
from typing import Any

from . import render, svg
from .arguments import whole_or_none
from .compose import compose
from .diff import GraphDiff, diff
from .dot import to_dot
from .options import options_of
from .parts import EdgeView, ModuleView, NodeView, ResultView, TensorView
from .text import to_text
from .words import isolated, plain

NOTEBOOK_NODES = 100_000  # above this many boxes a notebook shows text: to collapse them takes seconds


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

    def to_dot(self, **options: Any) -> str:
        """The picture in Graphviz's language; needs no Graphviz. `options` are those of `tensorgrad.viz.Options`.

        A graph of any size is written as it is, unless the options collapse it. Equal graphs give equal text, in every
        process.
        """
        return to_dot(compose(self, options_of("to_dot", options), limit=None, caller="to_dot"))

    def to_svg(self, **options: Any) -> str:
        """The picture as SVG: cards with parameters docked to them, in a layout of our own that needs no Graphviz.

        `options` are those of `tensorgrad.viz.Options`. Of more than 1,500 cards modules, or runs of operations, become
        one card each, which the picture says. Equal graphs give equal text, in every process. No font, link or script
        is in it.
        """
        return svg.to_svg(compose(self, options_of("to_svg", options), caller="to_svg"))

    def to_text(self, limit: int | None = None) -> str:
        """A line for each box, in the order in which they ran; at most `limit` of them."""
        return isolated(to_text(self, whole_or_none("to_text", "limit", limit)))

    def to_json(self, indent: int | None = None) -> str:
        """All of the data. NaN and infinities, which JSON has not, are the strings "nan", "inf" and "-inf"."""
        indent = whole_or_none("to_json", "indent", indent)
        return json.dumps(_jsonable(self), indent=indent, sort_keys=True, ensure_ascii=False, allow_nan=False)

    def save(
        self, path: str | os.PathLike[str], engine: str | None = None, timeout: float = 60.0, **options: Any
    ) -> None:
        """Write the picture as its suffix says: .svg, .png, .pdf, .dot, .json or .txt; whole or not at all.

        SVG is that of `to_svg`. PNG and PDF, and SVG with `engine="dot"` or `"pygraphviz"`, are drawn by Graphviz from
        `to_dot`, by the program `dot` if it is on the PATH, else by the package pygraphviz, within `timeout` seconds.
        `options` are those of `tensorgrad.viz.Options`; JSON and text, which hold the whole graph, take none. Raises
        DrawingError for an unknown suffix or engine, and where Graphviz is missing or late; OSError, which names
        `path`, where the file cannot be written.
        """
        render.save(self, path, engine, timeout, options)

    def diff(self, other: GraphView, factor: float = 2.0) -> GraphDiff:
        """What another graph has that this one has not, or not so; see `tensorgrad.viz.diff`."""
        return diff(self, other, factor)

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
        try:
            if len(self.nodes) > NOTEBOOK_NODES:
                return None
            return self.to_svg()
        except Exception:  # whatever went wrong, a notebook still shows the text
            return None

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        bundle = {}
        included, excluded = _forms(include), _forms(exclude)
        for form, make in (("text/plain", self._repr_text), ("image/svg+xml", self._repr_svg_)):
            wanted = (not included or form in included) and form not in excluded
            content = make() if wanted else None
            if content:
                bundle[form] = content
        return bundle

    def _repr_text(self) -> str:
        try:
            return self.to_text(100)
        except Exception as error:  # a view that was put together by hand may hold anything
            return f"<a graph that cannot be shown: {plain(error)}>"


def _forms(asked: Any) -> list[str]:
    """The forms that a notebook asks for, or asks to leave out; what cannot be read as such says nothing."""
    try:
        return [asked] if isinstance(asked, str) else [form for form in asked or () if isinstance(form, str)]
    except Exception:  # a display must not raise, whatever it is given
        return []


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
