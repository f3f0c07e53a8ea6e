"""Layers and losses that came after those of test_nn_parity.py, in PyTorch: reprs, state, values, derivatives."""

import inspect
import itertools

import numpy as np
import pytest
import torch

import nn
import tensorgrad as tg
from tests.nn.test_init import ks_distance
from tests.parity import tally
from tests.parity.test_nn_parity import IMAGE, SEQUENCE, VOLUME, assert_same, both, gradients

pytestmark = [
    pytest.mark.parity,
    pytest.mark.filterwarnings("ignore:size_average and reduce args will be deprecated:UserWarning"),
]

# (class, positional arguments, keywords, shapes of the inputs)
LAYERS = [
    ("CELU", (), {}, [IMAGE]),
    ("CELU", (0.5, True), {}, [IMAGE]),
    ("Mish", (), {}, [IMAGE]),
    ("Mish", (True,), {}, [IMAGE]),
    ("Softsign", (), {}, [IMAGE]),
    ("Tanhshrink", (), {}, [IMAGE]),
    ("Hardswish", (), {"inplace": True}, [IMAGE]),
    ("Threshold", (0.1, 20), {}, [IMAGE]),
    ("Threshold", (-0.2, 0.5, True), {}, [IMAGE]),
    ("Softshrink", (), {}, [IMAGE]),
    ("Softshrink", (0.3,), {}, [IMAGE]),
    ("Hardshrink", (), {}, [IMAGE]),
    ("Hardshrink", (1,), {}, [IMAGE]),
    ("GLU", (), {}, [IMAGE]),
    ("GLU", (1,), {}, [IMAGE]),
    ("Softmax2d", (), {}, [IMAGE]),
    ("Softmax2d", (), {}, [IMAGE[1:]]),
    ("RReLU", (0.2, 0.2), {}, [IMAGE]),
    ("RReLU", (0.25, 0.25, True), {}, [IMAGE]),
    ("CosineSimilarity", (), {}, [(5, 4), (5, 4)]),
    ("CosineSimilarity", (0, 1e-3), {}, [(5, 4), (4,)]),
    ("PairwiseDistance", (), {}, [(5, 4), (5, 4)]),
    ("PairwiseDistance", (3.0, 0.1, True), {}, [(5, 4), (4,)]),
    ("PixelShuffle", (2,), {}, [IMAGE]),
    ("PixelUnshuffle", (2,), {}, [(2, 3, 4, 6)]),
    ("ChannelShuffle", (2,), {}, [IMAGE]),
    ("LocalResponseNorm", (3,), {}, [IMAGE]),
    ("LocalResponseNorm", (2, 0.4, 0.5, 2.0), {}, [SEQUENCE]),
    ("LPPool1d", (2, 3), {}, [SEQUENCE]),
    ("LPPool2d", (2, (3, 2)), {"stride": (2, 1), "ceil_mode": True}, [IMAGE]),
    ("LPPool3d", (2, 2, 1), {}, [VOLUME]),
    ("Unflatten", (1, (2, 2)), {}, [IMAGE]),
    ("Unflatten", (-1, [3, -1]), {}, [IMAGE]),
    ("Bilinear", (4, 3, 5), {}, [(6, 4), (6, 3)]),
    ("Bilinear", (4, 3, 5), {"bias": False}, [(2, 3, 4), (2, 3, 3)]),
]
# Compared apart, below, or with repr and state alone.
SHOWN = [
    ("AlphaDropout", (), {}),
    ("AlphaDropout", (0.2, True), {}),
    ("FeatureAlphaDropout", (0.3,), {}),
    ("Hardsigmoid", (True,), {}),
    ("RReLU", (), {}),
    ("RReLU", (0.1, 0.3, True), {}),
    ("MaxUnpool1d", (2,), {}),
    ("MaxUnpool2d", ((3, 2), 2, (1, 0)), {}),
    ("MaxUnpool3d", (2, (1, 2, 1)), {}),
]


def name_of(row):
    return f"{row[0]}{row[1]} {row[2]}"


@pytest.mark.parametrize("row", [*LAYERS, *SHOWN], ids=name_of)
def test_reprs_state_and_arguments_are_pytorchs(row):
    name, args, options, *_ = row
    ours, theirs = getattr(nn, name)(*args, **options), getattr(torch.nn, name)(*args, **options)
    assert repr(ours) == repr(theirs)
    assert [(k, tuple(v.shape)) for k, v in ours.state_dict().items()] == [
        (k, tuple(v.shape)) for k, v in theirs.state_dict().items()
    ]
    assert [k for k, _ in ours.named_parameters()] == [k for k, _ in theirs.named_parameters()]
    tally.count("texts")


@pytest.mark.parametrize("row", LAYERS, ids=name_of)
@pytest.mark.parametrize("training", [True, False])
def test_outputs_and_gradients_are_pytorchs(row, training):
    name, args, options, shapes = row
    ours, theirs = both(name, args, options)
    ours.train(training), theirs.train(training)
    rng = np.random.default_rng(5)
    positive = name.startswith("LPPool")
    arrays = [np.abs(a) + 0.1 if positive else a for a in map(rng.standard_normal, shapes)]
    xs = [tg.tensor(a, requires_grad=True) for a in arrays]
    ys = [torch.tensor(a, requires_grad=True) for a in arrays]
    out, expected = ours(*xs), theirs(*[y * 1 for y in ys])  # in-place layers refuse a leaf
    assert_same(out, expected)
    seeds = {}

    def seed(tensor):
        values = seeds.setdefault(tuple(tensor.shape), rng.standard_normal(tuple(tensor.shape)))
        return tg.tensor(values) if isinstance(tensor, tg.Tensor) else torch.tensor(values)

    found = gradients(tg, out, seed, [*xs, *ours.parameters()])
    wanted = gradients(torch.autograd, expected, seed, [*ys, *theirs.parameters()])
    for a, b in zip(found[0], wanted[0], strict=True):
        assert_same(a, b)
    for i, first in enumerate(found[0]):
        a, b = (side[1][i] if side[1] else None for side in (found, wanted))
        zeros = np.zeros(first.shape)
        np.testing.assert_allclose(
            zeros if a is None else a.data, zeros if b is None else b.numpy(force=True), rtol=1e-7, atol=1e-8
        )
    tally.count(*tally.ALL)


@pytest.mark.parametrize("row", LAYERS, ids=name_of)
def test_float32_outputs_are_pytorchs(row):
    name, args, options, shapes = row
    ours, theirs = both(name, args, options, np.float32)
    arrays = [np.abs(np.random.default_rng(5).standard_normal(s)).astype(np.float32) for s in shapes]
    out = ours(*arrays)
    assert out.dtype == np.float32
    assert_same(out, theirs(*map(torch.tensor, arrays)), 3e-5)
    tally.count("values")


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_unpooling_layers(rank):
    for args, sizes in [((2,), (6, 4, 2)), ((2,), (7, 6, 5)), ((3, 2, 1), (7, 6, 5))]:
        x = np.random.default_rng(0).standard_normal((2, 3, *sizes[:rank]))
        values, indices = getattr(torch.nn, f"MaxPool{rank}d")(*args, return_indices=True)(torch.tensor(x))
        ours, theirs = (getattr(library, f"MaxUnpool{rank}d")(*args) for library in (nn, torch.nn))
        given = tg.tensor(values.numpy()), tg.tensor(indices.numpy())
        assert_same(ours(*given, output_size=x.shape), theirs(values, indices, output_size=x.shape))
        if sizes == (6, 4, 2):
            assert_same(ours(*given), theirs(values, indices))
        tally.count("values")


def test_bilinear_starts_as_pytorchs():
    tg.manual_seed(0)
    torch.manual_seed(0)
    for part in ("weight", "bias"):
        ours, theirs = (
            np.concatenate([getattr(library.Bilinear(9, 5, 400), part).detach().numpy().ravel() for _ in range(3)])
            for library in (nn, torch.nn)
        )
        assert ks_distance(ours, theirs) < 2 * np.sqrt(2 / ours.size)
        assert np.abs(ours).max() <= 1 / 3
    tally.count("distributions")


@pytest.mark.parametrize("name", ["AlphaDropout", "FeatureAlphaDropout"])
def test_dropout_draws_what_pytorch_draws(name):
    """The same values, with the same probability."""
    for p in (0.1, 0.6, 1.0):
        x = np.linspace(-1, 1, 2000).reshape(20, 100)
        results = []
        for ours in (True, False):
            tg.manual_seed(0), torch.manual_seed(0)
            out = getattr(nn if ours else torch.nn, name)(p)(tg.tensor(x) if ours else torch.tensor(x)).numpy()
            results.append(np.unique(np.round((out - out.min()), 9)))
            low = out == out.min()
            assert abs(low.mean() - p) < 0.05 or p == 1
        if p == 1:
            assert results[0].tolist() == results[1].tolist() == [0]
        kept = [
            getattr(lib, name)(p).eval()(make(x)).numpy() for lib, make in ((nn, tg.tensor), (torch.nn, torch.tensor))
        ]
        np.testing.assert_array_equal(*kept)
        # The affine map of what is kept, and what is dropped.
        tables = []
        for lib, make in ((nn, tg.tensor), (torch.nn, torch.tensor)):
            drawn = np.concatenate([getattr(lib, name)(p)(make(np.array([[0.0, 1.0]]))).numpy() for _ in range(200)])
            tables.append(np.unique(np.round(drawn, 9)))
        np.testing.assert_allclose(*tables)
    tally.count("values")


# Losses

N, C = 6, 5
RNG = np.random.default_rng(0)
LABELS, SIGNS = RNG.integers(0, C, N), np.where(RNG.random(N) < 0.5, -1.0, 1.0)
SETS = np.array([[*RNG.permutation(C)[:n], *[-1] * (C - n)] for n in (0, 1, 2, 5, 3, 2)])
BITS = RNG.integers(0, 2, (N, C)).astype(float)
WEIGHT, REAL = RNG.uniform(0.5, 2, C), RNG.standard_normal((N, C))

# (class, keywords, float inputs that get gradients, the target, whether PyTorch has second derivatives)
LOSSES = [
    ("CosineEmbeddingLoss", {}, [(N, C), (N, C)], SIGNS, True),
    ("CosineEmbeddingLoss", {"margin": -0.3}, [(N, C), (N, C)], SIGNS, True),
    ("MarginRankingLoss", {}, [(N,), (N,)], SIGNS, True),
    ("MarginRankingLoss", {"margin": 0.7}, [(N,), (N,)], SIGNS, True),
    ("HingeEmbeddingLoss", {}, [(N,)], SIGNS, True),
    ("HingeEmbeddingLoss", {"margin": 0.2}, [(C, N)], SIGNS, True),
    ("SoftMarginLoss", {}, [(C, N)], np.tile(SIGNS, (C, 1)), True),
    ("MultiMarginLoss", {}, [(N, C)], LABELS, False),
    ("MultiMarginLoss", {"p": 2, "margin": 0.4, "weight": WEIGHT}, [(N, C)], LABELS, False),
    ("MultiLabelMarginLoss", {}, [(N, C)], SETS, False),
    ("MultiLabelSoftMarginLoss", {}, [(N, C)], BITS, True),
    ("MultiLabelSoftMarginLoss", {"weight": WEIGHT}, [(N, C)], BITS, True),
    ("TripletMarginLoss", {}, [(N, C)] * 3, None, True),
    ("TripletMarginLoss", {"margin": 3.0, "p": 1.0, "eps": 0.1, "swap": True}, [(N, C)] * 3, None, True),
    ("TripletMarginWithDistanceLoss", {}, [(N, C)] * 3, None, True),
    ("TripletMarginWithDistanceLoss", {"margin": 2.0, "swap": True}, [(N, C)] * 3, None, True),
    ("GaussianNLLLoss", {}, [(N, C)], REAL, True),
    ("GaussianNLLLoss", {"full": True, "eps": 0.9}, [(N, C)], REAL, True),
    ("PoissonNLLLoss", {}, [(N, C)], BITS, True),
    ("PoissonNLLLoss", {"full": True}, [(N, C)], 3 * BITS, True),
]


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("row", LOSSES, ids=lambda row: f"{row[0]} {' '.join(row[1])}")
def test_losses_are_pytorchs(row, reduction):
    name, options, shapes, target, twice = row
    arrays = [np.random.default_rng(n).standard_normal(s) for n, s in enumerate(shapes)]
    results = []
    for library, make, grad in ((nn, tg.tensor, tg.grad), (torch.nn, torch.tensor, torch.autograd.grad)):
        given = {k: make(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
        loss = getattr(library, name)(**given, reduction=reduction)
        xs = [make(a, requires_grad=True) for a in arrays]
        rest = [] if target is None else [make(target)]
        if name == "GaussianNLLLoss":
            xs.append(make(np.abs(REAL), requires_grad=True))
            out = loss(xs[0], *rest, xs[1])
        else:
            out = loss(*xs, *rest)
        first = grad(out.sum(), xs, create_graph=twice)
        found = [out, *first]
        if twice:
            kept = [g for g in first if g.requires_grad]
            again = grad(sum((g * g).sum() for g in kept), xs, allow_unused=True) if kept else [None] * len(xs)
            found += [0 * x.detach() if g is None else g for g, x in zip(again, xs, strict=True)]
        results.append(
            (
                repr(loss),
                list(loss.state_dict()),
                [f.detach().numpy() if library is nn else f.numpy(force=True) for f in found],
            )
        )
    (ours, our_keys, values), (theirs, their_keys, right) = results
    assert (ours, our_keys) == (theirs, their_keys)
    for one, other in zip(values, right, strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-10)
    tally.count(*tally.ALL[: 2 + twice])


@pytest.mark.parametrize("size_average, reduce", [*itertools.product([None, True, False], repeat=2)])
def test_old_spellings_of_reductions_are_pytorchs(size_average, reduce):
    options = {"size_average": size_average, "reduce": reduce}
    names = [name for name in dir(torch.nn) if name.endswith("Loss") and hasattr(nn, name)]
    names = [name for name in names if "reduce" in inspect.signature(getattr(torch.nn, name)).parameters]
    assert len(names) == 17
    for name in names:
        assert getattr(nn, name)(**options).reduction == getattr(torch.nn, name)(**options).reduction
    tally.count("texts")


def test_constructors_take_pytorchs_arguments_in_its_order():
    """Ours may have more, by keyword: `dtype`, `generator`."""
    ours_alone, theirs_alone = (
        {"dtype", "generator"},
        {"device", "dtype", "_weight", "_freeze", "min_value", "max_value"},
    )
    compared = 0
    for name in nn.__all__:
        ours, theirs = getattr(nn, name), getattr(torch.nn, name, None)
        if not (isinstance(ours, type) and isinstance(theirs, type)) or name in ("Module", "Parameter", "Identity"):
            continue
        parameters = [dict(inspect.signature(kind).parameters) for kind in (ours, theirs)]
        if any(p.kind is p.VAR_POSITIONAL for p in parameters[1].values()):
            assert not parameters[0] or name == "Sequential"
            continue
        mine = {k: p for k, p in parameters[0].items() if k not in ours_alone}
        other = {k: p for k, p in parameters[1].items() if k not in theirs_alone}
        assert list(mine) == list(other), name
        for key, parameter in mine.items():
            if key == "dim" or name.startswith("Module"):
                continue  # PyTorch's None for an axis is a guess, and warns; that of containers is an empty one
            assert parameter.default == other[key].default, (name, key)
        compared += 1
    assert compared > 100
    tally.count("texts")
