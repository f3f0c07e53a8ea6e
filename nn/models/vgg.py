"""VGG: 3x3 convolutions in blocks, each followed by pooling."""

import tensorgrad as tg

from .. import init
from ..activation import ReLU
from ..container import Sequential
from ..conv import Conv2d
from ..dropout import Dropout
from ..linear import Linear
from ..module import Module
from ..norm import BatchNorm2d
from ..pool import AdaptiveAvgPool2d, MaxPool2d

# How many convolutions each of the five blocks has, and of how many kernels; three dense layers follow.
DEPTHS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
WIDTHS = (64, 128, 256, 512, 512)


class VGG(Module):
    """Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition", arXiv:1409.1556."""

    def __init__(
        self,
        features: Module,
        num_classes: int = 1000,
        init_weights: bool = True,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.features = features
        self.avgpool = AdaptiveAvgPool2d((7, 7))
        self.classifier = Sequential(
            *(Linear(512 * 7 * 7, 4096), ReLU(True), Dropout(dropout)),
            *(Linear(4096, 4096), ReLU(True), Dropout(dropout), Linear(4096, num_classes)),
        )
        if init_weights:
            for module in self.modules():
                if isinstance(module, Conv2d):
                    init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                elif isinstance(module, Linear):
                    init.normal_(module.weight, 0, 0.01)
                if isinstance(module, Conv2d | Linear) and module.bias is not None:
                    init.zeros_(module.bias)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        """The scores of the classes."""
        scores: tg.Tensor = self.classifier(self.avgpool(self.features(x)).flatten(1))
        return scores


def _vgg(layers: int, batch_norm: bool, num_classes: int, init_weights: bool, dropout: float) -> VGG:
    features: list[Module] = []
    channels = 3
    for depth, width in zip(DEPTHS[layers], WIDTHS, strict=True):
        for _ in range(depth):
            features += [
                Conv2d(channels, width, 3, padding=1),
                *([BatchNorm2d(width)] if batch_norm else []),
                ReLU(True),
            ]
            channels = width
        features.append(MaxPool2d(2, 2))
    return VGG(Sequential(*features), num_classes, init_weights, dropout)


def vgg11(num_classes: int = 1000, init_weights: bool = True, dropout: float = 0.5) -> VGG:
    """VGG of 11 layers for images (N, 3, 224, 224): 132,863,336 parameters."""
    return _vgg(11, False, num_classes, init_weights, dropout)


def vgg11_bn(num_classes: int = 1000, init_weights: bool = True, dropout: float = 0.5) -> VGG:
    """VGG of 11 layers with batch norm for images (N, 3, 224, 224): 132,868,840 parameters."""
    return _vgg(11, True, num_classes, init_weights, dropout)


def vgg13(num_classes: int = 1000, init_weights: bool = True, dropout: float = 0.5) -> VGG:
    """VGG of 13 layers for images (N, 3, 224, 224): 133,047,848 parameters."""
    return _vgg(13, False, num_classes, init_weights, dropout)


def vgg13_bn(num_classes: int = 1000, init_weights: bool = True, dropout: float = 0.5) -> VGG:
    """VGG of 13 layers with batch norm for images (N, 3, 224, 224): 133,053,736 parameters."""
    return _vgg(13, True, num_classes, init_weights, dropout)


def vgg16(num_classes: int = 1000, init_weights: bool = True, dropout: float = 0.5) -> VGG:
    """VGG of 16 layers for images (N, 3, 224, 224): 138,357,544 parameters."""
    return _vgg(16, False, num_classes, init_weights, dropout)


def vgg16_bn(num_classes: int = 1000, init_weights: bool = True, dropout: float = 0.5) -> VGG:
    """VGG of 16 layers with batch norm for images (N, 3, 224, 224): 138,365,992 parameters."""
    return _vgg(16, True, num_classes, init_weights, dropout)


def vgg19(num_classes: int = 1000, init_weights: bool = True, dropout: float = 0.5) -> VGG:
    """VGG of 19 layers for images (N, 3, 224, 224): 143,667,240 parameters."""
    return _vgg(19, False, num_classes, init_weights, dropout)


def vgg19_bn(num_classes: int = 1000, init_weights: bool = True, dropout: float = 0.5) -> VGG:
    """VGG of 19 layers with batch norm for images (N, 3, 224, 224): 143,678,248 parameters."""
    return _vgg(19, True, num_classes, init_weights, dropout)
