"""The speed of tensorgrad beside PyTorch's, in one table: `python -m benchmarks`. docs/performance.md explains it."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from . import machine, run, table
from .layers import LAYERS
from .models import MODELS
from .stats import Row
from .worker import HELPERS

Part = tuple[str, Callable[[], list[Row]]]
OTHERS = ("scalar", "conv", "import", "graph")


def parts(settings: run.Settings, is_quick: bool) -> Iterator[Part]:
    """The table's rows, in groups that `--only` names."""
    for model in MODELS:
        if not (is_quick and model == "resnet18"):
            goal = 1.2 if model == "resnet18" else 1.0
            yield model, partial(run.model_rows, model, settings, goal)
    yield "scalar", lambda: run.scalar_rows(settings)
    if not is_quick:
        yield "conv", lambda: run.conv_rows(settings)
    yield "import", lambda: run.import_rows(settings)
    if not is_quick:
        yield "graph", lambda: run.graph_rows(settings)


def layer_parts(settings: run.Settings) -> Iterator[Part]:
    for layer in LAYERS:
        yield layer.title, partial(run.layer_rows, layer.title, settings)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two minutes: fewer and shorter turns, no slow rows")
    parser.add_argument("--layers", action="store_true", help="layer by layer instead")
    parser.add_argument(
        "--only",
        help=f"a list with commas of {', '.join([*MODELS, *OTHERS])}; with --layers "
        "parts of their names, between them semicolons",
    )
    parser.add_argument("--pairs", type=int, help="turns of each side (7; 3 with --quick)")
    parser.add_argument("--seconds", type=float, help="length of a turn (0.3; 0.1 with --quick or --layers)")
    parser.add_argument("--threads", help="one number, or several with commas (all cores)")
    parser.add_argument("--helpers", choices=("threads", "processes"), default="threads", help="tensorgrad's (threads)")
    parser.add_argument("--json", help="where the figures go (runs/bench.json; other names for parts of the table)")
    args = parser.parse_args()
    names = [name for name in (args.only or "").split(";" if args.layers else ",") if name]
    known = [*MODELS, *OTHERS]
    if not args.layers and any(name not in known for name in names):
        parser.error(f"--only: {', '.join(n for n in names if n not in known)}: not among {', '.join(known)}")
    args.names = names
    try:
        args.counts = [int(n) for n in args.threads.split(",")] if args.threads else [machine.cores()]
    except ValueError:
        parser.error(f"--threads: {args.threads}: not a number, or numbers with commas")
    if min(args.counts) < 1 or (args.pairs is not None and args.pairs < 1):
        parser.error("--threads and --pairs are at least 1")
    if args.json is None:
        name = "bench" + "-layers" * args.layers + "-quick" * args.quick + "-part" * bool(names)
        name += "-processes" * (args.helpers == "processes")
        args.json = f"runs/{name}.json"
    return args


def main() -> int:
    args = parsed()
    start = time.perf_counter()

    def say(text: str) -> None:
        print(f"{time.perf_counter() - start:5.0f} s  {text}", file=sys.stderr, flush=True)

    os.environ[HELPERS] = args.helpers
    settings = run.Settings(
        pairs=args.pairs or (3 if args.quick else 7),
        seconds=args.seconds or (0.1 if args.layers or args.quick else 0.3),
        least=2 if args.quick else 3,
        warmup=2 if args.quick else 5,
        memory_runs=1 if args.quick else 3,
        threads=args.counts[0],
        say=say,
    )
    libraries, settings.has_torch = run.information(settings)
    shown = {key: value for key, value in asdict(settings).items() if key in ("pairs", "seconds", "warmup")}
    result: dict[str, Any] = {
        "machine": machine.describe(),
        "libraries": libraries,
        "settings": shown | {"threads": args.counts, "helpers": args.helpers},
        "only": _what_is_left_out(args),
        "is_complete": False,
        "rows": [],
    }
    for threads in args.counts:
        one = replace(settings, threads=threads)
        for name, measure in layer_parts(one) if args.layers else parts(one, args.quick):
            if not args.names or (any(n in name for n in args.names) if args.layers else name in args.names):
                result["rows"] += [row.to_json() for row in measure()]
                table.save(args.json, result)  # what was measured is kept if a later row is interrupted
    result["is_complete"] = True
    result["machine"]["took"] = time.perf_counter() - start
    table.save(args.json, result)
    print(table.text(result))
    print(f"\nwritten to {args.json}", file=sys.stderr)
    return 1 if any(row["error"] for row in result["rows"]) else 0


def _what_is_left_out(args: argparse.Namespace) -> str:
    said = []
    if args.quick:
        said.append("quick: fewer and shorter turns, without ResNet-18, the other NumPy engines and the long graphs")
    if args.names:
        said.append(f"only {', '.join(args.names)}")
    return "; ".join(said)


if __name__ == "__main__":
    sys.exit(main())
