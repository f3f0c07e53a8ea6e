"""Layers: their parameters, starting values, results, reprs and errors; against PyTorch under the mark `parity`."""

import math
import re

import numpy as np
import pytest

import nn
import tensorgrad as tg
from nn import functional as F
from tests.parity import tally

RNG = np.random.default_rng(0)


def array(*shape, dtype=np.float32):
    return RNG.standard_normal(shape).astype(dtype)


def leaf(*shape):
    return tg.tensor(RNG.standard_normal(shape), requires_grad=True)


def assert_second_order(function, tensors, eps=1e-6):
    """The gradients of a function of the first gradients agree with differences, in float64, in random directions."""
    rng = np.random.default_rng(1)
    weights = [rng.standard_normal(t.shape) for t in tensors]
    out = function(*tensors)
    seed = rng.standard_normal(out.shape)

    def first(values, graph):
        leaves = [tg.tensor(value, requires_grad=True) for value in values]
        grads = tg.grad(function(*leaves), leaves, tg.tensor(seed), create_graph=graph)
        return leaves, sum((g * w).sum() for g, w in zip(grads, weights, strict=True))

    leaves, total = first([t.data for t in tensors], True)
    found = tg.grad(total, leaves, allow_unused=True)
    for _ in range(5):
        move = [rng.standard_normal(t.shape) for t in tensors]
        ahead, behind = (
            first([t.data + sign * eps * m for t, m in zip(tensors, move, strict=True)], False)[1].item()
            for sign in (1, -1)
        )
        expected = (ahead - behind) / (2 * eps)
        got = sum((g.data * m).sum() for g, m in zip(found, move, strict=True) if g is not None)
        assert got == pytest.approx(expected, rel=1e-5, abs=1e-6)


# Values


def test_linear():
    layer = nn.Linear(3, 2)
    x = array(4, 5, 3)
    np.testing.assert_allclose(layer(x).data, x @ layer.weight.data.T + layer.bias.data, rtol=1e-5, atol=1e-6)
    assert layer.weight.shape == (2, 3)
    assert layer.bias.shape == (2,)
    plain = nn.Linear(3, 2, bias=False)
    assert plain.bias is None
    assert list(plain.state_dict()) == ["weight"]
    np.testing.assert_allclose(plain(x).data, x @ plain.weight.data.T, rtol=1e-5, atol=1e-6)


def test_conv2d_passes_on_all_its_settings():
    layer = nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2), groups=2)
    x = tg.tensor(array(2, 4, 7, 8))
    assert layer.weight.shape == (6, 2, 3, 2)
    expected = tg.conv2d(x, layer.weight, layer.bias, (2, 1), (1, 0), (1, 2), 2)
    assert layer(x).tolist() == expected.tolist()
    assert layer(x).shape == (2, 6, 4, 6)
    assert nn.Conv2d(4, 6, 3, padding="same")(x).shape == (2, 6, 7, 8)
    assert nn.Conv2d(4, 6, 3, padding="valid")(x).shape == (2, 6, 5, 6)
    assert nn.Conv2d(4, 6, 3)(x[0]).shape == (6, 5, 6)


def test_max_pool2d_passes_on_all_its_settings():
    x = tg.tensor(array(2, 3, 7, 8))
    assert nn.MaxPool2d(2)(x).tolist() == tg.max_pool2d(x, 2).tolist()
    layer = nn.MaxPool2d((3, 2), 1, (1, 0), 2, return_indices=True, ceil_mode=True)
    for found, expected in zip(layer(x), tg.max_pool2d(x, (3, 2), 1, (1, 0), 2, True, True), strict=True):
        assert found.tolist() == expected.tolist()


@pytest.mark.parametrize(
    "layer, function",
    [
        (nn.ReLU(), tg.relu),
        (nn.ReLU(inplace=True), tg.relu),
        (nn.Tanh(), tg.tanh),
        (nn.Sigmoid(), tg.sigmoid),
        (nn.Softmax(1), lambda x: tg.softmax(x, 1)),
        (nn.LogSoftmax(dim=-1), lambda x: tg.log_softmax(x, -1)),
        (nn.Flatten(), lambda x: x.reshape(2, 12)),
        (nn.Flatten(0, 1), lambda x: x.reshape(6, 4)),
        (nn.Identity(3, key=4), lambda x: x),
    ],
)
def test_layers_without_parameters(layer, function):
    x = tg.tensor(array(2, 3, 4))
    assert layer(x).tolist() == function(x).tolist()
    assert list(layer.parameters()) == []


def test_cross_entropy():
    x, target = tg.tensor(array(4, 3)), np.array([0, 2, 1, 1])
    loss = nn.CrossEntropyLoss()(x, target)
    expected = -np.log(np.exp(x.data) / np.exp(x.data).sum(1, keepdims=True))[range(4), target].mean()
    assert loss.item() == pytest.approx(expected, rel=1e-6)


def test_dropout_drops_in_training_only():
    layer = nn.Dropout(0.25, generator=np.random.default_rng(0))
    x = tg.ones(10000)
    out = layer(x).data
    assert set(np.unique(out)) == {np.float32(0), np.float32(1 / 0.75)}
    assert (out == 0).mean() == pytest.approx(0.25, abs=0.02)
    assert layer.eval()(x) is x
    assert (nn.Dropout(1.0)(x).data == 0).all()


def test_dropout_repeats_with_its_seed():
    x = tg.ones(100)
    tg.manual_seed(3)
    first = nn.Dropout()(x).tolist()
    tg.manual_seed(3)
    assert nn.Dropout()(x).tolist() == first
    assert nn.Dropout(generator=np.random.default_rng(1))(x).tolist() != first


# Starting values


def test_models_repeat_with_the_seed():
    def make():
        return nn.Sequential(nn.Conv2d(1, 4, 3), nn.Linear(5, 2))

    tg.manual_seed(5)
    first = [p.tolist() for p in make().parameters()]
    tg.manual_seed(5)
    assert [p.tolist() for p in make().parameters()] == first
    assert [p.tolist() for p in make().parameters()] != first


def test_a_generator_of_ones_own():
    state = tg.default_generator().bit_generator.state
    layers = [nn.Linear(3, 2, generator=np.random.default_rng(0)) for _ in range(2)]
    layers += [nn.Conv2d(3, 2, 3, generator=np.random.default_rng(0)) for _ in range(2)]
    assert layers[0].weight.tolist() == layers[1].weight.tolist()
    assert layers[2].bias.tolist() == layers[3].bias.tolist()
    assert tg.default_generator().bit_generator.state == state


@pytest.mark.parametrize(
    "make, fan_in",
    [
        (lambda rng: nn.Linear(400, 300, generator=rng), 400),
        (lambda rng: nn.Conv2d(32, 64, 5, groups=2, generator=rng), 16 * 25),
    ],
)
def test_layers_start_uniform_within_one_over_root_fan_in(make, fan_in):
    layer = make(np.random.default_rng(0))
    bound = 1 / math.sqrt(fan_in)
    for p in layer.parameters():
        assert p.dtype == np.float32
        assert np.abs(p.data).max() <= bound
        assert np.abs(p.data).max() > 0.9 * bound
        assert p.data.std() == pytest.approx(bound / math.sqrt(3), rel=0.15)


@pytest.mark.parametrize(
    "fill, mean, std",
    [
        (lambda t, g: nn.init.uniform_(t, -1, 3, g), 1, 4 / math.sqrt(12)),
        (lambda t, g: nn.init.normal_(t, 2, 0.5, g), 2, 0.5),
        (lambda t, g: nn.init.xavier_uniform_(t, 2.0, g), 0, 2 * math.sqrt(2 / (30 * 9 + 200 * 9))),
        (lambda t, g: nn.init.xavier_normal_(t, 1.0, g), 0, math.sqrt(2 / (30 * 9 + 200 * 9))),
        (lambda t, g: nn.init.kaiming_uniform_(t, nonlinearity="relu", generator=g), 0, math.sqrt(2 / 270)),
        (lambda t, g: nn.init.kaiming_normal_(t, 0.5, "fan_out", generator=g), 0, math.sqrt(2 / 1.25 / 1800)),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_initialisers(fill, mean, std, dtype):
    tensor = nn.Parameter(np.zeros((200, 30, 3, 3), dtype))
    assert fill(tensor, np.random.default_rng(0)) is tensor
    values = tensor.data.astype(np.float64)
    assert values.mean() == pytest.approx(mean, abs=5 * std / math.sqrt(values.size))
    assert values.std() == pytest.approx(std, rel=0.02)
    again = fill(nn.Parameter(np.zeros((200, 30, 3, 3), dtype)), np.random.default_rng(0))
    assert np.array_equal(again.data, tensor.data)
    assert (tensor.dtype, tensor.grad_fn) == (dtype, None)


def test_constants_and_gains():
    tensor = tg.zeros(2)
    assert nn.init.constant_(tensor, 3).tolist() == [3, 3]
    assert nn.init.ones_(tensor).tolist() == [1, 1]
    assert nn.init.zeros_(tensor).tolist() == [0, 0]
    gains = {"relu": math.sqrt(2), "tanh": 5 / 3, "linear": 1, "selu": 0.75, "conv2d": 1}
    assert {name: nn.init.calculate_gain(name) for name in gains} == gains
    assert nn.init.calculate_gain("leaky_relu") == pytest.approx(math.sqrt(2 / 1.0001))
    assert nn.init.calculate_gain("leaky_relu", 1) == 1


def test_initialising_is_noticed_by_graphs():
    layer = nn.Linear(2, 2)
    loss = (layer(tg.ones(1, 2)) * layer.weight).sum()
    layer.reset_parameters()
    with pytest.raises(tg.GradientError, match="changed in place"):
        loss.backward()


@pytest.mark.parametrize("layer", [nn.Linear(0, 3), nn.Linear(3, 0), nn.BatchNorm1d(0)])
def test_empty_layers(layer):
    assert all(p.shape for p in layer.parameters())


def test_other_dtypes():
    layers = [
        nn.Linear(2, 3, dtype=np.float64),
        nn.Conv2d(1, 2, 3, dtype=np.float64),
        nn.BatchNorm1d(2, dtype=np.float64),
    ]
    for layer in layers:
        assert {p.dtype for p in layer.parameters()} == {np.dtype(np.float64)}
    assert layers[0](array(1, 2, dtype=np.float64)).dtype == np.float64
    with pytest.raises(tg.DTypeError, match="the dtypes differ: input float32, weight float64"):
        layers[0](array(1, 2))


# Batch norm


def test_batch_norm_keeps_pytorchs_state():
    layer = nn.BatchNorm2d(3)
    names = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
    assert list(layer.state_dict()) == names
    assert layer.num_batches_tracked.dtype == np.int64
    assert layer.weight.tolist() == [1, 1, 1]
    assert list(nn.BatchNorm2d(3, affine=False).state_dict()) == names[2:]
    assert list(nn.BatchNorm2d(3, track_running_stats=False).state_dict()) == names[:2]


@pytest.mark.parametrize(
    "layer, shape", [(nn.BatchNorm2d, (4, 3, 5, 2)), (nn.BatchNorm1d, (6, 3)), (nn.BatchNorm1d, (4, 3, 5))]
)
def test_batch_norm_in_training_and_evaluation(layer, shape):
    bn = layer(3)
    with tg.no_grad():
        bn.weight.copy_(array(3))
        bn.bias.copy_(array(3))
    x = array(*shape) * 3 + 2
    axes = tuple(i for i in range(len(shape)) if i != 1)
    along = (-1, *[1] * (len(shape) - 2))
    n = x.size // 3
    mean, var = x.mean(axes), x.var(axes)
    weight, bias = (p.data.reshape(along) for p in (bn.weight, bn.bias))
    expected = (x - mean.reshape(along)) / np.sqrt(var.reshape(along) + 1e-5) * weight + bias
    np.testing.assert_allclose(bn(x).data, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(bn.running_mean.data, 0.1 * mean, rtol=1e-5)
    np.testing.assert_allclose(bn.running_var.data, 0.9 + 0.1 * var * n / (n - 1), rtol=1e-5)
    assert bn.num_batches_tracked.item() == 1
    bn.eval()
    state = {name: tensor.data.copy() for name, tensor in bn.state_dict().items()}
    running_mean, running_var = (state[name].reshape(along) for name in ("running_mean", "running_var"))
    expected = (x - running_mean) / np.sqrt(running_var + 1e-5) * weight + bias
    out = bn(x)
    np.testing.assert_allclose(out.data, expected, rtol=1e-4, atol=1e-5)
    assert out.dtype == np.float32
    for name, tensor in bn.state_dict().items():
        np.testing.assert_array_equal(tensor.data, state[name])


def test_moved_statistics_are_noticed_by_graphs_that_saved_them():
    bn = nn.BatchNorm1d(3)
    counter = bn.num_batches_tracked.to(np.float32)
    bn.num_batches_tracked = counter
    x = np.random.default_rng(0).standard_normal((8, 3)).astype(np.float32)
    for buffer in (bn.running_mean, bn.running_var, bn.num_batches_tracked):
        factor = tg.ones(1, requires_grad=True)
        product = (factor * buffer).sum()
        memory = buffer.data
        bn(x)
        assert buffer.data is memory
        with pytest.raises(tg.GradientError, match="in place"):
            product.backward()
    assert counter.item() == 3


@pytest.mark.parametrize("name", ["running_mean", "running_var"])
def test_statistics_in_memory_that_cannot_be_written_to_are_refused(name):
    bn = nn.BatchNorm1d(3)
    fixed = np.ones(3, np.float32)
    fixed.flags.writeable = False
    setattr(bn, name, tg.from_numpy(fixed))
    with pytest.raises(tg.GradientError, match="copy_: the tensor's memory cannot be written to"):
        bn(np.ones((2, 3), np.float32))


def test_running_statistics_keep_dtype_and_stay_out_of_the_graph():  # T47
    bn = nn.BatchNorm2d(3)
    for _ in range(3):
        bn(array(2, 3, 4, 4)).sum().backward()
    for buffer in (bn.running_mean, bn.running_var):
        assert (buffer.dtype, buffer.requires_grad, buffer.grad_fn) == (np.float32, False, None)
    bn.reset_running_stats()
    assert (bn.running_mean.tolist(), bn.running_var.tolist(), bn.num_batches_tracked.item()) == ([0] * 3, [1] * 3, 0)
    bn.reset_parameters()
    assert (bn.weight.tolist(), bn.bias.tolist()) == ([1] * 3, [0] * 3)


def test_without_momentum_the_running_statistics_are_averages():
    bn = nn.BatchNorm1d(2, momentum=None)
    batches = [array(5, 2) for _ in range(4)]
    for x in batches:
        bn(x)
    np.testing.assert_allclose(bn.running_mean.data, np.mean([x.mean(0) for x in batches], 0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(bn.running_var.data, np.mean([x.var(0, ddof=1) for x in batches], 0), rtol=1e-5)


def test_without_running_statistics_the_batch_is_used_in_evaluation_too():
    bn, x = nn.BatchNorm1d(2, track_running_stats=False), array(5, 2)
    assert bn(x).tolist() == bn.eval()(x).tolist()


def test_one_value_a_channel_is_an_error_in_training():  # T47
    bn = nn.BatchNorm2d(3)
    with pytest.raises(tg.ShapeError, match=re.escape("batch_norm: input (1, 3, 1, 1) has one value a channel")):
        bn(array(1, 3, 1, 1))
    assert bn.num_batches_tracked.item() == 0
    assert bn.running_mean.tolist() == [0, 0, 0]
    bn.eval()(array(1, 3, 1, 1))


def test_an_empty_batch_leaves_the_running_statistics():
    bn = nn.BatchNorm2d(3)
    out = bn(np.zeros((0, 3, 2, 2), np.float32))
    assert out.shape == (0, 3, 2, 2)
    out.sum().backward()
    assert bn.weight.grad.tolist() == [0, 0, 0]
    assert bn.running_var.tolist() == [1, 1, 1]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(4, 3, 2, 3), (5, 3)])
@pytest.mark.parametrize("affine", [True, False])
def test_batch_norm_has_second_derivatives_in_both_modes(training, shape, affine):  # T47
    mean, var = tg.tensor(RNG.standard_normal(3)), tg.tensor(RNG.random(3) + 0.5)

    def function(x, *weights):
        return F.batch_norm(x * x, mean.clone(), var.clone(), *weights, training=training)

    assert_second_order(function, [leaf(*shape), leaf(3), leaf(3)] if affine else [leaf(*shape)])


def test_a_whole_block_has_second_derivatives():
    tg.manual_seed(0)
    conv = nn.Conv2d(2, 3, 3, padding=1, dtype=np.float64)
    rest = nn.Sequential(nn.BatchNorm2d(3, dtype=np.float64), nn.Tanh(), nn.MaxPool2d(2), nn.Flatten())
    assert_second_order(lambda x, w: rest(F.conv2d(x, w, padding=1)), [leaf(3, 2, 4, 4), leaf(3, 2, 3, 3)])
    assert conv(leaf(1, 2, 4, 4)).dtype == np.float64


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 5), (2, 3, 4, 5), (0, 3, 2)])
def test_batch_norm_in_evaluation_is_the_same_recorded_or_not(affine, dtype, shape):
    x, mean, var, *weights = (tg.tensor(array(*s).astype(dtype)) for s in [shape, *[(3,)] * (4 if affine else 2)])
    before, arguments = x.data.copy(), (mean, tg.tensor(abs(var.data)), *weights)
    with tg.no_grad():
        out = F.batch_norm(x, *arguments)
    recorded = F.batch_norm(x.detach().requires_grad_(), *arguments)
    assert recorded.grad_fn is not None
    assert out.dtype == dtype
    assert not out.requires_grad
    np.testing.assert_array_equal(out.data, recorded.data)
    np.testing.assert_array_equal(x.data, before)


def test_functional_batch_norm_without_running_statistics():
    x = array(6, 2)
    out = F.batch_norm(tg.tensor(x), None, None, training=True)
    np.testing.assert_allclose(out.data, (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5), rtol=1e-4, atol=1e-5)


# Errors


@pytest.mark.parametrize(
    "make, error, text",
    [
        (lambda: nn.Linear(-1, 2), tg.ShapeError, "Linear: in_features must be an int that is not negative, got -1"),
        (lambda: nn.Linear(1, 2.5), tg.ShapeError, "Linear: out_features must be an int that is not negative, got 2.5"),
        (lambda: nn.Conv2d(0, 2, 3), tg.ShapeError, "Conv2d: in_channels must be at least 1, got 0"),
        (lambda: nn.Conv2d(1, 2.0, 3), tg.ShapeError, "Conv2d: out_channels must be an int or 1 ints, got 2.0"),
        (lambda: nn.Conv2d(3, 4, 3, groups=2), tg.ShapeError, "Conv2d: groups=2 does not divide in_channels=3"),
        (lambda: nn.Conv2d(4, 3, 3, groups=2), tg.ShapeError, "Conv2d: groups=2 does not divide out_channels=3"),
        (lambda: nn.Conv2d(1, 1, 0), tg.ShapeError, "Conv2d: kernel_size must be at least 1, got 0"),
        (
            lambda: nn.Conv2d(1, 1, (3, 3, 3)),
            tg.ShapeError,
            "Conv2d: kernel_size must be an int or 2 ints, got (3, 3, 3)",
        ),
        (lambda: nn.Conv2d(1, 1, 3, stride=0), tg.ShapeError, "Conv2d: stride must be at least 1, got 0"),
        (lambda: nn.Conv2d(1, 1, 3, padding=-1), tg.ShapeError, "Conv2d: padding must be at least 0, got -1"),
        (lambda: nn.Conv2d(1, 1, 3, padding="full"), tg.ShapeError, "'same' or 'valid', got 'full'"),
        (lambda: nn.Conv2d(1, 1, 3, 2, "same"), tg.ShapeError, "Conv2d: padding='same' needs stride 1, got (2, 2)"),
        (lambda: nn.Conv2d(1, 1, 3)(array(1, 2, 4, 4)), tg.ShapeError, "conv2d: input (1, 2, 4, 4) has 2 channels"),
        (
            lambda: nn.BatchNorm2d(2)(array(4, 3, 2, 2)),
            tg.ShapeError,
            "BatchNorm2d: input must be (N, 2, H, W), got (4, 3",
        ),
        (lambda: nn.BatchNorm2d(2)(array(4, 2)), tg.ShapeError, "BatchNorm2d: input must be (N, 2, H, W), got (4, 2)"),
        (
            lambda: nn.BatchNorm1d(2)(array(2)),
            tg.ShapeError,
            "BatchNorm1d: input must be (N, 2) or (N, 2, L), got (2,)",
        ),
        (lambda: nn.BatchNorm2d(-2), tg.ShapeError, "BatchNorm2d: num_features must be an int, not negative, got -2"),
        (
            lambda: nn.BatchNorm1d(2).eval()(np.ones((4, 2))),
            tg.DTypeError,
            "batch_norm: input has dtype float64, weight",
        ),
        (
            lambda: nn.BatchNorm1d(2).eval()(np.ones((4, 2), int)),
            tg.DTypeError,
            "batch_norm: input has dtype int64, it must",
        ),
        (lambda: F.batch_norm(tg.ones(2, 2), None, None, eps=-1), tg.ShapeError, "batch_norm: eps must be at least 0"),
        (lambda: F.batch_norm(tg.ones(2, 2), None, None), tg.ShapeError, "batch_norm: running_mean is None; without"),
        (
            lambda: F.batch_norm(tg.ones(2, 2), tg.ones(3), tg.ones(3)),
            tg.ShapeError,
            "batch_norm: running_mean has shape (3,), input (2, 2) does not fit it",
        ),
        (
            lambda: F.batch_norm(tg.ones(2, 2), tg.ones(2), tg.ones(2), tg.ones(3)),
            tg.ShapeError,
            "batch_norm: weight has shape (3,), input (2, 2) takes (2,)",
        ),
        (lambda: nn.Dropout(1.5), tg.ShapeError, "Dropout: p must be a probability from 0 to 1, got 1.5"),
        (lambda: nn.init.calculate_gain("swoosh"), tg.ShapeError, "got 'swoosh'"),
        (
            lambda: nn.init.kaiming_normal_(tg.ones(2, 2), mode="fan"),
            tg.ShapeError,
            "must be 'fan_in' or 'fan_out', got 'fan'",
        ),
        (
            lambda: nn.init.xavier_uniform_(tg.ones(2)),
            tg.ShapeError,
            "xavier_uniform_: a weight of shape (2,) has no fan in",
        ),
    ],
)
def test_errors_name_the_layer_and_the_values(make, error, text):
    with pytest.raises(error, match=re.escape(text)):
        make()


# Against PyTorch

REPRS = [
    "Linear(3, 2, bias=False)",
    "Conv2d(4, 6, 3)",
    "Conv2d(4, 6, (3, 2), stride=2, padding=1, dilation=2, groups=2, bias=False)",
    "Conv2d(4, 6, 3, padding='same')",
    "MaxPool2d(2)",
    "MaxPool2d((3, 2), 1, (1, 0), 2, ceil_mode=True)",
    "BatchNorm2d(3)",
    "BatchNorm2d(3, bias=False)",
    "BatchNorm1d(3, eps=1e-3, momentum=None, affine=False, track_running_stats=False)",
    "ReLU()",
    "ReLU(inplace=True)",
    "Tanh()",
    "Sigmoid()",
    "Softmax(dim=1)",
    "LogSoftmax(dim=-1)",
    "Dropout(0.3)",
    "Flatten()",
    "Identity()",
    "CrossEntropyLoss()",
    "Sequential()",
    "Sequential(nn.Linear(1, 1), nn.Sequential(nn.ReLU()))",
]


@pytest.mark.parity
@pytest.mark.parametrize("code", REPRS)
def test_reprs_are_pytorchs(code):
    torch = pytest.importorskip("torch")
    ours, theirs = eval(f"nn.{code}", {"nn": nn}), eval(f"nn.{code}", {"nn": torch.nn})
    assert repr(ours) == repr(theirs)
    assert [(n, tuple(t.shape)) for n, t in ours.state_dict().items()] == [
        (n, tuple(t.shape)) for n, t in theirs.state_dict().items()
    ]
    tally.count("texts")


MODELS = {
    "linear": ("nn.Linear(6, 4)", (5, 6)),
    "conv": ("nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2), groups=2)", (3, 4, 7, 8)),
    "same": ("nn.Conv2d(3, 4, (5, 3), padding='same', bias=False)", (2, 3, 5, 5)),
    "pool": ("nn.MaxPool2d(3, 2, 1, ceil_mode=True)", (2, 3, 6, 7)),
    "bn2d": ("nn.BatchNorm2d(3, eps=1e-3, momentum=0.3)", (4, 3, 5, 6)),
    "bn1d": ("nn.BatchNorm1d(4, momentum=None)", (6, 4)),
    "net": (
        "nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), "
        "nn.Conv2d(4, 8, 3), nn.Tanh(), nn.Flatten(), nn.Linear(8 * 4, 10), nn.LogSoftmax(1))",
        (5, 1, 8, 8),
    ),
}


@pytest.mark.parity
@pytest.mark.parametrize("name", MODELS)
def test_values_gradients_and_buffers_are_pytorchs(name):
    torch = pytest.importorskip("torch")
    code, shape = MODELS[name]
    ours, theirs = eval(code, {"nn": nn}), eval(code, {"nn": torch.nn})
    ours.load_state_dict(theirs.state_dict())
    for training in (True, True, False):
        ours.train(training)
        theirs.train(training)
        values = array(*shape) * 2 + 1
        x, tx = tg.tensor(values, requires_grad=True), torch.tensor(values, requires_grad=True)
        out, expected = ours(x), theirs(tx)
        seed = array(*out.shape)
        ours.zero_grad()
        theirs.zero_grad()
        out.backward(tg.tensor(seed))
        expected.backward(torch.tensor(seed))

        def close(a, b):
            np.testing.assert_allclose(a.data, b.detach().numpy(), rtol=2e-4, atol=2e-5)

        close(out, expected)
        close(x.grad, tx.grad)
        for (_, p), (_, q) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
            close(p.grad, q.grad)
        for (n, b), (m, c) in zip(ours.named_buffers(), theirs.named_buffers(), strict=True):
            assert n == m
            close(b, c)
        tally.count("values", "gradients")


def test_running_statistics_of_large_inputs_stay_float32():
    """A variance beyond float32 is inf, as in PyTorch, without a warning; the others are what they are."""
    x = array(4, 3, 5) * np.float32([[1], [1e15], [1e20]])
    for layer, axes in ((nn.BatchNorm1d(3, momentum=1.0), (0, 2)), (nn.InstanceNorm1d(3, 1e-5, 1.0, True, True), 2)):
        with np.errstate(all="raise", under="ignore"):
            out = layer(tg.tensor(x))
        assert out.dtype == layer.running_mean.dtype == layer.running_var.dtype == np.float32
        wide = x.astype(np.float64)
        np.testing.assert_allclose(layer.running_mean.data, wide.mean((0, 2)), rtol=1e-5)
        var = wide.var(axes, ddof=1)
        var = var if var.ndim == 1 else var.mean(0)
        np.testing.assert_allclose(layer.running_var.data, [*var[:2], np.inf], rtol=1e-5)
        layer.eval()
        assert np.isfinite(layer(tg.tensor(x)).data).all()


@pytest.mark.parametrize("training", [True, False])
def test_batch_norm_refuses_what_is_no_tensor(training):
    given = {"input": tg.zeros(2, 3), "running_mean": tg.zeros(3), "running_var": tg.ones(3)}
    given |= {"weight": tg.ones(3), "bias": tg.zeros(3)}
    for name, wrong in [("input", None), *[(name, wrong) for name in given for wrong in ([0.0] * 3, "x", 1.0)]]:
        with pytest.raises(tg.DTypeError, match=f"^batch_norm: {name} is .*, not a tensor"):
            F.batch_norm(**{**given, name: wrong}, training=training)


@pytest.mark.parity
def test_starting_values_are_distributed_as_pytorchs():
    torch = pytest.importorskip("torch")
    for code in ("nn.Linear(300, 200)", "nn.Conv2d(16, 64, 5, groups=4)"):
        for ours, theirs in zip(
            eval(code, {"nn": nn}).parameters(), eval(code, {"nn": torch.nn}).parameters(), strict=True
        ):
            theirs = theirs.detach().numpy()
            assert np.abs(ours.data).max() == pytest.approx(np.abs(theirs).max(), rel=0.05)
            assert ours.data.std() == pytest.approx(theirs.std(), rel=0.15)
            tally.count("distributions")
    for name in ("relu", "tanh", "linear", "sigmoid", "selu", "leaky_relu", "conv_transpose2d"):
        assert nn.init.calculate_gain(name) == torch.nn.init.calculate_gain(name)
