"""Layers beyond those of test_layers.py, without PyTorch: small results worked out by hand, and errors.

Their outputs, gradients, states and reprs are compared with PyTorch's in tests/parity/test_nn_parity.py.
"""

import math
import re

import numpy as np
import pytest

import nn
import tensorgrad as tg
from nn import functional as F
from tests.parity import tally


def rounded(tensor):
    return np.round(tensor.data.astype(float), 4).tolist()


LINE = [[[1.0, 2.0, 4.0, 8.0]]]
SQUARE = [[[[1.0, 2.0], [3.0, 4.0]]]]


@pytest.mark.parametrize(
    "layer, given, expected",
    [
        (nn.MaxPool1d(2), LINE, [[[2, 8]]]),
        (nn.AvgPool1d(2, 1), LINE, [[[1.5, 3, 6]]]),
        (nn.AvgPool2d(2), SQUARE, [[[[2.5]]]]),
        (nn.AvgPool3d(1), [SQUARE], [SQUARE]),
        (nn.MaxPool3d((1, 2, 2)), [SQUARE], [[[[[4]]]]]),
        (nn.AdaptiveAvgPool1d(2), LINE, [[[1.5, 6]]]),
        (nn.AdaptiveAvgPool2d(1), SQUARE, [[[[2.5]]]]),
        (nn.AdaptiveAvgPool3d((None, 1, 2)), [SQUARE], [[[[[2, 3]]]]]),
        (nn.AdaptiveMaxPool1d(1), LINE, [[[8]]]),
        (nn.AdaptiveMaxPool2d((1, 2)), SQUARE, [[[[3, 4]]]]),
        (nn.AdaptiveMaxPool3d(1), [SQUARE], [[[[[4]]]]]),
        (nn.ZeroPad1d((1, 2)), LINE, [[[0, 1, 2, 4, 8, 0, 0]]]),
        (nn.ConstantPad1d(1, 9), LINE, [[[9, 1, 2, 4, 8, 9]]]),
        (nn.ReflectionPad1d(2), LINE, [[[4, 2, 1, 2, 4, 8, 4, 2]]]),
        (nn.ReplicationPad1d((2, 0)), LINE, [[[1, 1, 1, 2, 4, 8]]]),
        (nn.CircularPad1d((1, 1)), LINE, [[[8, 1, 2, 4, 8, 1]]]),
        (nn.ZeroPad2d((1, 0, 0, 1)), SQUARE, [[[[0, 1, 2], [0, 3, 4], [0, 0, 0]]]]),
        (nn.Upsample(scale_factor=2), [[[1.0, 2.0]]], [[[1, 1, 2, 2]]]),
        (nn.Unfold((1, 2)), SQUARE, [[[1, 3], [2, 4]]]),
        (nn.Fold((1, 3), (1, 2)), [[[1.0, 2.0], [3.0, 4.0]]], [[[[1, 5, 4]]]]),
        (nn.ReLU6(), [-1.0, 3.0, 7.0], [0, 3, 6]),
        (nn.LeakyReLU(0.1), [-1.0, 3.0], [-0.1, 3]),
        (nn.PReLU(), [-1.0, 3.0], [-0.25, 3]),
        (nn.ELU(2.0), [-1.0, 3.0], [-1.2642, 3]),
        (nn.SELU(), [-1.0, 3.0], [-1.1113, 3.1521]),
        (nn.GELU(), [-1.0, 3.0], [-0.1587, 2.996]),
        (nn.GELU("tanh"), [-1.0, 3.0], [-0.1588, 2.9964]),
        (nn.SiLU(), [-1.0, 3.0], [-0.2689, 2.8577]),
        (nn.Softplus(), [-1.0, 30.0], [0.3133, 30]),
        (nn.Hardtanh(-2, 1), [-3.0, 0.5, 3.0], [-2, 0.5, 1]),
        (nn.LogSigmoid(), [-100.0, 0.0], [-100, -0.6931]),
        (nn.Softmin(0), [0.0, math.log(3)], [0.75, 0.25]),
        (nn.LayerNorm(2, eps=0), [[1.0, 3.0], [5.0, 4.0]], [[-1, 1], [1, -1]]),
        (nn.RMSNorm(2, eps=0), [[3.0, 4.0]], [[0.8485, 1.1314]]),
        (nn.GroupNorm(1, 2, eps=0), [[[1.0], [3.0]]], [[[-1], [1]]]),
        (nn.InstanceNorm1d(1, eps=0), [[[1.0, 3.0]]], [[[-1, 1]]]),
        (nn.InstanceNorm1d(1, eps=0), [[1.0, 3.0]], [[-1, 1]]),
        (nn.BatchNorm3d(1, eps=0), [[[[[1.0, 3.0]]]]], [[[[[-1, 1]]]]]),
    ],
    ids=lambda value: repr(value) if isinstance(value, nn.Module) else "",
)
def test_results_worked_out_by_hand(layer, given, expected):
    assert rounded(layer(tg.tensor(given))) == expected


def test_indices_of_max_pooling():
    values, indices = nn.AdaptiveMaxPool2d(1, return_indices=True)(tg.tensor(SQUARE))
    assert (values.item(), indices.item()) == (4, 3)
    values, indices = nn.MaxPool1d(2, return_indices=True)(tg.tensor(LINE))
    assert indices.tolist() == [[[1, 3]]]


@pytest.mark.parametrize("rank, shape", [(1, (2, 4, 9)), (2, (2, 4, 7, 6)), (3, (2, 4, 5, 4, 3))])
def test_convolutions_pass_on_their_settings(rank, shape):
    x = tg.randn(shape)
    layer = getattr(nn, f"Conv{rank}d")(4, 6, 3, stride=2, padding=1, dilation=1, groups=2)
    function = getattr(F, f"conv{rank}d")
    np.testing.assert_array_equal(layer(x).data, function(x, layer.weight, layer.bias, 2, 1, 1, 2).data)
    layer = getattr(nn, f"ConvTranspose{rank}d")(4, 6, 3, 2, 1, 1, 2, dilation=2)
    function = getattr(F, f"conv_transpose{rank}d")
    expected = function(x, layer.weight, layer.bias, 2, 1, 1, 2, 2)
    np.testing.assert_array_equal(layer(x).data, expected.data)
    assert layer.weight.shape == (4, 3, *[3] * rank)
    assert layer(x, expected.shape).shape == layer(x, expected.shape[2:]).shape == expected.shape


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_convolutions_pad_by_other_modes(mode):
    x = tg.randn(2, 3, 6, 5)
    for padding, width in ((1, (1, 1, 1, 1)), ((0, 2), (2, 2, 0, 0)), ("same", (0, 1, 1, 1)), ("valid", (0,) * 4)):
        layer = nn.Conv2d(3, 4, (3, 2), padding=padding, padding_mode=mode)
        expected = F.conv2d(F.pad(x, width, mode), layer.weight, layer.bias)
        np.testing.assert_array_equal(layer(x).data, expected.data)
    assert repr(layer).endswith(f", padding_mode={mode})")


PAIRS = {1: ((2, 0),), 2: ((1, 0), (0, 2)), 3: ((0, 1), (2, 1), (1, 0))}  # (before, after) for each axis
SHAPES = {1: (2, 4, 9), 2: (2, 4, 7, 6), 3: (2, 4, 5, 4, 3)}


def as_pad(pairs):
    """Pairs for each axis as `pad` takes them, the last axis first."""
    return tuple(n for pair in reversed(pairs) for n in pair)


def gradients(function, *inputs):
    """The value, and the gradients of the inputs for a cotangent that differs from place to place."""
    inputs = [x.detach().requires_grad_() for x in inputs]
    y = function(*inputs)
    cotangent = tg.tensor(np.random.default_rng(1).standard_normal(y.shape))
    return [y.data, *(gradient.data for gradient in tg.grad(y, inputs, cotangent))]


def assert_alike(layer, x, *functions):
    """A layer, and functions of x, its weight and its bias: the same values and gradients."""
    layer.double()
    x, weight, bias = x.double().requires_grad_(), layer.weight, layer.bias
    y = layer(x)
    cotangent = tg.tensor(np.random.default_rng(1).standard_normal(y.shape))
    found = [y.data, *(gradient.data for gradient in tg.grad(y, (x, weight, bias), cotangent))]
    for function in functions:
        for one, other in zip(found, gradients(function, x, weight, bias), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
def test_convolutions_pad_each_side_of_an_axis_differently(rank, mode):
    pairs, x = PAIRS[rank], tg.randn(SHAPES[rank])
    layer = getattr(nn, f"Conv{rank}d")(4, 6, 2, stride=2, padding=pairs, groups=2, padding_mode=mode)
    function = getattr(F, f"conv{rank}d")
    how = "constant" if mode == "zeros" else mode

    def padded_first(x, weight, bias):
        return function(F.pad(x, as_pad(pairs), how), weight, bias, stride=2, groups=2)

    def by_the_function(x, weight, bias):
        return function(x, weight, bias, stride=2, padding=pairs, groups=2)

    assert_alike(layer, x, padded_first, *[by_the_function] * (mode == "zeros"))
    assert layer(x.double()).shape[2:] == tuple(
        (n + sum(pair) - 2) // 2 + 1 for n, pair in zip(x.shape[2:], pairs, strict=True)
    )
    assert layer(x[0].double()).shape == layer(x.double()).shape[1:]  # one image
    assert layer.state_dict().keys() == {"weight", "bias"}
    assert f", padding={pairs}, groups=2" in repr(layer)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_transposed_convolutions_cut_each_side_of_an_axis_differently(rank):
    pairs, x = PAIRS[rank], tg.randn(SHAPES[rank])
    layer = getattr(nn, f"ConvTranspose{rank}d")(4, 6, 3, 2, pairs, 1, 2)
    function = getattr(F, f"conv_transpose{rank}d")

    def cut_after(x, weight, bias):
        whole = function(x, weight, bias, 2, 0, 1, 2)
        return whole[(..., *(slice(a, n - b) for (a, b), n in zip(pairs, whole.shape[2:], strict=True)))]

    assert_alike(layer, x, cut_after, lambda x, weight, bias: function(x, weight, bias, 2, pairs, 1, 2))
    x, size = x.double(), layer(x.double()).shape
    assert layer(x, size).shape == layer(x, size[2:]).shape == size
    smaller = tuple(n - 1 for n in size[2:])
    assert layer(x, smaller).shape[2:] == smaller
    with pytest.raises(tg.ShapeError, match=re.escape(f"must be from {smaller} to {size[2:]} for input {x.shape}")):
        layer(x, tuple(n - 2 for n in size[2:]))
    assert layer.state_dict().keys() == {"weight", "bias"}
    assert f", padding={pairs}, output_padding=" in repr(layer)
    # Its adjoint is the convolution with the same padding, which gives the input's shape back.
    back = getattr(nn, f"Conv{rank}d")(6, 4, 3, 2, pairs, groups=2).double()
    assert back(layer(x)).shape == x.shape


def test_padding_whose_sides_are_alike_is_that_of_one_number_for_each_axis():
    for kind in (nn.Conv2d, nn.ConvTranspose2d):
        layer = kind(1, 1, 3, padding=[[1, 1], [2, 2]])
        assert layer.padding == (1, 2)
        assert repr(layer) == repr(kind(1, 1, 3, padding=(1, 2)))
        assert kind(1, 1, 3, padding=[[1, np.int64(0)], (2, 2)]).padding == ((1, 0), (2, 2))
    assert repr(nn.Conv2d(1, 1, 3, padding=((0, 0), (0, 0)))) == "Conv2d(1, 1, kernel_size=(3, 3), stride=(1, 1))"


def test_summary_and_notation_of_padding_in_pairs():
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=((1, 0), (0, 2))),
        nn.Conv2d(4, 2, 3, padding=((2, 0), (1, 0)), padding_mode="reflect"),
        nn.ConvTranspose2d(2, 1, 3, padding=((1, 0), (0, 0))),
    )
    found = nn.summary(net, (5, 1, 8, 6))
    shapes = [row.output_shape for row in found.rows[1:]]
    assert (
        shapes
        == [(5, 4, 7, 6), (5, 2, 7, 5), (5, 1, 8, 7)]
        == [(5, 4, 7, 6), (5, 2, 7, 5), net(tg.ones(5, 1, 8, 6)).shape]
    )
    work = [5 * 4 * 7 * 6 * 9, 5 * 2 * 7 * 5 * 4 * 9, 5 * 2 * 7 * 5 * 9]
    assert [row.multiply_adds for row in found.rows[1:]] == work
    assert found.multiply_adds == sum(work)
    assert [row.notation for row in found.rows] == [""] * 4  # it has one number for both sides
    assert found.notation == ""
    # What padding="same" does for an even kernel has: nothing is said.
    assert nn.notation(nn.Conv2d(1, 4, 2, padding=((0, 1), (0, 1)))) == "[2x2, 4] linear"
    assert nn.summary(nn.Conv2d(1, 4, 2, 2, padding=((0, 1), (0, 1))), (1, 1, 5, 5)).rows[0].notation == ""
    assert nn.notation(nn.Conv2d(1, 4, 3, padding=((1, 1), (1, 1)))) == "[3x3, 4] linear"


def test_running_statistics_of_instance_norm():
    layer = nn.InstanceNorm2d(1, track_running_stats=True, momentum=0.5)
    x = tg.tensor([[[[0.0, 2.0]]], [[[4.0, 8.0]]]])
    layer(x)
    assert layer.running_mean.item() == 0.5 * (1 + 6) / 2
    assert layer.running_var.item() == 0.5 + 0.5 * (2 + 8) / 2
    mean, scale = layer.running_mean.item(), math.sqrt(layer.running_var.item() + 1e-5)
    np.testing.assert_allclose(layer.eval()(x).data, (x.data - mean) / scale, rtol=1e-6)
    assert layer.running_mean.item() == mean


def test_embedding():
    tg.manual_seed(0)
    layer = nn.Embedding(5, 3, padding_idx=-1)
    assert (layer.weight.data[4] == 0).all()
    out = layer(np.array([[0, 4], [2, 2]]))
    np.testing.assert_array_equal(out.data, layer.weight.data[[[0, 4], [2, 2]]])
    out.sum().backward()
    assert layer.weight.grad.data[:, 0].tolist() == [1, 0, 2, 0, 0]
    assert repr(layer) == "Embedding(5, 3, padding_idx=4)"
    twin = nn.Embedding(5, 3, generator=np.random.default_rng(0))
    assert twin.weight.tolist() == nn.Embedding(5, 3, generator=np.random.default_rng(0)).weight.tolist()


def test_dropout_of_channels_repeats_with_its_generator():
    x = tg.ones(4, 6, 2, 2)
    outs = [nn.Dropout2d(0.5, generator=np.random.default_rng(3))(x).tolist() for _ in range(2)]
    assert outs[0] == outs[1]
    assert nn.Dropout1d(1.0)(tg.ones(3, 2)).tolist() == [[0, 0]] * 3


@pytest.mark.parametrize(
    "loss, given, target, expected",
    [
        (nn.MSELoss(), [1.0, 2.0], [2.0, 4.0], 2.5),
        (nn.L1Loss(reduction="sum"), [1.0, 2.0], [2.0, 4.0], 3),
        (nn.SmoothL1Loss(beta=2.0), [0.0, 0.0], [1.0, 4.0], (0.25 + 3) / 2),
        (nn.HuberLoss(delta=2.0), [0.0, 0.0], [1.0, 4.0], (0.5 + 6) / 2),
        (nn.BCELoss(), [0.5, 0.25], [1.0, 0.0], (math.log(2) - math.log(0.75)) / 2),
        (nn.BCEWithLogitsLoss(), [0.0, 1000.0], [1.0, 1.0], math.log(2) / 2),
        (nn.BCEWithLogitsLoss(pos_weight=[3.0]), [0.0], [1.0], 3 * math.log(2)),
        (nn.KLDivLoss(reduction="batchmean"), [[math.log(0.5)] * 2], [[1.0, 0.0]], math.log(2)),
        (nn.NLLLoss(), [[-1.0, -2.0]], [1], 2),
        (nn.NLLLoss(weight=[1.0, 3.0], reduction="sum"), [[-1.0, -2.0]], [1], 6),
        (nn.CrossEntropyLoss(), [[0.0, 0.0]], [1], math.log(2)),
        (nn.CrossEntropyLoss(ignore_index=0), [[5.0, 0.0], [0.0, 0.0]], [0, 1], math.log(2)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_losses_worked_out_by_hand(loss, given, target, expected):
    assert loss(tg.tensor(given), tg.tensor(target)).item() == pytest.approx(expected, rel=1e-5)


def test_weights_of_losses_are_buffers():
    loss = nn.BCEWithLogitsLoss(weight=[1.0, 2.0], pos_weight=tg.tensor([3.0, 4.0]))
    assert {name: tensor.tolist() for name, tensor in loss.state_dict().items()} == {
        "weight": [1, 2],
        "pos_weight": [3, 4],
    }
    assert nn.CrossEntropyLoss([1.0, 2.0]).double().weight.dtype == np.float64


@pytest.mark.parametrize(
    "call, text",
    [
        (
            lambda: nn.Conv2d(1, 1, 3, padding_mode="zero"),
            "Conv2d: padding_mode must be one of zeros, reflect, replicate, circular, got 'zero'",
        ),
        (lambda: nn.Conv1d(3, 4, 3, groups=2), "Conv1d: groups=2 does not divide in_channels=3"),
        (lambda: nn.Conv3d(4, 3, 3, groups=2), "Conv3d: groups=2 does not divide out_channels=3"),
        (lambda: nn.Conv3d(1, 1, (3, 3)), "Conv3d: kernel_size must be an int or 3 ints, got (3, 3)"),
        (lambda: nn.ConvTranspose2d(3, 4, 3, groups=2), "ConvTranspose2d: groups=2 does not divide in_channels=3"),
        (
            lambda: nn.ConvTranspose1d(1, 1, 3, padding_mode="reflect"),
            "ConvTranspose1d: padding_mode must be 'zeros', got 'reflect'",
        ),
        (
            lambda: nn.ConvTranspose1d(1, 1, 3, stride=2)(tg.ones(1, 1, 4), (8,)),
            "ConvTranspose1d: output_size must be from (9,) to (10,) for input (1, 1, 4), got (8,)",
        ),
        (
            lambda: nn.ConvTranspose2d(1, 1, 3)(tg.ones(1, 1, 4, 4), (6,)),
            "ConvTranspose2d: output_size must be 2 or 4 ints, got (6,)",
        ),
        (
            lambda: nn.Conv2d(1, 1, 3, padding=((1, 0),)),
            "Conv2d: padding must be a pair (before, after) for each of 2 axes, got ((1, 0),)",
        ),
        (
            lambda: nn.ConvTranspose3d(1, 1, 3, padding=((1, 0), 1, (0, 0))),
            "ConvTranspose3d: padding must be a pair (before, after) for each of 3 axes, got ((1, 0), 1, (0, 0))",
        ),
        (
            lambda: nn.Conv1d(1, 1, 3, padding=((1, 0, 2),)),
            "Conv1d: padding must be a pair (before, after) for each of 1 axes, got ((1, 0, 2),)",
        ),
        (
            lambda: nn.Conv2d(1, 1, 3, padding=((1, 0), (0, -2)), padding_mode="reflect"),
            "Conv2d: padding[1] must be at least 0, got (0, -2)",
        ),
        (
            lambda: nn.ConvTranspose2d(1, 1, 3, padding=((1, 0.5), (0, 2))),
            "ConvTranspose2d: padding[0] must be 2 ints, got (1, 0.5)",
        ),
        (
            lambda: nn.Conv2d(1, 1, 3, padding=(1, 0, 0, 2)),
            "Conv2d: padding must be an int, 2 ints or 2 pairs (before, after), in a tuple or list, got (1, 0, 0, 2)",
        ),
        (
            lambda: nn.Conv2d(1, 1, 3, padding=np.array([[1, 0], [0, 2]])),
            "Conv2d: padding must be an int, 2 ints or 2 pairs (before, after), in a tuple or list, got array([[1, 0]",
        ),
        (
            lambda: nn.ConvTranspose1d(1, 1, 3, padding="same"),
            "ConvTranspose1d: padding must be an int, 1 ints or 1 pairs (before, after), in a tuple or list, got 'sam",
        ),
        (lambda: nn.ZeroPad2d((1, 2)), "ZeroPad2d: padding must be an int or 4 ints, got (1, 2)"),
        (lambda: nn.CircularPad1d(1.5), "CircularPad1d: padding must be an int or 2 ints, got 1.5"),
        (lambda: nn.Hardtanh(1, 1), "Hardtanh: min_val must be below max_val, got 1 and 1"),
        (lambda: nn.GroupNorm(2, 3), "GroupNorm: num_groups=2 does not divide num_channels=3"),
        (lambda: nn.LayerNorm(()), "LayerNorm: normalized_shape must be a positive int or several, got ()"),
        (lambda: nn.RMSNorm((2, 0)), "RMSNorm: normalized_shape must be a positive int or several, got (2, 0)"),
        (
            lambda: nn.InstanceNorm2d(3, affine=True)(tg.ones(1, 2, 4, 4)),
            "InstanceNorm2d: input must be (N, 3, H, W) or (3, H, W), got (1, 2, 4, 4)",
        ),
        (lambda: nn.InstanceNorm1d(3)(tg.ones(3)), "InstanceNorm1d: input must be (N, 3, L) or (3, L), got (3,)"),
        (lambda: nn.InstanceNorm3d(-1), "InstanceNorm3d: num_features must be an int, not negative, got -1"),
        (
            lambda: nn.BatchNorm3d(3)(tg.ones(1, 3, 4, 4)),
            "BatchNorm3d: input must be (N, 3, D, H, W), got (1, 3, 4, 4)",
        ),
        (lambda: nn.Embedding(3, 2, 3), "Embedding: there is no row padding_idx=3 among 3"),
        (lambda: nn.Dropout2d(-0.1), "Dropout2d: p must be a probability from 0 to 1, got -0.1"),
        (lambda: nn.Dropout1d()(tg.ones(3)), "dropout1d: input must be (N, C, L) or (C, L), got (3,)"),
        (lambda: nn.Dropout2d()(tg.ones(3, 4, 4)), "dropout2d: input must be (N, C, H, W), got (3, 4, 4)"),
        (lambda: F.dropout3d(tg.ones(3)), "dropout3d: input must be (N, C, D, H, W) or (C, D, H, W), got (3,)"),
        (lambda: nn.MSELoss(reduction="avg"), "MSELoss: reduction must be 'mean', 'sum' or 'none', got 'avg'"),
    ],
)
def test_errors(call, text):
    with pytest.raises(tg.ShapeError, match=re.escape(text)):
        call()


# one_hot


def test_one_hot():
    out = F.one_hot(tg.tensor([[2, 0], [1, 2]]))
    assert out.tolist() == [[[0, 0, 1], [1, 0, 0]], [[0, 1, 0], [0, 0, 1]]]
    assert (out.dtype, out.requires_grad) == (np.int64, False)
    assert F.one_hot(np.array(1, np.uint8), 4).tolist() == [0, 1, 0, 0]
    assert F.one_hot([0], np.int64(2)).tolist() == [[1, 0]]
    assert F.one_hot(tg.tensor(np.zeros((2, 0), int)), 3).shape == (2, 0, 3)


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda: F.one_hot([0, 3], 3), tg.LabelError, "one_hot: label 3 is out of range for 3 classes (0 to 2)"),
        (lambda: F.one_hot([0, -1]), tg.LabelError, "one_hot: label -1 is out of range for 1 classes (0 to 0)"),
        (lambda: F.one_hot([0], 0), tg.ShapeError, "one_hot: num_classes must be a positive int, or -1, got 0"),
        (lambda: F.one_hot([0], -2), tg.ShapeError, "one_hot: num_classes must be a positive int, or -1, got -2"),
        (lambda: F.one_hot([0], 2.5), tg.ShapeError, "one_hot: num_classes must be a positive int, or -1, got 2.5"),
        (lambda: F.one_hot([0], True), tg.ShapeError, "one_hot: num_classes must be a positive int, or -1, got True"),
        (lambda: F.one_hot([0], "3"), tg.ShapeError, "one_hot: num_classes must be a positive int, or -1, got '3'"),
        (lambda: F.one_hot([0], None), tg.ShapeError, "one_hot: num_classes must be a positive int, or -1, got None"),
        (
            lambda: F.one_hot([0], np.uint64(2**63)),
            tg.ShapeError,
            f"one_hot: no array holds 1 labels of {2**63} classes",
        ),
        (lambda: F.one_hot(np.uint64([2**63])), tg.ShapeError, f"one_hot: no array holds 1 labels of {2**63 + 1} cl"),
        (lambda: F.one_hot([0, 1, 2], 2**59), tg.ShapeError, f"one_hot: no array holds 3 labels of {2**59} classes"),
        (lambda: F.one_hot([[0], [1, 2]]), tg.DTypeError, "one_hot: tensor is a list that is no array: [[0], [1, 2]]"),
        (lambda: F.one_hot(np.zeros(0, int)), tg.ShapeError, "one_hot: without labels, num_classes must be given"),
        (lambda: F.one_hot(tg.ones(2)), tg.DTypeError, "one_hot: tensor has dtype float32, labels are integers"),
        (lambda: F.one_hot([True]), tg.DTypeError, "one_hot: tensor has dtype bool, labels are integers"),
    ],
)
def test_one_hot_errors(call, error, text):
    with pytest.raises(error, match=re.escape(text)):
        call()


@pytest.mark.parity
@pytest.mark.parametrize("labels, classes", [([2, 0], -1), ([[1, 0, 3]], 5), (2, -1), ([[0], [0]], 1)])
def test_one_hot_is_pytorchs(labels, classes):
    torch = pytest.importorskip("torch")
    expected = torch.nn.functional.one_hot(torch.tensor(labels), classes).numpy()
    out = F.one_hot(tg.tensor(labels), classes).data
    np.testing.assert_array_equal(out, expected)
    assert (out.shape, out.dtype) == (expected.shape, expected.dtype)
    tally.count("values")
