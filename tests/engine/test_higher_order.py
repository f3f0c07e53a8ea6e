"""Derivatives of derivatives, from the same rules: to third order, by formula, by PyTorch, and by mixed use."""

import gc
import weakref

import numpy as np
import pytest

import tensorgrad as tg
from tests.parity import tally

from .tools import array, leaf, leaves

# name: (f, its derivatives of order 0 to 3)
FORMULAS = {
    "x⁴": (lambda x: x**4, [lambda x: x**4, lambda x: 4 * x**3, lambda x: 12 * x**2, lambda x: 24 * x]),
    "x·x·x·x": (lambda x: x * x * x * x, [lambda x: x**4, lambda x: 4 * x**3, lambda x: 12 * x**2, lambda x: 24 * x]),
    "exp": (lambda x: (2 * x).exp(), [lambda x, n=n: 2**n * np.exp(2 * x) for n in range(4)]),
    "log": (lambda x: x.log(), [np.log, lambda x: 1 / x, lambda x: -1 / x**2, lambda x: 2 / x**3]),
    "1/x": (lambda x: 1 / x, [lambda x: 1 / x, lambda x: -1 / x**2, lambda x: 2 / x**3, lambda x: -6 / x**4]),
    "sqrt": (
        lambda x: x.sqrt(),
        [np.sqrt, lambda x: x**-0.5 / 2, lambda x: -(x**-1.5) / 4, lambda x: 3 * x**-2.5 / 8],
    ),
    "tanh": (
        lambda x: x.tanh(),
        [
            np.tanh,
            lambda x: 1 - np.tanh(x) ** 2,
            lambda x: -2 * np.tanh(x) * (1 - np.tanh(x) ** 2),
            lambda x: (6 * np.tanh(x) ** 2 - 2) * (1 - np.tanh(x) ** 2),
        ],
    ),
}


@pytest.mark.parametrize("name", list(FORMULAS))
def test_to_third_order_by_formula(name):
    f, derivatives = FORMULAS[name]
    x = leaf([0.3, 0.7, 1.9])
    y = f(x)
    for order, expected in enumerate(derivatives):
        np.testing.assert_allclose(array(y), expected(array(x)), rtol=1e-12, err_msg=f"order {order}")
        if order < 3:
            (y,) = tg.grad(y.sum(), x, create_graph=True)


@pytest.mark.parametrize("name", list(FORMULAS))
def test_to_third_order_through_backward(name):
    f, derivatives = FORMULAS[name]
    x = leaf([0.3, 0.7, 1.9])
    y = f(x)
    for expected in derivatives[1:]:
        x.grad = None
        with pytest.warns(UserWarning, match="create_graph"):
            y.sum().backward(create_graph=True)
        y = x.grad
        np.testing.assert_allclose(array(y), expected(array(x)), rtol=1e-12)
    x.grad = None


def test_without_create_graph_gradients_have_no_graph():
    x = leaf([1.0])
    (g,) = tg.grad((x**3).sum(), x)
    assert not g.requires_grad
    assert g.is_leaf
    (x**3).backward()
    assert not x.grad.requires_grad
    with pytest.raises(tg.GradientError, match="does not require a gradient"):
        tg.grad(g, x)


def test_create_graph_under_no_grad_still_records_the_walk():
    x = leaf([2.0])
    y = x**3
    with tg.no_grad():
        (g,) = tg.grad(y, x, create_graph=True)
    (h,) = tg.grad(g, x)
    assert h.item() == pytest.approx(12.0)


def test_mixed_derivatives_commute():
    rng = np.random.default_rng(0)
    x, y = leaf(rng.normal(size=(2, 3))), leaf(rng.normal(size=(3, 2)))
    u, v = rng.normal(size=(2, 3)), rng.normal(size=(3, 2))

    def f():
        return ((x @ y).tanh() * (x.sum() * y[0, 0]).exp()).sum()

    gx, gy = tg.grad(f(), [x, y], create_graph=True)
    (one,) = tg.grad((gx * u).sum(), y, retain_graph=True)
    (other,) = tg.grad((gy * v).sum(), x)
    np.testing.assert_allclose((array(one) * v).sum(), (array(other) * u).sum(), rtol=1e-10)


def test_derivative_with_respect_to_the_cotangent():
    x, g = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    (gx,) = tg.grad(x * x, x, grad_outputs=g, create_graph=True)  # 2 x g
    gg, gxx = tg.grad(gx.sum(), [g, x])
    np.testing.assert_array_equal(array(gg), [2.0, 4.0])
    np.testing.assert_array_equal(array(gxx), [6.0, 8.0])


def test_a_gradient_penalty_trains():
    rng = np.random.default_rng(0)
    x, w, v = leaf(rng.normal(size=(5, 3))), leaf(rng.normal(size=(4, 3))), leaf(rng.normal(size=(1, 4)))

    def penalty(w_):
        out = tg.linear(tg.linear(x, w_).tanh(), v).sum()
        (gx,) = tg.grad(out, x, create_graph=True)
        return (gx * gx).sum()

    penalty(w).backward()
    numeric = np.zeros(w.shape)
    for place in np.ndindex(*w.shape):
        for sign in (1, -1):
            moved = array(w).copy()
            moved[place] += sign * 1e-5
            numeric[place] += sign * penalty(leaf(moved)).item() / 2e-5
    np.testing.assert_allclose(array(w.grad), numeric, rtol=1e-6, atol=1e-8)


def test_unused_second_order_inputs():
    x, y = leaves([1.0], [2.0])
    (g,) = tg.grad(x * 3.0 + y, x, create_graph=True)
    assert tg.grad(g, [x], allow_unused=True) == (None,) if g.requires_grad else True
    (g,) = tg.grad(x * y, x, create_graph=True)
    assert tg.grad(g, [x, y], allow_unused=True)[1].item() == 1.0


def test_accumulation_under_create_graph_keeps_every_path():
    """x reaches the loss on four ways; each adds to the second derivative."""
    x = leaf(2.0)
    h = x * x
    loss = h * x + h * h + x + h  # x³ + x⁴ + x + x²
    (g,) = tg.grad(loss, x, create_graph=True)
    assert g.item() == pytest.approx(3 * 4 + 4 * 8 + 1 + 4)
    (h2,) = tg.grad(g, x, create_graph=True)
    assert h2.item() == pytest.approx(6 * 2 + 12 * 4 + 2)
    (h3,) = tg.grad(h2, x)
    assert h3.item() == pytest.approx(6 + 24 * 2)


def test_broadcasting_is_undone_in_every_order():
    x, y = leaf([[1.0], [2.0]]), leaf([3.0, 4.0, 5.0])
    loss = ((x * y) ** 3).sum()
    gx, gy = tg.grad(loss, [x, y], create_graph=True)
    (hxx,) = tg.grad(gx.sum(), x, retain_graph=True)
    (hyx,) = tg.grad(gy.sum(), x)
    a, b = array(x), array(y)
    np.testing.assert_allclose(array(hxx), (6 * a * b**3).sum(1, keepdims=True))
    np.testing.assert_allclose(array(hyx), (9 * a**2 * b**2).sum(1, keepdims=True))


def test_versions_are_checked_in_the_second_order_too():
    x, y = leaf([1.0, 2.0]), tg.tensor([3.0, 4.0], dtype=np.float64)
    (g,) = tg.grad((x * x * y * x).sum(), x, create_graph=True)
    y.zero_()
    with pytest.raises(tg.GradientError, match="changed in place"):
        tg.grad(g.sum(), x)


def test_the_second_graph_is_freed_like_the_first():
    x = leaf([1.0, 2.0])
    (g,) = tg.grad((x**3).sum(), x, create_graph=True)
    loss = g.sum()
    loss.backward()
    with pytest.raises(tg.GradientError, match="retain_graph=True"):
        loss.backward()


def test_backward_with_create_graph_warns_and_recommends_grad():
    x = leaf([1.0])
    with pytest.warns(UserWarning, match=r"tg\.grad"):
        (x * x).backward(create_graph=True)
    x.grad = None


def test_t7_grad_with_create_graph_makes_no_cycles():
    gc.collect()
    gc.disable()
    try:
        x = leaf([1.0, 2.0])
        y = (x**3).exp()
        (g,) = tg.grad(y.sum(), x, create_graph=True)
        (h,) = tg.grad((g * g).sum(), x, create_graph=True)
        refs = [weakref.ref(t) for t in (x, y, g, h)]
        nodes = len([o for o in gc.get_objects() if type(o).__name__ == "Node"])
        assert nodes > 10
        del x, y, g, h
        assert [r() for r in refs] == [None] * 4
        assert not [o for o in gc.get_objects() if type(o).__name__ == "Node" and o.primitive.name == "exp"]
    finally:
        gc.enable()


def test_custom_primitives_are_differentiable_twice():
    @tg.elementwise
    def cube(x):
        return x * x * x

    cube.defvjps(lambda g, x: g * 3.0 * x * x)
    x = leaf([1.0, 2.0])
    (g,) = tg.grad(cube(x).sum(), x, create_graph=True)
    (h,) = tg.grad(g.sum(), x)
    np.testing.assert_array_equal(array(h), [6.0, 12.0])


def test_second_order_of_each_family():
    """conv, max pooling, batch norm, dropout, max(dim), softmax, cross-entropy: by differences of the first order."""
    rng = np.random.default_rng(0)
    image = rng.normal(size=(2, 2, 5, 5))
    weight = leaf(rng.normal(size=(3, 2, 3, 3)))
    labels = np.array([1, 0])
    functions = {
        "conv2d": lambda x: (tg.conv2d(x, weight, stride=2, padding=1) ** 2).sum(),
        "max_pool2d": lambda x: (tg.max_pool2d(x, 3, 2, 1) ** 3).sum(),
        "batch_norm": lambda x: (tg.native_batch_norm(x)[0] ** 3).sum(),
        "dropout": lambda x: (tg.dropout(x, 0.4, generator=np.random.default_rng(1)) ** 3).sum(),
        "max": lambda x: (x.max(3)[0] ** 3).sum(),
        "amax": lambda x: x.max() ** 3,
        "softmax": lambda x: (x.softmax(1) ** 2).sum(),
        "log_softmax": lambda x: (x.log_softmax(3) ** 2).sum(),
        "cross_entropy": lambda x: tg.cross_entropy(x.reshape(2, 50), labels) ** 2,
        "matmul": lambda x: ((x @ x.mT) ** 2).sum(),
        "getitem": lambda x: (x[:, 0, [1, 1, 3]] ** 3).sum(),
        "where": lambda x: tg.where(x.detach() > 0, x**3, x**2).sum(),
        "relu": lambda x: (x.relu() ** 3).sum(),
        "mean": lambda x: (x.mean((0, 2, 3)) ** 3).sum(),
    }
    for name, f in functions.items():
        x, u = leaf(image), rng.normal(size=image.shape)
        (g,) = tg.grad(f(x), x, create_graph=True)
        (hvp,) = tg.grad((g * u).sum(), x)
        step, sides = 1e-6, []
        for sign in (1, -1):
            moved = leaf(image + sign * step * u)
            sides.append(array(tg.grad(f(moved), moved)[0]))
        np.testing.assert_allclose(array(hvp), (sides[0] - sides[1]) / (2 * step), rtol=2e-5, atol=2e-6, err_msg=name)


@pytest.mark.parity
@pytest.mark.parametrize(
    "f",
    [
        lambda m, x, y: (x * y).exp() / (1 + x * x),
        lambda m, x, y: (x @ y.T).tanh().sum() * x,
        lambda m, x, y: m.softmax(x * y, 1) ** 2,
        lambda m, x, y: m.log_softmax(x, 0) * y**3,
        lambda m, x, y: m.cat([x * y, x, y * y]).sigmoid() ** 2,
        lambda m, x, y: (x[0] * y[:, None, 1]) ** 3,
        lambda m, x, y: (x / y).sqrt() * x.log(),
        lambda m, x, y: m.max(x * y, 1)[0] ** 3 * x.mean(),
        lambda m, x, y: (x - y.mean(0)).relu() ** 3,
    ],
)
def test_to_third_order_as_pytorch(f):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    x0, y0 = rng.uniform(0.5, 2.0, (3, 4)), rng.uniform(0.5, 2.0, (3, 4))
    x, y = leaves(x0, y0)
    xt, yt = (torch.tensor(v, requires_grad=True) for v in (x0, y0))
    ours, theirs = f(tg, x, y).sum(), f(torch, xt, yt).sum()
    for order in range(3):
        np.testing.assert_allclose(ours.item(), theirs.item(), rtol=1e-9, err_msg=f"order {order}")
        gs = tg.grad(ours, [x, y], create_graph=True)
        gts = torch.autograd.grad(theirs, [xt, yt], create_graph=True)
        for g, gt in zip(gs, gts, strict=True):
            np.testing.assert_allclose(array(g), gt.detach().numpy(), rtol=1e-8, atol=1e-10, err_msg=f"order {order}")
        weight = rng.normal(size=(2, 3, 4))
        ours = (gs[0] * weight[0]).sum() + (gs[1] * weight[1]).sum()
        theirs = (gts[0] * torch.tensor(weight[0])).sum() + (gts[1] * torch.tensor(weight[1])).sum()
    tally.count(*tally.ALL, "third order")
