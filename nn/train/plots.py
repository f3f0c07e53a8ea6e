"""Pictures of a training run and of what a network learnt, drawn with matplotlib (extra `plots`).

Every function returns a Figure, and `save` writes one. Importing this module without matplotlib raises ImportError.
Colours of signed values: blue below zero, white at zero, red above, on a scale of its own for each picture or row.
"""

import io
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator

import tensorgrad as tg

from ..io import atomic_write
from ..module import Module
from .history import TIMES, History, columns, panels

SIGNED = "RdBu_r"
MOST_MAPS = 16  # of a layer, in one row
MOST_NAMES = 140  # of layers, below a picture of a deep network
MOST_LETTERS = 40  # of a layer's name there
MOST_PANELS = 30  # of curves
FIRST = ("loss", "accuracy", "lr")  # of curves, in this order; then others
LABELS = {"train": "training, as it learns", "test": "test, after the epoch", "": "of no part"}


def curves(history: History) -> Figure:
    """Numbers of a training by epoch: the loss, the accuracy, the learning rate, and whatever else was noted.

    A history is a list of dictionaries, one for each epoch, or a dictionary of lists. Drawn is every key that holds
    numbers, over "epoch", "step" or "iteration" if there is such a key; "train_loss", "val_loss", "test_loss" share a
    panel. A row may lack a key. Losses have a logarithmic scale; an accuracy from 0 to 1 is told in %.
    """
    numbers = columns("curves", history)
    over = next((name for name in TIMES if name in numbers), "row")
    count = len(next(iter(numbers.values()), ()))
    places = numbers.pop(over, None) or [float(row) for row in range(1, count + 1)]
    along = [place for place in places if place is not None and math.isfinite(place)] or [1.0]
    grid = panels(list(numbers))
    if not grid:
        raise tg.ShapeError("curves: no key of the history holds numbers" + f" besides {over!r}" * (over != "row"))
    if len(grid) > MOST_PANELS:
        raise tg.ShapeError(f"curves: {len(grid)} panels are more than {MOST_PANELS}: pass fewer keys")
    order = sorted(grid, key=lambda what: FIRST.index(what) if what in FIRST else len(FIRST))
    across = min(len(order), 3)
    down = -(-len(order) // across)
    figure = Figure(figsize=(4 * max(across, 2), 3.6 * down), layout="constrained")
    seen = dict.fromkeys(part for what in order for part in grid[what] if len(grid[what]) > 1)
    colours = {part: f"C{place}" for place, part in enumerate(seen)}
    lines: dict[str, Any] = {}
    every = list(figure.subplots(down, across, squeeze=False).flat)
    for axes in every[len(order) :]:
        axes.axis("off")
    for axes, what in zip(every, order, strict=False):
        parts = {part: numbers[name] for part, name in grid[what].items()}
        single = next(iter(grid[what].values())) if len(parts) == 1 else what
        lines |= _curves_of(axes, single, parts, places, colours, over)
        axes.set_xlabel(over)
        axes.set_xlim(min(along) - 0.5, max(along) + 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.grid(alpha=0.3)
    if lines:
        named = [LABELS.get(part, part) for part in lines]
        figure.legend(list(lines.values()), named, loc="outside lower left", ncols=len(named), frameon=False)
    return figure


def _curves_of(
    axes: Any,
    what: str,
    parts: dict[str, list[float | None]],
    places: list[float | None],
    colours: dict[str, str],
    over: str,
) -> dict[str, Any]:
    """Draw a panel; told are its lines, where there are several, by the part of the data."""
    known = [number for values in parts.values() for number in values if number is not None]
    finite = [number for number in known if math.isfinite(number)]
    percent = what == "accuracy" and all(0 <= number <= 1 for number in finite)
    lines = {}
    for part, values in parts.items():
        points = [(x, y) for x, y in zip(places, values, strict=True) if x is not None and y is not None]
        heights = [100 * y if percent else y for _, y in points]
        colour = colours[part] if len(parts) > 1 else "0.4"
        (lines[part],) = axes.plot([x for x, _ in points], heights, "o-", ms=3, color=colour)
    title = what if len(what) <= MOST_LETTERS else f"…{what[-MOST_LETTERS:]}"
    if what == "loss" and finite and min(finite) > 0:
        axes.set(yscale="log")
        axes.yaxis.set_minor_locator(LogLocator(subs=(2, 3, 5, 7)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter("{x:g}")
    elif percent:
        last = next((y for y in reversed(parts.get("test", [])) if y is not None), None)
        title = "accuracy in %" + (f", test at the end: {100 * last:.2f}" if last is not None else "")
    elif what == "lr":
        title = f"learning rate at the end of the {over}" if over == "epoch" else "learning rate"
    axes.set_title(title, parse_math=False)
    return lines if len(parts) > 1 else {}


def filters(weight: np.ndarray, title: str = "filters") -> Figure:
    """The filters (O, I, KH, KW) of a convolution, 8 in a row, by their number; with several input channels by both."""
    if weight.ndim != 4 or not weight.size:
        raise tg.ShapeError(f"filters: weight must be (O, I, KH, KW), got {weight.shape}")
    images = weight.reshape(-1, *weight.shape[2:])
    columns = min(len(images), 8)
    rows = -(-len(images) // columns)
    figure = Figure(figsize=(1.1 * columns + 1.1, 1.3 * rows + 0.4), layout="constrained")
    figure.suptitle(f"{title}: {_sizes(weight)}")
    grid = figure.subplots(rows, columns, squeeze=False)
    limit = _limit(images)
    for number, axes in enumerate(grid.flat):
        axes.axis("off")
        if number < len(images):
            drawn = axes.imshow(images[number], SIGNED, vmin=-limit, vmax=limit)
            output, channel = divmod(number, weight.shape[1])
            axes.set_title(f"{output},{channel}" if weight.shape[1] > 1 else str(output), fontsize=8)
    figure.colorbar(drawn, ax=grid, fraction=0.05, shrink=0.8)
    return figure


def feature_maps(stages: Mapping[str, np.ndarray], title: str = "feature maps") -> Figure:
    """What one image became after each layer, a row for each: maps (C, H, W) as pictures, vectors (F) as a strip.

    Of more than 16 maps the first 16 are shown. Short vectors carry their numbers.
    """
    if not stages:
        raise tg.ShapeError("feature_maps: there is no stage")
    heights = [1.0 if stage.ndim == 3 else 0.5 for stage in stages.values()]
    figure = Figure(figsize=(12, 0.72 * sum(heights) + 0.6), layout="constrained")
    figure.suptitle(title)
    grid = figure.subplots(len(stages), 1, squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
    for axes, (name, stage) in zip(grid, stages.items(), strict=True):
        if stage.ndim not in (1, 3):
            raise tg.ShapeError(f"feature_maps: {name!r} must be (C, H, W) or (F), got {stage.shape}")
        limit = _limit(stage)
        picture = _side_by_side(stage[:MOST_MAPS]) if stage.ndim == 3 else stage[None]
        colours = mpl.colormaps[SIGNED].with_extremes(bad="white")
        axes.imshow(picture, colours, vmin=-limit, vmax=limit, aspect="equal" if stage.ndim == 3 else "auto")
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        if stage.ndim == 3:  # maps of the same size in every row: leave the place of those that a row lacks
            axes.set_xlim(-0.5, MOST_MAPS * (stage.shape[2] + _gap(stage.shape[2])) - 0.5)
            axes.set_anchor("W")
        elif len(stage) <= 20:
            for place, value in enumerate(stage):
                colour = "white" if abs(value) > 0.6 * limit else "black"
                axes.text(place, 0, f"{place}: {value:.1f}", ha="center", va="center", fontsize=8, color=colour)
        more = f", first {MOST_MAPS}" if stage.ndim == 3 and len(stage) > MOST_MAPS else ""
        label = f"{name}\n{_sizes(stage)}{more}\n" if stage.ndim == 3 else f"{name}  {len(stage)}\n"
        label += f"{stage.min():.2g} to {stage.max():.2g}"
        axes.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=8, parse_math=False)
    return figure


def confusion(matrix: np.ndarray, title: str = "confusion") -> Figure:
    """How often each class (row) was taken for each (column), with the numbers; right answers in grey."""
    if matrix.ndim != 2 or not matrix.size or matrix.shape[0] != matrix.shape[1]:
        raise tg.ShapeError(f"confusion: matrix must be (C, C), got {matrix.shape}")
    figure = Figure(figsize=(6, 5.6), layout="constrained")
    axes = figure.subplots()
    mistakes = np.where(np.eye(len(matrix), dtype=bool), np.nan, matrix)
    largest = max(np.nanmax(mistakes, initial=0), 1)
    axes.imshow(mistakes, mpl.colormaps["Reds"].with_extremes(bad="0.85"), vmin=0, vmax=largest)
    for (row, column), count in np.ndenumerate(matrix):
        if count:
            colour = "white" if row != column and count > 0.6 * largest else "black"
            axes.text(column, row, str(count), ha="center", va="center", fontsize=9, color=colour)
    classes = range(len(matrix))
    axes.set(title=title, xlabel="taken for", ylabel="is", xticks=classes, yticks=classes)
    return figure


def gradient_flow(source: tg.viz.GraphView | Module, title: str = "gradient flow") -> Figure:
    """How large the gradients are along the depth of a network, from its input on the left to the loss on the right.

    Of a recorded graph, such as `net.draw(x, y)`, with the gradients of what came out of each layer; of a module, those
    of its parameters after a backward pass. Each is the root of the mean square. Zeros stand below the scale, where
    the layer is dead; NaN and infinities above it. Raises GradientError where there is no gradient at all.
    """
    layers = _layers_of_module(source) if isinstance(source, Module) else _layers_of_graph(source)
    layers = [layer for layer in layers if layer.output is not None or layer.parameters]
    if not layers:
        raise tg.GradientError("gradient_flow: there are no gradients: run a backward pass, or draw with a target")
    sizes = [layer.output for layer in layers if layer.output is not None]
    sizes += [size for layer in layers for _, size in layer.parameters]
    seen = [size for size in sizes if 0 < size < math.inf] or [1.0]
    low, high = min(seen) / 3, max(seen) * 3

    figure = Figure(figsize=(min(max(0.25 * len(layers) + 3, 7), 20), 5), layout="constrained")
    axes = figure.subplots()
    outputs = [(at, layer.output) for at, layer in enumerate(layers) if layer.output is not None]
    parameters = [(at, *entry) for at, layer in enumerate(layers) for entry in layer.parameters]
    weights = [(at, size) for at, is_weight, size in parameters if is_weight]
    others = [(at, size) for at, is_weight, size in parameters if not is_weight]
    for points, marker, line, colour, label in (
        (outputs, "o", "-", "tab:blue", "what came out of the layer"),
        (weights, "s", "", "tab:orange", "weights"),
        (others, "^", "", "tab:green", "biases, scales"),
    ):
        if not points:
            continue
        places = [at for at, _ in points]
        heights = [low if size == 0 else min(size, high) if size == size else high for _, size in points]
        axes.plot(places, heights, marker=marker, ms=5, ls=line, color=colour, label=label)
        for at, size in points:
            if not 0 < size < math.inf:
                text = "0" if size == 0 else str(size)
                axes.plot([at], [low if size == 0 else high], marker="x", ms=11, color="magenta", ls="")
                axes.annotate(text, (at, low if size == 0 else high), (7, 5), textcoords="offset points", fontsize=8)
    axes.set(title=title, yscale="log", ylim=(low / 2, high * 2))
    axes.set(ylabel="rms of the gradient", xlabel="layers, from the input to the loss")
    step = -(-len(layers) // MOST_NAMES)
    names = [layer.name if len(layer.name) <= MOST_LETTERS else f"…{layer.name[-MOST_LETTERS:]}" for layer in layers]
    axes.set_xticks(range(0, len(layers), step), names[::step], rotation=90, fontsize=8, parse_math=False)
    axes.set_xlim(-0.6, len(layers) - 0.4)
    axes.grid(alpha=0.3)
    figure.legend(loc="outside lower left", ncols=3, frameon=False)
    return figure


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure as its suffix says (.png, .svg, .pdf), whole or not at all. Raises ValueError for others."""
    content = io.BytesIO()
    figure.savefig(content, format=Path(path).suffix[1:] or "no suffix", dpi=120)
    atomic_write(path, content.getbuffer())


@dataclass(slots=True)
class _Layer:
    """A place along the depth of a network: the rms of the gradients there."""

    name: str
    output: float | None = None
    parameters: list[tuple[bool, float]] = field(default_factory=list)  # whether it is a weight, and the rms


def _layers_of_module(module: Module) -> list[_Layer]:
    layers: dict[str, _Layer] = {}
    for name, parameter in module.named_parameters():
        if parameter.grad is not None:
            path = name.rpartition(".")[0] or name
            grad = parameter.grad.data.astype(np.float64)
            layer = layers.setdefault(path, _Layer(path))
            layer.parameters.append((parameter.ndim > 1, float(np.sqrt(np.mean(grad * grad))) if grad.size else 0.0))
    return list(layers.values())


def _layers_of_graph(graph: tg.viz.GraphView) -> list[_Layer]:
    """Operations that follow each other in one module are one layer; a parameter counts where it is used first."""
    boxes = {node.id: node for node in graph.nodes}
    tensors = {tensor.id: tensor for tensor in graph.tensors if tensor.kind == "parameter"}
    used: dict[str, list[str]] = {}
    for edge in graph.edges:
        used.setdefault(edge.target, []).append(boxes[edge.source].tensor)
    layers: list[_Layer] = []
    module = None
    for node in graph.nodes:
        if node.kind != "op":
            continue
        if not layers or not node.module or node.module != module:
            layers.append(_Layer(node.module or node.name))
        module = node.module
        gradient = next((output.gradient for output in node.outputs if output.gradient), None)
        layers[-1].output = layers[-1].output if gradient is None else _rms(gradient.stats)
        for tensor in [tensors.pop(leaf) for leaf in used.get(node.id, ()) if leaf in tensors]:
            if tensor.grad is not None:
                layers[-1].parameters.append((len(tensor.shape) > 1, _rms(tensor.grad.stats)))
    return layers


def _rms(stats: tg.viz.Stats) -> float:
    return math.nan if stats.nans else math.inf if stats.infs else stats.rms or 0.0


def _side_by_side(maps: np.ndarray) -> np.ndarray:
    """(C, H, W) as one picture (H, C * (W + gap)), with nan between."""
    gap = np.full((*maps.shape[:2], _gap(maps.shape[2])), np.nan, maps.dtype)
    return np.concatenate([part for image in zip(maps, gap, strict=True) for part in image], axis=1)


def _gap(width: int) -> int:
    return max(width // 10, 1)


def _limit(values: np.ndarray) -> float:
    """The largest absolute value, at which the colours of both signs end; 1 where all are zero."""
    return float(np.abs(values).max(initial=0)) or 1.0


def _sizes(array: np.ndarray) -> str:
    return "x".join(map(str, array.shape))
