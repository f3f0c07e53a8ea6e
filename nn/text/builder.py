"""From items to layers."""

import functools
import math
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import tensorgrad as tg

from ..abstract import makes_blanks
from ..activation import LogSoftmax, ReLU, Sigmoid, Softmax, Tanh
from ..container import Sequential
from ..conv import Conv2d
from ..dropout import Dropout
from ..flatten import Flatten
from ..linear import Linear
from ..module import Module
from ..norm import BatchNorm1d, BatchNorm2d
from ..pool import AdaptiveAvgPool2d, AvgPool2d, MaxPool2d
from .reader import ACTIVATIONS, POOLS, Item, Pair, Reader, wrong
from .writer import written_size

MOST_WEIGHTS = 2**31  # that are given memory: 9 GB in float32
FLOATS = (tg.float16, tg.float32, tg.float64)

MAKERS: dict[str, Callable[[], Module]] = {
    "relu": ReLU,
    "sigmoid": Sigmoid,
    "tanh": Tanh,
    "softmax": lambda: Softmax(-1),
    "log_softmax": lambda: LogSoftmax(-1),
}


def cnn(
    text: str, in_shape: Sequence[int], *, dtype: Any = np.float32, generator: np.random.Generator | None = None
) -> Sequential:
    """A network written as lectures and papers do, for images of `in_shape`, (channels, height, width).

        nn.cnn("[3x3, 16] pool [3x3, 32] x2 bn pool dropout 0.3 fc 64 fc 10", in_shape=(1, 28, 28))

    - `[3x3, 16]`: 16 kernels of 3x3, zero padding that keeps height and width at stride 1. More inside, after commas:
      `stride 2`, `padding 0`, `dilation 2`, `groups 4`.
    - `pool`, `avgpool`: the largest value, or the mean, of 2x2 windows at stride 2; or as in `pool 3x3 stride 2`.
      `gap`: the mean of each whole map.
    - `fc 10`: fully connected, 10 units, after `flatten` if there are still maps.
    - `relu`, `sigmoid`, `tanh`, `softmax`, `log_softmax`. Where none stands after a convolution or an `fc`, ReLU does,
      but not after a last `fc`; `linear` keeps it away. `bn`: batch norm, before the activation. `dropout 0.3`.
    - `x2` after a layer, or after several in parentheses, repeats them. A size such as 3x3 has no spaces in it; after
      a number, a space makes it a repeat: `pool stride 2 x2` is two pools.

    Raises ShapeError, with the position in the text, for what it does not understand, what does not fit, and for more
    than 10,000 layers, or weights for which there is no memory.
    """
    if not isinstance(text, str):
        raise tg.DTypeError(f"cnn: text must be a string, got {text!r}")
    if generator is not None and not isinstance(generator, np.random.Generator):
        raise tg.DTypeError(f"cnn: generator must be a NumPy Generator or None, got {generator!r}")
    try:
        known = np.dtype(dtype).newbyteorder("=") in FLOATS
    except TypeError:
        known = False
    if not known:
        raise tg.DTypeError(f"cnn: dtype must be float16, float32 or float64, got {dtype!r}")
    try:
        shape = tuple(in_shape)
    except TypeError:
        shape = ()
    if len(shape) != 3 or any(isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1 for n in shape):
        raise tg.ShapeError(f"cnn: in_shape must be (channels, height, width), got {in_shape!r}")
    return Builder(text, shape, {"dtype": dtype, "generator": generator}).build(Reader(text).items())


class Builder:
    """From items to layers."""

    def __init__(self, text: str, shape: tuple[int, ...], made_with: dict[str, Any]) -> None:
        self.text, self.shape, self.made_with = text, shape, made_with
        self.planned: list[tuple[Item, Callable[[], Module]]] = []
        self.weights = 0  # values of all of them so far
        self.awaits = ""  # the kind of layer, "[" or "fc", whose activation is still open

    def build(self, items: list[Item]) -> Sequential:
        """The network."""
        for item in items:
            if self.awaits and item.kind not in (*ACTIVATIONS, "bn", "linear"):
                self.plan(item, ReLU)
                self.awaits = ""
            self.add(item)
        if self.awaits == "[":
            self.plan(items[-1], ReLU)
        if not self.planned:
            raise wrong(self.text, items[0].position, "there is no layer that linear keeps an activation from")
        return Sequential(*[self.made(item, maker) for item, maker in self.planned])

    def plan(self, item: Item, layer: Callable[..., Module], *args: Any, **keywords: Any) -> None:
        """A layer that is to be made when the whole text is understood, and all weights are counted."""
        self.planned.append((item, functools.partial(layer, *args, **keywords)))

    def made(self, item: Item, maker: Callable[[], Module]) -> Module:
        """A layer that was planned."""
        try:
            return maker()
        except MemoryError:
            raise wrong(self.text, item.position, "there is not enough memory for the weights") from None

    def add(self, item: Item) -> None:
        """The layer of one item, and the shape after it."""
        kind = item.kind
        if kind in ("[", "pool", "avgpool", "gap") and len(self.shape) == 1:
            raise wrong(
                self.text, item.position, f"maps are needed here, and there are {self.shape[0]} values in a row"
            )
        if kind == "[":
            self.add_convolution(item)
        elif kind in POOLS:
            stride, padding = item.options.get("stride", item.value), item.options.get("padding", (0, 0))
            if any(2 * p > k for p, k in zip(padding, item.value, strict=True)):
                raise wrong(
                    self.text, item.position, f"padding {written_size(padding)} is more than half of the window"
                )
            self.slide(item, item.value, stride, padding, (1, 1))
            window, step, pad = (n[0] if n[0] == n[1] else n for n in (item.value, stride, padding))
            self.plan(item, MaxPool2d if kind == "pool" else AvgPool2d, window, step, pad)
        elif kind == "gap":
            self.plan(item, AdaptiveAvgPool2d, 1)
            self.shape = (self.shape[0], 1, 1)
        elif kind == "flatten" or (kind == "fc" and len(self.shape) == 3):
            self.plan(item, Flatten)
            self.shape = (math.prod(self.shape),)
        if kind == "fc":
            self.weigh(item, item.value, self.shape[0])
            self.plan(item, Linear, self.shape[0], item.value, **self.made_with)
            self.shape = (item.value,)
        elif kind == "dropout":
            self.plan(item, Dropout, item.value)
        elif kind == "bn":
            self.weigh(item, 4, self.shape[0])  # its weight, bias, mean and variance
            norm = BatchNorm2d if len(self.shape) == 3 else BatchNorm1d
            self.plan(item, norm, self.shape[0], dtype=self.made_with["dtype"])
        elif kind in ACTIVATIONS:
            self.plan(item, MAKERS[kind])
        if kind != "bn":
            self.awaits = kind if kind in ("[", "fc") else ""

    def add_convolution(self, item: Item) -> None:
        """A convolution, with padding that keeps height and width unless another is given."""
        kernel, depth = item.value
        stride, dilation = item.options.get("stride", (1, 1)), item.options.get("dilation", (1, 1))
        groups = item.options.get("groups", (1, 1))[0]
        if self.shape[0] % groups or depth % groups:
            raise wrong(
                self.text,
                item.position,
                f"groups {groups} does not divide {self.shape[0]} channels and {depth} kernels",
            )
        reach = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        padding: Pair | str
        if "padding" in item.options:
            padding = item.options["padding"]
            self.slide(item, kernel, stride, padding, dilation)
        elif any(n % 2 for n in reach) and stride != (1, 1):
            raise wrong(
                self.text,
                item.position,
                f"a {kernel[0]}x{kernel[1]} kernel has no middle: say its padding at stride {written_size(stride)}",
            )
        elif any(n % 2 for n in reach):
            padding = "same"
        else:
            padding = (reach[0] // 2, reach[1] // 2)
            self.slide(item, kernel, stride, padding, dilation)
        self.weigh(item, depth, self.shape[0] // groups, *kernel)
        channels = self.shape[0]
        self.plan(item, Conv2d, channels, depth, kernel, stride, padding, dilation, groups, **self.made_with)
        self.shape = (depth, *self.shape[1:])

    def weigh(self, item: Item, *shape: int) -> None:
        """Raise if there can be no array of this shape; outside of `nn.meta()`, if all weights would be too many."""
        size = math.prod(shape)
        self.weights += size
        most = sys.maxsize // np.dtype(self.made_with["dtype"]).itemsize
        if size > most or (self.weights > MOST_WEIGHTS and not makes_blanks()):
            raise wrong(self.text, item.position, f"weights of {'x'.join(map(str, shape))} are too many")

    def slide(self, item: Item, window: Pair, stride: Pair, padding: Pair, dilation: Pair) -> None:
        """The size of the maps after a window has passed over them."""
        each = zip(self.shape[1:], window, stride, padding, dilation, strict=True)
        size = [(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in each]
        if min(size) < 1:
            raise wrong(
                self.text,
                item.position,
                f"a {window[0]}x{window[1]} window does not fit maps of {self.shape[1]}x{self.shape[2]}",
            )
        self.shape = (self.shape[0], *size)
