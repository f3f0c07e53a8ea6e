"""What users set about how things are computed: threads, the way of convolutions, memory that is kept."""

import threading

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.kernels import (
    buffers,
    choose,
    conv,
    depthwise,
    depthwise_planes,
    direct,
    gathered,
    im2col,
    shifted,
    stacked,
    threads,
    winograd,
    winograd1d,
    winograd3d,
    winograd_height,
    winograd_sums,
)

PADS = ((1, 1), (1, 1))
ONE = (1, 1)


@pytest.fixture(autouse=True)
def _as_before():
    chosen = threads._chosen
    yield
    threads._chosen = chosen
    assert choose.chosen.get() == "auto"


@pytest.fixture
def used(monkeypatch):
    """The names of the algorithms that were asked to compute, in order."""
    names = []

    def spy_on(module, function):
        compute, name = getattr(module, function), module.__name__.rpartition(".")[2]

        def spy(*args, **params):
            names.append(name)
            return compute(*args, **params)

        monkeypatch.setattr(module, function, spy)

    for module in (
        depthwise, depthwise_planes, direct, im2col, winograd, winograd1d, winograd3d, winograd_height,
    ):  # fmt: skip
        spy_on(module, "correlate")
        spy_on(module, "weight_grad")
    spy_on(shifted, "weight_grad")
    spy_on(stacked, "correlate")
    spy_on(winograd_sums, "weight_grad")
    for function in ("correlate", "weight_grad", "input_grad"):
        spy_on(gathered, function)
    return names


def images(n=2, c=2, size=(6, 6), dtype=np.float32):
    return np.random.default_rng(0).standard_normal((n, c, *size)).astype(dtype)


def filters(o=2, c=2, kernel=(3, 3), dtype=np.float32):
    return np.random.default_rng(1).standard_normal((o, c, *kernel)).astype(dtype)


def family(x, w, stride=ONE, padding=PADS, dilation=ONE, groups=1):
    out = conv.conv(x, w, stride, padding, dilation, groups)
    gx = conv.conv_input_grad(out, w, x.shape, stride, padding, dilation, groups)
    return out, gx, conv.conv_weight_grad(out, x, w.shape, stride, padding, dilation, groups)


# Threads


@pytest.mark.parametrize("count", [1, 2, 3, 64, np.int64(4), np.uint8(2)])
def test_the_number_of_threads(count):
    tg.set_num_threads(count)
    assert tg.get_num_threads() == count
    assert type(tg.get_num_threads()) is int


def test_at_first_as_many_threads_as_there_are_cores(monkeypatch):
    monkeypatch.setattr(threads, "_chosen", None)
    assert tg.get_num_threads() == threads.available_threads() == 1  # conftest.py sets OMP_NUM_THREADS
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert tg.get_num_threads() == threads.available_threads() >= 1


@pytest.mark.parametrize("count", [True, False, np.bool_(True), 2.0, "2", None, [2], np.float32(2), np.array(2)])
def test_a_number_of_threads_that_is_no_int(count):
    before = tg.get_num_threads()
    with pytest.raises(tg.DTypeError, match="set_num_threads: count must be an int, got"):
        tg.set_num_threads(count)
    assert tg.get_num_threads() == before


@pytest.mark.parametrize("count", [0, -1, np.int64(-5)])
def test_less_than_one_thread(count):
    before = tg.get_num_threads()
    with pytest.raises(tg.ShapeError, match="set_num_threads: count must be at least 1, got"):
        tg.set_num_threads(count)
    assert tg.get_num_threads() == before


@pytest.mark.parametrize("count", [1, 2, 3])
def test_operations_use_no_more_threads(monkeypatch, count):
    """A large product has eight blocks; the blocks are computed in as many threads as are set."""
    tg.set_num_threads(count)
    seen = set()
    barrier = threading.Barrier(count)
    matmul = np.matmul

    def spy(*args, **params):
        if threading.get_ident() not in seen:
            seen.add(threading.get_ident())
            barrier.wait(10)
        return matmul(*args, **params)

    monkeypatch.setattr(np, "matmul", spy)
    x = tg.ones(512, 512)
    assert float((x @ x).sum()) == 512**3
    assert len(seen) == count


def test_the_number_of_threads_holds_for_all_threads():
    tg.set_num_threads(3)
    seen = []
    thread = threading.Thread(target=lambda: seen.append(tg.get_num_threads()))
    thread.start()
    thread.join()
    assert seen == [3]


# The way of convolutions


@pytest.mark.parametrize("name", choose.ALGORITHMS)
def test_every_algorithm_has_a_name(name):
    with tg.conv_algorithm(name) as nothing:
        assert nothing is None
        assert choose.chosen.get() == name
    assert name in tg.conv_algorithm.__doc__


@pytest.mark.parametrize("name", ["", "fft", "Direct", "im2col ", None, 1, ("direct",)])
def test_no_other_names(name):
    told = "conv_algorithm: there is no algorithm .*, only 'auto', 'im2col', 'direct', 'shifted', 'gathered', "
    told += "'stacked', 'winograd', 'winograd1d'$"
    with pytest.raises(tg.ShapeError, match=told), tg.conv_algorithm(name):
        pytest.fail("the block was entered")


def test_a_name_that_cannot_be_compared():
    with pytest.raises(tg.ShapeError, match="conv_algorithm"), tg.conv_algorithm(["direct"]):
        pass


def test_blocks_in_blocks():
    with tg.conv_algorithm("direct"):
        with tg.conv_algorithm("im2col"):
            assert choose.chosen.get() == "im2col"
            with tg.conv_algorithm("auto"):
                assert choose.chosen.get() == "auto"
        assert choose.chosen.get() == "direct"
    assert choose.chosen.get() == "auto"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, GeneratorExit])
def test_set_back_after_an_error(error):
    with tg.conv_algorithm("direct"):
        with pytest.raises(error), tg.conv_algorithm("im2col"):
            raise error
        assert choose.chosen.get() == "direct"


def test_another_name_in_a_block_leaves_it():
    with tg.conv_algorithm("direct"):
        with pytest.raises(tg.ShapeError), tg.conv_algorithm("fft"):
            pass
        assert choose.chosen.get() == "direct"


def test_as_a_decorator():
    @tg.conv_algorithm("direct")
    def work():
        return choose.chosen.get()

    assert [work(), work(), choose.chosen.get()] == ["direct", "direct", "auto"]


def test_holds_for_its_own_thread():
    seen = []

    def other():
        seen.append(choose.chosen.get())
        with tg.conv_algorithm("im2col"):
            inside.set()
            leave.wait(10)
            seen.append(choose.chosen.get())

    inside, leave = threading.Event(), threading.Event()
    with tg.conv_algorithm("direct"):
        thread = threading.Thread(target=other)
        thread.start()
        assert inside.wait(10)
        assert choose.chosen.get() == "direct"
        leave.set()
        thread.join()
        assert choose.chosen.get() == "direct"
    assert seen == ["auto", "im2col"]


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("name", ["im2col", "direct", "shifted", "gathered", "stacked", "winograd", "winograd1d"])
@pytest.mark.parametrize("batch", [1, 2, 17, 64])
def test_the_named_algorithm_computes(used, name, batch, workers):
    tg.set_num_threads(workers)
    with tg.conv_algorithm(name):
        family(images(batch), filters())
    # Two have a part of their own: the weight gradient, or the products forwards and of the input's gradient.
    parts = {"shifted": ["direct", "direct", name], "stacked": ["stacked", "stacked", "direct"]}
    assert used == parts.get(name, [name] * 3)


def test_few_filters_are_stacked_by_itself(used):
    few, many = filters(o=3, c=24), filters(o=24, c=3)
    family(images(16, 24), few)
    family(images(16, 3), many)
    assert used == ["stacked", "direct", "direct", "direct", "stacked", "shifted"]


@pytest.mark.parametrize(
    ("images_of", "filters_of", "params", "expected"),
    [
        ((8, 128, (6, 6)), (128, 128), {}, ["gathered"] * 3),  # in place of tiles
        ((8, 128, (8, 8)), (128, 128), {}, ["winograd", "winograd", "winograd_sums"]),  # too many windows
        ((8, 120, (6, 6)), (120, 120), {}, ["winograd", "winograd", "winograd_sums"]),  # too few weights
        ((8, 256, (12, 12)), (256, 256), {"stride": (2, 2)}, ["gathered"] * 3),
        ((8, 192, (12, 12)), (192, 192), {"stride": (2, 2)}, ["direct", *["direct"] * 4, "gathered"]),
        ((8, 160, (12, 12)), (160, 160), {"stride": (2, 2)}, ["direct", *["direct"] * 4, "shifted"]),
        ((64, 256, (12, 12)), (256, 256), {"stride": (2, 2)}, ["direct", *["direct"] * 4, "shifted"]),
    ],
)
def test_many_filters_on_few_pixels_are_gathered(used, images_of, filters_of, params, expected):
    family(images(*images_of), filters(*filters_of), **params)
    assert used == expected


def test_the_named_algorithm_computes_the_gradients_of_a_tensor(used):
    with tg.conv_algorithm("direct"):
        x, w = tg.tensor(images(), requires_grad=True), tg.tensor(filters(), requires_grad=True)
        tg.conv2d(x, w, padding=1).sum().backward()
    assert used == ["direct"] * 3


ODD = {
    "one axis": ({"size": (6,)}, {"kernel": (3,)}, {"stride": (1,), "padding": ((1, 1),), "dilation": (1,)}),
    "three axes": (
        {"size": (4, 5, 3)}, {"kernel": (3, 3, 3)},
        {"stride": (1, 1, 1), "padding": ((1, 1),) * 3, "dilation": (1, 1, 1)},
    ),
    "float16": ({"dtype": np.float16}, {"dtype": np.float16}, {}),
}  # fmt: skip


WINOGRADS = {("one axis", "winograd1d"): "winograd_height", ("three axes", "winograd"): "winograd3d"}


@pytest.mark.parametrize("name", ["direct", "shifted", "gathered", "stacked", "winograd", "winograd1d"])
@pytest.mark.parametrize("odd", ODD)
def test_gives_way_to_im2col_where_it_does_not_fit(used, odd, name):
    shape, weight, params = ODD[odd]
    x, w = images(64, **shape), filters(**weight)
    with tg.conv_algorithm(name):
        results = family(x, w, **params)
    expected = WINOGRADS.get((odd, name), "im2col")
    assert used == [expected] * 3
    with tg.conv_algorithm("im2col"):
        for one, other in zip(results, family(x, w, **params), strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=0 if expected == "im2col" else 1e-5 * abs(other).max())


def on_axes(rank, stride=1, dilation=1):
    return {"stride": (stride,) * rank, "padding": ((dilation,) * 2,) * rank, "dilation": (dilation,) * rank}


@pytest.mark.parametrize(
    ("x", "w", "params", "expected"),
    [
        (images(16, 64, (64,)), filters(64, 64, (5,)), on_axes(1), "winograd_height"),
        (images(16, 64, (64,)), filters(64, 64, (8,)), on_axes(1), "im2col"),
        (images(16, 64, (64,)), filters(64, 64, (5,)), on_axes(1, stride=3), "im2col"),
        (images(16, 64, (130,)), filters(64, 64, (5,)), on_axes(1, dilation=2), "winograd_height"),
        (images(16, 32, (64,)), filters(32, 32, (3,)), on_axes(1), "im2col"),
        (images(11, 64, (64,)), filters(64, 64, (5,)), on_axes(1), "im2col"),
        (images(2, 16, (8, 8, 8)), filters(16, 16, (3, 3, 3)), on_axes(3), "winograd3d"),
        (images(2, 8, (8, 8, 8)), filters(8, 8, (3, 3, 1)), on_axes(3), "im2col"),
        (images(2, 16, (8, 8, 8)), filters(16, 16, (3, 2, 3)), on_axes(3), "im2col"),
        (images(2, 16, (8, 8, 8)), filters(16, 16, (3, 3, 3)), on_axes(3, stride=2), "im2col"),
        (images(2, 16, (1, 8, 8)), filters(16, 16, (3, 3, 3)), on_axes(3), "im2col"),
        (images(4, 16, (8, 8, 8)), filters(16, 16, (3, 3, 3)), on_axes(3, dilation=2), "winograd3d"),
        (images(2, 32, (8, 8, 8)), filters(32, 16, (3, 3, 3)), on_axes(3) | {"groups": 2}, "im2col"),
        (images(2, 16, (8, 8, 8), np.float64), filters(16, 16, (3, 3, 3), np.float64), on_axes(3), "im2col"),
        (images(0, 16, (8, 8, 8)), filters(16, 16, (3, 3, 3)), on_axes(3), "im2col"),
        (images(16, 0, (64,)), filters(64, 0, (5,)), on_axes(1), "im2col"),
    ],
)
def test_sequences_and_volumes_by_winograds_algorithm_where_it_pays(used, x, w, params, expected):
    results = family(x, w, **params)
    assert set(used) == {expected}
    with tg.conv_algorithm("im2col"):
        for one, other in zip(results, family(x, w, **params), strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-5 * abs(other).max(initial=0))


@pytest.mark.parametrize(
    ("name", "expected"),
    [("winograd", {"winograd"}), ("winograd1d", {"winograd1d"}), ("direct", {"direct"})],
)
@pytest.mark.parametrize(("c", "params"), [(8, {"dilation": (2, 2)}), (16, {"groups": 2}), (8, {"dilation": (1, 2)})])
def test_groups_and_dilation_are_many_convolutions(used, c, params, name, expected):
    x, w = images(16, c, (12, 16)), filters(c, 8)
    padding = tuple((d, d) for d in params.get("dilation", ONE))
    with tg.conv_algorithm(name):
        results = family(x, w, padding=padding, **params)
    assert set(used) == expected
    assert len(used) == 3 * params.get("groups", 1) * np.prod(params.get("dilation", ONE))
    with tg.conv_algorithm("im2col"):
        for one, other in zip(results, family(x, w, padding=padding, **params), strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-5 * abs(other).max())


@pytest.mark.parametrize(
    ("n", "c", "params", "expected"),
    [
        (8, 16, {"groups": 2}, "im2col"),
        (16, 16, {"groups": 4}, "im2col"),
        (16, 16, {"groups": 2}, "winograd1d"),
        (7, 4, {"groups": 2}, "im2col"),
        (16, 16, {"dilation": (3, 4)}, "winograd1d"),
        (16, 16, {"dilation": (1, 5)}, "winograd_height"),
        (16, 16, {"dilation": (4, 1)}, "im2col"),
    ],
)
def test_what_is_cut_too_small_is_left_to_images_in_channels(used, n, c, params, expected):
    padding = tuple((d, d) for d in params.get("dilation", ONE))
    family(images(n, c, (12, 16)), filters(c, c // params.get("groups", 1)), padding=padding, **params)
    assert used[0] == expected
    assert ("im2col" in used) == (expected == "im2col")


@pytest.mark.parametrize(
    ("x", "w", "params", "expected"),
    [
        (images(1, 32, (56, 56)), filters(32, 32), {}, "winograd_height"),
        (images(7, 16, (28, 28)), filters(16, 16), {}, "winograd_height"),
        (images(1, 16, (28, 28)), filters(32, 16, (5, 5)), {"padding": ((2, 2), (2, 2))}, "winograd_height"),
        (images(4, 64, (28, 28)), filters(64, 64), {"dilation": (1, 2)}, "winograd_height"),
        (images(4, 64, (28, 28)), filters(64, 64, (2, 3)), {}, "im2col"),
        (images(4, 64, (28, 28)), filters(64, 64), {"stride": (2, 2)}, "im2col"),
        (images(1, 8, (14, 14)), filters(8, 8), {}, "im2col"),
        (images(1, 512, (7, 7)), filters(512, 512), {}, "im2col"),
        (images(4, 128, (28, 28)), filters(128, 64), {"groups": 2}, "im2col"),
        (images(4, 64, (28, 28), np.float64), filters(64, 64, dtype=np.float64), {}, "im2col"),
    ],
)
def test_few_images_are_transformed_along_the_height(used, x, w, params, expected):
    family(x, w, **params)
    assert set(used) == {expected}


@pytest.mark.parametrize("name", ["auto", "direct", "winograd", "winograd1d"])
@pytest.mark.parametrize("dilation", [ONE, (2, 3)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_depthwise_convolution_has_a_kernel_of_its_own(used, name, dilation, dtype):
    x, w = images(8, 5, dtype=dtype), filters(5, 1, dtype=dtype)
    params = {"groups": 5, "dilation": dilation, "padding": ((2, 3), (3, 2))}
    with tg.conv_algorithm(name):
        results = family(x, w, **params)
    assert used == ["depthwise"] * 3
    with tg.conv_algorithm("im2col"):
        for one, other in zip(results, family(x, w, **params), strict=True):
            eps = 1e-6 if dtype == np.float32 else 1e-14
            np.testing.assert_allclose(one, other, rtol=0, atol=eps * abs(other).max())


@pytest.mark.parametrize(
    ("x", "w", "params", "expected"),
    [
        (images(1, 5), filters(5, 1), {"groups": 5}, "depthwise_planes"),
        (images(7, 5, dtype=np.float64), filters(5, 1, dtype=np.float64), {"groups": 5}, "depthwise_planes"),
        (images(1, 5, dtype=np.float16), filters(5, 1, dtype=np.float16), {"groups": 5}, "im2col"),
        (images(1, 5), filters(10, 1), {"groups": 5}, "im2col"),
        (images(1, 5, (6, 6)), filters(5, 1), {"groups": 5, "dilation": (1, 6)}, "im2col"),
        (images(1, 2, (2200, 2200)), filters(2, 1, (1, 1)), {"groups": 2, "padding": ((0, 0), (0, 0))}, "im2col"),
    ],
)
def test_depthwise_convolution_of_few_images_is_by_planes(used, x, w, params, expected):
    params = {"padding": tuple((d, d) for d in params.get("dilation", ONE))} | params
    out = conv.conv(x, w, params.get("stride", ONE), params["padding"], params.get("dilation", ONE), params["groups"])
    conv.conv_weight_grad(out, x, w.shape, ONE, params["padding"], params.get("dilation", ONE), params["groups"])
    assert used == [expected] * 2


def test_depthwise_gradients_that_are_not_finite_are_left_to_im2col(used):
    """Between the rows of windows there are products with zeros, which would make a nan of an infinity."""
    x, w, padding = images(1, 2, (5, 6)), filters(2, 1), ((0, 0), (0, 0))
    g = np.ones((1, 2, 3, 4), np.float32)
    x[0, 0, 2, 5] = np.inf
    with np.errstate(all="raise"):
        found = conv.conv_weight_grad(g, x, w.shape, ONE, padding, ONE, 2)
    assert used == ["depthwise_planes", "im2col"]
    expected = np.zeros((2, 1, 3, 3), bool)
    expected[0, 0, :, 2] = True
    np.testing.assert_array_equal(np.isposinf(found), expected)
    assert np.isfinite(found[~expected]).all()


@pytest.mark.parametrize(
    ("x", "w", "params"),
    [
        (images(64, dtype=np.float64), filters(dtype=np.float64), {}),
        (images(64), filters(), {"stride": (2, 2)}),
        (images(64), filters(), {"stride": (1, 2)}),
        (images(64), filters(kernel=(8, 2)), {}),
        (images(64), filters(kernel=(1, 1)), {}),
        (images(64), filters(kernel=(8, 8)), {"padding": ((3, 3), (3, 3))}),
    ],
)
@pytest.mark.parametrize("name", ["winograd", "winograd1d", "auto"])
def test_winograd_computes_nothing_else(used, name, x, w, params):
    with tg.conv_algorithm(name):
        family(x, w, **params)
    exact, others = {"direct", "shifted"}, {"winograd", "winograd1d"}  # these for parts of a strided one's gradient
    assert set(used) <= (exact if params.get("stride", ONE) == ONE else exact | others)
    assert used[0] not in others


@pytest.mark.parametrize("kernel", [(5, 5), (7, 7), (4, 2), (1, 5), (6, 1)])
def test_winograd_along_one_axis_takes_filters_of_three_to_seven(used, kernel):
    x, w, padding = images(16, 64, (16, 16)), filters(64, 64, kernel), ((1, 1), (1, 1))
    for name, expected in (("auto", "winograd1d"), ("winograd1d", "winograd1d"), ("winograd", "direct")):
        used.clear()
        with tg.conv_algorithm(name):
            results = family(x, w, padding=padding)
        assert used[0] == expected
        with tg.conv_algorithm("im2col"):
            for one, other in zip(results, family(x, w, padding=padding), strict=True):
                np.testing.assert_allclose(one, other, rtol=0, atol=1e-5 * abs(other).max())


@pytest.mark.parametrize("kernel", [(3, 3), (5, 5), (7, 1)])
def test_float64_never_takes_winograd(used, kernel):
    x, w = images(64, 64, (16, 16), np.float64), filters(64, 64, kernel, dtype=np.float64)
    for name in ("auto", "winograd", "winograd1d"):
        with tg.conv_algorithm(name):
            family(x, w)
    assert not {"winograd", "winograd1d"} & set(used)


# Memory


def test_empty_cache_frees_what_is_kept():
    tg.empty_cache()
    assert buffers._held_bytes == 0
    a = [buffers.empty((1000, 1000), np.float32) for _ in range(3)]
    assert buffers._held_bytes == 0
    del a
    assert buffers._held_bytes >= 12_000_000
    tg.empty_cache()
    assert buffers._held_bytes == 0
    assert not any(buffers._free.values())
    tg.empty_cache()


def test_empty_cache_leaves_live_arrays_alone():
    x = tg.tensor(images(64, 16, (16, 16)))
    y = tg.relu(x)
    expected = np.maximum(x.numpy(), 0)
    tg.empty_cache()
    del x
    other = [buffers.empty(y.shape, np.float32) for _ in range(4)]
    for array in other:
        array.fill(7)
    np.testing.assert_array_equal(y.numpy(), expected)
    del y, other
    assert buffers._held_bytes > 0
    tg.empty_cache()
    assert buffers._held_bytes == 0


def test_the_most_that_is_kept_is_what_the_docstring_says():
    assert buffers.MOST_HELD_BYTES == 2**30
    assert "1 GB" in tg.empty_cache.__doc__
