"""Weights from PyTorch and back, through safetensors: same names, same outputs. Published models in plain PyTorch.

torchvision itself is not needed: the models are written here as it writes them.
"""

import re
import subprocess
import sys

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn as tnn

import nn
import tensorgrad as tg
from nn import models
from tests.parity import tally

pytestmark = pytest.mark.parity


class Block(tnn.Module):
    """torchvision's BasicBlock and Bottleneck: `widths` are the kernels of its convolutions."""

    def __init__(self, inplanes, planes, stride, deep, downsample):
        super().__init__()
        self.deep = deep
        if deep:
            self.conv1 = tnn.Conv2d(inplanes, planes, 1, bias=False)
            self.bn1 = tnn.BatchNorm2d(planes)
            self.conv2 = tnn.Conv2d(planes, planes, 3, stride, 1, bias=False)
            self.bn2 = tnn.BatchNorm2d(planes)
            self.conv3 = tnn.Conv2d(planes, 4 * planes, 1, bias=False)
            self.bn3 = tnn.BatchNorm2d(4 * planes)
        else:
            self.conv1 = tnn.Conv2d(inplanes, planes, 3, stride, 1, bias=False)
            self.bn1 = tnn.BatchNorm2d(planes)
            self.conv2 = tnn.Conv2d(planes, planes, 3, 1, 1, bias=False)
            self.bn2 = tnn.BatchNorm2d(planes)
        self.relu = tnn.ReLU(inplace=True)
        self.downsample = downsample

    def forward(self, x):
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        if self.deep:
            out = self.bn3(self.conv3(self.relu(out)))
        return self.relu(out + (x if self.downsample is None else self.downsample(x)))


class ResNet(tnn.Module):
    def __init__(self, layers, deep, num_classes=1000):
        super().__init__()
        self.inplanes, grow = 64, 4 if deep else 1
        self.conv1 = tnn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = tnn.BatchNorm2d(64)
        self.relu = tnn.ReLU(inplace=True)
        self.maxpool = tnn.MaxPool2d(3, 2, 1)
        for stage, (depth, planes) in enumerate(zip(layers, (64, 128, 256, 512), strict=True), 1):
            blocks = []
            for number in range(depth):
                stride = 2 if stage > 1 and number == 0 else 1
                downsample = None
                if stride != 1 or self.inplanes != planes * grow:
                    downsample = tnn.Sequential(
                        tnn.Conv2d(self.inplanes, planes * grow, 1, stride, bias=False), tnn.BatchNorm2d(planes * grow)
                    )
                blocks.append(Block(self.inplanes, planes, stride, deep, downsample))
                self.inplanes = planes * grow
            setattr(self, f"layer{stage}", tnn.Sequential(*blocks))
        self.avgpool = tnn.AdaptiveAvgPool2d((1, 1))
        self.fc = tnn.Linear(512 * grow, num_classes)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


class Pad(tnn.Module):
    def forward(self, x):
        channels = x.shape[1] // 2
        return tnn.functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, channels, channels))


class CifarResNet(tnn.Module):
    def __init__(self, depth, num_classes=10):
        super().__init__()
        self.conv1 = tnn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = tnn.BatchNorm2d(16)
        inplanes = 16
        for stage, planes in enumerate((16, 32, 64), 1):
            blocks = []
            for number in range(depth):
                change = stage > 1 and number == 0
                blocks.append(Block(inplanes, planes, 2 if change else 1, False, Pad() if change else None))
                inplanes = planes
            setattr(self, f"layer{stage}", tnn.Sequential(*blocks))
        self.fc = tnn.Linear(64, num_classes)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        return self.fc(self.layer3(self.layer2(self.layer1(x))).mean((2, 3)))


class Classic(tnn.Module):
    """AlexNet, VGG and LeNet-5: features, pooling to a size, classifier."""

    def __init__(self, features, size, classifier):
        super().__init__()
        self.features = features
        self.avgpool = tnn.AdaptiveAvgPool2d(size)
        self.classifier = classifier

    def forward(self, x):
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


def alexnet(num_classes=1000):
    convs = [(3, 64, 11, 4, 2), (64, 192, 5, 1, 2), (192, 384, 3, 1, 1), (384, 256, 3, 1, 1), (256, 256, 3, 1, 1)]
    features = []
    for number, conv in enumerate(convs):
        features += [tnn.Conv2d(*conv), tnn.ReLU(inplace=True)]
        if number in (0, 1, 4):
            features.append(tnn.MaxPool2d(3, 2))
    classifier = [tnn.Dropout(), tnn.Linear(256 * 36, 4096), tnn.ReLU(inplace=True)]
    classifier += [tnn.Dropout(), tnn.Linear(4096, 4096), tnn.ReLU(inplace=True), tnn.Linear(4096, num_classes)]
    return Classic(tnn.Sequential(*features), (6, 6), tnn.Sequential(*classifier))


def vgg(plan, batch_norm, num_classes=1000):
    features, channels = [], 3
    for value in plan:
        if value == "M":
            features.append(tnn.MaxPool2d(2, 2))
            continue
        features += [tnn.Conv2d(channels, value, 3, padding=1)]
        features += ([tnn.BatchNorm2d(value)] if batch_norm else []) + [tnn.ReLU(inplace=True)]
        channels = value
    classifier = [tnn.Linear(512 * 49, 4096), tnn.ReLU(True), tnn.Dropout()]
    classifier += [tnn.Linear(4096, 4096), tnn.ReLU(True), tnn.Dropout(), tnn.Linear(4096, num_classes)]
    return Classic(tnn.Sequential(*features), (7, 7), tnn.Sequential(*classifier))


PLANS = {
    "vgg11": [64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"],
    "vgg13": [64, 64, "M", 128, 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"],
    "vgg16": [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"],
    "vgg19": [64, 64, "M", 128, 128, "M"] + [256] * 4 + ["M"] + ([512] * 4 + ["M"]) * 2,
}
MAKERS = {
    "alexnet": alexnet,
    "resnet18": lambda **options: ResNet((2, 2, 2, 2), False, **options),
    "resnet34": lambda **options: ResNet((3, 4, 6, 3), False, **options),
    "resnet50": lambda **options: ResNet((3, 4, 6, 3), True, **options),
    "resnet101": lambda **options: ResNet((3, 4, 23, 3), True, **options),
    "resnet152": lambda **options: ResNet((3, 8, 36, 3), True, **options),
    "resnet20": lambda **options: CifarResNet(3, **options),
    "resnet56": lambda **options: CifarResNet(9, **options),
}
for plan_name, plan in PLANS.items():
    MAKERS[plan_name] = lambda plan=plan, **options: vgg(plan, False, **options)
    MAKERS[f"{plan_name}_bn"] = lambda plan=plan, **options: vgg(plan, True, **options)


@pytest.mark.parametrize("name", MAKERS)
def test_names_and_shapes_are_torchvisions(name):
    with torch.device("meta"):
        theirs = MAKERS[name]()
    with nn.meta():
        ours = getattr(models, name)()
    assert [(k, tuple(v.shape)) for k, v in ours.state_dict().items()] == [
        (k, tuple(v.shape)) for k, v in theirs.state_dict().items()
    ]


def stir(net):
    """Give every parameter and statistic values of its own: batch norm starts as doing nothing."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, tensor in net.state_dict().items():
            if tensor.dtype.is_floating_point and tensor.ndim == 1:
                tensor.copy_(torch.rand(tensor.shape, generator=generator) * 0.5 + (0.75 if "bias" not in name else 0))


def small(kind):
    layers = [kind.Conv2d(1, 4, 3), kind.BatchNorm2d(4), kind.ReLU(), kind.Flatten(), kind.Linear(64, 3)]
    return kind.Sequential(*layers)


PAIRS = {
    "small": (lambda: small(nn), lambda: small(tnn), (5, 1, 6, 6)),
    "resnet18": (lambda: models.resnet18(7), lambda: MAKERS["resnet18"](num_classes=7), (2, 3, 65, 70)),
    "resnet50": (lambda: models.resnet50(7), lambda: MAKERS["resnet50"](num_classes=7), (1, 3, 64, 64)),
    "resnet20": (lambda: models.resnet20(), lambda: MAKERS["resnet20"](), (2, 3, 32, 32)),
    "alexnet, features": (lambda: models.alexnet(2).features, lambda: alexnet(2).features, (1, 3, 95, 100)),
    "vgg11_bn, features": (
        lambda: nn.Sequential(*list(models.vgg11_bn(2, init_weights=False).features)),
        lambda: vgg(PLANS["vgg11"], True, 2).features,
        (1, 3, 48, 40),
    ),
    "lenet5": (
        models.lenet5,
        lambda: Classic(
            tnn.Sequential(
                *(tnn.Conv2d(1, 6, 5, padding=2), tnn.Tanh(), tnn.AvgPool2d(2)),
                *(tnn.Conv2d(6, 16, 5), tnn.Tanh(), tnn.AvgPool2d(2)),
            ),
            (5, 5),
            tnn.Sequential(
                *(tnn.Flatten(), tnn.Linear(400, 120), tnn.Tanh(), tnn.Linear(120, 84), tnn.Tanh()),
                tnn.Linear(84, 10),
            ),
        ),
        (3, 1, 28, 28),
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_weights_go_there_and_back(name, tmp_path):
    make, make_theirs, shape = PAIRS[name]
    torch.manual_seed(0)
    with nn.meta():
        ours = make()
    theirs = make_theirs().eval()
    stir(theirs)
    safetensors.torch.save_file(theirs.state_dict(), tmp_path / "theirs.safetensors")
    assert repr(nn.load(ours, tmp_path / "theirs.safetensors")) == "<All keys matched successfully>"
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    with torch.no_grad():
        expected = theirs(torch.tensor(x)).numpy()
    scale = np.abs(expected).max()
    assert scale > 1e-3
    np.testing.assert_allclose(ours.eval()(x).data / scale, expected / scale, atol=1e-5)
    tally.count("values")

    # Back: changed here, loaded there.
    with tg.no_grad():
        for p in ours.parameters():
            p.mul_(0.9)
    nn.save(ours, tmp_path / "ours.safetensors")
    theirs.load_state_dict(safetensors.torch.load_file(tmp_path / "ours.safetensors"))
    with torch.no_grad():
        expected = theirs(torch.tensor(x)).numpy()
    scale = np.abs(expected).max()
    np.testing.assert_allclose(ours(x).data / scale, expected / scale, atol=1e-5)
    tally.count("values")


def test_training_a_residual_network_is_pytorchs(tmp_path):
    """Five steps with momentum, in float64: losses, and everything in the state at the end."""
    torch.manual_seed(0)
    theirs = MAKERS["resnet20"]().double()
    ours = models.resnet20().double()
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    mine, other = (
        library.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
        for library, net in ((nn.optim, ours), (torch.optim, theirs))
    )
    rng = np.random.default_rng(0)
    for _ in range(5):
        x, labels = rng.standard_normal((4, 3, 16, 16)), rng.integers(0, 10, 4)
        mine.zero_grad()
        other.zero_grad()
        loss, expected = (
            nn.CrossEntropyLoss()(ours(x), labels),
            tnn.CrossEntropyLoss()(theirs(torch.tensor(x)), torch.tensor(labels)),
        )
        assert loss.item() == pytest.approx(expected.item(), rel=1e-8)
        loss.backward()
        expected.backward()
        mine.step()
        other.step()
    for key, value in theirs.state_dict().items():
        np.testing.assert_allclose(ours.state_dict()[key].data, value.numpy(), rtol=1e-6, atol=1e-8, err_msg=key)


def test_a_pth_file_is_refused_with_the_line_that_converts_it(tmp_path):
    net, path = small(tnn).eval(), tmp_path / "it's a net.pth"
    stir(net)
    torch.save(net.state_dict(), path)
    ours = small(nn)
    before = {name: tensor.tolist() for name, tensor in ours.state_dict().items()}
    with pytest.raises(tg.FileFormatError, match=r"is a pickle file, as torch\.save writes them") as caught:
        nn.load(ours, path)
    assert {name: tensor.tolist() for name, tensor in ours.state_dict().items()} == before
    command = re.search(r"this converts it to .*?: python (-c .*)", str(caught.value), flags=re.DOTALL).group(1)
    subprocess.run(f"{sys.executable} {command}", shell=True, check=True)
    nn.load(ours, path.with_suffix(".safetensors"))
    x = np.random.default_rng(0).standard_normal((5, 1, 6, 6)).astype(np.float32)
    with torch.no_grad():
        np.testing.assert_allclose(ours.eval()(x).data, net(torch.tensor(x)).numpy(), atol=1e-5)
