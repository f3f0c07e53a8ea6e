"""Memory stays flat with the collector off: nothing the engine makes is part of a reference cycle (T7, T8).

Each case trains something small for 200 steps. Between steps 50 and 200 the number of live tensors and nodes must be
equal, no object may be left in a cycle, and what Python and NumPy have allocated may grow by less than 100 kB.
"""

import gc
import importlib.util
import tracemalloc
import weakref
from collections import Counter

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.node import Node, TensorBase
from tests.engine.tools import leaf

LIMIT = 100_000  # bytes


@pytest.fixture(autouse=True)
def without_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def live():
    # type(), not isinstance: that asks some objects of other libraries for attributes, which answer with warnings.
    types = [type(o) for o in gc.get_objects()]
    return Counter("nodes" if t is Node else "tensors" for t in types if t is Node or issubclass(t, TensorBase))


def measured():
    """Bytes allocated, without Python's free lists: those of tuples fill up over hundreds of steps (to a bound), and
    only a collection empties them. What a collection finds to collect is what the engine leaked into cycles."""
    cycles = gc.collect()
    return cycles, tracemalloc.get_traced_memory()[0]


def flat(step, capsys=None, name="", first=50, last=200):
    """Run `step(number)` and hold that nothing is left over after each step."""
    for number in range(first):
        step(number)
    gc.collect()
    tracemalloc.start()
    try:
        step(first)
        cycles, memory = measured()
        before = live()
        for number in range(first + 1, last):
            step(number)
        after = live()
        cycles, later = measured()
    finally:
        tracemalloc.stop()
    grown = later - memory
    if capsys is not None:
        with capsys.disabled():
            print(f"\n{name}: {dict(after)} live, {cycles} in cycles, {grown / 1000:+.1f} kB, step {first} to {last}")
    assert after == before
    assert cycles == 0, f"{cycles} objects in reference cycles"
    assert grown < LIMIT


class Net:
    """A small CNN of plain operations: conv, batch norm, relu, max pooling, dropout, linear, cross-entropy."""

    def __init__(self, seed=0):
        rng = np.random.default_rng(seed)

        def weight(*shape):
            return tg.tensor(rng.normal(0, 0.3, shape), dtype=np.float32, requires_grad=True)

        self.filters, self.shift = weight(4, 1, 3, 3), weight(4)
        self.scale, self.offset = weight(4), weight(4)
        self.weight, self.bias = weight(3, 4 * 16), weight(3)
        self.parameters = [self.filters, self.shift, self.scale, self.offset, self.weight, self.bias]
        self.images = rng.normal(size=(8, 1, 8, 8)).astype(np.float32)
        self.labels = rng.integers(0, 3, 8)
        self.generator = rng
        self.running = tg.zeros(4)

    def loss(self, images=None):
        x = tg.tensor(self.images) if images is None else images
        x = tg.conv2d(x, self.filters, self.shift, padding=1)
        x, mean, _ = tg.native_batch_norm(x, self.scale, self.offset)
        with tg.no_grad():
            self.running.mul_(0.9).add_(mean.detach(), alpha=0.1)
        x = tg.max_pool2d(x.relu(), 2)
        x = tg.dropout(x, 0.2, generator=self.generator)
        return tg.cross_entropy(tg.linear(x.flatten(1), self.weight, self.bias), self.labels)

    def step(self):
        with tg.no_grad():
            for p in self.parameters:
                p -= 0.05 * p.grad
                p.grad = None


def test_training_a_small_cnn(capsys):
    net = Net()
    losses = []

    def step(number):
        loss = net.loss()
        loss.backward()
        losses.append(loss.item()) if number in (0, 199) else None
        net.step()

    flat(step, capsys, "a CNN of plain operations")
    assert losses[1] < losses[0]


def test_gradients_that_are_zeroed_instead_of_dropped():
    net = Net()

    def step(number):
        net.loss().backward()
        with tg.no_grad():
            for p in net.parameters:
                p.sub_(p.grad, alpha=0.05)
                p.grad.zero_()

    flat(step)


def test_with_hooks_and_retained_gradients(capsys):
    net = Net()
    seen = []
    net.filters.register_hook(lambda g: seen.append(g.shape) or g * 1.0)

    def step(number):
        handle = net.weight.register_hook(lambda g: g * 1.0)
        x = tg.tensor(net.images)
        h = tg.conv2d(x, net.filters, net.shift, padding=1)
        h.retain_grad()
        h.register_hook(lambda g, h=h.shape: seen.append(h))
        loss = net.loss() + h.sum() * 0.001
        loss.retain_grad()
        loss.register_hook(lambda g: g * 1.0)
        loss.backward()
        assert h.grad is not None
        net.step()
        handle.remove()
        seen.clear()

    flat(step, capsys, "with hooks and retain_grad")


def test_a_hook_that_closes_over_its_own_tensor_is_freed_when_removed():
    """The one cycle a user can make: tensor -> node -> hook -> tensor. Removing the hook breaks it."""
    a = leaf([1.0])
    h = a * 2.0
    handle = h.register_hook(lambda g, tensor=h: g * tensor.item())
    (h * 1.0).backward()
    died = weakref.ref(h)
    del h
    assert died() is not None
    handle.remove()
    assert died() is None


def test_grad_with_create_graph(capsys):
    net = Net()

    def step(number):
        loss = net.loss()
        gradients = tg.grad(loss, net.parameters, create_graph=True)
        penalty = sum((g * g).sum() for g in gradients)
        for p, g in zip(net.parameters, tg.grad(loss + 0.01 * penalty, net.parameters), strict=True):
            p.grad = g
        net.step()

    flat(step, capsys, "tg.grad(create_graph=True) and a gradient penalty")


def test_backward_through_a_gradient(capsys):
    net = Net()

    def step(number):
        images = tg.tensor(net.images, requires_grad=True)
        loss = net.loss(images)
        (g,) = tg.grad(loss, images, create_graph=True)
        (loss + (g * g).sum()).backward()
        net.step()

    flat(step, capsys, "a gradient penalty on the input", first=20, last=60)


def test_checkpoints(capsys):
    net = Net()

    def step(number):
        hidden = tg.zeros(8, 1, 8, 8)
        loss = tg.func.checkpoint(lambda images: tg.func.checkpoint(net.loss, images), tg.tensor(net.images))
        hidden += loss  # younger than the checkpoint
        (loss + 0.0 * hidden.sum()).backward(retain_graph=number % 2 == 0)
        net.step()

    flat(step, capsys, "checkpoints, one inside the other")


def test_functions_of_functions(capsys):
    x, w = tg.randn(4), tg.randn(4, requires_grad=True)

    def f(x):
        return (x * w).tanh().sum()

    def step(number):
        g, value = tg.func.grad_and_value(f)(x)
        _, vjp_fn = tg.func.vjp(f, x)
        slope = tg.func.jvp(f, (x,), (x,))[1] + tg.func.hvp(f, x, x)[1].sum() + vjp_fn(tg.tensor(1.0))[0].sum()
        (g.sum() + value + slope + tg.func.hessian(f)(x).sum()).backward()
        w.grad = None

    flat(step, capsys, "functions of functions")


def test_operations_as_classes(capsys):
    class Square(tg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y = x * x
            ctx.save_for_backward(x, y, x + 1)
            return y, y.detach()

        @staticmethod
        def backward(ctx, g, _):
            return 2 * g * ctx.saved_tensors[0]

    x = tg.randn(4, requires_grad=True)

    def step(number):
        (g,) = tg.grad(Square.apply(Square.apply(x)[0])[0].sum(), [x], create_graph=True)
        (g * g).sum().backward()
        x.grad = None

    flat(step, capsys, "operations as classes")


def test_graphs_that_are_never_walked():
    net = Net()
    flat(lambda number: net.loss())


def test_graphs_kept_by_retain_graph():
    net = Net()

    def step(number):
        loss = net.loss()
        loss.backward(retain_graph=True)
        loss.backward(retain_graph=True)
        net.step()

    flat(step)


def test_walks_that_raise():
    net = Net()

    def fails(g):
        raise KeyError("mine")

    def step(number):
        h = net.filters * 1.0
        h.register_hook(fails)
        loss = net.loss() + h.sum()
        try:
            loss.backward()
        except KeyError:
            pass
        try:
            tg.ones(2) + tg.ones(3)
        except tg.ShapeError:
            pass

    flat(step)


def test_a_mutation_error_leaks_nothing():
    def step(number):
        a, x = leaf(np.ones(1000)), tg.ones(1000, dtype=np.float64)
        loss = (a * x).sum()
        x.zero_()
        with pytest.raises(tg.GradientError, match="changed in place"):
            loss.backward()

    flat(step)


def test_recorded_in_place_changes():
    a = leaf(np.ones(100))

    def step(number):
        total = tg.zeros(100, dtype=np.float64)
        for i in range(10):
            total += a * float(i)
            total[i] = a[i]
        total.sum().backward()
        a.grad = None

    flat(step)


def test_custom_primitives_and_their_plans():
    @tg.primitive
    def product(*xs):
        result = xs[0]
        for x in xs[1:]:
            result = result * x
        return result

    product.defvjp_all(lambda g, i, xs: g)
    many = [leaf([1.0]) for _ in range(6)]
    fixed = [t.detach() for t in many]

    def step(number):
        chosen = [t if number >> i & 1 else c for i, (t, c) in enumerate(zip(many, fixed, strict=True))]
        y = product(*chosen)
        if y.requires_grad:
            y.backward()
        for t in many:
            t.grad = None

    flat(step, first=70, last=300)


def test_t8_keeping_the_loss_keeps_its_graph_and_item_does_not():
    """What users do wrong: `total += loss` keeps every graph. `.item()` and `.detach()` do not."""
    net = Net()
    live_nodes = []
    kept = []
    for _ in range(3):
        kept.append(net.loss())
        live_nodes.append(live()["nodes"])
    assert live_nodes[0] < live_nodes[1] < live_nodes[2]
    kept = [net.loss().item() for _ in range(3)]
    assert live()["nodes"] == 0
    kept = [net.loss().detach() for _ in range(3)]
    assert live()["nodes"] == 0
    assert len(kept) == 3


# T7: tensors and graphs die when the last name for them goes


@pytest.mark.parametrize(
    "use",
    [
        lambda y: None,
        lambda y: y.backward(),
        lambda y: y.backward(retain_graph=True),
        lambda y: y.retain_grad() or y.backward(),
        lambda y: y.register_hook(lambda g: g) and y.backward(),
        lambda y: repr(y),
        lambda y: repr(y.grad_fn) + y.grad_fn.place(),
        lambda y: list(y.reshape(1)),
        lambda y: tg.grad(y, y),
        lambda y: np.exp(y),
        lambda y: y.detach().numpy(),
    ],
)
def test_t7_results_die_when_deleted(use):
    a = leaf([2.0])
    h = a * 3.0
    y = (h * h).exp().sum()
    refs = [weakref.ref(t) for t in (h, y)]
    arrays = [weakref.ref(t.data) for t in (h, y)]
    use(y)
    del h, y
    assert [r() for r in refs] == [None, None]
    assert [r() for r in arrays] == [None, None]
    assert live()["nodes"] == 0
    died = weakref.ref(a)
    del a
    assert died() is None


def test_t7_second_order_results_die_when_deleted():
    a = leaf([2.0])
    y = (a**3).exp().sum()
    (g,) = tg.grad(y, a, create_graph=True)
    g.register_hook(lambda v: v * 1.0)
    g.retain_grad()
    (h,) = tg.grad((g * g).sum(), a, create_graph=True)
    refs = [weakref.ref(t) for t in (a, y, g, h)]
    del a, y, g, h
    assert [r() for r in refs] == [None] * 4
    assert live()["nodes"] == 0


def test_t7_a_thousand_steps():
    a = leaf(np.ones(10))

    def step(number):
        h = a
        for _ in range(5):
            h = (h * a).tanh() + a
        h.sum().backward()
        with tg.no_grad():
            a.sub_(a.grad, alpha=0.001)
        a.grad = None

    flat(step, last=1000)


def test_the_values_of_a_freed_graph_are_freed_though_its_nodes_are_kept():
    a = leaf(np.ones(100_000))
    tg.empty_cache()  # a block that was made before is not counted
    tracemalloc.start()
    try:
        x = a
        for _ in range(20):
            x = x.exp() * 0.1
        loss = x.sum()
        del x
        tg.empty_cache()  # blocks that are kept for later count as allocated
        held = tracemalloc.get_traced_memory()[0]
        loss.backward()
        tg.empty_cache()
        freed = held - tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert freed > 18 * 800_000
    assert loss.grad_fn.edges


def test_gradients_are_freed_as_the_walk_goes_on():
    """At no time are there more cotangents than the graph is wide."""
    a = leaf(np.ones(100_000))
    x = a
    for _ in range(50):
        x = x + 1.0
    loss = (x * 2.0).sum()
    tracemalloc.start()
    try:
        loss.backward()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5 * 800_000, f"{peak / 800_000:.1f} arrays at the peak"


def test_backward_needs_no_more_memory_than_forward_saved():
    """Each layer's saved output is dropped as soon as its rule has run."""
    a = leaf(np.ones(100_000))
    x = a
    for _ in range(20):
        x = x.tanh()
    loss = x.sum()
    del x
    tracemalloc.start()
    try:
        loss.backward()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 6 * 800_000, f"{peak / 800_000:.1f} arrays at the peak"


@pytest.mark.skipif(importlib.util.find_spec("nn") is None, reason="nn is not there yet")
@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
def test_training_with_nn(capsys, optimizer):
    from tensorgrad import nn

    tg.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.2), nn.Flatten(),
        nn.Linear(64, 3),
    )  # fmt: skip
    loss_function = nn.CrossEntropyLoss()
    options = {"lr": 0.01, "momentum": 0.9} if optimizer == "SGD" else {"lr": 0.01}
    update = getattr(nn.optim, optimizer)(net.parameters(), **options)
    images, labels = tg.randn(8, 1, 8, 8), tg.randint(0, 3, (8,))

    def step(number):
        loss = loss_function(net(images), labels)
        update.zero_grad()
        loss.backward()
        update.step()

    flat(step, capsys, f"nn and {optimizer}")
