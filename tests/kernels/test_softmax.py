"""Softmax and cross-entropy against float64 arithmetic, at the edges of the number range, in every layout."""

import numpy as np
import pytest

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
