"""Changes to whole batches of images, arrays (N, H, W) or (N, C, H, W), on their way from a data set into training.

Each transform is called with a batch and answers with a new array; `DataLoader(x, y, transform=...)` calls it. Those
that draw random numbers take a `generator`, otherwise tensorgrad's own, which `tg.manual_seed` sets.
"""

import operator
from collections.abc import Callable, Sequence
from typing import Any, SupportsIndex, TypeAlias

import numpy as np

import tensorgrad as tg

Transform: TypeAlias = Callable[[np.ndarray], np.ndarray]


class Compose:
    """Several transforms as one: `Compose([RandomHorizontalFlip(), Normalize(0.5, 0.25)])` goes from left to right."""

    def __init__(self, transforms: Sequence[Transform]) -> None:
        self.transforms = list(transforms)

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """The images after all transforms."""
        for transform in self.transforms:
            images = transform(images)
        return images

    def __repr__(self) -> str:
        return f"Compose([{', '.join(map(repr, self.transforms))}])"


class Normalize:
    """(images - mean) / std: float images keep their dtype, integers become float32.

    `mean` and `std` are numbers, or one number for each channel of images (N, C, H, W), in the images' own units.
    Raises ShapeError if their count differs from the channels', ValueError if a `std` is not above 0.
    """

    def __init__(self, mean: float | Sequence[float] | np.ndarray, std: float | Sequence[float] | np.ndarray) -> None:
        self.mean, self.std = np.asarray(mean, np.float64), np.asarray(std, np.float64)
        if self.mean.ndim > 1 or self.std.ndim > 1:
            raise tg.ShapeError(
                f"Normalize: mean and std must be numbers or one for each channel, got shapes {self.mean.shape} and "
                f"{self.std.shape}"
            )
        if not (self.std > 0).all() or not np.isfinite(self.std).all() or not np.isfinite(self.mean).all():
            raise tg.ShapeError(f"Normalize: mean must be finite and std above 0, got {mean} and {std}")

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """The images, normalised."""
        _check("Normalize", images)
        for name, values in (("mean", self.mean), ("std", self.std)):
            if values.ndim and (images.ndim != 4 or values.size != images.shape[1]):
                raise tg.ShapeError(f"Normalize: {name} has {values.size} numbers, the images are {images.shape}")
        dtype = images.dtype if images.dtype.kind == "f" else np.dtype(np.float32)
        mean, std = (values.astype(dtype).reshape(-1, 1, 1) for values in (self.mean, self.std))
        if images.ndim == 3:
            mean, std = mean[0], std[0]
        return (images.astype(dtype, copy=False) - mean) / std

    def __repr__(self) -> str:
        return f"Normalize({self.mean.tolist()}, {self.std.tolist()})"


class RandomCrop:
    """A window of `size` (a number or (height, width)) from each image, at a place of its own.

    First `padding` pixels of the value `fill` are put around the images. All places are equally likely. Raises
    ShapeError when the window does not fit the padded images.
    """

    def __init__(
        self,
        size: SupportsIndex | tuple[SupportsIndex, SupportsIndex],
        padding: SupportsIndex = 0,
        fill: float = 0.0,
        *,
        generator: np.random.Generator | None = None,
    ) -> None:
        height, width = size if isinstance(size, tuple) else (size, size)
        self.size = (_count("RandomCrop", "size", height, 1), _count("RandomCrop", "size", width, 1))
        self.padding, self.fill = _count("RandomCrop", "padding", padding, 0), fill
        self.generator = _generator("RandomCrop", generator)

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """The windows."""
        _check("RandomCrop", images)
        height, width = (n + 2 * self.padding for n in images.shape[-2:])
        if self.size[0] > height or self.size[1] > width:
            raise tg.ShapeError(
                f"RandomCrop: a window of {self.size[0]}x{self.size[1]} does not fit images of "
                f"{images.shape[-2]}x{images.shape[-1]} with padding {self.padding}"
            )
        return _windows(images, self.size, self.padding, self.fill, _or_default(self.generator))

    def __repr__(self) -> str:
        return f"RandomCrop({self.size}, padding={self.padding}, fill={self.fill})"


class RandomShift:
    """Each image moved by up to `pixels` up or down and left or right; what comes in at the border is `fill`."""

    def __init__(
        self, pixels: SupportsIndex, fill: float = 0.0, *, generator: np.random.Generator | None = None
    ) -> None:
        self.pixels, self.fill = _count("RandomShift", "pixels", pixels, 0), fill
        self.generator = _generator("RandomShift", generator)

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """The images, moved."""
        _check("RandomShift", images)
        size = (images.shape[-2], images.shape[-1])
        return _windows(images, size, self.pixels, self.fill, _or_default(self.generator))

    def __repr__(self) -> str:
        return f"RandomShift({self.pixels}, fill={self.fill})"


class RandomHorizontalFlip:
    """Each image mirrored left to right with probability `p`."""

    def __init__(self, p: float = 0.5, *, generator: np.random.Generator | None = None) -> None:
        if not 0 <= p <= 1:
            raise tg.ShapeError(f"RandomHorizontalFlip: p must be a probability from 0 to 1, got {p}")
        self.p, self.generator = p, _generator("RandomHorizontalFlip", generator)

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """The images, some mirrored."""
        _check("RandomHorizontalFlip", images)
        chosen = _or_default(self.generator).random(len(images)) < self.p
        flipped = images.copy()
        flipped[chosen] = images[chosen][..., ::-1]
        return flipped

    def __repr__(self) -> str:
        return f"RandomHorizontalFlip({self.p})"


def _windows(
    images: np.ndarray, size: tuple[int, int], padding: int, fill: float, generator: np.random.Generator
) -> np.ndarray:
    """From each image, with a border of `fill`, one window at a random place."""
    around = [(0, 0)] * (images.ndim - 2) + [(padding, padding)] * 2
    padded = np.pad(images, around, constant_values=fill)
    views = np.lib.stride_tricks.sliding_window_view(padded, size, (-2, -1))  # n [c] top left y x
    places = [generator.integers(0, count, len(images)) for count in views.shape[-4:-2]]
    number = np.arange(len(images))
    # With the slice over channels between them, the three index arrays' axis goes to the front: n [c] y x.
    return views[number, ..., places[0], places[1], :, :]


def _check(name: str, images: Any) -> None:
    if not isinstance(images, np.ndarray) or images.dtype.kind not in "fiu":
        kind = images.dtype if isinstance(images, np.ndarray) else type(images).__name__
        raise tg.DTypeError(f"{name}: images must be an array of numbers, got {kind}")
    if images.ndim not in (3, 4):
        raise tg.ShapeError(f"{name}: images must be (N, H, W) or (N, C, H, W), got {images.shape}")


def _count(name: str, what: str, value: SupportsIndex, least: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        raise tg.DTypeError(f"{name}: {what} is {value!r}, expected a whole number") from None
    if number < least:
        raise tg.ShapeError(f"{name}: {what} is {number}, expected {least} or more")
    return number


def _generator(name: str, generator: np.random.Generator | None) -> np.random.Generator | None:
    if generator is not None and not isinstance(generator, np.random.Generator):
        raise tg.DTypeError(
            f"{name}: generator is a {type(generator).__name__}, expected np.random.default_rng(seed) or None"
        )
    return generator


def _or_default(generator: np.random.Generator | None) -> np.random.Generator:
    return tg.default_generator() if generator is None else generator
