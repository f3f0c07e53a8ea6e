"""What the Makefile runs, as `make --dry-run` tells it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
QUICK = '-m "not slow and not parity and not browser"'
LEAKS = "tests/test_leaks.py"


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
@pytest.mark.parametrize(
    "target, arguments, expected",
    [
        ("test", "", [f"--ignore={LEAKS} {QUICK}", f"-q {LEAKS} {QUICK}"]),
        ("test-all", "", [f'--ignore={LEAKS} -m "not browser"', f'-q {LEAKS} -m "not browser"']),
        ("test-rest", "", [f'--ignore={LEAKS} -m "(slow or parity) and not browser"']),
        ("test", "tests/nn -k loader", [f"--ignore={LEAKS} {QUICK} tests/nn -k loader"]),
        ("test-all", "-x", [f'--ignore={LEAKS} -m "not browser" -x']),
        ("test", LEAKS, [f"{QUICK} {LEAKS}"]),
        ("parity", "-k conv", ["-m parity -k conv"]),
    ],
)
def test_the_leaks_run_apart_and_only_where_nothing_else_is_asked_for(target, arguments, expected):
    surroundings = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MFLAGS", "ARGS")}
    done = subprocess.run(
        ["make", "--dry-run", target, f"ARGS={arguments}"],
        cwd=ROOT, env=surroundings, capture_output=True, text=True, check=True,
    )  # fmt: skip
    runs = [line.strip() for line in done.stdout.splitlines() if "-m pytest" in line]
    assert len(runs) == len(expected)
    for run, end in zip(runs, expected, strict=True):
        assert run.endswith(end)
        assert (f"--ignore={LEAKS}" in run) == (f"--ignore={LEAKS}" in end)
