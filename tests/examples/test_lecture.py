"""The numbers that `python -m examples.lecture` prints. The facts themselves are held by tests/test_lecture.py."""

import math
import re
import subprocess
import sys
from pathlib import Path

import pytest

from examples.lecture import __main__ as lecture
from examples.lecture import show, study

ROOT = Path(__file__).parents[2]
PICTURES = ["feature_map.png", "x_detector.png", "translation.png", "gradients.png"]


@pytest.fixture
def run(tmp_path, capsys):
    def run(*names):
        assert lecture.main([*names, "--out", str(tmp_path)]) == 0
        return capsys.readouterr().out

    return run


def numbers(text, after):
    """The numbers in the line that starts with some words."""
    line = re.search(rf"^ *{re.escape(after)}(.*)$", text, re.MULTILINE)
    assert line, f"no line starts with {after!r}"
    return [float(number.replace(",", "")) for number in re.findall(r"-?\d[\d,]*\.?\d*(?:e[-+]\d+)?", line[1])]


def test_convolution(run):
    out = run("convolution")
    assert "[1 2 3 4]       [1 2 3]\n" in out
    assert "[4 3 2 1]   *   [4 5 6]   =   [107 122]\n    [1 2 3 4]       [7 8 9]       [118 103]\n" in out
    assert "1*1 + 2*2 + 3*3 + 4*4 + 3*5 + 2*6 + 1*7 + 2*8 + 3*9 = 107" in out
    assert "=   [103 118]\n" in out  # the kernel turned
    assert "=   [21 24]   or   [13 21 24 17]\n" in out
    assert "=   [10 24 14]   or   [ 2  4]\n" in out
    assert "The lecture prints 20 at the end of the middle row. It is 2*2 + 0*2 + 5*2 + 0*2 = 14." in out
    table = [line.split() for line in out.splitlines() if re.match(r" +\d+ +\d+ +\d+ +\d \+ \d", line)]
    assert [int(row[-1]) for row in table] == [26, 28, 28, 28, 14, 28, 112]
    assert numbers(out, "First map against red + green + blue + bias, largest difference:")[0] < 1e-5


def test_x_detector(run):
    out = run("x_detector")
    answers = re.findall(r"(\w+) +at row +(\d+), column +(\d+) +answer +(\S+)", out)
    assert len(answers) == 6
    assert all((float(answer) == 1) if kind == "x" else (float(answer) < -10) for kind, *_, answer in answers)
    assert "The answer is above 0 at (row, column) (1, 2), (14, 12) only" in out
    assert "On the other diagonal the same kernel answers 5 at most." in out
    before, after = numbers(out, "loss at the start")[0], numbers(out, "loss at the start")[-1]
    assert after < 0.01 < 0.3 < before
    assert numbers(out, "right on 90 images with the figures at other places:") == [100]


def test_translation_and_pooling(run):
    out = run("translation", "pooling")
    assert numbers(out, "convolution ") == [50, 100, 100]
    parameters, left, right = numbers(out, "dense layers")
    assert (parameters, left) == (4706, 100)
    assert 40 <= right <= 60
    assert numbers(out, "A digit moves by 2 pixels, and its maps by") == [2, 0]
    plain, small, large = (numbers(out, name)[-1] for name in ("not pooled", "pooled 2x2", "pooled 4x4"))
    assert plain > 1 > small > 0.6 > large
    assert "[ 2 -2  7  3]   ->   [2 0 7 3]   ->   [2 7]\n    [-3 -7 -1 -4]        [0 0 0 0]        [5 4]\n" in out
    assert "    [0 0 0 0]\n    [1 0 1 0]\n    [0 0 0 0]\n    [0 1 1 0]\n" in out
    assert numbers(out, "[3x3, 8] [3x3, 8]") == [4 * n for n in numbers(out, "[3x3, 8] pool [3x3, 8]")] == [451_584]
    for kind, better in (("one pixel in ten lost", True), ("weak noise everywhere", True), ("one in ten made", False)):
        before, after = numbers(out, kind)[-2:]
        assert (after < before) == better
    assert out.count("first detector:   9   1   1   1") == 1
    assert re.search(r"largest: +49  49  49\n", out)


def test_parameters_and_classes(run):
    out = run("parameters", "classes")
    assert numbers(out, "one dense layer of half as many units") == [11_329_414_656]
    assert numbers(out, "64 kernels of 3x3") == [1792]
    assert "fewer than 20 million parameters. It has three times as many:" in out
    assert numbers(out, "layers with weights") == [152]
    assert numbers(out, "parameters  ") == [60_192_808]
    assert numbers(out, "The one dense layer above has") == [188]
    assert "20,490 parameters; 1,031,744 multiply-adds\n[3x3, 16] pool [3x3, 32] pool fc 10 softmax\n" in out
    assert "->   [1 2 3 4 5 6 7 8 9]\n" in out
    assert "[ 1  2  3  4  5  6  7  8  9 10 20 30 40 50 60 70 80 90]" in out
    assert numbers(out, "softmax  ") == [0.6590, 0.2424, 0.0986]
    assert numbers(out, "gradient") == [-0.3410, 0.2424, 0.0986]
    assert numbers(out, "loss  ") == [pytest.approx(-math.log(0.6590), abs=1e-4), 0.6590]


def test_gradients(run):
    out = run("gradients")
    sigmoid, tanh, relu = numbers(out, "10.0 ")
    assert sigmoid < 1e-4
    assert tanh < 1e-8
    assert relu == 1
    small, large = out.split("With large values inside")
    for text, name, lowest, highest in (
        (small, "sigmoid  ", 0, 1e-8),
        (small, "tanh  ", 0.1, 10),
        (small, "ReLU  ", 0.01, 10),
        (small, "sigmoid, shortcuts", 0.1, 10),
        (large, "sigmoid  ", 0, 1e-14),
        (large, "tanh  ", 0, 1e-5),
        (large, "ReLU  ", 0.1, 10),
    ):
        *sizes, ratio = numbers(text.partition("layers of")[2] or text, name)
        assert lowest < ratio < highest
        assert ratio == pytest.approx(sizes[0] / sizes[-1], rel=0.05)


def test_training_and_study(run, monkeypatch, tmp_path):
    monkeypatch.setattr(study, "SEEDS", (0,))
    out = run("training", "study")
    epochs = [[float(n) for n in re.findall(r"[\d.]+", line)] for line in re.findall(r"epoch (\d.*)%$", out, re.M)]
    assert [row[0] for row in epochs] == list(range(1, 9))
    assert epochs[-1][1] < 0.1 * epochs[0][1]
    assert epochs[-1][3] > 96
    mistakes = int(re.search(r"(\d+) of 360 test digits are taken for another", out)[1])
    assert 100 * (1 - mistakes / 360) == pytest.approx(epochs[-1][3], abs=0.05)
    base = numbers(out, "as it stands")[0]
    assert base > 85
    assert numbers(out, "batches of 16 ")[0] > base
    for worse in ("1x1 kernels ", "stride 2 ", "padding 0 ", "batches of 512 ", "2 filters ", "learning rate 0.0001 "):
        assert numbers(out, worse)[0] < base
    assert numbers(out, "learning rate 0.003 ")[0] == numbers(out, "8 filters ")[0] == base
    assert numbers(out, "learning rate 1 ")[0] < 30
    assert (tmp_path / "study.png").exists() == (show.plots is not None)


def test_pictures_are_drawn_and_named(run, tmp_path):
    pytest.importorskip("matplotlib")
    out = run("x_detector", "translation", "gradients")
    named = re.findall(r"^picture: (.*)$", out, re.MULTILINE)
    assert named == [str(tmp_path / name) for name in PICTURES]
    for name in named:
        assert Path(name).read_bytes().startswith(b"\x89PNG")


def test_without_matplotlib_it_says_so(run, tmp_path, monkeypatch):
    monkeypatch.setattr(show, "plots", None)
    monkeypatch.setattr(show, "no_plots", "pictures not drawn: matplotlib is missing", raising=False)
    out = run("translation", "gradients")
    assert "picture:" not in out
    assert "pictures not drawn: matplotlib is missing\n" in out
    assert not list(tmp_path.iterdir())


def test_the_command():
    def command(*arguments):
        return subprocess.run(
            [sys.executable, "-W", "error", "-m", "examples.lecture", *arguments],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip

    done = command("classes")
    assert done.returncode == 0, done.stderr
    assert "Softmax and cross-entropy\n=====" in done.stdout
    assert "Training" not in done.stdout
    refused = command("poling")
    assert refused.returncode == 2
    assert "there is no demonstration 'poling': choose from convolution, x_detector" in refused.stderr
