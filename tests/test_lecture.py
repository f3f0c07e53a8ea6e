"""The lecture that this project grew from: each fact and each number of it, through the public API, topic by topic.

All kernels of the lecture are symmetric, so they cannot tell cross-correlation, which slides the kernel as it stands,
from convolution, which turns it by 180 degrees first. conv2d, as everywhere in deep learning, computes
cross-correlation. Each worked number is followed by an asymmetric kernel, and both are compared with loops written
here. Two numbers of the lecture are wrong; the tests that correct them say so.
"""

import tracemalloc
from itertools import product

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.nn import functional as F

RISING = [[-1, -1, 1], [-1, 1, -1], [1, -1, -1]]  # the diagonal of positive slope
FALLING = [[1, -1, -1], [-1, 1, -1], [-1, -1, 1]]  # the diagonal of negative slope
CROSSING = [[1, -1, 1], [-1, 1, -1], [1, -1, 1]]
CORNER = [[1, 1, 1], [1, -1, -1], [1, -1, -1]]  # turned by 180 degrees it is another one


def slide(image, kernel, stride=1, padding=0):
    """Cross-correlation by plain loops: the kernel as it stands on every window, products added up."""
    height, width, rows, columns = len(image), len(image[0]), len(kernel), len(kernel[0])
    result = []
    for top in range(-padding, height + padding - rows + 1, stride):
        line = []
        for left in range(-padding, width + padding - columns + 1, stride):
            total = 0
            for i in range(rows):
                for j in range(columns):
                    if 0 <= top + i < height and 0 <= left + j < width:
                        total += kernel[i][j] * image[top + i][left + j]
            line.append(total)
        result.append(line)
    return result


def convolve(image, kernel, padding=0):
    """Convolution as mathematics defines it, out[y, x] = sum of kernel[i, j] * image[y - i, x - j], by plain loops.

    Each pixel spreads the kernel below and to the right of itself. Cut to the part that `slide` gives.
    """
    height, width, rows, columns = len(image), len(image[0]), len(kernel), len(kernel[0])
    full = [[0] * (width + columns - 1) for _ in range(height + rows - 1)]
    for y, x, i, j in product(range(height), range(width), range(rows), range(columns)):
        full[y + i][x + j] += kernel[i][j] * image[y][x]
    up, left = rows - 1 - padding, columns - 1 - padding
    return [line[left : len(line) - left] for line in full[up : len(full) - up]]


def turned(kernel):
    """A kernel turned by 180 degrees."""
    return [line[::-1] for line in kernel[::-1]]


def stack_of(*pictures):
    """Pictures, as rows of numbers, as one tensor (1, C, H, W)."""
    return tg.tensor([pictures], dtype=tg.float32)


def conv2d(image, kernel, **options):
    """The library's answer for one picture and one kernel, as rows of numbers."""
    return F.conv2d(stack_of(image), stack_of(kernel), **options)[0, 0].tolist()


def put(layer, weight, bias=0.0):
    """Give a layer its weights by hand."""
    with tg.no_grad():
        layer.weight.copy_(tg.tensor(weight, dtype=tg.float32))
        layer.bias.copy_(tg.full(layer.bias.shape, bias))


def train(net, loss_of, steps, lr):
    """Adam on one batch; the last loss."""
    optimizer = nn.optim.Adam(net.parameters(), lr=lr)
    for _ in range(steps):
        loss = loss_of(net)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item()


def relative_change(before, after):
    return float(np.linalg.norm(after - before) / np.linalg.norm(before))


# 3x3 convolution, zero padding


@pytest.mark.parametrize("height, width", [(1, 2), (2, 9), (5, 7), (28, 28)])
def test_a_3x3_convolution_of_a_zero_padded_image_keeps_height_and_width(height, width):
    image = np.random.default_rng(0).integers(-9, 10, (height, width)).tolist()
    kernel = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    found = conv2d(image, kernel, padding=1)
    assert np.shape(found) == (height, width)
    assert found == slide(image, kernel, padding=1) == convolve(image, turned(kernel), padding=1)
    assert found != slide(image, turned(kernel), padding=1)
    layer = nn.Conv2d(1, 1, 3, padding="same")
    put(layer, [[kernel]])
    assert layer(stack_of(image))[0, 0].tolist() == found
    assert nn.cnn("[3x3, 4]", (1, height, width))(stack_of(image)).shape == (1, 4, height, width)


def test_the_padding_is_of_zeros_and_without_it_the_image_shrinks():
    ones = [[1] * 4] * 4
    assert conv2d(ones, [[1] * 3] * 3, padding=1) == [[4, 6, 6, 4], [6, 9, 9, 6], [6, 9, 9, 6], [4, 6, 6, 4]]
    assert conv2d(ones, [[1] * 3] * 3) == [[9, 9], [9, 9]]


# Translation


def strokes(columns):
    """Rising and falling strokes of 3x3 on black images of 12x12, at all heights and the given columns."""
    images, labels = np.zeros((20 * len(columns), 1, 12, 12), np.float32), []
    for number, (label, top, left) in enumerate(product((0, 1), range(10), columns)):
        images[number, 0, top : top + 3, left : left + 3] = np.maximum((RISING, FALLING)[label], 0)
        labels.append(label)
    return images, np.array(labels)


def test_a_kernel_answers_to_its_feature_wherever_it_stands():
    dense = nn.Sequential(nn.Flatten(), nn.Linear(144, 1))
    home = np.zeros((12, 12), np.float32)
    home[4:7, 5:8] = CORNER
    put(dense[1], home.reshape(1, -1))
    answers = []
    for top, left in product(range(10), range(10)):
        image = np.zeros((12, 12), np.float32)
        image[top : top + 3, left : left + 3] = CORNER
        found = np.array(conv2d(image.tolist(), CORNER))
        assert found.max() == found[top, left] == 9
        assert (found == 9).sum() == 1
        assert np.max(conv2d(image.tolist(), turned(CORNER))) < 9
        answers.append(dense(image[None, None]).item())
    assert answers[4 * 10 + 5] == 9
    assert sorted(answers)[-2] < 9 / 2  # a dense layer with the same weights does so at one place only


def test_after_training_on_the_left_a_convolution_knows_the_right_and_a_dense_layer_guesses():
    images, labels = strokes(range(4))
    elsewhere, their_labels = strokes(range(6, 10))
    tg.manual_seed(0)
    conv = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    dense = nn.cnn("fc 32 fc 2", (1, 12, 12))
    for net, there in ((conv, 1.0), (dense, 0.5)):
        train(net, lambda net: F.cross_entropy(net(images), labels), steps=100, lr=0.03)
        assert nn.train.accuracy(nn.train.predict(net, images), labels) == 1.0
        assert nn.train.accuracy(nn.train.predict(net, elsewhere), their_labels) == pytest.approx(there, abs=0.1)


# Cost of dense layers, and of a deep convolutional one


def test_a_dense_layer_on_a_photograph_needs_more_than_ten_thousand_million_parameters():
    inputs = 224 * 224 * 3
    assert inputs == 150_528
    tracemalloc.start()
    try:
        with nn.meta():
            net = nn.Sequential(nn.Flatten(), nn.Linear(inputs, inputs // 2))
        found = nn.summary(net, (1, 3, 224, 224))
        _, most_memory = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found.rows[1].output_shape == (1, 150_528)
    assert found.rows[2].output_shape == (1, 75_264)
    assert found.total_parameters == 150_528 * 75_264 + 75_264 == 11_329_414_656 > 10e9
    assert "11,329,414,656 parameters" in str(found)
    assert most_memory < 20e6  # of the 45 GB that they would take
    kernels = nn.summary(nn.Conv2d(3, 64, 3, padding=1), (1, 3, 224, 224))
    assert kernels.total_parameters == 64 * (3 * 3 * 3 + 1) == 1_792


def test_resnet152_has_60_192_808_parameters():
    """The lecture says that ResNet-152 has fewer than 20 million parameters. That is wrong: it has 60,192,808.

    Counted here layer by layer from the paper's table 1. Its convolutions have no biases; each is followed by batch
    norm, which learns two numbers for each map.
    """
    count, channels = 3 * 64 * 7 * 7 + 2 * 64, 64
    layers = 1
    for width, blocks in ((64, 3), (128, 8), (256, 36), (512, 3)):
        count += channels * 4 * width + 2 * 4 * width  # the shortcut that changes the number of channels
        for _ in range(blocks):
            count += channels * width + 2 * width  # 1x1
            count += width * width * 9 + 2 * width  # 3x3
            count += width * 4 * width + 2 * 4 * width  # 1x1
            channels, layers = 4 * width, layers + 3
    count, layers = count + 2048 * 1000 + 1000, layers + 1
    assert layers == 152
    with nn.meta():
        net = nn.models.resnet152()
    found = nn.summary(net, (1, 3, 224, 224))
    assert found.rows[0].output_shape == (1, 1000)
    assert found.total_parameters == count == 60_192_808
    assert not found.total_parameters < 20e6
    kinds = [row.kind for row in found.rows if "downsample" not in row.name]
    assert kinds.count("Conv2d") + kinds.count("Linear") == 152


# Feature map


def test_a_feature_map_is_high_where_the_image_matches_the_kernel():
    image = np.full((7, 7), -1)
    image[np.arange(7), np.arange(7)] = 1
    found = np.array(conv2d(image.tolist(), FALLING))
    assert found.tolist() == slide(image.tolist(), FALLING)
    assert found.diagonal().tolist() == [9] * 5
    assert found[~np.eye(5, dtype=bool)].max() < 9 / 2
    assert np.max(conv2d(image[:, ::-1].tolist(), FALLING)) < 9  # the other diagonal is not what it looks for


def test_with_an_asymmetric_kernel_only_cross_correlation_is_high_at_the_feature():
    image = np.full((8, 8), -1)
    image[2:5, 4:7] = CORNER
    image = image.tolist()
    found = conv2d(image, CORNER)
    assert found == slide(image, CORNER) == convolve(image, turned(CORNER))
    assert np.argwhere(np.equal(found, 9)).tolist() == [[2, 4]]
    assert convolve(image, CORNER) != found
    assert np.max(convolve(image, CORNER)) < 9


def test_kernel_image_and_map_are_drawn(tmp_path):
    plots = pytest.importorskip("nn.train.plots")
    image = np.full((7, 7), -1.0)
    image[np.arange(7), np.arange(7)] = 1
    found = np.array(conv2d(image.tolist(), FALLING))
    kernel = plots.filters(np.array([[FALLING]]))
    sheet = kernel.axes[0].images[0].get_array()  # with room for the filter's number above, and for the next beside it
    assert sheet[-3:, :3].tolist() == FALLING
    figure = plots.feature_maps({"image": image[None], "map": found[None]})
    for axes, picture in zip(figure.axes, (image, found), strict=True):
        np.testing.assert_array_equal(axes.images[0].get_array()[:, : picture.shape[1]], picture)
    for number, drawn in enumerate((kernel, figure)):
        plots.save(drawn, tmp_path / f"{number}.png")
        assert (tmp_path / f"{number}.png").read_bytes().startswith(b"\x89PNG")


# Filter


def test_a_filter_has_a_kernel_for_each_channel_and_k_filters_give_k_maps():
    rng = np.random.default_rng(1)
    rgb, weight = rng.integers(0, 10, (3, 5, 6)), rng.integers(-3, 4, (4, 3, 3, 3))
    layer = nn.Conv2d(3, 4, 3)
    put(layer, weight)
    maps = layer(stack_of(*rgb.tolist()))
    assert maps.shape == (1, 4, 3, 4)
    for found, kernels in zip(maps[0].tolist(), weight.tolist(), strict=True):
        red, green, blue = (np.array(slide(c, k)) for c, k in zip(rgb.tolist(), kernels, strict=True))
        assert found == (red + green + blue).tolist()
    # The stack of 4 maps is the next layer's image of 4 channels.
    following = nn.Conv2d(4, 2, 2)
    assert following.weight.shape == (2, 4, 2, 2)
    assert following(maps).shape == (1, 2, 2, 3)
    with pytest.raises(tg.ShapeError, match="channels"):
        layer(maps)


# X detector


def figure(kind, top, left):
    """A figure of 7x7 on an image of 12x12: 1 on the lines, -1 elsewhere."""
    falling, middle = np.eye(7, dtype=bool), np.arange(7) == 3
    border = np.pad(np.zeros((5, 5), bool), 1, constant_values=True)
    lines = {
        "x": falling | falling[::-1],
        "falling": falling,
        "rising": falling[::-1],
        "plus": middle[:, None] | middle,
        "square": border,
    }
    image = np.full((12, 12), -1.0, np.float32)
    image[top : top + 7, left : left + 7][lines[kind]] = 1
    return image


FIGURES = ("x", "falling", "rising", "plus", "square")
PLACES = list(product(range(6), range(6)))


def figures(places):
    chosen = [(kind, *place) for place in places for kind in FIGURES]
    images = np.stack([figure(*one) for one in chosen])[:, None]
    return images, np.array([kind == "x" for kind, _, _ in chosen], np.float32)


def test_an_x_detector_with_weights_set_by_hand():
    """Each kernel answers 9 where its feature is; the second layer adds up the answers where an X has its features: the
    crossing in the middle, two rising and two falling ends around it. Only all five together reach over 44."""
    net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Conv2d(3, 1, 5), nn.ReLU())
    put(net[0], [[RISING], [FALLING], [CROSSING]])
    agree = np.zeros((1, 3, 5, 5))
    agree[0, 0, 0, 4] = agree[0, 0, 4, 0] = 1  # rising: above to the right, below to the left
    agree[0, 1, 0, 0] = agree[0, 1, 4, 4] = 1  # falling: above to the left, below to the right
    agree[0, 2, 2, 2] = 1
    put(net[2], agree, bias=-44)
    for (top, left), kind in product(PLACES, FIGURES):
        found = net(figure(kind, top, left)[None, None])[0, 0]
        expected = np.zeros((6, 6))
        expected[top, left] = kind == "x"  # 5 * 9 - 44
        assert found.tolist() == expected.tolist()
    for missing in range(3):  # none of the three kernels is there for nothing
        with tg.no_grad():
            kept = net[0].weight.clone()
            net[0].weight[missing] = 0.0
            assert net(figure("x", 2, 3)[None, None]).max().item() == 0
            net[0].weight.copy_(kept)


def test_an_x_detector_learns_its_weights():
    seen, unseen = PLACES[::2], PLACES[1::2]
    images, is_x = figures(seen)
    tg.manual_seed(2)
    net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Conv2d(3, 1, 5))

    def loss_of(net):
        return F.binary_cross_entropy_with_logits(F.adaptive_max_pool2d(net(images), 1).flatten(), is_x)

    assert loss_of(net).item() > 0.3
    assert train(net, loss_of, steps=150, lr=0.02) < 0.01
    images, is_x = figures(unseen)
    maps = nn.train.predict(net, images)[:, 0]
    np.testing.assert_array_equal(maps.max((1, 2)) > 0, is_x == 1)
    found = [np.unravel_index(answer.argmax(), answer.shape) for answer in maps[is_x == 1]]
    assert np.abs(np.subtract(found, unseen)).max() <= 3  # nobody told it the places: an X reaches 3 around its middle


# Sigmoid, tanh, ReLU


@pytest.mark.parametrize("function, lowest, steepest, largest", [("sigmoid", 0, 0.25, 36), ("tanh", -1, 1, 18)])
def test_sigmoid_and_tanh_have_a_range_and_lose_the_gradient_for_large_inputs(function, lowest, steepest, largest):
    """Strictly between the limits as far as float64 can tell the value from 1, up to 36 or 18."""
    x = tg.linspace(-largest, largest, 2001, dtype=tg.float64).requires_grad_()
    y = getattr(F, function)(x)
    assert lowest < y.data.min() < lowest + 1e-15
    assert 1 - 1e-15 < y.data.max() < 1
    assert (np.diff(y.data) >= 0).all()
    assert y[1000].item() == (lowest + 1) / 2
    y.sum().backward()
    slope = dict(zip(np.round(x.tolist(), 3), x.grad.tolist(), strict=True))
    assert max(slope.values()) == slope[0] == steepest
    for large in (largest, -largest):
        assert 0 <= slope[large] < 1e-15
    assert 0 < slope[largest / 2] < 1e-7


def test_relu():
    x = tg.tensor([[1.0, -1, -1, -4], [2, -2, 7, 3], [-3, -7, -1, -4], [3, 5, 4, -6]], requires_grad=True)
    expected = [[1, 0, 0, 0], [2, 0, 7, 3], [0, 0, 0, 0], [3, 5, 4, 0]]
    for relu in (tg.relu, F.relu, nn.ReLU()):
        assert relu(x).tolist() == expected
    F.relu(x).sum().backward()
    assert x.grad.tolist() == np.greater(expected, 0).tolist()
    far = tg.tensor([1e-30, 1e30], requires_grad=True)
    F.relu(far).sum().backward()
    assert far.grad.tolist() == [1, 1]


def test_gradients_vanish_in_a_deep_net_with_sigmoid_and_tanh_and_not_with_relu():
    """Ten layers with equal weights; large biases take their units to where sigmoid and tanh are flat."""

    def gradient_sizes(activation):
        tg.manual_seed(0)
        layers = [nn.Linear(32, 32) for _ in range(10)]
        for layer in layers:
            nn.init.kaiming_normal_(layer.weight)
            nn.init.normal_(layer.bias, 0, 4)
        net = nn.Sequential(*[part for layer in layers for part in (layer, activation())], nn.Linear(32, 1))
        net(tg.randn(64, 32)).mean().backward()
        return [float(np.sqrt((layer.bias.grad.data**2).mean())) for layer in layers]

    sigmoid, tanh, relu = (gradient_sizes(activation) for activation in (nn.Sigmoid, nn.Tanh, nn.ReLU))
    assert sigmoid == sorted(sigmoid)
    assert tanh == sorted(tanh)
    assert 0 < sigmoid[0] / sigmoid[-1] < 1e-6
    assert 1e-6 < tanh[0] / tanh[-1] < 1e-2
    assert 0.1 < relu[0] / relu[-1] < 10


# Max pooling


def test_max_pooling_takes_the_largest_of_regions_of_2x2_at_stride_2():
    rectified = stack_of([[1, 0, 0, 0], [2, 0, 7, 3], [0, 0, 0, 0], [3, 5, 4, 0]])
    for pooled in (F.max_pool2d(rectified, 2), F.max_pool2d(rectified, 2, stride=2), nn.MaxPool2d(2)(rectified)):
        assert pooled[0, 0].tolist() == [[2, 7], [5, 4]]
    assert F.max_pool2d(rectified, 2, stride=1)[0, 0].tolist() == [[2, 7, 7], [2, 7, 7], [5, 5, 4]]


def test_pooling_cuts_the_cost_of_the_next_layer_to_a_quarter():
    plain, pooled = (
        nn.summary(nn.cnn(text, (1, 28, 28)), (1, 1, 28, 28)) for text in ("[3x3, 8] x2", "[3x3, 8] pool [3x3, 8]")
    )
    last = [[row for row in found.rows if row.kind == "Conv2d"][-1] for found in (plain, pooled)]
    assert last[0].parameters == last[1].parameters
    assert last[0].multiply_adds == 4 * last[1].multiply_adds == 28 * 28 * 8 * 8 * 9


def test_pooling_adds_tolerance_to_small_shifts():
    """A feature moved within its region changes nothing; moved by two pixels it moves the pooled map by one. On real
    digits moved by one pixel, maps change by more than their own size, pooled ones by less, the more the larger the
    regions."""
    for column in range(8):
        point = np.zeros((2, 8))
        point[1, column] = 1
        assert F.max_pool2d(stack_of(point.tolist()), 2)[0, 0, 0].tolist() == np.eye(4)[column // 2].tolist()
    digits = stack_of(*nn.data.load_digits8x8().x_test / 16).transpose(0, 1)
    moved = tg.cat([tg.zeros(360, 1, 8, 1), digits[..., :-1]], dim=3)
    kernels = stack_of(FALLING, RISING).transpose(0, 1)
    maps, maps_moved = (F.relu(F.conv2d(x, kernels, padding=1)) for x in (digits, moved))
    change = [relative_change(*[F.max_pool2d(m, k).data for m in (maps, maps_moved)]) for k in (1, 2, 4)]
    assert change[0] > 1
    assert change[1] < 0.75 * change[0]
    assert change[2] < 0.75 * change[1]


def test_pooling_removes_some_noise_and_adds_to_other():
    """Of real digits with one pixel in ten lost, pooling gives back most: a lost pixel's neighbours stand in for it.
    Weak noise on all pixels shrinks. Bright specks do not: the largest value of a region is what they are."""
    digits = nn.data.load_digits8x8().x_test[:, None] / 16
    rng = np.random.default_rng(0)
    noisy = {
        "lost": np.where(rng.random(digits.shape) < 0.1, 0, digits),
        "weak": digits + rng.normal(0, 0.1, digits.shape),
        "specks": np.where(rng.random(digits.shape) < 0.1, 1, digits),
    }
    error = {}
    for kind, images in noisy.items():
        pooled = [F.max_pool2d(tg.tensor(x), 2).data for x in (digits, images)]
        error[kind] = relative_change(*pooled) / relative_change(digits, images)
    assert error["lost"] < 0.5
    assert error["weak"] < 0.9
    assert error["specks"] > 1


def test_pooling_over_detectors_adds_tolerance_to_rotation_and_scale():
    line = np.full((3, 3), -1)
    line[1] = 1
    turns = [line.tolist(), RISING, line.T.tolist(), FALLING]  # by 0, 45, 90 and 135 degrees
    squares = [np.pad(np.ones((n, n)), (7 - n) // 2, constant_values=-1).tolist() for n in (1, 3, 5)]
    for detectors, size in ((turns, 9), (squares, 49)):
        answers = F.conv2d(stack_of(*detectors).transpose(0, 1), stack_of(*detectors).transpose(0, 1))[:, :, 0, 0]
        one_detector, largest = answers[:, 0].tolist(), answers.max(dim=1)[0].tolist()
        assert largest == [size] * len(detectors)
        assert one_detector[0] == size
        assert max(one_detector[1:]) < 0.7 * size


# From maps to classes


def test_the_order_of_layers():
    net = nn.cnn("[3x3, 16] pool [3x3, 32] pool fc 10 softmax", in_shape=(1, 28, 28))
    found = nn.summary(net, (5, 1, 28, 28))
    assert [(row.kind, row.output_shape) for row in found.rows[1:]] == [
        ("Conv2d", (5, 16, 28, 28)),
        ("ReLU", (5, 16, 28, 28)),
        ("MaxPool2d", (5, 16, 14, 14)),
        ("Conv2d", (5, 32, 14, 14)),
        ("ReLU", (5, 32, 14, 14)),
        ("MaxPool2d", (5, 32, 7, 7)),
        ("Flatten", (5, 1568)),
        ("Linear", (5, 10)),
        ("Softmax", (5, 10)),
    ]
    shares = net(tg.rand(5, 1, 28, 28))
    assert shares.data.min() > 0
    np.testing.assert_allclose(shares.sum(dim=1).data, 1, rtol=1e-6)


def test_flatten():
    square = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    assert tg.flatten(tg.tensor(square)).tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert nn.Flatten()(stack_of(square)).tolist() == [[1, 2, 3, 4, 5, 6, 7, 8, 9]]
    later = [[10, 20, 30], [40, 50, 60], [70, 80, 90]]
    assert nn.Flatten()(stack_of(square, later)).tolist() == [[*range(1, 10), *range(10, 100, 10)]]


def test_softmax():
    scores = tg.tensor([2.0, 1.0, 0.1])
    for softmax in (lambda x: F.softmax(x, 0), lambda x: tg.softmax(x, 0), nn.Softmax(dim=0)):
        found = softmax(scores)
        assert np.round(found.data, 1).tolist() == pytest.approx([0.7, 0.2, 0.1])
        np.testing.assert_allclose(found.data, [0.65900114, 0.24243297, 0.09856589], rtol=1e-6)
        assert found.sum().item() == pytest.approx(1)
        np.testing.assert_allclose(softmax(scores + 1000).data, found.data, rtol=1e-4)  # no overflow


def test_one_hot():
    labels = tg.tensor([3, 0])
    one_hot = tg.eye(10)[labels]
    assert one_hot.tolist() == [[0, 0, 0, 1, 0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 0, 0, 0]]
    assert one_hot.argmax(dim=1).tolist() == [3, 0]
    tg.manual_seed(0)
    scores = tg.randn(2, 10)
    by_vector = F.cross_entropy(scores, one_hot).item()
    by_definition = -np.log([F.softmax(scores, 1)[0, 3].item(), F.softmax(scores, 1)[1, 0].item()]).mean()
    assert by_vector == pytest.approx(F.cross_entropy(scores, labels).item()) == pytest.approx(by_definition)


# Kernel size, depth, stride, padding


def test_kernels_of_odd_size_have_a_middle():
    image = tg.zeros(1, 1, 10, 10)
    for size in (1, 3, 5, 7):
        assert nn.Conv2d(1, 1, size, padding=size // 2)(image).shape == image.shape
        assert nn.Conv2d(1, 1, size, padding="same")(image).shape == image.shape
    for size in (2, 4):  # one less or one more, but never the same
        assert [nn.Conv2d(1, 1, size, padding=size // 2 - 1 + n)(image).shape[-1] for n in (0, 1)] == [9, 11]


def test_a_1x1_kernel_changes_the_number_of_channels_only():
    rng = np.random.default_rng(2)
    image, weight = rng.integers(-9, 10, (3, 4, 5)), rng.integers(-9, 10, (2, 3))
    found = F.conv2d(stack_of(*image.tolist()), tg.tensor(weight, dtype=tg.float32)[:, :, None, None])
    assert found.shape == (1, 2, 4, 5)
    for y, x in product(range(4), range(5)):  # at each pixel a dense layer over its channels
        assert found[0, :, y, x].tolist() == (weight @ image[:, y, x]).tolist()


def test_the_depth_is_the_number_of_kernels_written_as_in_papers():
    net = nn.cnn("[3x3, 64] [5x5, 12, stride 2, padding 0]", in_shape=(3, 9, 8))
    assert [layer.weight.shape for layer in (net[0], net[2])] == [(64, 3, 3, 3), (12, 64, 5, 5)]
    found = nn.summary(net, (1, 3, 9, 8))
    assert [row.output_shape for row in found.rows if row.kind == "Conv2d"] == [(1, 64, 9, 8), (1, 12, 3, 2)]
    assert [row.notation for row in found.rows if row.kind == "Conv2d"] == [
        "[3x3, 64]",
        "[5x5, 12, stride 2, padding 0]",
    ]
    assert "0        Conv2d      [3x3, 64]" in str(found)
    assert nn.notation(net) == found.notation == "[3x3, 64] [5x5, 12, stride 2, padding 0]"


def all_ways(image, kernel, stride=1, padding=0):
    """The map by conv2d, by a layer and by padding first: they have to agree."""
    layer = nn.Conv2d(1, 1, (len(kernel), len(kernel[0])), stride, padding)
    put(layer, [[kernel]])
    ringed = F.pad(stack_of(image), (padding,) * 4)
    found = conv2d(image, kernel, stride=stride, padding=padding)
    assert layer(stack_of(image))[0, 0].tolist() == found
    assert tg.conv2d(ringed, stack_of(kernel), stride=stride)[0, 0].tolist() == found
    return found


def test_stride_1_and_2():
    """The lecture prints 20 in the middle row of the map at stride 1. That is wrong: 2*2 + 2*0 + 2*5 + 2*0 = 14."""
    image, kernel = [[1, 2], [4, 5]], [[2, 2], [2, 2]]
    found = all_ways(image, kernel, padding=1)
    assert found == [[2, 6, 4], [10, 24, 14], [8, 18, 10]] == slide(image, kernel, padding=1)
    printed = [[2, 6, 4], [10, 24, 20], [8, 18, 10]]
    assert np.argwhere(np.not_equal(found, printed)).tolist() == [[1, 2]]
    assert all_ways(image, kernel, stride=2, padding=1) == [[2, 4], [8, 10]] == slide(image, kernel, 2, 1)


def test_stride_with_an_asymmetric_kernel():
    image, kernel = [[1, 2], [4, 5]], [[1, 2], [3, 4]]
    found = all_ways(image, kernel, padding=1)
    assert found == [[4, 11, 6], [18, 37, 17], [8, 14, 5]] == slide(image, kernel, padding=1)
    assert all_ways(image, kernel, stride=2, padding=1) == [[4, 6], [8, 5]] == slide(image, kernel, 2, 1)
    convolved = all_ways(image, turned(kernel), padding=1)
    assert convolved == [[1, 4, 4], [7, 23, 18], [12, 31, 20]] == convolve(image, kernel, padding=1)


STRIPES = [[1, 2, 3, 4], [4, 3, 2, 1], [1, 2, 3, 4], [4, 3, 2, 1]]


def test_padding():
    kernel = [[1, 1, 1]] * 3
    assert all_ways(STRIPES, kernel) == [[21, 24], [24, 21]] == slide(STRIPES, kernel)
    found = all_ways(STRIPES, kernel, padding=1)
    assert found == [[10, 15, 15, 10], [13, 21, 24, 17], [17, 24, 21, 13], [10, 15, 15, 10]]
    assert found == slide(STRIPES, kernel, padding=1)


def test_padding_with_an_asymmetric_kernel():
    kernel = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    assert all_ways(STRIPES, kernel) == [[107, 122], [118, 103]] == slide(STRIPES, kernel)
    assert all_ways(STRIPES, turned(kernel)) == [[103, 118], [122, 107]] == convolve(STRIPES, kernel)
    found = all_ways(STRIPES, kernel, padding=1)
    assert found == slide(STRIPES, kernel, padding=1)
    assert [line[1:-1] for line in found[1:-1]] == [[107, 122], [118, 103]]
    assert all_ways(STRIPES, turned(kernel), padding=1) == convolve(STRIPES, kernel, padding=1) != found


# Hyper-parameters


def definition(layers=2, kernel=3, depth=8, stride=1, padding=1):
    """The one definition of all models of the study."""
    return f"[{kernel}x{kernel}, {depth}, stride {stride}, padding {padding}] x{layers} pool fc 10"


def trained(learning_rate=3e-3, batch_size=64, **choices):
    """Three epochs on the 8x8 digits: test accuracy, summary, steps."""
    digits = nn.data.load_digits8x8()
    as_input = nn.data.Normalize(8, 6)
    images, test_images = as_input(digits.x_train)[:, None], as_input(digits.x_test)[:, None]
    tg.manual_seed(0)
    net = nn.cnn(definition(**choices), in_shape=(1, 8, 8))
    optimizer = nn.optim.Adam(net.parameters(), lr=learning_rate)
    loader = nn.data.DataLoader(images, digits.y_train, batch_size=batch_size, shuffle=True)
    for _ in range(3):
        for x, y in loader:
            loss = F.cross_entropy(net(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    accuracy = nn.train.accuracy(nn.train.predict(net, test_images), digits.y_test)
    return accuracy, nn.summary(net, (1, 1, 8, 8)), 3 * len(loader)


def test_a_study_of_hyper_parameters_from_one_definition_on_real_digits():
    study = {
        "base": trained(),
        "3 layers": trained(layers=3),
        "small rate": trained(learning_rate=1e-5),
        "huge rate": trained(learning_rate=1.0),
        "batches of 16": trained(batch_size=16),
        "batches of 512": trained(batch_size=512),
        "1x1 kernels": trained(kernel=1, padding=0),
        "2 kernels": trained(depth=2),
        "stride 2": trained(stride=2),
        "no padding": trained(padding=0),
    }
    accuracy = {name: found[0] for name, found in study.items()}
    summaries = {name: found[1] for name, found in study.items()}
    steps = {name: found[2] for name, found in study.items()}
    assert {name: found.notation for name, found in summaries.items()} == {
        **dict.fromkeys(study, "[3x3, 8] x2 pool fc 10"),
        "3 layers": "[3x3, 8] x3 pool fc 10",
        "1x1 kernels": "[1x1, 8] x2 pool fc 10",
        "2 kernels": "[3x3, 2] x2 pool fc 10",
        "stride 2": "[3x3, 8, stride 2] x2 pool fc 10",
        "no padding": "[3x3, 8, padding 0] x2 pool fc 10",
    }
    # One 3x3 layer more: 8 kernels of 8 channels, and 8 biases.
    assert summaries["base"].total_parameters == 80 + 584 + 1290 == 1954
    assert summaries["3 layers"].total_parameters == 1954 + 8 * (8 * 9 + 1)
    work = {name: found.multiply_adds for name, found in summaries.items()}
    assert work["stride 2"] < work["1x1 kernels"] < work["no padding"] < work["base"] < work["3 layers"]
    assert (steps["base"], steps["batches of 16"], steps["batches of 512"]) == (69, 270, 9)
    # What the study shows: with the rate too small or too large nothing is learnt; more steps help, and so does seeing
    # neighbours, more kernels, and maps that are not shrunk early.
    assert accuracy["base"] > 0.85
    assert accuracy["batches of 16"] > accuracy["base"] + 0.02
    for worse, by in {"small rate": 0.6, "huge rate": 0.6, "batches of 512": 0.1, "1x1 kernels": 0.15}.items():
        assert accuracy[worse] < accuracy["base"] - by
    for worse, by in {"2 kernels": 0.05, "stride 2": 0.1, "no padding": 0.02}.items():
        assert accuracy[worse] < accuracy["base"] - by
    assert trained()[0] == accuracy["base"]  # the same seed, the same numbers
