"""Where a training step spends its time: `python -m benchmarks.profile vgg6`, on one thread.

For each kind of work its time, its share, and how near it comes to what this machine can do: GFLOP/s for products, from
their shapes; for all else GB/s of the arrays that go in and come out, each counted once. Less than the machine's
GB/s there means that memory was passed over more often than that, or that time went elsewhere. Timers themselves take
time, about half a microsecond for each call; how much in all is said below the table.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time

from .instrument import GEMM, GRAPH, THREADS, Clock, Cost, install
from .machine import THREAD_VARIABLES

MODELS = ("mlp", "lecture", "lenet5", "vgg6", "resnet20", "resnet18")


def measured(clock: Clock, model: str, steps: int) -> tuple[float, float]:
    """Milliseconds of a step with timers, the mean, and of as many steps with timers off, the median."""
    from . import tasks

    prepared = tasks.prepare("tensorgrad", {"kind": "step", "model": model})
    for _ in range(5):
        prepared.run()
    times: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(steps):
        for is_on in (True, False):
            clock.is_on = is_on
            start = time.perf_counter()
            prepared.run()
            times[is_on].append((time.perf_counter() - start) * 1e3)
    clock.is_on = False
    tasks.must_be_finite(prepared, {"model": model})
    clock.costs[GRAPH, "all else"] = Cost(
        steps, sum(times[True]) * 1e-3 - sum(cost.seconds for cost in clock.costs.values())
    )
    return statistics.mean(times[True]), statistics.median(times[False])


def by_kind(costs: dict[tuple[str, str], Cost]) -> dict[str, Cost]:
    """The sums over the functions of each kind, the longest first."""
    sums: dict[str, Cost] = {}
    for (kind, _), cost in costs.items():
        total = sums.setdefault(kind, Cost())
        for name in ("calls", "seconds", "flops", "bytes"):
            setattr(total, name, getattr(total, name) + getattr(cost, name))
    return dict(sorted(sums.items(), key=lambda item: -item[1].seconds))


def rates(kind: str, cost: Cost, peaks: dict[str, float]) -> str:
    """What a kind of work reaches of the machine's limit, in words."""
    if cost.seconds <= 0:
        return ""
    if kind == GEMM:
        reached = cost.flops / cost.seconds * 1e-9
        return f"{reached:8.1f} GFLOP/s {reached / peaks['gflops']:4.0%} of the peak"
    if kind in (GRAPH, THREADS) or cost.bytes < 1 << 20:  # no arrays worth mentioning
        return ""
    reached = cost.bytes / cost.seconds * 1e-9
    return f"{reached:8.1f} GB/s    {reached / peaks['memory_gbs']:4.0%} of a copy in memory"


def report(clock: Clock, steps: int, peaks: dict[str, float], top: int) -> list[str]:
    seconds = sum(cost.seconds for cost in clock.costs.values())
    lines = [f"{'kind':26}{'ms':>9}{'share':>7}{'calls':>8}  reached"]
    for kind, cost in by_kind(clock.costs).items():
        lines.append(
            f"{kind:26}{cost.seconds / steps * 1e3:9.2f}{cost.seconds / seconds:7.1%}{cost.calls / steps:8.0f}  "
            f"{rates(kind, cost, peaks)}".rstrip()
        )
    lines += ["", f"{'function, alone [kind]':74}{'ms':>9}{'share':>7}{'calls':>8}"]
    ordered = sorted(clock.costs.items(), key=lambda item: -item[1].seconds)
    for (kind, name), cost in ordered[:top]:
        if kind != GEMM:
            name = f"{name} [{kind}]"
        rate = f"  {cost.flops / cost.seconds * 1e-9:.1f} GFLOP/s" if cost.flops else ""
        lines.append(
            f"{name:74}{cost.seconds / steps * 1e3:9.2f}{cost.seconds / seconds:7.1%}{cost.calls / steps:8.0f}{rate}"
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--top", type=int, default=20, help="functions in the second table")
    parser.add_argument("--threads", type=int, choices=(1,), default=1, help="times of functions add up on one thread")
    args = parser.parse_args()
    # Before NumPy is imported, for BLAS reads them only then.
    for name in THREAD_VARIABLES:
        os.environ.pop(name, None)
    os.environ["OMP_NUM_THREADS"] = "1"
    if "numpy" in sys.modules:
        raise RuntimeError("NumPy was imported before its number of threads was set")
    clock = Clock()
    install(clock)

    from . import machine

    before = machine.peaks()
    with_timers, without = measured(clock, args.model, args.steps)
    peaks = {name: max(value, before[name]) for name, value in machine.peaks().items()}
    print(f"{args.model}: one training step, one thread, {machine.cpu()}")
    print(
        f"the machine with one thread: {peaks['gflops']:.0f} GFLOP/s (np.matmul of 1024x1024 float32), "
        f"{peaks['memory_gbs']:.1f} GB/s (np.copyto of 64 MB), {peaks['cache_gbs']:.1f} GB/s (of 256 kB); "
        "copies read and write, both counted"
    )
    print(f"a step takes {without:.2f} ms; with timers on {with_timers:.2f} ms on average, divided below\n")
    print("\n".join(report(clock, args.steps, peaks, args.top)))


if __name__ == "__main__":
    main()
