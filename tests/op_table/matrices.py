"""Rows of products of vectors and matrices. References are loops over the elements, and NumPy's functions."""

import numpy as np

import tensorgrad as tg
from tensorgrad.ops import added_products, inverse, products, vector_products

from .row import Row

KINKS: dict[str, str] = {}


def product(x, y):
    """Of matrices, (n, k) and (k, m), or stacks of them, by loops."""
    if x.ndim == 3:
        return np.array([product(a, b) for a, b in zip(x, y, strict=True)]).reshape(len(x), x.shape[1], y.shape[2])
    return np.array([[sum(a * b for a, b in zip(row, y[:, m], strict=True)) for m in range(y.shape[1])] for row in x])


def outer(x, y):
    return np.array([[a * b for b in y] for a in x]).reshape(len(x), len(y))


def shaped(result, *shape):
    return np.asarray(result, np.float64).reshape(shape)


ROWS = [
    Row(products.mm, lambda x, y: shaped(product(x, y), len(x), y.shape[1]), shapes)
    for shapes in [[(2, 3), (3, 4)], [(1, 3), (3, 1)], [(0, 3), (3, 2)], [(2, 0), (0, 3)]]
]
ROWS += [Row(products.bmm, product, shapes) for shapes in [[(2, 2, 3), (2, 3, 4)], [(1, 1, 3), (1, 3, 2)]]]
ROWS += [Row(products.bmm, lambda x, y: np.zeros((0, 2, 4)), [(0, 2, 3), (0, 3, 4)])]
ROWS += [Row(products.mv, lambda x, y: product(x, y[:, None])[:, 0], [(2, 3), (3,)])]
ROWS += [
    Row(op, lambda x, y: shaped(sum(x * y)), [(n,), (n,)]) for op in (products.dot, products.vdot) for n in (4, 1, 0)
]
ROWS += [
    Row(products.inner, reference, shapes)
    for reference, shapes in [
        (lambda x, y: shaped(sum(x * y)), [(3,), (3,)]),
        (lambda x, y: product(x, y.T), [(2, 3), (4, 3)]),
        (lambda x, y: product(x.reshape(-1, 3), y[:, None])[:, 0].reshape(2, 2), [(2, 2, 3), (3,)]),
        (lambda x, y: x * y, [(), (2, 3)]),
        (lambda x, y: x * y, [(2,), ()]),
    ]
]
ROWS += [Row(products.outer, outer, shapes) for shapes in [[(3,), (2,)], [(1,), (4,)], [(0,), (2,)]]]
ROWS += [
    Row(products.kron, np.kron, shapes)
    for shapes in [[(2, 3), (2, 2)], [(2,), (3, 2)], [(2, 1, 2), (3,)], [(), (2, 2)], [(0, 2), (2, 2)]]
]
ROWS += [
    Row(products.trace, lambda x: shaped(sum(x[i, i] for i in range(min(x.shape)))), [shape])
    for shape in [(3, 3), (2, 4), (3, 2), (0, 2)]
]

# tensordot
ROWS += [
    Row(products.tensordot, lambda a, b, dims: np.tensordot(a, b, dims), shapes, {"dims": dims})
    for shapes, dims in [
        ([(2, 3, 2), (3, 2, 4)], 2),
        ([(2, 3), (3, 4)], 1),
        ([(2, 3), (2,)], 0),
        ([(2, 3, 4), (4, 2, 3)], ((2, 0), (0, 1))),
        ([(2, 3), (3, 2)], ((-1,), (-2,))),
        ([(3,), (3,)], 1),
        ([(2, 0), (0, 3)], 1),
    ]
]
ROWS += [
    Row(products.tensordot, lambda a, b, dims: product(a, np.tile(b, (3, 1))), [(2, 3), (1, 4)], {"dims": ((1,), (0,))})
]
ROWS += [
    Row(
        products.multi_dot,
        lambda *xs: np.linalg.multi_dot(xs),
        shapes,
        call=lambda *xs: products.multi_dot(xs),
    )
    for shapes in [
        [(2, 3), (3, 4)],
        [(2, 3), (3, 4), (4, 1)],
        [(3,), (3, 2), (2, 3), (3,)],
        [(4, 2), (2, 5), (5, 1), (1, 3)],
    ]
]


# Vectors of three elements
def vector_product(x, y, dim=None):
    return np.cross(x, y, axis=x.shape.index(3) if dim is None else dim)


def dots(x, y, dim=-1):
    return np.asarray(np.sum(x * y, dim))


ROWS += [
    Row(products.cross, vector_product, shapes, params)
    for shapes, params in [
        ([(2, 3), (2, 3)], {}),
        ([(3, 3), (3, 3)], {}),
        ([(3, 2), (3, 1)], {"dim": 0}),
        ([(2, 3, 2), (2, 3, 2)], {"dim": -2}),
        ([(0, 3), (0, 3)], {"dim": 1}),
    ]
]
ROWS += [
    Row(vector_products._cross, vector_product, shapes, {"dim": dim})
    for shapes, dim in [([(2, 3), (2, 3)], 1), ([(3, 2), (3, 1)], 0), ([(1, 3), (2, 3)], 1)]
]
ROWS += [
    Row(vector_products.cross, lambda x, y, dim=-1: vector_product(x, y, dim), shapes, params)
    for shapes, params in [([(2, 3), (1, 3)], {}), ([(3, 2), (3, 2)], {"dim": 0})]
]
ROWS += [
    Row(vector_products.vecdot, dots, shapes, params)
    for shapes, params in [
        ([(2, 3), (2, 3)], {}),
        ([(3,), (2, 3)], {}),
        ([(2, 3), (2, 1)], {"dim": 0}),
        ([(2, 1, 3), (4, 3)], {"dim": -2}),
        ([(1,), (3,)], {"dim": 0}),
    ]
]

# Sums with products
SCALED = {"beta": 0.5, "alpha": -2.0}
for op, reference, cases in [
    (added_products.addmm, product, [[(2, 4), (2, 3), (3, 4)], [(4,), (2, 3), (3, 4)], [(), (2, 3), (3, 4)]]),
    (added_products.addmv, lambda m, v: product(m, v[:, None])[:, 0], [[(2,), (2, 3), (3,)], [(1,), (2, 3), (3,)]]),
    (added_products.addr, outer, [[(2, 3), (2,), (3,)], [(3,), (2,), (3,)]]),
    (added_products.baddbmm, product, [[(2, 2, 4), (2, 2, 3), (2, 3, 4)], [(2, 1), (2, 2, 3), (2, 3, 4)]]),
    (
        added_products.addbmm,
        lambda x, y: product(x, y).sum(0),
        [[(2, 4), (2, 2, 3), (2, 3, 4)], [(1, 4), (2, 2, 3), (2, 3, 4)]],
    ),
]:

    def added(x, first, second, beta=1, alpha=1, reference=reference):
        return beta * x + alpha * reference(first, second)

    ROWS += [Row(op, added, shapes, params) for shapes in cases for params in ({}, SCALED)]
    ROWS += [Row(op, added, cases[0], {"beta": 0}), Row(op, added, cases[0], {"alpha": 0})]


# Powers
def power(x, n):
    base = np.linalg.inv(x) if n < 0 else x
    out = np.broadcast_to(np.eye(x.shape[-1]), x.shape)
    for _ in range(abs(n)):
        out = np.einsum("...ij,...jk", out, base)
    return out


def shifted(x):
    """With 3 added on the diagonal."""
    return x + 3 * np.eye(x.shape[-1], dtype=x.dtype)


ROWS += [Row(inverse.matrix_power, power, [(3, 3)], {"n": n}) for n in (0, 1, 2, 5)]
ROWS += [Row(inverse.matrix_power, power, [(2, 2, 2)], {"n": 3})]
ROWS += [
    Row(
        inverse.matrix_power,
        lambda x, n: power(shifted(x), n),
        [(2, 2, 2)],
        {"n": n},
        domain=(-0.9, 1.1),
        call=lambda x, n: inverse.matrix_power(shifted(x), n),
        half=False,
    )
    for n in (-1, -2)
]
assert tg.linalg.matrix_power is inverse.matrix_power
