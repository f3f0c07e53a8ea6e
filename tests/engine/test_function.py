"""Operations as classes: tg.autograd.Function."""

import gc
import weakref

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.autograd import Function

from .tools import array, leaf

X = [0.5, -1.5, 2.0]


class Cube(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 3 * g * x**2


class Exp(Function):
    """Saves its output, computed in NumPy."""

    @staticmethod
    def forward(ctx, x):
        y = tg.from_numpy(np.exp(x.detach().numpy()))
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return g * y


class Parts(Function):
    """Several inputs, a number and a text among them, and several outputs, an integer one among them."""

    @staticmethod
    def forward(ctx, x, power, y, mode="plain"):
        ctx.power, ctx.mode = power, mode
        ctx.save_for_backward(x, None, y)
        return x**power * y, (x > 0).long(), x + y

    @staticmethod
    def backward(ctx, g, g_sign, g_sum):
        x, none, y = ctx.saved_tensors
        assert none is None
        assert ctx.mode == "plain"
        assert g_sign.tolist() == [0] * len(X)
        return g * y * ctx.power * x ** (ctx.power - 1) + g_sum, None, g * x**ctx.power + g_sum


@pytest.mark.parametrize("function", [Cube, Exp])
def test_gradients_of_every_order(function):
    x = leaf(X)
    assert tg.gradcheck(function.apply, [x])
    assert tg.gradgradcheck(function.apply, [x])
    right = {Cube: 6.0, Exp: np.exp(X)}[function]
    third = x
    value = function.apply(x).sum()
    for _ in range(3):
        (third,) = tg.grad(value, [x], create_graph=True)
        value = third.sum()
    np.testing.assert_allclose(array(third), np.broadcast_to(right, 3), rtol=1e-12)


def test_several_inputs_and_outputs():
    x, y = leaf(X), leaf([1.0, 2.0, -0.5])

    def both(x, y):
        first, _, last = Parts.apply(x, 2, y)
        return first, last

    assert tg.gradcheck(both, [x, y])
    assert tg.gradgradcheck(both, [x, y])
    product, signs, total = Parts.apply(x, 2, y)
    assert signs.tolist() == [1, 0, 1]
    assert not signs.requires_grad
    assert product.grad_fn is total.grad_fn
    assert (product.grad_fn.name, product.grad_fn.primitive.inputs) == ("Parts", ("x", "y"))
    assert product.grad_fn.params == {"power": 2}
    total.sum().backward()  # the gradients of the others are zeros
    assert x.grad.tolist() == y.grad.tolist() == [1.0] * 3


def test_what_is_wanted_is_told():
    seen = []

    class Product(Function):
        @staticmethod
        def forward(ctx, x, y, n):
            seen.append(ctx.needs_input_grad)
            ctx.save_for_backward(x, y)
            return x * y * n

        @staticmethod
        def backward(ctx, g):
            seen.append(ctx.needs_input_grad)
            x, y = ctx.saved_tensors
            return g * y, g * x, None

    x, y = leaf(X), leaf(X)
    Product.apply(x, tg.tensor(X), 1).sum().backward()
    tg.grad(Product.apply(x, y, 1).sum(), [y])
    assert seen == [(True, False, False), (True, False, False), (True, True, False), (False, True, False)]


def test_an_output_that_nothing_depends_on():
    seen = []

    def pair(materialize):
        class Pair(Function):
            @staticmethod
            def forward(ctx, x):
                ctx.set_materialize_grads(materialize)
                return x * 1, x * 2

            @staticmethod
            def backward(ctx, g, h):
                seen.append(h if h is None else h.tolist())
                return g

        return Pair

    for materialize in (True, False):
        pair(materialize).apply(leaf(X))[0].sum().backward()
    assert seen == [[0.0] * 3, None]


def test_an_output_without_a_gradient():
    class Rest(Function):
        @staticmethod
        def forward(ctx, x):
            whole = x.detach() // 1
            ctx.mark_non_differentiable(whole)
            ctx.save_for_backward(whole)
            return x - whole, whole, "a text"

        @staticmethod
        def backward(ctx, g, g_whole, g_text):
            assert g_text is None
            assert g_whole.tolist() == [0.0] * 3
            assert ctx.saved_tensors[0].tolist() == [0.0, -2.0, 2.0]
            return g * 2

    x = leaf(X)
    rest, whole, text = Rest.apply(x)
    assert (rest.requires_grad, whole.requires_grad, text) == (True, False, "a text")
    rest.sum().backward()
    assert x.grad.tolist() == [2.0] * 3


def test_context_apart_from_forward():
    class Power(Function):
        @staticmethod
        def forward(x, n=3):
            return x**n

        @staticmethod
        def setup_context(ctx, inputs, output):
            x, ctx.n = inputs
            ctx.save_for_backward(x)

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * ctx.n * x ** (ctx.n - 1), None

    x = leaf(X)
    assert tg.gradgradcheck(Power.apply, [x])
    np.testing.assert_allclose(array(tg.grad(Power.apply(n=2, x=x).sum(), [x])[0]), 2 * np.array(X))
    with pytest.raises(tg.DTypeError, match=r"^Power: .*unexpected keyword argument 'm'"):
        Power.apply(x, m=2)


def test_the_input_itself_as_output():
    class Reverse(Function):
        """The identity, whose gradient is turned round."""

        @staticmethod
        def forward(ctx, x):
            return x

        @staticmethod
        def backward(ctx, g):
            return -g

    x = leaf(X)
    y = Reverse.apply(x)
    assert y is not x
    assert np.shares_memory(y.data, x.data)
    y.sum().backward()
    assert x.grad.tolist() == [-1.0] * 3
    square = (x * 1.0) ** 2
    out = Reverse.apply(square)
    with tg.no_grad():
        square.add_(1)  # the memory is shared, and so is the version
    root = out.log().sum()
    with tg.no_grad():
        square.add_(1)
    with pytest.raises(tg.GradientError, match=r"^log: its input, saved for the walk, was changed in place"):
        root.backward()


def test_nothing_is_recorded_where_nothing_is_wanted():
    x = leaf(X)
    with tg.no_grad():
        y = Cube.apply(x)
    for out in (y, Cube.apply(tg.tensor(X)), Exp.apply(x.detach())):
        assert not out.requires_grad
        assert out.grad_fn is None
    assert broken(None).apply(2, 3) == 6


def test_what_forward_computes_is_not_recorded_and_backward_is_only_if_asked():
    modes = []

    class Looks(Function):
        @staticmethod
        def forward(ctx, x):
            modes.append(tg.is_grad_enabled())
            return x * 1

        @staticmethod
        def backward(ctx, g):
            modes.append(tg.is_grad_enabled())
            return g

    x = leaf(X)
    Looks.apply(x).sum().backward()
    tg.grad(Looks.apply(x).sum(), [x], create_graph=True)
    assert modes == [False, False, False, True]


def test_gradients_are_summed_back_and_cast():
    class Times(Function):
        @staticmethod
        def forward(ctx, x, y):
            ctx.save_for_backward(x, y)
            return x * y

        @staticmethod
        def backward(ctx, g):
            x, y = ctx.saved_tensors
            return (g * y).double(), (g * x).double()

    x, y = leaf(X, np.float32), leaf([[2.0], [3.0]], np.float32)
    out = Times.apply(x, y)
    out.backward(tg.ones_like(out))
    assert x.grad.tolist() == [5.0] * 3
    assert y.grad.tolist() == [[1.0], [1.0]]
    assert x.grad.dtype == y.grad.dtype == np.float32
    assert tg.gradgradcheck(Times.apply, [leaf(X), leaf([[2.0], [3.0]])])


def test_a_function_of_any_number_of_tensors():
    class Total(Function):
        @staticmethod
        def forward(ctx, *xs):
            ctx.count = len(xs)
            return sum(xs[1:], xs[0])

        @staticmethod
        def backward(ctx, g):
            return (g,) * ctx.count

    xs = [leaf(X) for _ in range(3)]
    out = Total.apply(*xs, xs[0])
    assert out.grad_fn.primitive.inputs == ("xs[0]", "xs[1]", "xs[2]", "xs[3]")
    out.sum().backward()
    assert [x.grad.tolist() for x in xs] == [[2.0] * 3, [1.0] * 3, [1.0] * 3]
    xs[0].grad.add_(1)  # memory of its own
    assert xs[1].grad.tolist() == [1.0] * 3


def test_a_tensor_from_elsewhere_that_is_saved_keeps_its_place_in_the_graph():
    weight = leaf([1.0, 2.0, 3.0])

    class Scaled(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(weight)
            return x * weight

        @staticmethod
        def backward(ctx, g):
            return g * ctx.saved_tensors[0]

    x = leaf(X)
    (first,) = tg.grad(Scaled.apply(x).sum(), [x], create_graph=True)
    (second,) = tg.grad((first**2).sum(), [weight])
    assert second.tolist() == [2.0, 4.0, 6.0]


def test_changes_in_place_are_noticed():
    x = leaf(X)
    y = x * 1.0
    out = Cube.apply(y)
    with tg.no_grad():
        y.mul_(2)
    with pytest.raises(tg.GradientError, match=r"^Cube: its x, saved for the walk, was changed in place since"):
        out.sum().backward()
    out = Exp.apply(x)
    out.data += 1  # the engine cannot see into NumPy, but sees its own setter
    with pytest.raises(tg.GradientError, match=r"^Exp: its out, saved for the walk, was changed in place since"):
        out.sum().backward()


def test_it_works_inside_of_functions_of_functions_checkpoints_and_pictures():
    x = tg.tensor(np.array(X))
    np.testing.assert_allclose(array(tg.func.grad(lambda x: Cube.apply(x).sum())(x)), 3 * np.array(X) ** 2)
    np.testing.assert_allclose(
        array(tg.func.hessian(lambda x: Cube.apply(x).sum())(x)), np.diag(6 * np.array(X)), rtol=1e-12
    )
    np.testing.assert_allclose(array(tg.func.jvp(Exp.apply, (x,), (tg.ones_like(x),))[1]), np.exp(X), rtol=1e-12)
    x = leaf(X)
    out = tg.func.checkpoint(lambda x: Exp.apply(Cube.apply(x * 2.0)), x)
    assert out.grad_fn.saved is None
    out.sum().backward()
    np.testing.assert_allclose(array(x.grad), 24 * np.array(X) ** 2 * np.exp(8 * np.array(X) ** 3), rtol=1e-12)
    assert "Cube" in tg.viz.graph(Cube.apply(x).sum()).to_text()
    with tg.detect_anomaly():
        Cube.apply(x).sum().backward()


def broken(result):
    """A function whose backward gives `result(g)`."""

    class Broken(Function):
        @staticmethod
        def forward(ctx, x, y, n=2):
            return x * y

        @staticmethod
        def backward(ctx, g):
            return result(g)

    return Broken


@pytest.mark.parametrize(
    "result, told",
    [
        (lambda g: g, r"^Broken: backward returned 1 gradients, but forward was given 2 arguments: x, y"),
        (lambda g: (g, g, g), r"^Broken: backward returned 3 gradients, but forward was given 2 arguments: x, y"),
        (lambda g: (g, 1.0), r"^Broken: backward gave for y a float, expected a tensor or None"),
        (lambda g: (g.numpy(), g), r"^Broken: backward gave for x a ndarray, expected a tensor or None"),
        (lambda g: (g, g[:2]), r"^Broken: the VJP of y gave shape \(2,\), expected \(3,\) \(recorded at test_function"),
        (lambda g: (g.mul_(2), g), r"^mul_: the tensor's memory cannot be written to"),
    ],
)
def test_errors_name_the_class_and_the_line(result, told):
    x, y = leaf(X), leaf(X)
    with pytest.raises(tg.GradientError, match=told) as error:
        broken(result).apply(x, y).sum().backward()
    assert x.grad is None
    assert "recorded at test_function.py" in str(error.value) + "".join(getattr(error.value, "__notes__", []))


def test_further_nones_are_allowed_and_a_gradient_for_a_number_is_not():
    x, y = leaf(X), leaf(X)
    broken(lambda g: (g, g, None, None)).apply(x, y).sum().backward()
    assert x.grad.tolist() == [1.0] * 3
    with pytest.raises(tg.GradientError, match=r"^Broken: backward gave a gradient for n, which is no tensor: return"):
        broken(lambda g: (g, g, g)).apply(x, y, 2).sum().backward()


def test_calls_that_cannot_be():
    class Empty(Function):
        pass

    class Half(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

    class Listed(Half):
        @staticmethod
        def forward(ctx, x):
            return [x * 2]

    class Writes(Half):
        @staticmethod
        def forward(ctx, x):
            return x.mul_(2)

    class Saves(Half):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x, 3)

    x = leaf(X)
    with pytest.raises(tg.GradientError, match=r"^Empty: has no forward: define it as a static method$"):
        Empty.apply(x)
    with pytest.raises(tg.GradientError, match=r"^Half: has no backward: define it as a static method"):
        Half.apply(x).sum().backward()
    with pytest.raises(tg.GradientError, match=r"^Half: a Function has no instances: call Half.apply\(...\)$"):
        Half()
    with pytest.raises(tg.GradientError, match=r"^Listed: forward returned a list: return a tensor or a tuple$"):
        Listed.apply(x)
    with pytest.raises(tg.GradientError, match=r"^Writes: forward changed an input of shape \(3,\) in place: compute"):
        Writes.apply(x * 1.0)
    with pytest.raises(
        tg.DTypeError, match=r"^Saves: save_for_backward takes tensors and None, argument 1 is of type int"
    ):
        Saves.apply(x)


def test_a_freed_graph_says_what_to_do():
    x = leaf(X)
    out = Cube.apply(x).sum()
    out.backward(retain_graph=True)
    out.backward()
    np.testing.assert_allclose(array(x.grad), 6 * np.array(X) ** 2)
    with pytest.raises(tg.GradientError, match=r"^Cube: backward through a graph whose saved arrays were dropped"):
        out.backward()


@pytest.mark.parametrize("function", [Cube, Exp, lambda x: Parts.apply(x, 2, x)[0]])
@pytest.mark.parametrize("create_graph", [None, False, True])
def test_a_graph_is_freed_with_its_last_tensor_T7(function, create_graph):
    """With the collector off, whether it was walked or not. tests/test_leaks.py has the memory over many steps."""
    gc.collect()
    gc.disable()
    try:
        x = leaf(X)
        inner = x * 1.0
        y = getattr(function, "apply", function)(inner)
        seen = [weakref.ref(y), weakref.ref(inner), weakref.ref(x)]
        if create_graph is not None:
            (g,) = tg.grad(y.sum(), [x], create_graph=create_graph)
            seen.append(weakref.ref(g))
            del g
        del y, inner, x
        assert [ref() for ref in seen] == [None] * len(seen)
    finally:
        gc.enable()


def test_backward_of_several_tensors():
    x, y = leaf(X), leaf(X)
    tg.autograd.backward([(x * y).sum(), x * 2], [None, tg.tensor(np.ones(3))])
    np.testing.assert_allclose(array(x.grad), np.array(X) + 2)
    tg.autograd.backward((y * 3).sum())
    np.testing.assert_allclose(array(y.grad), np.array(X) + 3)
    assert tg.autograd.grad is tg.grad


def test_next_functions():
    x = leaf(X)
    y = (x * 2.0).exp()
    ((mul, number),) = y.grad_fn.next_functions
    assert (mul.name, number) == ("mul", 0)
    (accumulation, number), nothing = mul.next_functions
    assert accumulation.variable is x
    assert accumulation.next_functions == ()
    assert (number, nothing) == (0, (None, 0))
    _, (of_second, number) = (lambda parts: (parts[0], (parts[2] * 1.0).grad_fn.next_functions[0]))(
        Parts.apply(x, 2, x)
    )
    assert (of_second.name, number) == ("Parts", 2)
