"""From layers to text in the notation of `cnn`."""

from collections.abc import Sequence
from typing import Any

import numpy as np

import tensorgrad as tg

from ..activation import LogSoftmax, ReLU, Sigmoid, Softmax, Tanh
from ..container import Sequential
from ..conv import Conv2d
from ..dropout import Dropout
from ..flatten import Flatten
from ..linear import Linear
from ..module import Module
from ..norm import BatchNorm1d, BatchNorm2d
from ..pool import AdaptiveAvgPool2d, AvgPool2d, MaxPool2d
from .reader import ACTIVATIONS

SIMPLE: dict[type[Module], str] = {
    ReLU: "relu",
    Sigmoid: "sigmoid",
    Tanh: "tanh",
    Softmax: "softmax",
    LogSoftmax: "log_softmax",
    BatchNorm1d: "bn",
    BatchNorm2d: "bn",
}


def notation(model: Module) -> str:
    """A Sequential of the layers that `cnn` knows in its notation: `cnn` makes the same layers of it again.

    Biases, names and settings of batch norm are not told. Raises ShapeError for layers that have no notation.
    """
    words: list[str] = []
    for name, module in model.named_modules(remove_duplicate=False):
        if isinstance(module, Sequential):
            continue
        found = word(module)
        if not found:
            raise tg.ShapeError(f"notation: {name or 'the model'} is a {type(module).__name__}, which has no notation")
        words.append(found)
    kept: list[str] = []
    awaits, flat = "", False  # the layer whose activation is open; whether there are maps no more
    for number, found in enumerate(words):
        following = words[number + 1] if number + 1 < len(words) else ""
        if awaits and found != "bn":
            usual = found == "relu" and following not in (*ACTIVATIONS, "bn") and (following or awaits[0] == "[")
            if found not in ACTIVATIONS:
                kept.append("linear")
            awaits = ""
            if usual:
                continue
        if found == "flatten" and following.startswith("fc ") and not flat:
            continue
        kept.append(found)
        flat = flat or found == "flatten" or found.startswith("fc ")
        if found.startswith(("[", "fc ")):
            awaits = found
    if awaits.startswith("["):
        kept.append("linear")
    return " ".join(_with_repeats(kept))


def word(module: Module) -> str:
    """One layer in the notation, or "" if it has none."""
    if type(module) is Conv2d and module.padding_mode == "zeros":
        return _convolution(module)
    if type(module) in (MaxPool2d, AvgPool2d):
        return _pool(module)
    if type(module) is AdaptiveAvgPool2d and module.output_size in (1, (1, 1)):
        return "gap"
    if type(module) is Linear:
        return f"fc {module.out_features}"
    if type(module) is Dropout:
        return f"dropout {np.format_float_positional(module.p)}"
    if type(module) is Flatten and (module.start_dim, module.end_dim) == (1, -1):
        return "flatten"
    if isinstance(module, Softmax | LogSoftmax) and module.dim not in (1, -1):
        return ""
    return SIMPLE.get(type(module), "")


def _convolution(layer: Conv2d) -> str:
    reach = [d * (k - 1) for d, k in zip(layer.dilation, layer.kernel_size, strict=True)]
    usual_padding = "same" if any(n % 2 for n in reach) else tuple(n // 2 for n in reach)
    text = f"{layer.kernel_size[0]}x{layer.kernel_size[1]}, {layer.out_channels}"
    for option, usual in (("stride", (1, 1)), ("padding", usual_padding), ("dilation", (1, 1))):
        value = getattr(layer, option)
        if value == "valid":
            value = (0, 0)
        elif value == "same" or (value == layer.sides_that_keep_the_size() and layer.stride == (1, 1)):
            value = usual_padding
        if value != usual and isinstance(value[0], tuple):
            return ""  # the notation has one number for both sides of an axis
        if value != usual:
            text += f", {option} {written_size(value)}"
    return f"[{text}, groups {layer.groups}]" if layer.groups != 1 else f"[{text}]"


def _pool(layer: Any) -> str:
    if isinstance(layer, MaxPool2d):
        plain = layer.dilation in (1, (1, 1)) and not layer.return_indices
    else:
        plain = layer.count_include_pad and layer.divisor_override is None
    if not plain or layer.ceil_mode:
        return ""
    window, stride, padding = (_pair(value) for value in (layer.kernel_size, layer.stride, layer.padding))
    text = "pool" if isinstance(layer, MaxPool2d) else "avgpool"
    text += "" if window == (2, 2) else f" {window[0]}x{window[1]}"
    text += f" stride {written_size(stride)}" if stride != window else ""
    return text + (f" padding {written_size(padding)}" if padding != (0, 0) else "")


def written_size(value: Sequence[int]) -> str:
    """A pair as one number if it can be."""
    return str(value[0]) if value[0] == value[1] else f"{value[0]}x{value[1]}"


def _pair(value: Any) -> tuple[int, int]:
    return (int(value), int(value)) if isinstance(value, int | np.integer) else (int(value[0]), int(value[-1]))


def _with_repeats(words: list[str]) -> list[str]:
    """Equal convolutions next to each other as one with a number."""
    result: list[tuple[str, int]] = []
    for found in words:
        if result and result[-1][0] == found and found.startswith("["):
            result[-1] = (found, result[-1][1] + 1)
        else:
            result.append((found, 1))
    return [found if times == 1 else f"{found} x{times}" for found, times in result]
