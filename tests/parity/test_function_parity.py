"""Operations as classes in PyTorch: values, gradients, second order, what backward is told, and what is refused."""

import numpy as np
import pytest
import torch

import tensorgrad as tg
from tests.parity import tally

pytestmark = pytest.mark.parity

X, Y = np.array([0.5, -1.5, 2.0]), np.array([[1.25], [-0.75]])


class Told:
    """Which engine a class is written for, and what its methods were told."""

    def __init__(self, m):
        self.m, self.log = m, []


def scaled_tanh(told):
    class ScaledTanh(told.m.autograd.Function):
        """Its output is saved; the number has no gradient."""

        @staticmethod
        def forward(ctx, x, scale=2.0):
            told.log.append(ctx.needs_input_grad)
            ctx.scale = scale
            y = (x * scale).tanh()
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx, g):
            told.log.append(ctx.needs_input_grad)
            (y,) = ctx.saved_tensors
            return g * (1 - y * y) * ctx.scale, None

    return lambda x, y: ScaledTanh.apply(x, 1.5)


def product(told):
    class Product(told.m.autograd.Function):
        """Broadcasting, several outputs of which one is not looked at."""

        @staticmethod
        def forward(ctx, x, y):
            ctx.save_for_backward(x, y)
            return x * y, x + y

        @staticmethod
        def backward(ctx, g, h):
            x, y = ctx.saved_tensors
            told.log.append((ctx.needs_input_grad, tuple(h.shape), float(h.sum())))
            return g * y + h, g * x + h

    return lambda x, y: Product.apply(x, y)[0]


def product_by_name(told):
    apply = product(told).__closure__[0].cell_contents.apply
    return lambda x, y: apply(y=y, x=x)[0] ** 2


def not_materialized(told):
    class Pair(told.m.autograd.Function):
        @staticmethod
        def forward(ctx, x, y):
            ctx.set_materialize_grads(False)
            ctx.save_for_backward(x)
            return x**2 * 1.0, y**3

        @staticmethod
        def backward(ctx, g, h):
            told.log.append(h is None)
            (x,) = ctx.saved_tensors
            return 2 * g * x, h

    return lambda x, y: Pair.apply(x, y)[0] * y


def apart(told):
    class Power(told.m.autograd.Function):
        @staticmethod
        def forward(x, n=3):
            return x**n

        @staticmethod
        def setup_context(ctx, inputs, output):
            x, ctx.n = inputs
            ctx.save_for_backward(x)

        @staticmethod
        def backward(ctx, g):
            told.log.append(ctx.needs_input_grad)
            (x,) = ctx.saved_tensors
            return g * ctx.n * x ** (ctx.n - 1), None

    return lambda x, y: Power.apply(x) * y


def no_gradient(told):
    class Rest(told.m.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            whole = x.floor()
            ctx.mark_non_differentiable(whole)
            return x - whole, whole, (x > 0).long()

        @staticmethod
        def backward(ctx, g, g_whole, g_sign):
            told.log.append((g_whole.tolist(), g_sign.tolist()))
            return g * 3

    def function(x, y):
        rest, whole, sign = Rest.apply(x * 1.0)
        told.log.append((rest.requires_grad, whole.requires_grad, sign.requires_grad))
        return rest * whole * sign * y

    return function


def the_input_itself(told):
    class Reverse(told.m.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x

        @staticmethod
        def backward(ctx, g):
            return -g

    return lambda x, y: Reverse.apply(x * y) ** 2


def nones(told):
    class First(told.m.autograd.Function):
        @staticmethod
        def forward(ctx, x, y):
            return x * 2 + y

        @staticmethod
        def backward(ctx, g):
            return g * 2, None, None, None

    return lambda x, y: First.apply(x, y) * y


FUNCTIONS = [scaled_tanh, product, product_by_name, not_materialized, apart, no_gradient, the_input_itself, nones]


@pytest.mark.parametrize("make", FUNCTIONS, ids=lambda make: make.__name__)
def test_a_function(make):
    found = []
    for m, tensor in ((tg, tg.tensor), (torch, torch.tensor)):
        told = Told(m)
        function = make(told)
        x, y = tensor(X, requires_grad=True), tensor(Y, requires_grad=True)
        out = function(x, y)
        grad = m.autograd.grad
        first = grad((out**2).sum(), [x, y], create_graph=True, allow_unused=True)
        recorded = [g for g in first if g is not None and g.requires_grad]
        second = grad(sum((g**2).sum() for g in recorded), [x, y], allow_unused=True) if recorded else ()
        x.grad = y.grad = None
        function(x, y).sum().backward()
        found.append((told.log, [out, *first, *second, x.grad, y.grad]))
    (log, ours), (their_log, theirs) = found
    assert log == their_log
    for a, b in zip(ours, theirs, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            assert tuple(a.shape) == tuple(b.shape)
            np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-12, atol=1e-13)
    tally.count(*tally.ALL)


REFUSED = {
    "too few": lambda m, g: g,
    "too many": lambda m, g: (g, g, g),
    "a number": lambda m, g: (g, 1.0),
    "an array": lambda m, g: (g, np.ones(3)),
    "another shape": lambda m, g: (g, g[:2]),
    "a list": lambda m, g: [g, g],
}


@pytest.mark.parametrize("result", REFUSED.values(), ids=REFUSED)
def test_what_backward_may_not_return(result):
    for m, tensor in ((tg, tg.tensor), (torch, torch.tensor)):

        class Broken(m.autograd.Function):
            @staticmethod
            def forward(ctx, x, y):
                return x * y

            @staticmethod
            def backward(ctx, g, m=m):
                return result(m, g)

        x, y = tensor(X, requires_grad=True), tensor(X, requires_grad=True)
        with pytest.raises(RuntimeError, match="^Broken" if m is tg else "Broken|expected Variable or None"):
            Broken.apply(x, y).sum().backward()
    tally.count("refused by both")


def test_the_edges_of_a_node():
    for m, tensor in ((tg, tg.tensor), (torch, torch.tensor)):
        x = tensor(X, requires_grad=True)
        node = (m.exp(x * 2.0) * x).grad_fn
        (exp, first), (accumulation, second) = node.next_functions
        assert (first, second) == (0, 0)
        assert accumulation.variable is x
        assert accumulation.next_functions == ()
        assert exp.next_functions[0][0].next_functions[1] == (None, 0)
    tally.count("graphs")
