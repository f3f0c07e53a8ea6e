"""LeNet-5."""

import tensorgrad as tg

from ..activation import Tanh
from ..container import Sequential
from ..conv import Conv2d
from ..flatten import Flatten
from ..linear import Linear
from ..module import Module
from ..pool import AvgPool2d


class LeNet5(Module):
    """LeCun et al., "Gradient-based learning applied to document recognition" (1998), for images (N, 1, 28, 28).

    61,706 parameters: every map of the second convolution sees all six of the first. The paper left out some of these
    connections, learned a scale and shift for each mean, and ended in radial basis functions.
    """

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.features = Sequential(
            *(Conv2d(1, 6, 5, padding=2), Tanh(), AvgPool2d(2)),
            *(Conv2d(6, 16, 5), Tanh(), AvgPool2d(2)),
        )
        self.classifier = Sequential(
            *(Flatten(), Linear(16 * 5 * 5, 120), Tanh()),
            *(Linear(120, 84), Tanh(), Linear(84, num_classes)),
        )

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        """The scores of the classes."""
        scores: tg.Tensor = self.classifier(self.features(x))
        return scores


def lenet5(num_classes: int = 10) -> LeNet5:
    """LeNet-5 for 28x28 images of one channel: 61,706 parameters."""
    return LeNet5(num_classes)
