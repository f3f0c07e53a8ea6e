"""An input that a freed graph no longer holds is guessed by its shape only where there is no choice."""

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import viz

from .graphs import leaf, values

X, M = values(2, 3), values(2, 3) + 1


def inputs_of(view, name="mul"):
    """The names of what goes into the operations of a name, in order."""
    nodes = {node.id: node for node in view.nodes}
    return [nodes[edge.source].name for edge in view.edges if nodes[edge.target].name == name]


@pytest.mark.parametrize("as_tensor", [False, True])
def test_another_input_of_the_same_shape_is_not_taken_for_the_named_one(as_tensor):
    w, x = leaf(values(2, 3)), tg.tensor(X) if as_tensor else X
    loss = (w * tg.tensor(X) * M).sum()
    loss.backward()
    view = viz.graph(loss, inputs={"x": x})
    assert "x" not in inputs_of(view)
    assert len(dict.fromkeys(inputs_of(view))) == 4
    assert view.notes == ()


def test_an_input_of_another_shape_does_not_disturb():
    w, x = leaf(values(2, 3)), tg.tensor(X)
    loss = (w * x * M[:1]).sum()
    loss.backward()
    view = viz.graph(loss, inputs={"x": x})
    assert "x" in inputs_of(view)
    assert view.notes == ("x was recognised by its shape and dtype only",)


def test_what_the_graph_still_holds_is_found_beside_it():
    w, x = leaf(values(2, 3)), tg.tensor(X)
    view = viz.graph((w * x * tg.tensor(M)).sum(), inputs={"x": x})
    assert inputs_of(view)[1] == "x"
    assert view.notes == ()


def test_a_sum_that_keeps_nothing_of_its_inputs_is_not_guessed_twice():
    w, x = leaf(values(2, 3)), tg.tensor(X)
    view = viz.graph((w + X + M).sum(), inputs={"x": x})
    assert "x" not in inputs_of(view, "add")
    assert "x" in inputs_of(viz.graph((w + X).sum(), inputs={"x": np.array(X)}), "add")
