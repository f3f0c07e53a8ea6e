"""nn.summary: what it tells, and that it leaves everything as it was."""

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
            "module   class        output        parameters",
            "----------------------------------------------",
            "(model)  Sequential   (2, 10)                -",
            "0        Conv2d       (2, 8, 6, 6)          80",
            "1        BatchNorm2d  (2, 8, 6, 6)          16",
            "2        Noisy        (2, 8, 6, 6)           -",
            "3        Dropout      (2, 8, 6, 6)           -",
            "4        Flatten      (2, 288)               -",
            "5        Linear       (2, 10)            2,890",
            "----------------------------------------------",
            "2,986 parameters, 2,890 of them frozen",
        ]
    )
    assert repr(found) == str(found)
    assert (found.total_parameters, found.trainable_parameters) == (2986, 96)
    assert found.rows[1] == ("0", "Conv2d", (2, 8, 6, 6), 80)


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
    assert "\n0        Sequential  (1,)" in text
    assert "\n  0      ReLU        (1,)" in text


def test_the_input_has_the_parameters_dtype():
    net = nn.Linear(2, 2, dtype=np.float64)
    seen = []
    net.forward = lambda x: seen.append(x.dtype) or x
    nn.summary(net, (1, 2))
    nn.summary(net, (1, 2), dtype=np.float32)
    assert seen == [np.float64, np.float32]
