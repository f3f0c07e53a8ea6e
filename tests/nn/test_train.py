"""nn.train, the parts that the examples share."""

import numpy as np
import pytest

import tensorgrad as tg
from nn.train import Confusion, accuracy, confusion_matrix, layer_outputs, most_confused, plots, predict
from tensorgrad import nn

rng = np.random.default_rng(0)


def small_net():
    init, drop = np.random.default_rng(0).spawn(2)
    return nn.Sequential(
        {
            "conv": nn.Conv2d(1, 2, 3, generator=init),
            "bn": nn.BatchNorm2d(2),
            "head": nn.Sequential(nn.Flatten(), nn.Dropout(0.5, generator=drop), nn.Linear(18, 4, generator=init)),
        }
    )


IMAGES = rng.standard_normal((7, 1, 5, 5)).astype(np.float32)


def test_predict_is_the_model_in_evaluation_mode_whatever_the_batch_size():
    net = small_net()
    expected = net.eval()(IMAGES).data
    for batch_size in (1, 3, 7, 100):
        np.testing.assert_allclose(predict(net, IMAGES, batch_size), expected, atol=1e-6)
    np.testing.assert_array_equal(predict(net, tg.tensor(IMAGES)), expected)


def test_predict_leaves_the_model_as_it_was_also_after_an_error():
    net = small_net().train()
    net.bn.eval()  # a part that its owner froze stays frozen
    state = {name: value.data.copy() for name, value in net.state_dict().items()}
    predict(net, IMAGES)
    layer_outputs(net, IMAGES)
    with pytest.raises(tg.ShapeError, match="channels"):
        predict(net, np.zeros((1, 2, 5, 5), np.float32))
    assert [module.training for module in net.modules()] == [True, True, False, True, True, True, True]
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(value.data, state[name])
    assert all(not module._forward_hooks for module in net.modules())


def test_predict_refuses_no_inputs():
    with pytest.raises(tg.ShapeError, match=r"predict: no inputs: their shape is \(0, 1, 5, 5\)"):
        predict(small_net(), IMAGES[:0])


def test_layer_outputs_names_the_innermost_modules_in_order_of_the_calls():
    net = small_net()
    outputs = layer_outputs(net, IMAGES)
    assert {name: array.shape for name, array in outputs.items()} == {
        "conv": (7, 2, 3, 3), "bn": (7, 2, 3, 3), "head.0": (7, 18), "head.1": (7, 18), "head.2": (7, 4),
    }  # fmt: skip
    np.testing.assert_array_equal(outputs["head.2"], predict(net, IMAGES))


def test_accuracy_counts_the_first_of_equal_scores():
    scores = np.array([[0.0, 1.0], [2.0, 2.0], [3.0, 1.0]])
    assert accuracy(scores, np.array([1, 0, 1])) == pytest.approx(2 / 3)
    with pytest.raises(tg.ShapeError, match=r"accuracy: .* got \(3, 2\) and \(2,\)"):
        accuracy(scores, np.array([1, 0]))
    with pytest.raises(tg.ShapeError, match=r"accuracy: .* got \(0, 2\) and \(0,\)"):
        accuracy(scores[:0], np.array([], int))


def test_confusion_matrix_has_the_actual_class_in_the_row():
    labels, predictions = np.array([0, 0, 1, 2, 2, 2], np.uint8), np.array([0, 1, 1, 0, 0, 2])
    matrix = confusion_matrix(labels, predictions, 3)
    assert matrix.tolist() == [[1, 1, 0], [0, 1, 0], [2, 0, 1]]
    assert most_confused(matrix) == Confusion(actual=2, predicted=0, times=2)
    assert most_confused(np.eye(3, dtype=int)) is None
    assert confusion_matrix(labels[:0], predictions[:0], 2).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize(
    "labels, predictions, error, message",
    [
        ([0, 1], [0], tg.ShapeError, r"labels and predictions must be \(N\), got \(2,\) and \(1,\)"),
        ([0, 3], [0, 1], tg.LabelError, "labels holds 3, expected 0 to 2"),
        ([0, 1], [0, -1], tg.LabelError, "predictions holds -1, expected 0 to 2"),
        ([0, 1], [0.0, 1.0], tg.DTypeError, "predictions has dtype float64, classes are integers"),
    ],
)
def test_confusion_matrix_refuses_what_does_not_fit(labels, predictions, error, message):
    with pytest.raises(error, match=f"confusion_matrix: {message}"):
        confusion_matrix(np.array(labels), np.array(predictions), 3)


ROW = {"epoch": 1, "lr": 1e-3, "train_loss": 1.0, "test_loss": 2.0, "train_accuracy": 0.5, "test_accuracy": 0.25}
FIGURES = {
    "one epoch": lambda: plots.curves([ROW]),
    "three epochs": lambda: plots.curves([ROW, ROW | {"epoch": 2}, ROW | {"epoch": 3, "train_loss": 0.01}]),
    "one filter": lambda: plots.filters(np.ones((1, 1, 3, 3))),
    "many filters": lambda: plots.filters(rng.standard_normal((5, 2, 3, 4))),
    "zero filters": lambda: plots.filters(np.zeros((2, 1, 3, 3))),
    "maps": lambda: plots.feature_maps({"a": rng.standard_normal((20, 5, 4)), "b": np.zeros(30), "c": np.arange(4.0)}),
    "confusion": lambda: plots.confusion(np.array([[3, 1], [0, 4]])),
    "no confusion": lambda: plots.confusion(np.eye(3, dtype=int)),
    "one class": lambda: plots.confusion(np.array([[3]])),
}


@pytest.mark.parametrize("draw", FIGURES.values(), ids=FIGURES)
def test_every_figure_is_drawn_and_the_same_each_time(draw, tmp_path):
    plots.save(draw(), tmp_path / "a.png")
    content = (tmp_path / "a.png").read_bytes()
    assert content.startswith(b"\x89PNG")


def test_a_figure_that_cannot_be_written_leaves_the_old_one(tmp_path):
    figure = plots.confusion(np.eye(2, dtype=int))
    (tmp_path / "a.bad").write_text("old")
    with pytest.raises(ValueError, match="bad"):
        plots.save(figure, tmp_path / "a.bad")
    assert (tmp_path / "a.bad").read_text() == "old"
    with pytest.raises(ValueError, match="no suffix"):
        plots.save(figure, tmp_path / "name")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        plots.save(figure, tmp_path / "nowhere" / "a.png")


@pytest.mark.parametrize(
    "draw, message",
    [
        (lambda: plots.filters(np.ones((3, 3))), r"filters: weight must be \(O, I, KH, KW\), got \(3, 3\)"),
        (lambda: plots.filters(np.ones((0, 1, 3, 3))), r"filters: weight must be \(O, I, KH, KW\), got \(0, 1, 3, 3\)"),
        (lambda: plots.feature_maps({"a": np.ones((2, 2))}), r"feature_maps: 'a' must be \(C, H, W\) or \(F\), got"),
        (lambda: plots.feature_maps({}), "feature_maps: there is no stage"),
        (lambda: plots.confusion(np.ones((2, 3))), r"confusion: matrix must be \(C, C\), got \(2, 3\)"),
        (lambda: plots.curves([]), "curves: the history holds no epoch"),
    ],
)
def test_figures_refuse_what_they_cannot_draw(draw, message):
    with pytest.raises(tg.ShapeError, match=message):
        draw()
