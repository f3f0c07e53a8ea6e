"""Published models: their parameters, names, and that they run."""

import numpy as np
import pytest

import nn
import tensorgrad as tg
from nn import models

COUNTS = {
    "lenet5": 61_706,
    "alexnet": 61_100_840,
    "vgg11": 132_863_336,
    "vgg11_bn": 132_868_840,
    "vgg13": 133_047_848,
    "vgg13_bn": 133_053_736,
    "vgg16": 138_357_544,
    "vgg16_bn": 138_365_992,
    "vgg19": 143_667_240,
    "vgg19_bn": 143_678_248,
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "resnet101": 44_549_160,
    "resnet152": 60_192_808,
    "resnet20": 269_722,
    "resnet56": 853_018,
}


def blank(name, **options):
    with nn.meta():
        return getattr(models, name)(**options)


def test_every_model_has_a_count():
    assert set(COUNTS) == {name for name in models.__all__ if name.islower()}


@pytest.mark.parametrize("name", COUNTS)
def test_parameters_are_as_many_as_published(name):
    net = blank(name)
    assert sum(p.numel() for p in net.parameters()) == COUNTS[name]
    assert f"{COUNTS[name]:,} parameters." in getattr(models, name).__doc__


@pytest.mark.parametrize(
    "name, shape, work",
    [
        ("lenet5", (1, 28, 28), 416_520),
        ("alexnet", (3, 224, 224), 714_188_480),
        ("vgg16", (3, 224, 224), 15_470_264_320),
        ("resnet18", (3, 224, 224), 1_814_073_344),
        ("resnet50", (3, 224, 224), 4_089_184_256),
        ("resnet20", (3, 32, 32), 40_551_040),
    ],
)
def test_outputs_and_multiply_adds(name, shape, work):
    found = nn.summary(blank(name), (1, *shape))
    assert found.rows[0].output_shape == (1, 10 if name in ("lenet5", "resnet20") else 1000)
    assert found.multiply_adds == work
    assert nn.summary(blank(name, num_classes=7), (2, *shape)).rows[0].output_shape == (2, 7)


def test_names_are_torchvisions():
    keys = list(blank("resnet50").state_dict())
    assert len(keys) == 320
    bn = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
    assert keys[:6] == ["conv1.weight", *(f"bn1.{name}" for name in bn)]
    assert "layer1.0.downsample.0.weight" in keys
    assert keys[-2:] == ["fc.weight", "fc.bias"]
    assert len(list(blank("resnet18").state_dict())) == 122
    assert list(blank("alexnet").state_dict())[-2:] == ["classifier.6.weight", "classifier.6.bias"]
    assert [k for k in blank("vgg16").state_dict() if k.endswith("weight")][-4:] == [
        "features.28.weight",
        *(f"classifier.{n}.weight" for n in (0, 3, 6)),
    ]


def test_starting_values():
    tg.manual_seed(0)
    net = models.resnet18(num_classes=3, zero_init_residual=True)
    assert net.layer4[1].conv2.weight.data.std() == pytest.approx(np.sqrt(2 / (512 * 9)), rel=0.01)
    assert (net.layer1[0].bn2.weight.data == 0).all()
    assert (net.layer1[0].bn1.weight.data == 1).all()
    assert (models.resnet20().layer1[0].bn2.weight.data == 1).all()


@pytest.mark.parametrize("name, shape", [("lenet5", (1, 28, 28)), ("resnet20", (3, 16, 16))])
def test_small_models_learn(name, shape):
    tg.manual_seed(0)
    net = getattr(models, name)(num_classes=4)
    opt = nn.optim.Adam(net.parameters(), lr=2e-3)
    images, labels = np.random.default_rng(0).standard_normal((8, *shape)).astype(np.float32), np.arange(8) % 4
    losses = []
    for _ in range(12):
        loss = nn.CrossEntropyLoss()(net(images), labels)
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    assert all(p.grad is not None and np.isfinite(p.grad.data).all() for p in net.parameters())


def test_shortcuts_without_parameters():
    shortcut = models.resnet20().layer2[0].downsample
    x = tg.randn(2, 16, 6, 4)
    out = shortcut(x)
    assert out.shape == (2, 32, 3, 2)
    np.testing.assert_array_equal(out.data[:, 8:24], x.data[:, :, ::2, ::2])
    assert (out.data[:, :8] == 0).all()
    assert (out.data[:, 24:] == 0).all()


def test_a_large_model_is_filled_from_a_file(tmp_path):
    tg.manual_seed(1)
    net, twin = models.resnet18(num_classes=5), blank("resnet18", num_classes=5)
    nn.save(net, tmp_path / "net.safetensors")
    nn.load(twin, tmp_path / "net.safetensors")
    x = tg.randn(1, 3, 33, 40)
    np.testing.assert_array_equal(twin.eval()(x).data, net.eval()(x).data)
