"""Softmax and cross-entropy against float64 arithmetic, at the edges of the number range, in every layout."""

import numpy as np
import pytest

from tensorgrad.kernels import group_norm, log_sums, threads
from tensorgrad.kernels import softmax as kernels

LAYOUTS = {
    "fortran": np.asfortranarray,
    "strided": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "negative": lambda a: np.flip(np.flip(a).copy()),
    "broadcast": lambda a: np.broadcast_to(a[:1], a.shape),
}


def rows(shape=(5, 4), dtype=np.float64, seed=0):
    return (3 * np.random.default_rng(seed).standard_normal(shape)).astype(dtype)


def plain_log_softmax(x, dim):
    wide = x.astype(np.float64)
    return wide - np.log(np.exp(wide).sum(dim, keepdims=True))


@pytest.mark.parametrize("dim", [0, 1, 2, -1])
def test_definition(dim):
    x = rows((3, 4, 5))
    expected = plain_log_softmax(x, dim)
    np.testing.assert_allclose(kernels.log_softmax(x, dim), expected, rtol=1e-12)
    np.testing.assert_allclose(kernels.softmax(x, dim), np.exp(expected), rtol=1e-12)


def test_cross_entropy_and_its_gradient():
    x, target = rows(), np.array([0, 3, 3, 1, 2])
    log_p = plain_log_softmax(x, 1)
    expected = -sum(log_p[n, t] for n, t in enumerate(target)) / 5
    loss = kernels.cross_entropy(x, target)
    assert (loss.shape, loss.dtype) == ((), x.dtype)
    np.testing.assert_allclose(loss, expected, rtol=1e-12)
    gradient = kernels.cross_entropy_grad(np.array(2.5), x, target)
    step = 1e-6
    for i in np.ndindex(x.shape):
        shift = np.zeros_like(x)
        shift[i] = step
        slope = (kernels.cross_entropy(x + shift, target) - kernels.cross_entropy(x - shift, target)) / (2 * step)
        np.testing.assert_allclose(gradient[i], 2.5 * slope, atol=1e-8)


@pytest.mark.parametrize("int_dtype", [np.int32, np.int64, np.uint8])
def test_integer_targets(int_dtype):
    x, target = rows(), np.array([0, 3, 3, 1, 2])
    assert kernels.cross_entropy(x, target.astype(int_dtype)) == kernels.cross_entropy(x, target)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_values(dtype):
    x = np.array([[1e5, 0, -1e5], [-1e5, -1e5, -1e5], [3e38, -3e38, 0]], dtype)
    np.testing.assert_allclose(kernels.softmax(x, 1), [[1, 0, 0], [1 / 3] * 3, [1, 0, 0]], rtol=1e-6)
    np.testing.assert_allclose(kernels.log_softmax(x[:2], 1), [[0, -1e5, -2e5], [-np.log(3)] * 3], rtol=1e-6)
    target = np.array([2, 1])
    np.testing.assert_allclose(kernels.cross_entropy(x[:2], target), (2e5 + np.log(3)) / 2, rtol=1e-6)
    gradient = kernels.cross_entropy_grad(np.array(2, dtype), x[:2], target)
    np.testing.assert_allclose(gradient, [[1, 0, -1], [1 / 3, -2 / 3, 1 / 3]], rtol=1e-6)


def test_infinities_as_in_pytorch():
    inf = np.inf
    x = np.array([[-inf, 0, 0], [-inf, -inf, -inf], [inf, 0, 0]])
    np.testing.assert_allclose(kernels.softmax(x, 1), [[0, 0.5, 0.5], [np.nan] * 3, [np.nan] * 3])
    np.testing.assert_allclose(kernels.log_softmax(x, 1)[0], [-inf, -np.log(2), -np.log(2)])
    assert np.all(np.isnan(kernels.log_softmax(x, 1)[1]))
    assert kernels.cross_entropy(x[:1], np.array([0])) == inf
    np.testing.assert_allclose(kernels.cross_entropy_grad(np.array(1.0), x[:1], np.array([1])), [[0, -0.5, 0.5]])


def test_float16_does_not_overflow():
    x = np.array([[65504, -65504]], np.float16)
    assert kernels.softmax(x, 1).tolist() == [[1, 0]]
    assert kernels.log_softmax(x, 1).tolist() == [[0, -np.inf]]  # -131008 is beyond float16
    many = np.zeros((1, 70000), np.float16)  # the exponentials sum to 70,000
    np.testing.assert_allclose(kernels.log_softmax(many, 1)[0, 0], -np.log(70000), rtol=1e-3)
    tall = np.full((5000, 2), [20, 0], np.float16)  # the losses sum to 100,000
    np.testing.assert_allclose(kernels.cross_entropy(tall, np.ones(5000, int)), 20, rtol=1e-3)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_dtype_kept_and_accurate(dtype):
    x, target = rows((20, 30), dtype), np.arange(20)
    results = [
        kernels.softmax(x, 1),
        kernels.log_softmax(x, 1),
        kernels.cross_entropy(x, target),
        kernels.cross_entropy_grad(np.array(1, dtype), x, target),
    ]
    log_p = plain_log_softmax(x, 1)
    p = np.exp(log_p)
    expected = [p, log_p, -np.mean(log_p[np.arange(20), target]), (p - np.eye(20, 30)) / 20]
    eps = float(np.finfo(dtype).eps)
    for result, other in zip(results, expected, strict=True):
        assert result.dtype == dtype
        np.testing.assert_allclose(result, other, rtol=8 * eps, atol=1e-7 if dtype == np.float16 else 8 * eps)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_memory_layouts_and_no_mutation(layout):
    x, target = LAYOUTS[layout](rows()), np.array([0, 3, 3, 1, 2])
    plain = np.array(x, order="C")
    x.flags.writeable = target.flags.writeable = False
    g = np.array(1.5)
    for f in (
        lambda x: kernels.softmax(x, 0),
        lambda x: kernels.log_softmax(x, 1),
        lambda x: kernels.cross_entropy(x, target),
        lambda x: kernels.cross_entropy_grad(g, x, target),
    ):
        result = f(x)
        np.testing.assert_allclose(result, f(plain), rtol=1e-14)
        assert not np.shares_memory(result, x)
    np.testing.assert_array_equal(x, plain)


def test_empty():
    x, target = np.zeros((0, 3)), np.zeros(0, int)
    assert kernels.softmax(x, 1).shape == kernels.log_softmax(x, 0).shape == (0, 3)
    assert np.isnan(kernels.cross_entropy(x, target))
    assert kernels.cross_entropy_grad(np.array(1.0), x, target).shape == (0, 3)
    assert kernels.softmax(np.zeros((2, 0)), 1).shape == (2, 0)


FAR = [0, 80, 100, -80, -100, 1e4, -1e30, 3e38]  # where rows begin whose exponentials overflow, vanish, or neither


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_far_from_zero_beside_usual_ones(dtype):
    """Rows that cannot be computed without their largest value are computed with it, and change no other row."""
    x = (rows((len(FAR), 50)) + np.array(FAR)[:, None]).astype(dtype)
    x = np.concatenate([x, np.array([[-np.inf], [np.nan], [700]]) + np.zeros((3, 50))]).astype(dtype)
    x[-1, 1:] = -np.inf
    target = np.arange(len(x))
    eps = float(np.finfo(dtype).eps)
    with np.errstate(all="raise", under="ignore"):
        shares, logs = kernels.softmax(x, 1), kernels.log_softmax(x, 1)
        slopes = kernels.cross_entropy_grad(np.array(len(x), dtype), x, target)
        losses = [kernels.cross_entropy(x[[n]], target[[n]]) for n in target]
        alone = [np.concatenate([f(x[[n]], 1) for n in target]) for f in (kernels.softmax, kernels.log_softmax)]
    wide = x[: len(FAR)].astype(np.float64)
    wide -= wide.max(1, keepdims=True)
    exact = wide - np.log(np.exp(wide).sum(1, keepdims=True))
    np.testing.assert_allclose(shares[: len(FAR)], np.exp(exact), rtol=40 * eps)
    np.testing.assert_allclose(logs[: len(FAR)], exact, rtol=8 * eps, atol=8 * eps)
    np.testing.assert_allclose(losses[: len(FAR)], -exact[target[: len(FAR)], target[: len(FAR)]], rtol=16 * eps)
    assert np.isnan(shares[len(FAR) : -1]).all()
    assert np.isnan(losses[len(FAR) : -1]).all()
    assert shares[-1].tolist() == [1] + [0] * 49
    np.testing.assert_array_equal(slopes, shares - np.eye(len(x), 50, dtype=dtype))
    for together, one_by_one in zip((shares, logs), alone, strict=True):
        np.testing.assert_allclose(together, one_by_one, rtol=2 * eps, atol=eps)


@pytest.mark.parametrize("size", [0, 30, -30, 500])
def test_a_certain_row_costs_nothing_and_an_impossible_one_its_distance(size):
    x = np.full((2, 1000), size - 200, np.float32)
    x[:, 3] = size
    assert kernels.cross_entropy(x[:1], np.array([3])) == 0
    assert kernels.log_softmax(x, 1)[0, 3] == 0
    assert kernels.softmax(x, 1)[0, 3] == 1
    np.testing.assert_allclose(kernels.cross_entropy(x, np.array([7, 3])), 100, rtol=1e-6)
    np.testing.assert_array_equal(kernels.cross_entropy_grad(np.array(2, np.float32), x, np.array([3, 3])), 0)


def test_large_arrays_give_the_same_bits_over_any_number_of_threads():
    x = rows((700, 1000), np.float32)
    x[[5, 400, 699]] += np.float32([[300], [-300], [np.nan]])
    finite, target = np.nan_to_num(x), np.arange(700)
    moments = finite.mean(1, keepdims=True), finite.var(1, keepdims=True)
    results = []
    before = threads.get_num_threads()
    try:
        for count in (1, 2, 3):
            threads.set_num_threads(count)
            results.append(
                [
                    kernels.softmax(x, 1),
                    kernels.log_softmax(x, -1),
                    kernels.cross_entropy(x[:600], target[:600]),
                    kernels.cross_entropy_grad(np.array(1, np.float32), x, target),
                    log_sums.logsumexp(x, (1,), False),
                    log_sums.softmax_over(x, (1,)),
                    *group_norm.group_norm(finite.reshape(700, 10, 100), None, None, 5, 1e-5),
                    *group_norm.group_norm(finite, x[0], x[1], 1, 1e-5),
                    *group_norm.group_norm_grad(finite, finite, x[0], *moments, 1, 1e-5),
                ]
            )
    finally:
        threads.set_num_threads(before)
    for result in results[1:]:
        for found, expected in zip(result, results[0], strict=True):
            np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(results[0][0][:5], np.exp(plain_log_softmax(x[:5], 1)), rtol=1e-5)


@pytest.mark.parametrize("axes", [(2,), (1, 2), (0, 1, 2), (0,), (0, 2)])
@pytest.mark.parametrize("keepdims", [True, False])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_logsumexp_over_axes(axes, keepdims, dtype):
    x = rows((3, 4, 5), dtype)
    exact = np.log(np.exp(x.astype(np.float64)).sum(axes, keepdims=keepdims))
    found = log_sums.logsumexp(x, axes, keepdims)
    assert (found.shape, found.dtype) == (exact.shape, dtype)
    eps = float(np.finfo(dtype).eps)
    np.testing.assert_allclose(found, exact, rtol=4 * eps)
    exact = np.exp(x - np.log(np.exp(x.astype(np.float64)).sum(axes, keepdims=True)))
    np.testing.assert_allclose(log_sums.softmax_over(x, axes), exact, rtol=20 * eps, atol=1e-7)
    assert log_sums.logsumexp(np.array([[0.001, -300]], dtype), (1,), False) == dtype(0.001)
