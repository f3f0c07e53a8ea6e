"""The single layers of `python -m benchmarks --layers`."""

from __future__ import annotations

from typing import Any, NamedTuple


class Layer(NamedTuple):
    kind: str  # conv, cross_entropy, max_pool, a norm, or an activation
    input: tuple[int, ...]
    out: int = 0  # a convolution's channels
    kernel: int = 3
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    groups: int = 1

    @property
    def title(self) -> str:
        shape = ",".join(map(str, self.input))
        if self.kind == "conv":
            stride = f" /{self.stride}" if self.stride > 1 else ""
            dilation = f", dilation {self.dilation}" if self.dilation > 1 else ""
            groups = f", {self.groups} groups" if self.groups > 1 else ""
            return f"conv ({shape})->{self.out} {self.kernel}x{self.kernel}{stride}{dilation}{groups}"
        if self.kind == "max_pool":
            return f"max pool ({shape}) {self.kernel}x{self.kernel} /{self.stride}"
        groups = f", {self.groups} groups" if self.groups > 1 else ""
        return f"{self.kind.replace('_', ' ')} ({shape}){groups}"

    @property
    def is_first(self) -> bool:
        """Whether the input is an image: it comes as an array from outside, and nobody wants its gradient."""
        return self.kind == "conv" and self.input[1] <= 3


def _same(
    shape: tuple[int, ...], out: int, kernel: int = 3, stride: int = 1, dilation: int = 1, groups: int = 1
) -> Layer:
    return Layer("conv", shape, out, kernel, stride, dilation * (kernel // 2), dilation, groups)


LAYERS = [
    _same((64, 1, 28, 28), 16),
    _same((64, 16, 14, 14), 32),
    _same((64, 3, 32, 32), 32),
    _same((64, 32, 32, 32), 32),
    _same((64, 32, 16, 16), 64),
    _same((64, 64, 16, 16), 64),
    _same((64, 64, 8, 8), 128),
    _same((64, 128, 8, 8), 128),
    _same((64, 16, 32, 32), 16),
    _same((8, 64, 56, 56), 64),
    _same((8, 128, 28, 28), 128),
    _same((8, 256, 14, 14), 256),
    _same((8, 512, 7, 7), 512),
    _same((64, 16, 32, 32), 32, stride=2),
    _same((8, 64, 56, 56), 128, stride=2),
    _same((8, 3, 224, 224), 64, kernel=7, stride=2),
    _same((8, 64, 56, 56), 128, kernel=1, stride=2),
    _same((8, 256, 14, 14), 256, kernel=1),
    _same((64, 64, 16, 16), 64, kernel=1),
    _same((1, 64, 56, 56), 64),
    _same((4, 128, 28, 28), 128),
    _same((32, 32, 32, 32), 32, dilation=2),
    _same((32, 64, 32, 32), 64, groups=4),
    _same((32, 64, 28, 28), 64, groups=64),
    _same((32, 64, 28, 28), 64, kernel=5, stride=2, groups=64),
    Layer("max_pool", (64, 32, 32, 32), kernel=2, stride=2),
    Layer("max_pool", (8, 64, 112, 112), kernel=3, stride=2, padding=1),
    Layer("batch_norm", (64, 16, 32, 32)),
    Layer("batch_norm", (8, 64, 56, 56)),
    Layer("group_norm", (32, 32, 32, 32), groups=4),
    Layer("layer_norm", (16, 64, 128)),
    Layer("relu", (64, 32, 32, 32)),
    Layer("relu", (64, 128, 8, 8)),
    Layer("gelu", (16, 64, 512)),
    Layer("silu", (16, 64, 512)),
    Layer("cross_entropy", (64, 10)),
    Layer("cross_entropy", (64, 1000)),
]
ACTIVATIONS = {"relu": "ReLU", "gelu": "GELU", "silu": "SiLU"}
BY_TITLE = {layer.title: layer for layer in LAYERS}


def build(layer: Layer, nn: Any) -> Any:
    """The layer as a module, or for the loss a function of scores and labels."""
    if layer.kind == "conv":
        sizes = layer.input[1], layer.out, layer.kernel, layer.stride, layer.padding
        return nn.Conv2d(*sizes, dilation=layer.dilation, groups=layer.groups)
    if layer.kind == "max_pool":
        return nn.MaxPool2d(layer.kernel, layer.stride, padding=layer.padding)
    if layer.kind == "batch_norm":
        return nn.BatchNorm2d(layer.input[1])
    if layer.kind == "group_norm":
        return nn.GroupNorm(layer.groups, layer.input[1])
    if layer.kind == "layer_norm":
        return nn.LayerNorm(layer.input[-1])
    if layer.kind in ACTIVATIONS:
        return getattr(nn, ACTIVATIONS[layer.kind])()
    if layer.kind == "cross_entropy":
        return nn.functional.cross_entropy
    raise ValueError(f"no layer of kind {layer.kind!r}")
