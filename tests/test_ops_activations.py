"""Corners of the activations, losses and small layers that came after the first: kinks, ties, extremes, errors.

Expected values that are not obvious were read from PyTorch 2.13; parity/test_activations_parity.py compares the rest.
"""

import itertools
import math
import re
import warnings

import numpy as np
import pytest

import nn.functional as F
import tensorgrad as tg

INF, NAN = math.inf, math.nan
DTYPES = [np.float64, np.float32, np.float16]


def leaf(data, dtype=np.float64):
    return tg.tensor(np.asarray(data, dtype), requires_grad=True)


def value_and_grads(function, *inputs):
    """Result, and gradients of its sum, as arrays."""
    tensors = [x if isinstance(x, tg.Tensor) else leaf(x) for x in inputs]
    out = function(*tensors)
    return out.data, *[g.data for g in tg.grad(out, tensors, tg.ones_like(out))]


def second(function, x):
    x = leaf(x)
    (first,) = tg.grad(function(x).sum(), x, create_graph=True)
    return tg.grad(first.sum(), x)[0].tolist() if first.requires_grad else [0.0] * x.numel()


# Extreme values

ELEMENTWISE = {
    "celu": tg.celu,
    "celu of 0.1": lambda x: tg.celu(x, 0.1),
    "elu": tg.elu,
    "gelu": tg.gelu,
    "gelu of tanh": lambda x: tg.gelu(x, "tanh"),
    "glu": lambda x: tg.glu(tg.cat([x, x])),
    "gumbel_softmax": lambda x: tg.gumbel_softmax(x, generator=np.random.default_rng(0)),
    "hardshrink": tg.hardshrink,
    "hardsigmoid": tg.hardsigmoid,
    "hardswish": tg.hardswish,
    "hardtanh": tg.hardtanh,
    "leaky_relu": tg.leaky_relu,
    "log_softmax": lambda x: tg.log_softmax(x, 0),
    "logsigmoid": tg.logsigmoid,
    "mish": tg.mish,
    "relu": tg.relu,
    "relu6": tg.relu6,
    "rrelu": lambda x: tg.rrelu(x, training=True),
    "selu": tg.selu,
    "sigmoid": tg.sigmoid,
    "silu": tg.silu,
    "softmax": lambda x: tg.softmax(x, 0),
    "softmin": lambda x: tg.softmin(x, 0),
    "softplus": tg.softplus,
    "softshrink": tg.softshrink,
    "softsign": tg.softsign,
    "tanh": tg.tanh,
    "tanhshrink": tg.tanhshrink,
    "threshold": lambda x: tg.threshold(x, 0.5, -1.0),
}


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("dtype", DTYPES)
def test_far_from_0_all_is_finite_T34(name, dtype):
    x = leaf([-1e4, -1e3, -20.0, 20.0, 1e3, 1e4], dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        out = ELEMENTWISE[name](x)
        (first,) = tg.grad(out.sum(), x, create_graph=True)
        results = [out.data, first.data]
        if first.requires_grad:
            (found,) = tg.grad(first.sum(), x, allow_unused=True)
            results += [] if found is None else [found.data]
    for result in results:
        assert result.dtype == dtype
        assert np.isfinite(result).all()


def test_losses_of_far_scores_are_finite_T34():
    far = [-1e4, 1e4]
    for target in (1, -1):
        out, gx = value_and_grads(lambda x, t=target: tg.soft_margin_loss(x, tg.tensor([t, t]), reduction="none"), far)
        np.testing.assert_allclose(out, [max(0, -target * x) for x in far], atol=1e-30)
        np.testing.assert_allclose(gx, [-target if target * x < 0 else 0 for x in far], atol=1e-30)
    out, gx = value_and_grads(lambda x: tg.multilabel_soft_margin_loss(x, tg.tensor([1, 1])), far)
    assert out == 5000
    np.testing.assert_allclose(gx, [-0.5, 0], atol=1e-30)


def test_infinities():
    x = [-INF, INF]
    assert tg.softsign(tg.tensor(x)).tolist() == [-1, 1]
    assert value_and_grads(tg.softsign, x)[1].tolist() == [0, 0]
    assert tg.hardswish(tg.tensor(x)).tolist() == [0, INF]
    assert value_and_grads(tg.hardswish, x)[1].tolist() == [0, 1]
    assert tg.hardsigmoid(tg.tensor(x)).tolist() == [0, 1]
    assert tg.hardshrink(tg.tensor(x)).tolist() == tg.softshrink(tg.tensor(x)).tolist() == x
    assert tg.tanhshrink(tg.tensor(x)).tolist() == x
    assert tg.celu(tg.tensor(x)).tolist() == [-1, INF]
    assert math.isnan(tg.mish(tg.tensor(-INF)).item())


@pytest.mark.parametrize("name", sorted(set(ELEMENTWISE) - {"rrelu"}))
def test_nan_is_passed_on(name):
    assert np.isnan(ELEMENTWISE[name](tg.tensor([NAN])).data).all()


def test_mish_keeps_its_digits_far_below_0():
    x = np.array([-30.0, -100.0, -700.0])
    np.testing.assert_allclose(tg.mish(tg.tensor(x)).data, x * np.exp(x), rtol=1e-12)


def test_the_slope_of_tanhshrink_keeps_its_digits_near_0():
    x = np.array([1e-9, 1e-5])
    np.testing.assert_allclose(value_and_grads(tg.tanhshrink, x)[1], x * x, rtol=1e-9)


def test_the_slope_of_softsign_is_no_zero_in_float16():
    x = leaf([1e3], np.float16)
    assert tg.grad(tg.softsign(x), x)[0].item() == np.float16(1e-6)


# Kinks


@pytest.mark.parametrize(
    "function, at, slopes",
    [
        (lambda x: tg.threshold(x, 0.5, -1.0), [0.5, 0.51], [0, 1]),
        (tg.hardshrink, [-0.5, 0.5, 0.51], [0, 0, 1]),
        (tg.softshrink, [-0.5, 0.5, -0.51], [0, 0, 1]),
        (lambda x: tg.softshrink(x, 0.0), [-0.1, 0.0, 0.1], [1, 0, 1]),
        (tg.hardsigmoid, [-3.0, 3.0, 0.0], [0, 0, 1 / 6]),
        (tg.hardswish, [-3.0, 3.0, 0.0], [0, 1, 0.5]),
        (lambda x: tg.celu(x, 2.0), [0.0, 1.0], [1, 1]),
        (tg.rrelu, [0.0, 1.0], [(1 / 8 + 1 / 3) / 2, 1]),
        (lambda x: tg.rrelu(x, 0.25, 0.25, True), [0.0, -1.0], [0.25, 0.25]),
        (tg.softsign, [0.0], [1]),
    ],
)
def test_slopes_at_kinks(function, at, slopes):
    np.testing.assert_allclose(value_and_grads(function, at)[1], slopes, rtol=1e-15)


@pytest.mark.parametrize(
    "function, at",
    [(tg.softsign, [0.0]), (tg.hardswish, [-3.0, 3.0]), (lambda x: tg.celu(x, 2.0), [0.0]), (tg.hardsigmoid, [3.0])],
)
def test_the_slope_does_not_change_at_kinks(function, at):
    assert second(function, at) == [0.0] * len(at)


@pytest.mark.parametrize("name", ["margin_ranking_loss", "hinge_embedding_loss", "cosine_embedding_loss", "triplet"])
def test_a_margin_that_is_just_kept_has_the_slope_of_the_loss(name):
    if name == "margin_ranking_loss":
        found = value_and_grads(lambda x, y: tg.margin_ranking_loss(x, y, tg.tensor([1]), 1.0), [2.0], [1.0])
        assert [g.tolist() for g in found] == [0, [-1], [1]]
    if name == "hinge_embedding_loss":
        assert value_and_grads(lambda x: tg.hinge_embedding_loss(x, tg.tensor([-1])), [1.0])[1].tolist() == [-1]
    if name == "cosine_embedding_loss":
        x, y = [[1.0, 0.0]], [[1.0, 1.0]]
        margin = value_and_grads(lambda x, y: tg.cosine_similarity(x, y).sum(), x, y)[0]
        loss, gx, _ = value_and_grads(lambda x, y: tg.cosine_embedding_loss(x, y, tg.tensor([-1]), margin - 1e-9), x, y)
        np.testing.assert_allclose(loss, 1e-9, rtol=1e-3)
        np.testing.assert_allclose(gx, [[0, math.sqrt(0.5)]], atol=1e-9)
    if name == "triplet":
        loss = lambda a, x, y: tg.triplet_margin_loss(a, x, y, eps=0.0)  # noqa: E731
        out, *grads = value_and_grads(loss, [[0.0]], [[1.0]], [[2.0]])
        assert [g.tolist() for g in (out, *grads)] == [0, [[0]], [[1]], [[-1]]]


def test_margins_between_classes_have_slope_0_where_they_are_just_kept():
    for function in (
        lambda x: tg.multi_margin_loss(x, tg.tensor([0])),
        lambda x: tg.multilabel_margin_loss(x, tg.tensor([[0, -1]])),
    ):
        out, gx = value_and_grads(function, [[1.0, 0.0]])
        assert (out, gx.tolist()) == (0, [[0, 0]])


# Ties, T24


def test_swap_of_triplets_splits_the_gradient_at_a_tie_T24():
    def loss(a, x, y):
        return tg.triplet_margin_loss(a, x, y, margin=5.0, eps=0.0, swap=True)

    # Anchor and positive are the same: so are their distances to the negative.
    _, ga, gx, gy = value_and_grads(loss, [[0.0]], [[0.0]], [[2.0]])
    np.testing.assert_allclose([ga, gx, gy], [[[0.5]], [[0.5]], [[-1.0]]])


def test_the_largest_of_a_norm_splits_the_gradient_at_a_tie_T24():
    _, g = value_and_grads(
        lambda x: tg.pairwise_distance(x, tg.zeros(1, 3, dtype=tg.float64), INF, 0.0), [[2.0, -2, 1]]
    )
    assert g.tolist() == [[0.5, -0.5, 0]]
    _, g = value_and_grads(lambda x: tg.lp_pool1d(x, INF, 3), [[[2.0, -2, 1]]])
    assert g.tolist() == [[[1, 0, 0]]]  # by max pooling, which takes the first


def test_unpooling_gives_all_to_the_last_of_several_values_for_one_place_T24():
    indices = tg.tensor([[[0, 2, 2]]])
    out, g = value_and_grads(lambda x: tg.max_unpool1d(x, indices, 3, 1), [[[1.0, 5.0, 7.0]]])
    assert out.tolist() == [[[1, 0, 7, 0, 0]]]
    assert g.tolist() == [[[1, 0, 1]]]


def test_straight_through_takes_the_first_of_the_largest_and_the_gradient_of_the_soft_result():
    x = np.random.default_rng(0).standard_normal((5, 4))
    weights = tg.tensor(np.random.default_rng(1).standard_normal((5, 4)))
    found = []
    for hard in (True, False):
        logits = leaf(x)
        out = tg.gumbel_softmax(logits, 0.7, hard, generator=np.random.default_rng(3))
        found.append((out.data, tg.grad((out * weights).sum(), logits)[0].data))
    (hard, hard_gradient), (soft, soft_gradient) = found
    assert hard.tolist() == (soft == soft.max(-1, keepdims=True)).astype(float).tolist()
    np.testing.assert_array_equal(hard_gradient, soft_gradient)


# Zeros


@pytest.mark.parametrize("dtype", DTYPES)
def test_vectors_of_zeros_have_finite_gradients(dtype):
    zeros, ones = leaf(np.zeros((2, 3)), dtype), leaf(np.ones((2, 3)), dtype)
    for out, expected in [
        (tg.cosine_similarity(zeros, ones), 0),
        (tg.cosine_similarity(zeros, zeros), 0),
        (tg.normalize(zeros, eps=1e-3), 0),
        (tg.pairwise_distance(ones, ones, eps=0.0), 0),
        (tg.pairwise_distance(ones, ones, 3.0, 0.0), 0),
        (tg.pairwise_distance(ones, ones, INF, 0.0), 0),
        (tg.cosine_embedding_loss(zeros, ones, tg.tensor([1, 1])), 1),
        (tg.lp_pool1d(zeros, 2, 3), 0),
        (tg.lp_pool1d(zeros, 3.5, 3), 0),
    ]:
        assert (out.data == expected).all()
        (first,) = tg.grad(out.sum(), zeros, create_graph=True, allow_unused=True) or (None,)
        for g in [first, *tg.grad(out.sum(), [zeros, ones], allow_unused=True)]:
            assert g is None or not np.isnan(g.data).any()


def test_distances_and_roots_of_0_have_gradient_0():
    same = np.ones((2, 3))
    for p in (1.0, 2.0, 3.0, 2.5, INF):
        assert not value_and_grads(lambda x, p=p: tg.pairwise_distance(x, tg.tensor(same), p, 0.0), same)[1].any()
    for p in (1, 2, 3, 2.5, INF):
        out, g = value_and_grads(lambda x, p=p: tg.lp_pool2d(x, p, 2), np.zeros((1, 1, 2, 2)))
        assert not out.any()
        assert not g.any()


def test_a_length_below_eps_counts_as_eps():
    x, y = [[3e-9, 4e-9]], [[1.0, 0.0]]
    out, gx, gy = value_and_grads(lambda x, y: tg.cosine_similarity(x, y), x, y)
    np.testing.assert_allclose(out, [0.3])
    np.testing.assert_allclose(gx, [[1e8, 0]])  # that of x . y / (1e-8 |y|)
    np.testing.assert_allclose(gy, [[0, 0.4]], atol=1e-15)


def test_a_variance_below_eps_has_the_gradient_of_eps():
    loss, g = value_and_grads(
        lambda var: tg.gaussian_nll_loss(tg.tensor([2.0]).double(), tg.tensor([1.0]).double(), var, eps=0.5), [0.1]
    )
    np.testing.assert_allclose([loss, *g], [(math.log(0.5) + 2) / 2, (2 - 4) / 2])


def test_stirlings_formula_is_not_asked_for_small_counts():
    target = np.array([0.0, 1.0, 2.0])
    out, g = value_and_grads(
        lambda t: tg.poisson_nll_loss(tg.tensor(np.zeros(3)), t, full=True, reduction="none"), target
    )
    stirling = 2 * math.log(2) - 2 + 0.5 * math.log(4 * math.pi)
    np.testing.assert_allclose(out, [1, 1, 1 + stirling])
    np.testing.assert_allclose(g, [0, 0, math.log(2) + 1 / 4])


def test_small_constants_are_not_lost_in_float16():
    zeros = tg.zeros(2, 3, dtype=tg.float16)
    assert not tg.cosine_similarity(zeros, zeros).data.any()
    assert not tg.normalize(zeros).data.any()
    assert tg.poisson_nll_loss(zeros, tg.ones_like(zeros), log_input=False).item() == np.float16(-math.log(1e-8))
    mixed = tg.cosine_similarity(zeros, tg.ones(2, 3))
    assert mixed.dtype == np.float32


def test_integers_beside_floats():
    x = tg.tensor([0.5, -0.2], dtype=tg.float64)
    ones = tg.tensor([1, 1])
    assert tg.hinge_embedding_loss(x, ones).dtype == tg.cosine_similarity(x, ones, 0).dtype == np.float64
    assert tg.margin_ranking_loss(x, x, ones).dtype == tg.poisson_nll_loss(x, ones).dtype == np.float64
    assert tg.threshold(tg.tensor([1, 2, 3]), 2, 9.5).tolist() == [9, 9, 3]  # integers stay integers
    assert tg.pixel_shuffle(tg.arange(4).reshape(4, 1, 1), 2).tolist() == [[[0, 1], [2, 3]]]


# Chance


def test_alpha_dropout_keeps_mean_and_variance():
    x = np.random.default_rng(0).standard_normal((400, 500))
    for function, shape in ((tg.alpha_dropout, x.shape), (tg.feature_alpha_dropout, (400, 500, 1))):
        for p in (0.05, 0.5, 0.8):
            generator = np.random.default_rng(1)
            out = function(tg.tensor(x.reshape(shape)), p, True, generator=generator).data
            assert abs(out.mean()) < 0.02
            assert abs(out.var() - 1) < 0.03
    low = tg.selu(tg.tensor(-1e9)).item()
    dropped = tg.alpha_dropout(tg.zeros(1000), 0.5, True).data
    assert len(np.unique(dropped)) == 2
    np.testing.assert_allclose(np.ptp(dropped), -low * (1 / math.sqrt(0.5 * (1 + 0.5 * low * low))), rtol=1e-6)


def test_channels_are_dropped_whole():
    out = tg.feature_alpha_dropout(tg.zeros(20, 10, 4, 3), 0.5, True).data
    assert (out == out[:, :, :1, :1]).all()
    assert len(np.unique(out[:, :, 0, 0])) == 2


def test_what_is_drawn_repeats_with_the_seed():
    x = tg.tensor(np.linspace(-1, 1, 50))
    for function in (
        lambda **g: tg.alpha_dropout(x, 0.5, True, **g),
        lambda **g: tg.rrelu(x, training=True, **g),
        lambda **g: tg.gumbel_softmax(x, **g),
    ):
        draws = []
        for _ in range(2):
            tg.manual_seed(4)
            draws.append([function().data, function(generator=np.random.default_rng(4)).data])
        np.testing.assert_array_equal(draws[0], draws[1])
        np.testing.assert_array_equal(draws[0][0], draws[0][1])
        assert not np.array_equal(function().data, draws[0][0])


def test_gumbel_softmax_draws_by_the_probabilities():
    logits = tg.tensor(np.log([[0.1, 0.2, 0.7]] * 20_000))
    share = tg.gumbel_softmax(logits, hard=True, generator=np.random.default_rng(0)).data.mean(0)
    np.testing.assert_allclose(share, [0.1, 0.2, 0.7], atol=0.01)


def test_slopes_of_rrelu_are_spread_evenly():
    out = tg.rrelu(tg.full((10_000,), -1.0), 0.2, 0.6, True, generator=np.random.default_rng(0)).data
    assert out.min() >= -0.6
    assert out.max() <= -0.2
    np.testing.assert_allclose(np.quantile(-out, [0.25, 0.5, 0.75]), [0.3, 0.4, 0.5], atol=0.01)


# Shapes


def test_unpooling_undoes_pooling():
    for rank, shape in ((1, (2, 3, 8)), (2, (2, 3, 6, 4)), (3, (1, 2, 4, 6, 2))):
        x = tg.tensor(np.random.default_rng(0).standard_normal(shape))
        values, indices = getattr(tg, f"max_pool{rank}d")(x, 2, return_indices=True)
        back = getattr(tg, f"max_unpool{rank}d")(values, indices, 2)
        assert back.shape == shape
        again, places = getattr(tg, f"max_pool{rank}d")(tg.where(back == 0, -1e9, back), 2, return_indices=True)
        np.testing.assert_array_equal(again.data, values.data)
        np.testing.assert_array_equal(places.data, indices.data)


def test_unpooling_to_every_size_that_pools_to_the_same():
    for size in itertools.product((6, 7, 8), (4, 5)):
        x = tg.tensor(np.random.default_rng(0).standard_normal((1, 2, *size)))
        values, indices = tg.max_pool2d(x, 3, (3, 2), (1, 1), return_indices=True)
        back = tg.max_unpool2d(values, indices, 3, (3, 2), 1, size).data
        assert back.shape == x.shape
        kept = back != 0
        np.testing.assert_array_equal(back[kept], x.data[kept])


def test_shuffles_undo_each_other():
    x = tg.tensor(np.random.default_rng(0).standard_normal((2, 3, 12, 3, 6)))
    np.testing.assert_array_equal(tg.pixel_unshuffle(tg.pixel_shuffle(x, 2), 2).data, x.data)
    images = x[0]
    np.testing.assert_array_equal(tg.channel_shuffle(tg.channel_shuffle(images, 3), 4).data, images.data)


def test_labels_after_the_end_are_not_read():
    x = tg.tensor(np.random.default_rng(0).standard_normal((2, 4)))
    one = tg.multilabel_margin_loss(x, tg.tensor([[3, 0, -1, 99], [-1, -7, 5, 1]]))
    other = tg.multilabel_margin_loss(x, tg.tensor([[3, 0, -1, -1], [-1, 0, 0, 0]]))
    assert one.item() == other.item()


@pytest.mark.parametrize(
    "call",
    [
        lambda n: tg.multi_margin_loss(tg.ones(n, 3), tg.zeros(n, dtype=tg.int64)),
        lambda n: tg.multilabel_margin_loss(tg.ones(n, 3), tg.zeros(n, 3, dtype=tg.int64)),
        lambda n: tg.cosine_embedding_loss(tg.ones(n, 3), tg.ones(n, 3), tg.ones(n)),
        lambda n: tg.triplet_margin_loss(tg.ones(n, 3), tg.ones(n, 3), tg.ones(n, 3)),
        lambda n: tg.gaussian_nll_loss(tg.ones(n, 3), tg.ones(n, 3), tg.ones(n)),
        lambda n: tg.poisson_nll_loss(tg.ones(n, 3), tg.ones(n, 3)),
    ],
)
def test_the_mean_of_no_losses_is_nan(call):
    assert math.isnan(call(0).item())
    assert math.isfinite(call(2).item())


def test_many_classes_and_few_labels_take_little_memory():
    target = np.full((64, 1000), -1)
    target[:, :2] = [5, 900]
    scores = tg.tensor(np.zeros((64, 1000), np.float32))
    # 998 classes, each within the margin of both labels.
    assert tg.multilabel_margin_loss(scores, tg.tensor(target)).item() == pytest.approx(2 * 998 / 1000)


# What is refused

ERRORS = [
    (lambda: tg.threshold(tg.ones(2), "a", 0), tg.DTypeError, "threshold: threshold must be a number, got 'a'"),
    (lambda: tg.threshold(tg.ones(2), 0, None), tg.DTypeError, "threshold: value must be a number, got None"),
    (lambda: tg.softshrink(tg.ones(2), -1), tg.ShapeError, "softshrink: lambd must not be negative, got -1.0"),
    (lambda: tg.hardshrink(tg.tensor([1])), tg.DTypeError, "hardshrink: input has dtype int64, it must be a float"),
    (lambda: tg.celu(tg.ones(2), 0), tg.ShapeError, "celu: alpha must not be 0, got 0.0"),
    (
        lambda: tg.rrelu(tg.ones(2), 0.5, 0.2),
        tg.ShapeError,
        "rrelu: lower must not be above upper, got 0.5 and 0.2",
    ),
    (
        lambda: tg.rrelu(tg.ones(2), generator=3),
        tg.DTypeError,
        "rrelu: generator must be a NumPy Generator, such as default_rng(0), got 3",
    ),
    (lambda: tg.glu(tg.ones(2, 3)), tg.ShapeError, "glu: size 3 of dim -1 of input (2, 3) cannot be halved"),
    (lambda: tg.glu(tg.tensor(1.0)), tg.ShapeError, "glu: input has no axes"),
    (lambda: tg.gumbel_softmax(tg.ones(2), 0), tg.ShapeError, "gumbel_softmax: tau must be positive, got 0.0"),
    (
        lambda: tg.alpha_dropout(tg.ones(2), 1.5),
        tg.ShapeError,
        "alpha_dropout: p must be a probability from 0 to 1, got 1.5",
    ),
    (
        lambda: tg.feature_alpha_dropout(tg.ones(2), 0.5, True),
        tg.ShapeError,
        "feature_alpha_dropout: input must be (N, C, ...), got (2,)",
    ),
    (
        lambda: tg.cosine_similarity(tg.ones(2, 3), tg.ones(4)),
        tg.ShapeError,
        "cosine_similarity: the shapes do not broadcast: x1 (2, 3), x2 (4,)",
    ),
    (
        lambda: tg.cosine_similarity(tg.tensor([1]), tg.tensor([2]), 0),
        tg.DTypeError,
        "cosine_similarity: one of the dtypes must be a float: x1 int64, x2 int64; cast one",
    ),
    (lambda: tg.normalize(tg.ones(2)), tg.ShapeError, "normalize: dim 1 is out of range for a tensor of 1 axes"),
    (
        lambda: tg.pairwise_distance(tg.ones(2), tg.ones(2), "2"),
        tg.DTypeError,
        "pairwise_distance: p must be a number, got '2'",
    ),
    (
        lambda: tg.margin_ranking_loss(tg.ones(2, 2), tg.ones(2), tg.ones(2)),
        tg.ShapeError,
        "margin_ranking_loss: input1 (2, 2), input2 (2,) and target (2,) have different numbers of axes",
    ),
    (
        lambda: tg.cosine_embedding_loss(tg.ones(2, 3), tg.ones(2, 3), tg.ones(2, 1)),
        tg.ShapeError,
        "cosine_embedding_loss: input1 (2, 3), input2 (2, 3) and target (2, 1) must be (N, D), (N, D) and (N), or",
    ),
    (
        lambda: tg.cosine_embedding_loss(tg.ones(2, 3), tg.ones(2, 3), tg.ones(3)),
        tg.ShapeError,
        "cosine_embedding_loss: 3 targets do not fit input1 (2, 3) and input2 (2, 3)",
    ),
    (
        lambda: tg.hinge_embedding_loss(tg.ones(2), tg.ones(2), reduction="max"),
        tg.ShapeError,
        "hinge_embedding_loss: reduction must be one of 'none', 'mean', 'sum', got 'max'",
    ),
    (
        lambda: tg.triplet_margin_loss(tg.ones(2, 3), tg.ones(3), tg.ones(2, 3)),
        tg.ShapeError,
        "triplet_margin_loss: the numbers of axes differ: anchor (2, 3), positive (3,), negative (2, 3)",
    ),
    (
        lambda: tg.triplet_margin_loss(tg.ones(2, 3), tg.ones(2, 3), tg.ones(2, 3), 0),
        tg.ShapeError,
        "triplet_margin_loss: margin must be positive, got 0.0",
    ),
    (
        lambda: tg.triplet_margin_with_distance_loss(tg.ones(2), tg.ones(2), tg.ones(2), distance_function=3),
        tg.DTypeError,
        "triplet_margin_with_distance_loss: distance_function must be a function of two tensors, got 3",
    ),
    (
        lambda: tg.multi_margin_loss(tg.ones(2, 3), tg.tensor([0, 3])),
        tg.LabelError,
        "multi_margin_loss: label 3 is out of range for 3 classes (0 to 2)",
    ),
    (
        lambda: tg.multi_margin_loss(tg.ones(2, 3), tg.tensor([0, -1])),
        tg.LabelError,
        "multi_margin_loss: label -1 is out of range for 3 classes (0 to 2)",
    ),
    (
        lambda: tg.multi_margin_loss(tg.ones(2, 3), tg.tensor([0, 1]), 3),
        tg.ShapeError,
        "multi_margin_loss: p must be 1 or 2, got 3",
    ),
    (
        lambda: tg.multi_margin_loss(tg.ones(2, 3), tg.tensor([0])),
        tg.ShapeError,
        "multi_margin_loss: target has shape (1,), input (2, 3) takes (2,)",
    ),
    (
        lambda: tg.multi_margin_loss(tg.ones(2, 3), tg.ones(2)),
        tg.DTypeError,
        "multi_margin_loss: target has dtype float32, labels are integers",
    ),
    (
        lambda: tg.multi_margin_loss(tg.ones(2, 3), tg.tensor([0, 1]), weight=tg.ones(2)),
        tg.ShapeError,
        "multi_margin_loss: weight has shape (2,), input (2, 3) takes (3,)",
    ),
    (
        lambda: tg.multi_margin_loss(tg.ones(2, 3, 4), tg.tensor([0, 1])),
        tg.ShapeError,
        "multi_margin_loss: input must be (N, C) or (C) with classes, got (2, 3, 4)",
    ),
    (
        lambda: tg.multilabel_margin_loss(tg.ones(1, 3), tg.tensor([[0, 3, -1]])),
        tg.LabelError,
        "multilabel_margin_loss: label 3 is out of range for 3 classes (0 to 2)",
    ),
    (
        lambda: tg.multilabel_margin_loss(tg.ones(1, 3), tg.tensor([[0, -2, -1]])),
        tg.LabelError,
        "multilabel_margin_loss: label -2 is out of range for 3 classes (0 to 2)",
    ),
    (
        lambda: tg.multilabel_margin_loss(tg.ones(1, 3), tg.tensor([[0, -1]])),
        tg.ShapeError,
        "multilabel_margin_loss: input has shape (1, 3), target (1, 2): they must be the same",
    ),
    (
        lambda: tg.multilabel_soft_margin_loss(tg.tensor(1.0), tg.tensor(1.0)),
        tg.ShapeError,
        "multilabel_soft_margin_loss: input and target have no axes, so no classes",
    ),
    (
        lambda: tg.gaussian_nll_loss(tg.ones(2, 3), tg.ones(2, 3), tg.tensor([[-1.0], [1.0]])),
        tg.ShapeError,
        "gaussian_nll_loss: var holds -1.0, a variance is not negative",
    ),
    (
        lambda: tg.gaussian_nll_loss(tg.ones(2, 3), tg.ones(2, 3), tg.ones(3)),
        tg.ShapeError,
        "gaussian_nll_loss: var has shape (3,), input (2, 3) takes the same, (2, 1) or (2,)",
    ),
    (
        lambda: tg.pixel_shuffle(tg.ones(3, 2, 2), 2),
        tg.ShapeError,
        "pixel_shuffle: 3 channels of input (3, 2, 2) cannot be divided by 4, the square of upscale_factor 2",
    ),
    (
        lambda: tg.pixel_shuffle(tg.ones(2, 2), 2),
        tg.ShapeError,
        "pixel_shuffle: input must be (..., C, H, W), got (2, 2)",
    ),
    (
        lambda: tg.pixel_unshuffle(tg.ones(1, 3, 2), 2),
        tg.ShapeError,
        "pixel_unshuffle: 3x2 pixels of input (1, 3, 2) cannot be divided by downscale_factor 2",
    ),
    (
        lambda: tg.pixel_shuffle(tg.ones(4, 2, 2), 0),
        tg.ShapeError,
        "pixel_shuffle: upscale_factor must be at least 1, got 0",
    ),
    (
        lambda: tg.channel_shuffle(tg.ones(1, 3, 2), 2),
        tg.ShapeError,
        "channel_shuffle: 3 channels of input (1, 3, 2) cannot be cut into 2 groups",
    ),
    (
        lambda: tg.channel_shuffle(tg.ones(4, 3), 2.0),
        tg.ShapeError,
        "channel_shuffle: input must be (N, C, ...) of three axes or more, got (4, 3)",
    ),
    (
        lambda: tg.channel_shuffle(tg.ones(4, 4, 1), 2.0),
        tg.DTypeError,
        "channel_shuffle: groups must be an int, got 2.0",
    ),
    (
        lambda: tg.bilinear(tg.ones(5, 2), tg.ones(1, 3), tg.ones(4, 2, 3)),
        tg.ShapeError,
        "bilinear: the leading axes of input1 (5, 2) and input2 (1, 3) differ",
    ),
    (
        lambda: tg.bilinear(tg.ones(5, 2), tg.ones(5, 4), tg.ones(4, 2, 3)),
        tg.ShapeError,
        "bilinear: input1 (5, 2) and input2 (5, 4) do not fit weight (4, 2, 3), which is (out, in1, in2)",
    ),
    (
        lambda: tg.bilinear(tg.ones(5, 2), tg.ones(5, 3), tg.ones(4, 2, 3), tg.ones(3)),
        tg.ShapeError,
        "bilinear: bias has shape (3,), weight (4, 2, 3) takes (4,)",
    ),
    (
        lambda: tg.local_response_norm(tg.ones(2, 3), 2),
        tg.ShapeError,
        "local_response_norm: input must be (N, C, ...) of three axes or more, got (2, 3)",
    ),
    (
        lambda: tg.local_response_norm(tg.ones(1, 2, 3), 0),
        tg.ShapeError,
        "local_response_norm: size must be at least 1, got 0",
    ),
    (
        lambda: tg.lp_pool2d(tg.ones(1, 1, 2, 2), 0, 2),
        tg.ShapeError,
        "lp_pool2d: norm_type must not be 0, there is no such root",
    ),
    (
        lambda: tg.lp_pool1d(tg.ones(1, 1, 2, dtype=tg.int64), 2, 2),
        tg.DTypeError,
        "lp_pool1d: input has dtype int64, it must be a float",
    ),
    (
        lambda: tg.max_unpool2d(tg.ones(1, 2, 2), tg.tensor([[[0, 1], [2, 33]]]), 2),
        tg.LabelError,
        "max_unpool2d: index 33 is out of range for an image of 4x4 (0 to 15)",
    ),
    (
        lambda: tg.max_unpool2d(tg.ones(1, 2, 2), tg.tensor([[[0, 1], [2, -1]]]), 2),
        tg.LabelError,
        "max_unpool2d: index -1 is out of range for an image of 4x4 (0 to 15)",
    ),
    (
        lambda: tg.max_unpool2d(tg.ones(1, 2, 2), tg.ones(1, 2, 2), 2),
        tg.DTypeError,
        "max_unpool2d: indices has dtype float32, places are integers",
    ),
    (
        lambda: tg.max_unpool1d(tg.ones(1, 2), tg.tensor([[0, 1, 2]]), 2),
        tg.ShapeError,
        "max_unpool1d: indices has shape (1, 3), input (1, 2): they differ",
    ),
    (
        lambda: tg.max_unpool2d(tg.ones(1, 2, 2), tg.tensor([[[0, 1], [2, 3]]]), 2, output_size=(3, 9)),
        tg.ShapeError,
        "max_unpool2d: output_size (3, 9) must be within one stride, (2, 2), of (4, 4)",
    ),
    (
        lambda: tg.max_unpool2d(tg.ones(1, 2, 2), tg.tensor([[[0, 1], [2, 3]]]), 2, output_size=(3,)),
        tg.ShapeError,
        "max_unpool2d: output_size must be 2 or 4 ints, got (3,)",
    ),
    (
        lambda: tg.max_unpool1d(tg.ones(1, 1), tg.tensor([[0]]), 1, padding=2),
        tg.ShapeError,
        "max_unpool1d: values of shape (1, 1, 1) with padding (2,) come from images of -3",
    ),
    (lambda: F.max_unpool3d(tg.ones(2, 2), tg.ones(2, 2).long(), 1), tg.ShapeError, "max_unpool3d: input must be"),
]


@pytest.mark.parametrize("call, error, text", ERRORS, ids=[text for *_, text in ERRORS])
def test_errors_name_the_operation_and_both_values(call, error, text):
    with pytest.raises(error, match=f"^{re.escape(text)}"):
        call()


def test_an_argument_that_does_nothing_warns():
    with pytest.warns(UserWarning, match=r"^gumbel_softmax: eps is one of PyTorch's old arguments and does nothing"):
        tg.gumbel_softmax(tg.ones(2), eps=1e-3)


def test_old_names_of_reductions_warn():
    with pytest.warns(UserWarning, match=r"^soft_margin_loss: size_average and reduce are PyTorch's old names"):
        tg.soft_margin_loss(tg.ones(2), tg.ones(2), size_average=False)


@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.int64])
def test_relu6_and_hardtanh_of_integers(dtype):
    x = tg.tensor(np.array([-3, 3, 9], dtype))
    for out, expected in (
        (F.relu6(x), [0, 3, 6]),
        (F.hardtanh(x), [-1, 1, 1]),
        (F.hardtanh(x, -0.5, 2.5), [0, 2, 2]),
        (F.hardtanh(x, -300, 300.0), [-3, 3, 9]),
        (F.hardtanh(x, -np.inf, np.inf), [-3, 3, 9]),
    ):
        assert out.dtype == dtype
        assert out.tolist() == expected


def test_relu6_of_bytes_and_hardtanh_which_needs_what_is_below_0():
    x = tg.tensor(np.array([0, 9], np.uint8))
    assert F.relu6(x).tolist() == [0, 6]
    assert F.relu6(x).dtype == np.uint8
    with pytest.raises(
        tg.DTypeError, match=r"^hardtanh: input has dtype uint8, which has no values below 0: min_val is -1.0"
    ):
        F.hardtanh(x)
    for function in (F.relu6, F.hardtanh):
        with pytest.raises(tg.DTypeError, match=f"^{function.__name__}: input has dtype bool, it must be a float"):
            function(tg.tensor([True]))
