"""The table, as text, as JSON and as Markdown: `python -m benchmarks.table --markdown [FILE.json]`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tensorgrad.files import atomic_write

from .stats import Row

HEADINGS = (
    *("", "unit", "tensorgrad", "PyTorch", "channels_last", "ratio", "min", "max", "memory"),
    *("goal", "met", "pairs", "threads"),
)
BEGIN, END = "<!-- table: {} -->", "<!-- end of table -->"


def figure(value: float | None, digits: int = 3) -> str:
    """A number with so many significant digits, never in powers of ten."""
    if value is None:
        return "-"
    if value == 0:
        return "0"
    before = len(str(int(abs(value))))
    return f"{value:,.{max(0, digits - before) if abs(value) >= 1 else digits}f}"


def ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def cells(row: Row) -> list[str]:
    """A row's cells, in the order of HEADINGS."""
    contiguous = figure(row.contiguous)
    if row.other != "PyTorch" and row.contiguous is not None:
        contiguous = f"{row.other} {contiguous}"
    low, high = (min(row.ratios), max(row.ratios)) if row.ratios else (None, None)
    return [
        *(row.name, row.unit, figure(row.ours), contiguous, figure(row.channels_last)),
        *(ratio(row.ratio), ratio(low), ratio(high), ratio(row.memory_ratio)),
        *("-" if row.goal is None else str(row.goal), {True: "yes", False: "no", None: "-"}[row.is_met]),
        *(str(len(row.ratios)) if row.ratios else "-", str(row.threads)),
    ]


def remarks(rows: Sequence[Row]) -> list[str]:
    """What must be said about single rows: failures, and measurements that were disturbed."""
    lines = []
    for row in rows:
        if row.error:
            lines.append(f"{row.name}: FAILED: {row.error.strip().splitlines()[-1]}")
        if row.note:
            lines.append(f"{row.name}: {row.note}")
        if row.growth is not None and row.growth != 1:
            lines.append(f"{row.name}: {row.growth:.2f} times the smallest graph's time or memory for a node")
        if row.idle_share > 0.02:
            lines.append(f"{row.name}: the side that should have been idle used {row.idle_share:.0%} of a turn")
        if row.foreign_share is not None and row.foreign_share > 0.05:
            lines.append(f"{row.name}: other programs used {row.foreign_share:.0%} of the machine: measure again")
    return lines


def header(result: Mapping[str, Any]) -> list[str]:
    """What the figures depend on: machine, threads, versions, protocol."""
    machine, libraries, settings = result["machine"], result["libraries"], result["settings"]
    ours, torch = libraries["tensorgrad"], libraries.get("torch")
    theirs = "PyTorch is not installed (pip install torch==2.13.0)"
    if torch is not None:
        theirs = f"PyTorch {torch['version']} ({torch['cpu']})"
    helpers = ", tensorgrad's helpers are processes" if settings.get("helpers") == "processes" else ""
    lines = [
        f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}, Python {machine['python']}",
        f"tensorgrad {ours['version']}, NumPy {ours['numpy']}, BLAS {ours['blas']}; {theirs}",
        f"threads: {', '.join(map(str, settings['threads']))} for both{helpers}; "
        f"{settings['pairs']} pairs of turns of about {settings['seconds']:g} s; ratio = tensorgrad / the better of "
        "the others, median, min and max over pairs; memory = the same of peak memory",
        f"measured {machine['time']}, load {machine['load'] or 0:.1f} at the start",
    ]
    if result.get("only"):
        lines.append(f"A part only: {result['only']}")
    return lines


def text(result: Mapping[str, Any]) -> str:
    rows = [Row.from_json(row) for row in result["rows"]]
    grid = [list(HEADINGS)] + [cells(row) for row in rows]
    widths = [max(len(line[i]) for line in grid) for i in range(len(HEADINGS))]
    table = [
        "  ".join(
            c.ljust(w) if i < 2 else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in grid
    ]
    table.insert(1, "-" * max(map(len, table)))
    return "\n".join([*header(result), "", *table, *([""] + remarks(rows) if remarks(rows) else [])])


def markdown(result: Mapping[str, Any]) -> str:
    rows = [Row.from_json(row) for row in result["rows"]]
    lines = ["| " + " | ".join(HEADINGS) + " |", "| --- | --- |" + " ---: |" * (len(HEADINGS) - 2)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in cells(row)) + " |" for row in rows]
    return "\n\n".join(["  \n".join(header(result)), "\n".join(lines), *([_listed(rows)] if remarks(rows) else [])])


def _listed(rows: Sequence[Row]) -> str:
    return "\n".join(f"- {line}" for line in remarks(rows))


def save(path: str | Path, result: Mapping[str, Any]) -> None:
    """Write the result whole or not at all; the folder is made."""
    path = Path(path)
    content = json.dumps(result, indent=1, ensure_ascii=False).encode() + b"\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, content)


def put(page: str, name: str, table: str) -> str:
    """The page with the table in its place: between `<!-- table: NAME -->` and `<!-- end of table -->`."""
    begin = BEGIN.format(name)
    if page.count(begin) != 1:
        raise ValueError(f"the page has {page.count(begin)} places {begin!r}, expected one")
    before, after = page.split(begin)
    if END not in after:
        raise ValueError(f"after {begin!r} the page has no {END!r}")
    return f"{before}{begin}\n{table}\n{END}{after.split(END, 1)[1]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", default="runs/bench.json", help="what `python -m benchmarks` has written")
    parser.add_argument("--markdown", action="store_true", help="for a page of documentation")
    parser.add_argument("--into", metavar="PAGE", help="put the Markdown into this page instead of printing it")
    parser.add_argument("--place", default="bench", help="which place of the page: bench, avx512, processes")
    args = parser.parse_args()
    result = json.loads(Path(args.file).read_text(encoding="utf-8"))
    if args.into:
        page = Path(args.into).read_text(encoding="utf-8")
        atomic_write(args.into, put(page, args.place, markdown(result)).encode())
    else:
        print(markdown(result) if args.markdown else text(result))


if __name__ == "__main__":
    main()
