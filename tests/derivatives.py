"""What the tests of operations share: leaves, gradients, derivatives, exact comparison."""

import numpy as np

import tensorgrad as tg

INF, NAN = np.inf, np.nan


def leaf(data, dtype=np.float64):
    """A tensor that requires a gradient."""
    return tg.tensor(np.asarray(data, dtype), requires_grad=True)


def slopes(function, data):
    """The value of a function of one tensor, and the gradient of the value's sum."""
    x = leaf(data)
    out = function(x)
    out.sum().backward()
    return out.data, x.grad.data


def derivatives(function, x, orders):
    """The value and the derivatives of a function of one tensor, element by element."""
    found = [function(x)]
    for _ in range(orders):
        found.append(tg.grad(found[-1], x, tg.ones_like(x), create_graph=True)[0])
    return [f.detach().data for f in found]


def gradients(function, *values, dtype=np.float64):
    """The gradients of the sum of a function's result, with respect to each of its values."""
    leaves = [leaf(v, dtype) for v in values]
    out = function(*leaves)
    return [g.data for g in tg.grad(out, leaves, tg.ones_like(out))]


def equal(got, expected):
    """The same values, nan at the same places."""
    np.testing.assert_array_equal(got, np.asarray(expected))
