"""Orders of images in memory: values, contiguity, views where they are promised; and how often a network turns them."""

import itertools
import math

import numpy as np
import pytest

import tensorgrad as tg
from nn.models.resnet import BasicBlock
from tensorgrad import nn
from tensorgrad.kernels import buffers, layout

SHAPES = [
    (5, 3), (1, 3), (5, 1), (1, 1), (0, 3), (5, 0),
    (5, 3, 4), (1, 3, 4), (5, 1, 4), (5, 3, 1), (1, 1, 1), (0, 3, 4), (5, 3, 0),
    (5, 3, 4, 6), (1, 3, 4, 6), (5, 1, 4, 6), (5, 3, 1, 6), (5, 3, 4, 1), (5, 3, 1, 1), (1, 1, 4, 6), (1, 3, 1, 1),
    (5, 1, 4, 1), (1, 1, 1, 1), (0, 3, 4, 6), (5, 0, 4, 6), (5, 3, 0, 6),
    (2, 3, 4, 1, 5), (1, 3, 2, 4, 5), (2, 1, 3, 2, 1), (2, 3, 1, 1, 1),
]  # fmt: skip
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "x".join(map(str, shape)))


def orders(shape):
    """Every order of the axes in memory; of five axes every fifth."""
    every = list(itertools.permutations(range(len(shape))))
    return every if len(shape) < 5 else every[::5]


def image(shape, order=None, dtype=np.float32):
    """All values different; its axes follow each other in memory in this order."""
    x = np.arange(math.prod(shape), dtype=dtype).reshape(shape)
    if order is None:
        return x
    copy = np.empty([shape[axis] for axis in order], dtype).transpose(np.argsort(order))
    copy[...] = x
    return copy


def gappy(x):
    """The same values in the same order in memory, with gaps."""
    order = sorted(range(x.ndim), key=lambda axis: -x.strides[axis])
    large = np.full([2 * x.shape[axis] for axis in order], -1, x.dtype)
    view = large[(slice(None, None, 2),) * x.ndim]
    view[...] = x.transpose(order)
    return view.transpose(np.argsort(order))


def same_place(x, y):
    return x.__array_interface__["data"] == y.__array_interface__["data"]


def lies_in(x, order):
    return x.transpose(order).flags.c_contiguous


@pytest.fixture
def conversions(monkeypatch):
    """The shapes of what was turned, in order."""
    shapes = []
    converted = layout._converted

    def spy(turned):
        shapes.append(turned.shape)
        return converted(turned)

    monkeypatch.setattr(layout, "_converted", spy)
    return shapes


@every_shape
def test_pixels_and_channels(conversions, shape):
    for order in orders(shape):
        x = image(shape, order)
        spatial = tuple(range(2, len(shape)))
        for function, axes, face in (
            (layout.pixels, (*spatial, 1, 0), layout.face_of_pixels),
            (layout.channels, (1, *spatial, 0), layout.face_of_channels),
        ):
            conversions.clear()
            result = function(x)
            np.testing.assert_array_equal(result, x.transpose(axes))
            assert result.flags.c_contiguous
            assert result.dtype == x.dtype
            is_so = lies_in(x, axes)
            assert len(conversions) == (not is_so)
            if x.size:
                assert np.shares_memory(result, x) == is_so
            back = face(result)
            np.testing.assert_array_equal(back, x)
            assert same_place(back, result)
            assert same_place(function(back), result)  # once there it stays


@every_shape
def test_as_pixels_is_a_view(shape):
    for order in orders(shape):
        x = image(shape, order)
        result = layout.as_pixels(x)
        assert same_place(result, x)
        np.testing.assert_array_equal(layout.face_of_pixels(result), x)


@pytest.mark.parametrize("turn", [gappy, lambda x: np.flip(np.flip(x).copy()), lambda x: x[::-1], lambda x: x[:, ::2]])
@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_gaps_and_negative_strides(turn, order):
    x = turn(image((5, 3, 4, 6), order))
    for function, axes in ((layout.pixels, (2, 3, 1, 0)), (layout.channels, (1, 2, 3, 0))):
        result = function(x)
        assert result.flags.c_contiguous
        np.testing.assert_array_equal(result, x.transpose(axes))
        assert not np.shares_memory(result, x)
    blocks = layout.planes(x)
    assert blocks.flags.c_contiguous
    np.testing.assert_array_equal(np.sort(blocks.swapaxes(0, 1).reshape(x.shape[1], -1)), channel_values(x))
    like = layout.alike(x, image((5, 3, 4, 6), order))
    assert lies_in(like, order)
    np.testing.assert_array_equal(like, x)


@pytest.mark.parametrize("axis", range(4))
def test_repeated_values(axis):
    """Broadcast arrays have a stride of zero."""
    x = np.broadcast_to(image((5, 3, 4, 6)).take([0], axis), (5, 3, 4, 6))
    for function in (layout.pixels, layout.channels, layout.planes, lambda x: layout.alike(x, x)):
        result = function(x)
        assert result.size == x.size
        result[...] = 7  # memory of its own
    np.testing.assert_array_equal(layout.face_of_pixels(layout.pixels(x)), x)
    np.testing.assert_array_equal(layout.alike(x, x), x)
    like = layout.empty_like(x, x.shape, x.dtype)
    assert len({a.__array_interface__["data"][0] for a in (like[at] for at in np.ndindex(5, 3, 4))}) == 60


def channel_values(x):
    return np.sort(np.moveaxis(x, 1, 0).reshape(x.shape[1], -1))


@every_shape
def test_planes(conversions, shape):
    for order in orders(shape):
        x = image(shape, order)
        blocks = layout.planes(x)
        assert not conversions
        assert blocks.shape[1] == shape[1]
        assert blocks.size == x.size
        assert blocks.ndim == 3
        assert blocks.flags.c_contiguous
        if x.size:
            assert np.shares_memory(blocks, x)
            values = blocks.swapaxes(0, 1).reshape(shape[1], -1)
            np.testing.assert_array_equal(np.sort(values), channel_values(x))
        real = [axis for axis in order if shape[axis] != 1]  # no other axis says where it lies
        if x.size and shape[1] > 1:
            assert blocks.shape[0] == math.prod(shape[axis] for axis in real[: real.index(1)])


@every_shape
@pytest.mark.parametrize("dtype", [np.float32, np.bool_])
def test_empty_like(shape, dtype):
    for order in orders(shape):
        x = image(shape, order)
        result = layout.empty_like(x, shape, dtype)
        assert result.shape == shape
        assert result.dtype == dtype
        assert lies_in(result, order)
        if x.size and dtype == np.float32:
            real = [axis for axis in range(len(shape)) if shape[axis] > 1]
            assert [result.strides[axis] for axis in real] == [x.strides[axis] for axis in real]


@every_shape
def test_empty_like_of_another_size(shape):
    """Pooled images lie as the images do. Axes of one element do not say where they lie."""
    for order in orders(shape) if 0 not in shape else ():
        x = image(shape, order)
        larger = tuple(2 * n for n in shape)
        result = layout.empty_like(x, larger, np.float32)
        assert result.shape == larger
        strides = sorted(result.strides, reverse=True)
        assert strides == [4 * math.prod(sorted_sizes) for sorted_sizes in tails(result)]
        real = [axis for axis in order if shape[axis] > 1]
        assert [result.strides[axis] for axis in real] == sorted((result.strides[axis] for axis in real), reverse=True)


def tails(x):
    sizes = [x.shape[axis] for axis in sorted(range(x.ndim), key=lambda axis: -x.strides[axis])]
    return [sizes[i + 1 :] for i in range(len(sizes))]


@pytest.mark.parametrize("shape", [(1, 3, 4, 6), (5, 1, 4, 6), (1, 1, 4, 6), (5, 3, 1, 6), (5, 3, 4, 1), (5, 1, 4, 1)])
@pytest.mark.parametrize("axes", [(2, 3, 1, 0), (1, 2, 3, 0), (0, 1, 2, 3)])
def test_the_orders_of_kernels_are_known_in_spite_of_axes_of_one_element(shape, axes):
    """Of equal strides the order is the kernels' own, so that a result for more images or channels lies in it too."""
    if axes == (2, 3, 1, 0) and shape in ((5, 1, 4, 1), (1, 1, 4, 6)):
        pytest.skip("two axes of one element with one stride: nothing tells their order")
    x = image(shape, axes)
    assert layout.in_memory_order(x) == tuple(axes)
    assert lies_in(layout.empty_like(x, (5, 3, 4, 6), np.float32), axes)


@every_shape
def test_alike(conversions, shape):
    for order in orders(shape):
        g = image(shape)
        x = image(shape, order)
        conversions.clear()
        result = layout.alike(g, x)
        np.testing.assert_array_equal(result, g)
        assert lies_in(result, order)
        is_so = lies_in(g, order)
        assert len(conversions) == (not is_so)
        assert (result is g) == is_so
        assert layout.alike(result, x) is result
        assert layout.alike(x, x) is x
        if x.size:
            with_gaps = gappy(x)
            assert layout.alike(g, with_gaps) is g or not is_so
            assert lies_in(layout.alike(with_gaps, with_gaps), order)


@pytest.mark.parametrize("slab_bytes", [1, 100, 1000, 1 << 30])
@pytest.mark.parametrize("function", [layout.slabs, layout.channel_slabs])
@every_shape
def test_slabs(monkeypatch, shape, function, slab_bytes):
    """Together they cover every place once; in the long runs of the order."""
    monkeypatch.setattr(layout, "SLAB_BYTES", slab_bytes)
    for order in orders(shape) if len(shape) > 2 else ():
        check_slabs(shape, order, function, slab_bytes)


def check_slabs(shape, order, function, slab_bytes):
    x = image(shape, order)
    counts = np.zeros(shape, int)
    slabs = function(x)
    for c, y in slabs:
        counts[:, c, y] += 1
        assert c.step is None
        assert y.step is None
        assert 0 <= c.start <= c.stop <= shape[1]
        assert 0 <= y.start <= y.stop <= shape[2]
    assert (counts == 1).all()
    if x.size and slab_bytes == 1:
        real = [axis for axis in order if shape[axis] > 1]
        if function is layout.channel_slabs or (1 in real and 2 in real and real.index(1) < real.index(2)):
            assert len(slabs) == shape[1]
        elif 1 in real and 2 in real:
            assert len(slabs) == shape[2]


def test_large_copies_are_made_on_blocks_that_come_back():
    buffers.empty_cache()
    x = image((64, 16, 8, 8))
    result = layout.pixels(x)
    where = result.__array_interface__["data"][0]
    del result
    assert layout.pixels(x).__array_interface__["data"][0] == where
    buffers.empty_cache()


# A network


def resnet(width, bottom=3):
    def down(inner, outer):
        return nn.Sequential(nn.Conv2d(inner, outer, 1, 2, bias=False), nn.BatchNorm2d(outer))

    return nn.Sequential(
        nn.Conv2d(bottom, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
        BasicBlock(width, width),
        BasicBlock(width, 2 * width, 2, down(width, 2 * width)),
        BasicBlock(2 * width, 4 * width, 2, down(2 * width, 4 * width)),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4 * width, 10),
    )  # fmt: skip


def step(net, conversions, batch, size, bottom=3):
    """What a training step turned on the way forward, and on the way back."""
    rng = np.random.default_rng(0)
    x = tg.tensor(rng.standard_normal((batch, bottom, size, size)).astype(np.float32))
    conversions.clear()
    loss = nn.functional.cross_entropy(net(x), tg.tensor(rng.integers(0, 10, batch)))
    forward = [*conversions]
    conversions.clear()
    loss.backward()
    return forward, [*conversions]


@pytest.mark.parametrize("width, size", [(8, 8), (8, 16), (16, 32)])
def test_a_resnet_step_turns_images_once_in_each_direction(conversions, width, size):
    """Forwards the images as they come from outside; backwards the gradient that the mean over pixels spreads."""
    net = resnet(width)
    for _ in range(2):
        forward, backward = step(net, conversions, 32, size)
        assert forward == [(size, size, 3, 32)]
        assert len(backward) <= 1


@pytest.mark.parametrize("name", ["im2col", "direct", "shifted", "gathered", "stacked", "winograd", "winograd1d"])
@pytest.mark.parametrize("batch", [2, 32])
def test_no_algorithm_turns_more_than_images_and_last_gradient(conversions, name, batch):
    """The weight gradient of the first layer may turn the images again, as they are kept as they were given."""
    with tg.conv_algorithm(name):
        forward, backward = step(resnet(16), conversions, batch, 16)
    assert len(forward) == 1
    assert len([shape for shape in backward if shape[2 if name != "im2col" else 0] != 3]) <= 1
    assert len(backward) <= 2


@pytest.mark.parametrize("batch", [2, 32])
def test_images_that_lie_in_order_are_not_turned(conversions, batch):
    conv = nn.Conv2d(3, 8, 3)
    x = tg.tensor(np.random.default_rng(0).standard_normal((batch, 3, 9, 9)).astype(np.float32))
    first = conv(x)
    assert len(conversions) == 1
    second = nn.Conv2d(8, 8, 3)(tg.relu(first) * 2 + first)
    nn.functional.max_pool2d(second, 2)
    assert len(conversions) == 1


@pytest.mark.parametrize("batch", [2, 8, 32])
def test_users_see_one_order_and_any_strides(batch):
    """The same numbers for images in any order in memory."""
    tg.manual_seed(0)
    net = resnet(8)
    net.eval()
    x = np.random.default_rng(0).standard_normal((batch, 3, 8, 8)).astype(np.float32)
    expected = net(tg.tensor(x)).detach().numpy()
    for order in ((2, 3, 1, 0), (1, 2, 3, 0), (0, 2, 3, 1), (3, 2, 1, 0)):
        turned = np.ascontiguousarray(x.transpose(order)).transpose(np.argsort(order))
        result = net(tg.from_numpy(turned)).detach().numpy()
        np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
@pytest.mark.parametrize(
    "shape", [(3, 2, 4, 5), (1, 2, 3, 4), (3, 1, 1, 4), (3, 4, 1, 1), (3, 1, 2, 1), (0, 2, 3, 4), (70, 30, 4, 4)]
)
def test_reshaped_has_the_values_of_numpy_and_is_a_view_where_numpys_is(shape, order):
    values = np.arange(np.prod(shape)).astype(np.float32)
    x = values.reshape([shape[a] for a in order]).transpose(np.argsort(order))
    for target in ((shape[0], int(np.prod(shape[1:]))), shape[::-1], (int(np.prod(shape)),)):
        result, expected = layout.reshaped(x, target), np.reshape(x, target)
        np.testing.assert_array_equal(result, expected)
        assert np.shares_memory(result, x) == np.shares_memory(expected, x)


def test_images_made_rows_stay_innermost():
    x = np.ones((5, 5, 3, 8), np.float32).transpose(3, 2, 0, 1)
    assert layout.reshaped(x, (8, 75)).T.flags.c_contiguous
