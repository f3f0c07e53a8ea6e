"""Random graphs over all kinds of operation (random_graphs/): gradients against differences of values.

100 graphs run always, 2,000 with the slow tests; a third of them in second order too. The same graphs in PyTorch are in
parity/test_random_graphs_parity.py; programs that change modes, dtypes and hooks in engine/test_random_programs.py.
"""

import re
from collections import Counter

import numpy as np
import pytest

import tensorgrad as tg

from .random_graphs import KINDS, draw_program, first_order, kinks, report, second_order, shrunk

QUICK, ALL = 100, 2000
seeds = pytest.mark.parametrize(
    "seed", [*range(QUICK), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(QUICK, ALL))]
)


@seeds
def test_a_random_graph(seed, record_property):
    program = draw_program(seed)
    for check in (first_order, second_order) if seed % 3 == 0 else (first_order,):
        if check(program):
            pytest.fail(f"graph {seed}: {report(program, check)}")
    counts = {"graphs": 1, "steps": len(program.lines), "drawn again": program.redraws}
    record_property("samples", {**counts, "second order": int(seed % 3 == 0)})


def test_how_many_kinds_of_operation_occur(record_property):
    """Each kind that there is occurs, and the graphs are graphs: values used several times, several outputs, views."""
    programs = [draw_program(seed) for seed in range(QUICK)]
    kinds = Counter(line.kind for program in programs for line in program.lines)
    assert len(kinds) >= 200
    assert set(kinds) == set(KINDS)
    uses = [Counter(name for line in p.lines for name in line.uses) for p in programs]
    assert all(max(used.values()) > 1 for used in uses)
    assert all(len(program.weights) > 1 for program in programs)
    assert sum(program.redraws for program in programs) < sum(len(program.lines) for program in programs)
    record_property("samples", {"kinds": len(kinds)})


def test_a_graph_is_the_same_each_time():
    assert draw_program(5).told() == draw_program(5).told() != draw_program(6).told()


@pytest.mark.parametrize(
    "kind, primitive, number, planted",
    [
        ("sinh", "trigonometric.sinh", 0, lambda g, input: g * tg.sinh(input)),
        ("mul", "elementwise.mul", 1, lambda g, input: g * input * 1.001),
        ("cumsum", "scans._cumsum", 0, lambda g, dim: g),
    ],
)
def test_a_wrong_rule_is_found_and_the_graph_made_small(kind, primitive, number, planted, monkeypatch):
    """Planted mistakes: the report is a short program that shows the kind, and that runs."""
    module, name = primitive.split(".")
    op = getattr(getattr(tg.ops, module), name)
    rules = list(op.rules)
    rules[number] = planted
    program = next(p for p in map(draw_program, range(QUICK)) if kind in {line.kind for line in p.lines})
    assert not first_order(program)
    monkeypatch.setattr(op, "rules", rules)
    monkeypatch.setattr(op, "plans", {})
    assert first_order(program)
    text = report(program, first_order)
    lines = [line for line in text.splitlines() if re.match(r"t\d+ = (?!m\.tensor)", line)]
    assert 1 <= len(lines) <= 3, text
    assert re.search(r"the slope along .* by differences, .* by gradients", text)
    printed = []
    exec(text.partition("\n\n")[2], {"print": printed.append})
    assert all(isinstance(g, tg.Tensor) for g in printed[0])


def test_a_wrong_second_derivative_is_found(monkeypatch):
    """A rule that gives the right gradient, as a constant."""
    from tensorgrad.ops import exponential

    op = exponential.square
    program = next(p for p in map(draw_program, range(QUICK)) if "square" in {line.kind for line in p.lines})
    monkeypatch.setattr(op, "rules", [lambda g, input: 2 * g * getattr(input, "detach", lambda: input)()])
    monkeypatch.setattr(op, "plans", {})
    assert not first_order(program)
    small = shrunk(program, lambda candidate: bool(second_order(candidate)))
    assert "square" in {line.kind for line in small.lines}
    assert len(small.lines) <= 3


def test_kinks_are_seen():
    """The distances that the generator asks for, where they are known."""
    x = np.array([[0.5, 0.2, -0.3], [1.25, 1.05, 3.0]])
    assert kinks.from_zero(x) == pytest.approx(0.2)
    assert kinks.from_zero(x, -0.25, 1.0) == pytest.approx(0.05)
    assert kinks.from_integers(x) == pytest.approx(0.0)
    assert kinks.from_integers(x[0], 0.4) == pytest.approx(0.1)
    assert kinks.from_ties(x, 1) == pytest.approx(0.2)
    assert kinks.from_ties(x, 0) == pytest.approx(0.75)
    assert kinks.from_ties(x) == pytest.approx(0.2)
    assert kinks.from_window_ties(x, (2,)) == pytest.approx(0.2)
    assert kinks.from_window_ties(x, (2,), 0, 2) == pytest.approx(0.2)
    assert kinks.apart(x[0], x[1]) == pytest.approx(0.75)
