"""Large arrays cut over threads, and choice by bits: the bits that NumPy gives, for any values, layout and dtype."""

import itertools
import warnings

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.dtypes import result_type
from tensorgrad.kernels import buffers, elementwise, layout, threads

FLOATS = [np.float16, np.float32, np.float64]
DTYPES = [*FLOATS, np.int8, np.uint8, np.int32, np.int64, np.bool_]
SPECIAL = [np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 6e-8, 65504.0]
SMALL, LARGE = (3, 4, 5, 2), (4, 16, 80, 60)
ORDERS = {"C": (0, 1, 2, 3), "F": (3, 2, 1, 0), "pixels": (2, 3, 1, 0), "channels": (1, 2, 3, 0)}


@pytest.fixture(autouse=True)
def _many_chunks(monkeypatch):
    """Three threads, and chunks that do not divide anything."""
    monkeypatch.setattr(threads, "_chosen", 3)
    for name in ("CHUNK_BYTES", "WIDE_BYTES"):
        monkeypatch.setattr(elementwise, name, 99_991)


@pytest.fixture
def chunks(monkeypatch):
    """The number of chunks of each job."""
    counts = []

    def spy(work, count, size, kind, writes):
        counts.append(count)
        threads.run(work, count)

    monkeypatch.setattr(elementwise, "run", spy)
    return counts


def values(shape, dtype, seed=0):
    """Numbers, with nan of both signs, infinities, zeros of both signs and subnormals if the dtype has them."""
    rng = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        x = rng.standard_normal(shape).astype(dtype)
        at = rng.random(shape) < 0.3
        x[at] = rng.choice(np.array(SPECIAL, dtype), int(at.sum()))
        return x
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    x = rng.integers(low, high, shape, dtype, endpoint=True)
    x[rng.random(shape) < 0.3] = 0
    return x


def in_order(x, order):
    return np.ascontiguousarray(x.transpose(order)).transpose(np.argsort(order))


LAYOUTS = {name: lambda x, order=order: in_order(x, order) for name, order in ORDERS.items()} | {
    "strided": lambda x: np.repeat(x, 2, axis=-1)[..., ::2],
    "negative": lambda x: np.flip(np.flip(x).copy()),
    "a part": lambda x: np.pad(x, 1)[1:-1, 1:-1, 1:-1, 1:-1],
    "repeated": lambda x: np.broadcast_to(x[:1], x.shape),
}


def assert_same_bits(result, expected):
    assert result.dtype == expected.dtype
    assert result.shape == expected.shape
    assert np.ascontiguousarray(result).tobytes() == np.ascontiguousarray(expected).tobytes()


# apply


@pytest.mark.parametrize("shape", [SMALL, LARGE])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("ufunc", [np.maximum, np.minimum, np.less_equal, np.multiply])
def test_apply_equals_numpy(ufunc, dtype, shape):
    x, y = values(shape, dtype), values(shape, dtype, 1)
    result_dtype = np.bool_ if ufunc is np.less_equal else None
    with np.errstate(over="ignore", invalid="ignore"):
        assert_same_bits(elementwise.by_parts(ufunc, x, y, dtype=result_dtype), ufunc(x, y))
        if dtype is not np.bool_:
            assert_same_bits(elementwise.by_parts(ufunc, x, 0, dtype=result_dtype), ufunc(x, 0))
            assert_same_bits(elementwise.by_parts(ufunc, x, 1, dtype=result_dtype), ufunc(x, 1))


@pytest.mark.parametrize("one, other", list(itertools.product(LAYOUTS, repeat=2)))
def test_apply_to_any_layouts(one, other):
    x, y = LAYOUTS[one](values(LARGE, np.float32)), LAYOUTS[other](values(LARGE, np.float32, 1))
    result = elementwise.apply(np.maximum, x, y)
    assert_same_bits(result, np.maximum(x, y))
    assert_same_bits(elementwise.by_parts(np.less_equal, x, y, dtype=np.bool_), np.less_equal(x, y))
    assert not np.shares_memory(result, x)
    assert not np.shares_memory(result, y)


@pytest.mark.parametrize("one, other", list(itertools.product(LAYOUTS, repeat=2)))
def test_a_function_of_several_steps_by_parts(one, other):
    x, y = LAYOUTS[one](values(LARGE, np.float32)), LAYOUTS[other](values(LARGE, np.float32, 1))

    def steps(x, y, factor):
        return np.where(np.signbit(x), x * factor, np.square(y)) - y

    with np.errstate(all="ignore"):
        assert_same_bits(elementwise.by_parts(steps, x, y, 0.5), steps(x, y, 0.5))
        assert_same_bits(elementwise.by_parts(lambda k, x: k - x * x, 1, x), 1 - x * x)
        assert_same_bits(elementwise.apply(np.subtract, 1, x), 1 - x)
        assert_same_bits(elementwise.by_parts(steps, x, y.astype(np.float64), 2), steps(x, y.astype(np.float64), 2))
        assert_same_bits(elementwise.by_parts(steps, x, y, np.float64(2)), steps(x, y, np.float64(2)))


@pytest.mark.parametrize("name", ORDERS)
@pytest.mark.parametrize("dtype", [np.float32, np.bool_])
def test_results_of_large_arrays_lie_as_they_do_and_are_cut(chunks, name, dtype):
    x = LAYOUTS[name](values(LARGE, np.float32))
    result = elementwise.by_parts(np.less_equal if dtype is np.bool_ else np.maximum, x, 0, dtype=dtype)
    assert result.transpose(ORDERS[name]).flags.c_contiguous
    assert chunks == [3 * -(-x.nbytes // (3 * 99_991))]
    chosen = elementwise.select(x, x > 0)
    assert chosen.transpose(ORDERS[name]).flags.c_contiguous
    assert chunks == [3 * -(-x.nbytes // (3 * 99_991))] * 2


@pytest.mark.parametrize("shape", [SMALL, LARGE, (0, 3, 2, 2), (1,), ()])
def test_apply_to_arrays_that_broadcast(shape):
    x = np.asarray(values(shape or (1,), np.float32).reshape(shape))
    others = [np.float32(2), np.asarray(2, np.float32), values((5, *shape), np.float32, 1), np.full(1, 3, np.float32)]
    if len(shape) == 4:
        others += [values((shape[1], 1, 1), np.float32, 2), values((1, *shape[1:]), np.float32, 2)]
    for other in others:
        assert_same_bits(np.asarray(elementwise.apply(np.maximum, x, other)), np.asarray(np.maximum(x, other)))
        assert_same_bits(np.asarray(elementwise.apply(np.maximum, other, x)), np.asarray(np.maximum(other, x)))


@pytest.mark.parametrize("number", [0, 0.0, -0.0, 1, 2.5, -3, np.nan, np.inf, -np.inf, True])
@pytest.mark.parametrize("dtype", FLOATS)
def test_apply_with_numbers(dtype, number):
    for shape in (SMALL, LARGE):
        x = values(shape, dtype)
        assert_same_bits(elementwise.apply(np.maximum, x, number), np.maximum(x, number))
        assert_same_bits(elementwise.by_parts(np.less_equal, x, number, dtype=np.bool_), np.less_equal(x, number))
    assert elementwise.apply(np.maximum, 1.0, number) == np.maximum(1.0, number) or number != number


def test_apply_warns_and_raises_as_the_caller_asks():
    x = np.full(LARGE, 3e38, np.float32)
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        elementwise.apply(np.multiply, x, x)
    with np.errstate(over="ignore"), warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isinf(elementwise.apply(np.multiply, x, x)).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_relu_and_comparison_of_tensors(dtype):
    for shape in (SMALL, LARGE):
        x, y = values(shape, dtype), values(shape, dtype, 1)
        assert_same_bits(tg.le(tg.tensor(x), tg.tensor(y)).numpy(), np.less_equal(x, y))
        if dtype is not np.bool_:
            assert_same_bits(tg.relu(tg.tensor(x)).numpy(), np.maximum(x, x.dtype.type(0)))


def test_comparison_of_tensors_of_two_dtypes():
    for one, other in itertools.combinations([np.float32, np.float64, np.int32, np.int64, np.bool_], 2):
        x, y = values(LARGE, one), values(LARGE, other, 1)
        common = result_type(x, y)
        expected = np.less_equal(x.astype(common), y.astype(common))
        assert_same_bits(tg.le(tg.tensor(x), tg.tensor(y)).numpy(), expected)
        assert_same_bits(tg.le(tg.tensor(x), 1).numpy(), np.less_equal(x, 1))


def test_one_value_repeated_is_cut_with_the_others(chunks):
    """As the gradient of a sum is, which has one value and the strides 0."""
    x = LAYOUTS["pixels"](values(LARGE, np.float32))
    g = np.broadcast_to(np.float32(3), LARGE)
    for args in ((x, g), (g, x), (g, x, 2.0)):
        product = elementwise.by_parts(lambda a, b, c=1.0: a * b * c, *args)
        assert_same_bits(product, 3 * x * (args[2] if len(args) > 2 else 1))
    assert chunks == [3 * -(-x.nbytes // (3 * 99_991))] * 3
    assert_same_bits(elementwise.by_parts(lambda a: a * 2, g), g * 2)
    assert_same_bits(elementwise.by_parts(np.multiply, g, x[0]), g * x[0])
    assert len(chunks) == 3


@elementwise.into
def _product_of_three(out, x, y, factor):
    np.multiply(x, y, out=out)
    np.multiply(out, factor, out=out)


@pytest.mark.parametrize("one, other", list(itertools.product(LAYOUTS, repeat=2)))
@pytest.mark.parametrize("shape", [(4, 5, 10, 9), LARGE], ids=["small", "large"])
def test_a_function_that_writes_into_its_result(shape, one, other):
    x, y = LAYOUTS[one](values(shape, np.float32)), LAYOUTS[other](values(shape, np.float32, 1))
    with np.errstate(all="ignore"):
        assert_same_bits(elementwise.apply(_product_of_three, x, y, 0.5), x * y * np.float32(0.5))


def test_a_function_that_writes_takes_what_ufuncs_take():
    x = values((3, 1), np.float32)
    with np.errstate(all="ignore"):
        assert_same_bits(_product_of_three(x, x.T.copy(), 2.0), x * x.T * 2)
        assert_same_bits(_product_of_three(x[0, 0], x[1, 0], 2.0), np.asarray(x[0, 0] * x[1, 0] * 2))
        assert_same_bits(_product_of_three(3, x, 2.0), 6 * x)
    assert_same_bits(_product_of_three(np.arange(3), 1.0, 2), np.arange(3) * 2.0)
    assert_same_bits(_product_of_three(np.ones(2, ">f4"), 1.0, 2), np.full(2, 2, np.float32))
    half = np.full(LARGE, 255, np.float16)
    exact = elementwise.apply(_product_of_three, half, half, 255.0 / 255**2)  # 65025 has more digits than a half
    assert_same_bits(exact, half)


@pytest.mark.parametrize(
    "low, high", [(-1.0, 1.0), (0.0, 1.0), (-2, 0), (0, 0), (-np.inf, 1.5), (2.0, -2.0), (np.nan, 1)]
)
@pytest.mark.parametrize("shape", [(3,), (999,), (4001,), LARGE])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_clamp_equals_numpys_maximum_and_minimum(dtype, shape, low, high):
    x = values(shape, dtype)
    expected = np.minimum(np.maximum(x, dtype(low)), dtype(high))  # the sign of nan is anything
    got = tg.clamp(tg.tensor(x), low, high).numpy()
    np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(np.signbit(got)[got == got], np.signbit(expected)[got == got])
    np.testing.assert_array_equal(tg.clamp(tg.tensor(x), min=low).numpy(), np.maximum(x, dtype(low)))
    np.testing.assert_array_equal(tg.clamp(tg.tensor(x), max=high).numpy(), np.minimum(x, dtype(high)))


# where and select


@pytest.mark.parametrize("shape", [SMALL, LARGE, (1001,), (10, 101), (1,), (0, 5)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_where_equals_numpy(dtype, shape):
    condition = np.random.default_rng(2).random(shape) < 0.5
    x, y = values(shape, dtype), values(shape, dtype, 1)
    for args in itertools.product([x, 0, 0.0, -0.0, 1, 2.5, np.nan], [y, 0, 0.0, -0.0, 3]):
        assert_same_bits(elementwise.where(condition, *args), np.where(condition, *args))


@pytest.mark.parametrize("shape", [SMALL, LARGE, (5, 2001)])
@pytest.mark.parametrize("zero", [0, 0.0])
def test_what_is_not_chosen_leaves_no_trace(shape, zero):
    """0 * inf and 0 * nan are nan: the bits are multiplied, not the numbers, and no warning comes."""
    condition = np.random.default_rng(2).random(shape) < 0.5
    for dtype in FLOATS:
        for bad in (np.nan, np.inf, -np.inf, -1.0):
            x = np.full(shape, bad, dtype)
            with np.errstate(all="raise"):
                assert_same_bits(elementwise.where(condition, x, zero), np.where(condition, x, x.dtype.type(0)))
                assert_same_bits(elementwise.where(condition, zero, x), np.where(condition, x.dtype.type(0), x))
                assert_same_bits(elementwise.select(x, condition), np.where(condition, x, x.dtype.type(0)))


@pytest.mark.parametrize("fill", [True, False])
def test_all_or_nothing_is_chosen(fill):
    x = values(LARGE, np.float32)
    assert_same_bits(elementwise.select(x, np.full(LARGE, fill)), x if fill else np.zeros_like(x))


@pytest.mark.parametrize("one, other", list(itertools.product(LAYOUTS, repeat=2)))
@pytest.mark.parametrize("shape", [(4, 5, 10, 9), LARGE], ids=["small", "large"])
def test_where_in_any_layouts(shape, one, other):
    x = LAYOUTS[one](values(shape, np.float32))
    condition = LAYOUTS[other](np.random.default_rng(2).random(shape) < 0.5)
    x_before, condition_before = x.copy(), condition.copy()
    x.flags.writeable = condition.flags.writeable = False
    expected = np.where(condition, x, np.float32(0))
    for result in (
        elementwise.where(condition, x, 0.0),
        elementwise.where(~condition, 0.0, x),
        elementwise.select(x, condition),
    ):
        assert_same_bits(result, expected)
        assert result.flags.writeable
        assert not np.shares_memory(result, x)
    assert_same_bits(x, x_before)
    assert_same_bits(condition, condition_before)


@pytest.mark.parametrize("shape", [(4, 5, 10, 9), LARGE], ids=["small", "large"])
@pytest.mark.parametrize("one, other", list(itertools.product(ORDERS, repeat=2)))
def test_what_is_chosen_lies_as_the_mask_does(shape, one, other):
    x = LAYOUTS[one](values(shape, np.float32))
    mask = LAYOUTS[other](np.random.default_rng(2).random(shape) < 0.5)
    assert elementwise.select(x, mask).transpose(ORDERS[other]).flags.c_contiguous


def test_where_of_shapes_that_broadcast():
    rng = np.random.default_rng(2)
    for shapes in [
        ((40, 50), (50,), ()),
        ((40, 1), (1, 50), (40, 50)),
        ((50,), (40, 50), ()),
        ((3, 40, 50), (40, 1), ()),
    ]:
        condition = rng.random(shapes[0]) < 0.5
        x, y = (values(shape or (1,), np.float32).reshape(shape) for shape in shapes[1:])
        for args in ((x, y), (x, 0), (0.0, x), (y, 0.0)):
            assert_same_bits(elementwise.where(condition, *args), np.where(condition, *args))


@pytest.mark.parametrize("condition", [True, np.True_, np.asarray(False), np.ones(2000, bool)])
def test_conditions_of_any_kind(condition):
    for args in ((1.0, 2.0), (np.float32(1), 0.0), (np.arange(3.0)[:, None], 0), (0, np.asarray(2.0))):
        assert_same_bits(np.asarray(elementwise.where(condition, *args)), np.asarray(np.where(condition, *args)))


def test_gradients_of_relu_and_where_take_what_was_chosen():
    for shape in (SMALL, LARGE):
        x, g = values(shape, np.float32), values(shape, np.float32, 1)
        a = tg.tensor(x, requires_grad=True)
        tg.relu(a).backward(tg.tensor(g))
        assert_same_bits(a.grad.numpy(), np.where(x <= 0, np.float32(0), g))
        condition = np.random.default_rng(2).random(shape) < 0.5
        a, b = tg.tensor(x, requires_grad=True), tg.tensor(x, requires_grad=True)
        tg.where(tg.tensor(condition), a, b).backward(tg.tensor(g))
        assert_same_bits(a.grad.numpy(), np.where(condition, g, np.float32(0)))
        assert_same_bits(b.grad.numpy(), np.where(condition, np.float32(0), g))


# What both are made of


@pytest.mark.parametrize("names", list(itertools.product(LAYOUTS, repeat=2)))
def test_flat_views_are_views_in_one_order(names):
    shape = (3, 4, 5, 2)
    index = np.arange(120, dtype=np.float64).reshape(shape)
    one, other = LAYOUTS[names[0]](index), LAYOUTS[names[1]](index.astype(np.float32))
    flat = elementwise.flat_views(one, other)
    is_plain = names[0] == names[1] and names[0] in ORDERS
    if is_plain:
        assert flat is not None
    if flat is not None:
        for vector, array in zip(flat, (one, other), strict=True):
            assert vector.ndim == 1
            assert np.shares_memory(vector, array)
            assert vector.size == array.size
        np.testing.assert_array_equal(*flat)


def test_flat_views_take_axes_of_one_element_for_nothing():
    one = np.empty((4, 1, 3), np.float32)
    other = np.lib.stride_tricks.as_strided(np.empty(12, np.float32), (4, 1, 3), (12, 800, 4))
    assert elementwise.flat_views(one, other) is not None
    assert elementwise.flat_views(one, np.empty((4, 3, 1), np.float32)) is None
    assert elementwise.flat_views(one, np.empty((4, 3), np.float32)) is None


@pytest.mark.parametrize("count", [0, 1, 24_997, 24_998, 100_000])
def test_slices_cover_everything_once(count):
    seen = np.zeros(count, int)

    def work(at):
        seen[at] += 1

    elementwise.over_slices(work, count, 4)
    assert (seen == 1).all()


def test_large_and_small_are_told_by_bytes(chunks):
    least = elementwise.LARGE_BYTES // 4
    for size in (least - 1, least):
        elementwise.apply(np.maximum, np.ones(size, np.float32), 0)
    assert len(chunks) == 1


def test_threads_take_memory_of_a_block_that_comes_back():
    x = in_order(values(LARGE, np.float32), ORDERS["pixels"])
    result = elementwise.apply(np.maximum, x, 0)
    assert np.shares_memory(layout.pixels(result), result)


def test_large_booleans_and_integers_go_numpys_way():
    for dtype in (np.bool_, np.int8, np.int64):
        x = np.ones(1 << 20, dtype)
        assert elementwise.apply(np.maximum, x, 0).dtype == np.maximum(x[:1], 0).dtype


# relu


def as_every_second(x):
    return np.repeat(x, 2)[::2]


RELU_SIZES = [0, 1, 999, 1000, 1001, 16_384, 16_385, 40_000, 100_003]
RELU_LAYOUTS = {
    "plain": lambda x: x,
    "every second": as_every_second,
    "reversed": lambda x: x[::-1],
    "a part": lambda x: np.pad(x, 3)[3 : 3 + x.size],
    "readonly": lambda x: np.frombuffer(x.tobytes(), x.dtype),
}


@pytest.mark.parametrize("name", RELU_LAYOUTS)
@pytest.mark.parametrize("size", RELU_SIZES)
@pytest.mark.parametrize("dtype", FLOATS)
def test_relu_equals_numpys_maximum(dtype, size, name):
    x = RELU_LAYOUTS[name](values((size,), dtype))
    before = x.copy()
    result = elementwise.relu(x)
    assert_same_bits(result, np.maximum(x, 0))
    assert_same_bits(x, before)
    assert not np.shares_memory(result, x)
    assert result.flags.writeable


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("dtype", FLOATS)
def test_relu_of_three_million_numbers(monkeypatch, dtype, count):
    """Whole chunks of zeros, and what is left of each slice."""
    monkeypatch.setattr(threads, "_chosen", count)
    x = values((3_000_000,), dtype)
    expected = np.maximum(x, 0)
    assert_same_bits(elementwise.relu(x), expected)
    monkeypatch.setattr(elementwise, "WIDE_BYTES", 1 << 22)
    assert_same_bits(elementwise.relu(x), expected)


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(0, 3, 2, 2), SMALL, (4, 5, 10, 9), (4, 6, 30, 31), LARGE])
def test_relu_in_any_layout(shape, dtype, name):
    x = LAYOUTS[name](values(shape, dtype))
    result = elementwise.relu(x)
    assert_same_bits(result, np.maximum(x, 0))
    assert not np.shares_memory(result, x)
    if name in ORDERS and x.size > elementwise.ZEROS:
        assert result.transpose(ORDERS[name]).flags.c_contiguous


@pytest.mark.parametrize("special", SPECIAL)
@pytest.mark.parametrize("dtype", FLOATS)
def test_relu_of_one_special_number_wherever_it_is(dtype, special):
    for size in (1, 7, 999, 1003, 16_391, 40_001):
        x = np.full(size, special, dtype)
        assert_same_bits(elementwise.relu(x), np.maximum(x, 0))
        assert_same_bits(elementwise.relu(x[::-1]), np.maximum(x[::-1], 0))


def test_relu_of_single_numbers_and_integers():
    for dtype in DTYPES[:-1]:
        for shape in ((), (1,), (2000,), (20_000,), (400_000,)):
            x = values(shape or (1,), dtype).reshape(shape)
            assert_same_bits(np.asarray(elementwise.relu(x)), np.asarray(np.maximum(x, 0)))
    for number in (3, -3, 0, 2.5, -2.5, np.inf, np.float32(-1), np.float64(7)):
        assert elementwise.relu(number) == max(number, 0)
        assert np.asarray(elementwise.relu(number)).dtype == np.maximum(number, 0).dtype


def test_however_many_threads_there_may_be_no_more_chunks_are_made_than_there_is_work(monkeypatch):
    monkeypatch.setattr(elementwise, "get_num_threads", lambda: 10**30)
    monkeypatch.setattr(elementwise, "run", lambda work, count, *args: [work(number) for number in range(count)])
    done = []
    elementwise.over_slices(done.append, 3_000_000, 4)
    assert len(done) <= 3_000_000 * 4 // buffers.LEAST_BYTES + 1
    assert sorted((at.start, at.stop) for at in done) == [(at.start, at.stop) for at in done]
    assert sum(at.stop - at.start for at in done) == 3_000_000
