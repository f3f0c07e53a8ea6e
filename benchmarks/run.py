"""Pairs of measurements: each library in a process of its own, in turn, the other idle meanwhile."""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any

from .layers import BY_TITLE
from .machine import THREAD_VARIABLES, busy_seconds, cores, cpu_seconds, settle
from .models import MODELS
from .stats import Goal, Row, better, grown, pair_ratios
from .tasks import Task

MEMORY_STEPS = 5
FORMATS = ("contiguous", "channels_last")
INSTALL = {name: f"not installed: pip install {what}" for name, what in {
    "torch": "torch==2.13.0",
    "mygrad": "mygrad",
    "autograd": "autograd[scipy]",
}.items()}  # fmt: skip


class Failure(Exception):
    """A worker could not do what it was asked; the text says why, from its own traceback."""


class Missing(Failure):
    """The library is not installed."""


class Worker:
    """A process that measures one library. Use it in a `with`, which ends the process."""

    def __init__(self, library: str, threads: int) -> None:
        environment = {key: value for key, value in os.environ.items() if key not in THREAD_VARIABLES}
        environment["OMP_NUM_THREADS"] = str(threads)
        self.library = library
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  # closed in __exit__
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", library, "--threads", str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            env=environment,
        )

    def started(self) -> None:
        """Wait until the library is imported."""
        self._answer()

    def __enter__(self) -> Worker:
        try:
            self.started()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.close()
            self.process.wait(10)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.errors.close()

    def ask(self, do: str, **request: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps({"do": do, **request}) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it ended: reading its answer tells why
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            self.errors.seek(0)
            raise Failure(f"the process of {self.library} ended with {self.process.returncode}: {self.errors.read()}")
        answer: dict[str, Any] = json.loads(line)
        if answer.get("missing"):
            raise Missing(INSTALL[self.library])
        if "error" in answer:
            raise Failure(f"{self.library}: {answer['error']}")
        return answer

    @property
    def pid(self) -> int:
        return self.process.pid


@dataclass
class Settings:
    pairs: int = 7
    seconds: float = 0.3  # what one measurement takes, or `least` runs if they take longer
    least: int = 3  # runs in a measurement
    warmup: int = 5
    memory_runs: int = 3  # fresh processes for each memory figure, of which the median counts
    threads: int = 1
    has_torch: bool = True
    say: Callable[[str], None] = lambda text: None


@dataclass
class Side:
    """What one turn measures: a worker, and the task under each name it has."""

    worker: Worker
    tasks: dict[str, Task]


def alternate(sides: Sequence[Side], settings: Settings, row: Row, pairs: int | None = None) -> dict[str, list[float]]:
    """Seconds of each task, for each pair. Who begins alternates, so that a drift of the machine favours nobody."""
    found: dict[str, list[float]] = {name: [] for side in sides for name in side.tasks}
    for side in sides:
        for name, task in side.tasks.items():
            side.worker.ask("prepare", key=name, task=task, warmup=settings.warmup)
    pids = [side.worker.pid for side in sides]
    start, busy, used = _now(pids)
    for pair in range(pairs or settings.pairs):
        for side in sides if pair % 2 == 0 else sides[::-1]:
            others = [pid for pid in pids if pid != side.worker.pid]
            names = list(side.tasks)
            for name in names if pair % 2 == 0 else names[::-1]:
                settle(pids)
                before, own = sum(cpu_seconds(pid) or 0.0 for pid in others), cpu_seconds(side.worker.pid) or 0.0
                answer = side.worker.ask("measure", key=name, seconds=settings.seconds, least=settings.least)
                found[name].append(answer["seconds"])
                used_by_others = sum(cpu_seconds(pid) or 0.0 for pid in others) - before
                used_by_side = (cpu_seconds(side.worker.pid) or 0.0) - own
                row.idle_share = max(row.idle_share, used_by_others / max(used_by_side, 1e-9))
    end, busy_after, used_after = _now(pids)
    if busy is not None and busy_after is not None:
        capacity = (end - start) * (os.cpu_count() or cores())
        row.foreign_share = max(0.0, (busy_after - busy - (used_after - used)) / capacity)
    for side in sides:
        for name in side.tasks:
            side.worker.ask("finish", key=name)
    return found


def _now(pids: Sequence[int]) -> tuple[float, float | None, float]:
    return time.perf_counter(), busy_seconds(), sum(cpu_seconds(pid) or 0.0 for pid in pids)


def fill(row: Row, found: dict[str, list[float]], scale: float) -> None:
    """Put the measurements into the row: medians in its unit, and the ratios against the better format."""
    theirs = {name: values for name, values in found.items() if name != "ours"}
    row.ours = statistics.median(found["ours"]) * scale
    for name, values in theirs.items():
        setattr(row, "channels_last" if name == "channels_last" else "contiguous", statistics.median(values) * scale)
    if theirs:
        row.ratios = pair_ratios(found["ours"], theirs[better(theirs)])


def torch_tasks(task: Task, has_formats: bool) -> dict[str, Task]:
    if not has_formats:
        return {"contiguous": task}
    return {name: {**task, "memory_format": name} for name in FORMATS}


def guarded(row: Row, measure: Callable[[], None]) -> Row:
    """A row that could not be measured says why; the others are measured all the same."""
    try:
        measure()
    except Missing as error:
        row.note = str(error)
    except Failure as error:
        row.error = str(error)
    return row


@contextlib.contextmanager
def opened(libraries: Mapping[str, str], threads: int) -> Iterator[dict[str, Worker]]:
    """A worker for each library, under the same keys, all started at once; ended when the block is left."""
    workers = {name: Worker(library, threads) for name, library in libraries.items()}
    with contextlib.ExitStack() as stack:
        for worker in workers.values():
            stack.push(worker.__exit__)
        for worker in workers.values():
            worker.started()
        yield workers


def libraries_for(settings: Settings) -> dict[str, str]:
    return {"ours": "tensorgrad"} | ({"contiguous": "torch"} if settings.has_torch else {})


def compare(rows: Sequence[tuple[Row, Task]], settings: Settings, has_formats: bool) -> list[Row]:
    """Fill each row with its task's times in tensorgrad and PyTorch, measured by the same two processes."""
    try:
        with opened(libraries_for(settings), settings.threads) as workers:
            for row, task in rows:
                sides = [Side(workers["ours"], {"ours": task})]
                if settings.has_torch:
                    sides.append(Side(workers["contiguous"], torch_tasks(task, has_formats)))
                else:
                    row.note = INSTALL["torch"]

                def measure(row: Row = row, sides: list[Side] = sides) -> None:
                    fill(row, alternate(sides, settings, row), 1e3)

                settings.say(row.name)
                guarded(row, measure)
    except Failure as error:  # a process could not start
        for row, _ in rows:
            row.error = str(error)
    return [row for row, _ in rows]


def peak_memory(row: Row, model: str, settings: Settings) -> None:
    """The peak memory of five steps in fresh processes, over that after the imports, into `row.memory`.

    PyTorch loads much of itself only when it is first used, which counts. What is left without it is told beside.
    """
    beyond = {}
    task: Task = {"kind": "step", "model": model}
    wanted = [("ours", "tensorgrad", task)]
    if settings.has_torch:
        wanted += [(name, "torch", made) for name, made in torch_tasks(task, _is_image(model)).items()]
    for name, library, made in wanted:
        peaks = []
        for _ in range(settings.memory_runs):
            with Worker(library, settings.threads) as worker:
                worker.ask("begin")
                worker.ask("prepare", key="step", task=made, warmup=MEMORY_STEPS)
                peaks.append(worker.ask("peak"))
        row.memory[name] = statistics.median(peak["bytes"] for peak in peaks)
        beyond[name] = statistics.median(peak["beyond_begin"] for peak in peaks) / 1e6
    row.note = f"beyond what a first, tiny step loads: {beyond.pop('ours'):.1f} MB"
    if beyond:
        row.note += f", PyTorch {min(beyond.values()):.1f} MB"


def _is_image(model: str) -> bool:
    return len(MODELS[model].input) == 4


def model_rows(model: str, settings: Settings, train_goal: float, has_memory: bool = True) -> list[Row]:
    """Training step, inference and peak memory of a model."""
    title = MODELS[model].title
    train = Row(f"train {title}", "ms", settings.threads, goal=Goal(train_goal))
    infer = Row(f"infer {title}", "ms", settings.threads, goal=Goal(1.2))
    tasks = {"step": train, "inference": infer}
    compare([(row, {"kind": kind, "model": model}) for kind, row in tasks.items()], settings, _is_image(model))
    if not has_memory:
        return [train, infer]
    memory = Row(f"memory {title}", "MB", settings.threads, goal=Goal(1.0))
    settings.say(memory.name)
    guarded(memory, lambda: peak_memory(memory, model, settings))
    train.memory = memory.memory
    memory.ours, memory.contiguous, memory.channels_last = (
        memory.memory[name] / 1e6 if name in memory.memory else None for name in ("ours", *FORMATS)
    )
    if memory.memory_ratio is not None:
        memory.ratios = [memory.memory_ratio]
    return [train, infer, memory]


def scalar_rows(settings: Settings) -> list[Row]:
    names = ("chain", "fan")
    rows = [Row(f"scalar op, {name} of 2,000", "ms", settings.threads, goal=Goal(1.0)) for name in names]
    tasks: list[Task] = [{"kind": "scalars", "graph": name} for name in names]
    return compare(list(zip(rows, tasks, strict=True)), settings, has_formats=False)


def conv_rows(settings: Settings) -> list[Row]:
    """One convolution, forward and both gradients, against the other engines on NumPy."""
    rows = []
    for library, title in (("mygrad", "MyGrad"), ("autograd", "autograd")):
        row = Row(f"conv (32,16,30,30)->16 3x3, {title}", "ms", settings.threads, other=title)
        row.goal = Goal(0.2, text="<= 0.2 (5x)")

        def measure(row: Row = row, library: str = library, title: str = title) -> None:
            with opened({"ours": "tensorgrad", title: library}, settings.threads) as workers:
                sides = [Side(worker, {name: {"kind": "conv"}}) for name, worker in workers.items()]
                fill(row, alternate(sides, settings, row), 1e3)

        settings.say(row.name)
        rows.append(guarded(row, measure))
    return rows


def import_rows(settings: Settings) -> list[Row]:
    """The time an import takes in a fresh process that has NumPy already.

    With compiled bytecode, as pip leaves it: it is written to a folder of its own, also where the environment tells
    Python not to write any (PYTHONDONTWRITEBYTECODE), under which every import compiles all sources again.
    """
    rows = []
    for statement, goal in (("import tensorgrad", Goal(150, "ours", "<= 150 ms")), ("from tensorgrad import nn", None)):
        row = Row(f"{statement}, after NumPy", "ms", settings.threads, goal=goal)
        statements = {"ours": statement} | ({"contiguous": "import torch"} if settings.has_torch else {})

        def measure(row: Row = row, statements: dict[str, str] = statements) -> None:
            found: dict[str, list[float]] = {name: [] for name in statements}
            with tempfile.TemporaryDirectory() as bytecode:
                for pair in range(-1, settings.pairs):  # the first time compiles
                    for name in statements if pair % 2 == 0 else reversed(statements):
                        seconds = _import_seconds(statements[name], bytecode)
                        if pair >= 0:
                            found[name].append(seconds)
            fill(row, found, 1e3)

        settings.say(row.name)
        rows.append(guarded(row, measure))
    return rows


def _import_seconds(statement: str, bytecode: str) -> float:
    code = f"import time, numpy; start = time.perf_counter(); {statement}; print(time.perf_counter() - start)"
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": bytecode}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise Failure(f"{statement}: {done.stderr}")
    return float(done.stdout)


def graph_rows(settings: Settings, sizes: Sequence[int] = (10**3, 10**4, 10**5, 10**6)) -> list[Row]:
    """Time and memory for each node of chains of scalar operations: both should not depend on the length.

    The longest once more without Python's garbage collector, to tell its share from that of the engine.
    """
    rows: list[Row] = []
    for nodes, collector in [*((size, True) for size in sizes), (sizes[-1], False)]:
        without = "" if collector else ", no collector"
        row = Row(f"graph of {nodes:,} nodes, each{without}", "µs", settings.threads)

        def measure(row: Row = row, nodes: int = nodes, collector: bool = collector) -> None:
            pairs = settings.pairs if nodes < 10**5 else min(3, settings.pairs)
            libraries = libraries_for(settings)
            long = replace(settings, warmup=1, least=1)
            task: Task = {"kind": "graph", "nodes": nodes, "collector": collector}
            with opened(libraries, settings.threads) as workers:
                sides = [Side(worker, {name: task}) for name, worker in workers.items()]
                fill(row, alternate(sides, long, row, pairs), 1e6 / nodes)
            for name, library in libraries.items():
                with Worker(library, settings.threads) as worker:
                    row.memory[name] = worker.ask("graph_bytes", nodes=nodes)["bytes"]
            row.note = f"{row.memory['ours']:.0f} bytes a node"
            if "contiguous" in row.memory:
                row.note += f", PyTorch {row.memory['contiguous']:.0f}"
            first = rows[0] if rows else row
            if not first.error:
                row.growth = grown(first, row)
                row.goal = Goal(1.5, "growth", "linear") if collector else None

        settings.say(row.name)
        rows.append(guarded(row, measure))
    return rows


def layer_rows(title: str, settings: Settings) -> list[Row]:
    """A layer forward alone, and forward with backward."""
    rows: list[tuple[Row, Task]] = []
    for backward in (False, True):
        row = Row(f"{title} {'forward+backward' if backward else 'forward'}", "ms", settings.threads)
        rows.append((row, {"kind": "layer", "layer": title, "backward": backward}))
    return compare(rows, settings, has_formats=len(BY_TITLE[title].input) == 4)


def information(settings: Settings) -> tuple[dict[str, Any], bool]:
    """Versions of everything, and whether PyTorch is there."""
    with Worker("tensorgrad", settings.threads) as ours:
        found = {"tensorgrad": ours.ask("info")}
    try:
        with Worker("torch", settings.threads) as torch:
            found["torch"] = torch.ask("info")
    except Missing:
        return found, False
    return found, True
