"""Batch transforms against loops over single images, and in a DataLoader."""

import numpy as np
import pytest

import tensorgrad as tg
from nn.data import Compose, DataLoader, Normalize, RandomCrop, RandomHorizontalFlip, RandomShift

SHAPES = [(7, 5, 6), (7, 3, 5, 6), (0, 3, 5, 6)]


def images(shape, dtype="float32"):
    return (np.random.default_rng(0).random(shape) * 200 + 1).astype(dtype)


def rng(seed=1):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64", "int32"])
@pytest.mark.parametrize("shape", SHAPES)
def test_shift_moves_each_image_by_what_the_generator_draws(shape, dtype):
    x = images(shape, dtype)
    before = x.copy()
    found = RandomShift(2, fill=9, generator=rng())(x)
    draws = rng()
    tops, lefts = draws.integers(0, 5, len(x)), draws.integers(0, 5, len(x))
    assert found.dtype == dtype
    assert found.shape == shape
    for image, result, top, left in zip(x, found, tops, lefts, strict=True):
        padded = np.full((*image.shape[:-2], 9, 10), 9, dtype)
        padded[..., 2:7, 2:8] = image
        np.testing.assert_array_equal(result, padded[..., top : top + 5, left : left + 6])
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize(("size", "padding", "expected"), [(4, 0, (4, 4)), ((2, 5), 0, (2, 5)), ((7, 8), 2, (7, 8))])
@pytest.mark.parametrize("shape", SHAPES)
def test_crop_takes_windows_of_each_image(shape, size, padding, expected):
    x = images(shape)
    found = RandomCrop(size, padding, generator=rng())(x)
    assert found.shape == (*shape[:-2], *expected)
    draws = rng()
    tops = draws.integers(0, 5 + 2 * padding - expected[0] + 1, len(x))
    lefts = draws.integers(0, 6 + 2 * padding - expected[1] + 1, len(x))
    padded = np.pad(x, [(0, 0)] * (x.ndim - 2) + [(padding, padding)] * 2)
    for image, result, top, left in zip(padded, found, tops, lefts, strict=True):
        np.testing.assert_array_equal(result, image[..., top : top + expected[0], left : left + expected[1]])


def test_all_places_are_equally_likely_and_reach_both_ends():
    x = np.broadcast_to(np.arange(5.0), (20_000, 1, 5, 5))
    found = RandomCrop(3, generator=rng())(x)[:, 0, 0, 0]
    counts = np.bincount(found.astype(int), minlength=3)
    assert counts.size == 3
    assert abs(counts / 20_000 - 1 / 3).max() < 0.02


@pytest.mark.parametrize("shape", SHAPES)
def test_flip_mirrors_those_that_the_generator_chooses(shape):
    x = images(shape)
    found = RandomHorizontalFlip(0.4, generator=rng())(x)
    chosen = rng().random(len(x)) < 0.4
    for image, result, mirrored in zip(x, found, chosen, strict=True):
        np.testing.assert_array_equal(result, image[..., ::-1] if mirrored else image)
    assert not np.shares_memory(found, x)
    np.testing.assert_array_equal(RandomHorizontalFlip(0)(x), x)
    np.testing.assert_array_equal(RandomHorizontalFlip(1)(x), x[..., ::-1])


@pytest.mark.parametrize(
    ("dtype", "result"), [("uint8", "float32"), ("int64", "float32"), ("float32", "float32"), ("float64", "float64")]
)
def test_normalize(dtype, result):
    x = images((4, 3, 5, 6), dtype)
    mean, std = [10.0, 20.0, 30.0], [1.0, 2.0, 4.0]
    found = Normalize(mean, std)(x)
    assert found.dtype == result
    for channel in range(3):
        np.testing.assert_allclose(found[:, channel], (x[:, channel] - mean[channel]) / std[channel], rtol=1e-6)
    np.testing.assert_allclose(Normalize(3, 2)(x[:, 0]), (x[:, 0] - 3.0) / 2, rtol=1e-6)
    assert Normalize(3, 2)(x[:, 0]).shape == (4, 5, 6)


def test_compose_goes_from_left_to_right():
    x = images((4, 3, 5, 6), "uint8")
    found = Compose([RandomShift(1, generator=rng()), Normalize(5, 2)])(x)
    np.testing.assert_array_equal(found, Normalize(5, 2)(RandomShift(1, generator=rng())(x)))
    assert Compose([])(x) is x


def test_without_a_generator_manual_seed_decides():
    x = images((4, 3, 5, 6))
    for transform in (RandomShift(2), RandomCrop(3), RandomHorizontalFlip()):
        tg.manual_seed(3)
        first, second = transform(x), transform(x)
        tg.manual_seed(3)
        np.testing.assert_array_equal(transform(x), first)
        assert not np.array_equal(first, second)


def test_the_loader_transforms_the_first_array_of_each_batch():
    x, y = images((10, 1, 5, 6), "uint8"), np.arange(10)
    loader = DataLoader(x, y, batch_size=4, transform=Normalize(1, 2))
    for images_, labels in loader:
        assert images_.numpy().dtype == np.float32
        np.testing.assert_array_equal(images_.numpy(), (x[labels.numpy()] - np.float32(1)) / np.float32(2))
    ((one,),) = DataLoader(tg.from_numpy(x), batch_size=10, transform=lambda batch: batch[:, :, ::-1])
    np.testing.assert_array_equal(one.numpy(), x[:, :, ::-1])


def test_the_generators_state_is_all_that_a_pass_depends_on():
    generator = rng()
    loader = DataLoader(images((10, 1, 5, 6)), batch_size=4, transform=RandomShift(2, generator=generator))
    state = generator.bit_generator.state
    first = [batch.numpy() for (batch,) in loader]
    generator.bit_generator.state = state
    for (batch,), expected in zip(loader, first, strict=True):
        np.testing.assert_array_equal(batch.numpy(), expected)


X = images((2, 3, 5, 6))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: RandomCrop(7)(X),
            tg.ShapeError,
            "RandomCrop: a window of 7x7 does not fit images of 5x6 with padding 0",
        ),
        (lambda: RandomCrop(0), ValueError, "RandomCrop: size is 0, expected 1 or more"),
        (lambda: RandomCrop(2.5), tg.DTypeError, "RandomCrop: size is 2.5, expected a whole number"),
        (lambda: RandomCrop(2, -1), ValueError, "RandomCrop: padding is -1, expected 0 or more"),
        (lambda: RandomShift(-1), ValueError, "RandomShift: pixels is -1, expected 0 or more"),
        (
            lambda: RandomShift(1)(X[0, 0]),
            tg.ShapeError,
            "RandomShift: images must be (N, H, W) or (N, C, H, W), got (5, 6)",
        ),
        (lambda: RandomShift(1)([1]), tg.DTypeError, "RandomShift: images must be an array of numbers, got list"),
        (lambda: RandomShift(1)(X > 2), tg.DTypeError, "RandomShift: images must be an array of numbers, got bool"),
        (
            lambda: RandomShift(1, generator=0),
            tg.DTypeError,
            "RandomShift: generator is a int, expected np.random.default_rng(seed) or None",
        ),
        (
            lambda: RandomHorizontalFlip(2),
            ValueError,
            "RandomHorizontalFlip: p must be a probability from 0 to 1, got 2",
        ),
        (lambda: Normalize(0, 0), ValueError, "Normalize: mean must be finite and std above 0, got 0 and 0"),
        (lambda: Normalize([1, 2], 1)(X), tg.ShapeError, "Normalize: mean has 2 numbers, the images are (2, 3, 5, 6)"),
        (lambda: Normalize(1, [1, 2])(X[0]), tg.ShapeError, "Normalize: std has 2 numbers, the images are (3, 5, 6)"),
        (
            lambda: Normalize([[1]], 1),
            tg.ShapeError,
            "Normalize: mean and std must be numbers or one for each channel, got shapes (1, 1) and ()",
        ),
        (lambda: DataLoader(X, transform=3), tg.DTypeError, "DataLoader: transform is a int, which cannot be called"),
    ],
)
def test_error_texts(call, error, text):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == text


def test_reprs():
    made = Compose([RandomShift(2), RandomCrop(4, 1), RandomHorizontalFlip(), Normalize(0.5, [1, 2])])
    assert repr(made) == (
        "Compose([RandomShift(2, fill=0.0), RandomCrop((4, 4), padding=1, fill=0.0), RandomHorizontalFlip(0.5), "
        "Normalize(0.5, [1.0, 2.0])])"
    )
