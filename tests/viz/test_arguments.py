"""What the public functions are given wrongly: an error of our own, before anything is done."""

import contextlib
import math

import numpy as np
import pytest

import nn
import tensorgrad as tg
from tensorgrad import viz

from .graphs import lenet, scalar


class Unprintable:
    def __repr__(self):
        raise RuntimeError


def loss():
    return (tg.tensor([1.0, 2.0], requires_grad=True) * 3).sum()


COUNTS = {
    "record: max_bytes": lambda value: viz.record(max_bytes=value),
    "record: max_cells": lambda value: viz.Recording(max_cells=value),
    "backward_steps: max_bytes": lambda value: viz.backward_steps(loss(), max_bytes=value),
    "backward_steps: max_cells": lambda value: viz.backward_steps(loss(), max_cells=value),
    "to_text: limit": lambda value: scalar().to_text(value),
    "to_json: indent": lambda value: scalar().to_json(value),
}
WRONG_COUNTS = [-1, "x", True, math.nan, math.inf, 1e6, [3], np.ones(2), Unprintable()]


@pytest.mark.parametrize("name", COUNTS)
@pytest.mark.parametrize("value", WRONG_COUNTS, ids=[type(value).__name__ for value in WRONG_COUNTS])
def test_counts_are_whole_numbers_from_0(name, value):
    with pytest.raises(tg.ShapeError if value is WRONG_COUNTS[0] else tg.DTypeError) as caught:
        COUNTS[name](value)
    said = "a Unprintable" if isinstance(value, Unprintable) else repr(value)
    none = "None or " if name.startswith("to_") else ""
    assert str(caught.value) == f"{name} must be {none}a whole number from 0, got {said}"
    COUNTS[name](0)
    COUNTS[name](np.int64(7))


def test_none_is_no_limit_but_for_memory():
    assert scalar().to_text(None) == scalar().to_text()
    with pytest.raises(tg.DTypeError, match="record: max_bytes must be a whole number from 0, got None"):
        viz.record(max_bytes=None)


def test_the_texts_of_steps_and_differences_have_limits_too():
    for text in (viz.backward_steps(loss()).to_text, scalar().diff(lenet()).to_text):
        assert "... " in text(1)
        with pytest.raises(tg.ShapeError, match="to_text: limit must be None or a whole number from 0, got -1"):
            text(-1)


@pytest.mark.parametrize("name", ["graph", "backward_steps"])
@pytest.mark.parametrize(
    "given, message",
    [
        ({"model": 3}, r"model must have named_parameters\(\), which int has not"),
        ({"model": nn.Linear}, "model must be a module, got the class Linear itself"),
        ({"inputs": 3}, "inputs must be a dictionary of tensors and arrays by name, got 3"),
        ({"inputs": "x"}, "inputs must be a dictionary of tensors and arrays by name, got 'x'"),
        ({"inputs": {"x": 1.0}}, r"inputs\['x'\] must be a tensor or an array, got float"),
    ],
)
def test_names_of_a_graph(name, given, message):
    with pytest.raises(tg.DTypeError, match=f"^{name}: {message}"):
        getattr(viz, name)(loss(), **given)


@pytest.mark.parametrize("value", [3, "x", viz.record, viz.Recording, True])
def test_only_a_recording_is_a_recording(value):
    with pytest.raises(tg.DTypeError, match=r"graph: record must be what `with tg\.viz\.record"):
        viz.graph(loss(), record=value)


@pytest.mark.parametrize("value", [3, None, "x", {1: 2}])
def test_only_tensors_have_a_graph(value):
    with pytest.raises(tg.DTypeError, match=r"^graph: (expected|1 must be) a tensor, "):
        viz.graph(value)
    with pytest.raises(tg.DTypeError, match="graph: output must be a tensor, got"):
        viz.graph([value])


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: viz.backward_steps([loss(), 3]), "tensor 2 of the list is a int, not a tensor"),
        (lambda: viz.backward_steps([loss()], 3), "several tensors take a list of gradients, got 3"),
        (lambda: viz.backward_steps(loss(), None, "x"), "retain_graph must be None, True or False, got 'x'"),
    ],
)
def test_backward_steps(call, message):
    with pytest.raises(tg.DTypeError, match=f"backward_steps: {message}"):
        call()


@pytest.mark.parametrize("value", ["x", None, True, [2.0], Unprintable()])
def test_the_factor_of_a_difference(value):
    with pytest.raises(tg.DTypeError, match="diff: factor must be at least 1, got"):
        scalar().diff(scalar(), factor=value)


def test_a_class_is_no_captured_graph():
    with pytest.raises(tg.DTypeError, match="diff: expected two captured graphs, got a type"):
        viz.diff(viz.GraphView, scalar())


# Options


@pytest.mark.parametrize("method", ["to_dot", "to_svg"])
@pytest.mark.parametrize("value", ["x", None, True, math.nan, -1, [1], np.ones(2), Unprintable()])
def test_no_option_raises_an_error_of_pythons(method, value):
    for name in viz.Options.__dataclass_fields__:
        with contextlib.suppress(tg.TensorgradError):
            getattr(scalar(), method)(**{name: value})


def test_numbers_of_numpy_are_numbers():
    view = lenet()
    assert view.to_svg(depth=np.int64(1)) == view.to_svg(depth=1)
    assert view.to_svg(vanishing=np.float32(1e-3), exploding=10**400)


def failing(path, kind):
    return {"features": 1 / 0}[path]


@pytest.mark.parametrize("method", ["to_dot", "to_svg", "save"])
def test_an_error_of_the_users_function_names_the_module(method, tmp_path):
    for suffix in ("svg", "dot", "png") if method == "save" else ("",):
        before = (tmp_path / f"x.{suffix}",) if method == "save" else ()
        with pytest.raises(viz.DrawingError) as caught:
            getattr(lenet(), method)(*before, collapse=failing)
        told = f"{method}: collapse('features', 'Sequential') raised ZeroDivisionError: division by zero"
        assert str(caught.value) == told
        assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("answer", [None, "x", 0, 1.0, np.ones(2), Unprintable()])
def test_what_the_users_function_returns_is_true_or_false(answer):
    with pytest.raises(tg.DTypeError, match=r"to_svg: collapse\('features', 'Sequential'\) must return True or False"):
        lenet().to_svg(collapse=lambda path, kind: answer)
    with pytest.raises(tg.DTypeError, match=r"to_dot: collapse\('features', 'Sequential'\) must return True or False"):
        lenet().to_dot(collapse=lambda path, kind: answer)


def test_true_and_false_may_be_numpys():
    view = lenet()
    assert view.to_svg(collapse=lambda path, kind: np.True_) == view.to_svg(collapse=lambda path, kind: True)


@pytest.mark.parametrize("method", ["to_dot", "to_svg", "save"])
def test_a_module_that_is_not_there(method, tmp_path):
    for suffix in ("svg", "dot", "png") if method == "save" else ("",):
        before = (tmp_path / f"x.{suffix}",) if method == "save" else ()
        with pytest.raises(
            tg.ShapeError, match=f"^{method}: expand: no module 'fc' ran in this graph, only 'features'"
        ):
            getattr(lenet(), method)(*before, expand="fc")
