"""AlexNet."""

import tensorgrad as tg

from ..activation import ReLU
from ..container import Sequential
from ..conv import Conv2d
from ..dropout import Dropout
from ..linear import Linear
from ..module import Module
from ..pool import AdaptiveAvgPool2d, MaxPool2d


class AlexNet(Module):
    """Krizhevsky, "One weird trick for parallelizing convolutional neural networks" (2014), arXiv:1404.5997.

    The later form of the network of 2012, on one device and without response normalisation, as torchvision has it.
    """

    def __init__(self, num_classes: int = 1000, dropout: float = 0.5) -> None:
        super().__init__()
        self.features = Sequential(
            *(Conv2d(3, 64, 11, stride=4, padding=2), ReLU(True), MaxPool2d(3, 2)),
            *(Conv2d(64, 192, 5, padding=2), ReLU(True), MaxPool2d(3, 2)),
            *(Conv2d(192, 384, 3, padding=1), ReLU(True)),
            *(Conv2d(384, 256, 3, padding=1), ReLU(True)),
            *(Conv2d(256, 256, 3, padding=1), ReLU(True), MaxPool2d(3, 2)),
        )
        self.avgpool = AdaptiveAvgPool2d((6, 6))
        self.classifier = Sequential(
            *(Dropout(dropout), Linear(256 * 6 * 6, 4096), ReLU(True)),
            *(Dropout(dropout), Linear(4096, 4096), ReLU(True), Linear(4096, num_classes)),
        )

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        """The scores of the classes."""
        scores: tg.Tensor = self.classifier(self.avgpool(self.features(x)).flatten(1))
        return scores


def alexnet(num_classes: int = 1000, dropout: float = 0.5) -> AlexNet:
    """AlexNet for images (N, 3, 224, 224): 61,100,840 parameters."""
    return AlexNet(num_classes, dropout)
