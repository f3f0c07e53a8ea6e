"""Products above the sizes from which they are cut, against NumPy's."""

import numpy as np
import pytest

import tensorgrad as tg
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
