"""A process that measures one library: `python -m benchmarks.worker tensorgrad`, driven by benchmarks.run.

It reads requests from its standard input, one JSON object a line, and answers each with one line. Between requests it
is blocked on reading: it takes no time from the process whose turn it is.

    {"do": "prepare", "key": "a", "task": {...}, "warmup": 5}     build it and run it that often
    {"do": "measure", "key": "a", "seconds": 0.3, "least": 3}     the median time of as many runs as take so long
    {"do": "finish", "key": "a"}                                  check that the numbers are finite, and forget it
    {"do": "begin"}                                               train a model of one number, for the second figure of
    {"do": "peak"}                                                bytes: the process's peak over that after the imports,
                                                                  and over that after "begin"
    {"do": "graph_bytes", "nodes": 1000}                          bytes of memory for each node of a graph
    {"do": "info"}                                                versions and numbers of threads
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import statistics
import sys
import time
import traceback
from pathlib import Path
from typing import Any, TextIO

from . import tasks

MOST_RUNS = 5_000
HELPERS = "TENSORGRAD_BENCH_HELPERS"  # names who helps tensorgrad's thread: see `tg.set_helpers`


def peak_bytes() -> int:
    """The most memory this process has had resident: what getrusage calls ru_maxrss.

    On Linux the same counter is read from /proc, because ru_maxrss also remembers the process that started this one.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    import resource  # not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def resident_bytes() -> int:
    """What is resident now; where the system does not say, the peak."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if statm.exists() else peak_bytes()


def helpers_bytes() -> int:
    """What the processes that this one has started hold in memory of their own; what they share is in its own peak."""
    found = 0
    for children in Path("/proc/self/task").glob("*/children"):
        for child in children.read_text().split():
            lines = Path(f"/proc/{child}/status").read_text().splitlines()
            found += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))
    return found


def times(run: tasks.Run, seconds: float, least: int = 3) -> list[float]:
    """The times of enough runs to fill so many seconds, after one that is not counted; at least so many.

    Where one is enough and fills the time, the first counts.
    """
    start = time.perf_counter()
    run()
    once = time.perf_counter() - start
    if least == 1 and once >= seconds:
        return [once]
    result = []
    for _ in range(max(least, min(MOST_RUNS, round(seconds / max(once, 1e-9))))):
        start = time.perf_counter()
        run()
        result.append(time.perf_counter() - start)
    return result


class Worker:
    def __init__(self, library: str, threads: int) -> None:
        self.library = library
        self.lib: Any = importlib.import_module(library)
        if library in ("tensorgrad", "torch"):
            assert self.lib.nn.functional  # tensorgrad.nn is imported when first asked for
        if hasattr(self.lib, "set_num_threads"):
            self.lib.set_num_threads(threads)
        if library == "tensorgrad":
            self.lib.set_helpers(os.environ.get(HELPERS, "threads"))
        self.prepared: dict[str, tuple[tasks.Prepared, tasks.Task]] = {}
        self.baseline = self.started = peak_bytes()

    def prepare(self, key: str, task: tasks.Task, warmup: int) -> dict[str, Any]:
        prepared = tasks.prepare(self.library, task)
        for _ in range(warmup):
            prepared.run()
        self.prepared[key] = prepared, task
        return {}

    def measure(self, key: str, seconds: float, least: int) -> dict[str, Any]:
        found = times(self.prepared[key][0].run, seconds, least)
        return {"seconds": statistics.median(found), "runs": len(found)}

    def finish(self, key: str) -> dict[str, Any]:
        tasks.must_be_finite(*self.prepared.pop(key))
        return {}

    def begin(self) -> dict[str, Any]:
        """Train the smallest model there is, which loads what a library only loads when it is first used."""
        net = self.lib.nn.Linear(1, 1)
        optim = importlib.import_module("torch.optim") if self.library == "torch" else self.lib.nn.optim
        optimiser = optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
        for _ in range(2):
            optimiser.zero_grad()
            self.lib.nn.functional.cross_entropy(net(self.lib.ones(1, 1)), self.lib.tensor([0])).backward()
            optimiser.step()
        self.started = peak_bytes()
        return {}

    def peak(self) -> dict[str, Any]:
        peak = peak_bytes() + helpers_bytes()
        return {"bytes": peak - self.baseline, "beyond_begin": peak - self.started, "baseline": self.baseline}

    def graph_bytes(self, nodes: int) -> dict[str, Any]:
        tasks.chain_of(self.lib, 1_000).backward()
        before = resident_bytes()
        # Memory comes in pages and arenas, so small graphs are counted by the many.
        held = [tasks.chain_of(self.lib, nodes) for _ in range(max(1, 200_000 // nodes))]
        return {"bytes": (resident_bytes() - before) / (len(held) * nodes)}

    def info(self) -> dict[str, Any]:
        result = {"version": self.lib.__version__}
        if self.library == "torch":
            result["threads"] = self.lib.get_num_threads()
            result["cpu"] = self.lib.backends.cpu.get_cpu_capability()
        else:
            import numpy as np
            from threadpoolctl import threadpool_info

            result["numpy"] = np.__version__
            blas = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
            result["blas"] = ", ".join(
                f"{pool['internal_api']} {pool['version']} ({pool.get('architecture')})" for pool in blas
            )
            result["blas_threads"] = max((pool["num_threads"] for pool in blas), default=0)
        return result


def serve(worker: Worker, requests: TextIO, answers: TextIO) -> None:
    for line in requests:
        request = json.loads(line)
        try:
            answer = getattr(worker, request.pop("do"))(**request)
        except Exception:  # told to the asker, whose table shows it in its row
            answer = {"error": traceback.format_exc()}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("library", choices=("tensorgrad", "torch", "mygrad", "autograd"))
    parser.add_argument("--threads", type=int, required=True)
    args = parser.parse_args()
    # What a library prints must not get between the answers.
    with os.fdopen(os.dup(sys.stdout.fileno()), "w") as answers, contextlib.redirect_stdout(sys.stderr):
        os.dup2(sys.stderr.fileno(), 1)
        try:
            worker = Worker(args.library, args.threads)
            answers.write("{}\n")
        except Exception as error:
            missing = isinstance(error, ImportError) and args.library != "tensorgrad"
            answers.write(json.dumps({"error": traceback.format_exc(), "missing": missing}) + "\n")
            return
        answers.flush()
        serve(worker, sys.stdin, answers)


if __name__ == "__main__":
    main()
