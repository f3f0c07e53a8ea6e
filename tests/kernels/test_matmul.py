"""Products above the sizes from which they are cut, against NumPy's."""

from types import SimpleNamespace

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import tensorgrad as tg
from tensorgrad.kernels import blas
from tensorgrad.kernels import matmul as kernel

SHAPES = [
    ((4096,), (4096, 4096)),
    ((1, 4096), (4096, 2100)),
    ((2100, 4096), (4096, 1)),
    ((512,), (512, 40000)),
    ((300, 300), (300, 300)),
    ((8, 40, 300), (300, 200)),
    ((3, 200, 300), (3, 300, 200)),
    ((40, 300, 8), (8, 300)),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("a", "b"), SHAPES)
def test_products_equal_numpys(a, b, dtype):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal(a).astype(dtype), rng.standard_normal(b).astype(dtype)
    out = kernel.matmul(x, y)
    assert out.shape == np.matmul(x, y).shape
    np.testing.assert_allclose(out, np.matmul(x.astype(np.float64), y.astype(np.float64)), rtol=1e-4, atol=1e-3)


def test_a_large_linear_layer_takes_a_vector():
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal(4096), rng.standard_normal((3000, 4096))
    np.testing.assert_allclose(tg.linear(tg.tensor(x), tg.tensor(w)).data, w @ x, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("by_parts", [True, False])
@pytest.mark.parametrize(
    ("rows", "inner", "columns", "part"),
    [
        (1, 2048, 1000, 0),
        (2, 512, 1000, 600),
        (2, 2048, 1001, 240),
        (7, 2048, 1001, 64),
        (16, 512, 1000, 72),
        (32, 2048, 1000, 8),
        (32, 128, 1000, 0),
        (33, 2048, 1000, 0),
        (64, 1568, 10, 8),
        (64, 300, 3, 0),
    ],
)
def test_few_rows_or_columns_times_a_transpose(rows, inner, columns, part, by_parts, monkeypatch):
    monkeypatch.setattr(kernel, "takes_small_products", lambda: by_parts)
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((rows, inner)), rng.standard_normal((columns, inner))
    single, turned = x.astype(np.float32), w.astype(np.float32).T
    assert kernel.part_columns(single, turned) == (part if by_parts else 0)
    assert kernel.part_columns(x, w.T) == kernel.part_columns(single, np.ascontiguousarray(turned)) == 0
    out = kernel.matmul(single, turned)
    np.testing.assert_allclose(out, single.astype(np.float64) @ turned.astype(np.float64), rtol=0, atol=2e-4)


@pytest.mark.parametrize(
    ("api", "architecture", "expected"),
    [("openblas", "SkylakeX", True), ("openblas", "Haswell", False), ("mkl", "SkylakeX", False), ("blis", None, False)],
)
def test_which_blas_takes_small_products(api, architecture, expected, monkeypatch):
    info = {"internal_api": api} | ({"architecture": architecture} if architecture else {})
    found = SimpleNamespace(info=lambda: info, get_num_threads=lambda: 1, set_num_threads=lambda threads: None)
    monkeypatch.setattr(blas, "_libraries", lambda: [blas._library(found)])
    assert blas.takes_small_products.__wrapped__() is expected


@pytest.mark.parametrize(
    ("a", "b"),
    [((1, 50000), (50000, 1)), ((50000,), (50000,)), ((20000, 3), (3,)), ((5,), (5, 9000)), ((3, 9000), (9000, 1))],
)
def test_blas_shares_no_product_with_a_vector(a, b):
    """From 9,216 values on it would, and the sum of a long row has other bits then."""
    rng = np.random.default_rng(0)
    for _ in range(10):
        x, y = rng.standard_normal(a), rng.standard_normal(b)
        found = set()
        for count in (1, 2, 4):
            with threadpool_limits(count, user_api="blas"):
                found.add(kernel.matmul(x, y).tobytes())
        assert len(found) == 1
