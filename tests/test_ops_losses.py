"""Activations, normalisation, embedding and losses: kinks, far-out values, accuracy, what changes gradients on purpose,
and what bad input gets. Values over all keywords are in `op_table` and parity/test_losses_parity.py.
"""

import math

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.kernels import group_norm as norms
from tensorgrad.kernels import special
from tensorgrad.kernels.embedding import scatter_rows
from tensorgrad.node import version_of

INF, NAN = np.inf, np.nan
Z = tg.zeros


def leaf(data, dtype=np.float64):
    return tg.tensor(np.asarray(data, dtype), requires_grad=True)


def slopes(function, *inputs):
    """Value, gradients of its sum, and second derivatives of the first input's, as arrays."""
    tensors = [x if isinstance(x, tg.Tensor) else leaf(x) for x in inputs]
    out = function(*tensors)
    first = tg.grad(out, tensors, tg.ones_like(out), create_graph=True)
    second = [None]
    if first[0].requires_grad:
        second = tg.grad(first[0], tensors, tg.ones_like(first[0]), allow_unused=True)
    second = second[0].data if second[0] is not None else np.zeros(first[0].shape)
    return [out.detach().data, *[g.detach().data for g in first], second]


# Activations

FAR_OUT = {
    "leaky_relu": tg.leaky_relu,
    "prelu": lambda x: tg.prelu(x, tg.full((1,), 0.2, dtype=x.dtype)),
    "elu": tg.elu,
    "selu": tg.selu,
    "gelu": tg.gelu,
    "gelu tanh": lambda x: tg.gelu(x, approximate="tanh"),
    "silu": tg.silu,
    "softplus": tg.softplus,
    "softplus beta": lambda x: tg.softplus(x, beta=5.0, threshold=1e5),
    "hardtanh": tg.hardtanh,
    "relu6": tg.relu6,
    "logsigmoid": tg.logsigmoid,
    "erf": tg.erf,
    "erfc": tg.erfc,
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize("name", FAR_OUT)
def test_activations_far_out_T34(name, dtype):
    results = slopes(FAR_OUT[name], leaf([1e4, -1e4, 300.0, -300.0], dtype))
    assert all(np.isfinite(r).all() and r.dtype == dtype for r in results[:2])
    assert np.isfinite(results[2]).all()


def test_slopes_far_out_are_the_limits_T34():
    x = [1e4, -1e4, 1e30, -1e30]
    for name in ("gelu", "gelu tanh", "silu", "softplus"):
        out, slope, second = slopes(FAR_OUT[name], x)
        np.testing.assert_array_equal(out, [1e4, 0, 1e30, 0])
        np.testing.assert_array_equal(slope, [1, 0, 1, 0])
        np.testing.assert_array_equal(second, [0, 0, 0, 0])
    out, slope, _ = slopes(tg.logsigmoid, x)
    np.testing.assert_array_equal(out, [0, -1e4, 0, -1e30])
    np.testing.assert_array_equal(slope, [0, 1, 0, 1])


def test_kinks():
    """At its kink each activation has the slope that its docstring says, and no second derivative."""
    for function, at, slope in [
        (lambda x: tg.leaky_relu(x, 0.3), 0.0, 0.3),
        (lambda x: tg.prelu(x, tg.tensor([0.3], dtype=tg.float64)), 0.0, 0.3),
        (lambda x: tg.elu(x, 1.7), 0.0, 1.7),
        (tg.selu, 0.0, 1.0507009873554805 * 1.6732632423543772),
        (tg.hardtanh, 1.0, 0.0),
        (tg.hardtanh, -1.0, 0.0),
        (tg.relu6, 0.0, 0.0),
        (tg.relu6, 6.0, 0.0),
        (lambda x: tg.softplus(x, threshold=1.0), 1.0, 1 / (1 + math.exp(-1))),
        (tg.abs, 0.0, 0.0),
        (lambda x: tg.l1_loss(x, Z((), dtype=tg.float64)), 0.0, 0.0),
        (lambda x: tg.smooth_l1_loss(x, Z((), dtype=tg.float64), beta=2.0), 2.0, 1.0),
        (lambda x: tg.huber_loss(x, Z((), dtype=tg.float64), delta=2.0), -2.0, -2.0),
    ]:
        _, first, second = slopes(function, at)
        assert first == pytest.approx(slope, rel=1e-15)
        assert second == 0
    _, _, second = slopes(lambda x: tg.softplus(x, threshold=1.0), 0.999)
    assert second > 0.1


def test_tails_keep_their_digits_T34():
    x = np.array([-9.0, -5, -2])
    exact = [x_ / 2 * math.erfc(-x_ / math.sqrt(2)) for x_ in x]
    np.testing.assert_allclose(tg.gelu(tg.tensor(x)).data, exact, rtol=1e-13)  # x/sqrt(2) is rounded
    np.testing.assert_allclose(tg.softplus(tg.tensor([-700.0, -40.0], dtype=tg.float64)).data, np.exp([-700.0, -40]))
    np.testing.assert_allclose(tg.logsigmoid(tg.tensor([700.0, 40.0], dtype=tg.float64)).data, -np.exp([-700.0, -40]))
    np.testing.assert_allclose(tg.log1p(tg.tensor([1e-20], dtype=tg.float64)).data, [1e-20], rtol=1e-15)


@pytest.mark.parametrize("dtype, ulps", [(np.float64, 4), (np.float32, 5)])
@pytest.mark.parametrize("name", ["erf", "erfc"])
def test_the_error_function_to_its_last_digits(name, dtype, ulps):
    """Python's own, from the C library, is right to about one unit."""
    rng = np.random.default_rng(0)
    x = [np.linspace(-6, 9, 20_001), 10.0 ** rng.uniform(-30, 0, 2000), -(10.0 ** rng.uniform(-30, 0, 2000))]
    x = np.concatenate([*x, np.linspace(9, 26, 2000 * (dtype == np.float64))]).astype(dtype)
    exact = np.array([getattr(math, name)(float(v)) for v in x])
    got = getattr(special, name)(x)
    assert got.dtype == dtype
    unit = np.spacing(np.abs(exact).astype(dtype)).astype(np.float64)
    assert np.max(np.abs(got.astype(np.float64) - exact) / unit) <= ulps


def test_the_error_function_of_special_values():
    x = np.array([INF, -INF, NAN, 0.0, -0.0])
    np.testing.assert_array_equal(special.erf(x), [1, -1, NAN, 0, -0.0])
    np.testing.assert_array_equal(np.signbit(special.erf(x[3:])), [False, True])
    np.testing.assert_array_equal(special.erfc(x), [0, 2, NAN, 1, 1])
    assert special.erf(np.zeros((0, 3))).shape == (0, 3)
    assert special.erf(np.asfortranarray(np.ones((2, 3), np.float16))).dtype == np.float16
    order = np.arange(6.0).reshape(2, 3).T
    np.testing.assert_array_equal(special.erf(order), special.erf(order.copy()))


def test_prelu_of_a_slope_a_channel():
    out, gx, gw, _ = slopes(tg.prelu, [[[-1.0, 2], [-3, -4]]], [0.5, 0.1])
    np.testing.assert_allclose(out, [[[-0.5, 2], [-0.3, -0.4]]])
    np.testing.assert_allclose(gx, [[[0.5, 1], [0.1, 0.1]]])
    np.testing.assert_allclose(gw, [-1, -7])


# Normalisation


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_normalisation_of_large_means_keeps_its_digits(dtype):
    """A mean a thousand times the spread: one pass over squares would lose all of float32's digits."""
    rng = np.random.default_rng(0)
    x = (rng.standard_normal((3, 4000)) + (1000 if dtype == np.float32 else 10)).astype(dtype)
    g = rng.standard_normal(x.shape).astype(dtype)
    weight = rng.standard_normal(4000).astype(dtype)
    wide = [v.astype(np.float64) for v in (g, x, weight)]
    out, mean, var = norms.group_norm(x, weight, None, 2, 1e-5)
    exact, mean64, var64 = norms.group_norm(wide[1], wide[2], None, 2, 1e-5)
    assert out.dtype == dtype
    assert mean.dtype == var.dtype == np.float32
    rtol = 3e-6 if dtype == np.float32 else 2e-3
    np.testing.assert_allclose(out, exact, rtol=rtol, atol=rtol)
    np.testing.assert_allclose(mean, mean64, rtol=1e-6)
    np.testing.assert_allclose(var, var64, rtol=1e-6)
    for got, right in zip(
        norms.group_norm_grad(g, x, weight, mean, var, 2, 1e-5),
        norms.group_norm_grad(*wide, mean64, var64, 2, 1e-5),
        strict=True,
    ):
        np.testing.assert_allclose(got, right, rtol=10 * rtol, atol=rtol * np.abs(right).max())


def test_many_chunks_of_images():
    """The kernels walk in chunks of half a megabyte: 40 images of 100 kB are eight of them."""
    x = np.random.default_rng(0).standard_normal((40, 4, 50, 64))
    g = np.random.default_rng(1).standard_normal(x.shape)
    out, mean, var = norms.group_norm(x, None, None, 2, 1e-5)
    rows = x.reshape(40, 2, -1)
    right = (rows - rows.mean(2, keepdims=True)) / np.sqrt(rows.var(2, keepdims=True) + 1e-5)
    np.testing.assert_allclose(out, right.reshape(x.shape), rtol=1e-10, atol=1e-12)
    gx, gw, gb = norms.group_norm_grad(g, x, None, mean, var, 2, 1e-5)
    np.testing.assert_allclose(gb, g.sum((0, 2, 3)), rtol=1e-10)
    np.testing.assert_allclose(gw, (g * out).sum((0, 2, 3)), rtol=1e-9)
    np.testing.assert_allclose(gx.reshape(40, 2, -1).sum(2), 0, atol=1e-9)


@pytest.mark.parametrize("scale", [1e4, 1e-4])
def test_large_and_small_inputs_through_normalisation_T34(scale):
    x = scale * np.random.default_rng(0).standard_normal((2, 4, 3))
    for function in (
        lambda x: tg.layer_norm(x, (4, 3)),
        lambda x: tg.group_norm(x, 2),
        tg.instance_norm,
        lambda x: tg.rms_norm(x, (3,)),
    ):
        assert all(np.isfinite(r).all() for r in slopes(function, leaf(x, np.float32)))


def test_the_graph_has_one_node_for_a_normalisation():
    x = leaf(np.random.default_rng(0).standard_normal((2, 4, 3)), np.float32)
    for out, name in [
        (tg.layer_norm(x, (3,)), "layer_norm"),
        (tg.group_norm(x, 2), "group_norm"),
        (tg.rms_norm(x, (3,)), "rms_norm"),
    ]:
        assert out.grad_fn.primitive.name == name
        assert out.grad_fn.edges[0] is x


def test_instance_norm_moves_running_statistics():
    x = np.random.default_rng(0).standard_normal((2, 3, 5))
    mean, var = tg.tensor([1.0, 2, 3]), tg.tensor([1.0, 1, 1])
    tg.instance_norm(tg.tensor(x, dtype=tg.float32), mean, var, momentum=0.2)
    np.testing.assert_allclose(mean.data, 0.8 * np.array([1, 2, 3]) + 0.2 * x.mean(2).mean(0), rtol=1e-6)
    np.testing.assert_allclose(var.data, 0.8 + 0.2 * x.var(2, ddof=1).mean(0), rtol=1e-6)
    before = mean.data.copy()
    out = tg.instance_norm(tg.tensor(x, dtype=tg.float32), mean, var, use_input_stats=False)
    np.testing.assert_array_equal(mean.data, before)
    right = (x - mean.data[:, None]) / np.sqrt(var.data[:, None] + 1e-5)
    np.testing.assert_allclose(out.data, right, rtol=1e-5, atol=1e-6)


def test_rms_norms_default_eps_is_that_of_its_arithmetic():
    for dtype, eps in [(np.float16, 2.0**-23), (np.float32, 2.0**-23), (np.float64, 2.0**-52)]:
        x = np.full(4, 1e-3, dtype)
        exact = x / np.sqrt(np.mean(x.astype(np.float64) ** 2) + eps)
        np.testing.assert_allclose(
            tg.rms_norm(tg.tensor(x), (4,)).data, exact, rtol=1e-3 if dtype == np.float16 else 1e-6
        )


# Embedding

INDEX = np.array([[4, 0, 4], [1, 4, 1]])


def embedding_grad(g, **params):
    weight = leaf(np.arange(15.0).reshape(5, 3))
    out = tg.embedding(tg.tensor(INDEX), weight, **params)
    np.testing.assert_array_equal(out.detach().data, weight.detach().data[INDEX])
    out.backward(tg.tensor(g))
    return weight.grad.data


def test_gradients_of_rows_named_repeatedly_T22():
    g = np.random.default_rng(0).standard_normal((2, 3, 3))
    right = np.zeros((5, 3))
    np.add.at(right, INDEX, g)
    np.testing.assert_allclose(embedding_grad(g), right, rtol=1e-14)
    right[4] = 0
    np.testing.assert_allclose(embedding_grad(g, padding_idx=4), right, rtol=1e-14)
    np.testing.assert_allclose(embedding_grad(g, padding_idx=-1), right, rtol=1e-14)
    right[1] /= 2
    np.testing.assert_allclose(embedding_grad(g, padding_idx=-1, scale_grad_by_freq=True), right, rtol=1e-14)
    g[INDEX == 4] = INF
    np.testing.assert_allclose(embedding_grad(g, padding_idx=4, scale_grad_by_freq=True), right, rtol=1e-14)


def test_rows_named_often_are_summed_accurately_T17():
    x = np.full((70_000, 2), 0.1, np.float32)
    np.testing.assert_allclose(scatter_rows(x, np.zeros(70_000, int), 2)[0], 70_000 * np.float64(x[0]), rtol=1e-7)
    halves = scatter_rows(np.full((4096, 1), 0.5, np.float16), np.ones(4096, int), 2)
    assert halves.dtype == np.float16
    np.testing.assert_array_equal(halves, [[0], [2048]])


def test_embeddings_max_norm_scales_the_rows_named():
    for norm_type in (2.0, 1.0, INF):
        weight = tg.tensor(np.array([[3.0, 4], [0.3, 0.4], [30, 40]]), requires_grad=True)
        out = tg.embedding([0, 1, 1], weight, max_norm=2.0, norm_type=norm_type)
        norms_ = np.linalg.norm(out.detach().data, norm_type, axis=1)
        np.testing.assert_allclose(norms_, [2, *[np.linalg.norm([0.3, 0.4], norm_type)] * 2], rtol=1e-6)
        np.testing.assert_array_equal(weight.detach().data[1:], [[0.3, 0.4], [30, 40]])
        assert version_of(weight._version) == 1


def test_changed_numbers_of_rows_are_noticed_T11():
    weight, index = leaf(np.ones((3, 2))), tg.tensor([0, 1])
    out = tg.embedding(index, weight).sum()
    with tg.no_grad():
        index[0] = 2
    with pytest.raises(tg.GradientError, match="embedding: its input, saved for the walk, was changed in place"):
        out.backward()
    numbers = np.array([0, 1])
    out = tg.embedding(numbers, weight).sum()
    numbers[0] = 2
    out.backward()
    np.testing.assert_array_equal(weight.grad.data, [[1, 1], [1, 1], [0, 0]])


# Losses


def test_means_of_nothing_are_nan_T21():
    empty = leaf(np.zeros((0, 3)))
    for function in (tg.mse_loss, tg.l1_loss, tg.smooth_l1_loss, tg.huber_loss, tg.kl_div, tg.binary_cross_entropy):
        loss = function(empty, Z((0, 3), dtype=tg.float64))
        assert np.isnan(loss.item())
        loss.backward()
        assert function(empty, Z((0, 3), dtype=tg.float64), reduction="sum").item() == 0
    labels = tg.tensor(np.zeros(0, np.int64))
    assert np.isnan(tg.nll_loss(empty, labels).item())
    assert tg.cross_entropy(empty, labels, reduction="sum").item() == 0
    assert empty.grad.shape == (0, 3)


@pytest.mark.parametrize("weight", [None, [1.0, 2.0, 3.0]])
def test_all_labels_ignored(weight):
    """The mean is nan, and no gradient is."""
    x = leaf(np.random.default_rng(0).standard_normal((2, 3)))
    weight = None if weight is None else tg.tensor(weight, dtype=tg.float64)
    for params in ({}, {"label_smoothing": 0.1}):
        loss = tg.cross_entropy(x, tg.tensor([-100, -100]), weight, **params)
        assert np.isnan(loss.item())
        (g,) = tg.grad(loss, x)
        np.testing.assert_array_equal(g.data, np.zeros((2, 3)))
        assert tg.cross_entropy(x, tg.tensor([-100, -100]), weight, reduction="sum", **params).item() == 0


def test_an_ignored_label_costs_nothing_whatever_its_scores():
    x = leaf([[1.0, 2], [-INF, 3]])
    loss, g, _ = slopes(lambda x: tg.nll_loss(x, tg.tensor([0, 7]), ignore_index=7), x)
    assert loss == -1
    np.testing.assert_array_equal(g, [[-1, 0], [0, 0]])


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_cross_entropy_far_out_T34(dtype):
    x = np.array([[1e4, 0, -1e4], [-1e4, 1e4, 0]])
    for params in ({}, {"reduction": "sum"}, {"label_smoothing": 0.5}, {"ignore_index": 2}):
        results = slopes(lambda x, p=params: tg.cross_entropy(x, tg.tensor([0, 1]), **p), leaf(x, dtype))
        assert all(np.isfinite(r).all() and r.dtype == dtype for r in results)


def test_the_usual_cross_entropy_is_one_fused_node():
    x, labels = leaf(np.random.default_rng(0).standard_normal((4, 3))), tg.tensor([0, 2, 1, 2])
    fused = tg.cross_entropy(x, labels)
    assert fused.grad_fn.primitive.name == "cross_entropy"
    assert fused.grad_fn.edges[0] is x
    others = [
        tg.cross_entropy(x, labels, reduction="sum") / 4,
        tg.cross_entropy(x, labels, tg.ones(3, dtype=tg.float64)),
        tg.nll_loss(tg.log_softmax(x, 1), labels),
        tg.cross_entropy(x, tg.tensor(np.eye(3)[[0, 2, 1, 2]])),
        tg.cross_entropy(x.reshape(4, 3, 1), labels.reshape(4, 1)),
    ]
    (right,) = tg.grad(fused, x, retain_graph=True)
    for other in others:
        np.testing.assert_allclose(other.item(), fused.item(), rtol=1e-14)
        np.testing.assert_allclose(tg.grad(other, x)[0].data, right.data, rtol=1e-13, atol=1e-15)


def test_float16_means_do_not_overflow_T17():
    x = leaf(np.full((70_000, 2), 3.0), np.float16)
    labels = np.zeros(70_000, np.int64)
    labels[0] = -100
    weight = tg.tensor([2.0, 1.0], dtype=np.float16)
    for loss in (
        tg.nll_loss(x, labels),
        tg.nll_loss(x, labels, weight),
        tg.nll_loss(x, np.zeros(70_000, int)),
        -tg.mse_loss(x, x - 1.5) - 0.75,
        -tg.l1_loss(x, x - 3),
    ):
        assert loss.item() == pytest.approx(-3, rel=2e-3)
        (g,) = tg.grad(loss, x)
        assert np.isfinite(g.data).all()


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_scores_far_out_through_binary_cross_entropy_T34(dtype):
    x, y = leaf([1e4, -1e4, 1e4, -1e4], dtype), tg.tensor([1.0, 0, 0, 1], dtype=dtype)
    out, g, second = slopes(lambda x: tg.binary_cross_entropy_with_logits(x, y, reduction="none"), x)
    np.testing.assert_array_equal(out, np.array([0, 0, 1e4, 1e4], dtype))
    np.testing.assert_array_equal(g, [0, 0, 1, -1])
    np.testing.assert_array_equal(second, [0, 0, 0, 0])


def test_binary_cross_entropy_counts_the_log_of_0_as_minus_100():
    x, y = leaf([0.0, 1, 0, 1]), tg.tensor([0.0, 1, 1, 0], dtype=tg.float64)
    out, g, _ = slopes(lambda x: tg.binary_cross_entropy(x, y, reduction="none"), x)
    np.testing.assert_array_equal(out, [0, 0, 100, 100])
    np.testing.assert_array_equal(g, [0, 0, -1e12, 1e12])
    half = leaf([0.0, 1, 0, 1, 0.25], np.float16)
    out, g, _ = slopes(lambda x: tg.binary_cross_entropy(x, tg.tensor([0.0, 1, 1, 0, 1], dtype=np.float16)), half)
    assert out == np.float16((200 + math.log(4)) / 5)
    np.testing.assert_array_equal(g, np.array([0, 0, -INF, INF, -0.8], np.float16))


def test_binary_cross_entropys_second_derivative_near_a_sure_answer():
    """1/x^2 for target 1: no cancellation of x^2 - 2x + 1."""
    x = np.array([0.999999, 0.9999, 0.5, 1e-6])
    _, _, second = slopes(lambda x: tg.binary_cross_entropy(x, tg.ones(4, dtype=tg.float64), reduction="sum"), x)
    np.testing.assert_allclose(second, 1 / x**2, rtol=1e-5)


def test_kl_div_of_a_target_of_0():
    x, y = [-1.0, -2.0], [0.0, 0.5]
    out, gx, gy, _ = slopes(lambda x, y: tg.kl_div(x, y, reduction="none"), x, y)
    np.testing.assert_allclose(out, [0, 0.5 * (math.log(0.5) + 2)])
    np.testing.assert_array_equal(gx, [0, -0.5])
    np.testing.assert_allclose(gy, [NAN, math.log(0.5) + 3])


def test_losses_of_large_errors_do_not_overflow_inside_T34():
    x, y = leaf([6e4, -6e4, 1.0], np.float16), Z(3, dtype=np.float16)
    for function in (tg.huber_loss, tg.smooth_l1_loss, tg.l1_loss):
        out, g, _ = slopes(lambda x, f=function: f(x, y, reduction="none"), x)
        assert np.isfinite(out).all()
        np.testing.assert_array_equal(g, [1, -1, 1])


def test_shapes_that_broadcast_warn():
    for function in (tg.mse_loss, tg.l1_loss, tg.smooth_l1_loss, tg.huber_loss):
        with pytest.warns(
            UserWarning, match=rf"^{function.__name__}: the target's shape \(3,\) is not the input's, \(2, 3\)"
        ):
            loss = function(tg.ones(2, 3), Z(3), reduction="none")
        assert loss.shape == (2, 3)


@pytest.mark.parametrize(
    "size_average, reduce, reduction",
    [(None, True, "mean"), (True, None, "mean"), (False, None, "sum"), (False, True, "sum"), (True, False, "none")],
)
def test_pytorchs_old_names_for_reductions(size_average, reduce, reduction):
    x, y = tg.tensor([1.0, 3.0]), tg.tensor([0.0, 1.0])
    with pytest.warns(UserWarning, match=f"^mse_loss: size_average and reduce .* write reduction='{reduction}'"):
        loss = tg.mse_loss(x, y, size_average, reduce)
    np.testing.assert_array_equal(loss.data, tg.mse_loss(x, y, reduction=reduction).data)


def test_integers_beside_floats():
    x = leaf([0.5, 2.0], np.float32)
    for function in (tg.mse_loss, tg.l1_loss, tg.huber_loss, tg.binary_cross_entropy_with_logits):
        loss = function(x, tg.tensor([1, 0]))
        assert loss.dtype == np.float32
        np.testing.assert_array_equal(loss.item(), function(x, tg.tensor([1.0, 0.0])).item())
        assert tg.grad(loss, x)[0].dtype == np.float32


def test_labels_changed_later_do_not_reach_the_gradient_T11():
    for params in ({}, {"reduction": "sum"}, {"label_smoothing": 0.1}):
        x, labels = leaf(np.zeros((2, 3))), np.array([0, 1])
        right = tg.grad(tg.cross_entropy(x, labels, **params), x)[0].data
        loss = tg.cross_entropy(x, labels, **params)
        labels[:] = 2
        np.testing.assert_array_equal(tg.grad(loss, x)[0].data, right)


# Errors: the operation's name, both values, before anything is computed

I = tg.tensor  # noqa: E741
ERRORS = [
    (lambda: tg.leaky_relu(I([1, 2])), tg.DTypeError, "^leaky_relu: input has dtype int64"),
    (lambda: tg.leaky_relu(Z(2), "a"), tg.DTypeError, "^leaky_relu: negative_slope must be a number, got 'a'"),
    (lambda: tg.elu(Z(2), None), tg.DTypeError, "^elu: alpha must be a number, got None"),
    (lambda: tg.gelu(Z(2), "erf"), tg.ShapeError, "^gelu: approximate must be 'none' or 'tanh', got 'erf'"),
    (lambda: tg.hardtanh(Z(2), 2, 1), tg.ShapeError, "^hardtanh: min_val 2 is greater than max_val 1"),
    (lambda: tg.softplus(Z(2), 0), tg.ShapeError, "^softplus: beta must not be 0"),
    (lambda: tg.softmin(Z(2), 1), tg.ShapeError, "^softmin: dim 1 is out of range"),
    (
        lambda: tg.prelu(Z(2, 3), Z(2)),
        tg.ShapeError,
        r"^prelu: weight has shape \(2,\), input \(2, 3\) takes \(1,\) or \(3,\)",
    ),
    (lambda: tg.prelu(Z(2, 3), Z(3, 1)), tg.ShapeError, r"^prelu: weight has shape \(3, 1\)"),
    (lambda: tg.prelu(Z(2), Z(1, dtype=tg.float64)), tg.DTypeError, "^prelu: the dtypes differ: input float32, weight"),
    (lambda: tg.layer_norm(Z(2, 3), (2,)), tg.ShapeError, r"^layer_norm: normalized_shape is \(2,\), input \(2, 3\)"),
    (lambda: tg.layer_norm(Z(2, 3), 3), tg.DTypeError, "^layer_norm: normalized_shape must be a tuple of ints, got 3"),
    (lambda: tg.layer_norm(Z(2, 3), ()), tg.ShapeError, r"^layer_norm: normalized_shape must name .*, got \(\)"),
    (lambda: tg.layer_norm(Z(2, 3), (3,), Z(2)), tg.ShapeError, r"^layer_norm: weight has shape \(2,\), .* is \(3,\)"),
    (lambda: tg.rms_norm(Z(2, 3), (3,), Z(2)), tg.ShapeError, r"^rms_norm: weight has shape \(2,\), .* is \(3,\)"),
    (lambda: tg.group_norm(Z(3), 1), tg.ShapeError, r"^group_norm: input must be \(N, C\) or .*, got \(3,\)"),
    (lambda: tg.group_norm(Z(2, 3), 2), tg.ShapeError, "^group_norm: num_groups 2 does not divide the 3 channels"),
    (lambda: tg.group_norm(Z(2, 3), 0), tg.ShapeError, "^group_norm: num_groups must be a positive int, got 0"),
    (
        lambda: tg.group_norm(Z(1, 2), 2),
        tg.ShapeError,
        r"^group_norm: input \(1, 2\) in 2 groups has one value a group",
    ),
    (lambda: tg.group_norm(Z(2, 4), 2, Z(2)), tg.ShapeError, r"^group_norm: weight has shape \(2,\), .* takes \(4,\)"),
    (lambda: tg.instance_norm(Z(2, 3, 1)), tg.ShapeError, r"^instance_norm: input \(2, 3, 1\) has one value a channel"),
    (lambda: tg.instance_norm(Z(3)), tg.ShapeError, r"^instance_norm: input must be \(N, C, ...\), got \(3,\)"),
    (lambda: tg.instance_norm(Z(2, 3, 4), Z(2)), tg.ShapeError, r"^instance_norm: running_mean has shape \(2,\)"),
    (
        lambda: tg.instance_norm(Z(2, 3, 4), use_input_stats=False),
        tg.ShapeError,
        "^instance_norm: use_input_stats=False",
    ),
    (lambda: tg.embedding(I([5]), Z(3, 2)), tg.LabelError, r"^embedding: 5 is out of range for .* 3 rows \(0 to 2\)"),
    (lambda: tg.embedding(I([-1]), Z(3, 2)), tg.LabelError, "^embedding: -1 is out of range for a weight of 3 rows"),
    (lambda: tg.embedding(I([1.0]), Z(3, 2)), tg.DTypeError, "^embedding: input has dtype float32"),
    (lambda: tg.embedding(I([True]), Z(3, 2)), tg.DTypeError, "^embedding: input has dtype bool"),
    (lambda: tg.embedding(I([1]), Z(3)), tg.ShapeError, r"^embedding: weight must be \(V, D\), got \(3,\)"),
    (
        lambda: tg.embedding(I([1]), Z(3, 2), 3),
        tg.LabelError,
        "^embedding: padding_idx 3 is out of range for .* 3 rows",
    ),
    (lambda: tg.mse_loss(Z(3), Z(2)), tg.ShapeError, r"^mse_loss: input has shape \(3,\), target \(2,\), which do not"),
    (lambda: tg.mse_loss(I([1]), I([1])), tg.DTypeError, "^mse_loss: input has dtype int64 and target int64"),
    (
        lambda: tg.mse_loss(Z(3), Z(3), reduction="avg"),
        tg.ShapeError,
        "^mse_loss: reduction must be one of .*, got 'avg'",
    ),
    (lambda: tg.mse_loss(Z(3), Z(3), weight=Z(2)), tg.ShapeError, r"^mse_loss: weight has shape \(2,\), input \(3,\)"),
    (
        lambda: tg.smooth_l1_loss(Z(3), Z(3), beta=-1),
        tg.ShapeError,
        "^smooth_l1_loss: beta must not be negative, got -1",
    ),
    (lambda: tg.huber_loss(Z(3), Z(3), delta=0), tg.ShapeError, "^huber_loss: delta must be positive, got 0"),
    (
        lambda: tg.binary_cross_entropy(Z(3), Z(2, 3)),
        tg.ShapeError,
        r"^binary_cross_entropy: input has shape \(3,\), target \(2, 3\): they must be the same",
    ),
    (lambda: tg.binary_cross_entropy(I([1.5]), Z(1)), tg.ShapeError, "^binary_cross_entropy: input holds 1.5, prob"),
    (lambda: tg.binary_cross_entropy(I([NAN]), Z(1)), tg.ShapeError, "^binary_cross_entropy: input holds nan, prob"),
    (
        lambda: tg.binary_cross_entropy(Z(2), Z(2), weight=Z(3)),
        tg.ShapeError,
        r"^binary_cross_entropy: weight has shape \(3,\), which does not broadcast to the target's, \(2,\)",
    ),
    (
        lambda: tg.binary_cross_entropy_with_logits(Z(2), Z(2), pos_weight=Z(3)),
        tg.ShapeError,
        r"^binary_cross_entropy_with_logits: pos_weight has shape \(3,\)",
    ),
    (lambda: tg.kl_div(Z(2), I([1, 0])), tg.DTypeError, "^kl_div: target has dtype int64, it must be a float"),
    (
        lambda: tg.kl_div(Z(2), Z(2), reduction="x"),
        tg.ShapeError,
        "^kl_div: reduction must be one of .*'batchmean', got 'x'",
    ),
    (
        lambda: tg.nll_loss(Z(2, 3), I([0, 3])),
        tg.LabelError,
        r"^nll_loss: label 3 is out of range for 3 classes \(0 to 2\)",
    ),
    (lambda: tg.nll_loss(Z(()), I(0)), tg.ShapeError, r"^nll_loss: input must be .*, got \(\) and \(\)"),
    (
        lambda: tg.nll_loss(Z(2, 3, 4), I([0, 3])),
        tg.ShapeError,
        r"^nll_loss: input must be \(N, C, d1, ...\) and target \(N, d1, ...\), got \(2, 3, 4\) and \(2,\)",
    ),
    (lambda: tg.cross_entropy(Z(3), I(3)), tg.LabelError, "^cross_entropy: label 3 is out of range for 3 classes"),
    (lambda: tg.cross_entropy(Z(2, 3), I([0, 1]), Z(2)), tg.ShapeError, r"^cross_entropy: weight .* takes \(3,\)"),
    (
        lambda: tg.cross_entropy(Z(2, 3), I([0, 1]), Z(3, dtype=tg.float64)),
        tg.DTypeError,
        "^cross_entropy: the dtypes differ: input float32, weight float64",
    ),
    (
        lambda: tg.cross_entropy(Z(2, 3), I([0, 1]), label_smoothing=1.5),
        tg.ShapeError,
        "^cross_entropy: label_smoothing must be from 0 to 1, got 1.5",
    ),
    (
        lambda: tg.cross_entropy(Z(2, 3), Z(2, 3), ignore_index=1),
        tg.ShapeError,
        "^cross_entropy: ignore_index 1 is for labels, target holds probabilities",
    ),
]


@pytest.mark.parametrize("call, error, text", ERRORS, ids=[text[1:40] for _, _, text in ERRORS])
def test_errors_name_the_operation_and_both_values(call, error, text):
    with pytest.raises(error, match=text):
        call()
