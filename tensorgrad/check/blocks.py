"""The comparison of an analytic with a numeric Jacobian, output by output and input by input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..node import Array, TensorBase
from .errors import GradcheckError
from .function import Function, Probes
from .kinks import KINK, RIGHT, WRONG, classify
from .report import SHOWN, Block, Entry, at, guess, number


class Options(NamedTuple):
    """The keywords of `gradcheck`."""

    eps: float = 1e-6
    atol: float = 1e-5
    rtol: float = 1e-3
    nondet_tol: float = 0.0
    max_elements: int = 500
    directions: int = 4
    allow_kinks: bool = False
    rng: np.random.Generator | None = None


class Comparison:
    """J, seen as <v, J u> for the rows' directions v and the columns' directions u, from walks and from differences."""

    def __init__(
        self, f: Function, outputs: list[TensorBase], rows: list[Probes], columns: list[Probes], options: Options
    ) -> None:
        self.f, self.outputs, self.rows, self.columns, self.options = f, outputs, rows, columns, options
        self.analytic = [[np.zeros((row.count, column.count)) for column in columns] for row in rows]
        # The largest single value of the gradient that a row belongs to.
        self.largest = [[np.zeros(row.count) for _ in columns] for row in rows]
        for j, row in enumerate(rows):
            for r in range(row.count):
                for i, g in enumerate(f.gradients([outputs[j]], [row.direction(r)])):
                    self.analytic[j][i][r] = columns[i].project(g)
                    self.largest[j][i][r] = np.abs(g).max(initial=0.0)
        # Differences lose this much; the factor leaves three digits for the arithmetic inside the function.
        sizes = [np.abs(array).max(initial=0.0) for array in (*f.here, *f.points)]
        self.floor = 1000 * np.finfo(np.float64).eps * max(1.0, *sizes) / options.eps

    def blocks(self) -> list[Block]:
        """What disagrees."""
        found = []
        for i, column in enumerate(self.columns):
            numeric = [np.zeros((row.count, column.count)) for row in self.rows]
            steepest = [np.zeros(column.count) for _ in self.rows]  # the largest single value of each column
            for c in range(column.count):
                slopes = self.f.slope(i, column.direction(c), self.options.eps)
                for j, slope in enumerate(slopes):
                    if not np.isfinite(slope).all():
                        self._edge(i, c, j, slope)
                    numeric[j][:, c] = self.rows[j].project(slope)
                    steepest[j][c] = np.abs(slope).max(initial=0.0)
            found += [self._block(i, j, numeric[j], steepest[j]) for j in range(len(self.rows))]
        return [block for block in found if block is not None]

    def _tolerances(self, i: int, j: int, numeric: Array, steepest: Array) -> tuple[Array, Array]:
        """How far the two may be apart; and the same for large steps, which are less exact."""
        analytic = self.analytic[j][i]
        if self.rows[j].every and self.columns[i].every:
            sizes = np.maximum(np.abs(analytic), np.abs(numeric))
        else:
            # One wrong value must show among many right ones: what one value may be off, all together may be.
            sizes = np.full(analytic.shape, np.inf)
            if not self.columns[i].every:
                sizes = np.minimum(sizes, self.largest[j][i][:, None])
            if not self.rows[j].every:
                sizes = np.minimum(sizes, steepest)
        sizes = np.where(np.isfinite(sizes), sizes, 0.0)
        return self._bounds(sizes)

    def _bounds(self, sizes: Array) -> tuple[Array, Array]:
        """How far gradients of these sizes may be from differences, over steps of eps and over large ones."""
        atol, rtol = self.options.atol, self.options.rtol
        small = min(atol, max(atol * sizes.max(initial=0.0), self.floor))
        return small + rtol * sizes, atol + rtol * sizes

    def _block(self, i: int, j: int, numeric: Array, steepest: Array) -> Block | None:
        analytic, row, column = self.analytic[j][i], self.rows[j], self.columns[i]
        tolerance, loose = self._tolerances(i, j, numeric, steepest)
        off = ~(np.abs(analytic - numeric) <= tolerance) | ~np.isfinite(analytic)
        if not off.any():
            return None
        kinds: Array = np.full(off.shape, RIGHT, "<U8")
        left, right = np.zeros(off.shape), np.zeros(off.shape)
        for c in np.flatnonzero(off.any(axis=0)):
            which = off[:, c]
            change = self._changes(i, j, column.direction(int(c)))
            kinds[which, c], left[which, c], right[which, c] = classify(
                lambda t, which=which, change=change: row.project(change(t))[which],  # type: ignore[misc]  # defaults
                analytic[which, c], self.options.eps, tolerance[which, c], loose[which, c], self.floor,
            )  # fmt: skip
        if self.options.allow_kinks:
            kinds[kinds == KINK] = RIGHT
        counts = {str(kind): int((kinds == kind).sum()) for kind in np.unique(kinds[kinds != RIGHT])}
        if not counts:
            return None
        directions = not (row.every and column.every)
        worst = WRONG if WRONG in counts else max(counts, key=lambda kind: counts[kind])
        apart = np.where(kinds == worst, np.abs(analytic - numeric), -1.0)
        apart[np.isnan(apart)] = np.inf
        places = [np.unravel_index(k, off.shape) for k in np.argsort(-apart, axis=None, kind="stable")[:SHOWN]]
        if directions:
            entry = self._followed(i, j, int(places[0][0]), int(places[0][1]))
            entries = [entry]
            if entry.kind not in (worst, RIGHT):
                counts = {entry.kind: sum(counts.values())}
        else:
            entries = [
                self._entry(i, j, int(r), int(c), analytic[r, c], numeric[r, c], worst, left[r, c], right[r, c])
                for r, c in places
                if kinds[r, c] == worst
            ]
        told = guess(analytic, numeric, kinds == WRONG, tolerance, None if directions else column.shape)
        names = self.f.output_names[j], self.f.names[i]
        return Block(*names, column.shape, off.size, directions, counts, entries, told)

    def _entry(self, i: int, j: int, r: int, c: int, *numbers: Any) -> Entry:
        """The entry of output value r and input value c."""
        point = self.f.points[i].reshape(-1)[c]
        return Entry(at(self.rows[j].shape, r), at(self.columns[i].shape, c), float(point), *numbers)

    def _followed(self, i: int, j: int, r: int, c: int) -> Entry:
        """From a direction in which something is wrong to one wrong value, by halving."""
        f, row, column, eps = self.f, self.rows[j], self.columns[i], self.options.eps
        if not column.every:
            v = row.direction(r)
            g = f.gradients([self.outputs[j]], [v])[i].reshape(-1)
            u = column.direction(c).reshape(-1)

            def missing_input(a: int, b: int, c: int = c) -> Any:
                return np.vdot(v, f.slope(i, column.part(c, a, b), eps)[j]) - g[a:b] @ u[a:b]

            c = _halved(column.size, missing_input)
        unit = _unit(column.shape, c)
        slope = f.slope(i, unit, eps)[j].reshape(-1)
        if not row.every:

            def missing_output(a: int, b: int) -> Any:
                weight = row.part(r, a, b)
                return weight.reshape(-1) @ slope - f.gradients([self.outputs[j]], [weight])[i].reshape(-1)[c]

            r = _halved(row.size, missing_output)
        a = f.gradients([self.outputs[j]], [_unit(row.shape, r)])[i].reshape(-1)[c : c + 1]
        n = slope[r : r + 1]
        change = self._changes(i, j, unit)
        tolerance, loose = self._bounds(np.maximum(np.abs(a), np.abs(n)))
        told = classify(lambda t: change(t).reshape(-1)[r : r + 1], a, eps, tolerance, loose, self.floor)
        return self._entry(i, j, r, c, a[0], n[0], str(told.kinds[0]), told.left[0], told.right[0])

    def _changes(self, i: int, j: int, direction: Array) -> Callable[[float], Array]:
        def change(t: float) -> Array:
            return self.f.change(i, t * direction)[j]

        return change

    def _edge(self, i: int, c: int, j: int, slope: Array) -> None:
        f, column = self.f, self.columns[i]
        out = f.output_names[j] + at(slope.shape, int(np.flatnonzero(~np.isfinite(slope))[0]))
        moved = "some of its values are"
        if column.every:
            moved = f"{f.names[i]}{at(column.shape, c)} = {number(f.points[i].reshape(-1)[c])} is"
        raise GradcheckError(
            f"{f.label}: {out} is not finite any more when {moved} moved by {self.options.eps:g}: "
            f"{f.names[i]} lies at the edge of where the function is defined; move it inside",
            "non-finite",
        )


def _unit(shape: tuple[int, ...], position: int) -> Array:
    flat = np.zeros(int(np.prod(shape)))
    flat[position] = 1.0
    return flat.reshape(shape)


def _halved(size: int, missing: Callable[[int, int], Any]) -> int:
    """The position that is most to blame: always the half in which more is missing."""
    start, stop = 0, size
    while stop - start > 1:
        middle = (start + stop) // 2
        first, second = abs(missing(start, middle)), abs(missing(middle, stop))
        if second > first or np.isnan(second):
            start = middle
        else:
            stop = middle
    return start
