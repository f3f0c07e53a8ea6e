"""The picture of the gradient flow: what stands in it, also where gradients are zero or not finite."""

import math

import numpy as np
import pytest

import nn
import tensorgrad as tg
from nn.train import plots

X, Y = np.random.default_rng(0).random((4, 1, 28, 28), np.float32), [3, 1, 4, 1]


def lines(figure):
    """{label: (places, heights)} of what is plotted."""
    (axes,) = figure.axes
    found = {line.get_label(): line.get_data() for line in axes.lines}
    return {label: (list(x), list(y)) for label, (x, y) in found.items() if not label.startswith("_")}


def names(figure):
    return [label.get_text() for label in figure.axes[0].get_xticklabels()]


def rms(array):
    return float(np.sqrt(np.mean(np.square(array, dtype=np.float64))))


def test_of_a_graph_every_layer_and_parameter_has_its_place_and_size(tmp_path):
    net = nn.models.lenet5()
    figure = plots.gradient_flow(net.draw(X, Y))
    layers = [name for name, module in net.named_modules() if not list(module.children())]
    assert names(figure) == [*layers, "cross_entropy"]
    drawn = lines(figure)
    assert drawn["what came out of the layer"][0] == list(range(13))
    assert drawn["what came out of the layer"][1][-1] == 1
    gradients = tg.grad(nn.functional.cross_entropy(net(X), Y), list(net.parameters()))
    expected = {name: rms(g.data) for (name, _), g in zip(net.named_parameters(), gradients, strict=True)}
    for label, ending in (("weights", "weight"), ("biases, scales", "bias")):
        places, heights = drawn[label]
        assert [layers[place] for place in places] == [n[: -len(ending) - 1] for n in expected if n.endswith(ending)]
        np.testing.assert_allclose(heights, [size for n, size in expected.items() if n.endswith(ending)], rtol=1e-5)
    plots.save(figure, tmp_path / "a.png")
    first = (tmp_path / "a.png").read_bytes()
    plots.save(plots.gradient_flow(net.draw(X, Y)), tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes() == first


def test_of_a_module_its_parameters():
    net = nn.models.lenet5()
    nn.functional.cross_entropy(net(X), Y).backward()
    drawn = lines(plots.gradient_flow(net))
    assert set(drawn) == {"weights", "biases, scales"}
    assert drawn["weights"][1][0] == pytest.approx(rms(net.features[0].weight.grad.data))


def test_zero_nan_and_infinity_are_marked_outside_the_scale():
    net = nn.Sequential(*[nn.Linear(2, 2) for _ in range(4)])
    for layer, value in zip(net, (1.0, 0.0, math.nan, math.inf), strict=True):
        layer.weight.grad = tg.ones(2, 2) * value
    figure = plots.gradient_flow(net)
    (axes,) = figure.axes
    _, heights = lines(figure)["weights"]
    assert heights[1] < heights[0] < heights[2] == heights[3]
    assert [text.get_text() for text in axes.texts] == ["0", "nan", "inf"]
    assert np.isfinite(heights).all()


def test_an_operation_used_twice_stands_where_it_ran_and_a_parameter_where_it_came_first():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(3, 3)
            self.act = nn.Tanh()

        def forward(self, x):
            return self.act(self.fc(self.act(self.fc(x))))

    figure = plots.gradient_flow(Twice().draw(np.ones((2, 3), np.float32), loss=lambda out: out.sum()))
    assert names(figure) == ["fc", "act", "fc", "act", "sum"]
    assert lines(figure)["weights"][0] == [0]


@pytest.mark.parametrize("name", ["$x^{$", "a" * 300, "\\frac"], ids=["dollars", "long", "backslash"])
def test_any_name_is_drawn(name, tmp_path):
    net = nn.Sequential({name: nn.Linear(2, 2)})
    view = net.draw(np.ones((1, 2), np.float32), loss=lambda out: out.sum())
    figure = plots.gradient_flow(view)
    assert len(names(figure)[0]) <= 41
    plots.save(figure, tmp_path / "a.png")
    plots.save(plots.feature_maps({name[:20]: np.ones(3)}), tmp_path / "b.png")


def test_a_deep_network_has_a_picture_of_bounded_size():
    net = nn.Sequential(*[nn.Tanh() for _ in range(600)])
    figure = plots.gradient_flow(net.draw(np.ones((1, 2), np.float32), loss=lambda out: out.sum()))
    assert figure.get_size_inches()[0] <= 20
    assert len(names(figure)) <= plots.MOST_NAMES


def test_without_gradients_there_is_nothing_to_draw():
    for source in (nn.Linear(2, 2), nn.Linear(2, 2).draw(np.ones((1, 2), np.float32))):
        with pytest.raises(tg.GradientError, match="gradient_flow: there are no gradients: run a backward pass"):
            plots.gradient_flow(source)
