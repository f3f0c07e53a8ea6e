"""What a notebook shows of a graph: never an error, whatever fails and whatever the names are."""

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import viz
from tensorgrad.viz import render, view

from .graphs import Model, leaf, scalar


def shown(graph):
    """The bundle of a display, which is checked: text is always there, and a picture is one."""
    bundle = graph._repr_mimebundle_()
    assert bundle["text/plain"]
    assert all(isinstance(content, str) for content in bundle.values())
    assert "<svg" in bundle.get("image/svg+xml", "<svg")
    assert set(bundle) <= {"text/plain", "image/svg+xml"}
    return bundle


@pytest.mark.parametrize("part", ["compose", "svg.to_svg"])
def test_a_picture_that_fails_leaves_the_text(part, monkeypatch):
    def fail(*args, **kwargs):
        raise RecursionError("while drawing")

    graph = scalar()
    assert "image/svg+xml" in shown(graph)
    monkeypatch.setattr(f"tensorgrad.viz.view.{part}", fail)
    assert shown(graph) == {"text/plain": graph.to_text()}


def test_no_program_is_started(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(render, "draw", lambda *args: pytest.fail("an engine was asked"))
    assert set(shown(scalar())) == {"text/plain", "image/svg+xml"}


class Hostile:
    """An object that cannot be shown, and says so loudly."""

    def __str__(self):
        raise ZeroDivisionError("str")

    __repr__ = __format__ = __str__


NAMES = ["</script>", '"\\N\n\r\0', "\u202eevil", "x" * 20_000, "]]>", "<!--", "&#0;", "\ud800"]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_any_name_is_shown(name):
    w = leaf([1.0, 2.0])
    model = Model({name: w}, {name: name.encode("ascii", "replace").decode().replace("\0", "")})
    with tg.named_scope(name):
        loss = (w * tg.ones(2)).sum()
    bundle = shown(viz.graph({name: loss}, model=model, inputs={name + "?": np.ones(2)}))
    assert "mul(" in bundle["text/plain"]


def test_parameters_of_an_operation_that_cannot_be_shown():
    @tg.primitive
    def odd(x, *, option):
        return x * 2

    odd.defvjps(lambda g: g * 2)
    bundle = shown(viz.graph(odd(leaf([1.0]), option=Hostile())))
    assert "odd(" in bundle["text/plain"]


@pytest.mark.parametrize("part", ["title", "nodes", "edges", "tensors", "results", "notes"])
@pytest.mark.parametrize("value", [Hostile(), None, (Hostile(),)], ids=["hostile", "none", "hostile parts"])
def test_a_view_put_together_wrongly_is_shown_as_what_can_be_said(part, value):
    good = scalar()
    parts = {name: getattr(good, name) for name in good.__dataclass_fields__}
    shown(viz.GraphView(**{**parts, part: value}))


def test_what_is_not_wanted_is_not_made(monkeypatch):
    monkeypatch.setattr(view.GraphView, "_repr_svg_", lambda self: pytest.fail("drawn"))
    assert set(scalar()._repr_mimebundle_(include={"text/plain"})) == {"text/plain"}
    assert set(scalar()._repr_mimebundle_(exclude={"image/svg+xml"})) == {"text/plain"}
