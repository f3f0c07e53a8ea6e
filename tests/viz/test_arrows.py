"""Arrows leave their cards outward, and their heads point into the cards at which they end."""

import re

import pytest

from tensorgrad.viz.arrows import HEAD, path_data
from tensorgrad.viz.svg import to_svg

from .fans import FANS
from .graphs import GRAPHS
from .scenes import random_scene


def tangents(data):
    """The directions in which a path starts and ends."""
    points = [tuple(map(float, pair.split())) for pair in re.findall(r"-?[\d.]+ -?[\d.]+", data)]
    (a, b), (c, d) = points[:2], points[-2:]
    return (b[0] - a[0], b[1] - a[1]), (d[0] - c[0], d[1] - c[1])


def arrows(svg):
    """The kind and the data of each arrow, without those of the legend."""
    return [
        (kind, data)
        for data, kind in re.findall(r'<path d="([^"]*)"[^>]*marker-end="url\(#tg\w+-(\w+)\)"', svg)
        if "H" not in data
    ]


def wrong(svg, direction):
    """The arrows that do not start and end the way they should."""
    found = []
    for kind, data in arrows(svg):
        way = -1 if kind == "backward" else 1
        for x, y in tangents(data):
            along, across = (x, y) if direction == "LR" else (y, x)
            if not along * way > 5 * abs(across):
                found.append((kind, data))
    return found


@pytest.mark.parametrize("view", ["op", "module", "tensor"])
@pytest.mark.parametrize("direction", ["TB", "LR"])
@pytest.mark.parametrize("name", [*FANS, *GRAPHS])
def test_arrows_start_and_end_the_way_they_lead(name, direction, view):
    svg = {**GRAPHS, **FANS}[name]().to_svg(direction=direction, view=view, backward=True)
    assert arrows(svg) or name == "without_graph"
    assert wrong(svg, direction) == []


@pytest.mark.parametrize("direction", ["TB", "LR"])
def test_also_between_cards_of_any_size(direction):
    for seed in range(60):
        assert wrong(to_svg(random_scene(seed, direction=direction)), direction) == [], seed


@pytest.mark.parametrize("short", [0.0, 0.3, 1.0, 3.0, 6.9, 7.0, 7.1, 8.0, 12.0])
@pytest.mark.parametrize("run", [-200.0, -0.4, 0.0, 0.7, 8.0, 200.0])
@pytest.mark.parametrize("sideways", [False, True])
def test_a_last_stretch_shorter_than_a_head(short, run, sideways):
    points = [(0.0, 0.0), (0.0, short), (run, short + 26), (run, 2 * short + 26)]
    if sideways:
        points = [(y, x) for x, y in points]
    for backward in (False, True):
        data = path_data(points, 3.5 if backward else -3.5, sideways, backward)
        for across, along in tangents(data) if not sideways else [t[::-1] for t in tangents(data)]:
            assert along * (-1 if backward else 1) > 5 * abs(across), data
        end = float(re.findall(r"-?[\d.]+", data)[-2 if sideways else -1])
        assert end == pytest.approx(HEAD if backward else 2 * short + 26 - HEAD, abs=0.06)
