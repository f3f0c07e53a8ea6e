"""What was pending before a drawing goes on after it; what was recorded inside is told from it."""

import numpy as np
import pytest

import nn
import tensorgrad as tg


class Scaled(nn.Module):
    """Multiplies by a buffer, which changes at every call."""

    def __init__(self, change):
        super().__init__()
        self.weight = nn.Parameter(tg.tensor([1.0, 2.0]))
        self.register_buffer("scale", tg.tensor([3.0, 4.0]))
        self.change, self.seen = change, []

    def forward(self, x):
        self.change(self.scale)
        return self.weight * x * self.scale


def in_place(scale):
    with tg.no_grad():
        scale.mul_(0.5)


def other_memory(scale):
    scale.data = scale.data * np.float32(0.5)


def written_to(scale):
    scale.data[:] *= np.float32(0.5)
    scale.data = scale.data


X = np.array([1.0, 1.0], np.float32)
CHANGES = [in_place, other_memory, written_to]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("look", [lambda net: net.draw(X, loss=tg.sum), lambda net: nn.summary(net, (2,))])
def test_a_pending_backward_goes_on_after_a_look(change, look):
    net = Scaled(change)
    loss = net(tg.tensor(X)).sum()
    memory, scale = net.scale.data, net.scale.data.copy()
    look(net)
    assert net.scale.data is memory
    assert net.scale.tolist() == scale.tolist()
    loss.backward()
    assert net.weight.grad.tolist() == scale.tolist()


@pytest.mark.parametrize("changes", range(1, 5))
def test_what_was_recorded_inside_cannot_be_walked_with_other_values(changes):
    net = Scaled(in_place)
    kept = []
    hook = net.register_forward_hook(lambda module, given, output: kept.append(output))
    net.draw(X)
    hook.remove()
    for _ in range(changes):
        with pytest.raises(tg.GradientError, match="changed in place"):
            kept[0].sum().backward()
        in_place(net.scale)


def test_a_change_after_the_look_is_still_seen():
    net = Scaled(in_place)
    loss = net(tg.tensor(X)).sum()
    net.draw(X)
    in_place(net.scale)
    with pytest.raises(tg.GradientError, match="changed in place"):
        loss.backward()


def test_a_buffer_that_got_a_graph_has_none_afterwards():
    net = Scaled(lambda scale: scale.mul_(net.weight))
    net.draw(X, loss=tg.sum)
    assert net.scale.grad_fn is None
    assert not net.scale.requires_grad
    assert net.scale.tolist() == [3.0, 4.0]


def test_other_values_in_the_same_memory_may_have_been_changed():
    both = tg.tensor([1.0, 2.0, 3.0, 4.0])
    first, second = both[:2], both[2:]
    x = tg.tensor([1.0, 1.0], requires_grad=True)
    loss = (x * second).sum()
    with tg.viz.rewind_tensors([first]), tg.no_grad():
        both.mul_(2.0)
    assert both.tolist() == [1.0, 2.0, 6.0, 8.0]
    with pytest.raises(tg.GradientError, match="changed in place"):
        loss.backward()
