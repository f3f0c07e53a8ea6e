"""Thousands of damaged files, read in a process of its own whose memory is limited."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits memory by what Linux tells in /proc")
def test_damaged_files_are_refused_or_read_right_with_little_memory(tmp_path, record_property):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.nn.mutations", tmp_path],
        cwd=ROOT, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)
    lines = {name: (int(count), int(no)) for name, count, no in re.findall(r"(.+) (\d+) (\d+)\n", done.stdout)}
    assert {"idx", "idx.gz", "safetensors", "checkpoint", "CIFAR tar.gz", "CIFAR tar", "short pickle"} < set(lines)
    tried, refused = (sum(numbers) for numbers in zip(*lines.values(), strict=True))
    assert tried >= 4000
    record_property("samples", {"damaged files": tried, "of them refused": refused})
    for name, (count, refused) in lines.items():
        assert refused > count / 3, name  # the mutations did damage
