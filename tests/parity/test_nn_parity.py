"""Layers and losses in PyTorch: reprs, state, starting values, outputs, gradients, second order."""

import math

import numpy as np
import pytest
import torch

import nn
import tensorgrad as tg
from tests.nn.test_init import ks_distance
from tests.parity import tally

pytestmark = [
    pytest.mark.parity,
    pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning"),
]

SEQUENCE, IMAGE, VOLUME = (2, 4, 9), (2, 4, 7, 6), (2, 4, 5, 4, 6)

# (class, positional arguments, keywords, shape of the input)
LAYERS = [
    ("Linear", (4, 3), {}, (5, 4)),
    ("Linear", (4, 3), {"bias": False}, (2, 3, 4)),
    ("Identity", (), {}, (3,)),
    ("Flatten", (), {}, IMAGE),
    ("Flatten", (0, 2), {}, IMAGE),
    ("Conv1d", (4, 6, 3), {}, SEQUENCE),
    ("Conv1d", (4, 6, 3), {"stride": 2, "padding": 2, "dilation": 2, "groups": 2, "bias": False}, SEQUENCE),
    ("Conv1d", (4, 6, 4), {"padding": "same"}, SEQUENCE),
    ("Conv1d", (4, 6, 3), {"padding": 2, "padding_mode": "reflect"}, SEQUENCE),
    ("Conv2d", (4, 6, 3), {}, IMAGE),
    ("Conv2d", (4, 6, (3, 2)), {"stride": (2, 1), "padding": (1, 0), "dilation": (1, 2), "groups": 2}, IMAGE),
    ("Conv2d", (4, 6, (2, 3)), {"padding": "same", "padding_mode": "circular"}, IMAGE),
    ("Conv2d", (4, 6, 3), {"padding": (2, 1), "padding_mode": "replicate", "bias": False}, IMAGE),
    ("Conv2d", (4, 6, 3), {"padding": "valid", "padding_mode": "reflect"}, IMAGE),
    ("Conv2d", (4, 6, 3), {}, IMAGE[1:]),
    ("Conv3d", (4, 6, 3), {"padding": 1, "stride": 2}, VOLUME),
    ("Conv3d", (4, 6, (1, 2, 3)), {"groups": 2, "padding": (0, 1, 2), "padding_mode": "circular"}, VOLUME),
    ("ConvTranspose1d", (4, 6, 3), {}, SEQUENCE),
    ("ConvTranspose1d", (4, 6, 3), {"stride": 3, "padding": 1, "output_padding": 2, "groups": 2}, SEQUENCE),
    ("ConvTranspose2d", (4, 6, 3), {"stride": 2, "padding": 1, "output_padding": 1, "dilation": 2}, IMAGE),
    ("ConvTranspose2d", (4, 6, (3, 2)), {"stride": (2, 1), "bias": False, "groups": 2}, IMAGE),
    ("ConvTranspose2d", (4, 6, 3), {}, IMAGE[1:]),
    ("ConvTranspose3d", (4, 6, 2), {"stride": 2, "output_padding": (1, 0, 1)}, VOLUME),
    ("MaxPool1d", (3,), {"stride": 2, "padding": 1}, SEQUENCE),
    ("MaxPool2d", (2,), {}, IMAGE),
    ("MaxPool2d", ((3, 2),), {"stride": (1, 2), "padding": 1, "dilation": 2, "ceil_mode": True}, IMAGE),
    ("MaxPool3d", (2,), {"stride": 1}, VOLUME),
    ("AvgPool1d", (3,), {"stride": 2, "padding": 1, "ceil_mode": True}, SEQUENCE),
    ("AvgPool2d", (2,), {}, IMAGE),
    ("AvgPool2d", ((3, 2), 2, 1), {"ceil_mode": True, "count_include_pad": False}, IMAGE),
    ("AvgPool2d", (3,), {"divisor_override": 2}, IMAGE),
    ("AvgPool3d", (2,), {"stride": 1, "padding": 1}, VOLUME),
    ("AdaptiveAvgPool1d", (4,), {}, SEQUENCE),
    ("AdaptiveAvgPool2d", (1,), {}, IMAGE),
    ("AdaptiveAvgPool2d", ((None, 4),), {}, IMAGE),
    ("AdaptiveAvgPool3d", ((3, 4, 2),), {}, VOLUME),
    ("AdaptiveMaxPool1d", (4,), {}, SEQUENCE),
    ("AdaptiveMaxPool2d", ((3, 9),), {}, IMAGE),
    ("AdaptiveMaxPool3d", (2,), {}, VOLUME),
    ("ConstantPad1d", (2, 1.5), {}, SEQUENCE),
    ("ConstantPad2d", ((1, 0, 2, 3), -1.0), {}, IMAGE),
    ("ConstantPad3d", ((1, 2, 0, 1, 1, 0), 3.0), {}, VOLUME),
    ("ZeroPad1d", ((1, 2),), {}, SEQUENCE),
    ("ZeroPad2d", (1,), {}, IMAGE),
    ("ZeroPad2d", ((1, -1, 2, 0),), {}, IMAGE),
    ("ZeroPad3d", (1,), {}, VOLUME),
    *((f"{kind}Pad1d", ((1, 2),), {}, SEQUENCE) for kind in ("Reflection", "Replication", "Circular")),
    *((f"{kind}Pad2d", ((1, 2, 3, 0),), {}, IMAGE) for kind in ("Reflection", "Replication", "Circular")),
    *((f"{kind}Pad3d", (1,), {}, VOLUME) for kind in ("Reflection", "Replication", "Circular")),
    ("Upsample", (), {"scale_factor": 2}, IMAGE),
    ("Upsample", ((5, 9),), {"mode": "bilinear"}, IMAGE),
    ("Upsample", (), {"scale_factor": (1.5, 2), "mode": "bilinear", "align_corners": True}, IMAGE),
    ("Upsample", (), {"scale_factor": 2.3, "mode": "linear"}, SEQUENCE),
    ("Unfold", (3,), {"padding": 1, "stride": 2}, IMAGE),
    ("Unfold", ((2, 3), 2), {}, IMAGE),
    ("Fold", ((5, 4), (2, 3)), {"padding": 1}, (2, 12, 24)),
    ("ReLU", (), {}, IMAGE),
    ("ReLU", (True,), {}, IMAGE),
    ("ReLU6", (), {}, IMAGE),
    ("LeakyReLU", (), {}, IMAGE),
    ("LeakyReLU", (0.2, True), {}, IMAGE),
    ("PReLU", (), {}, IMAGE),
    ("PReLU", (4, 0.1), {}, IMAGE),
    ("ELU", (), {}, IMAGE),
    ("ELU", (0.5,), {"inplace": True}, IMAGE),
    ("SELU", (), {}, IMAGE),
    ("GELU", (), {}, IMAGE),
    ("GELU", ("tanh",), {}, IMAGE),
    ("SiLU", (), {}, IMAGE),
    ("Softplus", (), {}, IMAGE),
    ("Softplus", (2.0, 1.0), {}, IMAGE),
    ("Hardtanh", (), {}, IMAGE),
    ("Hardtanh", (-0.5, 0.7), {"inplace": True}, IMAGE),
    ("Sigmoid", (), {}, IMAGE),
    ("LogSigmoid", (), {}, IMAGE),
    ("Tanh", (), {}, IMAGE),
    ("Softmax", (1,), {}, IMAGE),
    ("LogSoftmax", (), {"dim": -1}, IMAGE),
    ("Softmin", (2,), {}, IMAGE),
    ("BatchNorm1d", (4,), {}, (5, 4)),
    ("BatchNorm1d", (4,), {"momentum": None, "affine": False}, SEQUENCE),
    ("BatchNorm2d", (4,), {"eps": 0.1, "momentum": 0.3}, IMAGE),
    ("BatchNorm2d", (4,), {"track_running_stats": False, "bias": False}, IMAGE),
    ("BatchNorm3d", (4,), {}, VOLUME),
    ("LayerNorm", (6,), {}, IMAGE),
    ("LayerNorm", ([7, 6],), {"eps": 0.1, "bias": False}, IMAGE),
    ("LayerNorm", ((4, 7, 6),), {"elementwise_affine": False}, IMAGE),
    ("RMSNorm", (6,), {}, IMAGE),
    ("RMSNorm", ((7, 6), 0.1), {"elementwise_affine": False}, IMAGE),
    ("GroupNorm", (2, 4), {}, IMAGE),
    ("GroupNorm", (4, 4), {"affine": False, "eps": 0.1}, SEQUENCE),
    ("GroupNorm", (1, 4), {"bias": False}, VOLUME),
    ("InstanceNorm1d", (4,), {}, SEQUENCE),
    ("InstanceNorm2d", (4,), {"affine": True, "track_running_stats": True}, IMAGE),
    ("InstanceNorm2d", (4,), {"affine": True, "bias": False}, IMAGE[1:]),
    ("InstanceNorm3d", (4,), {"track_running_stats": True, "momentum": 0.4}, VOLUME),
]
LAYER_IDS = [f"{name}{args} {options}" for name, args, options, _ in LAYERS]
layers = pytest.mark.parametrize("name, args, options, shape", LAYERS, ids=LAYER_IDS)


def both(name, args, options, dtype=np.float64):
    """The layer here and in PyTorch, with the same values."""
    ours, theirs = getattr(nn, name)(*args, **options), getattr(torch.nn, name)(*args, **options)
    rng = np.random.default_rng(3)
    with torch.no_grad():
        for p in theirs.parameters():
            p.copy_(torch.tensor(rng.standard_normal(p.shape)))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({key: value.numpy() for key, value in theirs.state_dict().items()})
    if dtype == np.float64:
        ours.double(), theirs.double()
    return ours, theirs


def assert_same(ours, theirs, tolerance=1e-9):
    assert tuple(ours.shape) == tuple(theirs.shape)
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=tolerance, atol=tolerance)


def gradients(library, out, seed, leaves):
    """Gradients, and those of a mixture of the gradients."""
    first = library.grad(out, leaves, seed(out), create_graph=True)
    mixed = sum((g * seed(g)).sum() for g in first)
    if not mixed.requires_grad:
        return list(first), []
    return list(first), list(library.grad(mixed, leaves, allow_unused=True))


@layers
def test_reprs_and_state_are_pytorchs(name, args, options, shape):
    ours, theirs = getattr(nn, name)(*args, **options), getattr(torch.nn, name)(*args, **options)
    assert repr(ours) == repr(theirs)
    assert {k: tuple(v.shape) for k, v in ours.state_dict().items()} == {
        k: tuple(v.shape) for k, v in theirs.state_dict().items()
    }
    assert [k for k, _ in ours.named_parameters()] == [k for k, _ in theirs.named_parameters()]


@layers
@pytest.mark.parametrize("training", [True, False])
def test_outputs_and_gradients_are_pytorchs(name, args, options, shape, training):
    ours, theirs = both(name, args, options)
    ours.train(training), theirs.train(training)
    rng = np.random.default_rng(5)
    array = rng.standard_normal(shape)
    for _ in range(2 if training else 1):  # running statistics move twice
        x, y = tg.tensor(array, requires_grad=True), torch.tensor(array, requires_grad=True)
        out = ours(x)
        expected = theirs(y * 1)  # in-place layers refuse a leaf
        assert_same(out, expected)
    for key, value in theirs.state_dict().items():
        assert_same(ours.state_dict()[key], value)
    seeds = {}

    def seed(tensor):
        values = seeds.setdefault(tuple(tensor.shape), rng.standard_normal(tuple(tensor.shape)))
        return tg.tensor(values) if isinstance(tensor, tg.Tensor) else torch.tensor(values)

    found = gradients(tg, out, seed, [x, *ours.parameters()])
    wanted = gradients(torch.autograd, expected, seed, [y, *theirs.parameters()])
    for a, b in zip(found[0], wanted[0], strict=True):
        assert_same(a, b)
    for i in range(len(found[0])):
        a = found[1][i] if found[1] else None
        b = wanted[1][i] if wanted[1] else None
        zeros = np.zeros(found[0][i].shape)
        np.testing.assert_allclose(
            zeros if a is None else a.data, zeros if b is None else b.numpy(), rtol=1e-7, atol=1e-8
        )
    tally.count(*tally.ALL)


@layers
def test_float32_outputs_are_pytorchs(name, args, options, shape):
    ours, theirs = both(name, args, options, np.float32)
    array = np.random.default_rng(5).standard_normal(shape).astype(np.float32)
    out = ours(array)
    assert out.dtype == np.float32
    assert_same(out, theirs(torch.tensor(array)), 3e-5)
    tally.count("values")


STARTS = [
    ("Linear", (300, 200)),
    ("Conv1d", (30, 60, 7)),
    ("Conv2d", (30, 60, 3)),
    ("Conv3d", (10, 20, 3)),
    ("ConvTranspose1d", (30, 60, 7)),
    ("ConvTranspose2d", (30, 60, 3)),
    ("ConvTranspose3d", (10, 20, 3)),
    ("Embedding", (300, 40)),
    ("Embedding", (300, 40, 7)),
    ("PReLU", (7,)),
    ("BatchNorm2d", (7,)),
    ("LayerNorm", (7,)),
    ("GroupNorm", (2, 8)),
    ("InstanceNorm2d", (7, 1e-5, 0.1, True, True)),
    ("RMSNorm", (7,)),
]


@pytest.mark.parametrize("name, args", STARTS, ids=[f"{name}{args}" for name, args in STARTS])
@pytest.mark.parametrize("part", ["weight", "bias"])
def test_starting_values_are_distributed_as_pytorchs(name, args, part):
    torch.manual_seed(0)
    tg.manual_seed(0)
    samples = []
    for library in (nn, torch.nn):
        made = [getattr(getattr(library, name)(*args), part, None) for _ in range(1 if part == "weight" else 40)]
        if made[0] is None:
            samples.append(None)
            continue
        samples.append(np.concatenate([t.detach().numpy().ravel() for t in made]))
    if samples[0] is None or samples[1] is None:
        assert samples[0] is samples[1]
        return
    ours, theirs = samples
    assert ks_distance(ours, theirs) < 2 * math.sqrt(2 / ours.size)


# Losses

N, C = 6, 5
RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, C, N)
MAPS = RNG.integers(0, C, (2, 3, 4))
SHARES = RNG.dirichlet(np.ones(C), N)
WEIGHT = RNG.uniform(0.5, 2, C)
BITS = RNG.uniform(0, 1, (N, C))
REAL = RNG.standard_normal((N, C))

LOSSES = [
    ("CrossEntropyLoss", {}, (N, C), LABELS),
    ("CrossEntropyLoss", {"weight": WEIGHT, "label_smoothing": 0.1}, (N, C), LABELS),
    ("CrossEntropyLoss", {"ignore_index": 2}, (N, C), LABELS),
    ("CrossEntropyLoss", {"weight": WEIGHT, "ignore_index": 0}, (2, C, 3, 4), MAPS),
    ("CrossEntropyLoss", {"label_smoothing": 0.3}, (N, C), SHARES),
    ("CrossEntropyLoss", {"weight": WEIGHT}, (N, C), SHARES),
    ("NLLLoss", {}, (N, C), LABELS),
    ("NLLLoss", {"weight": WEIGHT, "ignore_index": 1}, (2, C, 3, 4), MAPS),
    ("MSELoss", {}, (N, C), REAL),
    ("L1Loss", {}, (N, C), REAL),
    ("SmoothL1Loss", {}, (N, C), REAL),
    ("SmoothL1Loss", {"beta": 0.3}, (N, C), REAL),
    ("HuberLoss", {"delta": 0.4}, (N, C), REAL),
    ("BCELoss", {}, (N, C), BITS),
    ("BCELoss", {"weight": WEIGHT}, (N, C), BITS),
    ("BCEWithLogitsLoss", {}, (N, C), BITS),
    ("BCEWithLogitsLoss", {"weight": WEIGHT, "pos_weight": WEIGHT[::-1].copy()}, (N, C), BITS),
    ("KLDivLoss", {}, (N, C), SHARES),
    ("KLDivLoss", {"log_target": True}, (N, C), np.log(SHARES)),
]
LOSS_IDS = [f"{name} {' '.join(options)} {number}" for number, (name, options, *_) in enumerate(LOSSES)]


@pytest.mark.parametrize("name, options, shape, target", LOSSES, ids=LOSS_IDS)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none", "batchmean"])
@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides:UserWarning", "ignore:reduction:UserWarning")
def test_losses_are_pytorchs(name, options, shape, target, reduction):
    if reduction == "batchmean" and name != "KLDivLoss":
        with pytest.raises(tg.ShapeError, match=f"{name}: reduction must be 'mean', 'sum' or 'none', got 'batchmean'"):
            getattr(nn, name)(reduction=reduction)
        return
    ours = getattr(nn, name)(
        **{k: tg.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}, reduction=reduction
    )
    theirs = getattr(torch.nn, name)(
        **{k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}, reduction=reduction
    )
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    rng = np.random.default_rng(1)
    array = rng.uniform(0.05, 0.95, shape) if name == "BCELoss" else rng.standard_normal(shape)
    x, y = tg.tensor(array, requires_grad=True), torch.tensor(array, requires_grad=True)
    out, expected = ours(x, tg.tensor(target)), theirs(y, torch.tensor(target))
    assert_same(out, expected)
    (found,) = tg.grad(out.sum(), x, create_graph=True)
    (wanted,) = torch.autograd.grad(expected.sum(), y, create_graph=True)
    assert_same(found, wanted)
    seed = rng.standard_normal(shape)
    second = tg.grad((found * tg.tensor(seed)).sum(), x, allow_unused=True)[0] if found.requires_grad else None
    twin = (
        torch.autograd.grad((wanted * torch.tensor(seed)).sum(), y, allow_unused=True)[0]
        if wanted.requires_grad
        else None
    )
    zeros = np.zeros(shape)
    np.testing.assert_allclose(
        zeros if second is None else second.data,
        zeros if twin is None else twin.numpy(force=True),
        rtol=1e-8,
        atol=1e-10,
    )
    tally.count(*tally.ALL)


@pytest.mark.filterwarnings("ignore:size_average and reduce args will be deprecated:UserWarning")
@pytest.mark.parametrize("size_average", [None, True, False])
@pytest.mark.parametrize("reduce", [None, True, False])
def test_old_spellings_of_reductions_are_pytorchs(size_average, reduce):
    for name in ("MSELoss", "CrossEntropyLoss", "BCEWithLogitsLoss", "KLDivLoss"):
        options = {"size_average": size_average, "reduce": reduce}
        assert getattr(nn, name)(**options).reduction == getattr(torch.nn, name)(**options).reduction


# Embedding and dropout


@pytest.mark.parametrize(
    "options", [{}, {"padding_idx": 2}, {"padding_idx": -1, "scale_grad_by_freq": True}, {"max_norm": 1.0}]
)
def test_embedding_is_pytorchs(options):
    ours, theirs = both("Embedding", (7, 3), options)
    assert repr(ours) == repr(theirs)
    index = np.array([[0, 2, 2], [6, 6, 6]])
    out, expected = ours(index), theirs(torch.tensor(index))
    assert_same(out, expected)
    (out * out).sum().backward()
    (expected * expected).sum().backward()
    assert_same(ours.weight.grad, theirs.weight.grad)
    assert_same(ours.weight, theirs.weight)
    tally.count("values", "gradients")


@pytest.mark.parametrize(
    "kind, shape", [("Dropout1d", (50, 40, 3)), ("Dropout2d", (50, 40, 3, 2)), ("Dropout3d", (50, 40, 2, 2, 2))]
)
def test_dropout_of_channels(kind, shape):
    ours, theirs = getattr(nn, kind)(0.3), getattr(torch.nn, kind)(0.3)
    assert repr(ours) == repr(theirs)
    x = tg.ones(shape, requires_grad=True)
    out = ours(x)
    dropped = (out.data == 0).reshape(2000, -1)
    assert (dropped.all(1) | ~dropped.any(1)).all()
    assert dropped[:, 0].mean() == pytest.approx(0.3, abs=0.05)
    assert np.unique(out.data).tolist() == [0, pytest.approx(1 / 0.7)]
    out.sum().backward()
    np.testing.assert_array_equal(x.grad.data, out.data)
    assert ours.eval()(x) is x
    assert getattr(nn, kind)(0.0)(x) is x


def test_transposed_convolution_to_a_size_is_pytorchs():
    ours, theirs = both("ConvTranspose2d", (4, 6, 3), {"stride": 3, "padding": 1})
    array = np.random.default_rng(0).standard_normal(IMAGE)
    for size in ((19, 18), (21, 16), (2, 6, 20, 17)):
        assert_same(ours(array, size), theirs(torch.tensor(array), size))
        tally.count("values")
    with pytest.raises(
        tg.ShapeError, match=r"output_size must be from \(19, 16\) to \(21, 18\) for input .*got \(22, 16\)"
    ):
        ours(array, (22, 16))
    with pytest.raises(ValueError, match="requested an output size"):
        theirs(torch.tensor(array), (22, 16))
