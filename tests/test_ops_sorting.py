"""Sorting, ranks and medians: ties, nan, stability, dtypes, and what bad input gets."""

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.check import gradgradcheck
from tests.derivatives import INF, NAN, equal, leaf, slopes

# Order


def test_nan_is_the_largest():
    x = tg.tensor([3.0, NAN, 1.0, NAN, INF, -INF])
    for stable in (False, True):
        equal(x.sort(stable=stable).values.data, [-INF, 1, 3, INF, NAN, NAN])
        equal(x.sort(descending=True, stable=stable).values.data, [NAN, NAN, INF, 3, 1, -INF])
    equal(x.argsort(stable=True).data, [5, 2, 0, 4, 1, 3])
    equal(x.argsort(descending=True, stable=True).data, [1, 3, 4, 0, 2, 5])
    equal(x.topk(3).values.data, [NAN, NAN, INF])
    equal(x.topk(2, largest=False).values.data, [-INF, 1])
    assert np.isnan(x.kthvalue(5).values.item())
    assert x.kthvalue(5).indices.item() == 1


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int16, np.int64, np.float16, np.float32, np.float64])
@pytest.mark.parametrize("descending", [False, True])
def test_stable_keeps_the_order_of_equal_values(dtype, descending):
    x = np.random.default_rng(0).integers(0, 2 if dtype == np.bool_ else 4, (7, 50)).astype(dtype)
    for dim in (0, 1):
        values, indices = tg.tensor(x).sort(dim, descending, stable=True)
        ranks = -x.astype(int) if descending else x.astype(int)
        equal(indices.data, np.argsort(ranks, dim, kind="stable"))
        equal(values.data, np.take_along_axis(x, indices.data, dim))
        assert values.dtype == dtype
        equal(tg.argsort(tg.tensor(x), dim, descending, stable=True).data, indices.data)


def test_nan_and_ties_are_stable_together():
    x = tg.tensor([2.0, NAN, 2, 1, NAN, 1])
    equal(x.sort(stable=True).indices.data, [3, 5, 0, 2, 1, 4])
    equal(x.sort(descending=True, stable=True).indices.data, [1, 4, 0, 2, 3, 5])


def test_gradients_go_to_where_the_values_were_T24():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 3, (4, 6)).astype(float)
    weights = tg.tensor(rng.standard_normal((4, 6)))
    for function in (lambda x: x.sort(1), lambda x: x.sort(1, True, stable=True), lambda x: x.topk(6, 1)):
        a = leaf(x)
        values, indices = function(a)
        (values * weights).sum().backward()
        right = np.zeros((4, 6))
        np.put_along_axis(right, indices.data, weights.data, 1)
        equal(a.grad.data, right)
        equal(np.sort(indices.data, 1), np.tile(np.arange(6), (4, 1)))


def test_unsorted_top_values_are_the_same_set():
    x = np.random.default_rng(1).permutation(60).reshape(3, 20).astype(float)
    for largest in (True, False):
        values, indices = tg.topk(tg.tensor(x), 5, 1, largest, False)
        ordered = np.sort(x, 1)
        equal(np.sort(values.data, 1), ordered[:, -5:] if largest else ordered[:, :5])
        equal(values.data, np.take_along_axis(x, indices.data, 1))
    for k in (0, 20):
        values, indices = tg.topk(tg.tensor(x), k, sorted=False)
        assert values.shape == indices.shape == (3, k)
        equal(values.data, np.take_along_axis(x, indices.data, 1))


def test_one_output_alone_T42():
    for function in (
        lambda x: x.sort(),
        lambda x: x.topk(2),
        lambda x: x.kthvalue(2),
        lambda x: x.median(0),
        lambda x: x.nanmedian(0),
    ):
        values, indices = function(leaf([3.0, 1.0, 2.0]))
        assert values.requires_grad
        assert not indices.requires_grad
        assert indices.dtype == np.int64


def test_second_order():
    x = leaf(np.random.default_rng(0).permutation(12).reshape(3, 4) / 3)
    for function in (
        lambda x: x.sort(1).values ** 3,
        lambda x: x.topk(2, 0).values ** 3,
        lambda x: x.median(1).values ** 3,
        lambda x: x.median() ** 3,
        lambda x: tg.unique(x) ** 3,
    ):
        assert gradgradcheck(function, [x])


# Medians


@pytest.mark.parametrize(
    "data, value, nanvalue, shared, first",
    [
        ([4, 1, 3, 2], 2, 2, [0, 0, 0, 1], [0, 0, 0, 1]),
        ([1, 2, 2, 3], 2, 2, [0, 0.5, 0.5, 0], [0, 1, 0, 0]),
        ([2, 2, 2], 2, 2, [1 / 3, 1 / 3, 1 / 3], [1, 0, 0]),
        ([NAN, 1, NAN, 2], NAN, 1, [0.5, 0, 0.5, 0], [1, 0, 0, 0]),
        ([NAN, NAN], NAN, NAN, [0.5, 0.5], [1, 0]),
        ([INF, -INF, 3], 3, 3, [0, 0, 1], [0, 0, 1]),
    ],
)
def test_median_at_ties_and_nan_T24(data, value, nanvalue, shared, first):
    equal(slopes(lambda x: x.median(), data)[0], value)
    equal(slopes(lambda x: x.median(), data)[1], shared)
    equal(slopes(lambda x: x.median(0).values, data)[0], value)
    equal(slopes(lambda x: x.median(0).values, data)[1], first)
    out, g = slopes(lambda x: x.nanmedian(), data)
    equal(out, nanvalue)
    assert g.sum() == 1
    if not np.isnan(nanvalue):
        assert not g[np.isnan(data)].any()
    out, g = slopes(lambda x: x.nanmedian(0).values, data)
    equal(out, nanvalue)
    assert sorted(g) == [0] * (len(data) - 1) + [1]


def test_medians_of_lanes_with_some_nan():
    x = np.random.default_rng(0).permutation(60).reshape(3, 4, 5).astype(float)
    x[0, :, 1], x[1, 2, 3], x[2, 1, :] = NAN, NAN, NAN
    for dim in (0, 1, 2):
        values, indices = tg.nanmedian(tg.tensor(x), dim)
        lanes = np.moveaxis(x, dim, -1).reshape(-1, x.shape[dim])
        kept = [np.sort(lane[~np.isnan(lane)]) for lane in lanes]
        right = [lane[(len(lane) - 1) // 2] if len(lane) else NAN for lane in kept]
        equal(values.data.ravel(), right)
        taken = np.take_along_axis(x, np.expand_dims(indices.data, dim), dim).squeeze(dim)
        equal(taken, values.data)
        equal(np.isnan(tg.median(tg.tensor(x), dim).values.data), np.isnan(x).any(dim))
    assert tg.nanmedian(tg.tensor(x)).item() == np.sort(x[~np.isnan(x)])[(np.sum(~np.isnan(x)) - 1) // 2]


def test_medians_of_other_dtypes_and_of_nothing():
    assert tg.tensor([3, 1, 2, 4]).median().item() == 2
    assert tg.tensor([3, 1, 2, 4], dtype=np.uint8).median(0).values.dtype == np.uint8
    assert tg.tensor([1.0, 2.0], dtype=np.float16).nanmedian().dtype == np.float16
    assert np.isnan(tg.zeros(0).median().item())
    assert tg.zeros(0, 2).median(1).values.shape == (0,)
    assert tg.zeros(0, 2).nanmedian(1, True).indices.shape == (0, 1)
    equal(slopes(lambda x: x.median(), np.zeros((2, 0)))[1], np.zeros((2, 0)))


def test_ranks():
    x = tg.tensor([[5, 1, 3, 3], [2, 2, 9, 0]])
    values, indices = x.kthvalue(3)
    equal(values.data, [3, 2])
    equal(indices.data, [2, 0])
    values, indices = x.kthvalue(2, 0, True)
    equal(values.data, [[5, 2, 9, 3]])
    equal(indices.data, [[0, 1, 1, 0]])
    equal(slopes(lambda x: x.kthvalue(2).values, [2, 1, 1, 1])[1], [0, 1, 0, 0])


# Different values


def test_unique():
    x = tg.tensor([[3.0, 1.0], [3.0, NAN], [NAN, 1.0]])
    values, inverse, counts = tg.unique(x, return_inverse=True, return_counts=True)
    equal(values.data, [1, 3, NAN, NAN])
    equal(counts.data, [2, 2, 1, 1])
    equal(values.data[inverse.data], x.data)
    rows, inverse, counts = tg.unique(tg.tensor([[1, 2], [0, 5], [1, 2]]), True, True, True, 0)
    equal(rows.data, [[0, 5], [1, 2]])
    equal(inverse.data, [1, 0, 1])
    equal(counts.data, [1, 2])
    assert tg.unique(tg.tensor(2.0), return_inverse=True)[1].shape == ()
    equal(tg.unique(tg.tensor(2.0)).data, [2])
    equal(slopes(lambda x: x.unique(), [3, 1, 3, 1])[1], [1, 1, 0, 0])
    equal(slopes(lambda x: x.unique(dim=1), [[2, 1, 2], [4, 4, 4]])[1], [[1, 1, 0], [1, 1, 0]])


# 0-d, and what is refused


def test_0d():
    x = tg.tensor(3.0)
    for found in (x.sort(), x.sort(0, True, stable=True), x.topk(1), x.topk(0), x.kthvalue(1), x.median(0, True)):
        assert [r.shape for r in found] == [(), ()]
        assert (found.values.item(), found.indices.item()) == (3, 0)
    assert x.argsort(-1).item() == 0
    equal(slopes(lambda x: x.sort().values, 3.0)[1], 1)


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda x: x.sort(2), tg.ShapeError, "^sort: dim 2 is out of range for a tensor of 2 axes"),
        (lambda x: x.argsort(None), tg.DTypeError, "^argsort: dim must be an int, got NoneType"),
        (lambda x: x.topk(4), tg.ShapeError, "^topk: k is 4, dim -1 has 3 values"),
        (lambda x: x.topk(-1, 0), tg.ShapeError, "^topk: k is -1, dim 0 has 2 values"),
        (lambda x: x.topk(1.0), tg.DTypeError, "^topk: k must be an int, got 1.0"),
        (lambda x: x.kthvalue(0), tg.ShapeError, "^kthvalue: k is 0, it must be from 1 to 3, the number of values"),
        (lambda x: x.kthvalue(4, 1), tg.ShapeError, "^kthvalue: k is 4, it must be from 1 to 3"),
        (lambda x: x.kthvalue(True), tg.DTypeError, "^kthvalue: k must be an int, got True"),
        (lambda x: x.median((0, 1)), tg.DTypeError, "^median: dim must be an int, got tuple"),
        (lambda x: x[:0].median(0), tg.ShapeError, r"^median: there is no median over an empty axis of shape \(0, 3\)"),
        (lambda x: x[:0].long().nanmedian(), tg.ShapeError, r"^nanmedian: integers of shape \(0, 3\) have no median"),
        (lambda x: x.unique(dim=3), tg.ShapeError, "^unique: dim 3 is out of range for a tensor of 2 axes"),
        (lambda x: x.unique(1), tg.DTypeError, "^unique: sorted must be True or False, got 1"),
        (lambda x: tg.sort([1.0]), tg.DTypeError, "^sort: input is a list, not a tensor or an array"),
    ],
)
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call(tg.zeros(2, 3))
