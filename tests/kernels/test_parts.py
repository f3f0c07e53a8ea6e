"""Parts put together: values, zeros for what is missing, the order in memory, and any number of threads."""

import numpy as np
import pytest

from tensorgrad.kernels import threads
from tensorgrad.kernels.parts import put_together

rng = np.random.default_rng(0)


def cut(x, axis, sizes):
    ends = np.cumsum(sizes)
    places = [(slice(None),) * axis + (slice(end - size, end),) for size, end in zip(sizes, ends, strict=True)]
    return [x[place] for place in places], places


@pytest.mark.parametrize("sizes", [(2, 3), (0, 4, 1), (1, 1, 1, 2), (5, 0)])
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_parts_are_put_where_they_were(sizes, axis, dtype):
    x = rng.standard_normal((5, 5, 5)).astype(dtype)
    x[0, 0, :3] = -0.0, np.inf, np.nan
    parts, places = cut(x, axis, sizes)
    whole = put_together(parts, places, x.shape)
    assert whole.dtype == dtype
    assert whole.tobytes() == x.tobytes()
    assert not np.may_share_memory(whole, x)


def test_what_is_missing_is_zero():
    x = rng.standard_normal((4, 6))
    parts, places = cut(x, 1, (1, 2, 3))
    for missing in ([0], [2], [0, 1], [1, 2]):
        given = [None if i in missing else part for i, part in enumerate(parts)]
        right = x.copy()
        for i in missing:
            right[places[i]] = 0
        np.testing.assert_array_equal(put_together(given, places, x.shape), right)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 2, 3, 1), (2, 3, 1, 0)])
def test_the_whole_lies_in_memory_as_its_parts_do(order):
    x = np.ascontiguousarray(rng.standard_normal((2, 4, 3, 5)).transpose(order)).transpose(np.argsort(order))
    parts, places = cut(x, 1, (1, 3))
    parts = [part.copy("K") for part in parts]
    whole = put_together(parts, places, x.shape)
    np.testing.assert_array_equal(whole, x)
    assert whole.transpose(order).flags.c_contiguous


def test_large_parts_over_threads():
    x = rng.standard_normal((700, 1000)).astype(np.float32)
    parts, places = cut(x, 1, (100, 0, 650, 250))
    parts[2] = None
    right = x.copy()
    right[:, 100:750] = 0
    before = threads.get_num_threads()
    try:
        for count in (1, 3):
            threads.set_num_threads(count)
            np.testing.assert_array_equal(put_together(parts, places, x.shape), right)
    finally:
        threads.set_num_threads(before)
