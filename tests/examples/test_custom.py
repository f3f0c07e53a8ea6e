"""The two small examples, run as programs."""

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[2]


def run(module, *arguments, **environment):
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", f"examples.{module}", *map(str, arguments)],
        cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip


def test_the_loss_of_the_custom_model_falls(tmp_path):
    out = run("custom_model", tmp_path / "graph.svg")
    losses = [float(loss) for loss in re.findall(r"mean loss ([\d.]+)", out)]
    assert len(losses) == 5
    assert losses == sorted(losses, reverse=True)
    assert float(re.search(r"test accuracy ([\d.]+)%", out)[1]) > 85
    assert ElementTree.parse(tmp_path / "graph.svg").getroot().tag.endswith("svg")


def test_the_custom_op_is_verified_and_learns_and_its_wrong_rule_is_refused(tmp_path):
    out = run("custom_op", tmp_path / "deep" / "graph.dot")
    assert "gradcheck True, gradgradcheck True" in out
    assert re.search(r"the wrong rule is refused:\nwrong_swish: .*\n.* by x\[\d, \d\] = \S+ analytic \S+ numeric", out)
    slopes = [float(slope) for slope in re.search(r"step 400 .*slopes \[(.*)\]", out)[1].split()]
    assert slopes == pytest.approx([1, 2, 3], abs=0.05)
    assert "swish" in (tmp_path / "deep" / "graph.dot").read_text()


@pytest.mark.parametrize("module", ["custom_model", "custom_op"])
def test_a_picture_that_cannot_be_drawn_is_told(module, tmp_path):
    assert re.search(r"graph not drawn: save: .*graph\.gif", run(module, tmp_path / "graph.gif"))
