"""What several tests of the engine share."""

import contextlib
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import tensorgrad as tg

ROOT = Path(__file__).parents[2]


def leaf(values, dtype=np.float64):
    """A leaf that requires a gradient."""
    return tg.tensor(values, dtype=dtype, requires_grad=True)


def leaves(*many):
    return [leaf(values) for values in many]


def array(tensor):
    """What a tensor holds; None stays None."""
    return None if tensor is None else tensor.detach().numpy()


def grads(*tensors):
    return [array(t.grad) for t in tensors]


def run(code, timeout=120):
    """Run a program in a process of its own; what it prints. Fails if it does not end well."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False
    )
    assert done.returncode == 0, f"exit status {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@contextlib.contextmanager
def seconds_below(limit):
    start = time.perf_counter()
    yield
    took = time.perf_counter() - start
    assert took < limit, f"took {took:.2f} s"
