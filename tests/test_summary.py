"""What the tests tried is told at the end of a run, also of one in several processes."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
TESTS = """
import pytest
from tests.parity import tally


@pytest.mark.parity
@pytest.mark.parametrize("number", range(5))
def test_compares(number):
    for _ in range(300):
        tally.count(*tally.ALL[: 2 + number % 2])
    assert number < 4


@pytest.mark.parity
def test_compares_nothing():
    pass


def test_is_no_comparison():
    tally.count("values")
"""


def test_samples_are_added_up_for_each_file(tmp_path):
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path / "conftest.py")
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = parity\n")
    (tmp_path / "test_some.py").write_text(TESTS)
    (tmp_path / "test_kills.py").write_text('def test_it(record_property): record_property("samples", {"kills": 7})')
    (tmp_path / "test_other.py").write_text("def test_it(): pass")
    for processes in ([], ["-n", "2"]):
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "--import-mode=importlib", "--rootdir", tmp_path, *processes, "."],
            cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        )  # fmt: skip
        said = done.stdout.partition("samples tried and passed")[2].splitlines()[1:3]
        assert said == [
            "test_kills.py: 1 of 1 tests; kills 7",
            "test_some.py: 5 of 6 tests; values 1,500, gradients 1,500, second order 600",
        ], done.stdout + done.stderr
