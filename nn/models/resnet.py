"""Residual networks: each block adds what it computes to its input.

After He et al., "Deep residual learning for image recognition" (2015), https://arxiv.org/abs/1512.03385.
"""

import tensorgrad as tg

from .. import functional as F
from .. import init
from ..activation import ReLU
from ..container import Sequential
from ..conv import Conv2d
from ..linear import Linear
from ..module import Module
from ..norm import BatchNorm2d
from ..pool import AdaptiveAvgPool2d, MaxPool2d


class BasicBlock(Module):
    """Two 3x3 convolutions; `downsample` brings the input to the shape of their output, if it has another."""

    expansion = 1

    def __init__(self, inplanes: int, planes: int, stride: int = 1, downsample: Module | None = None) -> None:
        super().__init__()
        self.conv1 = Conv2d(inplanes, planes, 3, stride, padding=1, bias=False)
        self.bn1 = BatchNorm2d(planes)
        self.relu = ReLU(True)
        self.conv2 = Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = BatchNorm2d(planes)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        """The block's output."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        shortcut = x if self.downsample is None else self.downsample(x)
        result: tg.Tensor = self.relu(out + shortcut)
        return result


class Bottleneck(Module):
    """A 1x1 convolution to `planes` channels, a 3x3 one, and a 1x1 one to four times as many.

    The stride is in the 3x3 one, as in torchvision (ResNet V1.5); in the paper it is in the first.
    """

    expansion = 4

    def __init__(self, inplanes: int, planes: int, stride: int = 1, downsample: Module | None = None) -> None:
        super().__init__()
        self.conv1 = Conv2d(inplanes, planes, 1, bias=False)
        self.bn1 = BatchNorm2d(planes)
        self.conv2 = Conv2d(planes, planes, 3, stride, padding=1, bias=False)
        self.bn2 = BatchNorm2d(planes)
        self.conv3 = Conv2d(planes, planes * self.expansion, 1, bias=False)
        self.bn3 = BatchNorm2d(planes * self.expansion)
        self.relu = ReLU(True)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        """The block's output."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        shortcut = x if self.downsample is None else self.downsample(x)
        result: tg.Tensor = self.relu(out + shortcut)
        return result


class ResNet(Module):
    """The network for images (N, 3, 224, 224): four stages of `block`s, `layers` says how many in each."""

    def __init__(
        self,
        block: type[BasicBlock | Bottleneck],
        layers: tuple[int, int, int, int],
        num_classes: int = 1000,
        zero_init_residual: bool = False,
    ) -> None:
        super().__init__()
        self.inplanes = 64
        self.conv1 = Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = BatchNorm2d(64)
        self.relu = ReLU(True)
        self.maxpool = MaxPool2d(3, 2, padding=1)
        self.layer1 = self._make_layer(block, 64, layers[0], 1)
        self.layer2 = self._make_layer(block, 128, layers[1], 2)
        self.layer3 = self._make_layer(block, 256, layers[2], 2)
        self.layer4 = self._make_layer(block, 512, layers[3], 2)
        self.avgpool = AdaptiveAvgPool2d((1, 1))
        self.fc = Linear(512 * block.expansion, num_classes)
        _reset(self)
        if zero_init_residual:  # every block starts as what it adds to nothing
            for module in self.modules():
                last = getattr(module, "bn3", getattr(module, "bn2", None))
                if isinstance(module, BasicBlock | Bottleneck) and last is not None:
                    init.zeros_(last.weight)

    def _make_layer(self, block: type[BasicBlock | Bottleneck], planes: int, blocks: int, stride: int) -> Sequential:
        width, downsample = planes * block.expansion, None
        if stride != 1 or self.inplanes != width:
            downsample = Sequential(Conv2d(self.inplanes, width, 1, stride, bias=False), BatchNorm2d(width))
        first = block(self.inplanes, planes, stride, downsample)
        self.inplanes = width
        return Sequential(first, *[block(width, planes) for _ in range(blocks - 1)])

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        """The scores of the classes."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        scores: tg.Tensor = self.fc(self.avgpool(x).flatten(1))
        return scores


class PadShortcut(Module):
    """The paper's option A: every second pixel, and zeros for the channels that are missing; nothing to learn."""

    def __init__(self, inplanes: int, planes: int, stride: int) -> None:
        super().__init__()
        self.before = (planes - inplanes) // 2
        self.after, self.stride = planes - inplanes - self.before, stride

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        """The input in the shape of the block's output."""
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.before, self.after))


class CifarResNet(Module):
    """The paper's network for images (N, 3, 32, 32): three stages of `blocks` basic blocks of 16, 32 and 64 channels.

    Between the stages shortcuts are padded with zeros (option A), so they have no parameters.
    """

    def __init__(self, blocks: int, num_classes: int = 10) -> None:
        super().__init__()
        self.conv1 = Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = BatchNorm2d(16)
        self.relu = ReLU(True)
        self.layer1 = Sequential(*[BasicBlock(16, 16) for _ in range(blocks)])
        self.layer2 = self._stage(16, 32, blocks)
        self.layer3 = self._stage(32, 64, blocks)
        self.avgpool = AdaptiveAvgPool2d((1, 1))
        self.fc = Linear(64, num_classes)
        _reset(self)

    def _stage(self, inplanes: int, planes: int, blocks: int) -> Sequential:
        first = BasicBlock(inplanes, planes, 2, PadShortcut(inplanes, planes, 2))
        return Sequential(first, *[BasicBlock(planes, planes) for _ in range(blocks - 1)])

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        """The scores of the classes."""
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        scores: tg.Tensor = self.fc(self.avgpool(x).flatten(1))
        return scores


def _reset(model: Module) -> None:
    for module in model.modules():
        if isinstance(module, Conv2d):
            init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


def resnet18(num_classes: int = 1000, zero_init_residual: bool = False) -> ResNet:
    """ResNet of 18 layers: 11,689,512 parameters."""
    return ResNet(BasicBlock, (2, 2, 2, 2), num_classes, zero_init_residual)


def resnet34(num_classes: int = 1000, zero_init_residual: bool = False) -> ResNet:
    """ResNet of 34 layers: 21,797,672 parameters."""
    return ResNet(BasicBlock, (3, 4, 6, 3), num_classes, zero_init_residual)


def resnet50(num_classes: int = 1000, zero_init_residual: bool = False) -> ResNet:
    """ResNet of 50 layers: 25,557,032 parameters."""
    return ResNet(Bottleneck, (3, 4, 6, 3), num_classes, zero_init_residual)


def resnet101(num_classes: int = 1000, zero_init_residual: bool = False) -> ResNet:
    """ResNet of 101 layers: 44,549,160 parameters."""
    return ResNet(Bottleneck, (3, 4, 23, 3), num_classes, zero_init_residual)


def resnet152(num_classes: int = 1000, zero_init_residual: bool = False) -> ResNet:
    """ResNet of 152 layers: 60,192,808 parameters."""
    return ResNet(Bottleneck, (3, 8, 36, 3), num_classes, zero_init_residual)


def resnet20(num_classes: int = 10) -> CifarResNet:
    """ResNet of 20 layers for CIFAR-10: 269,722 parameters."""
    return CifarResNet(3, num_classes)


def resnet56(num_classes: int = 10) -> CifarResNet:
    """ResNet of 56 layers for CIFAR-10: 853,018 parameters."""
    return CifarResNet(9, num_classes)
