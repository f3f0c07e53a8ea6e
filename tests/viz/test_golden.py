"""The DOT texts of small graphs, compared with golden/*.dot.

To renew them: UPDATE_GOLDEN=1 pytest tests/viz/test_golden.py; then look at the difference and at the pictures.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .graphs import GRAPHS, dot_text

GOLDEN = Path(__file__).parent / "golden"
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", GRAPHS)
def test_dot_text_is_the_golden_one(name):
    path = GOLDEN / f"{name}.dot"
    text = dot_text(name)
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()


def test_every_golden_file_has_its_graph():
    assert {path.stem for path in GOLDEN.glob("*.dot")} == set(GRAPHS)


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
