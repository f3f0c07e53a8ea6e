"""Kinks, ties, empty batches, extreme values, and what bad input gets, as PyTorch 2.13 has them unless a test says so.

T-numbers are rows of the pitfalls that bit other engines. Where an expected value is not obvious it was read from
PyTorch; `parity/test_ops_parity.py` compares the rest with it.
"""

import functools
import itertools
import warnings

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.check import gradcheck, gradgradcheck
from tensorgrad.modes import Observer, observing
from tensorgrad.ops import conv, indexing
from tests import naive
from tests.op_table.conv import conv2d as naive_conv2d

INF, NAN = np.inf, np.nan


def leaf(data, dtype=np.float64):
    return tg.tensor(np.asarray(data, dtype), requires_grad=True)


def value_and_grads(function, *inputs):
    """Result, and gradients of its sum, as arrays."""
    tensors = [x if isinstance(x, tg.Tensor) else leaf(x) for x in inputs]
    out = function(*tensors)
    grads = tg.grad(out, tensors, tg.ones_like(out), allow_unused=True)
    return out.data, *[None if g is None else g.data for g in grads]


def equal(got, expected):
    np.testing.assert_array_equal(got, np.asarray(expected))


def random(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


# T12: views that other engines' kernels read wrongly


def test_a_transposed_image_through_conv_T12():
    x, w = random(2, 4, 5, 3), random(3, 3, 2, 2, seed=1)
    moved = leaf(x)
    out = tg.conv2d(moved.permute(0, 3, 1, 2), leaf(w), padding=1)
    solid = leaf(np.ascontiguousarray(x.transpose(0, 3, 1, 2)))
    right = tg.conv2d(solid, leaf(w), padding=1)
    np.testing.assert_allclose(out.data, right.data, rtol=1e-13)
    g = tg.tensor(random(*out.shape, seed=2))
    out.backward(g)
    right.backward(g)
    np.testing.assert_allclose(moved.grad.data, solid.grad.data.transpose(0, 2, 3, 1), rtol=1e-13)


def test_an_expanded_operand_of_matmul_T12():
    x, y = leaf(random(1, 3)), leaf(random(3, 2, seed=1))
    _, gx, gy = value_and_grads(lambda x, y: x.broadcast_to((4, 3)) @ y, x, y)
    _, gx2, gy2 = value_and_grads(lambda x, y: tg.cat([x] * 4) @ y, x, y)
    np.testing.assert_allclose(gx, gx2, rtol=1e-13)
    np.testing.assert_allclose(gy, gy2, rtol=1e-13)


# T13


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.sum(),
        lambda x: x.mean(),
        lambda x: x.broadcast_to((4, 2, 3)).sum(),
        lambda x: x.reshape(6).sum(),
        lambda x: x.T.sum(),
    ],
)
def test_a_gradient_that_was_broadcast_can_be_written_T13(function):
    x = leaf(random(2, 3))
    function(x).backward()
    before = x.grad.data.copy()
    with tg.no_grad():
        x.grad += 1
        x.grad[0, 0] = 7
    before += 1
    before[0, 0] = 7
    equal(x.grad.data, before)


# T15


def test_axes_of_size_1_that_were_not_broadcast_are_not_summed_T15():
    x, y = random(1, 3), random(1, 3, seed=1)
    _, gx, gy = value_and_grads(lambda x, y: x * y, x, y)
    equal(gx, y)
    equal(gy, x)
    _, gx = value_and_grads(lambda x: x.sum(0, keepdim=True) * tg.tensor(y), x)
    equal(gx, y)
    _, gx = value_and_grads(lambda x: (x - x.mean(1, keepdim=True)) ** 2, np.array([[1.0, 2, 6]]))
    np.testing.assert_allclose(gx, [[-4, -2, 6]], rtol=1e-12)


# T16, T17, T18, T19: dtypes and 0-d


def test_division_by_a_count_of_a_mask_stays_float32_T16():
    x = leaf([1, 2, 3], np.float32)
    mask = x > 1.5
    mean = (x * mask).sum() / mask.sum()
    assert mean.dtype == np.float32
    mean.backward()
    assert x.grad.dtype == np.float32
    equal(x.grad.data, np.array([0, 0.5, 0.5], np.float32))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(
    "function",
    [
        lambda x: x * 2.0,
        lambda x: 2 - x,
        lambda x: x / 3,
        lambda x: x**2.0,
        lambda x: 1.5**x,
        lambda x: x * np.float64(2),
        lambda x: np.float64(2) * x,
        lambda x: np.float32(2) + x,
        lambda x: x - np.int64(3),
        lambda x: x * tg.tensor(2.0, dtype=np.float64),
        lambda x: x * np.array(2.0),
        lambda x: np.array(2.0) * x,
        lambda x: tg.where(x > 0, x, 0.0),
        lambda x: tg.where(x > 0, 1.0, x),
        lambda x: x.max(),
        lambda x: x.mean(),
        lambda x: tg.add(x, x, alpha=0.5),
    ],
)
def test_what_does_not_widen_T16(function, dtype):
    x = leaf([0.5, 1.5, 2.5], dtype)
    out = function(x)
    assert out.dtype == dtype
    (g,) = tg.grad(out, x, tg.ones_like(out), create_graph=True)
    assert g.dtype == dtype
    assert value_and_grads(function, x)[1].dtype == dtype


def test_where_of_numbers_gives_torchs_dtypes_T16():
    condition = tg.tensor([True, False])
    assert tg.where(condition, 1.0, 2.0).dtype == np.float32
    assert tg.where(condition, 1, 2).dtype == np.int64
    assert tg.where(condition, 1, 2.0).dtype == np.float32


def test_float16_counts_beyond_its_range_T17():
    """70,000 equal values: their mean, the share of each tie, and their sum, which is out of range."""
    for function in (lambda x: x.mean(), lambda x: x.max()):
        x = leaf(np.ones(70_000), np.float16)
        out, g = value_and_grads(function, x)
        assert out == 1
        equal(g, np.full(70_000, 1 / 70_000).astype(np.float16))
    total, g = value_and_grads(lambda x: x.sum(), x)
    assert total == INF
    equal(g, np.ones(70_000, np.float16))
    assert leaf(np.full(70_000, 1 / 64), np.float16).sum().item() == 1094  # 1093.75 to the nearest float16


def test_float16_means_of_second_order_T17():
    x = leaf(np.linspace(0, 1, 70_000), np.float16)
    (g,) = tg.grad((x * x).mean(), x, create_graph=True)
    assert np.max(np.abs(g.data - 2 * x.data.astype(np.float64) / 70_000)) < 1e-7


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int32, np.int64])
def test_integers_cannot_require_a_gradient_T18(dtype):
    text = f"only floats have gradients, the tensor has dtype {np.dtype(dtype)}"
    with pytest.raises(tg.GradientError, match=text):
        tg.tensor([1, 0], dtype=dtype, requires_grad=True)
    with pytest.raises(tg.GradientError, match=text):
        tg.tensor([1, 0], dtype=dtype).requires_grad_()


def test_integers_meet_floats_T18():
    x = leaf([1.5, 2.5], np.float32)
    out, g = value_and_grads(lambda x: x * tg.tensor([2, 3]), x)
    assert out.dtype == g.dtype == np.float32
    equal(g, [2, 3])
    assert (tg.tensor([1, 2]) * 1.5).dtype == np.float32
    assert (tg.tensor([1, 2]) / tg.tensor([2, 2])).dtype == np.float32
    assert tg.exp(tg.tensor([1, 2])).dtype == np.float32
    equal(x.data[tg.tensor([1, 1]).data], [2.5, 2.5])


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x * 2,
        lambda x: x + x,
        lambda x: np.float64(2) * x,
        lambda x: x * np.array(2.0),
        lambda x: np.array(2.0) * x,
        lambda x: x.sum(),
        lambda x: x.mean(),
        lambda x: x.max(),
        lambda x: x.max(0)[0],
        lambda x: tg.exp(tg.log(tg.sqrt(x))),
        lambda x: x.reshape(1)[0],
        lambda x: tg.stack([x, x]).sum(),
        lambda x: tg.softmax(x, 0) + tg.log_softmax(x, -1),
        lambda x: tg.relu(x) ** 2,
        lambda x: tg.where(x > 0, x, 0.0),
        lambda x: x.permute(),
        lambda x: x.flatten().squeeze(),
        lambda x: x.sum(0) + x.sum((), keepdim=True) + x.mean(-1),
        lambda x: tg.dropout(x, 0.5, generator=np.random.default_rng(0)),
        lambda x: x[()],
        lambda x: x[None][0],
        lambda x: x.clone(),
        lambda x: x.broadcast_to((2, 3)).sum(),
    ],
)
def test_0_d_tensors_stay_arrays_T19(function):
    x = leaf(1.5)
    out = function(x)
    assert type(out.data) is np.ndarray
    assert out.shape == ()
    out.backward()
    assert type(x.grad.data) is np.ndarray
    assert x.grad.shape == ()
    (g,) = tg.grad(function(x), x, create_graph=True)
    assert type(g.data) is np.ndarray
    assert gradcheck(lambda x: (function(x),), [x])


# T21: nothing in the batch


def test_empty_batches_T21():
    rng = np.random.default_rng(0)
    w, b = leaf(random(4, 3, 2, 2)), leaf(random(4))
    for x, function, params in [
        (np.zeros((0, 3, 5, 5)), lambda x, w, b: tg.conv2d(x, w, b, 2, 1), [w, b]),
        (np.zeros((0, 3)), tg.linear, [leaf(random(4, 3)), b]),
        (np.zeros((0, 3)), lambda x, w: x @ w, [leaf(random(3, 2))]),
        (np.zeros((0, 4, 3)), lambda x, w, b: tg.native_batch_norm(x, w, b)[0], [leaf(random(4)), b]),
        (np.zeros((0, 2, 4, 4)), lambda x: tg.max_pool2d(x, 2), []),
        (np.zeros((0, 3)), lambda x: tg.softmax(x, 1), []),
        (np.zeros((0, 3)), lambda x: tg.log_softmax(x, 0), []),
        (np.zeros((0, 3)), lambda x: x.mean(1), []),
        (np.zeros((0, 3)), lambda x: x.max(1)[0], []),
        (np.zeros((0, 3)), lambda x: tg.dropout(x, generator=rng), []),
        (np.zeros((0, 3)), lambda x: tg.relu(x).reshape(-1, 3), []),
        (np.zeros((0, 3)), lambda x: x[:, [0, 0]], []),
    ]:
        x = leaf(x)
        out, *grads = value_and_grads(function, x, *params)
        assert out.size == 0
        assert out.shape[0] == 0
        for tensor, g in zip([x, *params], grads, strict=True):
            equal(g, np.zeros(tensor.shape))


def test_a_mean_of_nothing_is_nan_without_a_warning_T21():
    x = leaf(np.zeros((0, 3)))
    for loss in (x.mean(), tg.cross_entropy(x, tg.tensor(np.zeros(0, np.int64)))):
        assert np.isnan(loss.item())
        loss.backward()
        assert x.grad.shape == (0, 3)


def test_statistics_of_an_empty_batch_T21():
    x = leaf(np.zeros((0, 2, 3)))
    _, mean, var = tg.native_batch_norm(x)
    equal(mean.data, [0, 0])
    equal(var.data, [0, 0])
    (mean + var).sum().backward()
    assert x.grad.shape == (0, 2, 3)


@pytest.mark.parametrize("x, w", [((1, 0, 5, 5), (3, 0, 2, 2)), ((1, 2, 5, 5), (0, 2, 2, 2))])
def test_convolution_of_no_channels_T21(x, w):
    out, gx, gw = value_and_grads(tg.conv2d, np.zeros(x), np.zeros(w))
    assert out.shape == (1, w[0], 4, 4)
    equal(out, np.zeros(out.shape))
    equal(gx, np.zeros(x))
    equal(gw, np.zeros(w))


# T22: indices


@pytest.mark.parametrize(
    "index, counts",
    [
        ([0, 0, 2], [2, 0, 1, 0]),
        (np.array([0, 0, 2], np.uint8), [2, 0, 1, 0]),
        (np.array([0, -4, 3, -1], np.int8), [2, 0, 0, 2]),
        (np.array([[1, 1], [1, 2]]), [0, 3, 1, 0]),
        (np.array([True, False, False, True]), [1, 0, 0, 1]),
        (tg.tensor([0, 0, 2]), [2, 0, 1, 0]),
        (tg.tensor([True, False, False, True]), [1, 0, 0, 1]),
        ((tg.tensor([3, 3]), Ellipsis), [0, 0, 0, 2]),
        ((None, [2, 2]), [0, 0, 2, 0]),
        ([], [0, 0, 0, 0]),
        (tg.tensor(1), [0, 1, 0, 0]),
        (np.int64(-1), [0, 0, 0, 1]),
    ],
)
def test_a_place_read_twice_gets_both_gradients_T22(index, counts):
    _, g = value_and_grads(lambda x: x[index], np.arange(4.0))
    equal(g, counts)


def test_masks_with_integers_T22():
    x = random(2, 3, 4)
    index = (np.array([True, True]), slice(None), 2)
    out, g = value_and_grads(lambda x: x[index], x)
    equal(out, x[index])
    assert g.sum() == out.size
    index = (np.array([[True, False, True], [False, False, True]]), np.array([0, 0, 3]))
    out, g = value_and_grads(lambda x: x[index], x)
    equal(out, x[index])
    right = np.zeros(x.shape)
    np.add.at(right, index, 1)
    equal(g, right)


def test_indexing_does_not_alias_the_index_T22():
    index = np.array([0, 0, 2])
    x = leaf(np.arange(4.0))
    out = x[index]
    index[:] = 3
    out.sum().backward()
    equal(x.grad.data, [2, 0, 1, 0])


def test_many_repeated_indices_cost_little_T22():
    """200,000 reads of 10 places; np.add.at, unbuffered, once took a hundred times as long as a count."""
    x = leaf(np.zeros(10))
    index = np.random.default_rng(0).integers(0, 10, 200_000)
    x[index].sum().backward()
    equal(x.grad.data, np.bincount(index, minlength=10))


def test_assigning_to_repeated_places_T22():
    """The last value stands, and only that one has a gradient."""
    value = leaf([1.0, 2, 3])
    out = indexing.setitem(leaf(np.zeros(3)), np.array([0, 0, 1]), value)
    equal(out.data, [2, 3, 0])
    out.backward(tg.tensor([10.0, 20, 30], dtype=np.float64))
    equal(value.grad.data, [0, 10, 20])


# T23 to T26: pooling


def test_overlapping_windows_add_up_T23():
    x = leaf(np.random.default_rng(0).permutation(36).reshape(1, 1, 6, 6))
    out = tg.max_pool2d(x, 3, 1)
    g = random(*out.shape)
    out.backward(tg.tensor(g))
    np.testing.assert_allclose(x.grad.data.sum(), g.sum())
    assert gradcheck(lambda x: (tg.max_pool2d(x, 3, 1),), [x])


@pytest.mark.parametrize("k, s, p, d", [*itertools.product([2, 3], [1, 2, 3], [0, 1], [1, 2])])
def test_pooling_conserves_the_gradient_T23_T24(k, s, p, d):
    for x in (random(2, 2, 7, 8), np.random.default_rng(1).integers(0, 2, (2, 2, 7, 8)), np.zeros((1, 1, 7, 8))):
        out, gx = value_and_grads(lambda x: tg.max_pool2d(x, k, s, p, d), x)
        assert gx.sum() == out.size


@pytest.mark.parametrize(
    "function, values, expected",
    [
        (lambda x: x.max(), [3, 1, 3, 3], [1 / 3, 0, 1 / 3, 1 / 3]),
        (lambda x: x.max(0)[0], [3, 1, 3, 3], [1, 0, 0, 0]),
        (lambda x: x.max(), [INF, 1, INF], [0.5, 0, 0.5]),
        (lambda x: x.max(), [-INF, -INF], [0.5, 0.5]),
        (lambda x: x.max(), [1, NAN, 3, NAN], [0, 0.5, 0, 0.5]),
        (lambda x: x.max(0)[0], [1, NAN, 3, NAN], [0, 1, 0, 0]),
        (lambda x: tg.max_pool2d(x.reshape(1, 1, 2, 2), 2), [1, 1, 1, 1], [1, 0, 0, 0]),
        (lambda x: tg.max_pool2d(x.reshape(1, 1, 2, 2), 2), [0, 5, 5, 1], [0, 1, 0, 0]),
        (lambda x: tg.relu(x), [-1, -0.0, 0.0, 1, INF, -INF, NAN], [0, 0, 0, 1, 1, 0, 1]),
    ],
)
def test_ties_and_kinks_T24(function, values, expected):
    equal(value_and_grads(function, values)[1], expected)


def test_indices_name_the_winner_of_a_tie_T24():
    x = tg.tensor([[2.0, 5, 5], [7, 1, 7]])
    values, indices = x.max(1)
    equal(values.data, [5, 7])
    equal(indices.data, [1, 0])
    assert indices.dtype == np.int64
    assert not indices.requires_grad
    equal(x.argmax(1).data, [1, 0])
    assert x.argmax().item() == 3


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, np.int8, np.int64])
def test_padding_never_wins_T25(dtype):
    x = -1 - np.arange(12).reshape(1, 1, 3, 4)
    values, indices = tg.max_pool2d(tg.tensor(x.astype(dtype)), 2, 1, 1, return_indices=True)
    assert values.dtype == dtype
    assert values.data.max() == -1
    equal(values.data, naive.max_pool(x, (2, 2), (1, 1), (1, 1), (1, 1), (4, 5))[0])
    equal(indices.data, naive.max_pool(x, (2, 2), (1, 1), (1, 1), (1, 1), (4, 5))[1])


@pytest.mark.parametrize(
    "plane, value, index",
    [
        ([[1, NAN], [3, 4]], NAN, 1),
        ([[NAN, 2], [NAN, 4]], NAN, 2),
        ([[-INF, -INF], [-INF, -INF]], -INF, 0),
        ([[-INF, INF], [INF, 0]], INF, 1),
    ],
)
def test_nan_and_infinities_in_a_window_T25(plane, value, index):
    x = leaf([[plane]])
    values, indices = tg.max_pool2d(x, 2, return_indices=True)
    equal(values.data, [[[[value]]]])
    assert indices.item() == index
    values.backward(tg.ones_like(values))
    assert x.grad.data.ravel().tolist() == [float(i == index) for i in range(4)]


def test_an_all_minus_infinity_image_with_padding_T25():
    x = leaf(np.full((1, 1, 3, 3), -INF))
    values, indices = tg.max_pool2d(x, 3, 2, 1, return_indices=True)
    equal(values.data, np.full((1, 1, 2, 2), -INF))
    equal(indices.data, [[[[0, 1], [3, 4]]]])
    values.backward(tg.ones_like(values))
    assert x.grad.data.sum() == 4


def test_output_sizes_T26():
    x = tg.zeros(1, 1, 5, 6)
    assert tg.max_pool2d(x, 2).shape == (1, 1, 2, 3)
    assert tg.max_pool2d(x, 2, ceil_mode=True).shape == (1, 1, 3, 3)
    assert tg.max_pool2d(x, 3, 2, 1).shape == (1, 1, 3, 3)
    assert tg.max_pool2d(x, 2, 1, 2, dilation=3).shape == (1, 1, 6, 7)  # 2 is half of the 4 pixels a window spans
    assert tg.max_pool2d(tg.zeros(1, 1, 2, 2), 1, 3, ceil_mode=True).shape == (1, 1, 1, 1)  # starts must be inside
    assert tg.max_pool2d(x, (5, 6)).shape == (1, 1, 1, 1)
    w = tg.zeros(1, 1, 2, 3)
    assert tg.conv2d(x, w, stride=2).shape == (1, 1, 2, 2)
    assert tg.conv2d(x, w, padding="same").shape == (1, 1, 5, 6)
    assert tg.conv2d(x, w, padding="same", dilation=2).shape == (1, 1, 5, 6)
    assert tg.conv2d(x, w, padding=3, stride=3).shape == (1, 1, 4, 4)


# T27: the full product, with columns that no window reads

CHANNELS = 4
CONV_PRODUCT = list(
    itertools.product([1, 2, CHANNELS], [1, 2, 3], [1, 2], [((0, 0), (0, 0)), ((1, 1), (1, 1)), ((1, 0), (0, 2))])
)


@pytest.mark.parametrize("groups, stride, dilation, padding", CONV_PRODUCT)
def test_convolution_over_the_full_product_T27(groups, stride, dilation, padding):
    kernel, size = (2, 3), []
    for k, (before, after) in zip(kernel, padding, strict=True):
        span, n = dilation * (k - 1) + 1, dilation * (k - 1) + 1 + 2 * stride
        n += stride > 1  # a lost tail of one row and column
        assert (n - span) % stride == (1 if stride > 1 else 0)
        size.append(max(n - before - after, 2))
    params = {"stride": (stride,) * 2, "padding": padding, "dilation": (dilation,) * 2, "groups": groups}
    x, w, b = leaf(random(1, CHANNELS, *size)), leaf(random(8, CHANNELS // groups, *kernel)), leaf(random(8))
    out = conv._conv2d(x, w, b, **params)
    np.testing.assert_allclose(out.data, naive_conv2d(x.data, w.data, b.data, **params), rtol=1e-12, atol=1e-12)
    function = functools.partial(conv._conv2d, **params)
    assert gradcheck(function, [x, w, b], atol=1e-8, rtol=1e-6, max_elements=40)
    assert gradgradcheck(function, [x, w, b], atol=1e-8, rtol=1e-6, max_elements=40)


def test_pixels_no_window_reads_get_zero_T27():
    x, w = leaf(random(1, 1, 6, 8)), leaf(random(1, 1, 3, 2))
    tg.conv2d(x, w, stride=(2, 4)).sum().backward()
    equal(x.grad.data[:, :, 5], 0 * x.data[:, :, 5])
    equal(x.grad.data[..., [2, 3, 6, 7]], 0 * x.data[..., [2, 3, 6, 7]])
    assert np.all(x.grad.data[:, :, :5, [0, 1, 4, 5]] != 0)


def test_convolution_does_not_flip_its_filters():
    x = np.zeros((1, 1, 3, 3))
    x[0, 0, 0, 1] = 1
    out = tg.conv2d(tg.tensor(x), tg.tensor([[[[1.0, 2], [3, 4]]]], dtype=np.float64))
    equal(out.data, [[[[2, 1], [0, 0]]]])


# T30


POWERS = [
    # x, y, x**y, d/dx, d/dy
    (0.0, 0, 1, 0, 0),
    (0.0, 1, 0, 1, 0),
    (0.0, 2, 0, 0, 0),
    (0.0, 3, 0, 0, 0),
    (0.0, -1, INF, -INF, -INF),
    (0.0, 0.5, 0, INF, 0),
    (0.0, -0.5, INF, -INF, -INF),
    (2.0, 0, 1, 0, np.log(2)),
    (2.0, 3, 8, 12, 8 * np.log(2)),
    (2.0, -1, 0.5, -0.25, 0.5 * np.log(2)),
    (-2.0, 0, 1, 0, NAN),
    (-2.0, 1, -2, 1, NAN),
    (-2.0, 2, 4, -4, NAN),
    (-2.0, 3, -8, 12, NAN),
    (-2.0, -1, -0.5, -0.25, NAN),
    (-2.0, 0.5, NAN, NAN, NAN),
    (INF, 2, INF, INF, INF),
    (INF, 0, 1, 0, INF),
    (1.0, 0, 1, 0, 0),
]


@pytest.mark.parametrize("x, y, out, gx, gy", POWERS)
def test_powers_T30(x, y, out, gx, gy):
    np.testing.assert_allclose(value_and_grads(lambda x: x**y, x), (out, gx), rtol=1e-14)
    np.testing.assert_allclose(value_and_grads(lambda x: x ** float(y), x), (out, gx), rtol=1e-14)
    np.testing.assert_allclose(value_and_grads(lambda x, y: x**y, x, y), (out, gx, gy), rtol=1e-14)
    np.testing.assert_allclose(value_and_grads(lambda y: x**y, y), (out, gy), rtol=1e-14)
    assert gradients_of_second_order_agree(x, y)


def gradients_of_second_order_agree(x, y):
    """The gradient computed on tensors is the one computed on arrays."""
    x, y = leaf(x), leaf(y)
    arrays = [g.data for g in tg.grad(x**y, [x, y])]
    tensors = [g.data for g in tg.grad(x**y, [x, y], create_graph=True)]
    return np.array_equal(arrays, tensors, equal_nan=True)


def test_integer_powers_are_exact_T30():
    x = tg.tensor(np.array([3.0, -3, 7, 10]))
    equal((x**3).data, [27, -27, 343, 1000])
    equal((tg.tensor([3, -3]) ** 3).data, [27, -27])
    assert (tg.tensor([3, -3]) ** 3).dtype == np.int64
    _, g = value_and_grads(lambda x: (x**2).sum(), [1e-200, -3.0])
    equal(g, [2e-200, -6])


@pytest.mark.parametrize("power", [2, 2.0, 1, 0, 3])
def test_second_order_of_powers_at_zero_T30(power):
    x = leaf([0.0, 1.5])
    (g,) = tg.grad((x**power).sum(), x, create_graph=True)
    if g.requires_grad:
        (second,) = tg.grad(g.sum(), x, allow_unused=True)
        right = power * (power - 1) * np.array([0.0, 1.5]) ** max(power - 2, 0)
        np.testing.assert_allclose(0 * x.data if second is None else second.data, right)


# T32


def test_the_inactive_side_of_where_T32():
    """An infinite slope times 0 is nan, in every engine: the documented default. A safe argument avoids it."""
    x = [0.0, 4.0]
    out, g = value_and_grads(lambda x: tg.where(x > 0, tg.sqrt(x), 0.0), x)
    equal(out, [0, 2])
    equal(g, [NAN, 0.25])
    out, g = value_and_grads(lambda x: tg.where(x > 0, tg.sqrt(tg.where(x > 0, x, 1.0)), 0.0), x)
    equal(g, [0, 0.25])


def test_where_never_multiplies_T32():
    """The side not taken gets exactly 0, whatever its value is."""
    condition = tg.tensor([True, False])
    _, gx, gy = value_and_grads(lambda x, y: tg.where(condition, x, y), [1.0, NAN], [INF, 2.0])
    equal(gx, [1, 0])
    equal(gy, [0, 1])


@pytest.mark.parametrize(
    "function, gradient",
    [
        (lambda x: tg.where(tg.tensor([True, False]), x, 0.0), [INF, 0]),
        (lambda x: tg.where(tg.tensor([True, False]), 0.0, x), [0, INF]),
        (lambda x: tg.relu(x * tg.tensor([1.0, -1.0], dtype=np.float64)), [INF, 0]),
        (lambda x: x.max(0, keepdim=True)[0].broadcast_to((2,)), [INF, 0]),
        (lambda x: tg.max_pool2d(x.reshape(1, 1, 1, 2), (1, 2)).reshape(1).broadcast_to((2,)), [INF, 0]),
        (lambda x: x[[0, 0]], [INF, 0]),
        (lambda x: indexing.setitem(x, 1, 0.0), [INF, 0]),
    ],
)
def test_an_infinite_gradient_reaches_only_what_was_taken_T32(function, gradient):
    x = leaf([2.0, 1.0])
    out = function(x)
    for create_graph in (False, True):
        (g,) = tg.grad(out, x, tg.tensor([INF, INF], dtype=np.float64), retain_graph=True, create_graph=create_graph)
        np.testing.assert_array_equal(np.abs(g.data), gradient)


# T33; more of softmax in test_pitfalls.py


def test_softmax_in_float16_T33():
    x = leaf([65504, -65504], np.float16)
    equal(tg.log_softmax(x, 0).data, np.array([0, -INF], np.float16))
    equal(tg.softmax(x, 0).data, np.array([1, 0], np.float16))


def test_gradients_of_log_softmax_sum_to_zero_T33():
    _, g = value_and_grads(lambda x: tg.log_softmax(x, 1) * tg.tensor(random(5, 7, seed=2)), random(5, 7) * 50)
    np.testing.assert_allclose(g.sum(1), 0, atol=1e-12)


def test_softmax_over_an_empty_axis_T33():
    for function in (tg.softmax, tg.log_softmax):
        out, g = value_and_grads(lambda x, f=function: f(x, 1), np.zeros((2, 0)))
        assert out.shape == g.shape == (2, 0)


def test_cross_entropy_of_large_scores_T33():
    loss, g = value_and_grads(lambda x: tg.cross_entropy(x, tg.tensor([0, 1])), [[1e5, 0], [1e5, 0]])
    assert loss == 5e4
    equal(g, [[0, 0], [0.5, -0.5]])


# T34


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize("function", [tg.relu, tg.tanh, tg.sigmoid])
def test_activations_far_out_T34(function, dtype):
    x = leaf([1e4, -1e4, 1e4, -1e4], dtype)
    out = function(x)
    (g,) = tg.grad(out.sum(), x, create_graph=True)
    assert np.all(np.isfinite(out.data))
    assert np.all(np.isfinite(g.data))
    if g.requires_grad:
        (second,) = tg.grad(g.sum(), x, allow_unused=True)
        assert second is None or np.all(np.isfinite(second.data))


def test_tails_keep_their_digits_T34():
    out, g = value_and_grads(tg.sigmoid, [-700.0, -40])
    np.testing.assert_allclose(out, np.exp([-700.0, -40]), rtol=1e-12)
    np.testing.assert_allclose(g, np.exp([-700.0, -40]), rtol=1e-12)
    equal(value_and_grads(tg.sigmoid, [INF, -INF])[1], [0, 0])
    equal(value_and_grads(tg.tanh, [INF, -INF])[1], [0, 0])


def test_functions_at_the_edge_of_their_domain_T31():
    """Infinite and undefined slopes are values, not warnings."""
    equal(value_and_grads(tg.sqrt, [0.0, -1.0]), [[0, NAN], [INF, NAN]])
    equal(value_and_grads(tg.log, [0.0, -1.0]), [[-INF, NAN], [INF, -1]])
    equal(value_and_grads(tg.exp, [1e4]), [[INF], [INF]])
    equal(value_and_grads(lambda x, y: x / y, [1.0, 0.0], [0.0, 0.0]), [[INF, NAN], [INF, INF], [-INF, NAN]])


def test_forward_arithmetic_warns_as_numpys_error_state_says():
    """Values are those of PyTorch; whether overflow in them also warns is up to np.errstate, as it is for arrays."""
    x = leaf([1e300, -1e300])
    with pytest.warns(RuntimeWarning, match="overflow encountered in multiply"):
        x * x
    with np.errstate(all="ignore"):
        equal((x * x).data, [INF, INF])
        equal((x + x * 1e10).data, [INF, -INF])
        equal((x**2).data, [INF, INF])
        equal((x @ x).data, INF)
        equal((x * x - x * x).data, [NAN, NAN])
        equal((x * 1e10).sum().data, NAN)
        equal(tg.conv2d(x.reshape(1, 1, 1, 2), x.reshape(1, 1, 1, 2)).data, [[[[INF]]]])


def test_a_backward_pass_never_warns():
    """Its values are looked at by whoever asked for them; anomaly mode finds where one became infinite."""
    x = leaf([1e300, -1e300])
    with np.errstate(all="ignore"):
        out = (x * x * x).sum()
    out.backward()
    equal(x.grad.data, [INF, INF])


# T35


@pytest.mark.parametrize("label, classes", [(3, 3), (-1, 3), (100, 2)])
def test_labels_out_of_range_T35(label, classes):
    text = rf"^cross_entropy: label {label} is out of range for {classes} classes \(0 to {classes - 1}\)$"
    with pytest.raises(tg.LabelError, match=text):
        tg.cross_entropy(tg.zeros(2, classes), tg.tensor([0, label]))
    with pytest.raises(IndexError):
        tg.cross_entropy(tg.zeros(2, classes), tg.tensor([0, label]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.bool_])
def test_labels_that_are_not_integers_T35(dtype):
    with pytest.raises(
        tg.DTypeError, match=f"^cross_entropy: target has dtype {np.dtype(dtype)}, class labels are integers"
    ):
        tg.cross_entropy(tg.zeros(2, 3), tg.tensor([0, 1], dtype=dtype))


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_labels_of_any_integer_dtype_T35(dtype):
    assert tg.cross_entropy(tg.zeros(2, 3), tg.tensor([0, 2], dtype=dtype)).item() == pytest.approx(np.log(3))
    assert tg.cross_entropy(tg.zeros(2, 3), [0, 2]).item() == pytest.approx(np.log(3))


# T36

DIMS = [None, 0, 1, 2, -1, -3, (0,), (0, 2), (-1, 1), (2, 0, 1), (), [0, 1]]


@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("dim", DIMS, ids=str)
@pytest.mark.parametrize("shape", [(2, 3, 4), (1, 3, 1), (2, 0, 3)], ids=str)
def test_axes_of_sums_and_means_T36(shape, dim, keepdim):
    axes = None if dim is None or dim == () else dim if isinstance(dim, int) else tuple(dim)
    x = random(*shape)
    out, g = value_and_grads(lambda x: tg.sum(x, dim, keepdim), x)
    np.testing.assert_allclose(out, np.sum(x, axes, keepdims=keepdim), rtol=1e-12, atol=1e-14)
    equal(g, np.ones(shape))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy's own mean of nothing warns
        right = np.mean(x, axes, keepdims=keepdim)
    out, g = value_and_grads(lambda x: tg.mean(x, dim, keepdim), x)
    np.testing.assert_allclose(out, right, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(g, np.full(shape, right.size / max(x.size, 1)))


def test_axes_as_numpy_integers_T36():
    x = tg.tensor(random(2, 3))
    for op in (tg.sum, tg.mean):
        equal(op(x, np.int64(1)).data, op(x, 1).data)
        equal(op(x, (np.int64(0), np.int8(-1))).data, op(x).data)
    equal(tg.max(x, np.int64(1))[1].data, x.data.argmax(1))
    assert tg.softmax(x, np.int64(0)).shape == tg.permute(x, np.int64(0), np.int64(1)).shape == (2, 3)


def test_dtypes_of_sums_T36():
    assert tg.tensor([True, True]).sum().data == np.int64(2)
    assert tg.tensor([1, 2], dtype=np.uint8).sum().dtype == np.int64
    assert tg.tensor([200, 100], dtype=np.uint8).sum().item() == 300
    assert tg.tensor([1.5, 1.5]).sum(dtype=np.int64).item() == 2  # cast first, as in PyTorch
    x = leaf([1.5, 2.5], np.float32)
    assert x.sum(dtype=np.float64).dtype == np.float64
    assert tg.tensor([1, 2]).mean(dtype=np.float32).item() == 1.5
    (x.sum(dtype=np.float64) + x.mean(0, dtype=np.float64)).backward()
    assert x.grad.dtype == np.float32
    equal(x.grad.data, [1.5, 1.5])


@pytest.mark.parametrize("op", [tg.sum, tg.mean, tg.squeeze])
def test_an_axis_given_twice_T36(op):
    with pytest.raises(tg.ShapeError, match=rf"^{op.__name__}: an axis appears twice in dim=\(0, -2\)"):
        op(tg.zeros(2, 3), (0, -2))


@pytest.mark.parametrize(
    "op, args",
    [
        (tg.sum, (2,)),
        (tg.mean, (-3,)),
        (tg.max, (2,)),
        (tg.argmax, (-3,)),
        (tg.softmax, (2,)),
        (tg.log_softmax, (-3,)),
        (tg.squeeze, (2,)),
        (tg.transpose, (0, 2)),
        (tg.flatten, (0, 2)),
        (tg.permute, (0, 2)),
        (tg.gather, (2, np.zeros((2, 3), np.int64))),
    ],
)
def test_an_axis_that_is_not_there_T36(op, args):
    number = next(a for a in reversed(args) if isinstance(a, int))
    with pytest.raises(
        tg.ShapeError, match=rf"^{op.__name__}: dim {number} is out of range for a tensor of 2 axes \(-2 to 1\)"
    ):
        op(tg.zeros(2, 3), *args)


@pytest.mark.parametrize("op", [tg.sum, tg.mean, tg.max, tg.argmax])
def test_an_axis_that_is_no_int_T36(op):
    for dim in (True, 1.0, "0"):
        with pytest.raises(tg.DTypeError, match=f"^{op.__name__}: dim must be an int, got {type(dim).__name__}"):
            op(tg.zeros(2, 3), dim)


@pytest.mark.parametrize("op", [tg.max, tg.argmax])
def test_nothing_is_largest_of_nothing_T36(op):
    for dim in (None, 0, -2):
        with pytest.raises(tg.ShapeError, match=rf"^{op.__name__}: .*\(0, 3\)"):
            op(tg.zeros(0, 3), dim)


def test_squeeze_of_no_axes_T36():
    assert tg.squeeze(tg.zeros(1, 2, 1), ()).shape == (1, 2, 1)
    assert tg.squeeze(tg.zeros(1, 2, 1)).shape == (2,)
    assert tg.squeeze(tg.zeros(1, 2, 1), 1).shape == (1, 2, 1)


# T42: outputs that nobody used


def test_one_of_several_outputs_T42():
    x = leaf(random(4, 3))
    equal(value_and_grads(lambda x: x.max(1)[0], x)[1].sum(), 4)
    w, b = leaf(random(3)), leaf(random(3, seed=1))
    for i, weights in enumerate([(1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 1, 1), (1, 0, 1)]):
        inputs = [leaf(random(4, 3)), w, b]

        def used(x, w, b, weights=weights):
            outs = tg.native_batch_norm(x, w, b)
            return tuple(out * 1.0 for out, take in zip(outs, weights, strict=True) if take)

        assert gradcheck(used, inputs), i
        assert gradgradcheck(used, inputs), i


def test_indices_without_their_values_T42():
    x = leaf(random(1, 1, 4, 4))
    values, indices = tg.max_pool2d(x, 2, return_indices=True)
    assert not indices.requires_grad
    taken = x.flatten()[indices.flatten()]
    taken.sum().backward()
    equal(x.grad.data.sum(), 4)
    equal(x.data.ravel()[indices.data], values.data)


# T43, T51


def test_the_same_tensor_in_every_place_T43():
    for function, gradient in [
        (lambda x: x + x, [2, 2]),
        (lambda x: x - x, [0, 0]),
        (lambda x: x * x, [6, 10]),
        (lambda x: x / x, [0, 0]),
        (lambda x: x**x, [27 * (1 + np.log(3)), 3125 * (1 + np.log(5))]),
        (lambda x: tg.where(tg.tensor([True, False]), x, x), [1, 1]),
        (lambda x: tg.cat([x, x, x]), [3, 3]),
        (lambda x: tg.stack([x, x * 2]), [3, 3]),
        (lambda x: x @ x, [6, 10]),
        (lambda x: indexing.setitem(x, 0, x[1]), [0, 2]),
    ]:
        _, g = value_and_grads(function, [3.0, 5])
        np.testing.assert_allclose(g, gradient, rtol=1e-13, atol=1e-13)
    x = leaf(random(2, 2, 2, 2))
    assert gradcheck(lambda x: (tg.conv2d(x, x, padding=1),), [x])
    assert gradgradcheck(lambda x: (tg.conv2d(x, x, padding=1),), [x])


@pytest.mark.parametrize("op", [tg.cat, tg.stack])
def test_lists_of_arrays_and_tensors_T51(op):
    x, y = leaf(random(2, 3)), random(2, 3, seed=1)
    out = op([x, y, x, tg.tensor(y)])
    equal(out.data, getattr(np, {"cat": "concatenate"}.get(op.__name__, op.__name__))([x.data, y, x.data, y]))
    out.sum().backward()
    equal(x.grad.data, np.full((2, 3), 2.0))
    out = op((y, leaf(y)))
    assert out.requires_grad


def test_dtypes_in_lists_T51():
    out = tg.cat([tg.tensor([1, 2]), tg.tensor([1.5], dtype=np.float16)])
    assert out.dtype == np.float16
    x = leaf([1.0], np.float32)
    tg.cat([x, tg.tensor([2.0], dtype=np.float64)]).sum().backward()
    assert x.grad.dtype == np.float32
    assert tg.stack([tg.tensor(1), tg.tensor(2.5)]).dtype == np.float32


# T52


def test_second_order_at_a_tie_T52():
    """At a tie the amax of two values is taken to be their mean: the Hessian of its square is 1/2 everywhere."""
    x = leaf([2.0, 2.0])
    (g,) = tg.grad(x.max() ** 2, x, create_graph=True)
    hessian = [tg.grad(g[i], x, retain_graph=True)[0].data for i in range(2)]
    equal(hessian, [[0.5, 0.5], [0.5, 0.5]])
    (g,) = tg.grad(x.max(0)[0] ** 2, x, create_graph=True)
    hessian = [tg.grad(g[i], x, retain_graph=True)[0].data for i in range(2)]
    equal(hessian, [[2, 0], [0, 0]])


def test_second_order_away_from_ties_T52():
    x = leaf([[1.0, 3.0, 2.0], [5.0, 4.0, 0.0]])
    for function in (
        lambda x: (x.max() ** 3,),
        lambda x: (x.max(1)[0] ** 3,),
        lambda x: (tg.max_pool2d(x.reshape(1, 1, 2, 3), 2) ** 3,),
    ):
        assert gradgradcheck(function, [x])


# Dropout


def test_dropout_scales_what_it_keeps():
    x = leaf(np.ones(20_000))
    out = tg.dropout(x, 0.3, generator=np.random.default_rng(0))
    kept = out.data != 0
    np.testing.assert_allclose(out.data[kept], 1 / 0.7)
    assert abs(kept.mean() - 0.7) < 0.02
    out.sum().backward()
    equal(x.grad.data, out.data)


def test_dropout_draws_anew_and_repeats_with_a_seed():
    x = tg.ones(100)
    first, second = (tg.dropout(x, generator=np.random.default_rng(3)) for _ in range(2))
    equal(first.data, second.data)
    generator = np.random.default_rng(3)
    assert not np.array_equal(tg.dropout(x, generator=generator).data, tg.dropout(x, generator=generator).data)
    tg.manual_seed(5)
    first = tg.dropout(x)
    tg.manual_seed(5)
    equal(first.data, tg.dropout(x).data)


def test_dropout_that_does_nothing_or_everything():
    x = leaf(np.ones(5))
    equal(tg.dropout(x, 0.0).data, x.data)
    equal(tg.dropout(x, 0.9, training=False).data, x.data)
    equal(value_and_grads(lambda x: tg.dropout(x, 1.0), x), [np.zeros(5), np.zeros(5)])


# The conventions above are written where they are looked for


@pytest.mark.parametrize(
    "op, words",
    [
        (tg.relu, "slope at 0 is 0"),
        (tg.pow, "gradient of x**0 is 0"),
        (tg.sqrt, "gradient at 0 is inf"),
        (tg.where, "No gradient reaches the side not taken"),
        (tg.log_softmax, "nan where all values are -inf"),
        (tg.max, "split evenly"),
        (tg.max, "the first in reading order on ties"),
        (tg.argmax, "the first on ties"),
        (tg.max_pool2d, "On ties the first maximum in reading order takes the whole gradient"),
        (tg.max_pool2d, "Padding counts as minus infinity"),
        (tg.mean, "nan over nothing"),
    ],
)
def test_docstrings_state_conventions(op, words):
    assert words in " ".join(op.__doc__.split())


# Errors: raised before anything is computed, naming the operation and both values

Z = tg.zeros
MASK = tg.tensor([True, False])
REPEATED = Z(3).broadcast_to((2, 3))
ERRORS = [
    # elementwise
    (lambda: Z(2, 3) + Z(4), tg.ShapeError, r"^add: the shapes do not broadcast: input \(2, 3\), other \(4,\)"),
    (lambda: Z(2) - Z(3), tg.ShapeError, r"^sub: the shapes do not broadcast: input \(2,\), other \(3,\)"),
    (lambda: Z(2) * Z(3), tg.ShapeError, r"^mul: .*\(2,\).*\(3,\)"),
    (lambda: Z(2) / Z(3), tg.ShapeError, r"^div: .*\(2,\).*\(3,\)"),
    (lambda: Z(2) ** Z(3), tg.ShapeError, r"^pow: .*\(2,\).*\(3,\)"),
    (lambda: Z(2) == Z(3), tg.ShapeError, r"^eq: .*\(2,\).*\(3,\)"),
    (lambda: tg.where(MASK, Z(3), Z(3)), tg.ShapeError, r"^where: .*condition \(2,\).*\(3,\)"),
    (
        lambda: tg.where(Z(2), Z(2), Z(2)),
        tg.DTypeError,
        r"^where: condition has dtype float32, it must be bool: compare it",
    ),
    (lambda: tg.where(tg.tensor([1, 0]), 1.0, Z(2)), tg.DTypeError, r"^where: condition has dtype int64"),
    (lambda: tg.add(Z(2), "a"), tg.DTypeError, r"^add: other is a str, not a tensor, an array or a number"),
    (lambda: Z(2) * np.array([1j, 2]), tg.DTypeError, r"^mul: .* has dtype complex128"),
    (
        lambda: tg.tensor([2]) ** -1,
        tg.DTypeError,
        r"^pow: integers cannot be raised to the negative power -1: cast them to float first",
    ),
    (lambda: tg.tensor([2]) ** tg.tensor([-1]), tg.DTypeError, r"^pow: .*negative"),
    (lambda: -tg.tensor([True]), tg.DTypeError, r"^neg: .*bool"),
    (lambda: tg.tensor([True]) - tg.tensor([True]), tg.DTypeError, r"^sub: .*bool"),
    # activations
    (lambda: tg.softmax(tg.tensor([1, 2]), 0), tg.DTypeError, r"^softmax: input has dtype int64, it must be a float"),
    (lambda: tg.log_softmax(tg.tensor([1, 2]), 0), tg.DTypeError, r"^log_softmax: input has dtype int64"),
    (lambda: tg.dropout(Z(2), 1.5), tg.ShapeError, r"^dropout: p must be a probability from 0 to 1, got 1.5"),
    (lambda: tg.dropout(Z(2), -0.1), tg.ShapeError, r"^dropout: p must be a probability from 0 to 1, got -0.1"),
    (lambda: tg.dropout(Z(2), NAN), tg.ShapeError, r"^dropout: p must be a probability from 0 to 1, got nan"),
    (lambda: tg.dropout(tg.tensor([1])), tg.DTypeError, r"^dropout: input has dtype int64"),
    (lambda: tg.dropout(Z(2), "half"), tg.DTypeError, r"^dropout: p must be a number, got 'half'"),
    (lambda: tg.dropout(Z(2), generator=3), tg.DTypeError, r"^dropout: generator must be a NumPy Generator, .* got 3"),
    # reductions
    (
        lambda: tg.mean(tg.tensor([1, 2])),
        tg.DTypeError,
        r"^mean: the dtype is int64, and a mean needs a float: cast the input, or pass dtype=",
    ),
    (lambda: tg.mean(Z(2), dtype=np.int64), tg.DTypeError, r"^mean: .*int64"),
    # shapes
    (
        lambda: Z(2, 3).reshape(4, -1),
        tg.ShapeError,
        r"^reshape: 6 values of shape \(2, 3\) do not fill shape \(4, -1\)",
    ),
    (lambda: Z(2, 3).reshape(4), tg.ShapeError, r"^reshape: 6 values of shape \(2, 3\) do not fill shape \(4,\)"),
    (lambda: Z(2, 3).reshape(-1, -1), tg.ShapeError, r"^reshape: only one size can be -1, got \(-1, -1\)"),
    (lambda: Z(0, 3).reshape(-1, 0), tg.ShapeError, r"^reshape: .*\(0, 3\).*\(-1, 0\)"),
    (lambda: Z(2, 3).reshape(-2, -3), tg.ShapeError, r"^reshape: .*\(-2, -3\)"),
    (lambda: Z(2, 3).reshape(2.5, 3), tg.DTypeError, r"^reshape: expected ints, got \(2.5, 3\)"),
    (lambda: Z(2, 3).permute(1.0, 0), tg.DTypeError, r"^permute: expected ints, got \(1.0, 0\)"),
    (lambda: Z(2, 3).permute(0, 0), tg.ShapeError, r"^permute: \(0, 0\) is not an order of the 2 axes of \(2, 3\)"),
    (lambda: Z(2, 3).permute(0), tg.ShapeError, r"^permute: \(0,\) is not an order of the 2 axes of \(2, 3\)"),
    (lambda: Z(2, 3, 4).flatten(2, 1), tg.ShapeError, r"^flatten: start_dim 2 comes after end_dim 1"),
    (lambda: Z(2).unsqueeze(3), tg.ShapeError, r"^unsqueeze: dim 3 is out of range"),
    (
        lambda: Z(2, 3).broadcast_to((3, 3)),
        tg.ShapeError,
        r"^broadcast_to: shape \(2, 3\) does not broadcast to \(3, 3\)",
    ),
    (lambda: Z(2, 3).broadcast_to((3,)), tg.ShapeError, r"^broadcast_to: shape \(2, 3\) does not broadcast to \(3,\)"),
    (lambda: tg.cat([]), tg.ShapeError, r"^cat: there is nothing to put together"),
    (lambda: tg.cat([Z(2), 1.0]), tg.DTypeError, r"^cat: tensor 1 is a float, not a tensor or an array"),
    (lambda: tg.stack([[1.0], Z(1)]), tg.DTypeError, r"^stack: tensor 0 is a list, not a tensor or an array"),
    (lambda: tg.stack([]), tg.ShapeError, r"^stack: there is nothing to put together"),
    (
        lambda: tg.cat([Z(2, 3), Z(2, 4)]),
        tg.ShapeError,
        r"^cat: along dim 0, tensor 1 of shape \(2, 4\) does not fit the first of shape \(2, 3\)",
    ),
    (
        lambda: tg.cat([Z(2, 3), Z(2)], 1),
        tg.ShapeError,
        r"^cat: along dim 1, tensor 1 of shape \(2,\) does not fit the first of shape \(2, 3\)",
    ),
    (lambda: tg.cat([Z(2), tg.tensor(1.0)]), tg.ShapeError, r"^cat: "),
    (
        lambda: tg.cat([tg.tensor(1.0)]),
        tg.ShapeError,
        r"^cat: tensors of no axes cannot be put one behind the other: use stack",
    ),
    (lambda: tg.cat([Z(2, 3)], 2), tg.ShapeError, r"^cat: dim 2 is out of range for a tensor of 2 axes"),
    (lambda: tg.stack([Z(2), Z(3)]), tg.ShapeError, r"^stack: tensor 1 has shape \(3,\), the first \(2,\)"),
    (lambda: tg.stack([Z(2), Z(2)], 2), tg.ShapeError, r"^stack: dim 2 is out of range"),
    # indices
    (lambda: Z(2, 3)[5], tg.LabelError, r"^getitem: index 5 is out of bounds.*\(input of shape \(2, 3\)\)"),
    (lambda: Z(2, 3)[0, 0, 0], tg.LabelError, r"^getitem: too many indices.*\(input of shape \(2, 3\)\)"),
    (lambda: Z(3)[tg.tensor([True, False])], tg.LabelError, r"^getitem: .*\(input of shape \(3,\)\)"),
    (
        lambda: Z(3)[tg.tensor([0.0])],
        tg.DTypeError,
        r"^getitem: an index array must hold integers or booleans, got float32",
    ),
    (lambda: Z(3)["a"], tg.DTypeError, r"^getitem: 'a' is not an index"),
    (lambda: Z(3)[1.5], tg.DTypeError, r"^getitem: 1.5 is not an index"),
    (
        lambda: indexing.setitem(Z(3), slice(None), Z(2)),
        tg.ShapeError,
        r"^setitem: a value of shape \(2,\) does not fit the place, of shape \(3,\)",
    ),
    (
        lambda: indexing.setitem(Z(3), 7, 1.0),
        tg.LabelError,
        r"^setitem: index 7 is out of bounds.*\(input of shape \(3,\)\)",
    ),
    (
        lambda: Z(2, 3).gather(1, tg.tensor([0])),
        tg.ShapeError,
        r"^gather: index of shape \(1,\) does not fit input \(2, 3\) along dim 1",
    ),
    (
        lambda: Z(2, 3).gather(1, tg.tensor([[3]])),
        tg.LabelError,
        r"^gather: index 3 to 3 is out of range for size 3 of dim 1",
    ),
    (
        lambda: Z(2, 3).gather(1, tg.tensor([[-1]])),
        tg.LabelError,
        r"^gather: index -1 to -1 is out of range for size 3 of dim 1",
    ),
    (lambda: Z(2, 3).gather(1, tg.tensor([[0.0]])), tg.DTypeError, r"^gather: .*float32"),
    (lambda: Z(2, 3).gather(1, tg.tensor([[True]])), tg.DTypeError, r"^gather: .*bool"),
    (lambda: Z(2, 3).gather(1, tg.tensor(np.zeros((3, 1), np.int64))), tg.ShapeError, r"^gather: .*\(3, 1\).*\(2, 3\)"),
    # matrix products
    (
        lambda: Z(2, 3) @ Z(4, 2),
        tg.ShapeError,
        r"^matmul: shapes \(2, 3\) and \(4, 2\) do not fit: the last size of the first must be 4",
    ),
    (lambda: Z(3) @ Z(4), tg.ShapeError, r"^matmul: shapes \(3,\) and \(4,\) do not fit"),
    (lambda: tg.tensor(1.0) @ Z(3), tg.ShapeError, r"^matmul: shapes \(\) and \(3,\) do not fit"),
    (lambda: Z(3) @ tg.tensor(1.0), tg.ShapeError, r"^matmul: shapes \(3,\) and \(\) do not fit"),
    (
        lambda: Z(2, 2, 3) @ Z(4, 3, 2),
        tg.ShapeError,
        r"^matmul: the leading axes of \(2, 2, 3\) and \(4, 3, 2\) do not broadcast",
    ),
    (
        lambda: Z(2, 2) @ tg.zeros(2, 2, dtype=np.float64),
        tg.DTypeError,
        r"^matmul: the dtypes differ: input float32, other float64; cast one",
    ),
    (
        lambda: Z(2, 2) @ tg.tensor([[1, 2], [3, 4]]),
        tg.DTypeError,
        r"^matmul: other has dtype int64, it must be a float",
    ),
    (lambda: Z(2, 2) @ 2, (tg.DTypeError, tg.ShapeError), r"^matmul: "),
    (
        lambda: tg.linear(Z(2, 3), Z(4, 5)),
        tg.ShapeError,
        r"^linear: input \(2, 3\) has 3 features, weight \(4, 5\) takes 5$",
    ),
    (
        lambda: tg.linear(tg.tensor(1.0), Z(4, 5)),
        tg.ShapeError,
        r"^linear: input \(\) has no features, weight \(4, 5\) takes",
    ),
    (
        lambda: tg.linear(Z(2, 3), Z(4, 3), Z(3)),
        tg.ShapeError,
        r"^linear: bias has shape \(3,\), weight \(4, 3\) takes \(4,\)",
    ),
    (
        lambda: tg.linear(Z(2, 3), tg.zeros(4, 3, dtype=np.float64)),
        tg.DTypeError,
        r"^linear: the dtypes differ: input float32, weight float64",
    ),
    (lambda: tg.linear(Z(2, 3), Z(3)), tg.ShapeError, r"^linear: weight must be \(out, in\), got \(3,\)"),
    (lambda: tg.linear(Z(2, 3), None), tg.DTypeError, r"^linear: weight is None, not a tensor or an array"),
    (lambda: tg.matmul(Z(2, 3), [[1.0], [2.0], [3.0]]), tg.DTypeError, r"^matmul: other is a list, not a tensor"),
    # convolution
    (lambda: tg.conv2d([[1]], Z(1, 1, 3, 3)), tg.DTypeError, r"^conv2d: input is a list, not a tensor or an array$"),
    (lambda: tg.conv2d(Z(1, 1, 5, 5), Z(1, 1, 3, 3), 1.0), tg.DTypeError, r"^conv2d: bias is a float, not a tensor"),
    (lambda: tg.conv_transpose1d(Z(1, 1, 5), 3), tg.DTypeError, r"^conv_transpose1d: weight is an int, not a tensor"),
    (
        lambda: tg.conv2d(Z(1, 1, 5, 5), Z(1, 1, 0, 3)),
        tg.ShapeError,
        r"^conv2d: weight \(1, 1, 0, 3\) has an empty kernel, 0x3",
    ),
    (lambda: tg.conv_transpose1d(Z(1, 1, 5), Z(1, 1, 0)), tg.ShapeError, r"^conv_transpose1d: .*an empty kernel, 0"),
    (
        lambda: tg.conv2d(Z(1, 3, 5, 5), Z(1, 2, 3, 3)),
        tg.ShapeError,
        r"^conv2d: input \(1, 3, 5, 5\) has 3 channels, weight \(1, 2, 3, 3\) with groups=1 takes 2$",
    ),
    (
        lambda: tg.conv2d(Z(1, 4, 5, 5), Z(3, 2, 3, 3), groups=2),
        tg.ShapeError,
        r"^conv2d: groups=2 does not divide the 3 filters of weight \(3, 2, 3, 3\)",
    ),
    (
        lambda: tg.conv2d(Z(1, 3, 5, 5), Z(2, 2, 3, 3), groups=2),
        tg.ShapeError,
        r"^conv2d: input \(1, 3, 5, 5\) has 3 channels, weight \(2, 2, 3, 3\) with groups=2 takes 4$",
    ),
    (
        lambda: tg.conv2d(Z(1, 2, 5, 5), Z(2, 2, 3, 3), groups=0),
        tg.ShapeError,
        r"^conv2d: groups must be a positive int, got 0",
    ),
    (
        lambda: tg.conv2d(Z(1, 2, 5, 5), Z(2, 2, 3, 3), groups=1.0),
        tg.ShapeError,
        r"^conv2d: groups must be a positive int, got 1.0",
    ),
    (
        lambda: tg.conv2d(Z(1, 1, 2, 5), Z(1, 1, 3, 3)),
        tg.ShapeError,
        r"^conv2d: a 3x3 window \(dilation \(1, 1\)\) does not fit images of 2x5 with padding",
    ),
    (
        lambda: tg.conv2d(Z(1, 1, 5, 5), Z(1, 1, 3, 3), dilation=3),
        tg.ShapeError,
        r"^conv2d: a 3x3 window \(dilation \(3, 3\)\) does not fit images of 5x5",
    ),
    (
        lambda: tg.conv2d(Z(1, 1, 5, 5), Z(1, 1, 3, 3), stride=0),
        tg.ShapeError,
        r"^conv2d: stride must be at least 1, got 0",
    ),
    (
        lambda: tg.conv2d(Z(1, 1, 5, 5), Z(1, 1, 3, 3), stride=(1, 2, 3)),
        tg.ShapeError,
        r"^conv2d: stride must be an int or 2 ints, got \(1, 2, 3\)",
    ),
    (
        lambda: tg.conv2d(Z(1, 1, 5, 5), Z(1, 1, 3, 3), stride=1.5),
        tg.ShapeError,
        r"^conv2d: stride must be an int or 2 ints, got 1.5",
    ),
    (
        lambda: tg.conv2d(Z(1, 1, 5, 5), Z(1, 1, 3, 3), dilation=-1),
        tg.ShapeError,
        r"^conv2d: dilation must be at least 1, got -1",
    ),
    (
        lambda: tg.conv2d(Z(1, 1, 5, 5), Z(1, 1, 3, 3), padding=-1),
        tg.ShapeError,
        r"^conv2d: padding must be at least 0, got -1",
    ),
    (
        lambda: tg.conv2d(Z(1, 1, 5, 5), Z(1, 1, 3, 3), padding="full"),
        tg.ShapeError,
        r"^conv2d: padding must be a number, one for each axis, 'same' or 'valid', got 'full'",
    ),
    (
        lambda: tg.conv2d(Z(1, 1, 5, 5), Z(1, 1, 3, 3), padding="same", stride=2),
        tg.ShapeError,
        r"^conv2d: padding='same' needs stride 1, got \(2, 2\)",
    ),
    (
        lambda: tg.conv2d(Z(1, 1, 5, 5), Z(1, 1, 3, 3), Z(2)),
        tg.ShapeError,
        r"^conv2d: bias has shape \(2,\), weight \(1, 1, 3, 3\) takes \(1,\)",
    ),
    (
        lambda: tg.conv2d(Z(5, 5), Z(1, 1, 3, 3)),
        tg.ShapeError,
        r"^conv2d: input must be \(N, C, H, W\).*got input \(5, 5\) and weight \(1, 1, 3, 3\)",
    ),
    (
        lambda: tg.conv2d(Z(1, 1, 5, 5), Z(1, 3, 3)),
        tg.ShapeError,
        r"^conv2d: .*got input \(1, 1, 5, 5\) and weight \(1, 3, 3\)",
    ),
    (
        lambda: tg.conv2d(Z(1, 1, 5, 5), tg.zeros(1, 1, 3, 3, dtype=np.float64)),
        tg.DTypeError,
        r"^conv2d: the dtypes differ: input float32, weight float64; cast one of them",
    ),
    (
        lambda: tg.conv2d(tg.zeros(1, 1, 5, 5, dtype=np.uint8), Z(1, 1, 3, 3)),
        tg.DTypeError,
        r"^conv2d: input has dtype uint8, it must be a float",
    ),
    # pooling
    *[
        (lambda op=op: op([[1.0]], 1), tg.DTypeError, r"^\w+_pool2d: input is a list, not a tensor or an array")
        for op in (tg.max_pool2d, tg.avg_pool2d, tg.adaptive_avg_pool2d, tg.adaptive_max_pool2d)
    ],
    (
        lambda: tg.max_pool2d(Z(1, 1, 4, 4), 5),
        tg.ShapeError,
        r"^max_pool2d: a 5x5 window \(dilation \(1, 1\)\) does not fit images of 4x4 with padding \(0, 0\)",
    ),
    (lambda: tg.max_pool2d(Z(1, 1, 4, 4), 2, 0), tg.ShapeError, r"^max_pool2d: stride must be at least 1, got 0"),
    (lambda: tg.max_pool2d(Z(1, 1, 4, 4), 0), tg.ShapeError, r"^max_pool2d: kernel_size must be at least 1, got 0"),
    (
        lambda: tg.max_pool2d(Z(1, 1, 4, 4), 2, 1, 2),
        tg.ShapeError,
        r"^max_pool2d: padding \(2, 2\) is more than half of the window \(2, 2\)",
    ),
    (
        lambda: tg.max_pool2d(Z(1, 1, 4, 4), 2, padding=-1),
        tg.ShapeError,
        r"^max_pool2d: padding must be at least 0, got -1",
    ),
    (
        lambda: tg.max_pool2d(Z(1, 1, 4, 4), 2, dilation=0),
        tg.ShapeError,
        r"^max_pool2d: dilation must be at least 1, got 0",
    ),
    (lambda: tg.max_pool2d(Z(4, 4), 2), tg.ShapeError, r"^max_pool2d: input must be \(N, C, H, W\), got \(4, 4\)"),
    (lambda: tg.max_pool2d(tg.zeros(1, 1, 4, 4, dtype=np.bool_), 2), tg.DTypeError, r"^max_pool2d: .*bool"),
    # normalisation and loss
    (lambda: tg.layer_norm(Z(2, 3), (3,), eps=-1), tg.ShapeError, r"^layer_norm: eps must be at least 0, got -1"),
    (lambda: tg.rms_norm(Z(2, 3), (3,), eps=-0.1), tg.ShapeError, r"^rms_norm: eps must be at least 0, got -0.1"),
    (lambda: tg.group_norm(Z(2, 3), 1, eps=NAN), tg.ShapeError, r"^group_norm: eps must be at least 0, got nan"),
    (lambda: tg.instance_norm(Z(2, 3, 2), eps=-1), tg.ShapeError, r"^instance_norm: eps must be at least 0, got -1"),
    *[
        (lambda norm=norm, given=given: norm(given), tg.DTypeError, rf"^{name}: input is {told}, not a tensor")
        for name, norm in {
            "batch_norm": tg.native_batch_norm,
            "layer_norm": lambda x: tg.layer_norm(x, (3,)),
            "group_norm": lambda x: tg.group_norm(x, 1),
            "instance_norm": tg.instance_norm,
            "rms_norm": lambda x: tg.rms_norm(x, (3,)),
        }.items()
        for given, told in (([[1.0]], "a list"), (None, "None"), ("x", "a str"), (1.5, "a float"))
    ],
    (lambda: tg.layer_norm(Z(2, 3), (3,), [1.0]), tg.DTypeError, r"^layer_norm: weight is a list, not a tensor"),
    (lambda: tg.rms_norm(Z(2, 3), (3,), "w"), tg.DTypeError, r"^rms_norm: weight is a str, not a tensor"),
    (
        lambda: tg.instance_norm(Z(2, 3, 2), [0.0] * 3),
        tg.DTypeError,
        r"^instance_norm: running_mean is a list, not a tensor",
    ),
    # in place, and as a truth value
    (lambda: REPEATED.add_(1), tg.GradientError, r"^add_: .*broadcast view.*clone\(\) it first"),
    (lambda: REPEATED.zero_(), tg.GradientError, r"^fill_: .*broadcast view.*clone\(\) it first"),
    (lambda: bool(Z(2)), tg.ShapeError, r"^bool: .*shape \(2,\).*neither true nor false: reduce it to one value"),
    (
        lambda: tg.native_batch_norm(Z(3)),
        tg.ShapeError,
        r"^batch_norm: input must be \(N, C\) or \(N, C, ...\), got \(3,\)",
    ),
    (lambda: tg.native_batch_norm(Z(1, 3)), tg.ShapeError, r"^batch_norm: input \(1, 3\) has one value a channel"),
    (
        lambda: tg.native_batch_norm(Z(1, 3, 1, 1)),
        tg.ShapeError,
        r"^batch_norm: input \(1, 3, 1, 1\) has one value a channel",
    ),
    (
        lambda: tg.native_batch_norm(Z(2, 3), Z(2)),
        tg.ShapeError,
        r"^batch_norm: weight has shape \(2,\), input \(2, 3\) takes \(3,\)",
    ),
    (
        lambda: tg.native_batch_norm(Z(2, 3), None, Z(2)),
        tg.ShapeError,
        r"^batch_norm: bias has shape \(2,\), input \(2, 3\) takes \(3,\)",
    ),
    (
        lambda: tg.affine_channel(Z(3), Z(3)),
        tg.ShapeError,
        r"^affine_channel: input must be \(N, C\) or \(N, C, ...\), got \(3,\)",
    ),
    (
        lambda: tg.affine_channel(Z(2, 3), Z(2)),
        tg.ShapeError,
        r"^affine_channel: weight has shape \(2,\), input \(2, 3\) takes \(3,\)",
    ),
    (
        lambda: tg.affine_channel(Z(2, 3), Z(3), Z(1)),
        tg.ShapeError,
        r"^affine_channel: bias has shape \(1,\), input \(2, 3\) takes \(3,\)",
    ),
    (lambda: tg.native_batch_norm(tg.tensor([[1, 2]])), tg.DTypeError, r"^batch_norm: input has dtype int64"),
    (
        lambda: tg.cross_entropy(Z(2, 3), tg.tensor([0])),
        tg.ShapeError,
        r"^cross_entropy: input must be \(N, C\) and target \(N\), got \(2, 3\) and \(1,\)",
    ),
    (lambda: tg.cross_entropy(Z(3), tg.tensor([0])), tg.ShapeError, r"^cross_entropy: .*got \(3,\) and \(1,\)"),
    (
        lambda: tg.cross_entropy(tg.tensor([[1, 2]]), tg.tensor([0])),
        tg.DTypeError,
        r"^cross_entropy: input has dtype int64",
    ),
]


@pytest.mark.parametrize("number", range(len(ERRORS)))
def test_error_texts(number):
    call, error, text = ERRORS[number]
    with pytest.raises(error, match=text):
        call()


def test_operators_leave_unknown_types_to_python():
    class Unit:
        def __radd__(self, other):
            return "unit"

    assert Z(2) + Unit() == "unit"
    with pytest.raises(TypeError, match="unsupported operand"):
        Z(2) + object()
    with pytest.raises(TypeError, match=r"^add: a str is no operand"):
        Z(2) + "a"


@pytest.mark.skipif(np.dtype(np.longdouble).itemsize == 8, reason="long double is float64 here")
def test_long_doubles_are_refused():
    with pytest.raises(tg.DTypeError, match=f"^mul: other has dtype {np.dtype(np.longdouble)}"):
        Z(2) * np.ones(2, np.longdouble)


def test_errors_are_raised_before_anything_is_computed():
    """No primitive runs in a call that is refused."""

    class Refuse(Observer):
        def called(self, primitive, arrays, outputs, node):
            raise AssertionError(f"{primitive.name} was computed")

    with observing(Refuse()):
        for call, error, text in ERRORS:
            with pytest.raises(error, match=text):
                call()


# Norms of float32 inputs whose squares, or their inverses' powers in derivatives, leave float32


NORMS = {
    "batch_norm": lambda x, w, b, eps: tg.native_batch_norm(x, w, b, eps)[0],
    "instance_norm": lambda x, w, b, eps: tg.instance_norm(x, weight=w, bias=b, eps=eps),
    "group_norm": lambda x, w, b, eps: tg.group_norm(x, 3, w, b, eps),
    "layer_norm": lambda x, w, b, eps: tg.layer_norm(x.permute(0, 2, 1), (6,), w, b, eps).permute(0, 2, 1),
    "rms_norm": lambda x, w, b, eps: tg.rms_norm(x.permute(0, 2, 1), (6,), w, eps).permute(0, 2, 1),
}
SIZES = [1e-20, 1.0, 1e5, 1e6, 1e7, 1e8, 1e10, 1e13, 1e14, 1e16, 1e18, 1e19, 1e22, 1e30]
WANTS = [["input"], ["weight"], ["bias"], ["weight", "g"], ["bias", "g"], ["input", "weight", "bias", "g"]]


def slopes_of_three_orders(norm, eps, sizes, steps, wants, dtype):
    """Result and derivatives: those of `norm` times g, then of their products with `steps`, then again."""
    rng = np.random.default_rng(0)
    x, g = rng.standard_normal((2, 4, 6, 5)).astype(np.float32)
    w, b = rng.standard_normal((2, 6)).astype(np.float32)
    arrays = {"input": x * np.float32(sizes), "weight": w, "bias": b, "g": g * np.float32(1e-3)}
    tensors = {name: tg.tensor(a.astype(dtype), requires_grad=name in wants) for name, a in arrays.items()}
    leaves = [tensor for tensor in tensors.values() if tensor.requires_grad]
    *inputs, g = tensors.values()
    with np.errstate(all="raise", under="ignore"):
        out = norm(*inputs, eps)
    found, total = [out.data], (out * g).sum()
    for _ in range(3):
        if not total.requires_grad:
            break
        slopes = tg.grad(total, leaves, create_graph=True, allow_unused=True)
        found += [None if slope is None else slope.data for slope in slopes]
        total = tg.zeros((), dtype=dtype)
        for leaf, slope in zip(leaves, slopes, strict=True):
            step = rng.standard_normal(leaf.shape).astype(np.float32)
            if slope is not None:
                step = step * np.float32(steps) if leaf is inputs[0] else step
                with np.errstate(all="ignore"):
                    total = total + (slope * tg.tensor(step.astype(dtype))).sum()
    return found


def assert_near_float64(norm, eps, sizes, steps, wants):
    """Channel by channel, where float32 can express what comes out."""
    narrow, wide = (slopes_of_three_orders(norm, eps, sizes, steps, wants, dtype) for dtype in (np.float32, np.float64))
    for got, right in zip(narrow, wide, strict=True):
        assert (got is None) == (right is None)
        if right is None:
            continue
        assert got.dtype == np.float32
        channels = (0, 2) if right.ndim == 3 else ()
        size = abs(right).max(channels, keepdims=True)
        told = np.broadcast_to((size > 1e-34) & (size < 1e38), right.shape)
        np.testing.assert_array_less((abs(got - right) / np.maximum(size, 1e-300))[told], 1e-4)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", NORMS)
def test_derivatives_of_norms_at_any_scale(name, size):
    """Three orders, by steps of the input's size and of size 1."""
    for wants, steps in itertools.product(WANTS, (1.0, size)):
        assert_near_float64(NORMS[name], 1e-5, size, steps, wants)


@pytest.mark.parametrize("name", NORMS)
def test_derivatives_of_norms_of_channels_of_many_scales(name):
    sizes = np.array([1.0, 1e20, 1e-3, 1e9, 1e30, 1e14])[:, None]
    for wants in WANTS:
        assert_near_float64(NORMS[name], 1e-5, sizes, sizes, wants)


@pytest.mark.parametrize("size", [1e-25, 1e-20, 1e-15, 1e-10, 1e-8, 1e-7, 1e-6])
@pytest.mark.parametrize("name", NORMS)
def test_derivatives_of_norms_of_small_inputs_without_eps(name, size):
    for wants, steps in itertools.product(WANTS, (1.0, size)):
        assert_near_float64(NORMS[name], 0.0, size, steps, wants)


def test_statistics_of_large_float32_channels():
    """They are float32, infinite beyond it, and differentiable like the result."""
    x = random(4, 3, 5).astype(np.float32) * np.float32([[1], [1e15], [1e20]])
    slopes = []
    for dtype in (np.float32, np.float64):
        leaves = [leaf(x, dtype)]
        with np.errstate(all="raise", under="ignore"):
            out, mean, var = tg.native_batch_norm(*leaves)
        assert out.dtype == mean.dtype == var.dtype == dtype
        np.testing.assert_allclose(mean.data, x.mean((0, 2), dtype=np.float64), rtol=1e-6)
        np.testing.assert_allclose(var.data[:2], x.var((0, 2), dtype=np.float64)[:2], rtol=1e-6)
        assert np.isinf(var.data[2]) == (dtype == np.float32)
        g_mean, g_var = (tg.tensor(np.asarray(values, dtype)) for values in ([1, 2, 3], [1e-3, 1e-12, 1e-15]))
        slopes.append(tg.grad([mean, var], leaves, [g_mean, g_var], create_graph=True)[0])
        slopes.append(tg.grad((slopes[-1][:, 1] ** 2).sum(), leaves)[0])
    for got, right in zip(slopes[:2], slopes[2:], strict=True):
        np.testing.assert_allclose(got.data, right.data, rtol=1e-5, atol=1e-6 * abs(right.data).max((0, 2)).min())


@pytest.mark.parametrize("name", NORMS)
def test_norms_of_plain_large_arrays(name):
    """No tensor, no record: arrays come back, and an observer sees no first try that was given up."""
    x, w, b = (random(*shape).astype(np.float32) for shape in ((4, 6, 5), (6,), (6,)))
    plain = {"layer_norm": lambda x: tg.layer_norm(x, (5,)), "rms_norm": lambda x: tg.rms_norm(x, (5,))}
    norm = plain.get(name, lambda x: NORMS[name](x, w, b, 1e-5))
    with np.errstate(all="raise", under="ignore"):
        out = norm(x * np.float32(1e20))
    assert type(out) is np.ndarray
    assert out.dtype == np.float32
    np.testing.assert_allclose(out, norm(x), atol=1e-4)
    seen = []

    class Watch(Observer):
        def called(self, primitive, arrays, outputs, node):
            seen.append((primitive.name, outputs[0].dtype))

    with observing(Watch()):
        norm(leaf(x * np.float32(1e20), np.float32))
    norms = [dtype for called, dtype in seen if called.endswith("norm")]
    assert norms == [np.float64]


@pytest.mark.parametrize("name", NORMS)
@pytest.mark.parametrize("bad", [NAN, INF])
def test_norms_of_what_is_not_finite(name, bad):
    """The row or channel is nan, the others are as ever."""
    x = random(4, 6, 5).astype(np.float32)
    right = NORMS[name](leaf(x, np.float32), None, None, 1e-5).data
    x[1, 2, 3] = bad
    with np.errstate(invalid="ignore"):
        out = NORMS[name](leaf(x, np.float32), None, None, 1e-5).data
    assert np.isnan(out[1, 2, 3])
    np.testing.assert_allclose(out[0, 0], right[0, 0], atol=1e-6)


@pytest.mark.parametrize(
    "function, shape",
    [
        (lambda x: tg.layer_norm(x, (0,)), (3, 0)),
        (lambda x: tg.layer_norm(x, (5, 0)), (3, 5, 0)),
        (lambda x: tg.group_norm(x, 1), (3, 0)),
        (lambda x: tg.group_norm(x, 1), (3, 0, 4, 4)),
        (lambda x: tg.instance_norm(x), (3, 0, 4, 4)),
        (lambda x: tg.native_batch_norm(x, None, None)[0], (4, 3, 0)),
        (lambda x: tg.native_batch_norm(x, None, None)[0], (4, 3, 2, 0)),
        (lambda x: tg.affine_channel(x, tg.ones(2), tg.ones(2)), (2, 2, 0)),
        (lambda x: tg.gather(x, 0, np.zeros((32, 0), np.int64)), (1, 0)),
        (lambda x: tg.scatter_add(x, 0, np.zeros((3, 0), np.int64), tg.zeros(3, 0)), (2, 0)),
        (lambda x: tg.embedding(np.zeros(3, np.int64), x), (5, 0)),
    ],
)
def test_T21_gradients_of_nothing(function, shape):
    x = tg.zeros(*shape).requires_grad_(True)
    function(x).sum().backward()
    assert x.grad.shape == shape


@pytest.mark.parametrize(
    "dtype, rows", [("i1", 100), ("u1", 200), ("i2", 5000), ("u2", 40000), (">i8", 99), ("u8", 99)]
)
def test_the_gradient_of_embedding_with_indices_of_any_integer_type(dtype, rows):
    rng = np.random.default_rng(0)
    index, g = rng.integers(0, rows, 40000).astype(dtype), rng.standard_normal((40000, 8))
    weight = leaf(np.zeros((rows, 8)))
    tg.embedding(index, weight).backward(tg.tensor(g))
    expected = np.zeros((rows, 8))
    np.add.at(expected, index.astype(np.int64), g)
    np.testing.assert_allclose(weight.grad.data, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("images", [256, 512])
def test_batch_norm_in_float16_has_one_gradient_with_and_without_a_graph_T17(images):
    """Where sums over the batch are more than float16 holds."""
    rng = np.random.default_rng(0)
    x = leaf(rng.standard_normal((images, 1, 16, 16)), np.float16)
    g = tg.tensor(np.abs(rng.standard_normal(x.shape)).astype(np.float16))
    out = tg.native_batch_norm(x, None, None)[0]
    plain, recorded = (tg.grad(out, x, g, retain_graph=True, create_graph=graph)[0].data for graph in (False, True))
    np.testing.assert_allclose(recorded, plain, rtol=0, atol=2e-3)
    assert abs(recorded.astype(np.float64).mean()) < 1e-3


@pytest.mark.parametrize("is_frozen", [False, True])
def test_batch_norm_far_from_0_has_one_weight_gradient_with_and_without_a_graph(is_frozen):
    """All of g has one sign, so that what rounding takes from the mean counts; against float64."""
    rng = np.random.default_rng(0)
    values, scale = 1e4 + rng.standard_normal((16, 4, 16, 16)), rng.standard_normal(4)
    cotangent = np.abs(rng.standard_normal(values.shape))

    def gradient(dtype, **options):
        x = tg.tensor(values.astype(np.float32).astype(dtype), requires_grad=not is_frozen)
        weight = leaf(scale, dtype)
        out = tg.native_batch_norm(x, weight, None)[0]
        return tg.grad(out, weight, tg.tensor(cotangent.astype(dtype)), **options)[0].data

    expected = gradient(np.float64)
    for options in ({}, {"create_graph": True}):
        np.testing.assert_allclose(gradient(np.float32, **options), expected, rtol=0, atol=2e-6 * abs(expected).max())
