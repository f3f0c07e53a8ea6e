"""nn.summary: what it tells, and that it leaves everything as it was."""

import itertools
import time

import numpy as np
import pytest

import nn
import tensorgrad as tg


class Noisy(nn.Module):
    """Does what a module should not do in a run that is only looked at."""

    def __init__(self):
        super().__init__()
        self.register_buffer("calls", tg.tensor(0))
        self.generator = np.random.default_rng(0)

    def forward(self, x):
        self.calls.add_(1)
        self.cache = x
        self.generator.random()
        return x + tg.rand(1)


def make():
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), Noisy(), nn.Dropout(), nn.Flatten(), nn.Linear(8 * 36, 10)
    )


def test_the_table():
    net = make()
    net[5].requires_grad_(False)
    found = nn.summary(net, (2, 1, 6, 6))
    assert str(found) == "\n".join(
        [
            "module   class        notation     output        parameters  multiply-adds",
            "--------------------------------------------------------------------------",
            "(model)  Sequential                (2, 10)                -              -",
            "0        Conv2d       [3x3, 8]     (2, 8, 6, 6)          80          5,184",
            "1        BatchNorm2d  bn           (2, 8, 6, 6)          16              -",
            "2        Noisy                     (2, 8, 6, 6)           -              -",
            "3        Dropout      dropout 0.5  (2, 8, 6, 6)           -              -",
            "4        Flatten      flatten      (2, 288)               -              -",
            "5        Linear       fc 10        (2, 10)            2,890          5,760",
            "--------------------------------------------------------------------------",
            "2,986 parameters, 2,890 of them frozen; 10,944 multiply-adds",
        ]
    )
    assert repr(found) == str(found)
    assert (found.total_parameters, found.trainable_parameters) == (2986, 96)
    assert found.rows[1] == ("0", "Conv2d", (2, 8, 6, 6), 80, 5184, "[3x3, 8]")


def test_nothing_is_changed():
    net = make()
    net[1].eval()
    called = []
    net[0].register_forward_hook(lambda *args: called.append("hook"))
    net[0].register_forward_pre_hook(lambda *args: called.append("pre-hook"))
    tg.manual_seed(0)
    state = {name: tensor.data.copy() for name, tensor in net.state_dict().items()}
    attributes = [dict(vars(module)) for module in net.modules()]
    nn.summary(net, (2, 1, 6, 6))
    assert called == []
    assert [dict(vars(module)) for module in net.modules()] == attributes
    assert [module.training for module in net] == [True, False, True, True, True, True]
    for name, tensor in net.state_dict().items():
        np.testing.assert_array_equal(tensor.data, state[name])
    drawn = tg.rand(1).item(), net[2].generator.random()
    tg.manual_seed(0)
    assert drawn == (tg.rand(1).item(), np.random.default_rng(0).random())
    net(tg.ones(2, 1, 6, 6))
    assert called == ["pre-hook", "hook"]


def test_hooks_with_kwargs_of_any_key_do_not_matter(monkeypatch):
    """The hook that takes notes is called as one without keyword arguments, whatever keys the module's own have."""
    monkeypatch.setattr("nn.module._next_key", itertools.count().__next__)
    net = nn.Linear(3, 2)
    for _ in range(3):
        net.register_forward_hook(lambda module, args, kwargs, output: None, with_kwargs=True, always_call=True)
    assert nn.summary(net, (1, 3)).rows[0].output_shape == (1, 2)


def test_nothing_is_changed_by_a_failure_either():
    net = make()
    with pytest.raises(tg.ShapeError, match="linear: input"):
        nn.summary(net, (2, 1, 5, 5))
    assert all(module.training for module in net.modules())
    assert net[2].calls.item() == 0
    assert not hasattr(net[2], "cache")
    assert all(not module._forward_hooks for module in net.modules())


def test_several_inputs_outputs_and_modules_not_called():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(3, 2)
            self.spare = nn.Linear(3, 2)
            self.spare.weight = self.fc.weight

        def forward(self, a, b):
            return self.fc(a), [self.fc(b), 3]

    found = nn.summary(Two(), [(1, 3), (4, 3)])
    assert [row.output_shape for row in found.rows] == [((1, 2), ((4, 2), None)), (1, 2), None]
    assert found.total_parameters == 6 + 2 + 2
    assert "not called" in str(found)


def test_nested_modules_are_indented():
    text = str(nn.summary(nn.Sequential(nn.Sequential(nn.ReLU())), (1,)))
    assert "\n0        Sequential            (1,)" in text
    assert "\n  0      ReLU        relu      (1,)" in text


def test_the_input_has_the_parameters_dtype():
    net = nn.Linear(2, 2, dtype=np.float64)
    seen = []
    net.forward = lambda x: seen.append(x.dtype) or x
    nn.summary(net, (1, 2))
    nn.summary(net, (1, 2), dtype=np.float32)
    assert seen == [np.float64, np.float32]


def test_lenet5_has_its_published_numbers():
    found = nn.summary(nn.models.lenet5(), (1, 1, 28, 28))
    assert (found.total_parameters, found.multiply_adds) == (61_706, 416_520)
    assert nn.summary(nn.models.lenet5(), (7, 1, 28, 28)).multiply_adds == 7 * 416_520


def test_a_dense_layer_on_images_is_counted_not_allocated():
    with nn.meta():
        net = nn.Sequential(nn.Flatten(), nn.Linear(224 * 224 * 3, 224 * 224 * 3 // 2), nn.ReLU())
    found = nn.summary(net, (1, 3, 224, 224))
    assert found.total_parameters == 11_329_414_656 > 10**10
    assert found.multiply_adds == 150_528 * 75_264
    assert found.rows[2].output_shape == (1, 75_264)
    assert found.notation == "fc 75264 relu"


def test_resnet152_is_counted_fast():
    start = time.perf_counter()
    with nn.meta():
        net = nn.models.resnet152()
    found = nn.summary(net, (1, 3, 224, 224))
    assert found.total_parameters == 60_192_808
    assert found.multiply_adds == 11_513_626_624
    assert time.perf_counter() - start < 5


def naive_multiply_adds(layer, x):
    """Count by what is computed: with weights and inputs of ones and no bias, each product adds 1 to the sum."""
    with tg.no_grad():
        for p in layer.parameters():
            p.fill_(1)
        return int(layer(tg.ones(x)).sum().item())


@pytest.mark.parametrize(
    "layer, shape",
    [
        (nn.Linear(3, 5, bias=False), (4, 2, 3)),
        (nn.Conv1d(4, 6, 3, stride=2, groups=2, bias=False), (2, 4, 9)),
        (nn.Conv2d(2, 3, (3, 2), bias=False), (2, 2, 6, 5)),
        (nn.Conv2d(2, 3, 3, bias=False), (2, 6, 5)),
        (nn.Conv3d(2, 3, 2, dilation=2, bias=False), (1, 2, 4, 5, 6)),
        (nn.ConvTranspose1d(4, 6, 3, stride=2, groups=2, bias=False), (2, 4, 9)),
        (nn.ConvTranspose2d(2, 3, (3, 2), bias=False), (2, 2, 6, 5)),
        (nn.ConvTranspose3d(2, 3, 2, dilation=2, bias=False), (1, 2, 4, 5, 6)),
    ],
)
def test_multiply_adds_are_counted(layer, shape):
    expected = naive_multiply_adds(layer, shape)
    found = nn.summary(layer, shape)
    assert found.multiply_adds == expected
    assert found.rows[0].output_shape == layer(tg.ones(shape)).shape


def test_calls_are_added_up_and_functions_are_not_seen():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(3, 3)

        def forward(self, x):
            return self.fc(self.fc(x)) @ tg.ones(3, 3)

    assert nn.summary(Twice(), (2, 3)).multiply_adds == 2 * 2 * 9


def test_layers_of_ones_own_are_run():
    class Doubled(nn.Linear):
        def forward(self, input):
            return super().forward(input)[:, :1]

    found = nn.summary(nn.Sequential(Doubled(3, 2), nn.Linear(1, 4)), (5, 3))
    assert [row.output_shape for row in found.rows] == [(5, 4), (5, 1), (5, 4)]


@pytest.mark.parametrize(
    "layer, shape, text",
    [
        (nn.Linear(3, 2), (7, 4), r"linear: input \(7, 4\)"),
        (nn.Conv2d(3, 2, 3), (7, 4, 5, 5), r"conv2d: input \(7, 4, 5, 5\) has 4 channels"),
        (nn.Conv2d(3, 2, 3), (6, 7, 3, 5, 5), r"conv2d: input must be \(N, C, H, W\).*\(6, 7, 3, 5, 5\)"),
        (nn.Conv2d(3, 2, 3), (5, 5), r"conv2d: input must be .*\(5, 5\)"),
    ],
)
def test_errors_tell_the_shapes_that_were_given(layer, shape, text):
    with pytest.raises(tg.ShapeError, match=text):
        nn.summary(layer, shape)
