"""Convolution, pooling, padding, folding and resizing: corners, identities and errors. Values are in `op_table`."""

import itertools
import re

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.check import gradcheck, gradgradcheck
from tensorgrad.ops import conv, pool
from tests import naive

INF, NAN = np.inf, np.nan
RANKS = pytest.mark.parametrize("rank", [1, 2, 3])
SPACE = {1: (7,), 2: (5, 6), 3: (4, 3, 5)}


def normal(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def leaf(array):
    return tg.tensor(array, requires_grad=True)


def f(name, rank):
    return getattr(tg, f"{name}{rank}d")


# Every public function with arguments that fit images of SPACE with 2 channels


def calls(rank):
    weight = tg.tensor(normal(2, 2, *[2] * rank, seed=1))
    return {
        "conv": lambda x: f("conv", rank)(x, weight, stride=2, padding=1),
        "conv_transpose": lambda x: f("conv_transpose", rank)(x, weight, stride=2, output_padding=1),
        "max_pool": lambda x: f("max_pool", rank)(x, 2, 1, 1),
        "max_pool with indices": lambda x: f("max_pool", rank)(x, 2, return_indices=True)[1],
        "avg_pool": lambda x: f("avg_pool", rank)(x, 3, 2, 1, True, False),
        "adaptive_avg_pool": lambda x: f("adaptive_avg_pool", rank)(x, 2),
        "adaptive_max_pool": lambda x: f("adaptive_max_pool", rank)(x, (2,) * rank),
        "adaptive_max_pool with indices": lambda x: f("adaptive_max_pool", rank)(x, 3, True)[1],
    }


@RANKS
@pytest.mark.parametrize("name", calls(1))
def test_an_image_without_a_batch_is_a_batch_of_one(rank, name):
    x = normal(2, *SPACE[rank])
    call = calls(rank)[name]
    np.testing.assert_array_equal(call(tg.tensor(x)).data, call(tg.tensor(x[None])).data[0])
    if call(leaf(x)).requires_grad:
        assert gradcheck(lambda x: (call(x),), [leaf(x)], max_elements=30)


@RANKS
@pytest.mark.parametrize("name", [n for n in calls(1) if "indices" not in n])
def test_empty_batches_T21(rank, name):
    x = leaf(np.zeros((0, 2, *SPACE[rank])))
    out = calls(rank)[name](x)
    assert out.shape == (0, *calls(rank)[name](tg.tensor(normal(1, 2, *SPACE[rank]))).shape[1:])
    (gx,) = tg.grad(out, x, tg.ones_like(out))
    assert gx.shape == x.shape


@RANKS
@pytest.mark.parametrize("name", ["conv", "conv_transpose"])
def test_weights_get_zeros_from_an_empty_batch_T21(rank, name):
    x, w, b = leaf(np.zeros((0, 2, *SPACE[rank]))), leaf(normal(2, 2, *[2] * rank)), leaf(normal(2))
    out = f(name, rank)(x, w, b)
    for g, t in zip(tg.grad(out, [w, b], tg.ones_like(out)), (w, b), strict=True):
        np.testing.assert_array_equal(g.data, np.zeros(t.shape))


@pytest.mark.parametrize("call", ["pad", "unfold", "fold", "interpolate"])
def test_other_empty_batches_T21(call):
    x, out = {
        "pad": lambda x: (x, tg.pad(x, (1, 1, 2, 0), "reflect")),
        "unfold": lambda x: (x, tg.unfold(x, 2)),
        "fold": lambda x: (x[:, :1, 0].reshape(0, 4, 12), tg.fold(tg.zeros(0, 4, 12, dtype=tg.float64), (5, 4), 2)),
        "interpolate": lambda x: (x, tg.interpolate(x, 7, mode="bilinear")),
    }[call](leaf(np.zeros((0, 2, 5, 4))))
    assert out.shape[0] == x.shape[0] == 0
    assert out.shape[1:] == {"pad": (2, 7, 6), "unfold": (8, 12), "fold": (1, 5, 4), "interpolate": (2, 7, 7)}[call]


def test_primitives_are_named_after_their_rank():
    x = leaf(normal(1, 2, 4, 4, 4))
    w = leaf(normal(2, 2, 2, 2, 2))
    assert tg.conv3d(x, w).grad_fn.name == "conv3d"
    assert tg.conv_transpose3d(x, w).grad_fn.name == "conv_transpose3d"
    assert tg.avg_pool3d(x, 2).grad_fn.name == "avg_pool3d"
    assert tg.max_pool1d(x[0, 0], 2).grad_fn.name == "max_pool1d"
    assert tg.adaptive_max_pool2d(x[0], 1).grad_fn.name == "adaptive_max_pool2d"
    assert conv.conv3d_input_grad.name == "conv3d_input_grad"
    assert pool.avg_pool1d_adjoint.name == "avg_pool1d_adjoint"


# Transposed convolution


@pytest.mark.parametrize("kernel, dilation, padding", [*itertools.product([1, 2, 3], [1, 2], [0, 1])])
def test_conv_transpose_recovers_every_size_by_output_padding_T28(kernel, dilation, padding):
    """Of the sizes that a strided convolution maps to one, output_padding says which."""
    w1, w2 = tg.tensor(normal(3, 2, kernel)), tg.tensor(normal(3, 2, kernel, kernel))
    found = set()
    for stride, size in itertools.product([1, 2, 3, 4], range(5, 17)):
        y = tg.conv1d(tg.tensor(normal(1, 2, size)), w1, None, stride, padding, dilation)
        extra = (size + 2 * padding - dilation * (kernel - 1) - 1) % stride
        x = tg.conv_transpose1d(y, w1, None, stride, padding, extra, 1, dilation)
        assert x.shape == (1, 2, size)
        found.add((stride, extra))
        y = tg.conv2d(tg.tensor(normal(1, 2, size, 9)), w2, None, (stride, 1), padding, dilation)
        x = tg.conv_transpose2d(y, w2, None, (stride, 1), padding, (extra, 0), 1, dilation)
        assert x.shape == (1, 2, size, 9)
    assert found == {(s, e) for s in [1, 2, 3, 4] for e in range(s)}


@RANKS
@pytest.mark.parametrize("groups", [1, 2])
def test_conv_transpose_is_the_adjoint_of_conv(rank, groups):
    """The sum of conv(x) * y equals that of x * conv_transpose(y), with one weight."""
    x, w = normal(2, 4, *SPACE[rank]), normal(4, 4 // groups, *[2] * rank, seed=1)
    y = f("conv", rank)(tg.tensor(x), tg.tensor(w), None, 2, 1, 1, groups)
    extra = tuple((n + 2 - 2) % 2 for n in SPACE[rank])
    g = normal(*y.shape, seed=2)
    back = f("conv_transpose", rank)(tg.tensor(g), tg.tensor(w), None, 2, 1, extra, groups)
    np.testing.assert_allclose((y.data * g).sum(), (x * back.data).sum(), rtol=1e-12)


def test_output_padding_of_a_whole_stride_and_more_under_dilation():
    """PyTorch's limit is the stride or the dilation: so output padding may hold several strides."""
    x, w, b = leaf(normal(2, 2, 3)), leaf(normal(2, 2, 2)), leaf(normal(2))
    for stride, extra in itertools.product([1, 2], [0, 1, 2, 3, 4]):

        def call(x, w, b, stride=stride, extra=extra):
            return (tg.conv_transpose1d(x, w, b, stride, 1, extra, 1, 5),)

        (out,) = call(x, w, b)
        size = (3 - 1) * stride - 2 + 5 + extra + 1
        pads = ((1, 1),)
        right = naive.conv_input_grad(x.data, w.data, (2, 2, size), (stride,), pads, (5,), 1) + b.data[:, None]
        np.testing.assert_allclose(out.data, right, rtol=1e-12, atol=1e-12)
        assert gradcheck(call, [x, w, b])
        assert gradgradcheck(call, [x, w, b])


def test_asymmetric_padding_same_with_even_kernels():
    """The larger half goes behind: a filter that reads its second place shifts the sequence to the left."""
    x = tg.tensor([[[1.0, 2, 3, 4]]])
    w = tg.tensor([[[0.0, 0, 1, 0]]])
    np.testing.assert_array_equal(tg.conv1d(x, w, padding="same").data, [[[2, 3, 4, 0]]])
    np.testing.assert_array_equal(tg.conv1d(x, w[:, :, 1:3], padding="same").data, [[[2, 3, 4, 0]]])


# Pooling


SIDES = [((1, 0),), ((1, 0), (0, 2)), ((0, 3), (2, 1), (1, 0))]


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_a_pair_of_padding_for_each_axis_is_padding_by_hand(rank):
    width = [n for pair in reversed(SIDES[rank - 1]) for n in pair]
    x, w = normal(2, 4, *(5, 6, 4)[:rank]), normal(6, 2, *(3, 2, 2)[:rank], seed=1)
    results = []
    for pad in (lambda t: (t, SIDES[rank - 1]), lambda t: (tg.pad(t, width), 0)):
        leaves = leaf(x), leaf(w)
        padded, padding = pad(leaves[0])
        out = f("conv", rank)(padded, leaves[1], stride=2, padding=padding, groups=2)
        (out * tg.tensor(normal(*out.shape, seed=2))).sum().backward()
        results.append([out.data, *(t.grad.data for t in leaves)])
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_a_pair_of_padding_is_cut_off_a_transposed_convolution(rank):
    sides = SIDES[rank - 1]
    x, w = normal(2, 4, *(5, 6, 4)[:rank]), normal(4, 3, *(3, 2, 2)[:rank], seed=1)
    rest = (..., *(slice(before, -after or None) for before, after in sides))
    results = []
    for padding, cut in ((sides, ...), (0, rest)):
        leaves = leaf(x), leaf(w)
        out = f("conv_transpose", rank)(*leaves, stride=2, padding=padding, output_padding=1)[cut]
        (out * tg.tensor(normal(*out.shape, seed=2))).sum().backward()
        results.append([out.data, *(t.grad.data for t in leaves)])
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)


def test_average_counts():
    x = tg.tensor([[[6.0, 12, 18]]])
    assert tg.avg_pool1d(x, 2, 1, 1).tolist() == [[[3, 9, 15, 9]]]
    assert tg.avg_pool1d(x, 2, 1, 1, count_include_pad=False).tolist() == [[[6, 9, 15, 18]]]
    assert tg.avg_pool1d(x, 2, ceil_mode=True).tolist() == [[[9, 18]]]  # what hangs over the end does not count
    assert tg.avg_pool1d(x, 3, 2, 1, ceil_mode=True).tolist() == [[[6, 10]]]
    assert tg.avg_pool2d(x, (1, 2), (1, 1), divisor_override=3).tolist() == [[[6, 10]]]


def test_averages_in_float16_sum_in_float32_T17():
    x = np.full((1, 1, 300, 300), 3.0, np.float16)  # the sum, 270,000, is beyond float16
    for out in (tg.avg_pool2d(tg.tensor(x), 300), tg.adaptive_avg_pool2d(tg.tensor(x), 1)):
        assert out.dtype == np.float16
        assert out.item() == 3
    tenth = np.float16(0.1)
    folded = tg.fold(tg.tensor(np.full((1, 50, 50), tenth)), (1, 99), (1, 50))
    assert folded.data[0, 0, 0, 49] == np.float16(50 * float(tenth))  # added up in float16: 5.01 for 5


def test_averages_of_large_maps_keep_float32s_digits():
    x = np.random.default_rng(0).random((2, 3, 224, 224), np.float32)
    right = x.astype(np.float64).mean((2, 3), keepdims=True)
    np.testing.assert_allclose(tg.adaptive_avg_pool2d(tg.tensor(x), 1).data, right, rtol=2e-6)
    np.testing.assert_allclose(tg.avg_pool2d(tg.tensor(x), 224).data, right, rtol=2e-6)


@pytest.mark.parametrize("odd", [INF, -INF, NAN])
def test_what_is_not_finite_stays_where_it_is(odd):
    x = np.ones((1, 1, 6, 6))
    x[0, 0, 2, 3] = odd
    for call, reach in [
        (lambda t: tg.avg_pool2d(t, 2), {(1, 1)}),
        (lambda t: tg.adaptive_avg_pool2d(t, 3), {(1, 1)}),
        (lambda t: tg.interpolate(t, 3), set()),  # nearest reads the even pixels
        (lambda t: tg.interpolate(t, 6), {(2, 3)}),
        (lambda t: tg.pad(t, (1, 1, 1, 1), "reflect"), {(3, 4)}),
        (lambda t: tg.pad(t, (3, 0), "circular"), {(2, 6), (2, 0)}),
        (lambda t: tg.fold(tg.unfold(t, 2, stride=2), 6, 2, stride=2), {(2, 3)}),
    ]:
        out = call(tg.tensor(x)).data[0, 0]
        assert {(int(i), int(j)) for i, j in np.argwhere(~np.isfinite(out))} == reach
        leaf_ = leaf(np.ones_like(x))
        g = np.ones((1, 1, *out.shape))
        g[0, 0, 0, 0] = odd
        (gx,) = tg.grad(call(leaf_), leaf_, tg.tensor(g))
        assert 1 <= (~np.isfinite(gx.data)).sum() <= 4


def test_adaptive_max_pool_ties_and_nan_T24():
    x = leaf(np.array([[[2.0, 2, 1, NAN, 5, NAN, 7]]]))
    values, indices = tg.adaptive_max_pool1d(x, 3, return_indices=True)
    np.testing.assert_array_equal(values.data, [[[2, NAN, NAN]]])
    np.testing.assert_array_equal(indices.data, [[[0, 3, 5]]])
    tied = leaf(np.zeros((1, 1, 4, 4)))
    values, indices = tg.adaptive_max_pool2d(tied, 2, True)
    np.testing.assert_array_equal(indices.data, [[[[0, 2], [8, 10]]]])
    (g,) = tg.grad(values.sum(), tied)
    assert g.data.sum() == 4
    empty = tg.adaptive_max_pool1d(tg.tensor(np.full((1, 1, 4), -INF)), 2, True)
    np.testing.assert_array_equal(empty[1].data, [[[0, 2]]])


def test_shared_pixels_get_a_share_from_each_window_T23():
    """Windows of 5 pixels made 3: 0-1, 1-3, 3-4; a pixel that wins two windows gets both gradients."""
    x = leaf(np.array([[[1.0, 5, 2, 6, 3]]]))
    values, indices = tg.adaptive_max_pool1d(x, 3, True)
    np.testing.assert_array_equal(indices.data, [[[1, 3, 3]]])
    (g,) = tg.grad(values, x, tg.tensor(np.array([[[1.0, 10, 100]]])))
    np.testing.assert_array_equal(g.data, [[[0, 1, 0, 110, 0]]])
    (g,) = tg.grad(tg.adaptive_avg_pool1d(x, 3), x, tg.tensor(np.array([[[2.0, 30, 200]]])))
    np.testing.assert_array_equal(g.data, [[[1, 11, 10, 110, 100]]])


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.uint8])
def test_integers(dtype):
    x = np.arange(12, dtype=dtype).reshape(1, 1, 3, 4)
    assert tg.max_pool2d(tg.tensor(x), 2).dtype == dtype
    values = tg.adaptive_max_pool2d(tg.tensor(x), (3, 1))
    np.testing.assert_array_equal(values.data, [[[[3], [7], [11]]]])
    padded = tg.pad(tg.tensor(x), (1, 0, 0, 1), value=7)
    np.testing.assert_array_equal(padded.data, np.pad(x, [(0, 0), (0, 0), (0, 1), (1, 0)], constant_values=7))
    assert padded.dtype == tg.pad(tg.tensor(x), (1, 1), "replicate").dtype == dtype
    assert tg.interpolate(tg.tensor(x), 2).tolist() == [[[[0, 2], [4, 6]]]]


def test_adaptive_pooling_to_no_pixels():
    x = leaf(normal(2, 3, 4, 5))
    for out in (tg.adaptive_avg_pool2d(x, 0), tg.adaptive_max_pool2d(x, (0, 2))):
        assert out.data.size == 0
        np.testing.assert_array_equal(tg.grad(out.sum(), x)[0].data, np.zeros(x.shape))


# Padding, folding, resizing


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_padding_gives_all_of_the_gradient_back_T25b(mode):
    for before, after in itertools.product([0, 1, 3], [0, 2, 3]):
        x = leaf(normal(2, 4, 4))
        out = tg.pad(x, (before, after, after, before), mode)
        g = normal(*out.shape, seed=1)
        (gx,) = tg.grad(out, x, tg.tensor(g))
        np.testing.assert_allclose(gx.data.sum((1, 2)), g.sum((1, 2)), rtol=1e-12)
        widths = ((0, 0), (after, before), (before, after))
        name = {"replicate": "edge", "circular": "wrap"}.get(mode, mode)
        np.testing.assert_array_equal(out.data, np.pad(x.data, widths, mode=name))


def test_fold_of_unfold_counts_windows():
    x = normal(2, 3, 6, 5)
    params = {"kernel_size": (3, 2), "dilation": (1, 2), "padding": (1, 0), "stride": (2, 1)}
    there_and_back = [tg.fold(tg.unfold(tg.tensor(a), **params), (6, 5), **params).data for a in (x, np.ones_like(x))]
    np.testing.assert_allclose(there_and_back[0], x * there_and_back[1], rtol=1e-13)


def test_a_convolution_is_filters_times_columns():
    x, w = tg.tensor(normal(2, 3, 6, 5)), tg.tensor(normal(4, 3, 3, 2, seed=1))
    columns = tg.unfold(x, (3, 2), dilation=(1, 2), padding=1, stride=2)
    right = tg.conv2d(x, w, stride=2, padding=1, dilation=(1, 2))
    np.testing.assert_allclose((w.reshape(4, -1) @ columns).data.reshape(right.shape), right.data, rtol=1e-12)


@pytest.mark.parametrize("align_corners", [False, True])
def test_bilinear_resizing_keeps_straight_lines(align_corners):
    line = np.arange(5.0) * 3 - 2
    out = tg.interpolate(tg.tensor(line.reshape(1, 1, 5)), 9, mode="linear", align_corners=align_corners).data[0, 0]
    place = np.arange(9) / 2 if align_corners else np.clip((np.arange(9) + 0.5) * 5 / 9 - 0.5, 0, 4)
    np.testing.assert_allclose(out, place * 3 - 2, rtol=1e-12)


def test_a_scale_factor_is_the_step_unless_recomputed():
    x = tg.tensor(np.arange(5.0).reshape(1, 1, 5))
    assert tg.interpolate(x, scale_factor=1.5).tolist() == [[[0, 0, 1, 2, 2, 3, 4]]]
    assert tg.interpolate(x, scale_factor=1.5, recompute_scale_factor=True).tolist() == [[[0, 0, 1, 2, 2, 3, 4]]]
    assert tg.interpolate(x, scale_factor=2.3).tolist() == [[[0, 0, 0, 1, 1, 2, 2, 3, 3, 3, 4]]]
    assert tg.interpolate(x, scale_factor=2.3, recompute_scale_factor=True).tolist() == [
        [[0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4]]
    ]


@pytest.mark.parametrize("mode", ["linear", "bilinear", "trilinear", "nearest"])
def test_a_scale_factor_that_keeps_the_size_copies(mode):
    x = leaf(normal(2, 1, *(5, 4, 3)[: {"linear": 1, "trilinear": 3}.get(mode, 2)]))
    out = tg.interpolate(x, scale_factor=1.15, mode=mode)
    np.testing.assert_array_equal(out.data, x.data)
    (out * x.data).sum().backward()
    np.testing.assert_array_equal(x.grad.data, x.data)


def test_a_scale_factor_that_doubles_nearest_images_repeats_each_pixel():
    x = tg.tensor(normal(1, 1, 17, 9))
    out = tg.interpolate(x, scale_factor=(2.02, 1.02))
    np.testing.assert_array_equal(out.data, x.data.repeat(2, axis=2))


@pytest.mark.parametrize(
    "call",
    [
        lambda x: tg.pad(x, (0, 0)),
        lambda x: tg.pad(x, ()),
        lambda x: tg.pad(x, (0, 0), "reflect"),
        lambda x: tg.interpolate(x, (4, 5)),
        lambda x: tg.interpolate(x, (4, 5), mode="bilinear"),
        lambda x: tg.unfold(x, 1),
        lambda x: tg.avg_pool2d(x, 1),
        lambda x: tg.adaptive_avg_pool2d(x, None),
        lambda x: tg.adaptive_max_pool2d(x, None),
        lambda x: tg.max_pool2d(x, 1),
    ],
)
def test_results_are_writable_memory_of_their_own(call):
    x = tg.tensor(normal(1, 2, 4, 5))
    out = call(x)
    np.testing.assert_array_equal(out.data.reshape(x.shape), x.data)
    assert out.data.flags.writeable
    assert not np.shares_memory(out.data, x.data)


# Errors: raised before anything is computed, with the name and both values


def Z(*shape, dtype=np.float32):
    return tg.zeros(*shape, dtype=dtype)


ERRORS = [
    (
        lambda: tg.conv1d(Z(1, 3, 5), Z(1, 2, 3)),
        "conv1d: input (1, 3, 5) has 3 channels, weight (1, 2, 3) with groups=1 takes 2",
    ),
    (
        lambda: tg.conv3d(Z(5, 5), Z(1, 2, 3)),
        "conv3d: input must be (N, C, D, H, W) and weight (O, C/groups, ...), got input (5, 5) and weight (1, 2, 3)",
    ),
    (
        lambda: tg.conv3d(Z(1, 1, 2, 5, 5), Z(1, 1, 3, 3, 3)),
        "conv3d: a 3x3x3 window (dilation (1, 1, 1)) does not fit images of 2x5x5",
    ),
    (
        lambda: tg.conv_transpose2d(Z(1, 3, 5, 5), Z(2, 1, 3, 3)),
        "conv_transpose2d: input (1, 3, 5, 5) has 3 channels, weight (2, 1, 3, 3) takes 2",
    ),
    (
        lambda: tg.conv_transpose1d(Z(5), Z(2, 1, 3)),
        "conv_transpose1d: input must be (N, C, W) and weight (C, O/groups, ...), got input (5,) and weight (2, 1, 3)",
    ),
    (
        lambda: tg.conv_transpose1d(Z(1, 3, 5), Z(3, 1, 3), groups=2),
        "conv_transpose1d: groups=2 does not divide the 3 channels of input (1, 3, 5)",
    ),
    (
        lambda: tg.conv_transpose1d(Z(1, 3, 5), Z(3, 1, 3), groups=0),
        "conv_transpose1d: groups must be a positive int, got 0",
    ),
    (
        lambda: tg.conv_transpose1d(Z(1, 2, 5), Z(2, 3, 3), Z(3), groups=2),
        "conv_transpose1d: bias has shape (3,), weight (2, 3, 3) takes (6,)",
    ),
    (
        lambda: tg.conv_transpose1d(Z(1, 2, 5), Z(2, 3, 3), None, 2, 0, 2),
        "conv_transpose1d: output_padding (2,) must be smaller than stride (2,) or dilation (1,)",
    ),
    (
        lambda: tg.conv_transpose1d(Z(1, 2, 5), Z(2, 3, 3), None, 2, 0, -1),
        "conv_transpose1d: output_padding must be at least 0, got -1",
    ),
    (
        lambda: tg.conv_transpose1d(Z(1, 2, 2), Z(2, 3, 1), None, 1, 1),
        "conv_transpose1d: a 1 window (dilation (1,)) with stride (1,), padding ((1, 1),) and output_padding (0,) "
        "makes 0 of images of 2",
    ),
    (
        lambda: tg.conv2d(Z(1, 2, 5, 5), Z(3, 2, 3, 3), padding=((1, 0),)),
        "conv2d: padding must be a pair (before, after) for each of 2 axes, got ((1, 0),)",
    ),
    (
        lambda: tg.conv2d(Z(1, 2, 5, 5), Z(3, 2, 3, 3), padding=((1, 0), 1)),
        "conv2d: padding must be a pair (before, after) for each of 2 axes, got ((1, 0), 1)",
    ),
    (
        lambda: tg.conv2d(Z(1, 2, 5, 5), Z(3, 2, 3, 3), padding=((1, 0), (0, -1))),
        "conv2d: padding[1] must be at least 0, got (0, -1)",
    ),
    (
        lambda: tg.conv2d(Z(1, 2, 5, 5), Z(3, 2, 3, 3), padding=((1.0, 0), (0, 1))),
        "conv2d: padding[0] must be an int or 2 ints, got (1.0, 0)",
    ),
    (
        lambda: tg.conv_transpose2d(Z(1, 2, 5, 5), Z(2, 3, 3, 3), padding=((1, 0), (0, -1))),
        "conv_transpose2d: padding[1] must be at least 0, got (0, -1)",
    ),
    (
        lambda: tg.conv2d(Z(1, 2, 5, 5), Z(3, 2, 3, 3), padding=np.array([1, 0])),
        "conv2d: padding must be an int or 2 ints, got array([1, 0])",
    ),
    (
        lambda: tg.conv1d(Z(1, 2, 5), Z(3, 2, 3), padding=((1, -1),)),
        "conv1d: padding[0] must be at least 0, got (1, -1)",
    ),
    (
        lambda: tg.conv_transpose1d(Z(1, 2, 5), Z(2, 3, 3), padding="same"),
        "conv_transpose1d: padding must be an int or 1 ints, got 'same'",
    ),
    (
        lambda: tg.conv_transpose1d(Z(1, 2, 5), Z(2, 3, 3, dtype=np.float64)),
        "conv_transpose1d: the dtypes differ: input float32, weight float64",
    ),
    (
        lambda: tg.max_pool1d(Z(1, 1, 4), 5),
        "max_pool1d: a 5 window (dilation (1,)) does not fit images of 4 with padding (0,)",
    ),
    (lambda: tg.max_pool3d(Z(4, 4), 2), "max_pool3d: input must be (N, C, D, H, W), got (4, 4)"),
    (
        lambda: tg.avg_pool2d(Z(1, 1, 4, 4), 2, padding=2),
        "avg_pool2d: padding (2, 2) is more than half of the window (2, 2)",
    ),
    (
        lambda: tg.avg_pool2d(Z(1, 1, 4, 4), 5),
        "avg_pool2d: a 5x5 window (dilation (1, 1)) does not fit images of 4x4 with padding (0, 0)",
    ),
    (lambda: tg.avg_pool2d(Z(1, 1, 4, 4), 2, divisor_override=0), "avg_pool2d: divisor_override must not be 0"),
    (
        lambda: tg.avg_pool3d(Z(1, 1, 4, 4, 4), 2, divisor_override=2.5),
        "avg_pool3d: divisor_override must be an int, got 2.5",
    ),
    (lambda: tg.avg_pool1d(Z(1, 1, 4, dtype=np.int64), 2), "avg_pool1d: input has dtype int64, it must be a float"),
    (
        lambda: tg.adaptive_avg_pool2d(Z(1, 1, 4, 4), (1, 2, 3)),
        "adaptive_avg_pool2d: output_size must be an int or None, or 2 of them, got (1, 2, 3)",
    ),
    (
        lambda: tg.adaptive_avg_pool2d(Z(1, 1, 4, 4), -1),
        "adaptive_avg_pool2d: output_size must be an int or None, or 2 of them, got -1",
    ),
    (
        lambda: tg.adaptive_avg_pool1d(Z(1, 1, 4), 2.0),
        "adaptive_avg_pool1d: output_size must be an int or None, or 1 of them, got 2.0",
    ),
    (lambda: tg.adaptive_avg_pool3d(Z(1, 4), 2), "adaptive_avg_pool3d: input must be (N, C, D, H, W), got (1, 4)"),
    (
        lambda: tg.adaptive_avg_pool1d(Z(1, 1, 4, dtype=np.int64), 2),
        "adaptive_avg_pool1d: input has dtype int64, it must be a float",
    ),
    (
        lambda: tg.adaptive_max_pool2d(Z(1, 1, 0, 4), 2),
        "adaptive_max_pool2d: images of 0x4 have no pixels to make 2x2 of",
    ),
    (lambda: tg.adaptive_max_pool2d(Z(1, 1, 4, 4, dtype=np.bool_), 2), "adaptive_max_pool2d: input has dtype bool"),
    (
        lambda: tg.pad(Z(2, 3), (1, 1), "edge"),
        "pad: mode must be one of constant, reflect, replicate, circular, got 'edge'",
    ),
    (
        lambda: tg.pad(Z(2, 3), (1, 1, 1)),
        "pad: pad (1, 1, 1) must be a pair for each of at most 2 axes of input (2, 3)",
    ),
    (
        lambda: tg.pad(Z(3), (1, 1, 1, 1)),
        "pad: pad (1, 1, 1, 1) must be a pair for each of at most 1 axes of input (3,)",
    ),
    (lambda: tg.pad(Z(3), (1.5, 1)), "pad: pad must be ints, got (1.5, 1)"),
    (lambda: tg.pad(Z(3), (1, 1), value="0"), "pad: value must be a number, got '0'"),
    (lambda: tg.pad(Z(3), (-2, -2)), "pad: an axis of 3 is too short for padding (-2, -2) (input (3,))"),
    (lambda: tg.pad(Z(3), (-4, 2)), "pad: an axis of 3 is too short for padding (-4, 2) (input (3,))"),
    (
        lambda: tg.pad(Z(1, 3), (3, 0), "reflect"),
        "pad: reflect needs less padding than values: (3, 0) around an axis of 3",
    ),
    (
        lambda: tg.pad(Z(1, 3), (0, 4), "circular"),
        "pad: circular needs at most as much padding as values: (0, 4) around an axis of 3",
    ),
    (lambda: tg.pad(Z(1, 0), (0, 4), "replicate"), "pad: there is nothing to replicate: (0, 4) around an axis of 0"),
    (
        lambda: tg.pad(Z(1, 3), (1, 1), "reflect", 2.0),
        "pad: mode 'reflect' takes its values from the input, not value=2.0",
    ),
    (lambda: tg.unfold(Z(4, 4), 2), "unfold: input must be (N, C, H, W), got (4, 4)"),
    (
        lambda: tg.unfold(Z(1, 1, 4, 4), 5),
        "unfold: a 5x5 window (dilation (1, 1)) does not fit images of 4x4 with padding (0, 0)",
    ),
    (lambda: tg.unfold(Z(1, 1, 4, 4, dtype=np.int64), 2), "unfold: input has dtype int64, it must be a float"),
    (lambda: tg.fold(Z(4), 3, 2), "fold: input must be (N, C*KH*KW, L), got (4,)"),
    (lambda: tg.fold(Z(1, 5, 4), 3, 2), "fold: columns of 5 values are not whole channels of 2x2 windows"),
    (
        lambda: tg.fold(Z(1, 4, 5), 3, 2),
        "fold: input (1, 4, 5) has 5 columns, images of 3x3 have 2x2 windows "
        "(kernel_size (2, 2), dilation (1, 1), padding (0, 0), stride (1, 1))",
    ),
    (lambda: tg.interpolate(Z(1, 1, 4)), "interpolate: give either size or scale_factor, got None and None"),
    (lambda: tg.interpolate(Z(1, 1, 4), 2, 2.0), "interpolate: give either size or scale_factor, got 2 and 2.0"),
    (
        lambda: tg.interpolate(Z(1, 1, 4), (2, 2)),
        "interpolate: size must be a number, or one for each of 1 axes, got (2, 2)",
    ),
    (lambda: tg.interpolate(Z(1, 1, 4), 2.5), "interpolate: size must be a number, or 1, got 2.5"),
    (
        lambda: tg.interpolate(Z(1, 1, 4), 2, mode="cubic"),
        "interpolate: mode must be one of nearest, nearest-exact, linear, bilinear, "
        "trilinear, bicubic, area, got 'cubic'",
    ),
    (
        lambda: tg.interpolate(Z(1, 1, 4), 2, mode="bilinear"),
        "interpolate: mode 'bilinear' takes inputs of 4 axes, got (1, 1, 4)",
    ),
    (lambda: tg.interpolate(Z(4, 4), 2), "interpolate: mode 'nearest' takes inputs of 3 or 4 or 5 axes, got (4, 4)"),
    (
        lambda: tg.interpolate(Z(1, 1, 4), 2, align_corners=False),
        "interpolate: mode 'nearest' takes no align_corners, got False",
    ),
    (
        lambda: tg.interpolate(Z(1, 1, 4, 4), 2, mode="bilinear", antialias=True),
        "interpolate: antialias=True is not supported",
    ),
    (
        lambda: tg.interpolate(Z(1, 1, 4), 2, recompute_scale_factor=True),
        "interpolate: recompute_scale_factor=True needs a scale_factor, not a size",
    ),
    (
        lambda: tg.interpolate(Z(1, 1, 4), 0),
        "interpolate: images (1, 1, 4) cannot be made (0,): both sizes must be at least 1",
    ),
    (lambda: tg.interpolate(Z(1, 1, 4), scale_factor=INF), "interpolate: scale_factor must be finite, got inf"),
    (
        lambda: tg.interpolate(Z(1, 1, 4, dtype=np.int64), 2, mode="linear"),
        "interpolate: input has dtype int64, it must be a float",
    ),
]


@pytest.mark.parametrize("call, text", ERRORS, ids=[text[:60] for _, text in ERRORS])
def test_errors_name_the_operation_and_both_values(call, text):
    with pytest.raises((tg.ShapeError, tg.DTypeError), match="^" + re.escape(text)):
        call()


# (function, what of its parameters are sizes); arrays are no sizes, as in PyTorch: tuples and lists are.
TAKES_SIZES = [
    *[(f"conv{rank}d", ("stride", "padding", "dilation")) for rank in (1, 2, 3)],
    *[(f"conv_transpose{rank}d", ("stride", "padding", "output_padding", "dilation")) for rank in (1, 2, 3)],
    *[(f"max_pool{rank}d", ("kernel_size", "stride", "padding", "dilation")) for rank in (1, 2, 3)],
    *[(f"avg_pool{rank}d", ("kernel_size", "stride", "padding")) for rank in (1, 2, 3)],
    *[(f"adaptive_{kind}_pool{rank}d", ("output_size",)) for kind in ("max", "avg") for rank in (1, 2, 3)],
]


@pytest.mark.parametrize("name, keys", TAKES_SIZES, ids=[name for name, _ in TAKES_SIZES])
def test_arrays_as_sizes_are_refused_by_name(name, keys):
    rank = int(name[-2])
    inputs = [tg.ones(1, 2, *[6] * rank), *([tg.ones(2, 2, *[2] * rank)] if "conv" in name else [])]
    usual = {"kernel_size": 2} if "_pool" in name and "adaptive" not in name else {}
    for key in keys:
        for given in (
            np.ones(rank, int),
            np.ones((rank, 2), int),
            [np.ones(2, int)] * rank,
            tg.ones(rank, dtype=np.int64),
        ):
            with pytest.raises(tg.ShapeError, match=f"^{name}: {key} must be an int or .*, got "):
                getattr(tg, name)(*inputs, **{**usual, key: given})
