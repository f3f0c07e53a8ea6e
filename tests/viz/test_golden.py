"""The DOT texts and the JSON of small graphs, compared with golden/*.dot and *.json.

To renew them: UPDATE_GOLDEN=1 pytest tests/viz/test_golden.py; then look at the difference and at the pictures.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .graphs import GRAPHS, OPTIONS, dot_text, json_text, lenet

GOLDEN = Path(__file__).parent / "golden"
ROOT = Path(__file__).parents[2]
NUMBER = re.compile(r"-?\d+(?:\.\d+(?:e[-+]?\d+)?|e[-+]?\d+)")


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("suffix, write", [("dot", dot_text), ("json", json_text)])
def test_text_is_the_golden_one(name, suffix, write):
    compare(GOLDEN / f"{name}.{suffix}", write(name))


@pytest.mark.parametrize("name", OPTIONS)
def test_dot_text_with_options_is_the_golden_one(name):
    text = lenet(walk=True).to_dot(**OPTIONS[name])
    compare(GOLDEN / f"lenet_{name}.dot", re.sub(r"graphs\.py:\d+", "graphs.py", text))


def compare(path, text):
    """All as in the file; of numbers with a fraction, printed to 3 or 4 digits, the last depends on BLAS's kernels."""
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    expected = path.read_text(encoding="utf-8")
    assert NUMBER.sub("#", text) == NUMBER.sub("#", expected)
    found, golden = ([float(number) for number in NUMBER.findall(one)] for one in (text, expected))
    assert found == pytest.approx(golden, rel=0.002 if path.suffix == ".json" else 0.01, abs=1e-8)


def test_every_golden_file_has_its_graph():
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(GRAPHS)
    assert {path.stem for path in GOLDEN.glob("*.dot")} == {*GRAPHS, *(f"lenet_{name}" for name in OPTIONS)}


def test_same_bytes_in_every_process():
    digests = set()
    for seed in ("0", "1", "12345"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-m", "tests.viz.graphs"]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=120
        )
        digests.add(done.stdout)
    assert len(digests) == 1
