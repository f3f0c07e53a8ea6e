"""The pictures in docs/: they are what examples/pictures.py makes, and they can be read in print."""

import math
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from itertools import combinations
from pathlib import Path

import pytest

import tensorgrad as tg
from examples import pictures

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SVG = "{http://www.w3.org/2000/svg}"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")
MILLIMETRES = 180  # the width of a page's text


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    pictures.main(str(folder))
    return folder


def apart(svg):
    """What is written, and the numbers in it; the ids begin with a hash of the numbers."""
    svg = re.sub(r"tg[0-9a-f]{10}-", "tg-", svg)
    return NUMBER.sub("#", svg), [float(number) for number in NUMBER.findall(svg)]


@pytest.mark.parametrize("name", pictures.PICTURES)
def test_the_committed_picture_is_what_the_program_makes(name, fresh):
    # Another processor rounds the last digits of a sum differently, which may move a shown digit.
    committed, made = (apart((folder / f"{name}.svg").read_text()) for folder in (DOCS, fresh))
    assert made[0] == committed[0]
    assert made[1] == pytest.approx(committed[1], rel=0.02, abs=0.11)


def test_the_same_bytes_come_out_again(fresh, tmp_path):
    command = [sys.executable, "-m", "examples.pictures", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": "7"}, check=True, capture_output=True)
    assert sorted(os.listdir(tmp_path)) == sorted(f"{name}.svg" for name in pictures.PICTURES)
    for name in os.listdir(tmp_path):
        assert (tmp_path / name).read_bytes() == (fresh / name).read_bytes()


def smallest_letters(svg, width=MILLIMETRES):
    """The height of the smallest letters in points, where the picture is printed so many millimetres wide."""
    root = ET.fromstring(svg)
    sizes = [float(element.get("font-size")) for element in root.iter() if element.get("font-size")]
    assert len(sizes) >= len(list(root.iter(f"{SVG}text"))) > 10
    return min(sizes) * width / 25.4 * 72 / float(root.get("viewBox").split()[2])


@pytest.mark.parametrize("name", pictures.PICTURES)
def test_letters_are_6_points_at_180_millimetres(name, fresh):
    for folder in (DOCS, fresh):
        assert smallest_letters((folder / f"{name}.svg").read_text()) >= 6


def test_resnet18_is_closed_by_itself_but_for_one_block(fresh):
    root = ET.parse(fresh / "resnet18.svg").getroot()
    assert len(cards(root)) <= 25
    said = "".join(root.itertext())
    assert "11,689,512 values, 1,814,073,344 multiply-adds" in said
    for shown in ("layer2.0.conv1.weight", "layer2.0 · BasicBlock", "layer1 · 2 blocks alike"):
        assert shown in said
    assert "layer3.0.conv1.weight" not in said


def cards(root):
    return [group for group in root.iter(f"{SVG}g") if re.fullmatch(r"tg[0-9a-f]{10}-c\d+", group.get("id", ""))]


@pytest.mark.parametrize("name", pictures.PICTURES)
def test_no_two_cards_overlap_and_all_are_on_the_page(name):
    root = ET.parse(DOCS / f"{name}.svg").getroot()
    moved = next(filter(None, (group.get("transform") for group in root.iter(f"{SVG}g"))))
    shift = [float(number) for number in NUMBER.findall(moved)]
    page = [float(n) for n in root.get("viewBox").split()[2:]]
    boxes = [bounds(group) for group in cards(root)]
    for left, top, right, bottom in boxes:
        assert left + shift[0] >= 0
        assert top + shift[1] >= 0
        assert right + shift[0] <= page[0]
        assert bottom + shift[1] <= page[1]
    for (a, b, c, d), (e, f, g, h) in combinations(boxes, 2):
        assert c <= e or g <= a or d <= f or h <= b


def bounds(group):
    """The corners of what is drawn of a card: rectangles, and paths of absolute points."""
    xs, ys = [], []
    for element in group.iter():
        if element.tag == f"{SVG}rect":
            x, y, width, height = (float(element.get(name)) for name in ("x", "y", "width", "height"))
            xs += [x, x + width]
            ys += [y, y + height]
        elif element.tag == f"{SVG}path":
            points = re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", element.get("d"))
            xs += [float(x) for x, _ in points]
            ys += [float(y) for _, y in points]
    return min(xs), min(ys), max(xs), max(ys)


def test_the_sums_that_the_pictures_tell_are_true():
    """Each use of the shared weight adds its share, and the gradient of |slope|**2 is 36 x**3."""
    steps = [step for step in steps_of_shared_weight() if step.node.name == "linear"]
    shares = [share for step in steps for share in step.contributions if share.goes_to == "fc.weight"]
    assert [share.count for share in shares] == [3, 3, 3]
    total = sum(share.array for share in shares)
    assert total == pytest.approx(shares[-1].total.exact)
    view = pictures.shared_weight()
    weight = next(tensor for tensor in view.tensors if tensor.name == "fc.weight")
    assert math.sqrt((total**2).mean()) == pytest.approx(weight.grad.stats.rms, rel=1e-6)
    x = next(tensor for tensor in pictures.second_order().tensors if tensor.name == "x")
    assert x.grad.exact == pytest.approx([36.0, 288.0, 972.0])


def steps_of_shared_weight():
    tg.manual_seed(0)
    net = pictures.nn.Sequential({"fc": pictures.nn.Linear(3, 3)})
    h = tg.tensor([[1.0, -1.0, 0.5]])
    for _ in range(3):
        h = tg.tanh(net(h))
    return tg.viz.backward_steps(tg.square(h).mean(), model=net)
