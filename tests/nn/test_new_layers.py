"""Layers made of a function and its settings: results worked out by hand, what the declaration gives, and errors.

Outputs, gradients, states and reprs are compared with PyTorch's in tests/parity/test_new_layers_parity.py.
"""

import copy
import inspect
import pickle
import re

import numpy as np
import pytest

import nn
import tensorgrad as tg
from nn import functional as F
from nn.function import FunctionLayer, layer_of, settings


def rounded(tensor):
    return np.round(tensor.data.astype(float), 4).tolist()


LINE, SQUARE = [[[3.0, 4.0, 0.0, 0.0]]], [[[[1.0, 2.0], [3.0, 4.0]]]]


@pytest.mark.parametrize(
    "layer, given, expected",
    [
        (nn.CELU(2.0), [-2.0, 3.0], [-1.2642, 3]),
        (nn.Mish(), [-1.0, 3.0], [-0.3034, 2.9865]),
        (nn.Softsign(), [-1.0, 3.0], [-0.5, 0.75]),
        (nn.Tanhshrink(), [0.0, 2.0], [0, 1.036]),
        (nn.Hardsigmoid(), [-4.0, 0.0, 1.5, 4.0], [0, 0.5, 0.75, 1]),
        (nn.Hardswish(), [-4.0, 1.5, 4.0], [0, 1.125, 4]),
        (nn.Threshold(1.0, -7.0), [0.5, 1.0, 2.0], [-7, -7, 2]),
        (nn.Hardshrink(), [-0.5, 0.4, 2.0], [0, 0, 2]),
        (nn.Softshrink(1.0), [-3.0, 0.4, 2.0], [-2, 0, 1]),
        (nn.RReLU(0.25, 0.75).eval(), [-2.0, 3.0], [-1, 3]),
        (nn.RReLU(0.25, 0.25), [-2.0, 3.0], [-0.5, 3]),
        (nn.GLU(), [5.0, 6.0, 0.0, 0.0], [2.5, 3]),
        (nn.Softmax2d(), [[[0.0]], [[0.0]]], [[[0.5]], [[0.5]]]),
        (nn.AlphaDropout(1.0), [1.0, 2.0], [0, 0]),
        (nn.AlphaDropout(0.5).eval(), [1.0, 2.0], [1, 2]),
        (nn.FeatureAlphaDropout(0.0), [[1.0, 2.0]], [[1, 2]]),
        (nn.PixelShuffle(2), [[[1.0]], [[2.0]], [[3.0]], [[4.0]]], [[[1, 2], [3, 4]]]),
        (nn.PixelUnshuffle(2), [[[1.0, 2.0], [3.0, 4.0]]], [[[1]], [[2]], [[3]], [[4]]]),
        (nn.ChannelShuffle(2), [[[1.0], [2.0], [3.0], [4.0]]], [[[1], [3], [2], [4]]]),
        (nn.LocalResponseNorm(2, 2.0, 1.0), [[[2.0], [3.0]]], [[[0.4], [0.2143]]]),
        (nn.LPPool1d(2, 2), LINE, [[[5, 0]]]),
        (nn.LPPool2d(1, 2), SQUARE, [[[[10]]]]),
        (nn.LPPool3d(float("inf"), (1, 2, 2)), [SQUARE], [[[[[4]]]]]),
        (nn.Unflatten(0, (2, -1)), [1.0, 2.0, 3.0, 4.0], [[1, 2], [3, 4]]),
    ],
    ids=lambda value: repr(value) if isinstance(value, nn.Module) else "",
)
def test_results_worked_out_by_hand(layer, given, expected):
    assert rounded(layer(tg.tensor(given))) == expected


@pytest.mark.parametrize(
    "layer, given, expected",
    [
        (nn.CosineSimilarity(), ([[3.0, 4.0]], [[1.0, 0.0]]), [0.6]),
        (nn.CosineSimilarity(0), ([3.0, 4.0], [1.0, 0.0]), 0.6),
        (nn.PairwiseDistance(eps=0.0), ([[3.0, 4.0]], [[0.0, 0.0]]), [5]),
        (nn.PairwiseDistance(1, 0.0, True), ([[3.0, 4.0]], [[0.0, 0.0]]), [[7]]),
        (nn.CosineEmbeddingLoss(0.1), ([[3.0, 4.0]], [[1.0, 0.0]], [-1]), 0.5),
        (nn.MarginRankingLoss(0.5), ([1.0, 2.0], [0.0, 3.0], [-1, 1]), 1.5),
        (nn.HingeEmbeddingLoss(reduction="sum"), ([0.25, 3.0, 3.0], [-1, -1, 1]), 3.75),
        (nn.SoftMarginLoss(), ([0.0], [1]), 0.6931),
        (nn.MultiMarginLoss(), ([[1.0, 0.5, 0.0]], [0]), 0.1667),
        (nn.MultiMarginLoss(2, 2.0, tg.tensor([3.0, 1.0, 1.0])), ([[1.0, 0.5, 0.0]], [0]), 3.25),
        (nn.MultiLabelMarginLoss(), ([[0.1, 0.2, 0.4, 0.8]], [[3, 0, -1, 1]]), 0.85),
        (nn.MultiLabelSoftMarginLoss(), ([[0.0, 0.0]], [[1.0, 0.0]]), 0.6931),
        (nn.TripletMarginLoss(eps=0.0), ([[0.0]], [[2.0]], [[2.5]]), 0.5),
        (nn.TripletMarginLoss(eps=0.0, swap=True), ([[0.0]], [[2.0]], [[2.5]]), 2.5),
        (
            nn.TripletMarginWithDistanceLoss(distance_function=lambda x, y: abs(x - y).sum(1) * 2),
            ([[0.0]], [[2.0]], [[2.5]]),
            0,
        ),
        (nn.GaussianNLLLoss(), ([1.0], [3.0], [4.0]), 1.1931),
        (nn.PoissonNLLLoss(), ([0.0], [2.0]), 1),
        (nn.PoissonNLLLoss(False, eps=0.0), ([1.0], [2.0]), 1),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_results_of_several_inputs_worked_out_by_hand(layer, given, expected):
    assert rounded(layer(*map(tg.tensor, given))) == expected


def test_bilinear():
    layer = nn.Bilinear(2, 3, 1)
    with tg.no_grad():
        layer.weight.copy_(tg.tensor([[[1.0, 2, 3], [4, 5, 6]]]))
        layer.bias.fill_(0.5)
    assert layer(tg.tensor([1.0, 2.0]), tg.tensor([1.0, 0.0, -1.0])).tolist() == [-5.5]
    assert [(k, tuple(v.shape)) for k, v in layer.state_dict().items()] == [("weight", (1, 2, 3)), ("bias", (1,))]
    assert nn.Bilinear(2, 3, 1, bias=False, dtype=np.float64).weight.dtype == np.float64
    one, other = (nn.Bilinear(2, 3, 4, generator=np.random.default_rng(1)) for _ in range(2))
    np.testing.assert_array_equal(one.weight.data, other.weight.data)
    before = one.bias.data.copy()
    one.reset_parameters()
    assert not np.array_equal(one.bias.data, before)


def test_multiply_adds_of_bilinear():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.mix = nn.Bilinear(4, 4, 5)

        def forward(self, x):
            return self.mix(x, x)

    assert nn.summary(Net(), (3, 4)).multiply_adds == 3 * 5 * 16


def test_unpooling_layers():
    x = tg.tensor(SQUARE)
    values, indices = nn.MaxPool2d(2, return_indices=True)(x)
    assert nn.MaxUnpool2d(2)(values, indices).tolist() == [[[[0, 0], [0, 4]]]]
    values, indices = nn.MaxPool1d(2, return_indices=True)(tg.tensor(LINE))
    assert nn.MaxUnpool1d(2)(values, indices).tolist() == [[[0, 4, 0, 0]]]
    assert nn.MaxUnpool1d(2)(values, indices, output_size=(1, 1, 5)).tolist() == [[[0, 4, 0, 0, 0]]]
    values, indices = nn.MaxPool3d(2, return_indices=True)(tg.ones(1, 1, 2, 2, 2))
    assert nn.MaxUnpool3d(2, 2, 0)(values, indices).shape == (1, 1, 2, 2, 2)


def test_layers_that_draw_repeat_with_their_generator():
    x = tg.tensor(-np.ones((4, 50)))
    for make in (nn.RReLU, nn.AlphaDropout, nn.FeatureAlphaDropout):
        one, other = (make(generator=np.random.default_rng(3))(x).data for _ in range(2))
        np.testing.assert_array_equal(one, other)
        assert len(np.unique(one)) > 1
        layer = make()
        assert not np.array_equal(layer(x).data, layer(x).data)
        np.testing.assert_array_equal(layer.eval()(x).data, layer(x).data)


# What a declaration gives


def test_every_layer_passes_its_settings_to_its_function():
    """Each layer that declares settings, each setting in turn: its function is given it under its name."""
    needed = {"Threshold": (1.0, 2.0), "PixelShuffle": (2,), "PixelUnshuffle": (2,), "ChannelShuffle": (2,)}
    needed |= {"LocalResponseNorm": (2,), "Softmax": (0,), "LogSoftmax": (0,), "Softmin": (0,)}
    needed |= {f"LPPool{rank}d": (2, 2) for rank in (1, 2, 3)}
    layers = [kind for kind in vars(nn).values() if isinstance(kind, type) and issubclass(kind, FunctionLayer)]
    assert len(layers) > 60
    for kind in layers:
        layer = kind(*needed.get(kind.__name__, ()))
        taken = inspect.signature(layer._function).parameters
        assert set(layer._settings()) <= set(taken), kind
        assert layer._function is getattr(F, layer._function.__name__), kind


def test_a_layer_of_ones_own():
    def scaled(input, factor, shift=0.0):
        return input * factor + shift

    @layer_of(scaled)
    class Scale(FunctionLayer):
        factor: float
        shift: float = 1.0

    layer = Scale(3.0)
    assert layer(tg.tensor(2.0)).item() == 7
    assert layer(input=tg.tensor(2.0)).item() == 7
    assert repr(layer) == "Scale(factor=3.0, shift=1.0)"
    layer.shift = 2.0
    assert layer(tg.tensor(2.0)).item() == 8
    assert not hasattr(Scale, "shift")
    with pytest.raises(TypeError, match="factor"):
        Scale()

    @settings
    class Base(FunctionLayer):
        factor: float = 2.0

    @layer_of(scaled)
    class Twice(Base):
        """Nothing of its own."""

    assert Twice()(tg.tensor(2.0)).item() == 4
    assert Scale(1.0) != Scale(1.0)  # a module is itself and no other
    assert len({Scale(1.0), Scale(1.0)}) == 2


def test_subclasses_with_a_constructor_of_their_own():
    class Steep(nn.LeakyReLU):
        def __init__(self):
            super().__init__(0.5)
            self.gain = nn.Parameter(np.ones(1))

        def forward(self, input):
            return super().forward(input) * self.gain

    layer = Steep()
    assert layer(tg.tensor([-2.0])).item() == -1
    assert list(layer.state_dict()) == ["gain"]
    assert repr(layer) == "Steep(negative_slope=0.5)"


def test_layers_are_copied_and_pickled_whole():
    for layer in (nn.CELU(0.3), nn.BCEWithLogitsLoss(tg.tensor([2.0]), pos_weight=tg.tensor([3.0])), nn.Dropout(0.2)):
        for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
            assert repr(twin) == repr(layer)
            assert {k: v.tolist() for k, v in twin.state_dict().items()} == {
                k: v.tolist() for k, v in layer.state_dict().items()
            }


def test_weights_of_losses_are_buffers_and_follow_casts():
    for make in (nn.MultiMarginLoss, nn.MultiLabelSoftMarginLoss, nn.BCELoss, nn.CrossEntropyLoss):
        loss = make(weight=[1.0, 2.0])
        assert loss.state_dict()["weight"].tolist() == [1, 2]
        assert loss.double().weight.dtype == np.float64
        assert make().weight is None
    assert not hasattr(nn.MSELoss(), "size_average")


def test_inputs_by_name():
    x, y = tg.tensor([[3.0, 4.0]]), tg.tensor([[1.0, 0.0]])
    assert rounded(nn.CosineSimilarity()(x1=x, x2=y)) == [0.6]
    assert nn.MSELoss()(input=x, target=y).item() == 10
    assert nn.GaussianNLLLoss()(x, target=y, var=tg.ones(1, 2)).item() == 5
    assert nn.ReLU()(input=x).tolist() == x.tolist()


@pytest.mark.parametrize(
    "make, error, text",
    [
        (lambda: nn.AlphaDropout(-0.1), tg.ShapeError, "AlphaDropout: p must be a probability from 0 to 1, got -0.1"),
        (lambda: nn.Hardtanh(2, 1), tg.ShapeError, "Hardtanh: min_val must be below max_val, got 2 and 1"),
        (lambda: nn.TripletMarginLoss(0), tg.ShapeError, "TripletMarginLoss: margin must be positive, got 0"),
        (
            lambda: nn.TripletMarginWithDistanceLoss(margin=-1),
            tg.ShapeError,
            "TripletMarginWithDistanceLoss: margin must be positive, got -1",
        ),
        (
            lambda: nn.SoftMarginLoss(reduction="max"),
            tg.ShapeError,
            "SoftMarginLoss: reduction must be 'mean', 'sum' or 'none', got 'max'",
        ),
        (
            lambda: nn.Softmax2d()(tg.ones(2, 3)),
            tg.ShapeError,
            "Softmax2d: input must be (N, C, H, W) or (C, H, W), got (2, 3)",
        ),
        (
            lambda: nn.Bilinear(0, 3, 2),
            tg.ShapeError,
            "Bilinear: in1_features must be a positive int, got 0",
        ),
        (
            lambda: nn.Bilinear(2, 3, -1),
            tg.ShapeError,
            "Bilinear: out_features must be an int that is not negative, got -1",
        ),
        (
            lambda: nn.MaxUnpool2d((2, 2, 2)),
            tg.ShapeError,
            "MaxUnpool2d: kernel_size must be an int or 2 ints, got (2, 2, 2)",
        ),
        (
            lambda: nn.Unflatten(1, 3),
            tg.DTypeError,
            "Unflatten: unflattened_size must be a tuple of ints, got 3",
        ),
        (
            lambda: nn.Bilinear(2, 3, 1)(tg.ones(2, 3), tg.ones(2, 3)),
            tg.ShapeError,
            "bilinear: input1 (2, 3) and input2 (2, 3) do not fit weight (1, 2, 3)",
        ),
    ],
)
def test_errors_name_the_layer_and_the_values(make, error, text):
    with pytest.raises(error, match=f"^{re.escape(text)}"):
        make()
