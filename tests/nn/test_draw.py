"""net.draw: what it draws, and that it leaves everything as it was."""

import collections
import gc
import random
import weakref

import numpy as np
import pytest

import nn
import tensorgrad as tg
from nn import functional as F

SHARED = np.random.default_rng(0)  # no attribute of any module


class Noisy(nn.Module):
    """Does what a module should not do in a run that is only looked at."""

    def __init__(self, fails=False):
        super().__init__()
        self.register_buffer("calls", tg.tensor(0))
        self.generator = np.random.default_rng(0)
        self.fails, self.count = fails, 0

    def forward(self, x):
        self.calls.add_(1)
        self.count += 1
        self.cache = x * 2
        self.training = False
        self.generator.random()
        random.random()
        np.random.rand()  # noqa: NPY002
        x = F.dropout(x, 0.5, generator=SHARED) + tg.rand(1)
        if self.fails:
            raise RuntimeError("in the middle")
        return x


def make(fails=False):
    net = nn.Sequential(
        *(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), Noisy(fails)),
        *(nn.Dropout(), nn.Flatten(), nn.Linear(8 * 36, 10)),
    )
    net[3].eval()
    optimizer = nn.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    F.cross_entropy(net[0](X).flatten(1).sum(1, keepdim=True) * tg.ones(1, 10), Y).backward()
    net[5].weight.grad = tg.ones_like(net[5].weight)
    return net, optimizer


X, Y = np.random.default_rng(1).random((4, 1, 6, 6), np.float32), np.array([1, 2, 3, 4])


def everything(net):
    """All of the state there is, as it can be compared: bytes, and which objects hold them."""
    found = []
    for name, module in net.named_modules():
        found.append((name, module.training, list(vars(module))))
        found += [(key, id(value)) for key, value in vars(module).items()]
    for name, tensor in [*net.named_parameters(), *net.named_buffers()]:
        grad = tensor.grad
        found.append((name, id(tensor), tensor.data.tobytes(), tensor.requires_grad))
        found.append((id(grad), None if grad is None else grad.data.tobytes()))
    generators = [tg.default_generator(), SHARED, *(m.generator for m in net.modules() if hasattr(m, "generator"))]
    found += [repr(g.bit_generator.state) for g in generators if g is not None]
    found += [hash(random.getstate()), repr(np.random.get_state())]  # noqa: NPY002
    return [*found, X.tobytes(), Y.tobytes(), tg.is_grad_enabled()]


@pytest.mark.parametrize(
    "draw",
    [
        lambda net: net.draw(X),
        lambda net: net.draw(X, Y),
        lambda net: net.draw(X, Y, loss=lambda scores, y: F.cross_entropy(scores, y)),
        lambda net: net.draw(X, loss=lambda scores: scores.sum()),
        lambda net: net.draw(tg.tensor(X, requires_grad=True), Y, loss=nn.CrossEntropyLoss()),
    ],
    ids=["forward", "target", "loss", "loss alone", "tensor and module"],
)
def test_nothing_is_changed(draw):
    net, _ = make()
    before = everything(net)
    view = draw(net)
    assert everything(net) == before
    assert sum(node.kind == "op" for node in view.nodes) >= 6


@pytest.mark.parametrize("target", [None, Y], ids=["forward", "target"])
def test_nothing_is_changed_when_forward_raises(target):
    net, _ = make(fails=True)
    before = everything(net)
    with pytest.raises(RuntimeError, match="in the middle"):
        net.draw(X, target)
    assert everything(net) == before


def test_nothing_is_changed_when_the_loss_or_the_walk_raises():
    def fail(*args):
        raise RuntimeError("there")

    net, _ = make()
    before = everything(net)
    with pytest.raises(RuntimeError, match="there"):
        net.draw(X, Y, loss=fail)
    assert everything(net) == before
    net[5].bias.register_hook(fail)
    before = everything(net)
    with pytest.raises(RuntimeError, match="there"):
        net.draw(X, Y)
    assert everything(net) == before


def test_a_training_goes_on_as_if_nothing_had_been_drawn():
    def train(drawn):
        tg.manual_seed(0)
        net = nn.Sequential(nn.Flatten(), nn.Linear(36, 8, generator=np.random.default_rng(0)))
        net.append(nn.BatchNorm1d(8)).append(nn.Dropout())
        optimizer = nn.optim.Adam(net.parameters())
        for _ in range(3):
            loss = F.cross_entropy(net(X), Y)
            optimizer.zero_grad()
            loss.backward()
            if drawn:
                net.draw(X, Y)
            optimizer.step()
        return [tensor.data.tobytes() for tensor in net.state_dict().values()]

    assert train(True) == train(False)


def test_the_callers_graph_and_gradients_are_left_alone():
    net = nn.Linear(3, 2)
    w = tg.tensor(np.ones((4, 3), np.float32), requires_grad=True)
    x = w * 2
    outside = tg.tensor([1.0, 2.0], requires_grad=True)
    outside.grad = tg.tensor([5.0, 6.0])
    held = outside.grad
    view = net.draw(x, loss=lambda out: (out * outside).sum())
    assert (w.grad, x.grad) == (None, None)
    assert outside.grad is held
    assert held.tolist() == [5, 6]
    assert [node.name for node in view.nodes if node.kind == "op"] == ["linear", "mul", "sum"]
    x.sum().backward()
    assert w.grad is not None


def test_the_caller_may_be_under_no_grad():
    with tg.no_grad():
        view = nn.Linear(3, 2).draw(np.ones((1, 3), np.float32))
        assert not tg.is_grad_enabled()
    assert [node.name for node in view.nodes if node.kind == "op"] == ["linear"]


def test_no_activation_is_kept():
    class Watched(nn.Module):
        def forward(self, x):
            x = tg.tanh(x)
            arrays.append(weakref.ref(x.data))
            self.kept = x
            return x

    arrays = []
    net = nn.Sequential(nn.Linear(3, 3), Watched())
    gc.collect()
    gc.disable()
    try:
        view = net.draw(np.ones((2, 3), np.float32), loss=lambda out: out.sum())
        assert [ref() for ref in arrays] == [None]
    finally:
        gc.enable()
    assert view.recorded
    assert not hasattr(net[1], "kept")


class Collecting(nn.Module):
    """Notes what it saw in attributes that it does not replace."""

    def __init__(self):
        super().__init__()
        self.history, self.recent = ["old"], collections.deque(["old"], maxlen=2)
        self.seen, self.counts = {"old"}, collections.Counter(old=3)
        self.cache, self.order = {"old": 1, "other": 2}, collections.OrderedDict(a=1, b=2)

    def forward(self, x):
        self.history.append(x)
        self.history[0] = "new"
        self.recent.extend([1, 2, 3])
        self.seen.clear()
        self.counts["old"] += 1
        self.counts["new"] += 1
        del self.cache["old"]
        self.cache["x"] = x
        self.order.move_to_end("a")
        return x * 2


@pytest.mark.parametrize("fails", [False, True], ids=["runs", "fails"])
def test_collections_have_the_members_that_they_had(fails):
    def loss(output):
        if fails:
            raise RuntimeError("there")
        return output.sum()

    net = Collecting()
    before = {name: (id(value), repr(value)) for name, value in vars(net).items()}
    try:
        net.draw(X, loss=loss)
    except RuntimeError:
        assert fails
    assert {name: (id(value), repr(value)) for name, value in vars(net).items()} == before


# What is drawn


def test_lenet_with_a_target_has_its_loss_and_its_gradients():
    net = nn.models.lenet5()
    x = np.random.default_rng(0).random((4, 1, 28, 28), np.float32)
    view = net.draw(x, [3, 1, 4, 1])
    assert view.title == "LeNet5"
    assert [node.name for node in view.nodes if node.kind == "input"] == ["x", "target"]
    assert view.results[0].name == "loss"
    loss = F.cross_entropy(net(x), [3, 1, 4, 1])
    assert float(view.results[0].text) == pytest.approx(loss.item(), rel=1e-4)
    gradients = tg.grad(loss, list(net.parameters()))
    drawn = {tensor.name: tensor.grad for tensor in view.tensors if tensor.kind == "parameter"}
    for (name, _), gradient in zip(net.named_parameters(), gradients, strict=True):
        assert drawn[name].stats.rms == pytest.approx(np.sqrt(np.mean(gradient.data.astype(float) ** 2)), rel=1e-4)
    assert all(edge.gradient is not None for edge in view.edges if edge.differentiable)
    assert all(saved.bytes is not None for node in view.nodes for saved in node.saved)
    assert not any(node.freed for node in view.nodes)


def test_forward_only_shows_no_gradient_of_an_earlier_pass():
    net, _ = make()
    view = net.draw(X)
    assert not view.has_gradients
    assert [result.name for result in view.results] == ["output"]
    view = net.draw(X, Y)
    (bias,) = [tensor for tensor in view.tensors if tensor.name == "5.bias"]
    (weight,) = [tensor for tensor in view.tensors if tensor.name == "5.weight"]
    assert bias.grad is not None
    assert weight.grad.stats.rms != 1


def test_it_runs_in_the_mode_that_the_module_is_in():
    net = nn.Sequential(nn.Dropout(0.9), nn.Linear(3, 2))
    ops = [[n.name for n in m.draw(np.ones((1, 3), np.float32)).nodes if n.kind == "op"] for m in (net, net.eval())]
    assert "dropout" not in ops[1]
    parts = [node.name for node in net.train().draw(np.ones((50, 3), np.float32)).nodes]
    assert len(parts) >= len(ops[1])


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 2)

    def forward(self, left, right=None, *, scale=1.0, extra=None):
        out = self.fc(left) + (0 if right is None else self.fc(right))
        return {"sum": out * scale, "parts": [out if extra is None else out + extra, 3]}


def test_several_inputs_and_outputs_by_their_names():
    a, b = np.ones((1, 3), np.float32), tg.ones(1, 3)
    view = Two().draw(a, None, b, scale=2.0, extra=np.ones(2, np.float32))
    assert {node.name for node in view.nodes if node.kind == "input"} == {"left", "right", "extra"}
    assert [result.name for result in view.results] == ["output['sum']", "output['parts'][0]"]
    view = Two().draw(a, [[1.0, 2.0]], b, loss=lambda out, y: ((out["sum"] - y) ** 2).sum())
    assert {node.name for node in view.nodes if node.kind == "input"} == {"left", "right", "target"}
    assert [result.name for result in view.results] == ["loss"]


def test_the_usual_losses():
    net, x = nn.Linear(3, 2), np.ones((4, 3), np.float32)
    names = [[n.name for n in net.draw(x, y).nodes if n.kind == "op"] for y in ([0, 1, 0, 1], np.ones((4, 2), "f4"))]
    assert names[0] == ["linear", "cross_entropy"]
    assert names[1][1] == "squared_error"


def test_a_net_of_which_nothing_is_trained_shows_the_way_back_to_its_input():
    x = np.ones((4, 3), np.float32)
    assert [n.name for n in nn.ReLU().draw(x).nodes if n.kind == "op"] == ["relu"]
    net = nn.Linear(3, 2).requires_grad_(False)
    view = net.draw(x, [0, 1, 0, 1])
    (given,) = [tensor for tensor in view.tensors if tensor.name == "input"]
    assert given.grad is not None
    assert not any(parameter.requires_grad for parameter in net.parameters())


def test_hooks_run_and_stay():
    net, called = nn.Linear(3, 2), []
    net.register_forward_hook(lambda *args: called.append("forward"))
    net.register_full_backward_hook(lambda *args: called.append("backward"))
    net.draw(np.ones((1, 3), np.float32), loss=lambda out: out.sum())
    assert called == ["forward", "backward"]
    net(np.ones((1, 3), np.float32))
    assert called == ["forward", "backward", "forward"]


@pytest.mark.parametrize(
    "draw, kind, message",
    [
        (lambda net, x: net.draw(x, loss=3), tg.DTypeError, "draw: loss must be a function .*, got int"),
        (lambda net, x: net.draw(x, [0], loss=nn.MSELoss), tg.DTypeError, r"the class MSELoss .* a loss: MSELoss\(\)"),
        (lambda net, x: net.draw(x, "a"), tg.DTypeError, "draw: inputs and the target must hold numbers, .* <U1"),
        (lambda net, x: net.draw(np.array("a")), tg.DTypeError, "draw: inputs and the target must hold numbers"),
        (lambda net, x: net.draw(x, [[1, 2], [3]]), tg.ShapeError, "draw: the target is no array: "),
        (lambda net, x: net.draw(x, None, x), tg.DTypeError, r"draw: Linear\.forward\(input\) does not take these 2"),
        (lambda net, x: net.draw(x, extra=x), tg.DTypeError, "unexpected keyword argument 'extra'"),
        (lambda net, x: net.draw(x, loss=lambda out, y: out), tg.DTypeError, "cannot be called with the output alone"),
        (lambda net, x: net.draw(x, [1], loss=lambda out: out), tg.DTypeError, "with the output and the target: too"),
        (lambda net, x: net.draw(x, loss=lambda out: out), tg.ShapeError, r"must be one number, got .* shape \(4, 2\)"),
        (lambda net, x: net.draw(x, loss=lambda out: 1.0), tg.DTypeError, "the loss returned a float"),
        (lambda net, x: net.draw(x, np.ones(3)), tg.ShapeError, r"of float32 \(4, 2\) and a target of float64 \(3,\)"),
        (lambda net, x: net.draw(x[:, :2]), tg.ShapeError, "linear: "),
    ],
)
def test_errors_name_what_is_off(draw, kind, message):
    with pytest.raises(kind, match=message):
        draw(nn.Linear(3, 2), np.ones((4, 3), np.float32))


def test_a_module_that_returns_no_tensor():
    class Silent(nn.Module):
        def forward(self, x):
            return None

    with pytest.raises(tg.DTypeError, match="draw: Silent returned a NoneType without a tensor in it"):
        Silent().draw(np.ones(3))
