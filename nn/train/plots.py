"""Pictures of a training run and of what a network learnt, drawn with matplotlib (extra `plots`).

Every function returns a Figure, and `save` writes one. Importing this module without matplotlib raises ImportError.
Colours of signed values: blue below zero, white at zero, red above, on a scale of its own for each picture or row.
"""

import io
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator

import tensorgrad as tg

from ..io import atomic_write
from .flow import MOST_NAMES as MOST_NAMES
from .flow import gradient_flow as gradient_flow
from .history import TIMES, History, columns, panels

SIGNED = "RdBu_r"
MOST_FILTERS, MOST_CHANNELS = 64, 8  # of a convolution
LONGEST = 400  # inches of a picture's side: matplotlib draws no 65,536 dots
MOST_MAPS = 16  # of a layer, in one row
MOST_NUMBERED, LONGEST_SIDE = 40, 30.0  # classes with counts, and inches, of a confusion matrix
MOST_LETTERS = 40  # of a name
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


def filters(
    weight: np.ndarray, title: str = "filters", most_filters: int = MOST_FILTERS, most_channels: int = MOST_CHANNELS
) -> Figure:
    """The filters (O, I, KH, KW) of a convolution, by their numbers, on one scale of colours.

    Filters of one input channel stand 8 in a row; others have a row each, with a column for each channel. At most the
    first `most_filters` filters and `most_channels` channels are drawn; the title says of how many. What is not finite
    is magenta.
    """
    if weight.ndim != 4 or not weight.size:
        raise tg.ShapeError(f"filters: weight must be (O, I, KH, KW), got {weight.shape}")
    for name, most in (("most_filters", most_filters), ("most_channels", most_channels)):
        if isinstance(most, bool) or not isinstance(most, (int, np.integer)) or most < 1:
            raise tg.ShapeError(f"filters: {name} must be a whole number from 1, got {most!r}")
    shown = weight[:most_filters, :most_channels]
    said = [
        f"first {shown.shape[axis]} of {weight.shape[axis]} {what}"
        for axis, what in enumerate(("filters", "channels"))
        if shown.shape[axis] < weight.shape[axis]
    ]
    one = weight.shape[1] == 1
    columns = min(len(shown), 8) if one else shown.shape[1]
    images = shown.reshape(-1, *shown.shape[2:])
    rows = -(-len(images) // columns)
    names = [str(number) if one else f"{number // columns},{number % columns}" for number in range(len(images))]
    if count := np.count_nonzero(~np.isfinite(images)):
        said.append(f"{count} not finite, magenta")
    limit = _limit(images)
    height, width = images.shape[1] + _room(images.shape[1]), images.shape[2] + _room(images.shape[2])
    sheet = np.full((rows * height, columns * width), np.nan)
    broken = np.zeros(sheet.shape, bool)
    inches = min(1.1 / width, 1.3 / height, LONGEST / max(sheet.shape))  # of a weight
    figure = Figure(
        figsize=(max(inches * sheet.shape[1], 3) + 0.8, inches * sheet.shape[0] + 0.5), layout="constrained"
    )
    figure.suptitle(": ".join([title, ", ".join([_sizes(weight), *said])]), parse_math=False)
    axes = figure.subplots()
    for number, image in enumerate(images):
        row, column = divmod(number, columns)
        top = row * height + height - image.shape[0]
        place = slice(top, top + image.shape[0]), slice(column * width, column * width + image.shape[1])
        sheet[place], broken[place] = image, ~np.isfinite(image)
        middle = column * width + (image.shape[1] - 1) / 2
        axes.text(middle, top - 0.5, names[number], ha="center", va="bottom", fontsize=8)
    drawn = axes.imshow(sheet, mpl.colormaps[SIGNED].with_extremes(bad="white"), vmin=-limit, vmax=limit)
    _mark(axes, broken)
    axes.axis("off")
    figure.colorbar(drawn, ax=axes, fraction=0.05, shrink=min(0.8, 4 / figure.get_figheight()))
    return figure


def feature_maps(stages: Mapping[str, np.ndarray], title: str = "feature maps") -> Figure:
    """What one image became after each layer, a row for each: maps (C, H, W) as pictures, vectors (F) as a strip.

    Of more than 16 maps the first 16 are shown. Short vectors carry their numbers. What is not finite is magenta.
    """
    if not stages:
        raise tg.ShapeError("feature_maps: there is no stage")
    heights = [1.0 if stage.ndim == 3 else 0.5 for stage in stages.values()]
    figure = Figure(figsize=(12, 0.72 * sum(heights) + 0.6), layout="constrained")
    figure.suptitle(title, parse_math=False)
    grid = figure.subplots(len(stages), 1, squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
    for axes, (name, stage) in zip(grid, stages.items(), strict=True):
        if stage.ndim not in (1, 3):
            raise tg.ShapeError(f"feature_maps: {name!r} must be (C, H, W) or (F), got {stage.shape}")
        limit = _limit(stage)
        picture = _side_by_side(stage[:MOST_MAPS]) if stage.ndim == 3 else stage[None]
        broken = ~np.isfinite(stage)
        colours = mpl.colormaps[SIGNED].with_extremes(bad="white")
        axes.imshow(picture, colours, vmin=-limit, vmax=limit, aspect="equal" if stage.ndim == 3 else "auto")
        _mark(axes, _side_by_side(broken[:MOST_MAPS]) if stage.ndim == 3 else broken[None])
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        if stage.ndim == 3:  # maps of the same size in every row: leave the place of those that a row lacks
            axes.set_xlim(-0.5, MOST_MAPS * (stage.shape[2] + _gap(stage.shape[2])) - 0.5)
            axes.set_anchor("W")
        elif len(stage) <= 20:
            for place, value in enumerate(stage):
                colour = "white" if 0.6 * limit < abs(value) < math.inf else "black"
                axes.text(place, 0, f"{place}: {value:.1f}", ha="center", va="center", fontsize=8, color=colour)
        more = f", first {MOST_MAPS}" if stage.ndim == 3 and len(stage) > MOST_MAPS else ""
        label = f"{name}\n{_sizes(stage)}{more}\n" if stage.ndim == 3 else f"{name}  {len(stage)}\n"
        label += _range(stage)
        axes.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=8, parse_math=False)
    return figure


def confusion(matrix: np.ndarray, title: str = "confusion", names: Sequence[str] | None = None) -> Figure:
    """How often each class (row) was taken for each (column); right answers in grey.

    `names` are the classes', else they are numbered. Up to 40 classes carry the counts.
    """
    if matrix.ndim != 2 or not matrix.size or matrix.shape[0] != matrix.shape[1]:
        raise tg.ShapeError(f"confusion: matrix must be (C, C), got {matrix.shape}")
    count = len(matrix)
    if names is not None and len(names) != count:
        raise tg.ShapeError(f"confusion: there are {len(names)} names for {count} classes")
    side = min(max(6.0, 0.45 * count + 1), LONGEST_SIDE)
    figure = Figure(figsize=(side, side - 0.4), layout="constrained")
    axes = figure.subplots()
    mistakes = np.where(np.eye(count, dtype=bool), np.nan, matrix)
    largest = max(np.nanmax(mistakes, initial=0), 1)
    axes.imshow(mistakes, mpl.colormaps["Reds"].with_extremes(bad="0.85"), vmin=0, vmax=largest)
    for (row, column), value in np.ndenumerate(matrix) if count <= MOST_NUMBERED else ():
        if value:
            colour = "white" if row != column and value > 0.6 * largest else "black"
            said = f"{value:.2g}" if matrix.dtype.kind == "f" else str(value)
            axes.text(column, row, said, ha="center", va="center", fontsize=9 if count <= 20 else 7, color=colour)
    axes.set_title(title, parse_math=False)
    axes.set(xlabel="taken for", ylabel="is")
    if names is not None or count <= MOST_NUMBERED:
        classes = [str(name) for name in (range(count) if names is None else names)]
        turn = 90 if max(map(len, classes)) > 2 else 0
        axes.set_xticks(range(count), classes, rotation=turn, fontsize=9, parse_math=False)
        axes.set_yticks(range(count), classes, fontsize=9, parse_math=False)
    return figure


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure as its suffix says (.png, .svg, .pdf), whole or not at all. Raises ValueError for others."""
    content = io.BytesIO()
    figure.savefig(content, format=Path(path).suffix[1:] or "no suffix", dpi=120)
    atomic_write(path, content.getbuffer())


def _mark(axes: Any, broken: np.ndarray) -> None:
    """Colour the places of a picture that are not finite."""
    if broken.any():
        marked = np.ma.masked_equal(broken, False)
        axes.imshow(marked, ListedColormap(["magenta"], "not finite"), aspect=axes.get_aspect())


def _side_by_side(maps: np.ndarray) -> np.ndarray:
    """(C, H, W) as one picture (H, C * (W + gap)), with nan, or False, between."""
    nothing = False if maps.dtype == bool else np.nan
    gap = np.full((*maps.shape[:2], _gap(maps.shape[2])), nothing, maps.dtype)
    return np.concatenate([part for image in zip(maps, gap, strict=True) for part in image], axis=1)


def _gap(width: int) -> int:
    return max(width // 10, 1)


def _room(size: int) -> int:
    """The place between filters, for a number too."""
    return max(size // 3, 1)


def _limit(values: np.ndarray) -> float:
    """The largest absolute value that is finite, at which the colours of both signs end; 1 where all are zero."""
    return float(np.abs(values[np.isfinite(values)]).max(initial=0)) or 1.0


def _range(values: np.ndarray) -> str:
    """The smallest and largest of the finite values, and how many are not finite."""
    finite = values[np.isfinite(values)]
    counts = (np.count_nonzero(np.isnan(values)), "nan"), (np.count_nonzero(np.isinf(values)), "inf")
    said = [f"{finite.min():.2g} to {finite.max():.2g}"] if finite.size else []
    return ", ".join([*said, *(f"{count} {name}" for count, name in counts if count)])


def _sizes(array: np.ndarray) -> str:
    return "x".join(map(str, array.shape))
