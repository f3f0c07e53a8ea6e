"""The machine that measures: what it is, what it can do, and whether it is otherwise idle."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path
from typing import Any

from .scalar_ops import cpu as cpu  # the processor's name

# Their values would hold a BLAS or a pool to other numbers of threads than the one asked for.
THREAD_VARIABLES = (
    *("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"),
    *("VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT"),
)


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cpu_seconds(pid: int) -> float | None:
    """The processor time of all threads of a process and of its children so far; None where the system tells none."""
    total = 0.0
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0]) * 1e-9
            children = task / "children"
            for child in children.read_text().split() if children.exists() else ():
                total += cpu_seconds(int(child)) or 0.0
    except (OSError, ValueError, IndexError):
        return None
    return total


def busy_seconds() -> float | None:
    """The time that all processors together have been at work, or were taken by another machine on the same host."""
    try:
        fields = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    except (OSError, ValueError, IndexError):
        return None
    user, nice, system, _, _, irq, softirq, steal = fields[:8]
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def settle(pids: list[int], limit: float = 2.0) -> None:
    """Wait until none of the processes uses the processor: threads of a pool wait actively for a while after work."""
    deadline = time.perf_counter() + limit
    time.sleep(0.05)
    if any(cpu_seconds(pid) is None for pid in pids):
        time.sleep(0.2)
        return
    while time.perf_counter() < deadline:
        before = [cpu_seconds(pid) or 0.0 for pid in pids]
        time.sleep(0.02)
        if all((cpu_seconds(pid) or 0.0) - b < 2e-4 for pid, b in zip(pids, before, strict=True)):
            return


def describe() -> dict[str, Any]:
    return {
        "cpu": cpu(),
        "cores": cores(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "time": time.strftime("%Y-%m-%d %H:%M:%S%z"),
    }


def peaks() -> dict[str, float]:
    """What NumPy reaches here with as many threads as it was given: GFLOP/s of a product, GB/s of copies, best times.

    A copy reads and writes every byte, which counts as two.
    """
    import numpy as np

    def best(run: Any, count: int) -> float:
        found = []
        for _ in range(count):
            start = time.perf_counter()
            run()
            found.append(time.perf_counter() - start)
        return min(found)

    a, b, out = (np.ones((1024, 1024), np.float32) for _ in range(3))
    big, target = (np.ones(1 << 24, np.float32) for _ in range(2))
    small, cached = (np.ones(1 << 16, np.float32) for _ in range(2))
    return {
        "gflops": 2 * 1024**3 / best(lambda: np.matmul(a, b, out=out), 20) * 1e-9,
        "memory_gbs": 2 * big.nbytes / best(lambda: np.copyto(target, big), 10) * 1e-9,
        "cache_gbs": 2 * small.nbytes / best(lambda: np.copyto(cached, small), 200) * 1e-9,
    }
