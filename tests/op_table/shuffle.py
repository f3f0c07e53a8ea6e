"""Rows of what moves channels and pixels, of unpooling, and of three layers: power pooling, local norm, bilinear."""

import math

import numpy as np

from tensorgrad.ops import bilinear, local_norm, power_pool, shuffle, unpool

from .row import PLAIN, Row

KINKS = {
    **{f"max_unpool{n}d": "of values for one place the last stands, and takes the whole gradient" for n in (1, 2, 3)},
    **{f"lp_pool{n}d": "the slope where the sum of the powers is 0 is 0" for n in (1, 2, 3)},
}


def pixel_shuffle(x, upscale_factor):
    r, (*lead, c, h, w) = upscale_factor, x.shape
    out = np.zeros((*lead, c // r**2, h * r, w * r), x.dtype)
    for k in range(c):
        for i in range(h):
            for j in range(w):
                out[..., k // r**2, i * r + k % r**2 // r, j * r + k % r] = x[..., k, i, j]
    return out


def pixel_unshuffle(x, downscale_factor):
    r, (*lead, c, h, w) = downscale_factor, x.shape
    out = np.zeros((*lead, c * r**2, h // r, w // r), x.dtype)
    for k in range(c * r**2):
        out[..., k, :, :] = x[..., k // r**2, k % r**2 // r :: r, k % r :: r]
    return out


def channel_shuffle(x, groups):
    size = x.shape[1] // groups
    return x[:, [group * size + i for i in range(size) for group in range(groups)]]


def max_unpool(x, indices, kernel_size, stride=None, padding=0, output_size=None):
    """For the rows, whose windows, strides and paddings are the same along all axes."""
    rank = len(ROW_SIZES[x.ndim, x.shape[-1]])
    size = ROW_SIZES[x.ndim, x.shape[-1]] if output_size is None else output_size[-rank:]
    lead = x.shape[:-rank]
    out = np.zeros((*lead, math.prod(size)), x.dtype)
    for at in np.ndindex(*lead):
        for value, place in zip(x[at].ravel(), indices[at].ravel(), strict=True):
            out[(*at, place)] = value
    return out.reshape(*lead, *size)


# {(number of axes, last size) of the values: the size of the images they came from}
ROW_SIZES = {
    (3, 3): (6,),
    (3, 4): (7,),
    (2, 3): (6,),
    (4, 2): (4, 4),
    (4, 3): (5, 5),
    (3, 2): (4, 4),
    (5, 2): (4, 4, 4),
}


def places(*shape, size, seed=0):
    """Different places of one image for all values of a channel."""
    rng = np.random.default_rng(seed)
    lead, count = shape[:2], math.prod(shape[2:])
    drawn = [rng.permutation(size)[:count] for _ in range(math.prod(lead))]
    return np.array(drawn, np.int64).reshape(shape)


def lp_pool(x, norm_type, kernel_size, stride=None, ceil_mode=False):
    """(mean of the powers in the image, times the full window's size)^(1/p), window by window."""
    rank = x.ndim - 2
    window = kernel_size if isinstance(kernel_size, tuple) else (kernel_size,) * rank
    step = window if stride is None else stride if isinstance(stride, tuple) else (stride,) * rank
    round_up = math.ceil if ceil_mode else math.floor
    size = [round_up((n - k) / s) + 1 for n, k, s in zip(x.shape[2:], window, step, strict=True)]
    size = [o - ((o - 1) * s >= n) for o, n, s in zip(size, x.shape[2:], step, strict=True)]  # windows begin inside
    out = np.zeros((*x.shape[:2], *size))
    for at in np.ndindex(*size):
        part = x[(..., *(slice(i * s, i * s + k) for i, s, k in zip(at, step, window, strict=True)))]
        part = part.reshape(*x.shape[:2], math.prod(part.shape[2:]))
        if math.isinf(norm_type):
            out[(..., *at)] = abs(part).max(-1) if norm_type > 0 else abs(part).min(-1)
        else:
            out[(..., *at)] = ((part**norm_type).mean(-1) * math.prod(window)) ** (1 / norm_type)
    return out


def local_response_norm(x, size, alpha=1e-4, beta=0.75, k=1.0):
    out = np.zeros_like(x)
    for c in range(x.shape[1]):
        first = c - size // 2
        near = x[:, max(first, 0) : max(first + size, 0)]
        out[:, c] = x[:, c] / (k + alpha * (near**2).sum(1) / size) ** beta
    return out


def bilinear_sum(x, y, w, b=0.0):
    return np.einsum("...i,oij,...j->...o", x, w, y) + b


ABOVE = (0.3, 2.4)
LINE, IMAGE, VOLUME = (2, 2, 7), (2, 2, 5, 6), (1, 2, 4, 4, 4)

ROWS = [
    *[
        Row(shuffle.pixel_shuffle, pixel_shuffle, [shape], {"upscale_factor": r})
        for shape, r in [((2, 8, 3, 2), 2), ((9, 2, 1), 3), ((2, 1, 4, 1, 2), 2), ((0, 4, 2, 2), 1)]
    ],
    *[
        Row(shuffle.pixel_unshuffle, pixel_unshuffle, [shape], {"downscale_factor": r})
        for shape, r in [((2, 2, 4, 6), 2), ((1, 3, 6), 3), ((2, 1, 2, 2, 4), 2), ((0, 4, 2, 2), 1)]
    ],
    *[
        Row(shuffle.channel_shuffle, channel_shuffle, [shape], {"groups": groups})
        for shape, groups in [((2, 6, 2, 3), 2), ((2, 6, 4), 3), ((0, 4, 1), 2), ((1, 3, 2), 1)]
    ],
    *[
        Row(op, max_unpool, [shape, places(*(shape if batch else (1, *shape)), size=size).reshape(shape)], params)
        for op, shape, batch, size, params in [
            (unpool.max_unpool1d, (2, 2, 3), True, 6, {"kernel_size": 2}),
            (unpool.max_unpool1d, (2, 3), False, 6, {"kernel_size": 2, "stride": 2}),
            (unpool.max_unpool1d, (1, 2, 4), True, 7, {"kernel_size": 3, "stride": 2, "padding": 1}),
            (unpool.max_unpool1d, (2, 2, 3), True, 7, {"kernel_size": 2, "output_size": (7,)}),
            (unpool.max_unpool2d, (2, 3, 2, 2), True, 16, {"kernel_size": 2}),
            (unpool.max_unpool2d, (3, 2, 2), False, 16, {"kernel_size": (2, 2), "stride": 2}),
            (unpool.max_unpool2d, (1, 2, 3, 3), True, 25, {"kernel_size": 3, "stride": 2, "padding": 1}),
            (unpool.max_unpool2d, (2, 1, 2, 2), True, 20, {"kernel_size": 2, "output_size": (2, 1, 4, 5)}),
            (unpool.max_unpool2d, (0, 1, 2, 2), True, 16, {"kernel_size": 2}),
            (unpool.max_unpool3d, (1, 2, 2, 2, 2), True, 64, {"kernel_size": 2}),
            (unpool.max_unpool3d, (1, 1, 2, 2, 2), True, 64, {"kernel_size": 4, "stride": 2, "padding": 1}),
            (unpool.max_unpool3d, (1, 1, 2, 2, 2), True, 80, {"kernel_size": 2, "output_size": (4, 5, 4)}),
        ]
    ],
    *[
        Row(op, lp_pool, [shape], params, domain=ABOVE)
        for op, shape, windows in [
            (power_pool.lp_pool1d, LINE, [{"kernel_size": 3, "stride": 2}, {"kernel_size": 2, "ceil_mode": True}]),
            (
                power_pool.lp_pool2d,
                IMAGE,
                [{"kernel_size": (2, 3)}, {"kernel_size": 2, "stride": 3, "ceil_mode": True}],
            ),
            (power_pool.lp_pool3d, VOLUME, [{"kernel_size": 2}, {"kernel_size": 3, "stride": 2, "ceil_mode": True}]),
        ]
        for number, window in enumerate(windows)
        for params in [{"norm_type": p, **window} for p in ([2, 2.5, math.inf], [3, 1, -math.inf, -1.0])[number]]
    ],
    Row(power_pool.lp_pool2d, lp_pool, [IMAGE], {"norm_type": 2, "kernel_size": 2}, domain=PLAIN),
    Row(power_pool.lp_pool1d, lp_pool, [(0, 2, 4)], {"norm_type": 2, "kernel_size": 2}),
    *[
        Row(local_norm.local_response_norm, local_response_norm, [shape], params)
        for shape, params in [
            ((2, 5, 3), {"size": 3}),
            ((2, 5, 2, 2), {"size": 2, "alpha": 0.3, "beta": 0.6, "k": 1.3}),
            ((1, 3, 1, 2, 2), {"size": 4, "alpha": 1.1, "beta": 0.5}),
            ((2, 3, 2), {"size": 7, "alpha": 1.1, "k": 0.7}),
            ((2, 0, 2), {"size": 2}),
        ]
    ],
    *[
        Row(bilinear.bilinear, bilinear_sum, inputs)
        for inputs in [
            [(5, 2), (5, 3), (4, 2, 3)],
            [(2,), (3,), (4, 2, 3), (4,)],
            [(2, 3, 2), (2, 3, 1), (2, 2, 1), (2,)],
            [(0, 2), (0, 3), (4, 2, 3), (4,)],
        ]
    ],
]
