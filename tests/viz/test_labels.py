"""Labels stand clear of the heads of arrows and of the pluses where gradients are added."""

import re
import xml.etree.ElementTree as ET

import pytest

from tensorgrad.viz.arrows import HEAD
from tensorgrad.viz.layout import Rect
from tensorgrad.viz.measure import SMALL, text_width

from .fans import FANS
from .test_layout import overlap

SVG = "{http://www.w3.org/2000/svg}"


def drawn(svg):
    """The boxes of labels, and of heads and pluses, in the picture without its legend; and how wide it is."""
    root = ET.fromstring(svg)
    inner = next(g for g in root.iter(f"{SVG}g") if g.get("transform"))
    left, _ = map(float, re.findall(r"[\d.]+", inner.get("transform")))
    labels, marks = [], []
    for text in inner.findall(f"{SVG}text"):
        if text.get("font-weight") is None:  # others are the titles of frames
            width = text_width("".join(text.itertext()), SMALL)
            labels.append(Rect(float(text.get("x")), float(text.get("y")) - 9, width, 10.0))
    for circle in inner.findall(f"{SVG}circle"):
        marks.append(Rect(float(circle.get("cx")) - 6.5, float(circle.get("cy")) - 6.5, 13.0, 13.0))
    for path in inner.findall(f"{SVG}path"):
        if path.get("marker-end"):
            points = [tuple(map(float, pair.split())) for pair in re.findall(r"-?[\d.]+ -?[\d.]+", path.get("d"))]
            (a, b), (x, y) = points[-2:]
            across = abs(x - a) > abs(y - b)
            tip = (x + HEAD * ((x > a) - (x < a)), y) if across else (x, y + HEAD * ((y > b) - (y < b)))
            beside, top = min(x, tip[0]) - 3.5 * (not across), min(y, tip[1]) - 3.5 * across
            marks.append(Rect(beside, top, 7.0, 7.0))
    return labels, marks, (-left, float(root.get("width")) - left)


@pytest.mark.parametrize("view", ["op", "tensor", "module"])
@pytest.mark.parametrize("direction", ["TB", "LR"])
@pytest.mark.parametrize("name", FANS)
def test_no_label_covers_a_head_or_a_plus(name, direction, view):
    labels, marks, (left, right) = drawn(FANS[name]().to_svg(direction=direction, view=view))
    assert marks
    assert labels or not name.startswith("fan")
    for label in labels:
        assert left <= label.x
        assert label.x + label.width <= right
        assert not [mark for mark in marks if overlap(label, mark)], label
