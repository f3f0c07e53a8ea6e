"""Functions of functions: gradients, products with Jacobians and Hessians, Jacobians, calls of modules as functions."""

import functools
from collections import OrderedDict, namedtuple

import numpy as np
import pytest

import nn
import tensorgrad as tg
from tensorgrad import func
from tests.engine.tools import leaf

Pair = namedtuple("Pair", ["first", "second"])
RNG = np.random.default_rng(0)
A = RNG.normal(size=(3, 4))
X = RNG.normal(size=4)


def constant(values):
    return tg.tensor(values, dtype=np.float64)


def close(got, expected):
    assert isinstance(got, tg.Tensor)
    assert got.shape == np.shape(expected)
    np.testing.assert_allclose(got.detach().numpy(), expected, rtol=1e-12, atol=1e-12)


def cube(x):
    return x**3


def layer(x):
    """R^4 -> R^3, with the Jacobian diag(1 - tanh^2) A."""
    return (tg.from_numpy(A) @ x).tanh()


JACOBIAN = (1 - np.tanh(A @ X) ** 2)[:, None] * A
# d2 tanh(a.x) / dx2 = -2 tanh (1 - tanh^2) a a^T
CURVATURE = np.einsum("i,ij,ik->ijk", -2 * np.tanh(A @ X) * (1 - np.tanh(A @ X) ** 2), A, A)

# grad


def test_grad_of_a_plain_function():
    close(func.grad(cube)(constant(2.0)), 12.0)


def test_grad_nests_to_any_order():
    f, x = lambda x: x**5, constant(2.0)
    for expected in (80.0, 160.0, 240.0, 240.0, 120.0, 0.0):
        f = func.grad(f)
        close(f(x), expected)


def test_levels_are_not_confused():
    """The inner derivative is with respect to y alone, though x has the same value and is reached from inside."""
    f = func.grad(lambda x: x * func.grad(lambda y: x + y)(constant(2.0)))
    close(f(constant(2.0)), 1.0)
    close(func.grad(lambda x: func.grad(lambda y: x * x * y)(x))(constant(3.0)), 6.0)
    close(func.grad(lambda x: func.grad(lambda y: x * y * y)(x))(constant(3.0)), 12.0)


def test_argnums():
    x, y = constant(2.0), constant(5.0)

    def f(x, y):
        return x * x * y

    close(func.grad(f)(x, y), 20.0)
    close(func.grad(f, 1)(x, y), 4.0)
    close(func.grad(f, argnums=-1)(x, y), 4.0)
    both = func.grad(f, argnums=(1, 0))(x, y)
    assert type(both) is tuple
    close(both[0], 4.0)
    close(both[1], 20.0)
    (one,) = func.grad(f, (0,))(x, y)
    close(one, 20.0)


def test_nested_arguments_keep_their_form():
    tree = {"w": constant([1.0, 2.0]), "rest": [Pair(constant(3.0), (constant(4.0),)), OrderedDict(k=constant(5.0))]}

    def f(t):
        pair, more = t["rest"]
        return (t["w"] ** 2).sum() * pair.first + pair.second[0] * more["k"]

    g = func.grad(f)(tree)
    assert list(g) == ["w", "rest"]
    assert type(g["rest"]) is list
    assert type(g["rest"][0]) is Pair
    assert type(g["rest"][0].second) is tuple
    assert type(g["rest"][1]) is OrderedDict
    close(g["w"], [6.0, 12.0])
    close(g["rest"][0].first, 5.0)
    close(g["rest"][0].second[0], 5.0)
    close(g["rest"][1]["k"], 4.0)


def test_arrays_are_tensors_and_other_arguments_anything():
    seen = []

    def f(x, factor, name, *, power):
        seen.append((type(x), factor, name))
        return (x**power).sum() * factor

    array = np.array([1.0, 2.0])
    close(func.grad(f)(array, 3, "name", power=2), [6.0, 12.0])
    assert issubclass(seen[0][0], tg.Tensor)
    assert seen[0][1:] == (3, "name")
    assert array.tolist() == [1.0, 2.0]
    close(func.grad(f)(np.float64(2.0), 3, "name", power=2), 12.0)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_dtypes_are_kept(dtype):
    x = tg.tensor([1.0, 2.0], dtype=dtype)
    assert func.grad(lambda x: (x * x).sum())(x).dtype == dtype
    assert func.jvp(lambda x: x * x, (x,), (x,))[1].dtype == dtype
    assert func.jacrev(lambda x: x * x)(x).dtype == func.jacfwd(lambda x: x * x)(x).dtype == dtype


def test_has_aux_and_values():
    x, w = constant(2.0), leaf(3.0)

    def f(x):
        return x * x * w, {"twice": x * 2, "name": "n"}

    g, aux = func.grad(f, has_aux=True)(x)
    close(g, 12.0)
    close(aux["twice"], 4.0)
    assert aux["name"] == "n"
    assert not aux["twice"].requires_grad
    g, (value, aux) = func.grad_and_value(f, has_aux=True)(x)
    close(g, 12.0)
    close(value, 12.0)
    (value, aux), g = func.value_and_grad(f, has_aux=True)(x)
    close(aux["twice"], 4.0)
    close(g, 12.0)
    g, value = func.grad_and_value(cube)(x)
    close(g, 12.0)
    close(value, 8.0)
    value, g = func.value_and_grad(cube)(x)
    close(value, 8.0)
    close(g, 12.0)


def test_what_the_output_does_not_depend_on_has_the_gradient_zero():
    x, y = constant([1.0, 2.0]), constant([[3.0]])
    close(func.grad(lambda x, y: x.sum(), argnums=1)(x, y), [[0.0]])
    close(func.grad(lambda x: constant(1.0))(x), [0.0, 0.0])
    close(func.grad(lambda x: leaf(1.0) * 2)(x), [0.0, 0.0])
    close(func.grad(lambda x: (x > 1).sum())(x), [0.0, 0.0])


def test_the_identity_and_the_same_tensor_twice():
    x = constant(2.0)
    close(func.grad(lambda x: x)(x), 1.0)
    close(func.grad(lambda x: x)(leaf(2.0)), 1.0)
    close(func.grad(lambda x, y: x * x * y, argnums=(0, 1))(x, x)[1], 4.0)
    w = leaf(2.0)
    first, second = func.grad(lambda x, y: x * x * y, argnums=(0, 1))(w, w)
    close(first, 8.0)
    close(second, 4.0)


# What is left alone


def test_the_callers_tensors_are_left_alone():
    x, p, w = constant([1.0, 2.0]), leaf([3.0, 4.0]), leaf(5.0)
    p.grad = tg.ones(2, dtype=np.float64)
    for made in (
        func.grad(lambda x, p: (x * p * w).sum(), argnums=(0, 1)),
        func.jacrev(lambda x, p: x * p * w, argnums=(0, 1)),
        func.jacfwd(lambda x, p: x * p * w, argnums=(0, 1)),
        func.hessian(lambda x, p: (x * p * w).sum(), argnums=(0, 1)),
        lambda x, p: func.vjp(lambda x, p: x * p * w, x, p)[1](x),
        lambda x, p: func.jvp(lambda x, p: x * p * w, (x, p), (x, x)),
        lambda x, p: func.hvp(lambda x, p: (x * p * w).sum(), (x, p), (x, x)),
    ):
        made(x, p)
        assert not x.requires_grad
        assert p.requires_grad
        assert p.is_leaf
        assert x.grad is None
        assert w.grad is None
        assert p.grad.tolist() == [1.0, 1.0]


def test_a_function_that_raises_leaves_things_alone():
    x = constant(2.0)
    with pytest.raises(KeyError, match="mine"):
        func.grad(lambda x: {}["mine"])(x)
    assert not x.requires_grad
    assert tg.is_grad_enabled()


def test_hooks_and_retained_gradients_outside_are_not_called():
    w, seen = leaf(3.0), []
    w.register_hook(lambda g: seen.append("leaf"))
    h = w * 2.0
    h.retain_grad()
    h.register_hook(lambda g: seen.append("interior"))
    close(func.grad(lambda x: x * h)(constant(1.0)), 6.0)
    assert seen == []
    assert h.grad is None


# Graphs of results


def test_results_have_a_graph_only_towards_tensors_of_the_caller():
    x, w = constant(2.0), leaf(3.0)
    requires = {
        "plain": func.grad(lambda x: x * x)(x),
        "closed over": func.grad(lambda x: x * x * w)(x),
        "closed over, but not in the gradient": func.grad(lambda x: x * x + w)(x),
        "argument": func.grad(lambda x: x * x)(w),
        "inner level": func.grad(lambda x: func.grad(lambda y: x * y * y)(x))(x),
        "value": func.value_and_grad(lambda x: x * x)(x)[0],
        "value that depends": func.value_and_grad(lambda x: x * x + w)(x)[0],
        "vjp": func.vjp(lambda x: x * x, x)[1](x)[0],
        "vjp of what requires": func.vjp(lambda x: x * x, x)[1](w)[0],
        "jvp": func.jvp(lambda x: x * x, (x,), (x,))[1],
        "jvp of what requires": func.jvp(lambda x: x * x, (x,), (w,))[1],
        "jacobian": func.jacfwd(lambda x: x * x * w)(x),
    }
    assert {k: t.requires_grad for k, t in requires.items()} == {
        "plain": False,
        "closed over": True,
        "closed over, but not in the gradient": False,
        "argument": True,
        "inner level": False,
        "value": False,
        "value that depends": True,
        "vjp": False,
        "vjp of what requires": True,
        "jvp": False,
        "jvp of what requires": True,
        "jacobian": True,
    }


def test_gradients_flow_to_what_the_function_closes_over():
    w, x = leaf([3.0, -1.0]), constant([2.0, 5.0])
    g = func.grad(lambda x: (x**3 * w).sum())(x)
    (g * g).sum().backward()
    close(w.grad, 2 * w.data * (3 * x.data**2) ** 2)
    assert x.grad is None


def test_gradients_flow_to_arguments_that_require_them():
    x = leaf([2.0, 5.0])
    func.grad(lambda x: (x**3).sum())(x).sum().backward()
    close(x.grad, 6 * x.data)
    x.grad = None
    (func.jvp(cube, (x,), (constant([1.0, 10.0]),))[1]).sum().backward()
    close(x.grad, 6 * x.data * [1.0, 10.0])
    x.grad = None
    func.jacrev(cube)(x).sum().backward()
    close(x.grad, 6 * x.data)
    x.grad = None
    func.jacfwd(cube)(x).sum().backward()
    close(x.grad, 6 * x.data)
    x.grad = None
    func.hvp(lambda x: (x**4).sum(), x, constant([1.0, 1.0]))[1].sum().backward()
    close(x.grad, 24 * x.data)


def test_gradients_flow_to_tangents_and_cotangents():
    x, v = constant(X), leaf(RNG.normal(size=4))
    func.jvp(layer, (x,), (v,))[1].sum().backward()
    close(v.grad, JACOBIAN.sum(0))
    u = leaf(RNG.normal(size=3))
    func.vjp(layer, x)[1](u)[0].sum().backward()
    close(u.grad, JACOBIAN.sum(1))


def test_inside_no_grad_it_works_and_gives_no_graph():
    x, w = constant(2.0), leaf(3.0)
    with tg.no_grad():
        assert not func.grad(cube)(w).requires_grad
        close(func.grad(func.grad(cube))(w), 18.0)
        g, value = func.grad_and_value(lambda x: x * x * w)(x)
        _, vjp_fn = func.vjp(lambda x: x * x * w, x)
        slope = func.jvp(lambda x: x * x * w, (x,), (w,))[1]
        close(func.hessian(cube)(x), 12.0)
        close(func.jacfwd(cube)(x), 12.0)
    close(g, 12.0)
    close(slope, 36.0)
    for tensor in (g, value, slope, vjp_fn(constant(1.0))[0]):
        assert not tensor.requires_grad


def test_no_grad_inside_the_function_holds():
    def f(x):
        with tg.no_grad():
            c = x**2
        return x - c

    close(func.grad(f)(constant(5.0)), 1.0)


def test_a_function_may_walk_back_itself():
    def f(x):
        (g,) = tg.grad(x**3, x, create_graph=True)
        return g * g

    close(func.grad(f)(constant(2.0)), 2 * 12.0 * 12.0)


def test_partials_bound_methods_and_modules():
    net = nn.Linear(2, 1)
    assert func.grad(lambda x: net(x).sum())(tg.ones(1, 2)).shape == (1, 2)
    close(func.grad(functools.partial(lambda k, x: x * k, 3.0))(constant(1.0)), 3.0)
    assert func.grad(cube).__name__ == "cube"


# vjp, jvp, hvp


def test_vjp():
    x, u = constant(X), RNG.normal(size=3)
    out, vjp_fn = func.vjp(layer, x)
    close(out, np.tanh(A @ X))
    assert not out.requires_grad
    (g,) = vjp_fn(constant(u))
    close(g, u @ JACOBIAN)
    (again,) = vjp_fn(u)  # an array, and a second time
    assert again.tolist() == g.tolist()


def test_vjp_of_nested_outputs_several_primals_and_aux():
    def f(x, p):
        return {"s": x * p["k"], "t": (x.sum(),)}, "aux"

    out, vjp_fn, aux = func.vjp(f, constant([1.0, 2.0]), {"k": constant([3.0, 4.0])}, has_aux=True)
    assert aux == "aux"
    close(out["t"][0], 3.0)
    gx, gp = vjp_fn({"t": (constant(10.0),), "s": constant([1.0, 1.0])})  # a dict's order does not matter
    close(gx, [13.0, 14.0])
    close(gp["k"], [1.0, 2.0])


def test_changing_the_output_in_place_is_noticed_by_vjp():
    out, vjp_fn = func.vjp(tg.exp, constant([1.0, 2.0]))
    with tg.no_grad():
        out.mul_(2.0)
    with pytest.raises(tg.GradientError, match="changed in place"):
        vjp_fn(constant([1.0, 1.0]))


def test_jvp():
    t = RNG.normal(size=4)
    out, slope = func.jvp(layer, (constant(X),), (constant(t),))
    close(out, np.tanh(A @ X))
    close(slope, JACOBIAN @ t)
    out, slope, aux = func.jvp(lambda x: (layer(x), 7), (constant(X),), (t,), has_aux=True)
    close(slope, JACOBIAN @ t)
    assert aux == 7


def test_jvp_of_nested_arguments_and_outputs():
    def f(x, p):
        return {"s": x * p["k"], "i": (x > 1).sum(), "free": constant([7.0])}

    x, p = constant([1.0, 2.0]), {"k": constant([3.0, 4.0])}
    out, slope = func.jvp(f, (x, p), (constant([1.0, 1.0]), {"k": constant([10.0, 20.0])}))
    close(slope["s"], [13.0, 44.0])
    assert slope["i"].tolist() == 0
    assert slope["i"].dtype == np.int64
    close(slope["free"], [0.0])
    assert out["i"].item() == 1


def test_jvp_through_kinks_where_and_indices():
    def f(x):
        y = tg.where(x > 0, x * 2, x * 5)
        return tg.max_pool1d(y.reshape(1, 1, -1), 2).relu() + y[[3, 0]]

    x, t = constant([1.0, -2.0, 3.0, 4.0]), constant([1.0, 10.0, 100.0, 1000.0])
    out, slope = func.jvp(f, (x,), (t,))
    close(out, [[[10.0, 10.0]]])
    close(slope, [[[2002.0, 2002.0]]])


def test_hvp():
    v = RNG.normal(size=4)
    out, product = func.hvp(lambda x: layer(x).sum(), constant(X), constant(v))
    close(out, np.tanh(A @ X).sum())
    close(product, CURVATURE.sum(0) @ v)
    out, products = func.hvp(lambda x, y: x**3 * y, (constant(2.0), constant(5.0)), (constant(1.0), constant(10.0)))
    close(out, 40.0)
    assert type(products) is tuple
    close(products[0], 6 * 2 * 5 * 1 + 3 * 4 * 10)
    close(products[1], 12.0)
    _, product = func.hvp(
        lambda p: p["a"] ** 2 * p["b"],
        {"a": constant(2.0), "b": constant(3.0)},
        {"a": np.float64(1.0), "b": np.zeros(())},
    )
    close(product["a"], 6.0)
    close(product["b"], 4.0)
    _, product = func.hvp(lambda x: x.sum() * 3.0, constant(X), constant(v))
    close(product, np.zeros(4))


# Jacobians


@pytest.mark.parametrize("jacobian", [func.jacrev, func.jacfwd])
def test_jacobians(jacobian):
    close(jacobian(layer)(constant(X)), JACOBIAN)
    # d(a a^T)[i, j] / da[k, l] = [i = k] a[j, l] + [j = k] a[i, l]
    eye = np.eye(3)
    expected = np.einsum("ik,jl->ijkl", eye, A) + np.einsum("jk,il->ijkl", eye, A)
    close(jacobian(lambda x: x @ x.T)(constant(A)), expected)


@pytest.mark.parametrize("jacobian", [func.jacrev, func.jacfwd])
def test_jacobians_of_nested_things(jacobian):
    def f(x, p, factor):
        return {"s": x * p["k"] * factor, "t": (x.sum(), constant([1.0, 2.0, 3.0]))}

    x, p = constant([1.0, 2.0]), {"k": constant([3.0, 4.0])}
    j = jacobian(f, argnums=(1, 0))(x, p, 10)
    close(j["s"][0]["k"], np.diag([10.0, 20.0]))
    close(j["s"][1], np.diag([30.0, 40.0]))
    close(j["t"][0][0]["k"], [0.0, 0.0])
    close(j["t"][0][1], [1.0, 1.0])
    close(j["t"][1][0]["k"], np.zeros((3, 2)))
    j = jacobian(f)(x, p, 10)
    close(j["s"], np.diag([30.0, 40.0]))
    j, aux = jacobian(lambda x: (x * x, [x, "s"]), has_aux=True)(x)
    close(j, np.diag([2.0, 4.0]))
    close(aux[0], [1.0, 2.0])


@pytest.mark.parametrize("jacobian", [func.jacrev, func.jacfwd])
@pytest.mark.parametrize("shape", [(0,), (2, 0), (), (1, 1)])
def test_jacobians_of_shapes_at_the_edge(jacobian, shape):
    x = tg.ones(shape, dtype=np.float64)
    j = jacobian(lambda x: x * 3.0)(x)
    assert j.shape == shape + shape
    assert j.data.sum() == 3.0 * x.numel()
    assert jacobian(lambda x: x.sum())(x).shape == shape
    assert jacobian(lambda x: tg.ones(2, 3, dtype=np.float64) * x.sum())(x).shape == (2, 3, *shape)


def test_jacobians_mixed_with_each_other_and_with_grad():
    x, f = constant(X), lambda x: layer(x).sum()
    for made in (
        func.hessian(f),
        func.jacfwd(func.jacrev(f)),
        func.jacrev(func.jacfwd(f)),
        func.jacfwd(func.jacfwd(f)),
        func.jacrev(func.grad(f)),
        func.jacfwd(func.grad(f)),
    ):
        close(made(x), CURVATURE.sum(0))
    close(func.hessian(layer)(x), CURVATURE)
    close(func.grad(lambda x: (func.jacfwd(layer)(x) ** 2).sum())(x), 2 * np.einsum("ij,ijk->k", JACOBIAN, CURVATURE))


def test_jvp_of_jvp():
    def slope(x):
        return func.jvp(cube, (x,), (constant(1.0),))[1]

    close(func.jvp(slope, (constant(2.0),), (constant(1.0),))[1], 12.0)


def test_hessians_of_several_arguments():
    h = func.hessian(lambda x, p: (x * x).sum() * p["k"], argnums=(0, 1))(constant([1.0, 2.0]), {"k": constant(3.0)})
    close(h[0][0], np.diag([6.0, 6.0]))
    close(h[0][1]["k"], [2.0, 4.0])
    close(h[1]["k"][0], [2.0, 4.0])
    close(h[1]["k"][1]["k"], 0.0)


def test_the_jacobian_of_random_functions_is_that_of_one_draw():
    j = func.jacrev(lambda x: tg.dropout(x, 0.5, generator=np.random.default_rng(0)))(tg.ones(6))
    mask = tg.dropout(tg.ones(6), 0.5, generator=np.random.default_rng(0))
    assert j.tolist() == np.diag(mask.numpy()).tolist()


# Errors: raised before the function is called, where that is possible


def never(*args):
    raise AssertionError("called")


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda x: func.grad(never)(2.0), "DType", r"grad: argument 0 is of type float, not a tensor or an array"),
        (lambda x: func.grad(never)({"a": [x, None]}), "DType", r"grad: argument 0\['a'\]\[1\] is of type NoneType"),
        (lambda x: func.grad(never)(Pair(x, 1)), "DType", r"grad: argument 0\.second is of type int, not a tensor"),
        (
            lambda x: func.grad(never, 1)(x, tg.tensor([1])),
            "DType",
            r"grad: argument 1 has dtype int64, and only floats",
        ),
        (
            lambda x: func.grad(never, 1)(x),
            "Shape",
            r"there is no argument 1, the function is called with 1 positional",
        ),
        (lambda x: func.grad(never, -2)(x), "Shape", r"grad: there is no argument -2"),
        (lambda x: func.grad(never, (0, -1))(x), "Shape", r"grad: argnums names an argument twice: \(0, -1\)"),
        (lambda x: func.grad(never, ())(x), "Shape", r"grad: argnums is empty"),
        (lambda x: func.grad(never, [0])(x), "DType", r"argnums must be an int or a tuple of ints, got \[0\]"),
        (lambda x: func.grad(never, True)(x), "DType", r"argnums must be an int or a tuple of ints, got True"),
        (lambda x: func.grad(lambda x: x * 2)(x), "Shape", r"grad: the function's output has shape \(2,\), and only a"),
        (
            lambda x: func.grad(lambda x: 2.0)(x),
            "DType",
            r"grad: the function's output is of type float, expected a te",
        ),
        (
            lambda x: func.grad(lambda x: (x, x))(x),
            "DType",
            r"grad: the function returned a tuple, expected one tensor",
        ),
        (lambda x: func.grad(cube, has_aux=True)(x), "DType", r"with has_aux the function must return \(output, aux\)"),
        (lambda x: func.grad(lambda x: (x,), has_aux=True)(x), "DType", r"got a tuple of 1"),
        (lambda x: func.value_and_grad(cube)(x), "Shape", r"value_and_grad: the function's output has shape"),
        (lambda x: func.grad_and_value(cube)(x), "Shape", r"grad_and_value: the function's output has shape"),
        (lambda x: func.vjp(cube, x)[1]((x,)), "DType", r"vjp: cotangents is of type tuple, expected a tensor"),
        (lambda x: func.vjp(lambda x: (x,), x)[1](x), "Shape", r"cotangents must be a tuple of 1, got type Tensor"),
        (lambda x: func.vjp(lambda x: {"a": x}, x)[1]({"b": x}), "Shape", r"a dict of \['a'\], got one of \['b'\]"),
        (lambda x: func.vjp(cube, x)[1](tg.ones(3)), "Shape", r"vjp: cotangents has shape \(3,\), expected \(2,\)"),
        (lambda x: func.vjp(cube, x)[1](tg.ones(2)), "DType", r"cotangents has dtype float32, expected float64"),
        (
            lambda x: func.jvp(never, x, (x,)),
            "DType",
            r"jvp: primals must be a tuple, with one entry for each argument",
        ),
        (lambda x: func.jvp(never, (x,), x), "DType", r"jvp: tangents must be a tuple, .* got type Tensor"),
        (lambda x: func.jvp(cube, (x,), (x, x)), "Shape", r"tangents must be a tuple of \[0\], got one of \[0, 1\]"),
        (lambda x: func.jvp(cube, (x,), (tg.ones(1),)), "Shape", r"tangents\[0\] has shape \(1,\), expected \(2,\)"),
        (lambda x: func.jvp(cube, (x,), (1.0,)), "DType", r"jvp: tangents\[0\] is of type float, expected a tensor"),
        (lambda x: func.hvp(cube, x, x), "Shape", r"hvp: the function's output has shape \(2,\)"),
        (lambda x: func.hvp(never, (x,), x), "DType", r"hvp: tangents must be a tuple"),
        (lambda x: func.jacrev(lambda x: x > 0)(x), "DType", r"jacrev: the function's output has dtype bool, and only"),
        (lambda x: func.jacfwd(lambda x: x.long())(x), "DType", r"jacfwd: the function's output has dtype int64"),
    ],
)
def test_errors(call, error, text):
    with pytest.raises(getattr(tg, f"{error}Error"), match=text):
        call(constant([1.0, 2.0]))


# Modules as functions of their parameters


def net():
    tg.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 2))


def test_functional_call_replaces_and_puts_back():
    model, x = net().eval(), tg.randn(5, 3)
    before = dict(model.named_parameters())
    given = {name: tg.full(p.shape, 0.1) for name, p in before.items()}
    out = func.functional_call(model, given, x)
    h = np.tanh((0.1 * x.data.sum(1, keepdims=True) + 0.1) / np.sqrt(1 + 1e-5) * 0.1 + 0.1)
    np.testing.assert_allclose(out.data, np.repeat(0.4 * h + 0.1, 2, axis=1), rtol=1e-5)
    assert all(a is before[name] for name, a in model.named_parameters())
    with pytest.raises(tg.ShapeError):
        func.functional_call(model, given, (tg.ones(5, 9),))
    assert all(a is before[name] for name, a in model.named_parameters())
    assert func.functional_call(model, {}, kwargs={"input": x}).tolist() == model(x).tolist()


def test_the_gradient_of_a_functional_call_is_that_of_backward():
    model, x, target = net(), tg.randn(5, 3), tg.randn(5, 2)
    parameters = {name: p.detach() for name, p in model.named_parameters()}
    before = model.state_dict()["1.running_mean"].tolist()
    g = func.grad(lambda p: nn.functional.mse_loss(func.functional_call(model, p, x), target))(parameters)
    assert model.state_dict()["1.running_mean"].tolist() != before
    assert all(p.grad is None for p in model.parameters())
    nn.functional.mse_loss(model(x), target).backward()
    assert list(g) == list(parameters)
    for name, p in model.named_parameters():
        assert g[name].tolist() == p.grad.tolist()
        assert not g[name].requires_grad


def test_functional_call_moves_the_buffers_that_are_given():
    model, x = net(), tg.randn(5, 3)
    own = {name: b.tolist() for name, b in model.named_buffers()}
    given = {name: b.detach().clone() for name, b in model.named_buffers()}
    func.functional_call(model, (dict(model.named_parameters()), given), x, strict=True)
    assert {name: b.tolist() for name, b in model.named_buffers()} == own
    assert given["1.num_batches_tracked"].item() == 1
    assert given["1.running_mean"].tolist() != own["1.running_mean"]


def test_functional_call_and_tied_weights():
    first, second = nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)
    second.weight = first.weight
    model, zero = nn.Sequential(first, second), tg.zeros(2, 2)
    x = tg.ones(1, 2)
    assert func.functional_call(model, {"1.weight": zero}, x).tolist() == [[0.0, 0.0]]
    one = func.functional_call(model, {"1.weight": tg.eye(2)}, x, tie_weights=False)
    assert one.tolist() == first(x).tolist()
    with pytest.raises(tg.ShapeError, match=r"0\.weight and 1\.weight are the same parameter, and two tensors"):
        func.functional_call(model, {"0.weight": zero, "1.weight": tg.eye(2)}, x)
    assert second.weight is first.weight


@pytest.mark.parametrize(
    "given, options, error, text",
    [
        ({"0.wait": tg.ones(1)}, {}, tg.ShapeError, r"functional_call: Sequential has no parameter or buffer 0\.wait"),
        ({"9.weight": tg.ones(1)}, {}, tg.ShapeError, r"no parameter or buffer 9\.weight"),
        (
            {},
            {"strict": True},
            tg.ShapeError,
            r"with strict, 0\.weight, 0\.bias, .*1\.running_mean.* must be given too",
        ),
        ({"0.weight": 3}, {}, tg.DTypeError, r"functional_call: 0\.weight is of type int, expected a tensor"),
        (({"0.bias": tg.ones(4)}, {"0.bias": tg.ones(4)}), {}, tg.ShapeError, r"0\.bias is in several of the dicts"),
        ([3], {}, tg.DTypeError, r"the parameters are of type int, expected a dict by names"),
    ],
)
def test_errors_of_functional_call(given, options, error, text):
    with pytest.raises(error, match=text):
        func.functional_call(net(), given, tg.ones(5, 3), **options)
