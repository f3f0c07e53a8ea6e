"""The activations, losses and small layers that came after the first, in PyTorch: kinks, extremes, all keywords.

What has rows in the table of operations is compared there too; here are the values that rows leave out, and PyTorch's
own functions where the rows are compared with plain operations, because PyTorch's cannot be differentiated twice.
"""

import itertools
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as TF

import nn.functional as F
import tensorgrad as tg
from tests.parity import tally

pytestmark = pytest.mark.parity

INF, NAN = math.inf, math.nan
EDGES = [-INF, -1e4, -20.0, -3.0, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 3.0, 20.0, 1e4, INF, NAN]
REDUCTIONS = ["none", "mean", "sum"]


def found(library, call, arrays, order=2):
    """Value, gradients and those of the gradients' squares; zeros for none."""
    if library is tg:
        leaves = [tg.tensor(a, requires_grad=True) for a in arrays]
        grad = tg.grad
    else:
        leaves = [torch.tensor(a, requires_grad=True) for a in arrays]
        grad = torch.autograd.grad
    out = call(F if library is tg else TF, *leaves)
    weights = np.random.default_rng(1).uniform(0.5, 2, tuple(out.shape)).astype(arrays[0].dtype)
    seed = tg.tensor(weights) if library is tg else torch.tensor(weights)
    first = grad(out, leaves, seed, create_graph=order > 1, allow_unused=True)
    results = [out, *first]
    kept = [g for g in first if g is not None and g.requires_grad]
    if order > 1:
        total = sum((g * g).sum() for g in kept)
        results += grad(total, leaves, allow_unused=True) if kept else [None] * len(leaves)
    shapes = [tuple(out.shape), *[a.shape for a in arrays] * order]
    return [
        np.zeros(shape) if r is None else np.asarray(r.detach().numpy()) if library is tg else r.numpy(force=True)
        for r, shape in zip(results, shapes, strict=True)
    ]


def assert_same(call, *arrays, order=2, rtol=1e-9):
    for ours, theirs in zip(found(tg, call, arrays, order), found(torch, call, arrays, order), strict=True):
        assert ours.shape == theirs.shape
        scale = np.max(np.abs(theirs[np.isfinite(theirs)]), initial=0)
        np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=1e-3 * rtol * max(scale, 1))
    tally.count(*tally.ALL[: order + 1])


def random(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize("name", ["celu", "hardshrink", "softshrink", "rrelu"])
def test_edges_of_activations(name):
    assert_same(lambda lib, x: getattr(lib, name)(x), np.array(EDGES))


def test_edges_of_threshold():
    for threshold, value in itertools.product([-0.5, 0.0, 1.0], [0.0, -7.0, INF]):
        assert_same(lambda lib, x, t=threshold, v=value: lib.threshold(x, t, v), np.array(EDGES))


@pytest.mark.parametrize("lambd", [0.0, 0.5, 3.0, INF])
def test_edges_of_shrinks(lambd):
    assert_same(lambda lib, x: lib.hardshrink(x, lambd), np.array(EDGES))
    finite = np.array([x for x in EDGES if abs(x) < INF])
    if lambd < INF:
        assert_same(lambda lib, x: lib.softshrink(x, lambd), finite)


def test_edges_of_hardsigmoid():
    """PyTorch's slope is 1/6 rounded to float32, and has no derivative."""
    assert_same(lambda lib, x: lib.hardsigmoid(x), np.array(EDGES), order=1, rtol=1e-7)


@pytest.mark.parametrize(
    "name, better",
    [
        ("hardswish", [-INF]),  # nan there in PyTorch, where the limit is 0
        ("softsign", [-INF, INF]),  # nan there in PyTorch, where the limits are -1 and 1
        ("tanhshrink", []),
        ("mish", [1e4]),  # its second derivative is nan there in PyTorch
    ],
)
def test_edges_where_pytorch_gives_nan(name, better):
    edges = np.array([x for x in EDGES if x not in better])
    call = lambda lib, x: getattr(lib, name)(x)  # noqa: E731
    assert_same(call, edges)
    for x in better:
        ours, theirs = (np.array(found(lib, call, [np.array([x])])) for lib in (tg, torch))
        assert np.isnan(theirs).any()
        assert not np.isnan(ours).any()


@pytest.mark.parametrize("name", ["celu", "mish", "softsign", "hardswish", "tanhshrink"])
def test_activations_of_ordinary_values(name):
    assert_same(lambda lib, x: getattr(lib, name)(x), 3 * random(20, 10))
    assert_same(lambda lib, x: getattr(lib, name)(x), (3 * random(20, 10)).astype(np.float32), order=1, rtol=1e-3)


@pytest.mark.parametrize("name", ["softsign", "tanhshrink", "threshold"])
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "int32", "int64", "float16", "float32", "float64"])
def test_dtypes_of_activations(name, dtype):
    arguments = (1, 7.5) if name == "threshold" else ()
    try:
        right = getattr(TF, name)(torch.tensor([0, 1, 2]).to(getattr(torch, dtype)), *arguments)
    except (RuntimeError, NotImplementedError):
        return  # of which PyTorch makes nothing
    ours = getattr(F, name)(tg.tensor(np.array([0, 1, 2], dtype)), *arguments)
    assert str(ours.dtype) == str(right.dtype).removeprefix("torch.")
    np.testing.assert_allclose(ours.numpy(), right.numpy(), rtol=2e-3 if dtype == "float16" else 1e-6)
    tally.count("values")


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_glu(dim):
    assert_same(lambda lib, x: lib.glu(x, dim), random(4, 6, 2))


# Losses


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_multi_margin_loss(reduction):
    for p, margin, weighted in itertools.product([1, 2], [0.3, 1.0, 2.5], [False, True]):
        weight = np.array([0.5, 2.0, 1.5, 0.7])

        def call(lib, x, labels, p=p, margin=margin, weight=weight if weighted else None):
            make = tg.tensor if lib is F else torch.tensor
            w = None if weight is None else make(weight)
            return lib.multi_margin_loss(x, make(labels), p, margin, w, reduction=reduction)

        assert_same(lambda lib, x: call(lib, x, np.array([0, 3, 1, 2, 0])), random(5, 4), order=1)
        assert_same(lambda lib, x: call(lib, x, np.array(2)), random(4), order=1)
        assert_same(lambda lib, x: call(lib, x, np.array([2])), random(4), order=1)
        assert_same(lambda lib, x: call(lib, x, np.array([0, 3])), np.eye(2, 4), order=1)  # at the kinks


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_multilabel_margin_loss(reduction):
    def call(lib, x, labels):
        return lib.multilabel_margin_loss(x, (tg if lib is F else torch).tensor(labels), reduction=reduction)

    rng = np.random.default_rng(0)
    for seed in range(10):
        labels = np.array([[*rng.permutation(5)[:n], *[-1] * (5 - n)] for n in rng.integers(0, 6, 4)])
        assert_same(lambda lib, x, labels=labels: call(lib, x, labels), random(4, 5, seed=seed), order=1)
    assert_same(lambda lib, x: call(lib, x, np.array([1, 1, -1, 0])), random(4), order=1)  # a label that comes twice
    assert_same(lambda lib, x: call(lib, x, np.array([[1, -1], [0, -1]])), np.eye(2), order=1)  # at the kinks


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_margins_at_their_kinks(reduction):
    ones = lambda lib, *values: (tg if lib is F else torch).tensor(np.array(values))  # noqa: E731
    x = np.array([1.0, 0.0, 2.0])
    assert_same(
        lambda lib, x, y: lib.margin_ranking_loss(x, y, ones(lib, 1, 1, -1), 1.0, reduction=reduction),
        x,
        x[::-1].copy(),
    )
    assert_same(lambda lib, x: lib.hinge_embedding_loss(x, ones(lib, -1, 1, -1), reduction=reduction), x)
    assert_same(lambda lib, x: lib.hinge_embedding_loss(x, ones(lib, 0, 5, -2), reduction=reduction), x)
    same = np.array([[1.0, 0.0], [1.0, 1.0]])
    assert_same(
        lambda lib, x, y: lib.cosine_embedding_loss(x, y, ones(lib, -1, 3), 1.0, reduction=reduction), same, same.copy()
    )
    for swap in (False, True):
        assert_same(
            lambda lib, a, x, y, s=swap: lib.triplet_margin_loss(a, x, y, 1.0, 1.0, 0.0, s, reduction=reduction),
            *[np.array([[0.0, 0], [1, 1]]), np.array([[0.0, 0], [2, 1]]), np.array([[1.0, 0], [0, 0]])],
        )


@pytest.mark.parametrize("p", [-1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0, INF])
def test_norms_of_every_order(p):
    assert_same(lambda lib, x: lib.normalize(x, p, 0), random(4, 3))
    assert_same(lambda lib, x, y: lib.pairwise_distance(x, y, p, keepdim=True), random(4, 3), random(3, seed=1))
    swap = {"swap": True, "margin": 2.0}
    if p > 0:
        assert_same(lambda lib, *t: lib.triplet_margin_loss(*t, p=p, **swap), *[random(4, 3, seed=n) for n in range(3)])


def test_cosines_of_vectors_that_broadcast():
    for a, b, dim in [((4, 3), (3,), 1), ((4, 1), (4, 3), 1), ((2, 1, 3), (5, 3), -2), ((3,), (3,), 0), ((), (), 0)]:
        x, y = 1 + np.abs(random(*a)), 1 + np.abs(random(*b, seed=1))
        assert_same(lambda lib, x, y, dim=dim: lib.cosine_similarity(x, y, dim), x, y)


def test_a_length_below_eps_has_no_gradient_here():
    """PyTorch sets it to eps behind its derivative's back, so that its gradient is that of another function."""
    x, y = np.array([[0.3, 0.4]]), np.array([[1.0, 2.0]])
    ours, theirs = (found(lib, lambda f, x, y: f.cosine_similarity(x, y, eps=1.0), [x, y]) for lib in (tg, torch))
    np.testing.assert_allclose(ours[0], theirs[0])
    np.testing.assert_allclose(ours[2], theirs[2])  # of the vector that is long enough
    assert not np.allclose(ours[1], theirs[1])
    assert tg.gradcheck(
        lambda x, y: tg.cosine_similarity(x, y, eps=1.0), [tg.tensor(v, requires_grad=True) for v in (x, y)]
    )


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_likelihoods(reduction):
    x, target, var = random(3, 4), random(3, 4, seed=1), np.abs(random(3, 4, seed=2))
    for full, eps in itertools.product([False, True], [1e-6, 0.7]):
        for v in (var, var[:, :1], var[:, 0], 0 * var):
            assert_same(
                lambda lib, *t, f=full, e=eps: lib.gaussian_nll_loss(*t, full=f, eps=e, reduction=reduction),
                *[x, target, v],
            )
        assert_same(lambda lib, x, y, f=full: lib.gaussian_nll_loss(x, y, 0.4, f, reduction=reduction), x, target)
        for log_input in (False, True):
            assert_same(
                lambda lib, x, y, f=full, e=eps, g=log_input: lib.poisson_nll_loss(
                    x, y, g, f, None, e, None, reduction
                ),
                *[var, 4 * np.abs(target)],
            )


# Layers


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_pooling_by_powers(rank):
    shape = (2, 2, *[5, 6, 4][:rank])
    for p, ceil_mode, stride in itertools.product([1, 2, 3, 1.5, -1, INF, -INF], [False, True], [None, 2, 3]):
        assert_same(
            lambda lib, x, p=p, c=ceil_mode, s=stride: getattr(lib, f"lp_pool{rank}d")(x, p, 2, s, c),
            np.abs(random(*shape)) + 0.1,
        )
    assert_same(lambda lib, x: getattr(lib, f"lp_pool{rank}d")(x, 2, 2), random(*shape))
    assert_same(lambda lib, x: getattr(lib, f"lp_pool{rank}d")(x, 2, 2), np.zeros(shape), order=1)
    assert_same(lambda lib, x: getattr(lib, f"lp_pool{rank}d")(x, 2, 2), random(*shape[1:]))


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_unpooling(rank):
    for n, k, s, p in [(8, 2, None, 0), (7, 3, 3, 1), (9, 2, 3, 0)]:
        x = random(2, 3, *[n] * rank)
        values, indices = getattr(TF, f"max_pool{rank}d")(torch.tensor(x), k, s, p, return_indices=True)

        def call(lib, v, **size):
            places = tg.tensor(indices.numpy()) if lib is F else indices  # noqa: B023
            places = places[0] if v.ndim == rank + 1 else places
            return getattr(lib, f"max_unpool{rank}d")(v, places, k, s, p, **size)  # noqa: B023

        assert_same(lambda lib, v: call(lib, v, output_size=[n] * rank), values.numpy())  # noqa: B023
        assert_same(lambda lib, v: call(lib, v, output_size=x.shape), values.numpy())  # noqa: B023
        assert_same(lambda lib, v: call(lib, v, output_size=[n] * rank), values.numpy()[0])  # noqa: B023


@pytest.mark.parametrize("shape", [(2, 5, 3), (2, 5, 3, 2), (1, 4, 2, 3, 2), (1, 3, 2, 1, 2, 2)])
def test_local_response_norm(shape):
    for size, (alpha, beta, k) in itertools.product([1, 2, 3, 4, 9], [(1e-4, 0.75, 1.0), (0.8, 0.4, 0.6)]):
        assert_same(lambda lib, x, s=size, o=(alpha, beta, k): lib.local_response_norm(x, s, *o), random(*shape))


def test_bilinear():
    for lead in [(), (4,), (2, 3)]:
        tensors = random(*lead, 2), random(*lead, 3, seed=1), random(5, 2, 3, seed=2), random(5, seed=3)
        assert_same(lambda lib, *t: lib.bilinear(*t), *tensors)
        assert_same(lambda lib, *t: lib.bilinear(*t), *tensors[:3])


def test_shuffles():
    for r in (1, 2, 3):
        assert_same(lambda lib, x, r=r: lib.pixel_shuffle(x, r), random(2, 2 * r * r, 3, 2))
        assert_same(lambda lib, x, r=r: lib.pixel_unshuffle(x, r), random(2, 1, 2, 3 * r, 2 * r))
        assert_same(lambda lib, x, r=r: lib.channel_shuffle(x, r), random(2, 6, 3, 2))
