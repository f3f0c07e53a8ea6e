"""The largest and smallest values at ties, nan and in other dtypes, and what bad input gets."""

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.check import gradcheck, gradgradcheck
from tests.derivatives import INF, NAN, equal, leaf, slopes

# Pairs


def test_pairs_have_names():
    x = tg.tensor([[1.0, 3.0], [4.0, 2.0]])
    for function, values, indices in [(tg.max, [3, 4], [1, 0]), (tg.min, [1, 2], [0, 1])]:
        found = function(x, 1)
        equal(found.values.data, values)
        equal(found.indices.data, indices)
        first, second = found
        assert first is found.values is found[0]
        assert second is found.indices is found[1]
    found = tg.aminmax(x)
    assert (found.min.item(), found.max.item()) == (1, 4)
    equal(x.cummax(0).values.data, [[1, 3], [4, 3]])


def test_indices_alone_have_no_graph_T42():
    x = leaf([1.0, 3.0, 2.0])
    for function in (tg.max, tg.min, tg.cummax, tg.cummin):
        values, indices = function(x, 0)
        assert values.requires_grad
        assert not indices.requires_grad
        assert indices.node is None
        assert indices.dtype == np.int64


# Ties and nan


@pytest.mark.parametrize(
    "function, data, expected",
    [
        (lambda x: x.amax(), [1, 3, 3], [0, 0.5, 0.5]),
        (lambda x: x.amin(), [1, 1, 3, 1], [1 / 3, 1 / 3, 0, 1 / 3]),
        (lambda x: x.min(), [1, 3, 1], [0.5, 0, 0.5]),
        (lambda x: x.min(0).values, [1, 3, 1], [1, 0, 0]),
        (lambda x: x.max(0).values, [1, 3, 3], [0, 1, 0]),
        (lambda x: x.aminmax().max, [1, 3, 3], [0, 0.5, 0.5]),
        (lambda x: x.amax(), [1, NAN, 3, NAN], [0, 0.5, 0, 0.5]),
        (lambda x: x.amin(), [1, NAN, 3, NAN], [0, 0.5, 0, 0.5]),
        (lambda x: x.min(0).values, [1, NAN, 3, NAN], [0, 1, 0, 0]),
        (lambda x: x.amax(), [-INF, -INF], [0.5, 0.5]),
        (lambda x: x.amin(), [INF, 1, INF], [0, 1, 0]),
        (lambda x: x.cummax(0).values, [1, 3, 3, 2], [1, 1, 2, 0]),
        (lambda x: x.cummin(0).values, [3, 1, 1, 2], [1, 1, 2, 0]),
        (lambda x: x.cummax(0).values, [1, NAN, 4, NAN], [1, 2, 0, 1]),
    ],
)
def test_ties_share_or_one_takes_all_T24(function, data, expected):
    out, g = slopes(function, data)
    equal(g, expected)
    assert g.sum() == np.size(out)


@pytest.mark.parametrize("function", [tg.amax, tg.amin])
def test_ties_of_several_axes_T24(function):
    x = np.random.default_rng(0).integers(0, 2, (3, 4, 5)).astype(float)
    for dim, keepdim in [((0, 2), False), ((1,), True), (-1, False), ((), False), (None, True)]:
        out, g = slopes(lambda x, dim=dim, keepdim=keepdim: function(x, dim, keepdim), x)
        axes = tuple(range(3)) if dim in (None, ()) else dim
        np.testing.assert_allclose(g.sum(axes), np.ones_like(g.sum(axes)), rtol=1e-12)
        assert out.shape == np.max(x, axes, keepdims=keepdim).shape


def test_ties_are_counted_beyond_float16_T17():
    for function in (tg.amax, tg.amin, tg.max, tg.min):
        x = tg.tensor(np.ones(70_000, np.float16), requires_grad=True)
        function(x).backward()
        equal(x.grad.data, np.full(70_000, np.float16(1 / 70_000)))


def test_second_order_at_a_tie_T52():
    """At a tie amin and amax of two values are taken to be their mean."""
    for function in (tg.amax, tg.amin):
        x = leaf([2.0, 2.0])
        (g,) = tg.grad(function(x) ** 2, x, create_graph=True)
        equal([tg.grad(g[i], x, retain_graph=True)[0].data for i in range(2)], np.full((2, 2), 0.5))


def test_running_extremes_and_nan():
    values, indices = tg.cummax(tg.tensor([1.0, 3, 3, 2, NAN, 5, NAN]), 0)
    equal(values.data, [1, 3, 3, 3, NAN, NAN, NAN])
    equal(indices.data, [0, 1, 2, 2, 4, 4, 6])
    values, indices = tg.cummin(tg.tensor([[2, 1], [1, 1], [3, 0]]), 0)
    equal(values.data, [[2, 1], [1, 1], [1, 0]])
    equal(indices.data, [[0, 0], [1, 1], [1, 2]])


def test_running_extremes_of_long_lanes():
    x = np.random.default_rng(0).standard_normal((3, 1000))
    assert gradcheck(lambda x: tg.cummax(x, 1).values, [leaf(x[:, :30])])
    assert gradgradcheck(lambda x: tg.cummin(x * x, 0).values, [leaf(x[:, :7])])
    equal(tg.cummax(tg.tensor(x), 1).values.data, np.maximum.accumulate(x, 1))


# Two tensors, other dtypes, axes


def test_with_another_tensor_it_is_the_larger_of_two():
    x, y = leaf([1.0, 5.0, 3.0]), leaf([2.0, 4.0, 3.0])
    equal(tg.max(x, y).data, [2, 5, 3])
    equal(x.min(y).data, [1, 4, 3])
    equal(tg.max(x, other=y).data, [2, 5, 3])
    equal(x.max(np.array([2.0])).data, [2, 5, 3])
    tg.max(x, y).sum().backward()
    equal(x.grad.data, [0, 1, 0.5])
    equal(y.grad.data, [1, 0, 0.5])


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int16, np.int64, np.float16, np.float32])
def test_dtypes_are_kept(dtype):
    x = tg.tensor(np.array([[0, 1, 1], [1, 0, 0]], dtype))
    for out in (x.max(), x.min(), x.amax(0), x.amin((0, 1)), x.max(1).values, x.min(0).values, x.aminmax().min):
        assert out.dtype == dtype
    assert x.cummax(1).values.dtype == dtype
    equal(x.argmax(1).data, [1, 0])
    equal(x.argmin(1).data, [0, 1])
    equal(x.min(1).indices.data, [0, 1])


def test_0d():
    x = tg.tensor(3.0)
    for found in (x.max(0), x.min(-1, True), x.cummax(0), x.cummin(-1)):
        assert [r.shape for r in found] == [(), ()]
        assert (found.values.item(), found.indices.item()) == (3, 0)
    assert x.amax(0).shape == x.amin((0,), True).shape == x.argmin(0).shape == ()


def test_empty_axes():
    x = tg.zeros(0, 3)
    assert x.amax(1).shape == x.min(1).values.shape == x.argmin(1).shape == (0,)
    assert x.cummax(0).values.shape == x.cummin(1).indices.shape == (0, 3)
    for function, word in [
        (tg.amax, "largest"),
        (tg.amin, "smallest"),
        (tg.min, "smallest"),
        (tg.argmin, "smallest"),
        (lambda x, dim: tg.aminmax(x, dim=dim), "smallest or largest"),
    ]:
        for dim in (None, 0):
            with pytest.raises(tg.ShapeError, match=rf"there is no {word} value over an empty axis of shape \(0, 3\)"):
                function(x, dim)


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda: tg.amax(tg.zeros(2, 3), (0, 0)), tg.ShapeError, r"^amax: an axis appears twice in dim=\(0, 0\)"),
        (lambda: tg.amin(tg.zeros(2, 3), 2), tg.ShapeError, r"^amin: dim 2 is out of range for a tensor of 2 axes"),
        (lambda: tg.min(tg.zeros(2, 3), (0, 1)), tg.DTypeError, "^min: dim must be an int, got tuple"),
        (lambda: tg.argmin(tg.zeros(2), 1.0), tg.DTypeError, "^argmin: dim must be an int, got float"),
        (lambda: tg.aminmax(tg.zeros(2), dim=(0,)), tg.DTypeError, "^aminmax: dim must be an int, got tuple"),
        (lambda: tg.cummax(tg.zeros(2), 1), tg.ShapeError, "^cummax: dim 1 is out of range for a tensor of 1 axes"),
        (lambda: tg.cummin(tg.zeros(2), None), tg.DTypeError, "^cummin: dim must be an int, got NoneType"),
        (lambda: tg.max(tg.zeros(2), 0, other=tg.zeros(2)), tg.DTypeError, "^max: takes a dim or another tensor, not"),
        (lambda: tg.max(tg.zeros(2), tg.zeros(3)), tg.ShapeError, r"^maximum: .*\(2,\).*\(3,\)"),
        (lambda: tg.min([1.0]), tg.DTypeError, "^min: input is a list, not a tensor or an array"),
    ],
)
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call()
