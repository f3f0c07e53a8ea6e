"""What one scalar operation costs, forward and backward, against PyTorch: `python -m benchmarks.scalar_ops`.

A scalar operation does no arithmetic worth mentioning, so its time is what an engine adds to every call: making the
node, walking it, freeing it. Three graphs of 2,000 operations:

- chain: y = y * w, y = y + b, and so on, each result used once;
- fan: a sum of products of the same two numbers, so that 1,000 cotangents meet at each leaf;
- numbers: y = y * 1.0001 + 0.1, a chain with Python's numbers, which have no gradient.

The engines run in processes of their own, in turn (A B A B ...), so that neither warms the machine for the other; the
ratio is taken within each pair. Each process reports its median over `--repeats` runs. The collector stays on, and the
freeing of the graph is part of the time. Ratios below 1 mean that tensorgrad is faster.
"""

from __future__ import annotations

import argparse
import importlib
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

OPS = 2_000
ENGINES = ("tensorgrad", "torch")


def chain(x: Any, w: Any, b: Any) -> Any:
    y = x
    for _ in range(OPS // 2):
        y = y * w
        y = y + b
    return y


def fan(x: Any, w: Any, b: Any) -> Any:
    total = b
    for _ in range(OPS // 2):
        total = total + x * w
    return total


def numbers(x: Any, w: Any, b: Any) -> Any:
    y = x
    for _ in range(OPS // 2):
        y = y * 1.0001 + 0.1
    return y


GRAPHS: dict[str, Callable[[Any, Any, Any], Any]] = {"chain": chain, "fan": fan, "numbers": numbers}


def measure(engine: str, repeats: int) -> dict[str, Any]:
    """Microseconds per operation in this process: forward, backward with freeing, and both."""
    module = importlib.import_module(engine)
    result: dict[str, Any] = {"version": module.__version__}
    for name, build in GRAPHS.items():
        times = []
        for _ in range(repeats + 2):  # two to warm up
            x, w, b = (module.tensor(value, requires_grad=True) for value in (0.5, 0.999, 0.001))
            start = time.perf_counter()
            y = build(x, w, b)
            middle = time.perf_counter()
            y.backward()
            del y
            times.append((middle - start, time.perf_counter() - middle))
            if x.grad is None or (name != "numbers" and (w.grad is None or b.grad is None)):
                raise RuntimeError(f"{engine}: {name} left a leaf without a gradient")
        scale = 1e6 / OPS
        result[name] = {
            "forward": statistics.median(f for f, _ in times[2:]) * scale,
            "backward": statistics.median(b for _, b in times[2:]) * scale,
            "both": statistics.median(f + b for f, b in times[2:]) * scale,
        }
    return result


def cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=9, help="processes of each engine, in turn")
    parser.add_argument("--repeats", type=int, default=40, help="runs of each graph in a process")
    parser.add_argument("--json", action="store_true", help="print every pair's numbers as JSON too")
    parser.add_argument("--engine", choices=ENGINES, help=argparse.SUPPRESS)  # a process of its own: measure, print
    args = parser.parse_args()
    if args.engine:
        print(json.dumps(measure(args.engine, args.repeats)))
        return

    runs: dict[str, list[dict[str, Any]]] = {engine: [] for engine in ENGINES}
    for pair in range(args.pairs):
        # Who goes first alternates too, so that a drift of the machine's speed favours neither.
        for engine in ENGINES if pair % 2 == 0 else ENGINES[::-1]:
            command = [
                sys.executable,
                "-m",
                "benchmarks.scalar_ops",
                "--engine",
                engine,
                "--repeats",
                str(args.repeats),
            ]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                sys.exit(f"the process of {engine} failed:\n{done.stderr}")
            runs[engine].append(json.loads(done.stdout))

    versions = ", ".join(f"{engine} {runs[engine][0]['version']}" for engine in ENGINES)
    numpy = importlib.import_module("numpy")
    print(f"{versions}, NumPy {numpy.__version__}, Python {platform.python_version()}, {cpu()}")
    print(f"{args.pairs} pairs of processes, {OPS} scalar operations, microseconds per operation (median of processes)")
    print(f"{'':18}{'tensorgrad':>12}{'torch':>10}   ratio: median (min to max)")
    for name in GRAPHS:
        for phase in ("forward", "backward", "both"):
            ours, theirs = ([run[name][phase] for run in runs[engine]] for engine in ENGINES)
            ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
            print(
                f"{name:8} {phase:9}{statistics.median(ours):12.2f}{statistics.median(theirs):10.2f}   "
                f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
            )
    if args.json:
        print(json.dumps(runs, indent=1))


if __name__ == "__main__":
    main()
