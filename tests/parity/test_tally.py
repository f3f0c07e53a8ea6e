"""What `make parity` says in the end of the samples that were tried."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.parity import tally

pytestmark = pytest.mark.parity
ROOT = Path(__file__).parents[2]


def test_every_file_that_compares_with_pytorch_counts_its_samples():
    files = [file for file in (ROOT / "tests").rglob("test_*.py") if "mark.parity" in file.read_text()]
    silent = [file.name for file in files if "tally.count(" not in file.read_text()]
    assert len(files) > 12
    assert silent == []
    tally.count(*["files"] * len(files))


def test_the_sums_of_every_file_are_told():
    nodes = ["tests/nn/test_init.py", "tests/nn/test_utils.py", "tests/nn/test_optim.py"]
    command = [sys.executable, "-m", "pytest", "-q", "-m", "parity", "-k", "eye or clipping or fifty", *nodes]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "samples tried and passed" in done.stdout
    for line in [
        "tests/nn/test_init.py: 2 of 2 tests; distributions 2",
        "tests/nn/test_optim.py: 17 of 17 tests; trajectories 17",
        "tests/nn/test_utils.py: 36 of 36 tests; clipped by norm 36, clipped by value 36",
    ]:
        assert f"\n{line}\n" in done.stdout
        tally.count("lines")
