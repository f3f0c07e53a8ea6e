"""Rows of the operations that change shapes and order axes, and that join tensors."""

import numpy as np

import tensorgrad as tg
from tensorgrad.ops import shape

from .calls import listed
from .row import Row


def permute(x, dims):
    out = np.zeros([x.shape[d] for d in dims])
    for at in np.ndindex(x.shape):
        out[tuple(at[d] for d in dims)] = x[at]
    return out


ROWS: list[Row] = [
    Row(shape.broadcast_to, lambda x, size: x + np.zeros(size), [(3, 1)], {"size": (2, 3, 2)}),
    Row(shape.broadcast_to, lambda x, size: x + np.zeros(size), [()], {"size": [4]}),
    # Shapes
    Row(shape._reshape, lambda x, shape: np.array(x.ravel().tolist()).reshape(shape), [(2, 6)], {"shape": (3, 4)}),
    Row(shape._reshape, lambda x, shape: x.reshape(shape), [()], {"shape": (1, 1)}),
    Row(shape._reshape, lambda x, shape: x.reshape(shape), [(0, 3)], {"shape": (3, 0)}),
    Row(
        shape.reshape,
        lambda x, shape: x.reshape(3, 4),
        [(2, 6)],
        {"shape": (3, -1)},
        call=lambda x, shape: tg.reshape(x, *shape),
    ),
    Row(
        shape.reshape,
        lambda x, shape: x.reshape(3, 4),
        [(2, 6)],
        {"shape": [3, 4]},
        call=lambda x, shape: tg.reshape(x, shape),
    ),
    Row(shape.reshape, lambda x, shape: x.reshape(3, 4), [(2, 6)], {"shape": (3, 4)}),
    Row(shape.t, lambda x: np.einsum("ij->ji", x), [(2, 3)]),
    Row(shape.t, lambda x: x + 0, [(3,)]),
    Row(shape.t, lambda x: x + 0, [()]),
    Row(shape.flatten, lambda x, **_: x.reshape(2, 12), [(2, 3, 4)], {"start_dim": 1}),
    Row(shape.flatten, lambda x: x.reshape(1), [()]),
    Row(shape.flatten, lambda x, **_: x.reshape(6, 4), [(2, 3, 4)], {"start_dim": 0, "end_dim": 1}),
    Row(shape.squeeze, lambda x: x.reshape(2, 3), [(2, 1, 3, 1)]),
    Row(shape.squeeze, lambda x, dim: x.reshape(2, 3, 1), [(2, 1, 3, 1)], {"dim": 1}),
    Row(shape.squeeze, lambda x, dim: x, [(2, 1, 3)], {"dim": (0, -1)}),
    Row(shape.unsqueeze, lambda x, dim: x[:, None], [(2, 3)], {"dim": 1}),
    Row(shape.unsqueeze, lambda x, dim: x[..., None], [(2, 3)], {"dim": -1}),
    Row(shape._permute, permute, [(2, 3, 4)], {"dims": (2, 0, 1)}),
    Row(shape._permute, permute, [(2, 0, 3)], {"dims": (1, 2, 0)}),
    Row(shape._permute, permute, [()], {"dims": ()}),
    Row(shape.permute, permute, [(2, 3, 4)], {"dims": (1, 0, -1)}, call=lambda x, dims: tg.permute(x, *dims)),
    Row(shape.permute, permute, [(2, 3)], {"dims": (1, 0)}, call=lambda x, dims: tg.permute(x, dims)),
    Row(shape.permute, permute, [(2, 3, 4)], {"dims": (1, 2, 0)}),
    Row(shape.transpose, lambda x, dim0, dim1: np.einsum("ijk->kji", x), [(2, 3, 4)], {"dim0": 0, "dim1": -1}),
    Row(shape.transpose, lambda x, dim0, dim1: np.einsum("ijk->ikj", x), [(2, 3, 4)], {"dim0": -1, "dim1": 1}),
    Row(shape.transpose, lambda x, dim0, dim1: x, [()], {"dim0": 0, "dim1": -1}),
    Row(shape._cat, lambda x, dim: x + 0, [(2, 3)], {"dim": 0}),
    Row(shape._cat, lambda x, y, z, dim: np.array([*x, *y, *z]), [(2, 3), (0, 3), (1, 3)], {"dim": 0}),
    Row(
        shape._cat,
        lambda x, y, dim: np.array([[*a, *b] for a, b in zip(x, y, strict=True)]),
        [(2, 3), (2, 2)],
        {"dim": 1},
    ),
    Row(
        shape.cat,
        lambda x, y, dim: np.array([[*a, *b] for a, b in zip(x, y, strict=True)]),
        [(2, 1), (2, 2)],
        {"dim": -1},
        call=listed(shape.cat),
    ),
    Row(shape.cat, lambda x, y: np.array([*x, *y]), [(2, 3), (1, 3)], call=listed(shape.cat)),
    Row(shape.stack, lambda x, y, dim: np.array([x, y]), [(2, 3), (2, 3)], {"dim": 0}, call=listed(shape.stack)),
    Row(shape.stack, lambda x, y, dim: np.array([x.T, y.T]).T, [(2, 3), (2, 3)], {"dim": -1}, call=listed(shape.stack)),
    Row(shape.stack, lambda x, y, dim: np.array([x, y]), [(), ()], {"dim": 0}, call=listed(shape.stack)),
]
