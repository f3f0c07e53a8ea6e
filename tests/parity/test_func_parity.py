"""Functions of functions and checkpoints in PyTorch."""

import numpy as np
import pytest
import torch
from torch.utils.checkpoint import checkpoint as torch_checkpoint
from torch.utils.checkpoint import checkpoint_sequential as torch_checkpoint_sequential

import nn
import tensorgrad as tg
from tests.parity import tally

pytestmark = [
    pytest.mark.parity,
    pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning"),  # PyTorch's forward mode
]

RNG = np.random.default_rng(0)
X, Y, V = RNG.normal(size=4), RNG.normal(size=4), RNG.normal(size=4)
A = RNG.normal(size=(3, 4))


def both(tree):
    """The same arrays as tensors of both."""
    if isinstance(tree, dict):
        pairs = {k: both(v) for k, v in tree.items()}
        return {k: p[0] for k, p in pairs.items()}, {k: p[1] for k, p in pairs.items()}
    if isinstance(tree, (list, tuple)):
        pairs = [both(v) for v in tree]
        return type(tree)(p[0] for p in pairs), type(tree)(p[1] for p in pairs)
    return tg.tensor(tree), torch.tensor(tree)


def same(ours, theirs, what="values"):
    """The same structure, shapes, dtypes, and values up to rounding; whether they have a graph, too."""
    compare(ours, theirs)
    tally.count(what)


def compare(ours, theirs):
    if isinstance(theirs, dict):
        assert list(ours) == list(theirs)
        for key in theirs:
            compare(ours[key], theirs[key])
    elif isinstance(theirs, (list, tuple)):
        assert type(ours) is type(theirs)
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            compare(a, b)
    else:
        assert isinstance(ours, tg.Tensor)
        assert ours.requires_grad == theirs.requires_grad
        expected = theirs.detach().numpy()
        assert ours.dtype == expected.dtype
        assert ours.shape == expected.shape
        np.testing.assert_allclose(ours.detach().numpy(), expected, rtol=1e-10, atol=1e-12)


# Functions of a library, `lib`, and tensors of it; each takes x (4), y (4) and returns one number.
SCALAR = {
    "product": lambda lib, x, y: (x * x * y).sum(),
    "tanh of a matrix": lambda lib, x, y: (lib.tanh(x.reshape(2, 2) @ y.reshape(2, 2)) * 3).sum(),
    "softmax": lambda lib, x, y: (lib.softmax(x, 0) * y).sum().exp(),
    "one of them": lambda lib, x, y: (y**3).sum(),
    "linear": lambda lib, x, y: (2 * x + y).sum(),
    "constant": lambda lib, x, y: lib.ones((), dtype=x.dtype),
    "kinks": lambda lib, x, y: (lib.relu(x) * lib.abs(y)).sum(),
}
NESTED = {
    "several outputs": lambda lib, x, y: {"a": x * y, "b": [lib.exp(x).sum(), (y[:2],)]},
    "a matrix": lambda lib, x, y: lib.tanh(x.reshape(2, 2) @ y.reshape(2, 2)),
    "a single number": lambda lib, x, y: (lib.tanh(x) * y).sum(),
}
ARGNUMS = [0, 1, -1, (0,), (0, 1), (1, 0)]


@pytest.fixture(params=["constants", "arguments that require gradients", "inside no_grad"])
def inputs(request):
    def make(*arrays):
        ours, theirs = both(list(arrays))
        if request.param == "arguments that require gradients":
            for t in ours + theirs:
                t.requires_grad_()
        return ours, theirs

    if request.param == "inside no_grad":
        with tg.no_grad(), torch.no_grad():
            yield make
    else:
        yield make


@pytest.mark.parametrize("name", SCALAR)
@pytest.mark.parametrize("argnums", ARGNUMS, ids=str)
def test_grad(inputs, name, argnums):
    f = SCALAR[name]
    ours, theirs = inputs(X, Y)
    got = tg.func.grad(lambda x, y: f(tg, x, y), argnums)(*ours)
    expected = torch.func.grad(lambda x, y: f(torch, x, y), argnums)(*theirs)
    # A gradient of 2x + y, or of what does not depend on it, is a constant; PyTorch gives some of these a graph.
    compare_values(got, expected)
    tally.count("gradients")
    got = tg.func.grad_and_value(lambda x, y: (f(tg, x, y), {"aux": x}), argnums, has_aux=True)(*ours)
    expected = torch.func.grad_and_value(lambda x, y: (f(torch, x, y), {"aux": x}), argnums, has_aux=True)(*theirs)
    compare_values(got, expected)
    value, gradient = tg.func.value_and_grad(lambda x, y: f(tg, x, y), argnums)(*ours)
    compare_values((gradient, (value, got[1][1])), expected)
    tally.count("values", "gradients")


def positive(argnums):
    """PyTorch 2.13's jacfwd, and so its hessian, gives zeros for the last of two arguments if it is called -1."""
    return 1 if argnums == -1 else argnums


def test_pytorch_gives_zeros_for_arguments_counted_from_the_end():
    (x, tx), (y, ty) = both(X), both(Y)
    assert torch.func.jacfwd(lambda x, y: (x * y).sum(), -1)(tx, ty).tolist() == [0.0] * 4
    compare_values(tg.func.jacfwd(lambda x, y: (x * y).sum(), -1)(x, y), tx)
    tally.count("gradients")


def compare_values(ours, theirs):
    """As `compare`, but whether there is a graph may differ."""
    compare(without_graph(ours), without_graph(theirs))


def without_graph(tree):
    if isinstance(tree, dict):
        return {k: without_graph(v) for k, v in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)(without_graph(v) for v in tree)
    return tree.detach()


@pytest.mark.parametrize("name", [*SCALAR, *NESTED])
@pytest.mark.parametrize("argnums", ARGNUMS, ids=str)
@pytest.mark.parametrize("transform", ["jacrev", "jacfwd"])
def test_jacobians(inputs, name, argnums, transform):
    f = (SCALAR | NESTED)[name]
    ours, theirs = inputs(X, Y)
    got = getattr(tg.func, transform)(lambda x, y: f(tg, x, y), argnums)(*ours)
    expected = getattr(torch.func, transform)(lambda x, y: f(torch, x, y), positive(argnums))(*theirs)
    compare_values(got, expected)
    other = "jacfwd" if transform == "jacrev" else "jacrev"
    compare_pair(got, getattr(tg.func, other)(lambda x, y: f(tg, x, y), argnums)(*ours))
    tally.count("gradients")


def compare_pair(first, second):
    if isinstance(first, dict):
        for key in first:
            compare_pair(first[key], second[key])
    elif isinstance(first, (list, tuple)):
        for a, b in zip(first, second, strict=True):
            compare_pair(a, b)
    else:
        np.testing.assert_allclose(first.detach().numpy(), second.detach().numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", SCALAR)
@pytest.mark.parametrize("argnums", ARGNUMS, ids=str)
def test_hessian(inputs, name, argnums):
    f = SCALAR[name]
    ours, theirs = inputs(X, Y)
    got = tg.func.hessian(lambda x, y: f(tg, x, y), argnums)(*ours)
    expected = torch.func.hessian(lambda x, y: f(torch, x, y), positive(argnums))(*theirs)
    compare_values(got, expected)
    tally.count("second order")


@pytest.mark.parametrize("name", [*SCALAR, *NESTED])
def test_jvp_and_vjp(inputs, name):
    f = (SCALAR | NESTED)[name]
    ours, theirs = inputs(X, Y)
    tangents = both([V, X])
    got = tg.func.jvp(lambda x, y: (f(tg, x, y), x * 2), tuple(ours), tuple(tangents[0]), has_aux=True)
    expected = torch.func.jvp(lambda x, y: (f(torch, x, y), x * 2), tuple(theirs), tuple(tangents[1]), has_aux=True)
    compare_values(got, expected)
    out, pull, aux = tg.func.vjp(lambda x, y: (f(tg, x, y), x * 2), *ours, has_aux=True)
    their_out, their_pull, their_aux = torch.func.vjp(lambda x, y: (f(torch, x, y), x * 2), *theirs, has_aux=True)
    compare_values((out, aux), (their_out, their_aux))
    compare_values(pull(without_graph(out)), their_pull(without_graph(their_out)))
    tally.count("values", "gradients")


@pytest.mark.parametrize("name", SCALAR)
def test_hvp(name):
    f = SCALAR[name]
    (ours, theirs), (ours_v, theirs_v) = both((X, Y)), both((V, X))
    got = tg.func.hvp(lambda x, y: f(tg, x, y), ours, ours_v)
    expected = torch.autograd.functional.hvp(lambda x, y: f(torch, x, y), theirs, theirs_v)
    compare_values(got, expected)
    (x, their_x), (v, their_v) = both(X), both(V)
    got = tg.func.hvp(lambda x: f(tg, x, x), x, v)
    compare_values(got, torch.autograd.functional.hvp(lambda x: f(torch, x, x), their_x, their_v))
    tally.count("values", "second order")


def test_which_results_have_a_graph():
    (x, tx), (w, tw) = both(X), both(Y)
    w.requires_grad_()
    tw.requires_grad_()
    for f in (lambda x, w: (x**3).sum(), lambda x, w: (x**3 * w).sum(), lambda x, w: (x**3 + w).sum()):
        same(tg.func.grad_and_value(lambda x: f(x, w))(x), torch.func.grad_and_value(lambda x: f(x, tw))(tx))  # noqa: B023
        same(tg.func.grad(lambda w: f(x, w))(w), torch.func.grad(lambda w: f(tx, w))(tw))  # noqa: B023
        same(tg.func.hessian(lambda x: f(x, w))(x), torch.func.hessian(lambda x: f(x, tw))(tx))  # noqa: B023


def test_nested_levels():
    (x, tx), (y, ty) = both(X), both(Y)

    def f(lib, func, x, y):
        inner = func.grad(lambda z: (lib.tanh(z * x) * y).sum())
        return (inner(x) * inner(y) * x).sum()

    for depth in range(1, 4):
        ours, theirs = (lambda x: f(tg, tg.func, x, y)), (lambda x: f(torch, torch.func, x, ty))
        for _ in range(depth):
            ours = tg.func.grad(lambda x, g=ours: g(x).sum())
            theirs = torch.func.grad(lambda x, g=theirs: g(x).sum())
        compare_values(ours(x), theirs(tx))
        tally.count("second order")


# Networks


def networks(**norm):
    """The same small CNN in both; `norm` is for its batch norm."""
    tg.manual_seed(0)
    ours = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2, **norm), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(8, 3)
    ).double()
    t = torch.nn
    theirs = t.Sequential(
        t.Conv2d(1, 2, 3), t.BatchNorm2d(2, **norm), t.Tanh(), t.AvgPool2d(2), t.Flatten(), t.Linear(8, 3)
    ).double()
    theirs.load_state_dict({k: torch.tensor(v.numpy()) for k, v in ours.state_dict().items()})
    return ours, theirs


def loss_of_parameters():
    ours, theirs = networks(track_running_stats=False)  # PyTorch refuses to move them in a function
    images, labels = RNG.normal(size=(4, 1, 6, 6)), np.array([0, 2, 1, 2])

    def loss(p):
        return nn.functional.cross_entropy(tg.func.functional_call(ours, p, tg.tensor(images)), labels)

    def their_loss(p):
        out = torch.func.functional_call(theirs, p, torch.tensor(images))
        return torch.nn.functional.cross_entropy(out, torch.tensor(labels))

    p = {k: v.detach() for k, v in ours.named_parameters()}
    return loss, p, their_loss, {k: v.detach() for k, v in theirs.named_parameters()}


def test_the_gradient_and_the_hessian_of_a_cnn():
    loss, p, their_loss, tp = loss_of_parameters()
    same(tg.func.grad_and_value(loss)(p), torch.func.grad_and_value(their_loss)(tp), "gradients")
    # Not torch.func.hessian: through vmap PyTorch 2.13 gives other derivatives of the gradient of batch norm's weight
    # with respect to the convolution. Finite differences and its own double backward both disagree with it.
    names = list(tp)
    rows = torch.autograd.functional.hessian(
        lambda *tensors: their_loss(dict(zip(names, tensors, strict=True))), tuple(tp.values())
    )
    expected = {a: dict(zip(names, row, strict=True)) for a, row in zip(names, rows, strict=True)}
    same(tg.func.hessian(loss)(p), expected, "second order")
    same(tg.func.jacfwd(tg.func.grad(loss))(p), expected, "second order")


def test_the_hvp_and_the_jvp_of_a_cnn():
    loss, p, their_loss, tp = loss_of_parameters()
    rng = np.random.default_rng(1)
    v, tv = both({k: rng.normal(size=t.shape) for k, t in p.items()})
    _, product = tg.func.hvp(loss, p, v)
    same(product, torch.func.jvp(torch.func.grad(their_loss), (tp,), (tv,))[1], "second order")
    same(tg.func.jvp(loss, (p,), (v,)), torch.func.jvp(their_loss, (tp,), (tv,)), "gradients")


@pytest.mark.parametrize("segments", [1, 2, 3])
def test_checkpoint_sequential(segments):
    """PyTorch moves running statistics once more in the second run; this engine does not, so they are left out."""
    ours, theirs = networks()
    images = RNG.normal(size=(4, 1, 6, 6))
    x, tx = tg.tensor(images, requires_grad=True), torch.tensor(images, requires_grad=True)
    out = tg.func.checkpoint_sequential(ours, segments, x, use_reentrant=False)
    their_out = torch_checkpoint_sequential(theirs, segments, tx, use_reentrant=False)
    compare_values(out, their_out)
    (out * out).sum().backward()
    (their_out * their_out).sum().backward()
    compare_values(x.grad, tx.grad)
    compare_values([p.grad for p in ours.parameters()], [p.grad for p in theirs.parameters()])
    tally.count("values", "gradients")


def test_checkpoint_of_nested_arguments_and_second_order():
    arrays = {"a": X, "b": [Y]}
    (p, tp), (w, tw) = both(arrays), both(V)
    leaves, their_leaves = [p["a"], p["b"][0], w], [tp["a"], tp["b"][0], tw]
    for t in leaves + their_leaves:
        t.requires_grad_()

    def f(lib, p, w, *, power):
        return {"out": lib.tanh(p["a"] * w) ** power, "rest": (p["b"][0] * w,)}

    def total(out):
        return (out["out"] * out["rest"][0]).sum()

    loss = total(tg.func.checkpoint(f, tg, p, w, power=3))
    their_loss = total(torch_checkpoint(f, torch, tp, tw, power=3, use_reentrant=False))
    g = tg.grad(loss, leaves, create_graph=True)
    tgr = torch.autograd.grad(their_loss, their_leaves, create_graph=True)
    compare_values(list(g), list(tgr))
    h = tg.grad(sum((t * t).sum() for t in g), leaves)
    th = torch.autograd.grad(sum((t * t).sum() for t in tgr), their_leaves)
    compare_values(list(h), list(th))
    tally.count("values", "gradients", "second order")
