"""How the demonstrations print numbers and draw pictures. Nothing here computes what is shown."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

try:
    from matplotlib.figure import Figure

    from nn.train import plots
except ImportError as error:
    plots, no_plots = None, f"pictures not drawn: matplotlib is missing ({error}): pip install matplotlib"

NUMBERED = 7  # a picture of so few rows and columns carries its numbers


def heading(title: str) -> None:
    print(f"\n{title}\n{'=' * len(title)}")


def beside(*parts: Any) -> None:
    """Print matrices and words in one row: the words stand at the middle line."""
    blocks = [[part] if isinstance(part, str) else lines(part) for part in parts]
    height = max(len(block) for block in blocks)
    for row in range(height):
        cells = []
        for block in blocks:
            inside = row - (height - len(block)) // 2
            width = max(len(line) for line in block)
            cells.append((block[inside] if 0 <= inside < len(block) else "").ljust(width))
        print(("    " + "   ".join(cells)).rstrip())


def lines(matrix: Any) -> list[str]:
    """A matrix, as rows of numbers, as lines of text; whole numbers without a point."""
    cells = [[f"{value:g}" for value in row] for row in np.atleast_2d(np.asarray(matrix, float))]
    width = max(len(cell) for row in cells for cell in row)
    return ["[" + " ".join(cell.rjust(width) for cell in row) + "]" for row in cells]


class Pictures:
    """The folder of the pictures. Without matplotlib none is drawn."""

    def __init__(self, out: Path) -> None:
        self.out = out

    def grid(self, name: str, rows: Sequence[Mapping[str, Any]], title: str) -> None:
        """Pictures, each under its title; blue below zero, red above, each on a scale of its own."""
        if plots is None:
            return
        columns = max(len(row) for row in rows)
        shapes = [[np.shape(picture) for picture in row.values()] for row in rows]
        # A kernel takes half of the place of an image, and a row no more height than its pictures.
        heights = [max(2.3 * (h / w) * (0.5 if h <= 3 else 1) for h, w in line) for line in shapes]
        figure = Figure(figsize=(2.3 * columns + 0.2, sum(heights) + 0.3 * len(rows) + 0.4), layout="constrained")
        figure.suptitle(title, fontsize=10)
        grid = figure.subplots(len(rows), columns, squeeze=False, height_ratios=heights)
        for line, row in zip(grid, rows, strict=True):
            for axes in line:
                axes.axis("off")
            for axes, (caption, picture) in zip(line, row.items(), strict=False):
                image = np.asarray(picture, float)
                limit = np.abs(image).max() or 1.0
                axes.imshow(image, plots.SIGNED, vmin=-limit, vmax=limit)
                axes.set_title(caption, fontsize=8)
                for (y, x), value in np.ndenumerate(image):
                    if max(image.shape) <= NUMBERED and value:
                        colour = "white" if abs(value) > 0.6 * limit else "black"
                        axes.text(x, y, f"{value:.3g}", ha="center", va="center", fontsize=6, color=colour)
        self._save(figure, name)

    def curves(self, name: str, panels: Mapping[str, Mapping[str, Any]], **labels: Any) -> None:
        """Curves, each a pair of x and y, in panels beside each other; `labels` are what `Axes.set` takes."""
        if plots is None:
            return
        figure = Figure(figsize=(4.6 * len(panels), 3.6), layout="constrained")
        for axes, (title, curves) in zip(
            figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
        ):
            for label, (x, y) in curves.items():
                axes.plot(x, y, "o-", ms=3, label=label)
            axes.set(title=title, **labels)
            if labels.get("xscale") == "log":
                axes.set_xticks(x, [f"{value:g}" for value in x], fontsize=8)
                axes.minorticks_off()
            axes.grid(alpha=0.3)
            if len(curves) > 1:
                axes.legend(frameon=False, fontsize=8)
        self._save(figure, name)

    def _save(self, figure: Any, name: str) -> None:
        self.out.mkdir(parents=True, exist_ok=True)
        plots.save(figure, self.out / name)
        print(f"\npicture: {self.out / name}")
