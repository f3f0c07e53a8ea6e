"""Triangles, padding by place and reshaping copies, against NumPy's own."""

import numpy as np
import pytest

from tensorgrad.kernels.matmul import matmul, outer
from tensorgrad.kernels.pad import NARROW, pad_by_position, pad_by_position_adjoint
from tensorgrad.kernels.reshape import reshape
from tensorgrad.kernels.triangle import ROWS, triangle

NUMPY_MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int64, np.bool_])
@pytest.mark.parametrize(
    "shape", [(5, 7), (2, 3, 4), (ROWS + 6, 50), (2 * ROWS, 2 * ROWS + 1), (130, 3), (0, 4), (4, 0)]
)
def test_triangles(shape, dtype):
    x = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    for diagonal in (0, 1, -1, 3, -3, 63, 64, 65, -63, -64, -65, 1000, -1000):
        for array in (x, x[..., ::-1], np.swapaxes(np.swapaxes(x, -1, -2).copy(), -1, -2)):
            for upper, numpys in ((True, np.triu), (False, np.tril)):
                found = triangle(array, diagonal, upper)
                assert found.dtype == dtype
                np.testing.assert_array_equal(found, numpys(array, diagonal))


def test_what_a_triangle_leaves_out_leaves_no_trace():
    found = triangle(np.full((100, 100), np.nan, np.float32), 0, upper=True)
    assert not np.tril(found, -1).any()
    assert not np.signbit(np.tril(triangle(-np.ones((9, 9)), 0, upper=True), -1)).any()


@pytest.mark.parametrize("mode", NUMPY_MODES)
@pytest.mark.parametrize(
    "widths", [((0, 0), (2, 3)), ((1, 0), (0, 2)), ((0, NARROW), (1, 1)), ((0, NARROW + 1), (1, 1))]
)
def test_padding_and_its_adjoint(widths, mode):
    rng = np.random.default_rng(0)
    for x in (rng.integers(-9, 9, (20, 6)).astype(np.float32), rng.integers(-9, 9, (6, 20)).astype(np.float32).T):
        padded = pad_by_position(x, widths, mode)
        np.testing.assert_array_equal(padded, np.pad(x, widths, mode=NUMPY_MODES[mode]))
        g = rng.integers(-9, 9, padded.shape).astype(np.float32)
        for laid in (g, np.asfortranarray(g)):
            back = pad_by_position_adjoint(laid, x.shape, widths, mode)
            expected = np.zeros(x.shape, np.float32)
            sources = pad_by_position(np.arange(x.size).reshape(x.shape), widths, mode)
            np.add.at(expected.reshape(-1), sources, g)
            np.testing.assert_array_equal(back, expected)  # whole numbers: exact in any order


def test_padding_by_nothing_is_a_copy():
    x = np.ones((3, 4), np.float32)
    for found in (
        pad_by_position(x, ((0, 0),) * 2, "reflect"),
        pad_by_position_adjoint(x, (3, 4), ((0, 0),) * 2, "reflect"),
    ):
        assert not np.may_share_memory(found, x)
        np.testing.assert_array_equal(found, x)


def test_reshaping_of_large_matrices():
    x = np.random.default_rng(0).standard_normal((512, 256)).astype(np.float32)
    for array in (x, x.T, x[::2], x[:, ::-1], np.broadcast_to(x[:1], x.shape)):
        for shape in ((-1,), (64, -1), (8, 16, -1)):
            np.testing.assert_array_equal(reshape(array, np.reshape(array, shape).shape), np.reshape(array, shape))
    assert np.may_share_memory(reshape(x[:, :128], (2, 256, 128)), x)
    assert np.may_share_memory(reshape(x.T, (16, 16, 512)), x)


@pytest.mark.parametrize("n, m", [(3, 4), (600, 700), (1, 1 << 19), (1 << 19, 1), (0, 3)])
def test_a_column_times_a_row(n, m):
    rng = np.random.default_rng(0)
    column, row = rng.standard_normal((n, 1)).astype(np.float32), rng.standard_normal((1, m)).astype(np.float32)
    for found in (matmul(column, row), outer(column, row)):
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, column * row)
    many = rng.standard_normal((5, 4, 1)), rng.standard_normal((5, 1, 3))
    np.testing.assert_array_equal(matmul(*many), np.matmul(*many))
