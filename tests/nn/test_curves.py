"""The curves of a training, whatever was noted of it."""

import math

import numpy as np
import pytest

import tensorgrad as tg
from nn.train import plots

ROW = {"epoch": 1, "lr": 1e-3, "train_loss": 1.0, "test_loss": 2.0, "train_accuracy": 0.5, "test_accuracy": 0.25}


def drawn(history):
    """{title of a panel: [(places, heights) of each line]}."""
    return {
        axes.get_title(): [tuple(list(map(float, data)) for data in line.get_data()) for line in axes.lines]
        for axes in plots.curves(history).axes
        if axes.axison
    }


def legend(history):
    return [(text.get_text()) for found in plots.curves(history).legends for text in found.get_texts()]


def test_the_usual_keys():
    rows = [ROW, ROW | {"epoch": 2, "train_loss": 0.5}]
    assert drawn(rows) == {
        "loss": [([1, 2], [1, 0.5]), ([1, 2], [2, 2])],
        "accuracy in %, test at the end: 25.00": [([1, 2], [50, 50]), ([1, 2], [25, 25])],
        "learning rate at the end of the epoch": [([1, 2], [1e-3, 1e-3])],
    }
    assert legend(rows) == ["training, as it learns", "test, after the epoch"]
    assert plots.curves(rows).axes[0].get_yscale() == "log"


def test_any_keys_that_hold_numbers():
    rows = [{"step": 10, "loss": 3, "note": "a", "f1": np.float32(0.5)}, {"step": 20, "loss": tg.tensor(-1.0), "f1": 1}]
    assert drawn(rows) == {"loss": [([10, 20], [3, -1])], "f1": [([10, 20], [0.5, 1])]}
    assert plots.curves(rows).axes[0].get_yscale() == "linear"
    assert legend(rows) == []


def test_a_dictionary_of_lists():
    history = {"loss": [3.0, 2.0], "val_loss": np.array([4.0, math.nan]), "mae": (1, None)}
    found = drawn(history)
    assert list(found) == ["loss", "mae"]
    assert found["mae"] == [([1], [1])]
    assert ([1, 2], [3, 2]) in found["loss"]
    assert sorted(legend(history)) == ["training, as it learns", "val"]


def test_a_part_has_one_colour_everywhere():
    row = {"train/loss": 1.0, "test/loss": 2.0, "test/f1": 0.1, "val/f1": 0.2}
    colours = [[line.get_color() for line in axes.lines] for axes in plots.curves([row]).axes]
    assert colours[0][1] == colours[1][0]
    assert len({*colours[0], *colours[1]}) == 3


def test_what_a_row_lacks_is_passed_over():
    rows = [{"epoch": 1, "train_loss": 3.0}, {"epoch": 2, "train_loss": 2.0, "test_loss": 4.0}]
    assert drawn(rows) == {"loss": [([1, 2], [3, 2]), ([2], [4])]}


def test_one_part_alone_keeps_its_name():
    assert list(drawn([{"epoch": 1, "test_loss": 2.0, "test_accuracy": 75}])) == ["test_loss", "test_accuracy"]


@pytest.mark.parametrize("name", ["$x^{$", "a" * 300, "\\frac", "", 3])
def test_any_name_is_drawn(name, tmp_path):
    plots.save(plots.curves([{name: 1.0}, {name: math.inf}]), tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 1000


@pytest.mark.parametrize(
    "history, kind, message",
    [
        (3, tg.DTypeError, "history must be a list of dictionaries, or a dictionary of lists, got int"),
        ("loss", tg.DTypeError, "history must be a list of dictionaries, or a dictionary of lists, got str"),
        ([3.0], tg.DTypeError, "row 0 must be a dictionary, got float"),
        ({"loss": 3.0}, tg.DTypeError, "'loss' must be a list of numbers, got float"),
        ({"loss": [3.0], "f1": [1, 2]}, tg.ShapeError, "the lists must be equally long, got 'loss' 1, 'f1' 2"),
        ([{"loss": 3.0}, {"loss": "x"}], tg.DTypeError, "'loss' of row 1 must be a number, got str"),
        ([{"loss": 3.0}, {"loss": np.ones(2)}], tg.DTypeError, "'loss' of row 1 must be a number, got ndarray"),
        ([], tg.ShapeError, "the history holds no epoch"),
        ({}, tg.ShapeError, "the history holds no epoch"),
        ([{}], tg.ShapeError, "the history holds no epoch"),
        ({"loss": []}, tg.ShapeError, "the history holds no epoch"),
        ([{"note": "a"}], tg.ShapeError, "no key of the history holds numbers"),
        ([{"epoch": 1}], tg.ShapeError, "no key of the history holds numbers besides 'epoch'"),
        ([{f"k{i}": 1 for i in range(31)}], tg.ShapeError, "31 panels are more than 30: pass fewer keys"),
    ],
)
def test_what_is_no_history(history, kind, message):
    with pytest.raises(kind, match=f"^curves: {message}$"):
        plots.curves(history)
