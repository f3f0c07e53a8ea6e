"""Pictures of gradients, filters and maps: what stands in them, also where values are many or not finite."""

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


# Filters and maps


@pytest.mark.parametrize(
    "shape, most, said, shown",
    [
        ((64, 16, 3, 3), {}, "a $x$: 64x16x3x3, first 8 of 16 channels", 512),
        ((100, 1, 3, 5), {}, "a $x$: 100x1x3x5, first 64 of 100 filters", 64),
        ((6, 1, 5, 5), {}, "a $x$: 6x1x5x5", 6),
        (
            (9, 9, 1, 7),
            {"most_filters": 2, "most_channels": 3},
            "a $x$: 9x9x1x7, first 2 of 9 filters, first 3 of 9 channels",
            6,
        ),
    ],
)
def test_at_most_so_many_filters_are_drawn_and_the_title_says_of_how_many(shape, most, said, shown, tmp_path):
    figure = plots.filters(np.arange(np.prod(shape), dtype=float).reshape(shape), "a $x$", **most)
    assert figure._suptitle.get_text() == said
    assert not figure._suptitle.get_parse_math()
    assert len(figure.axes) == 2  # the sheet and its colours
    (sheet,) = figure.axes[0].images
    assert np.isfinite(sheet.get_array().filled(np.nan)).sum() == shown * shape[2] * shape[3]
    assert len(figure.axes[0].texts) == shown
    plots.save(figure, tmp_path / "a.png")


def test_filters_stand_at_their_numbers():
    weight = np.arange(2 * 3 * 2 * 2, dtype=float).reshape(2, 3, 2, 2)
    figure = plots.filters(weight)
    sheet = figure.axes[0].images[0].get_array()
    texts = {text.get_text(): text.get_position() for text in figure.axes[0].texts}
    assert list(texts) == ["0,0", "0,1", "0,2", "1,0", "1,1", "1,2"]
    for name, (x, y) in texts.items():
        o, i = map(int, name.split(","))
        np.testing.assert_array_equal(sheet[int(y + 0.5) :, int(x - 0.5) :][:2, :2], weight[o, i])


@pytest.mark.parametrize("name", ["most_filters", "most_channels"])
@pytest.mark.parametrize("value", [0, True, 1.5])
def test_filters_want_whole_numbers(name, value):
    with pytest.raises(tg.ShapeError, match=f"filters: {name} must be a whole number from 1, got {value}"):
        plots.filters(np.ones((1, 1, 3, 3)), **{name: value})


def test_maps_tell_the_range_of_what_is_finite(tmp_path):
    maps = np.arange(8.0).reshape(2, 2, 2)
    maps[0, 0, 0], vector = np.nan, np.array([1.0, np.inf, -2.0])
    figure = plots.feature_maps({"a": maps, "b": vector, "none": np.full(2, np.nan)}, "of $x$")
    said = [axes.get_ylabel().splitlines()[-1] for axes in figure.axes]
    assert said == ["1 to 7, 1 nan", "-2 to 1, 1 inf", "2 nan"]
    assert [axes.images[0].get_clim() for axes in figure.axes] == [(-7, 7), (-2, 2), (-1, 1)]
    assert [text.get_color() for text in figure.axes[1].texts] == ["black", "black", "white"]
    assert not figure._suptitle.get_parse_math()
    plots.save(figure, tmp_path / "a.png")


@pytest.mark.parametrize("what", ["confusion", "flow"])
def test_titles_are_not_read_as_mathematics(what, tmp_path):
    view = nn.Linear(2, 2).draw(np.ones((1, 2), np.float32), loss=lambda out: out.sum())
    title = "$x^{$"
    figure = plots.confusion(np.eye(2, dtype=int), title) if what == "confusion" else plots.gradient_flow(view, title)
    assert figure.axes[0].get_title() == title
    plots.save(figure, tmp_path / "a.png")


def magenta(figure):
    """How many places the pictures of a figure mark as not finite."""
    layers = [image.get_array() for axes in figure.axes for image in axes.images if image.cmap.name == "not finite"]
    return sum(int(layer.sum()) for layer in layers)


def test_filters_with_nan_keep_their_scale_and_mark_it():
    weight = np.random.default_rng(0).normal(size=(4, 1, 3, 3))
    weight[1, 0, 1, 1], weight[2, 0, 0, 0] = np.nan, -np.inf
    figure = plots.filters(weight)
    assert figure.axes[0].images[0].get_clim()[1] == np.abs(weight[np.isfinite(weight)]).max()
    assert magenta(figure) == 2
    assert "2 not finite, magenta" in figure.get_suptitle()
    assert magenta(plots.filters(np.ones((4, 2, 3, 3)))) == 0


def test_feature_maps_with_nan_keep_their_scale_and_mark_it():
    maps = np.random.default_rng(0).normal(size=(3, 4, 4))
    maps[1, 2, 2] = np.nan
    figure = plots.feature_maps({"conv": maps, "fc": np.array([1.0, np.inf, 2.0]), "gone": np.full((2, 3, 3), np.nan)})
    assert figure.axes[0].images[0].get_clim()[1] == np.abs(maps[np.isfinite(maps)]).max()
    assert magenta(figure) == 1 + 1 + 18


def test_a_confusion_matrix_of_many_classes_grows_and_says_no_counts():
    few, many = plots.confusion(np.ones((26, 26), int)), plots.confusion(np.ones((100, 100), int))
    assert few.get_size_inches()[0] > 12
    assert many.get_size_inches()[0] == 30
    assert (len(few.axes[0].texts), len(many.axes[0].texts)) == (26 * 26, 0)
    assert len(many.axes[0].get_xticks()) < 20


def test_a_confusion_matrix_has_names_and_short_numbers():
    figure = plots.confusion(np.array([[0.91234567, 0.0], [0.08765433, 1.0]]), names=["cat", "d$o$g"])
    assert [text.get_text() for text in figure.axes[0].texts] == ["0.91", "0.088", "1"]
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["cat", "d$o$g"]
    with pytest.raises(tg.ShapeError, match="confusion: there are 1 names for 2 classes"):
        plots.confusion(np.eye(2), names=["cat"])
