"""Sums over windows of images (h, w, c, n) place by place, for the tests of Winograd's."""

import numpy as np


def arrays(size, before, tall=3, images=3, c=2, o=3, after=(1, 1), dtype=np.float64, seed=0, wide=3):
    """Pixels, filters, a bias and a cotangent; after: how far the last windows reach over the last pixels."""
    rng = np.random.default_rng(seed)
    pixels = [max(1, s + k - 1 - b - a) for s, k, b, a in zip(size, (tall, wide), before, after, strict=True)]
    shapes = (*pixels, c, images), (o, c, tall, wide), (o,), (*size, o, images)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def padded(x, size, kernel, before):
    """What the windows read, (h' + kh - 1, w' + kw - 1, c, n)."""
    large = np.zeros((size[0] + 15, size[1] + 15, *x.shape[2:]), x.dtype)
    part = large[before[0] :, before[1] :]
    part[: x.shape[0], : x.shape[1]] = x[: part.shape[0], : part.shape[1]]
    return large[: size[0] + kernel[0] - 1, : size[1] + kernel[1] - 1]


def sums(x, weight, size, before):
    """The windows' sums, place by place."""
    rows = padded(x, size, weight.shape[2:], before)
    return sum(weight[:, :, i, j] @ rows[i : i + size[0], j : j + size[1]] for i, j in np.ndindex(*weight.shape[2:]))


def weight_sums(g, x, tall, before, wide=3):
    """Each weight's gradient, place by place."""
    (h, w), rows = g.shape[:2], padded(x, g.shape[:2], (tall, wide), before)
    result = np.empty((g.shape[2], x.shape[2], tall, wide))
    for i, j in np.ndindex(tall, wide):
        result[:, :, i, j] = np.einsum("hwon,hwcn->oc", g, rows[i : i + h, j : j + w])
    return result
