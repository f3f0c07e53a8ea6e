"""The models that are measured, each described once and built from either library's `nn`: the names are the same.

The ResNets have PyTorch's names throughout, so their descriptions are those of `nn.models` and of torchvision, which
overwrite their input in ReLU; a test holds them equal to `nn.models`. LeNet-5 is the usual modern form, with ReLU and
max pooling.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Description(NamedTuple):
    title: str
    build: Callable[[Any], Any]  # from a library's `nn`
    input: tuple[int, ...]  # the shape of a batch
    classes: int


def mlp(nn: Any) -> Any:
    return nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10))


def lecture(nn: Any) -> Any:
    return nn.Sequential(
        *(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(32 * 7 * 7, 10)),
    )


def lenet5(nn: Any) -> Any:
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
    )


def vgg6(nn: Any) -> Any:
    layers: list[Any] = []
    channels = 3
    for width in (32, 64, 128):
        for _ in range(2):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(128 * 4 * 4, 10))


def basic_block(nn: Any, inplanes: int, planes: int, stride: int, downsample: Any) -> Any:
    """Two 3x3 convolutions, whose output is added to the input."""

    class BasicBlock(nn.Module):  # type: ignore[misc]  # either nn
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(inplanes, planes, 3, stride, padding=1, bias=False)
            self.bn1 = nn.BatchNorm2d(planes)
            self.relu = nn.ReLU(True)
            self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
            self.bn2 = nn.BatchNorm2d(planes)
            self.downsample = downsample

        def forward(self, x: Any) -> Any:
            out = self.relu(self.bn1(self.conv1(x)))
            out = self.bn2(self.conv2(out))
            return self.relu(out + (x if self.downsample is None else self.downsample(x)))

    return BasicBlock()


def pad_shortcut(nn: Any, channels: int) -> Any:
    """Every second pixel, and zeros for the channels that are missing: option A of the paper, nothing to learn."""

    class PadShortcut(nn.Module):  # type: ignore[misc]  # either nn
        def forward(self, x: Any) -> Any:
            return nn.functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, channels // 2, channels - channels // 2))

    return PadShortcut()


def resnet20(nn: Any) -> Any:
    """He et al. (2015) for CIFAR: three stages of three blocks, of 16, 32 and 64 channels."""

    def stage(inplanes: int, planes: int) -> Any:
        is_wider = planes > inplanes
        shortcut = pad_shortcut(nn, planes - inplanes) if is_wider else None
        first = basic_block(nn, inplanes, planes, 2 if is_wider else 1, shortcut)
        return nn.Sequential(first, *(basic_block(nn, planes, planes, 1, None) for _ in range(2)))

    class ResNet20(nn.Module):  # type: ignore[misc]  # either nn
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
            self.bn1 = nn.BatchNorm2d(16)
            self.relu = nn.ReLU(True)
            self.layer1, self.layer2, self.layer3 = stage(16, 16), stage(16, 32), stage(32, 64)
            self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
            self.fc = nn.Linear(64, 10)

        def forward(self, x: Any) -> Any:
            x = self.relu(self.bn1(self.conv1(x)))
            x = self.layer3(self.layer2(self.layer1(x)))
            return self.fc(self.avgpool(x).flatten(1))

    return ResNet20()


def resnet18(nn: Any) -> Any:
    """He et al. (2015) for images of 224x224: four stages of two blocks."""

    def stage(inplanes: int, planes: int, stride: int) -> Any:
        shortcut = None
        if stride != 1:
            shortcut = nn.Sequential(nn.Conv2d(inplanes, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))
        first = basic_block(nn, inplanes, planes, stride, shortcut)
        return nn.Sequential(first, basic_block(nn, planes, planes, 1, None))

    class ResNet18(nn.Module):  # type: ignore[misc]  # either nn
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
            self.bn1 = nn.BatchNorm2d(64)
            self.relu = nn.ReLU(True)
            self.maxpool = nn.MaxPool2d(3, 2, padding=1)
            self.layer1, self.layer2 = stage(64, 64, 1), stage(64, 128, 2)
            self.layer3, self.layer4 = stage(128, 256, 2), stage(256, 512, 2)
            self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
            self.fc = nn.Linear(512, 1000)

        def forward(self, x: Any) -> Any:
            x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
            x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
            return self.fc(self.avgpool(x).flatten(1))

    return ResNet18()


MODELS = {
    "mlp": Description("MLP 784-256-128-10, batch 64", mlp, (64, 784), 10),
    "lecture": Description("lecture CNN, batch 64", lecture, (64, 1, 28, 28), 10),
    "lenet5": Description("LeNet-5, batch 64", lenet5, (64, 1, 28, 28), 10),
    "vgg6": Description("VGG-6, batch 64", vgg6, (64, 3, 32, 32), 10),
    "resnet20": Description("ResNet-20, batch 64", resnet20, (64, 3, 32, 32), 10),
    "resnet18": Description("ResNet-18 224x224, batch 8", resnet18, (8, 3, 224, 224), 1000),
}
